import fc from 'fast-check'
import { kmeans as mlKmeans } from 'ml-kmeans'
import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { type Kernels, loadOnnxKernels, typedArrayKernels } from '../../src/vectors/kernels.ts'
import { type KmeansResult, kmeans } from '../../src/vectors/kmeans.ts'
import { runKmeans } from '../../src/vectors/spherical-kmeans.ts'
import { clusteredRows } from './clustered.ts'

/** Sum of squared distances to the given centroids, computed naively. */
function inertiaOf(matrix: Float32Array, dimensions: number, { assignments, centroids }: KmeansResult): number {
  let inertia = 0
  for (let row = 0; row < assignments.length; row++)
    for (let d = 0; d < dimensions; d++)
      inertia += (matrix[row * dimensions + d]! - centroids[assignments[row]! * dimensions + d]!) ** 2
  return inertia
}

/** Sum of squared distances to the cluster means. */
function inertiaOfMeans(matrix: Float32Array, dimensions: number, assignments: ArrayLike<number>): number {
  const k = Math.max(...Array.from(assignments)) + 1
  const sums = new Float64Array(k * dimensions)
  const counts = new Float64Array(k)
  let inertia = 0
  for (let row = 0; row < assignments.length; row++) {
    counts[assignments[row]!]!++
    for (let d = 0; d < dimensions; d++) {
      sums[assignments[row]! * dimensions + d]! += matrix[row * dimensions + d]!
      inertia += matrix[row * dimensions + d]! ** 2
    }
  }
  for (let c = 0; c < k; c++)
    for (let d = 0; d < dimensions; d++) if (counts[c]! > 0) inertia -= sums[c * dimensions + d]! ** 2 / counts[c]!
  return inertia
}

/** Whether two partitions are equal up to the names of their parts. */
function isSamePartition(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  const names = new Map<number, number>()
  return Array.from(a).every((part, i) => {
    if (!names.has(part)) names.set(part, b[i]!)
    return names.get(part) === b[i]
  })
}

const onnxKernels = await loadOnnxKernels()
const worstKernels: Kernels = {
  backend: 'typed-arrays',
  slice: 1e6,
  products(left, right, dimensions) {
    const products = typedArrayKernels.products(left, right, dimensions) as Float32Array
    return products.map((product, i) => product + (i % 3 === 0 ? 1 : -1) * (dimensions + 6) * 2 ** -24)
  },
}

describe('kmeans', () => {
  it('recovers planted clusters', async () => {
    const { rows, labels } = clusteredRows(2000, 32, { centres: 8, spread: 0.3 })
    const { assignments } = await kmeans(rows, { dimensions: 32, k: 8, seed: 3 })
    expect(isSamePartition(assignments, labels)).toBe(true)
  })

  it('gives each row its nearest centroid, each centroid the direction of its members, and their inertia', async () => {
    const dimensions = 20
    const { rows } = clusteredRows(700, dimensions, { centres: 9, spread: 1.5 })
    const result = await kmeans(rows, { dimensions, k: 6, seed: 1, maxIterations: 500 })
    expect(result.inertia).toBeCloseTo(inertiaOf(rows, dimensions, result), 4)
    for (let row = 0; row < 700; row++) {
      const products = Array.from({ length: 6 }, (_, c) => {
        let product = 0
        for (let d = 0; d < dimensions; d++)
          product += rows[row * dimensions + d]! * result.centroids[c * dimensions + d]!
        return product
      })
      expect(products[result.assignments[row]!]).toBeCloseTo(Math.max(...products), 6)
    }
    for (let c = 0; c < 6; c++) {
      const sum = new Float64Array(dimensions)
      for (let row = 0; row < 700; row++)
        if (result.assignments[row] === c) for (let d = 0; d < dimensions; d++) sum[d]! += rows[row * dimensions + d]!
      const length = Math.hypot(...sum)
      for (let d = 0; d < dimensions; d++) expect(result.centroids[c * dimensions + d]).toBeCloseTo(sum[d]! / length, 6)
    }
  })

  it('uses means and distances if not spherical, as ml-kmeans does', async () => {
    const dimensions = 24
    const k = 12
    const { rows } = clusteredRows(800, dimensions, { centres: 25, spread: 1 })
    const initialCentroids = Float32Array.from(
      { length: k * dimensions },
      (_, i) => rows[Math.floor(i / dimensions) * 60 * dimensions + (i % dimensions)]!,
    )
    const options = { dimensions, k, initialCentroids, spherical: false }
    const ours = await kmeans(rows, options)
    const theirs = mlKmeans(
      Array.from({ length: 800 }, (_, row) => Array.from(rows.subarray(row * dimensions, (row + 1) * dimensions))),
      k,
      {
        initialization: Array.from({ length: k }, (_, c) =>
          Array.from(initialCentroids.subarray(c * dimensions, (c + 1) * dimensions)),
        ),
      },
    )
    expect(Array.from(ours.assignments)).toEqual(theirs.clusters)
    expect(ours.inertia).toBeCloseTo(inertiaOfMeans(rows, dimensions, theirs.clusters), 3)
    expect(ours.inertia).toBeCloseTo(inertiaOf(rows, dimensions, ours), 3)
    let last = Infinity
    for (let maxIterations = 1; maxIterations <= ours.iterations; maxIterations++) {
      const { inertia } = await kmeans(rows, { ...options, maxIterations })
      expect(inertia).toBeLessThanOrEqual(last)
      last = inertia
    }
  })

  it('lowers the inertia with every iteration, and stops when nothing changes', async () => {
    const dimensions = 16
    const { rows } = clusteredRows(600, dimensions, { centres: 30, spread: 1 })
    const whole = await kmeans(rows, { dimensions, k: 25, seed: 7 })
    expect(whole.iterations).toBeGreaterThan(3)
    let last = Infinity
    for (let maxIterations = 1; maxIterations <= whole.iterations; maxIterations++) {
      const { inertia } = await kmeans(rows, { dimensions, k: 25, seed: 7, maxIterations })
      expect(inertia).toBeLessThanOrEqual(last)
      last = inertia
    }
    expect(last).toBe(whole.inertia)
  })

  it('gives the same bits for any kernels within their error, with near ties and copies', async () => {
    const dimensions = 16
    const { rows } = clusteredRows(900, dimensions, { centres: 5, spread: 0.8 })
    // Rows halfway between others, to within a kernel's error.
    for (let row = 0; row < 300; row++)
      for (let d = 0; d < dimensions; d++)
        rows[row * dimensions + d] = rows[(row % 20) * dimensions + d]! + (row % 7) * 1e-8
    for (const [k, seed] of [
      [3, 1],
      [40, 2],
      [200, 3],
    ] as const) {
      const options = { dimensions, k, seed, starts: 2, spherical: seed !== 2 }
      const expected = await runKmeans(rows, { ...options, kernels: typedArrayKernels })
      expect(await runKmeans(rows, { ...options, kernels: worstKernels })).toEqual(expected)
      if (onnxKernels !== undefined)
        expect(await runKmeans(rows, { ...options, kernels: onnxKernels })).toEqual(expected)
      expect(await kmeans(rows, options)).toEqual(expected)
    }
  })

  it('gives the same bits in the worker', async () => {
    const { rows } = clusteredRows(6000, 128, { centres: 30, spread: 1.2 })
    const options = { dimensions: 128, k: 30, seed: 5 }
    const progress: number[] = []
    const result = await kmeans(rows, { ...options, onProgress: ({ done }) => progress.push(done) })
    expect(result).toEqual(await runKmeans(rows, { ...options, kernels: typedArrayKernels }))
    expect(progress.length).toBeGreaterThan(1)
  })

  it('leaves no cluster empty, for copies and for as many clusters as rows', async () => {
    const row = fc
      .array(fc.integer({ min: -1, max: 1 }), { minLength: 2, maxLength: 2 })
      .filter(([a, b]) => a !== 0 || b !== 0)
    const problem = fc
      .array(row, { minLength: 1, maxLength: 25 })
      .chain((rows) => fc.tuple(fc.constant(rows), fc.integer({ min: 1, max: rows.length }), fc.integer()))
    await fc.assert(
      fc.asyncProperty(problem, async ([rows, k, seed]) => {
        const matrix = Float32Array.from(rows.flatMap((values) => values.map((v) => v / Math.hypot(...values))))
        const spherical = seed % 2 === 0
        const result = await kmeans(matrix, { dimensions: 2, k, seed, spherical })
        expect(new Set(result.assignments).size).toBe(k)
        expect(result.centroids).toHaveLength(2 * k)
        expect(result.inertia).toBeCloseTo(inertiaOf(matrix, 2, result), 5)
        if (k === rows.length) expect(result.inertia).toBeCloseTo(0, 6)
        expect(await kmeans(matrix, { dimensions: 2, k, seed, spherical })).toEqual(result)
      }),
    )
  })

  it('takes the best of several starts, and different seeds differ', async () => {
    const dimensions = 10
    const { rows } = clusteredRows(400, dimensions, { centres: 40, spread: 0.7 })
    const one = await kmeans(rows, { dimensions, k: 20, seed: 11 })
    const eight = await kmeans(rows, { dimensions, k: 20, seed: 11, starts: 8 })
    const other = await kmeans(rows, { dimensions, k: 20, seed: 12 })
    expect(eight.inertia).toBeLessThan(one.inertia)
    expect(Array.from(other.assignments)).not.toEqual(Array.from(one.assignments))
  })

  it('is no worse than ml-kmeans from the same initial centroids', async () => {
    const dimensions = 24
    const k = 12
    const { rows } = clusteredRows(800, dimensions, { centres: 25, spread: 1 })
    const begin = Array.from({ length: k }, (_, c) =>
      Array.from(rows.subarray(c * 60 * dimensions, (c * 60 + 1) * dimensions)),
    )
    const data = Array.from({ length: 800 }, (_, row) =>
      Array.from(rows.subarray(row * dimensions, (row + 1) * dimensions)),
    )
    const theirs = mlKmeans(data, k, { initialization: begin, maxIterations: 100, seed: 1 })
    const ours = await kmeans(rows, {
      dimensions,
      k,
      initialCentroids: Float32Array.from(begin.flat()),
      maxIterations: 100,
    })
    const ratio = inertiaOfMeans(rows, dimensions, ours.assignments) / inertiaOfMeans(rows, dimensions, theirs.clusters)
    // Ours maximises cosines, theirs minimises distances to means: the two differ in single rows.
    expect(ratio).toBeLessThan(1.01)
    const seeded = await kmeans(rows, { dimensions, k, seed: 1, starts: 3 })
    expect(inertiaOfMeans(rows, dimensions, seeded.assignments)).toBeLessThan(
      inertiaOfMeans(rows, dimensions, theirs.clusters),
    )
  })

  it('works with one row, or one cluster', async () => {
    const one = await kmeans(Float32Array.of(0.6, 0.8), { dimensions: 2, k: 1 })
    expect(one).toEqual({
      assignments: Int32Array.of(0),
      centroids: Float32Array.of(0.6, 0.8),
      inertia: 0,
      iterations: 2,
    })
    const opposite = await kmeans(Float32Array.of(1, 0, -1, 0), { dimensions: 2, k: 1 })
    expect(opposite.inertia).toBeCloseTo(4, 6)
  })

  it('stops on abort', async () => {
    const { rows } = clusteredRows(3000, 128)
    const reason = new Error('enough')
    const controller = new AbortController()
    const running = kmeans(rows, {
      dimensions: 128,
      k: 60,
      starts: 50,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(running).rejects.toBe(reason)
    await expect(kmeans(rows, { dimensions: 128, k: 2, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('rejects with what the caller’s callback throws, and works afterwards', async () => {
    const { rows } = clusteredRows(6000, 128)
    const onProgress = () => {
      throw new Error('of the caller')
    }
    const options = { dimensions: 128, k: 30, seed: 5 }
    await expect(kmeans(rows, { ...options, onProgress })).rejects.toThrow('of the caller')
    expect((await kmeans(rows, options)).assignments).toHaveLength(6000)
  })

  it('refuses a row without unit length, in the worker too', async () => {
    const { rows } = clusteredRows(6000, 128)
    for (let d = 0; d < 128; d++) rows[4321 * 128 + d]! *= 2
    for (const matrix of [rows, rows.subarray(4300 * 128, 4330 * 128)])
      await expect(kmeans(matrix, { dimensions: 128, k: 20 })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/got row (?:4321|21) with length 2(?:\.|$)/u),
      })
    rows[5999 * 128] = Number.NaN
    await expect(kmeans(rows.subarray(4322 * 128), { dimensions: 128, k: 1600 })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('got row 1677'),
    })
  })

  it('refuses invalid options', async () => {
    const matrix = Float32Array.of(1, 0, 0, 1)
    const refusals: [Parameters<typeof kmeans>[1], RegExp][] = [
      [{ dimensions: 2, k: 3 }, /`k` to be a whole number from 1 to 2, got `3`/u],
      [{ dimensions: 2, k: 0 }, /`k`/u],
      [{ dimensions: 3, k: 1 }, /whole rows of 3 values/u],
      [{ dimensions: 2, k: 1, starts: 0 }, /`starts`/u],
      [{ dimensions: 2, k: 1, maxIterations: 0 }, /`maxIterations`/u],
      [{ dimensions: 2, k: 1, seed: 1.5 }, /`seed`/u],
      [{ dimensions: 2, k: 1, initialCentroids: Float32Array.of(1, 0, 0, 1) }, /1 initial centroids, got 2/u],
    ]
    for (const [options, message] of refusals) {
      const error = await kmeans(matrix, options).catch((reason: unknown) => reason)
      expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
      expect((error as Error).message).toMatch(message)
    }
  })
})
