// Methods that divide papers into topics. To add one, write it in a file of its own and add it to the table.
import type { TimeSlice } from '../runtime/time-slice.ts'
import { communitiesOf } from './communities.ts'
import type { KinRows } from './kin-graph.ts'
import { smoothKmeans } from './smooth-kmeans.ts'
import type { Threads } from './threads.ts'
import type { WeightedGraph } from './weighted-graph.ts'

interface Method {
  readonly name: string
  /** The group of each row, from 0. The same rows and options give the same groups. */
  readonly groups: (rows: KinRows, options: MethodOptions) => Promise<Int32Array>
  /** Without a count or resolution, few papers are divided into sections of the map of science instead. */
  readonly prefersSections?: true
}

interface MethodOptions {
  /** The nearest kin of each row. */
  readonly graph: WeightedGraph
  /** Exact number of groups, 1 … rows. */
  readonly count: number
  /** A resolution at which the graph has about `count` communities, if known. */
  readonly resolution: number | undefined
  /** The communities found, if the options ask for a resolution. */
  readonly communities: Int32Array | undefined
  /** Initial groups. */
  readonly initial: Int32Array | undefined
  readonly seed: number
  readonly threads: Threads
  readonly slice: TimeSlice
  readonly signal: AbortSignal | undefined
}

/** The first is the default. */
const table = [
  {
    name: 'graph',
    groups: async (_, { graph, communities, ...options }) => communities ?? (await communitiesOf(graph, options)),
    prefersSections: true,
  },
  { name: 'kmeans', groups: smoothKmeans },
] as const satisfies readonly Method[]

/** Communities of the neighbour graph, or k-means on vectors smoothed over that graph. */
export type TopicMethod = (typeof table)[number]['name']

/** The names of all methods; the first is the default. */
export const topicMethods: readonly TopicMethod[] = table.map(({ name }) => name)
export const defaultMethod: TopicMethod = table[0].name

export function methodOf(name: TopicMethod): Method {
  return table.find((method) => method.name === name) as Method
}
