import { Option } from 'commander'
import { Atlas } from '../../atlas/atlas.ts'
import { PaperkinError } from '../../errors.ts'
import { paperName } from '../../paper.ts'
import { count } from '../../report/wording.ts'
import { withLibrary } from '../collection.ts'
import { defineCommand, libraryOption } from '../command.ts'
import { table } from '../table.ts'

export const list = defineCommand<{ readonly library?: string; readonly area?: string }>({
  name: 'list',
  summary: 'the papers of a library, in the order in which they came',
  usage: '[options] --library FOLDER',
  options: [
    libraryOption(),
    new Option('--area <name>', 'only papers of an area, a field or a discipline, by its name on the map of science'),
  ],
  examples: [
    'paperkin list --library papers',
    'paperkin list --library papers --area robotics',
    'paperkin list --library papers --jsonl',
  ],
  run: (_, { area, ...options }, context) =>
    withLibrary(options, context, async (library) => {
      if (area !== undefined) requireName(area)
      const listed = library.papers().flatMap((paper) => {
        const place = library.areas(paper.id)[0] ?? null
        const names = place === null ? [] : [place.area, place.field, place.discipline]
        const isWanted = area === undefined || names.some((name) => name.toLowerCase() === area.toLowerCase())
        return isWanted ? [{ paper, place }] : []
      })
      const { colors } = context.terminal
      return {
        page: (columns) => {
          const rows = listed.map(({ paper, place }) => [
            paper.id,
            { text: paperName(paper), suffix: paper.titleOnly ? colors.dim(' (no abstract)') : '' },
            place?.area ?? '',
            paper.published ?? '',
          ])
          const lines = table(
            [
              { style: colors.dim, maxWidth: 24 },
              { isFlexible: true },
              { isOptional: true, style: colors.dim, maxWidth: 44 },
              { isOptional: true, style: colors.dim },
            ],
            rows,
            columns,
          )
          const model = library.embedder?.modelId ?? 'vectors of your own or of another model'
          return `${colors.bold(count(listed.length, 'paper'))} in ${library.path}, ${model}${rows.length > 0 ? `\n\n${lines}` : ''}`
        },
        // The papers stay what they are, so that they can be read again.
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

/** A name that the map does not have is told with those that hold a word of it. */
function requireName(name: string): void {
  const atlas = Atlas.load()
  if (atlas.has(name)) return
  const words = name.toLowerCase().match(/\p{L}{3,}/gu) ?? []
  const like = atlas.nodes.filter((node) => words.some((word) => node.name.toLowerCase().includes(word))).slice(0, 5)
  const hint = like.length > 0 ? `; near it are ${like.map((node) => `"${node.name}"`).join(', ')}` : ''
  throw new PaperkinError(
    'invalid-argument',
    `Expected --area to be the name of an area, a field or a discipline, got ${JSON.stringify(name)}${hint}.`,
  )
}
