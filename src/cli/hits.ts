// Hits as they are printed, for every command that lists some.
import type { Hit } from '../library/ranking.ts'
import { paperName } from '../paper.ts'
import { paperTable } from './table.ts'
import type { Colors } from './terminal.ts'

/** A heading and a line a hit. */
export function hitPage(
  hits: readonly Hit[],
  { heading, colors }: { readonly heading: string; readonly colors: Colors },
  columns: number,
): string {
  const papers = hits.map(({ paper, score }) => ({
    id: paper.id,
    name: paperName(paper),
    isTitleOnly: paper.titleOnly === true,
    score,
  }))
  return `${heading}\n\n${papers.length > 0 ? paperTable(papers, colors, columns) : 'No paper matches.'}`
}

/** A hit as data: the paper's fields, the score and its parts. */
export function hitData({ paper, score, semantic, lexical }: Hit): unknown {
  return { ...paper, score, semantic, lexical }
}
