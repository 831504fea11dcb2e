import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atomFeed } from '../../src/report/atom.ts'
import { mailPage } from '../../src/report/mail.ts'
import { recommendedMarkdown } from '../../src/report/markdown.ts'
import { MarkStore } from '../../src/serve/marks.ts'
import { readPapers } from '../../src/sources/read-papers.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-for-you-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)
const library = at('library')
const refs = at('refs.bib')

beforeAll(async () => {
  writeFileSync(
    refs,
    '@article{grasp, title={Grasping transparent objects}, abstract={A robot hand learns to grasp glass by touch and vision.}}\n' +
      '@article{hand, title={Dexterous hands}, abstract={Manipulation with a robot hand, learned from demonstrations.}}\n',
  )
  expect((await run(['add', '--library', library, 'examples/digest.txt'])).status).toBe(0)
})

describe('digest and report with --like', () => {
  it('digest puts the papers for you first', async () => {
    const { status, stdout } = await run(['digest', '--library', library, '--like', refs])
    expect(status).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[2]).toBe('For you, of 50 papers, by 2 papers that you like')
    expect(lines[3]).toMatch(/^ {3}[1.]\S+ {2}\S.* t-[0-9a-f]{12}$/u)
    expect(lines[4]).toMatch(/^ {9}\.\d\d as (?:Grasping transparent objects|Dexterous hands)$/u)
    const { forYou, papers } = JSON.parse(
      (await run(['digest', '--library', library, '--like', refs, '--json'])).stdout,
    )
    expect(forYou).toMatchObject({ liked: 2, disliked: 0, known: [] })
    expect(forYou.hits).toHaveLength(10)
    const asked = JSON.parse((await run(['recommend', '--library', library, '--like', refs, '--json'])).stdout)
    expect(forYou.hits.map(({ id, score }: { id: string; score: number }) => [id, score])).toEqual(
      asked.hits.map(({ id, score }: { id: string; score: number }) => [id, score]),
    )
    const [first] = forYou.hits
    const without = await run(['digest', '--library', library, '--like', refs, '--unlike', first.id, '--json'])
    expect(JSON.parse(without.stdout).forYou.hits.map(({ id }: { id: string }) => id)).not.toContain(first.id)
    const plain = JSON.parse((await run(['digest', '--library', library, '--json'])).stdout)
    expect(plain).not.toHaveProperty('forYou')
    expect(plain.papers).toEqual(papers)
  })

  it('report names them first in Markdown, and in its data', async () => {
    const args = ['report', '--library', library, '--like', refs, '--format']
    const { stdout } = await run([...args, 'markdown'])
    expect(stdout).toMatch(
      /^# .*\n\n50 papers.*\n\n## For you\n\n- \*\*.*\*\*\.(?: .*)? 1?\.\d\d as “(?:Grasping|Dexterous)/u,
    )
    const { recommended } = JSON.parse((await run([...args, 'json'])).stdout)
    expect(recommended).toHaveLength(10)
    expect(recommended[0]).toMatchObject({ id: expect.stringMatching(/^t-/u), score: expect.any(Number) })
  })

  it('likes what is starred in the library with `--like stars`', async () => {
    const marks = new MarkStore(library)
    const asked = (...args: string[]) => run([...args, '--library', library, '--like', 'stars'])
    const none = await asked('digest')
    expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining(`${library} has none: star some`) })
    const { papers } = JSON.parse((await run(['list', '--library', library, '--json'])).stdout)
    const [first, second, third] = papers.map(({ id }: { id: string }) => id)
    await marks.change({ ids: [first, second], mark: 'starred', value: true })
    await marks.change({ ids: [third], mark: 'hidden', value: true })
    const { forYou } = JSON.parse((await asked('digest', '--json')).stdout)
    expect(forYou).toMatchObject({ liked: 2, disliked: 1 })
    const byIds = ['recommend', '--library', library, '--json', '--unlike', third, '--like', first, '--like', second]
    const { hits } = JSON.parse((await run(byIds)).stdout)
    const scored = (all: { id: string; score: number }[]) => all.map(({ id, score }) => [id, score])
    expect(scored(forYou.hits)).toEqual(scored(hits))
    const { recommended } = JSON.parse((await asked('report', '--format', 'json')).stdout)
    expect(recommended.map(({ id }: { id: string }) => id)).toEqual(hits.map(({ id }: { id: string }) => id))
    expect((await asked('recommend')).stdout).toContain('by 2 papers that you like')
    // The command line adds to the marks, and overrides them.
    const more = await asked('recommend', '--like', refs, '--like', third, '--unlike', second, '--json')
    expect(JSON.parse(more.stdout)).toMatchObject({ liked: 4, disliked: 1 })
    await marks.change({ ids: [first, second], mark: 'starred', value: false })
    await marks.change({ ids: [third], mark: 'hidden', value: false })
  })

  it('asks for a library with `--like stars`', async () => {
    for (const command of ['digest', 'report', 'recommend'])
      expect(await run([command, 'examples/digest.txt', '--like', 'stars'])).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/^paperkin: Expected a library with `--like stars`.*--library\.\n$/u),
      })
  })

  it('names a missing option', async () => {
    const only = await run(['digest', '--library', library, '--unlike', refs])
    expect(only).toMatchObject({ status: 2, stderr: expect.stringContaining('Expected --like with --unlike') })
    const out = await run(['digest', '--library', library, '--out', at('today.xml')])
    expect(out).toMatchObject({ status: 2, stderr: expect.stringContaining('Expected --like with --out') })
    const ending = await run(['recommend', '--library', library, '--like', refs, '--out', at('today.pdf')])
    expect(ending).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/ends in \.xml, \.atom, \.html.*today\.pdf/u),
    })
    const inside = await run(['recommend', '--library', library, '--like', refs, '--out', join(library, 'today.xml')])
    expect(inside).toMatchObject({ status: 2, stderr: expect.stringContaining('outside of a library') })
  })
})

describe('--out', () => {
  it.each([
    ['today.xml', /^<\?xml version="1\.0" encoding="utf-8"\?>\n<feed xmlns="http:\/\/www\.w3\.org\/2005\/Atom">/u],
    ['today.atom', /^<\?xml/u],
    ['today.html', /^<!DOCTYPE html>/u],
    ['today.md', /^# For you: 4 papers\n\n1\. \*\*/u],
  ])('recommend writes %s', async (name, start) => {
    const { status, stdout, stderr } = await run([
      ...['recommend', '--library', library, '--like', refs, '-k', '4', '--out', at(name)],
    ])
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: `Wrote ${at(name)}: 4 papers for you\n`,
      stderr: '',
    })
    expect(readFileSync(at(name), 'utf8')).toMatch(start)
  })

  it('digest writes them as well as its page', async () => {
    const { stdout, stderr } = await run(['digest', '--library', library, '--like', refs, '--out', at('digest.xml')])
    expect(stdout).toMatch(/^50 papers/u)
    expect(stderr).toContain('digest.xml: 10 papers for you')
    expect(readFileSync(at('digest.xml'), 'utf8').match(/<entry>/gu)).toHaveLength(10)
  })
})

const han = '池塘甲烷气泡'.repeat(200)
const hostile = {
  title: 'A <b> & "c" \u0000\u0008 ]]> <script>alert(1)</script>',
  papers: [
    {
      paper: {
        id: '2407.01234',
        title: 'Ponds <script>alert(1)</script> & “ice”',
        abstract: `Bubbles \u0007 & \ud800 <i>\n\nMore.`,
        authors: ['Ada "A" Roe', 'Li <Wei>'],
        categories: ['cs."LG'],
        published: '2024-07-02',
      },
      score: 0.875,
      why: { liked: [{ id: 'x', title: 'Ice & <snow>', similarity: 0.5 }], terms: [{ term: 'ice', weight: 1 }] },
    },
    { paper: { id: 'a b', title: '', abstract: han, published: '2024' } },
    { paper: { id: 'c', title: 'No link', abstract: '', titleOnly: true as const, url: 'javascript:alert(1)' } },
  ],
}

describe('an Atom feed', () => {
  const text = atomFeed(hostile, { feed: 'mine.xml', updated: '2025-03-12T06:00:00Z' })
  const entries = text.match(/<entry>[\s\S]*?<\/entry>/gu) ?? []

  it('has what RFC 4287 requires of the feed and of each entry', () => {
    const head = text.slice(0, text.indexOf('<entry>'))
    for (const name of ['id', 'title', 'updated', 'author'])
      expect(head.match(new RegExp(`<${name}>`, 'gu'))).toHaveLength(1)
    expect(entries).toHaveLength(3)
    const ids = entries.map((entry) => /<id>(.*)<\/id>/u.exec(entry)?.[1])
    expect(new Set(ids).size).toBe(3)
    expect(ids[0]).toBe('https://arxiv.org/abs/2407.01234')
    expect(ids[1]).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u)
    for (const entry of entries)
      for (const name of ['id', 'title', 'updated', 'content type="html"'])
        expect(entry.match(new RegExp(`<${name}>`, 'gu')), name).toHaveLength(1)
    expect(entries[0]).toContain('<updated>2024-07-02T00:00:00Z</updated>')
    // A year is not a time: the only generated date is that of the feed.
    expect(entries[1]).toContain('<updated>2025-03-12T06:00:00Z</updated>')
    expect(entries[1]).not.toContain('<published>')
    expect(entries[0]).toContain('<link rel="alternate" href="https://arxiv.org/abs/2407.01234"/>')
    expect(text).not.toContain('href="javascript')
  })

  it('is valid XML for any paper, and the same each time', async () => {
    expect(text).toMatch(/^(?:[\n\t]|[^\p{Cc}\ufffe\uffff])*$/u)
    expect(text).not.toMatch(/<script|<b>|&(?!amp;|lt;|gt;|quot;)/u)
    expect(text.isWellFormed()).toBe(true)
    expect(atomFeed(hostile, { feed: 'mine.xml', updated: '2025-03-12T06:00:00Z' })).toBe(text)
    expect(atomFeed(hostile, { feed: 'other.xml' }).split('<title>')[0]).not.toBe(text.split('<title>')[0])
    writeFileSync(at('hostile.xml'), text)
    const read = await readPapers(at('hostile.xml'))
    expect(read[0]).toMatchObject({
      id: '2407.01234',
      authors: ['Ada "A" Roe', 'Li <Wei>'],
      published: '2024-07-02T00:00:00Z',
    })
    expect(read).toHaveLength(3)
  })
})

describe('a page to mail', () => {
  const text = mailPage(hostile)

  it('is ASCII in short lines, with tables and inline styles, and neither scripts nor remote content', () => {
    expect(text).toMatch(/^[ -~\n]*$/u)
    for (const line of text.split('\n')) expect(line.length).toBeLessThan(998)
    expect(text).not.toMatch(/<(?:script|style|link|img|iframe|form|svg)|\son\w+=|javascript:|class=|url\(/iu)
    expect(text).toContain('max-width:600px')
    expect([...text.matchAll(/width="(\d+)"/gu)].every(([, width]) => Number(width) <= 600)).toBe(true)
    for (const tag of ['table', 'tr', 'td', 'p', 'h1', 'h2', 'a'])
      expect(text.match(new RegExp(`<${tag}[\\s>]`, 'gu'))?.length, tag).toBe(
        text.match(new RegExp(`</${tag}>`, 'gu'))?.length,
      )
  })

  it('has all of the content', () => {
    const plain = text
      .replace(/<wbr\n>/gu, '')
      .replace(/&#(\d+);/gu, (_, code) => String.fromCodePoint(Number(code)))
      .replace(/\s+/gu, ' ')
    expect(plain).toContain(han)
    expect(plain).toContain('.88: as “Ice & <snow>”; ice')
    expect(plain).toContain('Ada "A" Roe, Li <Wei> · 2 July 2024')
  })
})

it('Markdown stays text, with the abstract below each paper', () => {
  const text = recommendedMarkdown(hostile)
  expect(text).toContain(
    '1. [**Ponds &#60;script&#62;alert\\(1\\)&#60;/script&#62; &#38; “ice”**](<https://arxiv.org/abs/2407.01234>).',
  )
  expect(text).toMatch(/\n\n {4}Bubbles .*&#38;.*\n\n {4}More\.\n/u)
  expect(text).not.toContain('<script>')
})
