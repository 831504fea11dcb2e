// The thread's side of a worker pool: a thread's script serves a table of jobs.
import { parentPort, workerData } from 'node:worker_threads'
import { PaperkinError, type PaperkinErrorCode } from '../errors.ts'
import { guardThread } from './native-gate.ts'
import { type Progress, type TimeSlice, timeSlice } from './time-slice.ts'

/** What a job gets in addition to its options. */
export interface JobContext {
  readonly signal: AbortSignal
  /** Slices of 20 ms; messages, including aborts, are received between them. */
  readonly slice: TimeSlice
  readonly onProgress: (progress: Progress) => void
  /** Input that the caller sends in parts; empty for calls without `input`. */
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
  /** Without a `part`: end of input. */
  | { readonly kind: 'part'; readonly id: number; readonly part?: unknown }
  | { readonly kind: 'abort'; readonly id: number }

/** Every job ends with `done` or `failed`, even after an abort. */
export type FromThread =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | {
      readonly kind: 'failed'
      readonly id: number
      /** The thrown value; a PaperkinError arrives as message and code only. */
      readonly error: unknown
      readonly code?: PaperkinErrorCode | undefined
    }

type Run = Extract<ToThread, { kind: 'run' }>
type Parts = ReadableStreamDefaultController<unknown>

/** Serves jobs until the thread is terminated. `inTurn`: one job at a time, in order. */
export function serveJobs(jobs: JobTable, { inTurn = false }: { readonly inTurn?: boolean } = {}): void {
  const port = parentPort as NonNullable<typeof parentPort>
  const post = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)
  const running = new Map<number, { readonly abort: AbortController; readonly parts: Parts | undefined }>()
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
      running.set(id, { abort, parts })
      const work = () => run(message, { signal: abort.signal, input })
      if (inTurn) last = last.then(work)
      else void work()
      return
    }
    const { abort, parts } = running.get(id) ?? {}
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
        // The error holds something that cannot be cloned.
        post({ kind: 'failed', id, error: new Error(String(error)), code })
      }
    } finally {
      running.delete(id)
    }
  }
}

async function* noParts(): AsyncGenerator<never> {}

/** Buffers of a result's arrays, to be transferred instead of copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
  if (typeof result !== 'object' || result === null || ArrayBuffer.isView(result)) return []
  return Object.values(result).flatMap((value) =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  )
}
