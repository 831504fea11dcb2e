// arXiv as text: its daily mailings, one or several per file, and the copied text of its listing, search and abstract
// pages. Each paper starts with its arXiv id.
import { isoDateIn } from '../text/iso-date.ts'
import { given, nameList, oneLine } from './field-values.ts'
import { numberedLines, type Place, type Reading } from './reading.ts'

const number = '[a-z][a-z-]*(?:\\.[A-Z]{2})?\\/\\d{7}|\\d{4}\\.\\d{4,5}'
const beginning = new RegExp(
  `^(?:\\[\\d+\\]\\s{0,9}|\\d{1,5}\\.\\s{0,9})?(?:arXiv:|Paper:\\s?)(${number})(?:v(\\d+))?(?:\\s{1,9}\\((\\*?[\\w .,-]{1,80}\\*?)\\))?(?:\\s{0,9}\\[[\\w, ]{0,80}\\])?(?:\\s{1,9}([a-z-]+(?:\\.[A-Za-z-]+)?(?:\\s[a-z-]+\\.[A-Za-z-]+){0,9}))?\\s*$`,
  'u',
)
const field =
  /^\s*(Title|Authors?|Categories|Comments?|Journal[- ]ref(?:erence)?|DOI|Report[- ]no|Report number|MSC[- ]classe?s?|ACM[- ]classe?s?|Proxy|License|Subjects?|Abstract|Date(?: \((?:revised )?v\d+\))?|Cite as|Related DOI|From)\s{0,3}:\s*(.*)$/iu

/** Offset of the first paper of an arXiv mailing or page; -1 if there is none. */
export function arxivTextAt(head: string): number {
  const lines = head.split('\n')
  let at = 0
  for (const [i, line] of lines.entries()) {
    if (line.length < 300 && beginning.test(line)) {
      const after = lines.slice(i + 1, i + 7).filter((other) => other.trim() !== '')
      const isPaper =
        lines[i - 1]?.trim() === '\\\\' ||
        after
          .slice(0, 2)
          .some((other) => /^\s*(?:Title|Date(?: \(.{1,20}\))?)\s?:|^\[Submitted on |^replaced with /iu.test(other)) ||
        (/^\s*(?:\[\d+\]|\d+\.)/u.test(line) && after.length > 1) ||
        /^\d{1,5}\.$/u.test(lines[i - 1]?.trim() ?? '')
      if (isPaper) return at
    }
    // The end of a paper in a mailing that lacks its start.
    if (closing.test(line)) return at
    at += line.length + 1
  }
  return -1
}

const closing = /^\\\\ \( https?:\/\/arxiv\.org\/abs\/\S+ ,/u

interface OpenPaper {
  readonly id: string
  readonly place: Place
  readonly fields: Map<string, string[]>
  /** Lines without a label, by paragraph. */
  readonly paragraphs: string[][]
  version?: string | undefined
  announced?: string | undefined
  categories?: string | undefined
  published?: string | undefined
  updated?: string | undefined
  /** The current part of a mailing's paper; its abstract is between two lines of `\\`. */
  part: 'fields' | 'abstract' | 'end'
  isMail: boolean
}

export async function* readArxivText(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  let paper: OpenPaper | undefined
  let count = 0
  let listed: string | undefined
  let isDateTold = false
  let isBackslashed = false
  let open: string[] | undefined
  const close = (): Reading[] => {
    const done = paper
    paper = open = undefined
    return done === undefined ? [] : [{ record: fieldsOf(done), place: done.place }]
  }
  for await (const { line, text: raw, isTooLong } of numberedLines(chunks)) {
    if (isTooLong) {
      yield { problem: 'is too long for a line of an arXiv text', place: { line } }
      continue
    }
    const text = raw.trim()
    const begun = text.length < 300 ? beginning.exec(text) : null
    if (begun !== null && (paper === undefined || paper.part !== 'abstract' || paper.isMail === false)) {
      yield* close()
      const [, id, version, note, categories] = begun
      paper = {
        id: id as string,
        place: { record: ++count, line },
        fields: new Map(),
        paragraphs: [],
        version,
        announced: announcement(note),
        categories,
        published: undefined,
        part: 'fields',
        isMail: isBackslashed,
      }
      if (listed !== undefined && paper.announced === 'new' && /^\s*\[\d+\]/u.test(text)) paper.published = listed
      open = undefined
      isBackslashed = false
      continue
    }
    isBackslashed = text === '\\\\'
    if (/^(?:-{20,}|(?:%+-+){5,}%*)$/u.test(text)) {
      yield* close()
      continue
    }
    const ofListing = listingDate(text)
    if (ofListing !== undefined) {
      yield* close()
      listed = ofListing
      if (!isDateTold) yield { date: ofListing, isOfPapers: false }
      isDateTold = true
      continue
    }
    if (/^(?:New|Cross|Replacement) submissions? \(|^Total of \d+ entries|^\(?showing \d+ of \d+/iu.test(text)) {
      yield* close()
      continue
    }
    if (paper === undefined) {
      if (closing.test(text))
        yield { problem: 'ends a paper whose start is missing', place: { line }, text: text.slice(0, 80) }
      continue
    }
    if (text.startsWith('\\\\')) {
      paper.isMail = true
      paper.part = paper.part === 'fields' && text === '\\\\' ? 'abstract' : 'end'
      open = undefined
      continue
    }
    if (paper.part === 'end') continue
    if (text === '') {
      open = undefined
      continue
    }
    const replaced = /^replaced with (?:revised )?version\s+(.+?)(?:\s*\(.*\))?$/iu.exec(text)?.[1]
    if (replaced !== undefined) {
      paper.announced = 'replacement'
      paper.updated = isoDateIn(replaced)
      continue
    }
    const submitted = /^\[?(?:Submitted(?: on)?|v1 submitted) (.+)$/iu.exec(text)?.[1]
    if (submitted !== undefined && isoDateIn(submitted) !== undefined) {
      paper.published = isoDateIn(/v1 submitted (?:on )?(\d{1,2} \w+,? \d{4})/iu.exec(text)?.[1] ?? submitted)
      const last = /(?:last revised|;\s*)(?:Submitted )?(\d{1,2} \w+,? \d{4})/iu.exec(submitted)?.[1]
      if (last !== undefined) paper.updated = isoDateIn(last)
      paper.version ??= /this version, v(\d+)/u.exec(text)?.[1]
      continue
    }
    if (/^\[v1\] /u.test(text)) {
      paper.published = isoDateIn(text.slice(5)) ?? paper.published
      continue
    }
    const [, label, value] = (paper.isMail && paper.part === 'abstract' ? null : field.exec(raw)) ?? []
    if (label !== undefined && value !== undefined) {
      open = value.trim() === '' ? [] : [value.trim()]
      paper.fields.set(fieldName(label), open)
      continue
    }
    if (isButton(text)) continue
    // Wrapped lines continue the value; on a page the value may be below its label.
    if (open !== undefined && (paper.isMail || open.length === 0 || open === paper.paragraphs.at(-1))) open.push(text)
    else {
      open = [text]
      paper.paragraphs.push(open)
    }
  }
  yield* close()
}

const isButton = (text: string) =>
  /^(?:view (?:a )?pdf.*|html(?: \(experimental\))?|other formats|tex source|view license|download:?|pdf|full-text links:?|access paper:?|bookmark|export bibtex citation|computer science > .*|focus to learn more|△ less|▽ more|\(or arxiv:.*)$/iu.test(
    text,
  )

function announcement(note: string | undefined): string | undefined {
  if (note === undefined) return 'new'
  return /cross/iu.test(note) ? 'cross-list' : /replace/iu.test(note) ? 'replacement' : undefined
}

const fieldName = (label: string) => {
  const name = label.toLowerCase().replace(/[ -]/gu, '')
  return name.startsWith('date') ? 'date' : name.replace(/^authors$/u, 'author').replace(/^comments$/u, 'comment')
}

/** The date in a heading such as `Showing new listings for Wednesday, 12 March 2025` or `Wed, 12 Mar 2025 (showing 3 of 3 entries)`. */
function listingDate(text: string): string | undefined {
  const date =
    /^Showing new listings for (.{6,40})$/iu.exec(text)?.[1] ??
    /^(\w{3}, \d{1,2} \w{3} \d{4})(?: \(.*\))?$/u.exec(text)?.[1]
  return date === undefined ? undefined : isoDateIn(date)
}

function fieldsOf(paper: OpenPaper): Record<string, unknown> {
  const { id, fields, paragraphs } = paper
  const said = (name: string) => oneLine(fields.get(name)?.join(' ')) || undefined
  const others = paragraphs.map((lines) => lines.join(' '))
  const isListed = !paper.isMail
  // On pages the title and authors may have no label.
  const title = said('title') ?? (isListed ? others.shift() : undefined)
  const authors =
    said('author') ?? (isListed && others.length > 0 && isNameList(others[0] as string) ? others.shift() : undefined)
  const abstract = said('abstract')?.replace(/\s*(?:△ Less|▽ More)\s*$/u, '') ?? others.shift()
  const date = said('date')
  const isReplaced = paper.announced === 'replacement'
  const subjects = [...(said('subjects') ?? said('subject') ?? '').matchAll(/\(([a-z-]+(?:\.[A-Za-z-]+)?)\)/gu)].map(
    ([, name]) => name,
  )
  return given({
    id,
    title,
    abstract: paper.isMail ? paragraphs.map((lines) => lines.join(' ')).join('\n\n') : abstract,
    authors: authors === undefined ? undefined : nameList(withoutNotes(authors)),
    categories:
      said('categories')?.split(/[\s,;]+/u) ?? (subjects.length > 0 ? subjects : paper.categories?.split(/\s+/u)),
    published: paper.published ?? (isReplaced || date === undefined ? undefined : isoDateIn(date)),
    url: `https://arxiv.org/abs/${id}`,
    version: paper.version,
    announced: paper.announced,
    updated: paper.updated,
    withdrawn: /^this (?:paper|article|submission|manuscript) (?:has been|is|was) withdrawn\b/iu.test(
      paper.isMail ? (paragraphs[0]?.[0] ?? '') : (abstract ?? ''),
    )
      ? true
      : undefined,
    comment: said('comment'),
    journal: said('journalref') ?? said('journalreference'),
    doi: said('doi') ?? said('relateddoi'),
    report: said('reportno') ?? said('reportnumber'),
    msc: said('mscclass') ?? said('mscclasses'),
    acm: said('acmclass') ?? said('acmclasses'),
    license: said('license'),
    subjects: subjects.length === 0 ? (said('subjects') ?? said('subject')) : undefined,
  })
}

/** Names without the notes in parentheses after them, nested ones included. */
function withoutNotes(text: string): string {
  let bare = text
  for (let i = 0; i < 4 && bare.includes('('); i++) bare = bare.replace(/\s*\([^()]*\)/gu, '')
  return bare
}

const isNameList = (text: string) =>
  text
    .split(/\s*[,;]\s*|\s+and\s+/u)
    .every(
      (name) => /^(?:\p{Lu}|\p{Script=Han}|de |van |von |the |\(|et al)/u.test(name) && name.split(' ').length <= 7,
    )
