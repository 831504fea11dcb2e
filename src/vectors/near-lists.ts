/**
 * For each of n rows the nearest others seen so far. What reaches a row's cut is appended; a full list is cut back to its
 * `width` best, and the least of them is the new cut. That takes a few operations for each candidate where a heap takes
 * its depth. Memory: `8 × (width + min(width, 64)) + 8` bytes a row.
 */
export class NearLists {
  readonly width: number
  /** What a candidate of each row must be above; it only rises. */
  readonly cuts: Float32Array
  readonly #room: number
  readonly #counts: Int32Array
  readonly #rows: Int32Array
  readonly #scores: Float32Array

  constructor(n: number, width: number) {
    this.width = width
    this.#room = width + Math.min(width, 64)
    this.cuts = new Float32Array(n).fill(-Infinity)
    this.#counts = new Int32Array(n)
    this.#rows = new Int32Array(n * this.#room)
    this.#scores = new Float32Array(n * this.#room)
  }

  /** Takes a candidate of a row whose score is above the row's cut. */
  push(row: number, other: number, score: number): void {
    const room = this.#room
    const place = row * room + this.#counts[row]
    this.#scores[place] = score
    this.#rows[place] = other
    if (++this.#counts[row] < room) return
    const start = row * room
    this.#select(start, start + room, start + this.width)
    this.#counts[row] = this.width
    let least = Infinity
    for (let i = start; i < start + this.width; i++) least = Math.min(least, this.#scores[i])
    this.cuts[row] = least
  }

  /** The best of a row, at most `width`, best first by score; valid until the next call of `push`. */
  best(row: number): { readonly rows: Int32Array; readonly scores: Float32Array } {
    const start = row * this.#room
    const end = start + this.#counts[row]
    this.#sort(start, end)
    const last = Math.min(end, start + this.width)
    return { rows: this.#rows.subarray(start, last), scores: this.#scores.subarray(start, last) }
  }

  /** Brings the best of [start, end) before `middle` (Hoare 1961, "Algorithm 65: find"). */
  #select(start: number, end: number, middle: number): void {
    let low = start
    let high = end - 1
    while (low < high) {
      const split = this.#partition(low, high)
      if (middle - 1 <= split) high = split
      else low = split + 1
    }
  }

  #sort(start: number, end: number): void {
    const scores = this.#scores
    const rows = this.#rows
    let low = start
    while (end - low > 24) {
      const split = this.#partition(low, end - 1)
      // The smaller side first, so that the calls do not go deep.
      if (split + 1 - low < end - split - 1) {
        this.#sort(low, split + 1)
        low = split + 1
      } else {
        this.#sort(split + 1, end)
        end = split + 1
      }
    }
    for (let i = low + 1; i < end; i++) {
      const score = scores[i]
      const row = rows[i]
      let place = i
      for (; place > low && scores[place - 1] < score; place--) {
        scores[place] = scores[place - 1]
        rows[place] = rows[place - 1]
      }
      scores[place] = score
      rows[place] = row
    }
  }

  /** Parts [low, high] into scores at or above a pivot and at or below it; returns the last place of the first part. */
  #partition(low: number, high: number): number {
    const scores = this.#scores
    const rows = this.#rows
    const pivot = scores[(low + high) >>> 1]
    let i = low - 1
    let j = high + 1
    for (;;) {
      do i++
      while (scores[i] > pivot)
      do j--
      while (scores[j] < pivot)
      if (i >= j) return j
      const score = scores[i]
      scores[i] = scores[j]
      scores[j] = score
      const row = rows[i]
      rows[i] = rows[j]
      rows[j] = row
    }
  }
}
