// Writes a library's log anew, from what can be read of the old one: for another model, after damage, and to drop what
// is past. Vectors that another model has made already are found by their keys, so that a conversion that was ended goes
// on where it was; the old log stays in its place until the new one is whole.
import type { Embedder, EmbedProgress } from '../../embedding/embedder.ts'
import { createProgress } from '../../embedding/embedder.ts'
import { PaperkinError } from '../../errors.ts'
import { paperFromJson, paperText } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import {
  type Batch,
  type Damage,
  damagedPaper,
  type PaperRecord,
  type StoredPaper,
  type VectorRecord,
} from '../storage/log-file.ts'
import { isSameIdentity, type Store, type StoreIdentity, textKeys, vectorKey } from '../storage/store.ts'
import { withIds } from '../storage/store-errors.ts'

/** Papers of one batch of a new log. */
const BATCH = 512
/** Rows that a log may have beside four for each paper. */
const SPARSE = 2 ** 20
/** Papers embedded between two commits. */
const EMBED = 128

/** What a repair did. */
export interface Repair {
  /** One sentence for each part that was damaged. */
  readonly damage: readonly string[]
  /** Papers that could not be saved, as far as their ids could be read. */
  readonly dropped: readonly string[]
  /** Papers whose vectors were lost and made again. */
  readonly reembedded: readonly string[]
}

interface ConvertOptions {
  /** Whether the log is written anew also where nothing is damaged. */
  readonly isNeeded: boolean
  /** Whether it stays as it is where something is. @default false */
  readonly isWholeOnly?: boolean
  /** Whether vectors of another model may be given up where the header does not say of which they are. @default false */
  readonly isReembedding?: boolean
  /** What the vectors of the new log depend on. */
  readonly identity: StoreIdentity
  readonly embedder: Embedder | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
}

/**
 * Reads all batches of a store and writes its log anew where that is needed; the store must be loaded afterwards.
 * @throws PaperkinError `embedding-failed`, `store-unwritable`: then the old log is still there
 */
export async function convert(store: Store, options: ConvertOptions): Promise<Repair | undefined> {
  const { embedder, isNeeded, signal } = options
  const damages: Damage[] = [...store.damage]
  const papers = new Map<string, StoredPaper>()
  const { frames } = await store.load({ onDamage: (damage) => damages.push(damage), signal })
  // Where the header is lost, the keys tell which vectors are of this model; vectors of no model need not be told.
  const former = store.isIdentityKnown || embedder === undefined ? store.identity : undefined
  let { dimensions } = options.identity
  for await (const { removed, papers: records, block } of frames) {
    // Where the header is lost, only the vectors of one's own say how wide they are.
    dimensions ||= block.count > 0 ? block.dimensions : 0
    for (const id of removed) papers.delete(id)
    for (const record of records) papers.set(record.id, record)
  }
  const identity = { ...options.identity, dimensions }
  let isWhole = damages.length === 0
  const rows = new Set<number>()
  for (const record of papers.values()) {
    if (!store.isReadable(record.vector) || rows.has(record.row)) isWhole = false
    rows.add(record.row)
    // Checksums say that it was written so, not that it was a paper.
    if (isNeeded || options.isWholeOnly || isPaper(record)) continue
    isWhole = false
    damages.push(damagedPaper(record.id))
    papers.delete(record.id)
  }
  if (isWhole ? !isNeeded : options.isWholeOnly) {
    store.rewind()
    return undefined
  }
  const isSameModel =
    former !== undefined && isSameIdentity({ ...former, dimensions: former.dimensions || dimensions }, identity)
  const slice = timeSlice(signal)
  const dropped = damages.flatMap(({ part, id }) =>
    part === 'paper' && id !== undefined && !papers.has(id) ? [id] : [],
  )
  const keyOf = embedder === undefined ? () => Buffer.alloc(0) : textKeys(embedder)
  const places = new Map<string, number>()
  const missing: { readonly record: StoredPaper; readonly key: Buffer; readonly text: string }[] = []
  for (const record of papers.values()) {
    if (slice.due()) await slice.rest()
    if (isSameModel && store.isReadable(record.vector)) {
      places.set(record.id, record.vector)
      continue
    }
    const text = paperText(paperFromJson(record.id, record.json.toString()))
    const key = keyOf(text)
    // Vectors of one's own are found by no text.
    const [number] = embedder === undefined ? [] : store.find([key])
    if (number !== undefined) places.set(record.id, number)
    else missing.push({ record, key, text })
  }
  if (embedder === undefined && !store.isIdentityKnown) await requireOwnVectors(store, papers.values())
  if (former === undefined && !options.isReembedding && places.size === 0)
    if (missing.some(({ record }) => store.isReadable(record.vector)))
      throw new PaperkinError(
        'store-mismatch',
        `Expected vectors of ${identity.modelId} in ${store.path}, whose header is damaged, but none of them is: open it with the embedder that it was made with ('none' for vectors of your own), or with \`reembed: true\` to embed all papers anew.`,
      )
  const made = new Map<string, VectorRecord>()
  const reembedded: string[] = []
  if (embedder === undefined) {
    for (const { record } of missing) {
      papers.delete(record.id)
      dropped.push(record.id)
    }
  } else {
    const progress = createProgress(missing.length, options.onProgress)
    for (let start = 0; start < missing.length; start += EMBED) {
      const part = missing.slice(start, start + EMBED)
      const truncations = new Map<number, VectorRecord['truncation']>()
      const vectors = await embedder.embed(
        part.map(({ text }) => text),
        {
          inputType: 'document',
          ...(signal && { signal }),
          onTruncated: ({ index, ...truncation }) => void truncations.set(index, truncation),
        },
      )
      const records = part.map(({ key }, i): VectorRecord => {
        const truncation = truncations.get(i)
        return { key, vector: vectors[i] as Float32Array, ...(truncation && { truncation }) }
      })
      // A log that is whole keeps them, so that the next try need not make them again.
      if (damages.length === 0)
        await store.append({
          removed: [],
          vectors: records,
          papers: [],
          nextRow: store.nextRow,
          dimensions: identity.dimensions,
        })
      records.forEach((record, i) => {
        const { id } = (part[i] as (typeof part)[number]).record
        reembedded.push(id)
        const [number] = store.find([record.key])
        if (number === undefined) made.set(id, record)
        else places.set(id, number)
      })
      progress.embedded(part.length)
    }
    progress.end()
  }

  async function* batches(): AsyncGenerator<Batch> {
    const numbers = new Map<string, number>()
    const written = new Set<number>()
    const all = [...papers.values()]
    // Rows of the past take room in memory: where there are many, all begin again at 0.
    const isSparse = store.nextRow > SPARSE + 4 * all.length || rows.size < all.length
    const nextRow = isSparse ? all.length : store.nextRow
    let next = 0
    for (let start = 0; start < all.length; start += BATCH) {
      signal?.throwIfAborted()
      const vectors: VectorRecord[] = []
      const records: PaperRecord[] = []
      for (const record of all.slice(start, start + BATCH)) {
        const place = places.get(record.id)
        const vector = place === undefined ? (made.get(record.id) as VectorRecord) : await store.vector(place)
        if (vector === undefined) throw new Error(`The vector of ${record.id} could be read, and cannot any more.`)
        if (place !== undefined) written.add(place)
        const name = vector.key.toString('latin1')
        let number = numbers.get(name)
        if (number === undefined) {
          number = next++
          numbers.set(name, number)
          vectors.push(vector)
        }
        const { id, textCrc } = record
        const row = isSparse ? start + records.length : record.row
        records.push({ id, row, textCrc, vector: number, json: Buffer.from(record.json) })
      }
      yield { removed: [], vectors, papers: records, nextRow, dimensions: identity.dimensions }
    }
    // The cache of embeddings; of another model nothing is worth its place.
    if (!isSameModel) return
    let rest: VectorRecord[] = []
    for (const number of store.numbers(identity.dimensions)) {
      if (written.has(number)) continue
      const vector = await store.vector(number)
      if (vector === undefined || numbers.has(vector.key.toString('latin1'))) continue
      rest.push(vector)
      if (rest.length < BATCH) continue
      yield { removed: [], vectors: rest, papers: [], nextRow, dimensions: identity.dimensions }
      rest = []
    }
    if (rest.length > 0) yield { removed: [], vectors: rest, papers: [], nextRow, dimensions: identity.dimensions }
  }
  await store.rewrite(identity, batches())
  return Object.freeze({
    damage: Object.freeze(withIds(damages, papers.values()).map(({ message }) => message)),
    dropped: Object.freeze(dropped),
    reembedded: Object.freeze(reembedded),
  })
}

function isPaper(record: StoredPaper): boolean {
  try {
    return record.paper.id === record.id
  } catch {
    return false
  }
}

/** A model's vectors must not become nobody's, where the header does not say whose they are. */
async function requireOwnVectors(store: Store, papers: Iterable<StoredPaper>): Promise<void> {
  for (const { vector: number } of papers) {
    const found = await store.vector(number)
    if (found !== undefined && !vectorKey(found.vector).equals(found.key))
      throw new PaperkinError(
        'store-mismatch',
        `Expected vectors of your own in ${store.path}, whose header is damaged, but a model made them: open it with the embedder that it was made with, or with any and \`reembed: true\` to embed all papers anew.`,
      )
  }
}
