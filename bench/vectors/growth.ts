import { mkdir, writeFile } from 'node:fs/promises'
import { ExactIndex } from '../../src/vectors/exact-index.ts'
import { HnswIndex } from '../../src/vectors/hnsw/hnsw-index.ts'
import { kmeans } from '../../src/vectors/kmeans.ts'
import { neighbourGraph } from '../../src/vectors/neighbour-graph.ts'
import { logLogPlot } from './log-log-plot.ts'
import { alternate, type Contestant, measureBuild, nearest, plainScan, quantiles, table, tryLoad } from './measure.ts'

const k = 10
const graphNeighbours = 15

/** Times at sizes doubling from 1,000 rows to all; writes a log-log plot. */
export async function grow({
  rows,
  queries,
  dimensions,
}: {
  readonly rows: Float32Array
  readonly queries: Float32Array
  readonly dimensions: number
}): Promise<Record<string, [number, number][]>> {
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
      { name: 'plain scan: a query', search: (query) => plainScan(part, query, k) },
      { name: 'exact: a query', search: (query) => nearest(exact.snapshot(), query, labels, k) },
    ]
    const hnsw = tryLoad(() => new HnswIndex(dimensions, { graphFrom: 2 ** 40 }))
    if (hnsw !== undefined) {
      await hnsw.add(labels, part)
      note('hnsw: build', n, 1000 * (await measureBuild(() => hnsw.build())).seconds)
      contestants.push({ name: 'hnsw: a query', search: (query) => nearest(hnsw.snapshot(), query, labels, k) })
    }
    const samples = await alternate(contestants, queries.subarray(0, 50 * dimensions), { dimensions, rounds: 2 })
    for (const [name, { milliseconds }] of samples) note(name, n, quantiles(milliseconds).p50)
    await neighbourGraph(part, { dimensions, k: graphNeighbours })
    note(
      `exact graph, ${graphNeighbours} nearest`,
      n,
      1000 * (await measureBuild(() => neighbourGraph(part, { dimensions, k: graphNeighbours }))).seconds,
    )
    note(
      'k-means, 50 clusters',
      n,
      1000 * (await measureBuild(() => kmeans(part, { dimensions, k: 50, maxIterations: 20 }))).seconds,
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
  const folder = new URL('../results/', import.meta.url)
  await mkdir(folder, { recursive: true })
  await writeFile(new URL('index-growth.svg', folder), logLogPlot(lines, { x: 'rows', y: 'milliseconds' }))
  console.log('bench/results/index-growth.svg written')
  return lines
}
