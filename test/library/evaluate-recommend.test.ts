import { describe, expect, it } from 'vitest'
import { evaluateRecommend, recommendVariants } from '../../src/library/evaluate-recommend.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'

// Two subjects of twelve papers each, and vectors that keep them apart.
const subjects = { robots: ['robots', 'grasp', 'tactile'], ponds: ['ponds', 'methane', 'bubbles'] }
const papers = Object.entries(subjects).flatMap(([name, words]) =>
  Array.from({ length: 12 }, (_, i) => ({
    id: `${name}${i}`,
    title: `${words[i % 3]} study ${i}`,
    abstract: `The ${words[(i + 1) % 3]} and ${words[(i + 2) % 3]} of case w${i}.`,
  })),
)
const vectors = papers.map((_, i) => {
  const angle = 0.02 * (i % 12)
  return i < 12 ? [Math.cos(angle), Math.sin(angle), 0] : [0, Math.sin(angle), Math.cos(angle)]
})
const open = async () => {
  const library = await PaperLibrary.open({ embedder: 'none' })
  await library.add(papers, { vectors })
  return library
}
const of = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`)

describe('evaluateRecommend', () => {
  it('hides a part of what each reader likes, and asks for it', async () => {
    await using library = await open()
    const progress: number[] = []
    const liked = new Map([
      ['one', [...of('robots', 12), 'nowhere']],
      ['two', of('ponds', 12)],
      ['three', ['robots1']],
    ])
    const evaluation = await evaluateRecommend(library, liked, {
      k: 2,
      folds: 6,
      onProgress: ({ done, total }) => progress.push(done / total),
    })
    expect(evaluation).toMatchObject({
      readers: ['one', 'two'],
      passedOver: ['three'],
      unknownPapers: 1,
      k: 2,
      folds: 6,
    })
    // Twelve papers in six parts: two are hidden at a time, and no other paper of the subject is left to be ranked.
    for (const variant of recommendVariants)
      expect([...evaluation.values[variant].ndcg], variant).toEqual([1, 1].map((one) => expect.closeTo(one, 12)))
    expect(evaluation.comparisons.mean).toEqual({ difference: { mean: 0, low: 0, high: 0 }, pValue: 1 })
    expect(progress).toHaveLength(12)
    expect(progress.at(-1)).toBe(1)
  })

  it('counts what a reader would like but did not name as wrong', async () => {
    await using library = await open()
    const { values } = await evaluateRecommend(library, new Map([['one', of('robots', 2)]]), { k: 11, folds: 5 })
    // One paper is liked, one hidden: it is among the eleven others of its subject.
    for (const variant of recommendVariants) {
      expect(values[variant].recall[0], variant).toBe(1)
      expect(values[variant].precision[0], variant).toBeCloseTo(1 / 11, 12)
    }
  })

  it('gives the same figures again, and others with another seed', async () => {
    await using library = await open()
    const liked = new Map([['one', [...of('robots', 5), ...of('ponds', 4)]]])
    const first = await evaluateRecommend(library, liked)
    expect(await evaluateRecommend(library, liked)).toEqual(first)
    expect((await evaluateRecommend(library, liked, { seed: 2 })).values).not.toEqual(first.values)
  })

  it('refuses what cannot be measured', async () => {
    await using library = await open()
    const liked = new Map([['one', ['x', 'y']]])
    await expect(evaluateRecommend(library, liked)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('2 liked papers are not in it'),
    })
    await expect(evaluateRecommend(library, new Map([['one', 'robots1']]))).rejects.toThrow(
      /liked.get\("one"\).*"robots1"/u,
    )
    await expect(evaluateRecommend(library, liked, { folds: 1 })).rejects.toThrow(/`folds`/u)
  })

  it('ends when it is aborted', async () => {
    await using library = await open()
    const controller = new AbortController()
    const reason = new Error('enough')
    const evaluating = evaluateRecommend(library, new Map([['one', of('robots', 9)]]), {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(evaluating).rejects.toBe(reason)
  })
})
