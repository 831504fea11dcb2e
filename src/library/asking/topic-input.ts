import { Atlas } from '../../atlas/atlas.ts'
import type { Embedder } from '../../embedding/embedder.ts'
import { PaperkinError } from '../../errors.ts'
import { type PaperInput, paperName, paperText } from '../../paper.ts'
import type { ReportInput } from '../../report/report-data.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import type { SimilarPaper, TopicInput } from '../../topics/find-topics.ts'
import type { Holding } from '../collection/collection.ts'
import { givenPaper } from '../collection/find-papers.ts'
import type { StoredPaper } from '../storage/storage.ts'

/**
 * The input for topics: papers of a collection as of the call, with vectors and words, and a comparison with other
 * papers.
 */
export async function topicInput(
  collection: Holding,
  {
    embedder,
    atlas,
    only,
    sampledFrom,
    signal,
  }: {
    readonly embedder: Embedder | undefined
    /** The map of science in the space of the vectors. */
    readonly atlas: Atlas | undefined
    /** Ids of papers of the collection. @default all */
    readonly only?: ReadonlySet<string> | undefined
    /** Number of papers of the library, if the collection is a sample of them. */
    readonly sampledFrom?: number | undefined
    readonly signal: AbortSignal | undefined
  },
): Promise<TopicInput & Pick<ReportInput, 'namer'>> {
  const { lexical } = collection
  const kept = only === undefined ? collection.roster.papers : papersOf(only, collection)
  const rows = Int32Array.from(kept, ({ row }) => row)
  const snapshot = collection.vectors.snapshot()
  const { dimensions } = collection.vectors
  const slice = timeSlice(signal)
  const [words, papers] = await Promise.all([lexical.sparseRows(rows, slice), collection.read(kept, { signal })])
  const vectors = await snapshot.vectors(rows, signal === undefined ? {} : { signal })
  async function* compare(others: readonly PaperInput[], options: { readonly signal?: AbortSignal | undefined }) {
    const resting = timeSlice(options.signal)
    const given = others.map((other) => givenPaper(other))
    const same = given.map(({ id }) => collection.kept.get(id))
    await collection.read(
      same.filter((one) => one !== undefined),
      options,
    )
    const known = given.map(({ title, abstract }, i) => {
      const one = same[i]
      const isSame = one?.cached?.title === title && one.cached.abstract === abstract
      return isSame && collection.vectors.has(one.row) ? collection.vectors.vector(one.row) : undefined
    })
    const unknown = given.filter((_, i) => known[i] === undefined)
    if (unknown.length > 0 && embedder === undefined)
      throw new PaperkinError(
        'embedder-unavailable',
        sampledFrom === undefined
          ? `Expected papers of the library, because it has no embedder, got ${paperName(unknown[0]!)}: add it with its vector first.`
          : `Expected papers of the sample that the topics were found among, because the library has no embedder, got ${paperName(unknown[0]!)}: place all papers with \`library.assignAll(topics)\`.`,
      )
    const embedded =
      (await embedder?.embed(unknown.map(paperText), {
        inputType: 'document',
        ...(options.signal && { signal: options.signal }),
      })) ?? []
    await lexical.prepare(resting)
    let next = 0
    for (const [i, paper] of given.entries()) {
      const vector = known[i] ?? embedded[next++]
      const cosines = await snapshot.scoreRows(vector!, rows)
      if (resting.due()) await resting.rest()
      const shared = lexical.similarTo(paper)
      const similar: SimilarPaper = {
        id: paper.id,
        similarity: cosines.map((cosine, place) => (cosine + shared[rows[place]!]!) / 2),
      }
      yield similar
      if (resting.due()) await resting.rest()
    }
  }
  const { terms, ...sparse } = words
  const namer = () => {
    const nameOf = lexical.namer()
    return (column: number) => nameOf(terms[column]!)
  }
  const embedNames =
    embedder && ((texts: readonly string[]) => embedder.embed(texts, { inputType: 'query', ...(signal && { signal }) }))
  return {
    papers,
    vectors,
    dimensions,
    lexical: sparse,
    sampledFrom,
    compare,
    embedNames,
    namer,
    atlas,
    vocabulary: Atlas.load(),
  }
}

/** The papers with some ids, in the order of the roster. */
function papersOf(ids: ReadonlySet<string>, { kept, roster }: Holding): StoredPaper[] {
  const places = Int32Array.from(ids, (id) => roster.placeOf((kept.get(id) as StoredPaper).row)).sort()
  return Array.from(places, (place) => roster.papers[place]!)
}
