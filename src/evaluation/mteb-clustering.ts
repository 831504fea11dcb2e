// Clustering as in the Massive Text Embedding Benchmark (MTEB, Muennighoff et al. 2023, `AbsTaskClustering`): samples
// of the documents, mini-batch k-means (Sculley 2010, as in scikit-learn 1.9) with as many clusters as labels,
// V-measure. Random numbers are drawn as in the Python programs (Mersenne Twister, same order), so that values on the
// same vectors are equal up to float32 rounding.
import { vMeasure } from './partitions.ts'

interface MtebClusteringOptions {
  readonly dimensions: number
  /** @default 42 */
  readonly seed?: number | undefined
  /** Share of the documents sampled at the start; 1 takes all, in order. @default 0.04 */
  readonly fraction?: number | undefined
  /** Called after each of the ten runs. */
  readonly rest?: (() => Promise<void>) | undefined
}

interface MtebClustering {
  /** Number of documents sampled. */
  readonly documents: number
  readonly labels: number
  /** V-measure of each run; `vMeasure` is the mean. */
  readonly vMeasures: readonly number[]
  readonly vMeasure: number
}

const runCount = 10
const sampleSize = 16_384
const batchSize = 512

/**
 * V-measure by MTEB's protocol: the mean of ten runs, each on 16,384 documents drawn with replacement.
 * @param vectors row-major, one row per label
 */
export async function mtebClustering(
  vectors: Float32Array,
  labels: readonly string[],
  { dimensions, seed = 42, fraction = 0.04, rest }: MtebClusteringOptions,
): Promise<MtebClustering> {
  const random = new MersenneTwister([seed])
  const taken =
    fraction >= 1 ? Array.from(labels.keys()) : random.sample(labels.length, Math.floor(fraction * labels.length))
  const names = new Set(taken.map((row) => labels[row] as string))
  const vMeasures: number[] = []
  for (let run = 0; run < runCount; run++) {
    const rows = Array.from({ length: sampleSize }, () => taken[Math.floor(random.next() * taken.length)] as number)
    const sample = new Float32Array(sampleSize * dimensions)
    for (const [i, row] of rows.entries())
      sample.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
    const clusters = miniBatchKmeans(sample, { dimensions, count: names.size, batch: batchSize, seed })
    vMeasures.push(
      vMeasure(
        rows.map((row) => labels[row] as string),
        clusters,
      ).vMeasure,
    )
    await rest?.()
  }
  const mean = vMeasures.reduce((sum, value) => sum + value, 0) / runCount
  return Object.freeze({
    documents: taken.length,
    labels: names.size,
    vMeasures: Object.freeze(vMeasures),
    vMeasure: mean,
  })
}

interface KmeansOptions {
  readonly dimensions: number
  readonly count: number
  readonly batch: number
  readonly seed: number
}

/** The cluster of each row, as by scikit-learn's `MiniBatchKMeans` with k-means++ and one start. */
export function miniBatchKmeans(
  rows: Float32Array,
  { dimensions, count, batch: mostInBatch, seed }: KmeansOptions,
): Int32Array {
  const n = rows.length / dimensions
  const random = new MersenneTwister(seed)
  const batch = Math.min(mostInBatch, n)
  const initSize = Math.min(3 * batch < count ? 3 * count : 3 * batch, n)
  // scikit-learn draws a validation set for comparing starts; with one start it is unused, but must be drawn.
  for (let i = 0; i < initSize; i++) random.below(n)
  const chosen =
    initSize < n ? Array.from({ length: initSize }, () => random.below(n)) : Array.from({ length: n }, (_, i) => i)
  let centers: Float64Array = plusPlus(rows, chosen, { dimensions, count, random })
  let next: Float64Array = new Float64Array(centers.length)
  const weights = new Float64Array(count)
  const uniform = cumulative(n)
  let sinceReassigned = 0
  let average: number | undefined
  let least: number | undefined
  let stale = 0
  const steps = Math.floor((100 * n) / batch)
  for (let step = 0; step < steps; step++) {
    const drawn = Array.from({ length: batch }, () => after(uniform, random.next()))
    sinceReassigned += batch
    const isReassigning = weights.includes(0) || sinceReassigned >= 10 * count
    if (isReassigning) sinceReassigned = 0
    const { labels, inertia } = assign(rows, drawn, centers, { dimensions, count })
    const sums = new Float64Array(count)
    for (let c = 0; c < count; c++)
      for (let d = 0; d < dimensions; d++)
        next[c * dimensions + d] = (centers[c * dimensions + d] as number) * (weights[c] as number)
    for (let i = 0; i < batch; i++) {
      const c = labels[i] as number
      const from = (drawn[i] as number) * dimensions
      sums[c] = (sums[c] as number) + 1
      for (let d = 0; d < dimensions; d++)
        next[c * dimensions + d] = (next[c * dimensions + d] as number) + (rows[from + d] as number)
    }
    for (let c = 0; c < count; c++) {
      if (sums[c] === 0) {
        next.set(centers.subarray(c * dimensions, (c + 1) * dimensions), c * dimensions)
        continue
      }
      weights[c] = (weights[c] as number) + (sums[c] as number)
      for (let d = 0; d < dimensions; d++)
        next[c * dimensions + d] = (next[c * dimensions + d] as number) / (weights[c] as number)
    }
    if (isReassigning) reassign(rows, drawn, next, { dimensions, weights, random })
    ;[centers, next] = [next, centers]
    // The first step measures only the initial centers.
    if (step === 0) continue
    const mean = inertia / batch
    const alpha = Math.min((batch * 2) / (n + 1), 1)
    average = average === undefined ? mean : average * (1 - alpha) + mean * alpha
    if (least === undefined || average < least) {
      least = average
      stale = 0
    } else if (++stale >= 10) break
  }
  const all = Array.from({ length: n }, (_, i) => i)
  return assign(rows, all, centers, { dimensions, count }).labels
}

/** Centers by greedy k-means++ (Arthur and Vassilvitskii 2007): each the best of 2 + ln k candidates. */
function plusPlus(
  rows: Float32Array,
  chosen: readonly number[],
  {
    dimensions,
    count,
    random,
  }: { readonly dimensions: number; readonly count: number; readonly random: MersenneTwister },
): Float64Array {
  const n = chosen.length
  const centers = new Float64Array(count * dimensions)
  const place = (center: number, i: number) => {
    const from = (chosen[i] as number) * dimensions
    centers.set(rows.subarray(from, from + dimensions), center * dimensions)
  }
  const distances = (i: number) => {
    const a = (chosen[i] as number) * dimensions
    return Float64Array.from(chosen, (row) => squaredDistance(rows, a, rows, row * dimensions, dimensions))
  }
  const trials = 2 + Math.floor(Math.log(count))
  const firstCenter = after(cumulative(n), random.next())
  place(0, firstCenter)
  let closest: Float64Array = distances(firstCenter)
  let potential = closest.reduce((sum, value) => sum + value, 0)
  for (let center = 1; center < count; center++) {
    const values = Array.from({ length: trials }, () => random.next() * potential)
    const sums = new Float64Array(n)
    let sum = 0
    for (let i = 0; i < n; i++) {
      sum += closest[i] as number
      sums[i] = sum
    }
    let best: { candidate: number; closest: Float64Array; potential: number } | undefined
    for (const value of values) {
      const candidate = Math.min(before(sums, value), n - 1)
      const nearer = distances(candidate).map((distance, i) => Math.min(distance, closest[i] as number))
      const total = nearer.reduce((sum, distance) => sum + distance, 0)
      if (best === undefined || total < best.potential) best = { candidate, closest: nearer, potential: total }
    }
    if (best === undefined) break
    ;({ closest, potential } = best)
    place(center, best.candidate)
  }
  return centers
}

/** Restarts nearly empty clusters at rows of the batch. */
function reassign(
  rows: Float32Array,
  drawn: readonly number[],
  centers: Float64Array,
  {
    dimensions,
    weights,
    random,
  }: { readonly dimensions: number; readonly weights: Float64Array; readonly random: MersenneTwister },
): void {
  const most = weights.reduce((most, weight) => Math.max(most, weight), 0)
  let poor = Array.from(weights.keys()).filter((c) => (weights[c] as number) < 0.01 * most)
  const mostPoor = Math.floor(0.5 * drawn.length)
  if (poor.length > 0.5 * drawn.length) {
    const lightest = Array.from(weights.keys()).sort((a, b) => (weights[a] as number) - (weights[b] as number))
    const kept = new Set(lightest.slice(mostPoor))
    poor = poor.filter((c) => !kept.has(c))
  }
  if (poor.length > 0) {
    const picked = random.permutation(drawn.length)
    for (const [i, c] of poor.entries()) {
      const from = (drawn[picked[i] as number] as number) * dimensions
      centers.set(rows.subarray(from, from + dimensions), c * dimensions)
    }
  }
  const isPoor = new Set(poor)
  const least = weights.reduce(
    (least, weight, c) => (isPoor.has(c) ? least : Math.min(least, weight)),
    Number.POSITIVE_INFINITY,
  )
  for (const c of poor) weights[c] = least
}

function assign(
  rows: Float32Array,
  drawn: readonly number[],
  centers: Float64Array,
  { dimensions, count }: { readonly dimensions: number; readonly count: number },
): { readonly labels: Int32Array; readonly inertia: number } {
  const labels = new Int32Array(drawn.length)
  let inertia = 0
  for (const [i, row] of drawn.entries()) {
    let best = Number.POSITIVE_INFINITY
    for (let c = 0; c < count; c++) {
      const distance = squaredDistance(rows, row * dimensions, centers, c * dimensions, dimensions)
      if (distance >= best) continue
      best = distance
      labels[i] = c
    }
    inertia += best
  }
  return { labels, inertia }
}

function squaredDistance(
  a: Float32Array,
  atA: number,
  b: Float32Array | Float64Array,
  atB: number,
  dimensions: number,
): number {
  let sum = 0
  for (let d = 0; d < dimensions; d++) {
    const difference = (a[atA + d] as number) - (b[atB + d] as number)
    sum += difference * difference
  }
  return sum
}

/** Cumulative sums of equal float32 weights, scaled to end at 1. */
function cumulative(n: number): Float64Array {
  const share = Math.fround(1 / n)
  const sums = new Float64Array(n)
  let sum = 0
  for (let i = 0; i < n; i++) {
    sum += share
    sums[i] = sum
  }
  return sums.map((value) => value / sum)
}

/** Number of sums at most a value, and less than a value. */
const after = (sums: Float64Array, value: number) => search(sums, (sum) => sum <= value)
const before = (sums: Float64Array, value: number) => search(sums, (sum) => sum < value)

function search(sums: Float64Array, isBefore: (sum: number) => boolean): number {
  let low = 0
  let high = sums.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(sums[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * MT19937 (Matsumoto and Nishimura 1998), seeded like NumPy's `RandomState` by a number and like Python's `Random` by a
 * list.
 */
class MersenneTwister {
  readonly #state = new Uint32Array(624)
  #at = 624

  constructor(seed: number | readonly number[]) {
    const state = this.#state
    this.#seed(typeof seed === 'number' ? seed : 19_650_218)
    if (typeof seed === 'number') return
    let i = 1
    let j = 0
    for (let k = Math.max(624, seed.length); k > 0; k--) {
      const last = (state[i - 1] as number) ^ ((state[i - 1] as number) >>> 30)
      state[i] = ((state[i] as number) ^ Math.imul(last, 1_664_525)) + (seed[j] as number) + j
      if (++i === 624) {
        state[0] = state[623] as number
        i = 1
      }
      if (++j === seed.length) j = 0
    }
    for (let k = 623; k > 0; k--) {
      const last = (state[i - 1] as number) ^ ((state[i - 1] as number) >>> 30)
      state[i] = ((state[i] as number) ^ Math.imul(last, 1_566_083_941)) - i
      if (++i === 624) {
        state[0] = state[623] as number
        i = 1
      }
    }
    state[0] = 0x80000000
  }

  #seed(seed: number): void {
    const state = this.#state
    state[0] = seed
    for (let i = 1; i < 624; i++) {
      const last = (state[i - 1] as number) ^ ((state[i - 1] as number) >>> 30)
      state[i] = Math.imul(1_812_433_253, last) + i
    }
  }

  #word(): number {
    const state = this.#state
    if (this.#at === 624) {
      for (let i = 0; i < 624; i++) {
        const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % 624] as number) & 0x7fffffff)
        state[i] = (state[(i + 397) % 624] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
      }
      this.#at = 0
    }
    let y = state[this.#at++] as number
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  /** A number in [0, 1) with 53 random bits. */
  next(): number {
    const high = this.#word() >>> 5
    const low = this.#word() >>> 6
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }

  /** A random integer below `count`, from masked words as NumPy draws it. */
  below(count: number): number {
    const most = count - 1
    if (most === 0) return 0
    const mask = 2 ** (32 - Math.clz32(most)) - 1
    for (;;) {
      const value = (this.#word() & mask) >>> 0
      if (value <= most) return value
    }
  }

  permutation(count: number): number[] {
    const order = Array.from({ length: count }, (_, i) => i)
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i + 1)
      ;[order[i], order[j]] = [order[j] as number, order[i] as number]
    }
    return order
  }

  /** Distinct integers below `count`, as Python's `sample` draws them. */
  sample(count: number, size: number): number[] {
    const below = (limit: number) => {
      const bits = 32 - Math.clz32(limit)
      for (;;) {
        const value = this.#word() >>> (32 - bits)
        if (value < limit) return value
      }
    }
    const setSize = 21 + (size > 5 ? 4 ** Math.ceil(Math.log(size * 3) / Math.log(4)) : 0)
    if (count <= setSize) {
      const pool = Array.from({ length: count }, (_, i) => i)
      return Array.from({ length: size }, (_, i) => {
        const j = below(count - i)
        const value = pool[j] as number
        pool[j] = pool[count - i - 1] as number
        return value
      })
    }
    const seen = new Set<number>()
    while (seen.size < size) seen.add(below(count))
    return [...seen]
  }
}
