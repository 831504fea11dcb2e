import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { run } from './run.ts'

// The pauses of 3 s between requests to arXiv take no time here.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: () => new Promise((resolve) => setImmediate(resolve)),
}))

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

it('resumes an interrupted file when the same command runs again', async () => {
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
    stderr: 'Resuming after the first 200 papers\n',
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

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const titlesIn = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).title)

it.skipIf(process.platform === 'win32')('nothing is missing after a disk that was full', async () => {
  isFailing = false
  const out = join(folder, 'full.jsonl')
  // One page, as the process takes its pauses.
  const args = `fetch arxiv all:full --max 200 --base-url ${address()} --out ${out}`
  // A file size limit of 12 kB accepts part of a write and then nothing, like a full disk.
  const shell = spawn('sh', ['-c', `ulimit -f 24; exec ${process.execPath} dist/cli.js ${args}`])
  let stderr = ''
  shell.stderr.on('data', (data) => {
    stderr += data
  })
  const [status] = await once(shell, 'close')
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^paperkin: Expected to write .*full\.jsonl, but/u)])
  expect(existsSync(out)).toBe(false)
  const { status: second, stdout } = await run(args.split(' '))
  expect([second, stdout]).toEqual([0, `Wrote 200 papers to ${out}\n`])
  expect(titlesIn(out)).toEqual(Array.from({ length: 200 }, (_, i) => `Pond ${i}`))
})

it('starts again if a file holds less than its saved state', async () => {
  const out = join(folder, 'cut.jsonl')
  const args = ['fetch', 'arxiv', 'all:cut', '--max', '230', '--base-url', address(), '--out', out]
  isFailing = true
  expect((await run(args)).status).toBe(1)
  isFailing = false
  truncateSync(`${out}.part`, 5000)
  expect(await run(args)).toMatchObject({ status: 0, stderr: '' })
  expect(titlesIn(out)).toEqual(Array.from({ length: 230 }, (_, i) => `Pond ${i}`))
})

it('gives the same papers in a file and in a library, and reads them once', async () => {
  const title = 'When &lt;b&gt; is not bold: A&amp;amp;B'
  const daily = createServer((_, response) =>
    response.end(JSON.stringify([{ paper: { id: '2501.00001', title, summary: 'We ask what &lt;i&gt; does.' } }])),
  ).listen(0, '127.0.0.1')
  await once(daily, 'listening')
  const base = ['fetch', 'daily', '--base-url', `http://127.0.0.1:${(daily.address() as AddressInfo).port}`]
  const library = join(folder, 'library')
  expect((await run([...base, '--out', join(folder, 'a.jsonl')])).status).toBe(0)
  expect(await run([...base, '--library', library])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^1 paper added/u),
  })
  expect((await run(['export', '--library', library, '--out', join(folder, 'b.jsonl')])).status).toBe(0)
  expect(readFileSync(join(folder, 'b.jsonl'), 'utf8')).toBe(readFileSync(join(folder, 'a.jsonl'), 'utf8'))
  expect(titlesIn(join(folder, 'b.jsonl'))).toEqual(['When <b> is not bold: A&amp;B'])
  expect(await run(['import', '--library', library, join(folder, 'b.jsonl')])).toMatchObject({
    stdout: expect.stringMatching(/^0 papers added, 0 updated, 1 already known/u),
  })
  daily.close()
})
