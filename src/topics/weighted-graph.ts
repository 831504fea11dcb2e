import { sharedFloat64, sharedInt32 } from '../runtime/shared-arrays.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'

/**
 * An undirected weighted graph in compressed form (CSR): the neighbours of node v are `target[i]` with `weight[i] > 0`
 * for `start[v] <= i < start[v + 1]`, ascending. Every edge is listed at both ends; there are no loops.
 */
export interface WeightedGraph {
  readonly nodes: number
  /** `nodes + 1` offsets. */
  readonly start: Int32Array
  readonly target: Int32Array
  readonly weight: Float64Array
}

/**
 * Builds a graph in shared memory from edges given once each, in either direction; weights of repeated edges are added,
 * loops are dropped.
 * @param edges pairs of nodes, flat: the ends of edge e are `edges[2 * e]` and `edges[2 * e + 1]`
 * @param options `weights`: one per edge. @default all 1
 */
export async function weightedGraph(
  edges: ArrayLike<number>,
  {
    nodes,
    weights: given,
    slice,
  }: { readonly nodes: number; readonly weights?: ArrayLike<number>; readonly slice: TimeSlice },
): Promise<WeightedGraph> {
  const start = new Int32Array(nodes + 1)
  for (let i = 0; i < edges.length; i += 2) {
    if (edges[i] !== edges[i + 1]) {
      start[edges[i]! + 1]!++
      start[edges[i + 1]! + 1]!++
    }
    if (i % 16_384 === 0 && slice.due()) await slice.rest()
  }
  for (let v = 0; v < nodes; v++) start[v + 1]! += start[v]!
  const next = start.slice()
  const target = sharedInt32(start[nodes]!)
  const weight = sharedFloat64(start[nodes]!)
  if (slice.due()) await slice.rest()
  for (let i = 0; i < edges.length; i += 2) {
    const a = edges[i]!
    const b = edges[i + 1]!
    if (a === b) continue
    const w = given?.[i / 2] ?? 1
    target[next[a]!] = b
    weight[next[a]!++] = w
    target[next[b]!] = a
    weight[next[b]!++] = w
    if (i % 4096 === 0 && slice.due()) await slice.rest()
  }
  // The graph is symmetric, so its transpose written row by row is itself with ascending targets.
  next.set(start)
  const byTarget = sharedInt32(target.length)
  const byWeight = sharedFloat64(target.length)
  for (let v = 0; v < nodes; v++) {
    for (let i = start[v]!; i < start[v + 1]!; i++) {
      const to = next[target[i]!]!++
      byTarget[to] = v
      byWeight[to] = weight[i]!
    }
    if (v % 32 === 0 && slice.due()) await slice.rest()
  }
  const merged = sharedInt32(nodes + 1)
  let to = 0
  for (let v = 0; v < nodes; v++) {
    for (let i = start[v]!; i < start[v + 1]!; i++) {
      if (to > merged[v]! && byTarget[to - 1]! === byTarget[i]) byWeight[to - 1]! += byWeight[i]!
      else {
        byTarget[to] = byTarget[i]!
        byWeight[to++] = byWeight[i]!
      }
    }
    merged[v + 1] = to
    if (v % 32 === 0 && slice.due()) await slice.rest()
  }
  return { nodes, start: merged, target: byTarget.subarray(0, to), weight: byWeight.subarray(0, to) }
}

/** The subgraph of the nodes that `isKept` accepts, called once per node, ascending; `rows` are their numbers. */
export function subgraph(
  { nodes, start, target, weight }: WeightedGraph,
  isKept: (node: number) => boolean,
): { readonly rows: Int32Array; readonly graph: WeightedGraph } {
  const place = new Int32Array(nodes).fill(-1)
  const rows = new Int32Array(nodes)
  let kept = 0
  let edges = 0
  for (let v = 0; v < nodes; v++)
    if (isKept(v)) {
      rows[kept] = v
      place[v] = kept++
      edges += start[v + 1]! - start[v]!
    }
  const newStart = new Int32Array(kept + 1)
  const newTarget = new Int32Array(edges)
  const newWeight = new Float64Array(edges)
  let to = 0
  for (let row = 0; row < kept; row++) {
    for (let i = start[rows[row]!]!; i < start[rows[row]! + 1]!; i++) {
      if (place[target[i]!]! < 0) continue
      newTarget[to] = place[target[i]!]!
      newWeight[to++] = weight[i]!
    }
    newStart[row + 1] = to
  }
  return {
    rows: rows.slice(0, kept),
    graph: { nodes: kept, start: newStart, target: newTarget.slice(0, to), weight: newWeight.slice(0, to) },
  }
}

/** The connected component of each node; with `communities`, only edges within a community count. */
export function components(graph: WeightedGraph, communities?: ArrayLike<number>): Int32Array {
  const { nodes, start, target } = graph
  const component = new Int32Array(nodes).fill(-1)
  const stack = new Int32Array(nodes)
  let count = 0
  for (let first = 0; first < nodes; first++) {
    if (component[first]! >= 0) continue
    let top = 0
    stack[top++] = first
    component[first] = count
    while (top > 0) {
      const v = stack[--top]!
      for (let i = start[v]!; i < start[v + 1]!; i++) {
        const u = target[i]!
        if (component[u]! >= 0 || (communities !== undefined && communities[u] !== communities[v])) continue
        component[u] = count
        stack[top++] = u
      }
    }
    count++
  }
  return component
}
