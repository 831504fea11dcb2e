import { expect, it } from 'vitest'
import { tryOperations } from './random-operations.ts'

it.each([1, 2])('after any operations a library is what a plain list of papers says (seed %i)', async (seed) => {
  const counts = await tryOperations({ rounds: 150, seed })
  expect(Object.keys(counts)).toHaveLength(15)
})
