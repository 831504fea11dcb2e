// Matrix products of Float32 rows. Everything here is row-major; "rows" are the vectors.
// A product's last bits depend on the CPU and on the kernel, so callers treat it as known to within `productError`
// and decide what lies closer together than that by `exactDot`, which is the same everywhere.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { loadNative, type Session } from '../runtime/onnx-runtime.ts'
import { packageFile } from '../runtime/package-files.ts'
import { loadWasm } from './wasm.ts'

/** What computes products of rows with rows. */
export interface Kernels {
  readonly backend: 'onnxruntime' | 'typed-arrays'
  /** Multiply-adds that take some milliseconds: how large a caller makes one call. */
  readonly slice: number
  /**
   * Dot products of each row of `left` with each row of `right`: `leftRows × rightRows`, each within
   * {@link productError} of the true value where rows have unit length. They are written to the beginning of `target`
   * where it is given; else the result may be overwritten by the next call.
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
 * Dot product of two rows in float64, summed in one fixed order: the same bits on every CPU.
 * The four running sums make it twice as fast as one (they do not wait for each other).
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

/** The kernels that need nothing but JavaScript. */
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
    // Two rows by four: six loads for eight products, nearly twice as fast as one by one.
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

type Dots = (left: number, rights: number, rows: number, count: number, width: number, out: number) => void

interface DotsLoop {
  readonly dots: Dots
  readonly rows: Int32Array
  readonly out: Float64Array
}

/** Rows in one call of the loop. */
const ROOM = 1024

/**
 * A matrix of rows and their products in float64: the bits of `exactDot`, four times as fast where the matrix lies in
 * WebAssembly's memory.
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

  /** Over a matrix as it is. */
  static over(matrix: Float32Array, dimensions: number): RowDots {
    return new RowDots(matrix, dimensions, undefined)
  }

  /** Over a new matrix of `length` values, all 0, in WebAssembly's memory where it can be had (4 GB are the most). */
  static allocate(length: number, dimensions: number): RowDots {
    const loaded = loadWasm<Dots>('dots', 12 * ROOM + 4 * length)
    if (loaded === undefined) return RowDots.over(new Float32Array(length), dimensions)
    const { buffer } = loaded.memory
    return new RowDots(new Float32Array(buffer, 12 * ROOM, length), dimensions, {
      dots: loaded.loop,
      out: new Float64Array(buffer, 0, ROOM),
      rows: new Int32Array(buffer, 8 * ROOM, ROOM),
    })
  }

  /** Products of a row with each of the others, written to `out` from its beginning. */
  products(row: number, others: Int32Array, out: Float64Array): void {
    const { matrix, dimensions } = this
    const loop = this.#loop
    if (loop === undefined) {
      for (let i = 0; i < others.length; i++)
        out[i] = exactDot(matrix, row * dimensions, matrix, others[i]! * dimensions, dimensions)
      return
    }
    const start = matrix.byteOffset
    for (let first = 0; first < others.length; first += ROOM) {
      const part = others.subarray(first, first + ROOM)
      loop.rows.set(part)
      loop.dots(start + 4 * row * dimensions, start, loop.rows.byteOffset, part.length, dimensions, loop.out.byteOffset)
      out.set(part.length === ROOM ? loop.out : loop.out.subarray(0, part.length), first)
    }
  }
}
