// Long-running checks of a library on disk; the tests run a few rounds of each.
// usage: npx tsx scripts/check-store.ts damage [COUNT] | kill [ROUNDS] | together [SECONDS]    --seed N
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tryDamage } from '../test/library/damage-trials.ts'
import { tryKills, tryTogether } from '../test/library/store-trials.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' } },
})
const [what, count] = positionals
const seed = Number(values.seed)
const folder = mkdtempSync(join(tmpdir(), 'paperkin-check-'))
const begun = performance.now()
try {
  if (what === 'damage') console.log(await tryDamage(folder, { count: Number(count ?? 1000), seed }))
  else if (what === 'kill') {
    const told = await tryKills(join(folder, 'library'), { rounds: Number(count ?? 100), seed })
    console.log(
      `killed ${told.length} times, after ${Math.min(...told)} to ${Math.max(...told)} of 120 batches: ${told.join(' ')}`,
    )
  } else if (what === 'together') {
    const done = await tryTogether(join(folder, 'library'), { seconds: Number(count ?? 60), readers: 10 })
    console.log(`batches written: ${done.batches.join(' and ')}; looks: ${done.looks.join(' ')}`)
  } else {
    console.error('usage: npx tsx scripts/check-store.ts damage [COUNT] | kill [ROUNDS] | together [SECONDS]')
    process.exitCode = 2
  }
  if (process.exitCode !== 2) console.log(`${((performance.now() - begun) / 1000).toFixed(0)} s`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
