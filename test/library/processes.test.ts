import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { letters, paper } from './letters.ts'
import { tryKills, tryTogether } from './store-trials.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-processes-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const open = (path: string) => PaperLibrary.open({ path, embedder: letters() })

describe('the writer’s lock', () => {
  it('is had by one at a time, and told with the pid of the one who has it', async () => {
    const path = join(root, 'one')
    const library = await open(path)
    await expect(open(path)).rejects.toMatchObject({
      code: 'store-locked',
      message: `The library is open for writing in process ${process.pid}: close it there, or open it with \`readOnly: true\`.`,
    })
    await library.close()
    const again = await open(path)
    await again.close()
    expect(readdirSync(path).sort()).toEqual(['papers.log', 'writer-2.lock'])
  })

  it('is had by one of many who ask at once', async () => {
    const path = join(root, 'many')
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => open(path)))
    const libraries = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(libraries).toHaveLength(1)
    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'store-locked' })
    await libraries[0]?.close()
  })

  const holder = (holder: object) => JSON.stringify({ pid: process.pid, host: hostname(), ...holder })
  it.each([
    ['a process that is no more', async () => holder({ pid: await deadPid() }), true],
    ['a process whose number another has by now', async () => holder({ began: '1 another boot' }), true],
    ['nobody, half written', async () => '{"pid":', true],
    ['nobody, empty', async () => '', true],
    ['a process of another machine', async () => holder({ host: 'elsewhere', pid: 1 }), false],
  ])('left by %s', async (_, text, isFree) => {
    const path = mkdtempSync(join(root, 'left-'))
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'writer-7.lock'), await text())
    if (isFree) {
      const library = await open(path)
      await library.add([paper('a')])
      expect(readdirSync(path).sort()).toEqual(['papers.log', 'writer-8.lock'])
      await library.close()
    } else
      await expect(open(path)).rejects.toMatchObject({
        code: 'store-locked',
        message: expect.stringMatching(/process 1 on elsewhere: close it there, or delete .*writer-7\.lock/u),
      })
  })

  it('lets nobody write who has lost it', async () => {
    const path = join(root, 'lost')
    const library = await open(path)
    await library.add([paper('a')])
    rmSync(join(path, 'writer-1.lock'))
    const other = await open(path)
    await other.add([paper('b')])
    await expect(library.add([paper('c')])).rejects.toMatchObject({ code: 'store-locked' })
    await library.close()
    await other.add([paper('d')])
    await other.close()
    const after = await open(path)
    expect(after.papers().map(({ id }) => id)).toEqual(['a', 'b', 'd'])
    await after.close()
  })
})

// `npx tsx scripts/check-store.ts` runs more rounds of both.
it('holds what it told of when its process is killed, and takes the rest when it comes again', async () => {
  expect(await tryKills(join(root, 'killed'), { rounds: 2, seed: 5, batches: 30 })).toHaveLength(2)
})

it('two write in turn while others read', async () => {
  const { batches, looks } = await tryTogether(join(root, 'together'), { seconds: 3, readers: 2 })
  for (const count of [...batches, ...looks]) expect(count).toBeGreaterThan(0)
})

async function deadPid(): Promise<number> {
  const process = spawn(globalThis.process.execPath, ['-e', ''])
  await once(process, 'exit')
  return process.pid as number
}
