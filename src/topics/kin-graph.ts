// The neighbour graph of papers: each paper's k nearest by a weighted mean of embedding cosine and lexical cosine.
// Candidates are the nearest by embedding, by default at least five times as many as are kept: on 6,250 and 5,600
// abstracts, the best 100 by embedding include 99.9 % of the best 25 by the mean. Sums in float64 in a fixed order;
// ties go to the lower row.
import type { SparseRows } from '../lexical/sparse-rows.ts'
import { sharedFloat32, sharedFloat64, sharedInt32 } from '../runtime/shared-arrays.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { neighbourGraph } from '../vectors/neighbour-graph.ts'
import { sharedWords } from './rescore.ts'
import { Threads } from './threads.ts'
import { type WeightedGraph, weightedGraph } from './weighted-graph.ts'

/** Vectors of papers: row i of `vectors` and of `lexical` is one paper. */
export interface KinRows {
  readonly rows: number
  /** `rows × dimensions` unit rows, row-major. */
  readonly vectors: Float32Array
  readonly dimensions: number
  readonly lexical: SparseRows
}

/** The k nearest rows of each row, nearest first. */
export interface KinList {
  readonly rows: number
  readonly k: number
  /** `rows × k`. */
  readonly neighbour: Int32Array
  /** `rows × k`: the mean of the two cosines, -1 … 1. */
  readonly similarity: Float64Array
  /** `rows × k`: the cosine of the embeddings alone, -1 … 1. */
  readonly semantic: Float32Array
}

interface KinOptions {
  /** Neighbours per row; at most `rows - 1` are found. */
  readonly k: number
  /** 0 … 1: weight of the embedding cosine in the mean. @default 0.5 */
  readonly semanticWeight?: number | undefined
  /** Number of nearest rows by embedding to rank. @default 128, or 5 k if larger */
  readonly candidates?: number | undefined
  readonly slice: TimeSlice
  readonly signal?: AbortSignal | undefined
  /** @default its own threads, if there are many rows */
  readonly threads?: Threads | undefined
}

// Rows ranked per job.
const rowsAtOnce = 1024

/** Finds the k nearest of every row by the weighted mean of both cosines. */
export async function nearestKin(kin: KinRows, options: KinOptions): Promise<KinList> {
  const { k, semanticWeight = 0.5, candidates = Math.max(128, 5 * k), slice, signal, threads } = options
  const { rows, vectors, dimensions, lexical } = kin
  if (threads === undefined)
    return Threads.during({ papers: rows, signal }, (own) => nearestKin(kin, { ...options, threads: own }))
  const width = Math.min(k, Math.max(0, rows - 1))
  const kept = {
    neighbour: sharedInt32(rows * width),
    similarity: sharedFloat64(rows * width),
    semantic: sharedFloat32(rows * width),
  }
  if (width === 0) return { rows, k: width, ...kept }
  const [near, words] = await Promise.all([
    neighbourGraph(vectors, { dimensions, k: Math.max(width, candidates), ...(signal && { signal }) }),
    sharedWords(lexical, slice),
  ])
  const found = sharedInt32(near.rows.length)
  found.set(near.rows)
  if (slice.due()) await slice.rest()
  const cosines = sharedFloat32(near.scores.length)
  cosines.set(near.scores)
  const ranked: Promise<void>[] = []
  for (let first = 0; first < rows; first += rowsAtOnce) {
    const last = Math.min(rows, first + rowsAtOnce)
    const options = { words, first, last, near: found, cosines, candidates: near.k, k: width, semanticWeight, ...kept }
    ranked.push(threads.run('rescore', options, slice))
  }
  await Promise.all(ranked)
  return { rows, k: width, ...kept }
}

const kinsCompared = 5

/** Mean of the first five of `count` similarities from `start` on, nearest first. */
export function kinship(similarity: Float64Array, start: number, count: number): number {
  const width = Math.min(count, kinsCompared)
  let sum = 0
  for (let rank = 0; rank < width; rank++) sum += similarity[start + rank]!
  return sum / width
}

// Minimum similarity of neighbours in the graph, so that every edge weight is positive.
export const leastWeight = 1e-3

/** The graph of a neighbour list. An edge weighs the similarity if the neighbours are mutual, else half of it. */
export async function kinGraph({ rows, k, neighbour, similarity }: KinList, slice: TimeSlice): Promise<WeightedGraph> {
  const edges = sharedInt32(2 * neighbour.length)
  const weights = sharedFloat64(neighbour.length)
  for (let i = 0; i < neighbour.length; i++) {
    edges[2 * i] = Math.floor(i / k)
    edges[2 * i + 1] = neighbour[i]!
    weights[i] = Math.max(leastWeight, similarity[i]!) / 2
    if (i % 8192 === 8191 && slice.due()) await slice.rest()
  }
  return weightedGraph(edges, { nodes: rows, weights, slice })
}

/** The group of a row's nearest kin that has one (-1: none); group 0 if none of its kin has one. */
export function nearestGroup(row: number, groupOf: Int32Array, { k, neighbour }: KinList): number {
  for (let rank = 0; rank < k; rank++) {
    const group = groupOf[neighbour[row * k + rank]!]!
    if (group >= 0) return group
  }
  return 0
}
