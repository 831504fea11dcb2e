import { PaperkinError } from '../../errors.ts'
import { inNative } from '../../runtime/native-gate.ts'
import { packageRequire } from '../../runtime/package-files.ts'
import { type Progress, timeSlice } from '../../runtime/time-slice.ts'

/** The part of hnswlib-node used here. Labels are numbers; a distance is 1 minus the dot product. */
export interface NativeGraph {
  initIndex(maxElements: number, m: number, efConstruction: number, seed: number): void
  resizeIndex(maxElements: number): void
  readIndex(path: string): Promise<boolean>
  writeIndex(path: string): Promise<boolean>
  addPoint(vector: number[], label: number): void
  searchKnn(
    query: number[],
    k: number,
    filter?: (label: number) => boolean,
  ): { readonly neighbors: number[]; readonly distances: number[] }
  setEf(efSearch: number): void
}

export interface Hnswlib {
  readonly HierarchicalNSW: new (space: 'ip', dimensions: number) => NativeGraph
}

/**
 * Loads hnswlib-node, an optional peer dependency that is compiled at install.
 * @throws PaperkinError `index-unavailable` with the command that fixes it
 */
export function loadHnswlib(require: NodeJS.Require = packageRequire()): Hnswlib {
  try {
    require.resolve('hnswlib-node')
  } catch (cause) {
    throw new PaperkinError(
      'index-unavailable',
      "Expected the optional package hnswlib-node for an index of kind 'hnsw', found none: run `npm install hnswlib-node`.",
      { cause },
    )
  }
  try {
    return require('hnswlib-node') as Hnswlib
  } catch (cause) {
    throw new PaperkinError(
      'index-unavailable',
      'Expected hnswlib-node to be compiled for this platform, but it cannot be loaded, as where install scripts are ' +
        'blocked: run `npm rebuild hnswlib-node --ignore-scripts=false` (needs a C++ compiler and Python).',
      { cause },
    )
  }
}

/** Parameters of building a graph. */
export interface GraphParameters {
  /** Links per row on the upper layers; twice as many on the lowest. */
  readonly m: number
  readonly efConstruction: number
  readonly seed: number
}

/**
 * Builds a graph of unit rows, or adds rows to one, and writes it to a file. Blocks its thread for a slice at a time:
 * use it in a worker.
 */
export async function buildGraphFile(
  vectors: Float32Array,
  options: GraphParameters & {
    readonly dimensions: number
    /** Label of the first row; the rest follow consecutively. */
    readonly first: number
    /** File of a graph to extend; without it a new one is built. */
    readonly from?: string
    readonly to: string
    readonly signal?: AbortSignal
    readonly onProgress?: (progress: Progress) => void
  },
): Promise<void> {
  const { dimensions, first, from, to, m, efConstruction, seed, signal, onProgress } = options
  const slice = timeSlice(signal)
  const added = vectors.length / dimensions
  const graph = new (loadHnswlib().HierarchicalNSW)('ip', dimensions)
  if (from === undefined) graph.initIndex(added, m, efConstruction, seed)
  else {
    await inNative(() => graph.readIndex(from))
    graph.resizeIndex(first + added)
  }
  for (let index = 0; index < added; index++) {
    const vector = Array.from(vectors.subarray(index * dimensions, (index + 1) * dimensions))
    inNative(() => graph.addPoint(vector, first + index))
    if (slice.due()) {
      onProgress?.({ done: index + 1, total: added })
      await slice.rest()
    }
  }
  await inNative(() => graph.writeIndex(to))
}
