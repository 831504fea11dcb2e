// Questions to a hot standby, and questions that are given up, on real servers.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { Database } from '../../src/library/postgres/database.ts'
import type { PaperInput } from '../../src/paper.ts'
import { letters } from './letters.ts'
import { PostgresServer, postgresBin } from './postgres-servers.ts'

const subjects = ['methane from ponds', 'protein design', 'grasping glass', 'bells of old towns', 'maps of ice']
const papers: readonly PaperInput[] = Array.from({ length: 200 }, (_, i) => ({
  id: `p${i}`,
  title: `${subjects[i % 5]} ${i}`,
  abstract: `We study ${subjects[i % 5]} and ${subjects[(i * 7 + 1) % 5]}, sample ${i % 13}. Of ${i * i} we keep ${i}.`,
  categories: [i % 2 === 0 ? 'cs.CL' : 'cs.LG'],
  published: `202${i % 5}-0${1 + (i % 9)}-11`,
}))

/** The answers of every call that reads. */
async function answersOf(library: PaperLibrary): Promise<unknown> {
  const streamed = []
  for await (const paper of library.streamPapers({ filter: { categories: 'cs.CL' } })) streamed.push(paper)
  const topics = await library.topics({ count: 4 })
  return JSON.parse(
    JSON.stringify([
      library.size,
      library.dimensions,
      await library.search('ice of ponds', { total: true, why: true, filter: { categories: 'cs.LG' } }),
      await library.search('"old towns"', { mode: 'lexical', recency: 0.2 }),
      await library.related('p3', { omitDuplicates: true }),
      await library.relatedMany(['p1', { like: ['p4'], unlike: ['p5'] }]),
      await library.recommend({ liked: ['p1', 'p6'], disliked: 'p2' }),
      await library.readPapers(['p1', 'none']),
      await library.readVectors(['p1']),
      await library.readAreas(['p1']),
      await library.countPapers({ filter: { year: 2022 } }),
      await library.findPapers('grasping glas'),
      streamed,
      await library.duplicates(),
      await library.novelty({ since: '2024' }),
      topics,
      await library.report(topics, { format: 'markdown' }),
      (await library.verify()).isWhole,
    ]),
  )
}

describe.skipIf(postgresBin === '')('a hot standby', { timeout: 300_000 }, () => {
  let primary: PostgresServer
  let standby: PostgresServer
  let writer: PaperLibrary
  const open = (server: PostgresServer, readOnly: boolean, schema = 'paperkin') =>
    PaperLibrary.open({ postgres: server.url, schema, readOnly, embedder: letters() })
  beforeAll(async () => {
    primary = await PostgresServer.make()
    writer = await open(primary, false)
    await writer.add(papers.slice(0, 150))
    standby = await PostgresServer.standbyOf(primary, { max_standby_streaming_delay: '100ms' })
  }, 240_000)
  afterAll(async () => {
    await writer?.close()
    await standby?.stop()
    await primary?.stop()
  })

  it('answers as its primary does, and sees what was added once it was sent', async () => {
    const reader = await open(standby, true)
    expect(reader.size).toBe(150)
    await writer.add(papers)
    await standby.follow(primary)
    expect(await reader.countPapers()).toBe(200)
    expect(await answersOf(reader)).toEqual(await answersOf(writer))
    await reader.close()
  })

  it('takes no change, and says so in one sentence', async () => {
    const sentence =
      /^Expected to write to the library in postgres:.*, but this server is a replica and takes no changes: name its primary, or open the library with `readOnly: true`\.$/u
    await expect(open(standby, false)).rejects.toMatchObject({ code: 'store-unwritable', message: sentence })
    await expect(open(standby, false, 'new')).rejects.toMatchObject({ code: 'store-unwritable', message: sentence })
    await expect(open(standby, true, 'new')).rejects.toThrow(/but there is none/u)
    const reader = await open(standby, true)
    await expect(reader.add(papers)).rejects.toMatchObject({ code: 'store-unwritable' })
    await expect(reader.remove(['p1'])).rejects.toMatchObject({ code: 'store-unwritable' })
    await reader.close()
    // What a server says that became a replica after it was opened.
    const database = await Database.connect(standby.url)
    await expect(database.transaction((ask) => ask('delete from paperkin.state'))).rejects.toMatchObject({
      code: 'store-unwritable',
      message: sentence,
    })
    await database.close()
  })

  it.each([
    ['a statement', (ask: (text: string) => Promise<unknown>) => ask('select pg_sleep(30)')],
    // The connection is ended then.
    ['a question between two statements', () => new Promise((resolve) => setTimeout(resolve, 2000))],
  ])('asks again what the standby cancels to catch up: %s', async (_, wait) => {
    const database = await Database.connect(standby.url)
    let attempts = 0
    const count = await database.snapshot(async (ask) => {
      attempts++
      await ask('select count(*) from paperkin.papers')
      if (attempts === 1) {
        // The standby cannot remove rows that this snapshot may still read, and waits no longer than 100 ms.
        await primary.run('drop table if exists paperkin.cleared')
        await primary.run('create table paperkin.cleared as select generate_series(1, 1000) as n')
        await primary.run('delete from paperkin.cleared')
        await primary.run('vacuum (freeze) paperkin.cleared')
        await wait(ask)
      }
      return (await ask<[string]>('select count(*) from paperkin.papers'))[0]?.[0]
    })
    expect(attempts).toBeGreaterThan(1)
    expect(Number(count)).toBe(200)
    await database.close()
  })

  it('answers while its primary is down, and while it becomes the primary itself', async () => {
    const reader = await open(standby, true)
    const expected = (await reader.search('ice of ponds')).hits
    let isDone = false
    let asked = 0
    const asking = (async () => {
      while (!isDone) {
        expect((await reader.search('ice of ponds')).hits).toEqual(expected)
        asked++
      }
    })()
    const more = async (count: number) => {
      const until = asked + count
      while (asked < until) await Promise.race([asking, new Promise((resolve) => setTimeout(resolve, 20))])
    }
    await more(3)
    await primary.kill()
    await more(3)
    await standby.run('select pg_promote(true)')
    await more(3)
    isDone = true
    await asking
    await expect(reader.add(papers)).rejects.toMatchObject({ code: 'store-unwritable' })
    const next = await open(standby, false)
    await next.add([{ id: 'after', title: 'After the promotion' }])
    expect(await reader.countPapers()).toBe(201)
    await Promise.all([reader.close(), next.close()])
  })
})

describe.skipIf(postgresBin === '')('a question that is given up', { timeout: 120_000 }, () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.make()
  }, 120_000)
  afterAll(() => server?.stop())
  /** Statements of paperkin that the server works on. */
  const running = async () =>
    (await server.run(
      `select pid, query from pg_stat_activity where application_name = 'paperkin' and state = 'active'`,
    )) as { pid: number }[]
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  it.each(['read', 'snapshot', 'transaction', 'alone'] as const)(
    'ends at once, and the server stops working on it: %s',
    async (kind) => {
      const database = await Database.connect(server.url)
      const abort = new AbortController()
      const { signal } = abort
      const slow = async (ask: (text: string) => Promise<unknown>) => {
        await ask('select pg_sleep(600)')
      }
      const asked =
        kind === 'alone'
          ? database.alone((inTransaction) => inTransaction(slow), { signal })
          : database[kind](slow, { signal })
      await until(async () => (await running()).length === 1)
      abort.abort(new Error('enough'))
      await expect(asked).rejects.toThrow('enough')
      await until(async () => (await running()).length === 0)
      // The connection is given up; others answer, and the lock of `alone` is free.
      expect(await database.read((ask) => ask('select 1'))).toEqual([[1]])
      expect(await database.alone((inTransaction) => inTransaction((ask) => ask('select 2')))).toEqual([[2]])
      await database.close()
    },
  )

  it('in a pool of the caller’s leaves the pool whole', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1, application_name: 'paperkin' })
    pool.on('error', () => {})
    const database = await Database.connect(pool)
    const abort = new AbortController()
    const asked = database.snapshot((ask) => ask('select pg_sleep(600)'), { signal: abort.signal })
    await until(async () => (await running()).length === 1)
    abort.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await until(async () => (await running()).length === 0)
    await database.close()
    await pool.end()
  })

  it.skipIf(process.platform !== 'linux')('need not wait for a server that stands still', async () => {
    const library = await PaperLibrary.open({ postgres: server.url, schema: 'still', embedder: letters() })
    await library.add(papers.slice(0, 5))
    await library.search('ice')
    const abort = new AbortController()
    await server.freeze(true)
    try {
      const search = library.search('ice', { signal: abort.signal })
      const count = library.countPapers()
      const ended = Promise.allSettled([search, count])
      setTimeout(() => abort.abort(new Error('enough')), 100)
      await expect(search).rejects.toThrow('enough')
      await library.close()
      expect((await ended)[1]).toMatchObject({
        status: 'rejected',
        reason: expect.objectContaining({ code: 'library-closed' }),
      })
    } finally {
      await server.freeze(false)
    }
  })

  it('is a search that waits for a lock, or for a connection; a change is undone', async () => {
    const library = await PaperLibrary.open({ postgres: server.url, embedder: letters() })
    await library.add(papers.slice(0, 20))
    const database = await Database.connect(server.url)
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let lock = () => {}
    const locked = new Promise<void>((resolve) => {
      lock = resolve
    })
    const holding = database.transaction(async (ask) => {
      await ask('lock table paperkin.papers in access exclusive mode')
      lock()
      await held
    })
    await locked
    // More than the pool has connections.
    const aborts = Array.from({ length: 20 }, () => new AbortController())
    const searches = aborts.map(({ signal }) => library.search('ice', { signal }))
    const adding = new AbortController()
    const added = library.add([{ id: 'new', title: 'New' }], { signal: adding.signal })
    await until(async () => (await running()).length >= 8)
    const settled = Promise.allSettled([...searches, added])
    for (const abort of [...aborts, adding]) abort.abort(new Error('enough'))
    for (const one of await settled)
      expect(one).toMatchObject({ status: 'rejected', reason: expect.objectContaining({ message: 'enough' }) })
    await until(async () => (await running()).length === 0)
    release()
    await holding
    expect(await library.countPapers()).toBe(20)
    expect((await library.search('ice')).hits.length).toBeGreaterThan(0)
    await Promise.all([library.close(), database.close()])
  })
})

describe.skipIf(postgresBin !== '')('replicas and questions that are given up', () => {
  it.skip('need PAPERKIN_POSTGRES_BIN', () => {})
})
