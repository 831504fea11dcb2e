import { expect, it } from 'vitest'
import { hasDay, monthNames, monthNumber, monthPattern } from '../../src/text/months.ts'

it('months are known by their names and short forms', () => {
  const pattern = new RegExp(`^${monthPattern()}$`, 'iu')
  for (const [i, name] of monthNames.entries())
    for (const written of [name, name.toUpperCase(), name.slice(0, 3)]) {
      expect(pattern.exec(written)?.[1]).toBe(written)
      expect(monthNumber(written)).toBe(i + 1)
    }
  expect(pattern.test('Sept')).toBe(true)
  for (const other of ['Spring', 'Ma', 'Marchen', '']) {
    expect(pattern.test(other)).toBe(false)
  }
  expect([monthNumber('Spring'), monthNumber('')]).toEqual([0, 0])
})

it('months have the days of a leap year', () => {
  const days = monthNames.map(
    (_, i) => Array.from({ length: 33 }, (_, day) => hasDay(i + 1, day)).filter(Boolean).length,
  )
  expect(days).toEqual([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
  for (const [month, day] of [
    [0, 1],
    [13, 1],
    [Number.NaN, 1],
    [1, Number.NaN],
  ] as const)
    expect(hasDay(month, day)).toBe(false)
})
