import { expect, test } from 'vitest'
import { count, longDate, shortScore } from '../../src/report/wording.ts'

test.each([
  ['2025-03-12', '12 March 2025'],
  ['2025-03-12T08:00:00Z', '12 March 2025'],
  ['2025-03', 'March 2025'],
  ['2025', '2025'],
  ['--03-12', '12 March'],
  ['spring 2025', 'spring 2025'],
  ['', ''],
])('the date %s reads %s', (date, read) => {
  expect(longDate(date)).toBe(read)
})

test.each([
  [0.706, '.71'],
  [0, '.00'],
  [1, '1.00'],
  [-0.204, '-.20'],
])('the score %f reads %s', (score, read) => {
  expect(shortScore(score)).toBe(read)
})

test('one is singular', () => {
  expect([count(0, 'paper'), count(1, 'paper'), count(40_899, 'paper')]).toEqual([
    '0 papers',
    '1 paper',
    '40,899 papers',
  ])
})
