// Similarity by meaning, from the vectors in the page. The page cannot embed a question: each of its words gets the mean
// vector of the papers that use it, so that words used in similar papers are close.
import { vectorStep } from '../page-data.ts'
import type { Report } from './report.ts'
import type { PaperSearch, Query } from './search.ts'

/** A word in more than this share of the papers says nothing about their subject. */
const mostShare = 0.5

/** The papers' vectors, `rows × components`, and their mean. */
interface Vectors {
  readonly all: Float32Array
  readonly mean: Float64Array
}

export class Meaning {
  readonly #report: Report
  readonly #search: PaperSearch
  #read: Promise<Vectors> | undefined

  constructor(report: Report, search: PaperSearch) {
    this.#report = report
    this.#search = search
  }

  /** Reads the vectors, once; what fails is reported where they are needed. */
  prepare(): void {
    this.#vectors().catch(() => undefined)
  }

  #vectors(): Promise<Vectors> {
    this.#read ??= this.#report.bytes('vectors').then((bytes) => {
      const { rows, core } = this.#report
      const { components } = core
      const steps = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const all = new Float32Array(rows * components)
      const mean = new Float64Array(components)
      for (let component = 0; component < components; component++) {
        let sum = 0
        for (let row = 0; row < rows; row++) {
          const value = vectorStep * steps[component * rows + row]!
          all[row * components + component] = value
          sum += value
        }
        mean[component] = sum / rows
      }
      return { all, mean }
    })
    return this.#read
  }

  /** The papers most like `seeds`, best first, scored by meaning and words with the library's weights. */
  async like(seeds: readonly number[], count: number): Promise<{ readonly row: number; readonly score: number }[]> {
    const [{ all: vectors }] = await Promise.all([this.#vectors(), this.#search.prepare()])
    const { rows, core } = this.#report
    const [semanticWeight, lexicalWeight] = core.weights
    const goal = new Float64Array(core.components)
    for (const row of seeds) add(goal, vectors, row, 1)
    const length = Math.hypot(...goal) || 1
    const words = this.#search.likeness(seeds)
    const isSeed = new Set(seeds)
    const scored: { row: number; score: number }[] = []
    for (let row = 0; row < rows; row++)
      if (!isSeed.has(row))
        scored.push({ row, score: (semanticWeight * dot(goal, vectors, row)) / length + lexicalWeight * words[row]! })
    return scored.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, count)
  }

  /** Approximate cosine of two papers' vectors. */
  async similarity(one: number, other: number): Promise<number> {
    const { all: vectors } = await this.#vectors()
    const { components } = this.#report.core
    return dot(vectors.subarray(one * components, (one + 1) * components), vectors, other)
  }

  /** How close each paper is to the meaning of a question, -1 … 1; undefined if its words say nothing. */
  async nearness(query: Query): Promise<Float64Array | undefined> {
    const { all: vectors, mean } = await this.#vectors()
    const { rows, core } = this.#report
    const { components } = core
    const goal = new Float64Array(components)
    const having = query.asked.map(() => new Map<number, number>())
    this.#search.rowsWith(query, (slot, row, times) => having[slot]!.set(row, (having[slot]!.get(row) ?? 0) + times))
    for (const papers of having) {
      if (papers.size === 0 || papers.size > mostShare * rows) continue
      const sum = new Float64Array(components)
      let all = 0
      for (const [row, times] of papers) {
        const weight = Math.log1p(times)
        add(sum, vectors, row, weight)
        all += weight
      }
      const worth = Math.log(1 + rows / papers.size)
      for (let d = 0; d < components; d++) goal[d]! += worth * (sum[d]! / all - mean[d]!)
    }
    const length = Math.hypot(...goal)
    if (length === 0) return undefined
    const nearness = new Float64Array(rows)
    for (let row = 0; row < rows; row++) {
      let product = 0
      let square = 0
      for (let d = 0; d < components; d++) {
        const value = vectors[row * components + d]! - mean[d]!
        product += value * goal[d]!
        square += value ** 2
      }
      nearness[row] = square === 0 ? 0 : product / Math.sqrt(square) / length
    }
    return nearness
  }
}

function add(sum: Float64Array, vectors: Float32Array, row: number, weight: number): void {
  for (let d = 0; d < sum.length; d++) sum[d]! += weight * vectors[row * sum.length + d]!
}

function dot(goal: Float64Array | Float32Array, vectors: Float32Array, row: number): number {
  let sum = 0
  for (let d = 0; d < goal.length; d++) sum += goal[d]! * vectors[row * goal.length + d]!
  return sum
}
