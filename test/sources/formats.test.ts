// Each format's fixture holds every field and each thing that goes wrong; what is read of it stands in expected.json.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import type { Paper } from '../../src/paper.ts'
import { detectFormat } from '../../src/sources/detect-format.ts'
import { parseDigest, readPapers, streamPapers } from '../../src/sources/read-papers.ts'
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

it('tells formats of long heads without going back and forth in them', () => {
  for (const unit of ['\n', ' ', '\t', '%\n', '@', '@a', '<!---->', '<!--', '-->', '"', ',', '\n@a{', '{"', '\nTY  - '])
    for (const end of ['', 'x', '\u0000', '<']) expect(typeof detectFormat(unit.repeat(30_000) + end)).toBe('string')
})

describe.each(files)('%s', (file) => {
  const content = text(file)
  const { format, ...contents } = expected[file] as (typeof expected)[string]

  it('gives its papers whole and tells of every problem with its place', async () => {
    expect(detectFormat(content)).toBe(format)
    expect(JSON.parse(JSON.stringify(await read(content, file)))).toEqual(contents)
    for (const problem of contents.problems)
      expect(problem).toMatch(/^(?:bad|doubtful|passed-over): (?:Line|Record) \d+/u)
  })

  it('reads the same gzipped, in UTF-16, with a mark, with other line ends and in pieces of any size', async () => {
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

  it('without onProblem the first bad record ends the stream, and readPapers tells of all', async () => {
    const bad = contents.problems.filter((problem) => !problem.startsWith('passed-over'))
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
        // What its head is taken for may change; as its own format it must be read as well.
        await parseDigest(mutated, { format: format as 'json' }).catch((error: unknown) => {
          if (!PaperkinError.isInstance(error)) throw error
        })
      }),
      { numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
    )
  })
})
