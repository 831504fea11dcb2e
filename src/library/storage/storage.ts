// The interface between a library and the place where it is stored: papers by id, a vector for each, and the identity
// of the model. Reads and writes are asynchronous and come in batches, so that the place may be a file or a server; only
// `readNow`, which is optional, is synchronous.
import { createHash, randomUUID } from 'node:crypto'
import { documentIdentity, type Embedder } from '../../embedding/embedder.ts'
import type { Paper } from '../../paper.ts'

/** What vectors depend on besides the text. */
export interface StorageIdentity {
  readonly modelId: string
  readonly revision?: string
  readonly dtype?: string
  /** Width of the vectors; 0 until the first vector sets it. */
  readonly dimensions: number
  /** Name of the rule that builds the embedded text from a paper. */
  readonly recipe: string
  /** Fingerprint of everything else: prefix, length limit in word pieces, runtime. Absent if not known. */
  readonly settings?: string
}

/**
 * A handle to one version of a paper. A library keeps one for every paper and passes it back to read the rest. A
 * storage may extend it with private fields, such as a primary key. It must stay readable while the storage is open,
 * even after the paper has changed or been removed.
 */
export interface StoredPaper {
  readonly id: string
  /** Row number of its text in the library's indexes; at least 0, chosen by the library. */
  readonly row: number
  /** CRC-32 of title and abstract, as a signed 32-bit integer (V8 does not box those). */
  readonly textCrc: number
  /** The paper, once read. Set by the library; a storage creates it as undefined and never touches it again. */
  cached: Paper | undefined
}

/** A vector and its key. */
export interface StoredVector {
  /** SHA-256 of everything that the vector depends on, 32 bytes: {@link textKeys}, {@link vectorKey}. */
  readonly key: Buffer
  readonly vector: Float32Array
  /**
   * Set if the model did not read the whole text: word pieces in all, word pieces cut; `estimated` if not counted
   * exactly.
   */
  readonly truncation?: { readonly tokens: number; readonly cut: number; readonly estimated?: true }
}

/** A paper to insert or to replace. */
export interface ComingPaper extends Pick<StoredPaper, 'row' | 'textCrc'> {
  readonly paper: Paper
  /**
   * Its vector, to be stored unless its key is known; or a stored paper whose vector it shares. Always set for a
   * durable storage; may be absent for others.
   */
  readonly vector?: StoredVector | StoredPaper | undefined
}

/** One commit. Removals apply before insertions. */
export interface Change {
  /** Ids to delete. */
  readonly removed?: readonly string[]
  /** Papers to insert, or to replace by id; a replaced id keeps its place in the order. */
  readonly papers?: readonly ComingPaper[]
  /** Vectors to store that no paper has yet, to be found by their keys. */
  readonly vectors?: readonly StoredVector[]
  /** One more than the highest row ever used. */
  readonly nextRow: number
}

/** A part of what a storage holds, small enough for memory. Removals apply before insertions. */
export interface Batch {
  readonly removed: readonly string[]
  /** A later paper replaces an earlier one with the same id, also within a batch. */
  readonly papers: readonly StoredPaper[]
  /** For each paper, the row of its vector in `vectors`; -1 if {@link Storage.readVectors} must be asked for it. */
  readonly places: Int32Array
  /** Unit vectors, rows of `identity.dimensions` values. Valid until the next batch is requested. */
  readonly vectors: Float32Array
}

export interface LoadOptions {
  /** Whether to load everything, as on the first call. @default false */
  readonly isAll?: boolean
  /** The papers present after the last batch; the storage calls it at the end, to report damage by id. */
  readonly present: () => Iterable<StoredPaper>
  readonly signal?: AbortSignal | undefined
}

/** Something that differs from what was written. */
export interface Damage {
  /** Id of the paper, if known. */
  readonly id?: string
  /** One sentence. */
  readonly message: string
}

/** The result of checking a library on disk. */
export interface Verification {
  /** Whether there is no damage. */
  readonly isWhole: boolean
  /** Number of readable papers. */
  readonly papers: number
  /** Number of vectors, including those that no current paper has. */
  readonly vectors: number
  /** Size of the log in bytes. */
  readonly bytes: number
  /** All damage found, with the ids of the papers if known. */
  readonly damage: readonly Damage[]
}

/** Everything readable in a storage. */
export interface Inventory {
  /** The papers, in the order in which their ids were first added. */
  readonly papers: ReadonlyMap<string, StoredPaper>
  /** Ids of unreadable papers, as far as the ids are readable. */
  readonly dropped: readonly string[]
  /** Whether there is no damage, including papers without a readable vector. */
  readonly isWhole: boolean
  /** Whether stored data is damaged, so that nothing should be appended before a `rewrite`. */
  readonly isDamaged: boolean
  /** Whether the identity was read from the storage; false if it was lost and is the one that the caller expects. */
  readonly isIdentityKnown: boolean
  /** Width of the vectors found; 0 if there are none. */
  readonly dimensions: number
  /** Whether a paper's vector is readable. */
  hasVector(paper: StoredPaper): boolean
  /** The damage, with ids for damage that concerns one of these papers. */
  damageOf(papers: Iterable<StoredPaper>): Damage[]
}

/** New contents for a whole storage. */
export interface Contents {
  readonly identity: StorageIdentity
  /** Papers in order, each with its vector: the one it has (`'own'`), the stored one with a key, or a new one. */
  readonly papers: readonly {
    readonly paper: StoredPaper
    readonly vector: 'own' | StoredVector['key'] | StoredVector
  }[]
  /** Whether to keep vectors that no paper has. */
  readonly keepsOthers: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * Stores one library. A new implementation, over PostgreSQL for example, must meet this contract, which
 * `test/library/storage-contract.ts` checks:
 *
 * - **Atomic commits.** `commit` and `rewrite` each take effect whole or not at all: use one transaction. Once the
 *   promise resolves, the change is visible to readers and, if the storage {@link Storage.isDurable | is durable},
 *   survives a crash. The library never has two commits in progress.
 * - **One writer.** Opening for writing takes an exclusive lock or fails with `store-locked`; a session-level advisory
 *   lock will do. Readers take no lock and see only whole commits.
 * - **One vector per key.** A vector is stored once for each key, bit for bit as given, and is kept when its papers are
 *   removed: the storage is also the cache of embeddings. Rows and keys are chosen by the library and stored as given.
 * - **Stable order.** `load` yields changes in the order of their commits, and new papers in the order given.
 * - **Bounded memory.** `load` holds at most two batches in memory: use a cursor.
 * - **Errors** are `PaperkinError`s: `store-unwritable`, `store-locked`, `unreadable-source`, `corrupt-store` (with the
 *   ids of damaged papers), `store-mismatch`, and `library-closed` after {@link Storage.close}. On abort a method rejects
 *   with the signal's reason. After an aborted `load` the library calls it again with `isAll`.
 */
export interface Storage {
  /** The place as the caller named it, for messages; undefined in memory. */
  readonly path: string | undefined
  /**
   * Whether commits survive the process. If true, `add` commits batch by batch and passes vectors with their keys. If
   * false, `add` commits once, without vectors, and never asks for any: the library's index holds them.
   */
  readonly isDurable: boolean
  readonly isReadOnly: boolean
  /**
   * The identity of the vectors as of the last `load`, `commit` or `rewrite`. If `dimensions` is 0, the first commit
   * with a vector sets it.
   */
  readonly identity: StorageIdentity
  /** One more than the highest row ever used, including rows of removed papers; 0 if empty. Known after `load`. */
  readonly nextRow: number
  /** Approximate size in bytes of what the first `load` reads; 0 if that takes no time. */
  readonly bytes: number

  /**
   * Yields, in order, the changes committed by any process since the last call. The first call, and a call with
   * `isAll`, yields everything. `isAnew` is true if `batches` hold everything, also because the storage was replaced by
   * a `rewrite` meanwhile; the library then starts from an empty state. Damaged papers are left out; if there was any
   * damage, the iteration throws `corrupt-store` after the last batch, with the ids of the papers of `present()` that
   * it affects.
   * @throws PaperkinError `store-mismatch` if the storage now has another identity
   */
  load(options: LoadOptions): Promise<{ readonly isAnew: boolean; readonly batches: AsyncIterable<Batch> }>
  /**
   * Applies a change in one transaction and returns handles to its `papers`, in their order. Vectors whose keys are
   * stored already are not stored again. A later `load` of the same storage does not yield the change.
   */
  commit(change: Change): Promise<StoredPaper[]>
  /**
   * Reads papers by their handles and returns them in the same order, each as it was when its handle was created.
   * Should take one round trip, or one per megabyte. Rejects with `corrupt-store` if a paper is damaged.
   */
  readPapers(papers: readonly StoredPaper[], options?: { readonly signal?: AbortSignal | undefined }): Promise<Paper[]>
  /**
   * Reads one paper synchronously. A storage over a network leaves it out; the library's synchronous methods, such as
   * `get`, then work only for papers that have been read before.
   */
  readNow?(paper: StoredPaper): Paper
  /**
   * Returns the vectors of keys, or of papers by their handles, in the order given; undefined for each that is missing
   * or damaged.
   */
  readVectors(
    of: readonly (StoredVector['key'] | StoredPaper)[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<(StoredVector | undefined)[]>

  /**
   * Path of a local file for data that can be rebuilt from the papers; undefined if there is no place for it. The
   * library reads and writes the file itself, and checks that it matches the papers.
   */
  derivedFile(name: DerivedName): string | undefined

  /** Reads everything as it is now and reports damage. May run while the library reads. */
  verify(options?: { readonly signal?: AbortSignal | undefined }): Promise<Verification>
  /**
   * Lists everything, before a `rewrite`. With `reads`, also reads the fields of each paper and drops papers that are
   * not valid. The next `load` yields everything.
   */
  inspect(options: { readonly reads: boolean; readonly signal?: AbortSignal | undefined }): Promise<Inventory>
  /**
   * Replaces everything in one step by `contents`, whose handles are from the last `inspect`. If it rejects, nothing
   * has changed. The next `load` yields everything. The storage may renumber the rows from 0 if they stay unique.
   */
  rewrite(contents: Contents): Promise<void>
  /**
   * Frees space if most of what is stored is outdated; `papers` is the number of current papers. Called before a writer
   * closes. May do nothing, and must not lose vectors.
   */
  compact(papers: number): Promise<void>
  /** Releases the lock, connections and files. Committed data stays. */
  close(): Promise<void>
}

/**
 * Names of derived files: lexical index, HNSW graph, map of science in the space of a model other than the bundled one.
 */
export const derivedNames = ['words.bin', 'graph.hnsw', 'areas.bin'] as const
export type DerivedName = (typeof derivedNames)[number]

/** Whether vectors of two identities may be compared. An unknown `settings` matches any. */
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

/** Returns the function from texts to keys for one embedder: SHA-256 of everything that a vector depends on. */
export function textKeys(
  embedder: Pick<Embedder, 'modelId' | 'revision' | 'dtype' | 'fingerprint'>,
): (text: string) => Buffer {
  const { modelId, revision, dtype, fingerprint } = embedder
  // Without a fingerprint, vectors of one run must not pass for those of another.
  const about = documentIdentity({
    modelId,
    ...(revision !== undefined && { revision }),
    ...(dtype !== undefined && { dtype }),
    fingerprint: fingerprint ?? randomUUID(),
  })
  return (text) => createHash('sha256').update(about).update('\0').update(text).digest()
}

/** The key of a vector supplied by the caller: SHA-256 of its bytes. */
export function vectorKey(vector: Float32Array): Buffer {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  return createHash('sha256').update('vector\0').update(bytes).digest()
}
