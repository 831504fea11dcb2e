// How words are spelled for a reader: in labels, in what explains a hit, and in reports. A capital counts where it tells
// something; it does not at the beginning of a sentence or in a title that capitalises its words.
import { folded, readSpelled, stem, stopWords } from './tokens.ts'

const nextToCapital = 0.25
// Below a whole word that tells, four beside capitals are one.
const leastTelling = 0.9

/** How much the case of each word of a text tells of its spelling, asked for word by word. */
export class CaseEvidence {
  readonly #text: string
  readonly #isTitleCase: boolean
  #begins = true
  #besideCapital = false

  constructor(text: string, options: { readonly isTitleCase: boolean }) {
    this.#text = text
    this.#isTitleCase = options.isTitleCase
  }

  /** Takes note of what parts the next word from the one before it, where that is more than a blank. */
  part(between: string): void {
    this.#besideCapital = false
    const marks = between.split(/[\p{L}\p{N}]+/u)
    this.#begins = /[.!?:]/u.test(marks[marks.length - 1] as string) || (this.#begins && marks.length === 1)
  }

  /** 1 for a case that tells, a part of it beside another capital, 0 where a capital tells nothing. */
  weigh(word: { readonly isCapitalised: boolean; readonly isNoise: boolean; readonly to: number }): number {
    const { isCapitalised, isNoise, to } = word
    let weight = 1
    if (isCapitalised) {
      if (this.#begins || this.#isTitleCase) weight = 0
      else if (this.#besideCapital || capitalNext.test(this.#text.slice(to, to + 2))) weight = nextToCapital
    }
    this.#begins = false
    this.#besideCapital = isCapitalised && !isNoise
    return weight
  }
}

const capitalNext = /^\s\p{Lu}/u
const capitalised = /^\p{Lu}[^\p{Lu}]*$/u

/** Whether a word has a capital at its beginning and nowhere else. */
export const isCapitalised = (word: string): boolean => capitalised.test(word)

/** Whether a title capitalises its words, so that capitals in it tell nothing. */
export function isTitleCase(title: string): boolean {
  const words = title.match(/\p{L}{4,}/gu) ?? []
  return words.filter((word) => /^\p{Lu}/u.test(word)).length > words.length * 0.6
}

/** The spelling of one word out of those that were met: the one whose case tells most, and of equal ones that in lower case. */
export class SpellingChoice {
  #best: string | undefined
  #most = leastTelling

  /** Each spelling once, with the sum of what its places tell. */
  add(spelling: string, telling: number): void {
    if (telling < this.#most || (telling === this.#most && (this.#best === undefined || spelling < this.#best))) return
    this.#best = spelling
    this.#most = telling
  }

  /** Undefined where no case tells anything: the word is in lower case then. */
  get best(): string | undefined {
    return this.#best
  }
}

/**
 * Spells stems, and pairs of stems, as a document does: each as the first of its words with that stem, in the spelling
 * that tells most in it. What the document does not have keeps its stem.
 */
export function stemSpeller(document: { readonly title: string; readonly abstract: string }): (term: string) => string {
  const wordOf = new Map<string, string>()
  const spellings = new Map<string, Map<string, number>>()
  for (const [text, isTitle] of [
    [document.abstract, false],
    [document.title, isTitleCase(document.title)],
  ] as const) {
    const { plain, words } = readSpelled(text)
    const evidence = new CaseEvidence(plain, { isTitleCase: isTitle })
    let before = 0
    for (const { text: own, isJoined, from, to } of words) {
      const word = folded(own)
      const stemmed = stem(word)
      if (!wordOf.has(stemmed)) wordOf.set(stemmed, word)
      const spelling = plain.slice(from, to)
      let telling = 1
      if (!isJoined) {
        const between = plain.slice(before, from)
        if (between.trim() !== '') evidence.part(between)
        before = to
        telling = evidence.weigh({ isCapitalised: isCapitalised(spelling), isNoise: stopWords.has(word), to })
      }
      const known = spellings.get(word) ?? new Map<string, number>()
      known.set(spelling, (known.get(spelling) ?? 0) + telling)
      spellings.set(word, known)
    }
  }
  const spelled = (stemmed: string) => {
    const known = spellings.get(wordOf.get(stemmed) ?? '')
    if (known === undefined) return stemmed
    const choice = new SpellingChoice()
    for (const [spelling, telling] of known) choice.add(spelling, telling)
    return choice.best ?? ([...known.keys()][0] ?? stemmed).toLowerCase()
  }
  return (term) => term.split(' ').map(spelled).join(' ')
}
