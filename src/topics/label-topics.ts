// Labels by class-based TF-IDF (Grootendorst 2022, section 3.3), relative to the mean of all topics, and counted in
// papers instead of words, so that one paper that repeats a word does not name a topic. Phrases of two words, and of
// three if two are a fragment, replace words that rarely occur without them. The terms of a topic are chosen by maximal
// marginal relevance (Carbonell and Goldstein 1998); terms are similar if they occur in the same papers.
import type { Atlas } from '../atlas/atlas.ts'
import { type Paper, paperText } from '../paper.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { type Phrases, partsOf, wordsOf } from './phrases.ts'
import type { TopicTerm } from './topics.ts'
import type { Identity } from './track.ts'
import { isAcronym } from './words.ts'

const termsKept = 10
// Minimum share of a topic's papers that have a term.
const leastShare = 0.05
// A topic that persists keeps its label while each term of it is in at least this share of the papers.
const leastOfLabel = leastShare / 2
// A word that is part of one phrase in this share of its papers is a fragment of it.
const fragmentShare = 0.5
// Weight of relevance against overlap with the papers of earlier terms; 1 ignores the overlap.
const relevance = 0.7
// Topicality, in nats, of a term that names a subject; lower ones are used in every field.
const usualTopicality = 2

interface LabelOptions {
  /** The rows of each topic; papers in no topic are ignored. */
  readonly members: readonly (readonly number[])[]
  readonly termsPerLabel: number
  /** Labels already used. @default none */
  readonly taken?: Iterable<string>
  /** Statistics of terms from outside the collection. @default none */
  readonly vocabulary?: Pick<Atlas, 'term'> | undefined
  readonly slice: TimeSlice
}

/** The label and the terms of a topic. */
export interface TopicName {
  readonly label: string
  readonly terms: readonly TopicTerm[]
}

/** The previous labels, without those with a term that hardly any paper of the topic still has. */
export async function trueLabels(
  { labels, terms }: Identity,
  {
    members,
    papers,
    slice,
  }: Pick<LabelOptions, 'members' | 'slice'> & {
    readonly papers: readonly Paper[]
  },
): Promise<(string | undefined)[]> {
  // Whether enough of the rows have a term, in the singular or plural.
  const isFound = async (term: string, rows: readonly number[]) => {
    const beginning = term.toLowerCase().replace(/s$/u, '')
    let missing = Math.ceil(leastOfLabel * rows.length)
    for (const row of rows) {
      if (slice.due()) await slice.rest()
      if (paperText(papers[row]!).toLowerCase().includes(beginning) && --missing === 0) return true
    }
    return false
  }
  const kept = [...labels]
  for (const [topic, label] of labels.entries()) {
    const named = label?.split(', ').filter((part) => terms[topic]!.includes(part)) ?? []
    for (const term of named) {
      if (await isFound(term, members[topic]!)) continue
      kept[topic] = undefined
      break
    }
  }
  return kept
}

/** Terms and a unique label for each topic, in the order of `members`. */
export async function labelTopics(
  phrases: Phrases,
  { members, termsPerLabel, taken = [], vocabulary, slice }: LabelOptions,
): Promise<TopicName[]> {
  // First find the frequent phrases of each topic, then their share in every topic and the papers that have them.
  const frequent: Map<number, Candidate>[] = []
  const shares = new Map<number, number>()
  for (const rows of members) {
    // Two papers of seven may share a word by chance, in different senses.
    const least = rows.length < 3 ? 1 : rows.length < 7 ? 2 : Math.max(3, leastShare * rows.length)
    const counts = new Map<number, number>()
    const words = least > 3 ? await phrases.frequentWords(rows, least, slice) : undefined
    for (const row of rows) {
      if (slice.due()) await slice.rest()
      for (const phrase of phrases.of(row, words).keys()) counts.set(phrase, (counts.get(phrase) ?? 0) + 1)
    }
    const candidates = new Map<number, Candidate>()
    let looked = 0
    for (const [phrase, count] of counts) {
      if (++looked % 16_384 === 0 && slice.due()) await slice.rest()
      if (count < least) continue
      candidates.set(phrase, { phrase, count: 0, papers: [], score: 0 })
      shares.set(phrase, 0)
    }
    frequent.push(candidates)
  }
  const words = phrases.wordsIn(shares.keys())
  for (const [topic, rows] of members.entries())
    for (const [position, row] of rows.entries()) {
      if (slice.due()) await slice.rest()
      for (const [phrase, count] of phrases.of(row, words)) {
        const share = shares.get(phrase)
        if (share === undefined) continue
        shares.set(phrase, share + count / rows.length)
        const candidate = frequent[topic]!.get(phrase)
        if (candidate === undefined) continue
        candidate.papers.push(position)
        candidate.count += count
      }
    }
  const terms: LabelTerm[][] = []
  for (const [topic, candidates] of frequent.entries()) {
    if (slice.due()) await slice.rest()
    const size = members[topic]!.length
    for (const candidate of candidates.values()) {
      const share = candidate.count / size
      const mean = (shares.get(candidate.phrase) as number) / members.length
      candidate.score = members.length === 1 ? share : share * Math.log(share / mean)
    }
    // A small collection does not show that "storage" names a field and "sun" does not; the vocabulary does.
    const found = chooseTerms(candidates, { phrases, size, most: vocabulary === undefined ? termsKept : 3 * termsKept })
    const spelled = await phrases.spell(
      found.map(({ phrase }) => phrase),
      members[topic]!,
      slice,
    )
    const telling = found.map((one, i) => {
      const known = vocabulary?.term(spelled[i]!)
      const factor = known === undefined ? 1 : Math.max(0.05, Math.min(1.5, known.topicality / usualTopicality))
      return { one: { ...one, score: one.score * factor }, spelling: spelled[i] }
    })
    if (vocabulary !== undefined) telling.sort((a, b) => b.one.score - a.one.score)
    const chosen = telling.slice(0, termsKept).map(({ one }) => one)
    const spellings = telling.map(({ spelling }) => spelling)
    const best = chosen[0]?.score ?? 1
    terms.push(
      chosen.map(({ score, count, papers }, i) => ({
        term: spellings[i]!,
        weight: best > 0 ? score / best : 1,
        isInTitle: count > papers.length,
      })),
    )
  }
  return withLabels(terms, { termsPerLabel, taken: new Set(taken) })
}

/** A phrase that may become a term of a topic. */
export interface Candidate {
  readonly phrase: number
  /** Number of papers of the topic that have it; those with it in the title count twice. */
  count: number
  /** Positions of those papers in the topic. */
  readonly papers: number[]
  score: number
}

/**
 * Drops phrases that mostly occur within a longer one, which takes over their score. Phrases of three words are kept
 * only if they replace a pair.
 */
function withoutFragments(candidates: ReadonlyMap<number, Candidate>, size: number): Candidate[] {
  const dropped = new Set<number>()
  const kept = new Set<Candidate>()
  const longestFirst = [...candidates.values()].sort((a, b) => b.phrase - a.phrase)
  for (const candidate of longestFirst) {
    const words = wordsOf(candidate.phrase)
    if (words.length === 1) continue
    let isWhole = words.length === 2
    for (const [i, part] of partsOf(candidate.phrase).entries()) {
      const inner = candidates.get(part)
      if (inner === undefined || candidate.papers.length < fragmentShare * inner.papers.length) continue
      // A phrase of three words drops its single words only if it replaces a pair.
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

/**
 * Chooses up to `most` terms by maximal marginal relevance, no word in two of them. `size` is the number of papers of
 * the topic.
 */
export function chooseTerms(
  candidates: ReadonlyMap<number, Candidate>,
  { phrases, size, most }: { readonly phrases: Phrases; readonly size: number; readonly most: number },
): Candidate[] {
  const byScore = withoutFragments(candidates, size)
    .sort((a, b) => b.score - a.score || a.phrase - b.phrase)
    .slice(0, 60)
  const top = byScore[0]?.score ?? 1
  const chosen: Candidate[] = []
  const taken: string[][] = []
  const overlap = new Map<Candidate, number>()
  const stemsOf = new Map(byScore.map((one) => [one, phrases.stems(one.phrase)] as const))
  while (chosen.length < most) {
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
      const both = candidate.papers.reduce((sum, paper) => sum + has[paper]!, 0)
      const either = candidate.papers.length + best.papers.length - both
      overlap.set(candidate, Math.max(overlap.get(candidate) ?? 0, both / either))
    }
  }
  return chosen
}

/** Whether two terms share a word in any form, or one abbreviates the other. */
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
  return short.length === 1 && long.length > 1 && isAcronym(short[0]!, long)
}

interface LabelTerm extends TopicTerm {
  readonly isInTitle: boolean
}

/**
 * Joins the first terms, those that occur in a title before others, because titles say what a paper is about. A label
 * already taken gets further terms, and finally a number.
 */
function withLabels(
  topics: readonly (readonly LabelTerm[])[],
  { termsPerLabel, taken }: { readonly termsPerLabel: number; readonly taken: Set<string> },
): TopicName[] {
  return topics.map((terms, topic) => {
    const names = [...terms.filter(({ isInTitle }) => isInTitle), ...terms.filter(({ isInTitle }) => !isInTitle)].map(
      ({ term }) => term,
    )
    let label = names.slice(0, termsPerLabel).join(', ') || `topic ${topic + 1}`
    for (let more = termsPerLabel + 1; taken.has(label) && more <= names.length; more++)
      label = names.slice(0, more).join(', ')
    const unnumbered = label
    for (let number = 2; taken.has(label); number++) label = `${unnumbered} (${number})`
    taken.add(label)
    return { label, terms: terms.map(({ term, weight }) => ({ term, weight })) }
  })
}
