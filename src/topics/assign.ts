import { PaperkinError } from '../errors.ts'
import { type KinList, kinship, leastWeight } from './kin-graph.ts'
import type { SimilarPaper, TopicPlace, TopicsData } from './topics.ts'

interface AssignOptions {
  /** Ids of the papers of the rows. */
  readonly ids: readonly string[]
  readonly kin: KinList
  /** Position of each row's topic; -1 for an outlier. */
  readonly topicOf: Int32Array
}

/**
 * Places papers by the topics of their nearest kin. A paper less similar to its nearest kin than every paper in a topic
 * fits none.
 */
export async function assignPapers(
  { topics }: TopicsData,
  papers: AsyncIterable<SimilarPaper>,
  { ids, kin, topicOf }: AssignOptions,
): Promise<TopicPlace[]> {
  if (topics.length === 0)
    throw new PaperkinError(
      'invalid-argument',
      'Expected topics to assign papers to, got none: they were found among no papers.',
    )
  const width = Math.max(1, kin.k)
  let loneliest = Number.POSITIVE_INFINITY
  if (kin.k > 0)
    for (let row = 0; row < kin.rows; row++)
      if (topicOf[row]! >= 0) loneliest = Math.min(loneliest, kinship(kin.similarity, row * kin.k, kin.k))
  if (loneliest === Number.POSITIVE_INFINITY) loneliest = Number.NEGATIVE_INFINITY
  const rowOf = new Map(ids.map((id, row) => [id, row]))
  const places: TopicPlace[] = []
  for await (const { id, similarity } of papers) {
    const { rows, values } = nearest(similarity, width, rowOf.get(id))
    const weights = new Float64Array(topics.length)
    let all = 0
    for (const [i, row] of rows.entries()) {
      const weight = Math.max(leastWeight, values[i]!)
      all += weight
      if (topicOf[row]! >= 0) weights[topicOf[row]!]! += weight
    }
    const order = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b)
    const [first = 0, second] = order
    const margin = kinship(values, 0, values.length) - loneliest
    const share = (position: number) => ({
      topic: topics[position]!.id,
      strength: all > 0 ? weights[position]! / all : 0,
    })
    places.push({
      id,
      ...(margin >= 0 && weights[first]! > 0 && { topic: topics[first]!.id }),
      nearest: topics[first]!.id,
      strength: share(first).strength,
      ...(second !== undefined && weights[second]! > 0 && { second: share(second) }),
      margin: Math.min(0, margin),
    })
  }
  return places
}

/** The `count` most similar rows, ties by row; never the row of the paper itself. */
function nearest(similarity: ArrayLike<number>, count: number, own: number | undefined) {
  const rows: number[] = []
  const values: number[] = []
  for (let row = 0; row < similarity.length; row++) {
    const value = similarity[row]!
    if (row === own || (rows.length === count && value <= values[count - 1]!)) continue
    let place = rows.length
    while (place > 0 && values[place - 1]! < value) place--
    rows.splice(place, 0, row)
    values.splice(place, 0, value)
    if (rows.length > count) {
      rows.pop()
      values.pop()
    }
  }
  return { rows, values: Float64Array.from(values) }
}
