import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import { copyLibrary } from '../../library/postgres/copy-library.ts'
import { isPostgresUrl } from '../../library/postgres/database.ts'
import { PostgresStorage } from '../../library/postgres/postgres-storage.ts'
import { LogStorage } from '../../library/storage/log-storage.ts'
import type { Storage, StorageIdentity } from '../../library/storage/storage.ts'
import { count } from '../../report/wording.ts'
import { defineCommand, schemaOption } from '../command.ts'

interface CopyArguments {
  readonly from?: string
  readonly to?: string
  readonly schema?: string
  readonly half?: boolean
}

/** Largest difference between a value of a unit vector and the nearest 16-bit float: half of the step below 1. */
const halfStep = 2 ** -12

export const copy = defineCommand<CopyArguments>({
  name: 'copy',
  summary: 'copy a library to Postgres, or back into a folder',
  description:
    'Copies all papers with their vectors, reads both sides again and compares them. If it was interrupted, the same command goes on where it stopped.',
  usage: '[options] --from LIBRARY --to LIBRARY',
  options: [
    new Option('--from <library>', 'a folder, or a url such as postgres://user@host/database'),
    new Option('--to <library>', 'a folder or a url; made if there is no library'),
    schemaOption(),
    new Option('--half', 'store the vectors of a new library on Postgres as 16-bit floats'),
  ],
  examples: ['paperkin copy --from papers --to copy-of-papers'],
  run: async (_, options, { signal, terminal, env }) => {
    const { from, to, schema = env.PAPERKIN_SCHEMA || undefined } = options
    if (from === undefined || to === undefined)
      throw new PaperkinError(
        'invalid-argument',
        'Expected two libraries, such as --from papers --to postgres://user@host/database.',
      )
    const source = await openStorage(from, { schema, readOnly: true })
    try {
      const target = await openStorage(to, { schema, identity: source.identity, isHalf: options.half ?? false })
      try {
        const progress = terminal.progress('copying', 'papers')
        const isHalf = [source, target].some((one) => one instanceof PostgresStorage && one.vectorType === 'halfvec')
        const work = () =>
          copyLibrary(source, target, {
            tolerance: isHalf ? halfStep : 0,
            signal,
            onProgress: progress.update,
          })
        const result = await (target instanceof PostgresStorage ? target.inBulk(work) : work()).finally(progress.clear)
        const places = { from: source.path, to: target.path }
        return {
          page: () => {
            const { papers, copied, others, difference } = result
            const besides = others > 0 ? `; ${count(others, 'other paper')} there stayed` : ''
            const vectors = difference === 0 ? 'vectors bit for bit' : `vectors within ${difference.toPrecision(2)}`
            return `${count(copied, 'paper')} copied from ${places.from} to ${places.to}; all ${papers.toLocaleString('en-US')} compared: records byte for byte, ${vectors}${besides}\nSHA-256 of the records ${result.papersSum}, of the vectors ${result.vectorsSum}`
          },
          data: () => ({ ...places, ...result }),
          records: () => [{ ...places, ...result }],
        }
      } finally {
        await target.close()
      }
    } finally {
      await source.close()
    }
  },
})

/** Opens the storage that a folder or a url names. */
async function openStorage(
  place: string,
  how: {
    readonly schema?: string | undefined
    readonly identity?: StorageIdentity
    readonly readOnly?: boolean
    readonly isHalf?: boolean
  },
): Promise<Storage> {
  const { schema, readOnly = false, isHalf = false } = how
  const options = { readOnly, ...(how.identity && { identity: how.identity }) }
  return isPostgresUrl(place)
    ? PostgresStorage.open(place, { ...options, schema, vectorType: isHalf ? 'halfvec' : 'vector', isBulk: true })
    : LogStorage.open(place, options)
}
