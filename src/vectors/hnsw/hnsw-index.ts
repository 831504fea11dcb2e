// An exact index with an HNSW graph (Malkov and Yashunin 2018) by hnswlib. A worker thread builds the graph and hands
// it over as a file; it never changes afterwards. Rows added since are scored one by one, removed rows are skipped, and
// once either are many, a worker extends or rebuilds the graph. So a snapshot is an exact snapshot and a graph. A label
// of the graph stands for the vector written at `stamps[label]` under `rows[label]`. Like everything else, the graph's
// results are ranked by float64 products.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PaperkinError, requireInteger } from '../../errors.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { inBackground } from '../background.ts'
import { ExactIndex } from '../exact-index.ts'
import type { ExactSnapshot, ExactState } from '../exact-snapshot.ts'
import { readGraphFile, writeGraphFile } from './graph-file.ts'
import { firstAfter, type Graph, HnswSnapshot, isCurrent, liveCount } from './hnsw-snapshot.ts'
import { type GraphParameters, type Hnswlib, loadHnswlib } from './hnswlib.ts'

export interface HnswOptions extends Partial<GraphParameters> {
  /** Links per row. @default 16 */
  readonly m?: number
  /** Candidates considered when a row is linked. @default 200 */
  readonly efConstruction?: number
  /** Candidates considered in a search: more give better recall and take longer. @default 64 */
  readonly efSearch?: number
  /** Seed of the random layers of rows. @default 0 */
  readonly seed?: number
  /** Rows from which a graph is built automatically. @default 2,000 */
  readonly graphFrom?: number
  /** Whether to stay exact, instead of throwing, if hnswlib-node is missing. @default false */
  readonly isOptional?: boolean
}

/** Rows added since, or removed, as a share of the graph's rows, above which it is updated. */
const maxOutsideShare = 0.2
const minOutsideRows = 1000

/** Approximate search in logarithmic time. Holds about `9 × dimensions + 8 × m + 60` bytes per row. */
export class HnswIndex extends ExactIndex {
  readonly parameters: Readonly<GraphParameters & { readonly efSearch: number }>
  #hnswlib: Hnswlib | undefined
  readonly #graphFrom: number
  readonly #closing = new AbortController()
  #graph: Graph | undefined
  #current: HnswSnapshot | undefined
  #building: Promise<void> | undefined
  #stopBuilding = new AbortController()
  #isLoading = false
  #failure: unknown

  /**
   * @throws PaperkinError `index-unavailable` if hnswlib-node is not installed or not compiled, with the command that
   * fixes it; `invalid-argument` for an invalid option
   */
  constructor(dimensions: number, options: HnswOptions = {}) {
    super(dimensions)
    this.parameters = Object.freeze({
      m: requireInteger('m', options.m ?? 16, 2, 512),
      efConstruction: requireInteger('efConstruction', options.efConstruction ?? 200, 1, 100_000),
      efSearch: requireInteger('efSearch', options.efSearch ?? 64, 1, 100_000),
      seed: requireInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    })
    this.#graphFrom = requireInteger('graphFrom', options.graphFrom ?? 2000, 1)
    if (options.isOptional !== true) this.#hnswlib = loadHnswlib()
  }

  /** `'hnsw'` once a graph exists. */
  override get kind(): 'exact' | 'hnsw' {
    return this.#graph === undefined ? 'exact' : 'hnsw'
  }

  override snapshot(): ExactSnapshot {
    const snapshot = super.snapshot()
    if (this.#graph === undefined) return snapshot
    if (this.#current?.state !== snapshot.state) this.#current = new HnswSnapshot(snapshot.state, this.#graph)
    return this.#current
  }

  /**
   * Brings the graph up to date with all rows now, in a worker thread, while searches continue. Otherwise this happens
   * automatically once enough rows have been added or removed.
   * @throws PaperkinError `index-unavailable` if the thread cannot build it
   */
  async build(): Promise<void> {
    await this.#idle()
    const { state } = super.snapshot()
    const graph = this.#graph
    if (state.size === 0) return
    const isRebuild = graph === undefined || this.#outside() === 'rebuild'
    if (!isRebuild && liveCount(state, firstAfter(state, graph.lastStamp)) === 0) return
    await this.#begin(isRebuild ? undefined : graph, { isAwaited: true })
    this.#failure = undefined
  }

  /** As in every index; after a failure no build starts automatically. */
  override get failure(): unknown {
    return this.#failure
  }

  /**
   * Updates the graph and writes it to a file. {@link load} needs the vectors too, which must be stored elsewhere.
   * @throws PaperkinError `invalid-argument` for an empty index
   */
  async save(path: string): Promise<void> {
    if (this.size === 0) throw new PaperkinError('invalid-argument', 'Expected rows to save, the index has none.')
    await this.build()
    const { native, rows, stamps } = this.#graph as Graph
    const snapshot = super.snapshot()
    // Rows removed from the index since the graph was built become -1.
    const saved = rows.map((row, label) => (isCurrent(snapshot, row, stamps[label]!) ? row : -1))
    await inTemporaryFolder(async (folder) => {
      const payload = join(folder, 'graph')
      await native.writeIndex(payload)
      const vectors = await fingerprint(snapshot, saved)
      const header = { dimensions: this.dimensions, count: saved.length, ...this.parameters, vectors }
      await writeGraphFile(path, { header, rows: saved, payload })
    })
  }

  /**
   * Loads a saved graph for the rows in the index, instead of building one.
   * @throws PaperkinError `corrupt-store` if the file is damaged; `store-mismatch` if its width, parameters, rows or
   * vectors differ from those of the index
   */
  async load(path: string): Promise<void> {
    this.#isLoading = true
    try {
      this.#stopBuilding.abort()
      await this.#idle()
      await inTemporaryFolder((folder) => this.#load(path, folder))
    } finally {
      this.#isLoading = false
      this.published()
    }
  }

  async #load(path: string, folder: string): Promise<void> {
    const snapshot = super.snapshot()
    const { state } = snapshot
    const payload = join(folder, 'graph')
    const { header, rows } = await readGraphFile(path, payload)
    const mismatch = (what: string) =>
      new PaperkinError('store-mismatch', `Expected ${path} to belong to this index, but ${what}: build it again.`)
    if (header.dimensions !== this.dimensions)
      throw mismatch(`its vectors have ${header.dimensions} dimensions, not ${this.dimensions}`)
    for (const name of ['m', 'efConstruction', 'seed'] as const)
      if (header[name] !== this.parameters[name])
        throw mismatch(`it was built with ${name} ${header[name]}, not ${this.parameters[name]}`)
    const present = rows.filter((row) => row >= 0)
    if (present.length !== state.size || !present.every((row) => snapshot.has(row)))
      throw mismatch(`its ${present.length} rows are not the ${state.size} of the index`)
    if ((await fingerprint(snapshot, rows)) !== header.vectors) throw mismatch('the vectors of its rows differ')
    const stamps = Uint32Array.from(rows, (row) => (row < 0 ? 0 : state.stampOf[snapshot.position(row)]!))
    await this.#adopt(payload, { rows, stamps, lastStamp: lastStamp(state) })
  }

  override async close(): Promise<void> {
    this.#closing.abort()
    await this.#building
    await super.close()
  }

  /** Waits for a build in progress, and keeps the process alive meanwhile. */
  async #idle(): Promise<void> {
    const alive = setInterval(() => {}, 2 ** 30)
    try {
      while (this.#building !== undefined) await this.#building
    } finally {
      clearInterval(alive)
    }
  }

  protected override published(): void {
    const isBusy = this.#building !== undefined || this.#isLoading || this.#closing.signal.aborted
    if (isBusy || this.#failure !== undefined) return
    const outside = this.#outside()
    if (outside === 'few') return
    this.#begin(outside === 'rebuild' ? undefined : this.#graph, { isAwaited: false }).catch((error: unknown) => {
      if (!this.#stopBuilding.signal.aborted && !this.#closing.signal.aborted) this.#failure = error
    })
  }

  /** Whether the graph should be rebuilt or extended. */
  #outside(): 'few' | 'extend' | 'rebuild' {
    const { state } = super.snapshot()
    if (state.size < this.#graphFrom) return 'few'
    if (this.#graph === undefined) return 'rebuild'
    const { rows, lastStamp } = this.#graph
    const added = liveCount(state, firstAfter(state, lastStamp))
    const gone = rows.length - (state.size - added)
    const most = Math.max(minOutsideRows, maxOutsideShare * rows.length)
    return gone > most ? 'rebuild' : added > most ? 'extend' : 'few'
  }

  #begin(from: Graph | undefined, options: { readonly isAwaited: boolean }): Promise<void> {
    this.#stopBuilding = new AbortController()
    const built = this.#construct(from, options)
    this.#building = built
      .catch(() => {})
      .then(() => {
        this.#building = undefined
        this.published()
      })
    return built
  }

  /** @param isAwaited whether a caller waits for it, so that it keeps the process alive */
  async #construct(from: Graph | undefined, { isAwaited }: { readonly isAwaited: boolean }): Promise<void> {
    this.#hnswlib ??= loadHnswlib()
    const { dimensions } = this
    const { m, efConstruction, seed } = this.parameters
    const snapshot = super.snapshot()
    const { state } = snapshot
    const positions: number[] = []
    for (let position = from === undefined ? 0 : firstAfter(state, from.lastStamp); position < state.count; position++)
      if (state.rowOf[position]! >= 0) positions.push(position)
    const rows = Int32Array.from(positions, (position) => state.rowOf[position]!)
    const stamps = Uint32Array.from(positions, (position) => state.stampOf[position]!)
    // Read from a snapshot: the index may change meanwhile.
    const values = await snapshot.vectors(rows)
    await inTemporaryFolder(async (folder) => {
      const old = join(folder, 'old')
      const to = join(folder, 'graph')
      if (from !== undefined) await from.native.writeIndex(old)
      await inBackground(
        'hnsw',
        {
          dimensions,
          m,
          efConstruction,
          seed,
          to,
          ...(from === undefined ? { first: 0 } : { first: from.rows.length, from: old }),
        },
        {
          values,
          thread: 'hnsw',
          signal: AbortSignal.any([this.#closing.signal, this.#stopBuilding.signal]),
          keepsProcessAlive: isAwaited,
        },
      )
      await this.#adopt(to, {
        rows: from === undefined ? rows : joined(from.rows, rows),
        stamps: from === undefined ? stamps : joined(from.stamps, stamps),
        lastStamp: lastStamp(state),
      })
    })
  }

  /** Reads hnswlib's own file and uses it for later searches. */
  async #adopt(payload: string, graph: Omit<Graph, 'native' | 'efSearch'>): Promise<void> {
    this.#hnswlib ??= loadHnswlib()
    const native = new this.#hnswlib.HierarchicalNSW('ip', this.dimensions)
    await native.readIndex(payload)
    this.#graph = { native, efSearch: this.parameters.efSearch, ...graph }
    this.#current = undefined
  }
}

function lastStamp({ stampOf, count }: ExactState): number {
  return count === 0 ? 0 : stampOf[count - 1]!
}

function joined<Values extends Int32Array | Uint32Array>(first: Values, second: Values): Values {
  const both = new (first.constructor as new (length: number) => Values)(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

/** SHA-256 (hex) of the rows, and of the vectors of those that are not -1. */
async function fingerprint(snapshot: ExactSnapshot, rows: Int32Array): Promise<string> {
  const hash = createHash('sha256')
  const slice = timeSlice(undefined)
  for (let first = 0; first < rows.length; first += 256) {
    const part = rows.subarray(first, first + 256)
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
    const vectors = await snapshot.vectors(part.filter((row) => row >= 0))
    hash.update(new Uint8Array(vectors.buffer))
    if (slice.due()) await slice.rest()
  }
  return hash.digest('hex')
}

async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-'))
  const tidy = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', tidy)
  try {
    await work(folder)
  } finally {
    process.off('exit', tidy)
    await rm(folder, { recursive: true, force: true })
  }
}
