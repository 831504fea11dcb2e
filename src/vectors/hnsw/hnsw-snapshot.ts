import { requireInteger } from '../../errors.ts'
import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import { ExactSnapshot, type ExactState } from '../exact-snapshot.ts'
import { TopK } from '../top-k.ts'
import { unitQuery } from '../unit-rows.ts'
import type { NearestOptions } from '../vector-index.ts'
import type { NativeGraph } from './hnswlib.ts'

/** A graph and the meaning of its labels. */
export interface Graph {
  readonly native: NativeGraph
  readonly efSearch: number
  readonly rows: Int32Array
  readonly stamps: Uint32Array
  /** Last stamp when the graph was built: live positions up to it are in the graph. */
  readonly lastStamp: number
}

/** Below this share of passing rows, a search of the graph would mostly visit rows that fail the filter. */
const minFilterShare = 0.1
const sampleSize = 128

/** A snapshot of an index and a graph, which may be older. */
export class HnswSnapshot extends ExactSnapshot {
  readonly #graph: Graph
  /** First position not in the graph. */
  readonly #tail: number
  readonly #inGraph: number

  constructor(state: ExactState, graph: Graph) {
    super(state)
    this.#graph = graph
    this.#tail = firstAfter(state, graph.lastStamp)
    this.#inGraph = state.size - liveCount(state, this.#tail)
  }

  async nearest(query: ArrayLike<number>, { k, filter, signal }: NearestOptions): Promise<Int32Array | undefined> {
    const unit = unitQuery(query, this.dimensions)
    requireInteger('k', k, 1)
    const slice = timeSlice(signal)
    if (!this.#isWorthAWalk(k, filter)) return undefined
    const { native, rows, stamps, efSearch } = this.#graph
    native.setEf(efSearch)
    const labels = nearestLabels(native, unit, {
      k: this.#labelsFor(k),
      filter: filter && ((label) => rows[label]! >= 0 && filter(rows[label]!)),
    })
    const best = new TopK(k)
    for (const label of labels)
      if (isCurrent(this, rows[label]!, stamps[label]!))
        best.offer(rows[label]!, Math.fround(this.product(unit, this.position(rows[label]!))))
    // Perhaps fewer than `k` rows match, but only a scan of all rows can tell.
    if (best.size < k) return undefined
    await this.#offerTail(best, { unit, filter, slice })
    return best.rows
  }

  /** Adds the rows that are not in the graph. */
  async #offerTail(
    best: TopK,
    {
      unit,
      filter,
      slice,
    }: { readonly unit: Float32Array; readonly filter: NearestOptions['filter']; readonly slice: TimeSlice },
  ): Promise<void> {
    const tail = this.#tail
    const { codes, count, rowOf } = this.state
    const above = codes && (await this.boundsFrom(tail, { codes, unit, side: 'above', slice }))
    for (let position = tail; position < count; position++) {
      if (above === undefined || above[position - tail]! >= best.cut) {
        const row = rowOf[position]!
        if (row >= 0 && (filter === undefined || filter(row)))
          best.offer(row, Math.fround(this.product(unit, position)))
      }
      if (position % 1024 === 1023 && slice.due()) await slice.rest()
    }
  }

  /** Whether a search of the graph is faster than a scan of all rows and likely to find `k`. */
  #isWorthAWalk(k: number, filter?: (row: number) => boolean): boolean {
    if (2 * this.#labelsFor(k) > this.#graph.rows.length) return false
    return filter === undefined || this.#share(filter) >= minFilterShare
  }

  /**
   * Labels to ask for: removed rows still take places among the nearest, so more by their expected number, and a few.
   */
  #labelsFor(k: number): number {
    const { length } = this.#graph.rows
    return this.#inGraph === length ? k : Math.ceil((1.5 * k * length) / Math.max(1, this.#inGraph)) + 8
  }

  /** Estimated share of rows that pass the filter, from an evenly spaced sample. */
  #share(filter: (row: number) => boolean): number {
    const { count, rowOf } = this.state
    let seen = 0
    let passed = 0
    for (let index = 0; index < sampleSize; index++) {
      const row = rowOf[Math.floor((index * count) / sampleSize)]!
      if (row < 0) continue
      seen++
      if (filter(row)) passed++
    }
    return seen === 0 ? 0 : passed / seen
  }
}

/** Whether a row still has the vector written at a stamp. */
export function isCurrent(snapshot: ExactSnapshot, row: number, stamp: number): boolean {
  const position = snapshot.position(row)
  return position >= 0 && snapshot.state.stampOf[position] === stamp
}

/** First position written after a stamp. */
export function firstAfter({ stampOf, count }: ExactState, stamp: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (stampOf[middle]! > stamp) high = middle
    else low = middle + 1
  }
  return low
}

/** Number of live positions from `from` on. */
export function liveCount({ rowOf, count }: ExactState, from: number): number {
  let rows = 0
  for (let position = from; position < count; position++) if (rowOf[position]! >= 0) rows++
  return rows
}

const query: number[] = []

/**
 * Searches the graph. An error thrown by the filter is rethrown after the search, as it must not unwind hnswlib's C++.
 */
function nearestLabels(
  native: NativeGraph,
  unit: Float32Array,
  { k, filter }: { readonly k: number; readonly filter: ((label: number) => boolean) | undefined },
): number[] {
  // One array for all queries, as hnswlib copies it; filled by a loop, as Array.from uses an iterator.
  for (let d = 0; d < unit.length; d++) query[d] = unit[d]!
  query.length = unit.length
  if (filter === undefined) return native.searchKnn(query, k).neighbors
  let failure: { readonly error: unknown } | undefined
  const { neighbors } = native.searchKnn(query, k, (label) => {
    if (failure !== undefined) return false
    try {
      return filter(label)
    } catch (error) {
      failure = { error }
      return false
    }
  })
  if (failure !== undefined) throw failure.error
  return neighbors
}
