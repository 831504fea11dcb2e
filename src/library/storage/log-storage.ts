// A library in a folder: `papers.log` (log-file.ts) holds everything, next to the writer's lock and derived files.
// Vectors are found by key, so the log is also the cache of embeddings: vectors of removed papers stay, in case their
// text comes back. A commit is one write, one sync, and an update of the end in the header; readers take everything up
// to that end, and complete batches beyond it. Whole changes (another model, a repair, a log that is mostly outdated)
// are written to a new file that replaces the old one atomically.
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PaperkinError, show } from '../../errors.ts'
import { type Paper, paperJson } from '../../paper.ts'
import { writeAll, writeAtomically } from '../../runtime/atomic-file.ts'
import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import { KeyTable } from './key-table.ts'
import { damaged, damagedVector, storeError, withIds } from './log-errors.ts'
import {
  damagedPaper,
  decodeHeader,
  encodeEnd,
  encodeFrame,
  encodeHeader,
  endPlace,
  type Frame,
  type FrameContent,
  headerBytes,
  keyAt,
  type LogDamage,
  type LogEnd,
  type LogIdentity,
  LogPaper,
  type LogPlace,
  logFormat,
  type PaperRecord,
  readFrames,
  readVector,
  truncationAt,
  type VectorBlock,
} from './log-file.ts'
import { exists, isLibrary, logName, prepare, syncFolder } from './log-folder.ts'
import { LogTexts } from './log-texts.ts'
import {
  type Batch,
  type Change,
  type Contents,
  type DerivedName,
  type Inventory,
  isSameIdentity,
  type LoadOptions,
  type Storage,
  type StorageIdentity,
  type StoredPaper,
  type StoredVector,
  type Verification,
} from './storage.ts'
import type { WriterLock } from './writer-lock.ts'

/** Outdated records that a log may hold, besides one for each current paper, before it is compacted. */
const mostPast = 4096
/** Papers per batch of a rewritten log, and papers per read. */
const papersPerBatch = 512
/** Rows that a log may use, besides four for each paper, before a rewrite renumbers them. */
const spareRows = 2 ** 20
const firstPlace: LogPlace = Object.freeze({ position: headerBytes, number: 0, vectors: 0 })

const noIdentity: StorageIdentity = Object.freeze({ modelId: 'none', dimensions: 0, recipe: '' })

interface LogOptions {
  /** Identity of a new library; needed for writing only. */
  readonly identity?: StorageIdentity
  /** Whether to create a missing library. @default true */
  readonly create?: boolean
  /** Takes no lock and writes nothing. @default false */
  readonly readOnly?: boolean
  /**
   * Whether to create a missing log again, and to read a log with a damaged header as far as possible. @default false
   */
  readonly repair?: boolean
}

interface ReadOptions {
  readonly onDamage: (damage: LogDamage) => void
  readonly signal?: AbortSignal | undefined
}

/** The log of a library, open for reading or for reading and writing. */
export class LogStorage implements Storage {
  readonly path: string
  /** The absolute path, in case the working directory changes. */
  readonly #folder: string
  readonly isDurable = true
  readonly isReadOnly: boolean
  /** Damage that opening for a repair has passed over. */
  readonly #damage: readonly LogDamage[]
  #identity: LogIdentity
  #end: LogEnd
  #place = firstPlace
  #nextRow = 0
  #records = 0
  #blocks: VectorBlock[] = []
  #keys: KeyTable | undefined
  /** Receives damage found while papers are loaded. */
  #onDamage: ((damage: LogDamage) => void) | undefined
  /** The log, open for writing; undefined for a reader. */
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
      readonly damage: readonly LogDamage[]
    },
  ) {
    this.path = path
    this.#folder = parts.folder
    this.isReadOnly = parts.lock === undefined
    this.#damage = parts.damage
    this.#identity = parts.identity
    this.#end = parts.end
    this.#file = parts.file
    this.#lock = parts.lock
  }

  /**
   * Opens a folder, created if missing. Reads only the header; {@link load} reads the papers.
   * @throws PaperkinError `invalid-argument` if the path is not a folder, or has no library and none may be created;
   * `store-locked`; `store-unwritable`; `unreadable-source`; `store-mismatch` for a newer format; `corrupt-store`
   */
  static async open(
    path: string,
    { identity = noIdentity, create = true, readOnly = false, repair = false }: LogOptions,
  ): Promise<LogStorage> {
    if (typeof path !== 'string' || path === '')
      throw new PaperkinError('invalid-argument', `Expected \`path\` to name a folder, got ${show(path)}.`)
    const folder = resolve(path)
    if (!create && !readOnly && !(await isLibrary(folder)))
      throw new PaperkinError('invalid-argument', `Expected \`path\` to be a library, but there is none in ${path}.`)
    const { others, lock } = await prepare(folder, readOnly)
    const log = join(folder, logName)
    let isNew = true
    let file: FileHandle | undefined
    const damage: LogDamage[] = []
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
            `Expected ${log}, which is missing next to ${others.join(', ')}: restore it from a backup, or open the library with \`repair: true\` to start empty.`,
          )
        if (!isNew) damage.push({ part: 'header', message: `${logName} was missing.` })
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
      return new LogStorage(path, { folder, identity: found, end, file: readOnly ? undefined : file, lock, damage })
    } catch (error) {
      await file?.close()
      lock?.release({ isNew })
      throw storeError(error, path, readOnly ? 'read' : 'write')
    }
  }

  /** False if the header is damaged; then `identity` is the one that the caller expects. */
  get #isIdentityKnown(): boolean {
    return this.#identity.log !== ''
  }

  get identity(): StorageIdentity {
    return this.#identity
  }

  get nextRow(): number {
    return this.#nextRow
  }

  /** Size of the log in bytes when it was opened or last written. */
  get bytes(): number {
    return this.#end.length
  }

  /** @throws PaperkinError `corrupt-store` if there is damage, `store-mismatch`, `unreadable-source` */
  async load({ isAll = false, present, signal }: LoadOptions): Promise<{
    readonly isAnew: boolean
    readonly batches: AsyncGenerator<Batch>
  }> {
    if (isAll) this.#rewind()
    const damages: LogDamage[] = []
    const { isAnew, frames } = await this.#read({ onDamage: (damage) => damages.push(damage), signal })
    return { isAnew, batches: this.#batches(frames, { damages, present }) }
  }

  async *#batches(
    frames: AsyncGenerator<Frame>,
    { damages, present }: { readonly damages: LogDamage[] } & Pick<LoadOptions, 'present'>,
  ): AsyncGenerator<Batch> {
    this.#onDamage = (damage) => damages.push(damage)
    try {
      for await (const { removed, papers, block, floats } of frames) {
        const isFitting = block.dimensions === this.#identity.dimensions
        const places = Int32Array.from(papers, ({ vector }) => {
          const place = vector - block.first
          return isFitting && place >= 0 && place < block.count && !block.damaged.has(place) ? place : -1
        })
        yield { removed, papers, places, vectors: floats }
      }
    } finally {
      this.#onDamage = undefined
    }
    const all = withIds(damages, present() as Iterable<LogPaper>, (vector) => this.#isReadable(vector))
    if (all.length > 0) throw damaged(this.path, all)
  }

  /**
   * Reads the batches written since the last call; all of them on the first call or, with `isAnew`, if the log was
   * replaced. Damage is reported and left out.
   */
  async #read({ onDamage, signal }: ReadOptions): Promise<{
    readonly isAnew: boolean
    readonly frames: AsyncGenerator<Frame>
  }> {
    const file = this.#file ?? (await this.#openLog())
    const isAnew = this.#place === firstPlace
    // Papers of a replaced log keep their own LogTexts.
    if (isAnew) this.#texts = new LogTexts(this.path, file, { isOwner: file !== this.#file })
    else this.#texts?.forget()
    return { isAnew, frames: this.#frames(file, { onDamage, signal }) }
  }

  /** Opens the current log and reads its header. */
  async #openLog(): Promise<FileHandle> {
    const log = join(this.#folder, logName)
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
          `Expected the library in ${this.path} to be embedded by ${this.#identity.modelId}, but it was re-embedded by ${identity.modelId}: open it with that embedder.`,
        )
      // A file shorter than what was read was restored from a backup.
      const { size } = await file.stat()
      if (identity.log !== this.#identity.log || size < this.#place.position) this.#rewind()
      this.#identity = identity
      this.#end = end
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async *#frames(file: FileHandle, { onDamage, signal }: ReadOptions): AsyncGenerator<Frame> {
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

  /** Truncates an incomplete batch of a writer that died, and updates the end in the header. */
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

  /** Starts again at the first batch. */
  #rewind(): void {
    this.#place = firstPlace
    this.#records = 0
    this.#blocks = []
    this.#keys = undefined
  }

  /** Builds the key table in slices; {@link #find} would block for 50 ms at 40,000 vectors. */
  async #prepareKeys(slice: TimeSlice): Promise<void> {
    const blocks = this.#blocks
    if (this.#keys !== undefined) return
    const keys = KeyTable.for(blocks)
    // Also visits blocks that are appended meanwhile.
    for (const block of blocks) {
      keys.add(block)
      if (slice.due()) await slice.rest()
    }
    if (this.#blocks === blocks) this.#keys ??= keys
  }

  /** Number of the vector with a key; `undefined` if there is none. */
  #find(key: Buffer): number | undefined {
    if (this.#keys === undefined) {
      this.#keys = KeyTable.for(this.#blocks)
      for (const block of this.#blocks) this.#keys.add(block)
    }
    return this.#keys.get(key)
  }

  /** Reads the vector with a number; `undefined` if it is damaged or lost. */
  async #vector(number: number): Promise<StoredVector | undefined> {
    const block = this.#blockOf(number)
    if (block === undefined) return undefined
    const i = number - block.first
    // A reader uses the file in which it was found, even if replaced since; on Windows, only while loading.
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

  /** Whether there is a vector with a number, of the library's width, with no known damage. */
  #isReadable(number: number): boolean {
    // With a damaged header the width is unknown.
    const dimensions = this.#isIdentityKnown ? this.#identity.dimensions : 0
    const block = this.#blockOf(number)
    if (block === undefined || block.damaged.has(number - block.first)) return false
    return dimensions === 0 || block.dimensions === dimensions
  }

  /** Numbers of all readable vectors of a width. */
  *#numbers(dimensions: number): Generator<number> {
    for (const block of this.#blocks)
      if (block.dimensions === dimensions)
        for (let i = 0; i < block.count; i++) if (!block.damaged.has(i)) yield block.first + i
  }

  async readVectors(
    of: readonly (Buffer | StoredPaper)[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<(StoredVector | undefined)[]> {
    const slice = timeSlice(signal)
    if (of.some((one) => Buffer.isBuffer(one))) await this.#prepareKeys(slice)
    const found: (StoredVector | undefined)[] = []
    for (const one of of) {
      if (Buffer.isBuffer(one)) {
        const number = this.#find(one)
        found.push(number === undefined ? undefined : await this.#vector(number))
      } else {
        const paper = one as LogPaper
        const record = this.#isReadable(paper.vector) ? await this.#vector(paper.vector) : undefined
        // A vector of another width is damage while papers are loaded; an inventory may hold those of another model.
        const isFitting = this.#onDamage === undefined || record?.vector.length === this.#identity.dimensions
        if (!(record && isFitting) && this.#isReadable(paper.vector)) this.#onDamage?.(damagedVector(paper))
        found.push(isFitting ? record : undefined)
      }
      if (slice.due()) await slice.rest()
    }
    return found
  }

  async readPapers(
    papers: readonly StoredPaper[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Paper[]> {
    const found = new Array<Paper>(papers.length)
    // Papers of a replaced log are read from that log.
    const byLog = new Map<LogTexts, number[]>()
    for (const [i, paper] of papers.entries()) {
      const log = (paper as LogPaper).frame.log as LogTexts
      const places = byLog.get(log)
      if (places === undefined) byLog.set(log, [i])
      else places.push(i)
    }
    for (const [log, places] of byLog) {
      const read = await log.readPapers(
        places.map((i) => papers[i] as LogPaper),
        signal,
      )
      for (const [j, i] of places.entries()) found[i] = read[j] as Paper
    }
    return found
  }

  readNow(paper: StoredPaper): Paper {
    return (paper as LogPaper).frame.log.readNow(paper as LogPaper)
  }

  derivedFile(name: DerivedName): string {
    return join(this.#folder, name)
  }

  /** @throws PaperkinError `store-unwritable`; `store-locked` if the lock was lost */
  async commit({ removed = [], papers = [], vectors = [], nextRow }: Change): Promise<LogPaper[]> {
    const first = [...vectors, ...papers.map(({ vector }) => vector)].find((one) => one !== undefined && 'key' in one)
    const width = first?.vector.length
    if (this.#identity.dimensions === 0 && width !== undefined)
      await this.#replace({ ...this.#identity, dimensions: width }, [])
    const fresh: StoredVector[] = []
    const numbers = new Map<string, number>()
    const numberOf = (vector: StoredVector): number => {
      const name = vector.key.toString('latin1')
      const known = numbers.get(name) ?? this.#find(vector.key)
      if (known !== undefined) return known
      const number = this.#place.vectors + fresh.length
      numbers.set(name, number)
      fresh.push(vector)
      return number
    }
    for (const vector of vectors) numberOf(vector)
    const records = papers.map(({ paper, row, textCrc, vector }): PaperRecord => {
      if (vector === undefined) throw new Error(`The paper ${paper.id} comes without a vector.`)
      const number = 'key' in vector ? numberOf(vector) : (vector as LogPaper).vector
      return { id: paper.id, row, textCrc, vector: number, json: Buffer.from(paperJson(paper)) }
    })
    return this.#append({
      removed,
      vectors: fresh,
      papers: records,
      nextRow,
      dimensions: width ?? this.#identity.dimensions,
    })
  }

  /**
   * Writes one batch: on disk once the promise resolves, and absent if it rejects.
   * @throws PaperkinError `store-unwritable`; `store-locked` if the lock was lost
   */
  async #append(batch: FrameContent): Promise<LogPaper[]> {
    let written: LogPaper[]
    const file = this.#requireWriter()
    const place = this.#place
    const { bytes, vectorEntries, paperEntries, vectorsFrom, textsFrom } = encodeFrame(batch, place)
    try {
      await this.#requireOwnLog(file)
      await writeAll(file, bytes, place.position)
      await file.datasync()
      // A file that replaced the log meanwhile does not have the batch.
      await this.#requireOwnLog(file)
      const { dimensions, vectors, nextRow } = batch
      const next = {
        position: place.position + bytes.length,
        number: place.number + 1,
        vectors: place.vectors + vectors.length,
      }
      const block = {
        first: place.vectors,
        count: vectors.length,
        dimensions,
        position: vectorsFrom,
        entries: vectorEntries,
        damaged: new Set<number>(),
      }
      this.#texts ??= new LogTexts(this.path, file, { isOwner: false })
      const frame = { log: this.#texts, position: textsFrom, texts: undefined, entries: paperEntries }
      written = batch.papers.map(({ id, row }, index) => new LogPaper(id, { row, frame, index }))
      this.#took({ next, nextRow, block, records: batch.papers.length })
    } catch (error) {
      // Best effort: what remains beyond the end is an incomplete batch, or one that was never acknowledged.
      await file.truncate(place.position).catch(() => {})
      throw storeError(error, this.path, 'write')
    }
    // The batch is on disk and counts even if this fails.
    await this.#writeEnd(file).catch(() => {})
    return written
  }

  /** Updates the end in the header. Not synced: a complete batch counts without it, and the next sync includes it. */
  async #writeEnd(file: FileHandle): Promise<void> {
    const end = { turn: this.#end.turn + 1, length: this.#place.position }
    await writeAll(file, encodeEnd(end), endPlace(end))
    this.#end = end
  }

  /**
   * Atomically replaces the log by a new one with these batches.
   * @throws PaperkinError `store-unwritable`; the old log is then unchanged
   */
  async #replace(
    identity: StorageIdentity,
    batches: AsyncIterable<FrameContent> | Iterable<FrameContent>,
  ): Promise<void> {
    const old = this.#requireWriter()
    const log = join(this.#folder, logName)
    try {
      await this.#requireOwnLog(old, { isDamaged: true })
      await writeLog(log, { ...identity, log: randomUUID() }, batches, () => old.close())
    } catch (error) {
      // The old file was closed for the replacement, which failed.
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
      this.#rewind()
    } catch (error) {
      throw storeError(error, this.path, 'write')
    }
  }

  async verify({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Verification> {
    return verifyLog(this.#folder, { signal })
  }

  async inspect({ reads, signal }: Parameters<Storage['inspect']>[0]): Promise<LogInventory> {
    this.#rewind()
    const damages = [...this.#damage]
    const papers = new Map<string, LogPaper>()
    let vectors = 0
    let dimensions = 0
    const { frames } = await this.#read({ onDamage: (damage) => damages.push(damage), signal })
    for await (const { removed, papers: found, block } of frames) {
      vectors += block.count
      if (block.count > 0) dimensions ||= block.dimensions
      for (const id of removed) papers.delete(id)
      for (const paper of found) papers.set(paper.id, paper)
    }
    if (reads)
      for (const id of await this.#unreadable([...papers.values()], signal)) {
        damages.push(damagedPaper(id))
        papers.delete(id)
      }
    const isReadable = (vector: number) => this.#isReadable(vector)
    const damage = withIds(damages, papers.values(), isReadable)
    return {
      papers,
      vectors,
      bytes: this.#place.position,
      dimensions,
      dropped: damages.flatMap(({ part, id }) => (part === 'paper' && id !== undefined && !papers.has(id) ? [id] : [])),
      damage,
      isWhole: damage.length === 0,
      isDamaged: damages.length > 0,
      isIdentityKnown: this.#isIdentityKnown,
      hasVector: (paper) => isReadable((paper as LogPaper).vector),
      damageOf: (some) => withIds(damages, some as Iterable<LogPaper>),
    }
  }

  /** Ids of papers with unreadable fields. */
  async #unreadable(papers: readonly LogPaper[], signal: AbortSignal | undefined): Promise<string[]> {
    const ids: string[] = []
    const isPaper = (some: readonly LogPaper[]) =>
      this.readPapers(some, { signal }).then(
        (found) => found.every(({ id }, i) => id === some[i]?.id),
        () => false,
      )
    for (let start = 0; start < papers.length; start += papersPerBatch) {
      signal?.throwIfAborted()
      const part = papers.slice(start, start + papersPerBatch)
      if (await isPaper(part)) continue
      for (const paper of part) if (!(await isPaper([paper]))) ids.push(paper.id)
    }
    signal?.throwIfAborted()
    return ids
  }

  async rewrite(contents: Contents): Promise<void> {
    await this.#replace(contents.identity, this.#frameContents(contents))
  }

  async *#frameContents({ identity, papers, keepsOthers, signal }: Contents): AsyncGenerator<FrameContent> {
    const { dimensions } = identity
    const numbers = new Map<string, number>()
    const written = new Set<number>()
    // Unused rows take memory: if there are many, rows are renumbered from 0.
    const rows = new Set(papers.map(({ paper }) => paper.row))
    const isSparse = this.#nextRow > spareRows + 4 * papers.length || rows.size < papers.length
    const nextRow = isSparse ? papers.length : this.#nextRow
    let next = 0
    for (let start = 0; start < papers.length; start += papersPerBatch) {
      signal?.throwIfAborted()
      const part = papers.slice(start, start + papersPerBatch)
      const texts = await this.#json(part.map(({ paper }) => paper as LogPaper))
      const vectors: StoredVector[] = []
      const records: PaperRecord[] = []
      for (const [i, { paper, vector: given }] of part.entries()) {
        const place =
          given === 'own' ? (paper as LogPaper).vector : Buffer.isBuffer(given) ? this.#find(given) : undefined
        const vector = place === undefined ? given : await this.#vector(place)
        if (typeof vector !== 'object' || !('key' in vector))
          throw new Error(`The vector of ${paper.id} can no longer be read.`)
        if (place !== undefined) written.add(place)
        const name = vector.key.toString('latin1')
        let number = numbers.get(name)
        if (number === undefined) {
          number = next++
          numbers.set(name, number)
          vectors.push(vector)
        }
        const { id, textCrc } = paper
        const row = isSparse ? start + records.length : paper.row
        records.push({ id, row, textCrc, vector: number, json: texts[i] as Buffer })
      }
      yield { removed: [], vectors, papers: records, nextRow, dimensions }
    }
    if (!keepsOthers) return
    let rest: StoredVector[] = []
    for (const number of this.#numbers(dimensions)) {
      if (written.has(number)) continue
      const vector = await this.#vector(number)
      if (vector === undefined || numbers.has(vector.key.toString('latin1'))) continue
      rest.push(vector)
      if (rest.length < papersPerBatch) continue
      yield { removed: [], vectors: rest, papers: [], nextRow, dimensions }
      rest = []
    }
    if (rest.length > 0) yield { removed: [], vectors: rest, papers: [], nextRow, dimensions }
  }

  /** The JSON of papers of one log. */
  async #json(papers: readonly LogPaper[]): Promise<Buffer[]> {
    const log = papers[0]?.frame.log as LogTexts | undefined
    return (await log?.readJson(papers)) ?? []
  }

  /** Rewrites the log if most of its records are outdated and nothing is damaged. */
  async compact(papers: number): Promise<void> {
    if (this.isReadOnly || this.#records <= mostPast + 2 * papers) return
    try {
      const found = await this.inspect({ reads: false })
      if (!found.isWhole) return
      const all = [...found.papers.values()].map((paper) => ({ paper, vector: 'own' as const }))
      await this.rewrite({ identity: this.#identity, papers: all, keepsOthers: true })
    } catch {
      // The old log stays unchanged.
    }
  }

  /**
   * Checks that the open file is still the one in the folder and that nothing else wrote to it. Otherwise new data
   * could be lost, or overwrite a restored backup or a file from a sync tool.
   */
  async #requireOwnLog(file: FileHandle, { isDamaged = false } = {}): Promise<void> {
    const named = await stat(join(this.#folder, logName), { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    const own = await file.stat({ bigint: true })
    const isNamed = named !== undefined && named.ino === own.ino && named.dev === own.dev
    if (isNamed && (isDamaged || own.size >= this.#place.position)) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0)
      const { identity, end } = decodeHeader(buffer.subarray(0, bytesRead))
      // A header that was damaged on opening proves nothing.
      const isOwn = !this.#isIdentityKnown || identity?.log === this.#identity.log
      if (isOwn && (isDamaged || (end?.turn === this.#end.turn && end.length === this.#end.length))) return
    }
    throw new PaperkinError(
      'store-unwritable',
      `Expected ${join(this.path, logName)} to be the file that this library has open, but ${named === undefined ? 'it is gone' : 'another file has replaced it'}: close the library and open it again; what is added now would be lost.`,
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
        `The lock of the library in ${this.path} was deleted, or its folder was renamed: close it and open it again.`,
      )
    return this.#file
  }

  /** Syncs and closes the log, and releases the lock. */
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

/** The inventory of a log, with its size and damage. */
interface LogInventory extends Inventory {
  readonly vectors: number
  readonly bytes: number
  readonly damage: readonly LogDamage[]
}

/** Reads the whole log of a library and reports damage, even if the library cannot be opened. */
export async function verifyLog(
  path: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Verification> {
  let found: Pick<LogInventory, 'vectors' | 'bytes' | 'damage'> & { readonly papers: { readonly size: number } }
  let opened: LogStorage | undefined
  try {
    opened = await LogStorage.open(path, { readOnly: true })
    found = await opened.inspect({ reads: false, signal })
  } catch (error) {
    if (!PaperkinError.isInstance(error) || error.code !== 'corrupt-store') throw error
    const damage: LogDamage = { part: 'header', message: error.message }
    found = { papers: { size: 0 }, vectors: 0, bytes: 0, damage: [damage] }
  } finally {
    await opened?.close()
  }
  const { papers, vectors, bytes, damage } = found
  return Object.freeze({
    isWhole: damage.length === 0,
    papers: papers.size,
    vectors,
    bytes,
    damage: Object.freeze(damage.map(({ id, message }) => Object.freeze({ ...(id !== undefined && { id }), message }))),
  })
}

/** Reads the header. @throws PaperkinError `store-mismatch` for a newer format; `corrupt-store` without `otherwise` */
async function readHeader(
  file: FileHandle,
  { log, otherwise }: { readonly log: string; readonly otherwise?: StorageIdentity | undefined },
): Promise<{ readonly isDamaged: boolean; readonly identity: LogIdentity; readonly end: LogEnd }> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0)
  const { format, identity, end } = decodeHeader(buffer.subarray(0, bytesRead))
  if (format !== undefined && format > logFormat)
    throw new PaperkinError(
      'store-mismatch',
      `Expected ${log} to have format ${logFormat}, got ${format}, which a newer version of paperkin wrote: update paperkin.`,
    )
  if (identity !== undefined && end !== undefined) return { isDamaged: false, identity, end }
  if (otherwise === undefined)
    throw new PaperkinError(
      'corrupt-store',
      `Expected ${log} to be the log of a library, but its header is damaged: restore it from a backup, or open the library with \`repair: true\`.`,
    )
  return {
    isDamaged: true,
    identity: identity ?? { ...otherwise, log: '' },
    // Everything in the file: an incomplete batch at its end is then reported as damage.
    end: end ?? { turn: 1, length: (await file.stat()).size },
  }
}

/** Writes a whole log to a temporary file, awaits `ready`, and renames the file into place. */
async function writeLog(
  log: string,
  identity: LogIdentity,
  batches: AsyncIterable<FrameContent> | Iterable<FrameContent>,
  ready?: () => Promise<void>,
): Promise<void> {
  await writeAtomically(log, async (file) => {
    let place = firstPlace
    for await (const batch of batches) {
      const { bytes } = encodeFrame(batch, place)
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
