// What k-means works on, in one memory: WebAssembly's, with its loops, where it can be had (4 GB are the most).
// `columns` is k and at least one more, a multiple of four; what is beyond k has a zero centroid that costs infinitely.
// `bounds` are n × columns, at or above the products of each row with each centroid: products of matrices fill them, and
// `nearest` takes again those that the centroids' moves put in question. Where all of them would take more than
// MOST_BOUNDS, there is room for a block of rows, and products of matrices are taken every time.
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

/** Rows that are looked at in one call: a few milliseconds. */
export const KMEANS_BLOCK = 4096
/** 256 MB. */
const MOST_BOUNDS = 2 ** 28

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

/** Whether bounds of all rows are worth their room, and rows of a width that their loop takes. */
function keepsBounds({ n, dimensions, k }: Size): boolean {
  return 4 * columnsOf(k) * n <= MOST_BOUNDS && dimensions % 16 === 0
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
  /** What two scores may be apart and yet the other way round: products within their error, and the rounding of halves. */
  readonly margin: number
  /** `n × dimensions`, to be filled. */
  readonly matrix: Float32Array
  /** `columns × dimensions`. */
  readonly centroids: Float32Array
  /** Of n rows, or of a block; `columns` each. */
  readonly bounds: Float32Array
  /** Whether there are bounds of all rows, and {@link nearest} to use them. */
  readonly isBounded: boolean
  /** Half the square of each centroid's length, or 0: a row goes to the largest product less its half. */
  readonly halves: Float32Array
  /** What the next {@link nearest} adds to each column's bounds. */
  readonly gains: Float32Array
  /** The score of a row's own centroid must be below bound - cost, or the centroid is out of the question. */
  readonly costs: Float32Array
  readonly assignments: Int32Array
  /** `k × dimensions`, and room for what nobody looks at. */
  readonly sums: Float64Array
  /** Of the rows that {@link best} looked at last, the best score, the second, and where the best is. */
  readonly largest = new Float32Array(KMEANS_BLOCK)
  readonly second = new Float32Array(KMEANS_BLOCK)
  readonly column = new Int32Array(KMEANS_BLOCK)
  readonly #loops: Loops | undefined
  /** Room for the loops' results. */
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
      bounds: 4 * columns * (isBounded ? n : Math.min(n, KMEANS_BLOCK)),
      halves: 4 * columns,
      gains: 4 * columns,
      costs: 4 * columns,
      assignments: 4 * n,
      results: 48 * Math.min(n, KMEANS_BLOCK),
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
    this.#changes = new Int32Array(2 * Math.min(n, KMEANS_BLOCK))
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

  /** Over a copy of a matrix. */
  static of(matrix: Float32Array, options: { readonly dimensions: number; readonly k: number }): KmeansRows {
    const rows = new KmeansRows({ n: matrix.length / options.dimensions, ...options })
    rows.matrix.set(matrix)
    return rows
  }

  /**
   * The largest and the second of each row's products less the halves, ten times as fast in WebAssembly as in JavaScript:
   * of `count` rows whose products begin at row `first` of the bounds.
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
      // Of each fourth column the largest, then the second, then where the largest is.
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
   * Looks at `count` rows from `first` on again: brings their bounds up to date, taking products only where a centroid may
   * be better than the row's own. Returns pairs of a row that should change its cluster, and the cluster; a tie goes to
   * the cluster that it is in, else to the lowest. At most {@link KMEANS_BLOCK} rows; valid until the next call.
   */
  changes(first: number, count: number): Int32Array {
    const { k, bounds, columns, halves, assignments } = this
    const reports = this.#nearest(first, count)
    let written = 0
    for (let index = 0; index < reports.length; index += 2) {
      const row = first + reports[index]!
      let cluster = reports[index + 1]!
      if (cluster < 0) {
        // What only has a bound lies below the row's own centroid by more than the margin.
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
   * The best of the clusters whose score may be the best, by products in float64; `best` is the best as far as products
   * tell, which lie at `place` in the bounds.
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

  /** Pairs of a row, counted from `first`, and its new centroid, or -1 where the best two are within the margin. */
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

  /** Adds a row, rounded by adding and taking away `shift`, to one cluster's sums and takes it from another's. */
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
    this.counts[to]!++
    if (from >= 0) this.counts[from]!--
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

  /** Sum of |x|² + |c|² − 2 x·c over the rows x and their centroids c; `squares` is that of |x|². */
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
