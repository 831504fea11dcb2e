import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { communitiesOf } from '../../src/topics/communities.ts'
import { bySize, countOf, leiden, modularity } from '../../src/topics/leiden.ts'
import { Threads } from '../../src/topics/threads.ts'
import { components, type WeightedGraph, weightedGraph } from '../../src/topics/weighted-graph.ts'

// Zachary 1977, table 1: friendships in a karate club, members numbered from 1.
const slice = timeSlice(undefined)
const karate = await weightedGraph(
  `1 2 1 3 1 4 1 5 1 6 1 7 1 8 1 9 1 11 1 12 1 13 1 14 1 18 1 20 1 22 1 32 2 3 2 4 2 8 2 14 2 18 2 20 2 22 2 31 3 4 3 8
  3 9 3 10 3 14 3 28 3 29 3 33 4 8 4 13 4 14 5 7 5 11 6 7 6 11 6 17 7 17 9 31 9 33 9 34 10 34 14 34 15 33 15 34 16 33
  16 34 19 33 19 34 20 34 21 33 21 34 23 33 23 34 24 26 24 28 24 30 24 33 24 34 25 26 25 28 25 32 26 32 27 30 27 34 28
  34 29 32 29 34 30 33 30 34 31 33 31 34 32 33 32 34 33 34`
    .split(/\s+/u)
    .map((member) => Number(member) - 1),
  { nodes: 34, slice },
)

const run = (graph: WeightedGraph, options: { resolution?: number; seed?: number; iterations?: number } = {}) =>
  leiden(graph, { slice, random: seededRandom(options.seed ?? 1), ...options })

/** `count` cliques of `size`, each joined to the next by one edge. */
function ringOfCliques(count: number, size: number): Promise<WeightedGraph> {
  const edges: number[] = []
  for (let c = 0; c < count; c++) {
    for (let a = 0; a < size; a++) for (let b = 0; b < a; b++) edges.push(c * size + a, c * size + b)
    edges.push(c * size, ((c + 1) % count) * size + 1)
  }
  return weightedGraph(edges, { nodes: count * size, slice })
}

describe('Leiden', () => {
  test('finds the optimum of the karate club', async () => {
    expect(karate.target.length).toBe(2 * 78)
    const found = await Promise.all([1, 2, 3, 4, 5].map((seed) => run(karate, { seed })))
    // Brandes et al. 2008, table 1: the maximum modularity of this graph is .4198, at 4 communities.
    const reached = await Promise.all(found.map((communities) => modularity(karate, communities, { slice })))
    expect(Math.max(...reached)).toBeCloseTo(0.4198, 4)
    for (const one of reached) expect(one).toBeGreaterThan(0.4198 * 0.995)
  })

  test('joins neighbouring cliques of a ring in pairs, the known limit of modularity', async () => {
    // Fortunato and Barthélemy 2007: 30 cliques of 5 have modularity .876 one by one and .888 in pairs.
    const ring = await ringOfCliques(30, 5)
    const communities = await run(ring)
    expect(await modularity(ring, communities, { slice })).toBeGreaterThan(0.8879 * 0.995)
    const single = await run(ring, { resolution: 3 })
    expect(countOf(single)).toBe(30)
    expect(await modularity(ring, single, { slice })).toBeCloseTo(0.8758, 4)
  })

  test('a resolution near 0 gives one community, a high one gives every node alone', async () => {
    expect(countOf(await run(karate, { resolution: 0.01 }))).toBe(1)
    expect(countOf(await run(karate, { resolution: 200 }))).toBe(34)
  })

  test('the same random numbers give the same communities', async () => {
    expect(await run(karate, { seed: 7 })).toEqual(await run(karate, { seed: 7 }))
  })

  test.each([0, 1, 2])('%i nodes without edges stay alone', async (nodes) => {
    const graph = await weightedGraph([], { nodes, slice })
    expect([...(await run(graph))]).toEqual(Array.from({ length: nodes }, (_, v) => v))
    expect(await modularity(graph, await run(graph), { slice })).toBe(0)
  })

  const graphs = fc
    .tuple(fc.integer({ min: 2, max: 40 }), fc.array(fc.tuple(fc.nat(39), fc.nat(39), fc.integer({ min: 1, max: 8 }))))
    .map(([nodes, triples]) => {
      const inside = triples.filter(([a, b]) => a < nodes && b < nodes && a !== b)
      return weightedGraph(
        inside.flatMap((edge) => edge.slice(0, 2)),
        { nodes, weights: inside.map(([, , w]) => w / 4), slice },
      )
    })

  test('communities are connected, numbered by size, and never worse than after fewer rounds', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, fc.integer({ min: 1, max: 30 }), async (edges, tenths) => {
        const graph = await edges
        const resolution = tenths / 10
        let before = Number.NEGATIVE_INFINITY
        for (const iterations of [1, 2, 5]) {
          const communities = await run(graph, { resolution, iterations })
          const quality = await modularity(graph, communities, { resolution, slice })
          expect(quality).toBeGreaterThanOrEqual(before - 1e-9)
          before = quality
          expect(countOf(components(graph, communities))).toBe(countOf(communities))
          expect(communities).toEqual(bySize(communities))
        }
      }),
      { numRuns: 60 },
    )
  })

  test('any number of communities can be had', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, fc.integer({ min: 1, max: 40 }), async (edges, wanted) => {
        const graph = await edges
        const count = Math.min(wanted, graph.nodes)
        const communities = await Threads.during({ papers: graph.nodes, signal: undefined }, (threads) =>
          communitiesOf(graph, { count, seed: 1, slice, threads }),
        )
        expect(countOf(communities)).toBe(count)
        expect(new Set(communities).size).toBe(count)
        const parts = countOf(components(graph))
        if (count >= parts) expect(countOf(components(graph, communities))).toBe(count)
      }),
      { numRuns: 40 },
    )
  })
})

describe('modularity', () => {
  test('counts what falls inside less what chance puts there', async () => {
    // Two triangles joined by an edge: 6 of 7 edges inside, strengths 7 and 7 of 14.
    const graph = await weightedGraph([0, 1, 1, 2, 0, 2, 3, 4, 4, 5, 3, 5, 2, 3], { nodes: 6, slice })
    expect(await modularity(graph, [0, 0, 0, 1, 1, 1], { slice })).toBeCloseTo(6 / 7 - 0.5, 12)
    expect(await modularity(graph, [0, 0, 0, 1, 1, 1], { resolution: 2, slice })).toBeCloseTo(6 / 7 - 1, 12)
    expect(await modularity(graph, [0, 0, 0, 0, 0, 0], { slice })).toBeCloseTo(0, 12)
  })
})

describe('weightedGraph', () => {
  test('adds up repeated edges, drops loops, sorts neighbours', async () => {
    const graph = await weightedGraph([2, 0, 0, 1, 0, 2, 1, 1], { nodes: 3, weights: [1, 2, 3, 9], slice })
    expect([...graph.start]).toEqual([0, 2, 3, 4])
    expect([...graph.target]).toEqual([1, 2, 0, 0])
    expect([...graph.weight]).toEqual([2, 4, 2, 4])
  })
})
