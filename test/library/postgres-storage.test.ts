import { afterAll, beforeAll } from 'vitest'
import { PostgresStorage } from '../../src/library/postgres/postgres-storage.ts'
import { startPglite, type TestServer } from './postgres-servers.ts'
import { identity, storageContract } from './storage-contract.ts'

let server: TestServer
let schemas = 0
beforeAll(async () => {
  server = await startPglite()
})
afterAll(() => server?.stop())

storageContract('Postgres (PGlite)', async (options) => {
  const schema = `contract ${schemas++}`
  const open = (readOnly = false) =>
    PostgresStorage.open(server.url, { schema, identity: options?.identity ?? identity, readOnly })
  return { storage: await open(), isShared: true, reopen: (how) => open(how?.readOnly) }
})
