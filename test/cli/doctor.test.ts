import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'

/** `paperkin doctor` in a separate process, with a preload that breaks something. */
function doctor(...preloads: readonly string[]) {
  const NODE_OPTIONS = preloads.map((name) => `--require ${resolve('test/embedding', name)}`).join(' ')
  const env = { ...process.env, NODE_OPTIONS }
  const { status, stdout } = spawnSync(process.execPath, ['dist/cli.js', 'doctor', '--json'], { encoding: 'utf8', env })
  const findings = JSON.parse(stdout) as { part: string; state: string; detail: string; remedy?: string }[]
  return { status, of: (part: string) => findings.find((finding) => finding.part === part) }
}

it('finds the native runtime and an intact model', () => {
  const { status, of } = doctor()
  expect(status).toBe(0)
  expect(of('runtime')).toEqual({ part: 'runtime', state: 'good', detail: 'ONNX Runtime 1.16.3, native' })
  expect(of('model')).toMatchObject({
    state: 'good',
    detail: expect.stringMatching(/MiniLM-L6-papers.*384 dimensions/u),
  })
  expect(of('pg')).toMatchObject({ state: 'good', detail: expect.stringContaining('for libraries on Postgres') })
  expect(of('transformers.js')).toMatchObject({ state: 'good', detail: expect.stringMatching(/^4\./u) })
})

it('without pg names the package, and so does a command on Postgres', () => {
  const { status, of } = doctor('../cli/break-pg.cjs')
  expect(status).toBe(0)
  expect(of('pg')).toMatchObject({ state: 'absent', remedy: 'for a library on Postgres: npm install pg' })
  const NODE_OPTIONS = `--require ${resolve('test/cli/break-pg.cjs')}`
  const { status: refused, stderr } = spawnSync(
    process.execPath,
    ['dist/cli.js', 'list', '--library', 'postgres://ada:s3cret@localhost/papers'],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS } },
  )
  expect({ refused, stderr }).toEqual({
    refused: 2,
    stderr: 'paperkin: Expected the optional package pg for a library on Postgres, found none: run `npm install pg`.\n',
  })
})

it('reports WebAssembly, its reason, and the native platforms', () => {
  const { status, of } = doctor('break-native-runtime.cjs')
  expect(status).toBe(0)
  expect(of('runtime')).toMatchObject({
    state: 'slow',
    detail: expect.stringMatching(/WebAssembly, because Cannot find module .*native/u),
    remedy: expect.stringContaining('Linux with glibc, macOS and Windows'),
  })
  expect(of('model')).toMatchObject({ state: 'good' })
})

it('exits with 1 without a runtime', () => {
  const { status, of } = doctor('break-both-runtimes.cjs')
  expect(status).toBe(1)
  expect(of('runtime')).toMatchObject({ state: 'broken' })
  expect(of('model')).toMatchObject({ state: 'broken', remedy: 'reinstall the package' })
})
