import { Option } from 'commander'
import { count } from '../../report/wording.ts'
import { defineCommand, type LibraryArguments, libraryOptions } from '../command.ts'
import { withLibrary } from '../open-papers.ts'

export const importPapers = defineCommand<LibraryArguments & { readonly vectors?: string }>({
  name: 'import',
  summary: 'add exported papers and vectors to a library',
  usage: '[options] --library LIBRARY FILE',
  arguments: [['<file>', 'JSON lines, one paper per line']],
  options: [
    ...libraryOptions(),
    new Option('--vectors <file.npy>', 'the vectors exported with them; without it the papers are embedded'),
  ],
  examples: ['paperkin import --library papers papers.jsonl'],
  run: ([file], options, context) =>
    withLibrary(
      options,
      context,
      async (library) => {
        const { vectors } = options
        const progress = context.terminal.progress('importing', 'papers')
        const { added, updated, unchanged } = await library
          .import({
            papers: file as string,
            ...(vectors && { vectors }),
            signal: context.signal,
            onProgress: progress.update,
          })
          .finally(progress.clear)
        const data = () => ({
          library: library.path,
          size: library.size,
          added: added.length,
          updated: updated.length,
          unchanged: unchanged.length,
        })
        return {
          page: () =>
            `${count(added.length, 'paper')} added, ${updated.length} updated, ${unchanged.length} already known: ${count(library.size, 'paper')} in ${library.path}`,
          data,
          records: () => [data()],
        }
      },
      { isWriting: true },
    ),
})
