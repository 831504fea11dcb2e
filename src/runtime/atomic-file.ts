// All file output goes through here: all bytes or an error, and files whole or not at all. The kind of a path is
// preserved: links are followed, files keep their mode, devices and pipes are written to, not replaced.
import { randomUUID } from 'node:crypto'
import { write } from 'node:fs'
import { type FileHandle, open, readlink, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

const writeDescriptor = promisify(write)

/** Where output for a path goes. */
type OutputPlace =
  /** A file, existing or not, with all links resolved. */
  | { readonly kind: 'file'; readonly path: string; readonly exists: boolean }
  /** A device, a pipe or an open descriptor, written sequentially. */
  | { readonly kind: 'stream'; readonly path: string; readonly descriptor?: number }

/** Linux's limit on symbolic links in a path. */
const maxLinks = 40

/** Resolves an output path. @throws the file system's error */
export async function outputPlace(path: string): Promise<OutputPlace> {
  let named = resolve(path)
  for (let links = 0; ; links++) {
    const descriptor = descriptorOf(named)
    // Reopening it would write from the start of the file.
    if (descriptor !== undefined) return { kind: 'stream', path, descriptor }
    const target = links < maxLinks ? await readlink(named).catch(() => undefined) : undefined
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

/** The open descriptor that a path such as `/dev/fd/3` names. */
function descriptorOf(path: string): number | undefined {
  if (path === '/dev/stdout') return 1
  if (path === '/dev/stderr') return 2
  const number = /^\/(?:dev|proc\/(?:self|thread-self))\/fd\/(\d+)$/u.exec(path)?.[1]
  return number === undefined ? undefined : Number(number)
}

/**
 * Writes parts in order to a path. A file is replaced in one step: readers see the old content or the new. Devices and
 * pipes are written as the parts arrive.
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
 * Writes a file in one step: readers see the old content or the new. A symbolic link stays and its target is written;
 * an existing file keeps its mode and, if this user may set it, its owner.
 * @throws what `write` throws; the file system's error
 */
export async function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const place = await outputPlace(path)
  const draft = `${place.path}.${randomUUID()}.tmp`
  try {
    // The mode is set from the start, so that private content is never readable by others.
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

/** Renames a finished draft to `path`, with the mode and owner of the file that it replaces. */
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

/** The permissions of a file; undefined if it does not exist. */
export async function modeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mode }) => mode & 0o777,
    () => undefined,
  )
}

/** Writes all bytes at a position of a file, as one `write` may take fewer. @throws the file system's error */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
  return bytes.length
}

/** Fills bytes from a position of a file, and returns them; fewer at its end. */
export async function readAll<Bytes extends Uint8Array>(
  file: FileHandle,
  bytes: Bytes,
  position: number,
): Promise<Bytes> {
  let done = 0
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done) as Bytes
}

/** Writes all bytes to a stream, which has no positions. */
async function writeStream(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    try {
      const { bytesWritten } = await writeDescriptor(descriptor, bytes, written, bytes.length - written, null)
      written += bytesWritten
    } catch (error) {
      // The pipe is full until its reader catches up.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await wait(5)
    }
  }
}

function bytesOf(part: string | Uint8Array): Uint8Array {
  return typeof part === 'string' ? Buffer.from(part) : part
}
