// Abstracts as sequences of word numbers that keep the spelling: a word is a run of letters and digits with hyphens
// inside, a negative number a break: where something other than a space parts two words, or a word carries no subject.
// What stands beside a word tells what it is: "the" follows verbs, "to" and "we" go before them, and what is nearly
// always followed by another word is only the beginning of a name.

import type { Paper } from '../paper.ts'
import { plainText, stopWords } from '../text/tokens.ts'
import { generic, leading, rhetoric } from './boilerplate.ts'

/** What may be done with a word. */
interface Word {
  /** One for all spellings and for singular and plural. */
  readonly key: string
  /** May be a term alone. */
  readonly alone: boolean
  /** May end a phrase. */
  readonly last: boolean
}

export const plainBreak = -1
const beforeNoun = -2
const beforeVerb = -3
/** The word "of" between two words, as in "theory of mind": a break that a longer spelling may go across. */
export const linkBreak = -4

/** The words of papers: first all are read, then asked for. Lists are by number, so that there are few objects. */
export class Words {
  // Runs of letters as they were met: the spellings of run r are those from `#firstOf[r]` to `#firstOf[r + 1]`, one, or
  // several where the script has no spaces.
  readonly #runs = new RunNumbers()
  readonly #firstOf = [0]
  // Of each spelling its form, or a kind of break; 1 for a single capital at the start; how often its capitals told
  // something; and the spelling of the same form that was met before.
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

  /** How many keys there are. */
  get keys(): number {
    return this.#keys.length
  }

  /** How many forms there are. */
  get forms(): number {
    return this.#forms.length
  }

  keyOf(form: number): number {
    return this.#keyOfForm[form]
  }

  key(key: number): Word {
    const text = this.#keys[key]
    const places = this.#seen[key] + 1
    // Of frequent words in 1,330 abstracts, those above a fifth were verbs ("generate", "predict"; "learning" .1), those
    // below .15 adjectives ("neural" .02, "medical" .07; "language" .17, "tumor" .22). Part of an observation is added,
    // so that one place decides nothing.
    const isVerb = (this.#asVerb[key] + 0.1) / places > 0.2
    const isBeginning = (this.#atEnd[key] + 0.5) / places < 0.15
    const last = !leading.has(text) && !isVerb && (!text.endsWith('ly') || nounsInLy.has(text))
    const isAdjective = isBeginning || adjective.test(text)
    return { key: text, last, alone: last && !isAdjective && text.length > 2 && !generic.has(text) }
  }

  /** The spelling of a form where its case tells something; else lower case, unless capitals stand inside it. */
  spelling(form: number): string {
    let best = ''
    let most = 0.9
    let mixed: string | undefined
    for (let i = this.#lastSpelling[form]; i >= 0; i = this.#before[i]) {
      const spelling = this.#spellings[i]
      const telling = this.#telling[i]
      if (telling > most || (telling === most && spelling < best)) {
        best = spelling
        most = telling
      }
      if (capitalInside.test(spelling)) mixed = spelling
    }
    return best === '' ? (mixed ?? this.#forms[form]) : best
  }

  #number(text: string, isTitle: boolean): number[] {
    const found: number[] = []
    const plain = plainText(text.includes('$') ? text.replace(formula, ' ; ') : text)
    let before = 0
    let begins = true
    let besideCapital = false
    eachRun(plain, (from, to) => {
      if (before > 0 && (from !== before + 1 || plain[before] !== ' ')) {
        const between = plain.slice(before, from)
        if (between.trim() !== '') {
          pushBreak(found, plainBreak)
          besideCapital = false
          begins ||= /[.!?:]/u.test(between)
        }
      }
      before = to
      const run = this.#runs.of(plain, from, to)
      if (run + 1 === this.#firstOf.length) this.#meet(plain.slice(from, to))
      for (let spelling = this.#firstOf[run]; spelling < this.#firstOf[run + 1]; spelling++) {
        const form = this.#form[spelling]
        const isCapitalised = this.#capitalised[spelling] === 1
        if (form < 0) pushBreak(found, form)
        else {
          found.push(form)
          // Where every word has a capital it tells nothing, and beside another capital only a little.
          if (!isCapitalised) this.#telling[spelling]++
          else if (!begins && !isTitle)
            this.#telling[spelling] += besideCapital || capitalNext.test(plain.slice(to, to + 2)) ? 0.25 : 1
        }
        begins = false
        besideCapital = form >= 0 && isCapitalised
      }
    })
    this.#observe(found, isTitle)
    return found
  }

  #meet(run: string): void {
    for (const word of split(run)) {
      const text = word.replace(/['’][sS]$/u, '').replace(/[‐‑]/gu, '-')
      const lower = text.normalize('NFKC').toLowerCase()
      const form = isNoise(lower) ? (breakKinds.get(lower) ?? plainBreak) : this.#formNumber(lower)
      const spelling = this.#spellings.push(text) - 1
      this.#form.push(form)
      this.#capitalised.push(capitalised.test(text) ? 1 : 0)
      this.#telling.push(0)
      this.#before.push(form < 0 ? -1 : this.#lastSpelling[form])
      if (form >= 0) this.#lastSpelling[form] = spelling
    }
    this.#firstOf.push(this.#spellings.length)
  }

  #observe(found: readonly number[], isTitle: boolean): void {
    for (let i = 0; i < found.length; i++) {
      if (found[i] < 0) continue
      const key = this.#keyOfForm[found[i]]
      const next = found[i + 1] ?? plainBreak
      this.#seen[key]++
      if (next < 0) this.#atEnd[key]++
      if (!isTitle && (next === beforeNoun || found[i - 1] === beforeVerb)) this.#asVerb[key]++
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

/** Numbers runs of characters by their first appearance, without a string for each that is looked up. */
class RunNumbers {
  /** Open addressing: number + 1, or 0. */
  #slots = new Int32Array(2 ** 12)
  readonly #hashes: number[] = []
  #characters = new Uint16Array(2 ** 14)
  /** Where the characters of each begin; last their end. */
  readonly #start = [0]

  /** The number of the characters of `text` from `from` to before `to`: the next one where they are new. */
  of(text: string, from: number, to: number): number {
    let hash = 0x811c9dc5
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash = (hash ^ (hash >>> 15)) & 0x3fffffff
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (; this.#slots[slot] > 0; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] - 1
      if (this.#hashes[number] === hash && this.#isSame(number, text, from, to)) return number
    }
    const number = this.#hashes.push(hash) - 1
    this.#slots[slot] = number + 1
    if (2 * number > mask) this.#widen()
    const start = this.#start[number]
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
    const start = this.#start[number]
    if (this.#start[number + 1] - start !== to - from) return false
    for (let i = from; i < to; i++) if (this.#characters[start + i - from] !== text.charCodeAt(i)) return false
    return true
  }

  #widen(): void {
    const slots = new Int32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (const [number, hash] of this.#hashes.entries()) {
      let slot = hash & mask
      while (slots[slot] > 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
  }
}

const capitalised = /^\p{Lu}[^\p{Lu}]*$/u
const capitalInside = /\p{L}.*\p{Lu}/u
const capitalNext = /^\s\p{Lu}/u
const nounsInLy = new Set('anomaly assembly butterfly family fly homily italy monopoly reply supply'.split(' '))
// Participles and adjectives, which frequent words show by what follows them and rare ones by their endings alone.
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
const wordPattern =
  /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:[-‐‑'’][\p{L}\p{N}][\p{L}\p{N}\p{M}]*)*(?:\+\+|#(?![\p{L}\p{N}]))?/gu
const beyondAscii = /[^\0-\x7f]/u
const isAsciiLetterOrDigit = Uint8Array.from({ length: 128 }, (_, code) =>
  /[a-z0-9]/i.test(String.fromCharCode(code)) ? 1 : 0,
)

/** Visits what {@link wordPattern} matches in a text; one in ASCII is read by its characters, three times as fast. */
function eachRun(text: string, visit: (from: number, to: number) => void): void {
  if (beyondAscii.test(text)) {
    for (const { 0: run, index } of text.matchAll(wordPattern)) visit(index, index + run.length)
    return
  }
  const isInWord = (at: number) => at < text.length && isAsciiLetterOrDigit[text.charCodeAt(at)] === 1
  for (let from = 0; from < text.length; from++) {
    if (!isInWord(from)) continue
    let to = from + 1
    for (;;) {
      while (isInWord(to)) to++
      if ((text[to] !== '-' && text[to] !== "'") || !isInWord(to + 1)) break
      to += 2
    }
    if (text.startsWith('++', to)) to += 2
    else if (text[to] === '#' && !isInWord(to + 1)) to++
    visit(from, to)
    from = to - 1
  }
}

const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]{2}/u
const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

// The dictionary's time grows faster than the square of a run without spaces: 80,000 characters took 20 s. Longer runs go
// in pieces; the words at the end of one, which may be cut, come again at the start of the next.
const mostSegmented = 512
const comeAgain = 32

function split(word: string): string[] {
  if (!unspaced.test(word)) return [word]
  const words: string[] = []
  for (let start = 0; start < word.length; ) {
    const piece = word.slice(start, start + mostSegmented)
    const isLast = start + piece.length === word.length
    let end = start
    for (const { segment, index } of segmenter.segment(piece)) {
      if (!isLast && index > 0 && index + segment.length > piece.length - comeAgain) break
      words.push(segment)
      end = start + index + segment.length
    }
    start = end
  }
  return words
}

function isNoise(form: string): boolean {
  if (form.length < 2 || form.length > 40 || !/\p{L}/u.test(form) || /['’]/u.test(form)) return true
  if (stopWords.has(form) || rhetoric.has(form) || rhetoric.has(singular(form))) return true
  // Numbers with a unit or an ordinal's ending.
  return /^\d+(?:st|nd|rd|th|k|m|b|x|s|ms|gb|mb|hz|ghz|fps|kg|km|nm|mm|cm)$/u.test(form)
}

const prefixes = 'pre|non|multi|semi|co|re|un|inter|intra|sub|anti|auto|hyper|super|ultra|micro|macro|meta'
const joinedPrefixes = new RegExp(`^(${prefixes})-(?=\\p{L})`, 'u')
const prefix = new RegExp(`^(?:${prefixes})(?=\\p{L})`, 'u')

/** One key for "pre-training" and "pretraining", for "model" and "models". */
function keyOf(form: string): string {
  return singular(form.replace(joinedPrefixes, '$1'))
}

/** Whether a word is made of the first letters of others: "mtl" of "multitask learning", which is written "multi-task" too. */
export function isAcronym(word: string, of: readonly string[]): boolean {
  let possible = ['']
  for (const one of of) {
    const inside = prefix.exec(one)
    const letters = inside === null ? [one[0]] : [one[0], one[0] + one[inside[0].length]]
    possible = possible.flatMap((before) => letters.map((letter) => before + letter))
  }
  return possible.includes(word)
}

const invariant = /(?:ss|us|is|ics|as|os|news|series|species|always|bias|lens|aids|sars)$/u

/** The singular of an English word, lower case; words of other kinds as they are. */
export function singular(word: string): string {
  if (word.length < 4 || !word.endsWith('s') || invariant.test(word)) return word
  if (/(?:[^aeiou])ies$/u.test(word) && word.length > 5) return `${word.slice(0, -3)}y`
  if (/(?:sses|shes|ches|xes|zzes)$/u.test(word)) return word.slice(0, -2)
  return word.slice(0, -1)
}

/** Whether a title capitalises its words, so that capitals in it tell nothing. */
function isTitleCase(title: string): boolean {
  const words = title.match(/\p{L}{4,}/gu) ?? []
  return words.filter((word) => /^\p{Lu}/u.test(word)).length > words.length * 0.6
}

/** Of a row of breaks the first and the last are kept: what follows a word, and what goes before one. */
function pushBreak(found: number[], kind: number): void {
  const { length } = found
  if (length > 1 && found[length - 1] < 0 && found[length - 2] < 0) found[length - 1] = kind
  else found.push(kind)
}
