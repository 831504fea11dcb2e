// Recommendation: the options that name liked papers, and how recommended ones are shown.
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
import { marksFolder, readMarks } from '../serve/marks.ts'
import { readPapers } from '../sources/read-papers.ts'
import { type CommandContext, marksOption, outOption, several } from './command.ts'
import { wrapped } from './fitted-text.ts'
import { type PapersArguments, sourceReading } from './open-papers.ts'
import { paperTable } from './table.ts'
import type { Colors } from './terminal.ts'

/** The values of `likingOptions()`. */
export interface LikingArguments {
  readonly like?: readonly string[]
  readonly unlike?: readonly string[]
  readonly marks?: string
}

/** The value of `--like` that means the papers starred in `paperkin serve`; a file of that name is `./stars`. */
const stars = 'stars'

/** The options that name liked and disliked papers. */
export const likingOptions = () => [
  new Option(
    '--like <file>',
    `papers that you like: a file, an id, or \`${stars}\` for those starred in \`paperkin serve\`; may be repeated`,
  ).argParser(several),
  new Option('--unlike <file>', 'papers that you do not want: a file, or an id; may be repeated').argParser(several),
  marksOption(),
]

/** The number of recommended papers in a digest and a report. */
export const forYouCount = 10

/** `-o, --out <file>`, for recommended papers. */
export const feedOption = () =>
  outOption('write the recommended papers to a file: a feed (.xml, .atom), a page to mail (.html), or Markdown (.md)')

/** Liked and disliked papers, as `library.recommend` takes them. */
export interface Liking {
  readonly liked: readonly Seed[]
  readonly disliked: readonly Seed[]
}

/** Liked and disliked papers that may include those marked in a library. */
export type ReadLiking = (library: PaperLibrary) => Promise<Liking>

/**
 * Resolves `--like` and `--unlike`: ids stay ids, files become their papers, and `--like stars` adds the marks of the
 * library, which must be known then. Undefined without `--like`.
 * @throws PaperkinError `invalid-argument` if only `--unlike` is given
 */
export async function readLiking(
  { like = [], unlike = [], strict, library: place, marks }: LikingArguments & PapersArguments,
  context: CommandContext,
): Promise<ReadLiking | undefined> {
  if (like.length === 0 && unlike.length > 0)
    throw new PaperkinError(
      'invalid-argument',
      'Expected --like with --unlike: name a file of papers that you like, or an id.',
    )
  if (like.length === 0) return undefined
  const noLibrary = () =>
    new PaperkinError(
      'invalid-argument',
      `Expected a library with \`--like ${stars}\`, as stars are of its papers: name it with --library.`,
    )
  const hasStars = like.includes(stars)
  if (hasStars && place === undefined && !context.env.PAPERKIN_LIBRARY) throw noLibrary()
  const read = (option: string, names: readonly string[]) => judgedPapers(option, names, strict === true, context)
  const named = {
    liked: await read(
      '--like',
      like.filter((name) => name !== stars),
    ),
    disliked: await read('--unlike', unlike),
  }
  if (!hasStars) return () => Promise.resolve(named)
  return async (library) => {
    if (library.path === undefined) throw noLibrary()
    const { signal } = context
    const folder = marksFolder(library, marks)
    if (folder === undefined) throw noMarks(`\`--like ${stars}\``)
    const marked = await keptLiking(library, { marks, signal })
    if (marked === undefined)
      throw new PaperkinError(
        'invalid-argument',
        `Expected papers that you starred in \`paperkin serve\` for \`--like ${stars}\`, but ${folder} has none: star some, or name a file.`,
      )
    // What is named on the command line overrides a mark.
    const all = [...named.liked, ...named.disliked]
    const ids = all.filter((seed) => typeof seed !== 'object')
    const known = await library.readPapers(ids, { signal })
    const isNamed = new Set([
      ...all.flatMap((seed) => (typeof seed === 'object' ? seed.id : [])),
      ...known.map((paper) => paper?.id),
    ])
    const unnamed = (ids: readonly Seed[]) => ids.filter((id) => !isNamed.has(id as string))
    return {
      liked: [...named.liked, ...unnamed(marked.liked)],
      disliked: [...named.disliked, ...unnamed(marked.disliked)],
    }
  }
}

/** The error for a library on Postgres where stars are needed. */
export const noMarks = (needed: string) =>
  new PaperkinError(
    'invalid-argument',
    `Expected --marks with ${needed} of a library on Postgres: name a folder in which your stars are kept.`,
  )

/** The error where nothing is liked, neither by `--like` nor by marks. */
export function nothingLiked(library: PaperLibrary, marks: string | undefined, otherwise: string): PaperkinError {
  const hasPlace = library.path === undefined || marksFolder(library, marks) !== undefined
  return hasPlace ? new PaperkinError('invalid-argument', otherwise) : noMarks('the stars, or --like,')
}

/**
 * The marks from `paperkin serve` on papers still in the library: starred means liked, hidden means disliked. Undefined if
 * none is starred, or for a library on Postgres without `marks`.
 * @param options `marks`: the folder of the marks. @default that of the library
 */
export async function keptLiking(
  library: PaperLibrary,
  { marks, signal }: { readonly marks?: string | undefined; readonly signal: AbortSignal },
): Promise<Liking | undefined> {
  const folder = marksFolder(library, marks)
  if (folder === undefined) return undefined
  const { starred, hidden } = await readMarks(folder)
  const marked = [...new Set([...starred, ...hidden])]
  const found = await library.readPapers(marked, { signal })
  const isThere = new Set(marked.filter((_, i) => found[i] !== undefined))
  const liked = starred.filter((id) => isThere.has(id))
  if (liked.length === 0) return undefined
  return { liked, disliked: hidden.filter((id) => isThere.has(id) && !liked.includes(id)) }
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
      // A name with a folder or an extension is meant as a file.
      if (/[\\/]|\.(?!\d)\w+$/u.test(name))
        throw new PaperkinError(
          'unreadable-source',
          `Expected ${option} to name a file of papers or an id, but the file ${name} does not exist.`,
        )
      judged.push(name)
      continue
    }
    const { sources, read } = sourceReading([name], isStrict ? { strict: true } : {}, context)
    const papers = await readPapers(sources, {
      ...read,
      ...(!isStrict && {
        onProblem: (problem: { readonly message: string }) => context.terminal.note(problem.message),
      }),
    })
    if (papers.length === 0)
      throw new PaperkinError('unreadable-source', `Expected papers in ${name} (${option}), but found none.`)
    judged.push(...papers)
  }
  return judged
}

/** `For you, of 63 papers, by 4 papers that you like`. */
export function forYouHeading({ known }: Recommendations, { liked }: Liking, from: number): string {
  const left = known.length > 0 ? ` (${count(known.length, 'paper')} left out as known)` : ''
  return `For you, of ${count(from, 'paper')}, by ${count(liked.length, 'paper')} that you like${left}`
}

/** Lines of recommended papers, each followed by its reasons; a warning comes first if none is near. */
export function forYouLines(
  hits: readonly Recommendation[],
  { colors, isBrief = false }: { readonly colors: Colors; readonly isBrief?: boolean },
  columns: number,
): string[] {
  if (hits.length === 0) return ['No papers left to recommend.']
  const lines = paperTable(
    hits.map(({ paper, score, isDuplicate }) => ({ paper, score, mark: isDuplicate ? '(near-duplicate)' : '' })),
    colors,
    columns,
  ).split('\n')
  const isFar = hits.every(({ score }) => score < 0.5)
  return [
    ...(isFar
      ? [colors.yellow(wrapped('Nothing here is much like the papers you like; the nearest are:', columns))]
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

/** Writes recommended papers to the file of `--out`, in the format of its extension; returns a line that says so. */
export async function writeRecommended(out: string, { hits }: Recommendations, title: string): Promise<string> {
  await requireOutside('--out', out)
  await recommendedFile(out, { title, papers: hits })
  return `Wrote ${out}: ${count(hits.length, 'paper')} for you`
}
