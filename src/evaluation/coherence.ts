import { requireInteger, requireList, requireOptions } from '../errors.ts'

export interface CoherenceOptions {
  /** The words of each document, in order. */
  readonly documents: readonly (readonly string[])[]
  /** Words co-occur within a window of this many words; `Infinity`: within a document. @default 10 */
  readonly window?: number | undefined
}

const epsilon = 1e-12

/**
 * NPMI coherence of each topic (Bouma 2009; Röder, Both and Hinneburg 2015, C_NPMI): mean normalised pointwise mutual
 * information of all pairs of its words, with probabilities from boolean sliding windows. -1 … 1, higher is better;
 * pairs with a word that occurs in no document count 0, and a topic of fewer than two words is NaN. Counts like
 * gensim's `c_npmi`, so that values are comparable: when an occurrence leaves the window, the word counts as absent
 * even if it occurs there again.
 */
export function npmi(topics: readonly (readonly string[])[], options: CoherenceOptions): number[] {
  requireOptions('npmi', options ?? {}, { documents: true, window: true })
  const { documents, window = 10 } = options ?? {}
  requireLists('topics', topics)
  requireLists('documents', documents)
  if (window !== Number.POSITIVE_INFINITY) requireInteger('window', window, 1)
  const ids = new Map<string, number>()
  for (const topic of topics) for (const word of topic) if (!ids.has(word)) ids.set(word, ids.size)
  const single = new Float64Array(ids.size)
  const pair = new Map<number, number>()
  let windows = 0
  for (const document of documents) {
    const words = document.map((word) => ids.get(word) ?? -1)
    const present = new Set(words.slice(0, Math.min(window, words.length)).filter((id) => id >= 0))
    for (let last = Math.min(window, words.length) - 1; last === -1 || last < words.length; last++) {
      if (last >= window) {
        present.delete(words[last - window]!)
        if (words[last]! >= 0) present.add(words[last]!)
      }
      windows++
      for (const a of present) {
        single[a]!++
        for (const b of present) if (a < b) pair.set(a * ids.size + b, (pair.get(a * ids.size + b) ?? 0) + 1)
      }
      if (words.length === 0) break
    }
  }
  return topics.map((topic) => {
    let sum = 0
    let pairs = 0
    for (let i = 0; i < topic.length; i++)
      for (let j = i + 1; j < topic.length; j++) {
        const a = ids.get(topic[i]!) as number
        const b = ids.get(topic[j]!) as number
        pairs++
        if (single[a] === 0 || single[b] === 0) continue
        const both = (pair.get(Math.min(a, b) * ids.size + Math.max(a, b)) ?? 0) / windows + epsilon
        sum += Math.log(both / ((single[a]! / windows) * (single[b]! / windows))) / -Math.log(both)
      }
    return sum / pairs
  })
}

function requireLists(name: string, value: unknown): void {
  requireList(name, value)
  for (const [i, list] of (value as readonly unknown[]).entries()) requireList(`${name}[${i}]`, list)
}

/** Topic diversity (Dieng, Ruiz and Blei 2020): share of distinct words among all words of all topics, 0 … 1; NaN for no words. */
export function topicDiversity(topics: readonly (readonly string[])[]): number {
  requireLists('topics', topics)
  const words = topics.flat()
  return new Set(words).size / words.length
}
