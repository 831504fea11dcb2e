import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-show-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const library = join(folder, 'library')
const file = join(folder, 'papers.jsonl')
const page = join(folder, 'page.txt')

beforeAll(async () => {
  const records = [
    {
      id: '2407.01234',
      title: 'Thawing ponds',
      abstract: 'Methane leaves ponds in bubbles.\n\nWe count them.',
      authors: ['Ada Roe', 'Li Wei'],
      published: '2024-07-02',
      categories: ['physics.ao-ph'],
    },
    { id: '2407.01299', title: 'Bubbles under ice', abstract: 'Bubbles of methane under the ice of ponds.' },
    { id: 'roe2019', title: 'Glass for hands', abstract: 'Robots grasp glass by touch.', doi: '10.1000/Glass.7' },
    {
      id: 'tea',
      title: 'Tea; rm -rf "$HOME" & more',
      abstract: 'Leaves.',
      url: 'https://example.org/tea/?a=1&b=2#top',
    },
    { id: 'bad', title: 'A bad address', abstract: 'Nothing to open.', url: 'javascript:alert(1)' },
  ]
  writeFileSync(file, records.map((record) => JSON.stringify(record)).join('\n'))
  writeFileSync(page, `Nov 7\n\nGrasping Glass\n\n${'Robots learn to grasp glass they cannot see. '.repeat(8)}\n`)
  expect((await run(['add', '--library', library, file])).status).toBe(0)
})

const of = async (...args: string[]) => JSON.parse((await run([...args, '--json'])).stdout)

describe('paperkin show', () => {
  it('prints a paper with all that is known about it', async () => {
    const { status, stdout } = await run(['show', '--library', library, '2407.01234'])
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /^Thawing ponds\nAda Roe, Li Wei\n2 July 2024 · physics\.ao-ph\nhttps:\/\/arxiv\.org\/abs\/2407\.01234\n\nMethane leaves ponds in bubbles\.\n\nWe count them\.\n\n/u,
    )
    expect(stdout).toMatch(/^topic {2}\S/mu)
    expect(stdout).toMatch(/^Kin\n\.\d\d {2}Bubbles under ice +2407\.01299/mu)
    const data = await of('show', '--library', library, '2407.01234', '--kin', '2')
    expect(data).toMatchObject({ paper: { id: '2407.01234' }, link: 'https://arxiv.org/abs/2407.01234' })
    expect(data.kin).toHaveLength(2)
    expect(data.kin[0].id).toBe('2407.01299')
  })

  it.each([
    ['2407.01234v3', '2407.01234'],
    ['arXiv:2407.01234', '2407.01234'],
    ['https://arxiv.org/pdf/2407.01234v1', '2407.01234'],
    ['https://www.alphaxiv.org/abs/2407.01234', '2407.01234'],
    ['2407.012', undefined],
    ['2407.0129', '2407.01299'],
    ['roe', 'roe2019'],
    ['10.1000/glass.7', 'roe2019'],
    ['https://doi.org/10.1000/GLASS.7', 'roe2019'],
    ['http://www.example.org/tea?a=1&b=2', undefined],
    ['http://www.example.org/tea/?a=1&b=2', 'tea'],
    ['glass hands', 'roe2019'],
    ['ro', undefined],
  ])('%s means %s', async (text, id) => {
    const { status, stdout, stderr } = await run([
      'show',
      '--library',
      library,
      ...text.split(' '),
      '--kin',
      '0',
      '--json',
    ])
    if (id !== undefined) expect(JSON.parse(stdout).paper.id).toBe(id)
    else expect({ status: status > 0, stderr }).toEqual({ status: true, stderr: expect.stringContaining(text) })
  })

  it('shows the place of a paper on the map of science', async () => {
    expect((await run(['show', 'examples/digest.txt', 'grasping', 'glass'])).stdout).toMatch(/^area {3}\S.*Robotics$/mu)
  })

  it('computes nothing with --kin 0', async () => {
    const { stdout } = await run(['show', file, 'tea', '--kin', '0'])
    expect(stdout).not.toMatch(/^(?:topic|area|Kin)/mu)
    expect(stdout).toContain('id     tea')
  })
})

describe('paperkin open', () => {
  it.each([
    ['2407.01234', 'https://arxiv.org/abs/2407.01234', false],
    ['roe2019', 'https://doi.org/10.1000/glass.7', false],
    ['tea', 'https://example.org/tea/?a=1&b=2#top', false],
    ['bad', 'https://scholar.google.com/scholar?q=%22A%20bad%20address%22', true],
  ])('--print prints the address of %s', async (id, address, isSearch) => {
    expect(await run(['open', '--library', library, id, '--print'])).toMatchObject({
      status: 0,
      stdout: `${address}\n`,
    })
    expect(await of('open', '--library', library, id, '--print')).toMatchObject({ address, isSearch, isOpened: false })
  })

  it('searches for the title of a paper from a copied page', async () => {
    const { stdout } = await run(['open', page, 'grasping', 'glass', '--print'])
    expect(stdout).toBe('https://scholar.google.com/scholar?q=%22Grasping%20Glass%22\n')
  })

  it.skipIf(process.platform === 'win32')(
    'hands the address to the opener as one argument, without a shell',
    async () => {
      const told = join(folder, 'told')
      for (const name of ['xdg-open', 'open']) {
        writeFileSync(join(folder, name), `#!/bin/sh\nprintf '%s|' "$#" "$@" > '${told}'\n`)
        chmodSync(join(folder, name), 0o755)
      }
      const env = { PATH: `${folder}:/bin:/usr/bin` }
      const { status, stdout, stderr } = await run(['open', '--library', library, 'tea'], { env })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout).toContain('https://example.org/tea/?a=1&b=2#top')
      expect(readFileSync(told, 'utf8')).toBe('1|https://example.org/tea/?a=1&b=2#top|')
    },
  )

  it('prints the address if there is no opener, or it fails', async () => {
    const answer = {
      status: 0,
      stdout: 'https://doi.org/10.1000/glass.7\n',
      stderr: expect.stringMatching(/No browser/u),
    }
    expect(await run(['open', '--library', library, 'roe2019'], { env: { PATH: join(folder, 'none') } })).toMatchObject(
      answer,
    )
    if (process.platform === 'win32') return
    for (const name of ['xdg-open', 'open']) writeFileSync(join(folder, name), '#!/bin/sh\nexit 3\n')
    expect(await run(['open', '--library', library, 'roe2019'], { env: { PATH: `${folder}:/bin` } })).toMatchObject(
      answer,
    )
  })
})
