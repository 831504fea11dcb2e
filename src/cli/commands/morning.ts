import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import type { Paper } from '../../paper.ts'
import { count, longDate } from '../../report/wording.ts'
import { feedFormat } from '../../report/write-recommended.ts'
import { fetchDaily } from '../../sources/fetch-daily.ts'
import type { SourceProblem } from '../../sources/reading.ts'
import { defineCommand, fileHelp, outOption, papersOptions, seedOption, topicsOption } from '../command.ts'
import { type FetchArguments, fetchOptions, politeness } from '../fetched.ts'
import {
  forYouCount,
  forYouHeading,
  forYouLines,
  keptLiking,
  type LikingArguments,
  likingOptions,
  nothingLiked,
  readLiking,
  writeRecommended,
} from '../for-you.ts'
import { hitData } from '../hits.ts'
import { namesOption, readNames, unmatchedLine } from '../named-topics.ts'
import { noveltyOptions, withNovelty } from '../novelty.ts'
import { addFiles, allPapers, type PapersArguments, reportProblems, summaryLine, withLibrary } from '../open-papers.ts'

interface MorningArguments extends PapersArguments, LikingArguments, FetchArguments {
  readonly daily?: string | true
  readonly out?: string
  readonly forMe?: string
  readonly names?: string
  readonly topics: number | 'auto'
  readonly weeks: number
  readonly seed: number
}

const ofFetching = ['--base-url', '--contact', '--timeout']

export const morning = defineCommand<MorningArguments>({
  name: 'morning',
  summary: 'add the papers of a day to a library, and show their topics and which are for you',
  description:
    'One step for every morning: reads or fetches, adds, finds topics of those papers and what is new about them, recommends, and writes a report. The same again gives the same: known papers are not embedded twice. Where reading or fetching fails, the library and the last report stay as they are. Without --like, what you starred in `paperkin serve` is liked.',
  usage: '[options] --library LIBRARY FILE… | --library LIBRARY --daily',
  arguments: [['[file...]', fileHelp]],
  options: [
    new Option('--daily [day]', 'fetch the papers of a digest page, the latest or those of a day such as 2025-03-12'),
    outOption('the report: a page (.html), Markdown, JSON, SVG or a feed, by its ending'),
    new Option(
      '--for-me <file>',
      'the papers for you: a feed (.xml, .atom), a page to mail (.html), or Markdown (.md)',
    ),
    ...likingOptions(),
    namesOption(),
    topicsOption().default('auto'),
    ...noveltyOptions().filter(({ long }) => long === '--weeks'),
    seedOption(),
    ...fetchOptions().filter(({ long }) => ofFetching.includes(long ?? '')),
    ...papersOptions(),
  ],
  examples: [
    'paperkin morning --library papers today.txt --out today.html',
    'paperkin morning --library papers today.txt --like refs.bib --for-me me.xml',
    'paperkin morning --library papers --daily 2025-03-12 --out today.html',
  ],
  run: async (files, options, context) => {
    const { daily, out, forMe, seed, weeks, names, marks } = options
    if (files.length > 0 === (daily !== undefined))
      throw new PaperkinError('invalid-argument', 'Expected files or --daily: name the files of the day, or fetch it.')
    if (forMe !== undefined) feedFormat(forMe)
    const named = await readLiking(options, context)
    const { signal, terminal } = context
    const problems: SourceProblem[] = []
    const day = typeof daily === 'string' ? daily : undefined
    const papers = () =>
      fetchDaily({
        ...politeness(options, context),
        onProblem: (problem) => problems.push(problem),
        ...(day !== undefined && { date: day }),
      })
    return withLibrary(
      options,
      context,
      async (all) => {
        const liking = await (named?.(all) ?? keptLiking(all, { marks, signal }))
        if (liking === undefined && forMe !== undefined)
          throw nothingLiked(
            all,
            marks,
            'Expected --like beside --for-me, or papers that you starred in `paperkin serve`.',
          )
        const ids = new Set<string>()
        const onPaper = ({ id }: Paper) => ids.add(id)
        const sources = daily === undefined ? files : [{ name: 'daily papers', papers: papers() }]
        const summary = await addFiles(all, sources, { ...options, onPaper }, context)
        reportProblems(problems, terminal)
        const sum = {
          library: all.path,
          size: all.size,
          ...summary,
          problems: [...problems, ...summary.problems],
          papers: [...ids],
        }
        if (ids.size === 0) {
          const data = { ...sum, topics: [], outliers: [] }
          return { page: () => 'No paper today; nothing was written.', data: () => data, records: () => [] }
        }
        return withNovelty(all, { papers: [...ids], weeks }, signal, async (shown, { novelty }) => {
          const own = names === undefined ? undefined : await readNames(names, shown, signal)
          const topics = await shown.topics({ count: options.topics, named: own, seed, signal })
          const unmatched = unmatchedLine(topics)
          if (unmatched !== undefined) terminal.note(unmatched)
          const found =
            liking && (await all.recommend({ ...liking, among: [...ids], k: forYouCount, why: true, signal }))
          const days = [...new Set(summary.dates.length > 0 ? summary.dates : day === undefined ? [] : [day])]
          const title = days.length === 0 ? undefined : `Papers of ${days.map(longDate).join(', ')}`
          if (out !== undefined)
            await shown.report(topics, {
              path: out,
              title,
              seed,
              ...(novelty.missing === undefined && { novelty }),
              ...(found && { recommended: found.hits }),
              signal,
            })
          const written = [
            ...(out === undefined
              ? []
              : [`Wrote ${out}: ${count(shown.size, 'paper')}, ${count(topics.count, 'topic')}.`]),
            ...(forMe === undefined || found === undefined
              ? []
              : [await writeRecommended(forMe, found, title === undefined ? 'For you' : `For you: ${title}`)]),
          ]
          const data = {
            ...sum,
            topics: topics.topics.map(({ id, label, size }) => ({ id, label, size })),
            outliers: topics.outliers,
            ...(found && liking && { forYou: { liked: liking.liked.length, hits: found.hits.map(hitData) } }),
            ...(out !== undefined && { out }),
            ...(forMe !== undefined && { forMe }),
          }
          const records = data.forYou?.hits ?? (await allPapers(shown, signal))
          return {
            page: (columns) =>
              [
                summaryLine(summary, all, terminal),
                topics.topics.map(({ label, size }) => `${label} ${size}`).join(' · '),
                ...(found && liking
                  ? [
                      '',
                      forYouHeading(found, liking, ids.size),
                      '',
                      ...forYouLines(found.hits, { colors: terminal.colors, isBrief: true }, columns),
                    ]
                  : []),
                ...(written.length > 0 ? ['', ...written] : []),
              ].join('\n'),
            data: () => data,
            records: () => records,
          }
        })
      },
      { isWriting: true },
    )
  },
})
