import { describe, expect, it } from 'vitest'
import type { EmbedderInput } from '../../src/embedding/resolve-embedder.ts'
import type { PaperLibrary } from '../../src/library/paper-library.ts'
import type { PaperInput } from '../../src/paper.ts'

/** Counts of letters as a vector. */
const letters = async (texts: readonly string[]) =>
  texts.map((text) => {
    const vector = new Float32Array(27).fill(0.01)
    for (const letter of text.toLowerCase())
      vector[letter >= 'a' && letter <= 'z' ? letter.charCodeAt(0) - 96 : 0]! += 1
    return vector
  })

const subjects = {
  bees: ['bees', 'hive', 'nectar', 'pollen', 'swarm', 'queen', 'foraging', 'wax'],
  ice: ['glacier', 'ice', 'melt', 'firn', 'moraine', 'crevasse', 'snow', 'albedo'],
  looms: ['loom', 'weaving', 'warp', 'weft', 'shuttle', 'yarn', 'textile', 'heddle'],
  bells: ['bell', 'bronze', 'casting', 'carillon', 'chime', 'clapper', 'tower', 'tuning'],
} as const
type Subject = keyof typeof subjects

/** A paper with five of the eight words of its subject. */
const paper = (subject: Subject, i: number) => {
  const words = Array.from({ length: 5 }, (_, j) => subjects[subject][(i * 3 + j * (1 + (i % 3))) % 8] as string)
  return {
    id: `${subject}-${i}`,
    title: `On ${words[0]} and ${words[1]} number ${i}`,
    abstract: `We look at ${words.join(' beside ')} in year ${1900 + i}.`,
  }
}
const all = (Object.keys(subjects) as Subject[]).flatMap((subject) =>
  Array.from({ length: 12 }, (_, i) => paper(subject, i)),
)
const share = (hits: readonly { readonly paper: { readonly id: string } }[], subject: Subject) =>
  hits.filter(({ paper }) => paper.id.startsWith(subject)).length / hits.length
const embedder = Object.assign(letters.bind(null), { modelId: 'letters', dimensions: 27 })

/**
 * What every library recommends, wherever its papers are.
 * @param isFar whether the papers are in a database: it forgets the words of papers that were removed, as a library in
 * memory does only when it is opened again
 */
export function recommendSuite(
  libraryOf: (papers: readonly PaperInput[], embedder: EmbedderInput | 'none') => Promise<PaperLibrary>,
  { isFar = false }: { readonly isFar?: boolean } = {},
): void {
  describe('recommend', () => {
    it.each([1, 3, 7])('finds the rest of a subject of which %i papers are liked', async (count) => {
      const library = await libraryOf(all, embedder)
      const liked = Array.from({ length: count }, (_, i) => `bees-${i}`)
      const { hits } = await library.recommend({ liked, k: Math.min(5, 2 + count) })
      expect(share(hits, 'bees')).toBe(1)
      for (const { paper } of hits) expect(liked).not.toContain(paper.id)
      const scores = hits.map(({ score }) => score)
      expect(scores).toEqual([...scores].sort((a, b) => b - a))
      for (const score of scores) expect(score).toBeGreaterThan(0.5)
      const rest = (await library.recommend({ liked, k: 100 })).hits
      expect(rest).toHaveLength(all.length - count)
      expect(rest.at(-1)?.score).toBeLessThan(0.5)
    })

    it.skipIf(isFar)('gives half or more to what fits alone', async () => {
      await using library = await libraryOf(all, embedder)
      const liked = Array.from({ length: 6 }, (_, i) => paper('bees', i))
      await library.remove(all.filter(({ id }) => id.startsWith('bees')).map(({ id }) => id))
      const none = await library.recommend({ liked, k: 5 })
      for (const { score } of none.hits) expect(score).toBeLessThan(0.5)
      await library.add([paper('bees', 7), paper('bees', 9)])
      const { hits } = await library.recommend({ liked, k: 5 })
      expect(
        hits
          .filter(({ score }) => score >= 0.5)
          .map(({ paper }) => paper.id)
          .sort(),
      ).toEqual(['bees-7', 'bees-9'])
    })

    it('keeps two interests apart, and both in', async () => {
      const library = await libraryOf(all, embedder)
      const liked = [0, 1, 2, 3].flatMap((i) => [`bees-${i}`, `bells-${i}`])
      const { hits } = await library.recommend({ liked, k: 12, why: true })
      expect(share(hits, 'bees') + share(hits, 'bells')).toBe(1)
      expect(share(hits, 'bees')).toBeGreaterThan(0.2)
      expect(share(hits, 'bells')).toBeGreaterThan(0.2)
      for (const { paper, why } of hits) {
        const subject = paper.id.replace(/-\d+$/u, '') as Subject
        expect(why?.liked[0]?.id).toMatch(new RegExp(`^${subject}-`, 'u'))
        expect(subjects[subject]).toContain(why?.terms[0]?.term.split(' ')[0])
        expect(why?.terms.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(1 + 1e-9)
      }
    })

    it('ranks what is disliked down', async () => {
      const library = await libraryOf(all, embedder)
      const liked = ['bees-0', 'bees-1', 'ice-0', 'ice-1']
      const rankOf = async (disliked: readonly string[]) => {
        const { hits } = await library.recommend({ liked, disliked, k: 100 })
        return hits.findIndex(({ paper }) => paper.id === 'ice-4')
      }
      expect(await rankOf(['ice-2', 'ice-3', 'ice-5'])).toBeGreaterThan(await rankOf([]))
    })

    it('chooses among papers that the library does not have, and by papers that it does not have', async () => {
      const library = await libraryOf(all, embedder)
      const among = [paper('ice', 20), paper('looms', 21), paper('bees', 22)].map((one) => ({
        ...one,
        id: `new-${one.id}`,
      }))
      const liked = [0, 1, 2].map((i) => ({ ...paper('looms', i + 30), id: `mine-${i}` }))
      const { hits } = await library.recommend({ liked, among, k: 5 })
      expect(hits.map(({ paper }) => paper.id)).toHaveLength(3)
      expect(hits[0]?.paper).toMatchObject({ id: 'new-looms-21', title: among[1]?.title })
      expect(await library.readPapers(['new-looms-21'])).toEqual([undefined])
      expect((await library.recommend({ liked, among: [] })).hits).toEqual([])
      expect(await library.recommend({ liked: 'ice-0', among: ['ice-0', 'ice-1'] })).toMatchObject({
        hits: [{ paper: { id: 'ice-1' } }],
        known: ['ice-0'],
      })
    })

    it('marks near-duplicates of what is liked, or leaves them out', async () => {
      const library = await libraryOf(all, embedder)
      const text = {
        title: 'Bees and their hive in spring',
        abstract:
          'Pollen and nectar of forty hives are weighed by hand each morning before the swarm leaves the hive for the meadow.',
      }
      await library.add([
        { id: 'first', ...text },
        { id: 'second', ...text },
      ])
      const { hits } = await library.recommend({ liked: 'first', k: 3 })
      expect(hits[0]).toMatchObject({ paper: { id: 'second' }, isDuplicate: true })
      const { hits: others, known } = await library.recommend({ liked: 'first', k: 3, omitDuplicates: true })
      expect(others.map(({ paper }) => paper.id)).not.toContain('second')
      expect(known).toEqual(['second'])
    })

    it('answers the same each time, and by words alone without a model', async () => {
      const library = await libraryOf(all, embedder)
      const asked = { liked: ['bees-1', 'ice-2', 'ice-3'], k: 20, why: true }
      expect(await library.recommend(asked)).toEqual(await library.recommend(asked))
      const bare = await libraryOf([], 'none')
      await bare.add(all, { vectors: await letters(all.map(({ title }) => title)) })
      const liked = [{ title: 'A hive of bees', abstract: 'Nectar, pollen and the swarm.' }]
      expect(share((await bare.recommend({ liked, k: 4 })).hits, 'bees')).toBe(1)
    })

    it('says what is wrong', async () => {
      const library = await libraryOf(all, embedder)
      await expect(library.recommend({ liked: [] })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: /liked/u,
      })
      await expect(library.recommend({} as never)).rejects.toMatchObject({ code: 'invalid-argument' })
      await expect(library.recommend({ liked: 'bees-99' })).rejects.toMatchObject({ code: 'paper-not-found' })
      await expect(library.recommend({ liked: ['bees-1', 'ice-1'], disliked: 'ice-1' })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: /ice-1/u,
      })
      await expect(library.recommend({ liked: 'bees-1', k: 0 })).rejects.toMatchObject({ code: 'invalid-argument' })
      await expect(library.recommend({ liked: 'bees-1', likes: 1 } as never)).rejects.toMatchObject({
        code: 'invalid-argument',
      })
    })
  })
}
