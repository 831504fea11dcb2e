// What is new in some papers compared with earlier ones. Terms and areas: Fisher's exact test, one-sided, given the
// total count and that at least one new paper has it, because only what new papers have is tested; Benjamini and
// Hochberg's procedure for discrete p-values (Heyse 2011) limits false discoveries. Unlike papers: the distance to the
// nearest earlier paper, compared with such distances of earlier papers (conformal p-value, Bates et al. 2023).
import type { Atlas, PaperArea } from '../atlas/atlas.ts'
import { termKey } from '../atlas/term-key.ts'
import type { Paper } from '../paper.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { nearestRows } from '../vectors/neighbour-graph.ts'
import { generic } from './boilerplate.ts'
import { Phrases } from './phrases.ts'

/** Something that is more frequent in the new papers. */
export interface Rising {
  /** New papers that have it. */
  readonly count: number
  /** Earlier papers that have it. */
  readonly before: number
  /** Its share of new papers over that of earlier ones, half a paper added to each count. Rough for small counts. */
  readonly ratio: number
  /** Probability of at least `count` new papers with it if nothing has changed, given that one has it. */
  readonly p: number
  /** True if it may well be chance: among findings at least this sure, more than a tenth would be false. */
  readonly isTentative?: true
  /** Ids of the new papers that have it. */
  readonly papers: readonly string[]
}

/** A term that is more frequent in the new papers, in their most common spelling. */
export interface NewTerm extends Rising {
  readonly term: string
  /** Other terms of the same papers: longer and shorter forms, abbreviations. */
  readonly variants: readonly string[]
}

/** A place on the map of science that is more frequent among the new papers. */
export interface NewArea extends Rising {
  readonly name: string
  readonly level: 'area' | 'field' | 'discipline'
}

/** A new paper farther from all earlier papers than they usually are from each other. */
export interface UnlikePaper {
  readonly id: string
  readonly title: string
  /** The nearest area, and the number of earlier papers in it; absent if the map has nothing near. */
  readonly area?: string
  readonly before?: number
  /** The nearest earlier paper. */
  readonly nearest: { readonly id: string; readonly title: string; readonly similarity: number }
  /** Share of earlier papers whose nearest paper is as far away or farther. */
  readonly share: number
}

/** What is new; each list starts with the least likely to be chance. */
export interface NewThings {
  readonly areas: readonly NewArea[]
  readonly terms: readonly NewTerm[]
  readonly unlike: readonly UnlikePaper[]
}

/** What is new, and the papers compared. */
export interface Novelty extends NewThings {
  /** Ids of the new papers. */
  readonly papers: readonly string[]
  /** The first and last day of the new papers, ISO 8601; null if none has a date. */
  readonly from: string | null
  readonly to: string | null
  /** The earlier papers compared with. */
  readonly earlier: { readonly count: number; readonly from: string | null; readonly to: string | null }
  /** Number of papers left out for lack of a date, or with one too coarse to say whether they are new. */
  readonly undated: number
  /** If there are too few papers to compare: what is missing. */
  readonly missing?: string
}

export interface NoveltyInput {
  readonly papers: readonly Paper[]
  /** `papers.length × dimensions` unit rows, row-major. */
  readonly vectors: Float32Array
  readonly dimensions: number
  /** Rows of the new papers; all others are earlier ones. */
  readonly fresh: readonly number[]
  /** The place of each paper on the map; empty without a map. */
  readonly places: readonly (PaperArea | undefined)[]
  /** Looks terms up. */
  readonly atlas: Pick<Atlas, 'term'>
  readonly slice: TimeSlice
  readonly signal?: AbortSignal | undefined
}

const mostFalse = 0.1
// Tentative findings need a p-value of at most 0.01, and are shown only if there are few sure ones.
const leastTelling = 0.01
const mostTentative = 3
const mostAreas = 6
const mostTerms = 8
const mostUnlike = 5
const leastPapers = 3
// Among at most 40 new papers, two with the same term are worth reporting.
const leastPapersOfFew = 2
const few = 40
// Topicality, in nats, of a word that names a subject ("chess" has 3.3, "autonomy" 1.9), and of a term of several words
// ("tensor networks" has 2.2, "evaluation framework" 1.6).
const leastTopicality = 2.5
const leastOfSeveral = 2.2
// Jaccard similarity from which two findings report the same papers.
const samePapers = 0.6
const rareShare = 0.02
const mostCompared = 1000
const neighboursLooked = 24
const spelledAtOnce = 64

/** Finds what is new; `fresh` and the other rows must not be empty. */
export async function findNewThings(input: NoveltyInput): Promise<NewThings> {
  const { papers, fresh } = input
  const isFresh = new Uint8Array(papers.length)
  for (const row of fresh) isFresh[row] = 1
  const chance = new Chance(fresh.length, papers.length - fresh.length)
  const areas = newAreas(input, isFresh, chance)
  const terms = await newTerms(input, isFresh, chance)
  return { areas, terms, unlike: await unlikePapers(input, isFresh) }
}

/** How many papers have something. */
interface Tally {
  /** Rows of new papers. */
  readonly rows: number[]
  before: number
}

function newAreas({ papers, places }: NoveltyInput, isFresh: Uint8Array, chance: Chance): NewArea[] {
  const levels = ['area', 'field', 'discipline'] as const
  const tallies = new Map<string, Tally & Pick<NewArea, 'name' | 'level'>>()
  for (const [row, place] of places.entries()) {
    if (place === undefined) continue
    for (const level of levels) {
      const name = place[level]
      const tally = tallies.get(name) ?? { name, level, rows: [], before: 0 }
      tallies.set(name, tally)
      if (isFresh[row] === 1) tally.rows.push(row)
      else tally.before++
    }
  }
  const chosen: (Tested & Pick<NewArea, 'name' | 'level'>)[] = []
  for (const one of chance.test([...tallies.values()])) {
    if (chosen.length === mostAreas) break
    // If an area and its field have mostly the same papers, keep the more significant one.
    if (!chosen.some((other) => shared(one.rows, other.rows) >= samePapers)) chosen.push(one)
  }
  return enough(chosen).map(({ name, level, ...tested }) => ({ name, level, ...rising(tested, papers, chance) }))
}

async function newTerms(
  { papers, fresh, atlas, slice }: NoveltyInput,
  isFresh: Uint8Array,
  chance: Chance,
): Promise<NewTerm[]> {
  const phrases = await Phrases.read(papers, slice)
  const tallies = new Map<number, Tally & { readonly phrase: number }>()
  for (const row of fresh)
    for (const phrase of phrases.of(row).keys()) {
      const tally = tallies.get(phrase) ?? { phrase, rows: [], before: 0 }
      tallies.set(phrase, tally)
      tally.rows.push(row)
    }
  const words = phrases.wordsIn(tallies.keys())
  for (let row = 0; row < papers.length; row++) {
    if (slice.due()) await slice.rest()
    if (isFresh[row] === 1) continue
    for (const phrase of phrases.of(row, words).keys()) {
      const tally = tallies.get(phrase)
      if (tally !== undefined) tally.before++
    }
  }
  const possible = [...tallies.values()].filter(({ rows, before }) => rows.length + before >= chance.least)
  const named: (Tally & { readonly term: string })[] = []
  for (let first = 0; first < possible.length; first += spelledAtOnce) {
    const part = possible.slice(first, first + spelledAtOnce)
    const rows = [...new Set(part.flatMap((one) => one.rows))].sort((a, b) => a - b)
    const spelled = await phrases.spell(
      part.map(({ phrase }) => phrase),
      rows,
      slice,
    )
    for (const [i, { rows, before }] of part.entries())
      if (isSubject(spelled[i]!, atlas)) named.push({ term: spelled[i]!, rows, before })
  }
  // Among terms of the same papers, the one in most titles comes first, then the longer one.
  const inTitles = new Map(
    named.map((one) => {
      const term = one.term.toLowerCase()
      return [one, one.rows.filter((row) => papers[row]!.title.toLowerCase().includes(term)).length] as const
    }),
  )
  named.sort(
    (a, b) =>
      (inTitles.get(b) as number) - (inTitles.get(a) as number) ||
      b.term.length - a.term.length ||
      (a.term < b.term ? -1 : 1),
  )
  const chosen: (Tested & { readonly term: string; readonly variants: string[] })[] = []
  for (const one of chance.test(named)) {
    const same = chosen.find((other) => shared(one.rows, other.rows) >= samePapers)
    if (same !== undefined) {
      const term = one.term.toLowerCase()
      const isPart = [same.term, ...same.variants].some((known) => known.toLowerCase().includes(term))
      if (!isPart) same.variants.push(one.term)
    } else if (chosen.length < mostTerms) chosen.push({ ...one, variants: [] })
  }
  return enough(chosen).map(({ term, variants, ...tested }) => ({
    term,
    variants,
    ...rising(tested, papers, chance),
  }))
}

/**
 * Whether a term names a subject. A known term does if papers of few fields use it. An unknown one does if it is
 * spelled like a name, contains a two-word subject, or contains a subject word and does not end in a word like
 * "framework".
 */
function isSubject(term: string, atlas: Pick<Atlas, 'term'>): boolean {
  const known = atlas.term(term)
  const words = term.split(' ')
  if (known !== undefined) return known.topicality >= (words.length > 1 ? leastOfSeveral : leastTopicality)
  if (words.length === 1) return /\p{L}.*[\p{Lu}\d]/u.test(term)
  const names = (part: string) => (atlas.term(part)?.topicality ?? 0) >= leastTopicality
  if (words.length > 2 && words.some((word, i) => i > 0 && names(`${words[i - 1]} ${word}`))) return true
  return !generic.has(termKey(words.at(-1) as string)) && words.some(names)
}

/** Jaccard similarity of two lists of rows. */
function shared(one: readonly number[], other: readonly number[]): number {
  const rows = new Set(one)
  const both = other.reduce((sum, row) => sum + (rows.has(row) ? 1 : 0), 0)
  return both / (one.length + other.length - both)
}

interface Tested {
  readonly rows: readonly number[]
  readonly before: number
  readonly p: number
  readonly isSure: boolean
}

/** The sure findings; if there are few, filled up with the most significant tentative ones. */
function enough<One extends Tested>(found: readonly One[]): One[] {
  const sure = found.filter(({ isSure }) => isSure).length
  return found.filter(({ isSure }, i) => isSure || i < Math.max(sure, mostTentative))
}

function rising({ rows, before, p, isSure }: Tested, papers: readonly Paper[], chance: Chance): Rising {
  return {
    count: rows.length,
    before,
    ratio: chance.ratio(rows.length, before),
    p,
    ...(!isSure && { isTentative: true as const }),
    papers: rows.map((row) => papers[row]!.id),
  }
}

/** Probabilities of counts among the new papers if these were drawn at random from all papers. */
class Chance {
  readonly #fresh: number
  readonly #before: number
  /** Logarithms of factorials. */
  readonly #factorial: Float64Array
  /** By total count: the tail probabilities by number of new papers. */
  readonly #tails = new Map<number, Float64Array>()
  /** Minimum number of new papers to report. */
  readonly least: number

  constructor(fresh: number, before: number) {
    this.#fresh = fresh
    this.#before = before
    this.least = fresh <= few ? leastPapersOfFew : leastPapers
    this.#factorial = new Float64Array(fresh + before + 1)
    for (let i = 2; i <= fresh + before; i++) this.#factorial[i] = this.#factorial[i - 1]! + Math.log(i)
  }

  ratio(count: number, before: number): number {
    return (count + 0.5) / (this.#fresh + 1) / ((before + 0.5) / (this.#before + 1))
  }

  /** The significant ones, lowest p first. Those without a new paper are ignored. */
  test<One extends Tally>(all: readonly One[]): (One & Tested)[] {
    const present = all.filter(({ rows }) => rows.length > 0)
    const bySum = new Map<number, number>()
    for (const { rows, before } of present) bySum.set(rows.length + before, (bySum.get(rows.length + before) ?? 0) + 1)
    const found = present
      .filter(({ rows }) => rows.length >= this.least)
      .map((one) => ({ one, p: this.#tail(one.rows.length + one.before)[one.rows.length]! }))
      .filter(({ p }) => p <= leastTelling)
      .sort((a, b) => a.p - b.p || a.one.rows.length - b.one.rows.length || a.one.rows[0]! - b.one.rows[0]!)
    // Expected number of tests with such a p-value by chance, against the number found.
    let sure = 0
    for (const [i, { p }] of found.entries()) {
      let expected = 0
      for (const [sum, times] of bySum) expected += times * this.#largestTail(sum, p)
      if (expected <= mostFalse * (i + 1)) sure = i + 1
    }
    return found.map(({ one, p }, i) => ({ ...one, p, isSure: i < sure }))
  }

  /** The largest tail probability up to `value` for at least `least` new papers; 0 if there is none. */
  #largestTail(sum: number, value: number): number {
    const tail = this.#tail(sum)
    for (let count = this.least; count < tail.length; count++) if (tail[count]! <= value) return tail[count]!
    return 0
  }

  /** By number of new papers, from 0: the probability of at least that many of `sum`, given one. */
  #tail(sum: number): Float64Array {
    const known = this.#tails.get(sum)
    if (known !== undefined) return known
    const factorial = this.#factorial
    const choose = (n: number, k: number) => factorial[n]! - factorial[k]! - factorial[n - k]!
    const most = Math.min(sum, this.#fresh)
    const tail = new Float64Array(most + 1)
    const all = choose(this.#fresh + this.#before, sum)
    let rest = 0
    for (let count = most; count >= 1; count--) {
      if (sum - count <= this.#before)
        rest += Math.exp(choose(this.#fresh, count) + choose(this.#before, sum - count) - all)
      tail[count] = rest
    }
    for (let count = 1; count <= most; count++) tail[count]! /= rest
    tail[0] = 1
    this.#tails.set(sum, tail)
    return tail
  }
}

async function unlikePapers(
  { papers, vectors, dimensions, fresh, places, slice, signal }: NoveltyInput,
  isFresh: Uint8Array,
): Promise<UnlikePaper[]> {
  const earlier = papers.flatMap((_, row) => (isFresh[row] === 1 ? [] : [row]))
  const matrix = (rows: readonly number[]) => {
    const chosen = new Float32Array(rows.length * dimensions)
    for (const [i, row] of rows.entries())
      chosen.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
    return chosen
  }
  const known = matrix(earlier)
  const nearestOf = (rows: readonly number[], k: number) => nearestRows(matrix(rows), known, { dimensions, k, signal })
  // Papers of one day are often kin. New papers are compared with other days only, so earlier ones must be too.
  const step = Math.ceil(earlier.length / mostCompared)
  const compared = earlier.filter((_, i) => i % step === 0)
  const dayOf = (row: number) => papers[row]!.published?.slice(0, 10)
  const usual: number[] = []
  const near = await nearestOf(compared, neighboursLooked)
  for (const [i, row] of compared.entries()) {
    const day = dayOf(row)
    const others = near.rows.subarray(i * near.k, (i + 1) * near.k)
    const at = others.findIndex((j) => earlier[j] !== row && (day === undefined || dayOf(earlier[j]!) !== day))
    usual.push(near.scores[i * near.k + (at < 0 ? near.k - 1 : at)]!)
  }
  usual.sort((a, b) => a - b)
  if (slice.due()) await slice.rest()
  const counts = new Map<string, number>()
  for (const row of earlier) {
    const area = places[row]?.area
    if (area !== undefined) counts.set(area, (counts.get(area) ?? 0) + 1)
  }
  const found: UnlikePaper[] = []
  const nearest = await nearestOf(fresh, 1)
  for (let i = 0; i < fresh.length; i++) {
    const similarity = nearest.scores[i]!
    let farther = 0
    while (farther < usual.length && usual[farther]! <= similarity) farther++
    const share = (1 + farther) / (1 + usual.length)
    if (share > rareShare) continue
    const { id, title } = papers[fresh[i]!]!
    const area = places[fresh[i]!]?.area
    const other = papers[earlier[nearest.rows[i]!]!]!
    found.push({
      id,
      title,
      ...(area !== undefined && { area, before: counts.get(area) ?? 0 }),
      nearest: { id: other.id, title: other.title, similarity },
      share,
    })
  }
  return found.sort((a, b) => a.nearest.similarity - b.nearest.similarity).slice(0, mostUnlike)
}
