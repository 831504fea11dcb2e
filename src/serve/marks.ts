// Papers that the reader starred, read or hid: stored in `marks.json`, in the library's folder or another one.
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PaperkinError, show, systemCode } from '../errors.ts'
import type { PaperLibrary } from '../library/paper-library.ts'
import { isPostgresUrl } from '../library/postgres/database.ts'
import { writeOutput } from '../runtime/atomic-file.ts'

/** The marks that a paper can have. */
const markNames = ['starred', 'read', 'hidden'] as const

type MarkName = (typeof markNames)[number]

/** Ids by mark, in the order of marking. Removed papers keep their marks. */
export type MarkedIds = Readonly<Record<MarkName, readonly string[]>>

interface MarksFile {
  readonly ids: Record<MarkName, readonly string[]>
  /** Fields of later versions, written back unchanged. */
  readonly others: Readonly<Record<string, unknown>>
}

/** The folder of a library's marks: `chosen`, or else its own; undefined for one in memory or on Postgres. */
export function marksFolder({ path }: PaperLibrary, chosen: string | undefined): string | undefined {
  return chosen ?? (path === undefined || isPostgresUrl(path) ? undefined : path)
}

const marksPath = (folder: string) => join(folder, 'marks.json')

/**
 * The marks in a folder; empty lists without a file.
 * @throws PaperkinError `corrupt-store` for a damaged file, `unreadable-source`
 */
export async function readMarks(folder: string): Promise<MarkedIds> {
  return (await readFileOf(folder)).ids
}

async function readFileOf(folder: string): Promise<MarksFile> {
  const path = marksPath(folder)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return { ids: { starred: [], read: [], hidden: [] }, others: {} }
    throw new PaperkinError(
      'unreadable-source',
      `Expected ${path} to be readable, but it is not: ${(cause as Error).message}`,
      { cause },
    )
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  const damage = () =>
    new PaperkinError(
      'corrupt-store',
      `Expected ${path} to be a JSON object with lists of ids (${markNames.join(', ')}), but it is not: mend it, or move it away to begin without marks.`,
    )
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damage()
  const { starred = [], read = [], hidden = [], ...others } = value as Record<string, unknown>
  const ids = { starred, read, hidden }
  for (const list of Object.values(ids))
    if (!Array.isArray(list) || !list.every((id) => typeof id === 'string')) throw damage()
  return { ids: ids as Record<MarkName, readonly string[]>, others }
}

/** A change of marks. */
export interface MarkChange {
  readonly ids: readonly string[]
  readonly mark: MarkName
  /** True sets the mark, false clears it. */
  readonly value: boolean
}

/**
 * Validates a change received from a client.
 * @throws PaperkinError `invalid-argument`
 */
export function checkedChange(given: unknown): MarkChange {
  const wrong = (expected: string, value: unknown) =>
    new PaperkinError('invalid-argument', `Expected ${expected}, got ${show(value)}.`)
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw wrong('an object with `ids`, `mark` and `value`', given)
  const { ids, mark, value, ...others } = given as Record<string, unknown>
  const [other] = Object.keys(others)
  if (other !== undefined) throw wrong('`ids`, `mark` and `value` alone', other)
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string' && id !== ''))
    throw wrong('`ids` to be a list of ids', ids)
  if (!markNames.some((name) => name === mark)) throw wrong(`\`mark\` to be one of ${markNames.join(', ')}`, mark)
  if (typeof value !== 'boolean') throw wrong('`value` to be true or false', value)
  return { ids, mark: mark as MarkName, value }
}

/**
 * The marks in a folder, which is made with the first of them. Changes run one at a time; each is on disk before its
 * promise resolves.
 */
export class MarkStore {
  readonly #folder: string
  #writing: Promise<unknown> = Promise.resolve()

  constructor(folder: string) {
    this.#folder = folder
  }

  read(): Promise<MarkedIds> {
    return readMarks(this.#folder)
  }

  /**
   * Applies a change and returns the resulting marks. The file is read first, to keep marks set by other processes, and
   * replaced atomically.
   * @throws PaperkinError `corrupt-store`, `unreadable-source`, `store-unwritable`
   */
  change({ ids, mark, value }: MarkChange): Promise<MarkedIds> {
    const write = async () => {
      const { ids: kept, others } = await readFileOf(this.#folder)
      const marked = new Set(kept[mark])
      for (const id of ids) {
        if (value) marked.add(id)
        else marked.delete(id)
      }
      const next = { ...kept, [mark]: [...marked] }
      const path = marksPath(this.#folder)
      try {
        await mkdir(this.#folder, { recursive: true })
        await writeOutput(path, [`${JSON.stringify({ ...others, ...next }, null, 1)}\n`])
      } catch (cause) {
        throw new PaperkinError(
          'store-unwritable',
          `Expected ${path} to be writable, but it is not: ${(cause as Error).message}`,
          { cause },
        )
      }
      return next
    }
    const result = this.#writing.then(write, write)
    this.#writing = result.catch(() => {})
    return result
  }

  /** Waits for pending changes. */
  async settled(): Promise<void> {
    await this.#writing
  }
}
