import { expect, it, vi } from 'vitest'
import { seededRandom } from '../../src/runtime/random.ts'
import { ExactIndex } from '../../src/vectors/exact-index.ts'
import { exactDot, RowDots, typedArrayKernels } from '../../src/vectors/kernels.ts'
import { KmeansRows } from '../../src/vectors/kmeans-rows.ts'
import { buildNeighbourGraph } from '../../src/vectors/nearest-rows.ts'
import { runKmeans } from '../../src/vectors/spherical-kmeans.ts'
import { loadWasm } from '../../src/vectors/wasm.ts'
import { bruteForce, clusteredRows } from './clustered.ts'
import { nearest } from './nearest.ts'

const missing = vi.hoisted(() => ({ isMissing: false }))
vi.mock('../../src/vectors/wasm.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/vectors/wasm.ts')>()
  return {
    ...original,
    loadWasm: (...args: Parameters<typeof original.loadWasm>) =>
      missing.isMissing ? undefined : original.loadWasm(...args),
  }
})

/** Runs the same work with and without WebAssembly. */
async function twice<Result>(work: () => Promise<Result>): Promise<[Result, Result]> {
  missing.isMissing = false
  const first = await work()
  missing.isMissing = true
  const second = await work()
  return [first, second]
}

it('is available on every platform that runs the tests', () => {
  missing.isMissing = false
  expect(loadWasm('scan', 1)).toBeDefined()
})

it('bounds scores without WebAssembly', async () => {
  const dimensions = 300
  const n = 2500
  const { rows } = clusteredRows(n, dimensions)
  const [first, second] = await twice(async () => {
    const index = new ExactIndex(dimensions)
    await index.add(
      Int32Array.from({ length: n }, (_, row) => row),
      rows,
    )
    await index.remove([0, 5])
    const state = index.snapshot()
    const query = rows.subarray(0, dimensions)
    const all = index.rows()
    const [above, scores] = [await state.bounds(query, all, { side: 'above' }), await state.scoreRows(query, all)]
    expect(scores.every((score, i) => score <= (above[i] as number))).toBe(true)
    return { scores, found: await nearest(index, query, { k: 12 }) }
  })
  expect(second).toEqual(first)
  const oracle = bruteForce(rows, rows.subarray(0, dimensions), dimensions, {
    k: 12,
    allowed: (row) => row !== 0 && row !== 5,
  })
  expect(second.found).toEqual(oracle.map(({ row }) => row))
})

it('finds the same neighbours and clusters without WebAssembly', async () => {
  // A multiple of 16: with WebAssembly, bounds rule out most products; without it, none.
  const dimensions = 48
  const { rows } = clusteredRows(1200, dimensions, { spread: 1 })
  const [graph, plainGraph] = await twice(async () => {
    const dots = RowDots.allocate(rows.length, dimensions)
    dots.matrix.set(rows)
    return buildNeighbourGraph(dots, { k: 12, kernels: typedArrayKernels })
  })
  expect(plainGraph).toEqual(graph)
  const options = { dimensions, k: 21, seed: 2, kernels: typedArrayKernels }
  const [clusters, plainClusters] = await twice(() => runKmeans(rows, options))
  expect(plainClusters).toEqual(clusters)
})

it('gives the same products, and the same best two of each row', async () => {
  const random = seededRandom(3)
  for (const [n, k] of [
    [1, 1],
    [3, 4],
    [50, 7],
    [10, 130],
  ] as const) {
    const values = Float32Array.from({ length: n * k }, () => random() - 0.5)
    const [first, second] = await twice(async () => {
      const kept = new KmeansRows({ n, k, dimensions: 3 })
      for (let row = 0; row < n; row++) kept.bounds.set(values.subarray(row * k, (row + 1) * k), row * kept.columns)
      for (let column = 0; column < k; column++) kept.halves[column] = Math.fround(0.01 * column)
      kept.best(0, n)
      return kept
    })
    for (let row = 0; row < n; row++) {
      const less = Float32Array.from(
        { length: k },
        (_, column) => values[row * k + column]! - Math.fround(0.01 * column),
      )
      const column = less.indexOf(Math.max(...less))
      expect(first.column[row]).toBe(column)
      expect(second.column[row]).toBe(column)
      const others = less.filter((_, other) => other !== column)
      for (const found of [first, second]) {
        expect(found.largest[row]).toBeCloseTo(less[column]!, 6)
        expect(found.second[row]).toBeCloseTo(Math.max(...others), 6)
      }
    }
  }
  const { rows } = clusteredRows(20, 9)
  const out = new Float64Array(2)
  RowDots.over(rows, 9).products(0, Int32Array.of(4, 19), out)
  expect(Array.from(out)).toEqual([exactDot(rows, 0, rows, 36, 9), exactDot(rows, 0, rows, 171, 9)])
})
