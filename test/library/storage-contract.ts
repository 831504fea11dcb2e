import { existsSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type Batch,
  type ComingPaper,
  type Storage,
  type StorageIdentity,
  type StoredPaper,
  type StoredVector,
  textKeys,
  vectorKey,
} from '../../src/library/storage/storage.ts'
import { type Paper, toPaper } from '../../src/paper.ts'

export const identity: StorageIdentity = {
  modelId: 'letters',
  dimensions: 3,
  recipe: 'title, line break, abstract',
  settings: 'abc',
}
const keyOf = textKeys({ modelId: 'letters', fingerprint: 'abc' })

const paperOf = (id: string, more: object = {}): Paper =>
  toPaper({ id, title: `Title of ${id}`, abstract: `Abstract of ${id} — «é» 標題.`, ...more })
/** The vector of a text, told apart by its key; `at` says which way it points. */
const vectorOf = (text: string, at = 0): StoredVector => ({
  key: keyOf(text),
  vector: Float32Array.from([0, 1, 2], (d) => (d === at % 3 ? 0.8 : 0.6 * ((at + d) % 2))),
})
const coming = (
  id: string,
  row: number,
  vector: ComingPaper['vector'] = vectorOf(id, row),
  more = {},
): ComingPaper => ({
  paper: paperOf(id, more),
  row,
  textCrc: -row - 7,
  vector,
})

/** What a storage hands out, taken over as a library does. */
async function contents(storage: Storage, { isAll = true } = {}) {
  const papers = new Map<string, StoredPaper>()
  const vectors = new Map<string, number[]>()
  const sizes: number[] = []
  const { isAnew, batches } = await storage.load({ isAll, present: () => papers.values() })
  for await (const { removed, papers: found, places, vectors: floats } of batches) {
    sizes.push(found.length)
    for (const id of removed) papers.delete(id)
    const dimensions = storage.identity.dimensions
    const elsewhere = await storage.readVectors(found)
    for (const [i, paper] of found.entries()) {
      papers.set(paper.id, paper)
      const place = places[i] as number
      const own = [...(elsewhere[i]?.vector ?? [])]
      // What comes with a batch is what is read later.
      if (place >= 0) expect([...floats.slice(place * dimensions, (place + 1) * dimensions)]).toEqual(own)
      vectors.set(paper.id, own)
    }
  }
  const all = [...papers.values()]
  return {
    isAnew,
    sizes,
    stored: all,
    papers: await storage.readPapers(all),
    rows: all.map(({ row }) => row),
    crcs: all.map(({ textCrc }) => textCrc),
    vectors: all.map(({ id }) => vectors.get(id)),
  }
}

/** An empty storage that was made for {@link identity}, and how it is opened again where it outlives the process. */
export interface Contestant {
  readonly storage: Storage
  /** Whether several may write at a time. */
  readonly isShared?: boolean
  readonly reopen?: (options?: { readonly readOnly?: boolean }) => Promise<Storage>
}

/** What every storage must do, whatever is behind it. `make` gives an empty one. */
export function storageContract(
  name: string,
  make: (options?: { readonly identity?: StorageIdentity }) => Promise<Contestant>,
): void {
  /** Opened again where that can be, so that what is asked is what was kept. */
  const again = async ({ storage, reopen }: Contestant): Promise<Storage> => {
    if (reopen === undefined) return storage
    await storage.close()
    return reopen()
  }

  describe(`storage contract: ${name}`, () => {
    it('is empty at first', async () => {
      const { storage } = await make()
      expect(storage.identity).toMatchObject(identity)
      expect(storage.nextRow).toBe(0)
      expect(await contents(storage)).toMatchObject({ isAnew: true, papers: [], rows: [] })
      expect(await storage.readVectors([keyOf('nothing')])).toEqual([undefined])
      expect(await storage.readPapers([])).toEqual([])
      await storage.close()
    })

    it('keeps papers with all their fields, rows, marks and vectors, bit for bit', async () => {
      const made = await make()
      const fields = {
        authors: ['Ada', 'Bo'],
        categories: ['cs.CL'],
        published: '2025-03-12',
        url: 'https://example.org/a',
        version: 2,
        extra: { doi: '10.1/x', nested: { list: [1, null, 'é'] } },
      }
      const odd = Float32Array.of(1e-38, -0.1, 0.994987)
      const given = [
        coming('a', 4, { key: keyOf('a'), vector: odd }, fields),
        coming('b', 9, { ...vectorOf('b', 1), truncation: { tokens: 300, cut: 44, estimated: true } }),
      ]
      const stored = await made.storage.commit({ papers: given, nextRow: 12 })
      expect(stored.map(({ id, row, textCrc, cached }) => [id, row, textCrc, cached])).toEqual([
        ['a', 4, -11, undefined],
        ['b', 9, -16, undefined],
      ])
      expect(await made.storage.readPapers([...stored].reverse())).toEqual([given[1]?.paper, given[0]?.paper])
      const storage = await again(made)
      const found = await contents(storage)
      expect(found.papers).toEqual(given.map(({ paper }) => paper))
      expect(Object.isFrozen(found.papers[0])).toBe(true)
      expect([found.rows, found.crcs, storage.nextRow]).toEqual([[4, 9], [-11, -16], 12])
      expect(found.vectors[0]).toEqual([...odd])
      expect(await storage.readVectors([keyOf('b'), keyOf('c'), found.stored[0] as StoredPaper])).toEqual([
        { ...vectorOf('b', 1), truncation: { tokens: 300, cut: 44, estimated: true } },
        undefined,
        { key: keyOf('a'), vector: odd },
      ])
      await storage.close()
    })

    it('makes changes in order: ids that go, then papers that come', async () => {
      const made = await make()
      const { storage } = made
      await storage.commit({ papers: [coming('a', 0), coming('b', 1), coming('c', 2)], nextRow: 3 })
      await storage.commit({ removed: ['a', 'nobody'], papers: [coming('d', 3)], nextRow: 4 })
      // Comes again behind the others.
      await storage.commit({ removed: ['b'], papers: [coming('b', 4)], nextRow: 5 })
      // Keeps its place.
      await storage.commit({ papers: [coming('c', 5, undefined, { url: 'x' })], nextRow: 6 })
      await storage.commit({ removed: ['d'], nextRow: 6 })
      const after = await again(made)
      const { papers, rows } = await contents(after)
      expect(papers.map(({ id, url }) => [id, url])).toEqual([
        ['c', 'x'],
        ['b', undefined],
      ])
      expect(rows).toEqual([5, 4])
      expect(after.nextRow).toBe(6)
      await after.close()
    })

    it('keeps one vector for each key, also when no paper has it any more', async () => {
      const made = await make()
      const { storage } = made
      const shared = vectorOf('shared', 2)
      const other = { ...shared, vector: Float32Array.of(1, 0, 0) }
      const [a] = await storage.commit({ papers: [coming('a', 0, shared), coming('b', 1, other)], nextRow: 2 })
      // Only other fields are new.
      await storage.commit({ papers: [{ ...coming('a', 0, a, { url: 'y' }), textCrc: -7 }], nextRow: 2 })
      await storage.commit({ removed: ['b'], nextRow: 2 })
      const after = await again(made)
      const { papers, vectors } = await contents(after)
      expect([papers[0]?.url, vectors]).toEqual(['y', [[...shared.vector]]])
      await after.commit({ removed: ['a'], nextRow: 2 })
      expect((await contents(after)).papers).toEqual([])
      expect(await after.readVectors([keyOf('shared')])).toEqual([shared])
      await after.close()
    })

    it('keeps vectors that no paper has yet', async () => {
      const made = await make()
      await made.storage.commit({ vectors: [vectorOf('x', 1), vectorOf('y', 2)], nextRow: 0 })
      await made.storage.commit({ papers: [coming('p', 0, vectorOf('y', 0))], nextRow: 1 })
      const storage = await again(made)
      const { vectors } = await contents(storage)
      expect(vectors).toEqual([[...vectorOf('y', 2).vector]])
      expect(await storage.readVectors([keyOf('x')])).toEqual([vectorOf('x', 1)])
      await storage.close()
    })

    it('learns its width from the first vectors', async () => {
      const made = await make({ identity: { modelId: 'none', dimensions: 0, recipe: identity.recipe } })
      expect(made.storage.identity.dimensions).toBe(0)
      const vector = Float32Array.of(0, 1, 0, 0, 0)
      const own = { key: vectorKey(vector), vector }
      await made.storage.commit({ papers: [coming('a', 0, own)], nextRow: 1 })
      expect(made.storage.identity.dimensions).toBe(5)
      const storage = await again(made)
      expect(storage.identity).toMatchObject({ modelId: 'none', dimensions: 5 })
      expect((await contents(storage)).vectors).toEqual([[...vector]])
      await storage.close()
    })

    it('hands out many papers in parts, and reads any of them in any order', async () => {
      const made = await make()
      const count = 3000
      for (let start = 0; start < count; start += 500)
        await made.storage.commit({
          papers: Array.from({ length: 500 }, (_, i) => coming(`p${start + i}`, start + i)),
          nextRow: start + 500,
        })
      const storage = await again(made)
      const { stored, papers, vectors, sizes } = await contents(storage)
      expect(papers.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, i) => `p${i}`))
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1024)
      expect(vectors[2999]).toEqual([...vectorOf('p2999', 2999).vector])
      const order = Array.from({ length: count }, (_, i) => (i * 1009) % count)
      const mixed = await storage.readPapers(order.map((i) => stored[i] as StoredPaper))
      expect(mixed.map(({ id }) => id)).toEqual(order.map((i) => `p${i}`))
      if (storage.readNow !== undefined) expect(storage.readNow(stored[77] as StoredPaper)).toEqual(papers[77])
      await storage.close()
    })

    it('stands by what it handed out after a change and a removal', async () => {
      const { storage } = await make()
      const [a, b] = await storage.commit({ papers: [coming('a', 0), coming('b', 1)], nextRow: 2 })
      await storage.commit({ removed: ['b'], papers: [coming('a', 2, undefined, { url: 'new' })], nextRow: 3 })
      expect(await storage.readPapers([b as StoredPaper, a as StoredPaper])).toEqual([paperOf('b'), paperOf('a')])
      await storage.close()
    })

    it('hands out nothing twice, and everything again where that is asked for', async () => {
      const { storage } = await make()
      await contents(storage, { isAll: false })
      await storage.commit({ papers: [coming('a', 0)], nextRow: 1 })
      // Its own change is known to who made it.
      expect(await contents(storage, { isAll: false })).toMatchObject({ isAnew: false, papers: [] })
      expect(await contents(storage)).toMatchObject({ isAnew: true, rows: [0] })
      await storage.close()
    })

    it('ends a load with the signal’s reason, and hands all of it out the next time', async () => {
      const made = await make()
      await made.storage.commit({ papers: [coming('a', 0)], nextRow: 1 })
      await made.storage.commit({ papers: [coming('b', 1)], nextRow: 2 })
      const storage = await again(made)
      const reason = new Error('enough')
      const signal = AbortSignal.abort(reason)
      const loading = async () => {
        const { batches } = await storage.load({ isAll: true, present: () => [], signal })
        for await (const { papers } of batches) expect(papers).toEqual([])
      }
      await expect(loading()).rejects.toBe(reason)
      const { stored } = await contents(storage)
      expect(stored).toHaveLength(2)
      await expect(storage.readPapers(stored, { signal })).rejects.toBe(reason)
      await storage.close()
    })

    it('makes nothing of a commit that fails', async () => {
      const { storage } = await make()
      await storage.commit({ papers: [coming('a', 0)], nextRow: 1 })
      await storage.close()
      await expect(storage.commit({ papers: [coming('b', 1)], nextRow: 2 })).rejects.toMatchObject({
        code: expect.stringMatching(/^(library-closed|store-unwritable)$/u),
      })
      expect(storage.nextRow).toBe(1)
    })

    it('is read no more once it is closed', async () => {
      const made = await make()
      await made.storage.commit({ papers: [coming('a', 0)], nextRow: 1 })
      const storage = await again(made)
      const { stored } = await contents(storage)
      await storage.close()
      await expect(storage.readPapers(stored)).rejects.toMatchObject({ code: 'library-closed' })
      if (storage.readNow !== undefined)
        expect(() => storage.readNow?.(stored[0] as StoredPaper)).toThrow(
          expect.objectContaining({ code: 'library-closed' }),
        )
    })

    it('is replaced in one step, with papers and vectors that it had or that are new', async () => {
      const made = await make()
      const { storage } = made
      await storage.commit({ papers: ['a', 'b', 'c', 'gone'].map((id, row) => coming(id, row)), nextRow: 4 })
      await storage.commit({ removed: ['gone'], vectors: [vectorOf('by key', 1)], nextRow: 4 })
      const found = await storage.inspect({ reads: true })
      expect([found.isWhole, found.isDamaged, found.isIdentityKnown]).toEqual([true, false, true])
      expect([[...found.papers.keys()], found.dropped, found.dimensions]).toEqual([['a', 'b', 'c'], [], 3])
      expect([...found.papers.values()].every((paper) => found.hasVector(paper))).toBe(true)
      const [a, b, c] = [...found.papers.values()] as [StoredPaper, StoredPaper, StoredPaper]
      const made2 = vectorOf('new', 2)
      await storage.rewrite({
        identity: { ...identity, modelId: 'other' },
        papers: [
          { paper: c, vector: 'own' },
          { paper: a, vector: keyOf('by key') },
          { paper: b, vector: made2 },
        ],
        keepsOthers: false,
      })
      const after = await again(made)
      expect(after.identity.modelId).toBe('other')
      const now = await contents(after)
      expect(now).toMatchObject({ isAnew: true, rows: [2, 0, 1] })
      expect(now.papers.map(({ id }) => id)).toEqual(['c', 'a', 'b'])
      expect(now.vectors).toEqual([vectorOf('c', 2), vectorOf('by key', 1), made2].map(({ vector }) => [...vector]))
      // Nobody has it.
      expect(await after.readVectors([keyOf('gone'), keyOf('a')])).toEqual([undefined, undefined])
      await after.close()
    })

    it('keeps vectors of the past through a replacement where that is asked for', async () => {
      const made = await make()
      const { storage } = made
      await storage.commit({ papers: [coming('a', 0), coming('b', 1)], nextRow: 2 })
      await storage.commit({ removed: ['b'], nextRow: 2 })
      const found = await storage.inspect({ reads: false })
      await storage.rewrite({
        identity: storage.identity,
        papers: [...found.papers.values()].map((paper) => ({ paper, vector: 'own' })),
        keepsOthers: true,
      })
      const after = await again(made)
      expect((await contents(after)).rows).toEqual([0])
      expect(await after.readVectors([keyOf('b')])).toEqual([vectorOf('b', 1)])
      expect(after.nextRow).toBe(2)
      await after.close()
    })

    it('says of what is whole that it is', async () => {
      const made = await make()
      await made.storage.commit({ papers: [coming('a', 0), coming('b', 1)], nextRow: 2 })
      await made.storage.commit({ removed: ['b'], nextRow: 2 })
      const storage = await again(made)
      await contents(storage)
      expect(await storage.verify()).toMatchObject({ isWhole: true, papers: 1, vectors: 2, damage: [] })
      // A look at everything disturbs nothing.
      expect(await contents(storage, { isAll: false })).toMatchObject({ isAnew: false, papers: [] })
      await storage.compact(1)
      await storage.close()
    })

    it('gives derived files a place of their own, or none', async () => {
      const made = await make()
      const path = made.storage.derivedFile('words.bin')
      if (path === undefined) expect(made.storage.isDurable && !made.isShared).toBe(false)
      else {
        expect(path).not.toBe(made.storage.derivedFile('areas.bin'))
        writeFileSync(path, 'derived')
        const storage = await again(made)
        expect(existsSync(storage.derivedFile('words.bin') as string)).toBe(true)
        await storage.close()
      }
    })

    it('is open for writing once, unless many may write, and shows those who read whole commits', async () => {
      const { storage, reopen, isShared } = await make()
      expect(reopen !== undefined).toBe(storage.isDurable)
      if (reopen === undefined) return
      if (isShared) await (await reopen()).close()
      else await expect(reopen()).rejects.toMatchObject({ code: 'store-locked' })
      await storage.commit({ papers: [coming('a', 0)], nextRow: 1 })
      const reader = await reopen({ readOnly: true })
      expect(reader.isReadOnly).toBe(true)
      expect((await contents(reader, { isAll: false })).rows).toEqual([0])
      await expect(reader.commit({ removed: ['a'], nextRow: 1 })).rejects.toMatchObject({ code: 'store-unwritable' })
      await storage.commit({ papers: [coming('b', 1)], nextRow: 2 })
      const batches: Batch[] = []
      const load = await reader.load({ present: () => [] })
      for await (const batch of load.batches) batches.push(batch)
      expect(load.isAnew).toBe(false)
      expect(batches.flatMap(({ papers }) => papers.map(({ id }) => id))).toEqual(['b'])
      await Promise.all([reader.close(), storage.close()])
    })
  })
}
