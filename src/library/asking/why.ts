import type { Embedder } from '../../embedding/embedder.ts'
import type { LexicalDocument } from '../../lexical/count-terms.ts'
import type { LexicalIndex, TermPart } from '../../lexical/lexical-index.ts'
import type { Paper } from '../../paper.ts'
import { stemSpeller } from '../../text/spelling.ts'

/** A word or pair of neighbouring words shared by a hit and the query or seeds. */
export interface SharedTerm {
  /** As spelled in the hit. */
  readonly term: string
  /** Its contribution to the hit's lexical part; negative if it comes from a paper in `unlike`. */
  readonly weight: number
}

/** The explanation of a score. */
export interface Why {
  /** The parts times their weights; they add up to the score. */
  readonly parts: {
    readonly semantic: number
    readonly lexical: number
    readonly recency?: number
  }
  /** All shared terms, by falling weight; the weights add up to the hit's lexical part. Empty if that is 0. */
  readonly terms: readonly SharedTerm[]
  /** The nearest pair of sentences (or titles) of the query or seeds and the hit; undefined without an embedder. */
  readonly sentences?: { readonly asked: string; readonly hit: string; readonly similarity: number }
}

/** A hit with the parts of its score. */
interface Parted {
  readonly paper: Paper
  readonly semantic: number
  readonly lexical: number
  readonly recency?: number
}

/** The question behind a list of hits. */
interface Asked {
  readonly lexical: LexicalIndex
  readonly embed: Embedder['embed'] | undefined
  /** The text of a search; otherwise there are seeds. */
  readonly query?: string
  readonly like?: readonly LexicalDocument[]
  readonly unlike?: readonly LexicalDocument[]
  readonly unlikeShare?: number
  readonly rowOf: (paper: Paper) => number
  readonly signal: AbortSignal | undefined
}

/** A {@link Why} for each hit. */
export async function explainHits(
  hits: readonly Parted[],
  { weights, ...asked }: Asked & { readonly weights: Omit<Parted, 'paper'> },
): Promise<Why[]> {
  const nearest = asked.embed && hits.length > 0 ? await nearestSentences(hits, asked, asked.embed) : undefined
  return hits.map((hit, i) =>
    Object.freeze({
      parts: Object.freeze({
        semantic: weights.semantic * hit.semantic,
        lexical: weights.lexical * hit.lexical,
        ...(weights.recency !== undefined && { recency: weights.recency * (hit.recency ?? 0) }),
      }),
      terms: hit.lexical > 0 ? sharedTerms(hit, asked) : Object.freeze([]),
      ...(nearest?.[i] && { sentences: nearest[i] }),
    }),
  )
}

function sharedTerms({ paper, lexical: all }: Parted, asked: Asked): readonly SharedTerm[] {
  const { lexical, query, like = [], unlike = [], unlikeShare = 0, rowOf } = asked
  const weights = new Map<string, number>()
  const add = (parts: readonly TermPart[], share: number) => {
    for (const { term, part } of parts) weights.set(term, (weights.get(term) ?? 0) + share * part)
  }
  if (query !== undefined) add(lexical.explainSearch(query, rowOf(paper)), 1)
  for (const seed of like) add(lexical.explainSimilar(seed, paper), 1 / like.length)
  const sum = (parts: readonly TermPart[]) => parts.reduce((total, { part }) => total + part, 0)
  const [worst] = unlike.map((seed) => lexical.explainSimilar(seed, paper)).sort((a, b) => sum(b) - sum(a))
  if (worst !== undefined) add(worst, -unlikeShare)
  const spelling = stemSpeller(paper)
  // If papers were added or removed since the question was answered, term weights have shifted a little.
  let found = 0
  for (const weight of weights.values()) found += weight
  const scale = found > 0 ? all / found : 1
  if (Math.abs(scale - 1) > 1e-6) for (const [term, weight] of weights) weights.set(term, scale * weight)
  return Object.freeze(
    [...weights]
      .sort(([a, one], [b, other]) => Math.abs(other) - Math.abs(one) || (a < b ? -1 : 1))
      .map(([term, weight]) => Object.freeze({ term: spelling(term), weight })),
  )
}

async function nearestSentences(
  hits: readonly Parted[],
  { query, like = [], signal }: Asked,
  embed: Embedder['embed'],
): Promise<Why['sentences'][]> {
  const options = signal ? { signal } : {}
  const of = ({ title, abstract }: LexicalDocument) => [...(title ? [title] : []), ...sentences(abstract)]
  const askedTexts = [...new Set(query === undefined ? like.flatMap(of) : sentences(query))]
  const hitTexts = hits.map(({ paper }) => of(paper))
  const known = [...new Set(hitTexts.flat())]
  const [askedVectors, hitVectors] = await Promise.all([
    embed(askedTexts, { inputType: query === undefined ? 'document' : 'query', ...options }),
    embed(known, { inputType: 'document', ...options }),
  ])
  const vectorOf = new Map(known.map((text, i) => [text, hitVectors[i] as Float32Array]))
  return hitTexts.map((texts) => {
    let best: { asked: string; hit: string; similarity: number } | undefined
    for (const [i, asked] of askedTexts.entries())
      for (const hit of texts) {
        const similarity = dot(askedVectors[i] as Float32Array, vectorOf.get(hit) as Float32Array)
        if (best === undefined || similarity > best.similarity) best = { asked, hit, similarity }
      }
    return best && Object.freeze({ ...best, similarity: Math.min(1, best.similarity) })
  })
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!
  return sum
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
const unfinished = /(?:\b(?:e\.g|i\.e|et al|vs|cf|resp|approx|fig|eq|sec|no|dr|st)\.|\b[A-Z]\.)\s*$/iu

/** Splits a text into sentences; common abbreviations do not end one. */
export function sentences(text: string): string[] {
  const found: string[] = []
  let open = ''
  for (const { segment } of segmenter.segment(text.replace(/\s+/gu, ' '))) {
    open += segment
    if (unfinished.test(open)) continue
    if (open.trim() !== '') found.push(open.trim())
    open = ''
  }
  if (open.trim() !== '') found.push(open.trim())
  return found
}
