import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Kernels } from './kernels.ts'
import { inNative } from './native-gate.ts'

/** The part of ONNX Runtime that is used here. */
interface Tensor {
  readonly data: unknown
}
interface Session {
  run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Readonly<Record<string, Tensor>>,
  ): Promise<Readonly<Record<string, Tensor>>>
}
interface Runtime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> }
}

/**
 * Products on ONNX Runtime: the copy of onnxruntime-node that transformers.js already loads, with all cores. A run
 * blocks its thread, so this belongs into a worker.
 * @returns undefined where the runtime cannot be loaded on this platform
 */
export async function loadOnnxKernels(): Promise<Kernels | undefined> {
  const require = createRequire(import.meta.url)
  let runtime: Runtime
  let session: Session
  try {
    const loaded = createRequire(require.resolve('@huggingface/transformers'))('onnxruntime-node') as Runtime
    runtime = loaded
    const model = readFileSync(require.resolve('#models/kernels/products.onnx'))
    session = await inNative(() =>
      loaded.InferenceSession.create(model, {
        logSeverityLevel: 3,
        // Runs are milliseconds long: waiting for them without spinning costs nothing that shows, and leaves the cores to
        // others in between.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      }),
    )
  } catch {
    // No binary for this platform, or none installed: the caller has kernels that need none.
    return undefined
  }
  let results = new Float32Array(0)
  return {
    backend: 'onnxruntime',
    slice: 4e8,
    async products(left, right, dimensions, target) {
      const m = left.length / dimensions
      const n = right.length / dimensions
      if (target === undefined && results.length < m * n) results = new Float32Array(m * n)
      const products = (target ?? results).subarray(0, m * n)
      const feeds = {
        left: new runtime.Tensor('float32', left, [m, dimensions]),
        right: new runtime.Tensor('float32', right, [n, dimensions]),
      }
      const fetches = { products: new runtime.Tensor('float32', products, [m, n]) }
      await inNative(() => session.run(feeds, fetches))
      return products
    },
  }
}
