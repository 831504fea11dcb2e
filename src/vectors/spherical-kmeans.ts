// k-means over unit rows: spherical (Dhillon and Modha 2001), with each row assigned to the centroid of largest product
// and each centroid the direction of its members' sum; or standard. Results are the same on every CPU and for any order
// of summation: products within a kernel's error of each other are recomputed in float64, sums of members are exact
// (values rounded to a grid on which float64 adds without error), and seeding uses distances of eight bits.

import { seededRandom } from '../runtime/random.ts'
import { type Progress, type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { exactDot, type Kernels, productError } from './kernels.ts'
import { ExactSums, KmeansRows, kmeansBlock } from './kmeans-rows.ts'

export interface KmeansOptions {
  /** Values per row. */
  readonly dimensions: number
  /** Number of clusters, 1 to the number of rows. */
  readonly k: number
  /** Any safe integer. @default 0 */
  readonly seed?: number
  /** Runs from different initial centroids; the one with the lowest inertia is returned. @default 1 */
  readonly starts?: number
  /** Most iterations per run. @default 100 */
  readonly maxIterations?: number
  /**
   * Whether centroids are directions and rows go to the one with the largest cosine; otherwise centroids are means and
   * rows go to the nearest. On unit rows the two differ little. @default true
   */
  readonly spherical?: boolean
  /** `k × dimensions` unit rows to start from, instead of seeding by k-means++. */
  readonly initialCentroids?: Float32Array
  readonly signal?: AbortSignal
  /** Called occasionally; `done` and `total` count iterations, of which the last may not be needed. */
  readonly onProgress?: (progress: Progress) => void
}

export interface KmeansResult {
  /** The cluster of each row, 0 … k − 1. No cluster is empty. */
  readonly assignments: Int32Array
  /** `k × dimensions`: unit vectors in the direction of the members' sum, or means. */
  readonly centroids: Float32Array
  /** Sum of squared Euclidean distances of the rows to their centroids. */
  readonly inertia: number
  /** Iterations of the returned run. */
  readonly iterations: number
}

/** k-means by the given kernels, with arguments already checked; `KmeansRows` are used without a copy. */
export async function runKmeans(
  rows: Float32Array | KmeansRows,
  options: KmeansOptions & {
    readonly kernels: Kernels
    /** Sum of the rows' squared lengths, if known. */
    readonly squares?: number
  },
): Promise<KmeansResult> {
  const { kernels, signal, onProgress } = options
  const maxIterations = options.maxIterations ?? 100
  const starts = options.initialCentroids === undefined ? (options.starts ?? 1) : 1
  const random = seededRandom(options.seed ?? 0)
  const memory = rows instanceof KmeansRows ? rows : KmeansRows.of(rows, options)
  const { n, k, dimensions, matrix } = memory
  const slice = timeSlice(signal)
  let squares = options.squares ?? 0
  if (options.squares === undefined)
    for (let start = 0; start < matrix.length; start += dimensions)
      squares += exactDot(matrix, start, matrix, start, dimensions)
  const isSpherical = options.spherical ?? true
  const problem: Problem = { rows: memory, squares, isSpherical, kernels, slice }
  let best: KmeansResult | undefined
  for (let start = 0; start < starts; start++) {
    const beginning =
      options.initialCentroids ?? (await seedCentroids({ matrix, n, dimensions, k, kernels, slice }, random))
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
  readonly rows: KmeansRows
  readonly squares: number
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
  const { rows, squares, isSpherical, slice } = problem
  const { k, dimensions, centroids, halves, gains, costs, assignments, margin } = rows
  const sums = new ExactSums(rows)
  centroids.set(beginning)
  assignments.fill(-1)
  let iterations = 0
  let inertia = Infinity
  while (iterations < maxIterations) {
    // The squared distance to a centroid c is |x|² - 2 (x·c - |c|²/2): rows go to the largest product minus half the
    // square.
    for (let cluster = 0; cluster < k; cluster++) {
      const start = cluster * dimensions
      halves[cluster] = isSpherical ? 0 : exactDot(centroids, start, centroids, start, dimensions) / 2
      costs[cluster] = halves[cluster]! - margin
    }
    iterations++
    const changed =
      iterations > 1 && rows.isBounded && shareInQuestion(rows) < maxShareInQuestion
        ? await reassign(problem, sums)
        : await assign(problem, sums)
    const moved = fillEmpty(rows, sums)
    const shift = sums.centroids(isSpherical)
    // 1.001: rows have unit length to within a thousandth.
    for (let cluster = 0; cluster < k; cluster++) gains[cluster] = 1.00101 * shift[cluster]! + margin
    const next = sums.inertia(squares)
    onIteration(iterations)
    // Inertia fails to fall only by Float32 rounding of the centroids: no further gain is possible.
    const fell = next < inertia
    inertia = Math.min(inertia, next)
    if (changed + moved === 0 || !fell) break
    if (slice.due()) await slice.rest()
  }
  return {
    assignments: assignments.slice(),
    centroids: centroids.slice(0, k * dimensions),
    inertia,
    iterations,
  }
}

/** Share of products in question above which whole matrix products are faster. */
const maxShareInQuestion = 0.5
const sampleSize = 128

/**
 * Share of products that the bounds do not rule out, from an evenly spaced sample of rows: a product with a unit row
 * changes by at most the distance its centroid moved (Elkan 2003, "Using the triangle inequality to accelerate
 * k-means", with products instead of distances).
 */
function shareInQuestion(rows: KmeansRows): number {
  const { n, k, dimensions, matrix, centroids, columns, bounds, halves, gains, costs, assignments } = rows
  const sample = Math.min(n, sampleSize)
  let open = 0
  for (let index = 0; index < sample; index++) {
    const row = Math.floor((index * n) / sample)
    const own = assignments[row]!
    const score = exactDot(matrix, row * dimensions, centroids, own * dimensions, dimensions) - halves[own]!
    for (let c = 0; c < k; c++) if (bounds[row * columns + c]! + gains[c]! - costs[c]! > score) open++
  }
  return open / (sample * k)
}

/** Assigns each row to its nearest centroid; ties go to the current cluster, then to the lowest. */
async function assign({ rows, kernels, slice }: Problem, sums: ExactSums): Promise<number> {
  const { n, k, dimensions, matrix, centroids, columns, bounds, isBounded, assignments } = rows
  const { largest, second, column, margin } = rows
  const block = Math.max(1, Math.min(kmeansBlock, Math.floor(kernels.slice / (k * dimensions))))
  let changed = 0
  for (let first = 0; first < n; first += block) {
    const count = Math.min(block, n - first)
    const place = isBounded ? first : 0
    const target = bounds.subarray(place * columns, (place + count) * columns)
    const pending = kernels.products(
      matrix.subarray(first * dimensions, (first + count) * dimensions),
      centroids,
      dimensions,
      target,
    )
    const products = pending instanceof Float32Array ? pending : await pending
    if (products.buffer !== target.buffer) target.set(products)
    rows.best(place, count)
    for (let index = 0; index < count; index++) {
      const row = first + index
      const isClear = largest[index]! - second[index]! > margin
      const cluster = isClear ? column[index]! : rows.decide(row, { place: place + index, best: largest[index]! })
      const present = assignments[row]!
      if (cluster === present) continue
      changed++
      sums.move(row, present, cluster)
      assignments[row] = cluster
    }
    if (slice.due()) await slice.rest()
  }
  return changed
}

/** Rows processed per call, even if all their products are in question: a few milliseconds. */
const reassignBlock = 1024

/** As {@link assign}, using the bounds: several times as fast if few products are in question. */
async function reassign({ rows, slice }: Problem, sums: ExactSums): Promise<number> {
  const { n, assignments } = rows
  let changed = 0
  for (let first = 0; first < n; first += reassignBlock) {
    const changes = rows.changes(first, Math.min(reassignBlock, n - first))
    for (let index = 0; index < changes.length; index += 2) {
      const row = changes[index]!
      sums.move(row, assignments[row]!, changes[index + 1]!)
      assignments[row] = changes[index + 1]!
    }
    changed += changes.length / 2
    if (slice.due()) await slice.rest()
  }
  return changed
}

/** Gives each empty cluster the row with the lowest score in a cluster of two or more. */
function fillEmpty({ matrix, n, dimensions, k, centroids, halves, assignments }: KmeansRows, sums: ExactSums): number {
  let own: Float64Array | undefined
  let moved = 0
  for (let empty = 0; empty < k; empty++) {
    if (sums.counts[empty]! > 0) continue
    own ??= Float64Array.from(
      assignments,
      (cluster, row) =>
        exactDot(matrix, row * dimensions, centroids, cluster * dimensions, dimensions) - halves[cluster]!,
    )
    let worst = -1
    for (let row = 0; row < n; row++)
      if (sums.counts[assignments[row]!]! > 1 && (worst < 0 || own[row]! < own[worst]!)) worst = row
    sums.move(worst, assignments[worst]!, empty)
    assignments[worst] = empty
    moved++
  }
  return moved
}

interface Seeding {
  readonly matrix: Float32Array
  readonly n: number
  readonly dimensions: number
  readonly k: number
  readonly kernels: Kernels
  readonly slice: TimeSlice
}

/** Greedy k-means++: each centroid is the best of a few rows drawn by distance to the nearest one so far. */
async function seedCentroids(seeding: Seeding, random: () => number): Promise<Float32Array> {
  const { matrix, n, dimensions, k } = seeding
  const centroids = new Float32Array(k * dimensions)
  const chosen = new Set<number>()
  let distances: Float32Array = new Float32Array(n).fill(Infinity)
  const trials = 2 + Math.floor(Math.log(k))
  for (let next = 0; next < k; next++) {
    const candidates = next === 0 ? [Math.floor(random() * n)] : draw(distances, trials, chosen, random)
    const tried = await coarseDistances(seeding, candidates, distances)
    let best = 0
    for (let trial = 1; trial < candidates.length; trial++) if (tried[trial]!.total < tried[best]!.total) best = trial
    distances = tried[best]!.distances
    const row = candidates[best]!
    chosen.add(row)
    centroids.set(matrix.subarray(row * dimensions, (row + 1) * dimensions), next * dimensions)
  }
  return centroids
}

/** Rows drawn with probability proportional to their distance; if all distances are 0, any row not yet chosen. */
function draw(distances: Float32Array, trials: number, chosen: ReadonlySet<number>, random: () => number): number[] {
  let total = 0
  for (let row = 0; row < distances.length; row++) total += distances[row]!
  if (total === 0) {
    let row = Math.floor(random() * distances.length)
    while (chosen.has(row)) row = (row + 1) % distances.length
    return [row]
  }
  const thresholds = Float64Array.from({ length: trials }, () => random() * total).sort()
  const drawn = new Set<number>()
  let running = 0
  let trial = 0
  for (let row = 0; row < distances.length && trial < trials; row++) {
    running += distances[row]!
    for (; trial < trials && running > thresholds[trial]!; trial++) drawn.add(row)
  }
  return [...drawn]
}

/** For each candidate, the distances to the nearest centroid if it were one, and their total. */
async function coarseDistances(
  seeding: Seeding,
  candidates: readonly number[],
  distances: Float32Array,
): Promise<{ readonly distances: Float32Array; readonly total: number }[]> {
  const { matrix, n, dimensions, kernels, slice } = seeding
  const error = productError(dimensions)
  const units = new Float32Array(candidates.length * dimensions)
  candidates.forEach((row, index) => {
    units.set(matrix.subarray(row * dimensions, (row + 1) * dimensions), index * dimensions)
  })
  const tried = candidates.map(() => ({ distances: distances.slice(), total: 0 }))
  const block = Math.max(1, Math.floor(kernels.slice / units.length))
  for (let first = 0; first < n; first += block) {
    const rows = Math.min(block, n - first)
    const pending = kernels.products(
      units,
      matrix.subarray(first * dimensions, (first + rows) * dimensions),
      dimensions,
    )
    const products = pending instanceof Float32Array ? pending : await pending
    tried.forEach((trial, index) => {
      const nearest = trial.distances
      let total = trial.total
      for (let r = 0; r < rows; r++) {
        const row = first + r
        const distance = 1 - products[index * rows + r]!
        // Above this, the rounded distance cannot be below the current one.
        if (distance - error < nearest[row]! * 1.01) {
          let rounded = coarse(distance - error)
          if (rounded !== coarse(distance + error))
            rounded = coarse(1 - exactDot(matrix, row * dimensions, units, index * dimensions, dimensions))
          if (rounded < nearest[row]!) nearest[row] = rounded
        }
        total += nearest[row]!
      }
      trial.total = total
    })
    if (slice.due()) await slice.rest()
  }
  return tried
}

const oneFloat = new Float32Array(1)
const floatBits = new Uint32Array(oneFloat.buffer)

/** Rounds to eight bits after the leading one; values below the Float32 precision of a product become 0. */
function coarse(distance: number): number {
  if (distance < 1e-6) return 0
  oneFloat[0] = distance
  floatBits[0] = (floatBits[0]! + 0x4000) & 0xffff8000
  return oneFloat[0]
}
