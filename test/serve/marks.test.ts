import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { MarkStore, readMarks } from '../../src/serve/marks.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-marks-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const folder = () => mkdtempSync(join(root, 'library-'))
const none = { starred: [], read: [], hidden: [] }

it('marks are none, set, and taken away', async () => {
  const path = folder()
  const store = new MarkStore(path)
  expect(await store.read()).toEqual(none)
  expect(readdirSync(path)).toEqual([])
  await store.change({ ids: ['b', 'a', 'b'], mark: 'starred', value: true })
  await store.change({ ids: ['a'], mark: 'hidden', value: true })
  expect(await readMarks(path)).toEqual({ starred: ['b', 'a'], read: [], hidden: ['a'] })
  expect(await store.change({ ids: ['b', 'x'], mark: 'starred', value: false })).toEqual({
    starred: ['a'],
    read: [],
    hidden: ['a'],
  })
  expect(readdirSync(path)).toEqual(['marks.json'])
})

it('changes at once are all kept, also of ids that are names of an object', async () => {
  const path = folder()
  const store = new MarkStore(path)
  const ids = [...Array.from({ length: 50 }, (_, i) => `p${i}`), '__proto__', 'constructor', 'été "quoted"\n']
  await Promise.all(ids.map((id) => store.change({ ids: [id], mark: 'read', value: true })))
  expect((await readMarks(path)).read).toEqual(ids)
})

it('what another process marked, and what a later version wrote, stays', async () => {
  const path = folder()
  const [one, other] = [new MarkStore(path), new MarkStore(path)]
  await one.change({ ids: ['a'], mark: 'starred', value: true })
  await other.change({ ids: ['b'], mark: 'starred', value: true })
  const file = join(path, 'marks.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), notes: { a: 'twice' } }))
  await one.change({ ids: ['c'], mark: 'starred', value: true })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    starred: ['a', 'b', 'c'],
    read: [],
    hidden: [],
    notes: { a: 'twice' },
  })
})

it.each(['', '{"starred":["a"', '[]', 'null', '{"starred":"a"}', '{"read":[1]}'])(
  'damage is told and not written over: %j',
  async (text) => {
    const path = folder()
    writeFileSync(join(path, 'marks.json'), text)
    const error = { code: 'corrupt-store', message: expect.stringMatching(/marks\.json .*mend it, or move it away/u) }
    await expect(readMarks(path)).rejects.toMatchObject(error)
    await expect(new MarkStore(path).change({ ids: ['a'], mark: 'read', value: true })).rejects.toMatchObject(error)
    expect(readFileSync(join(path, 'marks.json'), 'utf8')).toBe(text)
  },
)

it('are whole, with all that was acknowledged, when the process is killed', async () => {
  for (let round = 0; round < 3; round++) {
    const path = folder()
    const child = spawn(process.execPath, ['--import', 'tsx', 'test/serve/mark-child.ts', path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let told = ''
    child.stdout.on('data', (part) => {
      told += part
      if (told.split('\n').length > 20 + 7 * round) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const last = Number(told.trimEnd().split('\n').at(-1))
    const { starred } = await readMarks(path)
    expect(starred).toEqual(Array.from({ length: starred.length }, (_, i) => `paper-${i}`))
    expect(starred.length).toBeGreaterThan(last)
  }
})

it('do not touch the library that they lie beside', async () => {
  const path = folder()
  const library = await PaperLibrary.open({ path })
  await library.add([{ id: 'a', title: 'Ponds', abstract: 'Bubbles of methane.' }])
  await new MarkStore(path).change({ ids: ['a'], mark: 'starred', value: true })
  // What a killed process left is taken away by the next writer.
  const draft = join(path, 'marks.json.0f5a1c52-3b0e-4c55-9d0e-3d7f0a6c1b11.tmp')
  writeFileSync(draft, '{')
  utimesSync(draft, 1, 1)
  expect(await library.verify()).toMatchObject({ isWhole: true, papers: 1 })
  await library.remove(['a'])
  await library.close()
  const again = await PaperLibrary.open({ path })
  expect(again.size).toBe(0)
  expect(existsSync(draft)).toBe(false)
  await again.close()
  expect((await readMarks(path)).starred).toEqual(['a'])
})
