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

/** Makes the page's own answer to a text better, where there is something to ask. */
type Improve = (text: string, own: Promise<Answer>) => Promise<Answer>

/** What the reader asks for: an answer in words, or papers like others. */
export class Questions {
  readonly #report: Report
  readonly #search: PaperSearch
  readonly #meaning: Meaning
  readonly #improve: Improve
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
      improve,
    }: { readonly search: PaperSearch; readonly meaning: Meaning; readonly improve: Improve },
    onChange: () => void,
  ) {
    this.#report = report
    this.#search = search
    this.#meaning = meaning
    this.#improve = improve
    this.#onChange = onChange
  }

  /** Asks in words; an empty text ends the question. */
  ask(text: string): void {
    this.#text = text
    this.isBusy = text !== ''
    if (text !== '') {
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
    const [row] = rows
    if (row === undefined) return
    const exact = rows.length === 1 ? await this.#report.paper(row).catch(() => undefined) : undefined
    const likes = await this.#meaning.like(rows, likesShown).catch(() => [])
    if (this.#liked !== ids) return
    // The exact kin of a single paper come before those that the page finds.
    this.likes = [...new Set([...(exact?.kin ?? []).map(([kin]) => kin), ...likes.map((one) => one.row)])]
    this.#onChange()
  }

  async #take(text: string, found: Found | undefined): Promise<void> {
    const answer = found?.isWhole
      ? await this.#improve(text, this.#withMeaning(found))
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
