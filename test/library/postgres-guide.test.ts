// The guide to libraries on Postgres has a table of every public call: no call is missing in it, and none is invented.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'

const guide = readFileSync(new URL('../../docs/postgres.md', import.meta.url), 'utf8')

/** Names in the first column of the table, without arguments. */
function namesInGuide(): string[] {
  const [, section = ''] = /^## Every call\n([\s\S]*?)^## /mu.exec(guide) ?? []
  const cells = [...section.matchAll(/^\|([^|]*)\|/gmu)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) =>
    [...cell.matchAll(/`([^`]+)`/gu)].map(([, call = '']) => (call.startsWith('[') ? call : call.replace(/\(.*/u, ''))),
  )
}

const symbols = new Map<symbol, string>([
  [Symbol.iterator, '[Symbol.iterator]'],
  [Symbol.asyncDispose, '[Symbol.asyncDispose]'],
  [Symbol.for('nodejs.util.inspect.custom'), "[Symbol.for('nodejs.util.inspect.custom')]"],
])

/** Public members of the class; private ones begin with # and are not among its keys. */
function namesOfClass(): string[] {
  const ofInstances = Reflect.ownKeys(PaperLibrary.prototype).filter((name) => name !== 'constructor')
  const own = new Set<string | symbol>(['length', 'name', 'prototype'])
  const ofClass = Reflect.ownKeys(PaperLibrary).filter((name) => !own.has(name))
  return [
    ...ofInstances.map((name) => (typeof name === 'symbol' ? (symbols.get(name) ?? String(name)) : name)),
    ...ofClass.map((name) => `PaperLibrary.${String(name)}`),
  ]
}

it('names every public call of a library once', () => {
  expect(namesInGuide().sort()).toEqual(namesOfClass().sort())
})
