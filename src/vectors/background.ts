import { Worker } from 'node:worker_threads'
import { PaperkinError, type PaperkinErrorCode } from '../errors.ts'
import { watchThread } from '../runtime/native-gate.ts'
import { packageFile } from '../runtime/package-files.ts'
import { timeSlice, type VectorProgress } from '../runtime/time-slice.ts'
import type { FromWorker, Jobs, ToWorker } from './worker.ts'

/** Multiply-adds from which a worker thread, about 0.15 s to start with its runtime, is worth it. */
export const BACKGROUND_FROM = 2e8
/** Values copied at a time: 2 MB, a millisecond or two. */
export const PART = 2 ** 19
const IDLE_MS = 10_000

interface Call {
  readonly onProgress: ((progress: VectorProgress) => void) | undefined
  /** Has the thread leave the job. */
  readonly stop: (error: unknown) => void
  readonly settle: (outcome: { readonly result: unknown } | { readonly error: unknown }) => void
}

interface Thread {
  readonly worker: Worker
  readonly calls: Map<number, Call>
  idle: NodeJS.Timeout | undefined
}

const threads = new Map<string, Thread>()
let lastId = 0

/**
 * Runs a job in a worker thread, which is kept for some seconds and keeps the process alive only while it works. Values
 * are copied to it in parts, so that the event loop turns, or by itself where they lie in shared memory: the thread holds
 * `4 × values` bytes until the job is done.
 * @throws `signal.reason`; what the job or `onProgress` throws; PaperkinError `index-unavailable` where the thread cannot run.
 */
export async function inBackground<Kind extends keyof Jobs>(
  kind: Kind,
  options: Jobs[Kind]['options'],
  {
    values,
    thread: name = 'products',
    signal,
    onProgress,
    keepsProcessAlive = true,
  }: {
    readonly values: Float32Array
    /** Jobs of one name share a thread. @default 'products' */
    readonly thread?: string
    readonly signal?: AbortSignal | undefined
    readonly onProgress?: ((progress: VectorProgress) => void) | undefined
    /** False for work that nobody waits for. @default true */
    readonly keepsProcessAlive?: boolean
  },
): Promise<Jobs[Kind]['result']> {
  const slice = timeSlice(signal, 5)
  const thread = threads.get(name) ?? startThread(name)
  const id = ++lastId
  const post = (message: ToWorker, transfer: ArrayBuffer[] = []) => thread.worker.postMessage(message, transfer)
  return new Promise((resolve, reject) => {
    const abort = () => call.stop(signal?.reason)
    const call: Call = {
      onProgress,
      stop: (error) => {
        post({ kind: 'abort', id })
        call.settle({ error })
      },
      settle: (outcome) => {
        if (!thread.calls.delete(id)) return
        signal?.removeEventListener('abort', abort)
        if (thread.calls.size === 0) rest(name, thread)
        if ('error' in outcome) reject(outcome.error)
        else resolve(outcome.result as Jobs[Kind]['result'])
      },
    }
    thread.calls.set(id, call)
    clearTimeout(thread.idle)
    if (keepsProcessAlive) thread.worker.ref()
    signal?.addEventListener('abort', abort, { once: true })
    const send = async () => {
      post({
        kind: 'begin',
        id,
        job: { kind, options } as Extract<ToWorker, { kind: 'begin' }>['job'],
        length: values.length,
      })
      if (values.buffer instanceof SharedArrayBuffer) post({ kind: 'part', id, start: 0, part: values })
      else
        for (let start = 0; start < values.length && thread.calls.has(id); start += PART) {
          const part = values.slice(start, start + PART) as Float32Array<ArrayBuffer>
          post({ kind: 'part', id, start, part }, [part.buffer])
          if (slice.due()) await slice.rest()
        }
      post({ kind: 'run', id })
    }
    send().catch((error) => call.settle({ error }))
  })
}

/** Ends the threads that are idle; those at work end when they are idle again. */
export async function endBackground(): Promise<void> {
  const idle = [...threads].filter(([, { calls }]) => calls.size === 0)
  await Promise.all(
    idle.map(([name, thread]) => {
      // Who waits for the end must live to see it.
      thread.worker.ref()
      return end(name, thread)
    }),
  )
}

function startThread(name: string): Thread {
  let path: string
  try {
    path = packageFile('#worker/vectors-worker')
  } catch (cause) {
    throw new PaperkinError('index-unavailable', `The code of a thread is missing: ${(cause as Error).message}.`, {
      cause,
    })
  }
  // Flags of the parent (loaders, eval, inspect) are not for this thread.
  const { flags, forget } = watchThread()
  const worker = new Worker(path, { name: `paperkin-vectors-${name}`, execArgv: [], workerData: flags })
  const thread: Thread = { worker, calls: new Map(), idle: undefined }
  threads.set(name, thread)
  worker.on('message', (message: FromWorker) => {
    const call = thread.calls.get(message.id)
    if (message.kind === 'progress') {
      try {
        call?.onProgress?.(message.progress)
      } catch (error) {
        call?.stop(error)
      }
    } else if (message.kind === 'done') call?.settle({ result: message.result })
    else call?.settle({ error: received(message) })
  })
  const fail = (cause: unknown) => {
    forget()
    if (threads.get(name) === thread) threads.delete(name)
    for (const call of [...thread.calls.values()])
      call.settle({
        error: new PaperkinError('index-unavailable', 'The worker thread for vectors ended before its work was done.', {
          cause,
        }),
      })
  }
  worker.on('error', fail)
  worker.on('exit', fail)
  return thread
}

function rest(name: string, thread: Thread): void {
  thread.worker.unref()
  clearTimeout(thread.idle)
  thread.idle = setTimeout(() => void end(name, thread), IDLE_MS)
  thread.idle.unref()
}

/** Lets a thread end by itself, outside of native calls. */
async function end(name: string, thread: Thread): Promise<void> {
  if (threads.get(name) === thread) threads.delete(name)
  clearTimeout(thread.idle)
  const ended = new Promise((resolve) => thread.worker.once('exit', resolve))
  thread.worker.postMessage({ kind: 'end' } satisfies ToWorker)
  await ended
}

/** An error as it was thrown in the thread. */
function received({ message, code, stack }: Extract<FromWorker, { kind: 'failed' }>): Error {
  if (code !== undefined) return new PaperkinError(code as PaperkinErrorCode, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
