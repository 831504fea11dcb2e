// The state of a library: papers, lexical index and vector index in memory, backed by a storage. A row is the number of
// one text in both indexes; a changed text gets a new row, and rows are never reused. Vectors are added to their index
// first and removed last, and a row counts only while `kept` refers to it: so a change becomes visible in one
// synchronous step, after the storage has committed it.
import { crc32 } from 'node:zlib'
import { PaperkinError } from '../../errors.ts'
import type { SavedLexical } from '../../lexical/lexical-file.ts'
import { LexicalIndex } from '../../lexical/lexical-index.ts'
import type { CountedDocument } from '../../lexical/term-counts.ts'
import type { Paper } from '../../paper.ts'
import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import { createVectorIndex, type IndexKind } from '../../vectors/create-index.ts'
import { chunkRows, type VectorIndex, type VectorSnapshot } from '../../vectors/vector-index.ts'
import type { ComingPaper, Storage, StoredPaper, StoredVector } from '../storage/storage.ts'
import { Settling } from './settling.ts'

/** Papers per read of the storage. */
const papersPerRead = 512

/**
 * All papers, in the order in which their ids were first added, and their rows. Immutable: one per state of a library.
 */
export class Roster {
  readonly papers: readonly StoredPaper[]
  readonly rows: Int32Array
  #places: Int32Array | undefined

  constructor(papers: readonly StoredPaper[]) {
    this.papers = papers
    this.rows = new Int32Array(papers.length)
    for (let place = 0; place < papers.length; place++) this.rows[place] = (papers[place] as StoredPaper).row
  }

  /** The place in `papers` of the paper with a row; -1 if there is none. */
  placeOf(row: number): number {
    if (this.#places === undefined) {
      let rows = 0
      for (const one of this.rows) rows = Math.max(rows, one + 1)
      this.#places = new Int32Array(rows).fill(-1)
      for (let place = 0; place < this.rows.length; place++) this.#places[this.rows[place]!] = place
    }
    return this.#places[row] ?? -1
  }
}

/** A paper to insert or replace. */
export interface PaperChange {
  readonly paper: Paper
  /** Set if the text or the vector is new; the paper then gets a new row. */
  readonly fresh?: {
    readonly counted: CountedDocument
    /** Scaled to unit length. */
    readonly vector: Float32Array
    /** See {@link StoredVector}; needed by durable storages only. */
    readonly key?: StoredVector['key'] | undefined
    readonly truncation?: StoredVector['truncation']
  }
}

/**
 * Work that reads papers: it yields those that it needs next and resumes once they are cached. {@link Collection.now}
 * runs it synchronously, {@link Collection.soon} asynchronously.
 */
export type PaperWork<Result> = Generator<readonly StoredPaper[], Result, void>

/** What questions read: a whole collection, or some papers of a larger one. */
export interface Holding {
  /** Papers by id, in the order of the roster. */
  readonly kept: ReadonlyMap<string, StoredPaper>
  /** The same object until a change. */
  readonly roster: Roster
  readonly lexical: LexicalIndex
  readonly vectors: Pick<VectorIndex, 'size' | 'dimensions' | 'has' | 'vector' | 'snapshot'>
  /** Reads papers and keeps them in memory as `cached`. */
  read(papers: readonly StoredPaper[], options: { readonly signal?: AbortSignal | undefined }): Promise<Paper[]>
}

export class Collection implements Holding {
  readonly storage: Storage
  readonly settling: Settling
  #kept = new Map<string, StoredPaper>()
  readonly #kind: IndexKind
  #lexical = new LexicalIndex()
  #vectors: VectorIndex
  #dimensions: number | undefined
  #nextRow = 0
  #roster: Roster | undefined
  #isLoaded = false
  /** Whether a load failed halfway, so that the next one must start over. */
  #isBehind = true

  constructor(options: {
    /** `undefined` until the first vectors set the width. */
    readonly dimensions: number | undefined
    readonly kind: IndexKind
    readonly storage: Storage
  }) {
    this.#kind = options.kind
    this.#dimensions = options.dimensions
    this.storage = options.storage
    this.settling = new Settling(options.storage, this)
    // Until the first vectors set the width, an empty index of width 1 stands in.
    this.#vectors = createVectorIndex(options.dimensions ?? 1, { kind: options.kind })
  }

  get kept(): ReadonlyMap<string, StoredPaper> {
    return this.#kept
  }

  get roster(): Roster {
    this.#roster ??= new Roster([...this.kept.values()])
    return this.#roster
  }

  get lexical(): LexicalIndex {
    return this.#lexical
  }

  get vectors(): VectorIndex {
    return this.#vectors
  }

  /** {@link VectorIndex.snapshot} of the current vector index. */
  snapshot(): VectorSnapshot {
    return this.#vectors.snapshot()
  }

  /** The kind of the current vector index, and the error if building a graph failed. */
  get index(): { readonly kind: 'exact' | 'hnsw'; readonly failure: unknown } {
    const { kind, failure } = this.#vectors
    return { kind, failure }
  }

  /** Width of the vectors; undefined until it is set. */
  get dimensions(): number | undefined {
    return this.#dimensions
  }

  /**
   * Reads papers and keeps them in memory as `cached`.
   * @throws PaperkinError `corrupt-store`, `unreadable-source`, `library-closed`
   */
  async read(
    papers: readonly StoredPaper[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Paper[]> {
    const unread = papers.filter(({ cached }) => cached === undefined)
    for (let start = 0; start < unread.length; start += papersPerRead) {
      const part = unread.slice(start, start + papersPerRead)
      const found = await this.storage.readPapers(part, { signal })
      for (const [i, paper] of part.entries()) paper.cached ??= found[i]
    }
    return papers.map(({ cached }) => cached as Paper)
  }

  /** Reads papers in parts without caching them. */
  async *stream(
    papers: readonly StoredPaper[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Paper[]> {
    for (let start = 0; start < papers.length; start += papersPerRead) {
      const part = papers.slice(start, start + papersPerRead)
      const unread = part.filter(({ cached }) => cached === undefined)
      const found = unread.length > 0 ? await this.storage.readPapers(unread, { signal }) : []
      let next = 0
      yield part.map(({ cached }) => cached ?? (found[next++] as Paper))
    }
  }

  /**
   * Reads a paper synchronously and caches it.
   * @throws the errors of {@link read}, and `invalid-argument` if the storage cannot read synchronously
   */
  readNow(paper: StoredPaper): Paper {
    if (paper.cached === undefined) {
      if (this.storage.readNow === undefined)
        throw new PaperkinError(
          'invalid-argument',
          'Expected a storage that reads synchronously, in memory or on a local disk, for a synchronous call: use an asynchronous one, such as `search()`.',
        )
      paper.cached = this.storage.readNow(paper)
    }
    return paper.cached
  }

  /** Runs work that reads papers, synchronously. @throws the errors of {@link readNow} */
  now<Result>(work: PaperWork<Result>): Result {
    for (;;) {
      const step = work.next()
      if (step.done) return step.value
      for (const paper of step.value) this.readNow(paper)
    }
  }

  /** Runs work that reads papers. @throws the errors of {@link read} */
  async soon<Result>(
    work: PaperWork<Result>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Result> {
    for (;;) {
      const step = work.next()
      if (step.done) return step.value
      await this.read(step.value, options)
    }
  }

  /** Applies a change, removals first, to the storage and then in memory. If it rejects, nothing has changed. */
  async commit({
    removed = [],
    papers = [],
  }: {
    readonly removed?: readonly string[]
    readonly papers?: readonly PaperChange[]
  }): Promise<void> {
    const { coming, nextRow } = comingPapers(papers, { kept: this.kept, nextRow: this.#nextRow })
    const stored = await this.storage.commit({ removed, papers: coming, nextRow })
    for (const [i, { paper }] of coming.entries()) (stored[i] as StoredPaper).cached = paper
    await this.#apply({
      removed,
      coming: stored.map((paper, i) => ({ paper, fresh: papers[i]?.fresh })),
      nextRow,
    })
    await this.settling.saveWords({ isClosing: false })
  }

  async #apply(change: {
    readonly removed: readonly string[]
    readonly coming: readonly { readonly paper: StoredPaper; readonly fresh: PaperChange['fresh'] }[]
    readonly nextRow: number
  }): Promise<void> {
    const { removed, coming, nextRow } = change
    const fresh = coming.filter((one) => one.fresh !== undefined)
    const dimensions = this.#dimensions ?? fresh[0]?.fresh?.vector.length
    const isFirst = this.#dimensions === undefined && dimensions !== undefined
    const index = isFirst ? createVectorIndex(dimensions, { kind: this.#kind }) : this.#vectors
    await index.add(
      fresh.map(({ paper }) => paper.row),
      fresh.map((one) => one.fresh?.vector as Float32Array),
    )
    // No await from here to the last line: a question sees the library before or after the change.
    if (isFirst) {
      this.#vectors = index
      this.#dimensions = dimensions
    }
    this.#nextRow = nextRow
    this.#roster = undefined
    const gone: number[] = []
    for (const id of removed) {
      const known = this.kept.get(id)
      if (known !== undefined) gone.push(known.row)
      this.#kept.delete(id)
    }
    for (const { paper, fresh } of coming) {
      const known = this.kept.get(paper.id)
      if (known !== undefined && known.row !== paper.row) gone.push(known.row)
      if (fresh !== undefined) this.#addWords(paper.row, fresh.counted)
      this.#kept.set(paper.id, paper)
    }
    for (const row of gone) this.#lexical.remove(row)
    if (fresh.length > 0 || gone.length > 0) this.settling.changed()
    await this.#vectors.remove(gone)
  }

  /** Adds words under a row; skipped rows, whose papers are gone, stay empty. */
  #addWords(row: number, counted: CountedDocument): void {
    const nothing = { term: new Int32Array(0), count: new Uint16Array(0), length: 0 }
    while (this.#lexical.rows < row) this.#lexical.remove(this.#lexical.add(nothing))
    this.#lexical.add(counted)
  }

  /**
   * Loads what was committed to the storage since the last call, and resolves to whether there was anything. All changes
   * become visible together at the end.
   * @throws PaperkinError `corrupt-store` with the ids of damaged papers, `store-mismatch`, `unreadable-source`
   */
  async load(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    const isAll = this.#isBehind
    // If this load fails, the next one must read everything again.
    this.#isBehind = true
    const isChanged = await this.#load({ isAll, signal: options.signal })
    this.#isBehind = false
    return isChanged
  }

  async #load({
    isAll,
    signal,
  }: {
    readonly isAll: boolean
    readonly signal: AbortSignal | undefined
  }): Promise<boolean> {
    const { storage } = this
    const slice = timeSlice(signal)
    let kept = new Map<string, StoredPaper>()
    const { isAnew, batches } = await storage.load({ isAll, present: () => kept.values(), signal })
    if (!isAnew) kept = new Map(this.kept)
    // Opened before the batches are read, so that it holds no paper that the batches lack.
    const words = isAnew ? (await this.settling.openWords())?.() : undefined
    // In a replaced storage, the same rows mean other texts.
    const isOther = isAnew && this.#isLoaded
    const width = storage.identity.dimensions
    const index =
      isOther || (this.#dimensions === undefined && width > 0)
        ? createVectorIndex(width || 1, { kind: this.#kind })
        : this.#vectors
    const { dimensions } = index
    const rows: number[] = []
    const vectors = new VectorChunks(dimensions)
    let isChanged = isAnew
    for await (const { removed, papers, places, vectors: floats } of batches) {
      isChanged ||= removed.length > 0 || papers.length > 0
      for (const id of removed) kept.delete(id)
      const fresh: number[] = []
      const elsewhere: StoredPaper[] = []
      for (let i = 0; i < papers.length; i++) {
        const paper = papers[i] as StoredPaper
        const known = kept.get(paper.id)
        kept.set(paper.id, paper)
        // The same row means the same text and vector; only other fields changed.
        if (known?.row === paper.row || index.has(paper.row)) continue
        fresh.push(i)
        if ((places[i] as number) < 0) elsewhere.push(paper)
      }
      const found = elsewhere.length > 0 ? await storage.readVectors(elsewhere, { signal }) : []
      // Adjacent vectors are copied together.
      const run = { from: 0, to: 0 }
      const copyRun = (next: number) => {
        vectors.append(floats.subarray(run.from * dimensions, run.to * dimensions))
        run.from = next
        run.to = next
      }
      let next = 0
      for (const i of fresh) {
        const place = places[i] as number
        if (place >= 0) {
          if (place !== run.to) copyRun(place)
          run.to++
        } else {
          // Missing or damaged: the storage reports it after the last batch.
          const one = found[next++]
          if (one?.vector.length !== dimensions) continue
          copyRun(run.to)
          vectors.append(one.vector)
        }
        rows.push((papers[i] as StoredPaper).row)
      }
      copyRun(0)
      if (slice.due()) await slice.rest()
    }
    await index.adopt(rows, vectors.chunks)
    await this.#adopt({ kept, index, isOther, slice, saved: await words, signal })
    if (isAnew) await this.settling.loadGraph(this.#kind)
    if (kept.size > 0) this.settling.later()
    this.#isLoaded = true
    return isChanged
  }

  async #adopt(found: {
    readonly kept: Map<string, StoredPaper>
    readonly index: VectorIndex
    /** Whether the previous state is void. */
    readonly isOther: boolean
    readonly slice: TimeSlice
    readonly saved: SavedLexical | undefined
    readonly signal: AbortSignal | undefined
  }): Promise<void> {
    const { kept, index, isOther, slice, saved, signal } = found
    const { storage, settling } = this
    const isSaved = saved !== undefined && settling.isOf(saved, kept.values())
    const lexical = isSaved ? LexicalIndex.from(saved.state) : isOther ? new LexicalIndex() : this.#lexical
    const savedRows = isSaved ? saved.state.rows : isOther ? 0 : settling.savedRows
    const present = new Uint8Array(storage.nextRow)
    const fresh: StoredPaper[] = []
    for (const paper of kept.values()) {
      present[paper.row] = 1
      if (paper.row >= lexical.rows) fresh.push(paper)
    }
    fresh.sort((a, b) => a.row - b.row)
    const counted: CountedDocument[] = []
    for await (const papers of this.stream(fresh, { signal }))
      for (const paper of papers) {
        counted.push(lexical.count(paper))
        if (slice.due()) await slice.rest()
      }
    const gone = index.rows().filter((row) => present[row] !== 1)
    const words: number[] = []
    for (let row = 0; row < savedRows; row++) if (present[row] !== 1) words.push(row)
    // Visible from here on.
    this.#lexical = lexical
    settling.savedRows = savedRows
    fresh.forEach(({ row }, i) => {
      this.#addWords(row, counted[i] as CountedDocument)
    })
    this.#vectors = index
    if (storage.identity.dimensions > 0) this.#dimensions = index.dimensions
    this.#nextRow = storage.nextRow
    this.#roster = undefined
    this.#kept = kept
    for (const row of [...gone, ...words]) this.#lexical.remove(row)
    await index.remove(gone)
  }

  /** Ends the work in the background; the storage stays open. */
  async release(): Promise<void> {
    await this.settling.close()
    await this.#vectors.close()
  }

  async close(): Promise<void> {
    await this.settling.close()
    await this.storage.compact(this.kept.size)
    await this.#vectors.close()
    await this.storage.close()
  }
}

/** Collects rows of vectors in chunks of CHUNK_ROWS rows, which an index adopts without copying. */
class VectorChunks {
  readonly chunks: Float32Array[] = []
  readonly #dimensions: number
  #rows = 0

  constructor(dimensions: number) {
    this.#dimensions = dimensions
  }

  /** Appends contiguous rows. */
  append(values: Float32Array): void {
    for (let from = 0; from < values.length; ) {
      const place = this.#rows % chunkRows
      if (place === 0) this.chunks.push(new Float32Array(chunkRows * this.#dimensions))
      const to = Math.min(values.length, from + (chunkRows - place) * this.#dimensions)
      this.chunks.at(-1)?.set(values.subarray(from, to), place * this.#dimensions)
      this.#rows += (to - from) / this.#dimensions
      from = to
    }
  }
}

/** Changes as a storage takes them, and one more than the highest row then used. */
export function comingPapers(
  papers: readonly PaperChange[],
  { kept, nextRow: first }: { readonly kept: ReadonlyMap<string, StoredPaper>; readonly nextRow: number },
): { readonly coming: readonly ComingPaper[]; readonly nextRow: number } {
  let nextRow = first
  const coming = papers.map(({ paper, fresh }): ComingPaper => {
    const known = kept.get(paper.id)
    if (fresh === undefined && known !== undefined)
      return { paper, row: known.row, textCrc: known.textCrc, vector: known }
    const { key, vector, truncation } = fresh ?? {}
    return {
      paper,
      row: nextRow++,
      textCrc: textCrc(paper),
      vector: key && vector && { key, vector, ...(truncation && { truncation }) },
    }
  })
  return { coming, nextRow }
}

/** CRC-32 of title and abstract, as a signed 32-bit integer. */
function textCrc({ title, abstract }: Paper): number {
  return crc32(`${title}\0${abstract}`) | 0
}
