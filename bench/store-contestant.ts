// One library on disk in its own process: node --import tsx bench/store-contestant.ts NAME STEP FOLDER PAPERS
// Steps: make | use. Prints its results as one line of JSON. Vectors are random; texts are from a data set.
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createEmbedder } from '../src/embedding/create-embedder.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { type Paper, paperText } from '../src/paper.ts'
import { seededRandom } from '../src/runtime/random.ts'
import { loadPapers, useData } from './data.ts'

const dimensions = 384
const peer = createRequire(new URL('./peers/store/package.json', import.meta.url))
type Figures = Record<string, number>

// The parts used here of the peers, which are installed separately.
interface LanceTable {
  add(rows: object[]): Promise<unknown>
  search(query: number[]): { limit(k: number): { toArray(): Promise<unknown[]> } }
  mergeInsert(on: string): {
    whenMatchedUpdateAll(): { whenNotMatchedInsertAll(): { execute(rows: object[]): Promise<unknown> } }
  }
  delete(where: string): Promise<unknown>
}
interface LanceDb {
  connect(path: string): Promise<{
    createTable(name: string, rows: object[]): Promise<LanceTable>
    openTable(name: string): Promise<LanceTable>
  }>
}
interface Vectra {
  LocalIndex: new (
    path: string,
  ) => {
    createIndex(): Promise<void>
    beginUpdate(): Promise<void>
    endUpdate(): Promise<void>
    insertItem(item: object): Promise<unknown>
    upsertItem(item: object): Promise<unknown>
    deleteItem(id: string): Promise<void>
    queryItems(vector: number[], text: string, k: number): Promise<unknown[]>
  }
}

/** Unit vectors around 200 centres, the same every time. */
function drawVectors(count: number, seed: number): Float32Array {
  const draw = seededRandom(seed)
  const centres = Float32Array.from({ length: 200 * dimensions }, () => draw() - 0.5)
  const vectors = new Float32Array(count * dimensions)
  for (let row = 0; row < count; row++) {
    const centre = Math.floor(draw() * 200) * dimensions
    let square = 0
    for (let d = 0; d < dimensions; d++) {
      const value = (centres[centre + d] as number) + 0.6 * (draw() - 0.5)
      vectors[row * dimensions + d] = value
      square += value * value
    }
    const length = Math.sqrt(square)
    for (let d = 0; d < dimensions; d++) (vectors[row * dimensions + d] as number) /= length
  }
  return vectors
}

const rowOf = (vectors: Float32Array, row: number) => vectors.subarray(row * dimensions, (row + 1) * dimensions)

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** One day's number of new papers: real words, other ids. */
const newPapers = (papers: readonly Paper[], tag: string) =>
  papers.slice(0, 63).map(({ id, title, abstract }) => ({ id: `${tag}-${id}`, title: `${title} (${tag})`, abstract }))

/** Rounds of embedding 63 texts, adding 63 others, and adding them again. */
const roundCount = 7

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number

const contestants: Readonly<
  Record<
    string,
    {
      make(path: string, papers: readonly Paper[]): Promise<void>
      /** Papers are read on request: opening a library does not load them. */
      use(path: string, read: () => Promise<readonly Paper[]>): Promise<Figures>
    }
  >
> = {
  paperkin: {
    async make(path, papers) {
      const library = await PaperLibrary.open({ path })
      await library.add(papers, { vectors: drawVectors(papers.length, 1) })
      await library.close()
    },
    async use(path, read) {
      const figures: Figures = {}
      const started = performance.now()
      const library = await PaperLibrary.open({ path })
      figures.open = (performance.now() - started) / 1000
      await library.search('offline reinforcement learning')
      figures.firstAnswer = (performance.now() - started) / 1000
      const papers = await read()
      figures.firstRelated = await seconds(() => library.related(papers.at(-1)?.id as string))
      const embedder = await createEmbedder({ cache: false })
      // Each has the same length in all rounds but new text, so that nothing is cached.
      const textsOf = (round: number) => newPapers(papers, `a${round}`).map(paperText)
      await embedder.embed(textsOf(roundCount).slice(0, 8))
      const embed: number[] = []
      const add: number[] = []
      const again: number[] = []
      for (let round = 0; round < roundCount; round++) {
        const day = newPapers(papers, `b${round}.${process.pid}`)
        const embedding = () => seconds(() => embedder.embed(textsOf(round)))
        const adding = () => seconds(() => library.add(day))
        // Alternates the order, so that background load does not favour one.
        if (round % 2 === 0) embed.push(await embedding())
        add.push(await adding())
        if (round % 2 === 1) embed.push(await embedding())
        again.push(await seconds(() => library.add(day)))
      }
      figures.embed63 = median(embed)
      figures.add63 = median(add)
      figures.addOverEmbed63 = median(add.map((value, round) => value - (embed[round] as number)))
      figures.again63 = median(again)
      figures.embedPerAgain63 = median(embed.map((value, round) => value / (again[round] as number)))
      const own = drawVectors(63, 2)
      figures.add63Vectors = await seconds(() => library.add(newPapers(papers, `c${process.pid}`), { vectors: own }))
      const there = papers.map(({ id }) => id).filter((id) => library.has(id))
      figures.remove1000 = await seconds(() => library.remove(there.slice(0, 1000)))
      figures.close = await seconds(() => library.close())
      figures.memory = process.memoryUsage().rss
      await embedder.close?.()
      return figures
    },
  },
  lancedb: {
    async make(path, papers) {
      const { connect } = (await import(peer.resolve('@lancedb/lancedb'))) as LanceDb
      const vectors = drawVectors(papers.length, 1)
      const connection = await connect(path)
      const rows = (start: number) =>
        papers.slice(start, start + 5000).map((paper, i) => ({
          id: paper.id,
          title: paper.title,
          abstract: paper.abstract,
          vector: [...rowOf(vectors, start + i)],
        }))
      const table = await connection.createTable('papers', rows(0))
      for (let start = 5000; start < papers.length; start += 5000) await table.add(rows(start))
    },
    async use(path, read) {
      const { connect } = (await import(peer.resolve('@lancedb/lancedb'))) as LanceDb
      const figures: Figures = {}
      const query = [...rowOf(drawVectors(1, 3), 0)]
      const started = performance.now()
      const table = await (await connect(path)).openTable('papers')
      figures.open = (performance.now() - started) / 1000
      await table.search(query).limit(10).toArray()
      figures.firstAnswer = (performance.now() - started) / 1000
      const papers = await read()
      const own = drawVectors(63, 2)
      const rows = newPapers(papers, 'c').map((paper, i) => ({ ...paper, vector: [...rowOf(own, i)] }))
      figures.add63Vectors = await seconds(() => table.add(rows))
      figures.again63 = await seconds(() =>
        table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(rows),
      )
      const ids = papers.slice(0, 1000).map(({ id }) => `'${id}'`)
      figures.remove1000 = await seconds(() => table.delete(`id IN (${ids.join(', ')})`))
      figures.memory = process.memoryUsage().rss
      return figures
    },
  },
  vectra: {
    async make(path, papers) {
      const { LocalIndex } = peer('vectra') as Vectra
      const vectors = drawVectors(papers.length, 1)
      const index = new LocalIndex(path)
      await index.createIndex()
      await index.beginUpdate()
      for (const [row, { id, title, abstract }] of papers.entries())
        await index.insertItem({ id, vector: [...rowOf(vectors, row)], metadata: { title, abstract } })
      await index.endUpdate()
    },
    async use(path, read) {
      const { LocalIndex } = peer('vectra') as Vectra
      const figures: Figures = {}
      const query = [...rowOf(drawVectors(1, 3), 0)]
      const started = performance.now()
      const index = new LocalIndex(path)
      await index.queryItems(query, '', 10)
      figures.firstAnswer = (performance.now() - started) / 1000
      const papers = await read()
      const own = drawVectors(63, 2)
      const items = newPapers(papers, 'c').map(({ id, title, abstract }, i) => ({
        id,
        vector: [...rowOf(own, i)],
        metadata: { title, abstract },
      }))
      const upsert = async () => {
        await index.beginUpdate()
        for (const item of items) await index.upsertItem(item)
        await index.endUpdate()
      }
      figures.add63Vectors = await seconds(upsert)
      figures.again63 = await seconds(upsert)
      figures.remove1000 = await seconds(async () => {
        await index.beginUpdate()
        for (const { id } of papers.slice(0, 1000)) await index.deleteItem(id)
        await index.endUpdate()
      })
      figures.memory = process.memoryUsage().rss
      return figures
    },
  },
}

const [name, step, folder, count] = useData(process.argv.slice(2)) as [string, 'make' | 'use', string, string]
const path = join(folder, name)
const read = async () => (await loadPapers('arxiv-cs-stat-2007-2017', Number(count))).map(({ paper }) => paper)
const contestant = contestants[name]
if (contestant === undefined) throw new Error(`Expected one of ${Object.keys(contestants).join(', ')}, got ${name}.`)
if (step === 'make') {
  rmSync(path, { recursive: true, force: true })
  const papers = await read()
  console.log(JSON.stringify({ make: await seconds(() => contestant.make(path, papers)) }))
} else console.log(JSON.stringify(await contestant.use(path, read)))
