// The neighbour graph of papers: each paper's k nearest by the mean of the embedding cosine and the lexical cosine.
// Similarities that decide are summed in float64 in a fixed order, so that they do not depend on the CPU.
import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Pace } from './pace.ts'
import { type WeightedGraph, weightedGraph } from './weighted-graph.ts'

/** Papers as the graph sees them: row i of both is one paper. */
export interface KinRows {
  readonly rows: number
  /** `rows × dimensions` unit rows, row-major. */
  readonly vectors: Float32Array
  readonly dimensions: number
  readonly lexical: SparseRows
}

/** The k nearest rows of each row, nearest first; fewer than k only where there are fewer others. */
export interface KinList {
  readonly k: number
  /** `rows × k`. */
  readonly neighbour: Int32Array
  /** `rows × k`: mean of the two cosines. */
  readonly similarity: Float64Array
}

/** Finds the k nearest of every row by comparing all pairs. */
export async function nearestKin(
  kin: KinRows,
  { k, pace }: { readonly k: number; readonly pace: Pace },
): Promise<KinList> {
  const { rows, vectors, dimensions, lexical } = kin
  const width = Math.min(k, Math.max(0, rows - 1))
  const neighbour = new Int32Array(rows * width)
  const similarity = new Float64Array(rows * width)
  const inverted = invert(lexical)
  const scores = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    if (pace.isOver) await pace.rest()
    scores.fill(0)
    for (let i = lexical.start[row]; i < lexical.start[row + 1]; i++) {
      const weight = lexical.value[i]
      const column = lexical.column[i]
      for (let j = inverted.start[column]; j < inverted.start[column + 1]; j++)
        scores[inverted.row[j]] += weight * inverted.value[j]
    }
    for (let other = 0; other < rows; other++)
      scores[other] = (scores[other] + dot(vectors, row * dimensions, other * dimensions, dimensions)) / 2
    scores[row] = Number.NEGATIVE_INFINITY
    const nearest = Array.from({ length: rows }, (_, other) => other)
      .sort((a, b) => scores[b] - scores[a] || a - b)
      .slice(0, width)
    nearest.forEach((other, rank) => {
      neighbour[row * width + rank] = other
      similarity[row * width + rank] = scores[other]
    })
  }
  return { k: width, neighbour, similarity }
}

/** The graph of a neighbour list: an edge weighs 1 where each is a neighbour of the other, else ½. */
export function kinGraph({ k, neighbour }: KinList, rows: number): WeightedGraph {
  const edges = new Int32Array(2 * neighbour.length)
  const weights = new Float64Array(neighbour.length).fill(0.5)
  for (let i = 0; i < neighbour.length; i++) {
    edges[2 * i] = Math.floor(i / k)
    edges[2 * i + 1] = neighbour[i]
  }
  return weightedGraph(edges, { nodes: rows, weights })
}

function dot(vectors: Float32Array, a: number, b: number, dimensions: number): number {
  let sum = 0
  for (let d = 0; d < dimensions; d++) sum += vectors[a + d] * vectors[b + d]
  return sum
}

function invert({ rows, columns, start, column, value }: SparseRows): {
  readonly start: Int32Array
  readonly row: Int32Array
  readonly value: Float32Array
} {
  const first = new Int32Array(columns + 1)
  const entries = start[rows]
  for (let i = 0; i < entries; i++) first[column[i] + 1]++
  for (let c = 0; c < columns; c++) first[c + 1] += first[c]
  const next = first.slice()
  const row = new Int32Array(entries)
  const byColumn = new Float32Array(entries)
  for (let r = 0; r < rows; r++)
    for (let i = start[r]; i < start[r + 1]; i++) {
      const to = next[column[i]]++
      row[to] = r
      byColumn[to] = value[i]
    }
  return { start: first, row, value: byColumn }
}
