import { PaperkinError, requireInteger } from '../errors.ts'
import { seededRandom } from '../runtime/random.ts'
import { backgroundFrom, inBackground } from './background.ts'
import { typedArrayKernels } from './kernels.ts'
import { type KmeansOptions, type KmeansResult, runKmeans } from './spherical-kmeans.ts'
import { requireRows, requireUnitRows } from './unit-rows.ts'

export type { KmeansResult }

/**
 * Spherical k-means of a matrix of unit rows, `n × dimensions`: seeded by greedy k-means++ (Arthur and Vassilvitskii
 * 2007); an empty cluster gets the row that fits its own worst; inertia falls with every iteration, until no row
 * changes its cluster. The same matrix, options and seed give the same result everywhere. Memory besides the matrix: a
 * copy, and bounds of `4 × n × k` bytes if these are at most 256 MB.
 * @throws PaperkinError `invalid-argument`: a partial row, a row whose length is not 1, `k` above the number of rows
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
  // Most runs take some twenty iterations; seeding costs about two.
  if (n * options.k * dimensions * 20 * (options.starts ?? 1) >= backgroundFrom)
    return inBackground('kmeans', plain, { values: matrix, signal, onProgress })
  await requireUnitRows(matrix, dimensions, signal === undefined ? {} : { signal })
  return runKmeans(matrix, { ...options, kernels: typedArrayKernels })
}
