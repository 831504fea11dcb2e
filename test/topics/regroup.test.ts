import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { adjustedRandIndex } from '../../src/evaluation/partitions.ts'
import { findTopics, type TopicNode, type Topics } from '../../src/topics/find-topics.ts'
import { planted } from './planted.ts'

const input = await planted({ topics: 12, size: 12 })
const twelve = await findTopics(input, { count: 12 })

const partition = (topics: Topics) => input.papers.map(({ id }) => topics.of(id)?.id ?? -1)
const leaves = (node: TopicNode): TopicNode[] =>
  node.children.length === 0 ? [node] : node.children.flatMap((child) => leaves(child))
const nodes = (node: TopicNode): TopicNode[] => [node, ...node.children.flatMap((child) => nodes(child))]

async function refusal(call: Promise<unknown>): Promise<PaperkinError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!PaperkinError.isInstance(error)) throw new Error(`Expected a PaperkinError, got ${error}.`)
  return error
}

describe('hierarchy', () => {
  test('the leaves are the topics, every level is named, and no two names are the same', async () => {
    const root = await twelve.hierarchy()
    expect(
      leaves(root)
        .map(({ topic }) => topic)
        .sort(),
    ).toEqual(twelve.topics.map(({ id }) => id).sort())
    const all = nodes(root)
    expect(new Set(all.map(({ label }) => label)).size).toBe(all.length)
    expect(root.size).toBe(twelve.topics.reduce((sum, { size }) => sum + size, 0))
    expect(root.children.length).toBe(4)
    for (const { size, papers, children, terms, topic } of all) {
      expect(papers).toHaveLength(size)
      expect(terms.length).toBeGreaterThan(0)
      expect(children.length === 0).toBe(topic !== undefined)
      if (children.length === 0) continue
      expect(children.length).toBeGreaterThan(1)
      expect(children.flatMap((child) => child.papers).sort()).toEqual([...papers].sort())
      for (const [i, child] of children.entries())
        expect(child.size).toBeLessThanOrEqual(children[Math.max(0, i - 1)]!.size)
    }
  })

  test('a level is what `reduce` gives', async () => {
    const root = await twelve.hierarchy()
    const four = await twelve.reduce(4)
    const groupOf = new Map(root.children.flatMap(({ papers }, group) => papers.map((id) => [id, group] as const)))
    expect(
      adjustedRandIndex(
        partition(four),
        input.papers.map(({ id }) => groupOf.get(id) ?? -1),
      ),
    ).toBe(1)
  })

  test.each([0, 1, 4])('%i topics have no level between', async (count) => {
    const few = await findTopics(
      count === 0
        ? { ...input, papers: [], vectors: new Float32Array(0), lexical: { ...input.lexical, rows: 0 } }
        : input,
      { count: Math.max(1, count) },
    )
    const root = await few.hierarchy()
    expect(root.children.map(({ topic }) => topic)).toEqual(few.topics.map(({ id }) => id))
    expect(root.label).not.toBe('')
  })
})

describe('reduce', () => {
  test('merges whole topics, and more of them the lower the number', async () => {
    let finer = twelve
    for (const count of [9, 5, 2, 1]) {
      const fewer = await twelve.reduce(count)
      expect(fewer.count).toBe(count)
      for (const { papers } of finer.topics) expect(new Set(papers.map(({ id }) => fewer.of(id)?.id)).size).toBe(1)
      finer = fewer
    }
  })

  test('leaves ids and labels to the topics that it leaves alone', async () => {
    const eleven = await twelve.reduce(11)
    const merged = eleven.changes.filter(({ change }) => change === 'merged')
    expect(merged).toHaveLength(1)
    for (const { id, label, size } of eleven.topics) {
      const before = twelve.topics.find((topic) => topic.id === id)
      if (before?.size === size) expect(label).toBe(before.label)
    }
    expect(eleven.topics.map(({ id }) => id)).toContain(merged[0]!.other)
  })

  test('as many as there are, or more, changes nothing', async () => {
    for (const count of [12, 100]) {
      const same = await twelve.reduce(count)
      expect(same.topics).toEqual(twelve.topics)
      expect(same.changes.every(({ change }) => change === 'kept')).toBe(true)
    }
  })
})

describe('merge and split', () => {
  test('merge makes one topic of several', async () => {
    const ids = [twelve.topics[1]!.id, twelve.topics[4]!.id, twelve.topics[7]!.id]
    const merged = await twelve.merge(ids)
    expect(merged.count).toBe(10)
    const union = twelve.topics.filter(({ id }) => ids.includes(id)).flatMap(({ papers }) => papers.map(({ id }) => id))
    const first = union[0]!
    expect(
      merged
        .of(first)
        ?.papers.map(({ id }) => id)
        .sort(),
    ).toEqual(union.sort())
  })

  test('split finds the two that were merged', async () => {
    const ids = [twelve.topics[2]!.id, twelve.topics[3]!.id]
    const merged = await twelve.merge(ids)
    const paper = twelve.topics[2]!.papers[0]!
    const again = await merged.split(merged.of(paper.id)?.id as number)
    expect(again.count).toBe(12)
    expect(adjustedRandIndex(partition(again), partition(twelve))).toBeGreaterThan(0.98)
    expect(again.changes.map(({ change }) => change)).toContain('split')
    expect(again.nextId).toBeGreaterThan(Math.max(...again.topics.map(({ id }) => id)))
  })

  test('a topic can be split into any number of topics up to its papers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 0, max: 11 }), async (count, position) => {
        const { id, size } = twelve.topics[position]!
        const split = await twelve.split(id, { count })
        expect(split.count).toBe(11 + Math.min(count, size))
        for (const topic of twelve.topics)
          if (topic.id !== id) expect(split.topics.find((other) => other.id === topic.id)?.label).toBe(topic.label)
      }),
      { numRuns: 8 },
    )
  })

  test.each<[string, () => Promise<unknown>, string]>([
    ['merging one topic', () => twelve.merge([0]), 'two or more topics'],
    ['merging a topic with itself', () => twelve.merge([0, 0]), 'two or more topics'],
    ['merging what is no topic', () => twelve.merge([0, 99]), 'Expected the id of a topic'],
    ['merging no array', () => twelve.merge(0 as never), 'two or more topics'],
    ['splitting what is no topic', () => twelve.split(-1), 'Expected the id of a topic'],
    ['splitting into one', () => twelve.split(0, { count: 1 }), 'Expected `count`'],
    ['reducing to none', () => twelve.reduce(0), 'Expected `count`'],
  ])('%s is refused', async (_, call, message) => {
    const error = await refusal(call())
    expect(error.code).toBe('invalid-argument')
    expect(error.message).toContain(message)
  })

  test('a topic of one paper cannot be split', async () => {
    const alone = await findTopics(await planted({ topics: 3, size: 1 }), { count: 3 })
    expect((await refusal(alone.split(0))).message).toContain('two or more papers')
  })
})
