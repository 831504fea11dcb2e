import type { PaperkinIssue } from '../errors.ts'

/** A place in a source: a line, a record, or both, each from 1. */
export interface Place {
  readonly line?: number | undefined
  readonly record?: number | undefined
}

/** What a format's reader yields; it never throws for bad content. */
export type Reading =
  /** One unchecked record, with the fields of a `PaperInput`. */
  | {
      readonly record: unknown
      readonly place: Place
      /** The kind of the record, if more specific than the format: `Crossref`. */
      readonly from?: string | undefined
      /** Whether the id is a key local to this file, which may name another paper in other files. */
      readonly isKey?: boolean
    }
  /**
   * A problem; `problem` continues a sentence that starts with the place ("has neither a title nor an abstract").
   * For the kinds see {@link SourceProblem}.
   */
  | { readonly problem: string; readonly place: Place; readonly kind?: ProblemKind; readonly text?: string }
  /**
   * The date of the whole source: ISO 8601, `--03-12` without a year. Papers without a date get it, unless `isOfPapers` is
   * false.
   */
  | { readonly date: string; readonly isOfPapers?: boolean }

type ProblemKind = 'bad' | 'passed-over' | 'doubtful' | 'note'

/** Something in a source that is not a paper, may be damaged, or is worth knowing. */
export interface SourceProblem extends PaperkinIssue {
  /** One sentence that starts with the place: `Line 12 of papers.jsonl has neither a title nor an abstract`. */
  readonly message: string
  /** The message without the place, which many problems may share. */
  readonly reason: string
  /**
   * `bad`: a record that was left out; `passed-over`: skipped text that may not be a paper; `doubtful`: kept, but may be
   * damaged; `note`: kept, with a remark, such as a paper whose key another paper has. Only `bad` and `doubtful` are errors
   * if problems are not handled.
   */
  readonly kind: ProblemKind
  /** The source's path or name. */
  readonly source: string
  readonly line?: number
  /** Number of the record, from 1. */
  readonly record?: number
  /** The bad field, if there is one. */
  readonly field?: string
  /** The text there, if it helps to find the place. */
  readonly text?: string
}

/** `Line 12 of papers.jsonl`, `Record 3 of papers.json (line 40)`. */
export function placeName({ line, record }: Place, source: string): string {
  if (record === undefined) return line === undefined ? source : `Line ${line} of ${source}`
  return `Record ${record} of ${source}${line === undefined ? '' : ` (line ${line})`}`
}

/** Maximum characters of a record or a line; anything longer is damaged and would fill the memory. */
export const mostCharacters = 32_000_000

/** The whole text; undefined if it is longer than `mostCharacters`. */
export async function wholeText(chunks: AsyncIterable<string>): Promise<string | undefined> {
  let text = ''
  for await (const chunk of chunks) {
    text += chunk
    if (text.length > mostCharacters) return undefined
  }
  return text
}

/** Numbered lines without line ends; a too long line is cut to its start and marked. */
export async function* numberedLines(
  chunks: AsyncIterable<string>,
): AsyncGenerator<{ readonly line: number; readonly text: string; readonly isTooLong?: true }> {
  let line = 0
  let open = ''
  let isTooLong = false
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      const text = isTooLong ? open : open + chunk.slice(start, end)
      yield isTooLong ? { line: ++line, text, isTooLong: true } : { line: ++line, text }
      open = ''
      isTooLong = false
      start = end + 1
    }
    if (isTooLong) continue
    open += chunk.slice(start)
    if (open.length > mostCharacters) {
      open = open.slice(0, 100)
      isTooLong = true
    }
  }
  if (open !== '') yield isTooLong ? { line: ++line, text: open, isTooLong: true } : { line: ++line, text: open }
}
