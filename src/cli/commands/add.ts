import { Option } from 'commander'
import { defineCommand, fileHelp, papersOptions } from '../command.ts'
import { addFiles, type PapersArguments, summaryLine, withLibrary } from '../open-papers.ts'

export const add = defineCommand<PapersArguments & { readonly reembed?: boolean }>({
  name: 'add',
  summary: 'put papers into a library on disk, which is made where there is none',
  description:
    'Papers that are there already are not embedded again. What the progress bar has counted is on disk: after Ctrl-C the same command goes on from there.',
  usage: '[options] --library FOLDER FILE…',
  arguments: [['<files...>', fileHelp]],
  options: [
    ...papersOptions(),
    new Option('--reembed', 'embed all papers anew where the library was made with another model'),
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
