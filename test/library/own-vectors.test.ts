import { describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { PaperInput } from '../../src/paper.ts'

const paper = (id: string, title = `Title ${id}`, abstract = `About ${id}.`) => ({ id, title, abstract })
const papers = [paper('east'), paper('north'), paper('north-east')]
const vectors = [
  [2, 0, 0],
  [0, 0.5, 0],
  [3, 3, 0],
]
/** Turns every text into the same direction, and counts the texts. */
const embedder = () => {
  const seen: string[] = []
  const embed = async (texts: readonly string[]) => texts.map((text) => [seen.push(text), 0, 0].map(Math.sign))
  return { seen, embed: Object.assign(embed, { modelId: 'east', dimensions: 3 }) }
}
const none = async () => {
  const library = await PaperLibrary.open({ embedder: 'none' })
  await library.add(papers, { vectors })
  return library
}
const found = ({ hits }: Awaited<ReturnType<PaperLibrary['search']>>) =>
  hits.map(({ paper, semantic }) => [paper.id, Number(semantic.toFixed(2))])

describe('a library without an embedder', () => {
  it('takes its width from the first vectors, and gives them back at unit length', async () => {
    const library = await PaperLibrary.open({ embedder: 'none' })
    expect([library.dimensions, library.embedder, library.index.kind]).toEqual([undefined, undefined, 'exact'])
    expect(await library.add([], { vectors: [] })).toMatchObject({ added: [] })
    expect(library.dimensions).toBeUndefined()
    await library.add(papers, { vectors: Float32Array.from(vectors.flat()) })
    expect(library.dimensions).toBe(3)
    expect(library.vector('east')).toEqual(Float32Array.of(1, 0, 0))
    expect(library.vector('north-east')).toEqual(Float32Array.of(Math.SQRT1_2, Math.SQRT1_2, 0))
    expect(library.vector('south')).toBeUndefined()
    library.vector('east')?.fill(7)
    expect(library.vector('east')).toEqual(Float32Array.of(1, 0, 0))
    await library.remove(papers.map(({ id }) => id))
    expect(library.dimensions).toBe(3)
    await library.close()
    expect(() => library.vector('east')).toThrow(expect.objectContaining({ code: 'library-closed' }))
  })

  it('finds kin, hits by a vector and hits by words', async () => {
    const library = await none()
    expect(found(await library.related('east', { k: 2 }))).toEqual([
      ['north-east', 0.71],
      ['north', 0],
    ])
    expect(found(await library.search('', { vector: [0, 9, 0], k: 2 }))).toEqual([
      ['north', 1],
      ['north-east', 0.71],
    ])
    const { hits, weights } = await library.search('about north', { vector: Float32Array.of(1, 0, 0), k: 3 })
    expect(weights).toEqual({ semantic: 0.6, lexical: 0.4 })
    expect(hits.map(({ paper }) => paper.id)).toEqual(['north-east', 'east', 'north'])
    const words = await library.search('north')
    expect(words.weights).toEqual({ semantic: 0, lexical: 1 })
    expect(words.hits.map(({ paper }) => paper.id).sort()).toEqual(['north', 'north-east'])
    const topics = await library.topics({ seed: 1 })
    expect(topics.topics.flatMap(({ size }) => size).reduce((sum, size) => sum + size, topics.outliers.length)).toBe(3)
    await library.close()
  })

  it('has no hits and no topics while it is empty', async () => {
    const library = await PaperLibrary.open({ embedder: 'none' })
    expect((await library.search('', { vector: [1, 2] })).hits).toEqual([])
    expect((await library.search('words')).hits).toEqual([])
    expect((await library.topics()).topics).toEqual([])
    await library.close()
  })

  it('refuses new texts without a vector, and questions that need a model', async () => {
    const library = await none()
    await expect(library.add([paper('west')])).rejects.toMatchObject({
      code: 'embedder-unavailable',
      message: expect.stringMatching(/^Expected `vectors`.* 1 of the papers /u),
    })
    await expect(library.search('north', { mode: 'hybrid' })).rejects.toMatchObject({
      code: 'embedder-unavailable',
      message: expect.stringMatching(/^Expected `vector`/u),
    })
    await expect(library.search('')).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(library.size).toBe(3)
    expect(await library.add([{ ...papers[0], categories: ['cs.CL'] }])).toMatchObject({ updated: ['east'] })
    expect(library.vector('east')).toEqual(Float32Array.of(1, 0, 0))
    await library.close()
  })

  it.each<[string, readonly PaperInput[], readonly (readonly number[])[] | Float32Array, string, RegExp]>([
    ['too few', papers, vectors.slice(1), 'invalid-argument', /one for each of the 3 papers, got 2/u],
    ['too many', papers, new Float32Array(12).fill(1), 'invalid-argument', /one for each of the 3 papers, got 4/u],
    ['another width', [paper('x')], [[1, 2]], 'invalid-argument', /vector 0 of `vectors` to have 3 values, got 2/u],
    ['parts of rows', [paper('x')], new Float32Array(4).fill(1), 'invalid-argument', /whole rows of 3/u],
    ['NaN', [paper('x')], [[1, Number.NaN, 0]], 'invalid-argument', /`vectors\[0\]` to hold finite numbers/u],
    ['infinity', [paper('x')], [[1, 0, Infinity]], 'invalid-argument', /`vectors\[0\]` to hold finite numbers/u],
    [
      'zeros',
      [paper('x'), paper('y')],
      [vectors[0]!, [0, 0, 0]],
      'invalid-argument',
      /`vectors\[1\]` to point somewhere/u,
    ],
    ['no vectors', [paper('x')], 'vectors' as never, 'invalid-argument', /`vectors` to be a Float32Array or an array/u],
    ['two of one paper', [paper('x'), paper('x')], [vectors[0]!, vectors[1]!], 'invalid-paper', /different vectors/u],
  ])('refuses %s, and stays as it was', async (_, records, given, code, message) => {
    const library = await none()
    await expect(library.add(records, { vectors: given })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    expect([library.size, library.has('x')]).toEqual([3, false])
    await expect(library.search('', { vector: [1, 2] })).rejects.toMatchObject({ code: 'invalid-argument' })
    await library.close()
  })

  it('fixes no width by vectors that it refuses', async () => {
    const library = await PaperLibrary.open({ embedder: 'none' })
    await expect(library.add([paper('x')], { vectors: [[0, 0]] })).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(library.dimensions).toBeUndefined()
    await library.add(papers, { vectors })
    expect(library.dimensions).toBe(3)
    await library.close()
  })
})

describe('vectors of one’s own beside an embedder', () => {
  it('are not embedded, and stay until the text changes or another is given', async () => {
    const { seen, embed } = embedder()
    const library = await PaperLibrary.open({ embedder: embed })
    await library.add(papers, { vectors })
    expect(seen).toEqual([])
    expect(await library.add(papers)).toMatchObject({ unchanged: ['east', 'north', 'north-east'] })
    expect(
      await library.add(papers, { vectors: vectors.map((vector) => vector.map((value) => 2 * value)) }),
    ).toMatchObject({ unchanged: ['east', 'north', 'north-east'], updated: [] })
    expect(await library.add(papers.slice(0, 1), { vectors: [[0, 0, 1]] })).toMatchObject({ updated: ['east'] })
    expect(library.vector('east')).toEqual(Float32Array.of(0, 0, 1))
    expect((await library.related('east')).hits.map(({ semantic }) => semantic)).toEqual([0, 0])
    expect(seen).toEqual([])
    await library.add([paper('north', 'Another title')])
    expect(seen).toEqual(['Another title\nAbout north.'])
    expect(library.vector('north')).toEqual(Float32Array.of(1, 0, 0))
    expect(library.size).toBe(3)
    await library.close()
  })
})
