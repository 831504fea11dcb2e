// Threads that serve a table of jobs: started when jobs wait, replaced when they die, ended when idle. A thread gets
// only a few jobs at a time, so that aborts, urgent calls and new threads take effect at once.
import { Worker } from 'node:worker_threads'
import { PaperkinError } from '../errors.ts'
import { NativeGate } from './native-gate.ts'
import { packageFile } from './package-files.ts'
import type { FromThread, JobOptions, JobResult, JobTable, ToThread } from './serve-jobs.ts'
import type { Progress } from './time-slice.ts'

interface PoolOptions<Jobs extends JobTable> {
  readonly script: `#worker/${string}`
  /** Name of the threads. */
  readonly name: string
  /** Most threads, given how many are running. @default 1 */
  readonly most?: (running: number) => number
  /** Jobs that make one more thread worth starting. @default 1 */
  readonly jobsPerThread?: number
  /** Most jobs held by a thread that runs them one by one. @default Infinity, for threads that run them concurrently */
  readonly inHand?: number
  /** How often a job is restarted after its thread has died. @default 0 */
  readonly retries?: number
  /** How long a thread may be idle, at least 1 s; `isLast`: it is the only one. @default 10 s */
  readonly idleMs?: (isLast: boolean) => number
  /** A job that each thread runs before all others. */
  readonly opening?: Opening<Jobs>
  /** Makes the error that a call rejects with. */
  readonly explain: (failure: Failure) => unknown
}

interface Opening<Jobs extends JobTable, Kind extends keyof Jobs & string = keyof Jobs & string> {
  readonly kind: Kind
  readonly options: JobOptions<Jobs, Kind>
  readonly onResult: (result: JobResult<Jobs, Kind>) => void
}

export interface Failure {
  /**
   * `start`: no thread can be started; `early-end`, `end`: a thread died before its opening job was done, or while
   * working; `opening`, `job`: that job threw.
   */
  readonly kind: 'start' | 'early-end' | 'opening' | 'end' | 'job'
  readonly cause: unknown
  /** Index of the job within its call of `total` jobs. */
  readonly index: number
  readonly total: number
}

interface RunOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Runs before the jobs of other calls. @default false */
  readonly isUrgent?: boolean
  /** False for work that no caller awaits. @default true */
  readonly keepsProcessAlive?: boolean
  /** Input sent to the job part by part; each buffer is transferred or shared. */
  readonly input?: () => AsyncIterable<ArrayBufferView>
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

interface Job {
  readonly id: number
  readonly index: number
  readonly call: Call
  /** Threads that died while running it. */
  deaths: number
}

interface Thread {
  readonly worker: Worker
  readonly gate: NativeGate
  /** Jobs handed over, in order of execution; those of ended calls stay until the thread has finished them. */
  readonly jobs: Map<number, Job>
  isReady: boolean
  /** Set once the thread has been asked to end. */
  end: Promise<unknown> | undefined
  idle: NodeJS.Timeout | undefined
}

export class WorkerPool<Jobs extends JobTable> {
  readonly #options: Required<Omit<PoolOptions<Jobs>, 'opening'>> & Pick<PoolOptions<Jobs>, 'opening'>
  readonly #threads = new Set<Thread>()
  readonly #calls: Call[] = []
  #earlyEnds = 0
  #lastId = 0

  constructor(options: PoolOptions<Jobs>) {
    const { POSITIVE_INFINITY: inHand } = Number
    this.#options = { most: () => 1, jobsPerThread: 1, inHand, retries: 0, idleMs: () => 10_000, ...options }
  }

  /** Runs one job. @throws `signal.reason`; what `onProgress` throws; the error made by `explain` */
  async run<Kind extends keyof Jobs & string>(
    kind: Kind,
    options: JobOptions<Jobs, Kind>,
    how: RunOptions = {},
  ): Promise<JobResult<Jobs, Kind>> {
    const found: JobResult<Jobs, Kind>[] = []
    await this.runAll(kind, [options], { ...how, onResult: (_, result) => found.push(result) })
    return found[0] as JobResult<Jobs, Kind>
  }

  /** Runs one job per entry of `list` and passes on each result as soon as it arrives. Throws as {@link run} does. */
  runAll<Kind extends keyof Jobs & string>(
    kind: Kind,
    list: readonly JobOptions<Jobs, Kind>[],
    { onResult, ...how }: RunOptions & { readonly onResult: (index: number, result: JobResult<Jobs, Kind>) => void },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal, isUrgent } = how
      if (signal?.aborted) return reject(signal.reason)
      if (list.length === 0) return resolve()
      const abort = () => call.settle(signal?.reason)
      const call = newCall({
        kind,
        list,
        how,
        onResult: onResult as Call['onResult'],
        settle: (...failure) => {
          if (call.isOver) return
          call.isOver = true
          this.#calls.splice(this.#calls.indexOf(call), 1)
          signal?.removeEventListener('abort', abort)
          for (const thread of this.#threads)
            for (const job of thread.jobs.values()) if (job.call === call) post(thread, { kind: 'abort', id: job.id })
          if (failure.length > 0) reject(failure[0])
          else resolve()
          this.#hold()
        },
      })
      signal?.addEventListener('abort', abort, { once: true })
      const place = isUrgent ? this.#calls.findIndex((other) => !other.how.isUrgent) : -1
      this.#calls.splice(place < 0 ? this.#calls.length : place, 0, call)
      this.#advance()
      this.#hold()
    })
  }

  /** Starts all threads ahead of jobs that will come soon. */
  prepare(): void {
    this.#startUpTo(Number.POSITIVE_INFINITY)
    this.#hold()
  }

  /** Ends the threads that no call needs, each outside native calls. */
  async end(): Promise<void> {
    const isWanted = ({ isReady, jobs }: Thread) =>
      this.#calls.length > 0 && (!isReady || [...jobs.values()].some(({ call }) => !call.isOver))
    await Promise.all([...this.#threads].filter((thread) => !isWanted(thread)).map((thread) => this.#end(thread)))
  }

  get #staying(): Thread[] {
    return [...this.#threads].filter(({ end }) => end === undefined)
  }

  /** Starts threads for waiting jobs and hands jobs to those that are ready. */
  #advance(): void {
    const { jobsPerThread, inHand } = this.#options
    const queued = this.#calls.reduce((sum, { list, next, retries }) => sum + list.length - next + retries.length, 0)
    if (queued === 0) return
    this.#startUpTo(Math.ceil(this.#staying.reduce((sum, { jobs }) => sum + jobs.size, queued) / jobsPerThread))
    const ready = this.#staying.filter(({ isReady }) => isReady)
    // Several each, so that a busy main thread does not leave threads idle; fewer near the end, so that all finish
    // together.
    const depth = Number.isFinite(inHand) ? Math.min(inHand, Math.ceil(queued / (2 * ready.length))) : inHand
    for (let most = 1; ready.length > 0 && most <= depth; most++)
      for (const thread of ready) {
        if (thread.jobs.size >= most) continue
        const job = this.#take()
        if (job === undefined) return
        this.#hand(thread, job)
      }
  }

  /** The next job: urgent calls first, the others round-robin. */
  #take(): Job | undefined {
    for (const [place, call] of this.#calls.entries()) {
      const isNew = call.retries.length === 0 && call.next < call.list.length
      const job = isNew ? { id: ++this.#lastId, index: call.next++, call, deaths: 0 } : call.retries.shift()
      if (job === undefined) continue
      if (!call.how.isUrgent) this.#calls.push(...this.#calls.splice(place, 1))
      return job
    }
    return undefined
  }

  #hand(thread: Thread, job: Job): void {
    const { id, index, call } = job
    const input = call.how.input?.()
    clearTimeout(thread.idle)
    thread.jobs.set(id, job)
    try {
      const options = call.list[index]
      post(thread, { kind: 'run', id, job: call.kind, options, hasInput: input !== undefined })
      if (input !== undefined) feed(thread, job, input).catch((error: unknown) => call.settle(error))
    } catch (error) {
      // The options cannot be cloned.
      thread.jobs.delete(id)
      call.settle(error)
    }
  }

  #startUpTo(useful: number): void {
    try {
      const wanted = Math.min(this.#options.most(this.#threads.size), useful)
      for (let count = this.#staying.length; count < wanted; count++) this.#start()
    } catch (cause) {
      this.#failAll('start', cause)
    }
  }

  #start(): void {
    const { script, name, opening } = this.#options
    const path = packageFile(script)
    const gate = new NativeGate()
    // The parent's flags (loaders, eval, inspect) must not apply to this thread.
    const worker = new Worker(path, { name, workerData: gate.memory, execArgv: [] })
    const isReady = opening === undefined
    const thread: Thread = { worker, gate, jobs: new Map(), isReady, end: undefined, idle: undefined }
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
      kind,
      list: [options],
      how: {},
      onResult: (_, result) => {
        thread.isReady = true
        this.#earlyEnds = 0
        onResult(result as JobResult<Jobs, keyof Jobs>)
      },
      settle: (...failure) => {
        if (failure.length === 0) return
        void this.#end(thread)
        for (const waiting of [...this.#calls]) waiting.settle(failure[0])
      },
    })
    this.#hand(thread, { id: ++this.#lastId, index: 0, call, deaths: 0 })
  }

  #receive(thread: Thread, message: FromThread): void {
    const job = thread.jobs.get(message.id)
    if (job === undefined) return
    const { call, index } = job
    if (message.kind !== 'progress') thread.jobs.delete(message.id)
    try {
      if (call.isOver) {
        // The call has ended: drop the message.
      } else if (message.kind === 'progress') call.how.onProgress?.(message.progress)
      else if (message.kind === 'done') {
        call.onResult(index, message.result)
        if (++call.done === call.list.length) call.settle()
      } else this.#fail(job, thread.isReady ? 'job' : 'opening', errorOf(message))
    } catch (error) {
      call.settle(error)
    }
    if (message.kind === 'progress') return
    this.#advance()
    if (thread.jobs.size === 0) this.#rest(thread)
  }

  /** Handles the end of a thread: the job that it ran is retried if allowed, those queued behind it as if new. */
  #bury(thread: Thread, cause: unknown): void {
    const { retries, inHand } = this.#options
    thread.gate.remove()
    clearTimeout(thread.idle)
    this.#threads.delete(thread)
    if (thread.isReady) {
      const live = [...thread.jobs.values()].filter(({ call }) => !call.isOver)
      for (const [place, job] of live.entries()) {
        if (place === 0 || inHand === Number.POSITIVE_INFINITY) job.deaths += 1
        if (job.deaths <= retries) job.call.retries.push(job)
        else this.#fail(job, 'end', cause)
      }
    } else if (thread.end === undefined && ++this.#earlyEnds > retries) {
      this.#earlyEnds = 0
      this.#failAll('early-end', cause)
    }
    this.#advance()
    this.#hold()
  }

  #failAll(kind: Failure['kind'], cause: unknown): void {
    for (const call of [...this.#calls]) this.#fail({ call, index: 0 }, kind, cause)
  }

  #fail({ call, index }: Pick<Job, 'call' | 'index'>, kind: Failure['kind'], cause: unknown): void {
    call.settle(this.#options.explain({ kind, cause, index, total: call.list.length }))
  }

  /** Threads keep the process alive only while a call waits for them. */
  #hold(): void {
    const isAwaited = this.#calls.some(({ how }) => how.keepsProcessAlive !== false)
    for (const { worker, end } of this.#threads) {
      if (isAwaited || end !== undefined) worker.ref()
      else worker.unref()
    }
  }

  /** Ends the thread once it has been idle long enough. */
  #rest(thread: Thread): void {
    const since = performance.now()
    const look = () => {
      const left = since + Math.max(1000, this.#options.idleMs(this.#staying.length === 1)) - performance.now()
      if (left <= 0) void this.#end(thread)
      else thread.idle = setTimeout(look, Math.min(1000, left)).unref()
    }
    clearTimeout(thread.idle)
    if (thread.end === undefined) look()
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

function post({ worker }: Thread, message: ToThread, transfer: ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer)
}

async function feed(thread: Thread, { id, call }: Job, input: AsyncIterable<ArrayBufferView>): Promise<void> {
  for await (const part of input) {
    if (call.isOver) return
    post(thread, { kind: 'part', id, part }, part.buffer instanceof ArrayBuffer ? [part.buffer] : [])
  }
  post(thread, { kind: 'part', id })
}

/** Rebuilds an error thrown in the thread. */
function errorOf({ error, code }: Extract<FromThread, { kind: 'failed' }>): unknown {
  return code === undefined ? error : new PaperkinError(code, (error as Error).message)
}

const common = new Set<{ end(): Promise<void> }>()
let users = 0

/** A pool shared by all users; see {@link useThreads}. */
export function commonPool<Jobs extends JobTable>(options: PoolOptions<Jobs>): WorkerPool<Jobs> {
  const pool = new WorkerPool(options)
  common.add(pool)
  return pool
}

/**
 * Registers a user of the common pools. Returns a function, to be called once, that unregisters it; the last one ends
 * the threads.
 */
export function useThreads(): () => Promise<void> {
  users += 1
  return async () => {
    users -= 1
    if (users === 0) await endThreads()
  }
}

/** Ends the threads of common pools that no call needs. */
export async function endThreads(): Promise<void> {
  await Promise.all([...common].map((pool) => pool.end()))
}
