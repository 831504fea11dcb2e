import { Option } from 'commander'
import { PaperLibrary } from '../../library/paper-library.ts'
import type { Verification } from '../../library/storage/storage.ts'
import { count } from '../../report/wording.ts'
import { type CommandContext, defineCommand, libraryOption } from '../command.ts'
import { libraryPath, withLibrary } from '../open-papers.ts'

export const verify = defineCommand<{ readonly library?: string; readonly repair?: boolean }>({
  name: 'verify',
  summary: 'check all of a library for damage',
  description: 'Exits with 1 if damage is found and not repaired.',
  usage: '[options] --library FOLDER',
  options: [
    libraryOption(),
    new Option('--repair', 'drop damaged papers; embed again those with only a damaged vector'),
  ],
  examples: ['paperkin verify --library papers', 'paperkin verify --library papers --repair'],
  run: async (_, options, context) => {
    const path = libraryPath(options, context)
    const before = await PaperLibrary.verify(path, { signal: context.signal })
    if (!options.repair || before.isWhole)
      return {
        page: () => verdict(path, before, context),
        data: () => ({ library: path, ...before }),
        records: () => before.damage,
        exitCode: before.isWhole ? 0 : 1,
      }
    const report = await withLibrary(options, context, async (library) => library.repair, {
      isWriting: true,
      create: false,
      repair: true,
    })
    const after = await PaperLibrary.verify(path, { signal: context.signal })
    const dropped = report?.dropped ?? []
    const reembedded = report?.reembedded ?? []
    return {
      page: () =>
        [
          verdict(path, before, context),
          `Repaired: ${count(dropped.length, 'paper')} dropped${dropped.length > 0 ? ` (${dropped.join(', ')})` : ''}, ${reembedded.length.toLocaleString('en-US')} embedded again`,
          verdict(path, after, context),
        ].join('\n'),
      data: () => ({ library: path, ...after, repair: report ?? null }),
      records: () => before.damage,
      exitCode: after.isWhole ? 0 : 1,
    }
  },
})

function verdict(
  path: string,
  { isWhole, papers, vectors, bytes, damage }: Verification,
  { terminal }: CommandContext,
): string {
  const size = `${count(papers, 'paper')} and ${count(vectors, 'vector')} in ${path}, ${(bytes / 2 ** 20).toFixed(1)} MiB`
  if (isWhole) return `${size}: intact`
  const lines = damage.map(({ message }) => `  ${message}`)
  return `${size}: ${terminal.colors.red(`${count(damage.length, 'part')} damaged`)}\n${lines.join('\n')}`
}
