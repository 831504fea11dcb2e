// CSV and TSV: columns are guessed by their names, or named by the caller.
import { Readable } from 'node:stream'
import { type CsvError, type Info, parse } from 'csv-parse'
import { PaperkinError } from '../errors.ts'
import { guessFields, type PaperField, paperFields, plainFields } from './plain-record.ts'
import { MOST_CHARACTERS, type Reading } from './reading.ts'

/** Which column holds which field: its name, or its number from 1. */
export type Columns = { readonly [Field in PaperField]?: string | number }

const marks = ['\t', ',', ';', '|'] as const

/** The mark between the cells of a first line that names a title or an abstract; undefined where it is no such line. */
export function delimiterOf(head: string, columns?: Columns): string | undefined {
  const first = head.replace(/^(?:[ \t]*\r?\n)+/u, '').split(/\r?\n/u, 1)[0] ?? ''
  const cells = (mark: string) => unquoted(first).split(mark).length
  const best = marks.reduce((best, mark) => (cells(mark) > cells(best) ? mark : best))
  if (columns !== undefined) return cells(best) > 1 ? best : ','
  if (cells(best) < 2) return undefined
  const names = first.split(best).map((cell) => cell.trim().replace(/^"|"$/gu, ''))
  const found = guessFields(names)
  const isHeader = names.every((name) => name.length <= 60) && (found.has('title') || found.has('abstract'))
  return isHeader ? best : undefined
}

const unquoted = (line: string) => line.replace(/"[^"]*"/gu, '')

/**
 * Reads rows under a line of names.
 * @throws PaperkinError `invalid-argument` where `columns` names a column that is not there
 */
export async function* readDelimited(
  chunks: AsyncIterable<string>,
  { head, columns }: { readonly head: string; readonly columns?: Columns | undefined },
): AsyncGenerator<Reading> {
  const delimiter = delimiterOf(head, columns) ?? ','
  const isNumbered = columns !== undefined && Object.values(columns).every((column) => typeof column === 'number')
  const skipped: Reading[] = []
  const parser = parse({
    delimiter,
    // Tabs part cells well enough: there a quote is a character like others.
    ...(delimiter === '\t' && !/(?:^|\t)"[^\t]*"(?:\t|$)/mu.test(head) ? { quote: null } : {}),
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MOST_CHARACTERS,
  })
  parser.on('skip', (error: CsvError | undefined) => {
    skipped.push({
      problem: `is no row that can be read (${reason(error)})`,
      place: { line: Number(error?.lines ?? 1) },
    })
  })
  const source = Readable.from(chunks)
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let names: readonly string[] | undefined
  let fields: ReadonlyMap<PaperField, string> = new Map()
  let number = 0
  let nextLine = 1
  try {
    for await (const row of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      yield* skipped.splice(0)
      const line = nextLine
      nextLine = row.info.lines + 1
      if (names === undefined) {
        names = isNumbered ? row.record.map((_, i) => String(i + 1)) : row.record.map((name) => name.trim())
        fields = columns === undefined ? guessFields(names) : namedFields(columns, names)
        if (!isNumbered) continue
      }
      const place = { record: ++number, line }
      if (row.record.length > names.length && row.record.slice(names.length).some((cell) => cell.trim() !== '')) {
        yield {
          problem: `has ${row.record.length} cells where the first line has ${names.length}: a cell with ${delimiter === '\t' ? 'tabs' : `\`${delimiter}\``} in it needs quotes`,
          place,
        }
        continue
      }
      const record: Record<string, string> = {}
      names.forEach((name, i) => {
        const cell = row.record[i]
        if (name !== '' && cell !== undefined && cell.trim() !== '') record[name] = cell
      })
      yield { record: plainFields(record, fields), place }
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_'))) throw error
    yield { problem: `cannot be read on (${reason(error)}): a quote may be open`, place: { line: nextLine } }
  } finally {
    source.destroy()
  }
  yield* skipped.splice(0)
}

function reason(error: Error | undefined): string {
  return (
    (error?.message ?? 'for no known reason')
      .split(/[\r\n]/u)[0]
      ?.replace(/[.:]\s*$/u, '')
      .slice(0, 120) ?? ''
  )
}

function namedFields(columns: Columns, names: readonly string[]): Map<PaperField, string> {
  const found = new Map<PaperField, string>()
  for (const field of paperFields) {
    const column = columns[field]
    if (column === undefined) continue
    const name =
      typeof column === 'number' ? names[column - 1] : names.find((name) => name.toLowerCase() === column.toLowerCase())
    if (name === undefined || name === '')
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`columns.${field}\` to be a column, got ${JSON.stringify(column)}: the columns are ${names.map((name) => JSON.stringify(name)).join(', ')}.`,
      )
    found.set(field, name)
  }
  return found
}
