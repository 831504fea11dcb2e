import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { adjustedRandIndex } from '../../src/evaluation/partitions.ts'
import { toPaper } from '../../src/paper.ts'
import { findTopics, type TopicOptions, type Topics, topicMethods } from '../../src/topics/find-topics.ts'
import { planted, reordered, rowsOf, topicWords, unit } from './planted.ts'

const methods = topicMethods

/** The found topic of each paper, outliers with their nearest. */
function topicOfEach(topics: Topics, papers: readonly { readonly id: string }[]): number[] {
  const nearest = new Map(topics.outliers.map((outlier) => [outlier.id, outlier.nearest]))
  return papers.map(({ id }) => (topics.of(id)?.id ?? nearest.get(id)) as number)
}

function expectWhole(topics: Topics, papers: readonly { readonly id: string }[]): void {
  const placed = [
    ...topics.topics.flatMap((topic) => topic.papers.map(({ id }) => id)),
    ...topics.outliers.map((o) => o.id),
  ]
  expect([...placed].sort()).toEqual(papers.map(({ id }) => id).sort())
  expect(topics.count).toBe(topics.topics.length)
  expect(topics.outliers.length).toBeLessThanOrEqual(0.05 * papers.length)
  expect(new Set(topics.topics.map(({ label }) => label)).size).toBe(topics.count)
  for (const [position, topic] of topics.topics.entries()) {
    expect(topic.id).toBe(position)
    expect(topic.size).toBe(topic.papers.length)
    expect(topic.size).toBeGreaterThan(0)
    expect(topic.size).toBeLessThanOrEqual(topics.topics[Math.max(0, position - 1)]!.size)
    expect(topic.label).not.toBe('')
    for (const id of topic.representatives) expect(topics.of(id)).toBe(topic)
    for (const [rank, paper] of topic.papers.entries()) {
      expect(paper.strength).toBeGreaterThanOrEqual(0)
      expect(paper.strength).toBeLessThanOrEqual(1)
      expect(paper.strength).toBeLessThanOrEqual(topic.papers[Math.max(0, rank - 1)]!.strength)
    }
  }
}

describe.each(methods)('%s', (method) => {
  test.each([
    [3, 20],
    [10, 12],
    [30, 10],
    [100, 8],
  ])('finds %i planted topics of %i papers', async (topics, size) => {
    const input = await planted({ topics, size })
    const found = await findTopics(input, { method, count: topics })
    expectWhole(found, input.papers)
    expect(found.count).toBe(topics)
    expect(adjustedRandIndex(input.truth, topicOfEach(found, input.papers))).toBeGreaterThanOrEqual(0.95)
  })

  test.each([
    [3, 20],
    [10, 12],
  ])('finds by itself that there are %i topics', async (topics, size) => {
    const input = await planted({ topics, size })
    const found = await findTopics(input, { method })
    expect(found.count).toBe(topics)
    expect(adjustedRandIndex(input.truth, topicOfEach(found, input.papers))).toBeGreaterThanOrEqual(0.95)
    expect(found.evidence.filter(({ chosen }) => chosen).map(({ count }) => count)).toEqual([topics])
  })

  test('labels are words of the planted topic alone', async () => {
    const input = await planted({ topics: 5, size: 12 })
    const { topics } = await findTopics(input, { method, count: 5 })
    for (const topic of topics) {
      const paper = input.papers.findIndex(({ id }) => id === topic.representatives[0])
      const words = topicWords(input.truth[paper]!)
      for (const word of topic.label.split(/[ ,]+/u)) expect(words).toContain(word)
    }
  })

  test('sets a stranger apart, with the topic nearest to it', async () => {
    const input = await planted({ topics: 4, size: 12 })
    const stranger = toPaper({
      id: 'stranger',
      title: 'Bell founding',
      abstract: 'Bronze casts ring in medieval towers.',
    })
    const away = unit(Float64Array.from({ length: input.dimensions }, (_, d) => Math.sin(d * d + 1)))
    const papers = [...input.papers, stranger]
    const vectors = papers.map((_, row) =>
      row < input.papers.length ? input.vectors.subarray(row * input.dimensions, (row + 1) * input.dimensions) : away,
    )
    const found = await findTopics(await rowsOf(papers, vectors), { method })
    expect(found.outliers.map(({ id }) => id)).toEqual(['stranger'])
    expect(found.of('stranger')).toBeUndefined()
    expect(found.topics[found.outliers[0]!.nearest]).toBeDefined()
    expect(found.outliers[0]!.margin).toBeLessThan(0)
    expect(found.count).toBe(4)
  })

  test('sets as many papers apart as are asked for, the strangest first', async () => {
    const input = await planted({ topics: 4, size: 15, noise: 1.5 })
    for (const [outlierShare, count] of [
      [0, 0],
      [0.1, 6],
      [0.5, 30],
    ] as const) {
      const { outliers, topics } = await findTopics(input, { method, count: 4, outlierShare })
      expect(outliers.length).toBe(count)
      expect(topics.reduce((sum, { size }) => sum + size, 0)).toBe(60 - count)
      for (const [i, { margin, nearest }] of outliers.entries()) {
        expect(margin).toBeLessThanOrEqual(0)
        expect(margin).toBeGreaterThanOrEqual(outliers[Math.max(0, i - 1)]!.margin)
        expect(topics[nearest]).toBeDefined()
      }
    }
  })

  test('each paper has a second topic where some of its neighbours are elsewhere', async () => {
    const { topics } = await findTopics(await planted({ topics: 4, size: 15, noise: 3 }), { method, count: 7 })
    const placed = topics.flatMap(({ id, papers }) => papers.map((paper) => ({ ...paper, topic: id })))
    expect(placed.some(({ second }) => second !== undefined)).toBe(true)
    for (const { topic, strength, second } of placed) {
      if (second === undefined) continue
      expect(second.topic).not.toBe(topic)
      expect(topics[second.topic]).toBeDefined()
      expect(second.strength).toBeGreaterThan(0)
      expect(strength + second.strength).toBeLessThanOrEqual(1 + 1e-12)
    }
  })

  test('the order of the papers does not matter', async () => {
    const input = await planted({ topics: 5, size: 14, noise: 1.8 })
    const expected = JSON.stringify(await findTopics(input, { method }))
    const n = input.papers.length
    for (const step of [11, n - 1]) {
      const order = Array.from({ length: n }, (_, i) => (i * step + 3) % n)
      expect(JSON.stringify(await findTopics(await reordered(input, order), { method }))).toBe(expected)
    }
  })

  test('the same seed gives the same topics, data that JSON keeps', async () => {
    const input = await planted({ topics: 4, size: 15, noise: 2.2 })
    const once = await findTopics(input, { method, seed: 5 })
    const again = await findTopics(input, { method, seed: 5 })
    expect(JSON.stringify(again)).toBe(JSON.stringify(once))
    expect(JSON.parse(JSON.stringify(once))).toMatchObject({ method, seed: 5, count: once.count, topics: once.topics })
    expect(Object.isFrozen(once) && Object.isFrozen(once.topics[0]!.papers[0])).toBe(true)
  })

  test.each([0, 1, 2, 3, 5, 9])('%i papers have a valid answer', async (n) => {
    const input = await planted({ topics: 3, size: 3 })
    const few = await rowsOf(
      input.papers.slice(0, n),
      Array.from({ length: n }, (_, row) =>
        input.vectors.subarray(row * input.dimensions, (row + 1) * input.dimensions),
      ),
    )
    for (const count of ['auto', 1, 2, 7] as const) {
      const found = await findTopics(few, { method, count })
      expectWhole(found, few.papers)
      if (count !== 'auto') expect(found.count).toBe(Math.min(count, n))
      else expect(found.count).toBeGreaterThanOrEqual(Math.min(1, n))
    }
  })

  test('equal papers, and papers without words, have a valid answer', async () => {
    const papers = Array.from({ length: 20 }, (_, i) =>
      toPaper({ id: `p${i}`, title: i < 10 ? 'The same title' : '…' }),
    )
    const input = await rowsOf(
      papers,
      papers.map(() => [0.6, 0.8, 0, 0]),
    )
    for (const count of ['auto', 3, 20] as const) {
      const found = await findTopics(input, { method, count })
      expectWhole(found, papers)
      if (count !== 'auto') expect(found.count).toBe(count)
    }
  })

  test('exactly as many topics as are asked for', async () => {
    const input = await planted({ topics: 6, size: 8, noise: 3 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 48 }), async (count) => {
        expect((await findTopics(input, { method, count })).count).toBe(count)
      }),
      { numRuns: 12 },
    )
  })

  test('an abort ends it, before and during', async () => {
    const input = await planted({ topics: 10, size: 40 })
    const reason = new Error('enough')
    await expect(findTopics(input, { method, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    setImmediate(() => controller.abort(reason))
    await expect(findTopics(input, { method, signal: controller.signal })).rejects.toBe(reason)
  })
})

test('names can be given; one that is empty or taken is left to the terms', async () => {
  const input = await planted({ topics: 3, size: 10 })
  const plain = await findTopics(input, { count: 3 })
  const names = ['  Things ', 'Things', '']
  const seen: string[] = []
  const { topics } = await findTopics(input, {
    count: 3,
    label: async ({ id, label, terms, size, representatives }) => {
      seen.push(label)
      expect(terms).toEqual(plain.topics[id]!.terms)
      expect(size).toBe(plain.topics[id]!.size)
      expect(representatives.map((paper) => paper.id)).toEqual(plain.topics[id]!.representatives)
      return names[id]!
    },
  })
  expect(seen).toEqual(plain.topics.map(({ label }) => label))
  expect(topics.map(({ label }) => label)).toEqual(['Things', seen[1], seen[2]])
})

test('a higher resolution gives more topics', async () => {
  const input = await planted({ topics: 6, size: 20, noise: 2 })
  const coarse = await findTopics(input, { resolution: 0.3 })
  const fine = await findTopics(input, { resolution: 4, minTopicSize: 1 })
  expect(fine.count).toBeGreaterThan(coarse.count)
  expect(coarse.evidence).toEqual([])
})

test.each<[string, unknown, string]>([
  ['an unknown method', { method: 'lda' }, "Expected `method` to be 'graph'"],
  ['no topics', { count: 0 }, 'Expected `count`'],
  ['half a topic', { count: 2.5 }, 'Expected `count`'],
  ['a resolution of 0', { resolution: 0 }, 'Expected `resolution`'],
  ['both a count and a resolution', { count: 3, resolution: 1 }, 'got both'],
  ['a seed that is no number', { seed: 'x' }, 'Expected `seed`'],
  ['no neighbours', { neighbours: 0 }, 'Expected `neighbours`'],
  ['most papers as outliers', { outlierShare: 0.9 }, 'Expected `outlierShare`'],
  ['a name that is no string', { label: () => 7 }, 'Expected `label`'],
])('%s is refused', async (_, options, message) => {
  const input = await planted({ topics: 2, size: 4 })
  const refused = await findTopics(input, options as TopicOptions).catch((error: unknown) => error)
  expect(PaperkinError.isInstance(refused) && refused.code).toBe('invalid-argument')
  expect(String(refused)).toContain(message)
})

test('rows that do not fit the papers, and ids that repeat, are refused', async () => {
  const input = await planted({ topics: 2, size: 4 })
  await expect(findTopics({ ...input, papers: input.papers.slice(1) })).rejects.toThrow('7 lexical rows for 7 papers')
  await expect(findTopics({ ...input, papers: input.papers.map(() => input.papers[0]!) })).rejects.toThrow('twice')
})
