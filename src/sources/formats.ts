// The formats of sources: how each is recognised by its start, and its reader. To add a format, write a reader and add
// a line here.

import type { Markup } from '../text/plain-text.ts'
import { arxivTextAt, readArxivText } from './arxiv-text.ts'
import { bibtexAt, readBibtex } from './bibtex.ts'
import { type Columns, headerOf, readDelimited } from './delimited.ts'
import { readPage } from './digest-page.ts'
import { readAtom } from './feeds.ts'
import { jsonAt, looksLikeJsonLines, readJson, readJsonLines } from './json.ts'
import { markdownAt, readMarkdown } from './markdown.ts'
import { readOaiPmh } from './oai-pmh.ts'
import type { Reading } from './reading.ts'
import { htmlAt, readSavedPage } from './saved-page.ts'
import { readScholarAlert, scholarAlertAt } from './scholar-alert.ts'
import { nbibAt, readNbib, readRefer, readRis, readWebOfScience, referAt, risAt, webOfScienceAt } from './tagged.ts'
import { readXmlRecords, xmlRecordsAt } from './xml-records.ts'

export interface Format {
  /** Its name in messages. */
  readonly title: string
  /** How titles and abstracts are written; most formats have `'some'`. */
  readonly markup: Markup
  /** Offset at which it starts in the head of a text; -1 if the text is not in this format. */
  readonly at: (head: string, options: FormatOptions) => number
  readonly read: (
    chunks: AsyncIterable<string>,
    options: {
      readonly head: string
      /** Whether the caller named the format: then everything readable is read. */
      readonly isCertain: boolean
    } & FormatOptions,
  ) => AsyncIterable<Reading>
  /** Whether the text before the first record belongs to the format and is read with it. */
  readonly hasHeader?: true
  /** Whether a source without papers is valid: an archive may have deleted all of its records. */
  readonly mayBeEmpty?: true
}

interface FormatOptions {
  readonly columns?: Columns | undefined
}

const first = (pattern: RegExp) => (head: string) => head.search(pattern)

/** In order of preference if several start at the same offset. */
export const formats = {
  'oai-pmh': {
    title: 'OAI-PMH',
    markup: 'some',
    at: first(
      /<(?:[\w-]{1,20}:)?(?:OAI-PMH|ListRecords|GetRecord)[\s>]|<record[^<>]{0,200}>\s{0,200}<(?:header|metadata)[\s>]|<(?:[\w-]{1,20}:)?records[\s>](?:[^<]{0,200})<record[^<>]{0,200}>\s{0,200}<(?:header|metadata)/u,
    ),
    read: readOaiPmh,
    mayBeEmpty: true,
  },
  atom: {
    title: 'an Atom or RSS feed',
    markup: 'some',
    at: first(
      /<(?:[\w-]{1,20}:)?feed[\s>]|<rss[\s>]|<rdf:RDF[^<>]{0,2000}rss|<(?:[\w-]{1,20}:)?entry[\s>]|<item(?:\s+rdf:about="[^"]{0,500}")?>\s{0,100}<(?:title|link|description|guid)/u,
    ),
    read: readAtom,
  },
  xml: { title: 'XML', markup: 'some', at: xmlRecordsAt, read: readXmlRecords },
  html: { title: 'a saved page', markup: 'some', at: htmlAt, read: readSavedPage },
  jsonl: { title: 'JSON lines', markup: 'some', at: (head) => jsonLinesAt(head), read: readJsonLines },
  json: { title: 'JSON', markup: 'some', at: jsonAt, read: readJson },
  nbib: { title: 'PubMed NBIB', markup: 'some', at: nbibAt, read: readNbib },
  ris: { title: 'RIS', markup: 'some', at: risAt, read: readRis },
  refer: { title: 'EndNote Refer', markup: 'some', at: referAt, read: readRefer },
  wos: { title: 'Web of Science', markup: 'some', at: webOfScienceAt, read: readWebOfScience },
  bibtex: { title: 'BibTeX', markup: 'latex', at: bibtexAt, read: readBibtex },
  arxiv: { title: 'arXiv’s mailings or pages', markup: 'some', at: arxivTextAt, read: readArxivText, hasHeader: true },
  scholar: {
    title: 'an alert of Google Scholar',
    markup: 'some',
    at: scholarAlertAt,
    read: readScholarAlert,
    hasHeader: true,
  },
  csv: {
    title: 'a table',
    markup: 'some',
    at: (head, { columns }) => headerOf(head, columns)?.at ?? -1,
    read: readDelimited,
  },
  markdown: { title: 'a digest in Markdown', markup: 'some', at: markdownAt, read: readMarkdown, hasHeader: true },
  page: { title: 'a copied page', markup: 'none', at: () => -1, read: readPage, hasHeader: true },
} as const satisfies Readonly<Record<string, Format>>

/** The format of a source. `page` is the text of a copied digest page. */
export type SourceFormat = keyof typeof formats
export const sourceFormats = Object.keys(formats) as SourceFormat[]

function jsonLinesAt(head: string): number {
  const at = jsonAt(head)
  return at >= 0 && looksLikeJsonLines(head.slice(at)) ? at : -1
}

/** A format and the offset at which it starts; the text before is an unrelated note. */
interface Recognized {
  readonly format: SourceFormat
  readonly at: number
}

// The maximum length of a note before the first record: a match further on is a quotation inside a page.
const longestNote = 16_000

/**
 * Recognises the format by the start of a text, never by a file name; the format that starts first wins. Undefined if none
 * is found: then the text is a page, or {@link unknownStructure} says what it looks like.
 */
export function recognize(head: string, options: FormatOptions = {}): Recognized | undefined {
  let best: Recognized | undefined
  for (const format of sourceFormats) {
    const at = formats[format].at(head, options)
    if (at < 0 || at > longestNote || (best !== undefined && at >= best.at)) continue
    best = { format, at }
  }
  return best
}

interface Structure {
  /** What a text looks like. */
  readonly looks: string
  /** What it lacks to be read, or the remedy. */
  readonly lacks: string
}

/** What an unrecognised text that is not a page looks like: lines of tags, fields, markup or code. */
export function unknownStructure(head: string): Structure | undefined {
  const lines = head
    .slice(0, 32_000)
    .split('\n')
    .filter((line) => line.trim() !== '')
  const share = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length / Math.max(1, lines.length)
  const number = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length
  const begins = head.trimStart().slice(0, 200)
  if (begins.startsWith('%PDF-')) return { looks: 'a PDF', lacks: 'PDFs are not supported: export its metadata' }
  if (begins.startsWith('{\\rtf')) return { looks: 'RTF', lacks: 'save it as plain text' }
  if (
    /^(?:%[^\n]*\n\s*)*\\(?:documentclass|documentstyle|begin|usepackage|bibitem)\b/u.test(begins) ||
    number(/^\s*\\(?:bibitem|section|begin)\b/u) > 1
  )
    return { looks: 'LaTeX', lacks: 'give its BibTeX file instead' }
  const tags = /<\/?[A-Za-z][\w:.-]{0,60}(?:\s[^<>]{0,2000})?\/?>/gu
  const found = [...head.slice(0, 32_000).matchAll(tags)]
  const inTags = found.reduce((sum, match) => sum + match[0].length, 0)
  if (
    /^<(?:\?xml|!DOCTYPE|[A-Za-z][\w:.-]*[\s>])/iu.test(begins) ||
    (found.length > 2 && (found.length > lines.length / 2 || inTags > head.length / 10))
  ) {
    const root = /<(?![?!])(?:[\w-]+:)?([\w-]+)/u.exec(head)?.[1] ?? ''
    return { looks: `XML (\`${root}\`)`, lacks: 'it has no records of a supported kind' }
  }
  if (number(/^[A-Z][A-Z0-9]{1,3} {0,2}- /u) > Math.max(0, lines.length / 20))
    return { looks: 'lines with tags, as in RIS and NBIB', lacks: 'no record begins with `TY  - ` or `PMID- `' }
  if (share(/^[A-Z][A-Z0-9]: \S/u) > 0.3) return { looks: 'lines with tags', lacks: 'export it as RIS' }
  if (number(/^%[A-Z0-9@] \S/u) > Math.max(1, lines.length / 10))
    return { looks: 'lines with tags, as in Refer', lacks: 'no record has a title (`%T`)' }
  if (number(/^[A-Z][A-Z0-9] \S/u) > lines.length / 2 && number(/^(?:ER|EF)$/u) > 0)
    return { looks: 'Web of Science', lacks: 'no record begins with `PT`' }
  if (
    number(/^\s*"[^"\n]{1,200}"\s*:|^\s*[\]}]\s*,?\s*$|^\s*[{[]\s*$/u) > Math.max(1, lines.length / 10) ||
    /"[\w-]{1,40}"\s?:\s?["[{\d]/u.test(head)
  )
    return { looks: 'JSON', lacks: 'it does not begin with `{` or `[`: its start may be missing' }
  const fields = number(/^\s*[A-Za-z][\w-]{1,30}\s{0,20}=\s{0,20}["{]/u)
  if (fields > 0 && fields + number(/^\s*\}\s*,?\s*$/u) > lines.length / 20)
    return { looks: 'BibTeX', lacks: 'no entry begins with `@type{key,`' }
  if (
    (begins.startsWith('---') && number(/^\s*(?:- )?[\w-]{1,40}:(?:\s|$)/u) > 1) ||
    (number(/^\s*- [\w-]{1,40}:(?:\s|$)/u) > 0 && share(/^\s*(?:- )?[a-z][\w-]{0,40}:(?:\s|$)/u) > 0.5)
  )
    return { looks: 'YAML', lacks: 'convert it to JSON, such as CSL-JSON' }
  if (lines.length > 4 && share(/^[A-Za-z0-9+/=]{60,80}$/u) > 0.6)
    return { looks: 'an encoded mail', lacks: 'save its text from the mail program' }
  if (lines.length > 4 && share(/[;{}]\s*$|^\s*(?:\/\/|#include|import |def |function |const |var |let )/u) > 0.4)
    return { looks: 'program source code', lacks: 'it has no papers' }
  // A cut table has no header line, and a cut entry no key.
  if (/(?:^|\n)@[a-z]{0,20}$/iu.test(head.trimEnd()))
    return { looks: 'BibTeX', lacks: 'no entry begins with `@type{key,`' }
  const mark = tableMark(lines)
  if (mark !== undefined)
    return { looks: `a table with ${mark}`, lacks: 'no column is called title or abstract: name them with `columns`' }
  return undefined
}

/** The name of the delimiter that splits the lines into equally many cells, as in a table. */
function tableMark(lines: readonly string[]): string | undefined {
  const few = lines.slice(0, 60)
  // Text cells follow a delimiter without a space, or in quotes that open and close at one.
  const isRow = (line: string, mark: string) =>
    line
      .split(mark)
      .slice(1)
      .filter((cell) => /^[^\s\d]|^\d(?!\d\d(?!\d))/u.test(cell)).length > 1 ||
    (mark === '\t'
      ? line.split('\t').length > 2
      : line.includes(`${mark}"`) && /\S/u.test(line.split(`${mark}"`, 2)[1]?.[0] ?? '')) ||
    new RegExp(`\\S"[${mark}](?=\\S)`, 'u').test(line)
  const long = few.filter((line) => line.length > 12)
  for (const [mark, name] of [
    [',', 'commas'],
    [';', 'semicolons'],
    ['\t', 'tabs'],
  ] as const)
    if (long.length > 0 && long.filter((line) => isRow(line, mark)).length >= long.length / 2) return name
  if (
    few.filter((line) => /^\s*\|.*\|\s*$/u.test(line) || line.split('|').length > 3).length >=
    Math.max(1, few.length / 3)
  )
    return 'bars'
  if (few.length < 3) return undefined
  for (const [mark, name] of [
    ['\t', 'tabs'],
    ['|', 'bars'],
    [';', 'semicolons'],
    [',', 'commas'],
  ] as const) {
    const counts = few.map((line) => line.replace(/"[^"]*"/gu, '').split(mark).length)
    const usual = [...counts].sort((a, b) => a - b)[Math.floor(counts.length / 2)] ?? 1
    const equal = counts.filter((count) => count === usual).length
    if (usual >= (mark === ',' ? 4 : 3) && equal >= few.length * 0.8 && few.length >= (mark === '\t' ? 2 : 4))
      return name
  }
  return undefined
}
