// Leiden communities (Traag, Waltman, van Eck 2019, "From Louvain to Leiden", algorithm A.2): local moving with a
// queue, refinement inside each community, aggregation of the refined parts, repeated until nothing improves.
// Quality: sum over communities of (inner weight - resolution * strength^2 / (2 m)), the configuration model of
// Reichardt and Bornholdt 2006; at resolution 1 it is modularity times m. A level is a CSR graph without loops: weight
// inside an aggregated node counts in its strength only.
import type { TimeSlice } from '../runtime/time-slice.ts'
import { components, type WeightedGraph } from './weighted-graph.ts'

interface Level extends WeightedGraph {
  readonly strength: Float64Array
}

/** Memory shared by all levels, one element per node or per entry of the graph. */
interface Scratch {
  /** Nodes in the order of their visits; a ring buffer while nodes wait. */
  readonly queue: Int32Array
  readonly waits: Uint8Array
  /** Strength, number of nodes and weight towards the rest, by community or part. */
  readonly sum: Float64Array
  readonly size: Int32Array
  readonly cut: Float64Array
  /** Strength of the community around a part. */
  readonly whole: Float64Array
  /** Weight from the current node to each of the communities `near` it; reset to 0 after each node. */
  readonly toward: Float64Array
  readonly near: Int32Array
  readonly gains: Float64Array
  readonly numbers: Int32Array
  readonly target: Int32Array
  readonly weight: Float64Array
}

interface LeidenOptions {
  /** Above 1: more and smaller communities. @default 1 */
  readonly resolution?: number
  /** Uniform numbers in 0 ≤ x < 1. */
  readonly random: () => number
  /**
   * Maximum rounds through all levels; single nodes then move once more. Stops early when a round changes nothing.
   * @default 10
   */
  readonly iterations?: number
  /** Initial community of each node, 0 … nodes - 1. @default every node alone */
  readonly initial?: Int32Array | undefined
  readonly slice: TimeSlice
}

// Spread of the random choice in the refinement, in units of the mean edge weight: small enough that a merge worse than
// the best by a tenth of an edge is hardly ever chosen.
const randomness = 0.02
// Smaller differences between gains are rounding errors.
const tolerance = 1e-10

/**
 * Finds communities: one number per node, 0 for the largest, equal sizes by their first node. Every community is
 * connected. The same graph, resolution and random numbers give the same communities.
 */
export async function leiden(graph: WeightedGraph, options: LeidenOptions): Promise<Int32Array> {
  const { resolution = 1, random, iterations = 10, initial, slice } = options
  const { nodes } = graph
  const base: Level = { ...graph, strength: strengths(graph) }
  const total = sumOf(base.strength)
  if (total === 0) return bySize(components(graph))
  const scratch = scratchFor(graph)
  const spread = (randomness * total) / graph.target.length
  const step: Step = { scale: resolution / total, spread, random, slice, scratch }
  const communities = initial?.slice() ?? ascending(nodes)
  let isSettled = false
  for (let round = 0; round < iterations && !isSettled; round++) {
    let level = base
    // The node of the current level that each node of the graph belongs to.
    let place: Int32Array | undefined
    let partition: Int32Array = communities.slice()
    let moved = 0
    for (;;) {
      moved += await moveNodes(level, partition, step)
      renumber(partition, scratch.numbers)
      if (place === undefined) communities.set(partition)
      else follow(place, partition, communities)
      const parts = await refine(level, partition, step)
      const smaller = aggregate(level, parts, scratch)
      if (smaller.nodes === level.nodes) break
      const next = new Int32Array(smaller.nodes)
      for (let v = 0; v < level.nodes; v++) next[parts[v]!] = partition[v]!
      if (place === undefined) place = parts
      else follow(place, parts, place)
      level = smaller
      partition = next
      if (slice.due()) await slice.rest()
    }
    isSettled = moved === 0
  }
  // Single nodes that moved with their part may fit better elsewhere.
  if (!isSettled) await moveNodes(base, communities, step)
  return bySize(components(graph, communities))
}

function scratchFor({ nodes, target }: WeightedGraph): Scratch {
  return {
    queue: new Int32Array(nodes),
    waits: new Uint8Array(nodes),
    sum: new Float64Array(nodes),
    size: new Int32Array(nodes),
    cut: new Float64Array(nodes),
    whole: new Float64Array(nodes),
    toward: new Float64Array(nodes),
    near: new Int32Array(nodes),
    gains: new Float64Array(nodes),
    numbers: new Int32Array(nodes),
    target: new Int32Array(target.length),
    weight: new Float64Array(target.length),
  }
}

/** Writes `next[places[v]]` to `to[v]`. */
function follow(places: Int32Array, next: Int32Array, to: Int32Array): void {
  for (let v = 0; v < places.length; v++) to[v] = next[places[v]!]!
}

function sumOf(values: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum
}

/** The total edge weight at each node. */
function strengths({ nodes, start, weight }: WeightedGraph): Float64Array {
  const strength = new Float64Array(nodes)
  for (let v = 0; v < nodes; v++) for (let i = start[v]!; i < start[v + 1]!; i++) strength[v]! += weight[i]!
  return strength
}

/**
 * Modularity with a resolution (Newman and Girvan 2004; Reichardt and Bornholdt 2006): the share of edge weight inside
 * the communities minus `resolution` times the share expected from the strengths. 0 for a graph without edges.
 */
export async function modularity(
  graph: WeightedGraph,
  communities: ArrayLike<number>,
  { resolution = 1, slice }: { readonly resolution?: number; readonly slice: TimeSlice },
): Promise<number> {
  const { nodes, start, target, weight } = graph
  const strength = new Map<number, number>()
  let inside = 0
  let total = 0
  for (let v = 0; v < nodes; v++) {
    let own = 0
    for (let i = start[v]!; i < start[v + 1]!; i++) {
      own += weight[i]!
      if (communities[target[i]!]! === communities[v]!) inside += weight[i]!
    }
    total += own
    strength.set(communities[v]!, (strength.get(communities[v]!) ?? 0) + own)
    if (v % 64 === 63 && slice.due()) await slice.rest()
  }
  if (total === 0) return 0
  let expected = 0
  for (const sum of strength.values()) expected += (sum / total) ** 2
  return inside / total - resolution * expected
}

interface Step {
  readonly scale: number
  readonly spread: number
  readonly random: () => number
  readonly slice: TimeSlice
  readonly scratch: Scratch
}

interface Moves {
  readonly partition: Int32Array
  readonly empty: number[]
  /** The queue holds `waiting` nodes, starting at `head`. */
  head: number
  waiting: number
  moved: number
}

// Nodes visited between two checks of the clock: a millisecond or less.
const nodesAtOnce = 1024

/** Moves single nodes to the neighbouring (or an empty) community with the greatest gain until no move gains. */
async function moveNodes(level: Level, partition: Int32Array, step: Step): Promise<number> {
  const { nodes, strength } = level
  const { random, slice, scratch } = step
  const { sum, size, waits } = scratch
  shuffle(scratch.queue, nodes, random)
  waits.fill(1, 0, nodes)
  sum.fill(0, 0, nodes)
  size.fill(0, 0, nodes)
  for (let v = 0; v < nodes; v++) {
    sum[partition[v]!]! += strength[v]!
    size[partition[v]!]!++
  }
  const moves: Moves = { partition, empty: [], head: 0, waiting: nodes, moved: 0 }
  for (let c = nodes - 1; c >= 0; c--) if (size[c] === 0) moves.empty.push(c)
  while (moves.waiting > 0) {
    moveSome(level, moves, step)
    if (slice.due()) await slice.rest()
  }
  return moves.moved
}

function moveSome(level: Level, moves: Moves, { scale, scratch }: Step): void {
  const { nodes, start, target, weight, strength } = level
  const { sum, size, queue, waits, toward, near, cut: margin } = scratch
  const { partition, empty } = moves
  let { head, waiting, moved } = moves
  for (let turn = 0; turn < nodesAtOnce && waiting > 0; turn++) {
    const v = queue[head]!
    head = head + 1 === nodes ? 0 : head + 1
    waiting--
    waits[v] = 0
    const own = partition[v]!
    const from = start[v]!
    const to = start[v + 1]!
    let count = 0
    for (let i = from; i < to; i++) {
      const c = partition[target[i]!]!
      const before = toward[c]!
      if (before === 0) near[count++] = c
      toward[c] = before + weight[i]!
    }
    const pull = scale * strength[v]!
    let best = own
    let bestGain = toward[own]! - pull * (sum[own]! - strength[v]!) + tolerance
    let second = 0
    toward[own] = 0
    for (let i = 0; i < count; i++) {
      const c = near[i]!
      // toward[own] was reset above, so the own community has no gain.
      const gain = toward[c]! - pull * sum[c]!
      toward[c] = 0
      if (gain > second && c !== own) {
        if (gain > bestGain) {
          second = bestGain
          best = c
          bestGain = gain + tolerance
        } else second = gain
      }
    }
    if (bestGain < 0 && size[own]! > 1) {
      best = empty[empty.length - 1]!
      bestGain = 0
    }
    margin[v] = bestGain - second
    if (best === own) continue
    moved++
    if (size[best] === 0) empty.pop()
    partition[v] = best
    sum[own]! -= strength[v]!
    sum[best]! += strength[v]!
    size[best]!++
    if (--size[own]! === 0) {
      sum[own] = 0
      empty.push(own)
    }
    for (let i = from; i < to; i++) {
      const u = target[i]!
      if (waits[u] === 1) continue
      const c = partition[u]
      if (c === best) continue
      const shift = weight[i]! - pull * strength[u]!
      margin[u]! -= c === own ? shift + shift : shift
      if (margin[u]! > 0) continue
      waits[u] = 1
      const tail = head + waiting
      queue[tail >= nodes ? tail - nodes : tail] = u
      waiting++
    }
  }
  moves.head = head
  moves.waiting = waiting
  moves.moved = moved
}

/**
 * Splits each community into well-connected parts by merging single nodes at random, better merges more likely. Returns
 * the part of each node, numbered without gaps.
 */
async function refine(level: Level, partition: Int32Array, step: Step): Promise<Int32Array> {
  const { nodes, start, target, weight, strength } = level
  const { scale, spread, random, slice, scratch } = step
  const { queue, sum, size, cut, whole, toward, near, gains, numbers } = scratch
  const part = ascending(nodes)
  sum.set(strength)
  size.fill(1, 0, nodes)
  whole.fill(0, 0, nodes)
  for (let v = 0; v < nodes; v++) {
    const own = partition[v]!
    whole[own]! += strength[v]!
    // Weight between a part and the rest of its community.
    let inside = 0
    for (let i = start[v]!, end = start[v + 1]!; i < end; i++) if (partition[target[i]!]! === own) inside += weight[i]!
    cut[v] = inside
  }
  shuffle(queue, nodes, random)
  for (let turn = 0; turn < nodes; turn++) {
    if ((turn & 255) === 255 && slice.due()) await slice.rest()
    const v = queue[turn]!
    const own = partition[v]!
    const rest = whole[own]!
    const pull = scale * strength[v]!
    if (size[part[v]!]! !== 1 || cut[v]! < pull * (rest - strength[v]!) - tolerance) continue
    let count = 0
    for (let i = start[v]!, end = start[v + 1]!; i < end; i++) {
      const u = target[i]!
      if (partition[u] !== own) continue
      const c = part[u]!
      const before = toward[c]!
      if (before === 0) near[count++] = c
      toward[c] = before + weight[i]!
    }
    let choices = 0
    let bestGain = 0
    for (let i = 0; i < count; i++) {
      const c = near[i]!
      const gain = toward[c]! - pull * sum[c]!
      if (gain < 0 || cut[c]! < scale * sum[c]! * (rest - sum[c]!) - tolerance) {
        toward[c] = 0
        continue
      }
      near[choices] = c
      gains[choices++] = gain
      if (gain > bestGain) bestGain = gain
    }
    if (choices > 0) {
      let mass = 0
      for (let i = 0; i < choices; i++) {
        const exponent = (gains[i]! - bestGain) / spread
        gains[i] = exponent < -40 ? 0 : Math.exp(exponent)
        mass += gains[i]!
      }
      let ticket = random() * (mass + Math.exp(-bestGain / spread))
      let chosen = -1
      for (let i = 0; i < choices && chosen < 0; i++) {
        ticket -= gains[i]!
        if (ticket < 0) chosen = near[i]!
      }
      if (chosen >= 0) {
        cut[chosen]! += cut[v]! - 2 * toward[chosen]!
        sum[chosen]! += strength[v]!
        size[chosen]!++
        size[v] = 0
        part[v] = chosen
      }
      for (let i = 0; i < choices; i++) toward[near[i]!] = 0
    }
  }
  renumber(part, numbers)
  return part
}

/** The graph whose nodes are the given parts (numbered without gaps); weight inside a part counts only as strength. */
function aggregate(level: Level, parts: Int32Array, { numbers, queue, near, target, weight }: Scratch): Level {
  const { nodes, strength: strengthOf, start: startOf, target: targetOf, weight: weightOf } = level
  const count = countOf(parts)
  // Sort the nodes by part.
  const first = new Int32Array(count + 1)
  for (let v = 0; v < nodes; v++) first[parts[v]! + 1]!++
  for (let c = 0; c < count; c++) first[c + 1]! += first[c]!
  const members = queue
  near.set(first.subarray(0, count))
  for (let v = 0; v < nodes; v++) members[near[parts[v]!]!++] = v
  const strength = new Float64Array(count)
  const start = new Int32Array(count + 1)
  const position = numbers.fill(-1, 0, count)
  let to = 0
  for (let c = 0; c < count; c++) {
    const from = to
    let sum = 0
    for (let m = first[c]!; m < first[c + 1]!; m++) {
      const v = members[m]!
      sum += strengthOf[v]!
      for (let i = startOf[v]!, end = startOf[v + 1]!; i < end; i++) {
        const other = parts[targetOf[i]!]!
        if (other === c) continue
        const known = position[other]!
        if (known < from) {
          position[other] = to
          target[to] = other
          weight[to++] = weightOf[i]!
        } else weight[known]! += weightOf[i]!
      }
    }
    strength[c] = sum
    start[c + 1] = to
  }
  return { nodes: count, start, target: target.slice(0, to), weight: weight.slice(0, to), strength }
}

/** Numbers the communities by falling size, equal sizes by their first node. */
export function bySize(communities: Int32Array): Int32Array {
  const ranked = communities.slice()
  renumber(ranked, new Int32Array(ranked.length))
  const size = new Int32Array(countOf(ranked))
  for (const c of ranked) size[c]!++
  const order = ascending(size.length).sort((a, b) => size[b]! - size[a]! || a - b)
  const rank = new Int32Array(size.length)
  for (let position = 0; position < order.length; position++) rank[order[position]!] = position
  for (let v = 0; v < ranked.length; v++) ranked[v] = rank[ranked[v]!]!
  return ranked
}

/** The number of communities, which are numbered without gaps. */
export function countOf(communities: Int32Array): number {
  let most = -1
  for (const c of communities) if (c > most) most = c
  return most + 1
}

/** Renumbers communities (0 … nodes - 1) in place, without gaps, in order of first appearance. */
function renumber(communities: Int32Array, numbers: Int32Array): void {
  const nodes = communities.length
  numbers.fill(-1, 0, nodes)
  let count = 0
  for (let v = 0; v < nodes; v++) {
    const c = communities[v]!
    if (numbers[c]! < 0) numbers[c] = count++
    communities[v] = numbers[c]!
  }
}

function ascending(length: number): Int32Array {
  const numbers = new Int32Array(length)
  for (let i = 0; i < length; i++) numbers[i] = i
  return numbers
}

/** Writes 0 … length - 1 in random order. */
function shuffle(order: Int32Array, length: number, random: () => number): void {
  for (let i = 0; i < length; i++) {
    const j = Math.floor(random() * (i + 1))
    order[i] = order[j]!
    order[j] = i
  }
}
