import { readFileSync } from 'node:fs'
import { packageFile } from '../runtime/package-files.ts'

/** The part of WebAssembly used here; neither ES2023's nor Node 20's types declare it. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  /** @throws RangeError if no more memory is available */
  grow(pages: number): number
}
type Module = object
const wasm = (globalThis as unknown as { readonly WebAssembly: unknown }).WebAssembly as {
  readonly Module: new (bytes: Uint8Array) => Module
  readonly Memory: new (limits: { readonly initial: number }) => WasmMemory
  readonly Instance: new (
    module: Module,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
}

export const wasmPageBytes = 65_536

const modules = new Map<string, Module | undefined>()

/**
 * Loads a loop of models/kernels over a new memory of at least the given bytes, or over an existing one.
 * @returns undefined if the platform lacks WebAssembly SIMD or memory: callers fall back to JavaScript, slower with the
 * same results
 */
export function loadWasm<Loop>(
  name: 'scan' | 'above' | 'dots' | 'best' | 'nearest' | 'move',
  bytesOrMemory: number | WasmMemory,
): { readonly loop: Loop; readonly memory: WasmMemory } | undefined {
  if (!modules.has(name)) {
    let compiled: Module | undefined
    try {
      compiled = new wasm.Module(readFileSync(packageFile(`#models/kernels/${name}.wasm`)))
    } catch {
      compiled = undefined
    }
    modules.set(name, compiled)
  }
  const module = modules.get(name)
  if (module === undefined) return undefined
  try {
    const memory =
      typeof bytesOrMemory === 'number'
        ? new wasm.Memory({ initial: Math.ceil(bytesOrMemory / wasmPageBytes) })
        : bytesOrMemory
    const { exports } = new wasm.Instance(module, { paperkin: { memory } })
    return { loop: exports[name] as Loop, memory }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
