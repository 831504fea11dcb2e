// Implements `add`: separates new, changed and unchanged papers, and commits them batch by batch.
import { availableParallelism } from 'node:os'
import { createProgress, type Embedder, type EmbedProgress, embedKeyed } from '../../embedding/embedder.ts'
import { PaperkinError, type PaperkinIssue, show } from '../../errors.ts'
import type { CountedDocument } from '../../lexical/term-counts.ts'
import { type Paper, type PaperInput, paperText, toPaper } from '../../paper.ts'
import { timeSlice } from '../../runtime/time-slice.ts'
import { unitRows, type VectorsInput } from '../../vectors/unit-rows.ts'
import { type Storage, type StoredPaper, type StoredVector, textKeys, vectorKey } from '../storage/storage.ts'
import type { Collection, PaperChange } from './collection.ts'
import { givenPaper } from './find-papers.ts'

export interface AddOptions {
  /**
   * Your own vectors in place of the embedder's: one per paper, in the order of the papers. They are scaled to unit
   * length. A paper keeps its vector until its text changes or another vector is given. The arrays must not change
   * until the call ends. @default the texts are embedded
   */
  readonly vectors?: VectorsInput | undefined
  /**
   * Whether a known paper keeps fields that its new record lacks. If false, the new record replaces the old one, and
   * {@link AddResult.lostFields} lists the fields that were lost. @default false
   */
  readonly merge?: boolean | undefined
  /** Rejects with `signal.reason`. A library in memory is then unchanged; one on disk keeps the committed batches. */
  readonly signal?: AbortSignal | undefined
  /**
   * Progress over the papers with a new text or vector. On disk, papers are reported as done once they are committed.
   */
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined
}

/** A paper whose text was longer than the model's limit. */
export interface TruncatedPaper {
  readonly id: string
  /** Word pieces of the whole text. */
  readonly tokens: number
  /** Word pieces at its end that were not embedded. */
  readonly cut: number
  /** True if both numbers are estimated from the start of a very long text. */
  readonly estimated?: true
}

/** Fields that a paper had and its new record lacks. */
export interface LostFields {
  readonly id: string
  readonly fields: readonly string[]
}

/** The result of `add`; ids in the order given. */
export interface AddResult {
  readonly added: readonly string[]
  /** Known ids with a different title, abstract, other field or given vector. */
  readonly updated: readonly string[]
  readonly unchanged: readonly string[]
  /** Known papers that lost fields, such as `abstract` or `extra.doi`, because their new record lacks them. */
  readonly lostFields: readonly LostFields[]
  readonly truncated: readonly TruncatedPaper[]
  /** Papers without an abstract, embedded from the title alone. */
  readonly titleOnly: readonly string[]
}

/** Smallest batch on disk, in papers: several per thread of the model, so that no thread waits for the others. */
const leastBatch = Math.max(16, 4 * availableParallelism())
/** Batches are sized to take about half a second, up to `mostBatch` papers. */
const mostBatch = 2048
const batchMilliseconds = 500

/** Papers compared with their stored versions per read. */
const comparedAtOnce = 512

/** A new or changed paper, with its given vector. */
interface Item {
  readonly paper: Paper
  /** Whether the text or the vector is new. */
  readonly isFresh: boolean
  readonly given: Float32Array | undefined
}

/** What adding needs of a library: a collection, or the papers that are named. */
export interface Adding extends Pick<Collection, 'kept' | 'dimensions' | 'read'> {
  readonly storage: Storage
  /** Words are counted for collections that hold them. */
  readonly lexical: { count(paper: Paper): CountedDocument }
  /** Vectors of the papers in {@link Adding.kept}, by row. */
  snapshot(): { vector(row: number): Float32Array | undefined }
  /** Makes papers with some ids known; a collection knows all. */
  know?(
    ids: readonly string[],
    options: { readonly withVectors: boolean; readonly signal: AbortSignal | undefined },
  ): Promise<void>
  commit(change: { readonly papers: readonly PaperChange[] }): Promise<void>
}

/** See `PaperLibrary.add`. */
export async function addPapers(
  collection: Adding,
  papers: readonly PaperInput[],
  options: AddOptions & { readonly embedder: Embedder | undefined; readonly requireOpen: () => void },
): Promise<AddResult> {
  const { vectors, signal, onProgress, embedder, requireOpen } = options
  const slice = timeSlice(signal)
  const dimensions = collection.dimensions ?? widthOf(vectors, papers.length)
  const units = vectors === undefined ? undefined : await unitRows(vectors, { dimensions, name: 'vectors', slice })
  if (units !== undefined && units.length !== papers.length * dimensions)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`vectors\` to hold one for each of the ${papers.length} papers, got ${units.length / dimensions}.`,
    )
  const vectorOf = (place: number) => units?.subarray(place * dimensions, (place + 1) * dimensions)
  const given = await checkPapers(papers, { vectorOf, signal })
  const added: string[] = []
  const updated: string[] = []
  const unchanged: string[] = []
  const lostFields: LostFields[] = []
  const titleOnly: string[] = []
  const items: Item[] = []
  await collection.know?.([...given.keys()], { withVectors: units !== undefined, signal })
  const snapshot = collection.snapshot()
  const records = [...given.values()]
  for (let start = 0; start < records.length; start += comparedAtOnce) {
    const part = records.slice(start, start + comparedAtOnce)
    const kept = part.map(({ paper }) => collection.kept.get(paper.id))
    await collection.read(
      kept.filter((one) => one !== undefined),
      { signal },
    )
    for (const [i, { paper: record, place }] of part.entries()) {
      if (slice.due()) await slice.rest()
      const known = kept[i]?.cached
      const paper = known !== undefined && options.merge ? merged(known, record) : record
      if (paper.titleOnly) titleOnly.push(paper.id)
      const vector = vectorOf(place)
      const isFresh =
        known === undefined ||
        known.title !== paper.title ||
        known.abstract !== paper.abstract ||
        (vector !== undefined && !isAlike(vector, snapshot.vector((kept[i] as StoredPaper).row)))
      if (known !== undefined && !isFresh && isSame(known, paper)) {
        unchanged.push(paper.id)
        continue
      }
      ;(known === undefined ? added : updated).push(paper.id)
      const fields = known === undefined ? [] : lost(known, paper)
      if (fields.length > 0) lostFields.push(Object.freeze({ id: paper.id, fields: Object.freeze(fields) }))
      items.push({ paper, isFresh, given: vector })
    }
  }
  const fresh = items.filter(({ isFresh }) => isFresh).length
  if (fresh > 0 && units === undefined && embedder === undefined)
    throw new PaperkinError(
      'embedder-unavailable',
      `Expected \`vectors\`, as this library has no embedder and ${fresh} of the papers are new: pass one for each paper.`,
    )
  const truncated: TruncatedPaper[] = []
  const { isDurable } = collection.storage
  const keyOf = isDurable && embedder ? textKeys(embedder) : undefined
  const progress = createProgress(fresh, isDurable ? onProgress : undefined)
  let counted: Promise<void> = Promise.resolve()
  const prepare = (part: readonly Item[]) => {
    const before = counted
    let done = () => {}
    counted = new Promise((resolve) => {
      done = resolve
    })
    const turn = { before, done }
    return prepareBatch(collection, part, {
      embedder,
      keyOf,
      turn,
      signal,
      onProgress: isDurable ? undefined : onProgress,
    }).finally(done)
  }
  let size = isDurable ? leastBatch : items.length
  let start = 0
  // The model works on the next batch while one is written, and while the last texts of one are embedded.
  const under: Promise<{ readonly changes: PaperChange[]; readonly known: number }>[] = []
  const begin = () => {
    while (under.length < 2 && start < items.length) {
      const batch = prepare(items.slice(start, start + size))
      // If an earlier batch fails, this one is never awaited.
      batch.catch(() => {})
      under.push(batch)
      start += size
    }
  }
  begin()
  for (let batch = under[0]; batch !== undefined; batch = under[0]) {
    const started = performance.now()
    const { changes, known } = await batch
    void under.shift()
    const wait = performance.now() - started
    if (isDurable) {
      const grown = wait < batchMilliseconds / 2 ? 2 * size : wait > 2 * batchMilliseconds ? Math.ceil(size / 2) : size
      size = Math.max(leastBatch, Math.min(mostBatch, grown))
    }
    begin()
    signal?.throwIfAborted()
    requireOpen()
    await collection.commit({ papers: changes })
    for (const { paper, fresh } of changes)
      if (fresh?.truncation) truncated.push(Object.freeze({ id: paper.id, ...fresh.truncation }))
    progress.known(known)
    progress.embedded(changes.filter(({ fresh }) => fresh !== undefined).length - known)
  }
  progress.end()
  return Object.freeze({
    added: Object.freeze(added),
    updated: Object.freeze(updated),
    unchanged: Object.freeze(unchanged),
    lostFields: Object.freeze(lostFields),
    truncated: Object.freeze(truncated),
    titleOnly: Object.freeze(titleOnly),
  })
}

/** The vector of a paper, with its key if the storage is durable. */
type Found = Omit<StoredVector, 'key'> & { readonly key: StoredVector['key'] | undefined }

/** Embeds the new texts of a batch and counts their words; `known` is the number of vectors found in the storage. */
async function prepareBatch(
  collection: Adding,
  items: readonly Item[],
  options: {
    readonly embedder: Embedder | undefined
    /** Set if the storage is durable. */
    readonly keyOf: ((text: string) => Buffer) | undefined
    /**
     * Serialises word counting: terms are numbered and summed in the order of the papers, whichever batch is faster.
     */
    readonly turn: { readonly before: Promise<void>; readonly done: () => void }
    readonly signal: AbortSignal | undefined
    readonly onProgress: AddOptions['onProgress']
  },
): Promise<{ readonly changes: PaperChange[]; readonly known: number }> {
  const { embedder, keyOf, turn, signal, onProgress } = options
  const { storage } = collection
  const slice = timeSlice(signal)
  const fresh = items.filter(({ isFresh }) => isFresh)
  const texts = fresh.map(({ paper }) => paperText(paper))
  const keys = fresh.map(({ given }, i) => {
    if (given !== undefined) return storage.isDurable ? vectorKey(given) : undefined
    return keyOf?.(texts[i] as string)
  })
  // Given vectors need no lookup; those of texts may be stored.
  const asked = [...keys.keys()].filter((i) => fresh[i]?.given === undefined && keys[i] !== undefined)
  const stored =
    asked.length === 0
      ? []
      : await storage.readVectors(
          asked.map((i) => keys[i] as Buffer),
          { signal },
        )
  const knownVectors = new Map(asked.flatMap((i, j) => (stored[j] === undefined ? [] : [[i, stored[j]]])))
  const known = knownVectors.size
  const missing: number[] = []
  const found = fresh.map(({ given }, i): Found => {
    const vector = given ?? knownVectors.get(i)?.vector
    if (vector === undefined) missing.push(i)
    const truncation = knownVectors.get(i)?.truncation
    return { key: keys[i], vector: vector ?? new Float32Array(0), ...(truncation && { truncation }) }
  })
  // The embedder's cache uses the same keys.
  const byText = new Map(texts.map((text, i) => [text, keys[i]]))
  const embed =
    embedder &&
    (keyOf === undefined
      ? embedder.embed.bind(embedder)
      : embedKeyed(embedder, (text) => (byText.get(text) ?? keyOf(text)).toString('base64url')))
  const embedding = embed?.(
    missing.map((i) => texts[i] as string),
    {
      inputType: 'document',
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      onTruncated: ({ index, ...truncation }) => {
        const i = missing[index] as number
        found[i] = { ...(found[i] as Found), truncation }
      },
    },
  )
  // Words are counted in slices while the model works in its own threads.
  const counting = (async () => {
    await turn.before
    const counted: CountedDocument[] = []
    for (const { paper } of fresh) {
      counted.push(collection.lexical.count(paper))
      if (slice.due()) await slice.rest()
    }
    turn.done()
    return counted
  })()
  const [vectors = [], counted] = await Promise.all([embedding, counting])
  for (const [place, i] of missing.entries())
    found[i] = { ...(found[i] as Found), vector: vectors[place] as Float32Array }
  let next = 0
  const changes = items.map(({ paper, isFresh }): PaperChange => {
    if (!isFresh) return { paper }
    const i = next++
    return { paper, fresh: { counted: counted[i] as CountedDocument, ...(found[i] as Found) } }
  })
  return { changes, known }
}

/** Width of the first vectors of a library, given per paper or as one flat array. */
function widthOf(vectors: VectorsInput | undefined, papers: number): number {
  const width = vectors instanceof Float32Array ? vectors.length / papers : vectors?.[0]?.length
  return width !== undefined && Number.isInteger(width) && width > 0 ? width : 1
}

function isAlike(one: ArrayLike<number> | undefined, other: ArrayLike<number> | undefined): boolean {
  if (one?.length !== other?.length) return false
  for (let d = 0; d < (one?.length ?? 0); d++) if (one?.[d] !== other?.[d]) return false
  return true
}

/** Checks the records and returns papers by id with their places; equal records with the same id count once. */
async function checkPapers(
  records: readonly PaperInput[],
  options: { readonly vectorOf: (place: number) => Float32Array | undefined; readonly signal: AbortSignal | undefined },
): Promise<Map<string, { readonly paper: Paper; readonly place: number }>> {
  const { vectorOf, signal } = options
  const papers = new Map<string, { readonly paper: Paper; readonly place: number }>()
  const issues: PaperkinIssue[] = []
  const slice = timeSlice(signal)
  for (const [place, record] of records.entries()) {
    if (slice.due()) await slice.rest()
    let paper: Paper
    try {
      paper = givenPaper(record)
    } catch (error) {
      if (!PaperkinError.isInstance(error)) throw error
      for (const { message, path = [] } of error.issues)
        issues.push({
          message: `papers[${place}] ${path.length > 0 ? `has a bad \`${path.join('.')}\`: ` : ''}${message}`,
          path: [place, ...path],
        })
      continue
    }
    const other = papers.get(paper.id)
    if (other === undefined) {
      papers.set(paper.id, { paper, place })
      continue
    }
    const differing = [
      ...(other.paper.title === paper.title && other.paper.abstract === paper.abstract ? [] : ['texts']),
      ...(isAlike(vectorOf(other.place), vectorOf(place)) ? [] : ['vectors']),
    ]
    if (differing.length > 0)
      issues.push({
        message: `papers[${other.place}] and papers[${place}] have the same id, ${show(paper.id)}, but different ${differing.join(' and ')}`,
        path: [place, 'id'],
      })
  }
  const [first] = issues
  if (first !== undefined) {
    const others =
      issues.length > 1 ? ` (and ${issues.length - 1} more such ${issues.length === 2 ? 'problem' : 'problems'})` : ''
    throw new PaperkinError(
      'invalid-paper',
      `${first.message}${others}: nothing was added; correct or leave out these records.`,
      { issues },
    )
  }
  return papers
}

const byName = (paper: Paper) => Object.entries(paper).sort(([a], [b]) => (a < b ? -1 : 1))

function isSame(a: Paper, b: Paper): boolean {
  return JSON.stringify(byName(a)) === JSON.stringify(byName(b))
}

/** Names of the non-empty fields of a paper; those of `extra` one by one. */
function fieldsOf({ id: _, titleOnly: __, extra = {}, ...fields }: Paper): string[] {
  const named = Object.entries(fields).flatMap(([name, value]) => (value === '' || value === undefined ? [] : [name]))
  return [...named, ...Object.keys(extra).map((name) => `extra.${name}`)]
}

function lost(before: Paper, after: Paper): string[] {
  const left = new Set(fieldsOf(after))
  return fieldsOf(before).filter((name) => !left.has(name))
}

/** A paper with missing fields filled in from an earlier record. */
function merged(before: Paper, { titleOnly: _, ...after }: Paper): Paper {
  const { titleOnly: __, ...kept } = before
  const given = Object.entries(after).filter(([, value]) => value !== '' && value !== undefined)
  return toPaper({ ...kept, ...Object.fromEntries(given), extra: { ...before.extra, ...after.extra } })
}
