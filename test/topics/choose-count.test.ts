import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { pickLevel } from '../../src/topics/choose-count.ts'
import { cut, dendrogram } from '../../src/topics/dendrogram.ts'
import { descriptionLength } from '../../src/topics/description-length.ts'
import { countOf, modularity } from '../../src/topics/leiden.ts'
import { weightedGraph } from '../../src/topics/weighted-graph.ts'

const slice = timeSlice(undefined)

/** `count` cliques of `size`, each joined to the next by one edge; the heavier, the higher its number. */
function ringOfCliques(count: number, size: number) {
  const edges: number[] = []
  const weights: number[] = []
  for (let c = 0; c < count; c++) {
    for (let a = 0; a < size; a++)
      for (let b = 0; b < a; b++) {
        edges.push(c * size + a, c * size + b)
        weights.push(4)
      }
    edges.push(c * size, ((c + 1) % count) * size + 1)
    weights.push(1 + c / count)
  }
  return weightedGraph(edges, { nodes: count * size, weights, slice })
}

describe('the level that is picked', () => {
  // By 10,000 nodes ten topics or more are wanted, and no more than the description pays for.
  const nodes = 10_000
  const curve = (levels: readonly (readonly [count: number, stability: number])[], worth = 100) =>
    levels.map(([count, stability], i) => ({
      resolution: 0.1 * 1.2 ** i,
      count,
      stability,
      description: Math.abs(Math.log(count / worth)),
    }))
  const falling = (from: number, to: number): (readonly [number, number])[] =>
    Array.from({ length: 5 }, (_, i) => [Math.round(from + ((to - from) * i) / 5), 0.5 - 0.01 * i])
  const before = [
    [2, 0.95],
    [3, 0.9],
    [4, 0.7],
    [5, 0.5],
  ] as const
  const after = falling(60, 100)

  test.each([
    [
      'stands out most, not the most stable one',
      [
        [12, 0.55],
        [14, 0.6],
        [16, 0.8],
        [18, 0.6],
        [20, 0.55],
        [30, 0.5],
      ],
      16,
    ],
    [
      'is the next that is fine enough, where a peak is just too coarse',
      [
        [7, 0.6],
        [8, 0.8],
        [9, 0.7],
        [11, 0.62],
        [20, 0.5],
        [30, 0.5],
      ],
      11,
    ],
    [
      'is not drawn to a peak that is far too coarse',
      [
        [5, 0.6],
        [6, 0.8],
        [7, 0.7],
        [8, 0.6],
        [9, 0.5],
        [11, 0.45],
        [20, 0.5],
        [30, 0.58],
        [40, 0.5],
      ],
      30,
    ],
  ] as const)('%s', (_, middle, expected) => {
    expect(pickLevel(curve([...before, ...middle, ...after]), { nodes, times: 1 }).level.count).toBe(expected)
  })

  test('is the most stable one of the range where none stands out', () => {
    const levels = Array.from({ length: 20 }, (_, i) => [2 + 2 * i, 0.9 - 0.02 * i] as const)
    expect(pickLevel(curve(levels), { nodes, times: 1 }).level.count).toBe(10)
  })

  test('is clear where it has no rival, and where nothing stands out', () => {
    const isClear = (middle: readonly (readonly [number, number])[], times = 1) =>
      pickLevel(curve([...before, ...middle, ...after]), { nodes, times }).isClear
    const low = [12, 0.5] as const
    const one = [low, low, low, low, [16, 0.8], low, low] as const
    const half = [low, low, low, [20, 0.75], low, low] as const
    const small = [low, low, low, low, [30, 0.54], low, low] as const
    expect(isClear(one)).toBe(true)
    expect(isClear([...one, ...half])).toBe(false)
    expect(isClear([...one, ...small])).toBe(true)
    // A peak near the least height is not clear before it was measured more often.
    expect(isClear(small)).toBe(false)
    expect(isClear(small, 4)).toBe(true)
    expect(
      pickLevel(curve(Array.from({ length: 20 }, (_, i) => [2 + 2 * i, 0.9 - 0.02 * i])), { nodes, times: 1 }).isClear,
    ).toBe(true)
  })

  test('is no finer than the description pays for, or than the root of the number of papers', () => {
    const levels = [...before, ...falling(10, 30), ...falling(90, 110), [150, 0.5], [200, 0.9], [250, 0.5]] as const
    expect(pickLevel(curve(levels, 300), { nodes, times: 1 }).level.count).toBe(200)
    expect(pickLevel(curve(levels, 40), { nodes, times: 1 }).level.count).toBeLessThanOrEqual(100)
  })
})

describe('description length', () => {
  test('is shortest for the cliques of a ring, not for pairs of them or their halves', async () => {
    const ring = await ringOfCliques(12, 10)
    const groups = (size: number) => Int32Array.from({ length: 120 }, (_, v) => Math.floor(v / size))
    const cliques = descriptionLength(ring, groups(10))
    for (const size of [5, 20, 30, 60, 120]) expect(descriptionLength(ring, groups(size))).toBeGreaterThan(cliques)
  })

  test('counts every term of the model', async () => {
    // Two triangles joined by an edge, each a community: 3 + 3 edges inside, 1 between, 7 ends each.
    const graph = await weightedGraph([0, 1, 1, 2, 0, 2, 3, 4, 4, 5, 3, 5, 2, 3], { nodes: 6, slice })
    const inside = 2 * (6 / 2) * Math.log(6 / (7 * 7))
    const between = 2 * (1 / 2) * Math.log(1 / (7 * 7))
    // 7 edges over 3 kinds of pairs: C(9, 7); sizes of 2 communities: C(5, 1); members: 6! / (3! 3!).
    const rest = Math.log(36) + Math.log(5) + Math.log(20)
    expect(descriptionLength(graph, Int32Array.from([0, 0, 0, 1, 1, 1]))).toBeCloseTo(rest - inside - between, 2)
  })
})

describe('dendrogram', () => {
  test('merges what is joined by the most weight for its size first', async () => {
    const ring = await ringOfCliques(6, 5)
    const cliques = Int32Array.from({ length: 30 }, (_, v) => Math.floor(v / 5))
    const merges = await dendrogram(ring, cliques, slice)
    expect(merges).toHaveLength(5)
    // The heaviest bridge joins the last clique to the first.
    expect([merges[0]!.into, merges[0]!.from]).toEqual([0, 5])
  })

  const graphs = fc
    .tuple(fc.integer({ min: 2, max: 30 }), fc.array(fc.tuple(fc.nat(29), fc.nat(29), fc.integer({ min: 1, max: 8 }))))
    .map(([nodes, triples]) => {
      const inside = triples.filter(([a, b]) => a < nodes && b < nodes && a !== b)
      return weightedGraph(
        inside.flatMap((edge) => edge.slice(0, 2)),
        { nodes, weights: inside.map(([, , w]) => w / 8), slice },
      )
    })

  test('every cut nests in the next, and a merge gains just below its resolution and not above', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (pending) => {
        const graph = await pending
        const single = Int32Array.from({ length: graph.nodes }, (_, v) => v)
        const merges = await dendrogram(graph, single, slice)
        expect(merges).toHaveLength(graph.nodes - 1)
        let finer: Int32Array = single
        for (let count = graph.nodes - 1; count >= 1; count--) {
          const coarser = cut(single, merges, count)
          expect(countOf(coarser)).toBe(count)
          expect(new Set(finer.map((group, v) => group * graph.nodes + coarser[v]!)).size).toBe(countOf(finer))
          const { resolution } = merges[graph.nodes - 1 - count]!
          const of = (groups: Int32Array, resolution: number) => modularity(graph, groups, { resolution, slice })
          const gain = async (at: number) => (await of(coarser, at)) - (await of(finer, at))
          if (resolution > 0) {
            expect(await gain(resolution * 0.99)).toBeGreaterThan(-1e-12)
            expect(await gain(resolution * 1.01)).toBeLessThan(1e-12)
          }
          finer = coarser
        }
      }),
      { numRuns: 60 },
    )
  })
})
