#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Command, CommanderError, Option } from 'commander'
import { PaperkinError, requireInteger } from '../errors.ts'
import { type DigestArguments, digest, type HitArguments, related, type SearchArguments, search } from './commands.ts'

const { version } = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('#package.json'), 'utf8')) as {
  version: string
}

const integer = (name: string, minimum: number, maximum?: number) => (text: string) =>
  requireInteger(name, /^[+-]?\d+$/u.test(text) ? Number(text) : text, minimum, maximum)

const json = () => new Option('--json', 'print data, and nothing else, on standard output')
const year = () =>
  new Option('--year <year>', 'the year of a date line that names none').argParser(integer('--year', 1000, 9999))
const hits = (count: number) =>
  new Option('-k, --k <count>', 'how many papers to list').argParser(integer('--k', 1)).default(count)
const fileHelp = 'a copied digest page, JSON or JSON lines; - reads standard input'

function program(signal: AbortSignal): Command {
  const root = new Command('paperkin')
    .description('Related papers, search and topics for paper abstracts, computed on this machine.')
    .version(version)
    .option('--verbose', 'tell what is being done, and show where an error came from')
    .showHelpAfterError('(paperkin --help lists the commands)')
    .exitOverride()
  const command = (usage: string, description: string, examples: readonly string[]) =>
    root
      .command(usage)
      .description(description)
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`)

  command('digest', 'the papers, topics and nearest kin of a digest', [
    'paperkin digest today.txt',
    'paperkin digest today.txt --topics 6 --k 5',
    'paperkin digest today.txt --json > today.json',
  ])
    .argument('<file...>', fileHelp)
    .addOption(hits(3))
    .addOption(
      new Option('--topics <count>', 'how many topics to find').argParser(integer('--topics', 1)).default('auto'),
    )
    .addOption(new Option('--method <method>', 'how topics are found').choices(['graph', 'kmeans']).default('graph'))
    .addOption(
      new Option('--seed <seed>', 'the same seed gives the same topics')
        .argParser(integer('--seed', 0, 2 ** 32 - 1))
        .default(1),
    )
    .addOption(year())
    .addOption(json())
    .action(async (files: string[], options: Omit<DigestArguments, 'files'>) => {
      await digest({ ...root.opts(), ...options, files }, signal)
    })

  command('search', 'the papers that are about something', [
    'paperkin search today.txt "robots that learn from few demonstrations"',
    'paperkin search papers.jsonl "protein design" --k 20 --json',
  ])
    .argument('<file>', fileHelp)
    .argument('<words...>', 'what to look for, in your own words')
    .addOption(hits(10))
    .addOption(
      new Option('--mode <mode>', 'rank by meaning, by words, or by both')
        .choices(['hybrid', 'semantic', 'lexical'])
        .default('hybrid'),
    )
    .addOption(year())
    .addOption(json())
    .action(async (file: string, words: string[], options: Omit<SearchArguments, 'files' | 'text'>) => {
      await search({ ...root.opts(), ...options, files: [file], text: words.join(' ') }, signal)
    })

  command('related', 'the papers that are kin to one of them', [
    'paperkin related today.txt 2407.01234',
    'paperkin related today.txt grasping glass',
  ])
    .argument('<file>', fileHelp)
    .argument('<paper...>', 'its id, or words of its title')
    .addOption(hits(10))
    .addOption(year())
    .addOption(json())
    .action(async (file: string, words: string[], options: Omit<HitArguments, 'files' | 'text'>) => {
      await related({ ...root.opts(), ...options, files: [file], text: words.join(' ') }, signal)
    })
  return root
}

async function main(): Promise<void> {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort(new Error('interrupted')))
  // Whoever reads our output may stop reading: that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.stderr.write(`paperkin: The output could not be written: ${error.message}\n`)
    process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
  try {
    await program(controller.signal).parseAsync()
  } catch (error) {
    if (controller.signal.aborted) process.exitCode = 130
    else if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
    else {
      const isKnown = PaperkinError.isInstance(error)
      const isVerbose = process.argv.includes('--verbose')
      const message = error instanceof Error ? error.message : String(error)
      process.stderr.write(`paperkin: ${isVerbose && error instanceof Error ? detail(error) : message}\n`)
      process.exitCode = isKnown && error.code === 'invalid-argument' ? 2 : 1
    }
  }
}

function detail(error: Error): string {
  const issues = PaperkinError.isInstance(error) ? error.issues.map(({ message }) => `\n  - ${message}`).join('') : ''
  const cause = error.cause instanceof Error ? `\ncaused by ${detail(error.cause)}` : ''
  return `${error.stack ?? error.message}${issues}${cause}`
}

void main()
