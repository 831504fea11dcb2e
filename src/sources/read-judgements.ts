import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { PaperkinError, show } from '../errors.ts'

/** Relevance judgements: query → paper → grade. */
export type JudgementTable = ReadonlyMap<string, ReadonlyMap<string, number>>

/**
 * Reads relevance judgements, gzipped or not: `query paper grade` a line, or TREC's `query 0 paper grade`, parted by tabs
 * or spaces, with or without a header. A judgement that comes twice must say the same.
 * @throws PaperkinError `unreadable-source` with the line that is wrong
 */
export async function readJudgements(path: string): Promise<JudgementTable> {
  const judgements = new Map<string, Map<string, number>>()
  for (const { line, text } of await linesOf(path)) {
    const fields = text.includes('\t') ? text.split('\t').map((field) => field.trim()) : text.trim().split(/\s+/u)
    const query = fields[0]
    const [paper, grade] = fields.length === 4 ? fields.slice(2) : fields.slice(1)
    const value = Number(grade)
    if ((fields.length !== 3 && fields.length !== 4) || !query || !paper || !grade || !Number.isFinite(value)) {
      // A header names its columns where a number should be.
      if (line === 1 && fields.length > 2 && Number.isNaN(value)) continue
      throw wrongLine(path, line, 'a query, a paper and a grade', text)
    }
    const known = judgements.get(query) ?? new Map<string, number>()
    if ((known.get(paper) ?? value) !== value)
      throw wrongLine(path, line, `the grade ${known.get(paper)} that was given before`, text)
    judgements.set(query, known.set(paper, value))
  }
  return judgements
}

/**
 * Reads questions, gzipped or not: a JSON object with `id` (or `_id`) and `text` a line, or an id, a tab and the text.
 * @throws PaperkinError `unreadable-source` with the line that is wrong
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
