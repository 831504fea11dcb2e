import { Option } from 'commander'
import { evaluateRecommend, recommendVariants } from '../../library/evaluate-recommend.ts'
import { count } from '../../report/wording.ts'
import { readJudgements } from '../../sources/read-judgements.ts'
import { defineCommand, fileHelp, hitsOption, integer, seedOption, sourceOptions } from '../command.ts'
import { withPapers } from '../open-papers.ts'
import { rankingFigures } from '../ranking-figures.ts'

const variantNames = {
  recommend: ['recommend', 'recommend'],
  mean: ['mean vector', 'the mean vector'],
  nearest: ['nearest liked', 'the nearest liked paper'],
} as const

export const evaluateRecommendCommand = defineCommand<{
  readonly k: number
  readonly folds: number
  readonly seed: number
  readonly year?: number
}>({
  name: 'evaluate recommend',
  summary: 'measure how well recommendation finds liked papers',
  description:
    'LIKED has one line per reader and paper: reader, paper and grade, or reader, 0, paper and grade; a grade above 0 ' +
    'means liked. Some of each reader’s papers are hidden, the rest are given as liked, and the hidden ones should rank ' +
    'first among all other papers. Brackets hold the 95 % interval over the readers.',
  arguments: [
    ['<papers>', fileHelp],
    ['<liked>', 'a file with reader, paper and grade on each line'],
  ],
  options: [
    hitsOption(10),
    new Option('--folds <count>', 'number of parts of a reader’s papers, each hidden once')
      .argParser(integer('--folds', 2))
      .default(5),
    seedOption(),
    ...sourceOptions(),
  ],
  examples: [
    'paperkin evaluate recommend papers.jsonl liked.tsv',
    'paperkin evaluate recommend papers.jsonl liked.tsv --folds 3 --json',
  ],
  run: ([papers = '', judged = ''], options, context) =>
    withPapers([papers], options, context, async ({ library, sources }) => {
      const liked = new Map<string, string[]>()
      for (const [reader, grades] of await readJudgements(judged))
        liked.set(
          reader,
          [...grades].filter(([, grade]) => grade > 0).map(([paper]) => paper),
        )
      const progress = context.terminal.progress('recommending', 'questions')
      const { values, ...evaluation } = await evaluateRecommend(library, liked, {
        k: options.k,
        folds: options.folds,
        seed: options.seed,
        signal: context.signal,
        onProgress: (value) => progress.update(value),
      }).finally(() => progress.clear())
      const { readers, passedOver, unknownPapers, figures } = evaluation
      if (passedOver.length > 0)
        context.terminal.note(`Skipped ${count(passedOver.length, 'reader')} with fewer than two liked papers`)
      if (unknownPapers > 0)
        context.terminal.note(`Skipped ${count(unknownPapers, 'liked paper')} not found in the files`)
      return {
        page: (columns) =>
          [
            count(readers.length, 'reader'),
            rankingFigures(evaluation, { of: 'recommend', names: variantNames, columns }),
          ].join('\n\n'),
        data: () => ({ ...evaluation, readers: readers.length, passedOver: passedOver.length, sources }),
        records: () => recommendVariants.map((variant) => ({ variant, ...figures[variant] })),
      }
    }),
})
