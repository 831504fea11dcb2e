// The nearest rows to every row of a matrix, or to other rows, by square tiles of products. Each row keeps slightly
// more than k candidates by Float32 product; those within the kernels' error of the k-th best are decided in float64,
// so that results are the same on every CPU.

import { type Progress, type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { exactDot, type Kernels, productError, type RowDots } from './kernels.ts'
import { putNearTogether } from './near-order.ts'
import { TopK } from './top-k.ts'
import { loadWasm } from './wasm.ts'

/** The k nearest rows of each row. */
export interface NeighbourGraph {
  /** Neighbours per row: the number requested, or the number of rows minus one if that is less. */
  readonly k: number
  /** `n × k`: neighbours of row i start at `i * k`, nearest first, ties by row; never i itself. */
  readonly rows: Int32Array
  /** `n × k`: their cosine similarities, the same bits on every CPU. */
  readonly scores: Float32Array
}

/** The nearest rows of each query: `queries × k`, nearest first, ties by row. */
export type Nearest = NeighbourGraph

interface How {
  readonly k: number
  readonly kernels: Kernels
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/** Extra candidates per row beyond k, for scores closer together than a kernel's error. */
const spare = 8
/** Side of the largest tile: its products, rows and columns fit the L2 cache of most CPUs, or the L3 cache of all. */
const maxTileSide = 768

/** Products per group of the filter; the caller handles a smaller group at the end of a row. */
const filterGroup = 8

/** The neighbour graph by the given kernels; `k` must be below the number of rows. */
export async function buildNeighbourGraph(rows: RowDots, how: How): Promise<NeighbourGraph> {
  return findPairs(rows, { ...how, queries: 0, rowAt: undefined })
}

/**
 * As {@link buildNeighbourGraph}, a quarter faster for many rows: reorders the matrix to put near rows next to each
 * other.
 */
export async function buildLargeGraph(rows: RowDots, how: How): Promise<NeighbourGraph> {
  return findPairs(rows, { ...how, queries: 0, rowAt: await putNearTogether(rows, how) })
}

/**
 * The k nearest of the remaining rows to each of the first `queries` rows; `k` is at most the number of the remaining.
 */
export async function findNearest(rows: RowDots, how: How & { readonly queries: number }): Promise<Nearest> {
  return findPairs(rows, { ...how, rowAt: undefined })
}

interface Pairs extends How {
  readonly queries: number
  /** The row at each position of the matrix. @default the position itself */
  readonly rowAt: Int32Array | undefined
}

async function findPairs(dots: RowDots, how: Pairs): Promise<NeighbourGraph> {
  const { k, queries, rowAt, kernels, signal, onProgress } = how
  const { matrix, dimensions } = dots
  // In a graph, products are symmetric: tiles on and above the diagonal serve both sides.
  const isGraph = queries === 0
  const others = matrix.length / dimensions - queries
  const n = isGraph ? others : queries
  if (k === 0) return { k, rows: new Int32Array(0), scores: new Float32Array(0) }
  const lefts = matrix.subarray(0, n * dimensions)
  const rights = matrix.subarray(queries * dimensions)
  const width = Math.min(isGraph ? n - 1 : others, k + spare)
  const near = new NearLists(n, width)
  const slice = timeSlice(signal)
  const side = Math.sqrt(kernels.slice / dimensions)
  const most = Math.max(filterGroup, Math.min(maxTileSide, Math.floor(side / filterGroup) * filterGroup))
  const filter = TileFilter.create(most)
  let done = 0
  // The first tile runs before the code is compiled, so it gets a slice of its own.
  await slice.rest()
  // Graph tiles along the diagonal come first, where adjacent rows meet.
  for (let far = 0; far < others; far += most)
    for (let top = 0; top < n && (!isGraph || top + far < others); top += most) {
      const start = isGraph ? top + far : far
      const left = lefts.subarray(top * dimensions, Math.min(n, top + most) * dimensions)
      const right = rights.subarray(start * dimensions, Math.min(others, start + most) * dimensions)
      const pending = kernels.products(left, right, dimensions, filter?.products)
      const products = pending instanceof Float32Array ? pending : await pending
      const rows = left.length / dimensions
      const columns = right.length / dimensions
      const tile = { products, top, start, rows, columns, isGraph }
      if (filter === undefined) collect(near, tile, groupsFrom(0, rows, columns))
      else {
        if (products.buffer !== filter.products.buffer) filter.products.set(products)
        prepare(filter, near, tile)
        collect(near, tile, filter.hits(rows, columns))
        const whole = columns - (columns % filterGroup)
        if (whole < columns) collect(near, tile, groupsFrom(whole, rows, columns))
      }
      done += rows * columns * (isGraph && start > top ? 2 : 1)
      if (slice.due()) {
        onProgress?.({ done: Math.floor(done / others), total: n })
        await slice.rest()
      }
    }
  const graph = await decide(dots, { near, queries, k, rowAt, slice })
  onProgress?.({ done: n, total: n })
  return graph
}

interface Tile {
  readonly products: Float32Array
  /** First row and first column of the tile in the matrix. */
  readonly top: number
  readonly start: number
  readonly rows: number
  readonly columns: number
  /** Whether columns have candidate lists too. */
  readonly isGraph: boolean
}

/** Sets the filter's cuts for a tile. */
function prepare(filter: TileFilter, { cuts }: NearLists, { top, start, rows, columns, isGraph }: Tile): void {
  filter.rowCuts.set(cuts.subarray(top, top + rows))
  if (isGraph) filter.columnCuts.set(cuts.subarray(start, start + columns))
  else filter.columnCuts.fill(Infinity)
}

/**
 * Adds products of a tile to the candidate lists of its rows and, in a graph, of its columns, each pair once. `groups`
 * are the start positions, within the tile, of the groups to read.
 */
function collect(near: NearLists, { products, top, start, columns, isGraph }: Tile, groups: Int32Array): void {
  const { cuts } = near
  const isDiagonal = isGraph && start === top
  for (let index = 0; index < groups.length; index++) {
    const row = Math.floor(groups[index]! / columns)
    const from = groups[index]! - row * columns
    const to = Math.min(columns, from + filterGroup)
    for (let column = isDiagonal ? Math.max(from, row + 1) : from; column < to; column++) {
      const score = products[row * columns + column]!
      if (score > cuts[top + row]!) near.push(top + row, start + column, score)
      if (isGraph && score > cuts[start + column]!) near.push(start + column, top + row, score)
    }
  }
}

/** Start positions of the groups in every row from column `first` on. */
function groupsFrom(first: number, rows: number, columns: number): Int32Array {
  const each = Math.ceil((columns - first) / filterGroup)
  return Int32Array.from(
    { length: rows * each },
    (_, i) => Math.floor(i / each) * columns + first + (i % each) * filterGroup,
  )
}

/** Ranks the candidates by float64 products and keeps k per row. */
async function decide(
  dots: RowDots,
  options: Pick<Pairs, 'queries' | 'k' | 'rowAt'> & { readonly near: NearLists; readonly slice: TimeSlice },
): Promise<NeighbourGraph> {
  const { near, queries, k, rowAt, slice } = options
  const { matrix, dimensions } = dots
  const { width } = near
  const isGraph = queries === 0
  const others = matrix.length / dimensions - queries
  const n = isGraph ? others : queries
  const rows = new Int32Array(n * k)
  const scores = new Float32Array(n * k)
  const margin = 2 * productError(dimensions)
  const ranking = new TopK(k + 1)
  const candidates = new Int32Array(width)
  const products = new Float64Array(width)
  const rowOf = (place: number) => (rowAt === undefined ? place : rowAt[place]!)
  let twins: Int32Array | undefined
  const ofTwin = new Map<number, { readonly rows: Int32Array; readonly scores: Float64Array }>()
  for (let place = 0; place < n; place++) {
    const best = near.best(place)
    const row = rowOf(place)
    const cut = best.scores[k - 1]! - margin
    ranking.clear()
    if (width < (isGraph ? n - 1 : others) && best.scores[width - 1]! >= cut) {
      // More rows are within the margin than the list holds, as with many copies of one text: score all rows, once per
      // distinct vector.
      twins ??= firstTwins(matrix, dimensions)
      let whole = ofTwin.get(twins[place]!)
      if (whole === undefined) {
        const seen = new Float64Array(queries + others)
        for (let other = queries; other < queries + others; other++) {
          const twin = twins[other]!
          seen[other] =
            twin >= queries && twin < other
              ? seen[twin]!
              : exactDot(matrix, place * dimensions, matrix, other * dimensions, dimensions)
          ranking.offer(rowOf(other - queries), Math.fround(seen[other]!))
          if (other % 256 === 255 && slice.due()) await slice.rest()
        }
        whole = { rows: ranking.rows.slice(), scores: ranking.scores.slice() }
        ofTwin.set(twins[place]!, whole)
      }
      const self = isGraph ? whole.rows.indexOf(row) : -1
      const leave = self < 0 ? k : self
      for (let rank = 0; rank < k; rank++) {
        rows[row * k + rank] = whole.rows[rank < leave ? rank : rank + 1]!
        scores[row * k + rank] = whole.scores[rank < leave ? rank : rank + 1]!
      }
    } else {
      let count = 0
      for (; count < width && best.scores[count]! >= cut; count++) candidates[count] = best.rows[count]! + queries
      dots.products(place, candidates.subarray(0, count), products)
      for (let index = 0; index < count; index++)
        ranking.offer(rowOf(candidates[index]! - queries), Math.fround(products[index]!))
      rows.set(ranking.rows.subarray(0, k), row * k)
      scores.set(ranking.scores.subarray(0, k), row * k)
    }
    if (place % 64 === 63 && slice.due()) await slice.rest()
  }
  return { k, rows, scores }
}

/** For each row, the first row with the same bits. */
function firstTwins(matrix: Float32Array, dimensions: number): Int32Array {
  const n = matrix.length / dimensions
  const bits = new Uint32Array(matrix.buffer, matrix.byteOffset, matrix.length)
  const first = new Int32Array(n)
  const byHash = new Map<number, number[]>()
  for (let row = 0; row < n; row++) {
    const start = row * dimensions
    let hash = 0x811c9dc5
    for (let d = 0; d < dimensions; d++) hash = Math.imul(hash ^ bits[start + d]!, 0x01000193)
    const bucket = byHash.get(hash)
    const twin = bucket?.find((other) => {
      for (let d = 0; d < dimensions; d++) if (bits[other * dimensions + d] !== bits[start + d]) return false
      return true
    })
    first[row] = twin ?? row
    if (twin !== undefined) continue
    if (bucket === undefined) byHash.set(hash, [row])
    else bucket.push(row)
  }
  return first
}

type Above = (
  values: number,
  rows: number,
  columns: number,
  rowCuts: number,
  columnCuts: number,
  hits: number,
) => number

/**
 * Finds the few products of a tile above the cut of their row or column, eight at a time: ten times as fast as a
 * JavaScript loop, which takes as long as computing them.
 */
class TileFilter {
  /** Products of a tile, up to side × side. */
  readonly products: Float32Array
  /** A product is selected if it is above the cut of its row or its column. */
  readonly rowCuts: Float32Array
  readonly columnCuts: Float32Array
  readonly #above: Above
  readonly #hitsStart: number

  private constructor(side: number, above: Above, buffer: ArrayBuffer) {
    this.products = new Float32Array(buffer, 0, side * side)
    this.rowCuts = new Float32Array(buffer, 4 * side * side, side)
    this.columnCuts = new Float32Array(buffer, 4 * side * (side + 1), side)
    this.#hitsStart = 4 * side * (side + 2)
    this.#above = above
  }

  /** A filter for tiles up to side × side; undefined if the platform cannot run it. */
  static create(side: number): TileFilter | undefined {
    const hits = Math.ceil((side * side) / filterGroup)
    const loaded = loadWasm<Above>('above', 4 * (side * (side + 2) + hits))
    return loaded && new TileFilter(side, loaded.loop, loaded.memory.buffer)
  }

  /** Start positions, within the tile, of groups with a product above a cut, ascending; valid until the next call. */
  hits(rows: number, columns: number): Int32Array {
    const start = this.#hitsStart
    const end = this.#above(0, rows, columns, this.rowCuts.byteOffset, this.columnCuts.byteOffset, start)
    return new Int32Array(this.products.buffer, start, (end - start) / 4)
  }
}

/**
 * The nearest candidates of each of n rows so far. Scores above a row's cut are appended; a full list is reduced to its
 * `width` best, and the lowest of them becomes the cut. That takes a few operations per candidate, where a heap takes
 * its depth. Memory: `8 × (width + min(width, 64)) + 8` bytes per row.
 */
class NearLists {
  readonly width: number
  /** Score that a candidate of each row must exceed; never falls. */
  readonly cuts: Float32Array
  readonly #room: number
  readonly #counts: Int32Array
  readonly #rows: Int32Array
  readonly #scores: Float32Array

  constructor(n: number, width: number) {
    this.width = width
    this.#room = width + Math.min(width, 64)
    this.cuts = new Float32Array(n).fill(-Infinity)
    this.#counts = new Int32Array(n)
    this.#rows = new Int32Array(n * this.#room)
    this.#scores = new Float32Array(n * this.#room)
  }

  /** Adds a candidate whose score is above the row's cut. */
  push(row: number, other: number, score: number): void {
    const room = this.#room
    const place = row * room + this.#counts[row]!
    this.#scores[place] = score
    this.#rows[place] = other
    if (++this.#counts[row]! < room) return
    const start = row * room
    this.#select(start, start + room, start + this.width)
    this.#counts[row] = this.width
    let least = Infinity
    for (let i = start; i < start + this.width; i++) least = Math.min(least, this.#scores[i]!)
    this.cuts[row] = least
  }

  /** The best of a row, at most `width`, best first; valid until the next `push`. */
  best(row: number): { readonly rows: Int32Array; readonly scores: Float32Array } {
    const start = row * this.#room
    const end = start + this.#counts[row]!
    this.#sort(start, end)
    const last = Math.min(end, start + this.width)
    return { rows: this.#rows.subarray(start, last), scores: this.#scores.subarray(start, last) }
  }

  /** Moves the best of [start, end) before `middle` (Hoare 1961, "Algorithm 65: find"). */
  #select(start: number, end: number, middle: number): void {
    let low = start
    let high = end - 1
    while (low < high) {
      const split = this.#partition(low, high)
      if (middle - 1 <= split) high = split
      else low = split + 1
    }
  }

  #sort(start: number, end: number): void {
    const scores = this.#scores
    const rows = this.#rows
    let low = start
    while (end - low > 24) {
      const split = this.#partition(low, end - 1)
      // Recursing into the smaller side limits the depth of calls.
      if (split + 1 - low < end - split - 1) {
        this.#sort(low, split + 1)
        low = split + 1
      } else {
        this.#sort(split + 1, end)
        end = split + 1
      }
    }
    for (let i = low + 1; i < end; i++) {
      const score = scores[i]!
      const row = rows[i]!
      let place = i
      for (; place > low && scores[place - 1]! < score; place--) {
        scores[place] = scores[place - 1]!
        rows[place] = rows[place - 1]!
      }
      scores[place] = score
      rows[place] = row
    }
  }

  /**
   * Partitions [low, high] into scores at or above a pivot and scores at or below it; returns the last position of the
   * first part.
   */
  #partition(low: number, high: number): number {
    const scores = this.#scores
    const rows = this.#rows
    const pivot = scores[(low + high) >>> 1]!
    let i = low - 1
    let j = high + 1
    for (;;) {
      do i++
      while (scores[i]! > pivot)
      do j--
      while (scores[j]! < pivot)
      if (i >= j) return j
      const score = scores[i]!
      scores[i] = scores[j]!
      scores[j] = score
      const row = rows[i]!
      rows[i] = rows[j]!
      rows[j] = row
    }
  }
}
