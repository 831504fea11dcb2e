import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { paperText } from '../../src/paper.ts'
import { parseDigest } from '../../src/sources/read-papers.ts'
import type { NamedTopic, TopicNode, TopicOptions, Topics } from '../../src/topics/find-topics.ts'
import { phrasePattern } from '../../src/topics/named-topics.ts'

const { papers } = await parseDigest(readFileSync('examples/digest.txt', 'utf8'))
const idOf = (words: string) => papers.find(({ title }) => title.includes(words))?.id as string
const named: readonly NamedTopic[] = [
  { name: 'Robot grasping', terms: ['gripper', 'manipulation'] },
  { name: 'Viticulture' },
  { name: 'Galaxies' },
  { name: 'Constitutional law', terms: ['courts', 'statutes'] },
]
const absent = ['Viticulture', 'Constitutional law']
let library: PaperLibrary
let topics: Topics

beforeAll(async () => {
  library = await PaperLibrary.open()
  await library.add(papers)
  topics = await library.topics({ named })
})
afterAll(() => library.close())

const idsOf = (found: Topics, name: string) =>
  found.topics
    .find(({ label }) => label === name)
    ?.papers.map(({ id }) => id)
    .sort()
const topicOf = (found: Topics, name: string) => found.topics.find(({ label }) => label === name)
const namesOf = (found: Topics) => found.topics.filter(({ isNamed }) => isNamed).map(({ label }) => label)
const errorOf = async (options: unknown) => {
  const error = await library.topics(options as TopicOptions).catch((thrown: unknown) => thrown)
  if (!PaperkinError.isInstance(error)) throw new Error('Expected a refusal.')
  return `${error.code}: ${error.message}`
}

describe('topics that are named beforehand', () => {
  test('hold the papers that belong to them, and those that nothing belongs to are told', () => {
    expect(namesOf(topics).sort()).toEqual(['Galaxies', 'Robot grasping'])
    expect(topics.unmatched).toEqual(absent)
    expect(idsOf(topics, 'Robot grasping')).toEqual(expect.arrayContaining([idOf('Grasping Glass'), idOf('Slip Is a')]))
    for (const id of idsOf(topics, 'Galaxies') ?? [])
      expect(paperText(library.get(id) as (typeof papers)[number])).toMatch(/galax|stellar|stars/iu)
    expect(idsOf(topics, 'Galaxies')).toContain(idOf('Which Galaxy?'))
  })

  test('leave the rest to be found as usual, each paper once', async () => {
    const placed = [...topics.topics.flatMap((topic) => topic.papers), ...topics.outliers].map(({ id }) => id)
    expect(placed.sort()).toEqual(papers.map(({ id }) => id).sort())
    expect(topics.topics.filter(({ isNamed }) => !isNamed).length).toBeGreaterThan(3)
    expect(new Set(topics.topics.map(({ label }) => label)).size).toBe(topics.count)
    const without = await library.topics()
    expect(without.unmatched).toEqual([])
    expect(without.topics.some((topic) => 'isNamed' in topic)).toBe(false)
    for (const one of [4, 9]) {
      const counted = await library.topics({ named, count: one })
      expect(counted.topics.filter(({ isNamed }) => !isNamed)).toHaveLength(one)
      expect(namesOf(counted).sort()).toEqual(namesOf(topics).sort())
    }
    // Only names that find nothing: as if there were none.
    const nothing = await library.topics({ named: absent.map((name) => ({ name })) })
    expect(nothing.topics).toEqual(without.topics)
    expect(nothing.unmatched).toEqual(absent)
  })

  test('keep every paper, however many are to stand apart', async () => {
    const apart = await library.topics({ named, outlierShare: 0.5, count: 3 })
    for (const name of namesOf(topics)) expect(idsOf(apart, name)).toEqual(idsOf(topics, name))
    const rest = papers.length - topics.topics.reduce((sum, { isNamed, size }) => sum + (isNamed ? size : 0), 0)
    expect(apart.outliers).toHaveLength(Math.floor(0.5 * rest))
  })

  test('are the same under other seeds and orders, and carry their name everywhere', async () => {
    const other = await library.topics({ named: [...named].reverse(), seed: 5 })
    for (const name of namesOf(topics)) expect(idsOf(other, name)).toEqual(idsOf(topics, name))
    const galaxies = topicOf(topics, 'Galaxies')
    expect(topics.of(idOf('Which Galaxy?'))).toBe(galaxies)
    const labels: string[] = []
    const walk = ({ topic, label, children }: TopicNode) => {
      if (topic !== undefined) labels.push(label)
      children.forEach(walk)
    }
    walk(await topics.hierarchy())
    expect(labels).toContain('Galaxies')
    expect(topics.groups.flatMap((group) => group.topics)).toContain(galaxies?.id)
    const shouted = await library.topics({ named, label: ({ label }) => label.toUpperCase() })
    expect(namesOf(shouted).sort()).toEqual(namesOf(topics).sort())
    const report = await library.report(topics, { format: 'json' })
    expect(JSON.parse(report).topics.map(({ label }: { label: string }) => label)).toContain('Galaxies')
  })

  test('keep number and name from one time to the next, through JSON, and when they were gone', async () => {
    const kept = JSON.parse(JSON.stringify(topics)) as Topics
    const next = await library.topics({ named: [...named, { name: 'Flood warnings' }], previous: kept })
    for (const name of namesOf(topics)) expect(topicOf(next, name)?.id).toBe(topicOf(topics, name)?.id)
    expect(next.changes.find(({ label }) => label === 'Galaxies')?.change).toBe('kept')
    const few = await PaperLibrary.open()
    await few.add(papers.filter(({ id }) => !idsOf(topics, 'Galaxies')?.includes(id)))
    const gone = await few.topics({ named, previous: topics })
    expect(gone.unmatched).toContain('Galaxies')
    expect(gone.past.map(({ label }) => label)).toContain('Galaxies')
    await few.close()
    const back = await library.topics({ named, previous: gone })
    expect(topicOf(back, 'Galaxies')?.id).toBe(topicOf(topics, 'Galaxies')?.id)
    expect(back.changes.find(({ label }) => label === 'Galaxies')?.change).toBe('returned')
  })

  test('are never merged because there should be fewer, and keep their name when they are merged or split', async () => {
    const fewer = await topics.reduce(1)
    expect(namesOf(fewer).sort()).toEqual(namesOf(topics).sort())
    expect(fewer.count).toBe(3)
    const [galaxies, robots] = ['Galaxies', 'Robot grasping'].map((name) => topicOf(topics, name)?.id as number)
    const other = topics.topics.find(({ isNamed }) => !isNamed)?.id as number
    expect(namesOf(await topics.merge([robots as number, other])).sort()).toEqual(namesOf(topics).sort())
    const parted = await topics.split(galaxies as number)
    expect(namesOf(parted).sort()).toEqual(namesOf(topics).sort())
    expect(topicOf(parted, 'Galaxies')?.size).toBeLessThan(topicOf(topics, 'Galaxies')?.size as number)
  })

  test('have their examples in any case, and what is like them', async () => {
    const bells = idOf('Bell Founding')
    const found = await library.topics({
      named: [{ name: 'Things of my own', papers: [bells, idOf('Grasping Glass')] }],
    })
    expect(idsOf(found, 'Things of my own')).toEqual(expect.arrayContaining([bells, idOf('Grasping Glass')]))
    const walking = ['Crates Up the Terrace', 'Walk on Sand'].map(idOf)
    const robots = await library.topics({ named: [{ name: 'Legged robots', papers: walking.slice(0, 1) }] })
    expect(idsOf(robots, 'Legged robots')).toEqual([...walking].sort())
  })

  test('take small collections, and a rest too small for a topic stands apart', async () => {
    const small = await PaperLibrary.open()
    expect((await small.topics({ named })).unmatched).toEqual(named.map(({ name }) => name))
    await small.add(papers.filter(({ title }) => /Grasping Glass|Slip Is a|Bell Founding/u.test(title)))
    const found = await small.topics({ named })
    expect(found.topics.map(({ label, size }) => [label, size])).toEqual([['Robot grasping', 2]])
    expect(found.outliers.map(({ id, nearest }) => [id, nearest])).toEqual([[idOf('Bell Founding'), 0]])
    await small.close()
  })

  test('are refused with what to do where they cannot be meant', async () => {
    expect(await errorOf({ named: 'Robots' })).toMatch(/^invalid-argument: Expected `named` to be an array such as/u)
    expect(await errorOf({ named: ['Robots'] })).toMatch(/`named\[0\]` to be \{ name, papers\?, terms\? \}/u)
    expect(await errorOf({ named: [{ name: ' :) ' }] })).toMatch(/`named\[0\]\.name` to be a name with letters/u)
    expect(await errorOf({ named: [{ name: 'Robots' }, { name: ' robots' }] })).toMatch(
      /names that differ.*join the two/u,
    )
    expect(await errorOf({ named: [{ name: 'Robots', term: ['x'] }] })).toMatch(/did you mean `terms`/u)
    expect(await errorOf({ named: [{ name: 'Robots', terms: 'arm' }] })).toMatch(/`named\[0\]\.terms` to be an array/u)
    expect(await errorOf({ named: [{ name: 'Robots', terms: [''] }] })).toMatch(/to hold words or phrases/u)
    expect(await errorOf({ named: [{ name: 'Robots', papers: [{}] }] })).toMatch(/to hold ids/u)
    expect(await errorOf({ named: [{ name: 'Robots', papers: ['2401.99999'] }] })).toMatch(
      /^paper-not-found: .*Robots/u,
    )
    const id = papers[0]?.id
    expect(
      await errorOf({
        named: [
          { name: 'A', papers: [id] },
          { name: 'B', papers: [id] },
        ],
      }),
    ).toMatch(/an example of one topic/u)
  })
})

describe('without an embedder', () => {
  test('names and terms find papers by their words, examples by their kin', async () => {
    const own = await PaperLibrary.open({ embedder: 'none' })
    await own.add(papers, { vectors: papers.map(({ id }) => library.vector(id) as Float32Array) })
    const found = await own.topics({
      named: [
        { name: 'Robotic grasps', terms: ['gripper'] },
        { name: 'Viticulture', terms: ['grapes'] },
        { name: 'Walking', papers: ['Crates Up the Terrace', 'Walk on Sand'].map(idOf) },
      ],
    })
    expect(found.unmatched).toEqual(['Viticulture'])
    expect(idsOf(found, 'Robotic grasps')).toContain(idOf('Slip Is a'))
    expect(idsOf(found, 'Walking')).toEqual(expect.arrayContaining(['Crates Up the Terrace', 'Walk on Sand'].map(idOf)))
    expect(idsOf(found, 'Walking')?.length).toBeLessThan(5)
    await own.close()
  })

  test('a phrase is found by its stems, an acronym as it is', () => {
    const pattern = phrasePattern('robot manipulation')
    for (const text of ['Robotic manipulators', 'robot-manipulation', 'A robot manipulates'])
      expect(text, text).toMatch(pattern)
    for (const text of ['robot and manipulation of text', 'microrobot manipulation']) expect(text).not.toMatch(pattern)
    expect('Faster RAGs').toMatch(phrasePattern('RAG'))
    expect('A rag of cloth').not.toMatch(phrasePattern('RAG'))
    expect('C++ (in brackets)').toMatch(phrasePattern('in (brackets)'))
  })
})
