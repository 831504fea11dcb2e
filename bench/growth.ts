// npm run bench -- growth [NAME…]: how time grows with the length of hostile texts, for every function over texts and
// for hostile files. Doubling the length may take at most 2.6 times as long (quadratic time takes four times). Exits
// with 1 if any takes longer.
import { performance } from 'node:perf_hooks'
import { PaperkinError } from '../src/errors.ts'
import { readPapers } from '../src/sources/read-papers.ts'
import { hostileFiles, hostilePatterns, type Pattern } from '../test/hostile-texts.ts'
import { textFunctions } from '../test/text-functions.ts'

const most = 2.6
/** Lengths in characters or repetitions; times under `least` milliseconds are not compared. */
const from = 8192
const to = 131_072
const least = 8

const read = (content: string) =>
  readPapers({ name: 'x', content }, { onProblem: () => {} }).catch((error: unknown) => {
    if (!PaperkinError.isInstance(error)) throw error
  })

export async function run(names: readonly string[]): Promise<void> {
  const cases = [
    ...Object.entries(textFunctions).flatMap(([name, call]) =>
      hostilePatterns.map((pattern) => [name, call, pattern] as const),
    ),
    ...hostileFiles.map((pattern) => ['readPapers', read, pattern] as const),
  ].filter(([name]) => names.length === 0 || names.includes(name))
  let failed = 0
  for (const [name, call, [pattern, make]] of cases) {
    // Load from other processes passes: only growth seen twice counts.
    if ((await growth(call, make)).ratio <= most) continue
    const { ratio, milliseconds } = await growth(call, make)
    if (ratio <= most) continue
    failed++
    console.log(`${name}, ${pattern}: ${ratio.toFixed(1)} times a doubling, ${milliseconds.toFixed(0)} ms at the end`)
  }
  console.log(`${cases.length} functions and texts, ${failed} grow too fast`)
  process.exitCode = failed > 0 || cases.length === 0 ? 1 : 0
}

/** The largest time ratio of a doubling, among those that took long enough to measure. */
async function growth(call: (text: string) => unknown, make: Pattern[1]) {
  const time = async (length: number) => {
    const text = make(length)
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 3; i++) {
      const start = performance.now()
      await call(text)
      best = Math.min(best, performance.now() - start)
      // Long runs need no repetition.
      if (best > 200) break
    }
    return best
  }
  await call(make(from / 4))
  let before = await time(from)
  let ratio = 0
  for (let length = 2 * from; length <= to; length *= 2) {
    const now = await time(length)
    if (before >= least) ratio = Math.max(ratio, now / before)
    before = now
  }
  return { ratio, milliseconds: before }
}
