import { setImmediate as nextTurn } from 'node:timers/promises'

/** How far long work has come, in texts, rows or iterations. */
export interface Progress {
  readonly done: number
  readonly total: number
}

/** Keeps long work in slices between which the event loop turns. */
export interface TimeSlice {
  /** True when the slice is used up: `await slice.rest()`. */
  due(): boolean
  /** Lets the event loop turn once, then begins a new slice; throws `signal.reason` after an abort. */
  rest(): Promise<void>
}

/** Pieces of work that wait for the event loop to turn. */
let resting = 0

/**
 * Begins a slice of `milliseconds`, which it shares with others that rest at the same time; throws `signal.reason` where the
 * signal is aborted already.
 */
export function timeSlice(signal: AbortSignal | undefined, milliseconds = 6): TimeSlice {
  signal?.throwIfAborted()
  let end = performance.now() + milliseconds
  return {
    due: () => performance.now() >= end,
    rest: async () => {
      const among = ++resting
      await nextTurn()
      // Those that went on before it this turn have had their share.
      end = performance.now() + milliseconds / Math.max(among, resting)
      resting--
      signal?.throwIfAborted()
    },
  }
}
