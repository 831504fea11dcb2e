import type { TimeSlice } from '../vectors/time-slice.ts'
import type { Roster } from './collection.ts'

const day = 86_400_000

/** Of a library on disk the papers are read for it: once for each state. */
const timesOf = new WeakMap<Roster, Float64Array>()

/** 1 for the newest of the papers, half of it one half-life (in days) before; 0 for those without a date. */
export async function recencies(roster: Roster, halfLife: number, slice: TimeSlice): Promise<Float64Array> {
  let times = timesOf.get(roster)
  if (times === undefined) {
    times = new Float64Array(roster.papers.length)
    for (const [place, { paper }] of roster.papers.entries()) {
      const { published } = paper
      times[place] = published !== undefined && /^\d{4}/u.test(published) ? Date.parse(published) : Number.NaN
      if (place % 64 === 63 && slice.due()) await slice.rest()
    }
    timesOf.set(roster, times)
  }
  let newest = Number.NEGATIVE_INFINITY
  for (const time of times) if (time > newest) newest = time
  return times.map((time) => (Number.isNaN(time) ? 0 : 2 ** ((time - newest) / day / halfLife)))
}
