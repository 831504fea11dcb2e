// Runs every example of every --help, and every command line of the README, unchanged in a folder with the files that they
// name.
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/program.ts'
import { MarkStore } from '../../src/serve/marks.ts'
import { type Run, run, runLine } from './run.ts'

const root = process.cwd()
const readme = readFileSync('README.md', 'utf8')
const example = readFileSync('examples/digest.txt', 'utf8')
const fixture = (name: string) => readFileSync(join(root, `test/fixtures/sources/${name}`))
const folder = mkdtempSync(join(tmpdir(), 'paperkin-examples-'))
const settings = join(folder, 'settings.json')

const paper = (id: string, title: string, abstract: string, label: string, published = '2024-07-01') =>
  JSON.stringify({ id, title, abstract, label, published })
const collection = [
  paper(
    '2401.00001',
    'Methane from ponds',
    'We count the bubbles of methane under the ice of forty ponds in autumn.',
    'ice',
  ),
  paper(
    '2401.00002',
    'Bubbles under ice',
    'Bubbles of methane under the ice of ponds are counted from photographs in autumn.',
    'ice',
  ),
  paper(
    '2401.00003',
    'Designing a protein that binds',
    'Protein design by a model of sequences and folds gives binders.',
    'protein',
  ),
  paper(
    '2401.00004',
    'Protein design without templates',
    'A protein is designed from noise; the fold of the protein is checked.',
    'protein',
  ),
  paper(
    '2401.00005',
    'Protein design without templates',
    'A protein is designed from noise; the fold of the protein is checked.',
    'protein',
  ),
  paper(
    '2401.00006',
    'Folding proteins in a cell',
    'How proteins fold in a living cell, watched molecule by molecule.',
    'protein',
  ),
  paper('2401.00007', 'Ice on lakes', 'Lakes freeze later each year; the ice of lakes is thin in autumn.', 'ice'),
  paper('2401.00008', 'A gripper with ears', 'A robot gripper hears that an object slips from its fingers.', 'robots'),
  paper(
    '2401.00009',
    'Grasping with cameras',
    'A robot grasps objects that its cameras see; the gripper learns.',
    'robots',
  ),
  paper('2401.00010', 'Robots that watch', 'Robots learn to grasp and move objects from few demonstrations.', 'robots'),
]

beforeAll(async () => {
  process.chdir(folder)
  // The date and some papers of the example digest: enough for every example, and quick to embed.
  const start = example.indexOf('Grasping Glass')
  const end = example.indexOf('\n\n', start + 9000)
  const ponds = 'Ponds on thawing ground give off methane, and most of it leaves in bubbles that no chamber catches. '
  writeFileSync(
    'today.txt',
    `Nov 7\n\n${example.slice(start, end)}\n\nThawing Ponds\n\narXiv:2407.01234\n\n${ponds.repeat(5)}\n`,
  )
  writeFileSync('papers.jsonl', `${collection.join('\n')}\n`)
  writeFileSync('labelled.jsonl', `${collection.join('\n')}\n`)
  writeFileSync(
    'judgements.tsv',
    'query_id\tdoc_id\trelevance\n2401.00001\t2401.00002\t1\n2401.00003\t2401.00004\t1\nq1\t2401.00001\t1\n',
  )
  writeFileSync('liked.tsv', 'me\t2401.00001\t1\nme\t2401.00002\t1\nme\t2401.00003\t1\nme\t2401.00004\t0\n')
  writeFileSync('questions.tsv', 'id\ttext\nq1\tmethane from ponds\n')
  writeFileSync('refs.bib', fixture('refs.bib'))
  writeFileSync('zotero.csv', fixture('papers.csv'))
  mkdirSync('downloads')
  writeFileSync('downloads/feed.xml', fixture('feed.xml'))
  writeFileSync(settings, JSON.stringify({ 'base-url': baseUrl }))
  await run(['add', '--library', 'papers', 'papers.jsonl'])
  await new MarkStore('papers').change({ ids: ['2401.00006', '2401.00008'], mark: 'starred', value: true })
})

const server = createServer((request, response) => {
  if (request.url?.includes('daily_papers')) response.end(fixtures.daily)
  else response.end(fixtures.feed)
})
const fixtures = {
  daily: fixture('daily.json'),
  // All that there is on one page: before another, arXiv wants a pause.
  feed: String(fixture('feed.xml'))
    .replace(/<entry>(?=\s*<id>http:\/\/arxiv.org\/api)[\s\S]*?<\/entry>/u, '')
    .replace(/(?<=totalResults>)4/u, '3'),
}
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
afterAll(() => {
  server.close()
  process.chdir(root)
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a line; `serve`, which lasts, until it has printed its address and Ctrl-C comes. */
async function line(text: string): Promise<Run> {
  const interrupt = new AbortController()
  const isLasting = text.startsWith('paperkin serve ')
  const ran = await runLine(text, {
    env: { PAPERKIN_SETTINGS: settings },
    write: (file, content) => writeFileSync(file, content),
    signal: interrupt.signal,
    ...(isLasting && { onOutput: () => interrupt.abort(new Error('interrupted')) }),
  })
  return isLasting && ran.status === 130 ? { ...ran, status: 0 } : ran
}
const trimmed = (text: string) => text.replace(/\s+#.*$/u, '').trim()

describe.each(commands)('paperkin $name --help', ({ name, examples, isPlain }) => {
  it('describes the command, and shows examples', async () => {
    const { status, stdout, stderr } = await run([...name.split(' '), '--help'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) expect(stdout).toContain(`$ ${example}`)
    expect(stdout.includes('--jsonl')).toBe(isPlain !== true)
  })

  it.each(examples.map((example) => [example]))('%s', async (example) => {
    expect(example).toMatch(new RegExp(`paperkin ${name}(?: |$)`, 'u'))
    const { status, stdout, stderr } = await line(example)
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).not.toBe('')
  })
})

const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/gu)].flatMap(([, block]) => (block as string).split('\n'))
describe('README.md', () => {
  it.each(blocks.filter((text) => text.startsWith('paperkin ')).map((text) => [trimmed(text)]))('%s', async (text) => {
    const { status, stderr } = await line(text)
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  })
})
