// The words of papers, indexed by stem: titles at once, authors and abstracts block by block, each as a flat list of terms
// that a question scans in milliseconds. Words that a question spells differently are found by prefix or by edit distance.
import { editDistance } from '../../text/edit-distance.ts'
import { stem, stopWords } from '../../text/tokens.ts'
import { bits, eachWord, folded, HashTable, isAscii, letters, unspaced } from './words.ts'

/** Weight of a word in the title, and of one in an author's name; a word of the abstract weighs 1. */
const titleWeight = 3
const authorWeight = 2
const mostPrefixes = 300

/** The terms of papers, row after row. An entry is `term × 32 + times`, with times capped at 31. */
class TermRows {
  readonly start: number[] = [0]
  readonly lengths: number[] = []
  #entries = new Uint32Array(4096)
  #used = 0

  get entries(): Uint32Array {
    return this.#entries
  }

  /** @param times occurrences by term; entries of `terms` are reset to 0 */
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

export class WordIndex {
  readonly titles = new TermRows()
  /** Authors and abstracts. */
  readonly texts = new TermRows()
  /** Papers per term; a paper whose title and text both have the term counts twice. */
  readonly papersWith: number[] = []
  readonly #termOf = new Map<string, number>()
  readonly #termOfStem = new Map<string, number>()
  readonly #words: string[] = []
  readonly #hashes = new HashTable()
  #times = new Uint16Array(16_384)

  addTitle(title: string): void {
    this.#count(this.titles, [[title, titleWeight]])
  }

  addText(abstract: string, authors: readonly string[]): void {
    this.#count(this.texts, [
      [authors.join(' '), authorWeight],
      [abstract, 1],
    ])
  }

  /** Adds one paper's texts as a row. */
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
    for (const term of terms) this.papersWith[term]!++
    rows.add(terms, this.#times, length)
  }

  /** {@link eachWord} for ASCII text, five times as fast: known words are looked up by hash, without a substring. */
  #eachTerm(text: string, take: (term: number) => void, takeWord: (word: string) => void): void {
    const hashes = this.#hashes
    let start = -1
    // Start of a hyphenated word.
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
      const isJoined = code === 45 && ((next >= 97 && next <= 122) || (next >= 48 && next <= 57))
      if (isJoined && whole < 0) whole = start
      else if (!isJoined && whole >= 0) {
        takeWord(text.slice(whole, i).toLowerCase().replaceAll('-', ''))
        whole = -1
      }
      start = -1
    }
  }

  /** The term of a new word's stem; -1 for a stop word. */
  #newTerm(word: string): number {
    let term = -1
    if (!stopWords.has(word)) {
      const root = stem(word)
      term = this.#termOfStem.get(root) ?? this.papersWith.push(0) - 1
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

  /** The term of a word in exactly this form; -1 for a stop word, undefined for a word of no paper. */
  termOf(word: string): number | undefined {
    return this.#termOf.get(word)
  }

  /** The term of a word, in this form or another with the same stem; undefined for a word of no paper. */
  known(word: string): number | undefined {
    const term = this.#termOf.get(word) ?? this.#termOfStem.get(stem(word))
    return term !== undefined && term >= 0 ? term : undefined
  }

  /** Terms of longer words with this prefix, at most 300. */
  *startingWith(word: string): Generator<number> {
    if (word.length < 2 && !unspaced.test(word)) return
    let taken = 0
    for (const other of this.#words)
      if (other.startsWith(word)) {
        yield this.#termOf.get(other) as number
        if (++taken === mostPrefixes) return
      }
  }

  /**
   * The nearest words by edit distance, then the most frequent: none for words of up to 3 letters, 1 edit up to 7, else 2.
   * @param isPrefix whether the word may be unfinished
   */
  misspelt(word: string, isPrefix: boolean): [word: string, weight: number][] {
    const most = word.length < 4 ? 0 : word.length < 8 ? 1 : 2
    if (most === 0) return []
    let best: { word: string; distance: number; papers: number }[] = []
    const own = letters(word)
    for (const other of this.#words) {
      if (other.length < word.length - most) continue
      // An edit removes at most one letter: this check alone rules out most words.
      if (bits(own & ~letters(other)) > most) continue
      if (!isPrefix && other.length > word.length + most) continue
      let distance = editDistance(word, other, most)
      if (isPrefix && distance > most && other.length > word.length)
        distance = editDistance(word, other.slice(0, word.length), most)
      if (distance > most) continue
      // First letters are rarely wrong.
      if (other[0] !== word[0]) distance += 0.5
      best.push({ word: other, distance, papers: this.papersWith[this.#termOf.get(other) as number]! })
    }
    best.sort((a, b) => a.distance - b.distance || b.papers - a.papers)
    best = best.filter(({ distance }) => distance <= best[0]!.distance + 0.5).slice(0, 8)
    return best.map(({ word, distance }) => [word, 1 / (1 + 0.3 * distance)])
  }
}
