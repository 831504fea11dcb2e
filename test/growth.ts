// How time grows where a text is made as bad as it can be: each doubling may take 2.6 times as long, not four.
import { performance } from 'node:perf_hooks'

/** A kind of text of any length. */
export type Pattern = readonly [name: string, make: (length: number) => string]

const repeated =
  (unit: string, { before = '', after = '' } = {}) =>
  (length: number) =>
    before + unit.repeat(Math.max(1, Math.ceil(length / unit.length))) + after

/** Texts on which patterns and parsers go back and forth. */
export const hostilePatterns: readonly Pattern[] = [
  ['one letter', repeated('a')],
  ['blanks', repeated(' ', { before: 'a', after: 'x' })],
  ['blanks after an entity', repeated(' ', { before: '&lt;', after: 'x' })],
  ['line breaks', repeated('\n', { before: 'a', after: 'x' })],
  ['opening angles', repeated('<')],
  ['opening tags', repeated('<a ')],
  ['tags', repeated('<b>')],
  ['entities', repeated('&lt;')],
  ['half entities', repeated('&')],
  ['backslashes', repeated('\\')],
  ['display formulas that never end', repeated('\\[')],
  ['braces', repeated('{')],
  ['commands in braces', repeated('\\text{')],
  ['dollars', repeated('$')],
  ['dollars and words', repeated('$a ')],
  ['underscores', repeated('a_')],
  ['raised to nothing', repeated('x^{')],
  ['hyphens', repeated('a-')],
  ['points', repeated('a.')],
  ['points alone', repeated('.')],
  ['apostrophes', repeated("a'")],
  ['quotes', repeated('"a ')],
  ['addresses', repeated('http://')],
  ['single letters', repeated('a b ')],
  ['capitals', repeated('A')],
  ['digits', repeated('1')],
  ['digits and points', repeated('1.')],
  ['Chinese without a break', repeated('\u4e2d\u6587\u5b57\u6bcd')],
  ['one Chinese character', repeated('\u4e2d')],
  ['Thai without a break', repeated('\u0e20\u0e32\u0e29\u0e32')],
  ['marks on one letter', repeated('\u0301', { before: 'e' })],
  ['Greek', repeated('\u03b1')],
  ['Hebrew', repeated('\u05d0 ')],
  ['family emoji', repeated('\u{1f468}\u200d\u{1f469}\u200d\u{1f467}')],
  ['halves of characters', repeated('\ud83d')],
  ['control characters', repeated('\u001b[31m')],
  ['different words', (length) => Array.from({ length: length / 8 }, (_, i) => `w${(i * 7919) % 1e6}x`).join(' ')],
  ['different names', (length) => Array.from({ length: length / 8 }, (_, i) => `N${(i * 7919) % 1e6}-X`).join(' ')],
  ['abbreviations', repeated('e.g. ')],
  ['dates', repeated('1 Jan 2020 ')],
]

/** The most that a doubling took, as a multiple, of the doublings that took long enough to be measured. */
export async function growth(
  run: (text: string) => unknown,
  make: Pattern[1],
  {
    from = 8192,
    to = 131_072,
    least = 8,
  }: { readonly from?: number; readonly to?: number; readonly least?: number } = {},
): Promise<{ readonly ratio: number; readonly milliseconds: number }> {
  const time = async (length: number) => {
    const text = make(length)
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 3; i++) {
      const start = performance.now()
      await run(text)
      best = Math.min(best, performance.now() - start)
      // What takes long is measured well enough at once.
      if (best > 200) break
    }
    return best
  }
  await run(make(from / 4))
  let before = await time(from)
  let ratio = 0
  for (let length = 2 * from; length <= to; length *= 2) {
    const now = await time(length)
    if (before >= least) ratio = Math.max(ratio, now / before)
    before = now
  }
  return { ratio, milliseconds: before }
}
