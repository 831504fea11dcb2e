import { count } from '../../report/wording.ts'
import { defineCommand, type FilterArguments, filterOptions, libraryOption, wantedPapers } from '../command.ts'
import { withLibrary } from '../open-papers.ts'
import { paperTable } from '../table.ts'

export const list = defineCommand<FilterArguments & { readonly library?: string }>({
  name: 'list',
  summary: 'list the papers of a library in the order of adding',
  usage: '[options] --library FOLDER',
  options: [libraryOption(), ...filterOptions()],
  examples: [
    'paperkin list --library papers',
    'paperkin list --library papers --area robotics --from 2025-03',
    'paperkin list --library papers --jsonl',
  ],
  run: (_, options, context) =>
    withLibrary(options, context, async (library) => {
      const listed = library
        .papers({ filter: wantedPapers(options) })
        .map((paper) => ({ paper, place: library.areas(paper.id)[0] ?? null }))
      const { colors } = context.terminal
      return {
        page: (columns) => {
          const rows = listed.map(({ paper, place }) => ({ paper, area: place?.area ?? '' }))
          const model = library.embedder?.modelId ?? 'vectors of your own or of another model'
          return `${colors.bold(count(listed.length, 'paper'))} in ${library.path}, ${model}${rows.length > 0 ? `\n\n${paperTable(rows, colors, columns)}` : ''}`
        },
        // Papers are printed without additions, so that they can be read back.
        data: () => ({
          library: library.path,
          embedder: library.embedder ?? null,
          papers: listed.map(({ paper }) => paper),
          areas: Object.fromEntries(listed.map(({ paper, place }) => [paper.id, place])),
        }),
        records: () => listed.map(({ paper }) => paper),
      }
    }),
})
