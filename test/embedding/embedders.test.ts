// The contract suite, run against everything that can stand for an embedder.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'
import { type EmbedFunction, pipelineEmbedder, resolveEmbedder } from '../../src/embedding/resolve-embedder.ts'
import { embedderContract } from './contract.ts'

const bundled = resolve('models/all-MiniLM-L6-v2')
// Built by bench/peers/setup: an ordinary fp32 export, and @xenova/transformers, which runs nothing newer.
const plain = resolve('.cache/plain/all-MiniLM-L6-v2')
const hasPlain = existsSync(plain)
const peers = resolve('bench/peers')
const hasXenova = hasPlain && existsSync(join(peers, 'node_modules/@xenova/transformers'))

/** Letters counted by class: a hand-made embedder, the same for the same text. */
function letters(text: string): number[] {
  const counts = new Array<number>(16).fill(0.01)
  for (const character of text) counts[(character.codePointAt(0) as number) % 16]! += 1
  return counts
}
const byFunction: EmbedFunction = async (texts) => texts.map(letters)

// Without the cache: bytes must agree because they are computed so, not because they are remembered.
const anew = { cache: false } as const

embedderContract('the bundled model', () => resolveEmbedder(undefined, anew))
embedderContract('the bundled model, cached', () => resolveEmbedder())
embedderContract('the bundled model on WebAssembly', () => createEmbedder({ device: 'wasm', ...anew }))
embedderContract('a folder', () => createEmbedder({ model: bundled, maxTokens: 64, ...anew }))
embedderContract(
  'a folder, with CLS pooling and prefixes',
  () =>
    createEmbedder({ model: bundled, pooling: 'cls', queryPrefix: 'query: ', documentPrefix: 'passage: ', ...anew }),
  { isSemantic: false },
)
embedderContract('a plain fp32 export in a folder', () => createEmbedder({ model: plain, ...anew }), {
  skip: !hasPlain,
})
embedderContract('a function', () => resolveEmbedder(byFunction, anew), { isSemantic: false })
embedderContract(
  'a function that gives a tensor',
  () =>
    resolveEmbedder(
      (texts: string[]) => ({ dims: [texts.length, 16], data: Float32Array.from(texts.flatMap(letters)) }),
      anew,
    ),
  { isSemantic: false },
)
embedderContract(
  'a hand-made object',
  () =>
    resolveEmbedder(
      {
        modelId: 'letters',
        dimensions: 16,
        embed: async (texts) => texts.map((text) => Float32Array.from(letters(text))),
      },
      anew,
    ),
  { isSemantic: false },
)
embedderContract('a pipeline of @huggingface/transformers', async () => {
  const { pipeline } = await import('@huggingface/transformers')
  const extractor = await pipeline('feature-extraction', bundled, { dtype: 'q8', local_files_only: true })
  return resolveEmbedder(extractor, anew)
})
embedderContract(
  'a pipeline of @xenova/transformers',
  async () => {
    const require = createRequire(join(peers, 'package.json'))
    const { pipeline, env } = await import(require.resolve('@xenova/transformers'))
    env.localModelPath = resolve('.cache/plain')
    env.allowRemoteModels = false
    return resolveEmbedder(await pipeline('feature-extraction', 'all-MiniLM-L6-v2', { quantized: false }), anew)
  },
  { skip: !hasXenova },
)

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, d) => sum + value * (b[d] as number), 0)
const sample = ['Tide tables from satellite altimetry', 'Learning to fold cloth with two hands and no labels']

it('agrees across the worker pool, WebAssembly and the pipeline', async () => {
  const { pipeline } = await import('@huggingface/transformers')
  const extractor = await pipeline('feature-extraction', bundled, { dtype: 'q8', local_files_only: true })
  const own = await createEmbedder()
  const expected = await own.embed(sample)
  for (const other of [await createEmbedder({ device: 'wasm' }), await pipelineEmbedder(extractor)]) {
    const vectors = await other.embed(sample)
    for (const [index, vector] of vectors.entries())
      expect(dot(vector, expected[index] as Float32Array)).toBeGreaterThan(0.999)
    await other.close?.()
  }
  await own.close?.()
})

it('puts the prefixes in front', async () => {
  const plainly = await createEmbedder({ model: bundled })
  const prefixed = await createEmbedder({ model: bundled, queryPrefix: 'query: ', documentPrefix: 'passage: ' })
  const text = 'folding cloth'
  const [query] = await prefixed.embed([text], { inputType: 'query' })
  const [document] = await prefixed.embed([text])
  expect([query]).toEqual(await plainly.embed([`query: ${text}`]))
  expect([document]).toEqual(await plainly.embed([`passage: ${text}`]))
  await plainly.close?.()
  await prefixed.close?.()
})

it('pools by mean as the graph does, and differently by the first or the last token', async () => {
  const vectors: Float32Array[] = []
  for (const pooling of [undefined, 'mean', 'cls', 'last_token'] as const) {
    const embedder = await createEmbedder({ model: bundled, ...(pooling && { pooling }) })
    vectors.push(...(await embedder.embed(sample.slice(0, 1))))
    await embedder.close?.()
  }
  const [graph, mean, cls, last] = vectors as [Float32Array, Float32Array, Float32Array, Float32Array]
  expect(dot(graph, mean)).toBeGreaterThan(0.9999)
  expect(dot(graph, cls)).toBeLessThan(0.99)
  expect(dot(cls, last)).toBeLessThan(0.999)
})

it('refuses what cannot be an embedder', async () => {
  await expect(resolveEmbedder('all-MiniLM-L6-v2' as never)).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(resolveEmbedder({} as never)).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(resolveEmbedder(null as never)).rejects.toMatchObject({ code: 'invalid-argument' })
  const wrongTask = Object.assign(async () => [], { task: 'text-classification', model: {}, tokenizer: {} })
  await expect(resolveEmbedder(wrongTask as never)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining('feature-extraction'),
  })
  const nameless = { modelId: '', dimensions: 3, embed: async () => [] }
  await expect(resolveEmbedder(nameless)).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(resolveEmbedder({ ...nameless, modelId: 'm', dimensions: 0 })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
})

it('leaves a checked embedder as it is', async () => {
  const embedder = await resolveEmbedder(byFunction)
  expect(await resolveEmbedder(embedder)).toBe(embedder)
})
