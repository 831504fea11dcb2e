// npm run bench -- postgres [--papers 10000,40899,162410] [--url postgres://…] [--servers 3] [--questions N]: a library on
// Postgres beside one in memory with the same papers and vectors: loading, size, times, how far the first ten agree, and
// the recall of the graph. With --servers 3, then the same papers over three servers beside one. Without --url a server
// is started from PAPERKIN_POSTGRES_BIN (see scripts/postgres-server.mjs). Texts are those of the two sets of computer
// science; vectors their first 128 principal components, widened with zeros to 384.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import type { PaperFilter } from '../src/library/asking/paper-filter.ts'
import type { HitList } from '../src/library/asking/ranking.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { graphSettings, leastBreadth } from '../src/library/postgres/postgres-source.ts'
import { PostgresStorage } from '../src/library/postgres/postgres-storage.ts'
import { vectorKey } from '../src/library/storage/storage.ts'
import { type PaperInput, paperTextRecipe, toPaper } from '../src/paper.ts'
import { seededRandom } from '../src/runtime/random.ts'
import { spreadTables, startServer, startThree } from '../test/library/postgres-servers.ts'
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

interface Contestant {
  readonly name: string
  readonly library: PaperLibrary
}

interface Comparison {
  readonly times: readonly Times[]
  /** Mean share of the first ten of the second that the first has. */
  readonly overlap: number
}

/** Asks two libraries the same, one after the other. */
async function compare(
  items: readonly Item[],
  contestants: readonly [Contestant, Contestant],
  ask: (library: PaperLibrary, item: Item) => Promise<HitList>,
): Promise<Comparison> {
  const times = contestants.map((): number[] => [])
  let shared = 0
  let all = 0
  for (const item of items.slice(0, 5)) for (const { library } of contestants) await ask(library, item)
  for (const item of items) {
    const found: Set<string>[] = []
    for (const [i, { library }] of contestants.entries()) {
      const began = performance.now()
      const { hits } = await ask(library, item)
      times[i]?.push(performance.now() - began)
      found.push(new Set(hits.map(({ paper }) => paper.id)))
    }
    const [first, second] = found as [Set<string>, Set<string>]
    for (const id of second) if (first.has(id)) shared++
    all += second.size
  }
  return { times: times.map(timesOf), overlap: all === 0 ? 1 : shared / all }
}

/** Share of the ten nearest papers that pass a filter which the graph finds, asked as questions ask it. */
async function graphRecall(
  client: pg.Client,
  {
    schema,
    items,
    filter,
  }: { readonly schema: string; readonly items: readonly Item[]; readonly filter: PaperFilter | undefined },
): Promise<number> {
  const fields = JSON.stringify(filter ?? {})
  const count = async (where: string, values: unknown[]) =>
    Number((await client.query(`select count(*) from ${schema}.papers p where ${where}`, values)).rows[0].count)
  const papers = await count('true', [])
  const matching = await count('p.fields @> $1::jsonb', [fields])
  const nearest = async (vector: Float32Array, settings: Readonly<Record<string, string>>, limit: number) => {
    await client.query('begin')
    for (const [name, value] of Object.entries(settings))
      await client.query('select set_config($1, $2, true)', [name, value])
    const { rows } = await client.query(
      `select p.id, p.embedding <#> $1::vector as distance from ${schema}.papers p
        where ${filter === undefined ? '$2::jsonb is not null' : 'p.fields @> $2::jsonb'} order by p.embedding <#> $1::vector limit ${limit}`,
      [JSON.stringify([...vector]), fields],
    )
    await client.query('commit')
    return rows
      .sort((one, other) => one.distance - other.distance)
      .slice(0, 10)
      .map(({ id }) => id as string)
  }
  const settings = graphSettings({ count: leastBreadth, papers, ...(filter !== undefined && { matching }) })
  let found = 0
  let all = 0
  for (const { vector } of items) {
    const exact = await nearest(vector, { enable_indexscan: 'off' }, 10)
    const graph = new Set(await nearest(vector, { ...settings, enable_seqscan: 'off' }, leastBreadth))
    found += exact.filter((id) => graph.has(id)).length
    all += exact.length
  }
  return found / all
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      papers: { type: 'string', default: '10000,40899,162410' },
      questions: { type: 'string', default: '100' },
      servers: { type: 'string', default: '1' },
      url: { type: 'string' },
    },
  })
  const items = await readItems()
  const three = values.servers === '3' ? await startThree() : undefined
  const one = three?.[0] ?? (values.url === undefined ? await startServer() : { url: values.url, stop: async () => {} })
  const results: unknown[] = []
  try {
    for (const count of values.papers.split(',').map(Number))
      results.push(await measure(items.slice(0, count), { url: one.url, three, questions: Number(values.questions) }))
  } finally {
    for (const server of three ?? [one]) await server.stop()
  }
  await saveResult('postgres', results)
}

/** Adds all papers; returns the seconds for papers and for indexes. */
async function load(items: readonly Item[], url: string, schema: string): Promise<{ loaded: number; indexed: number }> {
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
  return { loaded, indexed }
}

async function measure(
  items: readonly Item[],
  {
    url,
    three,
    questions,
  }: {
    readonly url: string
    readonly three: Awaited<ReturnType<typeof startThree>> | undefined
    readonly questions: number
  },
): Promise<unknown> {
  const schema = `bench_${items.length}`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const one = async (text: string) => (await client.query({ text, rowMode: 'array' })).rows[0]?.[0] as string
  const rate = ({ loaded, indexed }: { loaded: number; indexed: number }) =>
    `${(items.length / loaded).toFixed(0)} rows/s without indexes, indexes ${indexed.toFixed(1)} s`
  await client.query(`drop schema if exists ${schema} cascade`)
  const loading = await load(items, url, schema)
  await client.query(`vacuum analyze ${schema}.papers`)
  await client.query(`vacuum analyze ${schema}.terms`)
  const sizes: Record<string, number> = {}
  for (const table of ['papers', 'terms'])
    sizes[table] = Number(await one(`select pg_total_relation_size('${schema}.${table}')`))
  for (const index of ['embedding', 'words', 'fields'])
    sizes[index] = Number(await one(`select pg_relation_size('${schema}.papers_${index}')`))
  const megabytes = (bytes: number | undefined) => `${((bytes ?? 0) / 2 ** 20).toFixed(0)} MB`
  console.log(
    `\n${items.length.toLocaleString('en-US')} papers: ${rate(loading)}; ` +
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
  const random = seededRandom(2)
  const asked = Array.from({ length: questions }, () => items[Math.floor(random() * items.length)] as Item)
  const table = async (contestants: readonly [Contestant, Contestant], within: string) =>
    compareAll(asked, contestants, (filter) => graphRecall(client, { schema: within, items: asked, filter }))
  const result = {
    papers: items.length,
    rowsPerSecond: items.length / loading.loaded,
    indexed: loading.indexed,
    sizes,
    ...(await table(
      [
        { name: 'Postgres', library: far },
        { name: 'in memory', library: near },
      ],
      schema,
    )),
  }
  await near.close()
  const spread = `${schema}_spread`
  let overThree: unknown
  if (three !== undefined) {
    await spreadTables(three, { rows: items.length, dimensions, schema: spread })
    console.log(`\nOver three servers: ${rate(await load(items, url, spread))}`)
    for (const server of three) await server.run('vacuum analyze')
    const library = await PaperLibrary.open({ postgres: url, schema: spread, embedder: 'none' })
    overThree = await table(
      [
        { name: 'three servers', library },
        { name: 'one server', library: far },
      ],
      spread,
    )
    await library.close()
  }
  await far.close()
  await client.end()
  return { ...result, ...(overThree !== undefined && { overThree }) }
}

const textOf = ({ paper }: Item) => (paper.title ?? '').split(/\s+/u).slice(0, 6).join(' ').replaceAll('"', '')

/** Prints a table of all kinds of questions with each filter. */
async function compareAll(
  asked: readonly Item[],
  contestants: readonly [Contestant, Contestant],
  recallOf: (filter: PaperFilter | undefined) => Promise<number>,
): Promise<Record<string, Comparison & { readonly recall?: number }>> {
  const result: Record<string, Comparison & { readonly recall?: number }> = {}
  const heads = contestants.flatMap(({ name }) => [`${name} p50`, 'p95'])
  console.log(`${' '.repeat(30)}${row(heads)}   (ms)   first ten shared   recall of the graph`)
  for (const [name, filter] of Object.entries(filters)) {
    const kinds: Record<string, (library: PaperLibrary, item: Item) => Promise<HitList>> = {
      'search by meaning': (library, { vector }) => library.search('', { vector, filter }),
      search: (library, item) => library.search(textOf(item), { vector: item.vector, filter }),
      'search by words': (library, item) => library.search(textOf(item), { mode: 'lexical', filter }),
      related: (library, { paper }) => library.related(paper.id as string, { filter }),
    }
    for (const [kind, ask] of Object.entries(kinds)) {
      const found = await compare(asked, contestants, ask)
      const recall = kind === 'search by meaning' ? await recallOf(filter) : undefined
      result[`${kind}, ${name}`] = { ...found, ...(recall !== undefined && { recall }) }
      const cells = found.times.flatMap(({ p50, p95 }) => [p50.toFixed(1), p95.toFixed(1)])
      console.log(
        `${`${kind}, ${name}`.padEnd(30)}${row(cells)}${found.overlap.toFixed(3).padStart(25)}${recall?.toFixed(3).padStart(22) ?? ''}`,
      )
    }
  }
  return result
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(i % 2 === 0 ? 18 : 7)).join('')
}
