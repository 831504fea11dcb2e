import { readFile } from 'node:fs/promises'
import { loadVectors } from '../data.ts'
import { vectorOf } from './measure.ts'

/** Rows, and queries taken from them at even intervals. */
export async function loadRows(
  { set, vectors, rows }: { set: string; vectors?: string | undefined; rows?: string | undefined },
  queries: number,
): Promise<{ rows: Float32Array; queries: Float32Array; dimensions: number }> {
  const dimensions = 384
  const parts: Float32Array[] = []
  if (vectors !== undefined) {
    const bytes = await readFile(vectors)
    parts.push(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)))
  } else for (const name of set.split('+')) parts.push((await loadVectors(name)).vectors)
  const found = parts.reduce((sum, part) => sum + part.length / dimensions, 0)
  const n = Math.min(found, rows === undefined ? found : Number(rows) + queries)
  const all = new Float32Array(n * dimensions)
  let filled = 0
  for (const part of parts) {
    const piece = part.subarray(0, all.length - filled)
    all.set(piece, filled)
    filled += piece.length
  }
  const asked = new Set(Array.from({ length: queries }, (_, i) => Math.floor(((i + 0.5) * n) / queries)))
  const kept = new Float32Array((n - asked.size) * dimensions)
  const taken = new Float32Array(asked.size * dimensions)
  let [keep, take] = [0, 0]
  for (let row = 0; row < n; row++) {
    const vector = vectorOf(all, row, dimensions)
    if (asked.has(row)) taken.set(vector, dimensions * take++)
    else kept.set(vector, dimensions * keep++)
  }
  return { rows: kept, queries: taken, dimensions }
}
