// K-means on smoothed vectors: in each of two steps, an embedding is averaged with the mean of its neighbours in the
// graph (simple graph convolution, Wu et al. 2019); the result is centred. The graph adds lexical similarity, and
// smoothing reduces noise: scikit-learn's k-means on these vectors (k 15) has NMI .521 on arxiv-2025 and .518 on cora,
// against .515 and .472 on plain embeddings.
import { sharedFloat32 } from '../runtime/shared-arrays.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { kmeans } from '../vectors/kmeans.ts'
import type { KinRows } from './kin-graph.ts'
import { bySize } from './leiden.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const steps = 2
const starts = 4

/** Divides rows into `count` groups, numbered by falling size. */
export async function smoothKmeans(
  { vectors, dimensions }: KinRows,
  {
    graph,
    count,
    seed,
    slice,
    signal,
  }: {
    readonly graph: WeightedGraph
    readonly count: number
    readonly seed: number
    readonly slice: TimeSlice
    readonly signal: AbortSignal | undefined
  },
): Promise<Int32Array> {
  if (graph.nodes === 0) return new Int32Array(0)
  const smooth = await smoothed(vectors, { graph, dimensions, slice })
  const { assignments } = await kmeans(smooth, { dimensions, k: count, seed, starts, ...(signal && { signal }) })
  return bySize(assignments)
}

/** Returns `nodes × dimensions` unit rows. */
async function smoothed(
  vectors: Float32Array,
  {
    graph,
    dimensions,
    slice,
  }: { readonly graph: WeightedGraph; readonly dimensions: number; readonly slice: TimeSlice },
): Promise<Float32Array> {
  const { nodes, start, target, weight } = graph
  let rows: Float32Array = vectors
  const sum = new Float64Array(dimensions)
  for (let step = 0; step < steps; step++) {
    const next = sharedFloat32(vectors.length)
    for (let v = 0; v < nodes; v++) {
      if (slice.due()) await slice.rest()
      sum.fill(0)
      let total = 0
      for (let i = start[v]!; i < start[v + 1]!; i++) {
        const w = weight[i]!
        const from = target[i]! * dimensions
        total += w
        for (let d = 0; d < dimensions; d++) sum[d]! += w * rows[from + d]!
      }
      for (let d = 0; d < dimensions; d++) sum[d] = rows[v * dimensions + d]! + (total > 0 ? sum[d]! / total : 0)
      writeUnit(next, v, sum)
    }
    rows = next
  }
  const mean = new Float64Array(dimensions)
  for (let v = 0; v < nodes; v++) {
    for (let d = 0; d < dimensions; d++) mean[d]! += rows[v * dimensions + d]! / nodes
    if (v % 1024 === 0 && slice.due()) await slice.rest()
  }
  const centred = sharedFloat32(vectors.length)
  for (let v = 0; v < nodes; v++) {
    let square = 0
    for (let d = 0; d < dimensions; d++) {
      sum[d] = rows[v * dimensions + d]! - mean[d]!
      square += sum[d]! * sum[d]!
    }
    // A row at the centre has no direction after centring: keep its direction from before.
    if (square < 1e-8) for (let d = 0; d < dimensions; d++) sum[d] = rows[v * dimensions + d]!
    writeUnit(centred, v, sum)
    if (v % 1024 === 0 && slice.due()) await slice.rest()
  }
  return centred
}

function writeUnit(rows: Float32Array, row: number, values: Float64Array): void {
  let square = 0
  for (const value of values) square += value * value
  const scale = square > 0 ? 1 / Math.sqrt(square) : 0
  for (let d = 0; d < values.length; d++) rows[row * values.length + d] = values[d]! * scale
}
