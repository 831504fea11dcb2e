import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const paperkin = (...args: string[]) => run(args)
const papers = file(
  'papers.jsonl',
  [
    {
      id: 'glass',
      title: 'Grasping transparent cups',
      abstract: 'Robots learn to grasp glass they cannot see, by touch.',
      published: '2025-02-01',
      categories: ['cs.RO'],
      authors: ['Ada Roe'],
    },
    {
      id: 'touch',
      title: 'Touch for hands of robots',
      abstract: 'Robots learn to grasp by touch with soft fingers.',
      published: '2024-05',
      categories: ['cs.RO'],
    },
    {
      id: 'dust',
      title: 'Dust in young galaxies',
      abstract:
        'Galaxies make dust faster than we thought, and young stars blow it out of them again within a million years.',
      published: '2025-03-09',
      categories: ['astro-ph'],
    },
    {
      id: 'copy',
      title: 'Dust of galaxies',
      abstract:
        'Galaxies make dust faster than we thought, and young stars blow it out of them again within a million years.',
      published: '2025-03-10',
    },
  ]
    .map((paper) => JSON.stringify(paper))
    .join('\n'),
)

describe('search and related', () => {
  it('take filters, phrases, pages and why', async () => {
    const ids = async (...args: string[]) =>
      JSON.parse((await paperkin(...args, '--json')).stdout).hits.map(({ id }: { id: string }) => id)
    expect(await ids('search', papers, 'robots', '--category', 'cs.RO', '--from', '2025')).toEqual(['glass'])
    expect(await ids('search', papers, 'robots', '--to', '2024')).toEqual(['touch'])
    expect(await ids('search', papers, 'dust', '--author', 'Ada Roe')).toEqual(['glass'])
    expect(await ids('search', papers, '"soft fingers"')).toEqual(['touch'])
    expect(await ids('search', papers, 'dust', '-k', '2', '--offset', '2')).toHaveLength(2)
    expect(await ids('related', papers, 'dust', '--omit-duplicates')).not.toContain('copy')
    const { stdout } = await paperkin('related', papers, 'transparent cups', '--why', '-k', '1')
    expect(stdout).toMatch(/Touch for hands of robots[\s\S]*semantic \.\d\d \+ lexical \.\d\d[\s\S]*shared: .*grasp/u)
    expect((await paperkin('related', papers, 'dust', '-k', '1')).stdout).toContain('(near-duplicate)')
  })
})

it('duplicates lists groups', async () => {
  const { status, stdout } = await paperkin('duplicates', papers)
  expect(status).toBe(0)
  expect(stdout).toMatch(
    /^4 papers: 1 group of near-duplicates\n\n *[1.]\S+ {2}Dust in young galaxies {2}dust.*\n *[1.]\S+ {2}Dust of galaxies +copy/u,
  )
  expect(JSON.parse((await paperkin('duplicates', papers, '--json')).stdout)).toMatchObject({
    threshold: 0.5,
    groups: [['dust', 'copy']],
    pairs: [{ ids: ['dust', 'copy'], isSameTitle: false }],
  })
})

describe('evaluate related', () => {
  const judgements = file('judgements.tsv', 'query\tpaper\tgrade\nglass\ttouch\t1\ndust\tcopy\t2\nnobody\tdust\t1\n')
  it('prints a table of figures for kin', async () => {
    const { status, stdout, stderr } = await paperkin('evaluate', 'related', papers, judgements, '--k', '1')
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(
        /^\d+ papers from JSON lines\nSkipped 1 judged question not found among the papers\n$/u,
      ),
    })
    expect(stdout).toMatch(
      /^2 questions\n\n +nDCG@1 +recall@1 +precision@1 +MAP +MRR\nembedding +1\.000 \(1\.000 – 1\.000\)/u,
    )
    expect(stdout).toMatch(/nDCG@1 of both against the words alone: \+\.000 \(\.000 – \.000\), p = 1\.000/u)
  })
  it('prints figures for searches as data', async () => {
    const questions = file('questions.tsv', 'glass\trobots that grasp by touch\ndust\tdust in galaxies\n')
    const { stdout } = await paperkin('evaluate', 'related', papers, judgements, questions, '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      queries: 2,
      k: 10,
      unknownQueries: 1,
      figures: { hybrid: { ndcg: { mean: expect.any(Number) } } },
    })
  })
  it('reports what is wrong with a file', async () => {
    expect(await paperkin('evaluate', 'related', papers, file('wrong.tsv', 'a\tb\t1\na b'))).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^paperkin: Expected line 2 of .*wrong\.tsv to hold a query, a paper and a grade/mu,
      ),
    })
  })
})

describe('evaluate recommend', () => {
  it('prints figures for recommendations and for simple baselines', async () => {
    const liked = file('liked.tsv', 'one\tglass\t1\none\ttouch\t1\none\tdust\t0\ntwo\tdust\t1\n')
    const { status, stdout, stderr } = await paperkin('evaluate', 'recommend', papers, liked, '--k', '1')
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(
        /^\d+ papers from JSON lines\nSkipped 1 reader with fewer than two liked papers\n$/u,
      ),
    })
    expect(stdout).toMatch(/^1 reader\n\n +nDCG@1 +recall@1 +precision@1 +MAP +MRR\nrecommend +1\.000 \(/u)
    expect(stdout).toMatch(/^nDCG@1 of recommend against the nearest liked paper: \+\.000 \(/mu)
  })
})

describe('paperkin recommend', () => {
  const example = 'examples/digest.txt'

  it('ranks a digest by the papers of a file, with reasons', async () => {
    const refs = file(
      'refs.bib',
      '@article{grasp, title={Grasping transparent objects}, abstract={A robot hand learns to grasp glass objects by touch and vision.}}\n' +
        '@article{hand, title={Dexterous hands}, abstract={Manipulation with a robot hand of many fingers, learned from demonstrations.}}\n',
    )
    const { status, stdout } = await run(['recommend', example, '--like', refs, '-k', '3', '--json'])
    expect(status).toBe(0)
    const { liked, hits } = JSON.parse(stdout)
    expect(liked).toBe(2)
    expect(hits).toHaveLength(3)
    expect(`${hits[0].title} ${hits[0].abstract}`).toMatch(/robot|grasp|manipulat/iu)
    expect(hits[0].why.liked[0].title).toMatch(/Grasping|Dexterous/u)
    const page = await run(['recommend', example, '--like', refs, '-k', '3'])
    expect(page.stdout).toMatch(/^For you, of 50 papers, by 2 papers that you like/u)
  })

  it('reports what is wrong with liked papers', async () => {
    expect(await run(['recommend', example])).toMatchObject({ status: 2, stderr: expect.stringContaining('--like') })
    const missing = await run(['recommend', example, '--like', 'nowhere/refs.bib'])
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining('nowhere/refs.bib') })
    const unknown = await run(['recommend', example, '--like', '9999.99999'])
    expect(unknown).toMatchObject({ status: 1, stderr: expect.stringContaining('9999.99999') })
  })
})
