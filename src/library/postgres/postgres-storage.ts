// A library in a Postgres database with pgvector. A commit is one transaction. Many processes may write: each change is
// made only where the papers are still as they were read, and begun again otherwise, so no lock is held while vectors
// enter the graph; the last statements, which add up terms and totals, queue on the one row of `state` and so number the
// commits in their order. Readers catch up by those numbers.
import { randomUUID } from 'node:crypto'
import { PaperkinError } from '../../errors.ts'
import { lexicalRecipe } from '../../lexical/count-terms.ts'
import { type Paper, paperFromJson } from '../../paper.ts'
import {
  type Batch,
  type Change,
  type ComingPaper,
  type Contents,
  type Damage,
  type Inventory,
  isSameIdentity,
  type LoadOptions,
  type Storage,
  type StorageIdentity,
  type StoredPaper,
  type StoredVector,
  type Verification,
} from '../storage/storage.ts'
import {
  arrayOf,
  arrayText,
  copyBytes,
  float8,
  int4,
  int8,
  jsonbBytes,
  readVector,
  tsvectorBytes,
  vectorBytes,
} from './binary.ts'
import { type Ask, Conflict, Database, isTaken } from './database.ts'
import { columnsOf, crcOf, type PaperColumns, readWords, wordsOf } from './paper-columns.ts'
import {
  bulkIndexStatements,
  createStatements,
  dropBulkStatements,
  graphStatements,
  type SchemaOptions,
  schemaVersion,
  type VectorType,
  widthStatements,
} from './schema.ts'

const papersPerRead = 512
/** Milliseconds for which a library that closes forgets earlier versions. */
const mostForgetting = 5_000
const papersPerBatch = 1024
/** Rounds in which a reader catches up while others write; the last one reads everything from one state. */
const mostRounds = 8
/** A commit's papers are numbered from the number of its batch times this. */
const papersPerCommit = 2 ** 20
/** The most megabytes asked of the server for making an index. */
const mostMemory = 1024
/** Terms sent at once. */
const termsPerStatement = 50_000
/** Terms counted in memory at once, where all are counted. */
const mostTerms = 1_000_000

interface PostgresOptions {
  /** @default 'paperkin' */
  readonly schema?: string | undefined
  /** Identity of a new library; needed for writing only. */
  readonly identity?: StorageIdentity
  /** Whether to make the tables if there are none. @default true */
  readonly create?: boolean
  /** Takes no right but to read. @default false */
  readonly readOnly?: boolean
  /** How a new library stores vectors. @default 'vector', bit for bit */
  readonly vectorType?: VectorType
  /** Whether terms are left uncounted until {@link PostgresStorage.inBulk} ends, if they are. @default false */
  readonly isBulk?: boolean
}

const noIdentity: StorageIdentity = Object.freeze({ modelId: 'none', dimensions: 0, recipe: '' })

/** The one row of `state`. */
interface State {
  readonly version: number
  readonly generation: string
  readonly identity: StorageIdentity
  readonly vectorType: VectorType
  readonly lexicalRecipe: number
  readonly commits: number
  readonly papers: number
  readonly length: number
  readonly nextRow: number
}

/** The version of a paper that a commit wrote. */
export class PostgresPaper implements StoredPaper {
  readonly id: string
  readonly row: number
  readonly textCrc: number
  /** The number of the commit's batch. */
  readonly batch: number
  cached: Paper | undefined = undefined

  constructor(id: string, parts: { readonly row: number; readonly textCrc: number; readonly batch: number }) {
    this.id = id
    this.row = parts.row
    this.textCrc = parts.textCrc
    this.batch = parts.batch
  }
}

/** A paper as the database has it before a change. */
interface Before {
  readonly id: string
  readonly row: number
  readonly batch: number
  readonly record: string
  readonly length: number
  readonly key: string
}

/** Thrown where a paper needs a row that was not asked for; the change is then begun again with so many more. */
class RowsNeeded extends Error {
  readonly count: number
  constructor(count: number) {
    super()
    this.count = count
  }
}

export class PostgresStorage implements Storage {
  readonly isDurable = true
  readonly isReadOnly: boolean
  readonly database: Database
  #state: State
  /** Number of the last commit handed out; undefined before the first load. */
  #seen: number | undefined
  /** Numbers of commits made here and not yet passed by `#seen`. */
  readonly #own = new Set<number>()
  /** Whether papers lie on other servers too. */
  readonly #isSpread: boolean
  #isClosed = false
  #hasCommitted = false

  private constructor(
    database: Database,
    state: State,
    { isReadOnly, isSpread }: { readonly isReadOnly: boolean; readonly isSpread: boolean },
  ) {
    this.database = database
    this.#isSpread = isSpread
    this.#state = state
    this.isReadOnly = isReadOnly
  }

  /**
   * Opens the library in a schema; makes its tables if there are none.
   * @param postgres a url or a pool of the package pg; see {@link Database.connect}
   * @throws PaperkinError `invalid-argument` if there is no library and none may be made, or pgvector is missing;
   * `store-mismatch` for tables of a newer version; `unreadable-source`; `store-unwritable`
   */
  static async open(postgres: unknown, options: PostgresOptions = {}): Promise<PostgresStorage> {
    const { identity = noIdentity, create = true, readOnly = false, vectorType = 'vector', isBulk = false } = options
    const database = await Database.connect(postgres, { schema: options.schema })
    try {
      if (!readOnly) database.requirePrimary()
      let state = await database.read((ask) => stateOf(ask, database))
      if (state === undefined) {
        if (readOnly || !create)
          throw new PaperkinError(
            'invalid-argument',
            `Expected a library in ${database.name}, but there is none: check database and schema, or make it by adding papers as a user who may write.`,
          )
        if (vectorType === 'halfvec' && !database.server.hasHalf)
          throw new PaperkinError(
            'invalid-argument',
            `Expected pgvector of version 0.7 or later in ${database.name} for \`halfvec\`: run \`alter extension vector update\`, or store the vectors as \`vector\`.`,
          )
        state = await createTables(database, { identity, vectorType })
      }
      if (state.version > schemaVersion)
        throw new PaperkinError(
          'store-mismatch',
          `Expected the tables in ${database.name} to have version ${schemaVersion}, got ${state.version}, which a newer version of paperkin made: update paperkin.`,
        )
      const isSpread = await database.read((ask) => isOverServers(ask, database))
      const storage = new PostgresStorage(database, state, { isReadOnly: readOnly, isSpread })
      if (!storage.hasTerms && !readOnly && !isBulk) {
        await storage.#recount()
        await storage.#makeIndexes()
      }
      return storage
    } catch (error) {
      await database.close()
      throw error
    }
  }

  get path(): string {
    return this.database.name
  }

  get identity(): StorageIdentity {
    return this.#state.identity
  }

  get nextRow(): number {
    return this.#state.nextRow
  }

  get bytes(): number {
    return 4 * this.identity.dimensions * this.#state.papers
  }

  /** Whether words and terms are counted, as this version of the package counts them. Reading works without. */
  get hasTerms(): boolean {
    return this.#state.lexicalRecipe === lexicalRecipe
  }

  get vectorType(): VectorType {
    return this.#state.vectorType
  }

  get #embedding(): string {
    return this.database.vectorText('embedding')
  }

  get #options(): SchemaOptions {
    return {
      schema: this.database.schema,
      vectorSchema: this.database.server.vectorSchema as string,
      vectorType: this.vectorType,
      dimensions: this.identity.dimensions,
    }
  }

  async load({ isAll = false, signal }: LoadOptions): Promise<{
    readonly isAnew: boolean
    readonly batches: AsyncGenerator<Batch>
  }> {
    this.#requireOpen()
    const state = await this.#read(async (ask) => this.#checked(await stateOf(ask, this.database)), signal)
    const isKnown = !isAll && this.#seen !== undefined && state.generation === this.#state.generation
    const isAnew = !isKnown || !(await this.#hasSince(this.#seen as number, state.commits, signal))
    this.#state = state
    if (!isAnew) return { isAnew, batches: this.#catchUp(this.#seen as number, signal) }
    this.#seen = undefined
    return { isAnew, batches: this.#everything(state.commits, signal) }
  }

  async *#everything(commits: number, signal: AbortSignal | undefined): AsyncGenerator<Batch> {
    this.#own.clear()
    for await (const rows of this.#pages('true', [], signal)) yield this.#batchOf([], rows)
    // What was written while the pages were read.
    yield* this.#catchUp(commits, signal)
  }

  /** The changes since a commit, made elsewhere; at the end everything handed out is one state. */
  async *#catchUp(from: number, signal: AbortSignal | undefined): AsyncGenerator<Batch> {
    let seen = from
    for (let round = 0; ; round++) {
      const isLast = round === mostRounds
      const found = await this.#snapshot(async (ask) => {
        const state = this.#checked(await stateOf(ask, this.database))
        if (state.generation !== this.#state.generation) throw this.#replaced()
        if (state.commits === seen) return { state, batches: [], removed: [], papers: [] }
        const commits = await ask<[string, string[] | null, string]>(
          `select number, removed, batch from ${this.#table('commits')} where number > $1 order by number`,
          [seen],
        )
        if (commits.length !== state.commits - seen) throw this.#replaced()
        const others = commits.filter(([number]) => !this.#own.has(Number(number)))
        const batches = others.map(([, , batch]) => Number(batch))
        const removed = await this.#removedSince(
          ask,
          others.flatMap(([, ids]) => ids ?? []),
          batches,
        )
        const papers: PaperRow[] = []
        if (isLast)
          for await (const rows of this.#pagesOf(ask, 'batch = any($1::bigint[])', [arrayOf('int8', batches)]))
            papers.push(...rows)
        return { state, batches, removed, papers }
      }, signal)
      const isCaughtUp = found.state.commits === seen
      seen = found.state.commits
      this.#state = found.state
      if (found.removed.length > 0) yield this.#batchOf(found.removed, [])
      for (let start = 0; start < found.papers.length; start += papersPerBatch)
        yield this.#batchOf([], found.papers.slice(start, start + papersPerBatch))
      if (isCaughtUp || isLast) break
      if (found.batches.length === 0) continue
      const where = 'batch = any($1::bigint[])'
      for await (const rows of this.#pages(where, [arrayOf('int8', found.batches)], signal))
        yield this.#batchOf([], rows)
    }
    this.#seen = seen
    for (const number of this.#own) if (number <= seen) this.#own.delete(number)
  }

  /** Whether all commits after one are still listed. */
  async #hasSince(from: number, to: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (from === to) return true
    const [found] = await this.#read(
      (ask) => ask<[string]>(`select count(*) from ${this.#table('commits')} where number > $1`, [from]),
      signal,
    )
    return Number(found?.[0]) >= to - from
  }

  /** Ids of papers that others removed and that are gone, or came back in one of `batches` and so behind the rest. */
  async #removedSince(ask: Ask, ids: readonly string[], batches: readonly number[]): Promise<string[]> {
    if (ids.length === 0) return []
    const present = await ask<[string, string]>(
      `select id, batch from ${this.#table('papers')} where id = any($1::text[])`,
      [arrayOf('text', ids)],
    )
    const batchOf = new Map(present.map(([id, batch]) => [id, Number(batch)]))
    const among = new Set(batches)
    return ids.filter((id) => {
      const batch = batchOf.get(id)
      return batch === undefined || among.has(batch)
    })
  }

  /** Papers with their vectors in the order in which their ids were first added, page by page. */
  async *#pages(
    where: string,
    values: readonly unknown[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly PaperRow[]> {
    for (let after: string | undefined = '-1'; after !== undefined; ) {
      signal?.throwIfAborted()
      const from: string = after
      const rows: PaperRow[] = await this.#read((ask) => this.#page(ask, where, [...values, from]), signal)
      if (rows.length > 0) yield rows
      after = rows.length < papersPerBatch ? undefined : rows.at(-1)?.[5]
    }
  }

  async *#pagesOf(ask: Ask, where: string, values: readonly unknown[]): AsyncGenerator<readonly PaperRow[]> {
    for (let after: string | undefined = '-1'; after !== undefined; ) {
      const rows: PaperRow[] = await this.#page(ask, where, [...values, after])
      yield rows
      after = rows.length < papersPerBatch ? undefined : rows.at(-1)?.[5]
    }
  }

  #page(ask: Ask, where: string, values: readonly unknown[]): Promise<PaperRow[]> {
    return ask<PaperRow>(
      `select id, row, text_crc, batch, ${this.#embedding}, seq from ${this.#table('papers')}
        where ${where} and seq > $${values.length} order by seq limit ${papersPerBatch}`,
      values,
    )
  }

  #batchOf(removed: readonly string[], rows: readonly PaperRow[]): Batch {
    const { dimensions } = this.identity
    const vectors = new Float32Array(rows.length * dimensions)
    const places = new Int32Array(rows.length)
    const papers = rows.map(([id, row, textCrc, batch, vector], place) => {
      places[place] = place
      readVector(vector, vectors.subarray(place * dimensions, (place + 1) * dimensions))
      return new PostgresPaper(id, { row, textCrc, batch: Number(batch) })
    })
    return { removed, papers, places, vectors }
  }

  async readPapers(
    papers: readonly StoredPaper[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Paper[]> {
    this.#requireOpen()
    signal?.throwIfAborted()
    const found: Paper[] = []
    const damage: Damage[] = []
    for (let start = 0; start < papers.length; start += papersPerRead) {
      const part = papers.slice(start, start + papersPerRead) as PostgresPaper[]
      const records = await this.#read((ask) => this.#records(ask, part), signal)
      for (const paper of part) {
        const read = readRecord(paper.id, records.get(versionName(paper)))
        if (typeof read === 'string') damage.push({ id: paper.id, message: read })
        else found.push(read)
      }
    }
    if (damage.length > 0) throw damaged(this.path, damage)
    return found
  }

  /** Records and their checksums, of present and of earlier versions of papers, by {@link versionName}. */
  async #records(ask: Ask, papers: readonly PostgresPaper[]): Promise<Map<string, RecordRow>> {
    const found = new Map<string, RecordRow>()
    for (const table of ['papers', 'past']) {
      const missing = papers.filter((paper) => !found.has(versionName(paper)))
      if (missing.length === 0) break
      const rows = await ask<readonly [string, string, ...RecordRow]>(
        `select p.id, p.batch, p.record, p.record_crc, encode(p.vector_key, 'base64') from ${this.#table(table)} p
          join unnest($1::text[], $2::bigint[]) as u(id, batch) on p.id = u.id and p.batch = u.batch`,
        versionsOf(missing),
      )
      for (const [id, batch, ...row] of rows) found.set(versionName({ id, batch: Number(batch) }), row)
    }
    return found
  }

  async readVectors(
    of: readonly (StoredVector['key'] | StoredPaper)[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<(StoredVector | undefined)[]> {
    this.#requireOpen()
    const found: (StoredVector | undefined)[] = []
    for (let start = 0; start < of.length; start += papersPerRead) {
      const part = of.slice(start, start + papersPerRead)
      found.push(...(await this.#read((ask) => this.#vectors(ask, part), signal)))
    }
    return found
  }

  async #vectors(ask: Ask, of: readonly (StoredVector['key'] | StoredPaper)[]): Promise<(StoredVector | undefined)[]> {
    const papers = of.filter((one) => !Buffer.isBuffer(one)) as PostgresPaper[]
    const byVersion = new Map<string, StoredVector>()
    if (papers.length > 0)
      for (const [id, batch, ...row] of await ask<readonly [string, string, ...VectorRow]>(
        `select p.id, p.batch, encode(vector_key, 'base64'), ${this.#embedding}, truncation::text
          from ${this.#table('papers')} p
          join unnest($1::text[], $2::bigint[]) as u(id, batch) on p.id = u.id and p.batch = u.batch`,
        versionsOf(papers),
      ))
        byVersion.set(versionName({ id, batch: Number(batch) }), storedVector(row))
    const changed = papers.filter((paper) => !byVersion.has(versionName(paper)))
    const earlier = changed.length > 0 ? await this.#records(ask, changed) : new Map<string, RecordRow>()
    const keyOf = (one: StoredVector['key'] | StoredPaper) =>
      Buffer.isBuffer(one) ? one.toString('base64') : earlier.get(versionName(one as PostgresPaper))?.[2]
    const byKey = await this.#vectorsByKey(
      ask,
      of.flatMap((one) => keyOf(one) ?? []),
    )
    return of.map((one) => {
      const own = Buffer.isBuffer(one) ? undefined : byVersion.get(versionName(one as PostgresPaper))
      return own ?? byKey.get(keyOf(one) ?? '')
    })
  }

  /** Stored vectors by their keys in base64. */
  async #vectorsByKey(ask: Ask, keys: readonly string[]): Promise<Map<string, StoredVector>> {
    const found = new Map<string, StoredVector>()
    const select = {
      papers: `select encode(vector_key, 'base64'), ${this.#embedding}, truncation::text from ${this.#table('papers')}
        where vector_key = any($1::bytea[])`,
      vectors: `select encode(key, 'base64'), encode(bytes, 'base64'), truncation::text from ${this.#table('vectors')}
        where key = any($1::bytea[])`,
    }
    for (const text of [select.papers, select.vectors]) {
      const missing = keys.filter((key) => !found.has(key))
      if (missing.length === 0) break
      for (const row of await ask<VectorRow>(text, [bytesOf(missing)]))
        if (!found.has(row[0])) found.set(row[0], storedVector(row))
    }
    return found
  }

  /**
   * Makes a change. Rows are those given unless another process has taken them; the handles tell.
   * @throws PaperkinError `store-unwritable`; `store-mismatch` if the library was re-embedded meanwhile;
   * `invalid-paper` for an id that the database cannot index
   */
  async commit(change: Change): Promise<PostgresPaper[]> {
    this.#requireWriter()
    const papers = (change.papers ?? []).map((coming) => ({ coming, columns: columnsOf(coming.paper) }))
    let rows = await this.#reserve(papers.map(({ coming }) => coming).filter(isFresh), change.nextRow)
    for (;;) {
      try {
        return await this.#commit(change, papers, rows)
      } catch (error) {
        if (!(error instanceof RowsNeeded)) throw error
        rows = [...rows, ...(await this.#takeRows(error.count))]
      }
    }
  }

  /** Rows for texts that are new: those that the library chose, unless others were faster. */
  async #reserve(fresh: readonly ComingPaper[], nextRow: number): Promise<number[]> {
    if (fresh.length === 0) return []
    const first = fresh.reduce((least, { row }) => Math.min(least, row), Number.POSITIVE_INFINITY)
    const taken = await this.#write((ask) =>
      ask(
        `update ${this.#table('state')} set next_row = greatest(next_row, $1) where next_row <= $2 returning next_row`,
        [nextRow, first],
      ),
    )
    return taken.length > 0 ? fresh.map(({ row }) => row) : this.#takeRows(fresh.length)
  }

  async #takeRows(count: number): Promise<number[]> {
    const [found] = await this.#write((ask) =>
      ask<[string]>(`update ${this.#table('state')} set next_row = next_row + $1 returning next_row`, [count]),
    )
    const end = Number(found?.[0])
    return Array.from({ length: count }, (_, i) => end - count + i)
  }

  async #commit(
    change: Change,
    papers: readonly { readonly coming: ComingPaper; readonly columns: PaperColumns }[],
    rows: readonly number[],
  ): Promise<PostgresPaper[]> {
    const prepare = (ask: Ask) => this.#prepare(ask, { change, papers, rows })
    const { plan, batch, made } = this.#isSpread
      ? await this.#commitSpread(prepare)
      : await this.database.transaction(
          async (ask) => {
            const prepared = await prepare(ask)
            await this.#writePapers(ask, prepared.writing)
            return { ...prepared, made: await this.#finish(ask, prepared.writing) }
          },
          {
            isMade: async (ask, { batch }) => {
              // Waits for the end of the attempt whose end is not known.
              await ask(`select 1 from ${this.#table('state')} for update`)
              return (await ask(`select 1 from ${this.#table('commits')} where batch = $1`, [batch])).length > 0
            },
          },
        )
    this.#own.add(made.commit)
    this.#hasCommitted = true
    const dimensions = plan.width || this.identity.dimensions
    this.#state = {
      ...this.#state,
      nextRow: made.nextRow,
      papers: made.papers,
      identity: { ...this.identity, dimensions },
    }
    return plan.all.map(({ columns, textCrc, row, now, isSame }) => {
      const version = isSame ? (now as Before).batch : batch
      return new PostgresPaper(columns.id, { row, textCrc, batch: version })
    })
  }

  /** Decides what a change writes, and keeps what it will replace; changes no paper. */
  async #prepare(
    ask: Ask,
    given: {
      readonly change: Change
      readonly papers: readonly { readonly coming: ComingPaper; readonly columns: PaperColumns }[]
      readonly rows: readonly number[]
    },
  ): Promise<{ readonly plan: Plan; readonly batch: number; readonly writing: Writing }> {
    const { papers, rows } = given
    const { removed = [], vectors = [], nextRow } = given.change
    const state = this.#checked(await stateOf(ask, this.database))
    if (state.generation !== this.#state.generation) throw this.#replaced()
    const firstVector = [...papers.map(({ coming }) => coming.vector), ...vectors].find(
      (one): one is StoredVector => one !== undefined && 'key' in one,
    )
    if (state.identity.dimensions === 0 && firstVector !== undefined) await this.#setWidth(ask, firstVector)
    const [numbered] = await ask<[string]>('select nextval($1::regclass)', [this.#table('batches')])
    const batch = Number(numbered?.[0])
    const before = await this.#before(ask, [...removed, ...papers.map(({ columns }) => columns.id)])
    const gone = removed.flatMap((id) => before.get(id) ?? [])
    const plan = await this.#plan(ask, { papers, before, gone, batch, rows })
    await this.#keepPast(ask, { gone, changed: plan.changed })
    await this.#insertVectors(ask, vectors)
    const writing = { batch, gone, written: [...plan.added, ...plan.changed], sums: sumsOf(plan, gone, nextRow) }
    return { plan, batch, writing }
  }

  /**
   * Commits over several servers, which may fail one by one after the first has committed. So the change is written down
   * first, here, and whoever commits next makes it again where it is not whole. One process at a time does that.
   */
  async #commitSpread(
    prepare: (ask: Ask) => Promise<{ readonly plan: Plan; readonly batch: number; readonly writing: Writing }>,
  ): Promise<{ readonly plan: Plan; readonly batch: number; readonly made: Committed }> {
    const intents = this.#table('intents')
    return this.database.alone(async (inTransaction) => {
      const pending = await inTransaction((ask) => ask<[string]>(`select change from ${intents} order by batch`))
      for (const [change] of pending) await inTransaction((ask) => this.#makeWhole(ask, writingOf(change)))
      const prepared = await inTransaction(async (ask) => {
        const found = await prepare(ask)
        await ask(`insert into ${intents} (batch, change) values ($1, $2)`, [found.batch, intentOf(found.writing)])
        return found
      })
      const made = await inTransaction((ask) => this.#makeWhole(ask, prepared.writing))
      return { ...prepared, made }
    })
  }

  /** Makes a change that is written down, as far as it is not made yet. */
  async #makeWhole(ask: Ask, writing: Writing): Promise<Committed> {
    await this.#writePapers(ask, writing, { isRepeated: true })
    const [found] = await ask<[string]>(`select count(*) from ${this.#table('papers')} where batch = $1`, [
      writing.batch,
    ])
    if (Number(found?.[0]) !== writing.written.length)
      throw new PaperkinError(
        'corrupt-store',
        `Expected the change ${writing.batch} in ${this.path} to be whole, but papers that it changes were changed by other means: check it with \`verify\`.`,
      )
    await ask(`delete from ${this.#table('intents')} where batch = $1`, [writing.batch])
    return this.#finish(ask, writing)
  }

  /** @throws Conflict if a paper is not as it was, unless it was written by the same change before */
  async #writePapers(ask: Ask, { batch, gone, written }: Writing, { isRepeated = false } = {}): Promise<void> {
    const counts = [
      await this.#delete(ask, gone),
      await this.#insert(
        ask,
        written.filter(({ before }) => before === undefined),
        batch,
      ),
      await this.#update(
        ask,
        written.filter(({ before }) => before !== undefined),
        batch,
      ),
    ]
    const all = counts.reduce((sum, count) => sum + count, 0)
    if (all !== gone.length + written.length && !isRepeated) throw new Conflict()
  }

  async #before(ask: Ask, ids: readonly string[]): Promise<Map<string, Before>> {
    const found = new Map<string, Before>()
    if (ids.length === 0) return found
    const rows = await ask<[string, number, string, string, number, string]>(
      `select id, row, batch, record, length, encode(vector_key, 'base64') from ${this.#table('papers')}
        where id = any($1::text[])`,
      [arrayOf('text', ids)],
    )
    for (const [id, row, batch, record, length, key] of rows)
      found.set(id, { id, row, batch: Number(batch), record, length, key })
    return found
  }

  /** Decides for each paper which row, key and vector it gets. */
  async #plan(
    ask: Ask,
    given: {
      readonly papers: readonly { readonly coming: ComingPaper; readonly columns: PaperColumns }[]
      readonly before: ReadonlyMap<string, Before>
      readonly gone: readonly Before[]
      readonly batch: number
      readonly rows: readonly number[]
    },
  ): Promise<Plan> {
    const { papers, before, gone, batch } = given
    const left = new Set(gone.map(({ id }) => id))
    const handles = papers.flatMap(({ coming: { vector } }) =>
      vector && !('key' in vector) ? [vector as PostgresPaper] : [],
    )
    const shared = new Map<string, string>()
    const elsewhere: PostgresPaper[] = []
    for (const paper of handles) {
      const now = before.get(paper.id)
      if (now?.batch === paper.batch) shared.set(versionName(paper), now.key)
      else elsewhere.push(paper)
    }
    for (const [name, record] of await this.#records(ask, elsewhere)) shared.set(name, record[2])
    const keyed = papers.map((paper, place) => {
      const { vector } = paper.coming
      if (vector === undefined) throw new Error(`The paper ${paper.columns.id} comes without a vector.`)
      const isGiven = 'key' in vector
      const key = isGiven ? vector.key.toString('base64') : shared.get(versionName(vector as PostgresPaper))
      if (key === undefined)
        throw new PaperkinError(
          'store-unwritable',
          `Expected the vector of the paper ${paper.columns.id} to be stored still in ${this.path}, but its earlier version is gone: load the library again.`,
        )
      const now = left.has(paper.columns.id) ? undefined : before.get(paper.columns.id)
      return { ...paper, place, key, now, given: isGiven ? vector : undefined }
    })
    // A vector whose key is known stays as it is; the others come with this change, the first of each key.
    const asked = new Set(keyed.filter(({ key, now }) => now?.key !== key).map(({ key }) => key))
    const known = await this.#vectorsByKey(ask, [...asked])
    for (const { key, given } of keyed)
      if (given !== undefined && asked.has(key) && !known.has(key)) known.set(key, given)
    const fresh = papers.filter((paper) => isFresh(paper.coming)).length
    let next = 0
    let missing = 0
    const all = keyed.map(({ coming, columns, place, key, now }): PlannedPaper => {
      const isNew = isFresh(coming)
      let row = isNew ? (given.rows[next++] as number) : coming.row
      if (!isNew && now?.key === key) row = now.row
      else if (!isNew) {
        // Another process changed or removed the paper, and this change takes that back: to readers its text is new.
        row = given.rows[fresh + missing] ?? -1
        missing++
      }
      const vector = now?.key === key ? undefined : known.get(key)
      const isSame = now?.key === key && now.record === columns.record
      return {
        columns,
        row: isSame ? now.row : row,
        textCrc: coming.textCrc,
        key,
        now,
        before: now?.batch,
        vector,
        isSame,
        seq: batch * papersPerCommit + place,
      }
    })
    if (all.some(({ row }) => row < 0)) throw new RowsNeeded(missing)
    const width = all.find(({ vector }) => vector !== undefined)?.vector?.vector.length ?? 0
    return {
      all,
      added: all.filter(({ now }) => now === undefined),
      changed: all.filter(({ now, isSame }) => now !== undefined && !isSame),
      width,
    }
  }

  /** Keeps what is about to change or to go: earlier versions for those who still hold them, vectors for good. */
  async #keepPast(
    ask: Ask,
    { gone, changed }: { readonly gone: readonly Before[]; readonly changed: readonly PlannedPaper[] },
  ) {
    const before = [...gone, ...changed.map(({ now }) => now as Before)]
    if (before.length === 0) return
    await ask(
      `insert into ${this.#table('past')} (id, batch, record, record_crc, vector_key)
        select id, batch, record, record_crc, vector_key from ${this.#table('papers')} where id = any($1::text[])
        order by id, batch on conflict do nothing`,
      [
        arrayOf(
          'text',
          before.map(({ id }) => id),
        ),
      ],
    )
    const lost = [...gone, ...changed.filter(({ vector }) => vector !== undefined).map(({ now }) => now as Before)]
    if (lost.length === 0) return
    const { database } = this
    await ask(
      `insert into ${this.#table('vectors')} (key, bytes, truncation)
        select vector_key, ${database.ofVector('vector_send')}(embedding::${database.ofVector('vector')}), truncation
        from ${this.#table('papers')} where id = any($1::text[]) order by vector_key on conflict do nothing`,
      [
        arrayOf(
          'text',
          lost.map(({ id }) => id),
        ),
      ],
    )
  }

  async #delete(ask: Ask, gone: Writing['gone']): Promise<number> {
    if (gone.length === 0) return 0
    const rows = await ask(
      `delete from ${this.#table('papers')} p using unnest($1::text[], $2::bigint[]) as u(id, batch)
        where p.id = u.id and p.batch = u.batch returning 1`,
      versionsOf(gone),
    )
    return rows.length
  }

  async #insert(ask: Ask, papers: readonly WrittenPaper[], batch: number): Promise<number> {
    if (papers.length === 0) return 0
    const sorted = inOrderOfIds(papers)
    // Where it can be used, `copy` takes a third of the server's time.
    const { canCopy } = this.database.server
    if (ask.copyIn !== undefined && canCopy && !this.hasTerms && !this.#isSpread && this.vectorType === 'vector') {
      const text = `copy ${this.#table('papers')} (${copiedColumns.join(', ')}) from stdin (format binary)`
      try {
        await ask.copyIn(text, copyBytes(copiedRows(sorted, batch)))
      } catch (error) {
        throw isTaken(error) ? new Conflict() : error
      }
      return sorted.length
    }
    const rows = await ask(
      `insert into ${this.#table('papers')} (id, seq, batch, ${commonColumns.join(', ')}, vector_key, embedding, truncation)
        select id, seq, $1::bigint, ${commonColumns.map(fromText).join(', ')}, vector_key, embedding, truncation::jsonb
        from ${this.#unnest(['seq', 'vector_key', 'embedding', 'truncation'], 2)} order by id on conflict do nothing returning 1`,
      [
        batch,
        ...commonValues(sorted),
        arrayOf(
          'int8',
          sorted.map(({ seq }) => seq),
        ),
        bytesOf(sorted.map(({ key }) => key)),
        await this.#vectorsOf(ask, sorted),
        truncationsOf(sorted),
      ],
    )
    return rows.length
  }

  async #update(ask: Ask, papers: readonly WrittenPaper[], batch: number): Promise<number> {
    let count = 0
    const set = `batch = $1::bigint, ${commonColumns.map((name) => `${name} = ${fromText(name)}`).join(', ')}`
    const where = 'where p.id = u.id and p.batch = u.before returning 1'
    for (const isFreshVector of [false, true]) {
      const part = inOrderOfIds(papers.filter(({ vector }) => (vector !== undefined) === isFreshVector))
      if (part.length === 0) continue
      const before = arrayOf(
        'int8',
        part.map((paper) => paper.before),
      )
      const rows = isFreshVector
        ? await ask(
            `update ${this.#table('papers')} p set ${set}, vector_key = u.vector_key, embedding = u.embedding,
              truncation = u.truncation::jsonb
              from ${this.#unnest(['before', 'vector_key', 'embedding', 'truncation'], 2)} ${where}`,
            [
              batch,
              ...commonValues(part),
              before,
              bytesOf(part.map(({ key }) => key)),
              await this.#vectorsOf(ask, part),
              truncationsOf(part),
            ],
          )
        : await ask(`update ${this.#table('papers')} p set ${set} from ${this.#unnest(['before'], 2)} ${where}`, [
            batch,
            ...commonValues(part),
            before,
          ])
      count += rows.length
    }
    return count
  }

  /** The columns of a batch as a table `u`; the parameters begin with number `first`. */
  #unnest(more: readonly (keyof typeof otherTypes)[], first: number): string {
    const names = ['id', ...commonColumns, ...more] as const
    const types: Readonly<Record<string, string>> = {
      ...commonTypes,
      ...otherTypes,
      embedding: this.database.ofVector('vector'),
    }
    return `unnest(${names.map((name, i) => `$${first + i}::${types[name]}[]`).join(', ')}) as u(${names.join(', ')})`
  }

  async #vectorsOf(ask: Ask, papers: readonly WrittenPaper[]): Promise<Buffer> {
    const type = await this.database.vectorNumber(ask)
    return arrayOf(
      type,
      papers.map((paper) => vectorBytes(givenVector(paper))),
    )
  }

  async #insertVectors(ask: Ask, vectors: readonly StoredVector[]): Promise<void> {
    if (vectors.length === 0) return
    const keys = vectors.map(({ key }) => key.toString('base64'))
    const known = await this.#vectorsByKey(ask, keys)
    const fresh = vectors.filter((_, i) => !known.has(keys[i] as string)).sort((a, b) => Buffer.compare(a.key, b.key))
    await ask(
      `insert into ${this.#table('vectors')} (key, bytes, truncation)
        select key, bytes, truncation::jsonb from unnest($1::bytea[], $2::bytea[], $3::text[]) as u(key, bytes, truncation)
        on conflict do nothing`,
      [
        arrayOf(
          'bytea',
          fresh.map(({ key }) => key),
        ),
        arrayOf(
          'bytea',
          fresh.map(({ vector }) => vectorBytes(vector)),
        ),
        truncationsOf(fresh.map((vector) => ({ vector }))),
      ],
    )
  }

  /** Adds up terms and totals and numbers the commit. From the first statement on, other commits wait for this one. */
  async #finish(ask: Ask, { batch, gone, sums }: Writing): Promise<Committed> {
    const [state] = await ask<[string, string, string, number]>(
      `update ${this.#table('state')} set commits = commits + 1, papers = papers + $1, length = length + $2,
        next_row = greatest(next_row, $3) where generation = $4 returning commits, next_row, papers, lexical_recipe`,
      [sums.papers, sums.length, sums.nextRow, this.#state.generation],
    )
    if (state === undefined) throw this.#replaced()
    const [commit, nextRow, papers, recipe] = state.map(Number) as [number, number, number, number]
    // Others are counted at the end of the bulk.
    if (recipe === lexicalRecipe) await this.#addTerms(ask, sums.terms)
    else if (recipe !== -lexicalRecipe)
      throw new PaperkinError(
        'store-mismatch',
        `Expected the words in ${this.path} to be counted as this version of paperkin counts them, but another version has counted them again: use the same version in all processes.`,
      )
    await ask(`insert into ${this.#table('commits')} (number, batch, removed) values ($1, $2, $3::text[])`, [
      commit,
      batch,
      gone.length === 0
        ? null
        : arrayOf(
            'text',
            gone.map(({ id }) => id),
          ),
    ])
    return { commit, nextRow, papers }
  }

  async #addTerms(ask: Ask, change: TermChange): Promise<void> {
    const terms = this.#table('terms')
    for (const part of change.parts((count) => count > 0))
      await ask(
        `insert into ${terms} as t (term, papers) select term, papers from unnest($1::text[], $2::int[]) as u(term, papers)
          on conflict (term) do update set papers = t.papers + excluded.papers`,
        valuesOf(part),
      )
    for (const part of change.parts((count) => count < 0)) {
      await ask(
        `update ${terms} t set papers = t.papers + u.papers from unnest($1::text[], $2::int[]) as u(term, papers)
          where t.term = u.term`,
        valuesOf(part),
      )
      await ask(`delete from ${terms} where term = any($1::text[]) and papers <= 0`, valuesOf(part).slice(0, 1))
    }
  }

  /** Sets the width of the vectors from the first one. */
  async #setWidth(ask: Ask, { vector }: StoredVector): Promise<void> {
    const [found] = await ask<[number, number]>(
      `select dimensions, lexical_recipe from ${this.#table('state')} for update`,
    )
    const [dimensions, recipe] = found as NonNullable<typeof found>
    if (dimensions !== 0) throw new Conflict()
    const options = { ...this.#options, dimensions: vector.length }
    for (const statement of widthStatements(options)) await ask(statement)
    // In a bulk the graph is made at its end.
    if (recipe > 0) for (const statement of graphStatements(options)) await ask(statement)
    await ask(`update ${this.#table('state')} set dimensions = $1`, [vector.length])
  }

  /** Counts the terms of all papers, and also their words if another version of the package counted those. */
  async #recount(): Promise<void> {
    await this.#write(async (ask) => {
      await ask(`select 1 from ${this.#table('state')} for update`)
      await this.#recountWith(ask)
    }, true)
    this.#state = { ...this.#state, lexicalRecipe }
  }

  async #recountWith(ask: Ask): Promise<void> {
    const terms = this.#table('terms')
    const [state] = await ask<[number]>(`select lexical_recipe from ${this.#table('state')}`)
    const areWordsRight = Math.abs(state?.[0] ?? 0) === lexicalRecipe
    const change = new TermChange()
    let length = 0
    let papers = 0
    await ask(
      'create temporary table paperkin_counts (term text collate "C" not null, papers int not null) on commit drop',
    )
    for (let after = '-1', isDone = false; !isDone; ) {
      const rows = await ask<[string, string, string]>(
        `select id, record, seq from ${this.#table('papers')} where seq > $1 order by seq limit ${papersPerBatch}`,
        [after],
      )
      const counted = rows.map(([id, record]) => ({ id, ...wordsOf(paperFromJson(id, record)) }))
      for (const one of counted) {
        change.add(one.terms, 1)
        length += one.length
      }
      papers += rows.length
      if (!areWordsRight) await this.#updateWords(ask, counted)
      isDone = rows.length < papersPerBatch
      if (change.size > mostTerms || isDone) {
        for (const part of change.parts((count) => count > 0))
          await ask('insert into paperkin_counts select * from unnest($1::text[], $2::int[])', valuesOf(part))
        change.clear()
      }
      after = rows.at(-1)?.[2] ?? after
    }
    // An index made at once takes a tenth of the time of one that grows in the order of the papers.
    await ask("set local work_mem = '256MB'")
    await ask(`delete from ${terms}`)
    await ask(`alter table ${terms} drop constraint if exists terms_pkey`)
    await ask(`insert into ${terms} select term, sum(papers) from paperkin_counts group by term order by term`)
    await ask(`alter table ${terms} add constraint terms_pkey primary key (term)`)
    await ask(`update ${this.#table('state')} set lexical_recipe = $1, length = $2, papers = $3`, [
      lexicalRecipe,
      length,
      papers,
    ])
  }

  async #updateWords(
    ask: Ask,
    counted: readonly { readonly id: string; readonly words: string; readonly length: number }[],
  ): Promise<void> {
    await ask(
      `update ${this.#table('papers')} p set words = u.words::tsvector, length = u.length
        from unnest($1::text[], $2::text[], $3::int[]) as u(id, words, length)
        where p.id = u.id and (p.words <> u.words::tsvector or p.length <> u.length)`,
      [
        arrayOf(
          'text',
          counted.map(({ id }) => id),
        ),
        arrayOf(
          'text',
          counted.map(({ words }) => words),
        ),
        arrayOf(
          'int4',
          counted.map(({ length }) => length),
        ),
      ],
    )
  }

  derivedFile(): undefined {
    return undefined
  }

  /** Reads and parses every record and counts its words again; compares them with terms and totals. */
  async verify({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Verification> {
    this.#requireOpen()
    const { schema } = this.database
    return this.database.snapshot(
      async (ask) => {
        const state = this.#checked(await stateOf(ask, this.database))
        const damage: Damage[] = []
        const sums = new TermSums()
        let papers = 0
        let length = 0
        for (let after = '-1', isDone = false; !isDone; ) {
          const rows = await ask<[string, string, number, number, boolean, string]>(
            `select id, record, record_crc, length, ${this.database.ofVector('vector_dims')}(embedding::${this.database.ofVector('vector')}) = $2, seq
              from ${this.#table('papers')} where seq > $1 order by seq limit ${papersPerRead}`,
            [after, state.identity.dimensions],
          )
          for (const [id, record, crc, ownLength, isWide] of rows) {
            const read = readRecord(id, [record, crc, ''])
            if (typeof read === 'string') damage.push({ id, message: read })
            else if (lexicalRecipe === state.lexicalRecipe) {
              const counted = wordsOf(read)
              sums.add(counted.terms, 1)
              if (counted.length !== ownLength)
                damage.push({
                  id,
                  message: `The length of the paper ${JSON.stringify(id)} is ${ownLength}, not ${counted.length}.`,
                })
            }
            if (!isWide)
              damage.push({ id, message: `The vector of the paper ${JSON.stringify(id)} has another width.` })
            length += ownLength
          }
          papers += rows.length
          isDone = rows.length < papersPerRead
          after = rows.at(-1)?.[5] ?? after
        }
        if (papers !== state.papers || length !== state.length)
          damage.push({
            message: `The totals say ${state.papers} papers with ${state.length} words, there are ${papers} with ${length}.`,
          })
        for (let after = '', isDone = false; !isDone; ) {
          const rows = await ask<[string, number]>(
            `select term, papers from ${this.#table('terms')} where term > $1 order by term limit ${termsPerStatement}`,
            [after],
          )
          sums.subtract(rows)
          isDone = rows.length < termsPerStatement
          after = rows.at(-1)?.[0] ?? after
        }
        if (damage.length === 0 && lexicalRecipe === state.lexicalRecipe && !sums.isZero)
          damage.push({ message: 'The numbers of papers by term differ from the papers.' })
        if (state.lexicalRecipe < 0)
          damage.push({
            message: 'Terms are not counted, as a copy was interrupted: begin it again, or open the library to write.',
          })
        const [found] = await ask<[string, string]>(
          `select (select count(*) from ${this.#table('vectors')} v where not exists
              (select from ${this.#table('papers')} p where p.vector_key = v.key)) +
            (select count(distinct vector_key) from ${this.#table('papers')}),
            (select coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class c
              where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'm'))`,
          [schema],
        )
        const [vectors, bytes] = (found as [string, string]).map(Number) as [number, number]
        return Object.freeze({
          isWhole: damage.length === 0,
          papers,
          vectors,
          bytes,
          damage: Object.freeze(damage.map((one) => Object.freeze(one))),
        })
      },
      { signal, isLong: true },
    )
  }

  async inspect({ reads, signal }: Parameters<Storage['inspect']>[0]): Promise<Inventory> {
    this.#requireOpen()
    const found = new Map<string, PostgresPaper>()
    const damage: (Damage & { readonly id: string })[] = []
    const state = await this.#read(async (ask) => this.#checked(await stateOf(ask, this.database)), signal)
    for (let after = '-1', isDone = false; !isDone; ) {
      const rows = await this.#read(
        (ask) =>
          ask<[string, number, number, string, string, string | null, number]>(
            `select id, row, text_crc, batch, seq, ${reads ? 'record' : 'null'}, record_crc from ${this.#table('papers')}
              where seq > $1 order by seq limit ${papersPerRead}`,
            [after],
          ),
        signal,
      )
      for (const [id, row, textCrc, batch, , record, crc] of rows) {
        const read = record === null ? undefined : readRecord(id, [record, crc, ''])
        if (typeof read === 'string') damage.push({ id, message: read })
        else found.set(id, new PostgresPaper(id, { row, textCrc, batch: Number(batch) }))
      }
      isDone = rows.length < papersPerRead
      after = rows.at(-1)?.[4] ?? after
    }
    this.#state = state
    this.#seen = undefined
    return {
      papers: found,
      dropped: damage.map(({ id }) => id),
      isWhole: damage.length === 0,
      isDamaged: false,
      isIdentityKnown: true,
      dimensions: found.size > 0 ? state.identity.dimensions : 0,
      hasVector: () => true,
      damageOf: () => damage,
    }
  }

  async rewrite({ identity, papers, keepsOthers, signal }: Contents): Promise<void> {
    this.#requireWriter()
    if (this.#isSpread)
      throw new PaperkinError(
        'store-unwritable',
        `Expected the papers in ${this.path} to be on one server to be rewritten, but parts of them are on others: copy the library to new tables instead.`,
      )
    const generation = randomUUID()
    await this.database.transaction(
      async (ask) => {
        // Other commits wait from here on, and then find that everything was replaced.
        await ask(`select 1 from ${this.#table('state')} for update`)
        const state = this.#checked(await stateOf(ask, this.database))
        if (state.generation !== this.#state.generation || state.commits !== this.#state.commits)
          throw new PaperkinError(
            'store-locked',
            `Expected nobody else to write to ${this.path} while it is rewritten, but another process has: try again.`,
          )
        await this.#stage(ask, papers, signal)
        await this.#replaceWith(ask, { identity, keepsOthers, dimensions: state.identity.dimensions })
        const { modelId, revision, dtype, dimensions, recipe, settings } = identity
        await ask(
          `update ${this.#table('state')} set generation = $1, model_id = $2, revision = $3, dtype = $4,
            dimensions = $5, recipe = $6, settings = $7, commits = commits + 1`,
          [generation, modelId, revision ?? null, dtype ?? null, dimensions, recipe, settings ?? null],
        )
        const [numbered] = await ask<[string]>('select nextval($1::regclass)', [this.#table('batches')])
        await ask(
          `insert into ${this.#table('commits')} (number, batch) select commits, $1 from ${this.#table('state')}`,
          [numbered?.[0]],
        )
        if (papers.length !== state.papers) await this.#recountWith(ask)
      },
      {
        signal,
        isLong: true,
        isMade: async (ask) =>
          (await ask<[string]>(`select generation from ${this.#table('state')} for update`))[0]?.[0] === generation,
      },
    )
    this.#state = (await this.#read((ask) => stateOf(ask, this.database))) as State
    this.#seen = undefined
  }

  /** Lists the new contents in a temporary table, with the vectors that change. */
  async #stage(ask: Ask, papers: Contents['papers'], signal: AbortSignal | undefined): Promise<void> {
    await ask(
      `create temporary table paperkin_next (place bigint, id text collate "C" primary key, key bytea, bytes bytea, truncation jsonb)
        on commit drop`,
    )
    for (let start = 0; start < papers.length; start += papersPerRead) {
      signal?.throwIfAborted()
      const part = papers.slice(start, start + papersPerRead)
      const keys = part.flatMap(({ vector }) => (Buffer.isBuffer(vector) ? [vector.toString('base64')] : []))
      const stored = await this.#vectorsByKey(ask, keys)
      const vectors = part.map(({ paper, vector }) => {
        if (vector === 'own') return undefined
        const found = Buffer.isBuffer(vector) ? stored.get(vector.toString('base64')) : vector
        if (found === undefined) throw new Error(`The vector of ${paper.id} can no longer be read.`)
        return found
      })
      await ask(
        `insert into paperkin_next select place, id, key, bytes, truncation::jsonb
          from unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[], $5::text[]) as u(place, id, key, bytes, truncation)`,
        [
          arrayOf(
            'int8',
            part.map((_, i) => start + i),
          ),
          arrayOf(
            'text',
            part.map(({ paper }) => paper.id),
          ),
          arrayOf(
            'bytea',
            vectors.map((vector) => vector?.key),
          ),
          arrayOf(
            'bytea',
            vectors.map((vector) => vector && vectorBytes(vector.vector)),
          ),
          truncationsOf(vectors.map((vector) => ({ vector }))),
        ],
      )
    }
  }

  async #replaceWith(
    ask: Ask,
    { identity, keepsOthers, dimensions }: Pick<Contents, 'identity' | 'keepsOthers'> & { readonly dimensions: number },
  ): Promise<void> {
    const { database } = this
    const papers = this.#table('papers')
    const vectors = this.#table('vectors')
    const vector = database.ofVector('vector')
    if (keepsOthers)
      await ask(
        `insert into ${vectors} (key, bytes, truncation)
          select vector_key, ${database.ofVector('vector_send')}(embedding::${vector}), truncation from ${papers} p
          where not exists (select from paperkin_next n where n.id = p.id and n.key is null) on conflict do nothing`,
      )
    else await ask(`delete from ${vectors}`)
    await ask(`delete from ${this.#table('past')}`)
    await ask(`delete from ${papers} p where not exists (select from paperkin_next n where n.id = p.id)`)
    const isOtherWidth = identity.dimensions !== dimensions
    const options = { ...this.#options, dimensions: identity.dimensions }
    for (const statement of dropBulkStatements(options)) await ask(statement)
    if (isOtherWidth) {
      const untyped = database.ofVector(this.vectorType)
      await ask(`alter table ${papers} alter column embedding type ${untyped}`)
    }
    await ask(`update ${papers} p set seq = n.place from paperkin_next n where n.id = p.id`)
    await this.#adoptStaged(ask)
    if (isOtherWidth) for (const statement of widthStatements(options)) await ask(statement)
    for (const statement of graphStatements(options)) await ask(statement)
    for (const statement of bulkIndexStatements(options)) await ask(statement)
  }

  /** Moves the staged vectors to their papers. They pass through this process, as bytes cannot become vectors in SQL. */
  async #adoptStaged(ask: Ask): Promise<void> {
    const type = await this.database.vectorNumber(ask)
    for (let after = -1, isDone = false; !isDone; ) {
      const rows = await ask<[string, string, ...VectorRow]>(
        `select id, place, encode(key, 'base64'), encode(bytes, 'base64'), truncation::text from paperkin_next
          where key is not null and place > $1 order by place limit ${papersPerRead}`,
        [after],
      )
      const found = rows.map(([, , ...row]) => storedVector(row))
      await ask(
        `update ${this.#table('papers')} p set vector_key = u.key, embedding = u.embedding, truncation = u.truncation::jsonb
          from unnest($1::text[], $2::bytea[], $3::${this.database.ofVector('vector')}[], $4::text[])
            as u(id, key, embedding, truncation) where p.id = u.id`,
        [
          arrayOf(
            'text',
            rows.map(([id]) => id),
          ),
          arrayOf(
            'bytea',
            found.map(({ key }) => key),
          ),
          arrayOf(
            type,
            found.map(({ vector }) => vectorBytes(vector)),
          ),
          truncationsOf(found.map((vector) => ({ vector }))),
        ],
      )
      isDone = rows.length < papersPerRead
      after = Number(rows.at(-1)?.[1] ?? after)
    }
  }

  /**
   * Does work that adds many papers. Where the library is empty, or such work was interrupted, terms are counted and the
   * indexes made at its end, which is faster than with each commit; questions have to wait until then.
   */
  async inBulk<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#requireWriter()
    if (this.#state.papers === 0)
      await this.#write(async (ask) => {
        for (const statement of dropBulkStatements(this.#options)) await ask(statement)
        // Below zero: words are counted so, terms not yet.
        await ask(`update ${this.#table('state')} set lexical_recipe = $1`, [-lexicalRecipe])
        this.#state = { ...this.#state, lexicalRecipe: -lexicalRecipe }
      }, true)
    const result = await work()
    if (!this.hasTerms) await this.#recount()
    await this.#makeIndexes()
    return result
  }

  /** Makes the indexes that are missing. */
  async #makeIndexes(): Promise<void> {
    const statements = [...bulkIndexStatements(this.#options), ...graphStatements(this.#options)]
    await this.#write(async (ask) => {
      const found = await ask<[string]>(`select indexname from pg_indexes where schemaname = $1`, [
        this.database.schemaName,
      ])
      const names = new Set(found.map(([name]) => name))
      const missing = statements.filter((statement) => !names.has(/^create index (\w+)/u.exec(statement)?.[1] ?? ''))
      if (missing.length === 0) return
      // A graph that does not fit is finished ten times slower; 1.2 is for its links. A higher setting of the server stays.
      const bytes = 1.2 * this.#state.papers * (4 * this.identity.dimensions + 400)
      const megabytes = Math.round(Math.min(mostMemory, Math.max(64, bytes / 2 ** 20)))
      await ask(
        `select set_config('maintenance_work_mem', $1::int || 'MB', true)
          where pg_size_bytes(current_setting('maintenance_work_mem')) < $1::int * 1048576::bigint`,
        [megabytes],
      )
      for (const statement of missing) await ask(statement)
    }, true)
  }

  /** Forgets earlier versions that nobody can hold any more, if something was changed here. */
  async compact(): Promise<void> {
    if (!this.#hasCommitted) return
    const forget = async (ask: Ask) => {
      await ask(`delete from ${this.#table('past')} where at < now() - interval '1 day'`)
      await ask(`delete from ${this.#table('commits')} where at < now() - interval '7 days'`)
    }
    // A server that is away is not waited for: the next writer forgets as well.
    const signal = AbortSignal.timeout(mostForgetting)
    await this.database.transaction(forget, { isMade: async () => false, signal }).catch(() => {})
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.database.close()
  }

  #read<Result>(work: (ask: Ask) => Promise<Result>, signal?: AbortSignal | undefined): Promise<Result> {
    return this.database.read(work, { signal })
  }

  #snapshot<Result>(work: (ask: Ask) => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    return this.database.snapshot(work, { signal })
  }

  /** A change that may be made twice. */
  #write<Result>(work: (ask: Ask) => Promise<Result>, isLong = false): Promise<Result> {
    return this.database.transaction(work, { isMade: async () => false, isLong })
  }

  #table(name: string): string {
    return `${this.database.schema}.${name}`
  }

  /** @throws PaperkinError if the library is gone or has another model */
  #checked(state: State | undefined): State {
    if (state === undefined)
      throw new PaperkinError('unreadable-source', `Expected a library in ${this.path}, but its tables are gone.`)
    const { identity } = this
    const dimensions = identity.dimensions || state.identity.dimensions
    if (!isSameIdentity(state.identity, { ...identity, dimensions }))
      throw new PaperkinError(
        'store-mismatch',
        `Expected the library in ${this.path} to be embedded by ${identity.modelId}, but it was re-embedded by ${state.identity.modelId}: open it with that embedder.`,
      )
    return state
  }

  #replaced(): PaperkinError {
    return new PaperkinError(
      'unreadable-source',
      `Expected the library in ${this.path} to stay while it is used, but another process has replaced it: load it again.`,
    )
  }

  #requireOpen(): void {
    if (this.#isClosed)
      throw new PaperkinError('library-closed', 'The library is closed: open it again with `PaperLibrary.open()`.')
  }

  #requireWriter(): void {
    this.#requireOpen()
    if (this.isReadOnly)
      throw new PaperkinError(
        'store-unwritable',
        `The library in ${this.path} is open for reading only: open it without \`readOnly\`.`,
      )
  }
}

/** A paper to be written. */
interface WrittenPaper {
  readonly columns: PaperColumns
  readonly row: number
  readonly textCrc: number
  /** In base64. */
  readonly key: string
  /** The batch of the version that it replaces. */
  readonly before: number | undefined
  /** Undefined where the paper keeps the vector that it has. */
  readonly vector: StoredVector | undefined
  readonly seq: number
}

/** A paper of a change, with what it gets. */
interface PlannedPaper extends WrittenPaper {
  /** The version that it replaces. */
  readonly now: Before | undefined
  /** Whether another process has added exactly this paper: nothing is written then. */
  readonly isSame: boolean
}

/** What a change adds to terms and totals. */
interface Sums {
  readonly terms: TermChange
  readonly length: number
  readonly papers: number
  readonly nextRow: number
}

/** What a commit writes, besides papers to terms and totals. */
interface Writing {
  readonly batch: number
  readonly gone: readonly { readonly id: string; readonly batch: number }[]
  readonly written: readonly WrittenPaper[]
  readonly sums: Sums
}

/** What a commit became. */
interface Committed {
  readonly commit: number
  readonly nextRow: number
  readonly papers: number
}

interface Plan {
  readonly all: readonly PlannedPaper[]
  readonly added: readonly PlannedPaper[]
  readonly changed: readonly PlannedPaper[]
  /** Width of the vectors; 0 if there are none. */
  readonly width: number
}

/** Id, row, CRC of the text, batch, vector, place in the order. */
type PaperRow = readonly [string, number, number, string, string, string]
/** Record, its CRC, key of the vector in base64. */
type RecordRow = readonly [string, number, string]
/** Key, vector and truncation, in base64 and JSON. */
type VectorRow = readonly [string, string, string | null]

const commonTypes = {
  id: 'text',
  row: 'int',
  text_crc: 'int',
  record: 'text',
  record_crc: 'int',
  length: 'int',
  words: 'text',
  fields: 'text',
  unlisted: 'text',
  published_start: 'float8',
  published_end: 'float8',
} as const
const commonColumns = Object.keys(commonTypes).filter((name) => name !== 'id') as Exclude<
  keyof typeof commonTypes,
  'id'
>[]
const otherTypes = {
  seq: 'bigint',
  before: 'bigint',
  vector_key: 'bytea',
  embedding: 'vector',
  truncation: 'text',
} as const

const copiedColumns = [
  ...['id', 'seq', 'batch', 'row', 'text_crc', 'record_crc', 'length', 'published_start', 'published_end'],
  ...['vector_key', 'fields', 'unlisted', 'truncation', 'words', 'record', 'embedding'],
]

/** The values of {@link copiedColumns} in binary form. */
function* copiedRows(papers: readonly WrittenPaper[], batch: number): Generator<(Uint8Array | undefined)[]> {
  for (const { columns, seq, row, textCrc, key, vector } of papers) {
    const { id, recordCrc, length, publishedStart, publishedEnd, fields, unlisted, record } = columns
    const words: [string, number][] = []
    readWords(columns.words, (lexeme, count) => words.push([lexeme, count]))
    yield [
      Buffer.from(id),
      int8(seq),
      int8(batch),
      int4(row),
      int4(textCrc),
      int4(recordCrc),
      int4(length),
      publishedStart === undefined ? undefined : float8(publishedStart),
      publishedEnd === undefined ? undefined : float8(publishedEnd),
      Buffer.from(key, 'base64'),
      jsonbBytes(fields),
      unlisted && arrayOf('text', unlisted),
      vector?.truncation && jsonbBytes(JSON.stringify(vector.truncation)),
      tsvectorBytes(words),
      Buffer.from(record),
      vectorBytes(givenVector({ vector, columns })),
    ]
  }
}

function givenVector({ vector, columns }: Pick<WrittenPaper, 'vector' | 'columns'>): Float32Array {
  if (vector === undefined) throw new Error(`The vector of the paper ${columns.id} is missing.`)
  return vector.vector
}

/** A column of `u` in the type of the table's. */
function fromText(name: (typeof commonColumns)[number]): string {
  const types: { readonly [column: string]: string } = { words: 'tsvector', fields: 'jsonb', unlisted: 'text[]' }
  return types[name] === undefined ? `u.${name}` : `u.${name}::${types[name]}`
}

/** The parameters for `id` and the common columns, in their order. */
function commonValues(papers: readonly WrittenPaper[]): Buffer[] {
  const array = (type: Parameters<typeof arrayOf>[0], of: (paper: WrittenPaper) => string | number | undefined) =>
    arrayOf(type, papers.map(of))
  return [
    array('text', ({ columns }) => columns.id),
    array('int4', ({ row }) => row),
    array('int4', ({ textCrc }) => textCrc),
    array('text', ({ columns }) => columns.record),
    array('int4', ({ columns }) => columns.recordCrc),
    array('int4', ({ columns }) => columns.length),
    array('text', ({ columns }) => columns.words),
    array('text', ({ columns }) => columns.fields),
    array('text', ({ columns }) => columns.unlisted && arrayText(columns.unlisted)),
    array('float8', ({ columns }) => columns.publishedStart),
    array('float8', ({ columns }) => columns.publishedEnd),
  ]
}

function truncationsOf(papers: readonly { readonly vector: StoredVector | undefined }[]): Buffer {
  return arrayOf(
    'text',
    papers.map(({ vector }) => vector?.truncation && JSON.stringify(vector.truncation)),
  )
}

function bytesOf(base64: readonly string[]): Buffer {
  return arrayOf(
    'bytea',
    base64.map((text) => Buffer.from(text, 'base64')),
  )
}

function valuesOf([terms, counts]: readonly [readonly string[], readonly number[]]): Buffer[] {
  return [arrayOf('text', terms), arrayOf('int4', counts)]
}

/** Whether a paper comes with a text or a vector that is new to it. */
function isFresh({ row, vector }: ComingPaper): boolean {
  return vector === undefined || 'key' in vector || vector.row !== row
}

/** In the one order in which every process touches papers, so that none wait for each other in a circle. */
function inOrderOfIds<Paper extends { readonly columns: PaperColumns }>(papers: readonly Paper[]): Paper[] {
  return [...papers].sort((a, b) => Buffer.compare(Buffer.from(a.columns.id), Buffer.from(b.columns.id)))
}

function versionName({ id, batch }: { readonly id: string; readonly batch: number }): string {
  return `${batch} ${id}`
}

function versionsOf(papers: readonly { readonly id: string; readonly batch: number }[]): Buffer[] {
  return [
    arrayOf(
      'text',
      papers.map(({ id }) => id),
    ),
    arrayOf(
      'int8',
      papers.map(({ batch }) => batch),
    ),
  ]
}

function storedVector([key, vector, truncation]: VectorRow): StoredVector {
  return {
    key: Buffer.from(key, 'base64'),
    vector: readVector(vector),
    ...(truncation !== null &&
      truncation !== 'null' && { truncation: JSON.parse(truncation) as NonNullable<StoredVector['truncation']> }),
  }
}

/** The paper of a record, or what is wrong with it. */
function readRecord(id: string, row: RecordRow | undefined): Paper | string {
  if (row === undefined) return `The paper ${JSON.stringify(id)} is missing.`
  const [record, crc] = row
  if (crcOf(record) !== crc) return `The paper ${JSON.stringify(id)} is damaged.`
  return paperFromJson(id, record)
}

function damaged(path: string, damage: readonly Damage[]): PaperkinError {
  const ids = damage.flatMap(({ id }) => id ?? [])
  return new PaperkinError(
    'corrupt-store',
    `Expected the library in ${path} to be as it was written, but ${damage.length === 1 ? 'one paper is' : `${damage.length} papers are`} damaged or gone (${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}): restore them from a backup, or open it with \`repair: true\` to keep the rest.`,
    { issues: damage.map(({ message, id }) => ({ message, ...(id !== undefined && { path: [id] }) })) },
  )
}

/** What a change adds to terms and totals. */
function sumsOf(plan: Plan, gone: readonly Before[], nextRow: number): Sums {
  const terms = new TermChange()
  let length = 0
  for (const before of gone) {
    terms.add(wordsOf(paperFromJson(before.id, before.record)).terms, -1)
    length -= before.length
  }
  for (const { columns, now, isSame } of plan.all) {
    if (isSame) continue
    length += columns.length - (now?.length ?? 0)
    if (now !== undefined) terms.add(wordsOf(paperFromJson(now.id, now.record)).terms, -1)
    terms.add(columns.terms, 1)
  }
  const rows = plan.all.reduce((highest, { row }) => Math.max(highest, row + 1), nextRow)
  return { terms, length, papers: plan.added.length - gone.length, nextRow: rows }
}

/** What is written down of a change over several servers. */
interface Intent extends Pick<Writing, 'batch' | 'gone'> {
  readonly written: readonly (Pick<WrittenPaper, 'row' | 'textCrc' | 'key' | 'before' | 'seq'> & {
    readonly id: string
    readonly record: string
    /** In base64 of `vectorBytes`. */
    readonly vector: string | undefined
    readonly truncation: StoredVector['truncation']
  })[]
  readonly sums: Omit<Sums, 'terms'>
  readonly terms: readonly (readonly [string, number])[]
}

function intentOf({ batch, gone, written, sums: { terms, ...sums } }: Writing): string {
  const intent: Intent = {
    batch,
    gone: gone.map(({ id, batch }) => ({ id, batch })),
    written: written.map(({ columns: { id, record }, row, textCrc, key, before, seq, vector }) => ({
      ...{ id, record, row, textCrc, key, before, seq },
      vector: vector && vectorBytes(vector.vector).toString('base64'),
      truncation: vector?.truncation,
    })),
    sums,
    terms: [...terms.counts],
  }
  return JSON.stringify(intent)
}

function writingOf(json: string): Writing {
  const { terms, written, sums, ...intent } = JSON.parse(json) as Intent
  return {
    ...intent,
    sums: { ...sums, terms: new TermChange(terms) },
    written: written.map(({ id, record, vector, truncation, ...paper }) => ({
      ...paper,
      columns: columnsOf(paperFromJson(id, record)),
      before: paper.before,
      vector: vector === undefined ? undefined : storedVector([paper.key, vector, JSON.stringify(truncation ?? null)]),
    })),
  }
}

/** Changes of the numbers of papers by term. */
class TermChange {
  readonly #counts: Map<string, number>

  constructor(counts: Iterable<readonly [string, number]> = []) {
    this.#counts = new Map(counts)
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  get size(): number {
    return this.#counts.size
  }

  add(terms: readonly string[], by: number): void {
    for (const term of terms) this.#counts.set(term, (this.#counts.get(term) ?? 0) + by)
  }

  /** Terms and their counts in parts that can be sent, in one order for all processes. */
  *parts(isWanted: (count: number) => boolean): Generator<[string[], number[]]> {
    const all = [...this.#counts].filter(([, count]) => isWanted(count)).sort(([a], [b]) => (a < b ? -1 : 1))
    for (let start = 0; start < all.length; start += termsPerStatement) {
      const part = all.slice(start, start + termsPerStatement)
      yield [part.map(([term]) => term), part.map(([, count]) => count)]
    }
  }

  clear(): void {
    this.#counts.clear()
  }
}

/** Sums over terms that tell, in constant memory, whether two counts of the same papers agree. */
class TermSums {
  #plain = 0
  #mixed = 0

  add(terms: readonly string[], by: number): void {
    for (const term of terms) this.#count(term, by)
  }

  subtract(rows: readonly (readonly [string, number])[]): void {
    for (const [term, papers] of rows) this.#count(term, -papers)
  }

  /** Sums stay exact: CRCs have 32 bits, and fewer than 2^21 papers times 2^32 is reduced each time. */
  #count(term: string, by: number): void {
    this.#plain += by
    this.#mixed = (this.#mixed + by * (crcOf(term) & 0xfffff)) % 2 ** 51
  }

  get isZero(): boolean {
    return this.#plain === 0 && this.#mixed === 0
  }
}

async function stateOf(ask: Ask, { schema }: Database): Promise<State | undefined> {
  const [exists] = await ask<[boolean]>('select to_regclass($1) is not null', [`${schema}.state`])
  if (!exists?.[0]) return undefined
  const [row] = await ask<
    [
      number,
      string,
      string,
      string | null,
      string | null,
      number,
      string,
      string | null,
      VectorType,
      number,
      string,
      string,
      string,
      string,
    ]
  >(
    `select version, generation, model_id, revision, dtype, dimensions, recipe, settings, vector_type, lexical_recipe,
      commits, papers, length, next_row from ${schema}.state`,
  )
  if (row === undefined) return undefined
  const [version, generation, modelId, revision, dtype, dimensions, recipe, settings, vectorType, lexical, ...counts] =
    row
  const [commits, papers, length, nextRow] = counts.map(Number) as [number, number, number, number]
  const identity: StorageIdentity = {
    modelId,
    ...(revision !== null && { revision }),
    ...(dtype !== null && { dtype }),
    dimensions,
    recipe,
    ...(settings !== null && { settings }),
  }
  return { version, generation, identity, vectorType, lexicalRecipe: lexical, commits, papers, length, nextRow }
}

/** Whether parts of `papers` are tables of other servers. */
async function isOverServers(ask: Ask, { schema }: Database): Promise<boolean> {
  const [found] = await ask<[boolean]>(
    `select exists (select from pg_inherits i join pg_foreign_table f on f.ftrelid = i.inhrelid
      where i.inhparent = to_regclass($1))`,
    [`${schema}.papers`],
  )
  return found?.[0] ?? false
}

/** Makes the tables, unless another process is faster. */
async function createTables(
  database: Database,
  given: { readonly identity: StorageIdentity; readonly vectorType: VectorType },
): Promise<State> {
  const { identity } = given
  let { vectorType } = given
  const { schema } = database
  const { modelId, revision, dtype, recipe, settings } = identity
  let { dimensions } = identity
  const options = { schema, vectorSchema: database.server.vectorSchema as string, vectorType, dimensions }
  try {
    await database.transaction(
      async (ask) => {
        const [exists] = await ask<[boolean, string | null]>(
          `select to_regnamespace($1) is not null, (select format_type(atttypid, atttypmod) from pg_attribute
            where attrelid = to_regclass($2) and attname = 'embedding')`,
          [schema, `${schema}.papers`],
        )
        const [hasSchema, planned] = exists as [boolean, string | null]
        // Asked for only where needed: `if not exists` needs the right to make schemas even if there is one.
        if (!hasSchema) await ask(`create schema ${schema}`)
        // Tables that `postgres plan` made are taken as they are.
        if (planned === null) for (const statement of createStatements(options)) await ask(statement)
        else ({ vectorType, dimensions } = plannedVectors(database, planned, dimensions))
        await ask(
          `insert into ${schema}.state (version, generation, model_id, revision, dtype, dimensions, recipe, settings,
            vector_type, lexical_recipe, commits, papers, length, next_row)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, 0)`,
          [
            schemaVersion,
            randomUUID(),
            modelId,
            revision ?? null,
            dtype ?? null,
            dimensions,
            recipe,
            settings ?? null,
            vectorType,
            lexicalRecipe,
          ],
        )
      },
      { isMade: async (ask) => (await stateOf(ask, database)) !== undefined },
    )
  } catch (error) {
    const made = await database.read((ask) => stateOf(ask, database)).catch(() => undefined)
    if (made === undefined) throw error
    return made
  }
  const made = await database.read((ask) => stateOf(ask, database))
  if (made === undefined) throw new Error(`The tables in ${database.name} are gone.`)
  return made
}

/** Type and width of the vectors in tables that were made before. @throws PaperkinError `store-mismatch` */
function plannedVectors(
  { name }: Database,
  type: string,
  dimensions: number,
): { readonly vectorType: VectorType; readonly dimensions: number } {
  const [, vectorType, width = '0'] = /(vector|halfvec)(?:\((\d+)\))?$/u.exec(type) ?? []
  const planned = Number(width)
  if (vectorType !== undefined && (planned === 0 || dimensions === 0 || planned === dimensions))
    return { vectorType: vectorType as VectorType, dimensions: dimensions || planned }
  throw new PaperkinError(
    'store-mismatch',
    `Expected the tables in ${name} to be planned for vectors of ${dimensions} values, got ${type}: plan them with \`--dimensions ${dimensions}\`.`,
  )
}
