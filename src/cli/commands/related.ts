import { Option } from 'commander'
import { paperName } from '../../paper.ts'
import { defineCommand, fileHelp, papersOptions } from '../command.ts'
import { type HitArguments, hitData, hitOptions, hitPage, hitQuery } from '../hits.ts'
import { fileAndWords, namedPaper, type PapersArguments, withPapers } from '../open-papers.ts'

interface RelatedArguments extends PapersArguments, HitArguments {
  readonly unlike?: readonly string[]
  readonly omitDuplicates?: boolean
}

export const related = defineCommand<RelatedArguments>({
  name: 'related',
  summary: 'find the kin of a paper: those related to it',
  usage: '[options] FILE PAPER… | --library LIBRARY PAPER…',
  arguments: [['<paper...>', `${fileHelp}, then a paper's id or words of its title; with --library only the paper`]],
  options: [
    ...hitOptions(10),
    new Option('--unlike <paper>', 'a paper whose kin are not wanted; may be repeated').argParser(
      (value: string, before: readonly string[] = []) => [...before, value],
    ),
    new Option('--omit-duplicates', 'leave out near-duplicates of the paper'),
    ...papersOptions(),
  ],
  examples: [
    'paperkin related today.txt 2407.01234',
    'paperkin related today.txt grasping glass',
    'paperkin related today.txt grasping glass --diversity 0.3 --omit-duplicates --why',
  ],
  run: (args, options, context) => {
    const { files, text } = fileAndWords(args, options, context)
    return withPapers(files, options, context, async ({ library, sources }) => {
      const { signal } = context
      const paper = await namedPaper(library, text, signal)
      const unlike: string[] = []
      for (const words of options.unlike ?? []) unlike.push((await namedPaper(library, words, signal)).id)
      const { hits, weights } = await library.related(
        { like: paper.id, unlike },
        { ...hitQuery(options, signal), omitDuplicates: options.omitDuplicates ?? false },
      )
      const { colors } = context.terminal
      const heading = `Kin of ${colors.bold(paperName(paper))} ${colors.dim(paper.id)}`
      return {
        page: (columns) => hitPage(hits, { heading, colors }, columns),
        data: () => ({ paper: { id: paper.id, title: paper.title }, weights, hits: hits.map(hitData), sources }),
        records: () => hits.map(hitData),
      }
    })
  },
})
