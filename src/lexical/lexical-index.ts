// Queries over the counts of a collection: BM25 (Robertson and Zaragoza 2009, section 3) of a text, TF-IDF cosine
// (Salton and Buckley 1988, sublinear counts) between documents. Inverse document frequencies and row norms depend on
// all documents; every change discards them, and the next query recomputes them. The documents may be part of a larger
// whole: then the frequencies and lengths are those of the whole, and so are the scores.
import { countTerms, type LexicalDocument } from './count-terms.ts'
import type { Slice } from './postings.ts'
import type { SparseRows } from './sparse-rows.ts'
import { type CountedDocument, type LexicalState, maxCount, TermCounts } from './term-counts.ts'
import { isPair } from './term-ids.ts'

/** Parameters of BM25: how fast the count of a word saturates, how much the length of a document matters. */
export const k1 = 1.2
export const b = 0.75
/**
 * Weight of two adjacent query words relative to a single one (sequential dependence, Metzler and Croft 2005). nDCG@10
 * of the hybrid score: on scifact .7410 without, .7414 at .1, .7425 at .2, .7410 at .3; on scitldr's first 2,000 .9504
 * without, .9520 at .2.
 */
const pairShare = 0.2
/** Codes that replace a document frequency: for a term without weight, and for a frequency too large for a code. */
const withoutWeight = 65_535
const beyondCode = 65_534
/** Chosen on scifact: nDCG@10 of the hybrid score .739 without it, .742 at .5, .740 at .8. */
const limitShare = 0.5

/** A term that explains why a document was found: a stem, or two separated by a space, and its part of the score. */
export interface TermPart {
  readonly term: string
  readonly part: number
}

/** A sparse row by term number, ascending; the arrays may be longer than the row. */
export interface TermRow {
  term: Int32Array
  value: Float32Array
  length: number
}

/** Unit TF-IDF rows as they were at one time. */
export interface UnitRows {
  /** All term numbers are below it. */
  readonly terms: number
  /** Writes a row to `target`, whose arrays are replaced if they are too short. */
  read(row: number, target: TermRow): void
}

/** Statistics of a larger collection, of which an index holds the documents that matter for a question. */
export interface WholeStatistics {
  /** Number of documents. */
  readonly documents: number
  /** Sum of the lengths that {@link CountedDocument} has. */
  readonly length: number
  /**
   * Number of documents by term: a stem, or two separated by a space. Must have the terms of the questions, where they
   * occur in the whole.
   */
  readonly frequency: { get(term: string): number | undefined }
}

/** Tells in how many documents of a larger collection terms occur. */
export type FrequenciesInWhole = (terms: readonly string[]) => Promise<Int32Array>

/** Weights that depend on all documents; discarded at every change. */
interface Weights {
  /** Codes of the frequencies in two bytes, or one of the codes above; undefined if not yet computed. */
  codes: Uint16Array | undefined
  /** Document frequencies by term; for part of a whole, codes of them: 0 for 0, 1 for 1, others from 2 on. */
  readonly frequency: Int32Array
  /** Inverse document frequency of stems and of pairs, by {@link Weights.frequency}. */
  readonly idfOfStem: Float64Array
  readonly idfOfPair: Float64Array
  /** Euclidean norm of each row; negative if not yet computed. */
  readonly norm: Float64Array
  hasNorms: boolean
  /** The part of BM25's denominator that depends only on the row. */
  readonly lengthPart: Float64Array
}

/** Word statistics of a growing collection: BM25 for text queries, TF-IDF cosine between documents. */
export class LexicalIndex extends TermCounts {
  readonly #whole: WholeStatistics | undefined
  /** Document frequencies in the whole by term number; further terms are in {@link WholeStatistics.frequency}. */
  #inWhole = new Int32Array(0)
  #weights: Weights | undefined

  /** @param whole statistics of the collection that the documents are part of. @default they are all there is */
  constructor(whole?: WholeStatistics) {
    super()
    this.#whole = whole
  }

  /** Numbers the terms of a document that occur in the whole, as they would be if all of it were here. */
  #know(document: LexicalDocument): void {
    const { size } = this.terms
    countTerms(document, (first, second) => {
      if (this.#frequencyInWhole(second === undefined ? first : `${first} ${second}`) > 0) this.intern(first, second)
    })
    if (this.terms.size > size) this.changed()
  }

  #frequencyInWhole(name: string): number {
    return this.#whole?.frequency.get(name) ?? 0
  }

  /** Restores an index from {@link state}; takes ownership of its arrays. */
  static from(state: LexicalState): LexicalIndex {
    const index = new LexicalIndex()
    index.adopt(state)
    return index
  }

  /**
   * An index of some documents of a larger collection. Terms are numbered in an order that depends on nothing but
   * themselves, so that a score has the same bits whichever documents are here.
   * @param options `frequencies`: of the terms of the documents, for norms. @default those of the documents here
   */
  static async ofPart(
    documents: readonly LexicalDocument[],
    whole: WholeStatistics | undefined,
    { slice, frequencies }: { readonly slice: Slice; readonly frequencies?: FrequenciesInWhole | undefined },
  ): Promise<LexicalIndex> {
    const draft = new LexicalIndex()
    const counted: CountedDocument[] = []
    for (const document of documents) {
      counted.push(draft.count(document))
      if (slice.due()) await slice.rest()
    }
    const inWhole = await frequencies?.([...draft.names()])
    const index = new LexicalIndex(whole)
    const numbers = draft.#numberIn(index)
    if (inWhole !== undefined) {
      index.#inWhole = new Int32Array(inWhole.length)
      for (let term = 0; term < inWhole.length; term++) index.#inWhole[numbers[term]!] = inWhole[term]!
    }
    for (const { term, count, length } of counted) {
      const keys = Float64Array.from(term, (id, i) => numbers[id]! * (maxCount + 1) + count[i]!).sort()
      index.add({
        term: Int32Array.from(keys, (key) => Math.floor(key / (maxCount + 1))),
        count: Uint16Array.from(keys, (key) => key % (maxCount + 1)),
        length,
      })
    }
    return index
  }

  /** Numbers all terms in another index, in the order of a hash of their texts; returns the numbers. */
  #numberIn(index: LexicalIndex): Int32Array {
    const { size } = this.terms
    const hashes = this.hashes()
    const order = Int32Array.from(hashes.map((hash, term) => hash * size + term).sort(), (key) => key % size)
    const nameOf = this.namer()
    // Other texts rarely have the same hash.
    for (let i = 1; i < size; i++)
      for (let j = i; j > 0 && hashes[order[j]!] === hashes[order[j - 1]!]; j--)
        if (nameOf(order[j]!) < nameOf(order[j - 1]!)) [order[j - 1], order[j]] = [order[j]!, order[j - 1]!]
    return index.internAll(this, order)
  }

  protected override changed(): void {
    this.#weights = undefined
  }

  /** Computes the norms of all rows in slices, which {@link similar} would otherwise do at once after a change. */
  async prepare(slice: Slice): Promise<void> {
    while (!this.#weigh().hasNorms) {
      const weights = this.#weigh()
      if (await this.#makeNorms(weights, slice)) weights.hasNorms = true
    }
  }

  /** False if the documents changed meanwhile. */
  async #makeNorms(weights: Weights, slice: Slice): Promise<boolean> {
    const { norm, idfOfStem } = weights
    // Memory access takes nearly all of the time: two bytes per term instead of a frequency and a key.
    const codes = new Uint16Array(this.terms.size)
    for (let from = 0; from < codes.length; from += 65_536) {
      this.#fillCodes(codes, weights, from, Math.min(codes.length, from + 65_536))
      if (slice.due()) {
        await slice.rest()
        if (this.#weights?.norm !== norm) return false
      }
    }
    weights.codes = codes
    const { rowStart, entryTerm, entryCount } = this
    for (let row = 0; row < norm.length; row++) {
      let sum = 0
      if (norm[row]! < 0) {
        for (let i = rowStart[row]!; i < rowStart[row + 1]!; i++) {
          const code = codes[entryTerm[i]!]!
          if (code === withoutWeight) continue
          const idf = code === beyondCode ? this.#idf(entryTerm[i]!) : idfOfStem[code]!
          const weight = sublinear[entryCount[i]!]! * idf
          sum += weight * weight
        }
        norm[row] = Math.sqrt(sum)
      }
      if (row % 64 === 63 && slice.due()) {
        await slice.rest()
        if (this.#weights?.norm !== norm) return false
      }
    }
    return true
  }

  #fillCodes(codes: Uint16Array, { frequency: frequencies }: Weights, from: number, to: number): void {
    const { keys } = this.terms.state()
    for (let term = from; term < to; term++) {
      const frequency = frequencies[term]!
      codes[term] = isPair(keys[term]!) && frequency < 2 ? withoutWeight : Math.min(frequency, beyondCode)
    }
  }

  /** The codes of all terms as they are now; later changes make new ones. */
  #codesNow(weights: Weights): Uint16Array {
    if (weights.codes === undefined) {
      weights.codes = new Uint16Array(this.terms.size)
      this.#fillCodes(weights.codes, weights, 0, weights.codes.length)
    }
    return weights.codes
  }

  /**
   * BM25 of a text query against every row, in 0 … 1: divided by the best row's score, or by half the score that no row
   * can exceed if that is more, so that a match of one common word does not look like a full match. All 0 if no word
   * matches; removed rows have 0.
   */
  search(query: string): Float64Array {
    const { scores, scale } = this.#searchRaw(query)
    if (scale > 0) for (let row = 0; row < scores.length; row++) scores[row]! /= scale
    return scores
  }

  /** The parts of a row's {@link search} score by query word and pair of adjacent words; they add up to the score. */
  explainSearch(query: string, row: number): TermPart[] {
    const { scale } = this.#searchRaw(query)
    const { lengthPart } = this.#weigh()
    const parts: TermPart[] = []
    for (const [term, { stemmed, weight }] of this.#queryTerms(query).known) {
      const count = this.countOf(row, term)
      if (count > 0) parts.push({ term: stemmed, part: bm25(weight, count, lengthPart[row]!) / scale })
    }
    return parts
  }

  /** TF-IDF cosine of one row to every row, in 0 … 1; removed and empty rows have 0. */
  similar(row: number): Float64Array {
    if (this.alive[row] !== 1) return new Float64Array(this.rows)
    const [from, to] = [this.rowStart[row], this.rowStart[row + 1]]
    return this.#cosines(this.entryTerm.subarray(from, to), this.entryCount.subarray(from, to), this.#norm(row))
  }

  /** {@link similar} for a document outside the index; its unknown words count in its norm. */
  similarTo(document: LexicalDocument): Float64Array {
    const { known, norm } = this.#weighDocument(document)
    const term = Int32Array.from(known.keys()).sort()
    const count = Uint16Array.from(term, (id) => (known.get(id) as { count: number }).count)
    return this.#cosines(term, count, norm)
  }

  /** The parts of the cosine of two documents by shared term; they add up to the cosine. */
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

  /** TF-IDF cosine of two rows, equal to that of {@link similar}. */
  cosine(row: number, other: number): number {
    if (this.alive[row] !== 1 || this.alive[other] !== 1) return 0
    const product = this.#norm(row) * this.#norm(other)
    if (product === 0) return 0
    let sum = 0
    const [end, otherEnd] = [this.rowStart[row + 1]!, this.rowStart[other + 1]!]
    for (let i = this.rowStart[row]!, j = this.rowStart[other]!; i < end && j < otherEnd; ) {
      const term = this.entryTerm[i]!
      const difference = term - this.entryTerm[j]!
      if (difference === 0)
        sum += sublinear[this.entryCount[i]!]! * sublinear[this.entryCount[j]!]! * this.#idf(term) ** 2
      if (difference <= 0) i++
      if (difference >= 0) j++
    }
    return Math.min(1, sum / product)
  }

  /** Unit TF-IDF rows as they are now, whatever is added or removed meanwhile. */
  unitRows(): UnitRows {
    // Rows are only appended and arrays only replaced, so references are safe to keep.
    const { rowStart, entryTerm, entryCount } = this
    const weights = this.#weigh()
    const codes = this.#codesNow(weights)
    const { idfOfStem } = weights
    let found = new Float64Array(512)
    const read = (row: number, target: TermRow) => {
      const from = rowStart[row]!
      const to = rowStart[row + 1]!
      if (found.length < to - from) found = new Float64Array(2 * (to - from))
      if (target.term.length < to - from) {
        target.term = new Int32Array(2 * (to - from))
        target.value = new Float32Array(2 * (to - from))
      }
      const { term, value } = target
      let length = 0
      let square = 0
      for (let i = from; i < to; i++) {
        const code = codes[entryTerm[i]!]!
        if (code === withoutWeight) continue
        const idf = code === beyondCode ? this.#idf(entryTerm[i]!) : idfOfStem[code]!
        const weight = sublinear[entryCount[i]!]! * idf
        term[length] = entryTerm[i]!
        found[length++] = weight
        square += weight * weight
      }
      const scale = square > 0 ? 1 / Math.sqrt(square) : 0
      for (let i = 0; i < length; i++) value[i] = found[i]! * scale
      target.length = length
    }
    return { terms: this.terms.size, read }
  }

  /** The unit TF-IDF row of a document outside the index, with only the words that the index knows. */
  unitRow(document: LexicalDocument): TermRow {
    const entries = [...this.#weighDocument(document).known]
      .filter(([, { weight }]) => weight > 0)
      .map(([term, { weight }]) => ({ term, weight }))
      .sort((a, b) => a.term - b.term)
    const norm = Math.sqrt(entries.reduce((sum, { weight }) => sum + weight * weight, 0))
    return {
      term: Int32Array.from(entries, ({ term }) => term),
      value: Float32Array.from(entries, ({ weight }) => weight / norm),
      length: entries.length,
    }
  }

  /**
   * Unit TF-IDF rows of the given rows, in that order, with one column per term that occurs; `terms` holds the term
   * numbers of the columns, ascending, and `columnOf` the column of each term, -1 without one. A snapshot at the time of
   * the call, whatever is added or removed meanwhile. A row of {@link unitRow} must have been made in the same state.
   */
  async sparseRows(
    rows: ArrayLike<number | TermRow>,
    slice: Slice,
  ): Promise<SparseRows & { readonly terms: Int32Array; readonly columnOf: Int32Array }> {
    // Rows are only appended and arrays only replaced, so references are safe to keep.
    const { rowStart } = this
    const unit = this.unitRows()
    const start = new Int32Array(rows.length + 1)
    let most = 0
    for (let r = 0; r < rows.length; r++) {
      const row = rows[r]!
      most += typeof row === 'number' ? rowStart[row + 1]! - rowStart[row]! : row.length
    }
    const termOf = new Int32Array(most)
    const weightOf = new Float32Array(most)
    const columnOf = new Int32Array(unit.terms).fill(-1)
    const scratch: TermRow = { term: new Int32Array(512), value: new Float32Array(512), length: 0 }
    const append = (row: TermRow, to: number) => {
      for (let i = 0; i < row.length; i++) {
        termOf[to + i] = row.term[i]!
        weightOf[to + i] = row.value[i]!
        columnOf[row.term[i]!] = 0
      }
      return to + row.length
    }
    for (let r = 0; r < rows.length; r++) {
      const row = rows[r]!
      if (typeof row === 'number') unit.read(row, scratch)
      start[r + 1] = append(typeof row === 'number' ? scratch : row, start[r]!)
      if (r % 8 === 0 && slice.due()) await slice.rest()
    }
    const entries = start[rows.length]!
    const terms = new Int32Array(Math.min(entries, columnOf.length))
    let columns = 0
    for (let term = 0; term < columnOf.length; term++)
      if (columnOf[term] === 0) {
        terms[columns] = term
        columnOf[term] = columns++
        if (columns % 16_384 === 0 && slice.due()) await slice.rest()
      }
    const column = termOf.subarray(0, entries)
    for (let from = 0; from < entries; from += 65_536) {
      const to = Math.min(entries, from + 65_536)
      for (let i = from; i < to; i++) column[i] = columnOf[column[i]!]!
      if (slice.due()) await slice.rest()
    }
    const value = weightOf.subarray(0, entries)
    return { rows: rows.length, columns, start, column, value, terms: terms.subarray(0, columns), columnOf }
  }

  /** The known words and pairs of a query with their weights, and an upper bound of the score of any row. */
  #queryTerms(query: string): {
    readonly known: ReadonlyMap<number, { readonly stemmed: string; readonly weight: number }>
    readonly limit: number
  } {
    const counts = new Map<string, { readonly term: number; readonly share: number; count: number }>()
    countTerms({ title: '', abstract: query }, (first, second) => {
      const stemmed = second === undefined ? first : `${first} ${second}`
      const counted = counts.get(stemmed)
      if (counted !== undefined) counted.count++
      else
        counts.set(stemmed, { term: this.find(first, second), share: second === undefined ? 1 : pairShare, count: 1 })
    })
    const known = new Map<number, { stemmed: string; weight: number }>()
    let limit = 0
    const documents = this.#whole?.documents ?? this.size
    for (const [stemmed, { term, share, count }] of counts) {
      // Terms of removed documents only count like unknown terms.
      const frequency =
        this.#whole !== undefined ? this.#frequencyInWhole(stemmed) : term < 0 ? 0 : this.documentFrequency[term]!
      const idf = Math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
      const weight = share * (1 + Math.log(count)) * idf
      limit += weight * (k1 + 1)
      if (term >= 0) known.set(term, { stemmed, weight })
    }
    return { known, limit }
  }

  #searchRaw(query: string): { readonly scores: Float64Array; readonly scale: number } {
    const { known, limit } = this.#queryTerms(query)
    const scores = new Float64Array(this.rows)
    const { lengthPart } = this.#weigh()
    const term = Int32Array.from(known.keys()).sort()
    const weight = Float64Array.from(term, (id) => (known.get(id) as { weight: number }).weight)
    this.visit(term, (i, row, count, from, to) => {
      const termWeight = weight[i]!
      for (let j = from; j < to; j++) scores[row[j]!]! += bm25(termWeight, count[j]!, lengthPart[row[j]!]!)
    })
    let best = 0
    for (let row = 0; row < scores.length; row++) {
      if (this.alive[row] !== 1) scores[row] = 0
      else if (scores[row]! > best) best = scores[row]!
    }
    return { scores, scale: best > 0 ? Math.max(best, limitShare * limit) : 0 }
  }

  /** A document's known terms, and its norm with the unknown ones. */
  #weighDocument(document: LexicalDocument): {
    readonly known: ReadonlyMap<number, { readonly name: string; readonly count: number; readonly weight: number }>
    readonly norm: number
  } {
    if (this.#whole !== undefined) this.#know(document)
    const counts = new Map<string, { count: number; term: number }>()
    countTerms(document, (first, second, weight) => {
      const name = second === undefined ? first : `${first} ${second}`
      const counted = counts.get(name)
      if (counted !== undefined) {
        counted.count += weight
        return
      }
      const term = this.find(first, second)
      // -1 for an unknown stem, which weighs as much as one without documents; -2 for an unknown pair, which weighs 0.
      counts.set(name, { count: weight, term: term < 0 && second === undefined ? -1 : term < 0 ? -2 : term })
    })
    const { idfOfStem } = this.#weigh()
    const known = new Map<number, { name: string; count: number; weight: number }>()
    let sum = 0
    for (const [name, { count: all, term }] of counts) {
      const count = Math.min(all, maxCount)
      const weight = term === -2 ? 0 : sublinear[count]! * (term < 0 ? idfOfStem[0]! : this.#idf(term))
      sum += weight * weight
      if (term >= 0) known.set(term, { name, count, weight })
    }
    return { known, norm: Math.sqrt(sum) }
  }

  #cosines(term: Int32Array, count: Uint16Array, length: number): Float64Array {
    const scores = new Float64Array(this.rows)
    const weighted = term.filter((id) => this.#idf(id) > 0)
    const square = Float64Array.from(weighted, (id) => this.#idf(id) ** 2)
    const frequency = new Float64Array(weighted.length)
    for (let i = 0, j = 0; i < term.length; i++) if (term[i] === weighted[j]) frequency[j++] = sublinear[count[i]!]!
    // Multiply the two counts first, so that both directions give the same bits.
    this.visit(weighted, (i, row, others, from, to) => {
      const own = frequency[i]!
      const both = square[i]!
      // Nearly all counts are 1 or 2.
      const once = own * both
      const twice = own * sublinear[2]! * both
      for (let j = from; j < to; j++) {
        const count = others[j]!
        scores[row[j]!]! += count === 1 ? once : count === 2 ? twice : own * sublinear[count]! * both
      }
    })
    const { norm } = this.#weigh()
    for (let row = 0; row < scores.length; row++) {
      if (scores[row] === 0) continue
      const product = length * (norm[row]! < 0 ? this.#norm(row) : norm[row]!)
      scores[row] = this.alive[row] === 1 ? Math.min(1, scores[row]! / product) : 0
    }
    return scores
  }

  #idf(term: number): number {
    const { frequency: frequencies, idfOfStem, idfOfPair } = this.#weigh()
    const frequency = frequencies[term]!
    return isPair(this.terms.key(term)) ? idfOfPair[frequency]! : idfOfStem[frequency]!
  }

  #weigh(): Weights {
    if (this.#weights === undefined) {
      // A pair in a single document matches nothing; leaving it out keeps it from increasing that document's norm. At
      // embedding weight .4, nDCG@10 rises on cora from .411 to .420, on ijcai from .292 to .295.
      const { frequency, idfOfStem } = this.#whole === undefined ? this.#ofAll() : this.#ofPart(this.#whole)
      const idfOfPair = idfOfStem.slice().fill(0, 0, 2)
      const { documents, length } = this.#whole ?? { documents: this.size, length: this.totalLength }
      const average = length / documents || 1
      const lengthPart = new Float64Array(this.rows)
      for (let row = 0; row < lengthPart.length; row++)
        lengthPart[row] = k1 * (1 - b + (b * this.rowLength[row]!) / average)
      const norm = new Float64Array(this.rows).fill(-1)
      this.#weights = { codes: undefined, frequency, idfOfStem, idfOfPair, norm, hasNorms: false, lengthPart }
    }
    return this.#weights
  }

  #ofAll(): Pick<Weights, 'frequency' | 'idfOfStem'> {
    const idfOfStem = new Float64Array(this.size + 1)
    for (let frequency = 0; frequency < idfOfStem.length; frequency++) idfOfStem[frequency] = idf(this.size, frequency)
    return { frequency: this.documentFrequency, idfOfStem }
  }

  /** A table by frequency would have as many entries as the whole has documents; few frequencies occur here. */
  #ofPart({ documents }: WholeStatistics): Pick<Weights, 'frequency' | 'idfOfStem'> {
    const codes = new Map([
      [0, 0],
      [1, 1],
    ])
    const nameOf = this.namer()
    const frequency = Int32Array.from({ length: this.terms.size }, (_, term) => {
      // A document may have been added to the whole since its statistics were read.
      const inWhole = this.#inWhole[term] ?? this.#frequencyInWhole(nameOf(term))
      const its = Math.max(inWhole, this.documentFrequency[term] ?? 0)
      const code = codes.get(its) ?? codes.size
      codes.set(its, code)
      return code
    })
    return { frequency, idfOfStem: Float64Array.from(codes.keys(), (its) => idf(documents, its)) }
  }

  #norm(row: number): number {
    const { norm } = this.#weigh()
    if (norm[row]! < 0) {
      let sum = 0
      for (let i = this.rowStart[row]!; i < this.rowStart[row + 1]!; i++) {
        const weight = sublinear[this.entryCount[i]!]! * this.#idf(this.entryTerm[i]!)
        sum += weight * weight
      }
      norm[row] = Math.sqrt(sum)
    }
    return norm[row]!
  }
}

/** 1 + log(count) by count. */
const sublinear = Float64Array.from({ length: maxCount + 1 }, (_, count) => (count === 0 ? 0 : 1 + Math.log(count)))

const idf = (documents: number, frequency: number) => Math.log((1 + documents) / (1 + frequency)) + 1

function bm25(weight: number, count: number, lengthPart: number): number {
  return (weight * count * (k1 + 1)) / (count + lengthPart)
}
