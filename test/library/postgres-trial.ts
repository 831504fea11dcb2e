// Papers for trials on Postgres, and the trial of what is lost where a server dies. `npx tsx scripts/check-postgres.ts`
// runs it for longer.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PostgresStorage } from '../../src/library/postgres/postgres-storage.ts'
import type { StoredPaper, Verification } from '../../src/library/storage/storage.ts'
import type { PostgresServer } from './postgres-servers.ts'

export const identity = { modelId: 'trial', dimensions: 8, recipe: 'title, line break, abstract' }

/** The paper with a number, the same in every process. */
export function trialPaper(number: number): {
  readonly id: string
  readonly title: string
  readonly abstract: string
  readonly vector: Float32Array
} {
  const bytes = createHash('sha256').update(String(number)).digest()
  const words = Array.from(bytes.subarray(0, 12), (byte) => names[byte % names.length])
  const vector = Float32Array.from(bytes.subarray(12, 20), (byte) => byte - 127.5)
  const length = Math.hypot(...vector)
  return {
    id: `paper-${number}`,
    title: `Paper ${number} of ${words[0]} and ${words[1]}`,
    abstract: `${words.join(' ')}.`,
    vector: vector.map((value) => value / length),
  }
}

const names = 'auk bunting curlew dunlin eider fulmar godwit heron ibis jay knot lapwing merlin nightjar osprey'.split(
  ' ',
)

/** Lets four processes add overlapping digests while the server is killed and started again, and looks what is there. */
export async function killTrial(
  server: PostgresServer,
  { milliseconds = 0, kills = 0 }: { readonly milliseconds?: number; readonly kills?: number },
): Promise<{
  readonly papers: number
  readonly acknowledged: number
  readonly kills: number
  /** Ids of papers that are lost, there twice, or not as they were added. */
  readonly broken: readonly string[]
  readonly verification: Verification
}> {
  const schema = 'killed'
  const storage = await PostgresStorage.open(server.url, { schema, identity })
  const child = fileURLToPath(new URL('postgres-writer.ts', import.meta.url))
  const acknowledged = new Set<string>()
  const children = Array.from({ length: 4 }, (_, number): ChildProcess => {
    const args = ['--import', 'tsx', child, server.url, schema, String(number)]
    const process = spawn(globalThis.process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      for (const id of line.split(' ')) acknowledged.add(id)
    })
    return process
  })
  const ended = Promise.all(children.map((process) => once(process, 'close')))
  const more = async () => {
    const before = acknowledged.size
    while (acknowledged.size < before + 50 && children.every(({ exitCode }) => exitCode === null)) await wait(20)
  }
  // Each of them has begun.
  const begun = new Set<number>()
  for (const [number, process] of children.entries()) process.stdout?.once('data', () => begun.add(number))
  while (begun.size < children.length && children.every(({ exitCode }) => exitCode === null)) await wait(20)
  const until = performance.now() + milliseconds
  let done = 0
  for (; done < kills || performance.now() < until; done++) {
    await more()
    // As a crash of the machine would, or as an administrator does.
    await (done % 2 === 0 ? server.kill() : server.end())
    await wait(300)
    await server.start()
  }
  await more()
  for (const process of children) process.kill('SIGTERM')
  const codes = (await ended).map(([code]) => code as number | null)
  const papers: StoredPaper[] = []
  for await (const batch of (await storage.load({ isAll: true, present: () => papers })).batches)
    papers.push(...batch.papers)
  const ids = papers.map(({ id }) => id)
  const there = new Set(ids)
  const broken = [
    ...codes.flatMap((code, number) => (code === 0 ? [] : [`process ${number} ended with ${code}`])),
    ...[...acknowledged].filter((id) => !there.has(id)).map((id) => `${id} is lost`),
    ...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `${id} is there twice`),
  ]
  for (const { id, title, abstract } of await storage.readPapers(papers)) {
    const wanted = trialPaper(Number(id.slice(6)))
    if (title !== wanted.title || abstract !== wanted.abstract) broken.push(`${id} has another text`)
  }
  const verification = await storage.verify()
  await storage.close()
  return { papers: ids.length, acknowledged: acknowledged.size, kills: done, broken, verification }
}
