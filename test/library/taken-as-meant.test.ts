import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { PaperInput } from '../../src/paper.ts'
import { readPapers, streamPapers } from '../../src/sources/read-papers.ts'
import { exactIsoDate, timeSpanOf } from '../../src/text/iso-date.ts'
import { ids, letters, lettersLibrary, paper } from './letters.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-meant-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const newPath = () => join(root, String(folders++))

describe('text that is not well-formed', () => {
  it('is refused in ids, and mended everywhere else before it is a key', async () => {
    const path = newPath()
    let library = await PaperLibrary.open({ path, embedder: letters() })
    for (const id of ['x\ud800', '\udc00', 'a\udbffb'])
      await expect(library.add([paper('fine'), { id, title: 'One' }])).rejects.toMatchObject({
        code: 'invalid-paper',
        message: expect.stringMatching(/papers\[1\] has a bad `id`: holds half of a character/u),
      })
    expect(library.size).toBe(0)
    const record = {
      id: 'pair \u{1f431}',
      title: 'Half \ud800 of it',
      abstract: 'And \udfff here.',
      authors: ['Ida \ud801'],
      categories: ['cs.\ud802'],
      url: 'https://x.example/\ud803',
      'odd\ud804': 'one',
      extra: { deep: [{ 'key\ud805': 'value \ud806', fine: 'back\\\\ud806 slash \\ud800' }], text: '\ud807' },
    }
    await library.add([record])
    const [added] = library.papers()
    expect(added).toEqual({
      id: 'pair \u{1f431}',
      title: 'Half \ufffd of it',
      abstract: 'And \ufffd here.',
      authors: ['Ida \ufffd'],
      categories: ['cs.\ufffd'],
      url: 'https://x.example/\ufffd',
      extra: {
        'odd\ufffd': 'one',
        deep: [{ 'key\ufffd': 'value \ufffd', fine: 'back\\\\ud806 slash \\ud800' }],
        text: '\ufffd',
      },
    })
    await library.close()
    library = await PaperLibrary.open({ path, embedder: letters() })
    expect(library.papers()).toEqual([added])
    expect(await library.add([record])).toMatchObject({ unchanged: ['pair \u{1f431}'] })
    await library.close()
  })

  it('never makes two papers one: what is kept in memory is kept on disk', async () => {
    const unit = fc.constantFrom('a', '\ud83d', '\udc31', '\u{1f431}', ' ', '\ud800')
    const text = fc.string({ unit, minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ id: text, title: text }), { maxLength: 6 }), async (records) => {
        const path = newPath()
        const memory = await PaperLibrary.open({ embedder: letters() })
        const library = await PaperLibrary.open({ path, embedder: letters() })
        for (const record of records) {
          const outcomes = await Promise.all(
            [memory, library].map((one) =>
              one.add([record]).then(
                ({ added, updated }) => [added, updated],
                ({ code }) => code,
              ),
            ),
          )
          expect(outcomes[1]).toEqual(outcomes[0])
        }
        await library.close()
        const again = await PaperLibrary.open({ path, embedder: letters() })
        expect(again.papers()).toEqual(memory.papers())
        await again.close()
        await memory.close()
      }),
      { numRuns: 30, seed: 7 },
    )
  })
})

describe('an embedder without a name', () => {
  const constant = (value: number) => (texts: string[]) => texts.map(() => [value, 1, 2])

  it('is refused on disk, and says how to give one', async () => {
    for (const embedder of [
      constant(1),
      (texts: string[]) => texts.map(() => [1]),
      Object.assign(constant(2), { modelId: '' }),
    ])
      await expect(PaperLibrary.open({ path: newPath(), embedder })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/have a name .*Object\.assign\(embed, \{ modelId: /u),
      })
    const path = newPath()
    const named = Object.assign(constant(3), { modelId: 'three' })
    const library = await PaperLibrary.open({ path, embedder: named })
    await library.add([paper('a')])
    await library.close()
    await expect(PaperLibrary.open({ path, embedder: constant(4) })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(
      PaperLibrary.open({ path, embedder: Object.assign(constant(4), { modelId: 'four' }) }),
    ).rejects.toMatchObject({ code: 'store-mismatch' })
    const memory = await PaperLibrary.open({ embedder: constant(1) })
    await memory.add([paper('a')])
    expect(memory.size).toBe(1)
    await memory.close()
  })
})

describe('an update', () => {
  const whole = {
    id: 'a',
    title: 'Reeds',
    abstract: 'On reeds.',
    authors: ['Ida Moss'],
    published: '2025-03-01',
    extra: { doi: '10.1/x', pages: 7 },
  }

  it.each([newPath, () => undefined])('tells which fields it took away (%#)', async (place) => {
    const path = place()
    const library = await PaperLibrary.open({ embedder: letters(), ...(path !== undefined && { path }) })
    expect((await library.add([whole])).lostFields).toEqual([])
    const result = await library.add([{ id: 'a', title: 'Reeds', extra: { pages: 8 } }, paper('b')])
    expect(result).toMatchObject({
      added: ['b'],
      updated: ['a'],
      titleOnly: ['a'],
      lostFields: [{ id: 'a', fields: ['abstract', 'authors', 'published', 'extra.doi'] }],
    })
    expect(library.get('a')).toEqual({ id: 'a', title: 'Reeds', abstract: '', titleOnly: true, extra: { pages: 8 } })
    await library.close()
  })

  it('keeps what the new record does not have where it is asked to merge', async () => {
    const library = await lettersLibrary([whole])
    const result = await library.add([{ id: 'a', title: 'Reeds and rushes', extra: { pages: 8, note: 'x' } }], {
      merge: true,
    })
    expect(result).toMatchObject({ updated: ['a'], titleOnly: [], lostFields: [] })
    expect(library.get('a')).toEqual({
      ...whole,
      title: 'Reeds and rushes',
      extra: { doi: '10.1/x', pages: 8, note: 'x' },
    })
    expect(await library.add([{ id: 'a', title: 'Reeds and rushes' }], { merge: true })).toMatchObject({
      unchanged: ['a'],
    })
    await library.close()
  })
})

describe('what a reader takes, `add` takes', () => {
  it.each<[string, Record<string, unknown>]>([
    ['other names', { paperId: 'p1', title: 'One', summary: 'Robots grasp cups.', publishedAt: '2025-01-01' }],
    [
      'authors as objects',
      { id: 'p2', title: 'Two', abstract: 'Cups.', authors: [{ name: 'A B' }, { given: 'C', family: 'D' }] },
    ],
    ['one text of authors', { title: 'Three', authors: 'Moss, Ida; Kall, Per', keywords: 'a; b' }],
    ['a daily paper', { paper: { id: '2501.00001', title: 'Four', summary: 'Ponds.', upvotes: 3 } }],
    ['a year', { title: 'Five', year: 2021, doi: 'https://doi.org/10.1/x' }],
  ])('%s', async (_, record) => {
    const library = await lettersLibrary()
    await library.add([record])
    const [read] = await readPapers({ name: 'x.json', content: JSON.stringify([record]) })
    expect(library.papers()).toEqual([read])
    await library.close()
  })

  it('papers that come one by one', async () => {
    const content = Array.from({ length: 30 }, (_, i) => JSON.stringify(paper(`p${i}`))).join('\n')
    const library = await lettersLibrary()
    expect((await library.add(streamPapers({ name: 'x.jsonl', content }))).added).toHaveLength(30)
    expect((await library.add(new Set([paper('p0'), paper('q')]))).added).toEqual(['q'])
    const failing = (async function* () {
      yield paper('r')
      throw new Error('the source ended')
    })()
    await expect(library.add(failing)).rejects.toThrow('the source ended')
    expect(library.size).toBe(31)
    await library.close()
  })

  it('reading again what was read and kept gives the same, whatever is in its fields', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('A &amp; B', 'When <b> is bold', '\\$5 and $x<y$', '5 March 2024', 'in press'),
    )
    const record = fc.record(
      {
        id: fc.string({ minLength: 1 }),
        title: text,
        abstract: text,
        authors: fc.array(text),
        categories: fc.array(text),
        published: fc.oneof(
          text,
          fc.date().map((date) => date.toString()),
          fc.integer(),
        ),
        url: text,
        version: fc.integer({ min: 1 }),
        extra: fc.dictionary(fc.string(), fc.jsonValue()),
      },
      { requiredKeys: ['id'] },
    )
    await fc.assert(
      fc.asyncProperty(record, async (one) => {
        const library = await lettersLibrary()
        const result = await library.add([one as PaperInput]).catch((error) => error)
        if (result instanceof Error) {
          expect(result).toMatchObject({ code: 'invalid-paper' })
          return
        }
        const [kept] = library.papers()
        const again = await library.add([JSON.parse(JSON.stringify(kept))])
        expect(again.unchanged).toEqual([kept?.id])
        await library.close()
      }),
      { numRuns: 200, seed: 3 },
    )
  })
})

describe('dates', () => {
  it.each<[unknown, string | undefined]>([
    ['2025-03-12', '2025-03-12'],
    ['2025-3', '2025-03'],
    ['2025', '2025'],
    ['2025-03-12T10:00:00Z', '2025-03-12T10:00:00Z'],
    ['2025-03-12 10:00', '2025-03-12'],
    ['March 2024', '2024-03'],
    ['5 March 2024', '2024-03-05'],
    ['Mar 5th, 2024', '2024-03-05'],
    ['Tue, 2 Jan 2024 10:00:00 GMT', '2024-01-02'],
    ['20250312', '2025-03-12'],
    ['202503', '2025-03'],
    [20250312, '2025-03-12'],
    [2020, '2020'],
    [1_741_737_600, '2025-03-12'],
    [1_741_780_800_000, '2025-03-12T12:00:00.000Z'],
    [new Date('2025-03-12'), '2025-03-12'],
    ['15/03/2024', '2024-03-15'],
    ['03/15/2024', '2024-03-15'],
    ['spring 2024', '2024'],
    // On no calendar, two dates at once, or none.
    ['2024-13-01', undefined],
    ['2024-02-30', undefined],
    ['2023-02-29', undefined],
    ['03/04/2024', undefined],
    ['2023 or 2024', undefined],
    ['in press', undefined],
    ['n.d.', undefined],
    ['0001-01-01', undefined],
    [new Date('never'), undefined],
    [Number.NaN, undefined],
    [12.5, undefined],
    [7, undefined],
    [-1, undefined],
    [1e300, undefined],
    [null, undefined],
    [{}, undefined],
  ])('%s is %s', (value, iso) => {
    expect(exactIsoDate(value)).toBe(iso)
    expect(timeSpanOf(value) === undefined).toBe(iso === undefined)
    if (iso !== undefined) expect(exactIsoDate(iso)).toBe(iso)
  })

  it('become ISO, or are kept as what they are', async () => {
    const library = await lettersLibrary([
      { id: 'a', title: 'a', published: new Date('2024-03-04') },
      { id: 'b', title: 'b', published: 2024 },
      { id: 'c', title: 'c', published: 'in press' },
      { id: 'd', title: 'd', published: 'soon', extra: { published: 'own' } },
    ])
    expect(library.papers().map(({ published, extra }) => [published, extra])).toEqual([
      ['2024-03-04', undefined],
      ['2024', undefined],
      [undefined, { published: 'in press' }],
      [undefined, { published: 'own' }],
    ])
    await library.close()
  })

  const dated = () =>
    lettersLibrary(
      ['2019', '2020', '2024-03', '2024-03-15', '2025-03-12T10:00:00Z', 'in press'].map((published) => ({
        id: published,
        title: `One of ${published}`,
        published,
      })),
    )

  it.each<[unknown, string[]]>([
    [{ from: 2020 }, ['2020', '2024-03', '2024-03-15', '2025-03-12T10:00:00Z']],
    [{ from: '2020' }, ['2020', '2024-03', '2024-03-15', '2025-03-12T10:00:00Z']],
    [{ from: new Date('2020-06-01') }, ['2020', '2024-03', '2024-03-15', '2025-03-12T10:00:00Z']],
    [{ from: 'March 2024' }, ['2024-03', '2024-03-15', '2025-03-12T10:00:00Z']],
    [{ from: '2024-03-16' }, ['2024-03', '2025-03-12T10:00:00Z']],
    [{ to: 2020 }, ['2019', '2020']],
    [{ from: 20_240_315, to: '2024-03' }, ['2024-03', '2024-03-15']],
    [{ from: '2024-03-15', to: new Date('2025-03-12T10:00:00Z') }, ['2024-03', '2024-03-15', '2025-03-12T10:00:00Z']],
    [2024, ['2024-03', '2024-03-15']],
    ['2024', ['2024-03', '2024-03-15']],
    [
      ['2019', 2025],
      ['2019', '2025-03-12T10:00:00Z'],
    ],
  ])('filters take %j', async (published, expected) => {
    const library = await dated()
    const filter = { published: published as never }
    expect(ids(await library.search('one', { filter, k: 10 })).sort()).toEqual(expected)
    await library.close()
  })

  it('the year of a paper is a field, also of none that has a date', async () => {
    const library = await dated()
    expect(ids(await library.search('one', { filter: { year: { from: 2020, to: '2024' } } })).sort()).toEqual([
      '2020',
      '2024-03',
      '2024-03-15',
    ])
    await library.add([{ id: 'own', title: 'One', extra: { year: '2020' } }])
    expect(ids(await library.search('one', { filter: { year: 2020 } })).sort()).toEqual(['2020', 'own'])
    await library.close()
    const undated = await lettersLibrary([paper('a')])
    expect((await undated.search('about', { filter: { year: { from: 2020 } } })).hits).toEqual([])
    await undated.close()
  })

  it.each<[unknown, RegExp]>([
    [{ published: { from: 'not a date' } }, /`filter.published` to be a date such as/u],
    [{ published: 'soon' }, /`filter.published` to be a date/u],
    [{ published: { from: new Date('never') } }, /filter.published/u],
    [{ published: { from: 2025, to: 2024 } }, /from the lower to the higher/u],
    [{ year: { from: 2025, to: 2024 } }, /from the lower to the higher/u],
    [{ published: { from: undefined } }, /\{ from, to \}/u],
    [{ category: 'cs.LG' }, /did you mean `categories`\?/u],
    [async () => false, /promise/u],
  ])('filters refuse %j', async (filter, message) => {
    const library = await dated()
    await expect(library.search('one', { filter: filter as never })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    })
    await library.close()
  })

  it('beyond tomorrow none is the newest', async () => {
    const library = await lettersLibrary([
      { id: 'old', title: 'One', published: '2000' },
      { id: 'new', title: 'One', published: '2020' },
      { id: 'never', title: 'One', published: '2099' },
      { id: 'undated', title: 'One' },
    ])
    const { hits } = await library.search('one', { recency: 0.5 })
    const recency = new Map(hits.map((hit) => [hit.paper.id, hit.recency ?? -1]))
    expect([recency.get('new'), recency.get('undated')]).toEqual([1, 0])
    expect(recency.get('old')).toBeCloseTo(2 ** (-7305 / 365), 6)
    expect(recency.get('never')).toBeLessThan(1e-20)
    await library.close()
  })
})
