import { exactDot } from './kernels.ts'
import { loadWasm } from './wasm.ts'

type Dots = (left: number, rights: number, rows: number, count: number, width: number, out: number) => void

interface Loop {
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
  readonly #loop: Loop | undefined

  private constructor(matrix: Float32Array, dimensions: number, loop: Loop | undefined) {
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
        out[i] = exactDot(matrix, row * dimensions, matrix, others[i] * dimensions, dimensions)
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
