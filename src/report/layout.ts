// Lays out papers in the plane with neighbours close together: UMAP (McInnes, Healy and Melville 2018, sections 3 and 4) on
// an exact neighbour list. Two smooth functions on the graph replace the eigenvectors as the start. Powers in the gradient
// come from a table, which accounts for most of the speed. Sums and random numbers run in a fixed order.
import { requireInteger } from '../errors.ts'
import { seededRandom } from '../runtime/random.ts'
import { type Progress, type TimeSlice, timeSlice } from '../runtime/time-slice.ts'

/** The k nearest rows of each row, nearest first: `rows × k`, with similarities of at most 1. */
export interface NearestRows {
  readonly rows: number
  readonly k: number
  readonly neighbour: Int32Array
  readonly similarity: ArrayLike<number>
}

interface LayoutOptions {
  /** @default 1 */
  readonly seed?: number | undefined
  /** Rounds of gradient descent. @default 500, above 10,000 rows 100 */
  readonly epochs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Fit of 1 / (1 + a d^2b) to 1 up to a distance of .1 and to exp(.1 - d) beyond. */
const a = 1.576943
const b = 0.895061
const negatives = 5
const mostStep = 4
const startRounds = 60

/**
 * Coordinates of the rows, `rows × 2`: centred, the longer axis horizontal, within the unit circle. The same list and seed
 * give the same bits on every CPU. Yields to the event loop.
 * @throws PaperkinError `invalid-argument` for `epochs` below 1
 */
export async function layout(near: NearestRows, options: LayoutOptions = {}): Promise<Float32Array> {
  const { signal, onProgress } = options
  const { rows } = near
  const random = seededRandom(options.seed ?? 1)
  const epochs = requireInteger('epochs', options.epochs ?? (rows > 10_000 ? 100 : 500), 1)
  const slice = timeSlice(signal)
  if (rows < 2 || near.k === 0) return new Float32Array(2 * rows)
  const edges = await fuzzyEdges(near, slice)
  const places = await smoothStart(edges, { rows, random, slice })
  await move(places, { edges, rows, epochs, random, slice, onProgress })
  return upright(places)
}

interface Edges {
  /** `rows + 1` offsets; each edge is stored for both its ends. */
  readonly start: Int32Array
  readonly target: Int32Array
  /** 0 … 1: membership strength of the edge. */
  readonly weight: Float32Array
}

/** The union of all fuzzy neighbour sets (section 3.1): `p + q - p q` of the two directions. */
async function fuzzyEdges({ rows, k, neighbour, similarity }: NearestRows, slice: TimeSlice): Promise<Edges> {
  const sure = new Float64Array(rows * k)
  const goal = Math.log2(k + 1)
  const distance = new Float64Array(k)
  for (let row = 0; row < rows; row++) {
    // Euclidean distance of unit vectors.
    for (let rank = 0; rank < k; rank++) distance[rank] = Math.sqrt(Math.max(0, 2 - 2 * similarity[row * k + rank]!))
    const nearest = distance.find((d) => d > 0) ?? 0
    let low = 0
    let high = Number.POSITIVE_INFINITY
    let scale = 1
    for (let step = 0; step < 64; step++) {
      let sum = 0
      for (let rank = 0; rank < k; rank++) sum += Math.exp(-Math.max(0, distance[rank]! - nearest) / scale)
      if (Math.abs(sum - goal) < 1e-5) break
      if (sum > goal) high = scale
      else low = scale
      scale = high === Number.POSITIVE_INFINITY ? scale * 2 : (low + high) / 2
    }
    const mean = distance.reduce((sum, d) => sum + d, 0) / k
    scale = Math.max(scale, 1e-3 * mean, 1e-12)
    for (let rank = 0; rank < k; rank++)
      sure[row * k + rank] = Math.exp(-Math.max(0, distance[rank]! - nearest) / scale)
    if (row % 256 === 255 && slice.due()) await slice.rest()
  }
  const start = new Int32Array(rows + 1)
  const fill = (take: (row: number, other: number, weight: number) => void, row: number) => {
    for (let i = row * k; i < (row + 1) * k; i++) {
      const other = neighbour[i]!
      let back = 0
      for (let j = other * k; j < (other + 1) * k; j++) if (neighbour[j] === row) back = sure[j]!
      // An edge that both ends list is taken from the lower row.
      if (back > 0 && other < row) continue
      take(row, other, sure[i]! + back - sure[i]! * back)
    }
  }
  for (let row = 0; row < rows; row++) {
    fill((from, to) => {
      start[from + 1]!++
      start[to + 1]!++
    }, row)
    if (row % 1024 === 1023 && slice.due()) await slice.rest()
  }
  for (let row = 0; row < rows; row++) start[row + 1]! += start[row]!
  const next = start.slice()
  const target = new Int32Array(start[rows]!)
  const weight = new Float32Array(start[rows]!)
  for (let row = 0; row < rows; row++) {
    fill((from, to, sureness) => {
      target[next[from]!] = to
      weight[next[from]!++] = sureness
      target[next[to]!] = from
      weight[next[to]!++] = sureness
    }, row)
    if (row % 1024 === 1023 && slice.due()) await slice.rest()
  }
  return { start, target, weight }
}

/**
 * Two smooth functions on the graph, by power iteration from noise: each round averages over neighbours, then removes the
 * constant part and what the two have in common. Approximates the leading eigenvectors of the graph's Laplacian.
 */
async function smoothStart(
  { start, target, weight }: Edges,
  { rows, random, slice }: { readonly rows: number; readonly random: () => number; readonly slice: TimeSlice },
): Promise<Float32Array> {
  const degree = new Float64Array(rows)
  await slice.rest()
  for (let row = 0; row < rows; row++) for (let i = start[row]!; i < start[row + 1]!; i++) degree[row]! += weight[i]!
  await slice.rest()
  const total = degree.reduce((sum, d) => sum + d, 0)
  let x = new Float64Array(rows).map(() => random() - 0.5)
  let y = new Float64Array(rows).map(() => random() - 0.5)
  const product = (left: Float64Array, right: Float64Array) => {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += degree[row]! * left[row]! * right[row]!
    return sum
  }
  const centre = (values: Float64Array) => {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += degree[row]! * values[row]!
    for (let row = 0; row < rows; row++) values[row]! -= sum / total
  }
  const unit = (values: Float64Array) => {
    const length = Math.sqrt(product(values, values) / total)
    // Two papers leave nothing but rounding errors.
    if (length < 1e-9) return
    for (let row = 0; row < rows; row++) values[row]! /= length
  }
  for (let round = 0; round < startRounds; round++) {
    const nextX = new Float64Array(rows)
    const nextY = new Float64Array(rows)
    for (let row = 0; row < rows; row++) {
      let sumX = 0
      let sumY = 0
      for (let i = start[row]!; i < start[row + 1]!; i++) {
        sumX += weight[i]! * x[target[i]!]!
        sumY += weight[i]! * y[target[i]!]!
      }
      // Averaging with the old value damps components that would flip their sign each round.
      nextX[row] = (x[row]! + sumX / degree[row]!) / 2
      nextY[row] = (y[row]! + sumY / degree[row]!) / 2
      if (row % 2048 === 2047 && slice.due()) await slice.rest()
    }
    x = nextX
    y = nextY
    centre(x)
    unit(x)
    centre(y)
    const shared = product(x, y) / total
    for (let row = 0; row < rows; row++) y[row]! -= shared * x[row]!
    unit(y)
    if (slice.due()) await slice.rest()
  }
  const places = new Float32Array(2 * rows)
  let most = 0
  for (let row = 0; row < rows; row++) most = Math.max(most, Math.abs(x[row]!), Math.abs(y[row]!))
  if (most < 1e-9) most = 1
  for (let row = 0; row < rows; row++) {
    // A little noise separates papers with the same text.
    places[2 * row] = (10 * x[row]!) / most + 1e-3 * (random() - 0.5)
    places[2 * row + 1] = (10 * y[row]!) / most + 1e-3 * (random() - 0.5)
  }
  return places
}

/** Tables of gradient factors by squared distance: `2^detail` entries per power of 2. */
const detail = 7
const lowest = 127 - 24
const octaves = 24 + 14
/** Added to squared distances, so that they never fall below the table. */
const leastSquared = 2 ** -24
const pulls = new Float32Array(octaves << detail)
const pushes = new Float32Array(octaves << detail)
for (let i = 0; i < pulls.length; i++) {
  const squared = 2 ** ((i >> detail) - 24) * (1 + ((i & ((1 << detail) - 1)) + 0.5) / (1 << detail))
  const power = squared ** b
  pulls[i] = (-2 * a * b * (power / squared)) / (1 + a * power)
  pushes[i] = (2 * b) / ((0.001 + squared) * (1 + a * power))
}

interface Move {
  readonly edges: Edges
  readonly rows: number
  readonly epochs: number
  readonly random: () => number
  readonly slice: TimeSlice
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Stochastic gradient descent with negative samples (section 4.2). */
async function move(places: Float32Array, { edges, rows, epochs, random, slice, onProgress }: Move): Promise<void> {
  const { start, target, weight } = edges
  await slice.rest()
  let strongest = 0
  for (let i = 0; i < weight.length; i++) strongest = Math.max(strongest, weight[i]!)
  const least = strongest / epochs
  // An edge is sampled in proportion to its weight: once per `every` epochs.
  const every = new Float32Array(weight.length)
  for (let i = 0; i < weight.length; i++) every[i] = weight[i]! < least ? 0 : strongest / weight[i]!
  const due = every.slice()
  await slice.rest()
  const bits = new Uint32Array(1)
  const float = new Float32Array(bits.buffer)
  const limit = (octaves << detail) - 1
  const toRow = rows / 2 ** 32
  let state = Math.floor(random() * 2 ** 32) | 1
  for (let epoch = 0; epoch < epochs; epoch++) {
    const step = 1 - epoch / epochs
    for (let row = 0; row < rows; row++) {
      let x = places[2 * row]!
      let y = places[2 * row + 1]!
      for (let i = start[row]!; i < start[row + 1]!; i++) {
        if (every[i] === 0 || due[i]! > epoch + 1) continue
        due[i]! += every[i]!
        const other = 2 * target[i]!
        let dx = x - places[other]!
        let dy = y - places[other + 1]!
        float[0] = dx * dx + dy * dy + leastSquared
        const entry = (bits[0]! >>> (23 - detail)) - (lowest << detail)
        const pull = pulls[entry > limit ? limit : entry]!
        dx *= pull
        dy *= pull
        dx = step * (dx > mostStep ? mostStep : dx < -mostStep ? -mostStep : dx)
        dy = step * (dy > mostStep ? mostStep : dy < -mostStep ? -mostStep : dy)
        x += dx
        y += dy
        places[other]! -= dx
        places[other + 1]! -= dy
        // All negatives push from one position: the sums are independent, which halves the time.
        let pushX = 0
        let pushY = 0
        for (let n = 0; n < negatives; n++) {
          // xorshift32 (Marsaglia 2003): fast, and good enough for sampling.
          state ^= state << 13
          state ^= state >>> 17
          state ^= state << 5
          const stranger = 2 * (((state >>> 0) * toRow) | 0)
          if (stranger === 2 * row) continue
          dx = x - places[stranger]!
          dy = y - places[stranger + 1]!
          float[0] = dx * dx + dy * dy + leastSquared
          const entry = (bits[0]! >>> (23 - detail)) - (lowest << detail)
          const push = pushes[entry > limit ? limit : entry]!
          dx *= push
          dy *= push
          pushX += dx > mostStep ? mostStep : dx < -mostStep ? -mostStep : dx
          pushY += dy > mostStep ? mostStep : dy < -mostStep ? -mostStep : dy
        }
        x += step * pushX
        y += step * pushY
      }
      places[2 * row] = x
      places[2 * row + 1] = y
      if (row % 128 === 127 && slice.due()) {
        onProgress?.({ done: epoch, total: epochs })
        await slice.rest()
      }
    }
    if (slice.due()) {
      onProgress?.({ done: epoch, total: epochs })
      await slice.rest()
    }
  }
  onProgress?.({ done: epochs, total: epochs })
}

/** Centres, rotates the widest spread to horizontal, and scales into the unit circle. */
function upright(places: Float32Array): Float32Array {
  const rows = places.length / 2
  let meanX = 0
  let meanY = 0
  for (let row = 0; row < rows; row++) {
    meanX += places[2 * row]! / rows
    meanY += places[2 * row + 1]! / rows
  }
  let xx = 0
  let xy = 0
  let yy = 0
  for (let row = 0; row < rows; row++) {
    const x = places[2 * row]! - meanX
    const y = places[2 * row + 1]! - meanY
    xx += x * x
    xy += x * y
    yy += y * y
  }
  const angle = Math.atan2(2 * xy, xx - yy) / 2
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  let farthest = 0
  const turned = new Float64Array(places.length)
  for (let row = 0; row < rows; row++) {
    const x = places[2 * row]! - meanX
    const y = places[2 * row + 1]! - meanY
    turned[2 * row] = cos * x + sin * y
    turned[2 * row + 1] = cos * y - sin * x
    farthest = Math.max(farthest, Math.hypot(turned[2 * row]!, turned[2 * row + 1]!))
  }
  return Float32Array.from(turned, (value) => value / (farthest || 1))
}
