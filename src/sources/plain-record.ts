// Records whose fields go by many names: the usual ones are understood, what is left is kept under its own name.
import {
  filled,
  isoDate,
  isRecord,
  type JsonRecord,
  nameList,
  personName,
  plainDoi,
  splitList,
} from './field-values.ts'

/** The names that a field goes by, the likeliest first, in lower case without blanks and marks. */
const aliases = {
  id: ['id', 'arxivid', 'paperid', 'key', 'citekey', 'pmid', 'eid', 'uid', 'docid'],
  title: ['title', 'papertitle', 'articletitle', 'displayname', 'documenttitle', 'name'],
  abstract: ['abstract', 'summary', 'abstractnote', 'abstracttext', 'paperabstract', 'description', 'ab'],
  authors: ['authors', 'author', 'authornames', 'authorfullnames', 'creators', 'creator'],
  categories: ['categories', 'category', 'subjects', 'subject', 'primarycategory', 'primary', 'fieldsofstudy'],
  published: [
    'published',
    'date',
    'publicationdate',
    'publisheddate',
    'publishedat',
    'created',
    'updatedate',
    'publicationyear',
    'year',
  ],
  url: ['url', 'link', 'paperurl', 'absurl', 'href', 'pdfurl'],
  version: ['version'],
  doi: ['doi'],
  journal: ['journal', 'journalref', 'publicationtitle', 'sourcetitle', 'containertitle', 'venue'],
} as const
export type PaperField = keyof typeof aliases
export const paperFields = Object.keys(aliases) as PaperField[]

const plainName = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/** Which of the names given stands for which field of a paper; a field's own name wins over its aliases. */
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

// Records of one file have the same names: the guess for the last ones is kept.
let lastNames = ''
let lastGuess = new Map<PaperField, string>()

/** The fields of a record whose names are guessed, or given by `columns` (field → name). */
export function plainFields(
  record: JsonRecord,
  columns: ReadonlyMap<PaperField, string> = guessOnce(Object.keys(record)),
): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  const taken = new Set(columns.values())
  for (const [field, name] of columns) {
    const value = record[name]
    // An alias is only a guess: what cannot be the field is kept as what it is.
    if (field === name) fields[field] = field === 'authors' || field === 'categories' ? list(field, value) : value
    else if (field === 'authors' || field === 'categories') fields[field] = list(field, value)
    else if (filled(value) === undefined) taken.delete(name)
    else fields[field] = value
  }
  if (typeof fields.published === 'string' || typeof fields.published === 'number')
    fields.published = isoDate(String(fields.published))
  if (typeof fields.doi === 'string') fields.doi = plainDoi(fields.doi)
  for (const [name, value] of Object.entries(record)) {
    if (taken.has(name)) continue
    if (name in fields || Object.hasOwn(aliases, name)) continue
    if (typeof value === 'string' && value.trim() === '') continue
    fields[name] = value
  }
  return fields
}

function guessOnce(names: readonly string[]): ReadonlyMap<PaperField, string> {
  const key = names.join('\u0000')
  if (key !== lastNames) {
    lastNames = key
    lastGuess = guessFields(names)
  }
  return lastGuess
}

const arxivClasses = /^(?:[a-z-]+(?:\.[A-Za-z-]+)?\s+)*[a-z-]+\.[A-Za-z-]+(?:\s+[a-z-]+(?:\.[A-Za-z-]+)?)*$/u

/** Names or categories as a list, from a list, from a list of objects with names, or from one text. */
function list(field: 'authors' | 'categories', value: unknown): unknown {
  if (typeof value === 'string') {
    if (field === 'authors') return nameList(value)
    return value.length < 200 && arxivClasses.test(value.trim()) ? value.trim().split(/\s+/u) : splitList(value)
  }
  if (!Array.isArray(value)) return isRecord(value) ? list(field, [value]) : value
  return value.map((item) => (isRecord(item) ? (personName(item) ?? item) : item))
}
