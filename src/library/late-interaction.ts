// Late interaction (Khattab and Zaharia 2020, "ColBERT", section 3.2) over the token vectors of the library's own model:
// for each token of a query the nearest token of a paper, and the mean of those cosines.
import type { Embedder } from '../embedding/embedder.ts'
import { type Paper, paperText } from '../paper.ts'
import { timeSlice } from '../vectors/time-slice.ts'

/** Bytes of token vectors that are kept for the next question: some 700 abstracts. */
const KEPT_BYTES = 64 * 2 ** 20

/** Scores papers by late interaction, and keeps the token vectors of those that were asked about last. */
export class LateInteraction {
  readonly #known = new Map<Paper, Int8Array>()
  #bytes = 0

  /** For each paper the mean over the query's tokens of the cosine to the paper's nearest token, 0 … 1. */
  async scores(
    query: string,
    papers: readonly Paper[],
    options: {
      readonly embedTokens: NonNullable<Embedder['embedTokens']>
      readonly dimensions: number
      readonly signal: AbortSignal | undefined
    },
  ): Promise<Float64Array> {
    const { embedTokens, dimensions, signal } = options
    const missing = papers.filter((paper) => !this.#known.has(paper))
    const request = signal ? { signal } : {}
    const [[asked], embedded] = await Promise.all([
      embedTokens([query], { inputType: 'query', ...request }),
      embedTokens(missing.map(paperText), { inputType: 'document', ...request }),
    ])
    const fresh = new Map(missing.map((paper, i) => [paper, embedded[i] as Int8Array]))
    const tokens = papers.map((paper) => this.#known.get(paper) ?? (fresh.get(paper) as Int8Array))
    for (const [i, paper] of papers.entries()) this.#keep(paper, tokens[i] as Int8Array)
    const slice = timeSlice(signal)
    const scores = new Float64Array(papers.length)
    const wanted = scaled(asked as Int8Array, dimensions)
    for (const [i, codes] of tokens.entries()) {
      scores[i] = Math.min(1, Math.max(0, meanOfNearest(wanted, scaled(codes, dimensions))))
      if (slice.due()) await slice.rest()
    }
    return scores
  }

  /** The one that was used longest ago goes first. */
  #keep(paper: Paper, codes: Int8Array): void {
    if (!this.#known.delete(paper)) this.#bytes += codes.length
    this.#known.set(paper, codes)
    for (const [oldest, its] of this.#known) {
      if (this.#bytes <= KEPT_BYTES) return
      this.#known.delete(oldest)
      this.#bytes -= its.length
    }
  }
}

interface Scaled {
  readonly codes: Int8Array
  readonly dimensions: number
  /** One divided by each token's length in codes. */
  readonly scale: Float64Array
}

function scaled(codes: Int8Array, dimensions: number): Scaled {
  const scale = new Float64Array(codes.length / dimensions)
  for (let token = 0; token < scale.length; token++) {
    let square = 0
    for (let d = token * dimensions; d < (token + 1) * dimensions; d++) square += codes[d] * codes[d]
    scale[token] = square > 0 ? 1 / Math.sqrt(square) : 0
  }
  return { codes, dimensions, scale }
}

/** Sums of whole numbers: the same on every CPU. */
function meanOfNearest(query: Scaled, paper: Scaled): number {
  const { dimensions } = query
  const [a, b] = [query.codes, paper.codes]
  let sum = 0
  for (let q = 0; q < query.scale.length; q++) {
    const from = q * dimensions
    let nearest = -1
    for (let p = 0, at = 0; p < paper.scale.length; p++, at += dimensions) {
      let product = 0
      for (let d = 0; d < dimensions; d++) product += a[from + d] * b[at + d]
      nearest = Math.max(nearest, product * paper.scale[p])
    }
    sum += nearest * query.scale[q]
  }
  return sum / query.scale.length
}
