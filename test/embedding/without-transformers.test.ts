import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'

const installed = vi.hoisted(() => ({ path: undefined as string | undefined }))

vi.mock('../../src/runtime/package-files.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/runtime/package-files.ts')>()
  const packageRequire = () => ({
    resolve: (name: string) => {
      if (installed.path === undefined) throw new Error(`Cannot find module '${name}'`)
      return installed.path
    },
  })
  return { ...original, packageRequire }
})

const command = '`npm install --ignore-scripts @huggingface/transformers`'

it.each([
  [{ model: 'Xenova/bge-small-en-v1.5' }, 'The model Xenova/bge-small-en-v1.5'],
  [{ model: './models/MiniLM-L6-papers' }, 'The model '],
  [{ device: 'cuda' as const }, "`device: 'cuda'`"],
])('names the one command where %o needs transformers.js', async (options, who) => {
  const error = await createEmbedder(options).catch((error) => error)
  expect(error).toMatchObject({ code: 'embedder-unavailable' })
  expect(error.message.startsWith(who)).toBe(true)
  expect(error.message).toContain(`needs transformers.js 4 or newer, which is not installed: ${command}`)
})

it('says so for a version that is too old', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-old-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{ "name": "@huggingface/transformers", "version": "3.8.1" }')
    installed.path = join(folder, 'index.js')
    await expect(createEmbedder({ model: 'Xenova/bge-small-en-v1.5' })).rejects.toThrow(
      `and 3.8.1 is installed: ${command}`,
    )
  } finally {
    installed.path = undefined
    rmSync(folder, { recursive: true })
  }
})

it('embeds with the bundled model without it', async () => {
  const embedder = await createEmbedder({ cache: false, workers: 1 })
  expect((await embedder.embed(['Ice on a pond']))[0]).toHaveLength(384)
  await embedder.close?.()
})
