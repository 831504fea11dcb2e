import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { writeAll, writeOutput } from '../../src/runtime/atomic-file.ts'
import { run } from '../cli/run.ts'
import { letters, paper } from './letters.ts'

const root = mkdtempSync(join(tmpdir(), 'paperkin-output-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const newFolder = () => {
  const folder = join(root, String(folders++))
  mkdirSync(folder)
  return folder
}
const papers = ['a', 'b', 'c'].map((id) => paper(id))
async function filled(path: string): Promise<PaperLibrary> {
  const library = await PaperLibrary.open({ path, embedder: letters() })
  await library.add(papers)
  return library
}
const isRoot = process.getuid?.() === 0
const isUnix = process.platform !== 'win32'

describe('what is written', () => {
  it('is all of the bytes where one write takes fewer', async () => {
    const path = join(newFolder(), 'short')
    const file = await openFile(path, 'w')
    const write = file.write.bind(file) as (...args: unknown[]) => Promise<unknown>
    let calls = 0
    Object.assign(file, {
      write: (bytes: Buffer, from: number, length: number, position: number) => {
        calls++
        return write(bytes, from, Math.min(length, 7), position)
      },
    })
    await writeAll(file, Buffer.from('0123456789'.repeat(10)), 0)
    await file.close()
    expect(readFileSync(path, 'utf8')).toBe('0123456789'.repeat(10))
    expect(calls).toBe(15)
  })

  it.runIf(isUnix)('keeps the mode and the link, and leaves no draft', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'private'), 'secret', { mode: 0o600 })
    chmodSync(join(folder, 'private'), 0o600)
    mkdirSync(join(folder, 'deep'))
    symlinkSync('../private', join(folder, 'deep', 'two'))
    symlinkSync('deep/two', join(folder, 'one'))
    symlinkSync('deep/new', join(folder, 'dangling'))
    const modes: number[] = []
    await writeOutput(
      join(folder, 'one'),
      (function* () {
        for (const name of readdirSync(folder).filter((name) => name.endsWith('.tmp')))
          modes.push(statSync(join(folder, name)).mode & 0o777)
        yield 'whole'
      })(),
    )
    await writeOutput(join(folder, 'dangling'), ['new'])
    expect(modes).toEqual([0o600])
    expect(readFileSync(join(folder, 'private'), 'utf8')).toBe('whole')
    expect(statSync(join(folder, 'private')).mode & 0o777).toBe(0o600)
    expect(lstatSync(join(folder, 'one')).isSymbolicLink()).toBe(true)
    expect(lstatSync(join(folder, 'deep', 'two')).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(folder, 'deep', 'new'), 'utf8')).toBe('new')
    expect(readdirSync(folder).sort()).toEqual(['dangling', 'deep', 'one', 'private'])
  })

  it('is nothing where it cannot be made', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'out'), 'before')
    const failing = (function* () {
      yield 'half'
      throw new Error('no more')
    })()
    await expect(writeOutput(join(folder, 'out'), failing)).rejects.toThrow('no more')
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('before')
    expect(readdirSync(folder)).toEqual(['out'])
    await expect(writeOutput(folder, ['x'])).rejects.toMatchObject({ code: 'EISDIR' })
  })

  it.runIf(isUnix)('goes through a pipe that is read slowly', async () => {
    const folder = newFolder()
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', [fifo])
    const parts = Array.from({ length: 300 }, (_, i) => `${i} ${'x'.repeat(1000)}\n`)
    const reading = openFile(fifo, 'r').then(async (file) => {
      let text = ''
      for await (const chunk of file.createReadStream({ highWaterMark: 1000 })) text += chunk
      return text
    })
    await writeOutput(fifo, parts)
    expect(await reading).toBe(parts.join(''))
    expect(lstatSync(fifo).isFIFO()).toBe(true)
  })
})

describe('an export', () => {
  it.runIf(isUnix && isRoot)('writes to devices and leaves them what they are', async () => {
    const folder = newFolder()
    const device = join(folder, 'null')
    if (spawnSync('mknod', [device, 'c', '1', '3']).status !== 0) return
    symlinkSync('null', join(folder, 'link'))
    const library = await filled(join(folder, 'library'))
    for (const name of ['null', 'link']) {
      await library.export({ papers: join(folder, name) })
      await library.export({ vectors: join(folder, name) })
      await library.report(await library.topics(), { path: join(folder, name), format: 'json' })
    }
    await library.close()
    expect(lstatSync(device).isCharacterDevice()).toBe(true)
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
    expect(readdirSync(folder).sort()).toEqual(['library', 'link', 'null'])
  })

  it.runIf(isUnix)('goes to standard output where that is named, with nothing beside it', async () => {
    const folder = newFolder()
    await (await PaperLibrary.open({ path: join(folder, 'library'), embedder: 'none' })).close()
    const library = await PaperLibrary.open({ path: join(folder, 'library'), embedder: 'none' })
    await library.add(papers, {
      vectors: [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
    })
    await library.close()
    symlinkSync('/dev/stdout', join(folder, 'stdout'))
    for (const out of ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', join(folder, 'stdout')]) {
      if (out.startsWith('/proc') && !existsSync('/proc/self/fd')) continue
      const shell = `node dist/cli.js export --library ${join(folder, 'library')} --out ${out} > ${join(folder, 'all.jsonl')}`
      const { status, stderr } = spawnSync('sh', ['-c', shell], { encoding: 'utf8' })
      expect([status, stderr]).toEqual([0, `3 papers written to ${out}\n`])
      const lines = readFileSync(join(folder, 'all.jsonl'), 'utf8').trimEnd().split('\n')
      expect(lines.map((line) => JSON.parse(line).id)).toEqual(['a', 'b', 'c'])
    }
  })

  it('goes nowhere into a library, by whatever way it is named', async () => {
    const folder = newFolder()
    const path = join(folder, 'library')
    const library = await filled(path)
    const before = readFileSync(join(path, 'papers.log'))
    symlinkSync(path, join(folder, 'other-name'))
    symlinkSync(join(path, 'papers.log'), join(folder, 'harmless.jsonl'))
    mkdirSync(join(path, 'deeper'))
    const topics = await library.topics()
    for (const name of [
      'library/papers.log',
      'library/new.jsonl',
      'other-name/words.bin',
      'harmless.jsonl',
      'library/deeper/x',
    ])
      for (const write of [
        () => library.export({ papers: join(folder, name) }),
        () => library.export({ vectors: join(folder, name) }),
        () => library.report(topics, { path: join(folder, name) }),
      ])
        await expect(write()).rejects.toMatchObject({
          code: 'invalid-argument',
          message: expect.stringMatching(/outside of a library/u),
        })
    await expect(library.export({ papers: join(folder, 'x'), vectors: join(folder, 'x') })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    const fetched = await run([
      'fetch',
      'daily',
      '--out',
      join(path, 'papers.log'),
      '--force',
      '--base-url',
      'http://127.0.0.1:9',
    ])
    expect(fetched).toMatchObject({ status: 2, stderr: expect.stringMatching(/outside of a library/u) })
    expect(readFileSync(join(path, 'papers.log'))).toEqual(before)
    await library.close()
    const again = await PaperLibrary.open({ path, embedder: letters() })
    expect(again.papers().map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    await again.close()
  })

  it('that is aborted ends with the reason, wherever it is', async () => {
    const folder = newFolder()
    const library = await PaperLibrary.open({ embedder: 'none' })
    const many = Array.from({ length: 6000 }, (_, i) => paper(`p${i}`, `Title ${i}`, 'word '.repeat(50)))
    await library.add(many, { vectors: many.map((_, i) => [Math.sin(i + 1), 1]) })
    const reasons = [undefined, new Error('enough'), Object.assign(new Error('mine'), { code: 'ENOSPC' })]
    for (const [i, reason] of reasons.entries())
      for (const part of ['papers', 'vectors'] as const) {
        const { signal, abort } = aborter(reason)
        const path = join(folder, `${i}.${part}`)
        const ended = library.export({ [part]: path, signal }).catch((error) => error)
        setImmediate(abort)
        const error = await ended
        if (error !== undefined) {
          expect(error).toBe(signal.reason)
          expect(existsSync(path)).toBe(false)
        }
        abort()
        await expect(library.export({ [part]: path, signal })).rejects.toBe(signal.reason)
      }
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
    await library.close()
  })
})

function aborter(reason: unknown) {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(reason) }
}
