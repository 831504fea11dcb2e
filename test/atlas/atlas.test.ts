import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Atlas, leastSimilarity } from '../../src/atlas/atlas.ts'
import { termKey } from '../../src/atlas/term-key.ts'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = `${root}models/atlas/`
const record = JSON.parse(readFileSync(`${folder}atlas.json`, 'utf8'))
const atlas = Atlas.load()

const papers = {
  Robotics: 'Grasping transparent cups with a two-finger gripper. A robot arm learns to pick up glasses from a table.',
  'Computer vision': 'A network that segments tumours in abdominal CT scans. Segmentation of organs in medical images.',
  'Natural language processing': 'Jailbreaking aligned language models with adversarial prompts that evade refusals.',
  'Astronomy and astrophysics':
    'Rotation curves of dwarf galaxies and their dark matter haloes, from radio observations.',
  'Pure mathematics': 'On the cohomology of moduli spaces of stable curves and the geometry of algebraic varieties.',
  Medicine: 'Heart failure after myocardial infarction. Outcomes of patients with heart failure and cardiomyopathy.',
} as const

describe('the map of science', () => {
  it('is the one that was recorded, of the bundled model', async () => {
    for (const [name, sha256] of Object.entries(record.files))
      expect(
        createHash('sha256')
          .update(readFileSync(folder + name))
          .digest('hex'),
        name,
      ).toBe(sha256)
    const embedder = await createEmbedder()
    expect(atlas.isOf(embedder)).toBe(true)
    expect(atlas.isOf({ modelId: embedder.modelId, revision: 'another' })).toBe(false)
    await embedder.close?.()
  })

  it('has names that differ, of six words at most, in a tree of one piece', () => {
    const names = atlas.nodes.map(({ name }) => name.toLowerCase())
    expect(new Set(names).size).toBe(names.length)
    expect(atlas.areas).toBeGreaterThan(1400)
    for (const [number, { name, level, parent }] of atlas.nodes.entries()) {
      expect(name.split(' ').length, name).toBeLessThanOrEqual(6)
      if (level === 'domain') expect(parent).toBe(-1)
      else expect(parent, name).toBeLessThan(number)
      expect(atlas.above(number, 'domain'), name).toBeGreaterThanOrEqual(0)
      if (number >= atlas.firstArea) {
        expect(level).toBe('area')
        expect(atlas.nodes[parent]?.level, name).toBe('field')
        expect(atlas.above(number, 'discipline'), name).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it('is read from the names that the source has', () => {
    const areas = readFileSync(`${root}scripts/atlas/areas.jsonl`, 'utf8').trimEnd().split('\n')
    const named = areas.map((line) => JSON.parse(line)).map(({ name, field }) => [name, field])
    const read = atlas.nodes.slice(atlas.firstArea).map(({ name, parent }) => [name, atlas.nodes[parent]?.name])
    expect(read).toEqual(named)
  })

  it('places abstracts in their disciplines, and nothing that is none', async () => {
    const embedder = await createEmbedder()
    const vectors = await embedder.embed(Object.values(papers))
    for (const [i, discipline] of Object.keys(papers).entries())
      expect(atlas.areasOf(vectors[i] as Float32Array, 1)[0]?.discipline).toBe(discipline)
    const others = await embedder.embed([
      'Schneide die Zwiebeln fein, brate sie in Butter an und gib den Reis dazu.',
      'Whisk three eggs with sugar, fold in the flour and bake for forty minutes.',
      'lorem ipsum dolor sit amet consectetur adipiscing elit',
    ])
    for (const vector of others) expect(atlas.areasOf(vector, 1)).toEqual([])
    await embedder.close?.()
  })

  it('gives the areas of rows by falling similarity, with shares that add up to one', async () => {
    const embedder = await createEmbedder()
    const vectors = await embedder.embed(Object.values(papers))
    await embedder.close?.()
    const flat = new Float32Array(vectors.length * atlas.model.dimensions)
    for (const [row, vector] of vectors.entries()) flat.set(vector, row * atlas.model.dimensions)
    const { rows, width, area, share, similarity } = await atlas.memberships(flat, () => undefined)
    expect(rows).toBe(vectors.length)
    for (let row = 0; row < rows; row++) {
      const shares = share.subarray(row * width, (row + 1) * width)
      expect(shares.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9)
      expect([...shares]).toEqual([...shares].sort((a, b) => b - a))
      const [best] = atlas.areasOf(vectors[row] as Float32Array, 1)
      expect(atlas.nodes[atlas.firstArea + (area[row * width] as number)]?.name).toBe(best?.area)
      expect(similarity[row]).toBeCloseTo(best?.similarity as number, 9)
      expect(similarity[row]).toBeGreaterThanOrEqual(leastSimilarity)
    }
  })

  it('knows which words name a subject', () => {
    const of = (term: string) => atlas.term(term)?.topicality ?? Number.NaN
    for (const term of ['differential privacy', 'medical image segmentation', 'LDPC codes', 'Galaxies', 'monocular'])
      expect(of(term), term).toBeGreaterThan(2)
    for (const term of ['addition', 'way', 'example', 'approach', 'several']) {
      const { topicality = 0 } = atlas.term(term) ?? {}
      expect(topicality, term).toBeLessThan(0.7)
    }
    expect(of('graph neural networks')).toBe(of('Graph neural network'))
    expect(atlas.term('xyzzyplugh')).toBeUndefined()
  })
})

it('spells terms in one way', () => {
  expect(termKey('Diffusion  Models')).toBe('diffusion model')
  expect(termKey("Parkinson's")).toBe('parkinson')
  expect(termKey('analysis')).toBe('analysis')
  expect(termKey('bus')).toBe('bus')
  expect(termKey('loss')).toBe('loss')
})
