// A feed of papers: Atom 1.0 (RFC 4287), for any feed reader.
import { createHash } from 'node:crypto'
import { type Paper, paperName } from '../paper.ts'
import { paperLink, searchLink } from './links.ts'
import { type RecommendedPaper, type RecommendedPapers, reasonOf } from './recommended.ts'
import type { ReportData } from './report-data.ts'
import { shortScore } from './wording.ts'

interface FeedOptions {
  /** Names the feed: as long as it stays, readers take the next file for news of the same feed. @default 'paperkin' */
  readonly feed?: string
  /**
   * When the feed was made, ISO 8601; also the time of papers without an exact date. @default that of the newest paper where
   * all have one, otherwise now
   */
  readonly updated?: string
}

/** The feed: an entry a paper, best first. Its ids stay the same from file to file. */
export function atomFeed(
  { title, papers }: RecommendedPapers,
  { feed = 'paperkin', updated = newest(papers) ?? new Date().toISOString() }: FeedOptions = {},
): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <id>${uuid(`feed ${feed}`)}</id>
  <title>${xml(title)}</title>
  <updated>${updated}</updated>
  <author><name>paperkin</name></author>
  <generator>paperkin</generator>
${papers.map((one) => entry(one, updated)).join('')}</feed>
`
}

/** A feed of a report: the papers that were recommended, or all of them. */
export function atomReport({ title, papers, recommended }: ReportData): string {
  const paperOf = new Map(papers.map((paper) => [paper.id, paper]))
  const shown = recommended?.map(({ id, ...found }) => ({ paper: paperOf.get(id) as Paper, ...found }))
  return atomFeed({ title, papers: shown ?? papers.map((paper) => ({ paper })) }, { feed: title })
}

function entry(one: RecommendedPaper, made: string): string {
  const { paper, score } = one
  const { id, abstract, authors = [], categories = [], published } = paper
  const link = paperLink(paper)
  const reason = reasonOf(one)
  const day = exactTime(published)
  const paragraphs = [
    ...(score === undefined ? [] : [`${shortScore(score)}${reason && `: ${reason}`}`]),
    ...abstract.split(/\n\s*\n/u).filter((paragraph) => paragraph.trim() !== ''),
  ]
  const content = paragraphs.map((paragraph) => `<p>${xml(paragraph)}</p>`).join('')
  const lines = [
    `<id>${xml(link ?? uuid(`paper ${id}`))}</id>`,
    `<title>${xml(paperName(paper))}</title>`,
    `<updated>${day ?? made}</updated>`,
    ...(day === undefined ? [] : [`<published>${day}</published>`]),
    link === undefined
      ? `<link rel="related" href="${xml(searchLink(paper))}"/>`
      : `<link rel="alternate" href="${xml(link)}"/>`,
    ...authors.map((name) => `<author><name>${xml(name)}</name></author>`),
    ...categories.map((term) => `<category term="${xml(term)}"/>`),
    ...(abstract.trim() === '' ? [] : [`<summary>${xml(abstract)}</summary>`]),
    `<content type="html">${xml(content || '<p>No abstract.</p>')}</content>`,
  ]
  return `  <entry>\n${lines.map((line) => `    ${line}\n`).join('')}  </entry>\n`
}

/** The time of the newest paper; undefined where one has none. */
function newest(papers: readonly RecommendedPaper[]): string | undefined {
  const times = papers.map(({ paper }) => exactTime(paper.published))
  return times.includes(undefined) ? undefined : (times as string[]).sort().at(-1)
}

/** A day or a time as Atom has them; undefined for a date that says less. */
function exactTime(published: Paper['published']): string | undefined {
  if (published === undefined || !/^\d{4}-\d{2}-\d{2}/u.test(published)) return undefined
  const time = new Date(published)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString().replace('.000Z', 'Z')
}

/** A name as a UUID, by the scheme of its version 8 (RFC 9562): the same name gives the same. */
function uuid(name: string): string {
  const hex = createHash('sha256').update(`paperkin ${name}`).digest('hex')
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16)
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what XML 1.0 cannot hold.
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text of XML or of an attribute, whatever it holds. */
const xml = (text: string) =>
  text
    .toWellFormed()
    .replace(impossible, '')
    .replace(/[&<>"]/gu, (character) => entities[character] as string)
