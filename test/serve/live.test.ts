// A library that is served while a writer, in a process of its own, adds to it; and the command from start to Ctrl-C.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { run } from '../cli/run.ts'
import { papers, servedLibrary, type Trial } from './served.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-live-'))
let trial: Trial
beforeAll(async () => {
  trial = await servedLibrary()
})
afterAll(async () => {
  await trial.end()
  rmSync(root, { recursive: true, force: true })
})

const cli = (...args: string[]): ChildProcess =>
  spawn(process.execPath, ['dist/cli.js', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })

async function outcome(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.on('data', (part) => {
      text[name] += part
    })
  const [code] = await once(child, 'close')
  return { code, ...text }
}

async function ask(path: string, { served } = trial): Promise<ReturnType<typeof JSON.parse>> {
  const response = await fetch(`${served.origin}${path}`, { headers: { authorization: `Bearer ${served.token}` } })
  return response.json()
}

const file = (name: string, records: readonly object[]) => {
  const path = join(root, name)
  writeFileSync(path, records.map((record) => JSON.stringify(record)).join('\n'))
  return path
}

it('papers that a writer adds appear, and the writer goes on undisturbed', async () => {
  const before = await ask('/api/version')
  expect(before).toMatchObject({ papers: papers.length, size: papers.length })
  const added = Array.from({ length: 40 }, (_, i) => ({
    id: `new-${i}`,
    title: `Tidal clocks of mussels, part ${i}`,
    abstract: `Mussels open with the tide; their clock is watched in tank ${i} for a month.`,
  }))
  const writer = outcome(cli('add', '--library', trial.folder, file('new.jsonl', added), '--json'))
  let isDone = false
  void writer.finally(() => {
    isDone = true
  })
  // Asked all the while: what is answered is always whole.
  let asked = 0
  while (!isDone) {
    const { hits } = await ask('/api/search?q=methane&k=1')
    expect(hits).toHaveLength(1)
    asked++
    await wait(10)
  }
  expect(asked).toBeGreaterThan(0)
  expect(await writer).toMatchObject({ code: 0 })
  while ((await ask('/api/version')).version === before.version) await wait(20)
  while ((await ask('/api/version')).papers < papers.length + 40) await wait(20)
  expect(await ask('/api/version')).toMatchObject({ papers: 46, size: 46 })
  const { hits } = await ask('/api/search?q=animals+that+know+the+tide&k=1')
  expect(hits[0].id).toMatch(/^new-/u)
  expect(trial.problems).toEqual([])
  // The lock was never ours.
  const other = await PaperLibrary.open({ path: trial.folder })
  await other.remove(['new-0'])
  await other.close()
  while ((await ask('/api/version')).papers !== 45) await wait(20)
  expect(trial.problems).toEqual([])
})

const lines = async (child: ChildProcess): Promise<string> => {
  const [text] = await once(child.stdout as NodeJS.ReadableStream, 'data')
  return String(text)
}

it.skipIf(process.platform === 'win32')(
  'the command prints an address, keeps stars, and ends with Ctrl-C',
  async () => {
    const folder = join(root, 'papers')
    expect((await run(['add', '--library', folder, file('first.jsonl', papers)])).status).toBe(0)
    for (const round of [1, 2]) {
      const child = cli('serve', '--library', folder)
      const ended = outcome(child)
      const address = new URL((await lines(child)).trim())
      expect(address.hostname).toBe('127.0.0.1')
      const headers = {
        authorization: `Bearer ${address.searchParams.get('token')}`,
        'content-type': 'application/json',
      }
      const kept = await fetch(`${address.origin}/api/stars`, { headers })
      expect(await kept.json()).toEqual({ starred: round === 1 ? [] : ['p1', 'p2'], read: [], hidden: [] })
      const body = JSON.stringify({ ids: ['p1', 'p2'], mark: 'starred', value: true })
      expect((await fetch(`${address.origin}/api/stars`, { method: 'POST', headers, body })).status).toBe(200)
      // One who asks and one who only holds a connection keep it from nothing.
      const page = fetch(address.origin, { headers }).catch(() => undefined)
      child.kill('SIGINT')
      const { code, stderr } = await ended
      expect({ code, stderr }).toEqual({
        code: 130,
        stderr: `6 papers of ${folder}, for this machine alone; Ctrl-C ends it. Open\n`,
      })
      await page
      await expect(fetch(`${address.origin}/api/version`, { headers })).rejects.toThrow()
    }
    // Stars are what is liked where nothing else is named.
    const recommended = await run(['recommend', '--library', folder, '--k', '2', '--json'])
    expect(recommended.status).toBe(0)
    const { liked, hits } = JSON.parse(recommended.stdout)
    expect(liked).toBe(2)
    for (const { id } of hits) expect(['p1', 'p2']).not.toContain(id)
  },
)

it.skipIf(process.platform === 'win32')('--open hands the browser an address that opens the page once', async () => {
  const told = join(root, 'told')
  for (const name of ['xdg-open', 'open']) {
    writeFileSync(join(root, name), `#!/bin/sh\nprintf '%s' "$1" > '${told}.new' && mv '${told}.new' '${told}'\n`)
    chmodSync(join(root, name), 0o755)
  }
  const child = spawn(process.execPath, ['dist/cli.js', 'serve', '--library', trial.folder, '--open'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${root}:/bin:/usr/bin` },
  })
  const ended = outcome(child)
  const address = new URL((await lines(child)).trim())
  while (!existsSync(told)) await wait(20)
  const given = new URL(readFileSync(told, 'utf8'))
  expect(given.origin).toBe(address.origin)
  // Other users of the machine can read command lines: what stands there opens nothing more.
  expect(given.href).not.toContain(address.searchParams.get('token'))
  expect((await fetch(given, { redirect: 'manual' })).status).toBe(303)
  expect((await fetch(given, { redirect: 'manual' })).status).toBe(401)
  const headers = { authorization: `Bearer ${given.searchParams.get('token')}` }
  expect((await fetch(`${address.origin}/api/version`, { headers })).status).toBe(401)
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
})

it('the command says what is wrong', async () => {
  const missing = await outcome(cli('serve', '--library', join(root, 'nowhere')))
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringMatching(/there is no folder .*nowhere/u) })
  const port = await run(['serve', '--library', trial.folder, '--port', String(trial.port)])
  expect(port).toMatchObject({ status: 2, stderr: expect.stringMatching(/it is in use: name another, or none/u) })
  expect(await run(['serve', '--library', trial.folder, '--port', '70000'])).toMatchObject({ status: 2 })
})

it('shows a library without papers', async () => {
  const empty = await servedLibrary()
  const writer = await PaperLibrary.open({ path: empty.folder })
  await writer.clear()
  await writer.close()
  while ((await ask('/api/version', empty)).papers !== 0) await wait(20)
  const { served } = empty
  const page = await fetch(served.origin, { headers: { authorization: `Bearer ${served.token}` } })
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('Opening 0 papers')
  expect((await ask('/api/search?q=methane', empty)).hits).toEqual([])
  await empty.end()
})
