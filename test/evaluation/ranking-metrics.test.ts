import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import {
  averagePrecision,
  mean,
  ndcg,
  precision,
  recall,
  reciprocalRank,
} from '../../src/evaluation/ranking-metrics.ts'

const relevances = [3, 0, 2, 0, 1, 0, 0, 2]

describe('ranking', () => {
  // scikit-learn 1.9.1: ndcg_score([[3,0,2,0,1,0,0,2]], [[8,7,6,5,4,3,2,1]], k=k)
  test.each([
    [1, 1],
    [3, 0.7601875334318686],
    [5, 0.7706324135634348],
    [8, 0.8814669776914855],
  ])('nDCG at %i as scikit-learn', (k, expected) => {
    expect(ndcg(relevances, { k, judged: relevances })).toBeCloseTo(expected, 12)
  })

  test('judged documents that were not found lower nDCG', () => {
    // (3 + 2 / log2(4)) / (3 + 3 / log2(3) + 2 / log2(4)), by hand
    expect(ndcg([3, 0, 2], { k: 3, judged: [2, 3, 3, 1, 0] })).toBeCloseTo(4 / (3 + 3 / Math.log2(3) + 1), 12)
  })

  test('without relevant documents, nDCG, recall and average precision are NaN', () => {
    expect(ndcg([0, 0], { judged: [0] })).toBeNaN()
    expect(recall([0, 0], { relevant: 0 })).toBeNaN()
    expect(averagePrecision([], { relevant: 0 })).toBeNaN()
  })

  test('recall, precision and the first relevant rank', () => {
    expect(recall(relevances, { k: 3, relevant: 5 })).toBe(2 / 5)
    expect(recall(relevances, { relevant: 4 })).toBe(1)
    expect(precision(relevances, { k: 4 })).toBe(0.5)
    expect(precision([1], { k: 4 })).toBe(0.25)
    expect(reciprocalRank([0, 0, 1])).toBe(1 / 3)
    expect(reciprocalRank([0, 0, 1], { k: 2 })).toBe(0)
    expect(reciprocalRank([])).toBe(0)
  })

  test('average precision as scikit-learn', () => {
    // scikit-learn 1.9.1: average_precision_score([1,0,1,0,1,0,0,1], [8,7,6,5,4,3,2,1])
    expect(averagePrecision(relevances, { relevant: 4 })).toBeCloseTo(0.6916666666666667, 12)
    expect(averagePrecision(relevances, { relevant: 8 })).toBeCloseTo(0.6916666666666667 / 2, 12)
  })

  test('the mean refuses NaN, so that an unjudged query does not go unnoticed', () => {
    expect(mean([1, 2, 6])).toBe(3)
    expect(mean([])).toBeNaN()
    expect(() => mean([1, Number.NaN])).toThrow(PaperkinError)
    expect(() => mean([1, Number.NaN])).toThrow('at 1')
  })

  test.each([0, 1.5, Number.NaN])('k = %d is refused', (k) => {
    expect(() => ndcg([1], { k, judged: [1] })).toThrow('Expected `k`')
  })
})
