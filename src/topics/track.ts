import type { PastTopic, TopicChange, TopicsData } from './topics.ts'

// Two topics are the same if each is the other's best match and their Jaccard index is at least this.
const leastInCommon = 1 / 3
// A topic that was missing this many times is forgotten.
const mostAge = 30
// A topic has grown or shrunk if its size changed by more than this share.
const notable = 0.1

/** Ids and labels of groups of papers, given the topics found before. */
export interface Identity {
  /** One per group. */
  readonly ids: readonly number[]
  /** The label that each group keeps; undefined for a group that needs a new one. */
  readonly labels: readonly (string | undefined)[]
  /** The terms of the previous topic that each group continues; empty for other groups. */
  readonly terms: readonly (readonly string[])[]
  readonly nextId: number
  readonly past: readonly PastTopic[]
  /** `labelOf` gives the label of an id, because new groups have none yet. */
  changes(labelOf: (id: number) => string): TopicChange[]
}

/** Numbers groups from 0. */
export function freshIdentity(groups: number): Identity {
  return {
    ids: Array.from({ length: groups }, (_, i) => i),
    labels: Array.from({ length: groups }, () => undefined),
    terms: Array.from({ length: groups }, () => []),
    nextId: groups,
    past: [],
    changes: () => [],
  }
}

/**
 * Recognises previous topics among groups of paper ids, given largest first. Only papers in both count: those added or
 * removed in between say nothing about whether a topic is the same.
 * @param options `keepLabels`: `'same'` for every topic that persists, `'unchanged'` only for those with exactly the
 *   same papers (for regrouped topics, where none can return); `names`: caller-given names, which identify their groups
 */
export function trackTopics(
  groups: readonly (readonly string[])[],
  previous: TopicsData,
  {
    keepLabels,
    names = [],
  }: { readonly keepLabels: 'same' | 'unchanged'; readonly names?: readonly (string | undefined)[] },
): Identity {
  const before = previous.topics
  const groupOf = new Map(groups.flatMap((ids, group) => ids.map((id) => [id, group] as const)))
  // For each previous topic: its papers per current group.
  const shared = before.map(({ papers }) =>
    countsIn(
      papers.map(({ id }) => id),
      groupOf,
    ),
  )
  const stillThere = shared.map((counts) => sum(counts.values()))
  const oldInGroup = groups.map((_, group) => sum(shared.map((counts) => counts.get(group) ?? 0)))
  const likeness = (topic: number, group: number) => {
    const both = shared[topic]!.get(group) ?? 0
    return both === 0 ? 0 : both / (stillThere[topic]! + oldInGroup[group]! - both)
  }
  const byName = groups.map((_, group) =>
    indexOrNone(before.findIndex(({ isNamed, label }) => isNamed && label === names[group])),
  )
  const isTaken = new Set(byName)
  const same = matches(groups.length, shared, (topic, group) =>
    byName[group] !== undefined || isTaken.has(topic) ? 0 : likeness(topic, group),
  ).map((topic, group) => byName[group] ?? topic)
  const isSame = new Set(same)
  // The remaining groups may be topics that were gone: compare them over the papers that were there last time.
  const remembered = keepLabels === 'same' ? (previous.past ?? []) : []
  const pastIn = remembered.map(({ papers }) => countsIn(papers, groupOf))
  const pastThere = pastIn.map((counts) => sum(counts.values()))
  const backByName = groups.map((_, group) =>
    same[group] === undefined ? indexOrNone(remembered.findIndex(({ label }) => label === names[group])) : undefined,
  )
  const isBack = new Set(backByName)
  const found = matches(groups.length, pastIn, (topic, group) => {
    if (backByName[group] !== undefined || isBack.has(topic)) return 0
    const both = same[group] === undefined ? (pastIn[topic]!.get(group) ?? 0) : 0
    return both === 0 ? 0 : both / (pastThere[topic]! + oldInGroup[group]! - both)
  }).map((topic, group) => backByName[group] ?? topic)
  const isReturned = new Set(found)
  let nextId = previous.nextId
  const ids = groups.map((_, group) => {
    const [topic, back] = [same[group], found[group]]
    if (topic !== undefined) return before[topic]!.id
    return back !== undefined ? remembered[back]!.id : nextId++
  })
  const labels = groups.map((papers, group) => {
    const [topic, back] = [same[group], found[group]]
    // Another topic may have got its label in the meantime.
    if (back !== undefined && !before.some(({ label }) => label === remembered[back]!.label))
      return remembered[back]!.label
    if (topic === undefined) return undefined
    const { label, size } = before[topic]!
    const isUnchanged = size === papers.length && shared[topic]!.get(group) === size
    return keepLabels === 'same' || isUnchanged ? label : undefined
  })
  const terms = groups.map((_, group) => {
    const topic = same[group]
    return topic === undefined ? [] : before[topic]!.terms.map(({ term }) => term)
  })
  const past =
    keepLabels === 'unchanged'
      ? (previous.past ?? [])
      : [
          ...before
            .filter((_, topic) => !isSame.has(topic))
            .map(({ id, label, papers }) => ({ id, label, papers: papers.map((paper) => paper.id), age: 1 })),
          ...remembered
            .filter(({ age }, topic) => !isReturned.has(topic) && age < mostAge)
            .map((topic) => ({ ...topic, age: topic.age + 1 })),
        ]
  const changes = (labelOf: (id: number) => string): TopicChange[] => {
    const present = groups.map((papers, group): TopicChange => {
      const topic = same[group]
      const plain = { topic: ids[group]!, label: labelOf(ids[group]!), size: papers.length }
      if (topic !== undefined) {
        const { size } = before[topic]!
        const change =
          papers.length > size * (1 + notable) ? 'grew' : papers.length < size * (1 - notable) ? 'shrank' : 'kept'
        return { change, ...plain, before: size }
      }
      const origin = best([...before.keys()], (other) => shared[other]!.get(group) ?? 0)
      if (found[group] !== undefined)
        return { change: 'returned', ...plain, before: 0, ...(origin !== undefined && { other: before[origin]!.id }) }
      return origin !== undefined && 2 * (shared[origin]!.get(group) ?? 0) > papers.length
        ? { change: 'split', ...plain, before: 0, other: before[origin]!.id }
        : { change: 'born', ...plain, before: 0 }
    })
    const gone = before.flatMap(({ id, label, size }, topic): TopicChange[] => {
      if (isSame.has(topic)) return []
      const plain = { topic: id, label, size: 0, before: size }
      const heir = best([...shared[topic]!.keys()], (group) => shared[topic]!.get(group) ?? 0)
      return heir !== undefined && 2 * (shared[topic]!.get(heir) ?? 0) > size
        ? [{ change: 'merged', ...plain, other: ids[heir]! }]
        : [{ change: 'faded', ...plain }]
    })
    return [...present, ...gone]
  }
  return { ids, labels, terms, nextId, past, changes }
}

const indexOrNone = (index: number) => (index < 0 ? undefined : index)

/** Number of the papers in each group. */
function countsIn(papers: readonly string[], groupOf: ReadonlyMap<string, number>): Map<number, number> {
  const counts = new Map<number, number>()
  for (const id of papers) {
    const group = groupOf.get(id)
    if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1)
  }
  return counts
}

/** The topic that each group continues: each is the other's best match, and they are similar enough. */
function matches(
  groups: number,
  shared: readonly ReadonlyMap<number, number>[],
  likeness: (topic: number, group: number) => number,
): (number | undefined)[] {
  const bestGroup = shared.map((counts, topic) => best([...counts.keys()], (group) => likeness(topic, group)))
  return Array.from({ length: groups }, (_, group) => {
    const topic = best([...shared.keys()], (one) => likeness(one, group))
    return topic !== undefined && bestGroup[topic] === group && likeness(topic, group) >= leastInCommon
      ? topic
      : undefined
  })
}

/** The number with the highest value above 0, ties to the lowest. */
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
