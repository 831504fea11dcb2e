// npm run bench -- postgres [--papers 10000,40899,162410] [--url postgres://…] [--questions N]: a library on Postgres
// beside one in memory with the same papers and vectors: loading, size, times, and how far the first ten agree. Without
// --url a server is started from PAPERKIN_POSTGRES_BIN (see scripts/postgres-server.mjs). Texts are those of the two sets
// of computer science; vectors their first 128 principal components, widened with zeros to 384.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import type { PaperFilter } from '../src/library/asking/paper-filter.ts'
import type { HitList } from '../src/library/asking/ranking.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { PostgresStorage } from '../src/library/postgres/postgres-storage.ts'
import { vectorKey } from '../src/library/storage/storage.ts'
import { type PaperInput, paperTextRecipe, toPaper } from '../src/paper.ts'
import { seededRandom } from '../src/runtime/random.ts'
import { startServer } from '../test/library/postgres-servers.ts'
import { dataPath, loadPapers, saveResult, useData } from './data.ts'

const dimensions = 384
const components = 128
const papersPerCommit = 1024

/** Unit vectors of the two sets, 2025 first. */
async function readVectors(): Promise<Float32Array[]> {
  const vectors: Float32Array[] = []
  for (const part of [0, 1]) {
    const bytes = await readFile(dataPath(`background/arxiv.pca128.part${part}.npy`))
    const values = new Int8Array(bytes.buffer, bytes.byteOffset + 10 + bytes.readUInt16LE(8))
    for (let from = 0; from < values.length; from += components) {
      const vector = new Float32Array(dimensions)
      vector.set(values.subarray(from, from + components))
      const length = Math.hypot(...vector)
      vectors.push(vector.map((value) => value / length))
    }
  }
  return vectors
}

interface Item {
  readonly paper: PaperInput
  readonly vector: Float32Array
}

async function readItems(): Promise<Item[]> {
  const vectors = await readVectors()
  const records = [...(await loadPapers('arxiv-cs-2025')), ...(await loadPapers('arxiv-cs-stat-2007-2017'))]
  const random = seededRandom(1)
  return records.map(({ paper: { id, title, abstract } }, i) => {
    const number = Math.floor(1000 * random())
    const shares = { half: number < 500, hundredth: Math.floor(number / 10), thousandth: number }
    return { paper: { id, title, abstract, extra: shares }, vector: vectors[i] as Float32Array }
  })
}

const filters: Readonly<Record<string, PaperFilter | undefined>> = {
  'no filter': undefined,
  '50 %': { half: true },
  '1 %': { hundredth: 50 },
  '.1 %': { thousandth: 333 },
}

interface Times {
  readonly p50: number
  readonly p95: number
}

function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
  return { p50: at(0.5), p95: at(0.95) }
}

/** Asks both libraries; returns the times of each and the mean share of the first ten that they agree on. */
async function compare(
  items: readonly Item[],
  libraries: { readonly far: PaperLibrary; readonly near: PaperLibrary },
  ask: (library: PaperLibrary, item: Item) => Promise<HitList>,
): Promise<{ readonly far: Times; readonly near: Times; readonly overlap: number }> {
  const times = { far: [] as number[], near: [] as number[] }
  let shared = 0
  let all = 0
  for (const item of items.slice(0, 5)) for (const library of Object.values(libraries)) await ask(library, item)
  for (const item of items) {
    const found = { far: new Set<string>(), near: new Set<string>() }
    for (const place of ['far', 'near'] as const) {
      const began = performance.now()
      const { hits } = await ask(libraries[place], item)
      times[place].push(performance.now() - began)
      found[place] = new Set(hits.map(({ paper }) => paper.id))
    }
    for (const id of found.near) if (found.far.has(id)) shared++
    all += found.near.size
  }
  return { far: timesOf(times.far), near: timesOf(times.near), overlap: all === 0 ? 1 : shared / all }
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      papers: { type: 'string', default: '10000,40899,162410' },
      questions: { type: 'string', default: '100' },
      url: { type: 'string' },
    },
  })
  const items = await readItems()
  const server = values.url === undefined ? await startServer() : { url: values.url, stop: async () => {} }
  const results: unknown[] = []
  try {
    for (const count of values.papers.split(',').map(Number))
      results.push(await measure(items.slice(0, count), server.url, Number(values.questions)))
  } finally {
    await server.stop()
  }
  await saveResult('postgres', results)
}

async function measure(items: readonly Item[], url: string, questions: number): Promise<unknown> {
  const schema = `bench_${items.length}`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const one = async (text: string) => (await client.query({ text, rowMode: 'array' })).rows[0]?.[0] as string
  await client.query(`drop schema if exists ${schema} cascade`)
  const seconds = (from: number) => (performance.now() - from) / 1000

  const storage = await PostgresStorage.open(url, {
    schema,
    identity: { modelId: 'none', dimensions: 0, recipe: paperTextRecipe },
  })
  const began = performance.now()
  let loaded = 0
  await storage.inBulk(async () => {
    for (let start = 0; start < items.length; start += papersPerCommit)
      await storage.commit({
        papers: items.slice(start, start + papersPerCommit).map(({ paper, vector }, i) => ({
          paper: toPaper(paper),
          row: start + i,
          textCrc: 0,
          vector: { key: vectorKey(vector), vector },
        })),
        nextRow: Math.min(items.length, start + papersPerCommit),
      })
    loaded = seconds(began)
  })
  const indexed = seconds(began) - loaded
  await storage.close()
  await client.query(`vacuum analyze ${schema}.papers`)
  await client.query(`vacuum analyze ${schema}.terms`)
  const sizes: Record<string, number> = {}
  for (const table of ['papers', 'terms'])
    sizes[table] = Number(await one(`select pg_total_relation_size('${schema}.${table}')`))
  for (const index of ['embedding', 'words', 'fields'])
    sizes[index] = Number(await one(`select pg_relation_size('${schema}.papers_${index}')`))
  await client.end()
  const megabytes = (bytes: number | undefined) => `${((bytes ?? 0) / 2 ** 20).toFixed(0)} MB`
  console.log(
    `\n${items.length.toLocaleString('en-US')} papers: ${(items.length / loaded).toFixed(0)} rows/s without indexes, indexes ${indexed.toFixed(1)} s; ` +
      `papers ${megabytes(sizes.papers)} with all indexes (graph ${megabytes(sizes.embedding)}, words ${megabytes(sizes.words)}, fields ${megabytes(sizes.fields)}), terms ${megabytes(sizes.terms)}`,
  )

  const near = await PaperLibrary.open({ embedder: 'none' })
  await near.add(
    items.map(({ paper }) => paper),
    { vectors: items.map(({ vector }) => vector) },
  )
  // Waits for background work after the change.
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  const far = await PaperLibrary.open({ postgres: url, schema, embedder: 'none' })
  const libraries = { far, near }
  const random = seededRandom(2)
  const asked = Array.from({ length: questions }, () => items[Math.floor(random() * items.length)] as Item)
  const textOf = ({ paper }: Item) => (paper.title ?? '').split(/\s+/u).slice(0, 6).join(' ').replaceAll('"', '')
  const result: Record<string, unknown> = { papers: items.length, rowsPerSecond: items.length / loaded, indexed, sizes }
  console.log('                               Postgres p50    p95   in memory p50    p95   (ms)   first ten shared')
  for (const [name, filter] of Object.entries(filters)) {
    const kinds: Record<string, (library: PaperLibrary, item: Item) => Promise<HitList>> = {
      'search by meaning': (library, { vector }) => library.search('', { vector, filter }),
      search: (library, item) => library.search(textOf(item), { vector: item.vector, filter }),
      'search by words': (library, item) => library.search(textOf(item), { mode: 'lexical', filter }),
      related: (library, { paper }) => library.related(paper.id as string, { filter }),
    }
    for (const [kind, ask] of Object.entries(kinds)) {
      const found = await compare(asked, libraries, ask)
      result[`${kind}, ${name}`] = found
      const cells = [found.far.p50, found.far.p95, found.near.p50, found.near.p95].map((ms) => ms.toFixed(1))
      console.log(
        `${`${kind}, ${name}`.padEnd(30)}${cells[0]?.padStart(13)}${cells[1]?.padStart(7)}${cells[2]?.padStart(16)}${cells[3]?.padStart(7)}${found.overlap.toFixed(3).padStart(18)}`,
      )
    }
  }
  await far.close()
  await near.close()
  return result
}
