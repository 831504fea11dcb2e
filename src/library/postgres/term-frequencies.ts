import { arrayOf } from './binary.ts'
import type { Ask } from './database.ts'

/** Terms that are remembered: about 100 bytes each. */
const mostRemembered = 400_000
/** Terms asked for at once. */
const termsPerStatement = 20_000

/** Document frequencies of terms, remembered until the next commit of any process. */
export class TermFrequencies {
  readonly #table: string
  #known = new Map<string, number>()
  #commits = -1

  /** @param table the table of terms, quoted */
  constructor(table: string) {
    this.#table = table
  }

  /**
   * Numbers of papers that have the terms.
   * @param options `commits`: the last commit that `ask` sees; `least`: the lowest number that a term can have, 1 for
   * terms of papers of the library, which is faster
   */
  async of(
    terms: readonly string[],
    { ask, commits, least }: { readonly ask: Ask; readonly commits: number; readonly least: 0 | 1 },
  ): Promise<Int32Array> {
    if (commits !== this.#commits || this.#known.size > mostRemembered) {
      this.#known = new Map()
      this.#commits = commits
    }
    // Another question may begin a new map meanwhile.
    const known = this.#known
    const found = new Int32Array(terms.length).fill(least)
    const missing: number[] = []
    for (const [place, term] of terms.entries()) {
      const its = known.get(term)
      if (its === undefined) missing.push(place)
      else found[place] = its
    }
    for (let start = 0; start < missing.length; start += termsPerStatement) {
      const part = missing.slice(start, start + termsPerStatement)
      const rows = await ask<[string, number]>(
        `select term, papers from ${this.#table} where term = any($1::text[]) and papers > $2`,
        [
          arrayOf(
            'text',
            part.map((place) => terms[place]),
          ),
          least,
        ],
      )
      const papersOf = new Map(rows)
      for (const place of part) {
        const term = terms[place] as string
        const its = papersOf.get(term) ?? least
        found[place] = its
        known.set(term, its)
      }
    }
    return found
  }
}
