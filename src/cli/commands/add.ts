import { Option } from 'commander'
import { addFiles, type CollectionOptions, summaryLine, withLibrary } from '../collection.ts'
import { collectionOptions, defineCommand, fileHelp } from '../command.ts'

export const add = defineCommand<CollectionOptions & { readonly reembed?: boolean }>({
  name: 'add',
  summary: 'put papers into a library on disk, which is made where there is none',
  description:
    'Papers that are there already are not embedded again. What the progress bar has counted is on disk: after Ctrl-C the same command goes on from there.',
  usage: '[options] --library FOLDER FILE…',
  arguments: [['<files...>', fileHelp]],
  options: [
    ...collectionOptions(),
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
