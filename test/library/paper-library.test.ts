import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import type { HitList } from '../../src/library/asking/ranking.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { Paper } from '../../src/paper.ts'
import { readPapers } from '../../src/sources/read-papers.ts'
import { ExactSnapshot } from '../../src/vectors/exact-snapshot.ts'
import { isHnswInstalled } from '../vectors/hnsw-installed.ts'

/** Letter counts as a vector: quick, and near for texts that are alike. */
const letters = async (texts: readonly string[]) =>
  texts.map((text) => {
    const vector = new Float32Array(27).fill(0.01)
    for (const letter of text.toLowerCase())
      vector[letter >= 'a' && letter <= 'z' ? letter.charCodeAt(0) - 96 : 0]! += 1
    return vector
  })
const open = () =>
  PaperLibrary.open({ embedder: Object.assign(letters.bind(null), { modelId: 'letters', dimensions: 27 }) })
const paper = (id: string, title = `Title ${id}`, abstract = `About ${id}.`) => ({ id, title, abstract })
const ids = ({ hits }: { hits: readonly { paper: Paper }[] }) => hits.map(({ paper }) => paper.id)

describe('add, get, remove', () => {
  it('tells new, changed and unchanged papers apart', async () => {
    const library = await open()
    expect(await library.add([paper('a'), paper('b'), { title: 'Alone' }])).toMatchObject({
      added: ['a', 'b', expect.stringMatching(/^t-/u)],
      updated: [],
      unchanged: [],
      truncated: [],
      titleOnly: [expect.stringMatching(/^t-/u)],
    })
    const again = await library.add([
      paper('b'),
      paper('a', 'Title a', 'Another text.'),
      { ...paper('c'), authors: ['X'] },
    ])
    expect(again).toMatchObject({ added: ['c'], updated: ['a'], unchanged: ['b'] })
    expect(library.size).toBe(4)
    expect(library.get('a')?.abstract).toBe('Another text.')
    expect(library.has('z')).toBe(false)
    expect(library.get('z')).toBeUndefined()
    expect(library.papers().map(({ title }) => title)).toEqual(['Title a', 'Title b', 'Alone', 'Title c'])
    await library.close()
  })

  it('embeds only texts that are new', async () => {
    const seen: string[] = []
    const library = await PaperLibrary.open({
      embedder: Object.assign((texts: readonly string[]) => letters(texts.filter((text) => seen.push(text))), {
        modelId: 'letters',
        dimensions: 27,
      }),
    })
    await library.add([paper('a'), paper('b')])
    await library.add([paper('a'), paper('b', 'Title b', 'New.'), { ...paper('a'), id: 'c' }])
    await library.add([{ ...paper('a'), categories: ['cs.CL'] }])
    expect(seen).toEqual(['Title a\nAbout a.', 'Title b\nAbout b.', 'Title b\nNew.'])
    expect(library.get('a')?.categories).toEqual(['cs.CL'])
  })

  it('merges two records that say the same, and refuses two texts under one id', async () => {
    const library = await open()
    expect((await library.add([paper('a'), paper('a')])).added).toEqual(['a'])
    await expect(library.add([paper('b'), paper('c'), paper('b', 'Other')])).rejects.toMatchObject({
      code: 'invalid-paper',
      message: expect.stringMatching(/papers\[0\] and papers\[2\] have the same id, `"b"`/u),
      issues: [{ path: [2, 'id'] }],
    })
    expect(library.size).toBe(1)
  })

  it.each([
    ['a wrong record', [paper('x'), { id: 'y' }], 'invalid-paper', /papers\[1\] has neither/u],
    ['no array', 'papers' as never, 'invalid-argument', /to be an array of papers/u],
  ])('leaves the library as it was after %s', async (_, papers, code, message) => {
    const library = await open()
    await library.add([paper('a')])
    await expect(library.add(papers)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    expect(library.papers().map(({ id }) => id)).toEqual(['a'])
  })

  it('leaves the library as it was when the embedder fails or the call is aborted', async () => {
    let fail: 'throw' | 'few' | 'wait' | undefined
    const library = await PaperLibrary.open({
      embedder: {
        modelId: 'letters',
        dimensions: 27,
        async embed(texts, { signal } = {}) {
          if (fail === 'throw') throw new Error('out of memory')
          if (fail === 'wait')
            await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
          return (await letters(texts)).slice(fail === 'few' ? 1 : 0)
        },
      },
    })
    await library.add([paper('a')])
    const before = await library.related('a')
    for (fail of ['throw', 'few'] as const)
      await expect(library.add([paper('b'), paper('a', 'Changed')])).rejects.toMatchObject({ code: 'embedding-failed' })
    fail = 'wait'
    const stop = new AbortController()
    const adding = library.add([paper('b')], { signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 10)
    await expect(adding).rejects.toThrow('enough')
    fail = undefined
    await expect(library.add([paper('b')], { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    )
    expect(library.papers()).toHaveLength(1)
    expect(await library.related('a')).toEqual(before)
    expect((await library.add([paper('b')])).added).toEqual(['b'])
  })

  it('removes all or none', async () => {
    const library = await open()
    await library.add(['a', 'b', 'c'].map((id) => paper(id)))
    await expect(library.remove(['a', 'nope'])).rejects.toMatchObject({ code: 'paper-not-found' })
    expect(library.size).toBe(3)
    expect(await library.remove(['a', 'a', 'c'])).toBe(2)
    expect(library.papers().map(({ id }) => id)).toEqual(['b'])
    expect(ids(await library.search('title'))).toEqual(['b'])
  })
})

describe('search and related', () => {
  it('give k hits when k papers match, by falling score, and never the paper itself', async () => {
    const library = await open()
    await library.add(
      Array.from({ length: 30 }, (_, i) => paper(`p${i}`, `Title ${i}`, `${'abcdefghij'[i % 10]} word${i % 7}`)),
    )
    for (const k of [1, 7, 29, 30, 500]) {
      const found = await library.search('word3 and a', { k })
      expect(found.hits).toHaveLength(Math.min(k, 30))
      const kin = await library.related('p4', { k })
      expect(kin.hits).toHaveLength(Math.min(k, 29))
      expect(ids(kin)).not.toContain('p4')
      for (const { hits, weights } of [found, kin]) {
        expect(weights.semantic + weights.lexical).toBe(1)
        hits.forEach(({ score, semantic, lexical }, i) => {
          expect(score).toBeCloseTo(weights.semantic * semantic + weights.lexical * lexical, 12)
          if (i > 0) expect(score).toBeLessThanOrEqual((hits[i - 1] as { score: number }).score)
        })
      }
    }
    expect(ids(await library.search('word3', { k: 5 }))).toEqual(
      ids(await library.search('word3', { k: 30 })).slice(0, 5),
    )
  })

  it('filter during the search, without a change of scores', async () => {
    const library = await open()
    await library.add(
      Array.from({ length: 40 }, (_, i) => ({ ...paper(`p${i}`, `Robot ${i}`), categories: [i % 2 ? 'odd' : 'even'] })),
    )
    const filter = ({ categories }: Paper) => categories?.[0] === 'odd'
    const all = await library.search('robot 7', { k: 40 })
    const odd = await library.search('robot 7', { k: 40, filter })
    expect(odd.hits).toEqual(all.hits.filter(({ paper }) => filter(paper)))
    expect((await library.related('p3', { k: 40, filter })).hits).toHaveLength(19)
  })

  it('lexical mode lists only papers that share a word; semantic mode asks the embedding alone', async () => {
    const library = await open()
    await library.add([paper('a', 'Glass'), paper('b', 'Galaxy'), paper('c', 'Glasses for robots')])
    expect(ids(await library.search('glass', { mode: 'lexical' }))).toEqual(['a', 'c'])
    const { hits, weights } = await library.search('glass', { mode: 'semantic' })
    expect(weights).toEqual({ semantic: 1, lexical: 0 })
    expect(hits).toHaveLength(3)
    for (const { score, semantic } of hits) expect(score).toBe(semantic)
  })

  it('is symmetric for related papers', async () => {
    const library = await open()
    await library.add(
      Array.from({ length: 12 }, (_, i) =>
        paper(`p${i}`, `Title ${i}`, `${'robot glass dust '.repeat((i % 3) + 1)} ${i % 4}`),
      ),
    )
    for (const { id } of library.papers())
      for (const hit of (await library.related(id, { k: 11 })).hits) {
        const back = (await library.related(hit.paper.id, { k: 11 })).hits.find(({ paper }) => paper.id === id)
        expect(back?.score).toBe(hit.score)
      }
  })

  it('suggests the nearest titles for an id that is not there', async () => {
    const library = await open()
    await library.add([paper('2401.00001', 'Grasping glass'), paper('2401.00002', 'Dust in galaxies')])
    await expect(library.related('grasping gloss')).rejects.toMatchObject({
      code: 'paper-not-found',
      message: expect.stringMatching(/did you mean 2401\.00001 \(Grasping glass\)/u),
    })
    await expect(library.related('2401.00003')).rejects.toThrow(/2401\.00001/u)
    await expect(library.related(7)).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it.each([
    [{ k: 0 }, /Expected `k` to be a whole number of at least 1, got `0` \(number\)/u],
    [{ k: 1.5 }, /got `1.5`/u],
    [{ k: '3' as never }, /got `"3"` \(string\)/u],
    [{ mode: 'fuzzy' as never }, /Expected `mode`/u],
  ])('refuse %j', async (options, message) => {
    const library = await open()
    await library.add([paper('a')])
    await expect(library.search('x', options)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    })
  })

  it('answer or refuse any query text', async () => {
    const library = await open()
    await library.add([paper('a', 'Robot'), paper('b', '神经网络'), paper('c', 'Привет')])
    for (const text of ['the of and', '神经', '.* [a-z]+ (?:', 'robot AND -glass "x', 'word '.repeat(10_000), '\ud800'])
      expect((await library.search(text)).hits).toHaveLength(3)
    for (const text of ['', ' \n', 3 as never])
      await expect(library.search(text)).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('answer an empty library with no hits', async () => {
    const library = await open()
    expect((await library.search('anything')).hits).toEqual([])
    expect((await library.topics()).topics).toEqual([])
  })
})

describe('among more papers than are all scored', () => {
  const words = Array.from({ length: 200 }, (_, i) => `w${(i * i * 31) % 997}`)
  const many = Array.from({ length: 3000 }, (_, i) =>
    paper(
      `p${i}`,
      `${words[i % 200]} ${words[(i * 7) % 200]}`,
      `${words[(i * 13) % 200]} ${words[(i * i) % 200]} ${'abcdefghijklm'.slice(i % 13)}`,
    ),
  )
  const openWith = (index: 'auto' | 'exact' | 'hnsw') =>
    PaperLibrary.open({ embedder: Object.assign(letters.bind(null), { modelId: 'letters', dimensions: 27 }), index })
  it.each(['exact', 'auto'] as const)('the best hits are those of scoring every one (%s)', async (index) => {
    const library = await openWith(index)
    await library.add(many)
    expect(library.index.kind).toBe('exact')
    for (const [list, whole] of [
      [await library.search('w31 w124 abc', { k: 20 }), await library.search('w31 w124 abc', { k: 3000 })],
      [
        await library.search('w31', { k: 5, mode: 'semantic' }),
        await library.search('w31', { k: 3000, mode: 'semantic' }),
      ],
      [await library.related('p77', { k: 20 }), await library.related('p77', { k: 3000 })],
    ] as const) {
      expect(list.hits).toEqual(whole.hits.slice(0, list.hits.length))
      expect(whole.hits.length).toBeGreaterThanOrEqual(2999)
    }
    const filter = ({ id }: Paper) => id.endsWith('7')
    const some = await library.search('w31 abc', { k: 400, filter })
    expect(some.hits).toHaveLength(300)
    expect(some.hits).toEqual((await library.search('w31 abc', { k: 3000 })).hits.filter(({ paper }) => filter(paper)))
    await library.close()
  })

  it('a graph finds nearly all of them', async ({ skip }) => {
    const isMissing = (error: unknown) => PaperkinError.isInstance(error) && error.code === 'index-unavailable'
    const library = await openWith('hnsw').catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (library === undefined) return skip('hnswlib-node is not compiled here')
    await library.add(many)
    await vi.waitFor(() => expect(library.index.kind).toBe('hnsw'), { timeout: 30_000, interval: 50 })
    let found = 0
    for (let i = 0; i < 50; i++) {
      const list = await library.related(`p${i * 60}`, { k: 10 })
      expect(list.hits).toHaveLength(10)
      const best = new Set(ids(await library.related(`p${i * 60}`, { k: 3000 })).slice(0, 10))
      found += ids(list).filter((id) => best.has(id)).length
    }
    expect(found / 500).toBeGreaterThan(0.95)
    await library.close()
  })

  it.skipIf(!isHnswInstalled)(
    'a graph answers every kind of question, mostly without a look at every vector',
    async () => {
      const [graph, exact] = [await openWith('hnsw'), await openWith('exact')]
      const dated = many.map((one, i) => ({ ...one, published: `20${10 + (i % 15)}-0${1 + (i % 9)}-01` }))
      await Promise.all([graph.add(dated), exact.add(dated)])
      await vi.waitFor(() => expect(graph.index.kind).toBe('hnsw'), { timeout: 30_000, interval: 50 })
      const bounds = vi.spyOn(ExactSnapshot.prototype, 'bounds')
      const filter = ({ id }: Paper) => Number(id.slice(1)) % 3 > 0
      const kinds: Record<string, (library: PaperLibrary, i: number) => Promise<HitList>> = {
        hybrid: (library, i) => library.search(`${many[i]!.title} abc`),
        recency: (library, i) => library.search(`${many[i]!.title} abc`, { recency: { weight: 0.3, halfLife: 900 } }),
        filtered: (library, i) => library.search(`${many[i]!.title} abc`, { filter }),
        related: (library, i) => library.related(`p${i}`),
      }
      for (const [kind, ask] of Object.entries(kinds)) {
        let [found, looked] = [0, 0]
        for (let i = 0; i < 3000; i += 100) {
          const expected = new Map((await ask(exact, i)).hits.map(({ paper, score }) => [paper.id, score]))
          bounds.mockClear()
          const { hits } = await ask(graph, i)
          if (bounds.mock.calls.length > 0) looked++
          expect(hits).toHaveLength(10)
          if (kind === 'filtered') expect(hits.every(({ paper }) => filter(paper))).toBe(true)
          found += hits.filter(({ paper, score }) => expected.get(paper.id) === score).length
        }
        expect.soft(found / 300, kind).toBeGreaterThan(0.95)
        expect.soft(looked, kind).toBeLessThan(15)
      }
      bounds.mockRestore()
      await Promise.all([graph.close(), exact.close()])
    },
  )

  it('an index that is none is refused', async () => {
    await expect(PaperLibrary.open({ index: 'tree' as never })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining("'auto', 'exact' or 'hnsw'"),
    })
  })
})

it('a search sees the library before or after a batch, never between', async () => {
  let release: (() => void) | undefined
  const library = await PaperLibrary.open({
    embedder: {
      modelId: 'letters',
      dimensions: 27,
      async embed(texts, { inputType } = {}) {
        if (inputType !== 'query' && texts.length > 5) await new Promise<void>((resolve) => (release = resolve))
        return letters(texts)
      },
    },
  })
  await library.add([paper('old')])
  const adding = library.add(Array.from({ length: 500 }, (_, i) => paper(`n${i}`)))
  const sizes = new Set<number>()
  let isDone = false
  const searching = (async () => {
    while (!isDone) {
      sizes.add((await library.search('title', { k: 1000 })).hits.length)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const go = await vi.waitUntil(() => release, { timeout: 30_000 })
  await new Promise((resolve) => setTimeout(resolve, 30))
  go()
  await adding
  sizes.add((await library.search('title', { k: 1000 })).hits.length)
  isDone = true
  await searching
  expect([...sizes].sort((a, b) => a - b)).toEqual([1, 501])
})

it('writes wait for one another, whatever the order of their ends', async () => {
  const library = await open()
  await Promise.all([
    library.add([paper('a'), paper('b')]),
    library.remove(['a']),
    library.add([paper('a', 'Second')]),
    library.add([paper('a', 'Third')]),
  ])
  expect(library.papers().map(({ id, title }) => `${id}: ${title}`)).toEqual(['b: Title b', 'a: Third'])
})

it('keeps to a plain model over any sequence of writes', async () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const write = fc.oneof(
    fc.record({ add: fc.uniqueArray(id, { minLength: 1 }), text: fc.constantFrom('robot', 'glass', 'dust and gas') }),
    fc.record({ remove: id }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(write, { maxLength: 12 }), async (writes) => {
      const library = await open()
      const model = new Map<string, string>()
      for (const step of writes) {
        if ('add' in step) {
          await library.add(step.add.map((name) => paper(name, step.text)))
          for (const name of step.add) model.set(name, step.text)
        } else if (model.delete(step.remove)) await library.remove([step.remove])
        else await expect(library.remove([step.remove])).rejects.toMatchObject({ code: 'paper-not-found' })
      }
      expect(library.papers().map(({ id, title }) => [id, title])).toEqual([...model])
      const fresh = await open()
      await fresh.add([...model].map(([name, text]) => paper(name, text)))
      expect(await library.search('glass robot', { k: 9 })).toEqual(await fresh.search('glass robot', { k: 9 }))
      for (const name of model.keys()) expect(await library.related(name)).toEqual(await fresh.related(name))
    }),
    { numRuns: 40 },
  )
})

it('finds a paper by its id as it was given', async () => {
  const library = await open()
  await library.add([{ ...paper('arXiv:2301.00001v2') }, paper('b')])
  expect(library.get('2301.00001v2')?.version).toBe(2)
  expect(library.has('2301.00001')).toBe(true)
  expect((await library.related('arXiv:2301.00001')).hits).toHaveLength(1)
  await expect(library.remove('b' as never)).rejects.toMatchObject({ code: 'invalid-argument' })
  expect(await library.remove(['2301.00001v2'])).toBe(1)
})

it('lets timers and signals through between many questions, and refuses an aborted one', async () => {
  const library = await open()
  await library.add(Array.from({ length: 500 }, (_, i) => paper(`p${i}`)))
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 20)
  const asking = async () => {
    for (;;) await library.related('p1', { signal: stop.signal })
  }
  await expect(asking()).rejects.toThrow('enough')
})

it('takes any k', async () => {
  const library = await open()
  await library.add(Array.from({ length: 2500 }, (_, i) => paper(`p${i}`)))
  expect((await library.search('title', { k: Number.MAX_SAFE_INTEGER })).hits).toHaveLength(2500)
})

it('refuses every call after close, and can be closed twice', async () => {
  const library = await open()
  await library.close()
  await library.close()
  for (const call of [
    () => library.add([]),
    () => library.search('x'),
    () => library.related('x'),
    () => library.topics(),
    () => library.remove([]),
  ])
    await expect(call()).rejects.toMatchObject({ code: 'library-closed' })
})

describe('with the bundled model', () => {
  let library: PaperLibrary
  beforeAll(async () => {
    library = await PaperLibrary.open()
    await library.add(await readPapers('examples/digest.txt'))
  })
  afterAll(() => library.close())
  const titles = ({ hits }: { hits: readonly { paper: Paper }[] }) => hits.map(({ paper }) => paper.title)
  const idOf = (title: string) => library.papers().find((paper) => paper.title.startsWith(title))?.id as string

  it('ranks the example as a reader would', async () => {
    // One paper is the revision of the other: nearly the same sentences.
    const [twin] = (await library.related(idOf('Ledger Prompting'))).hits
    expect(twin?.paper.title).toBe('Bounded Memory for Conversational Agents by Keeping a Ledger')
    expect(twin?.score).toBeGreaterThan(0.8)
    // Both are about four-legged robots on rough ground.
    expect(titles(await library.related(idOf('Crates Up the Terrace'), { k: 1 }))).toEqual([
      'Learning to Walk on Sand, Then Unlearning It on Stone',
    ])
    // The words of the query are in neither title; the meaning is.
    expect(titles(await library.search('exoplanets that pass in front of their star', { k: 1 }))).toEqual([
      'Single Transits of Cold Planets in Six Years of Light Curves',
    ])
    expect(titles(await library.search('kidney pathology', { k: 1 }))).toEqual([
      'Reading Kidney Biopsies at Three Magnifications',
    ])
    expect(titles(await library.search('church bells', { k: 1 }))).toEqual([
      'Cast in E, Heard in E Flat: The Acoustics of Medieval Bell Founding',
    ])
  })

  it('has nothing that is near to the paper that fits nowhere', async () => {
    const bell = (await library.related(idOf('Cast in E'))).hits[0]?.score as number
    for (const { id } of library.papers().filter(({ title }) => !title.startsWith('Cast in E')))
      expect((await library.related(id, { k: 1 })).hits[0]?.score).toBeGreaterThan(bell * 0.9)
  })

  it('can be closed after an abort', async () => {
    const other = await PaperLibrary.open()
    const stop = new AbortController()
    const many = Array.from({ length: 200 }, (_, i) =>
      paper(`p${i}`, `Pond ${i}`, 'Bubbles under the ice of forty ponds. '.repeat(40)),
    )
    const adding = other.add(many, { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) })
    await expect(adding).rejects.toThrow('enough')
    await other.close()
    expect(other.size).toBe(0)
  })

  it('tells what was cut', async () => {
    const long = { id: 'long', title: 'A long one', abstract: 'Bubbles under the ice of forty ponds. '.repeat(60) }
    const other = await PaperLibrary.open()
    const { truncated } = await other.add([long, paper('short')])
    expect(truncated).toHaveLength(1)
    const [{ id, tokens, cut }] = truncated as [{ id: string; tokens: number; cut: number }]
    expect(id).toBe('long')
    expect(tokens - cut).toBe(256)
    expect(cut).toBeGreaterThan(200)
    await other.close()
  })
})
