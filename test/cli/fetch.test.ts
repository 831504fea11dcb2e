import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { run } from './run.ts'

let isFailing = true
const starts: string[] = []
const server = createServer((request, response) => {
  const query = new URL(request.url as string, 'http://localhost').searchParams
  const start = Number(query.get('start'))
  starts.push(`${start}+${query.get('max_results')}`)
  if (start >= 200 && isFailing) {
    response.writeHead(403)
    response.end()
    return
  }
  const entries = Array.from(
    { length: Math.min(Number(query.get('max_results')), 230 - start) },
    (_, i) => `<entry><id>http://arxiv.org/abs/2401.${10_000 + start + i}</id><title>Pond ${start + i}</title></entry>`,
  )
  response.end(`<feed><totalResults>230</totalResults>${entries.join('')}</feed>`)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const folder = mkdtempSync(join(tmpdir(), 'paperkin-fetch-'))
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

it('a file that was broken off is gone on with when the same is asked again', async () => {
  const out = join(folder, 'ponds.jsonl')
  const args = (query: string, ...more: string[]) => [
    'fetch',
    'arxiv',
    query,
    '--max',
    '300',
    '--out',
    out,
    '--base-url',
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...more,
  ]
  const first = await run(args('all:ponds'))
  expect(first).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('the server answered 403') })
  expect([existsSync(out), existsSync(`${out}.part`), existsSync(`${out}.resume`)]).toEqual([false, true, true])
  isFailing = false
  const second = await run(args('all:ponds'))
  expect(second).toEqual({
    status: 0,
    stdout: `Wrote 230 papers to ${out}\n`,
    stderr: 'Going on after the first 200 papers\n',
  })
  expect(starts).toEqual(['0+200', '200+100', '200+100'])
  const titles = readFileSync(out, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).title)
  expect(titles).toEqual(Array.from({ length: 230 }, (_, i) => `Pond ${i}`))
  expect([existsSync(`${out}.part`), existsSync(`${out}.resume`)]).toEqual([false, false])
  expect(await run(args('all:ponds'))).toMatchObject({ status: 2, stderr: expect.stringContaining('--force') })
})
