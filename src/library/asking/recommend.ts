// Recommends papers from those that a reader liked. The score has two parts, standardised on unjudged papers: a linear
// model over embedding and words, and the similarity to the nearest liked papers ("kinship"), which keeps several
// interests apart and weighs more the fewer papers are liked. Measured by `npm run bench -- recommend`.
import { PaperkinError, requireInteger, requireOptions, show } from '../../errors.ts'
import type { LexicalDocument } from '../../lexical/count-terms.ts'
import type { LexicalIndex, TermRow, UnitRows } from '../../lexical/lexical-index.ts'
import type { SparseRows } from '../../lexical/sparse-rows.ts'
import type { Paper } from '../../paper.ts'
import { type TimeSlice, timeSlice } from '../../runtime/time-slice.ts'
import { stemSpeller } from '../../text/spelling.ts'
import { RowDots } from '../../vectors/kernels.ts'
import type { VectorSnapshot } from '../../vectors/vector-index.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { unlikeShare } from './best-papers.ts'
import { calibration, decisionOf, type Features, type SparseRow, trainLinear } from './interest-model.ts'
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
/** Candidates scored by the linear model at a time. */
const papersPerChunk = 1024
/** Unjudged papers on which scores are standardised, and liked papers on which they are calibrated. */
const mostCompared = 100
/** Candidates whose kinship is computed: the best by the linear model. */
const mostKin = 1000
/** Candidates asked of a database, which knows the kinship of all. */
const mostFar = 300
/**
 * Typical standings of held-out liked papers, in standard deviations, from the bench: they join fewer than five. With
 * more they made the scores too high: of papers of seven days, graded by reading for three readers, 79 had .5 or more and
 * 55 of those fitted; without them 60, and 50.
 */
const usualStanding = [1.5, 3] as const
const fewHeldOut = 5

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
        weights: relatedWeights,
        wanted: Math.max(mostFar, 4 * k),
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
  const duplicatesLiked = nearDuplicateOf(judged.liked, lexical)
  const duplicatesUnwanted = nearDuplicateOf(judged.disliked, lexical)
  const unjudged = evenly<Item>([...(whole?.sample ?? rest), ...outside], mostUnjudged)
  if (candidates.length === 0) return Object.freeze({ hits: Object.freeze([]), known: Object.freeze([...known]) })

  const items: readonly Item[] = [...judged.liked, ...judged.disliked, ...unjudged]
  const words = new WordRows(lexical, [...items, ...outside], isSemantic)
  const mostShown = Math.min(candidates.length, Math.max(mostKin, 4 * k))
  const cosines = isSemantic
    ? new JudgedCosines(snapshot, { judged: items.length - unjudged.length, room: items.length + mostShown })
    : undefined
  await cosines?.add(items, signal)
  const training = await features(items, { lexical, words, cosines, slice })
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
  const trainingKin = async (places: readonly number[]) => {
    const kin: number[] = []
    for (const at of places) {
      kin.push(kinship(reference, rowAt(training.sparse, at), { cosines: cosines?.of(at), own: at }).value)
      if (slice.due()) await slice.rest()
    }
    return kin
  }
  const commonKin = await trainingKin(compared)
  const standard = {
    linear: standardise(compared.map((place) => model.heldOut(place))),
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
  const testedKin = await trainingKin(tested)
  const probability = calibration(
    tested.map((place, i) => standing(model.heldOut(place), testedKin[i] as number)),
    compared.map((place, i) => standing(model.heldOut(place), commonKin[i] as number)),
    tested.length < fewHeldOut ? usualStanding : [],
  )

  const linear = new Float64Array(candidates.length)
  const kinOf: Kinship[] = []
  // Where all candidates are shown, each is read once.
  const isAllShown = mostShown === candidates.length
  const { dimensions } = training
  for (let from = 0; from < candidates.length; from += papersPerChunk) {
    const part = candidates.slice(from, from + papersPerChunk)
    const firstRow = isAllShown ? await cosines?.add(part, signal) : undefined
    const vectors =
      firstRow === undefined && isSemantic ? await vectorsOf(part, snapshot, signal) : cosines?.from(firstRow ?? 0)
    for (const [i, item] of part.entries()) {
      const place = placeOf.get(item.id)
      if (place !== undefined) linear[from + i] = model.heldOut(place)
      if (place !== undefined && !isAllShown) continue
      const row = words.read(item)
      if (place === undefined)
        linear[from + i] = decisionOf(model.weights, row, vectors ?? noVectors, dimensions * i, dimensions)
      if (isAllShown) kinOf[from + i] = kinship(reference, row, { cosines: cosines?.of((firstRow ?? 0) + i), own: -1 })
      if (i % 64 === 63 && slice.due()) await slice.rest()
    }
  }
  const first = best(linear, mostShown)
  if (!isAllShown) {
    const shownItems = first.map((i) => candidates[i] as Item)
    const firstRow = (await cosines?.add(shownItems, signal)) ?? 0
    for (const [at, item] of shownItems.entries()) {
      kinOf[first[at] as number] = kinship(reference, words.read(item), {
        cosines: cosines?.of(firstRow + at),
        own: -1,
      })
      if (slice.due()) await slice.rest()
    }
  }
  const total = Float64Array.from(first, (i) => standing(linear[i]!, (kinOf[i] as Kinship).value))
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
    const near = (kinOf[first[at] as number] as Kinship).nearest
    const isDuplicate =
      kept !== undefined &&
      (duplicatesLiked(
        kept,
        near.map(({ row }) => row),
      ) ||
        duplicatesUnwanted(kept))
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
            terms: speakingTerms(paper, { terms: training.terms, row: words.read(item), weights: model.weights, name }),
          }),
        }),
      }),
    )
    if (slice.due()) await slice.rest()
  }
  return Object.freeze({ hits: Object.freeze(hits), known: Object.freeze([...known]) })
}

const noVectors = new Float32Array(0)

/** A paper of the library, or a resolved seed. */
type Item = StoredPaper | KnownSeed

const keptOf = (item: Item): StoredPaper | undefined => ('kept' in item ? item.kept : item)

/** Vectors of papers, one after the other. */
async function vectorsOf(
  items: readonly Item[],
  snapshot: VectorSnapshot,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const kept = items.flatMap((item) => keptOf(item)?.row ?? [])
  const found = await snapshot.vectors(kept, signal ? { signal } : {})
  if (kept.length === items.length) return found
  const { dimensions } = snapshot
  const all = new Float32Array(items.length * dimensions)
  let next = 0
  for (const [i, item] of items.entries())
    all.set(
      keptOf(item) === undefined
        ? ((item as KnownSeed).vector as Float32Array)
        : found.subarray(next * dimensions, ++next * dimensions),
      i * dimensions,
    )
  return all
}

/** Vectors of papers, and their cosines, in float64, with the judged ones. */
class JudgedCosines {
  readonly #dots: RowDots
  readonly #snapshot: VectorSnapshot
  readonly #judged: Int32Array
  readonly #products: Float64Array
  #rows = 0

  /** An empty one with room for papers, of which the judged ones must be added first. */
  constructor(snapshot: VectorSnapshot, { judged, room }: { readonly judged: number; readonly room: number }) {
    this.#dots = RowDots.allocate(room * snapshot.dimensions, snapshot.dimensions)
    this.#snapshot = snapshot
    this.#judged = Int32Array.from({ length: judged }, (_, row) => row)
    this.#products = new Float64Array(judged)
  }

  get dimensions(): number {
    return this.#dots.dimensions
  }

  /** The vectors added so far, one after the other. */
  get vectors(): Float32Array {
    return this.#dots.matrix.subarray(0, this.#rows * this.dimensions)
  }

  /** The vectors added from a row on. */
  from(row: number): Float32Array {
    return this.vectors.subarray(row * this.dimensions)
  }

  /** Adds papers and returns the row of the first. */
  async add(items: readonly Item[], signal: AbortSignal | undefined): Promise<number> {
    const first = this.#rows
    this.#dots.matrix.set(await vectorsOf(items, this.#snapshot, signal), first * this.dimensions)
    this.#rows += items.length
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
  readonly words: WordRows
  /** Holds the papers from its first row on; undefined if words alone count. */
  readonly cosines: JudgedCosines | undefined
  readonly slice: TimeSlice
}

const rowAt = ({ column, value, start }: SparseRows, row: number): SparseRow => ({
  column,
  value,
  from: start[row]!,
  to: start[row + 1]!,
})

/** Rows of words as they were when this was made, whatever changes in the library meanwhile. */
class WordRows {
  readonly #kept: UnitRows
  readonly #others = new Map<Item, TermRow>()
  readonly #weight: number
  readonly #scratch: TermRow = { term: new Int32Array(512), value: new Float32Array(512), length: 0 }
  #columnOf: Int32Array = new Int32Array(0)

  constructor(lexical: LexicalIndex, items: Iterable<Item>, isSemantic: boolean) {
    this.#kept = lexical.unitRows()
    for (const item of items) if (keptOf(item) === undefined) this.#others.set(item, lexical.unitRow(item as KnownSeed))
    this.#weight = isSemantic ? Math.sqrt(relatedWeights.lexical) : 1
  }

  /** The row of a paper for `LexicalIndex.sparseRows`. */
  of(item: Item): number | TermRow {
    return keptOf(item)?.row ?? (this.#others.get(item) as TermRow)
  }

  /** Makes features of the values of unit rows. */
  scale(values: Float32Array): void {
    for (let i = 0; i < values.length; i++) values[i]! *= this.#weight
  }

  /** Sets the columns of {@link read}, by term; -1 for none. */
  onto(columnOf: Int32Array): void {
    this.#columnOf = columnOf
  }

  /** The features of a paper that have a column; valid until the next call. */
  read(item: Item): SparseRow {
    const row = this.of(item)
    const target = this.#scratch
    const columnOf = this.#columnOf
    if (typeof row === 'number') this.#kept.read(row, target)
    const { term, value, length } = typeof row === 'number' ? target : row
    if (target.term.length < length) {
      target.term = new Int32Array(length)
      target.value = new Float32Array(length)
    }
    let to = 0
    for (let i = 0; i < length; i++) {
      const column = columnOf[term[i]!]!
      if (column < 0) continue
      target.term[to] = column
      target.value[to++] = this.#weight * value[i]!
    }
    return { column: target.term, value: target.value, from: 0, to }
  }
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
async function features(items: readonly Item[], { lexical, words, cosines, slice }: Space): Promise<TermFeatures> {
  const { terms, columnOf, ...sparse } = await lexical.sparseRows(
    items.map((item) => words.of(item)),
    slice,
  )
  words.onto(columnOf)
  words.scale(sparse.value)
  return {
    sparse,
    dense: cosines?.vectors ?? new Float32Array(0),
    dimensions: cosines?.dimensions ?? 0,
    denseWeight: relatedWeights.semantic,
    terms,
  }
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

interface Kinship {
  readonly value: number
  readonly nearest: readonly { readonly row: number; readonly similarity: number }[]
}

/**
 * The mean score of the nearest liked papers, minus a share of that of the nearest disliked one, for a paper. `cosines`
 * are those with the judged papers. `own` is the row of the paper itself among them, which is ignored; -1 or a higher row
 * if it was not judged.
 */
function kinship(
  { liked, disliked, start, row, value }: Reference,
  words: SparseRow,
  { cosines, own }: { readonly cosines: Float64Array | undefined; readonly own: number },
): Kinship {
  const scores = new Float64Array(liked + disliked)
  for (let i = words.from; i < words.to; i++) {
    const c = words.column[i]!
    const its = words.value[i]!
    for (let j = start[c]!; j < start[c + 1]!; j++) scores[row[j]!]! += its * value[j]!
  }
  const found: { row: number; similarity: number }[] = []
  // The similarity that a further paper must exceed to be among the nearest.
  let floor = -1
  let worst = 0
  for (let r = 0; r < liked + disliked; r++) {
    if (r === own) continue
    const semantic = cosines === undefined ? 0 : relatedWeights.semantic * Math.max(0, cosines[r]!)
    const similarity = Math.min(1, scores[r]! + semantic)
    if (r >= liked) worst = Math.max(worst, similarity)
    else if (similarity > floor) {
      found.push({ row: r, similarity })
      found.sort((a, b) => b.similarity - a.similarity || a.row - b.row)
      found.length = Math.min(found.length, nearest)
      if (found.length === nearest) floor = (found[nearest - 1] as (typeof found)[number]).similarity
    }
  }
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
    terms,
    row,
    weights,
    name,
  }: {
    readonly terms: Int32Array
    readonly row: SparseRow
    readonly weights: Float64Array
    readonly name: (term: number) => string
  },
): RecommendationReason['terms'] {
  const found: { term: string; weight: number }[] = []
  let sum = 0
  for (let i = row.from; i < row.to; i++) {
    const weight = weights[row.column[i]!]! * row.value[i]!
    if (!(weight > 0)) continue
    sum += weight
    found.push({ term: name(terms[row.column[i]!]!), weight })
  }
  const spelling = stemSpeller(paper)
  return Object.freeze(
    found
      .sort((a, b) => b.weight - a.weight || (a.term < b.term ? -1 : 1))
      .slice(0, 8)
      .map(({ term, weight }) => Object.freeze({ term: spelling(term), weight: weight / sum })),
  )
}
