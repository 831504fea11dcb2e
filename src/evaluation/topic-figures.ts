import { npmi, topicDiversity } from './coherence.ts'
import { adjustedRandIndex, type Grouping, normalizedMutualInformation, purity, vMeasure } from './partitions.ts'

/** Quality of groups of documents described by words; the word metrics are NaN if there are no words. */
interface TopicFigures {
  readonly nmi: number
  readonly ari: number
  readonly vMeasure: number
  readonly homogeneity: number
  readonly completeness: number
  readonly purity: number
  /** Mean over the groups. */
  readonly npmi: number
  readonly diversity: number
}

/**
 * Compares groups with the true ones, and measures the words of each group (without repetitions) in all documents.
 * @throws PaperkinError `invalid-argument` if the groupings differ in length
 */
export function topicFigures(
  truth: Grouping,
  found: Grouping,
  {
    words,
    documents,
  }: { readonly words: readonly (readonly string[])[]; readonly documents: readonly (readonly string[])[] },
): TopicFigures {
  const coherence = npmi(words, { documents }).filter((value) => !Number.isNaN(value))
  return {
    nmi: normalizedMutualInformation(truth, found),
    ari: adjustedRandIndex(truth, found),
    ...vMeasure(truth, found),
    purity: purity(truth, found),
    npmi: coherence.reduce((sum, value) => sum + value, 0) / coherence.length,
    diversity: topicDiversity(words),
  }
}

/** A value over several runs. */
export interface Spread {
  readonly mean: number
  readonly least: number
  readonly most: number
}

/** Mean and extremes; NaN for no values. */
export function spread(values: readonly number[]): Spread {
  return Object.freeze({
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    least: values.reduce((a, b) => Math.min(a, b), values[0] ?? Number.NaN),
    most: values.reduce((a, b) => Math.max(a, b), values[0] ?? Number.NaN),
  })
}
