// What the reader asks for, in words or by example. A question finds papers with its words, ranked by words and meaning,
// and papers without them that are close in meaning.
import type { Meaning } from './meaning.ts'
import type { Report } from './report.ts'
import type { Found, PaperSearch, Query } from './search.ts'

/**
 * Weight of meaning; words weigh at most 1. Measured as the share of the library's first ten that the page finds in its
 * first ten, among 63 and 1,330 papers: .73 and .59; with words alone .70 and .52, with meaning alone .61 and .29.
 */
const meaningShare = 0.5
const leastNearness = 0.4
const mostByMeaning = 15
/** How many papers like others are listed. */
const likesShown = 50

export interface Answer {
  readonly query: Query
  /** Best first. */
  readonly rows: readonly number[]
  /** Those without any word of the question. */
  readonly byMeaning: ReadonlySet<number>
  /** Whether all abstracts were searched. */
  readonly isWhole: boolean
}

/** Better answers than the page's own, where there is a library to ask. */
interface Library {
  readonly answer: (text: string, own: Promise<Answer>) => Promise<Answer>
  readonly like: (
    ids: readonly string[],
    k: number,
    own: () => Promise<readonly number[]>,
  ) => Promise<readonly number[]>
}

/** What the reader asks for: an answer in words, or papers like others. */
export class Questions {
  readonly #report: Report
  readonly #search: PaperSearch
  readonly #meaning: Meaning
  readonly #library: Library
  readonly #onChange: () => void
  #text = ''
  #liked: readonly string[] = []
  /** The answer so far; the last one until another question has its first. */
  answer: Answer | undefined
  /** Papers like those asked for, best first. */
  likes: readonly number[] | undefined
  /** Whether more of an answer is to come. */
  isBusy = false

  /** @param onChange called whenever there is more of an answer */
  constructor(
    report: Report,
    {
      search,
      meaning,
      library,
    }: { readonly search: PaperSearch; readonly meaning: Meaning; readonly library: Library },
    onChange: () => void,
  ) {
    this.#report = report
    this.#search = search
    this.#meaning = meaning
    this.#library = library
    this.#onChange = onChange
  }

  /** Asks in words; an empty text ends the question. */
  ask(text: string): void {
    this.#text = text
    this.isBusy = text !== ''
    if (text !== '') {
      this.#meaning.prepare()
      void this.#search.find(text, (found) => void this.#take(text, found))
      return
    }
    this.#search.stop()
    this.answer = undefined
  }

  /** Asks for papers like those with these ids; none end the question. */
  async like(ids: readonly string[]): Promise<void> {
    this.#liked = ids
    this.likes = undefined
    const rows = ids.flatMap((id) => this.#report.rowOf(id) ?? [])
    if (rows.length === 0) return
    const known = rows.map((row) => this.#report.core.ids[row]!)
    const likes = await this.#library.like(known, likesShown, () => this.#ownLikes(rows))
    if (this.#liked !== ids) return
    this.likes = likes
    this.#onChange()
  }

  /** The exact kin of a single paper, then those that the page finds. */
  async #ownLikes(rows: readonly number[]): Promise<readonly number[]> {
    const kin = rows.length === 1 ? await this.#report.kin(rows[0]!).catch(() => []) : []
    const likes = await this.#meaning.like(rows, likesShown).catch(() => [])
    return [...new Set([...kin, ...likes].map(({ row }) => row))]
  }

  async #take(text: string, found: Found | undefined): Promise<void> {
    const answer = found?.isWhole
      ? await this.#library.answer(text, this.#withMeaning(found))
      : found && { ...found, byMeaning: new Set<number>() }
    if (this.#text !== text || (found?.isWhole && !this.#search.isLast(found))) return
    this.answer = answer
    this.isBusy = answer?.isWhole === false
    this.#onChange()
  }

  /** Ranks papers by words and meaning, and adds some that are close in meaning alone. */
  async #withMeaning({ query, rows, scores, isWhole }: Found): Promise<Answer> {
    const nearness = await this.#meaning.nearness(query).catch(() => undefined)
    if (nearness === undefined) return { query, rows, byMeaning: new Set(), isWhole }
    const [best] = rows
    const most = (best !== undefined && scores.get(best)) || 1
    const worth = (row: number) => (scores.get(row) ?? 0) / most + meaningShare * nearness[row]!
    const near = [...nearness.keys()]
      .filter((row) => !scores.has(row) && nearness[row]! >= leastNearness)
      .sort((a, b) => nearness[b]! - nearness[a]!)
      .slice(0, mostByMeaning)
    return {
      query,
      rows: [...rows, ...near].sort((a, b) => worth(b) - worth(a) || a - b),
      byMeaning: new Set(near),
      isWhole,
    }
  }
}
