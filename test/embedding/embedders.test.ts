// The contract suite, run on every kind of embedder.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'
import { type EmbedFunction, pipelineEmbedder, resolveEmbedder } from '../../src/embedding/resolve-embedder.ts'
import { embedderContract } from './contract.ts'

const bundled = resolve('models/MiniLM-L6-papers')
// Built by bench/peers/setup: an ordinary fp32 export, and @xenova/transformers, which runs nothing newer.
const plain = resolve('.cache/plain/MiniLM-L6-papers')
const hasPlain = existsSync(plain)
const peers = resolve('bench/peers')
const hasXenova = hasPlain && existsSync(join(peers, 'node_modules/@xenova/transformers'))
// Downloaded by the same script: another model, quantised by others, that needs prefixes.
const e5 = resolve('.cache/e5-small-v2')
const hasE5 = existsSync(join(e5, 'onnx/model_quantized.onnx'))

/** A deterministic toy embedder that counts letters by class. */
function letters(text: string): number[] {
  const counts = new Array<number>(16).fill(0.01)
  for (const character of text) counts[(character.codePointAt(0) as number) % 16]! += 1
  return counts
}
const byFunction: EmbedFunction = async (texts) => texts.map(letters)

async function loadExtractor() {
  const { pipeline } = await import('@huggingface/transformers')
  return pipeline('feature-extraction', bundled, { dtype: 'q8', local_files_only: true })
}
let loading: ReturnType<typeof loadExtractor> | undefined
/** The bundled model as a pipeline of transformers.js, loaded once. */
const extractor = () => (loading ??= loadExtractor())

// No cache: bytes must be equal when computed, not when remembered.
const anew = { cache: false } as const

embedderContract('the bundled model', () => resolveEmbedder(undefined, anew))
embedderContract('the bundled model, cached', () => resolveEmbedder())
embedderContract('the bundled model on WebAssembly', () => createEmbedder({ device: 'wasm', workers: 1, ...anew }))
embedderContract('a folder', () => createEmbedder({ model: bundled, maxTokens: 64, workers: 1, ...anew }))
embedderContract(
  'a folder, with CLS pooling and prefixes',
  () =>
    createEmbedder({
      model: bundled,
      pooling: 'cls',
      queryPrefix: 'query: ',
      documentPrefix: 'passage: ',
      workers: 1,
      ...anew,
    }),
  { isSemantic: false },
)
embedderContract('a plain fp32 export in a folder', () => createEmbedder({ model: plain, ...anew }), {
  skip: !hasPlain,
})
embedderContract('e5-small-v2 in a folder', () => createEmbedder({ model: e5, ...anew }), { skip: !hasE5 })
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
embedderContract('a pipeline of @huggingface/transformers', async () => resolveEmbedder(await extractor(), anew))
embedderContract(
  'a pipeline of @xenova/transformers',
  async () => {
    const require = createRequire(join(peers, 'package.json'))
    const { pipeline, env } = await import(require.resolve('@xenova/transformers'))
    env.localModelPath = resolve('.cache/plain')
    env.allowRemoteModels = false
    return resolveEmbedder(await pipeline('feature-extraction', 'MiniLM-L6-papers', { quantized: false }), anew)
  },
  { skip: !hasXenova },
)

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, d) => sum + value * (b[d] as number), 0)
const sample = ['Tide tables from satellite altimetry', 'Learning to fold cloth with two hands and no labels']

it('agrees across the worker pool, WebAssembly and the pipeline', async () => {
  const own = await createEmbedder()
  const expected = await own.embed(sample)
  for (const other of [await createEmbedder({ device: 'wasm' }), await pipelineEmbedder(await extractor())]) {
    const vectors = await other.embed(sample)
    for (const [index, vector] of vectors.entries())
      expect(dot(vector, expected[index] as Float32Array)).toBeGreaterThan(0.999)
    await other.close?.()
  }
  await own.close?.()
})

it('prepends the prefixes', async () => {
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

it.each(['mean', 'cls', 'last_token'] as const)('pools by %s as the pipeline does', async (pooling) => {
  const vectors: Float32Array[] = []
  for (const embedder of [
    await createEmbedder({ model: bundled, pooling, ...anew }),
    await createEmbedder({ pooling, ...anew }),
    await pipelineEmbedder(await extractor(), { pooling, ...anew }),
    await createEmbedder(anew),
  ]) {
    vectors.push(...(await embedder.embed(sample.slice(0, 1))))
    await embedder.close?.()
  }
  const [folder, own, oracle, mean] = vectors as [Float32Array, Float32Array, Float32Array, Float32Array]
  expect(dot(folder, oracle)).toBeGreaterThan(0.9999)
  // Another version of the runtime, which rounds 8-bit activations differently.
  expect(dot(own, oracle)).toBeGreaterThan(0.999)
  if (pooling === 'mean') expect(dot(own, mean)).toBeGreaterThan(0.9999)
  else expect(dot(own, mean)).toBeLessThan(0.99)
})

it.skipIf(!hasE5)("reads a folder's prompts: e5-small-v2 as its pipeline gives it with them", async () => {
  const { pipeline } = await import('@huggingface/transformers')
  const extractor = await pipeline('feature-extraction', e5, { dtype: 'q8', local_files_only: true })
  const prompted = { queryPrefix: 'query: ', documentPrefix: 'passage: ', ...anew }
  const own = await createEmbedder({ model: e5, ...anew })
  const oracle = await pipelineEmbedder(extractor, prompted)
  for (const inputType of ['query', 'document'] as const) {
    const vectors = await own.embed(sample, { inputType })
    for (const [index, vector] of (await oracle.embed(sample, { inputType })).entries())
      expect(dot(vector, vectors[index] as Float32Array)).toBeGreaterThan(0.9999)
  }
  const [bare] = (await (await pipelineEmbedder(extractor, anew)).embed(sample)) as [Float32Array]
  const [document] = (await own.embed(sample)) as [Float32Array]
  expect(dot(bare, document)).toBeLessThan(0.99)
  await own.close?.()
})

describe('a folder as sentence-transformers writes it', () => {
  let scratch: string
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'paperkin-folder-'))
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))
  /** The bundled model with additional files. */
  const folder = (name: string, files: Readonly<Record<string, object>>) => {
    const path = join(scratch, name)
    cpSync(bundled, path, { recursive: true })
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(join(path, file)), { recursive: true })
      writeFileSync(join(path, file), JSON.stringify(content))
    }
    return path
  }
  const embed = async (options: Parameters<typeof createEmbedder>[0], inputType: 'document' | 'query' = 'document') => {
    const embedder = await createEmbedder({ ...options, ...anew })
    const cut: number[] = []
    const vectors = await embedder.embed(sample, { inputType, onTruncated: ({ tokens }) => cut.push(tokens) })
    await embedder.close?.()
    return { vectors, cut }
  }

  it('is pooled as its `1_Pooling` says, unless an option says otherwise', async () => {
    const model = folder('cls', {
      '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false },
    })
    expect((await embed({ model })).vectors).toEqual((await embed({ model: bundled, pooling: 'cls' })).vectors)
    expect((await embed({ model, pooling: 'mean' })).vectors).toEqual(
      (await embed({ model: bundled, pooling: 'mean' })).vectors,
    )
  })

  it('is refused if it needs another pooling, unless an option sets it', async () => {
    const model = folder('max', { '1_Pooling/config.json': { pooling_mode_max_tokens: true } })
    await expect(createEmbedder({ model })).rejects.toMatchObject({
      code: 'embedder-unavailable',
      message: expect.stringContaining('pooling_mode_max_tokens'),
    })
    expect((await embed({ model, pooling: 'mean' })).vectors).toHaveLength(2)
  })

  it('uses the maximum length and the prompts in its files', async () => {
    const model = folder('short', {
      'sentence_bert_config.json': { max_seq_length: 8 },
      'config_sentence_transformers.json': { prompts: { query: 'query: ', passage: 'passage: ' } },
    })
    const { vectors, cut } = await embed({ model })
    expect(cut).toHaveLength(2)
    const named = { model: bundled, queryPrefix: 'query: ', documentPrefix: 'passage: ' }
    expect(vectors).toEqual((await embed({ ...named, maxTokens: 8 })).vectors)
    expect((await embed({ model, maxTokens: 256 }, 'query')).vectors).toEqual((await embed(named, 'query')).vectors)
  })

  it('can be another with the same name: its revision differs', async () => {
    const tokenizer = JSON.parse(readFileSync(join(bundled, 'tokenizer.json'), 'utf8'))
    const model = folder('again/MiniLM-L6-papers', { 'tokenizer.json': { ...tokenizer, version: '1.1' } })
    const [a, b] = [await createEmbedder({ model: bundled }), await createEmbedder({ model })]
    expect(a.modelId).toBe(b.modelId)
    expect(a.revision).not.toBe(b.revision)
    expect(a.fingerprint).not.toBe(b.fingerprint)
    await Promise.all([a.close?.(), b.close?.()])
  })

  it('comes from the folder of hub models by its id, without a network', async () => {
    folder('hub/someone/a-model', {})
    const embedder = await createEmbedder({
      model: 'someone/a-model',
      dtype: 'q8',
      localFilesOnly: true,
      cacheDir: join(scratch, 'hub'),
      ...anew,
    })
    expect(await embedder.embed(sample)).toEqual((await embed({ model: bundled, maxTokens: 512 })).vectors)
    await embedder.close?.()
  })

  it("does not change the caller's transformers.js", async () => {
    const { env } = await import('@huggingface/transformers')
    const settings = () => JSON.stringify(env)
    const before = settings()
    await embed({ model: bundled, cacheDir: join(scratch, 'elsewhere') })
    await embed({ device: 'wasm' })
    expect(settings()).toBe(before)
  })
})

it('has a fingerprint of everything that a vector depends on', async () => {
  const fingerprint = async (options: Parameters<typeof createEmbedder>[0]) =>
    (await createEmbedder(options)).fingerprint
  const own = await fingerprint({})
  expect(own).toMatch(/^[\da-f]{12}$/u)
  expect(await fingerprint({ workers: 3, idleSeconds: 9, queryPrefix: 'query: ' })).toBe(own)
  const others = await Promise.all(
    [{ maxTokens: 255 }, { pooling: 'cls' as const }, { documentPrefix: 'passage: ' }, { device: 'wasm' as const }].map(
      fingerprint,
    ),
  )
  expect(new Set([own, ...others]).size).toBe(5)
  const named = await resolveEmbedder(Object.assign(byFunction.bind(null), { modelId: 'letters' }))
  expect(named.fingerprint).toMatch(/^[\da-f]{12}$/u)
  expect((await resolveEmbedder(byFunction)).fingerprint).toBeUndefined()
})

it('refuses what cannot be an embedder', async () => {
  await expect(resolveEmbedder('MiniLM-L6-papers' as never)).rejects.toMatchObject({ code: 'invalid-argument' })
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

it('returns a checked embedder unchanged', async () => {
  const embedder = await resolveEmbedder(byFunction)
  expect(await resolveEmbedder(embedder)).toBe(embedder)
})
