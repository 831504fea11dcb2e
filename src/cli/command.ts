// What a command is: plain data and one function. `program.ts` turns it into a parser, help and completion, runs it,
// and prints its answer in the form that was asked for.
import { Option, type Command as Parser } from 'commander'
import { PaperkinError, requireInteger, requireNumber } from '../errors.ts'
import type { FilterFields } from '../library/asking/paper-filter.ts'
import type { Columns } from '../sources/delimited.ts'
import { type SourceFormat, sourceFormats } from '../sources/formats.ts'
import { type PaperField, paperFields } from '../sources/plain-record.ts'
import { topicMethods } from '../topics/find-topics.ts'
import type { Terminal } from './terminal.ts'

/** What a command hands back to be printed: as text for people, or as data. */
export interface Answer {
  /** The text, made to fit `columns` (`Infinity` where the output is no terminal). Without it nothing is printed. */
  readonly page?: (columns: number) => string
  /** What `--json` prints: one value of a documented, stable shape. */
  readonly data: () => unknown
  /** What `--jsonl` prints: the main list of that value, one item a line. */
  readonly records: () => Iterable<unknown> | AsyncIterable<unknown>
  /** @default 0 */
  readonly exitCode?: 0 | 1
}

/** What a command is given beside its options. */
export interface CommandContext {
  /** Aborted by Ctrl-C; hand it to everything that can last. */
  readonly signal: AbortSignal
  readonly terminal: Terminal
  readonly stdin: NodeJS.ReadableStream
  /** The parser of the whole command line. */
  readonly program: Parser
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Command<Options = Record<string, unknown>> {
  /** As it is typed; `evaluate topics` is a command of the group `evaluate`. */
  readonly name: string
  /** One line without a full stop, for the list of commands. */
  readonly summary: string
  /** Further lines for the command's own help. */
  readonly description?: string
  /** The line after `Usage:`, where the arguments do not say it: `FILE WORDS…`. */
  readonly usage?: string
  /** Whole command lines that begin with `paperkin`; a test runs each. */
  readonly examples: readonly string[]
  /** Argument syntax (`<words...>`, `[file]`) and help, in order. */
  readonly arguments?: readonly (readonly [syntax: string, help: string])[]
  readonly options?: readonly Option[]
  /** Flags that options had before (`--count <count>`), with the name of the option that each means now. */
  readonly formerly?: Readonly<Record<string, string>>
  /** True for a command that prints a file or a script: it has neither `--json` nor `--jsonl`. */
  readonly isPlain?: boolean
  /** `args` are the arguments as typed, flat. */
  readonly run: (
    args: readonly string[],
    options: Options,
    context: CommandContext,
  ) => Promise<Answer | undefined> | Answer | undefined
}

/** Names the type of a command's options where it is defined, and lets commands of any options stand in one list. */
export function defineCommand<Options>(command: Command<Options>): Command {
  return command as unknown as Command
}

/** A parser of whole numbers for an option; `name` is how messages call it. */
export const integer = (name: string, minimum: number, maximum?: number) => (text: string) =>
  requireInteger(name, /^[+-]?\d+$/u.test(text) ? Number(text) : text, minimum, maximum)

/** A parser of numbers for an option. */
export const number = (name: string, minimum: number, maximum: number) => (text: string) =>
  requireNumber(name, text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text), minimum, maximum)

/** What a file argument takes. */
export const fileHelp = 'a file of papers, whatever its format, or a folder; - reads standard input'

/** A name that an option had before: it still works, and help is silent of it. */
export class FormerOption extends Option {
  constructor(
    flags: string,
    /** The option that it means. */
    readonly now: Option,
  ) {
    super(flags)
    this.hideHelp()
    if (now.parseArg !== undefined) this.parseArg = now.parseArg
    if (now.argChoices !== undefined) this.choices([...now.argChoices])
  }
}

// The one vocabulary: an option that several commands have is built here, so that it has one name and one meaning.

/** `-k, --k <count>`: how many of the main list. */
export const hitsOption = (count: number) =>
  new Option('-k, --k <count>', 'how many papers to list').argParser(integer('--k', 1)).default(count)

/** `--topics <count>`: how many topics. */
export const topicsOption = (help = 'how many topics to find, or auto') =>
  new Option('--topics <count>', help).argParser((text: string) =>
    text === 'auto' ? text : integer('--topics', 1)(text),
  )

/** `--kin [count]`: how many kin of each paper; alone `usual`. */
export const kinOption = (
  help: string,
  usual: number,
  { minimum = 0, maximum }: { readonly minimum?: number; readonly maximum?: number } = {},
) =>
  new Option('--kin [count]', help).argParser((text: string) =>
    text === '' ? usual : integer('--kin', minimum, maximum)(text),
  )

/** `--seed <seed>`: for all that draws lots. */
export const seedOption = () =>
  new Option('--seed <seed>', 'the same seed gives the same answer')
    .argParser(integer('--seed', 0, 2 ** 32 - 1))
    .default(1)

/** `--method <method>`: how topics are found. */
export const methodOption = () =>
  new Option('--method <method>', 'how topics are found').choices(topicMethods).default(topicMethods[0])

/** `-o, --out <file>`: where a command writes what it makes. */
export const outOption = (help: string) => new Option('-o, --out <file>', help)

/** `-l, --library <folder>`: the library on disk. */
export const libraryOption = (help = 'the library to work on, in place of files') =>
  new Option('-l, --library <folder>', help)

/** The values of `filterOptions()`. */
export interface FilterArguments {
  readonly area?: readonly string[]
  readonly category?: readonly string[]
  readonly author?: readonly string[]
  readonly from?: string
  readonly to?: string
}

/** Of an option that may be given again: all of its values. */
export const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

/** The options of a command that only some papers may be wanted of. */
export const filterOptions = () => [
  new Option(
    '--area <name>',
    'only papers of an area, a field or a discipline of the map of science; may be given again',
  ).argParser(several),
  new Option('--category <name>', 'only papers of this category; may be given again').argParser(several),
  new Option('--author <name>', 'only papers by this author; may be given again').argParser(several),
  new Option('--from <date>', 'only papers published since: 2025, 2025-03 or 2025-03-12'),
  new Option('--to <date>', 'only papers published until then, that year, month or day included'),
]

/** The filter that those options ask for; undefined where every paper is wanted. */
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

/** The options of reading files: every command that reads papers has them. */
export const sourceOptions = () => [
  new Option('--source <format>', 'what the files are, where their content does not tell').choices(sourceFormats),
  new Option('--columns <list>', 'columns of CSV or TSV, such as title=Name,abstract=3').argParser(columnList),
  new Option('--year <year>', 'the year of a date line that names none').argParser(integer('--year', 1000, 9999)),
  new Option('--strict', 'stop at the first record that is bad'),
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

/** The options of a command that works on papers, from files or from a library: see `open-papers.ts`. */
export const papersOptions = () => [libraryOption(), ...sourceOptions()]
