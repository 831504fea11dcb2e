import { availableParallelism } from 'node:os'
import { PaperkinError } from '../errors.ts'
import { type Failure, WorkerPool } from '../runtime/worker-pool.ts'
import type { Truncation } from './vector-cache.ts'
import type { Checksums, EmbeddingJobs, LoadedModel, WorkerModel } from './worker.ts'

interface PoolRequest {
  /** Served before other calls' remaining texts. */
  readonly isUrgent: boolean
  readonly signal: AbortSignal | undefined
  readonly onVector: (index: number, vector: Float32Array, truncation?: Truncation) => void
}

/** A worker takes about this much memory at most (measured: bench/embedding.ts). */
const bytesPerWorker = 256 * 2 ** 20
const extraIdleMs = 5_000

/** Worker threads that hold one model; texts are their jobs. */
class ModelPool {
  readonly #model: WorkerModel
  readonly #users = new Map<object, { readonly workers: number | undefined; readonly idleSeconds: number }>()
  readonly #threads: WorkerPool<EmbeddingJobs>
  #loaded: LoadedModel | undefined

  constructor(model: WorkerModel, checksums: Checksums) {
    this.#model = model
    this.#threads = new WorkerPool<EmbeddingJobs>({
      script: '#worker/embedding-worker',
      name: 'paperkin-embedding',
      // Until one worker has loaded a model from the hub, others would download it once more.
      most: (running) => (model.isFolder || this.#loaded !== undefined ? this.#limit(running) : 1),
      // A worker is worth its start (about 0.3 s) from this many texts on.
      jobsPerThread: 8,
      inHand: 4,
      retries: 1,
      idleMs: (isLast) => {
        const idleMs = 1000 * Math.max(0, ...[...this.#users.values()].map(({ idleSeconds }) => idleSeconds))
        return isLast ? idleMs : Math.min(idleMs, extraIdleMs)
      },
      opening: {
        kind: 'load',
        options: { model, checksums },
        onResult: (loaded) => {
          this.#loaded = loaded as LoadedModel
          warnOf(this.#loaded)
        },
      },
      explain: (failure) => this.#explain(failure),
    })
  }

  /** Counts a user in; the pool is as large as its most demanding user wants. */
  join(user: object, wishes: { readonly workers: number | undefined; readonly idleSeconds: number }): void {
    this.#users.set(user, wishes)
  }

  /** Counts a user out. With the last one the threads end. */
  async leave(user: object): Promise<void> {
    this.#users.delete(user)
    if (this.#users.size === 0) await this.#threads.end()
  }

  /** What the model is; starts a worker where none has said so yet. */
  async load(): Promise<LoadedModel> {
    if (this.#loaded === undefined) await this.embed([''], { isUrgent: true, signal: undefined, onVector: () => {} })
    return this.#loaded as LoadedModel
  }

  /**
   * Embeds every text; `onVector` is called once for each, in the order in which they are done.
   * @throws `signal.reason`, or PaperkinError `embedder-unavailable`, `embedding-failed`, `invalid-argument`.
   */
  embed(texts: readonly string[], { onVector, ...how }: PoolRequest): Promise<void> {
    return this.#threads.runAll('embed', texts, {
      ...how,
      onResult: (index, { vector, tokens, cut, estimated }) =>
        onVector(index, vector, cut > 0 ? { tokens, cut, ...(estimated && { estimated: true as const }) } : undefined),
    })
  }

  #limit(running: number): number {
    const wishes = [...this.#users.values()].map(({ workers }) => workers ?? 0)
    if (wishes.length > 0 && !wishes.includes(0)) return Math.max(...wishes)
    return Math.max(affordableThreads(running), ...wishes)
  }

  #explain({ kind, cause, index, total }: Failure): PaperkinError {
    const message = cause instanceof Error ? cause.message : String(cause)
    const failed = (what: string) => new PaperkinError('embedding-failed', what, { cause })
    const absent = (what: string) =>
      new PaperkinError('embedder-unavailable', unavailable(this.#model, what), { cause })
    switch (kind) {
      case 'job':
        return failed(`The model ${this.#model.model} failed on the text at index ${index}: ${message}.`)
      case 'end':
        return failed(`Two worker threads ended while they embedded the text at index ${index} of ${total}.`)
      case 'start':
        return absent(`its thread cannot be started: ${message}`)
      case 'early-end':
        return absent(`two worker threads ended at their start: ${message}`)
      case 'opening':
        return PaperkinError.isInstance(cause) ? cause : absent(message)
    }
  }
}

/** How many threads cores and memory allow, where so many run already. */
export function affordableThreads(running = 0): number {
  // availableMemory: Node 20.13 and later.
  const memory = process.availableMemory?.() ?? Number.POSITIVE_INFINITY
  const held = running * bytesPerWorker
  return Math.max(1, Math.min(availableParallelism(), Math.floor((memory + held) / bytesPerWorker)))
}

function unavailable({ model, isFolder, localFilesOnly }: WorkerModel, message: string): string {
  const hint = isFolder
    ? ''
    : localFilesOnly
      ? ' Its files must be in the cache folder, or `localFilesOnly` must be false.'
      : ' It comes from the Hugging Face hub: check the id and the network, or give a local folder.'
  // What transformers.js says of a model whose files are not there.
  const reason = /^Cannot read properties of/u.test(message) ? 'some of its files are not there' : message
  return `The model ${model} cannot be loaded: ${reason.trim().replace(/\.$/u, '')}.${hint}`
}

/** The one notice that WebAssembly runs in place of the native runtime has been given. */
let hasWarned = false

function warnOf({ fallback }: LoadedModel): void {
  if (fallback === undefined || hasWarned) return
  hasWarned = true
  process.emitWarning(
    `The native runtime does not run on ${process.platform}-${process.arch} here (${fallback}); embedding runs on WebAssembly, several times slower. \`paperkin doctor\` tells more.`,
    { code: 'PAPERKIN_WASM' },
  )
}

const pools = new Map<string, ModelPool>()

/** The process's one pool for a model with these settings. */
export function sharedPool(model: WorkerModel, checksums: Checksums): ModelPool {
  const key = JSON.stringify(model)
  const pool = pools.get(key) ?? new ModelPool(model, checksums)
  pools.set(key, pool)
  return pool
}
