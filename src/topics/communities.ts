// Communities that do not depend on the chance of one Leiden run. Ten runs at one resolution vote: the weight of an
// edge is multiplied by the share of runs that put both ends together (consensus clustering, Lancichinetti and
// Fortunato 2012, restricted to the edges of the graph), and one more run on the votes decides. This raises the ARI
// between two seeds from .78 to .93 on arxiv-2025, and from .92 to .98 on cora.
import { seededRandom } from '../runtime/random.ts'
import { sharedFloat64 } from '../runtime/shared-arrays.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { betweenCommunities, cut, dendrogram } from './dendrogram.ts'
import { bySize, countOf } from './leiden.ts'
import type { Threads } from './threads.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const runs = 10
// Minimum vote of an edge, so that the graph of votes stays connected.
const leastVote = 0.05
// The search accepts this share of communities above `count`; the surplus is merged.
const surplus = 0.05

interface CommunityOptions {
  readonly seed: number
  /** Initial communities, 0 … nodes - 1. @default every node alone */
  readonly initial?: Int32Array | undefined
  readonly slice: TimeSlice
  readonly threads: Threads
}

/**
 * Finds exactly `count` communities, 1 … nodes, each connected unless the graph has more components than that.
 * @param options `resolution`: where the search starts. @default 1
 */
export async function communitiesOf(
  graph: WeightedGraph,
  options: CommunityOptions & { readonly count: number; readonly resolution?: number | undefined },
): Promise<Int32Array> {
  const { resolution } = await searchResolution(graph, { ...options, iterations: 1 })
  const { votes } = await consensus(graph, { ...options, resolution })
  const { communities } = await searchResolution(votes, { ...options, resolution, iterations: 3 })
  return cut(communities, await dendrogram(graph, communities, options.slice), options.count)
}

/** Finds communities at a resolution; their number is the median of the runs. */
export async function communitiesAt(
  graph: WeightedGraph,
  options: CommunityOptions & { readonly resolution: number },
): Promise<Int32Array> {
  const { votes, counts } = await consensus(graph, options)
  const count = counts.sort((a, b) => a - b)[Math.floor(counts.length / 2)]!
  const { communities } = await searchResolution(votes, { ...options, count, iterations: 3 })
  return cut(communities, await dendrogram(graph, communities, options.slice), count)
}

/** The graph with weights multiplied by the share of runs that put both ends into one community. */
async function consensus(
  graph: WeightedGraph,
  { resolution, seed, initial, slice, threads }: CommunityOptions & { readonly resolution: number },
): Promise<{ readonly votes: WeightedGraph; readonly counts: number[] }> {
  const { nodes, start, target } = graph
  const random = seededRandom(seed)
  const found = Array.from({ length: runs }, () => {
    const own = Math.floor(random() * 2 ** 32)
    return threads.run('leiden', { graph, resolution, seed: own, initial, iterations: 2 }, slice)
  })
  const counts: number[] = []
  const votes = sharedFloat64(target.length)
  for (const run of found) {
    const communities = await run
    counts.push(countOf(communities))
    for (let v = 0; v < nodes; v++) {
      for (let i = start[v]!; i < start[v + 1]!; i++) if (communities[v]! === communities[target[i]!]!) votes[i]!++
      if (v % 1024 === 1023 && slice.due()) await slice.rest()
    }
  }
  for (let i = 0; i < votes.length; i++) {
    votes[i] = graph.weight[i]! * (leastVote + ((1 - leastVote) * votes[i]!) / runs)
    if (i % 65_536 === 65_535 && slice.due()) await slice.rest()
  }
  return { votes: { ...graph, weight: votes }, counts }
}

/**
 * Searches for a resolution at which Leiden finds `count` communities or slightly more, trying two at a time. If there
 * is none, returns the run with the fewest communities above `count`.
 */
async function searchResolution(
  graph: WeightedGraph,
  {
    count,
    seed,
    slice,
    threads,
    iterations,
    resolution: first = 1,
  }: CommunityOptions & {
    readonly count: number
    readonly resolution?: number | undefined
    readonly iterations: number
  },
): Promise<{ readonly communities: Int32Array; readonly resolution: number }> {
  const singles = Int32Array.from({ length: graph.nodes }, (_, v) => v)
  let best: { communities: Int32Array; resolution: number } = { communities: singles, resolution: Infinity }
  if (count >= graph.nodes) return best
  const most = Math.floor(count * (1 + surplus))
  const alone = await everyNodeAlone(graph, slice)
  let low = 0
  let high = alone
  let places = [first, first * 1.5]
  for (let step = 0; step < 15 && high / low > 1.0005; step++) {
    const looked = places.filter((place, i) => place < alone && (i === 0 || place > places[i - 1]!))
    const found = await Promise.all(
      looked.map((resolution) => threads.run('leiden', { graph, resolution, seed, iterations }, slice)),
    )
    for (const [i, communities] of found.entries()) {
      const resolution = looked[i]!
      const groups = countOf(communities)
      if (groups >= count && groups <= countOf(best.communities)) best = { communities, resolution }
      if (groups < count) low = Math.max(low, resolution)
      else high = Math.min(high, resolution)
    }
    if (countOf(best.communities) <= most) return best
    // Separate components stay apart at any resolution.
    if (high < 1e-4) break
    if (low === 0) places = [high / 4, high / 2]
    else if (high === alone) places = [low * 1.5, low * 2.25]
    else {
      const third = (high / low) ** (1 / 3)
      places = [low * third, low * third * third]
    }
    if (places[0]! >= alone) places = [Math.sqrt(low * alone)]
  }
  return best
}

/** A resolution at which no two nodes gain by merging. */
async function everyNodeAlone({ nodes, start, target, weight }: WeightedGraph, slice: TimeSlice): Promise<number> {
  const strength = new Float64Array(nodes)
  let total = 0
  for (let v = 0; v < nodes; v++) {
    for (let i = start[v]!; i < start[v + 1]!; i++) {
      strength[v]! += weight[i]!
      total += weight[i]!
    }
    if (v % 1024 === 1023 && slice.due()) await slice.rest()
  }
  let highest = 1
  for (let v = 0; v < nodes; v++) {
    for (let i = start[v]!; i < start[v + 1]!; i++)
      highest = Math.max(highest, (weight[i]! * total) / (strength[v]! * strength[target[i]!]!))
    if (v % 1024 === 1023 && slice.due()) await slice.rest()
  }
  return highest * 1.01
}

/** Merges every community of fewer than `least` nodes into the one with the greatest gain; those without edges stay. */
export async function withoutTiny(
  graph: WeightedGraph,
  {
    communities,
    least,
    slice,
  }: { readonly communities: Int32Array; readonly least: number; readonly slice: TimeSlice },
): Promise<Int32Array> {
  const { strength, between } = await betweenCommunities(graph, communities, slice)
  const count = strength.length
  const size = new Int32Array(count)
  for (const c of communities) size[c]!++
  const into = Int32Array.from(size.keys())
  for (;;) {
    let small = -1
    for (let c = 0; c < count; c++)
      if (size[c]! > 0 && size[c]! < least && between[c]!.size > 0 && (small < 0 || size[c]! <= size[small]!)) small = c
    if (small < 0) return bySize(communities.map((c) => into[c]!))
    let best = -1
    let most = 0
    for (const [c, weight] of between[small]!) {
      const gain = weight / strength[c]!
      if (gain > most || (gain === most && c < best)) {
        best = c
        most = gain
      }
    }
    for (const [c, weight] of between[small]!) {
      between[c]!.delete(small)
      if (c === best) continue
      between[best]!.set(c, (between[best]!.get(c) ?? 0) + weight)
      between[c]!.set(best, (between[c]!.get(best) ?? 0) + weight)
    }
    between[small]!.clear()
    strength[best]! += strength[small]!
    size[best]! += size[small]!
    size[small] = 0
    for (let c = 0; c < count; c++) if (into[c] === small) into[c] = best
  }
}
