// The place of each paper on the map of science, looked up once and cached.
import type { Atlas, PaperArea } from '../../atlas/atlas.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import type { Roster } from '../collection/collection.ts'
import type { StoredPaper } from '../storage/storage.ts'

/** A source of vectors by row. */
interface Vectors {
  vector(row: number): Float32Array
}

export class PaperAreas {
  readonly atlas: Atlas
  readonly #known = new WeakMap<StoredPaper, ReturnType<Atlas['likeliest']>>()

  constructor(atlas: Atlas) {
    this.atlas = atlas
  }

  /** Looks up all papers of a roster, as {@link isWithin} requires. */
  async prepare({ papers }: Pick<Roster, 'papers'>, vectors: Vectors, signal: AbortSignal | undefined): Promise<void> {
    const slice = timeSlice(signal)
    for (const paper of papers) {
      this.#likeliest(paper, vectors)
      if (slice.due()) await slice.rest()
    }
  }

  /** {@link prepare}, synchronously. */
  prepareNow({ papers }: Pick<Roster, 'papers'>, vectors: Vectors): void {
    for (const paper of papers) this.#likeliest(paper, vectors)
  }

  /** The area of a paper, with its field and discipline; undefined if no area is near. */
  of(paper: StoredPaper, vectors: Vectors): PaperArea | undefined {
    const { area, similarity } = this.#likeliest(paper, vectors)
    return this.atlas.place(area, similarity)
  }

  /** Whether the area of a prepared paper is, or is within, a node of the tree. */
  isWithin(paper: StoredPaper, node: number): boolean {
    const { atlas } = this
    const known = this.#known.get(paper)
    if (known === undefined || atlas.place(known.area, known.similarity) === undefined) return false
    return atlas.isWithin(atlas.firstArea + known.area, node)
  }

  #likeliest(paper: StoredPaper, vectors: Vectors): ReturnType<Atlas['likeliest']> {
    const known = this.#known.get(paper) ?? this.atlas.likeliest(vectors.vector(paper.row))
    this.#known.set(paper, known)
    return known
  }
}
