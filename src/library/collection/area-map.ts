import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { Atlas, packedRows } from '../../atlas/atlas.ts'
import { atlasOf, readSpaceFile, type SpaceKey, spreadOf, writeSpaceFile } from '../../atlas/atlas-space.ts'
import type { Embedder, EmbedOptions } from '../../embedding/embedder.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import type { Storage } from '../storage/storage.ts'

/**
 * Papers from which the map is embedded without being asked for: its texts have as many word pieces as some 200 abstracts,
 * so that it never takes longer than the papers did.
 */
export const mapFrom = 200

type MakeOptions = Pick<EmbedOptions, 'signal' | 'onProgress'> & { readonly papers: () => readonly Float32Array[] }

/** The map of science of a library: the bundled one, or for another model its own, embedded once and kept. */
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

  /** The map, where it is there already; the bundled one is read when it is first asked for. */
  get atlas(): Atlas | undefined {
    if (!this.#isKnown && Atlas.load().isOf(this.#embedder)) {
      this.#atlas = Atlas.load()
      this.#isKnown = true
    }
    return this.#atlas
  }

  /** Takes over what was kept. */
  async load(): Promise<void> {
    const embedder = this.#embedder
    const path = this.#storage.derivedFile('areas.bin')
    // Nothing is kept beside libraries of the bundled model, which have no need of the map to be opened.
    if (embedder === undefined || path === undefined || !existsSync(path)) return
    const bundled = Atlas.load()
    const key = spaceKey(bundled, embedder)
    const kept = await readSpaceFile(path, key, bundled.areas)
    if (kept === undefined) return
    this.#atlas = atlasOf(bundled, kept.rows, { key, spread: kept.spread })
    this.#isKnown = true
  }

  /** Embeds the map where it is not there; calls at the same time share it. `papers` are vectors of some of the library. */
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
      // It can be embedded again, where there is room for it.
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
