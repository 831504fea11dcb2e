import { PaperkinError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { completionScript, type Shell, shells } from '../completion.ts'

export const completion = defineCommand({
  name: 'completion',
  summary: 'print a completion script for a shell',
  description:
    'For bash and zsh add `source <(paperkin completion bash)` (or `zsh`) to your shell’s startup file; for fish `paperkin completion fish | source`.',
  arguments: [['<shell>', shells.join(', ')]],
  examples: ['paperkin completion bash', 'paperkin completion zsh', 'paperkin completion fish'],
  isPlain: true,
  run: async ([shell], _, { program, terminal }) => {
    if (!shells.includes(shell as Shell))
      throw new PaperkinError(
        'invalid-argument',
        `Expected a shell, one of ${shells.join(', ')}, got ${JSON.stringify(shell)}.`,
      )
    await terminal.write(completionScript(program, shell as Shell))
    return undefined
  },
})
