// Outputs fetched papers: a list on the terminal, a file of JSON lines, or papers in a library.
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { Option } from 'commander'
import { PaperkinError, systemCode } from '../errors.ts'
import { requireOutside } from '../library/storage/log-folder.ts'
import type { Paper } from '../paper.ts'
import { count } from '../report/wording.ts'
import { modeOf, outputPlace, putInPlace, writeAll, writeOutput } from '../runtime/atomic-file.ts'
import type { FetchOptions } from '../sources/polite-fetch.ts'
import type { SourceProblem } from '../sources/reading.ts'
import {
  type Answer,
  type CommandContext,
  type LibraryArguments,
  libraryOptions,
  number,
  outOption,
} from './command.ts'
import { addFiles, reportProblems, requireNoSchema, summaryLine, withLibrary } from './open-papers.ts'
import { paperTable } from './table.ts'
import { duration } from './terminal.ts'

export interface FetchArguments extends LibraryArguments {
  readonly out?: string
  readonly force?: boolean
  readonly baseUrl?: string
  readonly contact?: string
  readonly timeout: number
}

/** The options of every fetching command. */
export const fetchOptions = () => [
  ...libraryOptions('add the papers to this library'),
  outOption('write the papers to this file, as JSON lines'),
  new Option('--force', 'overwrite an existing file'),
  new Option('--base-url <url>', 'use a mirror of the interface'),
  new Option('--contact <address>', 'how the server’s operators can reach you; sent in the user agent'),
  new Option('--timeout <seconds>', 'how long to wait for a response')
    .argParser(number('--timeout', 0.001, 3600))
    .default(30),
]

/** Fetch options for the functions in `src/sources`; retries are noted on standard error. */
export function politeness(options: FetchArguments, { signal, terminal, env }: CommandContext): FetchOptions {
  const contact = options.contact ?? env.PAPERKIN_CONTACT
  return {
    signal,
    timeout: Math.round(options.timeout * 1000),
    ...(options.baseUrl !== undefined && { baseUrl: options.baseUrl }),
    ...(contact && { contact }),
    onRetry: ({ reason, attempt, delay }) =>
      terminal.note(`${reason}; trying again in ${duration(delay / 1000)} (${attempt})`),
  }
}

/** Saved state of a resumable fetch. */
interface Resume {
  readonly of: string
  /** Results received so far, bad ones included. */
  readonly next: number
  readonly papers: number
  readonly bytes: number
}

/** A source of papers that can skip the first `start` results. */
type Fetch = (
  start: number,
  events: {
    readonly onProblem: (problem: SourceProblem) => void
    readonly onPage: (page: { next: number; total: number }) => void
  },
) => AsyncIterable<Paper>

/**
 * Runs a fetch and outputs the papers as the options say. `of` names what is fetched; an unfinished file of the same
 * fetch is resumed.
 */
export async function fetched(
  options: FetchArguments,
  context: CommandContext,
  { of, fetch }: { readonly of: string; readonly fetch: Fetch },
): Promise<Answer> {
  if (options.out !== undefined && options.library !== undefined)
    throw new PaperkinError('invalid-argument', 'Expected --out or --library, got both: leave one out.')
  const { terminal } = context
  const problems: SourceProblem[] = []
  const onProblem = (problem: SourceProblem) => problems.push(problem)
  if (options.library !== undefined) {
    return withLibrary(
      options,
      context,
      async (library) => {
        const papers = fetch(0, { onProblem, onPage: () => {} })
        const found = await addFiles(library, [{ name: of, papers }], {}, context)
        reportProblems(problems, terminal)
        const summary = { ...found, problems: [...problems, ...found.problems] }
        const data = () => ({ of, library: library.path, size: library.size, ...summary })
        return { page: () => summaryLine(summary, library, terminal), data, records: () => [data()] }
      },
      { isWriting: true },
    )
  }
  requireNoSchema(options)
  if (options.out !== undefined) {
    const { out } = options
    const work = { of, fetch: (start: number, onPage: OnPage) => fetch(start, { onProblem, onPage }) }
    const { kind, path } = await place(out, options)
    const papers = await (kind === 'file' ? intoFile(path, work, context) : intoStream(path, work)).catch((error) => {
      throw unwritable(error, out)
    })
    reportProblems(problems, terminal)
    const data = { of, papers, out, problems }
    const line = `Wrote ${count(papers, 'paper')} to ${out}`
    // Standard output may be carrying the papers: keep it free of anything else.
    if (kind === 'stream') terminal.note(line)
    return { ...(kind === 'file' && { page: () => line }), data: () => data, records: () => [data] }
  }
  const papers: Paper[] = []
  const progress = terminal.progress('fetching', 'papers')
  try {
    for await (const paper of fetch(0, { onProblem, onPage: () => {} })) {
      papers.push(paper)
      progress.update({ done: papers.length })
    }
  } finally {
    progress.clear()
  }
  reportProblems(problems, terminal)
  return {
    page: (columns) =>
      papers.length === 0
        ? 'No papers found.'
        : paperTable(
            papers.map((paper) => ({ paper })),
            terminal.colors,
            columns,
          ),
    data: () => papers,
    records: () => papers,
  }
}

type OnPage = (page: { next: number; total: number }) => void

interface Work {
  readonly of: string
  readonly fetch: (start: number, onPage: OnPage) => AsyncIterable<Paper>
}

/** Resolves `--out`. An existing file needs `--force`; a file inside a library is always refused. */
async function place(out: string, { force }: FetchArguments): Promise<{ kind: 'file' | 'stream'; path: string }> {
  await requireOutside('--out', out)
  const found = await outputPlace(out).catch((error) => {
    throw unwritable(error, out)
  })
  if (found.kind === 'file' && found.exists && !force)
    throw new PaperkinError(
      'invalid-argument',
      `Expected a file that does not exist yet, got ${out}: name another, or add --force.`,
    )
  return found
}

function unwritable(error: unknown, out: string): unknown {
  const code = systemCode(error)
  if (PaperkinError.isInstance(error) || code === undefined) return error
  const what =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'the disk is full: free some space and run the same command again to resume'
      : code === 'ENOENT'
        ? 'its folder does not exist: create it or name another file'
        : `writing failed (${code}): name another file`
  return new PaperkinError('store-unwritable', `Expected to write ${out}, but ${what}.`, { cause: error })
}

/** Writes to a device or a pipe as papers arrive. */
async function intoStream(out: string, { fetch }: Work): Promise<number> {
  let written = 0
  await writeOutput(
    out,
    (async function* () {
      for await (const paper of fetch(0, () => {})) {
        written++
        yield `${JSON.stringify(paper)}\n`
      }
    })(),
  )
  return written
}

/** Writes to `FILE.part` and saves progress in `FILE.resume`; both are gone once the file is complete. */
async function intoFile(out: string, { of, fetch }: Work, { terminal }: CommandContext): Promise<number> {
  const part = `${out}.part`
  const resumeFile = `${out}.resume`
  const resume = await resumable(resumeFile, part, of)
  if (resume !== undefined) terminal.note(`Resuming after the first ${count(resume.papers, 'paper')}`)
  const file = await open(part, resume === undefined ? 'w' : 'r+', (await modeOf(out)) ?? 0o666)
  let papers = resume?.papers ?? 0
  const progress = terminal.progress('fetching', 'papers')
  try {
    let bytes = resume?.bytes ?? 0
    // Everything after the last complete page is fetched again.
    await file.truncate(bytes)
    let total: number | undefined
    let page: { next: number; total: number } | undefined
    let lines: string[] = []
    const save = async () => {
      bytes += await writeAll(file, Buffer.from(lines.join('')), bytes)
      lines = []
      if (page === undefined) return
      await file.sync()
      await writeOutput(resumeFile, [JSON.stringify({ of, next: page.next, papers, bytes } satisfies Resume)])
      total = page.total
      page = undefined
    }
    const found = fetch(resume?.next ?? 0, (finished) => {
      page = finished
    })
    try {
      for await (const paper of found) {
        // The finished page ended before this paper.
        if (page !== undefined) await save()
        lines.push(`${JSON.stringify(paper)}\n`)
        papers++
        progress.update({ done: papers, ...(total !== undefined && { total }) })
      }
    } catch (error) {
      if (page !== undefined && systemCode(error) === undefined) await save()
      throw error
    }
    await save()
    await file.sync()
  } finally {
    progress.clear()
    await file.close()
  }
  await putInPlace(part, out)
  await rm(resumeFile, { force: true })
  return papers
}

/** The state of an earlier run of the same fetch, if its file holds what it claims: whole lines, one per paper. */
async function resumable(resumeFile: string, part: string, of: string): Promise<Resume | undefined> {
  let file: FileHandle | undefined
  try {
    const resume = JSON.parse(await readFile(resumeFile, 'utf8')) as Resume
    const { next, papers, bytes } = resume
    if (resume.of !== of || ![next, papers, bytes].every((number) => Number.isSafeInteger(number) && number >= 0))
      return undefined
    file = await open(part, 'r')
    let lines = 0
    let read = 0
    let last = 10
    for await (const chunk of file.createReadStream({ end: Math.max(0, bytes - 1), autoClose: false })) {
      if (bytes === 0) break
      read += (chunk as Buffer).length
      for (const byte of chunk as Buffer) if (byte === 10) lines++
      last = (chunk as Buffer).at(-1) ?? last
    }
    return read === bytes && lines === papers && last === 10 ? resume : undefined
  } catch {
    // Unreadable state: start from the beginning.
    return undefined
  } finally {
    await file?.close()
  }
}
