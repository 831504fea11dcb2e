import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const paperkin = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}
const example = 'examples/digest.txt'

describe('paperkin digest', () => {
  it('prints papers, topics and kin for people', () => {
    const { status, stdout, stderr } = paperkin('digest', example, '--k', '2')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^50 papers of 7 November: \d+ topics/u)
    expect(stdout).toContain('Nearest kin of each paper')
    expect(stdout).toMatch(/Ledger Prompting.*\n +\.\d\d {2}Bounded Memory/u)
    expect(stdout).not.toContain('\u001b[')
  })

  it('prints data with --json, and nothing else, the same each time', () => {
    const { status, stdout } = paperkin('digest', example, '--json', '--topics', '7', '--seed', '3')
    expect(status).toBe(0)
    const data = JSON.parse(stdout)
    expect(data.dates).toEqual(['--11-07'])
    expect(data.papers).toHaveLength(50)
    expect(data.topics.topics).toHaveLength(7)
    const placed = [
      ...data.topics.topics.flatMap((topic: { papers: { id: string }[] }) => topic.papers.map(({ id }) => id)),
      ...data.topics.outliers.map(({ id }: { id: string }) => id),
    ]
    expect(placed.sort()).toEqual(data.papers.map(({ id }: { id: string }) => id).sort())
    for (const { id, related } of data.papers) {
      expect(related).toHaveLength(3)
      for (const kin of related) {
        expect(kin.id).not.toBe(id)
        expect(kin.score).toBeCloseTo(data.weights.semantic * kin.semantic + data.weights.lexical * kin.lexical, 10)
      }
    }
    expect(paperkin('digest', example, '--json', '--topics', '7', '--seed', '3').stdout).toBe(stdout)
  })

  it('takes several files, standard input and a year', () => {
    const more = file(
      'more.jsonl',
      '{"id":"one","title":"Grasping transparent cups","abstract":"Robots and glass."}\n{"id":"two","title":"A title alone"}\n',
    )
    const { stdout } = paperkin('digest', example, more, '--year', '2026')
    expect(stdout).toMatch(/^52 papers of 7 November 2026/u)
    expect(stdout).toContain('A title alone (no abstract)')
    const piped = spawnSync(process.execPath, ['dist/cli.js', 'digest', '-', '--json'], {
      encoding: 'utf8',
      input: '[{"title":"One"},{"title":"Two"}]',
    })
    expect(JSON.parse(piped.stdout).papers).toHaveLength(2)
  })
})

describe('paperkin search and related', () => {
  it('search lists the nearest papers', () => {
    const { status, stdout } = paperkin('search', example, 'medieval', 'bells', '--k', '2')
    expect(status).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(4)
    expect(stdout).toContain('Cast in E')
    const { hits, weights } = JSON.parse(
      paperkin('search', example, 'bells', '--json', '--k', '4', '--mode', 'semantic').stdout,
    )
    expect(hits).toHaveLength(4)
    expect(weights).toEqual({ semantic: 1, lexical: 0 })
  })

  it('related takes an id, a whole title, or words of one', () => {
    const byWords = JSON.parse(paperkin('related', example, 'ledger', 'prompting', '--json').stdout)
    expect(byWords.hits).toHaveLength(10)
    expect(byWords.hits[0].title).toMatch(/^Bounded Memory/u)
    expect(JSON.parse(paperkin('related', example, byWords.paper.id, '--json').stdout)).toEqual(byWords)
    expect(paperkin('related', example, 'Grasping Glass').stdout).toContain('Kin of Grasping Glass')
  })

  it('related says which papers were meant', () => {
    expect(paperkin('related', example, 'agents')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^paperkin: More than one title has the words "agents"/u),
    })
    expect(paperkin('related', example, 'graspin glas')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/the nearest are \S+ \(Grasping Glass\)/u),
    })
  })
})

describe('bad input gives one sentence and an exit code', () => {
  it.each([
    ['a file that is not there', ['digest', 'nowhere.txt'], 1, /^paperkin: There is no file nowhere\.txt/u],
    ['an empty file', ['digest', file('empty.txt', '')], 1, /empty\.txt, but it is empty/u],
    ['a folder', ['digest', folder], 1, /is a folder/u],
    ['a binary file', ['digest', file('a.bin', Uint8Array.of(0, 1, 2, 255))], 1, /is a binary file/u],
    ['a page without a paper', ['digest', file('page.txt', 'new\n\nSubscribe\n')], 1, /Found no paper/u],
    [
      'JSON cut in the middle',
      ['digest', file('cut.json', '[{"title": "A"},\n{"tit')],
      1,
      /Line 2 of cut\.json is not valid JSON/u,
    ],
    [
      'a line with neither title nor abstract',
      ['digest', file('bad.jsonl', '{"title":"A"}\n{"id":"x"}\n')],
      1,
      /Line 2 of bad\.jsonl has neither a title nor an abstract/u,
    ],
    [
      'one id and two texts',
      ['digest', file('two.jsonl', '{"id":"x","title":"A"}\n{"id":"x","title":"B"}\n')],
      1,
      /have one id, `"x"`/u,
    ],
    ['k = 0', ['digest', example, '--k', '0'], 2, /whole number of at least 1, got `0`/u],
    ['k that is no number', ['digest', example, '--k', 'many'], 2, /got `"many"`/u],
    ['topics = 0', ['digest', example, '--topics', '0'], 2, /whole number of at least 1/u],
    ['an unknown command', ['digets', example], 2, /unknown command/u],
    ['an unknown option', ['digest', example, '--fast'], 2, /unknown option/u],
    ['no file', ['digest'], 2, /Expected a file or a library/u],
    ['a file alone', ['search', example], 2, /a file and words after it/u],
    ['both forms of data', ['search', example, 'bells', '--json', '--jsonl'], 2, /--json or --jsonl, got both/u],
    ['no command', [], 2, /Usage: paperkin/u],
    ['an empty query', ['search', example, ' '], 2, /to be a text that is not empty/u],
    ['an id that is not there', ['related', example, 't-000000000000'], 1, /There is no paper/u],
  ])('%s', (_, args, status, message) => {
    const result = paperkin(...args)
    expect(result).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(message) })
    expect(result.stderr).not.toMatch(/^\s+at /mu)
    if (result.stderr.startsWith('paperkin:')) expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it.skipIf(process.platform === 'win32')('Ctrl-C ends it with 130 and no output', async () => {
    const papers = Array.from({ length: 400 }, (_, i) => ({
      id: `p${i}`,
      title: `Pond ${i}`,
      abstract: 'Bubbles under the ice of forty ponds. '.repeat(40),
    }))
    const child = spawn(process.execPath, [
      'dist/cli.js',
      'digest',
      file('many.json', JSON.stringify(papers)),
      '--json',
    ])
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    setTimeout(() => child.kill('SIGINT'), 1500)
    const [code] = await once(child, 'exit')
    expect({ code, output }).toEqual({ code: 130, output: '' })
  })

  it('--verbose shows where it came from', () => {
    expect(paperkin('--verbose', 'digest', 'nowhere.txt').stderr).toMatch(/^\s+at /mu)
  })

  it('--help and --version are no failure', () => {
    expect(paperkin('--help')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('digest') })
    expect(paperkin('digest', '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Examples:') })
    expect(paperkin('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/u)
  })
})
