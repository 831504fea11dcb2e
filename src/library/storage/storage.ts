// Where a library is kept, as the rest of it sees that place: papers under ids, the vector of each, and what the vectors
// depend on. Everything is asked for in batches and waited for, so that the place may be a file or a server; only
// `readNow` is for storages that can read a paper at once.
import { createHash, randomUUID } from 'node:crypto'
import { documentIdentity, type Embedder } from '../../embedding/embedder.ts'
import type { Paper } from '../../paper.ts'

/** What vectors depend on beside the text. */
export interface StorageIdentity {
  readonly modelId: string
  readonly revision?: string
  readonly dtype?: string
  /** 0 until the first vector says it. */
  readonly dimensions: number
  /** Of the text that is embedded. */
  readonly recipe: string
  /** Stands for what else a vector depends on: prefix, word pieces read, runtime; absent where that is not known. */
  readonly settings?: string
}

/**
 * A paper as a storage hands it out: what a library holds of every paper, and by which the storage reads the rest. It
 * stands for the paper as it was then, also after a change or a removal, for as long as the storage is open.
 */
export interface StoredPaper {
  readonly id: string
  /** The number under which the library's indexes keep its text. */
  readonly row: number
  /** CRC-32 of what is counted and embedded of it, as a signed integer: those are not boxed. */
  readonly textCrc: number
  /** The paper, once somebody has read it. It is the library's to set; a storage leaves it alone. */
  cached: Paper | undefined
}

/** A vector and what it depends on. */
export interface StoredVector {
  /** SHA-256 of what the vector depends on, 32 bytes: {@link textKeys}, {@link vectorKey}. */
  readonly key: Buffer
  readonly vector: Float32Array
  readonly truncation?: { readonly tokens: number; readonly cut: number; readonly estimated?: true }
}

/** A paper that comes or changes. */
export interface ComingPaper extends Pick<StoredPaper, 'row' | 'textCrc'> {
  readonly paper: Paper
  /** Its vector, which is kept once for each key; or the stored paper whose vector it has. Absent without a durable storage. */
  readonly vector?: StoredVector | StoredPaper | undefined
}

/** What is committed at once: ids that go, then papers that come. */
export interface Change {
  readonly removed?: readonly string[]
  readonly papers?: readonly ComingPaper[]
  /** Vectors that no paper has yet, to be found by their keys. */
  readonly vectors?: readonly StoredVector[]
  /** The row after the highest that was ever used. */
  readonly nextRow: number
}

/** A part of what a storage holds, small enough for memory: ids that go, then papers that come. */
export interface Batch {
  readonly removed: readonly string[]
  /** Later ones take the place of earlier ones of the same id, also within a batch. */
  readonly papers: readonly StoredPaper[]
  /** The place of each paper's vector in `vectors`; -1 where {@link Storage.readVectors} has it. */
  readonly places: Int32Array
  /** Unit vectors of the storage's width, one after the other; until the next batch is asked for. */
  readonly vectors: Float32Array
}

export interface LoadOptions {
  /** Whether everything is to come again, as at the first call. @default false */
  readonly isAll?: boolean
  /** The papers that are there once all batches were taken, by which the storage says what is damaged. */
  readonly present: () => Iterable<StoredPaper>
  readonly signal?: AbortSignal | undefined
}

/** Something that is not as it was written. */
export interface Damage {
  /** The paper's id, where it is known. */
  readonly id?: string
  /** One sentence. */
  readonly message: string
}

/** What a library on disk was found to be. */
export interface Verification {
  /** Whether everything is as it was written. */
  readonly isWhole: boolean
  readonly papers: number
  /** Vectors, those that no paper has at present among them. */
  readonly vectors: number
  /** Bytes of the log. */
  readonly bytes: number
  /** What is not as it was written; ids where they are known. */
  readonly damage: readonly Damage[]
}

/** All that a storage holds, as far as it can be read. */
export interface Inventory {
  /** The papers, in the order in which their ids were first added. */
  readonly papers: ReadonlyMap<string, StoredPaper>
  /** Ids of papers that cannot be read, as far as those can. */
  readonly dropped: readonly string[]
  /** Whether everything is as it was written. */
  readonly isWhole: boolean
  /** Whether damage was met on the way, so that nothing should be written beside it. */
  readonly isDamaged: boolean
  /** Whether the identity is the storage's own, and not what the caller of a repair said. */
  readonly isIdentityKnown: boolean
  /** Width of the vectors that were found; 0 without one. */
  readonly dimensions: number
  /** Whether a paper's vector can be read. */
  hasVector(paper: StoredPaper): boolean
  /** The damage, with the ids of these papers where it is theirs. */
  damageOf(papers: Iterable<StoredPaper>): Damage[]
}

/** Contents that take the place of all that was there. */
export interface Contents {
  readonly identity: StorageIdentity
  /** Papers in their order, each with the vector that it gets: its own, that of a key, or a new one. */
  readonly papers: readonly {
    readonly paper: StoredPaper
    readonly vector: 'own' | StoredVector['key'] | StoredVector
  }[]
  /** Whether vectors that no paper has stay as well. */
  readonly keepsOthers: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * A place for one library. A new storage has to give the following; `test/library/storage-contract.ts` asks for it.
 *
 * - **Commits are whole.** When `commit` resolves, all of it is there and outlives the process (where the storage
 *   {@link Storage.isDurable | is durable}); when it rejects, none of it is. The library makes one commit at a time.
 * - **One process writes.** Opening for writing takes a lock or fails with `store-locked`; those who read see whole commits.
 * - **A vector is kept once for each key**, as it came, bit by bit, also when no paper has it any more: it is the cache of
 *   embeddings. Rows and keys are the library's; a storage only keeps them.
 * - **Bounded memory.** `load` hands out batches and holds no more than one or two of them.
 * - **Errors** are `PaperkinError`s: `store-unwritable`, `store-locked`, `unreadable-source`, `corrupt-store` (with the ids
 *   of damaged papers), `store-mismatch`, and `library-closed` after {@link Storage.close}. An abort rethrows the signal's
 *   reason, and what was loaded up to then comes again with `isAll`.
 */
export interface Storage {
  /** The place, as the caller named it; undefined for memory. */
  readonly path: string | undefined
  /**
   * Whether what is committed outlives the process. If so, an `add` commits batch by batch, and is handed vectors with their
   * keys. If not, it commits all at once, and nobody asks for vectors: those of present papers are in the library's index.
   */
  readonly isDurable: boolean
  readonly isReadOnly: boolean
  /** What the vectors depend on, as of the last `load`, `commit` or `rewrite`. The first vectors committed set the width. */
  readonly identity: StorageIdentity
  /** The row after the highest that was ever used. */
  readonly nextRow: number
  /** Bytes that the first `load` reads, roughly. */
  readonly bytes: number

  /**
   * Hands out what was committed since the last call, by whomever, in order; at the first call everything. `isAnew` says that
   * the storage was replaced meanwhile, so that everything comes again.
   */
  load(options: LoadOptions): Promise<{ readonly isAnew: boolean; readonly batches: AsyncIterable<Batch> }>
  /** Makes a change, and hands out the papers that came, in their order. */
  commit(change: Change): Promise<StoredPaper[]>
  /** Reads papers that this storage handed out, in their order: one round trip, or one for each megabyte. */
  readPapers(papers: readonly StoredPaper[], options?: { readonly signal?: AbortSignal | undefined }): Promise<Paper[]>
  /** Reads a paper without waiting, where the storage can: calls of a library that do not wait need it. */
  readNow?(paper: StoredPaper): Paper
  /** Vectors of keys, or of papers that this storage handed out; undefined where there is none, or none that can be read. */
  readVectors(
    of: readonly (StoredVector['key'] | StoredPaper)[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<(StoredVector | undefined)[]>

  /** Where what can be made again from the papers may be kept as a file of this name; undefined where nowhere. */
  derivedFile(name: DerivedName): string | undefined

  /** Looks at everything, as it is by now, beside whatever else is under way. */
  verify(options?: { readonly signal?: AbortSignal | undefined }): Promise<Verification>
  /**
   * Looks at everything before a `rewrite`. `reads`: whether each paper's fields are read as well, and what is no paper is
   * left out. Afterwards `load` hands out everything.
   */
  inspect(options: { readonly reads: boolean; readonly signal?: AbortSignal | undefined }): Promise<Inventory>
  /** Replaces everything by papers of the last `inspect`, in one step; where it rejects, all is as it was. */
  rewrite(contents: Contents): Promise<void>
  /** Gives back room where most of what is kept is past; `papers` is how many there are. Called before a writer closes. */
  compact(papers: number): Promise<void>
  /** Gives back the lock and what else is held; what was committed is there. */
  close(): Promise<void>
}

/** Files that can be made again: the words' index, the graph of near vectors, the map in the space of another model. */
export const derivedNames = ['words.bin', 'graph.hnsw', 'areas.bin'] as const
export type DerivedName = (typeof derivedNames)[number]

/** Whether vectors of the two may be compared. */
export function isSameIdentity(a: StorageIdentity, b: StorageIdentity): boolean {
  return (
    a.modelId === b.modelId &&
    a.revision === b.revision &&
    a.dtype === b.dtype &&
    a.recipe === b.recipe &&
    a.dimensions === b.dimensions &&
    (a.settings === undefined || b.settings === undefined || a.settings === b.settings)
  )
}

/** Makes the keys of one embedder's vectors from their texts: SHA-256 over all that a vector depends on. */
export function textKeys(
  embedder: Pick<Embedder, 'modelId' | 'revision' | 'dtype' | 'fingerprint'>,
): (text: string) => Buffer {
  const { modelId, revision, dtype, fingerprint } = embedder
  // Where an embedder cannot say what its vectors depend on, none is taken for another's.
  const about = documentIdentity({
    modelId,
    ...(revision !== undefined && { revision }),
    ...(dtype !== undefined && { dtype }),
    fingerprint: fingerprint ?? randomUUID(),
  })
  return (text) => createHash('sha256').update(about).update('\0').update(text).digest()
}

/** The key of a vector that no model made: its own bytes. */
export function vectorKey(vector: Float32Array): Buffer {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  return createHash('sha256').update('vector\0').update(bytes).digest()
}
