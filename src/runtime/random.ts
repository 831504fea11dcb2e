import { PaperkinError, show } from '../errors.ts'

/**
 * Returns a seeded generator of numbers in [0, 1), the same sequence on every CPU: 53 random bits per number from
 * xoshiro128** (Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators"), with the state filled by
 * splitmix32.
 * @param seed any safe integer
 * @throws PaperkinError `invalid-argument`
 */
export function seededRandom(seed: number): () => number {
  if (!Number.isSafeInteger(seed))
    throw new PaperkinError('invalid-argument', `Expected \`seed\` to be a whole number, got ${show(seed)}.`)
  let mixed = seed | 0
  const splitmix = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0
    let z = mixed
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let s0 = splitmix()
  mixed ^= Math.floor(seed / 2 ** 32)
  let s1 = splitmix()
  let s2 = splitmix()
  // The all-zero state is invalid.
  let s3 = splitmix() | 1
  const next = (): number => {
    const product = Math.imul(s1, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const t = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << 11) | (s3 >>> 21)
    return result
  }
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) * 2 ** -53
}

/** Puts items in random order in place (Fisher-Yates), determined by the random numbers. */
export function shuffle(items: { [place: number]: unknown; readonly length: number }, random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const item = items[i]
    items[i] = items[j]
    items[j] = item
  }
}

/** A copy of the items in random order: see {@link shuffle}. */
export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const order = [...items]
  shuffle(order, random)
  return order
}
