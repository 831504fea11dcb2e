import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { seededRandom, shuffled } from '../../src/runtime/random.ts'
import { TopK } from '../../src/vectors/top-k.ts'
import type { VectorSnapshot } from '../../src/vectors/vector-index.ts'

/** Row numbers. */
export type Rows = ArrayLike<number>

/** Finds the nearest rows. */
export interface Contestant {
  readonly name: string
  readonly search: (query: Float32Array) => Rows | Promise<Rows>
  /** All queries in one call, if supported. */
  readonly bulk?: (queries: Float32Array) => unknown
}

export interface Sample {
  readonly milliseconds: number[]
  readonly found: Rows[]
}

export interface Build {
  readonly seconds: number
  /** Longest pause of the event loop, in milliseconds. */
  readonly pause?: number
}

export function vectorOf(rows: Float32Array, row: number, dimensions: number): Float32Array {
  return rows.subarray(row * dimensions, (row + 1) * dimensions)
}

export function quantiles(values: readonly number[]): { p50: number; p95: number; least: number } {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return { p50: at(0.5), p95: at(0.95), least: sorted[0]! }
}

/**
 * Runs every query on every contestant, each time in another order, as the previous one affects the CPU caches. A
 * first, uncounted round warms up.
 */
export async function alternate(
  contestants: readonly Contestant[],
  queries: Float32Array,
  { dimensions, rounds }: { readonly dimensions: number; readonly rounds: number },
): Promise<Map<string, Sample>> {
  const samples = new Map<string, Sample>(contestants.map(({ name }) => [name, { milliseconds: [], found: [] }]))
  const count = queries.length / dimensions
  const random = seededRandom(1)
  for (let round = 0; round <= rounds; round++)
    for (let q = 0; q < (round === 0 ? Math.min(count, 20) : count); q++)
      for (const { name, search } of shuffled(contestants, random)) {
        const query = vectorOf(queries, q, dimensions)
        const started = performance.now()
        const pending = search(query)
        const found = 'length' in pending ? pending : await pending
        const milliseconds = performance.now() - started
        if (round === 0) continue
        const sample = samples.get(name) as Sample
        sample.milliseconds.push(milliseconds)
        if (round === 1) sample.found.push(found)
      }
  return samples
}

export async function measureBuild(build: () => unknown): Promise<Build> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  // The first tick must have passed, or a build that never yields goes unnoticed.
  await new Promise((resolve) => setTimeout(resolve, 20))
  const started = performance.now()
  await build()
  const seconds = (performance.now() - started) / 1000
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.disable()
  return { seconds, pause: delay.max / 1e6 }
}

/** Growth of the process in bytes, with garbage collected and memory released before and after. */
export async function measureGrowth(build: () => unknown): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const settled = async () => {
    for (let turn = 0; turn < 8; turn++) {
      collectGarbage()
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    return process.memoryUsage().rss
  }
  const before = await settled()
  await build()
  return (await settled()) - before
}

/** A plain scan: one loop over all values, the best kept in order. */
export function plainScan(rows: Float32Array, query: Float32Array, k: number): Int32Array {
  const dimensions = query.length
  const best = new Int32Array(k)
  const scores = new Float64Array(k).fill(-Infinity)
  for (let row = 0, start = 0; start < rows.length; row++, start += dimensions) {
    let score = 0
    for (let d = 0; d < dimensions; d++) score += query[d]! * rows[start + d]!
    if (score <= scores[k - 1]!) continue
    let place = k - 1
    for (; place > 0 && scores[place - 1]! < score; place--) {
      scores[place] = scores[place - 1]!
      best[place] = best[place - 1]!
    }
    scores[place] = score
    best[place] = row
  }
  return best
}

/** The nearest rows as the library finds them: by the graph if there is one, else by descending bound. */
export async function nearest(index: VectorSnapshot, query: Float32Array, rows: Int32Array, k: number): Promise<Rows> {
  const found = await index.nearest?.(query, { k })
  if (found !== undefined) return found
  const bounds = await index.bounds?.(query, rows, { side: 'above' })
  if (bounds === undefined) throw new Error('The index has neither a graph nor bounds.')
  const best = new TopK(k)
  // Bounds are within about 0.01 of the scores: those of the best rule out nearly all others.
  const first = new TopK(Math.min(rows.length, 8 * k))
  for (let place = 0; place < rows.length; place++) if (bounds[place]! > first.cut) first.offer(place, bounds[place]!)
  const offer = async (places: Int32Array): Promise<void> => {
    const part = places.map((place) => rows[place]!)
    const scores = await index.scoreRows(query, part)
    for (const [i, score] of scores.entries()) best.offer(part[i]!, score)
  }
  await offer(first.rows)
  const seen = new Set(first.rows)
  const cut = best.cut
  const others: number[] = []
  for (let place = 0; place < rows.length; place++) if (bounds[place]! >= cut && !seen.has(place)) others.push(place)
  await offer(Int32Array.from(others))
  return best.rows
}

/** The loaded peer, or undefined after printing why not. */
export function tryLoad<Loaded>(load: () => Loaded): Loaded | undefined {
  try {
    return load()
  } catch (error) {
    console.log(`left out: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
    return undefined
  }
}

export function table(head: readonly string[], lines: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)))
  for (const line of [head, ...lines])
    console.log(
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
  console.log()
}
