import { timeSlice } from '../../runtime/time-slice.ts'
import { timeSpanOf } from '../../text/iso-date.ts'
import type { Holding, Roster } from '../collection/collection.ts'

const day = 86_400_000

/** Times of the papers; on disk the papers are read for them, once per state of the library. */
const timesOf = new WeakMap<Roster, Float64Array>()

/**
 * Recency by place: 1 for the newest paper, halved for each half-life (in days) before it, 0 without a date. A paper
 * dated beyond tomorrow does not count as the newest; it loses recency by its distance like any other.
 */
export async function recencies(
  roster: Roster,
  halfLife: number,
  {
    holding,
    newest: given,
    signal,
  }: {
    readonly holding: Holding
    /** Time of the newest paper in milliseconds. @default that of the roster */
    readonly newest: number | undefined
    readonly signal: AbortSignal | undefined
  },
): Promise<Float64Array> {
  let times = timesOf.get(roster)
  if (times === undefined) {
    times = new Float64Array(roster.papers.length)
    const slice = timeSlice(signal)
    for (const [place, { published }] of (await holding.read(roster.papers, { signal })).entries()) {
      times[place] = timeSpanOf(published)?.start ?? Number.NaN
      if (place % 64 === 63 && slice.due()) await slice.rest()
    }
    timesOf.set(roster, times)
  }
  const newest = given ?? newestOf(times)
  return times.map((time) => (Number.isNaN(time) ? 0 : 2 ** (-Math.abs(time - newest) / day / halfLife)))
}

function newestOf(times: Float64Array): number {
  const tomorrow = Date.now() + day
  let newest = Number.NEGATIVE_INFINITY
  let earliest = Number.POSITIVE_INFINITY
  for (const time of times) {
    if (time > newest && time <= tomorrow) newest = time
    if (time < earliest) earliest = time
  }
  return newest < earliest ? earliest : newest
}
