// npm run bench -- embedding: abstracts per second, longest pause, peak memory and start of paperkin and its
// alternatives, on the same abstracts, in alternating rounds. Peers: run bench/peers/setup once.
//   --texts N      number of abstracts (512)            --rounds N   (2)
//   --only A,B     some contestants, by their names in the table
//   --tokens N     tokens read from a text by all; default: as documented, 256 (the model's limit) for paperkin and
//                  Python, 512 (from the tokenizer's files) for the pipelines
//   --workers N    threads of paperkin                  --profile    only the time of a run, by operator
//   --memory N     resident memory while 2,000 and then N abstracts are embedded (40,000)
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createEmbedder } from '../src/embedding/create-embedder.ts'
import { paperText } from '../src/paper.ts'
import { loadPapers, saveResult, useData } from './data.ts'
import type { FromContestant, ToContestant } from './embedding-contestant.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bundled = join(root, 'models/MiniLM-L6-papers')
const plain = join(root, '.cache/plain/MiniLM-L6-papers')
const python = join(root, '.cache/build-model/venv/bin/python')

const contestants: Readonly<Record<string, string>> = {
  paperkin: 'worker threads, fused int8',
  'transformers fp32 whole': 'transformers.js pipeline, fp32, the whole array',
  'transformers fp32 16': 'the same, batches of 16',
  'transformers fp32 1': 'the same, one text a call',
  'transformers int8 1': "transformers.js pipeline, paperkin's int8, which takes one text a call",
  'xenova fp32 16': '@xenova/transformers 2.17 pipeline, fp32, batches of 16',
  'xenova fp32 1': 'the same, one text a call',
  'python fp32 256': 'ONNX Runtime from Python, fp32, batches of 256',
  'paperkin-wasm': 'paperkin on WebAssembly',
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      texts: { type: 'string', default: '512' },
      rounds: { type: 'string', default: '2' },
      only: { type: 'string' },
      tokens: { type: 'string', default: '' },
      workers: { type: 'string', default: '' },
      profile: { type: 'boolean', default: false },
      memory: { type: 'string' },
    },
  })
  if (values.memory !== undefined) return memory(Number(values.memory))
  const texts = (await loadPapers('arxiv-cs-2025', Number(values.texts))).map(({ paper }) => paperText(paper))
  const profiled = (count: number) => profile(texts.slice(0, count), Number(values.tokens || 256))
  if (values.profile) return profiled(texts.length)

  const wanted = values.only?.split(',') ?? Object.keys(contestants).filter((name) => name !== 'paperkin-wasm')
  const needs = (name: string) => [
    ...(/xenova|fp32/u.test(name) ? [plain] : []),
    ...(name.startsWith('xenova') ? [join(root, 'bench/peers/node_modules/@xenova/transformers')] : []),
    ...(name.startsWith('python') ? [python] : []),
  ]
  const names = wanted.filter((name) => needs(name).every((path) => existsSync(path)))
  const missing = wanted.filter((name) => !names.includes(name))
  if (missing.length > 0) console.log(`Without ${missing.join(', ')}: bench/peers/setup makes them ready.`)
  const processes = new Map<string, Contestant>()
  for (const name of names) processes.set(name, await start(name, [values.tokens, values.workers]))

  const rounds = new Map<string, Extract<FromContestant, { kind: 'round' }>[]>(names.map((name) => [name, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, contestant] of processes) {
      // The whole array at once, padded to its longest text, takes long: one round is enough.
      if (name.endsWith('whole') && round > 0) continue
      const result = await contestant.round(texts)
      rounds.get(name)?.push(result)
      process.stderr.write(`round ${round + 1}, ${name}: ${(texts.length / result.seconds).toFixed(1)} per second\n`)
      // It never releases its gigabytes.
      if (name.endsWith('whole')) contestant.end()
    }
  }
  for (const { end } of processes.values()) end()

  const rate = (seconds: number) => texts.length / seconds
  const rows = names.map((name) => {
    const all = rounds.get(name) as Extract<FromContestant, { kind: 'round' }>[]
    const seconds = all.map((round) => round.seconds).sort((a, b) => a - b)
    const first = (all[0] as Extract<FromContestant, { kind: 'round' }>).first
    return {
      name,
      what: contestants[name],
      perSecond: { best: rate(seconds[0] as number), median: rate(seconds[seconds.length >> 1] as number) },
      rounds: seconds.map(rate),
      cpuMs: (1000 * Math.min(...all.map((round) => round.cpuSeconds))) / texts.length,
      stallMs: Math.max(...all.map((round) => round.stallMs)),
      peakMB: Math.max(...all.map((round) => round.peakMB)),
      startMs: (processes.get(name) as Contestant).startMs,
      first,
    }
  })
  const reference = rows[0] as (typeof rows)[number]
  console.log(
    `\n${texts.length} abstracts, ${values.tokens === '' ? 'each contestant as documented' : `${values.tokens} tokens of each at most`}, ${values.rounds} alternating rounds\n`,
  )
  console.log(
    'contestant                 best/s  median/s  paperkin is  CPU / text  longest pause   peak memory    start   cosine',
  )
  for (const { name, perSecond, cpuMs, stallMs, peakMB, startMs, first } of rows) {
    const cosine = first.reduce((sum, value, d) => sum + value * (reference.first[d] as number), 0)
    console.log(
      [
        name.padEnd(25),
        perSecond.best.toFixed(1).padStart(8),
        perSecond.median.toFixed(1).padStart(9),
        `${(reference.perSecond.best / perSecond.best).toFixed(2)} ×`.padStart(13),
        `${cpuMs.toFixed(0)} ms`.padStart(12),
        (name.startsWith('python') ? '–' : `${stallMs.toFixed(0)} ms`).padStart(15),
        `${peakMB.toFixed(0)} MB`.padStart(14),
        `${startMs.toFixed(0)} ms`.padStart(9),
        cosine.toFixed(4).padStart(9),
      ].join(''),
    )
  }
  await saveResult('embedding', {
    texts: texts.length,
    tokens: values.tokens === '' ? 'as documented' : Number(values.tokens),
    rows: rows.map(({ first, ...row }) => row),
  })
  if (values.only !== undefined) return
  console.log()
  for (const { what, least, of } of goals) {
    const fastest = rows.filter(({ name }) => of(name)).map(({ perSecond }) => perSecond.best)
    if (fastest.length === 0) continue
    const times = reference.perSecond.best / Math.max(...fastest)
    console.log(
      `${times.toFixed(2)} times ${what}: ${times >= least ? 'reached' : 'falls short of'} ${least.toFixed(1)}`,
    )
  }
  await aborts(texts)
  await profiled(64)
}

/** How many times as fast as each contestant paperkin should be. */
const goals: readonly { readonly what: string; readonly least: number; readonly of: (name: string) => boolean }[] = [
  { what: 'the fp32 pipeline in batches of 16', least: 6, of: (name) => name === 'transformers fp32 16' },
  { what: 'the fp32 pipeline one text at a time', least: 3, of: (name) => name === 'transformers fp32 1' },
  {
    what: "the pipeline with paperkin's int8 model",
    least: 1.8,
    of: (name) => name === 'transformers int8 1',
  },
]

interface Contestant {
  readonly startMs: number
  round(texts: readonly string[]): Promise<Extract<FromContestant, { kind: 'round' }>>
  end(): void
}

async function start(name: string, settings: readonly string[]): Promise<Contestant> {
  let child: ChildProcess
  let tell: (message: ToContestant) => void
  let onMessage: (listener: (message: FromContestant) => void) => void
  if (name.startsWith('python')) {
    child = spawn(python, ['-B', join(root, 'bench/peers/onnxruntime_python.py'), plain, settings[0] || '256'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    tell = (message) => child.stdin?.write(`${JSON.stringify(message)}\n`)
    onMessage = (listener) => lines.once('line', (line) => listener(JSON.parse(line)))
  } else {
    child = fork(join(root, 'bench/embedding-contestant.ts'), [name, ...settings], { execArgv: process.execArgv })
    tell = (message) => child.send(message)
    onMessage = (listener) => child.once('message', (message) => listener(message as FromContestant))
  }
  const next = () =>
    new Promise<FromContestant>((resolve, reject) => {
      const fail = (code: number | null) => reject(new Error(`${name} ended with code ${code}`))
      child.once('exit', fail)
      onMessage((message) => {
        child.off('exit', fail)
        resolve(message)
      })
    })
  const ready = (await next()) as Extract<FromContestant, { kind: 'ready' }>
  return {
    startMs: ready.startMs,
    async round(texts) {
      const answer = next()
      tell({ texts })
      return (await answer) as Extract<FromContestant, { kind: 'round' }>
    },
    end() {
      child.removeAllListeners('exit')
      child.kill()
    },
  }
}

/** Resident memory of a process that embeds few texts and then many; the texts are loaded from the start. */
async function memory(count: number): Promise<void> {
  const texts = (await loadPapers('arxiv-cs-2025', count)).map(({ paper }) => paperText(paper))
  // Otherwise the first texts would come from the cache; it takes at most 16 MiB.
  const embedder = await createEmbedder({ cache: false })
  const megabytes = () => process.memoryUsage.rss() / 2 ** 20
  const before = megabytes()
  const rows: { count: number; peakMB: number; vectorsMB: number; stallMs: number; seconds: number }[] = []
  for (const part of [Math.min(2_000, count), count]) {
    let peak = 0
    const sample = setInterval(() => {
      peak = Math.max(peak, megabytes())
    }, 50)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const start = performance.now()
    const vectors = await embedder.embed(texts.slice(0, part), {
      onProgress: ({ done, total, perSecond, secondsLeft }) =>
        process.stderr.write(
          `\r${done} of ${total}, ${perSecond.toFixed(0)} per second, ${secondsLeft.toFixed(0)} s left   `,
        ),
    })
    const seconds = (performance.now() - start) / 1000
    delay.disable()
    clearInterval(sample)
    rows.push({
      count: part,
      peakMB: peak,
      vectorsMB: (vectors.length * embedder.dimensions * 4) / 2 ** 20,
      stallMs: delay.max / 1e6,
      seconds,
    })
  }
  await embedder.close?.()
  console.log(`\n\nresident before: ${before.toFixed(0)} MB\n`)
  console.log('abstracts   peak   of it vectors   longest pause   seconds')
  for (const { count, peakMB, vectorsMB, stallMs, seconds } of rows)
    console.log(
      `${String(count).padEnd(9)}${peakMB.toFixed(0).padStart(4)} MB${vectorsMB.toFixed(0).padStart(13)} MB${stallMs.toFixed(0).padStart(13)} ms${seconds.toFixed(0).padStart(10)}`,
    )
  await saveResult('embedding-memory', { before, rows })
}

/** How soon an abort takes effect during work, and how soon after it the next text has its vector. */
async function aborts(texts: readonly string[]): Promise<void> {
  const embedder = await createEmbedder({ cache: false })
  await embedder.embed(texts.slice(0, 32))
  const rejected: number[] = []
  const next: number[] = []
  for (let round = 0; round < 10; round++) {
    const controller = new AbortController()
    const work = embedder.embed(texts, { signal: controller.signal })
    await new Promise((resolve) => setTimeout(resolve, 300 + 17 * round))
    const start = performance.now()
    controller.abort()
    await work.catch(() => {})
    rejected.push(performance.now() - start)
    await embedder.embed([texts[round] as string])
    next.push(performance.now() - start)
  }
  await embedder.close?.()
  const most = (values: readonly number[]) => `${Math.max(...values).toFixed(1)} ms`
  console.log(`\nAn abort, 10 times: heard within ${most(rejected)}, the next abstract embedded within ${most(next)}.`)
  await saveResult('embedding-aborts', { rejected, next })
}

interface Profile {
  /** ms per text, without the profiler. */
  readonly running: number
  /** ms per text by operator, and in total, with ONNX Runtime's profiler. */
  readonly operators: ReadonlyMap<string, number>
  readonly watched: number
}

/** One session on one thread, with the options used in workers. */
async function profileModel(path: string, file: string, rows: readonly (readonly number[])[]): Promise<Profile> {
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-profile-'))
  try {
    // The newer runtime of transformers.js, as the older one's binding has no profiler.
    const { InferenceSession, Tensor } = createRequire(
      createRequire(import.meta.url).resolve('@huggingface/transformers'),
    )('onnxruntime-node') as typeof import('onnxruntime-web')
    const load = (options: object) =>
      InferenceSession.create(join(path, file), {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        enableMemPattern: false,
        logSeverityLevel: 4,
        graphOptimizationLevel: file.includes('quantized') ? 'disabled' : 'all',
        ...options,
      })
    const timed = async (session: Awaited<ReturnType<typeof load>>) => {
      const output = session.outputNames.includes('sentence_embedding') ? 'sentence_embedding' : 'last_hidden_state'
      const feeds = rows.map((row) =>
        Object.fromEntries(
          session.inputNames.map((name) => {
            const value = name === 'input_ids' ? undefined : name === 'attention_mask' ? 1n : 0n
            return [
              name,
              new Tensor(
                'int64',
                BigInt64Array.from(row, (id) => value ?? BigInt(id)),
                [1, row.length],
              ),
            ]
          }),
        ),
      )
      for (const feed of feeds.slice(0, 8)) await session.run(feed, [output])
      const started = performance.now()
      for (const feed of feeds) await session.run(feed, [output])
      return (performance.now() - started) / rows.length
    }
    const running = await timed(await load({}))
    const profiled = await load({ enableProfiling: true, profileFilePrefix: join(folder, 'run') })
    await timed(profiled)
    profiled.endProfiling()
    const written = readdirSync(folder).find((entry) => entry.startsWith('run')) as string
    const events = JSON.parse(readFileSync(join(folder, written), 'utf8')) as {
      readonly cat: string
      readonly name: string
      readonly dur: number
      readonly args: { readonly op_name?: string }
    }[]
    const sums = new Map<string, number>()
    const runs = events.filter(({ name }) => name === 'model_run')
    for (const { cat, name, dur, args } of events)
      if (cat === 'Node' && name.endsWith('_kernel_time') && args.op_name !== undefined)
        sums.set(args.op_name, (sums.get(args.op_name) ?? 0) + dur)
    const perRun = (microseconds: number) => microseconds / runs.length / 1000
    return {
      running,
      operators: new Map([...sums].map(([name, dur]) => [name, perRun(dur)])),
      watched: perRun(runs.reduce((sum, { dur }) => sum + dur, 0)),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Time per text: the tokenizer, and each operator of a run on one thread; fp32 for comparison. */
async function profile(texts: readonly string[], tokens: number): Promise<void> {
  const { AutoTokenizer } = await import('@huggingface/transformers')
  const tokenizer = await AutoTokenizer.from_pretrained(bundled, { local_files_only: true })
  const encode = (text: string) => tokenizer(text, { return_tensor: false }).input_ids
  for (const text of texts.slice(0, 8)) encode(text)
  const start = performance.now()
  const rows = texts.map((text) => encode(text).slice(0, tokens))
  const tokenizing = (performance.now() - start) / texts.length
  const own = await profileModel(bundled, 'onnx/model_quantized.onnx', rows)
  const fp32 = existsSync(plain) ? await profileModel(plain, 'onnx/model.onnx', rows) : undefined

  const mean = rows.reduce((sum, row) => sum + row.length, 0) / rows.length
  // Operations of the six layers' products: 12 · 384² weights each; attention: 4 · 384 · n² per layer.
  const products = 6 * 12 * 384 ** 2 * 2 * mean
  const attention = (6 * 4 * 384 * rows.reduce((sum, row) => sum + row.length ** 2, 0)) / rows.length
  const ms = (value: number) => `${value.toFixed(2)} ms`.padStart(10)
  const billions = (operations: number, milliseconds: number) => (operations / milliseconds / 1e6).toFixed(0)
  console.log(`\n${texts.length} abstracts, ${mean.toFixed(0)} tokens each, one thread, ms per text\n`)
  console.log(`${'tokenizer'.padEnd(26)}${ms(tokenizing)}`)
  console.log(`${'run'.padEnd(26)}${ms(own.running)}`)
  if (fp32 !== undefined) {
    const rate = billions(products + attention, fp32.running)
    console.log(`${'run of the fp32 export'.padEnd(26)}${ms(fp32.running)}          ${rate} GFLOP/s over all`)
  }
  console.log(`\nOf a run (profiling on: ${own.watched.toFixed(2)} ms):`)
  for (const [operator, duration] of [...own.operators].sort((a, b) => b[1] - a[1])) {
    const note =
      operator === 'DynamicQuantizeMatMul'
        ? `${billions(products, duration)} Gop/s`
        : // Scores, then weights times values: half of the attention products each.
          ['FusedMatMul', 'MatMul'].includes(operator)
          ? `${billions(attention / 2, duration)} GFLOP/s`
          : ''
    const share = ((100 * duration) / own.watched).toFixed(1).padStart(5)
    console.log(`${operator.padEnd(26)}${ms(duration)} ${share} %  ${note}`)
  }
  const plainly = (profile: Profile) => ({ ...profile, operators: Object.fromEntries(profile.operators) })
  await saveResult('embedding-profile', { tokenizing, own: plainly(own), ...(fp32 && { fp32: plainly(fp32) }) })
}
