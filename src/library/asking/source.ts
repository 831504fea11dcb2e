// Where questions find papers. Each question gathers what can matter for it in one asynchronous step, and is answered by
// the same code whether that is a whole collection or some papers of a larger one.
import type { PaperkinError } from '../../errors.ts'
import type { LexicalDocument } from '../../lexical/count-terms.ts'
import type { Collection, Holding } from '../collection/collection.ts'
import { paperNotFound } from '../collection/find-papers.ts'
import type { StoredPaper } from '../storage/storage.ts'
import type { PaperAreas } from './paper-areas.ts'
import { type CompiledFilter, compileFilter, type PaperFilter } from './paper-filter.ts'

/** A resolved seed: a paper of the library, or a text. */
export interface KnownSeed extends LexicalDocument {
  /** For a record without an id, derived from its title. */
  readonly id: string
  /** The paper of the library; undefined for a text. */
  readonly kept: StoredPaper | undefined
  /** Undefined if the embedding has no weight. */
  readonly vector: Float32Array | undefined
}

/** The resolved seeds of one question. */
export interface KnownSeeds {
  readonly like: readonly KnownSeed[]
  readonly unlike: readonly KnownSeed[]
}

/** What a question looks for: enough to tell which papers can be among its hits. */
export interface Need {
  /** Ids of papers that must be there, if they exist; an arXiv id may carry a version. */
  readonly ids: readonly string[]
  /** Absent if only the papers with these ids are needed. */
  readonly ranked?: {
    /** A text to be found by its words, which hits must share if `isLexical`. */
    readonly text?: string
    /** Phrases that a hit must have. */
    readonly phrases?: readonly string[]
    /** Mean of the unit vectors; undefined if the embedding has no weight. */
    readonly direction?: Float32Array | undefined
    /** Papers to be found by their words; their ids are among {@link Need.ids} if they are in the library. */
    readonly seeds?: KnownSeeds
    /** Whether papers that share no word do not match. */
    readonly isLexical?: boolean
    /** Whether near-duplicates of the seeds do not match. */
    readonly omitsDuplicates?: boolean
    /** Weights of the parts of a score. */
    readonly weights?: { readonly semantic: number; readonly lexical: number }
    /** Hits wanted, including those that are skipped. */
    readonly wanted: number
    readonly filter?: CompiledFilter | undefined
    /** Whether newer papers score higher. */
    readonly isByDate?: boolean
    readonly isCounted?: boolean
    /** Whether hits are compared with one another by their words. */
    readonly comparesHits?: boolean
  }
  /** Papers to compare the others with: so many, evenly spaced, without those with some ids. */
  readonly sample?: { readonly most: number; readonly without: readonly string[] }
  readonly signal?: AbortSignal | undefined
}

/** The state of a library for one question. */
export interface Gathered {
  /** Read it when the answer is computed: a whole collection shows its state at that time. */
  readonly holding: Holding
  /** Statistics of the larger collection that `holding` is part of; absent if it is the whole. */
  readonly whole?: {
    /** Time from which recency counts, in milliseconds; NaN if no paper has a date. */
    readonly newest: number
    /** Number of matching papers, if it was asked for. */
    readonly total: number | undefined
    /** Papers of `holding`, if {@link Need.sample} was asked for. */
    readonly sample: readonly StoredPaper[]
  }
}

/** Where questions find papers. */
export interface Source {
  /** Width of the vectors; undefined until there are any. */
  readonly dimensions: number | undefined
  /** Checks a filter. @throws PaperkinError as {@link compileFilter} does */
  compile(
    filter: PaperFilter | undefined,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<CompiledFilter | undefined>
  gather(need: Need): Promise<Gathered>
  /** The error for an id that is not in the library, with suggestions. */
  notFound(id: unknown, options: { readonly signal?: AbortSignal | undefined }): Promise<PaperkinError>
}

/** A collection that holds everything; gathering costs nothing. */
export class WholeSource implements Source {
  readonly #collection: Collection
  readonly #areas: () => PaperAreas | undefined
  readonly #hasEmbedder: boolean
  readonly #gathered: Gathered

  constructor(
    collection: Collection,
    options: { readonly areas: () => PaperAreas | undefined; readonly hasEmbedder: boolean },
  ) {
    this.#collection = collection
    this.#areas = options.areas
    this.#hasEmbedder = options.hasEmbedder
    this.#gathered = { holding: collection }
  }

  get dimensions(): number | undefined {
    const { vectors } = this.#collection
    return this.#hasEmbedder || vectors.size > 0 ? vectors.dimensions : undefined
  }

  async compile(filter: PaperFilter | undefined, options: { readonly signal?: AbortSignal | undefined }) {
    return this.#collection.soon(compileFilter(filter, this.#collection.roster, this.#areas), options)
  }

  async gather(): Promise<Gathered> {
    return this.#gathered
  }

  async notFound(id: unknown, options: { readonly signal?: AbortSignal | undefined }): Promise<PaperkinError> {
    return this.#collection.soon(paperNotFound(this.#collection.kept, id), options)
  }
}
