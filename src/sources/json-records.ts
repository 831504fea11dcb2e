import { PaperkinError } from '../errors.ts'

/** A record with the words that name its place in the file. */
export interface PlacedRecord {
  readonly record: unknown
  /** `Line 12` or `Record 3`. */
  readonly place: string
}

const aliases: Readonly<Record<string, string>> = {
  summary: 'abstract',
  link: 'url',
  date: 'published',
  subjects: 'categories',
}

/** Gives a record the field names of a paper where it uses others of the usual ones; its own fields win. */
function renamed(record: unknown): unknown {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return record
  const fields: Record<string, unknown> = { ...record }
  for (const [alias, name] of Object.entries(aliases))
    if (fields[name] === undefined && alias in fields) fields[name] = fields[alias]
  return fields
}

/** True where a text can only be meant as JSON or as JSON lines. */
export function looksLikeJson(text: string): boolean {
  return /^\s*(?:\{\s*["}\n\r]|\[\s*(?:[{[\]]|$))/u.test(text.slice(0, 2000))
}

/**
 * Reads a JSON array of records, an object that holds one under `papers`, a single record, or JSON lines.
 * @throws PaperkinError `unreadable-source` that names the line where the JSON breaks off.
 */
export function readJsonRecords(text: string, name: string): PlacedRecord[] {
  const lines = text.split('\n')
  const filled = lines.flatMap((line, i) => (line.trim() === '' ? [] : [i]))
  if (filled.length > 1 && filled.slice(0, 2).every((i) => /^\s*\{.*\}\s*$/u.test(lines[i] as string)))
    return filled.map((i) => ({ record: renamed(parse(lines[i] as string, name, i)), place: `Line ${i + 1}` }))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // Lines of which an early one is cut: more than one begins a record of its own.
    if (
      filled.length > 1 &&
      text.trimStart().startsWith('{') &&
      filled.filter((i) => /^\{\s*"/u.test(lines[i] as string)).length > filled.length / 2
    )
      return filled.map((i) => ({ record: renamed(parse(lines[i] as string, name, i)), place: `Line ${i + 1}` }))
    throw broken(cause, name, lineOf(text, cause))
  }
  if (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Array.isArray((value as { papers?: unknown }).papers)
  )
    value = (value as { papers: unknown[] }).papers
  return (Array.isArray(value) ? value : [value]).map((record, i) => ({
    record: renamed(record),
    place: `Record ${i + 1}`,
  }))
}

function parse(line: string, name: string, index: number): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw broken(cause, name, index + 1)
  }
}

/** The line on which a text stops being JSON: where the parser names no position, the first that no longer parses. */
function lineOf(text: string, cause: unknown): number {
  const position = /position (\d+)/u.exec(String((cause as Error).message))?.[1]
  if (position !== undefined) return text.slice(0, Number(position)).split('\n').length
  const snippet = /token .+?, \.*"([\s\S]*?)"\.* is not valid JSON/u.exec(String((cause as Error).message))?.[1]
  const place = snippet === undefined ? -1 : text.indexOf(snippet)
  if (snippet === undefined || place < 0) return text.trimEnd().split('\n').length
  return text.slice(0, place + Math.floor(snippet.length / 2)).split('\n').length
}

function broken(cause: unknown, name: string, line: number): PaperkinError {
  return new PaperkinError(
    'unreadable-source',
    `Line ${line} of ${name} is not valid JSON: the file may be cut off or damaged there; mend that line or save the file again.`,
    { cause, issues: [{ message: String((cause as Error).message), path: [line] }] },
  )
}
