// Jobs for the worker threads of topics. Options and results are plain data, or arrays in shared memory of which each
// job writes a part. A result depends only on the options, not on the thread or the order of the jobs.
import { seededRandom } from '../runtime/random.ts'
import type { JobContext } from '../runtime/serve-jobs.ts'
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

type Context = Pick<JobContext, 'slice'>

export const jobs = {
  rescore: (options: Parameters<typeof rescore>[0], { slice }: Context) => rescore(options, slice),
  leiden: ({ graph, seed, ...options }: LeidenRun, { slice }: Context) =>
    leiden(graph, { ...options, random: seededRandom(seed), slice }),
  levels: (options: Parameters<typeof measureLevels>[0], { slice }: Context) => measureLevels(options, slice),
}

export type Jobs = typeof jobs
