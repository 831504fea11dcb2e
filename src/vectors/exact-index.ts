// Rows lie in chunks of at most CHUNK_ROWS vectors, in the order in which they came ("positions"). Chunks are only ever
// appended to: a removed or updated row leaves a dead position, which a later compaction drops into new chunks. So a
// snapshot is two arrays, a count and the chunks it knew, and stays true however the index goes on.
// Invariant: rowOf[p] is the row at position p, -1 where dead; positionOf[r] is its position, -1 where absent; a position
// at or beyond a snapshot's `count` does not exist for it. From SCAN_FROM values on every position also has a code in
// an Int8Scan, by which a search rules out nearly all rows; what is left is decided by products in float64.
import { PaperkinError, requireInteger } from '../errors.ts'
import { inBackground, PART } from './background.ts'
import { Int8Scan, SCAN_BLOCK } from './int8-scan.ts'
import { exactDot } from './kernels.ts'
import { type TimeSlice, timeSlice } from './time-slice.ts'
import {
  checkRows,
  copyUnit,
  countVectors,
  type SearchHits,
  unitQueries,
  unitQuery,
  unknownRow,
  type VectorIndex,
  type VectorSearchOptions,
  type VectorSnapshot,
  type VectorsInput,
  type VectorWriteOptions,
} from './vector-index.ts'

const CHUNK_ROWS = 16_384
/** Values from which codes are kept: below, plain products take less than a millisecond or two. */
const SCAN_FROM = 2 ** 19

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
    const units = unitQueries(queries, dimensions)
    if (this.looksAtAll && units.length * this.size >= BULK_FROM) return this.#searchBulk(units, options)
    const slice = timeSlice(options.signal)
    const hits: SearchHits[] = []
    for (let start = 0; start < units.length; start += dimensions) {
      hits.push(await this.nearest(units.subarray(start, start + dimensions), options))
      if (slice.due()) await slice.rest()
    }
    return hits
  }

  /**
   * Cosine similarity of the query to every row, by row number: as long as the highest row and one, NaN where there is
   * no such row. Products in float64, rounded to Float32: the same bits on every CPU.
   */
  async scores(query: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    const { count, rowOf } = this.state
    const unit = unitQuery(query, this.dimensions)
    const slice = timeSlice(options.signal)
    let highest = -1
    for (let position = 0; position < count; position++) highest = Math.max(highest, rowOf[position])
    const scores = new Float32Array(highest + 1).fill(Number.NaN)
    for (let position = 0; position < count; position++) {
      const row = rowOf[position]
      if (row >= 0) scores[row] = this.#product(unit, position)
      if (position % 1024 === 1023 && slice.due()) await slice.rest()
    }
    return scores
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

  /** @internal Position of a row, -1 where there is none. */
  position(row: number): number {
    const position = this.state.positionOf[row] ?? -1
    return position < this.state.count ? position : -1
  }

  #product(unit: Float32Array, position: number): number {
    const chunk = this.state.chunks[Math.floor(position / CHUNK_ROWS)]
    return exactDot(unit, 0, chunk, (position % CHUNK_ROWS) * this.dimensions, this.dimensions)
  }

  /** Whether a search takes time in proportion to the rows. */
  protected get looksAtAll(): boolean {
    return true
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
    return Array.from({ length: queries }, (_, query) =>
      Object.freeze({
        rows: Int32Array.from(nearest.rows.subarray(query * k, (query + 1) * k), (index) => rows[index]),
        scores: nearest.scores.slice(query * k, (query + 1) * k),
      }),
    )
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
    const { rowOf } = this.state
    const scores = new Float32Array(positions.length)
    for (let index = 0; index < positions.length; index++) {
      scores[index] = this.#product(unit, positions[index])
      if (index % 1024 === 1023 && slice.due()) await slice.rest()
    }
    const best = Uint32Array.from(positions.keys())
      .sort((a, b) => scores[b] - scores[a] || rowOf[positions[a]] - rowOf[positions[b]])
      .subarray(0, k)
    return Object.freeze({
      rows: Int32Array.from(best, (index) => rowOf[positions[index]]),
      scores: Float32Array.from(best, (index) => scores[index]),
    })
  }
}

/** Exact search. Holds `5 × dimensions + 20` bytes a row. */
export class ExactIndex implements VectorIndex {
  readonly dimensions: number
  #snapshot: ExactSnapshot
  #stamp = 0
  #writing: Promise<unknown> | undefined

  /** @throws PaperkinError `invalid-argument` where `dimensions` is not a whole number from 1 to 65,536. */
  constructor(dimensions: number) {
    this.dimensions = requireInteger('dimensions', dimensions, 1, 65_536)
    this.#snapshot = new ExactSnapshot({
      dimensions,
      size: 0,
      count: 0,
      chunks: [],
      rowOf: new Int32Array(0),
      positionOf: new Int32Array(0),
      stampOf: new Uint32Array(0),
      codes: undefined,
    })
  }

  get kind(): 'exact' | 'hnsw' {
    return 'exact'
  }

  get size(): number {
    return this.#snapshot.size
  }

  has(row: number): boolean {
    return this.#snapshot.has(row)
  }

  rows(): Int32Array {
    return this.#snapshot.rows()
  }

  /** {@link ExactSnapshot.vector} */
  vector(row: number): Float32Array {
    return this.#snapshot.vector(row)
  }

  vectors(rows: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.snapshot().vectors(rows, options)
  }

  search(query: ArrayLike<number>, options: VectorSearchOptions = {}): Promise<SearchHits> {
    return this.snapshot().search(query, options)
  }

  searchMany(queries: VectorsInput, options: VectorSearchOptions = {}): Promise<SearchHits[]> {
    return this.snapshot().searchMany(queries, options)
  }

  /** {@link ExactSnapshot.scores} */
  scores(query: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.snapshot().scores(query, options)
  }

  /** {@link ExactSnapshot.scoreRows} */
  scoreRows(query: ArrayLike<number>, rows: ArrayLike<number>): Float64Array {
    return this.#snapshot.scoreRows(query, rows)
  }

  snapshot(): ExactSnapshot {
    return this.#snapshot
  }

  async add(rows: ArrayLike<number>, vectors: VectorsInput, options: VectorWriteOptions = {}): Promise<void> {
    await this.#write(rows, vectors, { ...options, present: false })
  }

  async update(rows: ArrayLike<number>, vectors: VectorsInput, options: VectorWriteOptions = {}): Promise<void> {
    await this.#write(rows, vectors, { ...options, present: true })
  }

  async remove(rows: ArrayLike<number>, options: VectorWriteOptions = {}): Promise<void> {
    const labels = checkRows(rows)
    await this.#alone(async () => {
      options.signal?.throwIfAborted()
      const { state } = this.#snapshot
      for (const row of labels) if (!this.has(row)) throw unknownRow(row)
      if (labels.length === 0) return
      this.#publish({ ...state, ...without(state, labels), size: state.size - labels.length })
      await this.#compact()
    })
  }

  async close(): Promise<void> {}

  async #write(
    rows: ArrayLike<number>,
    vectors: VectorsInput,
    { signal, present }: VectorWriteOptions & { readonly present: boolean },
  ): Promise<void> {
    const { dimensions } = this
    const labels = checkRows(rows)
    const added = countVectors(vectors, dimensions)
    if (added !== labels.length)
      throw new PaperkinError(
        'invalid-argument',
        `Expected a vector for each of the ${labels.length} rows, got ${added}.`,
      )
    await this.#alone(async () => {
      const slice = timeSlice(signal)
      const snapshot = this.#snapshot
      for (const row of labels)
        if (snapshot.has(row) !== present)
          throw present
            ? unknownRow(row)
            : new PaperkinError('invalid-argument', `Expected new rows, got row ${row}, which is there already.`)
      if (added === 0) return
      const { state } = snapshot
      const count = state.count + added
      // Beyond `state.count` nobody reads, so the vectors are checked in their final place and published afterwards.
      const chunks = grow(state.chunks, count, dimensions)
      const flat = vectors instanceof Float32Array
      for (let index = 0; index < added; index++) {
        const position = state.count + index
        copyUnit(flat ? vectors : vectors[index], chunks[Math.floor(position / CHUNK_ROWS)], {
          from: flat ? index * dimensions : 0,
          to: (position % CHUNK_ROWS) * dimensions,
          dimensions,
          name: `vector ${index}`,
        })
        if (index % 64 === 63 && slice.due()) await slice.rest()
      }
      // Whoever aborts in the turn of the call is heard, however little there was to do.
      if (signal !== undefined) await slice.rest()
      const codes = await encoded(chunks, { state, count, slice })
      const { rowOf, positionOf } = present ? without(state, labels) : state
      let highest = positionOf.length - 1
      for (const row of labels) highest = Math.max(highest, row)
      const newRowOf = enlarged(rowOf, count)
      const newPositionOf = enlarged(positionOf, highest + 1)
      const stampOf = enlarged(state.stampOf, count, Uint32Array)
      for (let index = 0; index < added; index++) {
        newRowOf[state.count + index] = labels[index]
        newPositionOf[labels[index]] = state.count + index
        stampOf[state.count + index] = ++this.#stamp
      }
      const size = state.size + (present ? 0 : added)
      this.#publish({ dimensions, chunks, codes, count, rowOf: newRowOf, positionOf: newPositionOf, stampOf, size })
      await this.#compact()
    })
  }

  #publish(state: ExactState): void {
    this.#snapshot = new ExactSnapshot(state)
    this.published()
  }

  /** Called after every change of the state. */
  protected published(): void {}

  /** Copies the living rows into new chunks once a third of the positions is dead. */
  async #compact(): Promise<void> {
    const { dimensions } = this
    const { count, size, rowOf, positionOf, stampOf, chunks } = this.#snapshot.state
    if (count - size < 1024 || count - size < count / 3) return
    const slice = timeSlice(undefined)
    const newChunks = grow([], size, dimensions)
    const newRowOf = new Int32Array(size)
    const newPositionOf = new Int32Array(positionOf.length).fill(-1)
    const newStampOf = new Uint32Array(size)
    let next = 0
    for (let position = 0; position < count; position++) {
      const row = rowOf[position]
      if (row < 0) continue
      const from = (position % CHUNK_ROWS) * dimensions
      const vector = chunks[Math.floor(position / CHUNK_ROWS)].subarray(from, from + dimensions)
      newChunks[Math.floor(next / CHUNK_ROWS)].set(vector, (next % CHUNK_ROWS) * dimensions)
      newRowOf[next] = row
      newStampOf[next] = stampOf[position]
      newPositionOf[row] = next++
      if (next % 1024 === 0 && slice.due()) await slice.rest()
    }
    const empty = { dimensions, count: 0, codes: undefined }
    const codes = await encoded(newChunks, { state: empty, count: size, slice })
    this.#publish({
      dimensions,
      chunks: newChunks,
      codes,
      count: size,
      rowOf: newRowOf,
      positionOf: newPositionOf,
      stampOf: newStampOf,
      size,
    })
  }

  /** Runs one write at a time, at once where none is under way. */
  async #alone(write: () => Promise<void>): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => {})
    const writing = write()
    this.#writing = writing
    try {
      await writing
    } finally {
      this.#writing = undefined
    }
  }
}

/** Positions that may be among the `k` best: each comes with an interval in which its score lies. */
class Candidates {
  /** A score below it cannot be among the best. */
  cut = -Infinity
  readonly #k: number
  #positions: Int32Array
  #lower: Float32Array
  #upper: Float32Array
  #count = 0

  constructor(k: number) {
    this.#k = k
    const room = Math.min(8 * k + 256, 8192)
    this.#positions = new Int32Array(room)
    this.#lower = new Float32Array(room)
    this.#upper = new Float32Array(room)
  }

  /** Takes a position whose upper end is not below the cut; returns the cut. */
  push(position: number, lower: number, upper: number): number {
    if (this.#count === this.#positions.length) {
      this.#prune()
      if (upper < this.cut) return this.cut
      if (this.#count > this.#positions.length / 2) {
        this.#positions = doubled(this.#positions, Int32Array)
        this.#lower = doubled(this.#lower, Float32Array)
        this.#upper = doubled(this.#upper, Float32Array)
      }
    }
    this.#positions[this.#count] = position
    this.#lower[this.#count] = lower
    this.#upper[this.#count++] = upper
    return this.cut
  }

  finish(): Int32Array {
    this.#prune()
    return this.#positions.subarray(0, this.#count)
  }

  /** The k-th best lower end is certain to be reached k times: what cannot reach it is out. */
  #prune(): void {
    if (this.#count <= this.#k) return
    const sorted = this.#lower.slice(0, this.#count).sort()
    this.cut = sorted[this.#count - this.#k]
    let kept = 0
    for (let index = 0; index < this.#count; index++)
      if (this.#upper[index] >= this.cut) {
        this.#positions[kept] = this.#positions[index]
        this.#lower[kept] = this.#lower[index]
        this.#upper[kept++] = this.#upper[index]
      }
    this.#count = kept
  }
}

function doubled<Values extends Int32Array | Float32Array>(
  values: Values,
  Kind: new (length: number) => Values,
): Values {
  const larger = new Kind(2 * values.length)
  larger.set(values)
  return larger
}

/**
 * The codes of the first `count` positions, those of the published state taken over; undefined where there are too few
 * to need any, or no memory for them.
 */
async function encoded(
  chunks: readonly Float32Array[],
  {
    state,
    count,
    slice,
  }: {
    readonly state: Pick<ExactState, 'dimensions' | 'count' | 'codes'>
    readonly count: number
    readonly slice: TimeSlice
  },
): Promise<Int8Scan | undefined> {
  const { dimensions } = state
  const isBeginning = state.count * dimensions < SCAN_FROM
  if (count * dimensions < SCAN_FROM) return undefined
  const codes = state.codes ?? (isBeginning ? Int8Scan.create(dimensions) : undefined)
  // A write that failed may have left codes of rows that never came to be.
  codes?.truncate(state.count)
  while (codes !== undefined && codes.rows < count) {
    const within = codes.rows % CHUNK_ROWS
    const rows = Math.min(256, count - codes.rows, CHUNK_ROWS - within)
    if (!codes.append(chunks[Math.floor(codes.rows / CHUNK_ROWS)], within, rows)) return undefined
    if (slice.due()) await slice.rest()
  }
  return codes
}

/** The chunks with room for `count` rows; full ones are shared, the last one is copied where it has to grow. */
function grow(chunks: readonly Float32Array[], count: number, dimensions: number): Float32Array[] {
  const grown = [...chunks]
  for (let chunk = 0; chunk * CHUNK_ROWS < count; chunk++) {
    const needed = Math.min(CHUNK_ROWS, count - chunk * CHUNK_ROWS)
    const present = grown[chunk]
    if (present !== undefined && present.length >= needed * dimensions) continue
    const rows = Math.min(CHUNK_ROWS, Math.max(needed, present === undefined ? 0 : (2 * present.length) / dimensions))
    const larger = new Float32Array(rows * dimensions)
    if (present !== undefined) larger.set(present)
    grown[chunk] = larger
  }
  return grown
}

/** Copies of the two tables in which the rows are dead. */
function without(state: ExactState, rows: Int32Array): Pick<ExactState, 'rowOf' | 'positionOf'> {
  const rowOf = state.rowOf.slice()
  const positionOf = state.positionOf.slice()
  for (const row of rows) {
    rowOf[positionOf[row]] = -1
    positionOf[row] = -1
  }
  return { rowOf, positionOf }
}

/** The same array where it is long enough, else a copy at least twice as long; new places hold -1, or its like. */
function enlarged<Values extends Int32Array | Uint32Array = Int32Array>(
  values: Values,
  length: number,
  Kind: new (length: number) => Values = Int32Array as unknown as new (
    length: number,
  ) => Values,
): Values {
  if (values.length >= length) return values
  const larger = new Kind(Math.max(length, 2 * values.length))
  larger.fill(-1, values.length)
  larger.set(values)
  return larger
}
