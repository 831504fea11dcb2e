// Evaluates a retrieval run against relevance judgements, as trec_eval does.
import { PaperkinError, requireInteger, requireMap, requireOptions, show } from '../errors.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { averagePrecision, ndcg, precision, recall, reciprocalRank } from './ranking-metrics.ts'
import { bootstrapInterval, type Comparison, comparePaired, type Interval } from './significance.ts'

/** Relevance judgements: query → document → grade. Grades above 0 are relevant; unjudged documents are not. */
export type Judgements = ReadonlyMap<string, ReadonlyMap<string, number>>

/** Results of a system: query → document → score, higher is better. */
export type Run = ReadonlyMap<string, ReadonlyMap<string, number>>

export interface EvaluateRunOptions {
  /** Cut-off of nDCG, recall and precision. @default 10 */
  readonly k?: number | undefined
}

export const rankingMetrics = ['ndcg', 'recall', 'precision', 'map', 'mrr'] as const
export type RankingMetric = (typeof rankingMetrics)[number]

/** Metrics of a run per query. */
export interface RunFigures {
  /** Queries with a relevant document, in the order of the judgements. */
  readonly queries: readonly string[]
  /**
   * One value per query: nDCG, recall and precision at k; average precision and reciprocal rank over the whole list.
   */
  readonly values: Readonly<Record<RankingMetric, Float64Array>>
}

/**
 * nDCG@k, recall@k, precision@k, average precision and reciprocal rank of each query that has a relevant document; a
 * query missing from the run counts 0. Values and tie order match trec_eval: scores are compared as Float32, ties by
 * document id, descending in UTF-8 bytes.
 * @throws PaperkinError `invalid-argument` for a NaN score
 */
export function evaluateRun(run: Run, judgements: Judgements, options: EvaluateRunOptions = {}): RunFigures {
  requireOptions('evaluateRun', options, { k: true })
  requireGrades('run', run)
  requireGrades('judgements', judgements)
  const k = requireInteger('k', options.k ?? 10, 1)
  const queries = [...judgements].filter(([, grades]) => [...grades.values()].some((grade) => grade > 0))
  const values = Object.fromEntries(
    rankingMetrics.map((metric) => [metric, new Float64Array(queries.length)]),
  ) as Record<RankingMetric, Float64Array>
  for (const [index, [query, grades]] of queries.entries()) {
    const found = rankedDocuments(run.get(query) ?? new Map(), query)
    const gains = found.map((document) => Math.max(0, grades.get(document) ?? 0))
    const judged = Array.from(grades.values(), (grade) => Math.max(0, grade))
    const relevant = judged.filter((grade) => grade > 0).length
    values.ndcg[index] = ndcg(gains, { k, judged })
    values.recall[index] = recall(gains, { k, relevant })
    values.precision[index] = precision(gains, { k })
    values.map[index] = averagePrecision(gains, { relevant })
    values.mrr[index] = reciprocalRank(gains)
  }
  return Object.freeze({ queries: Object.freeze(queries.map(([query]) => query)), values: Object.freeze(values) })
}

/** How methods are compared on a library: options that every such evaluation has. */
export interface MethodEvaluationOptions {
  /** Cut-off of nDCG, recall and precision. @default 10 */
  readonly k?: number | undefined
  /** Rank to which average precision and reciprocal rank are computed; at least `k`. @default 1000 */
  readonly depth?: number | undefined
  /** Seed of whatever is drawn, the bootstrap among it. @default 1 */
  readonly seed?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
}

/** The values of several methods, one for each unit that was asked about. */
export type MethodValues<Method extends string> = Readonly<
  Record<Method, Readonly<Record<RankingMetric, Float64Array>>>
>

/** The means of several methods, each with its 95 % bootstrap interval. */
export type MethodFigures<Method extends string> = Readonly<Record<Method, Readonly<Record<RankingMetric, Interval>>>>

const resamples = 2000

/** The figures of the values. */
export async function methodFigures<Method extends string>(
  values: MethodValues<Method>,
  { seed, slice }: { readonly seed: number | undefined; readonly slice: TimeSlice },
): Promise<MethodFigures<Method>> {
  const figures = {} as Record<Method, Record<RankingMetric, Interval>>
  for (const method of Object.keys(values) as Method[]) {
    figures[method] = {} as Record<RankingMetric, Interval>
    for (const metric of rankingMetrics) {
      figures[method][metric] = bootstrapInterval(values[method][metric], { samples: resamples, seed })
      if (slice.due()) await slice.rest()
    }
  }
  return Object.freeze(figures)
}

/** How the nDCG of one method differs from another's, paired. */
export function compareMethods<Method extends string>(
  values: MethodValues<Method>,
  [one, other]: readonly [Method, Method],
  seed: number | undefined,
): Comparison {
  return comparePaired(values[one].ndcg, values[other].ndcg, { samples: resamples, seed })
}

/** Checks that a run or judgements are Maps of Maps. @throws PaperkinError `invalid-argument` */
export function requireGrades(name: string, value: unknown): void {
  requireMap(name, value, 'from queries to a Map from documents to numbers')
  for (const [query, grades] of value as Judgements)
    requireMap(`${name}.get(${JSON.stringify(query)})`, grades, 'from documents to numbers')
}

/** The documents of one query in trec_eval's order. */
function rankedDocuments(scores: ReadonlyMap<string, number>, query: string): string[] {
  const entries = Array.from(scores, ([document, score]) => {
    if (typeof score !== 'number' || Number.isNaN(score))
      throw new PaperkinError(
        'invalid-argument',
        `Expected a score for document ${show(document)} of query ${show(query)}, got ${show(score)}.`,
      )
    return { document, score: Math.fround(score) }
  })
  return entries
    .sort((a, b) => b.score - a.score || compareBytes(b.document, a.document))
    .map(({ document }) => document)
}

/** Compares by UTF-8 bytes, which is code point order; `<` compares UTF-16 code units. */
function compareBytes(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x === y) continue
    const isSurrogate = (unit: number) => unit >= 0xd800 && unit < 0xe000
    return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}
