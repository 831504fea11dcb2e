import { PaperkinError, requireInteger } from '../errors.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { ExactSnapshot, type ExactState } from './exact-snapshot.ts'
import { Int8Scan } from './int8-scan.ts'
import { checkRows, copyUnit, countVectors, unknownRow, type VectorsInput } from './unit-rows.ts'
import { CHUNK_ROWS, type VectorIndex, type VectorWriteOptions } from './vector-index.ts'

/** Values from which codes are kept: below, plain products take less than a millisecond or two. */
const SCAN_FROM = 2 ** 19

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

  get failure(): unknown {
    return undefined
  }

  get size(): number {
    return this.#snapshot.state.size
  }

  has(row: number): boolean {
    return this.#snapshot.has(row)
  }

  rows(): Int32Array {
    const { count, size, rowOf } = this.#snapshot.state
    const rows = new Int32Array(size)
    let next = 0
    for (let position = 0; position < count; position++) if (rowOf[position]! >= 0) rows[next++] = rowOf[position]!
    return rows.sort()
  }

  vector(row: number): Float32Array {
    return this.#snapshot.vector(row)
  }

  snapshot(): ExactSnapshot {
    return this.#snapshot
  }

  async add(rows: ArrayLike<number>, vectors: VectorsInput, { signal }: VectorWriteOptions = {}): Promise<void> {
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
        if (snapshot.has(row))
          throw new PaperkinError('invalid-argument', `Expected new rows, got row ${row}, which is there already.`)
      if (added === 0) return
      const { state } = snapshot
      const count = state.count + added
      // Beyond `state.count` nobody reads, so the vectors are checked in their final place and published afterwards.
      const chunks = grow(state.chunks, count, dimensions)
      const flat = vectors instanceof Float32Array
      for (let index = 0; index < added; index++) {
        const position = state.count + index
        copyUnit(flat ? vectors : vectors[index]!, chunks[Math.floor(position / CHUNK_ROWS)]!, {
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
      let highest = state.positionOf.length - 1
      for (const row of labels) highest = Math.max(highest, row)
      const newRowOf = enlarged(state.rowOf, count)
      const newPositionOf = enlarged(state.positionOf, highest + 1)
      const stampOf = enlarged(state.stampOf, count, Uint32Array)
      for (let index = 0; index < added; index++) {
        newRowOf[state.count + index] = labels[index]!
        newPositionOf[labels[index]!] = state.count + index
        stampOf[state.count + index] = ++this.#stamp
      }
      const size = state.size + added
      this.#publish({ dimensions, chunks, codes, count, rowOf: newRowOf, positionOf: newPositionOf, stampOf, size })
      await this.#compact()
    })
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

  /** An empty index takes the chunks over, and makes their codes when it settles; one that has rows copies them. */
  async adopt(rows: ArrayLike<number>, chunks: readonly Float32Array[]): Promise<void> {
    const { dimensions } = this
    const labels = checkRows(rows)
    const isDone = await this.#alone(async () => {
      const count = labels.length
      if (this.#snapshot.state.count > 0) return count === 0
      if (count === 0) return true
      let highest = -1
      for (const row of labels) highest = Math.max(highest, row)
      const positionOf = new Int32Array(highest + 1).fill(-1)
      for (let position = 0; position < count; position++) positionOf[labels[position]!] = position
      const stampOf = new Uint32Array(count)
      for (let position = 0; position < count; position++) stampOf[position] = ++this.#stamp
      this.#publish({ dimensions, size: count, count, chunks, rowOf: labels, positionOf, stampOf, codes: undefined })
      return true
    })
    if (isDone) return
    const vectors = Array.from(labels, (_, i) => {
      const start = (i % CHUNK_ROWS) * dimensions
      return chunks[Math.floor(i / CHUNK_ROWS)]!.subarray(start, start + dimensions)
    })
    await this.add(labels, vectors)
  }

  /** Makes the codes that {@link adopt} left out. */
  async settle(options: VectorWriteOptions = {}): Promise<void> {
    await this.#alone(async () => {
      const { state } = this.#snapshot
      if (state.codes !== undefined) return
      const slice = timeSlice(options.signal)
      const nothing = { dimensions: this.dimensions, count: 0, codes: undefined }
      const codes = await encoded(state.chunks, { state: nothing, count: state.count, slice })
      if (codes !== undefined) this.#publish({ ...state, codes })
    })
  }

  async close(): Promise<void> {}

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
      const row = rowOf[position]!
      if (row < 0) continue
      const from = (position % CHUNK_ROWS) * dimensions
      const vector = chunks[Math.floor(position / CHUNK_ROWS)]!.subarray(from, from + dimensions)
      newChunks[Math.floor(next / CHUNK_ROWS)]!.set(vector, (next % CHUNK_ROWS) * dimensions)
      newRowOf[next] = row
      newStampOf[next] = stampOf[position]!
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
  async #alone<Result>(write: () => Promise<Result>): Promise<Result> {
    while (this.#writing !== undefined) await this.#writing.catch(() => {})
    const writing = write()
    this.#writing = writing
    try {
      return await writing
    } finally {
      this.#writing = undefined
    }
  }
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
    if (!codes.append(chunks[Math.floor(codes.rows / CHUNK_ROWS)]!, within, rows)) return undefined
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
    rowOf[positionOf[row]!] = -1
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
