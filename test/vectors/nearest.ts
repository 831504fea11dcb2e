import type { NearestOptions, VectorIndex } from '../../src/vectors/vector-index.ts'

/** The rows of the best scores, by a look at all of them. */
async function byScores(
  index: VectorIndex,
  query: ArrayLike<number>,
  {
    k,
    filter = () => true,
    of = index.snapshot(),
  }: NearestOptions & { readonly of?: ReturnType<VectorIndex['snapshot']> },
): Promise<Int32Array> {
  const rows = index.rows().filter((row) => of.has(row) && filter(row))
  const scores = (await of.scoreRows(query, rows)).map(Math.fround)
  const order = Array.from(rows.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
  return Int32Array.from(order.slice(0, k), (place) => rows[place] as number)
}

/** What an index finds by itself, else by its scores: as the library asks. */
export async function nearest(
  index: VectorIndex,
  query: ArrayLike<number>,
  options: NearestOptions,
): Promise<number[]> {
  const state = index.snapshot()
  return Array.from(
    (await state.nearest?.(query, options)) ?? (await byScores(index, query, { ...options, of: state })),
  )
}
