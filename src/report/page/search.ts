// Search that forgives. Any of the words counts, the best papers first (BM25, Robertson and Zaragoza 2009); a word is known
// by its stem, as the beginning of a longer one, in parts or joined, or by a letter that is wrong. Titles are indexed at
// once, authors and abstracts block by block, each as a flat list of terms: a question reads all of them in milliseconds.
import { stem, stopWords } from '../../text/tokens.ts'
import { blockSize } from '../page-data.ts'
import type { Report } from './report.ts'
import { bits, eachWord, edits, folded, HashTable, isAscii, letters, runsOf, unspaced } from './words.ts'

const sliceMs = 8
/** How long to wait before a part of an answer is told, and the next one. */
const smallPauseMs = 200
const pauseMs = 800
const saturation = 1.2
const lengthShare = 0.75
/** How often a word of the title counts, and one of an author's name. */
const titleWeight = 3
const authorWeight = 2
/** Papers that have less of what was asked than this are left out: a word that most papers have is no answer. */
const leastShare = 0.2
const mostPrefixes = 300

/** A word of a question, and the terms that it may stand for. */
interface Asked {
  readonly word: string
  readonly terms: ReadonlyMap<number, number>
  /** What was taken for it where nobody writes it so. */
  readonly instead: string | undefined
}

/** A question as the index understands it. */
export interface Query {
  readonly text: string
  readonly asked: readonly Asked[]
}

export interface Found {
  readonly query: Query
  /** Best first. */
  readonly rows: readonly number[]
  readonly scores: ReadonlyMap<number, number>
  /** Whether abstracts were all looked at. */
  readonly isWhole: boolean
}

/** Terms of papers one after the other: of each entry `term × 32 + times`. */
class TermRows {
  readonly start: number[] = [0]
  readonly lengths: number[] = []
  #entries = new Uint32Array(4096)
  #used = 0

  get entries(): Uint32Array {
    return this.#entries
  }

  /** @param times of each term; what stands at `terms` is taken out of it */
  add(terms: readonly number[], times: Uint16Array, length: number): void {
    if (this.#used + terms.length > this.#entries.length) {
      const larger = new Uint32Array(2 * (this.#entries.length + terms.length))
      larger.set(this.#entries)
      this.#entries = larger
    }
    for (const term of terms) {
      this.#entries[this.#used++] = term * 32 + Math.min(31, times[term]!)
      times[term] = 0
    }
    this.start.push(this.#used)
    this.lengths.push(length)
  }
}

export class PaperSearch {
  readonly #report: Report
  readonly #titles = new TermRows()
  readonly #texts = new TermRows()
  readonly #termOf = new Map<string, number>()
  readonly #termOfStem = new Map<string, number>()
  readonly #words: string[] = []
  readonly #papersWith: number[] = []
  #times = new Uint16Array(16_384)
  readonly #hashes = new HashTable()
  #ready: Promise<void> | undefined
  #indexed = 0
  #turn = 0
  #asking = ''
  #titlesReady: Promise<void> | undefined

  constructor(report: Report) {
    this.#report = report
  }

  /** Finds papers and tells what is found so far; a later call ends an earlier one. Nothing is found of no word. */
  async find(text: string, onFound: (found: Found | undefined) => void): Promise<void> {
    const turn = ++this.#turn
    this.#asking = text
    const ready = this.prepare()
    await this.#titlesReady
    // Of few papers all are there before anybody has read a part of them.
    for (let pause = this.#report.isSmall ? smallPauseMs : 0; this.#indexed < this.#report.rows; pause = pauseMs) {
      if (turn !== this.#turn) return
      if (pause !== smallPauseMs) onFound(this.#found(text))
      await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, pause || pauseMs))])
    }
    if (turn === this.#turn) onFound(this.#found(text))
  }

  /** Whether nothing else was asked since something was found. */
  isLast({ query }: Found): boolean {
    return query.text === this.#asking
  }

  /** Ends a search that is under way. */
  stop(): void {
    this.#asking = ''
    this.#turn++
  }

  /** Indexes all papers, once; others may ask meanwhile. */
  prepare(): Promise<void> {
    this.#ready ??= this.prepareTitles().then(() => this.#indexTexts())
    return this.#ready
  }

  /** Indexes all titles, once. */
  prepareTitles(): Promise<void> {
    this.#titlesReady ??= this.#indexTitles()
    return this.#titlesReady
  }

  async #indexTitles(): Promise<void> {
    let end = performance.now() + sliceMs
    for (const title of this.#report.core.titles) {
      this.#count(this.#titles, [[title, titleWeight]])
      if (performance.now() > end) {
        await nextTurn()
        end = performance.now() + sliceMs
      }
    }
  }

  async #indexTexts(): Promise<void> {
    const { blocks, rows } = this.#report
    let end = performance.now() + sliceMs
    for (let block = 0; block < blocks; block++) {
      // None where the file is cut off before it.
      const papers = await this.#report.block(block).catch(() => [])
      for (let place = 0; place < Math.min(blockSize, rows - block * blockSize); place++) {
        const [abstract = '', authors = []] = papers[place] ?? []
        this.#count(this.#texts, [
          [authors.join(' '), authorWeight],
          [abstract, 1],
        ])
        this.#indexed++
        if (performance.now() > end) {
          await nextTurn()
          end = performance.now() + sliceMs
        }
      }
    }
  }

  /** Counts the words of a paper's texts into rows of terms. */
  #count(rows: TermRows, texts: readonly (readonly [text: string, weight: number])[]): void {
    const terms: number[] = []
    let length = 0
    let weight = 1
    const take = (term: number) => {
      if (term < 0) return
      if (this.#times[term] === 0) terms.push(term)
      this.#times[term]! += weight
      length += weight
    }
    const takeWord = (word: string) => take(this.#termOf.get(word) ?? this.#newTerm(word))
    for (const [text, own] of texts) {
      weight = own
      const plain = isAscii.test(text) ? text : folded(text)
      if (isAscii.test(plain)) this.#eachTerm(plain, take, takeWord)
      else eachWord(plain, takeWord)
    }
    for (const term of terms) this.#papersWith[term]!++
    rows.add(terms, this.#times, length)
  }

  /** As {@link eachWord}, of a text in ASCII, five times as fast: a word that is known is known by its hash. */
  #eachTerm(text: string, take: (term: number) => void, takeWord: (word: string) => void): void {
    const hashes = this.#hashes
    let start = -1
    // Where a word with hyphens begins.
    let whole = -1
    let one = 0
    let other = 0
    for (let i = 0; i <= text.length; i++) {
      let code = i < text.length ? text.charCodeAt(i) : 32
      if (code >= 65 && code <= 90) code += 32
      if ((code >= 97 && code <= 122) || (code >= 48 && code <= 57)) {
        if (start < 0) {
          start = i
          one = 0x811c9dc5
          other = 7
        }
        one = Math.imul(one ^ code, 0x01000193)
        other = (Math.imul(other, 31) + code) | 0
        continue
      }
      if (start < 0) continue
      if (i - start > 1) {
        const known = hashes.get(one, other)
        if (known === undefined) {
          const word = text.slice(start, i).toLowerCase()
          const term = this.#termOf.get(word) ?? this.#newTerm(word)
          hashes.set(one, other, term)
          take(term)
        } else take(known)
      }
      const next = text.charCodeAt(i + 1) | 32
      const goesOn = code === 45 && ((next >= 97 && next <= 122) || (next >= 48 && next <= 57))
      if (goesOn && whole < 0) whole = start
      else if (!goesOn && whole >= 0) {
        takeWord(text.slice(whole, i).toLowerCase().replaceAll('-', ''))
        whole = -1
      }
      start = -1
    }
  }

  /** The number of a new word's stem; -1 for one that says nothing. */
  #newTerm(word: string): number {
    let term = -1
    if (!stopWords.has(word)) {
      const root = stem(word)
      term = this.#termOfStem.get(root) ?? this.#papersWith.push(0) - 1
      this.#termOfStem.set(root, term)
      this.#words.push(word)
      if (term >= this.#times.length) {
        const larger = new Uint16Array(2 * term)
        larger.set(this.#times)
        this.#times = larger
      }
    }
    this.#termOf.set(word, term)
    return term
  }

  // ---- questions ---------------------------------------------------------------------------------------------------

  /** What a question asks for, in the words of the papers that are indexed so far. */
  query(text: string): Query {
    const runs = runsOf(text)
    const isTyped = /[\p{L}\p{N}]$/u.test(text)
    const asked: Asked[] = []
    const kept = runs.filter(({ word }) => !stopWords.has(word))
    for (const { word, parts, isLast } of kept.length > 0 ? kept : runs.slice(-1)) {
      const terms = new Map<number, number>()
      const known = this.#known(word)
      if (known !== undefined) terms.set(known, 1)
      // Joined or in parts: multi-modal, multimodal.
      if (parts.length > 1 && known === undefined)
        for (const part of parts) {
          const term = this.#known(part)
          if (term !== undefined && !stopWords.has(part)) terms.set(term, 0.7)
        }
      if (terms.size === 0 || (isLast && isTyped))
        for (const term of this.#beginningWith(word)) if (!terms.has(term)) terms.set(term, 0.8)
      let instead: string | undefined
      if (terms.size === 0)
        for (const [near, weight] of this.#misspelt(word, isLast && isTyped)) {
          const term = this.#termOf.get(near) as number
          if (!terms.has(term)) terms.set(term, weight)
          instead ??= near
        }
      asked.push({ word, terms, instead })
    }
    // Two words that papers write as one.
    for (const [i, { word }] of kept.entries()) {
      const next = kept[i + 1]!
      const joined = next === undefined ? undefined : this.#known(`${word}${next.word}`)
      if (joined !== undefined)
        asked.push({ word: `${word}${next.word}`, terms: new Map([[joined, 1]]), instead: undefined })
    }
    return { text, asked }
  }

  /** The term of a word that papers have, in this form or another. */
  #known(word: string): number | undefined {
    const term = this.#termOf.get(word) ?? this.#termOfStem.get(stem(word))
    return term !== undefined && term >= 0 ? term : undefined
  }

  *#beginningWith(word: string): Generator<number> {
    if (word.length < 2 && !unspaced.test(word)) return
    let taken = 0
    for (const other of this.#words)
      if (other.startsWith(word)) {
        yield this.#termOf.get(other) as number
        if (++taken === mostPrefixes) return
      }
  }

  /** Words that differ by a letter or, where they are long, by two; the nearest, of these the most frequent. */
  #misspelt(word: string, isBegun: boolean): [word: string, weight: number][] {
    const most = word.length < 4 ? 0 : word.length < 8 ? 1 : 2
    if (most === 0) return []
    let best: { word: string; distance: number; papers: number }[] = []
    const own = letters(word)
    for (const other of this.#words) {
      if (other.length < word.length - most) continue
      // An edit takes a letter away at most: most words are told apart by this alone.
      if (bits(own & ~letters(other)) > most) continue
      if (!isBegun && other.length > word.length + most) continue
      let distance = edits(word, other, most)
      if (isBegun && distance > most && other.length > word.length)
        distance = edits(word, other.slice(0, word.length), most)
      if (distance > most) continue
      // A first letter is seldom wrong.
      if (other[0] !== word[0]) distance += 0.5
      best.push({ word: other, distance, papers: this.#papersWith[this.#termOf.get(other) as number]! })
    }
    best.sort((a, b) => a.distance - b.distance || b.papers - a.papers)
    best = best.filter(({ distance }) => distance <= best[0]!.distance + 0.5).slice(0, 8)
    return best.map(({ word, distance }) => [word, 1 / (1 + 0.3 * distance)])
  }

  #found(text: string): Found | undefined {
    const query = this.query(text)
    if (query.asked.length === 0) return undefined
    const scores = this.#scores(query)
    const rows = [...scores.keys()].sort((a, b) => (scores.get(b) as number) - (scores.get(a) as number) || a - b)
    return { query, rows, scores, isWhole: this.#indexed >= this.#report.rows }
  }

  /** BM25 of the papers that have enough of what is asked. */
  #scores({ asked }: Query): Map<number, number> {
    const { rows } = this.#report
    const slots = new Map<number, (readonly [slot: number, weight: number])[]>()
    for (const [slot, { terms }] of asked.entries())
      for (const [term, weight] of terms) slots.set(term, [...(slots.get(term) ?? []), [slot, weight]])
    const isAsked = new Uint8Array(this.#papersWith.length)
    for (const term of slots.keys()) isAsked[term] = 1
    const worth = asked.map(({ terms }) => {
      let papers = 0
      for (const term of terms.keys()) papers += this.#papersWith[term]!
      return papers === 0 ? 0 : Math.log(1 + (rows - Math.min(rows, papers) + 0.5) / (Math.min(rows, papers) + 0.5))
    })
    const all = worth.reduce((sum, one) => sum + one, 0)
    const times = new Float64Array(asked.length)
    const lengths = this.#texts.lengths
    const meanLength = lengths.reduce((sum, length) => sum + length, 1) / Math.max(1, lengths.length)
    const scores = new Map<number, number>()
    let most = 0
    const shares: [row: number, share: number][] = []
    for (let row = 0; row < rows; row++) {
      let isAny = false
      times.fill(0)
      for (const { start, entries } of [this.#titles, this.#texts]) {
        if (row + 1 >= start.length) continue
        for (let i = start[row]!; i < start[row + 1]!; i++) {
          const entry = entries[i]!
          if (isAsked[entry >>> 5] === 0) continue
          for (const [slot, weight] of slots.get(entry >>> 5) ?? []) times[slot]! += weight * (entry & 31)
          isAny = true
        }
      }
      if (!isAny) continue
      const length = (lengths[row] ?? meanLength) + this.#titles.lengths[row]!
      const norm = saturation * (1 - lengthShare + (lengthShare * length) / (meanLength + 1))
      let score = 0
      let had = 0
      for (let slot = 0; slot < times.length; slot++) {
        if (times[slot] === 0) continue
        score += (worth[slot]! * times[slot]! * (saturation + 1)) / (times[slot]! + norm)
        had += worth[slot]!
      }
      // Who has more of the words comes before who has one of them often.
      const share = all === 0 ? 1 : had / all
      most = Math.max(most, share)
      shares.push([row, share])
      scores.set(row, score * share)
    }
    for (const [row, share] of shares) if (share < leastShare * most) scores.delete(row)
    return scores
  }

  /** Calls back for each paper that has a word of a question: which of them, and how often. */
  rowsWith({ asked }: Query, use: (slot: number, row: number, times: number) => void): void {
    const slotOf = new Int32Array(this.#papersWith.length).fill(-1)
    const weights = new Float32Array(this.#papersWith.length)
    for (const [slot, { terms }] of asked.entries())
      for (const [term, weight] of terms) {
        slotOf[term] = slot
        weights[term] = weight
      }
    for (const { start, entries } of [this.#titles, this.#texts])
      for (let row = 0; row + 1 < start.length; row++)
        for (let i = start[row]!; i < start[row + 1]!; i++) {
          const term = entries[i]! >>> 5
          if (slotOf[term]! >= 0) use(slotOf[term]!, row, weights[term]! * (entries[i]! & 31))
        }
  }

  /** The cosines of all papers with the sum of some, over weighted terms: log times × idf, as the library weighs words. */
  likeness(seeds: readonly number[]): Float64Array {
    const { rows } = this.#report
    const worth = Float64Array.from(this.#papersWith, (papers) => Math.log(1 + rows / (1 + papers)))
    const logTimes = Float64Array.from({ length: 32 }, (_, times) => 1 + Math.log(Math.max(1, times)))
    const likeness = new Float64Array(rows)
    const squares = new Float64Array(rows)
    const wanted = new Float64Array(this.#papersWith.length)
    for (const { start, entries } of [this.#titles, this.#texts])
      for (const row of seeds)
        for (let i = start[row]!; i < start[row + 1]!; i++)
          wanted[entries[i]! >>> 5]! += logTimes[entries[i]! & 31]! * worth[entries[i]! >>> 5]!
    const length = Math.sqrt(wanted.reduce((sum, weight) => sum + weight ** 2, 0))
    for (const { start, entries } of [this.#titles, this.#texts])
      for (let row = 0; row + 1 < start.length; row++)
        for (let i = start[row]!; i < start[row + 1]!; i++) {
          const term = entries[i]! >>> 5
          const weight = logTimes[entries[i]! & 31]! * worth[term]!
          likeness[row]! += wanted[term]! * weight
          squares[row]! += weight ** 2
        }
    for (let row = 0; row < rows; row++) if (squares[row]! > 0) likeness[row]! /= Math.sqrt(squares[row]!) * length
    return likeness
  }

  /** A text in pieces, those that answer a question marked. */
  marked(text: string, { asked }: Query): { readonly text: string; readonly isHit: boolean }[] {
    const wanted = new Set(asked.flatMap(({ terms }) => [...terms.keys()]))
    const pieces: { text: string; isHit: boolean }[] = []
    let end = 0
    for (const { 0: found, index } of text.matchAll(/[\p{L}\p{N}\p{M}]+(?:[-\u2010\u2011][\p{L}\p{N}\p{M}]+)*/gu)) {
      let isHit = false
      eachWord(found, (word) => {
        isHit ||= wanted.has(this.#termOf.get(word) ?? -1)
      })
      if (!isHit) continue
      if (index > end) pieces.push({ text: text.slice(end, index), isHit: false })
      pieces.push({ text: found, isHit: true })
      end = index + found.length
    }
    if (end < text.length) pieces.push({ text: text.slice(end), isHit: false })
    return pieces
  }
}

/** Lets the browser draw and answer keys; a timer would wait for 4 ms each time. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
