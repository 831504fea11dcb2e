import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TopK } from '../../src/vectors/top-k.ts'

it('keeps the best, ties by row, for any order of input', () => {
  const top = new TopK(4)
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(50), { maxLength: 30 }),
      fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 51, maxLength: 51 }),
      (rows, scores) => {
        top.clear()
        expect(top.cut).toBe(-Infinity)
        for (const row of rows) top.offer(row, scores[row] as number)
        const expected = [...rows].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b).slice(0, 4)
        expect(Array.from(top.rows.subarray(0, top.size))).toEqual(expected)
        expect(Array.from(top.scores.subarray(0, top.size))).toEqual(expected.map((row) => scores[row]))
        if (rows.length >= 4) expect(top.cut).toBe(scores[expected[3] as number])
      },
    ),
  )
})
