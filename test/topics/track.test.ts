import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { findTopics, type TopicChange, type TopicsData, topicMethods } from '../../src/topics/find-topics.ts'
import { trackTopics } from '../../src/topics/track.ts'
import { planted, rowsOf } from './planted.ts'

/** Topics as data: for each its id, its label and the ids of its papers. */
function topicsData(topics: readonly (readonly [id: number, label: string, papers: string])[]): TopicsData {
  return {
    method: 'graph',
    seed: 1,
    count: topics.length,
    topics: topics.map(([id, label, papers]) => ({
      id,
      label,
      terms: [],
      size: papers.length,
      papers: [...papers].map((paper) => ({ id: paper, strength: 1 })),
      representatives: [],
    })),
    outliers: [],
    unmatched: [],
    quality: { modularity: 0, strength: 1 },
    evidence: [],
    groups: [],
    changes: [],
    past: [],
    nextId: Math.max(-1, ...topics.map(([id]) => id)) + 1,
  }
}

const track = (before: Parameters<typeof topicsData>[0], now: readonly string[]) => {
  const identity = trackTopics(
    now.map((papers) => [...papers]),
    topicsData(before),
    { keepLabels: 'same' },
  )
  return { ...identity, changes: identity.changes((id) => `label ${id}`) }
}

const tell = ({ change, topic, other, label }: TopicChange) =>
  `${change} ${topic}${other === undefined ? '' : ` (${other})`} ${label}`

describe('topics of before', () => {
  test('keep ids and labels, whatever comes and goes', () => {
    const { ids, labels, nextId, changes } = track(
      [
        [4, 'owls', 'abcdef'],
        [2, 'mice', 'ghij'],
      ],
      ['ghijkxyz', 'abcdefm'],
    )
    expect(ids).toEqual([2, 4])
    expect(labels).toEqual(['mice', 'owls'])
    expect(nextId).toBe(5)
    expect(changes).toEqual([
      { change: 'grew', topic: 2, label: 'label 2', size: 8, before: 4 },
      { change: 'grew', topic: 4, label: 'label 4', size: 7, before: 6 },
    ])
  })

  test('that merged have id and label again when they part', () => {
    const days = ['abcdef ghij', 'abcdefghij', 'abcdefghijk', 'abcdefk ghijl', 'abcdefk ghijl']
    let before = topicsData([])
    const told: string[] = []
    for (const day of days) {
      const groups = day.split(' ').map((papers) => [...papers])
      const { ids, labels, nextId, past, changes } = trackTopics(groups, before, { keepLabels: 'same' })
      const named = ids.map((id, i) => [id, labels[i] ?? `topic ${id}`, groups[i]!.join('')] as const)
      told.push(
        changes((id) => named.find(([own]) => own === id)?.[1] as string)
          .map(tell)
          .join(', '),
      )
      before = { ...topicsData(named), nextId, past }
    }
    expect(told).toEqual([
      'born 0 topic 0, born 1 topic 1',
      'grew 0 topic 0, merged 1 (0) topic 1',
      'kept 0 topic 0',
      'shrank 0 topic 0, returned 1 (0) topic 1',
      'kept 0 topic 0, kept 1 topic 1',
    ])
    expect(before.nextId).toBe(2)
    expect(before.past).toEqual([])
  })

  test('are forgotten when they were gone thirty times, and lose a label that another has by then', () => {
    const gone = { id: 7, label: 'owls', papers: [...'abcd'] }
    const back = (age: number, label: string) =>
      trackTopics(
        [[...'abcd'], [...'efgh']],
        { ...topicsData([[3, label, 'efgh']]), nextId: 8, past: [{ ...gone, age }] },
        { keepLabels: 'same' },
      )
    expect(back(30, 'mice')).toMatchObject({ ids: [7, 3], labels: ['owls', 'mice'], nextId: 8, past: [] })
    expect(back(30, 'owls')).toMatchObject({ ids: [7, 3], labels: [undefined, 'owls'] })
    const still = (age: number) =>
      trackTopics(
        [[...'efgh']],
        { ...topicsData([[3, 'mice', 'efgh']]), past: [{ ...gone, age }] },
        { keepLabels: 'same' },
      )
    expect(still(29).past).toEqual([{ ...gone, age: 30 }])
    expect(still(30).past).toEqual([])
  })

  test('papers that went make a topic smaller, not another', () => {
    expect(track([[0, 'owls', 'abcdefghij']], ['ab']).changes).toEqual([
      { change: 'shrank', topic: 0, label: 'label 0', size: 2, before: 10 },
    ])
  })

  test('a new one is born, with a number that none had', () => {
    const { ids, changes } = track([[7, 'owls', 'abcd']], ['abcd', 'xyz'])
    expect(ids).toEqual([7, 8])
    expect(changes.map(({ change }) => change)).toEqual(['kept', 'born'])
  })

  test('the larger part of a split goes on', () => {
    const { ids, changes } = track([[0, 'owls', 'abcdefgh']], ['abcde', 'fghx'])
    expect(ids).toEqual([0, 1])
    expect(changes).toEqual([
      { change: 'shrank', topic: 0, label: 'label 0', size: 5, before: 8 },
      { change: 'split', topic: 1, label: 'label 1', size: 4, before: 0, other: 0 },
    ])
  })

  test('the smaller of two that merge is gone', () => {
    const { ids, changes } = track(
      [
        [0, 'owls', 'abcde'],
        [1, 'mice', 'fgh'],
      ],
      ['abcdefgh'],
    )
    expect(ids).toEqual([0])
    expect(changes).toEqual([
      { change: 'grew', topic: 0, label: 'label 0', size: 8, before: 5 },
      { change: 'merged', topic: 1, label: 'mice', size: 0, before: 3, other: 0 },
    ])
  })

  test('what is scattered or no longer there has faded', () => {
    const before = [
      [0, 'owls', 'abcdef'],
      [1, 'mice', 'ghijklmno'],
      [2, 'voles', 'pqr'],
    ] as const
    const { ids, changes } = track(before, ['abcdefghi', 'jklxyz', 'mnovw'])
    expect(changes.filter(({ change }) => change === 'faded').map(({ topic }) => topic)).toContain(2)
    expect(new Set(ids).size).toBe(3)
  })
})

const whole = await planted({ topics: 6, size: 20, noise: 1.6 })
const part = async (keep: (topic: number, row: number) => boolean) => {
  const rows = whole.papers.flatMap((_, row) => (keep(whole.truth[row]!, row) ? [row] : []))
  return await rowsOf(
    rows.map((row) => whole.papers[row]!),
    rows.map((row) => whole.vectors.subarray(row * whole.dimensions, (row + 1) * whole.dimensions)),
  )
}

describe.each(topicMethods)('%s', (method) => {
  test('ids and labels stay from one day to the next, also through JSON', async () => {
    const first = await findTopics(await part((topic, row) => topic < 4 && row % 5 > 0), { method })
    expect(first.count).toBe(4)
    const previous = JSON.parse(JSON.stringify(first)) as TopicsData
    const second = await findTopics(await part((topic) => topic < 5), { method, previous })
    expect(second.count).toBe(5)
    expect(second.evidence).toEqual([])
    for (const { id, label, papers } of first.topics) {
      const now = second.topics.find((topic) => topic.id === id)
      expect(now?.label).toBe(label)
      expect(papers.filter((paper) => now?.papers.some((other) => other.id === paper.id)).length).toBeGreaterThan(
        0.8 * papers.length,
      )
    }
    expect(second.changes.map(({ change }) => change).sort()).toEqual(['born', 'grew', 'grew', 'grew', 'grew'])
    const third = await findTopics(await part((topic) => topic > 0 && topic < 5), {
      method,
      previous: second,
      count: 4,
    })
    const gone = second.of(whole.papers[whole.truth.indexOf(0)]!.id)?.id
    expect(third.changes.filter(({ size }) => size === 0).map(({ topic, change }) => [topic, change])).toEqual([
      [gone, 'faded'],
    ])
    expect(third.nextId).toBe(5)
  })

  test('a name that was given once is not asked for again', async () => {
    const first = await findTopics(await part((topic) => topic < 3), {
      method,
      count: 3,
      label: ({ id }) => `name ${id}`,
    })
    const asked: number[] = []
    const second = await findTopics(await part((topic) => topic < 4), {
      method,
      count: 4,
      previous: first,
      label: ({ id }) => `new name ${asked.push(id)}`,
    })
    expect(asked).toEqual([3])
    expect(second.topics.map(({ label }) => label).sort()).toEqual(['name 0', 'name 1', 'name 2', 'new name 1'])
  })
})

test('a label goes when hardly any paper has a term of it any more, a name that was given stays', async () => {
  const among = await part((topic) => topic < 3)
  const first = await findTopics(among)
  const labelled = (label: string, terms: readonly string[]): TopicsData => ({
    ...(JSON.parse(JSON.stringify(first)) as TopicsData),
    topics: first.topics.map((topic, i) =>
      i > 0 ? topic : { ...topic, label, terms: terms.map((term) => ({ term, weight: 1 })) },
    ),
  })
  const { id, label, terms } = first.topics[0]!
  const still = terms[0]!.term
  const after = async (previous: TopicsData) => {
    const { topics } = await findTopics(among, { previous })
    return topics.find((topic) => topic.id === id)?.label
  }
  expect(await after(labelled(`${still}, owls`, [still, 'owls']))).toBe(label)
  expect(await after(labelled(`${still}, owls`, [still]))).toBe(`${still}, owls`)
  expect(await after(labelled(still, [still]))).toBe(still)
})

test.each([[{}], [null], [[]], ['topics'], [{ nextId: 1, topics: [{ id: 0 }] }]])(
  '%j is refused as topics of before',
  async (previous) => {
    const error = await findTopics(await part((topic) => topic < 2), { previous: previous as never }).catch(
      (thrown: unknown) => thrown,
    )
    expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
    expect(String(error)).toContain('Expected `previous`')
  },
)
