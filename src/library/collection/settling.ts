// What is derived from a collection, none of it its own truth: the words' index and the graph of near vectors in files
// beside it, and codes, postings and weights that later questions gain from. All of it can be made again.
import { setTimeout as wait } from 'node:timers/promises'
import { PaperkinError } from '../../errors.ts'
import { openLexicalFile, type SavedLexical, writeLexicalFile } from '../../lexical/lexical-file.ts'
import type { LexicalIndex } from '../../lexical/lexical-index.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { AUTO_HNSW_FROM, type IndexKind } from '../../vectors/create-index.ts'
import type { VectorIndex } from '../../vectors/vector-index.ts'
import type { Storage, StoredPaper } from '../storage/storage.ts'

/** Milliseconds without a change after which what later questions gain from is made. */
const settleAfter = 3000
/** Rows whose words are counted on opening rather than kept: some 60 ms; in a large library 1 of 128. */
const mostUnsaved = 256
/** Should a long `add` be ended, most of its words need not be counted again. */
const mostUnsavedMeanwhile = 4096

/** The state that things are derived from. */
interface Derived {
  readonly kept: ReadonlyMap<string, StoredPaper>
  readonly lexical: LexicalIndex
  readonly vectors: VectorIndex
}

export class Settling {
  readonly #storage: Storage
  readonly #state: Derived
  readonly #closing = new AbortController()
  #settling: Promise<void> | undefined
  #isSettled = true
  /** Long work under way that settling would get in the way of. */
  #undisturbed = 0
  #isGraphSaved = false
  /** Rows of the lexical index that its file holds. */
  savedRows = 0

  /** `state` is looked at when something is made of it. */
  constructor(storage: Storage, state: Derived) {
    this.#storage = storage
    this.#state = state
  }

  /** Vectors or words came or went: what makes questions faster is made once no more changes come. */
  changed(): void {
    this.#isGraphSaved = false
    this.later()
  }

  /** Has what makes questions faster made, once no more changes come. */
  later(): void {
    this.#isSettled = false
    this.#settling ??= this.#settle()
      .catch(() => {})
      .finally(() => {
        this.#settling = undefined
      })
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

  /** In small slices; a process that asks one question and ends needs none of it. */
  async #settle(): Promise<void> {
    const { signal } = this.#closing
    while (!this.#isSettled) {
      this.#isSettled = true
      await wait(settleAfter, undefined, { signal, ref: false })
      if (this.#undisturbed > 0) this.#isSettled = false
      if (!this.#isSettled) continue
      const slice = timeSlice(signal, 5)
      await this.#state.lexical.settle(slice)
      await this.#state.vectors.settle?.({ signal })
      await this.#state.lexical.prepare(slice)
    }
  }

  /** The words that were kept, opened now and read by the call that this resolves to. */
  async openWords(): Promise<(() => Promise<SavedLexical | undefined>) | undefined> {
    const path = this.#storage.derivedFile('words.bin')
    const file = path === undefined ? undefined : await openLexicalFile(path)
    return file && (() => file.read())
  }

  /** Whether the rows of saved words are those of these papers, as far as they have any. */
  isOf({ state, marks }: SavedLexical, papers: Iterable<StoredPaper>): boolean {
    if (state.rows > this.#storage.nextRow) return false
    for (const { row, textCrc } of papers)
      if (row < state.rows && (state.alive[row] !== 1 || ((marks[row] as number) | 0) !== textCrc)) return false
    return true
  }

  /** Keeps the words of rows that came since the last time, where counting them would make an opening wait. */
  async saveWords({ isClosing }: { readonly isClosing: boolean }): Promise<void> {
    const { lexical, kept } = this.#state
    const { rows } = lexical
    const most = isClosing ? mostUnsaved + this.savedRows / 128 : mostUnsavedMeanwhile + this.savedRows
    const path = this.#storage.derivedFile('words.bin')
    if (path === undefined || this.#storage.isReadOnly || rows - this.savedRows <= most) return
    const marks = new Uint32Array(rows)
    for (const { row, textCrc } of kept.values()) marks[row] = textCrc
    try {
      await writeLexicalFile(path, { state: lexical.state(), marks })
      this.savedRows = rows
    } catch {
      // A disk that is full has no room for what can be counted again.
    }
  }

  /** Takes the graph that was kept, where it is of these very vectors; otherwise it is built by itself. */
  async loadGraph(kind: IndexKind): Promise<void> {
    const { vectors } = this.#state
    const isWanted = kind === 'hnsw' || vectors.size >= AUTO_HNSW_FROM
    const path = this.#storage.derivedFile('graph.hnsw')
    if (vectors.load === undefined || !isWanted || path === undefined) return
    try {
      await vectors.load(path)
      this.#isGraphSaved = true
    } catch (error) {
      // It can be built again; only where a graph was asked for, what it takes must be there.
      if (kind === 'hnsw' && PaperkinError.isInstance(error) && error.code === 'index-unavailable') throw error
    }
  }

  async #saveGraph(): Promise<void> {
    const { vectors } = this.#state
    const path = this.#storage.derivedFile('graph.hnsw')
    if (vectors.kind !== 'hnsw' || path === undefined || this.#storage.isReadOnly || this.#isGraphSaved) return
    try {
      await vectors.save?.(path)
    } catch {
      // It can be built again, where there is room for it.
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#settling
    await this.saveWords({ isClosing: true })
    await this.#saveGraph()
  }
}
