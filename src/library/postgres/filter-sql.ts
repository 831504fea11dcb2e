// Conditions of a filter as SQL, with parameters only. The database narrows the papers down; the same filter then runs
// over the candidates, as in the embedded library. So SQL may let papers pass of which it cannot tell: they are
// `doubtful`, and only they are read to count matches.
import { type TimeSpan, timeSpanOf } from '../../text/iso-date.ts'
import type { CompiledFilter, FilterRange, FilterValue } from '../asking/paper-filter.ts'
import { nameForSql } from './paper-columns.ts'

/** The values of a statement, numbered as they come. */
export class Parameters {
  readonly values: unknown[] = []

  /** Adds a value and returns its place, cast to an SQL type. */
  add(value: unknown, type: string): string {
    return `$${this.values.push(value)}::${type}`
  }
}

/** A condition over columns of `papers p`. */
export interface SqlCondition {
  /** Holds for every matching paper, and for doubtful ones. */
  readonly where: string
  /** Papers of which only the filter itself can tell; undefined if there are none. */
  readonly doubtful: string | undefined
}

type Plain = string | number | boolean | Date

interface Part {
  readonly yes: string
  readonly doubtful: string
}

/** Text that jsonb cannot hold or that is not kept in `fields`; such values make a paper `unlisted`. */
const unlistable = /\0|\p{Surrogate}/u
/** White space that JavaScript trims, for a POSIX bracket. */
const space = '\\u0009-\\u000d\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff'
const numeric = `^[${space}]*(-?[0-9]+([.][0-9]+)?)[${space}]*$`

/** The condition of a checked filter; undefined without one. */
export function filterSql(filter: CompiledFilter | undefined, parameters: Parameters): SqlCondition | undefined {
  if (filter === undefined) return undefined
  const { given } = filter
  if (typeof given === 'function') return { where: 'true', doubtful: 'true' }
  const parts = Object.entries(given).flatMap(([field, wanted]) =>
    wanted === undefined ? [] : [partOf(field, wanted, filter, parameters)],
  )
  if (parts.length === 0) return undefined
  const doubtful = parts.flatMap((part) => (part.doubtful === 'false' ? [] : [part.doubtful]))
  return {
    where: parts
      .map((part) => (part.doubtful === 'false' ? part.yes : `(${part.yes} or ${part.doubtful})`))
      .join(' and '),
    doubtful: doubtful.length === 0 ? undefined : doubtful.includes('true') ? 'true' : `(${doubtful.join(' or ')})`,
  }
}

function partOf(field: string, wanted: FilterValue, filter: CompiledFilter, parameters: Parameters): Part {
  // Neither the text nor a place on the map is in the database.
  if (field === 'abstract' || (field === 'area' && filter.needsAreas)) return { yes: 'true', doubtful: 'true' }
  // Dates in a field of the caller's can be written in many ways.
  if (field !== 'published' && datesOf(wanted).some((value) => value instanceof Date))
    return { yes: 'true', doubtful: 'true' }
  const name = parameters.add(nameForSql(field), 'text')
  const unlisted = `(p.unlisted is not null and ${name} = any(p.unlisted))`
  // Kept in no paper's fields.
  if (nameForSql(field) !== field) return { yes: 'false', doubtful: unlisted }
  if (isRange(wanted)) {
    if (field === 'published') return { yes: datesSql(wanted, parameters), doubtful: unlisted }
    const { yes, doubtful } = rangeSql(name, wanted, parameters)
    return { yes, doubtful: doubtful === undefined ? unlisted : `(${unlisted} or ${doubtful})` }
  }
  const values = (Array.isArray(wanted) ? wanted : [wanted]) as readonly Plain[]
  if (field === 'published')
    return { yes: anyOf(values.map((value) => withinSql(value, parameters))), doubtful: unlisted }
  const objects = values
    .flatMap((value) => sameJson(value as Exclude<Plain, Date>))
    .flatMap((json) => {
      const key = JSON.stringify(field)
      return [`{${key}:${json}}`, `{${key}:[${json}]}`]
    })
  if (objects.length === 0) return { yes: 'false', doubtful: unlisted }
  const any = objects.map((json) => `p.fields @> ${parameters.add(json, 'jsonb')}`)
  return { yes: anyOf(any), doubtful: unlisted }
}

function datesOf(wanted: FilterValue): readonly unknown[] {
  if (isRange(wanted)) return [wanted.from, wanted.to]
  return Array.isArray(wanted) ? wanted : [wanted]
}

const anyOf = (conditions: readonly string[]) => (conditions.length === 0 ? 'false' : `(${conditions.join(' or ')})`)

function isRange(wanted: FilterValue): wanted is FilterRange {
  return typeof wanted === 'object' && !Array.isArray(wanted) && !(wanted instanceof Date)
}

/** JSON of the values that equal one: a number equals its text. */
function sameJson(value: string | number | boolean): string[] {
  if (typeof value === 'string') {
    if (unlistable.test(value)) return []
    const number = Number(value)
    const isNumber = Number.isFinite(number) && String(number) === value
    return [JSON.stringify(value), ...(isNumber ? [value] : [])]
  }
  if (typeof value === 'boolean') return [String(value)]
  return [...(Number.isFinite(value) ? [JSON.stringify(value)] : []), JSON.stringify(String(value))]
}

const spanOf = (value: Plain) => timeSpanOf(value) as TimeSpan

function withinSql(value: Plain, parameters: Parameters): string {
  const { start, end } = spanOf(value)
  return `(p.published_start >= ${parameters.add(start, 'float8')} and p.published_end <= ${parameters.add(end, 'float8')})`
}

function datesSql({ from, to }: FilterRange, parameters: Parameters): string {
  const conditions = [
    ...(from === undefined ? [] : [`p.published_end > ${parameters.add(spanOf(from).start, 'float8')}`]),
    ...(to === undefined ? [] : [`p.published_start < ${parameters.add(spanOf(to).end, 'float8')}`]),
  ]
  return `(${conditions.join(' and ')})`
}

/** Whether a value of the field, or an entry of it, meets a condition on `e.text` and `e.kind`. */
function someValue(name: string, condition: string): string {
  return `exists (select from (
    select v.value #>> '{}' as text, jsonb_typeof(v.value) as kind
    from jsonb_array_elements(case jsonb_typeof(p.fields -> ${name})
      when 'array' then p.fields -> ${name} else jsonb_build_array(p.fields -> ${name}) end) v(value)
    ) e where ${condition})`
}

function rangeSql(
  name: string,
  { from, to }: FilterRange,
  parameters: Parameters,
): { readonly yes: string; readonly doubtful: string | undefined } {
  const ends = [from, to].filter((end) => end !== undefined) as (string | number)[]
  const numbers = ends.map(numberOf)
  if (ends.some((end) => typeof end === 'number') && numbers.every((end) => end !== undefined)) {
    // Longer ones may not fit a float8.
    const value = `case when e.kind = 'number' then e.text::float8
      when e.kind = 'string' and length(e.text) <= 300 and e.text ~ ${parameters.add(numeric, 'text')}
        then (regexp_match(e.text, ${parameters.add(numeric, 'text')}))[1]::float8 end`
    const conditions = [
      ...(from === undefined ? [] : [`${value} >= ${parameters.add(numberOf(from), 'float8')}`]),
      ...(to === undefined ? [] : [`${value} <= ${parameters.add(numberOf(to), 'float8')}`]),
    ]
    return {
      yes: someValue(name, conditions.join(' and ')),
      doubtful: someValue(name, `e.kind = 'string' and length(e.text) > 300`),
    }
  }
  const texts = ends.map(String)
  // The order of UTF-16 is that of the bytes only where one side is ASCII.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII but NUL
  if (!texts.every((text) => /^[\x01-\x7f]*$/u.test(text))) return { yes: 'true', doubtful: 'true' }
  const isText = `e.kind in ('string', 'number')`
  const conditions = [isText]
  if (from !== undefined) {
    const first = parameters.add(String(from), 'text')
    conditions.push(`left(e.text, length(${first})) collate "C" >= left(${first}, length(e.text)) collate "C"`)
  }
  if (to !== undefined) {
    const last = parameters.add(String(to), 'text')
    conditions.push(`left(e.text, length(${last})) collate "C" <= ${last} collate "C"`)
  }
  return {
    yes: someValue(name, conditions.join(' and ')),
    // JavaScript writes such numbers with an exponent, and Postgres does not.
    doubtful: someValue(
      name,
      `case when e.kind = 'number' then e.text::float8 <> 0 and (abs(e.text::float8) >= 1e21 or abs(e.text::float8) < 1e-6) end`,
    ),
  }
}

/** A number, or the number that a whole text is, as in the filter itself. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/u.test(value.trim()) ? Number(value) : undefined
}
