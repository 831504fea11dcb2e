// Documents as flat sparse rows of stems and pairs of adjacent stems: row r owns the entries
// rowStart[r] … rowStart[r + 1] - 1 of `entryTerm` (ascending) and `entryCount`. Rows are only appended; a removed row
// keeps its number. For queries, each block of blockRows rows also has postings, as have the rows after the last full
// block once `settle` has run; newer rows are scanned. Every mergedBlocks adjacent blocks of one size are merged,
// because looking terms up in each block took most of a query's time.
import { countTerms, type LexicalDocument } from './count-terms.ts'
import { invertRows, mergePostings, type Postings, type Slice } from './postings.ts'
import { isPair, pairKey, stemKey, stemsOfPair, TermIds } from './term-ids.ts'

const blockRows = 512
const mergedBlocks = 8
const largestBlock = blockRows * mergedBlocks ** 2
/** Fewer new rows than this are scanned instead of inverted again. */
const fewRows = 32
/** Maximum count of one term in one document; higher counts are capped. */
export const maxCount = 65_535

/** A counted document; term numbers are those of the index that counted it, ascending. */
export interface CountedDocument {
  readonly term: Int32Array
  readonly count: Uint16Array
  /** Number of words, title words counted twice. */
  readonly length: number
}

/**
 * A whole index as flat arrays, to be saved in a file; arrays may be longer than the part in use.
 * @internal
 */
export interface LexicalState {
  readonly rows: number
  readonly entries: number
  readonly terms: number
  /** Stems in the order of their numbers, one per line. */
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

/** Term counts of a growing collection, by document and by term. */
export class TermCounts {
  readonly #stemIds = new Map<string, number>()
  protected terms = new TermIds()
  /** Number of documents that have a term, by term number. */
  protected documentFrequency = new Int32Array(1024)
  protected rowStart = new Int32Array(1024)
  protected entryTerm = new Int32Array(4096)
  protected entryCount = new Uint16Array(4096)
  /** Number of words in each row, title words counted twice. */
  protected rowLength = new Float64Array(1024)
  /** 1 for rows that have not been removed. */
  protected alive = new Uint8Array(1024)
  protected totalLength = 0
  #rows = 0
  #size = 0
  readonly #blocks: Postings[] = []
  /** Number of rows in all blocks. */
  #inverted = 0
  /** Postings of the rows after the blocks, as of the last `settle`. */
  #tail: Postings | undefined
  #scratch = new Int32Array(0)

  /** Restores a state; takes ownership of its arrays. */
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

  /** The complete state; its arrays belong to the index and change with it. */
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

  /** Number of rows, including removed ones. */
  get rows(): number {
    return this.#rows
  }

  /** Number of documents, without removed ones. */
  get size(): number {
    return this.#size
  }

  /** Counts a document's terms: most of the work of adding it, without effect on query results. */
  count(document: LexicalDocument): CountedDocument {
    const counts = new Map<number, number>()
    const length = countTerms(document, (first, second, weight) => {
      const term = this.intern(first, second)
      counts.set(term, (counts.get(term) ?? 0) + weight)
    })
    const term = Int32Array.from(counts.keys()).sort()
    const count = new Uint16Array(term.length)
    for (let i = 0; i < term.length; i++) count[i] = Math.min(counts.get(term[i]!) as number, maxCount)
    return { term, count, length }
  }

  /** Appends a document counted by this index, and returns its row. */
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
    // `settle` inverts older rows without postings.
    if (this.#rows === this.#inverted + blockRows) this.#invert()
    return row
  }

  /** Removes a document; its row number is not used again. */
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
   * Makes queries faster, in slices: builds postings of rows that queries would otherwise scan, and merges small
   * blocks. One call at a time.
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
      // New blocks may be appended meanwhile.
      this.#blocks.splice(first, mergedBlocks, await mergePostings(parts, slice))
      last = Math.max(first, mergedBlocks - 1) - 1
    }
  }

  /** Builds the next block of postings. */
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
   * Calls `use` with the entries of the i-th of `terms` (ascending): `row[j]` and `count[j]` for `from <= j < to`. A
   * row's terms come in ascending order, so that sums have the same bits however the rows are stored.
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
    const oneCount = new Uint16Array(1)
    for (let row = this.#inverted + (tail?.rows ?? 0); row < this.#rows; row++) {
      one[0] = row
      const end = rowStart[row + 1]!
      for (let i = 0, j = rowStart[row]!; i < terms.length; i++) {
        j = lowerBound(entryTerm, terms[i]!, j, end)
        if (j === end) break
        if (entryTerm[j] !== terms[i]) continue
        oneCount[0] = entryCount[j]!
        use(i, one, oneCount, 0, 1)
      }
    }
  }

  /** The count of a term in a row. */
  protected countOf(row: number, term: number): number {
    const end = this.rowStart[row + 1]!
    const i = lowerBound(this.entryTerm, term, this.rowStart[row]!, end)
    return i < end && this.entryTerm[i] === term ? this.entryCount[i]! : 0
  }

  /** The number of a stem or a pair of stems; -1 if it was never counted. */
  protected find(first: string, second?: string): number {
    const id = this.#stemIds.get(first)
    if (id === undefined) return -1
    if (second === undefined) return this.terms.get(stemKey(id))
    const next = this.#stemIds.get(second)
    return next === undefined ? -1 : this.terms.get(pairKey(id, next))
  }

  /** The number of a stem or a pair of stems; a new term gets the next one. */
  protected intern(first: string, second: string | undefined): number {
    const id = this.#stemId(first)
    return this.terms.intern(second === undefined ? stemKey(id) : pairKey(id, this.#stemId(second)))
  }

  /** Numbers terms of another index here, in an order of their numbers there; returns the numbers by those. */
  protected internAll(from: TermCounts, order: Int32Array): Int32Array {
    const stems = [...from.#stemIds.keys()]
    const ids = new Int32Array(stems.length).fill(-1)
    const idOf = (stem: number): number => {
      if (ids[stem]! < 0) ids[stem] = this.#stemId(stems[stem]!)
      return ids[stem]!
    }
    const numbers = new Int32Array(order.length)
    for (const term of order) {
      const key = from.terms.key(term)
      if (!isPair(key)) numbers[term] = this.terms.intern(stemKey(idOf(-1 - key)))
      else {
        const [first, second] = stemsOfPair(key)
        numbers[term] = this.terms.intern(pairKey(idOf(first), idOf(second)))
      }
    }
    return numbers
  }

  /** Returns a function that gives the text of a term known now: a stem, or two separated by a space. */
  namer(): (term: number) => string {
    const stems = [...this.#stemIds.keys()]
    return (term) => {
      const key = this.terms.key(term)
      if (!isPair(key)) return stems[-1 - key]!
      const [first, second] = stemsOfPair(key)
      return `${stems[first]!} ${stems[second]!}`
    }
  }

  /** All terms known now: stems, or two separated by a space. */
  protected *names(): Generator<string> {
    const nameOf = this.namer()
    for (let term = 0; term < this.terms.size; term++) yield nameOf(term)
  }

  /** A hash below 2^32 of the text of each term. */
  protected hashes(): Float64Array {
    const ofStem = Float64Array.from(this.#stemIds.keys(), hashOf)
    return Float64Array.from({ length: this.terms.size }, (_, term) => {
      const key = this.terms.key(term)
      if (!isPair(key)) return ofStem[-1 - key]!
      const [first, second] = stemsOfPair(key)
      return hashOfPair(ofStem[first]!, ofStem[second]!)
    })
  }

  /** The numbers of a row's pairs of adjacent stems, ascending; `size` is their count. */
  pairs(row: number): { readonly known: Int32Array; readonly size: number } {
    const known = this.entryTerm
      .subarray(this.rowStart[row], this.rowStart[row + 1])
      .filter((term) => isPair(this.terms.key(term)))
    return { known, size: known.length }
  }

  /** {@link pairs} of a document outside the index; `size` includes unknown pairs. */
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

  /** 1 for every row that has all words of a phrase and every two adjacent ones in sequence, ignoring stop words. */
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

/** Hashes below 2^32 of the different pairs of adjacent stems of a document, ascending. */
export function pairHashes(document: LexicalDocument): Uint32Array {
  const hashes = new Set<number>()
  countTerms(document, (first, second) => {
    if (second !== undefined) hashes.add(hashOfPair(hashOf(first), hashOf(second)))
  })
  return Uint32Array.from(hashes).sort()
}

const hashOfPair = (first: number, second: number) => (Math.imul(first, 0x9e3779b1) ^ second) >>> 0

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** The first position from `from` on with a value of at least `wanted`, or `end`; a galloping search. */
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

/** The same array if it has `length` elements, or else a copy of at least twice its length. */
function grown<T extends Int32Array | Uint16Array | Uint8Array | Float64Array>(array: T, length: number): T {
  if (length <= array.length) return array
  const larger = new (array.constructor as new (length: number) => T)(Math.max(length, array.length * 2))
  larger.set(array)
  return larger
}
