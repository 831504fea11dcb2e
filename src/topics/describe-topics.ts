import { PaperkinError, show } from '../errors.ts'
import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Paper } from '../paper.ts'
import type { TimeSlice } from '../vectors/time-slice.ts'
import type { KinList } from './kin-graph.ts'
import { labelTopics } from './label-topics.ts'
import { modularity } from './leiden.ts'
import type {
  CountEvidence,
  Outlier,
  Topic,
  TopicMethod,
  TopicPaper,
  TopicShare,
  Topics,
  UnnamedTopic,
} from './topics.ts'
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

export interface DescribeOptions {
  readonly method: TopicMethod
  readonly seed: number
  readonly outlierShare: number | 'auto'
  readonly termsPerLabel: number
  readonly label: ((topic: UnnamedTopic) => string | Promise<string>) | undefined
  readonly slice: TimeSlice
}

/** Turns groups of rows into topics of papers: outliers apart, strengths, representatives, labels; frozen. */
export async function describeTopics(grouped: Grouped, options: DescribeOptions): Promise<Topics> {
  const { papers, kin, graph, evidence } = grouped
  const { method, seed, termsPerLabel, slice } = options
  const apart = findOutliers(kin, grouped.topicOf, options.outlierShare)
  const members = membersBySize(grouped.topicOf, new Set(apart.map(({ row }) => row)))
  const topicOf = new Int32Array(papers.length).fill(-1)
  for (const [topic, rows] of members.entries()) for (const row of rows) topicOf[row] = topic
  const labels = await labelTopics(papers, { members, termsPerLabel, slice })
  const topics: Topic[] = []
  for (const [id, rows] of members.entries()) {
    if (slice.due()) await slice.rest()
    const typicality = similarityToAll(grouped, rows)
    const placed = rows
      .map((row, i) => ({ row, typical: typicality[i], ...placeOf(row, { graph, topicOf }) }))
      .sort((a, b) => b.strength - a.strength || b.typical - a.typical || a.row - b.row)
    const typical = [...placed].sort((a, b) => b.typical - a.typical || a.row - b.row).slice(0, representativesShown)
    const topic: Topic = {
      id,
      ...labels[id],
      size: rows.length,
      papers: placed.map(
        ({ row, strength, second }): TopicPaper => ({ id: papers[row].id, strength, ...(second && { second }) }),
      ),
      representatives: typical.map(({ row }) => papers[row].id),
    }
    topics.push(deepFreeze(topic))
  }
  const strengths = topics.flatMap((topic) => topic.papers.map(({ strength }) => strength))
  const data = deepFreeze({
    method,
    seed,
    count: topics.length,
    topics: options.label === undefined ? topics : await named(topics, { label: options.label, papers, slice }),
    outliers: apart.map(({ row, margin }): Outlier => {
      // Where all its kin stand apart too, the topic that it would have been in.
      const before = grouped.topicOf[row]
      const { second } = placeOf(row, { graph, topicOf })
      const nearest = second?.topic ?? members.findIndex(([first]) => grouped.topicOf[first] === before)
      return { id: papers[row].id, nearest, strength: second?.strength ?? 0, margin }
    }),
    quality: {
      modularity: modularity(graph, grouped.topicOf),
      strength: strengths.length === 0 ? 0 : strengths.reduce((sum, strength) => sum + strength, 0) / strengths.length,
    },
    evidence,
  })
  const ofPaper = new Map(data.topics.flatMap((topic) => topic.papers.map(({ id }) => [id, topic] as const)))
  return Object.freeze({ ...data, of: (id: string) => ofPaper.get(id) })
}

/** Gives topics the names that a caller makes up; one that is empty or taken is left to the terms. */
async function named(
  topics: readonly Topic[],
  {
    label,
    papers,
    slice,
  }: {
    readonly label: (topic: UnnamedTopic) => string | Promise<string>
    readonly papers: readonly Paper[]
    readonly slice: TimeSlice
  },
): Promise<Topic[]> {
  const paperOf = new Map(papers.map((paper) => [paper.id, paper]))
  const taken = new Set(topics.map((topic) => topic.label))
  const renamed: Topic[] = []
  for (const topic of topics) {
    const { id, label: unnamed, terms, size } = topic
    const representatives = topic.representatives.map((paper) => paperOf.get(paper) as Paper)
    const name = await label({ id, label: unnamed, terms, size, representatives })
    if (typeof name !== 'string')
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`label\` to give a string for topic ${id}, got ${show(name)}.`,
      )
    const isNew = name.trim() !== '' && !taken.has(name.trim())
    if (isNew) taken.add(name.trim())
    renamed.push(isNew ? { ...topic, label: name.trim() } : topic)
    if (slice.due()) await slice.rest()
  }
  return renamed
}

/**
 * Rows whose nearest kin are strangers: their mean similarity to the 5 nearest lies below Tukey's fence (the lower
 * quartile less 1.5 times the distance of the quartiles), or is among the lowest of a given share. The strangest first;
 * no topic is left without a paper.
 */
function findOutliers(
  { rows, k, similarity }: KinList,
  topicOf: Int32Array,
  share: number | 'auto',
): { readonly row: number; readonly margin: number }[] {
  if (rows < leastForOutliers) return []
  const width = Math.min(k, kinsCompared)
  const kinship = Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0
    for (let rank = 0; rank < width; rank++) sum += similarity[row * k + rank]
    return sum / width
  })
  const sorted = kinship.slice().sort()
  const quartile = (part: number) => sorted[Math.floor(part * (rows - 1))]
  const fence = share === 'auto' ? quartile(0.25) - 1.5 * (quartile(0.75) - quartile(0.25)) : Number.POSITIVE_INFINITY
  const left = new Int32Array(rows)
  for (const topic of topicOf) left[topic]++
  const lonely = Array.from(kinship.keys())
    .filter((row) => kinship[row] < fence)
    .sort((a, b) => kinship[a] - kinship[b] || a - b)
  const apart: number[] = []
  for (const row of lonely) {
    if (apart.length >= Math.floor((share === 'auto' ? mostOutliers : share) * rows)) break
    if (left[topicOf[row]] === 1) continue
    left[topicOf[row]]--
    apart.push(row)
  }
  const isApart = new Set(apart)
  let least = Number.POSITIVE_INFINITY
  for (let row = 0; row < rows; row++) if (!isApart.has(row)) least = Math.min(least, kinship[row])
  return apart.map((row) => ({ row, margin: Math.min(0, kinship[row] - least) }))
}

/** The rows of each topic without the outliers, the largest topic first, equal ones by their first row. */
function membersBySize(topicOf: Int32Array, apart: ReadonlySet<number>): number[][] {
  const members: number[][] = []
  topicOf.forEach((topic, row) => {
    if (apart.has(row)) return
    members[topic] ??= []
    members[topic].push(row)
  })
  return members.filter(Boolean).sort((a, b) => b.length - a.length || a[0] - b[0])
}

/** Where a row's edge weight goes: the share in its own topic, and the other topic with the largest; -1 is no topic. */
function placeOf(
  row: number,
  { graph: { start, target, weight }, topicOf }: { readonly graph: WeightedGraph; readonly topicOf: Int32Array },
): { readonly strength: number; readonly second: TopicShare | undefined } {
  const inTopic = new Map<number, number>()
  let all = 0
  for (let i = start[row]; i < start[row + 1]; i++) {
    const topic = topicOf[target[i]]
    all += weight[i]
    inTopic.set(topic, (inTopic.get(topic) ?? 0) + weight[i])
  }
  const own = topicOf[row]
  // Without edges there is nothing else to be in.
  if (all === 0) return { strength: own < 0 ? 0 : 1, second: undefined }
  let second: TopicShare | undefined
  for (const [topic, sum] of inTopic)
    if (topic >= 0 && topic !== own) {
      const strength = sum / all
      if (second === undefined || strength > second.strength || (strength === second.strength && topic < second.topic))
        second = { topic, strength }
    }
  return { strength: (inTopic.get(own) ?? 0) / all, second }
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
