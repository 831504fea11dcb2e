import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { Atlas } from '../../src/atlas/atlas.ts'
import { adjustedRandIndex } from '../../src/evaluation/partitions.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { type Paper, paperText } from '../../src/paper.ts'
import { parseDigest } from '../../src/sources/read-papers.ts'
import type { Topics } from '../../src/topics/find-topics.ts'
import { sectionLabels } from '../../src/topics/section-names.ts'

const { papers } = await parseDigest(readFileSync('examples/digest.txt', 'utf8'))
const atlas = Atlas.load()
let library: PaperLibrary
let topics: Topics

beforeAll(async () => {
  library = await PaperLibrary.open()
  await library.add(papers)
  topics = await library.topics()
  return () => library.close()
})

const groupsOf = (found: Topics) => papers.map(({ id }) => found.of(id)?.label ?? 'apart')

describe('sections of a digest', () => {
  it('are neither heaps nor crumbs, and every paper stands somewhere once', () => {
    for (const { size, label } of topics.topics) {
      expect(size, label).toBeLessThanOrEqual(0.3 * papers.length)
      expect(size, label).toBeGreaterThanOrEqual(3)
    }
    const placed = [...topics.topics.flatMap((topic) => topic.papers), ...topics.outliers].map(({ id }) => id)
    expect(placed.sort()).toEqual(papers.map(({ id }) => id).sort())
    expect(topics.groups.flatMap((group) => group.topics).sort()).toEqual(topics.topics.map(({ id }) => id).sort())
  })

  it('are named by the map, each once', () => {
    const labels = topics.topics.map(({ label }) => label)
    expect(new Set(labels).size).toBe(labels.length)
    for (const label of labels) expect(atlas.find(label.split(': ')[0] as string), label).toBeGreaterThanOrEqual(0)
  })

  it('put robots with robots and galaxies with galaxies', () => {
    const disciplineOf = (words: RegExp) =>
      papers
        .filter((paper) => words.test(paperText(paper)))
        .map(({ id }) => topics.groups.find((group) => group.topics.includes(topics.of(id)?.id ?? -1))?.label)
        .filter((label) => label !== undefined)
    expect(new Set(disciplineOf(/\bgripper\b/u))).toEqual(new Set(['Robotics']))
    expect(new Set(disciplineOf(/\bgalax(?:y|ies)\b/u))).toEqual(new Set(['Astronomy and astrophysics']))
  })

  it('stand below their disciplines in the hierarchy', async () => {
    const { children, size } = await topics.hierarchy()
    expect(size).toBe(topics.topics.reduce((sum, topic) => sum + topic.size, 0))
    const found = children.map((node) =>
      node.topic === undefined ? node.children.map(({ topic }) => topic) : [node.topic],
    )
    expect(found.map((ids) => ids.sort())).toEqual(topics.groups.map((group) => [...group.topics].sort()))
    for (const [i, node] of children.entries())
      if (node.topic === undefined) expect(node.label).toBe(topics.groups[i]?.label)
  })

  it('are the same under other seeds and orders, and nearly so under a change of the last bits', async () => {
    expect(groupsOf(await library.topics({ seed: 7 }))).toEqual(groupsOf(topics))
    const vectors = papers.map(({ id }) => library.vector(id) as Float32Array)
    const shaken = vectors.map((vector, row) => vector.map((value, d) => value + 1e-7 * Math.sin(row * 384 + d)))
    const { modelId, revision } = library.embedder as { modelId: string; revision: string }
    const open = async (given: readonly Float32Array[], order: readonly Paper[]) => {
      const other = await PaperLibrary.open({ embedder: { modelId, revision, dimensions: 384, embed: async () => [] } })
      await other.add(order, { vectors: order.map((paper) => given[papers.indexOf(paper)] as Float32Array) })
      const found = await other.topics()
      await other.close()
      return groupsOf(found)
    }
    expect(await open(vectors, [...papers].reverse())).toEqual(groupsOf(topics))
    expect(adjustedRandIndex(await open(shaken, papers), groupsOf(topics))).toBeGreaterThan(0.9)
  })

  it('give way to a number or a resolution that is asked for', async () => {
    for (const count of [1, 4, 20]) expect((await library.topics({ count })).count).toBe(count)
    const fine = await library.topics({ resolution: 3 })
    expect(fine.resolution).toBe(3)
    const labels = (await library.topics({ count: 20 })).topics.map(({ label }) => label)
    expect(new Set(labels).size).toBe(20)
    for (const label of labels) expect(label).not.toMatch(/^topic \d+$|\(\d+\)$/u)
  })

  it('go on from those of the day before', async () => {
    const before = JSON.parse(JSON.stringify(topics))
    await library.remove([topics.topics.at(-1)?.papers[0]?.id as string])
    const after = await library.topics({ previous: before })
    await library.add(papers)
    const same = after.topics.filter(({ id, label }) =>
      topics.topics.some((one) => one.id === id && one.label === label),
    )
    expect(same.length).toBeGreaterThanOrEqual(topics.count - 2)
  })

  it('tell of each paper its area, and one sentence of each topic', () => {
    const areas = topics.topics.flatMap((topic) => topic.papers).map(({ area }) => area)
    expect(areas.filter((area) => area !== undefined && atlas.find(area) >= 0).length).toBeGreaterThan(
      0.7 * areas.length,
    )
    for (const { sentence, papers: inside } of topics.topics) {
      if (sentence === undefined) continue
      expect(inside.some(({ id }) => library.get(id)?.abstract.includes(sentence))).toBe(true)
    }
    expect(topics.topics.filter(({ sentence }) => sentence !== undefined).length).toBeGreaterThan(0.8 * topics.count)
  })
})

it('names what is left of a discipline by what most of it is about, and topics of one section apart', () => {
  const node = (name: string) => atlas.nodes.findIndex((one) => one.name === name)
  const firstOf = (field: string) => atlas.nodes.findIndex(({ parent }) => parent === node(field)) - atlas.firstArea
  const topic = (
    name: string,
    { rows = [], terms = [] }: { rows?: readonly number[]; terms?: readonly string[] } = {},
  ) => ({
    node: name === '' ? -1 : node(name),
    rows,
    terms,
    label: 'storage, sun',
  })
  const of = (...fields: readonly string[]) => ({
    rows: fields.length,
    width: 1,
    area: Int32Array.from(fields, firstOf),
    share: new Float64Array(fields.length).fill(1),
    similarity: new Float64Array(fields.length).fill(0.8),
  })
  const sections = of(
    'Legged and humanoid robots',
    'Legged and humanoid robots',
    'Robot manipulation',
    'Soft and medical robots',
  )
  const labels = (...all: Parameters<typeof sectionLabels>[0]) => sectionLabels(all, { atlas, sections, taken: [] })
  expect(labels(topic('Robotics', { rows: [0, 1] }))).toEqual(['Robotics: Legged and humanoid robots'])
  expect(labels(topic('Robotics', { rows: [0, 1, 2, 3] }))).toEqual(['Robotics: further papers'])
  expect(labels(topic('Robotics', { rows: [0, 2, 3] }), topic('Robot manipulation', { rows: [2] }))).toEqual([
    'Robotics: further papers',
    'Robot manipulation',
  ])
  expect(sectionLabels([topic('Robotics')], { atlas, sections: undefined, taken: [] })).toEqual(['Robotics'])
  const images = (term: string) => topic('Image segmentation', { terms: ['image', term] })
  expect(labels(images('polyps'), images('roads'))).toEqual(['Image segmentation: polyps', 'Image segmentation: roads'])
  expect(labels(topic(''))).toEqual(['storage, sun'])
})
