// Converts dates in any spelling to ISO 8601 without adding precision, and to the time span that they cover.
import { hasDay, monthNumber, monthPattern } from './months.ts'

/** Milliseconds since 1970, UTC; `end` is exclusive. */
export interface TimeSpan {
  readonly start: number
  readonly end: number
}

const timestamp = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/u

/**
 * Converts a date to ISO 8601 (`2024-03-05`, `2024-03`, `2024` or a full timestamp). Takes a text (`March 2024`,
 * `5 Mar 2024`, `2024/3/5`, `20240305`, a text with one year), a `Date`, or a number (a year, `20240305`, seconds
 * or milliseconds since 1970). Undefined for an unreadable, impossible or ambiguous date (`03/04/2024`).
 */
export function exactIsoDate(value: unknown): string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : ofTime(value.getTime())
  if (typeof value === 'number') return Number.isInteger(value) ? ofDigits(String(value)) : undefined
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (/^\d+$/u.test(text)) return ofDigits(text)
  if (timestamp.test(text)) return onCalendar(text) && !Number.isNaN(Date.parse(text)) ? text : undefined
  // A time in another format may follow; only the day is used.
  const numbers = /^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ,].*)?$/u.exec(text)
  if (numbers !== null) return ofParts(numbers[1], numbers[2], numbers[3])
  const withYearLast = /^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})$/u.exec(text)
  if (withYearLast !== null) {
    const [, one, two, year] = withYearLast
    if (Number(one) > 12) return ofParts(year, two, one)
    return Number(two) > 12 || one === two ? ofParts(year, one, two) : undefined
  }
  const years = new Set(text.match(/(?<!\d)(?:1[5-9]|20)\d{2}(?!\d)/gu))
  if (years.size !== 1) return undefined
  const [year] = years
  const words = /(?<!\p{L})(\d{1,2})(?:st|nd|rd|th)?[.\s-]+(\p{L}{3})\p{L}*[.,\s-]+\d{4}(?!\d)/u.exec(text)
  const turned = /(?<!\p{L})(\p{L}{3})\p{L}*[.\s-]+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?\d{4}(?!\d)/u.exec(text)
  const [month, day] = words !== null ? [words[2], words[1]] : [turned?.[1], turned?.[2]]
  const number = monthNumber(month ?? '')
  return number === 0 ? year : ofParts(year, String(number), day)
}

/** The time span of a date in any spelling; undefined if {@link exactIsoDate} is. */
export function timeSpanOf(value: unknown): TimeSpan | undefined {
  if (value instanceof Date && !Number.isNaN(value.getTime()))
    return { start: value.getTime(), end: value.getTime() + 1 }
  const iso = exactIsoDate(value)
  if (iso === undefined) return undefined
  if (iso.length > 10) {
    const start = Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/u.test(iso) ? iso : `${iso}Z`)
    return { start, end: start + 1 }
  }
  const [year, month, day] = iso.split('-').map(Number) as [number, number?, number?]
  const from = (y: number, m: number, d: number) => Date.UTC(y, m, d)
  if (month === undefined) return { start: from(year, 0, 1), end: from(year + 1, 0, 1) }
  if (day === undefined) return { start: from(year, month - 1, 1), end: from(year, month, 1) }
  return { start: from(year, month - 1, day), end: from(year, month - 1, day + 1) }
}

function ofDigits(digits: string): string | undefined {
  if (digits.length === 4) return ofParts(digits)
  if (digits.length === 6 || digits.length === 8)
    return ofParts(digits.slice(0, 4), digits.slice(4, 6), digits.slice(6) || undefined)
  // Up to 11 digits: seconds, from 1973 to 5138. More: milliseconds.
  if (digits.length < 9 || digits.length > 14) return undefined
  return ofTime(Number(digits) * (digits.length < 12 ? 1000 : 1))
}

function ofTime(time: number): string | undefined {
  const iso = new Date(time).toISOString()
  // Midnight UTC stands for a date without a time.
  return /^[1-9]\d{3}-/u.test(iso) ? iso.replace(/T00:00:00\.000Z$/u, '') : undefined
}

function ofParts(year: string | undefined, month?: string, day?: string): string | undefined {
  const two = (part: string) => part.padStart(2, '0')
  const iso = [year, ...(month === undefined ? [] : [two(month)]), ...(day === undefined ? [] : [two(day)])].join('-')
  return onCalendar(iso) ? iso : undefined
}

function onCalendar(iso: string): boolean {
  const [year = 0, month = 1, day = 1] = iso.slice(0, 10).split('-').map(Number)
  return year >= 1000 && month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
}

const monthName = monthPattern()
const isoPattern = /^\d{4}(?:-(\d{2})(?:-(\d{2})(?:T.*)?)?)?$/u
// Patterns with the order of their groups; a month is a name or a number.
const datePatterns: readonly (readonly [RegExp, string])[] = [
  [/^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?!\d)/u, 'ymd'],
  [/^(\d{4})(\d{2})(\d{2})$/u, 'ymd'],
  [new RegExp(`^(\\d{4})[\\s/,-]+${monthName}\\b\\.?(?:[\\s/-]+(\\d{1,2})(?!\\d))?`, 'iu'), 'ymd'],
  [
    new RegExp(
      `^(?:\\p{L}{3,9},?\\s+)?(\\d{1,2})(?:st|nd|rd|th)?\\.?[\\s-]+${monthName}\\b\\.?,?[\\s-]+(\\d{4})(?!\\d)`,
      'iu',
    ),
    'dmy',
  ],
  [
    new RegExp(
      `^(?:\\p{L}{3,9},?\\s+)?${monthName}\\b\\.?\\s+(\\d{1,2})(?:st|nd|rd|th)?,?\\s+(?:[\\d:]+\\s+)?(\\d{4})(?!\\d)`,
      'iu',
    ),
    'mdy',
  ],
  [new RegExp(`^${monthName}\\b\\.?(?:\\s*[-–/]\\s*\\p{L}{3,9}\\.?)?,?[\\s-]+(\\d{4})(?!\\d)`, 'iu'), 'my'],
  [/^(\d{1,2})[-/.](\d{4})$/u, 'my'],
]

/**
 * Converts a date to ISO 8601 as precisely as it says: `2024-03-05`, `2024-03` or `2024` from `2024/3/5`,
 * `5 March 2024`, `2024 Mar`, `Tue, 2 Jan 2024 10:00:00 GMT`, `spring 2024`. ISO timestamps are returned unchanged; the
 * ambiguous `01/02/2024` gives the year. Undefined without a four-digit year.
 */
export function isoDateIn(date: string | undefined): string | undefined {
  const text = date?.trim()
  if (text === undefined) return undefined
  const iso = isoPattern.exec(text)
  if (iso !== null) {
    const [month, day] = [Number(iso[1] ?? 1), Number(iso[2] ?? 1)]
    if (hasDay(month, day)) return text
    // Reject a day that the month does not have (30 February). A day of 00 means only the month is known.
    if (month >= 1 && month <= 12 && day > 0) return undefined
  }
  for (const [pattern, order] of datePatterns) {
    const match = pattern.exec(text)
    if (match === null) continue
    const part = (name: string) => (order.includes(name) ? match[order.indexOf(name) + 1] : undefined)
    const [year, month, day] = [part('y'), monthOf(part('m')), Number(part('d') ?? 0)]
    if (year === undefined || year.startsWith('0')) continue
    if (hasDay(month, day || 1)) return day === 0 ? `${year}-${two(month)}` : `${year}-${two(month)}-${two(day)}`
    if (month >= 1 && month <= 12) return `${year}-${two(month)}`
    return year
  }
  const numbers = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)/u.exec(text)
  if (numbers !== null) {
    const [first, second, year] = [Number(numbers[1]), Number(numbers[3]), numbers[4]]
    if (first > 12 || first === second || numbers[2] === '.')
      return hasDay(second, first) ? `${year}-${two(second)}-${two(first)}` : year
    return second > 12 && hasDay(first, second) ? `${year}-${two(first)}-${two(second)}` : year
  }
  return /(?<!\d)(?:1[5-9]|20)\d{2}(?!\d)/u.exec(text)?.[0]
}

const two = (part: number) => String(part).padStart(2, '0')
const monthOf = (text: string | undefined) => (text === undefined ? 0 : monthNumber(text) || Number(text))
