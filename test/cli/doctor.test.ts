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
  expect(of('transformers.js')).toMatchObject({ state: 'good', detail: expect.stringMatching(/^4\./u) })
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
