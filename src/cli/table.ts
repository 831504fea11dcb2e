// Text made to fit. Pure: data and a width in, text out. Widths are columns of a terminal, not characters.
import stringWidth from 'string-width'
import { shortScore } from '../report/wording.ts'
import type { Colors } from './terminal.ts'
import { bar } from './terminal.ts'

/** A column of a table. */
interface Column {
  /** @default no header, and no header line where no column has one */
  readonly header?: string
  /** @default 'left' */
  readonly align?: 'left' | 'right'
  /** Takes the room that the others leave, and is cut first. */
  readonly isFlexible?: boolean
  /** Left out where the flexible columns would have less than 20 columns; the last such column goes first. */
  readonly isOptional?: boolean
  /** Cut to so many columns. @default no limit */
  readonly maxWidth?: number
  /** Colours a cell after it was cut and filled up. */
  readonly style?: (text: string) => string
}

/** What stands in a cell; a `suffix` follows the text even where that is cut. */
type Cell = string | { readonly text: string; readonly suffix: string }

const GAP = 2
const LEAST = 20

/** Lines of cells that fit `columns`; `Infinity` cuts nothing. */
export function table(columnsOf: readonly Column[], rows: readonly (readonly Cell[])[], columns: number): string {
  const natural = columnsOf.map(({ header = '', maxWidth = Number.POSITIVE_INFINITY }, i) =>
    Math.min(
      maxWidth,
      rows.reduce((most, row) => Math.max(most, cellWidth(row[i])), width(header)),
    ),
  )
  let shown = columnsOf.map((_, i) => i).filter((i) => natural[i] > 0)
  const fixed = () => shown.filter((i) => !columnsOf[i].isFlexible)
  const room = () => columns - fixed().reduce((sum, i) => sum + natural[i], 0) - GAP * (shown.length - 1)
  const flexible = shown.filter((i) => columnsOf[i].isFlexible)
  const wanted = () => flexible.reduce((sum, i) => sum + Math.min(LEAST, natural[i]), 0)
  while (room() < wanted() && shown.some((i) => columnsOf[i].isOptional)) {
    const last = shown.findLast((i) => columnsOf[i].isOptional)
    shown = shown.filter((i) => i !== last)
  }
  const widths = new Map(shown.map((i) => [i, natural[i]]))
  // Flexible columns share the room: the narrow ones take what they need.
  let left = room()
  const open = [...flexible].sort((a, b) => natural[a] - natural[b])
  for (const [place, i] of open.entries()) {
    const share = Math.max(1, Math.min(natural[i], Math.floor(left / (open.length - place))))
    widths.set(i, share)
    left -= share
  }
  const line = (cells: readonly Cell[], style: (text: string, column: Column) => string) =>
    shown
      .map((i, place) => {
        const column = columnsOf[i]
        const text = fitted(cells[i], widths.get(i) as number)
        const fill = ' '.repeat(Math.max(0, (widths.get(i) as number) - width(text)))
        const isLast = place === shown.length - 1
        const filled = column.align === 'right' ? fill + text : text + (isLast ? '' : fill)
        return style(filled, column)
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  const lines = rows.map((row) => line(row, (text, { style }) => style?.(text) ?? text))
  if (shown.some((i) => columnsOf[i].header !== undefined))
    lines.unshift(
      line(
        columnsOf.map(({ header }) => header ?? ''),
        (text) => text,
      ),
    )
  return lines.join('\n')
}

function cellWidth(cell: Cell = ''): number {
  return typeof cell === 'string' ? width(cell) : width(cell.text) + width(cell.suffix)
}

function fitted(cell: Cell = '', columns: number): string {
  if (typeof cell === 'string') return isolated(shortened(cell, columns))
  return isolated(shortened(cell.text, columns - width(cell.suffix))) + cell.suffix
}

/** Columns that a text takes on a terminal: two for wide characters, none for marks that combine. */
export function width(text: string): number {
  if (isPlain(text)) return text.length
  let sum = 0
  for (const piece of pieces(text)) sum += isPlain(piece) ? piece.length : stringWidth(piece)
  return sum
}

const isPlain = (text: string) => /^[\x20-\x7e]*$/u.test(text)
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

const mostMeasured = 512

/** A text in pieces between two characters as they are seen: the time to part a text grows with its square. */
function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const piece = text.slice(start, start + mostMeasured)
    let end = piece.length
    // The last character of a piece may go on in the next; one of that length does so anyhow.
    if (start + end < text.length) for (const { index } of graphemes.segment(piece)) if (index > 0) end = index
    yield piece.slice(0, end)
    start += end
  }
}

/** The text, or as much of it as fits into `columns` with an ellipsis. */
export function shortened(text: string, columns: number): string {
  if (text.length * 2 <= columns || width(text) <= columns) return text
  let used = 1
  let kept = ''
  for (const piece of pieces(text))
    for (const { segment } of graphemes.segment(piece)) {
      used += width(segment)
      if (used > columns) return `${kept.trimEnd()}…`
      kept += segment
    }
  return `${kept.trimEnd()}…`
}

/** Words broken into lines of at most `columns`, each after `indent`. */
export function wrapped(text: string, columns: number, indent = ''): string {
  if (width(indent) + width(text) <= columns) return indent + text
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/u)) {
    if (line !== '' && width(indent) + width(line) + 1 + width(word) > columns) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line].join('\n')
}

const rightToLeft = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/** Keeps text that runs from right to left from turning its neighbours round (first-strong isolate, Unicode UAX 9). */
function isolated(text: string): string {
  return rightToLeft.test(text) ? `\u2068${text}\u2069` : text
}

/** The bar beside a score, where there is a terminal wide enough for it. */
function scoreBar(score: number, columns: number): string {
  return columns === Number.POSITIVE_INFINITY || columns < 60 ? '' : bar(score, 5)
}

/** A paper that was found, as a line of a list shows it. */
interface ListedPaper {
  readonly id: string
  readonly name: string
  readonly isTitleOnly: boolean
  readonly isWeak?: boolean
  readonly score: number
}

/** A line a paper: score, bar, title, id. */
export function paperTable(papers: readonly ListedPaper[], colors: Colors, columns: number): string {
  return table(
    [
      { align: 'right', style: colors.cyan },
      { style: colors.cyan },
      { isFlexible: true },
      { isOptional: true, style: colors.dim, maxWidth: Math.max(16, Math.floor(columns / 3)) },
    ],
    papers.map(({ id, name, isTitleOnly, isWeak = false, score }) => [
      shortScore(score),
      scoreBar(score, columns),
      { text: name, suffix: colors.dim(`${isTitleOnly ? ' (no abstract)' : ''}${isWeak ? ' (not close)' : ''}`) },
      id,
    ]),
    columns,
  )
}
