import { readTokens, stem, stopWords } from '../text/tokens.ts'

/** Changes whenever the same text would be counted in another way: counts of another recipe must be made anew. */
export const lexicalRecipe = 2

const titleWeight = 2

/** A text as the index counts it. */
export interface LexicalDocument {
  readonly title: string
  readonly abstract: string
}

/** Calls back for every stem and every pair of neighbouring stems; returns the number of words, those of the title twice. */
export function countTerms(
  { title, abstract }: LexicalDocument,
  use: (first: string, second: string | undefined, weight: number) => void,
): number {
  let length = 0
  for (const [text, weight] of [
    [title, titleWeight],
    [abstract, 1],
  ] as const) {
    let previous: string | undefined
    for (const { text: token, isJoined } of readTokens(text)) {
      if (stopWords.has(token)) continue
      const stemmed = stem(token)
      use(stemmed, undefined, weight)
      if (isJoined) continue
      if (previous !== undefined) use(previous, stemmed, weight)
      previous = stemmed
      length += weight
    }
  }
  return length
}
