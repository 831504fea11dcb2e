// Tokenises texts and questions, compares words, and maps hashes of words to numbers.

/** Matches most abstracts, which then take a fast path. */
export const isAscii = /^[\0-\x7f]*$/
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

/** Maps pairs of 32-bit hashes to numbers. Two words with the same 64 bits are too unlikely to handle. */
export class HashTable {
  #size = 1 << 15
  #used = 0
  #one = new Int32Array(this.#size)
  #other = new Int32Array(this.#size)
  /** 0 for a free slot, else the number plus 2; numbers are at least -1. */
  #numbers = new Int32Array(this.#size)

  get(one: number, other: number): number | undefined {
    const number = this.#numbers[this.#at(one, other)]!
    return number === 0 ? undefined : number - 2
  }

  set(one: number, other: number, number: number): void {
    if (2 * ++this.#used > this.#size) this.#grow()
    const at = this.#at(one, other)
    this.#one[at] = one
    this.#other[at] = other
    this.#numbers[at] = number + 2
  }

  #at(one: number, other: number): number {
    let at = (one ^ (one >>> 15)) & (this.#size - 1)
    while (this.#numbers[at] !== 0 && (this.#one[at] !== one || this.#other[at] !== other))
      at = (at + 1) & (this.#size - 1)
    return at
  }

  #grow(): void {
    const [ones, others, numbers] = [this.#one, this.#other, this.#numbers]
    this.#size *= 4
    this.#one = new Int32Array(this.#size)
    this.#other = new Int32Array(this.#size)
    this.#numbers = new Int32Array(this.#size)
    for (let i = 0; i < numbers.length; i++) {
      if (numbers[i] === 0) continue
      const at = this.#at(ones[i]!, others[i]!)
      this.#one[at] = ones[i]!
      this.#other[at] = others[i]!
      this.#numbers[at] = numbers[i]!
    }
  }
}
