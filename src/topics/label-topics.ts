import { stopWords, tokens } from '../lexical/tokens.ts'
import type { Paper } from '../paper.ts'

/** A word or word pair of a topic. */
export interface TopicTerm {
  readonly term: string
  /** 0 … 1: class-based TF-IDF, 1 for the first term of the topic. */
  readonly weight: number
}

/** Terms and a label for each group of papers. */
export function labelTopics(
  groups: readonly (readonly Paper[])[],
  { termsPerLabel }: { readonly termsPerLabel: number },
): { readonly label: string; readonly terms: readonly TopicTerm[] }[] {
  const counts = groups.map((papers) => {
    const count = new Map<string, number>()
    for (const { title, abstract } of papers)
      for (const token of tokens(`${title} ${title} ${abstract}`))
        if (!stopWords.has(token)) count.set(token, (count.get(token) ?? 0) + 1)
    return count
  })
  const total = new Map<string, number>()
  for (const count of counts) for (const [term, c] of count) total.set(term, (total.get(term) ?? 0) + c)
  const all = [...total.values()].reduce((sum, c) => sum + c, 0)
  return counts.map((count, id) => {
    const scored = [...count]
      .map(([term, c]) => ({ term, weight: c * Math.log(1 + all / groups.length / (total.get(term) as number)) }))
      .sort((a, b) => b.weight - a.weight || (a.term < b.term ? -1 : 1))
      .slice(0, 10)
    const best = scored[0]?.weight ?? 1
    const terms = scored.map(({ term, weight }) => ({ term, weight: weight / best }))
    return {
      label:
        terms
          .slice(0, termsPerLabel)
          .map(({ term }) => term)
          .join(', ') || `topic ${id + 1}`,
      terms,
    }
  })
}
