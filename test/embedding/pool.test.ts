// Faults of the worker pool: each ends in a right answer or one clear error, and the next call works.
import { execFile, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'
import type { Embedder, TruncatedText } from '../../src/embedding/embedder.ts'
import { sharedPool } from '../../src/embedding/pool.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'

/** Every worker started, and what to do just before a text is handed to one. */
const threads = vi.hoisted(() => ({
  started: [] as Worker[],
  onStart: (_worker: Worker) => {},
  onText: (_worker: Worker, _text: string) => {},
}))

vi.mock('node:worker_threads', async (original) => {
  const actual = await original<typeof import('node:worker_threads')>()
  class WatchedWorker extends actual.Worker {
    constructor(...given: ConstructorParameters<typeof actual.Worker>) {
      super(...given)
      threads.started.push(this)
      threads.onStart(this)
    }
    override postMessage(message: { job?: string; options?: unknown } | null, transfer: [] = []): void {
      // Before the text is handed over: a thread that is killed over a text must die before it can answer.
      if (message?.job === 'embed') threads.onText(this, message.options as string)
      super.postMessage(message, transfer)
    }
  }
  return { ...actual, Worker: WatchedWorker }
})

const bundled = resolve('models/MiniLM-L6-papers')
const many = Array.from(
  { length: 60 },
  (_, index) => `Paper ${index}\n${'It measures one thing well. '.repeat(index % 7)}`,
)
const hex = (vectors: readonly Float32Array[]) =>
  vectors.map((vector) => Buffer.from(vector.buffer as ArrayBuffer).toString('hex'))

let expected: string[]
beforeAll(async () => {
  const embedder = await createEmbedder({ cache: false, workers: 1 })
  expected = hex(await embedder.embed(many))
  await embedder.close?.()
  threads.started.length = 0
})
afterEach(() => {
  threads.started.length = 0
  threads.onStart = () => {}
  threads.onText = () => {}
})

/** A worker dies of a message that it cannot read, as of any uncaught exception. */
const kill = (worker: Worker) => worker.postMessage(null)

async function using<T>(
  options: Parameters<typeof createEmbedder>[0],
  use: (embedder: Embedder) => Promise<T>,
): Promise<T> {
  const embedder = await createEmbedder({ cache: false, ...options })
  try {
    return await use(embedder)
  } finally {
    await embedder.close?.()
  }
}

describe('one text, one vector', () => {
  it('gives the same bytes with 1 and 4 workers, in any order, among hundreds', async () => {
    await using({ workers: 4 }, async ({ embed }) => {
      expect(hex(await embed(many))).toEqual(expected)
      expect(threads.started).toHaveLength(4)
      expect(hex(await embed(many.toReversed())).toReversed()).toEqual(expected)
      const crowd = Array.from({ length: 300 }, (_, index) => `Neighbour ${index}`)
      expect(hex(await embed([...crowd, many[7] as string])).at(-1)).toBe(expected[7])
    })
  })

  it('gives the same bytes in a second process', async () => {
    const script = `
      const { createEmbedder } = await import('./dist/index.js')
      const embedder = await createEmbedder({ workers: 1 })
      const vectors = await embedder.embed(JSON.parse(process.argv[1]))
      console.log(JSON.stringify(vectors.map((vector) => Buffer.from(vector.buffer).toString('hex'))))`
    const some = many.slice(0, 12)
    // The embedder is not closed: the process must end anyway.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script, JSON.stringify(some)],
      { maxBuffer: 2 ** 24 },
    )
    expect(JSON.parse(stdout)).toEqual(expected.slice(0, 12))
  })
})

describe('a process that ends', () => {
  it.each([
    'process.exit(3)',
    'controller.abort(); process.exitCode = 3',
    "process.exitCode = 3; queueMicrotask(() => { throw 'up' })",
  ])('in the middle of an add, by `%s`, ends as it was told', async (end) => {
    const script = `
        const { createEmbedder } = await import('./dist/index.js')
        process.on('uncaughtException', () => process.exit(3))
        const controller = new AbortController()
        const embedder = await createEmbedder({ workers: 2 })
        await embedder.embed(['warm'])
        const texts = Array.from({ length: 400 }, (_, i) => i + ' measures one thing well. '.repeat(40))
        embedder.embed(texts, { signal: controller.signal }).catch(() => {})
        setTimeout(() => { ${end} }, 150)`
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    // ONNX Runtime's binding aborts the process (code null, SIGABRT) if a thread is stopped inside it.
    await expect(run).rejects.toMatchObject({ code: 3, signal: null })
  })
})

describe('a worker that dies', () => {
  it('is replaced, and its texts are embedded again', async () => {
    await using({ workers: 2 }, async ({ embed }) => {
      let kills = 0
      threads.onText = (worker, text) => {
        if (text === many[30] && kills++ === 0) kill(worker)
      }
      expect(hex(await embed(many))).toEqual(expected)
      expect(kills).toBe(2)
      expect(threads.started).toHaveLength(3)
    })
  })

  it('is replaced even if it had to verify the files', async () => {
    const file = 'tokenizer_config.json'
    const sha256 = createHash('sha256')
      .update(readFileSync(join(bundled, file)))
      .digest('hex')
    const pool = sharedPool({ ...model(), revision: 'its proof dies' }, { [file]: sha256 })
    const user = {}
    pool.join(user, { workers: 2, idleSeconds: 60 })
    let kills = 0
    threads.onStart = (worker) => {
      if (kills++ === 0) kill(worker)
    }
    const vectors: Float32Array[] = []
    await pool.embed(many, {
      isUrgent: false,
      signal: undefined,
      onVector: (index, vector) => (vectors[index] = vector),
    })
    expect(threads.started).toHaveLength(3)
    expect(vectors).toHaveLength(many.length)
    await pool.leave(user)
  })

  it('fails the call at the second death on one text, and the next call works', async () => {
    await using({ workers: 1 }, async ({ embed }) => {
      await embed(['warm'])
      threads.onText = (worker, text) => {
        if (text === 'poison') kill(worker)
      }
      await expect(embed(['poison'])).rejects.toMatchObject({
        code: 'embedding-failed',
        message: expect.stringContaining('index 0 of 1'),
      })
      expect(hex(await embed(many))).toEqual(expected)
    })
  })

  it('at its start is an unavailable embedder, not an endless loop', async () => {
    const pool = sharedPool({ ...model(), revision: 'dies at its start' }, undefined)
    pool.join({}, { workers: 1, idleSeconds: 60 })
    threads.onStart = kill
    const work = pool.embed(['text'], { isUrgent: false, signal: undefined, onVector: () => {} })
    await expect(work).rejects.toMatchObject({ code: 'embedder-unavailable' })
  })
})

describe('libraries', () => {
  const papers = many.map((text, index) => ({ id: `p${index}`, title: `Paper ${index}`, abstract: text }))

  it('in one process share one pool, and an `add` survives a worker that is killed in the middle', async () => {
    const expected = await PaperLibrary.open()
    await expected.add(papers)
    const order = (await expected.search('one thing', { k: 60 })).hits.map(({ paper, semantic }) => [
      paper.id,
      semantic,
    ])
    const before = threads.started.length
    const embedders = [await createEmbedder({ cache: false }), await createEmbedder({ cache: false })]
    const libraries = await Promise.all(embedders.map((embedder) => PaperLibrary.open({ embedder })))
    let kills = 0
    threads.onText = (worker, text) => {
      if (text.includes('Paper 30') && kills++ === 0) kill(worker)
    }
    for (const { added } of await Promise.all(libraries.map((library) => library.add(papers))))
      expect(added).toHaveLength(60)
    // The text in progress: once per library, and once more after the death.
    expect(kills).toBe(3)
    expect(threads.started.length).toBe(before + 1)
    for (const library of libraries) {
      const { hits } = await library.search('one thing', { k: 60 })
      expect(hits.map(({ paper, semantic }) => [paper.id, semantic])).toEqual(order)
    }
    for (const each of [expected, ...libraries, ...embedders]) await each.close?.()
  })
})

describe('an abort', () => {
  it('during the work ends it, frees the workers and leaves the pool usable', async () => {
    await using({ workers: 2 }, async ({ embed }) => {
      const controller = new AbortController()
      const reason = new Error('enough')
      let handed = 0
      threads.onText = () => {
        handed += 1
        if (handed === 20) controller.abort(reason)
      }
      await expect(embed(many, { signal: controller.signal })).rejects.toBe(reason)
      const atAbort = handed
      expect(hex(await embed(many.slice(0, 3)))).toEqual(expected.slice(0, 3))
      expect(handed).toBe(atAbort + 3)
      expect(threads.started).toHaveLength(2)
    })
  })

  it('of one call does not affect another', async () => {
    await using({ workers: 1 }, async ({ embed }) => {
      const controller = new AbortController()
      const stopped = embed(many, { signal: controller.signal })
      const whole = embed(many)
      threads.onText = () => controller.abort()
      await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
      expect(hex(await whole)).toEqual(expected)
    })
  })
})

describe('the pool', () => {
  it('serves a query before the rest of a long add', async () => {
    await using({ workers: 1 }, async ({ embed }) => {
      await embed(['warm'])
      const order: string[] = []
      threads.onText = (_, text) => order.push(text)
      const add = embed(many)
      await embed(['a question'], { inputType: 'query' })
      expect(order.indexOf('a question')).toBeLessThan(10)
      await add
    })
  })

  it('is shared by embedders of one model, and ends with the last of them', async () => {
    const first = await createEmbedder({ workers: 1, cache: false })
    const second = await createEmbedder({ workers: 1, cache: false })
    await Promise.all([first.embed(many), second.embed(many)])
    expect(threads.started).toHaveLength(1)
    const [worker] = threads.started as [Worker]
    const ended = vi.fn()
    worker.once('exit', ended)
    await first.close?.()
    expect(ended).not.toHaveBeenCalled()
    expect(hex(await second.embed(many.slice(0, 2)))).toEqual(expected.slice(0, 2))
    await second.close?.()
    expect(ended).toHaveBeenCalledOnce()
  })

  it('finishes the work in progress before it closes', async () => {
    const embedder = await createEmbedder({ workers: 1, cache: false })
    const work = embedder.embed(many)
    await embedder.close?.()
    expect(hex(await work)).toEqual(expected)
  })

  it('ends idle workers', async () => {
    await using({ workers: 2, idleSeconds: 0 }, async ({ embed }) => {
      await embed(many)
      await Promise.all(threads.started.map((worker) => new Promise((resolve) => worker.once('exit', resolve))))
      expect(hex(await embed(many.slice(0, 2)))).toEqual(expected.slice(0, 2))
    })
  })
})

describe('long texts', () => {
  it('reads the start, and reports what was cut', async () => {
    await using({}, async ({ embed }) => {
      const cut: TruncatedText[] = []
      const start = 'attention '.repeat(300)
      const [a, b, c] = await embed([start, `${start}tail tail tail`, 'short'], {
        onTruncated: (text) => cut.push(text),
      })
      expect(hex([a as Float32Array])).toEqual(hex([b as Float32Array]))
      expect(c).toBeDefined()
      expect(cut.sort((x, y) => x.index - y.index)).toEqual([
        { index: 0, tokens: 302, cut: 46 },
        { index: 1, tokens: 305, cut: 49 },
      ])
    })
  })

  it('reads more if `maxTokens` says so, up to the limit of the model', async () => {
    await using({ maxTokens: 512 }, async ({ embed }) => {
      const onTruncated = vi.fn()
      await embed(['attention '.repeat(510)], { onTruncated })
      expect(onTruncated).not.toHaveBeenCalled()
      await embed(['attention '.repeat(511)], { onTruncated })
      expect(onTruncated).toHaveBeenCalledWith({ index: 0, tokens: 513, cut: 1 })
    })
    await expect(createEmbedder({ maxTokens: 513 })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(createEmbedder({ model: bundled, maxTokens: 513 })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('512'),
    })
  })

  it('accepts 5 MB', async () => {
    await using({}, async ({ embed }) => {
      const sentence = 'A sentence of eight words that says little. '
      const cases = {
        prose: sentence.repeat(120_000),
        'one word': 'a'.repeat(5_000_000),
        spaces: `${' '.repeat(5_000_000)}end`,
        ideographs: '山'.repeat(2_500_000),
        emoji: '🎉'.repeat(1_250_000),
      }
      const cut = new Map<number, TruncatedText>()
      const vectors = await embed([...Object.values(cases), sentence.repeat(100), 'end'], {
        onTruncated: (text) => cut.set(text.index, text),
      })
      const [prose, , spaces, , , shorter, end] = hex(vectors)
      expect(prose).toBe(shorter)
      expect(spaces).toBe(end)
      expect(cut.get(0)?.estimated).toBe(true)
      // 9 tokens per sentence.
      expect(cut.get(0)?.tokens).toBeGreaterThan(1_070_000)
      expect(cut.get(0)?.tokens).toBeLessThan(1_090_000)
      expect(cut.has(2)).toBe(false)
    })
  })
})

describe('a model that cannot be loaded', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'paperkin-model-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const copy = (name: string, damage: (path: string) => void) => {
    const path = join(folder, name)
    cpSync(bundled, path, { recursive: true })
    damage(path)
    return path
  }

  it.each([
    ['a folder that is not there', () => join(folder, 'nowhere'), 'check the path'],
    [
      'a folder without weights',
      () => copy('empty', (path) => rmSync(join(path, 'onnx'), { recursive: true })),
      'model.onnx is missing',
    ],
    [
      'weights cut off',
      () => copy('cut', (path) => truncateSync(join(path, 'onnx/model_quantized.onnx'), 10_000_000)),
      'cannot be loaded',
    ],
    [
      'a tokenizer cut off',
      () => copy('tokenizer', (path) => truncateSync(join(path, 'tokenizer.json'), 1000)),
      'tokenizer.json',
    ],
    [
      'a config that is not JSON',
      () => copy('config', (path) => writeFileSync(join(path, 'config.json'), 'no')),
      'config.json',
    ],
  ])('%s', async (_, make, message) => {
    await expect(createEmbedder({ model: make() })).rejects.toMatchObject({
      code: 'embedder-unavailable',
      message: expect.stringContaining(message),
    })
    await using({}, async ({ embed }) => expect(hex(await embed(many.slice(0, 1)))).toEqual(expected.slice(0, 1)))
  })

  it.each(['./no-such-model', 'no/such/model'])('no folder: %s', async (model) => {
    await expect(createEmbedder({ model })).rejects.toMatchObject({
      code: 'embedder-unavailable',
      message: expect.stringMatching(/there is no folder \S+model: check the path\.$/u),
    })
  })

  it('a hub id that is not in the cache, without a network', async () => {
    await expect(
      createEmbedder({ model: 'nobody/no-such-model', localFilesOnly: true, cacheDir: folder }),
    ).rejects.toMatchObject({ code: 'embedder-unavailable', message: expect.stringContaining('nobody/no-such-model') })
  })

  it('a hub id, without a network', async () => {
    const options = `{ model: 'nobody/no-such-model', cacheDir: ${JSON.stringify(folder)} }`
    expect(await failure(`createEmbedder(${options})`, { preload: 'break-network.cjs' })).toMatch(
      /^embedder-unavailable: .*nobody\/no-such-model.*ENOTFOUND.*check the id and the network/u,
    )
  })

  it('by either runtime: the error names the platforms that have one', async () => {
    expect(
      await failure("createEmbedder().then(({ embed }) => embed(['text']))", { preload: 'break-both-runtimes.cjs' }),
    ).toMatch(/^embedder-unavailable: .*ONNX Runtime.*WebAssembly.*works on Linux with glibc, macOS/u)
  })

  it('a package whose weights were damaged in transit', async () => {
    const root = join(folder, 'package')
    for (const part of ['package.json', 'dist', 'models', 'native']) cpSync(part, join(root, part), { recursive: true })
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'), 'junction')
    const weights = join(root, 'models/MiniLM-L6-papers/onnx/model_quantized.onnx')
    const bytes = readFileSync(weights)
    const place = bytes.length >> 1
    bytes[place] = (bytes[place] as number) ^ 1
    writeFileSync(weights, bytes)
    const search = "PaperLibrary.open().then((library) => library.add([{ title: 'Glass', abstract: 'Ice.' }]))"
    expect(await failure(search, { from: join(root, 'dist/index.js') })).toBe(
      `embedder-unavailable: The model ${dirname(dirname(weights))} cannot be loaded: ${weights} is damaged: its SHA-256 is not the recorded one; install the package again.`,
    )
  })

  it('a file that is not the recorded one', async () => {
    const path = copy('flipped', (path) => writeFileSync(join(path, 'tokenizer_config.json'), '{}'))
    const pool = sharedPool({ ...model(), model: path }, { 'tokenizer_config.json': '0'.repeat(64) })
    pool.join({}, { workers: 1, idleSeconds: 60 })
    await expect(pool.load()).rejects.toMatchObject({
      code: 'embedder-unavailable',
      message: expect.stringContaining(`${join(path, 'tokenizer_config.json')} is damaged`),
    })
  })

  it.each([
    [{ dtype: 'fp32' }, 'dtype'],
    [{ device: 'tpu' }, 'device'],
    [{ pooling: 'max' }, 'pooling'],
    [{ workers: 0 }, 'workers'],
    [{ maxTokens: 1.5 }, 'maxTokens'],
    [{ idleSeconds: -1 }, 'idleSeconds'],
    [{ model: '' }, 'model'],
    [{ queryPrefix: 7 }, 'queryPrefix'],
  ])('refuses %o', async (options, name) => {
    await expect(createEmbedder(options as never)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`\`${name}\``),
    })
  })
})

it('falls back to WebAssembly if the native runtime cannot be loaded, and warns once', async () => {
  const child = fork('test/embedding/without-native-runtime.ts', {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, NODE_OPTIONS: `--require ${resolve('test/embedding/break-native-runtime.cjs')}` },
    silent: true,
  })
  let warnings = ''
  child.stderr?.on('data', (chunk) => {
    warnings += chunk
  })
  const message = await new Promise((resolve) => child.once('message', resolve))
  await new Promise((resolve) => child.once('exit', resolve))
  const { cosine, count } = message as { cosine: number; count: number }
  expect(count).toBe(2)
  expect(cosine).toBeGreaterThan(0.99)
  expect(warnings.match(/PAPERKIN_WASM/gu)).toHaveLength(1)
})

/** The error of a call of the package, in its own process. */
async function failure(
  call: string,
  { from = resolve('dist/index.js'), preload }: { readonly from?: string; readonly preload?: string },
): Promise<string> {
  const script = `
    const { createEmbedder, PaperLibrary } = await import(${JSON.stringify(pathToFileURL(from).href)})
    await ${call}.then(() => console.log('no error'), ({ code, message }) => console.log(code + ': ' + message))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, ...(preload && { NODE_OPTIONS: `--require ${resolve('test/embedding', preload)}` }) },
  })
  return stdout.trim()
}

function model() {
  return {
    model: bundled,
    isFolder: true,
    revision: 'test',
    dtype: 'q8',
    device: 'cpu',
    pooling: undefined,
    maxTokens: 256,
    usualTokens: undefined,
    localFilesOnly: true,
    cacheDir: undefined,
    isBundled: true,
  } as const
}
