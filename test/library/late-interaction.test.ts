import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { readPapers } from '../../src/sources/read-papers.ts'
import { lettersLibrary } from './letters.ts'

describe('rerank', () => {
  let library: PaperLibrary
  beforeAll(async () => {
    library = await PaperLibrary.open()
    await library.add(await readPapers('examples/digest.txt'))
  })
  afterAll(() => library.close())
  const query = 'robots that pick up see-through objects'

  it('is the mean over the tokens of a query of the nearest token, both centred, and a part of the score', async () => {
    const { hits, weights } = await library.search(query, { k: 3, rerank: 8, why: true })
    expect(weights.semantic).toBeCloseTo(0.4, 12)
    expect(weights.lexical).toBeCloseTo(0.8 / 3, 12)
    expect(weights.late).toBeCloseTo(1 / 3, 12)
    const plain = new Map((await library.search(query, { k: 8 })).hits.map((hit) => [hit.paper.id, hit]))
    const embedder = await createEmbedder()
    const unit = (row: readonly number[]) => row.map((value) => value / Math.hypot(...row))
    const vectors = async (text: string) => {
      const [codes = new Int8Array()] = (await embedder.embedTokens?.([text])) ?? []
      const rows = Array.from({ length: codes.length / 384 }, (_, token) =>
        unit(Array.from(codes.subarray(token * 384, (token + 1) * 384))),
      )
      const mean = rows[0]?.map((_, d) => rows.reduce((sum, row) => sum + (row[d] as number), 0) / rows.length) ?? []
      return rows.map((row) => unit(row.map((value, d) => value - (mean[d] as number))))
    }
    const asked = await vectors(query)
    expect(hits).toHaveLength(3)
    for (const { paper, score, semantic, lexical, late, why } of hits) {
      expect(plain.get(paper.id)).toMatchObject({ semantic, lexical })
      const tokens = await vectors(`${paper.title}\n${paper.abstract}`)
      const nearest = asked.map((a) =>
        Math.max(...tokens.map((b) => a.reduce((sum, value, d) => sum + value * (b[d] as number), 0))),
      )
      // What is kept is in 8 bits.
      expect(late).toBeCloseTo(nearest.reduce((sum, value) => sum + value) / asked.length, 3)
      expect(score).toBeCloseTo(0.4 * semantic + (0.8 * lexical + (late as number)) / 3, 12)
      const { parts } = why as NonNullable<typeof why>
      expect(parts.semantic + parts.lexical + (parts.late ?? 0)).toBeCloseTo(score, 12)
    }
  })

  it('gives the same pages, and the same again from what it keeps', async () => {
    const whole = await library.search(query, { k: 10, rerank: 12 })
    expect(await library.search(query, { k: 10, rerank: 12 })).toEqual(whole)
    expect((await library.search(query, { k: 4, offset: 6, rerank: 12 })).hits).toEqual(whole.hits.slice(6))
    expect((await library.search(query, { k: 4, rerank: 0 })).weights).not.toHaveProperty('late')
  })

  it('refuses what has no token vectors', async () => {
    const plain = await lettersLibrary([{ title: 'One' }])
    await expect(plain.search('one', { rerank: true })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('an embedder that gives token vectors'),
    })
    await expect(library.search(query, { rerank: -1 })).rejects.toThrow('Expected `rerank`')
  })
})
