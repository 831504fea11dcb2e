// What is new in a collection, for the commands that report it.
import { Option } from 'commander'
import { PaperLibrary } from '../library/paper-library.ts'
import { type Paper, paperName } from '../paper.ts'
import { namedThings, nothingFrequent, shortScore, timesAsFrequent, whatIsCompared } from '../report/wording.ts'
import type { Novelty } from '../topics/novelty.ts'
import { integer } from './command.ts'
import { wrapped } from './fitted-text.ts'
import { table } from './table.ts'
import type { Colors } from './terminal.ts'

/** The values of `noveltyOptions()`. */
export interface NoveltyArguments {
  readonly since?: string
  readonly weeks: number
  /** Ids of the new papers, in place of `since`. */
  readonly papers?: readonly string[]
}

/** The options of a command that reports what is new. */
export const noveltyOptions = () => [
  new Option('--since <date>', 'only papers from this day on, and what is new about them'),
  new Option('--weeks <count>', 'how many earlier weeks to compare the new papers with')
    .argParser(integer('--weeks', 1, 5200))
    .default(8),
]

/** What is new, and the names of the papers listed with it. */
interface News {
  readonly novelty: Novelty
  readonly nameOf: ReadonlyMap<string, string>
}

const titlesShown = 3

/** Calls `use` with what is new and the library to show: all of it, or only the new papers with `--since`. */
export async function withNovelty<Result>(
  library: PaperLibrary,
  { since, weeks, papers: chosen }: NoveltyArguments,
  signal: AbortSignal,
  use: (shown: PaperLibrary, news: News) => Promise<Result>,
): Promise<Result> {
  const novelty = await library.novelty({ since, papers: chosen, weeks, signal })
  const named = await library.readPapers(
    [...novelty.areas, ...novelty.terms].flatMap((one) => one.papers.slice(0, titlesShown)),
    { signal },
  )
  const news = { novelty, nameOf: new Map(named.flatMap((paper) => (paper ? [[paper.id, paperName(paper)]] : []))) }
  if (since === undefined && chosen === undefined) return use(library, news)
  const shown = await PaperLibrary.open(library.embedder === undefined ? { embedder: 'none' } : {})
  try {
    const papers = await library.readPapers(novelty.papers, { signal })
    const vectors = await library.readVectors(novelty.papers, { signal })
    // On Postgres others may have removed some meanwhile.
    const isThere = (_: unknown, i: number) => papers[i] !== undefined && vectors[i] !== undefined
    await shown.add(papers.filter(isThere) as Paper[], { vectors: vectors.filter(isThere) as Float32Array[], signal })
    return await use(shown, news)
  } finally {
    await shown.close()
  }
}

/** What is new, as lines of a page; empty if nothing can be said and `isAsked` is false. */
export function noveltyPage(
  { novelty, nameOf }: News,
  { colors, isAsked }: { readonly colors: Colors; readonly isAsked: boolean },
  columns: number,
): string[] {
  const { unlike, missing, earlier, papers } = novelty
  if (missing !== undefined)
    return isAsked ? [colors.dim(wrapped(`Cannot say what is new: ${missing}.`, columns)), ''] : []
  const lines = [wrapped(`${colors.bold(colors.yellow('What is new'))}  ${whatIsCompared(novelty)}`, columns), '']
  const found = namedThings(novelty)
  if (found.length > 0) {
    const rows = found.map(({ name, count, before, ratio, isTentative }) => [
      name,
      String(count),
      before.toLocaleString('en-US'),
      timesAsFrequent({ ratio, before }),
      isTentative ? 'may be chance' : '',
    ])
    const [header, ...body] = table(
      [
        { header: 'more frequent than before', isFlexible: true },
        { header: `of ${papers.length}`, align: 'right' },
        { header: `of ${earlier.count.toLocaleString('en-US')}`, align: 'right' },
        { align: 'right' },
        { isOptional: true, style: colors.dim },
      ],
      rows,
      columns - 3,
    ).split('\n')
    lines.push(`   ${colors.dim(header)}`)
    for (const [i, { papers, isWide }] of found.entries()) {
      lines.push(`   ${body[i]}`)
      // Three titles say nothing about a whole discipline.
      if (isWide) continue
      const more = papers.length - titlesShown
      const rest = more > 0 ? ` … and ${more} more` : ''
      const cells = papers
        .slice(0, titlesShown)
        .map((id, place) => [{ text: nameOf.get(id) ?? id, suffix: place === titlesShown - 1 ? rest : '' }])
      lines.push(table([{ isFlexible: true, style: colors.dim }], cells, columns - 6).replace(/^/gmu, '      '))
    }
  } else lines.push(`   ${nothingFrequent}`)
  if (unlike.length > 0) {
    lines.push('', `   ${colors.dim('unlike any earlier paper; the nearest, and how near')}`)
    const line = (text: string, indent: string) =>
      indent + table([{ isFlexible: true }], [[text]], columns - indent.length)
    for (const { title, id, nearest, area, before = 0 } of unlike) {
      lines.push(line(title || id, '   '))
      lines.push(colors.dim(line(`${shortScore(nearest.similarity)}  ${nearest.title || nearest.id}`, '      ')))
      if (area !== undefined) lines.push(colors.dim(line(`${before || 'none'} before in ${area}`, '           ')))
    }
  }
  return [...lines, '']
}
