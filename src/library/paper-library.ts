// The facade: ids outside, rows inside. State lives in collection.ts; ranking.ts answers questions.
import { setMaxListeners } from 'node:events'
import type { PaperArea } from '../atlas/atlas.ts'
import { bundledId } from '../embedding/create-embedder.ts'
import type { Embedder, EmbedProgress } from '../embedding/embedder.ts'
import { type EmbedderInput, resolveEmbedder } from '../embedding/resolve-embedder.ts'
import { PaperkinError, requireInteger, requireList, requireOptions, show } from '../errors.ts'
import { type Paper, type PaperExtra, type PaperInput, paperTextRecipe } from '../paper.ts'
import { type ReportOptions, writeReport } from '../report/write-report.ts'
import { useThreads } from '../runtime/worker-pool.ts'
import {
  checkedData,
  findTopics,
  type RestoreOptions,
  restoreTopics,
  type TopicOptions,
  type Topics,
  type TopicsData,
  topicOptionNames,
} from '../topics/find-topics.ts'
import type { Novelty } from '../topics/novelty.ts'
import { type IndexKind, requireIndexKind } from '../vectors/create-index.ts'
import { assignAll, type TopicAssignment, vectorsOf } from './asking/assign-all.ts'
import { type DuplicateOptions, type Duplicates, findDuplicates, pairedPapers } from './asking/near-duplicates.ts'
import { type DatedPapers, datedPapers, findNovelty, type NoveltyOptions } from './asking/novelty.ts'
import { PaperAreas } from './asking/paper-areas.ts'
import { compileFilter, type PaperFilter } from './asking/paper-filter.ts'
import {
  type HitList,
  type LibraryView,
  Ranking,
  type RelatedOptions,
  relatedWeights,
  type SearchOptions,
} from './asking/ranking.ts'
import { type Recommendations, type RecommendOptions, recommend } from './asking/recommend.ts'
import { sampledIds, samplePapers, sampleSize } from './asking/sample.ts'
import type { Seed, Seeds } from './asking/seeds.ts'
import { WholeSource } from './asking/source.ts'
import { topicInput } from './asking/topic-input.ts'
import { type Adding, type AddOptions, type AddResult, addPapers } from './collection/add-papers.ts'
import { AreaMap, mapFrom } from './collection/area-map.ts'
import { Collection, type Holding } from './collection/collection.ts'
import { convert, type Repair } from './collection/convert.ts'
import { type FoundPaper, findPapers, keptPaper, wrongText } from './collection/find-papers.ts'
import { type ExportOptions, exportLibrary, type ImportOptions, readExport } from './collection/transfer.ts'
import { isPostgresUrl, type PostgresPool } from './postgres/database.ts'
import { FarPapers } from './postgres/far-papers.ts'
import { PostgresSource } from './postgres/postgres-source.ts'
import { PostgresStorage } from './postgres/postgres-storage.ts'
import { WholeLibrary } from './postgres/whole-library.ts'
import { requireOutside } from './storage/log-folder.ts'
import { LogStorage, verifyLog } from './storage/log-storage.ts'
import { MemoryStorage } from './storage/memory-storage.ts'
import {
  isSameIdentity,
  type Storage,
  type StorageIdentity,
  type StoredPaper,
  type Verification,
} from './storage/storage.ts'

export interface OpenOptions {
  /** Folder of a library on disk, created if missing. @default in memory, lost when the process ends */
  readonly path?: string | undefined
  /**
   * A Postgres database with pgvector, in place of a folder: a url such as `postgres://user@host/database`, or a `Pool` of
   * the package pg, an optional dependency. Many processes may write; with `readOnly` it may be a replica. Papers stay in
   * the database, so what answers at once, such as {@link PaperLibrary.get}, is refused and
   * {@link PaperLibrary.readPapers} and its like are there instead.
   */
  readonly postgres?: string | PostgresPool | undefined
  /** Schema of the tables in the database. @default 'paperkin' */
  readonly schema?: string | undefined
  /** Whether to create a library if the folder has none; if false, a missing library is an error. @default true */
  readonly create?: boolean | undefined
  /**
   * Opens without a lock and changes nothing, so another process may write meanwhile; {@link PaperLibrary.refresh}
   * picks up its changes. @default false
   */
  readonly readOnly?: boolean | undefined
  /**
   * Whether to re-embed, in place, a library that was made with another model. If interrupted, the next attempt resumes
   * where this one stopped. @default false
   */
  readonly reembed?: boolean | undefined
  /**
   * Whether to drop damaged papers, and to re-embed those of which only the vector is damaged.
   * {@link PaperLibrary.repair} reports the outcome. @default false
   */
  readonly repair?: boolean | undefined
  /**
   * Turns texts into vectors: an {@link Embedder}, a function, or a feature-extraction pipeline of transformers.js.
   * `'none'` is for papers added with your own vectors; the first of them sets the width. With `readOnly`, `'none'`
   * opens a library of any model for reading, lexical search and export.
   * @default the bundled MiniLM-L6-papers
   */
  readonly embedder?: EmbedderInput | 'none' | undefined
  /**
   * `'exact'` compares every vector. `'hnsw'` answers approximately from a graph built by hnswlib-node, an optional
   * dependency; it falls back to exact search if the graph settles nothing soon, few papers pass the filter, or the
   * seeds include `unlike`. `'auto'` is exact up to 250,000 papers, then `'hnsw'`. @default 'auto'
   */
  readonly index?: IndexKind | undefined
  /**
   * Whether to place papers on the map of science and name topics after its areas. For a model other than the bundled
   * one the map is embedded once, by {@link PaperLibrary.prepareAreas} or by the first `topics` over at least 200
   * papers, and kept with the library.
   * @default true
   */
  readonly areas?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Progress of re-embedding, for `reembed` and `repair`. */
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
}

/** Options of {@link PaperLibrary.topics}. */
export interface LibraryTopicOptions extends TopicOptions {
  /**
   * The most papers to find topics among. If the library has more, a sample of them is taken, which depends on nothing
   * but their ids and changes little while the library grows; {@link PaperLibrary.assignAll} places the others. Examples
   * of {@link TopicOptions.named} topics are always among them. @default 'all'; 50,000 on Postgres
   */
  readonly sample?: number | 'all' | undefined
}

const openOptionNames: Readonly<Record<keyof OpenOptions, true>> = {
  path: true,
  postgres: true,
  schema: true,
  create: true,
  readOnly: true,
  reembed: true,
  repair: true,
  embedder: true,
  index: true,
  areas: true,
  signal: true,
  onProgress: true,
}

/**
 * A collection of papers: search by meaning and by words, related papers, recommendations, topics. `Extra` is the
 * caller's type for the `extra` field of its papers; it is not checked at run time.
 */
export class PaperLibrary<Extra extends object = PaperExtra> {
  readonly #embedder: Embedder | undefined
  readonly #ownsEmbedder: boolean
  /** The papers in memory; undefined where they stay in a database. */
  readonly #collection: Collection | undefined
  readonly #storage: Storage
  readonly #far: PostgresSource | undefined
  readonly #whole: WholeLibrary | undefined
  readonly #view: LibraryView
  readonly #ranking: Ranking
  readonly #map: AreaMap
  readonly #repair: Repair | undefined
  #placed: PaperAreas | undefined
  #writing: Promise<unknown> = Promise.resolve()
  readonly #closing = new AbortController()
  readonly #leaveThreads: () => Promise<void>

  /** See {@link PaperLibrary.open}. */
  private constructor(parts: {
    readonly embedder: Embedder | undefined
    readonly ownsEmbedder: boolean
    readonly collection: Collection | undefined
    readonly storage: Storage
    readonly map: AreaMap
    readonly repair: Repair | undefined
  }) {
    if (parts?.storage === undefined)
      throw new PaperkinError(
        'invalid-argument',
        'A library is opened, not made with `new`: await PaperLibrary.open().',
      )
    // Every call in progress adds a listener.
    setMaxListeners(0, this.#closing.signal)
    this.#leaveThreads = useThreads()
    const { embedder, collection, storage } = parts
    this.#embedder = embedder
    this.#ownsEmbedder = parts.ownsEmbedder
    this.#collection = collection
    this.#storage = storage
    this.#repair = parts.repair
    this.#map = parts.map
    const hasEmbedder = embedder !== undefined
    const areas = () => this.#areas
    if (storage instanceof PostgresStorage) {
      this.#far = new PostgresSource(storage, areas)
      this.#whole = new WholeLibrary(storage)
    }
    this.#view = {
      source: this.#far ?? new WholeSource(collection as Collection, { areas, hasEmbedder }),
      areas: () => this.#areas,
      hasEmbedder,
      isBundled: embedder?.modelId === bundledId,
      embed: (texts, options) => {
        if (embedder !== undefined) return embedder.embed(texts, { ...options, signal: this.#either(options?.signal) })
        throw new PaperkinError(
          'embedder-unavailable',
          "Expected `vector`, as this library has no embedder: pass the query's vector, or search with `mode: 'lexical'`.",
        )
      },
      requireOpen: () => this.#requireOpen(),
    }
    this.#ranking = new Ranking(this.#view)
  }

  /**
   * Opens a library: an empty one in memory, or the one in a folder. Only one process at a time can have a folder open
   * for writing, until it calls {@link close}.
   * @throws PaperkinError `invalid-argument` for an invalid option or a path that is not a folder;
   * `embedder-unavailable`; `index-unavailable` if `'hnsw'` needs hnswlib-node and it is not installed; `store-locked`
   * with the pid of the other writer; `store-mismatch` for another model or a newer format; `corrupt-store` with the
   * ids of damaged papers; `store-unwritable`; `unreadable-source`
   */
  static async open<Extra extends object = PaperExtra>(options: OpenOptions = {}): Promise<PaperLibrary<Extra>> {
    requireOptions('PaperLibrary.open', options, openOptionNames)
    const { path, postgres, index: kind = 'auto', signal } = options
    // Checked before a folder is created.
    for (const name of ['readOnly', 'reembed', 'repair', 'create', 'areas'] as const)
      requireBoolean(name, options[name])
    requireIndexKind(kind)
    requirePlace(options)
    if ((path !== undefined || postgres !== undefined) && options.embedder !== 'none') requireName(options.embedder)
    const embedder = options.embedder === 'none' ? undefined : await resolveEmbedder(options.embedder)
    const ownsEmbedder = embedder !== options.embedder
    let storage: Storage | undefined
    try {
      signal?.throwIfAborted()
      storage = await openStorage(options, embedder)
      const repair = await fitted(storage, { ...options, embedder })
      const dimensions = embedder?.dimensions ?? (storage.identity.dimensions || undefined)
      const collection = postgres === undefined ? new Collection({ dimensions, kind, storage }) : undefined
      // Another thread loads the model while the papers are read; the first question waits for the slower of the two.
      if (storage.bytes > longRead) void embedder?.prepare?.()
      await collection?.load({ signal })
      const map = new AreaMap({ embedder, storage, isWanted: options.areas ?? true })
      await map.load()
      const library = new PaperLibrary<Extra>({ embedder, ownsEmbedder, collection, storage, map, repair })
      await library.#far?.learnSize()
      return library
    } catch (error) {
      await storage?.close()
      if (ownsEmbedder) await embedder?.close?.()
      throw error
    }
  }

  /** The folder, as given to {@link open}, or the place in a database, without a password; undefined in memory. */
  get path(): string | undefined {
    return this.#storage.path
  }

  /** What opening with `repair: true` repaired; undefined if nothing was damaged. */
  get repair(): Repair | undefined {
    return this.#repair
  }

  /** Number of papers; on Postgres as of the last call, see {@link countPapers}. */
  get size(): number {
    return this.#far?.size ?? this.#near('size').kept.size
  }

  /** Width of the vectors; undefined without an embedder until the first vectors are added. */
  get dimensions(): number | undefined {
    return this.#far === undefined ? this.#near('dimensions').dimensions : this.#far.dimensions
  }

  /** The embedding model; undefined for `'none'`. */
  get embedder(): Pick<Embedder, 'modelId' | 'dimensions' | 'revision' | 'dtype'> | undefined {
    if (this.#embedder === undefined) return undefined
    const { modelId, dimensions, revision, dtype } = this.#embedder
    return Object.freeze({ modelId, dimensions, ...(revision && { revision }), ...(dtype && { dtype }) })
  }

  /**
   * The current index: `'exact'`, or `'hnsw'` once the graph is built. If building it in the background failed,
   * `failure` holds the error and vectors are compared exactly. On Postgres `'hnsw'`, that of pgvector.
   */
  get index(): { readonly kind: 'exact' | 'hnsw'; readonly failure?: unknown } {
    if (this.#collection === undefined) return Object.freeze({ kind: 'hnsw' })
    const { kind, failure } = this.#collection.index
    return Object.freeze({ kind, ...(failure !== undefined && { failure }) })
  }

  /** Whether a paper is in the library. An arXiv id may carry a version. */
  has(id: string | number): boolean {
    return keptPaper(this.#near('has', 'readPapers').kept, id) !== undefined
  }

  /**
   * The paper with an id, or undefined. On disk, its text is read synchronously on first use.
   * @throws PaperkinError `corrupt-store`, `unreadable-source`, `library-closed`
   */
  get(id: string | number): Paper<Extra> | undefined {
    this.#requireOpen()
    const collection = this.#near('get', 'readPapers')
    const known = keptPaper(collection.kept, id)
    return known && (collection.readNow(known) as Paper<Extra>)
  }

  /** A copy of a paper's unit vector, of {@link dimensions} values; undefined if there is no such paper. */
  vector(id: string | number): Float32Array | undefined {
    this.#requireOpen()
    const { kept, vectors } = this.#near('vector', 'readVectors')
    const known = keptPaper(kept, id)
    return known && vectors.vector(known.row)
  }

  /**
   * The areas of science nearest to a paper, nearest first. Empty if there is no such paper, if no area is near, or,
   * for a model other than the bundled one, before {@link prepareAreas}.
   * @param options `k`: the most areas to return. @default 1
   */
  areas(id: string, options: { readonly k?: number | undefined } = {}): readonly PaperArea[] {
    this.#requireOpen()
    requireOptions('areas', options, { k: true })
    return this.#areasOf(this.#near('areas', 'readAreas'), id, requireInteger('k', options.k ?? 1, 1))
  }

  #areasOf({ kept, vectors }: Holding, id: string | number, k: number): readonly PaperArea[] {
    const known = keptPaper(kept, id)
    const areas = this.#areas
    if (known === undefined || areas === undefined) return []
    if (k > 1) return areas.atlas.areasOf(vectors.vector(known.row), k)
    const place = areas.of(known, vectors)
    return place === undefined ? [] : [place]
  }

  /**
   * Embeds the map of science with the library's model and keeps it in the library's folder. Does nothing if that is
   * done or the model is the bundled one. The map has 1,833 short texts, which take as long as about 200 abstracts.
   * @throws PaperkinError `embedding-failed`, `library-closed`
   */
  async prepareAreas(
    options: {
      readonly signal?: AbortSignal | undefined
      readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
    } = {},
  ): Promise<void> {
    this.#requireOpen()
    requireOptions('prepareAreas', options, { signal: true, onProgress: true })
    const signal = this.#either(options.signal)
    const far = await this.#far?.gather({ ids: [], sample: { most: papersAsked, without: [] }, signal })
    const papers = () => someVectors(far?.holding ?? this.#near('prepareAreas'))
    await this.#map.prepare({ ...options, papers, signal })
  }

  /**
   * All papers, or those that pass a filter, in the order in which their ids were first added.
   * @throws PaperkinError `invalid-argument` for an invalid filter, `library-closed`
   */
  papers(options: { readonly filter?: PaperFilter<Extra> | undefined } = {}): Paper<Extra>[] {
    this.#requireOpen()
    requireOptions('papers', options, { filter: true })
    const collection = this.#near('papers', 'streamPapers')
    const { roster, vectors } = collection
    const papers = roster.papers.map((paper) => collection.readNow(paper) as Paper<Extra>)
    const reading = compileFilter(options.filter as PaperFilter | undefined, roster, () => this.#areas)
    const filter = collection.now(reading)
    if (filter === undefined) return papers
    if (filter.needsAreas) this.#areas?.prepareNow(roster, vectors)
    const { holds } = filter.test(roster)
    return papers.filter((_, place) => holds(place))
  }

  /** {@link get} for several ids, in their order. */
  getMany(ids: readonly (string | number)[]): (Paper<Extra> | undefined)[] {
    this.#requireOpen()
    this.#near('getMany', 'readPapers')
    requireList('ids', ids)
    return Array.from(ids, (id) => this.get(id))
  }

  /** All papers at the start of the loop, in the order of {@link papers}; each is read when the loop reaches it. */
  *[Symbol.iterator](): Generator<Paper<Extra>> {
    this.#requireOpen()
    const collection = this.#near('[Symbol.iterator]', 'streamPapers')
    for (const known of [...collection.kept.values()]) yield collection.readNow(known) as Paper<Extra>
  }

  /**
   * The papers whose id or title a text may refer to, best first, tolerating typing errors. Papers that share nothing
   * with the text are left out.
   * @param options `k`: the most papers to return. @default 5
   * @throws PaperkinError `invalid-argument`, `library-closed`
   */
  find(text: string, options: { readonly k?: number | undefined } = {}): FoundPaper<Extra>[] {
    this.#requireOpen()
    if (typeof text !== 'string' || text.trim() === '') throw wrongText('text', text)
    requireOptions('find', options, { k: true })
    const k = requireInteger('k', options.k ?? 5, 1)
    const collection = this.#near('find', 'findPapers')
    return collection.now(findPapers(collection.kept, text, k)) as FoundPaper<Extra>[]
  }

  /**
   * {@link getMany}, for any library: on Postgres papers are read from the database.
   * @throws PaperkinError `corrupt-store`, `unreadable-source`, `library-closed`
   */
  async readPapers(
    ids: readonly (string | number)[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<(Paper<Extra> | undefined)[]> {
    const { known } = await this.#readKnown('readPapers', ids, options)
    return known.map((paper) => paper?.cached as Paper<Extra> | undefined)
  }

  /** {@link vector} for several ids, in their order, for any library. */
  async readVectors(
    ids: readonly (string | number)[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<(Float32Array | undefined)[]> {
    const { known, holding } = await this.#readKnown('readVectors', ids, options, false)
    return known.map((paper) => paper && holding.vectors.vector(paper.row))
  }

  /** {@link areas} for several ids, in their order, for any library. */
  async readAreas(
    ids: readonly (string | number)[],
    options: { readonly k?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<(readonly PaperArea[])[]> {
    const { k: asked, ...others } = options
    const k = requireInteger('k', asked ?? 1, 1)
    const { holding } = await this.#readKnown('readAreas', ids, others, false)
    return Array.from(ids, (id) => this.#areasOf(holding, id, k))
  }

  /**
   * {@link papers}, one after another, for any library: on Postgres some hundreds are in memory at a time, and those
   * added meanwhile may be among them.
   * @throws PaperkinError `invalid-argument` for an invalid filter, `library-closed`
   */
  async *streamPapers(
    options: { readonly filter?: PaperFilter<Extra> | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Paper<Extra>> {
    this.#requireOpen()
    requireOptions('streamPapers', options, { filter: true, signal: true })
    const signal = this.#either(options.signal)
    const filter = await this.#view.source.compile(options.filter as PaperFilter | undefined, { signal })
    const far = this.#far?.stream(filter, { signal })
    for await (const part of far ?? [this.#near('streamPapers')]) {
      const { roster } = part
      if (filter?.needsAreas) await this.#areas?.prepare(roster, part.vectors, signal)
      const condition = filter?.test(roster)
      const places = Array.from(roster.papers.keys())
      for (let start = 0; start < places.length; start += papersPerRead) {
        const some = places.slice(start, start + papersPerRead)
        await part.read(
          some.map((place) => roster.papers[place] as StoredPaper),
          { signal },
        )
        for (const place of some) {
          signal.throwIfAborted()
          if (condition === undefined || condition.holds(place))
            yield (roster.papers[place] as StoredPaper).cached as Paper<Extra>
        }
      }
    }
  }

  /** Number of papers, or of those that pass a filter, for any library: on Postgres the database counts them. */
  async countPapers(
    options: { readonly filter?: PaperFilter<Extra> | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<number> {
    this.#requireOpen()
    requireOptions('countPapers', options, { filter: true, signal: true })
    const signal = this.#either(options.signal)
    const filter = options.filter as PaperFilter | undefined
    if (this.#far !== undefined) return this.#far.count(await this.#far.compile(filter), { signal })
    if (filter === undefined) return this.size
    let count = 0
    for await (const _ of this.streamPapers({ filter: options.filter, signal })) count++
    return count
  }

  /**
   * {@link find}, for any library: on Postgres among the papers that share words with the text, or words and ids that
   * begin alike.
   */
  async findPapers(
    text: string,
    options: { readonly k?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<FoundPaper<Extra>[]> {
    this.#requireOpen()
    if (typeof text !== 'string' || text.trim() === '') throw wrongText('text', text)
    requireOptions('findPapers', options, { k: true, signal: true })
    const k = requireInteger('k', options.k ?? 5, 1)
    const signal = this.#either(options.signal)
    if (this.#far !== undefined) return (await this.#far.find(text, k, { signal })) as FoundPaper<Extra>[]
    const collection = this.#near('findPapers')
    return (await collection.soon(findPapers(collection.kept, text, k), { signal })) as FoundPaper<Extra>[]
  }

  /** The papers with some ids, undefined for those that are not there; read if `isRead`. */
  async #readKnown(
    name: string,
    ids: readonly (string | number)[],
    options: { readonly signal?: AbortSignal | undefined },
    isRead = true,
  ): Promise<{ readonly holding: Holding; readonly known: readonly (StoredPaper | undefined)[] }> {
    this.#requireOpen()
    requireOptions(name, options, { signal: true })
    requireList('ids', ids)
    const signal = this.#either(options.signal)
    const { holding } = await this.#view.source.gather({ ids: Array.from(ids, String), signal })
    const known = Array.from(ids, (id) => keptPaper(holding.kept, id))
    if (isRead)
      await holding.read(
        known.filter((paper) => paper !== undefined),
        { signal },
      )
    return { holding, known }
  }

  /**
   * Adds papers, and updates those whose id is known. In memory, either all papers are added or, on any error, none. On
   * disk, papers are committed in whole batches: after an abort or an error, the next `add` resumes from the last
   * batch. Only new texts are embedded; a text that the library has embedded before is not embedded again, even if its
   * paper was removed (on disk). Nothing is embedded if `vectors` are given.
   * @throws PaperkinError `invalid-paper` with an issue for each bad record, and for records with the same id but
   * different texts or vectors; `invalid-argument` for the wrong number or width of vectors, or a vector with NaN,
   * infinity or only zeros; `embedding-failed`; `embedder-unavailable`, also for new texts without vectors in a library
   * without an embedder; `store-unwritable`; `library-closed`
   */
  async add(
    papers: readonly PaperInput[] | Iterable<PaperInput> | AsyncIterable<PaperInput>,
    options: AddOptions = {},
  ): Promise<AddResult> {
    this.#requireWritable()
    requireOptions('add', options, { vectors: true, merge: true, signal: true, onProgress: true })
    requireBoolean('merge', options.merge)
    const either = this.#either(options.signal)
    // An array is queued without waiting, so calls keep their order.
    const records = Array.isArray(papers) ? ([...papers] as readonly PaperInput[]) : await allOf(papers, either)
    const requireOpen = () => this.#requireOpen()
    return this.#alone(() =>
      addPapers(this.#adding, records, { ...options, signal: either, embedder: this.#embedder, requireOpen }).finally(
        () => this.#far?.learnSize(),
      ),
    )
  }

  /**
   * Removes papers, all or none, and returns their number.
   * @throws PaperkinError `paper-not-found`, `store-unwritable`, `library-closed`
   */
  async remove(ids: readonly (string | number)[]): Promise<number> {
    this.#requireWritable()
    if (!Array.isArray(ids))
      throw new PaperkinError('invalid-argument', `Expected \`ids\` to be an array of ids, got ${show(ids)}.`)
    const given = [...ids]
    return this.#alone(async () => {
      const { source } = this.#view
      const { kept } = (await source.gather({ ids: given.map(String) })).holding
      const removed = new Set<string>()
      for (const id of given) {
        const known = keptPaper(kept, id)
        if (known === undefined) throw await source.notFound(id, {})
        removed.add(known.id)
      }
      await this.#remove([...removed])
      return removed.size
    })
  }

  /**
   * Removes all papers and returns their number. On disk their vectors are kept, in case the papers are added again.
   * @throws PaperkinError `store-unwritable`, `library-closed`
   */
  async clear(): Promise<number> {
    this.#requireWritable()
    return this.#alone(async () => {
      const removed = this.#far === undefined ? [...this.#near('clear').kept.keys()] : await this.#far.ids()
      await this.#remove(removed)
      return removed.length
    })
  }

  async #remove(removed: readonly string[]): Promise<void> {
    if (removed.length === 0) return
    if (this.#collection !== undefined) await this.#collection.commit({ removed })
    else await this.#storage.commit({ removed, nextRow: this.#storage.nextRow })
    await this.#far?.learnSize()
  }

  /**
   * Writes the papers as JSON Lines and the vectors as a NumPy matrix, both in the order of {@link papers}. Writes the
   * state at the time of the call.
   * @throws PaperkinError `invalid-argument` if neither is requested, `store-unwritable`, `library-closed`
   */
  async export(options: ExportOptions): Promise<void> {
    this.#requireOpen()
    requireOptions('export', options, { papers: true, vectors: true, signal: true })
    const signal = this.#either(options?.signal)
    // Not awaited where the papers are in memory: the state is that of the call.
    if (this.#collection !== undefined)
      await exportLibrary(this.#collection, { ...options, signal, identity: this.#identity })
    else
      await this.#loaded(signal, (collection) =>
        exportLibrary(collection, { ...options, signal, identity: this.#identity }),
      )
  }

  /**
   * Adds papers written by {@link export}, from this or another library, with their vectors if `vectors` names them.
   * @throws PaperkinError `unreadable-source`, also if a paper has no vector; `store-mismatch` for vectors of a model
   * other than the library's; and the errors of {@link add}
   */
  async import(options: ImportOptions): Promise<AddResult> {
    this.#requireWritable()
    requireOptions('import', options, { papers: true, vectors: true, signal: true, onProgress: true })
    const { papers, vectors, of } = await readExport(options ?? {})
    const identity = this.#identity
    const { modelId, dimensions } = identity
    const isOther = of !== undefined && !isSameIdentity({ ...of, recipe: identity.recipe }, identity)
    if (isOther && this.#embedder !== undefined)
      throw new PaperkinError(
        'store-mismatch',
        `Expected vectors of ${modelId} (${dimensions} dimensions), but those in ${options.vectors} are of ${of.modelId} (${of.dimensions}): import the papers alone.`,
      )
    const { signal, onProgress } = options
    return this.add(papers, {
      ...(vectors && { vectors }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    })
  }

  /**
   * In a library opened with `readOnly`, loads everything that another process has written since it was opened or last
   * refreshed, and resolves to whether there was anything. All changes become visible at once. On Postgres, where each
   * question sees the library as it is, it only tells whether papers were added, changed or removed. Otherwise does
   * nothing and resolves to false.
   * @throws PaperkinError `store-mismatch` if the library now has another model, `corrupt-store`, `library-closed`
   */
  async refresh(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    this.#requireOpen()
    requireOptions('refresh', options, { signal: true })
    const signal = this.#either(options.signal)
    if (this.#far !== undefined) return this.#far.hasChanged({ signal })
    const collection = this.#near('refresh')
    if (!this.#storage.isReadOnly) return false
    return this.#alone(() => collection.load({ signal }))
  }

  /**
   * Reads the whole log of a library's folder and reports any damage, even if the library cannot be opened.
   * @throws PaperkinError `invalid-argument` if there is no library, `store-mismatch`, `unreadable-source`
   */
  static async verify(
    path: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Verification> {
    requireOptions('PaperLibrary.verify', options, { signal: true })
    if (typeof path === 'string' && isPostgresUrl(path))
      throw new PaperkinError(
        'invalid-argument',
        'Expected the folder of a library for `PaperLibrary.verify`, got the url of a database: open it and call `library.verify()`.',
      )
    return verifyLog(path, options)
  }

  /**
   * Reads the whole log on disk again and reports any damage.
   * @throws PaperkinError `invalid-argument` for a library in memory, `unreadable-source`, `library-closed`
   */
  async verify(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Verification> {
    this.#requireOpen()
    requireOptions('verify', options, { signal: true })
    const storage = this.#storage
    if (!storage.isDurable)
      throw new PaperkinError(
        'invalid-argument',
        'Expected a library on disk, but this one is in memory: open one with `path`.',
      )
    return this.#alone(() => storage.verify({ signal: this.#either(options.signal) }))
  }

  /**
   * Searches by meaning and by words. Phrases in quotes must occur in a hit.
   * @throws PaperkinError `invalid-argument` for an empty text or an invalid option, `embedding-failed`,
   * `library-closed`
   */
  search(text: string, options: SearchOptions<Extra> = {}): Promise<HitList<Extra>> {
    return this.#ranking.search(text, options as SearchOptions) as Promise<HitList<Extra>>
  }

  /**
   * Papers related to one paper of the library, to a text outside it, or to several of either. Seeds are never among
   * the hits. Near-duplicates of a seed are marked, or left out with `omitDuplicates`.
   * @throws PaperkinError `paper-not-found` with the nearest titles, `invalid-argument`, `invalid-paper`,
   * `embedding-failed`, `library-closed`
   */
  related(seeds: Seed | Seeds, options: RelatedOptions<Extra> = {}): Promise<HitList<Extra>> {
    return this.#ranking.related(seeds, options as RelatedOptions) as Promise<HitList<Extra>>
  }

  /** {@link related} for many questions, answered in order; faster than separate calls in a large library. */
  relatedMany(seeds: readonly (Seed | Seeds)[], options: RelatedOptions<Extra> = {}): Promise<HitList<Extra>[]> {
    return this.#ranking.relatedMany(seeds, options as RelatedOptions) as Promise<HitList<Extra>[]>
  }

  /**
   * Recommends papers of the library, or of `among`, given papers that a reader liked. The score combines a linear
   * model over embedding and words (support vector machine, with other papers as weak negatives) and the similarity to
   * the three nearest liked papers, which weighs more the fewer papers are liked. The same papers give the same answer.
   * Records that are not in the library are embedded first.
   * @throws PaperkinError `invalid-argument` if no paper is liked or a paper is both liked and disliked;
   * `paper-not-found`, `invalid-paper`, `embedding-failed`, `library-closed`
   */
  async recommend(options: RecommendOptions): Promise<Recommendations> {
    this.#requireOpen()
    return recommend(this.#view, { ...options, signal: this.#either(options?.signal) })
  }

  /**
   * Finds near-duplicates: copies, versions, an abstract under another title, a title from another source. `threshold`
   * is the share of the shorter paper's word pairs (neighbouring stems, without stop words) that the other paper must
   * share. Half of it is enough if the titles differ only in case, punctuation and marks such as `v2` or
   * `(extended version)`. Papers with different titles must share at least six pairs.
   * @throws PaperkinError `invalid-argument` for a threshold outside .05 … 1, `library-closed`
   */
  async duplicates(options: DuplicateOptions = {}): Promise<Duplicates> {
    this.#requireOpen()
    requireOptions('duplicates', options, { threshold: true, signal: true })
    const signal = this.#either(options.signal)
    if (this.#whole !== undefined) return findDuplicates(this.#whole.paired({ signal }), { ...options, signal })
    const own = this.#near('duplicates')
    return own.settling.undisturbed(() => findDuplicates(pairedPapers(own, signal), { ...options, signal }))
  }

  /**
   * Groups the papers into topics. The same papers, options and seed give the same topics. With `sample`, and on
   * Postgres above 50,000 papers, topics are found among a sample: `sampledFrom` then has the number of all papers, and
   * {@link assignAll} places them.
   * @throws PaperkinError `invalid-argument`, `library-closed`; `paper-not-found` if an example of a named topic is not
   * in the library; `embedding-failed` if names cannot be embedded
   */
  async topics(options: LibraryTopicOptions = {}): Promise<Topics> {
    this.#requireOpen()
    requireOptions('topics', options, { ...topicOptionNames, sample: true })
    const { sample, ...others } = options
    const most = sampleSize(sample, this.#whole === undefined ? Number.POSITIVE_INFINITY : farSample)
    const signal = this.#either(options.signal)
    const named = Array.isArray(options.named) ? options.named : []
    const examples = named.flatMap(({ papers }) => (Array.isArray(papers) ? papers.map(String) : []))
    return this.#sampled({ most, examples }, signal, async (holding, sampledFrom) => {
      const { size } = holding.kept
      if (size > 0 && (named.length > 0 || size >= mapFrom))
        await this.#map.prepare({ papers: () => someVectors(holding), signal })
      return findTopics(await this.#rows(holding, signal, { sampledFrom }), { ...others, signal })
    })
  }

  /**
   * Places every paper of the library among topics, in the order in which the ids were first added. Papers that the
   * topics were found among stay where they are; any other belongs to the topic with the nearest centroid, of which each
   * topic has several, by its size, some 256 in all. It is an outlier if it is less similar to that centroid than every
   * paper of the topic is to its own. Topics may be JSON. On Postgres the database compares the vectors.
   * @throws PaperkinError `invalid-argument` if the data is not topics, or there are none; `paper-not-found` if all of
   * their papers were removed; `library-closed`
   */
  async *assignAll(
    topics: TopicsData,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<TopicAssignment> {
    this.#requireOpen()
    requireOptions('assignAll', options, { signal: true })
    const { data } = checkedData(topics)
    yield* assignAll(data, this.#whole ?? vectorsOf(this.#near('assignAll')), this.#either(options.signal))
  }

  /**
   * Restores topics that were saved as JSON, with their methods. The data is unchanged. Papers added since belong to no
   * topic; `topics({ previous })` finds topics of all papers.
   * @param options the options given to `topics` when these were found; `merge`, `split` and `reduce` use them
   * @throws PaperkinError `invalid-argument` if the data is not topics; `paper-not-found` if one of their papers was
   * removed; `library-closed`
   */
  async restoreTopics(topics: TopicsData, options: RestoreOptions = {}): Promise<Topics> {
    this.#requireOpen()
    requireOptions('restoreTopics', options, {
      neighbours: true,
      outlierShare: true,
      termsPerLabel: true,
      label: true,
      signal: true,
    })
    const { data, papers } = checkedData(topics)
    const signal = this.#either(options.signal)
    const { sampledFrom } = data
    return this.#among(papers, { isSample: sampledFrom !== undefined, signal }, async (holding) => {
      const gone = [...papers].filter((id) => !holding.kept.has(id))
      if (gone.length > 0)
        throw new PaperkinError(
          'paper-not-found',
          `Expected the ${papers.size} papers of \`topics\` to be in the library, ${gone.length} are not, such as ${show(gone[0])}: find topics of those that are there with \`topics({ previous })\`.`,
        )
      const rows = await this.#rows(holding, signal, { only: papers, sampledFrom })
      return restoreTopics(rows, data, { ...options, signal })
    })
  }

  /**
   * What is new: areas and terms that are more frequent in the newest papers than in the weeks before, with counts, and
   * papers unlike almost all earlier ones. Terms need only the words, areas the map of science: see
   * {@link prepareAreas}. With too few earlier papers the lists are empty and `missing` says what is required.
   * @throws PaperkinError `paper-not-found`, `invalid-argument`, `library-closed`
   */
  async novelty(options: NoveltyOptions = {}): Promise<Novelty> {
    this.#requireOpen()
    requireOptions('novelty', options, { papers: true, since: true, weeks: true, signal: true })
    const signal = this.#either(options.signal)
    const find = (dated: DatedPapers) => findNovelty(dated, { ...options, signal }, () => this.#areas)
    const { source } = this.#view
    if (this.#whole !== undefined)
      return find(await this.#whole.dated({ notFound: (id) => source.notFound(id, { signal }), signal }))
    const own = this.#near('novelty')
    return own.settling.undisturbed(async () => find(await datedPapers(own, signal)))
  }

  /**
   * Renders topics as an HTML page with a map, a search and the related papers of each paper; the page works offline
   * from a single file. Other formats: Markdown, JSON, and the map as SVG. Returns the text, and writes it to `path` if
   * given. The same papers, topics and seed give the same bytes.
   * @throws PaperkinError `invalid-argument` if papers were added or removed since the topics were found, for an
   * invalid option, and for a path that cannot be written; `library-closed`
   */
  async report(topics: Topics, options: ReportOptions = {}): Promise<string> {
    this.#requireOpen()
    requireOptions('report', options, {
      path: true,
      format: true,
      title: true,
      seed: true,
      kin: true,
      novelty: true,
      recommended: true,
      signal: true,
      onProgress: true,
    })
    requireTopics(topics)
    const { path } = options
    if (typeof path === 'string') await requireOutside('path', path)
    const signal = this.#either(options.signal)
    const write = async (holding: Holding) => {
      // No await before the rows are taken, so everything is from one state.
      const { roster } = holding
      const snapshot = holding.vectors.snapshot()
      const rows = await this.#rows(holding, signal)
      const areas = this.#areas
      await areas?.prepare(roster, snapshot, signal)
      const places = areas === undefined ? [] : roster.papers.map((paper) => areas.of(paper, snapshot))
      return writeReport({ ...rows, places, topics, weights: relatedWeights }, { ...options, signal })
    }
    if (topics.sampledFrom === undefined)
      return this.#sampled({ most: Number.POSITIVE_INFINITY, examples: [] }, signal, write)
    const ids = new Set([...topics.topics.flatMap(({ papers }) => papers), ...topics.outliers].map(({ id }) => id))
    return this.#among(ids, { isSample: true, signal }, write)
  }

  /**
   * Releases threads, memory and the writer's lock; threads shared by libraries end with the last library. An embedder
   * passed to {@link open} stays open. Calls in progress are aborted with `library-closed`, and later calls fail with
   * it.
   */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(closedError())
    await this.#writing.catch(() => {})
    try {
      if (this.#far !== undefined) await this.#storage.compact(this.#far.size)
      await (this.#collection ?? this.#storage).close()
    } finally {
      await Promise.all([this.#leaveThreads(), this.#ownsEmbedder && this.#embedder?.close?.()])
    }
  }

  /** Calls {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The text that `console.log` prints. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { path, size, dimensions } = this
    const where = path === undefined ? 'in memory' : `in ${path}`
    const model = this.#embedder === undefined ? 'no embedder' : this.#embedder.modelId
    const state = this.#closing.signal.aborted ? ', closed' : ''
    return `PaperLibrary { ${size} papers ${where}, ${model}, ${dimensions ?? 'no'} dimensions${state} }`
  }

  get #identity(): StorageIdentity {
    return { ...this.#storage.identity, dimensions: this.dimensions ?? 0 }
  }

  /** Places of the papers on the map of science; undefined if there is no map in the space of their vectors. */
  get #areas(): PaperAreas | undefined {
    const { atlas } = this.#map
    if (this.#placed?.atlas !== atlas) this.#placed = atlas && new PaperAreas(atlas)
    return this.#placed
  }

  /**
   * The papers in memory.
   * @throws PaperkinError `invalid-argument` for a library on Postgres, naming the call that does the same there
   */
  #near(name: string, instead?: string): Collection {
    if (this.#collection !== undefined) return this.#collection
    throw new PaperkinError(
      'invalid-argument',
      `Expected a library in memory or on disk for \`${name}\`, which answers at once: on Postgres use \`await library.${instead}(…)\`.`,
    )
  }

  /** Where papers are added. */
  get #adding(): Adding {
    return this.#collection ?? new FarPapers(this.#storage as PostgresStorage)
  }

  /** Runs work over all papers of a library on Postgres, which are loaded for it. */
  async #loaded<Result>(
    signal: AbortSignal | undefined,
    work: (collection: Collection) => Promise<Result>,
  ): Promise<Result> {
    const { dimensions } = this
    const collection = new Collection({ dimensions, kind: 'exact', storage: this.#storage })
    try {
      await collection.load({ signal })
      return await work(collection)
    } finally {
      await collection.release()
    }
  }

  /**
   * Runs work over all papers, or over a sample with the examples if they are more than `most`; the work is then passed
   * the number of all.
   */
  async #sampled<Result>(
    { most, examples }: { readonly most: number; readonly examples: readonly string[] },
    signal: AbortSignal,
    work: (holding: Holding, sampledFrom: number | undefined) => Promise<Result>,
  ): Promise<Result> {
    const { size } = this
    if (this.#whole === undefined && size <= most) {
      const own = this.#near('topics')
      return own.settling.undisturbed(() => work(own, undefined))
    }
    const { ids, of } = (await this.#whole?.sampledIds(most, { signal })) ?? {
      ids: await sampledIds([...this.#near('topics').kept.keys()], most, signal),
      of: size,
    }
    const sampledFrom = of > most ? of : undefined
    return this.#among(new Set([...ids, ...examples]), { isSample: true, signal }, (holding) =>
      work(holding, sampledFrom),
    )
  }

  /** Runs work over the papers with some ids, as far as they are there: among all, unless they are a sample. */
  async #among<Result>(
    ids: ReadonlySet<string>,
    { isSample, signal }: { readonly isSample: boolean; readonly signal: AbortSignal },
    work: (holding: Holding) => Promise<Result>,
  ): Promise<Result> {
    if (this.#whole !== undefined) return work(await this.#whole.some(ids, { signal }))
    const own = this.#near('topics')
    return own.settling.undisturbed(async () => work(isSample ? await samplePapers(own, ids, signal) : own))
  }

  /** All papers, or those with the ids in `only`, with vectors and words, as of the call. */
  #rows(
    holding: Holding,
    signal: AbortSignal | undefined,
    options: Pick<Parameters<typeof topicInput>[1], 'only' | 'sampledFrom'> = {},
  ): ReturnType<typeof topicInput> {
    return topicInput(holding, { embedder: this.#embedder, atlas: this.#map.atlas, ...options, signal })
  }

  /** Aborts when the caller aborts or the library closes. */
  #either(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw closedError()
  }

  #requireWritable(): void {
    this.#requireOpen()
    if (this.#storage.isReadOnly)
      throw new PaperkinError('store-unwritable', 'The library is open for reading only: open it without `readOnly`.')
  }

  /** Queues a write behind those before it. */
  #alone<Result>(write: () => Promise<Result>): Promise<Result> {
    const result = this.#writing.then(write, write)
    this.#writing = result.catch(() => {})
    return result
  }
}

/** @throws PaperkinError `invalid-argument` if the value is not a library */
export function requireLibrary(library: unknown): void {
  if (library instanceof PaperLibrary) return
  throw new PaperkinError('invalid-argument', `Expected \`library\` to be a PaperLibrary, got ${show(library)}.`)
}

function requireBoolean(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be true or false, got ${show(value)}.`)
}

function requireTopics(topics: unknown): void {
  const { topics: list, of, hierarchy, overTime } = (topics ?? {}) as Partial<Topics>
  if (Array.isArray(list) && [of, hierarchy, overTime].every((method) => typeof method === 'function')) return
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`topics\` to be the result of \`library.topics()\`, got ${show(topics)}${Array.isArray(list) ? ' that came from JSON: restore them with `library.restoreTopics(data)`' : ''}.`,
  )
}

/** Vectors on disk are stored under the name of their model; two functions without names could not be told apart. */
function requireName(embedder: EmbedderInput): void {
  if (typeof embedder !== 'function' || 'task' in embedder) return
  const { modelId } = embedder
  if (typeof modelId === 'string' && modelId.trim() !== '') return
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`embedder\` to have a name where a library is on disk, got ${show(embedder)} with the \`modelId\` ${show(modelId)}: pass Object.assign(embed, { modelId: 'my-model-1' }), with another name for every model.`,
  )
}

/** Collects the records of an iterable. */
async function allOf(papers: unknown, signal: AbortSignal): Promise<readonly PaperInput[]> {
  if (typeof papers !== 'object' || papers === null || !(Symbol.asyncIterator in papers || Symbol.iterator in papers))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`papers\` to be an array of papers, or something that yields them, got ${show(papers)}.`,
    )
  const found: PaperInput[] = []
  for await (const paper of papers as AsyncIterable<PaperInput>) {
    signal.throwIfAborted()
    found.push(paper)
  }
  return found
}

/** Size of the sample that shows how near papers are to areas. */
const papersAsked = 200

/** Papers per read of the storage. */
const papersPerRead = 512

/** The most papers of a library on Postgres that topics are found among, unless asked otherwise. */
const farSample = 50_000

/** Vectors of a sample of papers, evenly spaced by id. */
function someVectors({ kept, vectors }: Holding): Float32Array[] {
  const ids = [...kept.keys()].sort()
  const step = Math.max(1, Math.floor(ids.length / papersAsked))
  return ids
    .filter((_, i) => i % step === 0)
    .map((id) => vectors.vector((kept.get(id) as StoredPaper).row))
    .filter((vector) => vector !== undefined)
}

/** @throws PaperkinError `invalid-argument` for a library in two places, or a schema without a database */
function requirePlace({ path, postgres, schema }: OpenOptions): void {
  if (typeof path === 'string' && isPostgresUrl(path))
    throw new PaperkinError(
      'invalid-argument',
      'Expected `path` to be a folder, got a url of Postgres: give it as `postgres`.',
    )
  if (path !== undefined && postgres !== undefined)
    throw new PaperkinError(
      'invalid-argument',
      `Expected a library in a folder or on Postgres, got both \`path\` ${show(path)} and \`postgres\`: leave one out.`,
    )
  if (schema !== undefined && postgres === undefined)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`postgres\` where a \`schema\` is given, got ${show(schema)} alone: name the database too.`,
    )
}

async function openStorage(options: OpenOptions, embedder: Embedder | undefined): Promise<Storage> {
  const { path, postgres, schema, readOnly = false, create = true } = options
  if (postgres === undefined)
    return path === undefined ? new MemoryStorage(identityOf(embedder)) : openLog(path, embedder, options)
  requireWriting(options)
  return PostgresStorage.open(postgres, { schema, identity: identityOf(embedder), readOnly, create })
}

/** Size in bytes of a log that takes as long to read as a model takes to load, about a third of a second. */
const longRead = 2 ** 26

/** Opens the log of a library in a folder. */
async function openLog(path: string, embedder: Embedder | undefined, options: OpenOptions): Promise<LogStorage> {
  const { readOnly = false, create = true, repair = false } = options
  requireWriting(options)
  return LogStorage.open(path, { identity: identityOf(embedder), readOnly, create, repair })
}

function requireWriting({ readOnly = false, reembed = false, repair = false }: OpenOptions): void {
  if (readOnly && (reembed || repair))
    throw new PaperkinError(
      'invalid-argument',
      `Expected a library to be open for writing where \`${repair ? 'repair' : 'reembed'}\` is asked for: open it without \`readOnly\`.`,
    )
}

/** Makes sure that the storage matches the embedder; re-embeds or repairs it if requested. */
async function fitted(
  storage: Storage,
  options: OpenOptions & { readonly embedder: Embedder | undefined },
): Promise<Repair | undefined> {
  const { embedder, reembed = false, repair = false, signal, onProgress } = options
  const found = storage.identity
  const identity = identityOf(embedder)
  const expected = embedder === undefined ? { ...identity, dimensions: found.dimensions } : identity
  // Reading without embedding does not need the model.
  const isSame = isSameIdentity(found, expected) || (embedder === undefined && storage.isReadOnly)
  const other = named(found) === named(expected) ? 'it with another prefix, length or runtime' : named(found)
  if (!isSame && !reembed)
    throw new PaperkinError(
      'store-mismatch',
      `Expected the library in ${storage.path} to be embedded by ${named(expected)}, but it is by ${other}: open it with that embedder, or with \`reembed: true\` to re-embed all papers.`,
    )
  if (!isSame && embedder === undefined)
    throw new PaperkinError('invalid-argument', "Expected an embedder with `reembed`, got 'none'.")
  if (!repair && isSame) return undefined
  const done = await convert(storage, {
    identity: expected,
    embedder,
    isNeeded: !isSame,
    isReembedding: reembed,
    signal,
    onProgress,
  })
  return repair ? done : undefined
}

function closedError(): PaperkinError {
  return new PaperkinError('library-closed', 'The library is closed: open it again with `PaperLibrary.open()`.')
}

function identityOf(embedder: Embedder | undefined): StorageIdentity {
  if (embedder === undefined) return { modelId: 'none', dimensions: 0, recipe: paperTextRecipe }
  const { modelId, revision, dtype, dimensions, fingerprint } = embedder
  return {
    modelId,
    ...(revision && { revision }),
    ...(dtype && { dtype }),
    dimensions,
    recipe: paperTextRecipe,
    ...(fingerprint && { settings: fingerprint }),
  }
}

function named({ modelId, revision, dtype, dimensions, recipe }: StorageIdentity): string {
  const parts = [
    ...(revision ? [`revision ${revision}`] : []),
    ...(dtype ? [dtype] : []),
    `${dimensions} dimensions`,
    ...(recipe === paperTextRecipe ? [] : [`from ${recipe}`]),
  ]
  return `${modelId} (${parts.join(', ')})`
}
