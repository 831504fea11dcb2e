// A process of the trial in postgres-trial.ts: adds overlapping digests until it is told to end, and says what was
// acknowledged. Arguments: url, schema, number of the process.
import { PostgresStorage } from '../../src/library/postgres/postgres-storage.ts'
import { vectorKey } from '../../src/library/storage/storage.ts'
import { toPaper } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { trialPaper } from './postgres-trial.ts'

const [url, schema, number] = process.argv.slice(2) as [string, string, string]
const random = seededRandom(Number(number) + 1)
const storage = await PostgresStorage.open(url, { schema })
let isOver = false
process.on('SIGTERM', () => {
  isOver = true
})
for (let digest = 0; !isOver; digest++) {
  // Every process adds papers of the same stretch, in an order of its own, some of them again.
  const ids = Array.from({ length: 40 }, () => 20 * digest + Math.floor(random() * 60))
  const papers = [...new Set(ids)].map((id, i) => {
    const { vector, ...paper } = trialPaper(id)
    return { paper: toPaper(paper), row: storage.nextRow + i, textCrc: id, vector: { key: vectorKey(vector), vector } }
  })
  const stored = await storage.commit({ papers, nextRow: storage.nextRow + papers.length })
  process.stdout.write(`${stored.map(({ id }) => id).join(' ')}\n`)
}
await storage.close()
