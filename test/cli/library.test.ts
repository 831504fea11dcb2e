import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-cli-library-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const library = join(folder, 'papers')
const paperkin = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}
const example = 'examples/digest.txt'

describe('a library on disk', () => {
  it('is made by add, and asked like a file', () => {
    expect(paperkin('add', '--library', library, example)).toMatchObject({
      status: 0,
      stdout: `50 papers added: 50 papers in ${library}\n`,
    })
    expect(paperkin('add', '--library', library, example).stdout).toBe(
      `0 papers added, 50 known already: 50 papers in ${library}\n`,
    )
    const strip = (text: string) => text.split('\n').slice(1).join('\n')
    const question = ['medieval', 'bells', '--k', '3']
    expect(strip(paperkin('search', '--library', library, ...question).stdout)).toBe(
      strip(paperkin('search', example, ...question).stdout),
    )
    expect(paperkin('related', '--library', library, 'Cast in E', '--json').stdout).toBe(
      paperkin('related', example, 'Cast in E', '--json').stdout,
    )
    const { papers } = JSON.parse(paperkin('digest', '--library', library, '--json').stdout)
    expect(papers).toHaveLength(50)
  })

  it('is listed, written out and read again', () => {
    const lines = paperkin('list', '--library', library, '--jsonl').stdout.trim().split('\n')
    expect(lines).toHaveLength(50)
    expect(paperkin('list', '--library', library).stdout).toMatch(/^50 papers in .*, .*MiniLM-L6-papers\n\n/u)
    const [all, vectors] = [join(folder, 'all.jsonl'), join(folder, 'all.npy')]
    expect(paperkin('export', '--library', library, '--out', all, '--vectors', vectors)).toMatchObject({
      status: 0,
      stdout: `50 papers written to ${all} and ${vectors}\n`,
    })
    expect(readFileSync(all, 'utf8').trim().split('\n')).toEqual(lines)
    const other = join(folder, 'other')
    expect(paperkin('import', '--library', other, all, '--vectors', vectors)).toMatchObject({
      status: 0,
      stdout: `50 papers added, 0 updated, 0 known already: 50 papers in ${other}\n`,
    })
    expect(paperkin('list', '--library', other, '--jsonl').stdout.trim().split('\n')).toEqual(lines)
  })

  it('is listed, asked by words and written out where its vectors are of one’s own', async () => {
    const own = join(folder, 'own')
    const made = await PaperLibrary.open({ path: own, embedder: 'none' })
    await made.add(
      [
        { id: 'a', title: 'Waves' },
        { id: 'b', title: 'Reeds' },
      ],
      { vectors: [Float32Array.of(1, 0), Float32Array.of(0, 1)] },
    )
    await made.close()
    expect(paperkin('list', '--library', own).stdout).toMatch(/^2 papers in .*, vectors of your own/u)
    expect(paperkin('search', '--library', own, 'reeds', '--mode', 'lexical').stdout).toMatch(/1\.00 {2}Reeds/u)
    const vectors = join(folder, 'own.npy')
    expect(paperkin('export', '--library', own, '--vectors', vectors).status).toBe(0)
    expect(paperkin('remove', '--library', own, 'b').stdout).toBe(`1 paper removed: 1 paper left in ${own}\n`)
    expect(paperkin('export', '--library', own, '--out', '-')).toMatchObject({ status: 2, stdout: '' })
  })

  it('loses papers by remove alone', () => {
    const { id } = JSON.parse(paperkin('list', '--library', library, '--jsonl').stdout.split('\n')[0] as string)
    expect(paperkin('remove', '--library', library, id, '--dry-run').stdout).toBe('1 paper would be removed of 50\n')
    expect(paperkin('remove', '--library', library, id, 'nobody')).toMatchObject({ status: 1, stdout: '' })
    expect(paperkin('remove', '--library', library, id).stdout).toBe(`1 paper removed: 49 papers left in ${library}\n`)
  })

  it('is verified, and repaired where that is asked for', () => {
    expect(paperkin('verify', '--library', library)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^49 papers and 50 vectors in .*: all as it was written\n$/u),
    })
    const log = join(library, 'papers.log')
    const bytes = readFileSync(log)
    const at = bytes.length - 2000
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(log, bytes)
    const found = paperkin('verify', '--library', library)
    expect(found).toMatchObject({ status: 1, stdout: expect.stringMatching(/1 part damaged\n {2}/u) })
    expect(paperkin('list', '--library', library)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^paperkin: Expected the library in .* to be as it was written, but one part is damaged/u,
      ),
    })
    expect(paperkin('verify', '--library', library, '--repair')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/Repaired: .*\n48 papers and .*: all as it was written\n$/u),
    })
  })

  it.each([
    [['list', '--library', join(folder, 'none')], 2, /there is no folder/u],
    [['list'], 2, /Expected a file or a library/u],
    [['export', '--library', library], 2, /Expected --out, --vectors or both/u],
    [['add', '--library', example, example], 2, /is a file/u],
  ])('%j is refused with %i', (args, status, message) => {
    expect(paperkin(...args)).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(message) })
  })
})
