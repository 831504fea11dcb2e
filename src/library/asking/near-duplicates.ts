// Near-duplicates: copies, versions, the same abstract under another title. Measured by pairs of neighbouring stems,
// the two-word shingles that the lexical index keeps for every row. The measure is containment (Broder 1997), not
// resemblance, so that a shortened version counts as a duplicate.
import { createHash } from 'node:crypto'
import { requireNumber } from '../../errors.ts'
import type { LexicalDocument } from '../../lexical/count-terms.ts'
import type { LexicalIndex } from '../../lexical/lexical-index.ts'
import type { Paper } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { stopWords, tokens, withoutMarkup } from '../../text/tokens.ts'
import type { Collection } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { PairLists, sharedCount } from './pair-lists.ts'

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
      if (isDuplicate(shared, size, { threshold: duplicateThreshold, pairsOfTitle: same?.pairs })) return true
    }
    return false
  }
}

function isDuplicate(
  shared: number,
  size: number,
  {
    threshold,
    pairsOfTitle,
  }: {
    readonly threshold: number
    /** Number of pairs in the title, if it is the same. */
    readonly pairsOfTitle: number | undefined
  },
): boolean {
  if (pairsOfTitle !== undefined) {
    // Pairs within the title are not evidence; if one paper has only a title, the title suffices.
    const rest = size - pairsOfTitle
    return rest <= 0 || shared - pairsOfTitle >= (threshold / 2) * rest
  }
  return shared >= fewest && shared >= threshold * size
}

/** A paper as it is compared with all others. */
export interface PairedPaper {
  readonly id: string
  readonly title: string
  /**
   * Its pairs of adjacent stems as numbers below 2^32, ascending and spread evenly: equal pairs have equal numbers, and
   * different ones hardly ever.
   */
  readonly pairs: Uint32Array
}

/** The papers of a collection as of the call, with numbers of pairs that are never equal for different ones. */
export async function* pairedPapers(
  collection: Collection,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly PairedPaper[]> {
  const { kept, lexical } = collection
  const papers = [...kept.values()]
  let place = 0
  for await (const part of collection.stream(papers, { signal }))
    yield part.map(({ id, title }) => {
      const { known } = lexical.pairs((papers[place++] as StoredPaper).row)
      // Times an odd number, different numbers stay different.
      return { id, title, pairs: Uint32Array.from(known, (term) => Math.imul(term, 0x9e3779b1)).sort() }
    })
}

/**
 * All pairs of near-duplicates and their groups, among papers in the order in which they were added. Time grows with the
 * papers and the rare word pairs that they share. Memory: the id, 4 bytes for each word pair and some 150 more.
 */
export async function findDuplicates(
  papers: AsyncIterable<readonly PairedPaper[]>,
  options: DuplicateOptions,
): Promise<Duplicates> {
  const threshold = requireNumber('threshold', options.threshold ?? duplicateThreshold, 0.05, 1)
  const slice = timeSlice(options.signal)
  const ids: string[] = []
  // Exact copies have the same list of pairs; the first of them represents all.
  const lists = new PairLists({ leastToShare: fewest })
  const titlePairs: number[] = []
  /** A hash of each title's key; 0 without one. */
  const titleKeys: number[] = []
  for await (const part of papers)
    for (const { id, title, pairs } of part) {
      ids.push(id)
      lists.add(pairs)
      const its = titleOf(title)
      titlePairs.push(its.pairs)
      titleKeys.push(its.key === '' ? 0 : keyOf(its.key))
      if (slice.due()) await slice.rest()
    }
  await lists.settle(slice)
  const count = ids.length
  const found = new Map<number, DuplicatePair>()
  const groups = Int32Array.from({ length: count }, (_, place) => place)
  const root = (place: number): number => {
    let top = place
    while (groups[top] !== top) top = groups[top]!
    groups[place] = top
    return top
  }
  const propose = (a: number, b: number) => {
    const [first, second] = a < b ? [a, b] : [b, a]
    if (first === second || found.has(first * count + second)) return
    const shared = lists.shared(first, second)
    const size = Math.min(lists.size(first), lists.size(second))
    const isSameTitle = titleKeys[first] !== 0 && titleKeys[first] === titleKeys[second]
    if (!isDuplicate(shared, size, { threshold, pairsOfTitle: isSameTitle ? titlePairs[first] : undefined })) return
    found.set(
      first * count + second,
      Object.freeze({
        ids: Object.freeze([ids[first]!, ids[second]!] as const),
        score: size === 0 ? 1 : shared / size,
        isSameTitle,
      }),
    )
    groups[root(second)] = root(first)
  }

  // Most titles are those of one paper.
  const firstWith = new Map<number, number>()
  const repeated = new Map<number, number[]>()
  for (const [place, key] of titleKeys.entries()) {
    const first = firstWith.get(key)
    const same = repeated.get(key)
    if (same !== undefined) same.push(place)
    else if (first !== undefined) repeated.set(key, [first, place])
    else if (key !== 0) firstWith.set(key, place)
    if (slice.due()) await slice.rest()
  }
  firstWith.clear()
  for (const same of repeated.values())
    for (const [i, place] of same.entries()) {
      for (const other of same.slice(Math.max(0, i - commonFrom), i)) propose(other, place)
      if (slice.due()) await slice.rest()
    }
  for (let place = 0; place < count; place++) if (lists.firstOf(place) !== place) propose(lists.firstOf(place), place)

  // For each rare pair, the papers so far that have it.
  const { frequency } = lists
  const start = new Uint32Array(frequency.length + 1)
  for (let pair = 0; pair < frequency.length; pair++)
    start[pair + 1] = start[pair]! + (frequency[pair]! > commonFrom ? 0 : frequency[pair]!)
  const end = start.slice(0, -1)
  const holders = new Uint32Array(start.at(-1) as number)
  const shared = new Uint32Array(count)
  for (let place = 0; place < count; place++) {
    if (lists.firstOf(place) !== place) continue
    const met: number[] = []
    let rare = lists.size(place)
    for (const pair of lists.list(place)) {
      if (frequency[pair]! > commonFrom) {
        rare--
        continue
      }
      for (let at = start[pair]!; at < end[pair]!; at++) if (shared[holders[at]!]!++ === 0) met.push(holders[at]!)
      holders[end[pair]!++] = place
    }
    for (const other of met) {
      // Duplicates also share rare pairs, unless they have hardly any.
      const size = Math.min(lists.size(place), lists.size(other))
      const least = Math.min(fewest, (threshold * size) / 4, rare)
      if (shared[other]! >= least) propose(other, place)
      shared[other] = 0
    }
    if (slice.due()) await slice.rest()
  }

  const pairs = [...found].sort(([a, one], [b, other]) => other.score - one.score || a - b).map(([, pair]) => pair)
  const members = new Map<number, number[]>()
  for (let place = 0; place < count; place++) {
    // Most papers are alone.
    if (groups[place] === place && !members.has(place)) continue
    const group = members.get(root(place)) ?? [root(place)]
    members.set(root(place), group)
    if (place !== group[0]) group.push(place)
  }
  return Object.freeze({
    pairs: Object.freeze(pairs),
    groups: Object.freeze(
      [...members.values()]
        .map((group) => group.sort((a, b) => a - b))
        .sort((a, b) => b.length - a.length || (a[0] as number) - (b[0] as number))
        .map((group) => Object.freeze(group.map((place) => ids[place]!))),
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

/** A hash of a title's key, from 1 to 2^53. */
function keyOf(key: string): number {
  return createHash('sha256').update(key).digest().readUIntBE(0, 6) + 1
}
