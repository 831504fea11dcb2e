import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Paper } from '../paper.ts'
import type { TimeSlice } from '../vectors/time-slice.ts'
import type { KinList } from './kin-graph.ts'
import { labelTopics } from './label-topics.ts'
import { modularity } from './leiden.ts'
import type { CountEvidence, Outlier, Topic, TopicMethod, TopicPaper, Topics } from './topics.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const mostOutliers = 0.05
// Fewer papers have no quartiles to speak of.
const leastForOutliers = 10
const kinsCompared = 5
const representativesShown = 3

export interface Grouped {
  readonly papers: readonly Paper[]
  readonly vectors: Float32Array
  readonly dimensions: number
  readonly lexical: SparseRows
  readonly kin: KinList
  readonly graph: WeightedGraph
  /** The topic of each row, numbered without gaps. */
  readonly topicOf: Int32Array
  readonly evidence: readonly CountEvidence[]
}

/** Turns groups of rows into topics of papers: outliers apart, strengths, representatives, labels; frozen. */
export async function describeTopics(
  grouped: Grouped,
  {
    method,
    seed,
    termsPerLabel,
    slice,
  }: { readonly method: TopicMethod; readonly seed: number; readonly termsPerLabel: number; readonly slice: TimeSlice },
): Promise<Topics> {
  const { papers, kin, graph, topicOf, evidence } = grouped
  const apart = findOutliers(kin, topicOf)
  const members = membersBySize(topicOf, apart)
  const newTopicOf = new Int32Array(papers.length).fill(-1)
  members.forEach((rows, topic) => {
    for (const row of rows) newTopicOf[row] = topic
  })
  const shares = shareIn(graph, newTopicOf)
  const labels = await labelTopics(papers, { members, termsPerLabel, slice })
  const topics: Topic[] = []
  for (const [id, rows] of members.entries()) {
    if (slice.due()) await slice.rest()
    const typicality = similarityToAll(grouped, rows)
    const placed = rows
      .map((row, i) => ({ row, strength: shares(row, id), typical: typicality[i] }))
      .sort((a, b) => b.strength - a.strength || b.typical - a.typical || a.row - b.row)
    const typical = [...placed].sort((a, b) => b.typical - a.typical || a.row - b.row)
    topics.push({
      id,
      ...labels[id],
      size: rows.length,
      papers: placed.map(({ row, strength }): TopicPaper => ({ id: papers[row].id, strength })),
      representatives: typical.slice(0, representativesShown).map(({ row }) => papers[row].id),
    })
  }
  const outliers = apart.map((row): Outlier => {
    const nearest = members.reduce((best, _, id) => (shares(row, id) > shares(row, best) ? id : best), 0)
    return { id: papers[row].id, nearest, strength: shares(row, nearest) }
  })
  const strengths = topics.flatMap((topic) => topic.papers.map(({ strength }) => strength))
  const data = deepFreeze({
    method,
    seed,
    count: topics.length,
    topics,
    outliers,
    quality: {
      modularity: modularity(graph, topicOf),
      strength: strengths.length === 0 ? 0 : strengths.reduce((sum, strength) => sum + strength, 0) / strengths.length,
    },
    evidence,
  })
  const ofPaper = new Map(data.topics.flatMap((topic) => topic.papers.map(({ id }) => [id, topic] as const)))
  return Object.freeze({ ...data, of: (id: string) => ofPaper.get(id) })
}

/**
 * Rows whose nearest kin are strangers: their mean similarity to the 5 nearest lies below Tukey's fence (the lower
 * quartile less 1.5 times the distance of the quartiles). The strangest first; no topic is left without a paper.
 */
function findOutliers({ rows, k, similarity }: KinList, topicOf: Int32Array): number[] {
  if (rows < leastForOutliers) return []
  const width = Math.min(k, kinsCompared)
  const kinship = Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0
    for (let rank = 0; rank < width; rank++) sum += similarity[row * k + rank]
    return sum / width
  })
  const sorted = kinship.slice().sort()
  const quartile = (share: number) => sorted[Math.floor(share * (rows - 1))]
  const fence = quartile(0.25) - 1.5 * (quartile(0.75) - quartile(0.25))
  const left = new Int32Array(rows)
  for (const topic of topicOf) left[topic]++
  return Array.from(kinship.keys())
    .filter((row) => kinship[row] < fence)
    .sort((a, b) => kinship[a] - kinship[b] || a - b)
    .slice(0, Math.floor(mostOutliers * rows))
    .filter((row) => left[topicOf[row]] > 1 && left[topicOf[row]]-- > 0)
}

/** The rows of each topic without the outliers, the largest topic first, equal ones by their first row. */
function membersBySize(topicOf: Int32Array, apart: readonly number[]): number[][] {
  const members: number[][] = []
  const isApart = new Set(apart)
  topicOf.forEach((topic, row) => {
    if (isApart.has(row)) return
    members[topic] ??= []
    members[topic].push(row)
  })
  return members.filter(Boolean).sort((a, b) => b.length - a.length || a[0] - b[0])
}

/** How much of a row's edge weight goes to a topic; without edges, all to its own. */
function shareIn(graph: WeightedGraph, topicOf: Int32Array): (row: number, topic: number) => number {
  const { start, target, weight } = graph
  return (row, topic) => {
    let inside = 0
    let all = 0
    for (let i = start[row]; i < start[row + 1]; i++) {
      all += weight[i]
      if (topicOf[target[i]] === topic) inside += weight[i]
    }
    return all === 0 ? (topicOf[row] === topic ? 1 : 0) : inside / all
  }
}

/** Mean similarity of each of the rows to all of them, itself included: the product with their sum. */
function similarityToAll(
  { vectors, dimensions, lexical }: Pick<Grouped, 'vectors' | 'dimensions' | 'lexical'>,
  rows: readonly number[],
): Float64Array {
  const { start, column, value } = lexical
  const sum = new Float64Array(dimensions)
  const words = new Map<number, number>()
  for (const row of rows) {
    for (let d = 0; d < dimensions; d++) sum[d] += vectors[row * dimensions + d]
    for (let i = start[row]; i < start[row + 1]; i++) words.set(column[i], (words.get(column[i]) ?? 0) + value[i])
  }
  return Float64Array.from(rows, (row) => {
    let product = 0
    for (let d = 0; d < dimensions; d++) product += vectors[row * dimensions + d] * sum[d]
    for (let i = start[row]; i < start[row + 1]; i++) product += value[i] * (words.get(column[i]) as number)
    return product / rows.length / 2
  })
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
