// Places all papers of a library among topics that were found among some of them: each in the topic with the nearest
// centroid. Works wherever the vectors are: it needs those of the papers of the topics, in parts, and the nearest
// centroid of each paper.
import { PaperkinError } from '../../errors.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import type { TopicsData } from '../../topics/find-topics.ts'
import { exactDot } from '../../vectors/kernels.ts'
import type { Collection } from '../collection/collection.ts'

/** The place of a paper of the library among topics. */
export interface TopicAssignment {
  readonly id: string
  /** Id of its topic; absent for an outlier. */
  readonly topic?: number
  /** Id of the topic with the nearest centroid; for a paper that the topics were found among, its topic or nearest. */
  readonly nearest: number
  /** -1 … 1: cosine of its vector to the centroid of that topic, the mean of the topic's papers. */
  readonly similarity: number
}

/** The centroid of index `place` is the nearest to a paper. */
export interface NearestCentroid {
  readonly id: string
  readonly place: number
  readonly similarity: number
}

/** Vectors of a library. */
export interface VectorPlace {
  /** Unit vectors by id; those of papers that are not there are left out. */
  vectorsOf(
    ids: readonly string[],
    options: { readonly signal: AbortSignal | undefined },
  ): Promise<ReadonlyMap<string, Float32Array>>
  /** The nearest of some unit vectors to each paper, for all papers, in parts; of equal ones the first. */
  nearest(
    centroids: readonly Float32Array[],
    options: { readonly signal: AbortSignal | undefined },
  ): AsyncGenerator<readonly NearestCentroid[]>
}

/** Papers whose vectors are read at once. */
const papersPerRead = 2048

/**
 * Places all papers. Those of the topics stay where they are. Of the others, one that is less similar to the nearest
 * centroid than every paper of that topic fits none.
 */
export async function* assignAll(
  { topics, outliers }: Pick<TopicsData, 'topics' | 'outliers'>,
  place: VectorPlace,
  signal: AbortSignal | undefined,
): AsyncGenerator<TopicAssignment> {
  if (topics.length === 0)
    throw new PaperkinError(
      'invalid-argument',
      'Expected topics to assign papers to, got none: they were found among no papers.',
    )
  const positions = new Map(topics.map(({ id }, position) => [id, position]))
  const known = new Map<string, { readonly position: number; readonly isOutlier: boolean; similarity: number }>()
  for (const [position, { papers }] of topics.entries())
    for (const { id } of papers) known.set(id, { position, isOutlier: false, similarity: 0 })
  for (const { id, nearest } of outliers)
    known.set(id, { position: positions.get(nearest) as number, isOutlier: true, similarity: 0 })
  const centroids = await centroidsOf(
    topics.map(({ papers }) => papers.map(({ id }) => id)),
    place,
    signal,
  )
  // Topics of which every paper was removed get none.
  const present = [...centroids.keys()].filter((position) => centroids[position] !== undefined)
  if (present.length === 0)
    throw new PaperkinError(
      'paper-not-found',
      'Expected papers of `topics` in the library, found none: find topics of those that are there with `library.topics()`.',
    )
  const lowest = new Float64Array(topics.length).fill(Number.POSITIVE_INFINITY)
  const slice = timeSlice(signal)
  for await (const vectors of vectorsIn([...known.keys()], place, signal))
    for (const [id, vector] of vectors) {
      const its = known.get(id) as { position: number; isOutlier: boolean; similarity: number }
      const centroid = centroids[its.position]
      if (centroid === undefined) continue
      its.similarity = exactDot(vector, 0, centroid, 0, vector.length)
      if (!its.isOutlier) lowest[its.position] = Math.min(lowest[its.position]!, its.similarity)
      if (slice.due()) await slice.rest()
    }
  const found = place.nearest(
    present.map((position) => centroids[position] as Float32Array),
    { signal },
  )
  for await (const part of found)
    for (const { id, place, similarity } of part) {
      const own = known.get(id)
      const its = own !== undefined && centroids[own.position] !== undefined ? own : undefined
      const position = its?.position ?? (present[place] as number)
      const topic = topics[position]!.id
      const isOutlier = its?.isOutlier ?? similarity < lowest[position]!
      yield { id, ...(!isOutlier && { topic }), nearest: topic, similarity: its?.similarity ?? similarity }
    }
}

/** The mean directions of groups of papers; undefined where none of a group is there. */
async function centroidsOf(
  groups: readonly (readonly string[])[],
  place: VectorPlace,
  signal: AbortSignal | undefined,
): Promise<(Float32Array | undefined)[]> {
  const groupOf = new Map(groups.flatMap((ids, group) => ids.map((id) => [id, group] as const)))
  const sums: (Float64Array | undefined)[] = groups.map(() => undefined)
  const slice = timeSlice(signal)
  for await (const vectors of vectorsIn([...groupOf.keys()], place, signal))
    for (const [id, vector] of vectors) {
      const group = groupOf.get(id) as number
      sums[group] ??= new Float64Array(vector.length)
      const sum = sums[group]
      for (let d = 0; d < vector.length; d++) sum[d]! += vector[d]!
      if (slice.due()) await slice.rest()
    }
  return sums.map((sum) => {
    const length = sum && Math.sqrt(exactDot(sum, 0, sum, 0, sum.length))
    return length ? Float32Array.from(sum as Float64Array, (value) => value / length) : undefined
  })
}

async function* vectorsIn(ids: readonly string[], place: VectorPlace, signal: AbortSignal | undefined) {
  for (let start = 0; start < ids.length; start += papersPerRead)
    yield place.vectorsOf(ids.slice(start, start + papersPerRead), { signal })
}

/** The vectors of a collection, as of the call. */
export function vectorsOf(collection: Collection): VectorPlace {
  const { roster } = collection
  const kept = new Map(collection.kept)
  const snapshot = collection.snapshot()
  return {
    async vectorsOf(ids) {
      const found = new Map<string, Float32Array>()
      for (const id of ids) {
        const paper = kept.get(id)
        if (paper !== undefined) found.set(id, snapshot.vector(paper.row))
      }
      return found
    },
    async *nearest(centroids, { signal }) {
      const slice = timeSlice(signal)
      for (let start = 0; start < roster.papers.length; start += papersPerRead) {
        const papers = roster.papers.slice(start, start + papersPerRead)
        const rows = roster.rows.subarray(start, start + papersPerRead)
        const best = papers.map(({ id }) => ({ id, place: 0, similarity: Number.NEGATIVE_INFINITY }))
        for (const [place, centroid] of centroids.entries()) {
          const cosines = await snapshot.scoreRows(centroid, rows)
          for (const [i, one] of best.entries())
            if (cosines[i]! > one.similarity) {
              one.place = place
              one.similarity = cosines[i]!
            }
          if (slice.due()) await slice.rest()
        }
        yield best
      }
    },
  }
}
