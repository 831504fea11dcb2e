// Abstracts as sequences of word numbers that keep the spelling: a word is a run of letters and digits with hyphens
// inside, a negative number a break: where something other than a space parts two words, or a word carries no subject.
// What stands beside a word tells what it is: "the" follows verbs, "to" and "we" go before them, and what is nearly
// always followed by another word is only the beginning of a name.
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

const plainBreak = -1
const beforeNoun = -2
const beforeVerb = -3
/** The word "of" between two words, as in "theory of mind": a break that a longer spelling may go across. */
export const linkBreak = -4

/** A word as it was met: many places share one. */
interface Spelling {
  readonly text: string
  /** Number of its form, or a kind of break. */
  readonly form: number
  /** One capital, at the start. */
  readonly capitalised: boolean
  /** How often its capitals told something. */
  telling: number
}

interface Form {
  readonly text: string
  readonly key: number
  readonly spellings: Spelling[]
}

interface Key {
  readonly text: string
  seen: number
  asVerb: number
  atEnd: number
}

/** The words of papers: first all are read, then asked for. */
export class Words {
  // Of each run of letters that was met: one spelling, or several where the script has no spaces.
  readonly #met = new Map<string, readonly Spelling[]>()
  readonly #forms: Form[] = []
  readonly #formNumbers = new Map<string, number>()
  readonly #keys: Key[] = []
  readonly #keyNumbers = new Map<string, number>()

  /** Numbers the forms of a paper's words: lower case, singular and plural apart; negative numbers are breaks. */
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

  keyOf(form: number): number {
    return this.#forms[form].key
  }

  key(key: number): Word {
    const { text, seen, asVerb, atEnd } = this.#keys[key]
    // Of frequent words in 1,330 abstracts, those above a fifth were verbs ("generate", "predict"; "learning" .1), those
    // below .15 adjectives ("neural" .02, "medical" .07; "language" .17, "tumor" .22). Part of an observation is added,
    // so that one place decides nothing.
    const isVerb = (asVerb + 0.1) / (seen + 1) > 0.2
    const isBeginning = (atEnd + 0.5) / (seen + 1) < 0.15
    const last = !leading.has(text) && !isVerb && (!text.endsWith('ly') || nounsInLy.has(text))
    const isAdjective = isBeginning || adjective.test(text)
    return { key: text, last, alone: last && !isAdjective && text.length > 2 && !generic.has(text) }
  }

  /** The spelling of a form where its case tells something; else lower case, unless capitals stand inside it. */
  spelling(form: number): string {
    const { text, spellings } = this.#forms[form]
    let best = ''
    let most = 0.9
    for (const { text: spelling, telling } of spellings)
      if (telling > most || (telling === most && spelling < best)) {
        best = spelling
        most = telling
      }
    if (best !== '') return best
    return spellings.find((spelling) => /\p{L}.*\p{Lu}/u.test(spelling.text))?.text ?? text
  }

  #number(text: string, isTitle: boolean): Int32Array {
    const found: number[] = []
    const plain = plainText(text.includes('$') ? text.replace(formula, ' ; ') : text)
    let end = 0
    let begins = true
    let besideCapital = false
    for (const match of plain.matchAll(wordPattern)) {
      if (end > 0 && (match.index !== end + 1 || plain[end] !== ' ')) {
        const between = plain.slice(end, match.index)
        if (between.trim() !== '') {
          pushBreak(found, plainBreak)
          besideCapital = false
          begins ||= /[.!?:]/u.test(between)
        }
      }
      end = match.index + match[0].length
      for (const spelling of this.#met.get(match[0]) ?? this.#meet(match[0])) {
        const { form, capitalised } = spelling
        if (form < 0) pushBreak(found, form)
        else {
          found.push(form)
          // Where every word has a capital it tells nothing, and beside another capital only a little.
          if (!capitalised) spelling.telling++
          else if (!begins && !isTitle)
            spelling.telling += besideCapital || capitalNext.test(plain.slice(end, end + 2)) ? 0.25 : 1
        }
        begins = false
        besideCapital = form >= 0 && capitalised
      }
    }
    this.#observe(found, isTitle)
    return Int32Array.from(found)
  }

  #meet(run: string): readonly Spelling[] {
    const spellings = split(run).map((word): Spelling => {
      const text = word.replace(/['’][sS]$/u, '').replace(/[‐‑]/gu, '-')
      const lower = text.normalize('NFKC').toLowerCase()
      const isBreak = isNoise(lower)
      const kind = breakKinds.get(lower) ?? plainBreak
      const spelling = {
        text,
        form: isBreak ? kind : this.#formNumber(lower),
        capitalised: capitalised.test(text),
        telling: 0,
      }
      if (!isBreak) this.#forms[spelling.form].spellings.push(spelling)
      return spelling
    })
    this.#met.set(run, spellings)
    return spellings
  }

  #observe(found: readonly number[], isTitle: boolean): void {
    for (let i = 0; i < found.length; i++) {
      if (found[i] < 0) continue
      const key = this.#keys[this.keyOf(found[i])]
      const next = found[i + 1] ?? plainBreak
      key.seen++
      if (next < 0) key.atEnd++
      if (!isTitle && (next === beforeNoun || found[i - 1] === beforeVerb)) key.asVerb++
    }
  }

  #formNumber(form: string): number {
    let number = this.#formNumbers.get(form)
    if (number === undefined) {
      number = this.#forms.push({ text: form, key: this.#keyNumber(keyOf(form)), spellings: [] }) - 1
      this.#formNumbers.set(form, number)
    }
    return number
  }

  #keyNumber(text: string): number {
    let number = this.#keyNumbers.get(text)
    if (number === undefined) {
      number = this.#keys.push({ text, seen: 0, asVerb: 0, atEnd: 0 }) - 1
      this.#keyNumbers.set(text, number)
    }
    return number
  }
}

const capitalised = /^\p{Lu}[^\p{Lu}]*$/u
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
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]{2}/u
const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

function split(word: string): string[] {
  if (!unspaced.test(word)) return [word]
  return Array.from(segmenter.segment(word), ({ segment }) => segment)
}

function isNoise(form: string): boolean {
  if (form.length < 2 || form.length > 40 || !/\p{L}/u.test(form) || /['’]/u.test(form)) return true
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

/** Of a row of breaks the first and the last are kept: what follows a word, and what goes before one. */
function pushBreak(found: number[], kind: number): void {
  const { length } = found
  if (length > 1 && found[length - 1] < 0 && found[length - 2] < 0) found[length - 1] = kind
  else found.push(kind)
}
