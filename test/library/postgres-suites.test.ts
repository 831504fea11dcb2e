// The suites of libraries in memory, on Postgres. Left out are those of calls that answer at once, which are refused
// there (their asynchronous forms are compared in postgres-library.test.ts), and of folders; of 2,100 equal papers the
// order, as the database may propose any of them; and a recommendation by words that only removed papers had, which a
// library in memory knows until it is opened again.
import { afterAll, beforeAll, describe } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { letters } from './letters.ts'
import { hasServer, startPglite, startServer, type TestServer } from './postgres-servers.ts'
import { rankingSuite } from './ranking-suite.ts'
import { recommendSuite } from './recommend-suite.ts'

const starts: Readonly<Record<string, () => Promise<TestServer>>> = hasServer
  ? { PostgreSQL: startServer }
  : { PGlite: startPglite }

for (const [name, start] of Object.entries(starts))
  describe(`on ${name}`, { timeout: 300_000 }, () => {
    let server: TestServer
    let schemas = 0
    const opened: PaperLibrary[] = []
    beforeAll(async () => {
      server = await start()
    }, 120_000)
    afterAll(async () => {
      await Promise.all(opened.map((library) => library.close()))
      await server?.stop()
    })
    const open: Parameters<typeof recommendSuite>[0] = async (papers, embedder) => {
      const schema = `suite ${Date.now()} ${schemas++}`
      const library = await PaperLibrary.open({ postgres: server.url, schema, embedder })
      opened.push(library)
      await library.add(papers)
      return library
    }
    rankingSuite((papers) => open(papers, letters()), { isFar: true })
    recommendSuite(open, { isFar: true })
  })
