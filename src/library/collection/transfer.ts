// Export and import: papers as JSON Lines in the library's order, vectors as a NumPy matrix, and the ids of its rows in
// a JSON file next to it.
import { createReadStream } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { EmbedProgress } from '../../embedding/embedder.ts'
import { PaperkinError, show, systemCode } from '../../errors.ts'
import type { PaperInput } from '../../paper.ts'
import { outputPlace, writeOutput } from '../../runtime/atomic-file.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { readNpy, writeNpy } from '../../vectors/npy.ts'
import { requireOutside } from '../storage/log-folder.ts'
import type { StorageIdentity } from '../storage/storage.ts'
import type { Collection } from './collection.ts'

export interface ExportOptions {
  /** File for the papers, as JSON Lines. @default not written */
  readonly papers?: string | undefined
  /**
   * File for the vectors, as a `.npy` matrix of 32-bit floats with one row per paper. The ids of the rows of
   * `vectors.npy` are written to `vectors.ids.json` next to it, unless it is a device or a pipe. @default not written
   */
  readonly vectors?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ImportOptions {
  /** File with the papers, as JSON Lines. */
  readonly papers: string
  /** File with the vectors of all papers, as in {@link ExportOptions.vectors}. @default the papers are embedded */
  readonly vectors?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
}

/** Content of the ids file next to a matrix. */
interface VectorIds {
  readonly modelId: string
  readonly revision?: string
  readonly dtype?: string
  readonly dimensions: number
  /** One per row. */
  readonly ids: readonly string[]
}

/** Rows per write. */
const rowsPerWrite = 1024

/** See `PaperLibrary.export`. */
export async function exportLibrary(
  collection: Pick<Collection, 'kept' | 'vectors' | 'stream'>,
  { papers, vectors: path, signal, identity }: ExportOptions & { readonly identity: Omit<StorageIdentity, 'recipe'> },
): Promise<void> {
  // Taken before the first await, so that later additions do not show.
  const all = [...collection.kept.values()]
  const snapshot = collection.vectors.snapshot()
  requireFiles({ papers, vectors: path }, [])
  if (papers === undefined && path === undefined)
    throw new PaperkinError('invalid-argument', 'Expected `papers`, `vectors` or both to name a file, got neither.')
  if (papers !== undefined && path !== undefined && resolve(papers) === resolve(path))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`papers\` and \`vectors\` to name two files, got ${show(papers)} twice.`,
    )
  if (papers !== undefined) await requireOutside('papers', papers)
  if (path !== undefined) await requireOutside('vectors', path)
  signal?.throwIfAborted()
  const slice = timeSlice(signal)
  async function* lines(): AsyncGenerator<string> {
    for await (const part of collection.stream(all, { signal })) {
      yield part.map((paper) => `${JSON.stringify(paper)}\n`).join('')
      if (slice.due()) await slice.rest()
    }
  }
  if (papers !== undefined) await written(papers, signal, () => writeOutput(papers, lines()))
  if (path === undefined) return
  const place = await written(path, signal, () => outputPlace(path))
  const ids = place.kind === 'file' ? idsPath(path) : undefined
  const { modelId, revision, dtype, dimensions } = identity
  async function* rows() {
    for (let start = 0; start < all.length; start += rowsPerWrite)
      yield await snapshot.vectors(
        all.slice(start, start + rowsPerWrite).map(({ row }) => row),
        signal ? { signal } : {},
      )
    // If the process ends before the new ids are written, the old ones must not remain next to the new matrix.
    if (ids !== undefined) await rm(ids, { force: true })
  }
  await written(path, signal, () => writeNpy(path, rows(), { rows: all.length, dimensions }))
  if (ids === undefined) return
  const named: VectorIds = {
    modelId,
    ...(revision && { revision }),
    ...(dtype && { dtype }),
    dimensions,
    ids: all.map(({ id }) => id),
  }
  await written(ids, signal, () => writeOutput(ids, [`${JSON.stringify(named)}\n`]))
}

/**
 * Reads the files of {@link exportLibrary}: papers, and the vector of each if `vectors` is given.
 * @throws PaperkinError `unreadable-source`, naming the line or the paper
 */
export async function readExport({ papers: path, vectors, signal }: ImportOptions): Promise<{
  readonly papers: PaperInput[]
  readonly vectors: Float32Array[] | undefined
  readonly of: VectorIds | undefined
}> {
  requireFiles({ papers: path, vectors }, ['papers'])
  const papers = await readLines(path, signal)
  if (vectors === undefined) return { papers, vectors: undefined, of: undefined }
  const of = await readIds(idsPath(vectors))
  const { rows, dimensions, values } = await readNpy(vectors, signal ? { signal } : {})
  if (rows !== of.ids.length || dimensions !== of.dimensions)
    throw new PaperkinError(
      'unreadable-source',
      `Expected ${vectors} to be ${of.ids.length} × ${of.dimensions}, as ${idsPath(vectors)} says, got ${rows} × ${dimensions}.`,
    )
  const rowOf = new Map(of.ids.map((id, row) => [id, row]))
  const found = papers.map((paper) => {
    const id = paper?.id
    const row = rowOf.get(String(id))
    if (row === undefined)
      throw new PaperkinError(
        'unreadable-source',
        `Expected ${vectors} to have a row for each paper, but it has none for ${show(id)}.`,
      )
    return values.subarray(row * dimensions, (row + 1) * dimensions)
  })
  return { papers, vectors: found, of }
}

/** Checks file names; those not in `needed` may be undefined. */
function requireFiles(files: Readonly<Record<string, unknown>>, needed: readonly string[]): void {
  for (const [name, value] of Object.entries(files))
    if ((typeof value !== 'string' || value === '') && (needed.includes(name) || value !== undefined))
      throw new PaperkinError('invalid-argument', `Expected \`${name}\` to name a file, got ${show(value)}.`)
}

function idsPath(vectors: string): string {
  return `${vectors.replace(/\.npy$/iu, '')}.ids.json`
}

async function readLines(path: string, signal: AbortSignal | undefined): Promise<PaperInput[]> {
  const papers: PaperInput[] = []
  const input = createReadStream(path, signal ? { signal } : {})
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      if (line.trim() !== '') papers.push(JSON.parse(line))
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    const { code, message } = error as NodeJS.ErrnoException
    const what =
      code === undefined
        ? `line ${number} is not JSON (${message})`
        : code === 'ENOENT'
          ? 'there is no such file'
          : `it cannot be read (${code})`
    throw new PaperkinError('unreadable-source', `Expected ${path} to hold one paper per line, but ${what}.`, {
      cause: error,
    })
  }
  return papers
}

async function readIds(path: string): Promise<VectorIds> {
  try {
    const found = JSON.parse(await readFile(path, 'utf8')) as VectorIds
    if (Array.isArray(found.ids)) return found
    throw new Error(`\`ids\` is ${show(found.ids)}`)
  } catch (error) {
    throw new PaperkinError(
      'unreadable-source',
      `Expected ${path} to name the rows of the matrix next to it: ${(error as Error).message}.`,
      {
        cause: error,
      },
    )
  }
}

/** Runs a write; turns file system errors into PaperkinErrors. */
async function written<Result>(
  path: string,
  signal: AbortSignal | undefined,
  write: () => Promise<Result>,
): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw unwritable(error, path)
  }
}

function unwritable(error: unknown, path: string): unknown {
  const code = systemCode(error)
  if (PaperkinError.isInstance(error) || code === undefined) return error
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    ENOENT: 'there is no such folder',
    EISDIR: 'it is a folder',
  }
  const what = reasons[code] ?? `writing failed (${code})`
  return new PaperkinError('store-unwritable', `Expected to write ${path}, but ${what}: name another place.`, {
    cause: error,
  })
}
