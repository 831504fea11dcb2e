import { PaperkinError, show } from '../errors.ts'
import { ExactIndex } from './exact-index.ts'
import { HnswIndex, type HnswOptions } from './hnsw/hnsw-index.ts'
import type { VectorIndex } from './vector-index.ts'

/** Which index: exact, HNSW, or exact until HNSW pays. */
export type IndexKind = 'auto' | 'exact' | 'hnsw'

/**
 * Rows from which `'auto'` builds a graph: an exact search takes some 10 milliseconds there, and a graph's first search
 * pays for minutes of building only after many thousands more (bench/vectors.ts).
 */
export const AUTO_HNSW_FROM = 250_000

/** @throws PaperkinError `invalid-argument` for what is no kind */
export function requireIndexKind(kind: IndexKind): void {
  if (kind !== 'auto' && kind !== 'exact' && kind !== 'hnsw')
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`index\` to be 'auto', 'exact' or 'hnsw', got ${show(kind)}.`,
    )
}

/**
 * An empty index of a kind. `'auto'` is exact, and has an HNSW graph from {@link AUTO_HNSW_FROM} rows on where
 * hnswlib-node is installed; the index's own `kind` says which of the two it is at present.
 * @throws PaperkinError `index-unavailable` for `'hnsw'` where hnswlib-node is not installed or not compiled
 */
export function createVectorIndex(
  dimensions: number,
  options: HnswOptions & { readonly kind?: IndexKind } = {},
): VectorIndex {
  const { kind = 'auto', ...parameters } = options
  requireIndexKind(kind)
  if (kind === 'exact') return new ExactIndex(dimensions)
  if (kind === 'hnsw') return new HnswIndex(dimensions, parameters)
  return new HnswIndex(dimensions, { graphFrom: AUTO_HNSW_FROM, isOptional: true, ...parameters })
}
