import { timeSlice } from '../../runtime/time-slice.ts'
import { timeSpanOf } from '../../text/iso-date.ts'
import type { Collection, Roster } from '../collection/collection.ts'

const day = 86_400_000

/** Of a library on disk the papers are read for it: once for each state. */
const timesOf = new WeakMap<Roster, Float64Array>()

/**
 * 1 for the newest of the papers, half of it one half-life (in days) before; 0 for those without a date. What is dated
 * beyond tomorrow is not the newest: it is as far from it as any other paper of that distance.
 */
export async function recencies(
  roster: Roster,
  halfLife: number,
  { collection, signal }: { readonly collection: Collection; readonly signal: AbortSignal | undefined },
): Promise<Float64Array> {
  let times = timesOf.get(roster)
  if (times === undefined) {
    times = new Float64Array(roster.papers.length)
    const slice = timeSlice(signal)
    for (const [place, { published }] of (await collection.read(roster.papers, { signal })).entries()) {
      times[place] = timeSpanOf(published)?.start ?? Number.NaN
      if (place % 64 === 63 && slice.due()) await slice.rest()
    }
    timesOf.set(roster, times)
  }
  const tomorrow = Date.now() + day
  let newest = Number.NEGATIVE_INFINITY
  let earliest = Number.POSITIVE_INFINITY
  for (const time of times) {
    if (time > newest && time <= tomorrow) newest = time
    if (time < earliest) earliest = time
  }
  if (newest < earliest) newest = earliest
  return times.map((time) => (Number.isNaN(time) ? 0 : 2 ** (-Math.abs(time - newest) / day / halfLife)))
}
