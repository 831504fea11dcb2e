// Threads that serve a table of jobs: started when jobs wait, replaced when they die, given back when they are idle.
import { Worker } from 'node:worker_threads'
import { PaperkinError } from '../errors.ts'
import { NativeGate } from './native-gate.ts'
import { packageFile } from './package-files.ts'
import type { FromThread, JobOptions, JobResult, JobTable, ToThread } from './serve-jobs.ts'
import type { Progress } from './time-slice.ts'

/** What a pool is like. */
interface PoolOptions<Jobs extends JobTable> {
  readonly script: `#worker/${string}`
  /** Name of the threads. */
  readonly name: string
  /** Threads at most, where so many are; `isOpen`: one has done its first job. @default 1 */
  readonly most?: (running: number, isOpen: boolean) => number
  /** Jobs for each of which one more thread is worth its start. @default 1 */
  readonly jobsPerThread?: number
  /** Jobs in hand at most, for a thread that does them in turn. @default Infinity, for one that does them side by side */
  readonly inHand?: number
  /** How often a job is begun again after its thread has died. @default 0 */
  readonly retries?: number
  /** How long a thread may be idle, at least 1 s; `isLast`: no other is left. @default 10 s */
  readonly idleMs?: (isLast: boolean) => number
  /** A job that each thread does before all others. */
  readonly opening?: Opening<Jobs>
  /** The error that a call ends with. */
  readonly explain: (failure: Failure) => unknown
}

interface Opening<Jobs extends JobTable, Kind extends keyof Jobs = keyof Jobs> {
  readonly kind: Kind
  /** Other jobs wait until one thread has done it as the first. */
  readonly options: (isFirst: boolean) => JobOptions<Jobs, Kind>
  readonly onResult: (result: JobResult<Jobs, Kind>) => void
}

export interface Failure {
  /**
   * What has gone wrong: a thread cannot be started; threads ended before they were open; the opening failed; a thread
   * ended in the middle of a job; a job threw.
   */
  readonly kind: 'start' | 'early-end' | 'opening' | 'end' | 'job'
  readonly cause: unknown
  /** Of the job in its call, and how many jobs the call has. */
  readonly index: number
  readonly total: number
}

/** How jobs are run. */
interface RunOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Served before the jobs of other calls. @default false */
  readonly isUrgent?: boolean
  /** False for work that nobody waits for. @default true */
  readonly keepsProcessAlive?: boolean
  /** Sent to the job part by part, each in memory that is handed over or shared. */
  readonly input?: (() => AsyncIterable<ArrayBufferView>) | undefined
}

interface Call {
  readonly kind: string
  readonly list: readonly unknown[]
  readonly how: RunOptions
  readonly onResult: (index: number, result: unknown) => void
  readonly settle: (...failure: [] | [error: unknown]) => void
  readonly retries: Job[]
  next: number
  done: number
  isOver: boolean
}

/** One job of one call. */
interface Job {
  readonly id: number
  readonly index: number
  readonly call: Call
  /** Threads that ended while they were at it. */
  deaths: number
}

interface Thread {
  readonly worker: Worker
  readonly gate: NativeGate
  /** Whether it opens as the first. */
  readonly isFirst: boolean
  /** In hand, in the order in which it takes them; also those of calls that are over, until it has let go of them. */
  readonly jobs: Map<number, Job>
  isReady: boolean
  end: Promise<unknown> | undefined
  idle: NodeJS.Timeout | undefined
}

/** Jobs go to a thread a few at a time, so that an abort, an urgent call or a new thread is served at once. */
export class WorkerPool<Jobs extends JobTable> {
  readonly #options: PoolOptions<Jobs>
  readonly #threads = new Set<Thread>()
  readonly #calls: Call[] = []
  readonly #inHand: number
  readonly #retries: number
  #isOpen: boolean
  #earlyEnds = 0
  #lastId = 0

  constructor(options: PoolOptions<Jobs>) {
    this.#options = options
    this.#inHand = options.inHand ?? Number.POSITIVE_INFINITY
    this.#retries = options.retries ?? 0
    this.#isOpen = options.opening === undefined
  }

  /** Runs one job. @throws `signal.reason`; what `onProgress` throws; what the pool makes of a failure */
  async run<Kind extends keyof Jobs & string>(
    kind: Kind,
    options: JobOptions<Jobs, Kind>,
    how: RunOptions = {},
  ): Promise<JobResult<Jobs, Kind>> {
    let found: JobResult<Jobs, Kind> | undefined
    const onResult = (_: number, result: JobResult<Jobs, Kind>) => {
      found = result
    }
    await this.runAll(kind, [options], { ...how, onResult })
    return found as JobResult<Jobs, Kind>
  }

  /** Runs a job for each of the options, and hands out each result as soon as it is there. Throws as {@link run} does. */
  runAll<Kind extends keyof Jobs & string>(
    kind: Kind,
    list: readonly JobOptions<Jobs, Kind>[],
    { onResult, ...how }: RunOptions & { readonly onResult: (index: number, result: JobResult<Jobs, Kind>) => void },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = how
      if (signal?.aborted) return reject(signal.reason)
      if (list.length === 0) return resolve()
      const abort = () => call.settle(signal?.reason)
      const settle = (...failure: [] | [unknown]) => {
        if (call.isOver) return
        call.isOver = true
        this.#calls.splice(this.#calls.indexOf(call), 1)
        signal?.removeEventListener('abort', abort)
        for (const thread of this.#threads)
          for (const job of thread.jobs.values()) if (job.call === call) post(thread, { kind: 'abort', id: job.id })
        if (failure.length > 0) reject(failure[0])
        else resolve()
        this.#hold()
      }
      const call = newCall({ kind, list, how, onResult: onResult as Call['onResult'], settle })
      signal?.addEventListener('abort', abort, { once: true })
      const place = how.isUrgent ? this.#calls.findIndex((other) => !other.how.isUrgent) : -1
      this.#calls.splice(place < 0 ? this.#calls.length : place, 0, call)
      this.#advance()
      this.#hold()
    })
  }

  /** Starts all threads, for jobs that will come soon. */
  prepare(): void {
    this.#startUpTo(Number.POSITIVE_INFINITY)
    this.#hold()
  }

  /** Ends the threads that work for nobody, between two native calls. */
  async end(): Promise<void> {
    const isWanted = ({ isReady, jobs }: Thread) =>
      this.#calls.length > 0 && (!isReady || [...jobs.values()].some(({ call }) => !call.isOver))
    await Promise.all([...this.#threads].filter((thread) => !isWanted(thread)).map((thread) => this.#end(thread)))
  }

  /** Starts threads while jobs wait for them and hands jobs to those that are ready. */
  #advance(): void {
    const queued = this.#calls.reduce((sum, { list, next, retries }) => sum + list.length - next + retries.length, 0)
    if (queued === 0) return
    const inHand = this.#staying.reduce((sum, { jobs }) => sum + jobs.size, 0)
    this.#startUpTo(Math.ceil((queued + inHand) / (this.#options.jobsPerThread ?? 1)))
    const ready = this.#staying.filter(({ isReady }) => isReady)
    if (!this.#isOpen || ready.length === 0) return
    // Several in hand, so that a busy main thread starves nobody; fewer towards the end, so that all end together.
    const share = Math.max(1, Math.ceil(queued / (2 * ready.length)))
    const depth = Number.isFinite(this.#inHand) ? Math.min(this.#inHand, share) : this.#inHand
    for (let round = 0; round < depth; round++)
      for (const thread of ready) {
        if (thread.jobs.size > round) continue
        const job = this.#take()
        if (job === undefined) return
        this.#hand(thread, job)
      }
  }

  /** The next job: urgent calls first, the others in turn. */
  #take(): Job | undefined {
    for (const [place, call] of this.#calls.entries()) {
      const job = call.retries.shift() ?? (call.next < call.list.length ? this.#newJob(call) : undefined)
      if (job === undefined) continue
      if (!call.how.isUrgent) this.#calls.push(...this.#calls.splice(place, 1))
      return job
    }
    return undefined
  }

  #newJob(call: Call): Job {
    return { id: ++this.#lastId, index: call.next++, call, deaths: 0 }
  }

  #hand(thread: Thread, job: Job): void {
    const { id, index, call } = job
    const { input } = call.how
    clearTimeout(thread.idle)
    thread.jobs.set(id, job)
    try {
      const hasInput = input !== undefined
      post(thread, { kind: 'run', id, job: call.kind, options: call.list[index], hasInput })
      if (hasInput) this.#feed(thread, job, input()).catch((error: unknown) => call.settle(error))
    } catch (error) {
      // Options that cannot be copied.
      thread.jobs.delete(id)
      call.settle(error)
    }
  }

  async #feed(thread: Thread, { id, call }: Job, input: AsyncIterable<ArrayBufferView>): Promise<void> {
    for await (const part of input) {
      if (call.isOver || !thread.jobs.has(id)) return
      post(thread, { kind: 'part', id, part }, part.buffer instanceof ArrayBuffer ? [part.buffer] : [])
    }
    post(thread, { kind: 'part', id })
  }

  get #staying(): Thread[] {
    return [...this.#threads].filter(({ end }) => end === undefined)
  }

  #startUpTo(useful: number): void {
    const { most, opening } = this.#options
    const staying = this.#staying
    const wanted = Math.min(most?.(this.#threads.size, this.#isOpen) ?? 1, useful)
    try {
      const lacksFirst = opening !== undefined && !this.#isOpen && !staying.some(({ isFirst }) => isFirst)
      for (let count = lacksFirst ? Math.min(staying.length, wanted - 1) : staying.length; count < wanted; count++)
        this.#start()
    } catch (cause) {
      this.#failAll({ kind: 'start', cause })
    }
  }

  #start(): void {
    const { script, name, opening } = this.#options
    const path = packageFile(script)
    const gate = new NativeGate()
    // Flags of the parent (loaders, eval, inspect) are not for this thread.
    const worker = new Worker(path, { name, workerData: gate.memory, execArgv: [] })
    const isFirst = !this.#isOpen && !this.#staying.some((other) => other.isFirst)
    const isReady = opening === undefined
    const thread: Thread = { worker, gate, isFirst, jobs: new Map(), isReady, end: undefined, idle: undefined }
    this.#threads.add(thread)
    let cause: unknown
    worker.on('message', (message: FromThread) => this.#receive(thread, message))
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', (code) =>
      this.#bury(thread, cause ?? new Error(`The worker thread ended with exit code ${code}.`)),
    )
    if (opening === undefined) this.#rest(thread)
    else this.#open(thread, opening)
  }

  #open(thread: Thread, { kind, options, onResult }: Opening<Jobs>): void {
    const call = newCall({
      kind: kind as string,
      list: [options(thread.isFirst)],
      how: {},
      onResult: (_, result) => {
        thread.isReady = true
        this.#isOpen ||= thread.isFirst
        this.#earlyEnds = 0
        onResult(result as JobResult<Jobs, keyof Jobs>)
      },
      settle: (...failure) => {
        if (failure.length === 0) return
        void this.#end(thread)
        this.#failAll({ kind: 'opening', cause: failure[0] })
      },
    })
    this.#hand(thread, this.#newJob(call))
  }

  #receive(thread: Thread, message: FromThread): void {
    const { id } = message
    const job = thread.jobs.get(id)
    if (job === undefined) return
    const { call, index } = job
    if (message.kind !== 'progress') thread.jobs.delete(id)
    if (!call.isOver) {
      try {
        if (message.kind === 'progress') call.how.onProgress?.(message.progress)
        else if (message.kind === 'done') {
          call.onResult(index, message.result)
          if (++call.done === call.list.length) call.settle()
        } else {
          const cause = message.code === undefined ? message.error : new PaperkinError(message.code, reasonOf(message))
          call.settle(thread.isReady ? this.#options.explain({ kind: 'job', cause, ...placeOf(job) }) : cause)
        }
      } catch (error) {
        call.settle(error)
      }
    }
    if (message.kind === 'progress') return
    this.#advance()
    if (thread.jobs.size === 0 && thread.end === undefined) this.#rest(thread)
  }

  /** A thread has ended: what it was at is tried once more where that is allowed, what waited behind that as if new. */
  #bury(thread: Thread, cause: unknown): void {
    thread.gate.remove()
    clearTimeout(thread.idle)
    this.#threads.delete(thread)
    if (thread.isReady)
      for (const [place, job] of [...thread.jobs.values()].entries()) {
        const { call } = job
        if (call.isOver) continue
        if (place === 0 || !Number.isFinite(this.#inHand)) job.deaths += 1
        if (job.deaths <= this.#retries) call.retries.push(job)
        else call.settle(this.#options.explain({ kind: 'end', cause, ...placeOf(job) }))
      }
    else if (thread.end === undefined && ++this.#earlyEnds > this.#retries) {
      this.#earlyEnds = 0
      this.#failAll({ kind: 'early-end', cause })
    }
    this.#advance()
    this.#hold()
  }

  #failAll(failure: Pick<Failure, 'kind' | 'cause'>): void {
    for (const call of [...this.#calls])
      call.settle(this.#options.explain({ ...failure, index: 0, total: call.list.length }))
  }

  /** Threads keep the process alive while a call waits for them, and never otherwise. */
  #hold(): void {
    const isAwaited = this.#calls.some(({ how }) => how.keepsProcessAlive !== false)
    for (const { worker, end } of this.#threads) {
      if (isAwaited || end !== undefined) worker.ref()
      else worker.unref()
    }
  }

  /** An idle thread is given back after a time. */
  #rest(thread: Thread): void {
    const since = performance.now()
    const look = () => {
      const idleMs = Math.max(1000, this.#options.idleMs?.(this.#staying.length === 1) ?? 10_000)
      const left = since + idleMs - performance.now()
      if (left <= 0) void this.#end(thread)
      else thread.idle = setTimeout(look, Math.min(1000, left)).unref()
    }
    clearTimeout(thread.idle)
    look()
  }

  #end(thread: Thread): Promise<unknown> {
    clearTimeout(thread.idle)
    thread.end ??= thread.gate.close().then(() => thread.worker.terminate())
    return thread.end
  }
}

function newCall(given: Pick<Call, 'kind' | 'list' | 'how' | 'onResult' | 'settle'>): Call {
  return { ...given, retries: [], next: 0, done: 0, isOver: false }
}

function placeOf({ index, call }: Job): Pick<Failure, 'index' | 'total'> {
  return { index, total: call.list.length }
}

function post({ worker }: Thread, message: ToThread, transfer: ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer)
}

function reasonOf({ error }: { readonly error: unknown }): string {
  return error instanceof Error ? error.message : String(error)
}

const common = new Set<{ end(): Promise<void> }>()
const users = new Set<object>()

/** A pool that all users share: see {@link useThreads}. */
export function commonPool<Jobs extends JobTable>(options: PoolOptions<Jobs>): WorkerPool<Jobs> {
  const pool = new WorkerPool(options)
  common.add(pool)
  return pool
}

/** Counts a user of the common pools in; returns what counts it out, and ends the threads with the last one. */
export function useThreads(): () => Promise<void> {
  const user = {}
  users.add(user)
  return async () => {
    users.delete(user)
    if (users.size === 0) await endThreads()
  }
}

/** Ends the threads of common pools that work for nobody. */
export async function endThreads(): Promise<void> {
  await Promise.all([...common].map((pool) => pool.end()))
}
