// Topics over time. A term rises in a topic at the moment that best separates papers with a low share of the term from
// later ones with a higher share: the maximum of the log-likelihood ratio of the two shares (Dunning 1993, section 4).
import { PaperkinError, show } from '../errors.ts'
import type { Paper } from '../paper.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { type Candidate, chooseTerms } from './label-topics.ts'
import type { Phrases } from './phrases.ts'
import type { Period, RisingTerm, TimeUnit, Topic, TopicOverTime, TopicsOverTime } from './topics.ts'

const mostPeriods = 10_000
const mostRising = 5
// The 99.9 % quantile of chi-squared with one degree of freedom. Both sides need `leastPapers` papers.
const leastRatio = 10.83
const leastPapers = 3
const dayLength = 86_400_000

interface OverTimeOptions {
  readonly papers: readonly Paper[]
  /** Rows of each topic. */
  readonly members: readonly (readonly number[])[]
  readonly phrases: Phrases
  readonly slice: TimeSlice
}

/** Counts the papers of each topic per period, and finds its rising terms. */
export async function topicsOverTime(
  topics: readonly Topic[],
  unit: TimeUnit,
  { papers, members, phrases, slice }: OverTimeOptions,
): Promise<TopicsOverTime> {
  const calendar = calendars.get(unit)
  if (calendar === undefined)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`unit\` to be 'day', 'week', 'month' or 'year', got ${show(unit)}.`,
    )
  const periodOf = papers.map(({ published }) => numberOfPeriod(published, calendar))
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  let undated = 0
  for (const period of periodOf)
    if (period === undefined) undated++
    else {
      first = Math.min(first, period)
      last = Math.max(last, period)
    }
  const length = undated === papers.length ? 0 : last - first + 1
  if (length > mostPeriods)
    throw new PaperkinError(
      'invalid-argument',
      `Expected a \`unit\` with at most ${mostPeriods} periods between the first paper and the last, got ${show(unit)} with ${length}: use a longer unit.`,
    )
  const place = periodOf.map((period) => (period === undefined ? -1 : period - first))
  const sizes = new Int32Array(length)
  for (const period of place) if (period >= 0) sizes[period]!++
  const periods = Array.from(sizes, (size, i): Period => ({ ...calendar.describe(first + i), size }))
  const found: TopicOverTime[] = []
  for (const [position, { id, label }] of topics.entries()) {
    const rows = members[position]!.filter((row) => place[row]! >= 0)
    const counts = new Array<number>(length).fill(0)
    for (const row of rows) counts[place[row]!]!++
    found.push({
      topic: id,
      label,
      counts,
      shares: counts.map((count, period) => (sizes[period]! > 0 ? count / sizes[period]! : 0)),
      rising: await risingTerms(rows, { place, periods, phrases, slice }),
    })
  }
  return { unit, periods, topics: found, undated }
}

interface Times {
  /** The period of each row. */
  readonly place: readonly number[]
  readonly periods: readonly Period[]
  readonly phrases: Phrases
  readonly slice: TimeSlice
}

async function risingTerms(
  unordered: readonly number[],
  { place, periods, phrases, slice }: Times,
): Promise<RisingTerm[]> {
  const rows = [...unordered].sort((a, b) => place[a]! - place[b]! || a - b)
  const n = rows.length
  const having = new Map<number, number[]>()
  for (const [position, row] of rows.entries()) {
    if (slice.due()) await slice.rest()
    for (const phrase of phrases.of(row).keys()) {
      const positions = having.get(phrase)
      if (positions === undefined) having.set(phrase, [position])
      else positions.push(position)
    }
  }
  // Positions at which a period starts: compare the papers before with those from there on.
  const begins = rows.flatMap((row, i) => (i > 0 && place[row] !== place[rows[i - 1]!] ? [i] : []))
  const moments = begins.filter((moment) => moment >= leastPapers && n - moment >= leastPapers)
  const candidates = new Map<number, Candidate>()
  const rises = new Map<number, Omit<RisingTerm, 'term'>>()
  for (const [phrase, positions] of having) {
    if (positions.length < leastPapers) continue
    if (slice.due()) await slice.rest()
    let best = leastRatio
    let passed = 0
    for (const moment of moments) {
      while (passed < positions.length && positions[passed]! < moment) passed++
      const before = passed / moment
      const after = (positions.length - passed) / (n - moment)
      if (after <= before) continue
      const ratio = logLikelihoodRatio(passed, moment, positions.length - passed, n - moment)
      if (ratio <= best) continue
      best = ratio
      rises.set(phrase, { since: periods[place[rows[moment]!]!]!.name, before, after })
    }
    if (rises.has(phrase)) candidates.set(phrase, { phrase, count: positions.length, papers: positions, score: best })
  }
  const chosen = chooseTerms(candidates, { phrases, size: n, most: mostRising }).map(({ phrase }) => phrase)
  const spelled = await phrases.spell(chosen, rows, slice)
  return chosen.map((phrase, i) => ({ term: spelled[i]!, ...(rises.get(phrase) as Omit<RisingTerm, 'term'>) }))
}

/** Twice the log-likelihood ratio of two different shares a / n and b / m to a common one. */
function logLikelihoodRatio(a: number, n: number, b: number, m: number): number {
  const common = (a + b) / (n + m)
  const likelihood = (hits: number, all: number, share: number) =>
    (hits > 0 ? hits * Math.log(share) : 0) + (all > hits ? (all - hits) * Math.log(1 - share) : 0)
  return 2 * (likelihood(a, n, a / n) + likelihood(b, m, b / m) - likelihood(a, n, common) - likelihood(b, m, common))
}

/** Numbers periods without gaps. */
interface Calendar {
  /** Parts of a date required: 1 for the year, 2 with the month, 3 with the day. */
  readonly parts: number
  number(year: number, month: number, day: number): number
  describe(number: number): Pick<Period, 'name' | 'start'>
}

const isoDay = (days: number) => new Date(days * dayLength).toISOString().slice(0, 10)
const dayNumber = (year: number, month: number, day: number) => Date.UTC(year, month - 1, day) / dayLength

const calendars: ReadonlyMap<TimeUnit, Calendar> = new Map<TimeUnit, Calendar>([
  ['day', { parts: 3, number: dayNumber, describe: (days) => ({ name: isoDay(days), start: isoDay(days) }) }],
  [
    'week',
    {
      parts: 3,
      // Day 0 was a Thursday: weeks are numbered from the Monday before it.
      number: (year, month, day) => Math.floor((dayNumber(year, month, day) + 3) / 7),
      describe: (week) => ({ name: isoWeek(week), start: isoDay(7 * week - 3) }),
    },
  ],
  [
    'month',
    {
      parts: 2,
      number: (year, month) => 12 * year + month - 1,
      describe: (months) => {
        const name = `${isoYear(Math.floor(months / 12))}-${String((months % 12) + 1).padStart(2, '0')}`
        return { name, start: `${name}-01` }
      },
    },
  ],
  [
    'year',
    {
      parts: 1,
      number: (year) => year,
      describe: (year) => ({ name: isoYear(year), start: `${isoYear(year)}-01-01` }),
    },
  ],
])

const isoYear = (year: number) => String(year).padStart(4, '0')

/** A week belongs to the year of its Thursday. */
function isoWeek(week: number): string {
  const thursday = 7 * week
  const year = new Date(thursday * dayLength).getUTCFullYear()
  return `${isoYear(year)}-W${String(1 + Math.floor((thursday - dayNumber(year, 1, 1)) / 7)).padStart(2, '0')}`
}

/** The period of an ISO 8601 date; undefined for a missing, invalid or too coarse date. */
function numberOfPeriod(date: string | undefined, calendar: Calendar): number | undefined {
  const match = /^([1-9]\d{3})(?:-(\d{2})(?:-(\d{2}))?)?(?![\d-])/u.exec(date ?? '')
  if (match === null) return undefined
  const parts = match
    .slice(1)
    .filter((part) => part !== undefined)
    .map(Number)
  if (parts.length < calendar.parts) return undefined
  const [year, month = 1, day = 1] = parts as [number, number?, number?]
  // Reject days that the month does not have.
  const checked = new Date(Date.UTC(year, month - 1, day))
  if (checked.getUTCMonth() !== month - 1 || checked.getUTCDate() !== day) return undefined
  return calendar.number(year, month, day)
}
