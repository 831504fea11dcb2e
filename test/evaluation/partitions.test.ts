import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import {
  adjustedMutualInformation,
  adjustedRandIndex,
  normalizedMutualInformation,
  purity,
  vMeasure,
} from '../../src/evaluation/partitions.ts'

const twelve = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3]
const range = (length: number) => Array.from({ length }, (_, i) => i)
const thousandA = range(1000).map((i) => (i % 3 ? (i * 7) % 13 : i % 5))
const thousandB = range(1000).map((i) => (i % 4 ? (i * i + 3 * i) % 11 : (i * 7) % 13))

// Values from scikit-learn 1.9.1: normalized_mutual_info_score, adjusted_rand_score, adjusted_mutual_info_score,
// homogeneity_completeness_v_measure; purity from its contingency_matrix.
const figures: [
  string,
  number[],
  number[],
  { nmi: number; ari: number; ami: number; hcv: number[]; purity: number },
][] = [
  [
    'twelve items',
    twelve,
    [0, 0, 1, 1, 1, 2, 2, 2, 2, 0, 3, 1],
    {
      nmi: 0.5028909422035811,
      ari: 0.18518518518518517,
      ami: 0.21669369518860437,
      hcv: [0.48957401771001985, 0.5169525925206235, 0.502890942203581],
      purity: 2 / 3,
    },
  ],
  ['one group found', twelve, range(12).map(() => 0), { nmi: 0, ari: 0, ami: 0, hcv: [0, 1, 0], purity: 1 / 3 }],
  [
    'every item alone',
    twelve,
    range(12),
    { nmi: 0.7067492417739046, ari: 0, ami: 0, hcv: [1, 0.5464904909418548, 0.7067492417739046], purity: 1 },
  ],
  [
    'crossed',
    [0, 0, 1, 1],
    [0, 1, 0, 1],
    { nmi: 0, ari: -0.5, ami: -0.49999999999999944, hcv: [0, 0, 0], purity: 0.5 },
  ],
  ['both one group', [0, 0, 0, 0], [5, 5, 5, 5], { nmi: 1, ari: 1, ami: 1, hcv: [1, 1, 1], purity: 1 }],
  ['nothing', [], [], { nmi: 1, ari: 1, ami: 1, hcv: [1, 1, 1], purity: 1 }],
  [
    'a thousand items',
    thousandA,
    thousandB,
    {
      nmi: 0.0968172627888046,
      ari: 0.011999180420956573,
      ami: 0.06498797939983983,
      hcv: [0.09118993351013234, 0.10318479475520569, 0.09681726278880459],
      purity: 0.23,
    },
  ],
]

describe('agreement of two groupings', () => {
  test.each(figures)('%s: as scikit-learn', (_, truth, found, expected) => {
    expect(normalizedMutualInformation(truth, found)).toBeCloseTo(expected.nmi, 10)
    expect(adjustedRandIndex(truth, found)).toBeCloseTo(expected.ari, 10)
    expect(adjustedMutualInformation(truth, found)).toBeCloseTo(expected.ami, 10)
    const { homogeneity, completeness, vMeasure: v } = vMeasure(truth, found)
    for (const [i, value] of [homogeneity, completeness, v].entries()) expect(value).toBeCloseTo(expected.hcv[i]!, 10)
    expect(purity(truth, found)).toBeCloseTo(expected.purity, 10)
  })

  test('names of groups do not matter, and neither does the order of the two', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { minLength: 1, maxLength: 60 }), (pairs) => {
        const a = pairs.map(([x]) => x)
        const b = pairs.map(([, y]) => y)
        const renamed = a.map((x) => `group ${9 - x}`)
        for (const agreement of [normalizedMutualInformation, adjustedRandIndex, adjustedMutualInformation]) {
          expect(agreement(renamed, b)).toBeCloseTo(agreement(a, b), 10)
          expect(agreement(b, a)).toBeCloseTo(agreement(a, b), 10)
          expect(agreement(a, renamed)).toBeCloseTo(1, 10)
        }
        expect(normalizedMutualInformation(a, b)).toBeLessThanOrEqual(1 + 1e-12)
      }),
    )
  })

  test('groupings of different lengths are refused', () => {
    let thrown: unknown
    try {
      adjustedRandIndex([1, 2], [1])
    } catch (error) {
      thrown = error
    }
    expect(PaperkinError.isInstance(thrown) && thrown.code).toBe('invalid-argument')
    expect(String(thrown)).toContain('got 2 and 1')
  })
})
