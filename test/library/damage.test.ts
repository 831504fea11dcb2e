import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { tryDamage } from './damage-trials.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-damage-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// `npx tsx scripts/check-store.ts damage 1000` tries more.
it('a damaged library is refused or the same, and what a repair keeps is right', async () => {
  const outcomes = await tryDamage(folder, { count: 48, seed: 1 })
  expect(outcomes.same + outcomes.refused).toBe(48)
  expect(outcomes.refused).toBeGreaterThan(20)
  expect(outcomes.repaired).toBe(outcomes.refused)
})
