import type { Paper } from '../../paper.ts'
import { stem, tokens } from '../../text/tokens.ts'

const quoted = /"([^"]+)"|\u201c([^\u201d]+)\u201d|\u201e([^\u201c\u201d]+)[\u201c\u201d]|\u00ab([^\u00bb]+)\u00bb/gu

/**
 * The phrases that a query asks for in quotes, straight or curved; a quote that is never closed is no more than a
 * character. A phrase without a word that can be looked up is passed over.
 */
export function quotedPhrases(query: string): string[] {
  return Array.from(query.matchAll(quoted), (match) => (match.slice(1).find((text) => text !== undefined) ?? '').trim()) //
    .filter((phrase) => tokens(phrase).length > 0)
}

/** A function that says whether the stems of a phrase stand side by side in a paper's title or in its abstract. */
export function phraseMatcher(phrase: string): (paper: Paper) => boolean {
  const wanted = tokens(phrase).map(stem)
  return ({ title, abstract }) => [title, abstract].some((text) => holds(tokens(text).map(stem), wanted))
}

function holds(stems: readonly string[], wanted: readonly string[]): boolean {
  for (
    let place = stems.indexOf(wanted[0] as string);
    place >= 0;
    place = stems.indexOf(wanted[0] as string, place + 1)
  )
    if (wanted.every((stemmed, i) => stems[place + i] === stemmed)) return true
  return false
}
