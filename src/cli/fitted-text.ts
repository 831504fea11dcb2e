// Text made to fit: measured, cut and wrapped by the columns that it takes on a terminal, not by its characters.
import stringWidth from 'string-width'

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

/**
 * The text, or its first words that fit into `columns` with an ellipsis. A word is cut only where it is the first, or
 * wider than all the room and more than half of that would stay empty.
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

/** Scripts that are written without spaces between words. */
const spaceless =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u3000-\u303f\uff00-\uff65]/u
const segmented = new Intl.Segmenter('zh', { granularity: 'word' })
// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes of colours are kept in one piece.
const colour = /(\u001b\[\d+m)/u

/** The parts of a word between which a line may end: one, but for scripts without spaces. */
function breakable(word: string): string[] {
  if (!spaceless.test(word)) return [word]
  const parts: string[] = []
  let before = ''
  for (const piece of word.split(colour))
    for (const { segment, isWordLike } of colour.test(piece) ? [{ segment: piece }] : segmented.segment(piece)) {
      // No line begins with a mark that closes, or ends with one that opens.
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
 * Words laid out in lines of at most `columns`, each after `indent`, and after `hanging` from the second on. A word that
 * is wider, such as an address, has a line of its own and overruns it.
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

/** Lines as they are, but for those that are too long: their words go on below. */
export function fitted(text: string, columns: number): string {
  if (columns === Number.POSITIVE_INFINITY) return text
  return text
    .split('\n')
    .map((line) => (width(line) <= columns ? line : wrapped(line, columns, /^\s*/u.exec(line)?.[0])))
    .join('\n')
}

/** Lines of prose are no longer than this, however wide the terminal. */
const mostProse = 100

/** Paragraphs in lines that are read well; on no terminal each is one line. */
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
