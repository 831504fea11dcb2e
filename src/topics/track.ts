import type { TopicChange, TopicsData } from './topics.ts'

// Two topics are the same when each is the other's best match and they have at least this in common (Jaccard index).
const leastInCommon = 1 / 3
// A topic has grown or shrunk when its size changed by more than this share.
const notable = 0.1

/** What groups of papers are called when they go on from topics found before. */
export interface Identity {
  /** One a group. */
  readonly ids: readonly number[]
  /** The label of the topic that a group goes on from; undefined for a group that needs a new one. */
  readonly labels: readonly (string | undefined)[]
  readonly nextId: number
  /** Labels of new groups are not known yet: `labelOf` gives that of an id. */
  changes(labelOf: (id: number) => string): TopicChange[]
}

/** Numbers groups from 0. */
export function freshIdentity(groups: number): Identity {
  return {
    ids: Array.from({ length: groups }, (_, i) => i),
    labels: Array.from({ length: groups }, () => undefined),
    nextId: groups,
    changes: () => [],
  }
}

/**
 * Recognises topics of before among groups of paper ids, given by falling size. Only papers that are in both count: what
 * came and went in between says nothing about whether a topic is the same.
 * @param options `keepLabels`: of every topic that is the same, or only of those with the very same papers
 */
export function trackTopics(
  groups: readonly (readonly string[])[],
  previous: TopicsData,
  { keepLabels }: { readonly keepLabels: 'same' | 'unchanged' },
): Identity {
  const before = previous.topics
  const groupOf = new Map(groups.flatMap((ids, group) => ids.map((id) => [id, group] as const)))
  // Papers of topic t of before that are in group g now.
  const shared = before.map(({ papers }) => {
    const counts = new Map<number, number>()
    for (const { id } of papers) {
      const group = groupOf.get(id)
      if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1)
    }
    return counts
  })
  const stillThere = shared.map((counts) => sum(counts.values()))
  const oldInGroup = groups.map((_, group) => sum(shared.map((counts) => counts.get(group) ?? 0)))
  const likeness = (topic: number, group: number) => {
    const both = shared[topic].get(group) ?? 0
    return both === 0 ? 0 : both / (stillThere[topic] + oldInGroup[group] - both)
  }
  const topicsFrom = before.map((_, topic) => topic)
  const bestGroup = topicsFrom.map((topic) => best([...shared[topic].keys()], (group) => likeness(topic, group)))
  const bestTopic = groups.map((_, group) => best(topicsFrom, (topic) => likeness(topic, group)))
  const same = groups.map((_, group) => {
    const topic = bestTopic[group]
    return topic !== undefined && bestGroup[topic] === group && likeness(topic, group) >= leastInCommon
      ? topic
      : undefined
  })
  let nextId = previous.nextId
  const ids = same.map((topic) => (topic === undefined ? nextId++ : before[topic].id))
  const labels = same.map((topic, group) => {
    if (topic === undefined) return undefined
    const { label, size } = before[topic]
    const isUnchanged = size === groups[group].length && shared[topic].get(group) === size
    return keepLabels === 'same' || isUnchanged ? label : undefined
  })
  const changes = (labelOf: (id: number) => string): TopicChange[] => {
    const present = groups.map((papers, group): TopicChange => {
      const topic = same[group]
      const plain = { topic: ids[group], label: labelOf(ids[group]), size: papers.length }
      if (topic !== undefined) {
        const { size } = before[topic]
        const change =
          papers.length > size * (1 + notable) ? 'grew' : papers.length < size * (1 - notable) ? 'shrank' : 'kept'
        return { change, ...plain, before: size }
      }
      const origin = best(topicsFrom, (other) => shared[other].get(group) ?? 0)
      return origin !== undefined && 2 * (shared[origin].get(group) ?? 0) > papers.length
        ? { change: 'split', ...plain, before: 0, other: before[origin].id }
        : { change: 'born', ...plain, before: 0 }
    })
    const isSame = new Set(same)
    const gone = before.flatMap(({ id, label, size }, topic): TopicChange[] => {
      if (isSame.has(topic)) return []
      const plain = { topic: id, label, size: 0, before: size }
      const heir = best([...shared[topic].keys()], (group) => shared[topic].get(group) ?? 0)
      return heir !== undefined && 2 * (shared[topic].get(heir) ?? 0) > size
        ? [{ change: 'merged', ...plain, other: ids[heir] }]
        : [{ change: 'faded', ...plain }]
    })
    return [...present, ...gone]
  }
  return { ids, labels, nextId, changes }
}

/** The one with the highest value above 0; of equal ones the lower. */
function best(numbers: readonly number[], value: (number: number) => number): number | undefined {
  let found: number | undefined
  let most = 0
  for (const number of numbers) {
    const one = value(number)
    if (one > most || (one === most && found !== undefined && number < found)) {
      found = number
      most = one
    }
  }
  return found
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
