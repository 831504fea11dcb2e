// npm run bench -- related [SET …]: nDCG@10 of the embedding alone, the words alone, and the library's own mix, through
// the public library on every query that has judgements. cora and ijcai ask from paper to paper, scifact and scitldr
// with a text.
import { mean, ndcg } from '../src/evaluation/ranking.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import type { Hit } from '../src/library/ranking.ts'
import { paperText } from '../src/paper.ts'
import { loadPapers, loadQrels, loadQueries, loadVectors, saveResult, useData } from './data.ts'

const k = 10
const variants = ['semantic', 'lexical', 'hybrid'] as const
type Variant = (typeof variants)[number]

interface Row {
  readonly set: string
  readonly papers: number
  readonly queries: number
  /** Mean nDCG@10 with the half-width of its 95 % confidence interval over the queries. */
  readonly ndcg: Readonly<Record<Variant, { readonly mean: number; readonly interval: number }>>
  readonly milliseconds: number
}

export async function run(args: readonly string[]): Promise<void> {
  const named = useData(args)
  const rows: Row[] = []
  console.log(`nDCG@${k}, ± the 95 % interval over the queries\n`)
  console.log('set                 papers queries  embedding      words          mix            ms a mixed query')
  for (const set of named.length > 0 ? named : ['cora', 'ijcai', 'scifact', 'scitldr'])
    for (const row of await measure(set)) {
      rows.push(row)
      const figures = variants.map((variant) => {
        const { mean, interval } = row.ndcg[variant]
        return `${mean.toFixed(4)} ±${interval.toFixed(3)}`.padEnd(15)
      })
      console.log(
        `${row.set.padEnd(20)}${String(row.papers).padEnd(7)}${String(row.queries).padEnd(9)}${figures.join('')}${row.milliseconds.toFixed(1)}`,
      )
    }
  await saveResult('related', rows)
}

async function measure(set: string): Promise<Row[]> {
  const papers = (await loadPapers(set)).map(({ paper }) => paper)
  const qrels = await loadQrels(set)
  const known = new Map<string, Float32Array>()
  const keep = async (name: string, texts: readonly string[]) => {
    const { vectors, dimensions } = await loadVectors(name)
    texts.forEach((text, row) => {
      known.set(text, vectors.subarray(row * dimensions, (row + 1) * dimensions))
    })
  }
  await keep(set, papers.map(paperText))
  const isPaperToPaper = set === 'cora' || set === 'ijcai'
  const queries = isPaperToPaper ? papers.map(({ id }) => ({ id, text: '' })) : await loadQueries(set)
  if (!isPaperToPaper)
    await keep(
      `${set}-queries`,
      queries.map(({ text }) => text),
    )
  const library = await PaperLibrary.open({
    embedder: {
      modelId: 'kept vectors of the bundled model',
      dimensions: 384,
      embed: async (texts) => texts.map((text) => known.get(text) as Float32Array),
    },
  })
  await library.add(papers)

  const gains: Record<Variant, number[]> = { semantic: [], lexical: [], hybrid: [] }
  let milliseconds = 0
  for (const { id, text } of queries) {
    const judged = new Map(
      [...(qrels.get(id) ?? [])].filter(([paper]) => library.has(paper) && !(isPaperToPaper && paper === id)),
    )
    if (![...judged.values()].some((grade) => grade > 0)) continue
    const rate = (hits: readonly Hit[]) =>
      ndcg(
        hits.slice(0, k).map(({ paper }) => judged.get(paper.id) ?? 0),
        { k, judged: [...judged.values()] },
      )
    if (isPaperToPaper) {
      const began = performance.now()
      gains.hybrid.push(rate((await library.related(id, { k })).hits))
      milliseconds += performance.now() - began
      const all = (await library.related(id, { k: library.size })).hits
      gains.semantic.push(rate([...all].sort((a, b) => b.semantic - a.semantic)))
      gains.lexical.push(rate([...all].sort((a, b) => b.lexical - a.lexical)))
    } else
      for (const mode of variants) {
        const began = performance.now()
        gains[mode].push(rate((await library.search(text, { k, mode })).hits))
        if (mode === 'hybrid') milliseconds += performance.now() - began
      }
  }
  await library.close()
  const row = (name: string, count: number): Row => {
    const summary = (variant: Variant) => {
      const values = gains[variant].slice(0, count)
      const average = mean(values)
      const variance = mean(values.map((value) => (value - average) ** 2))
      return { mean: average, interval: 1.96 * Math.sqrt(variance / values.length) }
    }
    return {
      set: name,
      papers: papers.length,
      queries: Math.min(count, gains.hybrid.length),
      ndcg: { semantic: summary('semantic'), lexical: summary('lexical'), hybrid: summary('hybrid') },
      milliseconds: milliseconds / gains.hybrid.length,
    }
  }
  return set === 'scitldr'
    ? [row('scitldr (first)', 2000), row('scitldr (all)', queries.length)]
    : [row(set, queries.length)]
}
