import { describe, expect, it } from 'vitest'
import { bootstrapInterval, comparePaired } from '../../src/evaluation/significance.ts'
import { seededRandom } from '../../src/runtime/random.ts'

const a = [0.61, 0.42, 0.93, 0.55, 0.7, 0.38, 0.81, 0.64, 0.47, 0.9]
const b = [0.58, 0.4, 0.88, 0.56, 0.61, 0.35, 0.79, 0.66, 0.4, 0.85]

describe('bootstrapInterval', () => {
  it('contains the true mean about as often as its level says', () => {
    const random = seededRandom(3)
    let holds = 0
    for (let trial = 0; trial < 400; trial++) {
      const values = Array.from({ length: 60 }, () => random())
      const { low, high } = bootstrapInterval(values, { samples: 400, level: 0.9, seed: trial })
      if (low <= 0.5 && high >= 0.5) holds++
    }
    expect(holds / 400).toBeGreaterThan(0.85)
    expect(holds / 400).toBeLessThan(0.95)
  })

  it('is the same for the same seed, and a point for equal values', () => {
    expect(bootstrapInterval(a)).toEqual(bootstrapInterval(a))
    expect(bootstrapInterval(a, { seed: 2 })).not.toEqual(bootstrapInterval(a))
    expect(bootstrapInterval([0.5, 0.5, 0.5])).toEqual({ mean: 0.5, low: 0.5, high: 0.5 })
    expect(bootstrapInterval([0.25])).toEqual({ mean: 0.25, low: 0.25, high: 0.25 })
  })

  it.each([
    [[], {}, 'at least one query'],
    [[1, Number.NaN], {}, 'got `NaN` (number) at 1'],
    [[1], { level: 1 }, 'Expected `level`'],
    [[1], { samples: 0 }, 'Expected `samples`'],
  ])('refuses %j with %j', (values, options, message) => {
    expect(() => bootstrapInterval(values, options)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(message) }),
    )
  })
})

describe('comparePaired', () => {
  it('agrees with all exchanges of the two runs', () => {
    const differences = a.map((value, i) => value - (b[i] as number))
    const observed = Math.abs(differences.reduce((sum, value) => sum + value))
    let asLarge = 0
    for (let signs = 0; signs < 1024; signs++) {
      const sum = differences.reduce((total, value, i) => total + ((signs >> i) & 1 ? value : -value), 0)
      if (Math.abs(sum) >= observed - 1e-12) asLarge++
    }
    const { pValue, difference } = comparePaired(a, b, { samples: 40_000 })
    expect(Math.abs(pValue - asLarge / 1024)).toBeLessThan(0.004)
    expect(difference.mean).toBeCloseTo(observed / 10, 12)
    expect(difference.low).toBeGreaterThan(0)
  })

  it('finds no difference where there is none, in either direction', () => {
    expect(comparePaired(a, a)).toEqual({ difference: { mean: 0, low: 0, high: 0 }, pValue: 1 })
    expect(comparePaired(b, a).pValue).toBe(comparePaired(a, b).pValue)
  })

  it('refuses runs of different queries', () => {
    expect(() => comparePaired([1, 2], [1])).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('got 2 of one run') }),
    )
  })
})
