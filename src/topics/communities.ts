// Communities that do not depend on the luck of one Leiden run. Ten runs at one resolution vote: an edge keeps the
// share of its weight in which the runs put both ends together (consensus clustering, Lancichinetti and Fortunato 2012,
// kept to the edges of the graph), and one more run on the votes decides. On arxiv-2025 the ARI between two seeds rises
// from .78 to .93 that way, on cora from .92 to .98.
import { seededRandom } from '../vectors/random.ts'
import type { TimeSlice } from '../vectors/time-slice.ts'
import { cut, dendrogram } from './dendrogram.ts'
import { bySize, countOf, leiden } from './leiden.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const runs = 10
// An edge that no run keeps inside still counts a little: it joins what would fall apart.
const leastVote = 0.05

export interface CommunityOptions {
  readonly seed: number
  /** Communities to start from, 0 … nodes - 1. @default every node alone */
  readonly initial?: Int32Array | undefined
  readonly slice: TimeSlice
}

/**
 * Finds exactly `count` communities, 1 … nodes, each connected unless the graph has more parts than that.
 * @param options `resolution`: where to begin to look
 */
export async function communitiesOf(
  graph: WeightedGraph,
  options: CommunityOptions & { readonly count: number; readonly resolution?: number | undefined },
): Promise<Int32Array> {
  const { count, seed, initial, slice } = options
  const { resolution } = await searchResolution(graph, options)
  const votes = await consensus(graph, { resolution, seed, initial, slice })
  const { communities } = await searchResolution(votes, { ...options, resolution })
  return cut(communities, dendrogram(graph, communities), count)
}

/** Finds communities at a resolution: as many as it has, by the median of the runs. */
export async function communitiesAt(
  graph: WeightedGraph,
  { resolution, seed, initial, slice }: CommunityOptions & { readonly resolution: number },
): Promise<Int32Array> {
  const counts: number[] = []
  const votes = await consensus(graph, { resolution, seed, initial, slice, counts })
  const count = counts.sort((a, b) => a - b)[Math.floor(counts.length / 2)]
  const { communities } = await searchResolution(votes, { count, seed, slice, resolution })
  return cut(communities, dendrogram(graph, communities), count)
}

/** The graph with its weights multiplied by the share of runs that put both ends into one community. */
async function consensus(
  graph: WeightedGraph,
  {
    resolution,
    seed,
    initial,
    slice,
    counts = [],
  }: CommunityOptions & { readonly resolution: number; readonly counts?: number[] },
): Promise<WeightedGraph> {
  const { nodes, start, target, weight } = graph
  const votes = new Float64Array(target.length)
  const random = seededRandom(seed)
  for (let run = 0; run < runs; run++) {
    const communities = await leiden(graph, { resolution, random, initial, slice, iterations: 2 })
    counts.push(countOf(communities))
    for (let v = 0; v < nodes; v++)
      for (let i = start[v]; i < start[v + 1]; i++) if (communities[v] === communities[target[i]]) votes[i]++
  }
  return { ...graph, weight: weight.map((w, i) => w * (leastVote + ((1 - leastVote) * votes[i]) / runs)) }
}

/**
 * Bisects the resolution until Leiden finds `count` communities. Where it never does, returns the run with the fewest
 * above it.
 */
async function searchResolution(
  graph: WeightedGraph,
  {
    count,
    seed,
    slice,
    resolution: first = 1,
  }: CommunityOptions & { readonly count: number; readonly resolution?: number | undefined },
): Promise<{ readonly communities: Int32Array; readonly resolution: number }> {
  const singles = Int32Array.from({ length: graph.nodes }, (_, v) => v)
  let best: { communities: Int32Array; resolution: number } = { communities: singles, resolution: Infinity }
  if (count >= graph.nodes) return best
  const alone = everyNodeAlone(graph)
  let low = 0
  let high = alone
  let resolution = Math.min(first, alone)
  for (let step = 0; step < 24 && high / low > 1.0005; step++) {
    const communities = await leiden(graph, { resolution, random: seededRandom(seed), slice, iterations: 3 })
    const found = countOf(communities)
    if (found >= count && found <= countOf(best.communities)) best = { communities, resolution }
    if (found === count) return best
    if (found < count) low = resolution
    else high = resolution
    if (low === 0) resolution /= 2
    else if (high === alone && resolution * 2 < alone) resolution *= 2
    else resolution = Math.sqrt(low * high)
    // Parts that do not hang together remain at any resolution.
    if (resolution < 1e-4) break
  }
  return best
}

/** A resolution at which no two nodes gain by being together. */
function everyNodeAlone({ nodes, start, target, weight }: WeightedGraph): number {
  const strength = new Float64Array(nodes)
  let total = 0
  for (let v = 0; v < nodes; v++)
    for (let i = start[v]; i < start[v + 1]; i++) {
      strength[v] += weight[i]
      total += weight[i]
    }
  let highest = 1
  for (let v = 0; v < nodes; v++)
    for (let i = start[v]; i < start[v + 1]; i++)
      highest = Math.max(highest, (weight[i] * total) / (strength[v] * strength[target[i]]))
  return highest * 1.01
}

/** Lets every community of fewer than `least` nodes join the one that it gains most with; one without edges stays. */
export function withoutTiny(
  graph: WeightedGraph,
  { communities, least }: { readonly communities: Int32Array; readonly least: number },
): Int32Array {
  const { nodes, start, target, weight } = graph
  const into = communities.slice()
  const stuck = new Set<number>()
  for (;;) {
    const size = new Int32Array(nodes)
    for (const c of into) size[c]++
    let small = -1
    for (let c = 0; c < nodes; c++)
      if (size[c] > 0 && size[c] < least && !stuck.has(c) && (small < 0 || size[c] <= size[small])) small = c
    if (small < 0) return bySize(into)
    const strength = new Float64Array(nodes)
    const toward = new Float64Array(nodes)
    for (let v = 0; v < nodes; v++)
      for (let i = start[v]; i < start[v + 1]; i++) {
        strength[into[v]] += weight[i]
        if (into[v] === small) toward[into[target[i]]] += weight[i]
      }
    let best = -1
    for (let c = 0; c < nodes; c++) {
      if (c === small || toward[c] === 0) continue
      if (best < 0 || toward[c] * strength[best] > toward[best] * strength[c]) best = c
    }
    if (best < 0) stuck.add(small)
    else for (let v = 0; v < nodes; v++) if (into[v] === small) into[v] = best
  }
}
