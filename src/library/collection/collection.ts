// What a library holds: papers, words and vectors in memory, and the same in its store where it has one. A row is the
// number under which the lexical index and the vector index keep one text; a changed text gets a new row, and no row is
// used twice in a library's life. Vectors are put into their index first and taken out last, and a row counts only while
// `kept` names it: so a change becomes visible in one synchronous step, whole, after it is on disk.
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { PaperkinError } from '../../errors.ts'
import { openLexicalFile, type SavedLexical, writeLexicalFile } from '../../lexical/lexical-file.ts'
import { LexicalIndex } from '../../lexical/lexical-index.ts'
import type { CountedDocument } from '../../lexical/term-counts.ts'
import { type Paper, paperJson } from '../../paper.ts'
import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import { AUTO_HNSW_FROM, createVectorIndex, type IndexKind } from '../../vectors/create-index.ts'
import { CHUNK_ROWS, type VectorIndex } from '../../vectors/vector-index.ts'
import type { Damage, PaperRecord, VectorRecord } from '../storage/log-file.ts'
import type { Store } from '../storage/store.ts'
import { damaged, damagedVector, withIds } from '../storage/store-errors.ts'
import { convert } from './convert.ts'

/** Papers of the past that a log may have beside as many as there are. */
const PAST = 4096
/** Milliseconds without a change after which what later questions gain from is made. */
const SETTLE_AFTER = 3000
/** Rows whose words are counted on opening rather than kept: some 60 ms; in a large library 1 of 128. */
const UNSAVED = 256

/** A paper of the library and the row under which its words and its vector are kept. */
export interface KeptPaper {
  readonly id: string
  readonly row: number
  /** Number of its vector in the store's log; -1 without a store. */
  readonly vector: number
  /** See {@link PaperRecord}. */
  readonly textCrc: number
  /**
   * Of a library that was opened, read when it is first asked for.
   * @throws PaperkinError `corrupt-store`, `unreadable-source`, `library-closed`
   */
  readonly paper: Paper
}

/** All papers, in the order in which their ids were first added, and the row of each. */
export interface Roster {
  readonly papers: readonly KeptPaper[]
  readonly rows: Int32Array
}

/** A paper that comes or changes. */
export interface PaperChange {
  readonly paper: Paper
  /** Where the text or the vector is new: the paper gets a new row. */
  readonly fresh?: {
    readonly counted: CountedDocument
    /** Scaled to unit length. */
    readonly vector: Float32Array
    /** See {@link VectorRecord}; only a store needs them. */
    readonly key?: VectorRecord['key']
    readonly truncation?: VectorRecord['truncation']
  }
}

/** What becomes visible at once: ids that go, then papers that come. */
interface Change {
  readonly removed?: readonly string[]
  readonly papers?: readonly PaperChange[]
}

/** What is kept of each change of the papers in memory. */
interface Coming {
  readonly kept: KeptPaper
  readonly fresh?: PaperChange['fresh']
}

export class Collection {
  #kept = new Map<string, KeptPaper>()
  readonly store: Store | undefined
  readonly #kind: IndexKind
  #lexical = new LexicalIndex()
  #isLoaded = false
  #settling: Promise<void> | undefined
  #isSettled = true
  /** Long work under way that settling would get in the way of. */
  #undisturbed = 0
  readonly #closing = new AbortController()
  #isGraphSaved = false
  /** Rows of the lexical index that its file holds. */
  #savedRows = 0
  #vectors: VectorIndex
  #dimensions: number | undefined
  #nextRow = 0
  #roster: Roster | undefined

  constructor(options: {
    /** `undefined` until the first vectors tell their width. */
    readonly dimensions: number | undefined
    readonly kind: IndexKind
    readonly store: Store | undefined
  }) {
    this.#kind = options.kind
    this.#dimensions = options.dimensions
    this.store = options.store
    // Until the first vectors tell their width, an empty index of another stands for theirs.
    this.#vectors = createVectorIndex(options.dimensions ?? 1, { kind: options.kind })
  }

  /** Papers by their ids, in the order of the roster. */
  get kept(): ReadonlyMap<string, KeptPaper> {
    return this.#kept
  }

  /** The same object until a change. */
  get roster(): Roster {
    if (this.#roster === undefined) {
      const papers = [...this.kept.values()]
      const rows = new Int32Array(papers.length)
      for (let place = 0; place < rows.length; place++) rows[place] = (papers[place] as KeptPaper).row
      this.#roster = { papers, rows }
    }
    return this.#roster
  }

  get lexical(): LexicalIndex {
    return this.#lexical
  }

  get vectors(): VectorIndex {
    return this.#vectors
  }

  /** What finds near vectors, and why there is no graph where building one failed. */
  get index(): { readonly kind: 'exact' | 'hnsw'; readonly failure: unknown } {
    const { kind, failure } = this.#vectors
    return { kind, failure }
  }

  /** Width of the vectors, once there is one. */
  get dimensions(): number | undefined {
    return this.#dimensions
  }

  /** Makes a change, on disk first: all of it, or nothing where the promise rejects. */
  async commit({ removed = [], papers = [] }: Change): Promise<void> {
    const dimensions = this.#dimensions ?? papers.find(({ fresh }) => fresh)?.fresh?.vector.length
    const vectors: VectorRecord[] = []
    const numbers = new Map<string, number>()
    let nextRow = this.#nextRow
    const coming = papers.map(({ paper, fresh }): Coming => {
      const known = this.kept.get(paper.id)
      if (fresh === undefined && known !== undefined) {
        const { id, row, vector, textCrc } = known
        return { kept: { id, row, vector, textCrc, paper } }
      }
      return {
        kept: {
          id: paper.id,
          row: nextRow++,
          vector: this.#number(fresh, { vectors, numbers }),
          textCrc: textCrc(paper),
          paper,
        },
        fresh,
      }
    })
    if (this.store !== undefined) {
      if (this.store.identity.dimensions === 0 && dimensions !== undefined)
        await this.store.rewrite({ ...this.store.identity, dimensions }, [])
      const records = coming.map(({ kept }): PaperRecord => {
        const { id, row, vector, textCrc } = kept
        return { id, row, vector, textCrc, json: Buffer.from(paperJson(kept.paper)) }
      })
      await this.store.append({ removed, vectors, papers: records, nextRow, dimensions: dimensions ?? 0 })
    }
    await this.#apply({ removed, coming, nextRow, dimensions })
    // Should a long `add` be ended, most of its words need not be counted again.
    await this.#saveWords({ most: 4096 + this.#savedRows })
  }

  /** The number that a vector has in the log, or will have. */
  #number(
    fresh: PaperChange['fresh'],
    { vectors, numbers }: { readonly vectors: VectorRecord[]; readonly numbers: Map<string, number> },
  ): number {
    if (this.store === undefined || fresh?.key === undefined) return -1
    const { key, vector, truncation } = fresh
    const name = key.toString('latin1')
    const known = numbers.get(name) ?? this.store.find([key])[0]
    if (known !== undefined) return known
    const number = this.store.nextVector + vectors.length
    numbers.set(name, number)
    vectors.push({ key, vector, ...(truncation && { truncation }) })
    return number
  }

  async #apply(change: {
    readonly removed: readonly string[]
    readonly coming: readonly Coming[]
    readonly nextRow: number
    readonly dimensions: number | undefined
  }): Promise<void> {
    const { removed, coming, nextRow, dimensions } = change
    const isFirst = this.#dimensions === undefined && dimensions !== undefined
    const index = isFirst ? createVectorIndex(dimensions, { kind: this.#kind }) : this.#vectors
    const fresh = coming.filter((one) => one.fresh !== undefined)
    await index.add(
      fresh.map(({ kept }) => kept.row),
      fresh.map((one) => one.fresh?.vector as Float32Array),
    )
    // From here to the last line but one nothing waits: whoever asks sees the library before or after it.
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
    for (const { kept, fresh } of coming) {
      const known = this.kept.get(kept.id)
      if (known !== undefined && known.row !== kept.row) gone.push(known.row)
      if (fresh !== undefined) this.#addWords(kept.row, fresh.counted)
      this.#kept.set(kept.id, kept)
    }
    for (const row of gone) this.#lexical.remove(row)
    if (fresh.length > 0 || gone.length > 0) {
      this.#isGraphSaved = false
      this.#settleLater()
    }
    await this.#vectors.remove(gone)
  }

  /** Rows that were used and are no more stay empty. */
  #addWords(row: number, counted: CountedDocument): void {
    const nothing = { term: new Int32Array(0), count: new Uint16Array(0), length: 0 }
    while (this.#lexical.rows < row) this.#lexical.remove(this.#lexical.add(nothing))
    this.#lexical.add(counted)
  }

  /**
   * Takes over what the store's log says since the last call; the change becomes visible at once, at the end.
   * @throws PaperkinError `corrupt-store` with the ids of damaged papers, `store-mismatch`, `unreadable-source`
   */
  async load(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const store = this.store as Store
    try {
      await this.#load(store, options)
    } catch (error) {
      // What was read and not taken over must come again.
      store.rewind()
      throw error
    }
  }

  async #load(store: Store, options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    const slice = timeSlice(options.signal)
    const damages: Damage[] = []
    const { isAnew, frames } = await store.load({ onDamage: (damage) => damages.push(damage), ...options })
    // Before the frames are read, so that it holds no paper that the log does not name.
    const words = isAnew ? (await openLexicalFile(wordsPath(store)))?.read() : undefined
    const kept = new Map<string, KeptPaper>(isAnew ? [] : this.kept)
    // Of another log the same row numbers mean other texts.
    const isOther = isAnew && this.#isLoaded
    const index =
      isOther || (this.#dimensions === undefined && store.identity.dimensions > 0)
        ? createVectorIndex(store.identity.dimensions || 1, { kind: this.#kind })
        : this.#vectors
    const { dimensions } = index
    const rows: number[] = []
    const vectors = new VectorChunks(dimensions)
    for await (const { removed, papers, block, floats } of frames) {
      for (const id of removed) kept.delete(id)
      // Neighbours in the log are copied together.
      const run = { from: 0, to: 0 }
      const copyRun = (next: number) => {
        vectors.append(floats.subarray(run.from * dimensions, run.to * dimensions))
        run.from = next
        run.to = next
      }
      for (const record of papers) {
        const known = kept.get(record.id)
        kept.set(record.id, record)
        // Its row says the same again: only other fields are new.
        if (known?.row === record.row || index.has(record.row)) continue
        const i = record.vector - block.first
        if (i >= 0 && i < block.count) {
          // Told below, where it is known whether the paper is still there.
          if (block.damaged.has(i)) continue
          if (block.dimensions !== dimensions) {
            damages.push(damagedVector(record))
            continue
          }
          if (i !== run.to) copyRun(i)
          run.to++
        } else {
          const found = await store.vector(record.vector)
          if (found?.vector.length !== dimensions) {
            damages.push(damagedVector(record))
            continue
          }
          copyRun(run.to)
          vectors.append(found.vector)
        }
        rows.push(record.row)
      }
      copyRun(0)
      if (slice.due()) await slice.rest()
    }
    const whole = withIds(damages, kept.values(), (vector) => store.isReadable(vector))
    if (whole.length > 0) throw damaged(store.path, whole)
    await index.adopt(rows, vectors.chunks)
    await this.#adopt({
      kept,
      index,
      isOther,
      slice,
      saved: await words,
    })
    if (isAnew) await this.#loadGraph(store)
    this.#settleLater()
    this.#isLoaded = true
  }

  /** Does long work; what makes questions faster is not begun meanwhile. */
  async undisturbed<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#undisturbed++
    try {
      return await work()
    } finally {
      this.#undisturbed--
    }
  }

  /** Has what makes questions faster made once no more changes come. */
  #settleLater(): void {
    this.#isSettled = false
    this.#settling ??= this.#settle()
      .catch(() => {})
      .finally(() => {
        this.#settling = undefined
      })
  }

  /** In small slices; a process that asks one question and ends needs none of it. */
  async #settle(): Promise<void> {
    const { signal } = this.#closing
    while (!this.#isSettled) {
      this.#isSettled = true
      await wait(SETTLE_AFTER, undefined, { signal, ref: false })
      if (this.#undisturbed > 0) this.#isSettled = false
      if (!this.#isSettled) continue
      const slice = timeSlice(signal, 5)
      await this.#lexical.settle(slice)
      await this.#vectors.settle?.({ signal })
      await this.#lexical.prepare(slice)
    }
  }

  /** Takes the graph that was kept, where it is of these very vectors; otherwise it is built anew by itself. */
  async #loadGraph(store: Store): Promise<void> {
    const isWanted = this.#kind === 'hnsw' || this.#vectors.size >= AUTO_HNSW_FROM
    if (this.#vectors.load === undefined || !isWanted) return
    try {
      await this.#vectors.load(graphPath(store))
      this.#isGraphSaved = true
    } catch (error) {
      // It can be built anew; only where a graph was asked for, what it takes must be there.
      if (this.#kind === 'hnsw' && PaperkinError.isInstance(error) && error.code === 'index-unavailable') throw error
    }
  }

  async #saveGraph(): Promise<void> {
    if (this.#vectors.kind !== 'hnsw' || this.#isGraphSaved) return
    if (this.store === undefined || this.store.isReadOnly) return
    try {
      await this.#vectors.save?.(graphPath(this.store))
    } catch {
      // It can be built again, where there is room for it.
    }
  }

  async #adopt(found: {
    readonly kept: Map<string, KeptPaper>
    readonly index: VectorIndex
    /** Whether nothing of what was known counts any more. */
    readonly isOther: boolean
    readonly slice: TimeSlice
    readonly saved: SavedLexical | undefined
  }): Promise<void> {
    const { kept, index, isOther, slice, saved } = found
    const isSaved = saved !== undefined && isOf(saved, kept.values(), this.store as Store)
    const lexical = isSaved ? LexicalIndex.from(saved.state) : isOther ? new LexicalIndex() : this.#lexical
    const savedRows = isSaved ? saved.state.rows : isOther ? 0 : this.#savedRows
    const present = new Uint8Array((this.store as Store).nextRow)
    const fresh: KeptPaper[] = []
    for (const paper of kept.values()) {
      present[paper.row] = 1
      if (paper.row >= lexical.rows) fresh.push(paper)
    }
    fresh.sort((a, b) => a.row - b.row)
    const counted: CountedDocument[] = []
    for (const { paper } of fresh) {
      counted.push(lexical.count(paper))
      if (slice.due()) await slice.rest()
    }
    const gone = index.rows().filter((row) => present[row] !== 1)
    const words: number[] = []
    for (let row = 0; row < savedRows; row++) if (present[row] !== 1) words.push(row)
    // Visible from here on.
    this.#lexical = lexical
    this.#savedRows = savedRows
    fresh.forEach(({ row }, i) => {
      this.#addWords(row, counted[i] as CountedDocument)
    })
    this.#vectors = index
    if ((this.store as Store).identity.dimensions > 0) this.#dimensions = index.dimensions
    this.#nextRow = (this.store as Store).nextRow
    this.#roster = undefined
    this.#kept = kept
    for (const row of [...gone, ...words]) this.#lexical.remove(row)
    await index.remove(gone)
  }

  /** Keeps the words of rows that came since the last time, where counting them would make an opening wait. */
  async #saveWords({ most }: { readonly most: number }): Promise<void> {
    const { rows } = this.#lexical
    if (this.store === undefined || this.store.isReadOnly || rows - this.#savedRows <= most) return
    const marks = new Uint32Array(rows)
    for (const { row, textCrc } of this.kept.values()) marks[row] = textCrc
    try {
      await writeLexicalFile(wordsPath(this.store), { state: this.#lexical.state(), marks })
      this.#savedRows = rows
    } catch {
      // A disk that is full has no room for what can be counted again.
    }
  }

  /** Writes the log anew once most of its papers are of the past. */
  async #tidyLog(): Promise<void> {
    const { store } = this
    if (store === undefined || store.isReadOnly || store.records <= PAST + 2 * this.kept.size) return
    try {
      store.rewind()
      await convert(store, { identity: store.identity, embedder: undefined, isNeeded: true, isWholeOnly: true })
    } catch {
      // The old log stays, as it is.
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#settling
    await this.#saveWords({ most: UNSAVED + this.#savedRows / 128 })
    await this.#saveGraph()
    await this.#tidyLog()
    await this.#vectors.close()
    await this.store?.close()
  }
}

function wordsPath(store: Store): string {
  return join(store.folder, 'words.bin')
}

function graphPath(store: Store): string {
  return join(store.folder, 'graph.hnsw')
}

/** Rows of vectors, one after the other, in the chunks that an index takes over. */
class VectorChunks {
  /** Of CHUNK_ROWS rows each. */
  readonly chunks: Float32Array[] = []
  readonly #dimensions: number
  #rows = 0

  constructor(dimensions: number) {
    this.#dimensions = dimensions
  }

  /** Appends rows that lie one after the other. */
  append(values: Float32Array): void {
    for (let from = 0; from < values.length; ) {
      const place = this.#rows % CHUNK_ROWS
      if (place === 0) this.chunks.push(new Float32Array(CHUNK_ROWS * this.#dimensions))
      const to = Math.min(values.length, from + (CHUNK_ROWS - place) * this.#dimensions)
      this.chunks.at(-1)?.set(values.subarray(from, to), place * this.#dimensions)
      this.#rows += (to - from) / this.#dimensions
      from = to
    }
  }
}

/** Whether the rows of a saved lexical index are those of these papers, as far as they have any. */
function isOf({ state, marks }: SavedLexical, papers: Iterable<KeptPaper>, store: Store): boolean {
  if (state.rows > store.nextRow) return false
  for (const { row, textCrc } of papers)
    if (row < state.rows && (state.alive[row] !== 1 || ((marks[row] as number) | 0) !== textCrc)) return false
  return true
}

/** Of what is counted and embedded of a paper, as a signed integer. */
function textCrc({ title, abstract }: Paper): number {
  return crc32(`${title}\0${abstract}`) | 0
}
