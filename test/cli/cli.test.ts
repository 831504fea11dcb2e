import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { width } from '../../src/cli/fitted-text.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const paperkin = (...args: string[]) => run(args)
const example = 'examples/digest.txt'
const bare = join(folder, 'bare')
mkdirSync(bare)

describe('paperkin digest', () => {
  it('prints topics with their papers, and with --kin the kin of each', async () => {
    const { status, stdout, stderr } = await paperkin('digest', example, '--k', '2')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '50 papers from a copied page\n' })
    expect(stdout).toMatch(/^50 papers of 7 November: \d+ topics/u)
    // `-k` is the old name of the option.
    expect(stdout).toMatch(/^ {3}t-[0-9a-f]{12} {2}Ledger Prompting.*\n {6}\.\d\d {2}Bounded Memory/mu)
    expect((await paperkin('digest', example, '--kin', '2')).stdout).toBe(stdout)
    expect((await paperkin('digest', '--kin', example)).stdout.match(/^ {6}\.\d\d/gmu)).toHaveLength(150)
    const plain = (await paperkin('digest', example)).stdout
    expect(plain.match(/t-[0-9a-f]{12}/gu)).toHaveLength(50)
    expect(plain).not.toMatch(/^ *\.\d\d/mu)
    expect(stdout).not.toContain('\u001b[')
  })

  it('prints only data with --json, the same each time', async () => {
    const { status, stdout } = await paperkin('digest', example, '--json', '--topics', '7', '--seed', '3')
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
    expect((await paperkin('digest', example, '--json', '--topics', '7', '--seed', '3')).stdout).toBe(stdout)
  })

  it('takes several files, standard input and a year', async () => {
    const more = file(
      'more.jsonl',
      '{"id":"one","title":"Grasping transparent cups","abstract":"Robots and glass."}\n{"id":"two","title":"A title alone"}\n',
    )
    const { stdout } = await paperkin('digest', example, more, '--year', '2026')
    expect(stdout).toMatch(/^52 papers of 7 November 2026/u)
    expect(stdout).toContain('A title alone (no abstract)')
    const piped = await run(['digest', '-', '--json'], { stdin: '[{"title":"One"},{"title":"Two"}]' })
    expect(JSON.parse(piped.stdout).papers).toHaveLength(2)
  })
})

describe('paperkin search and related', () => {
  it('search lists the nearest papers', async () => {
    const { status, stdout } = await paperkin('search', example, 'medieval', 'bells', '--k', '2')
    expect(status).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(4)
    expect(stdout).toContain('Cast in E')
    const { hits, weights } = JSON.parse(
      (await paperkin('search', example, 'bells', '--json', '--k', '4', '--mode', 'semantic')).stdout,
    )
    expect(hits).toHaveLength(4)
    expect(weights).toEqual({ semantic: 1, lexical: 0 })
  })

  it('related takes an id, a whole title, or words of one', async () => {
    const byWords = JSON.parse((await paperkin('related', example, 'ledger', 'prompting', '--json')).stdout)
    expect(byWords.hits).toHaveLength(10)
    expect(byWords.hits[0].title).toMatch(/^Bounded Memory/u)
    expect(JSON.parse((await paperkin('related', example, byWords.paper.id, '--json')).stdout)).toEqual(byWords)
    expect((await paperkin('related', example, 'Grasping Glass')).stdout).toContain('Kin of Grasping Glass')
  })

  it('related lists the papers that match', async () => {
    expect(await paperkin('related', example, 'agents')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^paperkin: More than one title has the words "agents"/mu),
    })
    expect(await paperkin('related', example, 'graspin glas')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/the nearest are \S+ \(Grasping Glass\)/u),
    })
  })
})

describe('bad input gives one sentence and an exit code', () => {
  it.each([
    ['a file that is not there', ['digest', 'nowhere.txt'], 1, /^paperkin: There is no file nowhere\.txt/u],
    ['an empty file', ['digest', file('empty.txt', '')], 1, /empty\.txt, but it is empty/u],
    ['a folder without papers', ['digest', bare], 1, /the folder has no files/u],
    ['a binary file', ['digest', file('a.bin', Uint8Array.of(0, 1, 2, 255))], 1, /is a binary file/u],
    ['a page without a paper', ['digest', file('page.txt', 'new\n\nSubscribe\n')], 1, /Found no paper/u],
    [
      'JSON cut in the middle',
      ['digest', file('cut.json', '[{"title": "A"},\n{"tit'), '--strict'],
      1,
      /Record 2 of cut\.json \(line 2\) is not valid JSON/u,
    ],
    [
      'a line with neither title nor abstract',
      ['digest', file('bad.jsonl', '{"title":"A"}\n{"id":"x"}\n'), '--strict'],
      1,
      /Line 2 of bad\.jsonl has neither a title nor an abstract/u,
    ],
    [
      'one id and two texts',
      ['digest', file('two.jsonl', '{"id":"x","title":"A"}\n{"id":"x","title":"B"}\n'), '--strict'],
      1,
      /has the id "x" of line 1 but a different text/u,
    ],
    ['k = 0', ['digest', example, '--k', '0'], 2, /whole number of at least 1, got `0`/u],
    ['k that is no number', ['digest', example, '--k', 'many'], 2, /got `"many"`/u],
    ['topics = 0', ['digest', example, '--topics', '0'], 2, /whole number of at least 1/u],
    ['an unknown command', ['digets', example], 2, /unknown command/u],
    ['an unknown option', ['digest', example, '--fast'], 2, /unknown option/u],
    ['no file', ['digest'], 2, /Expected a file or a library/u],
    ['a file alone', ['search', example], 2, /a file followed by words/u],
    ['both forms of data', ['search', example, 'bells', '--json', '--jsonl'], 2, /--json or --jsonl, got both/u],
    ['no command', [], 2, /Usage: paperkin/u],
    ['an empty query', ['search', example, ' '], 2, /to be a non-empty text/u],
    ['an id that is not there', ['related', example, 't-000000000000'], 1, /There is no paper/u],
  ])('%s', async (_, args, status, message) => {
    const result = await paperkin(...args)
    expect(result).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(message) })
    expect(result.stderr).not.toMatch(/^\s+at /mu)
    if (result.stderr.startsWith('paperkin:')) expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it('--verbose shows a stack trace', async () => {
    expect((await paperkin('--verbose', 'digest', 'nowhere.txt')).stderr).toMatch(/^\s+at /mu)
  })

  it('--help and --version succeed', async () => {
    expect(await paperkin('--help')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('digest') })
    expect(await paperkin('digest', '--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Examples:'),
    })
    expect((await paperkin('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/u)
  })
})

describe('reading', () => {
  const good = '{"id":"a","title":"Ponds","abstract":"Bubbles under ice."}'
  const mixed = file('mixed.jsonl', `${good}\n{"id":"b"}\nnot json\n${good.replace('"a"', '"c"')}\n`)

  it('reports bad records, reads the good ones, and stops with --strict', async () => {
    const { status, stdout, stderr } = await paperkin('search', mixed, 'ice', '--json')
    expect({ status, hits: JSON.parse(stdout).hits.length }).toEqual({ status: 0, hits: 2 })
    expect(stderr).toBe(
      `Line 2 of mixed.jsonl has neither a title nor an abstract\nLine 3 of mixed.jsonl is not valid JSON: the file may be cut off or damaged there; correct that line or save the file again\n2 papers from JSON lines\n`,
    )
    expect(await paperkin('search', mixed, 'ice', '--json', '--quiet')).toMatchObject({ status: 0, stderr: '' })
    expect(await paperkin('search', mixed, 'ice', '--strict')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^paperkin: Line 2 of mixed\.jsonl has neither/u),
    })
  })

  it('continues after a missing file, and exits with 1 if nothing was read', async () => {
    const { status, stdout, stderr } = await paperkin('digest', 'nowhere.txt', mixed, '--json')
    expect({ status, papers: JSON.parse(stdout).papers.length }).toEqual({ status: 0, papers: 2 })
    expect(stderr).toMatch(/^There is no file nowhere\.txt: check the name\n/u)
    const bad = file('all-bad.jsonl', '{"id":"b"}\n{"id":"c"}\n')
    expect(await paperkin('digest', bad)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/paperkin: Nothing was read from \S+all-bad\.jsonl: 2 problems\.\n$/u),
    })
  })

  it('summarises many problems', async () => {
    const many = file('many-bad.jsonl', `${good}\n${'{"id":"b"}\n'.repeat(30)}`)
    const { stderr } = await paperkin('search', many, 'ice')
    expect(stderr.trimEnd().split('\n')).toHaveLength(12)
    expect(stderr).toContain('… and 20 more problems (--verbose lists them): 20 × has neither a title nor an abstract')
    expect((await paperkin('search', many, 'ice', '--verbose')).stderr.match(/has neither/gu)).toHaveLength(31)
  })

  it('takes named CSV columns, and a forced format', async () => {
    const table = file('table.csv', 'Ref,What,Text\nx1,Ponds,Bubbles under ice.\n')
    const { stdout } = await paperkin('search', table, 'ice', '--columns', 'id=Ref,title=What,abstract=3', '--json')
    expect(JSON.parse(stdout).hits[0]).toMatchObject({ id: 'x1', title: 'Ponds' })
    expect(await paperkin('search', table, 'ice', '--columns', 'title=Nothing')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/the columns are "Ref", "What", "Text"/u),
    })
    expect(await paperkin('search', table, 'ice', '--columns', 'Ref')).toMatchObject({ status: 2 })
    expect(await paperkin('search', mixed, 'ice', '--source', 'ris')).toMatchObject({ status: 1 })
    expect(await paperkin('search', mixed, 'ice', '--source', 'pdf')).toMatchObject({ status: 2 })
  })
})

describe('settings', () => {
  const settings = (content: unknown) => ({
    PAPERKIN_SETTINGS: file('settings.json', typeof content === 'string' ? content : JSON.stringify(content)),
  })
  const mode = async (content: unknown, ...args: string[]) => {
    const { status, stdout, stderr } = await run(['search', example, 'bells', '--json', ...args], {
      env: settings(content),
    })
    return status === 0 ? JSON.parse(stdout) : { status, stderr }
  }

  it('give defaults for all commands or for one, and typed options win', async () => {
    expect((await mode({ k: 2, mode: 'lexical' })).mode).toBe('lexical')
    expect((await mode({ k: 2, search: { k: 3 } })).hits).toHaveLength(3)
    expect((await mode({ k: 2 }, '--k', '4')).hits).toHaveLength(4)
    expect((await mode({ seed: 3, topics: 4, threshold: undefined })).mode).toBe('hybrid')
  })

  it('accept old names of options that no other command uses', async () => {
    const topics = async (content: unknown) => {
      const { stdout } = await run(['topics', example, '--json'], { env: settings(content) })
      return JSON.parse(stdout).topics.length
    }
    expect(await topics({ count: 4 })).toBe(4)
    expect(await topics({ topics: 5 })).toBe(5)
    expect(await topics({ topics: { count: 6 }, digest: { k: 2 } })).toBe(6)
    const digest = (content: unknown) => run(['digest', example], { env: settings(content) })
    expect((await digest({ k: 2, topics: { count: 6 } })).stdout).not.toMatch(/^ *\.\d\d/mu)
    expect((await digest({ digest: { k: 1 } })).stdout.match(/^ {6}\.\d\d/gmu)).toHaveLength(50)
  })

  it.each([
    ['{', /to hold a JSON object/u],
    [{ kk: 3 }, /Expected `kk` in the settings to be an option or a command, got 3/u],
    [{ search: { seed: 3 } }, /Expected `search\.seed` in the settings/u],
    [{ k: 0 }, /Expected `k` in the settings to be what --k takes/u],
    [{ mode: 'best' }, /Expected `mode` in the settings/u],
  ])('%j is refused', async (content, message) => {
    expect(await mode(content)).toEqual({ status: 2, stderr: expect.stringMatching(message) })
  })
})

describe('a terminal', () => {
  const wide = file(
    'wide.jsonl',
    [
      '{"id":"wide","title":"深度学习在池塘甲烷排放中的应用研究以及其他许多内容","abstract":"ice ice"}',
      '{"id":"right","title":"الجليد على البرك في الخريف وعدد الفقاعات فيه كل عام في كل بركة","abstract":"ice"}',
      '{"id":"emoji","title":"👩‍🔬 counts 🫧 under ice, é and e\u0301, in a title that is long enough to be cut somewhere","abstract":"ice"}',
      '{"id":"an-id-that-is-much-longer-than-a-third-of-a-narrow-terminal-is-wide","title":"Ponds","abstract":"ice"}',
    ].join('\n'),
  )

  it.each([40, 60, 80, 200])('of %d columns is never overrun', async (columns) => {
    const { stdout } = await run(['search', wide, 'ice', '--no-color'], { columns })
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(6)
    for (const text of lines) expect(width(text)).toBeLessThanOrEqual(columns)
    // Right-to-left text is isolated from its neighbours.
    expect(stdout).toMatch(/\u2068[^\u2069]*الجليد[^\u2069]*\u2069/u)
    expect(/[█▏▎▍▌▋▊▉]/u.test(stdout)).toBe(columns >= 80)
    const help = await run(['search', '--help'], { columns })
    expect(help.status).toBe(0)
  })

  it('has colours unless NO_COLOR or --no-color is given', async () => {
    const colored = (env: Record<string, string>, ...args: string[]) =>
      run(['search', wide, 'ice', ...args], { columns: 80, env }).then(({ stdout }) => stdout.includes('\u001b['))
    expect(await colored({})).toBe(true)
    expect(await colored({ NO_COLOR: '1' })).toBe(false)
    expect(await colored({ TERM: 'dumb' })).toBe(false)
    expect(await colored({}, '--no-color')).toBe(false)
    expect((await run(['search', wide, 'ice'])).stdout).not.toContain('\u001b[')
    expect((await run(['search', wide, 'ice'], { env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001b[')
  })
})

describe('forms', () => {
  it('--jsonl prints the items of the list in --json, one per line', async () => {
    for (const args of [
      ['search', example, 'bells', '--k', '3'],
      ['related', example, 'grasping', 'glass', '--k', '3'],
    ]) {
      const { hits } = JSON.parse((await paperkin(...args, '--json')).stdout)
      const lines = (await paperkin(...args, '--jsonl')).stdout.trimEnd().split('\n')
      expect(lines.map((text) => JSON.parse(text))).toEqual(hits)
    }
  })
})

// Tests that need a separate process.
describe('the process', () => {
  const start = (...args: string[]) => spawn(process.execPath, ['dist/cli.js', ...args])
  const many = file(
    'many.json',
    JSON.stringify(
      Array.from({ length: 2000 }, (_, i) => ({
        id: `p${i}`,
        title: `Pond ${i}`,
        abstract: `Bubbles under the ice of pond ${i}. `.repeat(40),
      })),
    ),
  )

  it('ends with the exit code', async () => {
    expect(spawnSync(process.execPath, ['dist/cli.js', 'digets']).status).toBe(2)
    expect(spawnSync(process.execPath, ['dist/cli.js', '--version']).status).toBe(0)
  })

  it.skipIf(process.platform === 'win32')('Ctrl-C ends it, with 130 and no output', async () => {
    const child = start('digest', many, '--json', '--verbose')
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    // The file has been read, and embedding starts.
    await once(child.stderr, 'data')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    expect({ code, output }).toEqual({ code: 130, output: '' })
  })

  it.skipIf(process.platform === 'win32')('ends quietly where its reader stops reading', () => {
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `"${process.execPath}" dist/cli.js digest ${example} --json | head -n 1 > /dev/null`],
      { encoding: 'utf8' },
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '50 papers from a copied page\n' })
  })
})
