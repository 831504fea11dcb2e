// One contestant of bench/embedding.ts in its own process: loads at start, then runs one round of texts per message. It
// measures itself: seconds, longest pause of the event loop, peak memory.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

export type ToContestant = { readonly texts: readonly string[] } | { readonly end: true }
export type FromContestant =
  | { readonly kind: 'ready'; readonly startMs: number }
  | {
      readonly kind: 'round'
      readonly seconds: number
      /** CPU seconds of all cores: steadier than `seconds` on a busy machine. */
      readonly cpuSeconds: number
      readonly stallMs: number
      readonly peakMB: number
      /** The first vector, to check that all compute the same. */
      readonly first: readonly number[]
    }

type Embed = (texts: readonly string[]) => Promise<ArrayLike<number>>

interface Extractor {
  (texts: string | readonly string[], options: object): Promise<{ readonly data: Float32Array }>
  readonly tokenizer: { model_max_length: number; _tokenizerConfig?: { model_max_length: number } }
}
interface Transformers {
  readonly env: { localModelPath: string; allowRemoteModels: boolean; logLevel?: number }
  pipeline(task: string, model: string, options: object): Promise<Extractor>
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [name = '', tokens = '', workers = ''] = process.argv.slice(2)

async function load(): Promise<Embed> {
  if (name === 'paperkin' || name === 'paperkin-wasm') {
    const { createEmbedder } = await import('paperkin')
    const embedder = await createEmbedder({
      cache: false,
      ...(tokens !== '' && { maxTokens: Number(tokens) }),
      ...(name === 'paperkin-wasm' && { device: 'wasm' }),
      ...(workers !== '' && { workers: Number(workers) }),
    })
    return async (texts) => (await embedder.embed(texts))[0] as Float32Array
  }
  const [library, model, manner] = name.split(' ') as [string, string, string]
  const isOld = library === 'xenova'
  const require = createRequire(isOld ? join(root, 'bench/peers/package.json') : import.meta.url)
  const transformers = (await import(
    require.resolve(isOld ? '@xenova/transformers' : '@huggingface/transformers')
  )) as Transformers
  const { env, pipeline } = transformers
  env.allowRemoteModels = false
  env.localModelPath = model === 'int8' ? join(root, 'models') : join(root, '.cache/plain')
  // Our graph takes no mask; the pipeline would warn at every call.
  env.logLevel = 50
  const dtype = isOld ? { quantized: false } : { dtype: model === 'int8' ? 'q8' : 'fp32' }
  const extractor = await pipeline('feature-extraction', 'MiniLM-L6-papers', dtype)
  if (tokens !== '') {
    const { tokenizer } = extractor
    if (tokenizer._tokenizerConfig) tokenizer._tokenizerConfig.model_max_length = Number(tokens)
    else tokenizer.model_max_length = Number(tokens)
  }
  const size = manner === 'whole' ? Number.POSITIVE_INFINITY : Number(manner)
  return async (texts) => {
    const vectors: Float32Array[] = []
    for (let start = 0; start < texts.length; start += size) {
      const part = size === 1 ? (texts[start] as string) : texts.slice(start, start + size)
      vectors.push((await extractor(part, { pooling: 'mean', normalize: true })).data)
    }
    return (vectors[0] as Float32Array).subarray(0, 384)
  }
}

const send = (message: FromContestant) => process.send?.(message)
const started = performance.now()
void load().then(async (embed) => {
  await embed(['A first text.'])
  send({ kind: 'ready', startMs: performance.now() - started })
  const respond = async (message: ToContestant) => {
    if ('end' in message) process.exit(0)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    // The histogram measures between its ticks, so a pause before the first or after the last would be missed.
    await new Promise((resolve) => setTimeout(resolve, 50))
    const start = performance.now()
    const cpu = process.cpuUsage()
    const first = await embed(message.texts)
    const { user, system } = process.cpuUsage(cpu)
    const seconds = (performance.now() - start) / 1000
    await new Promise((resolve) => setTimeout(resolve, 50))
    delay.disable()
    send({
      kind: 'round',
      seconds,
      cpuSeconds: (user + system) / 1e6,
      stallMs: delay.max / 1e6,
      peakMB: process.resourceUsage().maxRSS / 1024,
      first: Array.from(first).slice(0, 384),
    })
  }
  process.on('message', (message: ToContestant) => void respond(message))
})
