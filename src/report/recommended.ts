// Recommended papers, the input of `atom.ts`, `mail.ts` and `markdown.ts`.
import type { Paper } from '../paper.ts'

/** A hit of `library.recommend`. */
export interface RecommendedPaper {
  readonly paper: Paper
  /** 0 … 1; optional. */
  readonly score?: number
  /** Reasons: the nearest liked papers, and words. */
  readonly why?: {
    readonly liked: readonly { readonly id: string; readonly title: string; readonly similarity: number }[]
    readonly terms: readonly { readonly term: string; readonly weight: number }[]
  }
}

/** Recommended papers under a title, best first. */
export interface RecommendedPapers {
  readonly title: string
  readonly papers: readonly RecommendedPaper[]
}

/** `as “Grasping Glass”; glass, touch`: why a paper was recommended; empty without a reason. */
export function reasonOf({ why }: RecommendedPaper): string {
  const [nearest] = why?.liked ?? []
  const words = (why?.terms ?? []).slice(0, 6).map(({ term }) => term)
  return [
    ...(nearest ? [`as “${nearest.title || nearest.id}”`] : []),
    ...(words.length > 0 ? [words.join(', ')] : []),
  ].join('; ')
}
