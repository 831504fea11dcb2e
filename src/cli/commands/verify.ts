import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import { PaperLibrary } from '../../library/paper-library.ts'
import { PostgresStorage } from '../../library/postgres/postgres-storage.ts'
import type { Verification } from '../../library/storage/storage.ts'
import { count } from '../../report/wording.ts'
import { type CommandContext, defineCommand, type LibraryArguments, libraryOptions } from '../command.ts'
import { libraryPlace, withLibrary } from '../open-papers.ts'

interface VerifyArguments extends LibraryArguments {
  readonly repair?: boolean
}

export const verify = defineCommand<VerifyArguments>({
  name: 'verify',
  summary: 'check all of a library for damage',
  description: 'Exits with 1 if damage is found and not repaired.',
  usage: '[options] --library LIBRARY',
  options: [
    ...libraryOptions('the library to check'),
    new Option('--repair', 'drop damaged papers; embed again those with only a damaged vector'),
  ],
  examples: ['paperkin verify --library papers', 'paperkin verify --library papers --repair'],
  run: async (_, options, context) => {
    const place = libraryPlace(options, context)
    if ('postgres' in place) return verifyPostgres(place, options, context)
    const { path } = place
    const before = await PaperLibrary.verify(path, { signal: context.signal })
    if (!options.repair || before.isWhole) return verified(path, before, context)
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

async function verifyPostgres(
  { postgres, schema }: { readonly postgres: string; readonly schema: string | undefined },
  { repair }: VerifyArguments,
  context: CommandContext,
) {
  if (repair)
    throw new PaperkinError('invalid-argument', 'Expected a folder with --repair: restore a database from its backup.')
  const storage = await PostgresStorage.open(postgres, { schema, readOnly: true })
  try {
    return verified(storage.path, await storage.verify({ signal: context.signal }), context)
  } finally {
    await storage.close()
  }
}

function verified(library: string, found: Verification, context: CommandContext) {
  return {
    page: () => verdict(library, found, context),
    data: () => ({ library, ...found }),
    records: () => found.damage,
    exitCode: found.isWhole ? (0 as const) : (1 as const),
  }
}

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
