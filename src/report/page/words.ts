// Tokenises texts and questions, compares words, and maps hashes of words to numbers.

/** Matches most abstracts, which then take a fast path. */
export const isAscii = /^[\0-\x7f]*$/

export function isAsciiBytes(text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (text[i]! > 127) return false
  return true
}

export const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

/** A text in lower case, without accents. */
export function folded(text: string): string {
  const lower = text.toLowerCase()
  return isAscii.test(lower)
    ? lower
    : lower
        .replace(/[\u2018-\u201f\u2013\u2014]/gu, ' ')
        .normalize('NFKD')
        .replace(/\p{M}+/gu, '')
}

/** Runs of letters and digits, including inner hyphens. */
const runs = (text: string) =>
  (isAscii.test(text)
    ? text.match(/[a-z0-9]+(?:-[a-z0-9]+)*/g)
    : text.match(/[\p{L}\p{N}]+(?:[-\u2010\u2011][\p{L}\p{N}]+)*/gu)) ?? []

/** Calls `use` for each word of a text; for a hyphenated one, for its parts and for the whole without hyphens. */
export function eachWord(text: string, use: (word: string) => void): void {
  const plain = folded(text)
  const mayBeUnspaced = !isAscii.test(plain)
  for (const run of runs(plain)) {
    if (mayBeUnspaced && unspaced.test(run)) for (const pair of pairs(run)) use(pair)
    else if (!run.includes('-') && !(mayBeUnspaced && /[\u2010\u2011]/.test(run))) {
      if (run.length > 1) use(run)
    } else {
      const parts = run.split(/[-\u2010\u2011]/)
      for (const part of parts) if (part.length > 1) use(part)
      use(parts.join(''))
    }
  }
}

/** The words of a question, with their parts if hyphenated. */
export function runsOf(
  text: string,
): { readonly word: string; readonly parts: readonly string[]; readonly isLast: boolean }[] {
  const found = runs(folded(text)).flatMap((run) => (unspaced.test(run) ? pairs(run) : [run]))
  return found.flatMap((run, i) => {
    const parts = run.split(/[-\u2010\u2011]/)
    const word = parts.join('')
    const isLast = i === found.length - 1
    return word.length > 1 || isLast ? [{ word, parts, isLast }] : []
  })
}

/** Overlapping pairs of characters, for scripts without spaces between words. */
function pairs(run: string): string[] {
  const characters = [...run]
  return characters.length < 2 ? characters : characters.slice(1).map((character, i) => `${characters[i]}${character}`)
}

/** The set of a word's letters, as bits. */
export function letters(word: string): number {
  let set = 0
  for (let i = 0; i < word.length; i++) set |= 1 << (word.charCodeAt(i) & 31)
  return set
}

/** Number of bits that are set. */
export function bits(set: number): number {
  let count = 0
  for (let left = set; left !== 0; left &= left - 1) count++
  return count
}

/** The first and second hash of a word without letters; {@link nextHash} and {@link nextOther} add one. */
export const firstHash = 0x811c9dc5 | 0
export const firstOther = 7

export const nextHash = (hash: number, code: number): number => Math.imul(hash ^ code, 0x01000193)
export const nextOther = (hash: number, code: number): number => (Math.imul(hash, 31) + code) | 0

/**
 * Maps words, by two 32-bit hashes, to numbers of 1 and more. A slot keeps the second hash; for two words to be taken for
 * one, the place must agree too, which happens once in some ten thousand large pages.
 */
export class HashTable {
  /** Per slot the second hash and the number; 0 is a free slot. */
  #slots = new Int32Array(1 << 16)
  /** The first hash by slot. */
  #firsts = new Int32Array(1 << 15)
  #used = 0

  /** The number of a word, or 0. */
  get(hash: number, other: number): number {
    const slots = this.#slots
    const last = slots.length - 1
    let at = ((hash ^ (hash >>> 15)) << 1) & last
    while (slots[at + 1] !== 0 && slots[at] !== other) at = (at + 2) & last
    return slots[at + 1]!
  }

  /** Adds a word that is not there. */
  add(hash: number, other: number, number: number): void {
    if (4 * ++this.#used > this.#slots.length) this.#grow()
    const last = this.#slots.length - 1
    let at = ((hash ^ (hash >>> 15)) << 1) & last
    while (this.#slots[at + 1] !== 0) at = (at + 2) & last
    this.#slots[at] = other
    this.#slots[at + 1] = number
    this.#firsts[at >>> 1] = hash
  }

  #grow(): void {
    const [slots, firsts] = [this.#slots, this.#firsts]
    this.#slots = new Int32Array(4 * slots.length)
    this.#firsts = new Int32Array(4 * firsts.length)
    this.#used = 1
    for (let at = 0; at < slots.length; at += 2)
      if (slots[at + 1] !== 0) this.add(firsts[at >>> 1]!, slots[at]!, slots[at + 1]!)
  }
}
