// How many topics? Two kinds of evidence over a sweep of resolutions. Stability: structure that is there comes back when
// papers are taken away (the mean ARI between the communities of two samples, over the papers that are in both).
// Description length: up to where a finer division still tells something of the graph (minimum description length).
// Taken is the level whose stability stands out most from the coarser and the finer ones around it, not the most stable
// one, which is nearly always the coarsest; where none stands out, the most stable one of those that are fine enough.
import { adjustedRandIndex } from '../evaluation/partitions.ts'
import { mean } from '../evaluation/ranking.ts'
import { seededRandom } from '../vectors/random.ts'
import type { TimeSlice } from '../vectors/time-slice.ts'
import { descriptionLength } from './description-length.ts'
import { countOf, leiden } from './leiden.ts'
import type { CountEvidence } from './topics.ts'
import { subgraph, type WeightedGraph } from './weighted-graph.ts'

const step = 1.2
const share = 0.8
// Below this a single topic is all that can be told.
const leastPapers = 6
// Height of a peak above the higher of the lowest points on both sides, each up to where the curve rises above the peak.
// Bumps of a curve that only falls are lower than this.
const leastProminence = 0.01
// So far beyond the shortest description the sweep goes on: it may yet grow shorter.
const beyond = 1.2

type Level = Omit<CountEvidence, 'chosen'>

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
  const levels = await sweep(graph, { seed, slice })
  const shortest = levels.reduce((a, b) => (b.description < a.description ? b : a))
  // A reader of many papers wants more than a few topics, whatever is most stable.
  const least = Math.max(2, Math.round(nodes ** 0.25))
  const most = Math.max(least, mostWorth(nodes, shortest.count))
  const stability = smoothed(levels.map((level) => level.stability))
  const range = levels.flatMap(({ count }, i) => (count >= least && count <= most ? [i] : []))
  const highest = (places: readonly number[], value: (i: number) => number) =>
    places.reduce<number | undefined>((a, b) => (a === undefined || value(b) > value(a) ? b : a), undefined)
  const prominence = (i: number) => prominenceAt(stability, i)
  const peaks = range.filter((i) => prominence(i) >= leastProminence)
  const chosen = levels[highest(peaks, prominence) ?? highest(range, (i) => stability[i]) ?? levels.length - 1]
  return {
    count: chosen.count,
    resolution: chosen.resolution,
    evidence: levels.map((level) => ({ ...level, chosen: level === chosen })),
  }
}

async function sweep(
  graph: WeightedGraph,
  { seed, slice }: { readonly seed: number; readonly slice: TimeSlice },
): Promise<Level[]> {
  const { nodes } = graph
  const random = seededRandom(seed)
  // Small graphs are noisier and cheaper: they get more samples.
  const tries = Math.max(9, Math.min(24, Math.round(1.5e6 / (graph.target.length + 1))))
  const samples: ReturnType<typeof subgraph>[] = []
  for (let i = 0; i < tries; i++) {
    samples.push(subgraph(graph, () => random() < share))
    if (slice.due()) await slice.rest()
  }
  const levels: Level[] = []
  let shortest = { description: Number.POSITIVE_INFINITY, count: 1 }
  for (let resolution = 0.1; resolution < 1000; resolution *= step) {
    const runs = { resolution, random, slice, iterations: 1 }
    const whole = await leiden(graph, runs)
    const count = countOf(whole)
    if (count < 2) continue
    const description = descriptionLength(graph, whole) / nodes
    if (description < shortest.description) shortest = { description, count }
    const found: Int32Array[] = []
    for (const { rows, graph: part } of samples) {
      const communities = new Int32Array(nodes).fill(-1)
      for (const [i, community] of (await leiden(part, runs)).entries()) communities[rows[i]] = community
      found.push(communities)
    }
    levels.push({ resolution, count, stability: await agreement(found, slice), description })
    if (count > beyond * mostWorth(nodes, shortest.count)) break
  }
  return levels
}

/** The finest division to look at: few papers make too few edges for the description of a fine one to pay. */
function mostWorth(nodes: number, shortest: number): number {
  return Math.max(Math.round(Math.sqrt(nodes)), shortest)
}

/** Mean ARI of all pairs of partial groupings, over what both group (-1 is in no group). */
async function agreement(groupings: readonly Int32Array[], slice: TimeSlice): Promise<number> {
  const agreements: number[] = []
  for (const [i, one] of groupings.entries())
    for (const other of groupings.slice(0, i)) {
      const isInBoth = (_: number, v: number) => one[v] >= 0 && other[v] >= 0
      agreements.push(adjustedRandIndex(one.filter(isInBoth), other.filter(isInBoth)))
      if (slice.due()) await slice.rest()
    }
  return mean(agreements)
}

/** Means with the neighbours, of which the near ones count two thirds and those behind them one: single values are noisy. */
function smoothed(values: readonly number[]): number[] {
  const weights = [1, 2, 3, 2, 1]
  return values.map((_, i) => {
    let sum = 0
    let all = 0
    for (const [j, weight] of weights.entries()) {
      const value = values[i + j - 2]
      if (value === undefined) continue
      sum += weight * value
      all += weight
    }
    return sum / all
  })
}

function prominenceAt(values: readonly number[], at: number): number {
  const lowest = (step: 1 | -1) => {
    let low = values[at]
    for (let i = at + step; i >= 0 && i < values.length && values[i] <= values[at]; i += step)
      low = Math.min(low, values[i])
    return low
  }
  return values[at] - Math.max(lowest(-1), lowest(1))
}
