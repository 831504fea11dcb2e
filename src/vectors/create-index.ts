import { PaperkinError, show } from '../errors.ts'
import { ExactIndex } from './exact-index.ts'
import { HnswIndex, type HnswOptions } from './hnsw/hnsw-index.ts'
import type { VectorIndex } from './vector-index.ts'

/** Kind of index: exact, HNSW, or exact until HNSW pays off. */
export type IndexKind = 'auto' | 'exact' | 'hnsw'

/**
 * Rows from which `'auto'` builds a graph. There an exact search takes some 10 ms, and minutes of building pay off only
 * after many thousands of searches (bench/vectors.ts).
 */
export const autoHnswFrom = 250_000

/** @throws PaperkinError `invalid-argument` for an unknown kind */
export function requireIndexKind(kind: IndexKind): void {
  if (kind !== 'auto' && kind !== 'exact' && kind !== 'hnsw')
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`index\` to be 'auto', 'exact' or 'hnsw', got ${show(kind)}.`,
    )
}

/**
 * An empty index. `'auto'` is exact, with an HNSW graph from {@link autoHnswFrom} rows on if hnswlib-node is installed;
 * the index's `kind` is the one in use.
 * @throws PaperkinError `index-unavailable` for `'hnsw'` if hnswlib-node is not installed or not compiled
 */
export function createVectorIndex(
  dimensions: number,
  options: HnswOptions & { readonly kind?: IndexKind } = {},
): VectorIndex {
  const { kind = 'auto', ...parameters } = options
  requireIndexKind(kind)
  if (kind === 'exact') return new ExactIndex(dimensions)
  if (kind === 'hnsw') return new HnswIndex(dimensions, parameters)
  return new HnswIndex(dimensions, { graphFrom: autoHnswFrom, isOptional: true, ...parameters })
}
