// A saved graph: magic (8 bytes), format version and header length (4 bytes each, little endian), header (JSON), the
// row of each label (4 bytes each), hnswlib's own file, and the SHA-256 of all that. hnswlib trusts its files and
// follows their links through memory, so it gets only bytes whose checksum was verified.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { PaperkinError } from '../../errors.ts'
import { readAll, writeOutput } from '../../runtime/atomic-file.ts'
import type { GraphParameters } from './hnswlib.ts'

const magic = Buffer.from('PKINHNSW')
const formatVersion = 1
const checksumBytes = 32
const maxHeaderBytes = 65_536

/** Header of a saved graph. */
interface GraphHeader extends GraphParameters {
  readonly dimensions: number
  readonly count: number
  readonly efSearch: number
  /** SHA-256 (hex) of the rows and their vectors, in order of labels. */
  readonly vectors: string
  /** Size of hnswlib's part, in bytes. */
  readonly bytes: number
}

/** Writes header, rows and hnswlib's file to `path` in one step: readers see the old file or the new one. */
export async function writeGraphFile(
  path: string,
  {
    header,
    rows,
    payload,
  }: { readonly header: Omit<GraphHeader, 'bytes'>; readonly rows: Int32Array; payload: string },
): Promise<void> {
  const { size } = await stat(payload)
  const json = Buffer.from(JSON.stringify({ ...header, bytes: size }))
  const head = Buffer.alloc(magic.length + 8)
  magic.copy(head)
  head.writeUInt32LE(formatVersion, magic.length)
  head.writeUInt32LE(json.length, magic.length + 4)
  const labels = Buffer.alloc(4 * rows.length)
  rows.forEach((row, label) => {
    labels.writeInt32LE(row, 4 * label)
  })
  const hash = createHash('sha256')
  async function* content(): AsyncGenerator<Buffer> {
    for (const part of [head, json, labels]) {
      hash.update(part)
      yield part
    }
    for await (const part of createReadStream(payload)) {
      hash.update(part as Buffer)
      yield part as Buffer
    }
    yield hash.digest()
  }
  await writeOutput(path, content())
}

/**
 * Verifies a saved graph and copies hnswlib's part of it to `payload`.
 * @throws PaperkinError `corrupt-store` if anything differs from what was written; the file system's error if it cannot
 * be read
 */
export async function readGraphFile(
  path: string,
  payload: string,
): Promise<{ readonly header: GraphHeader; readonly rows: Int32Array }> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const corrupt = (what: string) =>
      new PaperkinError('corrupt-store', `Expected ${path} to be a saved index, but ${what}: build the index again.`)
    const read = async (position: number, length: number): Promise<Buffer> => {
      if (position + length > size) throw corrupt('it is cut off')
      const bytes = await readAll(file, Buffer.alloc(length), position)
      if (bytes.length < length) throw corrupt('it is cut off')
      return bytes
    }
    const head = await read(0, magic.length + 8)
    if (!head.subarray(0, magic.length).equals(magic)) throw corrupt('it does not start like one')
    const version = head.readUInt32LE(magic.length)
    if (version !== formatVersion) throw corrupt(`its format is ${version}, not ${formatVersion}`)
    const jsonLength = head.readUInt32LE(magic.length + 4)
    if (jsonLength > maxHeaderBytes) throw corrupt('its header is damaged')
    const json = await read(head.length, jsonLength)
    const header = parsedHeader(json)
    if (header === undefined) throw corrupt('its header is damaged')
    const start = head.length + jsonLength + 4 * header.count
    if (start + header.bytes + checksumBytes !== size) throw corrupt(`it has ${size} bytes, not what its header says`)
    const labels = await read(head.length + jsonLength, 4 * header.count)
    const hash = createHash('sha256').update(head).update(json).update(labels)
    await pipeline(
      file.createReadStream({ start, end: start + header.bytes - 1, autoClose: false }),
      hashed(hash),
      createWriteStream(payload),
    )
    const checksum = await read(size - checksumBytes, checksumBytes)
    if (!hash.digest().equals(checksum)) throw corrupt('its checksum is wrong')
    return { header, rows: Int32Array.from({ length: header.count }, (_, label) => labels.readInt32LE(4 * label)) }
  } finally {
    await file.close()
  }
}

function hashed(hash: Hash) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const part of source) {
      hash.update(part)
      yield part
    }
  }
}

/** The header, if every field has its type. Its values are trusted only once the checksum is verified. */
function parsedHeader(json: Buffer): GraphHeader | undefined {
  try {
    const header = JSON.parse(json.toString()) as GraphHeader
    const { dimensions, count, m, efConstruction, efSearch, seed, bytes, vectors } = header
    const isWhole = [dimensions, count, m, efConstruction, efSearch, seed, bytes].every(Number.isSafeInteger)
    return isWhole && count > 0 && bytes > 0 && typeof vectors === 'string' ? header : undefined
  } catch {
    return undefined
  }
}
