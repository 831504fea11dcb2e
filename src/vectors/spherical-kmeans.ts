// k-means over unit rows, spherical (Dhillon and Modha 2001): each row to the centroid with the largest product, each
// centroid to the direction of its members' sum; or the usual one. What decides is the same on every CPU and in any order of summing:
// products that lie within a kernel's error of each other are taken again in float64, sums of members are exact
// (values rounded to a grid on which float64 adds without error), and seeding sees distances of eight bits.
import { BestTwo } from './best-two.ts'
import { ExactSums } from './exact-sums.ts'
import { exactDot, type Kernels, productError } from './kernels.ts'
import { seedCentroids } from './kmeans-seeding.ts'
import { seededRandom } from './random.ts'
import { type TimeSlice, timeSlice, type VectorProgress } from './time-slice.ts'

export interface KmeansOptions {
  /** Width of a row. */
  readonly dimensions: number
  /** Number of clusters, 1 to the number of rows. */
  readonly k: number
  /** Any safe integer. @default 0 */
  readonly seed?: number
  /** Runs from different beginnings, of which the one with the lowest inertia is returned. @default 1 */
  readonly starts?: number
  /** Most iterations of one run. @default 100 */
  readonly maxIterations?: number
  /**
   * Whether centroids are directions, and rows go to the one of the largest cosine; else they are means, and rows go to
   * the nearest. On unit rows the two differ little. @default true
   */
  readonly spherical?: boolean
  /** `k × dimensions` unit rows to begin from, in place of seeding by k-means++. */
  readonly initialCentroids?: Float32Array
  readonly signal?: AbortSignal
  /** Called now and then; `done` and `total` count iterations, of which the last may never be needed. */
  readonly onProgress?: (progress: VectorProgress) => void
}

export interface KmeansResult {
  /** The cluster of each row, 0 … k − 1. No cluster is empty. */
  readonly assignments: Int32Array
  /** `k × dimensions`: the unit vector in the direction of the members' sum, or their mean. */
  readonly centroids: Float32Array
  /** Sum of the squared Euclidean distances of the rows to their centroids. */
  readonly inertia: number
  /** Iterations of the run that is returned. */
  readonly iterations: number
}

/** k-means by given kernels, its arguments checked. */
export async function runKmeans(
  matrix: Float32Array,
  options: KmeansOptions & { readonly kernels: Kernels },
): Promise<KmeansResult> {
  const { dimensions, k, kernels, signal, onProgress } = options
  const maxIterations = options.maxIterations ?? 100
  const starts = options.initialCentroids === undefined ? (options.starts ?? 1) : 1
  const random = seededRandom(options.seed ?? 0)
  const isSpherical = options.spherical ?? true
  const n = matrix.length / dimensions
  const problem: Problem = { matrix, n, dimensions, k, isSpherical, kernels, slice: timeSlice(signal) }
  let best: KmeansResult | undefined
  for (let start = 0; start < starts; start++) {
    const beginning = options.initialCentroids?.slice() ?? (await seedCentroids(problem, random))
    const result = await iterate(
      problem,
      beginning,
      (iteration) => onProgress?.({ done: start * maxIterations + iteration, total: starts * maxIterations }),
      maxIterations,
    )
    if (best === undefined || result.inertia < best.inertia) best = result
  }
  onProgress?.({ done: starts * maxIterations, total: starts * maxIterations })
  return best as KmeansResult
}

interface Problem {
  readonly matrix: Float32Array
  readonly n: number
  readonly dimensions: number
  readonly k: number
  readonly isSpherical: boolean
  readonly kernels: Kernels
  readonly slice: TimeSlice
}

async function iterate(
  problem: Problem,
  beginning: Float32Array,
  onIteration: (iteration: number) => void,
  maxIterations: number,
): Promise<KmeansResult> {
  const { matrix, n, dimensions, k, isSpherical, kernels, slice } = problem
  const assignments = new Int32Array(n).fill(-1)
  // How much nearer each row is to its centroid than to any other, at least.
  const leads = new Float32Array(n)
  const sums = new ExactSums(n, k, dimensions)
  // Distance to a centroid c is |x|² - 2 (x·c - |c|²/2): rows go to the largest product less half the square.
  const halves = new Float64Array(k)
  if (!isSpherical) halveSquares(beginning, halves, dimensions)
  const block = Math.max(1, Math.min(n, 4096, Math.floor(kernels.slice / (k * dimensions))))
  const best = new BestTwo(block, k)
  const padded = new Float32Array(best.columns * dimensions)
  padded.set(beginning)
  const centroids = padded.subarray(0, beginning.length)
  const run: Run = {
    centroids,
    padded,
    halves,
    assignments,
    leads,
    sums,
    best,
    gathered: new Float32Array(block * dimensions),
    rows: new Int32Array(block),
  }
  let iterations = 0
  let inertia = Infinity
  while (iterations < maxIterations) {
    iterations++
    const changed = await assign(problem, run)
    const moved = fillEmpty(problem, run)
    const shift = sums.centroids(centroids, isSpherical)
    if (!isSpherical) halveSquares(centroids, halves, dimensions, shift)
    shorten(leads, assignments, shift)
    const next = sums.inertia(matrix, centroids)
    onIteration(iterations)
    // Only rounding of the centroids to Float32 can keep it from falling: then there is nothing left to gain.
    const fell = next < inertia
    inertia = Math.min(inertia, next)
    if (changed + moved === 0 || !fell) break
    if (slice.due()) await slice.rest()
  }
  return { assignments, centroids: centroids.slice(), inertia, iterations }
}

interface Run {
  readonly centroids: Float32Array
  /** The same, and zeros up to the columns of `best`. */
  readonly padded: Float32Array
  /** Half the square of each centroid's length; 0 where all are 1. */
  readonly halves: Float64Array
  readonly assignments: Int32Array
  readonly leads: Float32Array
  readonly sums: ExactSums
  readonly best: BestTwo
  /** Room for a block of rows, and for their numbers. */
  readonly gathered: Float32Array
  readonly rows: Int32Array
}

/** Takes the halves of the squares, and adds what they changed by to how far each centroid went. */
function halveSquares(centroids: Float32Array, halves: Float64Array, dimensions: number, shift?: Float64Array): void {
  for (let cluster = 0; cluster < halves.length; cluster++) {
    const start = cluster * dimensions
    const half = exactDot(centroids, start, centroids, start, dimensions) / 2
    if (shift !== undefined) shift[cluster] += Math.abs(half - halves[cluster]) * 1.000001
    halves[cluster] = half
  }
}

/**
 * Takes from each row's lead what the centroids may have taken: a product with a unit row changes by no more than the
 * centroid's shift (the idea of Hamerly 2010, "Making k-means even faster", with products in place of distances).
 */
function shorten(leads: Float32Array, assignments: Int32Array, shift: Float64Array): void {
  let farthest = 0
  for (let cluster = 1; cluster < shift.length; cluster++) if (shift[cluster] > shift[farthest]) farthest = cluster
  let second = 0
  for (let cluster = 0; cluster < shift.length; cluster++)
    if (cluster !== farthest) second = Math.max(second, shift[cluster])
  for (let row = 0; row < leads.length; row++) {
    const own = assignments[row]
    // 1.001: rows are of unit length to within a thousandth.
    leads[row] -= 1.001 * (shift[own] + (own === farthest ? second : shift[farthest]))
  }
}

/** Share of a block's rows that must be looked at for all of them to be. */
const MOSTLY = 0.6

/** Gives each row the cluster of its nearest centroid; a tie goes to the cluster that it is in, else to the lowest. */
async function assign(problem: Problem, run: Run): Promise<number> {
  const { matrix, n, dimensions, k, kernels, slice } = problem
  const { centroids, padded, halves, assignments, leads, sums, best, gathered, rows } = run
  // Costs are halves rounded to Float32, and taken away in Float32.
  const margin = 2 * (productError(dimensions) + 2 ** -22)
  best.costs.set(halves)
  let changed = 0
  for (let next = 0; next < n; ) {
    // Rows that lead by more than rounding can take keep their cluster unseen: after some iterations nearly all. While
    // they are few, taking them along costs less than gathering the others.
    const first = next
    const end = Math.min(n, first + rows.length)
    let open = 0
    for (let row = first; row < end; row++) if (!(leads[row] > margin)) open++
    let count = 0
    let block: Float32Array
    if (open > MOSTLY * (end - first)) {
      for (; next < end; next++) rows[count++] = next
      block = matrix.subarray(first * dimensions, end * dimensions)
    } else {
      for (; next < n && count < rows.length; next++) {
        if (leads[next] > margin) continue
        gathered.set(matrix.subarray(next * dimensions, (next + 1) * dimensions), count * dimensions)
        rows[count++] = next
      }
      if (count === 0) break
      block = gathered.subarray(0, count * dimensions)
    }
    const pending = kernels.products(block, padded, dimensions, best.products)
    const products = pending instanceof Float32Array ? pending : await pending
    if (products.buffer !== best.products.buffer) best.products.set(products)
    best.find(count)
    for (let index = 0; index < count; index++) {
      const row = rows[index]
      const present = assignments[row]
      const lead = best.largest[index] - best.second[index] - margin
      let cluster = best.column[index]
      leads[row] = lead
      if (lead <= 0) {
        const start = index * best.columns
        const least = best.largest[index] - margin
        let bestExact = -Infinity
        const weigh = (c: number): void => {
          const score = exactDot(matrix, row * dimensions, centroids, c * dimensions, dimensions) - halves[c]
          if (score > bestExact) {
            bestExact = score
            cluster = c
          }
        }
        if (present >= 0 && best.products[start + present] - halves[present] >= least) weigh(present)
        for (let c = 0; c < k; c++) if (best.products[start + c] - halves[c] >= least) weigh(c)
      }
      if (cluster === present) continue
      changed++
      sums.move(matrix, row, present, cluster)
      assignments[row] = cluster
    }
    if (slice.due()) await slice.rest()
  }
  return changed
}

/** Gives each empty cluster the row that lies worst in a cluster of two or more. */
function fillEmpty(
  { matrix, n, dimensions, k }: Problem,
  { centroids, halves, assignments, leads, sums }: Run,
): number {
  let own: Float64Array | undefined
  let moved = 0
  for (let empty = 0; empty < k; empty++) {
    if (sums.counts[empty] > 0) continue
    own ??= Float64Array.from(
      assignments,
      (cluster, row) =>
        exactDot(matrix, row * dimensions, centroids, cluster * dimensions, dimensions) - halves[cluster],
    )
    let worst = -1
    for (let row = 0; row < n; row++)
      if (sums.counts[assignments[row]] > 1 && (worst < 0 || own[row] < own[worst])) worst = row
    sums.move(matrix, worst, assignments[worst], empty)
    assignments[worst] = empty
    // Its own centroid is the row itself, once centroids are taken; how far the others are is not known yet.
    leads[worst] = 0
    moved++
  }
  return moved
}
