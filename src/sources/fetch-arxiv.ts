import { PaperkinError, requireInteger, requireOptions, show } from '../errors.ts'
import type { Paper } from '../paper.ts'
import { type FetchOptions, fetchOptionNames, politeFetch, requireBase, requireDay } from './polite-fetch.ts'
import { type ReadOptions, streamPapers } from './read-papers.ts'

export interface FetchArxivOptions extends FetchOptions, Pick<ReadOptions, 'onProblem'> {
  /** First day of submission, ISO 8601. */
  readonly from?: string | undefined
  /** Last day of submission, ISO 8601. @default today, where there is a `from` */
  readonly to?: string | undefined
  /** How many papers at most. @default 100 */
  readonly max?: number | undefined
  /** How many of the newest to pass over: where an earlier call came to. @default 0 */
  readonly start?: number | undefined
  /** Papers a request, up to 2,000. @default 200 */
  readonly pageSize?: number | undefined
  /** Told after the papers of each answer: where a later call goes on, and how many there are. */
  readonly onPage?: ((page: { readonly next: number; readonly total: number }) => void) | undefined
}

/**
 * Papers of arXiv that match a query in its own language (`cat:cs.CL AND abs:retrieval`), the newest first.
 * @throws PaperkinError `fetch-failed`, `invalid-argument`, and what `streamPapers` throws
 */
export async function* fetchArxiv(query: string, options: FetchArxivOptions = {}): AsyncGenerator<Paper> {
  if (typeof query !== 'string' || query.trim() === '')
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`query\` to be a query of arXiv such as cat:cs.CL, got ${show(query)}.`,
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
    // Now and then arXiv answers with an empty page where there are more.
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
      // What came in between moves papers on to the next answer.
      if (seen.has(paper.id)) continue
      seen.add(paper.id)
      yield paper
    }
    if (papers > 0 && seen.size === before) {
      const reason = 'answers with the papers of before, though there are more: name another mirror with `baseUrl`'
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
      `Expected \`from\` to be a day before \`to\`, got ${first} and ${last}.`,
    )
  return `submittedDate:[${day('from', first)}0000 TO ${day('to', last)}2359]`
}
