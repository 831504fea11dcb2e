import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { bestPapers, type Condition } from '../../src/library/asking/best-papers.ts'
import { Roster } from '../../src/library/collection/collection.ts'
import type { StoredPaper } from '../../src/library/storage/storage.ts'
import { toPaper } from '../../src/paper.ts'
import { ExactIndex } from '../../src/vectors/exact-index.ts'
import { ExactSnapshot } from '../../src/vectors/exact-snapshot.ts'
import type { NearestOptions, VectorSnapshot } from '../../src/vectors/vector-index.ts'
import { clusteredRows } from '../vectors/clustered.ts'

const dimensions = 384
const count = 1500
const { rows: vectors } = clusteredRows(count, dimensions, { centres: 12, seed: 5 })

/** A graph whose recall is 1. */
class PerfectGraph extends ExactSnapshot {
  searches = 0

  async nearest(query: ArrayLike<number>, { k, filter = () => true }: NearestOptions): Promise<Int32Array> {
    this.searches++
    const rows = Int32Array.from({ length: count }, (_, row) => row).filter(filter)
    const scores = (await super.scoreRows(query, rows)).map(Math.fround)
    const order = Array.from(rows.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
    return Int32Array.from(order.slice(0, k), (place) => rows[place] as number)
  }
}

/** Papers of which none has been read. */
function rosterOf(rowOf: (i: number) => number): Roster {
  return new Roster(
    Array.from(
      { length: count },
      (_, i): StoredPaper => ({ id: `p${i}`, row: rowOf(i), textCrc: 0, cached: undefined }),
    ),
  )
}

const read = async (papers: readonly StoredPaper[]) => {
  for (const paper of papers) paper.cached = toPaper({ id: paper.id, title: `Paper ${paper.id}` })
}

/** A condition that looks at the paper. */
function numbered(roster: Roster, isWanted: (place: number) => boolean): Condition {
  return { needsPaper: () => true, holds: (place) => isWanted(Number(roster.papers[place]?.cached?.id.slice(1))) }
}

describe('bestPapers', () => {
  it.each([{ by: 'bounds' }, { by: 'a graph that finds all' }, { by: 'scores alone' }])(
    'are those of a look at every score, in the same order and with the same bits ($by)',
    async ({ by }) => {
      // Enough values for the index to keep codes. Rows stand against the order of the papers.
      const index = new ExactIndex(dimensions)
      await index.add(
        Array.from({ length: count }, (_, i) => i),
        vectors,
      )
      expect(index.snapshot().state.codes).toBeDefined()
      const roster = rosterOf((i) => count - 1 - i)
      const { state } = index.snapshot()
      const exact = new ExactSnapshot(state)
      const snapshots: Record<string, VectorSnapshot> = {
        bounds: exact,
        'a graph that finds all': new PerfectGraph(state),
        // What any index can do.
        'scores alone': {
          dimensions,
          has: (row) => exact.has(row),
          vector: (row) => exact.vector(row),
          vectors: (rows) => exact.vectors(rows),
          scoreRows: (query, rows) => exact.scoreRows(query, rows),
        },
      }
      const snapshot = snapshots[by] as VectorSnapshot
      const row = fc.integer({ min: 0, max: count - 1 })
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            like: row,
            unlike: fc.array(row, { maxLength: 2 }),
            wanted: fc.constantFrom(1, 10, 100, count),
            semantic: fc.constantFrom(0, 0.4, 1),
            keepEvery: fc.constantFrom(1, 2, 90, 700, 2000),
            step: fc.integer({ min: 3, max: 50 }),
            hasRecency: fc.boolean(),
          }),
          async ({ like, unlike, wanted, semantic, keepEvery, step, hasRecency }) => {
            // Some scores are equal, and a part is 0.
            const lexical = Float64Array.from({ length: count }, (_, i) => ((i * step) % 40) / 60)
            const recency = hasRecency ? Float64Array.from({ length: count }, (_, i) => (i % 7) / 7) : undefined
            const weights = { semantic, lexical: 1 - semantic, recency: 0.2 }
            for (const paper of roster.papers) paper.cached = undefined
            let asked = 0
            const found = await bestPapers(
              {
                direction: semantic > 0 ? snapshot.vector(like) : undefined,
                unlikeDirections: unlike.map((other) => snapshot.vector(other)),
                lexical,
                isMatch: (its) => its !== like,
                conditions:
                  keepEvery === 1
                    ? []
                    : [
                        numbered(roster, (place) => {
                          asked++
                          return place % keepEvery === 1
                        }),
                      ],
              },
              { wanted, weights, recency, roster, snapshot, read, signal: undefined },
            )
            const all = roster.rows
            const cosines = await snapshot.scoreRows(snapshot.vector(like), all)
            const others = await Promise.all(unlike.map((other) => snapshot.scoreRows(snapshot.vector(other), all)))
            const expected = Array.from(all, (its, place) => {
              const worst = Math.max(0, ...others.map((scores) => scores[place] as number))
              const part =
                semantic > 0 ? Math.max(0, Math.min(1, Math.max(0, cosines[place] as number)) - 0.5 * worst) : 0
              const rest = weights.lexical * (lexical[its] as number) + (recency ? 0.2 * (recency[place] as number) : 0)
              return { place, semantic: part, score: Math.min(1, semantic * part + rest) }
            })
              .filter(({ place }) => all[place] !== like && (keepEvery === 1 || place % keepEvery === 1))
              .sort((a, b) => b.score - a.score || a.place - b.place)
              .slice(0, wanted)
            expect(found).toEqual(expected)
            // No paper is asked twice.
            expect(asked).toBeLessThanOrEqual(count)
          },
        ),
        { numRuns: 60 },
      )
      if (snapshot instanceof PerfectGraph) expect(snapshot.searches).toBeGreaterThan(0)
    },
  )

  it('of a graph are found without a look at every vector, where both orders end soon', async () => {
    const index = new ExactIndex(dimensions)
    await index.add(
      Array.from({ length: count }, (_, i) => i),
      vectors,
    )
    const snapshot = new PerfectGraph(index.snapshot().state)
    const roster = rosterOf((i) => i)
    const bounds = vi.spyOn(snapshot, 'bounds')
    const ask = (lexical: Float64Array, recency?: Float64Array) =>
      bestPapers(
        {
          direction: snapshot.vector(7),
          unlikeDirections: [],
          lexical,
          isMatch: (row) => row !== 7,
          conditions: [numbered(roster, (place) => place % 7 !== 0)],
        },
        {
          wanted: 10,
          weights: { semantic: 0.5, lexical: 0.4, recency: 0.1 },
          recency,
          roster,
          snapshot,
          read,
          signal: undefined,
        },
      )
    const few = Float64Array.from({ length: count }, (_, i) => (i % 100 === 0 ? i / count : 0))
    expect(await ask(few)).toHaveLength(10)
    const dated = await ask(
      few,
      Float64Array.from({ length: count }, (_, i) => 1 / (i + 1)),
    )
    expect(dated.every(({ place }) => place % 7 !== 0)).toBe(true)
    expect(bounds).not.toHaveBeenCalled()
    // Where all are equally good, neither order proves anything.
    const alike = new Float64Array(count).fill(1)
    vi.spyOn(snapshot, 'scoreRows').mockImplementation(async (_, rows) => new Float64Array(rows.length))
    expect(await ask(alike)).toHaveLength(10)
    expect(bounds).toHaveBeenCalledOnce()
  })
})
