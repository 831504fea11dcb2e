import { requireInteger } from '../errors.ts'
import { exactDot, type Kernels, productError, typedArrayKernels } from './kernels.ts'
import { type TimeSlice, timeSlice } from './time-slice.ts'
import { requireUnitRows } from './vector-index.ts'

/** How far long work has come, in rows. */
export interface VectorProgress {
  readonly done: number
  readonly total: number
}

export interface NeighbourGraphOptions {
  /** Width of a row. */
  readonly dimensions: number
  /** Neighbours of each row, itself not counted. @default 15 */
  readonly k?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: VectorProgress) => void
}

/** The k nearest rows of each row. */
export interface NeighbourGraph {
  /** Neighbours a row: what was asked for, or one less than there are rows. */
  readonly k: number
  /** `n × k`: the neighbours of row i from `i * k` on, nearest first, ties by row; never i itself. */
  readonly rows: Int32Array
  /** `n × k`: their cosine similarities. The same bits on every CPU. */
  readonly scores: Float32Array
}

/**
 * The exact k-nearest-neighbour graph of a matrix of unit rows, `n × dimensions`. Time grows with n², memory is
 * `16 × n × (k + 4)` bytes beside the matrix.
 * @throws PaperkinError `invalid-argument`: part of a row, a row whose length is not 1, `k` below 1.
 */
export async function neighbourGraph(matrix: Float32Array, options: NeighbourGraphOptions): Promise<NeighbourGraph> {
  const { dimensions, signal, onProgress } = options
  requireInteger('k', options.k ?? 15, 1)
  const n = await requireUnitRows(matrix, dimensions, signal === undefined ? {} : { signal })
  const k = Math.max(0, Math.min(options.k ?? 15, n - 1))
  return buildNeighbourGraph(matrix, {
    dimensions,
    k,
    kernels: typedArrayKernels,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })
}

/** Candidates kept of each row beyond k: room for scores that lie closer together than a kernel's error. */
const SPARE = 8
const TILE = 1024

/** The graph by given kernels; `k` is below the number of rows. */
export async function buildNeighbourGraph(
  matrix: Float32Array,
  options: Required<Pick<NeighbourGraphOptions, 'dimensions' | 'k'>> &
    Pick<NeighbourGraphOptions, 'signal' | 'onProgress'> & { readonly kernels: Kernels },
): Promise<NeighbourGraph> {
  const { dimensions, k, kernels, signal, onProgress } = options
  const n = matrix.length / dimensions
  if (k === 0) return { k, rows: new Int32Array(0), scores: new Float32Array(0) }
  const width = Math.min(n - 1, k + SPARE)
  const near = { width, rows: new Int32Array(n * width), scores: new Float32Array(n * width).fill(-Infinity) }
  const slice = timeSlice(signal)
  const tile = Math.max(16, Math.min(TILE, Math.floor(Math.sqrt(kernels.slice / dimensions))))
  // Products are symmetric: the tiles on and above the diagonal serve both of their sides.
  let done = 0
  for (let top = 0; top < n; top += tile) {
    const left = matrix.subarray(top * dimensions, Math.min(n, top + tile) * dimensions)
    for (let side = top; side < n; side += tile) {
      const right = matrix.subarray(side * dimensions, Math.min(n, side + tile) * dimensions)
      const products = kernels.products(left, right, dimensions)
      collect(products instanceof Float32Array ? products : await products, near, {
        top,
        side,
        rows: left.length / dimensions,
        columns: right.length / dimensions,
      })
      done += (left.length / dimensions) * (right.length / dimensions) * (side === top ? 1 : 2)
      if (slice.due()) {
        onProgress?.({ done: Math.floor(done / n), total: n })
        await slice.rest()
      }
    }
  }
  const graph = await decide(matrix, near, { dimensions, k, slice })
  onProgress?.({ done: n, total: n })
  return graph
}

interface Near {
  readonly width: number
  readonly rows: Int32Array
  readonly scores: Float32Array
}

/** Takes the products of one tile into the lists of its rows and, off the diagonal, of its columns. */
function collect(
  products: Float32Array,
  near: Near,
  place: { readonly top: number; readonly side: number; readonly rows: number; readonly columns: number },
): void {
  const { top, side, rows, columns } = place
  const { width, scores } = near
  const columnCut = new Float32Array(columns)
  for (let column = 0; column < columns; column++) columnCut[column] = scores[(side + column) * width + width - 1]
  for (let row = 0; row < rows; row++) {
    const mine = (top + row) * width + width - 1
    let cut = scores[mine]
    const start = row * columns
    for (let column = side === top ? row + 1 : 0; column < columns; column++) {
      const score = products[start + column]
      if (score > cut) {
        insert(near, top + row, side + column, score)
        cut = scores[mine]
      }
      if (score > columnCut[column]) {
        insert(near, side + column, top + row, score)
        columnCut[column] = scores[(side + column) * width + width - 1]
      }
    }
    // On the diagonal tile a row's own list grows as a column of the rows above it, and its cut with it.
    if (side === top && row + 1 < rows) columnCut[row + 1] = scores[(side + row + 1) * width + width - 1]
  }
}

function insert(near: Near, row: number, other: number, score: number): void {
  const { width, rows, scores } = near
  const start = row * width
  let place = start + width - 1
  for (; place > start && scores[place - 1] < score; place--) {
    scores[place] = scores[place - 1]
    rows[place] = rows[place - 1]
  }
  scores[place] = score
  rows[place] = other
}

/** Orders the candidates by their float64 products and keeps k of each row. */
async function decide(
  matrix: Float32Array,
  near: Near,
  options: { readonly dimensions: number; readonly k: number; readonly slice: TimeSlice },
): Promise<NeighbourGraph> {
  const { dimensions, k, slice } = options
  const { width } = near
  const n = matrix.length / dimensions
  const rows = new Int32Array(n * k)
  const scores = new Float32Array(n * k)
  const margin = 2 * productError(dimensions)
  const ranking = new Ranking(k + 1)
  let twins: Int32Array | undefined
  const ofTwin = new Map<number, { readonly rows: Int32Array; readonly scores: Float32Array }>()
  for (let row = 0; row < n; row++) {
    const start = row * width
    const cut = near.scores[start + k - 1] - margin
    ranking.clear()
    if (width < n - 1 && near.scores[start + width - 1] >= cut) {
      // More rows lie within the margin than the list holds, as among many copies of one text: look at all of them,
      // once for each distinct vector.
      twins ??= firstTwins(matrix, dimensions)
      const first = twins[row]
      let whole = ofTwin.get(first)
      if (whole === undefined) {
        const seen = new Float32Array(n)
        for (let other = 0; other < n; other++) {
          seen[other] =
            twins[other] < other
              ? seen[twins[other]]
              : exactDot(matrix, row * dimensions, matrix, other * dimensions, dimensions)
          ranking.offer(other, seen[other])
          if (other % 256 === 255 && slice.due()) await slice.rest()
        }
        whole = { rows: ranking.rows.slice(), scores: ranking.scores.slice() }
        ofTwin.set(first, whole)
      }
      const self = whole.rows.indexOf(row)
      const leave = self < 0 ? k : self
      for (let place = 0; place < k; place++) {
        rows[row * k + place] = whole.rows[place < leave ? place : place + 1]
        scores[row * k + place] = whole.scores[place < leave ? place : place + 1]
      }
    } else {
      for (let place = start; place < start + width && near.scores[place] >= cut; place++) {
        const other = near.rows[place]
        ranking.offer(other, exactDot(matrix, row * dimensions, matrix, other * dimensions, dimensions))
      }
      rows.set(ranking.rows.subarray(0, k), row * k)
      scores.set(ranking.scores.subarray(0, k), row * k)
    }
    if (row % 64 === 63 && slice.due()) await slice.rest()
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
