// Papers found by their words: lists of the inverted index tell which have the rare words of a question, and the words
// that the database keeps of a paper how well it fits. Counts and lengths are exact, pairs are left out, and the norm of a
// paper is estimated from its length; the best are scored exactly later.
import { countTerms, type LexicalDocument } from '../../lexical/count-terms.ts'
import { b, k1 } from '../../lexical/lexical-index.ts'
import type { Need } from '../asking/source.ts'
import type { Parameters } from './filter-sql.ts'
import { countLevels, lexeme, readWords } from './paper-columns.ts'

type Asked = Pick<NonNullable<Need['ranked']>, 'text' | 'seeds'>

/** Papers in the lists of the words looked up: rarest first, until they are so many. */
const mostListed = 40_000
/** Words looked up in one question. */
const mostBranches = 48

/** A stem of a question, with its weight in the score. */
interface Wanted {
  readonly stem: string
  readonly frequency: number
  readonly weight: number
}

/** The stems of a question that some paper has, with their weights. */
export class WordLists {
  /** The score that counts as 1, unless a paper has more. */
  readonly scale: number
  readonly #isSearch: boolean
  readonly #wanted: readonly Wanted[]
  readonly #weights: ReadonlyMap<string, number>
  /** Mean length of all papers. */
  readonly #average: number

  /** @param frequency number of papers by term, for all terms of the question */
  constructor(
    { text, seeds }: Asked,
    { papers, length }: { readonly papers: number; readonly length: number },
    frequency: ReadonlyMap<string, number>,
  ) {
    const weights = new Map<string, number>()
    const add = (stem: string, weight: number) => weights.set(stem, (weights.get(stem) ?? 0) + weight)
    const of = (term: string) => frequency.get(term) ?? 0
    if (text !== undefined)
      for (const [term, count] of countsOf({ title: '', abstract: text }))
        if (!term.includes(' '))
          add(term, (1 + Math.log(count)) * Math.log(1 + (papers - of(term) + 0.5) / (of(term) + 0.5)))
    const idf = (term: string) => (term.includes(' ') && of(term) < 2 ? 0 : Math.log((1 + papers) / (1 + of(term))) + 1)
    let norms = 0
    let lengths = 0
    for (const seed of seeds?.like ?? []) {
      const counts = countsOf(seed)
      let square = 0
      for (const [term, count] of counts) square += ((1 + Math.log(count)) * idf(term)) ** 2
      norms += Math.sqrt(square)
      lengths += Math.sqrt(1 + counts.size)
      for (const [term, count] of counts)
        if (!term.includes(' ')) add(term, ((1 + Math.log(count)) * idf(term) ** 2) / Math.sqrt(square))
    }
    this.#isSearch = text !== undefined
    this.#average = length / Math.max(1, papers) || 1
    this.#wanted = [...weights]
      .map(([stem, weight]) => ({ stem, weight, frequency: of(stem) }))
      .filter((one) => one.frequency > 0 && one.weight > 0)
      .sort((one, other) => one.frequency - other.frequency || (one.stem < other.stem ? -1 : 1))
    this.#weights = new Map(this.#wanted.map(({ stem, weight }) => [stem, weight]))
    const sum = [...weights.values()].reduce((all, weight) => all + weight, 0)
    // Half of what a query can have, as in the index; a paper's norm grows with the root of its length as the seeds' do.
    const scale = this.#isSearch ? ((k1 + 1) * sum) / 2 : (Math.max(1, seeds?.like.length ?? 1) * norms) / lengths
    this.scale = scale || 1
  }

  get isEmpty(): boolean {
    return this.#wanted.length === 0
  }

  /**
   * A query for the papers in the lists of the rarest words, as far as they are short; where all words are common, for
   * papers that have all of them and the first of each list. Its columns are `seq` and `score`, a rough one.
   */
  query(table: string, where: string, parameters: Parameters): string {
    const average = this.#isSearch ? parameters.add(this.#average, 'float8') : ''
    const scored = (weight: string, count: number) =>
      this.#isSearch
        ? `${weight} * ${count * (k1 + 1)} / (${count} + ${k1} * (${1 - b} + ${b} * p.length / ${average}))`
        : `${weight} * ${1 + Math.log(count)} / sqrt(p.length + 1)`
    const branch = (query: string, score: string, most: number | undefined) =>
      `(select p.seq, ${score} as score from ${table} p where p.words @@ ${parameters.add(query, 'tsquery')}
        and ${where}${most === undefined ? '' : ` limit ${parameters.add(most, 'bigint')}`})`
    const branches = this.#lists().flatMap(({ query, stem, weight, most }) => {
      const its = parameters.add(weight, 'float8')
      const once = branch(query, scored(its, 1), most)
      if (!this.#isSearch || stem === undefined) return [once]
      // What the score of papers in which the word is frequent has more.
      const more = countLevels.map(({ usual }, i) => {
        const less = countLevels[i - 1]?.usual ?? 1
        return branch(lexeme(stem, i + 1), `${scored(its, usual)} - ${scored(its, less)}`, most)
      })
      return [once, ...more]
    })
    return `select seq, sum(score) as score from (${branches.join(' union all ')}) u group by seq`
  }

  #lists(): readonly {
    readonly query: string
    /** Undefined for several. */
    readonly stem?: string
    readonly weight: number
    readonly most: number | undefined
  }[] {
    let listed = 0
    const chosen = this.#wanted.filter(({ frequency }, i) => {
      listed += frequency
      return i < mostBranches && listed <= mostListed
    })
    if (chosen.length > 0)
      return chosen.map(({ stem, weight }) => ({ query: lexeme(stem), stem, weight, most: undefined }))
    const most = Math.floor(mostListed / 8)
    const all = {
      query: this.#wanted.map(({ stem }) => lexeme(stem)).join(' & '),
      weight: this.#wanted.reduce((sum, { weight }) => sum + weight, 0),
      most,
    }
    return [all, ...this.#wanted.slice(0, 7).map(({ stem, weight }) => ({ query: lexeme(stem), stem, weight, most }))]
  }

  /**
   * The score of a paper.
   * @param words its `tsvector`, as text
   */
  score(words: string, length: number): number {
    const lengthPart = k1 * (1 - b + (b * length) / this.#average)
    let sum = 0
    readWords(words, (stem, count) => {
      const weight = this.#weights.get(stem)
      if (weight !== undefined)
        sum += weight * (this.#isSearch ? (count * (k1 + 1)) / (count + lengthPart) : 1 + Math.log(count))
    })
    return this.#isSearch ? sum : sum / Math.sqrt(length + 1)
  }
}

/** Counts of stems, and of pairs with a space between. */
function countsOf(document: LexicalDocument): Map<string, number> {
  const counts = new Map<string, number>()
  countTerms(document, (first, second, weight) => {
    const term = second === undefined ? first : `${first} ${second}`
    counts.set(term, (counts.get(term) ?? 0) + weight)
  })
  return counts
}
