// Does a label alone find its papers? The labels of a day compete for each of its papers in a topic: by the cosine of
// multilingual E5 small (Wang et al. 2024), with label as query and paper as passage, and by BM25 of the label's stems.
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { bootstrapInterval, type Interval } from '../../src/evaluation/significance.ts'
import { paperText } from '../../src/paper.ts'
import { stem, stopWords, tokens } from '../../src/text/tokens.ts'
import { cachePath } from '../data.ts'
import { pythonPeers } from './peers.ts'
import { type Day, type Run, runsWithPapers } from './reading-runs.ts'

type Scores = (label: string, text: string) => number

interface Figures {
  /** Share of papers for which the label of their own topic ranks first; ties share the rank. */
  readonly first: Interval
  /** Mean reciprocal rank. */
  readonly mrr: Interval
  /** Share of all papers, counting those in no topic as not found. */
  readonly firstOfAll: number
}

interface Row {
  readonly system: string
  readonly day: string
  readonly papers: number
  /** Papers in a topic. */
  readonly placed: number
  readonly topics: number
  readonly days: number
  /** `first` of a random label. */
  readonly chance: number
  readonly figures: Readonly<Record<string, Figures>>
}

const k1 = 1.2
const b = 0.75

/** Prints how often labels find their papers, over all days and by day. */
export async function retrieve(
  days: readonly Day[],
  runs: readonly Run[],
  { seed, by }: { readonly seed: number; readonly by: readonly string[] },
): Promise<readonly Row[]> {
  const texts = days.flatMap(({ papers }) => papers.map(paperText))
  const labels = [...new Set(runs.flatMap(({ topics }) => topics.map(({ label }) => label)))]
  const methods: Record<string, Scores> = {}
  for (const name of by)
    if (name === 'bm25') methods.BM25 = bm25Scores(texts)
    else if (name === 'e5') {
      const scores = await e5Scores(texts, labels)
      if (scores !== undefined) methods.E5 = scores
    } else throw new Error(`Expected --by to name e5 and bm25, got \`${name}\`.`)
  interface Placed {
    readonly system: string
    readonly day: string
    readonly chance: number
    readonly ranks: Readonly<Record<string, { readonly first: number; readonly reciprocal: number }>>
  }
  const placed: Placed[] = []
  for (const { run, byId } of runsWithPapers(days, runs))
    for (const [own, { papers }] of run.topics.entries())
      for (const id of papers) {
        const text = paperText(byId.get(id) as Parameters<typeof paperText>[0])
        const ranks = Object.entries(methods).map(([name, scores]) => [
          name,
          rankOf(
            own,
            run.topics.map(({ label }) => scores(label, text)),
          ),
        ])
        placed.push({
          system: run.system,
          day: run.day,
          chance: 1 / run.topics.length,
          ranks: Object.fromEntries(ranks),
        })
      }
  const rows: Row[] = []
  const names = Object.keys(methods)
  if (names.length === 0) return rows
  console.log(
    `system              day                 topics  a day  placed  chance  ${names.map((name) => `${`${name} first`.padEnd(19)}${`${name} MRR`.padEnd(19)}of all  `).join('')}`.trimEnd(),
  )
  for (const system of new Set(runs.map((run) => run.system)))
    for (const day of [undefined, ...days.map(({ name }) => name)]) {
      const theirs = runs.filter((run) => run.system === system && (day === undefined || run.day === day))
      const these = placed.filter((one) => one.system === system && (day === undefined || one.day === day))
      if (these.length === 0) continue
      const papers = theirs.reduce(
        (sum, { topics, outliers }) => topics.reduce((all, topic) => all + topic.papers.length, sum + outliers.length),
        0,
      )
      const mean = (values: readonly number[]) => bootstrapInterval(values, { samples: 2000, seed })
      const figures = names.map((name): [string, Figures] => {
        const ranks = these.map((one) => one.ranks[name] as { first: number; reciprocal: number })
        const first = mean(ranks.map((rank) => rank.first))
        const mrr = mean(ranks.map((rank) => rank.reciprocal))
        return [name, { first, mrr, firstOfAll: (first.mean * these.length) / papers }]
      })
      const row: Row = {
        system,
        day: day ?? 'all',
        papers,
        placed: these.length,
        topics: theirs.reduce((sum, { topics }) => sum + topics.length, 0),
        days: theirs.length,
        chance: these.reduce((sum, { chance }) => sum + chance, 0) / these.length,
        figures: Object.fromEntries(figures),
      }
      rows.push(row)
      console.log(line(row))
    }
  return rows
}

/**
 * The rank of one score among others: its expected share of the first place and its expected reciprocal rank, with ties
 * in random order.
 */
function rankOf(own: number, scores: readonly number[]): { readonly first: number; readonly reciprocal: number } {
  const mine = scores[own] as number
  let [above, tied] = [0, 0]
  for (const score of scores)
    if (score > mine) above++
    else if (score === mine) tied++
  let reciprocal = 0
  for (let rank = above + 1; rank <= above + tied; rank++) reciprocal += 1 / rank
  return { first: above > 0 ? 0 : 1 / tied, reciprocal: reciprocal / tied }
}

async function e5Scores(texts: readonly string[], labels: readonly string[]): Promise<Scores | undefined> {
  const ofText = await e5Vectors('passage', texts)
  if (ofText === undefined) return undefined
  const ofLabel = await e5Vectors('query', labels)
  if (ofLabel === undefined) return undefined
  return (label, text) => {
    const [one, other] = [ofLabel.get(label) as readonly number[], ofText.get(text) as readonly number[]]
    return one.reduce((sum, value, d) => sum + value * (other[d] as number), 0)
  }
}

/** Vectors by text, cached in `.cache/`, because a core embeds only one or two abstracts per second. */
async function e5Vectors(
  inputType: 'passage' | 'query',
  texts: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]> | undefined> {
  const path = cachePath(`multilingual-e5-small-${inputType}.jsonl`)
  const known = new Map<string, readonly number[]>()
  if (existsSync(path))
    for (const text of (await readFile(path, 'utf8')).split('\n').filter((text) => text.endsWith(']')))
      known.set(...(JSON.parse(`[${text}]`) as [string, number[]]))
  const wanted = [...new Set(texts)].filter((text) => !known.has(text))
  for (let start = 0; start < wanted.length; start += 32) {
    const batch = wanted.slice(start, start + 32)
    const vectors = await pythonPeers<number[]>({ run: 'e5', inputType }, { texts: JSON.stringify(batch) })
    if (vectors.length < batch.length) return undefined
    for (const [i, text] of batch.entries()) known.set(text, vectors[i] as number[])
    await mkdir(dirname(path), { recursive: true })
    const lines = batch.map((text, i) => `${JSON.stringify(text)}, ${JSON.stringify(vectors[i])}\n`)
    await appendFile(path, lines.join(''))
    process.stderr.write(`\rE5, ${inputType}: ${start + batch.length} of ${wanted.length} embedded `)
  }
  if (wanted.length > 0) process.stderr.write('\n')
  return known
}

/** BM25 of a label's stems against a paper, with document frequencies over the papers of all days. */
function bm25Scores(texts: readonly string[]): Scores {
  const documents = new Map<string, { readonly counts: ReadonlyMap<string, number>; readonly length: number }>()
  const frequency = new Map<string, number>()
  let length = 0
  for (const text of texts) {
    const stems = stemsOf(text)
    const counts = new Map<string, number>()
    for (const one of stems) counts.set(one, (counts.get(one) ?? 0) + 1)
    documents.set(text, { counts, length: stems.length })
    length += stems.length
    for (const one of counts.keys()) frequency.set(one, (frequency.get(one) ?? 0) + 1)
  }
  const meanLength = length / texts.length
  return (label, text) => {
    const document = documents.get(text) as { counts: ReadonlyMap<string, number>; length: number }
    let score = 0
    for (const one of new Set(stemsOf(label))) {
      const count = document.counts.get(one) ?? 0
      const papers = frequency.get(one) ?? 0
      const idf = Math.log(1 + (texts.length - papers + 0.5) / (papers + 0.5))
      score += (idf * count * (k1 + 1)) / (count + k1 * (1 - b + (b * document.length) / meanLength))
    }
    return score
  }
}

const stemsOf = (text: string) =>
  tokens(text)
    .filter((token) => !stopWords.has(token))
    .map(stem)

function line(row: Row): string {
  const interval = ({ mean, low, high }: Interval) =>
    `${mean.toFixed(3)} [${low.toFixed(3)} … ${high.toFixed(3)}]`.replaceAll('0.', '.').padEnd(19)
  const figures = Object.values(row.figures).map(
    ({ first, mrr, firstOfAll }) =>
      `${interval(first)}${interval(mrr)}${firstOfAll.toFixed(3).replace('0.', '.').padEnd(8)}`,
  )
  return [
    row.system.padEnd(20),
    row.day.padEnd(20),
    String(row.topics).padEnd(8),
    (row.topics / row.days).toFixed(1).padEnd(7),
    `${((100 * row.placed) / row.papers).toFixed(0)} %`.padEnd(8),
    row.chance.toFixed(3).replace('0.', '.').padEnd(8),
    ...figures,
  ]
    .join('')
    .trimEnd()
}
