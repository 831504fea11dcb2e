import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { cut, dendrogram } from '../../src/topics/dendrogram.ts'
import { weightedGraph } from '../../src/topics/weighted-graph.ts'

const slice = timeSlice(undefined)

test('all communities go together in the end, whatever the graph', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.tuple(fc.nat(23), fc.nat(23), fc.integer({ min: 1, max: 9 })), { maxLength: 60 }),
      async (count, edges) => {
        const graph = await weightedGraph(
          edges.flatMap(([a, b]) => [a, b] as const),
          { nodes: 24, weights: edges.map(([, , weight]) => weight), slice },
        )
        const communities = Int32Array.from({ length: 24 }, (_, node) => node % count)
        const merges = await dendrogram(graph, communities, slice)
        expect(merges).toHaveLength(count - 1)
        for (let left = 1; left <= count; left++)
          expect(
            new Set(
              cut(
                Int32Array.from({ length: count }, (_, c) => c),
                merges,
                left,
              ),
            ).size,
          ).toBe(left)
      },
    ),
  )
})
