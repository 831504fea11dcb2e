// What is stored of a paper besides its record: words for the lexical half and fields for filters.
import { crc32 } from 'node:zlib'
import { PaperkinError, show } from '../../errors.ts'
import { countTerms } from '../../lexical/count-terms.ts'
import { type Json, type Paper, paperJson } from '../../paper.ts'
import { timeSpanOf } from '../../text/iso-date.ts'

/** Bytes of the longest id: an entry of a B-tree has to fit in a third of a page of 8 kB. */
const longestId = 2000
/** Characters of the longest value, as JSON, that filters can ask the database for. */
const longestField = 2000
/** Bytes of the words of one paper; a `tsvector` has at most 1 MB. Longer texts are found by their first words. */
const mostWordBytes = 900_000
/** The highest position in a `tsvector`. */
const mostCount = 16_383

/**
 * Counts from which a stem is listed again, so that papers in which it is frequent can be told by an index; `usual` is
 * about the mean count from there on.
 */
export const countLevels = [
  { least: 2, usual: 2.5 },
  { least: 4, usual: 5 },
] as const

/**
 * A stem as a lexeme of a `tsvector` or `tsquery`, whatever is in it.
 * @param level how many of {@link countLevels} its count reaches at least
 */
export function lexeme(stem: string, level = 0): string {
  return `'${stem.replace(/['\\]/gu, '$&$&')}${level === 0 ? '' : ` ${'+'.repeat(level)}`}'`
}

/**
 * Calls `use` with each stem of a paper and its count, and with those that are listed again and 0.
 * @param words a `tsvector` as {@link wordsOf} makes it, as text
 */
export function readWords(words: string, use: (stem: string, count: number) => void): void {
  for (let start = words.indexOf("'") + 1; start > 0; ) {
    let end = words.indexOf("'", start)
    while (words[end + 1] === "'") end = words.indexOf("'", end + 2)
    const next = words.indexOf("'", end + 1) + 1
    const stem = words.slice(start, end)
    const hasCount = words[end + 1] === ':'
    const count = hasCount ? Number.parseInt(words.slice(end + 2, next === 0 ? undefined : next - 1), 10) : 0
    use(/['\\]/u.test(stem) ? stem.replace(/(['\\])\1/gu, '$1') : stem, count)
    start = next
  }
}

const none = { publishedStart: undefined, publishedEnd: undefined }

/** The columns of `papers` that follow from the paper. */
export interface PaperColumns {
  readonly id: string
  readonly record: string
  readonly recordCrc: number
  readonly length: number
  /** A `tsvector` as text: stems with their counts as positions. */
  readonly words: string
  /** JSON: fields by name. */
  readonly fields: string
  /** Names of fields that are too long or of a kind that jsonb cannot hold. */
  readonly unlisted: readonly string[] | undefined
  readonly publishedStart: number | undefined
  readonly publishedEnd: number | undefined
  /** Stems and pairs, each once: those whose document frequency the paper counts in. */
  readonly terms: readonly string[]
}

/** @throws PaperkinError `invalid-paper` for an id that is too long */
export function columnsOf(paper: Paper): PaperColumns {
  const { id } = paper
  if (Buffer.byteLength(id) > longestId)
    throw new PaperkinError(
      'invalid-paper',
      `Expected an \`id\` of at most ${longestId} bytes for a library on Postgres, got ${show(id)} with ${Buffer.byteLength(id)}: give the paper a shorter one.`,
    )
  const record = paperJson(paper)
  const span = paper.published === undefined ? undefined : timeSpanOf(paper.published)
  return {
    id,
    record,
    recordCrc: crcOf(record),
    ...wordsOf(paper),
    ...fieldsOf(paper),
    ...(span !== undefined && Number.isFinite(span.start)
      ? { publishedStart: span.start, publishedEnd: span.end }
      : none),
  }
}

/** CRC-32 of a record, as a signed 32-bit integer. */
export function crcOf(record: string): number {
  return crc32(record) | 0
}

/** The words of a paper: see {@link PaperColumns}. */
export function wordsOf(paper: Pick<Paper, 'title' | 'abstract'>): Pick<PaperColumns, 'length' | 'words' | 'terms'> {
  const stems = new Map<string, number>()
  const pairs = new Set<string>()
  const length = countTerms(paper, (first, second, weight) => {
    if (second === undefined) stems.set(first, (stems.get(first) ?? 0) + weight)
    else pairs.add(`${first} ${second}`)
  })
  const words: string[] = []
  let bytes = 0
  for (const [stem, count] of stems) {
    const reached = countLevels.filter(({ least }) => count >= least).map((_, i) => lexeme(stem, i + 1))
    const word = [`${lexeme(stem)}:${Math.min(count, mostCount)}`, ...reached].join(' ')
    bytes += Buffer.byteLength(word) + 1
    if (bytes > mostWordBytes) break
    words.push(word)
  }
  return { length, words: words.join(' '), terms: [...stems.keys(), ...pairs] }
}

/** The fields of a paper, each under the name by which a filter asks for it: see `fieldOf` of paper-filter.ts. */
function fieldsOf(paper: Paper): Pick<PaperColumns, 'fields' | 'unlisted'> {
  const { id, title, authors, categories, published, url, version, extra = {} } = paper
  const year = /^\d{4}/u.exec(published ?? '')?.[0]
  const all: { readonly [name: string]: Json | undefined } = {
    ...(year !== undefined && { year: Number(year) }),
    ...extra,
    id,
    title,
    authors,
    categories,
    published,
    url,
    version,
    abstract: undefined,
  }
  const listed: [string, string][] = []
  const unlisted: string[] = []
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined) continue
    const json = JSON.stringify(value)
    // jsonb has neither NUL nor halves of characters, in names as in values.
    const isKept = json.length <= longestField && !/\\u(?:0000|d[89a-f])/iu.test(json) && nameForSql(name) === name
    if (isKept) listed.push([name, json])
    else unlisted.push(nameForSql(name))
  }
  const fields = `{${listed.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
  return { fields, unlisted: unlisted.length === 0 ? undefined : unlisted }
}

/** The name of a field as it can be sent to the database, which has no NUL. */
export function nameForSql(name: string): string {
  return name.toWellFormed().replaceAll('\0', '\ufffd')
}
