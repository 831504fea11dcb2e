// A process that marks papers until it is killed: node --import tsx mark-child.ts FOLDER. A line once each is kept.
import { MarkStore } from '../../src/serve/marks.ts'

const store = new MarkStore(process.argv[2] as string)
for (let i = 0; ; i++) {
  await store.change({ ids: [`paper-${i}`], mark: 'starred', value: true })
  process.stdout.write(`${i}\n`)
}
