// Saved HTML. A digest page may embed its data as JSON, and the page of one paper has metadata for indexes. Those are read
// if present, otherwise the visible text as if copied from a browser.
import { Parser } from 'htmlparser2'
import { arxivTextAt, readArxivText } from './arxiv-text.ts'
import { readDigestPage } from './digest-page.ts'
import { given, isRecord, plainDoi, turnedName } from './field-values.ts'
import { type Reading, wholeText } from './reading.ts'
import { recordFields } from './record-fields.ts'
import { readScholarAlert, scholarAlertAt } from './scholar-alert.ts'
import { mostNested, tooDeep } from './xml.ts'

const opening =
  /^\s*(?:<!--(?:(?!-->)[\s\S])*-->\s*)*<(?:!doctype\s+html|html|head|body|main|article|div|section|meta)\b/iu

/** Offset at which saved HTML starts; -1 if there is none. */
export function htmlAt(head: string): number {
  if (opening.test(head)) return 0
  const later = /^[ \t]{0,20}<(?:!doctype\s+html|html|head|body)\b/imu.exec(head)
  if (later !== null) return later.index
  // A page whose start is missing, but not a feed with HTML in its texts.
  if (/<\/(?:item|entry|record|article|PubmedArticle|mods)>|<!\[CDATA\[|\]\]>/u.test(head)) return -1
  const tags = [
    ...head.matchAll(
      /<\/?(?:div|span|table|tr|td|ul|li|dl|dt|dd|h[1-6]|nav|footer)(?:\s[^<>]{0,500})?>|<a\s[^<>]{0,500}href=|<p\sclass=/giu,
    ),
  ]
  return tags.length >= 4 && tags.length > head.split('\n', 5000).length / 4 ? (tags[0]?.index ?? -1) : -1
}

const blocks = new Set(
  'address article aside blockquote body br dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table td th tr ul button'.split(
    ' ',
  ),
)
const unseen = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'head',
  'select',
  'option',
  'iframe',
  'textarea',
])
const headings = new Set(['h1', 'h2', 'h3', 'h4'])

interface PageText {
  readonly lines: readonly { readonly text: string; readonly line: number }[]
  /** JSON in attributes and scripts. */
  readonly data: readonly { readonly text: string; readonly line: number }[]
  /** Metadata for indexes, by lower-case name. */
  readonly metadata: ReadonlyMap<string, readonly string[]>
}

export async function* readSavedPage(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const html = await wholeText(chunks)
  if (html === undefined) {
    yield { problem: 'is too long for a page', place: {} }
    return
  }
  const { lines, data, metadata } = pageText(html)
  const found = new Map<string, { readonly record: unknown; readonly line: number }>()
  for (const { text, line } of data)
    for (const record of dailyPapersIn(text)) {
      const { id } = record.paper as { id: unknown }
      if (!found.has(String(id))) found.set(String(id), { record: recordFields(record).record, line })
    }
  const text = lines.map(({ text }) => text).join('\n\n')
  // Lines of the page are two apart in `text`.
  const lineOf = (line: number | undefined) => (line === undefined ? undefined : lines[(line - 1) >> 1]?.line)
  if (found.size === 0 && metadata.has('citation_title')) {
    yield { record: ofMetadata(metadata, lines), place: { record: 1 }, from: 'the page of a paper' }
    return
  }
  const other = [
    { at: arxivTextAt(text), read: readArxivText, from: 'a page of arXiv' },
    { at: scholarAlertAt(text), read: readScholarAlert, from: 'an alert of Google Scholar' },
  ].find(({ at }) => at >= 0)
  if (found.size === 0 && other !== undefined) {
    for await (const reading of other.read(onePiece(text))) {
      if ('date' in reading) yield reading
      else
        yield {
          ...reading,
          place: { ...reading.place, line: lineOf(reading.place.line) },
          ...('record' in reading && { from: other.from }),
        }
    }
    return
  }
  const page = readDigestPage(text)
  if (page.date !== undefined) yield { date: page.date }
  if (found.size > 0) {
    let number = 0
    for (const { record, line } of found.values()) yield { record, place: { record: ++number, line } }
    return
  }
  for (const { line, ...record } of page.records) yield { record, place: { line: lineOf(line) } }
  for (const { line, text } of page.skipped)
    yield { problem: 'starts a paragraph without a title', place: { line: lineOf(line) }, kind: 'passed-over', text }
}

async function* onePiece(text: string): AsyncGenerator<string> {
  yield text
}

/** The paper described by a page's metadata for indexes (`citation_title` and the like). */
function ofMetadata(metadata: PageText['metadata'], lines: PageText['lines']): Record<string, unknown> {
  const all = (...names: string[]) => names.flatMap((name) => metadata.get(name) ?? []).filter((text) => text !== '')
  const first = (...names: string[]) => all(...names)[0]
  const doi = plainDoi(first('citation_doi', 'dc.identifier.doi'))
  const arxiv = first('citation_arxiv_id')
  const pmid = first('citation_pmid')
  const link = first('citation_abstract_html_url', 'citation_public_url', 'og:url', 'canonical')
  // If the metadata have no abstract, the page may show one below its heading.
  const shown = lines
    .map(({ text }) => /^Abstract\s*[:.]?\s*(\S[\s\S]{80,})$/iu.exec(text)?.[1])
    .find((text) => text !== undefined)
  const heading = lines.findIndex(({ text }) => /^(?:\d+\.?\s*)?abstract:?$/iu.test(text))
  const below =
    heading < 0 ? undefined : lines.slice(heading + 1, heading + 4).find(({ text }) => text.length > 80)?.text
  const described = all('citation_abstract', 'dc.description', 'og:description', 'description').reduce<
    string | undefined
  >((best, text) => (text.length > (best?.length ?? 40) ? text : best), undefined)
  return given({
    id: arxiv ?? (pmid && `PMID:${pmid}`),
    title: first('citation_title'),
    abstract: first('citation_abstract') ?? shown ?? below ?? described,
    authors: all('citation_author', 'citation_authors')
      .flatMap((text) => text.split(/\s*;\s*/u))
      .map(turnedName),
    categories: all('citation_keywords').flatMap((text) => text.split(/\s*;\s*/u)),
    published: first('citation_publication_date', 'citation_date', 'citation_online_date', 'citation_year'),
    url: arxiv
      ? `https://arxiv.org/abs/${arxiv}`
      : (link ?? (doi ? `https://doi.org/${doi}` : first('citation_pdf_url'))),
    doi,
    pmid,
    journal: first('citation_journal_title', 'citation_conference_title'),
    publisher: first('citation_publisher'),
    pdf: first('citation_pdf_url'),
  })
}

function pageText(html: string): PageText {
  const lines: { text: string; line: number }[] = []
  const data: { text: string; line: number }[] = []
  let open = ''
  let isBlank = true
  let openAt = 0
  let hiddenDepth = 0
  let depth = 0
  let script: { text: string; line: number } | undefined
  const metadata = new Map<string, string[]>()
  let heading: { link: string | undefined } | undefined
  /** A link in the line, and the range of its text. */
  let anchor: { link: string; from: number; to: number } | undefined
  let counted = 0
  let line = 1
  const lineAt = (index: number) => {
    for (let i = html.indexOf('\n', counted); i >= 0 && i < index; i = html.indexOf('\n', i + 1)) {
      line++
      counted = i + 1
    }
    return line
  }
  const flush = () => {
    const text = open.replace(/\s+/gu, ' ').trim()
    // A line that is only a link, and long enough for a title, links to its paper.
    const isLink =
      anchor !== undefined &&
      open.slice(0, anchor.from).trim() === '' &&
      open.slice(anchor.to).trim() === '' &&
      text.split(' ').length > 3 &&
      !text.startsWith('[')
    if (text !== '') lines.push({ text: isLink ? `[${text}](${anchor?.link})` : text, line: lineAt(openAt) })
    open = ''
    isBlank = true
    anchor = undefined
  }
  const parser: Parser = new Parser({
    onopentag: (name, attributes) => {
      if (++depth > mostNested) throw tooDeep()
      for (const value of Object.values(attributes))
        if (value.length > 100 && /^\s*[{[]/u.test(value)) data.push({ text: value, line: lineAt(parser.startIndex) })
      if (name === 'script' && /json/iu.test(attributes.type ?? ''))
        script = { text: '', line: lineAt(parser.startIndex) }
      if (name === 'meta') {
        const key = (attributes.name ?? attributes.property ?? '').toLowerCase()
        const known = metadata.get(key)
        if (known !== undefined && attributes.content) known.push(attributes.content.trim())
        else if (key !== '' && attributes.content) metadata.set(key, [attributes.content.trim()])
      }
      if (name === 'link' && attributes.rel === 'canonical' && attributes.href)
        metadata.set('canonical', [attributes.href])
      if (unseen.has(name)) hiddenDepth++
      if (hiddenDepth > 0) return
      if (headings.has(name)) heading = { link: undefined }
      if (blocks.has(name)) flush()
      const paper =
        name === 'a'
          ? /\/(?:papers|abs)\/([a-z-]+\/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?$/iu.exec(attributes.href ?? '')?.[1]
          : undefined
      const link =
        paper !== undefined
          ? `https://arxiv.org/abs/${paper}`
          : /^https?:\/\/[^\s()]+$/iu.exec(attributes.href ?? '')?.[0]
      if (name !== 'a' || link === undefined) return
      if (heading !== undefined && (heading.link === undefined || paper !== undefined)) heading.link = link
      if (anchor === undefined) anchor = { link, from: open.length, to: Number.POSITIVE_INFINITY }
      else anchor.to = -1
    },
    ontext: (text) => {
      if (script !== undefined) script.text += text
      if (hiddenDepth > 0) return
      if (isBlank) openAt = parser.startIndex
      isBlank &&= text.trim() === ''
      open += text
    },
    onclosetag: (name) => {
      depth--
      if (name === 'script' && script !== undefined) {
        data.push(script)
        script = undefined
      }
      if (unseen.has(name)) hiddenDepth = Math.max(0, hiddenDepth - 1)
      if (hiddenDepth > 0) return
      if (name === 'a' && anchor !== undefined && anchor.to === Number.POSITIVE_INFINITY) anchor.to = open.length
      if (headings.has(name) && heading !== undefined) {
        // A heading with a link to a paper is its title.
        if (heading.link !== undefined && open.trim() !== '')
          open = `[${open.replace(/\s+/gu, ' ').trim()}](${heading.link})`
        heading = anchor = undefined
      }
      if (blocks.has(name)) flush()
    },
  })
  parser.write(html)
  parser.end()
  flush()
  return { lines, data, metadata }
}

/** Records of daily papers anywhere in a JSON text. */
function dailyPapersIn(text: string): Record<string, unknown>[] {
  if (!text.includes('"summary"')) return []
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Not every script declared as JSON is valid; then the page's text is read.
    return []
  }
  const found: Record<string, unknown>[] = []
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (Array.isArray(next)) for (let i = next.length - 1; i >= 0; i--) waiting.push(next[i])
    else if (isRecord(next)) {
      if (isRecord(next.paper) && typeof next.paper.id === 'string' && typeof next.paper.summary === 'string')
        found.push({ ...next })
      else waiting.push(...Object.values(next).reverse())
    }
  }
  return found
}
