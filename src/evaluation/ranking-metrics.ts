import { PaperkinError, requireInteger, requireList, requireOptions, show } from '../errors.ts'

interface RankingOptions {
  /** Only the first k hits count. @default all hits */
  readonly k?: number | undefined
}

interface RecallOptions extends RankingOptions {
  /** Number of relevant documents, found or not. */
  readonly relevant: number
}

interface GainOptions extends RankingOptions {
  /** The relevance of every judged document, found or not, in any order. */
  readonly judged: ArrayLike<number>
}

/**
 * Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002) of hits, given as relevances in order of rank:
 * linear gain divided by log2(rank + 1). 0 … 1 for nonnegative relevances; NaN if nothing is relevant.
 */
export function ndcg(relevances: ArrayLike<number>, options: GainOptions): number {
  const { k, judged } = checked('ndcg', relevances, options, { k: true, judged: true })
  requireList('judged', judged)
  const cut = cutoff(k)
  const ideal = Float64Array.from(judged).sort().reverse()
  return discounted(relevances, cut) / discounted(ideal, cut)
}

/** Share of the relevant documents found in the first k hits, 0 … 1; NaN if nothing is relevant. */
export function recall(relevances: ArrayLike<number>, options: RecallOptions): number {
  const { k, relevant } = checked('recall', relevances, options, { k: true, relevant: true })
  requireInteger('relevant', relevant, 0)
  return hits(relevances, cutoff(k)) / relevant
}

/** Share of the first k ranks with a relevant hit, 0 … 1; ranks beyond the last hit count as misses. */
export function precision(relevances: ArrayLike<number>, options: RankingOptions = {}): number {
  const { k } = checked('precision', relevances, options, { k: true })
  const ranks = k === undefined ? relevances.length : cutoff(k)
  return hits(relevances, ranks) / ranks
}

/**
 * Average precision: the mean, over all relevant documents, of the precision at their rank, 0 for those not found. 0 …
 * 1; NaN if nothing is relevant.
 */
export function averagePrecision(relevances: ArrayLike<number>, options: RecallOptions): number {
  const { k, relevant } = checked('averagePrecision', relevances, options, { k: true, relevant: true })
  requireInteger('relevant', relevant, 0)
  const cut = Math.min(cutoff(k), relevances.length)
  let found = 0
  let sum = 0
  for (let rank = 0; rank < cut; rank++) if (relevances[rank]! > 0) sum += ++found / (rank + 1)
  return sum / relevant
}

/** 1 / rank of the first relevant hit; 0 if none is among the first k. */
export function reciprocalRank(relevances: ArrayLike<number>, options: RankingOptions = {}): number {
  const { k } = checked('reciprocalRank', relevances, options, { k: true })
  const cut = Math.min(cutoff(k), relevances.length)
  for (let rank = 0; rank < cut; rank++) if (relevances[rank]! > 0) return 1 / (rank + 1)
  return 0
}

/**
 * The arithmetic mean; NaN for no values.
 * @throws PaperkinError `invalid-argument` for a NaN value, so that queries without relevant documents are not averaged
 * in
 */
export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]))
      throw new PaperkinError('invalid-argument', `Expected numbers to average, got ${show(values[i])} at ${i}.`)
    sum += values[i]!
  }
  return sum / values.length
}

function checked<Options extends object>(
  call: string,
  relevances: ArrayLike<number>,
  options: Options,
  known: Readonly<Record<keyof Options, true>>,
): Options {
  requireList('relevances', relevances)
  requireOptions(call, options ?? ({} as Options), known)
  return options ?? ({} as Options)
}

function discounted(relevances: ArrayLike<number>, k: number): number {
  let sum = 0
  for (let rank = 0; rank < Math.min(k, relevances.length); rank++) sum += relevances[rank]! / Math.log2(rank + 2)
  return sum
}

function hits(relevances: ArrayLike<number>, k: number): number {
  let found = 0
  for (let rank = 0; rank < Math.min(k, relevances.length); rank++) if (relevances[rank]! > 0) found++
  return found
}

function cutoff(k: number | undefined): number {
  return k === undefined ? Number.POSITIVE_INFINITY : requireInteger('k', k, 1)
}
