// `npx tsx bench/random-operations.ts [rounds] [seed]`: a library beside a plain list of papers, for as long as one likes.
import { tryOperations } from '../test/library/random-operations.ts'

const [rounds = 10_000, seed = 1] = process.argv.slice(2).map(Number)
console.log(await tryOperations({ rounds, seed }))
