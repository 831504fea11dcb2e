// Values in Postgres' binary form. A column of a batch is sent as one array, which saves quoting and parsing, many rows
// in the form of `copy`, and a vector as its bytes, so that every bit arrives. Results cannot be asked for in this form; vectors come as base64.

/** Numbers of the element types, which are the same on every server (pg_type.dat). */
const elements = { bytea: 17, int8: 20, int4: 23, text: 25, float8: 701 } as const
type ElementType = keyof typeof elements

/**
 * A parameter of type `type[]`: `$1::text[]`. `null` and `undefined` are sent as null. For other types than those
 * above, `type` is the number that the server gave the type, and values are bytes.
 */
export function arrayOf(
  type: ElementType | number,
  values: readonly (string | number | Uint8Array | null | undefined)[],
): Buffer {
  const parts = values.map((value) => (value === null || value === undefined ? undefined : encoded(type, value)))
  let size = 20
  for (const part of parts) size += 4 + (part?.length ?? 0)
  const buffer = Buffer.allocUnsafe(size)
  buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0)
  buffer.writeInt32BE(parts.includes(undefined) ? 1 : 0, 4)
  buffer.writeUInt32BE(typeof type === 'number' ? type : elements[type], 8)
  if (values.length === 0) return buffer.subarray(0, 12)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  let at = 20
  for (const part of parts) {
    at = buffer.writeInt32BE(part === undefined ? -1 : part.length, at)
    if (part === undefined) continue
    buffer.set(part, at)
    at += part.length
  }
  return buffer
}

function encoded(type: ElementType | number, value: string | number | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') return Buffer.from(value)
  const bytes = Buffer.allocUnsafe(type === 'int4' ? 4 : 8)
  if (type === 'int4') bytes.writeInt32BE(value)
  else if (type === 'int8') bytes.writeBigInt64BE(BigInt(value))
  else bytes.writeDoubleBE(value)
  return bytes
}

/** Bytes before the floats of a vector: their number and a zero, two bytes each. */
const headBytes = 4

/** A vector as pgvector sends and takes it: a head of four bytes, then 32-bit floats with the highest byte first. */
export function vectorBytes(vector: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + 4 * vector.length)
  bytes.writeUInt16BE(vector.length, 0)
  bytes.writeUInt16BE(0, 2)
  const view = new DataView(bytes.buffer, bytes.byteOffset + headBytes)
  for (let d = 0; d < vector.length; d++) view.setFloat32(4 * d, vector[d]!)
  return bytes
}

/** The vector of {@link vectorBytes} in base64; written into `target` if that is given. */
export function readVector(base64: string, target?: Float32Array): Float32Array {
  const bytes = Buffer.from(base64, 'base64')
  const view = new DataView(bytes.buffer, bytes.byteOffset + headBytes, bytes.length - headBytes)
  const vector = target ?? new Float32Array(view.byteLength / 4)
  for (let d = 0; d < vector.length; d++) vector[d] = view.getFloat32(4 * d)
  return vector
}

/** An array of texts in the form that a cast from text reads. */
export function arrayText(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/gu, '\\$&')}"`).join(',')}}`
}

/** Rows for `copy … from stdin (format binary)`; each value in the binary form of its column, undefined for null. */
export function copyBytes(rows: Iterable<readonly (Uint8Array | undefined)[]>): Buffer {
  const parts: Uint8Array[] = [Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')]
  for (const values of rows) {
    const head = Buffer.allocUnsafe(2)
    head.writeInt16BE(values.length)
    parts.push(head)
    for (const value of values) {
      parts.push(int4(value?.length ?? -1))
      if (value !== undefined) parts.push(value)
    }
  }
  parts.push(Buffer.from([0xff, 0xff]))
  return Buffer.concat(parts)
}

export const int4 = (value: number): Uint8Array => encoded('int4', value)
export const int8 = (value: number): Uint8Array => encoded('int8', value)
export const float8 = (value: number): Uint8Array => encoded('float8', value)
/** @param json a `jsonb` as text */
export const jsonbBytes = (json: string): Uint8Array => Buffer.from(`\u0001${json}`)

/** A `tsvector` of different lexemes, each with a position or, where that is 0, without one. */
export function tsvectorBytes(words: Iterable<readonly [lexeme: string, position: number]>): Uint8Array {
  const parts: Uint8Array[] = []
  let count = 0
  for (const [lexeme, position] of words) {
    const text = Buffer.from(`${lexeme}\0`)
    const positions = Buffer.allocUnsafe(position === 0 ? 2 : 4)
    positions.writeUInt16BE(position === 0 ? 0 : 1)
    if (position !== 0) positions.writeUInt16BE(position, 2)
    parts.push(text, positions)
    count++
  }
  return Buffer.concat([int4(count), ...parts])
}
