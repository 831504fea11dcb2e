import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HitList } from '../../src/library/asking/ranking.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { readPapers } from '../../src/sources/read-papers.ts'

describe('the example, with the bundled model', () => {
  let library: PaperLibrary
  beforeAll(async () => {
    library = await PaperLibrary.open()
    await library.add(await readPapers('examples/digest.txt'))
  })
  afterAll(() => library.close())
  const titles = ({ hits }: HitList) => hits.map(({ paper }) => paper.title)
  const idOf = (title: string) => library.papers().find((paper) => paper.title.startsWith(title))?.id as string

  it('ranks what a question asks for as a reader would', async () => {
    expect(titles(await library.search('robots that handle transparent objects', { k: 4 }))).toEqual([
      // The only one about transparent things.
      'Grasping Glass',
      // A robot hand with a cup; nothing is transparent.
      '“The Other Cup, Please”: Correcting Kitchen Robots in the Middle of a Motion',
      // A gripper and what slips from it: of the grip more than of the object.
      'Slip Is a Sound: Tactile Control of a Gripper with Two Microphones',
      // A robot that carries crates: objects, but no hand.
      'Crates Up the Terrace: A Quadruped Robot That Plans with Its Feet in Simulation',
    ])
    const proteins = await library.search('protein', { k: 3 })
    expect(titles(proteins).slice(0, 2)).toEqual([
      'Designing Enzymes That Fold in the Cold',
      'Short Proteins Against Resistant Bacteria, Designed with the Membrane in View',
    ])
    // No other paper has the word, and none is near.
    expect(proteins.hits[2]?.lexical).toBe(0)
    expect(proteins.hits[2]?.score).toBeLessThan(0.2)
  })

  it('ranks kin as a reader would', async () => {
    expect(titles(await library.related(idOf('Brinebox'), { k: 3 }))).toEqual([
      // Agents that do tasks with tools, as here.
      'Do Language Agents Know When to Stop?',
      // Agents that talk for long; two versions of one paper.
      'Ledger Prompting: Long Agent Conversations in a Fixed Context',
      'Bounded Memory for Conversational Agents by Keeping a Ledger',
    ])
    // The sea, the climate, the weather: then nothing that is near.
    expect(titles(await library.related(idOf('Marine Heatwaves'), { k: 2 }))).toEqual([
      'Was It the Warming? Attributing a Flood with Ten Thousand Emulated Winters',
      'Nowcasting Cloudbursts Where There Is No Radar',
    ])
    // Both design proteins; the next is about neither.
    const [designed, next] = (await library.related(idOf('Designing Enzymes'), { k: 2 })).hits
    expect(designed?.paper.title).toMatch(/^Short Proteins/u)
    expect(next?.score).toBeLessThan((designed?.score as number) / 2 + 0.01)
  })

  it('shows one of two versions where the other is left out, or where hits should differ', async () => {
    const versions = ['Bounded Memory', 'Ledger Prompting']
    const count = (list: HitList) =>
      titles(list).filter((title) => versions.some((version) => title.startsWith(version))).length
    expect(count(await library.related(idOf('Brinebox'), { k: 3, diversity: 0.4 }))).toBe(1)
    expect(count(await library.related(idOf('Ledger Prompting'), { k: 49, omitDuplicates: true }))).toBe(0)
  })

  it.each([
    'x',
    'the of and',
    'robot '.repeat(10_000),
    '神经网络',
    '.*(?:[a-z]+)$ ^ \\',
    'robot AND NOT (glass OR "cup',
  ])('answers %.20s with as many hits as were asked for', async (query) => {
    const { hits } = await library.search(query, { k: 5 })
    expect(hits).toHaveLength(5)
    for (const { score } of hits) expect(score >= 0 && score <= 1).toBe(true)
  })
})
