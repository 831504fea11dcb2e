import { Option } from 'commander'
import { count } from '../../report/wording.ts'
import { defineCommand, fileHelp, number, papersOptions } from '../command.ts'
import { type PapersArguments, withPapers } from '../open-papers.ts'
import { paperTable } from '../table.ts'

export const duplicates = defineCommand<PapersArguments & { readonly threshold: number }>({
  name: 'duplicates',
  summary: 'find near-duplicates: papers with largely the same text',
  usage: '[options] FILE… | --library LIBRARY',
  arguments: [['[file...]', fileHelp]],
  options: [
    new Option(
      '--threshold <share>',
      "the share of the shorter paper's word pairs that the other must have too; half of it if the titles are equal",
    )
      .argParser(number('--threshold', 0.05, 1))
      .default(0.5),
    ...papersOptions(),
  ],
  examples: ['paperkin duplicates today.txt', 'paperkin duplicates papers.jsonl --threshold 0.8 --json'],
  run: (files, options, context) =>
    withPapers(files, options, context, async ({ library, sources }) => {
      const { threshold } = options
      const { pairs, groups } = await library.duplicates({ threshold, signal: context.signal })
      const { colors } = context.terminal
      const best = new Map<string, number>()
      for (const { ids, score } of pairs) for (const id of ids) best.set(id, Math.max(best.get(id) ?? 0, score))
      const named = await library.readPapers(groups.flat(), { signal: context.signal })
      const byId = new Map(named.map((paper) => [paper?.id, paper]))
      const lists = groups.map((ids) =>
        ids.flatMap((id) => {
          const paper = byId.get(id)
          return paper ? [{ paper, score: best.get(id) ?? 0 }] : []
        }),
      )
      const heading = `${count(library.size, 'paper')}: ${count(groups.length, 'group')} of near-duplicates`
      return {
        page: (columns) => [heading, ...lists.map((list) => paperTable(list, colors, columns))].join('\n\n'),
        data: () => ({ threshold, groups, pairs, sources }),
        records: () => pairs,
      }
    }),
})
