// Jobs of a vector thread: matrix products by ONNX Runtime, or typed arrays if it cannot be loaded. Jobs run in slices,
// concurrently, and each owns its copy of the values.
import { type JobContext, serveJobs } from '../runtime/serve-jobs.ts'
import { buildGraphFile } from './hnsw/hnswlib.ts'
import { type Kernels, loadOnnxKernels, RowDots, typedArrayKernels } from './kernels.ts'
import { KmeansRows } from './kmeans-rows.ts'
import { buildLargeGraph, findNearest } from './nearest-rows.ts'
import { type KmeansOptions, runKmeans } from './spherical-kmeans.ts'
import { unitSquare } from './unit-rows.ts'

/** Options of every job; its input is the values, in parts. */
interface Sized {
  /** Number of values. */
  readonly length: number
  readonly dimensions: number
}

type GraphOptions = Omit<Parameters<typeof buildGraphFile>[1], 'signal' | 'onProgress'>

const jobs = {
  async graph({ length, dimensions, k }: Sized & { readonly k: number }, context: JobContext) {
    const rows = RowDots.allocate(length, dimensions)
    await fillUnits(rows, context)
    return buildLargeGraph(rows, { k, ...(await how(context)) })
  },

  /** The first `queries` rows of the values are the queries. */
  async nearest(options: Sized & { readonly k: number; readonly queries: number }, context: JobContext) {
    const { length, dimensions, k, queries } = options
    const rows = RowDots.allocate(length, dimensions)
    await fill(rows.matrix, context)
    return findNearest(rows, { k, queries, ...(await how(context)) })
  },

  async hnsw({ length, ...options }: Sized & GraphOptions, context: JobContext) {
    const { signal, onProgress } = context
    const matrix = new Float32Array(length)
    await fill(matrix, context)
    await buildGraphFile(matrix, { ...options, signal, onProgress })
  },

  async kmeans({ length, ...options }: Sized & Omit<KmeansOptions, 'signal' | 'onProgress'>, context: JobContext) {
    const { dimensions, k } = options
    const rows = new KmeansRows({ n: length / dimensions, dimensions, k })
    const squares = await fillUnits(rows, context)
    return runKmeans(rows, { ...options, ...(await how(context)), squares })
  },
}

export type VectorJobs = typeof jobs
serveJobs(jobs)

async function fill(matrix: Float32Array, { input }: JobContext): Promise<void> {
  let filled = 0
  for await (const part of input as AsyncIterable<Float32Array>) {
    matrix.set(part, filled)
    filled += part.length
  }
}

/** Fills in unit rows, checking each while later ones arrive; returns the sum of their squared lengths. */
async function fillUnits({ matrix, dimensions }: RowDots | KmeansRows, { input }: JobContext): Promise<number> {
  let filled = 0
  let checked = 0
  let squares = 0
  for await (const part of input as AsyncIterable<Float32Array>) {
    matrix.set(part, filled)
    filled += part.length
    for (; (checked + 1) * dimensions <= filled; checked++) squares += unitSquare(matrix, checked, dimensions)
  }
  return squares
}

let kernels: Promise<Kernels> | undefined

async function how({ signal, onProgress }: JobContext) {
  kernels ??= loadOnnxKernels().then((loaded) => loaded ?? typedArrayKernels)
  return { signal, onProgress, kernels: await kernels }
}
