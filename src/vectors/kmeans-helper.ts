// A second thread for k-means: it has a copy of the last rows, and looks at them again while the first thread looks at the
// others. What they tell each other lies in shared memory: one way the centroids with what belongs to them, the rows'
// clusters and, after products of matrices, their bounds; the other way the changes. No result depends on the helper:
// where it is not ready or gone, the first thread does all by itself.
import { availableParallelism } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { KMEANS_BLOCK, type KmeansRows, keepsBounds } from './kmeans-rows.ts'

/** Places in the control array. */
const READY = 0
const ASKED = 1
const ANSWERED = 2
const CHANGES = 3
const HAS_BOUNDS = 4
const IS_OVER = 5
const CONTROLS = 6

/** How long the helper waits before it hears messages, an abort among them. */
const DEAF_MS = 5
/** How long an answer, some milliseconds of work, is waited for. */
const PATIENCE_MS = 2000

/** What a helper shares: `helped` is the number of its rows. */
interface Sizes {
  readonly helped: number
  readonly columns: number
  readonly dimensions: number
}

/** Multiply-adds of one iteration from which a second thread is worth its start and its copy of the rows. */
const HELP_FROM = 1e8

/** Rows that a helper takes of n: half of them, or none where there is one core or little to do. */
export function helpedRows(n: number, { k, dimensions }: { readonly k: number; readonly dimensions: number }): number {
  const isWorth = n * k * dimensions >= HELP_FROM && keepsBounds({ n, k, dimensions })
  return isWorth && availableParallelism() > 1 ? Math.floor(n / 2) : 0
}

/** Memory to share with a helper. */
export function sharedMemory(sizes: Sizes): SharedArrayBuffer {
  return new SharedArrayBuffer(layout(sizes).bytes)
}

/** Ends a helper's work. */
export function dismissHelper(memory: SharedArrayBuffer): void {
  const control = new Int32Array(memory, 0, CONTROLS)
  Atomics.store(control, IS_OVER, 1)
  Atomics.notify(control, ASKED)
}

function layout({ helped, columns, dimensions }: Sizes) {
  const lengths = {
    control: CONTROLS,
    centroids: columns * dimensions,
    halves: columns,
    gains: columns,
    costs: columns,
    bounds: columns * helped,
    assignments: helped,
    changes: 2 * helped,
  }
  const starts = { ...lengths }
  let bytes = 0
  for (const name of Object.keys(lengths) as (keyof typeof lengths)[]) {
    starts[name] = bytes
    bytes += 4 * lengths[name]
  }
  return { lengths, starts, bytes }
}

function views(memory: SharedArrayBuffer, sizes: Sizes) {
  const { lengths, starts } = layout(sizes)
  const floats = (name: keyof typeof lengths) => new Float32Array(memory, starts[name], lengths[name])
  const integers = (name: keyof typeof lengths) => new Int32Array(memory, starts[name], lengths[name])
  return {
    control: integers('control'),
    centroids: floats('centroids'),
    halves: floats('halves'),
    gains: floats('gains'),
    costs: floats('costs'),
    bounds: floats('bounds'),
    assignments: integers('assignments'),
    changes: integers('changes'),
  }
}

/** The first thread's side. */
export class KmeansHelper {
  readonly #rows: KmeansRows
  readonly #shared: ReturnType<typeof views>
  /** The helper's first row. */
  readonly #first: number
  #hasBounds = false
  #isGone = false

  constructor(rows: KmeansRows, { memory, helped }: { readonly memory: SharedArrayBuffer; readonly helped: number }) {
    this.#rows = rows
    this.#shared = views(memory, { ...rows, helped })
    this.#first = rows.n - helped
  }

  /** Tells that products of matrices have filled all bounds anew. */
  renew(): void {
    this.#hasBounds = false
  }

  /** Sets the helper to work; returns the first of the rows that it looks at, their number where it looks at none. */
  ask(): number {
    const { n, columns, centroids, halves, gains, costs, bounds, assignments } = this.#rows
    const shared = this.#shared
    if (this.#isGone || Atomics.load(shared.control, READY) === 0) return n
    shared.centroids.set(centroids)
    shared.halves.set(halves)
    shared.gains.set(gains)
    shared.costs.set(costs)
    shared.assignments.set(assignments.subarray(this.#first))
    if (!this.#hasBounds) shared.bounds.set(bounds.subarray(this.#first * columns))
    Atomics.store(shared.control, HAS_BOUNDS, this.#hasBounds ? 1 : 0)
    this.#hasBounds = true
    Atomics.add(shared.control, ASKED, 1)
    Atomics.notify(shared.control, ASKED)
    return this.#first
  }

  /** Waits for the changes, pairs of a row and its new cluster; undefined where the helper is gone, and its bounds with it. */
  answer(): Int32Array | undefined {
    const { control, changes } = this.#shared
    const asked = Atomics.load(control, ASKED)
    const until = performance.now() + PATIENCE_MS
    for (;;) {
      const answered = Atomics.load(control, ANSWERED)
      if (answered === asked)
        return changes.subarray(0, control[CHANGES]).map((value, i) => (i % 2 === 0 ? value + this.#first : value))
      if (performance.now() > until) {
        this.#isGone = true
        return undefined
      }
      Atomics.wait(control, ANSWERED, answered, DEAF_MS)
    }
  }
}

/** The helper's side: answers until it is dismissed. `rows` are the last ones. */
export async function helpKmeans(
  rows: KmeansRows,
  { memory, signal }: { readonly memory: SharedArrayBuffer; readonly signal: AbortSignal },
): Promise<void> {
  const { control, ...shared } = views(memory, { ...rows, helped: rows.n })
  let answered = 0
  Atomics.store(control, READY, 1)
  while (Atomics.load(control, IS_OVER) === 0) {
    const asked = Atomics.load(control, ASKED)
    if (asked === answered) {
      if (Atomics.wait(control, ASKED, asked, DEAF_MS) === 'timed-out') {
        await nextTurn()
        signal.throwIfAborted()
      }
      continue
    }
    rows.centroids.set(shared.centroids)
    rows.halves.set(shared.halves)
    rows.gains.set(shared.gains)
    rows.costs.set(shared.costs)
    rows.assignments.set(shared.assignments)
    if (Atomics.load(control, HAS_BOUNDS) === 0) rows.bounds.set(shared.bounds)
    let written = 0
    for (let first = 0; first < rows.n; first += KMEANS_BLOCK) {
      const changes = rows.changes(first, Math.min(KMEANS_BLOCK, rows.n - first))
      shared.changes.set(changes, written)
      written += changes.length
    }
    control[CHANGES] = written
    answered = asked
    Atomics.store(control, ANSWERED, answered)
    Atomics.notify(control, ANSWERED)
  }
}
