import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { letters, paper } from './letters.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'paperkin-place-')))
const home = process.cwd()
afterAll(() => {
  process.chdir(home)
  rmSync(root, { recursive: true, force: true })
})
let folders = 0
const newPath = () => join(root, String(folders++))
const open = (path: string) => PaperLibrary.open({ path, embedder: letters() })
const idsOf = async (path: string) => {
  const library = await open(path)
  const found = library.papers().map(({ id }) => id)
  await library.close()
  return found
}
async function opened(path: string, ids: readonly string[] = []): Promise<PaperLibrary> {
  const library = await open(path)
  if (ids.length > 0) await library.add(ids.map((id) => paper(id)))
  return library
}

describe('a log that is put in the place of an open one', () => {
  const kinds: Readonly<Record<string, (log: string, backup: string) => void>> = {
    renamed: (log, backup) => renameSync(backup, log),
    'written over': (log, backup) => copyFileSync(backup, log),
    removed: (log) => rmSync(log),
    'removed and put back': (log, backup) => {
      rmSync(log)
      copyFileSync(backup, log)
    },
  }
  it.each(Object.keys(kinds))('ends adding and removing: %s', async (kind) => {
    const path = newPath()
    await (await opened(path, ['a'])).close()
    const log = join(path, 'papers.log')
    copyFileSync(log, `${path}.backup`)
    const writer = await opened(path, ['b'])
    kinds[kind]?.(log, `${path}.backup`)
    const isThere = existsSync(log)
    for (const write of [() => writer.add([paper('c')]), () => writer.remove(['a'])])
      await expect(write()).rejects.toMatchObject({
        code: 'store-unwritable',
        message: expect.stringMatching(/close the library and open it again/u),
      })
    await writer.close()
    expect(existsSync(log)).toBe(isThere)
    if (!isThere) return
    expect(await idsOf(path)).toEqual(['a'])
    const again = await opened(path, ['c'])
    expect((await again.verify()).isWhole).toBe(true)
    await again.close()
    expect(await idsOf(path)).toEqual(['a', 'c'])
  })

  it('is not replaced by what a writer would tidy up', async () => {
    const path = newPath()
    const first = await opened(path, ['a'])
    await first.close()
    copyFileSync(join(path, 'papers.log'), `${path}.backup`)
    const writer = await open(path)
    // Papers of the past, so many that the log would be written again on closing.
    for (let i = 0; i < 3; i++)
      await writer.add(Array.from({ length: 2000 }, (_, n) => ({ ...paper(`p${n}`), url: `https://x.example/${i}` })))
    await writer.remove(writer.papers().map(({ id }) => id))
    renameSync(`${path}.backup`, join(path, 'papers.log'))
    await writer.close()
    expect(await idsOf(path)).toEqual(['a'])
  })
})

describe('a folder', () => {
  it('keeps what others have in it', async () => {
    const path = newPath()
    const uuid = '550e8400-e29b-41d4-a716-446655440000'
    mkdirSync(path)
    const files = [`${uuid}.tmp`, `notes.${uuid}.tmp`, 'papers.log.tmp', `writer.lock.${uuid}`]
    const inside = [`${uuid.replace('5', '6')}.tmp`, `papers.log.${uuid}.tmp`, `words.bin.${uuid}.tmp`]
    for (const name of files) writeFileSync(join(path, name), 'of another program')
    for (const name of inside) mkdirSync(join(path, name))
    for (const name of [...files, ...inside]) utimesSync(join(path, name), 1, 1)
    const draft = `papers.log.${uuid.replace('5', '7')}.tmp`
    writeFileSync(join(path, draft), 'half')
    utimesSync(join(path, draft), 1, 1)
    await (await opened(path, ['a'])).close()
    expect(await idsOf(path)).toEqual(['a'])
    for (const name of files) expect(readFileSync(join(path, name), 'utf8')).toBe('of another program')
    expect(readdirSync(path)).toEqual(expect.arrayContaining([...files, ...inside]))
    expect(existsSync(join(path, draft))).toBe(false)
  })

  it('stays the same wherever the process goes', async () => {
    const path = newPath()
    mkdirSync(path)
    mkdirSync(join(path, 'elsewhere'))
    process.chdir(path)
    const library = await opened('papers', ['a'])
    const reader = await PaperLibrary.open({ path: 'papers', embedder: 'none', readOnly: true })
    process.chdir('elsewhere')
    await library.add([paper('b')])
    expect((await library.verify()).papers).toBe(2)
    await reader.refresh()
    expect([reader.size, reader.get('b')?.title, library.path]).toEqual([2, 'Title b', 'papers'])
    await reader.close()
    await library.close()
    process.chdir(home)
    expect(await idsOf(join(path, 'papers'))).toEqual(['a', 'b'])
  })

  it('that is renamed is written to no more, and opens under its new name', async () => {
    const path = newPath()
    const library = await opened(path, ['a'])
    renameSync(path, `${path}-moved`)
    await expect(library.add([paper('b')])).rejects.toMatchObject({
      code: 'store-locked',
      message: expect.stringMatching(/renamed/u),
    })
    expect(library.get('a')?.title).toBe('Title a')
    await library.close()
    expect(existsSync(path)).toBe(false)
    expect(await idsOf(`${path}-moved`)).toEqual(['a'])
  })
})

describe('what stands where the lock should', () => {
  const withLock = async (name: string, make: (path: string) => void) => {
    const path = newPath()
    await (await opened(path, ['a'])).close()
    make(join(path, name))
    return path
  }

  it.each<[string, string, (path: string) => void]>([
    ['a link to nothing', 'writer-9.lock', (path) => symlinkSync('/nowhere/at/all', path)],
    ['a folder', 'writer-9.lock', (path) => mkdirSync(path)],
    ['a number that leaves no room', 'writer-999999999999999.lock', (path) => writeFileSync(path, 'released\n')],
  ])('%s is named and refused', async (_, name, make) => {
    const path = await withLock(name, make)
    await expect(open(path)).rejects.toMatchObject({ code: 'store-locked', message: expect.stringContaining(name) })
    const reader = await PaperLibrary.open({ path, embedder: letters(), readOnly: true })
    expect(reader.size).toBe(1)
    await reader.close()
    rmSync(join(path, name), { recursive: true })
    expect(await idsOf(path)).toEqual(['a'])
  })

  it.each<[string, string, string]>([
    ['a number with zeros before it', 'writer-0000.lock', '{}'],
    ['more digits than a number has', `writer-${'9'.repeat(30)}.lock`, 'released\n'],
    ['a text that is no lock', 'writer-7.lock', 'to be or not to be'],
    ['a file of any size', 'writer-7.lock', ' '.repeat(100_000)],
    ['a number that no process has', 'writer-7.lock', JSON.stringify({ pid: 2 ** 40, host: hostname(), token: 'x' })],
    ['a lock without a process', 'writer-7.lock', JSON.stringify({ pid: -1, host: hostname(), token: 'x' })],
  ])('%s does not stand in the way', async (_, name, text) => {
    const path = await withLock(name, (file) => writeFileSync(file, text))
    const library = await open(path)
    await expect(open(path)).rejects.toMatchObject({ code: 'store-locked' })
    await library.add([paper('b')])
    await library.close()
    expect(await idsOf(path)).toEqual(['a', 'b'])
  })

  it.runIf(process.platform === 'linux')('a writer that was killed and not asked for yet is dead', async () => {
    const writer = newPath()
    const script = `
      const { PaperLibrary } = await import(${JSON.stringify(join(home, 'dist/index.js'))})
      await PaperLibrary.open({ path: ${JSON.stringify(writer)}, embedder: 'none' })
      console.log('open')
      setInterval(() => {}, 1000)
    `
    // Starts a writer, kills it, and never asks what became of it.
    const parent = `import subprocess, time
p = subprocess.Popen(${JSON.stringify([process.execPath, '--input-type=module', '-e', script])}, stdout=subprocess.PIPE)
p.stdout.readline()
p.kill()
time.sleep(0.2)
print(p.pid, flush=True)
time.sleep(60)`
    const child = spawn('python3', ['-c', parent])
    const [pid] = await once(child.stdout, 'data')
    expect(readFileSync(`/proc/${String(pid).trim()}/stat`, 'utf8')).toMatch(/\) Z /u)
    const library = await PaperLibrary.open({ path: writer, embedder: 'none' })
    await library.close()
    child.kill()
  })

  it.runIf(process.platform === 'linux')(
    'a container of the same name is believed while it touches its lock',
    async () => {
      const path = await withLock('notes', () => {})
      const space = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} pid:[1]`
      const lock = join(path, 'writer-50.lock')
      writeFileSync(lock, JSON.stringify({ pid: 1, host: hostname(), began: '1 x', space, token: 'other' }))
      await expect(open(path)).rejects.toMatchObject({
        code: 'store-locked',
        message: expect.stringMatching(/process 1 of another container: .*writer-50\.lock/u),
      })
      const old = new Date(Date.now() - 3_600_000)
      utimesSync(lock, old, old)
      expect(await idsOf(path)).toEqual(['a'])
    },
  )
})

const unshare = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'])

it.runIf(unshare.status === 0)('two containers of one name do not write to one library', async () => {
  const path = newPath()
  const script = `
    const { PaperLibrary } = await import(${JSON.stringify(join(home, 'dist/index.js'))})
    try {
      await PaperLibrary.open({ path: ${JSON.stringify(path)}, embedder: 'none' })
      console.log('open')
      setInterval(() => {}, 1000)
    } catch (error) {
      console.log(error.code)
    }
  `
  const container = () =>
    spawn('unshare', [
      '--pid',
      '--fork',
      '--mount-proc',
      '--kill-child',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ])
  const one = container()
  expect(String((await once(one.stdout, 'data'))[0]).trim()).toBe('open')
  const two = container()
  expect(String((await once(two.stdout, 'data'))[0]).trim()).toBe('store-locked')
  await expect(PaperLibrary.open({ path, embedder: 'none' })).rejects.toMatchObject({ code: 'store-locked' })
  one.kill('SIGKILL')
  two.kill('SIGKILL')
})
