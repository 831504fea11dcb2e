import type { Paper } from '../paper.ts'
import { type FetchOptions, politeFetch, requireDay } from './polite-fetch.ts'
import { type ReadOptions, streamPapers } from './read-papers.ts'

export interface FetchDailyOptions extends FetchOptions, Pick<ReadOptions, 'onProblem'> {
  /** The day, ISO 8601. @default the latest */
  readonly date?: string
}

/** The interface gives no more at once. */
const PAGE = 100

/**
 * The daily papers of a digest page, from its public interface (by default huggingface.co).
 * @throws PaperkinError `fetch-failed`, `invalid-argument`, and what `streamPapers` throws
 */
export async function* fetchDaily(options: FetchDailyOptions = {}): AsyncGenerator<Paper> {
  const { date, onProblem, baseUrl = 'https://huggingface.co' } = options
  const get = politeFetch(options, { interval: 1000 })
  for (let page = 0; ; page++) {
    const url = `${baseUrl.replace(/\/+$/u, '')}/api/daily_papers?${new URLSearchParams({
      ...(date !== undefined && { date: requireDay('date', date) }),
      limit: String(PAGE),
      p: String(page),
    })}`
    const text = await get(url, isJson)
    const { length } = JSON.parse(text) as { length?: number }
    // A day without papers, or a page behind the last.
    if (length === 0) return
    yield* streamPapers(
      { name: url, content: text },
      { format: 'json', ...(onProblem && { onProblem }), ...(options.signal && { signal: options.signal }) },
    )
    if (length === undefined || length < PAGE) return
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // Told as an answer that broke off.
    return false
  }
}
