import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { packageFile } from '../runtime/package-files.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { type Jobs, jobs, type Options, type Result } from './jobs.ts'
import type { FromWorker, ToWorker } from './worker.ts'

/** Papers from which threads, some 50 ms to start, are worth it. */
const threadsFrom = 2000
const mostThreads = 8

interface Call {
  readonly message: ToWorker
  readonly settle: (outcome: FromWorker) => void
}

/**
 * Threads for one calculation: a job runs in the next one that is free. For few papers, and where the worker is not
 * built, jobs run here, one after the other.
 */
export class Threads {
  readonly #workers: Worker[] = []
  readonly #idle: Worker[] = []
  readonly #waiting: Call[] = []
  readonly #running = new Map<number, Call>()
  #last: Promise<unknown> = Promise.resolve()
  #lastId = 0

  private constructor(count: number) {
    const path = count > 0 ? workerPath() : undefined
    if (path === undefined) return
    for (let i = 0; i < count; i++) {
      const worker = new Worker(path, { name: `paperkin-topics-${i + 1}`, execArgv: [] })
      worker.on('message', (outcome: FromWorker) => {
        const call = this.#running.get(outcome.id)
        this.#running.delete(outcome.id)
        this.#idle.push(worker)
        this.#advance()
        call?.settle(outcome)
      })
      worker.on('error', (error) => this.#fail(error))
      worker.on('exit', () => this.#fail(new Error('A thread for topics ended before its work was done.')))
      this.#workers.push(worker)
      this.#idle.push(worker)
    }
  }

  /** Has threads while `work` runs; an abort ends the jobs. */
  static async during<T>(
    { papers, signal }: { readonly papers: number; readonly signal: AbortSignal | undefined },
    work: (threads: Threads) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const threads = new Threads(papers < threadsFrom ? 0 : Math.min(mostThreads, availableParallelism()))
    const abort = () => threads.#fail(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      return await work(threads)
    } finally {
      signal?.removeEventListener('abort', abort)
      await Promise.all(threads.#workers.map((worker) => worker.terminate()))
    }
  }

  /** Runs a job. Arrays over shared memory are shared with its thread, others are copied. */
  run<Kind extends keyof Jobs>(kind: Kind, options: Options<Kind>, slice: TimeSlice): Promise<Result<Kind>> {
    if (this.#workers.length === 0) {
      const job = jobs[kind] as (options: Options<Kind>, slice: TimeSlice) => Promise<Result<Kind>>
      const result = this.#last.then(() => job(options, slice))
      this.#last = result.catch(() => undefined)
      return result
    }
    const promise = new Promise<Result<Kind>>((resolve, reject) => {
      const id = ++this.#lastId
      this.#waiting.push({
        message: { id, kind, options } as ToWorker,
        settle: (outcome) => {
          if ('error' in outcome) reject(outcome.error)
          else resolve(outcome.result as Result<Kind>)
        },
      })
      this.#advance()
    })
    // After an abort nobody may be left to hear of it.
    promise.catch(() => undefined)
    return promise
  }

  #advance(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const call = this.#waiting.shift() as Call
      this.#running.set(call.message.id, call)
      ;(this.#idle.pop() as Worker).postMessage(call.message)
    }
  }

  #fail(error: unknown): void {
    const calls = [...this.#running.values(), ...this.#waiting.splice(0)]
    this.#running.clear()
    for (const { message, settle } of calls) settle({ id: message.id, error })
  }
}

function workerPath(): string | undefined {
  try {
    return packageFile('#worker/topics-worker')
  } catch {
    return undefined
  }
}
