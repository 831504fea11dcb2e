import { createHash } from 'node:crypto'
import { requireNumber, requireOptions } from '../errors.ts'

/** SHA-256 (base64url) over the model, its settings, the prefix and the text: equal keys mean equal vectors. */
export type VectorKey = string

/** How much of a text the model did not read. */
export interface Truncation {
  /** Word pieces of the whole text, special tokens included. */
  readonly tokens: number
  /** Word pieces that the model did not read: `tokens` less the model's limit. */
  readonly cut: number
  /** True where `tokens` is projected from the start of a very long text, not counted. */
  readonly estimated?: true
}

/** A vector as a cache keeps it, with what there is to tell about its text. */
export interface CachedVector {
  readonly vector: Float32Array
  readonly truncation?: Truncation
}

/**
 * Keeps vectors by content. Whoever reads copies; whoever writes hands its array over. A persistent store can stand here.
 */
export interface VectorCache {
  /** One entry a key, `undefined` where there is none. */
  get(
    keys: readonly VectorKey[],
  ): readonly (CachedVector | undefined)[] | Promise<readonly (CachedVector | undefined)[]>
  set(entries: readonly (readonly [VectorKey, CachedVector])[]): void | Promise<void>
}

/** The keys of texts under one model identity. */
export function vectorKeys(identity: string, texts: readonly string[]): VectorKey[] {
  return texts.map((text) => createHash('sha256').update(identity).update('\0').update(text).digest('base64url'))
}

const inMemory = new WeakSet<VectorCache>()

/** Whether a cache is one of {@link createVectorCache}, so that its keys may be of any kind that names the vector. */
export function isInMemory(cache: VectorCache): boolean {
  return inMemory.has(cache)
}

/**
 * A cache in memory that forgets what was longest unused.
 * @param options `maxBytes` bounds the vectors; an entry takes about 250 bytes more. @default 16 MiB: 10,922 vectors of 384.
 */
export function createVectorCache(options: { readonly maxBytes?: number } = {}): VectorCache {
  requireOptions('createVectorCache', options, { maxBytes: true })
  const maxBytes = requireNumber('maxBytes', options.maxBytes ?? 16 * 2 ** 20, 0, Number.MAX_VALUE)
  const entries = new Map<VectorKey, CachedVector>()
  let bytes = 0
  const cache: VectorCache = {
    get(keys) {
      return keys.map((key) => {
        const entry = entries.get(key)
        if (entry !== undefined) {
          entries.delete(key)
          entries.set(key, entry)
        }
        return entry
      })
    },
    set(added) {
      for (const [key, entry] of added) {
        bytes += entry.vector.byteLength - (entries.get(key)?.vector.byteLength ?? 0)
        entries.delete(key)
        entries.set(key, entry)
      }
      for (const [key, entry] of entries) {
        if (bytes <= maxBytes) break
        bytes -= entry.vector.byteLength
        entries.delete(key)
      }
    },
  }
  inMemory.add(cache)
  return cache
}
