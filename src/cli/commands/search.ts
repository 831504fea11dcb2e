import { count } from '../../report/wording.ts'
import { defineCommand, fileHelp, papersOptions } from '../command.ts'
import { type HitArguments, hitData, hitOptions, hitPage, hitQuery } from '../hits.ts'
import { fileAndWords, type PapersArguments, withPapers } from '../open-papers.ts'

interface SearchArguments extends PapersArguments, HitArguments {}

export const search = defineCommand<SearchArguments>({
  name: 'search',
  summary: 'find papers about something',
  description: 'Words in quotes must occur as a phrase: \'"graph neural network" traffic\'.',
  usage: '[options] FILE WORDS… | --library LIBRARY WORDS…',
  arguments: [['<words...>', `${fileHelp}, then what to search for; with --library only the words`]],
  options: [...hitOptions(10), ...papersOptions()],
  examples: [
    'paperkin search today.txt "robots that learn from few demonstrations"',
    'paperkin search papers.jsonl protein design --k 20 --json',
    'paperkin search papers.jsonl protein design --from 2024-06 --why',
    'paperkin search today.txt "learning from demonstrations" --area Robotics',
  ],
  run: (args, options, context) => {
    const { files, text } = fileAndWords(args, options, context)
    return withPapers(files, options, context, async ({ library, sources }) => {
      const { hits, weights } = await library.search(text, hitQuery(options, context.signal))
      const { colors } = context.terminal
      const heading = `${count(library.size, 'paper')}, nearest to ${colors.bold(text)}`
      return {
        page: (columns) => hitPage(hits, { heading, colors }, columns),
        data: () => ({ query: text, mode: options.mode, weights, hits: hits.map(hitData), sources }),
        records: () => hits.map(hitData),
      }
    })
  },
})
