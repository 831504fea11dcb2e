// Finds the papers with the highest scores, exactly, without computing every score. An upper bound of each score comes
// from the cosine on 8-bit codes plus the other parts, which are known. Papers are filtered and scored in the order of
// falling bounds, until the best found lie above the next bound.

import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import type { VectorSnapshot } from '../../vectors/vector-index.ts'
import type { Roster } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'

/** Share of the similarity to a seed in `unlike` that is subtracted (below 1 as in Rocchio 1971). */
export const unlikeShare = 0.5

/** Cost of filtering a paper in the order of the bounds, relative to the order of the roster. */
const selectiveCost = 8

/** A condition on a paper, by its place in the roster. */
export interface Condition {
  /** Whether the paper must be read before {@link holds} is called. @default never */
  readonly needsPaper?: (place: number) => boolean
  readonly holds: (place: number) => boolean
}

/** A question, ready to be ranked. */
export interface Question {
  /** Mean of the unit vectors of `like`; undefined if the embedding has no weight. */
  readonly direction: Float32Array | undefined
  readonly unlikeDirections: readonly Float32Array[]
  /** The lexical part by row. */
  readonly lexical: Float64Array
  /** A fast test, called for every row. */
  readonly isMatch: (row: number) => boolean
  /** Slower tests, called only for papers that would be among the hits, by place. */
  readonly conditions: readonly Condition[]
}

/** A paper with its score, by its place in the roster. */
export interface Scored {
  readonly place: number
  readonly score: number
  readonly semantic: number
}

/** The `wanted` papers with the highest scores, best first; ties in the order in which they were added. */
export async function bestPapers(
  { direction, unlikeDirections, lexical, isMatch, conditions }: Question,
  options: {
    readonly wanted: number
    readonly weights: { readonly semantic: number; readonly lexical: number; readonly recency?: number }
    readonly recency: Float64Array | undefined
    readonly roster: Roster
    readonly snapshot: VectorSnapshot
    /** Reads the papers that conditions need. */
    readonly read: (papers: readonly StoredPaper[]) => Promise<unknown>
    readonly signal: AbortSignal | undefined
  },
): Promise<Scored[]> {
  const { wanted, weights, recency, roster, snapshot, read, signal } = options
  const { papers, rows } = roster
  if (papers.length === 0) return []
  const slice = timeSlice(signal)
  // The parts of the score besides the embedding.
  const known = (place: number) =>
    weights.lexical * lexical[rows[place]!]! + (recency === undefined ? 0 : (weights.recency ?? 0) * recency[place]!)
  const semantics = direction && new SemanticPart(direction, unlikeDirections, snapshot)
  const takesPart = (place: number) => conditions.every(({ holds }) => holds(place))
  const reading = readerOf(conditions, { papers, read })
  const scored = async (places: Int32Array): Promise<Scored[]> => {
    const semantic = await semantics?.of(places.map((place) => rows[place]!))
    return Array.from(places, (place, i) => {
      const part = semantic?.[i] ?? 0
      return { place, semantic: part, score: Math.min(1, weights.semantic * part + known(place)) }
    })
  }
  const ranked = (all: Scored[]) => all.sort((a, b) => b.score - a.score || a.place - b.place).slice(0, wanted)

  if (semantics !== undefined && unlikeDirections.length === 0 && snapshot.nearest !== undefined) {
    const isKnownAlike = weights.lexical === 0 && recency === undefined
    const found = await byGraph(semantics.unit, {
      wanted,
      weight: weights.semantic,
      known: isKnownAlike ? undefined : known,
      isMatch: (place) => isMatch(rows[place]!),
      takesPart,
      reading,
      scored,
      ranked,
      roster,
      snapshot,
      slice,
      signal,
    })
    if (found !== undefined) return found
  }

  const bound = (await semantics?.atMost(rows, signal)) ?? new Float64Array(papers.length)
  const places = new Int32Array(papers.length)
  let count = 0
  for (let place = 0; place < places.length; place++) {
    if (!isMatch(rows[place]!)) continue
    places[count++] = place
    bound[place] = weights.semantic * bound[place]! + known(place)
  }
  let order = new FallingOrder(places.subarray(0, count), bound)
  let best: Scored[] = []
  let isSelected = conditions.length === 0
  let asked = 0
  let passed = 0
  while (order.size > 0 && !(best.length === wanted && (best[wanted - 1] as Scored).score > order.highest)) {
    const next = new Int32Array(Math.min(order.size, Math.max(16, wanted - best.length, wanted >> 3)))
    let length = 0
    while (length < next.length && order.size > 0) {
      // At least this many must be tested.
      const places = order.takeMany(next.length - length)
      if (!isSelected && reading.isNeeded(places)) await reading.read(places)
      for (const place of places) {
        asked++
        if (isSelected || takesPart(place)) {
          next[length++] = place
          passed++
        }
        if (slice.due()) await slice.rest()
      }
      const isTime = asked >> 6 > (asked - places.length) >> 6
      // Tests still needed at this pass rate, against filtering all remaining papers.
      if (!isSelected && isTime && selectiveCost * (asked / (passed + 1)) * (wanted - passed) > order.size) {
        const left = order.left()
        count = 0
        for (let start = 0; start < left.length; start += papersPerRead) {
          const part = left.slice(start, start + papersPerRead)
          if (reading.isNeeded(part)) await reading.read(part)
          for (const [i, place] of part.entries()) {
            if (takesPart(place)) left[count++] = place
            if (i % 32 === 31 && slice.due()) await slice.rest()
          }
        }
        order = new FallingOrder(left.subarray(0, count), bound)
        isSelected = true
      }
    }
    best = ranked(best.concat(await scored(next.subarray(0, length))))
  }
  return best
}

/** Papers per read of the storage. */
const papersPerRead = 512

/** Reads the papers that conditions need before they can be tested. */
export function readerOf(
  conditions: readonly Condition[],
  {
    papers,
    read,
  }: {
    readonly papers: readonly StoredPaper[]
    readonly read: (papers: readonly StoredPaper[]) => Promise<unknown>
  },
): {
  readonly isNeeded: (places: Iterable<number>) => boolean
  readonly read: (places: Iterable<number>) => Promise<void>
} {
  const asking = conditions.flatMap(({ needsPaper }) => needsPaper ?? [])
  const isUnread = (place: number) =>
    papers[place]!.cached === undefined && asking.some((needsPaper) => needsPaper(place))
  return {
    isNeeded: (places) => {
      if (asking.length > 0) for (const place of places) if (isUnread(place)) return true
      return false
    },
    read: async (places) =>
      void (await read(
        Array.from(places)
          .filter(isUnread)
          .map((place) => papers[place]!),
      )),
  }
}

/**
 * Papers taken from each order in the first round, the growth per round, and the rounds before all papers are bounded.
 */
const graphFirst = 64
const graphGrowth = 4
const graphRounds = 3

/**
 * The best papers by the threshold algorithm (Fagin, Lotem and Naor 2003) over two orders that are fast to read from
 * the top: nearest vectors in the graph, and the other parts of the score. A paper seen in neither scores at most the
 * sum of the last values of both. Undefined if no result is proven within a few rounds, or if the graph would visit all
 * rows.
 */
async function byGraph(
  unit: Float32Array,
  question: {
    readonly wanted: number
    readonly weight: number
    /** The other parts of the score; undefined if 0 for all papers. */
    readonly known: ((place: number) => number) | undefined
    readonly isMatch: (place: number) => boolean
    /** Called only once the paper has been read, if that is needed. */
    readonly takesPart: (place: number) => boolean
    readonly reading: ReturnType<typeof readerOf>
    readonly scored: (places: Int32Array) => Promise<Scored[]>
    readonly ranked: (all: Scored[]) => Scored[]
    readonly roster: Roster
    readonly snapshot: VectorSnapshot
    readonly slice: TimeSlice
    readonly signal: AbortSignal | undefined
  },
): Promise<Scored[] | undefined> {
  const { wanted, weight, known, reading, scored, ranked, roster, snapshot, slice, signal } = question
  const { rows } = roster
  // Cached for both orders and all rounds: 1 for no, 2 for yes, 0 for unknown.
  const verdicts = new Uint8Array(rows.length)
  const takesPart = (place: number): boolean => {
    if (verdicts[place] === 0) verdicts[place] = question.isMatch(place) && question.takesPart(place) ? 2 : 1
    return verdicts[place] === 2
  }
  // The graph search is synchronous. It accepts unread papers at the pass rate so far; they are read afterwards and the
  // search is repeated, until it meets no unread paper.
  const unread = new Set<number>()
  let yes = 0
  let judged = 0
  const filter = (row: number): boolean => {
    const place = roster.placeOf(row)
    if (place < 0) return false
    if (verdicts[place] !== 0 || !question.isMatch(place) || !reading.isNeeded([place])) return takesPart(place)
    unread.add(place)
    return (Math.imul(place, 0x9e3779b1) >>> 0) / 2 ** 32 < (yes + 1) / (judged + 1)
  }
  const settled = async <Answer>(ask: () => Answer | Promise<Answer>): Promise<Answer> => {
    for (;;) {
      const answer = await ask()
      if (unread.size === 0) return answer
      await reading.read(unread)
      for (const place of unread) if (takesPart(place)) yes++
      judged += unread.size
      unread.clear()
      if (slice.due()) await slice.rest()
    }
  }
  let byKnown: FallingOrder | undefined
  const seen = new Set<number>()
  let best: Scored[] = []
  let first = 0
  let k = Math.max(graphFirst, graphGrowth * wanted)
  for (let round = 0; round < graphRounds; round++, k *= graphGrowth) {
    const nearest = await settled(() => snapshot.nearest?.(unit, { k, filter, ...(signal && { signal }) }))
    if (nearest === undefined) return undefined
    const near = await scored(nearest.map((row) => roster.placeOf(row)))
    const fresh = near.filter(({ place }) => !seen.has(place))
    for (const { place } of fresh) seen.add(place)
    best = ranked(best.concat(fresh))
    // Fewer than k: these are all.
    if (near.length < k) return best
    let most = 0
    if (known !== undefined) {
      byKnown ??= await knownOrder(rows.length, known, slice)
      const others: number[] = []
      while (first < k && byKnown.size > 0) {
        const places = byKnown.takeMany(k - first)
        const fresh = places.filter((place) => verdicts[place] === 0 && question.isMatch(place))
        if (reading.isNeeded(fresh)) await reading.read(fresh)
        for (const place of places) {
          if (slice.due()) await slice.rest()
          if (!takesPart(place)) continue
          first++
          most = known(place)
          if (!seen.has(place)) others.push(place)
          seen.add(place)
        }
      }
      // The remaining papers score by the embedding alone.
      if (byKnown.size === 0) most = 0
      best = ranked(best.concat(await scored(Int32Array.from(others))))
    }
    const furthest = near.reduce((least, { semantic }) => Math.min(least, semantic), 1)
    if ((best[wanted - 1]?.score ?? -1) > weight * furthest + most) return best
  }
  return undefined
}

/** Places with a known part above 0, in falling order of it. */
async function knownOrder(count: number, known: (place: number) => number, slice: TimeSlice): Promise<FallingOrder> {
  const values = new Float64Array(count)
  const places = new Int32Array(count)
  let length = 0
  for (let place = 0; place < count; place++) {
    values[place] = known(place)
    if (values[place]! > 0) places[length++] = place
    if (place % 4096 === 4095 && slice.due()) await slice.rest()
  }
  return new FallingOrder(places.subarray(0, length), values)
}

/** The semantic part of a score, for any rows. */
class SemanticPart {
  readonly unit: Float32Array
  readonly #length: number
  readonly #unlike: readonly Float32Array[]
  readonly #snapshot: VectorSnapshot

  constructor(direction: Float32Array, unlike: readonly Float32Array[], snapshot: VectorSnapshot) {
    let square = 0
    for (const value of direction) square += value * value
    // Opposite seeds cancel out; then no paper is near.
    const isNowhere = !(square > 1e-12)
    this.unit = isNowhere ? Float32Array.from(direction, (_, d) => (d === 0 ? 1 : 0)) : direction
    this.#length = isNowhere ? 0 : Math.abs(square - 1) < 1e-6 ? 1 : Math.sqrt(square)
    this.#unlike = unlike
    this.#snapshot = snapshot
  }

  async of(rows: Int32Array): Promise<Float64Array> {
    const unlike: Float64Array[] = []
    for (const vector of this.#unlike) unlike.push(await this.#snapshot.scoreRows(vector, rows))
    return withoutUnlike(await this.#snapshot.scoreRows(this.unit, rows), this.#length, unlike)
  }

  /** Upper bounds of the semantic parts. */
  async atMost(rows: Int32Array, signal: AbortSignal | undefined): Promise<Float64Array> {
    const snapshot = this.#snapshot
    if (snapshot.bounds === undefined) return this.of(rows)
    const cosines = await snapshot.bounds(this.unit, rows, { side: 'above', signal })
    const unlike: Float64Array[] = []
    for (const vector of this.#unlike) unlike.push(await snapshot.bounds(vector, rows, { side: 'below', signal }))
    return withoutUnlike(cosines, this.#length, unlike)
  }
}

/** Semantic parts, in place of the cosines of a direction with this length. */
function withoutUnlike(cosines: Float64Array, length: number, unlike: readonly Float64Array[]): Float64Array {
  for (let i = 0; i < cosines.length; i++) {
    let worst = 0
    for (const its of unlike) if (its[i]! > worst) worst = its[i]!
    cosines[i] = Math.max(0, Math.min(1, Math.max(0, cosines[i]! * length)) - unlikeShare * worst)
  }
  return cosines
}

/** Places in the order of falling values: a binary heap, so that only the places taken are sorted. */
class FallingOrder {
  readonly #heap: Int32Array
  readonly #values: Float64Array
  #size: number

  /** Reorders `places` in place; `values` are indexed by place. */
  constructor(places: Int32Array, values: Float64Array) {
    this.#heap = places
    this.#values = values
    this.#size = places.length
    for (let i = (places.length >> 1) - 1; i >= 0; i--) sink(places, places.length, values, i)
  }

  get size(): number {
    return this.#size
  }

  /** The largest remaining value. */
  get highest(): number {
    return this.#values[this.#heap[0]!]!
  }

  /** Takes the place with the largest value. */
  take(): number {
    const place = this.#heap[0]!
    this.#heap[0] = this.#heap[--this.#size]!
    sink(this.#heap, this.#size, this.#values, 0)
    return place
  }

  /** Takes up to `count` places. */
  takeMany(count: number): Int32Array {
    const places = new Int32Array(Math.min(count, this.#size))
    for (let i = 0; i < places.length; i++) places[i] = this.take()
    return places
  }

  /** The remaining places, unordered. */
  left(): Int32Array {
    return this.#heap.subarray(0, this.#size)
  }
}

/**
 * Moves a place down the heap to where it belongs. Not a method: optimised code of V8 11.3 (Node 20) has crashed in a
 * question where it made objects of a class with private methods, rarely and under load.
 */
function sink(heap: Int32Array, size: number, values: Float64Array, from: number): void {
  const place = heap[from]!
  const value = values[place]!
  let at = from
  for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && values[heap[child + 1]!]! > values[heap[child]!]!) child++
    if (!(values[heap[child]!]! > value)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = place
}
