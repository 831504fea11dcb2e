// The data of a report: coordinates, regions, kin with shared words, curves over time.
import type { PaperArea } from '../atlas/atlas.ts'
import { PaperkinError, requireInteger, show } from '../errors.ts'
import type { SparseRows } from '../lexical/sparse-rows.ts'
import { arxivReference, type Paper, paperName } from '../paper.ts'
import { timeSlice } from '../runtime/time-slice.ts'
import { stemSpeller } from '../text/spelling.ts'
import type { TimeUnit, TopicNode, Topics, TopicsOverTime } from '../topics/find-topics.ts'
import { nearestKin } from '../topics/kin-graph.ts'
import type { Novelty } from '../topics/novelty.ts'
import { layout } from './layout.ts'
import type { RecommendedPaper } from './recommended.ts'
import { findRegions, mapSize, type Region } from './regions.ts'

/** Input of a report. Row i of `vectors` and of `lexical` belongs to `papers[i]`. */
export interface ReportInput {
  readonly papers: readonly Paper[]
  /** `papers.length × dimensions` unit rows, row-major. */
  readonly vectors: Float32Array
  readonly dimensions: number
  readonly lexical: SparseRows
  /** Names lexical columns: a stem, or two stems separated by a space. */
  readonly namer: () => (column: number) => string
  /** Place of each paper on the map of science; empty without a map. */
  readonly places: readonly (PaperArea | undefined)[]
  /** Topics of exactly these papers. */
  readonly topics: Topics
  readonly weights: { readonly semantic: number; readonly lexical: number }
}

export interface ReportDataOptions {
  /** @default the number of papers, such as `63 papers`, or `50 of 63 papers` for topics of a sample */
  readonly title?: string | undefined
  /** The same papers, topics and seed give the same report, byte for byte. @default 1 */
  readonly seed?: number | undefined
  /** Kin shown per paper, 0 … 50. @default 8 */
  readonly kin?: number | undefined
  /** Result of {@link PaperLibrary.novelty}. @default none, and the report has no news */
  readonly novelty?: Novelty | undefined
  /** Hits of {@link PaperLibrary.recommend} among the papers of the report, best first. @default none */
  readonly recommended?: readonly RecommendedPaper[] | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ReportProgress) => void) | undefined
}

/** Progress of a report. */
export interface ReportProgress {
  readonly step: 'kin' | 'map' | 'page'
  readonly done: number
  readonly total: number
}

/** A paper's kin. */
export interface ReportKin {
  readonly id: string
  /** `weights.semantic * semantic + weights.lexical * lexical`. */
  readonly score: number
  readonly semantic: number
  readonly lexical: number
  /** At most 4 shared words and pairs of words, by falling weight. */
  readonly shared: readonly string[]
}

export interface ReportPaper extends Paper {
  /** Name on the page: the title, or the start of the abstract. */
  readonly name: string
  /** `http` or `https` address; left out if unknown. */
  readonly link?: string
  /** Id of its topic; null for an outlier. */
  readonly topic: number | null
  /** Place on the map of science; left out if nothing there is near. */
  readonly area?: PaperArea
  /** Coordinates on the map, integers of 0 … 10,000; y grows downwards. */
  readonly x: number
  readonly y: number
  readonly kin: readonly ReportKin[]
}

export interface ReportTopic extends Region {
  readonly id: number
  readonly label: string
  readonly terms: readonly string[]
  readonly size: number
  /** Ids of the most typical papers. */
  readonly representatives: readonly string[]
  /** Papers per period; empty if too few papers have dates. */
  readonly counts: readonly number[]
}

/** An area, field or discipline of the map of science, and its number of papers. */
export interface ReportArea {
  readonly name: string
  readonly level: 'discipline' | 'field' | 'area'
  readonly size: number
  /** By falling size. */
  readonly children: readonly ReportArea[]
}

/** A topic, or a group of related topics. */
export interface ReportGroup {
  readonly topic?: number
  readonly label: string
  readonly size: number
  readonly children: readonly ReportGroup[]
}

export interface ReportData {
  readonly title: string
  readonly seed: number
  readonly weights: { readonly semantic: number; readonly lexical: number }
  /** Names of the periods of the curves, in order. */
  readonly periods: readonly string[]
  /** By falling size. */
  readonly topics: readonly ReportTopic[]
  /** Root of the tree of topics. */
  readonly hierarchy: ReportGroup
  /** Disciplines, with fields and areas below them; empty without a map of science. */
  readonly areas: readonly ReportArea[]
  readonly novelty?: Novelty
  /** Ids of recommended papers, best first, with scores and reasons. */
  readonly recommended?: readonly ({ readonly id: string } & Omit<RecommendedPaper, 'paper'>)[]
  readonly outliers: readonly { readonly id: string; readonly nearest: number; readonly strength: number }[]
  /** In the order in which they were added to the library. */
  readonly papers: readonly ReportPaper[]
}

const layoutNeighbours = 14
/** Up to this many papers all pairs are compared; above, only the nearest by embedding. */
const compareAll = 1024
const fewestCandidates = 256
const sharedShown = 4

/**
 * Computes a report.
 * @throws PaperkinError `invalid-argument` for topics of other papers and for options out of range
 */
export async function reportData(input: ReportInput, options: ReportDataOptions = {}): Promise<ReportData> {
  const { papers, topics, weights } = input
  const { signal, onProgress } = options
  const kinShown = requireInteger('kin', options.kin ?? 8, 0, 50)
  const seed = options.seed ?? 1
  requireNovelty(options.novelty)
  const recommended = recommendedOf(papers, options.recommended)
  const slice = timeSlice(signal)
  const rows = papers.length
  const rowOf = new Map(papers.map(({ id }, row) => [id, row]))
  const topicOf = topicOfRows(input, rowOf)
  onProgress?.({ step: 'kin', done: 0, total: rows })
  const kin = await nearestKin(
    { rows, ...input },
    {
      k: Math.max(kinShown, layoutNeighbours),
      semanticWeight: weights.semantic,
      candidates: rows <= compareAll ? rows : fewestCandidates,
      slice,
      signal,
    },
  )
  const places = await layout(
    { ...kin, ...firstOf(kin, Math.min(layoutNeighbours, kin.k)) },
    { seed, signal, onProgress: (progress) => onProgress?.({ step: 'map', ...progress }) },
  )
  const onMap = Int32Array.from(places, (place, i) => Math.round(((i % 2 === 0 ? place : -place) + 1) * (mapSize / 2)))
  const regions = await findRegions(onMap, { topicOf, count: topics.topics.length, slice })
  const unit = curveUnit(papers)
  const within = signal && { signal }
  const curves = unit === undefined ? undefined : await topics.overTime(unit, within)
  const root = await topics.hierarchy(within)
  const shared = sharedWords(input)
  const reported: ReportPaper[] = []
  for (let row = 0; row < rows; row++) {
    if (slice.due()) await slice.rest()
    const own: ReportKin[] = []
    for (let rank = 0; rank < Math.min(kinShown, kin.k); rank++) {
      const at = row * kin.k + rank
      const other = kin.neighbour[at]!
      const semantic = kin.semantic[at]!
      const lexical = weights.lexical > 0 ? (kin.similarity[at]! - weights.semantic * semantic) / weights.lexical : 0
      own.push({
        id: papers[other]!.id,
        score: rounded(kin.similarity[at]!),
        semantic: rounded(semantic),
        lexical: Math.max(0, rounded(lexical)),
        shared: shared(row, other),
      })
    }
    const topic = topics.topics[topicOf[row]!]
    const link = linkOf(papers[row]!)
    const place = input.places[row]
    reported.push({
      ...papers[row]!,
      name: paperName(papers[row]!),
      ...(link !== undefined && { link }),
      topic: topic?.id ?? null,
      ...(place !== undefined && { area: { ...place, similarity: rounded(place.similarity) } }),
      x: onMap[2 * row]!,
      y: onMap[2 * row + 1]!,
      kin: own,
    })
  }
  return {
    title: options.title ?? titleOf(rows, topics.sampledFrom),
    seed,
    weights,
    periods: curves?.periods.map(({ name }) => name) ?? [],
    topics: topics.topics.map(({ id, label, terms, size, representatives }, position) => ({
      id,
      label,
      terms: terms.map(({ term }) => term),
      size,
      representatives,
      counts: countsOf(curves, id),
      ...regions[position]!,
    })),
    hierarchy: group(root),
    areas: areasOf(input.places),
    ...(options.novelty !== undefined && { novelty: options.novelty }),
    ...(recommended !== undefined && { recommended }),
    outliers: topics.outliers.map(({ id, nearest, strength }) => ({ id, nearest, strength: rounded(strength) })),
    papers: reported,
  }
}

const mostPeriods = 60
const day = 24 * 3600 * 1000
const units: readonly { readonly unit: TimeUnit; readonly days: number; readonly letters: number }[] = [
  { unit: 'day', days: 1, letters: 10 },
  { unit: 'week', days: 7, letters: 10 },
  { unit: 'month', days: 30, letters: 7 },
  { unit: 'year', days: 365, letters: 4 },
]

/** The shortest unit with at most 60 periods that at least 80% of the dates resolve; undefined if half the papers lack dates. */
function curveUnit(papers: readonly Paper[]): TimeUnit | undefined {
  const dates = papers.flatMap(({ published }) =>
    published !== undefined && /^\d{4}/u.test(published) ? [published] : [],
  )
  const times = dates.map((date) => Date.parse(date.slice(0, 10))).filter((time) => !Number.isNaN(time))
  if (times.length < papers.length / 2) return undefined
  const span =
    (times.reduce((a, b) => Math.max(a, b), times[0]!) - times.reduce((a, b) => Math.min(a, b), times[0]!)) / day
  return units.find(
    ({ days, letters }) =>
      span / days < mostPeriods && dates.filter((date) => date.length >= letters).length >= 0.8 * dates.length,
  )?.unit
}

function countsOf(curves: TopicsOverTime | undefined, id: number): readonly number[] {
  return curves?.topics.find(({ topic }) => topic === id)?.counts ?? []
}

function group({ topic, label, size, children }: TopicNode): ReportGroup {
  return { ...(topic !== undefined && { topic }), label, size, children: children.map(group) }
}

const levels = ['discipline', 'field', 'area'] as const

/** Builds the tree of areas with counts. */
function areasOf(places: readonly (PaperArea | undefined)[], depth = 0): ReportArea[] {
  const level = levels[depth]
  if (level === undefined) return []
  const inside = new Map<string, PaperArea[]>()
  for (const place of places) {
    if (place === undefined) continue
    const known = inside.get(place[level])
    if (known === undefined) inside.set(place[level], [place])
    else known.push(place)
  }
  return [...inside]
    .map(([name, own]) => ({ name, level, size: own.length, children: areasOf(own, depth + 1) }))
    .sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1))
}

function requireNovelty(novelty: unknown): void {
  if (novelty === undefined) return
  const { papers, earlier, areas, terms, unlike } = (novelty ?? {}) as Partial<Novelty>
  if ([papers, areas, terms, unlike].every(Array.isArray) && typeof earlier === 'object') return
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`novelty\` to be the result of \`library.novelty()\`, got ${show(novelty)}.`,
  )
}

/** @throws PaperkinError `invalid-argument` for a recommended paper that is not in the report */
function recommendedOf(
  papers: readonly Paper[],
  recommended: readonly RecommendedPaper[] | undefined,
): ReportData['recommended'] {
  if (recommended === undefined) return undefined
  const ids = new Set(papers.map(({ id }) => id))
  const isKnown = (one: Partial<RecommendedPaper> | null) => ids.has(one?.paper?.id as string)
  if (!Array.isArray(recommended) || !recommended.every(isKnown))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`recommended\` to be hits of \`library.recommend()\` among the report's papers, got ${show(recommended)}.`,
    )
  return recommended.map(({ paper: { id }, score, why }: RecommendedPaper) => ({
    id,
    ...(score !== undefined && { score: rounded(score) }),
    ...(why !== undefined && { why }),
  }))
}

/** The paper's `http` or `https` address, or that of its arXiv id; never one that runs code. */
export function linkOf({ id, url }: Paper): string | undefined {
  if (url !== undefined && URL.canParse(url) && /^https?:$/u.test(new URL(url).protocol)) return new URL(url).href
  return arxivReference(`arxiv:${id}`)?.id === id ? `https://arxiv.org/abs/${id}` : undefined
}

function titleOf(papers: number, sampledFrom: number | undefined): string {
  if (sampledFrom !== undefined) return `${papers.toLocaleString('en')} of ${sampledFrom.toLocaleString('en')} papers`
  return papers === 1 ? '1 paper' : `${papers.toLocaleString('en')} papers`
}

const rounded = (value: number) => Math.round(value * 1000) / 1000

/** Position of each row's topic, -1 for an outlier. */
function topicOfRows({ papers, topics }: ReportInput, rowOf: ReadonlyMap<string, number>): Int32Array {
  const topicOf = new Int32Array(papers.length).fill(-2)
  const place = (id: string, position: number) => {
    const row = rowOf.get(id)
    if (row === undefined) throw otherPapers(id, 'is no longer in the library')
    topicOf[row] = position
  }
  topics.topics.forEach((topic, position) => {
    for (const { id } of topic.papers) place(id, position)
  })
  for (const { id } of topics.outliers) place(id, -1)
  const missing = topicOf.indexOf(-2)
  if (missing >= 0) throw otherPapers(papers[missing]!.id, 'is not among their papers')
  return topicOf
}

function otherPapers(id: string, what: string): PaperkinError {
  return new PaperkinError(
    'invalid-argument',
    `Expected \`topics\` to be of the library's papers, but ${JSON.stringify(id)} ${what}: call \`library.topics()\` again.`,
  )
}

/** Cuts a neighbour list to its first `k`. */
function firstOf(
  list: {
    readonly rows: number
    readonly k: number
    readonly neighbour: Int32Array
    readonly similarity: Float64Array
  },
  k: number,
): { readonly k: number; readonly neighbour: Int32Array; readonly similarity: Float64Array } {
  if (k === list.k) return list
  const neighbour = new Int32Array(list.rows * k)
  const similarity = new Float64Array(list.rows * k)
  for (let row = 0; row < list.rows; row++) {
    neighbour.set(list.neighbour.subarray(row * list.k, row * list.k + k), row * k)
    similarity.set(list.similarity.subarray(row * list.k, row * list.k + k), row * k)
  }
  return { k, neighbour, similarity }
}

/**
 * The words that two papers share: the columns with the largest products, spelt as in the first paper. A pair of words
 * replaces its single words.
 */
function sharedWords({ papers, lexical, namer }: ReportInput): (row: number, other: number) => string[] {
  const { start, column, value } = lexical
  const nameOf = namer()
  let speller = -1
  let spelling = (name: string) => name
  return (row, other) => {
    const found: { readonly column: number; readonly product: number }[] = []
    let j = start[other]!
    for (let i = start[row]!; i < start[row + 1]!; i++) {
      while (j < start[other + 1]! && column[j]! < column[i]!) j++
      if (j < start[other + 1]! && column[j] === column[i])
        found.push({ column: column[i]!, product: value[i]! * value[j]! })
    }
    found.sort((a, b) => b.product - a.product || a.column - b.column)
    const shown: string[] = []
    for (const { column: shared } of found) {
      if (shown.length === sharedShown) break
      const name = nameOf(shared)
      if (!shown.some((longer) => ` ${longer} `.includes(` ${name} `))) shown.push(name)
    }
    if (speller !== row) {
      speller = row
      spelling = stemSpeller(papers[row]!)
    }
    return shown.map(spelling)
  }
}
