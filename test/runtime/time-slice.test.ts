import { afterEach, expect, test, vi } from 'vitest'
import { timeSlice } from '../../src/runtime/time-slice.ts'

afterEach(() => vi.restoreAllMocks())

/** Milliseconds until a slice is used up, with the clock stopped at 0. */
function share(slice: ReturnType<typeof timeSlice>, clock: { now: number }): number {
  for (clock.now = 0; !slice.due(); ) clock.now += 0.1
  return clock.now
}

test.each([1, 2, 3, 5])('%i that rest at the same time share about one slice', async (count) => {
  const clock = { now: 0 }
  vi.spyOn(performance, 'now').mockImplementation(() => clock.now)
  const slices = Array.from({ length: count }, () => timeSlice(undefined, 6))
  for (let turn = 0; turn < 3; turn++) {
    clock.now = 0
    await Promise.all(slices.map((slice) => slice.rest()))
    const shares = slices.map((slice) => share(slice, clock))
    expect(shares.reduce((sum, one) => sum + one)).toBeLessThan(1.5 * 6)
    for (const one of shares) expect(one).toBeGreaterThan(6 / count - 0.2)
  }
})

test('an abort ends a rest with its reason, and no slice starts after it', async () => {
  const controller = new AbortController()
  const slice = timeSlice(controller.signal)
  const rest = slice.rest()
  controller.abort(new Error('enough'))
  await expect(rest).rejects.toThrow('enough')
  expect(() => timeSlice(controller.signal)).toThrow('enough')
})
