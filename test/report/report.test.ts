import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { paperText } from '../../src/paper.ts'
import type { ReportData, ReportGroup } from '../../src/report/write-report.ts'
import { readPapers } from '../../src/sources/read-papers.ts'
import type { Topics } from '../../src/topics/find-topics.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let library: PaperLibrary
let topics: Topics
let data: ReportData

beforeAll(async () => {
  library = await PaperLibrary.open()
  await library.add(await readPapers('examples/digest.txt'))
  topics = await library.topics({ seed: 1 })
  data = JSON.parse(await library.report(topics, { format: 'json' }))
})
afterAll(() => library.close())

async function refusal(call: Promise<unknown>): Promise<PaperkinError> {
  const error = await call.catch((thrown: unknown) => thrown)
  if (!PaperkinError.isInstance(error)) throw new Error(`Expected a PaperkinError, got ${error}.`)
  return error
}

/** A library with vectors computed from the lengths of its texts. */
async function small(papers: readonly { id: string; title: string; abstract?: string; url?: string }[]) {
  const own = await PaperLibrary.open({
    embedder: (texts) =>
      texts.map((text) => Float32Array.from({ length: 8 }, (_, d) => 1 + ((text.length * (d + 3)) % 7))),
  })
  await own.add(papers)
  return own
}

describe('data', () => {
  test('names every paper with its topic, and kin as `related` finds them', async () => {
    expect(data.papers.map(({ id }) => id)).toEqual(library.papers().map(({ id }) => id))
    expect(data.title).toBe('50 papers')
    for (const paper of data.papers) {
      expect(paper.topic).toBe(topics.of(paper.id)?.id ?? null)
      const { hits, weights } = await library.related(paper.id, { k: 8 })
      expect(data.weights).toEqual(weights)
      expect(paper.kin.map(({ id }) => id)).toEqual(hits.map((hit) => hit.paper.id))
      for (const [i, { score, semantic, lexical, shared }] of paper.kin.entries()) {
        expect(score).toBeCloseTo(hits[i]!.score, 2.9)
        expect(semantic).toBeCloseTo(hits[i]!.semantic, 2.9)
        expect(lexical).toBeCloseTo(hits[i]!.lexical, 2.9)
        expect(shared.length > 0).toBe(lexical > 0)
        // Spelt as in the paper, except for joined words.
        for (const word of shared.flatMap((words) => words.split(' ')))
          expect(
            paperText(paper)
              .toLowerCase()
              .replace(/[^a-z0-9]/gu, ''),
          ).toContain(word.replace(/[^a-z0-9]/gu, ''))
      }
    }
  })

  test('areas form a tree with counts, and each paper has its area', async () => {
    for (const paper of data.papers) {
      const [place] = library.areas(paper.id)
      expect(paper.area?.area).toBe(place?.area)
      if (place !== undefined) expect(paper.area?.similarity).toBeCloseTo(place.similarity, 3)
    }
    const placed = data.papers.flatMap(({ area }) => area ?? [])
    const check = (areas: ReportData['areas'], within: typeof placed, sum: number) => {
      expect(areas.reduce((all, { size }) => all + size, 0)).toBe(sum)
      expect(areas.map(({ size }) => size)).toEqual(areas.map(({ size }) => size).sort((a, b) => b - a))
      for (const { name, level, size, children } of areas) {
        const own = within.filter((place) => place[level] === name)
        expect(size).toBe(own.length)
        if (level === 'area') expect(children).toEqual([])
        else check(children, own, size)
      }
    }
    check(data.areas, placed, placed.length)
    const own = await small([{ id: 'a', title: 'One' }])
    expect(JSON.parse(await own.report(await own.topics(), { format: 'json' })).areas).toEqual([])
    await own.close()
  })

  test('news are in the data and in Markdown, as the library gave them', async () => {
    const novelty = await library.novelty()
    expect(novelty.missing).toMatch(/^none of the 50 papers has a date/u)
    expect(data).not.toHaveProperty('novelty')
    expect(JSON.parse(await library.report(topics, { format: 'json', novelty })).novelty).toEqual(novelty)
    expect(await library.report(topics, { format: 'markdown', novelty })).toContain(
      '## What is new\n\nCannot be determined: none of the 50 papers has a date',
    )
    const [first, second] = data.papers
    const { missing: _, ...given } = novelty
    const text = await library.report(topics, {
      format: 'markdown',
      novelty: {
        ...given,
        papers: [first!.id, second!.id],
        from: '2025-03-01',
        to: '2025-03-31',
        earlier: { count: 400, from: '2025-01-04', to: '2025-02-28' },
        areas: [
          {
            name: 'Ropes',
            level: 'field',
            count: 2,
            before: 0,
            ratio: 40,
            p: 1e-4,
            isTentative: true,
            papers: [first!.id],
          },
        ],
        unlike: [{ id: second!.id, title: 'Two', nearest: { id: 'x', title: 'Far', similarity: 0.4 }, share: 0.01 }],
      },
    })
    expect(text).toContain('2 papers of March 2025, against 400 since 4 January 2025.')
    expect(text).toContain('- **Ropes \\(field\\)**: 2 of 2, before 0 of 400: new (may be chance)')
    expect(text).toContain('- **Two**: the nearest is Far (.40)')
  })

  test('the hierarchy has every topic once; colours of the two nearest regions differ', () => {
    const leaves = (group: ReportGroup): number[] =>
      group.topic === undefined ? group.children.flatMap(leaves) : [group.topic]
    expect(leaves(data.hierarchy).sort((a, b) => a - b)).toEqual(data.topics.map(({ id }) => id).sort((a, b) => a - b))
    for (const { anchor, colour, id, outline } of data.topics) {
      expect(outline).toMatch(/^M-?\d+ -?\d+L.*Z$/u)
      const [nearest] = data.topics
        .filter((other) => other.id !== id)
        .sort(
          (a, b) =>
            Math.hypot(a.anchor[0] - anchor[0], a.anchor[1] - anchor[1]) -
            Math.hypot(b.anchor[0] - anchor[0], b.anchor[1] - anchor[1]),
        )
      expect(nearest?.colour).not.toBe(colour)
    }
  })

  test('curves appear where papers have dates, in a unit that fits their span', async () => {
    expect(data.periods).toEqual([])
    const dated = await PaperLibrary.open()
    const papers = await readPapers('examples/digest.txt')
    await dated.add(papers.map((paper, i) => ({ ...paper, published: `2026-0${1 + (i % 3)}` })))
    const found = await dated.topics({ count: 4 })
    const report: ReportData = JSON.parse(await dated.report(found, { format: 'json' }))
    await dated.close()
    expect(report.periods).toEqual(['2026-01', '2026-02', '2026-03'])
    const inTopics = report.topics.flatMap(({ counts }) => counts).reduce((sum, n) => sum + n, 0)
    expect(inTopics).toBe(report.papers.filter(({ topic }) => topic !== null).length)
  })

  test.each([0, 1, 2, 3, 4])('%i papers give a report in every format', async (count) => {
    const own = await small(
      Array.from({ length: count }, (_, i) => ({
        id: `p${i}`,
        title: `Paper ${'x'.repeat(i + 1)}`,
        abstract: 'About it.',
      })),
    )
    const found = await own.topics()
    for (const format of ['html', 'markdown', 'json', 'svg', 'atom'] as const)
      expect((await own.report(found, { format })).length).toBeGreaterThan(20)
    const report: ReportData = JSON.parse(await own.report(found, { format: 'json', kin: 2 }))
    expect(report.papers.map(({ kin }) => kin.length)).toEqual(Array(count).fill(Math.min(2, Math.max(0, count - 1))))
    await own.close()
  })

  test('a link is the paper’s http address, its arXiv id’s, or none', async () => {
    const own = await small([
      { id: 'a', title: 'A', url: 'https://example.org/a?b=1' },
      { id: 'b', title: 'B', url: 'javascript:alert(1)' },
      { id: '2401.01234', title: 'C' },
      { id: 'd', title: 'D', url: 'no address' },
    ])
    const report: ReportData = JSON.parse(await own.report(await own.topics(), { format: 'json' }))
    await own.close()
    expect(report.papers.map(({ link }) => link)).toEqual([
      'https://example.org/a?b=1',
      undefined,
      'https://arxiv.org/abs/2401.01234',
      undefined,
    ])
  })
})

describe('formats', () => {
  test('the same papers, topics and seed give the same bytes; the path decides the format', async () => {
    for (const [ending, format] of [
      ['html', 'html'],
      ['md', 'markdown'],
      ['json', 'json'],
      ['svg', 'svg'],
    ] as const) {
      const path = join(folder, `report.${ending}`)
      const text = await library.report(topics, { path })
      expect(readFileSync(path, 'utf8')).toBe(text)
      expect(await library.report(topics, { format, seed: 1 })).toBe(text)
    }
    expect(await library.report(topics, { seed: 2 })).not.toBe(readFileSync(join(folder, 'report.html'), 'utf8'))
  })

  test('a page of 50 papers is small, ASCII whatever its title, and carries its own policy', async () => {
    const page = await library.report(topics, { title: 'Was gibt’s “Neues” in 논문 🙂?' })
    expect(page).toMatch(/^[ -~\n]*$/u)
    expect(page.length).toBeLessThan(200_000)
    expect(page).toMatch(
      /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-/u,
    )
    // Addresses of the links that its script makes.
    expect(page).not.toMatch(/unsafe-|https?:\/\/(?!www\.w3\.org|arxiv\.org\/search|scholar\.google\.com\/scholar)/u)
  })

  test('Markdown has every paper once, and titles stay text', async () => {
    const text = await library.report(topics, { format: 'markdown' })
    for (const { title } of data.papers)
      expect(text.split(`**${title.replace(/[\\`*_{}[\]()#+!|~&$]/gu, '\\$&')}**`)).toHaveLength(2)
    const own = await small([
      { id: 'x', title: '[a](javascript:b) <script> *c* `d` & # e', abstract: 'F.' },
      { id: 'y', title: 'Other', url: 'https://example.org/<b>' },
    ])
    const hostile = await own.report(await own.topics(), { format: 'markdown' })
    await own.close()
    expect(hostile).toContain('\\[a\\]\\(javascript:b\\) &#60;script&#62; \\*c\\* \\`d\\` &#38; \\# e')
    expect(hostile).not.toContain('<script>')
    expect(hostile).toContain('(<https://example.org/%3Cb%3E>)')
  })

  test('SVG is well formed, with one dot per paper and labels that do not overlap', async () => {
    const svg = await library.report(topics, { format: 'svg', title: '<b> & "c"' })
    expect(svg).toContain('aria-label="Map of &lt;b&gt; &amp; &quot;c&quot;"')
    expect(svg.match(/M[\d.-]+ [\d.-]+h0/gu)).toHaveLength(50)
    expect(svg.match(/<text /gu)!.length).toBeGreaterThan(1)
  })
})

describe('refusals', () => {
  test('a value that is not a novelty result', async () => {
    const error = await refusal(library.report(topics, { novelty: { areas: [] } as never }))
    expect(error.code).toBe('invalid-argument')
    expect(error.message).toContain('`novelty` to be the result of `library.novelty()`')
  })

  test('topics of other papers, options out of range, a path that cannot be written', async () => {
    const own = await small([
      { id: 'a', title: 'A' },
      { id: 'b', title: 'Bb' },
    ])
    const found = await own.topics()
    await own.add([{ id: 'c', title: 'Ccc' }])
    const stale = await refusal(own.report(found))
    expect(stale.code).toBe('invalid-argument')
    expect(stale.message).toBe(
      'Expected `topics` to be of the library\'s papers, but "c" is not among their papers: call `library.topics()` again.',
    )
    await own.remove(['c', 'b'])
    expect((await refusal(own.report(found))).message).toContain('"b" is no longer in the library')
    const now = await own.topics()
    expect((await refusal(own.report(now, { kin: -1 }))).message).toBe(
      'Expected `kin` to be a whole number from 0 to 50, got `-1` (number).',
    )
    expect((await refusal(own.report(now, { format: 'pdf' as 'html' }))).message).toBe(
      'Expected `format` to be one of html, markdown, json, svg, atom, got `"pdf"` (string).',
    )
    const unwritable = await refusal(own.report(now, { path: join(folder, 'nowhere', 'x.html') }))
    expect(unwritable.code).toBe('invalid-argument')
    expect(unwritable.message).toContain('Expected `path` to be a file that can be written')
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    await expect(own.report(now, { signal: controller.signal })).rejects.toThrow('enough')
    await own.close()
    expect((await refusal(own.report(now))).code).toBe('library-closed')
  })
})
