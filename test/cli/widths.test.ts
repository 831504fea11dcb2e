// At common terminal widths no line is too wide, and no word is broken.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fitted, prose, shortened, width, wrapped } from '../../src/cli/fitted-text.ts'
import { commands } from '../../src/cli/program.ts'
import { type Run, run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-widths-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const widths = [60, 80, 120, 200]
const own = join(folder, 'own.jsonl')
const digest = join(folder, 'digest')
const mixed = join(folder, 'mixed')
const han = '水下声呐测量池塘甲烷气泡的方法与多年观测结果，以及冰层厚度对排放量的影响（附数据）。'
const long = 'Tetramethylammoniumhydroxide-pneumonoultramicroscopic-silicovolcanoconiosis'

beforeAll(async () => {
  writeFileSync(
    own,
    [
      { id: 'han', title: han, abstract: `${han}${han}${han}\n\n${han}`, authors: ['王小明', '李华'] },
      { id: '2403.00012', title: `${long} in the dust of a quarry`, abstract: `We weigh ${long} in ponds. `.repeat(9) },
      {
        id: 'emoji',
        title: '👩‍🔬 counts 🫧 under ice with é and e\u0301, year after year, in forty small ponds of the north',
        abstract: 'Methane bubbles under ice.',
      },
      {
        id: 'doi:a-very-long-identifier-that-some-archive-gave-to-its-record-0001',
        title: 'Bubbles',
        abstract: 'Bubbles under ice, counted by hand each autumn.',
        url: `https://example.org/${'path/'.repeat(30)}paper?with=query&and=more`,
        published: '2025-03-12',
        authors: Array.from({ length: 40 }, (_, i) => `Ada Longname-Number${i}`),
        categories: ['physics.ao-ph', 'cs.LG'],
      },
    ]
      .map((paper) => JSON.stringify(paper))
      .join('\n'),
  )
  await run(['add', '--library', digest, 'examples/digest.txt'])
  await run(['add', '--library', mixed, own])
})

/** Fails if a line is wider than the terminal, unless it is one unbreakable word, or if it has a word not in `whole`. */
function expectFit(text: string, whole: string, columns: number): void {
  const marks = /[\u2068\u2069█▏▎▍▌▋▊▉]+/gu
  const words = new Set(
    whole
      .replace(marks, '')
      .split(/\s+/u)
      .flatMap((word) => [word, word.replace(/,$/u, '')]),
  )
  const joined = whole.replace(/\s+/gu, '')
  const tooWide: string[] = []
  const unknown: string[] = []
  for (const line of text.split('\n')) {
    if (/\S\s+\S/u.test(line) && width(line) > columns) tooWide.push(line)
    for (const word of line.replace(marks, '').match(/\S+/gu) ?? []) {
      const kept = word.replace(/…$/u, '')
      const isKnown = words.has(word) || words.has(kept) || (/\p{Script=Han}/u.test(kept) && joined.includes(kept))
      // An id wider than a third of the terminal is shortened; its start still names its paper.
      const isBeginning = word !== kept && kept.length >= 14 && [...words].some((other) => other.startsWith(kept))
      if (!isKnown && !isBeginning) unknown.push(`${JSON.stringify(word)} in ${JSON.stringify(line)}`)
    }
  }
  expect({ tooWide, unknown }).toEqual({ tooWide: [], unknown: [] })
}

/** What a command line prints where nothing limits the width. */
const unlimited = new Map<string, Promise<Run>>()
function whole(args: readonly string[], columns?: number): Promise<Run> {
  const key = JSON.stringify(args)
  const found = unlimited.get(key) ?? run(args, columns === undefined ? {} : { columns })
  unlimited.set(key, found)
  return found
}

describe.each(widths)('%d columns', (columns) => {
  const screens: readonly (readonly [string, ...string[]])[] = [
    ['digest', '--library', digest],
    ['digest', '--library', digest, '--kin', '1'],
    ['topics', '--library', digest, '--hierarchy'],
    ['search', '--library', digest, 'robots', 'that', 'grasp', '--why', '-k', '5'],
    ['show', '--library', digest, 'grasping', 'glass'],
    ['list', '--library', digest],
    ['digest', '--library', mixed, '--like', 'emoji'],
    ['show', '--library', mixed, 'han'],
    ['show', '--library', mixed, 'doi:a-very'],
    ['show', '--library', mixed, '2403.00012'],
    ['related', '--library', mixed, 'han', '--why'],
    ['recommend', '--library', mixed, '--like', 'emoji'],
    ['list', '--library', mixed],
  ]

  it.each(screens.map((args) => [args.filter((arg) => !arg.startsWith(folder)).join(' '), args] as const))(
    '%s',
    async (_, args) => {
      const narrow = await run([...args, '--no-color'], { columns })
      expect({ status: narrow.status, stderr: narrow.stderr }).toEqual({ status: 0, stderr: '' })
      expectFit(narrow.stdout, `${(await whole([...args, '--no-color'])).stdout} and 10 others`, columns)
    },
  )

  it('the help of every command', async () => {
    for (const { name } of [{ name: '' }, ...commands]) {
      const args = [...name.split(' '), '--help'].filter((word) => word !== '')
      const narrow = await run(args, { columns })
      expectFit(narrow.stdout, `${(await whole(args, 1000)).stdout} \\`, columns)
    }
  })

  it('messages and notes', async () => {
    const { stderr } = await run(['digest', 'nowhere-at-all.txt'], { columns })
    for (const line of stderr.trimEnd().split('\n')) expect(width(line)).toBeLessThanOrEqual(columns)
    expect(stderr.replace(/\s+/gu, ' ')).toMatch(/^paperkin: There is no file nowhere-at-all\.txt/u)
  })
})

describe('one screen', () => {
  it.each([
    [60, 24],
    [80, 40],
    [120, 50],
  ])('digest fits %d columns and %d lines, and says what it leaves out', async (columns, rows) => {
    const { stdout } = await run(['digest', '--library', digest, '--no-color'], { columns, rows })
    const lines = stdout.trimEnd().split('\n')
    expect(lines.length).toBeLessThan(rows)
    const shown = stdout.match(/t-[0-9a-f]{12}/gu) ?? []
    expect(new Set(shown).size).toBe(shown.length)
    expect(lines.at(-1)).toMatch(new RegExp(`^${50 - shown.length} more with --all`, 'u'))
    const { stdout: all } = await run(['digest', '--library', digest, '--all', '--no-color'], { columns, rows })
    expect(all.match(/t-[0-9a-f]{12}/gu)).toHaveLength(50)
  })

  it('shows all papers on a tall terminal', async () => {
    const { stdout } = await run(['digest', '--library', digest, '--no-color'], { columns: 80, rows: 100 })
    expect(stdout.match(/t-[0-9a-f]{12}/gu)).toHaveLength(50)
    expect(stdout).not.toContain('--all')
  })

  it('takes the width from COLUMNS off a terminal', async () => {
    const { stdout } = await run(['list', '--library', digest], { env: { COLUMNS: '60' } })
    for (const line of stdout.trimEnd().split('\n')) expect(width(line)).toBeLessThanOrEqual(60)
  })
})

describe('text', () => {
  it('is cut between words, and within a word only if that is wider than the room', () => {
    expect(shortened('Bubbles under thin ice', 15)).toBe('Bubbles under…')
    expect(shortened('Bubbles under thin ice', 14)).toBe('Bubbles under…')
    expect(shortened('Bubbles under thin ice', 13)).toBe('Bubbles…')
    expect(shortened(`A ${long}`, 20)).toBe('A Tetramethylammoni…')
    expect(shortened(han, 11)).toBe('水下声呐测…')
  })

  it('is wrapped at words, in Chinese and Thai too, without closing punctuation at the start of a line', () => {
    expect(wrapped('1  Bubbles under ice', 12, '', '   ')).toBe('1  Bubbles\n   under ice')
    const lines = wrapped(han, 20).split('\n')
    expect(lines.join('')).toBe(han)
    for (const line of lines) {
      expect(width(line)).toBeLessThanOrEqual(20)
      expect(line).not.toMatch(/^[，。）]|（$/u)
    }
    const thai = 'การวัดฟองก๊าซมีเทนใต้น้ำแข็งในบ่อ'
    expect(wrapped(thai, 12).split('\n').length).toBeGreaterThan(1)
    expect(wrapped(thai, 12).replaceAll('\n', '')).toBe(thai)
    const coloured = wrapped(`\u001b[1m${han}\u001b[22m`, 20)
    expect(coloured.replaceAll('\n', '')).toBe(`\u001b[1m${han}\u001b[22m`)
    expect(wrapped('see https://example.org/a/long/address there', 16)).toBe(
      'see\nhttps://example.org/a/long/address\nthere',
    )
  })

  it('prose keeps paragraphs; lines that fit stay as they are', () => {
    expect(prose('One\ntwo.\n\nThree  four.', 80)).toBe('One two.\n\nThree four.')
    expect(
      prose('word '.repeat(60), 200)
        .split('\n')
        .every((line) => line.length <= 100),
    ).toBe(true)
    expect(fitted('a   b\n   long words here', 12)).toBe('a   b\n   long\n   words\n   here')
  })
})
