// The library's one file of truth: a header and then batches, only ever appended ("frames"). Little endian.
// Header, 4,096 bytes: magic, format, JSON of what the library is, CRC-32; at 2,048 and 3,072 the two ends, written in
// turn, of what was committed: a file that is shorter has lost something, what is longer was never acknowledged.
// Frame: head of 64 bytes | ids removed | vector entries | paper entries | vectors | texts | the head once more.
// Every head and entry has a checksum of its own and says where it belongs, so that damage costs what it touches and no
// more, and pages that changed places are found. A batch is in the file when its last byte is: there is no half of one.
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Paper } from '../../paper.ts'
import type { Damage, StorageIdentity, StoredPaper, StoredVector } from './storage.ts'

/** Bytes before the first frame. */
export const headerBytes = 4096
/** The version of this layout. */
export const logFormat = 1

const magic = Buffer.from('PAPERKIN')
const frameMark = Buffer.from('PKFM')
const frameMagic = frameMark.readUInt32LE()
const headBytes = 64
const vectorEntryBytes = 48
const paperEntryBytes = 32
const keyBytes = 32
const endPlaces = [2048, 3072] as const
const endBytes = 24
const mostJson = endPlaces[0] - 20
const blockBytes = 8 * 2 ** 20
/** Wider vectors no model makes. */
const mostDimensions = 2 ** 20
/** A log that is written anew has hardly more rows than papers; after that each new row takes an entry. */
const mostPastRows = 2 ** 24
/** `cut` of texts whose word pieces were projected, not counted. */
const estimatedFlag = 2 ** 31

/** What a log says of itself, once and for all. */
export interface LogIdentity extends StorageIdentity {
  /** Drawn when the file was made: another one means other contents. */
  readonly log: string
}

/** A paper as a frame keeps it. */
export interface PaperRecord extends Pick<StoredPaper, 'id' | 'row' | 'textCrc'> {
  /** Which vector is its own, counted over the whole log. */
  readonly vector: number
  /** The paper without its id, as JSON. */
  readonly json: Buffer
}

/** Where the papers of a frame are. */
interface FramePapers {
  readonly log: PaperTexts
  /** Where their ids and JSON begin in the file. */
  readonly position: number
  /** All of those, where the file must not be held open. */
  readonly texts: Buffer | undefined
  /** 32 bytes a paper. */
  readonly entries: Buffer
}

/** What reads papers after their frame. */
export interface PaperTexts {
  /** Whether the file must not be held open. */
  readonly mustLetGo: boolean
  /** The JSON of papers, in their order. */
  readJson(papers: readonly LogPaper[], signal?: AbortSignal | undefined): Promise<Buffer[]>
  /** A paper, without waiting. */
  readNow(paper: LogPaper): Paper
}

/** A paper as it was read: an id and a row in memory, the rest of it in its frame. */
export class LogPaper implements StoredPaper {
  readonly id: string
  readonly row: number
  readonly frame: FramePapers
  readonly #entry: number
  cached: Paper | undefined

  constructor(id: string, { row, frame, index }: Pick<LogPaper, 'row' | 'frame'> & { readonly index: number }) {
    this.id = id
    this.row = row
    this.frame = frame
    this.#entry = paperEntryBytes * index
    this.cached = undefined
  }

  get vector(): number {
    return this.frame.entries.readUInt32LE(this.#entry + 4)
  }

  get textCrc(): number {
    return this.frame.entries.readInt32LE(this.#entry + 20)
  }

  /** Bytes before its id, which its JSON follows, and bytes of both. */
  get place(): { readonly start: number; readonly length: number } {
    const { entries } = this.frame
    const start = entries.readUInt32LE(this.#entry + 8)
    return { start, length: entries.readUInt32LE(this.#entry + 12) + entries.readUInt32LE(this.#entry + 16) }
  }

  /** Whether these bytes are its id and JSON as they were written. */
  isWritten(bytes: Buffer): boolean {
    return crc32(bytes, this.row) === this.frame.entries.readUInt32LE(this.#entry + 24)
  }
}

/** Where the next frame stands: at a byte, after so many frames and vectors. */
export interface LogPlace {
  readonly position: number
  readonly number: number
  readonly vectors: number
}

/** One batch of changes, as it is written. */
export interface FrameContent {
  /** Ids that go, before `papers` come. */
  readonly removed: readonly string[]
  readonly vectors: readonly StoredVector[]
  readonly papers: readonly PaperRecord[]
  /** The row after the highest that was ever used. */
  readonly nextRow: number
  readonly dimensions: number
}

/** The vectors of a frame: number `first + i` of the log stands at `position + 4 · dimensions · i`. */
export interface VectorBlock {
  readonly first: number
  readonly count: number
  readonly dimensions: number
  readonly position: number
  /** 48 bytes a vector; see {@link keyAt} and {@link truncationAt}. */
  readonly entries: Buffer
  /** Those that are not as they were written. */
  readonly damaged: ReadonlySet<number>
}

/** A batch as it was read; what is damaged is left out of it and told apart. */
export interface Frame {
  readonly place: LogPlace
  /** Where the next one begins. */
  readonly next: LogPlace
  readonly nextRow: number
  readonly removed: readonly string[]
  readonly papers: readonly LogPaper[]
  readonly block: VectorBlock
  /** The block's vectors, `count × dimensions`; until the next frame is asked for. */
  readonly floats: Float32Array
}

/** Damage, and what of the log it is in. */
export interface LogDamage extends Damage {
  readonly part: 'header' | 'batch' | 'removal' | 'vector' | 'paper'
  /** The vector's number in the log. */
  readonly vector?: number
}

export function damagedPaper(id: string): LogDamage {
  return { part: 'paper', id, message: `The paper ${JSON.stringify(id)} is damaged.` }
}

/** The first bytes of a log, as far as they can be believed. */
interface LogHeader {
  /** `undefined` where the file does not begin like one. */
  readonly format: number | undefined
  readonly identity: LogIdentity | undefined
  /** Where what was committed ends; `undefined` where neither end can be read. */
  readonly end: LogEnd | undefined
}

/** How much was committed. */
export interface LogEnd {
  readonly turn: number
  readonly length: number
}

/** The header of a new log whose frames end at `length`. @throws RangeError where the identity is too long. */
export function encodeHeader(identity: LogIdentity, length: number): Buffer {
  const header = Buffer.alloc(headerBytes)
  const json = Buffer.from(JSON.stringify(identity))
  if (json.length > mostJson) throw new RangeError(`it takes ${json.length} bytes, ${mostJson} is the most`)
  magic.copy(header)
  header.writeUInt32LE(logFormat, 8)
  header.writeUInt32LE(json.length, 12)
  json.copy(header, 16)
  header.writeUInt32LE(crc32(header.subarray(0, 16 + json.length)), 16 + json.length)
  encodeEnd({ turn: 0, length }).copy(header, endPlaces[0])
  encodeEnd({ turn: 1, length }).copy(header, endPlaces[1])
  return header
}

/** An end, and where it belongs. */
export function endPlace({ turn }: LogEnd): number {
  return endPlaces[turn % 2] as number
}

export function encodeEnd({ turn, length }: LogEnd): Buffer {
  const bytes = Buffer.alloc(endBytes)
  bytes.writeDoubleLE(turn, 0)
  bytes.writeDoubleLE(length, 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16)
  return bytes
}

export function decodeHeader(header: Buffer): LogHeader {
  const ends = endPlaces.flatMap((place, index): LogEnd[] => {
    if (header.length < place + endBytes) return []
    const bytes = header.subarray(place, place + endBytes)
    const end = { turn: bytes.readDoubleLE(0), length: bytes.readDoubleLE(8) }
    const isSound = Number.isSafeInteger(end.turn) && Number.isSafeInteger(end.length) && end.length >= headerBytes
    return crc32(bytes.subarray(0, 16)) === bytes.readUInt32LE(16) && isSound && end.turn % 2 === index ? [end] : []
  })
  const end = ends.sort((a, b) => b.turn - a.turn)[0]
  if (header.length < 16 || !header.subarray(0, magic.length).equals(magic))
    return { format: undefined, identity: undefined, end }
  const length = header.readUInt32LE(12)
  const isWhole =
    length <= mostJson &&
    header.length >= 20 + length &&
    crc32(header.subarray(0, 16 + length)) === header.readUInt32LE(16 + length)
  if (!isWhole) return { format: undefined, identity: undefined, end }
  return { format: header.readUInt32LE(8), identity: parsedIdentity(header.toString('utf8', 16, 16 + length)), end }
}

/** The identity, where every field has its type. */
function parsedIdentity(json: string): LogIdentity | undefined {
  try {
    const identity = JSON.parse(json) as LogIdentity
    const { log, modelId, revision, dtype, dimensions, recipe, settings } = identity
    const isSound =
      [log, modelId, recipe].every((text) => typeof text === 'string') &&
      [revision, dtype, settings].every((text) => text === undefined || typeof text === 'string') &&
      Number.isInteger(dimensions) &&
      dimensions >= 0 &&
      dimensions <= mostDimensions
    return isSound ? identity : undefined
  } catch {
    return undefined
  }
}

/** A frame as it is written, and where its parts are in the file. */
interface EncodedFrame {
  readonly bytes: Buffer
  /** Copies, which may outlive the bytes. */
  readonly vectorEntries: Buffer
  readonly paperEntries: Buffer
  /** Where its vectors begin in the file, and where its texts do. */
  readonly vectorsFrom: number
  readonly textsFrom: number
}

/** The bytes of a batch at its place in the file; every vector and text is copied once. */
export function encodeFrame(batch: FrameContent, { position, number, vectors: firstVector }: LogPlace): EncodedFrame {
  const { removed, vectors, papers, nextRow, dimensions } = batch
  // Blanks behind it, so that vectors begin where floats may.
  const removedJson = removed.length === 0 ? '' : JSON.stringify(removed)
  const removedPart = Buffer.from(removedJson + ' '.repeat(-Buffer.byteLength(removedJson) & 3))
  const ids = papers.map(({ id }) => Buffer.from(id))
  const textBytes = papers.reduce((sum, { json }, i) => sum + json.length + (ids[i] as Buffer).length, 0)
  const width = 4 * dimensions
  const entriesFrom = headBytes + removedPart.length
  const papersFrom = entriesFrom + vectorEntryBytes * vectors.length
  const vectorsFrom = papersFrom + paperEntryBytes * papers.length
  const textsFrom = vectorsFrom + width * vectors.length
  const end = textsFrom + textBytes
  const bytes = Buffer.alloc(end + (-(removedPart.length + width * vectors.length + textBytes) & 7) + headBytes)
  removedPart.copy(bytes, headBytes)
  vectors.forEach(({ key, vector, truncation }, i) => {
    if (vector.length !== dimensions) throw new RangeError(`a vector has ${vector.length} values, not ${dimensions}`)
    const own = bytes.subarray(vectorsFrom + width * i, vectorsFrom + width * (i + 1))
    own.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
    const entry = bytes.subarray(entriesFrom + vectorEntryBytes * i, entriesFrom + vectorEntryBytes * (i + 1))
    key.copy(entry)
    entry.writeUInt32LE(truncation?.tokens ?? 0, 32)
    entry.writeUInt32LE((truncation?.cut ?? 0) + (truncation?.estimated ? estimatedFlag : 0), 36)
    entry.writeUInt32LE(vectorCrc(entry, own), 40)
    entry.writeUInt32LE(entryCrc(entry, position, i), 44)
  })
  let textsTo = 0
  papers.forEach(({ row, vector, textCrc, json }, i) => {
    const id = ids[i] as Buffer
    const entry = bytes.subarray(papersFrom + paperEntryBytes * i, papersFrom + paperEntryBytes * (i + 1))
    entry.writeUInt32LE(row, 0)
    entry.writeUInt32LE(vector, 4)
    entry.writeUInt32LE(textsTo, 8)
    entry.writeUInt32LE(id.length, 12)
    entry.writeUInt32LE(json.length, 16)
    entry.writeInt32LE(textCrc, 20)
    entry.writeUInt32LE(crc32(json, crc32(id, row)), 24)
    entry.writeUInt32LE(entryCrc(entry, position, i), 28)
    id.copy(bytes, textsFrom + textsTo)
    json.copy(bytes, textsFrom + textsTo + id.length)
    textsTo += id.length + json.length
  })
  const head = bytes.subarray(0, headBytes)
  head.writeUInt32LE(frameMagic, 0)
  head.writeUInt32LE(number, 4)
  head.writeDoubleLE(position, 8)
  head.writeDoubleLE(bytes.length, 16)
  head.writeUInt32LE(removedPart.length, 24)
  head.writeUInt32LE(vectors.length, 28)
  head.writeUInt32LE(papers.length, 32)
  head.writeUInt32LE(dimensions, 36)
  head.writeUInt32LE(nextRow, 40)
  head.writeUInt32LE(textBytes, 44)
  head.writeUInt32LE(crc32(removedPart), 48)
  head.writeUInt32LE(firstVector, 52)
  head.writeUInt32LE(crc32(bytes.subarray(headBytes, end)), 56)
  head.writeUInt32LE(crc32(head.subarray(0, 60)), 60)
  head.copy(bytes, bytes.length - headBytes)
  return {
    bytes,
    vectorEntries: Buffer.from(bytes.subarray(entriesFrom, papersFrom)),
    paperEntries: Buffer.from(bytes.subarray(papersFrom, vectorsFrom)),
    vectorsFrom: position + vectorsFrom,
    textsFrom: position + textsFrom,
  }
}

/**
 * Reads frames from `from` on: all up to `committed` must be there, whole ones beyond it are taken as well, and the first
 * that is not whole ends the log. Damage is told and passed over.
 */
export async function* readFrames(
  file: FileHandle,
  {
    texts,
    from,
    committed,
    onDamage,
    signal,
  }: {
    readonly texts: PaperTexts
    readonly from: LogPlace
    readonly committed: number
    readonly onDamage: (damage: LogDamage) => void
    readonly signal?: AbortSignal | undefined
  },
): AsyncGenerator<Frame> {
  const { size } = await file.stat()
  const bytes = createReader(file, size)
  let { position, number, vectors } = from
  if (size < committed) onDamage({ part: 'batch', message: `${committed - size} of ${committed} bytes are missing.` })
  while (position < size) {
    signal?.throwIfAborted()
    const isBeyond = position >= committed
    const here = decodeHead(await bytes(position, headBytes), size)
    let head = here?.position === position ? here : undefined
    if (head === undefined && !isBeyond) head = await nextHead(bytes, position, size)
    if (head === undefined) {
      if (!isBeyond) onDamage(unreadable(position, Math.min(size, committed)))
      return
    }
    if (head.position > position) onDamage(unreadable(position, head.position))
    else if (head.number !== number)
      onDamage({ part: 'batch', message: `Batch ${head.number} is where batch ${number} should be.` })
    const isNext = head.position === position && head.number === number
    if (isNext ? head.firstVector !== vectors : head.firstVector < vectors) {
      if (isBeyond) return
      // Its vectors would stand for others.
      onDamage({
        part: 'batch',
        message: `Batch ${head.number} begins with vector ${head.firstVector}, not ${vectors}.`,
      })
      position = head.position + head.length
      number = head.number + 1
      continue
    }
    const damages: LogDamage[] = []
    const content = await bytes(head.position + headBytes, head.length - headBytes)
    if (content.length < head.length - headBytes && isBeyond) return
    const frame = decodeFrame(head, content, { texts, damages })
    if (isBeyond && damages.length > 0) return
    for (const damage of damages) onDamage(damage)
    yield frame
    ;({ position, number, vectors } = frame.next)
  }
}

/** Reads one vector of a block, or `undefined` where it is damaged. */
export async function readVector(file: FileHandle, block: VectorBlock, i: number): Promise<Float32Array | undefined> {
  const { dimensions, position } = block
  const bytes = Buffer.allocUnsafeSlow(4 * dimensions)
  const { bytesRead } = await file.read(bytes, 0, bytes.length, position + i * bytes.length)
  const entry = entryAt(block.entries, i)
  if (block.damaged.has(i) || bytesRead < bytes.length || vectorCrc(entry, bytes) !== entry.readUInt32LE(40))
    return undefined
  return new Float32Array(bytes.buffer, bytes.byteOffset, dimensions)
}

/** The key of a block's vector. */
export function keyAt({ entries }: VectorBlock, i: number): Buffer {
  return entryAt(entries, i).subarray(0, keyBytes)
}

/** What the model did not read of a vector's text. */
export function truncationAt({ entries }: VectorBlock, i: number): StoredVector['truncation'] {
  const entry = entryAt(entries, i)
  const tokens = entry.readUInt32LE(32)
  const cut = entry.readUInt32LE(36)
  if (tokens === 0) return undefined
  return { tokens, cut: cut % estimatedFlag, ...(cut >= estimatedFlag && { estimated: true as const }) }
}

function entryAt(entries: Buffer, i: number): Buffer {
  return entries.subarray(vectorEntryBytes * i, vectorEntryBytes * (i + 1))
}

interface Head {
  readonly position: number
  readonly length: number
  readonly number: number
  readonly removed: number
  readonly vectors: number
  readonly papers: number
  readonly dimensions: number
  readonly nextRow: number
  readonly textBytes: number
  readonly removedCrc: number
  readonly firstVector: number
  readonly contentCrc: number
}

/**
 * A head as it was written, of a frame that a file of this size can hold: whatever it says is only believed as far as
 * there is room for it. The file may end within the vectors and the texts.
 */
function decodeHead(bytes: Buffer, size: number): Head | undefined {
  if (bytes.length < headBytes || bytes.readUInt32LE(0) !== frameMagic) return undefined
  if (crc32(bytes.subarray(0, 60)) !== bytes.readUInt32LE(60)) return undefined
  const head = {
    number: bytes.readUInt32LE(4),
    position: bytes.readDoubleLE(8),
    length: bytes.readDoubleLE(16),
    removed: bytes.readUInt32LE(24),
    vectors: bytes.readUInt32LE(28),
    papers: bytes.readUInt32LE(32),
    dimensions: bytes.readUInt32LE(36),
    nextRow: bytes.readUInt32LE(40),
    textBytes: bytes.readUInt32LE(44),
    removedCrc: bytes.readUInt32LE(48),
    firstVector: bytes.readUInt32LE(52),
    contentCrc: bytes.readUInt32LE(56),
  }
  const { position, length, removed, vectors, papers, dimensions, nextRow, textBytes } = head
  const entries = headBytes + removed + vectorEntryBytes * vectors + paperEntryBytes * papers
  const parts = entries + 4 * dimensions * vectors + textBytes + headBytes
  const isSound =
    Number.isSafeInteger(position) &&
    position >= headerBytes &&
    position % 8 === 0 &&
    removed % 4 === 0 &&
    position + entries <= size &&
    length >= parts &&
    length < parts + 8 &&
    dimensions <= mostDimensions &&
    nextRow <= mostPastRows + size / 4
  return isSound ? head : undefined
}

/** The first frame from `position` on whose head, or whose copy of it at the end, can be read. */
async function nextHead(bytes: Reader, position: number, size: number): Promise<Head | undefined> {
  for (let start = position; start < size; start += blockBytes / 2 - headBytes) {
    const part = await bytes(start, Math.min(blockBytes / 2, size - start))
    for (let at = part.indexOf(frameMark); at >= 0; at = part.indexOf(frameMark, at + 1)) {
      const head = decodeHead(part.subarray(at, at + headBytes), size)
      if (head === undefined || head.position < position) continue
      if (head.position === start + at || head.position + head.length - headBytes === start + at) return head
    }
  }
  return undefined
}

function decodeFrame(
  head: Head,
  content: Buffer,
  { texts: log, damages }: { readonly texts: PaperTexts; readonly damages: LogDamage[] },
): Frame {
  const { position, dimensions, number, vectors: count } = head
  let at = 0
  const part = (length: number) => {
    at += length
    return content.subarray(at - length, at)
  }
  const removedPart = part(head.removed)
  const vectorEntries = part(vectorEntryBytes * count)
  const paperEntries = part(paperEntryBytes * head.papers)
  const vectorsFrom = position + headBytes + at
  const vectorPart = part(4 * dimensions * count)
  const texts = part(head.textBytes)
  // One look at all of it; only where that fails, every entry and what belongs to it is looked at by itself.
  const isWhole = at <= content.length && crc32(content.subarray(0, at)) === head.contentCrc
  let removed: string[] = []
  if (removedPart.length < head.removed || crc32(removedPart) !== head.removedCrc)
    damages.push({ part: 'removal', message: `A list of removed papers in batch ${number} is damaged: they are back.` })
  else if (head.removed > 0) {
    const ids = parsedIds(removedPart.toString())
    if (ids !== undefined) removed = ids
    else damages.push({ part: 'removal', message: `A list of removed papers in batch ${number} is none.` })
  }
  const damaged = new Set<number>()
  for (let i = 0; i < count && !isWhole; i++) {
    const entry = entryOf(vectorEntries, { position, i, length: vectorEntryBytes })
    const bytes = vectorPart.subarray(4 * dimensions * i, 4 * dimensions * (i + 1))
    if (entry !== undefined && bytes.length === 4 * dimensions && vectorCrc(entry, bytes) === entry.readUInt32LE(40))
      continue
    damaged.add(i)
    damages.push({
      part: 'vector',
      vector: head.firstVector + i,
      message: `Vector ${i} of batch ${number} is damaged.`,
    })
  }
  const block: VectorBlock = {
    first: head.firstVector,
    count,
    dimensions,
    position: vectorsFrom,
    entries: Buffer.from(vectorEntries),
    damaged,
  }
  // Where the file ends before them, there is no saying where they would begin.
  const whole = Math.floor(vectorPart.length / 4)
  const floats = whole === 0 ? new Float32Array(0) : new Float32Array(vectorPart.buffer, vectorPart.byteOffset, whole)
  const frame: FramePapers = {
    log,
    position: vectorsFrom + 4 * dimensions * count,
    // The bytes that were read go with the next ones.
    texts: log.mustLetGo ? Buffer.from(texts) : undefined,
    entries: Buffer.from(paperEntries),
  }
  const papers: LogPaper[] = []
  for (let index = 0; index < head.papers; index++) {
    const at = paperEntryBytes * index
    if (!isWhole && entryOf(paperEntries, { position, i: index, length: paperEntryBytes }) === undefined) {
      damages.push({ part: 'paper', message: `Paper ${index} of batch ${number} is damaged.` })
      continue
    }
    const from = paperEntries.readUInt32LE(at + 8)
    const id = texts.toString('utf8', from, from + paperEntries.readUInt32LE(at + 12))
    const paper = new LogPaper(id, { row: paperEntries.readUInt32LE(at), frame, index })
    const ends = from + paperEntries.readUInt32LE(at + 12) + paperEntries.readUInt32LE(at + 16)
    if (ends > head.textBytes || paper.row >= head.nextRow) {
      damages.push({ part: 'paper', message: `Paper ${index} of batch ${number} is none.` })
      continue
    }
    if (!isWhole) {
      const { start, length } = paper.place
      const bytes = texts.subarray(start, start + length)
      if (bytes.length < length || !paper.isWritten(bytes)) {
        damages.push(damagedPaper(id))
        continue
      }
    }
    papers.push(paper)
  }
  return {
    place: { position, number, vectors: head.firstVector },
    next: { position: position + head.length, number: number + 1, vectors: head.firstVector + count },
    nextRow: head.nextRow,
    removed,
    papers,
    block,
    floats,
  }
}

function parsedIds(json: string): string[] | undefined {
  try {
    const ids: unknown = JSON.parse(json)
    return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : undefined
  } catch {
    return undefined
  }
}

function entryOf(
  entries: Buffer,
  { position, i, length }: { readonly position: number; readonly i: number; readonly length: number },
): Buffer | undefined {
  const entry = entries.subarray(length * i, length * (i + 1))
  return entry.length === length && entryCrc(entry, position, i) === entry.readUInt32LE(length - 4) ? entry : undefined
}

/** Of an entry without its last four bytes, at this place and no other. */
function entryCrc(entry: Buffer, position: number, i: number): number {
  return crc32(entry.subarray(0, -4), (position / 8 + i) >>> 0)
}

/** Of a vector with what its key begins with, so that it cannot stand for another. */
function vectorCrc(entry: Buffer, vector: Buffer): number {
  return crc32(vector, entry.readUInt32LE(0))
}

function unreadable(from: number, to: number): LogDamage {
  return { part: 'batch', message: `What is at bytes ${from} to ${to - 1} cannot be read.` }
}

/** Bytes of the file, fewer where it ends; they are written over by the call after the next one that reads on. */
type Reader = (position: number, length: number) => Promise<Buffer>

interface Block {
  readonly index: number
  readonly bytes: Promise<Buffer>
}

/**
 * Reads the file in blocks, the next one while this one is looked at, into the same three buffers over and over: new ones
 * would make the garbage collector look at all papers again and again (a third of the time of opening 120,000).
 */
function createReader(file: FileHandle, size: number): Reader {
  const buffers = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(blockBytes, size)))
  const blocks: (Block | undefined)[] = [undefined, undefined]
  let joined = Buffer.alloc(0)
  const blockAt = (index: number): Promise<Buffer> => {
    const place = index % 2
    let block = blocks[place]
    if (block?.index !== index) {
      // Whatever is being read into this buffer must have ended.
      const before = block?.bytes.catch(() => {})
      block = {
        index,
        bytes: Promise.resolve(before).then(() =>
          readAt(file, buffers[place] as Buffer, { position: index * blockBytes, size }),
        ),
      }
      block.bytes.catch(() => {})
      blocks[place] = block
    }
    return block.bytes
  }
  return async (position, length) => {
    const end = Math.max(position, Math.min(size, position + length))
    const first = Math.floor(position / blockBytes)
    const last = Math.floor(Math.max(position, end - 1) / blockBytes)
    if (first === last) {
      const bytes = await blockAt(first)
      if ((first + 1) * blockBytes < size) blockAt(first + 1)
      const from = position - first * blockBytes
      return bytes.subarray(from, from + end - position)
    }
    // Floats begin where they may: a frame's parts lie at multiples of 4 from where they are asked for.
    if (joined.length < end - position) joined = Buffer.allocUnsafeSlow(end - position)
    let done = 0
    for (let index = first; index <= last; index++) {
      const bytes = await blockAt(index)
      const from = index === first ? position - first * blockBytes : 0
      const part = bytes.subarray(from, from + end - position - done)
      part.copy(joined, done)
      done += part.length
    }
    if ((last + 1) * blockBytes < size) blockAt(last + 1)
    return joined.subarray(0, done)
  }
}

/** Reads a block, fewer bytes where the file ends. */
async function readAt(
  file: FileHandle,
  buffer: Buffer,
  { position, size }: { readonly position: number; readonly size: number },
): Promise<Buffer> {
  const wanted = Math.min(buffer.length, size - position)
  let done = 0
  while (done < wanted) {
    const { bytesRead } = await file.read(buffer, done, wanted - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}
