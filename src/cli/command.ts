// A command is plain data and one function. `program.ts` builds the parser, help and completion from it, runs it, and
// prints its answer in the requested form.
import { Option, type Command as Parser } from 'commander'
import { PaperkinError, requireInteger, requireNumber } from '../errors.ts'
import type { FilterFields } from '../library/asking/paper-filter.ts'
import type { Columns } from '../sources/delimited.ts'
import { type SourceFormat, sourceFormats } from '../sources/formats.ts'
import { type PaperField, paperFields } from '../sources/plain-record.ts'
import { topicMethods } from '../topics/find-topics.ts'
import type { Terminal } from './terminal.ts'

/** A command's result, printable as text for people or as data. */
export interface Answer {
  /** The text, fitted to `columns` (`Infinity` when the output is not a terminal). Without it nothing is printed. */
  readonly page?: (columns: number) => string
  /** The value that `--json` prints, of a documented, stable shape. */
  readonly data: () => unknown
  /** The items that `--jsonl` prints: the main list of that value, one item per line. */
  readonly records: () => Iterable<unknown> | AsyncIterable<unknown>
  /** @default 0 */
  readonly exitCode?: 0 | 1
}

/** What a command gets besides its options. */
export interface CommandContext {
  /** Aborted by Ctrl-C; pass it to everything that can take long. */
  readonly signal: AbortSignal
  readonly terminal: Terminal
  readonly stdin: NodeJS.ReadableStream
  /** The parser of the whole command line. */
  readonly program: Parser
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Command<Options = Record<string, unknown>> {
  /** As typed; `evaluate topics` is a command in the group `evaluate`. */
  readonly name: string
  /** One line without a full stop, for the list of commands. */
  readonly summary: string
  /** More lines for the command's own help. */
  readonly description?: string
  /** The line after `Usage:`, when the arguments do not show it: `FILE WORDS…`. */
  readonly usage?: string
  /** Complete command lines starting with `paperkin`; a test runs each. */
  readonly examples: readonly string[]
  /** Argument syntax (`<words...>`, `[file]`) and help, in order. */
  readonly arguments?: readonly (readonly [syntax: string, help: string])[]
  readonly options?: readonly Option[]
  /** Old flags (`--count <count>`), each with the name of the option that replaced it. */
  readonly formerly?: Readonly<Record<string, string>>
  /** True for a command that prints a file or a script, so has neither `--json` nor `--jsonl`. */
  readonly isPlain?: boolean
  /** `args` are the arguments as typed, flat. */
  readonly run: (
    args: readonly string[],
    options: Options,
    context: CommandContext,
  ) => Promise<Answer | undefined> | Answer | undefined
}

/** Types a command's options at its definition, yet lets all commands share one list. */
export function defineCommand<Options>(command: Command<Options>): Command {
  return command as unknown as Command
}

/** Parses an option's whole number; error messages use `name`. */
export const integer = (name: string, minimum: number, maximum?: number) => (text: string) =>
  requireInteger(name, /^[+-]?\d+$/u.test(text) ? Number(text) : text, minimum, maximum)

/** Parses an option's number. */
export const number = (name: string, minimum: number, maximum: number) => (text: string) =>
  requireNumber(name, text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text), minimum, maximum)

/** Help text of a file argument. */
export const fileHelp = 'a file of papers in any supported format, or a folder (- reads standard input)'

/** An option's old name: it still works, but help does not show it. */
export class FormerOption extends Option {
  constructor(
    flags: string,
    /** The option that replaced it. */
    readonly now: Option,
  ) {
    super(flags)
    this.hideHelp()
    if (now.parseArg !== undefined) this.parseArg = now.parseArg
    if (now.argChoices !== undefined) this.choices([...now.argChoices])
  }
}

// Options shared by several commands are built here, so that each has one name and one meaning.

/** `-k, --k <count>`: the length of the main list. */
export const hitsOption = (count: number) =>
  new Option('-k, --k <count>', 'how many papers to list').argParser(integer('--k', 1)).default(count)

/** `--topics <count>`: the number of topics. */
export const topicsOption = (help = 'how many topics to find, or auto') =>
  new Option('--topics <count>', help).argParser((text: string) =>
    text === 'auto' ? text : integer('--topics', 1)(text),
  )

/** `--kin [count]`: the number of kin per paper; without a count, `usual`. */
export const kinOption = (
  help: string,
  usual: number,
  { minimum = 0, maximum }: { readonly minimum?: number; readonly maximum?: number } = {},
) =>
  new Option('--kin [count]', help).argParser((text: string) =>
    text === '' ? usual : integer('--kin', minimum, maximum)(text),
  )

/** `--seed <seed>`: seeds everything random. */
export const seedOption = () =>
  new Option('--seed <seed>', 'random seed; the same seed gives the same result')
    .argParser(integer('--seed', 0, 2 ** 32 - 1))
    .default(1)

/** `--method <method>`: how topics are found. */
export const methodOption = () =>
  new Option('--method <method>', 'how topics are found').choices(topicMethods).default(topicMethods[0])

/** `-o, --out <file>`: the output file. */
export const outOption = (help: string) => new Option('-o, --out <file>', help)

/** `--schema <name>`: where a library on Postgres has its tables. */
export const schemaOption = () =>
  new Option('--schema <name>', 'the schema of a library on Postgres (default: paperkin)')

/** `-l, --library <library>` and `--schema <name>`: the library, in a folder or on Postgres. */
export const libraryOptions = (help = 'the library to work on, instead of files') => [
  new Option('-l, --library <library>', `${help}: a folder, or a url such as postgres://user@host/database`),
  schemaOption(),
]

/** The values of `libraryOptions()`. */
export interface LibraryArguments {
  readonly library?: string
  readonly schema?: string
}

/** `--marks <folder>`: where stars are kept. */
export const marksOption = () =>
  new Option(
    '--marks <folder>',
    'where the stars of `paperkin serve` are kept (default: in the folder of the library; needed for one on Postgres)',
  )

/** The values of `filterOptions()`. */
export interface FilterArguments {
  readonly area?: readonly string[]
  readonly category?: readonly string[]
  readonly author?: readonly string[]
  readonly from?: string
  readonly to?: string
}

/** Collects the values of an option that may be repeated. */
export const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

/** The options that restrict a command to some papers. */
export const filterOptions = () => [
  new Option(
    '--area <name>',
    'only papers in this area, field or discipline of the map of science; may be repeated',
  ).argParser(several),
  new Option('--category <name>', 'only papers in this category; may be repeated').argParser(several),
  new Option('--author <name>', 'only papers by this author; may be repeated').argParser(several),
  new Option('--from <date>', 'only papers published on or after this date: 2025, 2025-03 or 2025-03-12'),
  new Option('--to <date>', 'only papers published up to the end of this year, month or day'),
]

/** The filter built from those options; undefined if every paper is wanted. */
export function wantedPapers({ area, category, author, from, to }: FilterArguments): FilterFields | undefined {
  const filter: FilterFields = {
    ...(area && { area }),
    ...(category && { categories: category }),
    ...(author && { authors: author }),
    ...((from ?? to) !== undefined && { published: { ...(from && { from }), ...(to && { to }) } }),
  }
  return Object.keys(filter).length > 0 ? filter : undefined
}

/** The values of `sourceOptions()`. */
export interface SourceArguments {
  readonly source?: SourceFormat
  readonly columns?: Columns
  readonly year?: number
  readonly strict?: boolean
}

/** The options for reading files, shared by every command that reads papers. */
export const sourceOptions = () => [
  new Option('--source <format>', 'the format of the files, if it cannot be detected').choices(sourceFormats),
  new Option('--columns <list>', 'columns of CSV or TSV, such as title=Name,abstract=3').argParser(columnList),
  new Option('--year <year>', 'the year for date lines without one').argParser(integer('--year', 1000, 9999)),
  new Option('--strict', 'stop at the first bad record'),
]

function columnList(text: string): Columns {
  const columns: Record<string, string | number> = {}
  for (const pair of text.split(',')) {
    const [, field, column] = /^\s*([a-z]+)\s*=\s*(.+?)\s*$/u.exec(pair) ?? []
    if (field === undefined || column === undefined || !paperFields.includes(field as PaperField))
      throw new PaperkinError(
        'invalid-argument',
        `Expected --columns to be a list such as title=Name,abstract=3 of ${paperFields.join(', ')}, got ${JSON.stringify(pair)}.`,
      )
    columns[field] = /^\d+$/u.test(column) ? Number(column) : column
  }
  return columns
}

/** The options of a command that works on papers from files or a library: see `open-papers.ts`. */
export const papersOptions = () => [...libraryOptions(), ...sourceOptions()]
