import { setImmediate as nextTurn } from 'node:timers/promises'

/** Progress of long work, in texts, rows or iterations. */
export interface Progress {
  readonly done: number
  readonly total: number
}

/** Splits long work into slices between which the event loop runs. */
export interface TimeSlice {
  /** True when the slice is used up; then `await slice.rest()`. */
  due(): boolean
  /** Lets the event loop run once, then starts a new slice. @throws `signal.reason` after an abort */
  rest(): Promise<void>
}

/** Number of slices that are waiting for the event loop. */
let resting = 0

/**
 * Starts a slice of `milliseconds`, shared with others that rest at the same time.
 * @throws `signal.reason` if the signal is already aborted
 */
export function timeSlice(signal: AbortSignal | undefined, milliseconds = 6): TimeSlice {
  signal?.throwIfAborted()
  let end = performance.now() + milliseconds
  return {
    due: () => performance.now() >= end,
    rest: async () => {
      const among = ++resting
      await nextTurn()
      // Slices that resumed earlier in this turn have had their share.
      end = performance.now() + milliseconds / Math.max(among, resting)
      resting--
      signal?.throwIfAborted()
    },
  }
}
