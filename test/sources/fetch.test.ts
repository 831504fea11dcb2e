import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { Paper } from '../../src/paper.ts'
import { fetchArxiv } from '../../src/sources/fetch-arxiv.ts'
import { fetchDaily } from '../../src/sources/fetch-daily.ts'
import type { SourceProblem } from '../../src/sources/reading.ts'

// A server with both interfaces and all kinds of failures.
type Answer = (request: IncomingMessage, response: ServerResponse) => void
let script: Answer[] = []
let requests: { url: URL; agent: string; at: number }[] = []
const total = 450
const server = createServer((request, response) => {
  const url = new URL(request.url as string, 'http://localhost')
  requests.push({ url, agent: request.headers['user-agent'] as string, at: performance.now() })
  const planned = script.shift()
  if (planned !== undefined) planned(request, response)
  else if (url.pathname.endsWith('/api/query')) response.end(feed(url))
  else response.end(JSON.stringify(daily(url)))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  script = []
  requests = []
})

const entry = (number: number) =>
  `<entry><id>http://arxiv.org/abs/2401.${String(number).padStart(5, '0')}v1</id><title>Pond ${number}</title><summary>Bubbles of pond ${number}.</summary><published>2024-01-02T00:00:00Z</published></entry>`
const feedOf = (entries: readonly string[], count = total) =>
  `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><opensearch:totalResults xmlns:opensearch="x">${count}</opensearch:totalResults>${entries.join('')}</feed>\n`
const feed = (url: URL) => {
  const start = Number(url.searchParams.get('start'))
  const size = Math.min(Number(url.searchParams.get('max_results')), Math.max(0, total - start))
  return feedOf(Array.from({ length: size }, (_, i) => entry(start + i)))
}
const daily = (url: URL) =>
  url.searchParams.get('date') === '2024-01-06'
    ? []
    : Array.from({ length: url.searchParams.get('p') === '0' ? 100 : 3 }, (_, i) => ({
        paper: {
          id: `24${url.searchParams.get('p')}1.${String(i).padStart(5, '0')}`,
          title: `Pond ${i}`,
          summary: 'Bubbles.',
        },
      }))
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response.writeHead(code, headers)
    response.end('<html>an error page</html>')
  }

const quick = { baseUrl, interval: 0, retryDelay: 1 }
async function all(papers: AsyncIterable<Paper>): Promise<Paper[]> {
  const found: Paper[] = []
  for await (const paper of papers) found.push(paper)
  return found
}

describe('fetchArxiv', () => {
  it('requests page after page at the set rate, with a contact', async () => {
    const pages: unknown[] = []
    const papers = await all(
      fetchArxiv('cat:physics.ao-ph', {
        ...quick,
        interval: 60,
        contact: 'mailto:ida@example.org',
        from: '2024-01-01',
        to: '2024-01-31',
        max: 430,
        onPage: (page) => pages.push(page),
      }),
    )
    expect(papers).toHaveLength(430)
    expect(papers[429]).toMatchObject({
      id: '2401.00429',
      title: 'Pond 429',
      abstract: 'Bubbles of pond 429.',
      version: 1,
    })
    expect(pages).toEqual([200, 400, 430].map((next) => ({ next, total })))
    expect(requests.map(({ url }) => [url.searchParams.get('start'), url.searchParams.get('max_results')])).toEqual([
      ['0', '200'],
      ['200', '200'],
      ['400', '30'],
    ])
    expect(requests[0]?.url.searchParams.get('search_query')).toBe(
      '(cat:physics.ao-ph) AND submittedDate:[202401010000 TO 202401312359]',
    )
    expect(requests[0]?.agent).toMatch(/^paperkin\/\d+\.\d+\.\d+ \(mailto:ida@example\.org\)$/u)
    for (const [i, { at }] of requests.entries())
      if (i > 0) expect(at - (requests[i - 1] as { at: number }).at).toBeGreaterThan(50)
  })

  it('ends after the last result, and continues from `start`', async () => {
    expect(await all(fetchArxiv('all:ponds', { ...quick, max: 10_000 }))).toHaveLength(total)
    const rest = await all(fetchArxiv('all:ponds', { ...quick, start: 440, max: 10_000 }))
    expect(rest.map(({ title }) => title)).toEqual(Array.from({ length: 10 }, (_, i) => `Pond ${440 + i}`))
    script = [(_, response) => response.end(feedOf([], 0))]
    expect(await all(fetchArxiv('all:nothing', quick))).toEqual([])
  })

  it('follows redirects, and retries after errors, cut responses, empty pages and timeouts', async () => {
    const retries: string[] = []
    script = [
      (request, response) => {
        response.writeHead(301, { location: `${baseUrl}/mirror${request.url}` })
        response.end()
      },
      status(503),
      status(429, { 'retry-after': '0' }),
      (_, response) => {
        // Promises more than it sends.
        response.writeHead(200, { 'content-length': '100000' })
        response.write('<feed>')
        setTimeout(() => response.destroy(), 5)
      },
      (_, response) => response.end(feedOf([entry(1)]).slice(0, -10)),
      (_, response) => response.end(feedOf([])),
      () => {},
    ]
    const papers = await all(
      fetchArxiv('all:ponds', {
        ...quick,
        max: 5,
        retries: 9,
        timeout: 300,
        onRetry: ({ reason }) => retries.push(reason),
      }),
    )
    expect(papers).toHaveLength(5)
    expect(retries).toEqual([
      'the server answered 503 Service Unavailable',
      'the server answered 429 Too Many Requests',
      expect.any(String),
      'the response is incomplete',
      'the response is incomplete',
      'no response within 0.3 s',
    ])
    expect(requests[1]?.url.pathname).toBe('/mirror/api/query')
  })

  it('waits as long as the server says, otherwise longer each time', async () => {
    const delays: number[] = []
    script = [status(429, { 'retry-after': '1' }), status(500), status(502)]
    const started = performance.now()
    await all(fetchArxiv('all:ponds', { ...quick, retryDelay: 20, max: 1, onRetry: ({ delay }) => delays.push(delay) }))
    expect(delays).toEqual([1000, 40, 80])
    expect(performance.now() - started).toBeGreaterThan(1000)
  })

  it('fails with one sentence: at once if a retry is useless, otherwise after all retries', async () => {
    script = [status(400)]
    await expect(all(fetchArxiv('all:', quick))).rejects.toMatchObject({
      code: 'fetch-failed',
      message: expect.stringMatching(/^Could not get http:\S+: the server answered 400 Bad Request; try again later/u),
    })
    expect(requests).toHaveLength(1)
    script = [status(500), status(500), status(500)]
    await expect(all(fetchArxiv('all:x', { ...quick, retries: 2 }))).rejects.toMatchObject({
      code: 'fetch-failed',
      message: expect.stringContaining('(tried 3 times)'),
    })
    await expect(
      all(fetchArxiv('all:x', { ...quick, baseUrl: 'http://127.0.0.1:1', retries: 1 })),
    ).rejects.toMatchObject({
      code: 'fetch-failed',
    })
    await expect(all(fetchArxiv('all:x', { ...quick, baseUrl: 'no address' }))).rejects.toMatchObject({
      code: 'fetch-failed',
    })
  })

  it("tells of the server's own errors and of bad records, and refuses what is no query or no day", async () => {
    const error =
      '<entry><id>http://arxiv.org/api/errors#x</id><title>Error</title><summary>malformed id</summary></entry>'
    const problems: SourceProblem[] = []
    script = [(_, response) => response.end(feedOf([entry(1), error], 2))]
    expect(await all(fetchArxiv('all:x', { ...quick, onProblem: (problem) => problems.push(problem) }))).toHaveLength(1)
    expect(problems.map(({ reason }) => reason)).toEqual(['is a server error: malformed id'])
    for (const [query, options] of [
      [' ', {}],
      ['all:x', { from: '5 March' }],
      ['all:x', { from: '2024-02-30' }],
      ['all:x', { from: '2024-02-03', to: '2024-01-03' }],
      ['all:x', { max: 0 }],
      ['all:x', { contact: 'naïve\n' }],
    ] as const)
      await expect(all(fetchArxiv(query, { ...quick, ...options }))).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('ends at once when aborted, also during a pause', async () => {
    const reason = new Error('enough')
    for (const planned of [() => {}, status(429, { 'retry-after': '60' })]) {
      script = [planned]
      const controller = new AbortController()
      const papers = all(fetchArxiv('all:x', { ...quick, signal: controller.signal }))
      setTimeout(() => controller.abort(reason), 50)
      await expect(papers).rejects.toBe(reason)
    }
  })
})

describe('fetchDaily', () => {
  it('reads all pages of a day', async () => {
    const papers = await all(fetchDaily({ ...quick, date: '2024-01-05' }))
    expect(papers).toHaveLength(103)
    expect(papers[0]).toMatchObject({
      id: '2401.00000',
      title: 'Pond 0',
      abstract: 'Bubbles.',
      url: 'https://arxiv.org/abs/2401.00000',
    })
    expect(requests.map(({ url }) => url.search)).toEqual([
      '?date=2024-01-05&limit=100&p=0',
      '?date=2024-01-05&limit=100&p=1',
    ])
  })

  it('finds none on a day without papers, and retries after a cut response', async () => {
    expect(await all(fetchDaily({ ...quick, date: '2024-01-06' }))).toEqual([])
    script = [(_, response) => response.end('[{"paper": {"id": "2401.0')]
    expect(await all(fetchDaily(quick))).toHaveLength(103)
    await expect(all(fetchDaily({ ...quick, date: 'today' }))).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('describes an unexpected response', async () => {
    script = [(_, response) => response.end('{"error": "no such day"}')]
    await expect(all(fetchDaily(quick))).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringContaining('is a server error: no such day'),
    })
  })
})
