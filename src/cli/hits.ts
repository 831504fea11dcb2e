// How hits are printed, for every command that lists them.
import { Option } from 'commander'
import type { Hit, HitOptions } from '../library/asking/ranking.ts'
import type { Recommendation } from '../library/asking/recommend.ts'
import type { Why } from '../library/asking/why.ts'
import { shortScore } from '../report/wording.ts'
import { type FilterArguments, filterOptions, hitsOption, integer, number, wantedPapers } from './command.ts'
import { prose, wrapped } from './fitted-text.ts'
import { type ListedPaper, paperTable } from './table.ts'
import type { Colors } from './terminal.ts'

/** The values of `hitOptions()`. */
export interface HitArguments extends FilterArguments {
  readonly k: number
  readonly offset: number
  readonly mode: 'hybrid' | 'semantic' | 'lexical'
  readonly diversity: number
  readonly recency: number
  readonly why?: boolean
}

/** The options of a command that lists hits. */
export const hitOptions = (count: number): Option[] => [
  hitsOption(count),
  new Option('--offset <count>', 'how many hits to skip').argParser(integer('--offset', 0)).default(0),
  new Option('--mode <mode>', 'rank by meaning, by words, or by both')
    .choices(['hybrid', 'semantic', 'lexical'])
    .default('hybrid'),
  ...filterOptions(),
  new Option('--diversity <share>', 'how much each hit should differ from those before it, 0 … 1')
    .argParser(number('--diversity', 0, 1))
    .default(0),
  new Option('--recency <share>', 'the share of the score given to recency, 0 … 1')
    .argParser(number('--recency', 0, 1))
    .default(0),
  new Option('--why', 'explain the score of each hit'),
]

/** The library's options for those of the command line. */
export function hitQuery(options: HitArguments, signal: AbortSignal): HitOptions {
  const { k, offset, mode, diversity, recency, why = false } = options
  return { k, offset, mode, diversity, recency, why, filter: wantedPapers(options), signal }
}

/** A heading and one line per hit, with the explanation of its score below if requested. */
export function hitPage(
  hits: readonly Hit[],
  { heading, colors }: { readonly heading: string; readonly colors: Colors },
  columns: number,
): string {
  const papers = hits.map(listedHit)
  const isFar = hits.length > 0 && hits.every(({ isWeak }) => isWeak)
  const lines = papers.length > 0 ? paperTable(papers, colors, columns).split('\n') : ['No papers match.']
  const withWhy = lines.flatMap((line, i) => [line, ...whyLines(hits[i]?.why, columns).map(colors.dim)])
  const nothing = isFar ? `\n${colors.yellow('Nothing close; the nearest are:')}` : ''
  return `${wrapped(heading, columns)}${nothing}\n\n${withWhy.join('\n')}`
}

/** A hit as a line of a list. */
export function listedHit({ paper, score, isDuplicate, isWeak }: Hit): ListedPaper {
  const mark = `${isDuplicate ? '(near-duplicate)' : ''}${isWeak ? ' (not close)' : ''}`.trim()
  return { paper, score, mark }
}

function whyLines(why: Why | undefined, columns: number): string[] {
  if (why === undefined) return []
  const { parts, terms, sentences } = why
  const named = Object.entries(parts).map(([name, part]) => `${name} ${shortScore(part).trim()}`)
  const shared = terms.slice(0, 8).map(({ term, weight }) => `${term} ${shortScore(weight).trim()}`)
  return [
    named.join(' + '),
    ...(shared.length > 0 ? [`shared: ${shared.join(', ')}`] : []),
    ...(sentences ? [`${shortScore(sentences.similarity).trim()}: ${sentences.asked} ~ ${sentences.hit}`] : []),
  ].map((line) => prose(line, columns, '      '))
}

/** A hit or a recommended paper as data: the paper's fields, and what was found of it. */
export function hitData({ paper, ...found }: Hit | Recommendation): unknown {
  return { ...paper, ...found }
}
