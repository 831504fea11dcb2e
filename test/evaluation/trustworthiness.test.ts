import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { trustworthiness } from '../../src/evaluation/trustworthiness.ts'

const n = 30
const index = Array.from({ length: n }, (_, i) => i)
const rows = Float32Array.from(
  index.flatMap((i) => {
    const row = [
      Math.cos(i * 0.7) + 0.3 * Math.sin(i * i),
      Math.sin(i * 0.7) + 0.2 * Math.cos(3 * i),
      Math.cos(i * 1.9),
    ]
    return row.map((value) => value / Math.hypot(...row))
  }),
)
const map = Float32Array.from(index.flatMap((i) => [Math.cos(i * 0.7), Math.sin(i * 1.3)]))

describe('trustworthiness', () => {
  // sklearn.manifold.trustworthiness 1.x, n_neighbors = k, on the same float32 rows.
  it.each([
    [1, 0.6178571428571429],
    [5, 0.7272727272727273],
    [10, 0.7216091954022988],
  ])('agrees with scikit-learn at k = %i', (k, expected) => {
    expect(trustworthiness(rows, map, { k })).toBeCloseTo(expected, 12)
  })

  it('is 1 for a map with the same neighbours, and judges only the given points', () => {
    const circle = Float32Array.from(index.flatMap((i) => [Math.cos(i / 9), Math.sin(i / 9)]))
    expect(trustworthiness(circle, circle, { k: 2 })).toBe(1)
    const parts = index.map((i) => trustworthiness(rows, map, { k: 5, judged: [i] }))
    expect(parts.reduce((sum, part) => sum + part, 0) / n).toBeCloseTo(trustworthiness(rows, map, { k: 5 }), 12)
  })

  it('refuses too many neighbours for it to be defined', () => {
    try {
      trustworthiness(rows, map, { k: 15 })
      expect.unreachable()
    } catch (error) {
      expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
      expect((error as Error).message).toBe('Expected `k` to be a whole number from 1 to 14, got `15` (number).')
    }
  })
})
