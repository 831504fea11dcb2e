// Stopping a thread inside a call of ONNX Runtime's or hnswlib's binding aborts the whole process. So a worker raises a
// flag around native calls, and whoever ends it, or the process, waits until the flag is down.
// The flags are two Int32 in shared memory: [0] is 1 inside a native call, [1] is 1 once the process is ending.

let gate: Int32Array | undefined

/** Sets the flags of this thread; without them native calls are made as they are. */
export function guardThread(flags: SharedArrayBuffer): void {
  gate = new Int32Array(flags)
}

/** Before a native call. Once the process is ending it does not return. */
export function enterNative(): void {
  if (gate === undefined) return
  Atomics.store(gate, 0, 1)
  if (Atomics.load(gate, 1) === 0) return
  leaveNative()
  Atomics.wait(gate, 1, 1)
}

/** After a native call. */
export function leaveNative(): void {
  if (gate === undefined) return
  Atomics.store(gate, 0, 0)
  Atomics.notify(gate, 0)
}

/** Makes a native call that answers with a promise. */
export async function inNative<Result>(call: () => Promise<Result>): Promise<Result> {
  enterNative()
  try {
    return await call()
  } finally {
    leaveNative()
  }
}

const watched = new Set<Int32Array>()
let isWatching = false
/** No native call takes so long; a thread that is longer in one is not waited for. */
const MOST_MS = 5000

/** New flags for a worker, watched until `forget`: before the process ends, its thread is let out of native code. */
export function watchThread(): { readonly flags: SharedArrayBuffer; readonly forget: () => void } {
  const flags = new Int32Array(new SharedArrayBuffer(8))
  watched.add(flags)
  if (!isWatching) {
    isWatching = true
    process.once('exit', () => {
      const until = performance.now() + MOST_MS
      for (const each of watched) Atomics.store(each, 1, 1)
      for (const each of watched)
        while (Atomics.load(each, 0) === 1 && performance.now() < until)
          Atomics.wait(each, 0, 1, until - performance.now())
    })
  }
  return { flags: flags.buffer as SharedArrayBuffer, forget: () => watched.delete(flags) }
}
