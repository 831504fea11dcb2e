import { expect, it } from 'vitest'
import { hostilePatterns } from './hostile-texts.ts'
import { textFunctions } from './text-functions.ts'

// How time grows with the length is a bench: npm run bench -- growth.
it.each(Object.entries(textFunctions))('%s returns, whatever is in a text', async (name, call) => {
  const failures: string[] = []
  for (const [pattern, make] of hostilePatterns)
    await Promise.resolve(make(4096))
      .then(call)
      .catch((error: unknown) => failures.push(`${pattern}: ${error}`))
  expect(failures, name).toEqual([])
})
