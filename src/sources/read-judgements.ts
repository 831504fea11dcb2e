import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { PaperkinError, show } from '../errors.ts'
import { isRecord } from './field-values.ts'

/** Relevance judgements: query → paper → grade. */
export type JudgementTable = ReadonlyMap<string, ReadonlyMap<string, number>>

/**
 * Reads relevance judgements, gzipped or not. Each line is `query paper grade`, or TREC's `query 0 paper grade`, separated
 * by tabs or spaces, with or without a header (as in BEIR). Pools are JSON: CSFCube's
 * (`{ query: { cands, relevance_adju } }`), or SciRepEval's, one per line (`{ query, candidates: [{ doc_id, score }] }`).
 * A judgement that occurs twice must have the same grade.
 * @throws PaperkinError `unreadable-source`, naming the bad line
 */
export async function readJudgements(path: string): Promise<JudgementTable> {
  const judgements = new Map<string, Map<string, number>>()
  const lines = await linesOf(path)
  if (lines[0]?.text.trimStart().startsWith('{')) return pools(path, lines)
  for (const { line, text } of lines) {
    const fields = text.includes('\t') ? text.split('\t').map((field) => field.trim()) : text.trim().split(/\s+/u)
    const query = fields[0]
    const [paper, grade] = fields.length === 4 ? fields.slice(2) : fields.slice(1)
    const value = Number(grade)
    if ((fields.length !== 3 && fields.length !== 4) || !query || !paper || !grade || !Number.isFinite(value)) {
      // A header has a name in place of the grade.
      if (line === 1 && fields.length > 2 && Number.isNaN(value)) continue
      throw wrongLine(path, line, 'a query, a paper and a grade', text)
    }
    const known = judgements.get(query) ?? new Map<string, number>()
    if ((known.get(paper) ?? value) !== value)
      throw wrongLine(path, line, `the grade ${known.get(paper)} again, as in an earlier line`, text)
    judgements.set(query, known.set(paper, value))
  }
  return judgements
}

/** Judgements of pools: one JSON object with all queries, or one object per query and line. */
function pools(path: string, lines: readonly { readonly line: number; readonly text: string }[]): JudgementTable {
  const whole = parsedJson(lines.map(({ text }) => text).join('\n'))
  const judgements = new Map<string, Map<string, number>>()
  const judge = (query: unknown, paper: unknown, grade: unknown, line: number) => {
    const value = Number(grade)
    if (query == null || paper == null || grade == null || !Number.isFinite(value))
      throw wrongLine(path, line, 'a query, a paper and a grade', JSON.stringify([query, paper, grade]))
    const known = judgements.get(String(query)) ?? new Map<string, number>()
    judgements.set(String(query), known.set(String(paper), value))
  }
  const idOf = (item: unknown) =>
    isRecord(item) ? (item.doc_id ?? item.corpus_id ?? item.paper_id ?? item.paperId ?? item.id ?? item._id) : item
  const pool = (value: unknown, line: number) => {
    if (!isRecord(value) || !Array.isArray(value.candidates))
      throw wrongLine(path, line, 'a query and its candidates', JSON.stringify(value) ?? '')
    const query = idOf(value.query) ?? value.query_id ?? value.doc_id
    for (const candidate of value.candidates)
      judge(query, idOf(candidate), isRecord(candidate) ? (candidate.score ?? candidate.relevance) : undefined, line)
  }
  if (isRecord(whole) && !('candidates' in whole)) {
    for (const [query, value] of Object.entries(whole)) {
      const { cands, relevance_adju: grades } = isRecord(value) ? value : {}
      if (!Array.isArray(cands) || !Array.isArray(grades) || cands.length !== grades.length)
        throw wrongLine(
          path,
          1,
          `equally many candidates and grades for ${query}`,
          JSON.stringify(value)?.slice(0, 80) ?? '',
        )
      for (const [i, paper] of cands.entries()) judge(query, paper, grades[i], 1)
    }
  } else if (isRecord(whole)) pool(whole, 1)
  else for (const { line, text } of lines) pool(parsedJson(text), line)
  return judgements
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Told with its line by the caller.
    return undefined
  }
}

/**
 * Reads a run in TREC's format, gzipped or not: `query Q0 paper rank score name` on each line.
 * @throws PaperkinError `unreadable-source`, naming the bad line; also if a paper occurs twice for a query
 */
export async function readRun(path: string): Promise<JudgementTable> {
  const run = new Map<string, Map<string, number>>()
  for (const { line, text } of await linesOf(path)) {
    const [query, , paper, , score, ...names] = text.trim().split(/\s+/u)
    const value = Number(score)
    if (!query || !paper || !score || !Number.isFinite(value) || names.length > 1)
      throw wrongLine(path, line, 'a query, Q0, a paper, a rank, a score and a name', text)
    const found = run.get(query) ?? new Map<string, number>()
    if (found.has(paper)) throw wrongLine(path, line, `${paper} only once for the query ${query}`, text)
    run.set(query, found.set(paper, value))
  }
  return run
}

/**
 * Reads questions, gzipped or not. Each line is a JSON object with `id` (or `_id`) and `text` (or `query`), or an id, a tab
 * and the text.
 * @throws PaperkinError `unreadable-source`, naming the bad line
 */
export async function readQuestions(path: string): Promise<ReadonlyMap<string, string>> {
  const questions = new Map<string, string>()
  for (const { line, text } of await linesOf(path)) {
    const [id, question] = text.startsWith('{') ? fieldsOf(text) : splitOnce(text)
    if (!id || !question) throw wrongLine(path, line, 'an id and a text', text)
    questions.set(id, question)
  }
  return questions
}

function fieldsOf(json: string): readonly [string, string] {
  try {
    const { id, _id, text, query } = JSON.parse(json) as Record<string, unknown>
    const [name, question] = [id ?? _id, text ?? query]
    const isNamed = typeof name === 'string' || typeof name === 'number'
    return [isNamed ? String(name) : '', typeof question === 'string' ? question.trim() : '']
  } catch {
    // Told with its line by the caller.
    return ['', '']
  }
}

function splitOnce(text: string): readonly [string, string] {
  const tab = text.indexOf('\t')
  return tab < 0 ? ['', ''] : [text.slice(0, tab).trim(), text.slice(tab + 1).trim()]
}

async function linesOf(path: string): Promise<{ readonly line: number; readonly text: string }[]> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes)
  } catch (cause) {
    throw new PaperkinError('unreadable-source', `Expected a file of judgements or questions at ${path}: ${cause}.`, {
      cause,
    })
  }
  return bytes
    .toString()
    .replace(/^\ufeff/u, '')
    .split(/\r?\n/u)
    .map((text, i) => ({ line: i + 1, text }))
    .filter(({ text }) => text.trim() !== '')
}

function wrongLine(path: string, line: number, expected: string, text: string): PaperkinError {
  return new PaperkinError(
    'unreadable-source',
    `Expected line ${line} of ${path} to hold ${expected}, got ${show(text)}.`,
  )
}
