// Each public call of a library on Postgres, beside the same call on one in memory.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PaperFilter } from '../../src/library/asking/paper-filter.ts'
import type { HitList, RelatedOptions, SearchOptions } from '../../src/library/asking/ranking.ts'
import type { Seed, Seeds } from '../../src/library/asking/seeds.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { PaperInput } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { letters } from './letters.ts'
import { hasServer, startPglite, startServer, type TestServer } from './postgres-servers.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-postgres-library-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const random = seededRandom(11)
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
const syllables = ['mar', 'tel', 'ion', 'qua', 'den', 'sor', 'lip', 'wex', 'ond', 'rak', 'fen', 'gos']
const vocabulary = Array.from({ length: 700 }, () => pick(syllables) + pick(syllables) + pick(syllables))
const word = () => vocabulary[Math.floor(vocabulary.length * random() ** 2)] as string
const words = (count: number) => Array.from({ length: count }, word).join(' ')
/** Words of which most belong to one of 40 subjects. */
const wordsOn = (subject: number, count: number) =>
  Array.from({ length: count }, () =>
    random() < 0.6 ? (vocabulary[(17 * subject + Math.floor(17 * random())) % vocabulary.length] as string) : word(),
  ).join(' ')
const venues = ['a', 'b', "it's; --", '2024', '\u{1F600}']

const papers: readonly PaperInput[] = Array.from({ length: 600 }, (_, i) => ({
  id: i === 7 ? '2503.00007' : `p${i}`,
  title: wordsOn(i % 40, 7),
  abstract: Array.from({ length: 4 }, () => `${wordsOn(i % 40, 13)}.`).join(' '),
  authors: [pick(['Ada L', "Bo O'Neil", 'Cy "X"']), pick(['Di', 'Ed'])],
  categories: i % 3 === 0 ? ['cs.CL'] : ['cs.LG', 'stat.ML'],
  ...(i % 11 > 0 && {
    published: pick([`20${10 + (i % 15)}-0${1 + (i % 9)}-1${i % 10}`, `20${10 + (i % 15)}-0${1 + (i % 9)}`, '2019']),
  }),
  extra: {
    venue: pick(venues),
    number: i,
    mixed: pick([i, String(i), `${i}.50`, ` ${i} `, true, null, [i, 'x'], ['y', `${i % 5}`], { deep: 1 }, 1e25, 1e-9]),
    ...(i % 50 === 0 && { rare: 'here', "odd'; name": i, long: 'z'.repeat(3000), 'nul\0': 'n\0' }),
  },
}))
const copies = papers.map((paper, i) =>
  i % 60 === 1 ? { ...paper, title: words(7), abstract: (papers[i - 1] as { abstract: string }).abstract } : paper,
)

const starts: Readonly<Record<string, () => Promise<TestServer>>> = {
  PGlite: startPglite,
  ...(hasServer && { PostgreSQL: startServer }),
}
describe.skipIf(hasServer)('a library on a real PostgreSQL server', () => {
  it.skip('needs PAPERKIN_POSTGRES_BIN or PAPERKIN_POSTGRES_URL', () => {})
})

const idsOf = ({ hits }: HitList) => hits.map(({ paper }) => paper.id)

/** Numbers cut, as sums over terms in another order have other last bits. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one) => (typeof one === 'number' && !Number.isInteger(one) ? one.toFixed(10) : one)),
  )
}

const filters: readonly PaperFilter[] = [
  { categories: 'cs.CL' },
  { categories: ['cs.CL', 'stat.ML'], venue: 'b' },
  { venue: "it's; --" },
  { venue: '\u{1F600}' },
  { venue: 2024 },
  { venue: ['2024', 'a'] },
  { authors: "Bo O'Neil" },
  { authors: ['Di', 'Cy "X"'] },
  { id: ['p3', 'p4', '2503.00007'] },
  { title: (copies[5] as { title: string }).title },
  { abstract: (copies[5] as { abstract: string }).abstract },
  { year: 2015 },
  { year: ['2015', '2016'] },
  { year: { from: 2012, to: 2014 } },
  { year: { from: '201', to: '2012' } },
  { published: '2015' },
  { published: ['2015-06', '2019'] },
  { published: { from: '2013-05', to: '2016' } },
  { published: { to: new Date(Date.UTC(2012, 3, 4)) } },
  { published: { from: 2020 } },
  { number: { from: 100, to: 200 } },
  { number: { from: '1', to: '15' } },
  { number: { to: -0.5 } },
  { number: [5, '17', 400] },
  { mixed: 12 },
  { mixed: '3' },
  { mixed: true },
  { mixed: { from: 10, to: 99.5 } },
  { mixed: { from: '2', to: '4' } },
  { mixed: { from: 'é' } },
  { mixed: { from: 1e20 } },
  { mixed: '1e+25' },
  { number: { from: new Date(Date.UTC(2025, 0, 1)) } },
  { rare: 'here', number: { from: 60 } },
  { long: 'z'.repeat(3000) },
  { "odd'; name": [0, 50, '100'] },
  { 'nul\0': 'n\0' },
  { venue: 'n\0' },
  { venue: '\ud800' },
  ({ extra }) => Number(extra?.number) % 7 === 3,
]

for (const [name, start] of Object.entries(starts))
  describe(`a library on ${name}`, { timeout: 300_000 }, () => {
    let server: TestServer
    let far: PaperLibrary
    let near: PaperLibrary
    let schemas = 0
    const schema = () => `test ${Date.now()} "${schemas++}`
    beforeAll(async () => {
      server = await start()
      near = await PaperLibrary.open({ embedder: letters() })
      far = await PaperLibrary.open({ postgres: server.url, schema: schema(), embedder: letters() })
      await near.add(copies)
      await far.add(copies)
    }, 240_000)
    afterAll(async () => {
      await near?.close()
      await far?.close()
      await server?.stop()
    })

    it('has the papers that were added, each as it was given', async () => {
      expect(far.size).toBe(600)
      expect(far.dimensions).toBe(27)
      const ids = near.papers().map(({ id }) => id)
      expect(await far.readPapers(ids)).toEqual(near.papers())
      expect(await near.readPapers(['p3', 'none', 5])).toEqual([near.get('p3'), undefined, undefined])
      expect(await far.readPapers(['2503.00007v3', 'none', "'; --", 'a\0b'])).toEqual([
        near.get('2503.00007'),
        undefined,
        undefined,
        undefined,
      ])
      expect(await far.readVectors(['p1', 'none'])).toEqual([near.vector('p1'), undefined])
      expect(await near.readVectors(['p1', 'none'])).toEqual([near.vector('p1'), undefined])
    })

    it('refuses what answers at once, and names what waits', () => {
      const calls = {
        readPapers: [() => far.get('p1'), () => far.has('p1'), () => far.getMany(['p1'])],
        readVectors: [() => far.vector('p1')],
        readAreas: [() => far.areas('p1')],
        streamPapers: [() => far.papers(), () => [...far]],
        findPapers: [() => far.find('p1')],
      }
      for (const [instead, asked] of Object.entries(calls))
        for (const call of asked)
          expect(call).toThrow(
            expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(instead) }),
          )
    })

    const searches: readonly SearchOptions[] = [
      {},
      { mode: 'lexical' },
      { mode: 'semantic', k: 25 },
      { k: 5, offset: 7 },
      { recency: 0.3 },
      { recency: { weight: 0.9, halfLife: 30 } },
      { diversity: 0.5 },
      { why: true, k: 3 },
      { total: true },
      { mode: 'lexical', total: true },
      { mode: 'lexical', total: true, filter: { venue: 'a' } },
    ]

    it('answers searches as one in memory does', async () => {
      for (const [i, options] of searches.entries())
        for (const text of [`${vocabulary[3 * i]} ${vocabulary[40 + i]}`, words(4), `${words(3)} unheard`]) {
          const found = await far.search(text, options)
          expect(rounded(found), `${text} ${JSON.stringify(options)}`).toEqual(
            rounded(await near.search(text, options)),
          )
        }
    })

    it('finds phrases', async () => {
      const [first, second] = (copies[9] as { title: string }).title.split(' ')
      for (const text of [`"${first} ${second}"`, `${words(2)} "${first} ${second}"`, '"of the"', `"${words(3)}"`])
        expect(rounded(await far.search(text, { total: true })), text).toEqual(
          rounded(await near.search(text, { total: true })),
        )
    })

    const seeds: readonly (Seed | Seeds)[] = [
      'p3',
      '2503.00007v2',
      { like: ['p4', 'p44'] },
      { like: ['p4', 'p90'], unlike: ['p45', 'p300'] },
      { title: wordsOn(3, 5), abstract: wordsOn(3, 30) },
      { like: [{ title: wordsOn(8, 5) }, 'p8'] },
      'p60',
    ]
    const kinships: readonly RelatedOptions[] = [
      {},
      { mode: 'lexical', k: 20 },
      { mode: 'semantic' },
      { omitDuplicates: true },
      { omitDuplicates: true, total: true, filter: { categories: 'cs.LG' } },
      { diversity: 0.4, recency: 0.2 },
      { why: true, k: 2 },
    ]

    it('answers what is related as one in memory does', async () => {
      for (const [i, options] of kinships.entries())
        for (const seed of seeds.filter((_, j) => (i + j) % 3 === 0)) {
          const found = await far.related(seed, options)
          expect(rounded(found), JSON.stringify([seed, options])).toEqual(rounded(await near.related(seed, options)))
        }
      const many = await far.relatedMany(seeds, { k: 3 })
      expect(many.map(idsOf)).toEqual((await near.relatedMany(seeds, { k: 3 })).map(idsOf))
    })

    it('filters as one in memory does', async () => {
      const text = `${vocabulary[1]} ${vocabulary[9]}`
      for (const [i, filter] of filters.entries()) {
        const asked = typeof filter === 'function' ? 'a function' : JSON.stringify(filter)
        const options = { filter, total: true }
        expect(rounded(await far.search(text, options)), asked).toEqual(rounded(await near.search(text, options)))
        if (i % 3 === 0)
          expect(rounded(await far.related('p3', { ...options, k: 4 })), asked).toEqual(
            rounded(await near.related('p3', { ...options, k: 4 })),
          )
        const wanted = near.papers({ filter })
        expect(await far.countPapers({ filter }), asked).toBe(wanted.length)
        const streamed = []
        for await (const paper of far.streamPapers({ filter })) streamed.push(paper)
        expect(streamed, asked).toEqual(wanted)
      }
    })

    it('refuses fields that no paper has', async () => {
      const filter = { venu: 'a' }
      const problem = { code: 'invalid-argument', message: expect.stringContaining('did you mean `venue`') }
      await expect(near.search('x', { filter })).rejects.toMatchObject(problem)
      await expect(far.search('x', { filter })).rejects.toMatchObject(problem)
      await expect(far.countPapers({ filter })).rejects.toMatchObject(problem)
    })

    it('recommends as one in memory does', async () => {
      for (const options of [
        { liked: ['p1', 'p9', 'p40'], disliked: 'p3', why: true },
        { liked: 'p60', omitDuplicates: true },
        { liked: ['p1', { title: words(6) }], among: ['p2', 'p3', 'p4', { id: 'new', title: words(8) }] },
      ])
        expect(rounded(await far.recommend(options))).toEqual(rounded(await near.recommend(options)))
    })

    it('finds papers by words of the title, mistyped too, and names the nearest to an id that is missing', async () => {
      const { title } = copies[20] as { title: string }
      for (const text of [
        title,
        title.split(' ').slice(0, 3).join(' '),
        `${title.slice(0, 8)}x${title.slice(8)}`,
        'p20',
        'p600',
      ])
        expect((await far.findPapers(text))[0], text).toEqual(near.find(text)[0])
      expect((await near.findPapers(title))[0]).toEqual(near.find(title)[0])
      for (const id of ['p9999', 'p20x', title.slice(0, 20), '\0'])
        await expect(far.related(id), id).rejects.toMatchObject({ code: 'paper-not-found' })
      await expect(far.related('p20x')).rejects.toThrow(/p20/u)
      await expect(far.remove(['p1', 'none'])).rejects.toMatchObject({ code: 'paper-not-found' })
      expect(await far.countPapers()).toBe(600)
    })

    it('has topics, duplicates, what is new, reports and exports', async () => {
      const [ours, theirs] = [await near.topics({ count: 4 }), await far.topics({ count: 4 })]
      expect(JSON.stringify(theirs)).toBe(JSON.stringify(ours))
      const data = JSON.parse(JSON.stringify(theirs))
      expect(JSON.stringify(await far.restoreTopics(data))).toBe(JSON.stringify(ours))
      expect(await far.report(theirs, { format: 'markdown' })).toBe(await near.report(ours, { format: 'markdown' }))
      expect(await far.duplicates()).toEqual(await near.duplicates())
      expect(await far.novelty({ since: '2023' })).toEqual(await near.novelty({ since: '2023' }))
      const files = (place: string) => ({ papers: join(root, `${place}.jsonl`), vectors: join(root, `${place}.npy`) })
      const [one, other] = [files(`near ${name}`), files(`far ${name}`)]
      await near.export(one)
      await far.export(other)
      for (const file of ['papers', 'vectors'] as const)
        expect(readFileSync(other[file]).equals(readFileSync(one[file]))).toBe(true)
      expect(await far.verify()).toMatchObject({ isWhole: true, papers: 600 })
    })

    it('adds, updates and removes, seen by others at once', async () => {
      const place = { postgres: server.url, schema: schema(), embedder: letters() }
      const writer = await PaperLibrary.open(place)
      const reader = await PaperLibrary.open({ ...place, readOnly: true })
      const local = await PaperLibrary.open({ embedder: letters() })
      const both = async (work: (library: PaperLibrary) => Promise<unknown>) =>
        expect(await work(writer)).toEqual(await work(local))
      const some = copies.slice(0, 40)
      const ask = async (library: PaperLibrary) =>
        rounded([await library.search(words(0) + vocabulary[5], { total: true }), await library.related('p3')])
      try {
        await both((library) => library.add(some))
        await both((library) => library.add(some))
        expect(await ask(reader)).toEqual(await ask(local))
        const changed = [
          { ...some[3], abstract: words(20) } as PaperInput,
          { id: 'p4', title: (some[4] as { title: string }).title },
          { ...some[5], categories: ['new'] } as PaperInput,
        ]
        await both((library) => library.add(changed, { merge: true }))
        await both((library) => library.add(changed))
        expect(await ask(reader)).toEqual(await ask(local))
        await both((library) => library.remove(['p8', 'p9', 'p9']))
        expect(await ask(reader)).toEqual(await ask(local))
        expect(await reader.countPapers()).toBe(38)
        await both((library) => library.add(copies.slice(30, 60)))
        expect(await ask(reader)).toEqual(await ask(local))
        await expect(reader.add(some)).rejects.toMatchObject({ code: 'store-unwritable' })
        await reader.refresh()
        await both((library) => library.clear())
        expect((await reader.search('anything', { total: true })).total).toBe(0)
        expect(await reader.countPapers()).toBe(0)
      } finally {
        await Promise.all([writer, reader, local].map((library) => library.close()))
      }
      await expect(writer.search('x')).rejects.toMatchObject({ code: 'library-closed' })
      await expect(writer.readPapers(['p1'])).rejects.toMatchObject({ code: 'library-closed' })
    })

    it('forgets earlier versions of papers when a writer closes, once nobody can hold them', async () => {
      const place = { postgres: server.url, schema: `forgets ${Date.now()}`, embedder: letters() }
      const library = await PaperLibrary.open(place)
      await library.add(copies.slice(0, 3))
      await library.add([{ ...copies[0], url: 'https://example.org' }])
      await library.remove(['p1'])
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      const rows = async (table: string) =>
        Number((await client.query(`select count(*) from "${place.schema}".${table}`)).rows[0].count)
      expect([await rows('past'), await rows('commits')]).toEqual([2, 3])
      await client.query(`update "${place.schema}".past set at = at - interval '2 days' where id = 'p0'`)
      await client.query(`update "${place.schema}".commits set at = at - interval '8 days' where number < 3`)
      await library.close()
      expect([await rows('past'), await rows('commits')]).toEqual([1, 1])
      await client.end()
    })

    it('imports, takes vectors of the caller, and refuses another model', async () => {
      const place = { postgres: server.url, schema: schema() }
      const files = { papers: join(root, `in ${name}.jsonl`), vectors: join(root, `in ${name}.npy`) }
      await near.export(files)
      const library = await PaperLibrary.open({ ...place, embedder: 'none' })
      try {
        expect(library.dimensions).toBeUndefined()
        expect((await library.search('nothing')).hits).toEqual([])
        expect((await library.import(files)).added).toHaveLength(600)
        expect(library.dimensions).toBe(27)
        expect(await library.readVectors(['p5'])).toEqual([near.vector('p5')])
        const vector = near.vector('p77') as Float32Array
        expect(idsOf(await library.search('', { vector, k: 1 }))).toEqual(['p77'])
        expect(idsOf(await library.related('p3'))).toEqual(idsOf(await near.related('p3')))
      } finally {
        await library.close()
      }
      await expect(PaperLibrary.open({ ...place, embedder: letters() })).rejects.toMatchObject({
        code: 'store-mismatch',
      })
    })

    it('takes no harm from hostile queries', async () => {
      const hostile = [
        "'; drop table papers; --",
        '$1 :* & | ! <-> \\',
        '"; select 1',
        '\0',
        '\ud800',
        `${'a '.repeat(50_000)}`,
        "''':*",
        '\u{1F600} ((',
      ]
      for (const text of hostile) {
        expect(rounded(await far.search(text, { k: 3 })), text.slice(0, 20)).toEqual(
          rounded(await near.search(text, { k: 3 })),
        )
        const seed = { title: text.slice(0, 2000), abstract: text.slice(0, 2000) }
        if (text.trim() !== '' && text.isWellFormed() && !text.includes('\0'))
          expect(rounded(await far.related(seed, { k: 3 }))).toEqual(rounded(await near.related(seed, { k: 3 })))
      }
      expect(await far.countPapers()).toBe(600)
    })

    it('stops when it is told to', async () => {
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(far.search('x', { signal })).rejects.toThrow('enough')
      await expect(far.countPapers({ signal })).rejects.toThrow('enough')
      await expect(far.readPapers(['p1'], { signal })).rejects.toThrow('enough')
    })
  })
