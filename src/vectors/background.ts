import { PaperkinError } from '../errors.ts'
import type { JobOptions, JobResult } from '../runtime/serve-jobs.ts'
import { type Progress, timeSlice } from '../runtime/time-slice.ts'
import { commonPool, type WorkerPool } from '../runtime/worker-pool.ts'
import type { VectorJobs } from './worker.ts'

/** Multiply-adds from which a worker thread (about 0.15 s to start with its runtime) is worth it. */
export const backgroundFrom = 2e8
/** Values copied at a time: 2 MB, 1 to 2 ms. */
const partLength = 2 ** 19

/** One thread per name, running its jobs concurrently. */
const threads = new Map<string, WorkerPool<VectorJobs>>()

/**
 * Runs a job in a worker thread. Values in shared memory are passed directly; others are copied in parts, so that the
 * event loop runs. The thread holds `4 × values.length` bytes until the job is done.
 * @throws `signal.reason`; what the job or `onProgress` throws; PaperkinError `index-unavailable` if the thread cannot
 * run
 */
export async function inBackground<Kind extends keyof VectorJobs>(
  kind: Kind,
  options: Omit<JobOptions<VectorJobs, Kind>, 'length'>,
  {
    values,
    thread = 'products',
    ...how
  }: {
    readonly values: Float32Array
    /** Jobs with the same name share a thread. @default 'products' */
    readonly thread?: string
    readonly signal?: AbortSignal | undefined
    readonly onProgress?: ((progress: Progress) => void) | undefined
    /** False for work that no caller awaits. @default true */
    readonly keepsProcessAlive?: boolean
  },
): Promise<JobResult<VectorJobs, Kind>> {
  const pool = threads.get(thread) ?? newThread(thread)
  const sized = { ...options, length: values.length } as JobOptions<VectorJobs, Kind>
  return pool.run(kind, sized, { ...how, input: () => partsOf(values, how.signal) })
}

async function* partsOf(values: Float32Array, signal: AbortSignal | undefined): AsyncGenerator<Float32Array> {
  if (values.buffer instanceof SharedArrayBuffer) {
    yield values
    return
  }
  const slice = timeSlice(signal, 5)
  for (let start = 0; start < values.length; start += partLength) {
    yield values.slice(start, start + partLength)
    if (slice.due()) await slice.rest()
  }
}

function newThread(thread: string): WorkerPool<VectorJobs> {
  const pool = commonPool<VectorJobs>({
    script: '#worker/vectors-worker',
    name: `paperkin-vectors-${thread}`,
    explain: ({ kind, cause }) => {
      if (kind === 'job') return cause
      const what =
        kind === 'start'
          ? `The code of a thread is missing: ${(cause as Error).message}.`
          : 'The worker thread for vectors ended before its work was done.'
      return new PaperkinError('index-unavailable', what, { cause })
    },
  })
  threads.set(thread, pool)
  return pool
}
