import { createHash } from 'node:crypto'
import { z } from 'zod'
import { PaperkinError, type PaperkinIssue, show } from './errors.ts'
import { exactIsoDate, isoDateIn } from './text/iso-date.ts'

/** A JSON value, frozen. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** Further fields of a record, by name. */
export type PaperExtra = { readonly [name: string]: Json }

/** A paper as the library stores it. `Extra` is the caller's type of `extra`; it is not checked. */
export interface Paper<Extra extends object = PaperExtra> {
  /** Unique in a library: given, or the arXiv id in the record's link, or derived from the title. */
  readonly id: string
  /** One line; empty only if the record has just an abstract. */
  readonly title: string
  /** One or more paragraphs; empty only if the record has just a title. */
  readonly abstract: string
  /** True if there is no abstract: only the title is embedded. */
  readonly titleOnly?: true
  readonly authors?: readonly string[]
  readonly categories?: readonly string[]
  /**
   * ISO 8601: `2025-03-12`, `2025-03`, `2025`, or a full timestamp. Dates in other formats, years, timestamps and
   * `Date` objects are converted; text that is not a date (`in press`) is kept in `extra.published`.
   */
  readonly published?: string
  readonly url?: string
  /**
   * Version of the paper (`v2` is 2), never part of the id. A version that is not a number is kept in `extra.version`.
   */
  readonly version?: number
  /**
   * Further fields of the record, by name: any JSON. Sources put `doi`, `journal` and the like here; `original` holds
   * the title and abstract as written if LaTeX or markup was converted.
   */
  readonly extra?: Extra
}

type PaperFields = z.input<z.ZodObject<typeof paperFields>>

/**
 * A paper as input. `title` or `abstract` is required; names are strings or objects (`{ name }`, `{ given, family }`).
 * Other field names are interpreted as in files, or kept in `extra`.
 */
export type PaperInput = Omit<PaperFields, 'authors' | 'categories' | 'extra'> & {
  readonly authors?: PaperFields['authors'] | readonly (string | object)[]
  readonly categories?: PaperFields['categories'] | readonly (string | object)[]
  /** Any JSON object. */
  readonly extra?: object | null | undefined
}

// Invisible characters that split, hide in or reverse words: control characters, zero-width spaces, soft hyphens,
// direction marks.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds, but for white space.
const invisible = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu
// Lone surrogates become U+FFFD: UTF-8 cannot encode them, so two texts must not differ only by them.
const wellFormed = z.string().transform((text) => text.toWellFormed())
/** Removes invisible characters and puts the text on one line. */
export const visible = (text: string) => text.replace(invisible, '').replace(/\s+/gu, ' ').trim()
const line = wellFormed.transform(visible)
// Not made well-formed, as the result could be another paper's id; the same goes for numbers too large to be exact.
const idLine = z
  .union([z.string(), z.number().refine((id) => Math.abs(id) <= Number.MAX_SAFE_INTEGER)], {
    error: 'expected a string, or a number that JavaScript stores exactly',
  })
  .transform(String)
  .refine((text) => text.isWellFormed(), 'holds half of a character (a lone surrogate)')
  .transform(visible)
const words = z.union([z.array(line).readonly(), line.transform((text) => (text === '' ? [] : [text]))])

const paperFields = {
  id: idLine.nullish(),
  title: line.nullish(),
  abstract: wellFormed.transform((text) => text.replace(invisible, '').trim()).nullish(),
  authors: words.nullish(),
  categories: words.nullish(),
  published: z.union([line, z.number(), z.date()]).nullish(),
  url: line.nullish(),
  version: z.union([z.number(), z.string()]).nullish(),
  titleOnly: z.boolean().nullish(),
  extra: z.record(z.string(), z.unknown()).nullish(),
}

/** The schema of input records; unknown fields pass. */
const paperSchema = z.looseObject(paperFields)

const arxivId = /^(?:[a-z-]+(?:\.[A-Z]{2})?\/\d{7}|\d{4}\.\d{4,5})$/u
const arxivLink =
  /^(?:(?:https?:\/\/)?(?:www\.|export\.)?arxiv\.org\/(?:abs|pdf|html)\/|(?:https?:\/\/)?huggingface\.co\/papers\/|(?:https?:\/\/)?(?:dx\.)?doi\.org\/10\.48550\/arxiv\.|arxiv:)([a-z-]+(?:\.[A-Z]{2})?\/\d{7}|\d{4}\.\d{4,5})(?!\d)(?:v(\d+))?/iu

/** The arXiv id, and the version if any, in a link or an `arXiv:` reference. */
export function arxivReference(link: string): { readonly id: string; readonly version?: number } | undefined {
  const match = arxivLink.exec(link.trim())
  if (match === null) return undefined
  return match[2] === undefined ? { id: match[1] as string } : { id: match[1] as string, version: Number(match[2]) }
}

/** An id as the library stores it. arXiv ids lose `arXiv:` and the version, which is returned separately. */
export function plainId(id: string): { readonly id: string; readonly version?: number } {
  const text = visible(id)
  const linked = /^(?:https?:\/\/|doi\.org|arxiv\.org)/iu.test(text) ? arxivReference(text) : undefined
  if (linked !== undefined) return linked
  const match = /^(?:arxiv:\s?)?(.+?)(?:v(\d+))?$/iu.exec(text)
  if (match === null || !arxivId.test(match[1] as string)) return { id: text }
  return match[2] === undefined ? { id: match[1] as string } : { id: match[1] as string, version: Number(match[2]) }
}

/** An id derived from the words of a title; case, punctuation and white space do not matter. */
export function derivedId(title: string): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [title.trim()]
  return `t-${createHash('sha256').update(words.join(' ')).digest('hex').slice(0, 12)}`
}

/**
 * Whether an ISO date keeps all of the given text. If only a year was found among other words, the words are kept too.
 */
function saysAsMuch(given: string | number | Date, iso: string | undefined): boolean {
  if (typeof given !== 'string') return iso !== undefined
  const text = given
  return iso !== undefined && (iso === text || iso.length > 4 || /^\D{0,2}\d{4}\D{0,3}$/u.test(text))
}

const checked = new WeakSet<object>()

/**
 * Checks one record and returns it as a frozen {@link Paper}. A paper returned from here before is returned unchanged.
 * @throws PaperkinError `invalid-paper`, with one issue per problem
 */
export function toPaper(record: unknown): Paper {
  if (typeof record === 'object' && record !== null && checked.has(record)) return record as Paper
  const result = parsed(record)
  if (!result.success)
    throw invalid(result.error.issues.map(({ message, path }) => ({ message, path: path as (string | number)[] })))
  const { id: ownId, title, abstract, authors, categories, url, ...others } = result.data
  const { published: date, version: versionText, ...rest } = others
  if (!title && !abstract) throw invalid([{ message: 'has neither a title nor an abstract', path: [] }])
  const linked = url ? arxivReference(url) : undefined
  const named = ownId ? plainId(ownId) : undefined
  const id = named?.id ?? linked?.id ?? derivedId(title || (abstract as string))
  const ownVersion = /^\s*v?0*([1-9]\d{0,8})\s*$/iu.exec(String(versionText ?? ''))?.[1]
  const version =
    (ownVersion === undefined ? undefined : Number(ownVersion)) ??
    named?.version ??
    (linked?.id === id ? linked.version : undefined)
  const published = typeof date === 'string' ? isoDateIn(date) : exactIsoDate(date)
  const { titleOnly: _, extra: kept, ...unknown } = rest
  const extra = jsonFields({
    // Text that is not a date or a version has no field of its own.
    ...(date != null && date !== '' && !saysAsMuch(date, published) && { published: date }),
    ...(versionText != null && versionText !== '' && ownVersion === undefined && { version: versionText }),
    ...kept,
    ...unknown,
  })
  const paper: Paper = Object.freeze({
    id,
    title: title ?? '',
    abstract: abstract ?? '',
    ...(!abstract && { titleOnly: true as const }),
    ...(authors?.length && { authors: Object.freeze(authors) }),
    ...(categories?.length && { categories: Object.freeze(categories) }),
    ...(published !== undefined && { published }),
    ...(url && { url }),
    ...(version != null && { version }),
    ...(extra && { extra }),
  })
  checked.add(paper)
  return paper
}

/** Parses the record; getters and proxies may throw. */
function parsed(record: unknown) {
  try {
    return paperSchema.safeParse(record)
  } catch (error) {
    throw invalid([{ message: `cannot be read (${(error as Error).message})`, path: [] }])
  }
}

/** A frozen JSON copy of the fields; undefined if none remain. */
function jsonFields(fields: Readonly<Record<string, unknown>>): { readonly [name: string]: Json } | undefined {
  const kept: [string, Json][] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    const field = name.toWellFormed()
    if (typeof value === 'string') {
      kept.push([field, value.toWellFormed()])
      continue
    }
    try {
      const json = JSON.stringify(value)
      if (json !== undefined) kept.push([field, frozenJson(wellFormedJson(json))])
    } catch (error) {
      throw invalid([{ message: `cannot be kept as JSON (${(error as Error).message.split('\n')[0]})`, path: [name] }])
    }
  }
  return kept.length === 0 ? undefined : Object.freeze(Object.fromEntries(kept))
}

/** Replaces lone surrogates: `JSON.stringify` escapes only those as `\ud8…` to `\udf…`. */
function wellFormedJson(json: string): string {
  return json.replace(/\\(?:u[dD][89a-fA-F][\da-fA-F]{2}|.)/gu, (escaped) =>
    /^\\u[dD]/u.test(escaped) ? '\\ufffd' : escaped,
  )
}

function frozenJson(json: string): Json {
  return JSON.parse(json, (_, value) => (typeof value === 'object' && value !== null ? Object.freeze(value) : value))
}

/** Serializes a paper without its id, for stores. */
export function paperJson({ id: _, ...fields }: Paper): string {
  return JSON.stringify(fields)
}

/** Parses the output of {@link paperJson}; it is not checked again. */
export function paperFromJson(id: string, json: string): Paper {
  const paper = frozen({ id, ...JSON.parse(json) }) as Paper
  checked.add(paper)
  return paper
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) if (typeof part === 'object') frozen(part)
  return Object.freeze(value)
}

/** Identifies the format of {@link paperText}; must change whenever its output changes. */
export const paperTextRecipe = 'title, line break, abstract'

/** The text to embed: title, line break, abstract. Defined only here. */
export function paperText(paper: Pick<Paper, 'title' | 'abstract'>): string {
  requirePaper(paper)
  return paper.title && paper.abstract ? `${paper.title}\n${paper.abstract}` : paper.title || paper.abstract
}

/** A display name: the title, else the first words of the abstract. */
export function paperName(paper: Pick<Paper, 'title' | 'abstract'>): string {
  requirePaper(paper)
  if (paper.title) return paper.title
  const start = paper.abstract.replace(/\s+/gu, ' ').slice(0, 80)
  return start.length < paper.abstract.length ? `${start.replace(/\s\S*$/u, '')} …` : start
}

function requirePaper(paper: unknown): void {
  const { title, abstract } = (paper ?? {}) as Partial<Paper>
  if (typeof title === 'string' && typeof abstract === 'string') return
  throw new PaperkinError('invalid-argument', `Expected a paper with \`title\` and \`abstract\`, got ${show(paper)}.`)
}

function invalid(issues: readonly PaperkinIssue[]): PaperkinError {
  const [first] = issues
  const field = first?.path?.join('.') ?? ''
  const what = field === '' ? `the paper ${first?.message}` : `\`${field}\` of the paper: ${first?.message}`
  return new PaperkinError('invalid-paper', `Expected a record with a title, an abstract or both; ${what}.`, { issues })
}
