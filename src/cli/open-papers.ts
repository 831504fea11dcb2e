// The one place that opens what a command works on: papers read from files, or a library on disk.
import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { PaperkinError } from '../errors.ts'
import { PaperLibrary } from '../library/paper-library.ts'
import { type Paper, paperName, paperText } from '../paper.ts'
import { doiOf, paperDoi, paperLink } from '../report/links.ts'
import { count } from '../report/wording.ts'
import type { NamedSource } from '../sources/open-source.ts'
import {
  isError,
  type NamedPapers,
  type PaperSource,
  type ProblemEvent,
  problemError,
  type ReadOptions,
  readSources,
  type SourceSummary,
} from '../sources/read-papers.ts'
import type { SourceProblem } from '../sources/reading.ts'
import type { CommandContext, SourceArguments } from './command.ts'
import type { Terminal } from './terminal.ts'

/** The values of `papersOptions()`. */
export interface PapersArguments extends SourceArguments {
  readonly library?: string
}

export interface OpenPapers {
  readonly library: PaperLibrary
  /** The dates that the files name; none of a library on disk. */
  readonly dates: readonly string[]
  /** What the files were taken for; none of a library on disk. */
  readonly sources: readonly SourceSummary[]
}

/**
 * Tells the file from the words in `[file] <words...>`: with `--library` all are words; otherwise the first is a file.
 * Where the library is a default (`PAPERKIN_LIBRARY`), the first is a file only if there is one of that name.
 */
export function fileAndWords(
  args: readonly string[],
  options: PapersArguments,
  { env }: CommandContext,
): { readonly files: readonly string[]; readonly text: string } {
  const [first, ...rest] = args
  const isFile = options.library === undefined && (!env.PAPERKIN_LIBRARY || first === '-' || existsSync(first ?? ''))
  if (!isFile) return { files: [], text: args.join(' ') }
  if (rest.length === 0)
    throw new PaperkinError(
      'invalid-argument',
      `Expected a file and words after it, got ${JSON.stringify(first ?? '')} alone: name both, or a library with --library.`,
    )
  return { files: [first as string], text: rest.join(' ') }
}

/** What takes the place of the model where papers are only looked up. */
const unembedded = (texts: readonly string[]) => texts.map(() => Float32Array.of(1))

/**
 * Opens the papers of `files`, or where there are none the library of `--library` or `PAPERKIN_LIBRARY`, for as long as
 * `use` lasts. Without `isEmbedded` they can be looked up and read, and nothing is computed.
 */
export async function withPapers<Result>(
  files: readonly string[],
  options: PapersArguments,
  context: CommandContext,
  use: (papers: OpenPapers) => Promise<Result>,
  { isEmbedded = true }: { readonly isEmbedded?: boolean } = {},
): Promise<Result> {
  if (files.length > 0 && options.library !== undefined)
    throw new PaperkinError('invalid-argument', 'Expected files or --library, got both: leave one out.')
  if (files.length === 0) return withLibrary(options, context, (library) => use({ library, dates: [], sources: [] }))
  const library = await PaperLibrary.open(isEmbedded ? {} : { embedder: unembedded, areas: false })
  try {
    const { dates, sources, updated } = await addFiles(library, files, options, context)
    for (const id of updated) context.terminal.note(`Took the later text of ${id}`)
    return await use({ library, dates, sources })
  } finally {
    await library.close()
  }
}

/** How a command opens a library. */
interface LibraryUse {
  /** Whether the command changes the library. @default false */
  readonly isWriting?: boolean
  /** @default true */
  readonly create?: boolean
  readonly reembed?: boolean
  readonly repair?: boolean
}

/** Opens the library of `--library` or `PAPERKIN_LIBRARY`, for as long as `use` lasts. */
export async function withLibrary<Result>(
  options: { readonly library?: string },
  context: CommandContext,
  use: (library: PaperLibrary) => Promise<Result>,
  { isWriting = false, create = true, reembed = false, repair = false }: LibraryUse = {},
): Promise<Result> {
  const path = libraryPath(options, context)
  const progress = context.terminal.progress('embedding', 'papers')
  const open = (embedder?: 'none') =>
    PaperLibrary.open({
      path,
      readOnly: !isWriting,
      create,
      reembed,
      repair,
      signal: context.signal,
      onProgress: progress.update,
      ...(embedder && { embedder }),
    })
  // Vectors of one's own, or of another model: what needs no model can be done all the same.
  const library = await open()
    .catch((error) => {
      if (!PaperkinError.isInstance(error) || error.code !== 'store-mismatch' || reembed) throw error
      return open('none').catch(() => Promise.reject(error))
    })
    .finally(progress.clear)
  try {
    return await use(library)
  } finally {
    await library.close()
  }
}

/** The folder that `--library` or `PAPERKIN_LIBRARY` names. */
export function libraryPath(options: { readonly library?: string }, { env }: CommandContext): string {
  const path = options.library ?? env.PAPERKIN_LIBRARY
  if (path) return path
  throw new PaperkinError(
    'invalid-argument',
    'Expected a file or a library: name a file, or a folder with --library or in PAPERKIN_LIBRARY.',
  )
}

/** What reading files into a library came to. */
interface AddSummary {
  /** Papers read. */
  readonly read: number
  readonly added: number
  /** Ids whose text or fields were different before. */
  readonly updated: readonly string[]
  readonly unchanged: number
  readonly titleOnly: number
  readonly truncated: number
  /** What was left out or may be damaged. */
  readonly problems: readonly SourceProblem[]
  /** The dates that the files name. */
  readonly dates: readonly string[]
  /** What each file was taken for. */
  readonly sources: readonly SourceSummary[]
}

/** Papers are handed to the library in groups of so many. */
const GROUP = 2000
/** So many problems are told one by one; `--verbose` tells all. */
const MOST_TOLD = 10

/** What to read and how, of the files (`-` is standard input) and the options of a command. */
export function sourceReading(
  files: readonly (string | NamedSource | NamedPapers)[],
  { year, source, columns }: SourceArguments,
  { signal, stdin }: CommandContext,
): { readonly sources: readonly (PaperSource | NamedPapers)[]; readonly read: ReadOptions } {
  return {
    sources: files.map((file) => (file === '-' ? { name: 'standard input', content: stdin as Readable } : file)),
    read: {
      signal,
      ...(year !== undefined && { year }),
      ...(source !== undefined && { format: source }),
      ...(columns !== undefined && { columns }),
    },
  }
}

/**
 * Reads files (`-` is standard input) into a library, with progress. Problems are told on standard error when all is read;
 * with `--strict` the first ends it.
 * @throws PaperkinError where nothing was read
 */
export async function addFiles(
  library: PaperLibrary,
  files: readonly (string | NamedSource | NamedPapers)[],
  options: SourceArguments & { readonly onPaper?: (paper: Paper) => void },
  context: CommandContext,
): Promise<AddSummary> {
  const { signal, terminal } = context
  // Nothing new is no failure of what others read.
  const isRead = files.some((file) => typeof file === 'object' && 'papers' in file)
  const { sources, read } = sourceReading(files, options, context)
  const names = sources.map((source) => (typeof source === 'string' ? source : source.name)).join(', ')
  const problems: ProblemEvent[] = []
  const dates: string[] = []
  const summaries: SourceSummary[] = []
  const updated: string[] = []
  const sum = { read: 0, added: 0, unchanged: 0, titleOnly: 0, truncated: 0 }
  const group = new Map<string, Paper>()
  const progress = terminal.progress('embedding', 'papers')
  let share = 0
  const flush = async (isLast: boolean) => {
    const papers = [...group.values()]
    group.clear()
    const before = sum.read
    sum.read += papers.length
    // How many there are in all is known at the end; until then the share of the file tells.
    const total = isLast ? sum.read : share > 0 && share < 1 ? Math.round(sum.read / share) : undefined
    const result = await library.add(papers, {
      signal,
      onProgress: ({ done }) => progress.update({ done: before + done, ...(total !== undefined && { total }) }),
    })
    sum.added += result.added.length
    sum.unchanged += result.unchanged.length
    sum.titleOnly += result.titleOnly.length
    sum.truncated += result.truncated.length
    updated.push(...result.updated)
    for (const { id, fields } of result.lostFields)
      terminal.note(`The later record of ${id} has no ${fields.join(', ')}: the paper lost what it had`)
    for (const { id, tokens, cut } of result.truncated)
      terminal.detail(`${id} has ${tokens} word pieces: the last ${cut} are not in its embedding`)
  }
  try {
    const events = readSources(sources, {
      ...read,
      holderOf: (id) => library.get(id),
      onProgress: ({ done, total }) => {
        share = files.length === 1 && total ? done / total : 0
      },
    })
    for await (const event of events) {
      if ('paper' in event) {
        const { paper } = event
        options.onPaper?.(paper)
        const other = group.get(paper.id)
        // A later file may have another text of a paper: it takes the place of the earlier one.
        if (group.size >= GROUP || (other !== undefined && paperText(other) !== paperText(paper))) await flush(false)
        group.set(paper.id, paper)
      } else if ('summary' in event) summaries.push(event.summary)
      else if ('date' in event) dates.push(event.date)
      else if ('format' in event) terminal.detail(`${event.source} is read as ${event.format}`)
      else if (options.strict && isError(event.problem)) throw problemError([event])
      else problems.push(event)
    }
    await flush(true)
  } finally {
    progress.clear()
  }
  const [first] = problems
  if (sum.read === 0 && first !== undefined && problems.length === 1) throw problemError([first])
  tellProblems(
    problems.map(({ problem }) => problem),
    terminal,
  )
  tellSources(summaries, terminal)
  if (sum.read === 0 && !isRead)
    throw new PaperkinError(
      'unreadable-source',
      `Nothing was read from ${names}: ${count(problems.length, 'problem')}.`,
    )
  return { ...sum, updated, problems: problems.map(({ problem }) => problem), dates, sources: summaries }
}

/** Tells what files were taken for: `3 papers from PubMed NBIB, 12 from BibTeX (2 files)`. */
export function tellSources(sources: readonly SourceSummary[], terminal: Terminal): void {
  const found = new Map<string, { papers: number; files: number }>()
  for (const { papers } of sources)
    for (const { from, count: papersOfIt } of papers) {
      const sum = found.get(from) ?? { papers: 0, files: 0 }
      found.set(from, { papers: sum.papers + papersOfIt, files: sum.files + 1 })
    }
  const parts = [...found].map(
    ([from, { papers, files }], i) =>
      `${i === 0 ? count(papers, 'paper') : papers.toLocaleString('en-US')} from ${from}${files > 1 ? ` (${files} files)` : ''}`,
  )
  if (parts.length > 0) terminal.note(parts.join(', '))
}

/** Tells problems one by one on standard error, and the rest of many in one line. */
export function tellProblems(problems: readonly SourceProblem[], terminal: Terminal): void {
  // A whole file that is refused is told by its name, however many there are; what can be read instead, once.
  const isWhole = ({ line, record }: SourceProblem) => line === undefined && record === undefined
  const refused = problems.filter(isWhole)
  for (const [i, { message }] of refused.entries())
    terminal.note(i === 0 ? message : message.replace(/ What can be read is .*$/u, ''))
  const others = problems.filter((problem) => !isWhole(problem))
  for (const { message, text } of others.slice(0, MOST_TOLD)) terminal.note(problemLine(message, text))
  const more = others.slice(MOST_TOLD)
  for (const { message, text } of more) terminal.detail(problemLine(message, text))
  if (more.length === 0) return
  const reasons = new Map<string, number>()
  for (const { reason } of more) {
    const kind = reason.replace(/"[^"]*"|\(.*?\)|\d+/gu, '…')
    reasons.set(kind, (reasons.get(kind) ?? 0) + 1)
  }
  const list = [...reasons].sort((a, b) => b[1] - a[1]).map(([reason, number]) => `${number} × ${reason}`)
  terminal.note(`… and ${count(more.length, 'more problem')} (--verbose lists them): ${list.slice(0, 5).join('; ')}`)
}

const problemLine = (message: string, text: string | undefined) =>
  text === undefined ? message : `${message}: ${text.slice(0, 60)}${text.length > 60 ? '…' : ''}`

/** `60 papers added, 2 updated, 1 known already; 3 passed over: 63 papers in FOLDER`, for commands that write. */
export function summaryLine(
  { added, updated, unchanged, titleOnly, problems }: AddSummary,
  library: PaperLibrary,
  { colors }: Terminal,
): string {
  const left = problems.filter(({ kind }) => kind === 'bad' || kind === 'passed-over').length
  const number = (count: number) => count.toLocaleString('en-US')
  const parts = [
    colors.bold(`${count(added, 'paper')} added`),
    ...(updated.length > 0 ? [`${number(updated.length)} updated`] : []),
    ...(unchanged > 0 ? [`${number(unchanged)} known already`] : []),
    ...(titleOnly > 0 ? [`${number(titleOnly)} without an abstract`] : []),
  ]
  const passed = left > 0 ? `; ${number(left)} passed over` : ''
  return `${parts.join(', ')}${passed}: ${count(library.size, 'paper')} in ${library.path}`
}

/**
 * The one paper that a text names: by its id or the beginning of one, a DOI, an address, or words of its title.
 * @throws PaperkinError `invalid-argument` where several are meant, `paper-not-found`
 */
export function namedPaper(library: PaperLibrary, text: string): Paper {
  const found = library.find(text, { k: 6 })
  const [best] = found
  if (best?.match === 'exact') return best.paper
  const titled = found.flatMap(({ match, paper }) => (match === 'words' ? [paper] : []))
  const named = new Map(titled.map((paper) => [paper.id, paper]))
  for (const paper of addressed(library, text)) named.set(paper.id, paper)
  const [only] = named.values()
  if (only !== undefined && named.size === 1) return only
  const list = [...(named.size > 0 ? [...named.values()].slice(0, 5) : found.slice(0, 3).map(({ paper }) => paper))]
    .map((paper) => `${paper.id} (${paperName(paper)})`)
    .join('; ')
  if (named.size > 1)
    throw new PaperkinError(
      'invalid-argument',
      `More than one ${titled.length === named.size ? 'title has the words' : 'paper may be meant by'} ${JSON.stringify(text)}: name one by its id, such as ${list}.`,
    )
  const remedy = list === '' ? 'name it by its id or by words of its title' : `the nearest are ${list}`
  throw new PaperkinError('paper-not-found', `There is no paper ${JSON.stringify(text)}; ${remedy}.`)
}

/** Fewer letters begin too many ids. */
const leastOfId = 3

/** The papers whose DOI or address a text is, or whose ids begin with it. */
function addressed(library: PaperLibrary, text: string): readonly Paper[] {
  const asked = text.trim().toLowerCase()
  if (asked.length < leastOfId || /\s/u.test(asked)) return []
  const doi = doiOf(asked)
  if (doi !== undefined) return library.papers().filter((paper) => paperDoi(paper) === doi)
  if (!/^https?:\/\//u.test(asked)) return library.papers().filter(({ id }) => id.toLowerCase().startsWith(asked))
  // The pages of a paper at other sites have its arXiv id in their addresses.
  const [id] = /(?<!\d)\d{4}\.\d{4,5}(?!\d)/u.exec(asked) ?? []
  const own = id === undefined ? undefined : library.get(id)
  if (own !== undefined) return [own]
  const place = (url: string | undefined) => url?.toLowerCase().replace(/^https?:\/\/(?:www\.)?|\/?(?:#.*)?$/gu, '')
  return library.papers().filter((paper) => [paper.url, paperLink(paper)].some((url) => place(url) === place(asked)))
}
