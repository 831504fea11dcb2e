// The words and short phrases of papers, as numbers. A word that can be in a term has a number from 1 to 2^17 - 1. A
// phrase of up to three words is one number with these as digits to the base 2^17, the last word lowest. Texts are kept
// as sequences of form numbers, so that a phrase can be spelled as in the papers.

import type { Paper } from '../paper.ts'
import { sharedInt32 } from '../runtime/shared-arrays.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { stem } from '../text/tokens.ts'
import { linkBreak, plainBreak, Words } from './words.ts'

const base = 2 ** 17
const titleBonus = 1
// A phrase followed or preceded by the same word in this share of its places is spelled with it, up to `mostWords`.
const extensionShare = 0.75
const mostWords = 5

/** The texts of papers as numbers of forms; negative numbers are breaks. */
interface Texts {
  /** Title and abstract of every paper, a break after each. */
  readonly forms: Int32Array
  /** For each paper, the offsets of its title and its abstract; then the end of all. */
  readonly start: Int32Array
}

/** An occurrence of a phrase in the texts. */
interface Place {
  readonly from: number
  readonly to: number
}

/** The words that can be in a term, by number; `ofForm` is 0 for a form that cannot. */
interface TermNumbers {
  readonly ofForm: Int32Array
  readonly key: readonly string[]
  readonly alone: readonly boolean[]
  readonly last: readonly boolean[]
}

/** The phrases of papers, by row. */
export class Phrases {
  readonly #words: Words
  readonly #texts: Texts
  readonly #numbers: TermNumbers

  private constructor(words: Words, texts: Texts, numbers: TermNumbers) {
    this.#words = words
    this.#texts = texts
    this.#numbers = numbers
  }

  /** Reads all papers; row i is `papers[i]`. */
  static async read(papers: readonly Paper[], slice: TimeSlice): Promise<Phrases> {
    const words = new Words()
    const texts = await readTexts(papers, words, slice)
    return new Phrases(words, texts, await termNumbers(texts, words, slice))
  }

  /**
   * The phrases of a paper with their weights: 1, or 2 for a phrase in the title.
   * @param among by word number, 1 for words allowed in the phrases. @default all words
   */
  of(row: number, among?: Uint8Array): Map<number, number> {
    const found = new Map<number, number>()
    this.#each(2 * row, (phrase) => found.set(phrase, 1 + titleBonus), among)
    this.#each(
      2 * row + 1,
      (phrase) => {
        if (!found.has(phrase)) found.set(phrase, 1)
      },
      among,
    )
    return found
  }

  /** By word number, 1 for words in at least `least` of the rows; phrases that frequent consist of such words. */
  async frequentWords(rows: readonly number[], least: number, slice: TimeSlice): Promise<Uint8Array> {
    const { forms, start } = this.#texts
    const { ofForm, key } = this.#numbers
    const frequency = new Int32Array(key.length)
    const seenIn = new Int32Array(key.length).fill(-1)
    for (const row of rows) {
      if (slice.due()) await slice.rest()
      for (let i = start[2 * row]!; i < start[2 * row + 2]!; i++) {
        const number = forms[i]! < 0 ? 0 : ofForm[forms[i]!]!
        if (seenIn[number] === row) continue
        seenIn[number] = row
        frequency[number]!++
      }
    }
    return Uint8Array.from(frequency, (count) => (count >= least ? 1 : 0))
  }

  /** By word number, 1 for words in any of the phrases. */
  wordsIn(phrases: Iterable<number>): Uint8Array {
    const words = new Uint8Array(this.#numbers.key.length)
    for (const phrase of phrases) for (const word of wordsOf(phrase)) words[word] = 1
    return words
  }

  /** The stems of a phrase's words. */
  stems(phrase: number): string[] {
    return wordsOf(phrase)
      .flatMap((word) => this.#numbers.key[word]!.split('-'))
      .map(stem)
  }

  /** The most common spelling of phrases in the given papers, with the words that nearly always adjoin them. */
  async spell(phrases: readonly number[], rows: readonly number[], slice: TimeSlice): Promise<string[]> {
    const { forms } = this.#texts
    const places = new Map<number, Place[]>(phrases.map((phrase) => [phrase, []]))
    const among = this.wordsIn(phrases)
    for (const row of rows) {
      if (slice.due()) await slice.rest()
      for (const text of [2 * row, 2 * row + 1])
        this.#each(text, (phrase, from, to) => places.get(phrase)?.push({ from, to }), among)
    }
    const stemsOf = phrases.map((phrase) => this.stems(phrase))
    const spelled: string[] = []
    for (const [term, phrase] of phrases.entries()) {
      if (slice.due()) await slice.rest()
      const others = stemsOf.filter((_, other) => other !== term).flat()
      let found = places.get(phrase) as Place[]
      // "Markov chain Monte" is extended forwards; "gradient descent" backwards in a topic about one kind of it, and
      // "mind" backwards across an "of".
      for (let longer: Place[] | undefined = found; longer !== undefined; ) {
        found = longer
        longer = this.#extended(found, 1, others) ?? this.#extended(found, -1, others)
        if (slice.due()) await slice.rest()
      }
      const spellings = new Map<string, number>()
      for (const { from, to } of found) {
        if (slice.due()) await slice.rest()
        const text = Array.from(forms.subarray(from, to), (form) =>
          form === linkBreak ? 'of' : this.#words.spelling(form),
        ).join(' ')
        spellings.set(text, (spellings.get(text) ?? 0) + 1)
      }
      spelled.push([...spellings].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]![0])
    }
    return spelled
  }

  #each(text: number, visit: (phrase: number, from: number, to: number) => void, among?: Uint8Array): void {
    const { forms, start } = this.#texts
    const { ofForm, alone, last } = this.#numbers
    let before = 0
    let previous = 0
    for (let i = start[text]!, end = start[text + 1]!; i < end; i++) {
      let number = forms[i]! < 0 ? 0 : ofForm[forms[i]!]!
      if (number > 0 && among !== undefined && among[number] === 0) number = 0
      if (number > 0) {
        if (alone[number]) visit(number, i, i + 1)
        if (last[number] && previous > 0 && previous !== number) {
          visit(previous * base + number, i - 1, i + 1)
          if (before > 0) visit((before * base + previous) * base + number, i - 2, i + 1)
        }
      }
      before = previous
      previous = number
    }
  }

  /** The places of the phrase extended by one word, if nearly all have the same adjoining word. */
  #extended(places: readonly Place[], step: 1 | -1, others: readonly string[]): Place[] | undefined {
    if (places.length < 3 || places[0]!.to - places[0]!.from >= mostWords) return undefined
    const { forms } = this.#texts
    const adjoining = ({ from, to }: Place): number => {
      const next = step > 0 ? to : from - 1
      return forms[next] === linkBreak ? next + step : next
    }
    const adjoiningKey = (place: Place): number => {
      const form = forms[adjoining(place)] ?? -1
      return form < 0 ? -1 : this.#words.keyOf(form)
    }
    const counts = new Map<number, number>()
    for (const place of places) {
      const key = adjoiningKey(place)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const [key, count] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]!
    if (key < 0 || count < extensionShare * places.length) return undefined
    const word = this.#words.key(key)
    if ((step > 0 && !word.last) || others.includes(stem(word.key))) return undefined
    return places
      .filter((place) => adjoiningKey(place) === key)
      .map((place) =>
        step > 0 ? { from: place.from, to: adjoining(place) + 1 } : { from: adjoining(place), to: place.to },
      )
  }
}

/** The numbers of a phrase's words. */
export function wordsOf(phrase: number): number[] {
  const found: number[] = []
  for (let rest = phrase; rest > 0; rest = Math.floor(rest / base)) found.unshift(rest % base)
  return found
}

/** The parts of a phrase: the two pairs of adjacent words of a phrase of three, then the single words. */
export function partsOf(phrase: number): number[] {
  const words = wordsOf(phrase)
  return words.length === 3 ? [words[0]! * base + words[1]!, words[1]! * base + words[2]!, ...words] : words
}

async function readTexts(papers: readonly Paper[], words: Words, slice: TimeSlice): Promise<Texts> {
  const start = new Int32Array(2 * papers.length + 1)
  // One number per six characters is enough for English; grown if it is not.
  const characters = papers.reduce((sum, { title, abstract }) => sum + title.length + abstract.length, 0)
  let forms = sharedInt32(Math.ceil(characters / 6) + 2 * papers.length)
  let end = 0
  for (const [row, paper] of papers.entries()) {
    if (slice.due()) await slice.rest()
    const { title, abstract } = words.read(paper)
    for (const [part, text] of [title, abstract].entries()) {
      if (end + text.length + 1 > forms.length) {
        const larger = sharedInt32(2 * (end + text.length + 1))
        larger.set(forms)
        forms = larger
      }
      forms.set(text, end)
      end += text.length + 1
      forms[end - 1] = plainBreak
      start[2 * row + part + 1] = end
    }
  }
  return { forms: forms.subarray(0, end), start }
}

/** Numbers the words in at least two papers (one, if there are fewer than six papers). */
async function termNumbers({ forms, start }: Texts, words: Words, slice: TimeSlice): Promise<TermNumbers> {
  const papers = (start.length - 1) / 2
  const frequency = new Int32Array(words.keys)
  const seenIn = new Int32Array(words.keys).fill(-1)
  for (let paper = 0; paper < papers; paper++) {
    if (slice.due()) await slice.rest()
    for (let i = start[2 * paper]!; i < start[2 * paper + 2]!; i++) {
      if (forms[i]! < 0) continue
      const key = words.keyOf(forms[i]!)
      if (seenIn[key] !== paper) frequency[key]!++
      seenIn[key] = paper
    }
  }
  let least = papers < 6 ? 1 : 2
  while (frequency.reduce((kept, papers) => kept + (papers >= least ? 1 : 0), 0) >= base - 1) least++
  const ofKey = new Int32Array(words.keys)
  const key = ['']
  const alone = [false]
  const last = [false]
  for (let k = 0; k < words.keys; k++) {
    if (frequency[k]! < least) continue
    const word = words.key(k)
    ofKey[k] = key.push(word.key) - 1
    alone.push(word.alone)
    last.push(word.last)
    if (k % 1024 === 0 && slice.due()) await slice.rest()
  }
  const ofForm = new Int32Array(words.forms)
  for (let form = 0; form < ofForm.length; form++) {
    ofForm[form] = ofKey[words.keyOf(form)]!
    if (form % 4096 === 4095 && slice.due()) await slice.rest()
  }
  return { ofForm, key, alone, last }
}
