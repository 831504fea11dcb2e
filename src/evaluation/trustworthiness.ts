// Trustworthiness of a map of a higher-dimensional space: Venna and Kaski 2001, "Neighborhood preservation in nonlinear
// projection methods", section 3.
import { requireInteger } from '../errors.ts'

interface TrustworthinessOptions {
  /** Neighbours on the map to check; less than half the number of points. @default 10 */
  readonly k?: number
  /** Points to check, each against all others. @default all */
  readonly judged?: ArrayLike<number>
}

/**
 * 0 … 1, higher is better: lowered by each of the k nearest on the map that is not among the k nearest in the original
 * space, by its rank there. Takes `judged × n × dimensions` operations.
 * @param rows `n × dimensions` unit rows, row-major
 * @param map `n × 2` coordinates
 */
export function trustworthiness(
  rows: Float32Array,
  map: Float32Array,
  { k = 10, judged }: TrustworthinessOptions = {},
): number {
  const n = map.length / 2
  requireInteger('k', k, 1, Math.max(1, Math.ceil(n / 2) - 1))
  const dimensions = rows.length / n
  const points = judged ?? Int32Array.from({ length: n }, (_, i) => i)
  const similarity = new Float64Array(n)
  const distance = new Float64Array(n)
  let penalty = 0
  for (let index = 0; index < points.length; index++) {
    const point = points[index]!
    for (let other = 0; other < n; other++) {
      let product = 0
      for (let d = 0; d < dimensions; d++) product += rows[point * dimensions + d]! * rows[other * dimensions + d]!
      similarity[other] = product
      distance[other] = (map[2 * point]! - map[2 * other]!) ** 2 + (map[2 * point + 1]! - map[2 * other + 1]!) ** 2
    }
    distance[point] = Number.POSITIVE_INFINITY
    for (const other of nearest(distance, k)) {
      let rank = 1
      for (let third = 0; third < n; third++) if (third !== point && similarity[third]! > similarity[other]!) rank++
      if (rank > k) penalty += rank - k
    }
  }
  return 1 - (penalty * 2) / (points.length * k * (2 * n - 3 * k - 1))
}

/** Indices of the k smallest values, ties by lower index. */
function nearest(values: Float64Array, k: number): number[] {
  const best: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (best.length === k && values[i]! >= values[best[k - 1]!]!) continue
    let at = best.length
    while (at > 0 && values[best[at - 1]!]! > values[i]!) at--
    best.splice(at, 0, i)
    if (best.length > k) best.pop()
  }
  return best
}
