import { Option } from 'commander'
import type { PaperArea } from '../../atlas/atlas.ts'
import { PaperkinError } from '../../errors.ts'
import type { HitList } from '../../library/asking/ranking.ts'
import type { Recommendations } from '../../library/asking/recommend.ts'
import type { PaperLibrary } from '../../library/paper-library.ts'
import type { Paper } from '../../paper.ts'
import { count, longDate } from '../../report/wording.ts'
import { feedFormat } from '../../report/write-recommended.ts'
import type { TopicMethod, Topics } from '../../topics/find-topics.ts'
import type { Novelty } from '../../topics/novelty.ts'
import {
  defineCommand,
  fileHelp,
  kinOption,
  methodOption,
  papersOptions,
  seedOption,
  topicsOption,
} from '../command.ts'
import { shortened, width, wrapped } from '../fitted-text.ts'
import {
  feedOption,
  forYouCount,
  forYouHeading,
  forYouLines,
  type Liking,
  type LikingArguments,
  likingOptions,
  readLiking,
  writeRecommended,
} from '../for-you.ts'
import { listedHit } from '../hits.ts'
import { namesOption, readNames, unmatchedLine } from '../named-topics.ts'
import { type NoveltyArguments, noveltyOptions, noveltyPage, withNovelty } from '../novelty.ts'
import { allPapers, type OpenPapers, type PapersArguments, withPapers } from '../open-papers.ts'
import { paperTable } from '../table.ts'
import type { Colors } from '../terminal.ts'
import { groupedTopics, paperAreas } from './topics.ts'

interface DigestOptions extends PapersArguments, NoveltyArguments, LikingArguments {
  readonly kin?: number
  readonly all?: boolean
  readonly json?: boolean
  readonly jsonl?: boolean
  readonly topics: number | 'auto'
  readonly method: TopicMethod
  readonly seed: number
  readonly names?: string
  readonly out?: string
}

interface DigestParts {
  readonly dates: readonly string[]
  readonly sources: OpenPapers['sources']
  readonly topics: Topics
  /** Kin of each paper by its id, if requested. */
  readonly kin: ReadonlyMap<string, HitList> | undefined
  readonly novelty: Novelty
  readonly forYou: { readonly found: Recommendations; readonly liking: Liking } | undefined
}

/** Default number of kin per paper. */
const defaultKin = 3
/** Recommended papers shown on one screen with the topics. */
const forYouOnScreen = 5

export const digest = defineCommand<DigestOptions>({
  name: 'digest',
  summary: 'show the topics of a digest with their papers, on one screen',
  description:
    'A terminal shows as many papers of each topic as fit on the screen; --all, a file or a pipe gets all of them. `paperkin show` prints a listed paper, `paperkin open` opens it. With --like, papers for you come first.',
  usage: '[options] FILE… | --library LIBRARY',
  arguments: [['[file...]', fileHelp]],
  options: [
    ...likingOptions(),
    feedOption(),
    new Option('--all', 'list every paper, even if they do not fit on the screen'),
    kinOption(`list every paper with its nearest kin, ${defaultKin} unless a count is given`, defaultKin, {
      minimum: 1,
    }),
    topicsOption().default('auto'),
    namesOption(),
    methodOption(),
    seedOption(),
    ...noveltyOptions(),
    ...papersOptions(),
  ],
  formerly: { '-k, --k <count>': 'kin' },
  examples: [
    'paperkin digest today.txt',
    'paperkin digest today.txt --like refs.bib',
    'paperkin digest today.txt --like refs.bib --out for-me.html',
    'paperkin digest today.txt --topics 6 --kin 5',
    'paperkin digest today.txt --json > today.json',
    'paperkin digest --library papers --since 2025-03-12',
    'paperkin digest --library papers --like stars',
  ],
  run: async (files, options, context) => {
    const { method, seed, topics: wanted, since, out, kin: shownKin = 0 } = options
    if (out !== undefined) feedFormat(out)
    const asked = await readLiking(options, context)
    if (out !== undefined && asked === undefined)
      throw new PaperkinError(
        'invalid-argument',
        'Expected --like with --out, which writes the papers for you: add it, or write all papers with `paperkin report --out`.',
      )
    return withPapers(files, options, context, async ({ library, dates, sources }) => {
      const { signal, terminal } = context
      const liking = await asked?.(library)
      return withNovelty(library, options, signal, async (shown, news) => {
        const named = options.names === undefined ? undefined : await readNames(options.names, shown, signal)
        const topics = await shown.topics({ method, count: wanted, named, seed, signal })
        const isData = options.json === true || options.jsonl === true
        const k = shownKin || defaultKin
        const papers = await allPapers(shown, signal)
        const ids = papers.map(({ id }) => id)
        // Kin come from the whole library.
        const lists = shownKin > 0 || isData ? await library.relatedMany(ids, { k, signal }) : undefined
        const kin = lists && new Map(ids.map((id, i) => [id, lists[i] as HitList]))
        const among = shown === library ? undefined : ids
        const found = liking && (await library.recommend({ ...liking, among, k: forYouCount, why: true, signal }))
        const forYou = liking && found && { liking, found }
        const when = dates.map(longDate).join(', ')
        if (out !== undefined && found)
          terminal.note(await writeRecommended(out, found, when === '' ? 'For you' : `For you, ${when}`))
        const parts = { dates, sources, topics, kin, novelty: news.novelty, forYou }
        const areas = isData ? await shown.readAreas(ids, { signal }) : []
        const data = isData ? digestData(shown, papers, areas, parts) : undefined
        const isAsked = since !== undefined || library.path !== undefined
        const isWhole = options.all === true || shownKin > 0
        return {
          page: (columns) =>
            digestPage(papers, parts, {
              columns,
              colors: terminal.colors,
              rows: isWhole ? Number.POSITIVE_INFINITY : terminal.rows,
              news: noveltyPage(news, { colors: terminal.colors, isAsked }, columns),
              shownKin,
            }),
          data: () => data,
          records: () => data?.papers ?? [],
        }
      })
    })
  },
})

/** @param areas of each paper, nearest first */
function digestData(
  library: PaperLibrary,
  papers: readonly Paper[],
  areas: readonly (readonly PaperArea[])[],
  { dates, sources, topics, kin, novelty, forYou }: DigestParts,
) {
  const [first] = kin?.values() ?? []
  return {
    dates,
    sources,
    embedder: library.embedder,
    weights: first?.weights,
    topics,
    novelty,
    ...(forYou && {
      forYou: {
        liked: forYou.liking.liked.length,
        disliked: forYou.liking.disliked.length,
        known: forYou.found.known,
        hits: forYou.found.hits.map(({ paper: { id, title }, ...found }) => ({ id, title, ...found })),
      },
    }),
    papers: papers.map((paper, i) => ({
      ...paper,
      topic: topics.of(paper.id)?.id ?? null,
      area: areas[i]?.[0] ?? null,
      related: (kin?.get(paper.id)?.hits ?? []).map(({ paper: { id, title }, score, semantic, lexical, isWeak }) => ({
        id,
        title,
        score,
        semantic,
        lexical,
        ...(isWeak && { isWeak }),
      })),
    })),
  }
}

interface PageOptions {
  readonly columns: number
  /** Lines of the terminal; `Infinity` for all papers. */
  readonly rows: number
  readonly colors: Colors
  readonly news: readonly string[]
  /** Number of kin below each paper. */
  readonly shownKin: number
}

/** Papers under a heading. */
interface Section {
  readonly papers: readonly Paper[]
  /** An area of this name is not repeated for each paper. */
  readonly label?: string
  /** Ids of the papers in the order in which they are chosen when not all fit. */
  readonly first: readonly string[]
  /** The heading when `shown` of the papers are listed. */
  readonly head: (shown: number) => string
}

/** The digest as a page: recommended papers, what is new, then topics with their papers. */
function digestPage(papers: readonly Paper[], parts: DigestParts, options: PageOptions): string {
  const { dates, topics, kin, forYou } = parts
  const { columns, rows, colors, news, shownKin } = options
  const isWhole = rows === Number.POSITIVE_INFINITY
  const areaOf = paperAreas(topics)
  const when = dates.length > 0 ? ` of ${dates.map(longDate).join(', ')}` : ''
  const apart = topics.outliers.length > 0 ? `, ${count(topics.outliers.length, 'paper')} apart` : ''
  const top = [
    wrapped(colors.bold(`${count(papers.length, 'paper')}${when}: ${count(topics.count, 'topic')}${apart}`), columns),
    '',
  ]
  if (forYou !== undefined) {
    const { found, liking } = forYou
    const hits = isWhole ? found.hits : found.hits.slice(0, forYouOnScreen)
    top.push(
      wrapped(colors.bold(colors.yellow(forYouHeading(found, liking, papers.length))), columns),
      indented(forYouLines(hits, { colors, isBrief: !isWhole }, columns - 3).join('\n'), 3),
      '',
    )
  }
  const unmatched = unmatchedLine(topics)
  top.push(...news, ...(unmatched === undefined ? [] : [colors.yellow(wrapped(unmatched, columns)), '']))

  const sections = sectionsOf(papers, topics, options)
  const { shown, isAiry } = fitted(sections, rows - 1 - lineCount(top))
  const lines: string[] = []
  for (const [i, { papers: inside, head, first, label }] of sections.entries()) {
    const room = shown[i] as number
    const chosen = new Set(room < inside.length ? first.slice(0, room) : first)
    const listed = inside.filter(({ id }) => chosen.has(id))
    if (i > 0 && isAiry) lines.push('')
    lines.push(head(room))
    if (listed.length === 0) continue
    const table = paperTable(
      listed.map((paper) => {
        const area = areaOf.get(paper.id)
        return { paper, area: area === label ? '' : area }
      }),
      colors,
      columns - 3,
    )
    for (const [place, line] of table.split('\n').entries()) {
      lines.push(`   ${line}`)
      const hits = shownKin > 0 ? (kin?.get((listed[place] as Paper).id)?.hits ?? []) : []
      if (hits.length > 0) lines.push(indented(paperTable(hits.map(listedHit), colors, columns - 6), 6))
    }
  }
  const hidden = sections.reduce((sum, { papers: inside }, i) => sum + inside.length - (shown[i] as number), 0)
  if (hidden > 0)
    lines.push(colors.dim(shortened(`${hidden} more with --all; paperkin show FILE ID prints one`, columns)))
  return [...top, ...lines].join('\n')
}

/** Topics by discipline, then outliers. */
function sectionsOf(
  papers: readonly Paper[],
  topics: Topics,
  { colors, columns }: { readonly colors: Colors; readonly columns: number },
): Section[] {
  const byId = new Map(papers.map((paper) => [paper.id, paper]))
  const listed = (ids: readonly { readonly id: string }[]) => ids.flatMap(({ id }) => byId.get(id) ?? [])
  const size = (shown: number, all: number) => (shown > 0 && shown < all ? `(${shown}/${all})` : `(${all})`)
  const sections = groupedTopics(topics).flatMap(({ group, inside }) =>
    inside.map(({ id, label, papers, representatives, size: all }): Section => {
      const name = `${id + 1}  ${label}`
      const isSaid = group === undefined || label.startsWith(group) || columns < width(name) + width(group) + 16
      return {
        papers: listed(papers),
        label,
        first: [...new Set([...representatives, ...papers.map(({ id }) => id)])],
        head: (shown) =>
          wrapped(
            `${colors.bold(colors.green(name))} ${colors.dim(`${size(shown, all)}${isSaid ? '' : `  ${group}`}`)}`,
            columns,
            '',
            '   ',
          ),
      }
    }),
  )
  const { outliers } = topics
  if (outliers.length > 0)
    sections.push({
      papers: listed(outliers),
      first: outliers.map(({ id }) => id),
      head: (shown) =>
        `${colors.bold(colors.yellow('Apart from all topics'))} ${colors.dim(size(shown, outliers.length))}`,
    })
  return sections
}

/** How many papers of each section fit into `rows` lines, and whether blank lines between sections fit too. */
function fitted(
  sections: readonly Section[],
  rows: number,
): { readonly shown: readonly number[]; readonly isAiry: boolean } {
  const all = sections.map(({ papers }) => papers.length)
  const heads = lineCount(sections.map(({ head }) => head(1)))
  const lines = heads + all.reduce((sum, size) => sum + size, 0)
  if (lines <= rows) return { shown: all, isAiry: lines + sections.length - 1 <= rows }
  const shown = all.map(() => 0)
  // One line reports how many papers are hidden.
  let room = rows - heads - 1
  for (let isMore = true; isMore && room > 0; ) {
    isMore = false
    for (const [i, size] of all.entries()) {
      if (room <= 0 || (shown[i] as number) >= size) continue
      shown[i] = (shown[i] as number) + 1
      room--
      isMore = true
    }
  }
  return { shown, isAiry: false }
}

const lineCount = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.split('\n').length, 0)

const indented = (text: string, columns: number) => text.replace(/^/gmu, ' '.repeat(columns))
