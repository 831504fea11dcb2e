// Work over all papers of a library on Postgres without holding their vectors: a sample to find topics among, the nearest
// centroid of each paper, and records one after another.
import { PaperkinError } from '../../errors.ts'
import { pairHashes } from '../../lexical/term-counts.ts'
import type { Paper } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import type { NearestCentroid, VectorPlace } from '../asking/assign-all.ts'
import { Candidates } from '../asking/candidates.ts'
import type { PairedPaper } from '../asking/near-duplicates.ts'
import { type DatedPapers, spanOfId } from '../asking/novelty.ts'
import { arrayOf, readVector, vectorBytes } from './binary.ts'
import { sendable } from './database.ts'
import { PostgresPaper, type PostgresStorage } from './postgres-storage.ts'

/** Papers per read of the storage. */
const papersPerRead = 512
/** Papers compared with centroids at once: a second or so. */
const papersPerComparison = 10_000

interface Options {
  readonly signal?: AbortSignal | undefined
}

/** What is read of a paper to find its record and vector. */
type HandleRow = readonly [id: string, row: number, textCrc: number, batch: string, seq: string]

export class WholeLibrary implements VectorPlace {
  readonly #storage: PostgresStorage

  constructor(storage: PostgresStorage) {
    this.#storage = storage
  }

  /** Ids of so many papers, or of all if they are no more, as `sampledIds` chooses them; and the number of all. */
  async sampledIds(most: number, { signal }: Options): Promise<{ readonly ids: string[]; readonly of: number }> {
    const { database } = this.#storage
    return database.snapshot(
      async (ask) => {
        const [state] = await ask<[string]>(`select papers from ${database.schema}.state`)
        const of = Number(state?.[0])
        const rows =
          of <= most
            ? await ask<[string]>(`select id from ${this.#papers}`)
            : await ask<[string]>(
                `select id from ${this.#papers} order by sha256(convert_to(id, 'UTF8')) limit $1::bigint`,
                [most],
              )
        return { ids: rows.map(([id]) => id), of }
      },
      { signal, isLong: true },
    )
  }

  /**
   * The papers with some ids, in the order in which their ids were first added.
   * @param options `isCounted`: whether their words are counted, among themselves. @default true
   */
  async some(
    ids: Iterable<string>,
    { signal, isCounted = true }: Options & { readonly isCounted?: boolean },
  ): Promise<Candidates> {
    const all = sendable(ids)
    const rows: HandleRow[] = []
    for (let start = 0; start < all.length; start += 4 * papersPerRead)
      rows.push(
        ...(await this.#storage.database.read(
          (ask) =>
            ask<HandleRow>(`select ${handleColumns} from ${this.#papers} where id = any($1::text[])`, [
              arrayOf('text', all.slice(start, start + 4 * papersPerRead)),
            ]),
          { signal },
        )),
      )
    rows.sort((one, other) => Number(one[4]) - Number(other[4]))
    const candidates: { readonly paper: Paper; readonly vector: Float32Array }[] = []
    for (let start = 0; start < rows.length; start += papersPerRead) {
      const handles = rows.slice(start, start + papersPerRead).map(handleOf)
      const [papers, vectors] = await Promise.all([
        this.#storage.readPapers(handles, { signal }),
        this.#storage.readVectors(handles, { signal }),
      ])
      for (const [i, paper] of papers.entries()) {
        const vector = vectors[i]?.vector
        if (vector === undefined)
          throw new PaperkinError(
            'corrupt-store',
            `Expected a vector of the paper ${JSON.stringify(paper.id)} in ${this.#storage.path}, found none: add the paper again.`,
          )
        candidates.push({ paper, vector })
      }
    }
    return Candidates.of(candidates, { dimensions: this.#storage.identity.dimensions || 1, isCounted, signal })
  }

  /** All papers with their dates. */
  async dated({ notFound, signal }: Options & Pick<DatedPapers, 'notFound'>): Promise<DatedPapers> {
    const ids: string[] = []
    const spans: DatedPapers['spans'][number][] = []
    for (let after = '-1'; ; ) {
      const rows = await this.#storage.database.read(
        (ask) =>
          ask<[id: string, start: number | null, end: number | null, seq: string]>(
            `select id, published_start, published_end, seq from ${this.#papers}
              where seq > $1::bigint order by seq limit ${papersPerComparison}`,
            [after],
          ),
        { signal },
      )
      for (const [id, start, end] of rows) {
        ids.push(id)
        spans.push(start === null || end === null ? spanOfId(id) : { start, end })
      }
      if (rows.length < papersPerComparison) break
      after = rows.at(-1)?.[3] as string
    }
    return {
      ids,
      spans,
      hold: async (places) => {
        const chosen = places.map((place) => ids[place] as string)
        const found = await this.some(chosen, { isCounted: false, signal })
        const kept = chosen.flatMap((id) => found.kept.get(id) ?? [])
        return { kept, papers: kept.map(({ cached }) => cached as Paper), snapshot: found.vectors.snapshot() }
      },
      notFound,
    }
  }

  /**
   * All papers with their word pairs, in the order in which their ids were first added; those added meanwhile may be
   * among them.
   */
  async *paired({ signal }: Options): AsyncGenerator<readonly PairedPaper[]> {
    const slice = timeSlice(signal)
    for (let after = '-1'; ; ) {
      const rows = await this.#storage.database.read(
        (ask) =>
          ask<HandleRow>(
            `select ${handleColumns} from ${this.#papers} where seq > $1::bigint order by seq limit ${papersPerRead}`,
            [after],
          ),
        { signal },
      )
      const paired: PairedPaper[] = []
      for (const paper of await this.#storage.readPapers(rows.map(handleOf), { signal })) {
        paired.push({ id: paper.id, title: paper.title, pairs: pairHashes(paper) })
        if (slice.due()) await slice.rest()
      }
      if (paired.length > 0) yield paired
      if (rows.length < papersPerRead) return
      after = rows.at(-1)?.[4] as string
    }
  }

  async vectorsOf(ids: readonly string[], { signal }: Options): Promise<ReadonlyMap<string, Float32Array>> {
    const { database } = this.#storage
    const rows = await database.read(
      (ask) =>
        ask<[string, string]>(
          `select id, ${database.vectorText('embedding')} from ${this.#papers} where id = any($1::text[])`,
          [arrayOf('text', ids)],
        ),
      { signal },
    )
    return new Map(rows.map(([id, vector]) => [id, readVector(vector)]))
  }

  async *nearest(centroids: readonly Float32Array[], { signal }: Options): AsyncGenerator<readonly NearestCentroid[]> {
    const { database } = this.#storage
    const given = arrayOf(await database.read((ask) => database.vectorNumber(ask)), centroids.map(vectorBytes))
    const product = database.vectorOperator('<#>')
    const width = this.#storage.identity.dimensions
    for (let after = '-1'; ; ) {
      const rows = await database.read(
        (ask) =>
          ask<[id: string, place: number, similarity: number, seq: string]>(
            // The conversion reads a vector that is stored apart once, not for each centroid: seven times as fast.
            `with centroid as materialized (
                select (place - 1)::int as place, its from unnest($1::${this.#vector}[]) with ordinality c(its, place)
              ), paper as materialized (
                select id, seq, ${this.#vector}(embedding::${this.#vector}, ${width}, true) as its from ${this.#papers}
                  where seq > $2::bigint order by seq limit ${papersPerComparison}
              )
              select p.id, n.place, -n.distance, p.seq from paper p, lateral (
                  select c.place, p.its ${product} c.its as distance from centroid c order by 2, 1 limit 1
                ) n order by p.seq`,
            [given, after],
          ),
        { signal },
      )
      if (rows.length > 0) yield rows.map(([id, place, similarity]) => ({ id, place, similarity }))
      if (rows.length < papersPerComparison) return
      after = rows.at(-1)?.[3] as string
    }
  }

  get #papers(): string {
    return `${this.#storage.database.schema}.papers`
  }

  get #vector(): string {
    return this.#storage.database.ofVector('vector')
  }
}

const handleColumns = 'id, row, text_crc, batch, seq'

function handleOf([id, row, textCrc, batch]: HandleRow): PostgresPaper {
  return new PostgresPaper(id, { row, textCrc, batch: Number(batch) })
}
