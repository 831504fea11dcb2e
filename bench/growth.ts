// `npx tsx bench/growth.ts`: how the time of every function over texts grows with the length of hostile ones.
import { growth, hostilePatterns } from '../test/growth.ts'
import { textFunctions } from '../test/text-functions.ts'

const most = 2.6
let failed = 0
for (const [name, run] of Object.entries(textFunctions))
  for (const [pattern, make] of hostilePatterns) {
    const { ratio, milliseconds } = await growth(run, make)
    if (ratio <= most) continue
    // What others do on the machine passes: only what grows twice does so by itself.
    const again = await growth(run, make)
    if (again.ratio <= most) continue
    failed++
    console.log(
      `${name}, ${pattern}: ${again.ratio.toFixed(1)} times a doubling, ${milliseconds.toFixed(0)} ms at the end`,
    )
  }
console.log(
  `${Object.keys(textFunctions).length} functions, ${hostilePatterns.length} patterns, ${failed} grow too fast`,
)
process.exitCode = failed > 0 ? 1 : 0
