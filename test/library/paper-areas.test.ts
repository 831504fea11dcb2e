import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import type { PaperFilter } from '../../src/library/asking/paper-filter.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { readPapers } from '../../src/sources/read-papers.ts'

let library: PaperLibrary
beforeAll(async () => {
  library = await PaperLibrary.open()
  await library.add(await readPapers('examples/digest.txt'))
})
afterAll(() => library.close())

/** Ids of the papers with a name among those of their place. */
const within = (...names: string[]) =>
  library
    .papers()
    .filter(({ id }) => library.areas(id).some((place) => names.some((name) => Object.values(place).includes(name))))
    .map(({ id }) => id)
const filtered = (filter: PaperFilter) => library.papers({ filter }).map(({ id }) => id)

describe('a filter by area', () => {
  test('lets through what lies in an area, a field or a discipline, by its name in any case', () => {
    const place = library.areas(within('Robotics')[0] as string)[0]
    expect(within('Robotics').length).toBeGreaterThan(3)
    expect(filtered({ area: 'Robotics' })).toEqual(within('Robotics'))
    expect(filtered({ area: ' robotics ' })).toEqual(within('Robotics'))
    for (const name of [place?.field, place?.area] as string[]) {
      expect(filtered({ area: name })).toEqual(within(name))
      expect(filtered({ area: name }).length).toBeLessThan(within('Robotics').length + 1)
    }
    expect(filtered({ area: ['Robotics', 'Computer vision'] })).toEqual(within('Robotics', 'Computer vision'))
  })

  test('holds together with other conditions, in search and related too', async () => {
    const { hits, total } = await library.search('learning', { k: 50, total: true, filter: { area: 'Robotics' } })
    expect(hits.map(({ paper }) => paper.id).sort()).toEqual([...within('Robotics')].sort())
    expect(total).toBe(hits.length)
    const all = await library.search('learning', { k: 50 })
    const scoreOf = new Map(all.hits.map(({ paper, score }) => [paper.id, score]))
    for (const { paper, score } of hits) expect(score).toBe(scoreOf.get(paper.id))
    const [first] = within('Robotics')
    const kin = await library.related(first as string, { k: 50, filter: { area: 'Robotics' } })
    expect(kin.hits.map(({ paper }) => paper.id).sort()).toEqual(within('Robotics').slice(1).sort())
    expect(filtered({ area: 'Robotics', id: within('Robotics').slice(0, 2) })).toEqual(within('Robotics').slice(0, 2))
  })

  test.each<[string, unknown, string]>([
    ['a slip', 'Robtics', 'near it are "Robotics"'],
    ['words of a name', 'robots grasping', '"Robotic and dexterous grasping"'],
    ['no name at all', 'qqqq', 'got `"qqqq"`'],
    ['one of several', ['Robotics', 'Robtics'], 'got `"Robtics"`'],
    ['an interval', { from: 'A' }, 'the name of an area'],
    ['an empty text', ' ', 'the name of an area'],
    ['a number', 7, 'the name of an area'],
  ])('refuses %s', async (_, area, message) => {
    const filter = { area } as PaperFilter
    for (const call of [async () => library.papers({ filter }), () => library.search('glass', { filter })]) {
      const error = await call().catch((thrown: unknown) => thrown)
      expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
      expect(String(error)).toContain('filter.area')
      expect(String(error)).toContain(message)
    }
  })

  test('knows what papers say of their own area, with any model', async () => {
    const own = await PaperLibrary.open({ embedder: (texts) => texts.map((text) => [1, text.length % 7, 2]) })
    await own.add([
      { id: 'a', title: 'Nets', abstract: 'Of knots.', extra: { area: 'Fishery' } },
      { id: 'b', title: 'Sails', abstract: 'Of cloth.', extra: { area: 'Weaving' } },
    ])
    expect(own.papers({ filter: { area: 'Fishery' } }).map(({ id }) => id)).toEqual(['a'])
    expect(() => own.papers({ filter: { area: 'Robotics' } })).toThrow('a library with the map of science')
    expect(own.areas('a')).toEqual([])
    await own.close()
  })

  test('sees papers that came since', async () => {
    const before = filtered({ area: 'Robotics' })
    const arm = {
      id: 'arm',
      title: 'Grasping transparent cups with a two-finger gripper',
      abstract: 'A robot arm learns to pick up glasses from a table by touch.',
    }
    await library.add([arm])
    expect(filtered({ area: 'Robotics' })).toEqual([...before, 'arm'])
    await library.add([{ ...arm, title: 'Rye bread', abstract: 'Dough rises overnight and is baked in the morning.' }])
    expect(filtered({ area: 'Robotics' })).toEqual(before)
    await library.remove(['arm'])
  })
})
