// Abstracts as sequences of word numbers that keep the spelling. A word is a run of letters and digits with hyphens
// inside. A negative number is a break: more than a space between two words, or a word without a subject. A word's
// neighbours show its part of speech: "the" follows verbs, "to" and "we" precede them, and a word nearly always
// followed by another is only the beginning of a name.

import type { Paper } from '../paper.ts'
import { CaseEvidence, isCapitalised, isTitleCase, SpellingChoice } from '../text/spelling.ts'
import { eachWord, splitUnspaced, stopWords, withoutMarkup } from '../text/tokens.ts'
import { generic, leading, rhetoric } from './boilerplate.ts'

/** How a word may be used in terms. */
interface Word {
  /** The same for all spellings, singular and plural. */
  readonly key: string
  /** May be a term on its own. */
  readonly alone: boolean
  /** May end a phrase. */
  readonly last: boolean
}

export const plainBreak = -1
const beforeNoun = -2
const beforeVerb = -3
/** The word "of" between two words, as in "theory of mind": a break that a longer spelling may cross. */
export const linkBreak = -4

/** The words of papers; read all papers before using them. Parallel arrays by number keep the objects few. */
export class Words {
  // Distinct runs of letters. The spellings of run r are `#firstOf[r]` … `#firstOf[r + 1] - 1`: one, or several in a
  // script without spaces.
  readonly #runs = new RunNumbers()
  readonly #firstOf = [0]
  // For each spelling: its form or kind of break; 1 if its only capital is the first letter; the weight of places
  // where its capitals are evidence; and the previous spelling of the same form.
  readonly #spellings: string[] = []
  readonly #form: number[] = []
  readonly #capitalised: number[] = []
  readonly #telling: number[] = []
  readonly #before: number[] = []
  readonly #forms: string[] = []
  readonly #keyOfForm: number[] = []
  readonly #lastSpelling: number[] = []
  readonly #formNumbers = new Map<string, number>()
  readonly #keys: string[] = []
  readonly #seen: number[] = []
  readonly #asVerb: number[] = []
  readonly #atEnd: number[] = []
  readonly #keyNumbers = new Map<string, number>()

  /** Numbers the forms of a paper's words: lower case, singular and plural apart; negative numbers are breaks. */
  read({ title, abstract }: Pick<Paper, 'title' | 'abstract'>): {
    readonly title: readonly number[]
    readonly abstract: readonly number[]
  } {
    return { title: this.#number(title, isTitleCase(title)), abstract: this.#number(abstract, false) }
  }

  /** Number of keys. */
  get keys(): number {
    return this.#keys.length
  }

  /** Number of forms. */
  get forms(): number {
    return this.#forms.length
  }

  keyOf(form: number): number {
    return this.#keyOfForm[form]!
  }

  key(key: number): Word {
    const text = this.#keys[key]!
    const places = this.#seen[key]! + 1
    // Among frequent words in 1,330 abstracts, those above .2 were verbs ("generate", "predict"; "learning" .1), those
    // below .15 adjectives ("neural" .02, "medical" .07; "language" .17, "tumor" .22). The fraction of an observation
    // that is added keeps a single place from deciding.
    const isVerb = (this.#asVerb[key]! + 0.1) / places > 0.2
    const isBeginning = (this.#atEnd[key]! + 0.5) / places < 0.15
    const last = !leading.has(text) && !isVerb && (!text.endsWith('ly') || nounsInLy.has(text))
    const isAdjective = isBeginning || adjective.test(text)
    return { key: text, last, alone: last && !isAdjective && text.length > 2 && !generic.has(text) }
  }

  /** The most common spelling of a form; lower case without evidence for capitals. */
  spelling(form: number): string {
    const choice = new SpellingChoice()
    for (let i = this.#lastSpelling[form]!; i >= 0; i = this.#before[i]!)
      choice.add(this.#spellings[i]!, this.#telling[i]!)
    return choice.best ?? this.#forms[form]!
  }

  #number(text: string, isTitle: boolean): number[] {
    const found: number[] = []
    const plain = withoutMarkup(text.includes('$') ? text.replace(formula, ' ; ') : text)
    const evidence = new CaseEvidence(plain, { isTitleCase: isTitle })
    let before = 0
    eachWord(plain, (from, to) => {
      if (before > 0 && (from !== before + 1 || plain[before] !== ' ')) {
        const between = plain.slice(before, from)
        if (between.trim() !== '') {
          pushBreak(found, plainBreak)
          evidence.part(between)
        }
      }
      before = to
      const run = this.#runs.of(plain, from, to)
      if (run + 1 === this.#firstOf.length) this.#meet(plain.slice(from, to))
      for (let spelling = this.#firstOf[run]!; spelling < this.#firstOf[run + 1]!; spelling++) {
        const form = this.#form[spelling]!
        const isNoise = form < 0
        const telling = evidence.weigh({ isCapitalised: this.#capitalised[spelling] === 1, isNoise, to })
        if (isNoise) pushBreak(found, form)
        else {
          found.push(form)
          this.#telling[spelling]! += telling
        }
      }
    })
    this.#observe(found, isTitle)
    return found
  }

  #meet(run: string): void {
    for (const word of splitUnspaced(run)) {
      const text = word.replace(/['’][sS]$/u, '').replace(/[‐‑]/gu, '-')
      const lower = text.normalize('NFKC').toLowerCase()
      const form = isNoise(lower) ? (breakKinds.get(lower) ?? plainBreak) : this.#formNumber(lower)
      const spelling = this.#spellings.push(text) - 1
      this.#form.push(form)
      this.#capitalised.push(isCapitalised(text) ? 1 : 0)
      this.#telling.push(0)
      this.#before.push(form < 0 ? -1 : this.#lastSpelling[form]!)
      if (form >= 0) this.#lastSpelling[form] = spelling
    }
    this.#firstOf.push(this.#spellings.length)
  }

  #observe(found: readonly number[], isTitle: boolean): void {
    for (let i = 0; i < found.length; i++) {
      if (found[i]! < 0) continue
      const key = this.#keyOfForm[found[i]!]!
      const next = found[i + 1] ?? plainBreak
      this.#seen[key]!++
      if (next < 0) this.#atEnd[key]!++
      if (!isTitle && (next === beforeNoun || found[i - 1] === beforeVerb)) this.#asVerb[key]!++
    }
  }

  #formNumber(form: string): number {
    let number = this.#formNumbers.get(form)
    if (number === undefined) {
      number = this.#forms.push(form) - 1
      this.#keyOfForm.push(this.#keyNumber(keyOf(form)))
      this.#lastSpelling.push(-1)
      this.#formNumbers.set(form, number)
    }
    return number
  }

  #keyNumber(text: string): number {
    let number = this.#keyNumbers.get(text)
    if (number === undefined) {
      number = this.#keys.push(text) - 1
      this.#seen.push(0)
      this.#asVerb.push(0)
      this.#atEnd.push(0)
      this.#keyNumbers.set(text, number)
    }
    return number
  }
}

/** Numbers runs of characters in order of first appearance; a look-up allocates no string. */
class RunNumbers {
  /** Open addressing: number + 1, or 0. */
  #slots = new Int32Array(2 ** 12)
  readonly #hashes: number[] = []
  #characters = new Uint16Array(2 ** 14)
  /** Offset of each run's characters, then their end. */
  readonly #start = [0]

  /** The number of the run `from` … `to - 1` of `text`; a new run gets the next number. */
  of(text: string, from: number, to: number): number {
    let hash = 0x811c9dc5
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash = (hash ^ (hash >>> 15)) & 0x3fffffff
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (; this.#slots[slot]! > 0; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]! - 1
      if (this.#hashes[number] === hash && this.#isSame(number, text, from, to)) return number
    }
    const number = this.#hashes.push(hash) - 1
    this.#slots[slot] = number + 1
    if (2 * number > mask) this.#widen()
    const start = this.#start[number]!
    const end = start + to - from
    if (end > this.#characters.length) {
      const larger = new Uint16Array(2 * end)
      larger.set(this.#characters)
      this.#characters = larger
    }
    for (let i = from; i < to; i++) this.#characters[start + i - from] = text.charCodeAt(i)
    this.#start.push(end)
    return number
  }

  #isSame(number: number, text: string, from: number, to: number): boolean {
    const start = this.#start[number]!
    if (this.#start[number + 1]! - start !== to - from) return false
    for (let i = from; i < to; i++) if (this.#characters[start + i - from]! !== text.charCodeAt(i)) return false
    return true
  }

  #widen(): void {
    const slots = new Int32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (const [number, hash] of this.#hashes.entries()) {
      let slot = hash & mask
      while (slots[slot]! > 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
  }
}

const nounsInLy = new Set('anomaly assembly butterfly family fly homily italy monopoly reply supply'.split(' '))
// Participles and adjectives by their endings: rare words have too few neighbours to judge by.
const adjective = /\p{L}{4}(?:ed|ible|able|ous|ful|less)$/u
const breakKinds: ReadonlyMap<string, number> = new Map([
  ...'a an the this these those its their our his her your my each every any all both another such how what whether'
    .split(' ')
    .map((word) => [word, beforeNoun] as const),
  ...'to can could may might will would should must cannot we they it i you who not does do did'
    .split(' ')
    .map((word) => [word, beforeVerb] as const),
  ['of', linkBreak],
])

const formula = /\$[^$]{1,400}\$/gu
function isNoise(form: string): boolean {
  if (form.length < 2 || form.length > 40 || !/\p{L}/u.test(form) || /['’]/u.test(form)) return true
  if (stopWords.has(form) || rhetoric.has(form) || rhetoric.has(singular(form))) return true
  // Numbers with a unit or an ordinal suffix.
  return /^\d+(?:st|nd|rd|th|k|m|b|x|s|ms|gb|mb|hz|ghz|fps|kg|km|nm|mm|cm)$/u.test(form)
}

const prefixes = 'pre|non|multi|semi|co|re|un|inter|intra|sub|anti|auto|hyper|super|ultra|micro|macro|meta'
const joinedPrefixes = new RegExp(`^(${prefixes})-(?=\\p{L})`, 'u')
const prefix = new RegExp(`^(?:${prefixes})(?=\\p{L})`, 'u')

/** One key for "pre-training" and "pretraining", for "model" and "models". */
function keyOf(form: string): string {
  return singular(form.replace(joinedPrefixes, '$1'))
}

/** Whether a word consists of the initials of others: "mtl" for "multitask learning", also spelled "multi-task". */
export function isAcronym(word: string, of: readonly string[]): boolean {
  let possible = ['']
  for (const one of of) {
    const inside = prefix.exec(one)
    const letters = inside === null ? [one[0]] : [one[0], one[0]! + one[inside[0].length]!]
    possible = possible.flatMap((before) => letters.map((letter) => before + letter))
  }
  return possible.includes(word)
}

const invariant = /(?:ss|us|is|ics|as|os|news|series|species|always|bias|lens|aids|sars)$/u

/** The singular of a lower-case English word; other words are returned unchanged. */
export function singular(word: string): string {
  if (word.length < 4 || !word.endsWith('s') || invariant.test(word)) return word
  if (/(?:[^aeiou])ies$/u.test(word) && word.length > 5) return `${word.slice(0, -3)}y`
  if (/(?:sses|shes|ches|xes|zzes)$/u.test(word)) return word.slice(0, -2)
  return word.slice(0, -1)
}

/** Adds a break; of consecutive breaks only the first and last are kept, which follow and precede a word. */
function pushBreak(found: number[], kind: number): void {
  const { length } = found
  if (length > 1 && found[length - 1]! < 0 && found[length - 2]! < 0) found[length - 1] = kind
  else found.push(kind)
}
