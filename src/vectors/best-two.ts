import { loadWasm } from './wasm.ts'

type Best = (values: number, rows: number, columns: number, costs: number, out: number) => void

/**
 * The largest and the second of each row of a matrix of products, less a cost of their column: ten times as fast in
 * WebAssembly as in JavaScript.
 */
export class BestTwo {
  /** Columns with what fills them up to a multiple of four: the width of a row of `products`. */
  readonly columns: number
  /** Room for the rows. */
  readonly products: Float32Array
  /** Infinite where columns only fill up. */
  readonly costs: Float32Array
  readonly largest: Float32Array
  readonly second: Float32Array
  /** Where the largest is. */
  readonly column: Int32Array
  readonly #loop: { readonly best: Best; readonly floats: Float32Array; readonly integers: Int32Array } | undefined

  /** For at most `rows` rows of `columns` products. */
  constructor(rows: number, columns: number) {
    this.columns = Math.ceil(columns / 4) * 4
    const values = rows * this.columns
    const loaded = loadWasm<Best>('best', 4 * (values + this.columns + 12 * rows))
    const buffer = loaded?.memory.buffer ?? new ArrayBuffer(4 * (values + this.columns))
    this.products = new Float32Array(buffer, 0, values)
    this.costs = new Float32Array(buffer, 4 * values, this.columns)
    this.costs.fill(Infinity, columns)
    const start = 4 * (values + this.columns)
    this.#loop = loaded && {
      best: loaded.loop,
      floats: new Float32Array(buffer, start, 12 * rows),
      integers: new Int32Array(buffer, start, 12 * rows),
    }
    this.largest = new Float32Array(rows)
    this.second = new Float32Array(rows)
    this.column = new Int32Array(rows)
  }

  /** Looks at the first `rows` rows of the products. */
  find(rows: number): void {
    const { columns, products, costs } = this
    if (this.#loop === undefined) {
      for (let row = 0; row < rows; row++) {
        let largest = -Infinity
        let second = -Infinity
        let found = 0
        for (let column = 0; column < columns; column++) {
          const value = products[row * columns + column] - costs[column]
          if (value > largest) {
            second = largest
            largest = value
            found = column
          } else if (value > second) second = value
        }
        this.largest[row] = largest
        this.second[row] = second
        this.column[row] = found
      }
      return
    }
    const { best, floats, integers } = this.#loop
    best(products.byteOffset, rows, columns, costs.byteOffset, floats.byteOffset)
    for (let row = 0; row < rows; row++) {
      // Of each fourth column the largest, then the second, then where the largest is.
      const at = 12 * row
      let largest = floats[at]
      let second = floats[at + 4]
      let column = integers[at + 8]
      for (let lane = 1; lane < 4; lane++) {
        const value = floats[at + lane]
        if (value > largest) {
          second = Math.max(largest, floats[at + 4 + lane])
          largest = value
          column = integers[at + 8 + lane]
        } else if (value > second) second = value
      }
      this.largest[row] = largest
      this.second[row] = second
      this.column[row] = column
    }
  }
}
