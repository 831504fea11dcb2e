import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-topics-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

const paperkin = (...args: string[]) => run(args)
const example = 'examples/digest.txt'

describe('paperkin topics', () => {
  test('prints topics with typical papers, groups of topics, and changes since earlier topics', async () => {
    const first = await paperkin('topics', example, '--count', '10', '--json')
    expect(first.status).toBe(0)
    const data = JSON.parse(first.stdout)
    expect(data.topics).toHaveLength(10)
    const previous = file('topics.json', first.stdout)
    const { status, stdout, stderr } = await paperkin(
      'topics',
      example,
      '--count',
      '10',
      '--previous',
      previous,
      '--hierarchy',
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/^\d+ papers from \D+\n$/u) })
    expect(stdout).toMatch(/^50 papers: 10 topics/u)
    expect(stdout).toContain('Groups of topics')
    expect(stdout.match(/^ +kept/gmu)).toHaveLength(10)
    for (const { label } of data.topics) expect(stdout).toContain(label)
  })

  test('counts over time', async () => {
    const records = Array.from({ length: 12 }, (_, i) => ({
      title: i % 2 ? `Bees and clover ${i}` : `Bridges of timber ${i}`,
      abstract: i % 2 ? 'Bees visit clover.' : 'Timber carries bridges.',
      published: `2025-0${1 + (i % 3)}-01`,
    }))
    const { stdout } = await paperkin(
      'topics',
      file('dated.json', JSON.stringify(records)),
      '--count',
      '2',
      '--over-time',
      'month',
    )
    expect(stdout).toContain('2025-01 … 2025-03')
    const { stdout: json } = await paperkin('topics', join(folder, 'dated.json'), '--over-time', 'month', '--json')
    expect(JSON.parse(json).overTime.periods.map(({ size }: { size: number }) => size)).toEqual([4, 4, 4])
  })

  test('finds topics among a sample, and says so', async () => {
    const { stdout } = await paperkin('topics', example, '--sample', '30')
    expect(stdout).toMatch(/^50 papers, a sample of 30: \d+ topics?/u)
    const { stdout: json } = await paperkin('topics', example, '--sample', '30', '--json')
    expect(JSON.parse(json)).toMatchObject({ sampledFrom: 50 })
    const all = await paperkin('topics', example, '--sample', '50', '--json')
    expect(JSON.parse(all.stdout)).not.toHaveProperty('sampledFrom')
    const wrong = await paperkin('topics', example, '--sample', '2.5')
    expect(wrong).toMatchObject({ status: 2, stdout: '' })
    expect(wrong.stderr).toContain('2.5')
  })

  test('reports what is wrong with earlier topics', async () => {
    const missing = await paperkin('topics', example, '--previous', join(folder, 'nowhere.json'))
    expect(missing).toMatchObject({ status: 1, stdout: '' })
    expect(missing.stderr).toContain('nowhere.json')
    const wrong = await paperkin('topics', example, '--previous', file('wrong.json', '{"topics": 3}'))
    expect(wrong).toMatchObject({ status: 2, stdout: '' })
    expect(wrong.stderr).toContain('Expected `previous`')
  })
})

describe('paperkin evaluate topics', () => {
  const records = Array.from({ length: 24 }, (_, i) => ({
    id: `p${i}`,
    title: i % 2 ? `Bees and clover ${i}` : `Bridges of timber ${i}`,
    abstract: i % 2 ? 'Bees visit the clover of meadows.' : 'Timber carries the arches of bridges.',
    ...(i > 0 && { field: i % 2 ? 'biology' : 'building' }),
  }))
  const labelled = file('labelled.jsonl', records.map((record) => JSON.stringify(record)).join('\n'))
  const vectors = Float32Array.from(records.flatMap((_, i) => (i % 2 ? [1, 0.02 * i, 0] : [0, 0.02 * i, 1])))

  /** A file as NumPy writes it. */
  function npy(values: Float32Array, rows: number): Uint8Array {
    const header = `${`{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${values.length / rows}), }`.padEnd(117)}\n`
    return Buffer.concat([
      Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]),
      Buffer.from(header),
      Buffer.from(values.buffer),
    ])
  }

  test('prints the methods side by side, with the user’s own vectors', async () => {
    const path = file('vectors.npy', npy(vectors, 24))
    const { status, stdout, stderr } = await paperkin(
      'evaluate',
      'topics',
      labelled,
      '--label',
      'field',
      '--vectors',
      path,
      '--seeds',
      '2',
    )
    expect(status).toBe(0)
    expect(stdout).toMatch(/^23 papers, 2 labels, 2 seeds/u)
    expect(stdout).toMatch(/graph +2 +2 +1\.000 \[1\.000 … 1\.000\]/u)
    expect(stdout).toMatch(/kmeans +auto/u)
    expect(stderr).toContain('1 paper without `field`')
  })

  test('measures only the vectors by MTEB’s protocol', async () => {
    const path = file('vectors.npy', npy(vectors, 24))
    const args = ['evaluate', 'topics', labelled, '--label', 'field', '--vectors', path, '--protocol', 'mteb']
    const { status, stdout } = await paperkin(...args, '--fraction', '1')
    expect(status).toBe(0)
    expect(stdout).toBe('23 papers, 2 labels, 10 runs\n\nV-measure 1.000 [1.000 … 1.000]\n')
    expect(JSON.parse((await paperkin(...args, '--fraction', '0.5', '--json')).stdout)).toMatchObject({
      protocol: 'mteb',
      documents: 11,
      labels: 2,
    })
  })

  test('reports what is wrong', async () => {
    const path = file('short.npy', npy(vectors.subarray(0, 30).slice(), 10))
    for (const [args, message] of [
      [[labelled, '--label', 'colour'], 'a field `colour`'],
      [[labelled, '--label', 'field', '--vectors', path], 'each of the 24 papers'],
    ] as const) {
      const { status, stdout, stderr } = await paperkin('evaluate', 'topics', ...args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toContain(message)
    }
  })
})

describe('--names', () => {
  const lines = `\uFEFF# My topics, first those of robots
Robot grasping: gripper, manipulation   # with hands

Galaxies\r
Viticulture: grapes
`
  test('assigns papers to named topics, and lists names without matches', async () => {
    const path = file('my-topics.txt', lines)
    const { status, stdout } = await paperkin('topics', example, '--names', path)
    expect(status).toBe(0)
    expect(stdout).toMatch(/^\d+ {2}Galaxies \(\d+\)$/mu)
    expect(stdout).toMatch(/^\d+ {2}Robot grasping \(\d+\)$/mu)
    expect(stdout).toMatch(/^No papers match Viticulture$/mu)
    const data = JSON.parse((await paperkin('digest', example, '--names', path, '--json')).stdout)
    expect(data.topics.unmatched).toEqual(['Viticulture'])
    const topics = data.topics.topics as { id: number; label: string; isNamed?: true }[]
    const galaxies = topics.find(({ label }) => label === 'Galaxies')
    expect(galaxies?.isNamed).toBe(true)
    const which = data.papers.find(({ title }: { title: string }) => title.startsWith('Which Galaxy?'))
    expect(which.topic).toBe(galaxies?.id)
    const examples = file('examples.txt', `Bells and glass [${which.id}]\n`)
    const own = JSON.parse((await paperkin('topics', example, '--names', examples, '--json')).stdout)
    expect(own.topics.find(({ label }: { label: string }) => label === 'Bells and glass').papers).toContainEqual(
      expect.objectContaining({ id: which.id }),
    )
    const report = await paperkin('report', example, '--names', path, '--format', 'json')
    expect(report.stderr).toContain('No papers match Viticulture')
    expect(JSON.parse(report.stdout).topics.map(({ label }: { label: string }) => label)).toContain('Galaxies')
  })

  test('reports a bad line with its number and the remedy', async () => {
    const bad: readonly (readonly [string, RegExp])[] = [
      ['Robots\n: grasping\n', /line 2 has no name before its colon: write a line such as/u],
      ['Robots: grasping,, hands', /line 1 has an empty term between its commas/u],
      ['Robots\n\nrobots: arms', /line 3 repeats the name `"robots"` \(string\) of line 1: merge the two lines/u],
      ['Robots [1, ]', /line 1 has an empty id in its brackets/u],
      ['Robots [1', /line 1 needs a name first and at most one pair of brackets, at its end/u],
      ['Robots [1] and arms', /line 1 needs a name first and at most one pair of brackets/u],
      ['[1]', /line 1 needs a name first/u],
      ['Robots [nobody]', /line 1 names `"nobody"` .* no paper has that id: remove it/u],
      ['# nothing\n\n', /found none: write a line such as/u],
      ['Robots: a,\n: b\n', /line 1 has an empty term .*\(and 1 more bad line\)/u],
    ]
    for (const [text, message] of bad) {
      const { status, stdout, stderr } = await paperkin('topics', example, '--names', file('bad.txt', text))
      expect({ status, stdout }, text).toEqual({ status: 1, stdout: '' })
      expect(stderr, text).toMatch(message)
    }
    const binary = await paperkin('topics', example, '--names', file('bad.bin', Buffer.from([0xff, 0xfe, 0, 1])))
    expect(binary.stderr).toMatch(/as UTF-8 text; it could not be read/u)
    expect((await paperkin('topics', example, '--names', 'nowhere.txt')).stderr).toMatch(
      /nowhere\.txt.*could not be read/u,
    )
  })
})
