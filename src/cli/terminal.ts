// All output goes through here: answers to standard output, notes and progress to standard error.
import picocolors from 'picocolors'
import { fitted } from './fitted-text.ts'

/** The streams of a command line: the process's own, or a test's. */
export interface TerminalStreams {
  readonly stdout: NodeJS.WritableStream & {
    readonly isTTY?: boolean
    readonly columns?: number
    readonly rows?: number
  }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Progress of work; `total` is missing if unknown. */
interface WorkProgress {
  readonly done: number
  readonly total?: number
}

/** A line with a bar, a rate and the time left; shown only while longer work runs. */
interface ProgressLine {
  update(progress: WorkProgress): void
  clear(): void
}

export type Colors = ReturnType<typeof picocolors.createColors>

export interface Terminal {
  /** Columns of standard output, or `COLUMNS`; `Infinity` if neither is known, so that nothing is cut. */
  readonly columns: number
  /** Lines of the terminal; `Infinity` if standard output is not a terminal. */
  readonly rows: number
  readonly colors: Colors
  /** Writes to standard output, and waits for a slow reader. */
  write(text: string): Promise<void>
  /** One line on standard error for people; nothing with `--quiet`. */
  note(text: string): void
  /** One line on standard error with `--verbose` only. */
  detail(text: string): void
  /** Starts a progress line: `embedding`, `papers`. Does nothing with `--quiet` or off a terminal. */
  progress(verb: string, noun: string): ProgressLine
}

/**
 * Columns of a terminal, at least 40. For other streams `COLUMNS`, which `watch` sets for the commands it runs;
 * undefined if neither is known.
 */
export function columnsOf(
  stream: TerminalStreams['stdout'],
  { COLUMNS = '' }: Readonly<Record<string, string | undefined>> = {},
): number | undefined {
  const columns = (stream.isTTY && stream.columns) || (/^[1-9]\d{0,4}$/u.test(COLUMNS) ? Number(COLUMNS) : undefined)
  return columns === undefined && !stream.isTTY ? undefined : Math.max(40, columns ?? 80)
}

/** Milliseconds until a progress line appears, so that short work shows none. */
const showAfter = 500
const redrawAfter = 100

export function createTerminal(
  { stdout, stderr, env }: TerminalStreams,
  { quiet = false, verbose = false, color = true }: { quiet?: boolean; verbose?: boolean; color?: boolean },
): Terminal {
  // Colour only on a terminal; picocolors alone would also colour the logs of build servers.
  const isColored =
    color && !env.NO_COLOR && (Boolean(env.FORCE_COLOR) || (stdout.isTTY === true && env.TERM !== 'dumb'))
  const note = (text: string) => {
    if (!quiet)
      stderr.write(`${fitted(withoutPasswords(printableLine(text)), columnsOf(stderr) ?? Number.POSITIVE_INFINITY)}\n`)
  }
  return {
    columns: columnsOf(stdout, env) ?? Number.POSITIVE_INFINITY,
    rows: (stdout.isTTY && stdout.rows) || Number.POSITIVE_INFINITY,
    colors: picocolors.createColors(isColored),
    write: (text) =>
      new Promise((resolve) => {
        if (stdout.write(printable(text, { isColored }))) resolve()
        else stdout.once('drain', resolve)
      }),
    note,
    detail: (text) => {
      if (verbose) note(text)
    },
    progress: (verb, noun) =>
      stderr.isTTY && !quiet
        ? progressLine(verb, noun, { write: (text) => stderr.write(text), columns: () => stderr.columns ?? 80 })
        : { update: () => {}, clear: () => {} },
  }
}

// Our own colour sequences, and everything that moves a cursor, reorders text or otherwise controls a terminal.
const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds.
  /\u001b\[(?:[0-479]|2[2-479]|3[0-79]|9[0-7])m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066\u2067\ufeff]/gu

/**
 * Makes untrusted text safe to print: control characters are spelled out (`\\u001b`), which means the same inside JSON
 * strings. Everything printed goes through here, on both streams.
 */
export function printable(text: string, { isColored = false }: { readonly isColored?: boolean } = {}): string {
  return text.replace(unprintable, (found) =>
    found.length > 1 && isColored ? found : [...found].map(spelled).join(''),
  )
}

/** A message without the passwords of urls of Postgres, wherever on a command line one was put by mistake. */
export function withoutPasswords(text: string): string {
  return text
    .replace(/(postgres(?:ql)?:\/{0,2}[^\s:@/]*:)\S*@/giu, '$1…@')
    .replace(/(postgres(?:ql)?:\S*[?&]password=)[^&\s]*/giu, '$1…')
}

/** The same on one line. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\n\t]/gu, (found) => (found === '\n' ? '\\n' : ' '))
}

const spelled = (character: string) =>
  /^[\u0020-\u007e]$/u.test(character)
    ? character
    : `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, '0')}`

function progressLine(
  verb: string,
  noun: string,
  { write, columns }: { readonly write: (text: string) => void; readonly columns: () => number },
): ProgressLine {
  const start = performance.now()
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    update: (progress) => {
      const now = performance.now()
      if (now - start < showAfter || now - shownAt < redrawAfter) return
      shownAt = now
      write(`\r\u001b[K${progressText(verb, noun, { ...progress, seconds: (now - start) / 1000 }, columns() - 1)}`)
    },
    clear: () => {
      if (shownAt > 0) write('\r\u001b[K')
      shownAt = Number.NEGATIVE_INFINITY
    },
  }
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar of `width` columns, filled to `share` (0 … 1) in steps of an eighth of a column. */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.max(0, Math.min(1, share)) * width * 8)
  return ('█'.repeat(filled >> 3) + eighths[filled & 7]).padEnd(width)
}

/** `███▌   embedding 350 of 1,000 papers · 120/s · 5 s left`, without the parts that do not fit. */
function progressText(
  verb: string,
  noun: string,
  { done, total, seconds }: WorkProgress & { readonly seconds: number },
  columns: number,
): string {
  const rate = done / seconds
  const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: rate < 10 ? 1 : 0 })
  const counted =
    total === undefined
      ? `${done.toLocaleString('en-US')} ${noun}`
      : `${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} ${noun}`
  const parts = [`${verb} ${counted}`]
  if (rate > 0) parts.push(`${number.format(rate)}/s`)
  if (rate > 0 && total !== undefined) parts.push(`${duration((total - done) / rate)} left`)
  while (parts.length > 1 && parts.join(' · ').length > columns) parts.pop()
  const text = parts.join(' · ').slice(0, columns)
  const room = Math.min(24, columns - text.length - 1)
  return total === undefined || room < 6 ? text : `${bar(total === 0 ? 1 : done / total, room)} ${text}`
}

/** `5 s`, `2 min 10 s`, `1 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
