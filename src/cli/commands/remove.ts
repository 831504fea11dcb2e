import { Option } from 'commander'
import { count } from '../../report/wording.ts'
import { defineCommand, libraryOption } from '../command.ts'
import { withLibrary } from '../open-papers.ts'

export const remove = defineCommand<{ readonly library?: string; readonly dryRun?: boolean }>({
  name: 'remove',
  summary: 'take papers out of a library',
  description: 'All of the papers or, where one is not there, none. Their vectors stay, should they come again.',
  usage: '[options] --library FOLDER ID…',
  arguments: [['<ids...>', 'ids, as `list` prints them']],
  options: [libraryOption(), new Option('--dry-run', 'only say what would be removed')],
  examples: ['paperkin remove --library papers 2401.00001 --dry-run'],
  run: (ids, options, context) =>
    withLibrary(
      options,
      context,
      async (library) => {
        // Spellings of one id are one paper.
        const removed = [...new Set(ids.map((id) => library.get(id)?.id ?? id))]
        const missing = removed.find((id) => !library.has(id))
        // The same refusal as of a removal that is meant.
        if (options.dryRun && missing !== undefined) await library.related(missing)
        if (!options.dryRun) await library.remove(removed)
        return {
          page: () =>
            options.dryRun
              ? `${count(removed.length, 'paper')} would be removed of ${library.size.toLocaleString('en-US')}`
              : `${count(removed.length, 'paper')} removed: ${count(library.size, 'paper')} left in ${library.path}`,
          data: () => ({ library: library.path, removed: options.dryRun ? [] : removed, size: library.size }),
          records: () => removed.map((id) => ({ id })),
        }
      },
      { isWriting: options.dryRun !== true, create: false },
    ),
})
