// Recommends papers from those that a reader liked. The score has two parts, standardised on unjudged papers: a linear
// model over embedding and words, and the similarity to the nearest liked papers ("kinship"), which keeps several
// interests apart and weighs more the fewer papers are liked. Measured by `npm run bench -- recommend`.
import { PaperkinError, requireInteger, requireOptions, show } from '../../errors.ts'
import type { LexicalDocument } from '../../lexical/count-terms.ts'
import type { LexicalIndex } from '../../lexical/lexical-index.ts'
import type { SparseRows } from '../../lexical/sparse-rows.ts'
import type { Paper } from '../../paper.ts'
import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import { stemSpeller } from '../../text/spelling.ts'
import { RowDots } from '../../vectors/kernels.ts'
import type { VectorSnapshot } from '../../vectors/vector-index.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { unlikeShare } from './best-papers.ts'
import { calibration, decision, type Features, trainLinear } from './interest-model.ts'
import { nearDuplicateOf } from './near-duplicates.ts'
import { type LibraryView, relatedWeights } from './ranking.ts'
import { type CheckedSeeds, checkedSeeds, idsOf, lookUp, meanVector, type Seed } from './seeds.ts'
import type { KnownSeed } from './source.ts'

export interface RecommendOptions {
  /**
   * One or more liked papers: ids of the library, or records with `title`, `abstract` or both that need not be in it.
   */
  readonly liked: Seed | readonly Seed[]
  /** Papers that are not wanted. @default none */
  readonly disliked?: Seed | readonly Seed[] | undefined
  /** The papers to choose from. @default the whole library */
  readonly among?: Seed | readonly Seed[] | undefined
  /** Most papers to return. @default 10 */
  readonly k?: number | undefined
  /** Whether to give the liked papers and the words that speak for each hit. @default false */
  readonly why?: boolean | undefined
  /** Whether to leave out near-duplicates of judged papers instead of marking them. @default false */
  readonly omitDuplicates?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The reasons for a recommendation. */
export interface RecommendationReason {
  /** Up to three nearest liked papers, nearest first; `similarity` is 0 … 1, the score of related papers. */
  readonly liked: readonly { readonly id: string; readonly title: string; readonly similarity: number }[]
  /**
   * Up to eight words and word pairs that speak for it; `weight` is their share of the total of all such terms, 0 … 1.
   */
  readonly terms: readonly { readonly term: string; readonly weight: number }[]
}

export interface Recommendation {
  readonly paper: Paper
  /**
   * 0 … 1: the probability that such a paper is liked, if liked and other papers were equally frequent; above .5 it is
   * more like the liked papers than like the rest. Calibrated on the liked papers, each held out.
   */
  readonly score: number
  /** True for a near-duplicate of a judged paper. */
  readonly isDuplicate?: true
  /** Present if `why` was requested. */
  readonly why?: RecommendationReason
}

export interface Recommendations {
  /** By falling score, without judged papers. */
  readonly hits: readonly Recommendation[]
  /** Ids of papers left out: judged papers of `among`, and near-duplicates with `omitDuplicates`. */
  readonly known: readonly string[]
}

/**
 * C of scikit-learn's LinearSVC with balanced classes. Chosen among .01, .1 and 1 on one half of the bench's profiles.
 */
const cost = 0.1
/** Weight of kinship with many liked papers; with one it is 1. */
const kinShare = 0.3
/** Nearest liked papers averaged for kinship: one is chance, all would blur several interests. */
const nearest = 3
/** Unjudged papers, evenly sampled, that train the model. */
const mostUnjudged = 1000
/** Unjudged papers on which scores are standardised, and liked papers on which they are calibrated. */
const mostCompared = 100
/** Candidates whose kinship is computed: the best by the linear model. */
const mostKin = 1000
/** Candidates scored by the linear model at a time. */
const papersPerChunk = 4096
/** Typical standings of held-out liked papers, in standard deviations, from the bench. */
const usualStanding = [1.5, 3] as const

/** The judged papers: first the liked rows, then the disliked ones. */
interface Reference {
  readonly liked: number
  readonly disliked: number
  /** Sparse entries of the judged rows by column: those of column `c` are `start[c]` … `start[c + 1]`. */
  readonly start: Int32Array
  readonly row: Int32Array
  readonly value: Float64Array
}

interface TermFeatures extends Features {
  /** Term number in the lexical index of each sparse column, ascending. */
  readonly terms: Int32Array
}

/** See `PaperLibrary.recommend`. */
export async function recommend(view: LibraryView, options: RecommendOptions): Promise<Recommendations> {
  view.requireOpen()
  requireOptions('recommend', options ?? {}, {
    liked: true,
    disliked: true,
    among: true,
    k: true,
    why: true,
    omitDuplicates: true,
    signal: true,
  })
  const { liked, disliked = [], among, signal, why = false, omitDuplicates = false } = options ?? {}
  const k = requireInteger('k', options?.k ?? 10, 1)
  for (const [name, value] of Object.entries({ why, omitDuplicates }))
    if (typeof value !== 'boolean')
      throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be true or false, got ${show(value)}.`)
  if (liked === undefined || liked === null || (Array.isArray(liked) && liked.length === 0))
    throw new PaperkinError('invalid-argument', 'Expected `liked` to name at least one paper, got none.')
  const isOneOf = among !== undefined
  const asked = await inLibrary(checkedSeeds({ like: liked, unlike: disliked }), view, signal)
  const choice = await inLibrary(
    isOneOf && !(Array.isArray(among) && among.length === 0) ? checkedSeeds({ like: among }) : { like: [], unlike: [] },
    view,
    signal,
  )
  const isSemantic =
    view.hasEmbedder ||
    (view.source.dimensions !== undefined &&
      [...asked.like, ...asked.unlike, ...choice.like].every((it) => typeof it !== 'object'))
  const found = await lookUp([asked, choice], view, { isSemantic, vector: undefined, signal })
  const slice = timeSlice(signal)
  const seeds = found.found(asked)
  const { holding, whole } = await view.source.gather({
    ids: [...idsOf(asked), ...idsOf(choice)],
    ...(!isOneOf && {
      ranked: {
        seeds,
        direction: isSemantic ? meanVector(seeds.like.map(({ vector }) => vector as Float32Array)) : undefined,
        wanted: Math.max(mostKin, 4 * k),
      },
    }),
    sample: { most: mostUnjudged, without: idsOf(asked) },
    signal,
  })
  await holding.lexical.prepare(slice)
  for (;;) {
    const papers = [...found.unread(asked, holding), ...found.unread(choice, holding)]
    if (papers.length === 0) break
    await holding.read(papers, { signal })
  }
  view.requireOpen()
  // No await until everything is taken from one state.
  const { roster, lexical } = holding
  const snapshot = holding.vectors.snapshot()
  const { like, unlike } = found.now(asked, holding)
  const judged = { liked: distinct(like), disliked: distinct(unlike) }
  const likedIds = new Set(judged.liked.map(({ id }) => id))
  const both = judged.disliked.find(({ id }) => likedIds.has(id))
  if (both !== undefined)
    throw new PaperkinError(
      'invalid-argument',
      `Expected each paper to be liked or disliked, but ${show(both.id)} is both: leave one out.`,
    )
  const isJudged = new Set([...likedIds, ...judged.disliked.map(({ id }) => id)])
  const offered = distinct(found.now(choice, holding).like)
  const rest = roster.papers.filter(({ id }) => !isJudged.has(id))
  const outside = offered.filter(({ kept, id }) => kept === undefined && !isJudged.has(id))
  const candidates: readonly Item[] = isOneOf ? offered.filter(({ id }) => !isJudged.has(id)) : rest
  const known = new Set(offered.filter(({ id }) => isJudged.has(id)).map(({ id }) => id))
  const duplicatesUnwanted = nearDuplicateOf(judged.disliked, lexical)
  const unjudged = evenly<Item>([...(whole?.sample ?? rest), ...outside], mostUnjudged)
  if (candidates.length === 0) return Object.freeze({ hits: Object.freeze([]), known: Object.freeze([...known]) })

  const space = { lexical, snapshot, isSemantic, slice }
  const items: readonly Item[] = [...judged.liked, ...judged.disliked, ...unjudged]
  const training = await features(items, space)
  const [likes, dislikes] = [judged.liked.length, judged.disliked.length]
  const labels = Int8Array.from(items, (_, i) => (i < likes ? 1 : -1))
  const ofLiked = (cost * items.length) / (2 * likes)
  const ofOthers = (cost * items.length) / (2 * Math.max(1, items.length - likes))
  // A disliked paper weighs as much as a liked one.
  const costs = Float64Array.from(items, (_, i) =>
    i < likes ? ofLiked : i < likes + dislikes ? Math.max(ofLiked, ofOthers) : ofOthers,
  )
  const model = trainLinear(training, labels, costs)
  if (slice.due()) await slice.rest()
  const reference = reversed(training.sparse, likes, dislikes)
  const placeOf = new Map(items.map(({ id }, place) => [id, place]))

  // Standardise both parts on unjudged papers.
  const compared = evenly(
    unjudged.map((_, i) => likes + dislikes + i),
    mostCompared,
  )
  const judgedItems = items.slice(0, likes + dislikes)
  const comparedItems = compared.map((place) => items[place] as Item)
  const mostShown = Math.min(candidates.length, Math.max(mostKin, 4 * k))
  const cosines = isSemantic
    ? new JudgedCosines(snapshot, { judged: judgedItems.length, others: compared.length + mostShown })
    : undefined
  await cosines?.add(judgedItems, slice)
  const firstCompared = (await cosines?.add(comparedItems, slice)) ?? 0
  const trainingKin = async (places: readonly number[], rowOf: (place: number, i: number) => number) => {
    const kin: number[] = []
    for (const [i, at] of places.entries()) {
      kin.push(kinship(reference, training.sparse, { at, cosines: cosines?.of(rowOf(at, i)), own: at }).value)
      if (slice.due()) await slice.rest()
    }
    return kin
  }
  const commonKin = await trainingKin(compared, (_, i) => firstCompared + i)
  const standard = {
    linear: standardise(compared.map((place) => model.heldOut[place]!)),
    kin: standardise(commonKin),
  }
  const share = kinShare + (1 - kinShare) / likes
  const standing = (linear: number, kin: number) => (1 - share) * standard.linear(linear) + share * standard.kin(kin)
  const tested =
    likes < 2
      ? []
      : evenly(
          judged.liked.map((_, i) => i),
          mostCompared,
        )
  const testedKin = await trainingKin(tested, (place) => place)
  const probability = calibration(
    tested.map((place, i) => standing(model.heldOut[place]!, testedKin[i] as number)),
    compared.map((place, i) => standing(model.heldOut[place]!, commonKin[i] as number)),
    usualStanding,
  )

  const linear = new Float64Array(candidates.length)
  for (let from = 0; from < candidates.length; from += papersPerChunk) {
    const part = candidates.slice(from, from + papersPerChunk)
    const their = onto(training, await features(part, space))
    for (let i = 0; i < part.length; i++) {
      const place = placeOf.get((part[i] as Item).id)
      linear[from + i] = place === undefined ? decision(model.weights, their, i) : model.heldOut[place]!
      if (i % 64 === 63 && slice.due()) await slice.rest()
    }
  }
  const first = best(linear, mostShown)
  const shownItems = first.map((i) => candidates[i] as Item)
  const shown = onto(training, await features(shownItems, { ...space, hasDense: false }))
  const firstShown = (await cosines?.add(shownItems, slice)) ?? 0
  const shownKin = (at: number) =>
    kinship(reference, shown.sparse, { at, cosines: cosines?.of(firstShown + at), own: -1 })
  const total = new Float64Array(first.length)
  for (const [at, i] of first.entries()) {
    total[at] = standing(linear[i]!, shownKin(at).value)
    if (slice.due()) await slice.rest()
  }
  const name = why ? lexical.namer() : undefined
  const hits: Recommendation[] = []
  const ranked = best(total, total.length)
  const keptAt = (at: number) => keptOf(candidates[first[at] as number] as Item)
  for (const [rank, at] of ranked.entries()) {
    if (hits.length === k) break
    // At least this many more are needed.
    if (keptAt(at)?.cached === undefined)
      await holding.read(
        ranked.slice(rank, rank + k - hits.length).flatMap((next) => keptAt(next) ?? []),
        { signal },
      )
    const item = candidates[first[at] as number] as Item
    const kept = keptOf(item)
    // A liked paper that this one duplicates is among its nearest.
    const near = shownKin(at).nearest
    const isLiked = nearDuplicateOf(
      near.map(({ row }) => judged.liked[row] as KnownSeed),
      lexical,
    )
    const isDuplicate = kept !== undefined && (isLiked(kept) || duplicatesUnwanted(kept))
    if (isDuplicate && omitDuplicates) {
      known.add(item.id)
      continue
    }
    const paper = kept?.cached ?? (choice.like.find((one) => typeof one === 'object' && one.id === item.id) as Paper)
    hits.push(
      Object.freeze({
        paper,
        score: probability(total[at]!),
        ...(isDuplicate && { isDuplicate: true as const }),
        ...(name && {
          why: Object.freeze({
            liked: Object.freeze(
              near.map(({ row, similarity }) => {
                const { id, title } = judged.liked[row] as KnownSeed
                return Object.freeze({ id, title, similarity })
              }),
            ),
            terms: speakingTerms(paper, { features: shown, row: at, weights: model.weights, name }),
          }),
        }),
      }),
    )
    if (slice.due()) await slice.rest()
  }
  return Object.freeze({ hits: Object.freeze(hits), known: Object.freeze([...known]) })
}

/** A paper of the library, or a resolved seed. */
type Item = StoredPaper | KnownSeed

const keptOf = (item: Item): StoredPaper | undefined => ('kept' in item ? item.kept : item)

function vectorOf(item: Item, snapshot: VectorSnapshot): Float32Array {
  const kept = keptOf(item)
  return kept === undefined ? ((item as KnownSeed).vector as Float32Array) : snapshot.vector(kept.row)
}

/** Cosines, in float64, of papers with the judged ones. */
class JudgedCosines {
  readonly #dots: RowDots
  readonly #snapshot: VectorSnapshot
  readonly #judged: Int32Array
  readonly #products: Float64Array
  #rows = 0

  /** An empty one with room for the judged papers, which must be added first, and for others. */
  constructor(snapshot: VectorSnapshot, { judged, others }: { readonly judged: number; readonly others: number }) {
    this.#dots = RowDots.allocate((judged + others) * snapshot.dimensions, snapshot.dimensions)
    this.#snapshot = snapshot
    this.#judged = Int32Array.from({ length: judged }, (_, row) => row)
    this.#products = new Float64Array(judged)
  }

  /** Adds papers and returns the row of the first. */
  async add(items: readonly Item[], slice: TimeSlice): Promise<number> {
    const { matrix, dimensions } = this.#dots
    const first = this.#rows
    for (const item of items) {
      matrix.set(vectorOf(item, this.#snapshot), dimensions * this.#rows++)
      if (this.#rows % 64 === 0 && slice.due()) await slice.rest()
    }
    return first
  }

  /** Cosines of a row with each judged paper; valid until the next call. */
  of(row: number): Float64Array {
    this.#dots.products(row, this.#judged, this.#products)
    return this.#products
  }
}

interface Space {
  readonly lexical: LexicalIndex
  readonly snapshot: VectorSnapshot
  readonly isSemantic: boolean
  /** Whether {@link features} has a dense part; without it the rows serve for words alone. @default isSemantic */
  readonly hasDense?: boolean
  readonly slice: TimeSlice
}

/** Replaces records that are in the library, word for word, by their ids, so that they are not embedded again. */
async function inLibrary(
  { like, unlike }: CheckedSeeds,
  { source }: LibraryView,
  signal: AbortSignal | undefined,
): Promise<CheckedSeeds> {
  const records = [...like, ...unlike].filter((seed) => typeof seed === 'object')
  const { holding } = await source.gather({ ids: records.map(({ id }) => id), signal })
  const copied = records.flatMap(({ id }) => holding.kept.get(id) ?? [])
  const papers = new Map((await holding.read(copied, { signal })).map((paper) => [paper.id, paper]))
  const known = (seed: CheckedSeeds['like'][number]) => {
    if (typeof seed !== 'object') return seed
    const same = papers.get(seed.id)
    return same !== undefined && same.title === seed.title && same.abstract === seed.abstract ? seed.id : seed
  }
  return { like: like.map(known), unlike: unlike.map(known) }
}

function distinct(seeds: readonly KnownSeed[]): KnownSeed[] {
  return [...new Map(seeds.map((seed) => [seed.id, seed])).values()]
}

/** At most `most` items, evenly spaced. */
function evenly<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all]
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)] as T)
}

/**
 * Feature rows: unit rows of words and embedding, scaled so that the dot product of two rows is the score of related
 * papers.
 */
async function features(
  items: readonly Item[],
  { lexical, snapshot, isSemantic, hasDense = isSemantic, slice }: Space,
): Promise<TermFeatures> {
  const rows: number[] = []
  const documents: LexicalDocument[] = []
  const at: number[] = []
  for (const item of items) {
    const kept = keptOf(item)
    if (kept !== undefined) at.push(rows.push(kept.row) - 1)
    else at.push(-documents.push(item as KnownSeed))
  }
  const found = await lexical.sparseRows(rows, slice, { documents })
  const dimensions = hasDense ? snapshot.dimensions : 0
  const dense = new Float64Array(items.length * dimensions)
  const start = new Int32Array(items.length + 1)
  const column = new Int32Array(found.column.length)
  const value = new Float32Array(found.value.length)
  const [ofVectors, ofWords] = isSemantic
    ? [Math.sqrt(relatedWeights.semantic), Math.sqrt(relatedWeights.lexical)]
    : [0, 1]
  for (const [i, item] of items.entries()) {
    const row = at[i]! >= 0 ? at[i]! : rows.length - 1 - at[i]!
    let to = start[i]!
    for (let j = found.start[row]!; j < found.start[row + 1]!; j++) {
      column[to] = found.column[j]!
      value[to++] = ofWords * found.value[j]!
    }
    start[i + 1] = to
    if (hasDense) {
      const vector = vectorOf(item, snapshot)
      for (let d = 0; d < dimensions; d++) dense[i * dimensions + d] = ofVectors * vector[d]!
    }
    if (i % 64 === 63 && slice.due()) await slice.rest()
  }
  const sparse = { rows: items.length, columns: found.columns, start, column, value }
  return { sparse, dense, dimensions, terms: found.terms }
}

/** Maps rows to the columns of other features; terms without a column are dropped. */
function onto({ terms, sparse }: TermFeatures, other: TermFeatures): TermFeatures {
  const columnOf = new Int32Array(other.terms.length).fill(-1)
  for (let i = 0, j = 0; i < columnOf.length && j < terms.length; ) {
    if (other.terms[i] === terms[j]) columnOf[i++] = j++
    else if (other.terms[i]! < terms[j]!) i++
    else j++
  }
  const { rows, start, column, value } = other.sparse
  const mapped = {
    rows,
    columns: sparse.columns,
    start: new Int32Array(rows + 1),
    column: new Int32Array(column.length),
    value: new Float32Array(value.length),
  }
  let to = 0
  for (let row = 0; row < rows; row++) {
    for (let i = start[row]!; i < start[row + 1]!; i++) {
      if (columnOf[column[i]!]! < 0) continue
      mapped.column[to] = columnOf[column[i]!]!
      mapped.value[to++] = value[i]!
    }
    mapped.start[row + 1] = to
  }
  return { ...other, sparse: mapped, terms }
}

/** Inverts the judged rows to columns, so that a paper is compared only with rows that share its terms. */
function reversed({ start, column, value, columns }: SparseRows, liked: number, disliked: number): Reference {
  const end = start[liked + disliked]!
  const from = new Int32Array(columns + 1)
  for (let i = 0; i < end; i++) from[column[i]! + 1]!++
  for (let c = 0; c < columns; c++) from[c + 1]! += from[c]!
  const next = from.slice()
  const row = new Int32Array(end)
  const its = new Float64Array(end)
  for (let r = 0; r < liked + disliked; r++)
    for (let i = start[r]!; i < start[r + 1]!; i++) {
      row[next[column[i]!]!] = r
      its[next[column[i]!]!++] = value[i]!
    }
  return { liked, disliked, start: from, row, value: its }
}

/**
 * The mean score of the nearest liked papers, minus a share of that of the nearest disliked one, for the row `at`.
 * `cosines` are those with the judged papers. `own` is the row of the paper itself among them, which is ignored; -1 or a
 * higher row if it was not judged.
 */
function kinship(
  { liked, disliked, start, row, value }: Reference,
  sparse: SparseRows,
  { at, cosines, own }: { readonly at: number; readonly cosines: Float64Array | undefined; readonly own: number },
): { readonly value: number; readonly nearest: readonly { readonly row: number; readonly similarity: number }[] } {
  const scores = new Float64Array(liked + disliked)
  for (let i = sparse.start[at]!; i < sparse.start[at + 1]!; i++) {
    const c = sparse.column[i]!
    for (let j = start[c]!; j < start[c + 1]!; j++) scores[row[j]!]! += sparse.value[i]! * value[j]!
  }
  for (let r = 0; r < scores.length; r++) {
    const semantic = cosines === undefined ? 0 : relatedWeights.semantic * Math.max(0, cosines[r]!)
    scores[r] = Math.min(1, scores[r]! + semantic)
  }
  if (own >= 0 && own < scores.length) scores[own] = -1
  const found: { row: number; similarity: number }[] = []
  for (let r = 0; r < liked; r++) {
    if (scores[r]! < 0 || (found.length === nearest && scores[r]! <= (found[nearest - 1]?.similarity ?? 0))) continue
    found.push({ row: r, similarity: scores[r]! })
    found.sort((a, b) => b.similarity - a.similarity || a.row - b.row)
    found.length = Math.min(found.length, nearest)
  }
  let worst = 0
  for (let r = liked; r < scores.length; r++) if (scores[r]! > worst) worst = scores[r]!
  const mean = found.length === 0 ? 0 : found.reduce((sum, { similarity }) => sum + similarity, 0) / found.length
  return { value: mean - unlikeShare * worst, nearest: found.filter(({ similarity }) => similarity > 0) }
}

function standardise(values: readonly number[]): (value: number) => number {
  if (values.length === 0) return (value) => value
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  return (value) => (value - mean) / (deviation > 1e-9 ? deviation : 1)
}

/** Places of the `count` largest values, in falling order; ties by place. */
function best(values: Float64Array, count: number): number[] {
  return Array.from(values.keys())
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, count)
}

function speakingTerms(
  paper: LexicalDocument,
  {
    features: { sparse, terms },
    row,
    weights,
    name,
  }: {
    readonly features: TermFeatures
    readonly row: number
    readonly weights: Float64Array
    readonly name: (term: number) => string
  },
): RecommendationReason['terms'] {
  const found: { term: string; weight: number }[] = []
  let sum = 0
  for (let i = sparse.start[row]!; i < sparse.start[row + 1]!; i++) {
    const weight = weights[sparse.column[i]!]! * sparse.value[i]!
    if (!(weight > 0)) continue
    sum += weight
    found.push({ term: name(terms[sparse.column[i]!]!), weight })
  }
  const spelling = stemSpeller(paper)
  return Object.freeze(
    found
      .sort((a, b) => b.weight - a.weight || (a.term < b.term ? -1 : 1))
      .slice(0, 8)
      .map(({ term, weight }) => Object.freeze({ term: spelling(term), weight: weight / sum })),
  )
}
