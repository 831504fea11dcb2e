import { Option } from 'commander'
import { count, longDate, longSpan } from '../../report/wording.ts'
import { type ReportFormat, type ReportProgress, reportFormats } from '../../report/write-report.ts'
import type { TopicMethod } from '../../topics/find-topics.ts'
import {
  defineCommand,
  fileHelp,
  kinOption,
  methodOption,
  outOption,
  papersOptions,
  seedOption,
  topicsOption,
} from '../command.ts'
import { forYouCount, type LikingArguments, likingOptions, readLiking } from '../for-you.ts'
import { namesOption, readNames, unmatchedLine } from '../named-topics.ts'
import { type NoveltyArguments, noveltyOptions, withNovelty } from '../novelty.ts'
import { allPapers, type PapersArguments, withPapers } from '../open-papers.ts'

interface ReportOptions extends PapersArguments, NoveltyArguments, LikingArguments {
  readonly out?: string
  readonly format?: ReportFormat
  readonly title?: string
  readonly topics: number | 'auto'
  readonly method: TopicMethod
  readonly kin: number
  readonly seed: number
  readonly names?: string
}

const verbs: Readonly<Record<ReportProgress['step'], string>> = { kin: 'comparing', map: 'drawing', page: 'packing' }

export const report = defineCommand<ReportOptions>({
  name: 'report',
  summary: 'write a page with a map, topics, search and every paper with its kin',
  description:
    'The page is a single file that opens from disk and fetches nothing. An --out ending in .md, .json, .svg or .xml writes Markdown, the data, the map or a feed instead. Without --out, what --format names goes to standard output, and the page to report.html. With --like, Markdown and JSON list the papers for you first, and a feed holds only those.',
  usage: '[options] FILE… | --library LIBRARY',
  arguments: [['[file...]', fileHelp]],
  options: [
    outOption('the file to write (default: report.html)'),
    new Option('--format <format>', 'what to write, if the ending of --out does not say it').choices(reportFormats),
    new Option('--title <title>', 'the heading (default: the date of the digest, or the number of papers)'),
    ...likingOptions(),
    topicsOption().default('auto'),
    namesOption(),
    methodOption(),
    kinOption('how many kin of each paper', 8, { maximum: 50 }).default(8),
    seedOption(),
    ...noveltyOptions(),
    ...papersOptions(),
  ],
  examples: [
    'paperkin report today.txt --out today.html',
    'paperkin report today.txt --format markdown --like refs.bib',
    'paperkin report --library papers --like stars --out papers.md',
  ],
  run: async (files, options, context) => {
    const asked = await readLiking(options, context)
    return withPapers(files, options, context, ({ library: all, dates, sources }) =>
      withNovelty(all, options, context.signal, async (library, { novelty }) => {
        const { signal, terminal } = context
        const liking = await asked?.(all)
        // Without a library there are no earlier papers to miss.
        const showsNovelty = novelty.missing === undefined || all.path !== undefined || options.since !== undefined
        const { format, method, kin, seed } = options
        const isPage = format === undefined || format === 'html'
        const path = options.out ?? (isPage ? 'report.html' : undefined)
        const days = [...new Set(dates)].map(longDate).join(', ')
        const { from, to } = novelty
        const when = options.since === undefined || from === null || to === null ? days : longSpan(from, to)
        const title = options.title ?? (when === '' ? undefined : `Papers of ${when}`)
        const named = options.names === undefined ? undefined : await readNames(options.names, library, signal)
        const topics = await library.topics({ method, count: options.topics, named, seed, signal })
        const among = library === all ? undefined : (await allPapers(library, signal)).map(({ id }) => id)
        const forYou = liking && (await all.recommend({ ...liking, among, k: forYouCount, why: true, signal }))
        const unmatched = unmatchedLine(topics)
        if (unmatched !== undefined) terminal.note(unmatched)
        let step: ReportProgress['step'] | undefined
        let line = terminal.progress('', 'papers')
        const text = await library
          .report(topics, {
            path,
            format,
            title,
            kin,
            seed,
            ...(showsNovelty && { novelty }),
            ...(forYou && { recommended: forYou.hits }),
            signal,
            onProgress: (progress) => {
              if (progress.step !== step) {
                line.clear()
                line = terminal.progress(verbs[progress.step], 'papers')
                step = progress.step
              }
              line.update(progress)
            },
          })
          .finally(() => line.clear())
        if (path === undefined) {
          await terminal.write(text)
          return undefined
        }
        const written = {
          path,
          bytes: Buffer.byteLength(text),
          papers: library.size,
          topics: topics.count,
          outliers: topics.outliers.length,
          ...(named && { unmatched: topics.unmatched }),
          sources,
        }
        const size =
          written.bytes < 1e6 ? `${Math.ceil(written.bytes / 1e3)} kB` : `${(written.bytes / 1e6).toFixed(1)} MB`
        return {
          page: () => `Wrote ${path}: ${count(library.size, 'paper')}, ${count(topics.count, 'topic')}, ${size}.`,
          data: () => written,
          records: () => [written],
        }
      }),
    )
  },
})
