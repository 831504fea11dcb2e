// Rows are stored in chunks of at most chunkRows vectors, in order of insertion ("positions"). Chunks are append-only:
// a removed row leaves a dead position, which compaction drops by copying into new chunks. So a snapshot is a few
// tables, a count and its chunks, and stays valid while the index changes. Invariant: rowOf[p] is the row at position
// p, -1 if dead; positionOf[r] is its position, -1 if absent; positions at or beyond a snapshot's `count` do not exist
// for it. From half a million values on, every position also has a code in an Int8Scan, which rules out nearly all
// rows; the rest are decided by float64 products.
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { type Int8Scan, scanBlock } from './int8-scan.ts'
import { exactDot } from './kernels.ts'
import { unitQuery, unknownRow } from './unit-rows.ts'
import { chunkRows, type VectorSnapshot } from './vector-index.ts'

/** What an index publishes; described at the top of the file. */
export interface ExactState {
  readonly dimensions: number
  readonly size: number
  readonly chunks: readonly Float32Array[]
  /** Positions in use, including dead ones. */
  readonly count: number
  readonly rowOf: Int32Array
  readonly positionOf: Int32Array
  /** When each position was written, counted from 1 over the index's lifetime: ascending. */
  readonly stampOf: Uint32Array
  readonly codes: Int8Scan | undefined
}

/** A snapshot of an `ExactIndex`. */
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

  /**
   * Within about 0.01 of the scores if the index keeps codes, reading a quarter of the memory; otherwise the scores.
   */
  async bounds(
    query: ArrayLike<number>,
    rows: ArrayLike<number>,
    { side, signal }: { readonly side: 'above' | 'below'; readonly signal?: AbortSignal | undefined },
  ): Promise<Float64Array> {
    const { codes, count } = this.state
    if (codes === undefined) return this.scoreRows(query, rows, { signal })
    const unit = unitQuery(query, this.dimensions)
    const known = await this.boundsFrom(0, { codes, unit, side, slice: timeSlice(signal) })
    // The usual request: all rows in storage order.
    let isSame = rows.length === count
    for (let index = 0; isSame && index < count; index++) isSame = this.position(rows[index]!) === index
    if (isSame) return known
    const bounds = new Float64Array(rows.length)
    for (let index = 0; index < rows.length; index++) bounds[index] = known[this.#known(rows[index]!)]!
    return bounds
  }

  /** Bounds of all positions from `from` on, including dead ones. */
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
    for (let first = from; first < count; first += scanBlock) {
      const length = Math.min(scanBlock, count - first)
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

  /** Position of a row; -1 if absent. */
  position(row: number): number {
    const position = this.state.positionOf[row] ?? -1
    return position < this.state.count ? position : -1
  }

  /** Dot product of a vector with the one at a position, in float64. */
  product(unit: Float32Array, position: number): number {
    const chunk = this.state.chunks[Math.floor(position / chunkRows)]!
    return exactDot(unit, 0, chunk, (position % chunkRows) * this.dimensions, this.dimensions)
  }

  #known(row: number): number {
    const position = this.position(row)
    if (position < 0) throw unknownRow(row)
    return position
  }

  #view(position: number): Float32Array {
    const start = (position % chunkRows) * this.dimensions
    return this.state.chunks[Math.floor(position / chunkRows)]!.subarray(start, start + this.dimensions)
  }
}
