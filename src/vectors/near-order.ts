import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import type { Kernels, RowDots } from './kernels.ts'

// Average rows per pivot, until maxPivots is reached.
const rowsPerPivot = 100
const maxPivots = 512

/**
 * Reorders the rows of a matrix so that near ones are adjacent: grouped by nearest pivot (a sample of the rows), with
 * each pivot followed by the nearest one left. Returns the original row at each position.
 */
export async function putNearTogether(
  { matrix, dimensions }: RowDots,
  { kernels, signal }: { readonly kernels: Kernels; readonly signal?: AbortSignal },
): Promise<Int32Array> {
  const slice = timeSlice(signal)
  const n = matrix.length / dimensions
  const count = Math.min(maxPivots, Math.ceil(n / rowsPerPivot))
  const pivots = new Float32Array(count * dimensions)
  for (let pivot = 0; pivot < count; pivot++) {
    const row = Math.floor(((pivot + 0.5) * n) / count)
    pivots.set(matrix.subarray(row * dimensions, (row + 1) * dimensions), pivot * dimensions)
  }
  const turnOf = chain(await kernels.products(pivots, pivots, dimensions), count)
  const turn = new Int32Array(n)
  const start = new Int32Array(count + 1)
  const rowsAtOnce = Math.ceil(kernels.slice / (count * dimensions))
  for (let first = 0; first < n; first += rowsAtOnce) {
    const last = Math.min(n, first + rowsAtOnce)
    const products = await kernels.products(matrix.subarray(first * dimensions, last * dimensions), pivots, dimensions)
    for (let row = first; row < last; row++) {
      turn[row] = turnOf[highest(products, (row - first) * count, count)]!
      start[turn[row]! + 1]!++
    }
    if (slice.due()) await slice.rest()
  }
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!
  const rowAt = new Int32Array(n)
  for (let row = 0; row < n; row++) rowAt[start[turn[row]!]!++] = row
  await reorder(matrix, { dimensions, rowAt, slice })
  return rowAt
}

function highest(values: Float32Array, from: number, count: number): number {
  let best = 0
  for (let i = 1; i < count; i++) if (values[from + i]! > values[from + best]!) best = i
  return best
}

/** The rank of each pivot in a greedy chain, in which each is followed by the nearest one left. */
function chain(products: Float32Array, count: number): Int32Array {
  const turn = new Int32Array(count).fill(-1)
  let last = 0
  turn[0] = 0
  for (let next = 1; next < count; next++) {
    let best = -1
    for (let other = 0; other < count; other++)
      if (turn[other]! < 0 && (best < 0 || products[last * count + other]! > products[last * count + best]!))
        best = other
    turn[best] = next
    last = best
  }
  return turn
}

/** Permutes the rows in place, cycle by cycle, without a second matrix. */
async function reorder(
  matrix: Float32Array,
  { dimensions, rowAt, slice }: { readonly dimensions: number; readonly rowAt: Int32Array; readonly slice: TimeSlice },
): Promise<void> {
  const isDone = new Uint8Array(rowAt.length)
  const waiting = new Float32Array(dimensions)
  for (let first = 0; first < rowAt.length; first++) {
    if (slice.due()) await slice.rest()
    if (isDone[first] === 1) continue
    waiting.set(matrix.subarray(first * dimensions, (first + 1) * dimensions))
    let place = first
    for (; rowAt[place] !== first; place = rowAt[place]!) {
      isDone[place] = 1
      matrix.copyWithin(place * dimensions, rowAt[place]! * dimensions, (rowAt[place]! + 1) * dimensions)
    }
    isDone[place] = 1
    matrix.set(waiting, place * dimensions)
  }
}
