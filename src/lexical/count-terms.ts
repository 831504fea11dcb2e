import { readTokens, stem, stopWords } from '../text/tokens.ts'

/** Increased whenever the same text is counted differently; counts of another recipe must be rebuilt. */
export const lexicalRecipe = 2

const titleWeight = 2

/** A document to be indexed. */
export interface LexicalDocument {
  readonly title: string
  readonly abstract: string
}

/** Calls `use` for every stem and pair of adjacent stems; returns the number of words, title words counted twice. */
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
