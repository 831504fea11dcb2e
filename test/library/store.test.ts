import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { type OpenOptions, PaperLibrary } from '../../src/library/paper-library.ts'
import { LogStorage } from '../../src/library/storage/log-storage.ts'
import type { StoredPaper } from '../../src/library/storage/storage.ts'
import { letters, paper } from './letters.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-store-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const newPath = () => join(root, String(folders++))
const open = (path: string, options: OpenOptions = {}) => PaperLibrary.open({ embedder: letters(), ...options, path })
const ids = (library: PaperLibrary) => library.papers().map(({ id }) => id)

/** All that a library says. */
async function contents(library: PaperLibrary) {
  const papers = library.papers()
  return {
    papers,
    vectors: papers.map(({ id }) => [...(library.vector(id) as Float32Array)]),
    related: papers.length > 0 ? await library.related((papers[0] as { id: string }).id) : undefined,
    found: await library.search('title of a paper about waves'),
  }
}

describe('a library on disk', () => {
  it('is there again, with all that was given', async () => {
    const path = newPath()
    const library = await open(path)
    const given = {
      ...paper('a'),
      authors: ['Ada', 'Bo'],
      categories: ['cs.CL'],
      published: '2025-03-12',
      url: 'https://example.org/a',
      version: 2,
    }
    await library.add([given, paper('b'), { title: 'Título con acentos — 標題' }])
    await library.add([paper('c'), paper('a', 'Changed', 'Text.')])
    await library.remove(['b'])
    const before = await contents(library)
    const a = library.get('a')
    await library.close()
    const again = await open(path)
    expect(await contents(again)).toEqual(before)
    expect(again.get('a')).toEqual(a)
    expect(again.path).toBe(path)
    expect(Object.isFrozen(again.get('a'))).toBe(true)
    await again.close()
    expect(readdirSync(path).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('does what a library in memory does, whatever is done and however often it is opened', async () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const step = fc.oneof(
      fc.record({
        add: fc.array(
          fc.record({
            id,
            title: fc.constantFrom('Waves', 'Tides', 'Reeds'),
            abstract: fc.constantFrom('One.', 'Two.'),
            url: fc.constantFrom('x', 'y'),
          }),
          { maxLength: 4 },
        ),
      }),
      fc.record({ remove: fc.uniqueArray(id, { maxLength: 3 }) }),
      fc.constant({ reopen: true }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const path = newPath()
        const memory = await PaperLibrary.open({ embedder: letters() })
        let disk = await open(path)
        const reader = await open(path, { readOnly: true })
        for (const step of steps) {
          if ('add' in step) {
            const unique = [...new Map(step.add.map((given) => [given.id, given])).values()]
            expect(await disk.add(unique)).toEqual(await memory.add(unique))
          } else if ('remove' in step) {
            const present = step.remove.filter((id) => memory.has(id))
            expect(await disk.remove(present)).toBe(await memory.remove(present))
          } else {
            await disk.close()
            disk = await open(path)
          }
          await reader.refresh()
          expect(reader.papers()).toEqual(memory.papers())
        }
        const expected = await contents(memory)
        expect(await contents(disk)).toEqual(expected)
        expect(await contents(reader)).toEqual(expected)
        await Promise.all([memory.close(), disk.close(), reader.close()])
        expect(await PaperLibrary.verify(path)).toMatchObject({
          isWhole: true,
          papers: expected.papers.length,
          damage: [],
        })
      }),
      { numRuns: 25 },
    )
  })

  it('embeds nothing twice, also after a removal and in another process', async () => {
    const path = newPath()
    const seen: string[] = []
    const embedder = () => letters({ onTexts: (texts) => seen.push(...texts) })
    let library = await open(path, { embedder: embedder() })
    await library.add([paper('a'), paper('b')])
    const vector = library.vector('b')
    await library.remove(['b'])
    await library.close()
    library = await open(path, { embedder: embedder() })
    expect((await library.add([paper('b'), paper('a'), { ...paper('a'), id: 'twin' }])).added).toEqual(['b', 'twin'])
    expect(seen).toEqual(['Title a\nAbout a.', 'Title b\nAbout b.'])
    expect(library.vector('b')).toEqual(vector)
    expect(ids(library)).toEqual(['a', 'b', 'twin'])
    await library.close()
  })

  it('tells of a known vector what was cut of its text', async () => {
    const path = newPath()
    const embedder = () => letters({ limit: 5, isEstimating: true })
    let library = await open(path, { embedder: embedder() })
    const { truncated } = await library.add([paper('a', 'A', 'Long enough to be cut off.'), paper('b', 'B', '.')])
    expect(truncated).toEqual([{ id: 'a', tokens: 28, cut: 23, estimated: true }])
    await library.remove(['a'])
    await library.close()
    library = await open(path, { embedder: embedder() })
    expect((await library.add([paper('a', 'A', 'Long enough to be cut off.')])).truncated).toEqual(truncated)
    await library.close()
  })

  it('holds whole batches after an abort: all that progress told of, and the next add goes on', async () => {
    const path = newPath()
    const many = Array.from({ length: 300 }, (_, i) => paper(`p${i}`))
    const library = await open(path)
    const stop = new AbortController()
    let told = 0
    await expect(
      library.add(many, {
        signal: stop.signal,
        onProgress: ({ done }) => {
          told = done
          stop.abort(new Error('enough'))
        },
      }),
    ).rejects.toThrow('enough')
    const kept = library.size
    expect(told).toBeGreaterThan(0)
    expect(kept).toBeGreaterThanOrEqual(told)
    expect(kept).toBeLessThan(300)
    expect(ids(library)).toEqual(many.slice(0, kept).map(({ id }) => id))
    await library.close()
    const again = await open(path)
    expect(again.size).toBe(kept)
    const { added, unchanged } = await again.add(many)
    expect([added.length, unchanged.length]).toEqual([300 - kept, kept])
    await again.close()
  })

  it('writes its log anew when most of it is past, and forgets no vector', async () => {
    const path = newPath()
    const seen: string[] = []
    const options = () => ({ embedder: letters({ onTexts: (texts) => seen.push(...texts) }) })
    let library = await open(path, options())
    const many = Array.from({ length: 1500 }, (_, i) => paper(`p${i}`))
    await library.add([...many, paper('gone')])
    for (const url of ['a', 'b', 'c', 'd']) await library.add(many.map((one) => ({ ...one, url })))
    await library.remove(['gone'])
    const reader = await open(path, { ...options(), readOnly: true })
    const before = await contents(library)
    const { size } = statSync(join(path, 'papers.log'))
    await library.close()
    expect(statSync(join(path, 'papers.log')).size).toBeLessThan(size / 2)
    expect(await PaperLibrary.verify(path)).toMatchObject({ isWhole: true, papers: 1500, vectors: 1501 })
    await reader.refresh()
    expect(await contents(reader)).toEqual(before)
    await reader.close()
    library = await open(path, options())
    expect(await contents(library)).toEqual(before)
    await library.add([paper('gone')])
    expect(seen).toHaveLength(1501)
    await library.close()
  })

  it('keeps vectors of one’s own and their width', async () => {
    const path = newPath()
    const library = await open(path, { embedder: 'none' })
    expect(library.dimensions).toBeUndefined()
    await library.add([paper('a'), paper('b')], {
      vectors: [
        [3, 4],
        [0, 1],
      ],
    })
    await library.add([paper('a')], { vectors: [[1, 0]] })
    await library.close()
    const again = await open(path, { embedder: 'none' })
    expect(again.dimensions).toBe(2)
    expect([...(again.vector('a') as Float32Array)]).toEqual([1, 0])
    await expect(again.add([paper('c')], { vectors: [[1, 0, 0]] })).rejects.toMatchObject({ code: 'invalid-argument' })
    await again.close()
  })
})

describe('opening', () => {
  it('loads the model meanwhile where there is much to read', async () => {
    const dimensions = 65_536
    let prepared = 0
    const wide = {
      modelId: 'wide',
      dimensions,
      embed: async (texts: readonly string[]) =>
        texts.map((text) => new Float32Array(dimensions).fill(0.01).fill(1, text.length, text.length + 1)),
      prepare: async () => {
        prepared++
        throw new Error('told by the next embed')
      },
    }
    const path = newPath()
    const papers = Array.from({ length: 270 }, (_, i) => paper(`p${i}`, `Title ${i}`, 'About '.padEnd(10 + i, 'a')))
    const first = await open(path, { embedder: wide })
    await first.add(papers.slice(0, 10))
    await first.close()
    const small = await open(path, { embedder: wide })
    expect(prepared).toBe(0)
    await small.add(papers)
    await small.close()
    expect(statSync(join(path, 'papers.log')).size).toBeGreaterThan(2 ** 26)
    const large = await open(path, { embedder: wide })
    expect(prepared).toBe(1)
    expect((await large.related('p7', { k: 1 })).hits).toHaveLength(1)
    await large.close()
  })

  it('refuses what is no library', async () => {
    const file = newPath()
    writeFileSync(file, 'text')
    await expect(open(file)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/is a file/u),
    })
    expect(readFileSync(file, 'utf8')).toBe('text')
    await expect(open(newPath(), { readOnly: true })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/there is no folder/u),
    })
    const empty = newPath()
    mkdirSync(empty)
    await expect(open(empty, { readOnly: true })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/there is none in/u),
    })
    expect(readdirSync(empty)).toEqual([])
    await expect(open('')).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('says when the log is gone, and begins anew only where it is told to', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([paper('a')])
    await library.close()
    rmSync(join(path, 'papers.log'))
    for (const readOnly of [true, false])
      await expect(open(path, { readOnly })).rejects.toMatchObject({
        code: 'corrupt-store',
        message: expect.stringMatching(/papers\.log, which is missing next to/u),
      })
    const anew = await open(path, { repair: true })
    expect(anew.size).toBe(0)
    await anew.close()
  })

  it('refuses a newer format and leaves it as it is', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([paper('a')])
    await library.close()
    const log = join(path, 'papers.log')
    const bytes = readFileSync(log)
    bytes.writeUInt32LE(2, 8)
    const { crc32 } = await import('node:zlib')
    const length = bytes.readUInt32LE(12)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 16 + length)), 16 + length)
    writeFileSync(log, bytes)
    for (const options of [{}, { readOnly: true }, { repair: true }])
      await expect(open(path, options)).rejects.toMatchObject({
        code: 'store-mismatch',
        message: expect.stringMatching(/format 1, got 2, which a newer version/u),
      })
    expect(readFileSync(log)).toEqual(bytes)
  })

  it('changes nothing where it is read only', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([paper('a')])
    const reader = await open(path, { readOnly: true })
    await expect(reader.add([paper('b')])).rejects.toMatchObject({ code: 'store-unwritable' })
    await expect(reader.remove(['a'])).rejects.toMatchObject({ code: 'store-unwritable' })
    await library.add([paper('b')])
    expect(ids(reader)).toEqual(['a'])
    await reader.refresh()
    expect(ids(reader)).toEqual(['a', 'b'])
    await library.close()
    await reader.close()
    await expect(open(path, { readOnly: true, repair: true })).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

describe('what could be lost', () => {
  const own = (path: string, options: OpenOptions = {}) => PaperLibrary.open({ path, embedder: 'none', ...options })
  const breakHeader = (path: string) => {
    const log = join(path, 'papers.log')
    const bytes = readFileSync(log)
    bytes[20] = (bytes[20] as number) ^ 1
    writeFileSync(log, bytes)
  }

  /** So many that their words are kept, and the papers are not read on opening. */
  const many = Array.from({ length: 300 }, (_, i) => paper(`p${i}`))

  it('vectors of one’s own outlive a damaged header', async () => {
    const path = newPath()
    const library = await own(path)
    const vectors = [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
    ]
    await library.add([paper('a'), paper('b')], { vectors })
    await library.close()
    breakHeader(path)
    await expect(open(path, { repair: true })).rejects.toMatchObject({
      code: 'store-mismatch',
      message: expect.stringContaining("'none' for vectors of your own"),
    })
    const again = await own(path, { repair: true })
    expect(again.repair?.dropped).toEqual([])
    expect(again.dimensions).toBe(4)
    expect([...(again.vector('b') as Float32Array)]).toEqual([0, 1, 0, 0])
    await again.close()
    const whole = await own(path)
    expect(ids(whole)).toEqual(['a', 'b'])
    await whole.close()
  })

  it('a damaged vector of one’s own goes with its paper, and the rest stays', async () => {
    const path = newPath()
    const library = await own(path)
    await library.add([paper('a'), paper('b')], {
      vectors: [
        [1, 0],
        [0, 1],
      ],
    })
    await library.close()
    const log = join(path, 'papers.log')
    const bytes = readFileSync(log)
    const place = bytes.indexOf(Buffer.from(Float32Array.of(1, 0).buffer), 4096)
    bytes[place] = (bytes[place] as number) ^ 1
    writeFileSync(log, bytes)
    await expect(own(path)).rejects.toMatchObject({ code: 'corrupt-store' })
    const again = await own(path, { repair: true })
    expect(again.repair).toMatchObject({ dropped: ['a'], reembedded: [] })
    expect(ids(again)).toEqual(['b'])
    await again.close()
  })

  it.skipIf(process.platform === 'win32')('a vector is read from the log in which it was found', async () => {
    const path = newPath()
    const library = await own(path)
    await library.add([paper('a')], { vectors: [[1, 0]] })
    await library.close()
    const storage = await LogStorage.open(path, { readOnly: true })
    const all: StoredPaper[] = []
    const { batches } = await storage.load({ present: () => all })
    for await (const { papers } of batches) all.push(...papers)
    expect(all.map(({ id }) => id)).toEqual(['a'])
    rmSync(path, { recursive: true })
    const other = await own(path)
    await other.add([paper('b')], { vectors: [[0, 1]] })
    await other.close()
    const [found] = await storage.readVectors(all)
    expect([...(found?.vector ?? [])]).toEqual([1, 0])
    expect((await storage.readPapers(all))[0]?.id).toBe('a')
    await storage.close()
  })

  it('files of others that end as drafts do', async () => {
    const path = newPath()
    mkdirSync(path)
    const mine = join(path, 'thesis.tmp')
    const draft = join(path, 'papers.log.01234567-89ab-cdef-0123-456789abcdef.tmp')
    for (const file of [mine, draft]) {
      writeFileSync(file, 'text')
      utimesSync(file, 0, 0)
    }
    await (await open(path)).close()
    expect(existsSync(mine)).toBe(true)
    expect(existsSync(draft)).toBe(false)
  })

  it('a model’s vectors do not become one’s own where the header is damaged', async () => {
    const path = newPath()
    const library = await open(path, { embedder: letters() })
    await library.add([paper('a'), paper('b')])
    await library.close()
    breakHeader(path)
    const before = readFileSync(join(path, 'papers.log'))
    await expect(own(path, { repair: true })).rejects.toMatchObject({
      code: 'store-mismatch',
      message: expect.stringContaining('the embedder that it was made with'),
    })
    expect(readFileSync(join(path, 'papers.log'))).toEqual(before)
    const again = await open(path, { repair: true })
    expect(ids(again)).toEqual(['a', 'b'])
    await again.close()
  })

  it('papers are read from the log in which they were found, whatever takes its place', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add(many)
    await library.close()
    for (const end of ['refresh', 'close'] as const) {
      const reader = await open(path, { readOnly: true })
      await (await open(path, { embedder: letters({ modelId: end }), reembed: true })).close()
      expect(reader.get('p7')).toMatchObject({ title: 'Title p7' })
      if (end === 'refresh') await expect(reader.refresh()).rejects.toMatchObject({ code: 'store-mismatch' })
      else rmSync(path, { recursive: true })
      expect(reader.papers()).toMatchObject(many)
      await reader.close()
      expect(() => reader.get('p7')).toThrow(expect.objectContaining({ code: 'library-closed' }))
      expect(() => reader.papers()).toThrow(expect.objectContaining({ code: 'library-closed' }))
      if (end === 'refresh') await (await open(path, { reembed: true })).close()
    }
  })

  it('damage that comes after opening is told when the paper is read', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([...many, paper('a'), paper('b', 'Title b', 'Reeds in the wind.')])
    await library.close()
    const reader = await open(path, { readOnly: true })
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' })
    // Holds no file open, as it could not be replaced there.
    const holding = await open(path, { readOnly: true })
    Object.defineProperty(process, 'platform', platform)
    const log = join(path, 'papers.log')
    const bytes = readFileSync(log)
    const place = bytes.indexOf('Reeds')
    bytes[place] = (bytes[place] as number) ^ 1
    writeFileSync(log, bytes)
    expect(reader.get('a')).toMatchObject(paper('a'))
    for (let i = 0; i < 2; i++)
      expect(() => reader.get('b')).toThrow(
        expect.objectContaining({ code: 'corrupt-store', issues: [expect.objectContaining({ path: ['b'] })] }),
      )
    expect(holding.get('b')).toMatchObject({ abstract: 'Reeds in the wind.' })
    await reader.close()
    await holding.close()
    expect(() => holding.get('b')).toThrow(expect.objectContaining({ code: 'library-closed' }))
  })

  it('a reader of a log that was replaced knows nothing of the old one', async () => {
    const path = newPath()
    const first = await own(path)
    await first.add([paper('old', 'Waves')], { vectors: [[1, 0]] })
    await first.close()
    const reader = await own(path, { readOnly: true })
    rmSync(path, { recursive: true })
    const second = await own(path)
    await second.add([paper('new', 'Reeds and tides')], { vectors: [[0, 1]] })
    await second.close()
    await reader.refresh()
    expect(ids(reader)).toEqual(['new'])
    expect([...(reader.vector('new') as Float32Array)]).toEqual([0, 1])
    expect((await reader.search('reeds', { mode: 'lexical' })).hits.map(({ paper }) => paper.id)).toEqual(['new'])
    expect((await reader.search('waves', { mode: 'lexical' })).hits).toEqual([])
    await reader.close()
  })

  it('an older copy of the log that is put back is read from its beginning', async () => {
    const path = newPath()
    const log = join(path, 'papers.log')
    const library = await own(path)
    await library.add([paper('a')], { vectors: [[1, 0]] })
    const copy = readFileSync(log)
    await library.remove(['a'])
    await library.add([paper('b')], { vectors: [[0, 1]] })
    await library.close()
    const reader = await own(path, { readOnly: true })
    expect(ids(reader)).toEqual(['b'])
    writeFileSync(log, copy)
    await reader.refresh()
    expect(ids(reader)).toEqual(['a'])
    expect([...(reader.vector('a') as Float32Array)]).toEqual([1, 0])
    await reader.close()
  })

  it('a batch counts also where the end could not be written to the header', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([paper('a')])
    const handle = await openFile(join(path, 'papers.log'), 'r')
    const prototype = Object.getPrototypeOf(handle) as typeof handle
    await handle.close()
    const { write: original } = prototype
    const write = vi.spyOn(prototype, 'write').mockImplementation(function (this: typeof handle, ...args: unknown[]) {
      // The end in the header is all that is so short.
      if ((args[0] as Buffer).length < 64) return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
      return Reflect.apply(original, this, args)
    } as never)
    await library.add([paper('b')])
    write.mockRestore()
    await library.add([paper('c')])
    await library.close()
    const again = await open(path)
    expect(ids(again)).toEqual(['a', 'b', 'c'])
    expect((await PaperLibrary.verify(path)).isWhole).toBe(true)
    await again.close()
  })

  it('close ends an add that is under way, with whole batches kept', async () => {
    const path = newPath()
    const slow = letters()
    const library = await open(path, {
      embedder: {
        ...slow,
        embed: async (texts, options) => {
          await new Promise((resolve) => setTimeout(resolve, 50))
          options?.signal?.throwIfAborted()
          return slow.embed(texts, options)
        },
      },
    })
    const adding = library.add(Array.from({ length: 5000 }, (_, i) => paper(`p${i}`)))
    adding.catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 200))
    await library.close()
    await expect(adding).rejects.toMatchObject({ code: 'library-closed' })
    const again = await open(path)
    expect(again.size).toBeLessThan(5000)
    expect((await again.add([paper('p0')])).unchanged.length + again.size).toBeGreaterThan(0)
    await again.close()
  })

  it('makes no folder where an option is wrong', async () => {
    const path = newPath()
    await expect(open(path, { index: 'flat' as never })).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(existsSync(path)).toBe(false)
  })

  it('refuses a path that is no option, and what is no path', async () => {
    await expect(PaperLibrary.open('papers' as never)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('{ path: … }'),
    })
    for (const path of [5, new URL('file:///tmp'), ''])
      await expect(open(path as never)).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(PaperLibrary.verify(undefined as never)).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(PaperLibrary.verify('postgres://ada@db/papers')).rejects.toThrow(/open it and call/u)
    const library = await open(newPath())
    await expect(library.import('x.jsonl' as never)).rejects.toMatchObject({ code: 'invalid-argument' })
    await library.close()
  })
})

describe('another model', () => {
  it('of the same name with other settings is another', async () => {
    const path = newPath()
    const library = await open(path, { embedder: { ...letters(), fingerprint: 'passage: ' } })
    await library.add([paper('a')])
    await library.close()
    await expect(open(path, { embedder: { ...letters(), fingerprint: 'none' } })).rejects.toMatchObject({
      code: 'store-mismatch',
      message: expect.stringContaining('another prefix, length or runtime'),
    })
    const again = await open(path, { embedder: { ...letters(), fingerprint: 'passage: ' } })
    await again.close()
  })

  it('need not be there to read, to ask by words and to export', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([paper('a', 'Waves'), paper('b', 'Reeds')])
    await library.close()
    const reader = await open(path, { embedder: 'none', readOnly: true })
    expect((await reader.search('reeds', { mode: 'lexical' })).hits[0]?.paper.id).toBe('b')
    expect((await reader.related('a', { k: 1 })).hits[0]?.paper.id).toBe('b')
    await reader.export({ papers: `${path}.jsonl`, vectors: `${path}.npy` })
    await reader.close()
    expect(JSON.parse(readFileSync(`${path}.ids.json`, 'utf8'))).toMatchObject({ modelId: 'letters' })
    await expect(open(path, { embedder: 'none' })).rejects.toMatchObject({ code: 'store-mismatch' })
  })

  const other = (options: Parameters<typeof letters>[0] = {}) => letters({ modelId: 'other', shift: 3, ...options })

  it('is told, and nothing is changed', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([paper('a')])
    await library.close()
    for (const readOnly of [false, true])
      await expect(open(path, { embedder: other(), readOnly })).rejects.toMatchObject({
        code: 'store-mismatch',
        message: expect.stringMatching(
          /embedded by other \(27 dimensions\), but it is by letters \(27 dimensions\).*reembed: true/u,
        ),
      })
    const again = await open(path)
    expect(again.size).toBe(1)
    await again.close()
  })

  it('takes the place of the first, and goes on where it was ended', async () => {
    const path = newPath()
    const many = Array.from({ length: 400 }, (_, i) => paper(`p${i}`, `Title ${i} ${'abcdefgh'[i % 8]}`))
    const library = await open(path)
    await library.add(many)
    await library.close()
    const seen: string[] = []
    const stop = new AbortController()
    await expect(
      open(path, {
        embedder: other({ onTexts: (texts) => seen.push(...texts) }),
        reembed: true,
        signal: stop.signal,
        onProgress: ({ total }) => {
          expect(total).toBe(400)
          stop.abort(new Error('enough'))
        },
      }),
    ).rejects.toThrow('enough')
    expect(seen.length).toBeGreaterThan(0)
    expect(seen.length).toBeLessThan(400)
    const first = await open(path)
    expect(first.size).toBe(400)
    await first.close()
    const done = seen.length
    const totals = new Set<number>()
    const changed = await open(path, {
      embedder: other({ onTexts: (texts) => seen.push(...texts) }),
      reembed: true,
      onProgress: ({ total }) => totals.add(total),
    })
    expect(seen.length).toBe(400)
    expect([...totals]).toEqual([400 - done])
    expect(new Set(seen).size).toBe(400)
    const memory = await PaperLibrary.open({ embedder: other() })
    await memory.add(many)
    expect(await contents(changed)).toEqual(await contents(memory))
    expect(changed.repair).toBeUndefined()
    await changed.close()
    const again = await open(path, { embedder: other() })
    expect(again.size).toBe(400)
    await again.close()
  })

  it('is told to those who read when they refresh', async () => {
    const path = newPath()
    const library = await open(path)
    await library.add([paper('a')])
    const reader = await open(path, { readOnly: true })
    await library.close()
    await (await open(path, { embedder: other(), reembed: true })).close()
    await expect(reader.refresh()).rejects.toMatchObject({ code: 'store-mismatch' })
    expect(ids(reader)).toEqual(['a'])
    await reader.close()
  })
})
