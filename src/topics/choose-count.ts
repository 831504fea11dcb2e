// Chooses the number of topics from two kinds of evidence over a sweep of resolutions. Stability: real structure
// reappears when papers are left out (mean ARI between the communities of two samples, over the papers in both).
// Description length: how fine a division still says something about the graph (minimum description length). The
// chosen level is the one whose stability stands out most from the coarser and finer levels around it, because the most
// stable level is nearly always the coarsest. If none stands out, it is the most stable level that is fine enough. If
// that is too coarse for a reader, a finer level is chosen.
import type { TimeSlice } from '../runtime/time-slice.ts'
import type { Level } from './stability.ts'
import type { Threads } from './threads.ts'
import type { CountEvidence } from './topics.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const lowestResolution = 0.1
const highestResolution = 1000
const step = 1.2
// Levels measured in one job, on the same samples, and levels measured before each check whether to stop.
const levelsAtOnce = 3
const levelsAhead = 6
// Fewer papers are one topic.
const leastPapers = 6
// Minimum prominence: height of a peak above the higher of the lowest points on both sides, each up to where the curve
// rises above the peak. The noise on a falling curve stays below this.
const leastProminence = 0.01
// Stability is smoothed over this many levels on either side.
const reach = 2
// A peak is clear if it is `clearBy` times as prominent as every other and as the minimum, or far below the minimum. If
// not, levels are measured again on other samples, at most `mostTimes` in all.
const clearBy = 2
const mostTimes = 4
// The sweep continues this far beyond the shortest description, which may get shorter still.
const beyond = 1.2

// A reader wants at least one topic per this many papers, up to `mostForReader` topics.
const papersOfTopic = 100
const mostForReader = 20

interface How {
  readonly seed: number
  readonly slice: TimeSlice
  readonly threads: Threads
}

/** Picks a resolution, with the evidence; undefined for fewer than 6 papers, which are one topic. */
export async function chooseCount(
  graph: WeightedGraph,
  how: How,
): Promise<{
  readonly count: number
  readonly resolution: number | undefined
  readonly evidence: readonly CountEvidence[]
}> {
  const { nodes } = graph
  if (nodes < leastPapers) return { count: Math.min(1, nodes), resolution: undefined, evidence: [] }
  let levels = await sweep(graph, how)
  let picked = pickLevel(levels, { nodes, times: 1 })
  for (let times = 1; times < mostTimes && !picked.isClear; times++) {
    const resolutions = levels.slice(picked.from).map(({ resolution }) => resolution)
    const again = await measure(graph, { ...how, resolutions, seed: how.seed + times * 0x9e3779b9 })
    levels = levels.map((level) => {
      const other = again.find(({ resolution }) => resolution === level.resolution)
      return other === undefined
        ? level
        : { ...level, stability: (times * level.stability + other.stability) / (times + 1) }
    })
    picked = pickLevel(levels, { nodes, times: times + 1 })
  }
  const chosen = fineEnough(picked.level, { levels, nodes })
  return {
    count: chosen.count,
    resolution: chosen.resolution,
    evidence: levels.map((level) => ({ ...level, chosen: level === chosen })),
  }
}

/** The level itself, or the next one fine enough for a reader: stable topics of many papers can be too coarse. */
function fineEnough(
  level: Level,
  { levels, nodes }: { readonly levels: readonly Level[]; readonly nodes: number },
): Level {
  const fewest = Math.min(mostForReader, Math.round(nodes / papersOfTopic))
  return level.count >= fewest ? level : (levels.find(({ count }) => count >= fewest) ?? level)
}

/**
 * The level that stands out most among those neither too coarse nor too fine for the number of nodes; whether the
 * choice is clear; and the first level that matters. `levels` are in ascending resolution, their stability the mean of
 * `times` measurements.
 */
export function pickLevel(
  levels: readonly Level[],
  { nodes, times }: { readonly nodes: number; readonly times: number },
): { readonly level: Level; readonly isClear: boolean; readonly from: number } {
  const shortest = levels.reduce((a, b) => (b.description < a.description ? b : a))
  // Many papers need more than a few topics, whatever is most stable.
  const fewest = Math.max(2, Math.round(nodes ** 0.25))
  const most = Math.max(fewest, mostWorth(nodes, shortest.count))
  const stability = smoothed(levels.map((level) => level.stability))
  const range = levels.flatMap(({ count }, i) => (count >= fewest && count <= most ? [i] : []))
  // Smoothing widens a peak: it counts for the nearest level in range within `reach`.
  const peaks = levels.flatMap((_, i) => {
    const near = range.filter((at) => Math.abs(at - i) <= reach)
    const at = highest(near, (at) => -Math.abs(at - i))
    return at === undefined ? [] : [{ at, height: prominenceAt(stability, i) }]
  })
  // The error of a mean falls with the square root of the number of measurements.
  const least = leastProminence / Math.sqrt(times)
  const peak = highest(peaks, ({ height }) => height)
  const height = peak?.height ?? 0
  const rivals = peaks.filter(({ at }) => at !== peak?.at).map((rival) => rival.height)
  const at = height < least ? highest(range, (i) => stability[i]!) : peak?.at
  return {
    level: levels[at ?? levels.length - 1]!,
    isClear: height < least / clearBy ** 2 || height >= clearBy * Math.max(least, ...rivals),
    from: Math.max(0, (range[0] ?? 0) - 2 * reach),
  }
}

/** The first with the highest value. */
function highest<T>(all: readonly T[], value: (one: T) => number): T | undefined {
  return all.reduce<T | undefined>((a, b) => (a === undefined || value(b) > value(a) ? b : a), undefined)
}

async function sweep(graph: WeightedGraph, how: How): Promise<Level[]> {
  const levels: Level[] = []
  let shortest: Pick<Level, 'count' | 'description'> = { description: Number.POSITIVE_INFINITY, count: 1 }
  for (let first = 0; lowestResolution * step ** first < highestResolution; first += levelsAhead) {
    const resolutions = Array.from({ length: levelsAhead }, (_, i) => lowestResolution * step ** (first + i))
    for (const level of await measure(graph, { ...how, resolutions })) {
      levels.push(level)
      if (level.description < shortest.description) shortest = level
      if (level.count > beyond * mostWorth(graph.nodes, shortest.count)) return levels
    }
  }
  return levels
}

/** Measures resolutions; those with a single community are left out. */
async function measure(
  graph: WeightedGraph,
  { resolutions, seed, slice, threads }: How & { readonly resolutions: readonly number[] },
): Promise<Level[]> {
  // Small graphs are noisier and faster: they get more samples.
  const tries = Math.max(9, Math.min(24, Math.round(1.5e6 / (graph.target.length + 1))))
  const jobs: Promise<Level[]>[] = []
  for (let i = 0; i < resolutions.length; i += levelsAtOnce)
    jobs.push(threads.run('levels', { graph, resolutions: resolutions.slice(i, i + levelsAtOnce), seed, tries }, slice))
  return (await Promise.all(jobs)).flat()
}

/** The largest count to consider: that of the shortest description, which few edges bias low, or √nodes if larger. */
function mostWorth(nodes: number, shortest: number): number {
  return Math.max(Math.round(Math.sqrt(nodes)), shortest)
}

/** Moving average with weights 1, 2, 3, 2, 1: single values are noisy. */
function smoothed(values: readonly number[]): number[] {
  return values.map((_, i) => {
    let sum = 0
    let all = 0
    for (let j = -reach; j <= reach; j++) {
      const weight = reach + 1 - Math.abs(j)
      const value = values[i + j]
      if (value === undefined) continue
      sum += weight * value
      all += weight
    }
    return sum / all
  })
}

function prominenceAt(values: readonly number[], at: number): number {
  const lowest = (step: 1 | -1) => {
    let low = values[at]!
    for (let i = at + step; i >= 0 && i < values.length && values[i]! <= values[at]!; i += step)
      low = Math.min(low, values[i]!)
    return low
  }
  return values[at]! - Math.max(lowest(-1), lowest(1))
}
