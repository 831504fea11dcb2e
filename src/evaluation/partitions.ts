// Agreement of two groupings of the same items, from one sparse contingency table. Degenerate cases follow
// scikit-learn: two groupings with one group each, or of no items, agree fully.
import { PaperkinError, requireList } from '../errors.ts'

/** The group of each item; the names of groups do not matter. */
export type Grouping = ArrayLike<string | number>

interface Contingency {
  readonly n: number
  /** Group sizes of the two groupings. */
  readonly rows: readonly number[]
  readonly columns: readonly number[]
  /** Nonzero cells. */
  readonly cells: readonly (readonly [row: number, column: number, count: number])[]
}

/**
 * Normalised mutual information with the arithmetic mean of the two entropies (Strehl and Ghosh 2002), 0 … 1.
 * @throws PaperkinError `invalid-argument` if the groupings differ in length, as for all functions here
 */
export function normalizedMutualInformation(a: Grouping, b: Grouping): number {
  const table = contingency(a, b)
  if (isTrivial(table)) return 1
  const information = mutualInformation(table)
  if (information <= Number.EPSILON) return 0
  return information / ((entropy(table.rows, table.n) + entropy(table.columns, table.n)) / 2)
}

/** Adjusted mutual information (Vinh, Epps and Bailey 2010), arithmetic mean: 0 expected by chance, 1 for equal groupings. */
export function adjustedMutualInformation(a: Grouping, b: Grouping): number {
  const table = contingency(a, b)
  if (isTrivial(table)) return 1
  const expected = expectedInformation(table)
  const mean = (entropy(table.rows, table.n) + entropy(table.columns, table.n)) / 2
  // All groupings with these sizes are equal.
  if (mean - expected < 1e-12) return 1
  return (mutualInformation(table) - expected) / (mean - expected)
}

/** Adjusted Rand index (Hubert and Arabie 1985), -0.5 … 1: 0 expected by chance, 1 for equal groupings. */
export function adjustedRandIndex(a: Grouping, b: Grouping): number {
  const { n, rows, columns, cells } = contingency(a, b)
  const together = cells.reduce((sum, [, , count]) => sum + count * count, 0)
  const inRows = rows.reduce((sum, count) => sum + count * count, 0)
  const inColumns = columns.reduce((sum, count) => sum + count * count, 0)
  const both = together - n
  const onlyRows = inRows - together
  const onlyColumns = inColumns - together
  const neither = n * n - inRows - inColumns + together
  if (onlyRows === 0 && onlyColumns === 0) return 1
  return (
    (2 * (both * neither - onlyRows * onlyColumns)) /
    ((both + onlyRows) * (onlyRows + neither) + (both + onlyColumns) * (onlyColumns + neither))
  )
}

/** Homogeneity, completeness and their harmonic mean (Rosenberg and Hirschberg 2007), each 0 … 1. */
export function vMeasure(
  truth: Grouping,
  found: Grouping,
): { readonly homogeneity: number; readonly completeness: number; readonly vMeasure: number } {
  const table = contingency(truth, found)
  if (table.n === 0) return { homogeneity: 1, completeness: 1, vMeasure: 1 }
  const information = mutualInformation(table)
  const ofTruth = entropy(table.rows, table.n)
  const ofFound = entropy(table.columns, table.n)
  const homogeneity = ofTruth > 0 ? information / ofTruth : 1
  const completeness = ofFound > 0 ? information / ofFound : 1
  const sum = homogeneity + completeness
  return { homogeneity, completeness, vMeasure: sum === 0 ? 0 : (2 * homogeneity * completeness) / sum }
}

/** Share of items in the most frequent true group of their found group, 0 … 1; 1 for no items. */
export function purity(truth: Grouping, found: Grouping): number {
  const { n, columns, cells } = contingency(truth, found)
  if (n === 0) return 1
  const most = new Float64Array(columns.length)
  for (const [, column, count] of cells) most[column] = Math.max(most[column]!, count)
  return most.reduce((sum, count) => sum + count, 0) / n
}

function contingency(a: Grouping, b: Grouping): Contingency {
  requireList('the first grouping', a)
  requireList('the second grouping', b)
  if (a.length !== b.length)
    throw new PaperkinError(
      'invalid-argument',
      `Expected two groupings of the same items, got ${a.length} and ${b.length} of them.`,
    )
  const rowIds = new Map<string | number, number>()
  const columnIds = new Map<string | number, number>()
  const rows: number[] = []
  const columns: number[] = []
  const counts = new Map<number, number>()
  for (let i = 0; i < a.length; i++) {
    const row = number(rowIds, a[i]!)
    const column = number(columnIds, b[i]!)
    rows[row] = (rows[row] ?? 0) + 1
    columns[column] = (columns[column] ?? 0) + 1
    // Keys are exact for fewer than 2^26 groups per side.
    const key = row * 2 ** 26 + column
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const cells = [...counts].map(([key, count]) => [Math.floor(key / 2 ** 26), key % 2 ** 26, count] as const)
  return { n: a.length, rows, columns, cells }
}

function number(ids: Map<string | number, number>, name: string | number): number {
  const known = ids.get(name)
  if (known !== undefined) return known
  ids.set(name, ids.size)
  return ids.size - 1
}

function isTrivial({ rows, columns }: Contingency): boolean {
  return rows.length === columns.length && rows.length <= 1
}

function entropy(sizes: readonly number[], n: number): number {
  return -sizes.reduce((sum, size) => sum + (size / n) * Math.log(size / n), 0)
}

function mutualInformation({ n, rows, columns, cells }: Contingency): number {
  const sum = cells.reduce(
    (total, [row, column, count]) =>
      total + (count / n) * (Math.log(count) + Math.log(n) - Math.log(rows[row]!) - Math.log(columns[column]!)),
    0,
  )
  return Math.max(0, sum)
}

/**
 * Expected mutual information of two random groupings with these sizes: hypergeometric cells, Vinh et al. 2010, eq.
 * 24a.
 */
function expectedInformation({ n, rows, columns }: Contingency): number {
  const logFactorial = new Float64Array(n + 1)
  for (let i = 2; i <= n; i++) logFactorial[i] = logFactorial[i - 1]! + Math.log(i)
  // Groups of equal size have equal terms.
  const rowSizes = tally(rows)
  const columnSizes = tally(columns)
  let sum = 0
  for (const [a, timesA] of rowSizes)
    for (const [b, timesB] of columnSizes) {
      const fixed = logFactorial[a]! + logFactorial[b]! + logFactorial[n - a]! + logFactorial[n - b]! - logFactorial[n]!
      let cell = 0
      for (let count = Math.max(1, a + b - n); count <= Math.min(a, b); count++) {
        const probability = Math.exp(
          fixed -
            logFactorial[count]! -
            logFactorial[a - count]! -
            logFactorial[b - count]! -
            logFactorial[n - a - b + count]!,
        )
        cell += (count / n) * (Math.log(n) + Math.log(count) - Math.log(a) - Math.log(b)) * probability
      }
      sum += timesA * timesB * cell
    }
  return sum
}

function tally(sizes: readonly number[]): Map<number, number> {
  const times = new Map<number, number>()
  for (const size of sizes) times.set(size, (times.get(size) ?? 0) + 1)
  return times
}
