import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { packageFile } from '../runtime/package-files.ts'
import type { JobOptions, JobResult } from '../runtime/serve-jobs.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { commonPool } from '../runtime/worker-pool.ts'
import { type Jobs, jobs } from './jobs.ts'

/** Number of papers from which threads pay off; they take some 50 ms to start. */
const threadsFrom = 2000
const mostThreads = 8
const script = '#worker/topics-worker'

const pool = commonPool<Jobs>({
  script,
  name: 'paperkin-topics',
  most: () => Math.min(mostThreads, availableParallelism()),
  inHand: 1,
  explain: ({ kind, cause }) =>
    kind === 'job' ? cause : new Error('A worker thread for topics ended before its work was done.', { cause }),
})

/**
 * Runs the jobs of one calculation in worker threads. For few papers, or if the worker script is not built, jobs run
 * one by one on the calling thread.
 */
export class Threads {
  /** Undefined if jobs run on the calling thread. */
  readonly #signal: AbortSignal | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    if (signal !== undefined) pool.prepare()
  }

  /** Provides threads while `work` runs. An abort cancels the jobs, as does the end of `work`. */
  static async during<T>(
    { papers, signal }: { readonly papers: number; readonly signal: AbortSignal | undefined },
    work: (threads: Threads) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const over = new AbortController()
    const either = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
    // Each job adds a listener.
    setMaxListeners(0, either)
    try {
      return await work(new Threads(papers >= threadsFrom && isBuilt() ? either : undefined))
    } finally {
      over.abort()
    }
  }

  /** Runs a job. Arrays in shared memory are shared with its thread, others are copied. */
  run<Kind extends keyof Jobs>(
    kind: Kind,
    options: JobOptions<Jobs, Kind>,
    slice: TimeSlice,
  ): Promise<JobResult<Jobs, Kind>> {
    let result: Promise<JobResult<Jobs, Kind>>
    if (this.#signal !== undefined) result = pool.run(kind, options, { signal: this.#signal })
    else {
      const job = jobs[kind] as (options: unknown, context: object) => Promise<JobResult<Jobs, Kind>>
      result = this.#last.then(() => job(options, { slice }))
      this.#last = result.catch(() => undefined)
    }
    // After an abort the rejection may have no other handler.
    result.catch(() => undefined)
    return result
  }
}

function isBuilt(): boolean {
  try {
    return packageFile(script) !== ''
  } catch {
    return false
  }
}
