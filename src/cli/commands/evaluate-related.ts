import { rankingMetrics } from '../../evaluation/evaluate-run.ts'
import type { Comparison, Interval } from '../../evaluation/significance.ts'
import { evaluateRelated, type RelatedEvaluation, relatedVariants } from '../../library/evaluate-related.ts'
import { count } from '../../report/wording.ts'
import { readJudgements, readQuestions } from '../../sources/read-judgements.ts'
import { defineCommand, fileHelp, hitsOption, seedOption, sourceOptions } from '../command.ts'
import { width } from '../fitted-text.ts'
import { withPapers } from '../open-papers.ts'
import { table } from '../table.ts'

const variantNames = { semantic: 'embedding', lexical: 'words', hybrid: 'both' } as const

export const evaluateRelatedCommand = defineCommand<{
  readonly k: number
  readonly seed: number
  readonly year?: number
}>({
  name: 'evaluate related',
  summary: 'how well kin and hits agree with your judgements',
  description:
    'JUDGEMENTS has a line for each: query, paper and grade, or query, 0, paper and grade as TREC has it. Without QUERIES ' +
    'the queries are papers, and their kin are judged; with QUERIES (JSON lines with id and text, or id and text parted by ' +
    'a tab) it is what a search finds. In brackets the 95 % interval over the queries.',
  arguments: [
    ['<papers>', fileHelp],
    ['<judgements>', 'query, paper and grade a line'],
    ['[queries]', 'id and text a line'],
  ],
  options: [hitsOption(10), seedOption(), ...sourceOptions()],
  examples: [
    'paperkin evaluate related papers.jsonl judgements.tsv',
    'paperkin evaluate related papers.jsonl judgements.tsv questions.tsv --k 5 --json',
  ],
  run: ([papers = '', judged = '', asked], options, context) =>
    withPapers([papers], options, context, async ({ library, sources }) => {
      const judgements = await readJudgements(judged)
      const queries = asked === undefined ? undefined : await readQuestions(asked)
      const progress = context.terminal.progress('asking', 'questions')
      const evaluation = await evaluateRelated(library, judgements, {
        k: options.k,
        seed: options.seed,
        signal: context.signal,
        onProgress: (value) => progress.update(value),
        ...(queries && { queries }),
      }).finally(() => progress.clear())
      const { figures, comparisons, unknownPapers, unknownQueries } = evaluation
      if (unknownQueries > 0)
        context.terminal.note(
          `Passed over ${count(unknownQueries, 'question')} of the judgements that ${queries ? 'have no text' : 'are no papers'}`,
        )
      if (unknownPapers > 0)
        context.terminal.note(`Passed over ${count(unknownPapers, 'judgement')} of papers that are not there`)
      return {
        page: (columns) => evaluationPage(evaluation, columns),
        data: () => ({
          queries: evaluation.queries.length,
          k: evaluation.k,
          unknownPapers,
          unknownQueries,
          sources,
          figures,
          comparisons,
        }),
        records: () => relatedVariants.map((variant) => ({ variant, ...figures[variant] })),
      }
    }),
})

function evaluationPage({ queries, k, figures, comparisons }: RelatedEvaluation, columns: number): string {
  const headers = { ndcg: `nDCG@${k}`, recall: `recall@${k}`, precision: `precision@${k}`, map: 'MAP', mrr: 'MRR' }
  const rows = relatedVariants.map((variant) => [
    variantNames[variant],
    ...rankingMetrics.map((metric) => interval(figures[variant][metric])),
  ])
  const against = (variant: 'semantic' | 'lexical') =>
    `nDCG@${k} of both against the ${variantNames[variant]} alone: ${difference(comparisons[variant])}`
  const wide = table([{ header: '' }, ...rankingMetrics.map((metric) => ({ header: headers[metric] }))], rows, columns)
  // Where they do not fit side by side, a figure a line.
  const figuresOf = rankingMetrics.flatMap((metric, i) =>
    rows.map(([name = '', ...values], place) => [place === 0 ? headers[metric] : '', name, values[i] ?? '']),
  )
  const isTooWide = wide.split('\n').some((line) => width(line) > columns)
  return [
    `${count(queries.length, 'question')}`,
    '',
    isTooWide ? table([{}, {}, {}], figuresOf, columns) : wide,
    '',
    against('semantic'),
    against('lexical'),
  ].join('\n')
}

const decimals = (value: number) => value.toFixed(3).replace(/^(-?)0\./u, '$1.')

function interval({ mean, low, high }: Interval): string {
  return `${decimals(mean)} (${decimals(low)} – ${decimals(high)})`
}

function difference({ difference: { mean, low, high }, pValue }: Comparison): string {
  return `${mean >= 0 ? '+' : ''}${decimals(mean)} (${decimals(low)} – ${decimals(high)}), p ${pValue < 0.001 ? '< .001' : `= ${decimals(pValue)}`}`
}
