import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluateRun, type Run, rankingMetrics } from '../../src/evaluation/evaluate-run.ts'

const expected = JSON.parse(readFileSync('test/fixtures/trec-eval.json', 'utf8'))
const tables = (value: Record<string, Record<string, number>>): Run =>
  new Map(Object.entries(value).map(([query, documents]) => [query, new Map(Object.entries(documents))]))

describe('evaluateRun', () => {
  it('agrees with trec_eval to 1e-6: ties, unjudged documents, ids beyond ASCII, negative grades, unanswered queries', () => {
    const { queries, values } = evaluateRun(tables(expected.run), tables(expected.qrels), { k: expected.k })
    expect(queries).toEqual(['q0', 'q1', 'q2', 'q3', 'q4', 'q5', 'q7'])
    for (const [index, query] of queries.entries())
      for (const [place, metric] of rankingMetrics.entries())
        expect(Math.abs((values[metric][index] as number) - expected.figures[query][place])).toBeLessThan(1e-6)
  })

  it('does not depend on the order in which documents and queries are given', () => {
    const reversed = (run: Run): Run =>
      new Map([...run].reverse().map(([query, scores]) => [query, new Map([...scores].reverse())]))
    const run = tables(expected.run)
    const judgements = tables(expected.qrels)
    expect(evaluateRun(reversed(run), judgements)).toEqual(evaluateRun(run, judgements))
  })

  it('keeps every metric in 0 … 1, and at 1 for the ideal order', () => {
    const grades = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.integer({ min: 0, max: 3 }), { minKeys: 1 })
    fc.assert(
      fc.property(
        grades,
        fc.dictionary(fc.constantFrom(...'abcdefghij'), fc.double({ noNaN: true })),
        (judged, found) => {
          const { values } = evaluateRun(tables({ q: found }), tables({ q: judged }), { k: 3 })
          for (const metric of rankingMetrics)
            for (const value of values[metric]) {
              expect(value).toBeGreaterThanOrEqual(0)
              expect(value).toBeLessThanOrEqual(1)
            }
          const ideal = evaluateRun(tables({ q: judged }), tables({ q: judged }), { k: 3 })
          for (const metric of ['ndcg', 'map', 'mrr'] as const)
            for (const value of ideal.values[metric]) expect(value).toBeCloseTo(1, 12)
        },
      ),
    )
  })

  it('counts 0 if the run has no answer, and omits queries without relevant documents', () => {
    const figures = evaluateRun(new Map(), tables({ a: { x: 1 }, b: { x: 0 } }))
    expect(figures.queries).toEqual(['a'])
    expect([...figures.values.ndcg]).toEqual([0])
  })

  it('refuses NaN scores and an invalid k', () => {
    const run = tables({ a: { x: Number.NaN } })
    expect(() => evaluateRun(run, tables({ a: { x: 1 } }))).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('document `"x"`') }),
    )
    expect(() => evaluateRun(new Map(), new Map(), { k: 0 })).toThrow('Expected `k`')
  })
})
