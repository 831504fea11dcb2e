// Which papers have the highest scores, proven without computing every score: each paper's score is bounded from above by
// what is known of its cosine from eight bits a value and by the rest of the score, which is known. Papers are asked by
// falling bound whether they take part and what their score is, until the best that were found lie above the next bound.

import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import type { VectorSnapshot } from '../../vectors/vector-index.ts'
import type { Roster } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'

/** What a seed in `unlike` takes away, as a share of its own similarity (Rocchio 1971 has a share below 1 as well). */
export const unlikeShare = 0.5

/** What a paper costs in order of the bounds, as a multiple of one in the order of the roster. */
const selectiveCost = 8

/** Something that must hold of a paper, by its place in the roster. */
export interface Condition {
  /** Whether the paper must have been read before {@link holds} is asked. @default never */
  readonly needsPaper?: (place: number) => boolean
  readonly holds: (place: number) => boolean
}

/** A question, ready to be answered. */
export interface Question {
  /** Mean of the likes' unit vectors; undefined where the embedding has no weight. */
  readonly direction: Float32Array | undefined
  readonly unlikeDirections: readonly Float32Array[]
  /** The lexical part by row. */
  readonly lexical: Float64Array
  /** Cheap: asked of every row. */
  readonly isMatch: (row: number) => boolean
  /** Asked only of papers that would be among the hits, by place. */
  readonly conditions: readonly Condition[]
}

/** A paper with its score, by its place in the roster. */
export interface Scored {
  readonly place: number
  readonly score: number
  readonly semantic: number
}

/** The papers with the highest scores, best first; of equal ones those that were added first. */
export async function bestPapers(
  { direction, unlikeDirections, lexical, isMatch, conditions }: Question,
  options: {
    readonly wanted: number
    readonly weights: { readonly semantic: number; readonly lexical: number; readonly recency?: number }
    readonly recency: Float64Array | undefined
    readonly roster: Roster
    readonly snapshot: VectorSnapshot
    /** Reads papers, so that conditions that need them can be asked. */
    readonly read: (papers: readonly StoredPaper[]) => Promise<unknown>
    readonly signal: AbortSignal | undefined
  },
): Promise<Scored[]> {
  const { wanted, weights, recency, roster, snapshot, read, signal } = options
  const { papers, rows } = roster
  if (papers.length === 0) return []
  const slice = timeSlice(signal)
  // What is known without the embedding.
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
      // So many have to be asked at least.
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
      // How many more have to be asked at this rate, against how many there are.
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

/** Papers read at once. */
const papersPerRead = 512

/** Reads what conditions must have read of places before they can be asked. */
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

/** How many are looked at in either order at first, by what that grows, and how often, before all papers are bounded. */
const graphFirst = 64
const graphGrowth = 4
const graphRounds = 3

/**
 * The best by two orders, each of which is cheap to read from its top: the nearest of a graph, and what is known without the
 * embedding (the threshold algorithm of Fagin, Lotem and Naor 2003). What neither has shown scores at most as much as the
 * last of both together would. Undefined where that proves nothing soon, and where the graph would look at all rows.
 */
async function byGraph(
  unit: Float32Array,
  question: {
    readonly wanted: number
    readonly weight: number
    /** Undefined where it is 0 for all. */
    readonly known: ((place: number) => number) | undefined
    readonly isMatch: (place: number) => boolean
    /** Asked of a place once what it needs has been read. */
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
  // Both orders ask, and the graph again in each round: 1 for no, 2 for yes.
  const verdicts = new Uint8Array(rows.length)
  const takesPart = (place: number): boolean => {
    if (verdicts[place] === 0) verdicts[place] = question.isMatch(place) && question.takesPart(place) ? 2 : 1
    return verdicts[place] === 2
  }
  // The graph does not wait: papers that it comes to unread take part as often as others did, and once they have been read,
  // the same is asked again, until it comes to none.
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
    // Fewer than asked for are all that there are.
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
      // Whoever is left has nothing but the embedding.
      if (byKnown.size === 0) most = 0
      best = ranked(best.concat(await scored(Int32Array.from(others))))
    }
    const furthest = near.reduce((least, { semantic }) => Math.min(least, semantic), 1)
    if ((best[wanted - 1]?.score ?? -1) > weight * furthest + most) return best
  }
  return undefined
}

/** Places of which more than nothing is known, the most first. */
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
    // Opposite seeds cancel out: then nothing is near.
    const isNowhere = !(square > 1e-12)
    this.unit = isNowhere ? Float32Array.from(direction, (_, d) => (d === 0 ? 1 : 0)) : direction
    this.#length = isNowhere ? 0 : Math.abs(square - 1) < 1e-6 ? 1 : Math.sqrt(square)
    this.#unlike = unlike
    this.#snapshot = snapshot
  }

  async of(rows: Int32Array): Promise<Float64Array> {
    const unlike: Float64Array[] = []
    for (const vector of this.#unlike) unlike.push(await this.#snapshot.scoreRows(vector, rows))
    return this.#parts(await this.#snapshot.scoreRows(this.unit, rows), unlike)
  }

  /** No row has more. */
  async atMost(rows: Int32Array, signal: AbortSignal | undefined): Promise<Float64Array> {
    const snapshot = this.#snapshot
    if (snapshot.bounds === undefined) return this.of(rows)
    const cosines = await snapshot.bounds(this.unit, rows, { side: 'above', signal })
    const unlike: Float64Array[] = []
    for (const vector of this.#unlike) unlike.push(await snapshot.bounds(vector, rows, { side: 'below', signal }))
    return this.#parts(cosines, unlike)
  }

  #parts(cosines: Float64Array, unlike: readonly Float64Array[]): Float64Array {
    for (let i = 0; i < cosines.length; i++) {
      let worst = 0
      for (const its of unlike) if (its[i]! > worst) worst = its[i]!
      cosines[i] = Math.max(0, Math.min(1, Math.max(0, cosines[i]! * this.#length)) - unlikeShare * worst)
    }
    return cosines
  }
}

/** Places by falling value: a binary heap, so that what is never taken is never sorted. */
class FallingOrder {
  readonly #heap: Int32Array
  readonly #values: Float64Array
  #size: number

  /** Takes `places` over; `values` are by place. */
  constructor(places: Int32Array, values: Float64Array) {
    this.#heap = places
    this.#values = values
    this.#size = places.length
    for (let i = (places.length >> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  get size(): number {
    return this.#size
  }

  /** The largest value that is left. */
  get highest(): number {
    return this.#values[this.#heap[0]!]!
  }

  /** Takes the place with the largest value. */
  take(): number {
    const place = this.#heap[0]!
    this.#heap[0] = this.#heap[--this.#size]!
    this.#sink(0)
    return place
  }

  /** Takes so many places, or all that are left. */
  takeMany(count: number): Int32Array {
    const places = new Int32Array(Math.min(count, this.#size))
    for (let i = 0; i < places.length; i++) places[i] = this.take()
    return places
  }

  /** The places that are left, in no order. */
  left(): Int32Array {
    return this.#heap.subarray(0, this.#size)
  }

  #sink(from: number): void {
    const heap = this.#heap
    const values = this.#values
    const place = heap[from]!
    const value = values[place]!
    let at = from
    for (let child = 2 * at + 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && values[heap[child + 1]!]! > values[heap[child]!]!) child++
      if (!(values[heap[child]!]! > value)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = place
  }
}
