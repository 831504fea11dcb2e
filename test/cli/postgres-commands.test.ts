// Every command that takes a library, on the same papers in a folder and on Postgres; and what is wrong with urls.
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/program.ts'
import { startPglite, type TestServer } from '../library/postgres-servers.ts'
import { type Run, type RunOptions, run } from './run.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-cli-commands-'))
const folder = join(root, 'papers')
const here = (name: string) => join(root, name)
const digest = resolve('examples/digest.txt')
const subjects = ['methane from ponds', 'protein folds', 'grasping glass', 'old bells', 'sea ice', 'sparse attention']
const older = Array.from({ length: 120 }, (_, i) => ({
  id: i === 3 ? '2401.00003' : `older-${i}`,
  title: `On ${subjects[i % 6]}, part ${i}`,
  abstract: `We look at ${subjects[i % 6]} and at ${subjects[(5 * i + 1) % 6]} in sample ${i % 17}.`,
  authors: [`Ada ${i % 4}`],
  categories: [i % 2 === 0 ? 'cs.CL' : 'cs.LG'],
  published: `2025-0${1 + (i % 3)}-1${i % 10}`,
  ...(i % 10 === 4 && { url: `https://example.org/paper/${i}` }),
  ...(i === 8 && { extra: { doi: '10.1000/Bells.8' } }),
}))
const newer = subjects.slice(0, 5).map((subject, i) => ({
  id: `newer-${i}`,
  title: `Again on ${subject}`,
  abstract: `A later look at ${subject}, with ${i} more samples and a map.`,
  published: '2025-04-02',
}))
const fetched = createHttpServer((request, response) =>
  response.end(
    request.url?.includes('daily_papers')
      ? JSON.stringify([
          { paper: { id: '2504.00001', title: 'A daily paper', summary: 'On bells.', publishedAt: '2025-04-03' } },
        ])
      : '<feed><totalResults>1</totalResults><entry><id>http://arxiv.org/abs/2504.00002</id><title>Ponds</title></entry></feed>',
  ),
)

let server: TestServer
let url: string
let baseUrl: string
beforeAll(async () => {
  server = await startPglite()
  // A password that the server does not ask for.
  url = server.url.replace('postgres@', 'postgres:s3cret@')
  fetched.listen(0, '127.0.0.1')
  await once(fetched, 'listening')
  baseUrl = `http://127.0.0.1:${(fetched.address() as AddressInfo).port}`
  const lines = (records: readonly object[]) => records.map((record) => JSON.stringify(record)).join('\n')
  writeFileSync(here('older.jsonl'), lines(older))
  writeFileSync(here('newer.jsonl'), lines(newer))
  writeFileSync(
    here('keys.bib'),
    '@article{older-5, title={Choirs}, abstract={Of singers.}}\n@article{moss, title={Ponds}, abstract={Of bubbles.}}',
  )
  writeFileSync(here('names.txt'), 'Ponds: methane [older-0]\nIce: sea ice')
  writeFileSync(here('bad-names.txt'), 'Ponds: methane [nobody]')
  mkdirSync(here('marks'))
  writeFileSync(here('marks/marks.json'), JSON.stringify({ starred: ['older-0', 'gone'], hidden: ['older-1'] }))
})
afterAll(async () => {
  await server?.stop()
  fetched.close()
  rmSync(root, { recursive: true, force: true })
})

interface Step {
  readonly command: string
  readonly args?: readonly string[]
  /** A file that it writes, compared too. */
  readonly out?: string
  /** Only the data is compared: the text has sizes, or the same again would be nothing new. */
  readonly isData?: boolean
  /** Only the text is compared, as all kin of all papers would take long. */
  readonly isText?: boolean
  readonly status?: number
}

const marks = ['--marks', here('marks')]
const steps: readonly Step[] = [
  { command: 'add', args: [here('older.jsonl')] },
  { command: 'add', args: [here('older.jsonl'), here('keys.bib')] },
  { command: 'add', args: [digest] },
  { command: 'list', args: ['--category', 'cs.CL', '--from', '2025-02'] },
  { command: 'list' },
  { command: 'list', args: ['--category', 'nothing'] },
  { command: 'list', args: ['--area', 'Robotics'] },
  { command: 'list', args: ['--jsonl'], isData: true },
  { command: 'search', args: ['bubbles under the ice', '--why'] },
  { command: 'search', args: ['"old bells"', '--author', 'Ada 1', '-k', '3', '--recency', '0.3'] },
  { command: 'related', args: ['older-2', '--omit-duplicates', '--unlike', 'older-4'] },
  { command: 'related', args: ['grasping glass part 8'] },
  { command: 'related', args: ['Cast in E', '--area', 'Robotics', '-k', '3'] },
  { command: 'related', args: ['part'], status: 2 },
  { command: 'related', args: ['nothing of this kind'], status: 1 },
  { command: 'show', args: ['2401.00003v2'] },
  { command: 'show', args: ['2401.0', '--kin', '0'] },
  { command: 'show', args: ['10.1000/bells.8', '--kin', '0'] },
  { command: 'show', args: ['https://www.example.org/paper/14/', '--kin', '2'] },
  { command: 'show', args: ['older-1'] },
  { command: 'show', args: ['older-11', '--kin', '0'] },
  { command: 'open', args: ['older-4', '--print'] },
  { command: 'recommend', args: ['--like', here('newer.jsonl'), '--unlike', 'older-9'] },
  { command: 'recommend', args: [here('newer.jsonl'), '--like', 'older-9'] },
  { command: 'recommend', args: marks },
  { command: 'recommend', args: ['--like', 'stars', '--like', 'older-0', ...marks] },
  { command: 'duplicates', args: ['--threshold', '0.3'] },
  { command: 'topics', args: ['--topics', '5', '--hierarchy', '--over-time', 'month'] },
  { command: 'topics', args: ['--names', here('names.txt')] },
  { command: 'topics', args: ['--names', here('bad-names.txt')], status: 1 },
  { command: 'morning', args: [here('newer.jsonl'), '--out', here('out.html'), ...marks], out: 'out.html' },
  { command: 'morning', args: [here('newer.jsonl'), '--for-me', here('me.xml'), '--like', 'older-9'] },
  { command: 'morning', args: ['--daily'], isData: true },
  { command: 'digest', args: ['--topics', '4', '--like', 'stars', ...marks], isText: true },
  { command: 'digest', args: ['--since', '2025-04-01', '--like', 'older-9', '--kin', '2'] },
  { command: 'report', args: ['--out', here('out.md'), '--like', 'older-9', '--topics', '4'], out: 'out.md' },
  { command: 'report', args: ['--since', '2025-04-01', '--out', here('since.json')], out: 'since.json' },
  { command: 'export', args: ['--out', here('all.jsonl'), '--vectors', here('all.npy')], out: 'all.jsonl' },
  { command: 'fetch daily' },
  { command: 'fetch arxiv', args: ['all:ponds', '-k', '1'] },
  { command: 'remove', args: ['older-0', '2401.00003v1', '--dry-run'] },
  { command: 'remove', args: ['older-0', 'nobody'], status: 1 },
  { command: 'remove', args: ['older-0', '2401.00003v1'] },
  { command: 'import', args: [here('all.jsonl'), '--vectors', here('all.npy')] },
  { command: 'verify', isData: true },
]

/** What may differ: the name of the library, the last digits of numbers, sizes and times of files. */
function alike(text: string): string {
  return (
    text
      .replaceAll(folder, 'LIBRARY')
      .replace(/postgres:\/\/\S+, schema (?:of commands|\w+)/gu, 'LIBRARY')
      .replace(/-?\d+\.\d{9,}(?:e-?\d+)?/gu, (number) => Number(number).toFixed(9))
      .replace(/"bytes": \d+/gu, '"bytes"')
      // What is near an unknown name is sought among the papers that share words.
      .replace(/(?<=There is no paper \S*(?:nothing of this kind|nobody)).*/u, '')
  )
}

async function outcome({ command, args = [], out }: Step, library: readonly string[], more: readonly string[] = []) {
  const interface_ = command.startsWith('fetch') || args.includes('--daily') ? ['--base-url', baseUrl] : []
  if (out !== undefined) rmSync(here(out), { force: true })
  const { status, stdout, stderr } = await run([...command.split(' '), ...args, ...library, ...interface_, ...more])
  return {
    status,
    stdout: alike(stdout),
    stderr: alike(stderr),
    written: out === undefined ? undefined : alike(readFileSync(here(out), 'utf8')),
  }
}

it('every command gives on Postgres what it gives in a folder', { timeout: 600_000 }, async () => {
  const takesLibrary = commands.filter(({ options = [] }) => options.some(({ long }) => long === '--library'))
  expect(new Set([...steps.map(({ command }) => command), 'serve'])).toEqual(
    new Set(takesLibrary.map(({ name }) => name)),
  )
  for (const { options = [] } of takesLibrary) expect(options.some(({ long }) => long === '--schema')).toBe(true)
  for (const step of steps) {
    const name = `${step.command} ${step.args?.join(' ') ?? ''}`
    const isWriting = ['add', 'import', 'remove'].includes(step.command)
    const forms =
      step.args?.includes('--jsonl') || step.isText ? [[]] : step.isData || isWriting ? [['--json']] : [['--json'], []]
    for (const form of forms) {
      const near = await outcome(step, ['--library', folder], form)
      const far = await outcome(step, ['--library', url, '--schema', 'of commands'], form)
      expect(near.status, `${name}\n${near.stderr}`).toBe(step.status ?? 0)
      expect({ name, ...far }).toEqual({ name, ...near })
    }
  }
  expect(existsSync(join(folder, 'marks.json'))).toBe(false)
})

it('the environment and the settings name a library and its schema', async () => {
  const search = (options: RunOptions, ...more: string[]) => run(['search', 'sea ice', '-k', '1', ...more], options)
  expect((await run(['add', here('newer.jsonl'), '--library', url])).status).toBe(0)
  const env = { PAPERKIN_LIBRARY: url }
  expect((await search({ env })).stdout).toMatch(/^5 papers/u)
  const other = { ...env, PAPERKIN_SCHEMA: 'of commands' }
  expect((await search({ env: other })).stdout).toMatch(/^1\d\d papers/u)
  expect((await search({ env: other }, '--schema', 'paperkin')).stdout).toMatch(/^5 papers/u)
  const settings = here('settings.json')
  writeFileSync(settings, JSON.stringify({ library: url, schema: 'of commands' }))
  const set = { env: { PAPERKIN_SETTINGS: settings } }
  expect((await search(set)).stdout).toMatch(/^1\d\d papers/u)
  // A folder has no schema, so the default does not count there.
  expect((await search(set, '--library', folder)).status).toBe(0)
  expect(await search({}, '--library', folder, '--schema', 'x')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`but the library is the folder ${folder}: leave --schema out`),
  })
  for (const args of [
    ['topics', digest],
    ['fetch', 'daily'],
  ])
    expect(await run([...args, '--schema', 'x'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Expected --library with --schema'),
    })
  writeFileSync(settings, JSON.stringify({ schema: 5 }))
  expect(await search(set, '--library', url)).toMatchObject({ status: 2 })
})

it('converts a library on Postgres that was made with another model', async () => {
  const place = ['--library', url, '--schema', 'other model', here('newer.jsonl')]
  expect((await run(['add', ...place])).status).toBe(0)
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`update "other model".state set model_id = 'another'`)
  await client.end()
  expect(await run(['add', ...place])).toMatchObject({ status: 1, stderr: expect.stringContaining('reembed') })
  // What needs no model still works.
  expect((await run(['list', ...place.slice(0, 4)])).stdout).toMatch(/^5 papers/u)
  expect(await run(['add', ...place, '--reembed'])).toMatchObject({ status: 0 })
  expect((await run(['search', 'sea ice', ...place.slice(0, 4)])).status).toBe(0)
})

it('serve shows a library on Postgres, follows it, and keeps stars in the folder of --marks', async () => {
  const place = ['--library', url, '--schema', 'served']
  expect((await run(['add', here('newer.jsonl'), ...place])).status).toBe(0)
  expect(await run(['serve', ...place])).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/Expected --marks with `paperkin serve` of a library on Postgres: name a folder/u),
  })
  const interrupt = new AbortController()
  let printed = () => {}
  const listening = new Promise<void>((resolve) => {
    printed = resolve
  })
  const output = { text: '' }
  const folderOfMarks = here('stars of mine')
  const served = run(['serve', ...place, '--marks', folderOfMarks], {
    signal: interrupt.signal,
    onOutput: printed,
    output,
  })
  await listening
  const address = new URL(output.text.trim())
  const ask = async (path: string, body?: object) => {
    const response = await fetch(new URL(path, address), {
      headers: {
        authorization: `Bearer ${address.searchParams.get('token')}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
  const page = (await ask('/')).text
  expect(page).toContain('<title>5 papers</title>')
  const { hits } = JSON.parse((await ask('/api/search?q=sea+ice&k=1')).text)
  expect(hits[0].id).toBe('newer-4')
  expect(await ask('/api/stars', { ids: ['nobody'], mark: 'starred', value: true })).toMatchObject({ status: 404 })
  expect(await ask('/api/stars', { ids: ['newer-4'], mark: 'starred', value: true })).toMatchObject({ status: 200 })
  expect(JSON.parse(readFileSync(join(folderOfMarks, 'marks.json'), 'utf8')).starred).toEqual(['newer-4'])
  expect((await run(['add', here('older.jsonl'), ...place])).status).toBe(0)
  while (JSON.parse((await ask('/api/version')).text).papers !== 125) await wait(20)
  expect((await ask('/')).text).toContain('<title>125 papers</title>')
  interrupt.abort(new Error('interrupted'))
  const { status, stderr } = await served
  expect(status).toBe(130)
  expect(stderr).not.toContain('s3cret')
  expect(stderr).toContain(', schema served, for this machine alone')
  const liked = await run(['recommend', ...place, '--marks', folderOfMarks, '--json'])
  expect(JSON.parse(liked.stdout)).toMatchObject({ liked: 1 })
  for (const args of [['recommend'], ['digest', '--like', 'stars'], ['morning', digest, '--for-me', here('x.md')]])
    expect(await run([...args, ...place])).toMatchObject({ status: 2, stderr: expect.stringContaining('--marks') })
})

describe('a url', () => {
  /** A server that refuses everybody, as one does that does not know the password. */
  const refusing = createServer((socket: Socket) => {
    socket.once('data', () => {
      const fields = ['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed for user "ada"', '']
      const body = Buffer.from(fields.map((field) => `${field}\0`).join(''))
      const head = Buffer.from('E\0\0\0\0')
      head.writeInt32BE(body.length + 4, 1)
      socket.end(Buffer.concat([head, body]))
    })
  })
  let port = 0
  beforeAll(async () => {
    refusing.listen(0, '127.0.0.1')
    await once(refusing, 'listening')
    port = (refusing.address() as AddressInfo).port
  })
  afterAll(() => refusing.close())

  const secret = 's3cret'
  const isHidden = ({ stdout, stderr }: Run) => expect(`${stdout}${stderr}`).not.toMatch(/s3cret|p4ss|ada:12/u)

  it('with a wrong password is refused by one sentence', async () => {
    for (const more of [[], ['--verbose']]) {
      const found = await run(['list', '--library', `postgres://ada:${secret}@127.0.0.1:${port}/papers`, ...more])
      expect(found).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(
          /postgres:\/\/ada@127\.0\.0\.1:\d+\/papers, schema paperkin, but it refuses this user \(password authentication failed for user "ada"\): check name and password/u,
        ),
      })
      isHidden(found)
    }
  })

  it('without a password, for a server that wants one, is refused by one sentence', async () => {
    const asking = createServer((socket: Socket) => {
      const ask = (code: number, said: string) => {
        const head = Buffer.from('R\0\0\0\0\0\0\0\0')
        head.writeInt32BE(said.length + 8, 1)
        head.writeInt32BE(code, 5)
        socket.write(Buffer.concat([head, Buffer.from(said)]))
      }
      socket.on('error', () => {})
      socket.once('data', () => {
        ask(10, 'SCRAM-SHA-256\0\0')
        socket.once('data', () => ask(11, 'r=x,s=eA==,i=4096'))
      })
    })
    asking.listen(0, '127.0.0.1')
    await once(asking, 'listening')
    const { port } = asking.address() as AddressInfo
    const found = await run(['list', '--library', `postgres://ada@127.0.0.1:${port}/papers`])
    expect(found).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^paperkin: .*schema paperkin, but it wants a password .*PGPASSWORD.*\n$/u),
    })
    asking.close()
  })

  it('of no server, of a schema without a library, or of an impossible schema is refused by one sentence', async () => {
    for (const [library, schema, status, said] of [
      [`postgres://ada:${secret}@127.0.0.1:1/papers`, 'paperkin', 1, 'the server cannot be reached (ECONNREFUSED)'],
      [url, 'nobody', 2, 'schema nobody, but there is none: check database and schema'],
      [url, 'pg_x', 2, 'Expected `schema` to name a schema'],
    ] as const) {
      const found = await run(['search', 'x', '--library', library, '--schema', schema])
      expect(found).toMatchObject({ status, stderr: expect.stringContaining(said) })
      expect(found.stderr.trim().split('\n')).toHaveLength(1)
      isHidden(found)
    }
  })

  it.each([
    ['mistyped', ['list', '--library', `postgres://ada:${secret}@db:port/papers`]],
    ['cut by a slash in its password', ['list', '--library', 'postgres://ada:12/p4ss@db/papers']],
    ['cut by a # in its password', ['list', '--library', 'postgres://ada:12#p4ss@db/papers']],
    ['with one slash', ['add', '--library', `postgres:/ada:${secret}@db/papers`, digest]],
    ['of another kind', ['add', '--library', `mysql://ada:${secret}@db/papers`, digest]],
    ['in place of a file', ['digest', `postgres://ada:${secret}@db/papers`]],
    ['in place of a file to search', ['search', `postgres://ada:${secret}@db/papers`, 'x']],
    ['in place of liked papers', ['recommend', digest, '--like', `postgres://ada:${secret}@db/papers.bib`]],
    ['in place of an output', ['report', digest, '--out', `postgres://ada:${secret}@db/x/papers.html`]],
    ['in place of a command', [`postgres://ada:${secret}@db/papers`]],
    ['with a password as a parameter', ['digest', `postgres://db/papers?user=ada&password=${secret}`]],
  ])('%s is refused without its password', async (_, args) => {
    const found = await run(args)
    expect(found.status).toBeGreaterThan(0)
    expect(found.stderr).not.toBe('')
    isHidden(found)
    expect(existsSync('postgres:')).toBe(false)
    expect(existsSync('mysql:')).toBe(false)
  })
})
