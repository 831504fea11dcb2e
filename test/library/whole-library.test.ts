// Work over a whole library: topics among a sample, the place of every paper among them, near-duplicates, evaluations;
// in memory and on Postgres.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TopicAssignment } from '../../src/library/asking/assign-all.ts'
import { PairLists } from '../../src/library/asking/pair-lists.ts'
import { evaluateRecommend } from '../../src/library/evaluate-recommend.ts'
import { evaluateRelated } from '../../src/library/evaluate-related.ts'
import { evaluateTopics } from '../../src/library/evaluate-topics.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { PostgresStorage } from '../../src/library/postgres/postgres-storage.ts'
import { type Paper, paperTextRecipe } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import type { Topics, TopicsData } from '../../src/topics/find-topics.ts'
import { type Planted, planted } from '../topics/planted.ts'
import { hasServer, startPglite, startServer, type TestServer } from './postgres-servers.ts'

const sample = 160
let input: Planted
let papers: readonly Paper[]
let vectors: Float32Array[]
let near: PaperLibrary

beforeAll(async () => {
  input = await planted({ topics: 4, size: 80 })
  // In another order than that of the topics.
  const order = Array.from(input.papers.keys()).sort((a, b) => ((a * 131) % 320) - ((b * 131) % 320))
  papers = order.map((i) => input.papers[i] as Paper)
  vectors = order.map((i) => input.vectors.slice(i * input.dimensions, (i + 1) * input.dimensions))
  near = await PaperLibrary.open({ embedder: 'none' })
  await near.add(papers, { vectors })
})
afterAll(() => near.close())

const membersOf = ({ topics, outliers }: TopicsData) => [
  ...topics.flatMap(({ papers: all }) => all.map(({ id }) => id)),
  ...outliers.map(({ id }) => id),
]
const truthOf = (id: string) => input.truth[input.papers.findIndex((paper) => paper.id === id)] as number
const dot = (one: Float32Array, other: ArrayLike<number>) => one.reduce((sum, value, d) => sum + value * other[d]!, 0)

/** Each paper's nearest centroid and the lowest similarity in each topic, as their definitions say. */
function placedByHand(topics: Topics, all: readonly Paper[], vectorOf: (id: string) => Float32Array) {
  const centroids = topics.topics.map(({ papers: members }) => {
    const sum = new Float64Array(input.dimensions)
    for (const { id } of members) for (const [d, value] of vectorOf(id).entries()) sum[d]! += value
    const length = Math.hypot(...sum)
    return sum.map((value) => value / length)
  })
  const lowest = topics.topics.map(({ papers: members }, i) =>
    Math.min(...members.map(({ id }) => dot(vectorOf(id), centroids[i]!))),
  )
  const outliers = new Map(topics.outliers.map(({ id, nearest }) => [id, nearest]))
  return all.map(({ id }) => {
    const similarities = centroids.map((centroid) => dot(vectorOf(id), centroid))
    const best = similarities.indexOf(Math.max(...similarities))
    const own = topics.of(id)?.id ?? outliers.get(id)
    const place = own === undefined ? best : topics.topics.findIndex((topic) => topic.id === own)
    const isOutlier = own === undefined ? similarities[best]! < lowest[best]! : outliers.has(id)
    const nearest = topics.topics[place]!.id
    return { id, ...(!isOutlier && { topic: nearest }), nearest, similarity: similarities[place]! }
  })
}

async function placesIn(library: PaperLibrary, topics: TopicsData) {
  const found: TopicAssignment[] = []
  for await (const one of library.assignAll(topics)) found.push(one)
  return found
}

/** The same places, with similarities that differ by no more than sums of 32-bit floats do. */
function expectSame(places: readonly TopicAssignment[], others: readonly TopicAssignment[]) {
  const plain = (all: readonly TopicAssignment[]) => all.map(({ similarity, ...one }) => one)
  expect(plain(places)).toEqual(plain(others))
  const apart = places.map(({ similarity }, i) => Math.abs(similarity - (others[i]?.similarity ?? Number.NaN)))
  expect(Math.max(...apart)).toBeLessThan(1e-5)
}

describe('topics of a sample', () => {
  it('are those of all papers where the sample has all', async () => {
    const all = JSON.stringify(await near.topics({ count: 4 }))
    for (const some of ['all', 320, 1000] as const)
      expect(JSON.stringify(await near.topics({ count: 4, sample: some }))).toBe(all)
    expect(JSON.parse(all)).not.toHaveProperty('sampledFrom')
  })

  it('have so many papers, the same in whatever order papers were added, and most of them still when others are added', async () => {
    const topics = await near.topics({ count: 4, sample })
    const members = membersOf(topics)
    expect(members).toHaveLength(sample)
    expect(new Set(members).size).toBe(sample)
    expect(topics.sampledFrom).toBe(320)
    const other = await PaperLibrary.open({ embedder: 'none' })
    await other.add(papers.toReversed().slice(0, 280), { vectors: vectors.toReversed().slice(0, 280) })
    const fewer = new Set(membersOf(await other.topics({ count: 4, sample })))
    const late = new Set(papers.slice(0, 40).map(({ id }) => id))
    const lost = [...fewer].filter((id) => !members.includes(id))
    expect(lost.length).toBe(members.filter((id) => late.has(id)).length)
    expect(lost.length).toBeLessThan(40)
    await other.add(papers.slice(0, 40), { vectors: vectors.slice(0, 40) })
    expect(JSON.stringify(await other.topics({ count: 4, sample }))).toBe(JSON.stringify(topics))
    await other.close()
  })

  it('have the examples of named topics', async () => {
    const members = new Set(membersOf(await near.topics({ sample: 20 })))
    const example = papers.find(({ id }) => !members.has(id))?.id as string
    const topics = await near.topics({ sample: 20, named: [{ name: 'Mine', papers: [example] }] })
    expect(topics.of(example)?.label).toBe('Mine')
    expect(membersOf(topics)).toHaveLength(21)
  })

  it('are restored from JSON, merged and reported as a sample', async () => {
    const topics = await near.topics({ count: 4, sample })
    const restored = await near.restoreTopics(JSON.parse(JSON.stringify(topics)))
    expect(JSON.stringify(restored)).toBe(JSON.stringify(topics))
    const merged = await restored.merge([0, 1])
    expect([merged.count, merged.sampledFrom]).toEqual([3, 320])
    const page = await near.report(merged, { format: 'markdown' })
    expect(page).toContain('160 of 320 papers')
    const outside = papers.find(({ id }) => topics.of(id) === undefined) as Paper
    await expect(topics.assign([outside])).rejects.toThrow(/assignAll/u)
  })

  it.each([0, 1.5, 'some', null])('refuse a sample of %s', async (wrong) => {
    await expect(near.topics({ sample: wrong as number })).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

describe('assignAll', () => {
  it('places all papers by the nearest centroid, and leaves those of the topics where they are', async () => {
    // Topics of so few papers have one centroid.
    const few = await near.topics({ sample: 40, outlierShare: 0.1, count: 4 })
    expectSame(
      await placesIn(near, few),
      placedByHand(few, papers, (id) => near.vector(id) as Float32Array),
    )
    const topics = await near.topics({ sample, outlierShare: 0.1, count: 4 })
    const places = await placesIn(near, topics)
    expect(places.map(({ id }) => id)).toEqual(papers.map(({ id }) => id))
    expect(await placesIn(near, JSON.parse(JSON.stringify(topics)))).toEqual(places)
    const outliers = new Map(topics.outliers.map(({ id, nearest }) => [id, nearest]))
    expect(outliers.size).toBe(16)
    const labels = new Map<string, number>()
    for (const { id, topic, nearest, similarity } of places) {
      labels.set(id, nearest)
      expect(similarity).toBeLessThan(1.000001)
      if (topics.of(id) !== undefined) expect(topic).toBe(topics.of(id)?.id)
      if (outliers.has(id)) expect({ topic, nearest }).toEqual({ topic: undefined, nearest: outliers.get(id) })
    }
    for (const truth of [0, 1, 2, 3]) {
      const own = papers.filter(({ id }) => truthOf(id) === truth)
      expect(new Set(own.map(({ id }) => labels.get(id))).size).toBe(1)
    }
  })

  it('sets apart what is less similar than every paper of the nearest topic', async () => {
    const own = await PaperLibrary.open({ embedder: 'none' })
    await own.add(papers, { vectors })
    const topics = await own.topics({ count: 4, outlierShare: 0 })
    const odd = Float32Array.from((vectors[0] as Float32Array).map((value) => -value))
    await own.add(
      [
        { id: 'odd', title: 'Nothing of the kind' },
        { id: 'even', title: 'The same again' },
      ],
      { vectors: [odd, vectors[5] as Float32Array] },
    )
    await own.remove([papers[9]?.id as string])
    const places = new Map<string, { readonly topic?: number; readonly nearest: number }>()
    for await (const one of own.assignAll(topics)) places.set(one.id, one)
    expect(places.size).toBe(321)
    expect(places.get('odd')).not.toHaveProperty('topic')
    expect(places.get('even')?.topic).toBe(topics.of(papers[5]?.id as string)?.id)
    await own.clear()
    await expect(placesIn(own, topics)).rejects.toMatchObject({ code: 'paper-not-found' })
    await expect(placesIn(own, await own.topics())).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(placesIn(own, {} as TopicsData)).rejects.toMatchObject({ code: 'invalid-argument' })
    await own.close()
  })

  it('stops when it is told to', async () => {
    const topics = await near.topics({ count: 4, sample })
    const { signal } = Object.assign(new AbortController(), {})
    const stopped = AbortSignal.abort(new Error('enough'))
    const take = async (by: AbortSignal) => {
      for await (const _ of near.assignAll(topics, { signal: by })) return true
      return false
    }
    expect(await take(signal)).toBe(true)
    await expect(take(stopped)).rejects.toThrow('enough')
  })
})

describe('PairLists', () => {
  it('tells what lists share, how long they are and how frequent their pairs, as counting does', async () => {
    const random = seededRandom(5)
    const common = Uint32Array.from({ length: 60 }, () => random() * 2 ** 32)
    const given: Uint32Array[] = Array.from({ length: 9000 }, (_, i) => {
      const own = Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * 2 ** 32))
      const shared = common.filter(() => random() < 0.1)
      return Uint32Array.from(new Set([...own, ...shared, ...(i % 3 === 0 ? [2 ** 32 - 1, 0] : [])])).sort()
    })
    for (let i = 50; i < 9000; i += 50) given[i] = given[i - 49] as Uint32Array
    const lists = new PairLists({ leastToShare: 6 })
    for (const list of given) lists.add(list)
    await lists.settle(timeSlice(undefined))
    const texts = given.map((list) => list.join())
    const firsts = new Map<string, number>()
    for (const [place, text] of texts.entries()) if (!firsts.has(text)) firsts.set(text, place)
    const firstOf = (place: number) =>
      (given[place] as Uint32Array).length < 6 ? place : (firsts.get(texts[place] as string) as number)
    const frequency = new Map<number, number>()
    for (const [place, list] of given.entries())
      if (firstOf(place) === place) for (const pair of list) frequency.set(pair, (frequency.get(pair) ?? 0) + 1)
    const several = [...frequency].filter(([, count]) => count > 1).sort(([a], [b]) => a - b)
    expect([...lists.frequency]).toEqual(several.map(([, count]) => Math.min(255, count)))
    const numberOf = new Map(several.map(([pair], number) => [pair, number]))
    for (const [place, list] of given.entries()) {
      expect(lists.size(place)).toBe(list.length)
      expect(lists.firstOf(place)).toBe(firstOf(place))
      if (firstOf(place) === place)
        expect([...lists.list(place)]).toEqual([...list].flatMap((pair) => numberOf.get(pair) ?? []))
    }
    for (let i = 0; i < 3000; i++) {
      const [one, other] = [Math.floor(random() * 9000), Math.floor(random() * 9000)]
      const its = new Set(given[one])
      if (one !== other)
        expect(lists.shared(one, other)).toBe((given[other] as Uint32Array).filter((pair) => its.has(pair)).length)
    }
    expect(lists.shared(1, 50)).toBe((given[1] as Uint32Array).length)
  })
})

const starts: Readonly<Record<string, () => Promise<TestServer>>> = {
  PGlite: startPglite,
  ...(hasServer && { PostgreSQL: startServer }),
}
describe.skipIf(hasServer)('a whole library on a real PostgreSQL server', () => {
  it.skip('needs PAPERKIN_POSTGRES_BIN or PAPERKIN_POSTGRES_URL', () => {})
})

for (const [name, start] of Object.entries(starts))
  describe(`a whole library on ${name}`, { timeout: 300_000 }, () => {
    let server: TestServer
    let far: PaperLibrary
    const schema = `whole ${Date.now()}`
    beforeAll(async () => {
      server = await start()
      far = await PaperLibrary.open({ postgres: server.url, schema, embedder: 'none' })
      await far.add(papers, { vectors })
    }, 240_000)
    afterAll(async () => {
      await far?.close()
      await server?.stop()
    })

    it('has the topics of one in memory, of all papers and of a sample', async () => {
      for (const options of [
        { count: 4 },
        { count: 4, sample },
        { sample, named: [{ name: 'Mine', papers: [papers[3]?.id as string] }] },
        { sample: 'all' },
      ] as const) {
        const ours = await near.topics(options)
        const theirs = await far.topics(options)
        expect(JSON.stringify(theirs), JSON.stringify(options)).toBe(JSON.stringify(ours))
        const restored = await far.restoreTopics(JSON.parse(JSON.stringify(theirs)))
        expect(JSON.stringify(await restored.reduce(2))).toBe(JSON.stringify(await ours.reduce(2)))
        const format = { format: 'markdown' } as const
        expect(await far.report(restored, format)).toBe(await near.report(ours, format))
      }
    })

    it('places all papers as one in memory does', async () => {
      for (const options of [{ sample, count: 4, outlierShare: 0.1 }, { count: 7 }, { sample: 20, count: 3 }]) {
        const topics = await near.topics(options)
        expectSame(await placesIn(far, topics), await placesIn(near, topics))
      }
    })

    it('places papers whose vectors are stored as halves', async () => {
      const place = `${schema} halves`
      const { dimensions } = input
      const identity = { modelId: 'none', dimensions, recipe: paperTextRecipe }
      const storage = await PostgresStorage.open(server.url, { schema: place, identity, vectorType: 'halfvec' })
      await storage.close()
      const halves = await PaperLibrary.open({ postgres: server.url, schema: place, embedder: 'none' })
      await halves.add(papers, { vectors })
      const topics = await near.topics({ count: 4, outlierShare: 0 })
      const nearest = (places: readonly TopicAssignment[]) => places.map((one) => one.nearest)
      expect(nearest(await placesIn(halves, topics))).toEqual(nearest(await placesIn(near, topics)))
      await halves.close()
    })

    it('has the near-duplicates of one in memory', async () => {
      const random = seededRandom(3)
      const words = () => Array.from({ length: 60 }, () => `word${Math.floor(random() * 5000)}`).join(' ')
      const [abstract, rest] = [words(), words()]
      const more = [
        { id: 'd0', title: 'Of one thing and another', abstract },
        { id: 'd1', title: 'Of one thing and another', abstract },
        { id: 'd2', title: 'Quite another title here', abstract },
        { id: 'd3', title: 'Of One Thing and Another (v2)', abstract: `${abstract} ${rest}` },
        { id: 'd4', title: 'Half of it is somewhere else', abstract: `${papers[12]?.abstract}` },
        { id: 'd5', title: 'An empty one without anything' },
        { id: 'd6', title: 'An empty one without anything' },
      ]
      const own = await PaperLibrary.open({ embedder: 'none' })
      const other = await PaperLibrary.open({ postgres: server.url, schema: `${schema} copies`, embedder: 'none' })
      for (const library of [own, other]) {
        await library.add(papers, { vectors })
        await library.add(more, { vectors: vectors.slice(0, more.length) })
      }
      for (const threshold of [0.05, 0.5, 1]) {
        const found = await own.duplicates({ threshold })
        expect(found.groups.length).toBeGreaterThan(0)
        expect(await other.duplicates({ threshold })).toEqual(found)
      }
      expect((await own.duplicates()).groups).toContainEqual(['d0', 'd1', 'd2', 'd3'])
      await expect(other.duplicates({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
      await own.close()
      await other.close()
    })

    it('is evaluated as one in memory is', async () => {
      const labels = new Map(papers.map(({ id }) => [id, `label ${truthOf(id)}`]))
      const topicOptions = { seeds: 1, counts: [4], methods: ['graph'] } as const
      const withoutSeconds = async (library: PaperLibrary) =>
        JSON.stringify(await evaluateTopics(library, labels, topicOptions), (key, value) =>
          key === 'seconds' ? undefined : value,
        )
      const asked = vi.spyOn(far, 'topics')
      expect(await withoutSeconds(far)).toBe(await withoutSeconds(near))
      // Each label counts, whatever the size of the library.
      expect(asked.mock.calls.map(([options]) => options?.sample)).toEqual(['all'])
      asked.mockRestore()
      const ids = (truth: number) => papers.flatMap(({ id }) => (truthOf(id) === truth ? [id] : []))
      const judgements = new Map(
        [0, 1, 2].map((truth) => [ids(truth)[0] as string, new Map(ids(truth).map((id) => [id, 1]))]),
      )
      const related = { depth: 60 }
      const rounded = (value: unknown) =>
        JSON.parse(JSON.stringify(value, (_, one) => (typeof one === 'number' ? Number(one.toFixed(8)) : one)))
      expect(rounded(await evaluateRelated(far, judgements, related))).toEqual(
        rounded(await evaluateRelated(near, judgements, related)),
      )
      const liked = new Map([0, 1].map((truth) => [`reader ${truth}`, ids(truth).slice(0, 8)]))
      const recommend = { folds: 2, depth: 40 }
      expect(rounded(await evaluateRecommend(far, liked, recommend))).toEqual(
        rounded(await evaluateRecommend(near, liked, recommend)),
      )
    })
  })
