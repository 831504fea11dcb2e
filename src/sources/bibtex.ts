// BibTeX. Entries are cut out by their braces and parsed one by one, so that a bad entry does not affect the others and
// a file of any size is read in bounded memory.
import latexUtensils from 'latex-utensils'
import { isoDateIn } from '../text/iso-date.ts'
import { monthNames } from '../text/months.ts'
import { given, plainDoi, splitList, turnedName } from './field-values.ts'
import { mostCharacters, type Place, type Reading } from './reading.ts'

const { bibtexParser } = latexUtensils

/** Offset of the first entry, at the start of a line; -1 if there is none. */
export function bibtexAt(head: string): number {
  const match =
    /(?:^|\n)[^\S\n]{0,40}@\s{0,20}(?:(?:comment|preamble|string)\s{0,20}[{(]|[a-z]{1,40}\s{0,20}[{(]\s{0,20}(?:[^\s,{}()"=]{1,300}(?:[ \t][^\s,{}()"=]{1,100}){0,4}\s{0,20}(?:,|\n|$)|,\s))/iu.exec(
      head,
    )
  return match === null ? -1 : match.index + (match[0].startsWith('\n') ? 1 : 0)
}

interface RawEntry {
  readonly text: string
  readonly line: number
  readonly isCut: boolean
}

interface Entry {
  readonly type: string
  readonly key: string | undefined
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly place: Place
}

export async function* readBibtex(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const strings = new Map(months)
  // Entries that others may inherit from, and entries whose parent comes after them.
  const parents = new Map<string, ReadonlyMap<string, readonly string[]>>()
  const waiting = new Map<string, Entry[]>()
  let number = 0
  for await (const { text, line, isCut } of entries(chunks)) {
    const kind = /^@\s*([a-z]+)/iu.exec(text)?.[1]?.toLowerCase()
    if (kind === 'comment' || kind === 'preamble') continue
    const place: Place = kind === 'string' ? { line } : { record: ++number, line }
    const key = kind === 'string' ? undefined : keyOf(text)
    const named = key === undefined ? '' : ` (${key})`
    if (isCut) {
      yield { problem: `is an entry${named} that is never closed: a brace is missing`, place }
      continue
    }
    try {
      const [parsed] = bibtexParser.parse(withPlainKey(text)).content
      if (parsed !== undefined && bibtexParser.isStringEntry(parsed))
        strings.set(parsed.abbreviation.toLowerCase(), valueText(parsed.value, strings))
      else if (parsed !== undefined && bibtexParser.isEntry(parsed)) {
        const fields = new Map<string, string[]>()
        for (const { name, value } of parsed.content) {
          const values = fields.get(name.toLowerCase()) ?? []
          const text = valueText(value, strings).trim()
          if (text !== '' && !values.includes(text)) values.push(text)
          fields.set(name.toLowerCase(), values)
        }
        const entry: Entry = { type: kind ?? '', key, fields, place }
        const parentKey = fields.get('crossref')?.[0]?.toLowerCase()
        const parent = parentKey === undefined ? undefined : parents.get(parentKey)
        const children = parentKey === undefined ? undefined : waiting.get(parentKey)
        if (parentKey === undefined || parent !== undefined) yield entryReading(entry, parent)
        else if (children === undefined) waiting.set(parentKey, [entry])
        else children.push(entry)
        const ownKey = key?.toLowerCase()
        if (ownKey === undefined) continue
        if (containers.has(kind ?? '') || waiting.has(ownKey)) parents.set(ownKey, fields)
        for (const child of waiting.get(ownKey) ?? []) yield entryReading(child, fields)
        waiting.delete(ownKey)
      } else yield { problem: `is not a readable entry${named}`, place }
    } catch (error) {
      const at = (error as { location?: { start?: { line?: number } } }).location?.start?.line
      yield {
        problem: `is an entry${named} that cannot be read: a comma, a brace or a quote may be missing`,
        place: { ...place, line: line + (at === undefined ? 0 : at - 1) },
      }
    }
  }
  for (const [parent, children] of waiting)
    for (const child of children) {
      yield entryReading(child, undefined)
      yield { problem: `refers to a missing entry (${parent})`, place: child.place, kind: 'note' }
    }
}

const head = /^@\s*[a-z]+\s*[{(]\s*([^,={}()"\n]*?)\s*(?:,|\n(?=\s*[a-z][\w-]*\s*=))/iu
const keyOf = (text: string) =>
  (head.exec(text)?.[1] ?? /^@\s*[a-z]+\s*[{(]\s*([^\s,={}()"]+)\s/iu.exec(text)?.[1])?.replace(/\s+/gu, ' ') ||
  undefined

/** An entry with a key that the parser accepts: without spaces, and followed by a comma. */
function withPlainKey(text: string): string {
  const match = head.exec(text)
  if (match === null || match[1] === undefined || /^@\s*string/iu.test(text)) return text
  const lines = match[0].split('\n').length - 1
  return `${/^@\s*[a-z]+\s*[{(]/iu.exec(text)?.[0].replace(/\s/gu, '')}k,${'\n'.repeat(lines)}${text.slice(match[0].length)}`
}

/**
 * Cuts the text at `@type{` … `}`. An entry is unclosed if another one starts a line inside it, unless that line is part
 * of a field's text.
 */
async function* entries(chunks: AsyncIterable<string>): AsyncGenerator<RawEntry> {
  let rest = ''
  let line = 1
  let isEnd = false
  /** Offset in the open entry up to which it has been scanned. */
  let at = 0
  let depth = 0
  let isParenthesis = false
  let isQuoted = false
  let isOpen = false
  /** Comments inside the open entry, to be cut out of it. */
  let comments: [number, number][] = []
  const advance = (count: number) => {
    for (let i = rest.indexOf('\n'); i >= 0 && i < count; i = rest.indexOf('\n', i + 1)) line++
    rest = rest.slice(count)
    at = 0
    isOpen = false
    comments = []
  }
  const entryText = (end: number) => {
    let text = ''
    let from = 0
    for (const [start, stop] of comments) {
      text += rest.slice(from, start)
      from = stop
    }
    return text + rest.slice(from, end)
  }
  function* cut(): Generator<RawEntry> {
    for (;;) {
      if (!isOpen) {
        const start = /@\s{0,20}[a-z]{1,40}\s{0,20}[{(]/iu.exec(rest)
        if (start === null) {
          // Text between entries is a comment; the chunk may end within the start of an entry.
          advance(rest.length - (isEnd ? 0 : Math.min(rest.length, 200)))
          return
        }
        advance(start.index)
        isOpen = true
        at = start[0].length
        isParenthesis = start[0].endsWith('(')
        depth = isParenthesis ? 0 : 1
        isQuoted = false
      }
      const top = isParenthesis ? 0 : 1
      let end = -1
      // The chunk may end within the start of another entry.
      const most = isEnd ? rest.length : rest.length - 400
      let isCut = false
      for (; at < most && end < 0; at++) {
        const character = rest[at]
        if (character === '\\') at++
        else if (character === '{') depth++
        else if (character === '}') {
          depth--
          if (depth < top) end = at + 1
        } else if (character === '"' && depth === top) isQuoted = !isQuoted
        else if (character === ')' && isParenthesis && depth === 0 && !isQuoted) end = at + 1
        else if (
          character === '%' &&
          depth === top &&
          !isQuoted &&
          /[\n,}"]\s{0,200}$/u.test(rest.slice(Math.max(0, at - 201), at))
        ) {
          const stop = rest.indexOf('\n', at)
          if (stop < 0 && !isEnd) return
          comments.push([at, stop < 0 ? rest.length : stop])
          at = (stop < 0 ? rest.length : stop) - 1
        } else if (character === '@' && beginsEntry(rest, at, depth > top || isQuoted)) {
          end = at
          isCut = true
        }
      }
      if (end < 0 && !isEnd && rest.length < mostCharacters) return
      if (end < 0) {
        yield { text: rest.slice(0, 1000), line, isCut: true }
        advance(rest.length)
        return
      }
      yield { text: isCut ? rest.slice(0, Math.min(end, 1000)) : entryText(end), line, isCut }
      advance(end)
    }
  }
  for await (const chunk of chunks) {
    rest += chunk
    yield* cut()
  }
  isEnd = true
  yield* cut()
}

const beginning = /@[ \t]{0,20}[a-z]{1,40}[ \t]{0,20}[{(]\s{0,20}[^\s,{}()"=]{1,200}\s{0,20},/iuy

/** Whether another entry starts at an `@`: only at the start of a line, and within text only after the end of a field. */
function beginsEntry(text: string, at: number, isInText: boolean): boolean {
  const before = text.slice(Math.max(0, at - 200), at)
  const lineStart = /(?:^|\n)[ \t]*$/u.exec(before)
  if (lineStart === null) return false
  if (isInText && !/(?:[},"]|=\s*[\w.]+)\s*$/u.test(before.slice(0, lineStart.index))) return false
  beginning.lastIndex = at
  return beginning.test(text)
}

function valueText(value: latexUtensils.bibtexParser.FieldValue, strings: ReadonlyMap<string, string>): string {
  if (value.kind === 'concat') return value.content.map((part) => valueText(part, strings)).join('')
  if (value.kind === 'abbreviation') return strings.get(value.content.toLowerCase()) ?? value.content
  return value.content
}

// BibTeX's own abbreviations.
const months = monthNames.map((name, i) => [name.slice(0, 3).toLowerCase(), String(i + 1)] as const)

const containers = new Set(
  'proceedings mvproceedings book mvbook collection mvcollection periodical conference misc'.split(' '),
)
// Fields that describe only the container and are not inherited from it.
const notInherited = new Set(
  'title author abstract doi url eprint keywords keyword note annote crossref file isbn entryset ids xdata shorttitle sorttitle label key'.split(
    ' ',
  ),
)

function entryReading({ type, key, fields, place }: Entry, parent: Entry['fields'] | undefined): Reading {
  const all = new Map(fields)
  for (const [name, value] of parent ?? []) if (!notInherited.has(name) && !all.has(name)) all.set(name, value)
  if (parent !== undefined && !all.has('booktitle')) {
    const title = parent.get('booktitle') ?? parent.get('title')
    if (title !== undefined && type !== 'article') all.set('booktitle', title)
  }
  return { record: entryFields(type, key, all, fields.has('editor')), place, isKey: key !== undefined }
}

/** Fields whose repeated values are joined; of other fields the first value counts. */
const joints: Readonly<Record<string, string>> = {
  author: ' and ',
  editor: ' and ',
  keywords: '; ',
  keyword: '; ',
  abstract: '\n\n',
  note: '\n',
  annote: '\n',
}

function entryFields(
  type: string,
  key: string | undefined,
  fields: ReadonlyMap<string, readonly string[]>,
  hasOwnEditor: boolean,
): unknown {
  const rest = new Map([...fields].map(([name, values]) => [name, [...values]]))
  const get = (...names: string[]) => {
    for (const name of names) {
      const values = rest.get(name) ?? []
      if (values.length === 0) continue
      const joint = joints[name]
      rest.set(name, joint === undefined ? values.slice(1) : [])
      return joint === undefined ? values[0] : values.join(joint)
    }
    return undefined
  }
  const doi = plainDoi(get('doi'))
  const journal = get('journal', 'journaltitle', 'booktitle')
  const prefix = fields.get('archiveprefix')?.[0] ?? fields.get('eprinttype')?.[0]
  const eprint = (prefix === undefined || /^arxiv$/iu.test(prefix) ? get('eprint', 'arxivid') : undefined)?.replace(
    /^arxiv:\s*/iu,
    '',
  )
  const inJournal = /\barxiv:\s?((?:[a-z-]+(?:\.[A-Z]{2})?\/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?)/iu.exec(journal ?? '')?.[1]
  const arxiv = eprint ?? inJournal
  if (eprint !== undefined) for (const name of ['archiveprefix', 'eprinttype']) rest.delete(name)
  const year = get('year')
  const record = {
    id: key,
    title: get('title'),
    abstract: get('abstract', 'abstractnote', 'annote'),
    authors: bibtexNames(get('author') ?? (hasOwnEditor ? get('editor') : undefined)),
    categories: splitList(
      [get('keywords'), get('keyword'), get('primaryclass', 'eprintclass')].filter((text) => text).join('; '),
    ),
    published: date(get('date'), year, get('month'), get('day')),
    url: arxiv ? `https://arxiv.org/abs/${arxiv}` : (get('url', 'link') ?? (doi && `https://doi.org/${doi}`)),
    doi,
    arxiv,
    journal,
    publisher: get('publisher', 'school', 'institution'),
    note: get('note'),
    language: get('language', 'langid'),
    type,
  }
  const extra = [...rest].filter(([, values]) => values.length > 0)
  return given({
    ...record,
    ...(extra.length > 0 && {
      extra: Object.fromEntries(extra.map(([name, values]) => [name, values.length === 1 ? values[0] : values])),
    }),
  })
}

/** Splits names at `and` outside of braces; a name in braces stays whole. */
function bibtexNames(text: string | undefined): string[] {
  if (text === undefined) return []
  const names: string[] = []
  let depth = 0
  let start = 0
  for (const match of text.matchAll(/[{}]|\s+and\s+/giu)) {
    if (match[0] === '{') depth++
    else if (match[0] === '}') depth--
    else if (depth === 0) {
      names.push(text.slice(start, match.index))
      start = match.index + match[0].length
    }
  }
  names.push(text.slice(start))
  return names
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'others')
    .map((name) => (name.startsWith('{') && name.endsWith('}') ? name : turnedName(name)))
}

function date(full: string | undefined, year: string | undefined, month: string | undefined, day: string | undefined) {
  if (full !== undefined) return isoDateIn(full.split('/')[0]) ?? full
  const bare = (text: string | undefined) => text?.replace(/[{}]/gu, '').trim()
  const [plainYear, plainMonth] = [bare(year), bare(month)]
  if (plainYear === undefined || !/^\d{4}$/u.test(plainYear)) return isoDateIn(plainYear) ?? plainYear
  const said = [plainYear, plainMonth, bare(day)].filter((part) => part !== undefined && part !== '')
  return (plainMonth ? isoDateIn(said.join(/\p{L}/u.test(plainMonth) ? ' ' : '-')) : undefined) ?? plainYear
}
