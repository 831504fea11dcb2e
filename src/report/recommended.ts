// What was recommended to someone, as the writers of `atom.ts`, `mail.ts` and `markdown.ts` take it.
import type { Paper } from '../paper.ts'

/** A paper that was recommended, as `library.recommend` gives it. */
export interface RecommendedPaper {
  readonly paper: Paper
  /** 0 … 1; left out for papers that are shown without one. */
  readonly score?: number
  /** What speaks for it: the nearest liked papers, and words. */
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

/** `as “Grasping Glass”; glass, touch`: why a paper was recommended; nothing where nobody said. */
export function reasonOf({ why }: RecommendedPaper): string {
  const [nearest] = why?.liked ?? []
  const words = (why?.terms ?? []).slice(0, 6).map(({ term }) => term)
  return [
    ...(nearest ? [`as “${nearest.title || nearest.id}”`] : []),
    ...(words.length > 0 ? [words.join(', ')] : []),
  ].join('; ')
}
