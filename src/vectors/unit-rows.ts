// Checks of incoming vectors: unit length, width, finite values, row numbers.
import { PaperkinError, requireInteger, show } from '../errors.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { exactDot } from './kernels.ts'

/** Highest row number: an index keeps 4 bytes for each number up to its highest row. */
const maxRow = 2 ** 26 - 1

/** Input vectors: one array of `rows × dimensions` values, or one array per row. */
export type VectorsInput = Float32Array | readonly ArrayLike<number>[]

/**
 * Copies one vector into `target`, scaled to unit length. A vector of length 1 to within Float32's precision is copied
 * bit by bit, so that storing and reading back never changes it.
 * @throws PaperkinError `invalid-argument`: another width, NaN, infinity, zero
 */
export function copyUnit(
  source: ArrayLike<number>,
  target: Float32Array,
  place: { readonly from: number; readonly to: number; readonly dimensions: number; readonly name: string },
): void {
  const { from, to, dimensions, name } = place
  let square = 0
  for (let d = 0; d < dimensions; d++) {
    const value = source[from + d]!
    square += value * value
  }
  // Squares of values beyond 1e±150 would overflow or underflow, so scale by the largest first.
  if (!(square > 1e-280 && square < 1e280)) {
    let largest = 0
    for (let d = 0; d < dimensions; d++) {
      const value = source[from + d]!
      if (!Number.isFinite(value))
        throw invalidVector(`Expected ${name} to hold finite numbers, got ${show(value)} at position ${d}.`)
      largest = Math.max(largest, Math.abs(value))
    }
    if (largest === 0) throw invalidVector(`Expected ${name} to point somewhere, got the zero vector.`)
    square = 0
    for (let d = 0; d < dimensions; d++) square += (source[from + d]! / largest) ** 2
    const length = Math.sqrt(square)
    for (let d = 0; d < dimensions; d++) target[to + d] = source[from + d]! / largest / length
    return
  }
  if (Math.abs(square - 1) <= 1e-6) for (let d = 0; d < dimensions; d++) target[to + d] = source[from + d]!
  else {
    const length = Math.sqrt(square)
    for (let d = 0; d < dimensions; d++) target[to + d] = source[from + d]! / length
  }
}

/** Number of vectors in the input. @throws PaperkinError `invalid-argument` for another width */
export function countVectors(vectors: VectorsInput, dimensions: number, name = 'vectors'): number {
  if (vectors instanceof Float32Array) {
    if (vectors.length % dimensions !== 0)
      throw invalidVector(
        `Expected \`${name}\` to hold whole rows of ${dimensions} values, got ${vectors.length} values.`,
      )
    return vectors.length / dimensions
  }
  if (!Array.isArray(vectors))
    throw invalidVector(`Expected \`${name}\` to be a Float32Array or an array of vectors, got ${show(vectors)}.`)
  vectors.forEach((vector: ArrayLike<number> | undefined, index) => {
    if (vector?.length !== dimensions)
      throw invalidVector(
        `Expected vector ${index} of \`${name}\` to have ${dimensions} values, got ${vector?.length ?? show(vector)}.`,
      )
  })
  return vectors.length
}

/** A copy of the query, scaled to unit length. @throws PaperkinError `invalid-argument` */
export function unitQuery(query: ArrayLike<number>, dimensions: number): Float32Array {
  if (query?.length !== dimensions)
    throw invalidVector(`Expected the query to have ${dimensions} values, got ${query?.length ?? show(query)}.`)
  const unit = new Float32Array(dimensions)
  copyUnit(query, unit, { from: 0, to: 0, dimensions, name: 'the query' })
  return unit
}

/** Copies vectors into a matrix of unit rows, in slices. @throws PaperkinError `invalid-argument`, naming the vector */
export async function unitRows(
  vectors: VectorsInput,
  { dimensions, name, slice }: { readonly dimensions: number; readonly name: string; readonly slice: TimeSlice },
): Promise<Float32Array> {
  const count = countVectors(vectors, dimensions, name)
  const units = new Float32Array(count * dimensions)
  const flat = vectors instanceof Float32Array
  for (let index = 0; index < count; index++) {
    copyUnit(flat ? vectors : vectors[index]!, units, {
      from: flat ? index * dimensions : 0,
      to: index * dimensions,
      dimensions,
      name: `\`${name}[${index}]\``,
    })
    if (index % 256 === 255 && slice.due()) await slice.rest()
  }
  return units
}

/** Checks the rows of a write (whole numbers in range, no duplicates) and returns a copy. */
export function checkRows(rows: ArrayLike<number>): Int32Array {
  const copy = new Int32Array(rows.length)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!
    copy[index] = row
    // Values that do not fit an Int32 are changed by the copy.
    if (copy[index]! !== row || row < 0 || row > maxRow) requireInteger(`rows[${index}]`, row, 0, maxRow)
  }
  const sorted = copy.slice().sort()
  for (let index = 1; index < sorted.length; index++)
    if (sorted[index] === sorted[index - 1])
      throw invalidVector(`Expected each row once, got row ${sorted[index]} twice.`)
  return copy
}

/** The error for a row that is not in the index. */
export function unknownRow(row: number): PaperkinError {
  return invalidVector(`Expected a row of the index, got ${show(row)}.`)
}

function invalidVector(message: string): PaperkinError {
  return new PaperkinError('invalid-argument', message)
}

/**
 * Number of rows of a matrix of unit rows; checks every value, in slices.
 * @throws PaperkinError `invalid-argument`: a partial row, NaN, infinity, a length that differs from 1 by more than a
 * thousandth
 */
export async function requireUnitRows(
  matrix: Float32Array,
  dimensions: number,
  options: { readonly signal?: AbortSignal } = {},
): Promise<number> {
  const rows = requireRows(matrix, dimensions)
  const slice = timeSlice(options.signal)
  for (let row = 0; row < rows; row++) {
    unitSquare(matrix, row, dimensions)
    if (row % 256 === 255 && slice.due()) await slice.rest()
  }
  return rows
}

/** Number of rows of a matrix. @throws PaperkinError `invalid-argument`: not a Float32Array, a partial row */
export function requireRows(matrix: Float32Array, dimensions: number): number {
  requireInteger('dimensions', dimensions, 1, 65_536)
  if (!(matrix instanceof Float32Array))
    throw invalidVector(`Expected \`matrix\` to be a Float32Array, got ${show(matrix)}.`)
  return countVectors(matrix, dimensions, 'matrix')
}

/** Squared length of a row, which must be 1 to within a thousandth. @throws PaperkinError `invalid-argument` */
export function unitSquare(matrix: Float32Array, row: number, dimensions: number): number {
  const square = exactDot(matrix, row * dimensions, matrix, row * dimensions, dimensions)
  if (Math.abs(square - 1) <= 2e-3) return square
  throw invalidVector(`Expected rows of unit length, got row ${row} with length ${Math.sqrt(square)}.`)
}
