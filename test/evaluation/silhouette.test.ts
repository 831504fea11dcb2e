import { expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { silhouette } from '../../src/evaluation/silhouette.ts'

const n = 40
const dimensions = 4
const vectors = Float64Array.from({ length: n * dimensions }, (_, at) => {
  const i = Math.floor(at / dimensions)
  const d = at % dimensions
  return Math.sin(i * (d + 1)) + (i % 4 === d ? 2 : 0)
})
const groups = Array.from({ length: n }, (_, i) => i % 4)

test('equals scikit-learn, on all rows and on some', () => {
  // scikit-learn 1.9.1: silhouette_score(V, L, metric='cosine') and silhouette_samples(...)[[0, 5, 10, 15]].mean()
  expect(silhouette(vectors, { dimensions, groups })).toBeCloseTo(0.4700329273312218, 10)
  expect(silhouette(vectors, { dimensions, groups, rows: [0, 5, 10, 15] })).toBeCloseTo(0.33325692622272735, 10)
})

test('a row alone in its group counts 0, as in scikit-learn', () => {
  const withSingle = Array.from({ length: n }, (_, i) => (i === 0 ? 0 : 1 + (i % 3)))
  expect(silhouette(vectors, { dimensions, groups: withSingle })).toBeCloseTo(-0.2762001264490902, 10)
})

test('the length of a vector does not matter', () => {
  const longer = vectors.map((value, at) => value * (1 + Math.floor(at / dimensions)))
  expect(silhouette(longer, { dimensions, groups })).toBeCloseTo(0.4700329273312218, 10)
})

test('equal vectors in two groups give 0, one group NaN', () => {
  expect(silhouette([1, 0, 1, 0, 1, 0, 1, 0], { dimensions: 2, groups: [0, 0, 1, 1] })).toBeCloseTo(0, 12)
  expect(silhouette([1, 0, 0, 1], { dimensions: 2, groups: ['a', 'a'] })).toBeNaN()
})

test('vectors that do not match the groups are refused', () => {
  expect(() => silhouette([1, 0, 1], { dimensions: 2, groups: [0, 1] })).toThrow(PaperkinError)
})
