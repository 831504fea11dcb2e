import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-library-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const library = join(folder, 'papers')
const paperkin = (...args: string[]) => run(args)
/** In a process of its own. */
const separately = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}
const example = 'examples/digest.txt'

describe('a library on disk', () => {
  it('is created by add, and used like a file', async () => {
    expect(separately('add', '--library', library, example)).toMatchObject({
      status: 0,
      stdout: `50 papers added: 50 papers in ${library}\n`,
    })
    expect((await paperkin('add', '--library', library, example)).stdout).toBe(
      `0 papers added, 50 already known: 50 papers in ${library}\n`,
    )
    const strip = (text: string) => text.split('\n').slice(1).join('\n')
    const question = ['medieval', 'bells', '--k', '3']
    expect(strip((await paperkin('search', '--library', library, ...question)).stdout)).toBe(
      strip((await paperkin('search', example, ...question)).stdout),
    )
    const { sources, ...fromFile } = JSON.parse((await paperkin('related', example, 'Cast in E', '--json')).stdout)
    expect(JSON.parse((await paperkin('related', '--library', library, 'Cast in E', '--json')).stdout)).toEqual({
      ...fromFile,
      sources: [],
    })
    expect(sources).toEqual([{ source: example, format: 'page', papers: [{ from: 'a copied page', count: 50 }] }])
    const { papers } = JSON.parse(separately('digest', '--library', library, '--json').stdout)
    expect(papers).toHaveLength(50)
  })

  it('keeps papers with the same key in two files apart, and takes over the date of a digest', async () => {
    const kept = join(folder, 'kept')
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const ponds = file('a.bib', '@article{moss, title={Ponds}, abstract={Of bubbles.}}')
    const choirs = file('b.bib', '@article{moss, title={Choirs}, abstract={Of singers.}}')
    expect((await paperkin('add', '--library', kept, ponds)).stderr).toBe('1 paper from BibTeX\n')
    expect(await paperkin('add', '--library', kept, choirs)).toMatchObject({
      stdout: expect.stringMatching(/^1 paper added: 2 papers/u),
      stderr: expect.stringMatching(
        /^Record 1 of b\.bib .* has the key moss of another paper \(in the library\): kept as moss-/u,
      ),
    })
    expect((await paperkin('add', '--library', kept, choirs, ponds)).stdout).toMatch(
      /^0 papers added, 2 already known/u,
    )
    const page = file(
      'today.txt',
      `Daily Papers\nNov 7\n\nMethane from ponds\n\n${'Bubbles of methane in the ice. '.repeat(9)}\n`,
    )
    const { sources } = JSON.parse((await paperkin('add', '--library', kept, page, '--year', '2025', '--json')).stdout)
    expect(sources).toEqual([{ source: page, format: 'page', papers: [{ from: 'a copied page', count: 1 }] }])
    const { papers } = JSON.parse((await paperkin('list', '--library', kept, '--json')).stdout)
    expect(papers.map(({ published }: { published?: string }) => published)).toEqual([
      undefined,
      undefined,
      '2025-11-07',
    ])
  })

  it('names every refused file of a folder', async () => {
    const mixed = join(folder, 'mixed')
    mkdirSync(mixed)
    writeFileSync(join(mixed, 'a.bib'), '@article{moss, title={Ponds}, abstract={Of bubbles.}}')
    for (let i = 0; i < 14; i++)
      writeFileSync(join(mixed, `odd-${i}.yaml`), '---\n- title: Ponds\n  id: a\n  abstract: b\n')
    const { status, stderr } = await paperkin('search', mixed, 'bubbles')
    expect(status).toBe(0)
    expect(stderr.match(/odd-\d+\.yaml, but it looks like YAML/gu)).toHaveLength(14)
    expect(stderr.match(/Supported formats are/gu)).toHaveLength(1)
  })

  it('is listed by area and date; an unknown area is refused with suggestions', async () => {
    const listed = async (...args: string[]) =>
      JSON.parse((await paperkin('list', '--library', library, '--json', ...args)).stdout)
    const all = await listed()
    const robots = await listed('--area', 'robotics')
    expect(robots.papers.length).toBeGreaterThan(3)
    expect(robots.papers.length).toBeLessThan(all.papers.length)
    for (const { id } of robots.papers) expect(robots.areas[id].discipline).toBe('Robotics')
    expect((await listed('--area', 'Robotics', '--from', '2999')).papers).toEqual([])
    const { hits } = JSON.parse(
      (await paperkin('search', '--library', library, 'learning', '--area', 'Robotics', '--k', '50', '--json')).stdout,
    )
    expect(hits).toHaveLength(robots.papers.length)
    expect(await paperkin('list', '--library', library, '--area', 'Robtics')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/got `"Robtics"`.*near it are "Robotics"/u),
    })
  })

  it('reports what is new since a day, and shows that day’s papers with kin from the whole library', async () => {
    const news = join(folder, 'news')
    const file = join(folder, 'days.jsonl')
    const trades = ['bakers', 'coopers', 'potters', 'weavers', 'tanners', 'millers', 'glaziers']
    const papers = Array.from({ length: 132 }, (_, i) => ({
      id: `p${i}`,
      title: i < 120 ? `Ledgers of ${trades[i % 7]}, part ${i}` : `Tensor networks, part ${i}`,
      abstract:
        i < 120
          ? `What ${trades[i % 7]} paid for grain and cloth, from the ledgers of a town. Entry ${i}.`
          : `Matrix product states and tensor networks describe quantum many-body systems. Chain ${i}.`,
      published: i < 120 ? `2025-02-${String(1 + (i % 28)).padStart(2, '0')}` : '2025-03-12',
    }))
    writeFileSync(file, papers.map((paper) => JSON.stringify(paper)).join('\n'))
    expect((await paperkin('add', '--library', news, file)).status).toBe(0)
    const digest = JSON.parse((await paperkin('digest', '--library', news, '--since', '2025-03-12', '--json')).stdout)
    const ids = papers.slice(120).map(({ id }) => id)
    expect(digest.papers.map(({ id }: { id: string }) => id)).toEqual(ids)
    expect(digest.novelty).toMatchObject({ papers: ids, from: '2025-03-12', earlier: { count: 120 } })
    expect(digest.novelty.terms.map(({ term }: { term: string }) => term).join(' ')).toMatch(/tensor network/iu)
    expect(digest.novelty.areas[0]).toMatchObject({ before: 0 })
    const page = (await paperkin('digest', '--library', news, '--since', '2025-03-12')).stdout
    expect(page).toMatch(/^12 papers: /u)
    expect(page).toContain('What is new  12 papers of 12 March 2025, against 120 since 1 February 2025')
    expect(page).toMatch(/ {3}more frequent than before +of 12 +of 120/u)
    const report = join(folder, 'news.json')
    expect((await paperkin('report', '--library', news, '--since', '2025-03-12', '--out', report)).status).toBe(0)
    const written = JSON.parse(readFileSync(report, 'utf8'))
    expect(written).toMatchObject({ title: 'Papers of 12 March 2025', novelty: digest.novelty })
    expect(written.papers).toHaveLength(12)
    // The whole library, with what is new on its last day.
    expect(JSON.parse((await paperkin('digest', '--library', news, '--json')).stdout)).toMatchObject({
      novelty: digest.novelty,
      papers: { length: 132 },
    })
    expect((await paperkin('digest', '--library', news, '--since', '2025-02-10')).stdout).toMatch(
      /Cannot say what is new: it takes at least 100 earlier papers/u,
    )
    // Missing novelty is not mentioned unless requested.
    expect((await paperkin('digest', example)).stdout).not.toContain('What is new')
  })

  it('is listed, exported and read back', async () => {
    const lines = (await paperkin('list', '--library', library, '--jsonl')).stdout.trim().split('\n')
    expect(lines).toHaveLength(50)
    expect((await paperkin('list', '--library', library)).stdout).toMatch(/^50 papers in .*, .*MiniLM-L6-papers\n\n/u)
    const [all, vectors] = [join(folder, 'all.jsonl'), join(folder, 'all.npy')]
    expect(await paperkin('export', '--library', library, '--out', all, '--vectors', vectors)).toMatchObject({
      status: 0,
      stdout: `50 papers written to ${all} and ${vectors}\n`,
    })
    expect(readFileSync(all, 'utf8').trim().split('\n')).toEqual(lines)
    const other = join(folder, 'other')
    expect(await paperkin('import', '--library', other, all, '--vectors', vectors)).toMatchObject({
      status: 0,
      stdout: `50 papers added, 0 updated, 0 already known: 50 papers in ${other}\n`,
    })
    expect((await paperkin('list', '--library', other, '--jsonl')).stdout.trim().split('\n')).toEqual(lines)
  })

  it('with the user’s own vectors is listed, searched by words and exported', async () => {
    const own = join(folder, 'own')
    const made = await PaperLibrary.open({ path: own, embedder: 'none' })
    await made.add(
      [
        { id: 'a', title: 'Waves' },
        { id: 'b', title: 'Reeds' },
      ],
      { vectors: [Float32Array.of(1, 0), Float32Array.of(0, 1)] },
    )
    await made.close()
    expect((await paperkin('list', '--library', own)).stdout).toMatch(/^2 papers in .*, vectors of your own/u)
    expect((await paperkin('search', '--library', own, 'reeds', '--mode', 'lexical')).stdout).toMatch(/1\.00 {2}Reeds/u)
    const vectors = join(folder, 'own.npy')
    expect((await paperkin('export', '--library', own, '--vectors', vectors)).status).toBe(0)
    expect((await paperkin('remove', '--library', own, 'b')).stdout).toBe(`1 paper removed: 1 paper left in ${own}\n`)
    expect(await paperkin('export', '--library', own, '--out', '-')).toMatchObject({ status: 2, stdout: '' })
  })

  it('loses papers only by remove', async () => {
    const { id } = JSON.parse((await paperkin('list', '--library', library, '--jsonl')).stdout.split('\n')[0] as string)
    expect((await paperkin('remove', '--library', library, id, '--dry-run')).stdout).toBe(
      '1 paper of 50 would be removed\n',
    )
    expect(await paperkin('remove', '--library', library, id, 'nobody')).toMatchObject({ status: 1, stdout: '' })
    expect((await paperkin('remove', '--library', library, id)).stdout).toBe(
      `1 paper removed: 49 papers left in ${library}\n`,
    )
  })

  it('is verified, and repaired on request', async () => {
    expect(await paperkin('verify', '--library', library)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^49 papers and 50 vectors in .*: intact\n$/u),
    })
    const log = join(library, 'papers.log')
    const bytes = readFileSync(log)
    const at = bytes.length - 2000
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(log, bytes)
    const found = await paperkin('verify', '--library', library)
    expect(found).toMatchObject({ status: 1, stdout: expect.stringMatching(/1 part damaged\n {2}/u) })
    expect(await paperkin('list', '--library', library)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^paperkin: Expected the library in .* to be as it was written, but one part is damaged/u,
      ),
    })
    expect(await paperkin('verify', '--library', library, '--repair')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/Repaired: .*\n48 papers and .*: intact\n$/u),
    })
  })

  it.each([
    [['list', '--library', join(folder, 'none')], 2, /there is no folder/u],
    [['list'], 2, /Expected a file or a library/u],
    [['export', '--library', library], 2, /Expected --out, --vectors or both/u],
    [['add', '--library', example, example], 2, /is a file/u],
  ])('%j is refused with %i', async (args, status, message) => {
    expect(await paperkin(...args)).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(message) })
  })
})
