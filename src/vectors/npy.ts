// NumPy's array file (NEP 1, formats 1.0 to 3.0): magic, version, header length, header (a Python dictionary in ASCII
// or UTF-8), values, row-major.
import { type FileHandle, open } from 'node:fs/promises'
import { PaperkinError, show } from '../errors.ts'
import { readAll, writeOutput } from '../runtime/atomic-file.ts'
import { timeSlice } from '../runtime/time-slice.ts'

const magic = Buffer.from([0x93, ...Buffer.from('NUMPY')])
const pieceBytes = 4 * 2 ** 20

/** A row-major matrix. */
interface Matrix {
  readonly rows: number
  readonly dimensions: number
  /** `rows × dimensions`. */
  readonly values: Float32Array
}

/**
 * Writes rows as a matrix of 32-bit floats, in one step: readers see the whole file or none.
 * @param parts arrays of whole rows, in order
 * @throws RangeError if they do not add up to `rows`; the file system's error
 */
export async function writeNpy(
  path: string,
  parts: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  { rows, dimensions }: { readonly rows: number; readonly dimensions: number },
): Promise<void> {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dimensions}), }`
  const head = Buffer.concat([magic, Buffer.from([1, 0, 0, 0])])
  // Values start at a multiple of 64 bytes.
  const header = Buffer.from(`${text.padEnd(Math.ceil((head.length + text.length + 1) / 64) * 64 - head.length - 1)}\n`)
  head.writeUInt16LE(header.length, 8)
  await writeOutput(path, content())
  async function* content(): AsyncGenerator<Buffer> {
    yield Buffer.concat([head, header])
    let values = 0
    for await (const part of parts) {
      values += part.length
      yield Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    }
    if (values !== rows * dimensions) throw new RangeError(`${values} values do not make ${rows} × ${dimensions}`)
  }
}

/**
 * Reads a matrix of 32- or 64-bit floats.
 * @throws PaperkinError `unreadable-source` for any other file
 */
export async function readNpy(path: string, options: { readonly signal?: AbortSignal } = {}): Promise<Matrix> {
  const unreadable = (what: string, cause?: unknown) =>
    new PaperkinError(
      'unreadable-source',
      `Expected ${path} to be a matrix of floats as NumPy saves it, but ${what}.`,
      { cause },
    )
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${error.code})`, error)
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw unreadable('it is not a file')
    const { size } = stat
    const head = await read(file, 0, Math.min(size, 12))
    if (head.length < 12 || !head.subarray(0, 6).equals(magic)) throw unreadable('it does not start like one')
    const version = head[6]!
    if (version < 1 || version > 3) throw unreadable(`it has format version ${version}, not 1 to 3`)
    const isShort = version === 1
    const start = isShort ? 10 : 12
    const length = isShort ? head.readUInt16LE(8) : head.readUInt32LE(8)
    if (length > 65_536) throw unreadable(`its header claims ${length} bytes`)
    if (start + length > size) throw unreadable('it is cut off')
    const header = (await read(file, start, length)).toString()
    const type = /'descr':\s*'([^']*)'/u.exec(header)?.[1]
    const shape = /'shape':\s*\((\d+),\s*(\d+),?\s*\)/u.exec(header)
    if (type !== '<f4' && type !== '<f8') throw unreadable(`its values are ${show(type)}, not '<f4' or '<f8'`)
    if (shape === null || /'fortran_order':\s*True/u.test(header))
      throw unreadable('it is not two-dimensional and row-major')
    const [rows, dimensions] = [Number(shape[1]), Number(shape[2])]
    const width = type === '<f4' ? 4 : 8
    if (start + length + rows * dimensions * width !== size)
      throw unreadable(`it has ${size} bytes, not those of ${rows} × ${dimensions}`)
    const values = new Float32Array(rows * dimensions)
    const slice = timeSlice(options.signal)
    for (let from = 0; from < values.length; from += pieceBytes / 8) {
      const count = Math.min(pieceBytes / 8, values.length - from)
      const bytes = await read(file, start + length + from * width, count * width)
      if (bytes.length < count * width) throw unreadable('it is cut off')
      const part = width === 4 ? new Float32Array(bytes.buffer, 0, count) : new Float64Array(bytes.buffer, 0, count)
      values.set(part, from)
      if (slice.due()) await slice.rest()
    }
    return { rows, dimensions, values }
  } finally {
    await file.close()
  }
}

const read = (file: FileHandle, position: number, length: number) =>
  readAll(file, Buffer.from(new ArrayBuffer(length)), position)
