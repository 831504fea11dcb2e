import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { trustworthiness } from '../../src/evaluation/trustworthiness.ts'
import { layout, type NearestRows } from '../../src/report/layout.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { neighbourGraph } from '../../src/vectors/neighbour-graph.ts'

const dimensions = 16

/** Unit rows around `groups` directions, row i in group `i % groups`. */
function planted(rows: number, groups: number, seed = 7): Float32Array {
  const random = seededRandom(seed)
  const centres = Array.from({ length: groups }, () => Array.from({ length: dimensions }, () => random() - 0.5))
  const values = new Float32Array(rows * dimensions)
  for (let row = 0; row < rows; row++) {
    const vector = (centres[row % groups] as number[]).map((value) => value + 0.35 * (random() - 0.5))
    const length = Math.hypot(...vector)
    vector.forEach((value, d) => {
      values[row * dimensions + d] = value / length
    })
  }
  return values
}

async function nearest(vectors: Float32Array, k = 14): Promise<NearestRows> {
  const graph = await neighbourGraph(vectors, { dimensions, k })
  return { rows: vectors.length / dimensions, k: graph.k, neighbour: graph.rows, similarity: graph.scores }
}

describe('layout', () => {
  test('keeps neighbours: groups stay together, and the map is trustworthy', async () => {
    const vectors = planted(400, 8)
    const map = await layout(await nearest(vectors))
    expect(trustworthiness(vectors, map)).toBeGreaterThan(0.93)
    // The nearest on the map is in the same group, with few exceptions.
    let strangers = 0
    for (let row = 0; row < 400; row++) {
      let best = -1
      let least = Number.POSITIVE_INFINITY
      for (let other = 0; other < 400; other++) {
        const distance = Math.hypot(map[2 * row]! - map[2 * other]!, map[2 * row + 1]! - map[2 * other + 1]!)
        if (other !== row && distance < least) {
          least = distance
          best = other
        }
      }
      if (best % 8 !== row % 8) strangers++
    }
    expect(strangers).toBeLessThan(12)
  })

  test('the same seed gives the same bits, another seed another map', async () => {
    const near = await nearest(planted(120, 4))
    const one = await layout(near, { seed: 3 })
    expect(await layout(near, { seed: 3 })).toEqual(one)
    expect(await layout(near, { seed: 4 })).not.toEqual(one)
  })

  test.each([0, 1, 2, 3, 5])('%i papers have places', async (rows) => {
    const map = await layout(await nearest(planted(rows, 2)))
    expect(map).toHaveLength(2 * rows)
    expect(map.every(Number.isFinite)).toBe(true)
    if (rows > 1) expect(Math.max(...map.map(Math.abs))).toBeGreaterThan(0.3)
  })

  test('places papers with the same text, and papers apart from all others', async () => {
    const rows = 30
    const vectors = new Float32Array(rows * dimensions)
    for (let row = 0; row < rows; row++) vectors[row * dimensions + (row < 20 ? 0 : 1)] = 1
    const map = await layout(await nearest(vectors, 5))
    expect(map.every(Number.isFinite)).toBe(true)
    expect(new Set(Array.from({ length: rows }, (_, row) => `${map[2 * row]} ${map[2 * row + 1]}`)).size).toBe(rows)
  })

  test('is centred in the unit circle with its longer axis horizontal, for any papers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 5 }), async (rows, groups) => {
        const map = await layout(await nearest(planted(rows, groups, rows)), { epochs: 30 })
        const sums = [0, 0, 0, 0]
        for (let row = 0; row < rows; row++) {
          const [x, y] = [map[2 * row]!, map[2 * row + 1]!]
          expect(Math.hypot(x, y)).toBeLessThanOrEqual(1 + 1e-6)
          sums[0]! += x
          sums[1]! += y
          sums[2]! += x * x
          sums[3]! += y * y
        }
        expect(Math.abs(sums[0]!) + Math.abs(sums[1]!)).toBeLessThan(1e-3)
        expect(sums[2]!).toBeGreaterThanOrEqual(sums[3]! - 1e-6)
      }),
      { numRuns: 20 },
    )
  })

  test('can be aborted, reports progress, and refuses 0 epochs', async () => {
    const near = await nearest(planted(600, 4))
    const controller = new AbortController()
    const seen: number[] = []
    const stopped = layout(near, {
      signal: controller.signal,
      onProgress: ({ done }) => {
        seen.push(done)
        controller.abort(new Error('enough'))
      },
    })
    await expect(stopped).rejects.toThrow('enough')
    expect(seen).toHaveLength(1)
    const refused = await layout(near, { epochs: 0 }).catch((error: unknown) => error)
    expect(PaperkinError.isInstance(refused) && refused.code).toBe('invalid-argument')
    expect((refused as Error).message).toBe('Expected `epochs` to be a whole number of at least 1, got `0` (number).')
  })
})
