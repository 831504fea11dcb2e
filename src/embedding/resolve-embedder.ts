import { randomUUID } from 'node:crypto'
import { PaperkinError, requireOptions, show } from '../errors.ts'
import { createEmbedder } from './create-embedder.ts'
import { checkedEmbedder, type Embedder, type Engine, isChecked, reason, shortHash } from './embedder.ts'
import type { VectorCache } from './vector-cache.ts'

/** Vectors returned by a function: one array of numbers per text, or a tensor of `texts × dimensions`. */
type Vectors =
  | readonly ArrayLike<number>[]
  | { readonly dims: readonly number[]; readonly data: ArrayLike<number | bigint> }

/** The simplest embedder: texts in, vectors out. A `modelId` on the function identifies it in stores. */
export interface EmbedFunction {
  (
    texts: string[],
    options: { readonly inputType: 'document' | 'query'; readonly signal?: AbortSignal },
  ): Vectors | Promise<Vectors>
  readonly modelId?: string
  readonly dimensions?: number
}

/** The part of a transformers.js feature-extraction pipeline used here, the same in both packages. */
export interface FeatureExtractor {
  readonly task: string
  readonly model: unknown
  readonly tokenizer: unknown
}

/** What a library accepts as embedder; `undefined` is the bundled model. */
export type EmbedderInput = Embedder | EmbedFunction | FeatureExtractor | undefined

/** How to use a pipeline; terms are those of transformers.js. */
export interface PipelineOptions {
  /** @default 'mean' */
  readonly pooling?: 'mean' | 'cls' | 'last_token' | undefined
  /** @default '' */
  readonly queryPrefix?: string | undefined
  /** @default '' */
  readonly documentPrefix?: string | undefined
  /** Identifies the model in stores. @default the id that the pipeline was made with */
  readonly modelId?: string | undefined
}

/** Texts passed to a function per call. */
const batch = 64

/**
 * Makes a checked {@link Embedder} from any accepted input: nothing (the bundled model), an object with `embed`, a
 * function, or a feature-extraction pipeline of `@huggingface/transformers` or `@xenova/transformers`.
 *
 * If a function or pipeline does not state its width, one short text is embedded to learn it.
 * @throws PaperkinError `invalid-argument` for anything else, `embedding-failed` if that text fails
 */
export async function resolveEmbedder(
  input?: EmbedderInput,
  options: { readonly cache?: VectorCache | false } = {},
): Promise<Embedder> {
  if (input === undefined) return createEmbedder(options)
  if (isPipeline(input)) return pipelineEmbedder(input, options)
  if (typeof input === 'function') return functionEmbedder(input, options)
  if (typeof input === 'object' && input !== null && typeof input.embed === 'function') {
    return isChecked(input) ? input : objectEmbedder(input, options)
  }
  throw new PaperkinError(
    'invalid-argument',
    `Expected \`embedder\` to be an object with \`embed\`, a function or a feature-extraction pipeline, got ${show(input)}.`,
  )
}

/**
 * An embedder that runs a pipeline on the caller's thread, one text per run: padding a batch costs more than it gains,
 * and in quantised models a vector would depend on the rest of its batch.
 * @throws PaperkinError `invalid-argument` if the pipeline is for another task, `embedding-failed`
 */
export async function pipelineEmbedder(
  pipeline: FeatureExtractor,
  options: PipelineOptions & { readonly cache?: VectorCache | false } = {},
): Promise<Embedder> {
  requireOptions('pipelineEmbedder', options, {
    pooling: true,
    queryPrefix: true,
    documentPrefix: true,
    modelId: true,
    cache: true,
  })
  if (!isPipeline(pipeline))
    throw new PaperkinError('invalid-argument', `Expected a feature-extraction pipeline, got ${show(pipeline)}.`)
  const { pooling = 'mean', queryPrefix = '', documentPrefix = '', cache } = options
  if (pipeline.task !== 'feature-extraction') {
    throw new PaperkinError(
      'invalid-argument',
      `Expected a pipeline for 'feature-extraction', got one for ${show(pipeline.task)}.`,
    )
  }
  const extract = pipeline as unknown as (text: string, options: object) => Promise<Vectors>
  const { config } = pipeline.model as { readonly config?: { readonly _name_or_path?: string } }
  const tokenizer = pipeline.tokenizer as { readonly model_max_length?: number } & ((text: string) => {
    readonly input_ids: { readonly dims: readonly number[] }
  })
  const prefix = { query: queryPrefix, document: documentPrefix }
  const limit = tokenizer.model_max_length ?? Number.POSITIVE_INFINITY
  const run = async (text: string) => {
    const [vector] = rows(await extract(text, { pooling, normalize: true }))
    return vector as ArrayLike<number>
  }
  const modelId = options.modelId ?? config?._name_or_path ?? 'pipeline'
  const first = Float32Array.from(await probe(() => run('width')))
  // A pipeline does not state its revision and dtype; the vector of a fixed text identifies them.
  const weights = shortHash(new Uint8Array(first.buffer))
  return checkedEmbedder(
    {
      modelId: pooling === 'mean' ? modelId : `${modelId}#${pooling}`,
      dimensions: first.length,
      cacheKey: (inputType) => JSON.stringify([modelId, pooling, weights, prefix[inputType]]),
      isLasting: true,
      async embed(texts, { inputType, signal, onVector }) {
        for (const [index, text] of texts.entries()) {
          // Pipelines block while they run, and the older package never yields between texts.
          await new Promise((resolve) => setImmediate(resolve))
          signal?.throwIfAborted()
          const whole = prefix[inputType] + text
          const vector = await run(whole)
          // A token has at least one character, so most texts need not be counted.
          const tokens =
            whole.length + 2 > limit && whole.length <= 100_000 ? (tokenizer(whole).input_ids.dims[1] ?? 0) : 0
          onVector(index, vector, tokens > limit ? { tokens, cut: tokens - limit } : undefined)
        }
      },
    },
    cache === undefined ? {} : { cache },
  )
}

async function functionEmbedder(
  embed: EmbedFunction,
  { cache }: { readonly cache?: VectorCache | false },
): Promise<Embedder> {
  const modelId = embed.modelId ?? `function ${embed.name || '(anonymous)'}`
  const dimensions =
    embed.dimensions ?? (await probe(async () => rows(await embed(['width'], { inputType: 'document' }))[0])).length
  // Anonymous functions must not share cache entries.
  const key = embed.modelId ?? randomUUID()
  const engine: Engine = {
    modelId,
    dimensions,
    cacheKey: (inputType) => JSON.stringify([key, dimensions, inputType]),
    isLasting: embed.modelId !== undefined,
    async embed(texts, { inputType, signal, onVector }) {
      for (let start = 0; start < texts.length; start += batch) {
        const part = texts.slice(start, start + batch)
        const call = Promise.resolve(embed(part, { inputType, ...(signal && { signal }) }))
        const vectors = rows(await untilAborted(call, signal))
        if (vectors.length !== part.length) throw wrongCount(part.length, vectors.length, modelId)
        for (const [place, vector] of vectors.entries()) onVector(start + place, vector)
      }
    },
  }
  return checkedEmbedder(engine, cache === undefined ? {} : { cache })
}

function objectEmbedder(object: Embedder, { cache }: { readonly cache?: VectorCache | false }): Embedder {
  const { modelId, dimensions, revision, dtype, fingerprint } = object
  if (typeof modelId !== 'string' || modelId === '') {
    throw new PaperkinError('invalid-argument', `Expected \`embedder.modelId\` to be a name, got ${show(modelId)}.`)
  }
  if (!Number.isInteger(dimensions) || dimensions < 1) {
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`embedder.dimensions\` to be a positive integer, got ${show(dimensions)}.`,
    )
  }
  return checkedEmbedder(
    {
      modelId,
      dimensions,
      revision,
      dtype,
      cacheKey: (inputType) => JSON.stringify([modelId, revision, dtype, fingerprint, inputType]),
      isLasting: true,
      async embed(texts, { inputType, signal, onVector, onCount }) {
        const truncated = new Map<number, { tokens: number; cut: number; estimated?: true }>()
        const call = object.embed(texts, {
          inputType,
          ...(signal && { signal }),
          onProgress: ({ done }) => onCount(done),
          onTruncated: ({ index, ...truncation }) => void truncated.set(index, truncation),
        })
        const vectors = rows(await untilAborted(call, signal))
        if (vectors.length !== texts.length) throw wrongCount(texts.length, vectors.length, modelId)
        for (const [index, vector] of vectors.entries()) onVector(index, vector, truncated.get(index))
      },
      ...(object.prepare && { prepare: async () => object.prepare?.() }),
      close: async () => object.close?.(),
    },
    cache === undefined ? {} : { cache },
  )
}

function isPipeline(input: unknown): input is FeatureExtractor {
  if ((typeof input !== 'object' && typeof input !== 'function') || input === null) return false
  const { task, model, tokenizer } = input as Partial<FeatureExtractor>
  return typeof task === 'string' && model != null && tokenizer != null
}

async function probe(run: () => Promise<ArrayLike<number> | undefined>): Promise<ArrayLike<number>> {
  try {
    const vector = await run()
    if (typeof vector === 'object' && vector !== null && vector.length > 0) return vector
    throw new Error(`expected one array of numbers for one text, got ${show(vector)}`)
  } catch (error) {
    if (PaperkinError.isInstance(error)) throw error
    throw new PaperkinError('embedding-failed', `The embedder failed on its first text: ${reason(error)}.`, {
      cause: error,
    })
  }
}

function wrongCount(expected: number, got: number, modelId: string): PaperkinError {
  return new PaperkinError(
    'embedding-failed',
    `Expected one vector for each of ${expected} texts, got ${got} (model ${modelId}).`,
  )
}

/** The rows of a tensor, or the array of vectors unchanged. */
function rows(vectors: Vectors): readonly ArrayLike<number>[] {
  if (Array.isArray(vectors)) return vectors
  const { dims, data } = (vectors ?? {}) as { dims?: readonly number[]; data?: ArrayLike<number> }
  if (Array.isArray(dims) && dims.length === 2 && data !== undefined) {
    const [count, width] = dims as [number, number]
    return Array.from({ length: count }, (_, row) => Array.prototype.slice.call(data, row * width, (row + 1) * width))
  }
  const got = Array.isArray(dims) ? `a tensor of ${dims.join(' × ')}` : show(vectors)
  throw new PaperkinError(
    'embedding-failed',
    `Expected an array of vectors or a tensor of texts × dimensions, got ${got}; a pipeline needs \`pooling\`.`,
  )
}

/** Rejects as soon as the signal is aborted, without waiting for the work to stop. */
function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
