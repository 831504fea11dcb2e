// Matrix products of Float32 rows, all row-major; "rows" are the vectors. The last bits of a product depend on the CPU
// and the kernel. So callers assume an error of up to `productError` and decide anything closer by `exactDot`, which is
// the same everywhere.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { loadNative, type Session } from '../runtime/onnx-runtime.ts'
import { packageFile } from '../runtime/package-files.ts'
import { loadWasm } from './wasm.ts'

/** Computes products of rows with rows. */
export interface Kernels {
  readonly backend: 'onnxruntime' | 'typed-arrays'
  /** Multiply-adds that take a few milliseconds: the size of one call. */
  readonly slice: number
  /**
   * Dot products of each row of `left` with each row of `right`: `leftRows × rightRows`, each within
   * {@link productError} of the true value for rows of unit length. Written to the start of `target` if given;
   * otherwise the next call may overwrite the result.
   */
  products(
    left: Float32Array,
    right: Float32Array,
    dimensions: number,
    target?: Float32Array,
  ): Float32Array | Promise<Float32Array>
}

/** Bound on the error of a Float32 dot product of two unit rows, summed in any order (Higham 2002, section 3.1). */
export function productError(dimensions: number): number {
  return (dimensions + 8) * 2 ** -24
}

/**
 * Dot product of two rows in float64, summed in a fixed order: the same bits on every CPU. Four independent running
 * sums make it twice as fast as one.
 */
export function exactDot(
  left: Float32Array | Float64Array,
  leftStart: number,
  right: Float32Array | Float64Array,
  rightStart: number,
  dimensions: number,
): number {
  let sum0 = 0
  let sum1 = 0
  let sum2 = 0
  let sum3 = 0
  const whole = dimensions - (dimensions % 4)
  for (let d = 0; d < whole; d += 4) {
    sum0 += left[leftStart + d]! * right[rightStart + d]!
    sum1 += left[leftStart + d + 1]! * right[rightStart + d + 1]!
    sum2 += left[leftStart + d + 2]! * right[rightStart + d + 2]!
    sum3 += left[leftStart + d + 3]! * right[rightStart + d + 3]!
  }
  for (let d = whole; d < dimensions; d++) sum0 += left[leftStart + d]! * right[rightStart + d]!
  return sum0 + sum1 + (sum2 + sum3)
}

/** Kernels in plain JavaScript. */
export const typedArrayKernels: Kernels = {
  backend: 'typed-arrays',
  slice: 2e6,
  products(left, right, dimensions, target) {
    const leftRows = left.length / dimensions
    const rightRows = right.length / dimensions
    const size = leftRows * rightRows
    const out = target === undefined ? new Float32Array(size) : target.subarray(0, size)
    const leftPairs = leftRows - (leftRows % 2)
    const rightFours = rightRows - (rightRows % 4)
    // Blocks of two rows by four: six loads for eight products, nearly twice as fast as single products.
    for (let i = 0; i < leftPairs; i += 2) {
      const l0 = i * dimensions
      const l1 = l0 + dimensions
      for (let j = 0; j < rightFours; j += 4) {
        const r0 = j * dimensions
        const r1 = r0 + dimensions
        const r2 = r1 + dimensions
        const r3 = r2 + dimensions
        let s00 = 0
        let s01 = 0
        let s02 = 0
        let s03 = 0
        let s10 = 0
        let s11 = 0
        let s12 = 0
        let s13 = 0
        for (let d = 0; d < dimensions; d++) {
          const a0 = left[l0 + d]!
          const a1 = left[l1 + d]!
          const b0 = right[r0 + d]!
          const b1 = right[r1 + d]!
          const b2 = right[r2 + d]!
          const b3 = right[r3 + d]!
          s00 += a0 * b0
          s01 += a0 * b1
          s02 += a0 * b2
          s03 += a0 * b3
          s10 += a1 * b0
          s11 += a1 * b1
          s12 += a1 * b2
          s13 += a1 * b3
        }
        const first = i * rightRows + j
        const second = first + rightRows
        out[first] = s00
        out[first + 1] = s01
        out[first + 2] = s02
        out[first + 3] = s03
        out[second] = s10
        out[second + 1] = s11
        out[second + 2] = s12
        out[second + 3] = s13
      }
    }
    for (let i = 0; i < leftRows; i++)
      for (let j = i < leftPairs ? rightFours : 0; j < rightRows; j++)
        out[i * rightRows + j] = exactDot(left, i * dimensions, right, j * dimensions, dimensions)
    return out
  },
}

/**
 * Products by ONNX Runtime on all cores. A run blocks its thread: use it in a worker.
 * @returns undefined if the runtime cannot be loaded on this platform
 */
export async function loadOnnxKernels(): Promise<Kernels | undefined> {
  let session: Session
  try {
    const runtime = loadNative()
    const model = readFileSync(packageFile('#models/kernels/products.onnx'))
    // Set explicitly: by default the runtime pins threads to cores, which containers may refuse.
    session = await runtime.createSession(model, { threads: availableParallelism() })
  } catch {
    // No library for this platform, or not installed: the caller has other kernels.
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

type Dots = (left: number, rights: number, rows: number, count: number, width: number, out: number) => void

interface DotsLoop {
  readonly dots: Dots
  readonly rows: Int32Array
  readonly out: Float64Array
}

/** Rows per call of the loop. */
const rowsPerCall = 1024

/**
 * A matrix of rows and their float64 products: the same bits as `exactDot`, four times as fast if the matrix is in
 * WebAssembly memory.
 */
export class RowDots {
  readonly matrix: Float32Array
  readonly dimensions: number
  readonly #loop: DotsLoop | undefined

  private constructor(matrix: Float32Array, dimensions: number, loop: DotsLoop | undefined) {
    this.matrix = matrix
    this.dimensions = dimensions
    this.#loop = loop
  }

  /** Wraps a matrix without copying. */
  static over(matrix: Float32Array, dimensions: number): RowDots {
    return new RowDots(matrix, dimensions, undefined)
  }

  /** Wraps a new matrix of `length` zeros, in WebAssembly memory if available (4 GB at most). */
  static allocate(length: number, dimensions: number): RowDots {
    const loaded = loadWasm<Dots>('dots', 12 * rowsPerCall + 4 * length)
    if (loaded === undefined) return RowDots.over(new Float32Array(length), dimensions)
    const { buffer } = loaded.memory
    return new RowDots(new Float32Array(buffer, 12 * rowsPerCall, length), dimensions, {
      dots: loaded.loop,
      out: new Float64Array(buffer, 0, rowsPerCall),
      rows: new Int32Array(buffer, 8 * rowsPerCall, rowsPerCall),
    })
  }

  /** Products of a row with each of `others`, written to the start of `out`. */
  products(row: number, others: Int32Array, out: Float64Array): void {
    const { matrix, dimensions } = this
    const loop = this.#loop
    if (loop === undefined) {
      for (let i = 0; i < others.length; i++)
        out[i] = exactDot(matrix, row * dimensions, matrix, others[i]! * dimensions, dimensions)
      return
    }
    const start = matrix.byteOffset
    for (let first = 0; first < others.length; first += rowsPerCall) {
      const part = others.subarray(first, first + rowsPerCall)
      loop.rows.set(part)
      loop.dots(start + 4 * row * dimensions, start, loop.rows.byteOffset, part.length, dimensions, loop.out.byteOffset)
      out.set(part.length === rowsPerCall ? loop.out : loop.out.subarray(0, part.length), first)
    }
  }
}
