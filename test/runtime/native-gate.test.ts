import { expect, it } from 'vitest'
import { guardThread, inNative, NativeGate } from '../../src/runtime/native-gate.ts'

it('waits for the last call in progress, and refuses calls after that', async () => {
  expect(inNative(() => 'no gate yet')).toBe('no gate yet')
  const gate = new NativeGate()
  guardThread(gate.memory)
  const order: string[] = []
  const call = (name: string, turns: number) =>
    inNative(async () => {
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      order.push(name)
    })
  const calls = [call('short', 1), call('long', 40)]
  // A call that throws is counted out too.
  expect(() =>
    inNative(() => {
      throw new RangeError('in native code')
    }),
  ).toThrow(RangeError)
  await expect(inNative(() => Promise.reject(new Error('later')))).rejects.toThrow('later')
  expect(inNative(() => 7)).toBe(7)
  const closed = gate.close().then(() => order.push('closed'))
  expect(() => inNative(() => order.push('too late'))).toThrow('being stopped')
  await Promise.all([...calls, closed])
  expect(order).toEqual(['short', 'long', 'closed'])
  gate.remove()
})
