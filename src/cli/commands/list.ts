import type { Paper } from '../../paper.ts'
import { count } from '../../report/wording.ts'
import {
  defineCommand,
  type FilterArguments,
  filterOptions,
  type LibraryArguments,
  libraryOptions,
  wantedPapers,
} from '../command.ts'
import { withLibrary } from '../open-papers.ts'
import { paperTable } from '../table.ts'

export const list = defineCommand<FilterArguments & LibraryArguments & { readonly jsonl?: boolean }>({
  name: 'list',
  summary: 'list the papers of a library in the order of adding',
  usage: '[options] --library LIBRARY',
  options: [...libraryOptions(), ...filterOptions()],
  examples: [
    'paperkin list --library papers',
    'paperkin list --library papers --area robotics --from 2025-03',
    'paperkin list --library papers --jsonl',
  ],
  run: (_, options, context) =>
    withLibrary(options, context, async (library) => {
      const { signal, terminal } = context
      const { colors } = terminal
      const papers: Paper[] = []
      for await (const paper of library.streamPapers({ filter: wantedPapers(options), signal })) papers.push(paper)
      // Lines of JSON do not show them.
      const ids = options.jsonl === true ? [] : papers.map(({ id }) => id)
      const areas = await library.readAreas(ids, { signal })
      const listed = papers.map((paper, i) => ({ paper, place: areas[i]?.[0] ?? null }))
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
          papers,
          areas: Object.fromEntries(listed.map(({ paper, place }) => [paper.id, place])),
        }),
        records: () => papers,
      }
    }),
})
