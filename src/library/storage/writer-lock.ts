// One writer per library. The lock is the file `writer-N.lock` with the highest number N, held while the process named
// in it is alive. To take the lock, a process creates number N + 1, which the file system lets only one process do, and
// deletes the lower ones. Releasing leaves the file in place: numbers are never reused, so a slow contender with an old
// number finds a higher one and retries. A process in another container cannot be checked; on the same machine its lock
// counts while it touches the file.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { PaperkinError } from '../../errors.ts'

interface Holder {
  readonly pid: number
  readonly host: string
  /** Start time of the process, as the system reports it: the pid may have been reused since. */
  readonly began: string | undefined
  /** Boot id and pid namespace, on Linux: the scope in which the pid is valid. */
  readonly space?: string | undefined
  /** Random, unique to this lock. */
  readonly token: string
}

/** A lock that this process holds. */
export interface WriterLock {
  /** Whether the lock is still held; lost only if someone deletes its file. */
  isHeld(): boolean
  /** `isNew`: no library was created, so the file must not count as a trace of one. */
  release(options: { readonly isNew: boolean }): void
}

/** Content of a released lock. */
const releasedText = 'released\n'
/** Largest size of a lock file in bytes; a larger file is not read. */
const mostBytes = 4096
/** Milliseconds between touches of a held lock, and after which a lock of another container counts as dead. */
const touchInterval = 10_000
const staleAfter = 90_000
/** Attempts to take a lock that other processes keep changing. */
const mostTries = 1000

// Without leading zeros; 15 digits stay exact as a number.
const pattern = /^writer-([1-9]\d{0,14})\.lock$/u
const mostNumber = 10 ** 15 - 1

/** Tokens of locks that this process could not release because the folder had been renamed. */
const lost = new Set<string>()

/**
 * Takes the lock of a folder without waiting; takes over the lock of a dead process.
 * @throws PaperkinError `store-locked` with the pid of the holder, or if something else has the lock's name; errors of
 * the file system
 */
export function takeWriterLock(folder: string): WriterLock {
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    began: beginOf(process.pid),
    space: ownSpace(),
    token: randomUUID(),
  }
  for (let tries = 0; tries < mostTries; tries++) {
    const numbers = lockNumbers(folder)
    const highest = numbers[0] ?? 0
    if (highest > 0) {
      const path = lockPath(folder, highest)
      const holder = readHolder(path)
      if (holder === 'gone') continue
      if (highest >= mostNumber) throw noLock(path, 'has a number too high for a lock of paperkin')
      if (holder !== undefined && lives(holder, mine, path)) throw locked(holder, mine, path)
    }
    const path = lockPath(folder, highest + 1)
    if (!create(folder, path, JSON.stringify(mine))) continue
    // Others took and discarded locks meanwhile, so this lower number was free again.
    if ((lockNumbers(folder)[0] as number) > highest + 1) {
      rmSync(path, { force: true })
      continue
    }
    for (const number of numbers) discard(lockPath(folder, number))
    const isHeld = () => {
      try {
        const holder = readHolder(path)
        return holder !== undefined && holder !== 'gone' && holder.token === mine.token
      } catch {
        return false
      }
    }
    const touching = setInterval(() => touch(path), touchInterval)
    touching.unref()
    return {
      isHeld,
      release({ isNew }) {
        clearInterval(touching)
        if (!isHeld()) {
          lost.add(mine.token)
          return
        }
        // Renamed into place, so that no reader sees half of it.
        const draft = draftPath(folder)
        try {
          writeFileSync(draft, isNew ? '' : releasedText)
          renameSync(draft, path)
        } catch {
          // Disk full: an empty file also counts as released.
          discard(draft)
          truncateSync(path)
        }
      },
    }
  }
  throw noLock(folder, 'has a lock that other processes keep taking and releasing')
}

/** Whether a file is the released lock of a library. */
export function wasReleased(path: string): boolean {
  try {
    return isLockName(basename(path)) && readText(path) === releasedText
  } catch {
    return false
  }
}

export function isLockName(name: string): boolean {
  return pattern.test(name)
}

function lockPath(folder: string, number: number): string {
  return join(folder, `writer-${number}.lock`)
}

function draftPath(folder: string): string {
  return join(folder, `writer.lock.${randomUUID()}.tmp`)
}

/** Deletes a file if possible. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // A folder, or owned by another user.
  }
}

function touch(path: string): void {
  try {
    const now = new Date()
    utimesSync(path, now, now)
  } catch {
    // The lock was deleted; the next write notices.
  }
}

/** Numbers of the existing locks, highest first. */
function lockNumbers(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
}

/** Creates a file with its content in one step; false if it exists. */
function create(folder: string, path: string, text: string): boolean {
  const draft = draftPath(folder)
  writeFileSync(draft, text)
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // File systems without hard links; there the file is empty for a moment.
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

/**
 * The content of a lock file; empty if it is too large for a lock, undefined if it is gone.
 * @throws PaperkinError `store-locked` if something other than a file has its name
 */
function readText(path: string): string | undefined {
  let file: number
  try {
    if (!statSync(path).isFile()) throw noLock(path, 'is not a file')
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    // A dangling link also fails with ENOENT, and would be retried for ever.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    if (existsAgain(path)) return readText(path)
    throw noLock(path, 'is a link to nothing')
  }
  try {
    if (fstatSync(file).size > mostBytes) return ''
    const bytes = Buffer.alloc(mostBytes)
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, mostBytes, 0))
  } finally {
    closeSync(file)
  }
}

function existsAgain(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** The holder of a lock; `undefined` if it was released or cannot be parsed. */
function readHolder(path: string): Holder | 'gone' | undefined {
  const text = readText(path)
  if (text === undefined) return 'gone'
  try {
    const { pid, host, began, space, token } = JSON.parse(text) as Holder
    return Number.isSafeInteger(pid) && pid > 0 && pid < 2 ** 32 && typeof host === 'string'
      ? { pid, host, began, space, token }
      : undefined
  } catch {
    return undefined
  }
}

function lives(holder: Holder, mine: Holder, path: string): boolean {
  // Processes of another machine cannot be checked.
  if (holder.host !== mine.host) return true
  if (lost.has(holder.token)) return false
  if (isElsewhere(holder, mine)) {
    const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
    return Math.abs(Date.now() - touched) < staleAfter
  }
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Alive, and owned by another user.
    if (code !== 'EPERM' && code !== 'EACCES') return false
  }
  const began = beginOf(holder.pid)
  return began !== 'ended' && (began === undefined || holder.began === undefined || began === holder.began)
}

/** Whether a holder is in another container of this machine, where pids differ. */
function isElsewhere(holder: Holder, mine: Holder): boolean {
  if (holder.space === undefined || mine.space === undefined || holder.space === mine.space) return false
  return holder.space.split(' ')[0] === mine.space.split(' ')[0]
}

/** Boot id and pid namespace of this process; undefined except on Linux. */
function ownSpace(): string | undefined {
  try {
    return `${bootId()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return undefined
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/**
 * Start time of a process, as the system reports it; `undefined` if it does not. `'ended'` is a zombie: it keeps its
 * pid until its parent collects it.
 */
function beginOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // Field 22, in ticks since boot. The process name before it may contain blanks and brackets.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (fields[0] === 'Z' || fields[0] === 'X') return 'ended'
      return `${fields[19]} ${bootId()}`
    }
    if (process.platform === 'win32') return undefined
    const [state, ...began] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(/\s+/u)
    if (state?.startsWith('Z')) return 'ended'
    return began.join(' ') || undefined
  } catch {
    return undefined
  }
}

function noLock(path: string, what: string): PaperkinError {
  return new PaperkinError(
    'store-locked',
    `Expected the lock of a library, but ${path} ${what}: remove it, or open the library with \`readOnly: true\`.`,
  )
}

function locked(holder: Holder, mine: Holder, path: string): PaperkinError {
  const isHere = holder.host === mine.host && !isElsewhere(holder, mine)
  const where = isHere ? '' : holder.host === mine.host ? ' of another container' : ` on ${holder.host}`
  const remedy = isHere
    ? `close it there, or open it with \`readOnly: true\`${holder.began === undefined ? `, or delete ${path} if another program has that pid` : ''}`
    : `close it there, or delete ${path} if that process is gone`
  return new PaperkinError(
    'store-locked',
    `The library is open for writing in process ${holder.pid}${where}: ${remedy}.`,
  )
}
