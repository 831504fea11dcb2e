// What people see. Pure: data and a width in, text out.
import picocolors from 'picocolors'
import type { HitList } from '../library/paper-library.ts'
import { type Paper, paperName } from '../paper.ts'
import type { Topics } from '../topics/find-topics.ts'

// Colour for people at a terminal only; picocolors alone would also colour what a build server collects.
const { env, stdout } = process
export const pc = picocolors.createColors(!env.NO_COLOR && (Boolean(env.FORCE_COLOR) || stdout.isTTY === true))

export interface PrintedHit {
  readonly id: string
  readonly name: string
  readonly isTitleOnly: boolean
  readonly score: number
}

const monthNames = 'January February March April May June July August September October November December'.split(' ')

/** `12 March 2025` or `12 March` for an ISO date with or without a year; other texts as they are. */
function longDate(date: string): string {
  const match = /^(\d{4}|-)-(\d{2})-(\d{2})$/u.exec(date)
  if (match === null) return date
  const [, year, month, day] = match as unknown as [string, string, string, string]
  return `${Number(day)} ${monthNames[Number(month) - 1]}${year === '-' ? '' : ` ${year}`}`
}

export const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u
const columnsOf = (character: string) => (/\p{M}|\u200d/u.test(character) ? 0 : wide.test(character) ? 2 : 1)

/** The text, or as much of it as fits into `width` columns with an ellipsis. */
function shortened(text: string, width: number): string {
  let used = 0
  let kept = ''
  for (const character of text) {
    used += columnsOf(character)
    if (used > width) return `${kept.trimEnd()}…`
    if (used < width) kept += character
  }
  return text
}

function named(name: string, isTitleOnly: boolean, width: number): string {
  const mark = isTitleOnly ? ' (no abstract)' : ''
  return `${shortened(name, width - mark.length)}${pc.dim(mark)}`
}

/** A similarity as it is read most easily: two decimals, no leading zero. */
function shortScore(score: number): string {
  return score
    .toFixed(2)
    .replace(/^(-?)0\./u, '$1.')
    .padStart(4)
}

function hitLine(hit: PrintedHit, width: number): string {
  return `${pc.cyan(shortScore(hit.score))}  ${named(hit.name, hit.isTitleOnly, width - 6)}`
}

/** A heading and a line a hit, with the id at its end. */
export function hitPage(
  hits: readonly PrintedHit[],
  { heading }: { readonly heading: string },
  columns: number,
): string {
  const ids = hits.map(({ id }) => shortened(id, Math.max(16, columns / 3)))
  const idWidth = Math.max(0, ...ids.map((id) => id.length))
  const lines = hits.map((hit, i) => `${hitLine(hit, columns - idWidth - 2)}  ${pc.dim(ids[i] as string)}`)
  return [heading, '', ...(lines.length > 0 ? lines : ['No paper matches.'])].join('\n')
}

/** The digest as a page: topics with their papers, then each paper's kin. */
export function digestPage(
  digest: {
    readonly papers: readonly Paper[]
    readonly dates: readonly string[]
    readonly topics: Topics
    readonly kin: ReadonlyMap<string, HitList>
  },
  columns: number,
): string {
  const { papers, dates, topics, kin } = digest
  const byId = new Map(papers.map((paper) => [paper.id, paper]))
  const line = (id: string, indent: string, width = columns) => {
    const paper = byId.get(id) as Paper
    return `${indent}${named(paperName(paper), paper.titleOnly === true, width - indent.length)}`
  }
  const when = dates.length > 0 ? ` of ${dates.map(longDate).join(', ')}` : ''
  const apart = topics.outliers.length > 0 ? `, ${count(topics.outliers.length, 'paper')} apart` : ''
  const lines = [pc.bold(`${count(papers.length, 'paper')}${when}: ${count(topics.count, 'topic')}${apart}`), '']
  for (const topic of topics.topics) {
    lines.push(`${pc.bold(pc.green(`${topic.id + 1}  ${topic.label}`))} ${pc.dim(`(${topic.size})`)}`)
    lines.push(...topic.papers.map(({ id }) => line(id, '   ')), '')
  }
  if (topics.outliers.length > 0)
    lines.push(pc.bold(pc.yellow('Apart from all topics')), ...topics.outliers.map(({ id }) => line(id, '   ')), '')
  lines.push(pc.bold('Nearest kin of each paper'))
  for (const paper of papers) {
    const id = shortened(paper.id, Math.max(16, columns / 3))
    lines.push('', `${line(paper.id, '', columns - id.length - 2)}  ${pc.dim(id)}`)
    for (const { paper: other, score } of (kin.get(paper.id) as HitList).hits)
      lines.push(
        `   ${hitLine({ id: other.id, name: paperName(other), isTitleOnly: other.titleOnly === true, score }, columns - 3)}`,
      )
  }
  return lines.join('\n')
}
