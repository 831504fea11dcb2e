// CSV and TSV: columns are guessed from their names, or named by the caller.
import { Readable } from 'node:stream'
import { type CsvError, type Info, parse } from 'csv-parse'
import { PaperkinError } from '../errors.ts'
import { guessFields, type PaperField, paperFields, plainFields } from './plain-record.ts'
import { mostCharacters, type Reading } from './reading.ts'

/** The column of each field: its name, or its number from 1. */
export type Columns = { readonly [Field in PaperField]?: string | number }

const marks = ['\t', ',', ';', '|'] as const

/** Tables exported by indexes, recognised by a unique pair of columns, with the column of each field. */
const tables: readonly {
  readonly name: string
  readonly has: readonly string[]
  readonly columns: { readonly [Field in PaperField]?: string }
}[] = [
  {
    name: 'Web of Science',
    has: ['TI', 'UT'],
    columns: {
      id: 'UT',
      title: 'TI',
      abstract: 'AB',
      authors: 'AF',
      categories: 'DE',
      published: 'PY',
      doi: 'DI',
      journal: 'SO',
    },
  },
  {
    name: 'Web of Science',
    has: ['Article Title', 'UT (Unique WOS ID)'],
    columns: {
      id: 'UT (Unique WOS ID)',
      title: 'Article Title',
      abstract: 'Abstract',
      authors: 'Author Full Names',
      categories: 'Author Keywords',
      published: 'Publication Year',
      doi: 'DOI',
      journal: 'Source Title',
    },
  },
  {
    name: 'Scopus',
    has: ['Title', 'EID'],
    columns: {
      id: 'EID',
      title: 'Title',
      abstract: 'Abstract',
      authors: 'Author full names',
      categories: 'Author Keywords',
      published: 'Year',
      url: 'Link',
      doi: 'DOI',
      journal: 'Source title',
    },
  },
  {
    name: 'IEEE Xplore',
    has: ['Document Title', 'Date Added To Xplore'],
    columns: {
      title: 'Document Title',
      abstract: 'Abstract',
      authors: 'Authors',
      categories: 'Author Keywords',
      published: 'Publication Year',
      url: 'PDF Link',
      doi: 'DOI',
      journal: 'Publication Title',
    },
  },
]

function tableOf(names: readonly string[]) {
  const found = tables.find(({ has }) => has.every((name) => names.includes(name)))
  if (found === undefined) return undefined
  const columns = new Map<PaperField, string>()
  for (const [field, name] of Object.entries(found.columns) as [PaperField, string][])
    if (names.includes(name)) columns.set(field, name)
  if (!columns.has('authors')) {
    const authors = ['Authors', 'Author(s)', 'AU'].find((name) => names.includes(name))
    if (authors !== undefined) columns.set('authors', authors)
  }
  return { name: found.name, columns }
}

/** Offset of the header line and its delimiter; undefined if the first lines contain no header. */
export function headerOf(
  head: string,
  columns?: Columns,
): { readonly at: number; readonly delimiter: string } | undefined {
  let at = 0
  let number = 0
  for (const line of head.slice(0, 20_000).split('\n')) {
    const said = /^\s*"?sep=(.)"?\s*$/iu.exec(line)?.[1]
    if (said === undefined && line.trim() !== '') {
      const delimiter = isTurned(head, line) ? undefined : delimiterOf(line, columns)
      // After a note, the next line must have cells too.
      const next = head
        .slice(at + line.length + 1)
        .split('\n', 4)
        .find((other) => other.trim() !== '')
      if (
        delimiter !== undefined &&
        // The separator line of a Markdown table is not a row.
        !/^\s*\|?(?:\s*:?-+:?\s*\|)+[\s:|-]*$/u.test(next ?? '') &&
        (number === 0 ||
          columns !== undefined ||
          next === undefined ||
          cells(next, delimiter) > 1 ||
          next.startsWith('"'))
      )
        return { at, delimiter }
      if (columns !== undefined || ++number > 40) return undefined
    }
    at += line.length + 1
  }
  return undefined
}

/** The delimiter of a header line that names a title or an abstract; undefined for any other line. */
function delimiterOf(line: string, columns?: Columns): string | undefined {
  const best = marks.reduce((best, mark) => (cells(line, mark) > cells(line, best) ? mark : best))
  if (columns !== undefined) return cells(line, best) > 1 ? best : ','
  if (cells(line, best) < 2 || line.length > 20_000) return undefined
  const names = cellNames(line, best)
  const found = guessFields(names)
  const isHeader =
    names.every((name) => name.length <= 60 && !/[{}[\]<>]|":|[.!?]$/u.test(name)) &&
    (found.has('title') || found.has('abstract') || tableOf(names) !== undefined)
  return isHeader ? best : undefined
}

/** Whether the table is transposed: the names are in the first cell of each line. */
const isTurned = (head: string, line: string) =>
  /^"?title"?[,;\t]/iu.test(line) &&
  /^"?(?:abstract|authors?(?: names?)?|source|publication year)"?[,;\t]/imu.test(head.slice(line.length))

const cellNames = (line: string, mark: string) =>
  line.split(mark).map((cell) => cell.trim().replace(/^\ufeff?"|"$/gu, ''))
const cells = (line: string, mark: string) => unquoted(line).split(mark).length
const unquoted = (line: string) => line.replace(/"[^"]*"/gu, '')

/**
 * Reads the rows below a header line.
 * @throws PaperkinError `invalid-argument` if `columns` names a missing column
 */
export async function* readDelimited(
  chunks: AsyncIterable<string>,
  { head, columns }: { readonly head: string; readonly columns?: Columns | undefined },
): AsyncGenerator<Reading> {
  const delimiter = headerOf(head, columns)?.delimiter ?? ','
  const isNumbered = columns !== undefined && Object.values(columns).every((column) => typeof column === 'number')
  const skipped: Reading[] = []
  const parser = parse({
    delimiter,
    // In tab-separated files quotes are usually ordinary characters.
    ...(delimiter === '\t' && !/(?:^|\t)"[^\t]*"(?:\t|$)/mu.test(head) ? { quote: null } : {}),
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: mostCharacters,
  })
  parser.on('skip', (error: CsvError | undefined) => {
    skipped.push({
      problem: `is not a readable row (${reason(error)})`,
      place: { line: Number(error?.lines ?? 1) },
    })
  })
  const source = Readable.from(chunks)
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let names: readonly string[] | undefined
  let fields: ReadonlyMap<PaperField, string> = new Map()
  let from: string | undefined
  let number = 0
  let nextLine = 1
  try {
    for await (const row of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      yield* skipped.splice(0)
      const line = nextLine
      nextLine = row.info.lines + 1
      if (names === undefined) {
        names = isNumbered ? row.record.map((_, i) => String(i + 1)) : row.record.map((name) => name.trim())
        const table = columns === undefined ? tableOf(names) : undefined
        fields = table?.columns ?? (columns === undefined ? guessFields(names) : namedFields(columns, names))
        from = table && `a table of ${table.name}`
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
        if (cell !== undefined && cell.trim() !== '') record[name === '' ? `column ${i + 1}` : name] = cell
      })
      const paper = plainFields(record, fields)
      // Scopus adds a number after each name.
      if (Array.isArray(paper.authors))
        paper.authors = paper.authors.map((name) => String(name).replace(/\s*\(\d+\)(?=$|\s)/u, ''))
      yield { record: paper, place, from }
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_'))) throw error
    yield { problem: `cannot be read further (${reason(error)}): a quote may be unclosed`, place: { line: nextLine } }
  } finally {
    source.destroy()
  }
  yield* skipped.splice(0)
}

function reason(error: Error | undefined): string {
  return (
    (error?.message ?? 'unknown reason')
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
