import { availableParallelism } from 'node:os'
import { PaperkinError } from '../errors.ts'
import { type Failure, WorkerPool } from '../runtime/worker-pool.ts'
import type { Truncation } from './vector-cache.ts'
import type { Checksums, EmbeddingJobs, LoadedModel, WorkerModel } from './worker.ts'

interface PoolRequest {
  /** Runs before the remaining texts of other calls. */
  readonly isUrgent: boolean
  readonly signal: AbortSignal | undefined
  readonly onVector: (index: number, vector: Float32Array, truncation?: Truncation) => void
}

/** Most memory of one worker, approximately (measured: bench/embedding.ts). */
const bytesPerWorker = 256 * 2 ** 20
const extraIdleMs = 5_000

/** Worker threads for one model; each text is a job. */
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
      // One worker until a hub model is loaded; otherwise each would download it.
      most: (running) => (model.isFolder || this.#loaded !== undefined ? this.#limit(running) : 1),
      // Fewer texts do not justify starting a worker (about 0.3 s).
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
          warnOnce(this.#loaded)
        },
      },
      explain: (failure) => this.#explain(failure),
    })
  }

  /** Registers a user; the most demanding one sets the size of the pool. */
  join(user: object, wishes: { readonly workers: number | undefined; readonly idleSeconds: number }): void {
    this.#users.set(user, wishes)
  }

  /** Unregisters a user; with the last one the threads end. */
  async leave(user: object): Promise<void> {
    this.#users.delete(user)
    if (this.#users.size === 0) await this.#threads.end()
  }

  /** Properties of the model; starts a worker if they are unknown. */
  async load(): Promise<LoadedModel> {
    if (this.#loaded === undefined) await this.embed([''], { isUrgent: true, signal: undefined, onVector: () => {} })
    return this.#loaded as LoadedModel
  }

  /**
   * Embeds every text; `onVector` is called once for each, in order of completion.
   * @throws `signal.reason`, or PaperkinError `embedder-unavailable`, `embedding-failed`, `invalid-argument`
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

/** How many threads cores and memory allow, including those already running. */
export function affordableThreads(running = 0): number {
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
  // The error of transformers.js for a model with missing files.
  const reason = /^Cannot read properties of/u.test(message) ? 'some of its files are missing' : message
  return `The model ${model} cannot be loaded: ${reason.trim().replace(/\.$/u, '')}.${hint}`
}

/** Whether the warning about the WebAssembly fallback was given. */
let hasWarned = false

function warnOnce({ fallback }: LoadedModel): void {
  if (fallback === undefined || hasWarned) return
  hasWarned = true
  process.emitWarning(
    `The native runtime does not run on ${process.platform}-${process.arch} here (${fallback}); embedding runs on WebAssembly, several times slower. Run \`paperkin doctor\` for details.`,
    { code: 'PAPERKIN_WASM' },
  )
}

const pools = new Map<string, ModelPool>()

/** The pool for a model with these settings, shared by the whole process. */
export function sharedPool(model: WorkerModel, checksums: Checksums): ModelPool {
  const key = JSON.stringify(model)
  const pool = pools.get(key) ?? new ModelPool(model, checksums)
  pools.set(key, pool)
  return pool
}
