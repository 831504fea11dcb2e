import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cut, dendrogram } from '../../src/topics/dendrogram.ts'
import { descriptionLength } from '../../src/topics/description-length.ts'
import { countOf, modularity } from '../../src/topics/leiden.ts'
import { weightedGraph } from '../../src/topics/weighted-graph.ts'
import { timeSlice } from '../../src/vectors/time-slice.ts'

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
    expect([merges[0].into, merges[0].from]).toEqual([0, 5])
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
          expect(new Set(finer.map((group, v) => group * graph.nodes + coarser[v])).size).toBe(countOf(finer))
          const { resolution } = merges[graph.nodes - 1 - count]
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
