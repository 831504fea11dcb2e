import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import { count } from '../../report/wording.ts'
import { outputPlace } from '../../runtime/atomic-file.ts'
import { defineCommand, type LibraryArguments, libraryOptions, outOption } from '../command.ts'
import { withLibrary } from '../open-papers.ts'

export const exportPapers = defineCommand<
  LibraryArguments & {
    readonly out?: string
    readonly vectors?: string
  }
>({
  name: 'export',
  summary: 'write the papers of a library as JSON lines, and its vectors for NumPy',
  usage: '[options] --library LIBRARY',
  options: [
    ...libraryOptions(),
    outOption('write the papers here as JSON lines, one per line'),
    new Option('--vectors <file.npy>', 'write the vectors here, one row per paper, and their ids to file.ids.json'),
  ],
  examples: ['paperkin export --library papers --out all.jsonl --vectors all.npy'],
  run: (_, options, context) => {
    const { out, vectors } = options
    if (out === undefined && vectors === undefined)
      throw new PaperkinError('invalid-argument', 'Expected --out, --vectors or both, got neither: name a file.')
    if (out === '-' || vectors === '-')
      throw new PaperkinError(
        'invalid-argument',
        'Expected a file name, got `-`: use `paperkin list --jsonl` to print the papers.',
      )
    return withLibrary(options, context, async (library) => {
      await library.export({ ...(out && { papers: out }), ...(vectors && { vectors }), signal: context.signal })
      const data = () => ({ library: library.path, size: library.size, papers: out ?? null, vectors: vectors ?? null })
      const line = `${count(library.size, 'paper')} written to ${[out, vectors].filter((name) => name !== undefined).join(' and ')}`
      // Standard output may have carried the papers: keep it free of anything else.
      const isStream = out !== undefined && (await outputPlace(out)).kind === 'stream'
      if (isStream) context.terminal.note(line)
      return { ...(!isStream && { page: () => line }), data, records: () => [data()] }
    })
  },
})
