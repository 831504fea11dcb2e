// The words of papers, indexed by stem: titles at once, authors and abstracts block by block, each as a flat list of terms
// that a question scans in milliseconds. Words that a question spells differently are found by prefix or by edit distance.
// An index of the words that start as those of one question is made in a fifth of the time: it answers the first question.
import { editDistance } from '../../text/edit-distance.ts'
import { stem, stopWords } from '../../text/tokens.ts'
import {
  bits,
  eachWord,
  firstHash,
  firstOther,
  folded,
  HashTable,
  isAscii,
  isAsciiBytes,
  letters,
  nextHash,
  nextOther,
  unspaced,
} from './words.ts'

/** Weight of a word in the title, and of one in an author's name; a word of the abstract weighs 1. */
const titleWeight = 3
const authorWeight = 2
const mostPrefixes = 300

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const hyphen = 45
/** 1 to 36 for ASCII letters and digits, 0 for all else. */
const rankOf = Uint8Array.from({ length: 128 }, (_, code) =>
  /[a-z0-9]/iu.test(String.fromCharCode(code)) ? 1 + Number.parseInt(String.fromCharCode(code), 36) : 0,
)
/** The lower-case code of an ASCII letter or digit; 0 for all else. */
const letterOf = Uint8Array.from({ length: 128 }, (_, code) =>
  /[a-z0-9]/iu.test(String.fromCharCode(code)) ? String.fromCharCode(code).toLowerCase().charCodeAt(0) : 0,
)

function doubled(values: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * values.length)
  larger.set(values)
  return larger
}

/** The terms of papers, row after row. An entry is `term × 32 + times`, with times capped at 31. */
class TermRows {
  readonly start: number[] = [0]
  readonly lengths: number[] = []
  #entries = new Uint32Array(4096)
  #used = 0

  get entries(): Uint32Array {
    return this.#entries
  }

  /** @param times occurrences by term; those of the first `count` of `terms` are reset to 0 */
  add(terms: Uint32Array, count: number, times: Uint16Array, length: number): void {
    while (this.#used + count > this.#entries.length) this.#entries = doubled(this.#entries)
    const entries = this.#entries
    let used = this.#used
    for (let i = 0; i < count; i++) {
      const term = terms[i]!
      entries[used++] = term * 32 + Math.min(31, times[term]!)
      times[term] = 0
    }
    this.#used = used
    this.start.push(used)
    this.lengths.push(length)
  }
}

/** How words start: up to three letters or digits, as a number. */
class Starts {
  readonly #wanted = new Uint8Array(37 ** 3)

  constructor(words: readonly string[]) {
    for (const word of words) {
      const start = startOf(word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(2))
      // A shorter word is the start of others.
      const more = word.length >= 3 ? 1 : word.length === 2 ? 37 : 37 ** 2
      this.#wanted.fill(1, start, start + more)
    }
  }

  /** Codes of the first letters, in ASCII; anything else where there are fewer. */
  has(first: number, second: number, third: number): boolean {
    return this.#wanted[startOf(first, second, third)] === 1
  }
}

function startOf(first: number, second: number, third: number): number {
  const one = rankOf[first] ?? 0
  const two = one === 0 ? 0 : (rankOf[second] ?? 0)
  return (one * 37 + two) * 37 + (two === 0 ? 0 : (rankOf[third] ?? 0))
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
  /** Of the paper at hand: occurrences by term, and its terms. */
  #times = new Uint16Array(16_384)
  #terms = new Uint32Array(1024)
  #distinct = 0
  #encoding = new Uint8Array(4096)
  readonly #starts: Starts | undefined

  /** @param starts if given, only words that start as one of these are indexed, by three letters or the whole of it */
  constructor(starts?: readonly string[]) {
    this.#starts = starts && new Starts(starts)
  }

  addTitle(title: string): void {
    this.#count(this.titles, [[this.#encoded(title), titleWeight]])
  }

  /** @param abstract in UTF-8 */
  addText(abstract: Uint8Array, authors: readonly string[]): void {
    this.#count(
      this.texts,
      authors.length === 0
        ? [[abstract, 1]]
        : [
            [this.#encoded(authors.join(' ')), authorWeight],
            [abstract, 1],
          ],
    )
  }

  /** A text in UTF-8, until the next call. */
  #encoded(text: string): Uint8Array {
    if (this.#encoding.length < 3 * text.length) this.#encoding = new Uint8Array(6 * text.length)
    const bytes = this.#encoding
    // For a title that is ASCII, thirty times as fast as the encoder.
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return bytes.subarray(0, encoder.encodeInto(text, bytes).written)
      bytes[i] = code
    }
    return bytes.subarray(0, text.length)
  }

  /** Adds one paper's texts as a row. */
  #count(rows: TermRows, texts: readonly (readonly [text: Uint8Array, weight: number])[]): void {
    this.#distinct = 0
    let length = 0
    for (const [text, weight] of texts) {
      let words = 0
      if (isAsciiBytes(text)) words = this.#countAscii(text, weight)
      else {
        const plain = folded(decoder.decode(text))
        if (isAscii.test(plain)) words = this.#countAscii(this.#encoded(plain), weight)
        else
          eachWord(plain, (word) => {
            words++
            if (this.#isWanted(word)) this.#take(this.#termOf.get(word) ?? this.#newTerm(word), weight)
          })
      }
      length += weight * words
    }
    const terms = this.#terms
    for (let i = 0; i < this.#distinct; i++) this.papersWith[terms[i]!]!++
    rows.add(terms, this.#distinct, this.#times, length)
  }

  /** Whether a word belongs into the index; words of other scripts do. */
  #isWanted(word: string): boolean {
    const [first, second, third] = [word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(2)]
    return (
      this.#starts === undefined || first > 127 || second > 127 || third > 127 || this.#starts.has(first, second, third)
    )
  }

  /** Counts a word of the paper at hand; -1 is ignored. */
  #take(term: number, weight: number): void {
    if (term < 0) return
    if (this.#times[term] === 0) {
      if (this.#distinct === this.#terms.length) this.#terms = doubled(this.#terms)
      this.#terms[this.#distinct++] = term
    }
    this.#times[term]! += weight
  }

  /**
   * Counts what {@link eachWord} gives for ASCII text, many times as fast: known words are looked up by hash.
   * @returns the number of words
   */
  #countAscii(text: Uint8Array, weight: number): number {
    const hashes = this.#hashes
    const starts = this.#starts
    const end = text.length
    let words = 0
    // Start of a hyphenated word, -1 if there is none.
    let whole = -1
    let isWholeWanted = true
    for (let i = 0; i < end; i++) {
      let code = letterOf[text[i]!]!
      if (code === 0) continue
      const start = i
      const isWanted = starts === undefined || starts.has(text[i]!, text[i + 1] ?? 0, text[i + 2] ?? 0)
      let hash = firstHash
      let other = firstOther
      do {
        if (isWanted) {
          hash = nextHash(hash, code)
          other = nextOther(other, code)
        }
        i++
        code = i < end ? letterOf[text[i]!]! : 0
      } while (code !== 0)
      if (i - start > 1) {
        words++
        if (isWanted)
          this.#take((hashes.get(hash, other) || this.#hashed(text.subarray(start, i), hash, other)) - 2, weight)
      }
      const isJoined = i + 1 < end && text[i] === hyphen && letterOf[text[i + 1]!] !== 0
      if (isJoined && whole < 0) {
        whole = start
        isWholeWanted = isWanted || i - start < 3
      } else if (!isJoined && whole >= 0) {
        words++
        if (isWholeWanted) this.#takeJoined(text.subarray(whole, i), weight)
        whole = -1
      }
    }
    return words
  }

  /** Counts a hyphenated word without its hyphens. */
  #takeJoined(word: Uint8Array, weight: number): void {
    let hash = firstHash
    let other = firstOther
    for (const byte of word) {
      const code = letterOf[byte]!
      if (code === 0) continue
      hash = nextHash(hash, code)
      other = nextOther(other, code)
    }
    this.#take((this.#hashes.get(hash, other) || this.#hashed(word, hash, other)) - 2, weight)
  }

  /** Two more than the term of a word that the table does not have yet. */
  #hashed(bytes: Uint8Array, hash: number, other: number): number {
    let word = ''
    for (const byte of bytes) if (byte !== hyphen) word += String.fromCharCode(letterOf[byte]!)
    const number = (this.#termOf.get(word) ?? this.#newTerm(word)) + 2
    this.#hashes.add(hash, other, number)
    return number
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
