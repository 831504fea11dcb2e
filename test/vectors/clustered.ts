import { seededRandom } from '../../src/runtime/random.ts'

/** Random unit rows around random centres: `n × dimensions`; `spread` 0 gives copies of the centres. */
export function clusteredRows(
  n: number,
  dimensions: number,
  { centres = 20, spread = 0.6, seed = 1 }: { centres?: number; spread?: number; seed?: number } = {},
): { rows: Float32Array; labels: Int32Array } {
  const random = seededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const middle = Float64Array.from({ length: centres * dimensions }, normal)
  const rows = new Float32Array(n * dimensions)
  const labels = new Int32Array(n)
  for (let row = 0; row < n; row++) {
    const centre = Math.floor(random() * centres)
    labels[row] = centre
    const values = Array.from(
      { length: dimensions },
      (_, d) => middle[centre * dimensions + d]! + (spread === 0 ? 0 : spread * normal()),
    )
    const length = Math.hypot(...values)
    values.forEach((value, d) => {
      rows[row * dimensions + d] = value / length
    })
  }
  return { rows, labels }
}

/** The k best rows by the plainest float64 arithmetic there is, ties by row. */
export function bruteForce(
  matrix: Float32Array,
  query: ArrayLike<number>,
  dimensions: number,
  { k, allowed = () => true }: { k: number; allowed?: (row: number) => boolean },
): { row: number; score: number }[] {
  let length = 0
  for (let d = 0; d < dimensions; d++) length += query[d]! * query[d]!
  const hits: { row: number; score: number }[] = []
  for (let row = 0; row < matrix.length / dimensions; row++) {
    if (!allowed(row)) continue
    let score = 0
    for (let d = 0; d < dimensions; d++) score += query[d]! * matrix[row * dimensions + d]!
    hits.push({ row, score: score / Math.sqrt(length) })
  }
  return hits.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, k)
}
