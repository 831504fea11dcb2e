import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/runtime/random.ts'
import { createVectorIndex } from '../../src/vectors/create-index.ts'
import { HnswIndex, type HnswOptions } from '../../src/vectors/hnsw/hnsw-index.ts'
import type { HnswSnapshot } from '../../src/vectors/hnsw/hnsw-snapshot.ts'
import { loadHnswlib } from '../../src/vectors/hnsw/hnswlib.ts'
import { bruteForce, clusteredRows } from './clustered.ts'
import { isHnswInstalled } from './hnsw-installed.ts'
import { nearest } from './nearest.ts'
import { refusal } from './refusal.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const dimensions = 32
const n = 3000
const { rows: matrix } = clusteredRows(n, dimensions, { centres: 40, spread: 0.8 })
const queries = clusteredRows(200, dimensions, { centres: 40, spread: 0.8, seed: 1 }).rows
const numbers = (count: number, offset = 0) => Int32Array.from({ length: count }, (_, i) => i + offset)

async function filled(options: HnswOptions = {}): Promise<HnswIndex> {
  const index = new HnswIndex(dimensions, { graphFrom: 500, ...options })
  await index.add(numbers(n), matrix)
  return index
}

/** Share of the 10 nearest that a search finds; rows as near as the tenth count as found. */
async function recall(index: HnswIndex, allowed: (row: number) => boolean = () => true): Promise<number> {
  let found = 0
  for (let start = 0; start < queries.length; start += dimensions) {
    const query = queries.subarray(start, start + dimensions)
    const oracle = bruteForce(matrix, query, dimensions, { k: 10, allowed })
    const rows = await nearest(index, query, { k: 10, filter: allowed })
    const scores = await index.snapshot().scoreRows(query, rows)
    found += scores.filter((score) => score >= oracle[9]!.score - 1e-6).length
  }
  return found / (queries.length / dimensions) / 10
}

async function allNearest(index: HnswIndex): Promise<number[][]> {
  const found: number[][] = []
  for (let start = 0; start < queries.length; start += dimensions)
    found.push(await nearest(index, queries.subarray(start, start + dimensions), { k: 10 }))
  return found
}

describe.skipIf(!isHnswInstalled)('HnswIndex', () => {
  it('is exact until its graph is built, then approximate, and equal for equal seeds', async () => {
    const index = await filled()
    expect(index.kind).toBe('exact')
    expect('nearest' in index.snapshot()).toBe(false)
    await index.build()
    expect(index.kind).toBe('hnsw')
    expect(index.parameters).toEqual({ m: 16, efConstruction: 200, efSearch: 64, seed: 0 })
    expect(await recall(index)).toBeGreaterThanOrEqual(0.98)
    expect('nearest' in index.snapshot()).toBe(true)
    const twin = await filled()
    await twin.build()
    expect(await allNearest(twin)).toEqual(await allNearest(index))
    await Promise.all([index.close(), twin.close()])
  })

  it('trades recall for time by efSearch', async () => {
    const options = { m: 8, efConstruction: 20 }
    const [low, high] = [await filled({ ...options, efSearch: 1 }), await filled({ ...options, efSearch: 400 })]
    await Promise.all([low.build(), high.build()])
    const [lower, higher] = [await recall(low), await recall(high)]
    expect(higher).toBeGreaterThan(lower)
    expect(higher).toBeGreaterThanOrEqual(0.99)
    await Promise.all([low.close(), high.close()])
  })

  it('keeps its recall through additions, removals, new vectors and filters', async () => {
    const index = new HnswIndex(dimensions, { graphFrom: 500 })
    await index.add(numbers(2000), matrix.subarray(0, 2000 * dimensions))
    await index.build()
    await index.add(numbers(400, 2000), matrix.subarray(2000 * dimensions, 2400 * dimensions))
    expect(await recall(index, (row) => row < 2400)).toBeGreaterThanOrEqual(0.98)
    await index.build()
    await index.add(numbers(600, 2400), matrix.subarray(2400 * dimensions))
    await index.build()
    expect(await recall(index)).toBeGreaterThanOrEqual(0.98)
    const removed = new Set(numbers(n).filter((row) => row % 11 === 5))
    await index.remove([...removed])
    expect(await recall(index, (row) => !removed.has(row))).toBeGreaterThanOrEqual(0.98)
    expect(await recall(index, (row) => !removed.has(row) && row % 3 === 0)).toBeGreaterThanOrEqual(0.98)
    expect(await recall(index, (row) => !removed.has(row) && row % 40 === 0)).toBe(1)
    // Rows that swap their vectors are found by the new ones only.
    await index.remove([1, 2])
    await index.add(
      [1, 2],
      [matrix.subarray(2 * dimensions, 3 * dimensions), matrix.subarray(dimensions, 2 * dimensions)],
    )
    expect(await nearest(index, matrix.subarray(dimensions, 2 * dimensions), { k: 1 })).toEqual([2])
    await index.remove(numbers(n).filter((row) => row % 2 === 0 && !removed.has(row)))
    await index.build()
    expect(await nearest(index, queries.subarray(0, dimensions), { k: n })).toHaveLength(index.size)
    await index.close()
  })

  it('saves and loads a graph that has removed rows', async () => {
    const index = await filled()
    await index.build()
    await index.remove([3, 4, 5])
    const path = join(folder, 'graph')
    await index.save(path)
    const again = new HnswIndex(dimensions, { graphFrom: 500 })
    const rows = index.rows()
    await again.add(rows, await index.snapshot().vectors(rows))
    await again.load(path)
    expect(again.kind).toBe('hnsw')
    expect(await allNearest(again)).toEqual(await allNearest(index))
    await again.add([3], [matrix.subarray(3 * dimensions, 4 * dimensions)])
    expect(await nearest(again, matrix.subarray(3 * dimensions, 4 * dimensions), { k: 1 })).toEqual([3])
    await again.build()
    expect(await nearest(again, matrix.subarray(3 * dimensions, 4 * dimensions), { k: 1 })).toEqual([3])
    await Promise.all([index.close(), again.close()])
  })

  it('refuses a graph of another width, of other parameters, rows or vectors', async () => {
    const path = join(folder, 'other')
    const index = await filled()
    await index.save(path)
    await index.close()
    const wide = new HnswIndex(dimensions + 1, { graphFrom: 10_000 })
    await wide.add([0], [new Array(dimensions + 1).fill(1)])
    expect(await refusal(wide.load(path))).toMatchObject({
      code: 'store-mismatch',
      message: expect.stringMatching(/have 32 dimensions, not 33/u),
    })
    const dense = new HnswIndex(dimensions, { graphFrom: 10_000, m: 8 })
    await dense.add(numbers(n), matrix)
    expect(await refusal(dense.load(path))).toMatchObject({
      code: 'store-mismatch',
      message: expect.stringMatching(/built with m 16, not 8/u),
    })
    const fewer = new HnswIndex(dimensions, { graphFrom: 10_000 })
    await fewer.add(numbers(n - 1), matrix.subarray(0, (n - 1) * dimensions))
    expect(await refusal(fewer.load(path))).toMatchObject({
      code: 'store-mismatch',
      message: expect.stringMatching(/3000 rows are not the 2999/u),
    })
    await fewer.add([n + 7], [matrix.subarray((n - 1) * dimensions)])
    expect((await refusal(fewer.load(path))).code).toBe('store-mismatch')
    const changed = new HnswIndex(dimensions, { graphFrom: 10_000 })
    await changed.add(numbers(n), matrix)
    await changed.remove([7])
    await changed.add([7], [matrix.subarray(0, dimensions)])
    expect(await refusal(changed.load(path))).toMatchObject({
      code: 'store-mismatch',
      message: expect.stringMatching(/vectors of its rows differ/u),
    })
    for (const other of [wide, dense, fewer, changed]) {
      expect(other.kind).toBe('exact')
      await other.close()
    }
  })

  it('rejects 1,000 damaged files without crashing the process', { timeout: 240_000 }, async () => {
    const small = 120
    const create = async () => {
      const index = new HnswIndex(8, { graphFrom: 1_000_000 })
      await index.add(numbers(small), clusteredRows(small, 8, { centres: 5 }).rows)
      return index
    }
    const index = await create()
    const path = join(folder, 'damaged')
    await index.save(path)
    const whole = readFileSync(path)
    const random = seededRandom(77)
    const between = (low: number, high: number) => low + Math.floor(random() * (high - low))
    const damages: (() => Buffer)[] = [
      // A flipped bit, in the first bytes as often as in all the rest.
      () => {
        const bytes = Buffer.from(whole)
        bytes[random() < 0.5 ? between(0, 300) : between(0, bytes.length)]! ^= 1 << between(0, 8)
        return bytes
      },
      () => whole.subarray(0, between(0, whole.length)),
      () => Buffer.concat([whole, Buffer.alloc(between(1, 100), between(0, 256))]),
      () => {
        const bytes = Buffer.from(whole)
        const start = between(0, bytes.length)
        for (let i = start; i < Math.min(bytes.length, start + between(1, 64)); i++) bytes[i]! ^= between(1, 256)
        return bytes
      },
      () => {
        const start = between(0, whole.length - 1)
        return Buffer.concat([whole.subarray(0, start), whole.subarray(start + between(1, whole.length - start))])
      },
      () => Buffer.from(Array.from({ length: between(0, 400) }, () => between(0, 256))),
    ]
    const target = await create()
    for (let trial = 0; trial < 1000; trial++) {
      const bytes = damages[trial % damages.length]!()
      if (bytes.equals(whole)) continue
      writeFileSync(path, bytes)
      expect((await refusal(target.load(path))).code).toBe('corrupt-store')
    }
    expect(target.kind).toBe('exact')
    writeFileSync(path, whole)
    await target.load(path)
    expect(target.kind).toBe('hnsw')
    await Promise.all([index.close(), target.close()])
  })

  it('passes on the file system’s error for a missing file, and refuses to save an empty index', async () => {
    const index = new HnswIndex(4)
    await expect(index.load(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' })
    expect((await refusal(index.save(join(folder, 'nothing')))).code).toBe('invalid-argument')
    await index.build()
    expect(index.kind).toBe('exact')
    await index.close()
  })

  it('searches the graph only if that is faster than a scan of all rows', async () => {
    const index = await filled()
    await index.build()
    const state = index.snapshot() as HnswSnapshot
    const query = queries.subarray(0, dimensions)
    expect(await state.nearest(query, { k: 10 })).toHaveLength(10)
    expect(await state.nearest(query, { k: 10, filter: (row) => row % 5 === 0 })).toHaveLength(10)
    expect(await state.nearest(query, { k: n })).toBeUndefined()
    expect(await state.nearest(query, { k: 10, filter: (row) => row % 40 === 0 })).toBeUndefined()
    expect((await refusal(state.nearest(query, { k: 0 }))).code).toBe('invalid-argument')
    await index.close()
  })

  it('stops building on close', async () => {
    const index = await filled({ graphFrom: 100_000, efConstruction: 2000, m: 64 })
    const building = index.build()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const outcome = building.then(
      () => 'built',
      () => 'stopped',
    )
    await index.close()
    expect(await outcome).toBe('stopped')
  })

  it('is chosen by size, or by name', async () => {
    expect(createVectorIndex(4).kind).toBe('exact')
    expect(createVectorIndex(4, { kind: 'exact' }).kind).toBe('exact')
    expect(() => createVectorIndex(4, { kind: 'flat' as 'exact' })).toThrow(/'auto', 'exact' or 'hnsw', got `"flat"`/u)
    const auto = createVectorIndex(dimensions, { graphFrom: 1000 })
    await auto.add(numbers(999), matrix.subarray(0, 999 * dimensions))
    expect(auto.kind).toBe('exact')
    await auto.add([999], [matrix.subarray(999 * dimensions, 1000 * dimensions)])
    await expect.poll(() => auto.kind, { timeout: 30_000 }).toBe('hnsw')
    await auto.close()
    const forced = createVectorIndex(dimensions, { kind: 'hnsw' })
    await forced.add(numbers(n), matrix)
    await expect.poll(() => forced.kind, { timeout: 30_000 }).toBe('hnsw')
    await forced.close()
  })
})

describe('loadHnswlib', () => {
  const from = (name: string) => createRequire(join(folder, name, 'index.js'))

  it('names the command that installs it', () => {
    mkdirSync(join(folder, 'bare'))
    expect(() => loadHnswlib(from('bare'))).toThrow(
      expect.objectContaining({
        code: 'index-unavailable',
        message: expect.stringContaining('`npm install hnswlib-node`'),
      }),
    )
  })

  it('names the command that compiles it if install scripts were blocked', () => {
    const place = join(folder, 'blocked', 'node_modules', 'hnswlib-node')
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'index.js'), "throw new Error('Could not locate the bindings file.')")
    expect(() => loadHnswlib(from('blocked'))).toThrow(
      expect.objectContaining({
        code: 'index-unavailable',
        message: expect.stringContaining('`npm rebuild hnswlib-node --ignore-scripts=false`'),
        cause: expect.objectContaining({ message: 'Could not locate the bindings file.' }),
      }),
    )
  })
})
