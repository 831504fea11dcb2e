import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as paperkin from '../../src/index.ts'
import { letters, paper } from './letters.ts'

const { PaperLibrary, PaperkinError } = paperkin
const root = mkdtempSync(join(tmpdir(), 'paperkin-wrong-'))
const papers = Array.from({ length: 12 }, (_, i) =>
  paper(`p${i}`, `Title of ${i}`, `About the ${'abcdef'[i % 6]} reeds.`),
)
let library: paperkin.PaperLibrary
let topics: paperkin.Topics
const home = process.cwd()
beforeAll(async () => {
  // Whatever a wrong path would make is made here.
  process.chdir(root)
  library = await PaperLibrary.open({ embedder: letters() })
  await library.add(papers)
  topics = await library.topics()
})
afterAll(async () => {
  process.chdir(home)
  await library.close()
  rmSync(root, { recursive: true, force: true })
})

/** Values that no caller should pass, and some that are nearly right. */
const junk: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  5n,
  '',
  'x',
  '\ud800',
  Symbol('s'),
  [],
  [null],
  ['x'],
  [[1]],
  [{}],
  {},
  { a: 1 },
  Object.create(null),
  { constructor: 5, toString: 7 },
  () => {},
  new Date(Number.NaN),
  new Map(),
  new Map([['p0', 'x']]),
  new Set(['x']),
  new Float32Array(2),
  new DataView(new ArrayBuffer(4)),
  new AbortController(),
  Promise.resolve(1),
  new Proxy({}, { get: () => undefined }),
]

type Call = (...args: readonly never[]) => unknown
const as = (call: unknown) => call as Call
/** Each public call with arguments that are right, and the names of its options. */
const calls = (): readonly (readonly [string, Call, readonly unknown[], (readonly string[])?])[] => [
  [
    'open',
    as(PaperLibrary.open),
    [{}],
    ['path', 'create', 'readOnly', 'reembed', 'repair', 'embedder', 'index', 'signal', 'onProgress'],
  ],
  ['PaperLibrary.verify', as(PaperLibrary.verify), [root, {}], ['signal']],
  ['new', as((parts: never) => Reflect.construct(PaperLibrary, [parts])), [{}]],
  ...(
    [
      ['has', ['p0']],
      ['get', ['p0']],
      ['vector', ['p0']],
      ['find', ['reeds', {}], ['k']],
      ['add', [papers, {}], ['vectors', 'merge', 'signal', 'onProgress']],
      ['remove', [['none']]],
      ['export', [{ papers: join(root, 'out.jsonl') }], ['papers', 'vectors', 'signal']],
      ['import', [{ papers: join(root, 'out.jsonl') }], ['papers', 'vectors', 'signal', 'onProgress']],
      ['refresh', [{}], ['signal']],
      ['verify', [{}], ['signal']],
      [
        'search',
        ['reeds', {}],
        ['k', 'offset', 'filter', 'mode', 'diversity', 'recency', 'why', 'signal', 'phrases', 'vector'],
      ],
      [
        'related',
        ['p0', {}],
        ['k', 'offset', 'filter', 'mode', 'diversity', 'recency', 'why', 'signal', 'omitDuplicates', 'vector'],
      ],
      [
        'relatedMany',
        [['p0'], {}],
        ['k', 'offset', 'filter', 'mode', 'diversity', 'recency', 'why', 'signal', 'omitDuplicates', 'vector'],
      ],
      ['duplicates', [{}], ['threshold', 'signal']],
      [
        'topics',
        [{}],
        [
          'method',
          'count',
          'seed',
          'resolution',
          'minTopicSize',
          'neighbours',
          'outlierShare',
          'termsPerLabel',
          'label',
          'previous',
          'signal',
        ],
      ],
      [
        'restoreTopics',
        [JSON.parse(JSON.stringify(topics)), {}],
        ['neighbours', 'outlierShare', 'termsPerLabel', 'label', 'signal'],
      ],
      ['report', [topics, {}], ['path', 'format', 'title', 'seed', 'kin', 'signal', 'onProgress']],
    ] as const
  ).map(
    ([name, args, options]) =>
      [name, as((library[name] as Call).bind(library)), args, options] as unknown as [
        string,
        Call,
        unknown[],
        string[]?,
      ],
  ),
  ...(
    [
      ['of', ['p0']],
      ['hierarchy', [{}], ['signal']],
      ['overTime', ['year', {}], ['signal']],
      ['assign', [papers, {}], ['signal']],
      ['reduce', [1, {}], ['signal']],
      ['merge', [[0, 1], {}], ['signal']],
      ['split', [0, {}], ['count', 'signal']],
    ] as const
  ).map(
    ([name, args, options]) =>
      [`topics.${name}`, as(topics[name] as Call), args, options] as unknown as [string, Call, unknown[], string[]?],
  ),
  [
    'evaluateRelated',
    as(paperkin.evaluateRelated),
    [library, new Map([['p0', new Map([['p1', 1]])]]), {}],
    ['queries', 'k', 'depth', 'seed', 'signal', 'onProgress'],
  ],
  [
    'evaluateTopics',
    as(paperkin.evaluateTopics),
    [
      library,
      new Map([
        ['p0', 'a'],
        ['p1', 'b'],
      ]),
      { seeds: 1, counts: [2], methods: ['kmeans'] },
    ],
    ['seeds', 'counts', 'methods', 'signal', 'onProgress'],
  ],
  ['evaluateRun', as(paperkin.evaluateRun), [new Map(), new Map(), {}], ['k']],
  ['bootstrapInterval', as(paperkin.bootstrapInterval), [[1, 2], { samples: 10 }], ['samples', 'level', 'seed']],
  ['comparePaired', as(paperkin.comparePaired), [[1, 2], [2, 1], { samples: 10 }], ['samples', 'level', 'seed']],
  ['npmi', as(paperkin.npmi), [[['a', 'b']], { documents: [['a', 'b']] }], ['documents', 'window']],
  ['topicDiversity', as(paperkin.topicDiversity), [[['a']]]],
  [
    'silhouette',
    as(paperkin.silhouette),
    [[1, 0, 0, 1], { dimensions: 2, groups: [0, 1] }],
    ['dimensions', 'groups', 'rows'],
  ],
  ['purity', as(paperkin.purity), [['a'], ['b']]],
  ['vMeasure', as(paperkin.vMeasure), [['a'], ['b']]],
  ['normalizedMutualInformation', as(paperkin.normalizedMutualInformation), [['a'], ['b']]],
  ['adjustedMutualInformation', as(paperkin.adjustedMutualInformation), [['a'], ['b']]],
  ['adjustedRandIndex', as(paperkin.adjustedRandIndex), [['a'], ['b']]],
  ['ndcg', as(paperkin.ndcg), [[1], { k: 1, judged: [1] }]],
  ['recall', as(paperkin.recall), [[1], { relevant: 1 }]],
  ['precision', as(paperkin.precision), [[1], {}]],
  ['averagePrecision', as(paperkin.averagePrecision), [[1], { relevant: 1 }]],
  ['reciprocalRank', as(paperkin.reciprocalRank), [[1], {}]],
  [
    'createEmbedder',
    as(paperkin.createEmbedder),
    [{ localFilesOnly: true }],
    [
      'revision',
      'dtype',
      'device',
      'pooling',
      'queryPrefix',
      'documentPrefix',
      'maxTokens',
      'localFilesOnly',
      'cacheDir',
      'workers',
      'idleSeconds',
      'cache',
    ],
  ],
  ['createVectorCache', as(paperkin.createVectorCache), [{}], ['maxBytes']],
  [
    'pipelineEmbedder',
    as(paperkin.pipelineEmbedder),
    [{}, {}],
    ['pooling', 'queryPrefix', 'documentPrefix', 'modelId', 'cache'],
  ],
  [
    'readPapers',
    as(paperkin.readPapers),
    [{ name: 'x.json', content: '[]' }, {}],
    ['onProblem', 'format', 'columns', 'year', 'name', 'signal', 'onProgress'],
  ],
  ['readDigest', as(paperkin.readDigest), [{ name: 'x.json', content: '[]' }, {}]],
  ['parseDigest', as(paperkin.parseDigest), ['[{"title":"a"}]', {}]],
  [
    'streamPapers',
    as((source: never, options: never) => drained(paperkin.streamPapers(source, options))),
    [{ name: 'x.json', content: '[]' }, {}],
  ],
  [
    'fetchDaily',
    as((options: never) => drained(paperkin.fetchDaily(options))),
    [{ baseUrl: 'http://127.0.0.1:9', retries: 0 }],
    ['date', 'contact', 'interval', 'timeout', 'retryDelay', 'signal', 'onRetry', 'onProblem'],
  ],
  [
    'fetchArxiv',
    as((query: never, options: never) => drained(paperkin.fetchArxiv(query, options))),
    ['all:x', { baseUrl: 'http://127.0.0.1:9', retries: 0 }],
    [
      'from',
      'to',
      'max',
      'start',
      'pageSize',
      'contact',
      'timeout',
      'retryDelay',
      'signal',
      'onRetry',
      'onPage',
      'onProblem',
    ],
  ],
  ['paperName', as(paperkin.paperName), [paper('a')]],
  ['paperText', as(paperkin.paperText), [paper('a')]],
]

async function drained(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values);
}

const describeValue = (value: unknown) => {
  try {
    return typeof value === 'symbol' || typeof value === 'bigint'
      ? value.toString()
      : (JSON.stringify(value) ?? String(value))
  } catch {
    return 'object'
  }
}

/** What is wrong with how a call ends. */
async function wrongEnd(call: Call, args: readonly unknown[]): Promise<string | undefined> {
  try {
    const result = await (call as (...args: readonly unknown[]) => unknown)(...args)
    if (result instanceof PaperLibrary && result !== library) await result.close()
    return undefined
  } catch (error) {
    if (PaperkinError.isInstance(error)) {
      const issue = /\[object|NaN is not|is not a function|is not iterable|Cannot read/u.exec(
        error.message.replace(/`undefined` \(undefined\)/gu, ''),
      )
      return issue === null ? undefined : `says ${error.message}`
    }
    return `throws ${String((error as Error)?.stack ?? error)
      .split('\n')
      .slice(0, 3)
      .join(' ')}`
  }
}

describe('whatever is passed, a call ends with what it is for or with one error of its own', () => {
  it('in place of each argument', async () => {
    const wrong: string[] = []
    for (const [name, call, args] of calls())
      for (const place of args.keys())
        for (const value of junk) {
          // That would ask the public interfaces.
          if (name.startsWith('fetch') && place === args.length - 1 && Object.keys(Object(value)).length === 0) continue
          const given = args.map((arg, i) => (i === place ? value : arg))
          const end = await wrongEnd(call, given)
          if (end !== undefined) wrong.push(`${name}, argument ${place} = ${describeValue(value)}: ${end}`)
        }
    expect(wrong).toEqual([])
    expect(library.size).toBe(papers.length)
  })

  it('in place of each option', async () => {
    const wrong: string[] = []
    for (const [name, call, args, options = []] of calls())
      for (const option of options)
        for (const value of junk) {
          const last = args.length - 1
          const given = args.map((arg, i) => (i === last ? { ...(arg as object), [option]: value } : arg))
          const end = await wrongEnd(call, given)
          if (end !== undefined) wrong.push(`${name}, ${option} = ${describeValue(value)}: ${end}`)
        }
    expect(wrong).toEqual([])
  })

  it('in place of each field of a paper, of a filter and of a seed', async () => {
    const wrong: string[] = []
    const memory = await PaperLibrary.open({ embedder: letters() })
    for (const value of junk) {
      for (const field of [
        'id',
        'title',
        'abstract',
        'authors',
        'categories',
        'published',
        'url',
        'version',
        'titleOnly',
        'extra',
        'paper',
        'year',
      ]) {
        const end = await wrongEnd(as(memory.add.bind(memory)), [[{ title: 'A title', [field]: value }]])
        if (end !== undefined) wrong.push(`add, ${field} = ${describeValue(value)}: ${end}`)
      }
      for (const field of ['published', 'year', 'categories', 'title', 'none'])
        for (const filter of [
          { [field]: value },
          { [field]: { from: value } },
          { [field]: { to: value } },
          { [field]: [value] },
        ]) {
          const end = await wrongEnd(as(library.search.bind(library)), ['reeds', { filter }])
          if (end !== undefined) wrong.push(`filter, ${field} = ${describeValue(value)}: ${end}`)
        }
      for (const seeds of [
        { like: value },
        { like: 'p0', unlike: value },
        { like: [value] },
        { id: value },
        { title: value },
      ]) {
        const end = await wrongEnd(as(library.related.bind(library)), [seeds])
        if (end !== undefined) wrong.push(`related, ${describeValue(seeds)}: ${end}`)
      }
    }
    await memory.close()
    expect(wrong).toEqual([])
  })
})

describe('an option that no call knows', () => {
  it('is refused by each of them, with the nearest that there is', async () => {
    for (const [name, call, args, options] of calls()) {
      if (options === undefined) continue
      for (const option of options) {
        const slip = `${option.slice(0, 1)}${option.slice(2)}${option.slice(1, 2)}x`
        const last = args.length - 1
        const given = args.map((arg, i) => (i === last ? { ...(arg as object), [slip]: undefined } : arg))
        const error = await Promise.resolve()
          .then(() => (call as (...args: readonly unknown[]) => unknown)(...given))
          .catch((error: unknown) => error)
        expect([name, slip, error]).toMatchObject([
          name,
          slip,
          { code: 'invalid-argument', message: expect.stringMatching(new RegExp(`has no option \`"${slip}"\``, 'u')) },
        ])
      }
    }
  })

  it.each<[string, unknown, string]>([
    ['open', { paht: 'x' }, 'path'],
    ['open', { readonly: true }, 'readOnly'],
    ['search', { limit: 5 }, 'k'],
    ['search', { topK: 5 }, 'k'],
    ['search', { filters: {} }, 'filter'],
    ['related', { ofset: 5 }, 'offset'],
    ['topics', { nTopics: 2 }, 'count'],
    ['topics', { labels: () => 'x' }, 'label'],
    ['add', { vector: [] }, 'vectors'],
    ['report', { file: 'x' }, 'path'],
    ['duplicates', { treshold: 1 }, 'threshold'],
  ])('%s(%j) says %s', async (name, options, meant) => {
    const asked: Readonly<Record<string, () => Promise<unknown>>> = {
      open: () => PaperLibrary.open(options as never),
      search: () => library.search('reeds', options as never),
      related: () => library.related('p0', options as never),
      topics: () => library.topics(options as never),
      add: () => library.add([], options as never),
      report: () => library.report(topics, options as never),
      duplicates: () => library.duplicates(options as never),
    }
    await expect(asked[name]?.()).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(new RegExp(`did you mean \`${meant}\`\\?$`, 'u')),
    })
  })

  it('names what is meant by topics from JSON, a controller, and `new`', async () => {
    const plain = JSON.parse(JSON.stringify(topics))
    await expect(library.report(plain)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/from JSON: restore them with `library\.restoreTopics\(data\)`/u),
    })
    await expect(library.search('reeds', { signal: new AbortController() as never })).rejects.toMatchObject({
      message: expect.stringMatching(/pass its `signal`/u),
    })
    expect(() => Reflect.construct(PaperLibrary, [])).toThrow(/PaperLibrary\.open\(\)/u)
    await expect(library.search('reeds', 5 as never)).rejects.toMatchObject({
      message: expect.stringMatching(/options of `search` to be an object such as \{ k: … \}, got `5` \(number\)/u),
    })
  })
})
