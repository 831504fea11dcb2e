// Runs in a process where onnxruntime-node cannot be loaded; tells its parent how near to fp32 the vectors are.
import { readFileSync } from 'node:fs'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'

async function main(): Promise<void> {
  const golden = JSON.parse(readFileSync('test/fixtures/golden-vectors.json', 'utf8')) as {
    readonly text: string
    readonly vector: readonly number[]
  }[]
  const { text, vector } = golden[1] as (typeof golden)[number]
  const embedder = await createEmbedder({ workers: 2 })
  const vectors = await embedder.embed([text, 'another text'])
  const cosine = (vectors[0] as Float32Array).reduce((sum, value, d) => sum + value * (vector[d] as number), 0)
  process.send?.({ cosine, count: vectors.length })
  process.disconnect()
}

void main()
