// The whole command line: builds the parser from the commands, runs one, prints its answer, and turns errors into one
// sentence and an exit code. It runs on any streams, so tests need no separate process.
import { readFileSync } from 'node:fs'
import { CommanderError, Help, Option, Command as Parser } from 'commander'
import { PaperkinError } from '../errors.ts'
import { packageFile } from '../runtime/package-files.ts'
import { type Answer, type Command, type CommandContext, FormerOption } from './command.ts'
import { add } from './commands/add.ts'
import { bench } from './commands/bench.ts'
import { completion } from './commands/completion.ts'
import { copy } from './commands/copy.ts'
import { digest } from './commands/digest.ts'
import { doctor } from './commands/doctor.ts'
import { duplicates } from './commands/duplicates.ts'
import { evaluateRecommendCommand } from './commands/evaluate-recommend.ts'
import { evaluateRelatedCommand } from './commands/evaluate-related.ts'
import { evaluateTopicsCommand } from './commands/evaluate-topics.ts'
import { exportPapers } from './commands/export.ts'
import { fetchArxivCommand } from './commands/fetch-arxiv.ts'
import { fetchDailyCommand } from './commands/fetch-daily.ts'
import { importPapers } from './commands/import.ts'
import { list } from './commands/list.ts'
import { morning } from './commands/morning.ts'
import { open } from './commands/open.ts'
import { postgresPlan } from './commands/postgres-plan.ts'
import { recommendCommand } from './commands/recommend.ts'
import { related } from './commands/related.ts'
import { remove } from './commands/remove.ts'
import { report } from './commands/report.ts'
import { search } from './commands/search.ts'
import { serveCommand } from './commands/serve.ts'
import { show } from './commands/show.ts'
import { topicsCommand } from './commands/topics.ts'
import { verify } from './commands/verify.ts'
import { fitted, width, wrapped } from './fitted-text.ts'
import { applySettings, readSettings } from './settings.ts'
import {
  columnsOf,
  createTerminal,
  printable,
  printableLine,
  type Terminal,
  type TerminalStreams,
  withoutPasswords,
} from './terminal.ts'

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  // Asking.
  digest,
  show,
  open,
  topicsCommand,
  search,
  related,
  recommendCommand,
  duplicates,
  report,
  serveCommand,
  // Keeping.
  add,
  morning,
  list,
  remove,
  exportPapers,
  importPapers,
  copy,
  verify,
  postgresPlan,
  // Getting papers.
  fetchDailyCommand,
  fetchArxivCommand,
  // Measuring.
  evaluateRelatedCommand,
  evaluateRecommendCommand,
  evaluateTopicsCommand,
  bench,
  // The installation and the shell.
  doctor,
  completion,
]

/** Help texts of command groups. */
const groups: Readonly<Record<string, string>> = {
  postgres: 'libraries on Postgres: plan',
  fetch: 'fetch papers from public interfaces: daily, arxiv',
  evaluate: 'measure on labelled papers: related, recommend, topics',
}

/** What a command line is run on. */
interface CommandLineHost extends TerminalStreams {
  readonly stdin: NodeJS.ReadableStream
  readonly signal: AbortSignal
}

interface GlobalOptions {
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly color: boolean
}

interface FormOptions {
  readonly json?: boolean
  readonly jsonl?: boolean
}

/** Runs a command line (without `node` and the script) and returns its exit code. */
export async function runCommandLine(args: readonly string[], host: CommandLineHost): Promise<number> {
  const state = { exitCode: 0 }
  const isVerbose = args.includes('--verbose')
  try {
    // A file name after a bare `--kin` is not its count.
    const given = args.map((arg, i) => (arg === '--kin' && !/^[+-]?\d/u.test(args[i + 1] ?? '') ? '--kin=' : arg))
    await createParser(host, state).parseAsync(given, { from: 'user' })
    return host.signal.aborted ? 130 : state.exitCode
  } catch (error) {
    if (host.signal.aborted) return 130
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const message = error instanceof Error ? error.message : String(error)
    const text = withoutPasswords(
      isVerbose && error instanceof Error ? printable(detail(error)) : printableLine(message),
    )
    host.stderr.write(`${fitted(`paperkin: ${text}`, columnsOf(host.stderr) ?? Number.POSITIVE_INFINITY)}\n`)
    return PaperkinError.isInstance(error) && error.code === 'invalid-argument' ? 2 : 1
  }
}

/** The parser of all commands; it prints answers on the host's streams. */
function createParser(host: CommandLineHost, state: { exitCode: number }): Parser {
  const { version } = JSON.parse(readFileSync(packageFile('#package.json'), 'utf8')) as {
    version: string
  }
  const helpWidth = (stream: TerminalStreams['stdout']) => columnsOf(stream, host.env) ?? 100
  const root = new Parser('paperkin')
    .description('Related papers, search and topics for paper abstracts, computed on this machine.')
    .version(version)
    .option('-q, --quiet', 'print only the answer and errors')
    .option('--verbose', 'print details, and a stack trace after an error')
    .option('--no-color', 'disable colours, as NO_COLOR does')
    .showHelpAfterError('(paperkin --help lists all commands)')
    .configureHelp({
      showGlobalOptions: true,
      minWidthToWrap: 20,
      displayWidth: width,
      commandUsage(command) {
        return wrapped(Help.prototype.commandUsage.call(this, command), helpWidth(host.stdout) - 7, '', ' '.repeat(7))
      },
    })
    .configureOutput({
      writeOut: (text) => host.stdout.write(printable(text)),
      writeErr: (text) => host.stderr.write(withoutPasswords(printable(text))),
      getOutHelpWidth: () => helpWidth(host.stdout),
      getErrHelpWidth: () => helpWidth(host.stderr),
    })
    .exitOverride()
  // Every name allowed in the settings: of a command or an option.
  const names = new Set(['quiet', 'verbose', 'color'])
  const former = new Set<string>()
  for (const { name, options = [], formerly = {} } of commands) {
    for (const key of [name, ...options.flatMap((option) => [option.attributeName(), option.name()])]) names.add(key)
    for (const flags of Object.keys(formerly)) former.add(new Option(flags).name())
  }
  const parents = new Map<string, Parser>()
  for (const command of commands) {
    const words = command.name.split(' ')
    const name = words.pop() as string
    let parent = root
    if (words.length > 0) {
      const group = words.join(' ')
      parent = parents.get(group) ?? root.command(group).description(groups[group] ?? group)
      parents.set(group, parent)
    }
    addCommand(parent, name, command, async (given, parser) => {
      const settings = readSettings(host.env)
      applySettings(parser, command.name, settings, {
        commands: new Set(commands.map(({ name }) => name)),
        names,
        former,
      })
      const { quiet, verbose, color } = root.opts<GlobalOptions>()
      const terminal = createTerminal(host, { quiet: quiet === true, verbose: verbose === true, color })
      const { library, schema } = settings
      const context: CommandContext = {
        signal: host.signal,
        terminal,
        stdin: host.stdin,
        program: root,
        // A library in the settings is a default, as in the environment; the latter wins.
        env: {
          ...(typeof library === 'string' && { PAPERKIN_LIBRARY: library }),
          ...(typeof schema === 'string' && { PAPERKIN_SCHEMA: schema }),
          ...host.env,
        },
      }
      const options = parser.opts()
      const answer = await command.run(given, options, context)
      if (answer === undefined) return
      await printAnswer(answer, options, terminal)
      state.exitCode = answer.exitCode ?? 0
    })
  }
  return root
}

function addCommand(
  parent: Parser,
  name: string,
  command: Command,
  run: (args: readonly string[], parser: Parser) => Promise<void>,
): void {
  const parser: Parser = parent
    .command(name)
    .summary(command.summary)
    .description([command.summary, command.description].filter((text) => text !== undefined).join('\n\n'))
    .addHelpText('after', () => {
      const columns = parser.configureOutput().getOutHelpWidth?.() ?? 100
      return `\nExamples:\n${command.examples.map((example) => exampleLines(example, columns)).join('\n')}`
    })
  for (const [syntax, help] of command.arguments ?? []) parser.argument(syntax, help)
  for (const option of command.options ?? []) parser.addOption(option)
  for (const [flags, now] of Object.entries(command.formerly ?? {})) {
    const option = new FormerOption(flags, parser.options.find((option) => option.name() === now) as Option)
    parser.addOption(option)
    parser.on(`option:${option.name()}`, () => {
      parser.setOptionValueWithSource(option.now.attributeName(), parser.getOptionValue(option.attributeName()), 'cli')
    })
  }
  if (!command.isPlain)
    parser.option('--json', 'print one JSON value').option('--jsonl', 'print JSON lines, one item per line')
  if (command.usage !== undefined) parser.usage(command.usage)
  parser.action((...given: unknown[]) => {
    const args = given
      .slice(0, -2)
      .flat()
      .filter((arg) => arg !== undefined) as string[]
    return run(args, parser)
  })
}

/** An example as typed; a long one continues on the next line after a backslash. */
function exampleLines(example: string, columns: number): string {
  // An option and its value stay on one line.
  const words = example.match(/(?:--?\w[\w-]*\s+)?(?:'[^']*'|"[^"]*"|[^\s-]\S*)|\S+/gu) ?? []
  const lines: string[] = []
  let line = '  $'
  for (const word of words) {
    if (width(line) + 1 + width(word) > columns - 2 && line !== '  $') {
      lines.push(`${line} \\`)
      line = `      ${word}`
    } else line += ` ${word}`
  }
  return [...lines, line].join('\n')
}

async function printAnswer(answer: Answer, options: FormOptions, terminal: Terminal): Promise<void> {
  if (options.json && options.jsonl)
    throw new PaperkinError('invalid-argument', 'Expected --json or --jsonl, got both: leave one out.')
  if (options.json) await terminal.write(`${JSON.stringify(answer.data(), null, 2)}\n`)
  else if (options.jsonl) {
    for await (const record of answer.records()) await terminal.write(`${JSON.stringify(record)}\n`)
  } else if (answer.page !== undefined)
    await terminal.write(`${fitted(answer.page(terminal.columns), terminal.columns)}\n`)
}

function detail(error: Error): string {
  const issues = PaperkinError.isInstance(error) ? error.issues.map(({ message }) => `\n  - ${message}`).join('') : ''
  const cause = error.cause instanceof Error ? `\ncaused by ${detail(error.cause)}` : ''
  return `${error.stack ?? error.message}${issues}${cause}`
}
