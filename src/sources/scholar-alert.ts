// Google Scholar alerts, as text or as the text of a saved mail: a title, a line with authors, venue and year, and a short
// excerpt.
import { arxivReference } from '../paper.ts'
import { given, nameList } from './field-values.ts'
import { type Reading, wholeText } from './reading.ts'

const credit = /^(\S.{1,300}?)\s+[-–—]\s+(?:(.{2,200}?)(?:,\s+|\s+[-–—]\s+))?((?:19|20)\d{2})(?:\s+[-–—]\s+\S+)?$/u
const mark = /^\s*(?:\[(?:PDF|HTML|BOOK|CITATION|B|C)\]\s*)*/u
const isFurniture = (line: string) =>
  /^(?:save|twitter|linkedin|facebook|cite|related articles?|all \d+ versions|cited by \d+.*|(?:save|twitter|linkedin|facebook|\s)+|this message was sent by google scholar.*|.*(?:new articles?|new results|new citations) .*|cancel alert|list alerts?|unsubscribe.*|google scholar)$/iu.test(
    line,
  )

/** Offset at which an alert starts; -1 if there is none. */
export function scholarAlertAt(head: string): number {
  if (!/google scholar|scholar\.google|scholaralerts|scholar alert/iu.test(head.slice(0, 20_000))) return -1
  let at = 0
  for (const line of head.slice(0, 20_000).split('\n')) {
    if (line.length < 600 && credit.test(line.trim())) return Math.max(0, at - 1)
    at += line.length + 1
  }
  return -1
}

export async function* readScholarAlert(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const whole = await wholeText(chunks)
  if (whole === undefined) {
    yield { problem: 'is too long for an alert', place: {} }
    return
  }
  const lines = whole.split('\n').map((line) => line.trim())
  const credits = lines.flatMap((line, i) => (line.length < 600 && credit.test(line) ? [i] : []))
  let record = 0
  for (const [n, i] of credits.entries()) {
    let title = i - 1
    while (title > (credits[n - 1] ?? -1) && lines[title] === '') title--
    const before = lines[title] ?? ''
    if (title <= (credits[n - 1] ?? -1) || before === '') {
      yield {
        problem: 'names authors and a year, but has no title before it',
        place: { line: i + 1 },
        kind: 'passed-over',
      }
      continue
    }
    const linked = /^(?:\[(?:PDF|HTML|BOOK)\]\s*)?\[(.+)\]\((\S+)\)$/iu.exec(before)
    const [, authors, venue, year] = credit.exec(lines[i] as string) as RegExpExecArray
    const next = credits[n + 1] ?? lines.length
    // The next paper's title comes before its line of authors.
    let last = next - 1
    while (last > i && n + 1 < credits.length && lines[last] === '') last--
    const snippet: string[] = []
    for (const line of lines.slice(i + 1, n + 1 < credits.length ? last : next)) {
      if (isFurniture(line) || (line === '' && snippet.length > 0)) break
      if (line !== '') snippet.push(line)
    }
    const link = linked?.[2] === undefined ? undefined : target(linked[2])
    const inVenue = /arXiv:(\d{4}\.\d{4,5}|[a-z-]+\/\d{7})/u.exec(venue ?? '')?.[1]
    yield {
      record: given({
        title: (linked?.[1] ?? before).replace(mark, ''),
        abstract: snippet.join(' '),
        authors: nameList((authors as string).replace(/,?\s*…$/u, '')),
        published: year,
        url:
          link !== undefined && (arxivReference(link) || inVenue === undefined)
            ? link
            : inVenue && `https://arxiv.org/abs/${inVenue}`,
        journal: venue,
      }),
      place: { record: ++record, line: title + 1 },
    }
  }
}

/** The target of an alert's redirect link. */
function target(link: string): string {
  const inner = /[?&](?:url|q)=([^&]+)/u.exec(link)?.[1]
  if (inner === undefined) return link
  try {
    return decodeURIComponent(inner)
  } catch {
    // Not a valid encoded address: keep the link.
    return link
  }
}
