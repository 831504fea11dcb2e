import { plainText, readTokens, stem, withoutScripts } from '../text/tokens.ts'
import type { LexicalDocument } from './count-terms.ts'

/** Spells stems, and pairs of stems, as a document does; what it does not have keeps its stem. */
export function spellings({ title, abstract }: LexicalDocument): (term: string) => string {
  const words = new Map<string, string>()
  const text = withoutScripts(plainText(`${abstract}\n${title}`))
  const spelled = spellingsOf(text)
  for (const { text: word } of readTokens(text)) {
    const stemmed = stem(word)
    if (!words.has(stemmed)) words.set(stemmed, spelled(word))
  }
  return (term) =>
    term
      .split(' ')
      .map((stemmed) => words.get(stemmed) ?? stemmed)
      .join(' ')
}

const wordRun = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}_.]*[\p{L}\p{N}\p{M}])?/gu
const joint = /^[-\u2010\u2011\u2013 ]$/u

/**
 * How a text spells its words, all of them found in one reading: lower case where that occurs, as at the start of a
 * sentence a capital tells nothing; and GPT-4 for gpt4.
 */
function spellingsOf(text: string): (word: string) => string {
  const found = new Map<string, string>()
  const keep = (spelling: string, key: string) => {
    const known = found.get(key)
    if (known === undefined || spelling === key) found.set(key, spelling)
  }
  let runs: { readonly start: number; readonly end: number; readonly key: string }[] = []
  for (const { 0: run, index } of text.matchAll(wordRun)) {
    const end = index + run.length
    const last = runs.at(-1)
    const isJoined = last !== undefined && index === last.end + 1 && joint.test(text[last.end] as string)
    runs = [...(isJoined ? runs.slice(-2) : []), { start: index, end, key: run.toLowerCase() }]
    keep(run, run.toLowerCase())
    for (const part of run.split(/[._]/u)) keep(part, part.toLowerCase())
    // Two or three words are one name at most, and only where no single word is spelled so.
    for (let first = 0; first < runs.length - 1; first++) {
      const key = runs
        .slice(first)
        .map((one) => one.key)
        .join('')
      if (!found.has(key)) found.set(key, text.slice((runs[first] as (typeof runs)[number]).start, end))
    }
  }
  return (word) => found.get(word) ?? word
}
