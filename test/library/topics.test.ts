import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { evaluateTopics, topicMetrics } from '../../src/library/evaluate-topics.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
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
      const kin = input.papers[input.truth.indexOf(input.truth[fit + i])]
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
    const [{ asked, figures }] = await evaluateTopics(library, two, { seeds: 1, counts: [1], methods: ['graph'] })
    expect({ asked, nmi: figures.nmi.mean }).toEqual({ asked: 1, nmi: 1 })
    const error = await evaluateTopics(library, new Map([['nobody', 'x']])).catch((thrown: unknown) => thrown)
    expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
  })
})
