import { exactDot } from './kernels.ts'

/**
 * Sums of the members of each cluster, without any error of addition: each value is rounded once to a multiple of
 * 2^-grid, so fine that n of them still add exactly in float64. So the order in which rows come and go is no matter.
 */
export class ExactSums {
  readonly counts: Int32Array
  readonly #sums: Float64Array
  readonly #shift: number
  readonly #dimensions: number
  #squares = Number.NaN

  constructor(n: number, k: number, dimensions: number) {
    this.counts = new Int32Array(k)
    this.#sums = new Float64Array(k * dimensions)
    this.#dimensions = dimensions
    // Adding and taking away 1.5 · 2^p rounds to multiples of 2^(p - 52); n values below 1.001 stay under 2^(p + 1).
    this.#shift = 1.5 * 2 ** Math.max(12, Math.ceil(Math.log2(n + 1)) + 1)
  }

  move(matrix: Float32Array, row: number, from: number, to: number): void {
    const dimensions = this.#dimensions
    const sums = this.#sums
    const shift = this.#shift
    const start = row * dimensions
    this.counts[to]++
    let target = to * dimensions
    if (from < 0) for (let d = 0; d < dimensions; d++) sums[target++] += matrix[start + d] + shift - shift
    else {
      this.counts[from]--
      let source = from * dimensions
      for (let d = 0; d < dimensions; d++) {
        const value = matrix[start + d] + shift - shift
        sums[target++] += value
        sums[source++] -= value
      }
    }
  }

  /**
   * Writes the directions of the sums, or the means; a cluster whose members cancel out keeps its direction. Returns how
   * far each centroid went, rounded up.
   */
  centroids(centroids: Float32Array, isSpherical: boolean): Float64Array {
    const dimensions = this.#dimensions
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

  /** Sum of |x|² + |c|² − 2 x·c over the rows x and their centroids c. */
  inertia(matrix: Float32Array, centroids: Float32Array): number {
    const dimensions = this.#dimensions
    const sums = this.#sums
    if (Number.isNaN(this.#squares)) {
      this.#squares = 0
      for (let start = 0; start < matrix.length; start += dimensions)
        this.#squares += exactDot(matrix, start, matrix, start, dimensions)
    }
    let inertia = this.#squares
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
