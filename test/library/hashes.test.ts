import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'

const counted = vi.hoisted(() => ({ hashes: 0 }))
vi.mock('node:crypto', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:crypto')>()
  const createHash: typeof real.createHash = (algorithm, options) => {
    if (algorithm === 'sha256') counted.hashes++
    return real.createHash(algorithm, options)
  }
  return { ...real, default: { ...real, createHash }, createHash }
})

const root = mkdtempSync(join(tmpdir(), 'paperkin-hashes-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const papers = Array.from({ length: 40 }, (_, i) => ({ id: `p${i}`, title: `Title ${i}`, abstract: `About ${i}.` }))
let embedded = 0
const embed = Object.assign(
  async (texts: readonly string[]) => {
    embedded += texts.length
    return texts.map((text) => [text.length, ...Buffer.from(text.slice(-8).padStart(8))])
  },
  { modelId: 'ends' },
)

it('hashes a text once on its way in, for the storage and the embedder’s cache', async () => {
  const library = await PaperLibrary.open({ path: join(root, 'model'), embedder: embed })
  counted.hashes = 0
  embedded = 0
  await library.add(papers)
  expect([counted.hashes, embedded]).toEqual([papers.length, papers.length])
  // A change of other fields hashes nothing.
  await library.add(papers.map((one) => ({ ...one, url: 'https://example.org' })))
  expect(counted.hashes).toBe(papers.length)
  // What the storage knows is not embedded again, and neither is what the cache knows by the same key.
  await library.remove(['p1', 'p2'])
  await library.add(papers.slice(1, 3))
  expect([counted.hashes, embedded]).toEqual([papers.length + 2, papers.length])
  await library.close()
})

it('finds in the embedder’s cache what a library on disk was given, and the other way round', async () => {
  let runs = 0
  const counting = Object.assign(
    async (texts: readonly string[]) => {
      runs += texts.length
      return texts.map((text) => [text.length, text.charCodeAt(6)])
    },
    { modelId: 'counting' },
  )
  const { resolveEmbedder } = await import('../../src/embedding/resolve-embedder.ts')
  const embedder = await resolveEmbedder(counting)
  const width = runs
  const disk = await PaperLibrary.open({ path: join(root, 'cache'), embedder })
  await disk.add(papers.slice(0, 10))
  const memory = await PaperLibrary.open({ embedder })
  await memory.add(papers.slice(0, 20))
  await disk.add(papers.slice(10, 20))
  expect(runs - width).toBe(20)
  expect(disk.vector('p15')).toEqual(memory.vector('p15'))
  await Promise.all([disk.close(), memory.close()])
})

it('hashes a vector of one’s own once, and none in memory', async () => {
  const vectors = papers.map((_, i) => [i, 1])
  const disk = await PaperLibrary.open({ path: join(root, 'own'), embedder: 'none' })
  counted.hashes = 0
  await disk.add(papers, { vectors })
  expect(counted.hashes).toBe(papers.length)
  const memory = await PaperLibrary.open({ embedder: 'none' })
  await memory.add(papers, { vectors })
  expect(counted.hashes).toBe(papers.length)
  await Promise.all([disk.close(), memory.close()])
})
