// Labels by class-based TF-IDF (Grootendorst 2022, section 3.3), counted in papers instead of in words, so that one
// paper that repeats a word does not name a topic, and against the mean of all topics. Phrases of two words, and of
// three where two are a fragment, take the place of words that hardly stand without them. The terms of a topic are
// chosen by maximal marginal relevance (Carbonell and Goldstein 1998), where two terms are alike that name the same
// papers. A phrase is one number: its words' numbers, each below 2^17, as digits.
import { stem } from '../lexical/tokens.ts'
import type { Paper } from '../paper.ts'
import type { TimeSlice } from '../vectors/time-slice.ts'
import type { TopicTerm } from './topics.ts'
import { Words } from './words.ts'

const termsKept = 10
const base = 2 ** 17
const titleBonus = 1
// A term should say something of at least this share of its topic's papers.
const leastShare = 0.05
// A word that stands within one phrase in so large a share of its papers is a fragment of it.
const fragmentShare = 0.5
// One that goes on with the same word in so large a share of its places is spelled with it, up to so many words.
const extensionShare = 0.75
const mostWords = 5
// Against a term that names the same papers as one before it; 1 would be relevance alone.
const relevance = 0.7

export interface LabelOptions {
  /** The rows of each topic; papers that are in none count nowhere. */
  readonly members: readonly (readonly number[])[]
  readonly termsPerLabel: number
  readonly slice: TimeSlice
}

/** Terms and a label for each topic, in the order of `members`; labels differ. */
export async function labelTopics(
  papers: readonly Paper[],
  { members, termsPerLabel, slice }: LabelOptions,
): Promise<{ readonly label: string; readonly terms: readonly TopicTerm[] }[]> {
  const words = new Words()
  const texts: Text[] = []
  for (const paper of papers) {
    if (slice.due()) await slice.rest()
    texts.push(words.read(paper))
  }
  const numbers = await termNumbers(texts, words, slice)
  // First what is frequent in each topic, then how frequent that is in the others, and which papers have it.
  const frequent: Map<number, Candidate>[] = []
  const shares = new Map<number, number>()
  for (const rows of members) {
    const counts = new Map<number, number>()
    for (const row of rows) {
      if (slice.due()) await slice.rest()
      for (const phrase of phrasesOf(texts[row], numbers).keys()) counts.set(phrase, (counts.get(phrase) ?? 0) + 1)
    }
    const least = rows.length < 3 ? 1 : Math.max(2, leastShare * rows.length)
    const candidates = new Map<number, Candidate>()
    for (const [phrase, count] of counts) {
      if (count < least) continue
      candidates.set(phrase, { phrase, count: 0, papers: [], score: 0 })
      shares.set(phrase, 0)
    }
    frequent.push(candidates)
  }
  for (const [topic, rows] of members.entries())
    for (const [position, row] of rows.entries()) {
      if (slice.due()) await slice.rest()
      for (const [phrase, count] of phrasesOf(texts[row], numbers)) {
        const share = shares.get(phrase)
        if (share === undefined) continue
        shares.set(phrase, share + count / rows.length)
        const candidate = frequent[topic].get(phrase)
        if (candidate === undefined) continue
        candidate.papers.push(position)
        candidate.count += count
      }
    }
  const terms: TopicTerm[][] = []
  for (const [topic, candidates] of frequent.entries()) {
    if (slice.due()) await slice.rest()
    const size = members[topic].length
    for (const candidate of candidates.values()) {
      const share = candidate.count / size
      const mean = (shares.get(candidate.phrase) as number) / members.length
      candidate.score = members.length === 1 ? share : share * Math.log(share / mean)
    }
    const chosen = choose(withoutFragments(candidates, { numbers, size }), { numbers, size })
    const spellings = spell(chosen, { texts: members[topic].map((row) => texts[row]), numbers, words })
    const best = chosen[0]?.score ?? 1
    terms.push(chosen.map(({ score }, i) => ({ term: spellings[i], weight: best > 0 ? score / best : 1 })))
  }
  return withLabels(terms, termsPerLabel)
}

interface Text {
  readonly title: Int32Array
  readonly abstract: Int32Array
}

interface Candidate {
  readonly phrase: number
  /** Papers of the topic that have it, twice those that have it in the title. */
  count: number
  /** Positions of those papers in the topic. */
  readonly papers: number[]
  score: number
}

/** The words that can be in a term, numbered from 1. */
interface TermNumbers {
  /** Number of a form; 0 for a form that is in no term. */
  readonly ofForm: Int32Array
  readonly key: readonly string[]
  readonly alone: readonly boolean[]
  readonly last: readonly boolean[]
}

/** Numbers the words that are in two papers or more (in one, where there are only a few papers). */
async function termNumbers(texts: readonly Text[], words: Words, slice: TimeSlice): Promise<TermNumbers> {
  const frequency = new Int32Array(words.keys)
  const seenIn = new Int32Array(words.keys).fill(-1)
  for (const [paper, { title, abstract }] of texts.entries()) {
    if (slice.due()) await slice.rest()
    for (const part of [title, abstract])
      for (const form of part) {
        if (form < 0) continue
        const key = words.keyOf(form)
        if (seenIn[key] !== paper) frequency[key]++
        seenIn[key] = paper
      }
  }
  let least = texts.length < 6 ? 1 : 2
  while (frequency.reduce((kept, papers) => kept + (papers >= least ? 1 : 0), 0) >= base - 1) least++
  const ofKey = new Int32Array(words.keys)
  const key = ['']
  const alone = [false]
  const last = [false]
  for (let k = 0; k < words.keys; k++) {
    if (frequency[k] < least) continue
    const word = words.key(k)
    ofKey[k] = key.push(word.key) - 1
    alone.push(word.alone)
    last.push(word.last)
    if (k % 1024 === 0 && slice.due()) await slice.rest()
  }
  return { ofForm: Int32Array.from({ length: words.forms }, (_, form) => ofKey[words.keyOf(form)]), key, alone, last }
}

/** The phrases of a paper with how much it counts for them: 1, and a bonus where it is in the title. */
function phrasesOf({ title, abstract }: Text, numbers: TermNumbers): Map<number, number> {
  const found = new Map<number, number>()
  eachPhrase(title, numbers, (phrase) => found.set(phrase, 1 + titleBonus))
  eachPhrase(abstract, numbers, (phrase) => {
    if (!found.has(phrase)) found.set(phrase, 1)
  })
  return found
}

function eachPhrase(
  forms: Int32Array,
  { ofForm, alone, last }: TermNumbers,
  visit: (phrase: number, from: number, to: number) => void,
): void {
  let before = 0
  let previous = 0
  for (let i = 0; i < forms.length; i++) {
    const number = forms[i] < 0 ? 0 : ofForm[forms[i]]
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

function wordsOf(phrase: number): number[] {
  const found: number[] = []
  for (let rest = phrase; rest > 0; rest = Math.floor(rest / base)) found.unshift(rest % base)
  return found
}

/** Leaves out what mostly stands within a longer phrase, which then counts as much; three words only in that case. */
function withoutFragments(
  candidates: ReadonlyMap<number, Candidate>,
  { size }: { readonly numbers: TermNumbers; readonly size: number },
): Candidate[] {
  const dropped = new Set<number>()
  const kept = new Set<Candidate>()
  const longestFirst = [...candidates.values()].sort((a, b) => b.phrase - a.phrase)
  for (const candidate of longestFirst) {
    const words = wordsOf(candidate.phrase)
    if (words.length === 1) continue
    const parts = words.length === 2 ? words : [words[0] * base + words[1], words[1] * base + words[2], ...words]
    let isWhole = words.length === 2
    for (const [i, part] of parts.entries()) {
      const inner = candidates.get(part)
      if (inner === undefined || candidate.papers.length < fragmentShare * inner.papers.length) continue
      // A few papers of a large topic that share three words are no reason to drop two.
      if (words.length === 3 && i < 2) isWhole = true
      if (words.length === 3 && !isWhole) continue
      dropped.add(part)
      candidate.score = Math.max(
        candidate.score,
        inner.score * Math.sqrt(candidate.papers.length / inner.papers.length),
      )
    }
    if (isWhole && candidate.papers.length >= Math.min(2, size)) kept.add(candidate)
  }
  for (const candidate of longestFirst) if (wordsOf(candidate.phrase).length === 1) kept.add(candidate)
  return [...kept].filter(({ phrase, score }) => score > 0 && !dropped.has(phrase))
}

/** Chooses terms one after the other: strong, about other papers than those before, no word in two of them. */
function choose(
  candidates: readonly Candidate[],
  { numbers, size }: { readonly numbers: TermNumbers; readonly size: number },
): Candidate[] {
  const byScore = [...candidates].sort((a, b) => b.score - a.score || a.phrase - b.phrase).slice(0, 60)
  const top = byScore[0]?.score ?? 1
  const chosen: Candidate[] = []
  const taken: string[][] = []
  const overlap = new Map<Candidate, number>()
  const stemsOf = new Map(byScore.map((one) => [one, stems(wordsOf(one.phrase), numbers)] as const))
  while (chosen.length < termsKept) {
    let best: Candidate | undefined
    let bestValue = -Infinity
    for (const candidate of byScore) {
      if (chosen.includes(candidate)) continue
      if (taken.some((other) => clash(other, stemsOf.get(candidate) as string[]))) continue
      const value = (relevance * candidate.score) / top - (1 - relevance) * (overlap.get(candidate) ?? 0)
      if (value > bestValue) {
        best = candidate
        bestValue = value
      }
    }
    if (best === undefined) break
    chosen.push(best)
    taken.push(stemsOf.get(best) as string[])
    const has = new Uint8Array(size)
    for (const paper of best.papers) has[paper] = 1
    for (const candidate of byScore) {
      const both = candidate.papers.reduce((sum, paper) => sum + has[paper], 0)
      const either = candidate.papers.length + best.papers.length - both
      overlap.set(candidate, Math.max(overlap.get(candidate) ?? 0, both / either))
    }
  }
  return chosen.sort((a, b) => chosen.indexOf(a) - chosen.indexOf(b))
}

function stems(words: readonly number[], { key }: TermNumbers): string[] {
  return words.flatMap((word) => key[word].split('-')).map(stem)
}

/** Whether two terms share a word, in any form, or one abbreviates the other. */
function clash(a: readonly string[], b: readonly string[]): boolean {
  if (
    a.some((one) =>
      b.some(
        (other) =>
          one === other || (one.length > 4 && other.length > 4 && (one.startsWith(other) || other.startsWith(one))),
      ),
    )
  )
    return true
  return abbreviates(a, b) || abbreviates(b, a)
}

function abbreviates(short: readonly string[], long: readonly string[]): boolean {
  return short.length === 1 && long.length > 1 && short[0] === long.map((word) => word[0]).join('')
}

interface Place {
  readonly forms: Int32Array
  readonly from: number
  readonly to: number
}

/** Spells terms as the topic's papers do most often, with the words that nearly always go on with them. */
function spell(
  terms: readonly Candidate[],
  { texts, numbers, words }: { readonly texts: readonly Text[]; readonly numbers: TermNumbers; readonly words: Words },
): string[] {
  const places = new Map<number, Place[]>(terms.map(({ phrase }) => [phrase, []]))
  for (const { title, abstract } of texts)
    for (const forms of [title, abstract])
      eachPhrase(forms, numbers, (phrase, from, to) => places.get(phrase)?.push({ forms, from, to }))
  const stemsOf = terms.map(({ phrase }) => stems(wordsOf(phrase), numbers))
  return terms.map(({ phrase }, term) => {
    const others = stemsOf.filter((_, other) => other !== term).flat()
    let found = places.get(phrase) as Place[]
    // "Markov chain Monte" goes on; so does what goes before "gradient descent" in a topic about one kind of it.
    for (let longer: Place[] | undefined = found; longer !== undefined; ) {
      found = longer
      longer = extended(found, { step: 1, words, others }) ?? extended(found, { step: -1, words, others })
    }
    const spellings = new Map<string, number>()
    for (const { forms, from, to } of found) {
      const text = Array.from(forms.subarray(from, to), (form) => words.spelling(form)).join(' ')
      spellings.set(text, (spellings.get(text) ?? 0) + 1)
    }
    return [...spellings].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0][0]
  })
}

/** The places of a phrase that is one word longer, where nearly all places go on with the same word. */
function extended(
  places: readonly Place[],
  { step, words, others }: { readonly step: 1 | -1; readonly words: Words; readonly others: readonly string[] },
): Place[] | undefined {
  if (places.length < 3 || places[0].to - places[0].from >= mostWords) return undefined
  const keyBeside = ({ forms, from, to }: Place): number => {
    const form = forms[step > 0 ? to : from - 1] ?? -1
    return form < 0 ? -1 : words.keyOf(form)
  }
  const counts = new Map<number, number>()
  for (const place of places) counts.set(keyBeside(place), (counts.get(keyBeside(place)) ?? 0) + 1)
  const [key, count] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]
  if (key < 0 || count < extensionShare * places.length) return undefined
  const word = words.key(key)
  if ((step > 0 && !word.last) || others.includes(stem(word.key))) return undefined
  return places
    .filter((place) => keyBeside(place) === key)
    .map(({ forms, from, to }) => (step > 0 ? { forms, from, to: to + 1 } : { forms, from: from - 1, to }))
}

/** Joins the first terms; a label that is taken gets the next terms too, or at last a number. */
function withLabels(
  topics: readonly (readonly TopicTerm[])[],
  termsPerLabel: number,
): { readonly label: string; readonly terms: readonly TopicTerm[] }[] {
  const taken = new Set<string>()
  return topics.map((terms, topic) => {
    const names = terms.map(({ term }) => term)
    let label = names.slice(0, termsPerLabel).join(', ') || `topic ${topic + 1}`
    for (let more = termsPerLabel + 1; taken.has(label) && more <= names.length; more++)
      label = names.slice(0, more).join(', ')
    const unnumbered = label
    for (let number = 2; taken.has(label); number++) label = `${unnumbered} (${number})`
    taken.add(label)
    return { label, terms }
  })
}
