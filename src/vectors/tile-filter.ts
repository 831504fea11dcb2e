import { loadWasm } from './wasm.ts'

type Above = (
  values: number,
  rows: number,
  columns: number,
  rowCuts: number,
  columnCuts: number,
  hits: number,
) => number

/** Products come in groups of this many; those of a row's last, smaller group are left to the caller. */
export const FILTER_GROUP = 8

/**
 * Picks from a tile of products the few that reach a cut of their row or column, eight at a time: ten times faster than
 * looking at each in JavaScript, which takes as long as computing them.
 */
export class TileFilter {
  /** Room for the products of a tile, side × side. */
  readonly products: Float32Array
  /** A product above its row's cut is picked; and one above its column's. */
  readonly rowCuts: Float32Array
  readonly columnCuts: Float32Array
  readonly #above: Above
  readonly #hitsStart: number

  private constructor(side: number, above: Above, buffer: ArrayBuffer) {
    this.products = new Float32Array(buffer, 0, side * side)
    this.rowCuts = new Float32Array(buffer, 4 * side * side, side)
    this.columnCuts = new Float32Array(buffer, 4 * side * (side + 1), side)
    this.#hitsStart = 4 * side * (side + 2)
    this.#above = above
  }

  /** A filter of tiles up to side × side; undefined where the platform cannot run it. */
  static create(side: number): TileFilter | undefined {
    const hits = Math.ceil((side * side) / FILTER_GROUP)
    const loaded = loadWasm<Above>('above', 4 * (side * (side + 2) + hits))
    return loaded && new TileFilter(side, loaded.loop, loaded.memory.buffer)
  }

  /** Positions in the tile of the first product of each group with one above a cut, ascending; valid until the next call. */
  hits(rows: number, columns: number): Int32Array {
    const start = this.#hitsStart
    const end = this.#above(0, rows, columns, this.rowCuts.byteOffset, this.columnCuts.byteOffset, start)
    return new Int32Array(this.products.buffer, start, (end - start) / 4)
  }
}
