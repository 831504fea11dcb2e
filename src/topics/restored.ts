// Restores topics from JSON: checks the data, and maps it to rows.
import { z } from 'zod'
import { PaperkinError, show } from '../errors.ts'
import type { Paper } from '../paper.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { type Described, deepFreeze } from './describe-topics.ts'
import { topicMethods } from './methods.ts'
import type { TopicsData } from './topics.ts'

const text = z.string()
const number = z.number()
const share = z.looseObject({ topic: z.int(), strength: number })
const topicsData = z.looseObject({
  method: z.enum(topicMethods),
  seed: z.int(),
  sampledFrom: z.int().optional(),
  count: z.int(),
  topics: z.array(
    z.looseObject({
      id: z.int(),
      label: text,
      isNamed: z.literal(true).optional(),
      terms: z.array(z.looseObject({ term: text, weight: number })),
      size: z.int(),
      papers: z.array(z.looseObject({ id: text, strength: number, second: share.optional() })).min(1),
      representatives: z.array(text),
      sentence: text.optional(),
    }),
  ),
  groups: z.array(z.looseObject({ label: text, topics: z.array(z.int()), size: z.int() })),
  areSections: z.literal(true).optional(),
  outliers: z.array(z.looseObject({ id: text, nearest: z.int(), strength: number, margin: number })),
  unmatched: z.array(text),
  quality: z.looseObject({ modularity: number, strength: number }),
  evidence: z.array(z.looseObject({ resolution: number, count: z.int() })),
  resolution: number.optional(),
  changes: z.array(z.looseObject({ change: text, topic: z.int(), label: text })),
  past: z.array(z.looseObject({ id: z.int(), label: text, papers: z.array(text), age: z.int() })),
  nextId: z.int(),
})

/**
 * A checked copy of the plain data of topics, with the ids of all their papers, outliers included.
 * @throws PaperkinError `invalid-argument` for incomplete or inconsistent data
 */
export function checkedData(given: unknown): { readonly data: TopicsData; readonly papers: ReadonlySet<string> } {
  let copy: unknown
  try {
    copy = JSON.parse(JSON.stringify(given))
  } catch {
    // The check below rejects undefined.
  }
  const parsed = topicsData.safeParse(copy)
  const wrong = (why: string) =>
    new PaperkinError(
      'invalid-argument',
      `Expected \`topics\` to be the result of \`topics()\` or its parsed JSON, got ${show(given)}: ${why}.`,
    )
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw wrong(`${path.length > 0 ? `\`${path.join('.')}\`: ` : ''}${message}`)
  }
  const data = copy as TopicsData
  const ids = new Set(data.topics.map(({ id }) => id))
  if (ids.size !== data.topics.length) throw wrong('two topics have the same id')
  if (data.count !== data.topics.length) throw wrong(`\`count\` is ${data.count} for ${data.topics.length} topics`)
  if (data.topics.some(({ id }) => id >= data.nextId)) throw wrong('`nextId` is not above all topic ids')
  const papers = new Set<string>()
  for (const { id } of [...data.topics.flatMap((topic) => topic.papers), ...data.outliers]) {
    if (papers.has(id)) throw wrong(`the paper ${show(id)} occurs twice`)
    papers.add(id)
  }
  for (const { id, size, papers: members } of data.topics)
    if (size !== members.length) throw wrong(`topic ${id} has ${members.length} papers but \`size\` ${size}`)
  const named = [...data.groups.flatMap(({ topics }) => topics), ...data.outliers.map(({ nearest }) => nearest)]
  const unknown = named.find((id) => !ids.has(id))
  if (unknown !== undefined) throw wrong(`there is no topic ${unknown}`)
  if (data.groups.length > 0 && new Set(data.groups.flatMap(({ topics }) => topics)).size !== ids.size)
    throw wrong('a topic is in no group')
  return { data, papers }
}

/** Maps restored topics to rows. */
export async function describedBefore(
  papers: readonly Paper[],
  data: TopicsData,
  slice: TimeSlice,
): Promise<Described> {
  const position = new Map(data.topics.map(({ id }, place) => [id, place]))
  const placeOf = new Map<string, number>()
  for (const [place, topic] of data.topics.entries()) for (const { id } of topic.papers) placeOf.set(id, place)
  const nearest = new Map(data.outliers.map((outlier) => [outlier.id, position.get(outlier.nearest) as number]))
  const members: number[][] = data.topics.map(() => [])
  const topicOf = new Int32Array(papers.length).fill(-1)
  const partition = new Int32Array(papers.length)
  for (const [row, { id }] of papers.entries()) {
    const place = placeOf.get(id)
    if (place !== undefined) members[place]!.push(row)
    topicOf[row] = place ?? -1
    partition[row] = place ?? (nearest.get(id) as number)
    if (slice.due()) await slice.rest()
  }
  const names = data.topics.map(({ isNamed, label }) => (isNamed ? label : undefined))
  return { data: await deepFreeze(data, slice), members, partition, topicOf, names }
}
