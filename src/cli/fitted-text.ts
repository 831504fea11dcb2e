// Measures, cuts and wraps text by the columns it takes on a terminal, not by its characters.
import stringWidth from 'string-width'

/** Columns that a text takes on a terminal: two for a wide character, none for a combining mark. */
export function width(text: string): number {
  if (isPlain(text)) return text.length
  let sum = 0
  for (const piece of pieces(text)) sum += isPlain(piece) ? piece.length : stringWidth(piece)
  return sum
}

const isPlain = (text: string) => /^[\x20-\x7e]*$/u.test(text)
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

const mostMeasured = 512

/** Splits a text between graphemes into short pieces, as segmenting takes time quadratic in the length. */
function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const piece = text.slice(start, start + mostMeasured)
    let end = piece.length
    // The last grapheme may continue in the next piece; a grapheme longer than a piece is split.
    if (start + end < text.length) for (const { index } of graphemes.segment(piece)) if (index > 0) end = index
    yield piece.slice(0, end)
    start += end
  }
}

/**
 * The text, or as many first words as fit into `columns` with an ellipsis. A word is cut only if it is the first, or if
 * it is at least `columns` wide and leaving it out would leave more than half of them empty.
 */
export function shortened(text: string, columns: number): string {
  if (text.length * 2 <= columns || width(text) <= columns) return text
  let used = 1
  let kept = ''
  let atWord = 0
  for (const piece of pieces(text))
    for (const { segment } of graphemes.segment(piece)) {
      if (/^\s/u.test(segment) || spaceless.test(segment) || spaceless.test(kept.slice(-2))) {
        atWord = kept.length
      }
      used += width(segment)
      if (used > columns) {
        const [word = ''] = /^\s*\S*/u.exec(text.slice(atWord, atWord + 4 * columns)) ?? []
        const whole = kept.slice(0, atWord).trimEnd()
        const isCut = whole === '' || (width(word.trim()) >= columns && width(whole) * 2 < columns)
        return `${isCut ? kept.trimEnd() : whole}…`
      }
      kept += segment
    }
  return `${kept.trimEnd()}…`
}

/** Scripts without spaces between words. */
const spaceless =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u3000-\u303f\uff00-\uff65]/u
const segmented = new Intl.Segmenter('zh', { granularity: 'word' })
// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes of colours are kept in one piece.
const colour = /(\u001b\[\d+m)/u

/** Splits a word where a line may break: nowhere, except in scripts without spaces. */
function breakable(word: string): string[] {
  if (!spaceless.test(word)) return [word]
  const parts: string[] = []
  let before = ''
  for (const piece of word.split(colour))
    for (const { segment, isWordLike } of colour.test(piece) ? [{ segment: piece }] : segmented.segment(piece)) {
      // A line never starts with closing punctuation or ends with opening punctuation.
      if (/^[\p{Ps}\p{Pi}]$/u.test(segment)) before += segment
      else if (isWordLike || parts.length === 0) {
        parts.push(before + segment)
        before = ''
      } else {
        parts[parts.length - 1] += before + segment
        before = ''
      }
    }
  if (before !== '') parts.push(before)
  return parts
}

/**
 * Wraps words into lines of at most `columns`; `indent` starts the first line, `hanging` the others. A wider word, such
 * as an address, overruns a line of its own.
 */
export function wrapped(text: string, columns: number, indent = '', hanging = indent): string {
  if (width(indent) + width(text) <= columns) return indent + text
  const lines: string[] = []
  let line = ''
  let used = width(indent)
  for (const [, space = '', word = ''] of text.trim().matchAll(/(\s*)(\S+)/gu))
    for (const [place, part] of breakable(word).entries()) {
      const gap = line !== '' && place === 0 ? space : ''
      const wide = width(part)
      if (line !== '' && used + gap.length + wide > columns) {
        lines.push(line)
        line = part
        used = width(hanging) + wide
      } else {
        line += gap + part
        used += gap.length + wide
      }
    }
  return [...lines, line].map((own, i) => (i === 0 ? indent : hanging) + own).join('\n')
}

/** Wraps the lines that are too long; the others stay unchanged. */
export function fitted(text: string, columns: number): string {
  if (columns === Number.POSITIVE_INFINITY) return text
  return text
    .split('\n')
    .map((line) => (width(line) <= columns ? line : wrapped(line, columns, /^\s*/u.exec(line)?.[0])))
    .join('\n')
}

/** The maximum length of a line of prose, however wide the terminal. */
const mostProse = 100

/** Paragraphs wrapped to a readable width; when the output is not a terminal, each is one line. */
export function prose(text: string, columns: number, indent = ''): string {
  return text
    .split(/\n\s*\n|\n(?=[ \t])/u)
    .map((paragraph) => paragraph.replace(/\s+/gu, ' ').trim())
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) =>
      wrapped(paragraph, columns === Number.POSITIVE_INFINITY ? columns : Math.min(columns, mostProse), indent),
    )
    .join('\n\n')
}
