// A linear model of a reader's interests: a support vector machine with squared hinge loss and L2 regularisation,
// trained by dual coordinate descent (Hsieh, Chang, Lin, Keerthi and Sundararajan 2008) in float64. Unjudged papers are
// weak negatives, and both classes have the same total weight (Elkan and Noto 2008 show why that ranks well).
import type { SparseRows } from '../../lexical/sparse-rows.ts'
import { seededRandom, shuffle } from '../../runtime/random.ts'
import { exactDot } from '../../vectors/kernels.ts'

/** Feature rows, each with a sparse and a dense part; either may be empty. */
export interface Features {
  readonly sparse: SparseRows
  /** `sparse.rows × dimensions` */
  readonly dense: Float64Array
  readonly dimensions: number
}

export interface LinearModel {
  /** Weights of the sparse columns, of the dense columns, and the intercept. */
  readonly weights: Float64Array
  /** The leave-one-out decision value of each training row, to first order. */
  readonly heldOut: Float64Array
}

const passes = 30
const tolerance = 0.05

/** Trains the model. `labels` are 1 or −1, `costs` the weight of each row's errors. Deterministic to the bit. */
export function trainLinear(features: Features, labels: Int8Array, costs: Float64Array): LinearModel {
  const { sparse, dense, dimensions } = features
  const weights = new Float64Array(sparse.columns + dimensions + 1)
  const square = new Float64Array(sparse.rows)
  for (let row = 0; row < sparse.rows; row++) {
    let sum = 1
    for (let i = sparse.start[row]!; i < sparse.start[row + 1]!; i++) sum += sparse.value[i]! ** 2
    for (let d = row * dimensions; d < (row + 1) * dimensions; d++) sum += dense[d]! ** 2
    square[row] = sum
  }
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
      for (let i = sparse.start[row]!; i < sparse.start[row + 1]!; i++)
        weights[sparse.column[i]!]! += step * sparse.value[i]!
      const at = row * dimensions
      for (let d = 0; d < dimensions; d++) weights[sparse.columns + d]! += step * dense[at + d]!
      weights[sparse.columns + dimensions]! += step
    }
    if (worst < tolerance) break
  }
  // Leaving a row out keeps what the other rows give it: the intercept and the mean row.
  const common = 1 + meanSquare(features)
  const heldOut = alpha.map(
    (its, row) => decision(weights, features, row) - labels[row]! * its * Math.max(0, square[row]! - common),
  )
  return { weights, heldOut }
}

/** Squared length of the mean row. */
function meanSquare({ sparse, dense, dimensions }: Features): number {
  const sum = new Float64Array(sparse.columns + dimensions)
  for (let i = 0; i < sparse.start[sparse.rows]!; i++) sum[sparse.column[i]!]! += sparse.value[i]!
  for (let row = 0; row < sparse.rows; row++)
    for (let d = 0; d < dimensions; d++) sum[sparse.columns + d]! += dense[row * dimensions + d]!
  return sum.reduce((total, value) => total + (value / sparse.rows) ** 2, 0)
}

/** The decision value of a row. The features must have the columns of the training features. */
export function decision(weights: Float64Array, { sparse, dense, dimensions }: Features, row: number): number {
  const { start, column, value, columns } = sparse
  let sum = weights[columns + dimensions]!
  for (let i = start[row]!; i < start[row + 1]!; i++) sum += weights[column[i]!]! * value[i]!
  return sum + exactDot(weights, columns, dense, row * dimensions, dimensions)
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
