// The code of a thread that works on vectors: matrix products on ONNX Runtime, or typed arrays where it cannot be
// loaded. A job comes in parts, runs in slices between which messages are taken (an abort, the parts of another job),
// and owns its copy of the values.
import { parentPort, workerData } from 'node:worker_threads'
import { PaperkinError } from '../errors.ts'
import { guardThread } from '../runtime/native-gate.ts'
import type { VectorProgress } from '../runtime/time-slice.ts'
import { buildGraphFile } from './hnsw/hnswlib.ts'
import { type Kernels, loadOnnxKernels, RowDots, typedArrayKernels } from './kernels.ts'
import { KmeansRows } from './kmeans-rows.ts'
import { buildNeighbourGraph, findNearest, type Nearest, type NeighbourGraph } from './nearest-rows.ts'
import { type KmeansOptions, type KmeansResult, runKmeans } from './spherical-kmeans.ts'
import { unitSquare } from './unit-rows.ts'

/** What the thread can do: options and result are plain data. */
export interface Jobs {
  graph: { readonly options: { readonly dimensions: number; readonly k: number }; readonly result: NeighbourGraph }
  nearest: {
    /** The first `queries` rows of the values are the queries. */
    readonly options: { readonly dimensions: number; readonly k: number; readonly queries: number }
    readonly result: Nearest
  }
  hnsw: {
    readonly options: Omit<Parameters<typeof buildGraphFile>[1], 'signal' | 'onProgress'>
    readonly result: Record<string, never>
  }
  kmeans: {
    readonly options: Omit<KmeansOptions, 'signal' | 'onProgress'>
    readonly result: KmeansResult
  }
}

type Job = { [Kind in keyof Jobs]: { readonly kind: Kind; readonly options: Jobs[Kind]['options'] } }[keyof Jobs]

export type ToWorker =
  | { readonly kind: 'begin'; readonly id: number; readonly job: Job; readonly length: number }
  | { readonly kind: 'part'; readonly id: number; readonly start: number; readonly part: Float32Array }
  | { readonly kind: 'run'; readonly id: number }
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'end' }

export type FromWorker =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: VectorProgress }
  | { readonly kind: 'done'; readonly id: number; readonly result: Jobs[keyof Jobs]['result'] }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly message: string
      readonly code?: string
      readonly stack?: string | undefined
    }

interface Begun {
  readonly job: Job
  readonly rows: RowDots | KmeansRows
  /** Rows whose length is checked, and the sum of their squares; what was wrong with one. */
  checked: number
  squares: number
  failure: unknown
  readonly controller: AbortController
}

const port = parentPort as NonNullable<typeof parentPort>
const begun = new Map<number, Begun>()
let kernels: Promise<Kernels> | undefined
/** Jobs that run, aborted ones on their way out among them. */
let running = 0
let isEnding = false
guardThread(workerData as SharedArrayBuffer)

port.on('message', (message: ToWorker) => {
  if (message.kind === 'end') {
    isEnding = true
    endIfIdle()
    return
  }
  const { id } = message
  if (message.kind === 'begin')
    begun.set(id, {
      job: message.job,
      rows: roomFor(message.job, message.length),
      checked: 0,
      squares: 0,
      failure: undefined,
      controller: new AbortController(),
    })
  else if (message.kind === 'part') {
    const present = begun.get(id)
    if (present === undefined) return
    present.rows.matrix.set(message.part, message.start)
    check(present, message.start + message.part.length)
  } else if (message.kind === 'abort') {
    begun.get(id)?.controller.abort()
    begun.delete(id)
  } else {
    running++
    run(id)
      .then(
        (result) => {
          if (result !== undefined) post({ kind: 'done', id, result }, buffersOf(result))
        },
        (error: unknown) => {
          if (!begun.delete(id)) return
          const { message, stack } = error instanceof Error ? error : new Error(String(error))
          post({ kind: 'failed', id, message, ...(PaperkinError.isInstance(error) ? { code: error.code } : { stack }) })
        },
      )
      .finally(() => {
        running--
        endIfIdle()
      })
  }
})

/** Ends this thread from within, where no native call can be under way. */
function endIfIdle(): void {
  if (isEnding && running === 0) process.exit(0)
}

function roomFor({ kind, options }: Job, length: number): RowDots | KmeansRows {
  const { dimensions } = options
  return kind === 'kmeans'
    ? new KmeansRows({ n: length / dimensions, dimensions, k: options.k })
    : RowDots.allocate(length, dimensions)
}

/** Looks at the rows that have come, while the next are on their way. */
function check(present: Begun, filled: number): void {
  const { kind, options } = present.job
  if ((kind !== 'graph' && kind !== 'kmeans') || present.failure !== undefined) return
  try {
    for (; (present.checked + 1) * options.dimensions <= filled; present.checked++)
      present.squares += unitSquare(present.rows.matrix, present.checked, options.dimensions)
  } catch (error) {
    present.failure = error
  }
}

async function run(id: number): Promise<Jobs[keyof Jobs]['result'] | undefined> {
  const present = begun.get(id)
  if (present === undefined) return undefined
  const { job, rows, controller, failure, squares } = present
  if (failure !== undefined) throw failure
  const { matrix } = rows
  const watched = {
    signal: controller.signal,
    onProgress: (progress: VectorProgress) => post({ kind: 'progress', id, progress }),
  }
  if (job.kind === 'hnsw') {
    await buildGraphFile(matrix, { ...job.options, ...watched })
    return begun.delete(id) ? {} : undefined
  }
  kernels ??= loadOnnxKernels().then((loaded) => loaded ?? typedArrayKernels)
  const how = { ...watched, kernels: await kernels }
  let result: Jobs['kmeans' | 'graph' | 'nearest']['result']
  if (job.kind === 'kmeans') result = await runKmeans(rows as KmeansRows, { ...job.options, ...how, squares })
  else if (job.kind === 'graph') result = await buildNeighbourGraph(rows as RowDots, { ...job.options, ...how })
  else result = await findNearest(rows as RowDots, { ...job.options, ...how })
  return begun.delete(id) ? result : undefined
}

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}

function buffersOf(result: object): ArrayBuffer[] {
  return Object.values(result).flatMap((value) =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  )
}
