// Copies a library from one storage to another, batch by batch, and compares both at the end. What is there already and
// equal is passed over, so a copy that was interrupted is resumed by beginning it again.
import { createHash } from 'node:crypto'
import { createProgress, type EmbedProgress } from '../../embedding/embedder.ts'
import { PaperkinError } from '../../errors.ts'
import { type Paper, paperJson } from '../../paper.ts'
import {
  type ComingPaper,
  isSameIdentity,
  type Storage,
  type StoredPaper,
  type StoredVector,
} from '../storage/storage.ts'

/** Papers per batch: large enough that terms, which most papers share, are added up rarely. */
const papersPerBatch = 4096

interface CopyOptions {
  /**
   * The largest difference between a value of a vector and its copy that is no damage: 0 unless one side rounds.
   * @default 0
   */
  readonly tolerance?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
}

/** The result of a copy. */
interface Copied {
  /** Papers of the source. */
  readonly papers: number
  /** Papers that were not there, or were there with other contents. */
  readonly copied: number
  /** Papers that the target has besides. */
  readonly others: number
  /** SHA-256 over ids and records in order, the same on both sides. */
  readonly papersSum: string
  /** SHA-256 over keys and vectors in order; that of the source where the target rounds. */
  readonly vectorsSum: string
  /** The largest difference between a value of a vector and its copy; 0 if they are equal bit for bit. */
  readonly difference: number
}

/**
 * Copies all papers with their vectors. Papers that the target has besides stay; vectors that no paper has are left out.
 * @param from may be open for reading only
 * @throws PaperkinError `store-mismatch` if the models differ; `corrupt-store` if the copy differs from the source
 */
export async function copyLibrary(from: Storage, to: Storage, options: CopyOptions = {}): Promise<Copied> {
  const { tolerance = 0, signal, onProgress } = options
  requireSameModel(from, to)
  const source = await handles(from, signal)
  const there = await handles(to, signal)
  const all = [...source.values()]
  let next = to.nextRow
  let copied = 0
  const progress = createProgress(all.length, onProgress)
  for (let start = 0; start < all.length; start += papersPerBatch) {
    const part = all.slice(start, start + papersPerBatch)
    const given = await read(from, part, signal)
    const known = await read(
      to,
      part.flatMap(({ id }) => there.get(id) ?? []),
      signal,
    )
    const byId = new Map(known.map((one) => [one.paper.id, one]))
    const papers = given.flatMap(({ paper, vector }, i): ComingPaper[] => {
      const other = byId.get(paper.id)
      if (other !== undefined && isEqual({ paper, vector }, other, tolerance)) return []
      return [{ paper, row: next++, textCrc: (part[i] as StoredPaper).textCrc, vector }]
    })
    if (papers.length > 0) await to.commit({ papers, nextRow: next })
    copied += papers.length
    progress.known(part.length - papers.length)
    progress.embedded(papers.length)
  }
  progress.end()
  const sums = await compare(from, to, all, { tolerance, signal })
  return { papers: all.length, copied, ...sums }
}

/** The handles of all papers, in order. @throws PaperkinError `corrupt-store` */
async function handles(storage: Storage, signal: AbortSignal | undefined): Promise<ReadonlyMap<string, StoredPaper>> {
  const { papers, isWhole, damageOf } = await storage.inspect({ reads: false, signal })
  if (isWhole) return papers
  const damage = damageOf(papers.values())
  throw new PaperkinError(
    'corrupt-store',
    `Expected the library in ${storage.path} to be as it was written, but ${damage[0]?.message ?? 'a part of it is damaged.'} Open it with \`repair: true\` first.`,
    { issues: damage.map(({ message, id }) => ({ message, ...(id !== undefined && { path: [id] }) })) },
  )
}

interface Read {
  readonly paper: Paper
  readonly vector: StoredVector
}

async function read(
  storage: Storage,
  papers: readonly StoredPaper[],
  signal: AbortSignal | undefined,
): Promise<Read[]> {
  const found = await storage.readPapers(papers, { signal })
  const vectors = await storage.readVectors(papers, { signal })
  return found.map((paper, i) => {
    const vector = vectors[i]
    if (vector === undefined)
      throw new PaperkinError(
        'corrupt-store',
        `Expected a vector of the paper ${JSON.stringify(paper.id)} in ${storage.path}, but it cannot be read: open that library with \`repair: true\` first.`,
        { issues: [{ message: 'its vector is damaged', path: [paper.id] }] },
      )
    return { paper, vector }
  })
}

function isEqual(one: Read, other: Read, tolerance: number): boolean {
  return (
    one.vector.key.equals(other.vector.key) &&
    paperJson(one.paper) === paperJson(other.paper) &&
    difference(one.vector.vector, other.vector.vector) <= tolerance
  )
}

/** The largest difference of two values; infinite for different widths. */
function difference(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let d = 0; d < one.length; d++) {
    const [a, b] = [one[d]!, other[d]!]
    // Bit for bit: 0 and -0 differ, by as little as can be.
    if (!Object.is(a, b)) largest = Math.max(largest, Math.abs(a - b), Number.MIN_VALUE)
  }
  return largest
}

/** Reads both sides again as they are now and compares them in the order of the source. */
async function compare(
  from: Storage,
  to: Storage,
  all: readonly StoredPaper[],
  { tolerance, signal }: { readonly tolerance: number; readonly signal: AbortSignal | undefined },
): Promise<Omit<Copied, 'papers' | 'copied'>> {
  const copies = await handles(to, signal)
  const sums = [from, to].map(() => ({ papers: createHash('sha256'), vectors: createHash('sha256') }))
  let largest = 0
  const wrong: string[] = []
  for (let start = 0; start < all.length; start += papersPerBatch) {
    const part = all.slice(start, start + papersPerBatch)
    const missing = part.filter(({ id }) => !copies.has(id))
    if (missing.length > 0)
      throw unequal(
        to,
        'is missing',
        missing.map(({ id }) => id),
      )
    const sides = [
      await read(from, part, signal),
      await read(
        to,
        part.map(({ id }) => copies.get(id) as StoredPaper),
        signal,
      ),
    ] as const
    for (const [side, { papers, vectors }] of sums.entries())
      for (const { paper, vector } of sides[side] as Read[]) {
        papers.update(`${JSON.stringify(paper.id)}${paperJson(paper)}\n`)
        vectors.update(vector.key).update(bytesOf(vector.vector))
      }
    for (const [i, one] of sides[0].entries()) {
      const other = sides[1][i] as Read
      if (!isEqual(one, other, tolerance)) wrong.push(one.paper.id)
      largest = Math.max(largest, difference(one.vector.vector, other.vector.vector))
    }
    if (wrong.length > 0) throw unequal(to, 'differs from the source', wrong)
  }
  const [source, target] = sums.map(({ papers, vectors }) => [papers.digest('hex'), vectors.digest('hex')]) as [
    [string, string],
    [string, string],
  ]
  if (source[0] !== target[0] || (tolerance === 0 && source[1] !== target[1]))
    throw unequal(to, 'differs in its checksum', [])
  return { others: copies.size - all.length, papersSum: source[0], vectorsSum: source[1], difference: largest }
}

function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
}

function unequal(to: Storage, what: string, ids: readonly string[]): PaperkinError {
  return new PaperkinError(
    'corrupt-store',
    `Expected the copy in ${to.path} to equal its source, but ${ids.length === 0 ? 'it' : `${ids.length === 1 ? 'the paper' : `each of ${ids.length} papers such as`} ${JSON.stringify(ids[0])}`} ${what}: nobody else may write to either while it is copied; begin the copy again.`,
    { issues: ids.map((id) => ({ message: what, path: [id] })) },
  )
}

function requireSameModel(from: Storage, to: Storage): void {
  const dimensions = to.identity.dimensions || from.identity.dimensions
  if (isSameIdentity(from.identity, { ...to.identity, dimensions })) return
  throw new PaperkinError(
    'store-mismatch',
    `Expected the library in ${to.path} to be embedded by ${from.identity.modelId}, as that in ${from.path}, but it is by ${to.identity.modelId}: copy to another place, or re-embed one of them.`,
  )
}
