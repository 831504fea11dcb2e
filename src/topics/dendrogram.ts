// The order in which communities merge as the resolution falls. Merging two gains below the resolution
// w(a, b) · 2m / (s(a) · s(b)), the weight between them over that expected by chance; the pair that gains first is
// merged first. This is Bonald et al. 2018 ("Hierarchical Graph Clustering using Node Pair Sampling", algorithm 1),
// started from communities. Its linkage is reducible, so the nearest-neighbour chain finds all merges in time
// proportional to the number of pairs.
import type { TimeSlice } from '../runtime/time-slice.ts'
import { bySize, countOf } from './leiden.ts'
import type { WeightedGraph } from './weighted-graph.ts'

/** Two communities that merge; the union keeps the number of `into`. */
interface Merge {
  readonly into: number
  readonly from: number
  /** The resolution below which merging gains; 0 if no edge joins them. */
  readonly resolution: number
}

/** All merges of communities (numbered without gaps) until one is left, by falling resolution. */
export async function dendrogram(graph: WeightedGraph, communities: Int32Array, slice: TimeSlice): Promise<Merge[]> {
  const { count, strength, between, total } = await betweenCommunities(graph, communities, slice)
  const found: Merge[] = []
  const isAlive = new Uint8Array(count).fill(1)
  const parts: number[] = []
  for (let first = 0; first < count; ) {
    if (isAlive[first] === 0) {
      first++
      continue
    }
    // If the start of the last chain is still alive, start there again.
    const chain = [first]
    while (chain.length > 0) {
      if (slice.due()) await slice.rest()
      const a = chain[chain.length - 1]!
      const before = chain[chain.length - 2] ?? -1
      let b = -1
      let best = 0
      for (const [c, w] of between[a]!) {
        const kinship = w / (strength[a]! * strength[c]!)
        // Ties go to the previous one in the chain, so that the chain ends; then to the lower number.
        if (kinship > best || (kinship === best && (c === before || (b !== before && c < b)))) {
          b = c
          best = kinship
        }
      }
      if (b < 0) {
        // No edges are left: a separate component of the graph.
        parts.push(a)
        isAlive[a] = 0
        chain.pop()
      } else if (b === before) {
        chain.length -= 2
        const [into, from] = a < b ? [a, b] : [b, a]
        found.push({ into, from, resolution: best * total })
        strength[into]! += strength[from]!
        for (const [c, w] of between[from]!) {
          between[c]!.delete(from)
          if (c === into) continue
          between[into]!.set(c, (between[into]!.get(c) ?? 0) + w)
          between[c]!.set(into, (between[c]!.get(into) ?? 0) + w)
        }
        between[from]!.clear()
        isAlive[from] = 0
        if (chain.length === 0) chain.push(into)
      } else chain.push(b)
    }
  }
  // A stable sort keeps a merge after those that formed its two sides: their resolutions are at least as high.
  found.sort((a, b) => b.resolution - a.resolution)
  // Separate components merge last, the smallest first (communities are numbered by falling size).
  parts.sort((a, b) => a - b)
  for (let i = parts.length - 1; i > 0; i--) found.push({ into: parts[i - 1]!, from: parts[i]!, resolution: 0 })
  return found
}

/** The total edge weight at each community, and the weight between every two adjacent ones. */
export async function betweenCommunities(graph: WeightedGraph, communities: Int32Array, slice: TimeSlice) {
  const { nodes, start, target, weight } = graph
  const count = countOf(communities)
  const strength = new Float64Array(count)
  const between = Array.from({ length: count }, () => new Map<number, number>())
  let total = 0
  for (let v = 0; v < nodes; v++) {
    if (v % 256 === 255 && slice.due()) await slice.rest()
    for (let i = start[v]!; i < start[v + 1]!; i++) {
      const a = communities[v]!
      const b = communities[target[i]!]!
      strength[a]! += weight[i]!
      total += weight[i]!
      if (a !== b) between[a]!.set(b, (between[a]!.get(b) ?? 0) + weight[i]!)
    }
  }
  // Sums from either side may differ in the last bit, so that a chain would not end: make them equal.
  for (const [a, others] of between.entries()) {
    for (const [b, w] of others) if (a < b) between[b]!.set(a, w)
    if (slice.due()) await slice.rest()
  }
  return { count, strength, between, total }
}

/** Communities after merging until `count` are left, numbered by falling size. */
export function cut(communities: Int32Array, merges: readonly Merge[], count: number): Int32Array {
  const groups = countOf(communities)
  const into = Int32Array.from({ length: groups }, (_, c) => c)
  const find = (c: number): number => {
    let root = c
    while (into[root] !== root) root = into[root]!
    return root
  }
  for (const merge of merges.slice(0, Math.max(0, groups - Math.max(1, count))))
    into[find(merge.from)] = find(merge.into)
  return bySize(communities.map(find))
}
