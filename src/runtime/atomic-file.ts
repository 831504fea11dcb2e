// The one way to write: all bytes or an error, and a file whole or not at all. What a path names stays what it is: links
// are followed, a file keeps its mode, and devices and pipes are written to, never replaced.
import { randomUUID } from 'node:crypto'
import { write } from 'node:fs'
import { type FileHandle, open, readlink, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

const writeDescriptor = promisify(write)

/** Where the bytes for a path go. */
type OutputPlace =
  /** A file, or the place for one, with all links followed. */
  | { readonly kind: 'file'; readonly path: string; readonly exists: boolean }
  /** A device, a pipe or an open descriptor, which takes bytes one after the other. */
  | { readonly kind: 'stream'; readonly path: string; readonly descriptor?: number }

/** As many links as Linux follows. */
const MOST_LINKS = 40

/** Finds out what a path names. @throws the file system's error */
export async function outputPlace(path: string): Promise<OutputPlace> {
  let named = resolve(path)
  for (let links = 0; ; links++) {
    const descriptor = descriptorOf(named)
    // Opened once more, an open file would be written to from its start.
    if (descriptor !== undefined) return { kind: 'stream', path, descriptor }
    const target = links < MOST_LINKS ? await readlink(named).catch(() => undefined) : undefined
    if (target === undefined) break
    named = resolve(dirname(named), target)
  }
  const found = await stat(named).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found?.isDirectory()) throw Object.assign(new Error(`EISDIR: ${path} is a folder`), { code: 'EISDIR' })
  return found === undefined || found.isFile()
    ? { kind: 'file', path: named, exists: found !== undefined }
    : { kind: 'stream', path: named }
}

/** The number of an open descriptor that a path stands for. */
function descriptorOf(path: string): number | undefined {
  if (path === '/dev/stdout') return 1
  if (path === '/dev/stderr') return 2
  const number = /^\/(?:dev|proc\/(?:self|thread-self))\/fd\/(\d+)$/u.exec(path)?.[1]
  return number === undefined ? undefined : Number(number)
}

/**
 * Writes parts one after the other to what a path names: a file in one step, so that whoever reads finds all of it or what
 * was there before; a device or a pipe as it comes.
 * @throws what `parts` throws; the file system's error
 */
export async function writeOutput(
  path: string,
  parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<void> {
  const place = await outputPlace(path)
  if (place.kind === 'file') {
    await writeAtomically(place.path, async (file) => {
      let position = 0
      for await (const part of parts) position += await writeAll(file, bytesOf(part), position)
      await file.datasync()
    })
    return
  }
  if (place.descriptor !== undefined) {
    for await (const part of parts) await writeStream(place.descriptor, bytesOf(part))
    return
  }
  const file = await open(place.path, 'w')
  try {
    for await (const part of parts) await writeStream(file.fd, bytesOf(part))
  } finally {
    await file.close()
  }
}

/**
 * Writes a file in one step: whoever reads finds all of it, or what was there before. A link stays and what it names is
 * written; a file that was there keeps its mode and, where this user may give it away, its owner.
 * @throws what `write` throws; the file system's error
 */
export async function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const place = await outputPlace(path)
  const draft = `${place.path}.${randomUUID()}.tmp`
  try {
    // What nobody else may read is in no other file either, however short.
    const file = await open(draft, 'wx', (await modeOf(place.path)) ?? 0o666)
    try {
      await write(file)
    } finally {
      await file.close()
    }
    await putInPlace(draft, place.path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw error
  }
}

/** Gives a finished draft the mode and owner of the file that it takes the place of, and the name. */
export async function putInPlace(draft: string, path: string): Promise<void> {
  const old = await stat(path).catch(() => undefined)
  if (old !== undefined) {
    const file = await open(draft, 'r+')
    try {
      const own = await file.stat()
      if (own.uid !== old.uid || own.gid !== old.gid) await file.chown(old.uid, old.gid).catch(() => {})
      if (own.mode !== old.mode) await file.chmod(old.mode & 0o7777)
    } finally {
      await file.close()
    }
  }
  await rename(draft, path)
}

/** The permissions of a file; undefined where there is none. */
export async function modeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mode }) => mode & 0o777,
    () => undefined,
  )
}

/** Writes all of the bytes at a place in a file; one `write` may take fewer. @throws the file system's error */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
  return bytes.length
}

/** Writes all of the bytes to what has no places. */
async function writeStream(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    try {
      const { bytesWritten } = await writeDescriptor(descriptor, bytes, written, bytes.length - written, null)
      written += bytesWritten
    } catch (error) {
      // A pipe whose reader is slower.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await wait(5)
    }
  }
}

function bytesOf(part: string | Uint8Array): Uint8Array {
  return typeof part === 'string' ? Buffer.from(part) : part
}
