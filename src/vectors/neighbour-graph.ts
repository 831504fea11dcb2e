import { requireInteger } from '../errors.ts'
import type { Progress } from '../runtime/time-slice.ts'
import { backgroundFrom, inBackground } from './background.ts'
import { RowDots, typedArrayKernels } from './kernels.ts'
import { buildNeighbourGraph, findNearest, type NeighbourGraph } from './nearest-rows.ts'
import { requireRows, requireUnitRows } from './unit-rows.ts'

export type { NeighbourGraph }

interface NeighbourGraphOptions {
  /** Values per row. */
  readonly dimensions: number
  /** Neighbours per row, not counting itself. @default 15 */
  readonly k?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/**
 * The exact k-nearest-neighbour graph of a matrix of unit rows, `n × dimensions`. Time grows with n²; memory is
 * `16 × n × (k + 4)` bytes besides the matrix.
 * @throws PaperkinError `invalid-argument`: a partial row, a row whose length is not 1, `k` below 1
 */
export async function neighbourGraph(matrix: Float32Array, options: NeighbourGraphOptions): Promise<NeighbourGraph> {
  const { dimensions, signal, onProgress } = options
  requireInteger('k', options.k ?? 15, 1)
  const n = requireRows(matrix, dimensions)
  const k = Math.max(0, Math.min(options.k ?? 15, n - 1))
  if ((n * n * dimensions) / 2 >= backgroundFrom)
    return inBackground('graph', { dimensions, k }, { values: matrix, signal, onProgress })
  await requireUnitRows(matrix, dimensions, signal === undefined ? {} : { signal })
  return buildNeighbourGraph(RowDots.over(matrix, dimensions), {
    k,
    kernels: typedArrayKernels,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })
}

/**
 * The `k` unit rows nearest to each unit query (all if there are fewer), exact; results are indices into `rows`.
 * @throws PaperkinError `invalid-argument`: a partial row, `k` below 1
 */
export async function nearestRows(
  queries: Float32Array,
  rows: Float32Array,
  options: { readonly dimensions: number; readonly k: number; readonly signal?: AbortSignal | undefined },
): Promise<NeighbourGraph> {
  const { dimensions, signal } = options
  const asked = requireRows(queries, dimensions)
  const k = Math.min(requireInteger('k', options.k, 1), requireRows(rows, dimensions))
  if (asked === 0) return { k, rows: new Int32Array(0), scores: new Float32Array(0) }
  const values = new Float32Array(queries.length + rows.length)
  values.set(queries)
  values.set(rows, queries.length)
  const how = { k, queries: asked }
  if (queries.length * (rows.length / dimensions) >= backgroundFrom)
    return inBackground('nearest', { dimensions, ...how }, { values, signal })
  return findNearest(RowDots.over(values, dimensions), {
    ...how,
    kernels: typedArrayKernels,
    ...(signal && { signal }),
  })
}
