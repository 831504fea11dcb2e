import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { PaperkinError } from '../errors.ts'
import { packageFile } from '../runtime/package-files.ts'
import type { Truncation } from './vector-cache.ts'
import type { FromWorker, ToWorker, WorkerData, WorkerModel } from './worker.ts'

/** What a model turns out to be once a worker has loaded it. */
interface LoadedModel {
  readonly dimensions: number
  readonly maxTokens: number
}

interface PoolRequest {
  /** Served before other calls' remaining texts. */
  readonly isUrgent: boolean
  readonly signal: AbortSignal | undefined
  readonly onVector: (index: number, vector: Float32Array, truncation?: Truncation) => void
}

/** One text of one call. */
interface Task {
  readonly id: number
  readonly index: number
  readonly call: Call
  /** Workers that died while they had this text in hand. */
  deaths: number
}

interface Call {
  readonly texts: readonly string[]
  readonly request: PoolRequest
  readonly retries: Task[]
  next: number
  done: number
  readonly settle: (error?: unknown) => void
}

interface Member {
  readonly worker: Worker
  /** Once it is ready, the model is known to be whole. */
  readonly isProof: boolean
  /** Handed over and not answered, in the order in which the worker takes them. */
  readonly tasks: Map<number, Task>
  isReady: boolean
  /** Told to end: its exit is no accident. */
  isLeaving: boolean
  idleSince: number
}

/** A worker is worth its start (about 0.3 s) from this many texts on. */
const textsPerWorker = 8
/** A worker takes about this much memory at most (measured: bench/embedding.ts). */
const bytesPerWorker = 256 * 2 ** 20
const extraIdleMs = 5_000

/**
 * Worker threads that hold one model: started when texts wait, given back when none do, replaced when they die.
 * Texts are handed over a few at a time, so that an abort, a query or a new worker is served at once.
 */
class WorkerPool {
  readonly #model: WorkerModel
  readonly #checksums: WorkerData['checksums']
  readonly #users = new Map<object, { readonly workers: number | undefined; readonly idleSeconds: number }>()
  readonly #members = new Set<Member>()
  readonly #calls: Call[] = []
  #nextId = 0
  #deathsAtStart = 0
  #isProven = false
  #loaded: LoadedModel | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(model: WorkerModel, checksums: WorkerData['checksums']) {
    this.#model = model
    this.#checksums = checksums
  }

  /** Counts a user in; the pool is as large as its most demanding user wants. */
  join(user: object, wishes: { readonly workers: number | undefined; readonly idleSeconds: number }): void {
    this.#users.set(user, wishes)
  }

  /** Counts a user out. The last one's leaving ends the threads, once no call is under way. */
  async leave(user: object): Promise<void> {
    this.#users.delete(user)
    if (this.#users.size > 0 || this.#calls.length > 0) return
    await Promise.all(
      [...this.#members].map((member) => {
        // Who waits for the end must live to see it.
        member.worker.ref()
        return this.#dismiss(member)
      }),
    )
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
  embed(texts: readonly string[], request: PoolRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      if (texts.length === 0) return resolve()
      const { signal } = request
      const abort = () => call.settle(signal?.reason)
      const call: Call = {
        texts,
        request,
        retries: [],
        next: 0,
        done: 0,
        settle: (...failure) => {
          const place = this.#calls.indexOf(call)
          if (place < 0) return
          this.#calls.splice(place, 1)
          signal?.removeEventListener('abort', abort)
          for (const { worker, tasks } of this.#members) {
            const ids = [...tasks.values()].filter((task) => task.call === call).map(({ id }) => id)
            if (ids.length > 0) worker.postMessage({ kind: 'drop', ids } satisfies ToWorker)
          }
          if (failure.length > 0) reject(failure[0])
          else resolve()
          this.#hold()
        },
      }
      if (signal?.aborted) return reject(signal.reason)
      signal?.addEventListener('abort', abort, { once: true })
      const place = request.isUrgent ? this.#calls.findIndex((other) => !other.request.isUrgent) : -1
      this.#calls.splice(place < 0 ? this.#calls.length : place, 0, call)
      this.#advance()
      this.#hold()
    })
  }

  get #limit(): number {
    const wishes = [...this.#users.values()].map(({ workers }) => workers ?? 0)
    if (wishes.length > 0 && !wishes.includes(0)) return Math.max(...wishes)
    return Math.max(affordableThreads(this.#members.size), ...wishes)
  }

  /** Threads keep the process alive while a call waits for them, and never otherwise. */
  #hold(): void {
    for (const { worker, isLeaving } of this.#members) {
      if (this.#calls.length > 0 || isLeaving) worker.ref()
      else worker.unref()
    }
  }

  /** Starts workers while texts wait for them and hands texts to those that are ready. */
  #advance(): void {
    const queued = this.#calls.reduce((sum, { texts, next, retries }) => sum + texts.length - next + retries.length, 0)
    if (queued === 0) return
    const staying = [...this.#members].filter(({ isLeaving }) => !isLeaving)
    const inHand = staying.reduce((sum, { tasks }) => sum + tasks.size, 0)
    // Until one worker has loaded a model from the hub, others would download it once more.
    const limit = this.#model.isFolder || this.#isProven ? this.#limit : 1
    const useful = Math.min(limit, Math.ceil((queued + inHand) / textsPerWorker))
    try {
      const lacksProof = !this.#isProven && !staying.some(({ isProof }) => isProof)
      for (let count = lacksProof ? Math.min(staying.length, useful - 1) : staying.length; count < useful; count++) {
        this.#start()
      }
    } catch (cause) {
      const message = `its thread cannot be started: ${cause instanceof Error ? cause.message : String(cause)}`
      this.#failAll(new PaperkinError('embedder-unavailable', unavailable(this.#model, message), { cause }))
      return
    }

    // A worker that was not told to check the files waits for the one that was.
    if (!this.#isProven) return
    const ready = staying.filter(({ isReady }) => isReady)
    // Several in hand, so that a busy main thread starves nobody; fewer towards the end, so that all end together.
    const depth = Math.max(1, Math.min(4, Math.ceil(queued / Math.max(1, 2 * ready.length))))
    for (let round = 0; round < depth; round++) {
      for (const member of ready) {
        if (member.tasks.size > round) continue
        const task = this.#take()
        if (task === undefined) return
        member.tasks.set(task.id, task)
        const text = task.call.texts[task.index] as string
        member.worker.postMessage({ kind: 'embed', id: task.id, text } satisfies ToWorker)
      }
    }
  }

  /** The next text: urgent calls first, the others in turn. */
  #take(): Task | undefined {
    for (const [place, call] of this.#calls.entries()) {
      const task = call.retries.shift() ?? (call.next < call.texts.length && this.#newTask(call))
      if (!task) continue
      if (!call.request.isUrgent) this.#calls.push(...this.#calls.splice(place, 1))
      return task
    }
    return undefined
  }

  #newTask(call: Call): Task {
    return { id: this.#nextId++, index: call.next++, call, deaths: 0 }
  }

  #start(): void {
    const gate = new Int32Array(new SharedArrayBuffer(8))
    // Files are checked once in a process.
    const isProof =
      !this.#isProven && (this.#checksums === undefined || ![...this.#members].some(({ isProof }) => isProof))
    const data: WorkerData = {
      model: this.#model,
      checksums: isProof ? this.#checksums : undefined,
      gate: gate.buffer,
    }
    const worker = new Worker(packageFile('#worker/embedding-worker'), {
      name: 'paperkin-embedding',
      workerData: data,
      // Flags of the parent (loaders, eval, inspect) are not for this thread.
      execArgv: [],
    })
    watchExit(gate)
    const member: Member = {
      worker,
      isProof,
      tasks: new Map(),
      isReady: false,
      isLeaving: false,
      idleSince: performance.now(),
    }
    this.#members.add(member)
    let cause: unknown
    worker.on('message', (message: FromWorker) => this.#receive(member, message))
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', (code) => {
      gates.delete(gate)
      this.#bury(member, cause ?? new Error(`The worker thread ended with exit code ${code}.`))
    })
  }

  #receive(member: Member, message: FromWorker): void {
    switch (message.kind) {
      case 'ready': {
        member.isReady = true
        this.#isProven ||= member.isProof
        this.#deathsAtStart = 0
        this.#loaded = { dimensions: message.dimensions, maxTokens: message.maxTokens }
        if (message.fallback !== undefined && !hasWarned) {
          hasWarned = true
          process.emitWarning(
            `The native runtime does not run on ${process.platform}-${process.arch} here (${message.fallback}); embedding runs on WebAssembly, several times slower. \`paperkin doctor\` tells more.`,
            { code: 'PAPERKIN_WASM' },
          )
        }
        break
      }
      case 'unavailable':
        void this.#dismiss(member)
        this.#failAll(
          message.isArgument
            ? new PaperkinError('invalid-argument', `${message.message}.`)
            : new PaperkinError('embedder-unavailable', unavailable(this.#model, message.message)),
        )
        return
      case 'vector':
      case 'failed': {
        const task = member.tasks.get(message.id)
        member.tasks.delete(message.id)
        if (task !== undefined && this.#calls.includes(task.call)) this.#finish(task, message)
        break
      }
      case 'dropped':
        for (const id of message.ids) member.tasks.delete(id)
    }
    member.idleSince = performance.now()
    this.#advance()
    this.#watchIdle()
  }

  #finish({ call, index }: Task, message: Extract<FromWorker, { kind: 'vector' | 'failed' }>): void {
    if (message.kind === 'failed') {
      const what = `The model ${this.#model.model} failed on the text at index ${index}: ${message.message}.`
      call.settle(new PaperkinError('embedding-failed', what))
      return
    }
    const { vector, tokens, cut, estimated } = message
    const truncation = cut > 0 ? { tokens, cut, ...(estimated && { estimated: true as const }) } : undefined
    try {
      call.request.onVector(index, vector, truncation)
    } catch (error) {
      call.settle(error)
      return
    }
    call.done += 1
    if (call.done === call.texts.length) call.settle()
  }

  /** A worker has ended: the text that it had in hand is tried once more, those that waited behind it as if new. */
  #bury(member: Member, cause: unknown): void {
    this.#members.delete(member)
    if (member.isLeaving && member.tasks.size === 0) return
    const open = [...member.tasks.values()].filter(({ call }) => this.#calls.includes(call))
    for (const [place, task] of open.entries()) {
      if (place === 0) task.deaths += 1
      if (task.deaths < 2) task.call.retries.push(task)
      else {
        task.call.settle(
          new PaperkinError(
            'embedding-failed',
            `Two worker threads ended while they embedded the text at index ${task.index} of ${task.call.texts.length}.`,
            { cause },
          ),
        )
      }
    }
    if (!member.isReady && !member.isLeaving && ++this.#deathsAtStart >= 2) {
      this.#deathsAtStart = 0
      const message = cause instanceof Error ? cause.message : String(cause)
      this.#failAll(
        new PaperkinError(
          'embedder-unavailable',
          unavailable(this.#model, `two worker threads ended at their start: ${message}`),
          {
            cause,
          },
        ),
      )
    }
    this.#advance()
    this.#hold()
  }

  #failAll(error: unknown): void {
    for (const call of [...this.#calls]) call.settle(error)
  }

  /** Lets a worker end by itself, between two texts: `terminate` inside a native call would abort the process. */
  async #dismiss(member: Member): Promise<void> {
    member.isLeaving = true
    const ended = new Promise((resolve) => member.worker.once('exit', resolve))
    member.worker.postMessage({ kind: 'end' } satisfies ToWorker)
    await ended
  }

  /** Idle workers are given back: all but one soon, the last after `idleSeconds`. */
  #watchIdle(): void {
    if (this.#sweep !== undefined) return
    this.#sweep = setInterval(() => {
      const now = performance.now()
      const idleMs = 1000 * Math.max(0, ...[...this.#users.values()].map(({ idleSeconds }) => idleSeconds))
      const staying = [...this.#members].filter(({ isLeaving }) => !isLeaving)
      for (const [place, member] of staying.entries()) {
        if (!member.isReady || member.tasks.size > 0) continue
        if (now - member.idleSince >= (place === 0 ? idleMs : Math.min(idleMs, extraIdleMs))) void this.#dismiss(member)
      }
      if (staying.length === 0) {
        clearInterval(this.#sweep)
        this.#sweep = undefined
      }
    }, 1_000)
    this.#sweep.unref()
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

/** One for each living worker; see `WorkerData.gate`. */
const gates = new Set<Int32Array>()
let isWatching = false
/** No run takes so long; a thread that does is not waited for. */
const exitMs = 5_000

/** Before the process ends and stops its threads, waits until none is in native code. */
function watchExit(gate: Int32Array): void {
  gates.add(gate)
  if (isWatching) return
  isWatching = true
  process.once('exit', () => {
    const until = performance.now() + exitMs
    for (const each of gates) Atomics.store(each, 1, 1)
    for (const each of gates) {
      while (Atomics.load(each, 0) === 1 && performance.now() < until)
        Atomics.wait(each, 0, 1, until - performance.now())
    }
  })
}

const pools = new Map<string, WorkerPool>()

/** The process's one pool for a model with these settings. */
export function sharedPool(model: WorkerModel, checksums: WorkerData['checksums']): WorkerPool {
  const key = JSON.stringify(model)
  const pool = pools.get(key) ?? new WorkerPool(model, checksums)
  pools.set(key, pool)
  return pool
}
