// Digests in Markdown: a heading or list item with the title, often a link, then the text; and tables of papers.
import { arxivReference } from '../paper.ts'
import { lineDate } from './digest-page.ts'
import { nameList, splitList } from './field-values.ts'
import { guessFields, plainFields } from './plain-record.ts'
import { type Reading, wholeText } from './reading.ts'

const titleLine =
  /^(#{1,6}|[-*+]|\d{1,4}[.)])\s+(?:\[[ xX]\]\s+)?(?:\d{1,4}[.)]\s*)?(?:\p{Extended_Pictographic}\s*)?(.+)$/u
const linked = /^\s*(?:\*\*|__)?\[(.{3,500}?)\]\((\S+?)\)(?:\*\*|__)?\s*(.*)$/u
const label =
  /^(?:[-*+]\s+)?(?:\*\*|__|\*|_)?(abstract|summary|tl;?dr|authors?|date|published(?: on)?|publish date|submitted(?: on)?|categor(?:y|ies)|subjects?|keywords?|tags?|links?|url|pdf|paper(?: link)?|code|comments?|venue|journal|doi|arxiv(?: id)?|score|upvotes?)\s*(?:\*\*|__|\*|_)?\s*[:：]\s*(?:\*\*|__|\*|_)?\s*(.*)$/iu

/** Offset at which a Markdown digest starts; -1 if there is none. */
export function markdownAt(head: string): number {
  const table = tableAt(head.split('\n'))
  if (table !== undefined) return head.split('\n').slice(0, table).join('\n').length
  const labels = bold.exec(head)
  const heading =
    /^(?:#{1,6}|[-*+]|\d{1,4}[.)])\s+(?:\d{1,4}[.)]\s*)?(?:\*\*|__)?\[[^\]\n]{3,500}\]\([^)\s]{4,500}\)/gmu
  const links = [...head.matchAll(heading)]
  const items = [...head.matchAll(boldItem)]
  const first = links[0] ?? (items.length > 1 ? items[0] : undefined)
  if (first === undefined) return labels?.index ?? -1
  return labels !== null || (links.length >= 2 && /^#{1,6}\s/mu.test(head)) || links.length === 0 ? first.index : -1
}

// `- **A title** ([arXiv](…)): what it says`
const boldItem = /^(?:[-*+]|\d{1,4}[.)])\s+\*\*([^*\n]{8,300})\*\*(?=[^*\n]{0,300}(?:https?:|arxiv))(.*)$/gimu

const bold =
  /^(?:[-*+]\s+|>\s?)?(?:\*\*|__)(?:abstract|summary|authors?|tl;?dr|keywords?|score|link)\s?:?(?:\*\*|__)\s?[:：]?/imu

/** Index of the header line of a table of papers. */
function tableAt(lines: readonly string[]): number | undefined {
  for (const [i, line] of lines.slice(0, 200).entries()) {
    if (!/\|/u.test(line) || !/^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$/u.test(lines[i + 1] ?? '')) continue
    const fields = guessFields(cellsOf(line))
    if (fields.has('title') || fields.has('abstract')) return i
  }
  return undefined
}

const cellsOf = (line: string) =>
  line
    .trim()
    .replace(/^\||\|$/gu, '')
    .split(/(?<!\\)\|/u)
    .map((cell) => bare(cell.replaceAll('\\|', '|')))

/** Text without bold marks around it. */
const bare = (text: string) =>
  text
    .trim()
    .replace(/^(?:\*\*|__)([\s\S]*)(?:\*\*|__)$/u, '$1')
    .trim()

interface OpenRecord {
  title: string
  url?: string
  line: number
  level: number
  /** Lines of each field and paragraph. */
  fields: Map<string, string[]>
  paragraphs: string[][]
}

export async function* readMarkdown(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const whole = await wholeText(chunks)
  if (whole === undefined) {
    yield { problem: 'is too long for a digest', place: {} }
    return
  }
  const lines = whole.split('\n')
  for (const line of lines.slice(0, 40)) {
    const date = lineDate(line.replace(/^[#>*\s]+|[*_]+$/gu, ''))
    if (date === undefined) continue
    yield { date }
    break
  }
  const table = tableAt(lines)
  const found = table === undefined ? digestRecords(lines) : [...tableRecords(lines, table)]
  let record = 0
  for (const { line, fields } of found) yield { record: fields, place: { record: ++record, line } }
}

interface Found {
  readonly line: number
  readonly fields: Record<string, unknown>
}

function* tableRecords(lines: readonly string[], start: number): Generator<Found> {
  let names: readonly string[] = cellsOf(lines[start] as string)
  let columns = guessFields(names)
  for (let i = start + 2; i < lines.length; i++) {
    const line = lines[i] as string
    if (!line.includes('|')) continue
    // Each further table in the file has its own header.
    if (/^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$/u.test(lines[i + 1] ?? '')) {
      names = cellsOf(line)
      columns = guessFields(names)
      i++
      continue
    }
    const record: Record<string, string> = {}
    for (const [column, cell] of cellsOf(line).entries()) {
      const name = names[column] || `column ${column + 1}`
      const link = linked.exec(cell)
      record[name] = link === null ? cell : (link[1] as string)
      if (link !== null && (record.link === undefined || arxivReference(link[2] as string)))
        record.link = link[2] as string
    }
    const fields = plainFields(
      Object.fromEntries(
        Object.entries(record).filter(([, cell]) => cell !== '' && !/^(?:null|none|-+)$/iu.test(cell)),
      ),
      new Map([...columns, ...(record.link === undefined ? [] : [['url', 'link'] as const])]),
    )
    if (Array.isArray(fields.authors))
      fields.authors = fields.authors.map((name) => String(name).replace(/\s*et\.?\s?al\.?$/iu, ''))
    yield { line: i + 1, fields }
  }
}

function digestRecords(lines: readonly string[]): Found[] {
  const records: OpenRecord[] = []
  let open: OpenRecord | undefined
  /** The field or paragraph that the next line continues. */
  let last: string[] | undefined
  // A heading without a link is a title only if its level also has linked headings, or headings followed by fields.
  const levels = new Set<number>()
  let deepest = 0
  for (const line of lines) {
    const match = titleLine.exec(line)
    if (match !== null && linked.test(match[2] as string)) levels.add(levelOf(match[1] as string))
    if (match?.[1]?.startsWith('#')) deepest = levelOf(match[1])
    else if (deepest > 0 && bold.test(line)) {
      levels.add(deepest)
      deepest = 0
    }
  }
  for (const [i, raw] of lines.entries()) {
    const line = raw.replace(/^\s*(?:>\s?)+/u, '').trimEnd()
    if (
      /^\s*(?:[-*_]\s*){3,}$/u.test(line) ||
      line.trim() === '' ||
      /^\s*<\/?(?:details|summary|br|hr|p|div)[^>]*>\s*$/iu.test(line)
    ) {
      last = undefined
      continue
    }
    const field = label.exec(line.trim())
    if (field !== null && open !== undefined) {
      const name = (field[1] as string).toLowerCase()
      last = [(field[2] as string).trim()]
      open.fields.set(name, last)
      continue
    }
    const heading = titleLine.exec(line)
    const level = heading === null ? 0 : levelOf(heading[1] as string)
    const link = heading === null ? null : linked.exec(heading[2] as string)
    const item = new RegExp(boldItem, 'imu').exec(line)
    if (item !== null && link === null && !/^abstract|^authors?\b/iu.test(item[1] as string)) {
      const rest = item[2] as string
      const url = /https?:\/\/[^\s)>\]]+/u.exec(rest)?.[0]
      open = {
        title: bare(item[1] as string),
        line: i + 1,
        level: 10,
        fields: new Map(),
        paragraphs: [],
        ...(url && { url }),
      }
      records.push(open)
      const text = rest
        .replace(/\(?\[[^\]]{0,200}\]\([^)]*\)\)?|https?:\/\/\S+/gu, '')
        .replace(/^[\s:.,;()–—-]+/u, '')
        .trim()
      last = text === '' ? undefined : [text]
      if (last !== undefined) open.paragraphs.push(last)
      continue
    }
    const isHeading = heading !== null && (heading[1] as string).startsWith('#')
    const isTitle =
      heading !== null &&
      (link !== null
        ? isHeading || open === undefined || level >= open.level || !isHeadingLevel(open.level)
        : isHeading && levels.has(level))
    if (
      heading !== null &&
      isTitle &&
      !(link !== null && isHeading === false && open !== undefined && isHeadingLevel(open.level))
    ) {
      open = {
        title: bare(link?.[1] ?? (heading[2] as string)),
        line: i + 1,
        level,
        fields: new Map(),
        paragraphs: [],
        ...(link !== null && { url: link[2] as string }),
      }
      records.push(open)
      last = undefined
      const rest = link?.[3]?.replace(/^[\s:–—-]+/u, '').trim()
      if (rest) open.paragraphs.push([rest])
      continue
    }
    if (isHeading) {
      // A section heading of the digest.
      open = last = undefined
      continue
    }
    if (open === undefined) continue
    const text = line
      .trim()
      .replace(/<\/?(?:details|summary|br)[^>]*>/giu, ' ')
      .trim()
    const address = /\((https?:\/\/\S+?)\)|<?(https?:\/\/[^\s>)]+)>?/u.exec(text)
    const isButtons =
      text.replace(
        /!?\[[^\]]*\]\([^)]*\)|https?:\/\/\S+|[\s|·•,:-]+|\b(?:pdf|code|arxiv|paper|link|html|abs)\b/giu,
        '',
      ) === ''
    if (isButtons) {
      const found = address?.[1] ?? address?.[2]
      if (found !== undefined && (open.url === undefined || (!arxivReference(open.url) && arxivReference(found))))
        open.url = found
      continue
    }
    if (last !== undefined) {
      last.push(text)
      continue
    }
    last = [text]
    open.paragraphs.push(last)
  }
  return records
    .filter(({ fields, paragraphs, url }) => fields.size > 0 || paragraphs.length > 0 || url !== undefined)
    .map(({ title, url, line, fields, paragraphs }) => {
      const said = Object.fromEntries([...fields].map(([name, lines]) => [name, lines.join(' ').trim()]))
      const texts = paragraphs.map((lines) => lines.join(' '))
      return { line, fields: recordOf(title, url, said, texts) }
    })
}

const levelOf = (mark: string) => (mark.startsWith('#') ? mark.length : 10)
const isHeadingLevel = (level: number) => level < 10

function recordOf(
  title: string,
  url: string | undefined,
  fields: Readonly<Record<string, string>>,
  paragraphs: readonly string[],
): Record<string, unknown> {
  const rest = { ...fields }
  const take = (...names: string[]) => {
    const name = names.find((name) => rest[name])
    if (name === undefined) return undefined
    const value = rest[name]
    delete rest[name]
    return value
  }
  const addresses = ['arxiv', 'arxiv id', 'paper link', 'paper', 'link', 'links', 'url', 'pdf']
  const link = addresses
    .map(
      (name) =>
        /https?:\/\/[^\s)>\]]+/u.exec(fields[name] ?? '')?.[0] ??
        (/^arxiv/u.test(name) && fields[name] ? `arxiv:${fields[name]}` : undefined),
    )
    .find((found) => found !== undefined)
  const authors = take('authors', 'author')
  const categories = take('categories', 'category', 'subjects', 'subject', 'keywords', 'keyword', 'tags', 'tag')
  // Without a labelled abstract the longest paragraph is used.
  const longest = paragraphs.reduce<string | undefined>(
    (best, text) => (text.length > (best?.length ?? 60) ? text : best),
    undefined,
  )
  const abstract = take('abstract', 'summary') ?? longest ?? take('tl;dr', 'tldr')
  const notes = paragraphs.filter((text) => text !== abstract)
  return {
    title,
    ...(abstract !== undefined && { abstract: bare(abstract) }),
    ...(authors !== undefined && { authors: nameList(authors.replace(/[*_]/gu, '')) }),
    ...(categories !== undefined && { categories: splitList(categories.replace(/[`*]/gu, '')) }),
    published: take('published', 'published on', 'publish date', 'submitted', 'submitted on', 'date'),
    url: url !== undefined && arxivReference(url) ? url : (link ?? url),
    extra: { ...rest, ...(notes.length > 0 && { notes }) },
  }
}
