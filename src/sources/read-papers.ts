// From sources of any kind to papers: each source is opened, its format told, its records read, made readable and checked.
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PaperkinError, requireInteger, requireOptions, requireText, show } from '../errors.ts'
import { derivedId, type Paper, toPaper } from '../paper.ts'
import { readAtom } from './arxiv-atom.ts'
import { readBibtex } from './bibtex.ts'
import { type Columns, readDelimited } from './delimited.ts'
import { detectFormat, type SourceFormat, sourceFormats } from './detect-format.ts'
import { readPage } from './digest-page.ts'
import { isRecord } from './field-values.ts'
import { readJson, readJsonLines } from './json.ts'
import { readOaiPmh } from './oai-pmh.ts'
import { filesOf, type NamedSource, openSource, type ReadProgress } from './open-source.ts'
import { type Markup, plainText } from './plain-text.ts'
import { type Place, placeName, type Reading, type SourceProblem } from './reading.ts'
import { readRis } from './ris.ts'
import { readSavedPage } from './saved-page.ts'

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

/** What a source held. */
export interface Digest {
  readonly format: SourceFormat
  /** The digest's date, ISO 8601; `--03-12` where it names no year and none was given. */
  readonly date?: string
  /** In the order of the source. */
  readonly papers: readonly Paper[]
  /** Paragraphs of a page, by the line they begin on, that may have been abstracts but had no title. */
  readonly skipped: readonly { readonly line: number; readonly text: string }[]
}

/** A path of a file or of a folder (all files in it are read), or content with a name. */
export type PaperSource = string | NamedSource

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
      else if (event.problem.kind !== 'passed-over') throw problemError([event])
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
  for await (const event of readSources(sources, options)) {
    if ('paper' in event) papers.push(event.paper)
    else if ('format' in event) format = event.format
    else if ('date' in event) date = event.date
    else {
      const { kind, line, text } = event.problem
      if (kind === 'passed-over' && line !== undefined && text !== undefined)
        skipped.push(Object.freeze({ line, text }))
      if (options.onProblem !== undefined) options.onProblem(event.problem)
      else if (kind !== 'passed-over') bad.push(event)
    }
  }
  if (bad.length > 0) throw problemError(bad)
  return Object.freeze({
    format,
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

/** What comes out of sources, in order. */
export type SourceEvent =
  | { readonly source: string; readonly format: SourceFormat }
  | { readonly paper: Paper }
  | { readonly date: string }
  | ProblemEvent

const formats: Readonly<
  Record<
    SourceFormat,
    {
      readonly markup: Markup
      readonly read: (
        chunks: AsyncIterable<string>,
        options: { readonly head: string; readonly columns?: Columns | undefined },
      ) => AsyncIterable<Reading>
    }
  >
> = {
  page: { markup: 'none', read: readPage },
  html: { markup: 'some', read: readSavedPage },
  json: { markup: 'some', read: readJson },
  jsonl: { markup: 'some', read: readJsonLines },
  csv: { markup: 'some', read: readDelimited },
  bibtex: { markup: 'latex', read: readBibtex },
  ris: { markup: 'some', read: readRis },
  atom: { markup: 'some', read: readAtom },
  'oai-pmh': { markup: 'some', read: readOaiPmh },
}

/** The event loop turns at least so often, in milliseconds. */
const SLICE = 15

/** Reads sources one after the other; what is wrong with one comes as an event, and the next is read. */
export async function* readSources(
  sources: PaperSource | readonly PaperSource[],
  options: ReadOptions = {},
): AsyncGenerator<SourceEvent> {
  checkOptions(options)
  const { signal } = options
  for (const source of Array.isArray(sources) ? (sources as readonly PaperSource[]) : [sources as PaperSource]) {
    signal?.throwIfAborted()
    if (typeof source !== 'string') {
      if (typeof source !== 'object' || source === null || typeof source.name !== 'string')
        throw new PaperkinError('invalid-argument', `Expected a path or \`{ name, content }\`, got ${show(source)}.`)
      yield* events(source, { options, isInFolder: false })
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
    for (const file of files) yield* events(file, { options, isInFolder: isFolder })
  }
}

async function* events(
  source: PaperSource,
  { options, isInFolder }: { readonly options: ReadOptions; readonly isInFolder: boolean },
): AsyncGenerator<SourceEvent> {
  const { signal } = options
  let count = 0
  let problems = 0
  let turn = performance.now()
  const seen = new Map<string, { readonly place: Place; readonly text: string }>()
  const path = typeof source === 'string' ? source : source.name
  try {
    const { name, head, chunks } = await openSource(source, options)
    if (head.trim() === '')
      throw new PaperkinError(
        'unreadable-source',
        `Expected papers in ${name}, but it is empty: copy the whole digest page into it.`,
      )
    const format = options.format ?? detectFormat(head, options)
    yield { source: path, format }
    const { markup, read } = formats[format]
    for await (const reading of read(chunks, { head, columns: options.columns })) {
      if (performance.now() - turn > SLICE) {
        await nextTurn()
        signal?.throwIfAborted()
        turn = performance.now()
      }
      if ('date' in reading)
        yield {
          date:
            reading.date.startsWith('--') && options.year !== undefined
              ? `${options.year}${reading.date.slice(1)}`
              : reading.date,
        }
      else if ('problem' in reading) {
        problems++
        yield { problem: described(reading, name) }
      } else
        for (const event of checkedRecord(readable(reading.record, markup), reading.place, { name, seen })) {
          if ('paper' in event) count++
          else problems++
          yield event
        }
    }
    if (count === 0 && problems === 0)
      throw new PaperkinError(
        'unreadable-source',
        format === 'page'
          ? `Found no paper in ${name}: expected a copied digest page (a title, a blank line, an abstract, and so on) or one of ${sourceFormats.slice(1).join(', ')}.`
          : `Expected papers in ${name}, but it holds no record: give it records with \`title\` and \`abstract\`.`,
      )
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    yield sourceProblem(error, path, isInFolder && count === 0 ? 'passed-over' : 'bad')
  }
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
    message: `${placeName(place, name)} ${problem}`,
    reason: problem,
    kind,
    source: name,
    path: issuePath(place),
    ...(place.line !== undefined && { line: place.line }),
    ...(place.record !== undefined && { record: place.record }),
    ...(text !== undefined && { text }),
  })
}

const issuePath = ({ line, record }: Place) =>
  Object.freeze(
    [line === undefined ? [] : `Line ${line}`, record === undefined ? [] : `Record ${record}`].flat().slice(0, 1),
  )

/** Makes a paper of a record, or says why not. Two papers of one title and no id of their own are kept apart. */
function* checkedRecord(
  record: unknown,
  place: Place,
  {
    name,
    seen,
  }: { readonly name: string; readonly seen: Map<string, { readonly place: Place; readonly text: string }> },
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
  const text = createHash('sha256').update(`${paper.title}\n${paper.abstract}`).digest('base64url').slice(0, 16)
  const other = seen.get(paper.id)
  if (other === undefined) seen.set(paper.id, { place, text })
  else if (other.text !== text) {
    if (paper.id !== derivedId(paper.title || paper.abstract)) {
      const problem = `has the id ${JSON.stringify(paper.id)} of ${placeName(other.place, name).toLowerCase().replace(` of ${name.toLowerCase()}`, '')}, and another text: give it an id of its own`
      yield { problem: Object.freeze({ ...described({ problem, place }, name), field: 'id' }), error: duplicate }
      return
    }
    // The later one's id takes its abstract in.
    paper = toPaper({ ...paper, id: `${paper.id}-${derivedId(paper.abstract || paper.title).slice(2, 6)}` })
  }
  yield { paper }
}

const duplicate = new PaperkinError('invalid-paper', 'Two records have one id and different texts.')

/** Makes the texts of a record readable; what changed stays in `original`. */
function readable(record: unknown, markup: Markup): unknown {
  if (markup === 'none' || !isRecord(record)) return record
  const fields: Record<string, unknown> = { ...record }
  const original: Record<string, string> = {}
  for (const [name, value] of Object.entries(record)) {
    const isText = name === 'title' || name === 'abstract'
    if (!isText && name !== 'authors' && !(markup === 'latex' && name !== 'id' && name !== 'url' && name !== 'doi'))
      continue
    if (typeof value === 'string') {
      fields[name] = plainText(value, markup)
      if (isText && fields[name] !== value) original[name] = value
    } else if (Array.isArray(value))
      fields[name] = value.map((item) => (typeof item === 'string' ? plainText(item, markup) : item))
  }
  return Object.keys(original).length === 0 ? fields : { ...fields, original: record.original ?? original }
}

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

function checkOptions(options: ReadOptions): void {
  requireOptions('readPapers', options, {
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
