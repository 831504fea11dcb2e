import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { LogStorage } from '../../src/library/storage/log-storage.ts'
import { MemoryStorage } from '../../src/library/storage/memory-storage.ts'
import { identity, storageContract } from './storage-contract.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-storage-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0

storageContract('memory', async (options) => ({ storage: new MemoryStorage(options?.identity ?? identity) }))

storageContract('a log in a folder', async (options) => {
  const path = join(root, String(folders++))
  const open = (readOnly = false) => LogStorage.open(path, { identity: options?.identity ?? identity, readOnly })
  return { storage: await open(), reopen: (how) => open(how?.readOnly) }
})
