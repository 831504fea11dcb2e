// The one place that opens what a command works on: papers read from files, or a library on disk.
import { existsSync } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { PaperkinError } from '../errors.ts'
import { PaperLibrary } from '../library/paper-library.ts'
import { type Paper, paperName } from '../paper.ts'
import { type Digest, parseDigest, readDigest } from '../sources/read-digest.ts'
import type { CommandContext } from './command.ts'

/** The values of `collectionOptions()`. */
export interface CollectionOptions {
  readonly library?: string
  readonly year?: number
}

export interface Collection {
  readonly library: PaperLibrary
  /** The dates that the files name; none of a library on disk. */
  readonly dates: readonly string[]
}

/**
 * Tells the file from the words in `[file] <words...>`: with `--library` all are words; otherwise the first is a file.
 * Where the library is a default (`PAPERKIN_LIBRARY`), the first is a file only if there is one of that name.
 */
export function fileAndWords(
  args: readonly string[],
  options: CollectionOptions,
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

/**
 * Opens the papers of `files`, or where there are none the library of `--library` or `PAPERKIN_LIBRARY`, for as long as
 * `use` lasts.
 */
export async function withCollection<Result>(
  files: readonly string[],
  options: CollectionOptions,
  context: CommandContext,
  use: (collection: Collection) => Promise<Result>,
): Promise<Result> {
  if (files.length > 0 && options.library !== undefined)
    throw new PaperkinError('invalid-argument', 'Expected files or --library, got both: leave one out.')
  if (files.length === 0) return withLibrary(options, context, (library) => use({ library, dates: [] }))
  const library = await PaperLibrary.open()
  try {
    const { dates, updated } = await addFiles(library, files, options, context)
    for (const id of updated) context.terminal.note(`Took the later text of ${id}`)
    return await use({ library, dates })
  } finally {
    await library.close()
  }
}

/** How a command opens a library. */
export interface LibraryUse {
  /** Whether the command changes the library, which is then made where there is none. @default false */
  readonly isWriting?: boolean
  readonly reembed?: boolean
  readonly repair?: boolean
}

/** Opens the library of `--library` or `PAPERKIN_LIBRARY`, for as long as `use` lasts. */
export async function withLibrary<Result>(
  options: { readonly library?: string },
  context: CommandContext,
  use: (library: PaperLibrary) => Promise<Result>,
  { isWriting = false, reembed = false, repair = false }: LibraryUse = {},
): Promise<Result> {
  const path = libraryPath(options, context)
  const progress = context.terminal.progress('embedding', 'papers')
  const library = await PaperLibrary.open({
    path,
    readOnly: !isWriting,
    reembed,
    repair,
    signal: context.signal,
    onProgress: progress.update,
  }).finally(progress.clear)
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
export interface AddSummary {
  /** Papers read. */
  readonly read: number
  readonly added: number
  /** Ids whose text or fields were different before. */
  readonly updated: readonly string[]
  readonly unchanged: number
  readonly titleOnly: number
  readonly truncated: number
  /** The dates that the files name. */
  readonly dates: readonly string[]
}

/** Reads files into a library, with progress. */
export async function addFiles(
  library: PaperLibrary,
  files: readonly string[],
  options: CollectionOptions,
  { signal, terminal, stdin }: CommandContext,
): Promise<AddSummary> {
  const year = options.year === undefined ? {} : { year: options.year }
  const digests: Digest[] = []
  for (const file of files)
    digests.push(
      file === '-'
        ? parseDigest(await readAll(addAbortSignal(signal, stdin as Readable)), { ...year, name: 'standard input' })
        : await readDigest(file, year),
    )
  const sum = { read: 0, added: 0, unchanged: 0, titleOnly: 0, truncated: 0 }
  const updated: string[] = []
  for (const [i, { papers, skipped }] of digests.entries()) {
    const progress = terminal.progress('embedding', 'papers')
    const result = await library.add(papers, { signal, onProgress: progress.update }).finally(progress.clear)
    const file = files[i] === '-' ? 'standard input' : files[i]
    for (const { line, text } of skipped)
      terminal.note(`Passed over line ${line} of ${file}, which has no title: ${text.slice(0, 60)}…`)
    sum.read += papers.length
    sum.added += result.added.length
    sum.unchanged += result.unchanged.length
    sum.titleOnly += result.titleOnly.length
    sum.truncated += result.truncated.length
    updated.push(...result.updated)
    for (const { id, tokens, cut } of result.truncated)
      terminal.detail(`${id} has ${tokens} word pieces: the last ${cut} are not in its embedding`)
  }
  return { ...sum, updated, dates: digests.flatMap(({ date }) => (date === undefined ? [] : [date])) }
}

/**
 * The one paper that a text names, by its id or by words of its title.
 * @throws PaperkinError `invalid-argument` where several are meant, `paper-not-found`
 */
export function namedPaper(library: PaperLibrary, text: string): Paper {
  const found = library.find(text, { k: 6 })
  const [best] = found
  if (best?.match === 'exact') return best.paper
  const named = found.filter(({ match }) => match === 'words')
  if (named.length === 1) return (named[0] as (typeof named)[number]).paper
  const list = (named.length > 0 ? named.slice(0, 5) : found.slice(0, 3))
    .map(({ paper }) => `${paper.id} (${paperName(paper)})`)
    .join('; ')
  if (named.length > 1)
    throw new PaperkinError(
      'invalid-argument',
      `More than one title has the words ${JSON.stringify(text)}: name one by its id, such as ${list}.`,
    )
  const remedy = list === '' ? 'name it by its id or by words of its title' : `the nearest are ${list}`
  throw new PaperkinError('paper-not-found', `There is no paper ${JSON.stringify(text)}; ${remedy}.`)
}
