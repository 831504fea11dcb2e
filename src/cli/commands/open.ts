import { spawn } from 'node:child_process'
import { Option } from 'commander'
import { paperName } from '../../paper.ts'
import { paperLink, searchLink } from '../../report/links.ts'
import { type CommandContext, defineCommand, fileHelp, papersOptions } from '../command.ts'
import { fileAndWords, namedPaper, type PapersArguments, withPapers } from '../open-papers.ts'

interface OpenArguments extends PapersArguments {
  readonly print?: boolean
}

/** Milliseconds after which a running opener counts as successful: some run as long as the browser. */
const openerTimeout = 1500

export const open = defineCommand<OpenArguments>({
  name: 'open',
  summary: 'open a paper in the browser',
  description:
    'Opens the paper’s address, or that of its arXiv id or DOI; if it has none, a search for its title. Name a paper as in `paperkin show`. Without a browser the address is printed.',
  usage: '[options] FILE PAPER… | --library LIBRARY PAPER…',
  arguments: [['<paper...>', `${fileHelp}, then a paper; with --library only the paper`]],
  options: [new Option('--print', 'only print the address'), ...papersOptions()],
  examples: ['paperkin open today.txt 2407.01234 --print', 'paperkin open --library papers methane from ponds --print'],
  run: (args, options, context) => {
    const { files, text } = fileAndWords(args, options, context)
    return withPapers(
      files,
      options,
      context,
      async ({ library }) => {
        const paper = await namedPaper(library, text, context.signal)
        const link = paperLink(paper)
        const address = link ?? searchLink(paper)
        const isOpened = options.print !== true && (await opened(address, context))
        if (options.print !== true && !isOpened) context.terminal.note('No browser could be started; the address is:')
        const { id, title } = paper
        const data = { id, title, address, isSearch: link === undefined, isOpened }
        const what = link === undefined ? `Searching for ${paperName(paper)}` : `Opening ${paperName(paper)}`
        return {
          page: () => (isOpened ? `${what}\n${address}` : address),
          data: () => data,
          records: () => [data],
        }
      },
      { isEmbedded: false },
    )
  },
})

/** The system's program for opening an address, run without a shell. */
function opener(address: string): readonly [command: string, args: readonly string[]] {
  if (process.platform === 'darwin') return ['open', [address]]
  if (process.platform === 'win32') return ['rundll32', ['url.dll,FileProtocolHandler', address]]
  return ['xdg-open', [address]]
}

/** Opens an `http` or `https` address; resolves to whether that succeeded. */
export function opened(address: string, { env, signal }: CommandContext): Promise<boolean> {
  if (!/^https?:\/\//u.test(address)) return Promise.resolve(false)
  const [command, args] = opener(address)
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true, env: env })
    const timer = setTimeout(() => resolve(true), openerTimeout)
    const end = (isGood: boolean) => {
      clearTimeout(timer)
      resolve(isGood)
    }
    child.once('error', () => end(false))
    child.once('exit', (code) => end(code === 0))
    signal.addEventListener('abort', () => end(false), { once: true })
    child.unref()
  })
}
