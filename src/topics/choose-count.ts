// How many topics? A sweep over the resolution. At each, the communities of all papers are compared (ARI) with those of
// random samples of the papers: structure that is there comes back when a fifth of the papers is taken away. Of what
// was tried (silhouette, modularity, agreement of seeds) only this pointed towards the labels of real collections.
import { adjustedRandIndex } from '../evaluation/partitions.ts'
import { mean } from '../evaluation/ranking.ts'
import { seededRandom } from '../vectors/random.ts'
import type { TimeSlice } from '../vectors/time-slice.ts'
import { countOf, leiden } from './leiden.ts'
import type { CountEvidence } from './topics.ts'
import { subgraph, type WeightedGraph } from './weighted-graph.ts'

const step = 1.25
const wholeRuns = 3
const share = 0.8
// Below this a single topic is all that can be told.
const leastPapers = 6

/** Picks a resolution, and tells what it was picked from; none for a handful of papers, which are one topic. */
export async function chooseCount(
  graph: WeightedGraph,
  { seed, slice }: { readonly seed: number; readonly slice: TimeSlice },
): Promise<{
  readonly count: number
  readonly resolution: number | undefined
  readonly evidence: readonly CountEvidence[]
}> {
  const { nodes } = graph
  if (nodes < leastPapers) return { count: Math.min(1, nodes), resolution: undefined, evidence: [] }
  const least = Math.max(2, Math.round(1.05 * nodes ** 0.25))
  const most = Math.max(least, Math.round(Math.min(nodes / 5, Math.max(12, Math.sqrt(nodes)))))
  const random = seededRandom(seed)
  // Small graphs are noisier and cheaper: they get more samples.
  const tries = Math.max(6, Math.min(24, Math.round(1e6 / (graph.target.length + 1))))
  const samples: ReturnType<typeof subgraph>[] = []
  for (let i = 0; i < tries; i++) {
    samples.push(subgraph(graph, () => random() < share))
    if (slice.due()) await slice.rest()
  }
  const seen: { readonly resolution: number; readonly count: number; readonly stability: number }[] = []
  for (let resolution = 0.1; resolution < 1000; resolution *= step) {
    const runs = { resolution, random, slice, iterations: 1 }
    const wholes = [await leiden(graph, runs)]
    if (countOf(wholes[0]) < least) continue
    while (wholes.length < wholeRuns) wholes.push(await leiden(graph, runs))
    const count = Math.round(mean(wholes.map(countOf)))
    if (count < least) continue
    const agreements: number[] = []
    for (const { rows, graph: part } of samples) {
      const found = await leiden(part, runs)
      for (const whole of wholes)
        agreements.push(
          adjustedRandIndex(
            rows.map((v) => whole[v]),
            found,
          ),
        )
    }
    seen.push({ resolution, count, stability: mean(agreements) })
    if (count > most) break
  }
  // The one beyond `most` only tells whether the curve goes on rising there: then the last one within is no peak.
  const peaks = seen.filter((one, i) => i === 0 || i + 1 === seen.length || !(one.stability < seen[i + 1].stability))
  const best = peaks
    .filter(({ count }) => count <= most || seen[0].count > most)
    .reduce((a, b) => (b.stability > a.stability ? b : a))
  return {
    count: best.count,
    resolution: best.resolution,
    evidence: seen.map((one) => ({ ...one, chosen: one === best })),
  }
}
