// Shell completion scripts, generated from the commands themselves so that the two cannot differ.
import type { Command as Parser } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

interface Choice {
  readonly name: string
  readonly help: string
}

interface Level {
  /** The preceding words: `evaluate`, or empty for the command line itself. */
  readonly path: string
  readonly commands: readonly Choice[]
  readonly options: readonly (Choice & { readonly takesValue: boolean; readonly values: readonly string[] })[]
}

function levels(root: Parser): Level[] {
  const found: Level[] = []
  const visit = (parser: Parser, path: readonly string[]) => {
    const own = parser.commands.filter((command) => command.name() !== 'help')
    const options = [
      ...parser.options,
      ...(parser === root ? [] : root.options.filter(({ long }) => long !== '--version')),
    ]
    found.push({
      path: path.join(' '),
      commands: own.map((command) => ({
        name: command.name(),
        help: firstLine(command.summary() || command.description()),
      })),
      options: options.map((option) => ({
        name: option.long ?? option.short ?? '',
        help: firstLine(option.description),
        takesValue: option.required || option.optional,
        values: option.argChoices ?? [],
      })),
    })
    for (const command of own) visit(command, [...path, command.name()])
  }
  visit(root, [])
  return found
}

const firstLine = (text: string) => text.split('\n', 1)[0] as string
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** The completion script for a shell. */
export function completionScript(root: Parser, shell: Shell): string {
  const all = levels(root)
  return shell === 'bash' ? bash(all) : shell === 'zsh' ? zsh(all) : fish(all)
}

/** What differs between bash and zsh. */
interface Dialect {
  readonly locals: string
  /** The loop over the words before the one to complete. */
  readonly loop: string
  readonly word: string
  /** Offers the values of an option. */
  readonly offer: (values: readonly string[]) => string
  /** Collects the candidates of a level. */
  readonly take: (level: Level) => string
  /** Offers the collected candidates. */
  readonly end: string
}

/**
 * The completion function. It walks the typed words to find the command. Option values are not told apart from other
 * words, which is correct as long as no value equals a command name.
 */
function walking(all: readonly Level[], { locals, loop, word, offer, take, end }: Dialect): string {
  const steps = all
    .filter(({ commands }) => commands.length > 0)
    .map(
      ({ path, commands }) =>
        `      ${quoted(path)}) case "$word" in ${commands.map(({ name }) => name).join('|')}) at="\${at:+$at }$word";; esac;;`,
    )
  const values = all.flatMap(({ path, options }) =>
    options
      .filter(({ values }) => values.length > 0)
      .map(({ name, values }) => `    ${quoted(`${path} ${name}`)}) ${offer(values)}; return;;`),
  )
  return `_paperkin() {
  local at='' word i ${locals}
  for ((${loop})); do
    word="${word}"
    case "$at" in
${steps.join('\n')}
    esac
  done
  case "$at $previous" in
${values.join('\n')}
  esac
  case "$at" in
${all.map((level) => `    ${quoted(level.path)}) ${take(level)};;`).join('\n')}
  esac
${end}
}`
}

function bash(all: readonly Level[]): string {
  return `# Completion of paperkin for bash: source <(paperkin completion bash)
${walking(all, {
  locals: `words='' current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"`,
  loop: 'i = 1; i < COMP_CWORD; i++',
  word: `\${COMP_WORDS[i]}`,
  offer: (values) => `COMPREPLY=($(compgen -W ${quoted(values.join(' '))} -- "$current"))`,
  take: ({ commands, options }) => `words=${quoted([...commands, ...options].map(({ name }) => name).join(' '))}`,
  end: `  if [[ "$current" == -* || ( -n "$words" && "$words" != -* ) ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then COMPREPLY=($(compgen -f -- "$current")); fi`,
})}
complete -o filenames -F _paperkin paperkin
`
}

function zsh(all: readonly Level[]): string {
  const described = (choices: readonly Choice[]) =>
    choices.map(({ name, help }) => quoted(`${name.replaceAll(':', '\\:')}:${help}`)).join(' ')
  return `#compdef paperkin
# Completion of paperkin for zsh: source <(paperkin completion zsh), after compinit
${walking(all, {
  locals: `previous="\${words[CURRENT-1]}"\n  local -a commands options`,
  loop: 'i = 2; i < CURRENT; i++',
  word: `\${words[i]}`,
  offer: (values) => `compadd -- ${values.map(quoted).join(' ')}`,
  take: ({ commands, options }) => `commands=(${described(commands)}); options=(${described(options)})`,
  end: `  if [[ "\${words[CURRENT]}" == -* ]]; then _describe option options
  elif (( \${#commands} )); then _describe command commands
  else _files; fi`,
})}
compdef _paperkin paperkin
`
}

function fish(all: readonly Level[]): string {
  const lines = ['# Completion of paperkin for fish: paperkin completion fish | source']
  for (const { path, commands, options } of all) {
    const words = path === '' ? [] : path.split(' ')
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`)
    const names = commands.map(({ name }) => name).join(' ')
    const none = commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names}`]
    const condition = quoted([...seen, ...none].join('; and ') || 'true')
    for (const { name, help } of commands)
      lines.push(`complete -c paperkin -f -n ${condition} -a ${name} -d ${quoted(help)}`)
    for (const { name, help, takesValue, values } of options)
      lines.push(
        `complete -c paperkin -n ${condition} -l ${name.replace(/^-+/u, '')}${takesValue ? ' -r' : ''}${values.length > 0 ? ` -f -a ${quoted(values.join(' '))}` : ''} -d ${quoted(help)}`,
      )
  }
  return `${lines.join('\n')}\n`
}
