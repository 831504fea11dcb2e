// Opens what a command works on: papers read from files, or a library on disk.
import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { PaperkinError } from '../errors.ts'
import type { FoundPaper } from '../library/collection/find-papers.ts'
import { PaperLibrary } from '../library/paper-library.ts'
import { isPostgresUrl } from '../library/postgres/database.ts'
import { type Paper, paperName, paperText } from '../paper.ts'
import { doiOf, paperDoi, paperLink } from '../report/links.ts'
import { count } from '../report/wording.ts'
import type { NamedSource } from '../sources/open-source.ts'
import {
  isError,
  type NamedPapers,
  type ProblemEvent,
  problemError,
  type ReadOptions,
  readSources,
  type SourceSummary,
} from '../sources/read-papers.ts'
import type { SourceProblem } from '../sources/reading.ts'
import type { CommandContext, LibraryArguments, SourceArguments } from './command.ts'
import type { Terminal } from './terminal.ts'

/** The values of `papersOptions()`. */
export interface PapersArguments extends SourceArguments, LibraryArguments {}

export interface OpenPapers {
  readonly library: PaperLibrary
  /** The dates named in the files; empty for a library. */
  readonly dates: readonly string[]
  /** The detected formats; empty for a library. */
  readonly sources: readonly SourceSummary[]
}

/**
 * Separates the file from the words in `[file] <words...>`. With `--library` all are words; otherwise the first is a
 * file. If the library is only a default (`PAPERKIN_LIBRARY`), the first is a file only if that file exists.
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
      `Expected a file followed by words, got only ${JSON.stringify(first ?? '')}: give both, or name a library with --library.`,
    )
  return { files: [first as string], text: rest.join(' ') }
}

/** Replaces the model when papers are only looked up. */
const unembedded = (texts: readonly string[]) => texts.map(() => Float32Array.of(1))

/**
 * Opens the papers of `files`, or without files the library of `--library` or `PAPERKIN_LIBRARY`, until `use` settles.
 * With `isEmbedded: false` papers can only be looked up and read, and nothing is computed.
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
  if (files.length > 0) requireNoSchema(options)
  if (files.length === 0) return withLibrary(options, context, (library) => use({ library, dates: [], sources: [] }))
  const library = await PaperLibrary.open(isEmbedded ? {} : { embedder: unembedded, areas: false })
  try {
    const { dates, sources, updated } = await addFiles(library, files, options, context)
    for (const id of updated) context.terminal.note(`${id} occurs more than once: kept the last text`)
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

/** Opens the library of `--library` or `PAPERKIN_LIBRARY` until `use` settles. */
export async function withLibrary<Result>(
  options: LibraryArguments,
  context: CommandContext,
  use: (library: PaperLibrary) => Promise<Result>,
  { isWriting = false, create = true, reembed = false, repair = false }: LibraryUse = {},
): Promise<Result> {
  const place = libraryPlace(options, context)
  const progress = context.terminal.progress('embedding', 'papers')
  const open = (embedder?: 'none') =>
    PaperLibrary.open({
      ...place,
      readOnly: !isWriting,
      create,
      reembed,
      repair,
      signal: context.signal,
      onProgress: progress.update,
      ...(embedder && { embedder }),
    })
  // With vectors of the user's own or of another model, everything that needs no model still works.
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

/** Where a library is, as `PaperLibrary.open` takes it. */
type LibraryPlace = { readonly path: string } | { readonly postgres: string; readonly schema: string | undefined }

/**
 * The folder or database that `--library` or `PAPERKIN_LIBRARY` names; `PAPERKIN_SCHEMA` is the default of `--schema`.
 * @throws PaperkinError `invalid-argument` without either, for a schema of a folder, and for a url of another kind, which
 * is not shown, as it may have a password
 */
export function libraryPlace({ library, schema }: LibraryArguments, { env }: CommandContext): LibraryPlace {
  const place = library ?? env.PAPERKIN_LIBRARY
  if (!place)
    throw new PaperkinError(
      'invalid-argument',
      'Expected a file or a library: name a file, or a folder or a url with --library or in PAPERKIN_LIBRARY.',
    )
  if (isPostgresUrl(place)) return { postgres: place, schema: schema ?? (env.PAPERKIN_SCHEMA || undefined) }
  // One letter is a drive.
  if (/^[a-z][a-z\d+.-]+:\//iu.test(place))
    throw new PaperkinError(
      'invalid-argument',
      'Expected a library to be a folder or a url such as postgres://user@host/database, got another kind of url: correct --library or PAPERKIN_LIBRARY.',
    )
  if (schema !== undefined)
    throw new PaperkinError(
      'invalid-argument',
      `Expected --schema with a library on Postgres, but the library is the folder ${place}: leave --schema out, or name a url with --library.`,
    )
  return { path: place }
}

/** @throws PaperkinError `invalid-argument` for a schema where no library is meant */
export function requireNoSchema({ schema }: LibraryArguments): void {
  if (schema === undefined) return
  throw new PaperkinError(
    'invalid-argument',
    `Expected --library with --schema, got the schema ${JSON.stringify(schema)} alone: add the url of the database, or leave it out.`,
  )
}

/** All papers of a library. */
export async function allPapers(library: PaperLibrary, signal: AbortSignal): Promise<Paper[]> {
  const papers: Paper[] = []
  for await (const paper of library.streamPapers({ signal })) papers.push(paper)
  return papers
}

/** The result of reading files into a library. */
interface AddSummary {
  /** Papers read. */
  readonly read: number
  readonly added: number
  /** Ids whose text or fields changed. */
  readonly updated: readonly string[]
  readonly unchanged: number
  readonly titleOnly: number
  readonly truncated: number
  /** Skipped or possibly damaged records. */
  readonly problems: readonly SourceProblem[]
  /** The dates named in the files. */
  readonly dates: readonly string[]
  /** The detected format of each file. */
  readonly sources: readonly SourceSummary[]
}

/** Papers per call of `library.add`. */
const groupSize = 2000
/** Problems listed one by one; `--verbose` lists all. */
const maxListedProblems = 10

/** The sources and reading options for a command's files (`-` is standard input) and options. */
export function sourceReading<Source extends string | NamedSource | NamedPapers>(
  files: readonly Source[],
  { year, source, columns }: SourceArguments,
  { signal, stdin }: CommandContext,
): { readonly sources: readonly (Source | NamedSource)[]; readonly read: ReadOptions } {
  if (files.some((file) => typeof file === 'string' && isPostgresUrl(file)))
    throw new PaperkinError('invalid-argument', 'Expected files, got a url of Postgres: name a library with --library.')
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
 * Reads files (`-` is standard input) into a library, with progress. Problems are reported on standard error at the end;
 * with `--strict` the first one is thrown.
 * @throws PaperkinError if nothing was read
 */
export async function addFiles(
  library: PaperLibrary,
  files: readonly (string | NamedSource | NamedPapers)[],
  options: SourceArguments & { readonly onPaper?: (paper: Paper) => void },
  context: CommandContext,
): Promise<AddSummary> {
  const { signal, terminal } = context
  // An empty fetch is not a failure.
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
    // The total is known only at the end; until then it is estimated from the share of the file read.
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
      terminal.note(`The later record of ${id} has no ${fields.join(', ')}: the earlier value is lost`)
    for (const { id, tokens, cut } of result.truncated)
      terminal.detail(`${id} has ${tokens} word pieces: the last ${cut} are not in its embedding`)
  }
  try {
    const events = readSources(sources, {
      ...read,
      holdersOf: (ids) => library.readPapers(ids, { signal }),
      onProgress: ({ done, total }) => {
        share = files.length === 1 && total ? done / total : 0
      },
    })
    for await (const event of events) {
      if ('paper' in event) {
        const { paper } = event
        options.onPaper?.(paper)
        const other = group.get(paper.id)
        // A later text of a paper replaces the earlier one.
        if (group.size >= groupSize || (other !== undefined && paperText(other) !== paperText(paper)))
          await flush(false)
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
  reportProblems(
    problems.map(({ problem }) => problem),
    terminal,
  )
  reportSources(summaries, terminal)
  if (sum.read === 0 && !isRead)
    throw new PaperkinError(
      'unreadable-source',
      `Nothing was read from ${names}: ${count(problems.length, 'problem')}.`,
    )
  return { ...sum, updated, problems: problems.map(({ problem }) => problem), dates, sources: summaries }
}

/** Reports the detected formats: `3 papers from PubMed NBIB, 12 from BibTeX (2 files)`. */
export function reportSources(sources: readonly SourceSummary[], terminal: Terminal): void {
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

/** Reports problems on standard error: the first ones each, the rest in one line. */
export function reportProblems(problems: readonly SourceProblem[], terminal: Terminal): void {
  // Every refused file is named, but the list of readable formats is printed only once.
  const isWhole = ({ line, record }: SourceProblem) => line === undefined && record === undefined
  const refused = problems.filter(isWhole)
  for (const [i, { message }] of refused.entries())
    terminal.note(i === 0 ? message : message.replace(/ Supported formats are .*$/u, ''))
  const others = problems.filter((problem) => !isWhole(problem))
  for (const { message, text } of others.slice(0, maxListedProblems)) terminal.note(problemLine(message, text))
  const more = others.slice(maxListedProblems)
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

/** `60 papers added, 2 updated, 1 already known; 3 skipped: 63 papers in FOLDER`, for commands that write. */
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
    ...(unchanged > 0 ? [`${number(unchanged)} already known`] : []),
    ...(titleOnly > 0 ? [`${number(titleOnly)} without an abstract`] : []),
  ]
  const passed = left > 0 ? `; ${number(left)} skipped` : ''
  return `${parts.join(', ')}${passed}: ${count(library.size, 'paper')} in ${library.path}`
}

/**
 * The one paper that a text names: by its id or the start of it, a DOI, an address, or words of its title.
 * @throws PaperkinError `invalid-argument` if several match, `paper-not-found` if none does
 */
export async function namedPaper(library: PaperLibrary, text: string, signal: AbortSignal): Promise<Paper> {
  const found = await library.findPapers(text, { k: mostFound, signal })
  const [best] = found
  if (best?.match === 'exact') return best.paper
  const titled = found.slice(0, 6).flatMap(({ match, paper }) => (match === 'words' ? [paper] : []))
  const named = new Map(titled.map((paper) => [paper.id, paper]))
  for (const paper of await addressed(library, text, { found, signal })) named.set(paper.id, paper)
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

/** Papers looked through for ids that begin with a text: more than share its words or its beginning on Postgres. */
const mostFound = 400

/** Shorter prefixes match too many ids. */
const minIdPrefix = 3

/**
 * The papers that have this DOI or address, or whose ids start with the text.
 * @param options `found`: what was found by the text
 */
async function addressed(
  library: PaperLibrary,
  text: string,
  { found, signal }: { readonly found: readonly FoundPaper[]; readonly signal: AbortSignal },
): Promise<readonly Paper[]> {
  const asked = text.trim().toLowerCase()
  if (asked.length < minIdPrefix || /\s/u.test(asked)) return []
  const all = async (isMeant: (paper: Paper) => boolean) => {
    const meant: Paper[] = []
    for await (const paper of library.streamPapers({ signal })) if (isMeant(paper)) meant.push(paper)
    return meant
  }
  const doi = doiOf(asked)
  if (doi !== undefined) return all((paper) => paperDoi(paper) === doi)
  if (!/^https?:\/\//u.test(asked)) {
    const isMeant = ({ id }: Paper) => id.toLowerCase().startsWith(asked)
    const meant = found.flatMap(({ paper }) => (isMeant(paper) ? [paper] : []))
    // All are read only where nothing else is left, as an id in other letters.
    return meant.length > 0 || found.some(({ match }) => match === 'words') ? meant : all(isMeant)
  }
  // Addresses on other sites often contain the paper's arXiv id.
  const [id] = /(?<!\d)\d{4}\.\d{4,5}(?!\d)/u.exec(asked) ?? []
  const [own] = id === undefined ? [] : await library.readPapers([id], { signal })
  if (own !== undefined) return [own]
  const place = (url: string | undefined) => url?.toLowerCase().replace(/^https?:\/\/(?:www\.)?|\/?(?:#.*)?$/gu, '')
  return all((paper) => [paper.url, paperLink(paper)].some((url) => place(url) === place(asked)))
}
