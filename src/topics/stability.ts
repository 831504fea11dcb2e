import { adjustedRandIndex } from '../evaluation/partitions.ts'
import { mean } from '../evaluation/ranking-metrics.ts'
import { seededRandom } from '../runtime/random.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { descriptionLength } from './description-length.ts'
import { countOf, leiden } from './leiden.ts'
import { subgraph, type WeightedGraph } from './weighted-graph.ts'

const share = 0.8

/** Quality of the communities at a resolution. */
export interface Level {
  readonly resolution: number
  readonly count: number
  /** Mean ARI between the communities of two samples of 80 % of the nodes, over the nodes in both. */
  readonly stability: number
  /** Nats per node to describe the graph given the communities. */
  readonly description: number
}

/** Measures resolutions; those with fewer than two communities are left out. */
export async function measureLevels(
  {
    graph,
    resolutions,
    seed,
    tries,
  }: {
    readonly graph: WeightedGraph
    readonly resolutions: readonly number[]
    /** Determines the samples. */
    readonly seed: number
    /** Number of samples. */
    readonly tries: number
  },
  slice: TimeSlice,
): Promise<Level[]> {
  const { nodes } = graph
  const random = seededRandom(seed)
  const samples: ReturnType<typeof subgraph>[] = []
  for (let i = 0; i < tries; i++) {
    samples.push(subgraph(graph, () => random() < share))
    if (slice.due()) await slice.rest()
  }
  const runs = Math.floor(random() * 2 ** 32)
  const levels: Level[] = []
  for (const resolution of resolutions) {
    const how = { resolution, random: seededRandom(runs + Math.round(1e6 * resolution)), slice, iterations: 1 }
    const whole = await leiden(graph, how)
    const count = countOf(whole)
    if (count < 2) continue
    const found: Int32Array[] = []
    for (const { rows, graph: part } of samples) {
      const communities = new Int32Array(nodes).fill(-1)
      const ofPart = await leiden(part, how)
      for (let i = 0; i < rows.length; i++) communities[rows[i]!] = ofPart[i]!
      found.push(communities)
    }
    const description = descriptionLength(graph, whole) / nodes
    levels.push({ resolution, count, stability: await agreement(found, slice), description })
  }
  return levels
}

/** Mean ARI of all pairs of partial groupings, over the nodes that both group (-1: in no group). */
async function agreement(groupings: readonly Int32Array[], slice: TimeSlice): Promise<number> {
  const agreements: number[] = []
  for (const [i, one] of groupings.entries())
    for (const other of groupings.slice(0, i)) {
      const isInBoth = (_: number, v: number) => one[v]! >= 0 && other[v]! >= 0
      agreements.push(adjustedRandIndex(one.filter(isInBoth), other.filter(isInBoth)))
      if (slice.due()) await slice.rest()
    }
  return mean(agreements)
}
