import { parseArgs } from 'node:util'
import { kmeans as mlKmeans } from 'ml-kmeans'
import { seededRandom } from '../../src/runtime/random.ts'
import { endThreads } from '../../src/runtime/worker-pool.ts'
import { typedArrayKernels } from '../../src/vectors/kernels.ts'
import { kmeans as ourKmeans } from '../../src/vectors/kmeans.ts'
import { runKmeans } from '../../src/vectors/spherical-kmeans.ts'
import { saveResult, useData } from '../data.ts'
import { loadRows } from './load-rows.ts'
import { measureBuild, quantiles, type Rows, table, vectorOf } from './measure.ts'
import { Peers } from './python-peers.ts'

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
  const { rows, dimensions } = await loadRows(values, 0)
  const n = rows.length / dimensions
  const k = Number(values.k)
  const iterations = Number(values.iterations)
  const random = seededRandom(1)
  const chosen = new Set<number>()
  while (chosen.size < k) chosen.add(Math.floor(random() * n))
  const start = Float32Array.from([...chosen].flatMap((row) => Array.from(vectorOf(rows, row, dimensions))))
  console.log(
    `${n} rows × ${dimensions}, ${k} clusters, the same ${k} rows to start from, at most ${iterations} iterations and a last assignment\n`,
  )
  const python = await Peers.start(rows, undefined, dimensions)
  // scikit-learn and faiss assign once more after the last iteration; one extra iteration makes the others comparable.
  const assigned = iterations + 1
  const plain = { dimensions, k, initialCentroids: start, maxIterations: assigned }
  const contestants: { name: string; run: () => Promise<KmeansRun> }[] = [
    { name: 'ours, spherical', run: () => ourKmeans(rows, plain) },
    { name: 'ours, euclidean', run: () => ourKmeans(rows, { ...plain, spherical: false }) },
    {
      name: 'ours, euclidean, typed arrays',
      run: () => runKmeans(rows, { ...plain, spherical: false, kernels: typedArrayKernels }),
    },
    { name: 'plain typed arrays', run: async () => plainKmeans(rows, start, { dimensions, iterations: assigned }) },
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
  const runs = new Map<string, { seconds: number[]; pause?: number; run: KmeansRun }>()
  for (let round = 0; round < Number(values.rounds); round++)
    for (const { name, run } of contestants) {
      let result: KmeansRun = { assignments: [], iterations: 0 }
      const build = await measureBuild(async () => {
        result = await run()
      })
      const seconds = result.seconds ?? build.seconds
      const known = runs.get(name)
      if (known !== undefined) known.seconds.push(seconds)
      else
        runs.set(name, { seconds: [seconds], run: result, ...(result.seconds === undefined && { pause: build.pause }) })
    }
  const started = performance.now()
  const arrays = Array.from({ length: n }, (_, row) => Array.from(vectorOf(rows, row, dimensions)))
  const centres = Array.from({ length: k }, (_, c) => Array.from(vectorOf(start, c, dimensions)))
  const theirs = mlKmeans(arrays, k, { initialization: centres, maxIterations: assigned })
  runs.set('ml-kmeans', {
    seconds: [(performance.now() - started) / 1000],
    run: { assignments: theirs.clusters, iterations: theirs.iterations },
  })
  const results = [...runs].map(([name, { seconds, pause, run }]) => ({
    name,
    pause,
    least: Math.min(...seconds),
    median: quantiles(seconds).p50,
    first: seconds[0] as number,
    iterations: run.iterations,
    inertia: inertiaOfMeans(rows, run.assignments, { dimensions, k }),
  }))
  table(
    ['contestant', 'least s', 'median s', 'first s', 'longest pause ms', 'iterations', 'inertia to the means'],
    results.map((r) => [
      r.name,
      r.least.toFixed(3),
      r.median.toFixed(3),
      r.first.toFixed(3),
      r.pause?.toFixed(0) ?? '',
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
  await endThreads()
}

interface KmeansRun {
  readonly assignments: ArrayLike<number>
  readonly iterations: number
  readonly seconds?: number
}

/** Euclidean k-means in plain typed arrays, as a baseline. */
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
        for (let d = 0; d < dimensions; d++) square += (rows[row * dimensions + d]! - means[c * dimensions + d]!) ** 2
        if (square < least) {
          least = square
          best = c
        }
      }
      if (assignments[row] !== best) changed = true
      assignments[row] = best
      counts[best]!++
      for (let d = 0; d < dimensions; d++) sums[best * dimensions + d]! += rows[row * dimensions + d]!
    }
    for (let i = 0; i < means.length; i++) {
      const count = counts[Math.floor(i / dimensions)]!
      if (count > 0) means[i] = sums[i]! / count
    }
  }
  return { assignments, iterations }
}

/** Sum of squared distances to the cluster means. */
function inertiaOfMeans(
  rows: Float32Array,
  assignments: Rows,
  { dimensions, k }: { dimensions: number; k: number },
): number {
  const sums = new Float64Array(k * dimensions)
  const counts = new Float64Array(k)
  let inertia = 0
  for (let row = 0; row < assignments.length; row++) {
    counts[assignments[row]!]!++
    for (let d = 0; d < dimensions; d++) {
      const value = rows[row * dimensions + d]!
      sums[assignments[row]! * dimensions + d]! += value
      inertia += value * value
    }
  }
  for (let i = 0; i < sums.length; i++) {
    const count = counts[Math.floor(i / dimensions)]!
    if (count > 0) inertia -= sums[i]! ** 2 / count
  }
  return inertia
}
