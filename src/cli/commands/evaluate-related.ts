import { evaluateRelated, relatedVariants } from '../../library/evaluate-related.ts'
import { count } from '../../report/wording.ts'
import { readJudgements, readQuestions } from '../../sources/read-judgements.ts'
import { defineCommand, fileHelp, hitsOption, seedOption, sourceOptions } from '../command.ts'
import { withPapers } from '../open-papers.ts'
import { rankingFigures } from '../ranking-figures.ts'

const variantNames = {
  semantic: ['embedding', 'the embedding alone'],
  lexical: ['words', 'the words alone'],
  hybrid: ['both', 'both'],
} as const

export const evaluateRelatedCommand = defineCommand<{
  readonly k: number
  readonly seed: number
  readonly year?: number
}>({
  name: 'evaluate related',
  summary: 'measure how well kin and search hits agree with your judgements',
  description:
    'JUDGEMENTS has one judgement per line: query, paper and grade, or query, 0, paper and grade as in TREC files. Without ' +
    'QUERIES the queries are papers and their kin are judged; with QUERIES (JSON lines with id and text, or id and text ' +
    'separated by a tab) search hits are judged. Brackets hold the 95 % interval over the queries.',
  arguments: [
    ['<papers>', fileHelp],
    ['<judgements>', 'a file with query, paper and grade on each line'],
    ['[queries]', 'a file with id and text on each line'],
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
          `Skipped ${count(unknownQueries, 'judged question')} ${queries ? 'without a text' : 'not found among the papers'}`,
        )
      if (unknownPapers > 0)
        context.terminal.note(`Skipped ${count(unknownPapers, 'judgement')} of papers not found in the files`)
      return {
        page: (columns) =>
          [
            count(evaluation.queries.length, 'question'),
            rankingFigures(evaluation, { of: 'both', names: variantNames, columns }),
          ].join('\n\n'),
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
