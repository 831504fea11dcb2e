import type { VectorsInput } from './unit-rows.ts'

/** Rows per chunk, as in {@link VectorIndex.adopt}. */
export const chunkRows = 16_384

/**
 * An immutable snapshot of an index, usable while the index changes. For whatever it lacks, callers use
 * {@link VectorSnapshot.scoreRows}.
 */
export interface VectorSnapshot {
  readonly dimensions: number
  has(row: number): boolean
  /** A copy of a row's unit vector. @throws PaperkinError `invalid-argument` for an unknown row */
  vector(row: number): Float32Array
  /**
   * Copies of the rows' unit vectors, `rows.length × dimensions`, in the order of `rows`.
   * @throws PaperkinError `invalid-argument` for an unknown row
   */
  vectors(rows: ArrayLike<number>, options?: { readonly signal?: AbortSignal }): Promise<Float32Array>
  /**
   * Cosine similarity of the query, scaled to unit length, to the given rows, −1 … 1: float64 products, the same bits
   * on every CPU.
   * @throws PaperkinError `invalid-argument` for a query of another width or an unknown row
   */
  scoreRows(query: ArrayLike<number>, rows: ArrayLike<number>): Promise<Float64Array>
  /**
   * Upper (`'above'`) or lower (`'below'`) bounds of {@link scoreRows}. Present only if faster than scores.
   * @throws as {@link scoreRows} does
   */
  bounds?(
    query: ArrayLike<number>,
    rows: ArrayLike<number>,
    options: { readonly side: 'above' | 'below'; readonly signal?: AbortSignal | undefined },
  ): Promise<Float64Array>
  /**
   * The `k` rows nearest to the query, exact or nearly so; nearest first, ties by row, ascending; fewer only if fewer
   * match. Present only if it avoids a scan of all rows; returns undefined if this query needs one, as when `k` is a
   * large part of all rows or few pass the filter: the caller then scores or bounds them.
   * @throws as {@link scoreRows} does; what the filter throws
   */
  nearest?(query: ArrayLike<number>, options: NearestOptions): Promise<Int32Array | undefined>
}

export interface NearestOptions {
  readonly k: number
  /** Rows for which it returns false are skipped during the search. @default every row */
  readonly filter?: (row: number) => boolean
  readonly signal?: AbortSignal
}

export interface VectorWriteOptions {
  readonly signal?: AbortSignal
}

/**
 * Unit vectors of one width, each stored under a row: a whole number chosen by the caller. Writes run one at a time; a
 * snapshot shows the state before or after a write, never in between.
 */
export interface VectorIndex {
  readonly dimensions: number
  /** Number of rows. */
  readonly size: number
  /** The kind of search in use now. */
  readonly kind: 'exact' | 'hnsw'
  /** Error of the last background work; results are as if it had not started. */
  readonly failure: unknown
  has(row: number): boolean
  /** All rows, ascending. */
  rows(): Int32Array
  /** {@link VectorSnapshot.vector} of the current state. */
  vector(row: number): Float32Array
  /** The current state, unaffected by later changes. Costs nothing. */
  snapshot(): VectorSnapshot
  /**
   * Adds rows, scaled to unit length: all of them, or none if any is invalid.
   * @throws PaperkinError `invalid-argument`: a row that exists already or is given twice; a vector of another width,
   * with NaN or infinity, or of zeros
   */
  add(rows: ArrayLike<number>, vectors: VectorsInput, options?: VectorWriteOptions): Promise<void>
  /**
   * Adds unit rows stored in chunks of {@link chunkRows} rows, the last one partly filled. The index owns the chunks
   * from then on; one that stores rows this way copies nothing.
   * @throws as {@link add} does
   */
  adopt(rows: ArrayLike<number>, chunks: readonly Float32Array[]): Promise<void>
  /** Removes rows, all or none. @throws PaperkinError `invalid-argument` for an unknown row */
  remove(rows: ArrayLike<number>, options?: VectorWriteOptions): Promise<void>
  /** Prepares for faster queries, in slices; call it when no more changes are expected. */
  settle?(options?: VectorWriteOptions): Promise<void>
  /**
   * Saves to a file what is slow to rebuild, without the vectors, which are stored elsewhere; `load` restores it for
   * the same rows.
   * @throws PaperkinError `corrupt-store`, `store-mismatch` if the file does not belong to these rows
   */
  save?(path: string): Promise<void>
  load?(path: string): Promise<void>
  /** Releases threads, memory and handles. */
  close(): Promise<void>
}
