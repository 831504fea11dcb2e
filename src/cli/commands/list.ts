import { paperName } from '../../paper.ts'
import { count } from '../../report/wording.ts'
import { withLibrary } from '../collection.ts'
import { defineCommand, libraryOption } from '../command.ts'
import { table } from '../table.ts'

export const list = defineCommand<{ readonly library?: string }>({
  name: 'list',
  summary: 'the papers of a library, in the order in which they came',
  usage: '[options] --library FOLDER',
  options: [libraryOption()],
  examples: ['paperkin list --library papers', 'paperkin list --library papers --jsonl'],
  run: (_, options, context) =>
    withLibrary(options, context, async (library) => {
      const papers = library.papers()
      const { colors } = context.terminal
      return {
        page: (columns) => {
          const rows = papers.map((paper) => [
            paper.id,
            { text: paperName(paper), suffix: paper.titleOnly ? colors.dim(' (no abstract)') : '' },
            paper.published ?? '',
          ])
          const lines = table(
            [{ style: colors.dim, maxWidth: 24 }, { isFlexible: true }, { isOptional: true, style: colors.dim }],
            rows,
            columns,
          )
          const model = library.embedder?.modelId ?? 'vectors of your own or of another model'
          return `${colors.bold(count(papers.length, 'paper'))} in ${library.path}, ${model}${rows.length > 0 ? `\n\n${lines}` : ''}`
        },
        data: () => ({ library: library.path, embedder: library.embedder ?? null, papers }),
        records: () => papers,
      }
    }),
})
