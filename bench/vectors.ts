// npm run bench -- index  [--set NAME[+NAME]] [--vectors FILE.f32] [--rows N] [--queries 200] [--rounds 3] [--growth]
// npm run bench -- kmeans [--set NAME[+NAME]] [--vectors FILE.f32] [--rows 20000] [--k 50] [--iterations 20] [--rounds 3]
// Vectors are the bundled model's of the named sets (made once, kept in .cache/), or float32 rows of 384 values in a file.
// Contestants take turns, query by query and round by round; recall is against brute force in float64. Peers that are not
// installed are left out: npm install, and python -m venv .venv && .venv/bin/pip install -r requirements.txt, in
// bench/peers/vectors.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { kmeans as mlKmeans } from 'ml-kmeans'
import { endBackground } from '../src/vectors/background.ts'
import { ExactIndex } from '../src/vectors/exact-index.ts'
import { HnswIndex } from '../src/vectors/hnsw-index.ts'
import { loadHnswlib } from '../src/vectors/hnswlib.ts'
import { typedArrayKernels } from '../src/vectors/kernels.ts'
import { kmeans as ourKmeans } from '../src/vectors/kmeans.ts'
import { neighbourGraph } from '../src/vectors/neighbour-graph.ts'
import { seededRandom } from '../src/vectors/random.ts'
import { runKmeans } from '../src/vectors/spherical-kmeans.ts'
import { loadVectors, saveResult, useData } from './data.ts'

const K = 10
const NEIGHBOURS = 15
const peersFolder = new URL('peers/vectors/', import.meta.url).pathname
const efs = [16, 32, 64, 128, 256]

type Rows = ArrayLike<number>
interface Contestant {
  readonly name: string
  readonly search: (query: Float32Array) => Rows | Promise<Rows>
  /** All queries at once, where it can. */
  readonly bulk?: (queries: Float32Array) => unknown
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
      growth: { type: 'boolean', default: false },
    },
  })
  const { rows, queries, dimensions } = await load(values, Number(values.queries))
  const n = rows.length / dimensions
  console.log(`${n} rows × ${dimensions}, ${queries.length / dimensions} queries that are not among them, k = ${K}\n`)
  const truth = trueScores(rows, queries, dimensions)
  const python = await Peers.start(rows, queries, dimensions)
  const labels = Int32Array.from({ length: n }, (_, row) => row)

  const builds: Record<string, Build> = {}
  const exact = new ExactIndex(dimensions)
  builds['ours, exact'] = await measureBuild(() => exact.add(labels, rows))
  const contestants: Contestant[] = [
    { name: 'plain typed-array scan', search: (query) => plainScan(rows, query, K) },
    {
      name: 'ours, exact',
      search: async (query) => (await exact.search(query, { k: K })).rows,
      bulk: (all) => exact.searchMany(all, { k: K }),
    },
  ]
  const hnswlib = tryLoad(() => loadHnswlib())
  if (hnswlib !== undefined) {
    const ours = new HnswIndex(dimensions, { graphFrom: 2 ** 40 })
    builds['ours, hnsw, its exact rows included'] = await measureBuild(async () => {
      await ours.add(labels, rows)
      await ours.build()
    })
    const native = new hnswlib.HierarchicalNSW('ip', dimensions)
    builds['hnswlib-node'] = await measureBuild(() => {
      native.initIndex(n, 16, 200, 0)
      for (let row = 0; row < n; row++) native.addPoint(Array.from(vectorOf(rows, row, dimensions)), row)
    })
    for (const ef of efs) {
      contestants.push({
        name: `ours, hnsw, ef ${ef}`,
        search: async (query) => (await ours.search(query, { k: K, efSearch: ef })).rows,
        bulk: (all) => ours.searchMany(all, { k: K, efSearch: ef }),
      })
      contestants.push({
        name: `hnswlib-node, ef ${ef}`,
        search: (query) => {
          native.setEf(ef)
          return native.searchKnn(Array.from(query), K).neighbors
        },
      })
    }
  }
  const usearch = tryLoad(() => createRequire(join(peersFolder, 'package.json'))('usearch') as UsearchModule)
  if (usearch !== undefined) {
    const peer = new usearch.Index({
      dimensions,
      metric: 'ip',
      connectivity: 16,
      expansion_add: 200,
      expansion_search: 64,
    })
    builds.usearch = await measureBuild(() => peer.add(BigUint64Array.from(labels, BigInt), rows, 0))
    contestants.push({
      name: 'usearch, ef 64',
      search: (query) => Array.from(peer.search(query, K, 1).keys, Number),
      bulk: (all) => peer.search(all, K, 0),
    })
  }

  const samples = await alternate(contestants, queries, dimensions, Number(values.rounds))
  const results: Result[] = []
  for (const { name, bulk } of contestants) {
    const { milliseconds, found } = samples.get(name) as Sample
    const perSecond = await bulkRate(queries, dimensions, bulk)
    results.push({
      name,
      ...quantiles(milliseconds),
      recall: recall(found, { rows, queries, dimensions, truth }),
      perSecond,
    })
  }
  for (const [kind, ef] of [
    ['faiss-flat', 0],
    ...efs.flatMap(
      (ef) =>
        [
          ['faiss-hnsw', ef],
          ['hnswlib', ef],
        ] as const,
    ),
  ] as const) {
    if (python === undefined) break
    const name = `${kind === 'hnswlib' ? 'hnswlib (Python)' : kind}${ef ? `, ef ${ef}` : ''}`
    if (ef === 0 || ef === efs[0])
      builds[name.replace(/, ef.*/u, '')] = await python.ask({ run: 'build', kind, m: 16, efConstruction: 200 })
    const { milliseconds, found, bulkSeconds } = await python.ask({ run: 'search', kind, k: K, efSearch: ef })
    results.push({
      name,
      ...quantiles(milliseconds),
      recall: recall(found, { rows, queries, dimensions, truth }),
      perSecond: queries.length / dimensions / bulkSeconds,
    })
  }
  table(
    ['contestant', 'p50 ms', 'p95 ms', 'least ms', `recall@${K}`, 'queries/s in bulk'],
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
    ['build', 'seconds', 'bytes a row', 'longest pause ms'],
    Object.entries(builds).map(([name, b]) => [
      name,
      b.seconds.toFixed(2),
      b.bytes === undefined ? '' : (b.bytes / n).toFixed(0),
      b.pause?.toFixed(0) ?? '',
    ]),
  )

  const graph = await graphs({ rows, dimensions, python, hnswSeconds: builds['hnswlib-node']?.seconds })
  const median = (name: string) => results.find((r) => r.name === name)?.p50 ?? Number.NaN
  console.log(
    `exact against the plain scan: ${(median('plain typed-array scan') / median('ours, exact')).toFixed(1)} times as fast`,
  )
  for (const ef of efs)
    console.log(
      `our hnsw against hnswlib-node at ef ${ef}: ${(median(`ours, hnsw, ef ${ef}`) / median(`hnswlib-node, ef ${ef}`)).toFixed(2)} of its time`,
    )
  const growth = values.growth ? await grow(rows, queries, dimensions) : undefined
  await saveResult('index', { rows: n, dimensions, results, builds, graph, growth })
  python?.end()
  await endBackground()
}

export async function kmeans(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      set: { type: 'string', default: 'arxiv-cs-2025' },
      vectors: { type: 'string' },
      rows: { type: 'string', default: '20000' },
      k: { type: 'string', default: '50' },
      iterations: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '3' },
    },
  })
  const { rows, dimensions } = await load(values, 0)
  const n = rows.length / dimensions
  const k = Number(values.k)
  const iterations = Number(values.iterations)
  const random = seededRandom(1)
  const chosen = new Set<number>()
  while (chosen.size < k) chosen.add(Math.floor(random() * n))
  const start = Float32Array.from([...chosen].flatMap((row) => Array.from(vectorOf(rows, row, dimensions))))
  console.log(
    `${n} rows × ${dimensions}, ${k} clusters, the same ${k} rows to start from, at most ${iterations} iterations\n`,
  )
  const python = await Peers.start(rows, undefined, dimensions)
  const plain = { dimensions, k, initialCentroids: start, maxIterations: iterations }
  const contestants: { name: string; run: () => Promise<KmeansRun> }[] = [
    { name: 'ours, spherical', run: () => ourKmeans(rows, plain) },
    { name: 'ours, euclidean', run: () => ourKmeans(rows, { ...plain, spherical: false }) },
    {
      name: 'ours, euclidean, typed arrays',
      run: () => runKmeans(rows, { ...plain, spherical: false, kernels: typedArrayKernels }),
    },
    { name: 'plain typed arrays', run: async () => plainKmeans(rows, start, { dimensions, iterations }) },
  ]
  for (const kind of ['scikit-learn', 'faiss', 'faiss, spherical'])
    if (python !== undefined)
      contestants.push({
        name: kind,
        run: () =>
          python.ask({
            run: 'kmeans',
            kind: kind.split(',')[0],
            spherical: kind.includes('spherical'),
            k,
            iterations,
            start: Array.from(start),
          }),
      })
  const runs = new Map<string, { seconds: number[]; run: KmeansRun }>()
  for (let round = 0; round < Number(values.rounds); round++)
    for (const { name, run } of contestants) {
      const begun = performance.now()
      const result = await run()
      const seconds = result.seconds ?? (performance.now() - begun) / 1000
      const known = runs.get(name)
      if (known === undefined) runs.set(name, { seconds: [seconds], run: result })
      else known.seconds.push(seconds)
    }
  const begun = performance.now()
  const arrays = Array.from({ length: n }, (_, row) => Array.from(vectorOf(rows, row, dimensions)))
  const centres = Array.from({ length: k }, (_, c) => Array.from(vectorOf(start, c, dimensions)))
  const theirs = mlKmeans(arrays, k, { initialization: centres, maxIterations: iterations })
  runs.set('ml-kmeans', {
    seconds: [(performance.now() - begun) / 1000],
    run: { assignments: theirs.clusters, iterations: theirs.iterations },
  })
  const results = [...runs].map(([name, { seconds, run }]) => ({
    name,
    least: Math.min(...seconds),
    median: quantiles(seconds).p50,
    first: seconds[0] as number,
    iterations: run.iterations,
    inertia: inertiaOfMeans(rows, run.assignments, { dimensions, k }),
  }))
  table(
    ['contestant', 'least s', 'median s', 'first s', 'iterations', 'inertia to the means'],
    results.map((r) => [
      r.name,
      r.least.toFixed(3),
      r.median.toFixed(3),
      r.first.toFixed(3),
      String(r.iterations),
      r.inertia.toFixed(2),
    ]),
  )
  const [, ours] = results
  for (const { name, median, inertia } of ours === undefined ? [] : results)
    if (!name.startsWith('ours'))
      console.log(
        `ours, euclidean: ${(median / (ours?.median ?? 0)).toFixed(1)} times as fast as ${name}, inertia ${(((ours?.inertia ?? 0) / inertia - 1) * 100).toFixed(3)} % above it`,
      )
  await saveResult('kmeans', { rows: n, dimensions, k, iterations, results })
  python?.end()
  await endBackground()
}

interface Build {
  readonly seconds: number
  readonly bytes?: number
  readonly pause?: number
}

interface Result {
  readonly name: string
  readonly p50: number
  readonly p95: number
  readonly least: number
  readonly recall: number
  readonly perSecond: number | undefined
}

interface Sample {
  readonly milliseconds: number[]
  readonly found: Rows[]
}

interface KmeansRun {
  readonly assignments: ArrayLike<number>
  readonly iterations: number
  readonly seconds?: number
}

interface UsearchModule {
  readonly Index: new (
    options: object,
  ) => {
    add(keys: BigUint64Array, vectors: Float32Array, threads: number): void
    search(query: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array }
  }
}

function vectorOf(rows: Float32Array, row: number, dimensions: number): Float32Array {
  return rows.subarray(row * dimensions, (row + 1) * dimensions)
}

function tryLoad<Loaded>(load: () => Loaded): Loaded | undefined {
  try {
    return load()
  } catch (error) {
    console.log(`left out: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
    return undefined
  }
}

/** Rows and, taken out of them evenly, queries. */
async function load(
  { set, vectors, rows }: { set: string; vectors?: string | undefined; rows?: string | undefined },
  queries: number,
): Promise<{ rows: Float32Array; queries: Float32Array; dimensions: number }> {
  const dimensions = 384
  const parts: Float32Array[] = []
  if (vectors !== undefined) {
    const bytes = await readFile(vectors)
    parts.push(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)))
  } else for (const name of set.split('+')) parts.push((await loadVectors(name)).vectors)
  const found = parts.reduce((sum, part) => sum + part.length / dimensions, 0)
  const n = Math.min(found, rows === undefined ? found : Number(rows) + queries)
  const all = new Float32Array(n * dimensions)
  let filled = 0
  for (const part of parts) {
    const piece = part.subarray(0, all.length - filled)
    all.set(piece, filled)
    filled += piece.length
  }
  const asked = new Set(Array.from({ length: queries }, (_, i) => Math.floor(((i + 0.5) * n) / queries)))
  const kept = new Float32Array((n - asked.size) * dimensions)
  const taken = new Float32Array(asked.size * dimensions)
  let [keep, take] = [0, 0]
  for (let row = 0; row < n; row++) {
    const vector = vectorOf(all, row, dimensions)
    if (asked.has(row)) taken.set(vector, dimensions * take++)
    else kept.set(vector, dimensions * keep++)
  }
  return { rows: kept, queries: taken, dimensions }
}

/** The plainest way that is not slow on purpose: one loop over all values, the best kept in order. */
function plainScan(rows: Float32Array, query: Float32Array, k: number): Int32Array {
  const dimensions = query.length
  const best = new Int32Array(k)
  const scores = new Float64Array(k).fill(-Infinity)
  for (let row = 0, start = 0; start < rows.length; row++, start += dimensions) {
    let score = 0
    for (let d = 0; d < dimensions; d++) score += query[d] * rows[start + d]
    if (score <= scores[k - 1]) continue
    let place = k - 1
    for (; place > 0 && scores[place - 1] < score; place--) {
      scores[place] = scores[place - 1]
      best[place] = best[place - 1]
    }
    scores[place] = score
    best[place] = row
  }
  return best
}

/** The K-th best product of each query, in float64. */
function trueScores(rows: Float32Array, queries: Float32Array, dimensions: number): Float64Array {
  return Float64Array.from({ length: queries.length / dimensions }, (_, q) => {
    const query = vectorOf(queries, q, dimensions)
    const best = plainScan(rows, query, K)
    return product(rows, best[K - 1], query)
  })
}

function product(rows: Float32Array, row: number, query: Float32Array): number {
  let sum = 0
  for (let d = 0; d < query.length; d++) sum += query[d] * rows[row * query.length + d]
  return sum
}

/** Share of the K nearest that was found; what is as near as the K-th counts as one of them. */
function recall(
  found: readonly Rows[],
  {
    rows,
    queries,
    dimensions,
    truth,
  }: { rows: Float32Array; queries: Float32Array; dimensions: number; truth: Float64Array },
): number {
  let hits = 0
  found.forEach((list, q) => {
    const query = vectorOf(queries, q % truth.length, dimensions)
    hits += Array.from(list).filter((row) => product(rows, row, query) >= truth[q % truth.length] - 1e-7).length
  })
  return hits / found.length / K
}

/**
 * Every query to every contestant, each time another one first: what was asked just before leaves its data in the
 * caches, or takes the others' out of them. A first round warms up and is not counted.
 */
async function alternate(
  contestants: readonly Contestant[],
  queries: Float32Array,
  dimensions: number,
  rounds: number,
): Promise<Map<string, Sample>> {
  const samples = new Map<string, Sample>(contestants.map(({ name }) => [name, { milliseconds: [], found: [] }]))
  const count = queries.length / dimensions
  for (let round = 0; round <= rounds; round++)
    for (let q = 0; q < (round === 0 ? Math.min(count, 20) : count); q++)
      for (let turn = 0; turn < contestants.length; turn++) {
        const { name, search } = contestants[(turn + q) % contestants.length] as Contestant
        const query = vectorOf(queries, q, dimensions)
        const begun = performance.now()
        const pending = search(query)
        const found = 'length' in pending ? pending : await pending
        const milliseconds = performance.now() - begun
        if (round === 0) continue
        const sample = samples.get(name) as Sample
        sample.milliseconds.push(milliseconds)
        if (round === 1) sample.found.push(found)
      }
  return samples
}

/** Queries a second when many are asked in one call: the given ones over and over, 2,000 of them. */
async function bulkRate(
  queries: Float32Array,
  dimensions: number,
  bulk: Contestant['bulk'],
): Promise<number | undefined> {
  if (bulk === undefined) return undefined
  const count = 2000
  const many = Float32Array.from({ length: count * dimensions }, (_, i) => queries[i % queries.length])
  const begun = performance.now()
  await bulk(many)
  return (1000 * count) / (performance.now() - begun)
}

function quantiles(values: readonly number[]): { p50: number; p95: number; least: number } {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return { p50: at(0.5), p95: at(0.95), least: sorted[0] }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Seconds, growth of the process in bytes, and the longest time for which the event loop stood still. */
async function measureBuild(build: () => unknown): Promise<Build> {
  collectGarbage()
  const before = process.memoryUsage().rss
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  // Its first tick must be behind it, or a build that never yields goes unseen.
  await new Promise((resolve) => setTimeout(resolve, 20))
  const begun = performance.now()
  await build()
  const seconds = (performance.now() - begun) / 1000
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.disable()
  collectGarbage()
  return { seconds, bytes: process.memoryUsage().rss - before, pause: delay.max / 1e6 }
}

async function graphs({
  rows,
  dimensions,
  python,
  hnswSeconds,
}: {
  rows: Float32Array
  dimensions: number
  python: Peers | undefined
  hnswSeconds: number | undefined
}): Promise<Record<string, { seconds: number; recall?: number; pause?: number }>> {
  const n = rows.length / dimensions
  const results: Record<string, { seconds: number; recall?: number; pause?: number }> = {}
  /** Share of true neighbours of 200 rows, by brute force in float64. */
  const recallOf = (neighbours: (row: number) => Rows) => {
    let hits = 0
    const step = Math.max(1, Math.floor(n / 200))
    let asked = 0
    for (let row = 0; row < n; row += step, asked++) {
      const query = vectorOf(rows, row, dimensions)
      const best = Array.from(plainScan(rows, query, NEIGHBOURS + 1))
        .filter((other) => other !== row)
        .slice(0, NEIGHBOURS)
      const least = product(rows, best[best.length - 1], query)
      hits += Array.from(neighbours(row)).filter(
        (other) => other !== row && product(rows, other, query) >= least - 1e-7,
      ).length
    }
    return hits / asked / NEIGHBOURS
  }
  let graph: Awaited<ReturnType<typeof neighbourGraph>> | undefined
  for (const name of ['ours, cold', 'ours']) {
    const { seconds, pause } = await measureBuild(async () => {
      graph = await neighbourGraph(rows, { dimensions, k: NEIGHBOURS })
    })
    const found = graph?.rows as Int32Array
    results[name] = {
      seconds,
      ...(pause !== undefined && { pause }),
      recall: recallOf((row) => found.subarray(row * NEIGHBOURS, (row + 1) * NEIGHBOURS)),
    }
  }
  if (hnswSeconds !== undefined) {
    const native = new (loadHnswlib().HierarchicalNSW)('ip', dimensions)
    const lists: number[][] = []
    const built = await measureBuild(() => {
      native.initIndex(n, 16, 200, 0)
      for (let row = 0; row < n; row++) native.addPoint(Array.from(vectorOf(rows, row, dimensions)), row)
      native.setEf(64)
      for (let row = 0; row < n; row++)
        lists.push(native.searchKnn(Array.from(vectorOf(rows, row, dimensions)), NEIGHBOURS + 1).neighbors)
    })
    results['hnswlib-node, build and queries, ef 64'] = {
      seconds: built.seconds,
      ...(built.pause !== undefined && { pause: built.pause }),
      recall: recallOf((row) => (lists[row] as number[]).filter((other) => other !== row).slice(0, NEIGHBOURS)),
    }
  }
  if (python !== undefined) results['faiss-flat'] = await python.ask({ run: 'graph', k: NEIGHBOURS })
  table(
    [`the ${NEIGHBOURS} nearest of every row`, 'seconds', 'recall', 'longest pause ms'],
    Object.entries(results).map(([name, r]) => [
      name,
      r.seconds.toFixed(2),
      r.recall?.toFixed(4) ?? '',
      r.pause?.toFixed(0) ?? '',
    ]),
  )
  const theirs = results['hnswlib-node, build and queries, ef 64']?.seconds
  const ours = results['ours, cold']?.seconds
  if (theirs !== undefined && ours !== undefined)
    console.log(`our exact graph against hnswlib-node's: ${(theirs / ours).toFixed(1)} times as fast\n`)
  return results
}

/** Times from 1,000 rows to all, doubling; writes a log-log plot. */
async function grow(
  rows: Float32Array,
  queries: Float32Array,
  dimensions: number,
): Promise<Record<string, [number, number][]>> {
  const lines: Record<string, [number, number][]> = {}
  const note = (name: string, n: number, milliseconds: number) => {
    lines[name] ??= []
    lines[name].push([n, milliseconds])
  }
  const total = rows.length / dimensions
  const sizes: number[] = []
  for (let n = 1000; n < total; n *= 2) sizes.push(n)
  for (const n of [...sizes, total]) {
    const part = rows.subarray(0, n * dimensions)
    const labels = Int32Array.from({ length: n }, (_, row) => row)
    const exact = new ExactIndex(dimensions)
    note('exact: add all rows', n, 1000 * (await measureBuild(() => exact.add(labels, part))).seconds)
    const contestants: Contestant[] = [
      { name: 'plain scan: a query', search: (query) => plainScan(part, query, K) },
      { name: 'exact: a query', search: async (query) => (await exact.search(query, { k: K })).rows },
    ]
    const hnsw = tryLoad(() => new HnswIndex(dimensions, { graphFrom: 2 ** 40 }))
    if (hnsw !== undefined) {
      await hnsw.add(labels, part)
      note('hnsw: build', n, 1000 * (await measureBuild(() => hnsw.build())).seconds)
      contestants.push({ name: 'hnsw: a query', search: async (query) => (await hnsw.search(query, { k: K })).rows })
    }
    const samples = await alternate(contestants, queries.subarray(0, 50 * dimensions), dimensions, 2)
    for (const [name, { milliseconds }] of samples) note(name, n, quantiles(milliseconds).p50)
    await neighbourGraph(part, { dimensions, k: NEIGHBOURS })
    note(
      `exact graph, ${NEIGHBOURS} nearest`,
      n,
      1000 * (await measureBuild(() => neighbourGraph(part, { dimensions, k: NEIGHBOURS }))).seconds,
    )
    note(
      'k-means, 50 clusters',
      n,
      1000 * (await measureBuild(() => ourKmeans(part, { dimensions, k: 50, maxIterations: 20 }))).seconds,
    )
    await hnsw?.close()
  }
  const names = Object.keys(lines)
  table(
    ['rows', ...names],
    [...sizes, total].map((n) => [
      String(n),
      ...names.map((name) => lines[name]?.find(([x]) => x === n)?.[1].toFixed(2) ?? ''),
    ]),
  )
  const folder = new URL('results/', import.meta.url)
  await mkdir(folder, { recursive: true })
  await writeFile(new URL('index-growth.svg', folder), logLogPlot(lines, { x: 'rows', y: 'milliseconds' }))
  console.log('bench/results/index-growth.svg written')
  return lines
}

function logLogPlot(lines: Record<string, [number, number][]>, axes: { x: string; y: string }): string {
  const colours = ['#1b6ca8', '#d1495b', '#2e933c', '#edae49', '#6a4c93', '#444444', '#00798c', '#8d6a9f']
  const points = Object.values(lines).flat()
  const [left, right, top, bottom, width, height] = [70, 250, 20, 50, 900, 520]
  const range = (values: number[]) =>
    [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))] as const
  const [x0, x1] = range(points.map(([x]) => x))
  const [y0, y1] = range(points.map(([, y]) => y))
  const px = (x: number) => left + ((Math.log10(x) - x0) / (x1 - x0)) * (width - left - right)
  const py = (y: number) => height - bottom - ((Math.log10(y) - y0) / (y1 - y0)) * (height - top - bottom)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
  ]
  for (let e = x0; e <= x1; e++)
    parts.push(
      `<path d="M${px(10 ** e)} ${top}V${height - bottom}" stroke="#ddd"/><text x="${px(10 ** e)}" y="${height - bottom + 18}" text-anchor="middle">${(10 ** e).toLocaleString('en')}</text>`,
    )
  for (let e = y0; e <= y1; e++)
    parts.push(
      `<path d="M${left} ${py(10 ** e)}H${width - right}" stroke="#ddd"/><text x="${left - 8}" y="${py(10 ** e) + 4}" text-anchor="end">${10 ** e}</text>`,
    )
  parts.push(
    `<text x="${(left + width - right) / 2}" y="${height - 12}" text-anchor="middle">${axes.x}</text><text transform="translate(16 ${height / 2}) rotate(-90)" text-anchor="middle">${axes.y}</text>`,
  )
  Object.entries(lines).forEach(([name, line], i) => {
    const colour = colours[i % colours.length]
    parts.push(
      `<path d="M${line.map(([x, y]) => `${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    )
    for (const [x, y] of line)
      parts.push(`<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3" fill="${colour}"/>`)
    parts.push(`<text x="${width - right + 14}" y="${top + 20 + 20 * i}" fill="${colour}">${name}</text>`)
  })
  return `${parts.join('\n')}\n</svg>\n`
}

/** Euclidean k-means in plain typed arrays, for the bench's sake. */
function plainKmeans(
  rows: Float32Array,
  start: Float32Array,
  { dimensions, iterations: most }: { dimensions: number; iterations: number },
): KmeansRun {
  const n = rows.length / dimensions
  const k = start.length / dimensions
  const means = Float64Array.from(start)
  const assignments = new Int32Array(n).fill(-1)
  let iterations = 0
  for (let changed = true; changed && iterations < most; iterations++) {
    changed = false
    const sums = new Float64Array(k * dimensions)
    const counts = new Int32Array(k)
    for (let row = 0; row < n; row++) {
      let best = 0
      let least = Infinity
      for (let c = 0; c < k; c++) {
        let square = 0
        for (let d = 0; d < dimensions; d++) square += (rows[row * dimensions + d] - means[c * dimensions + d]) ** 2
        if (square < least) {
          least = square
          best = c
        }
      }
      if (assignments[row] !== best) changed = true
      assignments[row] = best
      counts[best]++
      for (let d = 0; d < dimensions; d++) sums[best * dimensions + d] += rows[row * dimensions + d]
    }
    for (let i = 0; i < means.length; i++) {
      const count = counts[Math.floor(i / dimensions)]
      if (count > 0) means[i] = sums[i] / count
    }
  }
  return { assignments, iterations }
}

/** Sum of squared distances to the members' means. */
function inertiaOfMeans(
  rows: Float32Array,
  assignments: Rows,
  { dimensions, k }: { dimensions: number; k: number },
): number {
  const sums = new Float64Array(k * dimensions)
  const counts = new Float64Array(k)
  let inertia = 0
  for (let row = 0; row < assignments.length; row++) {
    counts[assignments[row]]++
    for (let d = 0; d < dimensions; d++) {
      const value = rows[row * dimensions + d]
      sums[assignments[row] * dimensions + d] += value
      inertia += value * value
    }
  }
  for (let i = 0; i < sums.length; i++) {
    const count = counts[Math.floor(i / dimensions)]
    if (count > 0) inertia -= sums[i] ** 2 / count
  }
  return inertia
}

/** The Python peers: one process, a JSON line for each request. */
class Peers {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #folder: string

  private constructor(child: ChildProcess, folder: string) {
    this.#process = child
    this.#folder = folder
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  static async start(
    rows: Float32Array,
    queries: Float32Array | undefined,
    dimensions: number,
  ): Promise<Peers | undefined> {
    const python = join(peersFolder, '.venv/bin/python')
    if (!existsSync(python)) {
      console.log(`left out: faiss, hnswlib and scikit-learn in Python, as ${python} is not there`)
      return undefined
    }
    const folder = mkdtempSync(join(tmpdir(), 'paperkin-bench-'))
    await writeFile(join(folder, 'rows'), rows)
    if (queries !== undefined) await writeFile(join(folder, 'queries'), queries)
    const child = spawn(python, [join(peersFolder, 'peers.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
    const peers = new Peers(child, folder)
    await peers.ask({
      run: 'load',
      dimensions,
      rows: join(folder, 'rows'),
      ...(queries && { queries: join(folder, 'queries') }),
    })
    return peers
  }

  // biome-ignore lint/suspicious/noExplicitAny: each request has an answer of its own shape.
  async ask(request: object): Promise<any> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('The Python peers ended before they answered.')
    return JSON.parse(value)
  }

  end(): void {
    this.#process.stdin?.end()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)))
  for (const line of [head, ...lines])
    console.log(
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join('  '),
    )
  console.log()
}
