// The read path of a library: what a question finds, and in which order. A question is a direction in the space of the
// embeddings and a lexical score for every row; a score is the weighted sum of the two parts (and of the recency, and of
// the late interaction, where those are asked for). Filters, phrases and near-duplicates decide who takes part, never
// what a score is.
import type { Embedder } from '../embedding/embedder.ts'
import { PaperkinError, requireInteger, requireNumber, show } from '../errors.ts'
import type { LexicalDocument, LexicalIndex } from '../lexical/lexical-index.ts'
import { type Paper, type PaperInput, paperText, toPaper } from '../paper.ts'
import type { ExactIndex } from '../vectors/exact-index.ts'
import type { ExactSnapshot } from '../vectors/exact-snapshot.ts'
import { timeSlice } from '../vectors/time-slice.ts'
import { type SearchHits, unitQuery } from '../vectors/vector-index.ts'
import type { KeptPaper } from './collection.ts'
import { keptPaper, paperNotFound, wrongText } from './find-papers.ts'
import { LateInteraction } from './late-interaction.ts'
import { isNearDuplicate } from './near-duplicates.ts'
import { compileFilter, type PaperFilter } from './paper-filter.ts'
import { phraseMatcher, quotedPhrases } from './quoted-phrases.ts'
import { explainHits, type Why } from './why.ts'

/** How much each part counts in a score; they add up to 1. */
export interface Weights {
  readonly semantic: number
  readonly lexical: number
  /** Only where `recency` was asked for. */
  readonly recency?: number
  /** Only where `rerank` was asked for. */
  readonly late?: number
}

/** A paper that was found. */
export interface Hit {
  readonly paper: Paper
  /** 0 … 1, higher is nearer: the sum of the parts below, each times its weight. */
  readonly score: number
  /** Cosine of the two embeddings, 0 where it is below 0; see {@link Seeds} for several. */
  readonly semantic: number
  /** 0 … 1: for a query BM25 divided by the best paper's (or by half of what is possible, where that is more), for a paper the cosine of the two TF-IDF rows. */
  readonly lexical: number
  /** 1 for the newest paper of the library, half of it one half-life before, 0 without a date; only where asked for. */
  readonly recency?: number
  /** Mean over the query's tokens of the cosine to the paper's nearest token, 0 … 1; only where `rerank` was asked for. */
  readonly late?: number
  /** True for a near-duplicate of a paper that was asked about: see {@link PaperLibrary.duplicates}. */
  readonly isDuplicate?: true
  /** What made the score; only where `why` was asked for. */
  readonly why?: Why
}

/** Hits by falling score, or by diversity; equal ones in the order in which the papers were added. */
export interface HitList {
  readonly hits: readonly Hit[]
  readonly weights: Weights
}

export interface HitOptions {
  /** The number of hits; fewer come only where fewer papers match. @default 10 */
  readonly k?: number
  /** Hits to pass over: the second page of ten has 10. @default 0 */
  readonly offset?: number
  /** Which papers take part: a function, or conditions by field. It never changes a score. @default every paper */
  readonly filter?: PaperFilter
  /**
   * `'semantic'` ranks by the embedding alone, `'lexical'` by the words alone (papers that share none do not match).
   * @default 'hybrid'
   */
  readonly mode?: 'hybrid' | 'semantic' | 'lexical'
  /**
   * 0 … 1: how much a hit should differ from those before it (maximal marginal relevance, Carbonell and Goldstein 1998).
   * The order changes, the scores do not; hits are picked among the best 5 · (offset + k), 50 at least. @default 0
   */
  readonly diversity?: number
  /** 0 … 1: what share of the score is given to recent papers, or that share and the days in which recency halves. @default 0 */
  readonly recency?: number | { readonly weight: number; readonly halfLife?: number }
  /** Tells of every hit what made its score. It embeds the sentences of the hits: some 0.1 s a hit. @default false */
  readonly why?: boolean
  readonly signal?: AbortSignal
}

export interface SearchOptions extends HitOptions {
  /**
   * As for {@link HitOptions.mode}.
   * @default 'hybrid'; 'semantic' for an empty text, 'lexical' where there is neither an embedder nor a vector
   */
  readonly mode?: 'hybrid' | 'semantic' | 'lexical'
  /**
   * Ranks the first hits anew with a third part, late interaction over token vectors: 50 of them, or as many as it says,
   * `offset + k` at least, and no hits come after them. Token vectors of the last 700 or so papers are kept; of others
   * they are computed on the spot, which takes as long as embedding them: 1 to 2 s for 50 on two cores. @default false
   */
  readonly rerank?: boolean | number
  /** A vector of one's own that stands for the text, in place of the embedder's; the text may then be empty. */
  readonly vector?: ArrayLike<number>
}

/** A paper to ask about: an id of the library, or a record (`title`, `abstract` or both) that need not be in it. */
export type Seed = string | PaperInput

/**
 * Papers whose kin are wanted, and papers whose kin are not. Each part of a score is the mean over `like`, less half the
 * largest over `unlike`, and never below 0: a further paper in `unlike` lowers scores or leaves them.
 */
export interface Seeds {
  readonly like: Seed | readonly Seed[]
  readonly unlike?: Seed | readonly Seed[]
}

export interface RelatedOptions extends HitOptions {
  /** Leaves near-duplicates of the seeds out, instead of marking them. @default false */
  readonly omitDuplicates?: boolean
}

// One setting for each kind of question, for every collection; `npm run bench -- related` shows what they do.
const searchWeights: Weights = Object.freeze({ semantic: 0.6, lexical: 0.4 })
export const relatedWeights: Weights = Object.freeze({ semantic: 0.4, lexical: 0.6 })
const oneSided = {
  semantic: Object.freeze({ semantic: 1, lexical: 0 }),
  lexical: Object.freeze({ semantic: 0, lexical: 1 }),
} as const
/** What late interaction counts for, beside 1 for the parts that decided who is ranked anew. */
const lateWeight = 1
/** What a seed in `unlike` takes away, as a share of its own similarity (Rocchio 1971 has a share below 1 as well). */
const unlikeShare = 0.5

/** Up to so many papers every score is computed: a millisecond, and nothing to prove. */
const SCORE_ALL = 2048

/** What questions are answered from: the library's own state, read at the time of each question. */
export interface LibraryView {
  readonly kept: ReadonlyMap<string, KeptPaper>
  readonly lexical: LexicalIndex
  readonly vectors: () => ExactIndex
  readonly hasEmbedder: boolean
  /** Throws `embedder-unavailable` where there is no embedder. */
  readonly embed: Embedder['embed']
  /** Undefined where the embedder gives no token vectors. */
  readonly embedTokens: Embedder['embedTokens']
  /** Throws `library-closed` once the library is. */
  readonly requireOpen: () => void
}

/** A seed that was looked up: a paper of the library, or a text with its vector. */
export interface KnownSeed extends LexicalDocument {
  /** Of a text that was given without one, made from its title. */
  readonly id: string
  readonly kept: KeptPaper | undefined
  readonly vector: Float32Array | undefined
}

/** A question, ready to be answered. */
interface Question {
  /** Mean of the likes' unit vectors; undefined where the embedding has no weight. */
  readonly direction: Float32Array | undefined
  readonly unlikeDirections: readonly Float32Array[]
  /** The lexical part by row. */
  readonly lexical: Float64Array
  /** Cheap: asked of every paper. */
  readonly isMatch: (candidate: KeptPaper) => boolean
  /** Asked only of papers that would be among the hits. */
  readonly conditions: readonly ((candidate: KeptPaper) => boolean)[]
  /** The query whose tokens rank the first `count` anew. */
  readonly rerank?: { readonly query: string; readonly count: number }
  /** The rows nearest to `direction`, where they are known already. */
  readonly near?: SearchHits | undefined
}

/** The papers that take part in one call, and their vectors. */
interface State {
  readonly papers: readonly KeptPaper[]
  readonly snapshot: ExactSnapshot
}

/** Options, checked and with their defaults. */
interface Settings {
  readonly k: number
  readonly offset: number
  readonly weights: Weights
  readonly mode: 'hybrid' | 'semantic' | 'lexical'
  readonly diversity: number
  readonly halfLife: number
  readonly filter: ((paper: Paper) => boolean) | undefined
  readonly signal: AbortSignal | undefined
}

/** A paper with its score, by its place among those that take part. */
interface Scored {
  readonly place: number
  readonly score: number
  readonly semantic: number
  readonly late?: number
}

/** Answers questions to a library. It changes nothing and waits for no write. */
export class Ranking {
  readonly #view: LibraryView
  readonly #slice = timeSlice(undefined)
  readonly #late = new LateInteraction()

  constructor(view: LibraryView) {
    this.#view = view
  }

  /** See `PaperLibrary.search`. */
  async search(text: string, options: SearchOptions = {}): Promise<HitList> {
    const { embed, hasEmbedder, lexical, vectors, requireOpen } = this.#view
    requireOpen()
    const { vector, signal } = options
    if (typeof text !== 'string' || (text.trim() === '' && vector === undefined)) throw wrongText('text', text)
    const isWordsOnly = vector === undefined && !hasEmbedder
    const mode = options.mode ?? (text.trim() === '' ? 'semantic' : isWordsOnly ? 'lexical' : 'hybrid')
    const settings = this.#settings({ ...options, mode }, searchWeights)
    const rerank = options.rerank === true ? 50 : options.rerank || 0
    requireInteger('rerank', rerank, 0)
    if (rerank > 0) this.#requireTokens(text)
    let query: Float32Array | undefined
    // Of a library that has neither an embedder nor a vector no width is known.
    if (vector !== undefined)
      query = unitQuery(vector, hasEmbedder || vectors().size > 0 ? vectors().dimensions : vector.length)
    else if (settings.weights.semantic > 0)
      query = (await embed([text], { inputType: 'query', ...(signal && { signal }) }))[0]
    await this.#prepare(signal)
    const state = this.#state()
    const scores = lexical.search(text)
    const list = await this.#rank(
      {
        direction: settings.weights.semantic > 0 ? query : undefined,
        unlikeDirections: [],
        lexical: scores,
        isMatch: ({ row }) => mode !== 'lexical' || scores[row] > 0,
        conditions: quotedPhrases(text).map((phrase) => {
          const holding = lexical.phrase(phrase)
          const holds = phraseMatcher(phrase)
          return ({ row, paper }) => holding[row] === 1 && holds(paper)
        }),
        ...(rerank > 0 && { rerank: { query: text, count: rerank } }),
      },
      settings,
      state,
    )
    return options.why ? this.#explain(list, { query: text, signal }) : list
  }

  /** See `PaperLibrary.related`. */
  async related(seeds: Seed | Seeds, options: RelatedOptions = {}): Promise<HitList> {
    return (await this.relatedMany([seeds], options))[0] as HitList
  }

  /** See `PaperLibrary.relatedMany`. */
  async relatedMany(all: readonly (Seed | Seeds)[], options: RelatedOptions = {}): Promise<HitList[]> {
    const { lexical, requireOpen } = this.#view
    requireOpen()
    if (!Array.isArray(all))
      throw new PaperkinError('invalid-argument', `Expected \`seeds\` to be an array, got ${show(all)}.`)
    const { signal, omitDuplicates = false } = options
    const settings = this.#settings(options, relatedWeights)
    const asked = all.map(checkedSeeds)
    const known = await this.#lookUp(asked, settings)
    await this.#prepare(signal)
    const state = this.#state()
    const directions = known.map(({ like }) => (settings.weights.semantic > 0 ? meanVector(like) : undefined))
    const near = await this.#nearLists(directions, settings, state)
    const lists: HitList[] = []
    const slice = timeSlice(signal)
    for (const [place, { like, unlike }] of known.entries()) {
      const seeds = [...like, ...unlike]
      const ids = new Set(seeds.map(({ id }) => id))
      const isDuplicate = (candidate: KeptPaper) => seeds.some((seed) => isNearDuplicate(lexical, seed, candidate))
      const scores = this.#lexicalPart(like, unlike, settings.weights)
      const list = await this.#rank(
        {
          direction: directions[place],
          unlikeDirections: settings.weights.semantic > 0 ? unlike.map(({ vector }) => vector as Float32Array) : [],
          lexical: scores,
          isMatch: ({ id, row }) => !ids.has(id) && (settings.mode !== 'lexical' || scores[row] > 0),
          conditions: omitDuplicates ? [(candidate) => !isDuplicate(candidate)] : [],
          near: near?.[place],
        },
        settings,
        state,
        isDuplicate,
      )
      lists.push(options.why ? await this.#explain(list, { like, unlike, unlikeShare, signal }) : list)
      if (slice.due()) await slice.rest()
    }
    return lists
  }

  #settings(options: HitOptions, hybrid: Weights): Settings {
    const { mode = 'hybrid', recency = 0, filter, signal } = options
    if (mode !== 'hybrid' && mode !== 'semantic' && mode !== 'lexical')
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`mode\` to be 'hybrid', 'semantic' or 'lexical', got ${show(mode)}.`,
      )
    const { weight, halfLife = 365 } = typeof recency === 'object' && recency !== null ? recency : { weight: recency }
    requireNumber('recency', weight, 0, 1)
    requireNumber('recency.halfLife', halfLife, 1e-3, 1e6)
    const base = mode === 'hybrid' ? hybrid : oneSided[mode]
    const { kept } = this.#view
    // Papers of a library on disk are read when they are asked for: one after the other, as few as it takes.
    function* papers() {
      for (const { paper } of kept.values()) yield paper
    }
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
      filter: compileFilter(filter, papers),
      signal,
    }
  }

  /** Lets others have their turn where many questions come in a row, and the index its weights after a change. */
  async #prepare(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#slice.due()) await this.#slice.rest()
    await this.#view.lexical.prepare(this.#slice)
    signal?.throwIfAborted()
    this.#view.requireOpen()
  }

  /** Taken without a wait, before the first wait: so a question sees the library before or after a write. */
  #state(): State {
    return { papers: [...this.#view.kept.values()], snapshot: this.#view.vectors().snapshot() }
  }

  /** Finds the seeds that are ids, and embeds those that are texts, all of them in one call. */
  async #lookUp(asked: readonly CheckedSeeds[], settings: Settings): Promise<KnownSeeds[]> {
    const { kept, embed } = this.#view
    const isSemantic = settings.weights.semantic > 0
    const known = new Map<string | Paper, KnownSeed>()
    const texts: Paper[] = []
    for (const seed of asked.flatMap(({ like, unlike }) => [...like, ...unlike])) {
      if (known.has(seed)) continue
      const found = typeof seed === 'string' ? keptPaper(kept, seed) : undefined
      if (typeof seed !== 'string') {
        texts.push(seed)
        known.set(seed, { id: seed.id, title: seed.title, abstract: seed.abstract, kept: undefined, vector: undefined })
      } else if (found === undefined) throw paperNotFound(kept, seed)
      else {
        const { title, abstract } = found.paper
        const vector = isSemantic ? this.#view.vectors().vector(found.row) : undefined
        known.set(seed, { id: found.id, title, abstract, kept: found, vector })
      }
    }
    if (isSemantic && texts.length > 0) {
      const { signal } = settings
      const vectors = await embed(texts.map(paperText), { inputType: 'document', ...(signal && { signal }) })
      for (const [i, text] of texts.entries())
        known.set(text, { ...(known.get(text) as KnownSeed), vector: vectors[i] as Float32Array })
    }
    const named = (seeds: readonly (string | Paper)[]) => seeds.map((seed) => known.get(seed) as KnownSeed)
    return asked.map(({ like, unlike }) => ({ like: named(like), unlike: named(unlike) }))
  }

  /** The nearest rows of many questions at once: products of matrices are some five times as fast as single scans. */
  async #nearLists(
    directions: readonly (Float32Array | undefined)[],
    settings: Settings,
    { papers, snapshot }: State,
  ): Promise<SearchHits[] | undefined> {
    if (directions.length < 8 || papers.length <= SCORE_ALL || settings.weights.semantic === 0) return undefined
    return snapshot.searchMany(directions as Float32Array[], {
      k: depthOf(settings, papers.length),
      ...(settings.signal && { signal: settings.signal }),
    })
  }

  /** The lexical part of a related list, by row. */
  #lexicalPart(like: readonly KnownSeed[], unlike: readonly KnownSeed[], weights: Weights): Float64Array {
    const { lexical } = this.#view
    if (weights.lexical === 0) return new Float64Array(lexical.rows)
    const similar = (seed: KnownSeed) =>
      seed.kept === undefined ? lexical.similarTo(seed) : lexical.similar(seed.kept.row)
    const scores = similar(like[0] as KnownSeed)
    for (const seed of like.slice(1)) {
      const more = similar(seed)
      for (let row = 0; row < scores.length; row++) scores[row] += more[row]
    }
    if (like.length > 1) for (let row = 0; row < scores.length; row++) scores[row] /= like.length
    if (unlike.length > 0) {
      const worst = new Float64Array(scores.length)
      for (const seed of unlike) {
        const more = similar(seed)
        for (let row = 0; row < worst.length; row++) if (more[row] > worst[row]) worst[row] = more[row]
      }
      for (let row = 0; row < scores.length; row++) scores[row] = Math.max(0, scores[row] - unlikeShare * worst[row])
    }
    return scores
  }

  async #rank(
    question: Question,
    settings: Settings,
    state: State,
    isDuplicate?: (candidate: KeptPaper) => boolean,
  ): Promise<HitList> {
    const { lexical } = question
    const { k, offset, diversity } = settings
    const { papers } = state
    const recency = settings.weights.recency === undefined ? undefined : recencies(papers, settings.halfLife)
    const { rerank } = question
    const wanted = Math.max(diversity > 0 ? Math.max(50, 5 * (offset + k)) : offset + k, rerank?.count ?? 0)
    const found = await this.#best(question, { wanted, settings, state, recency })
    const best = rerank ? await this.#reranked(found, rerank.query, settings, state) : found
    const weights = rerank ? withLate(settings.weights) : settings.weights
    const ordered = diversity > 0 ? this.#diverse(best, offset + k, diversity, state) : best
    const hits = ordered.slice(offset, offset + k).map(({ place, score, semantic, late }) => {
      const candidate = papers[place]
      return Object.freeze({
        paper: candidate.paper,
        score,
        semantic,
        lexical: lexical[candidate.row],
        ...(recency && { recency: recency[place] }),
        ...(late !== undefined && { late }),
        ...(isDuplicate?.(candidate) && { isDuplicate: true as const }),
      })
    })
    return Object.freeze({ hits: Object.freeze(hits), weights })
  }

  /** The papers with the highest scores, best first. */
  async #best(
    question: Question,
    options: { wanted: number; settings: Settings; state: State; recency: Float64Array | undefined },
  ): Promise<Scored[]> {
    const { direction, lexical, isMatch } = question
    const { wanted, settings, recency } = options
    const { weights, filter, signal } = settings
    const { papers, snapshot } = options.state
    if (papers.length === 0) return []
    const conditions = filter ? [...question.conditions, ({ paper }: KeptPaper) => filter(paper)] : question.conditions
    // 1: takes part, 2: does not, 0: not asked yet.
    const taking = new Uint8Array(papers.length)
    const takesPart = (place: number): boolean => {
      if (taking[place] === 0)
        taking[place] = isMatch(papers[place]) && conditions.every((holds) => holds(papers[place])) ? 1 : 2
      return taking[place] === 1
    }
    // What is known without the embedding.
    const known = new Float64Array(papers.length)
    for (let place = 0; place < known.length; place++)
      known[place] = weights.lexical * lexical[papers[place].row] + (weights.recency ?? 0) * (recency?.[place] ?? 0)
    const semantics = direction && semanticPart(direction, question.unlikeDirections, snapshot)
    const score = (places: Iterable<number>): Scored[] => {
      const list = Int32Array.from(places).sort()
      const semantic = semantics?.of(list.map((place) => papers[place].row))
      const scored = Array.from(list, (place, i) => {
        const part = semantic?.[i] ?? 0
        return { place, semantic: part, score: Math.min(1, weights.semantic * part + known[place]) }
      })
      // Places come ascending, and the sort is stable: equal scores stay in the order in which the papers were added.
      return scored.sort((a, b) => b.score - a.score).slice(0, wanted)
    }
    if (semantics === undefined) return score(largest(known, wanted, takesPart))
    if (papers.length <= SCORE_ALL) return score(Array.from(papers.keys()).filter(takesPart))

    // The threshold algorithm (Fagin, Lotem and Naor 2003, section 4) over two lists, the nearest by embedding and the
    // best by all else: what is in neither can have no higher score than the two lists' last entries would give together.
    const placeOf = new Int32Array(lexical.length).fill(-1)
    for (let place = 0; place < papers.length; place++) placeOf[papers[place].row] = place
    const isWanted = (row: number) => placeOf[row] >= 0 && takesPart(placeOf[row])
    let { near } = question
    for (let depth = depthOf(settings, papers.length); ; depth = Math.min(papers.length, 4 * depth)) {
      near ??= await snapshot.search(semantics.unit, { k: depth, filter: isWanted, ...(signal && { signal }) })
      const fromNear = Array.from(near.rows, (row) => placeOf[row]).filter((place) => place >= 0 && takesPart(place))
      const byWords = largest(known, depth, takesPart)
      const scored = score(new Set([...fromNear, ...byWords]))
      // Fewer rows than were asked for are all there are.
      if (near.rows.length < depth || depth >= papers.length) return scored
      const lastKnown = byWords.length < depth ? 0 : known[byWords[byWords.length - 1]]
      const lastCosine = Math.max(0, near.scores[near.scores.length - 1] + 1e-6) * semantics.length
      const last = scored.length < wanted ? Number.NEGATIVE_INFINITY : scored[wanted - 1].score
      if (last > weights.semantic * lastCosine + lastKnown) return scored
      near = undefined
    }
  }

  #requireTokens(text: string): void {
    if (this.#view.embedTokens !== undefined && text.trim() !== '') return
    throw new PaperkinError(
      'invalid-argument',
      text.trim() === ''
        ? 'Expected a text where `rerank` is set, as it compares words; search without it.'
        : 'Expected an embedder that gives token vectors where `rerank` is set, as the bundled model does; search without it.',
    )
  }

  async #reranked(found: readonly Scored[], query: string, settings: Settings, state: State): Promise<Scored[]> {
    const papers = found.map(({ place }) => state.papers[place].paper)
    const embedTokens = this.#view.embedTokens as NonNullable<Embedder['embedTokens']>
    const { dimensions } = state.snapshot
    const scores = await this.#late.scores(query, papers, { embedTokens, dimensions, signal: settings.signal })
    const late = withLate(settings.weights).late as number
    return found
      .map((scored, i) => ({ ...scored, late: scores[i], score: (1 - late) * scored.score + late * scores[i] }))
      .sort((a, b) => b.score - a.score || a.place - b.place)
  }

  async #explain(
    { hits, weights }: HitList,
    asked: Pick<Parameters<typeof explainHits>[1], 'query' | 'like' | 'unlike' | 'unlikeShare' | 'signal'>,
  ): Promise<HitList> {
    const { embed, hasEmbedder, kept, lexical } = this.#view
    const rowOf = ({ id }: Paper) => kept.get(id)?.row ?? -1
    const why = await explainHits(hits, { ...asked, weights, lexical, embed: hasEmbedder ? embed : undefined, rowOf })
    return Object.freeze({
      hits: Object.freeze(hits.map((hit, i) => Object.freeze({ ...hit, why: why[i] as Why }))),
      weights,
    })
  }

  /** Maximal marginal relevance: at each step the paper with the best score, less what the nearest of the chosen says as well. */
  #diverse(pool: readonly Scored[], count: number, diversity: number, { papers, snapshot }: State): Scored[] {
    const { lexical } = this.#view
    const left = pool.map((scored) => ({ scored, row: papers[scored.place].row, nearest: 0 }))
    const chosen: Scored[] = []
    while (chosen.length < count && left.length > 0) {
      let best = 0
      const value = ({ scored, nearest }: (typeof left)[number]) => (1 - diversity) * scored.score - diversity * nearest
      for (let i = 1; i < left.length; i++) if (value(left[i]) > value(left[best])) best = i
      const [{ scored, row }] = left.splice(best, 1) as [(typeof left)[number]]
      chosen.push(scored)
      const cosines = snapshot.has(row)
        ? snapshot.scoreRows(
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

/** The weights with that of late interaction among them. */
function withLate({ semantic, lexical, recency }: Weights): Weights {
  const others = 1 / (1 + lateWeight)
  return Object.freeze({
    semantic: semantic * others,
    lexical: lexical * others,
    ...(recency !== undefined && { recency: recency * others }),
    late: lateWeight * others,
  })
}

interface CheckedSeeds {
  readonly like: readonly (string | Paper)[]
  readonly unlike: readonly (string | Paper)[]
}

interface KnownSeeds {
  readonly like: readonly KnownSeed[]
  readonly unlike: readonly KnownSeed[]
}

function checkedSeeds(asked: Seed | Seeds): CheckedSeeds {
  const checked = (seeds: Seed | readonly Seed[]) =>
    (Array.isArray(seeds) ? seeds : [seeds]).map((seed) => (typeof seed === 'string' ? seed : toPaper(seed)))
  if (typeof asked === 'string') return { like: [asked], unlike: [] }
  if (typeof asked !== 'object' || asked === null) throw wrongText('id', asked)
  if (!('like' in asked) && !('unlike' in asked)) return { like: [toPaper(asked)], unlike: [] }
  const { like, unlike = [] } = asked as Seeds
  const seeds = { like: checked(like ?? []), unlike: checked(unlike) }
  if (seeds.like.length === 0)
    throw new PaperkinError('invalid-argument', 'Expected `like` to name at least one paper, got none.')
  return seeds
}

/** The mean of unit vectors; its product with another unit vector is the mean of their cosines. */
function meanVector(seeds: readonly KnownSeed[]): Float32Array {
  const [first] = seeds as [KnownSeed]
  if (seeds.length === 1) return first.vector as Float32Array
  const sum = new Float64Array((first.vector as Float32Array).length)
  for (const { vector } of seeds) for (let d = 0; d < sum.length; d++) sum[d] += (vector as Float32Array)[d]
  return Float32Array.from(sum, (value) => value / seeds.length)
}

/** The semantic part of a score, for any rows. */
function semanticPart(direction: Float32Array, unlike: readonly Float32Array[], snapshot: ExactSnapshot) {
  let square = 0
  for (const value of direction) square += value * value
  // Opposite seeds cancel out: then nothing is near.
  const isNowhere = !(square > 1e-12)
  const unit = isNowhere ? Float32Array.from(direction, (_, d) => (d === 0 ? 1 : 0)) : direction
  const length = isNowhere ? 0 : Math.abs(square - 1) < 1e-6 ? 1 : Math.sqrt(square)
  return {
    unit,
    length,
    of: (rows: Int32Array): Float64Array => {
      const part = snapshot.scoreRows(unit, rows).map((cosine) => Math.min(1, Math.max(0, cosine * length)))
      if (unlike.length === 0) return part
      const worst = new Float64Array(rows.length)
      for (const vector of unlike)
        for (const [i, cosine] of snapshot.scoreRows(vector, rows).entries()) worst[i] = Math.max(worst[i], cosine)
      return part.map((value, i) => Math.max(0, value - unlikeShare * worst[i]))
    },
  }
}

function depthOf({ k, offset, diversity }: Settings, papers: number): number {
  return Math.min(papers, Math.max(64, (diversity > 0 ? 10 : 4) * (offset + k)))
}

const day = 86_400_000

/** 1 for the newest of the papers, half of it one half-life before; 0 for those without a date. */
function recencies(papers: readonly KeptPaper[], halfLife: number): Float64Array {
  const times = Float64Array.from(papers, ({ paper: { published } }) =>
    published !== undefined && /^\d{4}/u.test(published) ? Date.parse(published) : Number.NaN,
  )
  const newest = times.reduce((latest, time) => (time > latest ? time : latest), Number.NEGATIVE_INFINITY)
  return times.map((time) => (Number.isNaN(time) ? 0 : 2 ** ((time - newest) / day / halfLife)))
}

/** Places of the `count` largest values above 0 that take part, largest first; of equal ones the first. */
function largest(values: Float64Array, count: number, takesPart: (place: number) => boolean): number[] {
  if (count >= values.length / 8)
    return Array.from(values.keys())
      .filter((place) => values[place] > 0 && takesPart(place))
      .sort((a, b) => values[b] - values[a] || a - b)
      .slice(0, count)
  const best: number[] = []
  for (let place = 0; place < values.length; place++) {
    const value = values[place]
    if (!(value > 0) || (best.length === count && value <= values[best[count - 1] as number])) continue
    if (!takesPart(place)) continue
    let low = 0
    for (let high = best.length; low < high; ) {
      const middle = (low + high) >> 1
      if (values[best[middle] as number] >= value) low = middle + 1
      else high = middle
    }
    best.splice(low, 0, place)
    if (best.length > count) best.pop()
  }
  return best
}
