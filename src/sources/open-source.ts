// Opens sources as text: files, folders, gzip, standard input. Everything is read in pieces.
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { PaperkinError } from '../errors.ts'

/** A source of papers that is not a file; messages use its `name`. */
export interface NamedSource {
  readonly name: string
  /** Text, or bytes of UTF-8 or UTF-16 text, gzipped or not; a stream such as `process.stdin` works too. */
  readonly content: string | Uint8Array | AsyncIterable<string | Uint8Array>
}

/** A source opened as text, in pieces. */
interface OpenSource {
  readonly name: string
  /** The first characters, enough to recognise the format. */
  readonly head: string
  /** The whole text, including the head. Throws `unreadable-source` if reading fails. */
  readonly chunks: AsyncIterable<string>
}

/** Bytes (characters of a text) read so far, and in all; `total` is missing if unknown. */
export interface ReadProgress {
  readonly source: string
  readonly done: number
  readonly total?: number
}

const headLength = 65_536
const pieceLength = 262_144

/** The files of a path: itself, or all files in a folder, recursively, sorted by name, without hidden ones. */
export async function filesOf(
  path: string,
): Promise<{ readonly files: readonly string[]; readonly isFolder: boolean }> {
  let isFolder: boolean
  try {
    isFolder = (await stat(path)).isDirectory()
    if (!isFolder) return { files: [path], isFolder }
    const files: string[] = []
    for (const entry of (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue
      const inside = join(path, entry.name)
      if (entry.isDirectory()) files.push(...(await filesOf(inside)).files)
      else if (
        entry.isFile() ||
        (entry.isSymbolicLink() &&
          (await stat(inside).then(
            (s) => s.isFile(),
            () => true,
          )))
      )
        files.push(inside)
    }
    return { files, isFolder }
  } catch (error) {
    throw notReadable(path, error)
  }
}

/**
 * Opens a file or a named source.
 * @throws PaperkinError `unreadable-source` if it is missing, not readable, or not text
 */
export async function openSource(
  source: string | NamedSource,
  options: {
    readonly name?: string | undefined
    readonly signal?: AbortSignal | undefined
    readonly onProgress?: ((progress: ReadProgress) => void) | undefined
  } = {},
): Promise<OpenSource> {
  const { signal, onProgress } = options
  const name = options.name ?? (typeof source === 'string' ? basename(source) : source.name)
  let raw: AsyncIterable<string | Uint8Array>
  let total: number | undefined
  if (typeof source === 'string') {
    try {
      total = (await stat(source)).size
    } catch (error) {
      throw notReadable(source, error)
    }
    raw = createReadStream(source, { highWaterMark: pieceLength, ...(signal && { signal }) })
  } else if (typeof source.content === 'string' || source.content instanceof Uint8Array) raw = pieces(source.content)
  else raw = source.content
  const path = typeof source === 'string' ? source : name
  let done = 0
  const counted = (async function* () {
    try {
      for await (const piece of raw) {
        signal?.throwIfAborted()
        done += piece.length
        onProgress?.({ source: name, done, ...(total !== undefined && { total }) })
        yield piece
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw notReadable(path, error)
    }
  })()
  const text = decoded(await unzipped(counted, path), path)
  const first: string[] = []
  let length = 0
  while (length < headLength) {
    const { done: isEnd, value } = await text.next()
    if (isEnd) break
    first.push(value)
    length += value.length
  }
  const head = first.join('').slice(0, headLength)
  const chunks = (async function* () {
    yield* first
    yield* text
  })()
  return { name, head, chunks }
}

async function* pieces(content: string | Uint8Array): AsyncGenerator<string | Uint8Array> {
  for (let start = 0; start < content.length; start += pieceLength)
    yield typeof content === 'string'
      ? content.slice(start, start + pieceLength)
      : content.subarray(start, start + pieceLength)
}

/** Decompresses gzip, recognised by its first two bytes. */
async function unzipped(
  raw: AsyncGenerator<string | Uint8Array>,
  path: string,
): Promise<AsyncIterable<string | Uint8Array>> {
  const opening: (string | Uint8Array)[] = []
  let bytes: Uint8Array = new Uint8Array(0)
  while (bytes.length < 2) {
    const { done, value } = await raw.next()
    if (done) break
    opening.push(value)
    if (typeof value === 'string') break
    bytes = Buffer.concat([bytes, value])
  }
  const whole = (async function* () {
    yield* opening
    yield* raw
  })()
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return whole
  const source = Readable.from(whole, { objectMode: false })
  const gunzip = createGunzip({ chunkSize: pieceLength })
  source.on('error', (error) => gunzip.destroy(error))
  source.pipe(gunzip)
  return (async function* () {
    try {
      for await (const piece of gunzip) yield piece as Uint8Array
    } catch (error) {
      if (PaperkinError.isInstance(error) || !String((error as NodeJS.ErrnoException).code).startsWith('Z_'))
        throw error
      throw unreadable(`${path} looks like gzip but cannot be decompressed: it may be cut off; copy it again.`, error)
    } finally {
      source.destroy()
    }
  })()
}

/**
 * Decodes UTF-8, UTF-16 with a byte order mark, and Latin-1 if the text declares it; anything else is refused, not guessed.
 * Line ends become line feeds.
 */
async function* decoded(raw: AsyncIterable<string | Uint8Array>, path: string): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined
  let isUtf8 = true
  let seen = 0
  let isStart = true
  let isAfterReturn = false
  const cleaned = (decoded: string) => {
    if (decoded === '') return ''
    let text = isStart ? decoded.replace(/^\ufeff/u, '') : decoded
    isStart = false
    // A line feed at the start of this piece belongs to the carriage return that ended the last one.
    if (isAfterReturn && text.startsWith('\n')) text = text.slice(1)
    isAfterReturn = decoded.endsWith('\r')
    return text.includes('\r') ? text.replace(/\r\n?/gu, '\n') : text
  }
  const decode = (bytes?: Uint8Array) => {
    try {
      return decoder?.decode(bytes, { stream: bytes !== undefined }) ?? ''
    } catch (error) {
      throw unreadable(`Expected UTF-8 text, but ${path} has another encoding: save it again as UTF-8.`, error)
    }
  }
  for await (const piece of raw) {
    let text: string
    if (typeof piece === 'string') text = piece
    else {
      if (decoder === undefined) {
        const mark = (piece[0] ?? 0) * 256 + (piece[1] ?? 0)
        const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : declaredEncoding(piece)
        isUtf8 = encoding === 'utf-8'
        decoder = new TextDecoder(encoding, { fatal: true })
      }
      if (isUtf8 && seen < headLength && piece.subarray(0, headLength - seen).includes(0))
        throw unreadable(`Expected text, but ${path} is a binary file: convert it to a supported format.`)
      seen += piece.length
      text = decode(piece)
    }
    text = cleaned(text)
    if (text !== '') yield text
  }
  const rest = cleaned(decode())
  if (rest !== '') yield rest
}

/** The encoding that XML or HTML declares: Latin-1 is read as windows-1252, everything else as UTF-8. */
function declaredEncoding(piece: Uint8Array): 'utf-8' | 'windows-1252' {
  const head = Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.length, 2000)).toString('latin1')
  const name =
    /^\s*<\?xml[^>]*encoding=["']([\w-]+)["']/iu.exec(head)?.[1] ?? /<meta[^>]+charset=["']?([\w-]+)/iu.exec(head)?.[1]
  return name !== undefined && /^(?:iso-8859-1|latin-?1|windows-1252)$/iu.test(name) ? 'windows-1252' : 'utf-8'
}

function unreadable(message: string, cause?: unknown): PaperkinError {
  return new PaperkinError('unreadable-source', message, { cause })
}

function notReadable(path: string, error: unknown): PaperkinError {
  if (PaperkinError.isInstance(error)) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return unreadable(`There is no file ${path}: check the name.`, error)
  if (code === 'EACCES' || code === 'EPERM')
    return unreadable(`The file ${path} may not be read: check its permissions.`, error)
  return unreadable(`${path} could not be read (${code ?? String(error)}).`, error)
}
