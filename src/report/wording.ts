// Wording of dates, numbers and scores, for the page and the terminal.
import { monthNames } from '../text/months.ts'

/** `12 March 2025`, `March 2025` or `2025` for an ISO date, `12 March` for one without a year; other texts unchanged. */
export function longDate(date: string): string {
  const match = /^(\d{4}|-)(?:-(\d{2})(?:-(\d{2}))?)?/u.exec(date)
  if (match === null) return date
  const [, year, month, day] = match
  return [day && Number(day), month && monthNames[Number(month) - 1], year !== '-' && year].filter(Boolean).join(' ')
}

/** A similarity with two decimals and no leading zero. */
export const shortScore = (score: number): string => score.toFixed(2).replace(/^(-?)0\./u, '$1.')

/** `1 paper`, `12,000 papers`. */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`

/** Frequency relative to before: `3.5 ×`, `40 ×`, or `new` if no earlier paper has it. */
export function timesAsFrequent({ ratio, before }: { readonly ratio: number; readonly before: number }): string {
  return before === 0 ? 'new' : `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio).toLocaleString('en-US')} ×`
}

/** `12 March 2025`, `12 March 2025 – 14 March 2025`, or `March 2025` for the whole month. */
export function longSpan(from: string, to: string): string {
  if (from === to) return longDate(from)
  const month = from.slice(0, 7)
  const next = new Date(Date.parse(to) + 86_400_000).toISOString()
  const isWhole = from.endsWith('-01') && to.startsWith(month) && !next.startsWith(month)
  return isWhole ? longDate(month) : `${longDate(from)} – ${longDate(to)}`
}

// Parts of `Novelty` of the topics, declared here because the page uses this module and has no Node types.
interface Compared {
  readonly papers: readonly string[]
  readonly from: string | null
  readonly to: string | null
  readonly earlier: { readonly count: number; readonly from: string | null }
}

interface Frequent {
  readonly count: number
  readonly before: number
  readonly ratio: number
  readonly isTentative?: true
  readonly papers: readonly string[]
}

/** `174 papers of 31 October 2025, against 7,634 since 5 September 2025`. */
export function whatIsCompared({ papers, from, to, earlier }: Compared): string {
  const when = from === null || to === null ? '' : ` of ${longSpan(from, to)}`
  const since = earlier.from === null ? ' earlier ones' : ` since ${longDate(earlier.from)}`
  return `${count(papers.length, 'paper')}${when}, against ${earlier.count.toLocaleString('en-US')}${since}`
}

/** Names of what is more frequent, areas first: `Field (field)`, `“term”, its variants`. */
export function namedThings({
  areas,
  terms,
}: {
  readonly areas: readonly (Frequent & { readonly name: string; readonly level: string })[]
  readonly terms: readonly (Frequent & { readonly term: string; readonly variants: readonly string[] })[]
}): (Frequent & { readonly name: string; readonly isWide: boolean })[] {
  return [
    ...areas.map(({ name, level, ...one }) => ({
      ...one,
      name: level === 'area' ? name : `${name} (${level})`,
      isWide: level === 'discipline',
    })),
    ...terms.map(({ term, variants, ...one }) => ({
      ...one,
      name: [`“${term}”`, ...variants].join(', '),
      isWide: false,
    })),
  ]
}

export const nothingFrequent = 'No area and no term is clearly more frequent than before.'
