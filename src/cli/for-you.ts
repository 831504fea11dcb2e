// Papers for someone, by those that they liked: the options that name these, and how what is recommended is shown.
import { existsSync } from 'node:fs'
import { Option } from 'commander'
import { PaperkinError } from '../errors.ts'
import type { Recommendation, Recommendations } from '../library/asking/recommend.ts'
import type { Seed } from '../library/asking/seeds.ts'
import type { PaperLibrary } from '../library/paper-library.ts'
import { requireOutside } from '../library/storage/log-folder.ts'
import { paperName } from '../paper.ts'
import { count, shortScore } from '../report/wording.ts'
import { recommendedFile } from '../report/write-recommended.ts'
import { readMarks } from '../serve/marks.ts'
import { readPapers } from '../sources/read-papers.ts'
import { type CommandContext, outOption, type SourceArguments, several } from './command.ts'
import { wrapped } from './fitted-text.ts'
import { sourceReading } from './open-papers.ts'
import { paperTable } from './table.ts'
import type { Colors } from './terminal.ts'

/** The values of `likingOptions()`. */
export interface LikingArguments {
  readonly like?: readonly string[]
  readonly unlike?: readonly string[]
}

/** The options that name papers that someone likes, and others that they do not. */
export const likingOptions = () => [
  new Option('--like <file>', 'papers that you like: a file of them, or an id; may be given again').argParser(several),
  new Option('--unlike <file>', 'papers that you do not want, in the same way; may be given again').argParser(several),
]

/** So many papers are for someone in a digest and a report. */
export const FOR_YOU = 10

/** `-o, --out <file>`, for recommended papers. */
export const feedOption = () =>
  outOption('write them to a file: a feed (.xml, .atom), a page to mail (.html), or Markdown (.md)')

/** Papers that were judged, as `library.recommend` takes them. */
export interface Liking {
  readonly liked: readonly Seed[]
  readonly disliked: readonly Seed[]
}

/**
 * What the options name: ids as they are, and the papers of files. Undefined where nothing is liked.
 * @throws PaperkinError `invalid-argument` where only `--unlike` is given
 */
export async function readLiking(
  { like = [], unlike = [], strict }: LikingArguments & SourceArguments,
  context: CommandContext,
): Promise<Liking | undefined> {
  if (like.length === 0 && unlike.length > 0)
    throw new PaperkinError(
      'invalid-argument',
      'Expected --like beside --unlike: name a file of papers that you like, or an id.',
    )
  if (like.length === 0) return undefined
  const read = (option: string, names: readonly string[]) => judgedPapers(option, names, strict === true, context)
  return { liked: await read('--like', like), disliked: await read('--unlike', unlike) }
}

/**
 * What was marked in `paperkin serve`, as far as its papers are in the library: starred ones are liked, hidden ones are not
 * wanted. Undefined where none is starred.
 */
export async function keptLiking(library: PaperLibrary): Promise<Liking | undefined> {
  const { starred, hidden } = await readMarks(library.path as string)
  const liked = starred.filter((id) => library.has(id))
  if (liked.length === 0) return undefined
  return { liked, disliked: hidden.filter((id) => library.has(id) && !liked.includes(id)) }
}

async function judgedPapers(
  option: string,
  given: readonly string[],
  isStrict: boolean,
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
    const { sources, read } = sourceReading([name], isStrict ? { strict: true } : {}, context)
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

/** `For you, of 63 papers, by 4 papers that you like`. */
export function forYouHeading({ known }: Recommendations, { liked }: Liking, from: number): string {
  const left = known.length > 0 ? ` (${count(known.length, 'paper')} left out as known)` : ''
  return `For you, of ${count(from, 'paper')}, by ${count(liked.length, 'paper')} that you like${left}`
}

/** Lines of recommended papers, with what speaks for each below it; a word before where none is near. */
export function forYouLines(
  hits: readonly Recommendation[],
  { colors, isBrief = false }: { readonly colors: Colors; readonly isBrief?: boolean },
  columns: number,
): string[] {
  if (hits.length === 0) return ['No paper is left to recommend.']
  const lines = paperTable(
    hits.map(({ paper, score, isDuplicate }) => ({ paper, score, mark: isDuplicate ? '(near-duplicate)' : '' })),
    colors,
    columns,
  ).split('\n')
  const isFar = hits.every(({ score }) => score < 0.5)
  return [
    ...(isFar
      ? [colors.yellow(wrapped('Nothing here looks more like them than like the rest; the nearest are:', columns))]
      : []),
    ...lines.flatMap((line, i) => [line, ...(isBrief ? [] : reasonLines(hits[i], columns).map(colors.dim))]),
  ]
}

function reasonLines(hit: Recommendation | undefined, columns: number): string[] {
  if (hit?.why === undefined) return []
  const { liked, terms } = hit.why
  const [nearest] = liked
  const words = terms.slice(0, 6).map(({ term }) => term)
  return [
    ...(nearest
      ? [`${shortScore(nearest.similarity)} as ${paperName({ title: nearest.title, abstract: nearest.id })}`]
      : []),
    ...(words.length > 0 ? [words.join(', ')] : []),
  ].map((line) => wrapped(line, columns, '      '))
}

/** A recommended paper as data: the paper's fields, its score, and what speaks for it. */
export function recommendedData({ paper, ...found }: Recommendation): unknown {
  return { ...paper, ...found }
}

/** Writes recommended papers to the file of `--out`, whose ending says the format; gives a line that says so. */
export async function writeRecommended(out: string, { hits }: Recommendations, title: string): Promise<string> {
  await requireOutside('--out', out)
  await recommendedFile(out, { title, papers: hits })
  return `Wrote ${out}: ${count(hits.length, 'paper')} for you`
}
