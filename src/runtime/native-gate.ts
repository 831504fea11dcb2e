// Stopping a thread inside a native call aborts the whole process: ONNX Runtime's own binding and hnswlib's do not expect
// it. So a thread counts the native calls that it is in, and whoever ends it, or the process, waits until it is in none.
// A gate is two Int32 in shared memory: [0] counts native calls under way, [1] is 1 once no other may begin.
import { setTimeout as wait } from 'node:timers/promises'

let own: Int32Array | undefined

/** Gives this thread its gate; without one native calls are made as they are. */
export function guardThread(gate: SharedArrayBuffer): void {
  own = new Int32Array(gate)
}

/** Makes a native call, which may answer with a promise. @throws Error once this thread is to end; what `call` throws */
export function inNative<Result>(call: () => Result): Result {
  if (own === undefined) return call()
  const gate = own
  const leave = () => {
    if (Atomics.sub(gate, 0, 1) === 1) Atomics.notify(gate, 0)
  }
  Atomics.add(gate, 0, 1)
  let isPending = false
  try {
    if (Atomics.load(gate, 1) === 1) throw new Error('This thread is to end.')
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
/** At the end of the process a thread that is longer in a native call is not waited for. */
const MOST_MS = 5000

/** Gates of other threads, which also the end of the process heeds until they are removed. */
export class NativeGate {
  readonly #gate = new Int32Array(new SharedArrayBuffer(8))

  constructor() {
    gates.add(this.#gate)
    if (isWatching) return
    isWatching = true
    process.once('exit', () => {
      const until = performance.now() + MOST_MS
      for (const gate of gates) Atomics.store(gate, 1, 1)
      for (const gate of gates)
        for (let calls = Atomics.load(gate, 0); calls > 0 && performance.now() < until; calls = Atomics.load(gate, 0))
          Atomics.wait(gate, 0, calls, until - performance.now())
    })
  }

  /** For the thread's {@link guardThread}. */
  get memory(): SharedArrayBuffer {
    return this.#gate.buffer
  }

  /** Lets no native call begin any more, and waits for those under way. */
  async close(): Promise<void> {
    Atomics.store(this.#gate, 1, 1)
    while (Atomics.load(this.#gate, 0) > 0) await wait(2)
  }

  /** For a thread that has ended. */
  remove(): void {
    gates.delete(this.#gate)
  }
}
