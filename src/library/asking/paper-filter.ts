import { nearestName, PaperkinError, show } from '../../errors.ts'
import type { Json, Paper, PaperExtra } from '../../paper.ts'
import { type TimeSpan, timeSpanOf } from '../../text/iso-date.ts'
import type { PaperWork, Roster } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'
import type { Condition } from './best-papers.ts'
import type { PaperAreas } from './paper-areas.ts'

/**
 * An interval of numbers or dates that includes both ends: `to: '2025-03'` includes all of March. A date is a string
 * (ISO 8601 or another known format), a year, or a `Date`.
 */
export interface FilterRange {
  readonly from?: number | string | Date | undefined
  readonly to?: number | string | Date | undefined
}

type PlainValue = string | number | boolean | Date

/**
 * Accepted values of a field: one value, any of several, or an interval. If the field is a list, such as `categories`,
 * one entry must match. A number matches its text. A year or month matches any day in it.
 */
export type FilterValue = PlainValue | readonly PlainValue[] | FilterRange

/**
 * Conditions by field, all of which must hold: `{ categories: ['cs.CL', 'cs.LG'], published: { from: '2025-01' } }`.
 * Fields are those of a {@link Paper} and of its `extra`, and `year`, taken from `published` unless `extra` has it. A
 * paper without the field does not match. `area` is one or several names on the map of science, in any case: areas,
 * fields or disciplines. It matches papers whose nearest area is within it, and papers with that name in `extra.area`.
 */
export type FilterFields = { readonly [field: string]: FilterValue | undefined }

/** Selects papers: a function, or conditions by field, which can be written as JSON. */
export type PaperFilter<Extra extends object = PaperExtra> = ((paper: Paper<Extra>) => boolean) | FilterFields

const paperFields = new Set(['id', 'title', 'abstract', 'authors', 'categories', 'published', 'year', 'url', 'version'])

/** A checked filter. */
export interface CompiledFilter {
  readonly given: PaperFilter
  /** Whether {@link PaperAreas.prepare} must be called for the roster first. */
  readonly needsAreas: boolean
  /** Fields of `extra` that it names, of which at least one paper must have each. */
  readonly fields: readonly string[]
  /** Names of areas that are not on the map, of which at least one paper must have each as `extra.area`. */
  readonly ownAreas: readonly string[]
  /** The filter as a condition on the papers of a roster. */
  readonly test: (roster: Roster) => Condition
}

/**
 * Checks a filter and prepares it for use.
 * @param areas places on the map of science; undefined if there is no map in the space of the vectors
 * @throws PaperkinError `invalid-argument` for an invalid filter
 */
export function parseFilter(
  filter: PaperFilter | undefined,
  areas: PaperAreas | undefined,
): CompiledFilter | undefined {
  if (filter === undefined) return undefined
  if (typeof filter === 'function') {
    const test = (place: number, { papers }: Roster) => {
      const fits: unknown = filter(papers[place]!.cached as Paper)
      if (typeof fits === 'object' && fits !== null && 'then' in fits)
        throw new PaperkinError(
          'invalid-argument',
          'Expected `filter` to return true or false, got a promise: fetch what it needs before the call.',
        )
      return Boolean(fits)
    }
    return {
      given: filter,
      needsAreas: false,
      fields: [],
      ownAreas: [],
      test: (one) => ({ needsPaper: () => true, holds: (place) => test(place, one) }),
    }
  }
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`filter\` to be a function or conditions by field, got ${show(filter)}.`,
    )
  const { area, ...others } = filter
  const within = area === undefined ? undefined : areaCondition(area, areas)
  const conditions = Object.entries(others).flatMap(([field, wanted]) =>
    wanted === undefined ? [] : [{ field, fits: condition(field, wanted) }],
  )
  return {
    given: filter,
    needsAreas: within?.needsAreas ?? false,
    fields: conditions.map(({ field }) => field).filter((field) => !paperFields.has(field)),
    ownAreas: within?.ownAreas ?? [],
    test: (one) => {
      const asked = conditions.map(({ field, fits }): Condition => {
        const { isRead, valueAt } = column(one, field)
        return { needsPaper: (place) => !isRead(place), holds: (place) => fits(valueAt(place)) }
      })
      if (within !== undefined) asked.push(within.test(one))
      return {
        needsPaper: (place) => asked.some(({ needsPaper }) => needsPaper?.(place)),
        holds: (place) => asked.every(({ holds }) => holds(place)),
      }
    },
  }
}

/**
 * {@link parseFilter} for the papers of a roster.
 * @throws PaperkinError `invalid-argument` also for fields that no paper has, and for areas that are not on the map
 */
export function* compileFilter(
  filter: PaperFilter | undefined,
  roster: Roster,
  areasOf: () => PaperAreas | undefined,
): PaperWork<CompiledFilter | undefined> {
  // The map is read on first use.
  const areas = typeof filter === 'object' && filter?.area !== undefined ? areasOf() : undefined
  const compiled = parseFilter(filter, areas)
  for (const name of compiled?.ownAreas ?? [])
    if (!(yield* hasValue(roster, 'area', condition('area', name)))) throw unknownArea(name, areas)
  for (const field of compiled?.fields ?? []) {
    const count = roster.papers.length
    if (count > 0 && !(yield* hasValue(roster, field, (value) => value !== undefined))) {
      yield roster.papers.slice(0, mostNamed)
      throw unknownField(field, count, fieldNames(roster))
    }
  }
  return compiled
}

/** The error for a field that no paper has; `names` are those that they have. */
export function unknownField(field: string, count: number, names: Iterable<string>): PaperkinError {
  const meant = nearestName(field, [...new Set([...paperFields, ...names])])
  return new PaperkinError(
    'invalid-argument',
    `Expected \`filter\` to name fields of the papers, got ${show(field)}, which none of the ${count} has${meant === undefined ? '.' : `: did you mean \`${meant}\`?`}`,
  )
}

/** The error for a name that is neither on the map nor in a paper. */
export function unknownArea(name: string, areas: PaperAreas | undefined): PaperkinError {
  if (areas === undefined)
    return new PaperkinError(
      'invalid-argument',
      `Expected a library with the map of science for \`filter.area\` ${show(name)}: use the bundled model, or call \`prepareAreas()\` first.`,
    )
  const like = areas.atlas.namesLike(name).map((one) => JSON.stringify(one))
  return new PaperkinError(
    'invalid-argument',
    `Expected \`filter.area\` to be the name of an area, a field or a discipline, got ${show(name)}${like.length > 0 ? `: near it are ${like.join(', ')}` : ''}.`,
  )
}

/** The condition of `area`: papers within a place on the map, or with its name in `extra.area`. */
function areaCondition(
  wanted: FilterValue,
  areas: PaperAreas | undefined,
): Pick<CompiledFilter, 'needsAreas' | 'ownAreas' | 'test'> {
  const names: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted]
  const fitsOwn = condition('area', wanted)
  const nodes: number[] = []
  const ownAreas: string[] = []
  for (const name of names) {
    if (typeof name !== 'string' || name.trim() === '')
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`filter.area\` to be the name of an area, a field or a discipline, or several of them, got ${show(wanted)}.`,
      )
    const node = areas?.atlas.find(name) ?? -1
    if (node >= 0) nodes.push(node)
    else ownAreas.push(name)
  }
  return {
    needsAreas: nodes.length > 0,
    ownAreas,
    test: (one) => {
      const { isRead, valueAt } = column(one, 'area')
      const isWithin = (place: number) =>
        areas !== undefined && nodes.some((node) => areas.isWithin(one.papers[place]!, node))
      return {
        needsPaper: (place) => !isRead(place) && !isWithin(place),
        holds: (place) => isWithin(place) || fitsOwn(valueAt(place)),
      }
    },
  }
}

const unread = Symbol('unread')
const columns = new WeakMap<Roster, Map<string, (Json | undefined | typeof unread)[]>>()

/**
 * The values of a field by place. Read from each paper once per state of a library, as visiting the paper objects takes
 * most of the time of a filter.
 */
function column(
  roster: Roster,
  field: string,
): { readonly isRead: (place: number) => boolean; readonly valueAt: (place: number) => Json | undefined } {
  const { papers } = roster
  const known = columns.get(roster) ?? new Map<string, (Json | undefined | typeof unread)[]>()
  columns.set(roster, known)
  const values = known.get(field) ?? new Array<typeof unread>(papers.length).fill(unread)
  known.set(field, values)
  return {
    isRead: (place) => values[place] !== unread,
    valueAt: (place) => {
      const value = values[place]
      if (value !== unread) return value
      const read = fieldOf(papers[place]!.cached as Paper, field)
      values[place] = read
      return read
    },
  }
}

/** Papers per read of the storage. */
const papersPerRead = 512

/** Whether a paper has a matching value. */
function* hasValue(roster: Roster, field: string, fits: (value: Json | undefined) => boolean): PaperWork<boolean> {
  const { isRead, valueAt } = column(roster, field)
  const { papers } = roster
  for (let start = 0; start < papers.length; start += papersPerRead) {
    const end = Math.min(start + papersPerRead, papers.length)
    const unread: StoredPaper[] = []
    for (let place = start; place < end; place++) if (!isRead(place)) unread.push(papers[place]!)
    if (unread.length > 0) yield unread
    for (let place = start; place < end; place++) if (fits(valueAt(place))) return true
  }
  return false
}

/** Papers whose field names are considered for suggestions. */
const mostNamed = 1000

/** Names of the fields in `extra` of the first `mostNamed` papers. */
function fieldNames({ papers }: Roster): string[] {
  return papers.slice(0, mostNamed).flatMap(({ cached }) => Object.keys(cached?.extra ?? {}))
}

function fieldOf(paper: Paper, field: string): Json | undefined {
  if (field === 'year' && paper.extra?.year === undefined) {
    const year = paper.published?.slice(0, 4)
    return year !== undefined && /^\d{4}$/u.test(year) ? Number(year) : undefined
  }
  if (field !== 'year' && paperFields.has(field)) return paper[field as keyof Paper]
  return paper.extra !== undefined && Object.hasOwn(paper.extra, field) ? paper.extra[field] : undefined
}

function condition(field: string, wanted: FilterValue): (value: Json | undefined) => boolean {
  const fitsOne = conditionOnOne(field, wanted)
  return (value) => {
    if (Array.isArray(value)) return value.some(fitsOne)
    return value !== undefined && fitsOne(value)
  }
}

function conditionOnOne(field: string, wanted: FilterValue): (value: Json) => boolean {
  if (isPlain(wanted)) return sameAs(field, wanted)
  if (Array.isArray(wanted) && wanted.every(isPlain)) {
    if (field !== 'published' && wanted.every((one) => typeof one === 'string')) {
      const values = new Set<Json>(wanted)
      return (value) => values.has(typeof value === 'number' ? String(value) : value)
    }
    const any = wanted.map((one) => sameAs(field, one))
    return (value) => any.some((fits) => fits(value))
  }
  const keys = typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted) ? Object.keys(wanted) : ['']
  const { from, to } = (wanted ?? {}) as FilterRange
  const isEnd = (end: unknown) =>
    end === undefined || typeof end === 'string' || Number.isFinite(end) || (end instanceof Date && isPlain(end))
  if (
    keys.length === 0 ||
    keys.some((key) => key !== 'from' && key !== 'to') ||
    (from === undefined && to === undefined) ||
    !isEnd(from) ||
    !isEnd(to)
  )
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`filter.${field}\` to be a value, an array of values or { from, to }, got ${show(wanted)}.`,
    )
  return field === 'published' || from instanceof Date || to instanceof Date
    ? betweenDates(field, { from, to })
    : between(field, { from, to })
}

function isPlain(value: unknown): value is PlainValue {
  if (value instanceof Date) return !Number.isNaN(value.getTime())
  return typeof value === 'string' || (typeof value === 'number' && !Number.isNaN(value)) || typeof value === 'boolean'
}

/** Cache of parsed dates, which papers share and every question needs. */
const spans = new Map<Json, TimeSpan | undefined>()
const mostSpans = 100_000

function knownSpan(value: Json): TimeSpan | undefined {
  if (spans.has(value)) return spans.get(value)
  if (spans.size >= mostSpans) spans.clear()
  const found = timeSpanOf(value)
  spans.set(value, found)
  return found
}

/** @throws PaperkinError `invalid-argument` for a value that is not a date */
function span(field: string, value: PlainValue): TimeSpan {
  const found = timeSpanOf(value)
  if (found !== undefined) return found
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`filter.${field}\` to be a date such as 2025, '2025-03', '2025-03-12' or a Date, got ${show(value)}.`,
  )
}

function sameAs(field: string, wanted: PlainValue): (value: Json) => boolean {
  if (field === 'published' || wanted instanceof Date) {
    const { start, end } = span(field, wanted)
    return (value) => {
      const own = knownSpan(value)
      return own !== undefined && own.start >= start && own.end <= end
    }
  }
  const text = String(wanted)
  return (value) =>
    value === wanted ||
    (typeof value !== typeof wanted && isNumberOrText(value) && isNumberOrText(wanted) && String(value) === text)
}

const isNumberOrText = (value: unknown) => typeof value === 'number' || typeof value === 'string'

/** Overlap of intervals: a month matches a range that starts or ends within it. */
function betweenDates(field: string, { from, to }: FilterRange): (value: Json) => boolean {
  const first = from === undefined ? Number.NEGATIVE_INFINITY : span(field, from).start
  const last = to === undefined ? Number.POSITIVE_INFINITY : span(field, to).end
  requireOrder(field, first < last, { from, to })
  return (value) => {
    const own = knownSpan(value)
    return own !== undefined && own.end > first && own.start < last
  }
}

function between(field: string, { from, to }: FilterRange): (value: Json) => boolean {
  const ends = [from, to].filter((end) => end !== undefined)
  const numbers = ends.map(numberOf)
  if (ends.some((end) => typeof end === 'number') && numbers.every((end) => end !== undefined)) {
    const first = numberOf(from) ?? Number.NEGATIVE_INFINITY
    const last = numberOf(to) ?? Number.POSITIVE_INFINITY
    requireOrder(field, first <= last, { from, to })
    return (value) => {
      const own = numberOf(value)
      return own !== undefined && own >= first && own <= last
    }
  }
  const [first, last] = [from, to].map((end) => (end === undefined ? undefined : String(end)))
  if (first !== undefined && last !== undefined) requireOrder(field, first.slice(0, last.length) <= last, { from, to })
  return (value) => {
    if (!isNumberOrText(value)) return false
    const text = String(value)
    return (
      (first === undefined || text.slice(0, first.length) >= first.slice(0, text.length)) &&
      (last === undefined || text.slice(0, last.length) <= last)
    )
  }
}

/** A number, or the number that a whole text is. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/u.test(value.trim()) ? Number(value) : undefined
}

function requireOrder(field: string, isInOrder: boolean, { from, to }: FilterRange): void {
  if (isInOrder) return
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`filter.${field}\` to go from the lower to the higher value, got ${show(from)} to ${show(to)}.`,
  )
}
