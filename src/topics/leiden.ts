// Leiden communities (Traag, Waltman, van Eck 2019, "From Louvain to Leiden", algorithm A.2): local moving with a
// queue, refinement inside each community, aggregation of the refined parts, repeated until nothing improves.
// Quality: sum over communities of (inner weight - resolution * strength^2 / (2 m)), the configuration model of
// Reichardt and Bornholdt 2006; at resolution 1 it is modularity times m. A level is a CSR graph without loops:
// what an aggregated node holds inside it shows in its strength alone.
import type { TimeSlice } from '../vectors/time-slice.ts'
import { components, type WeightedGraph } from './weighted-graph.ts'

interface Level extends WeightedGraph {
  readonly strength: Float64Array
}

export interface LeidenOptions {
  /** Above 1: more and smaller communities. @default 1 */
  readonly resolution?: number
  /** Uniform numbers in 0 ≤ x < 1. */
  readonly random: () => number
  /** Most rounds through all levels; it stops before when a round changes nothing. @default 10 */
  readonly iterations?: number
  /** A community a node to start from, 0 … nodes - 1. @default every node alone */
  readonly initial?: Int32Array | undefined
  readonly slice: TimeSlice
}

// Spread of the random choice in the refinement, in units of the mean edge weight: small enough that merges which
// lose against another by a tenth of an edge are hardly ever taken.
const randomness = 0.02
// Gains closer than this are equal: differences of sums, not of partitions.
const tolerance = 1e-10

/**
 * Finds communities: one number a node, 0 for the largest, equal sizes by their first node. Every community is
 * connected. The same graph, resolution and random numbers give the same communities.
 */
export async function leiden(graph: WeightedGraph, options: LeidenOptions): Promise<Int32Array> {
  const { resolution = 1, random, iterations = 10, initial, slice } = options
  const base: Level = { ...graph, strength: strengths(graph) }
  const total = base.strength.reduce((sum, k) => sum + k, 0)
  let communities = initial ?? Int32Array.from({ length: graph.nodes }, (_, v) => v)
  if (total === 0) return bySize(components(graph))
  const scale = resolution / total
  const spread = (randomness * total) / Math.max(1, graph.target.length)
  for (let round = 0; round < iterations; round++) {
    const before = communities
    let level = base
    // Where each node of the graph has gone in the current level.
    let place: Int32Array | undefined
    let partition = renumber(communities)
    for (;;) {
      await moveNodes(level, partition, { scale, random, slice })
      communities = place === undefined ? partition : place.map((node) => (partition as Int32Array)[node])
      const found = renumber(partition)
      const parts = await refine(level, found, { scale, random, slice, spread })
      const smaller = aggregate(level, parts)
      if (smaller.nodes === level.nodes) break
      const next = new Int32Array(smaller.nodes)
      for (let v = 0; v < level.nodes; v++) next[parts[v]] = found[v]
      place = place === undefined ? parts : place.map((node) => parts[node])
      level = smaller
      partition = next
      if (slice.due()) await slice.rest()
    }
    communities = bySize(components(graph, communities))
    if (round > 0 && same(before, communities)) break
  }
  return communities
}

/** The weight of all edges at each node. */
function strengths({ nodes, start, weight }: WeightedGraph): Float64Array {
  const strength = new Float64Array(nodes)
  for (let v = 0; v < nodes; v++) for (let i = start[v]; i < start[v + 1]; i++) strength[v] += weight[i]
  return strength
}

/**
 * Modularity with a resolution (Newman and Girvan 2004; Reichardt and Bornholdt 2006): the share of edge weight inside
 * the communities less `resolution` times the share expected by the strengths. 0 for a graph without edges.
 */
export function modularity(graph: WeightedGraph, communities: ArrayLike<number>, resolution = 1): number {
  const { nodes, start, target, weight } = graph
  const strength = new Map<number, number>()
  let inside = 0
  let total = 0
  for (let v = 0; v < nodes; v++) {
    let own = 0
    for (let i = start[v]; i < start[v + 1]; i++) {
      own += weight[i]
      if (communities[target[i]] === communities[v]) inside += weight[i]
    }
    total += own
    strength.set(communities[v], (strength.get(communities[v]) ?? 0) + own)
  }
  if (total === 0) return 0
  let expected = 0
  for (const sum of strength.values()) expected += (sum / total) ** 2
  return inside / total - resolution * expected
}

interface Step {
  readonly scale: number
  readonly random: () => number
  readonly slice: TimeSlice
}

interface Moves {
  readonly partition: Int32Array
  /** Strength and number of nodes of each community. */
  readonly sum: Float64Array
  readonly size: Int32Array
  readonly empty: number[]
  /** A ring of the nodes that wait, each at most once: `waiting` of them from `head` on. */
  readonly queue: Int32Array
  readonly waits: Uint8Array
  head: number
  waiting: number
  readonly toward: Float64Array
  readonly near: Int32Array
}

// Nodes between two looks at the clock: a millisecond or less.
const nodesAtOnce = 1024

/** Moves single nodes to the neighbouring (or an empty) community of the greatest gain until none gains. */
async function moveNodes(level: Level, partition: Int32Array, { scale, random, slice }: Step): Promise<void> {
  const { nodes, strength } = level
  const moves: Moves = {
    partition,
    sum: new Float64Array(nodes),
    size: new Int32Array(nodes),
    empty: [],
    queue: shuffled(nodes, random),
    waits: new Uint8Array(nodes).fill(1),
    head: 0,
    waiting: nodes,
    toward: new Float64Array(nodes),
    near: new Int32Array(nodes),
  }
  for (let v = 0; v < nodes; v++) {
    moves.sum[partition[v]] += strength[v]
    moves.size[partition[v]]++
  }
  for (let c = nodes - 1; c >= 0; c--) if (moves.size[c] === 0) moves.empty.push(c)
  while (moves.waiting > 0) {
    moveSome(level, moves, scale)
    if (slice.due()) await slice.rest()
  }
}

function moveSome(level: Level, moves: Moves, scale: number): void {
  const { nodes, start, target, weight, strength } = level
  const { partition, sum, size, empty, queue, waits, toward, near } = moves
  let { head, waiting } = moves
  for (let turn = 0; turn < nodesAtOnce && waiting > 0; turn++) {
    const v = queue[head]
    head = head + 1 === nodes ? 0 : head + 1
    waiting--
    waits[v] = 0
    const own = partition[v]
    const from = start[v]
    const to = start[v + 1]
    let count = 0
    for (let i = from; i < to; i++) {
      const c = partition[target[i]]
      const before = toward[c]
      if (before === 0) near[count++] = c
      toward[c] = before + weight[i]
    }
    const pull = scale * strength[v]
    let best = own
    let bestGain = toward[own] - pull * (sum[own] - strength[v]) + tolerance
    toward[own] = 0
    for (let i = 0; i < count; i++) {
      const c = near[i]
      if (c === own) continue
      const gain = toward[c] - pull * sum[c]
      toward[c] = 0
      if (gain > bestGain) {
        best = c
        bestGain = gain + tolerance
      }
    }
    if (bestGain < 0 && size[own] > 1) best = empty[empty.length - 1]
    if (best === own) continue
    if (size[best] === 0) empty.pop()
    partition[v] = best
    sum[own] -= strength[v]
    sum[best] += strength[v]
    size[best]++
    if (--size[own] === 0) {
      sum[own] = 0
      empty.push(own)
    }
    for (let i = from; i < to; i++) {
      const u = target[i]
      if (waits[u] === 1 || partition[u] === best) continue
      waits[u] = 1
      const tail = head + waiting
      queue[tail >= nodes ? tail - nodes : tail] = u
      waiting++
    }
  }
  moves.head = head
  moves.waiting = waiting
}

/** Splits each community into well-connected parts by merging single nodes at random, better merges more likely. */
async function refine(
  level: Level,
  partition: Int32Array,
  { scale, random, slice, spread }: Step & { readonly spread: number },
): Promise<Int32Array> {
  const { nodes, start, target, weight, strength } = level
  const whole = new Float64Array(nodes)
  for (let v = 0; v < nodes; v++) whole[partition[v]] += strength[v]
  const part = Int32Array.from({ length: nodes }, (_, v) => v)
  const sum = strength.slice()
  const size = new Int32Array(nodes).fill(1)
  // Weight between a part and the rest of its community.
  const cut = new Float64Array(nodes)
  for (let v = 0; v < nodes; v++)
    for (let i = start[v]; i < start[v + 1]; i++) if (partition[target[i]] === partition[v]) cut[v] += weight[i]
  const toward = new Float64Array(nodes)
  const near = new Int32Array(nodes)
  const gains = new Float64Array(nodes)
  const order = shuffled(nodes, random)
  for (let turn = 0; turn < nodes; turn++) {
    if ((turn & 255) === 255 && slice.due()) await slice.rest()
    const v = order[turn]
    if (size[part[v]] !== 1) continue
    const rest = whole[partition[v]]
    if (cut[v] < scale * strength[v] * (rest - strength[v]) - tolerance) continue
    let count = 0
    for (let i = start[v]; i < start[v + 1]; i++) {
      const u = target[i]
      if (partition[u] !== partition[v]) continue
      const c = part[u]
      if (toward[c] === 0) near[count++] = c
      toward[c] += weight[i]
    }
    let choices = 0
    let bestGain = 0
    for (let i = 0; i < count; i++) {
      const c = near[i]
      const gain = toward[c] - scale * strength[v] * sum[c]
      if (gain < 0 || cut[c] < scale * sum[c] * (rest - sum[c]) - tolerance) {
        toward[c] = 0
        continue
      }
      near[choices] = c
      gains[choices++] = gain
      if (gain > bestGain) bestGain = gain
    }
    if (choices > 0) {
      let mass = 0
      for (let i = 0; i < choices; i++) mass += Math.exp((gains[i] - bestGain) / spread)
      let ticket = random() * (mass + Math.exp(-bestGain / spread))
      let chosen = -1
      for (let i = 0; i < choices && chosen < 0; i++) {
        ticket -= Math.exp((gains[i] - bestGain) / spread)
        if (ticket < 0) chosen = near[i]
      }
      if (chosen >= 0) {
        cut[chosen] += cut[v] - 2 * toward[chosen]
        sum[chosen] += strength[v]
        size[chosen]++
        size[v] = 0
        part[v] = chosen
      }
    }
    for (let i = 0; i < choices; i++) toward[near[i]] = 0
  }
  return renumber(part)
}

/** The graph whose nodes are the given parts (numbered without gaps); weight inside a part is left to its strength. */
function aggregate(level: Level, parts: Int32Array): Level {
  const { nodes, start, target, weight, strength } = level
  const count = countOf(parts)
  const first = new Int32Array(count + 1)
  for (let v = 0; v < nodes; v++) first[parts[v] + 1]++
  for (let c = 0; c < count; c++) first[c + 1] += first[c]
  const members = new Int32Array(nodes)
  const next = first.slice()
  for (let v = 0; v < nodes; v++) members[next[parts[v]]++] = v
  const sum = new Float64Array(count)
  const newStart = new Int32Array(count + 1)
  const newTarget = new Int32Array(target.length)
  const newWeight = new Float64Array(target.length)
  const position = new Int32Array(count).fill(-1)
  let to = 0
  for (let c = 0; c < count; c++) {
    const from = to
    for (let m = first[c]; m < first[c + 1]; m++) {
      const v = members[m]
      sum[c] += strength[v]
      for (let i = start[v]; i < start[v + 1]; i++) {
        const other = parts[target[i]]
        if (other === c) continue
        if (position[other] < from) {
          position[other] = to
          newTarget[to] = other
          newWeight[to++] = weight[i]
        } else newWeight[position[other]] += weight[i]
      }
    }
    newStart[c + 1] = to
  }
  return {
    nodes: count,
    start: newStart,
    target: newTarget.slice(0, to),
    weight: newWeight.slice(0, to),
    strength: sum,
  }
}

/** Numbers the communities by falling size, equal sizes by their first node. */
export function bySize(communities: Int32Array): Int32Array {
  const plain = renumber(communities)
  const size = new Int32Array(countOf(plain))
  for (const c of plain) size[c]++
  const order = Int32Array.from(size.keys()).sort((a, b) => size[b] - size[a] || a - b)
  const rank = new Int32Array(size.length)
  order.forEach((c, position) => {
    rank[c] = position
  })
  return plain.map((c) => rank[c])
}

/** How many communities there are, numbered without gaps. */
export function countOf(communities: Int32Array): number {
  let most = -1
  for (const c of communities) if (c > most) most = c
  return most + 1
}

/** Numbers the communities (0 … nodes - 1) without gaps, in the order in which they first appear. */
function renumber(communities: Int32Array): Int32Array {
  const numbers = new Int32Array(communities.length).fill(-1)
  let count = 0
  return communities.map((c) => {
    if (numbers[c] < 0) numbers[c] = count++
    return numbers[c]
  })
}

function shuffled(length: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = order[i]
    order[i] = order[j]
    order[j] = kept
  }
  return order
}

function same(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
