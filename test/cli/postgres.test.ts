import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { startPglite, type TestServer } from '../library/postgres-servers.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-postgres-'))
const [papers, back] = ['papers', 'back'].map((name) => join(folder, name)) as [string, string]
let server: TestServer
beforeAll(async () => {
  server = await startPglite()
  const library = await PaperLibrary.open({ path: papers, embedder: 'none' })
  const records = Array.from({ length: 30 }, (_, i) => ({
    id: `p${i}`,
    title: `Paper ${i}`,
    abstract: `Text ${i % 7}.`,
  }))
  await library.add(records, { vectors: records.map((_, i) => Float32Array.of(Math.cos(i), Math.sin(i))) })
  await library.close()
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

it('copies a library to Postgres and back, and checks it there', async () => {
  const there = await run(['copy', '--from', papers, '--to', server.url, '--json'])
  expect(there).toMatchObject({ status: 0, stderr: '' })
  const copied = JSON.parse(there.stdout)
  expect(copied).toMatchObject({ from: papers, papers: 30, copied: 30, others: 0, difference: 0 })
  const again = await run(['copy', '--from', papers, '--to', server.url])
  expect(again.stdout).toMatch(
    /^0 papers copied from .* to postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres, schema paperkin; all 30 compared/u,
  )
  const { status, stdout } = await run(['copy', '--from', server.url, '--to', back, '--json'])
  expect(status).toBe(0)
  const returned = JSON.parse(stdout)
  expect(returned).toMatchObject({ papersSum: copied.papersSum, vectorsSum: copied.vectorsSum, copied: 30 })
  expect((await run(['verify', '--library', server.url])).stdout).toMatch(
    /^30 papers and 30 vectors in .* MiB: intact\n$/u,
  )
  const [one, other] = [
    await PaperLibrary.open({ path: papers, embedder: 'none' }),
    await PaperLibrary.open({ path: back, embedder: 'none' }),
  ]
  expect([...other].map((paper) => JSON.stringify(paper))).toEqual([...one].map((paper) => JSON.stringify(paper)))
  await Promise.all([one.close(), other.close()])
})

it('copies vectors as 16-bit floats within what those can tell apart', async () => {
  const half = ['copy', '--from', papers, '--to', server.url, '--schema', 'half', '--half', '--json']
  const { status, stdout } = await run(half)
  expect(status).toBe(0)
  const { difference } = JSON.parse(stdout)
  expect(difference).toBeGreaterThan(0)
  expect(difference).toBeLessThanOrEqual(2 ** -12)
  expect(JSON.parse((await run(half)).stdout)).toMatchObject({ copied: 0, papers: 30 })
})

it('says which library is missing, and where models differ', async () => {
  expect(await run(['copy', '--from', papers])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('Expected two libraries'),
  })
  expect(await run(['copy', '--from', server.url, '--schema', 'nobody', '--to', back])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('schema nobody, but there is none'),
  })
  const other = join(folder, 'other')
  await (
    await PaperLibrary.open({ path: other, embedder: Object.assign(() => [], { modelId: 'x', dimensions: 2 }) })
  ).close()
  expect(await run(['copy', '--from', papers, '--to', other])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('copy to another place'),
  })
})

it('plans tables that the server takes as they are', async () => {
  const { status, stdout } = await run([
    'postgres',
    'plan',
    '--schema',
    'planned "x"',
    '--partitions',
    '3',
    '--dimensions',
    '8',
  ])
  expect(status).toBe(0)
  expect(stdout).toContain('-- About ')
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(stdout)
  const { rows } = await client.query(
    `select count(*)::int as parts from pg_inherits where inhparent = '"planned ""x""".papers'::regclass`,
  )
  expect(rows).toEqual([{ parts: 3 }])
  await client.end()
  expect(await run(['postgres', 'plan', '--servers', 'a,b', '--partitions', '2'])).toMatchObject({ status: 2 })
  // Other servers know nothing of the settings of a question.
  const { stdout: spread } = await run(['postgres', 'plan', '--servers', 'a,b'])
  expect(spread.match(/^-- On the server [\w" ]+/gmu)).toEqual([
    '-- On the server "a"',
    '-- On the server "b"',
    '-- On the server that paperkin connects to',
  ])
  expect(spread).toMatch(
    /^-- create server "b" foreign data wrapper .*extensions 'vector'.*hnsw\.iterative_scan=relaxed_order/mu,
  )
})
