import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { ExactIndex } from '../../src/vectors/exact-index.ts'
import { HnswIndex } from '../../src/vectors/hnsw/hnsw-index.ts'
import { chunkRows, type VectorIndex } from '../../src/vectors/vector-index.ts'
import { bruteForce, clusteredRows } from './clustered.ts'
import { isHnswInstalled } from './hnsw-installed.ts'
import { nearest } from './nearest.ts'
import { refusal } from './refusal.ts'

interface Contestant {
  readonly name: string
  readonly dimensions: number
  readonly rows: number
  readonly create: (dimensions: number) => VectorIndex
  /** Waits for the background work of an index. */
  readonly settle: (index: VectorIndex) => Promise<void>
  readonly isMissing?: boolean
}

/** Every index, and every search path of those that depend on size. */
const contestants: readonly Contestant[] = [
  {
    name: 'exact',
    dimensions: 12,
    rows: 300,
    create: (dimensions) => new ExactIndex(dimensions),
    settle: async (index) => index.settle?.(),
  },
  {
    name: 'exact, with codes',
    dimensions: 260,
    rows: 2200,
    create: (dimensions) => new ExactIndex(dimensions),
    settle: async (index) => index.settle?.(),
  },
  {
    name: 'hnsw',
    dimensions: 12,
    rows: 300,
    create: (dimensions) => new HnswIndex(dimensions, { graphFrom: 1, efSearch: 300 }),
    settle: (index) => (index as HnswIndex).build(),
    isMissing: !isHnswInstalled,
  },
]

const rowNumbers = (n: number, offset = 0) => Int32Array.from({ length: n }, (_, i) => i + offset)

for (const { name, dimensions, rows: n, create, settle, isMissing = false } of contestants)
  describe.skipIf(isMissing)(`VectorIndex: ${name}`, () => {
    const { rows: matrix } = clusteredRows(n, dimensions, { centres: 15, spread: 0.5 })
    const vectorOf = (row: number) => matrix.subarray(row * dimensions, (row + 1) * dimensions)
    /** Rows are numbered from 1,000 on, so that rows and positions cannot be confused. */
    const offset = 1000
    const filled = async () => {
      const index = create(dimensions)
      await index.add(rowNumbers(n, offset), matrix)
      await settle(index)
      return index
    }
    const expected = (query: ArrayLike<number>, k: number, allowed: (row: number) => boolean = () => true) =>
      bruteForce(matrix, query, dimensions, { k, allowed: (row) => allowed(row + offset) })

    it('finds and scores what brute force in float64 does', async () => {
      const index = await filled()
      const queries = clusteredRows(30, dimensions, { centres: 15, spread: 0.5, seed: 5 }).rows
      for (let i = 0; i < 30; i++) {
        const query = queries.subarray(i * dimensions, (i + 1) * dimensions)
        const oracle = expected(query, 7)
        const rows = oracle.map(({ row }) => row + offset)
        expect(await nearest(index, query, { k: 7 })).toEqual(rows)
        const scores = await index.snapshot().scoreRows(query, rows)
        for (const [place, score] of scores.entries()) expect(score).toBeCloseTo(oracle[place]?.score as number, 6)
      }
      await index.close()
    })

    it('bounds every score from either side, if it has bounds', async () => {
      const index = await filled()
      const state = index.snapshot()
      const some = index.rows().filter((row) => row % 7 !== 3)
      for (const rows of [index.rows(), some, some.slice().reverse()]) {
        const query = vectorOf(5)
        const scores = await state.scoreRows(query, rows)
        const above = (await state.bounds?.(query, rows, { side: 'above' })) ?? scores
        const below = (await state.bounds?.(query, rows, { side: 'below' })) ?? scores
        expect(scores.every((score, i) => score <= (above[i] as number) && score >= (below[i] as number))).toBe(true)
        expect(above).toHaveLength(rows.length)
      }
      await index.close()
    })

    it('finds a row by its own vector, first and with score 1', async () => {
      const index = await filled()
      for (const row of [0, 17, n - 1]) {
        expect(await nearest(index, vectorOf(row), { k: 1 })).toEqual([row + offset])
        expect((await index.snapshot().scoreRows(vectorOf(row), [row + offset]))[0]).toBeCloseTo(1, 6)
        expect(index.vector(row + offset)).toEqual(Float32Array.from(vectorOf(row)))
        expect(index.snapshot().vector(row + offset)).toEqual(index.vector(row + offset))
      }
      const copies = await index.snapshot().vectors([offset + 20, offset + 12])
      expect(copies).toEqual(Float32Array.of(...index.vector(offset + 20), ...index.vector(offset + 12)))
      await index.close()
    })

    it('takes over chunks if it is empty, and copies them otherwise', async () => {
      const index = create(dimensions)
      await index.adopt([], [])
      await index.adopt(rowNumbers(100, offset), [matrix.slice(0, 100 * dimensions)])
      const rest = new Float32Array(chunkRows * dimensions)
      rest.set(matrix.subarray(100 * dimensions))
      await index.adopt(rowNumbers(n - 100, offset + 100), [rest])
      await settle(index)
      expect(index.rows()).toEqual(rowNumbers(n, offset))
      for (const row of [0, 99, 100, n - 1]) {
        expect(index.vector(row + offset)).toEqual(Float32Array.from(vectorOf(row)))
        const found = expected(vectorOf(row), 5).map((one) => one.row + offset)
        expect(await nearest(index, vectorOf(row), { k: 5 })).toEqual(found)
      }
      expect((await refusal(index.adopt([offset], [rest]))).code).toBe('invalid-argument')
      await index.close()
    })

    it('scales vectors and queries of any length, and keeps the bits of unit ones', async () => {
      const index = create(3)
      await index.add(
        [5, 6, 7],
        [
          [3, 0, 4],
          [0, 1e-200, 0],
          [0, 0, 1e200],
        ],
      )
      expect(Array.from(index.vector(5))).toEqual([Math.fround(0.6), 0, Math.fround(0.8)])
      expect(Array.from(index.vector(6))).toEqual([0, 1, 0])
      expect(Array.from(index.vector(7))).toEqual([0, 0, 1])
      expect(await nearest(index, [0, 0, 250], { k: 2 })).toEqual([7, 5])
      expect((await index.snapshot().scoreRows([0, 0, 250], [5]))[0]).toBeCloseTo(0.8, 6)
      const stored = index.vector(5)
      await index.remove([5])
      await index.add([5], [stored])
      expect(index.vector(5)).toEqual(stored)
      await index.close()
    })

    it('returns all rows if k is larger, and none if it is empty', async () => {
      const index = create(2)
      expect(await nearest(index, [1, 0], { k: 5 })).toEqual([])
      for (const size of [1, 2, 3]) {
        await index.add([size], [[1, size]])
        await settle(index)
        expect(await nearest(index, [1, 0], { k: 100 })).toEqual([1, 2, 3].slice(0, size))
        expect(index.size).toBe(size)
      }
      await index.close()
    })

    it('orders equal scores by row', async () => {
      const index = create(dimensions)
      const rows = [40, 3, 17, 8, 99, 21]
      await index.add(
        rows,
        rows.map(() => Array.from(vectorOf(0))),
      )
      await settle(index)
      expect(await nearest(index, vectorOf(0), { k: 4 })).toEqual([3, 8, 17, 21])
      expect(await nearest(index, vectorOf(0), { k: 2 })).toEqual([3, 8])
      await index.close()
    })

    it('filters during the search: fewer hits only if fewer match', async () => {
      const index = await filled()
      const query = vectorOf(3)
      for (const filter of [
        (row: number) => row % 2 === 0,
        (row: number) => row % 50 === 0,
        (row: number) => row === offset + 11,
        () => false,
      ]) {
        const found = expected(query, 10, filter).map(({ row }) => row + offset)
        expect(await nearest(index, query, { k: 10, filter })).toEqual(found)
      }
      await expect(
        nearest(index, query, {
          k: 10,
          filter: () => {
            throw new RangeError('mine')
          },
        }),
      ).rejects.toThrow(new RangeError('mine'))
      expect(await nearest(index, query, { k: 3 })).toHaveLength(3)
      await index.close()
    })

    it('refuses bad vectors before it changes anything', async () => {
      const index = create(3)
      await index.add([1], [[1, 0, 0]])
      const good = [0, 1, 0]
      const bad: [readonly number[], RegExp][] = [
        [[0, Number.NaN, 1], /vector 1 to hold finite numbers, got `NaN`/u],
        [[Infinity, 0, 0], /got `Infinity`/u],
        [[0, 0, -Infinity], /got `-Infinity`/u],
        [[0, 0, 0], /vector 1 to point somewhere, got the zero vector/u],
        [[1, 2], /vector 1 of `vectors` to have 3 values, got 2/u],
        [[1, 2, 3, 4], /to have 3 values, got 4/u],
      ]
      for (const [vector, message] of bad) {
        expect(await refusal(index.add([2, 3], [good, vector]))).toMatchObject({
          code: 'invalid-argument',
          message: expect.stringMatching(message),
        })
        expect((await refusal(nearest(index, vector, { k: 1 }))).code).toBe('invalid-argument')
        expect((await refusal(index.snapshot().scoreRows(vector, [1]))).code).toBe('invalid-argument')
      }
      expect((await refusal(index.add([2], new Float32Array(4)))).message).toMatch(/whole rows of 3 values/u)
      expect(index.size).toBe(1)
      expect(Array.from(index.rows())).toEqual([1])
      expect(Array.from(index.vector(1))).toEqual([1, 0, 0])
      await index.close()
    })

    it('refuses invalid rows and options', async () => {
      const index = create(2)
      await index.add(
        [1, 2],
        [
          [1, 0],
          [0, 1],
        ],
      )
      const codes = [
        index.add([1], [[1, 1]]),
        index.add(
          [3, 3],
          [
            [1, 1],
            [1, 2],
          ],
        ),
        index.add(
          [3],
          [
            [1, 1],
            [1, 2],
          ],
        ),
        index.add([-1], [[1, 1]]),
        index.add([0.5], [[1, 1]]),
        index.add([2 ** 30], [[1, 1]]),
        index.remove([1, 3]),
        index.remove([2, 2]),
        index.adopt([2], [new Float32Array(2).fill(1)]),
        index.snapshot().scoreRows([1, 0], [3]),
        index.snapshot().vectors([1, 3]),
      ].map(async (refused) => (await refusal(refused)).code)
      expect(new Set(await Promise.all(codes))).toEqual(new Set(['invalid-argument']))
      expect(Array.from(index.rows())).toEqual([1, 2])
      expect(() => index.vector(3)).toThrow(PaperkinError)
      expect(() => create(0)).toThrow(/`dimensions` to be a whole number from 1/u)
      await index.close()
    })

    it('keeps snapshots unchanged, and shows a batch whole or not at all', async () => {
      const index = await filled()
      const before = index.snapshot()
      const query = vectorOf(1)
      const seen = await nearest(index, query, { k: 5 })
      const scores = await before.scoreRows(query, seen)
      const removed = seen.slice(0, 3)
      const inserted = rowNumbers(50, 5000)
      const writes = [
        index.remove(removed),
        index.remove([seen[3] as number]),
        index.add([seen[3] as number], [Array.from(query)]),
        index.add(inserted, matrix.subarray(0, 50 * dimensions)),
      ]
      const during = await nearest(index, query, { k: 5 })
      await Promise.all(writes)
      await settle(index)
      expect(await before.scoreRows(query, seen)).toEqual(scores)
      if (before.nearest !== undefined) expect(Array.from((await before.nearest(query, { k: 5 })) ?? [])).toEqual(seen)
      expect([5000, 5049].some((row) => before.has(row))).toBe(false)
      expect(removed.every((row) => before.has(row) && !index.has(row))).toBe(true)
      expect(index.size).toBe(n - 3 + 50)
      expect(await nearest(index, query, { k: 2 })).toEqual([seen[3], 5001])
      expect(during).toHaveLength(5)
      await index.close()
    })

    it('stops on abort, and an aborted write has no effect', async () => {
      const index = await filled()
      const reason = new Error('enough')
      const signal = AbortSignal.abort(reason)
      const state = index.snapshot()
      if (state.nearest !== undefined) await expect(state.nearest(vectorOf(0), { k: 3, signal })).rejects.toBe(reason)
      if (state.bounds !== undefined)
        await expect(state.bounds(vectorOf(0), [offset], { side: 'above', signal })).rejects.toBe(reason)
      await expect(state.vectors([offset], { signal })).rejects.toBe(reason)
      await expect(index.add([1], [vectorOf(0)], { signal })).rejects.toBe(reason)
      await expect(index.remove([offset], { signal })).rejects.toBe(reason)
      const controller = new AbortController()
      const more = new Float32Array(400_000 * dimensions).fill(1)
      const adding = index.add(rowNumbers(400_000, 100_000), more, { signal: controller.signal })
      controller.abort(reason)
      await expect(adding).rejects.toBe(reason)
      expect(index.size).toBe(n)
      const next = n + offset
      await index.add([next], [vectorOf(2)])
      await settle(index)
      expect(await nearest(index, vectorOf(2), { k: 2 })).toEqual([offset + 2, next])
      await index.close()
    })

    it('agrees with a plain map over any sequence of writes and searches', async () => {
      const { rows: pool } = clusteredRows(256, 8, { centres: 6, spread: 0.3, seed: 9 })
      const pick = (i: number) => pool.subarray(i * 8, (i + 1) * 8)
      const some = fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 70 })
      const step = fc.oneof(
        fc.record({ kind: fc.constant('put' as const), rows: some, from: fc.nat(255) }),
        fc.record({ kind: fc.constant('remove' as const), rows: some }),
        fc.record({
          kind: fc.constant('search' as const),
          query: fc.nat(255),
          k: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 300 })),
          modulus: fc.integer({ min: 1, max: 4 }),
        }),
        fc.constant({ kind: 'settle' as const }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
          const index = create(8)
          const model = new Map<number, Float32Array>()
          for (const action of steps) {
            if (action.kind === 'settle') await settle(index)
            else if (action.kind === 'put') {
              const entries = action.rows.map((row, i) => [row, pick((action.from + i) % 256)] as const)
              await index.remove(action.rows.filter((row) => model.has(row)))
              await index.add(
                action.rows,
                entries.map(([, vector]) => vector),
              )
              for (const [row, vector] of entries) model.set(row, vector)
            } else if (action.kind === 'remove') {
              const known = action.rows.filter((row) => model.has(row))
              await index.remove(known)
              for (const row of known) model.delete(row)
            } else {
              const query = pick(action.query)
              const filter = (row: number) => row % action.modulus === 0
              const rows = await nearest(index, query, { k: action.k, filter })
              const scores = await index.snapshot().scoreRows(query, rows)
              const oracle = [...model]
                .filter(([row]) => filter(row))
                .map(([row, vector]) => ({
                  row,
                  score: Math.fround(vector.reduce((sum, value, d) => sum + value * query[d]!, 0)),
                }))
                .sort((a, b) => b.score - a.score || a.row - b.row)
                .slice(0, action.k)
              expect(rows).toHaveLength(oracle.length)
              scores.forEach((score, place) => {
                expect(score).toBeCloseTo(oracle[place]!.score, 5)
                expect(model.get(rows[place]!)).toBeDefined()
              })
              expect(new Set(rows).size).toBe(oracle.length)
            }
            expect(index.size).toBe(model.size)
          }
          expect(Array.from(index.rows())).toEqual([...model.keys()].sort((a, b) => a - b))
          for (const [row, vector] of model) expect(index.vector(row)).toEqual(Float32Array.from(vector))
          await index.close()
        }),
        { numRuns: name === 'hnsw' ? 40 : 150 },
      )
    })
  })

describe('ExactIndex', () => {
  it('uses the scores as bounds if there are few rows', async () => {
    const dimensions = 20
    const { rows: matrix } = clusteredRows(100, dimensions)
    const index = new ExactIndex(dimensions)
    await index.add(rowNumbers(100, 10), matrix)
    await index.remove([15, 109])
    const query = matrix.slice(0, dimensions)
    const state = index.snapshot()
    const scores = await state.scoreRows(query, index.rows())
    expect(await state.bounds(query, index.rows(), { side: 'above' })).toEqual(scores)
    await expect(state.scoreRows(query, [15])).rejects.toThrow(PaperkinError)
    await expect(state.bounds(query, [15], { side: 'below' })).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('drops dead positions after many removals, and old snapshots stay valid', async () => {
    const dimensions = 4
    const { rows: matrix } = clusteredRows(6000, dimensions, { centres: 50 })
    const index = new ExactIndex(dimensions)
    await index.add(rowNumbers(6000), matrix)
    const old = index.snapshot()
    const query = matrix.slice(0, dimensions)
    const before = await old.scoreRows(query, rowNumbers(6000))
    await index.remove(rowNumbers(6000).filter((row) => row % 3 !== 0))
    await index.add(rowNumbers(100, 7000), matrix.subarray(0, 400))
    const oracle = bruteForce(matrix, query, dimensions, { k: 20, allowed: (row) => row % 3 === 0 })
    expect(await nearest(index, query, { k: 20, filter: (row) => row < 7000 })).toEqual(oracle.map(({ row }) => row))
    expect(await old.scoreRows(query, rowNumbers(6000))).toEqual(before)
    expect(index.snapshot().state.count).toBeLessThan(6000)
    expect(index.size).toBe(2100)
  })

  it('gives narrow bounds for any kind of vectors', async () => {
    const dimensions = 64
    const n = 9000
    const random = seededRandom(4)
    // Spikes, near copies and noise: eight-bit codes are coarse in a different way for each.
    const matrix = Float32Array.from({ length: n * dimensions }, (_, i) => {
      const row = Math.floor(i / dimensions)
      if (row % 3 === 0) return i % dimensions === row % dimensions ? 1 : 1e-3 * random()
      if (row % 3 === 1) return 1 + 1e-4 * random()
      return random() - 0.5
    })
    const index = new ExactIndex(dimensions)
    await index.add(rowNumbers(n), matrix)
    const units = await index.snapshot().vectors(rowNumbers(n))
    const some = rowNumbers(n).filter((row) => row % 7 !== 3)
    for (const row of [0, 1, 2, 300, 4001, 8999]) {
      const query = units.subarray(row * dimensions, (row + 1) * dimensions)
      const above = await index.snapshot().bounds(query, some, { side: 'above' })
      const below = await index.snapshot().bounds(query, some, { side: 'below' })
      for (const [i, score] of (await index.snapshot().scoreRows(query, some)).entries()) {
        expect(score).toBeLessThanOrEqual(above[i]!)
        expect(score).toBeGreaterThanOrEqual(below[i]!)
        expect(above[i]! - below[i]!).toBeLessThan(0.03)
      }
    }
  })
})
