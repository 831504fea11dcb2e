import { Option } from 'commander'
import { defineCommand, fileHelp, papersOptions } from '../command.ts'
import { addFiles, type PapersArguments, summaryLine, withLibrary } from '../open-papers.ts'

export const add = defineCommand<PapersArguments & { readonly reembed?: boolean }>({
  name: 'add',
  summary: 'add papers to a library, creating it if needed',
  description:
    'Papers already in the library are not embedded again. Everything that the progress bar has counted is kept: after Ctrl-C, run the same command again to continue.',
  usage: '[options] --library LIBRARY FILE…',
  arguments: [['<files...>', fileHelp]],
  options: [
    ...papersOptions(),
    new Option('--reembed', 'convert a library made with another model by embedding all its papers again'),
  ],
  examples: ['paperkin add --library papers today.txt', 'paperkin add --library papers papers.jsonl --json'],
  run: (files, options, context) =>
    withLibrary(
      options,
      context,
      async (library) => {
        const summary = await addFiles(library, files, options, context)
        const data = () => ({ library: library.path, size: library.size, ...summary })
        return { page: () => summaryLine(summary, library, context.terminal), data, records: () => [data()] }
      },
      { isWriting: true, reembed: options.reembed === true },
    ),
})
