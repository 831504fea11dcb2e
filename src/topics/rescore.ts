import type { SparseRows } from '../lexical/sparse-rows.ts'
import { sharedFloat32, sharedInt32 } from '../runtime/shared-arrays.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { TopK } from '../vectors/top-k.ts'

/** Candidates of some rows, to be ranked by the weighted mean of both cosines. */
interface RescoreOptions {
  /** As {@link sharedWords} makes them. */
  readonly words: SparseRows
  /** The rows to rank: `first` … `last - 1`. */
  readonly first: number
  readonly last: number
  /** `rows × candidates` for all rows: the nearest by embedding, and their cosines. */
  readonly near: Int32Array
  readonly cosines: Float32Array
  readonly candidates: number
  /** Number of candidates to keep. */
  readonly k: number
  /** 0 … 1 */
  readonly semanticWeight: number
  /** Output, `rows × k` for all rows, in shared memory: the kept candidates, nearest first. */
  readonly neighbour: Int32Array
  readonly similarity: Float64Array
  readonly semantic: Float32Array
}

/**
 * Rows without words that occur in only one of them, because no two rows share those. The remaining columns are sorted
 * by falling frequency, so that those used most are adjacent in memory.
 */
export async function sharedWords({ rows, columns, start, column, value }: SparseRows, slice: TimeSlice) {
  const frequency = new Int32Array(columns)
  for (let row = 0; row < rows; row++) {
    for (let i = start[row]!, end = start[row + 1]!; i < end; i++) frequency[column[i]!]!++
    if (row % 16 === 15 && slice.due()) await slice.rest()
  }
  // Counting sort by falling frequency.
  const place = new Int32Array(rows + 2)
  for (let c = 0; c < columns; c++) place[rows - frequency[c]! + 1]!++
  for (let f = 0; f <= rows; f++) place[f + 1]! += place[f]!
  const shared = rows < 2 ? 0 : place[rows - 1]!
  if (slice.due()) await slice.rest()
  const number = new Int32Array(columns)
  for (let c = 0; c < columns; c++) {
    number[c] = place[rows - frequency[c]!]!++
    if (c % 65_536 === 65_535 && slice.due()) await slice.rest()
  }
  const newStart = sharedInt32(rows + 1)
  for (let row = 0; row < rows; row++) {
    let kept = newStart[row]!
    for (let i = start[row]!, end = start[row + 1]!; i < end; i++) if (number[column[i]!]! < shared) kept++
    newStart[row + 1] = kept
    if (row % 16 === 15 && slice.due()) await slice.rest()
  }
  const newColumn = sharedInt32(newStart[rows]!)
  const newValue = sharedFloat32(newStart[rows]!)
  for (let row = 0; row < rows; row++) {
    let to = newStart[row]!
    for (let i = start[row]!, end = start[row + 1]!; i < end; i++) {
      const c = number[column[i]!]!
      if (c >= shared) continue
      newColumn[to] = c
      newValue[to++] = value[i]!
    }
    if (row % 16 === 15 && slice.due()) await slice.rest()
  }
  return { rows, columns: shared, start: newStart, column: newColumn, value: newValue }
}

/** Ranks the candidates of some rows and writes the best `k`. Sums in float64; ties go to the lower row. */
export async function rescore(
  { words, first, last, near, cosines, candidates, k, semanticWeight, neighbour, similarity, semantic }: RescoreOptions,
  slice: TimeSlice,
): Promise<void> {
  const { start, column, value } = words
  const own = new Float64Array(words.columns)
  const best = new TopK(k)
  const rankOf = new Int32Array(words.rows)
  for (let row = first; row < last; row++) {
    if (slice.due()) await slice.rest()
    const from = start[row]!
    const to = start[row + 1]!
    for (let i = from; i < to; i++) own[column[i]!] = value[i]!
    const offset = row * candidates
    best.clear()
    for (let rank = 0; rank < candidates; rank++) {
      const other = near[offset + rank]!
      let shared = 0
      for (let i = start[other]!, end = start[other + 1]!; i < end; i++) shared += own[column[i]!]! * value[i]!
      rankOf[other] = rank
      best.offer(other, semanticWeight * cosines[offset + rank]! + (1 - semanticWeight) * shared)
    }
    for (let i = from; i < to; i++) own[column[i]!] = 0
    for (let place = 0; place < k; place++) {
      const other = best.rows[place]!
      neighbour[row * k + place] = other
      similarity[row * k + place] = best.scores[place]!
      semantic[row * k + place] = cosines[offset + rankOf[other]!]!
    }
  }
}
