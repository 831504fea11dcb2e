import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { ExactIndex } from '../../src/vectors/exact-index.ts'
import { HnswIndex } from '../../src/vectors/hnsw-index.ts'
import { bruteForce, clusteredRows } from './clustered.ts'
import { isHnswInstalled } from './hnsw-installed.ts'
import { refusal } from './refusal.ts'

/** Every index, and for those that answer differently by size, each way in which they answer. */
const contestants = [
  { name: 'exact', dimensions: 12, rows: 300, create: (dimensions: number) => new ExactIndex(dimensions) },
  {
    name: 'exact, with codes',
    dimensions: 260,
    rows: 2200,
    create: (dimensions: number) => new ExactIndex(dimensions),
  },
  {
    name: 'hnsw',
    dimensions: 12,
    rows: 300,
    create: (dimensions: number) => new HnswIndex(dimensions, { graphFrom: 1, efSearch: 300 }),
    isMissing: !isHnswInstalled,
  },
]

/** Brings whatever an index does in the background to its end. */
async function settle(index: ExactIndex): Promise<void> {
  if (index instanceof HnswIndex) await index.build()
}

const rowNumbers = (n: number, offset = 0) => Int32Array.from({ length: n }, (_, i) => i + offset)

for (const { name, dimensions, rows: n, create, isMissing } of contestants)
  describe.skipIf(isMissing)(`VectorIndex: ${name}`, () => {
    const { rows: matrix } = clusteredRows(n, dimensions, { centres: 15, spread: 0.5 })
    const vectorOf = (row: number) => matrix.subarray(row * dimensions, (row + 1) * dimensions)
    /** Rows are labelled from 1,000 on, so that a row and a position cannot be taken for each other. */
    const offset = 1000
    const filled = async () => {
      const index = create(dimensions)
      await index.add(rowNumbers(n, offset), matrix)
      await settle(index)
      return index
    }
    const expected = (query: ArrayLike<number>, k: number, allowed: (row: number) => boolean = () => true) =>
      bruteForce(matrix, query, dimensions, { k, allowed: (row) => allowed(row + offset) })

    it('finds what brute force in float64 finds, for one query and for many', async () => {
      const index = await filled()
      const queries = clusteredRows(30, dimensions, { centres: 15, spread: 0.5, seed: 5 }).rows
      const many = await index.searchMany(queries, { k: 7 })
      expect(many).toHaveLength(30)
      for (let i = 0; i < 30; i++) {
        const query = queries.subarray(i * dimensions, (i + 1) * dimensions)
        const one = await index.search(query, { k: 7 })
        const oracle = expected(query, 7)
        expect(Array.from(one.rows)).toEqual(oracle.map(({ row }) => row + offset))
        one.scores.forEach((score, place) => {
          expect(score).toBeCloseTo(oracle[place].score, 6)
        })
        expect(many[i]).toEqual(one)
      }
      await index.close()
    })

    it('finds a row by its own vector, first and with score 1', async () => {
      const index = await filled()
      for (const row of [0, 17, n - 1]) {
        const { rows, scores } = await index.search(vectorOf(row), { k: 1 })
        expect(Array.from(rows)).toEqual([row + offset])
        expect(scores[0]).toBeCloseTo(1, 6)
        expect(index.vector(row + offset)).toEqual(Float32Array.from(vectorOf(row)))
      }
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
      const { rows, scores } = await index.search([0, 0, 250], { k: 2 })
      expect(Array.from(rows)).toEqual([7, 5])
      expect(scores[1]).toBeCloseTo(0.8, 6)
      const stored = index.vector(5)
      await index.remove([5])
      await index.add([5], [stored])
      expect(index.vector(5)).toEqual(stored)
      await index.close()
    })

    it('gives all rows where k is larger, and none where there are none', async () => {
      const index = create(2)
      expect(await index.search([1, 0], { k: 5 })).toEqual({ rows: new Int32Array(0), scores: new Float32Array(0) })
      expect(await index.searchMany([], { k: 5 })).toEqual([])
      for (const size of [1, 2, 3]) {
        await index.add([size], [[1, size]])
        await settle(index)
        const { rows } = await index.search([1, 0], { k: 100 })
        expect(Array.from(rows)).toEqual([1, 2, 3].slice(0, size))
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
      expect(Array.from((await index.search(vectorOf(0), { k: 4 })).rows)).toEqual([3, 8, 17, 21])
      await index.close()
    })

    it('filters during the search: fewer hits only where fewer match', async () => {
      const index = await filled()
      const query = vectorOf(3)
      for (const filter of [
        (row: number) => row % 2 === 0,
        (row: number) => row % 50 === 0,
        (row: number) => row === offset + 11,
        () => false,
      ]) {
        const { rows } = await index.search(query, { k: 10, filter })
        expect(Array.from(rows)).toEqual(expected(query, 10, filter).map(({ row }) => row + offset))
      }
      await expect(
        index.search(query, {
          filter: () => {
            throw new RangeError('mine')
          },
        }),
      ).rejects.toThrow(new RangeError('mine'))
      expect((await index.search(query, { k: 3 })).rows).toHaveLength(3)
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
        expect((await refusal(index.search(vector))).code).toBe('invalid-argument')
        expect((await refusal(index.searchMany([good, vector]))).code).toBe('invalid-argument')
      }
      expect((await refusal(index.add([2], new Float32Array(4)))).message).toMatch(/whole rows of 3 values/u)
      expect(index.size).toBe(1)
      expect(Array.from(index.rows())).toEqual([1])
      expect(Array.from(index.vector(1))).toEqual([1, 0, 0])
      await index.close()
    })

    it('refuses rows and options that make no sense', async () => {
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
        index.search([1, 0], { k: 0 }),
        index.search([1, 0], { k: 1.5 }),
      ].map(async (refused) => (await refusal(refused)).code)
      expect(new Set(await Promise.all(codes))).toEqual(new Set(['invalid-argument']))
      expect(Array.from(index.rows())).toEqual([1, 2])
      expect(() => index.vector(3)).toThrow(PaperkinError)
      expect(() => create(0)).toThrow(/`dimensions` to be a whole number from 1/u)
      await index.close()
    })

    it('keeps a snapshot as it was, and shows a batch whole or not at all', async () => {
      const index = await filled()
      const before = index.snapshot()
      const query = vectorOf(1)
      const seen = await before.search(query, { k: 5 })
      const removed = Array.from(seen.rows.subarray(0, 3))
      const inserted = rowNumbers(50, 5000)
      const writes = [
        index.remove(removed),
        index.remove([seen.rows[3]]),
        index.add([seen.rows[3]], [Array.from(query)]),
        index.add(inserted, matrix.subarray(0, 50 * dimensions)),
      ]
      const during = await index.search(query, { k: 5 })
      await Promise.all(writes)
      await settle(index)
      expect(await before.search(query, { k: 5 })).toEqual(seen)
      expect(before.size).toBe(n)
      expect(removed.every((row) => before.has(row) && !index.has(row))).toBe(true)
      expect(index.size).toBe(n - 3 + 50)
      const after = await index.search(query, { k: 2 })
      expect(Array.from(after.rows)).toEqual([seen.rows[3], 5001])
      const sizes = [before, index.snapshot()].map((snapshot) => snapshot.size)
      expect(during.rows).toHaveLength(5)
      expect(sizes).toEqual([n, n + 47])
      await index.close()
    })

    it('stops on abort, and what was aborted never happened', async () => {
      const index = await filled()
      const reason = new Error('enough')
      const signal = AbortSignal.abort(reason)
      await expect(index.search(vectorOf(0), { signal })).rejects.toBe(reason)
      await expect(index.searchMany(matrix, { signal })).rejects.toBe(reason)
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
      expect(Array.from((await index.search(vectorOf(2), { k: 2 })).rows)).toEqual([offset + 2, next])
      await index.close()
    })

    it('agrees with a plain map over any sequence of writes and searches', { timeout: 120_000 }, async () => {
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
              const hits = await index.search(query, { k: action.k, filter })
              const oracle = [...model]
                .filter(([row]) => filter(row))
                .map(([row, vector]) => ({
                  row,
                  score: Math.fround(vector.reduce((sum, value, d) => sum + value * query[d], 0)),
                }))
                .sort((a, b) => b.score - a.score || a.row - b.row)
                .slice(0, action.k)
              expect(hits.rows).toHaveLength(oracle.length)
              hits.scores.forEach((score, place) => {
                expect(score).toBeCloseTo(oracle[place].score, 5)
                expect(model.get(hits.rows[place])).toBeDefined()
              })
              expect(new Set(hits.rows).size).toBe(oracle.length)
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
  it('scores rows, and refuses those that there are not', async () => {
    const dimensions = 20
    const { rows: matrix } = clusteredRows(100, dimensions)
    const index = new ExactIndex(dimensions)
    await index.add(rowNumbers(100, 10), matrix)
    await index.remove([15, 109])
    const query = matrix.slice(0, dimensions)
    const rows = index.rows()
    const exact = index.snapshot().scoreRows(query, rows)
    rows.forEach((row, place) => {
      const naive = query.reduce((sum, value, d) => sum + value * matrix[(row - 10) * dimensions + d], 0)
      expect(exact[place]).toBeCloseTo(naive, 6)
    })
    expect(() => index.snapshot().scoreRows(query, [15])).toThrow(PaperkinError)
    expect(await index.snapshot().bounds(query, rows, { side: 'above' })).toEqual(exact)
    await expect(index.snapshot().bounds(query, [15], { side: 'below' })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    const copies = await index.vectors([20, 12])
    expect(copies).toEqual(Float32Array.of(...index.vector(20), ...index.vector(12)))
  })

  it('drops dead positions after many removals, and old snapshots live on', async () => {
    const dimensions = 4
    const { rows: matrix } = clusteredRows(6000, dimensions, { centres: 50 })
    const index = new ExactIndex(dimensions)
    await index.add(rowNumbers(6000), matrix)
    const old = index.snapshot()
    const query = matrix.slice(0, dimensions)
    const before = await old.search(query, { k: 20 })
    await index.remove(rowNumbers(6000).filter((row) => row % 3 !== 0))
    await index.add(rowNumbers(100, 7000), matrix.subarray(0, 400))
    const { rows } = await index.search(query, { k: 20, filter: (row) => row < 7000 })
    const oracle = bruteForce(matrix, query, dimensions, { k: 20, allowed: (row) => row % 3 === 0 })
    expect(Array.from(rows)).toEqual(oracle.map(({ row }) => row))
    expect(await old.search(query, { k: 20 })).toEqual(before)
    expect(index.size).toBe(2100)
  })

  it('rules out no row that belongs to the best, whatever the vectors look like', async () => {
    const dimensions = 64
    const n = 9000
    const random = seededRandom(4)
    // Spikes, near copies and plain noise: codes of eight bits are coarse in a different way for each.
    const matrix = Float32Array.from({ length: n * dimensions }, (_, i) => {
      const row = Math.floor(i / dimensions)
      if (row % 3 === 0) return i % dimensions === row % dimensions ? 1 : 1e-3 * random()
      if (row % 3 === 1) return 1 + 1e-4 * random()
      return random() - 0.5
    })
    const index = new ExactIndex(dimensions)
    await index.add(rowNumbers(n), matrix)
    const units = await index.vectors(rowNumbers(n))
    const some = rowNumbers(n).filter((row) => row % 7 !== 3)
    for (const row of [0, 1, 2, 300, 4001, 8999]) {
      const query = units.subarray(row * dimensions, (row + 1) * dimensions)
      const above = await index.snapshot().bounds(query, some, { side: 'above' })
      const below = await index.snapshot().bounds(query, some, { side: 'below' })
      for (const [i, score] of index.snapshot().scoreRows(query, some).entries()) {
        expect(score).toBeLessThanOrEqual(above[i])
        expect(score).toBeGreaterThanOrEqual(below[i])
        expect(above[i] - below[i]).toBeLessThan(0.03)
      }
      const { rows, scores } = await index.search(query, { k: 25 })
      const exact = index.snapshot().scoreRows(query, rowNumbers(n)).map(Math.fround)
      const oracle = Array.from(exact.keys())
        .sort((a, b) => exact[b] - exact[a] || a - b)
        .slice(0, 25)
      expect(Array.from(rows)).toEqual(oracle)
      expect(Array.from(scores)).toEqual(oracle.map((r) => exact[r]))
    }
  })

  it('answers thousands of queries in bulk as it answers each', { timeout: 120_000 }, async () => {
    const dimensions = 128
    const { rows: matrix } = clusteredRows(9000, dimensions, { centres: 40 })
    const index = new ExactIndex(dimensions)
    await index.add(rowNumbers(9000).reverse(), matrix)
    const filter = (row: number) => row % 3 !== 1
    const bulk = await index.searchMany(matrix, { k: 5, filter })
    expect(bulk).toHaveLength(9000)
    const none = await index.searchMany(matrix, { k: 5, filter: () => false })
    expect(none).toHaveLength(9000)
    expect(none[17].rows).toHaveLength(0)
    for (let i = 0; i < 9000; i += 450)
      expect(bulk[i]).toEqual(
        await index.search(matrix.subarray(i * dimensions, (i + 1) * dimensions), { k: 5, filter }),
      )
  })
})
