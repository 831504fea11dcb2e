import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { packageFile } from '../runtime/package-files.ts'
import type { JobOptions, JobResult } from '../runtime/serve-jobs.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { commonPool } from '../runtime/worker-pool.ts'
import { type Jobs, jobs } from './jobs.ts'

/** Papers from which threads, some 50 ms to start, are worth it. */
const threadsFrom = 2000
const mostThreads = 8
const script = '#worker/topics-worker'

const pool = commonPool<Jobs>({
  script,
  name: 'paperkin-topics',
  most: () => Math.min(mostThreads, availableParallelism()),
  inHand: 1,
  explain: ({ kind, cause }) =>
    kind === 'job' ? cause : new Error('A thread for topics ended before its work was done.', { cause }),
})

/**
 * Runs the jobs of one calculation in threads. For few papers, and where the worker is not built, jobs run here, one after
 * the other.
 */
export class Threads {
  /** Undefined where jobs run here. */
  readonly #signal: AbortSignal | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    if (signal !== undefined) pool.prepare()
  }

  /** Has threads while `work` runs; an abort ends the jobs, and so does an end of `work` that leaves some undone. */
  static async during<T>(
    { papers, signal }: { readonly papers: number; readonly signal: AbortSignal | undefined },
    work: (threads: Threads) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const over = new AbortController()
    const either = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
    // One listener a job.
    setMaxListeners(0, either)
    try {
      return await work(new Threads(papers >= threadsFrom && isBuilt() ? either : undefined))
    } finally {
      over.abort()
    }
  }

  /** Runs a job. Arrays over shared memory are shared with its thread, others are copied. */
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
    // After an abort nobody may be left to hear of it.
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
