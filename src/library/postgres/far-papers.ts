// Changes of a library on Postgres: the handles of the papers that a change concerns are read, and nothing else.
import type { CountedDocument } from '../../lexical/term-counts.ts'
import type { Paper } from '../../paper.ts'
import type { Adding } from '../collection/add-papers.ts'
import { comingPapers, type PaperChange } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'
import { arrayOf } from './binary.ts'
import { sendable } from './database.ts'
import { PostgresPaper, type PostgresStorage } from './postgres-storage.ts'

/** Papers per read of the storage. */
const papersPerRead = 512

/** The papers that an `add` names. Their words are counted by the storage. */
export class FarPapers implements Adding {
  readonly storage: PostgresStorage
  readonly kept = new Map<string, StoredPaper>()
  readonly lexical = { count: (): CountedDocument => uncounted }
  readonly #vectors = new Map<number, Float32Array>()

  constructor(storage: PostgresStorage) {
    this.storage = storage
  }

  get dimensions(): number | undefined {
    return this.storage.identity.dimensions || undefined
  }

  /** Reads which of the ids are known, and their vectors if they are to be compared. */
  async know(
    ids: readonly string[],
    { withVectors, signal }: { readonly withVectors: boolean; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    const { database } = this.storage
    const asked = sendable(ids)
    for (let start = 0; start < asked.length; start += papersPerRead) {
      const rows = await database.read(
        (ask) =>
          ask<[string, number, number, string]>(
            `select id, row, text_crc, batch from ${database.schema}.papers where id = any($1::text[])`,
            [arrayOf('text', asked.slice(start, start + papersPerRead))],
          ),
        { signal },
      )
      const found = rows.map(
        ([id, row, textCrc, batch]) => new PostgresPaper(id, { row, textCrc, batch: Number(batch) }),
      )
      for (const paper of found) this.kept.set(paper.id, paper)
      if (!withVectors) continue
      const vectors = await this.storage.readVectors(found, { signal })
      for (const [i, { row }] of found.entries())
        if (vectors[i] !== undefined) this.#vectors.set(row, vectors[i].vector)
    }
  }

  snapshot(): { readonly vector: (row: number) => Float32Array | undefined } {
    return { vector: (row) => this.#vectors.get(row) }
  }

  async read(papers: readonly StoredPaper[], options: { readonly signal?: AbortSignal | undefined }): Promise<Paper[]> {
    const found = await this.storage.readPapers(papers, options)
    for (const [i, paper] of papers.entries()) paper.cached = found[i]
    return found
  }

  async commit({ papers }: { readonly papers: readonly PaperChange[] }): Promise<void> {
    const { coming, nextRow } = comingPapers(papers, { kept: this.kept, nextRow: this.storage.nextRow })
    for (const paper of await this.storage.commit({ papers: coming, nextRow })) this.kept.set(paper.id, paper)
  }
}

const uncounted: CountedDocument = { term: new Int32Array(0), count: new Uint16Array(0), length: 0 }
