// The saved HTML of a papers-digest page. Such pages carry their data beside what they show; where they do, the data is
// read, and otherwise the page's text as a person would copy it.
import { Parser } from 'htmlparser2'
import { readDigestPage } from './digest-page.ts'
import { isRecord } from './field-values.ts'
import { type Reading, wholeText } from './reading.ts'
import { recordFields } from './record-fields.ts'

export function looksLikeHtml(head: string): boolean {
  return /^\s*(?:<!--(?:(?!-->)[\s\S])*-->\s*)*<(?:!doctype\s+html|html|head|body|main|article|div|section|meta)\b/iu.test(
    head,
  )
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
  /** JSON that the page carries in attributes and scripts. */
  readonly data: readonly { readonly text: string; readonly line: number }[]
}

export async function* readSavedPage(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const html = await wholeText(chunks)
  if (html === undefined) {
    yield { problem: 'is too long for a page', place: {} }
    return
  }
  const { lines, data } = pageText(html)
  const found = new Map<string, { readonly record: unknown; readonly line: number }>()
  for (const { text, line } of data)
    for (const record of dailyPapersIn(text)) {
      const { id } = record.paper as { id: unknown }
      if (!found.has(String(id))) found.set(String(id), { record: recordFields(record), line })
    }
  const page = readDigestPage(lines.map(({ text }) => text).join('\n\n'))
  if (page.date !== undefined) yield { date: page.date }
  if (found.size > 0) {
    let number = 0
    for (const { record, line } of found.values()) yield { record, place: { record: ++number, line } }
    return
  }
  // Lines stand two apart in the text that was read.
  const lineOf = (line: number) => lines[(line - 1) >> 1]?.line
  for (const { line, ...record } of page.records) yield { record, place: { line: lineOf(line) } }
  for (const { line, text } of page.skipped)
    yield { problem: 'begins a paragraph that has no title', place: { line: lineOf(line) }, kind: 'passed-over', text }
}

function pageText(html: string): PageText {
  const lines: { text: string; line: number }[] = []
  const data: { text: string; line: number }[] = []
  let open = ''
  let openAt = 0
  let hiddenDepth = 0
  let script: { text: string; line: number } | undefined
  let heading: { link: string | undefined } | undefined
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
    if (text !== '') lines.push({ text, line: lineAt(openAt) })
    open = ''
  }
  const parser: Parser = new Parser({
    onopentag: (name, attributes) => {
      for (const value of Object.values(attributes))
        if (value.length > 100 && /^\s*[{[]/u.test(value)) data.push({ text: value, line: lineAt(parser.startIndex) })
      if (name === 'script' && /json/iu.test(attributes.type ?? ''))
        script = { text: '', line: lineAt(parser.startIndex) }
      if (unseen.has(name)) hiddenDepth++
      if (hiddenDepth > 0) return
      if (headings.has(name)) heading = { link: undefined }
      if (blocks.has(name)) flush()
      const paper =
        name === 'a'
          ? /\/(?:papers|abs)\/([a-z-]+\/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?$/iu.exec(attributes.href ?? '')?.[1]
          : undefined
      if (heading !== undefined && paper !== undefined) heading.link = `https://arxiv.org/abs/${paper}`
    },
    ontext: (text) => {
      if (script !== undefined) script.text += text
      if (hiddenDepth > 0) return
      if (open.trim() === '') openAt = parser.startIndex
      open += text
    },
    onclosetag: (name) => {
      if (name === 'script' && script !== undefined) {
        data.push(script)
        script = undefined
      }
      if (unseen.has(name)) hiddenDepth = Math.max(0, hiddenDepth - 1)
      if (hiddenDepth > 0) return
      if (headings.has(name) && heading !== undefined) {
        // A heading that leads to a paper is its title.
        if (heading.link !== undefined && open.trim() !== '')
          open = `[${open.replace(/\s+/gu, ' ').trim()}](${heading.link})`
        heading = undefined
      }
      if (blocks.has(name)) flush()
    },
  })
  parser.write(html)
  parser.end()
  flush()
  return { lines, data }
}

/** The records of daily papers anywhere in a JSON text. */
function dailyPapersIn(text: string): Record<string, unknown>[] {
  if (!text.includes('"summary"')) return []
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Not every script that calls itself JSON is; the page's text is read then.
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
