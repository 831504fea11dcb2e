// What a related list is asked for: papers of the library or texts, wanted and unwanted ones.
import type { Embedder } from '../embedding/embedder.ts'
import { PaperkinError } from '../errors.ts'
import type { LexicalDocument } from '../lexical/count-terms.ts'
import type { LexicalIndex } from '../lexical/lexical-index.ts'
import { type Paper, type PaperInput, paperText, toPaper } from '../paper.ts'
import type { ExactIndex } from '../vectors/exact-index.ts'
import { unlikeShare } from './best-papers.ts'
import type { KeptPaper } from './collection.ts'
import { keptPaper, paperNotFound, wrongText } from './find-papers.ts'

/** A paper to ask about: an id of the library, or a record (`title`, `abstract` or both) that need not be in it. */
export type Seed = string | PaperInput

/**
 * Papers whose kin are wanted, and papers whose kin are not. Each part of a score is the mean over `like`, less half the
 * largest over `unlike`, and never below 0: a further paper in `unlike` lowers scores or leaves them.
 */
export interface Seeds {
  readonly like: Seed | readonly Seed[]
  readonly unlike?: Seed | readonly Seed[]
}

/** Seeds whose records have been checked. */
export interface CheckedSeeds {
  readonly like: readonly (string | Paper)[]
  readonly unlike: readonly (string | Paper)[]
}

/** A seed that was looked up: a paper of the library, or a text. */
export interface KnownSeed extends LexicalDocument {
  /** Of a text that was given without one, made from its title. */
  readonly id: string
  readonly kept: KeptPaper | undefined
  /** Undefined where the embedding has no weight. */
  readonly vector: Float32Array | undefined
}

export interface KnownSeeds {
  readonly like: readonly KnownSeed[]
  readonly unlike: readonly KnownSeed[]
}

/** @throws PaperkinError `invalid-argument` for what names no paper, `invalid-paper` for a record that is none */
export function checkedSeeds(asked: Seed | Seeds): CheckedSeeds {
  const checked = (seeds: Seed | readonly Seed[]) =>
    (Array.isArray(seeds) ? seeds : [seeds]).map((seed) => (typeof seed === 'string' ? seed : toPaper(seed)))
  if (typeof asked === 'string') return { like: [asked], unlike: [] }
  if (typeof asked !== 'object' || asked === null) throw wrongText('id', asked)
  if (!('like' in asked) && !('unlike' in asked)) return { like: [toPaper(asked)], unlike: [] }
  const { like, unlike = [] } = asked as Seeds
  const seeds = { like: checked(like ?? []), unlike: checked(unlike) }
  if (seeds.like.length === 0)
    throw new PaperkinError('invalid-argument', 'Expected `like` to name at least one paper, got none.')
  return seeds
}

/** Finds the seeds that are ids, and embeds those that are texts, all of them in one call. */
export async function lookUp(
  asked: readonly CheckedSeeds[],
  {
    kept,
    embed,
    vectors: index,
  }: {
    readonly kept: ReadonlyMap<string, KeptPaper>
    readonly embed: Embedder['embed']
    readonly vectors: () => ExactIndex
  },
  { isSemantic, signal }: { readonly isSemantic: boolean; readonly signal: AbortSignal | undefined },
): Promise<KnownSeeds[]> {
  const known = new Map<string | Paper, KnownSeed>()
  const texts: Paper[] = []
  for (const seed of asked.flatMap(({ like, unlike }) => [...like, ...unlike])) {
    if (known.has(seed)) continue
    const found = typeof seed === 'string' ? keptPaper(kept, seed) : undefined
    if (typeof seed !== 'string') {
      texts.push(seed)
      known.set(seed, { id: seed.id, title: seed.title, abstract: seed.abstract, kept: undefined, vector: undefined })
    } else if (found === undefined) throw paperNotFound(kept, seed)
    else {
      const { title, abstract } = found.paper
      const vector = isSemantic ? index().vector(found.row) : undefined
      known.set(seed, { id: found.id, title, abstract, kept: found, vector })
    }
  }
  if (isSemantic && texts.length > 0) {
    const vectors = await embed(texts.map(paperText), { inputType: 'document', ...(signal && { signal }) })
    for (const [i, text] of texts.entries())
      known.set(text, { ...(known.get(text) as KnownSeed), vector: vectors[i] as Float32Array })
  }
  const named = (seeds: readonly (string | Paper)[]) => seeds.map((seed) => known.get(seed) as KnownSeed)
  return asked.map(({ like, unlike }) => ({ like: named(like), unlike: named(unlike) }))
}

/** The mean of unit vectors; its product with another unit vector is the mean of their cosines. */
export function meanVector(seeds: readonly KnownSeed[]): Float32Array {
  const [first] = seeds as [KnownSeed]
  if (seeds.length === 1) return first.vector as Float32Array
  const sum = new Float64Array((first.vector as Float32Array).length)
  for (const { vector } of seeds) for (let d = 0; d < sum.length; d++) sum[d] += (vector as Float32Array)[d]
  return Float32Array.from(sum, (value) => value / seeds.length)
}

/** The lexical part of a related list, by row; all 0 where it has no weight. */
export function lexicalPart({ like, unlike }: KnownSeeds, hasWeight: boolean, lexical: LexicalIndex): Float64Array {
  if (!hasWeight) return new Float64Array(lexical.rows)
  const similar = (seed: KnownSeed) =>
    seed.kept === undefined ? lexical.similarTo(seed) : lexical.similar(seed.kept.row)
  const scores = similar(like[0] as KnownSeed)
  for (const seed of like.slice(1)) {
    const more = similar(seed)
    for (let row = 0; row < scores.length; row++) scores[row] += more[row]
  }
  if (like.length > 1) for (let row = 0; row < scores.length; row++) scores[row] /= like.length
  if (unlike.length > 0) {
    const worst = new Float64Array(scores.length)
    for (const seed of unlike) {
      const more = similar(seed)
      for (let row = 0; row < worst.length; row++) if (more[row] > worst[row]) worst[row] = more[row]
    }
    for (let row = 0; row < scores.length; row++) scores[row] = Math.max(0, scores[row] - unlikeShare * worst[row])
  }
  return scores
}
