// Data derived from a collection, all of which can be rebuilt: the files of the lexical index and the HNSW graph, and
// the codes, postings and weights in memory that speed up later questions.
import { setTimeout as wait } from 'node:timers/promises'
import { PaperkinError } from '../../errors.ts'
import { openLexicalFile, type SavedLexical, writeLexicalFile } from '../../lexical/lexical-file.ts'
import type { LexicalIndex } from '../../lexical/lexical-index.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { autoHnswFrom, type IndexKind } from '../../vectors/create-index.ts'
import type { VectorIndex } from '../../vectors/vector-index.ts'
import type { Storage, StoredPaper } from '../storage/storage.ts'

/** Milliseconds without a change before derived data is prepared. */
const settleAfter = 3000
/** Unsaved rows allowed on closing, in addition to 1 in 128; counting their words on opening takes about 60 ms. */
const mostUnsaved = 256
/** Unsaved rows allowed during a long `add`, in addition to as many as are saved, in case the process is killed. */
const mostUnsavedMeanwhile = 4096

/** The source of derived data. */
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
  /** Number of long tasks in progress that settling would slow down. */
  #undisturbed = 0
  #isGraphSaved = false
  /** Rows of the lexical index in its file. */
  savedRows = 0

  /** `state` is read on each use, so it may be replaced. */
  constructor(storage: Storage, state: Derived) {
    this.#storage = storage
    this.#state = state
  }

  /** Reports a change of vectors or words; schedules {@link later}. */
  changed(): void {
    this.#isGraphSaved = false
    this.later()
  }

  /** Schedules the preparation of derived data once changes stop. */
  later(): void {
    this.#isSettled = false
    this.#settling ??= this.#settle()
      .catch(() => {})
      .finally(() => {
        this.#settling = undefined
      })
  }

  /** Runs a long task; preparation does not start meanwhile. */
  async undisturbed<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#undisturbed++
    try {
      return await work()
    } finally {
      this.#undisturbed--
    }
  }

  /** Runs in small slices and does not keep the process alive. */
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

  /** Opens the file of the lexical index now and returns a function that reads it; undefined if there is none. */
  async openWords(): Promise<(() => Promise<SavedLexical | undefined>) | undefined> {
    const path = this.#storage.derivedFile('words.bin')
    const file = path === undefined ? undefined : await openLexicalFile(path)
    return file && (() => file.read())
  }

  /** Whether a saved lexical index matches these papers, for the rows that it covers. */
  isOf({ state, marks }: SavedLexical, papers: Iterable<StoredPaper>): boolean {
    if (state.rows > this.#storage.nextRow) return false
    for (const { row, textCrc } of papers)
      if (row < state.rows && (state.alive[row] !== 1 || ((marks[row] as number) | 0) !== textCrc)) return false
    return true
  }

  /** Saves the lexical index if counting the unsaved rows would slow down opening. */
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
      // Disk full or similar: the words can be counted again.
    }
  }

  /** Loads the saved graph if it matches the vectors; otherwise it is rebuilt automatically. */
  async loadGraph(kind: IndexKind): Promise<void> {
    const { vectors } = this.#state
    const isWanted = kind === 'hnsw' || vectors.size >= autoHnswFrom
    const path = this.#storage.derivedFile('graph.hnsw')
    if (vectors.load === undefined || !isWanted || path === undefined) return
    try {
      await vectors.load(path)
      this.#isGraphSaved = true
    } catch (error) {
      // The graph can be rebuilt; but if 'hnsw' was requested, the module must be installed.
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
      // Disk full or similar: the graph can be rebuilt.
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#settling
    await this.saveWords({ isClosing: true })
    await this.#saveGraph()
  }
}
