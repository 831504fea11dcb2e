// What a library holds: papers, words and vectors in memory, and the same in its store where it has one. A row is the
// number under which the lexical index and the vector index keep one text; a changed text gets a new row, and no row is
// used twice in a library's life. Vectors are put into their index first and taken out last, and a row counts only while
// `kept` names it: so a change becomes visible in one synchronous step, whole, after it is on disk.
import { crc32 } from 'node:zlib'
import { type CountedDocument, LexicalIndex } from '../lexical/lexical-index.ts'
import { type Paper, paperFromJson, paperJson } from '../paper.ts'
import { createVectorIndex, type IndexKind } from '../vectors/create-index.ts'
import type { ExactIndex } from '../vectors/exact-index.ts'
import { type TimeSlice, timeSlice } from '../vectors/time-slice.ts'
import type { Damage, PaperRecord, VectorRecord } from './log-file.ts'
import { damaged, type Store, withIds } from './store.ts'

/** Vectors put into the index at once while a log is read. */
const LOAD_ROWS = 4096

/** A paper of the library and the row under which its words and its vector are kept. */
export class KeptPaper {
  readonly id: string
  readonly row: number
  /** Number of its vector in the store's log; -1 without a store. */
  readonly vector: number
  readonly textCrc: number
  #paper: Paper | undefined
  #json: Buffer | undefined

  private constructor(
    { id, row, vector, textCrc }: Omit<PaperRecord, 'json'>,
    paper: Paper | undefined,
    json?: Buffer,
  ) {
    this.id = id
    this.row = row
    this.vector = vector
    this.textCrc = textCrc
    this.#paper = paper
    this.#json = json
  }

  static of(
    paper: Paper,
    place: { readonly row: number; readonly vector: number; readonly textCrc: number },
  ): KeptPaper {
    return new KeptPaper({ id: paper.id, ...place }, paper)
  }

  static from(record: PaperRecord): KeptPaper {
    return new KeptPaper(record, undefined, record.json)
  }

  /** Of a library that was opened, read when it is first asked for. */
  get paper(): Paper {
    if (this.#paper === undefined) {
      this.#paper = paperFromJson(this.id, (this.#json as Buffer).toString())
      this.#json = undefined
    }
    return this.#paper
  }
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
export interface Change {
  readonly removed?: readonly string[]
  readonly papers?: readonly PaperChange[]
}

/** What is kept of each change of the papers in memory. */
interface Coming {
  readonly kept: KeptPaper
  readonly fresh?: PaperChange['fresh']
}

export class Collection {
  readonly kept = new Map<string, KeptPaper>()
  readonly lexical = new LexicalIndex()
  readonly store: Store | undefined
  readonly #kind: IndexKind
  #vectors: ExactIndex
  #dimensions: number | undefined
  #nextRow = 0

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

  get vectors(): ExactIndex {
    return this.#vectors
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
      if (fresh === undefined && known !== undefined) return { kept: KeptPaper.of(paper, known) }
      return {
        kept: KeptPaper.of(paper, {
          row: nextRow++,
          vector: this.#number(fresh, { vectors, numbers }),
          textCrc: textCrc(paper),
        }),
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
    const gone: number[] = []
    for (const id of removed) {
      const known = this.kept.get(id)
      if (known !== undefined) gone.push(known.row)
      this.kept.delete(id)
    }
    for (const { kept, fresh } of coming) {
      const known = this.kept.get(kept.id)
      if (known !== undefined && known.row !== kept.row) gone.push(known.row)
      if (fresh !== undefined) this.#addWords(kept.row, fresh.counted)
      this.kept.set(kept.id, kept)
    }
    for (const row of gone) this.lexical.remove(row)
    await this.#vectors.remove(gone)
  }

  /** Rows that were used and are no more stay empty. */
  #addWords(row: number, counted: CountedDocument): void {
    const nothing = { term: new Int32Array(0), count: new Uint16Array(0), length: 0 }
    while (this.lexical.rows < row) this.lexical.remove(this.lexical.add(nothing))
    this.lexical.add(counted)
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
    const kept = new Map(isAnew ? [] : this.kept)
    const index =
      this.#dimensions === undefined && store.identity.dimensions > 0
        ? createVectorIndex(store.identity.dimensions, { kind: this.#kind })
        : this.#vectors
    const { dimensions } = index
    let rows: number[] = []
    let vectors: Float32Array[] = []
    const pending = new Set<number>()
    const flush = async () => {
      await index.add(rows, vectors)
      rows = []
      vectors = []
      pending.clear()
    }
    for await (const { removed, papers, block, floats } of frames) {
      for (const id of removed) kept.delete(id)
      for (const record of papers) {
        kept.set(record.id, KeptPaper.from(record))
        if (index.has(record.row) || pending.has(record.row)) continue
        const i = record.vector - block.first
        const vector =
          i >= 0 && i < block.count
            ? block.damaged.has(i)
              ? undefined
              : floats.subarray(dimensions * i, dimensions * (i + 1))
            : (await store.vector(record.vector))?.vector
        // Told below, where it is known whether the paper is still there.
        if (vector === undefined) continue
        pending.add(record.row)
        rows.push(record.row)
        vectors.push(vector)
      }
      if (rows.length >= LOAD_ROWS) await flush()
      if (slice.due()) await slice.rest()
    }
    await flush()
    const whole = withIds(damages, kept.values(), (vector) => store.isReadable(vector))
    if (whole.length > 0) throw damaged(store.path, whole)
    await this.#adopt({ kept, index, slice })
  }

  async #adopt({
    kept,
    index,
    slice,
  }: {
    readonly kept: ReadonlyMap<string, KeptPaper>
    readonly index: ExactIndex
    readonly slice: TimeSlice
  }): Promise<void> {
    const present = new Set<number>()
    const fresh: KeptPaper[] = []
    for (const paper of kept.values()) {
      present.add(paper.row)
      if (paper.row >= this.lexical.rows) fresh.push(paper)
    }
    fresh.sort((a, b) => a.row - b.row)
    const counted: CountedDocument[] = []
    for (const { paper } of fresh) {
      counted.push(this.lexical.count(paper))
      if (slice.due()) await slice.rest()
    }
    const gone = Int32Array.from(index.rows()).filter((row) => !present.has(row))
    // Visible from here on.
    fresh.forEach(({ row }, i) => {
      this.#addWords(row, counted[i] as CountedDocument)
    })
    this.#vectors = index
    if ((this.store as Store).identity.dimensions > 0) this.#dimensions = index.dimensions
    this.#nextRow = (this.store as Store).nextRow
    this.kept.clear()
    for (const [id, paper] of kept) this.kept.set(id, paper)
    for (const row of gone) this.lexical.remove(row)
    await index.remove(gone)
  }

  async close(): Promise<void> {
    await this.#vectors.close()
    await this.store?.close()
  }
}

/** Of what is counted and embedded of a paper. */
function textCrc({ title, abstract }: Paper): number {
  return crc32(`${title}\0${abstract}`)
}
