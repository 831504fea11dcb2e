// Each format's fixture has every field and every kind of problem; expected.json has the papers and problems read from it.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import type { Paper } from '../../src/paper.ts'
import { recognize, sourceFormats } from '../../src/sources/formats.ts'
import { parseDigest, readDigest, readPapers, streamPapers } from '../../src/sources/read-papers.ts'
import type { SourceProblem } from '../../src/sources/reading.ts'

const folder = 'test/fixtures/sources'
const files = readdirSync(folder).filter((name) => name !== 'expected.json')
const text = (file: string) => readFileSync(`${folder}/${file}`, 'utf8')
const expected = JSON.parse(text('expected.json')) as Record<
  string,
  { format: string; papers: Paper[]; problems: string[] }
>

async function read(content: string | Uint8Array | AsyncIterable<string | Uint8Array>, name = 'fixture') {
  const papers: Paper[] = []
  const problems: SourceProblem[] = []
  for await (const paper of streamPapers({ name, content }, { onProblem: (problem) => problems.push(problem) }))
    papers.push(paper)
  return { papers, problems: problems.map(({ kind, message }) => `${kind}: ${message}`) }
}

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number
    yield bytes.subarray(start, start + size)
    start += size
  }
}

it('recognises formats of long heads in linear time', () => {
  for (const unit of ['\n', ' ', '\t', '%\n', '@', '@a', '<!---->', '<!--', '-->', '"', ',', '\n@a{', '{"', '\nTY  - '])
    for (const end of ['', 'x', '\u0000', '<']) expect(() => recognize(unit.repeat(30_000) + end)).not.toThrow()
})

it('every fixture has an entry in expected.json', async () => {
  for (const file of files.filter((name) => expected[name] === undefined)) {
    const entry = { format: recognize(text(file))?.format ?? 'page', ...(await read(text(file), file)) }
    throw new Error(
      `Expected an entry for ${file} in expected.json. This is what is read now; correct it by hand where the fixture says otherwise:\n"${file}": ${JSON.stringify(entry, null, 2)}`,
    )
  }
})

it('every format has a fixture', () => {
  expect(new Set(Object.values(expected).map(({ format }) => format))).toEqual(new Set(sourceFormats))
})

const notes = [
  '\n\n\n',
  'Provider: Example House\nDatabase: Example\nContent: text/plain; charset="UTF-8"\n\n',
  '% Encoding: UTF-8\n% written by a program\n\n',
  '# a comment\n# and another\n',
  'About the data\n\nThese records are from a search of Friday. Nothing was left out of them, says who made it, and questions go to the address that stands on the first page of the report that they belong to; corrections are welcome there too, for nobody has looked at all of them.\n\n',
  'HTTP/1.1 200 OK\ncontent-type: text/plain; charset=utf-8\n\n',
]

describe.each(files.filter((name) => expected[name] !== undefined))('%s', (file) => {
  const content = text(file)
  const { format, ...contents } = expected[file] as (typeof expected)[string]

  it('yields complete papers, and reports every problem with its place', async () => {
    expect(recognize(content)?.format ?? 'page').toBe(format)
    expect(JSON.parse(JSON.stringify(await read(content, file)))).toEqual(contents)
    for (const problem of contents.problems)
      expect(problem).toMatch(/^(?:bad|doubtful|passed-over|note): (?:Line|Record) \d+/u)
  })

  it('reads the same gzipped, in UTF-16, with a byte order mark, with other line ends and in pieces of any size', async () => {
    const bytes = Buffer.from(content)
    const utf16 = Buffer.from(`\ufeff${content}`, 'utf16le')
    expect(await read(gzipSync(bytes), file)).toEqual(contents)
    expect(await read(utf16, file)).toEqual(contents)
    expect(await read(`\ufeff${content}`, file)).toEqual(contents)
    const turned = await read(content.replaceAll('\n', '\r\n'), file)
    expect(turned.problems).toEqual(contents.problems)
    expect(turned.papers.map(({ title }) => title)).toEqual(contents.papers.map(({ title }) => title))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 9 }), async (sizes) => {
        expect(await read(inPieces(bytes, sizes), file)).toEqual(contents)
      }),
      { numRuns: 8 },
    )
  })

  it('without onProblem the first bad record ends the stream, and readPapers reports all', async () => {
    const bad = contents.problems.filter((problem) => /^(?:bad|doubtful)/u.test(problem))
    const source = { name: file, content }
    if (bad.length === 0) {
      expect(await readPapers(source)).toHaveLength(contents.papers.length)
      return
    }
    const messages = bad.map((problem) => problem.replace(/^\w+: /u, ''))
    await expect(readPapers(source)).rejects.toMatchObject({ issues: messages.map((message) => ({ message })) })
    await expect(
      (async () => {
        for await (const _ of streamPapers(source));
      })(),
    ).rejects.toMatchObject({ issues: [{ message: messages[0] }] })
  })

  it('survives a round trip through JSON lines', async () => {
    const lines = contents.papers.map((paper) => JSON.stringify(paper)).join('\n')
    expect((await read(lines, 'again')).papers).toEqual(contents.papers)
    expect((await read(JSON.stringify(contents.papers), 'again')).papers).toEqual(contents.papers)
  })

  // A cut file of a free-text or page format may look like any other text.
  const isText = ['page', 'markdown', 'arxiv', 'scholar'].includes(format)
  it.skipIf(isText)('cut anywhere, or after any note, is read correctly or refused', async () => {
    const same = /^jsonl?$/u.test(format) ? ['json', 'jsonl'] : [format]
    const check = async (text: string) => {
      const digest = await readDigest({ name: file, content: text }, { onProblem: () => {} }).catch(
        (error: unknown) => {
          if (!PaperkinError.isInstance(error)) throw error
        },
      )
      if (digest !== undefined && digest.papers.length > 0) expect(same).toContain(digest.format)
      return digest?.papers.map(({ id }) => id)
    }
    for (let i = 1; i <= 20; i++) {
      const at = Math.floor((content.length * i) / 21)
      await check(content.slice(0, at))
      await check(content.slice(at))
    }
    const ids = contents.papers.map(({ id }) => id)
    for (const note of notes) expect(await check(note + content.replace(/^\ufeff/u, ''))).toEqual(ids)
  })

  // PAPERKIN_MUTATIONS=1000 is the long run.
  const runs = Number(process.env.PAPERKIN_MUTATIONS ?? 60)
  it(`reads ${runs} mutated inputs without a crash or a hang`, async () => {
    const tokens = [
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      ',',
      ';',
      '\t',
      '\n',
      '\r',
      '\\',
      '<',
      '>',
      '</',
      '/>',
      '<!--',
      ']]>',
      '&',
      '@',
      '@misc{',
      '(',
      ')',
      '%',
      'TY  - ',
      'ER  - ',
      '\u0000',
      '\ud800',
      'é',
      '文',
      'null',
      '1e999',
      '$',
      '#',
      '=',
      '<entry>',
      '<record>',
      '<p>',
      '"papers":[',
    ]
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 4000 })),
      put: fc.oneof(fc.constant(''), fc.constantFrom(...tokens), fc.string({ unit: 'binary', maxLength: 8 })),
      times: fc.constantFrom(1, 1, 1, 50),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 8 }), async (edits) => {
        let mutated = content
        for (const { at, cut, put, times } of edits) {
          const start = Math.floor(at * mutated.length)
          mutated = mutated.slice(0, start) + put.repeat(times) + mutated.slice(start + cut)
        }
        const { papers, problems } = await read(mutated)
        expect(papers.length + problems.length).toBeGreaterThan(0)
        for (const { id, title, abstract } of papers) {
          expect(id).not.toBe('')
          expect(title + abstract).not.toBe('')
        }
        // The recognised format may change; with its own format given it must be read too.
        await parseDigest(mutated, { format: format as 'json' }).catch((error: unknown) => {
          if (!PaperkinError.isInstance(error)) throw error
        })
      }),
      { numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
    )
  })
})
