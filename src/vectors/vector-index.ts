import type { VectorsInput } from './unit-rows.ts'

/** Rows in a chunk: what {@link VectorIndex.adopt} takes over. */
export const CHUNK_ROWS = 16_384

/**
 * A state of an index that does not change, and answers for it while the index goes on. Whatever it cannot do by itself,
 * its callers do with {@link VectorSnapshot.scoreRows}.
 */
export interface VectorSnapshot {
  readonly dimensions: number
  has(row: number): boolean
  /** A copy of a row's unit vector. @throws PaperkinError `invalid-argument` where there is no such row */
  vector(row: number): Float32Array
  /**
   * Copies of the rows' unit vectors, `rows.length × dimensions`, in the order of `rows`.
   * @throws PaperkinError `invalid-argument` where there is no such row
   */
  vectors(rows: ArrayLike<number>, options?: { readonly signal?: AbortSignal }): Promise<Float32Array>
  /**
   * Cosine similarity of the query, scaled to unit length, to the given rows, −1 … 1: products in float64, the same bits
   * on every CPU.
   * @throws PaperkinError `invalid-argument` for a query of another width, and where there is no such row
   */
  scoreRows(query: ArrayLike<number>, rows: ArrayLike<number>): Promise<Float64Array>
  /**
   * Values that those of {@link scoreRows} do not exceed, or fall below. Only where they cost less than scores.
   * @throws as {@link scoreRows} does
   */
  bounds?(
    query: ArrayLike<number>,
    rows: ArrayLike<number>,
    options: { readonly side: 'above' | 'below'; readonly signal?: AbortSignal | undefined },
  ): Promise<Float64Array>
  /**
   * The `k` rows nearest to the query, exact or nearly so; nearest first, ties by row, ascending; fewer only where fewer
   * match. Only where they are found without a look at all rows; `undefined` where this question needs one, as where `k`
   * is a good part of all or the filter passes few: the caller then scores or bounds them.
   * @throws as {@link scoreRows} does; what the filter throws
   */
  nearest?(query: ArrayLike<number>, options: NearestOptions): Promise<Int32Array | undefined>
}

export interface NearestOptions {
  readonly k: number
  /** Rows for which it returns false are passed over during the search. @default every row */
  readonly filter?: (row: number) => boolean
  readonly signal?: AbortSignal
}

export interface VectorWriteOptions {
  readonly signal?: AbortSignal
}

/**
 * Unit vectors of one width, each under a row: a whole number that the caller chooses. Writes wait for each other; a
 * snapshot is the index as it was before or after a write, never between.
 */
export interface VectorIndex {
  readonly dimensions: number
  /** How many rows it holds. */
  readonly size: number
  /** What answers now. */
  readonly kind: 'exact' | 'hnsw'
  /** Why the last work in the background failed; answers are as if it had not begun. */
  readonly failure: unknown
  has(row: number): boolean
  /** All rows, ascending. */
  rows(): Int32Array
  /** {@link VectorSnapshot.vector} of the present state. */
  vector(row: number): Float32Array
  /** The present state, kept as it is while the index goes on changing. Costs nothing. */
  snapshot(): VectorSnapshot
  /**
   * Adds rows, each scaled to unit length; all of them or, where anything is wrong with one, none.
   * @throws PaperkinError `invalid-argument`: a row that is there already or named twice, a vector of another width, one
   * that holds NaN or infinity, or the zero vector.
   */
  add(rows: ArrayLike<number>, vectors: VectorsInput, options?: VectorWriteOptions): Promise<void>
  /**
   * Adds unit rows that lie in chunks of {@link CHUNK_ROWS} rows, the last one filled in part. The chunks are the index's
   * from then on: an index that keeps its rows so copies nothing.
   * @throws as {@link add} does
   */
  adopt(rows: ArrayLike<number>, chunks: readonly Float32Array[]): Promise<void>
  /** Removes rows, all or none. @throws PaperkinError `invalid-argument` where a row is not there. */
  remove(rows: ArrayLike<number>, options?: VectorWriteOptions): Promise<void>
  /** Makes what later questions gain from, in slices: for when no more changes come. */
  settle?(options?: VectorWriteOptions): Promise<void>
  /**
   * Writes what would take long to make again to a file, beside which the vectors are kept elsewhere; and takes it back for
   * the same rows.
   * @throws PaperkinError `corrupt-store`, `store-mismatch` where the file is not of these rows
   */
  save?(path: string): Promise<void>
  load?(path: string): Promise<void>
  /** Gives back threads, memory and handles. */
  close(): Promise<void>
}
