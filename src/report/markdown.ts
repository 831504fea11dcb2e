// Reports and recommended papers as Markdown.

import { paperName } from '../paper.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { paperLink } from './links.ts'
import { type RecommendedPaper, type RecommendedPapers, reasonOf } from './recommended.ts'
import type { ReportData, ReportGroup, ReportPaper } from './report-data.ts'
import { namedThings, nothingFrequent, shortScore, timesAsFrequent, whatIsCompared } from './wording.ts'

const kinShown = 3

/** The topics with their papers, each with its nearest kin. */
export async function markdownReport(data: ReportData, slice: TimeSlice): Promise<string> {
  const { title, topics, papers, periods, weights, hierarchy } = data
  const paperOf = new Map(papers.map((paper) => [paper.id, paper]))
  const numberOf = new Map(topics.map(({ id }, position) => [id, position + 1]))
  const byTopic = new Map<number | null, string[]>()
  const typical = new Set(topics.flatMap(({ representatives }) => representatives))
  const add = (paper: ReportPaper) => {
    const known = byTopic.get(paper.topic) ?? []
    known.push(item(paper, paperOf))
    byTopic.set(paper.topic, known)
  }
  for (const { representatives } of topics) for (const id of representatives) add(paperOf.get(id) as ReportPaper)
  for (const paper of papers) {
    if (!typical.has(paper.id)) add(paper)
    if (slice.due()) await slice.rest()
  }
  const sections = topics.map(({ id, label, terms, size, counts }, position) =>
    [
      `## ${position + 1}. ${text(label)}`,
      '',
      `${size} ${size === 1 ? 'paper' : 'papers'}. ${terms.map(text).join(', ')}.`,
      ...(counts.length > 2
        ? ['', `\`${bars(counts)}\` ${text(periods[0]!)} – ${text(periods[periods.length - 1]!)}`]
        : []),
      '',
      ...(byTopic.get(id) ?? []),
    ].join('\n'),
  )
  const apart = byTopic.get(null) ?? []
  const outline = (node: ReportGroup, depth: number): string[] => [
    `${'  '.repeat(depth)}- ${node.topic === undefined ? '' : `${numberOf.get(node.topic)}. `}${text(node.label)} (${node.size})`,
    ...node.children.flatMap((child) => outline(child, depth + 1)),
  ]
  return `${[
    `# ${text(title)}`,
    `${papers.length} ${papers.length === 1 ? 'paper' : 'papers'}, ${topics.length} ${topics.length === 1 ? 'topic' : 'topics'}. The score of kin is ${weights.semantic} × meaning + ${weights.lexical} × words.`,
    ...(data.recommended ? [`## For you\n\n${forYou(data.recommended, paperOf)}`] : []),
    ...news(data, paperOf),
    ...(topics.length > 1 ? [hierarchy.children.flatMap((node) => outline(node, 0)).join('\n')] : []),
    ...sections,
    ...(apart.length > 0 ? [`## In no topic\n\n${apart.join('\n')}`] : []),
  ].join('\n\n')}\n`
}

/** Recommended papers with their abstracts. */
export function recommendedMarkdown({ title, papers }: RecommendedPapers): string {
  const items = papers.map((one, i) => {
    const { abstract } = one.paper
    const paragraphs = abstract.split(/\n\s*\n/u).filter((paragraph) => paragraph.trim() !== '')
    return [
      `${i + 1}. ${recommendedItem(one)}`,
      ...paragraphs.map((paragraph) => `    ${text(paragraph).trim()}`),
    ].join('\n\n')
  })
  return `${[`# ${text(title)}`, ...items].join('\n\n')}\n`
}

function recommendedItem(one: RecommendedPaper): string {
  const { paper, score } = one
  const { authors = [], published } = paper
  const facts = [
    authors.join(', '),
    published ?? '',
    score === undefined ? '' : `${shortScore(score)} ${reasonOf(one)}`,
  ]
    .map((fact) => fact.trim())
    .filter((fact) => fact !== '')
  return `${linked(paperName(paper), paperLink(paper))}${facts.map((fact) => ` ${text(fact)}.`).join('')}`
}

function forYou(
  recommended: NonNullable<ReportData['recommended']>,
  paperOf: ReadonlyMap<string, ReportPaper>,
): string {
  if (recommended.length === 0) return 'No paper is left to recommend.'
  return recommended
    .map(({ id, ...found }) => `- ${recommendedItem({ paper: paperOf.get(id) as ReportPaper, ...found })}`)
    .join('\n')
}

const linked = (name: string, link: string | undefined) =>
  link === undefined ? `**${text(name)}**.` : `[**${text(name)}**](<${link.replace(/[<>]/gu, encodeURIComponent)}>).`

/** News as paragraphs; none if the report has no news. */
function news({ novelty }: ReportData, paperOf: ReadonlyMap<string, ReportPaper>): string[] {
  if (novelty === undefined) return []
  const { unlike, earlier, papers, missing } = novelty
  if (missing !== undefined) return ['## What is new', text(`Cannot be determined: ${missing}.`)]
  const frequent = namedThings(novelty).map(({ name, ...one }) => {
    const named = one.papers.slice(0, kinShown).map((id) => text(paperOf.get(id)?.name ?? id))
    const more = one.count - named.length
    const figures = `${one.count} of ${papers.length}, before ${one.before} of ${earlier.count}: ${timesAsFrequent(one)}`
    const chance = one.isTentative ? ' (may be chance)' : ''
    return `- **${text(name)}**: ${text(figures)}${chance}\n  ${named.join('; ')}${more > 0 ? ` … and ${more} more` : ''}`
  })
  const apart = unlike.map(
    ({ id, title, nearest }) =>
      `- **${text(title || id)}**: the nearest is ${text(nearest.title || nearest.id)} (${shortScore(nearest.similarity)})`,
  )
  return [
    '## What is new',
    text(`${whatIsCompared(novelty)}.`),
    frequent.length > 0 ? `More frequent than before:\n\n${frequent.join('\n')}` : nothingFrequent,
    ...(apart.length > 0 ? [`Unlike any earlier paper:\n\n${apart.join('\n')}`] : []),
  ]
}

function item(paper: ReportPaper, paperOf: ReadonlyMap<string, ReportPaper>): string {
  const { name, link, authors = [], published, area, kin } = paper
  const facts = [authors.join(', '), published ?? '', area?.area ?? '']
    .filter((fact) => fact !== '')
    .map((fact) => ` ${text(fact)}.`)
  const near = kin
    .slice(0, kinShown)
    .map(({ id, score }) => `${text((paperOf.get(id) as ReportPaper).name)} (${score.toFixed(2)})`)
  return `- ${linked(name, link)}${facts.join('')}${near.length > 0 ? `\n  Kin: ${near.join('; ')}` : ''}`
}

const levels = '▁▂▃▄▅▆▇█'
const bars = (counts: readonly number[]) => {
  const most = Math.max(1, ...counts)
  return counts.map((value) => levels[Math.round((value / most) * (levels.length - 1))]).join('')
}

/** Escapes text for Markdown. */
const text = (value: string) =>
  value
    .replace(/\s+/gu, ' ')
    .replace(/[\\`*_{}[\]()#+!|~<>&$]/gu, (character) =>
      character === '<' || character === '>' || character === '&' ? `&#${character.charCodeAt(0)};` : `\\${character}`,
    )
