import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { LexicalIndex } from '../../src/lexical/lexical-index.ts'
import { type OpenOptions, PaperLibrary } from '../../src/library/paper-library.ts'
import { readNpy } from '../../src/vectors/npy.ts'
import { isHnswInstalled } from '../vectors/hnsw-installed.ts'
import { letters, paper } from './letters.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-files-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const newPath = () => join(root, String(folders++))
const open = (path: string, options: OpenOptions = {}) => PaperLibrary.open({ embedder: letters(), ...options, path })
const words = ['reeds', 'tides', 'herons', 'sluices', 'eels', 'dykes', 'mills', 'fens']
const papers = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    paper(`p${i}`, `The ${words[i % 8]} of ${i}`, `On ${words[i % 7]} and ${words[(i * i) % 8]} in year ${i}.`),
  )
const answers = async (library: PaperLibrary) => [
  await library.search('herons and eels in the fens'),
  await library.related('p5'),
  await library.search('a new sluice', { mode: 'lexical' }),
]
function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ 4
  writeFileSync(path, bytes)
}

describe('the words beside the log', () => {
  it('are not counted again, and give the same answers', async () => {
    const path = newPath()
    const memory = await PaperLibrary.open({ embedder: letters() })
    let library = await open(path)
    for (const one of [memory, library]) {
      await one.add(papers(700))
      await one.remove(['p3', 'p600'])
      await one.add([paper('p4', 'Changed', 'Of herons.')])
    }
    await library.close()
    expect(existsSync(join(path, 'words.bin'))).toBe(true)
    const counting = vi.spyOn(LexicalIndex.prototype, 'count')
    library = await open(path)
    expect(counting).not.toHaveBeenCalled()
    counting.mockRestore()
    expect(await answers(library)).toEqual(await answers(memory))
    for (const one of [memory, library]) {
      await one.remove(['p5x', 'p10'].filter((id) => one.has(id)))
      await one.add([paper('new', 'A new sluice', 'Herons and eels, and words that nobody used before.')])
    }
    expect(await answers(library)).toEqual(await answers(memory))
    await library.close()
    // The file is older than the log by now.
    library = await open(path, { readOnly: true })
    expect(await answers(library)).toEqual(await answers(memory))
    await library.close()
    await memory.close()
  })

  it('are counted in the order of the papers, so that sums do not depend on how long a batch takes', async () => {
    const library = await open(newPath())
    const counting = vi.spyOn(LexicalIndex.prototype, 'count')
    // Every slice is used up at once, so that batches that are under way together take turns.
    let time = performance.now()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (time += 10))
    await library.add(papers(200))
    clock.mockRestore()
    const counted = counting.mock.calls.map(([{ title }]) => title)
    counting.mockRestore()
    expect(counted).toEqual(papers(200).map(({ title }) => title))
    await library.close()
  })

  it('count for nothing where they are damaged, cut, missing or of another library', async () => {
    const path = newPath()
    let library = await open(path)
    await library.add(papers(400))
    const expected = await answers(library)
    await library.close()
    const file = join(path, 'words.bin')
    const whole = readFileSync(file)
    const other = newPath()
    library = await open(other)
    await library.add(papers(400).map((one) => ({ ...one, title: `Other ${one.title}` })))
    await library.close()
    const damages: (() => void)[] = [
      ...[0, 9, 12, 40, 70_000, whole.length - 5].map((at) => () => flip(file, at)),
      () => writeFileSync(file, whole.subarray(0, whole.length - 1000)),
      () => writeFileSync(file, ''),
      () => rmSync(file),
      () => copyFileSync(join(other, 'words.bin'), file),
    ]
    for (const damage of damages) {
      writeFileSync(file, whole)
      damage()
      library = await open(path)
      expect(await answers(library)).toEqual(expected)
      await library.close()
    }
  })
})

it.skipIf(!isHnswInstalled)(
  'the graph beside the log is taken, and built anew where it is not of these vectors',
  async () => {
    const path = newPath()
    const many = papers(2300)
    let library = await open(path, { index: 'hnsw' })
    await library.add(many)
    await vi.waitUntil(() => library.index.kind === 'hnsw', { timeout: 30_000 })
    await library.close()
    const file = join(path, 'graph.hnsw')
    const whole = readFileSync(file)
    library = await open(path, { index: 'hnsw', readOnly: true })
    expect(library.index.kind).toBe('hnsw')
    const expected = (await library.related('p5', { k: 5 })).hits[0]
    await library.close()
    flip(file, whole.length >> 1)
    library = await open(path, { index: 'hnsw' })
    await vi.waitUntil(() => library.index.kind === 'hnsw', { timeout: 30_000 })
    expect((await library.related('p5', { k: 5 })).hits[0]).toEqual(expected)
    await library.add([paper('later')])
    await library.close()
    library = await open(path, { index: 'hnsw' })
    expect(library.index.kind).toBe('hnsw')
    expect(library.has('later')).toBe(true)
    await library.close()
  },
)

describe('export and import', () => {
  it('give the same library again', async () => {
    const path = newPath()
    mkdirSync(path)
    const library = await PaperLibrary.open({ embedder: letters() })
    await library.add([
      {
        ...paper('a'),
        authors: ['Ada'],
        url: 'https://example.org',
        extra: { journal: { name: 'Fens', pages: [1, 2] } },
      },
      { title: 'Título — 標題' },
      ...papers(1500),
    ])
    const files = { papers: join(path, 'papers.jsonl'), vectors: join(path, 'vectors.npy') }
    await library.export(files)
    expect(readdirSync(path).sort()).toEqual(['papers.jsonl', 'vectors.ids.json', 'vectors.npy'])
    const seen: string[] = []
    const other = await PaperLibrary.open({ embedder: letters({ onTexts: (texts) => seen.push(...texts) }) })
    expect((await other.import(files)).added).toHaveLength(1502)
    expect(seen).toEqual([])
    expect(other.papers()).toEqual(library.papers())
    for (const { id } of library.papers()) expect(other.vector(id)).toEqual(library.vector(id))
    expect((await other.import({ papers: files.papers })).unchanged).toHaveLength(1502)
    const { rows, dimensions, values } = await readNpy(files.vectors)
    expect([rows, dimensions]).toEqual([1502, 27])
    expect(values.subarray(27, 54)).toEqual(library.vector(library.papers()[1]?.id as string))
  })

  it('say which file is wrong, and where', async () => {
    const path = newPath()
    mkdirSync(path)
    const library = await PaperLibrary.open({ embedder: letters() })
    await library.add(papers(3))
    const files = { papers: join(path, 'p.jsonl'), vectors: join(path, 'v.npy') }
    await library.export(files)
    const refusal = (options: { papers: string; vectors?: string }) => library.import(options)
    await expect(refusal({ papers: join(path, 'none') })).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(/there is no such file/u),
    })
    writeFileSync(join(path, 'bad.jsonl'), `${JSON.stringify(paper('a'))}\n\n{"id":\n`)
    await expect(refusal({ papers: join(path, 'bad.jsonl') })).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(/line 3 is not JSON/u),
    })
    writeFileSync(join(path, 'more.jsonl'), `${JSON.stringify(paper('elsewhere'))}\n`)
    await expect(refusal({ papers: join(path, 'more.jsonl'), vectors: files.vectors })).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(/none for `"elsewhere"`/u),
    })
    const other = await PaperLibrary.open({ embedder: letters({ modelId: 'other' }) })
    await expect(other.import(files)).rejects.toMatchObject({ code: 'store-mismatch' })
    writeFileSync(files.vectors, readFileSync(files.vectors).subarray(0, 200))
    await expect(refusal(files)).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(/not those of 3 × 27/u),
    })
    for (const [content, why] of [
      [undefined, 'it is not a file'],
      [[0x93, ...Buffer.from('NUMPY'), 4, 0, 0, 0, 0, 0], 'format version 4'],
      [[0x93, ...Buffer.from('NUMPY'), 2, 0, 0, 0, 2, 0], 'its header claims 131072 bytes'],
    ] as const) {
      const vectors = content === undefined ? path : join(path, 'other.npy')
      if (content !== undefined) writeFileSync(vectors, Uint8Array.from(content))
      await expect(readNpy(vectors)).rejects.toMatchObject({
        code: 'unreadable-source',
        message: expect.stringContaining(why),
      })
    }
    await expect(library.export({})).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(library.export({ papers: join(path, 'no/where') })).rejects.toMatchObject({
      code: 'store-unwritable',
      message: expect.stringMatching(/no such folder/u),
    })
    expect(library.size).toBe(3)
  })

  const python = spawnSync('python3', ['-c', 'import numpy'])
  it.skipIf(python.status !== 0)('NumPy reads the matrix', async () => {
    const path = newPath()
    mkdirSync(path)
    const library = await PaperLibrary.open({ embedder: letters() })
    await library.add(papers(3))
    await library.export({ vectors: join(path, 'v.npy') })
    const { stdout } = spawnSync('python3', [
      '-c',
      `import numpy; a = numpy.load('${join(path, 'v.npy')}'); print(a.shape, a.dtype, a[2, 3])`,
    ])
    expect(stdout.toString().trim()).toBe(
      `(3, 27) float32 ${Number((library.vector('p2') as Float32Array)[3]?.toPrecision(8))}`,
    )
  })
})

describe('what cannot be written', () => {
  const isRoot = process.getuid?.() === 0
  const disk = join(root, 'disk')
  mkdirSync(disk)
  const isMounted = isRoot && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', disk]).status === 0
  afterAll(() => {
    if (isMounted) spawnSync('umount', [disk])
  })

  it.skipIf(!isMounted)('a full disk ends an add with one error, and the library is as it was', async () => {
    const path = join(disk, 'library')
    let library = await open(path)
    await library.add(papers(20))
    const long = Array.from({ length: 300 }, (_, i) => paper(`long${i}`, `Long ${i}`, 'Water everywhere. '.repeat(200)))
    await expect(library.add(long)).rejects.toMatchObject({
      code: 'store-unwritable',
      message: expect.stringMatching(/the disk is full: free some space and try again/u),
    })
    const held = library.size
    expect(held).toBeGreaterThanOrEqual(20)
    expect(held).toBeLessThan(320)
    // What fits still goes in, there and after it is opened again.
    await library.remove(['p1'])
    await library.close()
    library = await open(path)
    expect(library.size).toBe(held - 1)
    expect(await PaperLibrary.verify(path)).toMatchObject({ isWhole: true })
    const filler = join(disk, 'filler')
    const fill = () => spawnSync('sh', ['-c', `cat /dev/zero >> ${filler}`])
    expect(fill().status).not.toBe(0)
    await library.close()
    // Giving back the lock has made room for another.
    fill()
    await expect(open(join(disk, 'other'))).rejects.toMatchObject({ code: 'store-unwritable' })
    await expect(open(path)).rejects.toMatchObject({ code: 'store-unwritable' })
    library = await open(path, { readOnly: true })
    expect(library.size).toBe(held - 1)
    await library.close()
    // The lock was given back all the same.
    rmSync(filler)
    library = await open(path)
    expect(library.size).toBe(held - 1)
    await library.close()
  })

  // Root may write everywhere, so that the attempt is made by another user.
  it.skipIf(process.platform === 'win32')(
    'a folder without permission is refused for writing and open for reading',
    async () => {
      const path = newPath()
      const library = await open(path)
      await library.add(papers(3))
      await library.close()
      chmodSync(root, 0o755)
      chmodSync(path, 0o555)
      for (const name of readdirSync(path)) chmodSync(join(path, name), 0o444)
      const before = statSync(join(path, 'papers.log')).mtimeMs
      const child = fileURLToPath(new URL('store-child.ts', import.meta.url))
      const attempt = spawnSync(process.execPath, ['--import', 'tsx', child, 'try', path], {
        ...(isRoot && { uid: 65_534, gid: 65_534 }),
        encoding: 'utf8',
      })
      const [writing, reading] = attempt.stdout.trim().split('\n')
      expect(writing).toMatch(/^store-unwritable .*this user may not write there/u)
      expect(reading).toBe('3 papers')
      expect(statSync(join(path, 'papers.log')).mtimeMs).toBe(before)
      chmodSync(path, 0o755)
    },
  )
})
