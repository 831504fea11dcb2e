// The seeds of related papers and recommendations: papers of the library or texts, liked or not.
import type { Embedder } from '../../embedding/embedder.ts'
import { PaperkinError, requireOptions } from '../../errors.ts'
import type { LexicalIndex } from '../../lexical/lexical-index.ts'
import { type Paper, type PaperInput, paperText } from '../../paper.ts'
import type { Holding } from '../collection/collection.ts'
import { givenPaper, idOf, keptPaper, wrongText } from '../collection/find-papers.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { unlikeShare } from './best-papers.ts'
import type { KnownSeed, KnownSeeds, Source } from './source.ts'

/** A paper to start from: an id of the library, or a record with `title`, `abstract` or both that need not be in it. */
export type Seed = string | number | PaperInput

/**
 * Seeds whose related papers are wanted (`like`) or not (`unlike`). Each part of a score is the mean over `like` minus
 * half the maximum over `unlike`, but at least 0. Adding a paper to `unlike` never raises a score.
 */
export interface Seeds {
  readonly like: Seed | readonly Seed[]
  readonly unlike?: Seed | readonly Seed[] | undefined
}

/** An id of the library, or a checked record. */
type CheckedSeed = string | number | Paper

/** Seeds with checked records. */
export interface CheckedSeeds {
  readonly like: readonly CheckedSeed[]
  readonly unlike: readonly CheckedSeed[]
}

/** @throws PaperkinError `invalid-argument` for a value that is not a seed, `invalid-paper` for an invalid record */
export function checkedSeeds(asked: Seed | Seeds): CheckedSeeds {
  const checkedOne = (seed: unknown) => (typeof seed === 'number' ? seed : (idOf(seed) ?? givenPaper(seed)))
  const checked = (seeds: Seed | readonly Seed[]) => (Array.isArray(seeds) ? seeds : [seeds]).map(checkedOne)
  if (
    (typeof asked !== 'object' && typeof asked !== 'string' && typeof asked !== 'number') ||
    asked === null ||
    Array.isArray(asked)
  )
    throw wrongText('id', asked)
  if (typeof asked !== 'object' || !('like' in asked || 'unlike' in asked))
    return { like: [checkedOne(asked)], unlike: [] }
  requireOptions<Seeds>('seeds', asked as Seeds, { like: true, unlike: true })
  const { like, unlike = [] } = asked as Seeds
  const seeds = { like: checked(like ?? []), unlike: checked(unlike) }
  if (seeds.like.length === 0)
    throw new PaperkinError('invalid-argument', 'Expected `like` to name at least one paper, got none.')
  return seeds
}

/** The resolved seeds of several questions. Papers of the library may change between the questions. */
interface AskedSeeds {
  /** The seeds of one question as they were looked up. */
  readonly found: (asked: CheckedSeeds) => KnownSeeds
  /** The seeds of one question in a state of the library. */
  readonly now: (asked: CheckedSeeds, holding: Holding) => KnownSeeds
  /** Papers that must be read before {@link now} can be called. */
  readonly unread: (asked: CheckedSeeds, holding: Holding) => StoredPaper[]
}

/** The ids among seeds; those of records too, as such a paper may be in the library. */
export function idsOf({ like, unlike }: CheckedSeeds): string[] {
  return [...like, ...unlike].map((seed) => (typeof seed === 'object' ? seed.id : String(seed)))
}

/**
 * Looks up seeds that are ids, and embeds those that are texts in one call.
 * @throws PaperkinError `paper-not-found`
 */
export async function lookUp(
  asked: readonly CheckedSeeds[],
  { source, embed }: { readonly source: Source; readonly embed: Embedder['embed'] },
  {
    isSemantic,
    vector,
    signal,
  }: {
    readonly isSemantic: boolean
    /** Vector of the only text, in place of the embedder's. */
    readonly vector: Float32Array | undefined
    readonly signal: AbortSignal | undefined
  },
): Promise<AskedSeeds> {
  const known = new Map<CheckedSeed, KnownSeed>()
  const texts: Paper[] = []
  const inLibrary = (seed: string | number, { kept, vectors }: Holding): KnownSeed | undefined => {
    const found = keptPaper(kept, seed)
    if (found === undefined) return undefined
    const { title, abstract } = found.cached as Paper
    return {
      id: found.id,
      title,
      abstract,
      kept: found,
      vector: isSemantic ? vectors.vector(found.row) : undefined,
    }
  }
  const unread = ({ like, unlike }: CheckedSeeds, { kept }: Holding) =>
    [...like, ...unlike].flatMap((seed) => {
      const found = typeof seed === 'object' ? undefined : keptPaper(kept, seed)
      return found === undefined || found.cached !== undefined ? [] : found
    })
  const { holding } = await source.gather({ ids: asked.flatMap(idsOf), signal })
  for (;;) {
    const papers = asked.flatMap((one) => unread(one, holding))
    if (papers.length === 0) break
    await holding.read(papers, { signal })
  }
  for (const seed of asked.flatMap(({ like, unlike }) => [...like, ...unlike])) {
    if (known.has(seed)) continue
    if (typeof seed === 'object') {
      texts.push(seed)
      known.set(seed, { id: seed.id, title: seed.title, abstract: seed.abstract, kept: undefined, vector })
    } else {
      const found = inLibrary(seed, holding)
      if (found === undefined) throw await source.notFound(seed, { signal })
      known.set(seed, found)
    }
  }
  if (vector !== undefined && texts.length !== 1)
    throw new PaperkinError(
      'invalid-argument',
      `Expected exactly one text among the seeds for \`vector\` to stand for, got ${texts.length}: leave it out.`,
    )
  if (isSemantic && vector === undefined && texts.length > 0) {
    const vectors = await embed(texts.map(paperText), { inputType: 'document', ...(signal && { signal }) })
    for (const [i, text] of texts.entries()) known.set(text, { ...(known.get(text) as KnownSeed), vector: vectors[i] })
  }
  const found = (seed: CheckedSeed) => known.get(seed) as KnownSeed
  // A paper removed meanwhile is used as a text.
  const now = (seed: CheckedSeed, holding: Holding): KnownSeed =>
    (typeof seed === 'object' ? undefined : inLibrary(seed, holding)) ?? { ...found(seed), kept: undefined }
  return {
    found: ({ like, unlike }) => ({ like: like.map(found), unlike: unlike.map(found) }),
    now: ({ like, unlike }, holding) => ({
      like: like.map((seed) => now(seed, holding)),
      unlike: unlike.map((seed) => now(seed, holding)),
    }),
    unread,
  }
}

/** The mean of unit vectors; its product with a unit vector is the mean of the cosines. */
export function meanVector(vectors: readonly Float32Array[]): Float32Array {
  const [first] = vectors as [Float32Array]
  if (vectors.length === 1) return first
  const sum = new Float64Array(first.length)
  for (const vector of vectors) for (let d = 0; d < sum.length; d++) sum[d]! += vector[d]!
  return Float32Array.from(sum, (value) => value / vectors.length)
}

/** The lexical part of the scores, by row; all 0 without weight. */
export function lexicalPart({ like, unlike }: KnownSeeds, hasWeight: boolean, lexical: LexicalIndex): Float64Array {
  if (!hasWeight) return new Float64Array(lexical.rows)
  const similar = (seed: KnownSeed) =>
    seed.kept === undefined ? lexical.similarTo(seed) : lexical.similar(seed.kept.row)
  const scores = similar(like[0] as KnownSeed)
  for (const seed of like.slice(1)) {
    const more = similar(seed)
    for (let row = 0; row < scores.length; row++) scores[row]! += more[row]!
  }
  if (like.length > 1) for (let row = 0; row < scores.length; row++) scores[row]! /= like.length
  if (unlike.length > 0) {
    const worst = new Float64Array(scores.length)
    for (const seed of unlike) {
      const more = similar(seed)
      for (let row = 0; row < worst.length; row++) if (more[row]! > worst[row]!) worst[row] = more[row]!
    }
    for (let row = 0; row < scores.length; row++) scores[row] = Math.max(0, scores[row]! - unlikeShare * worst[row]!)
  }
  return scores
}
