import { afterAll, beforeAll, describe } from 'vitest'
import { PostgresStorage } from '../../src/library/postgres/postgres-storage.ts'
import { hasServer, startPglite, startServer, type TestServer } from './postgres-servers.ts'
import { identity, storageContract } from './storage-contract.ts'

for (const { name, isHere, start } of [
  { name: 'PGlite', isHere: true, start: () => startPglite() },
  { name: 'a server', isHere: hasServer, start: startServer },
])
  describe.skipIf(!isHere)(name, () => {
    let server: TestServer
    let schemas = 0
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.stop())

    storageContract(`Postgres on ${name}`, async (options) => {
      const schema = `contract ${process.pid} ${schemas++}`
      const open = (readOnly = false) =>
        PostgresStorage.open(server.url, { schema, identity: options?.identity ?? identity, readOnly })
      return { storage: await open(), isShared: true, reopen: (how) => open(how?.readOnly) }
    })
  })
