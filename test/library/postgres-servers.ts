// The servers that tests of libraries on Postgres use: PGlite behind its socket server, everywhere; and a real one where
// its programs are (PAPERKIN_POSTGRES_BIN, see scripts/postgres-server.mjs) or where one runs (PAPERKIN_POSTGRES_URL, a
// database with pgvector in which the tests may make schemas).
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import pg from 'pg'
import { foreignServerOptions, type PlanOptions, planLibrary } from '../../src/library/postgres/plan.ts'

export interface TestServer {
  readonly name: string
  readonly url: string
  stop(): Promise<void>
}

/** A PGlite with pgvector. Its one connection is shared: a transaction of one client holds up the others. */
export async function startPglite({ hasVector = true } = {}): Promise<TestServer> {
  const db = await PGlite.create({ extensions: { vector } })
  if (hasVector) await db.exec('create extension vector')
  // Every open library holds some connections.
  const server = new PGLiteSocketServer({ db, port: 0, host: '127.0.0.1', maxConnections: 500 })
  await server.start()
  const [, port] = /:(\d+)$/u.exec(server.getServerConn()) as unknown as [string, string]
  return {
    name: 'PGlite',
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop()
      await db.close()
    },
  }
}

export const postgresBin = process.env.PAPERKIN_POSTGRES_BIN ?? ''
export const postgresUrl = process.env.PAPERKIN_POSTGRES_URL ?? ''
export const hasServer = postgresBin !== '' || postgresUrl !== ''

/** A user without rights, as the server refuses to run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** A server of its own with an empty database, that can be killed and started again. */
export class PostgresServer implements TestServer {
  readonly name = 'PostgreSQL'
  readonly port: number
  readonly #folder: string
  #process: ChildProcess | undefined

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.port = port
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`
  }

  static async make({ hasVector = true } = {}): Promise<PostgresServer> {
    if (postgresBin === '') throw new Error('PAPERKIN_POSTGRES_BIN names no folder: see scripts/postgres-server.mjs.')
    const folder = mkdtempSync(join(tmpdir(), 'paperkin-postgres-'))
    if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid)
    chmodSync(folder, 0o700)
    execFileSync(
      join(postgresBin, 'initdb'),
      ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      { ...nobody, cwd: folder, stdio: 'ignore' },
    )
    const server = new PostgresServer(folder, await freePort())
    await server.start()
    if (hasVector) await server.run('create extension vector')
    return server
  }

  /** A hot standby of a server, which follows it until it is promoted. `settings` as in postgresql.conf. */
  static async standbyOf(primary: PostgresServer, settings: Readonly<Record<string, string>> = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'paperkin-standby-'))
    if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid)
    chmodSync(folder, 0o700)
    execFileSync(
      join(postgresBin, 'pg_basebackup'),
      ['-D', join(folder, 'data'), '-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres', '-R', '-c', 'fast'],
      { ...nobody, cwd: folder, stdio: 'ignore' },
    )
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
    appendFileSync(join(folder, 'data', 'postgresql.auto.conf'), lines.join(''))
    const standby = new PostgresServer(folder, await freePort())
    await standby.start()
    return standby
  }

  /** Waits until a standby has all that its primary has written. */
  async follow(primary: PostgresServer): Promise<void> {
    const [{ at }] = (await primary.run('select pg_current_wal_lsn()::text as at')) as [{ at: string }]
    for (;;) {
      const [{ has }] = (await this.run('select pg_last_wal_replay_lsn() >= $1::pg_lsn as has', [at])) as [
        { has: boolean },
      ]
      if (has) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Starts the server, and waits until it answers. */
  async start(): Promise<void> {
    this.#process = spawn(
      join(postgresBin, 'postgres'),
      [
        '-D',
        join(this.#folder, 'data'),
        '-p',
        String(this.port),
        '-k',
        this.#folder,
        '-c',
        'listen_addresses=127.0.0.1',
      ],
      { ...nobody, cwd: this.#folder, stdio: 'ignore' },
    )
    for (;;) {
      try {
        await this.run('select 1')
        return
      } catch (error) {
        if (this.#process.exitCode !== null) throw error
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** One statement as the owner. */
  async run(text: string, values: unknown[] = []): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: this.url })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }

  /** Kills the server without warning, as a crash of the machine would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Lets the server's main process and those of its connections stand still, or go on. */
  async freeze(isFrozen: boolean): Promise<void> {
    const [main] = readFileSync(join(this.#folder, 'data', 'postmaster.pid'), 'utf8').split('\n')
    const children = readFileSync(`/proc/${main}/task/${main}/children`, 'utf8').trim().split(' ')
    for (const pid of [main, ...children]) process.kill(Number(pid), isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Ends the server, and all connections with it. */
  async end(): Promise<void> {
    await this.#end('SIGINT')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The real server that the tests were given. */
export async function startServer(): Promise<TestServer> {
  if (postgresBin !== '') return PostgresServer.make()
  return { name: 'PostgreSQL', url: postgresUrl, stop: async () => {} }
}

/** Whether the programs of a server include postgres_fdw, by which one server has tables on others. */
export const hasForeign =
  postgresBin !== '' && existsSync(join(postgresBin, '..', 'share', 'extension', 'postgres_fdw.control'))

/** Names of the two others, as `postgres plan --servers` takes them. */
export const otherServers = ['east', 'west'] as const

/** Three servers of which the first has foreign servers `east` and `west`. */
export async function startThree(): Promise<readonly [PostgresServer, PostgresServer, PostgresServer]> {
  const servers = await Promise.all([PostgresServer.make(), PostgresServer.make(), PostgresServer.make()])
  const [main, ...others] = servers
  await main.run('create extension postgres_fdw')
  for (const [i, name] of otherServers.entries()) {
    const { port } = others[i] as PostgresServer
    await main.run(
      `create server ${name} foreign data wrapper postgres_fdw
        options (host '127.0.0.1', port '${port}', dbname 'postgres', ${foreignServerOptions})`,
    )
    await main.run(
      `create user mapping for postgres server ${name} options (user 'postgres', password_required 'false')`,
    )
  }
  return servers
}

/** Makes the tables of a library over the servers of {@link startThree}. */
export async function spreadTables(
  [main, ...others]: readonly [PostgresServer, PostgresServer, PostgresServer],
  options: Omit<PlanOptions, 'servers'>,
): Promise<void> {
  const { statements } = planLibrary({ ...options, servers: otherServers })
  // The others first, as the plan says.
  for (const { server, statements: texts } of [...statements].reverse()) {
    const at = others[otherServers.findIndex((name) => server === `"${name}"`)] ?? main
    for (const text of texts) await at.run(text)
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
