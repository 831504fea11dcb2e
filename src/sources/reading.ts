import type { PaperkinIssue } from '../errors.ts'

/** Where in a source something stands: a line, a record, or both, each from 1. */
export interface Place {
  readonly line?: number | undefined
  readonly record?: number | undefined
}

/** What a format's reader gives, one after the other; it never throws for bad content. */
export type Reading =
  /** One record, with the fields of a `PaperInput`; unchecked. */
  | {
      readonly record: unknown
      readonly place: Place
      /** What the record was taken for, where that is more than its format: `Crossref JSON`. */
      readonly from?: string | undefined
      /** Whether the id is a name that somebody gave the paper in this file: other files may have it for another. */
      readonly isKey?: boolean
    }
  /**
   * Something that is wrong: `problem` goes on from the place ("has neither a title nor an abstract").
   * `passed-over` is what may be no paper at all, `doubtful` what was kept and may be damaged, `note` what was kept whole and
   * is worth knowing.
   */
  | { readonly problem: string; readonly place: Place; readonly kind?: ProblemKind; readonly text?: string }
  /**
   * The date that the whole source bears: ISO 8601, `--03-12` without a year. It is that of papers without a date of their
   * own, unless the reader knows better (`isOfPapers` false).
   */
  | { readonly date: string; readonly isOfPapers?: boolean }

type ProblemKind = 'bad' | 'passed-over' | 'doubtful' | 'note'

/** Something in a source that is no paper, may be damaged, or is worth knowing. */
export interface SourceProblem extends PaperkinIssue {
  /** One sentence that begins with the place: `Line 12 of papers.jsonl has neither a title nor an abstract`. */
  readonly message: string
  /** The same without the place: what many problems may share. */
  readonly reason: string
  /**
   * `bad` records are left out; what is `passed-over` may be no paper at all; what is `doubtful` was kept and may be damaged;
   * a `note` tells how something was kept, such as a paper whose key another paper has. Only the first and the third are
   * errors where nobody is told.
   */
  readonly kind: ProblemKind
  /** The source: a path, or what it is called. */
  readonly source: string
  readonly line?: number
  /** Number of the record, from 1. */
  readonly record?: number
  /** The field that is wrong, where it is one. */
  readonly field?: string
  /** What stands there, where that helps to find it. */
  readonly text?: string
}

/** `Line 12 of papers.jsonl`, `Record 3 of papers.json (line 40)`. */
export function placeName({ line, record }: Place, source: string): string {
  if (record === undefined) return line === undefined ? source : `Line ${line} of ${source}`
  return `Record ${record} of ${source}${line === undefined ? '' : ` (line ${line})`}`
}

/** No record, and no line of text, may be longer: what is longer is damaged, and would fill the memory. */
export const mostCharacters = 32_000_000

/** The whole text of what is read at once, up to `mostCharacters`. */
export async function wholeText(chunks: AsyncIterable<string>): Promise<string | undefined> {
  let text = ''
  for await (const chunk of chunks) {
    text += chunk
    if (text.length > mostCharacters) return undefined
  }
  return text
}

/** Lines without their ends, with their numbers; a line that is too long comes as its beginning, marked. */
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
