// BibTeX. Entries are cut out by their braces and parsed one by one, so that one bad entry costs only itself and a file of
// any size is read in bounded memory.
import latexUtensils from 'latex-utensils'
import { given, isoDate, plainDoi, splitList, turnedName } from './field-values.ts'
import { MOST_CHARACTERS, type Place, type Reading } from './reading.ts'

const { bibtexParser } = latexUtensils

export function looksLikeBibtex(head: string): boolean {
  return /^(?:[^\S\n]*(?:%[^\n]*)?\n)*[^\S\n]*@\s*[a-z]+\s*[{(]/iu.test(head)
}

interface RawEntry {
  readonly text: string
  readonly line: number
  readonly isCut: boolean
}

export async function* readBibtex(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const strings = new Map(months)
  let number = 0
  for await (const { text, line, isCut } of entries(chunks)) {
    const kind = /^@\s*([a-z]+)/iu.exec(text)?.[1]?.toLowerCase()
    if (kind === 'comment' || kind === 'preamble') continue
    const place: Place = kind === 'string' ? { line } : { record: ++number, line }
    const key = /^@\s*[a-z]+\s*[{(]\s*([^\s,{}()"]+)/iu.exec(text)?.[1]
    const named = key === undefined ? '' : ` (${key})`
    if (isCut) {
      yield { problem: `is an entry${named} that is never closed: a brace is missing`, place }
      continue
    }
    try {
      const [parsed] = bibtexParser.parse(text).content
      if (parsed !== undefined && bibtexParser.isStringEntry(parsed))
        strings.set(parsed.abbreviation.toLowerCase(), valueText(parsed.value, strings))
      else if (parsed !== undefined && bibtexParser.isEntry(parsed)) {
        const fields = new Map<string, string>()
        for (const { name, value } of parsed.content)
          if (!fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), valueText(value, strings))
        yield { record: entryFields(kind ?? '', key, fields), place }
      } else yield { problem: `is no entry${named} that can be read`, place }
    } catch (error) {
      const at = (error as { location?: { start?: { line?: number } } }).location?.start?.line
      yield {
        problem: `is an entry${named} that cannot be read: a comma, a brace or a quote may be missing`,
        place: { ...place, line: line + (at === undefined ? 0 : at - 1) },
      }
    }
  }
}

/** Cuts the text at `@type{` … `}`. An entry that meets the beginning of another at the start of a line was never closed. */
async function* entries(chunks: AsyncIterable<string>): AsyncGenerator<RawEntry> {
  let rest = ''
  let line = 1
  let isEnd = false
  const advance = (count: number) => {
    for (let i = rest.indexOf('\n'); i >= 0 && i < count; i = rest.indexOf('\n', i + 1)) line++
    rest = rest.slice(count)
  }
  function* cut(): Generator<RawEntry> {
    for (;;) {
      const start = entryStart(rest)
      if (start < 0) {
        // Between entries everything is a comment; a beginning may be cut by the chunk.
        const keep = isEnd ? 0 : Math.min(rest.length, 200)
        advance(rest.length - keep)
        return
      }
      advance(start)
      const end = entryEnd(rest)
      if (end > 0) {
        const text = rest.slice(0, end)
        yield { text, line, isCut: false }
        advance(end)
        continue
      }
      const next = nextEntry(rest)
      if (next < 0 && !isEnd && rest.length < MOST_CHARACTERS) return
      if (next < 0 && !isEnd) {
        yield { text: rest.slice(0, 1000), line, isCut: true }
        advance(rest.length)
        return
      }
      if (next > 0) {
        yield { text: rest.slice(0, next), line, isCut: true }
        advance(next)
        continue
      }
      yield { text: rest, line, isCut: true }
      rest = ''
      return
    }
  }
  for await (const chunk of chunks) {
    rest += chunk
    yield* cut()
  }
  isEnd = true
  yield* cut()
}

function entryStart(text: string): number {
  return /@\s*[a-z]+\s*[{(]/iu.exec(text)?.index ?? -1
}

/** Where the next entry begins, at the start of a line, inside one that is not closed; -1 where there is none. */
function nextEntry(text: string): number {
  const match = /\n[ \t]*@[ \t]*[a-z]+[ \t]*[{(]\s*[^\s,{}()"=]+\s*,/iu.exec(text)
  return match === null ? -1 : match.index + 1
}

/** The end of the entry that a text begins with; -1 where it is not closed, or another entry begins before. */
function entryEnd(text: string): number {
  const opening = text.search(/[{(]/u)
  const isParenthesis = text[opening] === '('
  let depth = isParenthesis ? 0 : 1
  let isQuoted = false
  for (let i = opening + 1; i < text.length; i++) {
    const character = text[i]
    if (character === '\\') i++
    else if (character === '{') depth++
    else if (character === '}') {
      depth--
      if (depth === 0 && !isParenthesis) return endUnlessInside(text, i + 1)
      if (depth < 0) return endUnlessInside(text, i + 1)
    } else if (character === '"' && depth === (isParenthesis ? 0 : 1)) isQuoted = !isQuoted
    else if (character === ')' && isParenthesis && depth === 0 && !isQuoted) return endUnlessInside(text, i + 1)
  }
  return -1
}

function endUnlessInside(text: string, end: number): number {
  const next = nextEntry(text.slice(0, end))
  return next > 0 ? -1 : end
}

function valueText(value: latexUtensils.bibtexParser.FieldValue, strings: ReadonlyMap<string, string>): string {
  if (value.kind === 'concat') return value.content.map((part) => valueText(part, strings)).join('')
  if (value.kind === 'abbreviation') return strings.get(value.content.toLowerCase()) ?? value.content
  return value.content
}

const months: readonly (readonly [string, string])[] = 'jan feb mar apr may jun jul aug sep oct nov dec'
  .split(' ')
  .map((name, i) => [name, String(i + 1)] as const)

function entryFields(type: string, key: string | undefined, fields: ReadonlyMap<string, string>): unknown {
  const get = (...names: string[]) =>
    names.map((name) => fields.get(name)?.trim()).find((value) => value !== undefined && value !== '')
  const doi = plainDoi(get('doi'))
  const eprint = get('eprint', 'arxivid')?.replace(/^arxiv:\s*/iu, '')
  const isArxiv = eprint !== undefined && /^arxiv$/iu.test(get('archiveprefix', 'eprinttype') ?? 'arxiv')
  return given({
    id: key,
    title: get('title'),
    abstract: get('abstract', 'abstractnote', 'annote'),
    authors: bibtexNames(get('author', 'editor')),
    categories: splitList([get('keywords', 'keyword'), get('primaryclass')].filter((text) => text).join('; ')),
    published: date(get('date'), get('year'), get('month'), get('day')),
    url: isArxiv ? `https://arxiv.org/abs/${eprint}` : (get('url', 'link') ?? (doi && `https://doi.org/${doi}`)),
    doi,
    arxiv: isArxiv ? eprint : undefined,
    journal: get('journal', 'journaltitle', 'booktitle'),
    publisher: get('publisher', 'school', 'institution'),
    note: get('note'),
    language: get('language', 'langid'),
    type,
  })
}

/** Names joined by `and` outside of braces; a name in braces is one that has no parts. */
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
  if (full !== undefined) return isoDate(full.split('/')[0])
  if (year === undefined || !/^\d{4}$/u.test(year)) return isoDate(year)
  const named = months.findIndex(([name]) => month?.toLowerCase().startsWith(name)) + 1
  return isoDate([year, Number(month) || named || '', day].filter((part) => part).join('-'))
}
