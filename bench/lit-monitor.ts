import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Paper } from '../src/paper.ts'
import { cachedVectors } from './data.ts'
import type { Method } from './recommend-references.ts'

const folder = new URL('peers/recommend/', import.meta.url).pathname

/**
 * lit-monitor without a language model, given the bundled model's vectors of the texts that it embeds. Undefined, with a
 * note, if it is not installed.
 */
export async function litMonitor(
  set: string,
  papers: readonly Paper[],
): Promise<{ readonly method: Method; readonly close: () => void } | undefined> {
  const python = process.env.LIT_MONITOR_PYTHON ?? join(folder, '.venv/bin/python')
  if (!existsSync(python)) {
    console.log(`left out: lit-monitor, as ${python} is not there: bench/peers/recommend/setup`)
    return undefined
  }
  const whole = await cachedVectors(
    `${set}-lit-monitor`,
    papers.map(({ title, abstract }) => [title, abstract].filter((text) => text !== '').join(' ')),
  )
  const shortened = await cachedVectors(
    `${set}-lit-monitor-500`,
    // Python counts code points.
    papers.map(({ title, abstract }) =>
      [title, [...abstract].slice(0, 500).join('')].filter((text) => text !== '').join(' '),
    ),
  )
  const work = mkdtempSync(join(tmpdir(), 'paperkin-bench-'))
  const write = (name: string, content: string | Float32Array) => {
    writeFileSync(join(work, name), content)
    return join(work, name)
  }
  const job = write(
    'job.json',
    JSON.stringify({
      papers: write('papers.json', JSON.stringify(papers.map(({ title, abstract }) => ({ title, abstract })))),
      whole: write('whole.f32', whole.vectors),
      shortened: write('shortened.f32', shortened.vectors),
      dimensions: whole.dimensions,
    }),
  )
  const child = spawn(python, ['-B', join(folder, 'peers.py'), job], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.once('close', () => rmSync(work, { recursive: true, force: true }))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    method: async (liked) => {
      child.stdin.write(`${JSON.stringify(liked)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('peers.py ended without an answer.')
      return Float64Array.from(JSON.parse(value) as number[])
    },
    close: () => child.stdin.end(),
  }
}
