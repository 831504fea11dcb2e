// A sample of a library. The papers whose ids have the lowest hashes are chosen, so that the sample depends on nothing but
// the ids, and keeps most of its papers while the library grows: topics can be followed through it.
import { createHash } from 'node:crypto'
import { requireInteger } from '../../errors.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import type { Collection } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { type Candidate, Candidates } from './candidates.ts'

/**
 * The option `sample`.
 * @returns the most papers; infinity for all
 * @throws PaperkinError `invalid-argument`
 */
export function sampleSize(sample: number | 'all' | undefined, otherwise: number): number {
  if (sample === undefined) return otherwise
  return sample === 'all' ? Number.POSITIVE_INFINITY : requireInteger('sample', sample, 1)
}

/** The SHA-256 of an id as UTF-8: samples have the papers with the lowest. */
const hashOf = (id: string) => createHash('sha256').update(id).digest()
/** Bytes of a hash that a number holds exactly. */
const keyBytes = 6

/** So many of the ids, or all if they are no more; the same for the same ids. */
export async function sampledIds(
  ids: readonly string[],
  most: number,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  if (ids.length <= most) return new Set(ids)
  const slice = timeSlice(signal)
  const keys = new Float64Array(ids.length)
  for (const [i, id] of ids.entries()) {
    keys[i] = hashOf(id).readUIntBE(0, keyBytes)
    if (slice.due()) await slice.rest()
  }
  const last = keys.toSorted()[most - 1] as number
  const chosen = new Set(ids.filter((_, i) => keys[i]! < last))
  const equal = ids.filter((_, i) => keys[i] === last).sort((one, other) => Buffer.compare(hashOf(one), hashOf(other)))
  for (const id of equal.slice(0, most - chosen.size)) chosen.add(id)
  return chosen
}

/** The papers of a collection with some ids, with words counted among themselves. */
export async function samplePapers(
  collection: Collection,
  ids: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<Candidates> {
  const { roster } = collection
  const snapshot = collection.snapshot()
  const chosen: StoredPaper[] = roster.papers.filter(({ id }) => ids.has(id))
  const candidates: Candidate[] = []
  for await (const papers of collection.stream(chosen, { signal }))
    for (const paper of papers)
      candidates.push({ paper, vector: snapshot.vector((chosen[candidates.length] as StoredPaper).row) })
  return Candidates.of(candidates, { dimensions: snapshot.dimensions, signal })
}
