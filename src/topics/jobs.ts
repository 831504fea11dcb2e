// What a thread can do for topics. Options and results are plain data, or arrays in shared memory that a job writes its
// part of; a job's result depends on its options alone, so that it is the same in whatever thread and order the jobs run.
import { seededRandom } from '../runtime/random.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { leiden } from './leiden.ts'
import { rescore } from './rescore.ts'
import { measureLevels } from './stability.ts'
import type { WeightedGraph } from './weighted-graph.ts'

/** One run of Leiden. */
interface LeidenRun {
  readonly graph: WeightedGraph
  readonly resolution: number
  readonly seed: number
  readonly iterations: number
  readonly initial?: Int32Array | undefined
}

export const jobs = {
  rescore,
  leiden: ({ graph, seed, ...options }: LeidenRun, slice: TimeSlice) =>
    leiden(graph, { ...options, random: seededRandom(seed), slice }),
  levels: measureLevels,
}

export type Jobs = typeof jobs
export type Options<Kind extends keyof Jobs> = Parameters<Jobs[Kind]>[0]
export type Result<Kind extends keyof Jobs> = Awaited<ReturnType<Jobs[Kind]>>
