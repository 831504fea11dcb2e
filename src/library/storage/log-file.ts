// Layout of the library's log: a header and append-only batches ("frames"). Little endian.
// Header, 4,096 bytes: magic, format version, identity as JSON, CRC-32. At bytes 2,048 and 3,072, written alternately,
// two copies of the committed length: a shorter file has lost data, and bytes beyond it were never acknowledged. Frame:
// 64-byte head | removed ids | vector entries | paper entries | vectors | texts | the head again. Every head and entry
// has its own checksum and records its position, so that damage affects only what it touches, and swapped pages are
// detected. A frame counts only when it is complete to its last byte.
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Paper } from '../../paper.ts'
import { readAll } from '../../runtime/atomic-file.ts'
import type { Damage, StorageIdentity, StoredPaper, StoredVector } from './storage.ts'

/** Bytes before the first frame. */
export const headerBytes = 4096
/** Version of this layout. */
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
/** Wider than the vectors of any model; a larger value is damage. */
const mostDimensions = 2 ** 20
/** Rows of removed papers that a rewritten log can have; every later row takes an entry. A larger number is damage. */
const mostPastRows = 2 ** 24
/** Flag in `cut` for word pieces that were estimated, not counted. */
const estimatedFlag = 2 ** 31

/** The identity in the header; never changes within a file. */
export interface LogIdentity extends StorageIdentity {
  /** Random id of the file: a different id means different contents. Empty if the header is damaged. */
  readonly log: string
}

/** A paper to write into a frame. */
export interface PaperRecord extends Pick<StoredPaper, 'id' | 'row' | 'textCrc'> {
  /** Number of its vector, counted over the whole log. */
  readonly vector: number
  /** The paper without its id, as JSON. */
  readonly json: Buffer
}

/** Position of a frame's papers in the file. */
interface FramePapers {
  readonly log: PaperTexts
  /** Byte at which their ids and JSON start. */
  readonly position: number
  /** A copy of them, if the file must not be held open. */
  readonly texts: Buffer | undefined
  /** 32 bytes per paper. */
  readonly entries: Buffer
}

/** Reads the papers of frames on demand. */
export interface PaperTexts {
  /** Whether the file must not be held open. */
  readonly mustLetGo: boolean
  /** The JSON of papers, in their order. */
  readJson(papers: readonly LogPaper[], signal?: AbortSignal | undefined): Promise<Buffer[]>
  /** A paper, synchronously. */
  readNow(paper: LogPaper): Paper
}

/** Handle to a paper: id and row in memory, the rest in its frame. */
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

  /** Offset of its id, followed by its JSON, in the frame's texts; and the bytes of both. */
  get place(): { readonly start: number; readonly length: number } {
    const { entries } = this.frame
    const start = entries.readUInt32LE(this.#entry + 8)
    return { start, length: entries.readUInt32LE(this.#entry + 12) + entries.readUInt32LE(this.#entry + 16) }
  }

  /** Whether these bytes, its id and JSON, match the checksum. */
  isWritten(bytes: Buffer): boolean {
    return crc32(bytes, this.row) === this.frame.entries.readUInt32LE(this.#entry + 24)
  }
}

/** Position of the next frame: byte, frame number, and number of its first vector. */
export interface LogPlace {
  readonly position: number
  readonly number: number
  readonly vectors: number
}

/** One batch of changes to write. */
export interface FrameContent {
  /** Ids to remove, before `papers` are inserted. */
  readonly removed: readonly string[]
  readonly vectors: readonly StoredVector[]
  readonly papers: readonly PaperRecord[]
  /** One more than the highest row ever used. */
  readonly nextRow: number
  readonly dimensions: number
}

/** The vectors of a frame: vector `first + i` of the log is at byte `position + 4 · dimensions · i`. */
export interface VectorBlock {
  readonly first: number
  readonly count: number
  readonly dimensions: number
  readonly position: number
  /** 48 bytes per vector; see {@link keyAt} and {@link truncationAt}. */
  readonly entries: Buffer
  /** Indexes of damaged vectors within the block. */
  readonly damaged: ReadonlySet<number>
}

/** A batch as read, without its damaged parts, which are reported separately. */
export interface Frame {
  readonly place: LogPlace
  /** Position of the next frame. */
  readonly next: LogPlace
  readonly nextRow: number
  readonly removed: readonly string[]
  readonly papers: readonly LogPaper[]
  readonly block: VectorBlock
  /** The block's vectors, `count × dimensions`; valid until the next frame is requested. */
  readonly floats: Float32Array
}

/** Damage, and the part of the log that it is in. */
export interface LogDamage extends Damage {
  readonly part: 'header' | 'batch' | 'removal' | 'vector' | 'paper'
  /** The vector's number in the log. */
  readonly vector?: number
}

export function damagedPaper(id: string): LogDamage {
  return { part: 'paper', id, message: `The paper ${JSON.stringify(id)} is damaged.` }
}

/** The header of a log, as far as it is intact. */
interface LogHeader {
  /** `undefined` if the file does not start like a log. */
  readonly format: number | undefined
  readonly identity: LogIdentity | undefined
  /** End of the committed data; `undefined` if neither copy can be read. */
  readonly end: LogEnd | undefined
}

/** Committed length in bytes; the copy with the higher turn counts. */
export interface LogEnd {
  readonly turn: number
  readonly length: number
}

/** Encodes the header of a log whose frames end at `length`. @throws RangeError if the identity is too long */
export function encodeHeader(identity: LogIdentity, length: number): Buffer {
  const header = Buffer.alloc(headerBytes)
  const json = Buffer.from(JSON.stringify(identity))
  if (json.length > mostJson) throw new RangeError(`the identity takes ${json.length} bytes, ${mostJson} at most`)
  magic.copy(header)
  header.writeUInt32LE(logFormat, 8)
  header.writeUInt32LE(json.length, 12)
  json.copy(header, 16)
  header.writeUInt32LE(crc32(header.subarray(0, 16 + json.length)), 16 + json.length)
  encodeEnd({ turn: 0, length }).copy(header, endPlaces[0])
  encodeEnd({ turn: 1, length }).copy(header, endPlaces[1])
  return header
}

/** Position in the header of an end; even and odd turns alternate. */
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

/** Parses the identity; undefined if a field has the wrong type. */
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

/** The bytes of a frame, and the positions of its parts in the file. */
interface EncodedFrame {
  readonly bytes: Buffer
  /** Copies, so that `bytes` can be freed. */
  readonly vectorEntries: Buffer
  readonly paperEntries: Buffer
  /** Bytes of the file at which its vectors and its texts start. */
  readonly vectorsFrom: number
  readonly textsFrom: number
}

/** Encodes a batch for its place in the file; copies every vector and text once. */
export function encodeFrame(batch: FrameContent, { position, number, vectors: firstVector }: LogPlace): EncodedFrame {
  const { removed, vectors, papers, nextRow, dimensions } = batch
  // Padded with blanks to align the vectors to 4 bytes.
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
 * Reads frames, starting at `from`. Frames up to `committed` must exist; beyond it, complete frames are read as well,
 * up to the first incomplete one. Damage is reported and skipped.
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
      // Its vector numbers would collide with those of other frames.
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

/** Reads vector `i` of a block; `undefined` if it is damaged. */
export async function readVector(file: FileHandle, block: VectorBlock, i: number): Promise<Float32Array | undefined> {
  const { dimensions, position } = block
  const bytes = Buffer.allocUnsafeSlow(4 * dimensions)
  const { bytesRead } = await file.read(bytes, 0, bytes.length, position + i * bytes.length)
  const entry = entryAt(block.entries, i)
  if (block.damaged.has(i) || bytesRead < bytes.length || vectorCrc(entry, bytes) !== entry.readUInt32LE(40))
    return undefined
  return new Float32Array(bytes.buffer, bytes.byteOffset, dimensions)
}

/** The key of vector `i` of a block. */
export function keyAt({ entries }: VectorBlock, i: number): Buffer {
  return entryAt(entries, i).subarray(0, keyBytes)
}

/** Truncation of the text of vector `i`; undefined if the model read all of it. */
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
 * Decodes a head; undefined if the checksum fails or its numbers do not fit into a file of this size. The file may end
 * within the vectors or the texts.
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

/** The first frame at or after `position` with a readable head or a readable copy of it. */
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
  // One checksum over everything; only if it fails, each entry and its data are checked separately.
  const isWhole = at <= content.length && crc32(content.subarray(0, at)) === head.contentCrc
  let removed: string[] = []
  if (removedPart.length < head.removed || crc32(removedPart) !== head.removedCrc)
    damages.push({
      part: 'removal',
      message: `A list of removed papers in batch ${number} is damaged: these papers are back.`,
    })
  else if (head.removed > 0) {
    const ids = parsedIds(removedPart.toString())
    if (ids !== undefined) removed = ids
    else damages.push({ part: 'removal', message: `A list of removed papers in batch ${number} is not a list of ids.` })
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
  // If the file ends before the vectors, their offset may not be aligned.
  const whole = Math.floor(vectorPart.length / 4)
  const floats = whole === 0 ? new Float32Array(0) : new Float32Array(vectorPart.buffer, vectorPart.byteOffset, whole)
  const frame: FramePapers = {
    log,
    position: vectorsFrom + 4 * dimensions * count,
    // Copied, as the next read overwrites the buffer.
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
      damages.push({ part: 'paper', message: `Paper ${index} of batch ${number} is out of range.` })
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

/** Checksum of an entry without its last four bytes, seeded with its position. */
function entryCrc(entry: Buffer, position: number, i: number): number {
  return crc32(entry.subarray(0, -4), (position / 8 + i) >>> 0)
}

/** Checksum of a vector, seeded with the start of its key, so that swapped vectors are detected. */
function vectorCrc(entry: Buffer, vector: Buffer): number {
  return crc32(vector, entry.readUInt32LE(0))
}

function unreadable(from: number, to: number): LogDamage {
  return { part: 'batch', message: `Bytes ${from} to ${to - 1} cannot be read.` }
}

/** Returns bytes of the file, fewer at its end. The call after the next may overwrite them. */
type Reader = (position: number, length: number) => Promise<Buffer>

interface Block {
  readonly index: number
  readonly bytes: Promise<Buffer>
}

/**
 * Reads the file in blocks, with one block of read-ahead. The buffers are reused: allocating new ones would trigger
 * garbage collections over all papers, a third of the time to open 120,000.
 */
function createReader(file: FileHandle, size: number): Reader {
  const buffers = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(blockBytes, size)))
  const blocks: (Block | undefined)[] = [undefined, undefined]
  let joined = Buffer.alloc(0)
  const blockAt = (index: number): Promise<Buffer> => {
    const place = index % 2
    let block = blocks[place]
    if (block?.index !== index) {
      // Wait for an earlier read into this buffer.
      const before = block?.bytes.catch(() => {})
      block = {
        index,
        bytes: Promise.resolve(before).then(() => {
          const buffer = buffers[place] as Buffer
          return readAll(file, buffer.subarray(0, size - index * blockBytes), index * blockBytes)
        }),
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
      if ((first + 1) * blockBytes < size) void blockAt(first + 1)
      const from = position - first * blockBytes
      return bytes.subarray(from, from + end - position)
    }
    // Keeps the floats aligned: a frame's parts are at multiples of 4 from `position`.
    if (joined.length < end - position) joined = Buffer.allocUnsafeSlow(end - position)
    let done = 0
    for (let index = first; index <= last; index++) {
      const bytes = await blockAt(index)
      const from = index === first ? position - first * blockBytes : 0
      const part = bytes.subarray(from, from + end - position - done)
      part.copy(joined, done)
      done += part.length
    }
    if ((last + 1) * blockBytes < size) void blockAt(last + 1)
    return joined.subarray(0, done)
  }
}
