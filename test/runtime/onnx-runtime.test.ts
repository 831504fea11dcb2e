import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { loadNative, loadWasm } from '../../src/runtime/onnx-runtime.ts'

const products = readFileSync('models/kernels/products.onnx')
const left = Float32Array.from({ length: 6 }, (_, i) => Math.sin(i))
const right = Float32Array.from({ length: 12 }, (_, i) => Math.cos(i))
const inputs = { left: { data: left, dims: [2, 3] }, right: { data: right, dims: [4, 3] } }
const expected = Array.from({ length: 8 }, (_, i) => {
  const [row, column] = [Math.floor(i / 4), i % 4]
  return [0, 1, 2].reduce((sum, d) => sum + (left[3 * row + d] as number) * (right[3 * column + d] as number), 0)
})

it.each([
  ['natively', async () => loadNative()],
  ['on WebAssembly', loadWasm],
] as const)('multiplies matrices %s, into new memory and into a target', async (_, load) => {
  const session = await (await load()).createSession(products)
  const { data, dims } = await session.run(inputs, 'products')
  expect(dims).toEqual([2, 4])
  for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 6)
  const target = new Float32Array(10).subarray(1, 9)
  await session.run(inputs, 'products', { data: target, dims: [2, 4] })
  expect(target).toEqual(data)
})

it('throws for a bad model, input or name, and stays usable', async () => {
  const runtime = loadNative()
  await expect(runtime.createSession(products.subarray(0, 60))).rejects.toThrow(/./u)
  await expect(runtime.createSession(new Uint8Array(0))).rejects.toThrow(/./u)
  const session = await runtime.createSession(products)
  const { right } = inputs
  const wrong = { left: { data: left, dims: [3, 3] }, right }
  await expect(session.run(wrong, 'products')).rejects.toThrow('its shape')
  await expect(
    session.run({ left: { data: new Float64Array(6) as never, dims: [2, 3] }, right }, 'products'),
  ).rejects.toThrow('Float32Array or BigInt64Array')
  await expect(session.run({ left: { data: left, dims: [3, 2] }, right }, 'products')).rejects.toThrow(/./u)
  await expect(session.run({ right }, 'products')).rejects.toThrow(/left/u)
  await expect(session.run(inputs, 'nothing')).rejects.toThrow(/nothing/u)
  const small = { data: new Float32Array(4), dims: [2, 2] }
  await expect(session.run(inputs, 'products', small)).rejects.toThrow(/./u)
  expect((await session.run(inputs, 'products')).data).toHaveLength(8)
})

it('runs in many threads that start, end and are stopped during a run, next to another version', async () => {
  const child = fork('test/runtime/runtime-threads.mjs', { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let report: unknown
  let errors = ''
  child.on('message', (message) => {
    report = message
  })
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const code = await new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  expect({ code, errors, report }).toEqual({ code: 0, errors: '', report: { ended: 12, stopped: 4, values: 1 } })
})
