import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { copyLibrary } from '../../src/library/postgres/copy-library.ts'
import { lexeme, readWords } from '../../src/library/postgres/paper-columns.ts'
import { PostgresStorage } from '../../src/library/postgres/postgres-storage.ts'
import { LogStorage } from '../../src/library/storage/log-storage.ts'
import { type ComingPaper, type Storage, type StoredPaper, vectorKey } from '../../src/library/storage/storage.ts'
import { type Paper, type PaperInput, toPaper } from '../../src/paper.ts'
import {
  hasForeign,
  hasServer,
  PostgresServer,
  postgresBin,
  spreadTables,
  startPglite,
  startServer,
  startThree,
  type TestServer,
} from './postgres-servers.ts'
import { identity, killTrial, trialPaper } from './postgres-trial.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-copies-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let names = 0

/** A paper with the vector of the trial paper `number`. */
function coming(input: PaperInput, row: number, number = row): ComingPaper {
  const { vector } = trialPaper(number)
  return { paper: toPaper(input), row, textCrc: row, vector: { key: vectorKey(vector), vector } }
}

const trial = (number: number, row: number, more: object = {}): ComingPaper => {
  const { vector: _, ...paper } = trialPaper(number)
  return coming({ ...paper, ...more }, row, number)
}

async function contents(
  storage: Storage,
  isAll = true,
): Promise<{ papers: Paper[]; removed: string[]; isAnew: boolean }> {
  const found = new Map<string, StoredPaper>()
  const gone: string[] = []
  const { isAnew, batches } = await storage.load({ isAll, present: () => found.values() })
  for await (const { removed, papers } of batches) {
    gone.push(...removed)
    for (const id of removed) found.delete(id)
    for (const paper of papers) found.set(paper.id, paper)
  }
  return { papers: await storage.readPapers([...found.values()]), removed: gone, isAnew }
}

const hostilePapers = (words: number): PaperInput[] => [
  { id: `'; drop table papers; --`, title: `Robert'); DROP TABLE papers;--`, abstract: `" ' \\ $1 $$ %s {} \u{1F600}` },
  { id: `a"b\\c{d,e}`, title: '{"a","b"}', abstract: "E'\\x41' || chr(0)", authors: [`O'Neil`, '{,}', '"'] },
  { id: 'null', title: 'NULL', abstract: 'null \\N', categories: ['null', 'NULL', ''], url: 'https://x/?a=\'"' },
  {
    id: 'nul',
    title: 'Has NUL',
    abstract: 'in its extra',
    extra: { note: 'a\0b', 'na\0me': 1, nested: { deep: ['\0'] } },
  },
  { id: 'lone', title: 'Lone \ud800 half', abstract: 'x \udc00', extra: { half: '\ud83d', 'n\udfff': '\ude00' } },
  {
    id: 'escape',
    title: 'Backslash u',
    abstract: '\\u0000 as text',
    extra: { text: '\\u0000', 'dash-ed "name"': true },
  },
  { id: 'long', title: 'Word '.repeat(200_000), abstract: 'y', extra: { note: 'z'.repeat(1_000_000) } },
  {
    id: 'many',
    title: 'Many words',
    abstract: Array.from({ length: words }, (_, i) => `w${i.toString(36)}x`).join(' '),
  },
  {
    id: 'deep',
    title: 'Fields',
    abstract: 'x',
    extra: { __proto__x: 1, constructor: { prototype: 2 }, '': 3, year: '1999' },
  },
  { id: 'i'.repeat(2000), title: 'Long id', abstract: 'x', published: '2025-03', version: 3 },
  { id: '標題 🐦', title: '', abstract: 'Only an abstract, ligature ﬁ, ﷽' },
  {
    id: 'numbers',
    title: 'Numbers',
    abstract: 'x',
    extra: { big: 1.7e308, small: 5e-324, zero: -0, list: [1e21, -1] },
  },
]

for (const { name, isHere, start, connections, words } of [
  { name: 'PGlite', isHere: true, start: () => startPglite(), connections: 1, words: 2_000 },
  // More words than a `tsvector` holds.
  { name: 'a server', isHere: hasServer, start: startServer, connections: 20, words: 150_000 },
])
  describe.skipIf(!isHere)(`a library on ${name}`, () => {
    const hostile = hostilePapers(words)
    let server: TestServer
    let pool: pg.Pool
    beforeAll(async () => {
      server = await start()
      // PGlite mixes up the statements of connections that ask at the same time.
      pool = new pg.Pool({ connectionString: server.url, max: connections })
      // The server may end before it has read that a connection is given up.
      pool.on('error', () => {})
    })
    afterAll(async () => {
      await pool?.end()
      await server?.stop()
    })
    const place = () => ({ schema: `library ${process.pid} ${names++}`, identity })
    const open = (options: Parameters<typeof PostgresStorage.open>[1]) => PostgresStorage.open(pool, options)

    it('keeps hostile papers byte for byte, and counts them', async () => {
      const at = place()
      const storage = await open(at)
      const papers = hostile.map((input, row) => coming(input, row))
      await storage.commit({ papers, nextRow: papers.length })
      const found = await contents(storage)
      expect(found.papers.map((paper) => JSON.stringify(paper))).toEqual(
        papers.map(({ paper }) => JSON.stringify(paper)),
      )
      expect(found.papers.map(({ id }) => id)).toEqual(papers.map(({ paper }) => paper.id))
      expect(await storage.verify()).toMatchObject({ isWhole: true, papers: hostile.length, damage: [] })
      // They go as they came.
      await storage.commit({ removed: papers.map(({ paper }) => paper.id), nextRow: papers.length })
      expect(await storage.verify()).toMatchObject({ isWhole: true, papers: 0 })
      await storage.close()
    })

    it('refuses an id that no index can hold, and adds nothing then', async () => {
      const storage = await open(place())
      const papers = [trial(1, 0), coming({ id: 'x'.repeat(2001), title: 'Long' }, 1)]
      await expect(storage.commit({ papers, nextRow: 2 })).rejects.toMatchObject({
        code: 'invalid-paper',
        message: expect.stringMatching(/at most 2000 bytes .* with 2001: give the paper a shorter one/u),
      })
      expect((await contents(storage)).papers).toEqual([])
      await storage.close()
    })

    it('lets several write: papers that two add at a time are there once, with one row each', async () => {
      const at = place()
      const writers = await Promise.all([open(at), open(at), open(at)])
      await Promise.all(
        writers.map(async (writer, w) => {
          for (let digest = 0; digest < 6; digest++) {
            const start = digest * 10
            const numbers = Array.from({ length: 15 }, (_, i) => start + ((i * (w + 2)) % 17))
            const papers = [...new Set(numbers)].map((number, i) => trial(number, writer.nextRow + i))
            await writer.commit({ papers, nextRow: writer.nextRow + papers.length })
          }
        }),
      )
      const reader = await open({ ...at, readOnly: true })
      const found = new Map<string, StoredPaper>()
      for await (const { papers } of (await reader.load({ present: () => [] })).batches)
        for (const paper of papers) found.set(paper.id, paper)
      const rows = [...found.values()].map(({ row }) => row)
      expect(new Set(rows).size).toBe(found.size)
      expect(reader.nextRow).toBeGreaterThan(Math.max(...rows))
      expect(await reader.verify()).toMatchObject({ isWhole: true, papers: found.size })
      for (const paper of await reader.readPapers([...found.values()])) {
        const { vector: _, ...wanted } = trialPaper(Number(paper.id.slice(6)))
        expect(paper).toMatchObject(wanted)
      }
      await Promise.all([...writers, reader].map((storage) => storage.close()))
    })

    it('shows a reader what others changed, in the order of their commits', async () => {
      const at = place()
      const [one, two] = await Promise.all([open(at), open(at)])
      const reader = await open({ ...at, readOnly: true })
      await one.commit({ papers: [trial(1, 0), trial(2, 1), trial(3, 2)], nextRow: 3 })
      expect((await contents(reader, false)).papers.map(({ id }) => id)).toEqual(['paper-1', 'paper-2', 'paper-3'])
      await two.commit({ removed: ['paper-2'], papers: [trial(4, 3)], nextRow: 4 })
      await one.commit({ papers: [trial(1, 4, { title: 'Another title' })], nextRow: 5 })
      await two.commit({ papers: [trial(2, 5)], nextRow: 6 })
      const found = await contents(reader, false)
      expect(found).toMatchObject({ isAnew: false, removed: ['paper-2'] })
      expect(new Set(found.papers.map(({ id, title }) => `${id}: ${title.slice(0, 7)}`))).toEqual(
        new Set(['paper-1: Another', 'paper-4: Paper 4', 'paper-2: Paper 2']),
      )
      // A writer learns of the others' changes, not of its own.
      const news = await contents(two, false)
      expect(news.isAnew).toBe(true)
      await one.commit({ papers: [trial(9, 6)], nextRow: 7 })
      await two.commit({ papers: [trial(8, 7)], nextRow: 8 })
      expect((await contents(two, false)).papers.map(({ id }) => id)).toEqual(['paper-9'])
      await Promise.all([one.close(), two.close(), reader.close()])
    })

    it('gives a new row to a text that a writer takes back without knowing that it had changed', async () => {
      const at = place()
      const [one, two] = await Promise.all([open(at), open(at)])
      const [known] = await one.commit({ papers: [trial(1, 0)], nextRow: 1 })
      await two.commit({ papers: [coming({ id: 'paper-1', title: 'Rewritten' }, 1, 7)], nextRow: 2 })
      const [back] = await one.commit({
        papers: [{ ...trial(1, 0, { url: 'https://x.org' }), vector: known }],
        nextRow: 1,
      })
      expect(back?.row).toBe(2)
      expect(await two.verify()).toMatchObject({ isWhole: true, papers: 1 })
      await Promise.all([one.close(), two.close()])
    })

    it('is copied from a folder and back, byte for byte, and goes on where a copy stopped', async () => {
      const first = join(root, String(names++))
      const folder = await LogStorage.open(first, { identity })
      await contents(folder)
      const numbers = Array.from({ length: 300 }, (_, i) => i)
      await folder.commit({ papers: numbers.map((number) => trial(number, number)), nextRow: 300 })
      await folder.commit({
        removed: ['paper-7'],
        papers: hostile.map((input, i) => coming(input, 300 + i)),
        nextRow: 320,
      })
      const at = place()
      const postgres = await open(at)
      // Half of it is there already, one paper with another text, and one that the folder lacks.
      const half = numbers.slice(50, 200)
      await postgres.commit({
        papers: [...half.map((number, row) => trial(number, row)), trial(999, 900)],
        nextRow: 901,
      })
      await postgres.commit({ papers: [coming({ id: 'paper-60', title: 'Old' }, 901, 60)], nextRow: 902 })
      const there = await postgres.inBulk(() => copyLibrary(folder, postgres))
      expect(there).toMatchObject({
        papers: 299 + hostile.length,
        copied: 299 - 150 + 1 + hostile.length,
        others: 1,
        difference: 0,
      })
      expect(await postgres.verify()).toMatchObject({ isWhole: true, papers: 300 + hostile.length })
      await postgres.commit({ removed: ['paper-999'], nextRow: postgres.nextRow })
      const back = await LogStorage.open(join(root, String(names++)), { identity: postgres.identity })
      const again = await copyLibrary(postgres, back)
      expect(again).toMatchObject({ papers: there.papers, copied: there.papers, others: 0, difference: 0 })
      const side = async (storage: Storage) =>
        new Map((await contents(storage)).papers.map((paper) => [paper.id, JSON.stringify(paper)]))
      expect(await side(back)).toEqual(await side(folder))
      // A second time nothing is left to copy, and the sums are the same.
      expect(await copyLibrary(folder, postgres)).toMatchObject({
        copied: 0,
        papersSum: there.papersSum,
        vectorsSum: there.vectorsSum,
      })
      await Promise.all([folder.close(), postgres.close(), back.close()])
    })

    it('counts terms and makes indexes at the end of a bulk, or when it is opened after one that was interrupted', async () => {
      const at = place()
      const storage = await open(at)
      const work = storage.inBulk(async () => {
        await storage.commit({ papers: [trial(1, 0), trial(2, 1)], nextRow: 2 })
        throw new Error('enough')
      })
      await expect(work).rejects.toThrow('enough')
      expect(storage.hasTerms).toBe(false)
      expect((await storage.verify()).damage).toEqual([{ message: expect.stringContaining('a copy was interrupted') }])
      const indexes = async () => {
        const { rows } = await pool.query('select indexname from pg_indexes where schemaname = $1', [at.schema])
        return rows.map(({ indexname }) => indexname as string)
      }
      expect(await indexes()).not.toContain('papers_words')
      const again = await open({ ...at, isBulk: true })
      expect(again.hasTerms).toBe(false)
      await again.inBulk(() => again.commit({ papers: [trial(3, 2)], nextRow: 3 }))
      expect(await again.verify()).toMatchObject({ isWhole: true, papers: 3 })
      expect(await indexes()).toEqual(
        expect.arrayContaining(['papers_words', 'papers_fields', 'papers_embedding', 'terms_pkey']),
      )
      await Promise.all([storage.close(), again.close()])
    })

    it('writes the same rows in a bulk as one by one, and each paper once where two fill a library', async () => {
      const at = [place(), place()] as const
      const papers = hostilePapers(2000).map((input, row) => coming(input, row))
      const rowsOf = async ({ schema }: { schema: string }) => {
        const { rows } = await pool.query(
          `select id, row, text_crc, record_crc, length, published_start, published_end, vector_key, fields::text, unlisted,
            truncation, words::text, record, embedding::text from "${schema}".papers order by id`,
        )
        return rows
      }
      const [one, bulk] = [await open(at[0]), await open(at[1])]
      const copying = vi.spyOn(createRequire(import.meta.url)('pg-copy-streams') as { from: () => unknown }, 'from')
      await one.commit({ papers, nextRow: papers.length })
      expect(copying).not.toHaveBeenCalled()
      await bulk.inBulk(async () => {
        const other = await open({ ...at[1], isBulk: true })
        const all = { papers, nextRow: papers.length }
        await Promise.all([bulk.commit(all), other.inBulk(() => other.commit(all))])
        await other.close()
      })
      expect(copying.mock.calls.length > 0).toBe(bulk.database.server.canCopy)
      expect(bulk.database.server.canCopy).toBe(name !== 'PGlite')
      copying.mockRestore()
      const [expected, found] = [await rowsOf(at[0]), await rowsOf(at[1])]
      // Two who add the same papers may each have taken rows.
      expect(found.map((paper) => ({ ...paper, row: 0 }))).toEqual(expected.map((paper) => ({ ...paper, row: 0 })))
      expect(await bulk.verify()).toMatchObject({ isWhole: true, papers: papers.length })
      await Promise.all([one.close(), bulk.close()])
    })

    it('makes no graph before the end of a bulk where the first vector sets the width', async () => {
      const at = place()
      const storage = await open({ ...at, identity: { ...identity, dimensions: 0 } })
      const hasGraph = async () => {
        const { rows } = await pool.query(
          "select 1 from pg_indexes where schemaname = $1 and indexname = 'papers_embedding'",
          [at.schema],
        )
        return rows.length > 0
      }
      await storage.inBulk(async () => {
        await storage.commit({ papers: [trial(1, 0), trial(2, 1)], nextRow: 2 })
        expect(await hasGraph()).toBe(false)
      })
      expect(await hasGraph()).toBe(true)
      await storage.close()
      const other = await open({ ...place(), identity: { ...identity, dimensions: 0 } })
      await other.commit({ papers: [trial(1, 0)], nextRow: 1 })
      const { rows } = await pool.query("select 1 from pg_indexes where schemaname = $1 and indexdef like '%hnsw%'", [
        other.database.schemaName,
      ])
      expect(rows).toHaveLength(1)
      await other.close()
    })

    it('reads the words of a paper from the database as they were counted', async () => {
      const words = new Map([
        ['plain', 1],
        ["it's", 2],
        ["''", 3],
        ['back\\slash', 4],
        ["'", 16_383],
        ['ends with +', 5],
        ['a:7', 6],
        ['ü\u{1F600}', 7],
        ['\\', 8],
      ])
      const text = [...words].map(([word, count]) => `${lexeme(word)}:${count} ${lexeme(word, 1)}`).join(' ')
      const { rows } = await pool.query('select $1::tsvector::text as words', [text])
      const found = new Map<string, number>()
      readWords(rows[0].words, (word, count) => void (count > 0 && found.set(word, count)))
      expect(found).toEqual(words)
      readWords('', () => expect.fail('There is no word.'))
    })

    it('counts words again that another version of the package has counted', async () => {
      const at = place()
      const storage = await open(at)
      await storage.commit({ papers: [trial(1, 0), trial(2, 1)], nextRow: 2 })
      const { schema } = storage.database
      await pool.query(`update ${schema}.papers set words = '', length = 1`)
      await pool.query(`update ${schema}.state set lexical_recipe = 99`)
      await expect(storage.commit({ papers: [trial(3, 2)], nextRow: 3 })).rejects.toMatchObject({
        code: 'store-mismatch',
      })
      const again = await open(at)
      expect(await again.verify()).toMatchObject({ isWhole: true, papers: 2 })
      const { rows } = await pool.query(`select count(*)::int as n from ${schema}.papers where words @@ 'paper'`)
      expect(rows).toEqual([{ n: 2 }])
      await Promise.all([storage.close(), again.close()])
    })

    it('finds records, totals and terms that somebody has changed', async () => {
      const at = place()
      const storage = await open(at)
      await storage.commit({ papers: [trial(1, 0), trial(2, 1)], nextRow: 2 })
      const { schema } = storage.database
      await pool.query(`update ${schema}.terms set papers = papers + 1 where term = 'paper'`)
      expect((await storage.verify()).damage).toEqual([{ message: expect.stringContaining('by term differ') }])
      await pool.query(`update ${schema}.state set papers = 3`)
      expect((await storage.verify()).damage).toEqual([{ message: expect.stringContaining('say 3 papers') }])
      await pool.query(`update ${schema}.papers set record = '{}' where id = 'paper-2'`)
      const found = await storage.verify()
      expect(found.isWhole).toBe(false)
      expect(found.damage[0]).toEqual({ id: 'paper-2', message: 'The paper "paper-2" is damaged.' })
      await expect(contents(storage)).rejects.toMatchObject({ code: 'corrupt-store', issues: [{ path: ['paper-2'] }] })
      await storage.close()
    })

    it('takes a pool of the caller’s, and leaves it open', async () => {
      const storage = await open(place())
      await storage.commit({ papers: [trial(1, 0)], nextRow: 1 })
      expect(storage.path).toMatch(/^postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres, schema library/u)
      await storage.close()
      expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    })

    it('says what is wrong with a library that it cannot open', async () => {
      const at = place()
      await expect(open({ ...at, create: false })).rejects.toMatchObject({ code: 'invalid-argument' })
      await expect(open({ ...at, readOnly: true })).rejects.toMatchObject({
        message: expect.stringContaining('there is none'),
      })
      await expect(open({ ...at, schema: 'pg_papers' })).rejects.toThrow(/Expected `schema`/u)
      const storage = await open(at)
      const { schema } = storage.database
      await pool.query(`update ${schema}.state set model_id = 'another'`)
      await expect(contents(storage)).rejects.toMatchObject({ code: 'store-mismatch' })
      await expect(storage.commit({ papers: [trial(1, 0)], nextRow: 1 })).rejects.toMatchObject({
        code: 'store-mismatch',
      })
      await pool.query(`update ${schema}.state set version = 99`)
      await expect(open(at)).rejects.toThrow(/to have version 1, got 99, .*: update paperkin/u)
      await pool.query(`drop schema ${schema} cascade`)
      await expect(contents(storage)).rejects.toThrow(/its tables are gone/u)
      await storage.close()
    })
  })

describe('an address', () => {
  it.each([
    'postgres://ada:se%ret@db/papers',
    'postgres://ada:secret@db:port/papers',
    'https://ada:secret@db/papers',
    'ada:secret@db',
  ])('%s is refused without showing its password', async (url) => {
    const error = await PostgresStorage.open(url, { identity }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'invalid-argument' })
    expect(`${(error as Error).message}${String((error as Error).cause)}`).not.toMatch(/se%ret|secret/u)
  })

  it('of a server that is not there is named without its password', async () => {
    const error = await PostgresStorage.open('postgres://ada:secret@127.0.0.1:1/papers', { identity }).catch(
      (one) => one,
    )
    expect(error).toMatchObject({
      code: 'unreadable-source',
      message:
        'Expected to read the library in postgres://ada@127.0.0.1:1/papers, schema paperkin, but the server cannot be reached (ECONNREFUSED): see that it runs and try again.',
    })
  })

  it('that is neither a url nor a pool is refused', async () => {
    await expect(PostgresStorage.open({ host: 'db' }, { identity })).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('of a database without pgvector gets the statement that adds it', async () => {
    const server = await startPglite({ hasVector: false })
    await expect(PostgresStorage.open(server.url, { identity })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/run `create extension vector` there, as a superuser/u),
    })
    await server.stop()
  })
})

describe.skipIf(postgresBin === '')('a server that fails', { timeout: 300_000 }, () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.make()
  })
  afterAll(() => server?.stop())

  it('refuses a user without the right to make a schema, and says which right that is', async () => {
    await server.run('create role reader login')
    const url = server.url.replace('postgres@', 'reader@')
    await expect(PostgresStorage.open(url, { schema: 'theirs', identity })).rejects.toMatchObject({
      code: 'store-unwritable',
      message: expect.stringMatching(/lacks a right \(permission denied for database postgres\): .*grant/u),
    })
    const storage = await PostgresStorage.open(server.url, { schema: 'theirs', identity })
    await storage.commit({ papers: [trial(1, 0)], nextRow: 1 })
    await expect(PostgresStorage.open(url, { schema: 'theirs', readOnly: true })).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(
        /permission denied for schema theirs\): grant it, or open .* owner of the schema\.$/u,
      ),
    })
    await server.run('grant usage on schema theirs to reader')
    await server.run('grant select on all tables in schema theirs to reader')
    const reader = await PostgresStorage.open(url, { schema: 'theirs', readOnly: true })
    expect((await contents(reader)).papers).toHaveLength(1)
    await Promise.all([reader.close(), storage.close()])
  })

  it('is without SSL, which it says of a url that wants it', async () => {
    await expect(PostgresStorage.open(`${server.url}?sslmode=verify-full`, { identity })).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringContaining('without SSL: leave `sslmode` out'),
    })
  })

  it('may end every connection: reads and changes are made again', async () => {
    const storage = await PostgresStorage.open(server.url, { schema: 'cut', identity })
    const cutting = (async () => {
      for (let cut = 0; cut < 25; cut++) {
        await server.run(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'paperkin'`)
        await wait(40 + 10 * (cut % 7))
      }
    })()
    for (let i = 0; i < 40; i++) {
      const papers = Array.from({ length: 20 }, (_, j) => trial(20 * i + j, storage.nextRow + j))
      await storage.commit({ papers, nextRow: storage.nextRow + 20 })
    }
    const { papers } = await contents(storage)
    await cutting
    expect(papers.map(({ id }) => id)).toEqual(Array.from({ length: 800 }, (_, i) => `paper-${i}`))
    expect(await storage.verify()).toMatchObject({ isWhole: true, papers: 800 })
    await storage.close()
  })

  it('loses nothing and has nothing twice where four processes add and it is killed in between', async () => {
    const { papers, acknowledged, broken, verification } = await killTrial(server, { kills: 3 })
    expect(acknowledged).toBeGreaterThanOrEqual(200)
    expect(broken).toEqual([])
    expect(verification).toMatchObject({ isWhole: true, papers })
  })
})

describe.skipIf(!hasForeign)('papers over three servers', { timeout: 300_000 }, () => {
  let servers: Awaited<ReturnType<typeof startThree>> | undefined
  let storage: PostgresStorage
  const [main, east, west] = [0, 1, 2].map((i) => () => servers?.[i] as PostgresServer) as [
    () => PostgresServer,
    () => PostgresServer,
    () => PostgresServer,
  ]
  const commit = (numbers: readonly number[], more: object = {}, removed: readonly string[] = []) =>
    storage.commit({
      papers: numbers.map((number, i) => trial(number, storage.nextRow + i, more)),
      removed,
      nextRow: storage.nextRow + numbers.length,
    })
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

  beforeAll(async () => {
    servers = await startThree()
    await spreadTables(servers, { rows: 1000, dimensions: 8, partitions: 6 })
    storage = await PostgresStorage.open(main().url, { identity })
  })
  afterAll(async () => {
    await storage?.close()
    await Promise.all((servers ?? []).map((server) => server.stop()))
  })

  it('are added, changed, removed and read as on one', async () => {
    await commit(range(0, 300))
    await commit(range(0, 50), { url: 'https://example.org' }, ['paper-200', 'paper-201'])
    const { papers } = await contents(storage)
    expect(papers.map(({ id }) => id)).toEqual(
      range(0, 300).flatMap((number) => (number === 200 || number === 201 ? [] : [`paper-${number}`])),
    )
    expect(papers.filter(({ url }) => url !== undefined)).toHaveLength(50)
    expect(await storage.verify()).toMatchObject({ isWhole: true, papers: 298 })
    const parts = (await main().run('select count(*)::int as n from paperkin.papers group by tableoid')) as {
      n: number
    }[]
    expect(parts).toHaveLength(6)
    await main().run('create role reader login')
    await main().run('grant usage on schema paperkin to reader')
    await main().run('grant select on all tables in schema paperkin to reader')
    const url = main().url.replace('postgres@', 'reader@')
    const read = PostgresStorage.open(url, { readOnly: true }).then((reader) =>
      contents(reader).finally(() => reader.close()),
    )
    await expect(read).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(
        /on another server \(user mapping not found .*"reader".*\): run `create user mapping`/u,
      ),
    })
    for (const { n } of parts) expect(n).toBeGreaterThan(20)
  })

  it('wait for a server that is stopped, and are whole after its return', async () => {
    await east().end()
    const adding = commit(range(300, 360))
    await wait(1000)
    await east().start()
    await adding
    expect(await storage.verify()).toMatchObject({ isWhole: true, papers: 358 })
  })

  it('are not there half where a server fails as the others have committed', async () => {
    for (const server of [east(), west()]) {
      await server.run(
        `create function fail() returns trigger language plpgsql as $$ begin raise exception 'fails'; end $$`,
      )
    }
    const places = [
      [east(), 1],
      [west(), 2],
    ] as const
    for (const [server, part] of places) {
      await server.run(`create constraint trigger fail after insert or update or delete on paperkin.papers_${part}
        deferrable initially deferred for each row execute function fail()`)
      const numbers = range(360 + 100 * part, 400 + 100 * part)
      await expect(commit(numbers, {}, ['paper-100', 'paper-101'].slice(part - 1, part))).rejects.toThrow(/fails/u)
      await server.run(`drop trigger fail on paperkin.papers_${part}`)
      // Another process makes it whole, and then adds the same papers.
      const other = await PostgresStorage.open(main().url, { identity })
      await other.commit({
        papers: numbers.map((number, i) => trial(number, other.nextRow + i)),
        nextRow: other.nextRow + 40,
      })
      expect(await other.verify()).toMatchObject({ isWhole: true, papers: 358 + 39 * part })
      await other.close()
    }
    const { papers } = await contents(storage)
    expect(new Set(papers.map(({ id }) => id)).size).toBe(papers.length)
  })
})
