import { type FrequenciesInWhole, LexicalIndex, type WholeStatistics } from '../../lexical/lexical-index.ts'
import type { Paper } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { ExactIndex } from '../../vectors/exact-index.ts'
import { chunkRows } from '../../vectors/vector-index.ts'
import { type Holding, Roster } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'

/** A paper that may be among the hits, with its unit vector. */
export interface Candidate {
  readonly paper: Paper
  readonly vector: Float32Array
}

export interface CandidateOptions {
  /** Whether their words are counted; false for questions without words. @default true */
  readonly isCounted?: boolean
  /** See {@link LexicalIndex.ofPart}. */
  readonly frequencies?: FrequenciesInWhole | undefined
}

const wordless = { title: '', abstract: '' }

/**
 * Some papers of a larger collection. With the statistics of the whole, their scores are those that they have there, up
 * to the last bits of sums over terms, which are numbered in another order. That order is the same for all candidates.
 */
export class Candidates implements Holding {
  readonly kept: ReadonlyMap<string, StoredPaper>
  readonly roster: Roster
  readonly lexical: LexicalIndex
  readonly vectors: ExactIndex

  private constructor(papers: readonly StoredPaper[], lexical: LexicalIndex, vectors: ExactIndex) {
    this.kept = new Map(papers.map((paper) => [paper.id, paper]))
    this.roster = new Roster(papers)
    this.lexical = lexical
    this.vectors = vectors
  }

  /** @param candidates different papers, in the order in which their ids were first added to the whole */
  static async of(
    candidates: readonly Candidate[],
    {
      dimensions,
      whole,
      isCounted = true,
      frequencies,
      signal,
    }: {
      readonly dimensions: number
      /** @default they are the whole */
      readonly whole?: WholeStatistics | undefined
      readonly signal?: AbortSignal | undefined
    } & CandidateOptions,
  ): Promise<Candidates> {
    const slice = timeSlice(signal)
    const lexical = await LexicalIndex.ofPart(
      candidates.map(({ paper }) => (isCounted ? paper : wordless)),
      whole,
      { slice, frequencies },
    )
    const chunks: Float32Array[] = []
    for (const [row, { vector }] of candidates.entries()) {
      const place = row % chunkRows
      if (place === 0) chunks.push(new Float32Array(Math.min(chunkRows, candidates.length - row) * dimensions))
      chunks.at(-1)?.set(vector, place * dimensions)
      if (slice.due()) await slice.rest()
    }
    const vectors = new ExactIndex(dimensions)
    await vectors.adopt(
      candidates.map((_, row) => row),
      chunks,
    )
    const papers = candidates.map(({ paper }, row): StoredPaper => ({ id: paper.id, row, textCrc: 0, cached: paper }))
    return new Candidates(papers, lexical, vectors)
  }

  async read(papers: readonly StoredPaper[]): Promise<Paper[]> {
    return papers.map(({ cached }) => cached as Paper)
  }
}
