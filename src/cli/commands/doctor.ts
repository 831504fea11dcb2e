import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createEmbedder, transformersCommand, transformersVersion } from '../../embedding/create-embedder.ts'
import { affordableThreads } from '../../embedding/pool.ts'
import { loadNative, loadWasm, nativePlatforms } from '../../runtime/onnx-runtime.ts'
import { packageFile, packageRequire } from '../../runtime/package-files.ts'
import { loadHnswlib } from '../../vectors/hnsw/hnswlib.ts'
import { defineCommand } from '../command.ts'
import { width, wrapped } from '../fitted-text.ts'

/** The state of one part of the installation. */
interface Finding {
  readonly part: string
  /** `good`; `slow`: works, but slower; `absent`: optional and not installed; `broken`. */
  readonly state: 'good' | 'slow' | 'absent' | 'broken'
  readonly detail: string
  /** What to do about it. */
  readonly remedy?: string
}

export const doctor = defineCommand<Record<string, never>>({
  name: 'doctor',
  summary: 'check what is installed and works, and how to fix the rest',
  description:
    'Checks Node, the runtime, the model, threads and optional parts. Exits with 1 if anything required is broken.',
  options: [],
  examples: ['paperkin doctor', 'paperkin doctor --json'],
  run: async (_, __, { terminal }) => {
    const findings: Finding[] = [
      node(),
      place(),
      await runtime(),
      await model(),
      threads(),
      transformers(),
      hnswlib(),
      pg(),
    ]
    const { colors } = terminal
    const mark = { good: colors.green('ok'), slow: colors.yellow('slow'), absent: '-', broken: colors.red('broken') }
    return {
      page: (columns) =>
        findings
          .flatMap(({ part, state, detail, remedy }) => {
            const name = part.padEnd(15)
            const head = `${name}  ${mark[state]}${' '.repeat(Math.max(0, 6 - width(mark[state])))}  `
            const indent = ' '.repeat(25)
            return [
              wrapped(detail, columns, head, indent),
              ...(remedy === undefined ? [] : [wrapped(`→ ${remedy}`, columns, indent)]),
            ]
          })
          .join('\n'),
      data: () => findings,
      records: () => findings,
      exitCode: findings.some(({ state }) => state === 'broken') ? 1 : 0,
    }
  },
})

function node(): Finding {
  const { version, platform, arch, versions } = process
  const name = versions.bun
    ? `Bun ${versions.bun}`
    : versions.deno
      ? `Deno ${versions.deno}`
      : `Node ${version.slice(1)}`
  const detail = `${name} on ${platform}-${arch}`
  const [major = 0, minor = 0] = versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return { part: 'Node', state: 'good', detail }
  return { part: 'Node', state: 'broken', detail, remedy: 'Node 20.19 or newer is needed: https://nodejs.org' }
}

function place(): Finding {
  const path = packageFile('#package.json')
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }
  return { part: 'paperkin', state: 'good', detail: `${version} in ${dirname(path)}` }
}

async function runtime(): Promise<Finding> {
  const part = 'runtime'
  let problem: string
  try {
    return { part, state: 'good', detail: `ONNX Runtime ${loadNative().version}, native` }
  } catch (error) {
    problem = firstLine(error)
  }
  const remedy = `native code exists for ${nativePlatforms}; if this is one of them, reinstall the package`
  try {
    const { version } = await loadWasm()
    return { part, state: 'slow', detail: `ONNX Runtime ${version} on WebAssembly, because ${problem}`, remedy }
  } catch (error) {
    return {
      part,
      state: 'broken',
      detail: `neither native (${problem}) nor WebAssembly (${firstLine(error)})`,
      remedy,
    }
  }
}

async function model(): Promise<Finding> {
  const part = 'model'
  try {
    const start = performance.now()
    const embedder = await createEmbedder({ cache: false, workers: 1 })
    try {
      const [vector] = await embedder.embed(['Methane from ponds, measured by hand'])
      const seconds = ((performance.now() - start) / 1000).toFixed(2)
      const { modelId, revision } = embedder
      const detail = `${modelId}, revision ${revision}: files intact, ${vector?.length} dimensions, first vector after ${seconds} s`
      return { part, state: 'good', detail }
    } finally {
      await embedder.close?.()
    }
  } catch (error) {
    return { part, state: 'broken', detail: firstLine(error), remedy: 'reinstall the package' }
  }
}

function threads(): Finding {
  const memory = (process.availableMemory?.() ?? 0) / 2 ** 30
  const detail = `${affordableThreads()} for embedding, ${memory.toFixed(1)} GB of memory free`
  return { part: 'threads', state: 'good', detail }
}

/** The package that runs models other than the bundled one. */
function transformers(): Finding {
  const part = 'transformers.js'
  const version = transformersVersion()
  if (version !== undefined) return { part, state: 'good', detail: `${version}, for models other than the bundled one` }
  const remedy = `for models from the hub or a folder: ${transformersCommand}`
  return { part, state: 'absent', detail: 'not installed; the bundled model does not need it', remedy }
}

function hnswlib(): Finding {
  const part = 'hnswlib-node'
  try {
    loadHnswlib()
    return { part, state: 'good', detail: "compiled, for `index: 'hnsw'`" }
  } catch (error) {
    const detail = 'not installed; exact search is as fast up to about 250,000 papers'
    const { cause } = error as Error
    const isInstalled = (cause as NodeJS.ErrnoException | undefined)?.code !== 'MODULE_NOT_FOUND'
    const remedy = isInstalled ? firstLine(error) : "for `index: 'hnsw'`: npm install hnswlib-node"
    return { part, state: 'absent', detail, remedy }
  }
}

/** The package that connects to Postgres. */
function pg(): Finding {
  const part = 'pg'
  try {
    const { version } = packageRequire()('pg/package.json') as { readonly version: string }
    return { part, state: 'good', detail: `${version}, for libraries on Postgres` }
  } catch {
    const detail = 'not installed; only libraries on Postgres need it'
    return { part, state: 'absent', detail, remedy: 'for a library on Postgres: npm install pg' }
  }
}

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n')[0] as string
