// Rows lie in chunks of at most CHUNK_ROWS vectors, in the order in which they came ("positions"). Chunks are only ever
// appended to: a removed row leaves a dead position, which a later compaction drops into new chunks. So a
// snapshot is two arrays, a count and the chunks it knew, and stays true however the index goes on.
// Invariant: rowOf[p] is the row at position p, -1 where dead; positionOf[r] is its position, -1 where absent; a position
// at or beyond a snapshot's `count` does not exist for it. From half a million values on every position also has a code in
// an Int8Scan, by which a caller rules out nearly all rows; what is left is decided by products in float64.
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { type Int8Scan, SCAN_BLOCK } from './int8-scan.ts'
import { exactDot } from './kernels.ts'
import { unitQuery, unknownRow } from './unit-rows.ts'
import { CHUNK_ROWS, type VectorSnapshot } from './vector-index.ts'

/** What an index publishes: see the top of the file. */
export interface ExactState {
  readonly dimensions: number
  readonly size: number
  readonly chunks: readonly Float32Array[]
  /** Positions in use, dead ones included. */
  readonly count: number
  readonly rowOf: Int32Array
  readonly positionOf: Int32Array
  /** When each position was written, counted from 1 over the index's life: ascending. */
  readonly stampOf: Uint32Array
  readonly codes: Int8Scan | undefined
}

/** A state of an `ExactIndex`. */
export class ExactSnapshot implements VectorSnapshot {
  readonly dimensions: number
  readonly state: ExactState

  constructor(state: ExactState) {
    this.state = state
    this.dimensions = state.dimensions
  }

  has(row: number): boolean {
    return this.position(row) >= 0
  }

  vector(row: number): Float32Array {
    return this.#view(this.#known(row)).slice()
  }

  async vectors(rows: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    const { dimensions } = this
    const slice = timeSlice(options.signal)
    const matrix = new Float32Array(rows.length * dimensions)
    for (let index = 0; index < rows.length; index++) {
      matrix.set(this.#view(this.#known(rows[index]!)), index * dimensions)
      if (index % 1024 === 1023 && slice.due()) await slice.rest()
    }
    return matrix
  }

  async scoreRows(
    query: ArrayLike<number>,
    rows: ArrayLike<number>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Float64Array> {
    const unit = unitQuery(query, this.dimensions)
    const slice = timeSlice(options.signal)
    const scores = new Float64Array(rows.length)
    for (let index = 0; index < rows.length; index++) {
      scores[index] = this.product(unit, this.#known(rows[index]!))
      if (index % 1024 === 1023 && slice.due()) await slice.rest()
    }
    return scores
  }

  /** Some .01 from the scores where the index keeps codes, which are a quarter of the reading; else the scores. */
  async bounds(
    query: ArrayLike<number>,
    rows: ArrayLike<number>,
    { side, signal }: { readonly side: 'above' | 'below'; readonly signal?: AbortSignal | undefined },
  ): Promise<Float64Array> {
    const { codes, count } = this.state
    if (codes === undefined) return this.scoreRows(query, rows, { signal })
    const unit = unitQuery(query, this.dimensions)
    const known = await this.boundsFrom(0, { codes, unit, side, slice: timeSlice(signal) })
    // Mostly the rows are asked for as they lie.
    let isSame = rows.length === count
    for (let index = 0; isSame && index < count; index++) isSame = this.position(rows[index]!) === index
    if (isSame) return known
    const bounds = new Float64Array(rows.length)
    for (let index = 0; index < rows.length; index++) bounds[index] = known[this.#known(rows[index]!)]!
    return bounds
  }

  /** Bounds of all positions from one on, dead ones among them. */
  async boundsFrom(
    from: number,
    {
      codes,
      unit,
      side,
      slice,
    }: {
      readonly codes: Int8Scan
      readonly unit: Float32Array
      readonly side: 'above' | 'below'
      readonly slice: TimeSlice
    },
  ): Promise<Float64Array> {
    const { count } = this.state
    const query = codes.query(unit)
    const { scale, perError, constant } = query
    const sign = side === 'above' ? 1 : -1
    const bounds = new Float64Array(count - from)
    for (let first = from; first < count; first += SCAN_BLOCK) {
      const length = Math.min(SCAN_BLOCK, count - first)
      const { scales, errors } = codes
      const sums = codes.sums(query, first, length)
      for (let i = 0; i < length; i++) {
        const reach = errors[first + i]! * perError + constant
        bounds[first - from + i] = sums[i]! * scales[first + i]! * scale + sign * reach
      }
      if (slice.due()) await slice.rest()
    }
    return bounds
  }

  /** Position of a row, -1 where there is none. */
  position(row: number): number {
    const position = this.state.positionOf[row] ?? -1
    return position < this.state.count ? position : -1
  }

  /** Product of a vector with the one at a position. */
  product(unit: Float32Array, position: number): number {
    const chunk = this.state.chunks[Math.floor(position / CHUNK_ROWS)]!
    return exactDot(unit, 0, chunk, (position % CHUNK_ROWS) * this.dimensions, this.dimensions)
  }

  #known(row: number): number {
    const position = this.position(row)
    if (position < 0) throw unknownRow(row)
    return position
  }

  #view(position: number): Float32Array {
    const start = (position % CHUNK_ROWS) * this.dimensions
    return this.state.chunks[Math.floor(position / CHUNK_ROWS)]!.subarray(start, start + this.dimensions)
  }
}
