// Defaults of a person's own, in a file of JSON: option names, for every command that has the option or under a command's
// name for that one alone.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Command as Parser } from 'commander'
import { PaperkinError } from '../errors.ts'
import { FormerOption } from './command.ts'

type Settings = Readonly<Record<string, unknown>>

/** `PAPERKIN_SETTINGS`, or `paperkin/settings.json` where the system keeps such files. */
function settingsPath(env: Readonly<Record<string, string | undefined>>): string {
  if (env.PAPERKIN_SETTINGS) return env.PAPERKIN_SETTINGS
  const folder =
    env.XDG_CONFIG_HOME || (process.platform === 'win32' && env.APPDATA) || join(env.HOME || homedir(), '.config')
  return join(folder, 'paperkin', 'settings.json')
}

/**
 * Reads the settings; none where there is no file.
 * @throws PaperkinError `invalid-argument` where the file is no object of JSON
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
      `The settings ${path} cannot be read: check PAPERKIN_SETTINGS and the file.`,
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
      `Expected the settings ${path} to be an object of JSON such as {"k": 20}: mend the file.`,
      { cause: error },
    )
  }
}

/**
 * Gives a command's options that were not typed the values of the settings.
 * @throws PaperkinError `invalid-argument` for a value that the option does not take, or a name that is no option
 */
export function applySettings(
  parser: Parser,
  name: string,
  settings: Settings,
  all: {
    readonly commands: ReadonlySet<string>
    /** Names of commands and options. */
    readonly names: ReadonlySet<string>
    /** Names that options had before. */
    readonly former: ReadonlySet<string>
  },
): void {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  const given = settings[name]
  // `topics` is a command and an option.
  const isOption = parser.options.some((option) => option.attributeName() === name)
  if (given !== undefined && !isObject(given) && !isOption) throw wrong(name, 'to be an object of options', given)
  const own = isObject(given) ? given : undefined
  for (const [isOwn, values] of [
    [false, settings],
    [true, (own ?? {}) as Settings],
  ] as const)
    for (const [key, value] of Object.entries(values)) {
      // The library is a default like that of the environment: see `createParser`.
      if (key === 'library') continue
      // What is meant for a command alone.
      if (!isOwn && isObject(value) && all.commands.has(key)) continue
      const found = parser.options.find((option) => option.long === `--${key}` || option.attributeName() === key)
      // What a name meant before gives way to what it means to other commands.
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
    `Expected \`${key}\` of the settings ${expected}, got ${JSON.stringify(value)}: mend the settings file.`,
  )
}
