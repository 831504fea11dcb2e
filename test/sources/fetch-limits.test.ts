import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, expect, it } from 'vitest'
import type { Paper } from '../../src/paper.ts'
import { fetchArxiv } from '../../src/sources/fetch-arxiv.ts'
import { fetchDaily } from '../../src/sources/fetch-daily.ts'

let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {}
let requests: IncomingMessage[] = []
const server = createServer((request, response) => {
  requests.push(request)
  answer(request, response)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const quick = { baseUrl: `http://127.0.0.1:${port}`, interval: 0, retryDelay: 1, retries: 1 }
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  requests = []
})
async function all(papers: AsyncIterable<Paper>): Promise<Paper[]> {
  const found: Paper[] = []
  for await (const paper of papers) found.push(paper)
  return found
}

it.each(['null', '5', '"papers"', 'true'])('refuses %s as a list of papers', async (text) => {
  answer = (_, response) => response.end(text)
  await expect(all(fetchDaily(quick))).rejects.toMatchObject({
    name: 'PaperkinError',
    code: 'fetch-failed',
    message: expect.stringMatching(/list of papers/u),
  })
})

it('stops at the first page without new papers if a mirror ignores pages', async () => {
  const page = Array.from({ length: 100 }, (_, i) => ({ id: `x${i}`, title: `Title ${i}` }))
  answer = (_, response) => response.end(JSON.stringify(page))
  expect((await all(fetchDaily(quick))).map(({ id }) => id)).toEqual(page.map(({ id }) => id))
  expect(requests).toHaveLength(2)
})

it('refuses an arXiv mirror that repeats the same papers', async () => {
  const entries = [1, 2, 3].map(
    (i) => `<entry><id>http://arxiv.org/abs/2401.0000${i}</id><title>Pond ${i}</title></entry>`,
  )
  answer = (_, response) => response.end(`<feed><totalResults>900000</totalResults>${entries.join('')}</feed>`)
  await expect(all(fetchArxiv('all:ponds', { ...quick, max: 900_000 }))).rejects.toMatchObject({
    code: 'fetch-failed',
    message: expect.stringMatching(/repeats earlier papers/u),
  })
  expect(requests).toHaveLength(2)
  const problems: unknown[] = []
  const told = { ...quick, max: 900_000, onProblem: (problem: unknown) => problems.push(problem) }
  expect(await all(fetchArxiv('all:ponds', told))).toHaveLength(3)
  expect(problems).toMatchObject([{ kind: 'doubtful', message: expect.stringMatching(/repeats earlier papers/u) }])
})

it('aborts an endless response', async () => {
  let written = 0
  answer = (_, response) => {
    const piece = Buffer.alloc(2 ** 20, ' ')
    const more = () => {
      while (!response.destroyed && response.write(piece)) written += piece.length
      written += piece.length
    }
    response.on('drain', more)
    response.write('[')
    more()
  }
  await expect(all(fetchDaily(quick))).rejects.toMatchObject({
    code: 'fetch-failed',
    message: expect.stringMatching(/larger than 64 MiB/u),
  })
  expect(requests).toHaveLength(1)
  expect(written).toBeLessThan(200 * 2 ** 20)
})

it('sends a password in the address but never prints it', async () => {
  const baseUrl = `http://ida:s%3Acret@127.0.0.1:${port}/mirror/`
  answer = (_, response) => response.end('[{"title":""}]')
  const problems: unknown[] = []
  await all(fetchDaily({ ...quick, baseUrl, onProblem: (problem) => problems.push(problem) }))
  expect(requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ida:s:cret').toString('base64')}`)
  expect(requests[0]?.url).toMatch(/^\/mirror\/api\/daily_papers\?/u)
  expect(problems).toHaveLength(1)
  expect(JSON.stringify(problems)).not.toMatch(/cret/u)
  answer = (_, response) => {
    response.writeHead(403)
    response.end()
  }
  for (const address of [baseUrl, 'no address ida:s3cret@x', 'ftp://ida:s3cret@x'])
    await expect(all(fetchDaily({ ...quick, baseUrl: address }))).rejects.toMatchObject({
      code: 'fetch-failed',
      message: expect.not.stringMatching(/cret/u),
    })
})
