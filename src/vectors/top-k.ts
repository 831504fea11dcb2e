/** The `k` best rows offered, best first, ties by lower row. Uses insertion: for short lists. */
export class TopK {
  /** Valid up to {@link size}, as are the scores. */
  readonly rows: Int32Array
  readonly scores: Float64Array
  #size = 0
  #cut = -Infinity

  /** @param k at least 1 */
  constructor(k: number) {
    this.rows = new Int32Array(k)
    this.scores = new Float64Array(k)
  }

  get size(): number {
    return this.#size
  }

  /** Scores below it are rejected; −∞ until there are `k` rows. */
  get cut(): number {
    return this.#cut
  }

  clear(): void {
    this.#size = 0
    this.#cut = -Infinity
  }

  offer(row: number, score: number): void {
    if (score < this.#cut) return
    const { rows, scores } = this
    const last = rows.length - 1
    let place = this.#size
    if (place <= last) this.#size++
    else {
      place = last
      if (score === scores[last] && row > rows[last]!) return
    }
    for (; place > 0; place--) {
      const above = scores[place - 1]!
      if (above > score || (above === score && rows[place - 1]! < row)) break
      scores[place] = above
      rows[place] = rows[place - 1]!
    }
    scores[place] = score
    rows[place] = row
    if (this.#size > last) this.#cut = scores[last]!
  }
}
