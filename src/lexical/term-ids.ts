/** @internal */
interface TermIdsState {
  readonly keys: Float64Array<ArrayBuffer>
  readonly slots: Int32Array<ArrayBuffer>
  readonly size: number
}

/**
 * Numbers terms in the order in which they are first seen. A term is named by a whole number (see {@link stemKey} and
 * {@link pairKey}); 16 to 28 bytes a term: a table with open addressing and linear probing, at most half full.
 */
export class TermIds {
  #keys = new Float64Array(1024)
  #slots = new Int32Array(2048)
  #size = 0

  /** The same numbers from {@link state}, whose arrays it takes over; `keys` may be longer than there are terms. */
  static from({ keys, slots, size }: TermIdsState): TermIds {
    const ids = new TermIds()
    ids.#keys = keys
    ids.#slots = slots
    ids.#size = size
    return ids
  }

  /** All there is to know, until the next term; `keys` holds `slots.length / 2` and the first `size` are in use. */
  state(): TermIdsState {
    return { keys: this.#keys, slots: this.#slots, size: this.#size }
  }

  get size(): number {
    return this.#size
  }

  /** The name of the term with this number. */
  key(term: number): number {
    return this.#keys[term]!
  }

  /** The number of a term, -1 where it has none. */
  get(key: number): number {
    return this.#slots[this.#slot(key)]! - 1
  }

  /** The number of a term, the next one where it has none. */
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

  /** Where the key is, or where it would be put. */
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

/** The name of a stem with this number; below 0. */
export const stemKey = (stem: number): number => -1 - stem

/** The name of two neighbouring stems; 0 or above. */
export const pairKey = (first: number, second: number): number => first * pairBase + second

/** Mixes both halves of a whole number below 2 ** 53 (the finaliser of MurmurHash3). */
function hash(key: number): number {
  const high = Math.floor(key / 2 ** 32)
  let mixed = (key - high * 2 ** 32) ^ Math.imul(high, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Whether a name is that of a pair. */
export const isPair = (key: number): boolean => key >= 0

/** The stems of a pair by its name. */
export const stemsOfPair = (key: number): [number, number] => [Math.floor(key / pairBase), key % pairBase]
