// A library's folder: `papers.log` (log-file.ts) holds everything; the writer's lock and what is derived stand beside it.
// Vectors are found by what they depend on, so the log is the cache of embeddings as well: a vector that no paper has any
// more stays for the day on which its text comes back. A commit is one write, one sync, and then the new end in the
// header; readers take what the header says, and whole batches behind it. What must change as a whole (another model, a
// repair, a log that is mostly past) is written to a new file that takes the old one's place in one step.
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Embedder } from '../../embedding/embedder.ts'
import { PaperkinError, show } from '../../errors.ts'
import { outputPlace, writeAll, writeAtomically } from '../../runtime/atomic-file.ts'
import type { TimeSlice } from '../../runtime/time-slice.ts'
import {
  type Batch,
  type Damage,
  decodeHeader,
  encodeEnd,
  encodeFrame,
  encodeHeader,
  endPlace,
  FORMAT,
  type Frame,
  HEADER_BYTES,
  keyAt,
  type LogEnd,
  type LogIdentity,
  type LogPlace,
  readFrames,
  readVector,
  truncationAt,
  type VectorBlock,
  type VectorRecord,
} from './log-file.ts'
import { LogTexts } from './log-texts.ts'
import { storeError } from './store-errors.ts'
import { isLockName, takeWriterLock, type WriterLock, wasReleased } from './writer-lock.ts'

const LOG = 'papers.log'
/** Files beside the log that can be made again from it. */
const DERIVED: readonly string[] = ['words.bin', 'graph.hnsw', 'areas.bin']
/** Of what is written in one step; other files of that ending are not the library's. */
const draftName =
  /^(?:papers\.log|words\.bin|graph\.hnsw|areas\.bin|writer\.lock)\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/u
const firstPlace: LogPlace = Object.freeze({ position: HEADER_BYTES, number: 0, vectors: 0 })

/** What vectors depend on beside the text. */
export type StoreIdentity = Omit<LogIdentity, 'log'>

const nobody: StoreIdentity = Object.freeze({ modelId: 'none', dimensions: 0, recipe: '' })

interface StoreOptions {
  /** What a new library is made for; only those who read do not need it. */
  readonly identity?: StoreIdentity
  /** Whether a library is made where there is none. @default true */
  readonly create?: boolean
  /** Takes no lock and writes nothing. @default false */
  readonly readOnly?: boolean
  /** Whether a log that is missing or does not begin like one is made anew or read as far as it goes. @default false */
  readonly repair?: boolean
}

interface LoadOptions {
  readonly onDamage: (damage: Damage) => void
  readonly signal?: AbortSignal | undefined
}

/** Whether vectors of the two may be compared. */
export function isSameIdentity(a: StoreIdentity, b: StoreIdentity): boolean {
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
  // Of an embedder that cannot say what its vectors depend on, none is taken for another's.
  const about = JSON.stringify([modelId, revision, dtype, fingerprint ?? randomUUID()])
  return (text) => createHash('sha256').update(about).update('\0').update(text).digest()
}

/** The key of a vector that no model made: its own bytes. */
export function vectorKey(vector: Float32Array): Buffer {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  return createHash('sha256').update('vector\0').update(bytes).digest()
}

/** The log of a library, open for reading or for reading and writing. */
export class Store {
  /** As it was named when it was opened. */
  readonly path: string
  /** The same, wherever the process goes to meanwhile. */
  readonly folder: string
  readonly isReadOnly: boolean
  /** What was damaged so much that opening had to get along without it, where a repair was asked for. */
  readonly damage: readonly Damage[]
  #identity: LogIdentity
  #end: LogEnd
  #place = firstPlace
  #nextRow = 0
  #records = 0
  #blocks: VectorBlock[] = []
  #keys: KeyTable | undefined
  /** A writer's. */
  #file: FileHandle | undefined
  #texts: LogTexts | undefined
  readonly #lock: WriterLock | undefined

  private constructor(
    path: string,
    parts: {
      readonly folder: string
      readonly identity: LogIdentity
      readonly end: LogEnd
      readonly file: FileHandle | undefined
      readonly lock: WriterLock | undefined
      readonly damage: readonly Damage[]
    },
  ) {
    this.path = path
    this.folder = parts.folder
    this.isReadOnly = parts.lock === undefined
    this.damage = parts.damage
    this.#identity = parts.identity
    this.#end = parts.end
    this.#file = parts.file
    this.#lock = parts.lock
  }

  /**
   * Opens a folder, or makes it where there is none. Nothing of the papers is read yet: see {@link load}.
   * @throws PaperkinError `invalid-argument` where the path is no folder, or none that can be read only; `store-locked`;
   * `store-unwritable`; `store-mismatch` for a newer format; `corrupt-store`
   */
  static async open(
    path: string,
    { identity = nobody, create = true, readOnly = false, repair = false }: StoreOptions,
  ): Promise<Store> {
    if (typeof path !== 'string' || path === '')
      throw new PaperkinError('invalid-argument', `Expected \`path\` to name a folder, got ${show(path)}.`)
    const folder = resolve(path)
    if (!create && !readOnly && !(await isLibrary(folder)))
      throw new PaperkinError('invalid-argument', `Expected \`path\` to be a library, but there is none in ${path}.`)
    const { others, lock } = await prepare(folder, readOnly)
    const log = join(folder, LOG)
    let isNew = true
    let file: FileHandle | undefined
    const damage: Damage[] = []
    try {
      if (!(await exists(log))) {
        isNew = others.length === 0
        if (readOnly && isNew)
          throw new PaperkinError(
            'invalid-argument',
            `Expected \`path\` to be a library, but there is none in ${path}.`,
          )
        if (!isNew && !(repair && !readOnly))
          throw new PaperkinError(
            'corrupt-store',
            `Expected ${log}, which is missing beside ${others.join(', ')}: put it back from a copy, or open the library with \`repair: true\` to begin anew.`,
          )
        if (!isNew) damage.push({ part: 'header', message: `${LOG} was missing.` })
        await writeLog(log, { ...identity, log: randomUUID() }, [])
      }
      isNew = false
      file = await open(log, readOnly ? 'r' : 'r+')
      const {
        isDamaged,
        identity: found,
        end,
      } = await readHeader(file, { log, otherwise: repair ? identity : undefined })
      if (isDamaged) damage.push({ part: 'header', message: 'The header is damaged.' })
      if (readOnly) await file.close()
      return new Store(path, { folder, identity: found, end, file: readOnly ? undefined : file, lock, damage })
    } catch (error) {
      await file?.close()
      lock?.release({ isNew })
      throw storeError(error, path, readOnly ? 'read' : 'write')
    }
  }

  /** False where the header is damaged, and `identity` what the caller said. */
  get isIdentityKnown(): boolean {
    return this.#identity.log !== ''
  }

  /** What the library's vectors depend on. */
  get identity(): StoreIdentity {
    return this.#identity
  }

  /** The row after the highest that was ever used. */
  get nextRow(): number {
    return this.#nextRow
  }

  /** Papers that the log has, those of the past among them. */
  get records(): number {
    return this.#records
  }

  /** Bytes of the log as far as it was read. */
  get bytes(): number {
    return this.#place.position
  }

  /** Bytes that the log had when it was opened or last written to. */
  get length(): number {
    return this.#end.length
  }

  /**
   * Reads the batches that came since the last call, all of them at the first. `isAnew` says that the log was replaced
   * meanwhile, so that all of it comes again. What is damaged is told and left out.
   * @throws PaperkinError `corrupt-store` where the header is damaged, `store-mismatch`, `unreadable-source`
   */
  async load({
    onDamage,
    signal,
  }: LoadOptions): Promise<{ readonly isAnew: boolean; readonly frames: AsyncGenerator<Frame> }> {
    const file = this.#file ?? (await this.#openLog())
    const isAnew = this.#place === firstPlace
    // Papers of a log that was replaced keep theirs.
    if (isAnew) this.#texts = new LogTexts(this.path, file, { isOwner: file !== this.#file })
    else this.#texts?.forget()
    return { isAnew, frames: this.#frames(file, { onDamage, signal }) }
  }

  /** The log that is there now, its header read. */
  async #openLog(): Promise<FileHandle> {
    const log = join(this.folder, LOG)
    const file = await open(log, 'r').catch((error) => Promise.reject(storeError(error, this.path, 'read')))
    try {
      const { identity, end } = await readHeader(file, { log })
      const isSame = isSameIdentity(identity, {
        ...this.#identity,
        dimensions: this.#identity.dimensions || identity.dimensions,
      })
      if (!isSame)
        throw new PaperkinError(
          'store-mismatch',
          `Expected the library in ${this.path} to be embedded by ${this.#identity.modelId}, but it was embedded anew by ${identity.modelId}: open it with that embedder.`,
        )
      // Shorter than what was read: another log of the same name was put back.
      const { size } = await file.stat()
      if (identity.log !== this.#identity.log || size < this.#place.position) this.rewind()
      this.#identity = identity
      this.#end = end
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async *#frames(file: FileHandle, { onDamage, signal }: LoadOptions): AsyncGenerator<Frame> {
    let isWhole = true
    try {
      const frames = readFrames(file, {
        texts: this.#texts as LogTexts,
        from: this.#place,
        committed: this.#end.length,
        onDamage: (damage) => {
          isWhole = false
          onDamage(damage)
        },
        signal,
      })
      for await (const frame of frames) {
        this.#took({ ...frame, records: frame.papers.length })
        yield frame
      }
      if (isWhole && file === this.#file) await this.#tidyEnd(file)
    } finally {
      const isKept = file === this.#file || (file === this.#texts?.file && !this.#texts.mustLetGo)
      if (!isKept) await file.close()
    }
  }

  /** Cuts off what a writer that died had begun, and says in the header what was there after all. */
  async #tidyEnd(file: FileHandle): Promise<void> {
    const { size } = await file.stat()
    if (size > this.#place.position) await file.truncate(this.#place.position)
    if (this.#end.length !== this.#place.position) await this.#writeEnd(file)
  }

  #took({
    next,
    nextRow,
    block,
    records,
  }: Pick<Frame, 'next' | 'nextRow' | 'block'> & { readonly records: number }): void {
    this.#place = next
    this.#records += records
    this.#nextRow = Math.max(this.#nextRow, nextRow)
    if (block.count === 0) return
    this.#blocks.push(block)
    this.#keys?.add(block)
  }

  /** Begins again at the first batch. */
  rewind(): void {
    this.#place = firstPlace
    this.#records = 0
    this.#blocks = []
    this.#keys = undefined
  }

  /** Makes in slices what {@link find} would make at once (50 ms for 40,000 vectors). */
  async prepareFind(slice: TimeSlice): Promise<void> {
    const blocks = this.#blocks
    if (this.#keys !== undefined) return
    const keys = KeyTable.for(blocks)
    // Blocks that are appended meanwhile are still come to.
    for (const block of blocks) {
      keys.add(block)
      if (slice.due()) await slice.rest()
    }
    if (this.#blocks === blocks) this.#keys ??= keys
  }

  /** Number of the vector of each key; `undefined` where there is none. */
  find(keys: readonly Buffer[]): (number | undefined)[] {
    if (this.#keys === undefined) {
      this.#keys = KeyTable.for(this.#blocks)
      for (const block of this.#blocks) this.#keys.add(block)
    }
    const table = this.#keys
    return keys.map((key) => table.get(key))
  }

  /** The vector of a number, as it was written; `undefined` where it is damaged or lost. */
  async vector(number: number): Promise<VectorRecord | undefined> {
    const block = this.#blockOf(number)
    if (block === undefined) return undefined
    const i = number - block.first
    // The log in which it was found, whatever is in its place by now; where that must be let go, while it is loaded.
    const file = this.#file ?? this.#texts?.file
    const vector = file && (await readVector(file, block, i))
    const truncation = truncationAt(block, i)
    return vector && { key: keyAt(block, i), vector, ...(truncation && { truncation }) }
  }

  #blockOf(number: number): VectorBlock | undefined {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      const { first, count } = this.#blocks[middle] as VectorBlock
      if (number < first) high = middle
      else if (number >= first + count) low = middle + 1
      else return this.#blocks[middle]
    }
    return undefined
  }

  /** Whether there is a vector of a number, of the library's width, and no damage was seen in it. */
  isReadable(number: number): boolean {
    // A damaged header does not say how wide they are.
    const dimensions = this.isIdentityKnown ? this.#identity.dimensions : 0
    const block = this.#blockOf(number)
    if (block === undefined || block.damaged.has(number - block.first)) return false
    return dimensions === 0 || block.dimensions === dimensions
  }

  /** Numbers of all vectors of a width that can be read. */
  *numbers(dimensions: number): Generator<number> {
    for (const block of this.#blocks)
      if (block.dimensions === dimensions)
        for (let i = 0; i < block.count; i++) if (!block.damaged.has(i)) yield block.first + i
  }

  /** Number that the next vector gets. */
  get nextVector(): number {
    return this.#place.vectors
  }

  /**
   * Writes one batch: on disk when the promise resolves, and nothing of it where it rejects.
   * @throws PaperkinError `store-unwritable`; `store-locked` where the lock was taken away
   */
  async append(batch: Batch): Promise<void> {
    const file = this.#requireWriter()
    const place = this.#place
    const parts = encodeFrame(batch, place)
    const bytes = Buffer.concat(parts)
    try {
      await this.#requireOwnLog(file)
      await writeAll(file, bytes, place.position)
      await file.datasync()
      // What took its place meanwhile does not have the batch.
      await this.#requireOwnLog(file)
      const { dimensions, vectors, nextRow } = batch
      const next = {
        position: place.position + bytes.length,
        number: place.number + 1,
        vectors: place.vectors + vectors.length,
      }
      const [head, removed, entries, papers] = parts as [Buffer, Buffer, Buffer, Buffer]
      const position = place.position + head.length + removed.length + entries.length + papers.length
      const block = {
        first: place.vectors,
        count: vectors.length,
        dimensions,
        position,
        entries,
        damaged: new Set<number>(),
      }
      this.#took({ next, nextRow, block, records: batch.papers.length })
    } catch (error) {
      // Best effort: what stays behind the end is no whole batch, or one that nobody was told of.
      await file.truncate(place.position).catch(() => {})
      throw storeError(error, this.path, 'write')
    }
    // The batch is on disk and counts without it.
    await this.#writeEnd(file).catch(() => {})
  }

  /** Not synced: a whole batch counts without it, and the next sync takes it along. */
  async #writeEnd(file: FileHandle): Promise<void> {
    const end = { turn: this.#end.turn + 1, length: this.#place.position }
    await writeAll(file, encodeEnd(end), endPlace(end))
    this.#end = end
  }

  /**
   * Puts a new log with these batches in the place of the old one, in one step.
   * @throws PaperkinError `store-unwritable`; then the old one is as it was
   */
  async rewrite(identity: StoreIdentity, batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<void> {
    const old = this.#requireWriter()
    const log = join(this.folder, LOG)
    try {
      await this.#requireOwnLog(old, { isDamaged: true })
      await writeLog(log, { ...identity, log: randomUUID() }, batches, () => old.close())
    } catch (error) {
      // Closed to let the new one take its place, which it did not.
      if (old.fd < 0) this.#file = await open(log, 'r+').catch(() => undefined)
      throw storeError(error, this.path, 'write')
    }
    this.#file = undefined
    try {
      const file = await open(log, 'r+')
      this.#file = file
      const { identity: written, end } = await readHeader(file, { log })
      this.#identity = written
      this.#end = end
      this.rewind()
    } catch (error) {
      throw storeError(error, this.path, 'write')
    }
  }

  /**
   * Checks that the file that is written to is the one that the folder names, and that nobody else wrote to it: a backup
   * that was put back or a sync tool would otherwise lose what is added, or be lost.
   */
  async #requireOwnLog(file: FileHandle, { isDamaged = false } = {}): Promise<void> {
    const named = await stat(join(this.folder, LOG), { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    const own = await file.stat({ bigint: true })
    const isNamed = named !== undefined && named.ino === own.ino && named.dev === own.dev
    if (isNamed && (isDamaged || own.size >= this.#place.position)) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
      const { identity, end } = decodeHeader(buffer.subarray(0, bytesRead))
      // A header that was damaged when it was read says nothing.
      const isOwn = !this.isIdentityKnown || identity?.log === this.#identity.log
      if (isOwn && (isDamaged || (end?.turn === this.#end.turn && end.length === this.#end.length))) return
    }
    throw new PaperkinError(
      'store-unwritable',
      `Expected ${join(this.path, LOG)} to be the file that this library has open, but ${named === undefined ? 'it is gone' : 'another was put in its place'}: close the library and open it again; what is added now would be lost.`,
    )
  }

  #requireWriter(): FileHandle {
    if (this.#file === undefined)
      throw new PaperkinError(
        'store-unwritable',
        `The library in ${this.path} is open for reading only: open it without \`readOnly\`.`,
      )
    if (this.#lock?.isHeld() !== true)
      throw new PaperkinError(
        'store-locked',
        `The lock of the library in ${this.path} was taken away, or its folder was renamed: close it and open it again.`,
      )
    return this.#file
  }

  /** Gives back the lock. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    try {
      await file?.datasync()
    } catch (error) {
      throw storeError(error, this.path, 'write')
    } finally {
      await file?.close().catch(() => {})
      await this.#texts?.close()
      this.#lock?.release({ isNew: false })
    }
  }
}

/**
 * Checks the folder, makes it for a writer, and takes the writer's lock. `others` are what shows that there was a library
 * before, should its log be gone.
 */
async function prepare(
  path: string,
  readOnly: boolean,
): Promise<{ readonly others: readonly string[]; readonly lock: WriterLock | undefined }> {
  let lock: WriterLock | undefined
  try {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (found === undefined && readOnly)
      throw new PaperkinError('invalid-argument', `Expected \`path\` to be a library, but there is no folder ${path}.`)
    if (found !== undefined && !found.isDirectory())
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`path\` to be a folder, but ${path} is a file: name another.`,
      )
    if (!readOnly) await mkdir(path, { recursive: true })
    const names = await readdir(path)
    const others = names.filter((name) => DERIVED.includes(name) || wasReleased(join(path, name)))
    if (readOnly) return { others, lock: undefined }
    lock = takeWriterLock(path)
    // Drafts of processes that died. Whatever else has such a name stays.
    for (const name of names.filter((name) => draftName.test(name))) {
      const found = await lstat(join(path, name)).catch(() => undefined)
      if (found?.isFile() && Date.now() - found.mtimeMs > 60_000)
        await rm(join(path, name), { force: true }).catch(() => {})
    }
    return { others, lock }
  } catch (error) {
    lock?.release({ isNew: false })
    throw storeError(error, path, readOnly ? 'read' : 'write')
  }
}

/**
 * Refuses to write a file into the folder of a library, over what is kept there.
 * @throws PaperkinError `invalid-argument`
 */
export async function requireOutside(name: string, path: string): Promise<void> {
  const place = await outputPlace(path).catch(() => undefined)
  if (place?.kind !== 'file') return
  let folder = await realpath(dirname(place.path)).catch(() => undefined)
  while (folder !== undefined) {
    if (await isLibrary(folder))
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`${name}\` to name a file outside of a library, got ${show(path)}, which is in the folder of one: name another place.`,
      )
    const above = dirname(folder)
    folder = above === folder ? undefined : above
  }
}

/** Whether a folder has the log of a library, damaged or not. */
async function isLibrary(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  if (!names.includes(LOG)) return false
  if (names.some((name) => DERIVED.includes(name) || isLockName(name))) return true
  const file = await open(join(folder, LOG), 'r').catch(() => undefined)
  try {
    const { buffer, bytesRead } = (await file?.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)) ?? { bytesRead: 0 }
    return buffer !== undefined && decodeHeader(buffer.subarray(0, bytesRead)).format !== undefined
  } catch {
    return false
  } finally {
    await file?.close()
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? false : Promise.reject(error)),
  )
}

/** @throws PaperkinError unless `otherwise` says what to take it for. */
async function readHeader(
  file: FileHandle,
  { log, otherwise }: { readonly log: string; readonly otherwise?: StoreIdentity | undefined },
): Promise<{ readonly isDamaged: boolean; readonly identity: LogIdentity; readonly end: LogEnd }> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
  const { format, identity, end } = decodeHeader(buffer.subarray(0, bytesRead))
  if (format !== undefined && format > FORMAT)
    throw new PaperkinError(
      'store-mismatch',
      `Expected ${log} to have format ${FORMAT}, got ${format}, which a newer version of paperkin wrote: update paperkin.`,
    )
  if (identity !== undefined && end !== undefined) return { isDamaged: false, identity, end }
  if (otherwise === undefined)
    throw new PaperkinError(
      'corrupt-store',
      `Expected ${log} to begin like the log of a library, but its header is damaged: put it back from a copy, or open the library with \`repair: true\`.`,
    )
  return {
    isDamaged: true,
    identity: identity ?? { ...otherwise, log: '' },
    // All that is there, then: what was begun and not committed is told as damage.
    end: end ?? { turn: 1, length: (await file.stat()).size },
  }
}

/** Writes a whole log beside its place and puts it there; `ready` is awaited just before. */
async function writeLog(
  log: string,
  identity: LogIdentity,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  ready?: () => Promise<void>,
): Promise<void> {
  await writeAtomically(log, async (file) => {
    let place = firstPlace
    for await (const batch of batches) {
      const bytes = Buffer.concat(encodeFrame(batch, place))
      await writeAll(file, bytes, place.position)
      const { position, number, vectors } = place
      place = { position: position + bytes.length, number: number + 1, vectors: vectors + batch.vectors.length }
    }
    await writeAll(file, encodeHeader(identity, place.position), 0)
    await file.sync()
    await ready?.()
  })
  await syncFolder(join(log, '..'))
}

/** Makes a new name in a folder last; where folders cannot be synced, the file system does it by itself. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}

/** Numbers of vectors by their keys; a table with open addressing, since a Map of so many strings takes a tenth of a second. */
class KeyTable {
  readonly #blocks: VectorBlock[] = []
  /** Place in the blocks' order and one, 0 where there is none; at most half full. */
  #slots: Int32Array
  /** Number of vectors before each block. */
  readonly #before: number[] = []
  #size = 0

  private constructor(keys: number) {
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(512, keys))))
  }

  /** An empty one, with room for the keys of these blocks. */
  static for(blocks: readonly VectorBlock[]): KeyTable {
    return new KeyTable(blocks.reduce((sum, { count }) => sum + count, 0))
  }

  add(block: VectorBlock): void {
    this.#blocks.push(block)
    this.#before.push(this.#size)
    if (2 * (this.#size + block.count) > this.#slots.length) {
      this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(4 * (this.#size + block.count))))
      this.#blocks.forEach((known, i) => {
        if (known !== block) this.#fill(known, this.#before[i] as number)
      })
    }
    this.#fill(block, this.#size)
    this.#size += block.count
  }

  #fill(block: VectorBlock, before: number): void {
    for (let i = 0; i < block.count; i++)
      if (!block.damaged.has(i)) this.#slots[this.#slot(keyAt(block, i))] = before + i + 1
  }

  get(key: Buffer): number | undefined {
    const place = (this.#slots[this.#slot(key)] as number) - 1
    return place < 0 ? undefined : this.#at(place)[1]
  }

  /** Where a key is, or where it would be put. Its first bytes are as good as drawn. */
  #slot(key: Buffer): number {
    const mask = this.#slots.length - 1
    let slot = key.readUInt32LE(0) & mask
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const [found] = this.#at((this.#slots[slot] as number) - 1)
      if (found.equals(key)) break
    }
    return slot
  }

  #at(place: number): [key: Buffer, number: number] {
    let low = 0
    for (let high = this.#before.length; high - low > 1; ) {
      const middle = (low + high) >> 1
      if ((this.#before[middle] as number) <= place) low = middle
      else high = middle
    }
    const block = this.#blocks[low] as VectorBlock
    const i = place - (this.#before[low] as number)
    return [keyAt(block, i), block.first + i]
  }
}
