/**
 * Sparse rows in compressed form (CSR): the entries of row r are `column[i]`, `value[i]` for
 * `start[r] <= i < start[r + 1]`, columns ascending within a row. Rows have unit Euclidean length, or are empty.
 */
export interface SparseRows {
  readonly rows: number
  /** Number of columns: every `column[i]` is below it. */
  readonly columns: number
  /** `rows + 1` offsets. */
  readonly start: Int32Array
  readonly column: Int32Array
  readonly value: Float32Array
}
