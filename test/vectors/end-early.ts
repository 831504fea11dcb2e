// A process that ends while its threads are in native code: node --import tsx end-early.ts exit|throw|abort|build
import { endThreads } from '../../src/runtime/worker-pool.ts'
import { HnswIndex } from '../../src/vectors/hnsw/hnsw-index.ts'
import { neighbourGraph } from '../../src/vectors/neighbour-graph.ts'

const [how] = process.argv.slice(2)
const dimensions = 256
const rows = 6000
const matrix = new Float32Array(rows * dimensions)
for (let row = 0; row < rows; row++) {
  matrix[row * dimensions + (row % dimensions)] = 0.6
  matrix[row * dimensions + ((7 * row + 1 + Math.floor(row / dimensions)) % dimensions)]! += 0.8
}
const controller = new AbortController()
if (how === 'build') {
  const index = new HnswIndex(dimensions, { graphFrom: 10 })
  await index.add(
    Int32Array.from({ length: rows }, (_, row) => row),
    matrix.map((value, i) => value + (i % 13) * 1e-4),
  )
  setTimeout(() => process.exit(7), 150)
} else {
  const normed = new Float32Array(matrix.length)
  for (let start = 0; start < matrix.length; start += dimensions) {
    const length = Math.hypot(...matrix.subarray(start, start + dimensions))
    for (let d = start; d < start + dimensions; d++) normed[d] = matrix[d]! / length
  }
  // By the first progress the thread is in the midst of its products.
  await neighbourGraph(normed, {
    dimensions,
    signal: controller.signal,
    onProgress: () => {
      if (how === 'exit') process.exit(7)
      if (how === 'throw')
        setImmediate(() => {
          throw new Error('not caught')
        })
      if (how === 'abort') controller.abort(new Error('enough'))
    },
  }).catch(() => {})
  await endThreads()
  process.exitCode = 7
}
