import type { Atlas, Memberships } from '../atlas/atlas.ts'
import { PaperkinError, requireInteger, requireNumber, requireOptions, show } from '../errors.ts'
import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Paper } from '../paper.ts'
import { seededRandom } from '../runtime/random.ts'
import { sharedFloat32, sharedInt32 } from '../runtime/shared-arrays.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { chooseCount } from './choose-count.ts'
import { communitiesAt, withoutTiny } from './communities.ts'
import { createTopics, withCalls } from './create-topics.ts'
import { type KinList, type KinRows, kinGraph, nearestGroup, nearestKin } from './kin-graph.ts'
import { countOf } from './leiden.ts'
import { defaultMethod, methodOf, topicMethods } from './methods.ts'
import { checkedNames, placeNamed } from './named-topics.ts'
import { Phrases } from './phrases.ts'
import { describedBefore } from './restored.ts'
import { findSections, type Sections } from './sections.ts'
import { Threads } from './threads.ts'
import {
  type CountEvidence,
  type RestoreOptions,
  type SimilarPaper,
  type TopicInput,
  type TopicOptions,
  type Topics,
  type TopicsData,
  topicOptionNames,
} from './topics.ts'
import type { WeightedGraph } from './weighted-graph.ts'

export { type TopicMethod, topicMethods } from './methods.ts'
export { checkedData } from './restored.ts'
export type {
  CountEvidence,
  NamedTopic,
  Outlier,
  PastTopic,
  Period,
  RestoreOptions,
  RisingTerm,
  SimilarPaper,
  TimeUnit,
  Topic,
  TopicCallOptions,
  TopicChange,
  TopicGroup,
  TopicInput,
  TopicNode,
  TopicOptions,
  TopicOverTime,
  TopicPaper,
  TopicPlace,
  TopicQuality,
  TopicShare,
  Topics,
  TopicsData,
  TopicsOverTime,
  TopicTerm,
  UnnamedTopic,
} from './topics.ts'
export { topicOptionNames } from './topics.ts'

const mostNeighbours = 25
// Among 10,000 papers, the 128 nearest by embedding include 99.7 % of a paper's 25 nearest; 64 include 97.6 %. For
// 40,899 papers, finding 64 each takes 13 s and 128 takes 24 s.
const candidates = 128
const fewerCandidates = 64
const fewerFrom = 16_384
// A sample of this size gives the number of topics as reliably as all papers do, in a tenth of the time.
const mostToChooseOn = 8000
// Fewer papers are one topic; in more, the communities themselves show how many there are.
const leastForSections = 8
const mostForSections = 600
// Above this, areas are looked up only for a sample of each topic.
const mostPlaced = 2000

/**
 * Finds topics among papers. Any number of papers works: none give no topic, one gives one.
 * @throws PaperkinError `invalid-argument` for rows that do not match the papers, repeated ids, or invalid options;
 * `paper-not-found` for an example of a named topic that is not among the papers
 */
export async function findTopics(input: TopicInput, options: TopicOptions = {}): Promise<Topics> {
  const settings = withDefaults(options)
  const { collection, found, slice } = await readWith(findAll, input, settings)
  const { groupOf, resolution, evidence, sections, names, unmatched } = found
  const { previous } = settings
  return createTopics(collection, groupOf, {
    ...settings,
    sections,
    names,
    unmatched,
    resolution,
    evidence,
    previous: previous && { topics: previous, keepLabels: 'same' },
    slice,
  })
}

/**
 * Restores topics from JSON, with their calls: the data stays unchanged, neighbours of the papers are found again.
 * An outlier counts towards the topic that most of its neighbours are in.
 * @param input exactly the papers of the topics and their outliers: see {@link checkedData}
 */
export async function restoreTopics(input: TopicInput, data: TopicsData, options: RestoreOptions): Promise<Topics> {
  const settings = withDefaults({ ...options, method: data.method, seed: data.seed })
  const { collection, slice } = await readWith(lookAround, input, settings)
  const described = await describedBefore(collection.papers, data, slice)
  const { unmatched, resolution } = data
  return withCalls(collection, described, { ...settings, unmatched, resolution, slice })
}

/** Sorts papers by id, and reads their words while `look` works on their rows. */
async function readWith<Found extends Surroundings>(
  look: (rows: KinRows, settings: Settings) => Promise<Found>,
  input: TopicInput,
  given: ReturnType<typeof withDefaults>,
) {
  const { signal } = given
  const slice = timeSlice(signal)
  const {
    papers,
    compare,
    atlas,
    vocabulary = atlas,
    embedNames,
    sampledFrom,
    ...rows
  } = await inOrderOfIds(input, slice)
  // Words are read on this thread while worker threads look for communities.
  const reading = Phrases.read(papers, timeSlice(signal))
  reading.catch(() => undefined)
  await slice.rest()
  const found = await Threads.during({ papers: papers.length, signal }, (threads) =>
    look({ rows: papers.length, ...rows }, { ...given, papers, atlas, embedNames, threads, slice }),
  )
  const { kin, graph, memberships } = found
  const phrases = await reading
  const collection = { papers, ...rows, sampledFrom, kin, graph, phrases, compare, atlas, vocabulary, memberships }
  return { collection, found, slice }
}

/** The neighbours and areas of rows. */
interface Surroundings {
  readonly kin: KinList
  readonly graph: WeightedGraph
  readonly memberships: Memberships | undefined
}

interface Groups {
  readonly groupOf: Int32Array
  readonly resolution: number | undefined
  readonly evidence: readonly CountEvidence[]
  readonly sections: Sections | undefined
}

interface Found extends Surroundings, Groups {
  /** Caller-given names by group. */
  readonly names: ReadonlyMap<number, string>
  readonly unmatched: readonly string[]
}

type Settings = ReturnType<typeof withDefaults> & {
  readonly papers: readonly Paper[]
  readonly atlas: Atlas | undefined
  readonly embedNames: TopicInput['embedNames']
  readonly threads: Threads
  readonly slice: TimeSlice
}

/** Groups all rows: named topics first, then the remaining rows as the settings ask. */
async function findAll(rows: KinRows, settings: Settings): Promise<Found> {
  const { papers, named, slice, atlas, embedNames, minTopicSize, count } = settings
  const around = await lookAround(rows, settings)
  if (named.length === 0)
    return { ...around, ...(await findGroups(rows, around, settings)), names: new Map(), unmatched: [] }
  const { of } = await placeNamed(named, { papers, ...rows, ...around, atlas, embedNames, slice })
  const matched = [...named.keys()].filter((i) => of.includes(i))
  const names = new Map(matched.map((i, group) => [group, named[i]!.name] as const))
  const unmatched = named.filter((_, i) => !matched.includes(i)).map(({ name }) => name)
  const numberOf = new Map(matched.map((i, group) => [i, group] as const))
  const groupOf = of.map((i) => numberOf.get(i) ?? -1)
  const rest = [...of.keys()].filter((row) => of[row]! < 0)
  const all = { ...around, groupOf, names, unmatched }
  const nodes = matched.map(() => -1)
  // Too few rows for another topic: they become outliers.
  if (matched.length > 0 && rest.length < (count === 'auto' ? minTopicSize : 1)) {
    for (const row of rest) groupOf[row] = nearestGroup(row, groupOf, around.kin)
    return { ...all, resolution: undefined, evidence: [], sections: { groupOf, nodes, apart: rest } }
  }
  const inside = await rowsOf(rows, rest, slice)
  const own = { ...settings, papers: rest.map((row) => papers[row]!) }
  const found = await findGroups(
    inside,
    matched.length === 0 ? around : await lookAround(inside, { ...own, known: partOf(around.memberships, rest) }),
    own,
  )
  for (const [i, row] of rest.entries()) groupOf[row] = matched.length + found.groupOf[i]!
  const sections = found.sections && {
    groupOf,
    nodes: [...nodes, ...found.sections.nodes],
    apart: found.sections.apart.map((i) => rest[i]!),
  }
  return { ...all, ...found, groupOf, sections }
}

/** The memberships of the given rows, in their order. */
function partOf(memberships: Memberships | undefined, rows: readonly number[]): Memberships | undefined {
  if (memberships === undefined) return undefined
  const { width, area, share, similarity } = memberships
  const part = {
    rows: rows.length,
    width,
    area: new Int32Array(rows.length * width),
    share: new Float64Array(rows.length * width),
    similarity: Float64Array.from(rows, (row) => similarity[row]!),
  }
  for (const [to, row] of rows.entries()) {
    part.area.set(area.subarray(row * width, (row + 1) * width), to * width)
    part.share.set(share.subarray(row * width, (row + 1) * width), to * width)
  }
  return part
}

async function lookAround(
  rows: KinRows,
  { atlas, threads, slice, signal, known, ...settings }: Settings & { readonly known?: Memberships | undefined },
): Promise<Surroundings> {
  await slice.rest()
  const n = rows.rows
  const k = settings.neighbours ?? neighboursFor(n)
  const looked = Math.max(n < fewerFrom ? candidates : fewerCandidates, 2 * k)
  const kin = await nearestKin(rows, { k, candidates: looked, slice, signal, threads })
  const graph = await kinGraph(kin, slice)
  const memberships =
    known ??
    (n <= mostPlaced
      ? await atlas?.memberships(rows.vectors, () => (slice.due() ? slice.rest() : undefined))
      : undefined)
  return { kin, graph, memberships }
}

/** Groups rows as the settings ask. */
async function findGroups(
  rows: KinRows,
  { kin, graph, memberships }: Surroundings,
  settings: Settings,
): Promise<Groups> {
  const { papers, atlas, count, seed, previous, threads, slice, signal } = settings
  const method = methodOf(settings.method)
  const n = rows.rows
  const isOpen = count === 'auto' && settings.resolution === undefined && method.prefersSections === true
  if (isOpen && atlas !== undefined && memberships !== undefined && n >= leastForSections && n <= mostForSections) {
    const sections = await findSections(memberships, { atlas, kin, least: settings.minTopicSize, slice })
    if (sections !== undefined) return { groupOf: sections.groupOf, resolution: undefined, evidence: [], sections }
  }
  const how = { seed, slice, threads, initial: previous && previousGroups(papers, previous) }
  let { resolution } = settings
  let target = count === 'auto' ? undefined : Math.min(count, n)
  let evidence: readonly CountEvidence[] = []
  if (target === undefined && resolution === undefined) {
    const choice = await chooseCount(await graphToChooseOn({ ...rows, graph }, settings), how)
    evidence = choice.evidence
    resolution = choice.resolution
    target = choice.count
  }
  const communities =
    target === undefined ? await communitiesAt(graph, { resolution: resolution ?? 1, ...how }) : undefined
  const wanted = target ?? countOf(communities as Int32Array)
  let groupOf = await method.groups(rows, { graph, communities, count: wanted, resolution, signal, ...how })
  if (count === 'auto')
    groupOf = await withoutTiny(graph, { communities: groupOf, least: settings.minTopicSize, slice })
  return { groupOf, resolution, evidence, sections: undefined }
}

/** The graph to choose the number of topics on: that of a sample if there are more than `mostToChooseOn` rows. */
async function graphToChooseOn(
  { graph, ...rows }: KinRows & { readonly graph: WeightedGraph },
  {
    neighbours,
    seed,
    threads,
    slice,
    signal,
  }: {
    readonly neighbours: number | undefined
    readonly seed: number
    readonly threads: Threads
    readonly slice: TimeSlice
    readonly signal: AbortSignal | undefined
  },
): Promise<WeightedGraph> {
  if (rows.rows <= mostToChooseOn) return graph
  const random = seededRandom(seed)
  // Selection sampling (Knuth, volume 2, algorithm S): every row is equally likely to be chosen.
  const chosen: number[] = []
  for (let row = 0; row < rows.rows; row++)
    if (random() * (rows.rows - row) < mostToChooseOn - chosen.length) chosen.push(row)
  const kin = await nearestKin(await rowsOf(rows, chosen, slice), {
    k: neighbours ?? neighboursFor(chosen.length),
    threads,
    slice,
    signal,
  })
  return kinGraph(kin, slice)
}

/** The given rows, in their order. */
async function rowsOf(
  { vectors, dimensions, lexical }: KinRows,
  rows: readonly number[],
  slice: TimeSlice,
): Promise<KinRows> {
  const sorted = sharedFloat32(rows.length * dimensions)
  for (const [to, row] of rows.entries()) {
    sorted.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), to * dimensions)
    if (to % 1024 === 0 && slice.due()) await slice.rest()
  }
  return { rows: rows.length, vectors: sorted, dimensions, lexical: await lexicalRows(lexical, rows, slice) }
}

function withDefaults(options: TopicOptions) {
  requireOptions('topics', options, topicOptionNames)
  const { method = defaultMethod, count = 'auto', resolution, neighbours, signal } = options
  if (!topicMethods.includes(method)) {
    const names = new Intl.ListFormat('en', { type: 'disjunction' }).format(topicMethods.map((name) => `'${name}'`))
    throw new PaperkinError('invalid-argument', `Expected \`method\` to be ${names}, got ${show(method)}.`)
  }
  if (resolution !== undefined && count !== 'auto')
    throw new PaperkinError('invalid-argument', 'Expected `count` or `resolution`, got both: leave one of them out.')
  const previous = checkedTopics(options.previous)
  // Reuse the resolution of the previous topics unless the options ask for another.
  const isContinued = previous !== undefined && options.count === undefined && options.resolution === undefined
  return {
    previous,
    method,
    count: count === 'auto' ? ('auto' as const) : requireInteger('count', count, 1),
    seed: requireInteger('seed', options.seed ?? 1, Number.MIN_SAFE_INTEGER),
    resolution:
      resolution === undefined
        ? isContinued
          ? previous.resolution
          : undefined
        : requireNumber('resolution', resolution, 0.001, 1000),
    minTopicSize: requireInteger('minTopicSize', options.minTopicSize ?? 3, 1),
    neighbours: neighbours === undefined ? undefined : requireInteger('neighbours', neighbours, 1),
    outlierShare: checkedShare(options.outlierShare ?? 'auto'),
    termsPerLabel: requireInteger('termsPerLabel', options.termsPerLabel ?? 3, 1, 10),
    label: checkedLabel(options.label),
    named: checkedNames(options.named),
    signal,
  }
}

/** Topics as returned by `findTopics`, or parsed from their JSON. */
function checkedTopics(previous: TopicsData | undefined): TopicsData | undefined {
  if (previous === undefined) return undefined
  const isWhole =
    Number.isInteger(previous?.nextId) &&
    Array.isArray(previous.topics) &&
    previous.topics.every(
      ({ id, label, terms, papers }) =>
        Number.isInteger(id) && typeof label === 'string' && Array.isArray(terms) && Array.isArray(papers),
    )
  if (!isWhole)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`previous\` to be the result of \`topics()\` or its parsed JSON, got ${show(previous)}.`,
    )
  return previous
}

function checkedLabel(label: TopicOptions['label']): TopicOptions['label'] {
  if (label === undefined || typeof label === 'function') return label
  throw new PaperkinError('invalid-argument', `Expected \`label\` to be a function, got ${show(label)}.`)
}

function checkedShare(share: number | 'auto'): number | 'auto' {
  return share === 'auto' ? share : requireNumber('outlierShare', share, 0, 0.5)
}

// Among 10 … 40, 25 was best or nearly so on arxiv-2025 and cora. Topics of small collections have fewer papers than
// that, and most neighbours of a paper should be in its topic.
function neighboursFor(papers: number): number {
  return Math.min(mostNeighbours, Math.max(3, Math.round(0.7 * Math.sqrt(papers))))
}

/** A number for each paper's previous topic; each paper that had none gets a number of its own. */
function previousGroups(papers: readonly Paper[], { topics }: TopicsData): Int32Array {
  const topicOf = new Map(topics.flatMap(({ id, papers }) => papers.map((paper) => [paper.id, id] as const)))
  const numbers = new Map<number, number>()
  let next = 0
  return Int32Array.from(papers, ({ id }) => {
    const topic = topicOf.get(id)
    if (topic === undefined) return next++
    const known = numbers.get(topic)
    if (known !== undefined) return known
    numbers.set(topic, next)
    return next++
  })
}

/** Sorts papers and rows by id, so that topics do not depend on the order in which papers were added. */
async function inOrderOfIds(
  { papers, vectors, dimensions, lexical, compare, ...others }: TopicInput,
  slice: TimeSlice,
): Promise<TopicInput> {
  const n = papers.length
  if (vectors.length !== n * dimensions || lexical.rows !== n)
    throw new PaperkinError(
      'invalid-argument',
      `Expected ${n} vectors of ${dimensions} numbers and ${n} lexical rows for ${n} papers, got ${vectors.length} numbers and ${lexical.rows} rows.`,
    )
  const order = await sortedRows(
    papers.map(({ id }) => id),
    slice,
  )
  const repeated = order.findIndex((row, i) => i > 0 && papers[row]!.id === papers[order[i - 1]!]!.id)
  if (repeated >= 0)
    throw new PaperkinError(
      'invalid-argument',
      `Expected papers with different ids, got ${show(papers[order[repeated]!]!.id)} twice.`,
    )
  const { rows: _, ...sorted } = await rowsOf({ rows: n, vectors, dimensions, lexical }, [...order], slice)
  return {
    papers: Array.from(order, (row) => papers[row]!),
    ...sorted,
    ...others,
    compare: compare && ((others, options) => inOrder(compare(others, options), order)),
  }
}

// Rows sorted in one go: a few milliseconds.
const sortedAtOnce = 2048

/** Rows by id, then by row: a merge sort that yields between steps. */
async function sortedRows(ids: readonly string[], slice: TimeSlice): Promise<Int32Array> {
  const n = ids.length
  let rows = Int32Array.from(ids.keys())
  for (let start = 0; start < n; start += sortedAtOnce) {
    rows.subarray(start, start + sortedAtOnce).sort((a, b) => (ids[a]! < ids[b]! ? -1 : ids[a]! > ids[b]! ? 1 : a - b))
    if (slice.due()) await slice.rest()
  }
  let merged = new Int32Array(n)
  for (let width = sortedAtOnce; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const middle = Math.min(n, start + width)
      const end = Math.min(n, start + 2 * width)
      let [left, right] = [start, middle]
      for (let to = start; to < end; to++) {
        const isLeft = left < middle && (right === end || ids[rows[left]!]! <= ids[rows[right]!]!)
        merged[to] = isLeft ? rows[left++]! : rows[right++]!
        if (to % 1024 === 0 && slice.due()) await slice.rest()
      }
    }
    ;[rows, merged] = [merged, rows]
  }
  return rows
}

async function* inOrder(papers: AsyncIterable<SimilarPaper>, order: Int32Array): AsyncIterable<SimilarPaper> {
  for await (const { id, similarity } of papers)
    yield { id, similarity: Float64Array.from(order, (row) => similarity[row]!) }
}

// Rounding to multiples of 2^-20 makes products and their sums exact in float64. They must not depend on the order of
// columns, which follows the order in which papers were added.
async function lexicalRows(
  { columns, start, column, value }: SparseRows,
  order: readonly number[],
  slice: TimeSlice,
): Promise<SparseRows> {
  const rows = order.length
  const newStart = new Int32Array(rows + 1)
  const entries = order.reduce((sum, row) => sum + start[row + 1]! - start[row]!, 0)
  const newColumn = sharedInt32(entries)
  const newValue = sharedFloat32(entries)
  for (let to = 0; to < rows; to++) {
    let next = newStart[to]!
    for (let i = start[order[to]!]!; i < start[order[to]! + 1]!; i++) {
      newColumn[next] = column[i]!
      newValue[next++] = Math.round(value[i]! * 2 ** 20) / 2 ** 20
    }
    newStart[to + 1] = next
    if (to % 16 === 0 && slice.due()) await slice.rest()
  }
  return { rows, columns, start: newStart, column: newColumn, value: newValue }
}
