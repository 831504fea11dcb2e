// Rows lie in chunks of at most CHUNK_ROWS vectors, in the order in which they came ("positions"). Chunks are only ever
// appended to: a removed or updated row leaves a dead position, which a later compaction drops into new chunks. So a
// snapshot is two arrays, a count and the chunks it knew, and stays true however the index goes on.
// Invariant: rowOf[p] is the row at position p, -1 where dead; positionOf[r] is its position, -1 where absent; a position
// at or beyond a snapshot's `count` does not exist for it.
import { PaperkinError, requireInteger } from '../errors.ts'
import { exactDot, type Kernels, productError, typedArrayKernels } from './kernels.ts'
import { timeSlice } from './time-slice.ts'
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

/** What every snapshot of an exact index shares with it. */
interface Engine {
  readonly dimensions: number
  kernels(work: number): Kernels | Promise<Kernels>
}

/** A state of an {@link ExactIndex}, with what only an index that holds every vector can answer. */
export class ExactSnapshot implements VectorSnapshot {
  readonly size: number
  readonly #engine: Engine
  /** @internal */ readonly chunks: readonly Float32Array[]
  /** @internal Positions in use, dead ones included. */ readonly count: number
  /** @internal */ readonly rowOf: Int32Array
  /** @internal */ readonly positionOf: Int32Array

  /** @internal */
  constructor(engine: Engine, state: Pick<ExactSnapshot, 'size' | 'chunks' | 'count' | 'rowOf' | 'positionOf'>) {
    this.#engine = engine
    this.size = state.size
    this.chunks = state.chunks
    this.count = state.count
    this.rowOf = state.rowOf
    this.positionOf = state.positionOf
  }

  get dimensions(): number {
    return this.#engine.dimensions
  }

  has(row: number): boolean {
    return this.position(row) >= 0
  }

  rows(): Int32Array {
    const rows = new Int32Array(this.size)
    let next = 0
    for (let position = 0; position < this.count; position++)
      if (this.rowOf[position] >= 0) rows[next++] = this.rowOf[position]
    return rows.sort()
  }

  vector(row: number): Float32Array {
    const position = this.position(row)
    if (position < 0) throw unknownRow(row)
    const start = (position % CHUNK_ROWS) * this.dimensions
    return this.chunks[Math.floor(position / CHUNK_ROWS)].slice(start, start + this.dimensions)
  }

  /**
   * Copies of many rows, `rows.length × dimensions`, in the order of `rows`; in slices, so that the event loop turns.
   * @throws PaperkinError `invalid-argument` where there is no such row
   */
  async vectors(rows: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    const { dimensions } = this
    const slice = timeSlice(options.signal)
    const matrix = new Float32Array(rows.length * dimensions)
    for (let index = 0; index < rows.length; index++) {
      const position = this.position(rows[index])
      if (position < 0) throw unknownRow(rows[index])
      const start = (position % CHUNK_ROWS) * dimensions
      const chunk = this.chunks[Math.floor(position / CHUNK_ROWS)]
      matrix.set(chunk.subarray(start, start + dimensions), index * dimensions)
      if (index % 1024 === 1023 && slice.due()) await slice.rest()
    }
    return matrix
  }

  async search(query: ArrayLike<number>, options: VectorSearchOptions = {}): Promise<SearchHits> {
    const [hits] = await this.#searchUnits(unitQuery(query, this.dimensions), options)
    return hits
  }

  async searchMany(queries: VectorsInput, options: VectorSearchOptions = {}): Promise<SearchHits[]> {
    return this.#searchUnits(unitQueries(queries, this.dimensions), options)
  }

  /**
   * Cosine similarity of the query to every row, by row number: as long as the highest row and one, NaN where there is
   * no such row. Each is within Float32's precision of {@link scoreRows}, and its last bits depend on the CPU.
   */
  async scores(query: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    const unit = unitQuery(query, this.dimensions)
    let highest = -1
    for (let position = 0; position < this.count; position++) highest = Math.max(highest, this.rowOf[position])
    const scores = new Float32Array(highest + 1).fill(Number.NaN)
    await this.#scan(unit, options.signal, (products, first, rows) => {
      for (let index = 0; index < rows; index++) {
        const row = this.rowOf[first + index]
        if (row >= 0) scores[row] = products[index]
      }
    })
    return scores
  }

  /**
   * Cosine similarity of the query to the given rows, in float64 and the same on every CPU: what decides where
   * {@link scores} lie close together.
   * @throws PaperkinError `invalid-argument` where there is no such row
   */
  scoreRows(query: ArrayLike<number>, rows: ArrayLike<number>): Float64Array {
    const { dimensions } = this
    const unit = unitQuery(query, dimensions)
    const scores = new Float64Array(rows.length)
    for (let index = 0; index < rows.length; index++) {
      const position = this.position(rows[index])
      if (position < 0) throw unknownRow(rows[index])
      scores[index] = this.#exactScore(unit, 0, position)
    }
    return scores
  }

  /** @internal Position of a row, -1 where there is none. */
  position(row: number): number {
    const position = this.positionOf[row] ?? -1
    return position < this.count ? position : -1
  }

  #exactScore(units: Float32Array, start: number, position: number): number {
    const chunk = this.chunks[Math.floor(position / CHUNK_ROWS)]
    return exactDot(units, start, chunk, (position % CHUNK_ROWS) * this.dimensions, this.dimensions)
  }

  /** Hands `visit` the products of the units with every block of positions, in slices. */
  async #scan(
    units: Float32Array,
    signal: AbortSignal | undefined,
    visit: (products: Float32Array, firstPosition: number, rows: number) => void,
  ): Promise<void> {
    const { dimensions, count } = this
    const queries = units.length / dimensions
    const slice = timeSlice(signal)
    const kernels = await this.#engine.kernels(queries * count * dimensions)
    const block = Math.max(1, Math.floor(kernels.slice / (queries * dimensions)))
    for (let first = 0; first < count; ) {
      const within = first % CHUNK_ROWS
      const rows = Math.min(block, count - first, CHUNK_ROWS - within)
      const chunk = this.chunks[Math.floor(first / CHUNK_ROWS)]
      const part = chunk.subarray(within * dimensions, (within + rows) * dimensions)
      const products = kernels.products(units, part, dimensions)
      visit(products instanceof Float32Array ? products : await products, first, rows)
      first += rows
      if (first < count && slice.due()) await slice.rest()
    }
  }

  async #searchUnits(units: Float32Array, options: VectorSearchOptions): Promise<SearchHits[]> {
    const { dimensions, rowOf } = this
    const { filter, signal } = options
    const k = requireInteger('k', options.k ?? 10, 1)
    signal?.throwIfAborted()
    const hits: SearchHits[] = []
    const slice = timeSlice(signal)
    const together = Math.max(1, Math.min(256, Math.floor(2e6 / CHUNK_ROWS)))
    for (let begin = 0; begin < units.length; begin += together * dimensions) {
      const block = units.subarray(begin, begin + together * dimensions)
      const pools = Array.from({ length: block.length / dimensions }, () => new Candidates(k, dimensions))
      await this.#scan(block, signal, (products, first, rows) => {
        pools.forEach((pool, query) => {
          const start = query * rows
          for (let index = 0; index < rows; index++) {
            const score = products[start + index]
            if (score < pool.cut) continue
            const row = rowOf[first + index]
            if (row >= 0 && (filter === undefined || filter(row))) pool.push(first + index, score)
          }
        })
      })
      for (const [query, pool] of pools.entries()) {
        const { positions } = pool.finish()
        const exact = new Float32Array(positions.length)
        for (let index = 0; index < positions.length; index++) {
          exact[index] = this.#exactScore(block, query * dimensions, positions[index])
          if (index % 1024 === 1023 && slice.due()) await slice.rest()
        }
        const order = Uint32Array.from(positions.keys()).sort(
          (a, b) => exact[b] - exact[a] || rowOf[positions[a]] - rowOf[positions[b]],
        )
        const best = order.subarray(0, k)
        hits.push(
          Object.freeze({
            rows: Int32Array.from(best, (index) => rowOf[positions[index]]),
            scores: Float32Array.from(best, (index) => exact[index]),
          }),
        )
        if (slice.due()) await slice.rest()
      }
    }
    return hits
  }
}

/** Exact search: every row is looked at. Holds `4 × dimensions + 8` bytes a row. */
export class ExactIndex implements VectorIndex {
  readonly kind = 'exact'
  readonly dimensions: number
  #state: ExactSnapshot
  #writing: Promise<unknown> | undefined
  readonly #engine: Engine

  /** @throws PaperkinError `invalid-argument` where `dimensions` is not a whole number from 1 to 65,536. */
  constructor(dimensions: number) {
    this.dimensions = requireInteger('dimensions', dimensions, 1, 65_536)
    this.#engine = { dimensions, kernels: () => typedArrayKernels }
    this.#state = new ExactSnapshot(this.#engine, {
      size: 0,
      count: 0,
      chunks: [],
      rowOf: new Int32Array(0),
      positionOf: new Int32Array(0),
    })
  }

  get size(): number {
    return this.#state.size
  }

  has(row: number): boolean {
    return this.#state.has(row)
  }

  rows(): Int32Array {
    return this.#state.rows()
  }

  vector(row: number): Float32Array {
    return this.#state.vector(row)
  }

  /** {@link ExactSnapshot.vectors} */
  vectors(rows: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.#state.vectors(rows, options)
  }

  search(query: ArrayLike<number>, options: VectorSearchOptions = {}): Promise<SearchHits> {
    return this.#state.search(query, options)
  }

  searchMany(queries: VectorsInput, options: VectorSearchOptions = {}): Promise<SearchHits[]> {
    return this.#state.searchMany(queries, options)
  }

  /** {@link ExactSnapshot.scores} */
  scores(query: ArrayLike<number>, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.#state.scores(query, options)
  }

  /** {@link ExactSnapshot.scoreRows} */
  scoreRows(query: ArrayLike<number>, rows: ArrayLike<number>): Float64Array {
    return this.#state.scoreRows(query, rows)
  }

  snapshot(): ExactSnapshot {
    return this.#state
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
      const state = this.#state
      for (const row of labels) if (!state.has(row)) throw unknownRow(row)
      if (labels.length === 0) return
      const { rowOf, positionOf } = without(state, labels)
      const { chunks, count, size } = state
      this.#publish({ chunks, count, rowOf, positionOf, size: size - labels.length })
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
      const state = this.#state
      for (const row of labels)
        if (state.has(row) !== present)
          throw present
            ? unknownRow(row)
            : new PaperkinError('invalid-argument', `Expected new rows, got row ${row}, which is there already.`)
      if (added === 0) return
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
      const { rowOf, positionOf } = present ? without(state, labels) : state
      let highest = positionOf.length - 1
      for (const row of labels) highest = Math.max(highest, row)
      const newRowOf = enlarged(rowOf, count)
      const newPositionOf = enlarged(positionOf, highest + 1)
      for (let index = 0; index < added; index++) {
        newRowOf[state.count + index] = labels[index]
        newPositionOf[labels[index]] = state.count + index
      }
      const size = state.size + (present ? 0 : added)
      this.#publish({ chunks, count, rowOf: newRowOf, positionOf: newPositionOf, size })
      await this.#compact()
    })
  }

  #publish(state: Pick<ExactSnapshot, 'size' | 'chunks' | 'count' | 'rowOf' | 'positionOf'>): void {
    this.#state = new ExactSnapshot(this.#engine, state)
  }

  /** Copies the living rows into new chunks once a third of the positions is dead. */
  async #compact(): Promise<void> {
    const { count, size, rowOf, positionOf, chunks } = this.#state
    if (count - size < 1024 || count - size < count / 3) return
    const { dimensions } = this
    const slice = timeSlice(undefined)
    const newChunks = grow([], size, dimensions)
    const newRowOf = new Int32Array(size)
    const newPositionOf = new Int32Array(positionOf.length).fill(-1)
    let next = 0
    for (let position = 0; position < count; position++) {
      const row = rowOf[position]
      if (row < 0) continue
      const from = (position % CHUNK_ROWS) * dimensions
      const vector = chunks[Math.floor(position / CHUNK_ROWS)].subarray(from, from + dimensions)
      newChunks[Math.floor(next / CHUNK_ROWS)].set(vector, (next % CHUNK_ROWS) * dimensions)
      newRowOf[next] = row
      newPositionOf[row] = next++
      if (next % 1024 === 0 && slice.due()) await slice.rest()
    }
    this.#publish({ chunks: newChunks, count: size, rowOf: newRowOf, positionOf: newPositionOf, size })
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

/** Rows that may be among the `k` best: all whose score is within twice the error of the k-th best one. */
class Candidates {
  /** A score below it cannot be among the best. */
  cut = -Infinity
  readonly #k: number
  readonly #margin: number
  #positions: Int32Array
  #scores: Float32Array
  #count = 0

  constructor(k: number, dimensions: number) {
    this.#k = k
    this.#margin = 2 * productError(dimensions)
    const room = Math.min(4 * k + 64, 4096)
    this.#positions = new Int32Array(room)
    this.#scores = new Float32Array(room)
  }

  push(position: number, score: number): void {
    if (this.#count === this.#scores.length) {
      this.#prune()
      if (score < this.cut) return
      if (this.#count > this.#scores.length / 2) {
        this.#positions = enlarged(this.#positions, 2 * this.#count)
        const scores = new Float32Array(this.#positions.length)
        scores.set(this.#scores)
        this.#scores = scores
      }
    }
    this.#positions[this.#count] = position
    this.#scores[this.#count++] = score
  }

  finish(): { readonly positions: Int32Array } {
    this.#prune()
    return { positions: this.#positions.subarray(0, this.#count) }
  }

  #prune(): void {
    if (this.#count <= this.#k) return
    const sorted = this.#scores.slice(0, this.#count).sort()
    this.cut = sorted[this.#count - this.#k] - this.#margin
    let kept = 0
    for (let index = 0; index < this.#count; index++)
      if (this.#scores[index] >= this.cut) {
        this.#positions[kept] = this.#positions[index]
        this.#scores[kept++] = this.#scores[index]
      }
    this.#count = kept
  }
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
function without(state: ExactSnapshot, rows: Int32Array): Pick<ExactSnapshot, 'rowOf' | 'positionOf'> {
  const rowOf = state.rowOf.slice()
  const positionOf = state.positionOf.slice()
  for (const row of rows) {
    rowOf[positionOf[row]] = -1
    positionOf[row] = -1
  }
  return { rowOf, positionOf }
}

/** The same array where it is long enough, else a copy at least twice as long, filled up with -1. */
function enlarged(values: Int32Array, length: number): Int32Array {
  if (values.length >= length) return values
  const larger = new Int32Array(Math.max(length, 2 * values.length)).fill(-1, values.length)
  larger.set(values)
  return larger
}
