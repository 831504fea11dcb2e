import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { PaperkinError, type PaperkinIssue, requireInteger } from '../errors.ts'
import { derivedId, type Paper, toPaper } from '../paper.ts'
import { readDigestPage } from './digest-page.ts'
import { looksLikeJson, readJsonRecords } from './json-records.ts'

/** What a source held. */
export interface Digest {
  readonly format: 'page' | 'json'
  /** The digest's date, ISO 8601; `--03-12` where it names no year and none was given. */
  readonly date?: string
  /** In the order of the source. */
  readonly papers: readonly Paper[]
  /** Paragraphs of a page, by the line they begin on, that may have been abstracts but had no title. */
  readonly skipped: readonly { readonly line: number; readonly text: string }[]
}

export interface ReadOptions {
  /** The year of a date line that has none. */
  readonly year?: number
  /** What messages call the source. @default the file's name, or 'the text' */
  readonly name?: string
}

/**
 * Reads the papers of a text: a papers-digest page as copied from the browser, JSON, or JSON lines, told apart by
 * content.
 * @throws PaperkinError `unreadable-source` where there is no paper, or the text is broken; `invalid-paper` where
 * records lack what a paper needs, with one issue for each, named by its line or number.
 */
export function parseDigest(text: string, options: ReadOptions = {}): Digest {
  const name = options.name ?? 'the text'
  if (options.year !== undefined) requireInteger('year', options.year, 1000, 9999)
  const content = text.replace(/^\ufeff/u, '')
  if (content.trim() === '')
    throw new PaperkinError(
      'unreadable-source',
      `Expected papers in ${name}, but it is empty: copy the whole digest page into it.`,
    )
  if (looksLikeJson(content)) {
    const papers = papersOf(readJsonRecords(content, name), name)
    if (papers.length === 0)
      throw new PaperkinError(
        'unreadable-source',
        `Expected papers in ${name}, but it holds no record: give it records with \`title\` and \`abstract\`.`,
      )
    return Object.freeze({ format: 'json', papers, skipped: Object.freeze([]) })
  }
  const page = readDigestPage(content)
  if (page.records.length === 0)
    throw new PaperkinError(
      'unreadable-source',
      `Found no paper in ${name}: expected a copied digest page (a title, a blank line, an abstract, and so on), JSON or JSON lines.`,
    )
  const papers = papersOf(
    page.records.map((record) => ({ record, place: `Line ${record.line}` })),
    name,
  )
  const date =
    page.date?.startsWith('--') && options.year !== undefined ? `${options.year}${page.date.slice(1)}` : page.date
  return Object.freeze({
    format: 'page',
    papers,
    skipped: Object.freeze(page.skipped),
    ...(date !== undefined && { date }),
  })
}

/**
 * Reads a file as {@link parseDigest} reads a text; gzip is opened on the way.
 * @throws PaperkinError `unreadable-source` where the path is no readable text file, and what `parseDigest` throws.
 */
export async function readDigest(path: string, options: ReadOptions = {}): Promise<Digest> {
  return parseDigest(await readText(path), { name: basename(path), ...options })
}

/** The papers of a file: `(await readDigest(path, options)).papers`. */
export async function readPapers(path: string, options: ReadOptions = {}): Promise<readonly Paper[]> {
  return (await readDigest(path, options)).papers
}

function papersOf(
  records: readonly { readonly record: unknown; readonly place: string }[],
  name: string,
): readonly Paper[] {
  const papers: Paper[] = []
  // Two papers of one title and no id of their own keep apart: the later one's id takes its abstract in.
  const untold = new Map<string, string>()
  const issues: PaperkinIssue[] = []
  for (const { record, place } of records) {
    try {
      const paper = toPaper(record)
      const other = untold.get(paper.id)
      const isDerived = paper.id === derivedId(paper.title || paper.abstract)
      if (isDerived && other !== undefined && other !== paper.abstract)
        papers.push(toPaper({ ...paper, id: `${paper.id}-${derivedId(paper.abstract || paper.title).slice(2, 6)}` }))
      else papers.push(paper)
      if (isDerived && other === undefined) untold.set(paper.id, paper.abstract)
    } catch (error) {
      if (!PaperkinError.isInstance(error)) throw error
      for (const issue of error.issues) {
        const field = issue.path?.join('.') ?? ''
        issues.push({
          message: `${place} of ${name} ${field === '' ? issue.message : `has a bad \`${field}\`: ${issue.message}`}`,
          path: [place, ...(issue.path ?? [])],
        })
      }
    }
  }
  const [first] = issues
  if (first !== undefined) {
    const others =
      issues.length > 1 ? ` (and ${issues.length - 1} more such ${issues.length === 2 ? 'problem' : 'problems'})` : ''
    throw new PaperkinError(
      'invalid-paper',
      `${first.message}${others}: ${first.path?.[1] === undefined ? 'give each record a `title`, an `abstract` or both' : 'mend or leave out that field'}.`,
      { issues },
    )
  }
  return Object.freeze(papers)
}

async function readText(path: string): Promise<string> {
  const unreadable = (why: string, cause?: unknown) => new PaperkinError('unreadable-source', why, { cause })
  let bytes: Uint8Array
  try {
    if ((await stat(path)).isDirectory())
      throw unreadable(`Expected a file, but ${path} is a folder: name a file in it.`)
    bytes = await readFile(path)
  } catch (error) {
    if (PaperkinError.isInstance(error)) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw unreadable(`There is no file ${path}: check the name.`, error)
    if (code === 'EACCES' || code === 'EPERM')
      throw unreadable(`The file ${path} may not be read: check its permissions.`, error)
    throw unreadable(`The file ${path} could not be read (${code ?? String(error)}).`, error)
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = gunzipSync(bytes)
    } catch (error) {
      throw unreadable(`${path} looks like gzip but cannot be opened: it may be cut off; copy it again.`, error)
    }
  }
  const mark = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8'
  if (encoding === 'utf-8' && bytes.subarray(0, 65_536).includes(0))
    throw unreadable(`Expected text, but ${path} is a binary file: save the page as text, JSON or JSON lines.`)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (error) {
    throw unreadable(`Expected UTF-8 text, but ${path} is something else: save it again as UTF-8.`, error)
  }
}
