// What `library.recommend` is compared with: the mean vector, the nearest liked paper, and a linear SVM over TF-IDF as in
// arxiv-sanity-lite (LinearSVC's loss, C = .01, balanced classes).
import type { SparseRows } from '../src/lexical/sparse-rows.ts'
import { trainLinear } from '../src/library/asking/interest-model.ts'
import type { Paper } from '../src/paper.ts'
import { stopWords } from '../src/text/tokens.ts'

/** Scores by paper for liked rows, higher is better. */
export type Method = (liked: readonly number[]) => Promise<Float64Array> | Float64Array

/** The numbers of papers that a word of the SVM must and may be in. */
export interface WordLimits {
  readonly least: number
  readonly most: number
}

/** Those of arxiv-sanity-lite: at least 5 papers, and at most a tenth of them. */
export const wordLimits = (papers: number): WordLimits => ({ least: 5, most: papers / 10 })

export function references(
  papers: readonly Paper[],
  rowOf: (row: number) => Float32Array,
  limits = wordLimits(papers.length),
): Readonly<Record<string, Method>> {
  const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) => {
    let sum = 0
    for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!
    return sum
  }
  const words = wordRows(papers, limits)
  return {
    'mean vector': (liked) => {
      const mean = new Float64Array(rowOf(0).length)
      for (const row of liked) for (const [d, value] of rowOf(row).entries()) mean[d]! += value
      return Float64Array.from(papers, (_, row) => cosine(mean, rowOf(row)))
    },
    'nearest liked': (liked) =>
      Float64Array.from(papers, (_, row) => Math.max(...liked.map((other) => cosine(rowOf(other), rowOf(row))))),
    'TF-IDF + SVM': (liked) => {
      const labels = new Int8Array(papers.length).fill(-1)
      for (const row of liked) labels[row] = 1
      const costs = Float64Array.from(labels, (label) =>
        label > 0
          ? (0.01 * papers.length) / (2 * liked.length)
          : (0.01 * papers.length) / (2 * (papers.length - liked.length)),
      )
      const features = { sparse: words, dense: new Float32Array(0), dimensions: 0, denseWeight: 1 }
      const { weights } = trainLinear(features, labels, costs)
      return Float64Array.from(papers, (_, row) => {
        let sum = 0
        for (let i = words.start[row]!; i < words.start[row + 1]!; i++)
          sum += weights[words.column[i]!]! * words.value[i]!
        return sum
      })
    },
  }
}

/** TF-IDF as by scikit-learn's TfidfVectorizer with sublinear counts. */
function wordRows(papers: readonly Paper[], { least, most }: WordLimits): SparseRows {
  const documents = papers.map(({ title, abstract }) => {
    const counts = new Map<string, number>()
    for (const word of `${title} ${abstract}`.toLowerCase().match(/\b[a-z_][a-z0-9_]+\b/gu) ?? [])
      if (!stopWords.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
    return counts
  })
  const frequency = new Map<string, number>()
  for (const counts of documents) for (const word of counts.keys()) frequency.set(word, (frequency.get(word) ?? 0) + 1)
  const used = [...frequency].filter(([, papersWithIt]) => papersWithIt >= least && papersWithIt <= most)
  const columnOf = new Map(used.map(([word], column) => [word, column]))
  const start = [0]
  const column: number[] = []
  const value: number[] = []
  for (const counts of documents) {
    const entries = [...counts].flatMap(([word, count]) => {
      const its = columnOf.get(word)
      const idf = Math.log((1 + papers.length) / (1 + (frequency.get(word) as number))) + 1
      return its === undefined ? [] : [[its, (1 + Math.log(count)) * idf] as const]
    })
    const length = Math.sqrt(entries.reduce((sum, [, weight]) => sum + weight * weight, 0)) || 1
    for (const [its, weight] of entries) {
      column.push(its)
      value.push(weight / length)
    }
    start.push(column.length)
  }
  return {
    rows: papers.length,
    columns: columnOf.size,
    start: Int32Array.from(start),
    column: Int32Array.from(column),
    value: Float32Array.from(value),
  }
}
