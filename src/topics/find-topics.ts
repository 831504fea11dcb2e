import { PaperkinError, requireInteger, requireNumber, show } from '../errors.ts'
import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Paper } from '../paper.ts'
import { kinGraph, nearestKin } from './kin-graph.ts'
import { labelTopics, type TopicTerm } from './label-topics.ts'
import { leiden, modularity } from './leiden.ts'
import { Pace } from './pace.ts'

/** Papers with what is known of them, ready for {@link findTopics}. */
export interface TopicInput {
  /** Ids must differ. Row i of the others belongs to `papers[i]`. */
  readonly papers: readonly Paper[]
  /** `papers.length × dimensions` unit rows, row-major. */
  readonly vectors: Float32Array
  readonly dimensions: number
  /** Unit TF-IDF rows, one a paper. */
  readonly lexical: SparseRows
}

export type TopicMethod = 'graph' | 'kmeans'

export interface TopicOptions {
  /** Communities of the neighbour graph, or k-means. @default 'graph' */
  readonly method?: TopicMethod | undefined
  /** Number of topics, from 1; never more than there are papers. @default 'auto' */
  readonly count?: number | 'auto' | undefined
  /** The same papers, options and seed give the same topics, in any order of papers. @default 1 */
  readonly seed?: number | undefined
  /** Graph only, in place of `count`: above 1 more and smaller topics, below 1 fewer and larger ones. */
  readonly resolution?: number | undefined
  /** Smaller groups join the topic that is nearest to them; has no effect on a given `count`. @default 3 */
  readonly minTopicSize?: number | undefined
  /** Neighbours a paper in the graph. @default 15, fewer for fewer than 200 papers */
  readonly neighbours?: number | undefined
  /** Most terms a label. @default 3 */
  readonly termsPerLabel?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A paper's place in a topic. */
export interface TopicPaper {
  readonly id: string
  /** 0 … 1: the share of the paper's nearest neighbours, by weight, that are in the topic too. */
  readonly strength: number
}

/** A group of papers about one thing. */
export interface Topic {
  /** 0 for the largest topic, then by falling size. */
  readonly id: number
  /** The first terms, joined by commas; differs from every other topic's label. */
  readonly label: string
  /** Words and word pairs that set the topic apart, by falling weight. */
  readonly terms: readonly TopicTerm[]
  readonly size: number
  /** By falling strength, then by id. */
  readonly papers: readonly TopicPaper[]
  /** Ids of the papers that are nearest to all papers of the topic, the most typical first; at most 3. */
  readonly representatives: readonly string[]
}

/** A paper that fits no topic. */
export interface Outlier {
  readonly id: string
  /** Id of the nearest topic. */
  readonly nearest: number
  /** 0 … 1: the share of the paper's nearest neighbours, by weight, that are in that topic. */
  readonly strength: number
}

/** How well the topics hold together. */
export interface TopicQuality {
  /** -0.5 … 1: share of neighbour weight inside the topics less the share expected by chance. */
  readonly modularity: number
}

/** The topics of a collection, frozen. `JSON.stringify` gives all of it as data. */
export interface Topics {
  readonly method: TopicMethod
  readonly seed: number
  /** Number of topics. */
  readonly count: number
  /** By falling size. */
  readonly topics: readonly Topic[]
  /** Papers that fit nowhere, the strangest first. */
  readonly outliers: readonly Outlier[]
  readonly quality: TopicQuality
  /** The topic of a paper; undefined for an outlier and for an id that was not among the papers. */
  of(id: string): Topic | undefined
}

/**
 * Finds topics among papers. Any number of papers gives an answer: none for none, one topic of one for one.
 * @throws PaperkinError `invalid-argument` for rows that do not fit the papers, and for options out of range.
 */
export async function findTopics(input: TopicInput, options: TopicOptions = {}): Promise<Topics> {
  const { method = 'graph', count = 'auto', resolution = 1 } = options
  if (method !== 'graph' && method !== 'kmeans')
    throw new PaperkinError('invalid-argument', `Expected \`method\` to be 'graph' or 'kmeans', got ${show(method)}.`)
  if (count !== 'auto') requireInteger('count', count, 1)
  const seed = requireInteger('seed', options.seed ?? 1, 0)
  requireNumber('resolution', resolution, 0, 1000)
  const { papers, vectors, dimensions, lexical, order } = arrange(input)
  const n = papers.length
  const pace = new Pace(options.signal)
  const k = requireInteger('neighbours', options.neighbours ?? 15, 1)
  const kin = await nearestKin({ rows: n, vectors, dimensions, lexical }, { k, pace })
  const graph = kinGraph(kin, n)
  const communities = await leiden(graph, { resolution, random: mulberry(seed), pace })
  const members: number[][] = []
  communities.forEach((c, row) => {
    members[c] ??= []
    members[c].push(row)
  })
  const labels = labelTopics(
    members.map((rows) => rows.map((row) => papers[row])),
    { termsPerLabel: options.termsPerLabel ?? 3 },
  )
  const topics = members.map((rows, id): Topic => {
    const placed = rows
      .map((row) => {
        let inside = 0
        let all = 0
        for (let i = graph.start[row]; i < graph.start[row + 1]; i++) {
          all += graph.weight[i]
          if (communities[graph.target[i]] === id) inside += graph.weight[i]
        }
        return { id: papers[row].id, strength: all === 0 ? 1 : inside / all }
      })
      .sort((a, b) => b.strength - a.strength)
    return {
      id,
      ...labels[id],
      size: rows.length,
      papers: placed,
      representatives: placed.slice(0, 3).map((p) => p.id),
    }
  })
  const topicOf = new Map(topics.flatMap((topic) => topic.papers.map((paper) => [paper.id, topic] as const)))
  void order
  return Object.freeze({
    method,
    seed,
    count: topics.length,
    topics,
    outliers: [],
    quality: { modularity: modularity(graph, communities) },
    of: (id: string) => topicOf.get(id),
  })
}

/** Puts papers and rows into the order of the ids, so that the order of adding does not matter. */
function arrange(input: TopicInput): TopicInput & { readonly order: Int32Array } {
  const { papers, vectors, dimensions, lexical } = input
  const n = papers.length
  if (vectors.length !== n * dimensions || lexical.rows !== n)
    throw new PaperkinError(
      'invalid-argument',
      `Expected ${n} vectors and lexical rows for ${n} papers, got ${vectors.length / dimensions} and ${lexical.rows}.`,
    )
  const order = Int32Array.from({ length: n }, (_, row) => row).sort((a, b) =>
    papers[a].id < papers[b].id ? -1 : papers[a].id > papers[b].id ? 1 : 0,
  )
  const sortedVectors = new Float32Array(vectors.length)
  const start = new Int32Array(n + 1)
  const column = new Int32Array(lexical.column.length)
  const value = new Float32Array(lexical.value.length)
  order.forEach((from, to) => {
    sortedVectors.set(vectors.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions)
    const entries = lexical.start[from + 1] - lexical.start[from]
    column.set(lexical.column.subarray(lexical.start[from], lexical.start[from + 1]), start[to])
    value.set(lexical.value.subarray(lexical.start[from], lexical.start[from + 1]), start[to])
    start[to + 1] = start[to] + entries
  })
  return {
    papers: Array.from(order, (row) => papers[row]),
    vectors: sortedVectors,
    dimensions,
    lexical: { rows: n, columns: lexical.columns, start, column, value },
    order,
  }
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
