import type { Atlas, Memberships } from '../atlas/atlas.ts'
import { PaperkinError, show } from '../errors.ts'
import type { SparseRows } from '../lexical/sparse-rows.ts'
import type { Paper } from '../paper.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { type KinList, kinship } from './kin-graph.ts'
import { labelTopics, type TopicName, trueLabels } from './label-topics.ts'
import { modularity } from './leiden.ts'
import type { TopicMethod } from './methods.ts'
import type { Phrases } from './phrases.ts'
import { commonNode, sectionLabels } from './section-names.ts'
import type { Sections } from './sections.ts'
import type {
  CountEvidence,
  Outlier,
  Topic,
  TopicGroup,
  TopicInput,
  TopicPaper,
  TopicShare,
  TopicsData,
  UnnamedTopic,
} from './topics.ts'
import type { Identity } from './track.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const mostOutliers = 0.05
// Quartiles of fewer papers mean little.
const leastForOutliers = 10
const representativesShown = 3

/** Papers with everything that topics are built from; row i of each part belongs to `papers[i]`. */
export interface TopicMaterial {
  /** Sorted by id. */
  readonly papers: readonly Paper[]
  readonly vectors: Float32Array
  readonly dimensions: number
  readonly lexical: SparseRows
  readonly sampledFrom: TopicInput['sampledFrom']
  readonly kin: KinList
  readonly graph: WeightedGraph
  readonly phrases: Phrases
  /** Compares other papers with these; similarities come in the order of `papers`. */
  readonly compare: TopicInput['compare']
  readonly atlas: Atlas | undefined
  /** Looks terms up. */
  readonly vocabulary: Pick<Atlas, 'term'> | undefined
  /** The areas of each row; undefined for large collections. */
  readonly memberships: Memberships | undefined
}

export interface DescribeOptions {
  readonly method: TopicMethod
  readonly seed: number
  readonly outlierShare: number | 'auto'
  readonly termsPerLabel: number
  readonly label: ((topic: UnnamedTopic) => string | Promise<string>) | undefined
  /** Gives ids to groups of paper ids, largest first; `names` holds the names given by the caller. */
  readonly identify: (groups: readonly (readonly string[])[], names: readonly (string | undefined)[]) => Identity
  /** Caller-given names by group. */
  readonly names: ReadonlyMap<number, string>
  /** Caller-given names without a group. */
  readonly unmatched: readonly string[]
  readonly evidence: readonly CountEvidence[]
  readonly resolution: number | undefined
  /** Set when the groups are sections: their nodes, and the rows that fit none. */
  readonly sections?: Sections | undefined
  readonly slice: TimeSlice
}

/** Topics, with their rows. */
export interface Described {
  readonly data: TopicsData
  /** Rows of each topic, without outliers. */
  readonly members: readonly (readonly number[])[]
  /** The position of each row's topic; an outlier keeps the group it was found in. */
  readonly partition: Int32Array
  /** The same, with -1 for outliers. */
  readonly topicOf: Int32Array
  /** The caller-given name of each topic. */
  readonly names: readonly (string | undefined)[]
}

/** Turns groups of rows (numbered without gaps) into frozen topics with outliers, strengths and labels. */
export async function describeTopics(
  collection: TopicMaterial,
  groupOf: Int32Array,
  options: DescribeOptions,
): Promise<Described> {
  const { papers, kin, graph, phrases } = collection
  const { method, seed, termsPerLabel, evidence, resolution, sections, unmatched, slice } = options
  const share = options.outlierShare
  const apart = await findOutliers(kin, {
    topicOf: groupOf,
    share,
    given: share === 'auto' ? sections?.apart : undefined,
    isFixed: (row) => options.names.has(groupOf[row]!),
    slice,
  })
  const members = membersBySize(groupOf, new Set(apart.map(({ row }) => row)))
  const position = new Int32Array(members.length)
  for (const [topic, rows] of members.entries()) position[groupOf[rows[0]!]!] = topic
  const partition = groupOf.map((group) => position[group]!)
  if (slice.due()) await slice.rest()
  const topicOf = partition.slice()
  for (const { row } of apart) topicOf[row] = -1
  const names = members.map((rows) => options.names.get(groupOf[rows[0]!]!))
  const identity = options.identify(
    members.map((rows) => rows.map((row) => papers[row]!.id)),
    names,
  )
  const { ids } = identity
  if (slice.due()) await slice.rest()
  const { atlas, vocabulary } = collection
  const sectionOf = (topic: number) =>
    names[topic] === undefined ? sections?.nodes[groupOf[members[topic]![0]!]!] : undefined
  const others = members.filter((_, topic) => sectionOf(topic) === undefined)
  const common = await commonNodes(collection, { members: others, slice })
  const nodes = members.map((_, topic) => sectionOf(topic) ?? (common.shift() as number))
  const isName = (label: string) => names.includes(label)
  const kept = (await trueLabels(identity, { members, papers, slice })).map((label, topic) => {
    const name = names[topic]
    if (name !== undefined || label === undefined || isName(label)) return name
    return isStillSection(label, { node: nodes[topic]!, atlas }) ? label : undefined
  })
  const taken = kept.filter((label) => label !== undefined)
  const byTerms = await labelTopics(phrases, { members, termsPerLabel, taken, vocabulary, slice })
  const labels = labelsOf(byTerms, {
    atlas,
    nodes: nodes.map((node, i) => (kept[i] === undefined ? node : -1)),
    members,
    sections: sections && collection.memberships,
    taken,
  })
  const topics: Topic[] = []
  const words = new Float64Array(collection.lexical.columns)
  for (const [topic, rows] of members.entries()) {
    if (slice.due()) await slice.rest()
    const typicality = await similarityToAll(collection, { rows, words, slice })
    const placed: Placed[] = []
    for (const [i, row] of rows.entries()) {
      if (slice.due()) await slice.rest()
      placed.push({ row, typical: typicality[i]!, ...placeOf(row, { graph, topicOf, ids }) })
    }
    const representatives = mostTypical(placed)
    placed.sort((a, b) => b.strength - a.strength || b.typical - a.typical || a.row - b.row)
    if (slice.due()) await slice.rest()
    topics.push({
      id: ids[topic]!,
      label: kept[topic] ?? labels[topic]!,
      ...(names[topic] !== undefined && { isNamed: true as const }),
      terms: byTerms[topic]!.terms,
      size: rows.length,
      papers: placed.map(
        ({ row, strength, second }): TopicPaper => ({
          id: papers[row]!.id,
          strength,
          ...(second && { second }),
          ...areaOf(row, collection),
        }),
      ),
      representatives: representatives.map(({ row }) => papers[row]!.id),
      ...tellingSentence(
        placed.map(({ row }) => papers[row]!),
        byTerms[topic]!.terms,
      ),
    })
  }
  const given = await named(topics, {
    label: options.label,
    isKept: (topic) => kept[topic] !== undefined,
    papers,
    slice,
  })
  const labelOf = new Map(given.map(({ id, label }) => [id, label]))
  let strength = 0
  for (const topic of given)
    for (const paper of topic.papers) strength += paper.strength / (papers.length - apart.length)
  if (slice.due()) await slice.rest()
  const quality = { modularity: await modularity(graph, partition, { slice }), strength }
  if (slice.due()) await slice.rest()
  const data: TopicsData = {
    method,
    seed,
    ...(collection.sampledFrom !== undefined && { sampledFrom: collection.sampledFrom }),
    count: given.length,
    topics: given,
    groups: groupsOf(given, { nodes, atlas }),
    ...(sections !== undefined && { areSections: true as const }),
    outliers: apart.map(({ row, margin }): Outlier => {
      // If all its kin are outliers too, `nearest` is the topic it was grouped with.
      const { second } = placeOf(row, { graph, topicOf, ids })
      return {
        id: papers[row]!.id,
        nearest: second?.topic ?? ids[partition[row]!]!,
        strength: second?.strength ?? 0,
        margin,
        ...areaOf(row, collection),
      }
    }),
    unmatched,
    quality,
    evidence,
    ...(resolution !== undefined && { resolution }),
    changes: identity.changes((id) => labelOf.get(id) as string),
    past: identity.past,
    nextId: identity.nextId,
  }
  return { data: await deepFreeze(data, slice), members, partition, topicOf, names }
}

/** The name of a row's area, if the map has one near enough. */
function areaOf(row: number, { atlas, memberships }: TopicMaterial): { readonly area?: string } {
  if (atlas === undefined || memberships === undefined) return {}
  const { area, width, similarity } = memberships
  const place = atlas.place(area[row * width]!, similarity[row]!)
  return place === undefined ? {} : { area: place.area }
}

// A large topic is named from this many papers, evenly spaced.
const mostForName = 30

/** The node of the map that each group of rows is about; -1 for none. */
export async function commonNodes(
  { atlas, memberships, vectors, dimensions }: TopicMaterial,
  { members, slice }: { readonly members: readonly (readonly number[])[]; readonly slice: TimeSlice },
): Promise<number[]> {
  if (atlas === undefined) return members.map(() => -1)
  if (memberships !== undefined) return members.map((rows) => commonNode(memberships, rows, atlas))
  const nodes: number[] = []
  for (const rows of members) {
    const step = Math.max(1, rows.length / mostForName)
    const some = Array.from({ length: Math.ceil(rows.length / step) }, (_, i) => rows[Math.floor(i * step)]!)
    const own = new Float32Array(some.length * dimensions)
    for (const [to, row] of some.entries())
      own.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), to * dimensions)
    const known = await atlas.memberships(own, () => (slice.due() ? slice.rest() : undefined))
    nodes.push(commonNode(known, [...some.keys()], atlas))
  }
  return nodes
}

/** Labels groups of rows by their nodes of the map, or else by their terms. */
export function labelsOf(
  byTerms: readonly TopicName[],
  {
    atlas,
    nodes,
    members,
    sections,
    taken,
  }: {
    readonly atlas: Atlas | undefined
    readonly nodes: readonly number[]
    readonly members: readonly (readonly number[])[]
    /** The areas of the rows, if the groups are sections. */
    readonly sections?: Memberships | undefined
    readonly taken: Iterable<string>
  },
): string[] {
  if (atlas === undefined) return byTerms.map(({ label }) => label)
  const topics = byTerms.map(({ label, terms }, i) => ({
    node: nodes[i]!,
    rows: members[i]!,
    label,
    terms: terms.map(({ term }) => term),
  }))
  return sectionLabels(topics, { atlas, sections, taken })
}

/** Whether an earlier label fits a topic whose node is now `node`; a label that names no section always does. */
function isStillSection(label: string, { node, atlas }: { readonly node: number; readonly atlas: Atlas | undefined }) {
  const [name, ...rest] = label.split(': ')
  const before = atlas?.nodes.findIndex((one) => one.name === name) ?? -1
  if (atlas === undefined || before < 0 || node < 0) return true
  // "Discipline: terms" names the remainder of a discipline, which changes every day.
  const { level } = atlas.nodes[before]!
  if (rest.length > 0 && (level === 'discipline' || level === 'domain')) return false
  return atlas.isWithin(node, before) || atlas.isWithin(before, node)
}

/** Groups topics by the discipline of their node, or by the node itself if that is wider. */
function groupsOf(
  topics: readonly Topic[],
  { nodes, atlas }: { readonly nodes: readonly number[]; readonly atlas: Atlas | undefined },
): TopicGroup[] {
  if (atlas === undefined || nodes.every((node) => node < 0)) return []
  const groups = new Map<string, { topics: number[]; size: number }>()
  for (const [position, { id, size }] of topics.entries()) {
    const node = nodes[position]!
    const discipline = node < 0 ? -1 : atlas.above(node, 'discipline')
    const wide = discipline < 0 ? node : discipline
    const label = wide < 0 ? 'Other topics' : atlas.nodes[wide]!.name
    const group = groups.get(label) ?? { topics: [], size: 0 }
    group.topics.push(id)
    group.size += size
    groups.set(label, group)
  }
  return [...groups].map(([label, group]) => ({ label, ...group })).sort((a, b) => b.size - a.size)
}

const sentenceEnd = /(?<=[.!?])\s+(?=\p{Lu})/u
// Characters in a sentence that is easy to read.
const [shortest, longest] = [40, 320]

/** The abstract sentence with the greatest weight of the topic's terms, divided by the root of its length. */
function tellingSentence(papers: readonly Paper[], terms: Topic['terms']): { readonly sentence?: string } {
  let sentence: string | undefined
  let most = 0
  for (const { abstract } of papers.slice(0, mostForName))
    for (const one of abstract.split(sentenceEnd)) {
      if (one.length < shortest || one.length > longest) continue
      const lower = one.toLowerCase()
      const held = terms.reduce((sum, { term, weight }) => sum + (lower.includes(term.toLowerCase()) ? weight : 0), 0)
      const value = held / Math.sqrt(one.length)
      if (value > most) {
        most = value
        sentence = one.trim()
      }
    }
  return sentence === undefined ? {} : { sentence }
}

/** A paper's place in its topic. */
interface Placed {
  readonly row: number
  /** Mean similarity to the papers of the topic. */
  readonly typical: number
  readonly strength: number
  readonly second: TopicShare | undefined
}

/** The most typical few, ties by row; expects `placed` sorted by row. */
function mostTypical(placed: readonly Placed[]): Placed[] {
  const found: Placed[] = []
  for (const one of placed) {
    let place = found.length
    while (place > 0 && found[place - 1]!.typical < one.typical) place--
    found.splice(place, 0, one)
    if (found.length > representativesShown) found.pop()
  }
  return found
}

/** Asks the caller to name topics without a kept label; an empty or taken name leaves the label as it is. */
async function named(
  topics: readonly Topic[],
  {
    label,
    isKept,
    papers,
    slice,
  }: {
    readonly label: ((topic: UnnamedTopic) => string | Promise<string>) | undefined
    readonly isKept: (position: number) => boolean
    readonly papers: readonly Paper[]
    readonly slice: TimeSlice
  },
): Promise<readonly Topic[]> {
  if (label === undefined) return topics
  const paperOf = new Map(papers.map((paper) => [paper.id, paper]))
  const taken = new Set(topics.map((topic) => topic.label))
  const renamed: Topic[] = []
  for (const [position, topic] of topics.entries()) {
    if (isKept(position)) {
      renamed.push(topic)
      continue
    }
    const { id, label: unnamed, terms, size } = topic
    const representatives = topic.representatives.map((paper) => paperOf.get(paper) as Paper)
    const name = await label({ id, label: unnamed, terms, size, representatives })
    if (typeof name !== 'string')
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`label\` to return a string for topic ${id}, got ${show(name)}.`,
      )
    const isNew = name.trim() !== '' && !taken.has(name.trim())
    if (isNew) taken.add(name.trim())
    renamed.push(isNew ? { ...topic, label: name.trim() } : topic)
    if (slice.due()) await slice.rest()
  }
  return renamed
}

/**
 * Rows far from their nearest kin: mean similarity to the 5 nearest below Tukey's fence (lower quartile minus 1.5
 * times the interquartile range), or among the lowest `share`. Most distant first; every topic keeps at least one row.
 */
async function findOutliers(
  { rows, k, similarity }: KinList,
  {
    topicOf,
    share,
    given,
    isFixed,
    slice,
  }: {
    readonly topicOf: Int32Array
    readonly share: number | 'auto'
    /** Rows that are never outliers. */
    readonly isFixed: (row: number) => boolean
    /** Rows known to fit nowhere. @default found by their kin */
    readonly given: readonly number[] | undefined
    readonly slice: TimeSlice
  },
): Promise<{ readonly row: number; readonly margin: number }[]> {
  if (rows < leastForOutliers && given === undefined) return []
  const closeness = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    closeness[row] = kinship(similarity, row * k, k)
    if (row % 4096 === 4095 && slice.due()) await slice.rest()
  }
  const sorted = closeness.slice().sort()
  if (slice.due()) await slice.rest()
  const quartile = (part: number) => sorted[Math.floor(part * (rows - 1))]!
  const fence = share === 'auto' ? quartile(0.25) - 1.5 * (quartile(0.75) - quartile(0.25)) : Number.POSITIVE_INFINITY
  const left = new Int32Array(rows)
  for (const topic of topicOf) left[topic]!++
  const lonely: number[] = []
  let open = 0
  for (let row = 0; row < rows; row++) {
    if (isFixed(row)) continue
    open++
    if (closeness[row]! < fence) lonely.push(row)
  }
  if (given !== undefined) lonely.splice(0, lonely.length, ...given)
  lonely.sort((a, b) => closeness[a]! - closeness[b]! || a - b)
  if (slice.due()) await slice.rest()
  const apart: number[] = []
  for (const row of lonely) {
    if (given === undefined && apart.length >= Math.floor((share === 'auto' ? mostOutliers : share) * open)) break
    if (left[topicOf[row]!] === 1) continue
    left[topicOf[row]!]!--
    apart.push(row)
  }
  if (slice.due()) await slice.rest()
  const isApart = new Set(apart)
  let least = Number.POSITIVE_INFINITY
  for (let row = 0; row < rows; row++) if (!isApart.has(row)) least = Math.min(least, closeness[row]!)
  return apart.map((row) => ({ row, margin: Math.min(0, closeness[row]! - least) }))
}

/** The rows of each topic without outliers, largest topic first, ties by first row. */
function membersBySize(topicOf: Int32Array, apart: ReadonlySet<number>): number[][] {
  const members: number[][] = []
  topicOf.forEach((topic, row) => {
    if (apart.has(row)) return
    members[topic] ??= []
    members[topic].push(row)
  })
  return members.filter(Boolean).sort((a, b) => b.length - a.length || a[0]! - b[0]!)
}

interface Places {
  readonly graph: WeightedGraph
  /** Position of each row's topic; -1 for none. */
  readonly topicOf: Int32Array
  readonly ids: readonly number[]
}

/** Where a row's edge weight goes: the share in its own topic, and the other topic with the largest share. */
function placeOf(
  row: number,
  { graph: { start, target, weight }, topicOf, ids }: Places,
): { readonly strength: number; readonly second: TopicShare | undefined } {
  const inTopic = new Map<number, number>()
  let all = 0
  for (let i = start[row]!; i < start[row + 1]!; i++) {
    const topic = topicOf[target[i]!]!
    all += weight[i]!
    inTopic.set(topic, (inTopic.get(topic) ?? 0) + weight[i]!)
  }
  const own = topicOf[row]!
  // No edges lead to another topic.
  if (all === 0) return { strength: own < 0 ? 0 : 1, second: undefined }
  let second = -1
  let most = 0
  for (const [topic, sum] of inTopic)
    if (topic >= 0 && topic !== own && (sum > most || (sum === most && topic < second))) {
      second = topic
      most = sum
    }
  return {
    strength: (inTopic.get(own) ?? 0) / all,
    second: second < 0 ? undefined : { topic: ids[second]!, strength: most / all },
  }
}

/**
 * Mean similarity of each row to all of them, itself included: its product with their sum.
 * @param words scratch, one sum per lexical column; all 0 before and after
 */
async function similarityToAll(
  { vectors, dimensions, lexical }: TopicMaterial,
  { rows, words, slice }: { readonly rows: readonly number[]; readonly words: Float64Array; readonly slice: TimeSlice },
): Promise<Float64Array> {
  const { start, column, value } = lexical
  const sum = new Float64Array(dimensions)
  for (const row of rows) {
    if (slice.due()) await slice.rest()
    for (let d = 0, from = row * dimensions; d < dimensions; d++) sum[d]! += vectors[from + d]!
    for (let i = start[row]!, end = start[row + 1]!; i < end; i++) words[column[i]!]! += value[i]!
  }
  const similarity = new Float64Array(rows.length)
  for (const [i, row] of rows.entries()) {
    if (slice.due()) await slice.rest()
    let product = 0
    for (let d = 0, from = row * dimensions; d < dimensions; d++) product += vectors[from + d]! * sum[d]!
    for (let j = start[row]!, end = start[row + 1]!; j < end; j++) product += value[j]! * words[column[j]!]!
    similarity[i] = product / rows.length / 2
  }
  for (const row of rows) {
    if (slice.due()) await slice.rest()
    for (let i = start[row]!, end = start[row + 1]!; i < end; i++) words[column[i]!] = 0
  }
  return similarity
}

/** @internal Freezes plain data, inner objects first. */
export async function deepFreeze<T extends object>(value: T, slice: TimeSlice): Promise<T> {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && !Object.isFrozen(inner)) await deepFreeze(inner, slice)
    if (slice.due()) await slice.rest()
  }
  return Object.freeze(value)
}
