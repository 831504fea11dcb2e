import { countOf } from './leiden.ts'
import type { WeightedGraph } from './weighted-graph.ts'

/**
 * Nats that it takes to tell a graph's edges by way of its communities: the microcanonical degree-corrected stochastic
 * block model (Peixoto 2014, "Hierarchical Block Structures and High-Resolution Model Selection in Large Networks",
 * section II) without what does not depend on the communities. Weights do not count. More communities foretell edges
 * better and take more to describe: the fewest nats lie where the next split is not worth its own description.
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
  // How many edges run between each two communities, then the sizes of the communities and who is in which.
  const pairs = (count * (count + 1)) / 2
  const counts = logBinomial(pairs + target.length / 2 - 1, target.length / 2)
  const sizes = logBinomial(nodes - 1, count - 1)
  const members = size.reduce((sum, one) => sum - logFactorial(one), logFactorial(nodes))
  return edges + counts + sizes + members
}

function logBinomial(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/** Stirling's series, exact to 1e-3 from 1 on. */
function logFactorial(n: number): number {
  return n < 1 ? 0 : (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n)
}
