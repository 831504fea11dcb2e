// Runs command lines in this process, on separate streams, so that tests need not start Node for each.
import { Readable, Writable } from 'node:stream'
import { runCommandLine } from '../../src/cli/program.ts'
import '../keep-threads.ts'

export interface RunOptions {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  /** Width of a terminal on both outputs. @default no terminal */
  readonly columns?: number
  /** Lines of that terminal. @default unknown */
  readonly rows?: number
  readonly signal?: AbortSignal
  /** Is called when something was written to standard output. */
  readonly onOutput?: () => void
  /** Gets what was written to standard output before {@link onOutput} is called. */
  readonly output?: { text: string }
}

export interface Run {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Ignores the settings of the user who runs the tests. */
const noSettings = { XDG_CONFIG_HOME: '/nonexistent', HOME: '/nonexistent' }

export async function run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { stdin = '', env = {}, columns, rows, signal = new AbortController().signal, onOutput, output } = options
  const written = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') =>
    Object.assign(
      new Writable({
        write: (chunk, _, done) => {
          written[name] += chunk
          if (name === 'stdout') {
            if (output !== undefined) output.text = written.stdout
            onOutput?.()
          }
          done()
        },
      }),
      columns === undefined ? {} : { isTTY: true, columns, ...(rows !== undefined && { rows }) },
    )
  const status = await runCommandLine(args, {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: { ...noSettings, ...env },
    signal,
  })
  return { status, ...written }
}

/** Runs a line as a shell would: quotes, `|` and `>`. */
export async function runLine(
  line: string,
  { write, ...options }: RunOptions & { readonly write: (file: string, content: string) => void },
): Promise<Run> {
  let result: Run = { status: 0, stdout: options.stdin ?? '', stderr: '' }
  for (const part of line.split(/\s\|\s/u)) {
    const words = [...part.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/gu)].map(
      ([, single, double, bare]) => single ?? double ?? bare ?? '',
    )
    const redirect = words.indexOf('>')
    const file = redirect < 0 ? undefined : words.splice(redirect)[1]
    if (words.shift() !== 'paperkin') throw new Error(`Not a command line of paperkin: ${line}`)
    result = await run(words, { ...options, stdin: result.stdout })
    if (result.status !== 0) return result
    if (file !== undefined) write(file, result.stdout)
  }
  return result
}
