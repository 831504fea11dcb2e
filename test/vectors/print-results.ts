// Prints a hash of a graph and of clusters that a worker thread made: node --import tsx print-results.ts
import { createHash } from 'node:crypto'
import { endThreads } from '../../src/runtime/worker-pool.ts'
import { loadOnnxKernels } from '../../src/vectors/kernels.ts'
import { kmeans } from '../../src/vectors/kmeans.ts'
import { neighbourGraph } from '../../src/vectors/neighbour-graph.ts'
import { clusteredRows } from './clustered.ts'

const dimensions = 160
const n = 1800
const { rows } = clusteredRows(n, dimensions, { spread: 1 })
const graph = await neighbourGraph(rows, { dimensions, k: 9 })
const clusters = await kmeans(rows, { dimensions, k: 40 })
const hash = createHash('sha256').update(graph.rows).update(graph.scores).update(clusters.assignments)
hash.update(clusters.centroids).update(String(clusters.inertia))
const backend = (await loadOnnxKernels())?.backend ?? 'typed-arrays'
process.stdout.write(`${backend} ${hash.digest('hex')}\n`)
await endThreads()
