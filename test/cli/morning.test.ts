import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { MarkStore } from '../../src/serve/marks.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-morning-'))
const at = (name: string) => join(folder, name)
const library = at('papers')
let hits = 0
const server = createServer((request, response) => {
  hits++
  if (request.url?.includes('2025-03-13')) response.writeHead(404).end()
  else response.end(readFileSync('test/fixtures/sources/daily.json'))
})
beforeAll(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  writeFileSync(
    at('earlier.jsonl'),
    JSON.stringify({ id: 'old', title: 'Grasping glass', abstract: 'A robot hand grasps glass.' }),
  )
  writeFileSync(
    at('refs.bib'),
    '@article{grasp, title={Grasping transparent objects}, abstract={A hand that grasps glass.}}',
  )
  expect((await run(['add', '--library', library, at('earlier.jsonl')])).status).toBe(0)
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})
const baseUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const morning = (...args: string[]) => run(['morning', '--library', library, ...args])
const bytes = (name: string) => readFileSync(at(name))

it('adds, finds topics of the day, recommends, and writes; the same again writes the same', async () => {
  const args = ['examples/digest.txt', '--out', at('today.html'), '--for-me', at('me.xml'), '--like', at('refs.bib')]
  const first = await morning(...args)
  expect(first).toMatchObject({ status: 0, stderr: '50 papers from a copied page\n' })
  expect(first.stdout).toMatch(/^50 papers added: 51 papers in .*\n.* \d+(?: · .* \d+)+\n/u)
  expect(first.stdout).toContain('For you, of 50 papers, by 1 paper that you like')
  expect(first.stdout).toMatch(/Wrote .*today\.html: 50 papers, \d+ topics\.\nWrote .*me\.xml: 10 papers for you\n$/u)
  const before = [bytes('today.html'), bytes('papers/papers.log')]
  const again = await morning(...args)
  expect(again.status).toBe(0)
  expect(again.stdout).toMatch(/^0 papers added, 50 already known: 51 papers in /u)
  expect(again.stdout.split('\n').slice(1)).toEqual(first.stdout.split('\n').slice(1))
  expect(bytes('today.html').equals(before[0]!)).toBe(true)
  expect(bytes('papers/papers.log').equals(before[1]!)).toBe(true)
})

it('is data too, of the papers of the day alone', async () => {
  const { status, stdout } = await morning('examples/digest.txt', '--json')
  expect(status).toBe(0)
  const { papers, topics, outliers, size, read } = JSON.parse(stdout)
  expect({ size, read }).toEqual({ size: 51, read: 50 })
  expect(papers).toHaveLength(50)
  expect(papers).not.toContain('old')
  const inTopics = topics.reduce((sum: number, topic: { size: number }) => sum + topic.size, 0)
  expect(inTopics + outliers.length).toBe(50)
})

it('likes what is starred in the library', async () => {
  await new MarkStore(library).change({ ids: ['old'], mark: 'starred', value: true })
  const { forYou } = JSON.parse((await morning('examples/digest.txt', '--json')).stdout)
  expect(forYou.liked).toBe(1)
  expect(forYou.hits[0].title).toBe('Grasping Glass')
  await new MarkStore(library).change({ ids: ['old'], mark: 'starred', value: false })
  const { status, stderr } = await morning('examples/digest.txt', '--for-me', at('none.xml'))
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: 'paperkin: Expected --like beside --for-me, or papers that you starred in `paperkin serve`.\n',
  })
  expect(existsSync(at('none.xml'))).toBe(false)
})

it('fetches the day', async () => {
  const { status, stdout } = await morning('--daily', '2025-03-12', '--base-url', baseUrl(), '--out', at('daily.md'))
  expect(status).toBe(0)
  expect(stdout).toMatch(/^\d+ papers? added/u)
  expect(String(bytes('daily.md'))).toMatch(/^# Papers of 12 March 2025|^# Papers of March 12, 2025/u)
})

it('leaves library and report as they are where nothing comes', async () => {
  const before = [bytes('papers/papers.log'), bytes('daily.md')]
  const failed = [['--daily', '2025-03-13', '--base-url', baseUrl()], [at('nowhere.txt')]]
  for (const args of failed) {
    const { status, stderr } = await morning(...args, '--out', at('daily.md'))
    expect(status).toBe(1)
    expect(stderr).toMatch(/^paperkin: /mu)
  }
  expect(bytes('papers/papers.log').equals(before[0]!)).toBe(true)
  expect(bytes('daily.md').equals(before[1]!)).toBe(true)
  expect(hits).toBeGreaterThan(1)
})

it('is one at a time', async () => {
  const writer = await PaperLibrary.open({ path: library })
  const { status, stderr } = await morning('examples/digest.txt')
  expect(status).toBe(1)
  expect(stderr).toContain(`open for writing in process ${process.pid}`)
  await writer.close()
})

it('wants files or a day', async () => {
  expect(await morning()).toMatchObject({ status: 2, stderr: expect.stringContaining('Expected files or --daily') })
  expect((await morning('examples/digest.txt', '--daily', '2025-03-12')).status).toBe(2)
  expect((await morning('examples/digest.txt', '--for-me', at('me.txt'))).status).toBe(2)
})
