// Rows of an index by term, for a run of neighbouring rows that does not change any more: the postings of the i-th term
// that occurs are `row[j]`, `count[j]` for start[i] <= j < start[i + 1], rows ascending.

/** @internal */
export interface Postings {
  /** Terms that occur, ascending. */
  readonly term: Int32Array
  readonly start: Int32Array
  readonly row: Int32Array
  readonly count: Uint16Array
}

/** Entries of rows, flat: row r owns those from `start[r]` to `start[r + 1]`. */
export interface RowEntries {
  readonly start: Int32Array
  readonly term: Int32Array
  readonly count: Uint16Array
}

/** Turns the entries of the rows from `from` to `to` round; `scratch` has a 0 for every term, before and after. */
export function invertRows(entries: RowEntries, from: number, to: number, scratch: Int32Array): Postings {
  const first = entries.start[from]
  const last = entries.start[to]
  let distinct = 0
  const seen = new Int32Array(last - first)
  for (let i = first; i < last; i++) if (scratch[entries.term[i]]++ === 0) seen[distinct++] = entries.term[i]
  const term = seen.slice(0, distinct).sort()
  const start = new Int32Array(distinct + 1)
  for (let i = 0; i < distinct; i++) {
    start[i + 1] = start[i] + scratch[term[i]]
    scratch[term[i]] = start[i]
  }
  const row = new Int32Array(last - first)
  const count = new Uint16Array(last - first)
  for (let r = from; r < to; r++)
    for (let i = entries.start[r]; i < entries.start[r + 1]; i++) {
      const place = scratch[entries.term[i]]++
      row[place] = r
      count[place] = entries.count[i]
    }
  for (let i = 0; i < distinct; i++) scratch[term[i]] = 0
  return { term, start, row, count }
}
