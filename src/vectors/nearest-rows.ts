// The nearest rows of every row of a matrix, or of other rows, in square tiles of products. Each row keeps a short list
// of its best by Float32 products, a little longer than k; whatever lies within the kernels' error of the k-th best is
// decided in float64, so that lists are the same on every CPU.

import { type Progress, type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { exactDot, type Kernels, productError } from './kernels.ts'
import { NearLists } from './near-lists.ts'
import { putNearTogether } from './near-order.ts'
import type { RowDots } from './row-dots.ts'
import { FILTER_GROUP, TileFilter } from './tile-filter.ts'

/** The k nearest rows of each row. */
export interface NeighbourGraph {
  /** Neighbours a row: what was asked for, or one less than there are rows. */
  readonly k: number
  /** `n × k`: the neighbours of row i from `i * k` on, nearest first, ties by row; never i itself. */
  readonly rows: Int32Array
  /** `n × k`: their cosine similarities. The same bits on every CPU. */
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

/** Candidates kept of each row beyond k: room for scores that lie closer together than a kernel's error. */
const SPARE = 8
/** Products of such a tile, its rows and its columns fit the second-level cache of most CPUs or the third of all. */
const TILE = 768

/** The graph by given kernels; `k` is below the number of rows. */
export async function buildNeighbourGraph(rows: RowDots, how: How): Promise<NeighbourGraph> {
  return findPairs(rows, { ...how, queries: 0, rowAt: undefined })
}

/** The same for many rows, a quarter faster, as they are put side by side with near ones first: the matrix is reordered. */
export async function buildLargeGraph(rows: RowDots, how: How): Promise<NeighbourGraph> {
  return findPairs(rows, { ...how, queries: 0, rowAt: await putNearTogether(rows, how) })
}

/** The k nearest of all other rows to each of the first `queries` rows; `k` is at most the number of others. */
export async function findNearest(rows: RowDots, how: How & { readonly queries: number }): Promise<Nearest> {
  return findPairs(rows, { ...how, rowAt: undefined })
}

interface Pairs extends How {
  readonly queries: number
  /** Of each place in the matrix the row that it holds. @default its own */
  readonly rowAt: Int32Array | undefined
}

async function findPairs(dots: RowDots, how: Pairs): Promise<NeighbourGraph> {
  const { k, queries, rowAt, kernels, signal, onProgress } = how
  const { matrix, dimensions } = dots
  // Products are symmetric: in a graph the tiles on and above the diagonal serve both of their sides.
  const isGraph = queries === 0
  const others = matrix.length / dimensions - queries
  const n = isGraph ? others : queries
  if (k === 0) return { k, rows: new Int32Array(0), scores: new Float32Array(0) }
  const lefts = matrix.subarray(0, n * dimensions)
  const rights = matrix.subarray(queries * dimensions)
  const width = Math.min(isGraph ? n - 1 : others, k + SPARE)
  const near = new NearLists(n, width)
  const slice = timeSlice(signal)
  const side = Math.sqrt(kernels.slice / dimensions)
  const most = Math.max(FILTER_GROUP, Math.min(TILE, Math.floor(side / FILTER_GROUP) * FILTER_GROUP))
  const filter = TileFilter.create(most)
  let done = 0
  // The first tile is slow, until its code is compiled: it gets a slice of its own.
  await slice.rest()
  // Of a graph the tiles along the diagonal first, where rows that stand together meet.
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
        const whole = columns - (columns % FILTER_GROUP)
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
  /** The tile's first row and first column in the matrix. */
  readonly top: number
  readonly start: number
  readonly rows: number
  readonly columns: number
  /** Whether columns have lists too. */
  readonly isGraph: boolean
}

/** Fills in the filter's cuts for a tile. */
function prepare(filter: TileFilter, { cuts }: NearLists, { top, start, rows, columns, isGraph }: Tile): void {
  filter.rowCuts.set(cuts.subarray(top, top + rows))
  if (isGraph) filter.columnCuts.set(cuts.subarray(start, start + columns))
  else filter.columnCuts.fill(Infinity)
}

/**
 * Takes products of a tile into the lists of its rows and, in a graph, of its columns, each pair once: those of the groups
 * that begin at `groups`, positions in the tile.
 */
function collect(near: NearLists, { products, top, start, columns, isGraph }: Tile, groups: Int32Array): void {
  const { cuts } = near
  const isDiagonal = isGraph && start === top
  for (let index = 0; index < groups.length; index++) {
    const row = Math.floor(groups[index] / columns)
    const from = groups[index] - row * columns
    const to = Math.min(columns, from + FILTER_GROUP)
    for (let column = isDiagonal ? Math.max(from, row + 1) : from; column < to; column++) {
      const score = products[row * columns + column]
      if (score > cuts[top + row]) near.push(top + row, start + column, score)
      if (isGraph && score > cuts[start + column]) near.push(start + column, top + row, score)
    }
  }
}

/** The groups of every row from a column on. */
function groupsFrom(first: number, rows: number, columns: number): Int32Array {
  const each = Math.ceil((columns - first) / FILTER_GROUP)
  return Int32Array.from(
    { length: rows * each },
    (_, i) => Math.floor(i / each) * columns + first + (i % each) * FILTER_GROUP,
  )
}

/** Orders the candidates by their float64 products and keeps k of each row. */
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
  const ranking = new Ranking(k + 1)
  const candidates = new Int32Array(width)
  const products = new Float64Array(width)
  const rowOf = (place: number) => (rowAt === undefined ? place : rowAt[place])
  let twins: Int32Array | undefined
  const ofTwin = new Map<number, { readonly rows: Int32Array; readonly scores: Float32Array }>()
  for (let place = 0; place < n; place++) {
    const best = near.best(place)
    const row = rowOf(place)
    const cut = best.scores[k - 1] - margin
    ranking.clear()
    if (width < (isGraph ? n - 1 : others) && best.scores[width - 1] >= cut) {
      // More rows lie within the margin than the list holds, as among many copies of one text: look at all of them,
      // once for each distinct vector.
      twins ??= firstTwins(matrix, dimensions)
      let whole = ofTwin.get(twins[place])
      if (whole === undefined) {
        const seen = new Float64Array(queries + others)
        for (let other = queries; other < queries + others; other++) {
          const twin = twins[other]
          seen[other] =
            twin >= queries && twin < other
              ? seen[twin]
              : exactDot(matrix, place * dimensions, matrix, other * dimensions, dimensions)
          ranking.offer(rowOf(other - queries), seen[other])
          if (other % 256 === 255 && slice.due()) await slice.rest()
        }
        whole = { rows: ranking.rows.slice(), scores: ranking.scores.slice() }
        ofTwin.set(twins[place], whole)
      }
      const self = isGraph ? whole.rows.indexOf(row) : -1
      const leave = self < 0 ? k : self
      for (let rank = 0; rank < k; rank++) {
        rows[row * k + rank] = whole.rows[rank < leave ? rank : rank + 1]
        scores[row * k + rank] = whole.scores[rank < leave ? rank : rank + 1]
      }
    } else {
      let count = 0
      for (; count < width && best.scores[count] >= cut; count++) candidates[count] = best.rows[count] + queries
      dots.products(place, candidates.subarray(0, count), products)
      for (let index = 0; index < count; index++) ranking.offer(rowOf(candidates[index] - queries), products[index])
      rows.set(ranking.rows.subarray(0, k), row * k)
      scores.set(ranking.scores.subarray(0, k), row * k)
    }
    if (place % 64 === 63 && slice.due()) await slice.rest()
  }
  return { k, rows, scores }
}

/** The best few rows by Float32 score, then by row. */
class Ranking {
  readonly rows: Int32Array
  readonly scores: Float32Array

  constructor(k: number) {
    this.rows = new Int32Array(k)
    this.scores = new Float32Array(k)
  }

  clear(): void {
    this.rows.fill(-1)
    this.scores.fill(-Infinity)
  }

  offer(row: number, product: number): void {
    const { rows, scores } = this
    const score = Math.fround(product)
    let place = rows.length - 1
    if (score < scores[place] || (score === scores[place] && row > rows[place])) return
    for (; place > 0; place--) {
      const above = scores[place - 1]
      if (above > score || (above === score && rows[place - 1] < row)) break
      scores[place] = above
      rows[place] = rows[place - 1]
    }
    scores[place] = score
    rows[place] = row
  }
}

/** For each row the first row that holds the same bits. */
function firstTwins(matrix: Float32Array, dimensions: number): Int32Array {
  const n = matrix.length / dimensions
  const bits = new Uint32Array(matrix.buffer, matrix.byteOffset, matrix.length)
  const first = new Int32Array(n)
  const byHash = new Map<number, number[]>()
  for (let row = 0; row < n; row++) {
    const start = row * dimensions
    let hash = 0x811c9dc5
    for (let d = 0; d < dimensions; d++) hash = Math.imul(hash ^ bits[start + d], 0x01000193)
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
