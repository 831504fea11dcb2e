import type { Paper } from '../../paper.ts'
import { stem, tokens } from '../../text/tokens.ts'

const quoted = /"([^"]+)"|\u201c([^\u201d]+)\u201d|\u201e([^\u201c\u201d]+)[\u201c\u201d]|\u00ab([^\u00bb]+)\u00bb/gu

/**
 * The phrases in quotes in a query, with straight or curved quotes. An unclosed quote is an ordinary character. Phrases
 * without an indexable word are left out.
 */
export function quotedPhrases(query: string): string[] {
  return Array.from(query.matchAll(quoted), (match) => (match.slice(1).find((text) => text !== undefined) ?? '').trim()) //
    .filter((phrase) => tokens(phrase).length > 0)
}

/** Returns a test whether the stems of a phrase occur side by side in a paper's title or abstract. */
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
