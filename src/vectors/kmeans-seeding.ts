import type { TimeSlice } from '../runtime/time-slice.ts'
import { exactDot, type Kernels, productError } from './kernels.ts'

interface Problem {
  readonly matrix: Float32Array
  readonly n: number
  readonly dimensions: number
  readonly k: number
  readonly kernels: Kernels
  readonly slice: TimeSlice
}

/** Greedy k-means++: each next centroid is the best of a few rows drawn by their distance to the nearest one so far. */
export async function seedCentroids(problem: Problem, random: () => number): Promise<Float32Array> {
  const { matrix, n, dimensions, k } = problem
  const centroids = new Float32Array(k * dimensions)
  const chosen = new Set<number>()
  let distances: Float32Array = new Float32Array(n).fill(Infinity)
  const trials = 2 + Math.floor(Math.log(k))
  for (let next = 0; next < k; next++) {
    const candidates = next === 0 ? [Math.floor(random() * n)] : draw(distances, trials, chosen, random)
    const tried = await coarseDistances(problem, candidates, distances)
    let best = 0
    for (let trial = 1; trial < candidates.length; trial++) if (tried[trial].total < tried[best].total) best = trial
    distances = tried[best].distances
    const row = candidates[best]
    chosen.add(row)
    centroids.set(matrix.subarray(row * dimensions, (row + 1) * dimensions), next * dimensions)
  }
  return centroids
}

/** Rows drawn with probability in proportion to their distance; any rows not yet chosen where all distances are 0. */
function draw(distances: Float32Array, trials: number, chosen: ReadonlySet<number>, random: () => number): number[] {
  let total = 0
  for (let row = 0; row < distances.length; row++) total += distances[row]
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
    running += distances[row]
    for (; trial < trials && running > thresholds[trial]; trial++) drawn.add(row)
  }
  return [...drawn]
}

/** For each candidate the distances to the nearest centroid if it were one, and their total. */
async function coarseDistances(
  problem: Problem,
  candidates: readonly number[],
  distances: Float32Array,
): Promise<{ readonly distances: Float32Array; readonly total: number }[]> {
  const { matrix, n, dimensions, kernels, slice } = problem
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
        const distance = 1 - products[index * rows + r]
        // The rounded distance cannot be below the present one if the true one is that far above it.
        if (distance - error < nearest[row] * 1.01) {
          let rounded = coarse(distance - error)
          if (rounded !== coarse(distance + error))
            rounded = coarse(1 - exactDot(matrix, row * dimensions, units, index * dimensions, dimensions))
          if (rounded < nearest[row]) nearest[row] = rounded
        }
        total += nearest[row]
      }
      trial.total = total
    })
    if (slice.due()) await slice.rest()
  }
  return tried
}

const oneFloat = new Float32Array(1)
const itsBits = new Uint32Array(oneFloat.buffer)

/** Rounds to eight bits after the leading one; what is below Float32's precision of a product counts as 0. */
function coarse(distance: number): number {
  if (distance < 1e-6) return 0
  oneFloat[0] = distance
  itsBits[0] = (itsBits[0] + 0x4000) & 0xffff8000
  return oneFloat[0]
}
