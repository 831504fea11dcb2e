import type { TimeSlice } from '../runtime/time-slice.ts'
import { cut, dendrogram } from './dendrogram.ts'
import { commonNodes, labelsOf, type TopicMaterial } from './describe-topics.ts'
import { labelTopics, type TopicName } from './label-topics.ts'
import type { Topic, TopicGroup, TopicNode } from './topics.ts'
import type { WeightedGraph } from './weighted-graph.ts'

const shrinkage = 3
const leastGroups = 3

interface HierarchyOptions {
  readonly graph: WeightedGraph
  /** Position of each row's topic in `topics`; for outliers, of the nearest topic. */
  readonly partition: Int32Array
  /** Rows of each topic without outliers. */
  readonly members: readonly (readonly number[])[]
  readonly collection: TopicMaterial
  /** Groups by discipline, if the topics are sections. @default groups from the neighbour graph */
  readonly groups?: readonly TopicGroup[] | undefined
  readonly termsPerLabel: number
  readonly slice: TimeSlice
}

/** Groups topics into a tree with a name at every level. */
export async function topicHierarchy(topics: readonly Topic[], options: HierarchyOptions): Promise<TopicNode> {
  const { graph, partition, members, collection, groups, termsPerLabel, slice } = options
  const { atlas, vocabulary, phrases } = collection
  const position = Int32Array.from(topics.keys())
  const isGrouped = groups !== undefined && groups.length > 1
  const merges = isGrouped ? [] : await dendrogram(graph, partition, slice)
  const counts: number[] = []
  if (isGrouped) counts.push(groups.length)
  else
    for (let count = topics.length; Math.round(count / shrinkage) >= leastGroups; counts.unshift(count))
      count = Math.round(count / shrinkage)
  const taken = new Set(topics.map(({ label }) => label))
  // From the top down: the group of every topic, and the names of the groups.
  const levels: { readonly groupOf: Int32Array; readonly names: readonly TopicName[] }[] = []
  for (const count of [1, ...counts]) {
    const groupOf = isGrouped
      ? position.map((_, topic) =>
          count === 1 ? 0 : groups.findIndex((group) => group.topics.includes(topics[topic]!.id)),
        )
      : cut(position, merges, count)
    const rows: number[][] = []
    for (const [topic, group] of groupOf.entries()) {
      rows[group] ??= []
      rows[group].push(...members[topic]!)
    }
    const byTerms = await labelTopics(phrases, { members: rows, termsPerLabel, taken, vocabulary, slice })
    const nodes = await commonNodes(collection, { members: rows, slice })
    const labels =
      isGrouped && count > 1
        ? groups.map(({ label }) => (taken.has(label) ? `All of ${label}` : label))
        : labelsOf(byTerms, { atlas, nodes, members: rows, taken })
    for (const label of labels) taken.add(label)
    levels.push({ groupOf, names: byTerms.map(({ terms }, group) => ({ label: labels[group]!, terms })) })
  }
  const leaf = ({ id, label, terms, size, papers }: Topic): TopicNode => ({
    topic: id,
    label,
    terms,
    size,
    papers: papers.map((paper) => paper.id),
    children: [],
  })
  const nodes = (inside: readonly number[], level: number): TopicNode[] => {
    if (level >= levels.length) return inside.map((topic) => leaf(topics[topic]!))
    const { groupOf, names } = levels[level]!
    const groups = new Map<number, number[]>()
    for (const topic of inside) groups.set(groupOf[topic]!, [...(groups.get(groupOf[topic]!) ?? []), topic])
    // Skip a level that does not divide this group.
    if (groups.size === 1 && level > 0) return nodes(inside, level + 1)
    const found = Array.from(groups, ([group, within]): TopicNode => {
      if (within.length === 1 && level > 0) return leaf(topics[within[0]!]!)
      const children = nodes(within, level + 1)
      const papers = children.flatMap((child) => child.papers)
      return { ...names[group]!, size: papers.length, papers, children }
    })
    return found.sort((a, b) => b.size - a.size)
  }
  const [root] = nodes([...position], 0)
  return root ?? { label: 'no topics', terms: [], size: 0, papers: [], children: [] }
}
