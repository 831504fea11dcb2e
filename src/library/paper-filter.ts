import { PaperkinError, show } from '../errors.ts'
import type { Json, Paper } from '../paper.ts'
import type { Roster } from './collection.ts'

/** An interval with both ends inside: of numbers, or of ISO 8601 dates, where `to: '2025-03'` holds all of March. */
export interface FilterRange {
  readonly from?: number | string
  readonly to?: number | string
}

/** What a field may be: one value, any of several, or an interval. Of a list (`categories`) one entry must fit. */
export type FilterValue = string | number | boolean | readonly (string | number | boolean)[] | FilterRange

/**
 * Conditions by field, all of which must hold: `{ categories: ['cs.CL', 'cs.LG'], published: { from: '2025-01' } }`.
 * Fields are those of a {@link Paper} and of its `extra`. A paper without the field does not fit.
 */
export type FilterFields = { readonly [field: string]: FilterValue }

/** Which papers are wanted: a function, or conditions that can also be written down. */
export type PaperFilter = ((paper: Paper) => boolean) | FilterFields

const paperFields = new Set(['id', 'title', 'abstract', 'authors', 'categories', 'published', 'url', 'version'])

/** Says of each place in a roster whether its paper is wanted. */
export type CompiledFilter = (roster: Roster) => (place: number) => boolean

/**
 * A filter that can be asked.
 * @param roster papers that should have the fields
 * @throws PaperkinError `invalid-argument` for what is no filter, and for fields that none of the papers has
 */
export function compileFilter(filter: PaperFilter | undefined, roster: Roster): CompiledFilter | undefined {
  if (filter === undefined) return undefined
  if (typeof filter === 'function')
    return ({ papers }) =>
      (place) =>
        filter(papers[place].paper)
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`filter\` to be a function or conditions by field, got ${show(filter)}.`,
    )
  const conditions = Object.entries(filter).flatMap(([field, wanted]) =>
    wanted === undefined ? [] : [{ field, fits: condition(field, wanted) }],
  )
  for (const { field } of conditions) {
    if (paperFields.has(field)) continue
    const count = roster.papers.length
    const valueAt = column(roster, field)
    let place = 0
    while (place < count && valueAt(place) === undefined) place++
    if (place === count && count > 0)
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`filter\` to name fields of the papers, got ${show(field)}, which none of the ${count} has.`,
      )
  }
  return (one) => {
    const asked = conditions.map(({ field, fits }) => ({ valueAt: column(one, field), fits }))
    return (place) => asked.every(({ valueAt, fits }) => fits(valueAt(place)))
  }
}

const unread = Symbol('unread')
const columns = new WeakMap<Roster, Map<string, (Json | undefined | typeof unread)[]>>()

/**
 * What the papers have in a field. Read from each paper once for each state of a library: going from object to object
 * takes most of the time of a filter.
 */
function column(roster: Roster, field: string): (place: number) => Json | undefined {
  const { papers } = roster
  const known = columns.get(roster) ?? new Map<string, (Json | undefined | typeof unread)[]>()
  columns.set(roster, known)
  const values = known.get(field) ?? new Array<typeof unread>(papers.length).fill(unread)
  known.set(field, values)
  return (place) => {
    const value = values[place]
    if (value !== unread) return value
    const read = fieldOf(papers[place].paper, field)
    values[place] = read
    return read
  }
}

function fieldOf(paper: Paper, field: string): Json | undefined {
  if (paperFields.has(field)) return paper[field as keyof Paper] as Json | undefined
  return paper.extra !== undefined && Object.hasOwn(paper.extra, field) ? paper.extra[field] : undefined
}

function condition(field: string, wanted: FilterValue): (value: Json | undefined) => boolean {
  const fitsOne = conditionOnOne(field, wanted)
  return (value) => {
    if (Array.isArray(value)) return value.some(fitsOne)
    return value !== undefined && fitsOne(value as Json)
  }
}

function conditionOnOne(field: string, wanted: FilterValue): (value: Json) => boolean {
  if (isPlain(wanted)) return (value) => value === wanted
  if (Array.isArray(wanted) && wanted.every(isPlain)) {
    const values = new Set<Json>(wanted)
    return (value) => values.has(value)
  }
  const keys = typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted) ? Object.keys(wanted) : ['']
  const { from, to } = wanted as FilterRange
  const isEnd = (end: unknown) => end === undefined || typeof end === 'string' || Number.isFinite(end)
  if (keys.length === 0 || keys.some((key) => key !== 'from' && key !== 'to') || !isEnd(from) || !isEnd(to))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`filter.${field}\` to be a value, an array of values or { from, to }, got ${show(wanted)}.`,
    )
  return (value) => isFrom(value, from) && isTo(value, to)
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function isFrom(value: Json, from: number | string | undefined): boolean {
  if (from === undefined) return typeof value === 'string' || typeof value === 'number'
  if (typeof from === 'number') return typeof value === 'number' && value >= from
  // A month is not before a day of it: what is known of both decides.
  return typeof value === 'string' && value.slice(0, from.length) >= from.slice(0, value.length)
}

function isTo(value: Json, to: number | string | undefined): boolean {
  if (to === undefined) return true
  if (typeof to === 'number') return typeof value === 'number' && value <= to
  return typeof value === 'string' && value.slice(0, to.length) <= to
}
