// Runs in an embedding thread, the only place with a tokenizer and an ONNX session. One text per run, so that a vector
// depends on its own text alone: padding costs more than batching gains, and dynamic int8 scales would mix the texts of
// a batch.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire, Module } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Tokenizer } from '@huggingface/tokenizers'
import { PaperkinError } from '../errors.ts'
import { inNative } from '../runtime/native-gate.ts'
import { loadNative, loadWasm, nativePlatforms, type Runtime, type Tensor } from '../runtime/onnx-runtime.ts'
import { packageRequire } from '../runtime/package-files.ts'
import { type JobContext, serveJobs } from '../runtime/serve-jobs.ts'

/** What a thread loads: plain data, copied into the thread and used as the key of the pool. */
export interface WorkerModel {
  /** An absolute path of a folder, or a hub id. */
  readonly model: string
  readonly isFolder: boolean
  readonly revision: string
  readonly dtype: string
  readonly device: string
  readonly pooling: 'mean' | 'cls' | 'last_token' | undefined
  /** Most tokens read from a text; `undefined`: `usualTokens`, up to the model's limit. */
  readonly maxTokens: number | undefined
  /** The model's own maximum; `undefined`: 512. */
  readonly usualTokens: number | undefined
  readonly localFilesOnly: boolean
  readonly cacheDir: string | undefined
  /** True for the bundled model: it needs no transformers.js, and its graph is already fused. */
  readonly isBundled: boolean
}

/** SHA-256 (hex) of files in the folder, verified at load. */
export type Checksums = Readonly<Record<string, string>> | undefined

/** Properties of a loaded model. */
export interface LoadedModel {
  readonly dimensions: number
  readonly maxTokens: number
  /** Why WebAssembly runs instead of the requested native runtime. */
  readonly fallback?: string
}

/** The part of an ONNX Runtime tensor used here. */
interface OrtTensor extends Tensor {
  dispose?(): void
}
interface OrtSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Record<string, unknown>, fetches: readonly string[]): Promise<Record<string, OrtTensor>>
}

let wanted: WorkerModel
let checksums: Checksums
let embedText: ReturnType<typeof embedderOf>

const jobs = {
  /** The first job of each thread. */
  async load(given: { readonly model: WorkerModel; readonly checksums: Checksums }): Promise<LoadedModel> {
    wanted = given.model
    checksums = given.checksums
    const { loaded, fallback } = await withCause(() => (wanted.isBundled ? loadBundled() : loadOther()))
    embedText = loaded.embed
    const { vector } = await withCause(() => embedText(''))
    return { dimensions: vector.length, maxTokens: loaded.maxTokens, ...(fallback !== undefined && { fallback }) }
  },

  embed(text: string, { signal }: JobContext) {
    signal.throwIfAborted()
    return withCause(() => embedText(text))
  },
}

export type EmbeddingJobs = typeof jobs
serveJobs(jobs, { inTurn: true })

/** Errors lose their cause between threads, so it goes into the message. */
async function withCause<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw PaperkinError.isInstance(error) ? error : new Error(message(error))
  }
}

/** Loads the bundled model; each file is read once, and those bytes are verified. */
async function loadBundled() {
  const files = [join('onnx', 'model_quantized.onnx'), 'tokenizer.json', 'tokenizer_config.json', 'config.json']
  const [graph, tokenizer, settings, config, manifest] = (await Promise.all(
    [...files, 'model.json'].map((name) => readBundled(name)),
  )) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  for (const [place, bytes] of [graph, tokenizer, settings, config].entries()) checkFile(files[place] as string, bytes)
  const { runtime, fallback } = await loadRuntime()
  const session = await runtime.createSession(graph, { optimizes: false })
  const { outputs } = json(manifest) as { readonly outputs: readonly string[] }
  const { max_position_embeddings: limit } = json(config) as { readonly max_position_embeddings: number }
  const pieces = new Tokenizer(json(tokenizer), json(settings))
  const maxTokens = limited(limit)
  const embed = embedderOf(
    createTokenizer((text, special) => pieces.encode(text, { add_special_tokens: special }).ids, maxTokens),
    outputs,
    (ids, output) => session.run({ input_ids: { data: int64(ids), dims: [1, ids.length] } }, output),
  )
  return { loaded: { embed, maxTokens }, fallback }
}

async function readBundled(name: string): Promise<Uint8Array> {
  const path = join(wanted.model, name)
  try {
    return await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`${path} cannot be read (${code}); install the package again`)
  }
}

/** Verifies the bytes of a file, without a copy of them. @throws Error if they are not those published */
function checkFile(name: string, bytes: Uint8Array): void {
  const expected = checksums?.[name.replaceAll('\\', '/')]
  if (expected === undefined || createHash('sha256').update(bytes).digest('hex') === expected) return
  throw new Error(
    `${join(wanted.model, name)} is damaged: its SHA-256 is not the recorded one; install the package again`,
  )
}

function json(bytes: Uint8Array): object {
  return JSON.parse(Buffer.from(bytes).toString('utf8'))
}

/** The native runtime; WebAssembly if requested, or as a fallback with its reason. */
async function loadRuntime(): Promise<{ readonly runtime: Runtime; readonly fallback?: string }> {
  if (wanted.device === 'wasm') return { runtime: await loadWasm() }
  let problem: string
  try {
    return { runtime: loadNative() }
  } catch (error) {
    problem = message(error).split('\n')[0] as string
  }
  try {
    return { runtime: await loadWasm(), fallback: problem }
  } catch (error) {
    throw new Error(
      `ONNX Runtime cannot be loaded (${problem}), and WebAssembly fails as well (${message(error)}); the native runtime works on ${nativePlatforms}`,
    )
  }
}

/** The message of an error with its cause: `fetch failed` alone does not help. */
function message(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** Loads any other model by transformers.js, which the user has installed. */
async function loadOther() {
  const requireThere = createRequire(packageRequire().resolve('@huggingface/transformers'))
  let fallback: string | undefined
  if (wanted.device === 'cpu') {
    try {
      inNative(() => requireThere('onnxruntime-node'))
    } catch (error) {
      fallback = message(error).split('\n')[0]
    }
  }
  const loaded = await loadModel(requireThere, fallback !== undefined || wanted.device === 'wasm').catch(
    (error: unknown) => {
      if (fallback === undefined) throw error
      throw new Error(
        `onnxruntime-node does not load (${fallback}), and WebAssembly fails as well (${message(error)})`,
        { cause: error },
      )
    },
  )
  return { loaded, fallback }
}

/**
 * Loads transformers.js; its `env` belongs to this thread. Its image module is skipped (a seventh of the start).
 * Without a native runtime, or on request, the WebAssembly runtime that it ships for browsers replaces the native one:
 * both have the same interface and call their processor `cpu`.
 */
function loadTransformers(requireThere: NodeJS.Require, isWasm: boolean) {
  const standIn = (name: string, exports: object) => {
    const path = requireThere.resolve(name)
    requireThere.cache[path] = Object.assign(new Module(path), { exports, loaded: true })
  }
  standIn('sharp', () => {})
  if (isWasm) {
    const web = requireThere('onnxruntime-web') as {
      readonly env: { readonly wasm: { numThreads: number; wasmPaths: string } }
    }
    web.env.wasm.numThreads = 1
    // Otherwise transformers.js fetches it from a CDN.
    web.env.wasm.wasmPaths = pathToFileURL(join(dirname(requireThere.resolve('onnxruntime-web')), '/')).href
    standIn('onnxruntime-node', web)
  }
  const runtime = inNative(() => requireThere('onnxruntime-node')) as {
    InferenceSession: { create(...given: unknown[]): Promise<unknown> }
  }
  const create = runtime.InferenceSession.create.bind(runtime.InferenceSession)
  runtime.InferenceSession.create = (...given) => inNative(() => create(...given))
  const transformers = packageRequire()('@huggingface/transformers') as typeof import('@huggingface/transformers')
  return transformers
}

async function loadModel(requireThere: NodeJS.Require, isWasm: boolean) {
  const { AutoModel, AutoTokenizer, env, LogLevel, Tensor } = loadTransformers(requireThere, isWasm)
  env.logLevel = LogLevel.NONE
  env.allowLocalModels = true
  env.allowRemoteModels = !wanted.isFolder && !wanted.localFilesOnly
  if (wanted.cacheDir !== undefined) env.cacheDir = wanted.cacheDir
  if (wanted.isFolder) env.localModelPath = dirname(wanted.model)
  const name = wanted.model
  const common = { revision: wanted.revision, local_files_only: !env.allowRemoteModels }
  const [tokenizer, model] = await Promise.all([
    AutoTokenizer.from_pretrained(name, common),
    AutoModel.from_pretrained(name, {
      ...common,
      dtype: wanted.dtype as 'q8',
      device: (isWasm ? 'cpu' : wanted.device) as 'cpu',
      session_options: {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
        // Memory plans per text length would cost memory and gain nothing.
        enableMemPattern: false,
        graphOptimizationLevel: 'all',
      },
    }),
  ])
  const session = (model as unknown as { sessions: Record<string, OrtSession> }).sessions.model as OrtSession
  const maxTokens = limited(
    Math.min(
      tokenizer.model_max_length,
      (model.config as unknown as { max_position_embeddings?: number }).max_position_embeddings ??
        Number.POSITIVE_INFINITY,
    ),
  )
  const tokenize = createTokenizer((text, add_special_tokens) => {
    return tokenizer(text, { return_tensor: false, add_special_tokens }).input_ids
  }, maxTokens)

  const simple = session.inputNames.every((input) => ['input_ids', 'attention_mask', 'token_type_ids'].includes(input))
  const embed = embedderOf(tokenize, session.outputNames, async (ids, output) => {
    const inputs: Record<string, InstanceType<typeof Tensor>> = {}
    for (const input of simple ? session.inputNames : ['input_ids', 'attention_mask']) {
      const values = input === 'input_ids' ? ids : ids.map(() => (input === 'attention_mask' ? 1 : 0))
      inputs[input] = new Tensor('int64', int64(values), [1, ids.length])
    }
    if (!simple) {
      return (await inNative(() => model(inputs) as Promise<Record<string, OrtTensor>>))[output] as OrtTensor
    }
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([input, value]) => [input, (value as unknown as { ort_tensor: unknown }).ort_tensor]),
    )
    return (await inNative(() => session.run(feeds, [output])))[output] as OrtTensor
  })
  return { embed, maxTokens }
}

/** Most tokens to read, given the model's limit. */
function limited(limit: number): number {
  const maxTokens = wanted.maxTokens ?? Math.min(wanted.usualTokens ?? 512, limit)
  if (maxTokens <= limit) return maxTokens
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`maxTokens\` to be at most ${limit}, the limit of ${wanted.model}, got ${maxTokens}.`,
  )
}

/** int64 as pairs of 32 bits (little-endian, like every platform of Node), to avoid a BigInt per token. */
function int64(values: readonly number[]): BigInt64Array {
  const halves = new Int32Array(2 * values.length)
  for (const [index, value] of values.entries()) halves[2 * index] = value
  return new BigInt64Array(halves.buffer)
}

function embedderOf(
  tokenize: ReturnType<typeof createTokenizer>,
  outputs: readonly string[],
  run: (ids: readonly number[], output: string) => Promise<OrtTensor>,
) {
  const { pooling } = wanted
  const output = pickOutput(outputs, pooling)
  return async (text: string) => {
    const { ids, ...counts } = tokenize(text)
    const tensor = await run(ids, output)
    const vector = pool(tensor, pooling ?? 'mean')
    tensor.dispose?.()
    return { vector, ...counts }
  }
}

function pickOutput(names: readonly string[], pooling: WorkerModel['pooling']): string {
  const perToken = ['last_hidden_state', 'token_embeddings', 'hidden_states', 'logits']
  const wantedNames = pooling === undefined ? ['sentence_embedding', 'text_embeds', ...perToken] : perToken
  const found = wantedNames.find((name) => names.includes(name))
  if (found === undefined) {
    throw new Error(`${wanted.model} gives ${names.join(', ')}: expected an output named ${wantedNames.join(', ')}`)
  }
  return found
}

/** `[1, d]`: unchanged. `[1, tokens, d]`: pooled over all tokens; there is no padding. */
function pool({ data, dims }: OrtTensor, pooling: 'mean' | 'cls' | 'last_token'): Float32Array {
  const width = dims[dims.length - 1] as number
  if (dims.length === 2) return Float32Array.from(data.subarray(0, width))
  const tokens = dims[1] as number
  if (pooling !== 'mean') {
    const row = pooling === 'cls' ? 0 : tokens - 1
    return Float32Array.from(data.subarray(row * width, (row + 1) * width))
  }
  const mean = new Float64Array(width)
  for (let row = 0, i = 0; row < tokens; row++) for (let d = 0; d < width; d++, i++) mean[d]! += data[i] as number
  return Float32Array.from(mean, (sum) => sum / tokens)
}

/**
 * Truncates a text to `maxTokens` tokens as sentence-transformers does: the closing special tokens stay. Beyond 100,000
 * characters, long runs of white space are shortened and the text is read only until it gives enough tokens, at most
 * 400,000 characters (text with fewer tokens is not prose, and tokenizers take seconds for a word of megabytes);
 * `tokens` is then extrapolated.
 */
function createTokenizer(encode: (text: string, special: boolean) => number[], maxTokens: number) {
  const whole = 100_000
  const marked = encode('a', true)
  const bare = encode('a', false)
  const opening = Math.max(0, marked.indexOf(bare[0] as number))
  const closing = Math.max(0, marked.length - opening - bare.length)
  const shorten = (ids: number[]) =>
    ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - closing), ...ids.slice(ids.length - closing)]

  return (text: string): { ids: number[]; tokens: number; cut: number; estimated: boolean } => {
    if (text.length <= whole) {
      const ids = encode(text, true)
      return { ids: shorten(ids), tokens: ids.length, cut: Math.max(0, ids.length - maxTokens), estimated: false }
    }
    const dense = text.replace(/\s{100,}/gu, (run) => run.slice(0, 100))
    for (let length = whole; ; length *= 4) {
      // Do not split a surrogate pair.
      const end = /[\uD800-\uDBFF]/.test(dense[length - 1] ?? '') ? length + 1 : length
      const ids = encode(dense.slice(0, end), true)
      const isWhole = end >= dense.length
      // The word at the cut may be tokenized differently: it must lie beyond what the model reads.
      if (!isWhole && ids.length < 2 * maxTokens && length === whole) continue
      const tokens = isWhole ? ids.length : Math.round((ids.length * dense.length) / end)
      return { ids: shorten(ids), tokens, cut: Math.max(0, tokens - maxTokens), estimated: !isWhole }
    }
  }
}
