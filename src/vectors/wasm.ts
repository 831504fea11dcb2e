import { readFileSync } from 'node:fs'
import { packageFile } from '../runtime/package-files.ts'

/** What is used of WebAssembly, which neither ES2023's nor Node 20's types describe. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  /** @throws RangeError where there is no more to be had */
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

export const WASM_PAGE = 65_536

const modules = new Map<string, Module | undefined>()

/**
 * One of the loops of models/kernels over a memory of its own, of at least so many bytes, or over a given one.
 * @returns undefined where the platform has no WebAssembly with SIMD or no memory: callers have a plain way, slower and
 * with the same answers
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
        ? new wasm.Memory({ initial: Math.ceil(bytesOrMemory / WASM_PAGE) })
        : bytesOrMemory
    const { exports } = new wasm.Instance(module, { paperkin: { memory } })
    return { loop: exports[name] as Loop, memory }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
