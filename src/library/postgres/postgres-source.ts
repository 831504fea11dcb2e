// How questions find papers in a Postgres database. The database proposes candidates: the nearest by the graph of
// pgvector, the best by words from an inverted index, the newest, and the papers that are named. They are read with the
// statistics of the whole library, and the code of the embedded library scores them. All of one question is read from
// one snapshot.
import { PaperkinError } from '../../errors.ts'
import { countTerms, type LexicalDocument, lexicalRecipe } from '../../lexical/count-terms.ts'
import { type Paper, paperFromJson, plainId } from '../../paper.ts'
import { editDistance } from '../../text/edit-distance.ts'
import { type Candidate, type CandidateOptions, Candidates } from '../asking/candidates.ts'
import { nearDuplicateOf } from '../asking/near-duplicates.ts'
import type { PaperAreas } from '../asking/paper-areas.ts'
import {
  type CompiledFilter,
  type PaperFilter,
  parseFilter,
  unknownArea,
  unknownField,
} from '../asking/paper-filter.ts'
import { phraseMatcher } from '../asking/quoted-phrases.ts'
import type { Gathered, Need, Source } from '../asking/source.ts'
import type { Holding } from '../collection/collection.ts'
import { type FoundPaper, findPapers, keptPaper, notFoundError } from '../collection/find-papers.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { arrayOf, readVector, vectorBytes } from './binary.ts'
import { type Ask, sendable } from './database.ts'
import { filterSql, Parameters, type SqlCondition } from './filter-sql.ts'
import { crcOf, lexeme } from './paper-columns.ts'
import type { PostgresStorage } from './postgres-storage.ts'
import { TermFrequencies } from './term-frequencies.ts'
import { WordLists } from './word-lists.ts'

type Ranked = NonNullable<Need['ranked']>

/** Candidates of each kind, at least: a paper that is in neither list is rarely among the first ten. */
export const leastBreadth = 100
/** Candidates of each kind where a filter that the database cannot judge has to be tried on them, at most. */
const mostBreadth = 16_384
/** How much more candidates are asked for where too few passed. */
const widening = 4
/** So few papers that pass a filter are all scored by words and vectors before the best are taken. */
const mostWhole = 2000
/** Papers found by words that are counted exactly before the best are taken. */
const mostCounted = 600
/** Papers among which the one with the best words is looked for, which sets the scale of the lexical part. */
const mostBest = 50
/** Share of the candidates that are also taken by their words alone, and by their vectors alone. */
const hedge = 0.25
/** Papers and terms read to find a title. */
const mostRead = 40_000
/** Words of a title looked up. */
const mostTitled = 48
/** Words of a title that are also looked for as if they were mistyped. */
const mostMistyped = 12
/** Papers per read where all of many are read. */
const papersPerRead = 500
/** Size of a library whose papers are numbered one by one for an evenly spaced sample. */
const mostNumbered = 250_000
const day = 86_400_000

/** What a question needs to know of the whole library. */
interface State {
  readonly commits: number
  readonly papers: number
  readonly length: number
  /** Whether words are counted as this version of the package counts them. */
  readonly hasTerms: boolean
}

/** Where nothing is asked of the whole. */
const noState: State = { commits: 0, papers: 0, length: 0, hasTerms: true }

/** {@link vectorBytes} of a vector without values, in base64, as SQL. */
const noVector = "'AAAAAA=='"

/** A paper as it is read for a question. */
type Row = readonly [id: string, seq: string, record: string, crc: number, vector: string]

/** A paper that may be among the best, before it is read. */
type Found = readonly [id: string, length: number, words: string | null, cosine: number | null]

export class PostgresSource implements Source {
  readonly #storage: PostgresStorage
  readonly #areas: () => PaperAreas | undefined
  readonly #frequencies: TermFrequencies
  #generation: string | undefined
  #size = 0
  /** Number of commits when {@link hasChanged} was last asked. */
  #noticed: number | undefined
  #hasIterativeScans: boolean | undefined

  constructor(storage: PostgresStorage, areas: () => PaperAreas | undefined) {
    this.#storage = storage
    this.#areas = areas
    this.#frequencies = new TermFrequencies(this.#table('terms'))
  }

  get dimensions(): number | undefined {
    return this.#storage.identity.dimensions || undefined
  }

  /** Reads the number of papers again; on an error {@link size} stays as it was. */
  async learnSize(): Promise<void> {
    await this.#storage.database.read((ask) => this.#state(ask)).catch(() => {})
  }

  /** Whether papers were added, changed or removed since the library was opened, or since the last call. */
  async hasChanged({ signal }: { readonly signal?: AbortSignal | undefined }): Promise<boolean> {
    const before = this.#noticed
    const { commits } = await this.#storage.database.read((ask) => this.#state(ask), { signal })
    this.#noticed = commits
    return before !== undefined && before !== commits
  }

  /** Number of papers when a question was last asked. */
  get size(): number {
    return this.#size
  }

  async compile(filter: PaperFilter | undefined): Promise<CompiledFilter | undefined> {
    return parseFilter(filter, typeof filter === 'object' && filter?.area !== undefined ? this.#areas() : undefined)
  }

  async gather(need: Need): Promise<Gathered> {
    const { ranked, sample, signal } = need
    const ids = sendable(need.ids.flatMap((id) => [id, plainId(id).id]))
    if (ids.length === 0 && ranked === undefined && sample === undefined)
      return { holding: await this.#candidates([], new Map(), noState, signal) }
    const database = this.#storage.database
    for (let breadth = leastBreadth; ; breadth *= widening) {
      const found = await database.snapshot((ask) => this.#gather(ask, { ...need, ids }, breadth), { signal })
      if (found !== undefined) return found
      if (breadth * widening > mostBreadth)
        throw new PaperkinError(
          'invalid-argument',
          `Expected a \`filter\` that the database can judge, or that more of the nearest papers pass: of ${breadth} tried, fewer than the ${ranked?.wanted} wanted do. Write it as conditions by field, such as { categories: 'cs.CL' }, or ask for fewer.`,
        )
    }
  }

  /** Undefined if more candidates must be looked at. */
  async #gather(ask: Ask, need: Need, breadth: number): Promise<Gathered | undefined> {
    const { ids, ranked, sample, signal } = need
    const state = await this.#state(ask)
    if (!state.hasTerms && (ranked !== undefined || sample !== undefined))
      throw new PaperkinError(
        'store-mismatch',
        `Expected the words of the library in ${this.#storage.path} to be counted as this version of paperkin counts them, which an interrupted copy or another version did not: open it once without \`readOnly\`.`,
      )
    const frequency = new Map<string, number>()
    const chosen = new Set(ids)
    const choose = (found: readonly (readonly [string])[]) => {
      for (const [id] of found) chosen.add(id)
    }
    let isAll = false
    let total: number | undefined
    let newest = Number.NaN
    if (ranked !== undefined) {
      const asking = { ask, state, ranked, breadth: Math.max(breadth, 3 * ranked.wanted), frequency }
      await this.#knowWords(asking)
      // Lists of words, fields and neighbours are short, whatever the database expects.
      await this.#set(ask, { enable_seqscan: 'off', jit: 'off' })
      const matching = await this.#countUpTo(asking)
      isAll = matching <= asking.breadth
      if (matching === 0) await this.#requireKnown(ask, ranked, state)
      if (ranked.isByDate) newest = await this.#newest(ask)
      const words = new WordLists(ranked, state, frequency)
      if (isAll) choose(await this.#all(asking))
      else {
        const found =
          isNarrowed(ranked) && matching <= mostWhole
            ? await this.#matching(asking, words)
            : [
                ...(ranked.direction ? await this.#nearest(asking, ranked.direction, { matching, words }) : []),
                ...(await this.#byWords(asking, words, { isNarrow: true, counted: 4 * breadthOf(asking) })),
              ]
        for (const id of best(found, words, asking)) chosen.add(id)
        if (ranked.isByDate) choose(await this.#byDate(asking, newest))
      }
      // The best of all papers sets the scale of the lexical part.
      if (ranked.text !== undefined && isNarrowed(ranked)) {
        const listed = await this.#byWords(asking, words, { isNarrow: false, counted: 0 })
        for (const id of best(listed, words, {
          ranked: { ...ranked, weights: { semantic: 0, lexical: 1 } },
          breadth: mostBest,
        }))
          chosen.add(id)
      }
      await this.#set(ask, { enable_seqscan: 'on' })
    }
    const sampled = sample === undefined ? [] : await this.#sample(ask, sample, state)
    choose(sampled)
    const rows = await this.#rows(ask, [...chosen])
    const isCompared = ranked?.seeds !== undefined || ranked?.comparesHits || sample !== undefined
    const frequencies = (terms: readonly string[]) =>
      this.#frequencies.of(terms, { ask, commits: state.commits, least: 1 })
    const holding = await this.#candidates(rows, frequency, state, signal, {
      // Papers that are only looked up are not compared.
      isCounted: ranked === undefined ? sample !== undefined : ranked.text !== '',
      frequencies: isCompared ? frequencies : undefined,
    })
    if (ranked !== undefined) {
      const passing = await this.#passing(holding, need)
      // The fewer pass, the further the best of them may lie apart in the two lists.
      const enough = breadth * widening > mostBreadth ? ranked.wanted : 5 * ranked.wanted + leastBreadth / 2
      if (!isAll && needsTrial(ranked) && passing.size < enough) return undefined
      if (ranked.isCounted) total = await this.#total(ask, need, passing, holding)
    }
    return {
      holding,
      whole: { newest, total, sample: sampled.flatMap(([id]) => holding.kept.get(id) ?? []) },
    }
  }

  async #state(ask: Ask): Promise<State> {
    const [found] = await ask<[string, string, string, string, number]>(
      `select commits, papers, length, generation, lexical_recipe from ${this.#table('state')}`,
    )
    const [commits, papers, length, generation, recipe] = found as NonNullable<typeof found>
    this.#generation ??= generation
    if (generation !== this.#generation)
      throw new PaperkinError(
        'store-mismatch',
        `Expected the library in ${this.#storage.path} to be the one that was opened, but it was replaced meanwhile, as re-embedding does: open it again.`,
      )
    this.#size = Number(papers)
    this.#noticed ??= Number(commits)
    return {
      commits: Number(commits),
      papers: Number(papers),
      length: Number(length),
      hasTerms: recipe === lexicalRecipe,
    }
  }

  /** Looks up how frequent the terms of a question are. */
  async #knowWords({ ask, state, ranked, frequency }: Asking): Promise<void> {
    const terms = new Set<string>()
    for (const document of documentsOf(ranked))
      countTerms(document, (first, second) => {
        terms.add(second === undefined ? first : `${first} ${second}`)
      })
    const all = [...terms]
    const found = await this.#frequencies.of(all, { ask, commits: state.commits, least: 0 })
    for (const [i, term] of all.entries()) frequency.set(term, found[i] as number)
  }

  /** Number of papers that pass the filter, as far as it matters: exact up to a few thousand. */
  async #countUpTo({ ask, state, ranked }: Asking): Promise<number> {
    const parameters = new Parameters()
    const condition = narrowed(ranked, parameters)
    if (condition === undefined) return state.papers
    const most = parameters.add(mostExact(state) + 1, 'bigint')
    const [found] = await ask<[string]>(
      `select count(*) from (select from ${this.#table('papers')} p where ${condition.where} limit ${most}) m`,
      parameters.values,
    )
    return Number(found?.[0])
  }

  #all({ ask, ranked }: Asking): Promise<[string][]> {
    const parameters = new Parameters()
    const condition = narrowed(ranked, parameters)
    return ask<[string]>(
      `select p.id from ${this.#table('papers')} p where ${condition?.where ?? 'true'}`,
      parameters.values,
    )
  }

  /** All papers that pass the filter, which are few. */
  #matching({ ask, ranked }: Asking, words: WordLists): Promise<Found[]> {
    const parameters = new Parameters()
    const where = narrowed(ranked, parameters)?.where ?? 'true'
    const distance = ranked.direction && this.#distance(ranked.direction, parameters)
    return ask<Found>(
      `select ${foundColumns(words, distance)} from ${this.#table('papers')} p where ${where}`,
      parameters.values,
    )
  }

  /** The nearest papers: compared one by one if few pass the filter, or else by the graph. */
  async #nearest(
    { ask, state, ranked, breadth }: Asking,
    direction: Float32Array,
    { matching, words }: { readonly matching: number; readonly words: WordLists },
  ): Promise<Found[]> {
    const parameters = new Parameters()
    const distance = this.#distance(direction, parameters)
    const where = narrowed(ranked, parameters)?.where ?? 'true'
    const count = breadthOf({ ranked, breadth })
    const limit = parameters.add(count, 'bigint')
    const table = this.#table('papers')
    const columns = foundColumns(words, distance)
    if (matching <= mostExact(state))
      return ask<Found>(
        `with m as materialized (select p.seq, ${distance} as distance from ${table} p where ${where})
          select ${columns} from ${table} p
            where p.seq = any(array(select seq from m order by distance limit ${limit}))`,
        parameters.values,
      )
    const isFiltered = isNarrowed(ranked) && (await this.#iterates(ask))
    await this.#set(ask, graphSettings({ count, papers: state.papers, ...(isFiltered && { matching }) }))
    const found = await ask<Found>(
      `select ${columns} from ${table} p where ${where} order by ${distance} limit ${limit}`,
      parameters.values,
    )
    await this.#set(ask, { enable_bitmapscan: 'on', enable_sort: 'on' })
    return found
  }

  /** The papers that are best by their lists of words, with all that {@link WordLists.score} asks for. */
  async #byWords(
    { ask, ranked }: Asking,
    words: WordLists,
    { isNarrow, counted }: { readonly isNarrow: boolean; readonly counted: number },
  ): Promise<Found[]> {
    if (words.isEmpty) return []
    const parameters = new Parameters()
    const where = (isNarrow ? narrowed(ranked, parameters)?.where : undefined) ?? 'true'
    const table = this.#table('papers')
    const query = words.query(table, where, parameters)
    const most = parameters.add(Math.max(mostCounted, counted), 'bigint')
    const distance = isNarrow && ranked.direction ? this.#distance(ranked.direction, parameters) : undefined
    return ask<Found>(
      `with listed as materialized (${query} order by 2 desc, 1 limit ${most})
        select ${foundColumns(words, distance)} from ${table} p where p.seq = any(array(select seq from listed))`,
      parameters.values,
    )
  }

  /** The negative inner product of a paper and a vector, in SQL. */
  #distance(direction: Float32Array, parameters: Parameters): string {
    const { database, vectorType } = this.#storage
    const query = parameters.add(vectorBytes(direction), database.ofVector('vector'))
    return `p.embedding ${database.vectorOperator('<#>')} ${query}::${database.ofVector(vectorType)}`
  }

  /** Time of the newest paper that is not in the future, or else of the oldest. */
  async #newest(ask: Ask): Promise<number> {
    const [found] = await ask<[number | null]>(
      `select coalesce((select max(published_start) from ${this.#table('papers')} where published_start <= $1::float8),
        (select min(published_start) from ${this.#table('papers')}))`,
      [Date.now() + day],
    )
    return found?.[0] ?? Number.NaN
  }

  async #byDate({ ask, ranked, breadth }: Asking, newest: number): Promise<[string][]> {
    const found: [string][] = []
    for (const [sign, order] of [
      ['<=', 'desc'],
      ['>', 'asc'],
    ] as const) {
      const parameters = new Parameters()
      const where = narrowed(ranked, parameters)?.where ?? 'true'
      const from = parameters.add(newest, 'float8')
      found.push(
        ...(await ask<[string]>(
          `select p.id from ${this.#table('papers')} p where p.published_start ${sign} ${from} and ${where}
            order by p.published_start ${order} limit ${parameters.add(breadth, 'bigint')}`,
          parameters.values,
        )),
      )
    }
    return found
  }

  /**
   * Papers evenly spaced in the order in which they were added, the same for the same library; in a library too large to
   * be numbered, spaced by the numbers that commits give.
   */
  async #sample(ask: Ask, { most, without }: NonNullable<Need['sample']>, { papers }: State): Promise<[string][]> {
    const table = this.#table('papers')
    const others = arrayOf('text', sendable(without.flatMap((id) => [id, plainId(id).id])))
    if (papers <= mostNumbered)
      return ask<[string]>(
        `with rest as (select id, row_number() over (order by seq) - 1 as place, count(*) over () as count
            from ${table} where id <> all($1::text[]))
          select id from rest where count <= $2::bigint
            or place = any(array(select i * (select max(count) from rest) / $2::bigint from generate_series(0, $2::bigint - 1) i))
          order by place`,
        [others, most],
      )
    return ask<[string]>(
      `select distinct on (found.seq) found.id from (select min(seq) as first, max(seq) as last from ${table}) ends,
          generate_series(0, $2::bigint - 1) i,
          lateral (select id, seq from ${table} where seq >= first + (last - first) / $2::bigint * i
            and id <> all($1::text[]) order by seq limit 1) found
        order by found.seq`,
      [others, most],
    )
  }

  async #rows(ask: Ask, ids: readonly string[]): Promise<Row[]> {
    const found: Row[] = []
    for (let start = 0; start < ids.length; start += 4 * papersPerRead)
      found.push(
        ...(await ask<Row>(
          `select p.id, p.seq, p.record, p.record_crc, ${this.#embedding} from ${this.#table('papers')} p
            where p.id = any($1::text[])`,
          [arrayOf('text', ids.slice(start, start + 4 * papersPerRead))],
        )),
      )
    return found.sort((one, other) => Number(one[1]) - Number(other[1]))
  }

  #candidates(
    rows: readonly Row[],
    frequency: ReadonlyMap<string, number>,
    { papers, length }: State,
    signal: AbortSignal | undefined,
    counting: CandidateOptions = {},
  ): Promise<Candidates> {
    const { dimensions = 1 } = this
    return Candidates.of(
      rows.map((row): Candidate => ({ paper: this.#paperOf(row), vector: readVector(row[4]) })),
      { dimensions, whole: { documents: papers, length, frequency }, signal, ...counting },
    )
  }

  #paperOf([id, , record, crc]: Row): Paper {
    if (crcOf(record) === crc) return paperFromJson(id, record)
    throw new PaperkinError(
      'corrupt-store',
      `The paper ${JSON.stringify(id)} in ${this.#storage.path} is not as it was written: restore it from a backup, or add it again.`,
    )
  }

  /** Places of the papers that pass filter and phrases, without the seeds. */
  async #passing({ roster, vectors }: Holding, { ids, ranked }: Need): Promise<Set<number>> {
    const { filter, phrases = [] } = ranked as Ranked
    if (filter?.needsAreas) await this.#areas()?.prepare(roster, vectors, undefined)
    const test = filter?.test(roster)
    const matchers = phrases.map(phraseMatcher)
    const own = new Set(ids)
    const passing = new Set<number>()
    for (const [place, { id, cached }] of roster.papers.entries()) {
      if (own.has(id) || (test !== undefined && !test.holds(place))) continue
      if (matchers.every((matches) => matches(cached as Paper))) passing.add(place)
    }
    return passing
  }

  /** Number of papers that match a question. */
  async #total(ask: Ask, need: Need, passing: ReadonlySet<number>, holding: Holding): Promise<number> {
    const ranked = need.ranked as Ranked
    const unlike = ranked.seeds?.unlike ?? []
    if (ranked.isLexical && unlike.length > 0)
      throw new PaperkinError(
        'invalid-argument',
        "Expected no `total` of papers that share words with `like` but not with `unlike`, which the database cannot count: leave out `total`, `unlike` or the mode 'lexical'.",
      )
    const parameters = new Parameters()
    const condition = narrowed(ranked, parameters)
    const conditions = [
      ...(condition === undefined ? [] : [condition.where]),
      ...(need.ids.length === 0 ? [] : [`p.id <> all(${parameters.add(arrayOf('text', need.ids), 'text[]')})`]),
      ...(ranked.isLexical ? [`p.words @@ ${parameters.add(anyWord(documentsOf(ranked)), 'tsquery')}`] : []),
    ]
    const where = conditions.length === 0 ? 'true' : conditions.join(' and ')
    const table = this.#table('papers')
    const isSure = condition?.doubtful === undefined ? 'true' : `not coalesce(${condition.doubtful}, false)`
    const [found] = await ask<[string]>(
      `select count(*) from ${table} p where ${where} and ${isSure}`,
      parameters.values,
    )
    let total = Number(found?.[0])
    if (condition?.doubtful !== undefined) {
      for await (const rows of this.#pages(ask, `${where} and ${condition.doubtful}`, parameters.values)) {
        const one = await this.#candidates(rows, new Map(), noState, need.signal)
        total += (await this.#passing(one, need)).size
      }
    }
    if (ranked.omitsDuplicates && ranked.seeds !== undefined) {
      // Near-duplicates share words and so are among the candidates.
      const seeds = [...ranked.seeds.like, ...unlike].map((seed) => ({
        ...seed,
        kept: seed.kept && keptPaper(holding.kept, seed.id),
      }))
      const isDuplicate = nearDuplicateOf(seeds, holding.lexical)
      for (const place of passing) if (isDuplicate(holding.roster.papers[place] as StoredPaper)) total--
    }
    return total
  }

  /** Papers that meet a condition, in the order of their ids. */
  async *#pages(ask: Ask, where: string, values: readonly unknown[]): AsyncGenerator<Row[]> {
    for (let after = ''; ; ) {
      const rows = await ask<Row>(
        `select p.id, p.seq, p.record, p.record_crc, ${this.#embedding} from ${this.#table('papers')} p
          where ${where} and p.id > $${values.length + 1}::text order by p.id limit ${papersPerRead}`,
        [...values, after],
      )
      if (rows.length > 0) yield rows
      if (rows.length < papersPerRead) return
      after = rows.at(-1)?.[0] as string
    }
  }

  /** Where nothing matches: whether the papers have the fields that a filter names, and its areas. */
  async #requireKnown(ask: Ask, { filter }: Ranked, { papers }: State): Promise<void> {
    if (filter === undefined || papers === 0) return
    const table = this.#table('papers')
    const has = async (condition: string, value: string) => {
      const [found] = await ask<[boolean]>(`select exists (select from ${table} p where ${condition})`, [value])
      return found?.[0] === true
    }
    for (const name of filter.ownAreas) {
      const parameters = new Parameters()
      const own = filterSql(parseFilter({ area: name }, undefined), parameters) as SqlCondition
      const [found] = await ask<[boolean]>(
        `select exists (select from ${table} p where ${own.where})`,
        parameters.values,
      )
      if (found?.[0] !== true) throw unknownArea(name, this.#areas())
    }
    for (const field of filter.fields) {
      const name = field.toWellFormed().replaceAll('\0', '\ufffd')
      if (await has('p.fields ? $1::text or (p.unlisted is not null and $1::text = any(p.unlisted))', name)) continue
      const names = await ask<[string]>(
        `select distinct name from (select fields from ${table} order by seq limit 1000) p, jsonb_object_keys(p.fields) name`,
      )
      throw unknownField(
        field,
        papers,
        names.map(([name]) => name),
      )
    }
  }

  async notFound(id: unknown, { signal }: { readonly signal?: AbortSignal | undefined }): Promise<PaperkinError> {
    const near = typeof id === 'string' ? await this.find(id, 3, { signal }) : []
    return notFoundError(id, near, `\`streamPapers()\` yields all ${this.#size}`)
  }

  /** The papers that a text may refer to, as {@link findPapers} finds them among those that are likely. */
  async find(text: string, k: number, options: { readonly signal?: AbortSignal | undefined }): Promise<FoundPaper[]> {
    const reading = findPapers(await this.#likely(text, options), text, k)
    // All are in memory.
    for (;;) {
      const step = reading.next()
      if (step.done) return step.value
    }
  }

  /**
   * Papers whose title or id a text may refer to: those that share its words, also misspelled ones that begin alike, and
   * those with ids that begin alike.
   */
  async #likely(
    text: string,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): Promise<ReadonlyMap<string, StoredPaper>> {
    const holding = await this.#storage.database.snapshot(
      async (ask) => {
        const state = await this.#state(ask)
        const table = this.#table('papers')
        const stems = stemsOf([{ title: '', abstract: text }]).slice(0, mostTitled)
        const alike = new Set(stems)
        for (const stem of stems.slice(0, mostMistyped)) {
          const start = stem.slice(0, 2)
          const terms = await ask<[string]>(
            `select term from (select term from ${this.#table('terms')} where term >= $1::text and term < $2::text
              limit ${mostRead}) t where position(' ' in term) = 0 and abs(length(term) - $3::int) <= 2`,
            [start, `${start}\u{10ffff}`, stem.length],
          )
          for (const [term] of terms) if (editDistance(stem, term, 2) <= 2) alike.add(term)
        }
        const ids = sendable([text.trim(), plainId(text.trim()).id])
        for (const words of [stems, [...alike]]) {
          if (words.length === 0) continue
          const found = await ask<[string]>(
            `with m as materialized (select p.id, p.words from ${table} p where p.words @@ $1::tsquery limit ${mostRead})
              select m.id from m order by (select count(*) from unnest(m.words) w
                where w.lexeme = any($2::text[])) desc, m.id limit ${leastBreadth}`,
            [words.map((stem) => lexeme(stem)).join(' | '), arrayOf('text', words)],
          )
          for (const [id] of found) ids.push(id)
        }
        const [start = ''] = sendable([text.trim().slice(0, 12)])
        for (let length = start.length, isFound = false; length > 0 && !isFound; length--) {
          const begin = start.slice(0, length).toWellFormed()
          const found = await ask<[string]>(
            `select id from ${table} where id >= $1::text and id < $2::text order by id limit ${leastBreadth}`,
            [begin, `${begin}\u{10ffff}`],
          )
          for (const [id] of found) ids.push(id)
          isFound = found.length > 0
        }
        const rows = await this.#rows(ask, [...new Set(ids)])
        return this.#candidates(rows, new Map(), state, signal)
      },
      { signal },
    )
    return holding.kept
  }

  /** All papers, or those that pass a filter, in the order in which their ids were first added, in parts. */
  async *stream(
    filter: CompiledFilter | undefined,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): AsyncGenerator<Holding> {
    const database = this.#storage.database
    // Only places on the map need vectors; they are most of what a paper has.
    const vector = filter?.needsAreas ? this.#embedding : noVector
    let isEmpty = true
    for (let after = '-1'; ; ) {
      const rows = await database.read(
        async (ask) => {
          const parameters = new Parameters()
          const where = filterSql(filter, parameters)?.where ?? 'true'
          return ask<Row>(
            `select p.id, p.seq, p.record, p.record_crc, ${vector} from ${this.#table('papers')} p
              where ${where} and p.seq > ${parameters.add(after, 'bigint')} order by p.seq limit ${papersPerRead}`,
            parameters.values,
          )
        },
        { signal },
      )
      if (rows.length > 0) {
        isEmpty = false
        yield await this.#candidates(rows, new Map(), noState, signal, { isCounted: false })
      }
      if (rows.length < papersPerRead) break
      after = rows.at(-1)?.[1] as string
    }
    if (isEmpty && filter !== undefined)
      await database.snapshot(async (ask) => this.#requireKnown(ask, { filter, wanted: 0 }, await this.#state(ask)))
  }

  /** Number of papers, or of those that pass a filter. */
  async count(
    filter: CompiledFilter | undefined,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): Promise<number> {
    return this.#storage.database.snapshot(
      async (ask) => {
        const state = await this.#state(ask)
        if (filter === undefined) return state.papers
        const ranked = { filter, wanted: 0 }
        const none = await this.#candidates([], new Map(), state, signal)
        const total = await this.#total(ask, { ids: [], ranked, signal }, new Set(), none)
        if (total === 0) await this.#requireKnown(ask, ranked, state)
        return total
      },
      { signal },
    )
  }

  /** All ids. */
  async ids(): Promise<string[]> {
    const rows = await this.#storage.database.read((ask) => ask<[string]>(`select id from ${this.#table('papers')}`))
    return rows.map(([id]) => id)
  }

  async #set(ask: Ask, settings: Readonly<Record<string, string>>): Promise<void> {
    await ask('select set_config(name, value, true) from unnest($1::text[], $2::text[]) s(name, value)', [
      arrayOf('text', Object.keys(settings)),
      arrayOf('text', Object.values(settings)),
    ])
  }

  /** Whether pgvector goes on through the graph until enough papers pass a filter; from version 0.8 on. */
  async #iterates(ask: Ask): Promise<boolean> {
    if (this.#hasIterativeScans === undefined) {
      const [found] = await ask<[string]>("select extversion from pg_extension where extname = 'vector'")
      const [major = 0, minor = 0] = (found?.[0] ?? '').split('.').map(Number)
      this.#hasIterativeScans = major > 0 || minor >= 8
    }
    return this.#hasIterativeScans
  }

  get #embedding(): string {
    return this.#storage.database.vectorText('p.embedding')
  }

  #table(name: string): string {
    return `${this.#storage.database.schema}.${name}`
  }
}

/** The columns of {@link Found}. */
const foundColumns = (words: WordLists, distance: string | undefined) =>
  `p.id, p.length, ${words.isEmpty ? 'null' : 'p.words::text'}, ${distance === undefined ? 'null::float8' : `-(${distance})`}`

interface Asking {
  readonly ask: Ask
  readonly state: State
  readonly ranked: Ranked
  /** Number of candidates of each kind. */
  readonly breadth: number
  readonly frequency: Map<string, number>
}

/**
 * Settings of the database for a search of the graph.
 * @param options `matching`: how many of the papers pass a filter, if the graph is to be followed until enough do
 */
export function graphSettings({
  count,
  papers,
  matching,
}: {
  readonly count: number
  readonly papers: number
  readonly matching?: number
}): Readonly<Record<string, string>> {
  return {
    'hnsw.ef_search': String(Math.min(1000, Math.max(100, 2 * count))),
    ...(matching !== undefined && {
      'hnsw.iterative_scan': 'relaxed_order',
      'hnsw.max_scan_tuples': String(Math.max(20_000, Math.ceil((20 * count * papers) / matching))),
    }),
    // The database knows too little of the fields to choose the graph by itself.
    enable_bitmapscan: 'off',
    enable_sort: 'off',
  }
}

/** Papers that are compared with a vector one by one rather than by the graph, which would look at as many in vain. */
const mostExact = ({ papers }: State) => Math.round(Math.min(30_000, Math.max(2000, Math.sqrt(100 * papers))))

function documentsOf({ text, seeds }: Ranked): LexicalDocument[] {
  return [
    ...(text === undefined ? [] : [{ title: '', abstract: text }]),
    ...(seeds?.like ?? []),
    ...(seeds?.unlike ?? []),
  ]
}

const isNarrowed = ({ filter, phrases = [] }: Ranked) => filter !== undefined || phrases.length > 0

/** Whether some conditions can only be judged by trying them on candidates. */
function needsTrial(ranked: Ranked): boolean {
  return narrowed(ranked, new Parameters())?.doubtful !== undefined
}

/** What filter and phrases ask of a paper; undefined if nothing. */
function narrowed({ filter, phrases = [] }: Ranked, parameters: Parameters): SqlCondition | undefined {
  const asked = filterSql(filter, parameters)
  if (phrases.length === 0) return asked
  const queries = phrases.map((phrase) => {
    const stems = stemsOf([{ title: '', abstract: phrase }])
    // Words that are left out everywhere, such as `of`, are not indexed.
    return stems.length === 0
      ? 'true'
      : `p.words @@ ${parameters.add(stems.map((stem) => lexeme(stem)).join(' & '), 'tsquery')}`
  })
  return { where: [...(asked === undefined ? [] : [asked.where]), ...queries].join(' and '), doubtful: 'true' }
}

function stemsOf(documents: readonly LexicalDocument[]): string[] {
  const stems = new Set<string>()
  for (const document of documents)
    countTerms(document, (first, second) => void (second === undefined && stems.add(first)))
  return [...stems]
}

const anyWord = (documents: readonly LexicalDocument[]) =>
  stemsOf(documents)
    .map((stem) => lexeme(stem))
    .join(' | ')

/**
 * Candidates of a question: more where some papers are not wanted, which takes others off the top, and where seeds are
 * compared by words alone, of which pairs and norms are not known yet.
 */
const breadthOf = ({ ranked, breadth }: Pick<Asking, 'ranked' | 'breadth'>) =>
  (ranked.seeds?.unlike.length ?? 0) > 0 || (ranked.seeds !== undefined && ranked.weights?.semantic === 0)
    ? 2 * breadth
    : breadth

/**
 * Ids of the best papers by words and vectors together, and some that are best by one of them, as scores are estimates.
 */
function best(found: readonly Found[], words: WordLists, asking: Pick<Asking, 'ranked' | 'breadth'>): Set<string> {
  const { text, weights, direction } = asking.ranked
  const { semantic, lexical } = weights ?? { semantic: direction === undefined ? 0 : 1, lexical: 1 }
  const papers = [...new Map(found.map((one) => [one[0], one])).values()].map(([id, length, its, cosine]) => ({
    id,
    words: its === null ? 0 : words.score(its, length),
    cosine: Math.max(0, cosine ?? 0),
  }))
  const most = papers.reduce((highest, paper) => Math.max(highest, paper.words), 0)
  const scale = text === undefined ? words.scale : Math.max(most, words.scale)
  const breadth = breadthOf(asking)
  const chosen = new Set<string>()
  const take = (count: number, score: (paper: (typeof papers)[number]) => number) => {
    const order = papers.toSorted((one, other) => score(other) - score(one) || (one.id < other.id ? -1 : 1))
    for (const { id } of order.slice(0, count)) chosen.add(id)
  }
  take(breadth, (paper) => semantic * paper.cosine + (lexical * paper.words) / scale)
  // The best by words sets the scale of the lexical part, even where that has no weight.
  if (semantic > 0) take(Math.max(hedge * breadth, text === undefined ? 0 : mostBest), (paper) => paper.words)
  if (lexical > 0) take(hedge * breadth, ({ cosine }) => cosine)
  return chosen
}
