import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Atlas } from '../../src/atlas/atlas.ts'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'
import type { Embedder, EmbedOptions } from '../../src/embedding/embedder.ts'
import { type OpenOptions, PaperLibrary } from '../../src/library/paper-library.ts'
import { parseDigest } from '../../src/sources/read-papers.ts'

const { papers } = await parseDigest(readFileSync('examples/digest.txt', 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'paperkin-areas-'))
const atlas = Atlas.load()
const areaTexts = new Set(atlas.areaTexts())
let bundled: Embedder
let vectors: Float32Array[]
let ofArea: ReadonlyMap<string, Float32Array>

beforeAll(async () => {
  bundled = await createEmbedder()
  vectors = await bundled.embed(papers.map(({ title, abstract }) => `${title}\n${abstract}`))
  const rows = await bundled.embed([...areaTexts])
  ofArea = new Map([...areaTexts].map((text, i) => [text, rows[i] as Float32Array]))
})
afterAll(async () => {
  await bundled.close?.()
  rmSync(folder, { recursive: true, force: true })
})

/** The bundled model under another name, which counts the areas that it is asked for. */
function other(modelId = 'another') {
  const asked = { areas: 0 }
  const embed = async (texts: readonly string[], options?: EmbedOptions) => {
    asked.areas += texts.filter((text) => areaTexts.has(text)).length
    if (texts.every((text) => ofArea.has(text))) return texts.map((text) => ofArea.get(text) as Float32Array)
    return bundled.embed(texts, options)
  }
  return { asked, embedder: { modelId, dimensions: 384, embed } satisfies OpenOptions['embedder'] }
}

const filled = async (options: OpenOptions) => {
  const library = await PaperLibrary.open(options)
  await library.add(papers, { vectors })
  return library
}
const areasOf = (library: PaperLibrary) => papers.map(({ id }) => library.areas(id)[0])

test('is not read before it is asked for', async () => {
  const load = vi.spyOn(Atlas, 'load')
  const library = await filled({ path: join(folder, 'unasked') })
  await library.related(papers[0]?.id as string)
  await library.close()
  expect(load).not.toHaveBeenCalled()
  const again = await PaperLibrary.open({ path: join(folder, 'unasked') })
  expect(load).not.toHaveBeenCalled()
  expect(areasOf(again).filter((area) => area !== undefined).length).toBeGreaterThan(0.5 * papers.length)
  expect(load).toHaveBeenCalled()
  await again.close()
  load.mockRestore()
})

describe('the map of science with another model', () => {
  test('is embedded when it is asked for, and gives much the same fields and sections', async () => {
    const { embedder, asked } = other()
    const library = await filled({ embedder })
    const reference = await filled({})
    expect(areasOf(library).every((area) => area === undefined)).toBe(true)
    const progress: number[] = []
    await library.prepareAreas({ onProgress: ({ done }) => progress.push(done) })
    expect(progress.at(-1)).toBe(atlas.areas)
    await library.prepareAreas()
    expect(asked.areas).toBe(atlas.areas)
    const [mine, theirs] = [areasOf(library), areasOf(reference)]
    const both = [...papers.keys()].filter((i) => mine[i] !== undefined && theirs[i] !== undefined)
    expect(both.length).toBeGreaterThan(0.8 * papers.length)
    const agree = both.filter((i) => mine[i]?.discipline === theirs[i]?.discipline)
    expect(agree.length).toBeGreaterThan(0.7 * both.length)
    const topics = await library.topics()
    expect(topics.groups.length).toBeGreaterThan(2)
    for (const { label, size } of topics.topics) {
      expect(atlas.find(label.split(': ')[0] as string), label).toBeGreaterThanOrEqual(0)
      expect(size).toBeLessThan(0.4 * papers.length)
    }
    await library.add([
      {
        id: 'cake',
        title: 'Sponge cake',
        abstract: 'Whisk three eggs with sugar, fold in flour, and bake for an hour.',
      },
    ])
    expect(library.areas('cake')).toEqual([])
    await library.close()
    await reference.close()
  })

  test('is not embedded for a few papers, but for names, for many papers, and never where it is turned off', async () => {
    const { embedder, asked } = other()
    const library = await filled({ embedder })
    await library.topics()
    expect(asked.areas).toBe(0)
    const named = [{ name: 'Robot grasping', terms: ['gripper', 'manipulation'] }, { name: 'Viticulture' }]
    const topics = await library.topics({ named })
    expect(asked.areas).toBe(atlas.areas)
    expect(topics.unmatched).toEqual(['Viticulture'])
    const grasping = topics.topics.find(({ isNamed }) => isNamed)
    expect(grasping?.papers.map(({ id }) => library.get(id)?.title)).toContain('Grasping Glass')
    expect(grasping?.size).toBeLessThan(8)
    await library.close()
    const copies = Array.from({ length: 4 }, (_, copy) =>
      papers.map((paper) => ({ ...paper, id: `${paper.id}-${copy}` })),
    ).flat()
    const fourfold = [vectors, vectors, vectors, vectors].flat()
    for (const areas of [true, false]) {
      const many = other()
      const large = await PaperLibrary.open({ embedder: many.embedder, areas })
      await large.add(copies, { vectors: fourfold })
      const found = await large.topics({ count: 6 })
      expect(many.asked.areas).toBe(areas ? atlas.areas : 0)
      expect(found.groups.length > 0).toBe(areas)
      await large.close()
    }
    const off = await filled({ areas: false })
    expect(areasOf(off).every((area) => area === undefined)).toBe(true)
    expect((await off.topics()).groups).toEqual([])
    await off.close()
  })

  test('is kept beside a library, and made anew where it is damaged or of another model', async () => {
    const path = join(folder, 'library')
    const file = join(path, 'areas.bin')
    const first = other()
    const library = await filled({ path, embedder: first.embedder })
    await library.prepareAreas()
    const areas = areasOf(library)
    await library.close()
    expect(first.asked.areas).toBe(atlas.areas)
    const whole = readFileSync(file)
    const opened = async (readOnly = false) => {
      const { embedder, asked } = other()
      const again = await PaperLibrary.open({ path, embedder, readOnly })
      const known = areasOf(again)
      await again.prepareAreas()
      const found = areasOf(again)
      await again.close()
      return { asked: asked.areas, known, found }
    }
    expect(await opened()).toEqual({ asked: 0, known: areas, found: areas })
    const flipped = Buffer.from(whole)
    flipped[5000] = (flipped[5000] as number) ^ 1
    const headless = Buffer.from(whole)
    headless[20] = (headless[20] as number) ^ 1
    const endless = Buffer.from(whole)
    endless.writeUInt32LE(0xffffffff, 12)
    for (const damaged of [flipped, headless, endless, whole.subarray(0, 900), whole.subarray(0, 7), Buffer.alloc(0)]) {
      writeFileSync(file, damaged)
      // Who only reads writes nothing.
      expect((await opened(true)).asked).toBe(atlas.areas)
      expect(readFileSync(file).equals(damaged)).toBe(true)
      const mended = await opened()
      expect(mended).toEqual({ asked: atlas.areas, known: areas.map(() => undefined), found: areas })
      expect(readFileSync(file).equals(whole)).toBe(true)
    }
    const another = other('a third')
    const reembedded = await PaperLibrary.open({ path, embedder: another.embedder, reembed: true })
    expect(areasOf(reembedded).every((area) => area === undefined)).toBe(true)
    await reembedded.prepareAreas()
    expect(another.asked.areas).toBe(atlas.areas)
    await reembedded.close()
    expect((await PaperLibrary.verify(path)).isWhole).toBe(true)
  })

  test('is left aside where a model does not tell areas apart, and where there is none', async () => {
    const noise = async (texts: readonly string[]) =>
      texts.map((text) =>
        Float32Array.from({ length: 8 }, (_, d) => Math.sin(text.length * (d + 1) + text.charCodeAt(d))),
      )
    const library = await PaperLibrary.open({ embedder: { modelId: 'noise', dimensions: 8, embed: noise } })
    await library.add(papers)
    await library.prepareAreas()
    expect(areasOf(library).every((area) => area === undefined)).toBe(true)
    expect((await library.topics()).count).toBeGreaterThan(0)
    await library.close()
    const path = join(folder, 'none')
    const none = await filled({ path, embedder: 'none' })
    await none.prepareAreas()
    expect(areasOf(none).every((area) => area === undefined)).toBe(true)
    await none.close()
    expect(existsSync(join(path, 'areas.bin'))).toBe(false)
  })

  test('gives its terms to all: words of every field come after those that name one', async () => {
    const words = ['approach', 'approach', 'differential privacy', 'differential privacy']
    const library = await PaperLibrary.open({ embedder: 'none' })
    const axis = (d: number) => Float32Array.from({ length: 2 }, (_, i) => (i === d ? 1 : 0))
    await library.add(
      [
        ...words.map((_, i) => ({
          id: `a${i}`,
          title: 'An approach',
          abstract: `Differential privacy: approach ${i}.`,
        })),
        ...words.map((_, i) => ({ id: `b${i}`, title: 'A way', abstract: `Monocular depth estimation, a way ${i}.` })),
      ],
      { vectors: [...words.map(() => axis(0)), ...words.map(() => axis(1))] },
    )
    const { topics } = await library.topics({ count: 2 })
    const terms = topics.find(({ papers: [paper] }) => paper?.id.startsWith('a'))?.terms.map(({ term }) => term) ?? []
    expect(terms[0]?.toLowerCase()).toBe('differential privacy')
    await library.close()
  })
})
