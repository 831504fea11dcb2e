// The connection to a Postgres server. Everything that is asked goes through `read`, `snapshot` or `transaction`, which
// know what may be asked again after a lost connection: reads, and changes of which it is known whether they were made.
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import { PaperkinError, show } from '../../errors.ts'
import { packageRequire } from '../../runtime/package-files.ts'

/** The parts of a `Pool` of the package pg that are used here. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: (client: PostgresClient) => void): unknown
  off?(event: 'error' | 'connect', listener: (of: never) => void): unknown
  readonly options?: { readonly [name: string]: unknown }
}

/** The parts of a client of the package pg that are used here. */
interface PostgresClient {
  query(query: { readonly text: string; readonly values: unknown[]; readonly rowMode: 'array' }): Promise<{
    readonly rows: unknown[][]
    readonly rowCount: number | null
  }>
  query(text: string): Promise<unknown>
  query(stream: Writable): Writable
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  /** Number of the server's process that serves this connection. */
  readonly processID?: number | null
}

/** A connection outside of the pool. */
interface LoneClient extends PostgresClient {
  connect(): Promise<unknown>
  end(): Promise<void>
}

/** Asks one statement. Values are parameters, never part of the text; rows come as arrays of columns. */
export interface Ask {
  <Row extends readonly unknown[]>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Sends rows to `copy … from stdin`; undefined without the optional package pg-copy-streams. */
  readonly copyIn: ((text: string, bytes: Uint8Array) => Promise<void>) | undefined
}

interface AskOptions {
  readonly signal?: AbortSignal | undefined
}

/** Rights and extensions of a database, known once connected. */
interface Server {
  /** Quoted schema in which pgvector lives; undefined if the database lacks it. */
  readonly vectorSchema: string | undefined
  readonly hasHalf: boolean
  /** Whether it takes rows by `copy`; PGlite waits for them for ever. */
  readonly canCopy: boolean
  readonly isInRecovery: boolean
}

/** The most connections of a pool made here. */
const mostConnections = 8
/** Milliseconds after which a connection that is not made is given up. */
const connectMilliseconds = 10_000
/** Milliseconds after which one statement of a question is given up; building indexes has no such limit. */
const statementMilliseconds = 60_000
/** Milliseconds for which a lost server is waited for. */
const patience = 30_000
/** Milliseconds for which the end of all connections is waited for: one may be on its way to a server that stands still. */
const longestEnd = 1_000
/** Connections that one question or change may lose. */
const mostLosses = 50
const firstPause = 50
const longestPause = 2_000
/** Times that a transaction is begun again because another writer was faster. */
const mostConflicts = 100
/** Bytes of `pkin`. */
const lockNumber = 0x706b696e

/** Times that a question is asked again because a replica had to cancel it. */
const mostCancels = 20

/** Thrown by a transaction that met another writer's change: it is rolled back and begun again. */
export class Conflict extends Error {}

export class Database {
  /** The place for messages: server, database and schema, without the password. */
  readonly name: string
  /** The schema as an SQL identifier. */
  readonly schema: string
  readonly schemaName: string
  readonly #pool: PostgresPool
  readonly #isOwn: boolean
  #server: Server | undefined
  #isClosed = false
  readonly #ignore = () => {}
  /** Connections with a statement that nobody waits for any more. */
  readonly #abandoned = new WeakSet<PostgresClient>()
  readonly #watch = (client: PostgresClient) => void client.on('error', this.#ignore)

  private constructor(parts: {
    readonly pool: PostgresPool
    readonly isOwn: boolean
    readonly name: string
    readonly schema: string
    readonly schemaName: string
  }) {
    this.#pool = parts.pool
    this.#isOwn = parts.isOwn
    this.name = parts.name
    this.schema = parts.schema
    this.schemaName = parts.schemaName
    // An idle connection that is lost is no error: the next question opens another one.
    this.#pool.on('error', this.#ignore)
    // A connection may be lost in the same moment in which it is made, before it is handed out.
    this.#pool.on('connect', this.#watch)
  }

  /**
   * Connects to a database.
   * @param postgres a url (`postgres://user@host:5432/database`) or a `Pool` of the package pg, which stays open
   * @param options `schema`: where the tables are. @default 'paperkin'
   * @throws PaperkinError `invalid-argument`; `unreadable-source` if the server cannot be reached or lacks pgvector
   */
  static async connect(
    postgres: unknown,
    { schema = 'paperkin' }: { readonly schema?: string | undefined } = {},
  ): Promise<Database> {
    const quoted = requireSchema(schema)
    const isOwn = typeof postgres === 'string'
    const pool = isOwn ? ownPool(postgres) : requirePool(postgres)
    const place = isOwn ? placeOfUrl(postgres) : placeOfPool(pool)
    const database = new Database({
      pool,
      isOwn,
      name: `${place}, schema ${schema}`,
      schema: quoted,
      schemaName: schema,
    })
    try {
      await database.#learn()
      return database
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** What the server has, read when the database was connected. */
  get server(): Server {
    return this.#server as Server
  }

  /** An SQL name of pgvector's: a type or a function. */
  ofVector(name: string): string {
    return `${this.server.vectorSchema}.${name}`
  }

  /** An operator of pgvector's, such as `<#>`. */
  vectorOperator(operator: string): string {
    return `operator(${this.server.vectorSchema}.${operator})`
  }

  /** A column of vectors as 32-bit floats: base64 of `vectorBytes`. */
  vectorText(column: string): string {
    return `encode(${this.ofVector('vector_send')}(${column}::${this.ofVector('vector')}), 'base64')`
  }

  #vectorNumber: number | undefined
  /** Number of the type `vector` on this server. */
  async vectorNumber(ask: Ask): Promise<number> {
    if (this.#vectorNumber === undefined) {
      const [found] = await ask<[string]>('select $1::regtype::oid::text', [this.ofVector('vector')])
      this.#vectorNumber = Number(found?.[0])
    }
    return this.#vectorNumber
  }

  async #learn(): Promise<void> {
    const [found] = await this.read((ask) =>
      ask<[string, string | null, boolean, boolean, boolean, boolean]>(
        `select current_setting('server_encoding'),
           (select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace
             where e.extname = 'vector'),
           exists (select from pg_type t join pg_extension e on e.extname = 'vector' and t.typnamespace = e.extnamespace
             where t.typname = 'halfvec'),
           exists (select from pg_available_extensions where name = 'vector'),
           pg_is_in_recovery(),
           version() not like '%PGlite%'`,
      ),
    )
    const [encoding, vectorSchema, hasHalf, isAvailable, isInRecovery, canCopy] = found as NonNullable<typeof found>
    if (encoding !== 'UTF8')
      throw new PaperkinError(
        'invalid-argument',
        `Expected a database with the encoding UTF8 in ${this.name}, got ${show(encoding)}: make one with \`create database papers encoding 'UTF8' template template0\`.`,
      )
    if (vectorSchema === null)
      throw new PaperkinError(
        'invalid-argument',
        isAvailable
          ? `Expected the extension pgvector in ${this.name}, which is installed on the server but not in this database: run \`create extension vector\` there, as a superuser or, where the service allows it, as a role with CREATE on the database.`
          : `Expected the extension pgvector in ${this.name}, which the server does not have: install it there (for example the package postgresql-17-pgvector), then run \`create extension vector\` in the database as a superuser.`,
      )
    this.#server = { vectorSchema, hasHalf, isInRecovery, canCopy }
  }

  /** Asks statements that change nothing; all of them again if the connection is lost. */
  read<Result>(work: (ask: Ask) => Promise<Result>, { signal }: AskOptions = {}): Promise<Result> {
    return this.#patiently('read', signal, (client) => work(this.#askOf(client, signal)))
  }

  /** {@link read} from one state: what other writers commit meanwhile is not seen. */
  snapshot<Result>(
    work: (ask: Ask) => Promise<Result>,
    { signal, isLong = false }: AskOptions & { readonly isLong?: boolean } = {},
  ): Promise<Result> {
    return this.#patiently('read', signal, async (client) => {
      await this.#begin(client, 'begin transaction isolation level repeatable read, read only', signal)
      if (isLong) await client.query('set local statement_timeout = 0')
      const result = await work(this.#askOf(client, signal))
      await client.query('commit')
      return result
    })
  }

  /**
   * Makes a change, whole or not at all. Begun again if the connection was lost before the end, if the server asks for
   * it, and on a {@link Conflict}.
   * @param options `isMade`: whether an earlier attempt, of which the end is not known, was committed; it must wait for
   * that attempt to end. Without it, an attempt that may have been committed is not begun again.
   */
  async transaction<Result>(
    work: (ask: Ask) => Promise<Result>,
    options: AskOptions & {
      readonly isMade?: ((ask: Ask, result: Result) => Promise<boolean>) | undefined
      /** Whether it may take as long as it needs. @default false */
      readonly isLong?: boolean
    } = {},
  ): Promise<Result> {
    const { signal, isMade, isLong = false } = options
    let unknown: { readonly result: Result } | undefined
    for (let conflicts = 0; ; conflicts++) {
      try {
        return await this.#patiently('write', signal, async (client) => {
          const ask = this.#askOf(client, signal)
          if (unknown !== undefined) {
            const { result } = unknown
            await this.#begin(client, 'begin', signal)
            const wasMade = await isMade?.(ask, result)
            // Its locks must not be held while the change is made.
            await client.query('rollback')
            unknown = undefined
            if (wasMade) return result
          }
          const limit = isLong ? 0 : 5 * statementMilliseconds
          await this.#begin(client, `begin; set local statement_timeout = ${limit}`, signal)
          const result = await work(ask)
          // From here on a lost connection says nothing about the change.
          unknown = { result }
          try {
            await client.query('commit')
          } catch (error) {
            if (!isLost(error)) unknown = undefined
            else if (isMade === undefined)
              throw new PaperkinError(
                'store-unwritable',
                `Expected an answer of ${this.name} to the last step of a change, but the connection was lost: look whether it was made, then try again.`,
                { cause: error },
              )
            throw error
          }
          return result
        })
      } catch (error) {
        if (!(error instanceof Conflict || isToRepeat(error)) || conflicts >= mostConflicts) throw error
        await rest(Math.random() * Math.min(1000, 10 * 2 ** conflicts), signal)
      }
    }
  }

  /**
   * Makes several changes one after another, while no other process runs such work in the same schema. If the connection
   * is lost, the work is begun again from the start, whatever part of it was made.
   */
  alone<Result>(
    work: (inTransaction: <Part>(change: (ask: Ask) => Promise<Part>) => Promise<Part>) => Promise<Result>,
    { signal }: AskOptions = {},
  ): Promise<Result> {
    // Locks of all applications share their numbers: this one is of paperkin and the schema.
    const key = [lockNumber, crc32(this.schemaName) | 0]
    return this.#patiently('write', signal, async (client) => {
      const ask = this.#askOf(client, signal)
      const inTransaction = async <Part>(change: (ask: Ask) => Promise<Part>): Promise<Part> => {
        await this.#begin(client, 'begin; set local statement_timeout = 0', signal)
        const part = await change(ask)
        await client.query('commit')
        return part
      }
      await inTransaction(() => ask('select pg_advisory_lock($1::int, $2::int)', key))
      try {
        return await work(inTransaction)
      } finally {
        // A connection that is lost or given up gives up its lock.
        if (!this.#abandoned.has(client)) {
          await client.query('rollback').catch(() => {})
          await client
            .query({ text: 'select pg_advisory_unlock($1::int, $2::int)', values: key, rowMode: 'array' })
            .catch(() => {})
        }
      }
    })
  }

  /** Runs work with a connection. Connecting, and work that lost its connection, is tried again for a while. */
  async #patiently<Result>(
    doing: 'read' | 'write',
    signal: AbortSignal | undefined,
    work: (client: PostgresClient) => Promise<Result>,
  ): Promise<Result> {
    let until = performance.now() + patience
    let losses = 0
    let cancels = 0
    for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
      signal?.throwIfAborted()
      if (this.#isClosed) throw closed()
      let client: PostgresClient | undefined
      let isWhole = false
      try {
        client = await this.#connection(signal)
        client.on('error', this.#ignore)
        pause = firstPause
        const result = await work(client)
        isWhole = !this.#abandoned.has(client)
        return result
      } catch (error) {
        if (client !== undefined && !isLost(error) && !this.#abandoned.has(client)) isWhole = await isRolledBack(client)
        if (signal?.aborted) throw signal.reason
        // A replica cancels questions that hold up what it has to write, and asks for them to be begun again.
        if (doing === 'read' && isToRepeat(error) && cancels < mostCancels) {
          await rest(Math.random() * Math.min(1000, 10 * 2 ** cancels++), signal)
          continue
        }
        // A server that was never reached is not waited for.
        const mayWait = isLost(error) && (this.#server !== undefined || isStarting(error))
        // Waiting begins anew with each connection that was made and then lost.
        if (client !== undefined && ++losses <= mostLosses) until = performance.now() + patience
        if (!mayWait || performance.now() + pause > until) throw this.#explained(error, doing)
        await rest(pause, signal)
      } finally {
        client?.release(!isWhole)
        // A connection that is given up may still say why it ends.
        if (isWhole) client?.off('error', this.#ignore)
      }
    }
  }

  /** A connection of the pool; the wait for one ends with the signal. */
  async #connection(signal: AbortSignal | undefined): Promise<PostgresClient> {
    const coming = this.#pool.connect()
    if (signal === undefined) return coming
    try {
      return await untilAbort(coming, signal)
    } catch (error) {
      // It may still come.
      if (signal.aborted) void coming.then((client) => client.release()).catch(() => {})
      throw error
    }
  }

  /** @throws the signal's reason at once; the server is asked to stop working on the statement */
  #askOf(client: PostgresClient, signal: AbortSignal | undefined): Ask {
    const ask = async <Row extends readonly unknown[]>(text: string, values: readonly unknown[] = []) => {
      signal?.throwIfAborted()
      const answer = client.query({ text, values: [...values], rowMode: 'array' })
      return (await this.#orAbandoned(answer, client, signal)).rows as unknown as Row[]
    }
    const from = copyFrom()
    const copyIn =
      from &&
      ((text: string, bytes: Uint8Array) => {
        signal?.throwIfAborted()
        return this.#orAbandoned(pipeline([bytes], client.query(from(text))), client, signal)
      })
    return Object.assign(ask, { copyIn })
  }

  /** Begins a transaction; like a statement it is not waited for after an abort, while the end of one is. */
  async #begin(client: PostgresClient, text: string, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    await this.#orAbandoned(client.query(text), client, signal)
  }

  #orAbandoned<Answer>(
    answer: Promise<Answer>,
    client: PostgresClient,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    if (signal === undefined) return answer
    return untilAbort(answer, signal, () => {
      this.#abandoned.add(client)
      void this.#cancel(client)
    })
  }

  /** Ends the statement of a connection, from a connection of its own, as all others may be busy. */
  async #cancel({ processID, constructor: Client }: PostgresClient): Promise<void> {
    const { options } = this.#pool
    // Without its options the server is not known.
    if (typeof processID !== 'number' || options === undefined) return
    // A password is a property that is not listed.
    const limits = { connectionTimeoutMillis: connectMilliseconds, query_timeout: connectMilliseconds }
    const all = { ...Object.getOwnPropertyDescriptors(options), ...Object.getOwnPropertyDescriptors(limits) }
    const other = new (Client as new (options: unknown) => LoneClient)(Object.defineProperties({}, all))
    other.on('error', this.#ignore)
    try {
      await other.connect()
      await other.query({ text: 'select pg_cancel_backend($1::int)', values: [processID], rowMode: 'array' })
    } catch {
      // The statement then ends by itself, or at its time-out.
    } finally {
      await other.end().catch(() => {})
    }
  }

  /** The PaperkinError for an error of the server or of the network. */
  #explained(error: unknown, doing: 'read' | 'write'): unknown {
    if (PaperkinError.isInstance(error) || error instanceof Conflict) return error
    const code = codeOf(error)
    const { message } = error as Error
    const say = (what: string) =>
      new PaperkinError(
        doing === 'read' ? 'unreadable-source' : 'store-unwritable',
        `Expected to ${doing === 'read' ? 'read' : 'write to'} the library in ${this.name}, but ${what}.`,
        { cause: error },
      )
    if (isLost(error)) {
      // An error of another server, on which parts of the papers are, comes with its name.
      const what = code?.startsWith('08') ? message.split('\n')[0] : (code ?? message)
      return say(`the server cannot be reached (${what}): see that it runs and try again`)
    }
    if (code === '28P01' || code === '28000')
      return say(`it refuses this user (${message}): check name and password of the url, and pg_hba.conf of the server`)
    // Errors of pg itself have no code.
    if (code === undefined && message?.startsWith('SASL'))
      return say(
        `it wants a password (${message}): give it in PGPASSWORD, in ~/.pgpass or in the url, and see that it is right`,
      )
    if (code === undefined && message === 'The server does not support SSL connections')
      return say('the server is without SSL: leave `sslmode` out of the url, or turn SSL on there')
    if (code === '42704' && message.startsWith('user mapping not found'))
      return say(
        `parts of it are on another server (${message}): run \`create user mapping\` for this user and each of the other servers`,
      )
    if (code === '3D000') return say('there is no such database: make it with `create database`')
    if (code === '42501')
      return say(
        `this user lacks a right (${message}): grant it, or open the library as the owner of the schema${doing === 'read' ? '' : ' or with `readOnly: true`'}`,
      )
    if (code === '25006') return say(replicaRefuses)
    if (code === '40001' && doing === 'read')
      return say(
        'the replica cancelled each attempt to catch up with its primary: raise max_standby_streaming_delay there, or turn hot_standby_feedback on',
      )
    if (code === '57014')
      return say(`it took longer than the statement time-out: ask for less, or raise \`statement_timeout\``)
    if (code === '53300') return say('the server has no connection left: use a smaller pool, or raise max_connections')
    if (code === '53100')
      return say("the server's disk is full: free some space and try again, the library is unchanged")
    return code === undefined ? error : say(`the server says: ${message} (${code})`)
  }

  /**
   * For whoever is going to write.
   * @throws PaperkinError `store-unwritable` if the server is a replica
   */
  requirePrimary(): void {
    if (this.server.isInRecovery) throw this.#explained({ code: '25006', message: '' }, 'write')
  }

  /** Ends the connections, unless they belong to a pool of the caller's. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#isOwn) {
      const timer = new AbortController()
      await Promise.race([this.#pool.end().catch(() => {}), rest(longestEnd, timer.signal).catch(() => {})])
      timer.abort()
    } else {
      this.#pool.off?.('error', this.#ignore)
      this.#pool.off?.('connect', this.#watch)
    }
  }
}

let copying: { readonly from: ((text: string) => Writable) | undefined } | undefined
function copyFrom(): ((text: string) => Writable) | undefined {
  if (copying === undefined)
    try {
      copying = packageRequire()('pg-copy-streams') as typeof copying
    } catch {
      copying = { from: undefined }
    }
  return copying?.from
}

/** What a promise gives, or the signal's reason as soon as it aborts. */
function untilAbort<Result>(
  coming: Promise<Result>,
  signal: AbortSignal,
  onAbort: () => void = () => {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = () => {
      onAbort()
      reject(signal.reason)
    }
    signal.addEventListener('abort', end, { once: true })
    coming.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}

async function isRolledBack(client: PostgresClient): Promise<boolean> {
  return client.query('rollback').then(
    () => true,
    () => false,
  )
}

function rest(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', end, { once: true })
  })
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

const lostCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  // Shut down by an administrator, after a crash, not yet started.
  '57P01',
  '57P02',
  '57P03',
])

/** Whether the connection was lost or never made, so that another attempt may succeed. */
function isLost(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== undefined) return lostCodes.has(code) || code.startsWith('08')
  return (
    error instanceof Error &&
    /^(Connection terminated|Client has encountered a connection error|timeout exceeded|This socket has been ended)/u.test(
      error.message,
    )
  )
}

const isStarting = (error: unknown) => codeOf(error) === '57P03'

/** Those of some ids that can be sent to the database, which has no NUL and no halves of characters; no paper has others. */
export function sendable(ids: Iterable<string>): string[] {
  return [...new Set(ids)].filter((id) => id.isWellFormed() && !id.includes('\0'))
}

/** Whether a row was inserted whose id another process has inserted meanwhile. */
export const isTaken = (error: unknown): boolean => codeOf(error) === '23505'

/** Whether the server asks for the transaction to be begun again: it met another one, or both made the same table. */
const isToRepeat = (error: unknown) => {
  const cause = PaperkinError.isInstance(error) ? error.cause : error
  return ['40001', '40P01'].includes(codeOf(cause) ?? '')
}

const replicaRefuses =
  'this server is a replica and takes no changes: name its primary, or open the library with `readOnly: true`'

const closed = () =>
  new PaperkinError('library-closed', 'The library is closed: open it again with `PaperLibrary.open()`.')

/** A schema's name as an SQL identifier. */
function requireSchema(schema: unknown): string {
  const isName =
    typeof schema === 'string' &&
    schema !== '' &&
    schema.isWellFormed() &&
    !schema.includes('\0') &&
    Buffer.byteLength(schema) <= 63
  if (isName && !/^pg_|^information_schema$/u.test(schema)) return `"${schema.replaceAll('"', '""')}"`
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`schema\` to name a schema for the library in at most 63 bytes, not one of the server's own, got ${show(schema)}.`,
  )
}

function requirePool(pool: unknown): PostgresPool {
  if (typeof pool === 'object' && pool !== null && 'connect' in pool && 'totalCount' in pool)
    return pool as unknown as PostgresPool
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`postgres\` to be a url such as postgres://user@host/database, or a \`Pool\` of the package pg, got ${show(pool)}.`,
  )
}

/** @throws PaperkinError `invalid-argument` for something that is no url; the message never has its password */
function ownPool(url: string): PostgresPool {
  // A url may be cut off or mistyped anywhere, so none of it is shown.
  if (!isPostgresUrl(url) || !URL.canParse(url) || !isDecodable(url) || isCutByPassword(new URL(url)))
    throw new PaperkinError(
      'invalid-argument',
      'Expected `postgres` to be a url such as postgres://user@host:5432/database: write special characters of the password as %40, %2F and so on.',
    )
  let pg: { readonly Pool: new (options: object) => PostgresPool }
  try {
    pg = packageRequire()('pg') as typeof pg
  } catch (error) {
    throw new PaperkinError(
      'invalid-argument',
      'Expected the optional package pg for a library on Postgres, found none: run `npm install pg`.',
      { cause: error },
    )
  }
  return new pg.Pool({
    connectionString: url,
    max: mostConnections,
    statement_timeout: statementMilliseconds,
    connectionTimeoutMillis: connectMilliseconds,
    keepAlive: true,
    application_name: 'paperkin',
    allowExitOnIdle: true,
  })
}

/** Whether a password with one of `/`, `?` and `#` ends the server's name, so that parts of it would be shown. */
function isCutByPassword({ pathname, searchParams, hash }: URL): boolean {
  return hash !== '' || [pathname, ...searchParams.keys()].some((part) => part.includes('@'))
}

/** Whether each `%` of a url begins a character. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

/** Server and database of a url, without the password. */
function placeOfUrl(url: string): string {
  const { username, host, pathname, searchParams } = new URL(url)
  const socket = host === '' ? (searchParams.get('host') ?? 'localhost') : host
  return `postgres://${username === '' ? '' : `${username}@`}${socket}${pathname}`
}

function placeOfPool({ options = {} }: PostgresPool): string {
  const { connectionString, user, host, port, database } = options
  if (typeof connectionString === 'string' && URL.canParse(connectionString)) return placeOfUrl(connectionString)
  const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')
  const port_ = text(port) === '' ? '' : `:${text(port)}`
  return `postgres://${text(user) === '' ? '' : `${text(user)}@`}${text(host) || 'localhost'}${port_}/${text(database)}`
}

/** Whether a text names a Postgres database rather than a folder. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(?:ql)?:\/\//u.test(text)
}
