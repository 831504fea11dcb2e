const sliceMilliseconds = 12

/** Lets long work give way: awaits the event loop when the current slice is used up, and then honours `signal`. */
export class Pace {
  readonly #signal: AbortSignal | undefined
  #sliceStart = performance.now()

  constructor(signal?: AbortSignal) {
    signal?.throwIfAborted()
    this.#signal = signal
  }

  /** True when `rest` should be awaited; cheap enough to ask every few microseconds of work. */
  get isOver(): boolean {
    return performance.now() - this.#sliceStart > sliceMilliseconds
  }

  /** @throws `signal.reason` after an abort. */
  async rest(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#signal?.throwIfAborted()
    this.#sliceStart = performance.now()
  }
}
