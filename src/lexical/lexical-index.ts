// Documents as sparse rows of stems and of pairs of neighbouring stems, kept flat: row r owns the entries
// start[r] … start[r + 1] of `term` (ascending) and `count`. Rows are only appended; a removed row keeps its number.
// Every BLOCK rows are also kept by term (postings), for questions; the rows after the last whole block are looked
// through one by one. TF-IDF: Salton and Buckley 1988, sublinear counts. BM25: Robertson and Zaragoza 2009,
// section 3.
import { invertRows, type Postings } from './postings.ts'
import type { SparseRows } from './sparse-rows.ts'
import { pairKey, stemKey, stemsOfPair, TermIds } from './term-ids.ts'
import { readTokens, stem, stopWords } from './tokens.ts'

/** Changes whenever the same text would be counted in another way: counts of another recipe must be made anew. */
export const lexicalRecipe = 2

const titleWeight = 2
const k1 = 1.2
const b = 0.75
/** Chosen on scifact: nDCG@10 of the mix .739 without it, .742 at .5, .740 at .8. */
const limitShare = 0.5
const BLOCK = 512
const maxCount = 65_535

/** A text as the index counts it. */
export interface LexicalDocument {
  readonly title: string
  readonly abstract: string
}

/** A document as the index that counted it keeps it: terms ascending, each with its count. */
export interface CountedDocument {
  readonly term: Int32Array
  readonly count: Uint16Array
  /** Words, those of the title twice. */
  readonly length: number
}

/** A term that tells why a document was found: a stem, or two with a space between, and its part of the score. */
export interface TermPart {
  readonly term: string
  readonly part: number
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

/** Lets others have their turn during long work. */
interface Slice {
  due(): boolean
  rest(): Promise<void>
}

/** What depends on all documents, and goes with every change. */
interface Weights {
  /** Inverse document frequency by document frequency; a stem's, and a pair's. */
  readonly idfOfStem: Float64Array
  readonly idfOfPair: Float64Array
  /** Length of each row up to `known`. */
  readonly norm: Float64Array
  known: number
  /** The part of BM25's denominator that depends on the row alone. */
  readonly lengthPart: Float64Array
}

/** Word statistics of a growing collection: BM25 for text queries, TF-IDF cosine from document to document. */
export class LexicalIndex {
  readonly #stemIds = new Map<string, number>()
  #terms = new TermIds()
  #documentFrequency = new Int32Array(1024)
  #start = new Int32Array(1024)
  #term = new Int32Array(4096)
  #count = new Uint16Array(4096)
  #length = new Float64Array(1024)
  #alive = new Uint8Array(1024)
  #rows = 0
  #size = 0
  #totalLength = 0
  readonly #blocks: Postings[] = []
  #scratch = new Int32Array(0)
  #weights: Weights | undefined

  /**
   * The index that {@link state} describes, whose arrays it takes over. Until {@link settle} has made its postings, a
   * question looks through the rows one by one.
   */
  static from(state: LexicalState): LexicalIndex {
    const index = new LexicalIndex()
    const { rows, terms, keys, slots } = state
    for (const stemmed of state.stems === '' ? [] : state.stems.split('\n'))
      index.#stemIds.set(stemmed, index.#stemIds.size)
    index.#terms = TermIds.from({ keys, slots, size: terms })
    index.#documentFrequency = state.documentFrequency
    index.#start = state.start
    index.#term = state.term
    index.#count = state.count
    index.#length = state.length
    index.#alive = state.alive
    index.#rows = rows
    for (let row = 0; row < rows; row++) {
      if (state.alive[row] !== 1) continue
      index.#size++
      index.#totalLength += state.length[row]
    }
    return index
  }

  /** Makes the postings that {@link from} left out, in slices. */
  async settle(slice: Slice): Promise<void> {
    while ((this.#blocks.length + 1) * BLOCK <= this.#rows) {
      this.#invert()
      if (slice.due()) await slice.rest()
    }
  }

  /** All there is to know; the arrays are the index's own and change with it. */
  state(): LexicalState {
    const { keys, slots, size: terms } = this.#terms.state()
    return {
      rows: this.#rows,
      entries: this.#start[this.#rows],
      terms,
      stems: [...this.#stemIds.keys()].join('\n'),
      keys,
      slots,
      documentFrequency: this.#documentFrequency,
      start: this.#start,
      term: this.#term,
      count: this.#count,
      length: this.#length,
      alive: this.#alive,
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
      const term = this.#terms.intern(second === undefined ? stemKey(this.#stemId(first)) : this.#pair(first, second))
      counts.set(term, (counts.get(term) ?? 0) + weight)
    })
    const term = Int32Array.from(counts.keys()).sort()
    const count = new Uint16Array(term.length)
    for (let i = 0; i < term.length; i++) count[i] = Math.min(counts.get(term[i]) as number, maxCount)
    return { term, count, length }
  }

  /** Appends a document that this index has counted, and returns its row. */
  add({ term, count, length }: CountedDocument): number {
    const row = this.#rows++
    const from = this.#start[row]
    const to = from + term.length
    this.#start = grown(this.#start, row + 2)
    this.#length = grown(this.#length, row + 1)
    this.#alive = grown(this.#alive, row + 1)
    this.#term = grown(this.#term, to)
    this.#count = grown(this.#count, to)
    this.#documentFrequency = grown(this.#documentFrequency, this.#terms.size)
    this.#term.set(term, from)
    this.#count.set(count, from)
    for (let i = 0; i < term.length; i++) this.#documentFrequency[term[i]]++
    this.#start[row + 1] = to
    this.#length[row] = length
    this.#alive[row] = 1
    this.#size++
    this.#totalLength += length
    this.#weights = undefined
    // Older rows without postings are left to `settle`.
    if (this.#rows === (this.#blocks.length + 1) * BLOCK) this.#invert()
    return row
  }

  /** Turns round the rows after the last block. */
  #invert(): void {
    this.#scratch = grown(this.#scratch, this.#terms.size)
    const entries = { start: this.#start, term: this.#term, count: this.#count }
    const first = this.#blocks.length * BLOCK
    this.#blocks.push(invertRows(entries, first, first + BLOCK, this.#scratch))
  }

  /** Removes a document; its row stays empty. */
  remove(row: number): void {
    if (this.#alive[row] !== 1) return
    for (let i = this.#start[row]; i < this.#start[row + 1]; i++) this.#documentFrequency[this.#term[i]]--
    this.#alive[row] = 0
    this.#size--
    this.#totalLength -= this.#length[row]
    this.#weights = undefined
  }

  /** Does in slices what the next question would do at once after a change (20 ms over 40,000 abstracts). */
  async prepare(slice: Slice): Promise<void> {
    for (let row = 0; row < this.#rows; row += 1024) {
      this.#weigh(row + 1024)
      if (slice.due()) await slice.rest()
    }
  }

  /**
   * BM25 of a text query against every row, in 0 … 1: divided by the best row's, or by half of what a row could reach at
   * all where that is more, so that one common word of a query does not look like all of it. All 0 where no word matches;
   * removed rows have 0.
   */
  search(query: string): Float64Array {
    const { scores, scale } = this.#searchRaw(query)
    if (scale > 0) for (let row = 0; row < scores.length; row++) scores[row] /= scale
    return scores
  }

  /** What each word of a query adds to the score that {@link search} gives a row; the parts add up to it. */
  explainSearch(query: string, row: number): TermPart[] {
    const { scale } = this.#searchRaw(query)
    const { lengthPart } = this.#weigh(0)
    const parts: TermPart[] = []
    for (const [term, { stemmed, weight }] of this.#queryTerms(query).known) {
      const count = this.#countOf(row, term)
      if (count > 0) parts.push({ term: stemmed, part: bm25(weight, count, lengthPart[row]) / scale })
    }
    return parts
  }

  /** TF-IDF cosine of one row to every row, in 0 … 1; removed and empty rows have 0. */
  similar(row: number): Float64Array {
    if (this.#alive[row] !== 1) return new Float64Array(this.#rows)
    const [from, to] = [this.#start[row], this.#start[row + 1]]
    const { norm } = this.#weigh(this.#rows)
    return this.#cosines(this.#term.subarray(from, to), this.#count.subarray(from, to), norm[row])
  }

  /** {@link similar} of a document that is in no row; words that no row has count in its length, as one of one row would. */
  similarTo(document: LexicalDocument): Float64Array {
    const { known, norm } = this.#weighDocument(document)
    const term = Int32Array.from(known.keys()).sort()
    const count = Uint16Array.from(term, (id) => (known.get(id) as { count: number }).count)
    return this.#cosines(term, count, norm)
  }

  /** What each shared term adds to the cosine of two documents; the parts add up to it. */
  explainSimilar(document: LexicalDocument, other: LexicalDocument): TermPart[] {
    const one = this.#weighDocument(document)
    const two = this.#weighDocument(other)
    const parts: TermPart[] = []
    for (const [term, { name, weight }] of one.known) {
      const part = (weight * (two.known.get(term)?.weight ?? 0)) / (one.norm * two.norm)
      if (part > 0) parts.push({ term: name, part })
    }
    return parts
  }

  /** TF-IDF cosine of two rows, as {@link similar} gives it. */
  cosine(row: number, other: number): number {
    const { norm } = this.#weigh(this.#rows)
    const product = norm[row] * norm[other]
    if (this.#alive[row] !== 1 || this.#alive[other] !== 1 || product === 0) return 0
    let sum = 0
    const [end, otherEnd] = [this.#start[row + 1], this.#start[other + 1]]
    for (let i = this.#start[row], j = this.#start[other]; i < end && j < otherEnd; ) {
      const term = this.#term[i]
      const difference = term - this.#term[j]
      if (difference === 0) sum += sublinear[this.#count[i]] * sublinear[this.#count[j]] * this.#idf(term) ** 2
      if (difference <= 0) i++
      if (difference >= 0) j++
    }
    return Math.min(1, sum / product)
  }

  /** The pairs of neighbouring stems of a row, ascending, by number; `size` is how many there are. */
  pairs(row: number): { readonly known: Int32Array; readonly size: number } {
    const known = this.#term
      .subarray(this.#start[row], this.#start[row + 1])
      .filter((term) => this.#terms.key(term) >= 0)
    return { known, size: known.length }
  }

  /** {@link pairs} of a document that is in no row; `size` also counts those that no row has. */
  pairsOf(document: LexicalDocument): { readonly known: Int32Array; readonly size: number } {
    const names = new Set<string>()
    const known = new Set<number>()
    countTerms(document, (first, second) => {
      if (second === undefined) return
      names.add(`${first} ${second}`)
      const term = this.#find(first, second)
      if (term >= 0) known.add(term)
    })
    return { known: Int32Array.from(known).sort(), size: names.size }
  }

  /** A 1 for every row that has all the words of a phrase, each but the first after the one before it, stop words aside. */
  phrase(text: string): Uint8Array {
    const wanted = new Set<number>()
    let isKnown = true
    countTerms({ title: '', abstract: text }, (first, second) => {
      const term = this.#find(first, second)
      if (term < 0) isKnown = false
      wanted.add(term)
    })
    const rows = new Uint8Array(this.#rows)
    if (!isKnown) return rows
    const found = new Int32Array(this.#rows)
    const term = Int32Array.from(wanted).sort()
    this.#visit(term, (row) => {
      found[row]++
    })
    for (let row = 0; row < rows.length; row++) if (this.#alive[row] === 1 && found[row] === term.length) rows[row] = 1
    return rows
  }

  /**
   * The TF-IDF rows of the given documents, in that order, unit length, terms renumbered to those that occur; `terms` are
   * their numbers here, one a column. All as the index is at the call, whatever is added or removed meanwhile.
   */
  async sparseRows(rows: ArrayLike<number>, slice: Slice): Promise<SparseRows & { readonly terms: Int32Array }> {
    // Rows are only appended and arrays only replaced, so that what is taken here stays as it is; frequencies change.
    const weights = this.#weigh(0)
    const of = { start: this.#start, term: this.#term, count: this.#count }
    const frequency = this.#documentFrequency.slice()
    const isPair = (term: number) => this.#terms.key(term) >= 0
    const idfOf = (term: number) => (isPair(term) ? weights.idfOfPair : weights.idfOfStem)[frequency[term]]
    const renumbered = new Int32Array(this.#terms.size).fill(-1)
    const start = new Int32Array(rows.length + 1)
    let longest = 0
    for (let r = 0; r < rows.length; r++) {
      start[r + 1] = start[r]
      for (let i = of.start[rows[r]]; i < of.start[rows[r] + 1]; i++)
        if (idfOf(of.term[i]) > 0) {
          renumbered[of.term[i]] = 0
          start[r + 1]++
        }
      longest = Math.max(longest, start[r + 1] - start[r])
      if (r % 64 === 0 && slice.due()) await slice.rest()
    }
    let columns = 0
    const terms = new Int32Array(renumbered.length)
    for (let term = 0; term < renumbered.length; term++)
      if (renumbered[term] === 0) {
        terms[columns] = term
        renumbered[term] = columns++
      }
    const column = new Int32Array(start[rows.length])
    const value = new Float32Array(start[rows.length])
    const found = new Float64Array(longest)
    for (let r = 0, to = 0; r < rows.length; r++) {
      let length = 0
      let square = 0
      for (let i = of.start[rows[r]]; i < of.start[rows[r] + 1]; i++) {
        const term = of.term[i]
        const idf = idfOf(term)
        if (!(idf > 0)) continue
        const weight = sublinear[of.count[i]] * idf
        column[to + length] = renumbered[term]
        found[length++] = weight
        square += weight * weight
      }
      const scale = square > 0 ? 1 / Math.sqrt(square) : 0
      for (let i = 0; i < length; i++) value[to++] = found[i] * scale
      if (r % 64 === 0 && slice.due()) await slice.rest()
    }
    return { rows: rows.length, columns, start, column, value, terms: terms.subarray(0, columns) }
  }

  /** Tells what a term of those known now is: a stem, or two with a space between. */
  namer(): (term: number) => string {
    const stems = [...this.#stemIds.keys()]
    return (term) => {
      const key = this.#terms.key(term)
      if (key < 0) return stems[-1 - key]
      const [first, second] = stemsOfPair(key)
      return `${stems[first]} ${stems[second]}`
    }
  }

  #stemId(stemmed: string): number {
    let id = this.#stemIds.get(stemmed)
    if (id === undefined) {
      id = this.#stemIds.size
      this.#stemIds.set(stemmed, id)
    }
    return id
  }

  #pair(first: string, second: string): number {
    return pairKey(this.#stemId(first), this.#stemId(second))
  }

  /** The number of a stem or of a pair of stems, -1 where no document has had it. */
  #find(first: string, second?: string): number {
    const id = this.#stemIds.get(first)
    if (id === undefined) return -1
    if (second === undefined) return this.#terms.get(stemKey(id))
    const next = this.#stemIds.get(second)
    return next === undefined ? -1 : this.#terms.get(pairKey(id, next))
  }

  #countOf(row: number, term: number): number {
    for (let i = this.#start[row]; i < this.#start[row + 1]; i++) if (this.#term[i] === term) return this.#count[i]
    return 0
  }

  /** The known words of a query, each with its weight; and the score that no row can reach. */
  #queryTerms(query: string): {
    readonly known: ReadonlyMap<number, { readonly stemmed: string; readonly weight: number }>
    readonly limit: number
  } {
    const counts = new Map<string, number>()
    countTerms({ title: '', abstract: query }, (first, second) => {
      if (second === undefined) counts.set(first, (counts.get(first) ?? 0) + 1)
    })
    const known = new Map<number, { stemmed: string; weight: number }>()
    let limit = 0
    for (const [stemmed, count] of counts) {
      const term = this.#find(stemmed)
      const frequency = term < 0 ? 0 : this.#documentFrequency[term]
      const idf = Math.log(1 + (this.#size - frequency + 0.5) / (frequency + 0.5))
      const weight = (1 + Math.log(count)) * idf
      limit += weight * (k1 + 1)
      if (term >= 0) known.set(term, { stemmed, weight })
    }
    return { known, limit }
  }

  #searchRaw(query: string): { readonly scores: Float64Array; readonly scale: number } {
    const { known, limit } = this.#queryTerms(query)
    const scores = new Float64Array(this.#rows)
    const { lengthPart } = this.#weigh(0)
    const term = Int32Array.from(known.keys()).sort()
    const weight = Float64Array.from(term, (id) => (known.get(id) as { weight: number }).weight)
    this.#visit(term, (row, count, i) => {
      scores[row] += bm25(weight[i], count, lengthPart[row])
    })
    let best = 0
    for (let row = 0; row < scores.length; row++) {
      if (this.#alive[row] !== 1) scores[row] = 0
      else if (scores[row] > best) best = scores[row]
    }
    return { scores, scale: best > 0 ? Math.max(best, limitShare * limit) : 0 }
  }

  /** A document's known terms, and its length with the unknown ones. */
  #weighDocument(document: LexicalDocument): {
    readonly known: ReadonlyMap<number, { readonly name: string; readonly count: number; readonly weight: number }>
    readonly norm: number
  } {
    const counts = new Map<string, { count: number; term: number }>()
    countTerms(document, (first, second, weight) => {
      const name = second === undefined ? first : `${first} ${second}`
      const counted = counts.get(name)
      if (counted !== undefined) {
        counted.count += weight
        return
      }
      const term = this.#find(first, second)
      // Of a word that no document has, the weight is that of one that a removed document had.
      counts.set(name, { count: weight, term: term < 0 && second === undefined ? -1 : term < 0 ? -2 : term })
    })
    const { idfOfStem } = this.#weigh(0)
    const known = new Map<number, { name: string; count: number; weight: number }>()
    let sum = 0
    for (const [name, { count: all, term }] of counts) {
      const count = Math.min(all, maxCount)
      const weight = term === -2 ? 0 : sublinear[count] * (term < 0 ? idfOfStem[0] : this.#idf(term))
      sum += weight * weight
      if (term >= 0) known.set(term, { name, count, weight })
    }
    return { known, norm: Math.sqrt(sum) }
  }

  #cosines(term: Int32Array, count: Uint16Array, own: number): Float64Array {
    const scores = new Float64Array(this.#rows)
    const { norm } = this.#weigh(this.#rows)
    const weighted = term.filter((id) => this.#idf(id) > 0)
    const square = Float64Array.from(weighted, (id) => this.#idf(id) ** 2)
    const frequency = new Float64Array(weighted.length)
    for (let i = 0, j = 0; i < term.length; i++) if (term[i] === weighted[j]) frequency[j++] = sublinear[count[i]]
    // The two counts first: the same bits from either side.
    this.#visit(weighted, (row, other, i) => {
      scores[row] += frequency[i] * sublinear[other] * square[i]
    })
    for (let row = 0; row < scores.length; row++) {
      const product = own * norm[row]
      scores[row] = this.#alive[row] === 1 && product > 0 ? Math.min(1, scores[row] / product) : 0
    }
    return scores
  }

  /** Calls back for every row that has one of the terms (ascending), each row's terms in that order: sums are reproducible. */
  #visit(terms: Int32Array, use: (row: number, count: number, index: number) => void): void {
    for (const { term, start, row, count } of this.#blocks) {
      let place = 0
      for (let i = 0; i < terms.length; i++) {
        place = lowerBound(term, terms[i], place, term.length)
        if (place === term.length) break
        if (term[place] !== terms[i]) continue
        for (let j = start[place]; j < start[place + 1]; j++) use(row[j], count[j], i)
      }
    }
    const [allTerms, allCounts, starts] = [this.#term, this.#count, this.#start]
    for (let row = this.#blocks.length * BLOCK; row < this.#rows; row++) {
      const end = starts[row + 1]
      for (let i = 0, j = starts[row]; i < terms.length; i++) {
        j = lowerBound(allTerms, terms[i], j, end)
        if (j === end) break
        if (allTerms[j] === terms[i]) use(row, allCounts[j], i)
      }
    }
  }

  #idf(term: number): number {
    const { idfOfStem, idfOfPair } = this.#weigh(0)
    const frequency = this.#documentFrequency[term]
    return this.#terms.key(term) < 0 ? idfOfStem[frequency] : idfOfPair[frequency]
  }

  /** The weights, with the lengths of at least the rows below `rows`. */
  #weigh(rows: number): Weights {
    let weights = this.#weights
    if (weights === undefined) {
      // A pair that occurs in one document only can match nothing: left out, it does not lengthen that document's row.
      // Measured at weight .4 of the embedding: nDCG@10 on cora .411 -> .420, on ijcai .292 -> .295.
      const idfOfStem = Float64Array.from(
        { length: this.#size + 1 },
        (_, frequency) => Math.log((1 + this.#size) / (1 + frequency)) + 1,
      )
      const idfOfPair = idfOfStem.map((idf, frequency) => (frequency < 2 ? 0 : idf))
      const average = this.#totalLength / this.#size || 1
      const lengthPart = Float64Array.from(
        { length: this.#rows },
        (_, row) => k1 * (1 - b + (b * this.#length[row]) / average),
      )
      weights = { idfOfStem, idfOfPair, norm: new Float64Array(this.#rows), known: 0, lengthPart }
      this.#weights = weights
    }
    const { norm } = weights
    const to = Math.min(rows, this.#rows)
    for (let row = weights.known; row < to; row++) {
      let sum = 0
      for (let i = this.#start[row]; i < this.#start[row + 1]; i++) {
        const weight = sublinear[this.#count[i]] * this.#idf(this.#term[i])
        sum += weight * weight
      }
      norm[row] = Math.sqrt(sum)
    }
    weights.known = Math.max(weights.known, to)
    return weights
  }
}

/** 1 + log(count) of every count. */
const sublinear = Float64Array.from({ length: maxCount + 1 }, (_, count) => (count === 0 ? 0 : 1 + Math.log(count)))

function bm25(weight: number, count: number, lengthPart: number): number {
  return (weight * count * (k1 + 1)) / (count + lengthPart)
}

/** Calls back for every stem and every pair of neighbouring stems; returns the number of words, those of the title twice. */
function countTerms(
  { title, abstract }: LexicalDocument,
  use: (first: string, second: string | undefined, weight: number) => void,
): number {
  let length = 0
  for (const [text, weight] of [
    [title, titleWeight],
    [abstract, 1],
  ] as const) {
    let previous: string | undefined
    for (const { text: token, isJoined } of readTokens(text)) {
      if (stopWords.has(token)) continue
      const stemmed = stem(token)
      use(stemmed, undefined, weight)
      if (isJoined) continue
      if (previous !== undefined) use(previous, stemmed, weight)
      previous = stemmed
      length += weight
    }
  }
  return length
}

/** The first place in `from` … `end` whose value is at least `wanted`; steps double, as neighbours are asked for in order. */
function lowerBound(ascending: Int32Array, wanted: number, from: number, end: number): number {
  let low = from
  let step = 1
  while (low + step < end && ascending[low + step] < wanted) {
    low += step
    step *= 2
  }
  let high = Math.min(end, low + step)
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle] < wanted) low = middle + 1
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
