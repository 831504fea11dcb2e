// The working set of k-means in one memory: WebAssembly's, with its loops, if available (4 GB at most). `columns` is at
// least k + 1, rounded up to a multiple of four; columns beyond k have a zero centroid with infinite cost. `bounds` are
// n × columns upper bounds of the products of each row with each centroid: matrix products fill them, and `nearest`
// recomputes those that centroid moves put in question. If they would need more than maxBoundsBytes, only a block of
// rows has room, and matrix products are recomputed every time.
import { exactDot, productError } from './kernels.ts'
import { loadWasm } from './wasm.ts'

type Best = (values: number, rows: number, columns: number, costs: number, out: number) => void
type Nearest = (
  row: number,
  rows: number,
  width: number,
  bounds: number,
  columns: number,
  centroids: number,
  gains: number,
  costs: number,
  halves: number,
  clusters: number,
  list: number,
  reports: number,
  margin: number,
) => number
type Move = (row: number, to: number, from: number, width: number, shift: number) => void

/** Rows processed per call: a few milliseconds. */
export const kmeansBlock = 4096
/** 256 MB. */
const maxBoundsBytes = 2 ** 28

interface Loops {
  readonly best: Best
  readonly nearest: Nearest
  readonly move: Move
}

interface Size {
  readonly n: number
  readonly dimensions: number
  readonly k: number
}

/** Whether bounds of all rows fit, and their loop takes rows of this width. */
function keepsBounds({ n, dimensions, k }: Size): boolean {
  return 4 * columnsOf(k) * n <= maxBoundsBytes && dimensions % 16 === 0
}

/** Columns for k centroids. */
function columnsOf(k: number): number {
  return 4 * Math.ceil((k + 1) / 4)
}

export class KmeansRows {
  readonly n: number
  readonly k: number
  readonly dimensions: number
  readonly columns: number
  /**
   * Largest difference of two scores whose order is uncertain: the error of the products and the rounding of halves.
   */
  readonly margin: number
  /** `n × dimensions`, filled by the caller. */
  readonly matrix: Float32Array
  /** `columns × dimensions`. */
  readonly centroids: Float32Array
  /** `columns` per row, for all n rows or a block. */
  readonly bounds: Float32Array
  /** Whether bounds of all rows are kept, so that {@link changes} can be used. */
  readonly isBounded: boolean
  /** Half the squared length of each centroid, or 0: a row goes to the centroid with the largest product minus half. */
  readonly halves: Float32Array
  /** Added to each column's bounds by the next {@link changes}. */
  readonly gains: Float32Array
  /** A centroid is ruled out for a row unless the score of the row's own centroid is below bound - cost. */
  readonly costs: Float32Array
  readonly assignments: Int32Array
  /** `k × dimensions`, and a scratch row. */
  readonly sums: Float64Array
  /** Results of the last {@link best}: best score, second-best score and the column of the best. */
  readonly largest = new Float32Array(kmeansBlock)
  readonly second = new Float32Array(kmeansBlock)
  readonly column = new Int32Array(kmeansBlock)
  readonly #loops: Loops | undefined
  /** Output buffers of the loops. */
  readonly #floats: Float32Array
  readonly #integers: Int32Array
  readonly #list: Int32Array
  readonly #changes: Int32Array
  readonly #numbers: Float64Array

  constructor({ n, dimensions, k }: Size) {
    const columns = columnsOf(k)
    const isBounded = keepsBounds({ n, dimensions, k })
    const sizes = {
      sums: 8 * (k + 1) * dimensions,
      numbers: 16,
      matrix: 4 * n * dimensions,
      centroids: 4 * columns * dimensions,
      bounds: 4 * columns * (isBounded ? n : Math.min(n, kmeansBlock)),
      halves: 4 * columns,
      gains: 4 * columns,
      costs: 4 * columns,
      assignments: 4 * n,
      results: 48 * Math.min(n, kmeansBlock),
      list: 4 * (columns + 3),
    }
    const starts = { ...sizes }
    let bytes = 0
    for (const name of Object.keys(sizes) as (keyof typeof sizes)[]) {
      starts[name] = bytes
      bytes += 16 * Math.ceil(sizes[name] / 16)
    }
    const best = loadWasm<Best>('best', bytes)
    const nearest = best && loadWasm<Nearest>('nearest', best.memory)
    const move = best && loadWasm<Move>('move', best.memory)
    this.#loops = best && nearest && move && { best: best.loop, nearest: nearest.loop, move: move.loop }
    const buffer = best?.memory.buffer ?? new ArrayBuffer(bytes)
    const floats = (name: keyof typeof sizes) => new Float32Array(buffer, starts[name], sizes[name] / 4)
    const integers = (name: keyof typeof sizes) => new Int32Array(buffer, starts[name], sizes[name] / 4)
    this.n = n
    this.k = k
    this.dimensions = dimensions
    this.columns = columns
    this.margin = 2 * (productError(dimensions) + 2 ** -21)
    this.#changes = new Int32Array(2 * Math.min(n, kmeansBlock))
    new Float32Array(buffer, starts.numbers + 8, 1)[0] = this.margin
    this.isBounded = isBounded && this.#loops !== undefined
    this.matrix = floats('matrix')
    this.centroids = floats('centroids')
    this.bounds = floats('bounds')
    this.halves = floats('halves').fill(Infinity, k)
    this.gains = floats('gains')
    this.costs = floats('costs').fill(Infinity, k)
    this.assignments = integers('assignments')
    this.sums = new Float64Array(buffer, starts.sums, sizes.sums / 8)
    this.#floats = floats('results')
    this.#integers = integers('results')
    this.#list = integers('list')
    this.#numbers = new Float64Array(buffer, starts.numbers, 2)
  }

  /** Holds a copy of a matrix. */
  static of(matrix: Float32Array, options: { readonly dimensions: number; readonly k: number }): KmeansRows {
    const rows = new KmeansRows({ n: matrix.length / options.dimensions, ...options })
    rows.matrix.set(matrix)
    return rows
  }

  /**
   * Finds the largest and second-largest product minus half of each row, ten times as fast in WebAssembly as in
   * JavaScript, for `count` rows whose products start at row `first` of the bounds.
   */
  best(first: number, count: number): void {
    const { columns, bounds, halves } = this
    if (this.#loops === undefined) {
      for (let index = 0; index < count; index++) {
        let largest = -Infinity
        let second = -Infinity
        let found = 0
        for (let column = 0; column < columns; column++) {
          const value = bounds[(first + index) * columns + column]! - halves[column]!
          if (value > largest) {
            second = largest
            largest = value
            found = column
          } else if (value > second) second = value
        }
        this.largest[index] = largest
        this.second[index] = second
        this.column[index] = found
      }
      return
    }
    const floats = this.#floats
    const integers = this.#integers
    this.#loops.best(bounds.byteOffset + 4 * first * columns, count, columns, halves.byteOffset, floats.byteOffset)
    for (let index = 0; index < count; index++) {
      // Four lanes, one per column modulo 4: largest values, second-largest, columns of the largest.
      const at = 12 * index
      let largest = floats[at]!
      let second = floats[at + 4]!
      let column = integers[at + 8]!
      for (let lane = 1; lane < 4; lane++) {
        const value = floats[at + lane]!
        if (value > largest) {
          second = Math.max(largest, floats[at + 4 + lane]!)
          largest = value
          column = integers[at + 8 + lane]!
        } else if (value > second) second = value
      }
      this.largest[index] = largest
      this.second[index] = second
      this.column[index] = column
    }
  }

  /**
   * Updates the bounds of `count` rows from `first` on, computing products only where a centroid may beat the row's
   * own. Returns pairs of a row and its new cluster; ties go to the current cluster, then to the lowest. At most
   * {@link kmeansBlock} rows; valid until the next call.
   */
  changes(first: number, count: number): Int32Array {
    const { k, bounds, columns, halves, assignments } = this
    const reports = this.#nearest(first, count)
    let written = 0
    for (let index = 0; index < reports.length; index += 2) {
      const row = first + reports[index]!
      let cluster = reports[index + 1]!
      if (cluster < 0) {
        // Centroids known only by a bound are below the row's own by more than the margin.
        let best = -Infinity
        for (let c = 0; c < k; c++) best = Math.max(best, bounds[row * columns + c]! - halves[c]!)
        cluster = this.decide(row, { place: row, best })
      }
      if (cluster === assignments[row]) continue
      this.#changes[written++] = row
      this.#changes[written++] = cluster
    }
    return this.#changes.subarray(0, written)
  }

  /**
   * Decides by float64 products among the clusters that may be best. `best` is the best score by the Float32 products,
   * which are at row `place` of the bounds.
   */
  decide(row: number, { place, best: least }: { readonly place: number; readonly best: number }): number {
    const { k, dimensions, matrix, centroids, columns, bounds, halves, assignments, margin } = this
    const present = assignments[row]!
    let cluster = -1
    let best = -Infinity
    const weigh = (c: number): void => {
      if (bounds[place * columns + c]! - halves[c]! < least - margin) return
      const score = exactDot(matrix, row * dimensions, centroids, c * dimensions, dimensions) - halves[c]!
      if (score > best) {
        best = score
        cluster = c
      }
    }
    if (present >= 0) weigh(present)
    for (let c = 0; c < k; c++) weigh(c)
    return cluster
  }

  /** Pairs of a row, relative to `first`, and its new centroid, or -1 if the best two are within the margin. */
  #nearest(first: number, count: number): Int32Array {
    const { nearest } = this.#loops as Loops
    const { matrix, dimensions, bounds, columns, centroids, gains, costs, halves, assignments } = this
    const start = this.#integers.byteOffset
    const end = nearest(
      matrix.byteOffset + 4 * first * dimensions,
      count,
      dimensions,
      bounds.byteOffset + 4 * first * columns,
      columns,
      centroids.byteOffset,
      gains.byteOffset,
      costs.byteOffset,
      halves.byteOffset,
      assignments.byteOffset + 4 * first,
      this.#list.byteOffset,
      start,
      this.#numbers.byteOffset + 8,
    )
    return this.#integers.subarray(0, (end - start) / 4)
  }

  /** Moves a row from one cluster's sums to another's, its values rounded by adding and subtracting `shift`. */
  move(row: number, { from, to, shift }: { readonly from: number; readonly to: number; readonly shift: number }): void {
    const { matrix, dimensions, sums } = this
    const start = row * dimensions
    if (this.#loops !== undefined && dimensions % 4 === 0) {
      this.#numbers[0] = shift
      const at = (cluster: number) => sums.byteOffset + 8 * cluster * dimensions
      this.#loops.move(matrix.byteOffset + 4 * start, at(to), at(from), dimensions, this.#numbers.byteOffset)
      return
    }
    let target = to * dimensions
    let source = from * dimensions
    for (let d = 0; d < dimensions; d++) {
      const value = matrix[start + d]! + shift - shift
      sums[target++]! += value
      sums[source++]! -= value
    }
  }
}

/**
 * Sums of each cluster's members without rounding error: each value is first rounded to a multiple of a power of two
 * coarse enough for n of them to add exactly in float64. So the order of additions and removals does not matter.
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
    // Adding and subtracting 1.5 · 2^p rounds to multiples of 2^(p - 52); n values below 1.001 stay under 2^(p + 1).
    this.#shift = 1.5 * 2 ** Math.max(12, Math.ceil(Math.log2(n + 1)) + 1)
  }

  /** Moves a row between clusters; `from` is -1 for a row without one. */
  move(row: number, from: number, to: number): void {
    const { k } = this.#rows
    this.counts[to]!++
    if (from >= 0) this.counts[from]!--
    // Rows without a cluster are subtracted from the scratch row.
    this.#rows.move(row, { from: from < 0 ? k : from, to, shift: this.#shift })
  }

  /**
   * Sets the centroids to the directions of the sums, or to the means; a cluster whose members cancel out keeps its
   * direction. Returns how far each centroid moved, rounded up.
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
        for (let d = start; d < end; d++) square += sums[d]! * sums[d]!
        length = Math.sqrt(square)
        if (length < 1e-6) return 0
      }
      let went = 0
      for (let d = start; d < end; d++) {
        const before = centroids[d]!
        centroids[d] = sums[d]! / length
        went += (centroids[d]! - before) ** 2
      }
      return Math.sqrt(went) * 1.000001
    })
  }

  /** Sum of |x|² + |c|² − 2 x·c over the rows x and their centroids c; `squares` is the sum of |x|². */
  inertia(squares: number): number {
    const { dimensions, centroids } = this.#rows
    const sums = this.#sums
    let inertia = squares
    for (let cluster = 0; cluster < this.counts.length; cluster++) {
      let product = 0
      let square = 0
      for (let d = cluster * dimensions; d < (cluster + 1) * dimensions; d++) {
        product += sums[d]! * centroids[d]!
        square += centroids[d]! * centroids[d]!
      }
      inertia += this.counts[cluster]! * square - 2 * product
    }
    return Math.max(0, inertia)
  }
}
