// `npx tsx bench/random-operations.ts [rounds] [seed]`: compares a library with a plain list of papers under random
// operations.
import { tryOperations } from '../test/library/random-operations.ts'

const [rounds = 10_000, seed = 1] = process.argv.slice(2).map(Number)
console.log(await tryOperations({ rounds, seed }))
