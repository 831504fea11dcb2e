// What people see. Pure: data and a width in, text out.
import pc from 'picocolors'
import type { HitList } from '../library/paper-library.ts'
import { type Paper, paperName } from '../paper.ts'
import type { Topics } from '../topics/find-topics.ts'

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

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

/** The text, or as much of it as fits with an ellipsis. */
function shortened(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width
    ? text
    : `${characters
        .slice(0, Math.max(1, width - 1))
        .join('')
        .trimEnd()}…`
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
  const idWidth = Math.max(0, ...hits.map(({ id }) => id.length))
  const lines = hits.map((hit) => `${hitLine(hit, columns - idWidth - 2)}  ${pc.dim(hit.id)}`)
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
    lines.push('', `${line(paper.id, '', columns - paper.id.length - 2)}  ${pc.dim(paper.id)}`)
    for (const { paper: other, score } of (kin.get(paper.id) as HitList).hits)
      lines.push(
        `   ${hitLine({ id: other.id, name: paperName(other), isTitleOnly: other.titleOnly === true, score }, columns - 3)}`,
      )
  }
  return lines.join('\n')
}
