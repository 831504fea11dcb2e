import { Option } from 'commander'
import { addFiles, type CollectionOptions, withLibrary } from '../collection.ts'
import { collectionOptions, defineCommand, fileHelp } from '../command.ts'
import { count } from '../table.ts'

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
        const { dates, read, ...sum } = await addFiles(library, files, options, context)
        const { added, updated, unchanged, titleOnly, truncated } = sum
        const data = () => ({
          library: library.path,
          size: library.size,
          read,
          added,
          updated,
          unchanged,
          titleOnly,
          truncated,
          dates,
        })
        return {
          page: () => {
            const { bold } = context.terminal.colors
            const parts = [
              bold(`${count(added, 'paper')} added`),
              ...(updated.length > 0 ? [`${updated.length.toLocaleString('en-US')} updated`] : []),
              ...(unchanged > 0 ? [`${unchanged.toLocaleString('en-US')} known already`] : []),
            ]
            return `${parts.join(', ')}: ${count(library.size, 'paper')} in ${library.path}`
          },
          data,
          records: () => [data()],
        }
      },
      { isWriting: true, reembed: options.reembed === true },
    ),
})
