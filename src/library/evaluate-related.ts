import { PaperkinError, requireInteger, requireMap, requireOptions } from '../errors.ts'
import {
  compareMethods,
  evaluateRun,
  type Judgements,
  type MethodEvaluationOptions,
  type MethodFigures,
  type MethodValues,
  methodFigures,
  requireGrades,
} from '../evaluation/evaluate-run.ts'
import type { Comparison } from '../evaluation/significance.ts'
import { timeSlice } from '../runtime/time-slice.ts'
import type { HitList, HitOptions } from './asking/ranking.ts'
import { type PaperLibrary, requireLibrary } from './paper-library.ts'

export interface EvaluateRelatedOptions extends MethodEvaluationOptions {
  /** Query texts by id. @default the query ids are papers of the library, for which related papers are wanted */
  readonly queries?: ReadonlyMap<string, string> | undefined
}

export const relatedVariants = ['semantic', 'lexical', 'hybrid'] as const
export type RelatedVariant = (typeof relatedVariants)[number]

/** How well a library finds relevant papers by the embedding alone, by the words alone, and by both. */
export interface RelatedEvaluation {
  /** Ids of the queries with a relevant paper in the library, in the order of the judgements. */
  readonly queries: readonly string[]
  readonly k: number
  /** Number of judgements of papers that are not in the library; they are ignored. */
  readonly unknownPapers: number
  /** Number of queries without a text or, without `queries`, that are not papers of the library; they are ignored. */
  readonly unknownQueries: number
  /** Mean over the queries with its 95 % bootstrap interval. */
  readonly figures: MethodFigures<RelatedVariant>
  /** One value per query. */
  readonly values: MethodValues<RelatedVariant>
  /** nDCG of both parts together against each alone, paired by query. */
  readonly comparisons: Readonly<Record<'semantic' | 'lexical', Comparison>>
}

/**
 * Runs every judged query in the three modes and scores the hits against the judgements, as trec_eval does. A query
 * paper is never judged against itself.
 * @throws PaperkinError `invalid-argument` if no query has a relevant paper in the library
 */
export async function evaluateRelated(
  library: PaperLibrary<object>,
  judgements: Judgements,
  options: EvaluateRelatedOptions = {},
): Promise<RelatedEvaluation> {
  requireOptions('evaluateRelated', options, {
    queries: true,
    k: true,
    depth: true,
    seed: true,
    signal: true,
    onProgress: true,
  })
  requireLibrary(library)
  requireGrades('judgements', judgements)
  const { queries, signal, onProgress } = options
  if (queries !== undefined) requireMap('queries', queries, 'from ids to texts')
  const k = requireInteger('k', options.k ?? 10, 1)
  const depth = requireInteger('depth', options.depth ?? 1000, k)
  const judged = new Map<string, Map<string, number>>()
  let unknownPapers = 0
  let unknownQueries = 0
  for (const [query, grades] of judgements) {
    const [self, ...papers] = await library.readPapers([query, ...grades.keys()], { signal })
    if (queries === undefined ? self === undefined : !queries.has(query)) {
      unknownQueries++
      continue
    }
    const known = new Map<string, number>()
    for (const [i, grade] of [...grades.values()].entries()) {
      const id = papers[i]?.id
      if (id === undefined) unknownPapers++
      else if (queries !== undefined || id !== self?.id) known.set(id, grade)
    }
    if ([...known.values()].some((grade) => grade > 0)) judged.set(query, known)
  }
  if (judged.size === 0)
    throw new PaperkinError(
      'invalid-argument',
      `Expected queries with something relevant in the library, got none: ${unknownQueries} of the ${judgements.size} queries and ${unknownPapers} of their papers are not in it; the ids must be those of the papers${queries === undefined ? '' : ' and of the questions'}.`,
    )
  const slice = timeSlice(signal)
  const runs = Object.fromEntries(relatedVariants.map((variant) => [variant, new Map()])) as Record<
    RelatedVariant,
    Map<string, ReadonlyMap<string, number>>
  >
  let done = 0
  for (const query of judged.keys()) {
    for (const mode of relatedVariants) {
      const asked: HitOptions<object> = { k: depth, mode, ...(signal && { signal }) }
      const { hits }: HitList<object> =
        queries === undefined
          ? await library.related(query, asked)
          : // Queries of test collections are prose: quotes in them are not phrase searches.
            await library.search(queries.get(query) as string, { ...asked, phrases: false })
      runs[mode].set(query, new Map(hits.map(({ paper, score }) => [paper.id, score])))
    }
    onProgress?.({ done: ++done, total: judged.size })
    if (slice.due()) await slice.rest()
  }
  const { seed } = options
  const values = Object.fromEntries(
    relatedVariants.map((variant) => [variant, evaluateRun(runs[variant], judged, { k }).values]),
  ) as MethodValues<RelatedVariant>
  const figures = await methodFigures(values, { seed, slice })
  const against = (variant: 'semantic' | 'lexical') => compareMethods(values, ['hybrid', variant], seed)
  return Object.freeze({
    queries: Object.freeze([...judged.keys()]),
    k,
    unknownPapers,
    unknownQueries,
    figures,
    values: Object.freeze(values),
    comparisons: Object.freeze({ semantic: against('semantic'), lexical: against('lexical') }),
  })
}
