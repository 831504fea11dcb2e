// The read path of a library: what a question finds, and in which order.
import type { Embedder } from '../embedding/embedder.ts'
import { PaperkinError, requireInteger, show } from '../errors.ts'
import type { LexicalIndex } from '../lexical/lexical-index.ts'
import type { Paper } from '../paper.ts'
import type { ExactIndex } from '../vectors/exact-index.ts'
import { timeSlice } from '../vectors/time-slice.ts'
import { unitQuery } from '../vectors/vector-index.ts'
import type { KeptPaper } from './collection.ts'
import { keptPaper, paperNotFound, wrongText } from './find-papers.ts'

/** How much each part counts in a score; they add up to 1. */
export interface Weights {
  readonly semantic: number
  readonly lexical: number
}

/** A paper that was found. */
export interface Hit {
  readonly paper: Paper
  /** Higher is nearer: `weights.semantic * semantic + weights.lexical * lexical`. */
  readonly score: number
  /** Cosine of the two embeddings, -1 … 1. */
  readonly semantic: number
  /** 0 … 1: for a query BM25 divided by the best paper's BM25, for a paper the cosine of the two TF-IDF rows. */
  readonly lexical: number
}

/** Hits by falling score; equal ones in the order in which the papers were added. */
export interface HitList {
  readonly hits: readonly Hit[]
  readonly weights: Weights
}

export interface HitOptions {
  /** The number of hits; fewer come only where fewer papers match. @default 10 */
  readonly k?: number
  /** Papers for which it returns false are passed over. It never changes a score. @default every paper */
  readonly filter?: (paper: Paper) => boolean
  readonly signal?: AbortSignal
}

export interface SearchOptions extends HitOptions {
  /**
   * `'semantic'` ranks by the embedding alone, `'lexical'` by the words alone (papers that share none do not match).
   * @default 'hybrid'; 'semantic' for an empty text, 'lexical' where there is neither an embedder nor a vector
   */
  readonly mode?: 'hybrid' | 'semantic' | 'lexical'
  /** A vector of one's own that stands for the text, in place of the embedder's; the text may then be empty. */
  readonly vector?: ArrayLike<number>
}

// One setting for each kind of question, for every collection; `npm run bench -- related` shows what they do.
const searchWeights: Weights = Object.freeze({ semantic: 0.6, lexical: 0.4 })
const relatedWeights: Weights = Object.freeze({ semantic: 0.4, lexical: 0.6 })
const modeWeights = {
  hybrid: searchWeights,
  semantic: Object.freeze({ semantic: 1, lexical: 0 }),
  lexical: Object.freeze({ semantic: 0, lexical: 1 }),
} as const

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
  /** Throws `library-closed` once the library is. */
  readonly requireOpen: () => void
}

/** Answers questions to a library. It changes nothing and waits for no write. */
export class Ranking {
  readonly #view: LibraryView
  readonly #slice = timeSlice(undefined)

  constructor(view: LibraryView) {
    this.#view = view
  }

  /** See `PaperLibrary.search`. */
  async search(text: string, options: SearchOptions = {}): Promise<HitList> {
    const { embed, hasEmbedder, lexical, vectors, requireOpen } = this.#view
    requireOpen()
    const { k, filter, vector, signal } = options
    if (typeof text !== 'string' || (text.trim() === '' && vector === undefined)) throw wrongText('text', text)
    const isWordsOnly = vector === undefined && !hasEmbedder
    const mode = options.mode ?? (text.trim() === '' ? 'semantic' : isWordsOnly ? 'lexical' : 'hybrid')
    const count = requireInteger('k', k ?? 10, 1)
    if (!Object.hasOwn(modeWeights, mode))
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`mode\` to be 'hybrid', 'semantic' or 'lexical', got ${show(mode)}.`,
      )
    const weights = modeWeights[mode]
    let query: Float32Array | undefined
    // Of a library that has neither an embedder nor a vector no width is known.
    if (vector !== undefined)
      query = unitQuery(vector, hasEmbedder || vectors().size > 0 ? vectors().dimensions : vector.length)
    else if (weights.semantic > 0) query = (await embed([text], { inputType: 'query', ...(signal && { signal }) }))[0]
    signal?.throwIfAborted()
    await this.#giveWay()
    requireOpen()
    return this.#rank({
      query: weights.semantic > 0 ? query : undefined,
      lexical: lexical.search(text),
      weights,
      k: count,
      isMatch: (row, scores) => mode !== 'lexical' || scores[row] > 0,
      filter,
      signal,
    })
  }

  /** See `PaperLibrary.related`. */
  async related(id: string, options: HitOptions = {}): Promise<HitList> {
    const { kept, lexical, vectors, requireOpen } = this.#view
    requireOpen()
    const k = requireInteger('k', options.k ?? 10, 1)
    await this.#giveWay()
    const known = keptPaper(kept, id)
    if (known === undefined) throw paperNotFound(kept, id)
    return this.#rank({
      query: vectors().vector(known.row),
      lexical: lexical.similar(known.row),
      weights: relatedWeights,
      k,
      isMatch: (row) => row !== known.row,
      filter: options.filter,
      signal: options.signal,
    })
  }

  async #rank(question: {
    readonly query: Float32Array | undefined
    readonly lexical: Float64Array
    readonly weights: Weights
    readonly k: number
    readonly isMatch: (row: number, lexical: Float64Array) => boolean
    readonly filter: ((paper: Paper) => boolean) | undefined
    readonly signal: AbortSignal | undefined
  }): Promise<HitList> {
    const { query, lexical, weights, k, isMatch, filter, signal } = question
    signal?.throwIfAborted()
    if (filter !== undefined && typeof filter !== 'function')
      throw new PaperkinError('invalid-argument', `Expected \`filter\` to be a function, got ${show(filter)}.`)
    // All that can change is taken before the first wait.
    const snapshot = this.#view.vectors().snapshot()
    const candidates: KeptPaper[] = []
    for (const kept of this.#view.kept.values())
      if (isMatch(kept.row, lexical) && (filter === undefined || filter(kept.paper))) candidates.push(kept)
    const words = new Float64Array(candidates.length)
    for (let place = 0; place < words.length; place++) words[place] = lexical[candidates[place].row]
    const score = (places: readonly number[]): Hit[] => {
      const cosines =
        query &&
        snapshot.scoreRows(
          query,
          Int32Array.from(places, (place) => candidates[place].row),
        )
      return places.map((place, i) => {
        const semantic = Math.max(-1, Math.min(1, cosines?.[i] ?? 0))
        return Object.freeze({
          paper: candidates[place].paper,
          score: weights.semantic * semantic + weights.lexical * words[place],
          semantic,
          lexical: words[place],
        })
      })
    }
    const best = (places: Iterable<number>) =>
      score([...places].sort((a, b) => a - b))
        .sort((a, b) => b.score - a.score)
        .slice(0, k)
    const found = (hits: readonly Hit[]): HitList => Object.freeze({ hits: Object.freeze(hits), weights })
    if (candidates.length === 0) return found([])
    if (query === undefined) return found(best(largest(words, k)))
    if (candidates.length <= SCORE_ALL) return found(best(candidates.keys()))

    // The threshold algorithm (Fagin, Lotem and Naor 2003, section 4) over two lists, the nearest by embedding and by
    // words: what is in neither can have no higher score than the two lists' last entries would give together.
    const placeOf = new Int32Array(lexical.length).fill(-1)
    candidates.forEach(({ row }, place) => {
      placeOf[row] = place
    })
    for (
      let depth = Math.min(candidates.length, Math.max(64, 4 * k));
      ;
      depth = Math.min(candidates.length, 4 * depth)
    ) {
      const nearest = await snapshot.search(query, {
        k: depth,
        filter: (row) => placeOf[row] >= 0,
        ...(signal && { signal }),
      })
      const byWords = largest(words, depth)
      const hits = best(new Set([...Array.from(nearest.rows, (row) => placeOf[row]), ...byWords]))
      const isAll = depth >= candidates.length
      const lastWord = byWords.reduce((least, place) => Math.min(least, words[place]), 1)
      const lastCosine = nearest.scores[nearest.scores.length - 1] + 1e-6
      const threshold = weights.semantic * lastCosine + weights.lexical * lastWord
      if (isAll || (hits.length === k && hits[k - 1].score > threshold)) return found(hits)
    }
  }

  /** Many questions in a row must not keep timers and signals waiting. */
  async #giveWay(): Promise<void> {
    if (this.#slice.due()) await this.#slice.rest()
  }
}

/** Places of the `count` largest values, in no order; of equal ones the first. */
function largest(values: Float64Array, count: number): number[] {
  if (count >= values.length / 8)
    return Array.from(values.keys())
      .sort((a, b) => values[b] - values[a] || a - b)
      .slice(0, count)
  const best: number[] = []
  for (let place = 0; place < values.length; place++) {
    const value = values[place]
    if (best.length === count && value <= values[best[count - 1] as number]) continue
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
