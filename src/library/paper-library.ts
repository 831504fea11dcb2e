// The facade, and the only place that knows both ids and rows. A row is the number under which the lexical index and the
// vector index keep one text; a changed text gets a new row. Vectors are put into their index first and taken out last,
// and a row counts only while `#kept` names it: so a write becomes visible in one synchronous step, whole.
import type { Embedder, EmbedProgress } from '../embedding/embedder.ts'
import { type EmbedderInput, resolveEmbedder } from '../embedding/resolve-embedder.ts'
import { PaperkinError, type PaperkinIssue, requireInteger, show } from '../errors.ts'
import { LexicalIndex } from '../lexical/lexical-index.ts'
import { type Paper, type PaperInput, paperText, toPaper } from '../paper.ts'
import { findTopics, type TopicOptions, type Topics } from '../topics/find-topics.ts'
import { createVectorIndex, type IndexKind } from '../vectors/create-index.ts'
import type { ExactIndex } from '../vectors/exact-index.ts'
import { timeSlice } from '../vectors/time-slice.ts'
import { unitRows, type VectorsInput } from '../vectors/vector-index.ts'
import { type FoundPaper, findPapers, type KeptPaper, keptPaper, paperNotFound, wrongText } from './find-papers.ts'
import { type HitList, type HitOptions, Ranking, type SearchOptions } from './ranking.ts'

export interface OpenOptions {
  /**
   * What turns texts into vectors: an {@link Embedder}, a function, or a feature-extraction pipeline of transformers.js.
   * `'none'` for papers that come with vectors of one's own, whose width the first of them fixes.
   * @default the bundled all-MiniLM-L6-v2
   */
  readonly embedder?: EmbedderInput | 'none'
  /**
   * `'exact'` looks at every vector; `'hnsw'` searches a graph built by hnswlib-node, an optional dependency; `'auto'`
   * is exact up to 250,000 papers. @default 'auto'
   */
  readonly index?: IndexKind
}

export interface AddOptions {
  /**
   * Vectors of one's own in place of the embedder's, one for each paper in the order of the papers; of any length but 0,
   * they are kept as unit vectors. A paper keeps its vector until its text changes or another is given. The arrays must
   * not change before the call has ended.
   */
  readonly vectors?: VectorsInput
  /** Ends the call with `signal.reason`; the library stays as it was. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: EmbedProgress) => void
}

/** A paper whose text was longer than the model reads. */
export interface TruncatedPaper {
  readonly id: string
  /** Word pieces of the whole text. */
  readonly tokens: number
  /** Word pieces at its end that the embedding does not know of. */
  readonly cut: number
}

/** What `add` did; ids in the order in which they were given. */
export interface AddResult {
  readonly added: readonly string[]
  /** Known ids whose title, abstract, other fields or given vector were different. */
  readonly updated: readonly string[]
  readonly unchanged: readonly string[]
  readonly truncated: readonly TruncatedPaper[]
  /** Papers without an abstract, embedded by their title alone. */
  readonly titleOnly: readonly string[]
}

/** A collection of papers that can be searched by meaning and by words, asked for kin, and parted into topics. */
export class PaperLibrary {
  readonly #embedder: Embedder | undefined
  readonly #ownsEmbedder: boolean
  readonly #kind: IndexKind
  readonly #lexical = new LexicalIndex()
  #vectors: ExactIndex
  #dimensions: number | undefined
  readonly #kept = new Map<string, KeptPaper>()
  #writing: Promise<unknown> = Promise.resolve()
  #closed = false
  readonly #ranking: Ranking

  private constructor(
    embedder: Embedder | undefined,
    { ownsEmbedder, kind }: { ownsEmbedder: boolean; kind: IndexKind },
  ) {
    this.#embedder = embedder
    this.#ownsEmbedder = ownsEmbedder
    this.#kind = kind
    this.#dimensions = embedder?.dimensions
    // Until the first vectors tell their width, an empty index of another stands for theirs.
    this.#vectors = createVectorIndex(this.#dimensions ?? 1, { kind })
    this.#ranking = new Ranking({
      kept: this.#kept,
      lexical: this.#lexical,
      vectors: () => this.#vectors,
      hasEmbedder: embedder !== undefined,
      embed: (texts, options) => this.#embed(texts, options),
      requireOpen: () => this.#requireOpen(),
    })
  }

  /**
   * Opens an empty library in memory.
   * @throws PaperkinError `invalid-argument` for an option that is none of its values, `embedder-unavailable`,
   * `index-unavailable` where hnswlib-node is asked for and not installed
   */
  static async open(options: OpenOptions = {}): Promise<PaperLibrary> {
    const embedder = options.embedder === 'none' ? undefined : await resolveEmbedder(options.embedder)
    return new PaperLibrary(embedder, { ownsEmbedder: embedder !== options.embedder, kind: options.index ?? 'auto' })
  }

  /** Number of papers. */
  get size(): number {
    return this.#kept.size
  }

  /** Width of the vectors; undefined in a library without an embedder that has had none yet. */
  get dimensions(): number | undefined {
    return this.#dimensions
  }

  /** The model that texts are embedded by; undefined for `'none'`. */
  get embedder(): Pick<Embedder, 'modelId' | 'dimensions' | 'revision' | 'dtype'> | undefined {
    if (this.#embedder === undefined) return undefined
    const { modelId, dimensions, revision, dtype } = this.#embedder
    return Object.freeze({ modelId, dimensions, ...(revision && { revision }), ...(dtype && { dtype }) })
  }

  /** What answers a search at present: `'exact'`, or `'hnsw'` once there is a graph. */
  get index(): { readonly kind: 'exact' | 'hnsw' } {
    return Object.freeze({ kind: this.#vectors.kind })
  }

  has(id: string): boolean {
    return keptPaper(this.#kept, id) !== undefined
  }

  get(id: string): Paper | undefined {
    return keptPaper(this.#kept, id)?.paper
  }

  /** A copy of a paper's unit vector, the caller's own; undefined where there is no such paper. */
  vector(id: string): Float32Array | undefined {
    this.#requireOpen()
    const known = keptPaper(this.#kept, id)
    return known && this.#vectors.vector(known.row)
  }

  /** All papers, in the order in which their ids were first added. */
  papers(): Paper[] {
    return Array.from(this.#kept.values(), ({ paper }) => paper)
  }

  /** The papers whose id or title a text may mean, best first; none that shares nothing with it. */
  find(text: string, options: { readonly k?: number } = {}): FoundPaper[] {
    if (typeof text !== 'string' || text.trim() === '') throw wrongText('text', text)
    return findPapers(this.papers(), text, requireInteger('k', options.k ?? 5, 1))
  }

  /**
   * Adds papers, and updates those whose id is known: all of them or, where anything goes wrong, none. Only texts that
   * are new are embedded, and none where vectors are given.
   * @throws PaperkinError `invalid-paper` with an issue for each bad record, and for two papers of one id and different
   * texts or vectors; `invalid-argument` for vectors of another number or width, or that hold NaN, infinity or only 0;
   * `embedding-failed`; `embedder-unavailable`, also for new texts without a vector where there is no embedder;
   * `library-closed`
   */
  async add(papers: readonly PaperInput[], options: AddOptions = {}): Promise<AddResult> {
    this.#requireOpen()
    const { signal, onProgress, vectors } = options
    if (!Array.isArray(papers))
      throw new PaperkinError('invalid-argument', `Expected \`papers\` to be an array of papers, got ${show(papers)}.`)
    const records: readonly PaperInput[] = [...papers]
    return this.#alone(async () => {
      const slice = timeSlice(signal)
      const dimensions = this.#dimensions ?? widthOf(vectors, records.length)
      const units = vectors && (await unitRows(vectors, { dimensions, name: 'vectors', slice }))
      if (units !== undefined && units.length !== records.length * dimensions)
        throw new PaperkinError(
          'invalid-argument',
          `Expected \`vectors\` to hold one for each of the ${records.length} papers, got ${units.length / dimensions}.`,
        )
      const vectorOf = (place: number) => units?.subarray(place * dimensions, (place + 1) * dimensions)
      const given = await checkPapers(records, { vectorOf, signal })
      const added: Paper[] = []
      const updated: Paper[] = []
      const unchanged: string[] = []
      const fresh: Paper[] = []
      const places: number[] = []
      for (const { paper, place } of given.values()) {
        const known = this.#kept.get(paper.id)
        const isNew =
          known === undefined ||
          known.paper.title !== paper.title ||
          known.paper.abstract !== paper.abstract ||
          (units !== undefined && !isAlike(vectorOf(place), this.#vectors.vector(known.row)))
        if (known === undefined) added.push(paper)
        else if (!isNew && isSame(known.paper, paper)) unchanged.push(paper.id)
        else updated.push(paper)
        if (isNew) {
          fresh.push(paper)
          places.push(place)
        }
      }
      const truncated: TruncatedPaper[] = []
      const embedding =
        units === undefined
          ? this.#embed(fresh.map(paperText), {
              inputType: 'document',
              ...(signal && { signal }),
              ...(onProgress && { onProgress }),
              onTruncated: ({ index, tokens, cut }) => {
                truncated.push(Object.freeze({ id: (fresh[index] as Paper).id, tokens, cut }))
              },
            })
          : places.map((place) => vectorOf(place) as Float32Array)
      // Words are counted in slices while the model is at work in its own threads.
      const counting = (async () => {
        const counted = []
        for (const paper of fresh) {
          counted.push(this.#lexical.count(paper))
          if (slice.due()) await slice.rest()
        }
        return counted
      })()
      const [embedded, counted] = await Promise.all([embedding, counting])
      signal?.throwIfAborted()
      this.#requireOpen()
      const firstRow = this.#lexical.rows
      const isFirst = this.#dimensions === undefined && fresh.length > 0
      const index = isFirst ? createVectorIndex(dimensions, { kind: this.#kind }) : this.#vectors
      await index.add(
        Int32Array.from(fresh, (_, i) => firstRow + i),
        embedded,
      )
      // From here to the last line of the block nothing waits: whoever asks sees the library before or after it.
      if (isFirst) {
        this.#vectors = index
        this.#dimensions = dimensions
      }
      const dropped: number[] = []
      for (const [i, paper] of fresh.entries()) {
        const row = this.#lexical.add(counted[i])
        const known = this.#kept.get(paper.id)
        if (known !== undefined) {
          this.#lexical.remove(known.row)
          dropped.push(known.row)
        }
        this.#kept.set(paper.id, { paper, row })
      }
      for (const paper of updated) this.#kept.set(paper.id, { paper, row: (this.#kept.get(paper.id) as KeptPaper).row })
      await this.#vectors.remove(dropped)
      const order = new Map(fresh.map(({ id }, i) => [id, i]))
      return Object.freeze({
        added: Object.freeze(added.map(({ id }) => id)),
        updated: Object.freeze(updated.map(({ id }) => id)),
        unchanged: Object.freeze(unchanged),
        truncated: Object.freeze(truncated.sort((a, b) => (order.get(a.id) as number) - (order.get(b.id) as number))),
        titleOnly: Object.freeze([...given.values()].flatMap(({ paper }) => (paper.titleOnly ? [paper.id] : []))),
      })
    })
  }

  /**
   * Removes papers, all or none, and returns how many.
   * @throws PaperkinError `paper-not-found`, `library-closed`
   */
  async remove(ids: readonly string[]): Promise<number> {
    this.#requireOpen()
    if (!Array.isArray(ids))
      throw new PaperkinError('invalid-argument', `Expected \`ids\` to be an array of ids, got ${show(ids)}.`)
    return this.#alone(async () => {
      const distinct = [...new Set(ids.map((id) => keptPaper(this.#kept, id)?.paper.id ?? id))]
      for (const id of distinct) if (!this.#kept.has(id)) throw paperNotFound(this.#kept, id)
      const dropped = distinct.map((id) => {
        const { row } = this.#kept.get(id) as KeptPaper
        this.#kept.delete(id)
        this.#lexical.remove(row)
        return row
      })
      await this.#vectors.remove(dropped)
      return distinct.length
    })
  }

  /**
   * The papers that a text asks for, by meaning and by words.
   * @throws PaperkinError `invalid-argument` for an empty text or a wrong option, `embedding-failed`, `library-closed`
   */
  async search(text: string, options: SearchOptions = {}): Promise<HitList> {
    return this.#ranking.search(text, options)
  }

  /**
   * The papers that are kin to a paper of the library; never the paper itself.
   * @throws PaperkinError `paper-not-found` that suggests the nearest titles, `invalid-argument`, `library-closed`
   */
  async related(id: string, options: HitOptions = {}): Promise<HitList> {
    return this.#ranking.related(id, options)
  }

  /**
   * Parts the papers into topics. The same papers, options and seed give the same topics.
   * @throws PaperkinError `invalid-argument`, `library-closed`
   */
  async topics(options: TopicOptions = {}): Promise<Topics> {
    this.#requireOpen()
    const kept = [...this.#kept.values()]
    const rows = Int32Array.from(kept, ({ row }) => row)
    const lexical = this.#lexical.sparseRows(rows)
    const vectors = await this.#vectors.snapshot().vectors(rows, options.signal ? { signal: options.signal } : {})
    const papers = kept.map(({ paper }) => paper)
    return findTopics({ papers, vectors, dimensions: this.#vectors.dimensions, lexical }, options)
  }

  /** Gives back threads and memory. An embedder that the caller made stays open. Calls after it are refused. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#writing.catch(() => {})
    await this.#vectors.close()
    if (this.#ownsEmbedder) await this.#embedder?.close?.()
  }

  async #embed(texts: readonly string[], options: Parameters<Embedder['embed']>[1]): Promise<Float32Array[]> {
    if (this.#embedder !== undefined) return this.#embedder.embed(texts, options)
    if (texts.length === 0) return []
    throw new PaperkinError(
      'embedder-unavailable',
      options?.inputType === 'query'
        ? "Expected `vector`, as this library has no embedder: pass the query's vector, or search with `mode: 'lexical'`."
        : `Expected \`vectors\`, as this library has no embedder and ${texts.length} of the papers are new: pass one for each paper.`,
    )
  }

  #requireOpen(): void {
    if (this.#closed)
      throw new PaperkinError('library-closed', 'The library is closed: open it again with `PaperLibrary.open()`.')
  }

  /** Runs one write after the other. */
  #alone<Result>(write: () => Promise<Result>): Promise<Result> {
    const result = this.#writing.then(write, write)
    this.#writing = result.catch(() => {})
    return result
  }
}

/** Width of the first vectors of a library, which may be one array for all papers. */
function widthOf(vectors: VectorsInput | undefined, papers: number): number {
  const width = vectors instanceof Float32Array ? vectors.length / papers : vectors?.[0]?.length
  return width !== undefined && Number.isInteger(width) && width > 0 ? width : 1
}

function isAlike(one: ArrayLike<number> | undefined, other: ArrayLike<number> | undefined): boolean {
  if (one?.length !== other?.length) return false
  for (let d = 0; d < (one?.length ?? 0); d++) if (one?.[d] !== other?.[d]) return false
  return true
}

/** Checks what was handed in, and tells each paper's place in it; of two records that say the same of one id, one is kept. */
async function checkPapers(
  records: readonly PaperInput[],
  options: { readonly vectorOf: (place: number) => Float32Array | undefined; readonly signal: AbortSignal | undefined },
): Promise<Map<string, { readonly paper: Paper; readonly place: number }>> {
  const { vectorOf, signal } = options
  const papers = new Map<string, { readonly paper: Paper; readonly place: number }>()
  const issues: PaperkinIssue[] = []
  const slice = timeSlice(signal)
  for (const [place, record] of records.entries()) {
    if (slice.due()) await slice.rest()
    let paper: Paper
    try {
      paper = toPaper(record)
    } catch (error) {
      if (!PaperkinError.isInstance(error)) throw error
      for (const { message, path = [] } of error.issues)
        issues.push({
          message: `papers[${place}] ${path.length > 0 ? `has a bad \`${path.join('.')}\`: ` : ''}${message}`,
          path: [place, ...path],
        })
      continue
    }
    const other = papers.get(paper.id)
    if (other === undefined) {
      papers.set(paper.id, { paper, place })
      continue
    }
    const differing = [
      ...(other.paper.title === paper.title && other.paper.abstract === paper.abstract ? [] : ['texts']),
      ...(isAlike(vectorOf(other.place), vectorOf(place)) ? [] : ['vectors']),
    ]
    if (differing.length > 0)
      issues.push({
        message: `papers[${other.place}] and papers[${place}] have one id, ${show(paper.id)}, and different ${differing.join(' and ')}`,
        path: [place, 'id'],
      })
  }
  const [first] = issues
  if (first !== undefined) {
    const others =
      issues.length > 1 ? ` (and ${issues.length - 1} more such ${issues.length === 2 ? 'problem' : 'problems'})` : ''
    throw new PaperkinError(
      'invalid-paper',
      `${first.message}${others}: nothing was added; mend or leave out what is wrong.`,
      { issues },
    )
  }
  return papers
}

function isSame(a: Paper, b: Paper): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())
}
