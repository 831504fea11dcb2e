import { requireInteger } from '../errors.ts'
import type { Progress } from '../runtime/time-slice.ts'
import { BACKGROUND_FROM, inBackground } from './background.ts'
import { typedArrayKernels } from './kernels.ts'
import { buildNeighbourGraph, type NeighbourGraph } from './nearest-rows.ts'
import { RowDots } from './row-dots.ts'
import { requireRows, requireUnitRows } from './vector-index.ts'

export type { NeighbourGraph }

interface NeighbourGraphOptions {
  /** Width of a row. */
  readonly dimensions: number
  /** Neighbours of each row, itself not counted. @default 15 */
  readonly k?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/**
 * The exact k-nearest-neighbour graph of a matrix of unit rows, `n × dimensions`. Time grows with n², memory is
 * `16 × n × (k + 4)` bytes beside the matrix.
 * @throws PaperkinError `invalid-argument`: part of a row, a row whose length is not 1, `k` below 1.
 */
export async function neighbourGraph(matrix: Float32Array, options: NeighbourGraphOptions): Promise<NeighbourGraph> {
  const { dimensions, signal, onProgress } = options
  requireInteger('k', options.k ?? 15, 1)
  const n = requireRows(matrix, dimensions)
  const k = Math.max(0, Math.min(options.k ?? 15, n - 1))
  if ((n * n * dimensions) / 2 >= BACKGROUND_FROM)
    return inBackground('graph', { dimensions, k }, { values: matrix, signal, onProgress })
  await requireUnitRows(matrix, dimensions, signal === undefined ? {} : { signal })
  return buildNeighbourGraph(RowDots.over(matrix, dimensions), {
    k,
    kernels: typedArrayKernels,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })
}
