// The thread's side of a worker pool: a script of a thread is a table of jobs that it serves.
import { parentPort, workerData } from 'node:worker_threads'
import { PaperkinError, type PaperkinErrorCode } from '../errors.ts'
import { guardThread } from './native-gate.ts'
import { type Progress, type TimeSlice, timeSlice } from './time-slice.ts'

/** What a job is given beside its options. */
export interface JobContext {
  readonly signal: AbortSignal
  /** Between slices of 20 ms messages are taken, an abort among them. */
  readonly slice: TimeSlice
  readonly onProgress: (progress: Progress) => void
  /** What the caller sends in parts; only for calls with an `input`. */
  readonly input: AsyncIterable<unknown>
}

/** Jobs by name. Options and results are plain data, or arrays over shared memory. */
export type JobTable = Readonly<Record<string, (options: never, context: JobContext) => unknown>>
export type JobOptions<Jobs extends JobTable, Kind extends keyof Jobs> = Parameters<Jobs[Kind]>[0]
export type JobResult<Jobs extends JobTable, Kind extends keyof Jobs> = Awaited<ReturnType<Jobs[Kind]>>

export type ToThread =
  | {
      readonly kind: 'run'
      readonly id: number
      readonly job: string
      readonly options: unknown
      readonly hasInput: boolean
    }
  /** Without a `part` the input is complete. */
  | { readonly kind: 'part'; readonly id: number; readonly part?: unknown }
  | { readonly kind: 'abort'; readonly id: number }

/** Every job ends with `done` or `failed`, also one that was aborted. */
export type FromThread =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | {
      readonly kind: 'failed'
      readonly id: number
      /** As it was thrown; of a PaperkinError only the message and the code arrive. */
      readonly error: unknown
      readonly code?: PaperkinErrorCode | undefined
    }

type Run = Extract<ToThread, { kind: 'run' }>
type Parts = ReadableStreamDefaultController<unknown>

/** Serves jobs until the thread is ended from outside; `inTurn`: each waits for the one before it. */
export function serveJobs(jobs: JobTable, { inTurn = false }: { readonly inTurn?: boolean } = {}): void {
  const port = parentPort as NonNullable<typeof parentPort>
  const post = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)
  const begun = new Map<number, { readonly abort: AbortController; readonly parts: Parts | undefined }>()
  let last: Promise<void> = Promise.resolve()
  guardThread(workerData as SharedArrayBuffer)

  port.on('message', (message: ToThread) => {
    const { kind, id } = message
    if (kind === 'run') {
      const abort = new AbortController()
      let parts: Parts | undefined
      const start = (control: Parts) => {
        parts = control
      }
      const input = message.hasInput ? new ReadableStream({ start }) : noParts()
      begun.set(id, { abort, parts })
      const work = () => run(message, { signal: abort.signal, input })
      if (inTurn) last = last.then(work)
      else void work()
      return
    }
    const { abort, parts } = begun.get(id) ?? {}
    if (kind === 'abort') {
      abort?.abort()
      parts?.error(abort?.signal.reason)
    } else if (message.part === undefined) parts?.close()
    else parts?.enqueue(message.part)
  })

  async function run({ id, job, options }: Run, given: Pick<JobContext, 'signal' | 'input'>): Promise<void> {
    try {
      const context: JobContext = {
        ...given,
        slice: timeSlice(given.signal, 20),
        onProgress: (progress) => post({ kind: 'progress', id, progress }),
      }
      const result = await (jobs[job] as (options: unknown, context: JobContext) => unknown)(options, context)
      post({ kind: 'done', id, result }, buffersOf(result))
    } catch (error) {
      const code = PaperkinError.isInstance(error) ? error.code : undefined
      try {
        post({ kind: 'failed', id, error, code })
      } catch {
        // What hangs on it cannot be copied.
        post({ kind: 'failed', id, error: new Error(String(error)), code })
      }
    } finally {
      begun.delete(id)
    }
  }
}

async function* noParts(): AsyncGenerator<never> {}

/** Arrays that a result holds are handed over, not copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
  if (typeof result !== 'object' || result === null || ArrayBuffer.isView(result)) return []
  return Object.values(result).flatMap((value) =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  )
}
