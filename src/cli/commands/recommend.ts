import { existsSync } from 'node:fs'
import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import type { Recommendation } from '../../library/asking/recommend.ts'
import type { Seed } from '../../library/asking/seeds.ts'
import { paperName } from '../../paper.ts'
import { count, shortScore } from '../../report/wording.ts'
import { readPapers } from '../../sources/read-papers.ts'
import { type CommandContext, defineCommand, fileHelp, hitsOption, papersOptions } from '../command.ts'
import { type PapersArguments, sourceReading, withLibrary, withPapers } from '../open-papers.ts'
import { paperTable, wrapped } from '../table.ts'
import type { Colors } from '../terminal.ts'

interface RecommendArguments extends PapersArguments {
  readonly k: number
  readonly like?: readonly string[]
  readonly unlike?: readonly string[]
  readonly omitDuplicates?: boolean
}

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

export const recommendCommand = defineCommand<RecommendArguments>({
  name: 'recommend',
  summary: 'the papers that are for you, by those that you like',
  description:
    'What is liked may be a reference manager’s file or any other that is read, or ids; the rest of the papers is what it is told from. With --library and files, the papers of the files are ranked and the library tells what is common.',
  usage: '[options] FILE… --like FILE | --library FOLDER [FILE…] --like FILE',
  arguments: [['[file...]', `${fileHelp}: what to choose from`]],
  options: [
    hitsOption(10),
    new Option('--like <file>', 'papers that you like: a file of them, or an id; may be given again').argParser(
      several,
    ),
    new Option('--unlike <file>', 'papers that you do not want, in the same way; may be given again').argParser(
      several,
    ),
    new Option('--omit-duplicates', 'leave near-duplicates of those papers out'),
    ...papersOptions(),
  ],
  examples: [
    'paperkin recommend today.txt --like refs.bib',
    'paperkin recommend today.txt --like refs.bib --unlike 2407.01234 --k 5',
    'paperkin recommend --library papers --like refs.bib --json',
  ],
  run: async (files, options, context) => {
    if ((options.like ?? []).length === 0)
      throw new PaperkinError('invalid-argument', 'Expected --like with a file of papers that you like, or an id.')
    const liked = await judgedPapers('--like', options.like ?? [], options, context)
    const disliked = await judgedPapers('--unlike', options.unlike ?? [], options, context)
    const { k, library: folder, omitDuplicates = false } = options
    const { signal } = context
    const answer = ({ hits, known }: Awaited<ReturnType<typeof ask>>, sources: readonly unknown[], from: number) => ({
      page: (columns: number) =>
        recommendationPage(hits, { liked: liked.length, known: known.length, from }, context.terminal.colors, columns),
      data: () => ({ liked: liked.length, disliked: disliked.length, hits: hits.map(hitData), known, sources }),
      records: () => hits.map(hitData),
    })
    const ask = (library: Parameters<Parameters<typeof withLibrary>[2]>[0], among?: readonly Seed[]) =>
      library.recommend({ liked, disliked, k, why: true, omitDuplicates, signal, ...(among && { among }) })
    if (files.length > 0 && folder !== undefined) {
      const { sources, read } = sourceReading(files, options, context)
      const among = await readPapers(sources as Parameters<typeof readPapers>[0], read)
      return withLibrary(options, context, async (library) => answer(await ask(library, among), [], among.length))
    }
    return withPapers(files, options, context, async ({ library, sources }) =>
      answer(await ask(library), sources, library.size),
    )
  },
})

/** Ids as they are, and the papers of files. */
async function judgedPapers(
  option: string,
  given: readonly string[],
  options: RecommendArguments,
  context: CommandContext,
): Promise<Seed[]> {
  const judged: Seed[] = []
  for (const name of given) {
    if (name !== '-' && !existsSync(name)) {
      // Something with a folder or an ending is meant to be a file.
      if (/[\\/]|\.(?!\d)\w+$/u.test(name))
        throw new PaperkinError(
          'unreadable-source',
          `Expected ${option} to name a file of papers or an id, but there is no ${name}.`,
        )
      judged.push(name)
      continue
    }
    const { sources, read } = sourceReading([name], { ...(options.strict && { strict: true }) }, context)
    const isStrict = options.strict === true
    const papers = await readPapers(sources as Parameters<typeof readPapers>[0], {
      ...read,
      ...(!isStrict && {
        onProblem: (problem: { readonly message: string }) => context.terminal.note(problem.message),
      }),
    })
    if (papers.length === 0)
      throw new PaperkinError('unreadable-source', `Expected papers in ${name}, which ${option} names, but found none.`)
    judged.push(...papers)
  }
  return judged
}

/** The paper's fields, its score, and what speaks for it. */
function hitData({ paper, ...found }: Recommendation): unknown {
  return { ...paper, ...found }
}

function recommendationPage(
  hits: readonly Recommendation[],
  { liked, known, from }: { readonly liked: number; readonly known: number; readonly from: number },
  colors: Colors,
  columns: number,
): string {
  const heading = `For you, of ${count(from, 'paper')}, by ${count(liked, 'paper')} that you like${known > 0 ? ` (${count(known, 'paper')} left out as known)` : ''}`
  if (hits.length === 0) return `${wrapped(heading, columns)}\n\nNo paper is left to recommend.`
  const lines = paperTable(
    hits.map(({ paper, score, isDuplicate }) => ({
      id: paper.id,
      name: isDuplicate ? `${paperName(paper)} (near-duplicate)` : paperName(paper),
      isTitleOnly: paper.titleOnly === true,
      score,
    })),
    colors,
    columns,
  ).split('\n')
  const isFar = hits.every(({ score }) => score < 0.5)
  const nothing = isFar
    ? `\n${colors.yellow('Nothing here looks more like them than like the rest; the nearest are:')}`
    : ''
  const withWhy = lines.flatMap((line, i) => [line, ...reasonLines(hits[i], columns).map(colors.dim)])
  return `${wrapped(heading, columns)}${nothing}\n\n${withWhy.join('\n')}`
}

function reasonLines(hit: Recommendation | undefined, columns: number): string[] {
  if (hit?.why === undefined) return []
  const { liked, terms } = hit.why
  const [nearest] = liked
  return [
    ...(nearest ? [`${shortScore(nearest.similarity).trim()} as ${nearest.title}`] : []),
    ...(terms.length > 0
      ? [
          terms
            .slice(0, 6)
            .map(({ term }) => term)
            .join(', '),
        ]
      : []),
  ].map((line) => wrapped(line, columns, '      '))
}
