// Abstracts as sequences of word numbers that keep the spelling: a word is a run of letters and digits with hyphens
// inside; -1 stands wherever something other than a space parts two words, and where a word carries no subject.
import { plainText, stopWords } from '../lexical/tokens.ts'
import type { Paper } from '../paper.ts'
import { generic, leading, rhetoric } from './boilerplate.ts'

/** What may be done with a word. */
export interface Word {
  /** One for all spellings and for singular and plural. */
  readonly key: string
  /** May be a term alone. */
  readonly alone: boolean
  /** May end a phrase. */
  readonly last: boolean
}

/** The words of papers: number them, then ask for them. */
export class Words {
  readonly #numbers = new Map<string, number>()
  readonly #keyNumbers = new Map<string, number>()
  readonly #keyOf: number[] = []
  readonly #forms: string[] = []
  // Of each form, how often each spelling stands where its capitals tell something.
  readonly #spellings: Map<string, number>[] = []
  readonly #keys: Word[] = []

  /** Numbers the forms of a paper's words: lower case, singular and plural apart; -1 is a break. */
  read({ title, abstract }: Pick<Paper, 'title' | 'abstract'>): {
    readonly title: Int32Array
    readonly abstract: Int32Array
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

  /** The key of a form. */
  keyOf(form: number): number {
    return this.#keyOf[form]
  }

  key(key: number): Word {
    return this.#keys[key]
  }

  /** The spelling of a form: the most frequent where case tells something, else lower case unless capitals stand inside. */
  spelling(form: number): string {
    let best = this.#forms[form]
    let most = 0
    for (const [spelling, telling] of this.#spellings[form])
      if (telling > most || (telling === most && telling > 0 && spelling < best)) {
        best = spelling
        most = telling
      }
    if (most > 0) return best
    for (const spelling of this.#spellings[form].keys()) if (/\p{L}.*\p{Lu}/u.test(spelling)) return spelling
    return best
  }

  #number(text: string, isTitle: boolean): Int32Array {
    const found: number[] = []
    let end = 0
    const plain = plainText(text.replace(formula, ' ; '))
    for (const match of plain.matchAll(wordPattern)) {
      const between = plain.slice(end, match.index)
      const begins = found.length === 0 || /[.!?:]/u.test(between)
      if (end > 0 && !/^\s+$/u.test(between)) pushBreak(found)
      end = match.index + match[0].length
      for (const word of split(match[0])) {
        const spelling = word.replace(/['’](?:s|S)$/u, '')
        const form = spelling.normalize('NFKC').replace(/[‐‑]/gu, '-').toLowerCase()
        if (isNoise(form)) {
          pushBreak(found)
          continue
        }
        let number = this.#numbers.get(form)
        if (number === undefined) {
          number = this.#forms.push(form) - 1
          this.#numbers.set(form, number)
          this.#spellings.push(new Map())
          this.#keyOf.push(this.#keyNumber(form))
        }
        const capital = /^\p{Lu}[^\p{Lu}]*$/u.test(spelling)
        const telling = capital && (begins || isTitle) ? 0 : 1
        this.#spellings[number].set(spelling, (this.#spellings[number].get(spelling) ?? 0) + telling)
        found.push(number)
      }
    }
    return Int32Array.from(found)
  }

  #keyNumber(form: string): number {
    const key = keyOf(form)
    let number = this.#keyNumbers.get(key)
    if (number === undefined) {
      const isWide = generic.has(form) || generic.has(singular(form))
      const leads = leading.has(form)
      number =
        this.#keys.push({ key, alone: !isWide && !leads && form.length > 2 && !form.endsWith('ly'), last: !leads }) - 1
      this.#keyNumbers.set(key, number)
    }
    return number
  }
}

const formula = /\$[^$]{1,400}\$/gu
const wordPattern =
  /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:[-‐‑'’][\p{L}\p{N}][\p{L}\p{N}\p{M}]*)*(?:\+\+|#(?![\p{L}\p{N}]))?/gu
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]{2}/u
const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

function split(word: string): string[] {
  if (!unspaced.test(word)) return [word]
  return Array.from(segmenter.segment(word), ({ segment }) => segment)
}

function isNoise(form: string): boolean {
  if (form.length < 2 || form.length > 40 || !/\p{L}/u.test(form)) return true
  if (stopWords.has(form) || rhetoric.has(form) || rhetoric.has(singular(form))) return true
  // Numbers with a unit or an ordinal's ending.
  return /^\d+(?:st|nd|rd|th|k|m|b|x|s|ms|gb|mb|hz|ghz|fps|kg|km|nm|mm|cm)$/u.test(form)
}

const joinedPrefixes =
  /^(pre|non|multi|semi|co|re|un|inter|intra|sub|anti|auto|hyper|super|ultra|micro|macro|meta)-(?=\p{L})/u

/** One key for "pre-training" and "pretraining", for "model" and "models". */
function keyOf(form: string): string {
  return singular(form.replace(joinedPrefixes, '$1'))
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

function pushBreak(found: number[]): void {
  if (found.length > 0 && found[found.length - 1] !== -1) found.push(-1)
}
