// How many topics? Two kinds of evidence over a sweep of resolutions. Stability: structure that is there comes back when
// papers are taken away (the mean ARI between the communities of two samples, over the papers that are in both).
// Description length: up to where a finer division still tells something of the graph (minimum description length).
// Taken is the level whose stability stands out most from the coarser and the finer ones around it, not the most stable
// one, which is nearly always the coarsest; where none stands out, the most stable one of those that are fine enough. Where
// that is too coarse for a reader, a finer level is taken.
import type { TimeSlice } from '../runtime/time-slice.ts'
import type { Level } from './stability.ts'
import type { Threads } from './threads.ts'
import type { CountEvidence } from './topics.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const lowestResolution = 0.1
const highestResolution = 1000
const step = 1.2
// Levels that one thread looks at in one go, on the same samples, and levels between two looks at where to stop.
const levelsAtOnce = 3
const levelsAhead = 6
// Below this a single topic is all that can be told.
const leastPapers = 6
// Height of a peak above the higher of the lowest points on both sides, each up to where the curve rises above the peak.
// Bumps of a curve that only falls are lower than this.
const leastProminence = 0.01
// How many levels on either side a level's stability is smoothed over.
const reach = 2
// A peak that is not so many times as high as every other and as the least there may be is measured again on other
// samples, so many times in all; one that is far below the least is none.
const clearBy = 2
const mostTimes = 4
// So far beyond the shortest description the sweep goes on: it may yet grow shorter.
const beyond = 1.2

// A reader wants a topic for so many papers at least, up to so many topics.
const papersOfTopic = 100
const mostForReader = 20

interface How {
  readonly seed: number
  readonly slice: TimeSlice
  readonly threads: Threads
}

/** Picks a resolution, and tells what it was picked from; none for a handful of papers, which are one topic. */
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

/** A level, or the next finer one of a topic for so many papers: what is stable of a thousand is too coarse for a reader. */
function fineEnough(
  level: Level,
  { levels, nodes }: { readonly levels: readonly Level[]; readonly nodes: number },
): Level {
  const fewest = Math.min(mostForReader, Math.round(nodes / papersOfTopic))
  return level.count >= fewest ? level : (levels.find(({ count }) => count >= fewest) ?? level)
}

/**
 * The level that stands out most, of those that are neither too coarse nor too fine for so many nodes; whether it is clear
 * which one does, or that none does; and from where on levels matter. `levels` by rising resolution, their stability the
 * mean of `times` measurements.
 */
export function pickLevel(
  levels: readonly Level[],
  { nodes, times }: { readonly nodes: number; readonly times: number },
): { readonly level: Level; readonly isClear: boolean; readonly from: number } {
  const shortest = levels.reduce((a, b) => (b.description < a.description ? b : a))
  // A reader of many papers wants more than a few topics, whatever is most stable.
  const fewest = Math.max(2, Math.round(nodes ** 0.25))
  const most = Math.max(fewest, mostWorth(nodes, shortest.count))
  const stability = smoothed(levels.map((level) => level.stability))
  const range = levels.flatMap(({ count }, i) => (count >= fewest && count <= most ? [i] : []))
  // A peak is as wide as the means: it stands for the next level of the range that they take in.
  const peaks = levels.flatMap((_, i) => {
    const near = range.filter((at) => Math.abs(at - i) <= reach)
    const at = highest(near, (at) => -Math.abs(at - i))
    return at === undefined ? [] : [{ at, height: prominenceAt(stability, i) }]
  })
  // The error of a mean falls with the root of how many it is of.
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

/** What each resolution is worth; those of a single community are left out. */
async function measure(
  graph: WeightedGraph,
  { resolutions, seed, slice, threads }: How & { readonly resolutions: readonly number[] },
): Promise<Level[]> {
  // Small graphs are noisier and cheaper: they get more samples.
  const tries = Math.max(9, Math.min(24, Math.round(1.5e6 / (graph.target.length + 1))))
  const jobs: Promise<Level[]>[] = []
  for (let i = 0; i < resolutions.length; i += levelsAtOnce)
    jobs.push(threads.run('levels', { graph, resolutions: resolutions.slice(i, i + levelsAtOnce), seed, tries }, slice))
  return (await Promise.all(jobs)).flat()
}

/** The finest division to look at: few papers make too few edges for the description of a fine one to pay. */
function mostWorth(nodes: number, shortest: number): number {
  return Math.max(Math.round(Math.sqrt(nodes)), shortest)
}

/** Means with the neighbours, the next ones by two thirds and those behind them by one third: single values are noisy. */
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
