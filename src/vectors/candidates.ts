/** Positions that may be among the `k` best: each comes with an interval in which its score lies. */
export class Candidates {
  /** A score below it cannot be among the best. */
  cut = -Infinity
  readonly #k: number
  #positions: Int32Array
  #lower: Float32Array
  #upper: Float32Array
  #count = 0

  constructor(k: number) {
    this.#k = k
    const room = Math.min(8 * k + 256, 8192)
    this.#positions = new Int32Array(room)
    this.#lower = new Float32Array(room)
    this.#upper = new Float32Array(room)
  }

  /** Takes a position whose upper end is not below the cut; returns the cut. */
  push(position: number, lower: number, upper: number): number {
    if (this.#count === this.#positions.length) {
      this.#prune()
      if (upper < this.cut) return this.cut
      if (this.#count > this.#positions.length / 2) {
        this.#positions = doubled(this.#positions, Int32Array)
        this.#lower = doubled(this.#lower, Float32Array)
        this.#upper = doubled(this.#upper, Float32Array)
      }
    }
    this.#positions[this.#count] = position
    this.#lower[this.#count] = lower
    this.#upper[this.#count++] = upper
    return this.cut
  }

  finish(): Int32Array {
    this.#prune()
    return this.#positions.subarray(0, this.#count)
  }

  /** The k-th best lower end is certain to be reached k times: what cannot reach it is out. */
  #prune(): void {
    if (this.#count <= this.#k) return
    const sorted = this.#lower.slice(0, this.#count).sort()
    this.cut = sorted[this.#count - this.#k]
    let kept = 0
    for (let index = 0; index < this.#count; index++)
      if (this.#upper[index] >= this.cut) {
        this.#positions[kept] = this.#positions[index]
        this.#lower[kept] = this.#lower[index]
        this.#upper[kept++] = this.#upper[index]
      }
    this.#count = kept
  }
}

function doubled<Values extends Int32Array | Float32Array>(
  values: Values,
  Kind: new (length: number) => Values,
): Values {
  const larger = new Kind(2 * values.length)
  larger.set(values)
  return larger
}
