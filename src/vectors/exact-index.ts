import { PaperkinError, requireInteger } from '../errors.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { ExactSnapshot, type ExactState } from './exact-snapshot.ts'
import { Int8Scan } from './int8-scan.ts'
import { checkRows, copyUnit, countVectors, unknownRow, type VectorsInput } from './unit-rows.ts'
import { chunkRows, type VectorIndex, type VectorWriteOptions } from './vector-index.ts'

/** Values from which codes are kept; below, plain products take 1 to 2 ms at most. */
const scanFrom = 2 ** 19

/** Exact search. Holds `5 × dimensions + 20` bytes per row. */
export class ExactIndex implements VectorIndex {
  readonly dimensions: number
  #snapshot: ExactSnapshot
  #stamp = 0
  #writing: Promise<unknown> | undefined

  /** @throws PaperkinError `invalid-argument` if `dimensions` is not a whole number from 1 to 65,536 */
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
      // No snapshot reads beyond `state.count`, so vectors are checked in their final place and published afterwards.
      const chunks = grow(state.chunks, count, dimensions)
      const flat = vectors instanceof Float32Array
      for (let index = 0; index < added; index++) {
        const position = state.count + index
        copyUnit(flat ? vectors : vectors[index]!, chunks[Math.floor(position / chunkRows)]!, {
          from: flat ? index * dimensions : 0,
          to: (position % chunkRows) * dimensions,
          dimensions,
          name: `vector ${index}`,
        })
        if (index % 64 === 63 && slice.due()) await slice.rest()
      }
      // An abort in the same turn as the call takes effect, even if there is little to do.
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

  /** An empty index takes over the chunks and makes their codes in {@link settle}; a non-empty one copies the rows. */
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
      const start = (i % chunkRows) * dimensions
      return chunks[Math.floor(i / chunkRows)]!.subarray(start, start + dimensions)
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

  /** Called after every change of state. */
  protected published(): void {}

  /** Copies the live rows into new chunks once a third of the positions are dead. */
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
      const from = (position % chunkRows) * dimensions
      const vector = chunks[Math.floor(position / chunkRows)]!.subarray(from, from + dimensions)
      newChunks[Math.floor(next / chunkRows)]!.set(vector, (next % chunkRows) * dimensions)
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

  /** Runs one write at a time, starting at once if none is in progress. */
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
 * Codes of the first `count` positions, reusing those of the published state; undefined if there are too few positions
 * to need them, or no memory for them.
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
  const isBeginning = state.count * dimensions < scanFrom
  if (count * dimensions < scanFrom) return undefined
  const codes = state.codes ?? (isBeginning ? Int8Scan.create(dimensions) : undefined)
  // A failed write may have left codes of rows that were never published.
  codes?.truncate(state.count)
  while (codes !== undefined && codes.rows < count) {
    const within = codes.rows % chunkRows
    const rows = Math.min(256, count - codes.rows, chunkRows - within)
    if (!codes.append(chunks[Math.floor(codes.rows / chunkRows)]!, within, rows)) return undefined
    if (slice.due()) await slice.rest()
  }
  return codes
}

/** Chunks with room for `count` rows; full ones are shared, the last one is copied if it must grow. */
function grow(chunks: readonly Float32Array[], count: number, dimensions: number): Float32Array[] {
  const grown = [...chunks]
  for (let chunk = 0; chunk * chunkRows < count; chunk++) {
    const needed = Math.min(chunkRows, count - chunk * chunkRows)
    const present = grown[chunk]
    if (present !== undefined && present.length >= needed * dimensions) continue
    const rows = Math.min(chunkRows, Math.max(needed, present === undefined ? 0 : (2 * present.length) / dimensions))
    const larger = new Float32Array(rows * dimensions)
    if (present !== undefined) larger.set(present)
    grown[chunk] = larger
  }
  return grown
}

/** Copies of both tables with the rows marked dead. */
function without(state: ExactState, rows: Int32Array): Pick<ExactState, 'rowOf' | 'positionOf'> {
  const rowOf = state.rowOf.slice()
  const positionOf = state.positionOf.slice()
  for (const row of rows) {
    rowOf[positionOf[row]!] = -1
    positionOf[row] = -1
  }
  return { rowOf, positionOf }
}

/**
 * The same array if it is long enough, else a copy at least twice as long, new places filled with -1 (in a Uint32Array:
 * 2^32 - 1).
 */
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
