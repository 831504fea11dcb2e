import { PaperkinError, requireInteger, requireList, requireOptions } from '../errors.ts'

export interface SilhouetteOptions {
  readonly dimensions: number
  /** The group of each row. */
  readonly groups: ArrayLike<number | string>
  /** The rows to average over; distances are always to all rows. @default all rows */
  readonly rows?: ArrayLike<number> | undefined
}

/**
 * Mean silhouette (Rousseeuw 1987) with cosine distance, -1 … 1, of `n × dimensions` row-major vectors of any length.
 * Rows alone in their group count 0. Exact, in n · groups · dimensions steps: the mean cosine to a group is the dot
 * product with the sum of its unit vectors, divided by its size. NaN for fewer than two groups.
 * @throws PaperkinError `invalid-argument` if groups and vectors do not match
 */
export function silhouette(vectors: ArrayLike<number>, options: SilhouetteOptions): number {
  requireOptions('silhouette', options ?? {}, { dimensions: true, groups: true, rows: true })
  const { dimensions, groups, rows } = options ?? {}
  requireList('vectors', vectors)
  requireInteger('dimensions', dimensions, 1)
  requireList('groups', groups)
  if (rows !== undefined) {
    requireList('rows', rows)
    for (let i = 0; i < rows.length; i++) requireInteger(`rows[${i}]`, rows[i], 0, groups.length - 1)
  }
  const n = groups.length
  if (vectors.length !== n * dimensions)
    throw new PaperkinError(
      'invalid-argument',
      `Expected ${n} vectors of ${dimensions} numbers, one per entry of \`groups\`, got ${vectors.length} numbers.`,
    )
  const ids = new Map<number | string, number>()
  const group = Int32Array.from({ length: n }, (_, row) => {
    const known = ids.get(groups[row]!)
    if (known === undefined) ids.set(groups[row]!, ids.size)
    return known ?? ids.size - 1
  })
  if (ids.size < 2) return Number.NaN
  const scale = Float64Array.from({ length: n }, (_, row) => {
    let squares = 0
    for (let d = 0; d < dimensions; d++) squares += vectors[row * dimensions + d]! ** 2
    return squares > 0 ? 1 / Math.sqrt(squares) : 0
  })
  const size = new Int32Array(ids.size)
  const sum = new Float64Array(ids.size * dimensions)
  for (let row = 0; row < n; row++) {
    size[group[row]!]!++
    for (let d = 0; d < dimensions; d++)
      sum[group[row]! * dimensions + d]! += vectors[row * dimensions + d]! * scale[row]!
  }
  let total = 0
  const count = rows?.length ?? n
  for (let i = 0; i < count; i++) {
    const row = rows?.[i] ?? i
    const own = group[row]!
    if (size[own] === 1) continue
    let inside = 0
    let nearest = Number.POSITIVE_INFINITY
    for (let c = 0; c < size.length; c++) {
      let product = 0
      for (let d = 0; d < dimensions; d++) product += vectors[row * dimensions + d]! * sum[c * dimensions + d]!
      product *= scale[row]!
      // A row has distance 0 to itself, even a row of zeros, whose cosine to itself is 0.
      if (c === own) inside = (size[c]! - 1 - (product - (scale[row]! > 0 ? 1 : 0))) / (size[c]! - 1)
      else nearest = Math.min(nearest, 1 - product / size[c]!)
    }
    const larger = Math.max(inside, nearest)
    total += larger === 0 ? 0 : (nearest - inside) / larger
  }
  return total / count
}
