import { describe, expect, it } from 'vitest'
import { evaluateRelated } from '../../src/library/evaluate-related.ts'
import { lettersLibrary } from './letters.ts'

const papers = [
  { id: 'a', title: 'Glass robots', abstract: 'robots grasp glass' },
  { id: 'b', title: 'Robots', abstract: 'robots that grasp' },
  { id: 'c', title: 'Galaxies', abstract: 'dust in galaxies' },
  { id: '2401.00001', title: 'Dust', abstract: 'dust and gas' },
]
const judged = (table: Record<string, Record<string, number>>) =>
  new Map(Object.entries(table).map(([query, grades]) => [query, new Map(Object.entries(grades))]))

describe('evaluateRelated', () => {
  it('from paper to paper leaves the paper itself and unknown ones out', async () => {
    const library = await lettersLibrary(papers)
    const evaluation = await evaluateRelated(
      library,
      judged({ a: { a: 1, b: 1, zz: 1 }, 'arXiv:2401.00001v2': { c: 2 }, c: { c: 1 }, nope: { a: 1 } }),
      { k: 1 },
    )
    expect(evaluation.queries).toEqual(['a', 'arXiv:2401.00001v2'])
    expect(evaluation).toMatchObject({ unknownPapers: 1, unknownQueries: 1, k: 1 })
    expect([...evaluation.values.hybrid.ndcg]).toEqual([1, 1])
    expect(evaluation.figures.hybrid.mrr).toEqual({ mean: 1, low: 1, high: 1 })
    expect(evaluation.comparisons.lexical.pValue).toBe(1)
  })

  it('of questions asks each in every mode', async () => {
    const library = await lettersLibrary(papers)
    const progress: number[] = []
    const { values } = await evaluateRelated(library, judged({ one: { c: 1 }, two: { b: 1 } }), {
      queries: new Map([
        ['one', '"the galaxies" of "zzz"'],
        ['two', 'zzz'],
      ]),
      k: 2,
      onProgress: ({ done }) => progress.push(done),
    })
    expect([...values.lexical.recall]).toEqual([1, 0])
    expect(values.semantic.recall[0]).toBe(1)
    expect(progress).toEqual([1, 2])
  })

  it('refuses judgements of which nothing is there', async () => {
    const library = await lettersLibrary(papers)
    await expect(evaluateRelated(library, judged({ x: { y: 1 } }))).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('1 of the 1 queries'),
    })
  })
})
