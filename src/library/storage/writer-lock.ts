// One writer a library: the lock is the file `writer-N.lock` of the highest number N, and held as long as the process
// that it names lives. Whoever takes it makes number N + 1, which the file system grants to one process only, and throws
// away the lower ones; a released lock leaves its file there, so that numbers never come again and a slow contender that
// still thinks of an old number finds a higher one, and gives way. Processes of another container cannot be asked whether
// they live; those of the same machine are believed as long as they touch their lock.
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
  /** When the process began, as the system tells it: another process may have its number by now. */
  readonly began: string | undefined
  /** Where its number means a process: the boot of the system and the namespace, as Linux tells them. */
  readonly space?: string | undefined
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
const releasedText = 'released\n'
/** Bytes of a lock at most; a longer file says nothing. */
const mostBytes = 4096
/** Milliseconds between two touches of a lock that is held, and after which one without them is a dead container's. */
const touchInterval = 10_000
const staleAfter = 90_000
/** As often as a lock that others change is tried. */
const mostTries = 1000

// As this process writes them: without zeros before, and with room for the numbers that follow.
const pattern = /^writer-([1-9]\d{0,14})\.lock$/u
const mostNumber = 10 ** 15 - 1

/** Locks that this process gave back and could not find, as their folder was renamed. */
const lost = new Set<string>()

/**
 * Takes the lock of a folder, at once or not at all; one that a dead process left is taken over.
 * @throws PaperkinError `store-locked` with the pid of the process that has it, or for what stands in its place and is no
 * lock; the file system's error
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
      if (highest >= mostNumber) throw noLock(path, 'has a number that no lock of paperkin has')
      if (holder !== undefined && lives(holder, mine, path)) throw locked(holder, mine, path)
    }
    const path = lockPath(folder, highest + 1)
    if (!create(folder, path, JSON.stringify(mine))) continue
    // A lower number that was free again: somebody was faster, twice.
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
        // In one step: nobody finds half a word in it.
        const draft = draftPath(folder)
        try {
          writeFileSync(draft, isNew ? '' : releasedText)
          renameSync(draft, path)
        } catch {
          // A full disk has room for nothing, which says as much to those who want the lock.
          discard(draft)
          truncateSync(path)
        }
      },
    }
  }
  throw noLock(folder, 'has a lock that others take and give back all the time')
}

/** Whether a file is the lock of a library that was written and closed. */
export function wasReleased(path: string): boolean {
  try {
    return isLockName(basename(path)) && readText(path) === releasedText
  } catch {
    return false
  }
}

/** Whether a name is that of a lock. */
export function isLockName(name: string): boolean {
  return pattern.test(name)
}

function lockPath(folder: string, number: number): string {
  return join(folder, `writer-${number}.lock`)
}

function draftPath(folder: string): string {
  return join(folder, `writer.lock.${randomUUID()}.tmp`)
}

/** What cannot be thrown away stays. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // A folder, or somebody else's.
  }
}

function touch(path: string): void {
  try {
    const now = new Date()
    utimesSync(path, now, now)
  } catch {
    // It was taken away, which the next write finds out.
  }
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
  const draft = draftPath(folder)
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

/**
 * What a file says, nothing where that is too much for a lock; undefined where it is gone by now.
 * @throws PaperkinError `store-locked` where something else has its name
 */
function readText(path: string): string | undefined {
  let file: number
  try {
    if (!statSync(path).isFile()) throw noLock(path, 'is no file')
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    // A link that leads nowhere would be gone for ever.
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

/** Who has a lock; `undefined` where it was released. What cannot be read counts as released. */
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
  // Processes of another machine cannot be asked.
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
    // It lives, and is another user's.
    if (code !== 'EPERM' && code !== 'EACCES') return false
  }
  const began = beginOf(holder.pid)
  return began !== 'ended' && (began === undefined || holder.began === undefined || began === holder.began)
}

/** Whether a holder is in another container of this very machine, whose processes have numbers of their own. */
function isElsewhere(holder: Holder, mine: Holder): boolean {
  if (holder.space === undefined || mine.space === undefined || holder.space === mine.space) return false
  return holder.space.split(' ')[0] === mine.space.split(' ')[0]
}

/** The boot of the system and the namespace of this process's number; undefined where the system does not tell. */
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
 * When a process began, in the system's own words; `undefined` where it does not tell. One that has `'ended'` keeps its
 * number until its parent asks for it.
 */
function beginOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // Ticks since the start of the system, field 22; names before it may have blanks and brackets.
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
    ? `close it there, or open it with \`readOnly: true\`${holder.began === undefined ? `, or delete ${path} if another program has that number` : ''}`
    : `close it there, or delete ${path} if that process is gone`
  return new PaperkinError(
    'store-locked',
    `The library is open for writing in process ${holder.pid}${where}: ${remedy}.`,
  )
}
