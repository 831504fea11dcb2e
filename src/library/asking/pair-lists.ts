// The word pairs of many papers as numbers, some 4 bytes a pair. Once all are there, pairs that one paper alone has are
// dropped, as they tell nothing about two papers, and the others are numbered without gaps.
import type { TimeSlice } from '../../runtime/time-slice.ts'

/** Lists that are stored together. */
const listsPerBlock = 4096
/** About so many pairs are numbered at once. */
const pairsAtOnce = 2 ** 18
const range = 2 ** 32
/** A frequency this high or higher is not told apart. */
const mostCounted = 255

interface Block {
  /** Of each list, and the end of the last. */
  readonly start: Uint32Array
  readonly pairs: Uint32Array
}

/** Lists by place, in the order in which they were added. */
export class PairLists {
  readonly #blocks: Block[] = []
  /** Lists of the block that is not full. */
  #open: Uint32Array[] = []
  readonly #sizes: number[] = []
  readonly #firsts: number[] = []
  /** Places of different lists by a hash; lists that share one are rare. */
  #known = new Map<number, number>()
  readonly #leastToShare: number
  #frequency = new Uint8Array(0)

  /** @param leastToShare fewer pairs do not make two equal lists one */
  constructor({ leastToShare }: { readonly leastToShare: number }) {
    this.#leastToShare = leastToShare
  }

  /** Appends a list of numbers below 2^32, ascending and spread evenly; the list of a paper that has been there is shared. */
  add(pairs: Uint32Array): void {
    const place = this.#sizes.push(pairs.length) - 1
    let first = place
    if (pairs.length >= this.#leastToShare) {
      const key = hashOf(pairs)
      const other = this.#known.get(key)
      if (other === undefined) this.#known.set(key, place)
      else if (isEqual(this.list(other), pairs)) first = other
    }
    this.#firsts.push(first)
    this.#open.push(first === place ? pairs : none)
    if (this.#open.length === listsPerBlock) this.#close()
  }

  #close(): void {
    const start = new Uint32Array(this.#open.length + 1)
    for (const [i, { length }] of this.#open.entries()) start[i + 1] = start[i]! + length
    const pairs = new Uint32Array(start.at(-1) as number)
    for (const [i, list] of this.#open.entries()) pairs.set(list, start[i])
    this.#blocks.push({ start, pairs })
    this.#open = []
  }

  /** The place of the first list that is equal to a list. */
  firstOf(place: number): number {
    return this.#firsts[place]!
  }

  /** Number of pairs, with those that were dropped. */
  size(place: number): number {
    return this.#sizes[place]!
  }

  /** The pairs of a list, ascending; none where an earlier list is equal. */
  list(place: number): Uint32Array {
    const block = this.#blocks[Math.floor(place / listsPerBlock)]
    const i = place % listsPerBlock
    return block === undefined
      ? (this.#open[i] as Uint32Array)
      : block.pairs.subarray(block.start[i], block.start[i + 1])
  }

  /** Number of pairs that two lists share. */
  shared(one: number, other: number): number {
    const first = this.firstOf(one)
    const second = this.firstOf(other)
    if (first === second) return this.size(one)
    return sharedCount(this.list(first), this.list(second))
  }

  /** Number of different lists that have each pair, at most 255, once {@link settle} has numbered them. */
  get frequency(): Uint8Array {
    return this.#frequency
  }

  /** Drops the pairs of one list only and numbers the others from 0, in their order. Nothing is added afterwards. */
  async settle(slice: TimeSlice): Promise<void> {
    this.#known = new Map()
    if (this.#open.length > 0) this.#close()
    const all = this.#blocks.reduce((sum, { pairs }) => sum + pairs.length, 0)
    const width = Math.ceil(range / Math.max(1, Math.ceil(all / pairsAtOnce)))
    const blocks = this.#blocks.map(({ start }) => ({
      /** The next pair of each list, and where the next one that is kept is written. */
      next: start.slice(0, -1),
      end: start.slice(0, -1),
    }))
    const frequencies: Uint8Array[] = []
    let numbered = 0
    let found = new Uint32Array(2 * pairsAtOnce)
    for (let high = width; high - width < range; high += width) {
      let count = 0
      for (const [b, { start, pairs }] of this.#blocks.entries()) {
        const { next } = blocks[b]!
        for (let i = 0; i < next.length; i++)
          for (let at = next[i]!; at < start[i + 1]! && pairs[at]! < high; at++) {
            if (count === found.length) found = grown(found)
            found[count++] = pairs[at]!
          }
        if (slice.due()) await slice.rest()
      }
      const { values, frequency } = repeated(found.subarray(0, count).sort())
      if (slice.due()) await slice.rest()
      for (const [b, { start, pairs }] of this.#blocks.entries()) {
        const { next, end } = blocks[b]!
        for (let i = 0; i < next.length; i++) {
          let at = next[i]!
          let to = end[i]!
          for (; at < start[i + 1]! && pairs[at]! < high; at++) {
            const place = placeOf(values, pairs[at]!)
            if (place >= 0) pairs[to++] = numbered + place
          }
          next[i] = at
          end[i] = to
        }
        if (slice.due()) await slice.rest()
      }
      frequencies.push(frequency)
      numbered += values.length
    }
    for (const [b, block] of this.#blocks.entries()) {
      this.#blocks[b] = compacted(block, blocks[b]!.end)
      if (slice.due()) await slice.rest()
    }
    this.#frequency = new Uint8Array(numbered)
    let to = 0
    for (const part of frequencies) {
      this.#frequency.set(part, to)
      to += part.length
    }
  }
}

const none = new Uint32Array(0)

/** The values that occur more than once in an ascending list, and how often. */
function repeated(sorted: Uint32Array): { readonly values: Uint32Array; readonly frequency: Uint8Array } {
  const values: number[] = []
  const counts: number[] = []
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to] === sorted[from]) to++
    if (to - from < 2) continue
    values.push(sorted[from]!)
    counts.push(Math.min(mostCounted, to - from))
  }
  return { values: Uint32Array.from(values), frequency: Uint8Array.from(counts) }
}

/** The place of a value in an ascending list; -1 if it is not there. */
function placeOf(values: Uint32Array, value: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < value) low = middle + 1
    else high = middle
  }
  return values[low] === value ? low : -1
}

/** A block with only the pairs before the end of each list. */
function compacted({ start, pairs }: Block, end: Uint32Array): Block {
  const newStart = new Uint32Array(start.length)
  for (let i = 0; i < end.length; i++) newStart[i + 1] = newStart[i]! + end[i]! - start[i]!
  const kept = new Uint32Array(newStart.at(-1) as number)
  for (let i = 0; i < end.length; i++) kept.set(pairs.subarray(start[i], end[i]), newStart[i])
  return { start: newStart, pairs: kept }
}

function grown(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(2 * values.length)
  more.set(values)
  return more
}

/** A hash below 2^52 of a list. */
function hashOf(list: Uint32Array): number {
  let one = 0x811c9dc5
  let other = 0x2545f491
  for (const value of list) {
    one = Math.imul(one ^ value, 0x01000193)
    other = Math.imul(other + value, 0x9e3779b1) ^ (other >>> 15)
  }
  return (one >>> 0) * 2 ** 20 + (other >>> 12)
}

function isEqual(one: Uint32Array, other: Uint32Array): boolean {
  return one.length === other.length && one.every((value, i) => value === other[i])
}

/** Number of values that two ascending lists share. */
export function sharedCount(a: Int32Array | Uint32Array, b: Int32Array | Uint32Array): number {
  let count = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const difference = a[i]! - b[j]!
    if (difference === 0) count++
    if (difference <= 0) i++
    if (difference >= 0) j++
  }
  return count
}
