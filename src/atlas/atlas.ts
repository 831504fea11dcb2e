// A map of science: some 1,800 areas with a name, a centroid in the bundled model's space and a place in a tree
// (domain, discipline, division, field, area), and statistics of terms. Built by `scripts/build-atlas` from abstracts
// of arXiv and topics of OpenAlex. `models/atlas` holds atlas.json (the tree), areas.bin (centroids), weights.bin (a
// classifier of areas: one float32 bias per area, then weights), areas.txt (terms of each area) and
// terms.txt; each is read on first use. Rows of vectors are stored as one float32 scale per row, then 8-bit integers.
// In the space of another model the centroids are embeddings of texts: see atlas-space.ts.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { nearestName, PaperkinError } from '../errors.ts'
import { packageFile } from '../runtime/package-files.ts'
import { exactDot, RowDots } from '../vectors/kernels.ts'
import { TopK } from '../vectors/top-k.ts'
import { termKey } from './term-key.ts'

export const atlasLevels = ['domain', 'discipline', 'division', 'field', 'area'] as const
export type AtlasLevel = (typeof atlasLevels)[number]

/** A node of the tree. */
interface AtlasNode {
  readonly name: string
  readonly level: AtlasLevel
  /** Number of the node above it; -1 for a domain. */
  readonly parent: number
}

/** A paper's place on the map. */
export interface PaperArea {
  /** The most likely area. */
  readonly area: string
  readonly field: string
  readonly discipline: string
  /** -1 … 1: cosine of the paper and the area's centroid; with other models, mapped to the scale of the bundled one. */
  readonly similarity: number
}

/** Centroids in the space of another model. */
interface AtlasSpace {
  readonly model: { readonly id: string; readonly revision: string; readonly dimensions: number }
  /** `areas × dimensions` unit rows. */
  readonly centroids: Float32Array
  /** Map a cosine to the scale of the bundled model: `scale * cosine + shift`. */
  readonly scale: number
  readonly shift: number
  /** Softmax temperature on that scale, replacing the bundled model's. */
  readonly temperature: number
}

/** Statistics of a term of one to three words. */
interface AtlasTerm {
  /** Number of abstracts that have it, out of {@link Atlas.abstracts}. */
  readonly df: number
  /** Nats: how much more often than by chance two papers with it are of one field; 0 for words used in every field. */
  readonly topicality: number
}

/** The most likely areas of rows, with their probabilities. */
export interface Memberships {
  readonly rows: number
  /** Areas kept per row. */
  readonly width: number
  /** `rows × width` area numbers, most likely first. */
  readonly area: Int32Array
  /** `rows × width`: shares, which add up to 1 per row. */
  readonly share: Float64Array
  /** Cosine of each row to the centroid of its likeliest area. */
  readonly similarity: Float64Array
}

const kept = 16
/**
 * Below this cosine to its most likely area, a text is off the map. Among 753 abstracts from nine days the lowest is
 * .37, all but four are .55 or more; recipes, sport, small talk, invented sciences and other languages mostly have .25
 * to .47.
 */
export const leastSimilarity = 0.48
/**
 * Below this cosine to the most likely area, its name is not reported. Of 300 abstracts held out from the map, 12 are
 * below; of the 49 from here to .65 the area is wrong for 12, of the 239 above for 22.
 */
export const leastToName = 0.57

export class Atlas {
  /** Parents come before their children, areas last. */
  readonly nodes: readonly AtlasNode[]
  /** Number of the first area among the nodes. */
  readonly firstArea: number
  /** The model in whose space the centroids are. */
  readonly model: { readonly id: string; readonly revision: string; readonly dimensions: number }
  /** Number of abstracts in which terms were counted. */
  readonly abstracts: number
  /** `areas × dimensions` unit rows, row-major. */
  readonly #centroids: Float32Array
  /** Weights of the area classifier, with one more row for the vector to classify; and its biases. */
  readonly #weights: RowDots
  readonly #bias: Float32Array
  readonly #numbers: Int32Array
  readonly #space: Pick<AtlasSpace, 'scale' | 'shift'>
  readonly #folder: string
  #terms: ReadonlyMap<string, string> | undefined

  private constructor(folder: string, space?: AtlasSpace) {
    const { nodes, areas, model, abstracts } = JSON.parse(readFileSync(join(folder, 'atlas.json'), 'utf8')) as {
      readonly nodes: readonly (readonly [string, number, number])[]
      readonly areas: number
      readonly abstracts: number
      readonly model: Atlas['model']
    }
    this.nodes = nodes.map(([name, level, parent]) => ({ name, level: atlasLevels[level] as AtlasLevel, parent }))
    this.firstArea = nodes.length - areas
    this.model = space?.model ?? model
    this.#space = space ?? { scale: 1, shift: 0 }
    this.abstracts = abstracts
    this.#folder = folder
    this.#centroids = space?.centroids ?? restored(readFileSync(join(folder, 'areas.bin')), areas, model.dimensions)
    const { dimensions } = this.model
    this.#weights = RowDots.allocate((areas + 1) * dimensions, dimensions)
    this.#numbers = Int32Array.from({ length: areas }, (_, area) => area)
    if (space === undefined) {
      const weights = readFileSync(join(folder, 'weights.bin'))
      this.#bias = Float32Array.from(this.#numbers, (area) => weights.readFloatLE(4 * area))
      this.#weights.matrix.set(restored(weights.subarray(4 * areas), areas, dimensions))
    } else {
      this.#bias = new Float32Array(areas)
      this.#weights.matrix.set(space.centroids.map((value) => (value * space.scale) / space.temperature))
    }
  }

  /** The same map in the space of another model. */
  inSpace(space: AtlasSpace): Atlas {
    return new Atlas(this.#folder, space)
  }

  /** A text for each area: its name, its field, and its most characteristic terms. */
  areaTexts(): string[] {
    const lines = readFileSync(join(this.#folder, 'areas.txt'), 'utf8').split('\n')
    return this.nodes.slice(this.firstArea).map(({ name, parent }, area) => {
      const terms = lines[area] ? `: ${lines[area]}` : ''
      return `${name}. ${this.nodes[parent]!.name}${terms}`
    })
  }

  static #loaded: Atlas | undefined

  /** The map bundled with the package. @throws PaperkinError `embedder-unavailable` if its files cannot be read */
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

  /** Whether vectors of an embedder are in the space of the centroids. */
  isOf(embedder: { readonly modelId: string; readonly revision?: string | undefined } | undefined): boolean {
    return embedder?.modelId === this.model.id && embedder.revision === this.model.revision
  }

  /** Whether the centroids are means of papers, in the bundled model's space, and not embeddings of texts. */
  get isMeasured(): boolean {
    return this.#space.scale === 1
  }

  /** Maps a cosine in the space of the map to the scale of the bundled model. */
  toScale(cosine: number): number {
    return this.#space.scale * cosine + this.#space.shift
  }

  /** Statistics of a term, in any of its spellings. */
  term(term: string): AtlasTerm | undefined {
    this.#terms ??= readTerms(join(this.#folder, 'terms.txt'))
    const [df, topicality] = this.#terms.get(termKey(term))?.split('\t') ?? []
    return topicality === undefined ? undefined : { df: Number(df), topicality: Number(topicality) }
  }

  /**
   * The areas of `rows × dimensions` unit vectors.
   * @param rest called every few rows, to let other work run
   */
  async memberships(vectors: Float32Array, rest: () => Promise<void> | undefined): Promise<Memberships> {
    const { dimensions } = this.model
    const rows = vectors.length / dimensions
    const width = Math.min(kept, this.areas)
    const area = new Int32Array(rows * width)
    const share = new Float64Array(rows * width)
    const similarity = new Float64Array(rows)
    const evidence = new Float64Array(this.areas)
    const best = new TopK(width)
    for (let row = 0; row < rows; row++) {
      const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions)
      this.#weigh(vector, evidence)
      const from = row * width
      best.clear()
      for (let other = 0; other < evidence.length; other++) best.offer(other, evidence[other]!)
      area.set(best.rows, from)
      const most = evidence[area[from]!]!
      let sum = 0
      for (let i = 0; i < width; i++) {
        share[from + i] = Math.exp(evidence[area[from + i]!]! - most)
        sum += share[from + i]!
      }
      for (let i = 0; i < width; i++) share[from + i]! /= sum
      similarity[row] = this.#cosine(vector, area[from]!)
      const pause = row % 8 === 7 ? rest() : undefined
      if (pause) await pause
    }
    return { rows, width, area, share, similarity }
  }

  /** The most likely area of a unit vector, and the cosine to its centroid. */
  likeliest(vector: Float32Array): { readonly area: number; readonly similarity: number } {
    const evidence = new Float64Array(this.areas)
    this.#weigh(vector, evidence)
    let area = 0
    for (let other = 1; other < evidence.length; other++) if (evidence[other]! > evidence[area]!) area = other
    return { area, similarity: this.#cosine(vector, area) }
  }

  /** The `k` most likely areas of a unit vector, most likely first, without those below {@link leastToName}. */
  areasOf(vector: Float32Array, k: number): readonly PaperArea[] {
    const evidence = new Float64Array(this.areas)
    this.#weigh(vector, evidence)
    const best = new TopK(Math.min(k, this.areas))
    for (let area = 0; area < evidence.length; area++) best.offer(area, evidence[area]!)
    return Array.from(best.rows, (area) => this.place(area, this.#cosine(vector, area))).filter(
      (place) => place !== undefined,
    )
  }

  /** Number of the node with a name, ignoring case; -1 if there is none. */
  find(name: string): number {
    const wanted = name.trim().toLowerCase()
    return this.nodes.findIndex((node) => node.name.toLowerCase() === wanted)
  }

  /** At most 5 suggestions for an unknown name: names that share its words, or else one with a similar spelling. */
  namesLike(name: string): readonly string[] {
    const words = name.toLowerCase().match(/\p{L}{3,}/gu) ?? []
    const sharing = this.nodes
      .map((node) => ({ node, words: words.filter((word) => node.name.toLowerCase().includes(word)).length }))
      .filter((one) => one.words > 0)
      .sort((a, b) => b.words - a.words)
      .map(({ node }) => node.name)
    const alike = nearestName(
      name,
      this.nodes.map((node) => node.name),
    )
    return [...new Set([...(sharing.length === 0 && alike !== undefined ? [alike] : []), ...sharing])].slice(0, 5)
  }

  /** The place of an area, with the names above it; undefined for a similarity below {@link leastToName}. */
  place(area: number, similarity: number): PaperArea | undefined {
    if (!(similarity >= leastToName)) return undefined
    const node = this.firstArea + area
    return {
      area: this.nodes[node]!.name,
      field: this.nodes[this.above(node, 'field')]!.name,
      discipline: this.nodes[this.above(node, 'discipline')]!.name,
      similarity,
    }
  }

  /** The node of a level above a node, or the node itself; -1 if there is none. */
  above(node: number, level: AtlasLevel): number {
    let at = node
    while (at >= 0 && this.nodes[at]!.level !== level) at = this.nodes[at]!.parent
    return at
  }

  /** Whether a node is `outer` or below it; -1 is within none. */
  isWithin(node: number, outer: number): boolean {
    let at = node
    while (at >= 0 && at !== outer) at = this.nodes[at]!.parent
    return at >= 0
  }

  /** Writes the logit of each area for a vector. */
  #weigh(vector: Float32Array, evidence: Float64Array): void {
    this.#weights.matrix.set(vector, this.areas * this.model.dimensions)
    this.#weights.products(this.areas, this.#numbers, evidence)
    for (let area = 0; area < evidence.length; area++) evidence[area]! += this.#bias[area]!
  }

  #cosine(vector: Float32Array, area: number): number {
    return this.toScale(exactDot(vector, 0, this.#centroids, area * vector.length, vector.length))
  }
}

/** Rows as stored in files and read by {@link restored}: one float32 scale per row, then 8-bit integers. */
export function packedRows(rows: readonly ArrayLike<number>[], dimensions: number): Buffer {
  const bytes = Buffer.alloc(rows.length * (4 + dimensions))
  for (const [i, row] of rows.entries()) {
    let most = 0
    for (let d = 0; d < dimensions; d++) most = Math.max(most, Math.abs(row[d]!))
    const scale = Math.fround(most / 127) || 1
    bytes.writeFloatLE(scale, 4 * i)
    for (let d = 0; d < dimensions; d++)
      bytes.writeInt8(Math.round(row[d]! / scale), 4 * rows.length + i * dimensions + d)
  }
  return bytes
}

/** Unpacks rows. */
export function restored(bytes: Buffer, rows: number, width: number): Float32Array {
  const values = new Float32Array(rows * width)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let row = 0; row < rows; row++) {
    const scale = view.getFloat32(4 * row, true)
    for (let d = 0, at = 4 * rows + row * width; d < width; d++) values[row * width + d] = view.getInt8(at + d) * scale
  }
  return values
}

/** Terms with the rest of their lines, which is parsed only on look-up. */
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
