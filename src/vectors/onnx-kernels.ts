import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { loadNative, type Session } from '../runtime/onnx-runtime.ts'
import { packageFile } from '../runtime/package-files.ts'
import type { Kernels } from './kernels.ts'

/**
 * Products on ONNX Runtime, with all cores. A run blocks its thread, so this belongs into a worker.
 * @returns undefined where the runtime cannot be loaded on this platform
 */
export async function loadOnnxKernels(): Promise<Kernels | undefined> {
  let session: Session
  try {
    const runtime = loadNative()
    const model = readFileSync(packageFile('#models/kernels/products.onnx'))
    // A count of its own: left to itself the runtime ties threads to cores, which a container may refuse.
    session = await runtime.createSession(model, { threads: availableParallelism() })
  } catch {
    // No library for this platform, or none installed: the caller has kernels that need none.
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
      const inputs = {
        left: { data: left, dims: [m, dimensions] },
        right: { data: right, dims: [n, dimensions] },
      }
      await session.run(inputs, 'products', { data: products, dims: [m, n] })
      return products
    },
  }
}
