import { Option } from 'commander'
import { count } from '../../report/wording.ts'
import { defineCommand, type LibraryArguments, libraryOptions } from '../command.ts'
import { withLibrary } from '../open-papers.ts'

export const remove = defineCommand<LibraryArguments & { readonly dryRun?: boolean }>({
  name: 'remove',
  summary: 'remove papers from a library',
  description:
    'Removes all of the papers, or none if one is not in the library. Their vectors are kept in case they are added again.',
  usage: '[options] --library LIBRARY ID…',
  arguments: [['<ids...>', 'ids, as `list` prints them']],
  options: [...libraryOptions(), new Option('--dry-run', 'only report what would be removed')],
  examples: ['paperkin remove --library papers 2401.00001 --dry-run'],
  run: (ids, options, context) =>
    withLibrary(
      options,
      context,
      async (library) => {
        // Several spellings of an id name one paper.
        const found = await library.readPapers(ids, { signal: context.signal })
        const removed = [...new Set(ids.map((id, i) => found[i]?.id ?? id))]
        const missing = ids.find((_, i) => found[i] === undefined)
        // Throws the same `paper-not-found` as a real removal.
        if (options.dryRun && missing !== undefined) await library.related(missing)
        if (!options.dryRun) await library.remove(removed)
        return {
          page: () =>
            options.dryRun
              ? `${count(removed.length, 'paper')} of ${library.size.toLocaleString('en-US')} would be removed`
              : `${count(removed.length, 'paper')} removed: ${count(library.size, 'paper')} left in ${library.path}`,
          data: () => ({ library: library.path, removed: options.dryRun ? [] : removed, size: library.size }),
          records: () => removed.map((id) => ({ id })),
        }
      },
      { isWriting: options.dryRun !== true, create: false },
    ),
})
