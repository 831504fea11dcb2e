// ONNX Runtime as this package uses it: float32 results on the CPU, one call per run, in any thread. Native where
// possible: the library of onnxruntime-node behind our own binding (reasons: native/binding.c); otherwise WebAssembly.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { inNative } from './native-gate.ts'
import { packageFile, packageRequire } from './package-files.ts'

/** Row-major values and their shape. */
export interface Tensor<Values = Float32Array> {
  readonly data: Values
  readonly dims: readonly number[]
}

export interface Session {
  /**
   * Runs the model and returns the named output in new memory, or written into `target`, which must have its shape.
   * Native runs block the thread.
   */
  run(
    inputs: Readonly<Record<string, Tensor<Float32Array | BigInt64Array>>>,
    output: string,
    target?: Tensor,
  ): Promise<Tensor>
}

interface SessionOptions {
  /** @default 1 */
  readonly threads?: number
  /**
   * False for graphs that are already fused: nothing is left to optimize, and trying takes a third of the start.
   * @default true
   */
  readonly optimizes?: boolean
}

export interface Runtime {
  readonly version: string
  createSession(model: Uint8Array, options?: SessionOptions): Promise<Session>
}

interface Binding {
  open(path: string): string
  createSession(model: Uint8Array, threads: number, optimizes: boolean, spins: boolean): object
  run(
    session: object,
    inputs: readonly (readonly [string, Float32Array | BigInt64Array, readonly number[]])[],
    output: string,
    ...target: [] | [readonly [Float32Array, readonly number[]]]
  ): Tensor
}

/** Platforms with a native library and a binding. */
export const nativePlatforms = 'Linux with glibc, macOS and Windows, each on x64 and arm64'

/**
 * Opens the native library, once per process.
 * @throws Error if there is none for this platform, or if it cannot be opened
 */
export function loadNative(): Runtime {
  const require = packageRequire()
  const { platform, arch } = process
  const binaries = join(dirname(carrier(require).resolve('onnxruntime-node/package.json')), 'bin')
  const interfaces = readdirSync(binaries).find((name) => name.startsWith('napi-v')) ?? ''
  const folder = join(binaries, interfaces, platform, arch)
  const library = readdirSync(folder).find((name) => /^(?:lib)?onnxruntime\.(?:so|dll|[\d.]+dylib)/u.test(name))
  if (library === undefined) throw new Error(`there is no library in ${folder}`)
  const binding = inNative(() => require(packageFile(`#native/${platform}-${arch}.node`))) as Partial<Binding>
  const { open, createSession, run } = binding as Binding
  if (open === undefined) throw new Error('this program lacks a part of Node-API')
  return {
    version: inNative(() => open(join(folder, library))),
    async createSession(model, { threads = 1, optimizes = true } = {}) {
      // No spinning: runs take milliseconds, so it gains nothing measurable and would occupy cores between them.
      const session = inNative(() => createSession(model, threads, optimizes, false))
      return {
        async run(inputs, output, target) {
          const list = Object.entries(inputs).map(([name, { data, dims }]) => [name, data, dims] as const)
          // Lets the thread receive messages between consecutive runs.
          await new Promise((resolve) => setImmediate(resolve))
          if (target === undefined) return inNative(() => run(session, list, output))
          inNative(() => run(session, list, output, [target.data, target.dims]))
          return target
        },
      }
    },
  }
}

/**
 * The package whose onnxruntime-node is loaded. A Windows process loads only one library of each name, so if
 * transformers.js is installed, its newer one must be used; it has everything needed here.
 */
function carrier(require: NodeJS.Require): NodeJS.Require {
  if (process.platform !== 'win32') return require
  try {
    return createRequire(require.resolve('@huggingface/transformers'))
  } catch {
    return require
  }
}

/** The part of onnxruntime-web used here. */
interface Web {
  readonly env: {
    readonly wasm: { numThreads: number; wasmBinary?: Uint8Array }
    readonly versions: { readonly web?: string }
    logLevel: string
  }
  readonly Tensor: new (type: string, data: Float32Array | BigInt64Array, dims: readonly number[]) => unknown
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      run(
        feeds: Readonly<Record<string, unknown>>,
        outputs: readonly string[],
      ): Promise<Record<string, Tensor & { dispose?(): void }>>
    }>
  }
}

/**
 * ONNX Runtime on WebAssembly: several times slower, runs wherever Node does, single-threaded, nothing is downloaded.
 */
export async function loadWasm(): Promise<Runtime> {
  const web = (await import(pathToFileURL(packageFile('#wasm/ort.mjs')).href)) as Web
  web.env.wasm.numThreads = 1
  web.env.wasm.wasmBinary = await promisify(brotliDecompress)(readFileSync(packageFile('#wasm/ort.wasm.br')))
  web.env.logLevel = 'fatal'
  return {
    version: web.env.versions.web ?? '',
    async createSession(model, { optimizes = true } = {}) {
      const session = await web.InferenceSession.create(model, {
        executionProviders: ['wasm'],
        enableMemPattern: false,
        graphOptimizationLevel: optimizes ? 'all' : 'disabled',
        logSeverityLevel: 4,
      })
      return {
        async run(inputs, output, target) {
          const feeds = Object.entries(inputs).map(([name, { data, dims }]) => {
            const type = data instanceof Float32Array ? 'float32' : 'int64'
            return [name, new web.Tensor(type, data, dims)] as const
          })
          const tensor = (await session.run(Object.fromEntries(feeds), [output]))[output] as Tensor & {
            dispose?(): void
          }
          const { dims } = tensor
          const data = target?.data ?? new Float32Array(tensor.data.length)
          data.set(tensor.data)
          tensor.dispose?.()
          return { data, dims }
        },
      }
    },
  }
}
