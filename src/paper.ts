import { createHash } from 'node:crypto'
import { z } from 'zod'
import { PaperkinError, type PaperkinIssue, show } from './errors.ts'
import { exactIsoDate, isoDateIn } from './text/iso-date.ts'

/** A value that JSON can hold, frozen. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** Whatever else a record had, by name. */
export type PaperExtra = { readonly [name: string]: Json }

/** A paper as the library keeps it. `Extra` is what the caller knows of `extra`: nothing checks it. */
export interface Paper<Extra extends object = PaperExtra> {
  /** Unique in a library. Given, or the arXiv id of the record's own link, or derived from the title. */
  readonly id: string
  /** One line; empty only where the record had an abstract and no title. */
  readonly title: string
  /** One paragraph or more; empty only where the record had a title and no abstract. */
  readonly abstract: string
  /** True where there is no abstract: such a paper is embedded by its title alone. */
  readonly titleOnly?: true
  readonly authors?: readonly string[]
  readonly categories?: readonly string[]
  /**
   * ISO 8601: `2025-03-12`, `2025-03`, `2025`, or a full timestamp. Dates in other spellings, years, times and `Date`s that
   * are handed in become so; what is no date at all (`in press`) is kept in `extra.published`.
   */
  readonly published?: string
  readonly url?: string
  /** Version of a paper (`v2` is 2); never part of the id. A version that is no such number is kept in `extra`. */
  readonly version?: number
  /**
   * Whatever else the record had, by name: any JSON. Sources put `doi`, `journal` and the like here, and under `original`
   * the title and the abstract as they were written where LaTeX or markup was made readable.
   */
  readonly extra?: Extra
}

type PaperFields = z.input<z.ZodObject<typeof paperFields>>

/**
 * A paper as a caller may hand it in: `title` or `abstract` at least; names as texts or as objects that have them
 * (`{ name }`, `{ given, family }`). Fields of other names are understood as those of files are, or kept in `extra`.
 */
export type PaperInput = Omit<PaperFields, 'authors' | 'categories' | 'extra'> & {
  readonly authors?: PaperFields['authors'] | readonly (string | object)[]
  readonly categories?: PaperFields['categories'] | readonly (string | object)[]
  /** An object of any JSON. */
  readonly extra?: object | null | undefined
}

// What shows nothing and parts words, hides in them or turns them round: control characters, zero-width spaces, soft
// hyphens, marks of direction.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds, but for white space.
const invisible = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu
// Half of a surrogate pair is no character: written as UTF-8 all halves are one, so that no two texts may differ by them.
const wellFormed = z.string().transform((text) => text.toWellFormed())
/** A text without what shows nothing, on one line. */
export const visible = (text: string) => text.replace(invisible, '').replace(/\s+/gu, ' ').trim()
const line = wellFormed.transform(visible)
// An id that was made well-formed would be another paper's, and so would a number that is too large to be kept exactly.
const idLine = z
  .union([z.string(), z.number().refine((id) => Math.abs(id) <= Number.MAX_SAFE_INTEGER)], {
    error: 'expected a text or a number that can be kept exactly',
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

/** What a paper must look like where data comes in. */
const paperSchema = z.looseObject(paperFields)

const arxivId = /^(?:[a-z-]+(?:\.[A-Z]{2})?\/\d{7}|\d{4}\.\d{4,5})$/u
const arxivLink =
  /^(?:(?:https?:\/\/)?(?:www\.|export\.)?arxiv\.org\/(?:abs|pdf|html)\/|(?:https?:\/\/)?huggingface\.co\/papers\/|(?:https?:\/\/)?(?:dx\.)?doi\.org\/10\.48550\/arxiv\.|arxiv:)([a-z-]+(?:\.[A-Z]{2})?\/\d{7}|\d{4}\.\d{4,5})(?!\d)(?:v(\d+))?/iu

/** The arXiv id that a link or an `arXiv:` reference names, with its version where it has one. */
export function arxivReference(link: string): { readonly id: string; readonly version?: number } | undefined {
  const match = arxivLink.exec(link.trim())
  if (match === null) return undefined
  return match[2] === undefined ? { id: match[1] as string } : { id: match[1] as string, version: Number(match[2]) }
}

/** An id as the library keeps it: of arXiv ids without `arXiv:` and the version, which is told apart. */
export function plainId(id: string): { readonly id: string; readonly version?: number } {
  const text = visible(id)
  const linked = /^(?:https?:\/\/|doi\.org|arxiv\.org)/iu.test(text) ? arxivReference(text) : undefined
  if (linked !== undefined) return linked
  const match = /^(?:arxiv:\s?)?(.+?)(?:v(\d+))?$/iu.exec(text)
  if (match === null || !arxivId.test(match[1] as string)) return { id: text }
  return match[2] === undefined ? { id: match[1] as string } : { id: match[1] as string, version: Number(match[2]) }
}

/** An id made from the words of a title alone: case, punctuation and white space do not change it. */
export function derivedId(title: string): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [title.trim()]
  return `t-${createHash('sha256').update(words.join(' ')).digest('hex').slice(0, 12)}`
}

/** Whether an ISO date says all that its text says: where only a year was found in words, the words are kept too. */
function saysAsMuch(given: string | number | Date, iso: string | undefined): boolean {
  if (typeof given !== 'string') return iso !== undefined
  const text = given
  return iso !== undefined && (iso === text || iso.length > 4 || /^\D{0,2}\d{4}\D{0,3}$/u.test(text))
}

const checked = new WeakSet<object>()

/**
 * Checks one record and returns it as a {@link Paper}, frozen; a paper that came from here is returned as it is.
 * @throws PaperkinError `invalid-paper`, with one issue a problem.
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
    // What is no date and no version has no place of its own.
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

/** An object that answers to nothing makes the check itself fail. */
function parsed(record: unknown) {
  try {
    return paperSchema.safeParse(record)
  } catch (error) {
    throw invalid([{ message: `cannot be read (${(error as Error).message})`, path: [] }])
  }
}

/** A frozen copy of fields that JSON can hold; undefined where nothing is left of them. */
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

/** JSON escapes halves of surrogate pairs, and nothing else with such a code. */
function wellFormedJson(json: string): string {
  return json.replace(/\\(?:u[dD][89a-fA-F][\da-fA-F]{2}|.)/gu, (escaped) =>
    /^\\u[dD]/u.test(escaped) ? '\\ufffd' : escaped,
  )
}

function frozenJson(json: string): Json {
  return JSON.parse(json, (_, value) => (typeof value === 'object' && value !== null ? Object.freeze(value) : value))
}

/** A paper without its id, as a store keeps it. */
export function paperJson({ id: _, ...fields }: Paper): string {
  return JSON.stringify(fields)
}

/** The paper that {@link paperJson} made a text of; it is not checked again. */
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

/** Names what {@link paperText} makes of a paper: another name wherever it would make another text. */
export const paperTextRecipe = 'title, line break, abstract'

/** What the model reads of a paper: the title, a line break, the abstract. The only place that decides this. */
export function paperText(paper: Pick<Paper, 'title' | 'abstract'>): string {
  requirePaper(paper)
  return paper.title && paper.abstract ? `${paper.title}\n${paper.abstract}` : paper.title || paper.abstract
}

/** A name to show: the title, or the first words of the abstract where there is none. */
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
