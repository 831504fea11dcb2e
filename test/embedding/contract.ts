import { describe, expect, it } from 'vitest'
import type { Embedder, EmbedProgress } from '../../src/embedding/embedder.ts'

const texts = [
  'Sparse attention by sorting\nSorting queries and keys by a learned hash makes most of the attention matrix empty.',
  'Bees vote twice\nSwarms that choose between two nest sites settle the question in two rounds.',
  'A faster kernel for attention\nWe skip the blocks of the attention matrix that are almost empty.',
]
const odd = {
  empty: '',
  space: ' \n\t ',
  chinese: '弱监督的冰川边界分割',
  arabic: 'تلخيص المقالات العلمية',
  emoji: '👩‍🔬 found 🎉',
  'a broken surrogate': 'half \uD83D a pair',
  'a control character': 'nul \u0000 byte',
}

/** What every embedder must do, whatever is behind it. `make` is called once; the embedder is closed at the end. */
export function embedderContract(
  name: string,
  make: () => Promise<Embedder>,
  { isSemantic = true, skip = false }: { readonly isSemantic?: boolean; readonly skip?: boolean } = {},
): void {
  describe.skipIf(skip)(`embedder contract: ${name}`, () => {
    let made: Promise<Embedder> | undefined
    const embedder = () => {
      made ??= make()
      return made
    }
    const bytes = (vectors: readonly Float32Array[]) =>
      vectors.map(({ buffer, byteOffset, byteLength }) =>
        Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('hex'),
      )
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, d) => sum + value * (b[d] as number), 0)

    it('names its model and its width', async () => {
      const { modelId, dimensions } = await embedder()
      expect(modelId).toMatch(/\S/u)
      expect(dimensions).toBeGreaterThan(0)
      expect(Number.isInteger(dimensions)).toBe(true)
    })

    it('gives one unit vector a text', async () => {
      const { embed, dimensions } = await embedder()
      for (const count of [0, 1, 2, 3]) {
        const vectors = await embed(texts.slice(0, count))
        expect(vectors).toHaveLength(count)
        for (const vector of vectors) {
          expect(vector).toBeInstanceOf(Float32Array)
          expect(vector).toHaveLength(dimensions)
          expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 5)
        }
      }
    })

    it('gives the same bytes alone, among others and in reverse', async () => {
      const { embed } = await embedder()
      const together = bytes(await embed(texts))
      expect(bytes(await embed(texts.toReversed()))).toEqual(together.toReversed())
      for (const [index, text] of texts.entries()) expect(bytes(await embed([text]))).toEqual([together[index]])
    })

    it('gives equal texts equal vectors that share no memory', async () => {
      const { embed } = await embedder()
      const [a, b, c] = (await embed([texts[0], texts[1], texts[0]] as string[])) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ]
      expect(bytes([a])).toEqual(bytes([c]))
      expect(bytes([a])).not.toEqual(bytes([b]))
      const before = bytes([c])
      a.fill(0)
      expect(bytes([c])).toEqual(before)
      expect(bytes(await embed([texts[0] as string]))).toEqual(before)
    })

    it('takes queries', async () => {
      const { embed } = await embedder()
      const [vector] = (await embed(['attention'], { inputType: 'query' })) as [Float32Array]
      expect(dot(vector, vector)).toBeCloseTo(1, 5)
    })

    for (const [what, text] of Object.entries(odd)) {
      it(`takes ${what}`, async () => {
        const { embed } = await embedder()
        const [vector] = (await embed([text])) as [Float32Array]
        expect(dot(vector, vector)).toBeCloseTo(1, 5)
      })
    }

    it.runIf(isSemantic)('puts kin near and strangers far', async () => {
      const { embed } = await embedder()
      const [attention, bees, kernel] = (await embed(texts)) as [Float32Array, Float32Array, Float32Array]
      expect(dot(attention, kernel)).toBeGreaterThan(dot(attention, bees) + 0.1)
    })

    it('counts every text, and the last report is complete', async () => {
      const { embed } = await embedder()
      const reports: EmbedProgress[] = []
      const some = [...texts, texts[0] as string, 'never seen before']
      await embed(some, { onProgress: (progress) => reports.push(progress) })
      expect(reports.at(-1)).toMatchObject({ done: 5, total: 5, secondsLeft: 0 })
      expect(reports.map(({ done }) => done)).toEqual(reports.map(({ done }) => done).sort((a, b) => a - b))
    })

    it('does nothing after an abort', async () => {
      const { embed } = await embedder()
      const reason = new Error('stopped before')
      await expect(embed(['aborted before it was read'], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    })

    it('stops at an abort and works again', async () => {
      const { embed } = await embedder()
      const controller = new AbortController()
      const reason = new Error('stopped during')
      const many = Array.from({ length: 200 }, (_, index) => `Text ${index} of an add that is stopped.`)
      const work = embed(many, { signal: controller.signal })
      controller.abort(reason)
      await expect(work).rejects.toBe(reason)
      expect(await embed(texts)).toHaveLength(3)
    })

    it('refuses what is not text', async () => {
      const { embed } = await embedder()
      await expect(embed('one text' as never)).rejects.toMatchObject({ code: 'invalid-argument' })
      await expect(embed(['fine', 7 as never])).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('`texts[1]`'),
      })
      await expect(embed(['fine'], { inputType: 'passage' as never })).rejects.toMatchObject({
        code: 'invalid-argument',
      })
    })

    it("passes on a callback's own error", async () => {
      const { embed } = await embedder()
      const error = new Error('the progress bar broke')
      const fail = () => {
        throw error
      }
      await expect(embed(['a text for a broken bar'], { onProgress: fail })).rejects.toBe(error)
      expect(await embed(texts)).toHaveLength(3)
    })

    it('stays usable after close', async () => {
      const { embed, close } = await embedder()
      const before = bytes(await embed(texts))
      await close?.()
      expect(bytes(await embed(texts))).toEqual(before)
      await close?.()
    })
  })
}
