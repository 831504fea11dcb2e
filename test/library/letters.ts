import type { Embedder } from '../../src/embedding/embedder.ts'
import type { HitList } from '../../src/library/asking/ranking.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { PaperInput } from '../../src/paper.ts'

/** Letter counts as a vector: quick, and near for texts that are alike. */
export function letters({
  modelId = 'letters',
  shift = 0,
  limit = Number.POSITIVE_INFINITY,
  isEstimating = false,
  onTexts,
}: {
  readonly modelId?: string
  /** Moves the letters round, so that two models differ. */
  readonly shift?: number
  /** Letters that are read. */
  readonly limit?: number
  /** Whether what was cut is said not to be counted. */
  readonly isEstimating?: boolean
  readonly onTexts?: (texts: readonly string[]) => void
} = {}): Embedder {
  return {
    modelId,
    dimensions: 27,
    async embed(texts, { inputType = 'document', onTruncated } = {}) {
      if (inputType === 'document') onTexts?.(texts)
      return texts.map((text, index) => {
        const cut = text.length - limit
        if (cut > 0)
          onTruncated?.({ index, tokens: text.length, cut, ...(isEstimating && { estimated: true as const }) })
        const vector = new Float32Array(27).fill(0.01)
        for (const letter of text.slice(0, limit).toLowerCase()) {
          const place = letter >= 'a' && letter <= 'z' ? ((letter.charCodeAt(0) - 97 + shift) % 26) + 1 : 0
          vector[place] = (vector[place] as number) + 1
        }
        return vector
      })
    },
  }
}

export const paper = (id: string, title = `Title ${id}`, abstract = `About ${id}.`) => ({ id, title, abstract })

/** A library over {@link letters}, with papers in it. */
export async function lettersLibrary(papers: readonly PaperInput[] = []): Promise<PaperLibrary> {
  const library = await PaperLibrary.open({ embedder: letters() })
  await library.add(papers)
  return library
}

export const ids = ({ hits }: HitList): string[] => hits.map(({ paper }) => paper.id)
