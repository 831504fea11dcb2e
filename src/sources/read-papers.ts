// From sources to papers: opens each source, recognises its format, reads its records, makes them readable and checks them.
import { createHash } from 'node:crypto'
import { PaperkinError, requireInteger, requireOptions, requireText, show } from '../errors.ts'
import { derivedId, type Paper, toPaper, visible } from '../paper.ts'
import { timeSlice } from '../runtime/time-slice.ts'
import { type Markup, plainText } from '../text/plain-text.ts'
import type { Columns } from './delimited.ts'
import { isRecord, saysMissing } from './field-values.ts'
import { type Format, formats, recognize, type SourceFormat, sourceFormats, unknownStructure } from './formats.ts'
import { filesOf, type NamedSource, openSource, type ReadProgress } from './open-source.ts'
import { type Place, placeName, type Reading, type SourceProblem } from './reading.ts'

export interface ReadOptions {
  /**
   * Called for everything that is skipped or may be damaged; the rest is read. Without it a bad or doubtful record is an
   * error, and text that may not be a paper is skipped.
   */
  readonly onProblem?: (problem: SourceProblem) => void
  /** The format of all sources. @default recognised by the content of each */
  readonly format?: SourceFormat
  /** For CSV and TSV: the column of each field, by name, or by number from 1 if there is no header. @default guessed from the header */
  readonly columns?: Columns
  /** The year for a date line without one, 1000 … 9999. */
  readonly year?: number
  /** The name of the source in messages. @default the file's name */
  readonly name?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ReadProgress) => void
}

/** The format and papers of a source. */
export interface SourceSummary {
  /** The source's path or name. */
  readonly source: string
  readonly format: SourceFormat
  /** The kinds of its papers, such as `PubMed NBIB`, and the number of each. */
  readonly papers: readonly { readonly from: string; readonly count: number }[]
}

/** The content of a source. */
export interface Digest {
  readonly format: SourceFormat
  /** The format and papers of each source. */
  readonly sources: readonly SourceSummary[]
  /** The digest's date, ISO 8601; `--03-12` if neither it nor `year` gives the year. */
  readonly date?: string
  /** In the order of the source. */
  readonly papers: readonly Paper[]
  /** Possible abstracts of a page without a title, by the line on which they start. */
  readonly skipped: readonly { readonly line: number; readonly text: string }[]
}

/** A path of a file or of a folder (all files in it are read), or content with a name. */
export type PaperSource = string | NamedSource

/** Papers that need no reading; taken unchanged. */
export interface NamedPapers {
  readonly name: string
  readonly papers: AsyncIterable<Paper>
}

/**
 * Reads papers from one or more sources in any format, gzipped or not, one after the other and in bounded memory.
 * @throws PaperkinError without `onProblem`: `unreadable-source` for a source that has no papers, cannot be read or is cut
 * off, `invalid-paper` for a record that lacks what a paper needs; always: `invalid-argument`
 */
export async function* streamPapers(
  sources: PaperSource | readonly PaperSource[],
  options: ReadOptions = {},
): AsyncGenerator<Paper> {
  for await (const event of readSources(sources, options)) {
    if ('paper' in event) yield event.paper
    else if ('problem' in event) {
      if (options.onProblem !== undefined) options.onProblem(event.problem)
      else if (isError(event.problem)) throw problemError([event])
    }
  }
}

/**
 * Reads all papers of one or more sources into an array.
 * @throws PaperkinError as {@link streamPapers}; all bad records are in `issues`
 */
export async function readPapers(
  sources: PaperSource | readonly PaperSource[],
  options: ReadOptions = {},
): Promise<readonly Paper[]> {
  return (await collect(sources, options)).papers
}

/**
 * Reads one source, with its format and its date.
 * @throws PaperkinError as {@link readPapers}
 */
export async function readDigest(source: PaperSource, options: ReadOptions = {}): Promise<Digest> {
  return collect(source, options)
}

/**
 * Reads a text as {@link readDigest} reads a file.
 * @throws PaperkinError as {@link readPapers}
 */
export async function parseDigest(text: string, options: ReadOptions = {}): Promise<Digest> {
  if (typeof text !== 'string') throw new PaperkinError('invalid-argument', `Expected a text, got ${show(text)}.`)
  checkOptions(options)
  return collect({ name: options.name ?? 'the text', content: text }, options)
}

async function collect(sources: PaperSource | readonly PaperSource[], options: ReadOptions): Promise<Digest> {
  const papers: Paper[] = []
  const bad: ProblemEvent[] = []
  const skipped: { readonly line: number; readonly text: string }[] = []
  let format: SourceFormat = 'page'
  let date: string | undefined
  const summaries: SourceSummary[] = []
  for await (const event of readSources(sources, options)) {
    if ('paper' in event) papers.push(event.paper)
    else if ('summary' in event) summaries.push(event.summary)
    else if ('format' in event) format = event.format
    else if ('date' in event) date = event.date
    else {
      const { kind, line, text } = event.problem
      if (kind === 'passed-over' && line !== undefined && text !== undefined)
        skipped.push(Object.freeze({ line, text }))
      if (options.onProblem !== undefined) options.onProblem(event.problem)
      else if (isError(event.problem)) bad.push(event)
    }
  }
  if (bad.length > 0) throw problemError(bad)
  return Object.freeze({
    format,
    sources: Object.freeze(summaries),
    papers: Object.freeze(papers),
    skipped: Object.freeze(skipped),
    ...(date !== undefined && { date }),
  })
}

export interface ProblemEvent {
  readonly problem: SourceProblem
  /** The error to throw if problems are not handled. */
  readonly error?: PaperkinError
}

/** Whether a problem is an error if problems are not handled. */
export const isError = ({ kind }: SourceProblem) => kind === 'bad' || kind === 'doubtful'

/** What reading sources yields, in order. */
type SourceEvent =
  | { readonly source: string; readonly format: SourceFormat }
  | { readonly paper: Paper }
  /** After each source. */
  | { readonly summary: SourceSummary }
  | { readonly date: string }
  | ProblemEvent

/** Milliseconds after which reading yields to the event loop. */
const sliceMs = 15

interface SourceOptions extends ReadOptions {
  /** The papers that already have some ids in the target library: another paper with such a key is kept apart. */
  readonly holdersOf?: (ids: readonly string[]) => Promise<readonly (Paper | undefined)[]>
}

/** Reads sources one after the other; a source's problem is an event, and reading continues with the next source. */
export async function* readSources(
  sources: PaperSource | readonly (PaperSource | NamedPapers)[],
  options: SourceOptions = {},
): AsyncGenerator<SourceEvent> {
  checkOptions(options)
  const { signal } = options
  const keys: Keys = new Map()
  const all = Array.isArray(sources) ? (sources as readonly (PaperSource | NamedPapers)[]) : [sources as PaperSource]
  for (const source of all) {
    signal?.throwIfAborted()
    if (typeof source !== 'string') {
      if (typeof source !== 'object' || source === null || typeof source.name !== 'string')
        throw new PaperkinError('invalid-argument', `Expected a path or \`{ name, content }\`, got ${show(source)}.`)
      if ('papers' in source) for await (const paper of source.papers) yield { paper }
      else yield* events(source, { options, keys, isInFolder: false })
      continue
    }
    let found: Awaited<ReturnType<typeof filesOf>>
    try {
      found = await filesOf(source)
    } catch (error) {
      yield sourceProblem(error, source, 'bad')
      continue
    }
    const { files, isFolder } = found
    if (files.length === 0)
      yield sourceProblem(
        new PaperkinError('unreadable-source', `Expected papers in ${source}, but the folder has no files.`),
        source,
        'bad',
      )
    for (const file of files) yield* events(file, { options, keys, isInFolder: isFolder })
  }
}

/** Papers whose id is a key local to their file, over all sources: a digest of the title, and the place of the record. */
type Keys = Map<string, { readonly title: string; readonly where: string }>

async function* events(
  source: PaperSource,
  { options, keys, isInFolder }: { readonly options: SourceOptions; readonly keys: Keys; readonly isInFolder: boolean },
): AsyncGenerator<SourceEvent> {
  const { signal } = options
  let count = 0
  let problems = 0
  let errors = 0
  // What the target library throws is no problem of the source.
  let isLookingUp = false
  const seen: Seen = new Map()
  const path = typeof source === 'string' ? source : source.name
  try {
    const { name, head, chunks } = await openSource(source, options)
    const slice = timeSlice(signal, sliceMs)
    if (head.trim() === '')
      throw new PaperkinError(
        'unreadable-source',
        `Expected papers in ${name}, but it is empty: copy the whole digest page into it.`,
      )
    const { format, at } = formatOf(head, name, options)
    yield { source: path, format }
    const { title, markup, read, hasHeader, mayBeEmpty }: Format = formats[format]
    const start = hasHeader ? 0 : at
    const before = head.slice(0, start)
    if (before.trim().split(/\s+/u).length >= longNote) {
      const place = { line: 1 }
      const problem = 'starts a note before the first record, which is not read'
      yield { problem: described({ problem, place, kind: 'passed-over', text: before.trim().slice(0, 200) }, name) }
    }
    const counts = new Map<string, number>()
    let date: string | undefined
    const readings = read(start > 0 ? withoutNote(chunks, before) : chunks, {
      head: head.slice(start),
      isCertain: options.format !== undefined,
      columns: options.columns,
    })
    const { holdersOf } = options
    for await (const group of inGroups(readings, holdersOf === undefined ? 1 : keysPerLookup)) {
      isLookingUp = true
      const holders = await keyHolders(group, markup, holdersOf)
      isLookingUp = false
      for (const reading of group) {
        if (slice.due()) await slice.rest()
        if ('date' in reading) {
          const whole = reading.date.startsWith('--') && options.year !== undefined
          const day = whole ? `${options.year}${reading.date.slice(1)}` : reading.date
          if (reading.isOfPapers !== false && !day.startsWith('--')) date ??= day
          yield { date: day }
        } else if ('problem' in reading) {
          const problem = described(reading, name)
          problems++
          if (isError(problem)) errors++
          yield { problem }
        } else {
          const record = dated(readable(reading.record, markup), date)
          const keeping = { name, seen, keys, isKey: reading.isKey === true, holders }
          for (const event of checkedRecord(record, reading.place, keeping)) {
            if ('paper' in event) {
              count++
              const from = reading.from ?? title
              counts.set(from, (counts.get(from) ?? 0) + 1)
            } else {
              problems++
              if (isError(event.problem)) errors++
            }
            yield event
          }
        }
      }
    }
    if (count === 0 && (problems === 0 || (errors === 0 && mayBeEmpty !== true)))
      throw new PaperkinError(
        'unreadable-source',
        format === 'page'
          ? `Found no papers in ${name}: expected a copied digest page (a title, a blank line, an abstract, and so on) or one of ${otherFormats}.`
          : `Expected papers in ${name}, but it has no records: give it records with \`title\` and \`abstract\`.`,
      )
    const papers = [...counts].map(([from, count]) => Object.freeze({ from, count }))
    yield { summary: Object.freeze({ source: path, format, papers: Object.freeze(papers) }) }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (isLookingUp) throw error
    yield sourceProblem(error, path, isInFolder && count === 0 ? 'passed-over' : 'bad')
  }
}

/** Readings whose keys are looked up in the target library at once. */
const keysPerLookup = 200

/** Readings in groups; what was read before an error comes before it. */
async function* inGroups(readings: AsyncIterable<Reading>, size: number): AsyncGenerator<readonly Reading[]> {
  let group: Reading[] = []
  try {
    for await (const reading of readings) {
      group.push(reading)
      if (group.length < size) continue
      yield group
      group = []
    }
  } catch (error) {
    if (group.length > 0) yield group
    throw error
  }
  if (group.length > 0) yield group
}

/** The papers of the target library that have keys of these records as ids. */
async function keyHolders(
  group: readonly Reading[],
  markup: Format['markup'],
  holdersOf: SourceOptions['holdersOf'],
): Promise<ReadonlyMap<string, Paper>> {
  const holders = new Map<string, Paper>()
  if (holdersOf === undefined) return holders
  const ids = new Set<string>()
  for (const reading of group) {
    if (!('record' in reading) || reading.isKey !== true) continue
    try {
      ids.add(toPaper(readable(reading.record, markup)).id)
    } catch {
      // Reported when its turn comes.
    }
  }
  const found = ids.size === 0 ? [] : await holdersOf([...ids])
  for (const paper of found) if (paper !== undefined) holders.set(paper.id, paper)
  return holders
}

/** A note before the first record is reported from this many words on: it may have been a paper. */
const longNote = 45
const otherFormats = sourceFormats.filter((format) => format !== 'page').join(', ')

/** The given or recognised format of a text, and the offset at which it starts. */
function formatOf(head: string, name: string, options: ReadOptions): { format: SourceFormat; at: number } {
  if (options.format !== undefined)
    return { format: options.format, at: Math.max(0, formats[options.format].at(head, options)) }
  const found = recognize(head, options)
  if (found !== undefined) return found
  const unknown = unknownStructure(head)
  if (unknown === undefined) return { format: 'page', at: 0 }
  throw new PaperkinError(
    'unreadable-source',
    `Expected papers in ${name}, but it looks like ${unknown.looks} and cannot be read: ${unknown.lacks}. Supported formats are ${otherFormats} and the text of a copied page; \`format\` (--source) forces one of them.`,
  )
}

/** Replaces the note at the start of a text with blank lines, so that line numbers stay correct. */
async function* withoutNote(chunks: AsyncIterable<string>, note: string): AsyncGenerator<string> {
  let left = note.length
  yield '\n'.repeat(note.split('\n').length - 1)
  for await (const chunk of chunks) {
    if (left < chunk.length) yield chunk.slice(left)
    left = Math.max(0, left - chunk.length)
  }
}

/** Gives a record without a date that of its source. */
function dated(record: unknown, date: string | undefined): unknown {
  if (date === undefined || !isRecord(record)) return record
  const { published } = record
  return published === undefined || published === null || published === '' ? { ...record, published: date } : record
}

/** An `unreadable-source` error as an event; any other error is thrown. */
function sourceProblem(error: unknown, source: string, kind: 'bad' | 'passed-over'): ProblemEvent {
  if (!PaperkinError.isInstance(error) || error.code !== 'unreadable-source') throw error
  const message = error.message.replace(/\.$/u, '')
  const reason = 'is a source that cannot be read'
  return { problem: Object.freeze({ message, reason, kind, source, path: Object.freeze([]) }), error }
}

function described(reading: Extract<Reading, { problem: string }>, name: string): SourceProblem {
  const { problem, place, kind = 'bad', text } = reading
  return Object.freeze({
    message: `${placeName(place, name)} ${visible(problem)}`,
    reason: visible(problem),
    kind,
    source: name,
    path: issuePath(place),
    ...(place.line !== undefined && { line: place.line }),
    ...(place.record !== undefined && { record: place.record }),
    ...(text !== undefined && { text: visible(text) }),
  })
}

const issuePath = ({ line, record }: Place) =>
  Object.freeze(
    [line === undefined ? [] : `Line ${line}`, record === undefined ? [] : `Record ${record}`].flat().slice(0, 1),
  )

interface SeenPaper {
  readonly place: Place
  readonly text: string
  /** Hash of all fields of a paper without its own id; otherwise empty. */
  readonly whole: string
  /** The title of a paper without an abstract, in lower case. */
  readonly title?: string | undefined
}
type Seen = Map<string, SeenPaper>

/** The paper under a new id, as another paper has its key. */
function keptApart(paper: Paper): Paper {
  return toPaper({ ...paper, id: `${paper.id}-${derivedId(paper.title || paper.abstract).slice(2, 6)}` })
}

/** Makes a paper of a record, or reports why not. Papers with the same title but without ids are kept apart. */
function* checkedRecord(
  record: unknown,
  place: Place,
  {
    name,
    seen,
    keys,
    isKey,
    holders,
  }: {
    readonly name: string
    readonly seen: Seen
    readonly keys: Keys
    readonly isKey: boolean
    readonly holders: ReadonlyMap<string, Paper>
  },
): Generator<{ readonly paper: Paper } | ProblemEvent> {
  let paper: Paper
  try {
    paper = toPaper(record)
  } catch (error) {
    if (!PaperkinError.isInstance(error)) throw error
    for (const issue of error.issues) {
      const field = issue.path?.join('.') ?? ''
      const message = issue.message.replace(/^Invalid input: /u, '')
      const problem =
        field !== ''
          ? `has a bad \`${field}\`: ${message}`
          : message === issue.message
            ? message
            : `is not a record: ${message}`
      const { path, ...described_ } = described({ problem, place }, name)
      yield {
        problem: Object.freeze({
          ...described_,
          path: Object.freeze([...(path ?? []), ...(issue.path ?? [])]),
          ...(field !== '' && { field }),
        }),
        error,
      }
    }
    return
  }
  const hash = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 16)
  const derived = derivedId(paper.title || paper.abstract)
  const text = hash(`${paper.title}\n${paper.abstract}`)
  if (isKey && paper.id !== derived) {
    const { id } = paper
    const held = keys.has(id) ? undefined : holders.get(id)
    if (held !== undefined) keys.set(id, { title: derivedId(held.title || held.abstract), where: 'in the library' })
    const known = keys.get(id)
    if (known !== undefined && known.title !== derived) {
      paper = keptApart(paper)
      const problem = `has the key ${id} of another paper (${known.where}): kept as ${paper.id}`
      yield { problem: Object.freeze({ ...described({ problem, place, kind: 'note' }, name), field: 'id' }) }
    }
    if (!keys.has(paper.id)) keys.set(paper.id, { title: derived, where: placeName(place, name) })
  }
  const whole = paper.id === derived ? hash(JSON.stringify(paper)) : ''
  const other = seen.get(paper.id)
  const title = paper.titleOnly ? paper.title.toLowerCase().replace(/[\s.]+$/u, '') : undefined
  if (other === undefined) seen.set(paper.id, { place, text, whole, title })
  else if (paper.id === derived && (other.text === text || (title !== undefined && other.title === title))) {
    // Without an id, the same text means the same paper.
    if (other.whole !== whole) {
      const problem = `has the same text as ${elsewhere(other.place, name)} and no id: taken as the same paper`
      yield { problem: described({ problem, place, kind: 'note' }, name) }
    }
    return
  } else if (other.text !== text) {
    if (paper.id !== derived) {
      const problem = `has the id ${JSON.stringify(paper.id)} of ${elsewhere(other.place, name)} but a different text: give it its own id`
      yield { problem: Object.freeze({ ...described({ problem, place }, name), field: 'id' }), error: duplicate }
      return
    }
    // The id of the later paper includes its abstract.
    paper = toPaper({
      ...paper,
      id: `${paper.id}-${derivedId(paper.abstract || `title ${createHash('sha256').update(paper.title).digest('hex')}`).slice(2, 6)}`,
    })
  }
  yield { paper }
}

const elsewhere = (place: Place, name: string) =>
  placeName(place, name).toLowerCase().replace(` of ${name.toLowerCase()}`, '')

const duplicate = new PaperkinError('invalid-paper', 'Two records have the same id and different texts.')

// Fields that are not LaTeX text, even in BibTeX.
const asWritten = /^(?:id|url|doi|arxiv|file|eprint|isbn|issn|crossref|link|.*(?:url|doi|file).*)$/iu
const mayBeMissing = new Set(['title', 'abstract', 'published', 'url', 'doi', 'journal', 'version'])

/** Makes the texts of a record readable; changed ones are kept in `original`. Markers of missing values are removed. */
function readable(record: unknown, markup: Markup): unknown {
  if (markup === 'none' || !isRecord(record)) return record
  const fields: Record<string, unknown> = { ...record }
  const extra = isRecord(record.extra) ? record.extra : undefined
  // Texts made readable earlier are not converted again.
  const known = isRecord(extra?.original) ? extra.original : {}
  const original: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(record)) {
    if (mayBeMissing.has(name) && saysMissing(value)) {
      fields[name] = undefined
      continue
    }
    if (name in known || name === 'extra') continue
    const isText = name === 'title' || name === 'abstract' || name === 'authors'
    if (!isText && !(markup === 'latex' && !asWritten.test(name))) continue
    const texts = Array.isArray(value) ? value.filter((item) => !saysMissing(item)) : value
    const plain = mapTexts(texts, markup)
    fields[name] = plain
    if (isText && JSON.stringify(plain) !== JSON.stringify(texts)) original[name] = value
  }
  if (markup === 'latex' && extra !== undefined)
    fields.extra = Object.fromEntries(
      Object.entries(extra).map(([name, value]) => [name, asWritten.test(name) ? value : mapTexts(value, markup)]),
    )
  return Object.keys(original).length === 0 ? fields : { ...fields, original: { ...known, ...original } }
}

const mapTexts = (value: unknown, markup: Markup): unknown =>
  typeof value === 'string'
    ? plainText(value, markup)
    : Array.isArray(value)
      ? value.map((item) => (typeof item === 'string' ? plainText(item, markup) : item))
      : value

/** One error for all problems. */
export function problemError(events: readonly ProblemEvent[]): PaperkinError {
  const [first] = events as [ProblemEvent]
  const issues = events.map(({ problem }) => problem)
  // An unreadable source has its own error.
  if (events.length === 1 && first.error?.code === 'unreadable-source') return first.error
  const others =
    events.length > 1 ? ` (and ${events.length - 1} more such ${events.length === 2 ? 'problem' : 'problems'})` : ''
  const remedy =
    first.error?.code !== 'invalid-paper'
      ? ''
      : first.problem.field !== undefined
        ? ': correct or remove that field'
        : ': give each record a `title`, an `abstract` or both'
  return new PaperkinError(first.error?.code ?? 'unreadable-source', `${first.problem.message}${others}${remedy}.`, {
    issues,
  })
}

function checkOptions(options: SourceOptions): void {
  requireOptions<SourceOptions>('readPapers', options, {
    holdersOf: true,
    onProblem: true,
    format: true,
    columns: true,
    year: true,
    name: true,
    signal: true,
    onProgress: true,
  })
  const { year, format } = options
  requireText('name', options.name)
  if (year !== undefined) requireInteger('year', year, 1000, 9999)
  if (format !== undefined && !sourceFormats.includes(format))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`format\` to be one of ${sourceFormats.join(', ')}, got ${show(format)}.`,
    )
}
