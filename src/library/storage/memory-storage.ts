import { PaperkinError } from '../../errors.ts'
import type { Paper } from '../../paper.ts'
import type {
  Batch,
  Change,
  Contents,
  Inventory,
  LoadOptions,
  Storage,
  StorageIdentity,
  StoredPaper,
  StoredVector,
  Verification,
} from './storage.ts'

const papersPerBatch = 1024

interface MemoryPaper extends StoredPaper {
  readonly paper: Paper
  readonly vector: StoredVector | undefined
}

/** A storage in memory, lost when the process ends. The library passes it no vectors, as its index holds them. */
export class MemoryStorage implements Storage {
  readonly path = undefined
  readonly isDurable = false
  readonly isReadOnly = false
  readonly bytes = 0
  #identity: StorageIdentity
  #papers = new Map<string, MemoryPaper>()
  #vectors = new Map<string, StoredVector>()
  #nextRow = 0
  #isLoaded = false
  #isClosed = false

  constructor(identity: StorageIdentity) {
    this.#identity = identity
  }

  get identity(): StorageIdentity {
    return this.#identity
  }

  get nextRow(): number {
    return this.#nextRow
  }

  async load({ isAll = false, signal }: LoadOptions): Promise<{ isAnew: boolean; batches: AsyncGenerator<Batch> }> {
    this.#requireOpen()
    const isAnew = isAll || !this.#isLoaded
    this.#isLoaded = true
    return { isAnew, batches: this.#batches(isAnew ? [...this.#papers.values()] : [], signal) }
  }

  async *#batches(all: readonly MemoryPaper[], signal: AbortSignal | undefined): AsyncGenerator<Batch> {
    const { dimensions } = this.#identity
    for (let start = 0; start < all.length; start += papersPerBatch) {
      signal?.throwIfAborted()
      const papers = all.slice(start, start + papersPerBatch)
      const places = new Int32Array(papers.length).fill(-1)
      const vectors = new Float32Array(papers.length * dimensions)
      for (const [place, { vector }] of papers.entries()) {
        if (vector === undefined) continue
        places[place] = place
        vectors.set(vector.vector, place * dimensions)
      }
      yield { removed: [], papers, places, vectors }
    }
  }

  async commit({ removed = [], papers = [], vectors = [], nextRow }: Change): Promise<StoredPaper[]> {
    this.#requireOpen()
    for (const vector of vectors) this.#kept(vector)
    for (const id of removed) this.#papers.delete(id)
    this.#nextRow = Math.max(this.#nextRow, nextRow)
    return papers.map(({ paper, row, textCrc, vector: given }) => {
      const vector = given && ('key' in given ? this.#kept(given) : (given as MemoryPaper).vector)
      const stored: MemoryPaper = { id: paper.id, row, textCrc, cached: undefined, paper, vector }
      this.#papers.set(paper.id, stored)
      return stored
    })
  }

  /** Stores a vector unless its key is known; returns the stored one. */
  #kept(vector: StoredVector): StoredVector {
    const name = nameOf(vector.key)
    const known = this.#vectors.get(name)
    if (known !== undefined) return known
    if (this.#identity.dimensions === 0) this.#identity = { ...this.#identity, dimensions: vector.vector.length }
    this.#vectors.set(name, vector)
    return vector
  }

  async readPapers(papers: readonly StoredPaper[], options: { readonly signal?: AbortSignal | undefined } = {}) {
    options.signal?.throwIfAborted()
    return papers.map((paper) => this.readNow(paper))
  }

  readNow(paper: StoredPaper): Paper {
    this.#requireOpen()
    return (paper as MemoryPaper).paper
  }

  async readVectors(
    of: readonly (Buffer | StoredPaper)[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ) {
    this.#requireOpen()
    options.signal?.throwIfAborted()
    return of.map((one) => (Buffer.isBuffer(one) ? this.#vectors.get(nameOf(one)) : (one as MemoryPaper).vector))
  }

  derivedFile(): undefined {
    return undefined
  }

  async verify(): Promise<Verification> {
    this.#requireOpen()
    return Object.freeze({
      isWhole: true,
      papers: this.#papers.size,
      vectors: this.#vectors.size,
      bytes: 0,
      damage: Object.freeze([]),
    })
  }

  async inspect(): Promise<Inventory> {
    this.#requireOpen()
    this.#isLoaded = false
    return {
      papers: new Map(this.#papers),
      dropped: [],
      isWhole: true,
      isDamaged: false,
      isIdentityKnown: true,
      dimensions: this.#identity.dimensions,
      hasVector: (paper) => (paper as MemoryPaper).vector !== undefined,
      damageOf: () => [],
    }
  }

  async rewrite({ identity, papers, keepsOthers, signal }: Contents): Promise<void> {
    this.#requireOpen()
    signal?.throwIfAborted()
    const before = this.#vectors
    this.#vectors = keepsOthers ? new Map(before) : new Map()
    this.#identity = identity
    this.#papers = new Map(
      papers.map(({ paper, vector: given }) => {
        const { id, row, textCrc, paper: fields, vector: own } = paper as MemoryPaper
        const found = given === 'own' ? own : Buffer.isBuffer(given) ? before.get(nameOf(given)) : given
        const vector = found && this.#kept(found)
        return [id, { id, row, textCrc, cached: undefined, paper: fields, vector }]
      }),
    )
    this.#isLoaded = false
  }

  async compact(): Promise<void> {}

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #requireOpen(): void {
    if (this.#isClosed)
      throw new PaperkinError('library-closed', 'The library is closed: open it again with `PaperLibrary.open()`.')
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1')
}
