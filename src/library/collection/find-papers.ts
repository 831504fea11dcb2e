import { PaperkinError, show } from '../../errors.ts'
import { type Paper, type PaperExtra, type PaperInput, paperName, plainId, toPaper } from '../../paper.ts'
import { recordFields } from '../../sources/record-fields.ts'
import type { StoredPaper } from '../storage/storage.ts'
import type { Reading } from './collection.ts'

/** A paper that a text may have meant. */
export interface FoundPaper<Extra extends object = PaperExtra> {
  readonly paper: Paper<Extra>
  /** `'exact'`: the text is its id or whole title; `'words'`: the title has all words of the text; else `'near'`. */
  readonly match: 'exact' | 'words' | 'near'
  /** 0 … 1: 1 for an exact match, else the share of the text's words and letter triples that its title or id has. */
  readonly score: number
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

function triples(folded: string): Set<string> {
  const padded = ` ${folded} `
  const found = new Set<string>()
  for (let i = 0; i + 3 <= padded.length; i++) found.add(padded.slice(i, i + 3))
  return found
}

/**
 * The papers whose id or title is nearest to a text, best first, ties in the order in which they were added: the whole
 * title, titles with all the words, then titles and ids that share words and letter triples (so that slips of the pen
 * are forgiven). Papers that share nothing are left out. An id means its paper alone, and no other is looked at.
 */
export function* findPapers(kept: ReadonlyMap<string, StoredPaper>, text: string, k: number): Reading<FoundPaper[]> {
  const named = keptPaper(kept, text.trim())
  if (named !== undefined) {
    yield [named]
    return [{ paper: named.cached as Paper, match: 'exact', score: 1 }]
  }
  const wanted = fold(text)
  const words = wanted.split(' ')
  const wantedTriples = triples(wanted)
  const found: FoundPaper[] = []
  const all = [...kept.values()]
  yield all
  for (const { cached } of all) {
    const paper = cached as Paper
    const title = fold(paperName(paper))
    let score = 0
    let match: FoundPaper['match'] = 'near'
    if (title === wanted && wanted !== '') {
      match = 'exact'
      score = 1
    } else if (wanted !== '') {
      const titleWords = new Set(title.split(' '))
      const wordShare = words.filter((word) => titleWords.has(word)).length / words.length
      if (wordShare === 1) match = 'words'
      const inTitle = shared(wantedTriples, triples(title)) / wantedTriples.size
      const idTriples = triples(fold(paper.id))
      const common = shared(wantedTriples, idTriples)
      const likeId = (2 * common) / (wantedTriples.size + idTriples.size)
      score = 0.99 * Math.max((wordShare + inTitle) / 2, likeId)
    }
    if (score > 0) found.push({ paper, match, score })
  }
  const rank = { exact: 0, words: 1, near: 2 }
  return found.sort((a, b) => rank[a.match] - rank[b.match] || b.score - a.score).slice(0, k)
}

function shared(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let count = 0
  for (const item of a) if (b.has(item)) count++
  return count
}

/** The id that a text, a number, or a record with nothing but an id means; undefined for all else. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'id') return undefined
  return idOf((value as { readonly id: unknown }).id)
}

/** The paper of an id as it was given to `add`: a number may be one, and an arXiv id may carry its version. */
export function keptPaper(kept: ReadonlyMap<string, StoredPaper>, given: unknown): StoredPaper | undefined {
  const id = idOf(given)
  return id === undefined ? undefined : (kept.get(id) ?? kept.get(plainId(id).id))
}

/**
 * The paper that a record of any shape is meant for, by the same rules as one that is read from a file.
 * @throws PaperkinError `invalid-paper`
 */
export function givenPaper(record: unknown): Paper {
  return toPaper(isPaperShaped(record) ? record : recordFields(record).record)
}

const ownFields = new Set([
  'id',
  'title',
  'abstract',
  'titleOnly',
  'authors',
  'categories',
  'published',
  'url',
  'version',
  'extra',
])

/** Whether a record has no other names than those of a paper, so that nothing in it need be guessed. */
function isPaperShaped(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return true
  const { authors, categories } = record as PaperInput
  const isPlain = (list: unknown) => !Array.isArray(list) || list.every((item) => typeof item === 'string')
  return Object.keys(record).every((name) => ownFields.has(name)) && isPlain(authors) && isPlain(categories)
}

/** The error for an id that is not in the library, with the papers that it may have meant. */
export function* paperNotFound(kept: ReadonlyMap<string, StoredPaper>, id: unknown): Reading<PaperkinError> {
  if (typeof id !== 'string') return wrongText('id', id)
  const near = (yield* findPapers(kept, id, 3)).map(({ paper }) => `${paper.id} (${paperName(paper)})`)
  const remedy = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : `: \`papers()\` lists all ${kept.size}.`
  return new PaperkinError('paper-not-found', `There is no paper ${show(id)} in the library${remedy}`)
}

/** The error for a text that is empty, or none. */
export function wrongText(name: string, value: unknown): PaperkinError {
  return new PaperkinError(
    'invalid-argument',
    `Expected \`${name}\` to be a text that is not empty, got ${show(value)}.`,
  )
}
