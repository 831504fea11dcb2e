// The checks, the cache and the progress that every embedder gets.
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { EmbedProgress } from '../../src/embedding/embedder.ts'
import { type EmbedFunction, resolveEmbedder } from '../../src/embedding/resolve-embedder.ts'
import {
  type CachedVector,
  createVectorCache,
  type VectorCache,
  type VectorKey,
  vectorKeys,
} from '../../src/embedding/vector-cache.ts'

const good: EmbedFunction = (texts) => texts.map((text) => [text.length + 1, 2, 3])
/** A function that misbehaves for one text only. */
const bad =
  (misbehave: (vectors: number[][]) => unknown): EmbedFunction =>
  (texts, options) => {
    const vectors = good(texts, options) as number[][]
    return (texts.includes('bad') ? misbehave(vectors) : vectors) as number[][]
  }
const asObject = (embed: EmbedFunction) => ({
  modelId: 'object',
  dimensions: 3,
  embed: async (texts: readonly string[]) => (await embed([...texts], { inputType: 'document' })) as Float32Array[],
})

describe('an embedder that misbehaves', () => {
  const faults: [string, (vectors: number[][]) => unknown, string][] = [
    ['gives too few', (vectors) => vectors.slice(1), 'one vector for each of 2 texts, got 1'],
    ['gives too many', (vectors) => [...vectors, [1, 2, 3]], 'one vector for each of 2 texts, got 3'],
    ['gives none', () => [], 'got 0'],
    ['gives the wrong width', ([a, b]) => [a, b?.slice(1)], 'a vector of 3 values, got 2 for the text at index 1'],
    [
      'gives NaN',
      ([a]) => [a, [1, Number.NaN, 3]],
      'finite values, got `NaN` (number) at dimension 1 for the text at index 1',
    ],
    ['gives infinity', ([a]) => [a, [Number.POSITIVE_INFINITY, 2, 3]], '`Infinity` (number) at dimension 0'],
    ['gives holes', ([a]) => [a, [1, undefined, 3]], 'at dimension 1'],
    ['gives zeros', ([a]) => [a, [0, 0, 0]], 'a direction, got zeros'],
    ['gives null', () => null, 'an array of vectors'],
    ['gives nulls', ([a]) => [a, null], 'an array of 3 numbers, got `null`'],
    ['gives text', ([a]) => [a, 'abc'], 'an array of 3 numbers'],
    ['gives unpooled tokens', () => ({ dims: [2, 5, 3], data: new Float32Array(30) }), 'a tensor of 2 × 5 × 3'],
    [
      'throws',
      () => {
        throw new Error('the service is down')
      },
      'the service is down',
    ],
    ['rejects', () => Promise.reject(new Error('the service is away')), 'the service is away'],
  ]
  for (const [what, misbehave, message] of faults) {
    for (const kind of ['function', 'object'] as const) {
      it(`and ${what} (${kind}) fails that call alone`, async () => {
        const raw = bad(misbehave)
        const { embed } = await resolveEmbedder(kind === 'function' ? raw : asObject(raw))
        await expect(embed(['fine', 'bad'])).rejects.toMatchObject({
          name: 'PaperkinError',
          code: 'embedding-failed',
          message: expect.stringContaining(message),
        })
        const [vector] = (await embed(['fine'])) as [Float32Array]
        expect(Math.hypot(...vector)).toBeCloseTo(1, 6)
      })
    }
  }

  it('at its first text is refused', async () => {
    const fail: EmbedFunction = () => Promise.reject(new Error('no key'))
    await expect(resolveEmbedder(fail)).rejects.toMatchObject({
      code: 'embedding-failed',
      message: expect.stringContaining('no key'),
    })
    await expect(resolveEmbedder(() => [])).rejects.toMatchObject({ code: 'embedding-failed' })
  })

  it('keeps the cause', async () => {
    const cause = new Error('the service is down')
    const { embed } = await resolveEmbedder(bad(() => Promise.reject(cause)))
    await expect(embed(['bad'])).rejects.toMatchObject({ cause })
  })

  it('and never answers is abandoned on abort', async () => {
    const { embed } = await resolveEmbedder(bad(() => new Promise(() => {})))
    const controller = new AbortController()
    const work = embed(['bad'], { signal: controller.signal })
    setImmediate(() => controller.abort())
    await expect(work).rejects.toMatchObject({ name: 'AbortError' })
    expect(await embed(['fine'])).toHaveLength(1)
  })
})

describe('vectors', () => {
  it('are always scaled to unit length', async () => {
    const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(finite, finite, fc.double({ min: 1e-3, max: 1e3, noNaN: true })), { minLength: 1 }),
        async (rows) => {
          const { embed } = await resolveEmbedder(
            Object.assign((texts: string[]) => texts.map((text) => rows[Number(text)] as number[]), { dimensions: 3 }),
          )
          for (const [index, vector] of (await embed(rows.map((_, row) => String(row)))).entries()) {
            const row = rows[index] as number[]
            const length = Math.hypot(...row)
            for (const [d, value] of vector.entries()) expect(value).toBeCloseTo((row[d] as number) / length, 5)
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('come in the order of the texts, however often a text repeats', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 3 })), async (texts) => {
        const asked: string[] = []
        const { embed } = await resolveEmbedder(
          Object.assign(
            (part: string[]) => {
              asked.push(...part)
              return part.map((text) => [text.length + 1, (text.codePointAt(0) ?? 0) + 1])
            },
            { dimensions: 2 },
          ),
        )
        const vectors = await embed(texts)
        expect(asked.sort()).toEqual([...new Set(texts)].sort())
        for (const [index, text] of texts.entries()) {
          const [a, b] = vectors[index] as unknown as [number, number]
          expect(b / a).toBeCloseTo(((text.codePointAt(0) ?? 0) + 1) / (text.length + 1), 2)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('the cache', () => {
  it('embeds nothing twice, neither in one call nor in later ones', async () => {
    const embedTexts = vi.fn(good)
    const { embed } = await resolveEmbedder(Object.assign(embedTexts as EmbedFunction, { dimensions: 3 }))
    await embed(['a', 'b', 'a', 'a'])
    await embed(['b', 'c'])
    await embed(['a', 'b', 'c'])
    expect(embedTexts.mock.calls.map(([texts]) => texts)).toEqual([['a', 'b'], ['c']])
  })

  it('keeps what was done before an abort', async () => {
    const controller = new AbortController()
    const embedTexts = vi.fn<EmbedFunction>((texts, options) => {
      if (texts.includes('64')) controller.abort()
      return good(texts, options)
    })
    const { embed } = await resolveEmbedder(Object.assign(embedTexts as EmbedFunction, { dimensions: 3 }))
    const texts = Array.from({ length: 100 }, (_, index) => String(index))
    await expect(embed(texts, { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' })
    embedTexts.mockClear()
    await embed(texts)
    expect(embedTexts.mock.calls.flatMap(([part]) => part)).toEqual(texts.slice(64))
  })

  it('reports truncated texts again', async () => {
    const embedder = await resolveEmbedder({
      modelId: 'cuts',
      dimensions: 3,
      embed: async (texts, options) => {
        texts.forEach((text, index) => {
          if (text.length > 5) options?.onTruncated?.({ index, tokens: text.length, cut: text.length - 5 })
        })
        return texts.map(() => Float32Array.of(1, 2, 3))
      },
    })
    for (const _ of [1, 2]) {
      const onTruncated = vi.fn()
      await embedder.embed(['short', 'a long one', 'short', 'a long one'], { onTruncated })
      expect(onTruncated.mock.calls.flat()).toEqual([
        { index: 1, tokens: 10, cut: 5 },
        { index: 3, tokens: 10, cut: 5 },
      ])
    }
  })

  it('can be another, asynchronous one', async () => {
    const kept = new Map<VectorKey, CachedVector>()
    const cache: VectorCache = {
      get: async (keys) => keys.map((key) => kept.get(key)),
      set: async (entries) => entries.forEach(([key, entry]) => void kept.set(key, entry)),
    }
    const embedTexts = vi.fn(good)
    const first = await resolveEmbedder(Object.assign(embedTexts as EmbedFunction, { dimensions: 3, modelId: 'm' }), {
      cache,
    })
    const expected = await first.embed(['a', 'b'])
    expect(kept.size).toBe(2)
    const second = await resolveEmbedder(
      Object.assign(((t, o) => embedTexts(t, o)) as EmbedFunction, { dimensions: 3, modelId: 'm' }),
      { cache },
    )
    expect(await second.embed(['b', 'a'])).toEqual(expected.toReversed())
    expect(embedTexts).toHaveBeenCalledOnce()
  })

  it('is never shared by anonymous functions', async () => {
    const kept = new Map<VectorKey, CachedVector>()
    const cache: VectorCache = {
      get: (keys) => keys.map((key) => kept.get(key)),
      set: (entries) => entries.forEach(([key, entry]) => void kept.set(key, entry)),
    }
    const first = await resolveEmbedder((texts) => texts.map(() => [1, 0]), { cache })
    const second = await resolveEmbedder((texts) => texts.map(() => [0, 1]), { cache })
    expect([...(await first.embed(['a'])), ...(await second.embed(['a']))]).toEqual([
      Float32Array.of(1, 0),
      Float32Array.of(0, 1),
    ])
  })

  it('that fails rejects the call with its own error, and hides no other', async () => {
    const error = new Error('the disk is full')
    const cache: VectorCache = {
      get: (keys) => keys.map(() => undefined),
      set: async () => Promise.reject(error),
    }
    const { embed } = await resolveEmbedder(
      bad(() => {
        throw new Error('the service is down')
      }),
      { cache },
    )
    // Several writes: the first fails while texts are still being embedded.
    const many = Array.from({ length: 700 }, (_, index) => String(index))
    await expect(embed(many)).rejects.toBe(error)
    await expect(embed([...many, 'bad'])).rejects.toMatchObject({ code: 'embedding-failed' })
  })

  it('distinguishes models, input types and texts', () => {
    const keys = [...vectorKeys('m\0', ['a', 'b', '']), ...vectorKeys('m\0query: ', ['a']), ...vectorKeys('n\0', ['a'])]
    expect(new Set(keys).size).toBe(keys.length)
    expect(vectorKeys('m\0', ['a'])).toEqual([keys[0]])
  })

  it('evicts the least recently used, and never exceeds its limit', () => {
    const cache = createVectorCache({ maxBytes: 3 * 8 })
    const entry = (value: number): CachedVector => ({ vector: Float32Array.of(value, value) })
    const values = () =>
      (cache.get(['a', 'b', 'c', 'd']) as (CachedVector | undefined)[]).map((found) => found?.vector[0])
    void cache.set([
      ['a', entry(1)],
      ['b', entry(2)],
      ['c', entry(3)],
    ])
    expect(values()).toEqual([1, 2, 3, undefined])
    void cache.get(['a'])
    void cache.set([['d', entry(4)]])
    expect(values()).toEqual([1, undefined, 3, 4])
    void cache.set([['a', entry(5)]])
    expect(values()).toEqual([5, undefined, 3, 4])
    const tiny = createVectorCache({ maxBytes: 1 })
    void tiny.set([['a', entry(1)]])
    expect(tiny.get(['a'])).toEqual([undefined])
  })
})

describe('progress', () => {
  it('comes at most ten times per second, with the rate of the last seconds', async () => {
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    const reports: EmbedProgress[] = []
    const slow: EmbedFunction = Object.assign(
      async (texts: string[]) => {
        now += texts.length * 20
        return good(texts, { inputType: 'document' })
      },
      { dimensions: 3 },
    )
    const { embed } = await resolveEmbedder(slow)
    await embed(
      Array.from({ length: 640 }, (_, index) => `text ${index}`),
      { onProgress: (report) => reports.push(report) },
    )
    clock.mockRestore()
    // 10 batches of 64 texts, 1.28 s each: 50 texts per second.
    expect(reports.length).toBeLessThanOrEqual(11)
    expect(reports.at(-1)).toMatchObject({ done: 640, total: 640, secondsLeft: 0 })
    // A rate is known to within one batch in five seconds.
    for (const { perSecond } of reports.slice(3)) expect(Math.abs(perSecond - 50)).toBeLessThan(64 / 5 + 1)
    const middle = reports.find(({ done }) => done > 300) as EmbedProgress
    expect(middle.secondsLeft).toBeCloseTo((640 - middle.done) / middle.perSecond, 6)
  })

  it('counts cached texts as done, but not in the rate', async () => {
    const { embed } = await resolveEmbedder(good)
    await embed(['a', 'b'])
    const onProgress = vi.fn()
    await embed(['a', 'b', 'a'], { onProgress })
    expect(onProgress.mock.calls).toEqual([[{ done: 3, total: 3, perSecond: 0, secondsLeft: 0 }]])
  })
})
