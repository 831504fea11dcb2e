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
   * Adds the frequencies of terms to a map; 0 for those of no paper.
   * @param options `commits`: the last commit that `ask` sees
   */
  async addTo(
    found: Map<string, number>,
    terms: Iterable<string>,
    { ask, commits }: { readonly ask: Ask; readonly commits: number },
  ): Promise<void> {
    if (commits !== this.#commits || this.#known.size > mostRemembered) {
      this.#known = new Map()
      this.#commits = commits
    }
    // Another question may begin a new map meanwhile.
    const known = this.#known
    const missing: string[] = []
    for (const term of terms) {
      if (found.has(term)) continue
      const its = known.get(term)
      found.set(term, its ?? 0)
      if (its === undefined) missing.push(term)
    }
    for (let start = 0; start < missing.length; start += termsPerStatement) {
      const part = missing.slice(start, start + termsPerStatement)
      const rows = await ask<[string, number]>(`select term, papers from ${this.#table} where term = any($1::text[])`, [
        arrayOf('text', part),
      ])
      for (const term of part) known.set(term, 0)
      for (const [term, papers] of rows) {
        known.set(term, papers)
        found.set(term, papers)
      }
    }
  }
}
