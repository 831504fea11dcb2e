/**
 * An undirected weighted graph in compressed form (CSR): the neighbours of node v are `target[i]` with `weight[i] > 0`
 * for `start[v] <= i < start[v + 1]`, ascending. Every edge stands in both its ends' rows; there are no loops.
 */
export interface WeightedGraph {
  readonly nodes: number
  /** `nodes + 1` offsets. */
  readonly start: Int32Array
  readonly target: Int32Array
  readonly weight: Float64Array
}

/**
 * Builds a graph from edges given once each, in any direction; repeated edges add up, loops are dropped.
 * @param edges pairs of nodes, flat: the ends of edge e are `edges[2 * e]` and `edges[2 * e + 1]`
 * @param options `weights`: one an edge. @default all 1
 */
export function weightedGraph(
  edges: ArrayLike<number>,
  { nodes, weights }: { readonly nodes: number; readonly weights?: ArrayLike<number> },
): WeightedGraph {
  const degree = new Int32Array(nodes + 1)
  for (let i = 0; i < edges.length; i += 2)
    if (edges[i] !== edges[i + 1]) {
      degree[edges[i] + 1]++
      degree[edges[i + 1] + 1]++
    }
  for (let v = 0; v < nodes; v++) degree[v + 1] += degree[v]
  const next = degree.slice()
  const target = new Int32Array(degree[nodes])
  const weight = new Float64Array(degree[nodes])
  for (let i = 0; i < edges.length; i += 2) {
    const a = edges[i]
    const b = edges[i + 1]
    if (a === b) continue
    const w = weights?.[i / 2] ?? 1
    target[next[a]] = b
    weight[next[a]++] = w
    target[next[b]] = a
    weight[next[b]++] = w
  }
  return sorted(degree, target, weight)
}

/** Sorts each row by target (by two bucket passes) and adds up repeated edges. */
function sorted(start: Int32Array, target: Int32Array, weight: Float64Array): WeightedGraph {
  const nodes = start.length - 1
  const next = start.slice()
  const byTarget = new Int32Array(target.length)
  const byWeight = new Float64Array(target.length)
  // The graph is symmetric, so its transpose written row by row is itself with ascending targets.
  for (let v = 0; v < nodes; v++)
    for (let i = start[v]; i < start[v + 1]; i++) {
      const to = next[target[i]]++
      byTarget[to] = v
      byWeight[to] = weight[i]
    }
  const merged = new Int32Array(nodes + 1)
  let to = 0
  for (let v = 0; v < nodes; v++) {
    for (let i = start[v]; i < start[v + 1]; i++) {
      if (to > merged[v] && byTarget[to - 1] === byTarget[i]) byWeight[to - 1] += byWeight[i]
      else {
        byTarget[to] = byTarget[i]
        byWeight[to++] = byWeight[i]
      }
    }
    merged[v + 1] = to
  }
  return { nodes, start: merged, target: byTarget.slice(0, to), weight: byWeight.slice(0, to) }
}

/** The parts of a graph that hang together, within the given communities where there are any: a number a node. */
export function components(graph: WeightedGraph, communities?: ArrayLike<number>): Int32Array {
  const { nodes, start, target } = graph
  const component = new Int32Array(nodes).fill(-1)
  const stack = new Int32Array(nodes)
  let count = 0
  for (let first = 0; first < nodes; first++) {
    if (component[first] >= 0) continue
    let top = 0
    stack[top++] = first
    component[first] = count
    while (top > 0) {
      const v = stack[--top]
      for (let i = start[v]; i < start[v + 1]; i++) {
        const u = target[i]
        if (component[u] >= 0 || (communities !== undefined && communities[u] !== communities[v])) continue
        component[u] = count
        stack[top++] = u
      }
    }
    count++
  }
  return component
}
