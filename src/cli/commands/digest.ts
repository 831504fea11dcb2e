import { Option } from 'commander'
import type { HitList } from '../../library/asking/ranking.ts'
import type { PaperLibrary } from '../../library/paper-library.ts'
import { type Paper, paperName } from '../../paper.ts'
import { count, longDate } from '../../report/wording.ts'
import type { Topics } from '../../topics/find-topics.ts'
import type { Novelty } from '../../topics/novelty.ts'
import { defineCommand, fileHelp, hitsOption, integer, methodOption, papersOptions, seedOption } from '../command.ts'
import { namesOption, readNames, unmatchedLine } from '../named-topics.ts'
import { type NoveltyArguments, noveltyOptions, noveltyPage, withNovelty } from '../novelty.ts'
import { type OpenPapers, type PapersArguments, withPapers } from '../open-papers.ts'
import { paperTable, table, wrapped } from '../table.ts'

import type { Colors } from '../terminal.ts'
import { groupedTopics, paperAreas } from './topics.ts'

interface DigestOptions extends PapersArguments, NoveltyArguments {
  readonly k: number
  readonly topics: number | 'auto'
  readonly method: 'graph' | 'kmeans'
  readonly seed: number
  readonly names?: string
}

interface DigestParts {
  readonly dates: readonly string[]
  readonly sources: OpenPapers['sources']
  readonly topics: Topics
  readonly kin: ReadonlyMap<string, HitList>
  readonly novelty: Novelty
}

export const digest = defineCommand<DigestOptions>({
  name: 'digest',
  summary: 'the papers, topics and nearest kin of a digest',
  usage: '[options] FILE… | --library FOLDER',
  arguments: [['[file...]', fileHelp]],
  options: [
    hitsOption(3),
    new Option('--topics <count>', 'how many topics to find').argParser(integer('--topics', 1)).default('auto'),
    namesOption(),
    methodOption(),
    seedOption(),
    ...noveltyOptions(),
    ...papersOptions(),
  ],
  examples: [
    'paperkin digest today.txt',
    'paperkin digest today.txt --topics 6 --k 5',
    'paperkin digest today.txt --json > today.json',
    'paperkin digest --library papers --since 2025-03-12',
  ],
  run: (files, options, context) =>
    withPapers(files, options, context, ({ library, dates, sources }) => {
      const { signal, terminal } = context
      const { colors } = terminal
      return withNovelty(library, options, signal, async (shown, news) => {
        const { method, seed, k, topics: wanted, since } = options
        const named = options.names === undefined ? undefined : await readNames(options.names, shown)
        const topics = await shown.topics({ method, count: wanted, named, seed, signal })
        // Kin are those of the whole library.
        const kin = new Map<string, HitList>()
        for (const { id } of shown.papers()) kin.set(id, await library.related(id, { k, signal }))
        const parts = { dates, sources, topics, kin, novelty: news.novelty }
        const data = digestData(shown, parts)
        const isAsked = since !== undefined || library.path !== undefined
        return {
          page: (columns) =>
            digestPage(data.papers, parts, colors, {
              columns,
              news: noveltyPage(news, { colors, isAsked }, columns),
            }),
          data: () => data,
          records: () => data.papers,
        }
      })
    }),
})

function digestData(library: PaperLibrary, { dates, sources, topics, kin, novelty }: DigestParts) {
  const [first] = kin.values()
  return {
    dates,
    sources,
    embedder: library.embedder,
    weights: first?.weights,
    topics,
    novelty,
    papers: library.papers().map((paper) => ({
      ...paper,
      topic: topics.of(paper.id)?.id ?? null,
      area: library.areas(paper.id)[0] ?? null,
      related: (kin.get(paper.id) as HitList).hits.map(
        ({ paper: { id, title }, score, semantic, lexical, isWeak }) => ({
          id,
          title,
          score,
          semantic,
          lexical,
          ...(isWeak && { isWeak }),
        }),
      ),
    })),
  }
}

/** The digest as a page: what is new, topics with their papers, then each paper's kin. */
function digestPage(
  papers: readonly Paper[],
  { dates, topics, kin }: DigestParts,
  colors: Colors,
  { columns, news }: { readonly columns: number; readonly news: readonly string[] },
): string {
  const byId = new Map(papers.map((paper) => [paper.id, paper]))
  const areaOf = paperAreas(topics)
  const titles = (ids: readonly string[]) =>
    indented(
      table(
        [{ isFlexible: true }, { style: colors.dim, isOptional: true, maxWidth: 44 }],
        ids.map((id) => {
          const paper = byId.get(id) as Paper
          const name = { text: paperName(paper), suffix: paper.titleOnly ? colors.dim(' (no abstract)') : '' }
          return [name, areaOf.get(id) ?? '']
        }),
        columns - 3,
      ),
    )
  const when = dates.length > 0 ? ` of ${dates.map(longDate).join(', ')}` : ''
  const apart = topics.outliers.length > 0 ? `, ${count(topics.outliers.length, 'paper')} apart` : ''
  const lines = [
    colors.bold(`${count(papers.length, 'paper')}${when}: ${count(topics.count, 'topic')}${apart}`),
    '',
    ...news,
  ]
  for (const { heading, inside } of groupedTopics(topics)) {
    if (heading !== undefined) lines.push(colors.bold(colors.underline(heading)), '')
    for (const { id, label, size, papers } of inside)
      lines.push(
        wrapped(`${colors.bold(colors.green(`${id + 1}  ${label}`))} ${colors.dim(`(${size})`)}`, columns),
        titles(papers.map(({ id }) => id)),
        '',
      )
  }
  if (topics.outliers.length > 0)
    lines.push(colors.bold(colors.yellow('Apart from all topics')), titles(topics.outliers.map(({ id }) => id)), '')
  const unmatched = unmatchedLine(topics)
  if (unmatched !== undefined) lines.push(colors.yellow(wrapped(unmatched, columns)), '')
  lines.push(colors.bold('Nearest kin of each paper'))
  for (const paper of papers) {
    const kinOf = (kin.get(paper.id) as HitList).hits.map(({ paper: other, score, isWeak }) => ({
      id: '',
      name: paperName(other),
      isTitleOnly: other.titleOnly === true,
      isWeak: isWeak === true,
      score,
    }))
    lines.push(
      '',
      table([{ isFlexible: true }, { isOptional: true, style: colors.dim }], [[paperName(paper), paper.id]], columns),
    )
    if (kinOf.length > 0) lines.push(indented(paperTable(kinOf, colors, columns - 3)))
  }
  return lines.join('\n')
}

const indented = (text: string) => text.replace(/^/gmu, '   ')
