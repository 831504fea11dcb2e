/** The `k` best of the rows offered, best first; of equal scores the lower row. By insertion: for short lists. */
export class TopK {
  /** Filled up to {@link size}, as are the scores. */
  readonly rows: Int32Array
  readonly scores: Float64Array
  #size = 0

  /** @param k at least 1 */
  constructor(k: number) {
    this.rows = new Int32Array(k)
    this.scores = new Float64Array(k)
  }

  get size(): number {
    return this.#size
  }

  /** A score below it changes nothing any more; −∞ until there are `k` rows. */
  get cut(): number {
    return this.#size < this.rows.length ? -Infinity : this.scores[this.#size - 1]
  }

  clear(): void {
    this.#size = 0
  }

  offer(row: number, score: number): void {
    const { rows, scores } = this
    let place = this.#size
    if (place < rows.length) this.#size++
    else {
      place--
      if (score < scores[place] || (score === scores[place] && row > rows[place])) return
    }
    for (; place > 0; place--) {
      const above = scores[place - 1]
      if (above > score || (above === score && rows[place - 1] < row)) break
      scores[place] = above
      rows[place] = rows[place - 1]
    }
    scores[place] = score
    rows[place] = row
  }
}
