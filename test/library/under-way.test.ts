import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { HnswIndex } from '../../src/vectors/hnsw/hnsw-index.ts'
import { letters, lettersLibrary, paper } from './letters.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-under-way-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('closing', () => {
  it('ends what waits for an embedder that never answers', async () => {
    const quick = letters()
    let isStuck = false
    const library = await PaperLibrary.open({
      embedder: {
        ...quick,
        embed: (texts, options) => (isStuck ? new Promise<never>(() => {}) : quick.embed(texts, options)),
      },
    })
    await library.add(Array.from({ length: 20 }, (_, i) => paper(`p${i}`)))
    isStuck = true
    const warned = vi.spyOn(process, 'emitWarning')
    const waiting = [
      ...Array.from({ length: 30 }, () => library.search('reeds')),
      library.search('reeds', { signal: new AbortController().signal }),
      library.related({ title: 'A draft' }),
      library.add([paper('new')]),
    ]
    const ends = Promise.allSettled(waiting)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await library.close()
    for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'library-closed' } })
    expect(warned).not.toHaveBeenCalled()
    warned.mockRestore()
  })

  it('happens at the end of a block', async () => {
    let kept: PaperLibrary
    {
      await using library = await lettersLibrary([paper('a')])
      kept = library
    }
    expect(() => kept.papers()).toThrow(/closed/u)
  })
})

describe('adding on disk', () => {
  it('keeps every thread of a slow model busy, however slow it is', async () => {
    const least = Math.max(16, 4 * availableParallelism())
    const quick = letters()
    const sizes: number[] = []
    let running = 0
    let most = 0
    const embedder = {
      ...quick,
      // Even the smallest batch takes longer than batches should.
      embed: async (texts: readonly string[], options = {}) => {
        sizes.push(texts.length)
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, (1200 * texts.length) / least))
        running--
        return quick.embed(texts, options)
      },
    }
    const library = await PaperLibrary.open({ path: join(root, 'slow'), embedder })
    const papers = Array.from({ length: 6 * least - 5 }, (_, i) => paper(`p${i}`))
    expect((await library.add(papers)).added).toHaveLength(papers.length)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(least)
    // The next batch is begun before the last thread has ended the one before.
    expect(most).toBe(2)
    await library.close()
  })
})

it('a graph that cannot be built is told of', async () => {
  const library = await PaperLibrary.open({ embedder: letters(), index: 'auto' })
  await library.add([paper('a')])
  expect(library.index).toEqual({ kind: 'exact' })
  const failure = new Error('no compiler')
  const failed = vi.spyOn(HnswIndex.prototype, 'failure', 'get').mockReturnValue(failure)
  expect(library.index).toEqual({ kind: 'exact', failure })
  failed.mockRestore()
  await library.close()
})

describe('a collection', () => {
  it('counts what matches a question, where that is asked for', async () => {
    const library = await lettersLibrary(
      Array.from({ length: 90 }, (_, i) => ({
        ...paper(`p${i}`, `Reeds ${i}`),
        categories: [i % 3 === 0 ? 'a' : 'b'],
      })),
    )
    await library.add([paper('other', 'Tides', 'Only tides.')])
    const filter = { categories: 'a' }
    expect((await library.search('reeds', { k: 2 })).total).toBeUndefined()
    expect((await library.search('reeds', { k: 2, total: true, why: true })).total).toBe(91)
    expect((await library.search('reeds', { k: 2, offset: 80, total: true, filter })).total).toBe(30)
    expect((await library.search('tides', { total: true, mode: 'lexical' })).total).toBe(1)
    expect((await library.search('"only tides"', { total: true })).total).toBe(1)
    expect(await library.related('p0', { k: 1, total: true, filter })).toMatchObject({ total: 29, hits: [{}] })
    await library.close()
  })

  it('can be gone through, asked for many, emptied and looked at', async () => {
    const path = join(root, 'many')
    const library = await PaperLibrary.open({ path, embedder: letters() })
    await library.add(['a', 'b', 'c'].map((id) => paper(id)))
    expect([...library].map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(library.getMany(['c', 'x', 'a']).map((one) => one?.id)).toEqual(['c', undefined, 'a'])
    expect(inspect(library)).toBe(`PaperLibrary { 3 papers in ${path}, letters, 27 dimensions }`)
    expect(await library.clear()).toBe(3)
    expect([library.size, await library.clear()]).toEqual([0, 0])
    await library.close()
    const again = await PaperLibrary.open({ path, embedder: letters(), create: false })
    expect(again.size).toBe(0)
    await again.close()
    await expect(PaperLibrary.open({ path: join(root, 'typo'), create: false })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/there is none in .*typo/u),
    })
  })
})
