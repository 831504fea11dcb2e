import { Option } from 'commander'
import type { PaperLibrary } from '../../library/paper-library.ts'
import type { HitList } from '../../library/ranking.ts'
import { paperName } from '../../paper.ts'
import { count, longDate } from '../../report/wording.ts'
import type { Topics } from '../../topics/find-topics.ts'
import { type Collection, type CollectionOptions, withCollection } from '../collection.ts'
import {
  collectionOptions,
  defineCommand,
  fileHelp,
  hitsOption,
  integer,
  methodOption,
  seedOption,
} from '../command.ts'
import { namesOption, readNames, unmatchedLine } from '../named-topics.ts'
import { paperTable, table, wrapped } from '../table.ts'

import type { Colors } from '../terminal.ts'
import { groupedTopics, paperAreas } from './topics.ts'

interface DigestOptions extends CollectionOptions {
  readonly k: number
  readonly topics: number | 'auto'
  readonly method: 'graph' | 'kmeans'
  readonly seed: number
  readonly names?: string
}

interface DigestParts {
  readonly dates: readonly string[]
  readonly sources: Collection['sources']
  readonly topics: Topics
  readonly kin: ReadonlyMap<string, HitList>
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
    ...collectionOptions(),
  ],
  examples: [
    'paperkin digest today.txt',
    'paperkin digest today.txt --topics 6 --k 5',
    'paperkin digest today.txt --json > today.json',
  ],
  run: (files, options, context) =>
    withCollection(files, options, context, async ({ library, dates, sources }) => {
      const { signal, terminal } = context
      const { method, seed, k, topics: wanted } = options
      const named = options.names === undefined ? undefined : await readNames(options.names, library)
      const topics = await library.topics({ method, count: wanted, named, seed, signal })
      const kin = new Map<string, HitList>()
      for (const { id } of library.papers()) kin.set(id, await library.related(id, { k, signal }))
      const data = digestData(library, { dates, sources, topics, kin })
      const papers = library.papers()
      return {
        page: (columns) => digestPage(papers, { dates, sources, topics, kin }, terminal.colors, columns),
        data: () => data,
        records: () => data.papers,
      }
    }),
})

function digestData(library: PaperLibrary, { dates, sources, topics, kin }: DigestParts) {
  const [first] = kin.values()
  return {
    dates,
    sources,
    embedder: library.embedder,
    weights: first?.weights,
    topics,
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

/** The digest as a page: topics with their papers, then each paper's kin. */
function digestPage(
  papers: ReturnType<PaperLibrary['papers']>,
  { dates, topics, kin }: DigestParts,
  colors: Colors,
  columns: number,
): string {
  const byId = new Map(papers.map((paper) => [paper.id, paper]))
  const areaOf = paperAreas(topics)
  const titles = (ids: readonly string[]) =>
    indented(
      table(
        [{ isFlexible: true }, { style: colors.dim, isOptional: true, maxWidth: 44 }],
        ids.map((id) => {
          const paper = byId.get(id) as (typeof papers)[number]
          const name = { text: paperName(paper), suffix: paper.titleOnly ? colors.dim(' (no abstract)') : '' }
          return [name, areaOf.get(id) ?? '']
        }),
        columns - 3,
      ),
    )
  const when = dates.length > 0 ? ` of ${dates.map(longDate).join(', ')}` : ''
  const apart = topics.outliers.length > 0 ? `, ${count(topics.outliers.length, 'paper')} apart` : ''
  const lines = [colors.bold(`${count(papers.length, 'paper')}${when}: ${count(topics.count, 'topic')}${apart}`), '']
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
