import { spawn } from 'node:child_process'
import { Option } from 'commander'
import { paperName } from '../../paper.ts'
import { paperLink, searchLink } from '../../report/links.ts'
import { type CommandContext, defineCommand, fileHelp, papersOptions } from '../command.ts'
import { fileAndWords, namedPaper, type PapersArguments, withPapers } from '../open-papers.ts'

interface OpenArguments extends PapersArguments {
  readonly print?: boolean
}

/** An opener that has not failed after so many milliseconds has opened the address: some stay as long as the browser. */
const PATIENCE = 1500

export const open = defineCommand<OpenArguments>({
  name: 'open',
  summary: 'open a paper in the browser',
  description:
    'The paper’s address, or that of its arXiv id or DOI; for a paper with none a search for its title. A paper is named as in `paperkin show`. Where there is no browser the address is printed.',
  usage: '[options] FILE PAPER… | --library FOLDER PAPER…',
  arguments: [['<paper...>', `${fileHelp}, and a paper; with --library only that`]],
  options: [new Option('--print', 'only print the address'), ...papersOptions()],
  examples: ['paperkin open today.txt 2407.01234 --print', 'paperkin open --library papers methane from ponds --print'],
  run: (args, options, context) => {
    const { files, text } = fileAndWords(args, options, context)
    return withPapers(
      files,
      options,
      context,
      async ({ library }) => {
        const paper = namedPaper(library, text)
        const link = paperLink(paper)
        const address = link ?? searchLink(paper)
        const isOpened = options.print !== true && (await opened(address, context))
        if (options.print !== true && !isOpened) context.terminal.note('There is no browser to open it with:')
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

/** The program of this system that opens an address, without a shell that would read it. */
function opener(address: string): readonly [command: string, args: readonly string[]] {
  if (process.platform === 'darwin') return ['open', [address]]
  if (process.platform === 'win32') return ['rundll32', ['url.dll,FileProtocolHandler', address]]
  return ['xdg-open', [address]]
}

/** Opens an address, `http` or `https`, and says whether that went well. */
export function opened(address: string, { env, signal }: CommandContext): Promise<boolean> {
  if (!/^https?:\/\//u.test(address)) return Promise.resolve(false)
  const [command, args] = opener(address)
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true, env: env })
    const patience = setTimeout(() => resolve(true), PATIENCE)
    const end = (isGood: boolean) => {
      clearTimeout(patience)
      resolve(isGood)
    }
    child.once('error', () => end(false))
    child.once('exit', (code) => end(code === 0))
    signal.addEventListener('abort', () => end(false), { once: true })
    child.unref()
  })
}
