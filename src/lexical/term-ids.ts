/** @internal */
interface TermIdsState {
  readonly keys: Float64Array<ArrayBuffer>
  readonly slots: Int32Array<ArrayBuffer>
  readonly size: number
}

/**
 * Numbers terms in order of first appearance, by integer keys (see {@link stemKey} and {@link pairKey}). A hash table
 * with open addressing and linear probing, at most half full: 16 to 28 bytes per term.
 */
export class TermIds {
  #keys = new Float64Array(1024)
  #slots = new Int32Array(2048)
  #size = 0

  /** Restores the numbers from {@link state}; takes ownership of its arrays. `keys` may be longer than `size`. */
  static from({ keys, slots, size }: TermIdsState): TermIds {
    const ids = new TermIds()
    ids.#keys = keys
    ids.#slots = slots
    ids.#size = size
    return ids
  }

  /** The state, valid until the next new term; `keys` has length `slots.length / 2`, of which `size` are in use. */
  state(): TermIdsState {
    return { keys: this.#keys, slots: this.#slots, size: this.#size }
  }

  get size(): number {
    return this.#size
  }

  /** The key of the term with this number. */
  key(term: number): number {
    return this.#keys[term]!
  }

  /** The number of a term; -1 if it is unknown. */
  get(key: number): number {
    return this.#slots[this.#slot(key)]! - 1
  }

  /** The number of a term; a new term gets the next number. */
  intern(key: number): number {
    const slot = this.#slot(key)
    if (this.#slots[slot]! > 0) return this.#slots[slot]! - 1
    if (this.#size === this.#keys.length) {
      this.#grow()
      return this.intern(key)
    }
    this.#keys[this.#size++] = key
    this.#slots[slot] = this.#size
    return this.#size - 1
  }

  /** The slot of a key, or the free slot for it. */
  #slot(key: number): number {
    const mask = this.#slots.length - 1
    let slot = hash(key) & mask
    while (this.#slots[slot] !== 0 && this.#keys[this.#slots[slot]! - 1] !== key) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2)
    keys.set(this.#keys)
    this.#keys = keys
    this.#slots = new Int32Array(keys.length * 2)
    for (let term = 0; term < this.#size; term++) this.#slots[this.#slot(keys[term]!)] = term + 1
  }
}

const pairBase = 2 ** 26

/** The key of a stem with this number; negative. */
export const stemKey = (stem: number): number => -1 - stem

/** The key of two adjacent stems; 0 or above. */
export const pairKey = (first: number, second: number): number => first * pairBase + second

/** Hashes an integer below 2 ** 53 (finaliser of MurmurHash3 over both halves). */
function hash(key: number): number {
  const high = Math.floor(key / 2 ** 32)
  let mixed = (key - high * 2 ** 32) ^ Math.imul(high, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Whether a key is that of a pair. */
export const isPair = (key: number): boolean => key >= 0

/** The two stem numbers of a pair's key. */
export const stemsOfPair = (key: number): [number, number] => [Math.floor(key / pairBase), key % pairBase]
