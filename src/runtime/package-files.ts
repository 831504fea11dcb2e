import { existsSync } from 'node:fs'
import { Module } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

// webpack replaces a plain `createRequire` import, but not this one.
const { createRequire } = Module

/** Folders of the package by import name (`imports` in package.json). */
const places = { worker: 'dist', page: 'dist/page', wasm: 'dist/wasm', native: 'native', models: 'models' } as const

/**
 * Path of a file of the package, such as `#models/atlas/atlas.json`. Bundled code finds it if the package is installed
 * next to the bundle.
 * @throws Error with one sentence that says what to do
 */
export function packageFile(name: `#${keyof typeof places}/${string}` | '#package.json'): string {
  // CommonJS bundles have no `import.meta.url`.
  const from: string | undefined = import.meta.url
  const { resolve } = createRequire(from ?? pathToFileURL(process.argv[1] ?? join(process.cwd(), 'here')))
  try {
    return resolve(name)
  } catch (cause) {
    try {
      const [, place, rest] = /^#(?:(\w+)\/)?(.*)$/u.exec(name) as unknown as [string, keyof typeof places, string]
      const ending = place === 'worker' ? '.js' : ''
      const path = join(dirname(resolve('paperkin/package.json')), place ? places[place] : '', rest + ending)
      if (existsSync(path)) return path
    } catch {
      // The error below reports the first failure.
    }
    throw new Error(
      'paperkin cannot find its own files next to its code; if a bundler has moved it into another file, mark `paperkin` ' +
        'as external and install it there too, else install the package again',
      { cause },
    )
  }
}

/** `require` as seen from the package: finds its dependencies and packages installed next to it. */
export function packageRequire(): NodeJS.Require {
  return createRequire(packageFile('#package.json'))
}
