import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endThreads } from '../../src/runtime/worker-pool.ts'
import { ExactIndex } from '../../src/vectors/exact-index.ts'
import { HnswIndex } from '../../src/vectors/hnsw/hnsw-index.ts'
import { loadHnswlib } from '../../src/vectors/hnsw/hnswlib.ts'
import { type NeighbourGraph, nearestRows, neighbourGraph } from '../../src/vectors/neighbour-graph.ts'
import { saveResult, useData } from '../data.ts'
import { grow } from './growth.ts'
import { loadRows } from './load-rows.ts'
import {
  alternate,
  type Build,
  type Contestant,
  measureBuild,
  measureGrowth,
  nearest,
  plainScan,
  quantiles,
  type Rows,
  type Sample,
  table,
  tryLoad,
  vectorOf,
} from './measure.ts'
import { Peers, peersFolder } from './python-peers.ts'

const k = 10
const graphNeighbours = 15
const efs = [16, 32, 64, 128, 256]

interface Data {
  readonly rows: Float32Array
  readonly queries: Float32Array
  readonly dimensions: number
}

interface Result {
  readonly name: string
  readonly p50: number
  readonly p95: number
  readonly least: number
  readonly recall: number
  readonly perSecond: number | undefined
}

/** An index to build, and one or more ways to query it. */
interface Index {
  readonly name: string
  readonly build: () => unknown
  readonly contestants: readonly Contestant[]
}

export async function index(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      set: { type: 'string', default: 'arxiv-cs-2025' },
      vectors: { type: 'string' },
      rows: { type: 'string' },
      queries: { type: 'string', default: '200' },
      rounds: { type: 'string', default: '3' },
      part: { type: 'string', multiple: true, default: ['search', 'memory', 'graph'] },
      // Internal: the bench runs itself in a new process to measure the memory of one index.
      memory: { type: 'string' },
    },
  })
  const data = await loadRows(values, Number(values.queries))
  const { rows, queries, dimensions } = data
  const n = rows.length / dimensions
  const indexes = await contestIndexes(data)
  if (values.memory !== undefined) {
    const asked = indexes.find(({ name }) => name === values.memory)
    console.log(`bytes ${asked === undefined ? '' : await measureGrowth(asked.build)}`)
    process.exit()
  }
  console.log(`${n} rows × ${dimensions}, ${queries.length / dimensions} queries that are not among them, k = ${k}\n`)
  if (values.part.includes('search')) await saveResult('index', await search(data, indexes, Number(values.rounds)))
  if (values.part.includes('memory')) await saveResult('index-memory', { rows: n, bytes: memory(indexes, data) })
  if (values.part.includes('graph')) await saveResult('index-graph', { rows: n, dimensions, graph: await graphs(data) })
  if (values.part.includes('growth')) await saveResult('index-growth', { dimensions, lines: await grow(data) })
  await endThreads()
}

/** Builds all indexes and queries them in turn. */
async function search(data: Data, indexes: readonly Index[], rounds: number): Promise<object> {
  const { rows, queries, dimensions } = data
  const n = rows.length / dimensions
  const builds: Record<string, Build> = {}
  for (const { name, build } of indexes) builds[name] = await measureBuild(build)

  const contestants: Contestant[] = [
    { name: 'plain typed-array scan', search: (query) => plainScan(rows, query, k) },
    ...indexes.flatMap((each) => each.contestants),
  ]
  const truth = trueScores(data)
  const samples = await alternate(contestants, queries, { dimensions, rounds })
  const results: Result[] = []
  for (const { name, bulk } of contestants) {
    const { milliseconds, found } = samples.get(name) as Sample
    const perSecond = await bulkRate(data, bulk)
    results.push({ name, ...quantiles(milliseconds), recall: recall(found, truth, data), perSecond })
  }
  const python = await Peers.start(rows, queries, dimensions)
  if (python !== undefined) await askPython(python, { data, truth, builds, results })
  table(
    ['contestant', 'p50 ms', 'p95 ms', 'least ms', `recall@${k}`, 'queries/s in bulk'],
    results.map((r) => [
      r.name,
      r.p50.toFixed(3),
      r.p95.toFixed(3),
      r.least.toFixed(3),
      r.recall.toFixed(4),
      r.perSecond?.toFixed(0) ?? '',
    ]),
  )
  table(
    ['build', 'seconds', 'longest pause ms'],
    Object.entries(builds).map(([name, b]) => [name, b.seconds.toFixed(2), b.pause?.toFixed(0) ?? '']),
  )
  python?.end()

  const time = (name: string) => results.find((r) => r.name === name)?.p50 ?? Number.NaN
  const ratio = time('plain typed-array scan') / time('ours, exact')
  console.log(`exact against the plain scan: ${ratio.toFixed(1)} times as fast`)
  const graphs = time('ours, hnsw, ef 64') / time('hnswlib-node, ef 64')
  console.log(`our hnsw against hnswlib-node at ef 64: ${graphs.toFixed(2)} of its time`)
  return { rows: n, dimensions, results, builds }
}

/** Indexes in this process: ours, plain hnswlib-node, usearch. */
async function contestIndexes({ rows, dimensions }: Data): Promise<Index[]> {
  const n = rows.length / dimensions
  const labels = Int32Array.from({ length: n }, (_, row) => row)
  const exact = new ExactIndex(dimensions)
  const indexes: Index[] = [
    {
      name: 'ours, exact',
      build: () => exact.add(labels, rows),
      contestants: [
        {
          name: 'ours, exact',
          search: (query) => nearest(exact.snapshot(), query, labels, k),
          bulk: (all) => nearestRows(all, rows, { dimensions, k }),
        },
      ],
    },
  ]
  const hnswlib = tryLoad(() => loadHnswlib())
  if (hnswlib !== undefined) {
    const ours = new HnswIndex(dimensions, { graphFrom: 2 ** 40 })
    const native = new hnswlib.HierarchicalNSW('ip', dimensions)
    indexes.push({
      name: 'ours, hnsw, its exact rows included',
      build: async () => {
        await ours.add(labels, rows)
        await ours.build()
      },
      contestants: [
        {
          name: `ours, hnsw, ef ${ours.parameters.efSearch}`,
          search: (query) => nearest(ours.snapshot(), query, labels, k),
        },
      ],
    })
    indexes.push({
      name: 'hnswlib-node',
      build: () => {
        native.initIndex(n, 16, 200, 0)
        for (let row = 0; row < n; row++) native.addPoint(Array.from(vectorOf(rows, row, dimensions)), row)
      },
      contestants: efs.map((ef) => ({
        name: `hnswlib-node, ef ${ef}`,
        search: (query) => {
          native.setEf(ef)
          return native.searchKnn(Array.from(query), k).neighbors
        },
      })),
    })
  }
  const usearch = tryLoad(() => createRequire(join(peersFolder, 'package.json'))('usearch') as UsearchModule)
  if (usearch !== undefined) {
    const options = { dimensions, metric: 'ip', connectivity: 16, expansion_add: 200, expansion_search: 64 }
    const peer = new usearch.Index(options)
    indexes.push({
      name: 'usearch',
      build: () => peer.add(BigUint64Array.from(labels, BigInt), rows, 0),
      contestants: [
        {
          name: 'usearch, ef 64',
          search: (query) => Array.from(peer.search(query, k, 1).keys, Number),
          bulk: (all) => peer.search(all, k, 0),
        },
      ],
    })
  }
  return indexes
}

interface UsearchModule {
  readonly Index: new (
    options: object,
  ) => {
    add(keys: BigUint64Array, vectors: Float32Array, threads: number): void
    search(query: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array }
  }
}

/** Bytes per row of each index, built in its own process. */
function memory(indexes: readonly Index[], { rows, queries, dimensions }: Data): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-bench-'))
  try {
    const file = join(folder, 'rows')
    writeFileSync(file, Buffer.concat([rows, queries].map((part) => Buffer.from(part.buffer))))
    const bytes = indexes.map(({ name }): [string, number] => {
      const command = [...process.execArgv, process.argv[1] as string, 'index', '--vectors', file, '--memory', name]
      const { stdout } = spawnSync(process.execPath, command, { encoding: 'utf8' })
      return [name, Number(/^bytes (\d+)$/mu.exec(stdout)?.[1]) / (rows.length / dimensions)]
    })
    table(
      ['memory', 'bytes per row'],
      bytes.map(([name, each]) => [name, each.toFixed(0)]),
    )
    return Object.fromEntries(bytes)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function askPython(
  python: Peers,
  {
    data,
    truth,
    builds,
    results,
  }: { data: Data; truth: Float64Array; builds: Record<string, Build>; results: Result[] },
): Promise<void> {
  const kinds = [
    { kind: 'faiss-flat', shown: 'faiss-flat', efs: [0] },
    { kind: 'faiss-hnsw', shown: 'faiss-hnsw', efs },
    { kind: 'hnswlib', shown: 'hnswlib (Python)', efs },
  ]
  for (const { kind, shown, efs } of kinds) {
    builds[shown] = await python.ask({ run: 'build', kind, m: 16, efConstruction: 200 })
    for (const ef of efs) {
      const { milliseconds, found, bulkSeconds } = await python.ask({ run: 'search', kind, k, efSearch: ef })
      results.push({
        name: ef === 0 ? shown : `${shown}, ef ${ef}`,
        ...quantiles(milliseconds),
        recall: recall(found, truth, data),
        perSecond: data.queries.length / data.dimensions / bulkSeconds,
      })
    }
  }
}

function product(rows: Float32Array, row: number, query: Float32Array): number {
  let sum = 0
  for (let d = 0; d < query.length; d++) sum += query[d]! * rows[row * query.length + d]!
  return sum
}

/** The k-th best product of each query, in float64. */
function trueScores({ rows, queries, dimensions }: Data): Float64Array {
  return Float64Array.from({ length: queries.length / dimensions }, (_, q) => {
    const query = vectorOf(queries, q, dimensions)
    return product(rows, plainScan(rows, query, k)[k - 1]!, query)
  })
}

/** Share of the k nearest that were found; rows as near as the k-th count as among them. */
function recall(found: readonly Rows[], truth: Float64Array, { rows, queries, dimensions }: Data): number {
  let hits = 0
  found.forEach((list, q) => {
    const query = vectorOf(queries, q, dimensions)
    hits += Array.from(list).filter((row) => product(rows, row, query) >= truth[q]! - 1e-7).length
  })
  return hits / found.length / k
}

/** Queries per second for 2,000 queries in one call, repeating the given ones. */
async function bulkRate({ queries, dimensions }: Data, bulk: Contestant['bulk']): Promise<number | undefined> {
  if (bulk === undefined) return undefined
  const count = 2000
  const many = Float32Array.from({ length: count * dimensions }, (_, i) => queries[i % queries.length]!)
  const started = performance.now()
  await bulk(many)
  return (1000 * count) / (performance.now() - started)
}

/** The nearest neighbours of every row. */
async function graphs({ rows, dimensions }: Data): Promise<Record<string, Build & { recall?: number }>> {
  const n = rows.length / dimensions
  const results: Record<string, Build & { recall?: number }> = {}
  /** Share of true neighbours of 200 rows, by brute force. */
  const recallOf = (neighbours: (row: number) => number[]) => {
    let hits = 0
    let asked = 0
    for (let row = 0; row < n; row += Math.max(1, Math.floor(n / 200)), asked++) {
      const query = vectorOf(rows, row, dimensions)
      const others = Array.from(plainScan(rows, query, graphNeighbours + 1)).filter((other) => other !== row)
      const least = product(rows, others[graphNeighbours - 1] as number, query)
      hits += neighbours(row).filter((other) => other !== row && product(rows, other, query) >= least - 1e-7).length
    }
    return hits / asked / graphNeighbours
  }
  await endThreads()
  for (const name of ['ours, cold', 'ours']) {
    let graph: NeighbourGraph | undefined
    const build = await measureBuild(async () => {
      graph = await neighbourGraph(rows, { dimensions, k: graphNeighbours })
    })
    const found = graph?.rows as Int32Array
    const recall = recallOf((row) => Array.from(found.subarray(row * graphNeighbours, (row + 1) * graphNeighbours)))
    results[name] = { ...build, recall }
  }
  const peer = 'hnswlib-node, build and queries, ef 64'
  const hnswlib = tryLoad(() => loadHnswlib())
  if (hnswlib !== undefined) {
    const native = new hnswlib.HierarchicalNSW('ip', dimensions)
    const lists: number[][] = []
    const build = await measureBuild(() => {
      native.initIndex(n, 16, 200, 0)
      for (let row = 0; row < n; row++) native.addPoint(Array.from(vectorOf(rows, row, dimensions)), row)
      native.setEf(64)
      for (let row = 0; row < n; row++) {
        const { neighbors } = native.searchKnn(Array.from(vectorOf(rows, row, dimensions)), graphNeighbours + 1)
        lists.push(neighbors.filter((other) => other !== row).slice(0, graphNeighbours))
      }
    })
    results[peer] = { ...build, recall: recallOf((row) => lists[row] as number[]) }
  }
  const python = await Peers.start(rows, undefined, dimensions)
  if (python !== undefined) results['faiss-flat'] = await python.ask({ run: 'graph', k: graphNeighbours })
  python?.end()
  table(
    [`the ${graphNeighbours} nearest of every row`, 'seconds', 'recall', 'longest pause ms'],
    Object.entries(results).map(([name, r]) => [
      name,
      r.seconds.toFixed(2),
      r.recall?.toFixed(4) ?? '',
      r.pause?.toFixed(0) ?? '',
    ]),
  )
  const ratio = (results[peer]?.seconds ?? Number.NaN) / (results['ours, cold']?.seconds ?? Number.NaN)
  console.log(`our exact graph against hnswlib-node's: ${ratio.toFixed(1)} times as fast\n`)
  return results
}
