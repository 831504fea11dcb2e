// Tables fitted to a width in terminal columns, not characters. Pure functions.
import { type Paper, paperName } from '../paper.ts'
import { paperLink } from '../report/links.ts'
import { shortScore } from '../report/wording.ts'
import { shortened, width } from './fitted-text.ts'
import type { Colors } from './terminal.ts'
import { bar } from './terminal.ts'

/** A column of a table. */
interface Column {
  /** @default no header; without any header there is no header line */
  readonly header?: string
  /** @default 'left' */
  readonly align?: 'left' | 'right'
  /** Takes the width that the others leave, and is cut first. */
  readonly isFlexible?: boolean
  /** Left out if the flexible columns would get less than `least`; the last such column goes first. */
  readonly isOptional?: boolean
  /** Maximum width in columns. @default no limit */
  readonly maxWidth?: number
  /** Colours a cell after cutting and padding. */
  readonly style?: (text: string) => string
}

/** A cell's content; a `suffix` follows the text even if that is cut. */
type Cell = string | { readonly text: string; readonly suffix: string }

const gap = 2
const minFlexible = 20
/** Columns that suffice to recognise a title. */
const minTitle = 32

/** Lines of cells that fit `columns`; `Infinity` cuts nothing. */
export function table(
  columnsOf: readonly Column[],
  rows: readonly (readonly Cell[])[],
  columns: number,
  { least = minFlexible }: { readonly least?: number } = {},
): string {
  const natural = columnsOf.map(({ header = '', maxWidth = Number.POSITIVE_INFINITY }, i) =>
    Math.min(
      maxWidth,
      rows.reduce((most, row) => Math.max(most, cellWidth(row[i])), width(header)),
    ),
  )
  let shown = columnsOf.map((_, i) => i).filter((i) => natural[i]! > 0)
  const fixed = () => shown.filter((i) => !columnsOf[i]!.isFlexible)
  const room = () => columns - fixed().reduce((sum, i) => sum + natural[i]!, 0) - gap * (shown.length - 1)
  const flexible = shown.filter((i) => columnsOf[i]!.isFlexible)
  const wanted = () => flexible.reduce((sum, i) => sum + Math.min(least, natural[i]!), 0)
  while (room() < wanted() && shown.some((i) => columnsOf[i]!.isOptional)) {
    const last = shown.findLast((i) => columnsOf[i]!.isOptional)
    shown = shown.filter((i) => i !== last)
  }
  const widths = new Map(shown.map((i) => [i, natural[i]]))
  // Flexible columns share the width: narrow ones take only what they need.
  let left = room()
  const open = [...flexible].sort((a, b) => natural[a]! - natural[b]!)
  for (const [place, i] of open.entries()) {
    const share = Math.max(1, Math.min(natural[i]!, Math.floor(left / (open.length - place))))
    // Cutting between words may leave some of it unused.
    const used = rows.reduce(
      (most, row) => Math.max(most, width(cellText(row[i], share))),
      width(columnsOf[i]?.header ?? ''),
    )
    widths.set(i, Math.min(share, used))
    left -= Math.min(share, used)
  }
  const line = (cells: readonly Cell[], style: (text: string, column: Column) => string) =>
    shown
      .map((i, place) => {
        const column = columnsOf[i]!
        const text = cellText(cells[i], widths.get(i) as number)
        const fill = ' '.repeat(Math.max(0, (widths.get(i) as number) - width(text)))
        const isLast = place === shown.length - 1
        const filled = column.align === 'right' ? fill + text : text + (isLast ? '' : fill)
        return style(filled, column)
      })
      .join(' '.repeat(gap))
      .trimEnd()
  const lines = rows.map((row) => line(row, (text, { style }) => style?.(text) ?? text))
  if (shown.some((i) => columnsOf[i]!.header !== undefined))
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

function cellText(cell: Cell = '', columns: number): string {
  if (typeof cell === 'string') return isolated(shortened(cell, columns))
  return isolated(shortened(cell.text, columns - width(cell.suffix))) + cell.suffix
}

const rightToLeft = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/** Keeps right-to-left text from reordering its neighbours (first-strong isolate, Unicode UAX 9). */
function isolated(text: string): string {
  return rightToLeft.test(text) ? `\u2068${text}\u2069` : text
}

/** The bar next to a score, on a terminal wide enough for it. */
function scoreBar(score: number, columns: number): string {
  return columns === Number.POSITIVE_INFINITY || columns < 80 ? '' : bar(score, 5)
}

/** A paper in a list. */
export interface ListedPaper {
  readonly paper: Paper
  /** Follows the title even if that is cut: `(near-duplicate)`. */
  readonly mark?: string
  readonly score?: number
  /** @default no column for it */
  readonly area?: string | undefined
}

/**
 * One line per paper: score, bar, title and id, or without scores id and title; then, if they fit, date, area and link.
 */
export function paperTable(papers: readonly ListedPaper[], colors: Colors, columns: number): string {
  const id = { style: colors.dim, maxWidth: idWidth(columns) }
  return table(
    [
      { align: 'right', style: colors.cyan },
      { style: colors.cyan },
      id,
      { isFlexible: true },
      id,
      { isOptional: true, style: colors.dim },
      { isOptional: true, style: colors.dim, maxWidth: 44 },
      { isOptional: true, style: colors.dim },
    ],
    papers.map(({ paper, mark = '', score, area = '' }) => [
      score === undefined ? '' : shortScore(score),
      score === undefined ? '' : scoreBar(score, columns),
      score === undefined ? paper.id : '',
      { text: paperName(paper), suffix: colors.dim(`${paper.titleOnly ? ' (no abstract)' : ''}${mark && ` ${mark}`}`) },
      score === undefined ? '' : paper.id,
      paper.published?.slice(0, 10) ?? '',
      area,
      paperLink(paper) ?? '',
    ]),
    columns,
    { least: minTitle },
  )
}

/** Width of an id; ids of arXiv and ids derived from titles are never cut. */
const idWidth = (columns: number) => Math.max(16, Math.floor(columns / 3))
