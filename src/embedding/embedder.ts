import { createHash } from 'node:crypto'
import { PaperkinError, show } from '../errors.ts'
import { type Progress, timeSlice } from '../runtime/time-slice.ts'
import {
  type CachedVector,
  createVectorCache,
  isInMemory,
  type Truncation,
  type VectorCache,
  type VectorKey,
  vectorKeys,
} from './vector-cache.ts'

/** Progress of an embedding, in texts. */
export interface EmbedProgress extends Progress {
  /** Texts per second over the last few seconds; 0 until known. */
  readonly perSecond: number
  /** Seconds left at that rate; `Infinity` until known. */
  readonly secondsLeft: number
}

/** A text longer than the model's limit. */
export interface TruncatedText extends Truncation {
  /** Position of the text in the array passed to `embed`. */
  readonly index: number
}

export interface EmbedOptions {
  /** What the texts are, for models that distinguish the two. @default 'document' */
  readonly inputType?: 'document' | 'query' | undefined
  readonly signal?: AbortSignal | undefined
  /** Called at most ten times per second, and once at the end. */
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
  /** Called once for each truncated text, by embedders that can detect it. */
  readonly onTruncated?: ((truncated: TruncatedText) => void) | undefined
}

/** Turns texts into vectors: the only interface between a model and a library. */
export interface Embedder {
  /** Identifies the model; vectors of different ids are never compared. */
  readonly modelId: string
  readonly dimensions: number
  /** Revision of the weights, if known. */
  readonly revision?: string
  /** Numeric type of the weights, if known. */
  readonly dtype?: string
  /**
   * Identifies everything a document's vector depends on besides its text (weights, pooling, prefix, `maxTokens`,
   * runtime): equal fingerprints and equal texts give equal vectors. Absent if unknown, as for an anonymous function.
   */
  readonly fingerprint?: string
  /** Returns one unit vector of `dimensions` Float32 values per text, in the order of `texts`. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>
  /** Loads what the next {@link embed} needs. Does not reject: a failure surfaces in the next `embed`. */
  prepare?(): Promise<void>
  /** Releases threads and memory once its own calls have ended; the embedder stays usable. */
  close?(): Promise<void>
}

/** Options of one {@link Engine.embed} call, whose texts are distinct and well-formed. */
export interface EngineRequest {
  readonly inputType: 'document' | 'query'
  readonly signal: AbortSignal | undefined
  /** Receives one raw vector; must be called exactly once per text. */
  readonly onVector: (index: number, vector: ArrayLike<number>, truncation?: Truncation) => void
  /** For engines that report progress before they return vectors. */
  readonly onCount: (done: number) => void
}

/** A bare embedder without checks, cache, order or progress, which `checkedEmbedder` adds. */
export interface Engine {
  readonly modelId: string
  readonly dimensions: number
  readonly revision?: string | undefined
  readonly dtype?: string | undefined
  /** Identifies everything a vector depends on besides the text; equal keys and texts give equal vectors. */
  readonly cacheKey: (inputType: 'document' | 'query') => string
  /** True if equal keys give equal vectors beyond this embedder's lifetime: in other processes, in a store. */
  readonly isLasting: boolean
  readonly embed: (texts: readonly string[], request: EngineRequest) => Promise<void>
  /** See {@link Embedder.prepare}. */
  readonly prepare?: (() => Promise<unknown>) | undefined
  readonly close?: (() => Promise<void>) | undefined
}

const checked = new WeakSet<Embedder>()

type Embed = Embedder['embed']
const keyed = new WeakMap<Embedder, (keyOf: (text: string) => VectorKey) => Embed>()

/** Identifies everything a document's vector depends on besides its text, as far as the embedder knows it. */
export function documentIdentity({
  modelId,
  revision,
  dtype,
  fingerprint,
}: Pick<Embedder, 'modelId' | 'revision' | 'dtype' | 'fingerprint'>): string {
  return JSON.stringify([modelId, revision, dtype, fingerprint])
}

/**
 * {@link Embedder.embed} for documents whose keys under {@link documentIdentity} are known: they are not hashed again.
 */
export function embedKeyed(embedder: Embedder, keyOf: (text: string) => VectorKey): Embed {
  return keyed.get(embedder)?.(keyOf) ?? ((texts, options) => embedder.embed(texts, options))
}

/** True for embedders made by {@link checkedEmbedder}. */
export function isChecked(value: object): value is Embedder {
  return checked.has(value as Embedder)
}

/** Texts processed between two checks of the clock: about 2 ms of hashing or copying. */
const textsAtOnce = 256

/**
 * Turns an engine into an {@link Embedder}: identical texts are embedded once, known ones come from the cache, and each
 * vector is checked for width and finite values and scaled to unit length.
 */
export function checkedEmbedder(
  engine: Engine,
  { cache = createVectorCache() }: { readonly cache?: VectorCache | false } = {},
): Embedder {
  const { modelId, dimensions, revision, dtype } = engine

  // An in-memory cache uses the keys of stores, so that each text is hashed once for both.
  const isKeyed = cache !== false && isInMemory(cache) && engine.isLasting
  const identityOf = (inputType: 'document' | 'query') =>
    isKeyed && engine.cacheKey(inputType) === engine.cacheKey('document')
      ? documentIdentity(embedder)
      : engine.cacheKey(inputType)

  async function embed(
    given: readonly string[],
    options: EmbedOptions = {},
    keyOf?: (text: string) => VectorKey,
  ): Promise<Float32Array[]> {
    const { inputType = 'document', signal, onProgress, onTruncated } = options
    requireTexts(given)
    if (inputType !== 'document' && inputType !== 'query') {
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`inputType\` to be 'document' or 'query', got ${show(inputType)}.`,
      )
    }
    const slice = timeSlice(signal)
    const vectors = new Array<Float32Array>(given.length)
    if (given.length === 0) return vectors

    // Positions of each distinct text, in order of first occurrence.
    const places = new Map<string, number | number[]>()
    for (let index = 0; index < given.length; index++) {
      if (index % textsAtOnce === textsAtOnce - 1 && slice.due()) await slice.rest()
      const text = wellFormed(given[index] as string)
      const known = places.get(text)
      if (known === undefined) places.set(text, index)
      else if (typeof known === 'number') places.set(text, [known, index])
      else known.push(index)
    }
    const texts = [...places.keys()]
    const targets = [...places.values()]
    // An error thrown by a callback is rethrown unchanged, not as the embedder's.
    let thrown: { readonly error: unknown } | undefined
    function call<Value>(callback: ((value: Value) => void) | undefined, value: Value): void {
      try {
        callback?.(value)
      } catch (error) {
        thrown = { error }
        throw error
      }
    }
    const progress = createProgress(given.length, onProgress && ((value) => call(onProgress, value)))

    function settle(position: number, vector: Float32Array, truncation?: Truncation): number {
      const target = targets[position] as number | number[]
      const all = typeof target === 'number' ? [target] : target
      for (const [copy, index] of all.entries()) {
        vectors[index] = copy === 0 ? vector : vector.slice()
        if (truncation) call(onTruncated, { index, ...truncation })
      }
      return all.length
    }

    const keys: VectorKey[] = []
    const missing: number[] = []
    const identity = identityOf(inputType)
    for (let start = 0; start < texts.length; start += textsAtOnce) {
      if (slice.due()) await slice.rest()
      const hashed = texts.slice(start, start + textsAtOnce)
      const part = !cache ? [] : keyOf ? hashed.map(keyOf) : vectorKeys(identity, hashed)
      keys.push(...part)
      const found = cache ? await cache.get(part) : []
      for (let position = start; position < Math.min(start + textsAtOnce, texts.length); position++) {
        const hit = found[position - start]
        if (hit === undefined || hit.vector.length !== dimensions) missing.push(position)
        else progress.known(settle(position, hit.vector.slice(), hit.truncation))
      }
    }

    if (missing.length > 0) {
      let fresh: [VectorKey, CachedVector][] = []
      let received = 0
      // A cache failure rejects the call, but only after the work, so that it is neither lost nor hides the work's own
      // error.
      let kept = Promise.resolve()
      let cacheFailure: { readonly error: unknown } | undefined
      const keep = () => {
        const entries = fresh
        fresh = []
        if (!cache || entries.length === 0) return
        kept = kept
          .then(() => cache.set(entries))
          .catch((error: unknown) => {
            cacheFailure ??= { error }
          })
      }
      try {
        const work = engine.embed(
          missing.map((position) => texts[position] as string),
          {
            inputType,
            signal,
            onCount: (done) => progress.embedded(Math.max(0, done - received), true),
            onVector(index, raw, truncation) {
              const position = missing[index]
              if (position === undefined || vectors[firstPlace(targets[position])] !== undefined) {
                throw new PaperkinError(
                  'embedding-failed',
                  `Expected one vector for each of ${missing.length} texts, got one more (model ${modelId}).`,
                )
              }
              const vector = unitVector(raw, { dimensions, modelId, index: firstPlace(targets[position]) })
              received += 1
              progress.embedded(settle(position, vector, truncation))
              if (cache) {
                fresh.push([
                  keys[position] as VectorKey,
                  { vector: vector.slice(), ...(truncation !== undefined && { truncation }) },
                ])
                if (fresh.length >= textsAtOnce) keep()
              }
            },
          },
        )
        await work
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        if (thrown?.error === error || PaperkinError.isInstance(error)) throw error
        throw new PaperkinError('embedding-failed', `The embedder failed: ${reason(error)} (model ${modelId}).`, {
          cause: error,
        })
      } finally {
        // After an abort too: finished vectors are kept.
        keep()
        await kept
      }
      if (cacheFailure !== undefined) throw cacheFailure.error
      if (received !== missing.length) {
        throw new PaperkinError(
          'embedding-failed',
          `Expected one vector for each of ${missing.length} texts, got ${received} (model ${modelId}).`,
        )
      }
    }
    progress.end()
    return vectors
  }

  const embedder: Embedder = Object.freeze({
    modelId,
    dimensions,
    ...(revision !== undefined && { revision }),
    ...(dtype !== undefined && { dtype }),
    ...(engine.isLasting && { fingerprint: shortHash(engine.cacheKey('document')) }),
    embed: (texts: readonly string[], options?: EmbedOptions) => embed(texts, options),
    ...(engine.prepare && {
      prepare: async () => {
        await engine.prepare?.().catch(() => {})
      },
    }),
    close: async () => engine.close?.(),
  })
  checked.add(embedder)
  if (isKeyed) keyed.set(embedder, (keyOf) => (texts, options) => embed(texts, options, keyOf))
  return embedder
}

function firstPlace(target: number | number[] | undefined): number {
  return typeof target === 'object' ? (target[0] as number) : (target ?? 0)
}

/** 12 hex digits of SHA-256. */
export function shortHash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 12)
}

/** The message of anything thrown, without a final full stop. */
export function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/u, '')
}

function requireTexts(texts: readonly string[]): void {
  if (!Array.isArray(texts)) {
    throw new PaperkinError('invalid-argument', `Expected \`texts\` to be an array of strings, got ${show(texts)}.`)
  }
  for (let index = 0; index < texts.length; index++) {
    if (typeof texts[index] === 'string') continue
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`texts[${index}]\` to be a string, got ${show(texts[index])}.`,
    )
  }
}

/** Replaces lone surrogates by U+FFFD: no tokenizer knows them, and UTF-8 cannot encode them. */
function wellFormed(text: string): string {
  return /\p{Surrogate}/u.test(text) ? text.replace(/\p{Surrogate}/gu, '\uFFFD') : text
}

function unitVector(
  raw: ArrayLike<number>,
  { dimensions, modelId, index }: { readonly dimensions: number; readonly modelId: string; readonly index: number },
): Float32Array {
  const fail = (what: string) =>
    new PaperkinError('embedding-failed', `Expected ${what} for the text at index ${index} (model ${modelId}).`)
  if (typeof raw !== 'object' || raw === null || typeof raw.length !== 'number') {
    throw fail(`an array of ${dimensions} numbers, got ${show(raw)}`)
  }
  if (raw.length !== dimensions) throw fail(`a vector of ${dimensions} values, got ${raw.length}`)
  let sum = 0
  for (let d = 0; d < dimensions; d++) sum += (raw[d] as number) * (raw[d] as number)
  if (!Number.isFinite(sum)) {
    const place = Array.prototype.findIndex.call(raw, (value: unknown) => !Number.isFinite(value))
    throw fail(`finite values, got ${show(place < 0 ? sum : raw[place])} at dimension ${Math.max(0, place)}`)
  }
  if (sum === 0) throw fail('a vector with a direction, got zeros')
  const scale = 1 / Math.sqrt(sum)
  const unit = new Float32Array(dimensions)
  for (let d = 0; d < dimensions; d++) unit[d] = (raw[d] as number) * scale
  return unit
}

/** Reports progress at most ten times per second. The rate covers the last 5 s and leaves out cached texts. */
export function createProgress(total: number, report: EmbedOptions['onProgress']) {
  const window = 5_000
  const started = performance.now()
  const samples: [time: number, embedded: number][] = [[started, 0]]
  let known = 0
  let embedded = 0
  let ahead = 0
  let reported = Number.NEGATIVE_INFINITY
  let last = -1

  function emit(now: number): void {
    if (report === undefined) return
    const count = embedded + ahead
    while (samples.length > 2 && now - (samples[1] as [number, number])[0] > window) samples.shift()
    const [time, before] = samples[0] as [number, number]
    const seconds = (now - time) / 1000
    const perSecond = count > before && seconds >= 0.25 ? (count - before) / seconds : 0
    const done = Math.min(total, known + count)
    const left = total - done
    samples.push([now, count])
    reported = now
    last = done
    report({
      done,
      total,
      perSecond,
      secondsLeft: left === 0 ? 0 : perSecond > 0 ? left / perSecond : Number.POSITIVE_INFINITY,
    })
  }
  const pace = () => {
    const now = performance.now()
    if (now - reported >= 100 && embedded + ahead + known < total) emit(now)
  }
  return {
    known(count: number) {
      known += count
    },
    /** `isAhead`: `count` is the engine's own total of texts done before their vectors arrive. */
    embedded(count: number, isAhead = false) {
      if (isAhead) ahead = count
      else {
        embedded += count
        ahead = Math.max(0, ahead - count)
      }
      pace()
    },
    end() {
      embedded = total - known
      ahead = 0
      if (last !== total) emit(performance.now())
    },
  }
}
