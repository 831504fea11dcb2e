import { createHash } from 'node:crypto'

/** The paper with a number, the same in every process. */
export function trialPaper(number: number): {
  readonly id: string
  readonly title: string
  readonly abstract: string
  readonly vector: Float32Array
} {
  const bytes = createHash('sha256').update(String(number)).digest()
  const words = Array.from(bytes.subarray(0, 12), (byte) => names[byte % names.length])
  const vector = Float32Array.from(bytes.subarray(12, 20), (byte) => byte - 127.5)
  const length = Math.hypot(...vector)
  return {
    id: `paper-${number}`,
    title: `Paper ${number} of ${words[0]} and ${words[1]}`,
    abstract: `${words.join(' ')}.`,
    vector: vector.map((value) => value / length),
  }
}

const names = 'auk bunting curlew dunlin eider fulmar godwit heron ibis jay knot lapwing merlin nightjar osprey'.split(
  ' ',
)
