// Near-duplicates: copies, versions, the same abstract under another title. Measured by pairs of neighbouring stems,
// the two-word shingles that the lexical index keeps for every row. The measure is containment (Broder 1997), not
// resemblance, so that a shortened version counts as a duplicate.
import { requireNumber } from '../../errors.ts'
import type { LexicalDocument } from '../../lexical/count-terms.ts'
import type { LexicalIndex } from '../../lexical/lexical-index.ts'
import type { Paper } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { stopWords, tokens, withoutMarkup } from '../../text/tokens.ts'
import type { Collection } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'

export interface DuplicateOptions {
  /**
   * Share of the shorter paper's word pairs that the other must share, .05 … 1: {@link PaperLibrary.duplicates}.
   * @default 0.5
   */
  readonly threshold?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Two papers that are near-duplicates. */
export interface DuplicatePair {
  /** Ids, in the order in which the papers were added. */
  readonly ids: readonly [string, string]
  /** 0 … 1: the share of the shorter paper's word pairs that the other paper shares. */
  readonly score: number
  /** True if the titles differ only in case, punctuation and a mark such as `v2` or `(extended version)`. */
  readonly isSameTitle: boolean
}

/** The near-duplicates of a library. */
export interface Duplicates {
  /** By falling score. */
  readonly pairs: readonly DuplicatePair[]
  /** Groups of papers connected by pairs, largest first; ids in the order in which the papers were added. */
  readonly groups: readonly (readonly string[])[]
}

/** Sharing half of the word pairs is never chance: abstracts on the same subject share about 5 %. */
const duplicateThreshold = 0.5
/** Least shared word pairs if the titles differ: titles alone share three or four by chance. */
const fewest = 6
/** Word pairs in more papers than this do not indicate copying, and would make every paper a candidate. */
const commonFrom = 40

/**
 * Returns a test whether a paper, which must be cached, is a near-duplicate of a seed at the default threshold: of any, or
 * of those at the given places.
 */
export function nearDuplicateOf(
  seeds: readonly (LexicalDocument & { readonly kept: StoredPaper | undefined })[],
  lexical: LexicalIndex,
): (candidate: StoredPaper, places?: Iterable<number>) => boolean {
  // Computed when a place is asked for, as few may be.
  const pairsOf = (seed: (typeof seeds)[number]) =>
    seed.kept === undefined ? lexical.pairsOf(seed) : lexical.pairs(seed.kept.row)
  const found: ({ readonly title: Title } & ReturnType<typeof pairsOf>)[] = []
  const seedAt = (place: number) => {
    const seed = seeds[place] as (typeof seeds)[number]
    found[place] ??= { title: titleOf(seed.title), ...pairsOf(seed) }
    return found[place]
  }
  return (candidate, places = seeds.keys()) => {
    let other: ReturnType<typeof pairsOf> | undefined
    let title: Title | undefined
    for (const place of places) {
      const seed = seedAt(place)
      other ??= lexical.pairs(candidate.row)
      const shared = sharedCount(seed.known, other.known)
      if (shared > 0) title ??= paperTitle(candidate.cached as Paper)
      const same = title && shared > 0 ? sameTitle(seed.title, title) : undefined
      const size = Math.min(seed.size, other.size)
      if (isDuplicate(shared, size, { threshold: duplicateThreshold, sameTitle: same })) return true
    }
    return false
  }
}

function isDuplicate(
  shared: number,
  size: number,
  { threshold, sameTitle }: { readonly threshold: number; readonly sameTitle: Title | undefined },
): boolean {
  if (sameTitle !== undefined) {
    // Pairs within the title are not evidence; if one paper has only a title, the title suffices.
    const rest = size - sameTitle.pairs
    return rest <= 0 || shared - sameTitle.pairs >= (threshold / 2) * rest
  }
  return shared >= fewest && shared >= threshold * size
}

/**
 * All pairs of near-duplicates and their groups. Time grows with the papers and the rare word pairs that they share.
 */
export async function findDuplicates(
  papers: readonly StoredPaper[],
  lexical: LexicalIndex,
  options: DuplicateOptions & { readonly stream: Collection['stream'] },
): Promise<Duplicates> {
  const threshold = requireNumber('threshold', options.threshold ?? duplicateThreshold, 0.05, 1)
  const slice = timeSlice(options.signal)
  const count = papers.length
  const pairsOf: Int32Array[] = []
  // Exact copies have the same list of pairs; the first of them represents all.
  const firstOf = new Int32Array(count)
  const firsts = new Map<string, number>()
  let terms = 0
  for (const [place, { row }] of papers.entries()) {
    const { known } = lexical.pairs(row)
    pairsOf.push(known)
    const key = known.length < fewest ? `${place}` : known.join()
    const first = firsts.get(key) ?? place
    if (first === place) firsts.set(key, place)
    firstOf[place] = first
    for (const term of known) terms = Math.max(terms, term + 1)
    if (slice.due()) await slice.rest()
  }
  const found = new Map<number, DuplicatePair>()
  const groups = Int32Array.from({ length: count }, (_, place) => place)
  const root = (place: number): number => {
    let top = place
    while (groups[top] !== top) top = groups[top]!
    groups[place] = top
    return top
  }
  const titleAt: Title[] = []
  const propose = (a: number, b: number) => {
    const [first, second] = a < b ? [a, b] : [b, a]
    if (first === second || found.has(first * count + second)) return
    const shared = sharedCount(pairsOf[first]!, pairsOf[second]!)
    const size = Math.min(pairsOf[first]!.length, pairsOf[second]!.length)
    const title = sameTitle(titleAt[first]!, titleAt[second]!)
    if (!isDuplicate(shared, size, { threshold, sameTitle: title })) return
    found.set(
      first * count + second,
      Object.freeze({
        ids: Object.freeze([papers[first]!.id, papers[second]!.id] as const),
        score: size === 0 ? 1 : shared / size,
        isSameTitle: title !== undefined,
      }),
    )
    groups[root(second)] = root(first)
  }

  const titles = new Map<string, number[]>()
  for await (const part of options.stream(papers, { signal: options.signal }))
    for (const paper of part) {
      const title = titleOf(paper.title)
      const place = titleAt.push(title) - 1
      const { key } = title
      const same = key === '' ? undefined : titles.get(key)
      if (same !== undefined) same.push(place)
      else if (key !== '') titles.set(key, [place])
      if (slice.due()) await slice.rest()
    }
  for (const same of titles.values())
    for (const [i, place] of same.entries()) {
      for (const other of same.slice(Math.max(0, i - commonFrom), i)) propose(other, place)
      if (slice.due()) await slice.rest()
    }
  for (let place = 0; place < count; place++) if (firstOf[place] !== place) propose(firstOf[place]!, place)

  // For each word pair, a linked list of the papers that have it, last one first.
  const frequency = new Uint16Array(terms)
  const isFirst = (place: number) => firstOf[place] === place
  for (let place = 0; place < count; place++)
    if (isFirst(place)) for (const term of pairsOf[place]!) frequency[term] = Math.min(frequency[term]! + 1, 65_535)
  const head = new Int32Array(terms).fill(-1)
  const entryPlace: number[] = []
  const entryNext: number[] = []
  const shared = new Uint16Array(count)
  for (let place = 0; place < count; place++) {
    if (!isFirst(place)) continue
    const met: number[] = []
    let rare = 0
    for (const term of pairsOf[place]!) {
      if (frequency[term]! > commonFrom) continue
      rare++
      if (frequency[term]! < 2) continue
      for (let entry = head[term]!; entry >= 0; entry = entryNext[entry]!)
        if (shared[entryPlace[entry]!]!++ === 0) met.push(entryPlace[entry]!)
      entryNext.push(head[term]!)
      head[term] = entryPlace.push(place) - 1
    }
    for (const other of met) {
      // Duplicates also share rare pairs, unless they have hardly any.
      const size = Math.min(pairsOf[place]!.length, pairsOf[other]!.length)
      const least = Math.min(fewest, (threshold * size) / 4, rare)
      if (shared[other]! >= least) propose(other, place)
      shared[other] = 0
    }
    if (slice.due()) await slice.rest()
  }

  const pairs = [...found].sort(([a, one], [b, other]) => other.score - one.score || a - b).map(([, pair]) => pair)
  const members = new Map<number, number[]>()
  for (let place = 0; place < count; place++) {
    const group = members.get(root(place))
    if (group === undefined) members.set(root(place), [place])
    else group.push(place)
  }
  return Object.freeze({
    pairs: Object.freeze(pairs),
    groups: Object.freeze(
      [...members.values()]
        .filter((group) => group.length > 1)
        .sort((a, b) => b.length - a.length || (a[0] as number) - (b[0] as number))
        .map((group) => Object.freeze(group.map((place) => papers[place]!.id))),
    ),
  })
}

const versionMark =
  /[\s([{,:–-]*(?:\b(?:extended|full|long|short|revised|preprint|technical report|updated)\s+(?:version|abstract|paper)|\bversion\s*\d+|\bv\d+|\bextended abstract|\btechnical report|\bpreprint)[\s)\]}.]*$/iu

interface Title {
  /** The words that identify a paper; empty with fewer than three words that are not stop words. */
  readonly key: string
  /** Number of pairs of neighbouring words, without stop words. */
  readonly pairs: number
}

function titleOf(title: string): Title {
  const words = tokens(withoutMarkup(title).replace(versionMark, ''))
  const telling = words.filter((word) => !stopWords.has(word)).length
  return { key: telling < 3 ? '' : words.join(' '), pairs: Math.max(0, telling - 1) }
}

const knownTitles = new WeakMap<Paper, Title>()

/** {@link titleOf} a paper, which many questions may ask. */
function paperTitle(paper: Paper): Title {
  const title = knownTitles.get(paper) ?? titleOf(paper.title)
  knownTitles.set(paper, title)
  return title
}

function sameTitle(one: Title, other: Title): Title | undefined {
  return one.key !== '' && one.key === other.key ? one : undefined
}

/** Number of values that two ascending lists share. */
function sharedCount(a: Int32Array, b: Int32Array): number {
  let count = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const difference = a[i]! - b[j]!
    if (difference === 0) count++
    if (difference <= 0) i++
    if (difference >= 0) j++
  }
  return count
}
