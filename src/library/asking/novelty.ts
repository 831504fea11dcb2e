// Splits the papers of a library into new ones and those of the weeks before.
import { Atlas } from '../../atlas/atlas.ts'
import { PaperkinError, requireInteger, requireList, show } from '../../errors.ts'
import type { Paper } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { type TimeSpan, timeSpanOf } from '../../text/iso-date.ts'
import { findNewThings, type Novelty } from '../../topics/novelty.ts'
import type { VectorSnapshot } from '../../vectors/vector-index.ts'
import type { Collection } from '../collection/collection.ts'
import { keptPaper, paperNotFound } from '../collection/find-papers.ts'
import type { StoredPaper } from '../storage/storage.ts'
import type { PaperAreas } from './paper-areas.ts'

export interface NoveltyOptions {
  /**
   * Ids of the new papers. The others count as earlier unless they are newer; those without a date also do.
   * @default the papers since `since`
   */
  readonly papers?: readonly (string | number)[] | undefined
  /**
   * First day of the new papers, or a month or year, which stands for its first day.
   * @default the last day with papers, extended back to at least ten papers within a week; the last month if most
   * papers have no day
   */
  readonly since?: string | number | Date | undefined
  /** Number of weeks before the new papers to compare with, 1 … 5200. @default 8 */
  readonly weeks?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const leastEarlier = 100
const leastNew = 10
const mostDays = 7
const day = 86_400_000

/** Papers by place, in the order in which their ids were first added, of which few are read. */
export interface DatedPapers {
  readonly ids: readonly string[]
  /** {@link spanOf} each paper. */
  readonly spans: Spans
  /** Papers and vectors of some places, in their order. Papers that are gone may be missing. */
  hold(places: readonly number[]): Promise<{
    readonly kept: readonly StoredPaper[]
    readonly papers: readonly Paper[]
    readonly snapshot: VectorSnapshot
  }>
  /** The error for an id that is not there. */
  notFound(id: string | number): Promise<PaperkinError>
}

/** The papers of a collection, as of the call. */
export async function datedPapers(collection: Collection, signal: AbortSignal | undefined): Promise<DatedPapers> {
  const kept = collection.roster.papers
  const snapshot = collection.vectors.snapshot()
  return {
    ids: kept.map(({ id }) => id),
    spans: (await collection.read(kept, { signal })).map(spanOf),
    async hold(places) {
      const chosen = places.map((place) => kept[place] as StoredPaper)
      return { kept: chosen, papers: await collection.read(chosen, { signal }), snapshot }
    },
    notFound: (id) => collection.soon(paperNotFound(collection.kept, id)),
  }
}

/** Finds what is new among papers. */
export async function findNovelty(
  dated: DatedPapers,
  options: NoveltyOptions,
  areasOf: () => PaperAreas | undefined,
): Promise<Novelty> {
  const { signal } = options
  const weeks = requireInteger('weeks', options.weeks ?? 8, 1, 5200)
  if (options.papers !== undefined) requireList('papers', options.papers)
  const { ids, spans } = dated
  const places = options.papers && (await placesOf(dated, options.papers))
  const { isNew, isEarlier, undated } =
    places === undefined
      ? byDate(spans, { since: sinceOf(options.since, spans), weeks })
      : byId(spans, { places, weeks })
  const placesAt = (marks: Uint8Array) => [...ids.keys()].filter((place) => marks[place] === 1)
  const news = placesAt(isNew)
  const earlier = placesAt(isEarlier)
  const about = {
    papers: news.map((place) => ids[place]!),
    ...daysOf(news, spans),
    earlier: { count: earlier.length, ...daysOf(earlier, spans) },
    undated,
  }
  const missing = whatIsMissing(about, { weeks, all: daysOf(spans.keys(), spans), count: ids.length })
  if (missing !== undefined) return { ...about, missing, areas: [], terms: [], unlike: [] }
  const { kept, papers, snapshot } = await dated.hold([...earlier, ...news])
  const slice = timeSlice(signal)
  const areas = areasOf()
  if (areas !== undefined) await areas.prepare({ papers: kept }, snapshot, signal)
  const newIds = new Set(about.papers)
  const rows = Int32Array.from(kept, ({ row }) => row)
  const found = await findNewThings({
    papers,
    vectors: await snapshot.vectors(rows, signal === undefined ? {} : { signal }),
    dimensions: snapshot.dimensions,
    fresh: [...kept.keys()].filter((i) => newIds.has(kept[i]!.id)),
    places: areas === undefined ? [] : kept.map((paper) => areas.of(paper, snapshot)),
    atlas: Atlas.load(),
    slice,
    signal,
  })
  return { ...about, ...found }
}

interface Parted {
  readonly isNew: Uint8Array
  readonly isEarlier: Uint8Array
  readonly undated: number
}

type Spans = readonly (TimeSpan | undefined)[]

/** The time span of a paper's date, or of the month in its arXiv id. */
function spanOf({ id, published }: Paper): TimeSpan | undefined {
  return (published === undefined ? undefined : timeSpanOf(published)) ?? spanOfId(id)
}

/** The month in an arXiv id. */
export function spanOfId(id: string): TimeSpan | undefined {
  const [, year, month] = /^(\d{2})(0[1-9]|1[0-2])\.\d{4,5}$/u.exec(id) ?? []
  return year === undefined ? undefined : timeSpanOf(`20${year}-${month}`)
}

function byDate(spans: Spans, { since, weeks }: { readonly since: number; readonly weeks: number }): Parted {
  const isNew = new Uint8Array(spans.length)
  const isEarlier = new Uint8Array(spans.length)
  let undated = 0
  for (const [place, span] of spans.entries()) {
    if (span !== undefined && span.start >= since) isNew[place] = 1
    else if (span !== undefined && span.end <= since) isEarlier[place] = span.end > since - weeks * 7 * day ? 1 : 0
    else undated++
  }
  return { isNew, isEarlier, undated }
}

function byId(spans: Spans, { places, weeks }: { readonly places: readonly number[]; readonly weeks: number }): Parted {
  const isNew = new Uint8Array(spans.length)
  for (const place of places) isNew[place] = 1
  const last = places.reduce((latest, place) => Math.max(latest, spans[place]?.end ?? latest), Number.NEGATIVE_INFINITY)
  const isEarlier = Uint8Array.from(spans, (span, place) => {
    if (isNew[place] === 1) return 0
    if (span === undefined || last === Number.NEGATIVE_INFINITY) return 1
    return span.start < last && span.end > last - weeks * 7 * day ? 1 : 0
  })
  return { isNew, isEarlier, undated: 0 }
}

async function placesOf(dated: DatedPapers, ids: readonly (string | number)[]): Promise<number[]> {
  const placeOf = new Map(dated.ids.map((id, place) => [id, place]))
  const places: number[] = []
  for (const id of ids) {
    const place = keptPaper(placeOf, id)
    if (place === undefined) throw await dated.notFound(id)
    places.push(place)
  }
  return places
}

/** Start of the new papers, in milliseconds. @throws PaperkinError `invalid-argument` for a value that is not a date */
function sinceOf(since: NoveltyOptions['since'], spans: Spans): number {
  if (since !== undefined) {
    const span = timeSpanOf(since)
    if (span !== undefined) return span.start
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`since\` to be a date such as '2025-03-12', '2025-03' or a Date, got ${show(since)}.`,
    )
  }
  const dated = spans.filter((span) => span !== undefined)
  const exact = dated.filter(({ start, end }) => end - start <= day)
  if (2 * exact.length < dated.length)
    return dated.reduce((latest, { start }) => Math.max(latest, start), Number.NEGATIVE_INFINITY)
  const days = exact.map(({ start }) => Math.floor(start / day)).sort((a, b) => b - a)
  // A wrong date stands alone: the last day must end a week with at least ten papers.
  const last = days.findIndex((one, i) => one - (days[i + leastNew - 1] ?? Number.NEGATIVE_INFINITY) < mostDays)
  if (last < 0) return (days[0] ?? Number.NEGATIVE_INFINITY) * day
  return days[last + leastNew - 1]! * day
}

/** First and last day of papers, as ISO dates. */
function daysOf(places: Iterable<number>, spans: Spans): { readonly from: string | null; readonly to: string | null } {
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  for (const place of places) {
    from = Math.min(from, spans[place]?.start ?? from)
    to = Math.max(to, (spans[place]?.end ?? to + 1) - 1)
  }
  const iso = (time: number) => (Number.isFinite(time) ? new Date(time).toISOString().slice(0, 10) : null)
  return { from: iso(from), to: iso(to) }
}

function whatIsMissing(
  { papers, earlier, undated, from }: Pick<Novelty, 'papers' | 'earlier' | 'undated' | 'from'>,
  { weeks, all, count }: { readonly weeks: number; readonly all: Pick<Novelty, 'to'>; readonly count: number },
): string | undefined {
  if (count === 0) return 'there are no papers'
  if (undated === count) return `none of the ${count} papers has a date, or an arXiv id that gives its month`
  if (papers.length === 0) return `no paper is that new, the last is of ${all.to}`
  if (earlier.count >= leastEarlier) return undefined
  const when = from === null ? '' : ` of the ${weeks} weeks before ${from}`
  return `it takes at least ${leastEarlier} earlier papers to compare with, and there are ${earlier.count}${when}`
}
