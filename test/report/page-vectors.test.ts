import { describe, expect, test } from 'vitest'
import { vectorStep } from '../../src/report/page-data.ts'
import { pageVectors } from '../../src/report/page-vectors.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'

const dimensions = 96

/** Unit rows with most of their length in `rank` directions. */
function planted(rows: number, rank: number, noise = 0.05): Float32Array {
  const random = seededRandom(5)
  const directions = Array.from({ length: rank }, () => Array.from({ length: dimensions }, () => random() - 0.5))
  const vectors = new Float32Array(rows * dimensions)
  for (let row = 0; row < rows; row++) {
    const weights = directions.map(() => random() - 0.3)
    const vector = Array.from({ length: dimensions }, (_, d) =>
      directions.reduce((sum, direction, i) => sum + weights[i]! * direction[d]!, noise * (random() - 0.5)),
    )
    const length = Math.hypot(...vector)
    vectors.set(
      vector.map((value) => value / length),
      row * dimensions,
    )
  }
  return vectors
}

const small = (vectors: Float32Array) => pageVectors(vectors, { dimensions, slice: timeSlice(undefined) })

/** `rows × components`. */
function decoded({ components, bytes }: Awaited<ReturnType<typeof pageVectors>>): Float32Array {
  const steps = new Int8Array(bytes.buffer)
  const rows = bytes.length / components
  return Float32Array.from(
    { length: bytes.length },
    (_, i) => vectorStep * steps[(i % components) * rows + Math.floor(i / components)]!,
  )
}

const dot = (vectors: Float32Array, one: number, other: number, width: number) => {
  let sum = 0
  for (let d = 0; d < width; d++) sum += vectors[one * width + d]! * vectors[other * width + d]!
  return sum
}

describe('vectors of a page', () => {
  test.each([
    [20, 20],
    [300, 64],
  ])('%i papers have %i components, whose products are those of the vectors', async (rows, components) => {
    const vectors = planted(rows, 12)
    const made = await small(vectors)
    expect(made.components).toBe(components)
    expect(made.bytes).toHaveLength(rows * components)
    const shown = decoded(made)
    let most = 0
    for (let one = 0; one < rows; one += 3)
      for (let other = 0; other < rows; other += 7)
        most = Math.max(most, Math.abs(dot(shown, one, other, components) - dot(vectors, one, other, dimensions)))
    expect(most).toBeLessThan(0.03)
  })

  test('the same vectors give the same bytes', async () => {
    const vectors = planted(150, 40, 0.4)
    expect((await small(vectors)).bytes).toEqual((await small(vectors)).bytes)
  })

  test('no papers, one paper, and identical papers', async () => {
    expect((await small(new Float32Array(0))).bytes).toHaveLength(0)
    const one = await small(planted(1, 1))
    expect(one.components).toBe(1)
    expect(Math.abs(decoded(one)[0]!)).toBeCloseTo(1, 2)
    const same = new Float32Array(5 * dimensions)
    for (let row = 0; row < 5; row++) same[row * dimensions] = 1
    const shown = decoded(await small(same))
    expect(shown.every(Number.isFinite)).toBe(true)
    expect(dot(shown, 0, 4, 5)).toBeCloseTo(1, 2)
  })
})
