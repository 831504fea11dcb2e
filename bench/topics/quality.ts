// npm run bench -- topics [SET …] [--seeds N] [--peers | --only-peers] [--labels]: topics against the labels of each
// set, with both methods, at the true number of topics and at an automatic one; with --peers also other programs on the
// same vectors. An outlier counts as a member of its nearest topic (for peers, the one with the nearest mean vector),
// so that all papers are judged. NPMI and diversity use the words of each topic's terms, counted in the papers
// themselves. SET may also be a cut.

import { parseArgs } from 'node:util'
import { kmeans as mlKmeans } from 'ml-kmeans'
import { type Spread, spread, topicFigures } from '../../src/evaluation/topic-figures.ts'
import { groupsOf } from '../../src/library/evaluate-topics.ts'
import { type Paper, paperText } from '../../src/paper.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { endThreads } from '../../src/runtime/worker-pool.ts'
import { tokens } from '../../src/text/tokens.ts'
import { findTopics, topicMethods } from '../../src/topics/find-topics.ts'
import { kinGraph, nearestKin } from '../../src/topics/kin-graph.ts'
import { saveResult, useData } from '../data.ts'
import { type LabelledSet, loadSet, sets } from './labelled-set.ts'
import { graphologyLouvain, type PeerRun, pythonPeers } from './peers.ts'

const neighbours = 25

/** One partition of a set. */
interface Run {
  /** The group of each paper; -1 for an outlier. */
  readonly groups: readonly number[]
  /** The same, with every outlier in its nearest group. */
  readonly placed: readonly number[]
  readonly seconds: number
  readonly words?: readonly (readonly string[])[]
}

interface Row {
  readonly set: string
  readonly papers: number
  readonly labels: number
  readonly contestant: string
  readonly asked: number | 'auto'
  readonly seeds: number
  readonly found: Spread
  readonly nmi: Spread
  readonly ari: Spread
  /** 0 … 1. */
  readonly outlierShare: Spread
  /** NaN for contestants that do not name topics. */
  readonly npmi: number
  readonly diversity: number
  readonly seconds: Spread
}

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: useData(args),
    options: {
      seeds: { type: 'string', default: '5' },
      labels: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      'only-peers': { type: 'boolean', default: false },
      name: { type: 'string' },
    },
    allowPositionals: true,
  })
  const seeds = Number(values.seeds)
  if (!Number.isInteger(seeds) || seeds < 1)
    throw new Error(`Expected --seeds to be a whole number, got ${values.seeds}.`)
  const rows: Row[] = []
  console.log(`mean over ${seeds} seeds, least … most in brackets\n`)
  console.log(
    'set            contestant            labels  asked  found             NMI                 ARI                 outliers  NPMI   diversity  seconds',
  )
  for (const set of positionals.length > 0 ? positionals : sets) {
    const collection = await loadSet(set)
    const judge = judgeOf(set, collection)
    const report = (contestant: string, asked: number | 'auto', runs: readonly Run[]) => {
      const row = judge(contestant, asked, runs)
      rows.push(row)
      console.log(line(row))
    }
    const count = new Set(collection.labels).size
    // Warm-up: the first run of a process compiles the code and starts the thread.
    await findTopics(collection.input, { count: 2 })
    for (const method of values['only-peers'] ? [] : topicMethods)
      for (const asked of [count, 'auto'] as const) {
        const runs: Run[] = []
        for (let seed = 1; seed <= seeds; seed++) {
          const begun = performance.now()
          const topics = await findTopics(collection.input, { method, count: asked, seed })
          const seconds = (performance.now() - begun) / 1000
          runs.push({ ...groupsOf(topics, collection.input.papers), seconds })
          if (values.labels && method === 'graph' && asked === 'auto' && seed === 1)
            for (const { size, label } of topics.topics) console.log(`    ${String(size).padStart(5)}  ${label}`)
        }
        report(`paperkin ${method}`, asked, runs)
      }
    if (values.peers || values['only-peers']) await contest(collection, { count, seeds, report })
    await saveResult(values.name ?? ['topics', ...positionals].join('-'), rows)
  }
  await endThreads()
}

async function contest(
  { input }: LabelledSet,
  {
    count,
    seeds,
    report,
  }: {
    readonly count: number
    readonly seeds: number
    readonly report: (contestant: string, asked: number | 'auto', runs: readonly Run[]) => void
  },
): Promise<void> {
  const { papers, vectors, dimensions } = input
  const inPlace = (runs: readonly PeerRun[]): Run[] =>
    runs.map((one) => ({ ...one, placed: withNearestMean(one.groups, vectors, dimensions) }))
  const slice = timeSlice(undefined)
  const kin = await nearestKin({ rows: papers.length, ...input }, { k: neighbours, slice })
  const louvain = graphologyLouvain(await kinGraph(kin, slice))
  if (louvain !== undefined) {
    const all = Array.from({ length: seeds }, (_, i) => i + 1)
    report('graphology Louvain', 'auto', inPlace(all.map((seed) => louvain({ resolution: 1, seed }))))
    // The resolution is found by bisection for the first seed, and reused for the others.
    let [low, high] = [0, 64]
    let best = louvain({ resolution: 1, seed: 1 })
    for (let step = 0; step < 16; step++) {
      const one = louvain({ resolution: low === 0 ? high / 2 : (low + high) / 2, seed: 1 })
      const found = new Set(one.groups).size
      if (Math.abs(found - count) < Math.abs(new Set(best.groups).size - count)) best = one
      if (found < count) low = one.resolution as number
      else high = one.resolution as number
    }
    report(
      'graphology Louvain',
      count,
      inPlace(all.map((seed) => louvain({ resolution: best.resolution as number, seed }))),
    )
  }
  const rowsOfNumbers = papers.map((_, row) => Array.from(vectors.subarray(row * dimensions, (row + 1) * dimensions)))
  const mine: PeerRun[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    const begun = performance.now()
    const { clusters } = mlKmeans(rowsOfNumbers, count, { initialization: 'kmeans++', seed })
    mine.push({ name: 'ml-kmeans', seed, seconds: (performance.now() - begun) / 1000, groups: clusters })
  }
  report('ml-kmeans', count, inPlace(mine))
  const python = await pythonPeers(
    { run: 'topics', contestants: ['kmeans', 'bertopic', 'top2vec', 'tritopic'], dimensions, count, seeds, warm: true },
    { vectors, texts: JSON.stringify(papers.map(paperText)) },
  )
  for (const [name, asked] of [
    ['scikit-learn k-means', count],
    ['BERTopic', 'auto'],
    ['BERTopic, reduced', count],
    ['Top2Vec', 'auto'],
    ['TriTopic', 'auto'],
    ['TriTopic, asked', count],
  ] as const) {
    const runs = python.filter((one) => one.name === name)
    if (runs.length > 0) report(name, asked, inPlace(runs))
  }
}

/** Moves every outlier into the group with the nearest mean vector. */
function withNearestMean(groups: readonly number[], vectors: Float32Array, dimensions: number): readonly number[] {
  if (!groups.includes(-1) || groups.every((group) => group === -1)) return groups
  const most = groups.reduce((a, b) => Math.max(a, b))
  const means = Array.from({ length: most + 1 }, () => new Float64Array(dimensions))
  for (const [row, group] of groups.entries())
    if (group >= 0) for (let d = 0; d < dimensions; d++) means[group]![d]! += vectors[row * dimensions + d]!
  const lengths = means.map((mean) => Math.hypot(...mean))
  return groups.map((group, row) => {
    if (group >= 0) return group
    let best = -1
    let bestCosine = Number.NEGATIVE_INFINITY
    for (const [candidate, mean] of means.entries()) {
      let product = 0
      for (let d = 0; d < dimensions; d++) product += mean[d]! * vectors[row * dimensions + d]!
      if (lengths[candidate] === 0 || product / lengths[candidate]! <= bestCosine) continue
      best = candidate
      bestCosine = product / lengths[candidate]!
    }
    return best
  })
}

function judgeOf(set: string, { input, labels }: LabelledSet) {
  const documents = input.papers.map((paper: Paper) => tokens(paperText(paper)))
  return (contestant: string, asked: number | 'auto', runs: readonly Run[]): Row => {
    const figures = runs.map(({ placed, words = [] }, i) =>
      topicFigures(labels, placed, { words, documents: i === 0 ? documents : [] }),
    )
    return {
      set,
      papers: labels.length,
      labels: new Set(labels).size,
      contestant,
      asked,
      seeds: runs.length,
      found: spread(runs.map(({ groups }) => new Set(groups.filter((group) => group >= 0)).size)),
      nmi: spread(figures.map(({ nmi }) => nmi)),
      ari: spread(figures.map(({ ari }) => ari)),
      outlierShare: spread(runs.map(({ groups }) => groups.filter((group) => group < 0).length / groups.length)),
      // Counting windows takes longer than finding topics, so only the first run is measured.
      npmi: figures[0]?.npmi ?? Number.NaN,
      diversity: spread(figures.map(({ diversity }) => diversity)).mean,
      seconds: spread(runs.map(({ seconds }) => seconds)),
    }
  }
}

function line(row: Row): string {
  const whole = ({ mean, least, most }: Spread) =>
    least === most ? String(least) : `${mean.toFixed(1)} [${least} … ${most}]`
  const fraction = ({ mean, least, most }: Spread) =>
    `${mean.toFixed(3)} [${least.toFixed(3)} … ${most.toFixed(3)}]`.replaceAll('0.', '.')
  const figure = (value: number, digits: number) => (Number.isNaN(value) ? '–' : value.toFixed(digits))
  const { seconds } = row
  return [
    row.set.padEnd(15),
    row.contestant.padEnd(22),
    String(row.labels).padEnd(8),
    String(row.asked).padEnd(7),
    whole(row.found).padEnd(18),
    fraction(row.nmi).padEnd(20),
    fraction(row.ari).padEnd(20),
    `${(100 * row.outlierShare.mean).toFixed(1)} %`.padEnd(10),
    figure(row.npmi, 3).padEnd(7),
    figure(row.diversity, 2).padEnd(11),
    `${seconds.mean.toFixed(1)} [${seconds.least.toFixed(1)} … ${seconds.most.toFixed(1)}]`,
  ].join('')
}
