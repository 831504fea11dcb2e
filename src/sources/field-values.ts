// What the values of a record's fields mean, whatever its format: texts, names, lists, DOIs.

/** A record as JSON has it. */
export type JsonRecord = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A text that says something; undefined for all else. */
export function filled(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

/** The name of a person or a subject that is an object. */
export function personName(item: JsonRecord): string | undefined {
  const first = filled(item.given ?? item.firstName ?? item.first_name ?? item.first ?? item.forenames)
  const last = filled(item.family ?? item.lastName ?? item.last_name ?? item.last ?? item.keyname)
  if (last !== undefined) return first === undefined ? last : `${first} ${last}`
  return filled(item.name ?? item.display_name ?? item.full_name ?? item.literal ?? item.term ?? item.category) ?? first
}

/** `a; b`, `a | b` or `a, b` as a list. */
export function splitList(text: string): string[] {
  const mark = [';', '|', ','].find((mark) => text.includes(mark))
  return (mark === undefined ? [text] : text.split(mark)).map((part) => part.trim()).filter((part) => part !== '')
}

/** Names from one text: `Moss, Ida; Kall, Per`, `Ida Moss and Per Kall`, `Ida Moss, Per Kall`. */
export function nameList(text: string): string[] {
  const parts = /[;|]/u.test(text)
    ? text.split(/[;|]/u)
    : / and /u.test(text) && !text.includes(',')
      ? text.split(/ and /u)
      : / and /u.test(text) && text.split(/ and /u).every((part) => part.split(',').length === 2)
        ? text.split(/ and /u)
        : text.split(/, and | and |,/u)
  const names = parts.map((part) => part.trim()).filter((part) => part !== '')
  // "Moss, Ida" is one name: a family name and what goes before it.
  if (
    !/[;|]/u.test(text) &&
    names.length === 2 &&
    text.includes(',') &&
    !/ and /u.test(text) &&
    names.some((name) => !/\s/u.test(name))
  )
    return [turnedName(text)]
  return names.map(turnedName)
}

/** `Moss, Ida` as `Ida Moss`; `Holm, Jr., J. R.` and `Holm, J. R., Jr.` as `J. R. Holm, Jr.`; other names as they are. */
export function turnedName(name: string): string {
  const parts = name.split(',').map((part) => part.trim())
  const [family, second, third] = parts
  if (parts.some((part) => part === '')) return name.trim()
  if (parts.length === 2) return `${second} ${family}`
  if (parts.length !== 3) return name.trim()
  return /^(?:[JS]r\.?|I{1,3}|IV)$/u.test(third as string)
    ? `${second} ${family}, ${third}`
    : `${third} ${family}, ${second}`
}

/** `10.1000/182` of `https://doi.org/10.1000/182` and the like. */
export function plainDoi(text: unknown): string | undefined {
  return filled(text)
    ?.trim()
    .replace(/^(?:https?:\/\/(?:dx\.)?doi\.org\/|doi:\s*)/iu, '')
}

/** The fields that say something. */
export function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  )
}

/** Words on one line: formats break their lines by hand. */
export function oneLine(text: string | undefined): string | undefined {
  return text?.replace(/\s+/gu, ' ').trim()
}

/**
 * A date as ISO 8601 as far as it says: `2024-03-05`, `2024-03` or `2024` of `2024/3/5`, `5 March 2024`, `Mar 2024`,
 * `Tue, 2 Jan 2024 10:00:00 GMT`, `spring 2024`; timestamps, and texts without a year, as they are.
 */
export function isoDate(date: string | undefined): string | undefined {
  const text = date?.trim()
  if (text === undefined || /^\d{4}(?:-\d{2}(?:-\d{2}(?:T.*)?)?)?$/u.test(text)) return text
  const numbers = /^(\d{4})[-/.](\d{1,2})?(?:[-/.](\d{1,2})?)?(?:\D.*)?$/u.exec(text)
  const words = /^(?:\p{L}{3,9},?\s+)?(\d{1,2})\.?\s+(\p{L}{3})\p{L}*\.?,?\s+(\d{4})\b/u.exec(text)
  const turned = /^(\p{L}{3})\p{L}*\.?\s+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?(\d{4})$/u.exec(text)
  const [year, month, day] =
    numbers !== null
      ? [numbers[1], Number(numbers[2]), Number(numbers[3])]
      : words !== null
        ? [words[3], monthOf(words[2]), Number(words[1])]
        : turned !== null
          ? [turned[3], monthOf(turned[1]), Number(turned[2])]
          : [/(?<!\d)(?:1[5-9]|20)\d{2}(?!\d)/u.exec(text)?.[0]]
  if (year === undefined) return text
  const two = (part: number) => String(part).padStart(2, '0')
  if (month === undefined || !(month >= 1 && month <= 12)) return year
  return day !== undefined && day >= 1 && day <= 31 ? `${year}-${two(month)}-${two(day)}` : `${year}-${two(month)}`
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

const monthOf = (name: string | undefined) => monthNames.indexOf(name?.toLowerCase() ?? '') + 1
