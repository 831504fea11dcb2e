import { describe, expect, it } from 'vitest'
import { readPapers } from '../../src/sources/read-papers.ts'
import { ids, lettersLibrary } from './letters.ts'

const abstract =
  'We follow forty ponds through one winter and count the bubbles that methane leaves under the ice. Two thirds of the gas comes out in the week of the thaw. A model with one free parameter predicts when. Sensors for less than ten coins a pond are enough to see it.'
const base = { id: 'base', title: 'Bubbles Under the Ice of Forty Ponds', abstract }
const others = await readPapers('examples/digest.txt')

const planted = {
  same: { ...base, id: 'same' },
  'one word changed': { ...base, id: 'copy', abstract: abstract.replace('coins', 'euros') },
  'half the sentences': { ...base, id: 'copy', abstract: abstract.split('. ').slice(0, 2).join('. ') },
  'another title': { ...base, id: 'copy', title: 'Winter Methane From Small Lakes' },
  'second version': {
    id: 'copy',
    title: 'Bubbles under the ice of forty ponds (extended version)',
    abstract: `${abstract.split('. ').slice(0, 2).join('. ')}. We add a second winter with other ponds, a wider river and more weather, and the law of the first one still holds for each of them. Fishes do not mind.`,
  },
  'same title from another source, without an abstract': { id: 'copy', title: 'BUBBLES UNDER THE ICE OF FORTY PONDS.' },
}

describe('duplicates', () => {
  it.each(Object.entries(planted))('finds a copy: %s', async (_, copy) => {
    const library = await lettersLibrary([...others, base, copy])
    const { pairs, groups } = await library.duplicates()
    expect(pairs.map((pair) => [...pair.ids])).toContainEqual(['base', copy.id])
    expect(groups).toContainEqual(['base', copy.id])
    const [hit] = (await library.related('base', { k: 1 })).hits
    expect(hit).toMatchObject({ paper: { id: copy.id }, isDuplicate: true })
    const without = await library.related('base', { k: 50, omitDuplicates: true })
    expect(ids(without)).not.toContain(copy.id)
    expect(without.hits.every(({ isDuplicate }) => isDuplicate === undefined)).toBe(true)
    expect((await library.related(base, { k: 3, omitDuplicates: true })).hits.map(({ paper }) => paper.id)).toEqual(
      ids(await library.related('base', { k: 3, omitDuplicates: true })),
    )
  })

  it('finds the revision in the example, and nothing else', async () => {
    const library = await lettersLibrary(others)
    const { pairs, groups } = await library.duplicates()
    expect(groups).toHaveLength(1)
    expect(groups[0]?.map((id) => library.get(id)?.title)).toEqual([
      'Ledger Prompting: Long Agent Conversations in a Fixed Context',
      'Bounded Memory for Conversational Agents by Keeping a Ledger',
    ])
    expect(pairs).toHaveLength(1)
  })

  it('does not take a short title that two papers share for one paper', async () => {
    const library = await lettersLibrary([
      { id: 'a', title: 'Editorial', abstract: 'On ponds.' },
      { id: 'b', title: 'Editorial', abstract: 'On galaxies and dust.' },
      { id: 'c', title: 'A survey of deep learning', abstract: `${abstract}` },
      {
        id: 'd',
        title: 'A Survey of Deep Learning',
        abstract: 'Glass robots grasp what they cannot see, by touch alone, and we say how often.',
      },
    ])
    expect((await library.duplicates()).pairs).toEqual([])
  })

  it('groups what is connected, also where more papers are equal than a rare word has', async () => {
    const copies = Array.from({ length: 120 }, (_, i) => ({ ...base, id: `copy${i}` }))
    const library = await lettersLibrary([...others, ...copies, { ...planted['another title'], id: 'last' }])
    const { groups } = await library.duplicates()
    expect(groups[0]).toEqual([...copies.map(({ id }) => id), 'last'])
    expect(groups).toHaveLength(2)
  })

  it('scores by the share of the shorter paper, symmetric, and falls to nothing at a threshold above it', async () => {
    for (const order of [
      [base, planted['another title']],
      [planted['another title'], base],
    ]) {
      const library = await lettersLibrary(order)
      const [pair] = (await library.duplicates()).pairs
      expect(pair?.score).toBeCloseTo(24 / 27, 1)
      expect(pair?.isSameTitle).toBe(false)
      expect((await library.duplicates({ threshold: (pair?.score as number) + 1e-9 })).pairs).toEqual([])
      expect((await library.duplicates({ threshold: pair?.score as number })).pairs).toHaveLength(1)
    }
  })

  it.each([0, 1.1, '0.5'])('refuses the threshold %j', async (threshold) => {
    const library = await lettersLibrary()
    await expect(library.duplicates({ threshold: threshold as number })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('Expected `threshold`'),
    })
  })

  it('of nothing, and of one paper, are none', async () => {
    expect(await (await lettersLibrary()).duplicates()).toEqual({ pairs: [], groups: [] })
    expect(await (await lettersLibrary([base])).duplicates()).toEqual({ pairs: [], groups: [] })
  })
})
