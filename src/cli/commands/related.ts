import { paperName } from '../../paper.ts'
import { type CollectionOptions, fileAndWords, namedPaper, withCollection } from '../collection.ts'
import { collectionOptions, defineCommand, fileHelp, hitsOption } from '../command.ts'
import { hitData, hitPage } from '../hits.ts'

export const related = defineCommand<CollectionOptions & { readonly k: number }>({
  name: 'related',
  summary: 'the papers that are kin to one of them',
  usage: '[options] FILE PAPER… | --library FOLDER PAPER…',
  arguments: [['<paper...>', `${fileHelp}, and a paper's id or words of its title; with --library only those`]],
  options: [hitsOption(10), ...collectionOptions()],
  examples: ['paperkin related today.txt 2407.01234', 'paperkin related today.txt grasping glass'],
  run: (args, options, context) => {
    const { files, text } = fileAndWords(args, options, context)
    return withCollection(files, options, context, async ({ library }) => {
      const paper = namedPaper(library, text)
      const { hits, weights } = await library.related(paper.id, { k: options.k, signal: context.signal })
      const { colors } = context.terminal
      const heading = `Kin of ${colors.bold(paperName(paper))} ${colors.dim(paper.id)}`
      return {
        page: (columns) => hitPage(hits, { heading, colors }, columns),
        data: () => ({ paper: { id: paper.id, title: paper.title }, weights, hits: hits.map(hitData) }),
        records: () => hits.map(hitData),
      }
    })
  },
})
