// Records of unknown shape: common field names are recognised, other fields are kept under their own names.
import { isoDateIn } from '../text/iso-date.ts'
import {
  filled,
  given,
  isRecord,
  type JsonRecord,
  nameList,
  personName,
  plainDoi,
  saysMissing,
  splitList,
  turnedName,
  unwrapped,
} from './field-values.ts'
import { epochDate } from './web-records.ts'

/** Names of each field, the likeliest first, in lower case without spaces and punctuation. */
const aliases = {
  id: ['id', 'arxivid', 'paperid', 'key', 'citekey', 'pmid', 'eid', 'uid', 'docid', 'corpusid', 'lensid'],
  title: ['title', 'papertitle', 'articletitle', 'displayname', 'documenttitle', 'dctitle', 'name'],
  abstract: [
    'abstract',
    'summary',
    'abstractnote',
    'abstracttext',
    'paperabstract',
    'description',
    'ab',
    'dcdescription',
    'contenttext',
    'contenthtml',
    'text',
    'sentence',
    'sentences',
  ],
  authors: ['authors', 'author', 'authornames', 'authorfullnames', 'creators', 'creator', 'dccreator'],
  categories: ['categories', 'category', 'subjects', 'subject', 'primarycategory', 'primary', 'fieldsofstudy'],
  published: [
    'published',
    'date',
    'publicationdate',
    'publishdate',
    'publisheddate',
    'publishedat',
    'datepublished',
    'pubdate',
    'publishedon',
    'prismcoverdate',
    'created',
    'publicationyear',
    'yearpublished',
    'pubyear',
    'year',
  ],
  url: ['url', 'link', 'paperurl', 'absurl', 'urlabs', 'arxivurl', 'entryid', 'href', 'articleurl', 'pdfurl', 'pdf'],
  version: ['version'],
  doi: ['doi', 'prismdoi'],
  journal: ['journal', 'journalref', 'publicationtitle', 'sourcetitle', 'containertitle', 'venue'],
} as const
export type PaperField = keyof typeof aliases
export const paperFields = Object.keys(aliases) as PaperField[]

const plainName = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/** Maps each field of a paper to one of the given names; a field's own name wins over its aliases. */
export function guessFields(names: readonly string[]): Map<PaperField, string> {
  const byPlainName = new Map<string, string>()
  for (const name of [...names].reverse()) byPlainName.set(plainName(name), name)
  const found = new Map<PaperField, string>()
  for (const field of paperFields) {
    if (names.includes(field)) found.set(field, field)
    else {
      const alias = aliases[field].find((alias) => byPlainName.has(alias))
      if (alias !== undefined) found.set(field, byPlainName.get(alias) as string)
    }
  }
  return found
}

// Records of one file share their names, so the last guess is cached.
let lastNames = ''
let lastGuess = new Map<PaperField, string>()

function guessOnce(names: readonly string[]): ReadonlyMap<PaperField, string> {
  const key = names.join('\u0000')
  if (key !== lastNames) {
    lastNames = key
    lastGuess = guessFields(names)
  }
  return lastGuess
}

/** Whether a record is a paper as the library writes it, so that nothing needs guessing. */
export function isPaperRecord({ title, abstract, extra, titleOnly }: JsonRecord): boolean {
  return (isRecord(extra) || titleOnly === true) && (typeof title === 'string' || typeof abstract === 'string')
}

/** Whether a record has a title or an abstract under a common name. */
export function saysSomething(record: JsonRecord): boolean {
  const fields = guessFields(Object.keys(record))
  return [fields.get('title'), fields.get('abstract')].some((name) => {
    const value = name === undefined ? undefined : unwrapped(record[name])
    return filled(value) !== undefined || (Array.isArray(value) && value.some((item) => filled(item) !== undefined))
  })
}

/**
 * The fields of a record, found by guessing or by `columns` (field → name). Other fields go to `extra` under their own
 * names.
 */
export function plainFields(
  record: JsonRecord,
  columns: ReadonlyMap<PaperField, string> = guessOnce(Object.keys(record)),
): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  const taken = new Set(columns.values())
  for (const [field, name] of columns) {
    const value = record[name]
    // An alias is only a guess: a value that cannot be the field stays under its own name.
    const found = fieldValue(field, value, { isOwn: field === name })
    if (found === undefined && !saysMissing(value)) taken.delete(name)
    else if (found !== undefined) fields[field] = found
  }
  if (fields.published === undefined) {
    // If the likeliest name has no date, another one may.
    const name = aliases.published
      .flatMap((alias) => Object.keys(record).filter((other) => plainName(other) === alias))
      .find((other) => typeof record[other] !== 'object' && isoDateIn(filled(record[other])) !== undefined)
    if (name !== undefined && !taken.has(name)) {
      fields.published = fieldValue('published', record[name], { isOwn: false })
      taken.add(name)
    }
  }
  if (typeof fields.doi === 'string') fields.doi = plainDoi(fields.doi)
  const rest: [string, unknown][] = []
  for (const [name, value] of Object.entries(record)) {
    if (name === 'extra' && isRecord(value)) continue
    if (taken.has(name) && !isReduced(value, fields)) continue
    if (value === null || (typeof value === 'string' && (value.trim() === '' || /^Na[NT]$/u.test(value.trim()))))
      continue
    rest.push([name, value])
  }
  const extra = { ...Object.fromEntries(rest), ...(isRecord(record.extra) && record.extra) }
  return given({ ...fields, ...(Object.keys(extra).length > 0 && { extra }) })
}

/** Whether a field took only one value of a longer list. */
const isReduced = (value: unknown, fields: JsonRecord) =>
  Array.isArray(value) && value.length > 1 && Object.values(fields).includes(unwrapped(value[0]))

function fieldValue(field: PaperField, value: unknown, { isOwn }: { readonly isOwn: boolean }): unknown {
  if (field === 'authors' || field === 'categories') return list(field, value, isOwn)
  const plain = unwrapped(value)
  if (plain === null || plain === undefined) return undefined
  if (field === 'published') return dateText(plain)
  if (Array.isArray(plain)) {
    const texts = plain.map(unwrapped).filter((text) => typeof text === 'string' && text.trim() !== '')
    // An abstract may be a list of sentences.
    if (texts.length === 0) return isOwn ? value : undefined
    return field === 'abstract' ? texts.join(' ') : texts[0]
  }
  if (saysMissing(plain)) return undefined
  return isOwn || filled(plain) !== undefined ? plain : undefined
}

function dateText(value: unknown): string | undefined {
  const epoch = epochDate(value)
  if (epoch !== undefined && !/^\d{8}$/u.test(String(value))) return epoch
  if (isRecord(value)) {
    const { year, month, day, raw, start } = value
    const parts = value['date-parts']
    if (Array.isArray(parts) && Array.isArray(parts[0])) return isoDateIn(parts[0].join('-'))
    if (year !== undefined) return isoDateIn([year, month, day].filter((part) => filled(part)).join('-'))
    return filled(raw) ?? filled(start)
  }
  const text = filled(value)
  return text === undefined || saysMissing(text) ? undefined : text
}

const arxivClasses = /^(?:[a-z-]+(?:\.[A-Za-z-]+)?\s+)*[a-z-]+\.[A-Za-z-]+(?:\s+[a-z-]+(?:\.[A-Za-z-]+)?)*$/u

/** Names or categories as a list, from a list of texts or of objects with names, or from one text. */
function list(field: 'authors' | 'categories', value: unknown, isOwn: boolean): unknown {
  if (typeof value === 'string') {
    if (saysMissing(value)) return undefined
    if (field === 'authors') return nameList(value)
    return value.length < 200 && arxivClasses.test(value.trim()) ? value.trim().split(/\s+/u) : splitList(value)
  }
  if (!Array.isArray(value)) {
    if (!isRecord(value)) return value ?? undefined
    const inner = value.author ?? value.authors ?? value.value ?? value.name
    return list(field, Array.isArray(inner) ? inner : [value], isOwn)
  }
  const items = value.flatMap((item) => {
    if (item === null || item === undefined || item === '') return []
    if (isRecord(item)) {
      const name = personName(item)
      return [name === undefined ? item : field === 'authors' ? turnedName(name) : name]
    }
    // A name in parts: family, given, suffix.
    if (field === 'authors' && Array.isArray(item) && item.every((part) => typeof part === 'string'))
      return [
        [item.slice(1, 2), item.slice(0, 1), item.slice(2)]
          .flat()
          .filter((part) => part !== '')
          .join(' '),
      ]
    return [item]
  })
  // Objects without a name: not a list of names.
  if (items.some(isRecord)) return undefined
  const isTurned = field === 'authors' && !isOwn && items.every((item) => /^[^,]+,[^,]+$/u.test(String(item)))
  return isTurned ? items.map((item) => turnedName(String(item))) : items
}
