import { keyAt, type VectorBlock } from './log-file.ts'

/** Vector numbers by key: a hash table with open addressing. Building a Map of 100,000 strings would take 0.1 s. */
export class KeyTable {
  readonly #blocks: VectorBlock[] = []
  /** Position in the concatenated blocks plus one; 0 for an empty slot. At most half full. */
  #slots: Int32Array
  /** Number of vectors before each block. */
  readonly #before: number[] = []
  #size = 0

  private constructor(keys: number) {
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(512, keys))))
  }

  /** An empty table with room for the keys of these blocks. */
  static for(blocks: readonly VectorBlock[]): KeyTable {
    return new KeyTable(blocks.reduce((sum, { count }) => sum + count, 0))
  }

  add(block: VectorBlock): void {
    this.#blocks.push(block)
    this.#before.push(this.#size)
    if (2 * (this.#size + block.count) > this.#slots.length) {
      this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(4 * (this.#size + block.count))))
      this.#blocks.forEach((known, i) => {
        if (known !== block) this.#fill(known, this.#before[i] as number)
      })
    }
    this.#fill(block, this.#size)
    this.#size += block.count
  }

  #fill(block: VectorBlock, before: number): void {
    for (let i = 0; i < block.count; i++)
      if (!block.damaged.has(i)) this.#slots[this.#slot(keyAt(block, i))] = before + i + 1
  }

  get(key: Buffer): number | undefined {
    const place = (this.#slots[this.#slot(key)] as number) - 1
    return place < 0 ? undefined : this.#at(place)[1]
  }

  /** The slot of a key, or the empty slot where it belongs. Keys are SHA-256, so the first bytes serve as the hash. */
  #slot(key: Buffer): number {
    const mask = this.#slots.length - 1
    let slot = key.readUInt32LE(0) & mask
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const [found] = this.#at((this.#slots[slot] as number) - 1)
      if (found.equals(key)) break
    }
    return slot
  }

  #at(place: number): [key: Buffer, number: number] {
    let low = 0
    for (let high = this.#before.length; high - low > 1; ) {
      const middle = (low + high) >> 1
      if ((this.#before[middle] as number) <= place) low = middle
      else high = middle
    }
    const block = this.#blocks[low] as VectorBlock
    const i = place - (this.#before[low] as number)
    return [keyAt(block, i), block.first + i]
  }
}
