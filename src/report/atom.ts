// Papers as an Atom 1.0 feed (RFC 4287).
import { createHash } from 'node:crypto'
import { type Paper, paperName } from '../paper.ts'
import { paperLink, searchLink } from './links.ts'
import { type RecommendedPaper, type RecommendedPapers, reasonOf } from './recommended.ts'
import type { ReportData } from './report-data.ts'
import { shortScore } from './wording.ts'

interface FeedOptions {
  /** Identifies the feed: files with the same name are updates of one feed. @default 'paperkin' */
  readonly feed?: string
  /**
   * Time of the feed, ISO 8601; also used for papers without an exact date. @default the date of the newest paper if all
   * papers have one, otherwise now
   */
  readonly updated?: string
}

/** The feed, one entry per paper, best first. The id of a paper is the same in every file. */
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

/** The feed of a report: its recommended papers, or all papers if nothing was recommended. */
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

/** Time of the newest paper; undefined if any paper has no exact date. */
function newest(papers: readonly RecommendedPaper[]): string | undefined {
  const times = papers.map(({ paper }) => exactTime(paper.published))
  return times.includes(undefined) ? undefined : (times as string[]).sort().at(-1)
}

/** An Atom timestamp; undefined for a date without a day. */
function exactTime(published: Paper['published']): string | undefined {
  if (published === undefined || !/^\d{4}-\d{2}-\d{2}/u.test(published)) return undefined
  const time = new Date(published)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString().replace('.000Z', 'Z')
}

/** A UUID of version 8 (RFC 9562) from the hash of a name. */
function uuid(name: string): string {
  const hex = createHash('sha256').update(`paperkin ${name}`).digest('hex')
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16)
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: not allowed in XML 1.0.
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Escapes text for XML content and attributes. */
const xml = (text: string) =>
  text
    .toWellFormed()
    .replace(impossible, '')
    .replace(/[&<>"]/gu, (character) => entities[character] as string)
