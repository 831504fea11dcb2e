// Terminating a thread inside a native call of ONNX Runtime or hnswlib aborts the whole process. So each thread counts
// its native calls, and ending a thread or the process waits until the count is 0. A gate is two Int32 in shared
// memory: [0] counts native calls in progress, [1] is 1 once the gate is closed.
import { setTimeout as wait } from 'node:timers/promises'

let own: Int32Array | undefined

/** Sets this thread's gate; without one, native calls are not counted. */
export function guardThread(gate: SharedArrayBuffer): void {
  own = new Int32Array(gate)
}

/** Makes a native call, which may return a promise. @throws Error once the gate is closed; what `call` throws */
export function inNative<Result>(call: () => Result): Result {
  if (own === undefined) return call()
  const gate = own
  const leave = () => {
    if (Atomics.sub(gate, 0, 1) === 1) Atomics.notify(gate, 0)
  }
  Atomics.add(gate, 0, 1)
  let isPending = false
  try {
    if (Atomics.load(gate, 1) === 1) throw new Error('This thread is being stopped.')
    const result = call()
    if (!(result instanceof Promise)) return result
    isPending = true
    return result.finally(leave) as Result
  } finally {
    if (!isPending) leave()
  }
}

const gates = new Set<Int32Array>()
let isWatching = false
/** Longest wait for native calls at process exit. */
const maxExitWaitMs = 5000

/** The gate of another thread. Process exit waits for it too, until it is removed. */
export class NativeGate {
  readonly #gate = new Int32Array(new SharedArrayBuffer(8))

  constructor() {
    gates.add(this.#gate)
    if (isWatching) return
    isWatching = true
    process.once('exit', () => {
      const until = performance.now() + maxExitWaitMs
      for (const gate of gates) Atomics.store(gate, 1, 1)
      for (const gate of gates)
        for (let calls = Atomics.load(gate, 0); calls > 0 && performance.now() < until; calls = Atomics.load(gate, 0))
          Atomics.wait(gate, 0, calls, until - performance.now())
    })
  }

  /** To pass to the thread's {@link guardThread}. */
  get memory(): SharedArrayBuffer {
    return this.#gate.buffer
  }

  /** Refuses new native calls and waits for those in progress. */
  async close(): Promise<void> {
    Atomics.store(this.#gate, 1, 1)
    while (Atomics.load(this.#gate, 0) > 0) await wait(2)
  }

  /** Call once the thread has ended. */
  remove(): void {
    gates.delete(this.#gate)
  }
}
