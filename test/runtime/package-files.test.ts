import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, expect, it } from 'vitest'
import { packageFile } from '../../src/runtime/package-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** `packageFile` as a bundler includes it in another package's file. */
async function bundled(name: string): Promise<typeof packageFile> {
  const outfile = join(folder, name, 'bundle.mjs')
  mkdirSync(join(folder, name))
  writeFileSync(join(folder, name, 'package.json'), '{}')
  await build({ entryPoints: ['src/runtime/package-files.ts'], outfile, bundle: true, platform: 'node', format: 'esm' })
  return (await import(pathToFileURL(outfile).href)).packageFile
}

it('finds the files next to the code', () => {
  expect(packageFile('#models/atlas/atlas.json')).toBe(join(process.cwd(), 'models/atlas/atlas.json'))
  expect(packageFile('#package.json')).toBe(join(process.cwd(), 'package.json'))
})

it('finds them from a bundle if the package is installed next to it', async () => {
  const find = await bundled('beside')
  const installed = join(folder, 'beside/node_modules/paperkin')
  for (const path of ['package.json', 'models/kernels', 'native'])
    cpSync(path, join(installed, path), { recursive: true })
  mkdirSync(join(installed, 'dist'))
  writeFileSync(join(installed, 'dist/topics-worker.js'), '')
  expect(find('#package.json')).toBe(join(installed, 'package.json'))
  expect(find('#models/kernels/scan.wasm')).toBe(join(installed, 'models/kernels/scan.wasm'))
  expect(find('#worker/topics-worker')).toBe(join(installed, 'dist/topics-worker.js'))
})

it('otherwise says what to mark as external', async () => {
  const find = await bundled('alone')
  expect(() => find('#models/atlas/atlas.json')).toThrow(
    /^paperkin cannot find its own files.*mark `paperkin` as external/u,
  )
})
