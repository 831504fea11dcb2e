import { LexicalIndex } from '../../src/lexical/lexical-index.ts'
import { type Paper, paperText } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import type { TopicInput } from '../../src/topics/find-topics.ts'
import { cachedVectors, loadPapers, loadSubjects, loadVectors } from '../data.ts'

/** Input for topics, and the label of each paper. */
export interface LabelledSet {
  readonly input: TopicInput
  readonly labels: readonly string[]
}

/** Labelled sets that topics are measured on. */
export const sets = ['arxiv-fields', 'arxiv-cs', 'arxiv-2025', 'arxiv-fine', 'cora', 'ijcai']

/**
 * Samples of arxiv-cs-stat-2007-2017 that no setting was tuned on, with papers of a single subject only: a number of
 * papers from each of the most frequent subjects; or random papers, without subjects that have fewer than 15 of them.
 */
const cuts: Readonly<
  Record<string, { readonly subjects: number; readonly papers: number } | { readonly random: number }>
> = {
  'subjects-8': { subjects: 8, papers: 300 },
  'subjects-20': { subjects: 20, papers: 150 },
  'subjects-40': { subjects: 40, papers: 60 },
  'subjects-random': { random: 3000 },
}
export const cutNames = Object.keys(cuts)
const cutFrom = 'arxiv-cs-stat-2007-2017'
const leastOfRandom = 15

/** Loads a set or a cut, without unlabelled papers. */
export async function loadSet(name: string): Promise<LabelledSet> {
  if (name in cuts) {
    const chosen = await cut(name)
    const { vectors, dimensions } = await cachedVectors(
      name,
      chosen.map(({ paper }) => paperText(paper)),
    )
    return {
      input: await inputOf(
        chosen.map(({ paper }) => paper),
        vectors,
        dimensions,
      ),
      labels: chosen.map(({ label }) => label),
    }
  }
  const all = await loadPapers(name)
  const { vectors, dimensions } = await loadVectors(name)
  const labelled = all.flatMap(({ paper, label }, row) => (label === undefined ? [] : [{ paper, label, row }]))
  const kept = new Float32Array(labelled.length * dimensions)
  for (const [to, { row }] of labelled.entries())
    kept.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), to * dimensions)
  return {
    input: await inputOf(
      labelled.map(({ paper }) => paper),
      kept,
      dimensions,
    ),
    labels: labelled.map(({ label }) => label),
  }
}

/** Papers with their vectors, and term counts as in a library. */
export async function inputOf(
  papers: readonly Paper[],
  vectors: Float32Array,
  dimensions: number,
): Promise<TopicInput> {
  const index = new LexicalIndex()
  const rows = papers.map((paper) => index.add(index.count(paper)))
  return { papers, vectors, dimensions, lexical: await index.sparseRows(rows, timeSlice(undefined)) }
}

async function cut(name: string): Promise<{ readonly paper: Paper; readonly label: string }[]> {
  const single = (await loadSubjects(cutFrom)).flatMap(({ paper, subjects }) =>
    subjects.length === 1 ? [{ paper, label: subjects[0] as string }] : [],
  )
  const random = seededRandom(1)
  const drawn = single.map((one) => ({ ...one, lot: random() })).sort((a, b) => a.lot - b.lot)
  const bySubject = new Map<string, typeof drawn>()
  const plan = cuts[name]!
  for (const one of 'random' in plan ? drawn.slice(0, plan.random) : drawn)
    (bySubject.get(one.label) ?? bySubject.set(one.label, []).get(one.label))?.push(one)
  const subjects = [...bySubject].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1))
  if ('random' in plan) return subjects.flatMap(([, papers]) => (papers.length < leastOfRandom ? [] : papers))
  return subjects.slice(0, plan.subjects).flatMap(([, papers]) => papers.slice(0, plan.papers))
}
