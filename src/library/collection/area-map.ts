import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { Atlas, packedRows } from '../../atlas/atlas.ts'
import { atlasOf, readSpaceFile, type SpaceKey, spreadOf, writeSpaceFile } from '../../atlas/atlas-space.ts'
import type { Embedder, EmbedOptions } from '../../embedding/embedder.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import type { Storage } from '../storage/storage.ts'

/**
 * Library size from which the map is embedded without being requested. Its texts have as many word pieces as about 200
 * abstracts, so it never takes longer than the papers did.
 */
export const mapFrom = 200

type MakeOptions = Pick<EmbedOptions, 'signal' | 'onProgress'> & { readonly papers: () => readonly Float32Array[] }

/** The map of science of a library: the bundled one, or for another model a copy embedded once and kept on disk. */
export class AreaMap {
  readonly #embedder: Embedder | undefined
  readonly #storage: Storage
  #atlas: Atlas | undefined
  #isKnown: boolean
  #making: Promise<void> | undefined

  constructor({
    embedder,
    storage,
    isWanted,
  }: { readonly embedder: Embedder | undefined; readonly storage: Storage; readonly isWanted: boolean }) {
    this.#embedder = isWanted ? embedder : undefined
    this.#storage = storage
    this.#isKnown = this.#embedder === undefined
  }

  /** The map, if ready; the bundled one is read on first use. */
  get atlas(): Atlas | undefined {
    if (!this.#isKnown && Atlas.load().isOf(this.#embedder)) {
      this.#atlas = Atlas.load()
      this.#isKnown = true
    }
    return this.#atlas
  }

  /** Loads a map that was kept on disk. */
  async load(): Promise<void> {
    const embedder = this.#embedder
    const path = this.#storage.derivedFile('areas.bin')
    // Libraries of the bundled model have no such file, and need not read the map to open.
    if (embedder === undefined || path === undefined || !existsSync(path)) return
    const bundled = Atlas.load()
    const key = spaceKey(bundled, embedder)
    const kept = await readSpaceFile(path, key, bundled.areas)
    if (kept === undefined) return
    this.#atlas = atlasOf(bundled, kept.rows, { key, spread: kept.spread })
    this.#isKnown = true
  }

  /** Embeds the map if it is missing; concurrent calls share the work. `papers` gives sample vectors of the library. */
  async prepare(options: MakeOptions): Promise<void> {
    if (this.atlas !== undefined || this.#isKnown) return
    this.#making ??= this.#make(options).finally(() => {
      this.#making = undefined
    })
    await this.#making
  }

  async #make({ papers, ...options }: MakeOptions): Promise<void> {
    const embedder = this.#embedder as Embedder
    const bundled = Atlas.load()
    const key = spaceKey(bundled, embedder)
    const vectors = await embedder.embed(bundled.areaTexts(), { inputType: 'document', ...options })
    const rows = packedRows(vectors, embedder.dimensions)
    const slice = timeSlice(options.signal)
    const spread = await spreadOf(bundled, rows, { dimensions: embedder.dimensions, papers: papers(), slice })
    this.#atlas = atlasOf(bundled, rows, { key, spread })
    this.#isKnown = true
    const path = this.#storage.derivedFile('areas.bin')
    if (path === undefined || this.#storage.isReadOnly) return
    try {
      await writeSpaceFile(path, key, { rows, spread })
    } catch {
      // Disk full or similar: the map can be embedded again.
    }
  }
}

function spaceKey(atlas: Atlas, { modelId, revision, dtype, fingerprint, dimensions }: Embedder): SpaceKey {
  return {
    modelId,
    revision: revision ?? '',
    dtype: dtype ?? '',
    fingerprint: fingerprint ?? '',
    dimensions,
    texts: createHash('sha256').update(atlas.areaTexts().join('\n')).digest('hex'),
  }
}
