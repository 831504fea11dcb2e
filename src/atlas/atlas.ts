// A map of science: some 1,500 areas with a name, a centroid in the bundled model's space and a place in a tree (domain,
// discipline, division, field, area), and terms with what is known of them. Made by `scripts/build-atlas` from abstracts of
// arXiv and topics of OpenAlex. `models/atlas` holds atlas.json (the tree), areas.bin and terms.bin (a float32 scale a row,
// then rows of 8-bit integers) and terms.txt; read when first asked for.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PaperkinError } from '../errors.ts'
import { packageFile } from '../package-files.ts'
import { termKey } from './term-key.ts'

export const atlasLevels = ['domain', 'discipline', 'division', 'field', 'area'] as const
export type AtlasLevel = (typeof atlasLevels)[number]

/** A node of the tree. */
export interface AtlasNode {
  readonly name: string
  readonly level: AtlasLevel
  /** Number of the node above it; -1 for a domain. */
  readonly parent: number
}

/** Where a paper lies on the map. */
export interface PaperArea {
  /** The area whose centroid is nearest. */
  readonly area: string
  readonly field: string
  readonly discipline: string
  /** -1 … 1: cosine of the paper and the area's centroid. */
  readonly similarity: number
}

/** What is known of a term of one to three words. */
export interface AtlasTerm {
  /** Abstracts that have it, of {@link Atlas.abstracts}. */
  readonly df: number
  /** Nats: how much more often than by chance two papers that have it are of one field; 0 for words of every field. */
  readonly topicality: number
}

/** The areas a row may belong to: the nearest, and how likely each is. */
export interface Memberships {
  readonly rows: number
  /** Areas kept of each row. */
  readonly width: number
  /** `rows × width` numbers of areas, most similar first. */
  readonly area: Int32Array
  /** `rows × width`: the shares of a row, which add up to 1. */
  readonly share: Float64Array
  /** Cosine of each row to its nearest area. */
  readonly similarity: Float64Array
}

// Sharp enough that the nearest area is believed as often as it is right: at .015 the mean share of the first is .76.
const temperature = 0.015
const kept = 16
/**
 * Below this cosine to the nearest area a text lies outside the map. Of 753 abstracts of nine days the least has .37, all
 * but four .55 or more; recipes, sport, small talk, invented sciences and other languages mostly have .25 to .47.
 */
export const leastSimilarity = 0.48
/**
 * Below this cosine the name of the nearest area is not given: of 300 abstracts that the map was not made from it was wrong
 * for 14 of the 18 there, and for 52 of the other 282.
 */
export const leastToName = 0.57

export class Atlas {
  /** Parents stand before their children, areas last. */
  readonly nodes: readonly AtlasNode[]
  /** Number of the first area among the nodes. */
  readonly firstArea: number
  /** `model` names whose space the centroids are of. */
  readonly model: { readonly id: string; readonly revision: string; readonly dimensions: number }
  /** How many abstracts the terms were counted in. */
  readonly abstracts: number
  readonly #centroids: Float32Array
  readonly #folder: string
  #terms: ReadonlyMap<string, string> | undefined

  private constructor(folder: string) {
    const { nodes, areas, model, abstracts } = JSON.parse(readFileSync(join(folder, 'atlas.json'), 'utf8')) as {
      readonly nodes: readonly (readonly [string, number, number])[]
      readonly areas: number
      readonly abstracts: number
      readonly model: Atlas['model']
    }
    this.nodes = nodes.map(([name, level, parent]) => ({ name, level: atlasLevels[level] as AtlasLevel, parent }))
    this.firstArea = nodes.length - areas
    this.model = model
    this.abstracts = abstracts
    this.#folder = folder
    this.#centroids = restored(readFileSync(join(folder, 'areas.bin')), areas, model.dimensions)
  }

  static #loaded: Atlas | undefined

  /** The map that comes with the package. @throws PaperkinError `embedder-unavailable` where its files are not there */
  static load(): Atlas {
    if (Atlas.#loaded === undefined) {
      try {
        Atlas.#loaded = new Atlas(dirname(packageFile('#models/atlas/atlas.json')))
      } catch (cause) {
        const message = `The map of science cannot be read: ${(cause as Error).message}.`
        throw new PaperkinError('embedder-unavailable', message, { cause })
      }
    }
    return Atlas.#loaded
  }

  /** Number of areas. */
  get areas(): number {
    return this.nodes.length - this.firstArea
  }

  /** Whether vectors of an embedder lie in the space of the centroids. */
  isOf(embedder: { readonly modelId: string; readonly revision?: string | undefined } | undefined): boolean {
    return embedder?.modelId === this.model.id && embedder.revision === this.model.revision
  }

  /** What is known of a term, in any of its spellings. */
  term(term: string): AtlasTerm | undefined {
    this.#terms ??= readTerms(join(this.#folder, 'terms.txt'))
    const [df, topicality] = this.#terms.get(termKey(term))?.split('\t') ?? []
    return topicality === undefined ? undefined : { df: Number(df), topicality: Number(topicality) }
  }

  /**
   * The areas of rows, `rows × dimensions` unit vectors.
   * @param rest called now and then, so that other work has its turn
   */
  async memberships(vectors: Float32Array, rest: () => Promise<void> | undefined): Promise<Memberships> {
    const { dimensions } = this.model
    const rows = vectors.length / dimensions
    const width = Math.min(kept, this.areas)
    const area = new Int32Array(rows * width)
    const share = new Float64Array(rows * width)
    const similarity = new Float64Array(rows)
    const cosines = new Float64Array(this.areas)
    for (let row = 0; row < rows; row++) {
      this.#compare(vectors, row * dimensions, cosines)
      const from = row * width
      takeMost(cosines, { width, into: area, from })
      const best = cosines[area[from]]
      let sum = 0
      for (let i = 0; i < width; i++) {
        share[from + i] = Math.exp((cosines[area[from + i]] - best) / temperature)
        sum += share[from + i]
      }
      for (let i = 0; i < width; i++) share[from + i] /= sum
      similarity[row] = best
      const pause = row % 8 === 7 ? rest() : undefined
      if (pause) await pause
    }
    return { rows, width, area, share, similarity }
  }

  /** The `k` areas nearest to a unit vector, the nearest first; none that is not near. */
  areasOf(vector: Float32Array, k: number): readonly PaperArea[] {
    const cosines = new Float64Array(this.areas)
    this.#compare(vector, 0, cosines)
    const best = new Int32Array(Math.min(k, this.areas))
    takeMost(cosines, { width: best.length, into: best, from: 0 })
    return Array.from(best, (area) => this.place(area, cosines[area])).filter((place) => place !== undefined)
  }

  /** Whether a name is one of the tree, in whatever case. */
  has(name: string): boolean {
    return this.nodes.some((node) => node.name.toLowerCase() === name.toLowerCase())
  }

  /** The area of a number and a similarity with the names above it; undefined where that is not near. */
  place(area: number, similarity: number): PaperArea | undefined {
    if (!(similarity >= leastToName)) return undefined
    const node = this.firstArea + area
    return {
      area: this.nodes[node].name,
      field: this.nodes[this.above(node, 'field')].name,
      discipline: this.nodes[this.above(node, 'discipline')].name,
      similarity,
    }
  }

  /** The node of a level above a node, or the node itself; -1 where there is none. */
  above(node: number, level: AtlasLevel): number {
    let at = node
    while (at >= 0 && this.nodes[at].level !== level) at = this.nodes[at].parent
    return at
  }

  /** Whether a node is another one or stands below it; -1 is within none. */
  isWithin(node: number, outer: number): boolean {
    let at = node
    while (at >= 0 && at !== outer) at = this.nodes[at].parent
    return at >= 0
  }

  #compare(vectors: Float32Array, from: number, cosines: Float64Array): void {
    const { dimensions } = this.model
    const centroids = this.#centroids
    for (let area = 0, at = 0; area < cosines.length; area++) {
      let sum = 0
      for (let d = 0; d < dimensions; d++) sum += vectors[from + d] * centroids[at++]
      cosines[area] = sum
    }
  }
}

/** The places of the `width` largest values, largest first, ties by place. */
function takeMost(
  values: Float64Array,
  { width, into, from }: { readonly width: number; readonly into: Int32Array; readonly from: number },
): void {
  let found = 0
  for (let place = 0; place < values.length; place++) {
    if (found === width && values[place] <= values[into[from + width - 1]]) continue
    let at = found < width ? found++ : width - 1
    for (; at > 0 && values[into[from + at - 1]] < values[place]; at--) into[from + at] = into[from + at - 1]
    into[from + at] = place
  }
}

/** Unit rows out of 8-bit integers. */
function restored(bytes: Buffer, rows: number, width: number): Float32Array {
  const values = new Float32Array(rows * width)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let row = 0; row < rows; row++) {
    const scale = view.getFloat32(4 * row, true)
    for (let d = 0, at = 4 * rows + row * width; d < width; d++) values[row * width + d] = view.getInt8(at + d) * scale
  }
  return values
}

/** Terms with their lines' ends, which are taken apart only where a term is asked for. */
function readTerms(path: string): ReadonlyMap<string, string> {
  const text = readFileSync(path, 'utf8')
  const terms = new Map<string, string>()
  for (let start = 0; start < text.length; ) {
    const tab = text.indexOf('\t', start)
    const end = text.indexOf('\n', tab)
    terms.set(text.slice(start, tab), text.slice(tab + 1, end))
    start = end + 1
  }
  return terms
}
