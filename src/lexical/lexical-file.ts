// A lexical index in a file, so that a large collection need not be counted again: magic, format and length of the
// header (4 bytes each, little endian), the header (JSON), the CRC-32 of all that, then the arrays in sequence, each
// with a checksum in the header. The file is a cache: a damaged one is ignored and rebuilt.
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { writeAll, writeAtomically } from '../runtime/atomic-file.ts'
import { lexicalRecipe } from './count-terms.ts'
import type { LexicalState } from './term-counts.ts'

const magic = Buffer.from('PKINWORD')
const formatVersion = 1
const mostHeaderBytes = 65_536
const pieceBytes = 8 * 2 ** 20

type Numbers =
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>

const kinds = { f64: Float64Array, i32: Int32Array, u32: Uint32Array, u16: Uint16Array, u8: Uint8Array } as const

interface Part {
  readonly kind: keyof typeof kinds
  readonly length: number
  readonly crc: number
}

interface Header {
  readonly recipe: number
  readonly rows: number
  readonly entries: number
  readonly terms: number
  readonly parts: Readonly<Record<string, Part>>
}

/** A state, with a mark for each row that identifies its text. */
export interface SavedLexical {
  readonly state: LexicalState
  readonly marks: Uint32Array
}

/** An open file whose header was read. Its content no longer changes, even if a newer file replaces it. */
interface LexicalFile {
  /** Reads the rest and closes the file; undefined if it is damaged. */
  read(): Promise<SavedLexical | undefined>
}

/** Writes a state to a file atomically; `marks` has one number per row. @throws the file system's error */
export async function writeLexicalFile(path: string, { state, marks }: SavedLexical): Promise<void> {
  const { rows, entries, terms, stems, keys, slots, documentFrequency, start, term, count, length, alive } = state
  // Terms of documents that were counted but not added have no frequency yet.
  const frequency =
    documentFrequency.length < terms
      ? Int32Array.from({ length: terms }, (_, i) => documentFrequency[i] ?? 0)
      : documentFrequency
  const parts: Readonly<Record<string, Numbers>> = {
    stems: Uint8Array.from(Buffer.from(stems)),
    // Copies, because documents may be counted, and terms numbered, during the write.
    keys: keys.slice(0, terms),
    slots: slots.slice(),
    documentFrequency: frequency.subarray(0, terms),
    start: start.subarray(0, rows + 1),
    term: term.subarray(0, entries),
    count: count.subarray(0, entries),
    length: length.subarray(0, rows),
    alive: alive.subarray(0, rows),
    marks: Uint32Array.from(marks.subarray(0, rows)),
  }
  await writeAtomically(path, async (file) => {
    const described: Record<string, Part> = {}
    let position = magic.length + 8 + mostHeaderBytes
    for (const [name, values] of Object.entries(parts)) {
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
      let crc = 0
      for (let from = 0; from < bytes.length; from += pieceBytes) {
        const piece = bytes.subarray(from, from + pieceBytes)
        crc = crc32(piece, crc)
        await writeAll(file, piece, position + from)
      }
      position += bytes.length
      const kind = (Object.keys(kinds) as (keyof typeof kinds)[]).find((kind) => values instanceof kinds[kind])
      described[name] = { kind: kind as keyof typeof kinds, length: values.length, crc }
    }
    const json = Buffer.from(JSON.stringify({ recipe: lexicalRecipe, rows, entries, terms, parts: described }))
    const head = Buffer.alloc(magic.length + 8)
    magic.copy(head)
    head.writeUInt32LE(formatVersion, magic.length)
    head.writeUInt32LE(json.length, magic.length + 4)
    const check = Buffer.alloc(4)
    check.writeUInt32LE(crc32(json, crc32(head)))
    await writeAll(file, Buffer.concat([head, json, check]), 0)
  })
}

/** Opens a saved state; undefined if it is missing, unreadable or of another recipe. */
export async function openLexicalFile(path: string): Promise<LexicalFile | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  const header = await readHeader(file).catch(() => undefined)
  const size = await file.stat().then(
    (stats) => stats.size,
    () => 0,
  )
  if (header?.recipe !== lexicalRecipe || !hasRoom(header, size)) {
    await file.close()
    return undefined
  }
  return {
    read: async () => {
      try {
        return await readParts(file, header)
      } catch {
        return undefined
      } finally {
        await file.close()
      }
    },
  }
}

async function readHeader(file: FileHandle): Promise<Header | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length + 8 + mostHeaderBytes), 0, undefined, 0)
  const bytes = buffer.subarray(0, bytesRead)
  const start = magic.length + 8
  if (bytes.length < start || !bytes.subarray(0, magic.length).equals(magic)) return undefined
  const length = bytes.readUInt32LE(magic.length + 4)
  if (bytes.readUInt32LE(magic.length) !== formatVersion || bytes.length < start + length + 4) return undefined
  if (crc32(bytes.subarray(0, start + length)) !== bytes.readUInt32LE(start + length)) return undefined
  return JSON.parse(bytes.toString('utf8', start, start + length)) as Header
}

const kindOf: Readonly<Record<string, keyof typeof kinds>> = {
  stems: 'u8',
  keys: 'f64',
  slots: 'i32',
  documentFrequency: 'i32',
  start: 'i32',
  term: 'i32',
  count: 'u16',
  length: 'f64',
  alive: 'u8',
  marks: 'u32',
}

/** Whether the file is large enough for what its header declares; checked before memory is allocated. */
function hasRoom({ rows, entries, terms, parts }: Header, size: number): boolean {
  if (![rows, entries, terms].every((count) => Number.isSafeInteger(count) && count >= 0)) return false
  const lengths: Readonly<Record<string, number>> = {
    keys: terms,
    documentFrequency: terms,
    start: rows + 1,
    term: entries,
    count: entries,
    length: rows,
    alive: rows,
    marks: rows,
  }
  if (typeof parts !== 'object' || parts === null) return false
  if (Object.keys(parts).join() !== Object.keys(kindOf).join()) return false
  let end = magic.length + 8 + mostHeaderBytes
  for (const [name, part] of Object.entries(parts)) {
    const { kind, length } = part ?? {}
    if (kind !== kindOf[name] || !Number.isSafeInteger(length) || length < 0) return false
    if (name in lengths && length !== lengths[name]) return false
    end += length * kinds[kind].BYTES_PER_ELEMENT
  }
  const slots = parts.slots?.length ?? 0
  return end <= size && slots >= 2 * Math.max(1, terms) && (slots & (slots - 1)) === 0
}

/** Whether all indexes from one array into another are within range. */
function isSound({ rows, entries, terms, ...state }: LexicalState): boolean {
  const { slots, documentFrequency, start, term, alive } = state
  if (start[0] !== 0 || start[rows] !== entries) return false
  for (let row = 0; row < rows; row++) if (start[row]! > start[row + 1]! || alive[row]! > 1) return false
  const used = highest(slots, slots.length)
  return (
    (entries === 0 || highest(term, entries).most < terms) &&
    highest(documentFrequency, terms).most <= rows &&
    used.most <= terms &&
    used.aboveZero === terms
  )
}

/** The largest of the first `count` numbers, read as unsigned so that negative ones are large; and how many are not 0. */
function highest(values: Int32Array, count: number): { readonly most: number; readonly aboveZero: number } {
  let most = 0
  let aboveZero = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]! >>> 0
    if (value > most) most = value
    if (value !== 0) aboveZero++
  }
  return { most, aboveZero }
}

async function readParts(file: FileHandle, { rows, entries, terms, parts }: Header): Promise<SavedLexical | undefined> {
  const read: Record<string, Numbers> = {}
  let position = magic.length + 8 + mostHeaderBytes
  const slots = parts.slots?.length ?? 0
  for (const [name, { kind, length, crc }] of Object.entries(parts)) {
    // Leave room to grow, because copying large arrays is slow; keys get as many as their hash table allows.
    const values = new kinds[kind](
      name === 'keys' ? slots / 2 : name === 'slots' ? length : length + (length >> 5) + 1024,
    )
    const bytes = Buffer.from(values.buffer, 0, length * values.BYTES_PER_ELEMENT)
    let found = 0
    for (let from = 0; from < bytes.length; from += pieceBytes) {
      const piece = bytes.subarray(from, from + pieceBytes)
      const { bytesRead } = await file.read(piece, 0, piece.length, position + from)
      if (bytesRead < piece.length) return undefined
      found = crc32(piece, found)
    }
    if (found !== crc) return undefined
    position += bytes.length
    read[name] = values
  }
  const { stems, marks, ...arrays } = read
  const state = {
    rows,
    entries,
    terms,
    stems: Buffer.from(stems as Uint8Array).toString('utf8', 0, parts.stems?.length),
    ...arrays,
  } as unknown as LexicalState
  return isSound(state) ? { state, marks: marks as Uint32Array } : undefined
}
