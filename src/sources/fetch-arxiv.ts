import { PaperkinError, requireInteger, requireOptions, show } from '../errors.ts'
import type { Paper } from '../paper.ts'
import { type FetchOptions, fetchOptionNames, politeFetch, requireBase, requireDay } from './polite-fetch.ts'
import { type ReadOptions, streamPapers } from './read-papers.ts'

export interface FetchArxivOptions extends FetchOptions, Pick<ReadOptions, 'onProblem'> {
  /** First day of submission, ISO 8601. */
  readonly from?: string | undefined
  /** Last day of submission, ISO 8601. @default today, if `from` is given */
  readonly to?: string | undefined
  /** Maximum number of results requested. @default 100 */
  readonly max?: number | undefined
  /** Number of newest results to skip, to continue after an earlier call. @default 0 */
  readonly start?: number | undefined
  /** Papers per request, up to 2,000. @default 200 */
  readonly pageSize?: number | undefined
  /** Called after the papers of each response: the `start` of a later call, and the total number of results. */
  readonly onPage?: ((page: { readonly next: number; readonly total: number }) => void) | undefined
}

/**
 * Fetches arXiv papers that match a query in arXiv's own syntax (`cat:cs.CL AND abs:retrieval`), newest first.
 * @throws PaperkinError `fetch-failed`, `invalid-argument`, and what `streamPapers` throws
 */
export async function* fetchArxiv(query: string, options: FetchArxivOptions = {}): AsyncGenerator<Paper> {
  if (typeof query !== 'string' || query.trim() === '')
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`query\` to be an arXiv query such as cat:cs.CL, got ${show(query)}.`,
    )
  requireOptions('fetchArxiv', options, {
    ...fetchOptionNames,
    from: true,
    to: true,
    max: true,
    start: true,
    pageSize: true,
    onPage: true,
    onProblem: true,
  })
  const { from, to, onPage, onProblem, signal } = options
  const { base = 'https://export.arxiv.org' } = requireBase(options.baseUrl)
  const max = requireInteger('max', options.max ?? 100, 1)
  const pageSize = requireInteger('pageSize', options.pageSize ?? 200, 1, 2000)
  const get = politeFetch(options, { interval: 3000 })
  const search = from === undefined && to === undefined ? query : `(${query}) AND ${submitted(from, to)}`
  const first = requireInteger('start', options.start ?? 0, 0)
  const seen = new Set<string>()
  for (let start = first; start - first < max; ) {
    const size = Math.min(pageSize, max - (start - first))
    const url = `${base}/api/query?${new URLSearchParams({
      search_query: search,
      start: String(start),
      max_results: String(size),
      sortBy: 'submittedDate',
      sortOrder: 'descending',
    })}`
    // arXiv sometimes returns an empty page although more results follow.
    const text = await get(url, (text) => /<\/feed>\s*$/u.test(text) && (entries(text) > 0 || start >= totalOf(text)))
    const total = totalOf(text)
    const count = entries(text)
    if (count === 0) return
    const before = seen.size
    let papers = 0
    for await (const paper of streamPapers(
      { name: url, content: text },
      { format: 'atom', ...(onProblem && { onProblem }), ...(signal && { signal }) },
    )) {
      papers++
      // New submissions in between shift papers to the next page.
      if (seen.has(paper.id)) continue
      seen.add(paper.id)
      yield paper
    }
    if (papers > 0 && seen.size === before) {
      const reason = 'repeats earlier papers although more should follow: name another mirror with `baseUrl`'
      if (onProblem === undefined) throw new PaperkinError('fetch-failed', `${url} ${reason}.`)
      onProblem(
        Object.freeze({ message: `${url} ${reason}`, reason, kind: 'doubtful', source: url, path: Object.freeze([]) }),
      )
      return
    }
    start += count
    onPage?.({ next: start, total })
    if (start >= total) return
  }
}

const entries = (feed: string) => feed.split(/<entry[\s>]/u).length - 1
const totalOf = (feed: string) => Number(/<(?:\w+:)?totalResults[^>]*>\s*(\d+)/u.exec(feed)?.[1] ?? 0)

function submitted(from: string | undefined, to: string | undefined): string {
  const day = (name: string, value: string) => requireDay(name, value).replaceAll('-', '')
  const last = to ?? new Date().toISOString().slice(0, 10)
  const first = from ?? '1991-01-01'
  if (day('from', first) > day('to', last))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`from\` to be no later than \`to\`, got ${first} and ${last}.`,
    )
  return `submittedDate:[${day('from', first)}0000 TO ${day('to', last)}2359]`
}
