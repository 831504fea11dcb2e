// Comparison with Python: the project's own texts with their fp32 embeddings, made by scripts/golden-vectors/make.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'

const golden = JSON.parse(readFileSync('test/fixtures/golden-vectors.json', 'utf8')) as {
  readonly text: string
  readonly tokens: number
  readonly vector: readonly number[]
}[]

it('stays within cosine .99 of fp32 in any language, with any number of words', async () => {
  const embedder = await createEmbedder()
  const cut = new Map<number, number>()
  const vectors = await embedder.embed(
    golden.map(({ text }) => text),
    { onTruncated: ({ index, tokens }) => cut.set(index, tokens) },
  )
  expect(golden).toHaveLength(20)
  for (const [index, { text, tokens, vector }] of golden.entries()) {
    const cosine = (vectors[index] as Float32Array).reduce((sum, value, d) => sum + value * (vector[d] as number), 0)
    expect(cosine, text).toBeGreaterThan(0.99)
    // Counted by the original tokenizer, in Rust.
    expect(cut.get(index), text).toBe(tokens > 256 ? tokens : undefined)
  }
  await embedder.close?.()
})
