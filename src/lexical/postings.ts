// Postings: the entries of a block of consecutive, unchanging rows by term. Those of the i-th term are `row[j]`,
// `count[j]` for start[i] <= j < start[i + 1], rows ascending.

/** @internal */
export interface Postings {
  /** Number of rows in the block. */
  readonly rows: number
  /** Terms that occur in the block, ascending. */
  readonly term: Int32Array
  readonly start: Int32Array
  readonly row: Int32Array
  readonly count: Uint16Array
}

/** Entries of rows, flat: row r owns `start[r]` … `start[r + 1] - 1`. */
interface RowEntries {
  readonly start: Int32Array
  readonly term: Int32Array
  readonly count: Uint16Array
}

/** Inverts the rows `from` … `to - 1`; `scratch` has one element per term, all 0 before and after. */
export function invertRows(entries: RowEntries, from: number, to: number, scratch: Int32Array): Postings {
  const first = entries.start[from]!
  const last = entries.start[to]!
  let distinct = 0
  const seen = new Int32Array(last - first)
  for (let i = first; i < last; i++) if (scratch[entries.term[i]!]!++ === 0) seen[distinct++] = entries.term[i]!
  const term = seen.slice(0, distinct).sort()
  const start = new Int32Array(distinct + 1)
  for (let i = 0; i < distinct; i++) {
    start[i + 1] = start[i]! + scratch[term[i]!]!
    scratch[term[i]!] = start[i]!
  }
  const row = new Int32Array(last - first)
  const count = new Uint16Array(last - first)
  for (let r = from; r < to; r++)
    for (let i = entries.start[r]!; i < entries.start[r + 1]!; i++) {
      const place = scratch[entries.term[i]!]!++
      row[place] = r
      count[place] = entries.count[i]!
    }
  for (let i = 0; i < distinct; i++) scratch[term[i]!] = 0
  return { rows: to - from, term, start, row, count }
}

/** Yields to other work during long work. */
export interface Slice {
  due(): boolean
  rest(): Promise<void>
}

/** Entries between two checks of the clock; the first terms have thousands each. */
const entriesAtOnce = 8192

/** Merges the postings of consecutive blocks, in slices. */
export async function mergePostings(parts: readonly Postings[], slice: Slice): Promise<Postings> {
  const total = (of: (part: Postings) => number) => parts.reduce((sum, part) => sum + of(part), 0)
  const term = new Int32Array(total((part) => part.term.length))
  const start = new Int32Array(term.length + 1)
  const row = new Int32Array(total((part) => part.row.length))
  const count = new Uint16Array(row.length)
  const places = new Int32Array(parts.length)
  let distinct = 0
  let look = entriesAtOnce
  for (let to = 0; to < row.length; ) {
    let least = Number.POSITIVE_INFINITY
    for (let p = 0; p < parts.length; p++) {
      const next = parts[p]!.term[places[p]!]!
      if (next < least) least = next
    }
    term[distinct++] = least
    for (let p = 0; p < parts.length; p++) {
      const part = parts[p]!
      if (part.term[places[p]!] !== least) continue
      const end = part.start[++places[p]!]!
      for (let i = part.start[places[p]! - 1]!; i < end; i++) {
        row[to] = part.row[i]!
        count[to++] = part.count[i]!
      }
    }
    start[distinct] = to
    if (to < look) continue
    look = to + entriesAtOnce
    if (slice.due()) await slice.rest()
  }
  const rows = total((part) => part.rows)
  return { rows, term: term.slice(0, distinct), start: start.slice(0, distinct + 1), row, count }
}
