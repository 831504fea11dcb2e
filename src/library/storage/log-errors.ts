// Damage and file system errors as PaperkinErrors.
import { PaperkinError, systemCode } from '../../errors.ts'
import { damagedPaper, type LogDamage, type PaperRecord } from './log-file.ts'

export function damagedVector({ id, vector }: Pick<PaperRecord, 'id' | 'vector'>): LogDamage {
  return { part: 'vector', vector, message: `The vector of the paper ${JSON.stringify(id)} is damaged.` }
}

/**
 * The damage, with damaged vectors assigned to their papers. Adds papers whose vector is missing and papers that share
 * a row with another.
 */
export function withIds(
  damages: readonly LogDamage[],
  papers: Iterable<Pick<PaperRecord, 'id' | 'row' | 'vector'>>,
  isReadable: (vector: number) => boolean = () => true,
): LogDamage[] {
  const vectors = new Map(damages.flatMap((damage) => (damage.vector === undefined ? [] : [[damage.vector, damage]])))
  const named: LogDamage[] = []
  const owned = new Set<number>()
  let rows = new Uint8Array(4096)
  for (const { id, row, vector } of papers) {
    if (row >= rows.length) {
      const larger = new Uint8Array(2 * (row + 1))
      larger.set(rows)
      rows = larger
    }
    if (rows[row] === 1) named.push(damagedPaper(id))
    rows[row] = 1
    if (!vectors.has(vector) && isReadable(vector)) continue
    owned.add(vector)
    named.push({ ...damagedVector({ id, vector }), id })
  }
  return [...damages.filter(({ vector }) => vector === undefined || !owned.has(vector)), ...named]
}

/** The `corrupt-store` error for damage. */
export function damaged(path: string, damages: readonly LogDamage[]): PaperkinError {
  const ids = damages.flatMap(({ id }) => id ?? [])
  const named = ids.length === 0 ? '' : ` (papers ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''})`
  const what = damages.length === 1 ? 'one part is' : `${damages.length} parts are`
  return new PaperkinError(
    'corrupt-store',
    `Expected the library in ${path} to be as it was written, but ${what} damaged${named}: open it with \`repair: true\` to keep the rest.`,
    { issues: damages.map(({ message, id }) => ({ message, ...(id !== undefined && { path: [id] }) })) },
  )
}

/** Turns a file system error into a PaperkinError; returns other errors unchanged. */
export function storeError(error: unknown, path: string, doing: 'read' | 'write'): unknown {
  const code = systemCode(error)
  if (PaperkinError.isInstance(error) || code === undefined) return error
  if (doing === 'read') {
    const what = code === 'EACCES' || code === 'EPERM' ? 'this user may not read it' : `reading failed (${code})`
    return new PaperkinError('unreadable-source', `Expected to read the library in ${path}, but ${what}.`, {
      cause: error,
    })
  }
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full: free some space and try again, the library is unchanged',
    EDQUOT: 'the disk quota is used up: free some space and try again, the library is unchanged',
    EACCES: 'this user may not write there: change its permissions, or open it with `readOnly: true`',
    EPERM: 'this user may not write there: change its permissions, or open it with `readOnly: true`',
    EROFS: 'the file system is read-only: open it with `readOnly: true`',
  }
  const what = reasons[code] ?? `writing failed (${code}): the library is unchanged`
  return new PaperkinError('store-unwritable', `Expected to write to the library in ${path}, but ${what}.`, {
    cause: error,
  })
}
