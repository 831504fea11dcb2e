// What every library answers, wherever its papers are.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PaperFilter } from '../../src/library/asking/paper-filter.ts'
import type { Hit } from '../../src/library/asking/ranking.ts'
import type { PaperLibrary } from '../../src/library/paper-library.ts'
import type { Paper, PaperInput } from '../../src/paper.ts'
import { ids } from './letters.ts'

const words = 'robot grasp glass galaxy dust protein fold query index cache lens orbit'.split(' ')
const text = (seed: number, length: number) =>
  Array.from({ length }, (_, i) => words[(seed * 7 + i * i + (seed % 5) * i) % words.length]).join(' ')
const paper = (i: number): PaperInput => ({
  id: `p${i}`,
  title: text(i, 3),
  abstract: `${text(i + 3, 20)}.`,
  categories: [i % 2 ? 'cs.RO' : 'astro-ph', `tag${i % 7}`],
  published: `20${String(10 + (i % 15)).padStart(2, '0')}-0${(i % 9) + 1}-11`,
  extra: { year: 2010 + (i % 15), isOpen: i % 3 === 0 },
})
const some = (count: number) => Array.from({ length: count }, (_, i) => paper(i))
const sum = ({ weights, hit }: { weights: object; hit: Hit }) =>
  Object.entries(weights).reduce((total, [part, weight]) => total + weight * (hit[part as 'semantic'] ?? 0), 0)

/** @param isFar whether the papers are in a database: then fewer are added, and of equal papers any may be found */
export function rankingSuite(
  libraryOf: (papers: readonly PaperInput[]) => Promise<PaperLibrary>,
  { isFar = false }: { readonly isFar?: boolean } = {},
): void {
  const countsOf = (few: number, many: number) => (isFar ? [few, 700] : [few, many])

  describe('filters', () => {
    const wanted: [PaperFilter, (paper: Paper) => boolean][] = [
      [{ categories: 'cs.RO' }, ({ categories }) => categories?.includes('cs.RO') === true],
      [{ categories: ['tag1', 'tag2'] }, ({ categories }) => /tag[12]/u.test(String(categories))],
      [
        { published: { from: '2012-03', to: '2015' } },
        ({ published = '' }) => published >= '2012-03' && published < '2016',
      ],
      [{ year: { from: 2020 } }, ({ extra }) => (extra?.year as number) >= 2020],
      [
        { isOpen: true, categories: 'astro-ph' },
        ({ extra, categories }) => extra?.isOpen === true && categories?.[0] === 'astro-ph',
      ],
      [{ id: ['p3', 'p5', 'nope'] }, ({ id }) => id === 'p3' || id === 'p5'],
      [{ published: { from: '2030' } }, () => false],
    ]
    it.each(countsOf(60, 2500))('never leak, and never change a score, among %i papers', async (count) => {
      const library = await libraryOf(some(count))
      const ask = (filter?: PaperFilter) => [
        library.search('robot lens "glass"', { k: count, ...(filter && { filter }) }),
        library.search('orbit', { k: 7, mode: 'lexical', ...(filter && { filter }) }),
        library.related('p1', { k: count, ...(filter && { filter }) }),
        library.related({ like: ['p1', 'p2'], unlike: 'p4' }, { k: 9, recency: 0.2, ...(filter && { filter }) }),
      ]
      const whole = await all(library, count)
      for (const [filter, fits] of wanted)
        for (const [i, list] of (await Promise.all(ask(filter))).entries()) {
          const expected = (whole[i]?.hits ?? []).filter((hit) => fits(hit.paper))
          expect(list.hits).toEqual(expected.slice(0, list.hits.length))
          expect(list.hits).toHaveLength(Math.min(expected.length, [count, 7, count, 9][i] as number))
        }
      await library.close()
    })

    /** The four questions above, every hit of them. */
    const all = (library: PaperLibrary, count: number) =>
      Promise.all([
        library.search('robot lens "glass"', { k: count }),
        library.search('orbit', { k: count, mode: 'lexical' }),
        library.related('p1', { k: count }),
        library.related({ like: ['p1', 'p2'], unlike: 'p4' }, { k: count, recency: 0.2 }),
      ])

    it('hold a month for its days, and its days for a month', async () => {
      const library = await libraryOf([
        { id: 'a', title: 'One', published: '2025-03' },
        { id: 'b', title: 'Two', published: '2025-03-31' },
        { id: 'c', title: 'Three', published: '2025' },
        { id: 'd', title: 'Four' },
      ])
      const found = async (published: object) =>
        ids(await library.search('one', { filter: { published } as never })).sort()
      expect(await found({ to: '2025-03' })).toEqual(['a', 'b', 'c'])
      expect(await found({ from: '2025-03-15' })).toEqual(['a', 'b', 'c'])
      expect(await found({ from: '2025-04', to: '2026' })).toEqual(['c'])
    })

    it.each([
      [7, /`filter` to be a function or conditions by field, got `7`/u],
      [{ published: { since: '2020' } }, /`filter.published` to be a value, an array of values or \{ from, to \}/u],
      [{ published: {} }, /filter.published/u],
      [{ catgories: 'cs.CL' }, /got `"catgories"` \(string\), which none of the 5 has/u],
    ])('refuse %j', async (filter, message) => {
      const library = await libraryOf(some(5))
      await expect(library.search('robot', { filter: filter as never })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(message),
      })
    })
  })

  describe('phrases', () => {
    const papers = [
      { id: 'a', title: 'Neural networks on graphs', abstract: 'We study a graph neural network.' },
      { id: 'b', title: 'Networks', abstract: 'The network is neural. Graph of neural nets.' },
      { id: 'c', title: 'Graph neural', abstract: 'Networks of the state of the art.' },
      { id: 'd', title: 'Art', abstract: 'The state of our art' },
    ]
    it.each([
      ['"graph neural networks"', ['a']],
      ['\u201cneural network\u201d graph', ['a']],
      ['"neural networks" "graphs"', ['a']],
      ['"state of the art"', ['c']],
      ['"of the" neural', ['a', 'b', 'c', 'd']],
      ['"neural networks', ['a', 'b', 'c', 'd']],
      ['"nothing of this kind"', []],
      ['"" neural', ['a', 'b', 'c', 'd']],
    ])('%s finds %j', async (query, expected) => {
      const library = await libraryOf(papers)
      if (query !== '"of the" neural') expect(ids(await library.search(query)).sort()).toEqual(expected)
      else expect(ids(await library.search(query))).not.toContain('a')
      expect(ids(await library.search(query, { phrases: false })).sort()).toEqual(['a', 'b', 'c', 'd'])
    })
  })

  describe('pages', () => {
    it.each(countsOf(50, 2500))('follow one another without gap or overlap among %i papers', async (count) => {
      const library = await libraryOf(some(count))
      const whole = ids(await library.search('robot dust', { k: 40 }))
      const pages = []
      for (let offset = 0; offset < 40; offset += 10)
        pages.push(...ids(await library.search('robot dust', { k: 10, offset })))
      expect(pages).toEqual(whole)
      expect((await library.search('robot dust', { offset: count })).hits).toEqual([])
      await expect(library.search('x', { offset: -1 })).rejects.toThrow('Expected `offset`')
    })

    it.skipIf(isFar)('keep equal papers in the order in which they were added', async () => {
      const same = Array.from({ length: 2100 }, (_, i) => ({
        id: `s${i}`,
        title: 'Same title here',
        abstract: 'Same words.',
      }))
      const library = await libraryOf(same)
      const order = same.map(({ id }) => id)
      expect(ids(await library.search('same words', { k: 30 }))).toEqual(order.slice(0, 30))
      expect(ids(await library.search('same words', { k: 30, offset: 2000 }))).toEqual(order.slice(2000, 2030))
      expect(ids(await library.related('s3', { k: 5 }))).toEqual(['s0', 's1', 's2', 's4', 's5'])
    })
  })

  describe('related', () => {
    it('of a text is what it is of the same paper, but for the words that only the text has', async () => {
      const library = await libraryOf(some(200))
      const inside = await library.related('p7', { k: 20 })
      const { title, abstract } = (await library.readPapers(['p7']))[0] as Paper
      const outside = await library.related({ title, abstract }, { k: 21 })
      expect(outside.hits[0]).toMatchObject({ paper: { id: 'p7' }, isDuplicate: true })
      expect(outside.hits[0]?.score).toBeCloseTo(1, 6)
      const others = outside.hits.slice(1)
      expect(others.map(({ paper: { id } }) => id)).toEqual(ids(inside))
      for (const [i, hit] of inside.hits.entries()) expect(others[i]?.score).toBeCloseTo(hit.score, 9)
      expect(library.size).toBe(200)
    })

    it('of several is the mean of each, without any of them', async () => {
      const library = await libraryOf(some(40))
      const list = await library.related({ like: ['p1', 'p2', 'p9'] }, { k: 40 })
      expect(list.hits).toHaveLength(37)
      const each = await Promise.all(['p1', 'p2', 'p9'].map((id) => library.related(id, { k: 40 })))
      for (const { paper, semantic, lexical } of list.hits) {
        const parts = each.map(({ hits }) => hits.find((hit) => hit.paper.id === paper.id) as Hit)
        expect(semantic).toBeCloseTo(parts.reduce((total, hit) => total + hit.semantic, 0) / 3, 6)
        expect(lexical).toBeCloseTo(parts.reduce((total, hit) => total + hit.lexical, 0) / 3, 12)
      }
    })

    it('never scores higher for an unlike paper, or for one more', async () => {
      const library = await libraryOf(some(120))
      const id = fc.integer({ min: 0, max: 119 }).map((i) => `p${i}`)
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(id, { minLength: 3, maxLength: 5 }), async ([like, one, ...more]) => {
          const lists = await library.relatedMany(
            [
              { like: like as string },
              { like: [like as string], unlike: one as string },
              { like: like as string, unlike: [one as string, ...more] },
            ],
            { k: 120 },
          )
          const scores = lists.map(({ hits }) => new Map(hits.map(({ paper, score }) => [paper.id, score])))
          expect(lists[2]?.hits).toHaveLength(120 - 2 - more.length)
          for (const [from, to] of [
            [0, 1],
            [1, 2],
          ] as const)
            for (const [paperId, score] of scores[to] as Map<string, number>) {
              expect(score).toBeLessThanOrEqual((scores[from]?.get(paperId) as number) + 1e-12)
              expect(score).toBeGreaterThanOrEqual(0)
            }
        }),
        { numRuns: 30 },
      )
    })

    it('many in one call are those of one call each', async () => {
      const library = await libraryOf(some(isFar ? 500 : 2300))
      const seeds = [
        'p5',
        { like: ['p1', 'p2'], unlike: ['p3'] },
        { title: 'A lens for dust' },
        ...Array.from({ length: 9 }, (_, i) => `p${i * 50}`),
      ]
      const options = { k: 6, diversity: 0.2, filter: { isOpen: true } }
      const lists = await library.relatedMany(seeds, options)
      for (const [i, seed] of seeds.entries()) expect(lists[i]).toEqual(await library.related(seed, options))
      expect(await library.relatedMany([])).toEqual([])
    })

    it('refuses seeds that say nothing, or that are not there', async () => {
      const library = await libraryOf(some(3))
      for (const [seeds, code] of [
        [{ like: [] }, 'invalid-argument'],
        [{ unlike: 'p1' }, 'invalid-argument'],
        [{}, 'invalid-paper'],
        [{ like: ['p1', 'p77'] }, 'paper-not-found'],
        [null, 'invalid-argument'],
      ] as const)
        await expect(library.related(seeds as never)).rejects.toMatchObject({ code })
      await expect(library.relatedMany('p1' as never)).rejects.toMatchObject({ code: 'invalid-argument' })
    })

    it('leaves no trace of a paper that was added and removed, bit for bit', async () => {
      const base = some(60)
      const plain = await libraryOf(base)
      const changed = await libraryOf(base)
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'grapheme' }), fc.nat(59), async (abstract, i) => {
          await changed.add([{ id: 'extra', title: text(i, 4), abstract }])
          await changed.search('robot')
          await changed.remove(['extra'])
          for (const ask of [
            (library: PaperLibrary) => library.search('robot glass', { k: 60 }),
            (library: PaperLibrary) => library.related(`p${i}`, { k: 60 }),
            (library: PaperLibrary) => library.related({ title: abstract.trim() || 'x' }, { k: 60, recency: 0.1 }),
          ])
            expect(await ask(changed)).toEqual(await ask(plain))
        }),
        { numRuns: 20 },
      )
    })
  })

  describe('diversity', () => {
    it('takes the best first, then what differs', async () => {
      const library = await libraryOf([
        { id: 'seed', title: 'Glass robots', abstract: 'robot glass grasp' },
        { id: 'a', title: 'Glass robots again', abstract: 'robot glass grasp' },
        { id: 'b', title: 'Glass robots again', abstract: 'robot glass grasp twice' },
        { id: 'c', title: 'Galaxy', abstract: 'A glass lens, dust and a robot orbit' },
        ...some(30),
      ])
      expect(ids(await library.related('seed', { k: 2 }))).toEqual(['a', 'b'])
      const diverse = await library.related('seed', { k: 3, diversity: 0.7 })
      expect(ids(diverse)[0]).toBe('a')
      expect(ids(diverse)).not.toContain('b')
      const plain = new Map((await library.related('seed', { k: 40 })).hits.map((hit) => [hit.paper.id, hit]))
      for (const hit of diverse.hits) expect(hit).toEqual(plain.get(hit.paper.id))
      expect(await library.related('seed', { k: 3, diversity: 0 })).toEqual(await library.related('seed', { k: 3 }))
      await expect(library.related('seed', { diversity: 2 })).rejects.toThrow('Expected `diversity`')
    })
  })

  describe('recency', () => {
    it('halves with each half-life, counts from the newest paper, and is a part of the score', async () => {
      const library = await libraryOf([
        { id: 'new', title: 'Dust', published: '2025-06-30' },
        { id: 'old', title: 'Dust', published: '2025-06-20' },
        { id: 'never', title: 'Dust' },
        { id: 'no year', title: 'Dust', published: '--06-30' },
      ])
      const { hits, weights } = await library.search('dust', { recency: { weight: 0.4, halfLife: 10 } })
      expect(weights.recency).toBe(0.4)
      expect(hits.map(({ paper, recency }) => [paper.id, recency])).toEqual([
        ['new', 1],
        ['old', 0.5],
        ['never', 0],
        ['no year', 0],
      ])
      for (const hit of hits) expect(hit.score).toBeCloseTo(sum({ weights, hit }), 12)
      await expect(library.search('dust', { recency: 1.5 })).rejects.toThrow('Expected `recency`')
    })
  })

  describe('why', () => {
    it('adds up: parts to the score, terms to the lexical part', async () => {
      const library = await libraryOf(some(80))
      const lists = [
        await library.search('robots of glass and dust', { k: 80, why: true }),
        await library.search('robot lens', { k: 5, why: true, recency: 0.3, filter: { categories: 'cs.RO' } }),
        await library.related('p3', { k: 79, why: true }),
        await library.related(
          { like: ['p3', { title: 'A robot and its lens' }], unlike: ['p8', 'p9'] },
          { k: 77, why: true },
        ),
      ]
      for (const { hits } of lists)
        for (const { score, lexical, why } of hits) {
          const { parts, terms } = why as NonNullable<Hit['why']>
          expect(parts.semantic + parts.lexical + (parts.recency ?? 0)).toBeCloseTo(score, 12)
          if (lexical > 0) expect(terms.reduce((total, { weight }) => total + weight, 0)).toBeCloseTo(lexical, 9)
          else expect(terms).toEqual([])
        }
    })

    it('spells terms as the hit does, and names the nearest sentences', async () => {
      const library = await libraryOf([
        { id: 'a', title: 'GPT-4 reads charts', abstract: 'We ask BERT. Charts are read by Large Language Models.' },
        { id: 'b', title: 'Charts', abstract: 'Zzz qqq. Large language models and GPT4 on charts (e.g. bars).' },
      ])
      const [hit] = (await library.related('b', { k: 1, why: true })).hits
      expect(hit?.why?.terms.map(({ term }) => term)).toEqual(
        expect.arrayContaining(['GPT-4', 'large language', 'charts']),
      )
      expect(hit?.why?.sentences).toMatchObject({
        asked: 'Large language models and GPT4 on charts (e.g. bars).',
        hit: 'Charts are read by Large Language Models.',
      })
      expect((await library.related('b', { k: 1 })).hits[0]).not.toHaveProperty('why')
    })
  })
}
