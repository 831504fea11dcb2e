import { describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { letters, lettersLibrary, paper } from './letters.ts'

const words = 'graph kernel robot policy protein ocean quantum speech music cache'.split(' ')
const titleOf = (i: number) => `${words[i % 10]} ${words[(i * 7 + 3) % 10]} ${i}`
const vectorOf = (i: number) => Float32Array.from({ length: 8 }, (_, d) => Math.sin(i * 3.7 + d))

describe('a question beside a write', () => {
  it('never finds the paper that it is about, whenever that is updated', async () => {
    const library = await PaperLibrary.open({ embedder: 'none' })
    const papers = Array.from({ length: 120 }, (_, i) => ({ id: `p${i}`, title: titleOf(i) }))
    await library.add(papers, { vectors: papers.map((_, i) => vectorOf(i + 1)) })
    let lists = 0
    for (let n = 0; n < 150; n++) {
      const adding = library.add([{ id: 'p0', title: `graph kernel 0 again ${n}` }], { vectors: [vectorOf(1)] })
      for (let turn = 0; turn < n % 5; turn++) await Promise.resolve()
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
      const asked = [
        library.related('p0', { k: 3, why: n % 10 === 0 }),
        ...(n % 2 ? [library.relatedMany(['p0', { like: ['p0', 'p7'] }], { k: 3 }).then(([, both]) => both)] : []),
      ]
      await new Promise((resolve) => setImmediate(resolve))
      asked.push(library.related('p0', { k: 3, diversity: 0.4 }))
      for (const list of await Promise.all(asked)) {
        lists++
        expect(list?.hits.map(({ paper }) => paper.id)).not.toContain('p0')
        for (const { lexical, why } of list?.hits ?? []) {
          const sum = why?.terms.reduce((total, { weight }) => total + weight, 0)
          if (sum !== undefined) expect(sum).toBeCloseTo(lexical, 6)
        }
      }
      await adding
    }
    expect(lists).toBe(375)
    await library.close()
  })

  it('goes on with a paper that is removed while the embedder thinks', async () => {
    const slow = letters()
    let release = () => {}
    const library = await PaperLibrary.open({
      embedder: {
        ...slow,
        embed: async (texts, options) => {
          if (texts.includes('Waiting')) await new Promise<void>((resolve) => (release = resolve))
          return slow.embed(texts, options)
        },
      },
    })
    await library.add(['a', 'b', 'c', 'd'].map((id) => paper(id, `The reeds of ${id}`)))
    const asked = library.related({ like: ['a', { title: 'Waiting' }] }, { k: 4 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    await library.remove(['a'])
    await library.add([paper('b', 'Changed', 'meanwhile')])
    release()
    const { hits } = await asked
    expect(hits.map(({ paper }) => paper.id).sort()).toEqual(['b', 'c', 'd'])
    expect(hits.find(({ paper }) => paper.id === 'b')?.paper.title).toBe('Changed')
    await library.close()
  })
})

describe('ids', () => {
  it('that are numbers are found as they were added', async () => {
    const library = await lettersLibrary([{ id: 1, title: 'One reed' }, { id: 2, title: 'Two reeds' }, paper('x')])
    expect([library.has(1), library.get(2)?.title, library.vector(1)?.length]).toEqual([true, 'Two reeds', 27])
    expect((await library.related(1, { k: 1 })).hits[0]?.paper.id).toBe('2')
    expect((await library.related({ like: [1, 2] }, { k: 1 })).hits[0]?.paper.id).toBe('x')
    expect((await library.related({ id: 1 }, { k: 1 })).hits[0]?.paper.id).toBe('2')
    expect(await library.remove([1, '2'])).toBe(2)
    expect(library.papers().map(({ id }) => id)).toEqual(['x'])
    await library.close()
  })

  it('name their paper without a look at any other', async () => {
    const library = await lettersLibrary(Array.from({ length: 50 }, (_, i) => paper(`p${i}`, `Title p${i}`)))
    expect(library.find('p7', { k: 6 })).toEqual([{ paper: library.get('p7'), match: 'exact', score: 1 }])
    expect(library.find('title p7', { k: 6 })[0]).toMatchObject({ match: 'exact', paper: { id: 'p7' } })
    expect(library.find('title p7', { k: 6 })).toHaveLength(6)
    await library.close()
  })
})

it('related papers of a text come from a vector of its own', async () => {
  const library = await PaperLibrary.open({ embedder: 'none' })
  await library.add(
    ['a', 'b'].map((id) => paper(id)),
    {
      vectors: [
        [1, 0],
        [0, 1],
      ],
    },
  )
  const { hits } = await library.related({ title: 'A draft' }, { vector: [0, 2], mode: 'semantic' })
  expect(hits.map(({ paper, semantic }) => [paper.id, semantic])).toEqual([
    ['b', 1],
    ['a', 0],
  ])
  for (const seeds of ['a', { like: [{ title: 'one' }, { title: 'two' }] }])
    await expect(library.related(seeds, { vector: [0, 1] })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(library.related({ title: 'A draft' }, { vector: [1] })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
  await expect(library.related({ title: 'A draft' })).rejects.toMatchObject({
    code: 'embedder-unavailable',
    message: expect.stringMatching(/`vector`/u),
  })
  await library.close()
})

it('shared words are spelled as the hit spells them, in answers and in reports', async () => {
  const library = await PaperLibrary.open({ embedder: 'none' })
  const papers = [
    {
      id: 'a',
      title: 'AI agents for CT scans',
      abstract: 'We build AI models easily. CT imaging, U-Net and H$_2$O; easily built.',
    },
    { id: 'b', title: 'CT with AI', abstract: 'AI builds CT tools easily with U-Net on H$_2$O studies.' },
    { id: 'c', title: 'Other', abstract: 'Nothing here.' },
  ]
  await library.add(papers, {
    vectors: [
      [1, 0],
      [1, 0.1],
      [0, 1],
    ],
  })
  const [hit] = (await library.related('a', { k: 1, why: true })).hits
  expect(hit?.why?.terms.map(({ term }) => term)).toEqual(
    expect.arrayContaining(['AI', 'CT', 'easily', 'builds', 'U-Net', 'H2O']),
  )
  const report = JSON.parse(await library.report(await library.topics({ count: 1 }), { format: 'json' }))
  expect(report.papers[0].kin[0].shared).toEqual(['AI', 'CT', 'easily', 'build'])
  await library.close()
})
