// npm run bench -- related [SET …]: results of the public library against relevance judgements, on every judged query:
// the embedding alone, the words alone, and the library's own mix. cora and ijcai query by paper, scifact and scitldr
// by text. Settings were chosen on cora and scifact; the others are held out.
// --against FILE: compares the same queries with an earlier run (bench/results/related.json of another model or
// version), paired.
// --weights: nDCG at other weights of the embedding than the library's own.
// --latency: queries to 40,899 papers, and their cost. --duplicates: planted near-duplicates among them.
import { readFile } from 'node:fs/promises'
import { evaluateRun, type Judgements, rankingMetrics } from '../src/evaluation/evaluate-run.ts'
import { bootstrapInterval, comparePaired } from '../src/evaluation/significance.ts'
import { evaluateRelated, relatedVariants } from '../src/library/evaluate-related.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { paperText } from '../src/paper.ts'
import { loadPapers, loadQrels, loadQueries, loadVectors, saveResult, useData } from './data.ts'
import { duplicates } from './related-duplicates.ts'
import { latency } from './related-latency.ts'

export async function run(args: readonly string[]): Promise<void> {
  const named = useData(args)
  if (named.includes('--latency')) return latency(named.filter((arg) => arg !== '--latency'))
  if (named.includes('--duplicates')) return duplicates(named.filter((arg) => arg !== '--duplicates'))
  const isWeighed = named.includes('--weights')
  const at = named.indexOf('--against')
  const [, earlierFile] = at < 0 ? [] : named.splice(at, 2)
  const earlier = earlierFile === undefined ? undefined : JSON.parse(await readFile(earlierFile, 'utf8'))
  const sets = named.filter((arg) => arg !== '--weights')
  const results: Record<string, unknown> = {}
  console.log('mean over the queries, with its 95 % bootstrap interval; d: nDCG of the mix against each part, with p\n')
  for (const set of sets.length > 0 ? sets : ['cora', 'ijcai', 'scifact', 'scitldr']) {
    const { library, queries } = await openSet(set)
    const judgements = await loadQrels(set)
    const evaluation = await evaluateRelated(library, judgements, { ...(queries && { queries }), depth: 100 })
    const { figures, comparisons, values } = evaluation
    console.log(`${set}: ${library.size} papers, ${evaluation.queries.length} queries`)
    for (const variant of relatedVariants) {
      const cells = rankingMetrics.map((metric) => {
        const { mean, low, high } = figures[variant][metric]
        return `${metric} ${mean.toFixed(4)} (${low.toFixed(3)} – ${high.toFixed(3)})`
      })
      console.log(`  ${variant.padEnd(9)} ${cells.join('  ')}`)
    }
    for (const part of ['semantic', 'lexical'] as const) {
      const { difference, pValue } = comparisons[part]
      console.log(
        `  d ${part}: ${difference.mean.toFixed(4)} (${difference.low.toFixed(3)} – ${difference.high.toFixed(3)}), p ${pValue.toFixed(4)}`,
      )
    }
    const ndcg = Object.fromEntries(relatedVariants.map((variant) => [variant, [...values[variant].ndcg]]))
    results[set] = { figures, comparisons, queries: evaluation.queries.length, ndcg }
    for (const variant of earlier?.[set] === undefined ? [] : relatedVariants) {
      const { difference, pValue } = comparePaired(values[variant].ndcg, earlier[set].ndcg[variant], { samples: 2000 })
      const { mean, low, high } = difference
      console.log(
        `  against ${earlierFile}, ${variant}: ${mean.toFixed(4)} (${low.toFixed(4)} – ${high.toFixed(4)}), p ${pValue.toFixed(4)}`,
      )
    }
    if (isWeighed) await weigh(library, queries, judgements)
    await library.close()
    if (set === 'scitldr') {
      const first = Object.fromEntries(
        relatedVariants.map((variant) => [variant, bootstrapInterval(values[variant].ndcg.subarray(0, 2000))]),
      )
      results['scitldr-first-2000'] = first
      const shown = relatedVariants.map((variant) => `${variant} ${first[variant]?.mean.toFixed(4)}`)
      console.log(`  the first 2,000 queries, ndcg: ${shown.join('  ')}`)
    }
  }
  await saveResult('related', results)
}

/** nDCG@10 with other weights of the two parts: papers are re-ranked by the part scores of their hits. */
async function weigh(
  library: PaperLibrary,
  queries: ReadonlyMap<string, string> | undefined,
  judgements: Judgements,
): Promise<void> {
  const weights = [0, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1]
  const runs = weights.map(() => new Map<string, Map<string, number>>())
  for (const query of judgements.keys()) {
    const text = queries?.get(query)
    if (queries === undefined ? !library.has(query) : text === undefined) continue
    const k = library.size
    const { hits } =
      text === undefined ? await library.related(query, { k }) : await library.search(text, { k, phrases: false })
    for (const [i, weight] of weights.entries()) {
      const scored = hits.map(({ paper, semantic, lexical }) => ({
        id: paper.id,
        score: weight * semantic + (1 - weight) * lexical,
      }))
      const best = scored.sort((a, b) => b.score - a.score).slice(0, 10)
      runs[i]?.set(query, new Map(best.map(({ id, score }) => [id, score])))
    }
  }
  const means = runs.map((run) => bootstrapInterval(evaluateRun(run, judgements).values.ndcg).mean)
  console.log(`  weights ${weights.map((weight, i) => `${weight}: ${means[i]?.toFixed(4)}`).join('  ')}`)
}

/** A set as a library, with cached vectors of the bundled model; and its queries, if it has any. */
async function openSet(set: string): Promise<{
  readonly library: PaperLibrary
  readonly queries: ReadonlyMap<string, string> | undefined
}> {
  const papers = (await loadPapers(set)).map(({ paper }) => paper)
  const known = new Map<string, Float32Array>()
  const keep = async (name: string, texts: readonly string[]) => {
    const { vectors, dimensions } = await loadVectors(name)
    for (const [row, text] of texts.entries())
      known.set(text, vectors.subarray(row * dimensions, (row + 1) * dimensions))
  }
  await keep(set, papers.map(paperText))
  const asked = set === 'cora' || set === 'ijcai' ? undefined : await loadQueries(set)
  if (asked)
    await keep(
      `${set}-queries`,
      asked.map(({ text }) => text),
    )
  const library = await PaperLibrary.open({
    embedder: {
      modelId: 'kept vectors of the bundled model',
      dimensions: 384,
      embed: async (texts) => texts.map((text) => known.get(text) as Float32Array),
    },
  })
  await library.add(papers)
  return { library, queries: asked && new Map(asked.map(({ id, text }) => [id, text])) }
}
