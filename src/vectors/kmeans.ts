import { PaperkinError, requireInteger } from '../errors.ts'
import { seededRandom } from '../runtime/random.ts'
import { BACKGROUND_FROM, inBackground } from './background.ts'
import { typedArrayKernels } from './kernels.ts'
import { type KmeansOptions, type KmeansResult, runKmeans } from './spherical-kmeans.ts'
import { requireRows, requireUnitRows } from './unit-rows.ts'

export type { KmeansResult }

/**
 * Spherical k-means of a matrix of unit rows, `n × dimensions`: seeded by greedy k-means++ (Arthur and Vassilvitskii
 * 2007), empty clusters given the row that lies worst, inertia falling with every iteration, until no row changes its
 * cluster. The same matrix, options and seed give the same result everywhere. Beside the matrix it holds a copy
 * and bounds of `4 × n × k` bytes where they are at most 256 MB.
 * @throws PaperkinError `invalid-argument`: part of a row, a row whose length is not 1, `k` beyond the number of rows.
 */
export async function kmeans(matrix: Float32Array, options: KmeansOptions): Promise<KmeansResult> {
  const { dimensions, signal } = options
  const n = requireRows(matrix, dimensions)
  requireInteger('k', options.k, 1, n)
  requireInteger('starts', options.starts ?? 1, 1)
  requireInteger('maxIterations', options.maxIterations ?? 100, 1)
  seededRandom(options.seed ?? 0)
  if (options.initialCentroids !== undefined) {
    const given = await requireUnitRows(options.initialCentroids, dimensions)
    if (given !== options.k)
      throw new PaperkinError('invalid-argument', `Expected ${options.k} initial centroids, got ${given}.`)
  }
  const { onProgress, signal: _signal, ...plain } = options
  // Some twenty iterations is what most runs take; seeding is like two of them.
  if (n * options.k * dimensions * 20 * (options.starts ?? 1) >= BACKGROUND_FROM)
    return inBackground('kmeans', plain, { values: matrix, signal, onProgress })
  await requireUnitRows(matrix, dimensions, signal === undefined ? {} : { signal })
  return runKmeans(matrix, { ...options, kernels: typedArrayKernels })
}
