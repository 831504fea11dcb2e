import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { LogStorage } from '../../src/library/storage/log-storage.ts'
import type { Storage } from '../../src/library/storage/storage.ts'
import { ids, letters } from './letters.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-far-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
afterEach(() => vi.restoreAllMocks())
let files = 0

/** How often a storage was asked to read papers, and for how many. */
interface Trips {
  papers: number[]
}

/** A storage as on a server: every call waits, and no paper can be read at once. */
function far(storage: LogStorage, trips: Trips): Storage {
  const later = () => new Promise<void>((resolve) => setTimeout(resolve, 1))
  return new Proxy(storage, {
    get(target, name) {
      if (name === 'readNow') return undefined
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (name === 'derivedFile') return value.bind(target)
      return async (...given: unknown[]) => {
        await later()
        if (name === 'readPapers') trips.papers.push((given[0] as unknown[]).length)
        return Reflect.apply(value, target, given)
      }
    },
  })
}

/** A library on disk, read again as if it were far away. */
async function farLibrary(path: string) {
  const trips: Trips = { papers: [] }
  const near = LogStorage.open.bind(LogStorage)
  vi.spyOn(LogStorage, 'open').mockImplementation(async (...asked) => far(await near(...asked), trips) as LogStorage)
  const library = await PaperLibrary.open({ path, embedder: letters() })
  vi.restoreAllMocks()
  return { library, trips }
}

const subjects = ['waves', 'tides', 'reeds', 'moons', 'sands']
const papers = Array.from({ length: 400 }, (_, i) => ({
  id: i === 7 ? '2503.00007' : `p${i}`,
  title: `On ${subjects[i % 5]} and ${subjects[(i >> 2) % 5]}, part ${i}`,
  abstract: `We measure ${subjects[i % 5]} near ${'abcdefghij'.slice(i % 10)} with ${subjects[(i * 7) % 5]}.`,
  published: `2025-0${1 + (i % 6)}-1${i % 10}`,
  categories: [i % 2 === 0 ? 'cs.CL' : 'cs.LG'],
  extra: { venue: `v${i % 4}`, number: i },
}))

async function madeLibrary(): Promise<string> {
  const path = join(root, String(files++))
  const library = await PaperLibrary.open({ path, embedder: letters() })
  await library.add(papers)
  await library.close()
  return path
}

/** What calls that wait answer. */
async function answers(library: PaperLibrary) {
  const file = join(root, `${files++}.jsonl`)
  const odd = (paper: { readonly extra?: { readonly number?: unknown } }) => Number(paper.extra?.number) % 3 === 1
  return {
    search: await library.search('tides near sands', { k: 5 }),
    byFunction: await library.search('tides', { filter: odd, total: true }),
    byField: await library.search('moons', { filter: { venue: 'v2', year: 2025 }, total: true }),
    byPhrase: await library.search('"on waves"', { recency: 0.2 }),
    why: await library.search('reeds', { why: true, k: 3 }),
    related: await library.related('2503.00007v2', { omitDuplicates: true }),
    many: await library.relatedMany(['p1', { like: ['p2', 'p3'], unlike: 'p9' }, { title: 'Moons and sands' }]),
    diverse: await library.related('p5', { diversity: 0.5, filter: { categories: 'cs.CL' } }),
    recommend: await library.recommend({ liked: ['p1', 'p6'], disliked: 'p3', why: true }),
    duplicates: await library.duplicates({ threshold: 0.3 }),
    novelty: await library.novelty({ papers: ['p390', 'p391'] }),
    topics: (await library.topics({ seed: 1 })).topics,
    wrongField: await library.search('x', { filter: { venu: 'v1' } }).catch(({ message }) => message),
    unknownId: await library.related('p4000').catch(({ message }) => message),
    exported: await library.export({ papers: file }).then(() => readFileSync(file, 'utf8')),
  }
}

describe('a library whose storage is far away', () => {
  it('answers all that waits, as one on disk does', async () => {
    const path = await madeLibrary()
    const near = await PaperLibrary.open({ path, embedder: letters() })
    const expected = await answers(near)
    await near.close()
    const { library } = await farLibrary(path)
    expect(await answers(library)).toEqual(expected)
    await library.close()
  })

  it('is added to and taken from', async () => {
    const { library } = await farLibrary(await madeLibrary())
    expect(await library.add([{ ...papers[3], url: 'x' }, papers[4] as (typeof papers)[number]])).toMatchObject({
      updated: ['p3'],
      unchanged: ['p4'],
    })
    expect(await library.remove(['p3', 'p4'])).toBe(2)
    await expect(library.remove(['p3'])).rejects.toMatchObject({
      code: 'paper-not-found',
      message: expect.stringMatching(/did you mean/u),
    })
    expect(library.size).toBe(398)
    await library.close()
  })

  it('reads the hits of an answer in one pass, and none twice', async () => {
    const { library, trips } = await farLibrary(await madeLibrary())
    trips.papers = []
    const first = await library.search('tides near sands')
    expect(trips.papers).toEqual([10])
    expect(ids(await library.search('tides near sands'))).toEqual(ids(first))
    expect(trips.papers).toEqual([10])
    await library.close()
  })

  it('reads no more papers for a filter than it asks about', async () => {
    const { library, trips } = await farLibrary(await madeLibrary())
    trips.papers = []
    let asked = 0
    await library.related('p5', { filter: () => ++asked > 0, k: 5 })
    // The paper that is asked about, then those that the filter is asked about, some at a time.
    expect(trips.papers.reduce((sum, count) => sum + count, 0)).toBe(asked + 1)
    expect(asked).toBeLessThan(50)
    await library.close()
  })

  it('says of calls that cannot wait what to do', async () => {
    const { library } = await farLibrary(await madeLibrary())
    for (const call of [
      () => library.get('p5'),
      () => library.getMany(['p5']),
      () => library.papers(),
      () => library.find('tides'),
      () => [...library],
    ])
      expect(call).toThrow(
        expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(/asynchronous/u) }),
      )
    expect(library.has('2503.00007v3')).toBe(true)
    expect(library.vector('p5')).toHaveLength(27)
    await library.close()
  })
})
