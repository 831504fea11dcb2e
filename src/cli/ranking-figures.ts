// Shows ranking figures: means with intervals, and the difference of one method from the others.
import { type MethodFigures, rankingMetrics } from '../evaluation/evaluate-run.ts'
import type { Comparison, Interval } from '../evaluation/significance.ts'
import { width } from './fitted-text.ts'
import { table } from './table.ts'

interface Figures<Variant extends string> {
  readonly k: number
  readonly figures: MethodFigures<Variant>
  /** Comparisons of `of` with each of these, by nDCG. */
  readonly comparisons: Readonly<Partial<Record<Variant, Comparison>>>
}

/** One row per variant, and one line per comparison of `of` with another. */
export function rankingFigures<Variant extends string>(
  { k, figures, comparisons }: Figures<Variant>,
  {
    of,
    names,
    columns,
  }: {
    readonly of: string
    readonly names: Readonly<Record<Variant, readonly [row: string, phrase: string]>>
    readonly columns: number
  },
): string {
  const headers = { ndcg: `nDCG@${k}`, recall: `recall@${k}`, precision: `precision@${k}`, map: 'MAP', mrr: 'MRR' }
  const variants = Object.keys(names) as Variant[]
  const rows = variants.map((variant) => [
    names[variant][0],
    ...rankingMetrics.map((metric) => interval(figures[variant][metric])),
  ])
  const compared = variants.flatMap((variant) => {
    const comparison = comparisons[variant]
    return comparison === undefined
      ? []
      : [`nDCG@${k} of ${of} against ${names[variant][1]}: ${difference(comparison)}`]
  })
  const wide = table([{ header: '' }, ...rankingMetrics.map((metric) => ({ header: headers[metric] }))], rows, columns)
  // If the figures do not fit side by side, one per line.
  const narrow = rankingMetrics.flatMap((metric, i) =>
    rows.map(([name = '', ...values], place) => [place === 0 ? headers[metric] : '', name, values[i] ?? '']),
  )
  const isTooWide = wide.split('\n').some((line) => width(line) > columns)
  return [isTooWide ? table([{}, {}, {}], narrow, columns) : wide, '', ...compared].join('\n')
}

const decimals = (value: number) => value.toFixed(3).replace(/^(-?)0\./u, '$1.')

function interval({ mean, low, high }: Interval): string {
  return `${decimals(mean)} (${decimals(low)} – ${decimals(high)})`
}

function difference({ difference: { mean, low, high }, pValue }: Comparison): string {
  return `${mean >= 0 ? '+' : ''}${decimals(mean)} (${decimals(low)} – ${decimals(high)}), p ${pValue < 0.001 ? '< .001' : `= ${decimals(pValue)}`}`
}
