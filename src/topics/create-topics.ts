import { PaperkinError, requireInteger, requireOptions, show } from '../errors.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { assignPapers } from './assign.ts'
import { communitiesOf } from './communities.ts'
import { cut, dendrogram } from './dendrogram.ts'
import { type Described, type DescribeOptions, describeTopics, type TopicMaterial } from './describe-topics.ts'
import { topicHierarchy } from './hierarchy.ts'
import { bySize } from './leiden.ts'
import { topicsOverTime } from './over-time.ts'
import { Threads } from './threads.ts'
import type { Topic, TopicCallOptions, Topics, TopicsData } from './topics.ts'
import { freshIdentity, trackTopics } from './track.ts'
import { subgraph } from './weighted-graph.ts'

interface CreateOptions extends Omit<DescribeOptions, 'identify'> {
  /** Previous topics, and whether all that persist keep their labels or only those with unchanged papers. */
  readonly previous: { readonly topics: TopicsData; readonly keepLabels: 'same' | 'unchanged' } | undefined
}

/** Creates topics with their calls from groups of rows. */
export async function createTopics(
  collection: TopicMaterial,
  groupOf: Int32Array,
  { previous, ...options }: CreateOptions,
): Promise<Topics> {
  // The calls must not keep a reference to the previous topics, and so to all before those.
  const described = await describeTopics(collection, groupOf, { ...options, identify: identifier(previous) })
  return withCalls(collection, described, options)
}

/** Adds the calls to described topics; `options` apply to topics derived from them. */
export async function withCalls(
  collection: TopicMaterial,
  described: Described,
  options: Omit<CreateOptions, 'previous' | 'sections' | 'names' | 'evidence'>,
): Promise<Topics> {
  const { data, members, topicOf } = described
  const { papers, graph, phrases } = collection
  const { termsPerLabel } = options
  const topicOfPaper = new Map<string, Topic>()
  for (const topic of data.topics) {
    for (const { id } of topic.papers) topicOfPaper.set(id, topic)
    if (options.slice.due()) await options.slice.rest()
  }
  const regrouped = (partition: Int32Array, slice: TimeSlice) =>
    createTopics(collection, partition, {
      ...options,
      previous: { topics: data, keepLabels: 'unchanged' },
      sections: undefined,
      names: namesIn(partition, described),
      evidence: [],
      slice,
    })
  return Object.freeze<Topics>({
    ...data,
    of: (id) => topicOfPaper.get(id),
    hierarchy: async (asked) => {
      const { signal } = callOptions('hierarchy', asked)
      const { partition } = described
      return topicHierarchy(data.topics, {
        graph,
        partition,
        members,
        collection,
        groups: data.areSections && data.groups,
        termsPerLabel,
        slice: timeSlice(signal),
      })
    },
    overTime: async (unit, asked) => {
      const { signal } = callOptions('overTime', asked)
      return topicsOverTime(data.topics, unit, { papers, members, phrases, slice: timeSlice(signal) })
    },
    assign: async (others, asked) => {
      const { signal } = callOptions('assign', asked)
      if (!Array.isArray(others))
        throw new PaperkinError(
          'invalid-argument',
          `Expected \`papers\` to be an array of papers, got ${show(others)}.`,
        )
      const { compare } = collection
      if (compare === undefined)
        throw new PaperkinError(
          'invalid-argument',
          'Expected `compare` in the input of these topics, got none: papers cannot be assigned without it.',
        )
      signal?.throwIfAborted()
      return assignPapers(data, compare(others, { signal }), {
        ids: papers.map(({ id }) => id),
        kin: collection.kin,
        topicOf,
      })
    },
    reduce: async (count, asked) => {
      const { signal } = callOptions('reduce', asked)
      const slice = timeSlice(signal)
      return regrouped(await reduced(collection, described, { count, slice }), slice)
    },
    merge: async (ids, asked) => {
      const { signal } = callOptions('merge', asked)
      return regrouped(merged(described, ids), timeSlice(signal))
    },
    split: async (id, asked = {}) => {
      requireOptions('split', asked, { count: true, signal: true })
      const { signal, count } = asked
      const slice = timeSlice(signal)
      return regrouped(await split(collection, described, { id, count, seed: options.seed, slice, signal }), slice)
    },
  })
}

function callOptions(call: string, options: TopicCallOptions = {}): TopicCallOptions {
  requireOptions(call, options, { signal: true })
  return options
}

function identifier(previous: CreateOptions['previous']): DescribeOptions['identify'] {
  return previous === undefined
    ? (groups) => freshIdentity(groups.length)
    : (groups, names) => trackTopics(groups, previous.topics, { ...previous, names })
}

/** Passes the names of named topics on to the groups with most of their papers; the larger topic wins. */
function namesIn(partition: Int32Array, { names, members }: Described): ReadonlyMap<number, string> {
  const found = new Map<number, string>()
  for (const [position, name] of names.entries()) {
    if (name === undefined) continue
    const counts = new Map<number, number>()
    for (const row of members[position]!) counts.set(partition[row]!, (counts.get(partition[row]!) ?? 0) + 1)
    const [most] = [...counts].sort(([a, m], [b, n]) => n - m || a - b)
    if (most !== undefined && !found.has(most[0])) found.set(most[0], name)
  }
  return found
}

async function reduced(
  { graph }: TopicMaterial,
  { partition, names }: Described,
  { count, slice }: { readonly count: number; readonly slice: TimeSlice },
): Promise<Int32Array> {
  const fewer = requireInteger('count', count, 1)
  const kept = names.filter((name) => name !== undefined).length
  if (kept === 0) return cut(partition, await dendrogram(graph, partition, slice), fewer)
  const { rows, graph: rest } = subgraph(graph, (row) => names[partition[row]!] === undefined)
  // Named topics are never merged to reduce the count.
  if (rows.length === 0) return partition
  const numbers = new Map<number, number>()
  const inside = Int32Array.from(rows, (row) => {
    const known = numbers.get(partition[row]!) ?? numbers.size
    numbers.set(partition[row]!, known)
    return known
  })
  const fewerInside = cut(inside, await dendrogram(rest, inside, slice), Math.max(1, fewer - kept))
  const next = partition.slice()
  for (const [i, row] of rows.entries()) next[row] = names.length + fewerInside[i]!
  return bySize(next)
}

function merged({ data, partition }: Described, ids: readonly number[]): Int32Array {
  const positions = [...new Set((Array.isArray(ids) ? ids : []).map((id) => positionOf(data, id)))]
  if (positions.length < 2)
    throw new PaperkinError('invalid-argument', `Expected \`ids\` to name two or more topics, got ${show(ids)}.`)
  return bySize(partition.map((position) => (positions.includes(position) ? positions[0]! : position)))
}

async function split(
  { graph }: TopicMaterial,
  { data, partition, members }: Described,
  {
    id,
    count = 2,
    seed,
    slice,
    signal,
  }: {
    readonly id: number
    readonly count: number | undefined
    readonly seed: number
    readonly slice: TimeSlice
    readonly signal: AbortSignal | undefined
  },
): Promise<Int32Array> {
  const position = positionOf(data, id)
  const most = members[position]!.length
  if (most < 2)
    throw new PaperkinError('invalid-argument', `Expected a topic of two or more papers, got topic ${id} with one.`)
  const { rows, graph: inside } = subgraph(graph, (row) => partition[row] === position)
  const asked = Math.min(requireInteger('count', count, 2), most)
  const parts = await Threads.during({ papers: most, signal }, (threads) =>
    communitiesOf(inside, { count: asked, seed, slice, threads }),
  )
  const next = partition.slice()
  for (const [i, row] of rows.entries()) next[row] = parts[i] === 0 ? position : data.count - 1 + parts[i]!
  return next
}

function positionOf({ topics }: TopicsData, id: number): number {
  const position = topics.findIndex((topic) => topic.id === id)
  if (position < 0)
    throw new PaperkinError(
      'invalid-argument',
      `Expected the id of a topic, one of ${topics.map((topic) => topic.id).join(', ')}; got ${show(id)}.`,
    )
  return position
}
