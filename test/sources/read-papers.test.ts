import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { derivedId } from '../../src/paper.ts'
import { lineDate } from '../../src/sources/digest-page.ts'
import { parseDigest, readDigest, readPapers, readSources } from '../../src/sources/read-papers.ts'
import { hostileFiles } from '../hostile-texts.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-sources-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const first =
  'Ponds on thawing ground give off methane, and most of it leaves in bubbles that no chamber catches. We photograph the ice of forty ponds each autumn and count the bubbles in it. The count explains most of the difference between ponds.'
const second =
  'A gripper that hears a slip can act before the object falls. We put two microphones into the fingers of a cheap gripper and learn to tell a slip from the noise of the motor. It reacts in ten milliseconds, and drops one object in fifty.'

describe('a copied digest page', () => {
  it('yields exactly the papers of the example, complete and in order', async () => {
    const expected = JSON.parse(readFileSync('test/fixtures/digest-expected.json', 'utf8'))
    const { papers, date, format } = await readDigest('examples/digest.txt')
    expect({ format, date }).toEqual({ format: 'page', date: expected.date })
    expect(papers.map(({ title }) => title)).toEqual(expected.papers.map(({ title }: { title: string }) => title))
    for (const [i, { firstWords, lastWords, words }] of expected.papers.entries()) {
      const { abstract } = papers[i] as (typeof papers)[number]
      expect(abstract.startsWith(firstWords)).toBe(true)
      expect(abstract.endsWith(lastWords)).toBe(true)
      expect(abstract.split(/\s+/u)).toHaveLength(words)
    }
    expect(new Set(papers.map(({ id }) => id)).size).toBe(expected.papers.length)
  })

  const real = '../shared/data/digest/hf-papers-page.txt'
  it.skipIf(!existsSync(real))('yields all 63 papers of a real page', async () => {
    const { papers, date } = await readDigest(real, { year: 2025 })
    expect(date).toBe('2025-03-12')
    expect(papers).toHaveLength(63)
    for (const { title, abstract } of papers) {
      const words = abstract.split(/\s+/u).length
      expect(words).toBeGreaterThanOrEqual(150)
      expect(words).toBeLessThanOrEqual(350)
      expect(title).not.toMatch(/subscribe|inbox|community$/iu)
      expect(abstract).not.toMatch(/get trending papers|subscribe/iu)
    }
  })

  it('skips furniture before, between and after papers', async () => {
    const page = `Trending\n\nGet papers in your inbox!\n\nMar 3, 2024\n\nUpvote\n\n23\n\nMethane from ponds\n\n·\n5 authors\n\n${first}\n\n12 comments\n\nSubmitted by someone\n\nHearing a slip\n\n${second}\n\nPrevious\n1\n2\nNext\n\nPrivacy\n\n© 2024 The makers of the page\n`
    const { papers, date } = await parseDigest(page)
    expect(date).toBe('2024-03-03')
    expect(papers.map(({ title, abstract }) => [title, abstract])).toEqual([
      ['Methane from ponds', first],
      ['Hearing a slip', second],
    ])
  })

  it('reads all kinds of line ends, wrapped lines, labels, authors and links', async () => {
    const wrapped = first.replace(/(.{50,70}) /gu, '$1\r\n')
    const page = `Title: Methane from ponds\r\nAuthors: Ida Moss, Per Kall\r\narXiv:2401.00001v2\r\nAbstract: ${wrapped}\r\n\r\nHearing a slip\r\n\r\nAda Wren, Bo de la Cruz and J. R. Holm\r\n\r\n${second}\r\n`
    const { papers } = await parseDigest(page)
    expect(papers).toMatchObject([
      { id: '2401.00001', version: 2, title: 'Methane from ponds', abstract: first, authors: ['Ida Moss', 'Per Kall'] },
      { title: 'Hearing a slip', abstract: second, authors: ['Ada Wren', 'Bo de la Cruz', 'J. R. Holm'] },
    ])
  })

  it('joins the paragraphs of an abstract, and keeps two papers with the same title apart', async () => {
    const { papers } = await parseDigest(`Ponds\n\n${first}\n\n${second}\n\nPonds\n\n${second}`)
    expect(papers.map(({ abstract }) => abstract)).toEqual([`${first}\n\n${second}`, second])
    expect(papers[0]?.id).toBe(derivedId('Ponds'))
    expect(papers[1]?.id).toMatch(new RegExp(`^${derivedId('Ponds')}-`, 'u'))
  })

  it('distinguishes long titles that end like sentences from short abstracts', async () => {
    const question = 'Can a gripper with two microphones in its cheap fingers hear that an object is about to slip?'
    const sentence =
      'Bubbles of methane in the ice of forty shallow ponds on thawing ground, counted from photographs in autumn.'
    const short = 'We put two microphones into a gripper. It hears what slips, and it drops one object in fifty.'
    const { papers } = await parseDigest([question, second, '3', sentence, first, 'Hearing a slip', short].join('\n\n'))
    expect(papers.map(({ title, abstract }) => [title, abstract])).toEqual([
      [question, second],
      [sentence, first],
      ['Hearing a slip', short],
    ])
  })

  it('accepts titles that look like furniture or dates', async () => {
    const titles = [
      'Shared Imagination: Two Models That Agree',
      'Published Benchmarks Leak',
      'Copyright Traps for Language Models',
      'Avatars at the Dinner Table',
      'Octopus 4',
      'Submitted by Mistake: Reviewing the Wrong Paper',
    ]
    const { papers } = await parseDigest(titles.map((title) => `12\n\n${title}\n\n${first} ${second}`).join('\n\n'))
    expect(papers.map(({ title }) => title)).toEqual(titles)
  })

  it.each([
    'Ann Lee',
    'Ann Lee, Bo Ray, et al.',
    'Bo Ray, Cy Doe, +5 authors',
    'cs.CL',
    'NeurIPS 2024',
    'Robotics',
    'Subjects: Machine Learning (cs.LG)',
  ])('keeps the title before a line such as %s', async (aside) => {
    const { papers } = await parseDigest(`Methane from ponds in autumn\n\n${aside}\n\n${first} ${second}`)
    expect(papers.map(({ title }) => title)).toEqual(['Methane from ponds in autumn'])
  })

  it('reports a paragraph without a title, and keeps short second paragraphs', async () => {
    const code = 'Code, data and all of the photographs of the forty ponds are available to everybody who asks us.'
    const { papers, skipped } = await parseDigest(
      `${first} ${second}\n\nMethane from ponds\n\n${first} ${second}\n\n${code}\n\nHearing a slip\n\n${second}`,
    )
    expect(skipped).toEqual([{ line: 1, text: `${first} ${second}` }])
    expect(papers.map(({ abstract }) => abstract)).toEqual([`${first} ${second}\n\n${code}`, second])
  })

  it.each([40, 60, 72, 100, 132, 240])('reads the example wrapped by hand at %d columns', async (width) => {
    const wrap = (text: string) => {
      const lines: string[] = []
      for (const word of text.split(' ')) {
        const open = lines.at(-1)
        if (open !== undefined && open.length + 1 + word.length <= width) lines[lines.length - 1] = `${open} ${word}`
        else lines.push(word)
      }
      return lines.join('\n')
    }
    const text = readFileSync('examples/digest.txt', 'utf8')
    const { papers: whole } = await parseDigest(text)
    const { papers: wrapped } = await parseDigest(text.split('\n').map(wrap).join('\n'))
    expect(wrapped.map(({ title }) => title)).toEqual(whole.map(({ title }) => title))
    expect(wrapped.map(({ abstract }) => abstract.split(/\s+/u))).toEqual(
      whole.map(({ abstract }) => abstract.split(/\s+/u)),
    )
  })

  it('reads the mail of a preprint server', async () => {
    const mail = ['2401.00001', '2401.00002'].map(
      (id) =>
        `\\\\\narXiv:${id}\nDate: Fri, 1 Mar 2024 10:00:00 GMT   (12kb)\n\nTitle: Methane from ponds\n  in ${id}\nAuthors: Ida Moss, Per Kall\nCategories: cs.RO\n\\\\\n  ${first}\n${second}\n\\\\ ( https://arxiv.org/abs/${id} ,  12kb)\n${'-'.repeat(60)}`,
    )
    const { papers } = await parseDigest(mail.join('\n'))
    expect(papers).toMatchObject([
      { id: '2401.00001', title: 'Methane from ponds in 2401.00001', authors: ['Ida Moss', 'Per Kall'] },
      { id: '2401.00002', title: 'Methane from ponds in 2401.00002', authors: ['Ida Moss', 'Per Kall'] },
    ])
  })

  it('takes neither an id nor a link from an address inside an abstract', async () => {
    const { papers } = await parseDigest(`Ponds\n\n${first} See https://arxiv.org/abs/2401.00001.`)
    expect(papers[0]).toMatchObject({ id: derivedId('Ponds') })
    expect(papers[0]).not.toHaveProperty('url')
  })

  it.each([
    ['Mar 12', '--03-12'],
    ['March 12th, 2025', '2025-03-12'],
    ['12 March 2025', '2025-03-12'],
    ['Wed, 12 Mar 2025', '2025-03-12'],
    ['Daily Papers · Nov 7', '--11-07'],
    ['2025-03-12', '2025-03-12'],
    ['2025/03/12', '2025-03-12'],
    ['May 40', undefined],
    ['Feb 31', undefined],
    ['Decoder 12', undefined],
    ['Marching ants in 12 towns', undefined],
    ['12', undefined],
  ])('reads %j as the date %s', (line, date) => {
    expect(lineDate(line)).toBe(date)
  })

  it('gives papers or one clear error for any text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(first, second, 'Mar 12', '', 'Upvote', 'A title')),
        ),
        async (lines) => {
          const text = lines.join('\n\n')
          try {
            for (const { title, abstract, id } of (await parseDigest(text)).papers) {
              expect(id).not.toBe('')
              expect(title + abstract).not.toBe('')
            }
          } catch (error) {
            expect(PaperkinError.isInstance(error) && error.code).toMatch(/^(unreadable-source|invalid-paper)$/u)
          }
        },
      ),
    )
  })
})

describe('JSON', () => {
  const records = [
    { id: 'a', title: 'Ponds', abstract: first, authors: ['Ida Moss'], published: '2024-03-03' },
    { title: 'Slips', abstract: second, url: 'https://arxiv.org/abs/2401.00002' },
    { title: 'A title alone' },
  ]
  const ids = ['a', '2401.00002', derivedId('A title alone')]

  it.each([
    ['an array', JSON.stringify(records)],
    ['an indented array', JSON.stringify(records, null, 2)],
    ['an object that holds one', JSON.stringify({ papers: records })],
    ['lines', records.map((record) => JSON.stringify(record)).join('\n')],
    [
      'lines with a mark, blank lines and other line ends',
      `\ufeff${records.map((record) => JSON.stringify(record)).join('\r\n\r\n')}\r\n`,
    ],
  ])('is read from %s', async (name, text) => {
    const { papers, format } = await parseDigest(text)
    expect(format).toBe(name.startsWith('lines') ? 'jsonl' : 'json')
    expect(papers.map(({ id }) => id)).toEqual(ids)
    expect(papers[0]).toMatchObject({ authors: ['Ida Moss'], published: '2024-03-03' })
    expect(papers[2]).toMatchObject({ titleOnly: true })
    expect(await readPapers(file('papers.gz', gzipSync(text)))).toEqual(papers)
  })

  it('keeps two records with the same title apart', async () => {
    const { papers } = await parseDigest(
      '[{"title":"Learning C","abstract":"One."},{"title":"Learning C++","abstract":"Two."}]',
    )
    expect(papers.map(({ id }) => id)).toEqual([
      derivedId('Learning C'),
      expect.stringMatching(`^${derivedId('Learning C')}-`),
    ])
  })

  it('reads a single record', async () => {
    expect((await parseDigest(JSON.stringify(records[0]))).papers).toHaveLength(1)
  })
})

describe('unreadable sources', async () => {
  const line = JSON.stringify({ title: 'Ponds', abstract: first })
  it.each([
    ['nothing', 'nothing.txt', '', 'unreadable-source', /nothing\.txt, but it is empty/u],
    ['white space', 'blank.txt', ' \n\n ', 'unreadable-source', /blank\.txt, but it is empty/u],
    [
      'a page without a paper',
      'page.txt',
      'new\n\nSubscribe\n\nMar 12\n',
      'unreadable-source',
      /Found no papers in page\.txt/u,
    ],
    ['bytes', 'a.bin', Uint8Array.of(1, 0, 2, 0, 255), 'unreadable-source', /a\.bin is a binary file/u],
    ['another encoding', 'latin.txt', Uint8Array.of(0x66, 0xfc, 0x72), 'unreadable-source', /UTF-8/u],
    [
      'gzip cut off',
      'cut.gz',
      gzipSync(first.repeat(9)).subarray(0, 60),
      'unreadable-source',
      /cut\.gz looks like gzip/u,
    ],
    ['an empty array', 'none.json', '[]', 'unreadable-source', /none\.json, but it has no records/u],
    [
      'an array cut off',
      'cut.json',
      `[\n${line},\n{"title": "Sl`,
      'unreadable-source',
      /Record 2 of cut\.json \(line 3\) is not valid JSON/u,
    ],
    [
      'an object cut off',
      'one.json',
      '{\n "title": "Ponds",\n "abs',
      'unreadable-source',
      /Record 1 of one\.json \(line 3\) is not valid JSON/u,
    ],
    [
      'lines, one cut off',
      'cut.jsonl',
      `${line}\n${line}\n${line.slice(0, 40)}\n${line}`,
      'unreadable-source',
      /Line 3 of cut\.jsonl/u,
    ],
    [
      'lines, the first cut off',
      'start.jsonl',
      `${line.slice(0, 40)}\n${line}\n${line}`,
      'unreadable-source',
      /Line 1 of start\.jsonl/u,
    ],
    [
      'a line with neither',
      'bad.jsonl',
      `${line}\n\n{"id": "x"}\n{"id": "y"}`,
      'invalid-paper',
      /^Line 3 of bad\.jsonl has neither a title nor an abstract \(and 1 more such problem\)/u,
    ],
    [
      'a wrong type',
      'type.json',
      '[{"title": 7}]',
      'invalid-paper',
      /Record 1 of type\.json \(line 1\) has a bad `title`/u,
    ],
  ])('%s is one clear error', async (_, name, content, code, message) => {
    const error = await readDigest(file(name, content)).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(error).toMatchObject({ name: 'PaperkinError', code, message: expect.stringMatching(message) })
  })

  it('names a missing file and a folder', async () => {
    await expect(readDigest(join(folder, 'missing.txt'))).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringContaining('There is no file'),
    })
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    await expect(readDigest(empty)).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringContaining('the folder has no files'),
    })
  })

  it('carries one issue for each bad record', async () => {
    await expect(parseDigest('{"id": "x"}\n{"title": 7}\n')).rejects.toMatchObject({
      code: 'invalid-paper',
      issues: [{ path: ['Line 1'] }, { path: ['Line 2', 'title'], field: 'title', line: 2 }],
    })
  })
})

describe('what is not a page', () => {
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['YAML', `---\nreferences:\n- id: a\n  title: Ponds\n  abstract: ${first}\n...\n`, /looks like YAML/u],
    [
      'XML of another kind',
      `<?xml version="1.0"?>\n<orders><order><title>Ponds</title><text>${first}</text></order></orders>`,
      /looks like XML \(`orders`\)/u,
    ],
    ['tags without a record', `TI  - Ponds\nAB  - ${first}\nPY  - 2020\n`, /looks like lines with tags/u],
    ['fields without an entry', `title = {Ponds},\nabstract = {${first}},\n}\n`, /looks like BibTeX/u],
    ['JSON without its beginning', `ere.",\n "title": "Ponds",\n "abstract": "${first}"\n}\n`, /looks like JSON/u],
    ['a table of other columns', `a,b,c,d\n1,2,3,x\n2,3,4,y\n3,4,5,z\n4,5,6,w\n`, /looks like a table with commas/u],
    [
      'rows without their names',
      `1;Ponds;${first};2020\n2;Slips;${second};2021\n`,
      /looks like a table with semicolons/u,
    ],
    [
      'LaTeX',
      `\\documentclass{article}\n\\begin{document}\n\\section{Ponds}\n${first}\n\\end{document}`,
      /looks like LaTeX/u,
    ],
    ['a list of LaTeX', `\\begin{thebibliography}{9}\n\\bibitem{a} Moss. Ponds. ${first}\n`, /looks like LaTeX/u],
    [
      'a program',
      `import a\nconst b = 1;\nfunction c() {\n  return ${'d'.repeat(30)};\n}\nlet e = 2;\n`,
      /looks like program source code/u,
    ],
    ['an encoded mail', `${'QUJD'.repeat(19)}\n`.repeat(9), /looks like an encoded mail/u],
    ['RTF', `{\\rtf1\\ansi ${first}}`, /looks like RTF/u],
  ]
  it.each(refused)('%s is refused by name, and read where the format is given', async (_, content, looks) => {
    const error = await readPapers({ name: 'odd', content }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(/Supported formats are .*bibtex.*page; `format`/u),
    })
    expect((error as Error).message).toMatch(looks)
    await readPapers({ name: 'odd', content }, { format: 'page' }).catch((thrown: unknown) => {
      if (!PaperkinError.isInstance(thrown) || thrown.code !== 'unreadable-source') throw thrown
    })
  })

  it('two short sentences are not a page, unless the format is given', async () => {
    const content = 'A heading of some kind\n\nThis is a note of fourteen words that was left in a folder by somebody.'
    await expect(readPapers({ name: 'note', content })).rejects.toMatchObject({ code: 'unreadable-source' })
    expect(await readPapers({ name: 'note', content }, { format: 'page' })).toHaveLength(1)
  })

  it('the given format wins over the content', async () => {
    const content = JSON.stringify([{ title: 'Ponds', abstract: first }])
    await expect(readPapers({ name: 'x', content }, { format: 'ris' })).rejects.toMatchObject({
      code: 'unreadable-source',
    })
    expect(await readPapers({ name: 'x', content: `a, b, title\n1, 2, Ponds` }, { format: 'csv' })).toMatchObject([
      { title: 'Ponds' },
    ])
  })

  it('reports a long note before the first record, and ignores a short one', async () => {
    const problems: string[] = []
    const onProblem = ({ kind, reason }: { kind: string; reason: string }) => problems.push(`${kind}: ${reason}`)
    const ris = `TY  - JOUR\nTI  - Ponds\nER  - \n`
    expect(await readPapers({ name: 'x', content: `Provider: a house\n\n${ris}` }, { onProblem })).toHaveLength(1)
    expect(problems).toEqual([])
    expect(await readPapers({ name: 'x', content: `${first} ${second}\n\n${ris}` }, { onProblem })).toHaveLength(1)
    expect(problems).toEqual(['passed-over: starts a note before the first record, which is not read'])
  })

  it('reads every paper of a folder with all formats, and names refused files', async () => {
    const expected = JSON.parse(readFileSync('test/fixtures/sources/expected.json', 'utf8')) as Record<
      string,
      { papers: unknown[] }
    >
    const mixed = join(folder, 'mixed')
    mkdirSync(mixed)
    for (const name of Object.keys(expected))
      writeFileSync(join(mixed, name), readFileSync(`test/fixtures/sources/${name}`))
    for (const [i, [, content]] of refused.entries()) writeFileSync(join(mixed, `odd-${i}`), content)
    const problems: { source: string; kind: string; line?: number; record?: number }[] = []
    const { papers, sources } = await readDigest(mixed, { onProblem: (problem) => problems.push(problem) })
    const all = Object.values(expected).reduce((sum, { papers }) => sum + papers.length, 0)
    expect(papers).toHaveLength(all)
    expect(sources).toHaveLength(Object.keys(expected).length)
    expect(sources.flatMap(({ papers }) => papers).reduce((sum, { count }) => sum + count, 0)).toBe(all)
    const whole = problems.filter(({ line, record }) => line === undefined && record === undefined)
    expect(whole.map(({ source, kind }) => [source.slice(mixed.length + 1, mixed.length + 5), kind])).toEqual(
      refused.map(() => ['odd-', 'passed-over']),
    )
  })
})

describe('dates, keys and missing values', () => {
  it('gives the date of a digest to its papers', async () => {
    const page = `Daily Papers\n\nNov 7\n\nMethane from ponds\n\n${first}\n`
    expect((await parseDigest(page, { year: 2025 })).papers[0]).toMatchObject({ published: '2025-11-07' })
    expect((await parseDigest(page)).papers[0]).not.toHaveProperty('published')
  })

  it('keeps papers with the same key apart by their titles, in any order', async () => {
    const a = { name: 'a.bib', content: '@article{moss, title={Ponds}, year=2020}' }
    const b = { name: 'b.bib', content: '@article{moss, title={Choirs}, year=2020}' }
    const c = { name: 'c.bib', content: '@article{moss, title={Ponds}, year=2021}' }
    const notes: string[] = []
    const papers = await readPapers([a, b, c], { onProblem: ({ kind, message }) => notes.push(`${kind}: ${message}`) })
    const apart = `moss-${derivedId('Choirs').slice(2, 6)}`
    expect(papers.map(({ id, title }) => [id, title])).toEqual([
      ['moss', 'Ponds'],
      [apart, 'Choirs'],
      ['moss', 'Ponds'],
    ])
    expect(notes).toEqual([
      `note: Record 1 of b.bib (line 1) has the key moss of another paper (Record 1 of a.bib (line 1)): kept as ${apart}`,
    ])
    expect((await readPapers([a, b])).map(({ id }) => id)).toEqual(['moss', apart])
  })

  it('merges equal records without id and abstract', async () => {
    const { papers } = await parseDigest(
      '[{"title":"Ponds"},{"title":"ponds."},{"title":"Ponds","doi":"10.1/x"},{"title":"C"},{"title":"C++"}]',
    )
    expect(papers.map(({ title }) => title)).toEqual(['Ponds', 'C', 'C++'])
    expect(new Set(papers.map(({ id }) => id)).size).toBe(3)
  })

  it.each(['NaN', 'None', 'n.d.', 'N/A', '[No abstract available]', 'No abstract available.', 'NULL'])(
    'takes %s for nothing',
    async (nothing) => {
      const { papers } = await parseDigest(
        JSON.stringify([{ title: 'Ponds', abstract: nothing, published: nothing, doi: nothing }]),
      )
      expect(papers[0]).toEqual({ id: derivedId('Ponds'), title: 'Ponds', abstract: '', titleOnly: true })
    },
  )

  it('keeps unmapped fields of records of every shape', async () => {
    const odd = { paperId: 'p1', title: 'Ponds', abstract: first, stars: 4, deep: { a: [1] } }
    for (const record of [
      odd,
      { ...odd, externalIds: {} },
      { ...odd, itemType: 'book' },
      { ...odd, 'container-title': 'x' },
    ])
      expect((await parseDigest(JSON.stringify([record]))).papers[0]?.extra).toMatchObject({
        stars: 4,
        deep: { a: [1] },
      })
  })

  it.each([
    ['2021 Mar 5', '2021-03-05'],
    ['MAR 2021', '2021-03'],
    ['2021 Sep-Oct', '2021-09'],
    ['5 March 2021', '2021-03-05'],
    ['March 5th, 2021', '2021-03-05'],
    ['Fri, 5 Mar 2021 10:00:00 GMT', '2021-03-05'],
    ['13/02/2021', '2021-02-13'],
    ['02/13/2021', '2021-02-13'],
    ['3/2021', '2021-03'],
    ['20210305', '2021-03-05'],
    ['2021-03-00', '2021-03'],
    [1614902400000, '2021-03-05'],
  ])('reads the date %s as %s', async (published, iso) => {
    expect((await parseDigest(JSON.stringify([{ title: 'Ponds', published }]))).papers[0]?.published).toBe(iso)
  })

  it.each([
    ['in press', undefined],
    ['01/02/2021', '2021'],
    ['2021-13-45', '2021'],
    ['Winter 2021', '2021'],
  ])('keeps the date %s in extra, and of it %s', async (published, iso) => {
    const [paper] = (await parseDigest(JSON.stringify([{ title: 'Ponds', published }]))).papers
    expect(paper?.published).toBe(iso)
    expect(paper?.extra).toEqual({ published })
  })

  it.each([
    ['v2', 2, undefined],
    ['3', 3, undefined],
    [0, undefined, 0],
    ['draft', undefined, 'draft'],
    [1.5, undefined, 1.5],
  ])('never refuses a record for its version %j', async (version, number, kept) => {
    const [paper] = (await parseDigest(JSON.stringify([{ title: 'Ponds', version }]))).papers
    expect([paper?.version, paper?.extra?.version]).toEqual([number, kept])
  })
})

describe('nested records', () => {
  const record = { title: 'Ponds', abstract: first }
  const other = { title: 'Slips', abstract: second }
  it.each<readonly [string, unknown]>([
    ['edges and nodes', { data: { search: { edges: [{ node: record }, { node: other }] } } }],
    ['hits with their sources', { hits: { total: 2, hits: [{ _id: '1', _source: record }, { _source: other }] } }],
    ['attributes', { data: [{ type: 'x', attributes: record }, { attributes: other }] }],
    ['columns', { title: { 0: 'Ponds', 1: 'Slips' }, abstract: { 0: first, 1: second } }],
    [
      'rows under names',
      {
        columns: ['title', 'abstract'],
        data: [
          ['Ponds', first],
          ['Slips', second],
        ],
      },
    ],
    ['values under ids', { p1: record, p2: other }],
    ['lists of lists', [[record], [other]]],
    ['a list of a name that nobody knows, under a title', { title: 'My list', of: 'today', things: [record, other] }],
    ['candidates beside what they are for', { query: record, candidates: [other] }],
    [
      'wrapped texts',
      [
        { title: ['Ponds'], abstract: { value: first } },
        { title: { value: 'Slips' }, abstract: [second] },
      ],
    ],
    ['a variable', `var papers = ${JSON.stringify([record, other])};`],
    ['a call', `found(${JSON.stringify([record, other])});`],
    ['a comma too many', `[${JSON.stringify(record)},\n${JSON.stringify(other)},\n]`],
    ['numbers that are none', `[${JSON.stringify(record).replace('}', ',"n":NaN}')},${JSON.stringify(other)}]`],
  ])('are found in %s', async (_, value) => {
    const content = typeof value === 'string' ? value : JSON.stringify(value)
    const papers = await readPapers({ name: 'x', content })
    expect(papers.map(({ title, abstract }) => [title, abstract])).toEqual([
      ['Ponds', first],
      ['Slips', second],
    ])
  })

  it('are read in the declared encoding of XML, and refused in an undeclared one', async () => {
    const xml = (encoding: string) =>
      Buffer.from(
        `<?xml version="1.0"${encoding}?><dblp><article key="a/b"><author>J M\u00fcller</author><title>Ponds</title></article></dblp>`,
        'latin1',
      )
    const papers = await readPapers({ name: 'x', content: xml(' encoding="ISO-8859-1"') })
    expect(papers).toMatchObject([{ title: 'Ponds', authors: ['J M\u00fcller'] }])
    await expect(readPapers({ name: 'x', content: xml('') })).rejects.toMatchObject({ code: 'unreadable-source' })
  })

  it('are not taken from the references of a paper', async () => {
    const papers = await readPapers({
      name: 'x',
      content: JSON.stringify({ ...record, references: [other], things: [other] }),
    })
    expect(papers).toMatchObject([{ title: 'Ponds', extra: { references: [other], things: [other] } }])
  })

  it('are not made from empty responses', async () => {
    const problems: string[] = []
    const onProblem = ({ kind, reason }: { kind: string; reason: string }) => problems.push(`${kind}: ${reason}`)
    await readPapers({ name: 'x', content: JSON.stringify([null, record, { error: 'Not found' }]) }, { onProblem })
    expect(problems).toEqual([
      'passed-over: is null: the source had no paper for it',
      'bad: is a server error: Not found',
    ])
  })
})

describe('hostile files', () => {
  it.each(hostileFiles)('%s are read, reported or refused', async (_, make) => {
    let said = 0
    const onProblem = () => {
      said++
    }
    const papers = await readPapers({ name: 'x', content: make(4000) }, { onProblem }).catch((error: unknown) => {
      if (!PaperkinError.isInstance(error)) throw error
      said++
      return []
    })
    expect(papers.length + said).toBeGreaterThan(0)
  })
})

describe('a blank line inside a record', () => {
  it.each([
    ['PMID- 1\nTI  - Ice on lakes\n\nAB  - We count days of ice on forty lakes.\n', 'PMID'],
    ['%0 Journal Article\n%T Ice on lakes\n%A Ada Lake\n\n%X We count days of ice on forty lakes.\n', '%0'],
  ])('is reported where the rest lacks the first tag: %j', async (content, tag) => {
    const problems: string[] = []
    await readPapers({ name: 'x', content }, { onProblem: ({ reason }) => problems.push(reason) })
    expect(problems.join('; ')).toContain(`has no ${tag}: a blank line may have cut it off`)
  })
})

describe('records with keys', () => {
  const entry = (i: number) => `@article{key${i}, title={On topic ${i}}, abstract={Short ${i}.}}`
  const events = async (content: string, holdersOf?: (ids: readonly string[]) => Promise<readonly undefined[]>) => {
    const found = []
    for await (const event of readSources({ name: 'a.bib', content }, holdersOf && { holdersOf })) found.push(event)
    return found
  }

  it('are looked up in groups, and come in the same order with their problems', async () => {
    const content = Array.from({ length: 500 }, (_, i) => (i === 250 ? '@article{bad, year={2020}}' : entry(i))).join(
      '\n',
    )
    const asked: number[] = []
    const found = await events(content, async (ids) => {
      asked.push(ids.length)
      return ids.map(() => undefined)
    })
    expect(found).toEqual(await events(content))
    expect(asked).toEqual([200, 199, 100])
  })

  it('are no problem of the file where they cannot be looked up', async () => {
    const failing = async () => {
      throw new PaperkinError('unreadable-source', 'The server is away.')
    }
    await expect(events(entry(1), failing)).rejects.toThrow('The server is away.')
  })
})
