import { expect, it } from 'vitest'
import { growth, hostilePatterns } from './growth.ts'
import { textFunctions } from './text-functions.ts'

// Doubling may take a little over twice as long; four times is a square. What is quick at this length is not measured.
const most = 3.4
const measured = { from: 16_384, to: 65_536, least: 25 }

it.each(Object.keys(textFunctions).filter((name) => name !== 'library'))(
  'the time of %s grows with the length of a text, whatever is in it',
  async (name) => {
    const run = textFunctions[name] as (text: string) => unknown
    const tooFast: string[] = []
    for (const [pattern, make] of hostilePatterns) {
      let { ratio } = await growth(run, make, measured)
      // What others do on the machine passes: only what grows again and again does so by itself.
      for (let again = 0; ratio > most && again < 2; again++) ratio = (await growth(run, make, measured)).ratio
      if (ratio > most) tooFast.push(`${pattern}: ${ratio.toFixed(1)} times a doubling`)
    }
    expect(tooFast).toEqual([])
  },
)
