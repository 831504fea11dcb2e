// A linear model of a reader's interests: a support vector machine with squared hinge loss and L2 regularisation,
// trained by dual coordinate descent (Hsieh, Chang, Lin, Keerthi and Sundararajan 2008) in float64. Unjudged papers are
// weak negatives, and both classes have the same total weight (Elkan and Noto 2008 show why that ranks well).
import type { SparseRows } from '../../lexical/sparse-rows.ts'
import { seededRandom, shuffle } from '../../runtime/random.ts'

/** Feature rows, each with a sparse and a dense part; either may be empty. */
export interface Features {
  readonly sparse: SparseRows
  /** `sparse.rows × dimensions` */
  readonly dense: Float32Array
  readonly dimensions: number
  /** The weight of the dense part in the product of two rows; that of the sparse part is 1. */
  readonly denseWeight: number
}

export interface LinearModel {
  /** Weights of the sparse columns, of the dense columns (times `denseWeight`), and the intercept. */
  readonly weights: Float64Array
  /** The leave-one-out decision value of a training row, to first order. */
  readonly heldOut: (row: number) => number
}

const passes = 30
const tolerance = 0.05

/** Trains the model. `labels` are 1 or −1, `costs` the weight of each row's errors. Deterministic to the bit. */
export function trainLinear(features: Features, labels: Int8Array, costs: Float64Array): LinearModel {
  const { sparse, dimensions } = features
  const weights = new Float64Array(sparse.columns + dimensions + 1)
  const square = Float64Array.from({ length: sparse.rows }, (_, row) => squareOf(features, row))
  const alpha = new Float64Array(sparse.rows)
  const order = Int32Array.from(alpha, (_, row) => row)
  const random = seededRandom(1)
  for (let pass = 0; pass < passes; pass++) {
    shuffle(order, random)
    let worst = 0
    for (const row of order) {
      const give = 1 / (2 * costs[row]!)
      const gradient = labels[row]! * decision(weights, features, row) - 1 + alpha[row]! * give
      const projected = alpha[row] === 0 ? Math.min(gradient, 0) : gradient
      if (Math.abs(projected) > worst) worst = Math.abs(projected)
      if (Math.abs(projected) < 1e-9) continue
      const next = Math.max(0, alpha[row]! - gradient / (square[row]! + give))
      const step = (next - alpha[row]!) * labels[row]!
      alpha[row] = next
      addRow(weights, features, row, step)
    }
    if (worst < tolerance) break
  }
  // Leaving a row out keeps what the other rows give it: the intercept and the mean row.
  const common = 1 + meanSquare(features)
  const heldOut = (row: number) =>
    decision(weights, features, row) - labels[row]! * alpha[row]! * Math.max(0, square[row]! - common)
  return { weights, heldOut }
}

/** Adds `step` times a row, and `step` to the last weight. A function of its own, as compilers do better with it. */
function addRow(
  weights: Float64Array,
  { sparse, dense, dimensions, denseWeight }: Features,
  row: number,
  step: number,
) {
  const { start, column, value, columns } = sparse
  for (let i = start[row]!; i < start[row + 1]!; i++) weights[column[i]!]! += step * value[i]!
  const at = row * dimensions
  const denseStep = step * denseWeight
  for (let d = 0; d < dimensions; d++) weights[columns + d]! += denseStep * dense[at + d]!
  weights[columns + dimensions]! += step
}

/** Squared length of the mean row. */
function meanSquare(features: Features): number {
  const { sparse, dimensions, denseWeight } = features
  const sum = new Float64Array(sparse.columns + dimensions + 1)
  for (let row = 0; row < sparse.rows; row++) addRow(sum, features, row, 1)
  let total = 0
  for (let c = 0; c < sparse.columns; c++) total += (sum[c]! / sparse.rows) ** 2
  for (let d = 0; d < dimensions; d++) total += (sum[sparse.columns + d]! / sparse.rows) ** 2 / denseWeight
  return total
}

/** Squared length of a row, and 1 for the intercept. */
function squareOf({ sparse, dense, dimensions, denseWeight }: Features, row: number): number {
  const { start, value } = sparse
  let sum = 1
  for (let i = start[row]!; i < start[row + 1]!; i++) sum += value[i]! ** 2
  let square = 0
  for (let d = row * dimensions; d < (row + 1) * dimensions; d++) square += dense[d]! ** 2
  return sum + denseWeight * square
}

/** The decision value of a row. The features must have the columns of the training features. */
function decision(weights: Float64Array, { sparse, dense, dimensions }: Features, row: number): number {
  const { start, column, value } = sparse
  return decisionOf(
    weights,
    { column, value, from: start[row]!, to: start[row + 1]! },
    dense,
    row * dimensions,
    dimensions,
  )
}

/** A sparse row by column, ascending: the entries from `from` to before `to`. */
export interface SparseRow {
  readonly column: Int32Array
  readonly value: Float32Array
  readonly from: number
  readonly to: number
}

/** The decision value of a row with `dimensions` dense values from `at` on. */
export function decisionOf(
  weights: Float64Array,
  { column, value, from, to }: SparseRow,
  dense: Float32Array,
  at: number,
  dimensions: number,
): number {
  const columns = weights.length - 1 - dimensions
  let sum = weights[weights.length - 1]!
  for (let i = from; i < to; i++) sum += weights[column[i]!]! * value[i]!
  // As `exactDot`, which serves arrays of other types and is slower for it.
  let sum0 = 0
  let sum1 = 0
  let sum2 = 0
  let sum3 = 0
  const whole = dimensions - (dimensions % 4)
  for (let d = 0; d < whole; d += 4) {
    sum0 += weights[columns + d]! * dense[at + d]!
    sum1 += weights[columns + d + 1]! * dense[at + d + 1]!
    sum2 += weights[columns + d + 2]! * dense[at + d + 2]!
    sum3 += weights[columns + d + 3]! * dense[at + d + 3]!
  }
  for (let d = whole; d < dimensions; d++) sum0 += weights[columns + d]! * dense[at + d]!
  return sum + (sum0 + sum1 + (sum2 + sum3))
}

/**
 * Platt scaling (Platt 1999, with his targets): returns a function from a value to the probability that it is a
 * positive, if both classes were equally frequent. `prior` holds typical positives of other readers; they keep the
 * curve from being too steep when there are few positives.
 */
export function calibration(
  positives: readonly number[],
  negatives: readonly number[],
  prior: readonly number[],
): (value: number) => number {
  const all = [...positives, ...prior]
  const points = [
    ...all.map((value) => ({ value, weight: 1 / all.length, target: (all.length + 1) / (all.length + 2) })),
    ...negatives.map((value) => ({ value, weight: 1 / negatives.length, target: 1 / (negatives.length + 2) })),
  ]
  let slope = 1
  let shift = -1.5
  // Newton's method on a convex loss of two parameters; the slope stays positive, which keeps the order.
  for (let step = 0; step < 40; step++) {
    let [gs, gb, hss, hsb, hbb] = [1e-2 * (slope - 1), 0, 1e-2, 0, 1e-6]
    for (const { value, weight, target } of points) {
      const p = sigmoid(slope * value + shift)
      const error = weight * (p - target)
      const curve = weight * p * (1 - p)
      gs += error * value
      gb += error
      hss += curve * value * value
      hsb += curve * value
      hbb += curve
    }
    const determinant = hss * hbb - hsb * hsb
    const move = Math.max(-1, Math.min(1, (gs * hbb - gb * hsb) / determinant))
    const turn = Math.max(-1, Math.min(1, (gb * hss - gs * hsb) / determinant))
    slope = Math.max(0.2, slope - move)
    shift -= turn
    if (Math.abs(move) + Math.abs(turn) < 1e-9) break
  }
  return (value) => sigmoid(slope * value + shift)
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value))
}
