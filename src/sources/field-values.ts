// Interprets the values of a record's fields in any format: texts, names, lists, DOIs.

/** A JSON object. */
export type JsonRecord = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A non-blank text, or a finite number as text; undefined for anything else. */
export function filled(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

const missing =
  /^(?:nan|nat|none|null|undefined|n\/?a|n\.\s?d\.?|[[(]?(?:no abstract(?: (?:is |was )?(?:available|provided|found|given|supplied))?|abstract (?:is )?(?:not available|unavailable)|not available|title not available)\.?[\])]?)$/iu

/** Whether a text only marks a missing value: `NaN`, `None`, `n.d.`, `[No abstract available]`. */
export function saysMissing(value: unknown): boolean {
  return typeof value === 'string' && value.length < 60 && missing.test(value.trim())
}

/** The text in a wrapped value: `"x"`, `["x"]`, `{ "value": "x" }`; other values unchanged. */
export function unwrapped(value: unknown): unknown {
  if (Array.isArray(value)) {
    const texts = value.filter((item) => item !== null && item !== undefined && item !== '')
    return texts.length === 1 ? unwrapped(texts[0]) : texts.length === 0 ? undefined : value
  }
  if (!isRecord(value)) return value
  for (const name of ['value', 'p', '$value', '#text', '_text', 'text', '$t', '$', 'rendered', 'content', 'en'])
    if (typeof value[name] === 'string') return value[name]
  return value
}

/** The name in an object that stands for a person or a subject. */
export function personName(item: JsonRecord): string | undefined {
  const first = filled(item.given ?? item.firstName ?? item.first_name ?? item.first ?? item.forenames)
  const last = filled(item.family ?? item.lastName ?? item.last_name ?? item.last ?? item.keyname)
  if (last !== undefined) return first === undefined ? last : `${first} ${last}`
  return (
    filled(
      item.name ??
        item.fullName ??
        item.full_name ??
        item.display_name ??
        item.literal ??
        item.text ??
        item.collectiveName ??
        item.creator ??
        item.term ??
        item.tag ??
        item.category ??
        item.value,
    ) ?? first
  )
}

/** `a; b`, `a | b` or `a, b` as a list. */
export function splitList(text: string): string[] {
  const mark = [';', '|', ','].find((mark) => text.includes(mark))
  return (mark === undefined ? [text] : text.split(mark)).map((part) => part.trim()).filter((part) => part !== '')
}

/** Splits one text into names: `Moss, Ida; Kall, Per`, `Ida Moss and Per Kall`, `Ida Moss, Per Kall`. */
export function nameList(text: string): string[] {
  const family = '[^,]{2,40}'
  const initials = '(?:\\p{Lu}\\.[ -]?){1,4}'
  if (new RegExp(`^${family},\\s?${initials}(?:,\\s?${family},\\s?${initials})+$`, 'u').test(text.trim()))
    return text.split(/(?<=\p{Lu}\.),/u).map((name) => turnedName(name.trim()))
  const parts = /[;|]/u.test(text)
    ? text.split(/[;|]/u)
    : / and /u.test(text) && !text.includes(',')
      ? text.split(/ and /u)
      : / and /u.test(text) && text.split(/ and /u).every((part) => part.split(',').length === 2)
        ? text.split(/ and /u)
        : text.split(/, and | and |,/u)
  const names = parts.map((part) => part.trim()).filter((part) => part !== '')
  // "Moss, Ida" is one name: family name and given name.
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

const suffix = /^(?:[JS]r\.?|I{1,3}|IV|Ph\.?\s?D\.?|M\.?D\.?)$/u

/** `Moss, Ida` as `Ida Moss`; `Holm, Jr., J. R.` and `Holm, J. R., Jr.` as `J. R. Holm, Jr.`; other names unchanged. */
export function turnedName(name: string): string {
  const parts = name.split(',').map((part) => part.trim())
  const [family, second, third] = parts
  if (parts.some((part) => part === '')) return name.trim()
  if (parts.length === 2) return suffix.test(second as string) ? name.trim() : `${second} ${family}`
  if (parts.length !== 3) return name.trim()
  return suffix.test(third as string) ? `${second} ${family}, ${third}` : `${third} ${family}, ${second}`
}

/** `10.1000/182` from `https://doi.org/10.1000/182` and the like. */
export function plainDoi(text: unknown): string | undefined {
  return filled(text)
    ?.trim()
    .replace(/^(?:https?:\/\/(?:dx\.)?doi\.org\/|doi:\s*)/iu, '')
}

/** The fields that have a value. */
export function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  )
}

/** The text on one line, as many formats wrap their lines. */
export function oneLine(text: string | undefined): string | undefined {
  return text?.replace(/\s+/gu, ' ').trim()
}
