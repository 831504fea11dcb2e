// From sources of any kind to papers: each source is opened, its format told, its records read, made readable and checked.
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
   * Told of everything that is passed over or may be damaged; the rest is read. Without it a bad record is an error, and
   * what may be no paper at all is passed over.
   */
  readonly onProblem?: (problem: SourceProblem) => void
  /** What the sources are. @default told by the content of each */
  readonly format?: SourceFormat
  /** Of CSV and TSV: the columns of the fields, by name or by number from 1 (then there is no line of names). @default guessed by their names */
  readonly columns?: Columns
  /** The year of a date line that has none. */
  readonly year?: number
  /** What messages call the source. @default the file's name */
  readonly name?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ReadProgress) => void
}

/** What a source was taken for. */
export interface SourceSummary {
  /** The source: a path, or what it is called. */
  readonly source: string
  readonly format: SourceFormat
  /** What its papers were taken for, by a name such as `PubMed NBIB`, and how many there were of each. */
  readonly papers: readonly { readonly from: string; readonly count: number }[]
}

/** What a source held. */
export interface Digest {
  readonly format: SourceFormat
  /** What each source was taken for. */
  readonly sources: readonly SourceSummary[]
  /** The digest's date, ISO 8601; `--03-12` where it names no year and none was given. */
  readonly date?: string
  /** In the order of the source. */
  readonly papers: readonly Paper[]
  /** Paragraphs of a page, by the line they begin on, that may have been abstracts but had no title. */
  readonly skipped: readonly { readonly line: number; readonly text: string }[]
}

/** A path of a file or of a folder (all files in it are read), or content with a name. */
export type PaperSource = string | NamedSource

/** Papers that are papers already: they are taken as they are. */
export interface NamedPapers {
  readonly name: string
  readonly papers: AsyncIterable<Paper>
}

/**
 * Reads papers from one or more sources of any of the formats, gzipped or not, one after the other and in bounded memory.
 * @throws PaperkinError without `onProblem`: `unreadable-source` for a source that is no paper's, cannot be read or breaks
 * off, `invalid-paper` for a record that lacks what a paper needs; `invalid-argument`
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
  /** The error that it is where nobody wants to be told of problems. */
  readonly error?: PaperkinError
}

/** Whether something is an error where nobody wants to be told of problems. */
export const isError = ({ kind }: SourceProblem) => kind === 'bad' || kind === 'doubtful'

/** What comes out of sources, in order. */
type SourceEvent =
  | { readonly source: string; readonly format: SourceFormat }
  | { readonly paper: Paper }
  /** When a source was read. */
  | { readonly summary: SourceSummary }
  | { readonly date: string }
  | ProblemEvent

/** The event loop turns at least so often, in milliseconds. */
const sliceMs = 15

interface SourceOptions extends ReadOptions {
  /** The paper that has an id already where papers go: another with this key is kept apart from it. */
  readonly holderOf?: (id: string) => Paper | undefined
}

/** Reads sources one after the other; what is wrong with one comes as an event, and the next is read. */
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

/** The papers that have an id which is a name of their file, over all sources: what each says, and where it stands. */
type Keys = Map<string, { readonly title: string; readonly where: string }>

async function* events(
  source: PaperSource,
  { options, keys, isInFolder }: { readonly options: SourceOptions; readonly keys: Keys; readonly isInFolder: boolean },
): AsyncGenerator<SourceEvent> {
  const { signal } = options
  let count = 0
  let problems = 0
  let errors = 0
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
      const problem = 'begins a note that stands before the first record and is no part of it'
      yield { problem: described({ problem, place, kind: 'passed-over', text: before.trim().slice(0, 200) }, name) }
    }
    const counts = new Map<string, number>()
    let date: string | undefined
    const readings = read(start > 0 ? withoutNote(chunks, before) : chunks, {
      head: head.slice(start),
      isCertain: options.format !== undefined,
      columns: options.columns,
    })
    for await (const reading of readings) {
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
        const keeping = { name, seen, keys, isKey: reading.isKey === true, holderOf: options.holderOf }
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
    if (count === 0 && (problems === 0 || (errors === 0 && mayBeEmpty !== true)))
      throw new PaperkinError(
        'unreadable-source',
        format === 'page'
          ? `Found no paper in ${name}: expected a copied digest page (a title, a blank line, an abstract, and so on) or one of ${otherFormats}.`
          : `Expected papers in ${name}, but it holds no record: give it records with \`title\` and \`abstract\`.`,
      )
    const papers = [...counts].map(([from, count]) => Object.freeze({ from, count }))
    yield { summary: Object.freeze({ source: path, format, papers: Object.freeze(papers) }) }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    yield sourceProblem(error, path, isInFolder && count === 0 ? 'passed-over' : 'bad')
  }
}

/** A note before the first record is told where it has so many words: it may have been something. */
const longNote = 45
const otherFormats = sourceFormats.filter((format) => format !== 'page').join(', ')

/** The format that was asked for or that a text has, and where it begins. */
function formatOf(head: string, name: string, options: ReadOptions): { format: SourceFormat; at: number } {
  if (options.format !== undefined)
    return { format: options.format, at: Math.max(0, formats[options.format].at(head, options)) }
  const found = recognize(head, options)
  if (found !== undefined) return found
  const unknown = unknownStructure(head)
  if (unknown === undefined) return { format: 'page', at: 0 }
  throw new PaperkinError(
    'unreadable-source',
    `Expected papers in ${name}, but it looks like ${unknown.looks} that cannot be read: ${unknown.lacks}. What can be read is ${otherFormats} and the text of a copied page; \`format\` (--source) reads it as one of them all the same.`,
  )
}

/** A text with blank lines in the place of the note that it begins with, so that lines keep their numbers. */
async function* withoutNote(chunks: AsyncIterable<string>, note: string): AsyncGenerator<string> {
  let left = note.length
  yield '\n'.repeat(note.split('\n').length - 1)
  for await (const chunk of chunks) {
    if (left < chunk.length) yield chunk.slice(left)
    left = Math.max(0, left - chunk.length)
  }
}

/** A record with the date of its source where it has none. */
function dated(record: unknown, date: string | undefined): unknown {
  if (date === undefined || !isRecord(record)) return record
  const { published } = record
  return published === undefined || published === null || published === '' ? { ...record, published: date } : record
}

/** A source that cannot be read, as an event; every other error is thrown. */
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
  /** All of a paper without an id of its own. */
  readonly whole: string
  /** The title of a paper without an abstract, in lower case. */
  readonly title?: string | undefined
}
type Seen = Map<string, SeenPaper>

/** The id under which a paper is kept whose key another paper has. */
function keptApart(paper: Paper): Paper {
  return toPaper({ ...paper, id: `${paper.id}-${derivedId(paper.title || paper.abstract).slice(2, 6)}` })
}

/** Makes a paper of a record, or says why not. Two papers of one title and no id of their own are kept apart. */
function* checkedRecord(
  record: unknown,
  place: Place,
  {
    name,
    seen,
    keys,
    isKey,
    holderOf,
  }: {
    readonly name: string
    readonly seen: Seen
    readonly keys: Keys
    readonly isKey: boolean
    readonly holderOf: SourceOptions['holderOf']
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
            : `is no record: ${message}`
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
    const held = keys.has(id) ? undefined : holderOf?.(id)
    if (held !== undefined) keys.set(id, { title: derivedId(held.title || held.abstract), where: 'of the library' })
    const known = keys.get(id)
    if (known !== undefined && known.title !== derived) {
      paper = keptApart(paper)
      const problem = `has the key ${id} of another paper (${known.where}): it is kept as ${paper.id}`
      yield { problem: Object.freeze({ ...described({ problem, place, kind: 'note' }, name), field: 'id' }) }
    }
    if (!keys.has(paper.id)) keys.set(paper.id, { title: derived, where: placeName(place, name) })
  }
  const whole = paper.id === derived ? hash(JSON.stringify(paper)) : ''
  const other = seen.get(paper.id)
  const title = paper.titleOnly ? paper.title.toLowerCase().replace(/[\s.]+$/u, '') : undefined
  if (other === undefined) seen.set(paper.id, { place, text, whole, title })
  else if (paper.id === derived && (other.text === text || (title !== undefined && other.title === title))) {
    // Without an id and with the same words it is the same paper.
    if (other.whole !== whole) {
      const problem = `says the same as ${elsewhere(other.place, name)} and has no id: it is the same paper`
      yield { problem: described({ problem, place, kind: 'note' }, name) }
    }
    return
  } else if (other.text !== text) {
    if (paper.id !== derived) {
      const problem = `has the id ${JSON.stringify(paper.id)} of ${elsewhere(other.place, name)}, and another text: give it an id of its own`
      yield { problem: Object.freeze({ ...described({ problem, place }, name), field: 'id' }), error: duplicate }
      return
    }
    // The later one's id takes its abstract in.
    paper = toPaper({
      ...paper,
      id: `${paper.id}-${derivedId(paper.abstract || `title ${createHash('sha256').update(paper.title).digest('hex')}`).slice(2, 6)}`,
    })
  }
  yield { paper }
}

const elsewhere = (place: Place, name: string) =>
  placeName(place, name).toLowerCase().replace(` of ${name.toLowerCase()}`, '')

const duplicate = new PaperkinError('invalid-paper', 'Two records have one id and different texts.')

// Of LaTeX all through these are no texts.
const asWritten = /^(?:id|url|doi|arxiv|file|eprint|isbn|issn|crossref|link|.*(?:url|doi|file).*)$/iu
const mayBeMissing = new Set(['title', 'abstract', 'published', 'url', 'doi', 'journal', 'version'])

/** Makes the texts of a record readable; what changed stays in `original`. What only says that it is missing goes. */
function readable(record: unknown, markup: Markup): unknown {
  if (markup === 'none' || !isRecord(record)) return record
  const fields: Record<string, unknown> = { ...record }
  const extra = isRecord(record.extra) ? record.extra : undefined
  // What was made readable before is not to be read again.
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

/** One error for everything that went wrong. */
export function problemError(events: readonly ProblemEvent[]): PaperkinError {
  const [first] = events as [ProblemEvent]
  const issues = events.map(({ problem }) => problem)
  // A whole source that cannot be read has its own error.
  if (events.length === 1 && first.error?.code === 'unreadable-source') return first.error
  const others =
    events.length > 1 ? ` (and ${events.length - 1} more such ${events.length === 2 ? 'problem' : 'problems'})` : ''
  const remedy =
    first.error?.code !== 'invalid-paper'
      ? ''
      : first.problem.field !== undefined
        ? ': mend or leave out that field'
        : ': give each record a `title`, an `abstract` or both'
  return new PaperkinError(first.error?.code ?? 'unreadable-source', `${first.problem.message}${others}${remedy}.`, {
    issues,
  })
}

function checkOptions(options: SourceOptions): void {
  requireOptions<SourceOptions>('readPapers', options, {
    holderOf: true,
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
