// Chooses the spelling of words for display in labels, explanations and reports. Capitals are evidence except at the
// start of a sentence or in a title in title case.
import { folded, readSpelled, stem, stopWords } from './tokens.ts'

const nextToCapital = 0.25
// Just below the weight of one full observation; four next to capitals also reach it.
const leastTelling = 0.9

/** Weighs the case of each word of a text as evidence of its spelling; call once per word, in order. */
export class CaseEvidence {
  readonly #text: string
  readonly #isTitleCase: boolean
  #begins = true
  #besideCapital = false

  constructor(text: string, options: { readonly isTitleCase: boolean }) {
    this.#text = text
    this.#isTitleCase = options.isTitleCase
  }

  /** Call before the next word with the text between it and the last one, if that is more than spaces. */
  part(between: string): void {
    this.#besideCapital = false
    const marks = between.split(/[\p{L}\p{N}]+/u)
    this.#begins = /[.!?:]/u.test(marks[marks.length - 1] as string) || (this.#begins && marks.length === 1)
  }

  /** 1 for full evidence, 0.25 for a capital next to another capitalised word, 0 for a capital without evidence. */
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

/** Whether the first letter of a word is its only capital. */
export const isCapitalised = (word: string): boolean => capitalised.test(word)

/** Whether a title is in title case, so that its capitals are not evidence. */
export function isTitleCase(title: string): boolean {
  const words = title.match(/\p{L}{4,}/gu) ?? []
  return words.filter((word) => /^\p{Lu}/u.test(word)).length > words.length * 0.6
}

/** Chooses between spellings of one word: the one with the most evidence, ties to lower case. */
export class SpellingChoice {
  #best: string | undefined
  #most = leastTelling

  /** Call once per spelling, with the sum of its evidence. */
  add(spelling: string, telling: number): void {
    if (telling < this.#most || (telling === this.#most && (this.#best === undefined || spelling < this.#best))) return
    this.#best = spelling
    this.#most = telling
  }

  /** Undefined without enough evidence; use lower case then. */
  get best(): string | undefined {
    return this.#best
  }
}

/**
 * Spells stems and pairs of stems as a document does: each as its first word with that stem, in the spelling with the
 * most evidence. Stems that the document does not have are returned unchanged.
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
