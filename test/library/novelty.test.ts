import { afterAll, describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import type { NoveltyOptions } from '../../src/library/asking/novelty.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { PaperInput } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'

const opened: PaperLibrary[] = []
afterAll(() => Promise.all(opened.map((library) => library.close())))

/** A library without a model, whose papers have the given dates and vectors of their own. */
async function libraryOf(papers: readonly Partial<PaperInput>[]) {
  const random = seededRandom(11)
  const library = await PaperLibrary.open({ embedder: 'none' })
  opened.push(library)
  await library.add(
    papers.map((paper, i) => ({ id: `p${i}`, title: `Clay jar ${i}`, abstract: 'Jars of clay.', ...paper })),
    { vectors: papers.map(() => Array.from({ length: 8 }, () => random())) },
  )
  return library
}

const day = (offset: number) => new Date(Date.UTC(2025, 2, 12 + offset)).toISOString().slice(0, 10)
/** `count` papers on each of the days, counted from 12 March 2025. */
const on = (days: readonly number[], count: number, more: Partial<PaperInput> = {}) =>
  days.flatMap((offset) => Array.from({ length: count }, () => ({ published: day(offset), ...more })))
const daysBefore = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => i - from)

describe('which papers are new', () => {
  test('those of the last day, against the eight weeks before it', async () => {
    const library = await libraryOf([...on([-100, -57], 5), ...on(daysBefore(56, 1), 3), ...on([0], 12)])
    const { papers, from, to, earlier, undated, missing } = await library.novelty()
    expect(papers).toEqual(Array.from({ length: 12 }, (_, i) => `p${178 + i}`))
    expect({ from, to, undated, missing }).toEqual({ from: day(0), to: day(0), undated: 0, missing: undefined })
    expect(earlier).toEqual({ count: 168, from: day(-56), to: day(-1) })
    expect((await library.novelty({ weeks: 15 })).earlier).toMatchObject({ count: 178, from: day(-100) })
  })

  test('as many days as it takes for ten papers, a week at most', async () => {
    const before = on(daysBefore(40, 8), 4)
    expect((await (await libraryOf([...before, ...on([-3, -2, -1, 0], 4)])).novelty()).from).toBe(day(-2))
    const thin = await (await libraryOf([...before, ...on([-6], 2), ...on([0], 3)])).novelty()
    // Five papers of a week are too few: the last ten that a week has are those of the sixth day before and earlier.
    expect(thin.from).toBe(day(-9))
    expect(thin.papers).toHaveLength(13)
  })

  test('a date that is wrong by a year hides nothing', async () => {
    const { from, papers } = await (
      await libraryOf([...on(daysBefore(40, 1), 4), ...on([0], 15), ...on([365], 1)])
    ).novelty()
    expect(from).toBe(day(0))
    expect(papers).toHaveLength(16)
  })

  test('those since a day, a month or a Date; a date that could be either is left out', async () => {
    const library = await libraryOf([
      ...on(daysBefore(40, 1), 4),
      ...on([0, 1], 5),
      { published: '2025-03' },
      { published: '2025' },
      { published: '2025-02' },
      {},
    ])
    const since = async (options: NoveltyOptions) => {
      const { papers, earlier, undated } = await library.novelty(options)
      return [papers.length, earlier.count, undated]
    }
    expect(await since({ since: day(0) })).toEqual([10, 161, 3])
    expect(await since({ since: new Date(`${day(0)}T00:00:00Z`) })).toEqual([10, 161, 3])
    // March has eleven days before the twelfth.
    expect(await since({ since: '2025-03' })).toEqual([55, 117, 2])
  })

  test('those that are named, against all that are not younger', async () => {
    const library = await libraryOf([...on(daysBefore(40, 1), 4), ...on([0], 4), ...on([5], 4), {}])
    const { papers, earlier } = await library.novelty({ papers: ['p160', 'p163'] })
    expect(papers).toEqual(['p160', 'p163'])
    expect(earlier.count).toBe(160 + 2 + 1)
  })

  test('an arXiv id says the month where there is no date', async () => {
    const ids = (month: string, count: number) =>
      Array.from({ length: count }, (_, i) => ({ id: `${month}.${String(10_000 + i)}` }))
    const library = await libraryOf([...ids('2501', 60), ...ids('2502', 60), ...ids('2503', 20)])
    const { papers, from, to, earlier } = await library.novelty()
    expect([papers.length, from, to]).toEqual([20, '2025-03-01', '2025-03-31'])
    expect(earlier).toEqual({ count: 120, from: '2025-01-01', to: '2025-02-28' })
  })
})

describe('too little is said, not guessed at', () => {
  test.each<[string, Parameters<typeof libraryOf>[0], NoveltyOptions, RegExp]>([
    ['no paper', [], {}, /there are no papers/u],
    ['no date', [{}, {}], {}, /none of the 2 papers has a date/u],
    ['one day', on([0], 40), {}, /at least 100 earlier papers .* there are 0 of the 8 weeks before 2025-03-12/u],
    ['99 papers', [...on([-1], 99), ...on([0], 20)], {}, /at least 100 .* there are 99/u],
    ['nothing since', on(daysBefore(40, 0), 4), { since: '2026' }, /no paper is that new, the last is of 2025-03-12/u],
  ])('%s', async (_, papers, options, message) => {
    const novelty = await (await libraryOf(papers)).novelty(options)
    expect(novelty.missing).toMatch(message)
    expect(novelty).toMatchObject({ areas: [], terms: [], unlike: [] })
  })

  test.each<[string, NoveltyOptions, string]>([
    ['since', { since: 'yesterday' }, '`since` to be a date'],
    ['weeks', { weeks: 0 }, '`weeks` to be a whole number'],
    ['papers', { papers: 'p1' as unknown as string[] }, '`papers`'],
    ['an option', { week: 3 } as NoveltyOptions, 'did you mean `weeks`?'],
  ])('a wrong value of %s is refused', async (_, options, message) => {
    const error = await (await libraryOf(on([0], 2))).novelty(options).catch((thrown: unknown) => thrown)
    expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
    expect(String(error)).toContain(message)
  })

  test('an id that is not there, and a library that is closed', async () => {
    const library = await libraryOf(on([0], 2))
    await expect(library.novelty({ papers: ['p7'] })).rejects.toMatchObject({ code: 'paper-not-found' })
    await library.close()
    await expect(library.novelty()).rejects.toMatchObject({ code: 'library-closed' })
  })
})

test('without a model there are terms and papers unlike the others, and no areas', async () => {
  const vectors = seededRandom(2)
  const library = await PaperLibrary.open({ embedder: 'none' })
  opened.push(library)
  const papers = [
    ...on(daysBefore(30, 1), 5, { abstract: 'Pottery of clay, fired in a kiln and glazed.' }),
    ...on([0], 14, { abstract: 'Pottery of clay.' }),
    ...on([0], 6, { abstract: 'Graphene sheets carry a quantum Hall effect.' }),
  ].map((paper, i) => ({ ...paper, id: `p${i}`, title: `Sherd ${i}` }))
  await library.add(papers, {
    vectors: papers.map((_, i) => [1, vectors() / 9, vectors() / 9, i >= 169 ? 9 : 0]),
  })
  const { areas, terms, unlike } = await library.novelty()
  expect(areas).toEqual([])
  expect(terms.length).toBeGreaterThan(0)
  const hall = ['p164', 'p165', 'p166', 'p167', 'p168', 'p169']
  for (const { papers, count, before } of terms) expect([papers, count, before]).toEqual([hall, 6, 0])
  expect(terms.flatMap(({ term, variants }) => [term, ...variants])).toEqual(
    expect.arrayContaining([expect.stringMatching(/graphene|quantum Hall/iu)]),
  )
  expect(unlike.map(({ id }) => id)).toEqual(['p169'])
})
