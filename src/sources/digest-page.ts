// The text of a papers-digest page as a person copies it from the browser: titles and abstracts as paragraphs, with
// page furniture before, between and after them. A paper is an abstract with the nearest title before it; what is
// neither is furniture. Nothing else in such a text says which is which, so lengths and a list of usual words decide.
import { arxivReference, derivedId } from '../paper.ts'

/** One paper's fields as the page shows them. */
export interface PageRecord {
  readonly id?: string
  readonly title: string
  readonly abstract: string
  readonly authors?: string[]
  readonly url?: string
  /** The line of the file that the abstract begins on, from 1. */
  readonly line: number
}

export interface DigestPage {
  /** ISO 8601; `--03-12` where the page names no year. */
  readonly date?: string
  readonly records: readonly PageRecord[]
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const monthName = `(${months.join('|')})[a-z]*\\.?`
const datePatterns: readonly { readonly pattern: RegExp; readonly order: readonly ('year' | 'month' | 'day')[] }[] = [
  {
    pattern: new RegExp(`^${monthName}\\s+(\\d{1,2})(?:st|nd|rd|th)?(?:,?\\s+(\\d{4}))?$`, 'iu'),
    order: ['month', 'day', 'year'],
  },
  {
    pattern: new RegExp(`^(\\d{1,2})(?:st|nd|rd|th)?\\.?\\s+${monthName}(?:,?\\s+(\\d{4}))?$`, 'iu'),
    order: ['day', 'month', 'year'],
  },
  { pattern: /^(\d{4})-(\d{2})-(\d{2})$/u, order: ['year', 'month', 'day'] },
]
const beforeDate =
  /^(?:(?:daily |today's |trending |new )?(?:papers|digest)(?: (?:for|of|from))?[\s:·|,–—-]*|published (?:on )?|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?[,.]?\s+)+/iu

/** The date that a line consists of, ISO 8601, with `--` for a missing year; undefined where the line is no date. */
export function lineDate(line: string): string | undefined {
  const text = line.trim().replace(beforeDate, '')
  for (const { pattern, order } of datePatterns) {
    const match = pattern.exec(text)
    if (match === null) continue
    const part = (name: 'year' | 'month' | 'day') => match[order.indexOf(name) + 1]
    const month = months.indexOf((part('month') ?? '').slice(0, 3).toLowerCase()) + 1 || Number(part('month'))
    const day = Number(part('day'))
    if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31)) return undefined
    const monthDay = `${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
    return part('year') === undefined ? `--${monthDay}` : `${part('year')}-${monthDay}`
  }
  return undefined
}

// Words that stand alone on a line of such pages: navigation, buttons, counters, credits.
const furniture: readonly RegExp[] = [
  /^[\p{P}\p{S}\s]*$/u,
  /^[\s▲▼△▽↑↓+#·•|–—-]*\d[\d.,]*\s*[km]?[\s▲▼△▽↑↓·•|–—-]*$/iu,
  /^[\s·•▲+\d.,k-]*(?:up-?votes?|votes?|likes?|stars?|comments?|authors?|views?|downloads?|citations?|replies|reads?|bookmarks?|shares?|saves?|points?|minutes? read|min read|(?:more )?papers?)[\s·•\d.,k-]*$/iu,
  /^(?:upvote|like|save|share|submit(?: (?:a )?paper)?|new|hot|top|trending|latest|today|yesterday|daily|weekly|monthly|all|more|subscribe|follow(?:ing)?|sign (?:in|up|out)|log ?(?:in|out)|join(?: us)?|home|search|menu|about(?: us)?|blog|careers|jobs|contact(?: us)?|help|faqs?|docs|documentation|pricing|models|datasets|spaces|community|posts|papers|daily papers|trending papers|company|website|privacy(?: policy)?|terms(?: of (?:use|service))?|tos|cookies?|imprint|legal|license|feedback|settings|system theme|theme|language|previous|prev|next|back(?: to top)?|load more|show more|show less|read more|see more|view all|expand|collapse|filters?|sort(?: by)?|abstract|abs|pdf|html|code|github|project(?: page)?|data|demo|video|slides|poster|bibtex|cite|arxiv|view (?:pdf|arxiv page|paper|code|project page|on github)|add to (?:collection|library|reading list)|copy link|report)(?:\s*[·•|→›»:]*\s*\d*[\d.,]*k?)?$/iu,
  /^(?:get|receive|subscribe|sign up|join)\b[^.]{0,100}\b(?:inbox|e-?mails?|newsletters?|alerts?)\b.{0,20}$/iu,
  /^(?:submitted|curated|posted|uploaded|shared|published|brought to you|maintained|by)\s*(?:by|on)?\s*:?\s*@?[\p{L}\p{N}].{0,80}$/iu,
  /^by\s?(?:@?\p{Lu}\p{L}*).{0,60}\bcommunity$/iu,
  /^(?:©|\(c\)|copyright\b|all rights reserved).{0,120}$/iu,
  /^(?:page )?\d+ (?:of|\/) \d+$/iu,
  /^\d+ (?:seconds?|minutes?|hours?|days?|weeks?|months?|years?) ago$/iu,
  /^avatars?\b.{0,60}$/iu,
]
const furnitureParagraph =
  /\b(?:we use cookies|cookie (?:policy|settings|preferences)|privacy policy|terms of (?:use|service)|all rights reserved|unsubscribe|sign up for|newsletter|log in to|create an account)\b/iu

function isFurniture(text: string): boolean {
  if (text.length > 200) return false
  if (furniture.some((pattern) => pattern.test(text)) || lineDate(text) !== undefined) return true
  // "Previous · Next · Privacy": furniture all the way through.
  const parts = text.split(/\s*[·•|/›»]\s*/u).filter((part) => part !== '')
  return parts.length > 1 && parts.every((part) => furniture.some((pattern) => pattern.test(part)))
}

const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu

function wordCount(text: string): number {
  return text.split(/\s+/u).filter((word) => word !== '').length + (text.match(unspaced)?.length ?? 0) / 2
}

/** An abstract by its length alone. */
function isLong(text: string): boolean {
  const words = wordCount(text)
  return words >= 45 && !(words < 90 && furnitureParagraph.test(text))
}

/** Of middling length, and closed like a sentence: a short abstract, or a long title that ends in a full stop. */
function isSentence(text: string): boolean {
  if (wordCount(text) < 14 || furnitureParagraph.test(text)) return false
  return /[.。…]["”’)\]]*$/u.test(text) || (/[!?]["”’)\]]*$/u.test(text) && /[.!?]\s+\p{Lu}/u.test(text))
}

const person =
  /^(?:\p{Lu}[\p{L}.'’-]*|de|la|van|von|der|den|del|da|di|bin|al|el|le|ten|ter)(?:\s+(?:\p{Lu}[\p{L}.'’-]*|de|la|van|von|der|den|del|da|di|bin|al|el|le|ten|ter)){1,4}\*?$/u

/** The names, where a line is nothing but a list of names. */
function authorNames(text: string): string[] | undefined {
  const listed = /^authors?\s*:\s*(.+)$/iu.exec(text)
  const names = (listed?.[1] ?? text)
    .split(/\s*[,;]\s*(?:and\s+|&\s*)?|\s+and\s+|\s+&\s+/u)
    .filter((name) => name !== '')
  if (listed !== null) return names
  return names.length >= 2 && names.every((name) => person.test(name)) ? names : undefined
}

interface Piece {
  readonly kind: 'title' | 'abstract' | 'sentence' | 'authors' | 'link' | 'date' | 'furniture'
  readonly text: string
  readonly line: number
}

function piece(text: string, line: number): Piece {
  const labelled = /^(title|abstract)\s*:\s*(\S.*)$/isu.exec(text)
  if (labelled)
    return { kind: labelled[1]?.toLowerCase() === 'title' ? 'title' : 'abstract', text: labelled[2] as string, line }
  if (/^(?:https?:\/\/\S+|arxiv:\s?\S+)(?:\s*\[[\w.-]+\])?$/iu.test(text))
    return {
      kind: arxivReference(text.replace(/^arxiv:\s+/iu, 'arxiv:')) ? 'link' : 'furniture',
      text: text.replace(/^arxiv:\s+/iu, 'arxiv:'),
      line,
    }
  if (lineDate(text) !== undefined) return { kind: 'date', text, line }
  if (isFurniture(text)) return { kind: 'furniture', text, line }
  if (isLong(text)) return { kind: 'abstract', text, line }
  if (isSentence(text)) return { kind: 'sentence', text, line }
  return { kind: authorNames(text) ? 'authors' : 'title', text, line }
}

/** Cuts the text into paragraphs: blank lines part them, and so do long lines, which no one wraps by hand. */
function pieces(text: string): Piece[] {
  const found: Piece[] = []
  const lines = text.split(/\r\n|\n|\r|\u2028|\u2029/u)
  for (let begin = 0; begin < lines.length; begin++) {
    if (lines[begin]?.trim() === '') continue
    let end = begin
    while (end < lines.length && lines[end]?.trim() !== '') end++
    const block = lines.slice(begin, end).map((raw, i) => ({
      text: raw.replace(/\s+/gu, ' ').trim(),
      line: begin + i + 1,
    }))
    if (block.length === 1 || block.some(({ text }) => wordCount(text) >= 30))
      for (const { text, line } of block) found.push(piece(text, line))
    else {
      // Lines wrapped by hand, or short lines that the browser stacked: what stands alone as furniture, a date, a link or
      // a list of names stays alone, the rest is one paragraph.
      let open: { text: string; line: number } | undefined
      const flush = () => {
        if (open) found.push(piece(open.text, open.line))
        open = undefined
      }
      for (const { text, line } of block) {
        const alone = piece(text, line)
        const labelled = /^(?:title|abstract|authors?)\s*:/iu.test(text)
        if (
          (!['title', 'abstract', 'sentence'].includes(alone.kind) && !(open && wordCount(open.text) > 12)) ||
          labelled
        ) {
          flush()
          if (labelled) open = { text, line }
          else found.push(alone)
        } else if (open) open = { text: `${open.text} ${text}`, line: open.line }
        else open = { text, line }
      }
      flush()
    }
    begin = end
  }
  return found
}

/** What a sentence is in its place: the abstract of the title before it, or the title of the abstract after it. */
function sentenceKind(
  found: readonly Piece[],
  position: number,
  hasTitle: boolean,
): 'title' | 'abstract' | 'furniture' {
  if (hasTitle) return 'abstract'
  const next = found
    .slice(position + 1)
    .find(({ kind }) => kind !== 'furniture' && kind !== 'authors' && kind !== 'link')
  const text = found[position]?.text ?? ''
  const isAbstract =
    next?.kind === 'abstract' || (next?.kind === 'sentence' && wordCount(next.text) > 1.5 * wordCount(text))
  return isAbstract ? 'title' : 'furniture'
}

/**
 * Reads the papers of a copied digest page, in page order, and its date.
 * Two papers of one title keep apart: the later one's id takes its abstract in.
 */
export function readDigestPage(text: string): DigestPage {
  const records: PageRecord[] = []
  const open: { title?: Piece; authors?: string[]; link?: string } = {}
  let date: string | undefined
  let last: { title: string; abstract: string; line: number; authors?: string[]; url?: string } | undefined
  const all: NonNullable<typeof last>[] = []
  let linksComeFirst = false
  let afterAbstract = false
  const found = pieces(text)
  for (const [position, piece] of found.entries()) {
    const current =
      piece.kind === 'sentence' ? { ...piece, kind: sentenceKind(found, position, open.title !== undefined) } : piece
    switch (current.kind) {
      case 'date':
        if (all.length === 0) date ??= lineDate(current.text)
        break
      case 'title':
        open.title = current
        break
      case 'authors':
        if (open.title && !afterAbstract) open.authors = authorNames(current.text) as string[]
        else open.title = current
        break
      case 'link':
        if (!open.title && last && !linksComeFirst) last.url ??= current.text
        else {
          linksComeFirst ||= all.length === 0 && !open.title
          open.link = current.text
        }
        break
      case 'abstract':
        if (open.title) {
          last = {
            title: open.title.text,
            abstract: current.text,
            line: current.line,
            ...(open.authors && { authors: open.authors }),
            ...(open.link && { url: open.link }),
          }
          all.push(last)
          delete open.title
          delete open.authors
          delete open.link
        } else if (last && afterAbstract) last.abstract = `${last.abstract}\n\n${current.text}`
        break
      case 'furniture':
        break
    }
    afterAbstract = current.kind === 'abstract'
  }
  const seen = new Map<string, string>()
  for (const record of all) {
    const id = derivedId(record.title)
    const known = seen.get(id)
    if (known !== undefined && known !== record.abstract && !record.url)
      records.push({ ...record, id: `${id}-${derivedId(record.abstract).slice(2, 6)}` })
    else records.push(record)
    if (known === undefined && !record.url) seen.set(id, record.abstract)
  }
  return { records, ...(date !== undefined && { date }) }
}
