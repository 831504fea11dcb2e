import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { isHnswInstalled } from './hnsw-installed.ts'

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

it.skipIf(!isHnswInstalled)('lets a process end while a graph is built, and leaves no files behind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-test-'))
  try {
    expect(end('build', folder)).toMatchObject({ status: 7, signal: null, stderr: '' })
    expect(readdirSync(folder).filter((name) => name.startsWith('paperkin-'))).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('gives the same bits if ONNX Runtime cannot be loaded', () => {
  const print = (options: string) =>
    spawnSync(process.execPath, ['--import', 'tsx', 'test/vectors/print-results.ts'], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: options },
    }).stdout.split(/\s/u)
  const [backend, hash] = print('')
  const [plainBackend, plainHash] = print(`--require ${resolve('test/vectors/without-onnxruntime.cjs')}`)
  expect(plainBackend).toBe('typed-arrays')
  expect(hash).toMatch(/^[0-9a-f]{64}$/u)
  expect(plainHash).toBe(hash)
  if (process.platform === 'linux') expect(backend).toBe('onnxruntime')
})
