import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { PaperkinError, requireInteger, requireNumber, requireOptions, show } from '../errors.ts'
import { packageFile, packageRequire } from '../runtime/package-files.ts'
import { checkedEmbedder, type Embedder, type EngineRequest, reason } from './embedder.ts'
import { sharedPool } from './pool.ts'
import { createVectorCache, type VectorCache } from './vector-cache.ts'
import type { Checksums, WorkerModel } from './worker.ts'

/** `modelId` of the bundled model's embedder. */
export const bundledId = 'paperkin/MiniLM-L6-papers'

const poolings = ['mean', 'cls', 'last_token'] as const
const dtypes = ['fp32', 'fp16', 'q8', 'int8', 'uint8', 'q4', 'q4f16', 'bnb4'] as const

/**
 * Which sentence-transformer to load, and how. Terms are those of `@huggingface/transformers`, which must be installed
 * for every model except the bundled one, and for devices other than `'cpu'` and `'wasm'`.
 */
export interface CreateEmbedderOptions {
  /** A folder (`./models/bge-small`) or a hub id (`Xenova/bge-small-en-v1.5`). @default the bundled MiniLM-L6-papers */
  readonly model?: string | undefined
  /** Branch, tag or commit of a hub model. @default 'main' */
  readonly revision?: string | undefined
  /** Which ONNX file: `'fp32'` is `model.onnx`, `'q8'` is `model_quantized.onnx`. @default 'fp32', or the one in the folder */
  readonly dtype?: (typeof dtypes)[number] | undefined
  /** `'wasm'` runs wherever Node does, several times slower. @default 'cpu' */
  readonly device?: 'cpu' | 'wasm' | 'cuda' | 'coreml' | 'dml' | 'webgpu' | undefined
  /**
   * How token vectors are combined into one. For hub models it is not looked up: set it here. @default what the
   * folder's `1_Pooling/config.json` says, else the graph's own `sentence_embedding`, else `'mean'`
   */
  readonly pooling?: (typeof poolings)[number] | undefined
  /** Prepended to every query, for models trained with it (e5: `'query: '`). @default the folder's prompt, else '' */
  readonly queryPrefix?: string | undefined
  /** Prepended to every document (e5: `'passage: '`). @default the folder's prompt, else '' */
  readonly documentPrefix?: string | undefined
  /**
   * Most tokens read from a text, including prefix and special tokens. @default 256 for the bundled model, else the
   * folder's `sentence_bert_config.json`, else the model's limit, at most 512
   */
  readonly maxTokens?: number | undefined
  /** Whether to avoid all network access. @default false */
  readonly localFilesOnly?: boolean | undefined
  /** Cache folder of hub models. @default the folder that `@huggingface/transformers` uses */
  readonly cacheDir?: string | undefined
  /** Most threads. @default one per core, as memory allows */
  readonly workers?: number | undefined
  /** Seconds after which the last idle thread ends; the others end after at most 5 s. @default 60 */
  readonly idleSeconds?: number | undefined
  /** Cache of vectors by content; `false` embeds every text again. @default 16 MiB in memory */
  readonly cache?: VectorCache | false | undefined
}

const createOptionNames: Readonly<Record<keyof CreateEmbedderOptions, true>> = {
  model: true,
  revision: true,
  dtype: true,
  device: true,
  pooling: true,
  queryPrefix: true,
  documentPrefix: true,
  maxTokens: true,
  localFilesOnly: true,
  cacheDir: true,
  workers: true,
  idleSeconds: true,
  cache: true,
}

interface Manifest {
  readonly id: string
  readonly revision: string
  readonly dtype: string
  readonly dimensions: number
  readonly maxTokens: number
  readonly maxTokensLimit: number
  readonly files: Readonly<Record<string, { readonly sha256: string }>>
}

/**
 * An embedder that runs a sentence-transformer in worker threads, one text per run: a vector depends on its text alone,
 * byte for byte, not on other texts, their order or the number of threads. Embedders of the same model share their
 * threads.
 *
 * The bundled model (no `model` given) is loaded with the first text; any other is loaded here, to learn its width.
 * @throws PaperkinError `invalid-argument`, `embedder-unavailable`
 */
export async function createEmbedder(options: CreateEmbedderOptions = {}): Promise<Embedder> {
  requireOptions('createEmbedder', options, createOptionNames)
  const { queryPrefix, documentPrefix, idleSeconds = 60, cache } = options
  if (queryPrefix !== undefined) requireText('queryPrefix', queryPrefix)
  if (documentPrefix !== undefined) requireText('documentPrefix', documentPrefix)
  const workers = options.workers === undefined ? undefined : requireInteger('workers', options.workers, 1, 1024)
  requireNumber('idleSeconds', idleSeconds, 0, 86_400)
  const { model, checksums, modelId, revision, known, prompts } = await locate(options)

  const pool = sharedPool(model, checksums)
  const user = {}
  const join = () => pool.join(user, { workers, idleSeconds })
  join()
  const prefix = { query: queryPrefix ?? prompts?.query ?? '', document: documentPrefix ?? prompts?.document ?? '' }
  const { dtype, device, pooling, maxTokens, usualTokens } = model
  const settings = [modelId, revision, dtype, device === 'wasm', pooling, maxTokens ?? usualTokens]
  const dimensions = known ?? (await loadOrLeave()).dimensions
  const running = new Set<Promise<void>>()

  async function loadOrLeave() {
    try {
      return await pool.load()
    } catch (error) {
      await pool.leave(user)
      throw error
    }
  }

  function run(
    texts: readonly string[],
    { inputType, signal, onVector }: Pick<EngineRequest, 'inputType' | 'signal' | 'onVector'>,
  ): Promise<void> {
    join()
    const before = prefix[inputType]
    const call = pool.embed(before === '' ? texts : texts.map((text) => before + text), {
      isUrgent: inputType === 'query',
      signal,
      onVector,
    })
    return awaited(call)
  }

  /** Tracks a call, so that {@link Embedder.close} waits for it. */
  function awaited<Value>(call: Promise<Value>): Promise<Value> {
    const ended = call.then(
      () => {},
      () => {},
    )
    running.add(ended)
    void ended.then(() => running.delete(ended))
    return call
  }

  return checkedEmbedder(
    {
      modelId,
      dimensions,
      revision,
      dtype,
      cacheKey: (inputType) => JSON.stringify([...settings, prefix[inputType]]),
      // A hub branch may point to other weights tomorrow.
      isLasting: model.isFolder || /^[\da-f]{40}$/u.test(revision),
      embed: (texts, request) => run(texts, request),
      prepare() {
        join()
        return awaited(pool.load())
      },
      async close() {
        await Promise.all(running)
        await pool.leave(user)
      },
    },
    { cache: cache ?? sharedCache },
  )
}

/** One cache for all embedders made here: keys cover everything that a vector depends on. */
const sharedCache = createVectorCache()

/** The bundled model's folder. */
function bundledFolder(): string {
  try {
    return dirname(packageFile('#models/MiniLM-L6-papers/model.json'))
  } catch (cause) {
    const message = `The bundled model cannot be read: ${reason(cause)}.`
    throw new PaperkinError('embedder-unavailable', message, { cause })
  }
}

interface Located {
  readonly model: WorkerModel
  readonly checksums: Checksums
  readonly modelId: string
  readonly revision: string
  /** Width of the vectors, if known without loading. */
  readonly known: number | undefined
  /** The prefixes that come with the model. */
  readonly prompts?: { readonly query: string; readonly document: string }
}

async function locate(options: CreateEmbedderOptions): Promise<Located> {
  const { model: name, revision = 'main', device = 'cpu', pooling, localFilesOnly = false, cacheDir } = options
  requireText('revision', revision)
  if (cacheDir !== undefined) requireText('cacheDir', cacheDir)
  requireOneOf('device', device, ['cpu', 'wasm', 'cuda', 'coreml', 'dml', 'webgpu'])
  if (pooling !== undefined) requireOneOf('pooling', pooling, poolings)
  if (options.dtype !== undefined) requireOneOf('dtype', options.dtype, dtypes)
  const maxTokens = options.maxTokens === undefined ? undefined : requireInteger('maxTokens', options.maxTokens, 8)

  if (name === undefined) {
    const folder = bundledFolder()
    const manifest = readJson(join(folder, 'model.json')) as Manifest
    if (options.dtype !== undefined && options.dtype !== manifest.dtype) {
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`dtype\` to be '${manifest.dtype}', the bundled model's, got ${show(options.dtype)}; name a \`model\` for others.`,
      )
    }
    if (maxTokens !== undefined) requireInteger('maxTokens', maxTokens, 8, manifest.maxTokensLimit)
    const ownWay = pooling === undefined || pooling === 'mean'
    const isBundled = device === 'cpu' || device === 'wasm'
    if (!isBundled) requireTransformers(`\`device: '${device}'\``)
    return {
      modelId: ownWay ? manifest.id : `${manifest.id}#${pooling}`,
      revision: manifest.revision,
      known: manifest.dimensions,
      checksums: Object.fromEntries(Object.entries(manifest.files).map(([file, { sha256 }]) => [file, sha256])),
      model: {
        model: folder,
        isFolder: true,
        revision: manifest.revision,
        dtype: manifest.dtype,
        device,
        pooling: ownWay ? undefined : pooling,
        maxTokens: maxTokens ?? manifest.maxTokens,
        usualTokens: undefined,
        localFilesOnly: true,
        cacheDir: undefined,
        isBundled,
      },
    }
  }

  requireText('model', name)
  const folder = resolve(name)
  // A hub id has at most one slash, between its two parts.
  const isPath = isAbsolute(name) || /^\.{1,2}(?:[/\\]|$)|\\|[/].*[/]|[/]$/u.test(name)
  const isFolder = isPath || existsSync(join(folder, 'config.json'))
  const id = pooling === undefined ? name : `${name}#${pooling}`
  if (!isFolder) {
    requireTransformers(`The model ${name}`)
    return {
      modelId: id,
      revision,
      known: undefined,
      checksums: undefined,
      model: {
        model: name,
        isFolder,
        revision,
        dtype: options.dtype ?? 'fp32',
        device,
        pooling,
        maxTokens,
        usualTokens: undefined,
        localFilesOnly,
        cacheDir: cacheDir === undefined ? undefined : resolve(cacheDir),
        isBundled: false,
      },
    }
  }

  if (!existsSync(folder))
    throw new PaperkinError(
      'embedder-unavailable',
      `Expected \`model\` to name a folder or a hub id such as 'Xenova/bge-small-en-v1.5', but there is no folder ${folder}: check the path.`,
    )
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    if (!existsSync(join(folder, file))) throw missing(folder, file)
    readJson(join(folder, file))
  }
  requireTransformers(`The model ${folder}`)
  const dtype = options.dtype ?? folderDtype(folder)
  const file = dtypeFile(dtype)
  if (!existsSync(join(folder, file))) throw missing(folder, file)
  const ownRevision = options.revision ?? filesRevision(folder, [file, `${file}_data`, 'config.json', 'tokenizer.json'])
  return {
    modelId: pooling === undefined ? basename(folder) : `${basename(folder)}#${pooling}`,
    revision: ownRevision,
    known: undefined,
    checksums: undefined,
    prompts: folderPrompts(folder),
    model: {
      model: folder,
      isFolder,
      revision: ownRevision,
      dtype,
      device,
      pooling: pooling ?? folderPooling(folder),
      maxTokens,
      usualTokens: folderTokens(folder),
      localFilesOnly: true,
      cacheDir: undefined,
      isBundled: false,
    },
  }
}

/**
 * Installs transformers.js on any machine: on Linux x64 its runtime's install script downloads a GPU library from
 * another host, and fails if that is unreachable.
 */
export const transformersCommand = 'npm install --ignore-scripts @huggingface/transformers'

/** The installed version of transformers.js; undefined if there is none. */
export function transformersVersion(): string | undefined {
  let entry: string
  try {
    entry = packageRequire().resolve('@huggingface/transformers')
  } catch {
    return undefined
  }
  for (let folder = dirname(entry); dirname(folder) !== folder; folder = dirname(folder)) {
    const path = join(folder, 'package.json')
    const { name, version } = (existsSync(path) ? readJson(path) : {}) as { name?: string; version?: string }
    if (name === '@huggingface/transformers') return version
  }
  return undefined
}

/**
 * Checks that transformers.js 4 or newer is installed: an optional package that runs every model except the bundled
 * one.
 */
function requireTransformers(who: string): void {
  const version = transformersVersion()
  if (version !== undefined && Number.parseInt(version, 10) >= 4) return
  const problem = version === undefined ? 'which is not installed' : `and ${version} is installed`
  throw new PaperkinError(
    'embedder-unavailable',
    `${who} needs transformers.js 4 or newer, ${problem}: \`${transformersCommand}\` (the bundled model needs nothing).`,
  )
}

function dtypeFile(dtype: string): string {
  const suffix = dtype === 'fp32' ? '' : dtype === 'q8' ? '_quantized' : `_${dtype}`
  return join('onnx', `model${suffix}.onnx`)
}

/** fp32 if present, as in transformers.js, else any other. */
function folderDtype(folder: string): string {
  return dtypes.find((dtype) => existsSync(join(folder, dtypeFile(dtype)))) ?? 'fp32'
}

/** The pooling in the folder's sentence-transformers files; undefined: the graph's own, or the mean. */
function folderPooling(folder: string): WorkerModel['pooling'] {
  const path = join(folder, '1_Pooling', 'config.json')
  if (!existsSync(path)) return undefined
  const said = readJson(path) as Readonly<Record<string, unknown>>
  const ways = Object.keys(said).filter((key) => key.startsWith('pooling_mode_') && said[key] === true)
  const way = ways.length === 1 ? (poolingModes[ways[0] as string] ?? ways[0]) : ways.join(' and ')
  if (way === 'mean' || way === '') return undefined
  if (way === 'cls' || way === 'last_token') return way
  throw new PaperkinError(
    'embedder-unavailable',
    `${path} asks for ${way}; \`pooling\` can be ${poolings.join(', ')}, and must be named for this model.`,
  )
}

/** `mean_sqrt_len` equals the mean here, as every vector is scaled to unit length. */
const poolingModes: Readonly<Record<string, string>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_lasttoken: 'last_token',
}

/** The model's maximum length in the folder's sentence-transformers files. */
function folderTokens(folder: string): number | undefined {
  const path = join(folder, 'sentence_bert_config.json')
  if (!existsSync(path)) return undefined
  const { max_seq_length: tokens } = readJson(path) as { readonly max_seq_length?: unknown }
  return typeof tokens === 'number' && tokens >= 8 ? tokens : undefined
}

/** The prompts in the folder's sentence-transformers files. */
function folderPrompts(folder: string): { readonly query: string; readonly document: string } {
  const path = join(folder, 'config_sentence_transformers.json')
  const { prompts } = (existsSync(path) ? readJson(path) : {}) as {
    readonly prompts?: Readonly<Record<string, unknown>>
  }
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return { query: text(prompts?.query), document: text(prompts?.document ?? prompts?.passage) }
}

/** A fingerprint without reading hundreds of megabytes: SHA-256 over each file's size and its first and last MiB. */
function filesRevision(folder: string, names: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of names.map((name) => join(folder, name)).filter((path) => existsSync(path))) {
    const { size } = statSync(path)
    const end = Buffer.alloc(Math.min(size, 2 ** 20))
    hash.update(`${size} `)
    const file = openSync(path, 'r')
    try {
      for (const position of [0, size - end.length]) {
        readSync(file, end, 0, end.length, position)
        hash.update(end)
      }
    } finally {
      closeSync(file)
    }
  }
  return hash.digest('hex').slice(0, 12)
}

function missing(folder: string, file: string): PaperkinError {
  return new PaperkinError(
    'embedder-unavailable',
    `Expected a model folder with config.json, tokenizer.json, tokenizer_config.json and onnx/model*.onnx; ${join(folder, file)} is missing.`,
  )
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new PaperkinError('embedder-unavailable', `${path} cannot be read as JSON: ${reason(error)}.`, {
      cause: error,
    })
  }
}

function requireText(name: string, value: unknown): void {
  if (typeof value === 'string' && (value !== '' || name.endsWith('Prefix'))) return
  throw new PaperkinError('invalid-argument', `Expected \`${name}\` to be a string, got ${show(value)}.`)
}

function requireOneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (allowed.includes(value as string)) return
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`${name}\` to be one of ${allowed.join(', ')}, got ${show(value)}.`,
  )
}
