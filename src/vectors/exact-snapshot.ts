// Rows lie in chunks of at most CHUNK_ROWS vectors, in the order in which they came ("positions"). Chunks are only ever
// appended to: a removed row leaves a dead position, which a later compaction drops into new chunks. So a
// snapshot is two arrays, a count and the chunks it knew, and stays true however the index goes on.
// Invariant: rowOf[p] is the row at position p, -1 where dead; positionOf[r] is its position, -1 where absent; a position
// at or beyond a snapshot's `count` does not exist for it. From half a million values on every position also has a code in
// an Int8Scan, by which a search rules out nearly all rows; what is left is decided by products in float64.
import { requireInteger } from '../errors.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { inBackground, PART } from './background.ts'
import { Candidates } from './candidates.ts'
import { type Int8Scan, SCAN_BLOCK } from './int8-scan.ts'
import { exactDot } from './kernels.ts'
import {
  type SearchHits,
  unitQuery,
  unitRows,
  unknownRow,
  type VectorSearchOptions,
  type VectorSnapshot,
  type VectorsInput,
} from './vector-index.ts'

/** @internal */
export const CHUNK_ROWS = 16_384

/** Multiply-adds from which many queries are worth copying all rows into a worker thread. */
const BULK_FROM = 1e10

/** @internal What an index publishes: see the top of the file. */
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

/** A state of an {@link ExactIndex}, with what only an index that holds every vector can answer. */
export class ExactSnapshot implements VectorSnapshot {
  readonly dimensions: number
  readonly size: number
  /** @internal */ readonly state: ExactState

  /** @internal */
  constructor(state: ExactState) {
    this.state = state
    this.dimensions = state.dimensions
    this.size = state.size
  }

  has(row: number): boolean {
    return this.position(row) >= 0
  }

  rows(): Int32Array {
    const { count, rowOf } = this.state
    const rows = new Int32Array(this.size)
    let next = 0
    for (let position = 0; position < count; position++) if (rowOf[position] >= 0) rows[next++] = rowOf[position]
    return rows.sort()
  }

  /** A copy of a row's unit vector. @throws PaperkinError `invalid-argument` where there is no such row */
  vector(row: number): Float32Array {
    const position = this.position(row)
    if (position < 0) throw unknownRow(row)
    const start = (position % CHUNK_ROWS) * this.dimensions
    return this.state.chunks[Math.floor(position / CHUNK_ROWS)].slice(start, start + this.dimensions)
  }

  async vectors(rows: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    const matrix = new Float32Array(rows.length * this.dimensions)
    await this.#copy(rows, matrix, timeSlice(options.signal))
    return matrix
  }

  async #copy(rows: ArrayLike<number>, target: Float32Array, slice: TimeSlice): Promise<void> {
    const { dimensions } = this
    for (let index = 0; index < rows.length; index++) {
      const position = this.position(rows[index])
      if (position < 0) throw unknownRow(rows[index])
      const start = (position % CHUNK_ROWS) * dimensions
      const chunk = this.state.chunks[Math.floor(position / CHUNK_ROWS)]
      target.set(chunk.subarray(start, start + dimensions), index * dimensions)
      if (index % 1024 === 1023 && slice.due()) await slice.rest()
    }
  }

  async search(query: ArrayLike<number>, options: VectorSearchOptions = {}): Promise<SearchHits> {
    return this.nearest(unitQuery(query, this.dimensions), options)
  }

  async searchMany(queries: VectorsInput, options: VectorSearchOptions = {}): Promise<SearchHits[]> {
    const { dimensions } = this
    const slice = timeSlice(options.signal)
    const units = await unitRows(queries, { dimensions, name: 'queries', slice })
    if (!this.isGraph && units.length * this.size >= BULK_FROM) return this.#searchBulk(units, options)
    const hits: SearchHits[] = []
    for (let start = 0; start < units.length; start += dimensions) {
      hits.push(await this.nearest(units.subarray(start, start + dimensions), options))
      if (slice.due()) await slice.rest()
    }
    return hits
  }

  /**
   * Cosine similarity of the query to the given rows in float64, the same bits on every CPU.
   * @throws PaperkinError `invalid-argument` where there is no such row
   */
  scoreRows(query: ArrayLike<number>, rows: ArrayLike<number>): Float64Array {
    const { dimensions } = this
    const unit = unitQuery(query, dimensions)
    const scores = new Float64Array(rows.length)
    for (let index = 0; index < rows.length; index++) {
      const position = this.position(rows[index])
      if (position < 0) throw unknownRow(rows[index])
      scores[index] = this.#product(unit, position)
    }
    return scores
  }

  /**
   * A value that the cosine of the query to each of the given rows does not exceed, or fall below: some .01 from it where
   * the index keeps codes, which are a quarter of the reading; else what {@link scoreRows} gives.
   * @throws PaperkinError `invalid-argument` where there is no such row
   */
  async bounds(
    query: ArrayLike<number>,
    rows: ArrayLike<number>,
    { side, signal }: { readonly side: 'above' | 'below'; readonly signal?: AbortSignal | undefined },
  ): Promise<Float64Array> {
    const { codes, count } = this.state
    const unit = unitQuery(query, this.dimensions)
    const slice = timeSlice(signal)
    if (codes === undefined) {
      const bounds = new Float64Array(rows.length)
      for (let index = 0; index < rows.length; index++) {
        const position = this.position(rows[index])
        if (position < 0) throw unknownRow(rows[index])
        bounds[index] = this.#product(unit, position)
        if (index % 1024 === 1023 && slice.due()) await slice.rest()
      }
      return bounds
    }
    const asked = codes.query(unit)
    const sign = side === 'above' ? 1 : -1
    const known = new Float64Array(count)
    for (let first = 0; first < count; first += SCAN_BLOCK) {
      const length = Math.min(SCAN_BLOCK, count - first)
      const { scales, errors } = codes
      const sums = codes.sums(asked, first, length)
      for (let i = 0; i < length; i++) {
        const reach = errors[first + i] * asked.perError + asked.constant
        known[first + i] = sums[i] * scales[first + i] * asked.scale + sign * reach
      }
      if (slice.due()) await slice.rest()
    }
    // Mostly the rows are asked for as they lie.
    let isSame = rows.length === count
    for (let index = 0; isSame && index < count; index++) isSame = this.position(rows[index]) === index
    if (isSame) return known
    const bounds = new Float64Array(rows.length)
    for (let index = 0; index < rows.length; index++) {
      const position = this.position(rows[index])
      if (position < 0) throw unknownRow(rows[index])
      bounds[index] = known[position]
    }
    return bounds
  }

  /** @internal Position of a row, -1 where there is none. */
  position(row: number): number {
    const position = this.state.positionOf[row] ?? -1
    return position < this.state.count ? position : -1
  }

  #product(unit: Float32Array, position: number): number {
    const chunk = this.state.chunks[Math.floor(position / CHUNK_ROWS)]
    return exactDot(unit, 0, chunk, (position % CHUNK_ROWS) * this.dimensions, this.dimensions)
  }

  /** Whether a search walks through a graph rather than looking at all rows. */
  get isGraph(): boolean {
    return false
  }

  /** Whether a search for so many rows does so: not where a good part of the rows is wanted, or few pass the filter. */
  walksFor(_k: number, _filter?: (row: number) => boolean): boolean {
    return this.isGraph
  }

  /** Many queries as products of matrices in a worker thread, some five times faster than one after the other. */
  async #searchBulk(units: Float32Array, { k: wanted, filter, signal }: VectorSearchOptions): Promise<SearchHits[]> {
    const { dimensions } = this
    const slice = timeSlice(signal)
    // Ascending, so that the order of the job's rows is the order of ours, and ties fall alike.
    const all = this.rows()
    let count = 0
    for (const [index, row] of all.entries()) {
      if (filter === undefined || filter(row)) all[count++] = row
      if (index % 1024 === 1023 && slice.due()) await slice.rest()
    }
    const rows = all.subarray(0, count)
    const queries = units.length / dimensions
    const k = Math.min(requireInteger('k', wanted ?? 10, 1), count)
    const values = new Float32Array(units.length + count * dimensions)
    for (let start = 0; start < units.length; start += PART) {
      values.set(units.subarray(start, start + PART), start)
      if (slice.due()) await slice.rest()
    }
    await this.#copy(rows, values.subarray(units.length), slice)
    const nearest = await inBackground('nearest', { dimensions, k, queries }, { values, signal })
    const hits: SearchHits[] = []
    for (let query = 0; query < queries; query++) {
      const start = query * k
      const found = nearest.rows.subarray(start, start + k)
      hits.push(
        Object.freeze({
          rows: Int32Array.from(found, (index) => rows[index]),
          scores: nearest.scores.slice(start, start + k),
        }),
      )
      if (hits.length % 256 === 0 && slice.due()) await slice.rest()
    }
    return hits
  }

  /** What a search answers for a unit query. */
  protected nearest(unit: Float32Array, options: VectorSearchOptions): Promise<SearchHits> {
    return this.scan(unit, options)
  }

  /** The nearest among all positions from `from` on. */
  protected async scan(
    unit: Float32Array,
    { k: wanted, filter, signal, from = 0 }: VectorSearchOptions & { readonly from?: number },
  ): Promise<SearchHits> {
    const { codes, count, rowOf } = this.state
    const k = requireInteger('k', wanted ?? 10, 1)
    const slice = timeSlice(signal)
    const pool = new Candidates(Math.min(k, count - from))
    // Where a good part of the rows is wanted, ruling out the others saves nothing.
    if (codes !== undefined && k < (count - from) / 16) {
      const query = codes.query(unit)
      const { scale, perError, constant } = query
      for (let first = from; first < count; first += SCAN_BLOCK) {
        const rows = Math.min(SCAN_BLOCK, count - first)
        const { scales, errors } = codes
        const sums = codes.sums(query, first, rows)
        let { cut } = pool
        for (let index = 0; index < rows; index++) {
          const position = first + index
          const estimate = sums[index] * scales[position] * scale
          const reach = errors[position] * perError + constant
          if (estimate + reach < cut) continue
          const row = rowOf[position]
          if (row < 0 || (filter !== undefined && !filter(row))) continue
          cut = pool.push(position, estimate - reach, estimate + reach)
        }
        if (slice.due()) await slice.rest()
      }
    } else {
      for (let position = from; position < count; position++) {
        const row = rowOf[position]
        if (row >= 0) {
          const score = Math.fround(this.#product(unit, position))
          if (score >= pool.cut && (filter === undefined || filter(row))) pool.push(position, score, score)
        }
        if (position % 1024 === 1023 && slice.due()) await slice.rest()
      }
    }
    return this.ranked(unit, pool.finish(), { k, slice })
  }

  /** The k best of some positions, none of them dead, by their products in float64. */
  protected async ranked(
    unit: Float32Array,
    positions: Int32Array,
    { k, slice }: { readonly k: number; readonly slice: TimeSlice },
  ): Promise<SearchHits> {
    const { rowOf, chunks } = this.state
    const { dimensions } = this
    const count = positions.length
    const scores = new Float32Array(count)
    const order = new Uint32Array(count)
    for (let index = 0; index < count; index++) {
      order[index] = index
      const position = positions[index]
      const chunk = chunks[Math.floor(position / CHUNK_ROWS)]
      scores[index] = exactDot(unit, 0, chunk, (position % CHUNK_ROWS) * dimensions, dimensions)
      if (index % 1024 === 1023 && slice.due()) await slice.rest()
    }
    order.sort((a, b) => scores[b] - scores[a] || rowOf[positions[a]] - rowOf[positions[b]])
    const found = { rows: new Int32Array(Math.min(k, count)), scores: new Float32Array(Math.min(k, count)) }
    for (let place = 0; place < found.rows.length; place++) {
      found.rows[place] = rowOf[positions[order[place]]]
      found.scores[place] = scores[order[place]]
    }
    return Object.freeze(found)
  }
}
