import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { type PaperInput, toPaper } from '../../src/paper.ts'
import { findTopics, type TimeUnit } from '../../src/topics/find-topics.ts'
import { rowsOf } from './planted.ts'

/** Two topics, apart by their vectors: even papers are about bees, odd ones about bridges. */
async function topicsOf(records: readonly Omit<PaperInput, 'id'>[]) {
  const papers = records.map((record, i) => toPaper({ id: `p${String(i).padStart(3, '0')}`, ...record }))
  const vectors = papers.map((_, i) => (i % 2 === 0 ? [0.8, 0.6, 0, 0] : [0, 0, 0.6, 0.8]))
  return findTopics(await rowsOf(papers, vectors), { count: 2, outlierShare: 0 })
}

const bees = { title: 'Bees in clover', abstract: 'Bees visit the clover of a meadow.' }
const bridges = { title: 'Bridges of timber', abstract: 'Timber carries the arches of bridges.' }
const dated = (dates: readonly (string | undefined)[]) =>
  topicsOf(dates.map((published, i) => ({ ...(i % 2 === 0 ? bees : bridges), published })))

describe('periods', () => {
  test('months go without gaps from the first paper to the last', async () => {
    const topics = await dated([
      '2024-11-30',
      '2024-11-02T08:00:00Z',
      '2025-02',
      '2025-02-28',
      '2024-11-05',
      '2025-02-01',
    ])
    const { periods, topics: found, undated } = await topics.overTime('month')
    expect(periods).toEqual([
      { name: '2024-11', start: '2024-11-01', size: 3 },
      { name: '2024-12', start: '2024-12-01', size: 0 },
      { name: '2025-01', start: '2025-01-01', size: 0 },
      { name: '2025-02', start: '2025-02-01', size: 3 },
    ])
    expect(undated).toBe(0)
    const ofBees = found.find(({ topic }) => topic === topics.of('p000')?.id)
    expect(ofBees?.counts).toEqual([2, 0, 0, 1])
    expect(ofBees?.shares).toEqual([2 / 3, 0, 0, 1 / 3])
    expect(found.map(({ topic }) => topic)).toEqual(topics.topics.map(({ id }) => id))
  })

  test.each<[TimeUnit, string, string, string]>([
    // ISO 8601: 30 December 2024 is a Monday of week 1 of 2025; 1 January 2027 a Friday of week 53 of 2026.
    ['week', '2024-12-30', '2025-W01', '2024-12-30'],
    ['week', '2025-01-05', '2025-W01', '2024-12-30'],
    ['week', '2027-01-01', '2026-W53', '2026-12-28'],
    ['week', '1969-12-31', '1970-W01', '1969-12-29'],
    ['day', '2024-02-29', '2024-02-29', '2024-02-29'],
    ['year', '1999', '1999', '1999-01-01'],
    ['month', '1999-12-31T23:59:59+02:00', '1999-12', '1999-12-01'],
  ])('the %s of %s is %s', async (unit, date, name, start) => {
    const { periods, undated } = await (await dated([date])).overTime(unit)
    expect(periods).toEqual([{ name, start, size: 1 }])
    expect(undated).toBe(0)
  })

  test.each<[TimeUnit, number]>([
    ['day', 6],
    ['week', 6],
    ['month', 5],
    ['year', 4],
  ])('for the %s, %i of these dates say too little', async (unit, expected) => {
    const topics = await dated([undefined, '--03-12', 'yesterday', '2025-02-30', '2025', '2025-03', '2025-03-01'])
    expect((await topics.overTime(unit)).undated).toBe(expected)
  })

  test('no paper, or none with a date, has no periods', async () => {
    const { periods, topics } = await (await dated([undefined, undefined])).overTime('day')
    expect(periods).toEqual([])
    expect(topics.every(({ counts, rising }) => counts.length === 0 && rising.length === 0)).toBe(true)
    expect(await (await topicsOf([])).overTime('year')).toEqual({ unit: 'year', periods: [], topics: [], undated: 0 })
  })

  test.each<[string, string, string]>([
    ['fortnight', '2025-01-01', "Expected `unit` to be 'day', 'week', 'month' or 'year'"],
    ['day', '1901-01-01', 'at most 10000 periods'],
  ])('%s from %s on is refused', async (unit, first, message) => {
    const topics = await dated([first, '2025-01-01'])
    const error = await topics.overTime(unit as TimeUnit).catch((thrown: unknown) => thrown)
    expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
    expect(String(error)).toContain(message)
  })
})

test('a term rises where it begins, and one that was always there does not', async () => {
  const records = Array.from({ length: 80 }, (_, i) => {
    const month = 1 + Math.floor(i / 10)
    const isLate = month >= 6
    const bee = { title: isLate ? 'Mite traps' : 'Queens', abstract: `Bees and ${isLate ? 'mite traps' : 'queens'}.` }
    return { ...(i % 2 === 0 ? bee : bridges), published: `2025-${String(month).padStart(2, '0')}-10` }
  })
  const topics = await topicsOf(records)
  const { topics: found } = await topics.overTime('month')
  const rising = (paper: string) => found.find(({ topic }) => topic === topics.of(paper)?.id)?.rising
  expect(rising('p000')).toEqual([{ term: 'mite traps', since: '2025-06', before: 0, after: 1 }])
  expect(rising('p001')).toEqual([])
})
