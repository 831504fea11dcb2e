import { PaperkinError, requireOptions, show } from '../errors.ts'
import type { Paper } from '../paper.ts'
import { type FetchOptions, fetchOptionNames, politeFetch, requireBase, requireDay } from './polite-fetch.ts'
import { type ReadOptions, streamPapers } from './read-papers.ts'

export interface FetchDailyOptions extends FetchOptions, Pick<ReadOptions, 'onProblem'> {
  /** The day, ISO 8601. @default the latest */
  readonly date?: string | undefined
}

/** The interface's maximum. */
const pageSize = 100

/**
 * Fetches the daily papers of a digest page from its public interface (by default huggingface.co).
 * @throws PaperkinError `fetch-failed`, `invalid-argument`, and what `streamPapers` throws
 */
export async function* fetchDaily(options: FetchDailyOptions = {}): AsyncGenerator<Paper> {
  requireOptions('fetchDaily', options, { ...fetchOptionNames, date: true, onProblem: true })
  const { date, onProblem } = options
  const { base = 'https://huggingface.co' } = requireBase(options.baseUrl)
  const get = politeFetch(options, { interval: 1000 })
  const seen = new Set<string>()
  for (let page = 0; ; page++) {
    const url = `${base}/api/daily_papers?${new URLSearchParams({
      ...(date !== undefined && { date: requireDay('date', date) }),
      limit: String(pageSize),
      p: String(page),
    })}`
    const text = await get(url, isJson)
    const answer: unknown = JSON.parse(text)
    if (typeof answer !== 'object' || answer === null)
      throw new PaperkinError(
        'fetch-failed',
        `Expected ${url} to return a list of papers, got ${show(answer)}: try again later, or name a mirror with \`baseUrl\`.`,
      )
    const length = Array.isArray(answer) ? answer.length : undefined
    // A day without papers, or a page after the last.
    if (length === 0) return
    const before = seen.size
    for await (const paper of streamPapers(
      { name: url, content: text },
      { format: 'json', ...(onProblem && { onProblem }), ...(options.signal && { signal: options.signal }) },
    )) {
      // Papers repeat if the day changes meanwhile, or if a mirror ignores pages.
      if (seen.has(paper.id)) continue
      seen.add(paper.id)
      yield paper
    }
    if (length === undefined || length < pageSize || seen.size === before) return
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // The caller reports it as a truncated response.
    return false
  }
}
