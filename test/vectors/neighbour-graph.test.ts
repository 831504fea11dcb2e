import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { endThreads } from '../../src/runtime/worker-pool.ts'
import { exactDot, type Kernels, loadOnnxKernels, RowDots, typedArrayKernels } from '../../src/vectors/kernels.ts'
import { putNearTogether } from '../../src/vectors/near-order.ts'
import { buildLargeGraph, buildNeighbourGraph, findNearest } from '../../src/vectors/nearest-rows.ts'
import { nearestRows, neighbourGraph } from '../../src/vectors/neighbour-graph.ts'
import { clusteredRows } from './clustered.ts'

/** The k best others of each row by float64 product rounded to Float32, ties by row. */
function oracle(matrix: Float32Array, dimensions: number, k: number): { rows: Int32Array; scores: Float32Array } {
  const n = matrix.length / dimensions
  const rows: number[] = []
  const scores: number[] = []
  for (let row = 0; row < n; row++) {
    const products = Float32Array.from({ length: n }, (_, other) =>
      exactDot(matrix, row * dimensions, matrix, other * dimensions, dimensions),
    )
    const order = Array.from(products.keys())
      .filter((other) => other !== row)
      .sort((a, b) => products[b]! - products[a]! || a - b)
      .slice(0, k)
    rows.push(...order)
    scores.push(...order.map((other) => products[other]!))
  }
  return { rows: Int32Array.from(rows), scores: Float32Array.from(scores) }
}

/** Kernels as wrong as allowed: every product off by almost the stated error, in either direction. */
const worstKernels: Kernels = {
  backend: 'typed-arrays',
  slice: 1e6,
  products(left, right, dimensions) {
    const products = typedArrayKernels.products(left, right, dimensions) as Float32Array
    return products.map((product, i) => product + (i % 2 === 0 ? 1 : -1) * (dimensions + 6) * 2 ** -24)
  },
}

/** The rows in the kind of memory that a worker uses. */
function allocated(matrix: Float32Array, dimensions: number): RowDots {
  const rows = RowDots.allocate(matrix.length, dimensions)
  rows.matrix.set(matrix)
  return rows
}

const onnxKernels = await loadOnnxKernels()

describe('neighbourGraph', () => {
  const cases = (
    [
      [1500, 40, 15],
      [90, 3, 10],
      [400, 384, 5],
    ] as const
  ).map(([n, dimensions, k]) => {
    const { rows: matrix } = clusteredRows(n, dimensions)
    return { matrix, dimensions, k, expected: { k, ...oracle(matrix, dimensions, k) } }
  })
  it.each([
    { name: 'typed arrays', kernels: typedArrayKernels },
    { name: 'the worst kernels allowed', kernels: worstKernels },
    { name: 'onnxruntime', kernels: onnxKernels },
  ])('is brute force in float64, on $name', async ({ kernels }) => {
    if (kernels === undefined) return
    for (const { matrix, dimensions, k, expected } of cases) {
      expect(await buildNeighbourGraph(allocated(matrix, dimensions), { k, kernels })).toEqual(expected)
      expect(await buildLargeGraph(allocated(matrix, dimensions), { k, kernels })).toEqual(expected)
    }
  })

  it('never makes a row its own neighbour, and orders copies by row', async () => {
    const dimensions = 24
    const { rows: centres } = clusteredRows(3, dimensions, { spread: 0.5 })
    const matrix = new Float32Array(200 * dimensions)
    for (let row = 0; row < 200; row++)
      matrix.set(centres.subarray((row % 3) * dimensions, ((row % 3) + 1) * dimensions), row * dimensions)
    const graph = await neighbourGraph(matrix, { dimensions, k: 4 })
    expect(graph).toEqual({ k: 4, ...oracle(matrix, dimensions, 4) })
    expect(await buildLargeGraph(allocated(matrix, dimensions), { k: 4, kernels: typedArrayKernels })).toEqual(graph)
    expect(Array.from(graph.rows.slice(0, 8))).toEqual([3, 6, 9, 12, 4, 7, 10, 13])
    expect(Array.from(graph.rows.slice(12, 16))).toEqual([0, 6, 9, 12])
  })

  it('equals brute force for any small matrix, with copies and opposites', async () => {
    const value = fc.integer({ min: -2, max: 2 })
    const row = fc.array(value, { minLength: 3, maxLength: 3 }).filter((values) => values.some((v) => v !== 0))
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 45 }),
        async (rows, k) => {
          const matrix = Float32Array.from(rows.flatMap((values) => values.map((v) => v / Math.hypot(...values))))
          const graph = await neighbourGraph(matrix, { dimensions: 3, k })
          const most = Math.min(k, rows.length - 1)
          expect(graph).toEqual({ k: most, ...oracle(matrix, 3, most) })
        },
      ),
    )
  })

  it('puts near rows next to each other, each once', async () => {
    const dimensions = 16
    const { rows: matrix } = clusteredRows(2000, dimensions)
    const rows = allocated(matrix, dimensions)
    const rowAt = await putNearTogether(rows, { kernels: typedArrayKernels })
    expect([...rowAt].sort((a, b) => a - b)).toEqual(Array.from(rowAt.keys()))
    for (const [place, row] of rowAt.entries())
      expect(rows.matrix.subarray(place * dimensions, (place + 1) * dimensions)).toEqual(
        matrix.subarray(row * dimensions, (row + 1) * dimensions),
      )
    const beside = (values: Float32Array) => {
      let sum = 0
      for (let i = dimensions; i < values.length; i++) sum += values[i]! * values[i - dimensions]!
      return sum / 1999
    }
    expect(beside(rows.matrix)).toBeGreaterThan(beside(matrix) + 0.3)
  })

  it('has at most as many neighbours as there are other rows', async () => {
    expect(await neighbourGraph(new Float32Array(0), { dimensions: 4 })).toEqual({
      k: 0,
      rows: new Int32Array(0),
      scores: new Float32Array(0),
    })
    expect((await neighbourGraph(Float32Array.of(1, 0), { dimensions: 2 })).k).toBe(0)
    const two = await neighbourGraph(Float32Array.of(1, 0, 0, 1), { dimensions: 2, k: 15 })
    expect(two).toEqual({ k: 1, rows: Int32Array.of(1, 0), scores: Float32Array.of(0, 0) })
  })

  it('gives the same bits in the worker as in typed arrays, and reports progress', async () => {
    const dimensions = 300
    const { rows: matrix } = clusteredRows(3000, dimensions, { spread: 1 })
    const progress: number[] = []
    const graph = await neighbourGraph(matrix, {
      dimensions,
      k: 10,
      onProgress: ({ done, total }) => {
        expect(total).toBe(3000)
        progress.push(done)
      },
    })
    expect(graph).toEqual(
      await buildNeighbourGraph(RowDots.over(matrix, dimensions), { k: 10, kernels: typedArrayKernels }),
    )
    expect(progress.at(-1)).toBe(3000)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    await endThreads()
  })

  it('stops on abort, on this thread and in the worker, and works afterwards', async () => {
    for (const [n, dimensions] of [
      [1500, 80],
      [4000, 300],
    ] as const) {
      const { rows: matrix } = clusteredRows(n, dimensions)
      const reason = new Error('enough')
      await expect(neighbourGraph(matrix, { dimensions, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      const controller = new AbortController()
      const running = neighbourGraph(matrix, {
        dimensions,
        signal: controller.signal,
        onProgress: ({ done, total }) => done < total && controller.abort(reason),
      })
      await expect(running).rejects.toBe(reason)
      const few = matrix.subarray(0, 50 * dimensions)
      expect((await neighbourGraph(few, { dimensions, k: 3 })).rows).toHaveLength(150)
    }
  })

  it('refuses what is not a matrix of unit rows', async () => {
    const refusals: [Float32Array, object, RegExp][] = [
      [Float32Array.of(1, 0, 1), { dimensions: 2 }, /whole rows of 2 values, got 3/u],
      [Float32Array.of(1, 0, 1, 1), { dimensions: 2 }, /unit length, got row 1 with length 1.41/u],
      [Float32Array.of(1, 0, Number.NaN, 0), { dimensions: 2 }, /unit length, got row 1 with length NaN/u],
      [Float32Array.of(1, 0, 0, 0), { dimensions: 2 }, /unit length, got row 1 with length 0/u],
      [Float32Array.of(1, 0), { dimensions: 2, k: 0 }, /`k` to be a whole number of at least 1, got `0`/u],
      [[1, 0] as unknown as Float32Array, { dimensions: 2 }, /`matrix` to be a Float32Array, got/u],
    ]
    for (const [matrix, options, message] of refusals) {
      const error = await neighbourGraph(matrix, options as { dimensions: number }).catch((reason: unknown) => reason)
      expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
      expect((error as Error).message).toMatch(message)
    }
  })
})

describe('findNearest', () => {
  it('finds the nearest rows of other rows, with more ties than a list holds', async () => {
    const dimensions = 16
    const { rows: matrix } = clusteredRows(300, dimensions)
    for (let row = 100; row < 160; row++) matrix.set(matrix.subarray(0, dimensions), row * dimensions)
    const queries = matrix.slice(0, 20 * dimensions)
    for (const kernels of [typedArrayKernels, worstKernels]) {
      const rows = RowDots.over(Float32Array.of(...queries, ...matrix), dimensions)
      const nearest = await findNearest(rows, { k: 7, kernels, queries: 20 })
      for (let query = 0; query < 20; query++) {
        const products = Float32Array.from({ length: 300 }, (_, row) =>
          exactDot(queries, query * dimensions, matrix, row * dimensions, dimensions),
        )
        const order = Array.from(products.keys()).sort((a, b) => products[b]! - products[a]! || a - b)
        expect(Array.from(nearest.rows.subarray(query * 7, query * 7 + 7))).toEqual(order.slice(0, 7))
      }
    }
  })
})

describe('nearestRows', () => {
  it('gives the same in the worker as here: at most all rows, best first', async () => {
    const dimensions = 128
    const { rows: matrix } = clusteredRows(3000, dimensions, { centres: 40 })
    const queries = clusteredRows(600, dimensions, { centres: 40, seed: 3 }).rows
    const whole = await nearestRows(queries, matrix, { dimensions, k: 5 })
    expect(whole.k).toBe(5)
    for (let query = 0; query < 600; query += 40) {
      const one = queries.subarray(query * dimensions, (query + 1) * dimensions)
      const { rows, scores } = await nearestRows(one, matrix, { dimensions, k: 5 })
      expect(rows).toEqual(whole.rows.slice(query * 5, query * 5 + 5))
      expect(scores).toEqual(whole.scores.slice(query * 5, query * 5 + 5))
      const products = Float32Array.from({ length: 3000 }, (_, row) =>
        exactDot(one, 0, matrix, row * dimensions, dimensions),
      )
      const order = Array.from(products.keys()).sort((a, b) => products[b]! - products[a]! || a - b)
      expect(Array.from(rows)).toEqual(order.slice(0, 5))
    }
    const few = matrix.slice(0, 2 * dimensions)
    expect((await nearestRows(few, few, { dimensions, k: 9 })).rows).toEqual(Int32Array.of(0, 1, 1, 0))
    expect(await nearestRows(new Float32Array(0), few, { dimensions, k: 9 })).toMatchObject({
      k: 2,
      rows: new Int32Array(0),
    })
    await expect(nearestRows(few, few, { dimensions, k: 0 })).rejects.toThrow(/`k` to be a whole number of at least 1/u)
    await expect(nearestRows(few.subarray(1), few, { dimensions, k: 1 })).rejects.toThrow(/whole rows of 128 values/u)
  })
})
