import { PaperkinError, requireInteger, requireList, requireMap, requireOptions } from '../errors.ts'
import { silhouette } from '../evaluation/silhouette.ts'
import { type Spread, spread, topicFigures } from '../evaluation/topic-figures.ts'
import { paperText } from '../paper.ts'
import { timeSlice } from '../runtime/time-slice.ts'
import { tokens } from '../text/tokens.ts'
import { type TopicMethod, type Topics, topicMethods } from '../topics/find-topics.ts'
import { type PaperLibrary, requireLibrary } from './paper-library.ts'

const silhouetteRows = 2000

export interface TopicEvaluationOptions {
  /** Number of runs, with the seeds 1 … `seeds`. @default 5 */
  readonly seeds?: number | undefined
  /** Numbers of topics to request. @default the number of labels, and 'auto' */
  readonly counts?: readonly (number | 'auto')[] | undefined
  /** Methods to evaluate. @default all */
  readonly methods?: readonly TopicMethod[] | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
}

/** Names of the figures; silhouette, NPMI and diversity do not use the labels. */
export const topicMetrics = [
  'found',
  'nmi',
  'ari',
  'vMeasure',
  'homogeneity',
  'completeness',
  'purity',
  'silhouette',
  'npmi',
  'diversity',
  'outlierShare',
  'seconds',
] as const
export type TopicMetric = (typeof topicMetrics)[number]

/** The figures of one method and number of topics, over all seeds. */
export interface TopicEvaluation {
  readonly method: TopicMethod
  readonly asked: number | 'auto'
  readonly figures: Readonly<Record<TopicMetric, Spread>>
}

/**
 * Finds topics by each method with several seeds and scores them against labels. Topics are found among all papers of
 * the library. Papers without a label are not scored; an outlier is scored as a member of its nearest topic.
 * @param labels labels by paper id
 * @throws PaperkinError `invalid-argument` if no paper has a label
 */
export async function evaluateTopics(
  library: PaperLibrary<object>,
  labels: ReadonlyMap<string, string>,
  options: TopicEvaluationOptions = {},
): Promise<TopicEvaluation[]> {
  requireOptions('evaluateTopics', options, {
    seeds: true,
    counts: true,
    methods: true,
    signal: true,
    onProgress: true,
  })
  requireLibrary(library)
  requireMap('labels', labels, 'from ids to labels')
  const { signal, onProgress, methods = topicMethods } = options
  requireList('methods', methods)
  if (options.counts !== undefined) requireList('counts', options.counts)
  const seeds = requireInteger('seeds', options.seeds ?? 5, 1)
  const slice = timeSlice(signal)
  const judged: { readonly id: string }[] = []
  const documents: string[][] = []
  for await (const paper of library.streamPapers({ signal })) {
    if (labels.has(paper.id)) judged.push(paper)
    documents.push(tokens(paperText(paper)))
    if (slice.due()) await slice.rest()
  }
  if (judged.length === 0)
    throw new PaperkinError('invalid-argument', 'Expected labels for papers of the library, got none.')
  const truth = judged.map(({ id }) => labels.get(id) as string)
  const counts = options.counts ?? [new Set(truth).size, 'auto']
  const dimensions = library.dimensions ?? 1
  const vectors = new Float32Array(judged.length * dimensions)
  const found = await library.readVectors(
    judged.map(({ id }) => id),
    { signal },
  )
  for (const [row, vector] of found.entries()) vectors.set(vector as Float32Array, row * dimensions)
  const every = Math.max(1, Math.ceil(judged.length / silhouetteRows))
  const sample = Array.from(judged.keys()).filter((row) => row % every === 0)
  const score = (topics: Topics, seconds: number): Record<TopicMetric, number> => {
    const { placed, words } = groupsOf(topics, judged)
    return {
      found: topics.count,
      ...topicFigures(truth, placed, { words, documents }),
      silhouette: silhouette(vectors, { dimensions, groups: placed, rows: sample }),
      outlierShare: topics.outliers.length / documents.length,
      seconds,
    }
  }
  const evaluations: TopicEvaluation[] = []
  const total = methods.length * counts.length * seeds
  let done = 0
  for (const method of methods)
    for (const asked of counts) {
      const runs: Record<TopicMetric, number>[] = []
      for (let seed = 1; seed <= seeds; seed++) {
        const started = performance.now()
        const topics = await library.topics({ method, count: asked, seed, sample: 'all', signal })
        runs.push(score(topics, (performance.now() - started) / 1000))
        onProgress?.({ done: ++done, total })
        if (slice.due()) await slice.rest()
      }
      const figures = Object.fromEntries(
        topicMetrics.map((metric) => [metric, spread(runs.map((run) => run[metric]))]),
      ) as Record<TopicMetric, Spread>
      evaluations.push(Object.freeze({ method, asked, figures: Object.freeze(figures) }))
    }
  return evaluations
}

/** Topics in the form that the figures take: a topic id per paper, and the words of each topic's terms. */
export function groupsOf(
  topics: Topics,
  papers: readonly { readonly id: string }[],
): {
  /** The topic of each paper; -1 for an outlier. */
  readonly groups: readonly number[]
  /** The same, with every outlier in its nearest topic. */
  readonly placed: readonly number[]
  /** The distinct words of each topic. */
  readonly words: readonly (readonly string[])[]
} {
  const nearest = new Map(topics.outliers.map((outlier) => [outlier.id, outlier.nearest]))
  const groups = papers.map(({ id }) => topics.of(id)?.id ?? -1)
  return {
    groups,
    placed: groups.map((group, i) => (group >= 0 ? group : (nearest.get((papers[i] as { id: string }).id) as number))),
    words: topics.topics.map(({ terms }) => [...new Set(terms.flatMap(({ term }) => tokens(term)))]),
  }
}
