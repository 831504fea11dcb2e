import { PaperkinError } from '../../errors.ts'
import type { Damage, StoredPaper } from '../storage/log-file.ts'
import { Store } from '../storage/store.ts'
import { withIds } from '../storage/store-errors.ts'

/** What a library on disk was found to be. */
export interface Verification {
  /** Whether everything is as it was written. */
  readonly isWhole: boolean
  readonly papers: number
  /** Vectors, those that no paper has at present among them. */
  readonly vectors: number
  /** Bytes of the log. */
  readonly bytes: number
  /** What is not as it was written; ids where they are known. */
  readonly damage: readonly { readonly id?: string; readonly message: string }[]
}

/** Reads all of a library on disk, as it is now. */
export async function verifyStore(
  path: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Verification> {
  const damages: Damage[] = []
  const papers = new Map<string, Pick<StoredPaper, 'id' | 'row' | 'vector'>>()
  let vectors = 0
  let bytes = 0
  let opened: Store | undefined
  try {
    const store = await Store.open(path, { readOnly: true })
    opened = store
    const { frames } = await store.load({ onDamage: (damage) => damages.push(damage), signal: options.signal })
    for await (const { removed, papers: found, block } of frames) {
      for (const id of removed) papers.delete(id)
      for (const { id, row, vector } of found) papers.set(id, { id, row, vector })
      vectors += block.count
    }
    damages.splice(0, damages.length, ...withIds(damages, papers.values(), (vector) => store.isReadable(vector)))
    bytes = store.bytes
  } catch (error) {
    if (!PaperkinError.isInstance(error) || error.code !== 'corrupt-store') throw error
    damages.push({ part: 'header', message: error.message })
  } finally {
    await opened?.close()
  }
  return Object.freeze({
    isWhole: damages.length === 0,
    papers: papers.size,
    vectors,
    bytes,
    damage: Object.freeze(
      damages.map(({ id, message }) => Object.freeze({ ...(id !== undefined && { id }), message })),
    ),
  })
}
