// Topics of a digest, by both methods.
import { PaperLibrary, readDigest } from 'paperkin'

const digest = await readDigest('examples/digest.txt', { year: 2026 })
const library = await PaperLibrary.open()
await library.add(digest.papers)

for (const method of ['graph', 'kmeans'] as const) {
  const topics = await library.topics({ method, seed: 1 })
  console.log(`${digest.date}, ${method}: ${topics.count} topics, ${topics.outliers.length} papers apart`)
  for (const { label, size, representatives } of topics.topics)
    console.log(`  ${label} (${size}), such as "${library.get(representatives[0] as string)?.title}"`)
}

await library.close()
