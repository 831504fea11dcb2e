// What becomes of papers that were fetched: a list on the terminal, a file of JSON lines, or papers of a library.
import { existsSync } from 'node:fs'
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { Option } from 'commander'
import { PaperkinError } from '../errors.ts'
import { type Paper, paperName } from '../paper.ts'
import { count } from '../report/wording.ts'
import type { FetchOptions } from '../sources/polite-fetch.ts'
import type { SourceProblem } from '../sources/reading.ts'
import { addFiles, summaryLine, tellProblems, withLibrary } from './collection.ts'
import { type Answer, type CommandContext, libraryOption, number, outOption } from './command.ts'
import { table } from './table.ts'
import { duration } from './terminal.ts'

export interface FetchArguments {
  readonly out?: string
  readonly library?: string
  readonly force?: boolean
  readonly baseUrl?: string
  readonly contact?: string
  readonly timeout: number
}

/** The options of every command that fetches. */
export const fetchOptions = () => [
  libraryOption('add the papers to this library'),
  outOption('write the papers to this file, as JSON lines'),
  new Option('--force', 'write over a file that is there'),
  new Option('--base-url <url>', 'a mirror of the interface'),
  new Option('--contact <address>', 'where the server’s keepers may write to you; goes into the user agent'),
  new Option('--timeout <seconds>', 'how long to wait for an answer')
    .argParser(number('--timeout', 0.001, 3600))
    .default(30),
]

/** The options of a fetch as the library's functions take them, with notes on standard error. */
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

/** What a fetch that may be broken off remembers. */
interface Resume {
  readonly of: string
  /** How many of what was found were had, bad ones included. */
  readonly next: number
  readonly papers: number
  readonly bytes: number
}

/** A source of papers that can begin later: `start` papers were had already. */
export type Fetch = (
  start: number,
  tell: {
    readonly onProblem: (problem: SourceProblem) => void
    readonly onPage: (page: { next: number; total: number }) => void
  },
) => AsyncIterable<Paper>

/**
 * Runs a fetch and does with the papers what the options say. `of` names what is fetched: a file that was begun for the
 * same is gone on with.
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
    const papers = fetch(0, { onProblem, onPage: () => {} })
    return withLibrary(
      options,
      context,
      async (library) => {
        const found = await addFiles(library, [{ name: of, papers }], {}, context)
        tellProblems(problems, terminal)
        const summary = { ...found, problems: [...problems, ...found.problems] }
        const data = () => ({ of, library: library.path, size: library.size, ...summary })
        return { page: () => summaryLine(summary, library, terminal), data, records: () => [data()] }
      },
      { isWriting: true },
    )
  }
  if (options.out !== undefined) {
    const papers = await intoFile(options.out, options, context, {
      of,
      fetch: (start, onPage) => fetch(start, { onProblem, onPage }),
    })
    tellProblems(problems, terminal)
    const data = { of, papers, out: options.out, problems }
    return {
      page: () => `Wrote ${count(papers, 'paper')} to ${options.out}`,
      data: () => data,
      records: () => [data],
    }
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
  tellProblems(problems, terminal)
  return {
    page: (columns) =>
      papers.length === 0
        ? 'No paper was found.'
        : table(
            [{ isFlexible: true }, { isOptional: true, style: terminal.colors.dim }],
            papers.map((paper) => [paperName(paper), paper.id]),
            columns,
          ),
    data: () => papers,
    records: () => papers,
  }
}

/** Writes into `FILE.part` and remembers in `FILE.resume` how far it came; both go when all is there. */
async function intoFile(
  out: string,
  options: FetchArguments,
  { terminal }: CommandContext,
  {
    of,
    fetch,
  }: {
    readonly of: string
    readonly fetch: (start: number, onPage: (page: { next: number; total: number }) => void) => AsyncIterable<Paper>
  },
): Promise<number> {
  if (existsSync(out) && !options.force)
    throw new PaperkinError(
      'invalid-argument',
      `Expected a file that is not there, got ${out}: name another, or say --force.`,
    )
  const part = `${out}.part`
  const resumeFile = `${out}.resume`
  const begun = await readFile(resumeFile, 'utf8').then(
    (text) => JSON.parse(text) as Resume,
    () => undefined,
  )
  const resume = begun?.of === of ? begun : undefined
  if (resume !== undefined) terminal.note(`Going on after the first ${count(resume.papers, 'paper')}`)
  const file = await open(part, resume === undefined ? 'w' : 'r+')
  let written = resume?.papers ?? 0
  const progress = terminal.progress('fetching', 'papers')
  try {
    let bytes = resume?.bytes ?? 0
    // What came after the last whole page is written again.
    await file.truncate(bytes)
    let total: number | undefined
    let page: { next: number; total: number } | undefined
    let lines: string[] = []
    const save = async () => {
      const { bytesWritten } = await file.write(lines.join(''), bytes)
      bytes += bytesWritten
      lines = []
      if (page === undefined) return
      await file.sync()
      await writeFile(resumeFile, JSON.stringify({ of, next: page.next, papers: written, bytes } satisfies Resume))
      total = page.total
      page = undefined
    }
    const papers = fetch(resume?.next ?? 0, (told) => {
      page = told
    })
    try {
      for await (const paper of papers) {
        // The page that was told of ended before this paper.
        if (page !== undefined) await save()
        lines.push(`${JSON.stringify(paper)}\n`)
        written++
        progress.update({ done: written, ...(total !== undefined && { total }) })
      }
    } catch (error) {
      if (page !== undefined) await save()
      throw error
    }
    await save()
  } finally {
    progress.clear()
    await file.close()
  }
  await rename(part, out)
  await rm(resumeFile, { force: true })
  return written
}
