import { Option } from 'commander'
import { count } from '../../report/wording.ts'
import { defineCommand, libraryOption } from '../command.ts'
import { withLibrary } from '../open-papers.ts'

export const remove = defineCommand<{ readonly library?: string; readonly dryRun?: boolean }>({
  name: 'remove',
  summary: 'remove papers from a library',
  description:
    'Removes all of the papers, or none if one is not in the library. Their vectors are kept in case they are added again.',
  usage: '[options] --library FOLDER ID…',
  arguments: [['<ids...>', 'ids, as `list` prints them']],
  options: [libraryOption(), new Option('--dry-run', 'only report what would be removed')],
  examples: ['paperkin remove --library papers 2401.00001 --dry-run'],
  run: (ids, options, context) =>
    withLibrary(
      options,
      context,
      async (library) => {
        // Several spellings of an id name one paper.
        const removed = [...new Set(ids.map((id) => library.get(id)?.id ?? id))]
        const missing = removed.find((id) => !library.has(id))
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
