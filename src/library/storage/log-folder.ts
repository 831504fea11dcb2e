// The folder of a library: `papers.log`, the writer's lock and derived files. Other files in it are left alone.
import { lstat, mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PaperkinError, show } from '../../errors.ts'
import { outputPlace } from '../../runtime/atomic-file.ts'
import { storeError } from './log-errors.ts'
import { decodeHeader, headerBytes } from './log-file.ts'
import { derivedNames } from './storage.ts'
import { isLockName, takeWriterLock, type WriterLock, wasReleased } from './writer-lock.ts'

export const logName = 'papers.log'
const isDerived = (name: string) => derivedNames.some((derived) => derived === name)
/** Temporary files of atomic writes. Other `.tmp` files are not the library's. */
const draftName =
  /^(?:papers\.log|words\.bin|graph\.hnsw|areas\.bin|writer\.lock|marks\.json)\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/u
/**
 * Checks the folder; for a writer, creates it and takes the lock. `others` are files that prove that there was a
 * library, in case its log is missing.
 */
export async function prepare(
  path: string,
  readOnly: boolean,
): Promise<{ readonly others: readonly string[]; readonly lock: WriterLock | undefined }> {
  let lock: WriterLock | undefined
  try {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (found === undefined && readOnly)
      throw new PaperkinError('invalid-argument', `Expected \`path\` to be a library, but there is no folder ${path}.`)
    if (found !== undefined && !found.isDirectory())
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`path\` to be a folder, but ${path} is a file: name another path.`,
      )
    if (!readOnly) await mkdir(path, { recursive: true })
    const names = await readdir(path)
    const others = names.filter((name) => isDerived(name) || wasReleased(join(path, name)))
    if (readOnly) return { others, lock: undefined }
    lock = takeWriterLock(path)
    // Temporary files of dead processes. Folders and links with such a name stay.
    for (const name of names.filter((name) => draftName.test(name))) {
      const found = await lstat(join(path, name)).catch(() => undefined)
      if (found?.isFile() && Date.now() - found.mtimeMs > 60_000)
        await rm(join(path, name), { force: true }).catch(() => {})
    }
    return { others, lock }
  } catch (error) {
    lock?.release({ isNew: false })
    throw storeError(error, path, readOnly ? 'read' : 'write')
  }
}

/**
 * Refuses to write a file into the folder of a library, where it could overwrite the library.
 * @throws PaperkinError `invalid-argument`
 */
export async function requireOutside(name: string, path: string): Promise<void> {
  const place = await outputPlace(path).catch(() => undefined)
  if (place?.kind !== 'file') return
  let folder = await realpath(dirname(place.path)).catch(() => undefined)
  while (folder !== undefined) {
    if (await isLibrary(folder))
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`${name}\` to name a file outside of a library, got ${show(path)}, which is in a library's folder: name another place.`,
      )
    const above = dirname(folder)
    folder = above === folder ? undefined : above
  }
}

/** Whether a folder has the log of a library, which may be damaged. */
export async function isLibrary(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  if (!names.includes(logName)) return false
  if (names.some((name) => isDerived(name) || isLockName(name))) return true
  const file = await open(join(folder, logName), 'r').catch(() => undefined)
  try {
    const { buffer, bytesRead } = (await file?.read(Buffer.alloc(headerBytes), 0, headerBytes, 0)) ?? { bytesRead: 0 }
    return buffer !== undefined && decodeHeader(buffer.subarray(0, bytesRead)).format !== undefined
  } catch {
    return false
  } finally {
    await file?.close()
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? false : Promise.reject(error)),
  )
}

/** Syncs a folder, so that a new file name survives a crash. A no-op where the system cannot sync folders. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
