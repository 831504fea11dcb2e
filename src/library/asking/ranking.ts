// The read path of a library. A question is a direction in the embedding space plus a lexical score for every row; the
// score of a paper is the weighted sum of both parts and, if requested, recency. Filters, phrases and near-duplicates
// decide which papers are ranked; they never change a score.
import type { Embedder } from '../../embedding/embedder.ts'
import { PaperkinError, requireInteger, requireNumber, requireOptions, show } from '../../errors.ts'
import type { LexicalIndex } from '../../lexical/lexical-index.ts'
import type { Paper, PaperExtra } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { unitQuery } from '../../vectors/unit-rows.ts'
import type { VectorSnapshot } from '../../vectors/vector-index.ts'
import type { Holding, Roster } from '../collection/collection.ts'
import { wrongText } from '../collection/find-papers.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { bestPapers, type Question, readerOf, type Scored, unlikeShare } from './best-papers.ts'
import { nearDuplicateOf } from './near-duplicates.ts'
import type { PaperAreas } from './paper-areas.ts'
import type { CompiledFilter, PaperFilter } from './paper-filter.ts'
import { phraseMatcher, quotedPhrases } from './quoted-phrases.ts'
import { recencies } from './recency.ts'
import { checkedSeeds, idsOf, lexicalPart, lookUp, meanVector, type Seed, type Seeds } from './seeds.ts'
import type { Gathered, Need, Source } from './source.ts'
import { explainHits, type Why } from './why.ts'

/** The weight of each part in a score, 0 … 1; they add up to 1. */
export interface Weights {
  readonly semantic: number
  readonly lexical: number
  /** Present if `recency` was requested. */
  readonly recency?: number
}

/** A paper found, with its score. */
export interface Hit<Extra extends object = PaperExtra> {
  readonly paper: Paper<Extra>
  /** 0 … 1, higher is nearer: the weighted sum of the parts below. */
  readonly score: number
  /** 0 … 1: the cosine of the two embeddings, or 0 if negative; {@link Seeds} defines it for several seeds. */
  readonly semantic: number
  /**
   * 0 … 1. For a query: BM25 divided by the highest BM25 of any paper, or by half the possible maximum if that is more.
   * For a paper: the cosine of the two TF-IDF rows.
   */
  readonly lexical: number
  /** 0 … 1: 1 for the newest paper, halved for each half-life before it, 0 without a date. Present if requested. */
  readonly recency?: number
  /**
   * True if the hit is probably unrelated: its cosine is typical of unrelated papers, and it shares few words. Only
   * known for the bundled model.
   */
  readonly isWeak?: true
  /** True for a near-duplicate of a seed: see {@link PaperLibrary.duplicates}. */
  readonly isDuplicate?: true
  /** Explains the score. Present if `why` was requested. */
  readonly why?: Why
}

/** Hits by falling score, or reordered by `diversity`; ties in the order in which the papers were added. */
export interface HitList<Extra extends object = PaperExtra> {
  readonly hits: readonly Hit<Extra>[]
  /** Number of all matching papers, including those beyond the hits. Present if requested. */
  readonly total?: number
  readonly weights: Weights
}

export interface HitOptions<Extra extends object = PaperExtra> {
  /** Number of hits; fewer only if fewer papers match. @default 10 */
  readonly k?: number | undefined
  /** Number of hits to skip: 10 gives the second page of ten. @default 0 */
  readonly offset?: number | undefined
  /** Which papers to rank: a function, or conditions by field. Scores do not depend on it. @default all papers */
  readonly filter?: PaperFilter<Extra> | undefined
  /**
   * `'semantic'` ranks by the embedding alone; `'lexical'` by the words alone, and papers that share no word do not
   * match.
   * @default 'hybrid'
   */
  readonly mode?: 'hybrid' | 'semantic' | 'lexical' | undefined
  /**
   * 0 … 1: how much a hit should differ from those before it (maximal marginal relevance, Carbonell and Goldstein
   * 1998). Changes the order, not the scores. Hits are chosen from the best 5 · (offset + k) papers, at least 50.
   * @default 0
   */
  readonly diversity?: number | undefined
  /**
   * Weight of recency in the score, 0 … 1; or `{ weight, halfLife }` with the half-life in days, 365 by default. The
   * other weights shrink in proportion. @default 0
   */
  readonly recency?: number | { readonly weight: number; readonly halfLife?: number } | undefined
  /** Whether to count all matching papers; a filter is then applied to each paper. @default false */
  readonly total?: boolean | undefined
  /** Whether to explain the score of each hit. Embeds the sentences of the hits, about 0.1 s per hit. @default false */
  readonly why?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface SearchOptions<Extra extends object = PaperExtra> extends HitOptions<Extra> {
  /**
   * See {@link HitOptions.mode}.
   * @default 'hybrid'; 'semantic' for an empty text with a `vector`, 'lexical' with neither an embedder nor a `vector`
   */
  readonly mode?: 'hybrid' | 'semantic' | 'lexical' | undefined
  /** Whether words in quotes must occur side by side in a hit. Set it to false for prose with quotes. @default true */
  readonly phrases?: boolean | undefined
  /** Your own vector for the text, scaled to unit length, in place of the embedder's; the text may then be empty. */
  readonly vector?: ArrayLike<number> | undefined
}

export interface RelatedOptions<Extra extends object = PaperExtra> extends HitOptions<Extra> {
  /** Whether to leave out near-duplicates of the seeds instead of marking them. @default false */
  readonly omitDuplicates?: boolean | undefined
  /** Your own vector in place of the embedder's, if the seeds contain exactly one text. */
  readonly vector?: ArrayLike<number> | undefined
}

const hitOptionNames: Readonly<Record<keyof HitOptions, true>> = {
  k: true,
  offset: true,
  filter: true,
  mode: true,
  diversity: true,
  recency: true,
  total: true,
  why: true,
  signal: true,
}

// One setting per kind of question, for all collections; measured by `npm run bench -- related`.
const searchWeights: Weights = Object.freeze({ semantic: 0.6, lexical: 0.4 })
export const relatedWeights: Weights = Object.freeze({ semantic: 0.4, lexical: 0.6 })
const oneSided = {
  semantic: Object.freeze({ semantic: 1, lexical: 0 }),
  lexical: Object.freeze({ semantic: 0, lexical: 1 }),
} as const
/**
 * A hit below both is weak. 95 % of random pairs of abstracts from one year of computer science have a cosine below
 * .55; short queries have lower cosines.
 */
const weakBelow = {
  search: { semantic: 0.35, lexical: 0.75 },
  related: { semantic: 0.55, lexical: 0.2 },
} as const

/** The library as the questions see it; state is read at the time of each question. */
export interface LibraryView {
  readonly source: Source
  /** Places of the papers on the map of science; undefined if there is no map in the space of the vectors. */
  readonly areas: () => PaperAreas | undefined
  readonly hasEmbedder: boolean
  /** Whether the embedder is the bundled model, for which the cosines of unrelated papers are known. */
  readonly isBundled: boolean
  /** Throws `embedder-unavailable` without an embedder. */
  readonly embed: Embedder['embed']
  /** Throws `library-closed` once the library is closed. */
  readonly requireOpen: () => void
}

/** One consistent state of the library, for one question. */
interface State extends Gathered {
  readonly roster: Roster
  readonly lexical: LexicalIndex
  readonly snapshot: VectorSnapshot
}

/** Hits, and the row of each. */
interface Answer {
  readonly list: HitList
  readonly rows: readonly number[]
}

/** Checked options with defaults applied. */
interface Settings {
  readonly k: number
  readonly offset: number
  readonly weights: Weights
  readonly mode: 'hybrid' | 'semantic' | 'lexical'
  readonly diversity: number
  readonly halfLife: number
  readonly filter: CompiledFilter | undefined
  readonly isCounted: boolean
  readonly signal: AbortSignal | undefined
}

/** Papers per step when all matching papers are counted. */
const placesPerCount = 512

/** Number of papers to rank. */
function wantedFor({ k, offset, diversity }: Settings): number {
  return diversity > 0 ? Math.max(50, 5 * (offset + k)) : offset + k
}

function neededFor(
  settings: Settings,
): Pick<
  NonNullable<Need['ranked']>,
  'wanted' | 'filter' | 'isLexical' | 'isByDate' | 'isCounted' | 'comparesHits' | 'weights'
> {
  return {
    wanted: wantedFor(settings),
    filter: settings.filter,
    isLexical: settings.mode === 'lexical',
    isByDate: settings.weights.recency !== undefined,
    isCounted: settings.isCounted,
    comparesHits: settings.diversity > 0,
    weights: settings.weights,
  }
}

/** Takes the current state synchronously, so that a question sees the library before or after a write. */
function stateOf(gathered: Gathered): State {
  const { roster, lexical, vectors } = gathered.holding
  return { ...gathered, roster, lexical, snapshot: vectors.snapshot() }
}

/** Answers questions. Changes nothing and does not wait for writes. */
export class Ranking {
  readonly #view: LibraryView
  readonly #slice = timeSlice(undefined)

  constructor(view: LibraryView) {
    this.#view = view
  }

  /** See `PaperLibrary.search`. */
  async search(text: string, options: SearchOptions = {}): Promise<HitList> {
    const { source, embed, hasEmbedder, requireOpen } = this.#view
    requireOpen()
    requireOptions('search', options, { ...hitOptionNames, phrases: true, vector: true })
    const { vector, signal } = options
    if (typeof text !== 'string' || (text.trim() === '' && vector === undefined)) throw wrongText('text', text)
    const isWordsOnly = vector === undefined && !hasEmbedder
    const mode = options.mode ?? (text.trim() === '' ? 'semantic' : isWordsOnly ? 'lexical' : 'hybrid')
    const settings = await this.#settings({ ...options, mode }, searchWeights)
    let query: Float32Array | undefined
    // Without an embedder and without vectors, the width is not known yet.
    if (vector !== undefined) query = unitQuery(vector, source.dimensions ?? vector.length)
    else if (settings.weights.semantic > 0)
      query = (await embed([text], { inputType: 'query', ...(signal && { signal }) }))[0]
    const direction = settings.weights.semantic > 0 ? query : undefined
    const phrases = (options.phrases ?? true) ? quotedPhrases(text) : []
    const gathered = await source.gather({
      ids: [],
      ranked: { text, phrases, direction, ...neededFor(settings) },
      signal,
    })
    await this.#turn(signal)
    const state = stateOf(gathered)
    const { lexical } = state
    const scores = lexical.search(text)
    const withPhrase = phrases.map((phrase) => lexical.phrase(phrase))
    const answer = await this.#rank(
      {
        direction,
        unlikeDirections: [],
        lexical: scores,
        isMatch: (row) => (mode !== 'lexical' || scores[row]! > 0) && withPhrase.every((rows) => rows[row] === 1),
        conditions: phrases.map((phrase) => {
          const holds = phraseMatcher(phrase)
          return { needsPaper: () => true, holds: (place) => holds(state.roster.papers[place]!.cached as Paper) }
        }),
      },
      { settings, state, weak: weakBelow.search },
    )
    return options.why ? this.#explain(answer, state, { query: text, signal }) : answer.list
  }

  /** See `PaperLibrary.related`. */
  async related(seeds: Seed | Seeds, options: RelatedOptions = {}): Promise<HitList> {
    return (await this.relatedMany([seeds], options))[0] as HitList
  }

  /** See `PaperLibrary.relatedMany`. */
  async relatedMany(all: readonly (Seed | Seeds)[], options: RelatedOptions = {}): Promise<HitList[]> {
    const { source, requireOpen } = this.#view
    requireOpen()
    if (!Array.isArray(all))
      throw new PaperkinError('invalid-argument', `Expected \`seeds\` to be an array, got ${show(all)}.`)
    requireOptions('related', options, { ...hitOptionNames, omitDuplicates: true, vector: true })
    const { signal, omitDuplicates = false } = options
    const settings = await this.#settings(options, relatedWeights)
    const isSemantic = settings.weights.semantic > 0
    const asked = all.map(checkedSeeds)
    const vector = options.vector && unitQuery(options.vector, source.dimensions ?? options.vector.length)
    const known = await lookUp(asked, this.#view, { isSemantic, vector, signal })
    const lists: HitList[] = []
    for (const seeds of asked) {
      const directionOf = (vectors: readonly (Float32Array | undefined)[]) =>
        isSemantic ? meanVector(vectors as readonly Float32Array[]) : undefined
      const found = known.found(seeds)
      const gathered = await source.gather({
        ids: idsOf(seeds),
        ranked: {
          seeds: found,
          direction: directionOf(found.like.map(({ vector }) => vector)),
          omitsDuplicates: omitDuplicates,
          ...neededFor(settings),
        },
        signal,
      })
      const { holding } = gathered
      await this.#prepare(holding, signal)
      while (known.unread(seeds, holding).length > 0) await holding.read(known.unread(seeds, holding), { signal })
      // No await from here to the scores: seeds, words and vectors are from one state.
      const state = stateOf(gathered)
      const { lexical } = state
      const { like, unlike } = known.now(seeds, holding)
      const both = [...like, ...unlike]
      const own = new Set(both.map((seed) => (seed.kept ?? holding.kept.get(seed.id))?.row))
      const isDuplicate = nearDuplicateOf(both, lexical)
      const scores = lexicalPart({ like, unlike }, settings.weights.lexical > 0, lexical)
      const answer = await this.#rank(
        {
          direction: directionOf(like.map(({ vector }) => vector)),
          unlikeDirections: isSemantic ? unlike.map(({ vector }) => vector as Float32Array) : [],
          lexical: scores,
          isMatch: (row) => !own.has(row) && (settings.mode !== 'lexical' || scores[row]! > 0),
          conditions: omitDuplicates
            ? [{ needsPaper: () => true, holds: (place) => !isDuplicate(state.roster.papers[place]!) }]
            : [],
        },
        { settings, state, isDuplicate, weak: weakBelow.related },
      )
      lists.push(options.why ? await this.#explain(answer, state, { like, unlike, unlikeShare, signal }) : answer.list)
    }
    return lists
  }

  async #settings(options: HitOptions, hybrid: Weights): Promise<Settings> {
    const { mode = 'hybrid', recency = 0, filter, signal } = options
    if (typeof recency === 'object') requireOptions('recency', recency, { weight: true, halfLife: true })
    if (mode !== 'hybrid' && mode !== 'semantic' && mode !== 'lexical')
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`mode\` to be 'hybrid', 'semantic' or 'lexical', got ${show(mode)}.`,
      )
    const { weight, halfLife = 365 } = typeof recency === 'object' && recency !== null ? recency : { weight: recency }
    requireNumber('recency', weight, 0, 1)
    requireNumber('recency.halfLife', halfLife, 1e-3, 1e6)
    const base = mode === 'hybrid' ? hybrid : oneSided[mode]
    return {
      k: requireInteger('k', options.k ?? 10, 1),
      offset: requireInteger('offset', options.offset ?? 0, 0),
      weights:
        weight > 0
          ? Object.freeze({
              semantic: base.semantic * (1 - weight),
              lexical: base.lexical * (1 - weight),
              recency: weight,
            })
          : base,
      mode,
      diversity: requireNumber('diversity', options.diversity ?? 0, 0, 1),
      halfLife,
      filter: await this.#view.source.compile(filter, { signal }),
      isCounted: options.total === true,
      signal,
    }
  }

  /** Yields to other tasks if many questions come in a row; throws if aborted or closed. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#slice.due()) await this.#slice.rest()
    signal?.throwIfAborted()
    this.#view.requireOpen()
  }

  /** {@link #turn}, after the lexical index has updated its weights. */
  async #prepare({ lexical }: Holding, signal: AbortSignal | undefined): Promise<void> {
    await lexical.prepare(this.#slice)
    await this.#turn(signal)
  }

  async #rank(
    question: Question,
    asked: {
      readonly settings: Settings
      readonly state: State
      readonly weak: (typeof weakBelow)[keyof typeof weakBelow]
      readonly isDuplicate?: (candidate: StoredPaper) => boolean
    },
  ): Promise<Answer> {
    const { settings, state, weak, isDuplicate } = asked
    const { holding, whole } = state
    const canBeWeak = this.#view.isBundled && settings.weights.semantic > 0
    const { k, offset, diversity, filter, signal } = settings
    const recency =
      settings.weights.recency === undefined
        ? undefined
        : await recencies(state.roster, settings.halfLife, { holding, newest: whole?.newest, signal })
    if (filter?.needsAreas) await this.#view.areas()?.prepare(state.roster, state.snapshot, signal)
    const conditions = filter ? [...question.conditions, filter.test(state.roster)] : question.conditions
    const best = await bestPapers(
      { ...question, conditions },
      {
        wanted: wantedFor(settings),
        weights: settings.weights,
        recency,
        ...state,
        read: (papers) => holding.read(papers, { signal }),
        signal,
      },
    )
    const ordered = diversity > 0 ? await this.#diverse(best, offset + k, diversity, state) : best
    const answered = ordered.slice(offset, offset + k)
    const papers = await holding.read(
      answered.map(({ place }) => state.roster.papers[place]!),
      { signal },
    )
    const hits = answered.map(({ place, score, semantic }, i) => {
      const candidate = state.roster.papers[place]!
      const lexical = question.lexical[candidate.row]!
      const isWeak = canBeWeak && semantic < weak.semantic && lexical < weak.lexical
      return Object.freeze({
        paper: papers[i] as Paper,
        score,
        semantic,
        lexical,
        ...(isWeak && { isWeak: true as const }),
        ...(recency && { recency: recency[place]! }),
        ...(isDuplicate?.(candidate) && { isDuplicate: true as const }),
      })
    })
    const total = settings.isCounted
      ? (whole?.total ?? (await this.#count({ ...question, conditions }, settings, state)))
      : undefined
    const list = Object.freeze({
      hits: Object.freeze(hits),
      weights: settings.weights,
      ...(total !== undefined && { total }),
    })
    return { list, rows: answered.map(({ place }) => state.roster.rows[place]!) }
  }

  /** Number of papers that match a question. */
  async #count({ isMatch, conditions }: Question, { signal }: Settings, { roster, holding }: State): Promise<number> {
    const slice = timeSlice(signal)
    const reading = readerOf(conditions, {
      papers: roster.papers,
      read: (papers) => holding.read(papers, { signal }),
    })
    let total = 0
    for (let start = 0; start < roster.rows.length; start += placesPerCount) {
      const places: number[] = []
      for (let place = start; place < Math.min(start + placesPerCount, roster.rows.length); place++)
        if (isMatch(roster.rows[place]!)) places.push(place)
      if (reading.isNeeded(places)) await reading.read(places)
      for (const [i, place] of places.entries()) {
        if (conditions.every(({ holds }) => holds(place))) total++
        if (i % 32 === 31 && slice.due()) await slice.rest()
      }
      if (slice.due()) await slice.rest()
    }
    return total
  }

  async #explain(
    { list: { hits, ...list }, rows }: Answer,
    { lexical }: State,
    asked: Pick<Parameters<typeof explainHits>[1], 'query' | 'like' | 'unlike' | 'unlikeShare' | 'signal'>,
  ): Promise<HitList> {
    const { embed, hasEmbedder } = this.#view
    const rowById = new Map(hits.map(({ paper }, i) => [paper.id, rows[i] as number]))
    const rowOf = ({ id }: Paper) => rowById.get(id) as number
    const { weights } = list
    const why = await explainHits(hits, { ...asked, weights, lexical, embed: hasEmbedder ? embed : undefined, rowOf })
    return Object.freeze({
      ...list,
      hits: Object.freeze(hits.map((hit, i) => Object.freeze({ ...hit, why: why[i] as Why }))),
    })
  }

  /**
   * Maximal marginal relevance: each step takes the best score less the weighted similarity to the nearest chosen
   * paper.
   */
  async #diverse(
    pool: readonly Scored[],
    count: number,
    diversity: number,
    { roster, lexical, snapshot }: State,
  ): Promise<Scored[]> {
    const left = pool.map((scored) => ({ scored, row: roster.rows[scored.place]!, nearest: 0 }))
    const chosen: Scored[] = []
    while (chosen.length < count && left.length > 0) {
      let best = 0
      const value = ({ scored, nearest }: (typeof left)[number]) => (1 - diversity) * scored.score - diversity * nearest
      for (let i = 1; i < left.length; i++) if (value(left[i]!) > value(left[best]!)) best = i
      const [{ scored, row }] = left.splice(best, 1) as [(typeof left)[number]]
      chosen.push(scored)
      const cosines = snapshot.has(row)
        ? await snapshot.scoreRows(
            snapshot.vector(row),
            left.map((other) => other.row),
          )
        : []
      for (const [i, other] of left.entries()) {
        const similarity =
          relatedWeights.semantic * Math.max(0, cosines[i] ?? 0) +
          relatedWeights.lexical * lexical.cosine(row, other.row)
        other.nearest = Math.max(other.nearest, similarity)
      }
    }
    return chosen
  }
}
