import type { KmeansRows } from './kmeans-rows.ts'

/**
 * Sums of the members of each cluster, without any error of addition: each value is rounded once to a multiple of
 * 2^-grid, so fine that n of them still add exactly in float64. So the order in which rows come and go is no matter.
 */
export class ExactSums {
  readonly counts: Int32Array
  readonly #rows: KmeansRows
  readonly #sums: Float64Array
  readonly #shift: number

  constructor(rows: KmeansRows) {
    const { n, k } = rows
    this.counts = new Int32Array(k)
    this.#rows = rows
    this.#sums = rows.sums.fill(0)
    // Adding and taking away 1.5 · 2^p rounds to multiples of 2^(p - 52); n values below 1.001 stay under 2^(p + 1).
    this.#shift = 1.5 * 2 ** Math.max(12, Math.ceil(Math.log2(n + 1)) + 1)
  }

  /** Takes a row from one cluster to another; from -1 where it was in none. */
  move(row: number, from: number, to: number): void {
    const { k } = this.#rows
    this.counts[to]++
    if (from >= 0) this.counts[from]--
    // What rows in no cluster are taken from is never looked at.
    this.#rows.move(row, { from: from < 0 ? k : from, to, shift: this.#shift })
  }

  /**
   * Writes the directions of the sums, or the means; a cluster whose members cancel out keeps its direction. Returns how
   * far each centroid went, rounded up.
   */
  centroids(isSpherical: boolean): Float64Array {
    const { dimensions, centroids } = this.#rows
    const sums = this.#sums
    return Float64Array.from(this.counts, (count, cluster) => {
      const start = cluster * dimensions
      const end = start + dimensions
      let length = count
      if (isSpherical) {
        let square = 0
        for (let d = start; d < end; d++) square += sums[d] * sums[d]
        length = Math.sqrt(square)
        if (length < 1e-6) return 0
      }
      let went = 0
      for (let d = start; d < end; d++) {
        const before = centroids[d]
        centroids[d] = sums[d] / length
        went += (centroids[d] - before) ** 2
      }
      return Math.sqrt(went) * 1.000001
    })
  }

  /** Sum of |x|² + |c|² − 2 x·c over the rows x and their centroids c; `squares` is that of |x|². */
  inertia(squares: number): number {
    const { dimensions, centroids } = this.#rows
    const sums = this.#sums
    let inertia = squares
    for (let cluster = 0; cluster < this.counts.length; cluster++) {
      let product = 0
      let square = 0
      for (let d = cluster * dimensions; d < (cluster + 1) * dimensions; d++) {
        product += sums[d] * centroids[d]
        square += centroids[d] * centroids[d]
      }
      inertia += this.counts[cluster] * square - 2 * product
    }
    return Math.max(0, inertia)
  }
}
