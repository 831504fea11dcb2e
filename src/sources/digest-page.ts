// The text of a papers-digest page as copied from a browser: titles and abstracts as paragraphs, with page furniture
// before, between and after them. A paper is an abstract with the nearest title before it; the rest is furniture. The
// text has no markup, so lengths and a list of common words decide which is which.
import { arxivReference } from '../paper.ts'
import { hasDay, monthNumber, monthPattern } from '../text/months.ts'
import { unspacedScripts } from '../text/tokens.ts'
import { type Reading, wholeText } from './reading.ts'

/** A paper's fields as shown on the page. */
interface PageRecord {
  readonly title: string
  readonly abstract: string
  readonly authors?: string[]
  readonly url?: string
  /** ISO 8601, if the page dates each paper. */
  readonly published?: string
  /** First line of the abstract in the file, from 1. */
  readonly line: number
}

interface DigestPage {
  /** ISO 8601; `--03-12` if the page names no year. */
  readonly date?: string
  readonly records: readonly PageRecord[]
  /** Possible abstracts without a title before them. */
  readonly skipped: readonly { readonly line: number; readonly text: string }[]
}

const monthName = `${monthPattern()}\\.?`
const datePatterns: readonly { readonly pattern: RegExp; readonly order: readonly ('year' | 'month' | 'day')[] }[] = [
  {
    pattern: new RegExp(`^${monthName}\\s+(\\d{1,2})(?:st|nd|rd|th)?(?:,?\\s+(\\d{4}))?$`, 'iu'),
    order: ['month', 'day', 'year'],
  },
  {
    pattern: new RegExp(`^(\\d{1,2})(?:st|nd|rd|th)?\\.?\\s+${monthName}(?:,?\\s+(\\d{4}))?$`, 'iu'),
    order: ['day', 'month', 'year'],
  },
  { pattern: /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:T[\d:.]+(?:Z|[+-][\d:]+)?)?$/u, order: ['year', 'month', 'day'] },
]
const beforeDate =
  /^(?:(?:daily |today's |trending |new )?(?:papers|digest)(?: (?:for|of|from))?[\s:·|,–—-]*|(?:published|updated|posted|last updated) ?(?:on |at )?:?\s*|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?[,.]?\s+)+/iu

/** The date in a line that is only a date, ISO 8601, with `--` for a missing year; undefined for any other line. */
export function lineDate(line: string): string | undefined {
  const text = line
    .trim()
    .replace(/^[·•|–—-]\s+/u, '')
    .replace(beforeDate, '')
  for (const { pattern, order } of datePatterns) {
    const match = pattern.exec(text)
    if (match === null) continue
    const part = (name: 'year' | 'month' | 'day') => match[order.indexOf(name) + 1]
    const month = monthNumber(part('month') ?? '') || Number(part('month'))
    const day = Number(part('day'))
    if (!hasDay(month, day)) return undefined
    const monthDay = `${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
    return part('year') === undefined ? `--${monthDay}` : `${part('year')}-${monthDay}`
  }
  return undefined
}

// Words alone on a line of such pages: navigation, buttons, counters, credits.
const furniture: readonly RegExp[] = [
  /^[\p{P}\p{S}\s]*$/u,
  /^[\s▲▼△▽↑↓+#·•|–—-]*\d[\d.,]*\s*[km]?[\s▲▼△▽↑↓·•|–—-]*$/iu,
  /^[\s·•▲+\d.,k-]*(?:up-?votes?|votes?|likes?|stars?|comments?|authors?|views?|downloads?|citations?|replies|reads?|bookmarks?|shares?|saves?|points?|minutes? read|min read|(?:more )?papers?)[\s·•\d.,k-]*$/iu,
  /^(?:upvote|like|save|share|submit(?: (?:a )?paper)?|new|hot|top|trending|latest|today|yesterday|daily|weekly|monthly|all|more|subscribe|follow(?:ing)?|sign (?:in|up|out)|log ?(?:in|out)|join(?: us)?|home|search|menu|about(?: us)?|blog|careers|jobs|contact(?: us)?|help|faqs?|docs|documentation|pricing|models|datasets|spaces|community|posts|papers|daily papers|trending papers|company|website|privacy(?: policy)?|terms(?: of (?:use|service))?|tos|cookies?|imprint|legal|license|feedback|settings|system theme|theme|language|previous|prev|next|back(?: to top)?|load more|show more|show less|read more|see more|view all|expand|collapse|filters?|sort(?: by)?|abstract|abs|pdf|html|code|github|project(?: page)?|data|demo|video|slides|poster|bibtex|cite|arxiv|view (?:pdf|arxiv page|paper|code|project page|on github)|add to (?:collection|library|reading list)|copy link|report)(?:\s*[·•|→›»:]*\s*\d*[\d.,]*k?)?$/iu,
  /^(?:get|receive|subscribe|sign up|join)\b[^.]{0,100}\b(?:inbox|e-?mails?|newsletters?|alerts?)\b.{0,20}$/iu,
  /^(?:(?:submitted|curated|posted|uploaded|shared|published|maintained|brought to you) (?:by|on)\b|by\s?(?=@))\s*:?\s*\S.{0,80}$/iu,
  /^by\s?\p{Lu}.{0,60}\bcommunity$/iu,
  /^(?:(?:©|\(c\)|copyright)\s*(?:©\s*)?\d{4}\b|all rights reserved\b).{0,100}$/iu,
  /^(?:page )?\d+ (?:of|\/) \d+$/iu,
  /^(?:no |\d+ )?code implementations?\b.{0,80}$/iu,
  /^[\w.-]+\s?\/\s?[\w.-]+\s*[•·].{0,60}$/u,
  /^\d[\d.,]*\s*stars? \/ hour$/iu,
  /^\d+ (?:seconds?|minutes?|hours?|days?|weeks?|months?|years?) ago$/iu,
]
const furnitureParagraph =
  /\b(?:we use cookies|cookie (?:policy|settings|preferences)|privacy policy|terms of (?:use|service)|all rights reserved|unsubscribe|sign up for|newsletter|log in to|create an account)\b/iu

function isFurniture(text: string): boolean {
  if (text.length > 200) return false
  if (furniture.some((pattern) => pattern.test(text)) || lineDate(text) !== undefined) return true
  // "Previous · Next · Privacy": every part is furniture.
  const parts = text.split(/\s*[·•|/›»]\s*/u).filter((part) => part !== '')
  return parts.length > 1 && parts.every((part) => furniture.some((pattern) => pattern.test(part)))
}

const unspaced = new RegExp(unspacedScripts, 'gu')

function wordCount(text: string): number {
  return text.split(/\s+/u).filter((word) => word !== '').length + (text.match(unspaced)?.length ?? 0) / 2
}

/** At least 14 words and ends like a sentence: a short abstract, or a long title with a full stop. */
function isSentence(text: string): boolean {
  if (wordCount(text) < 14) return false
  return /[.。…]["”’)\]]*$/u.test(text) || (/[!?]["”’)\]]*$/u.test(text) && /[.!?]\s+\p{Lu}/u.test(text))
}

const nameWord = "(?:\\p{Lu}[\\p{L}.'’-]*|de|la|van|von|der|den|del|da|di|bin|al|el|le|ten|ter)"
const person = new RegExp(`^(?:${nameWord}(?:\\s+${nameWord}){1,4}\\*?|\\p{Script=Han}{2,4})$`, 'u')
const restOfAuthors =
  /\s*[,，;]?\s*(?:and\s+)?(?:et al\.?|\+\s?\d+(?: (?:more|others|authors))?|and \d+ (?:more|others))$/iu

/** The names in a line that is only a list of names; undefined for any other line. */
function authorNames(text: string): string[] | undefined {
  const listed = /^authors?\s*:\s*(.+)$/iu.exec(text)
  const isOpenEnded = restOfAuthors.test(text)
  const names = (listed?.[1] ?? text)
    .replace(restOfAuthors, '')
    .split(/\s*[,;，、；|]\s*(?:and\s+|&\s*)?|\s+and\s+|\s+&\s+/u)
    .filter((name) => name !== '')
  if (listed !== null) return names
  return (names.length >= 2 || isOpenEnded) && names.every((name) => person.test(name)) ? names : undefined
}

const otherField =
  /^(?:subjects?|categories|category|comments?|date|journal-ref|report-no|msc-class|acm-class|doi|licen[cs]e|keywords?|tags?|venue|published in)\s*:/iu
const subjectClasses = /^\[?[a-z-]+\.[A-Za-z-]{2,}\]?(?:[\s,;·]+\[?[a-z-]+\.[A-Za-z-]{2,}\]?)*$/u
const venue = /^\p{Lu}[\p{L}&-]*(?:\s\p{Lu}[\p{L}&-]*){0,3}[\s']+(?:19|20)?\d{2}(?:\s\(?\w+\)?)?$/u

interface Piece {
  readonly kind: 'title' | 'abstract' | 'sentence' | 'authors' | 'link' | 'date' | 'field' | 'furniture'
  readonly text: string
  readonly line: number
  /** True if the page labels it: `Title: …`. */
  readonly isLabelled?: true
}

function piece(text: string, line: number): Piece {
  const labelled = /^(title|abstract|summary)\s*:\s*(\S.*)$/iu.exec(text)
  if (labelled) {
    const kind = labelled[1]?.toLowerCase() === 'title' ? 'title' : 'abstract'
    return { kind, text: labelled[2] as string, line, isLabelled: true }
  }
  const address = /^\(?\s*(https?:\/\/[^\s,)]+|arxiv:\s?[^\s,)]+)(?:\s*\[[\w.-]+\])?(?:\s*,\s*\d+\s?kb)?\s*\)?$/iu.exec(
    text,
  )
  if (address) {
    const link = (address[1] as string).replace(/^arxiv:\s+/iu, 'arxiv:')
    return { kind: arxivReference(link) ? 'link' : 'furniture', text: link, line }
  }
  if (otherField.test(text) || subjectClasses.test(text)) return { kind: 'field', text, line }
  if (lineDate(text) !== undefined) return { kind: 'date', text, line }
  if (isFurniture(text)) return { kind: 'furniture', text, line }
  if (wordCount(text) >= 45) return { kind: 'abstract', text, line }
  if (isSentence(text)) return { kind: 'sentence', text, line }
  return { kind: authorNames(text) ? 'authors' : 'title', text, line }
}

const startsField = (text: string) => /^(?:title|abstract|summary|authors?)\s*:/iu.test(text) || otherField.test(text)

/** A line without the marks of Markdown and mail listings. */
function bare(raw: string): string {
  return raw
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/^(?:#{1,6}|>|\\\\)\s+/u, '')
    .replaceAll('**', '')
}

/**
 * Cuts the text into paragraphs at blank lines. Within hard-wrapped text a line continues the previous one if its first
 * word would not have fitted there, or if the previous line is nearly full and this one is not furniture. A text with
 * long lines is not hard-wrapped.
 */
function pieces(text: string): Piece[] {
  const lines = text
    .split(/\r\n|\n|\r|\u2028|\u2029/u)
    .map((raw) => ({ text: bare(raw), length: raw.trimEnd().length, isIndented: /^\s/u.test(raw) }))
  // A one-word line, such as a long address, cannot be wrapped.
  const lengths = lines.filter(({ text }) => text.includes(' ')).map(({ length }) => length)
  const width = lengths.reduce((most, length) => Math.max(most, length), 0)
  const usual = lengths.sort((a, b) => a - b)[Math.floor(lengths.length * 0.9)] ?? 0
  const found: Piece[] = []
  let open: { text: string; line: number; lastLength: number } | undefined
  const flush = () => {
    if (open) found.push(piece(open.text, open.line))
    open = undefined
  }
  let full = 0
  for (const [index, { text, length, isIndented }] of lines.entries()) {
    // At the start of a block: the length of its longest line.
    if (text !== '' && (lines[index - 1]?.text ?? '') === '') {
      full = 0
      for (let i = index; i < lines.length && lines[i]?.text !== ''; i++) full = Math.max(full, lines[i]?.length ?? 0)
    }
    if (/^[\p{P}\p{S}\s]*$/u.test(text)) {
      flush()
      continue
    }
    const firstWord = text.split(' ', 1)[0] as string
    const goesOn =
      open !== undefined &&
      width <= 250 &&
      !startsField(text) &&
      ((isIndented && startsField(open.text)) ||
        open.lastLength + 1 + firstWord.length > width ||
        (open.lastLength >= 0.7 * Math.min(usual, full) &&
          ['title', 'abstract', 'sentence'].includes(piece(text, 0).kind)))
    if (open && goesOn) open = { text: `${open.text} ${text}`, line: open.line, lastLength: length }
    else {
      flush()
      open = { text, line: index + 1, lastLength: length }
    }
  }
  flush()
  return found
}

/** A title has at least four letters, or two adjacent Han characters. */
const isTitle = (text: string) => /\p{L}.*\p{L}.*\p{L}.*\p{L}|\p{Script=Han}{2}/u.test(text)

/** Whether a line between a title and its abstract is about the paper, rather than a better title. */
function isAside(text: string, title: Piece): boolean {
  if (title.isLabelled) return true
  const words = wordCount(text)
  return wordCount(title.text) >= 4 && (words <= 2 || (words <= 4 && person.test(text)) || venue.test(text))
}

/**
 * Reads the papers of a copied digest page, in page order, and its date. Possible abstracts without a title are returned
 * in `skipped`.
 */
export function readDigestPage(text: string): DigestPage {
  const found = pieces(text)
  const papers: { -readonly [Field in keyof PageRecord]: PageRecord[Field] }[] = []
  const skipped: { readonly line: number; readonly text: string }[] = []
  let date: string | undefined
  let dateLine: Piece | undefined
  let title: Piece | undefined
  let authors: string[] | undefined
  let link: string | undefined
  let published: string | undefined
  let linksComeFirst = false
  /** The last paragraph added to an abstract. */
  let lastTaken: Piece | undefined
  let isBesideTitle = false
  /** The next title, sentence, abstract or date. */
  const next = (position: number) =>
    found.slice(position + 1).find(({ kind }) => !['furniture', 'authors', 'link', 'field'].includes(kind))

  for (const [position, current] of found.entries()) {
    const last = papers.at(-1)
    const before = found[position - 1]
    const isAfterAbstract = before !== undefined && before === lastTaken
    const take = () => {
      lastTaken = current
      if (!isTitle((title as Piece).text)) {
        skipped.push({ line: current.line, text: current.text })
        title = authors = link = undefined
        return
      }
      papers.push({
        title: (title as Piece).text,
        abstract: current.text,
        line: current.line,
        ...(authors && { authors }),
        ...(link && { url: link }),
        ...(published && { published }),
      })
      title = authors = link = published = undefined
    }
    const extend = (paper: { abstract: string }) => {
      paper.abstract += `\n\n${current.text}`
      lastTaken = current
    }
    switch (current.kind) {
      case 'date':
        if (last !== undefined && title === undefined && /published/iu.test(current.text)) {
          const day = lineDate(current.text) ?? ''
          if (!day.startsWith('--')) last.published ??= day
        } else if (papers.length === 0 && date === undefined) {
          date = lineDate(current.text)
          dateLine = current
        }
        break
      case 'title':
        if (title === undefined || !isBesideTitle || !isAside(current.text, title)) {
          const linked = /^\[(.+)\]\((\S+)\)$/u.exec(current.text)
          title = linked ? { ...current, text: linked[1] as string } : current
          if (linked) link = linked[2]
          authors = undefined
        } else if (person.test(current.text)) authors = [current.text]
        break
      case 'authors':
        if (title && !isAfterAbstract) authors = authorNames(current.text)
        else title = current
        break
      case 'link':
        if (!title && last && !linksComeFirst) last.url ??= current.text
        else {
          linksComeFirst ||= papers.length === 0 && !title
          link = current.text
        }
        break
      case 'sentence': {
        const following = next(position)
        if (title) take()
        else if (
          following?.kind === 'abstract' ||
          (following?.kind === 'sentence' && wordCount(following.text) > 1.5 * wordCount(current.text))
        )
          title = current
        else if (last && isAfterAbstract && following?.kind === 'title') extend(last)
        else if (!furnitureParagraph.test(current.text)) skipped.push({ line: current.line, text: current.text })
        break
      }
      case 'abstract':
        if (title) take()
        else if (furnitureParagraph.test(current.text) && wordCount(current.text) < 90) break
        else if (last && isAfterAbstract) extend(last)
        else if (
          before &&
          before !== dateLine &&
          ['furniture', 'date'].includes(before.kind) &&
          /\p{L}{2}/u.test(before.text) &&
          wordCount(before.text) >= 2
        ) {
          // If nothing else can be the title, take the line that looks like furniture or a date.
          title = before
          take()
        } else skipped.push({ line: current.line, text: current.text })
        break
      case 'field':
        break
      case 'furniture':
        // A line of counters may end with the publication date.
        if (title !== undefined)
          published ??= lineDate(/[•·]\s*(\d{1,2} \p{L}{3,9} \d{4})$/u.exec(current.text)?.[1] ?? '')
        break
    }
    isBesideTitle = title !== undefined && ['title', 'sentence', 'authors', 'link', 'field'].includes(current.kind)
  }

  // Rising numbers before all titles are only a count.
  const numbers = papers.map(({ title }) => Number(/^(\d{1,3})[.)]\s+\S/u.exec(title)?.[1] ?? Number.NaN))
  if (papers.length > 1 && numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number)))
    for (const paper of papers) paper.title = paper.title.replace(/^\d{1,3}[.)]\s+/u, '')
  // A single text below a line of furniture is a notice, not a page of papers.
  const [only] = papers
  if (
    papers.length === 1 &&
    only !== undefined &&
    (isFurniture(only.title) || /^(?:©|\(c\)|copyright\b)/iu.test(only.title))
  ) {
    papers.length = 0
    skipped.push({ line: only.line, text: only.abstract })
  }
  return { records: papers, skipped, ...(date !== undefined && { date }) }
}

/** At least one abstract of a page has this many words: a text of two short sentences is not a page. */
const fewestWords = 25

/** Reads a copied page through the same interface as the other formats. */
export async function* readPage(
  chunks: AsyncIterable<string>,
  { isCertain }: { readonly isCertain: boolean },
): AsyncGenerator<Reading> {
  const text = await wholeText(chunks)
  if (text === undefined) {
    yield { problem: 'is too long for a copied page', place: {} }
    return
  }
  const { date, records, skipped } = readDigestPage(text)
  if (!isCertain && records.every(({ abstract }) => wordCount(abstract) < fewestWords)) return
  if (date !== undefined) yield { date }
  for (const { line, ...record } of records) yield { record, place: { line } }
  for (const { line, text } of skipped)
    yield { problem: 'starts a paragraph without a title', place: { line }, kind: 'passed-over', text }
}
