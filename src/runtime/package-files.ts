import { existsSync } from 'node:fs'
import { Module } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

// webpack writes its own in place of a plain `createRequire`, and leaves this one alone.
const { createRequire } = Module

/** The folders of the package, by the names under which its code asks for them (`imports` in package.json). */
const places = { worker: 'dist', page: 'dist/page', wasm: 'dist/wasm', native: 'native', models: 'models' } as const

/**
 * The path of a file that comes with the package: `#models/atlas/atlas.json`. Code that a bundler has put into another
 * file finds them where the package is still installed beside it.
 * @throws Error with one sentence that says what to do
 */
export function packageFile(name: `#${keyof typeof places}/${string}` | '#package.json'): string {
  // A bundle in the form of CommonJS has no address of its own.
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
      // What was found missing first says it.
    }
    throw new Error(
      'paperkin does not find its own files beside its code; where a bundler has put it into another file, mark `paperkin` ' +
        'as external and install it there too, else install the package again',
      { cause },
    )
  }
}

/** `require` as of the package's own code: for what is installed with it, or beside it. */
export function packageRequire(): NodeJS.Require {
  return createRequire(packageFile('#package.json'))
}
