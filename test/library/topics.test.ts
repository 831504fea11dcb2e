import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { evaluateTopics, topicMetrics } from '../../src/library/evaluate-topics.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { Topic, Topics, TopicsData } from '../../src/topics/find-topics.ts'
import { type Planted, planted, unit } from '../topics/planted.ts'

let input: Planted
let library: PaperLibrary
const fit = 60

beforeAll(async () => {
  input = await planted({ topics: 4, size: 20 })
  library = await PaperLibrary.open({ embedder: 'none' })
  await library.add(input.papers.slice(0, fit), { vectors: input.vectors.subarray(0, fit * input.dimensions) })
})
afterAll(() => library.close())

describe('library.topics', () => {
  test('assigns papers that came later, and refuses those that it cannot embed', async () => {
    const topics = await library.topics({ count: 4, outlierShare: 0 })
    const later = input.papers.slice(fit)
    const error = await topics.assign(later).catch((thrown: unknown) => thrown)
    expect(PaperkinError.isInstance(error) && error.code).toBe('embedder-unavailable')
    await library.add(later, { vectors: input.vectors.subarray(fit * input.dimensions) })
    const places = await topics.assign(later)
    for (const [i, { nearest, strength }] of places.entries()) {
      const kin = input.papers[input.truth.indexOf(input.truth[fit + i]!)]!
      expect(nearest).toBe(topics.of(kin.id)?.id)
      expect(strength).toBeGreaterThan(0.5)
    }
    const again = await library.topics({ previous: topics, count: 4 })
    expect(again.topics.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3])
    await library.remove(later.map(({ id }) => id))
  })

  test('embeds what it assigns where there is an embedder', async () => {
    const embedded: string[] = []
    const vectorOf = (text: string) => {
      embedded.push(text)
      return unit(Float64Array.from({ length: 8 }, (_, d) => (text.includes('bee') ? 1 + d : 9 - d * d)))
    }
    const own = await PaperLibrary.open({ embedder: (texts: readonly string[]) => texts.map(vectorOf) })
    const paper = (i: number) => ({ id: `p${i}`, title: i % 2 ? 'A bee' : 'A bridge', abstract: `Number ${i}.` })
    await own.add(Array.from({ length: 12 }, (_, i) => paper(i)))
    const topics = await own.topics({ count: 2, outlierShare: 0 })
    embedded.length = 0
    const places = await topics.assign([paper(3), { id: 'new', title: 'A bee in a meadow' }])
    expect(embedded).toEqual([expect.stringContaining('meadow')])
    expect(places.map(({ nearest }) => nearest)).toEqual([topics.of('p1')?.id, topics.of('p1')?.id])
    await own.close()
  })
})

describe('library.restoreTopics', () => {
  test('gives the topics of a JSON text their calls, with the same data and the same answers', async () => {
    const all = input.papers.slice(0, fit).map((paper, i) => ({ ...paper, published: `2025-0${1 + (i % 6)}-03` }))
    const own = await PaperLibrary.open({ embedder: 'none' })
    await own.add(all, { vectors: input.vectors.subarray(0, fit * input.dimensions) })
    const found = await own.topics({
      count: 4,
      outlierShare: 0.1,
      named: [{ name: 'My own', papers: input.papers.slice(0, 5).map(({ id }) => id) }],
    })
    expect(found.outliers.length).toBeGreaterThan(0)
    const json = JSON.stringify(found)
    const topics = await own.restoreTopics(JSON.parse(json), { outlierShare: 0.1 })
    expect(JSON.stringify(topics)).toBe(json)
    expect(Object.isFrozen(topics.topics[0]!.papers)).toBe(true)
    for (const { id } of all) expect(topics.of(id)).toEqual(found.of(id))
    const plain = (value: unknown) => JSON.parse(JSON.stringify(value))
    const [first, second] = found.topics.filter(({ isNamed }) => !isNamed).map(({ id }) => id) as [number, number]
    for (const ask of [
      (it: Topics) => it.hierarchy(),
      (it: Topics) => it.overTime('month'),
      (it: Topics) => it.assign(all.slice(7, 12)),
      (it: Topics) => it.merge([first, second]),
      (it: Topics) => it.split(first),
      (it: Topics) => it.reduce(3),
      (it: Topics) => own.report(it, { format: 'json' }),
      (it: Topics) => own.topics({ previous: it, count: 4 }),
    ])
      expect(plain(await ask(topics))).toEqual(plain(await ask(found)))
    // A `Topics` is its own data, and what is restored can be kept again.
    expect(JSON.stringify(await own.restoreTopics(topics))).toBe(json)
    // Papers that came since are in no topic.
    await own.add(input.papers.slice(fit, fit + 3), {
      vectors: input.vectors.subarray(fit * input.dimensions, (fit + 3) * input.dimensions),
    })
    const later = await own.restoreTopics(JSON.parse(json))
    expect(JSON.stringify(later)).toBe(json)
    expect(later.of(input.papers[fit]!.id)).toBeUndefined()
    expect(await later.assign([input.papers[fit]!])).toHaveLength(1)
    await own.remove([all[9]!.id, all[11]!.id])
    await expect(own.restoreTopics(JSON.parse(json))).rejects.toMatchObject({
      code: 'paper-not-found',
      message: expect.stringMatching(/60 papers .*, 2 are not, such as `".+"` .*: find .*previous/u),
    })
    await own.close()
  })

  test('of no topics gives none', async () => {
    const empty = await PaperLibrary.open({ embedder: 'none' })
    const found = await empty.topics()
    const topics = await empty.restoreTopics(JSON.parse(JSON.stringify(found)))
    expect(topics.topics).toEqual([])
    expect(await topics.hierarchy()).toEqual(await found.hierarchy())
    await empty.close()
  })

  test('refuses what is not the whole of some topics', async () => {
    const found = await library.topics({ count: 4, outlierShare: 0 })
    type Data = { -readonly [Name in keyof TopicsData]: TopicsData[Name] } & { topics: Topic[] }
    const changed = (change: (data: Data) => void): TopicsData => {
      const data = JSON.parse(JSON.stringify(found))
      change(data)
      return data
    }
    const [one, two] = found.topics as [Topic, Topic, ...Topic[]]
    for (const [wrong, message] of [
      [undefined, /got `undefined`/u],
      [null, /got `null`/u],
      ['{}', /parsed JSON/u],
      [[], /expected object/u],
      [{}, /`method`/u],
      [10n, /parsed JSON/u],
      [{ topics: found.topics, nextId: 9 }, /`method`/u],
      [changed((data) => (data.topics[1] = { ...two, id: one.id })), /same id/u],
      [changed((data) => (data.topics[1] = { ...two, papers: one.papers, size: one.size })), /occurs twice/u],
      [changed((data) => (data.topics[1] = { ...two, papers: [] })), /`topics\.1\.papers`/u],
      [changed((data) => (data.topics[1] = { ...two, size: 3 })), /`size` 3/u],
      [changed((data) => data.topics.pop()), /`count`/u],
      [changed((data) => (data.nextId = 2)), /`nextId`/u],
      [changed((data) => (data.outliers = [{ id: 'x', nearest: 77, strength: 0, margin: 0 }])), /no topic 77/u],
      [changed((data) => (data.quality = { modularity: Number.NaN, strength: 1 })), /`quality\.modularity`/u],
    ] as const)
      await expect(library.restoreTopics(wrong as never)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(message),
      })
    await expect(library.restoreTopics(found, { count: 3 } as never)).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    await expect(library.restoreTopics(found, { termsPerLabel: 0 })).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

describe('evaluateTopics', () => {
  test('finds planted topics right, by both methods and by themselves', async () => {
    const labels = new Map(input.papers.slice(0, fit).map(({ id }, row) => [id, `label ${input.truth[row]}`]))
    const progress: number[] = []
    const evaluations = await evaluateTopics(library, labels, {
      seeds: 2,
      onProgress: ({ done }) => progress.push(done),
    })
    expect(evaluations.map(({ method, asked }) => [method, asked])).toEqual([
      ['graph', 4],
      ['graph', 'auto'],
      ['kmeans', 4],
      ['kmeans', 'auto'],
    ])
    expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    for (const { figures } of evaluations) {
      expect(Object.keys(figures)).toEqual([...topicMetrics])
      for (const metric of ['nmi', 'ari', 'vMeasure', 'purity'] as const)
        expect(figures[metric].least).toBeCloseTo(1, 9)
      expect(figures.found).toEqual({ mean: 4, least: 4, most: 4 })
      expect(figures.silhouette.mean).toBeGreaterThan(0.3)
      expect(figures.diversity.mean).toBe(1)
      expect(figures.outlierShare.most).toBeLessThanOrEqual(0.05)
    }
  })

  test('judges only papers with a label, and refuses where there are none', async () => {
    const two = new Map(input.papers.slice(0, 2).map(({ id }) => [id, 'same']))
    const { asked, figures } = (await evaluateTopics(library, two, { seeds: 1, counts: [1], methods: ['graph'] }))[0]!
    expect({ asked, nmi: figures.nmi.mean }).toEqual({ asked: 1, nmi: 1 })
    const error = await evaluateTopics(library, new Map([['nobody', 'x']])).catch((thrown: unknown) => thrown)
    expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
  })
})
