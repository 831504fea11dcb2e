// A library's folder: `papers.log` (log-file.ts) holds everything; the writer's lock and what is derived stand beside it.
// Vectors are found by what they depend on, so the log is the cache of embeddings as well: a vector that no paper has any
// more stays for the day on which its text comes back. A commit is one write, one sync, and then the new end in the
// header; readers take what the header says, and whole batches behind it. What must change as a whole (another model, a
// repair, a log that is mostly past) is written to a new file that takes the old one's place in one step.
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

/** Papers of the past that a log may have beside as many as there are. */
const mostPast = 4096
/** Papers of one batch of a new log, and papers read at once. */
const papersPerBatch = 512
/** Rows that a log may have beside four for each paper. */
const spareRows = 2 ** 20
const firstPlace: LogPlace = Object.freeze({ position: headerBytes, number: 0, vectors: 0 })

const noIdentity: StorageIdentity = Object.freeze({ modelId: 'none', dimensions: 0, recipe: '' })

interface LogOptions {
  /** What a new library is made for; only those who read do not need it. */
  readonly identity?: StorageIdentity
  /** Whether a library is made where there is none. @default true */
  readonly create?: boolean
  /** Takes no lock and writes nothing. @default false */
  readonly readOnly?: boolean
  /** Whether a log that is missing or does not begin like one is made anew or read as far as it goes. @default false */
  readonly repair?: boolean
}

interface ReadOptions {
  readonly onDamage: (damage: LogDamage) => void
  readonly signal?: AbortSignal | undefined
}

/** The log of a library, open for reading or for reading and writing. */
export class LogStorage implements Storage {
  readonly path: string
  /** The same, wherever the process goes to meanwhile. */
  readonly #folder: string
  readonly isDurable = true
  readonly isReadOnly: boolean
  /** What was damaged so much that opening had to get along without it, where a repair was asked for. */
  readonly #damage: readonly LogDamage[]
  #identity: LogIdentity
  #end: LogEnd
  #place = firstPlace
  #nextRow = 0
  #records = 0
  #blocks: VectorBlock[] = []
  #keys: KeyTable | undefined
  /** Takes what is found to be damaged while papers are loaded. */
  #onDamage: ((damage: LogDamage) => void) | undefined
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
   * Opens a folder, or makes it where there is none. Nothing of the papers is read yet: see {@link load}.
   * @throws PaperkinError `invalid-argument` where the path is no folder, or none that can be read only; `store-locked`;
   * `store-unwritable`; `store-mismatch` for a newer format; `corrupt-store`
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
            `Expected ${log}, which is missing beside ${others.join(', ')}: put it back from a copy, or open the library with \`repair: true\` to begin anew.`,
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

  /** False where the header is damaged, and `identity` what the caller said. */
  get #isIdentityKnown(): boolean {
    return this.#identity.log !== ''
  }

  get identity(): StorageIdentity {
    return this.#identity
  }

  get nextRow(): number {
    return this.#nextRow
  }

  /** Bytes that the log had when it was opened or last written to. */
  get bytes(): number {
    return this.#end.length
  }

  /** @throws PaperkinError `corrupt-store` where something is damaged, `store-mismatch`, `unreadable-source` */
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
   * Reads the batches that came since the last call, all of them at the first. `isAnew` says that the log was replaced
   * meanwhile, so that all of it comes again. What is damaged is reported and left out.
   */
  async #read({ onDamage, signal }: ReadOptions): Promise<{
    readonly isAnew: boolean
    readonly frames: AsyncGenerator<Frame>
  }> {
    const file = this.#file ?? (await this.#openLog())
    const isAnew = this.#place === firstPlace
    // Papers of a log that was replaced keep theirs.
    if (isAnew) this.#texts = new LogTexts(this.path, file, { isOwner: file !== this.#file })
    else this.#texts?.forget()
    return { isAnew, frames: this.#frames(file, { onDamage, signal }) }
  }

  /** The log that is there now, its header read. */
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
          `Expected the library in ${this.path} to be embedded by ${this.#identity.modelId}, but it was embedded anew by ${identity.modelId}: open it with that embedder.`,
        )
      // Shorter than what was read: another log of the same name was put back.
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
  #rewind(): void {
    this.#place = firstPlace
    this.#records = 0
    this.#blocks = []
    this.#keys = undefined
  }

  /** Makes in slices what {@link #find} would make at once (50 ms for 40,000 vectors). */
  async #prepareKeys(slice: TimeSlice): Promise<void> {
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

  /** Number of the vector of a key; `undefined` where there is none. */
  #find(key: Buffer): number | undefined {
    if (this.#keys === undefined) {
      this.#keys = KeyTable.for(this.#blocks)
      for (const block of this.#blocks) this.#keys.add(block)
    }
    return this.#keys.get(key)
  }

  /** The vector of a number, as it was written; `undefined` where it is damaged or lost. */
  async #vector(number: number): Promise<StoredVector | undefined> {
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
  #isReadable(number: number): boolean {
    // A damaged header does not say how wide they are.
    const dimensions = this.#isIdentityKnown ? this.#identity.dimensions : 0
    const block = this.#blockOf(number)
    if (block === undefined || block.damaged.has(number - block.first)) return false
    return dimensions === 0 || block.dimensions === dimensions
  }

  /** Numbers of all vectors of a width that can be read. */
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
        // While papers are loaded, one of another width is damage; an inventory may hold what another model made.
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
    // Those of a log that was replaced are in their own.
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

  /** @throws PaperkinError `store-unwritable`; `store-locked` where the lock was taken away */
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
   * Writes one batch: on disk when the promise resolves, and nothing of it where it rejects.
   * @throws PaperkinError `store-unwritable`; `store-locked` where the lock was taken away
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
      // What took its place meanwhile does not have the batch.
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
      // Best effort: what stays behind the end is no whole batch, or one that noIdentity was told of.
      await file.truncate(place.position).catch(() => {})
      throw storeError(error, this.path, 'write')
    }
    // The batch is on disk and counts without it.
    await this.#writeEnd(file).catch(() => {})
    return written
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

  /** Ids of papers whose fields cannot be read. */
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
    // Rows of the past take room in memory: where there are many, all begin again at 0.
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
          throw new Error(`The vector of ${paper.id} could be read, and cannot any more.`)
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

  /** Writes the log again once most of its papers are of the past, and nothing of it is damaged. */
  async compact(papers: number): Promise<void> {
    if (this.isReadOnly || this.#records <= mostPast + 2 * papers) return
    try {
      const found = await this.inspect({ reads: false })
      if (!found.isWhole) return
      const all = [...found.papers.values()].map((paper) => ({ paper, vector: 'own' as const }))
      await this.rewrite({ identity: this.#identity, papers: all, keepsOthers: true })
    } catch {
      // The old log stays, as it is.
    }
  }

  /**
   * Checks that the file that is written to is the one that the folder names, and that noIdentity else wrote to it: a backup
   * that was put back or a sync tool would otherwise lose what is added, or be lost.
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
      // A header that was damaged when it was read says nothing.
      const isOwn = !this.#isIdentityKnown || identity?.log === this.#identity.log
      if (isOwn && (isDamaged || (end?.turn === this.#end.turn && end.length === this.#end.length))) return
    }
    throw new PaperkinError(
      'store-unwritable',
      `Expected ${join(this.path, logName)} to be the file that this library has open, but ${named === undefined ? 'it is gone' : 'another was put in its place'}: close the library and open it again; what is added now would be lost.`,
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

/** What a look at all of a log has beside the rest. */
interface LogInventory extends Inventory {
  readonly vectors: number
  readonly bytes: number
  readonly damage: readonly LogDamage[]
}

/** Reads all of a library's log, as it is now, also of a library that cannot be opened. */
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

/** @throws PaperkinError unless `otherwise` says what to take it for. */
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
