import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { readJudgements, readQuestions, readRun } from '../../src/sources/read-judgements.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paperkin-judgements-'))
})
const file = async (content: string | Buffer) => {
  const path = join(folder, `${Math.random()}`)
  await writeFile(path, content)
  return path
}

describe('readJudgements', () => {
  const expected = new Map([
    [
      'q1',
      new Map([
        ['a', 2],
        ['b', 0],
      ]),
    ],
    ['q2', new Map([['a', 1]])],
  ])
  it.each([
    ['tabs with a header', 'query_id\tdoc_id\trelevance\nq1\ta\t2\nq1\tb\t0\nq2\ta\t1\n'],
    ['TREC with spaces', 'q1 0 a 2\nq1 0 b 0\r\n\nq2  0  a 1'],
    ['gzip', gzipSync('q1\ta\t2\nq1\tb\t0\nq2\ta\t1')],
    [
      'pools of all queries',
      JSON.stringify({ q1: { cands: ['a', 'b'], relevance_adju: [2, 0] }, q2: { cands: ['a'], relevance_adju: [1] } }),
    ],
    [
      'a pool a line',
      '{"query":{"doc_id":"q1"},"candidates":[{"doc_id":"a","score":2},{"doc_id":"b","score":0}]}\n{"query":"q2","candidates":[{"doc_id":"a","score":1}]}\n',
    ],
    ['one that comes twice', 'q1\ta\t2\nq1\tb\t0\nq1\ta\t2\nq2\ta\t1'],
  ])('reads %s', async (_, content) => {
    expect(await readJudgements(await file(content))).toEqual(expected)
  })

  it.each([
    ['q1\ta\t2\nq1\tb', /line 2 of .* to hold a query, a paper and a grade, got `"q1\\tb"`/u],
    ['q1\ta\t2\nq1\tb\tmuch', /line 2/u],
    ['q1\ta\t2\nq1\ta\t1', /line 2 of .* to hold the grade 2 again/u],
    ['two words', /line 1/u],
    ['{"q1":{"cands":["a"],"relevance_adju":[]}}', /equally many candidates and grades/u],
    ['{"query":"q","candidates":[{"doc_id":"a"}]}', /a query, a paper and a grade/u],
  ])('refuses %j', async (content, message) => {
    await expect(readJudgements(await file(content))).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(message),
    })
  })

  it('reports a missing file', async () => {
    await expect(readJudgements(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'unreadable-source' })
  })
})

describe('readQuestions', () => {
  it.each([['{"id": "a", "text": "Why?"}\n{"_id": 7, "text": "How? "}'], ['a\tWhy?\n7\tHow?\n']])(
    'reads %j',
    async (content) => {
      expect([...(await readQuestions(await file(content)))]).toEqual([
        ['a', 'Why?'],
        ['7', 'How?'],
      ])
    },
  )
  it.each([['{"id": "a"}'], ['{broken'], ['a Why?']])('refuses %j', async (content) => {
    await expect(readQuestions(await file(content))).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(/line 1 of .* to hold an id and a text/u),
    })
  })
})

describe('readRun', () => {
  it('reads a run in TREC’s format', async () => {
    const run = await readRun(await file(gzipSync('q1 Q0 a 1 2.5 mine\nq1 Q0 b 2 -1e-3 mine\nq2\tQ0\ta\t1\t3\tmine\n')))
    expect(run).toEqual(
      new Map([
        [
          'q1',
          new Map([
            ['a', 2.5],
            ['b', -1e-3],
          ]),
        ],
        ['q2', new Map([['a', 3]])],
      ]),
    )
  })

  it.each([
    ['q1 Q0 a 1', /line 1 of .* to hold a query, Q0, a paper, a rank, a score and a name/u],
    ['q1 Q0 a 1 much mine', /line 1/u],
    ['q1 Q0 a 1 2 mine\nq1 Q0 a 2 1 mine', /line 2 of .* to hold a only once for the query q1/u],
  ])('refuses %j', async (content, message) => {
    await expect(readRun(await file(content))).rejects.toMatchObject({
      code: 'unreadable-source',
      message: expect.stringMatching(message),
    })
  })
})
