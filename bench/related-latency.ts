import { createEmbedder } from '../src/embedding/create-embedder.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { type Paper, paperText, toPaper } from '../src/paper.ts'
import { loadPapers, loadVectors, saveResult } from './data.ts'

const set = 'arxiv-cs-2025'
const fresh = 63
const asked = 150

/** Queries to a large library: medians and 95th percentiles in milliseconds, including the embedding of the query. */
export async function latency([limit]: readonly string[]): Promise<void> {
  const papers = (await loadPapers(set, Number(limit ?? Number.POSITIVE_INFINITY))).map(({ paper }, i) =>
    toPaper({ ...paper, bucket: i % 1000 }),
  )
  const { vectors, dimensions } = await loadVectors(set)
  const known = new Map(
    papers.map((paper, row) => [paperText(paper), vectors.subarray(row * dimensions, (row + 1) * dimensions)]),
  )
  const model = await createEmbedder({ cache: false })
  const embedding: number[] = []
  const before = await usedMemory()
  const library = await PaperLibrary.open({
    embedder: {
      modelId: model.modelId,
      dimensions,
      embed: async (texts, options) => {
        if (options?.inputType !== 'query') return texts.map((text) => (known.get(text) as Float32Array).slice())
        const began = performance.now()
        const embedded = await model.embed(texts, options)
        embedding.push(performance.now() - began)
        return embedded
      },
    },
  })
  const began = performance.now()
  await library.add(papers.slice(fresh))
  const added = performance.now() - began
  console.log(`${library.size} papers of ${set}, added in ${(added / 1000).toFixed(1)} s without embedding`)
  // Waits for background work after the change.
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  const bytes = ((await usedMemory()) - before) / library.size
  console.log(
    `memory per paper: ${(bytes / 1024).toFixed(1)} kB, of which the vector ${((dimensions * 5) / 1024).toFixed(1)}\n`,
  )

  const step = Math.floor(library.size / asked)
  const papersFrom = (first: number) => library.papers().filter((_, i) => i % step === first)
  const sample = papersFrom(step - 1)
  const filters = { 'no filter': undefined, '50 %': 499, '1 %': 9, '.1 %': 0 } as const
  const results: Record<string, unknown> = { papers: library.size, bytes }
  console.log('                             p50     p95     max   (ms)')
  const row = (name: string, times: number[]) => {
    const sorted = times.slice().sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
    const shown = [at(0.5), at(0.95), at(1)]
    results[name] = shown
    console.log(`${name.padEnd(26)}${shown.map((ms) => ms.toFixed(1).padStart(8)).join('')}`)
  }
  const time = async (ask: (paper: Paper) => Promise<unknown>, asked = sample) => {
    for (const paper of sample.slice(0, 10)) await ask(paper)
    const times: number[] = []
    for (const paper of asked) {
      const start = performance.now()
      await ask(paper)
      times.push(performance.now() - start)
    }
    return times
  }
  for (const [turn, [name, to]] of Object.entries(filters).entries()) {
    const options = to === undefined ? {} : { filter: { bucket: { from: 0, to } } }
    embedding.length = 0
    // Titles not used before, as vectors of texts are cached.
    row(`search, ${name}`, await time(({ title }) => library.search(title, options), papersFrom(turn)))
    row('  of it the embedding', embedding.slice(-asked))
    row(`related, ${name}`, await time(({ id }) => library.related(id, options)))
  }
  row('search, lexical', await time(({ title }) => library.search(title, { mode: 'lexical' })))
  row('search, semantic', await time(({ title }) => library.search(title, { mode: 'semantic' })))
  row('search, a phrase', await time(({ title }) => library.search(`"machine learning" ${title}`)))
  row('related, diversity .3', await time(({ id }) => library.related(id, { diversity: 0.3 })))
  row('related, k = 100', await time(({ id }) => library.related(id, { k: 100 })))
  const start = performance.now()
  await library.relatedMany(sample.map(({ id }) => id))
  row('related, many: each', [(performance.now() - start) / sample.length])
  const [like, unlike] = sample.map(({ id }) => id) as [string, string]
  row('related, like 2, unlike 1', await time(({ id }) => library.related({ like: [id, like], unlike })))
  const caching = await createEmbedder()
  await caching.embed([set], { inputType: 'query' })
  const again = performance.now()
  await caching.embed([set], { inputType: 'query' })
  row('embedding a query again', [performance.now() - again])
  await caching.close?.()

  let pause = 0
  let last = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    pause = Math.max(pause, now - last - 1)
    last = now
  }, 1)
  const adding = performance.now()
  await library.add(papers.slice(0, fresh))
  row(`adding ${fresh} papers`, [performance.now() - adding])
  const first = performance.now()
  await library.related((sample[3] as Paper).id)
  row('the first question after', [performance.now() - first])
  const second = performance.now()
  await library.related((sample[4] as Paper).id)
  row('the second', [performance.now() - second])
  await new Promise((resolve) => setTimeout(resolve, 3000))
  clearInterval(watch)
  row('longest pause meanwhile', [pause])
  await library.close()
  await model.close?.()
  await saveResult('related-latency', results)
}

/** Bytes in use after garbage collection; without `node --expose-gc` slightly more. */
async function usedMemory(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 100))
  ;(globalThis as { gc?: () => void }).gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
