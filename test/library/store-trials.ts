// What happens to a library when processes die and when they meet. `npx tsx scripts/check-store.ts` runs more of it.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { type Paper, paperText } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { letters } from './letters.ts'

const child = fileURLToPath(new URL('store-child.ts', import.meta.url))
const embedder = letters()

/** The papers of one `add`: they come all or not at all. */
export function batchOf(name: string, batch: number): { id: string; title: string; abstract: string }[] {
  return Array.from({ length: 8 }, (_, i) => ({
    id: `${name}-${batch}-${i}`,
    title: `Paper ${i} of ${name}`,
    abstract: `${'Sandpipers run before the waves. '.repeat(10 + i)}${batch}`,
  }))
}

/** Ids of papers whose text or vector is not theirs, and of batches that are not whole (less what was removed). */
export async function brokenPapers(
  library: PaperLibrary,
  { isComplete }: { readonly isComplete: boolean },
): Promise<string[]> {
  const broken: string[] = []
  const papers = library.papers()
  const vectors = await embedder.embed(papers.map(paperText))
  const counts = new Map<string, number>()
  for (const [i, { id, title, abstract }] of papers.entries()) {
    const [name, batch, place] = id.split('-') as [string, string, string]
    const wanted = batchOf(name, Number(batch))[Number(place)] as Paper
    const vector = library.vector(id) as Float32Array
    const raw = vectors[i] as Float32Array
    const length = Math.hypot(...raw)
    const isRight = raw.every((value, d) => Math.abs(value / length - (vector[d] as number)) < 1e-6)
    if (title !== wanted.title || abstract !== wanted.abstract || !isRight) broken.push(id)
    const key = `${name}-${batch}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  if (isComplete) for (const [key, count] of counts) if (count !== 8) broken.push(`${key} (${count} of 8)`)
  return broken
}

function start(...args: string[]): { readonly process: ChildProcess; readonly lines: string[] } {
  const process = spawn(globalThis.process.execPath, ['--import', 'tsx', child, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  createInterface({ input: process.stdout as NodeJS.ReadableStream }).on('line', (line) => lines.push(line))
  return { process, lines }
}

async function ended({ process }: { readonly process: ChildProcess }): Promise<number | null> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'close')
  return process.exitCode
}

/**
 * Kills a process at a random moment of its adding, `rounds` times on a new library each; returns how many batches had
 * been acknowledged each time.
 */
export async function tryKills(
  path: string,
  { rounds, seed, batches = 120 }: { readonly rounds: number; readonly seed: number; readonly batches?: number },
): Promise<number[]> {
  const draw = seededRandom(seed)
  const acknowledged: number[] = []
  for (let round = 0; round < rounds; round++) {
    rmSync(path, { recursive: true, force: true })
    const adding = start('add', path, String(batches))
    // Every third time while the library is made, else somewhere in the middle of its batches.
    if (round % 3 === 2) while (adding.lines.length === 0) await wait(1)
    else {
      const target = 1 + Math.floor(draw() * batches)
      while (adding.lines.length < target && adding.process.exitCode === null) await wait(1)
    }
    await wait(draw() * 5)
    adding.process.kill('SIGKILL')
    await ended(adding)
    const told = adding.lines.length - 1
    acknowledged.push(told)
    const library = await PaperLibrary.open({ path, embedder })
    assert.deepEqual(await brokenPapers(library, { isComplete: false }), [])
    const expected = (count: number, isRemoved: boolean) =>
      Array.from({ length: count }, (_, batch) => batchOf('kill', batch).map(({ id }) => id))
        .flatMap((ids, batch) => (batch % 5 === 4 && (batch < count - 1 || isRemoved) ? ids.slice(1) : ids))
        .join(' ')
    const found = library
      .papers()
      .map(({ id }) => id)
      .join(' ')
    const allowed = [expected(Math.max(0, told), true), expected(told + 1, false), expected(told + 1, true)]
    assert.ok(
      allowed.includes(found),
      `round ${round}: ${told} batches were told of, and there are the papers ${found}`,
    )
    for (let batch = 0; batch < batches; batch++) await library.add(batchOf('kill', batch))
    assert.equal(library.size, 8 * batches)
    assert.deepEqual(await brokenPapers(library, { isComplete: true }), [])
    await library.close()
    assert.equal((await PaperLibrary.verify(path)).isWhole, true)
  }
  return acknowledged
}

/** Two processes that open, add and close, and some that read; returns how much each of them did. */
export async function tryTogether(
  path: string,
  { seconds, readers }: { readonly seconds: number; readonly readers: number },
) {
  await (await PaperLibrary.open({ path, embedder })).close()
  const writing = ['first', 'second'].map((name) => start('write', path, name, String(seconds)))
  const reading = Array.from({ length: readers }, () => start('read', path, String(seconds)))
  const codes = await Promise.all([...writing, ...reading].map(ended))
  assert.deepEqual(
    codes,
    codes.map(() => 0),
    reading.flatMap(({ lines }) => lines.slice(-1)).join('; '),
  )
  const library = await PaperLibrary.open({ path, embedder })
  assert.deepEqual(await brokenPapers(library, { isComplete: true }), [])
  const batches = writing.map(({ lines }) => lines.length)
  assert.equal(library.size, 8 * batches.reduce((sum, count) => sum + count, 0))
  await library.close()
  assert.equal((await PaperLibrary.verify(path)).isWhole, true)
  return { batches, looks: reading.map(({ lines }) => Number(lines[0]?.split(' ')[1])) }
}
