// Rewrites a library for another model or after damage, from everything that is readable. New vectors are committed
// under their keys as they are made, so an interrupted conversion resumes; the old contents stay until the new ones are
// complete.
import { createProgress, type Embedder, type EmbedProgress, embedKeyed } from '../../embedding/embedder.ts'
import { PaperkinError } from '../../errors.ts'
import { paperText } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import {
  type Contents,
  isSameIdentity,
  type Storage,
  type StorageIdentity,
  type StoredPaper,
  type StoredVector,
  textKeys,
  vectorKey,
} from '../storage/storage.ts'

/** Papers per read of the storage. */
const papersPerRead = 512
/** Papers embedded between two commits. */
const papersPerCommit = 128

/** The result of a repair. */
export interface Repair {
  /** One sentence for each damaged part. */
  readonly damage: readonly string[]
  /** Ids of papers that were lost, as far as the ids were readable. */
  readonly dropped: readonly string[]
  /** Ids of papers that were embedded again because their vectors were lost. */
  readonly reembedded: readonly string[]
}

interface ConvertOptions {
  /** Whether to rewrite even if nothing is damaged. */
  readonly isNeeded: boolean
  /** Whether to discard vectors of an unknown model, if the header is lost. @default false */
  readonly isReembedding?: boolean
  /** Identity of the new vectors. */
  readonly identity: StorageIdentity
  readonly embedder: Embedder | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
}

interface Missing {
  readonly paper: StoredPaper
  readonly key: Buffer
  readonly text: string
}

/**
 * Inspects a storage and rewrites it if needed; returns undefined if there was nothing to do.
 * @throws PaperkinError `embedding-failed`, `store-unwritable`, `store-mismatch`; the storage is then unchanged, except
 * for cached vectors
 */
export async function convert(storage: Storage, options: ConvertOptions): Promise<Repair | undefined> {
  const { embedder, isNeeded, signal } = options
  const found = await storage.inspect({ reads: !isNeeded, signal })
  if (found.isWhole && !isNeeded) return undefined
  const papers = new Map(found.papers)
  const dropped = [...found.dropped]
  // If the identity is lost, keys show which vectors are of this model; without an embedder none are checked by model.
  const former = found.isIdentityKnown || embedder === undefined ? storage.identity : undefined
  // Without an embedder, the width comes from the vectors found.
  const dimensions = options.identity.dimensions || found.dimensions
  const identity = { ...options.identity, dimensions }
  const isSameModel =
    former !== undefined && isSameIdentity({ ...former, dimensions: former.dimensions || dimensions }, identity)
  const slice = timeSlice(signal)
  const keyOf = embedder && textKeys(embedder)
  const vectors = new Map<string, Contents['papers'][number]['vector']>()
  const missing: Missing[] = []
  const stored = [...papers.values()]
  for (let start = 0; start < stored.length; start += papersPerRead) {
    const others: StoredPaper[] = []
    for (const paper of stored.slice(start, start + papersPerRead))
      if (isSameModel && found.hasVector(paper)) vectors.set(paper.id, 'own')
      else others.push(paper)
    const texts = (await storage.readPapers(others, { signal })).map(paperText)
    // Without an embedder, vectors cannot be found by text.
    const keys = keyOf === undefined ? [] : texts.map(keyOf)
    const known = await storage.readVectors(keys, { signal })
    for (const [i, paper] of others.entries()) {
      const key = keys[i] ?? Buffer.alloc(0)
      if (known[i] !== undefined) vectors.set(paper.id, key)
      else missing.push({ paper, key, text: texts[i] as string })
    }
    if (slice.due()) await slice.rest()
  }
  if (embedder === undefined && !found.isIdentityKnown) await requireOwnVectors(storage, stored)
  if (former === undefined && !options.isReembedding && vectors.size === 0)
    if (missing.some(({ paper }) => found.hasVector(paper)))
      throw new PaperkinError(
        'store-mismatch',
        `Expected vectors of ${identity.modelId} in ${storage.path}, whose header is damaged, but none of them is: open it with the embedder that it was made with ('none' for vectors of your own), or with \`reembed: true\` to re-embed all papers.`,
      )
  if (embedder === undefined)
    for (const { paper } of missing) {
      papers.delete(paper.id)
      dropped.push(paper.id)
    }
  else {
    const progress = createProgress(missing.length, options.onProgress)
    for (let start = 0; start < missing.length; start += papersPerCommit) {
      const part = missing.slice(start, start + papersPerCommit)
      const made = await embedded(part, embedder, signal)
      // Committed at once, unless the storage is damaged, so that an interrupted conversion can resume.
      if (!found.isDamaged) await storage.commit({ vectors: made, nextRow: storage.nextRow })
      for (const [i, { paper, key }] of part.entries())
        vectors.set(paper.id, found.isDamaged ? (made[i] as StoredVector) : key)
      progress.embedded(part.length)
    }
    progress.end()
  }
  await storage.rewrite({
    identity,
    papers: Array.from(papers.values(), (paper) => ({ paper, vector: vectors.get(paper.id) ?? 'own' })),
    // Unused vectors of another model are dropped.
    keepsOthers: isSameModel,
    signal,
  })
  return Object.freeze({
    damage: Object.freeze(found.damageOf(papers.values()).map(({ message }) => message)),
    dropped: Object.freeze(dropped),
    reembedded: Object.freeze(embedder === undefined ? [] : missing.map(({ paper }) => paper.id)),
  })
}

async function embedded(
  part: readonly Missing[],
  embedder: Embedder,
  signal: AbortSignal | undefined,
): Promise<StoredVector[]> {
  const truncations = new Map<number, StoredVector['truncation']>()
  const byText = new Map(part.map(({ text, key }) => [text, key.toString('base64url')]))
  const vectors = await embedKeyed(embedder, (text) => byText.get(text) as string)(
    part.map(({ text }) => text),
    {
      inputType: 'document',
      ...(signal && { signal }),
      onTruncated: ({ index, ...truncation }) => void truncations.set(index, truncation),
    },
  )
  return part.map(({ key }, i) => {
    const truncation = truncations.get(i)
    return { key, vector: vectors[i] as Float32Array, ...(truncation && { truncation }) }
  })
}

/** With a lost identity, checks that the vectors were supplied by the caller and not made by a model. */
async function requireOwnVectors(storage: Storage, papers: readonly StoredPaper[]): Promise<void> {
  for (let start = 0; start < papers.length; start += papersPerRead)
    for (const found of await storage.readVectors(papers.slice(start, start + papersPerRead)))
      if (found !== undefined && !vectorKey(found.vector).equals(found.key))
        throw new PaperkinError(
          'store-mismatch',
          `Expected vectors of your own in ${storage.path}, whose header is damaged, but a model made them: open it with the embedder that it was made with, or with any embedder and \`reembed: true\` to re-embed all papers.`,
        )
}
