import { PaperkinError, requireInteger, requireMap, requireOptions, show } from '../errors.ts'
import {
  compareMethods,
  evaluateRun,
  type MethodEvaluationOptions,
  type MethodFigures,
  type MethodValues,
  methodFigures,
  type RankingMetric,
  rankingMetrics,
} from '../evaluation/evaluate-run.ts'
import type { Comparison } from '../evaluation/significance.ts'
import { seededRandom, shuffled } from '../runtime/random.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { RowDots } from '../vectors/kernels.ts'
import { type PaperLibrary, requireLibrary } from './paper-library.ts'

/** Vectors per read of the library. */
const vectorsPerRead = 512

export interface EvaluateRecommendOptions extends MethodEvaluationOptions {
  /** Folds per reader; the liked papers of each fold are hidden once. At least 2. @default 5 */
  readonly folds?: number | undefined
}

/** `recommend`, and its baselines: cosine to the mean of the liked papers, and to the nearest of them. */
export const recommendVariants = ['recommend', 'mean', 'nearest'] as const
export type RecommendVariant = (typeof recommendVariants)[number]

/** How well `library.recommend` finds papers that readers like. */
export interface RecommendEvaluation {
  /** Readers with at least two liked papers in the library, in the order given. */
  readonly readers: readonly string[]
  /** Readers with fewer; they are ignored. */
  readonly passedOver: readonly string[]
  /** Number of liked papers that are not in the library; they are ignored. */
  readonly unknownPapers: number
  readonly k: number
  readonly folds: number
  /** Mean over the readers with its 95 % bootstrap interval, which is unreliable for fewer than about ten readers. */
  readonly figures: MethodFigures<RecommendVariant>
  /** One value per reader: the mean over the folds. */
  readonly values: MethodValues<RecommendVariant>
  /** nDCG of `recommend` against each baseline, paired by reader. */
  readonly comparisons: Readonly<Record<Exclude<RecommendVariant, 'recommend'>, Comparison>>
}

/**
 * Cross-validates recommendation: for each reader and fold, some liked papers are hidden, the others are given as
 * `liked`, and the rest of the library is ranked; the hidden papers should come first. Papers that a reader would like
 * but did not list count as wrong, so the figures compare methods on one library, not different libraries.
 * @param liked ids of liked papers by reader
 * @throws PaperkinError `invalid-argument` if no reader has two liked papers in the library
 */
export async function evaluateRecommend(
  library: PaperLibrary<object>,
  liked: ReadonlyMap<string, Iterable<string>>,
  options: EvaluateRecommendOptions = {},
): Promise<RecommendEvaluation> {
  requireOptions('evaluateRecommend', options, {
    folds: true,
    k: true,
    depth: true,
    seed: true,
    signal: true,
    onProgress: true,
  })
  requireLibrary(library)
  requireMap('liked', liked, 'from readers to ids of papers')
  const { signal, onProgress, seed = 1 } = options
  const k = requireInteger('k', options.k ?? 10, 1)
  const depth = requireInteger('depth', options.depth ?? 1000, k)
  const folds = requireInteger('folds', options.folds ?? 5, 2)
  const random = seededRandom(seed)
  const slice = timeSlice(signal)
  const withVectors: string[] = []
  const vectors: Float32Array[] = []
  const all: string[] = []
  for await (const { id } of library.streamPapers({ signal })) all.push(id)
  for (let start = 0; start < all.length; start += vectorsPerRead) {
    const ids = all.slice(start, start + vectorsPerRead)
    for (const [i, vector] of (await library.readVectors(ids, { signal })).entries()) {
      if (vector !== undefined) withVectors.push(ids[i] as string)
      if (vector !== undefined) vectors.push(vector)
    }
    if (slice.due()) await slice.rest()
  }
  const cosines = new Cosines(vectors)
  const rowOf = new Map(withVectors.map((id, row) => [id, row]))

  const passedOver: string[] = []
  let unknownPapers = 0
  const profiles: { readonly reader: string; readonly ids: readonly string[]; readonly parts: number }[] = []
  for (const [reader, names] of liked) {
    if (typeof names === 'string' || typeof names?.[Symbol.iterator] !== 'function')
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`liked.get(${JSON.stringify(reader)})\` to hold ids of papers, got ${show(names)}.`,
      )
    const ids = new Set<string>()
    for (const paper of await library.readPapers([...names], { signal }))
      if (paper === undefined) unknownPapers++
      else ids.add(paper.id)
    if (ids.size < 2) passedOver.push(reader)
    else profiles.push({ reader, ids: shuffled([...ids], random), parts: Math.min(folds, ids.size) })
  }
  if (profiles.length === 0)
    throw new PaperkinError(
      'invalid-argument',
      `Expected a reader with two liked papers or more in the library, got none of ${liked.size}: ${unknownPapers} liked papers are not in it; the ids must be those of the papers.`,
    )

  const runs = Object.fromEntries(recommendVariants.map((variant) => [variant, new Map()])) as Record<
    RecommendVariant,
    Map<string, ReadonlyMap<string, number>>
  >
  const judgements = new Map<string, ReadonlyMap<string, number>>()
  const questions: number[] = []
  const total = profiles.reduce((sum, { parts }) => sum + parts, 0)
  let done = 0
  for (const [reader, { ids, parts }] of profiles.entries())
    for (let part = 0; part < parts; part++) {
      const shown = ids.filter((_, i) => i % parts !== part)
      const question = `${reader} ${part}`
      questions.push(reader)
      judgements.set(question, new Map(ids.filter((_, i) => i % parts === part).map((id) => [id, 1])))
      const { hits } = await library.recommend({ liked: shown, k: depth, ...(signal && { signal }) })
      runs.recommend.set(question, new Map(hits.map(({ paper }, rank) => [paper.id, -rank])))
      const known = shown.flatMap((id) => rowOf.get(id) ?? [])
      const isKnown = new Set(known)
      const { mean, nearest } = await cosines.with(known, slice)
      for (const [variant, scores] of [['mean', mean] as const, ['nearest', nearest] as const])
        runs[variant].set(
          question,
          new Map(
            highest(scores, depth + known.length)
              .filter((row) => !isKnown.has(row))
              .slice(0, depth)
              .map((row, rank) => [withVectors[row] as string, -rank]),
          ),
        )
      onProgress?.({ done: ++done, total })
    }

  const values = {} as Record<RecommendVariant, Record<RankingMetric, Float64Array>>
  for (const variant of recommendVariants) {
    const { values: ofQuestions } = evaluateRun(runs[variant], judgements, { k })
    values[variant] = {} as Record<RankingMetric, Float64Array>
    for (const metric of rankingMetrics) {
      const ofReaders = new Float64Array(profiles.length)
      for (const [i, reader] of questions.entries())
        ofReaders[reader]! += ofQuestions[metric][i]! / profiles[reader]!.parts
      values[variant][metric] = ofReaders
    }
  }
  const figures = await methodFigures(values, { seed, slice })
  const against = (variant: RecommendVariant) => compareMethods(values, ['recommend', variant], seed)
  return Object.freeze({
    readers: Object.freeze(profiles.map(({ reader }) => reader)),
    passedOver: Object.freeze(passedOver),
    unknownPapers,
    k,
    folds,
    figures,
    values: Object.freeze(values),
    comparisons: Object.freeze({ mean: against('mean'), nearest: against('nearest') }),
  })
}

/** Cosines of all papers with some of them. */
class Cosines {
  readonly #dots: RowDots
  readonly #rows: number

  constructor(vectors: readonly Float32Array[]) {
    const dimensions = vectors[0]?.length ?? 1
    this.#rows = vectors.length
    // The last row is for the mean.
    this.#dots = RowDots.allocate((vectors.length + 1) * dimensions, dimensions)
    for (const [row, vector] of vectors.entries()) this.#dots.matrix.set(vector, row * dimensions)
  }

  /** By row, the cosine with the mean of the given rows, times its length, and with the nearest of them. */
  async with(
    rows: readonly number[],
    slice: TimeSlice,
  ): Promise<{ readonly mean: Float64Array; readonly nearest: Float64Array }> {
    const { matrix, dimensions } = this.#dots
    const all = Int32Array.from({ length: this.#rows }, (_, row) => row)
    const products = new Float64Array(this.#rows)
    const nearest = new Float64Array(this.#rows).fill(-1)
    const sum = new Float64Array(dimensions)
    for (const row of rows) {
      for (let d = 0; d < dimensions; d++) sum[d]! += matrix[row * dimensions + d]!
      this.#dots.products(row, all, products)
      for (let other = 0; other < products.length; other++)
        if (products[other]! > nearest[other]!) nearest[other] = products[other]!
      if (slice.due()) await slice.rest()
    }
    for (let d = 0; d < dimensions; d++) matrix[this.#rows * dimensions + d] = sum[d]! / (rows.length || 1)
    this.#dots.products(this.#rows, all, products)
    return { mean: products, nearest }
  }
}

/** The rows of the best papers, ties in their order, as in {@link PaperLibrary.recommend}. */
function highest(scores: Float64Array, count: number): number[] {
  return [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, count)
}
