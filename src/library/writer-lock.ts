// One writer a library: the lock is the file `writer-N.lock` of the highest number N, and held as long as the process
// that it names lives. Whoever takes it makes number N + 1, which the file system grants to one process only, and throws
// away the lower ones; a released lock leaves its file there, so that numbers never come again and a slow contender that
// still thinks of an old number finds a higher one, and gives way.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { PaperkinError } from '../errors.ts'

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process began, as the system tells it: another process may have its number by now. */
  readonly began: string | undefined
  /** Drawn for this lock alone. */
  readonly token: string
}

/** A lock that this process holds. */
export interface WriterLock {
  /** Whether it is still there: nobody but a person who deletes its file can take it away. */
  isHeld(): boolean
  /** `isNew` says that nothing worth a lock came to be meanwhile. */
  release(options: { readonly isNew: boolean }): void
}

/** What a released lock says. */
const RELEASED = 'released\n'

const pattern = /^writer-(\d{1,15})\.lock$/u

/**
 * Takes the lock of a folder, at once or not at all; one that a dead process left is taken over.
 * @throws PaperkinError `store-locked` with the pid of the process that has it; the file system's error
 */
export function takeWriterLock(folder: string): WriterLock {
  const mine: Holder = { pid: process.pid, host: hostname(), began: beginOf(process.pid), token: randomUUID() }
  for (;;) {
    const numbers = lockNumbers(folder)
    const highest = numbers[0] ?? 0
    if (highest > 0) {
      const path = lockPath(folder, highest)
      const holder = readHolder(path)
      if (holder === 'gone') continue
      if (holder !== undefined && lives(holder, mine)) throw locked(holder, mine, path)
    }
    const path = lockPath(folder, highest + 1)
    if (!create(folder, path, JSON.stringify(mine))) continue
    // A lower number that was free again: somebody was faster, twice.
    if ((lockNumbers(folder)[0] as number) > highest + 1) {
      rmSync(path, { force: true })
      continue
    }
    for (const number of numbers) rmSync(lockPath(folder, number), { force: true })
    const isHeld = () => {
      const holder = readHolder(path)
      return holder !== undefined && holder !== 'gone' && holder.token === mine.token
    }
    return {
      isHeld,
      release({ isNew }) {
        if (!isHeld()) return
        // In one step: nobody finds half a word in it.
        const draft = join(folder, `${randomUUID()}.tmp`)
        try {
          writeFileSync(draft, isNew ? '' : RELEASED)
          renameSync(draft, path)
        } catch {
          // A full disk has room for nothing, which says as much to those who want the lock.
          rmSync(draft, { force: true })
          truncateSync(path)
        }
      },
    }
  }
}

/** Whether a file is the lock of a library that was written and closed. */
export function wasReleased(path: string): boolean {
  return pattern.test(basename(path)) && readText(path) === RELEASED
}

function lockPath(folder: string, number: number): string {
  return join(folder, `writer-${number}.lock`)
}

/** Numbers of the locks there are, the highest first. */
function lockNumbers(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
}

/** Makes the file with all it says, unless there is one. */
function create(folder: string, path: string, text: string): boolean {
  const draft = join(folder, `${randomUUID()}.tmp`)
  writeFileSync(draft, text)
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // File systems without links: there the file is empty for a moment.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EOPNOTSUPP') throw error
    try {
      writeFileSync(path, text, { flag: 'wx' })
      return true
    } catch (second) {
      if ((second as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw second
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

/** What a file says; undefined where it is gone by now. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Who has a lock; `undefined` where it was released. What cannot be read counts as released. */
function readHolder(path: string): Holder | 'gone' | undefined {
  const text = readText(path)
  if (text === undefined) return 'gone'
  try {
    const { pid, host, began, token } = JSON.parse(text) as Holder
    return Number.isSafeInteger(pid) && pid > 0 && typeof host === 'string' ? { pid, host, began, token } : undefined
  } catch {
    return undefined
  }
}

function lives(holder: Holder, mine: Holder): boolean {
  // Processes of another machine cannot be asked.
  if (holder.host !== mine.host) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const began = beginOf(holder.pid)
  return began === undefined || holder.began === undefined || began === holder.began
}

/** When a process began, in the system's own words; `undefined` where it does not tell. */
function beginOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // Ticks since the start of the system, field 22; names before it may have blanks and brackets.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
      return `${ticks} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`
    }
    if (process.platform === 'win32') return undefined
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim() || undefined
    )
  } catch {
    return undefined
  }
}

function locked(holder: Holder, mine: Holder, path: string): PaperkinError {
  const where = holder.host === mine.host ? '' : ` on ${holder.host}`
  const remedy =
    holder.host === mine.host
      ? `close it there, or open it with \`readOnly: true\`${holder.began === undefined ? `, or delete ${path} if another program has that number` : ''}`
      : `close it there, or delete ${path} if that process is gone`
  return new PaperkinError(
    'store-locked',
    `The library is open for writing in process ${holder.pid}${where}: ${remedy}.`,
  )
}
