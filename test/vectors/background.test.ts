import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadHnswlib } from '../../src/vectors/hnswlib.ts'

function isHnswInstalled(): boolean {
  try {
    loadHnswlib()
    return true
  } catch {
    return false
  }
}

const end = (how: string, folder = tmpdir()) =>
  spawnSync(process.execPath, ['--import', 'tsx', 'test/vectors/end-early.ts', how], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder, TEMP: folder },
  })

it.each([
  ['exit', 7],
  ['throw', 1],
  ['abort', 7],
])('lets a process end while a thread is in ONNX Runtime: %s', (how, expected) => {
  const { status, signal, stderr } = end(how)
  expect({ status, signal }).toEqual({ status: expected, signal: null })
  if (how !== 'throw') expect(stderr).toBe('')
})

it.skipIf(!isHnswInstalled())('lets a process end while a graph is built, and leaves no files behind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-test-'))
  try {
    expect(end('build', folder)).toMatchObject({ status: 7, signal: null, stderr: '' })
    expect(readdirSync(folder).filter((name) => name.startsWith('paperkin-'))).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
