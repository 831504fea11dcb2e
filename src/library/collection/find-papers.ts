import { PaperkinError, show } from '../../errors.ts'
import { type Paper, type PaperExtra, type PaperInput, paperName, plainId, toPaper } from '../../paper.ts'
import { recordFields } from '../../sources/record-fields.ts'
import type { StoredPaper } from '../storage/storage.ts'
import type { PaperWork } from './collection.ts'

/** A paper that a text may refer to. */
export interface FoundPaper<Extra extends object = PaperExtra> {
  readonly paper: Paper<Extra>
  /**
   * `'exact'`: the text is its id or whole title; `'words'`: its title has all words of the text; otherwise `'near'`.
   */
  readonly match: 'exact' | 'words' | 'near'
  /** 0 … 1: 1 for an exact match, otherwise the share of the text's words and letter trigrams in its title or id. */
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
 * The papers whose id or title is nearest to a text, best first; ties in the order in which they were added. First the
 * whole title, then titles with all the words, then titles and ids that share words and letter trigrams, which
 * tolerates typing errors. Papers that share nothing are left out. If the text is an id, only its paper is returned.
 */
export function* findPapers(kept: ReadonlyMap<string, StoredPaper>, text: string, k: number): PaperWork<FoundPaper[]> {
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

/** The id given by a string, a safe integer, or a record with only an `id`; undefined for anything else. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'id') return undefined
  return idOf((value as { readonly id: unknown }).id)
}

/** The paper with an id, which may be a number; an arXiv id may carry a version. */
export function keptPaper<Kept>(kept: ReadonlyMap<string, Kept>, given: unknown): Kept | undefined {
  const id = idOf(given)
  return id === undefined ? undefined : (kept.get(id) ?? kept.get(plainId(id).id))
}

/**
 * Converts a record of any known shape to a paper, by the same rules as for records in files.
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

/** Whether a record has only the fields of a paper, so that no field needs to be mapped. */
function isPaperShaped(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return true
  const { authors, categories } = record as PaperInput
  const isPlain = (list: unknown) => !Array.isArray(list) || list.every((item) => typeof item === 'string')
  return Object.keys(record).every((name) => ownFields.has(name)) && isPlain(authors) && isPlain(categories)
}

/** The error for an id that is not in the library, with suggestions. */
export function* paperNotFound(kept: ReadonlyMap<string, StoredPaper>, id: unknown): PaperWork<PaperkinError> {
  const near = typeof id === 'string' ? yield* findPapers(kept, id, 3) : []
  return notFoundError(id, near, `\`papers()\` lists all ${kept.size}`)
}

/** The error for an id that is not in the library; `otherwise` is the remedy if no paper is near. */
export function notFoundError(id: unknown, near: readonly FoundPaper[], otherwise: string): PaperkinError {
  if (typeof id !== 'string') return wrongText('id', id)
  const names = near.map(({ paper }) => `${paper.id} (${paperName(paper)})`)
  const remedy = names.length > 0 ? `; did you mean ${names.join(' or ')}?` : `: ${otherwise}.`
  return new PaperkinError('paper-not-found', `There is no paper ${show(id)} in the library${remedy}`)
}

/** The error for an empty text or a value that is not a string. */
export function wrongText(name: string, value: unknown): PaperkinError {
  return new PaperkinError('invalid-argument', `Expected \`${name}\` to be a non-empty text, got ${show(value)}.`)
}
