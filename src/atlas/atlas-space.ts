// The map of science for a model without centroids of its own: embeddings of a text for each area replace them. Cosines
// differ from model to model, so they are measured in standard deviations above the mean cosine between a library's
// papers and all areas. Saved next to the library: magic, format and length of the header (4 bytes each, little
// endian), the header (JSON), the CRC-32 of all that and the rows, and the rows as in areas.bin.
import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { writeAll, writeAtomically } from '../runtime/atomic-file.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { exactDot } from '../vectors/kernels.ts'
import { type Atlas, leastSimilarity, leastToName, restored } from './atlas.ts'

const magic = Buffer.from('PKINAREA')
const formatVersion = 1
const mostHeaderBytes = 65_536
// Above the first a text is on the map, above the second its area is named. With the bundled model (ignoring its own
// centroids), 99.5 and 98 % of 703 abstracts from nine days are above them, and 2 and 1 of 16 texts on cooking, sport
// and the like in four languages; with multilingual-e5-small, 98 and 90 % of 541 abstracts, and 8 and 3 of the texts.
const [onMap, toName] = [2.6, 3.2]
// Makes the probability of the likeliest field about calibrated.
const sharp = 0.35
// For at least this share of areas, the nearest other area must be of the same field, or the model cannot tell areas
// apart. Most models reach over half.
const leastKnown = 0.15
const areasSampled = 200
// With fewer papers, cosines between areas replace those of papers to areas, nearly as well.
const leastPapers = 20

/** What a model's rows depend on. */
export interface SpaceKey {
  readonly modelId: string
  readonly revision: string
  readonly dtype: string
  readonly fingerprint: string
  readonly dimensions: number
  /** SHA-256 of the texts. */
  readonly texts: string
}

/** Mean and standard deviation of the cosines between texts and areas in the space of a model. */
interface Spread {
  readonly mean: number
  readonly deviation: number
  /** 0 … 1: share of sampled areas whose nearest other area is of the same field. */
  readonly known: number
}

/** The map with a model's rows; undefined if the model does not tell areas apart. */
export function atlasOf(
  atlas: Atlas,
  rows: Buffer,
  { key: { modelId, revision, dimensions }, spread }: { readonly key: SpaceKey; readonly spread: Spread },
): Atlas | undefined {
  if (!(spread.deviation > 0) || spread.known < leastKnown) return undefined
  // Map the thresholds above to those of the bundled model.
  const unit = (leastToName - leastSimilarity) / (toName - onMap)
  const scale = unit / spread.deviation
  const centroids = restored(rows, atlas.areas, dimensions)
  const shift = leastSimilarity - unit * onMap - scale * spread.mean
  return atlas.inSpace({
    model: { id: modelId, revision, dimensions },
    centroids,
    scale,
    shift,
    temperature: sharp * unit,
  })
}

/** Measures the cosines of papers to all areas; of areas to each other if there are too few papers. */
export async function spreadOf(
  atlas: Atlas,
  rows: Buffer,
  {
    dimensions,
    papers,
    slice,
  }: { readonly dimensions: number; readonly papers: readonly Float32Array[]; readonly slice: TimeSlice },
): Promise<Spread> {
  const centroids = restored(rows, atlas.areas, dimensions)
  const isFew = papers.length < leastPapers
  const step = Math.max(1, Math.floor(atlas.areas / areasSampled))
  const texts = isFew
    ? Array.from({ length: Math.ceil(atlas.areas / step) }, (_, i) =>
        centroids.subarray(i * step * dimensions, (i * step + 1) * dimensions),
      )
    : papers
  let [count, sum, squares] = [0, 0, 0]
  for (const [i, text] of texts.entries()) {
    for (let area = 0; area < atlas.areas; area++) {
      if (isFew && area === i * step) continue
      const cosine = exactDot(text, 0, centroids, area * dimensions, dimensions)
      count++
      sum += cosine
      squares += cosine * cosine
    }
    if (slice.due()) await slice.rest()
  }
  const mean = sum / count
  const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean))
  return { mean, deviation, known: await knownAreas(atlas, centroids, { dimensions, slice }) }
}

/** The share of evenly sampled areas whose nearest other area is of the same field. */
async function knownAreas(
  { areas, firstArea, nodes }: Atlas,
  centroids: Float32Array,
  { dimensions, slice }: { readonly dimensions: number; readonly slice: TimeSlice },
): Promise<number> {
  const step = Math.max(1, Math.floor(areas / areasSampled))
  let [asked, same] = [0, 0]
  for (let one = 0; one < areas; one += step) {
    let most = Number.NEGATIVE_INFINITY
    let nearest = one
    for (let other = 0; other < areas; other++) {
      if (other === one) continue
      const cosine = exactDot(centroids, one * dimensions, centroids, other * dimensions, dimensions)
      if (cosine > most) {
        most = cosine
        nearest = other
      }
    }
    asked++
    if (nearest !== one && nodes[firstArea + one]!.parent === nodes[firstArea + nearest]!.parent) same++
    if (slice.due()) await slice.rest()
  }
  return same / asked
}

/** The rows of a model, with the measured cosines. */
interface KeptSpace {
  readonly rows: Buffer
  readonly spread: Spread
}

/** Writes a space to a file atomically. @throws the file system's error */
export async function writeSpaceFile(path: string, key: SpaceKey, { rows, spread }: KeptSpace): Promise<void> {
  const json = Buffer.from(JSON.stringify({ key, spread }))
  const head = Buffer.alloc(magic.length + 8)
  magic.copy(head)
  head.writeUInt32LE(formatVersion, magic.length)
  head.writeUInt32LE(json.length, magic.length + 4)
  const check = Buffer.alloc(4)
  check.writeUInt32LE(crc32(rows, crc32(json, crc32(head))))
  await writeAtomically(path, async (file) => {
    await writeAll(file, Buffer.concat([head, json, check, rows]), 0)
  })
}

/** Reads a saved space; undefined if it is missing, damaged or of another key. */
export async function readSpaceFile(path: string, key: SpaceKey, areas: number): Promise<KeptSpace | undefined> {
  const bytes = await readFile(path).catch(() => undefined)
  const start = magic.length + 8
  if (bytes === undefined || bytes.length < start || !bytes.subarray(0, magic.length).equals(magic)) return undefined
  const length = bytes.readUInt32LE(magic.length + 4)
  const from = start + length + 4
  if (bytes.readUInt32LE(magic.length) !== formatVersion || length > mostHeaderBytes) return undefined
  if (bytes.length !== from + areas * (4 + key.dimensions)) return undefined
  const rows = bytes.subarray(from)
  if (bytes.readUInt32LE(from - 4) !== crc32(rows, crc32(bytes.subarray(0, start + length)))) return undefined
  // The checksum matches, so the header is valid JSON.
  const header = JSON.parse(bytes.toString('utf8', start, start + length)) as { key: SpaceKey; spread: Spread }
  return JSON.stringify(header.key) === JSON.stringify(key) ? { rows, spread: header.spread } : undefined
}
