// The user's own defaults, in a JSON file. An option at the top applies to every command that has it; under a command's
// name, to that command only.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Command as Parser } from 'commander'
import { PaperkinError } from '../errors.ts'
import { FormerOption } from './command.ts'

type Settings = Readonly<Record<string, unknown>>

/** `PAPERKIN_SETTINGS`, or `paperkin/settings.json` in the system's configuration folder. */
function settingsPath(env: Readonly<Record<string, string | undefined>>): string {
  if (env.PAPERKIN_SETTINGS) return env.PAPERKIN_SETTINGS
  const folder =
    env.XDG_CONFIG_HOME || (process.platform === 'win32' && env.APPDATA) || join(env.HOME || homedir(), '.config')
  return join(folder, 'paperkin', 'settings.json')
}

/**
 * Reads the settings; empty without a file.
 * @throws PaperkinError `invalid-argument` if the file cannot be read or is not a JSON object
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const path = settingsPath(env)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !env.PAPERKIN_SETTINGS) return {}
    throw new PaperkinError(
      'invalid-argument',
      `The settings file ${path} cannot be read: check the file and PAPERKIN_SETTINGS.`,
      { cause: error },
    )
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Settings
    throw new TypeError('no object')
  } catch (error) {
    throw new PaperkinError(
      'invalid-argument',
      `Expected the settings file ${path} to hold a JSON object such as {"k": 20}: correct the file.`,
      { cause: error },
    )
  }
}

/**
 * Sets the options of a command that were not typed to the values of the settings.
 * @throws PaperkinError `invalid-argument` for a value that the option does not take, or an unknown name
 */
export function applySettings(
  parser: Parser,
  name: string,
  settings: Settings,
  all: {
    readonly commands: ReadonlySet<string>
    /** Names of commands and options. */
    readonly names: ReadonlySet<string>
    /** Old names of options. */
    readonly former: ReadonlySet<string>
  },
): void {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  const given = settings[name]
  // `topics` is both a command and an option.
  const isOption = parser.options.some((option) => option.attributeName() === name)
  if (given !== undefined && !isObject(given) && !isOption) throw wrong(name, 'to be an object of options', given)
  const own = isObject(given) ? given : undefined
  for (const [isOwn, values] of [
    [false, settings],
    [true, (own ?? {}) as Settings],
  ] as const)
    for (const [key, value] of Object.entries(values)) {
      // The library and its schema are defaults, as in the environment: see `createParser`.
      if (key === 'library' || (key === 'schema' && !isOwn)) {
        if (typeof value !== 'string') throw wrong(key, 'to be a text', value)
        continue
      }
      // Options of one command only.
      if (!isOwn && isObject(value) && all.commands.has(key)) continue
      const found = parser.options.find((option) => option.long === `--${key}` || option.attributeName() === key)
      // An old name of this command's option yields to the current meaning in other commands.
      const isOther = found instanceof FormerOption && !isOwn && all.names.has(key)
      const option = isOther ? undefined : found instanceof FormerOption ? found.now : found
      if (option === undefined) {
        if (isOwn || !(all.names.has(key) || all.former.has(key)))
          throw wrong(isOwn ? `${name}.${key}` : key, 'to be an option or a command', value)
        continue
      }
      const source = parser.getOptionValueSource(option.attributeName())
      if (source !== undefined && source !== 'default' && source !== 'config') continue
      if (typeof value === 'boolean' ? option.required : typeof value !== 'string' && typeof value !== 'number')
        throw wrong(key, `to be what --${key} takes`, value)
      const parse = option.parseArg as ((text: string, previous: unknown) => unknown) | undefined
      let parsed: unknown = value
      if (typeof value !== 'boolean' || (value && option.optional)) {
        try {
          parsed =
            parse === undefined ? String(value) : parse.call(option, value === true ? '' : String(value), undefined)
        } catch (error) {
          throw wrong(key, `to be what --${key} takes (${(error as Error).message.replace(/\.$/u, '')})`, value)
        }
      }
      parser.setOptionValueWithSource(option.attributeName(), parsed, 'config')
    }
}

function wrong(key: string, expected: string, value: unknown): PaperkinError {
  return new PaperkinError(
    'invalid-argument',
    `Expected \`${key}\` in the settings ${expected}, got ${JSON.stringify(value)}: correct the settings file.`,
  )
}
