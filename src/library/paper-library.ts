// The facade: ids outside, rows inside. What it holds is in collection.ts, how questions are answered in ranking.ts.
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
import { type DuplicateOptions, type Duplicates, findDuplicates } from './asking/near-duplicates.ts'
import { findNovelty, type NoveltyOptions } from './asking/novelty.ts'
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
import type { Seed, Seeds } from './asking/seeds.ts'
import { topicInput } from './asking/topic-input.ts'
import { type AddOptions, type AddResult, addPapers } from './collection/add-papers.ts'
import { AreaMap, mapFrom } from './collection/area-map.ts'
import { Collection } from './collection/collection.ts'
import { convert, type Repair } from './collection/convert.ts'
import { type FoundPaper, findPapers, keptPaper, paperNotFound, wrongText } from './collection/find-papers.ts'
import { type ExportOptions, exportLibrary, type ImportOptions, readExport } from './collection/transfer.ts'
import { requireOutside } from './storage/log-folder.ts'
import { LogStorage, verifyLog } from './storage/log-storage.ts'
import { MemoryStorage } from './storage/memory-storage.ts'
import { isSameIdentity, type Storage, type StorageIdentity, type Verification } from './storage/storage.ts'

export interface OpenOptions {
  /** The folder of a library on disk; it is made where there is none. @default in memory, gone when the process ends */
  readonly path?: string | undefined
  /** Whether a library is made where the folder has none; without it that is an error. @default true */
  readonly create?: boolean | undefined
  /** Takes no lock and changes nothing, beside a process that writes; see {@link PaperLibrary.refresh}. @default false */
  readonly readOnly?: boolean | undefined
  /**
   * Whether a library that was made with another model is embedded anew, in place. What was done when this is ended is
   * not done again the next time. @default false
   */
  readonly reembed?: boolean | undefined
  /**
   * Whether what is damaged is left out, or embedded again where only the vector is; {@link PaperLibrary.repair} tells
   * what was done. @default false
   */
  readonly repair?: boolean | undefined
  /**
   * What turns texts into vectors: an {@link Embedder}, a function, or a feature-extraction pipeline of transformers.js.
   * `'none'` for papers that come with vectors of one's own, whose width the first of them fixes; with `readOnly` it opens
   * a library of any model, to look at its papers, ask it by words and export it.
   * @default the bundled MiniLM-L6-papers
   */
  readonly embedder?: EmbedderInput | 'none' | undefined
  /**
   * `'exact'` looks at every vector; `'hnsw'` has a graph built by hnswlib-node, an optional dependency, from which
   * questions are answered approximately, and exactly where it proves nothing soon, few papers pass the filter, or some are
   * asked for that are unlike others; `'auto'` is exact up to 250,000 papers. @default 'auto'
   */
  readonly index?: IndexKind | undefined
  /**
   * Whether papers have areas of the map of science, and topics its names. Of another model than the bundled one the map
   * is embedded once, by {@link PaperLibrary.prepareAreas} or by the first `topics` of 200 papers or more, and kept.
   * @default true
   */
  readonly areas?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Of what is embedded again. */
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
}

const openOptionNames: Readonly<Record<keyof OpenOptions, true>> = {
  path: true,
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
 * A collection of papers that can be searched by meaning and by words, asked for kin, and parted into topics. `Extra` types
 * what its papers have in `extra`, as the caller knows it: nothing checks it.
 */
export class PaperLibrary<Extra extends object = PaperExtra> {
  readonly #embedder: Embedder | undefined
  readonly #ownsEmbedder: boolean
  readonly #collection: Collection
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
    readonly collection: Collection
    readonly map: AreaMap
    readonly repair: Repair | undefined
  }) {
    if (parts?.collection === undefined)
      throw new PaperkinError(
        'invalid-argument',
        'A library is opened, not made with `new`: await PaperLibrary.open().',
      )
    // Many questions at once wait for it.
    setMaxListeners(0, this.#closing.signal)
    this.#leaveThreads = useThreads()
    const { embedder, collection } = parts
    this.#embedder = embedder
    this.#ownsEmbedder = parts.ownsEmbedder
    this.#collection = collection
    this.#repair = parts.repair
    this.#map = parts.map
    this.#view = {
      collection,
      areas: () => this.#areas,
      hasEmbedder: embedder !== undefined,
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
   * Opens a library: an empty one in memory, or the one in a folder. One process at a time has a folder open for writing,
   * from here to {@link close}.
   * @throws PaperkinError `invalid-argument` for an option that is none of its values and for a path that is no folder;
   * `embedder-unavailable`; `index-unavailable` where hnswlib-node is asked for and not installed; `store-locked` with
   * the other's pid; `store-mismatch` for another model and for a newer format; `corrupt-store` with the ids of damaged
   * papers; `store-unwritable`; `unreadable-source`
   */
  static async open<Extra extends object = PaperExtra>(options: OpenOptions = {}): Promise<PaperLibrary<Extra>> {
    requireOptions('PaperLibrary.open', options, openOptionNames)
    const { path, index: kind = 'auto', signal } = options
    // Before a folder is made.
    for (const name of ['readOnly', 'reembed', 'repair', 'create', 'areas'] as const)
      requireBoolean(name, options[name])
    requireIndexKind(kind)
    if (path !== undefined && options.embedder !== 'none') requireName(options.embedder)
    const embedder = options.embedder === 'none' ? undefined : await resolveEmbedder(options.embedder)
    const ownsEmbedder = embedder !== options.embedder
    let storage: Storage | undefined
    try {
      signal?.throwIfAborted()
      storage = path === undefined ? new MemoryStorage(identityOf(embedder)) : await openLog(path, embedder, options)
      const repair = await fitted(storage, { ...options, embedder })
      const dimensions = embedder?.dimensions ?? (storage.identity.dimensions || undefined)
      const collection = new Collection({ dimensions, kind, storage })
      // The model is loaded by another thread while the papers are read: the first question waits for the later of both.
      if (storage.bytes > longRead) void embedder?.prepare?.()
      await collection.load({ signal })
      const map = new AreaMap({ embedder, storage, isWanted: options.areas ?? true })
      await map.load()
      return new PaperLibrary<Extra>({ embedder, ownsEmbedder, collection, map, repair })
    } catch (error) {
      await storage?.close()
      if (ownsEmbedder) await embedder?.close?.()
      throw error
    }
  }

  /** The folder of the library; undefined for one in memory. */
  get path(): string | undefined {
    return this.#collection.storage.path
  }

  /** What was repaired when the library was opened with `repair: true`; undefined where nothing was damaged. */
  get repair(): Repair | undefined {
    return this.#repair
  }

  /** Number of papers. */
  get size(): number {
    return this.#collection.kept.size
  }

  /** Width of the vectors; undefined in a library without an embedder that has had none yet. */
  get dimensions(): number | undefined {
    return this.#collection.dimensions
  }

  /** The model that texts are embedded by; undefined for `'none'`. */
  get embedder(): Pick<Embedder, 'modelId' | 'dimensions' | 'revision' | 'dtype'> | undefined {
    if (this.#embedder === undefined) return undefined
    const { modelId, dimensions, revision, dtype } = this.#embedder
    return Object.freeze({ modelId, dimensions, ...(revision && { revision }), ...(dtype && { dtype }) })
  }

  /**
   * What finds near vectors at present: `'exact'`, or `'hnsw'` once there is a graph. `failure` is why there is none where
   * building it in the background failed; then vectors are compared exactly.
   */
  get index(): { readonly kind: 'exact' | 'hnsw'; readonly failure?: unknown } {
    const { kind, failure } = this.#collection.index
    return Object.freeze({ kind, ...(failure !== undefined && { failure }) })
  }

  has(id: string | number): boolean {
    return keptPaper(this.#collection.kept, id) !== undefined
  }

  get(id: string | number): Paper<Extra> | undefined {
    this.#requireOpen()
    const known = keptPaper(this.#collection.kept, id)
    return known && (this.#collection.readNow(known) as Paper<Extra>)
  }

  /** A copy of a paper's unit vector, the caller's own; undefined where there is no such paper. */
  vector(id: string | number): Float32Array | undefined {
    this.#requireOpen()
    const known = keptPaper(this.#collection.kept, id)
    return known && this.#collection.vectors.vector(known.row)
  }

  /**
   * The areas of science that a paper is nearest to, the nearest first; none where there is no such paper, where the map
   * has nothing near, and with another model than the bundled one before {@link prepareAreas}.
   * @param options `k`: how many at most. @default 1
   */
  areas(id: string, options: { readonly k?: number | undefined } = {}): readonly PaperArea[] {
    this.#requireOpen()
    requireOptions('areas', options, { k: true })
    const k = requireInteger('k', options.k ?? 1, 1)
    const known = keptPaper(this.#collection.kept, id)
    const areas = this.#areas
    if (known === undefined || areas === undefined) return []
    const { vectors } = this.#collection
    if (k > 1) return areas.atlas.areasOf(vectors.vector(known.row), k)
    const place = areas.of(known, vectors)
    return place === undefined ? [] : [place]
  }

  /**
   * Has the map of science embedded by the library's model, and kept beside the library, where it is not there yet: 1,833
   * short texts, which take as long as some 200 abstracts. The bundled model has it anyway.
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
    await this.#map.prepare({ ...options, papers: () => this.#someVectors(), signal: this.#either(options.signal) })
  }

  /**
   * All papers, in the order in which their ids were first added, or those that a filter lets through.
   * @throws PaperkinError `invalid-argument` for a wrong filter, `library-closed`
   */
  papers(options: { readonly filter?: PaperFilter<Extra> | undefined } = {}): Paper<Extra>[] {
    this.#requireOpen()
    requireOptions('papers', options, { filter: true })
    const { roster, vectors } = this.#collection
    const papers = roster.papers.map((paper) => this.#collection.readNow(paper) as Paper<Extra>)
    const reading = compileFilter(options.filter as PaperFilter | undefined, roster, () => this.#areas)
    const filter = this.#collection.now(reading)
    if (filter === undefined) return papers
    if (filter.needsAreas) this.#areas?.prepareNow(roster, vectors)
    const { holds } = filter.test(roster)
    return papers.filter((_, place) => holds(place))
  }

  /** The papers of ids, in their order; undefined where there is no such paper. */
  getMany(ids: readonly (string | number)[]): (Paper<Extra> | undefined)[] {
    this.#requireOpen()
    requireList('ids', ids)
    return Array.from(ids, (id) => this.get(id))
  }

  /** All papers, in the order of {@link papers}, each read when it is come to. */
  *[Symbol.iterator](): Generator<Paper<Extra>> {
    this.#requireOpen()
    for (const known of [...this.#collection.kept.values()]) yield this.#collection.readNow(known) as Paper<Extra>
  }

  /** The papers whose id or title a text may mean, best first; none that shares nothing with it. */
  find(text: string, options: { readonly k?: number | undefined } = {}): FoundPaper<Extra>[] {
    this.#requireOpen()
    if (typeof text !== 'string' || text.trim() === '') throw wrongText('text', text)
    requireOptions('find', options, { k: true })
    const k = requireInteger('k', options.k ?? 5, 1)
    return this.#collection.now(findPapers(this.#collection.kept, text, k)) as FoundPaper<Extra>[]
  }

  /**
   * Adds papers, and updates those whose id is known. In memory all of them or, where anything goes wrong, none; on disk
   * batch by batch, each of them whole, so that after an abort or a failure the next `add` finds there what was done.
   * Only texts that are new are embedded, also where a paper was removed meanwhile, and none where vectors are given.
   * @throws PaperkinError `invalid-paper` with an issue for each bad record, and for two papers of one id and different
   * texts or vectors; `invalid-argument` for vectors of another number or width, or that hold NaN, infinity or only 0;
   * `embedding-failed`; `embedder-unavailable`, also for new texts without a vector where there is no embedder;
   * `store-unwritable`; `library-closed`
   */
  async add(
    papers: readonly PaperInput[] | Iterable<PaperInput> | AsyncIterable<PaperInput>,
    options: AddOptions = {},
  ): Promise<AddResult> {
    this.#requireWritable()
    requireOptions('add', options, { vectors: true, merge: true, signal: true, onProgress: true })
    requireBoolean('merge', options.merge)
    const either = this.#either(options.signal)
    // An array takes its turn at once.
    const records = Array.isArray(papers) ? ([...papers] as readonly PaperInput[]) : await allOf(papers, either)
    const requireOpen = () => this.#requireOpen()
    return this.#alone(() =>
      addPapers(this.#collection, records, { ...options, signal: either, embedder: this.#embedder, requireOpen }),
    )
  }

  /**
   * Removes papers, all or none, and returns how many.
   * @throws PaperkinError `paper-not-found`, `store-unwritable`, `library-closed`
   */
  async remove(ids: readonly (string | number)[]): Promise<number> {
    this.#requireWritable()
    if (!Array.isArray(ids))
      throw new PaperkinError('invalid-argument', `Expected \`ids\` to be an array of ids, got ${show(ids)}.`)
    const given = [...ids]
    return this.#alone(async () => {
      const { kept } = this.#collection
      const removed = new Set<string>()
      for (const id of given) {
        const known = keptPaper(kept, id)
        if (known === undefined) throw await this.#collection.soon(paperNotFound(kept, id))
        removed.add(known.id)
      }
      if (removed.size > 0) await this.#collection.commit({ removed: [...removed] })
      return removed.size
    })
  }

  /**
   * Removes all papers and returns how many. On disk their vectors stay, should they come again.
   * @throws PaperkinError `store-unwritable`, `library-closed`
   */
  async clear(): Promise<number> {
    this.#requireWritable()
    return this.#alone(async () => {
      const removed = [...this.#collection.kept.keys()]
      if (removed.length > 0) await this.#collection.commit({ removed })
      return removed.length
    })
  }

  /**
   * Writes the papers as JSON lines and the vectors as a NumPy matrix, both in the order of {@link papers}, as the library
   * is at the time of the call.
   * @throws PaperkinError `invalid-argument` where neither is wanted, `store-unwritable`, `library-closed`
   */
  async export(options: ExportOptions): Promise<void> {
    this.#requireOpen()
    requireOptions('export', options, { papers: true, vectors: true, signal: true })
    await exportLibrary(this.#collection, {
      ...options,
      signal: this.#either(options?.signal),
      identity: this.#identity,
    })
  }

  /**
   * Adds papers that {@link export} wrote, here or in another library, and takes over their vectors where those are named.
   * @throws PaperkinError `unreadable-source`, also where a paper has no vector; `store-mismatch` for vectors of another
   * model than the library's; and what {@link add} throws
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
   * Takes over what another process has written since this library was opened, all at once.
   * @throws PaperkinError `store-mismatch` where it has another model by now, `corrupt-store`, `library-closed`
   */
  async refresh(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#requireOpen()
    requireOptions('refresh', options, { signal: true })
    if (!this.#collection.storage.isReadOnly) return
    await this.#alone(() => this.#collection.load({ signal: this.#either(options.signal) }))
  }

  /**
   * Reads everything that is in a library's folder and tells what is damaged, also of a library that cannot be opened.
   * @throws PaperkinError `invalid-argument` where there is no library, `store-mismatch`, `unreadable-source`
   */
  static async verify(
    path: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Verification> {
    requireOptions('PaperLibrary.verify', options, { signal: true })
    return verifyLog(path, options)
  }

  /**
   * Reads everything that is on disk and tells what is damaged by now.
   * @throws PaperkinError `invalid-argument` for a library in memory, `unreadable-source`, `library-closed`
   */
  async verify(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Verification> {
    this.#requireOpen()
    requireOptions('verify', options, { signal: true })
    const { storage } = this.#collection
    if (!storage.isDurable)
      throw new PaperkinError(
        'invalid-argument',
        'Expected a library on disk, this one is in memory: open one with `path`.',
      )
    return this.#alone(() => storage.verify({ signal: this.#either(options.signal) }))
  }

  /**
   * The papers that a text asks for, by meaning and by words.
   * @throws PaperkinError `invalid-argument` for an empty text or a wrong option, `embedding-failed`, `library-closed`
   */
  search(text: string, options: SearchOptions<Extra> = {}): Promise<HitList<Extra>> {
    return this.#ranking.search(text, options as SearchOptions) as Promise<HitList<Extra>>
  }

  /**
   * The papers that are kin to a paper of the library, to a text that is not in it, or to several of either; never a
   * paper that was asked about. Near-duplicates of one are marked, or left out where `omitDuplicates` is set.
   * @throws PaperkinError `paper-not-found` that suggests the nearest titles, `invalid-argument`, `invalid-paper`,
   * `library-closed`
   */
  related(seeds: Seed | Seeds, options: RelatedOptions<Extra> = {}): Promise<HitList<Extra>> {
    return this.#ranking.related(seeds, options as RelatedOptions) as Promise<HitList<Extra>>
  }

  /** {@link related} for many questions in one call, in their order: quicker than one call each in a large library. */
  relatedMany(seeds: readonly (Seed | Seeds)[], options: RelatedOptions<Extra> = {}): Promise<HitList<Extra>[]> {
    return this.#ranking.relatedMany(seeds, options as RelatedOptions) as Promise<HitList<Extra>[]>
  }

  /**
   * The papers that someone will like, by those that they liked: of the library, or of `among`. A linear model over
   * embedding and words (support vector machine, the rest of the library as weak negatives) and the kinship to the three
   * nearest liked papers, which counts the more the fewer there are. The same papers give the same answer. Records that
   * are not in the library are embedded first.
   * @throws PaperkinError `invalid-argument` where nothing is liked, and for a paper both liked and disliked;
   * `paper-not-found`, `invalid-paper`, `embedding-failed`, `library-closed`
   */
  async recommend(options: RecommendOptions): Promise<Recommendations> {
    this.#requireOpen()
    return recommend(this.#view, { ...options, signal: this.#either(options?.signal) })
  }

  /**
   * Papers that say the same in the same words: copies, versions, an abstract under another title, the same title from
   * another source. `threshold` is the share of the shorter paper's word pairs (neighbouring stems, stop words aside)
   * that the other must have as well; half of that is enough where the titles are the same but for case, punctuation and
   * marks such as `v2` or `(extended version)`. Of titles that differ at least six pairs must be shared.
   * @throws PaperkinError `invalid-argument` for a threshold that is not in .05 … 1, `library-closed`
   */
  async duplicates(options: DuplicateOptions = {}): Promise<Duplicates> {
    this.#requireOpen()
    requireOptions('duplicates', options, { threshold: true, signal: true })
    const { kept, lexical } = this.#collection
    return findDuplicates([...kept.values()], lexical, {
      ...options,
      stream: (papers, reading) => this.#collection.stream(papers, reading),
      signal: this.#either(options.signal),
    })
  }

  /**
   * Parts the papers into topics. The same papers, options and seed give the same topics.
   * @throws PaperkinError `invalid-argument`, `library-closed`; `paper-not-found` for an example of a named topic that is
   * not in the library; `embedding-failed` for names that cannot be embedded
   */
  async topics(options: TopicOptions = {}): Promise<Topics> {
    this.#requireOpen()
    requireOptions('topics', options, topicOptionNames)
    const signal = this.#either(options.signal)
    return this.#collection.settling.undisturbed(async () => {
      const isNamed = Array.isArray(options.named) && options.named.length > 0
      if (this.size > 0 && (isNamed || this.size >= mapFrom))
        await this.#map.prepare({ papers: () => this.#someVectors(), signal })
      return findTopics(await this.#rows(signal), { ...options, signal })
    })
  }

  /**
   * Topics that were kept as JSON, with their calls. The data stays as it is; papers that were added since are in none of
   * them, and `topics({ previous })` finds topics of all.
   * @param options what was given to `topics` when they were found, for `merge`, `split` and `reduce`
   * @throws PaperkinError `invalid-argument` for what is no topics; `paper-not-found` where a paper of theirs is gone;
   * `library-closed`
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
    return this.#collection.settling.undisturbed(async () => {
      const gone = [...papers].filter((id) => !this.#collection.kept.has(id))
      if (gone.length > 0)
        throw new PaperkinError(
          'paper-not-found',
          `Expected the ${papers.size} papers of \`topics\` to be in the library, ${gone.length} are not, such as ${show(gone[0])}: find topics of those that are there with \`topics({ previous })\`.`,
        )
      return restoreTopics(await this.#rows(signal, papers), data, { ...options, signal })
    })
  }

  /**
   * What is new: areas and terms that are more frequent in the newest papers than in the weeks before, with counts, and
   * papers that lie where hardly any earlier one does. Terms need words alone, areas the bundled model. With too few
   * earlier papers the lists are empty, and `missing` says what there should be.
   * @throws PaperkinError `paper-not-found`, `invalid-argument`, `library-closed`
   */
  async novelty(options: NoveltyOptions = {}): Promise<Novelty> {
    this.#requireOpen()
    requireOptions('novelty', options, { papers: true, since: true, weeks: true, signal: true })
    const signal = this.#either(options.signal)
    return this.#collection.settling.undisturbed(() =>
      findNovelty(this.#collection, { ...options, signal }, () => this.#areas),
    )
  }

  /**
   * Shows topics of the library's papers: a page with a map, a search and every paper with its kin, which works from disk
   * and fetches nothing; or Markdown, JSON, or the map as SVG. Returns the text, and writes it where a `path` is given.
   * The same papers, topics and seed give the same bytes.
   * @throws PaperkinError `invalid-argument` where papers came or went since the topics were found, for a wrong option, and
   * for a path that cannot be written; `library-closed`
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
    // Of one state: nothing is waited for before the rows are taken.
    const { roster } = this.#collection
    const snapshot = this.#collection.vectors.snapshot()
    const rows = await this.#rows(signal)
    const areas = this.#areas
    await areas?.prepare(roster, snapshot, signal)
    const places = areas === undefined ? [] : roster.papers.map((paper) => areas.of(paper, snapshot))
    return writeReport({ ...rows, places, topics, weights: relatedWeights }, { ...options, signal })
  }

  /**
   * Gives back threads, memory and the writer's lock; threads that libraries share go with the last of them. An embedder that the caller made stays open. What is under way ends
   * as by an abort, with `library-closed`; calls after it are refused.
   */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(closedError())
    await this.#writing.catch(() => {})
    try {
      await this.#collection.close()
    } finally {
      await Promise.all([this.#leaveThreads(), this.#ownsEmbedder && this.#embedder?.close?.()])
    }
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** What `console.log` prints. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { path, size, dimensions } = this
    const where = path === undefined ? 'in memory' : `in ${path}`
    const model = this.#embedder === undefined ? 'no embedder' : this.#embedder.modelId
    const state = this.#closing.signal.aborted ? ', closed' : ''
    return `PaperLibrary { ${size} papers ${where}, ${model}, ${dimensions ?? 'no'} dimensions${state} }`
  }

  get #identity(): StorageIdentity {
    const { storage, dimensions = 0 } = this.#collection
    return { ...storage.identity, dimensions }
  }

  /** Where the papers lie on the map of science; undefined where there is none in the space of their vectors. */
  get #areas(): PaperAreas | undefined {
    const { atlas } = this.#map
    if (this.#placed?.atlas !== atlas) this.#placed = atlas && new PaperAreas(atlas)
    return this.#placed
  }

  /** Vectors of papers evenly spaced among all, by their ids. */
  #someVectors(): Float32Array[] {
    const { kept, vectors } = this.#collection
    const ids = [...kept.keys()].sort()
    const step = Math.max(1, Math.floor(ids.length / papersAsked))
    return ids
      .filter((_, i) => i % step === 0)
      .map((id) => vectors.vector((kept.get(id) as { readonly row: number }).row))
      .filter((vector) => vector !== undefined)
  }

  /** All papers, or those of some ids, with their vectors and words, as they are at this moment. */
  #rows(signal: AbortSignal | undefined, only?: ReadonlySet<string>): ReturnType<typeof topicInput> {
    return topicInput(this.#collection, { embedder: this.#embedder, atlas: this.#map.atlas, only, signal })
  }

  /** Aborted by the caller, or because the library is closed. */
  #either(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw closedError()
  }

  #requireWritable(): void {
    this.#requireOpen()
    if (this.#collection.storage.isReadOnly)
      throw new PaperkinError('store-unwritable', 'The library is open for reading only: open it without `readOnly`.')
  }

  /** Runs one write after the other. */
  #alone<Result>(write: () => Promise<Result>): Promise<Result> {
    const result = this.#writing.then(write, write)
    this.#writing = result.catch(() => {})
    return result
  }
}

/** @throws PaperkinError `invalid-argument` for what is no library */
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
    `Expected \`topics\` to be what \`library.topics()\` gave, got ${show(topics)}${Array.isArray(list) ? ' that came from JSON: restore them with `library.restoreTopics(data)`' : ''}.`,
  )
}

/**
 * Vectors on disk are kept under the name of what made them: of two functions without one, nobody could tell that they
 * differ.
 */
function requireName(embedder: EmbedderInput): void {
  if (typeof embedder !== 'function' || 'task' in embedder) return
  const { modelId } = embedder
  if (typeof modelId === 'string' && modelId.trim() !== '') return
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`embedder\` to have a name where a library is on disk, got ${show(embedder)} with the \`modelId\` ${show(modelId)}: pass Object.assign(embed, { modelId: 'my-model-1' }), with another name for every model.`,
  )
}

/** All that something yields. */
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

/** So many papers tell how near papers are to areas. */
const papersAsked = 200

/** Bytes of a log that take as long to read as a model to load, about a third of a second. */
const longRead = 2 ** 26

/** Opens the log of a library in a folder. */
async function openLog(path: string, embedder: Embedder | undefined, options: OpenOptions): Promise<LogStorage> {
  const { readOnly = false, create = true, reembed = false, repair = false } = options
  if (readOnly && (reembed || repair))
    throw new PaperkinError(
      'invalid-argument',
      `Expected a library to be open for writing where \`${repair ? 'repair' : 'reembed'}\` is asked for: open it without \`readOnly\`.`,
    )
  return LogStorage.open(path, { identity: identityOf(embedder), readOnly, create, repair })
}

/** Sees to it that what a storage holds is of this embedder, and whole where that is asked for. */
async function fitted(
  storage: Storage,
  options: OpenOptions & { readonly embedder: Embedder | undefined },
): Promise<Repair | undefined> {
  const { embedder, reembed = false, repair = false, signal, onProgress } = options
  const found = storage.identity
  const identity = identityOf(embedder)
  const expected = embedder === undefined ? { ...identity, dimensions: found.dimensions } : identity
  // Who only reads and embeds nothing need not have the model.
  const isSame = isSameIdentity(found, expected) || (embedder === undefined && storage.isReadOnly)
  const other = named(found) === named(expected) ? 'it with another prefix, length or runtime' : named(found)
  if (!isSame && !reembed)
    throw new PaperkinError(
      'store-mismatch',
      `Expected the library in ${storage.path} to be embedded by ${named(expected)}, but it is by ${other}: open it with that embedder, or with \`reembed: true\` to embed all papers anew.`,
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
