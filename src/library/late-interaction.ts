// Late interaction (Khattab and Zaharia 2020, "ColBERT", section 3.2) over the token vectors of the library's own model:
// for each token of a query the nearest token of a paper, and the mean of those cosines. A text's mean is taken away from
// its tokens first: that is what its embedding says already, and it makes them all alike.
import type { Embedder } from '../embedding/embedder.ts'
import { type Paper, paperText } from '../paper.ts'
import { timeSlice } from '../vectors/time-slice.ts'

/** Bytes of token vectors that are kept for the next question: some 700 abstracts. */
const KEPT_BYTES = 64 * 2 ** 20

/** Scores papers by late interaction, and keeps the token vectors of those that were asked about last. */
export class LateInteraction {
  readonly #known = new Map<Paper, TokenRows>()
  #bytes = 0

  /** For each paper the mean over the query's tokens of the cosine to the paper's nearest token, both centred, 0 … 1. */
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
    const slice = timeSlice(signal)
    const fresh = new Map<Paper, TokenRows>()
    for (const [i, paper] of missing.entries()) {
      fresh.set(paper, centred(embedded[i] as Int8Array, dimensions))
      if (slice.due()) await slice.rest()
    }
    const tokens = papers.map((paper) => this.#known.get(paper) ?? (fresh.get(paper) as TokenRows))
    for (const [i, paper] of papers.entries()) this.#keep(paper, tokens[i] as TokenRows)
    const scores = new Float64Array(papers.length)
    const wanted = centred(asked as Int8Array, dimensions)
    for (const [i, rows] of tokens.entries()) {
      scores[i] = Math.min(1, Math.max(0, meanOfNearest(wanted, rows)))
      if (slice.due()) await slice.rest()
    }
    return scores
  }

  /** The one that was used longest ago goes first. */
  #keep(paper: Paper, rows: TokenRows): void {
    if (!this.#known.delete(paper)) this.#bytes += rows.codes.length
    this.#known.set(paper, rows)
    for (const [oldest, its] of this.#known) {
      if (this.#bytes <= KEPT_BYTES) return
      this.#known.delete(oldest)
      this.#bytes -= its.codes.length
    }
  }
}

/** The tokens of one text. */
interface TokenRows {
  /** `tokens × dimensions`, each row scaled so that its largest value is 127. */
  readonly codes: Int8Array
  readonly dimensions: number
  /** One divided by the length of each row of codes. */
  readonly scale: Float64Array
}

/** Unit rows less their mean, in 8 bits again. */
function centred(codes: Int8Array, dimensions: number): TokenRows {
  const tokens = codes.length / dimensions
  const scale = inverseLengths(codes, dimensions)
  const mean = new Float64Array(dimensions)
  for (let token = 0, at = 0; token < tokens; token++)
    for (let d = 0; d < dimensions; d++, at++) mean[d] += (codes[at] * scale[token]) / tokens
  const rows = new Int8Array(codes.length)
  const row = new Float64Array(dimensions)
  for (let token = 0; token < tokens; token++) {
    const from = token * dimensions
    let largest = 0
    for (let d = 0; d < dimensions; d++) {
      row[d] = codes[from + d] * scale[token] - mean[d]
      largest = Math.max(largest, Math.abs(row[d]))
    }
    // A text of one token is all mean: what rounding leaves of it says nothing.
    if (largest > 1e-9) for (let d = 0; d < dimensions; d++) rows[from + d] = Math.round((row[d] * 127) / largest)
  }
  return { codes: rows, dimensions, scale: inverseLengths(rows, dimensions) }
}

/** One divided by the length of each row, 0 of a row of zeros. */
function inverseLengths(codes: Int8Array, dimensions: number): Float64Array {
  const scale = new Float64Array(codes.length / dimensions)
  for (let token = 0; token < scale.length; token++) {
    let square = 0
    for (let d = token * dimensions; d < (token + 1) * dimensions; d++) square += codes[d] * codes[d]
    scale[token] = square > 0 ? 1 / Math.sqrt(square) : 0
  }
  return scale
}

/** Sums of whole numbers: the same on every CPU. */
function meanOfNearest(query: TokenRows, paper: TokenRows): number {
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
