// Documents as sparse rows of stems and of pairs of neighbouring stems, kept flat: row r owns the entries
// rowStart[r] … rowStart[r + 1] of `entryTerm` (ascending) and `entryCount`. Rows are only appended; a removed row keeps
// its number. Every blockRows rows are also kept by term (postings), for questions, and those after the last whole block once
// the index has settled; newer ones are looked through one by one. mergedBlocks neighbouring blocks of one size become one, as
// looking terms up in each block took most of a question's time.
import { countTerms, type LexicalDocument } from './count-terms.ts'
import { invertRows, mergePostings, type Postings, type Slice } from './postings.ts'
import { isPair, pairKey, stemKey, stemsOfPair, TermIds } from './term-ids.ts'

const blockRows = 512
const mergedBlocks = 8
const largestBlock = blockRows * mergedBlocks ** 2
/** Rows that are looked through one by one rather than turned round anew. */
const fewRows = 32
/** The most that is counted of one term in one document. */
export const maxCount = 65_535

/** A document as the index that counted it keeps it: terms ascending, each with its count. */
export interface CountedDocument {
  readonly term: Int32Array
  readonly count: Uint16Array
  /** Words, those of the title twice. */
  readonly length: number
}

/**
 * A whole index as flat arrays, to be kept in a file; an array may be longer than what of it is in use.
 * @internal
 */
export interface LexicalState {
  readonly rows: number
  readonly entries: number
  readonly terms: number
  /** Stems in the order of their numbers, a line each. */
  readonly stems: string
  readonly keys: Float64Array<ArrayBuffer>
  readonly slots: Int32Array<ArrayBuffer>
  readonly documentFrequency: Int32Array<ArrayBuffer>
  readonly start: Int32Array<ArrayBuffer>
  readonly term: Int32Array<ArrayBuffer>
  readonly count: Uint16Array<ArrayBuffer>
  readonly length: Float64Array<ArrayBuffer>
  readonly alive: Uint8Array<ArrayBuffer>
}

/** Counts of terms, by document and by term, of a growing collection. */
export class TermCounts {
  readonly #stemIds = new Map<string, number>()
  protected terms = new TermIds()
  /** Documents that have a term, by its number. */
  protected documentFrequency = new Int32Array(1024)
  protected rowStart = new Int32Array(1024)
  protected entryTerm = new Int32Array(4096)
  protected entryCount = new Uint16Array(4096)
  /** Words of each row, those of the title twice. */
  protected rowLength = new Float64Array(1024)
  /** 1 for the rows that have not been removed. */
  protected alive = new Uint8Array(1024)
  protected totalLength = 0
  #rows = 0
  #size = 0
  readonly #blocks: Postings[] = []
  /** Rows of all blocks. */
  #inverted = 0
  /** Of the rows after them, those that were there when the index last settled. */
  #tail: Postings | undefined
  #scratch = new Int32Array(0)

  /** Takes a state over, arrays and all. */
  protected adopt(state: LexicalState): void {
    for (const stemmed of state.stems === '' ? [] : state.stems.split('\n')) this.#stemId(stemmed)
    this.terms = TermIds.from({ keys: state.keys, slots: state.slots, size: state.terms })
    this.documentFrequency = state.documentFrequency
    this.rowStart = state.start
    this.entryTerm = state.term
    this.entryCount = state.count
    this.rowLength = state.length
    this.alive = state.alive
    this.#rows = state.rows
    for (let row = 0; row < state.rows; row++) {
      if (state.alive[row] !== 1) continue
      this.#size++
      this.totalLength += state.length[row]!
    }
  }

  /** All there is to know; the arrays are the index's own and change with it. */
  state(): LexicalState {
    const { keys, slots, size: terms } = this.terms.state()
    return {
      rows: this.#rows,
      entries: this.rowStart[this.#rows]!,
      terms,
      stems: [...this.#stemIds.keys()].join('\n'),
      keys,
      slots,
      documentFrequency: this.documentFrequency,
      start: this.rowStart,
      term: this.entryTerm,
      count: this.entryCount,
      length: this.rowLength,
      alive: this.alive,
    }
  }

  /** Number of rows, removed ones included: every row is below it. */
  get rows(): number {
    return this.#rows
  }

  /** Number of documents. */
  get size(): number {
    return this.#size
  }

  /** Counts a document's terms: most of the work of adding it, without any effect on what the index answers. */
  count(document: LexicalDocument): CountedDocument {
    const counts = new Map<number, number>()
    const length = countTerms(document, (first, second, weight) => {
      const id = this.#stemId(first)
      const term = this.terms.intern(second === undefined ? stemKey(id) : pairKey(id, this.#stemId(second)))
      counts.set(term, (counts.get(term) ?? 0) + weight)
    })
    const term = Int32Array.from(counts.keys()).sort()
    const count = new Uint16Array(term.length)
    for (let i = 0; i < term.length; i++) count[i] = Math.min(counts.get(term[i]!) as number, maxCount)
    return { term, count, length }
  }

  /** Appends a document that this index has counted, and returns its row. */
  add({ term, count, length }: CountedDocument): number {
    const row = this.#rows++
    const from = this.rowStart[row]!
    const to = from + term.length
    this.rowStart = grown(this.rowStart, row + 2)
    this.rowLength = grown(this.rowLength, row + 1)
    this.alive = grown(this.alive, row + 1)
    this.entryTerm = grown(this.entryTerm, to)
    this.entryCount = grown(this.entryCount, to)
    this.documentFrequency = grown(this.documentFrequency, this.terms.size)
    this.entryTerm.set(term, from)
    this.entryCount.set(count, from)
    for (let i = 0; i < term.length; i++) this.documentFrequency[term[i]!]!++
    this.rowStart[row + 1] = to
    this.rowLength[row] = length
    this.alive[row] = 1
    this.#size++
    this.totalLength += length
    this.changed()
    // Older rows without postings are left to `settle`.
    if (this.#rows === this.#inverted + blockRows) this.#invert()
    return row
  }

  /** Removes a document; its row stays empty. */
  remove(row: number): void {
    if (this.alive[row] !== 1) return
    for (let i = this.rowStart[row]!; i < this.rowStart[row + 1]!; i++) this.documentFrequency[this.entryTerm[i]!]!--
    this.alive[row] = 0
    this.#size--
    this.totalLength -= this.rowLength[row]!
    this.changed()
  }

  /** Called after every change of the documents. */
  protected changed(): void {}

  /**
   * Does in slices what makes questions faster: postings of rows that were taken over, which a question would look through
   * one by one, and of many small blocks one. One call at a time.
   */
  async settle(slice: Slice): Promise<void> {
    while (this.#inverted + blockRows <= this.#rows) {
      this.#invert()
      if (slice.due()) await slice.rest()
    }
    if (this.#rows - this.#inverted - (this.#tail?.rows ?? 0) >= fewRows) {
      this.#tail = this.#postings(this.#inverted, this.#rows)
      if (slice.due()) await slice.rest()
    }
    for (let last = mergedBlocks - 1; last < this.#blocks.length; last++) {
      const first = last - mergedBlocks + 1
      const parts = this.#blocks.slice(first, last + 1)
      const { rows } = parts[0] as Postings
      if (rows >= largestBlock || parts.some((part) => part.rows !== rows)) continue
      // Blocks may come meanwhile, behind these.
      this.#blocks.splice(first, mergedBlocks, await mergePostings(parts, slice))
      last = Math.max(first, mergedBlocks - 1) - 1
    }
  }

  /** Turns round the rows after the last block. */
  #invert(): void {
    this.#blocks.push(this.#postings(this.#inverted, this.#inverted + blockRows))
    this.#inverted += blockRows
    this.#tail = undefined
  }

  #postings(from: number, to: number): Postings {
    this.#scratch = grown(this.#scratch, this.terms.size)
    const entries = { start: this.rowStart, term: this.entryTerm, count: this.entryCount }
    return invertRows(entries, from, to, this.#scratch)
  }

  /**
   * Calls back with the entries of the i-th of some terms (ascending): `row[j]` and `count[j]` for `from <= j < to`. A
   * row's terms come in their order, so that sums are the same bits however the rows are kept.
   */
  protected visit(
    terms: Int32Array,
    use: (i: number, row: Int32Array, count: Uint16Array, from: number, to: number) => void,
  ): void {
    const tail = this.#tail
    for (const { term, start, row, count } of tail ? [...this.#blocks, tail] : this.#blocks) {
      for (let i = 0, place = 0; i < terms.length; i++) {
        place = lowerBound(term, terms[i]!, place, term.length)
        if (place === term.length) break
        if (term[place] === terms[i]) use(i, row, count, start[place]!, start[place + 1]!)
      }
    }
    const { entryTerm, entryCount, rowStart } = this
    const one = new Int32Array(1)
    const its = new Uint16Array(1)
    for (let row = this.#inverted + (tail?.rows ?? 0); row < this.#rows; row++) {
      one[0] = row
      const end = rowStart[row + 1]!
      for (let i = 0, j = rowStart[row]!; i < terms.length; i++) {
        j = lowerBound(entryTerm, terms[i]!, j, end)
        if (j === end) break
        if (entryTerm[j] !== terms[i]) continue
        its[0] = entryCount[j]!
        use(i, one, its, 0, 1)
      }
    }
  }

  /** How often a row has a term. */
  protected countOf(row: number, term: number): number {
    const end = this.rowStart[row + 1]!
    const i = lowerBound(this.entryTerm, term, this.rowStart[row]!, end)
    return i < end && this.entryTerm[i] === term ? this.entryCount[i]! : 0
  }

  /** The number of a stem or of a pair of stems, -1 where no document has had it. */
  protected find(first: string, second?: string): number {
    const id = this.#stemIds.get(first)
    if (id === undefined) return -1
    if (second === undefined) return this.terms.get(stemKey(id))
    const next = this.#stemIds.get(second)
    return next === undefined ? -1 : this.terms.get(pairKey(id, next))
  }

  /** Tells what a term of those known now is: a stem, or two with a space between. */
  namer(): (term: number) => string {
    const stems = [...this.#stemIds.keys()]
    return (term) => {
      const key = this.terms.key(term)
      if (!isPair(key)) return stems[-1 - key]!
      const [first, second] = stemsOfPair(key)
      return `${stems[first]!} ${stems[second]!}`
    }
  }

  /** The pairs of neighbouring stems of a row, ascending, by number; `size` is how many there are. */
  pairs(row: number): { readonly known: Int32Array; readonly size: number } {
    const known = this.entryTerm
      .subarray(this.rowStart[row], this.rowStart[row + 1])
      .filter((term) => isPair(this.terms.key(term)))
    return { known, size: known.length }
  }

  /** {@link pairs} of a document that is in no row; `size` also counts those that no row has. */
  pairsOf(document: LexicalDocument): { readonly known: Int32Array; readonly size: number } {
    const names = new Set<string>()
    const known = new Set<number>()
    countTerms(document, (first, second) => {
      if (second === undefined) return
      names.add(`${first} ${second}`)
      const term = this.find(first, second)
      if (term >= 0) known.add(term)
    })
    return { known: Int32Array.from(known).sort(), size: names.size }
  }

  /** A 1 for every row that has all the words of a phrase, each but the first after the one before it, stop words aside. */
  phrase(text: string): Uint8Array {
    const wanted = new Set<number>()
    countTerms({ title: '', abstract: text }, (first, second) => {
      wanted.add(this.find(first, second))
    })
    const holding = new Uint8Array(this.#rows)
    if (wanted.has(-1)) return holding
    const terms = Int32Array.from(wanted).sort()
    const found = new Int32Array(this.#rows)
    this.visit(terms, (_, row, _count, from, to) => {
      for (let j = from; j < to; j++) found[row[j]!]!++
    })
    for (let row = 0; row < holding.length; row++)
      if (this.alive[row] === 1 && found[row] === terms.length) holding[row] = 1
    return holding
  }

  #stemId(stemmed: string): number {
    let id = this.#stemIds.get(stemmed)
    if (id === undefined) {
      id = this.#stemIds.size
      this.#stemIds.set(stemmed, id)
    }
    return id
  }
}

/** The first place in `from` … `end` whose value is at least `wanted`; steps double, as neighbours are asked for in order. */
function lowerBound(ascending: Int32Array, wanted: number, from: number, end: number): number {
  let low = from
  let step = 1
  while (low + step < end && ascending[low + step]! < wanted) {
    low += step
    step *= 2
  }
  let high = Math.min(end, low + step)
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** The same array, or a copy of at least twice its length where `length` does not fit. */
function grown<T extends Int32Array | Uint16Array | Uint8Array | Float64Array>(array: T, length: number): T {
  if (length <= array.length) return array
  const larger = new (array.constructor as new (length: number) => T)(Math.max(length, array.length * 2))
  larger.set(array)
  return larger
}
