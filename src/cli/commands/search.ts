import { Option } from 'commander'
import { type CollectionOptions, fileAndWords, withCollection } from '../collection.ts'
import { collectionOptions, defineCommand, fileHelp, hitsOption } from '../command.ts'
import { hitData, hitPage } from '../hits.ts'
import { count } from '../table.ts'

export const search = defineCommand<
  CollectionOptions & { readonly k: number; readonly mode: 'hybrid' | 'semantic' | 'lexical' }
>({
  name: 'search',
  summary: 'the papers that are about something',
  usage: '[options] FILE WORDS… | --library FOLDER WORDS…',
  arguments: [['<words...>', `${fileHelp}, and what to look for; with --library only that`]],
  options: [
    hitsOption(10),
    new Option('--mode <mode>', 'rank by meaning, by words, or by both')
      .choices(['hybrid', 'semantic', 'lexical'])
      .default('hybrid'),
    ...collectionOptions(),
  ],
  examples: [
    'paperkin search today.txt "robots that learn from few demonstrations"',
    'paperkin search papers.jsonl protein design --k 20 --json',
  ],
  run: (args, options, context) => {
    const { files, text } = fileAndWords(args, options, context)
    return withCollection(files, options, context, async ({ library }) => {
      const { mode, k } = options
      const { hits, weights } = await library.search(text, { k, mode, signal: context.signal })
      const { colors } = context.terminal
      const heading = `${count(library.size, 'paper')}, nearest to ${colors.bold(text)}`
      return {
        page: (columns) => hitPage(hits, { heading, colors }, columns),
        data: () => ({ query: text, mode, weights, hits: hits.map(hitData) }),
        records: () => hits.map(hitData),
      }
    })
  },
})
