import { countOf } from './leiden.ts'
import type { WeightedGraph } from './weighted-graph.ts'

/**
 * Nats to describe a graph's edges given its communities: the microcanonical degree-corrected stochastic block model
 * (Peixoto 2014, "Hierarchical Block Structures and High-Resolution Model Selection in Large Networks", section II)
 * without terms that do not depend on the communities. Weights are ignored. More communities predict edges better but
 * take more to describe; the minimum is where a further split does not pay for its own description.
 */
export function descriptionLength({ nodes, start, target }: WeightedGraph, communities: Int32Array): number {
  const count = countOf(communities)
  const size = new Float64Array(count)
  const ends = new Float64Array(count)
  const between = new Map<number, number>()
  for (let v = 0; v < nodes; v++) {
    const own = communities[v]!
    size[own]!++
    ends[own]! += start[v + 1]! - start[v]!
    for (let i = start[v]!; i < start[v + 1]!; i++) {
      const key = own * count + communities[target[i]!]!
      between.set(key, (between.get(key) ?? 0) + 1)
    }
  }
  let edges = 0
  for (const [key, found] of between)
    edges -= (found / 2) * Math.log(found / (ends[Math.floor(key / count)]! * ends[key % count]!))
  // The number of edges between every two communities, the sizes of the communities, and their members.
  const pairs = (count * (count + 1)) / 2
  const counts = logBinomial(pairs + target.length / 2 - 1, target.length / 2)
  const sizes = logBinomial(nodes - 1, count - 1)
  const members = size.reduce((sum, one) => sum - logFactorial(one), logFactorial(nodes))
  return edges + counts + sizes + members
}

function logBinomial(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/** Stirling's series; error below 1e-3 for n ≥ 1. */
function logFactorial(n: number): number {
  return n < 1 ? 0 : (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n)
}
