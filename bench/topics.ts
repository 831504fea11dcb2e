// npm run bench -- topics [SET …] [--seeds N] [--labels]: topics against the labels of each set, both methods, at the
// true number of topics and by themselves. An outlier counts as a member of the topic nearest to it, so that all papers
// are judged. NPMI and diversity are of the words of each topic's terms, over the papers themselves.
import { parseArgs } from 'node:util'
import { npmi, topicDiversity } from '../src/evaluation/coherence.ts'
import { adjustedRandIndex, normalizedMutualInformation } from '../src/evaluation/partitions.ts'
import { LexicalIndex } from '../src/lexical/lexical-index.ts'
import { tokens } from '../src/lexical/tokens.ts'
import { type Paper, paperText } from '../src/paper.ts'
import { findTopics, type TopicInput, type TopicMethod, type Topics } from '../src/topics/find-topics.ts'
import { endBackground } from '../src/vectors/background.ts'
import { loadPapers, loadVectors, saveResult, useData } from './data.ts'

const sets = ['arxiv-fields', 'arxiv-cs', 'arxiv-2025', 'arxiv-fine', 'cora', 'ijcai']
const methods: readonly TopicMethod[] = ['graph', 'kmeans']

interface Spread {
  readonly mean: number
  readonly least: number
  readonly most: number
}

interface Row {
  readonly set: string
  readonly papers: number
  readonly method: TopicMethod
  readonly labels: number
  readonly count: 'auto' | number
  readonly seeds: number
  readonly found: Spread
  readonly nmi: Spread
  readonly ari: Spread
  readonly outliers: Spread
  readonly npmi: number
  readonly diversity: number
  readonly seconds: Spread
}

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: useData(args),
    options: { seeds: { type: 'string', default: '3' }, labels: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const seeds = Number(values.seeds)
  if (!Number.isInteger(seeds) || seeds < 1)
    throw new Error(`Expected --seeds to be a whole number, got ${values.seeds}.`)
  const rows: Row[] = []
  console.log(`mean over ${seeds} seeds, least … most in brackets\n`)
  console.log(
    'set           method  labels  asked  found            NMI                ARI                outliers  NPMI   diversity  seconds',
  )
  for (const set of positionals.length > 0 ? positionals : sets) {
    const { input, labels } = await load(set)
    // The first run of a process compiles the code and starts the thread.
    await findTopics(input, { count: 2 })
    for (const method of methods)
      for (const count of [new Set(labels).size, 'auto'] as const) {
        const { row, topics } = await measure({ set, method, count, seeds }, { input, labels })
        rows.push(row)
        console.log(line(row))
        if (values.labels && method === 'graph' && count === 'auto')
          for (const { size, label } of topics.topics) console.log(`    ${String(size).padStart(5)}  ${label}`)
      }
  }
  await endBackground()
  await saveResult(['topics', ...positionals].join('-'), rows)
}

async function load(set: string): Promise<{ readonly input: TopicInput; readonly labels: readonly string[] }> {
  const all = await loadPapers(set)
  const { vectors, dimensions } = await loadVectors(set)
  const labelled = all.flatMap(({ paper, label }, row) => (label === undefined ? [] : [{ paper, label, row }]))
  const kept = new Float32Array(labelled.length * dimensions)
  const lexical = new LexicalIndex()
  const rows = labelled.map(({ paper, row }, to) => {
    kept.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), to * dimensions)
    return lexical.add(lexical.count(paper))
  })
  return {
    input: {
      papers: labelled.map(({ paper }) => paper),
      vectors: kept,
      dimensions,
      lexical: lexical.sparseRows(rows),
    },
    labels: labelled.map(({ label }) => label),
  }
}

async function measure(
  {
    set,
    method,
    count,
    seeds,
  }: { readonly set: string; readonly method: TopicMethod; readonly count: 'auto' | number; readonly seeds: number },
  { input, labels }: { readonly input: TopicInput; readonly labels: readonly string[] },
): Promise<{ readonly row: Row; readonly topics: Topics }> {
  const runs: { topics: Topics; nmi: number; ari: number; seconds: number }[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    const begin = performance.now()
    const topics = await findTopics(input, { method, count, seed })
    const seconds = (performance.now() - begin) / 1000
    const nearest = new Map(topics.outliers.map((outlier) => [outlier.id, outlier.nearest]))
    const found = input.papers.map(({ id }) => (topics.of(id)?.id ?? nearest.get(id)) as number)
    runs.push({
      topics,
      nmi: normalizedMutualInformation(labels, found),
      ari: adjustedRandIndex(labels, found),
      seconds,
    })
  }
  const [{ topics }] = runs
  const words = topics.topics.map(({ terms }) => [...new Set(terms.flatMap(({ term }) => tokens(term)))])
  const coherence = npmi(words, { documents: input.papers.map((paper: Paper) => tokens(paperText(paper))) })
  const several = coherence.filter((value) => !Number.isNaN(value))
  return {
    topics,
    row: {
      set,
      papers: input.papers.length,
      method,
      labels: new Set(labels).size,
      count,
      seeds,
      found: spread(runs.map((one) => one.topics.count)),
      nmi: spread(runs.map(({ nmi }) => nmi)),
      ari: spread(runs.map(({ ari }) => ari)),
      outliers: spread(runs.map((one) => one.topics.outliers.length)),
      npmi: spread(several).mean,
      diversity: topicDiversity(words),
      seconds: spread(runs.map(({ seconds }) => seconds)),
    },
  }
}

function spread(values: readonly number[]): Spread {
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    least: Math.min(...values),
    most: Math.max(...values),
  }
}

function line({ set, method, labels, count, found, nmi, ari, outliers, npmi, diversity, seconds }: Row): string {
  const whole = ({ mean, least, most }: Spread) =>
    least === most ? String(least) : `${mean.toFixed(1)} [${least} … ${most}]`
  const fraction = ({ mean, least, most }: Spread) =>
    `${mean.toFixed(3)} [${least.toFixed(3)} … ${most.toFixed(3)}]`.replaceAll('0.', '.')
  return [
    set.padEnd(14),
    method.padEnd(8),
    String(labels).padEnd(8),
    String(count).padEnd(7),
    whole(found).padEnd(17),
    fraction(nmi).padEnd(19),
    fraction(ari).padEnd(19),
    outliers.mean.toFixed(1).padEnd(10),
    npmi.toFixed(3).padEnd(7),
    diversity.toFixed(2).padEnd(11),
    `${seconds.mean.toFixed(1)} [${seconds.least.toFixed(1)} … ${seconds.most.toFixed(1)}]`,
  ].join('')
}
