import { type Paper, paperName } from '../paper.ts'

/** A paper that a text may have meant. */
export interface FoundPaper {
  readonly paper: Paper
  /** `'exact'`: the text is its id or whole title; `'words'`: the title has all words of the text; else `'near'`. */
  readonly match: 'exact' | 'words' | 'near'
  /** 0 … 1: 1 for an exact match, else the share of the text's words and letter triples that its title or id has. */
  readonly score: number
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

function triples(folded: string): Set<string> {
  const padded = ` ${folded} `
  const found = new Set<string>()
  for (let i = 0; i + 3 <= padded.length; i++) found.add(padded.slice(i, i + 3))
  return found
}

/**
 * The papers whose id or title is nearest to a text, best first, ties in the order of `papers`: the exact id, the whole
 * title, titles with all the words, then titles and ids that share words and letter triples (so that slips of the pen
 * are forgiven). Papers that share nothing are left out.
 */
export function findPapers(papers: Iterable<Paper>, text: string, k: number): FoundPaper[] {
  const wanted = fold(text)
  const words = wanted.split(' ')
  const wantedTriples = triples(wanted)
  const found: FoundPaper[] = []
  for (const paper of papers) {
    const title = fold(paperName(paper))
    let score = 0
    let match: FoundPaper['match'] = 'near'
    if (paper.id === text.trim() || (title === wanted && wanted !== '')) {
      match = 'exact'
      score = 1
    } else if (wanted !== '') {
      const titleWords = new Set(title.split(' '))
      const wordShare = words.filter((word) => titleWords.has(word)).length / words.length
      if (wordShare === 1) match = 'words'
      const inTitle = shared(wantedTriples, triples(title)) / wantedTriples.size
      const idTriples = triples(fold(paper.id))
      const common = shared(wantedTriples, idTriples)
      const likeId = (2 * common) / (wantedTriples.size + idTriples.size)
      score = 0.99 * Math.max((wordShare + inTitle) / 2, likeId)
    }
    if (score > 0) found.push({ paper, match, score })
  }
  const rank = { exact: 0, words: 1, near: 2 }
  return found.sort((a, b) => rank[a.match] - rank[b.match] || b.score - a.score).slice(0, k)
}

function shared(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let count = 0
  for (const item of a) if (b.has(item)) count++
  return count
}
