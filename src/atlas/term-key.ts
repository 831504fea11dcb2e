/** What the spellings of a term have in common: lower case, the last word in the singular, one blank between words. */
export function termKey(term: string): string {
  const lower = term
    .toLowerCase()
    .replace(/[’']s\b/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
  // "analyses" stays: what is an s of the plural is only guessed where the word is long enough to tell.
  return /[^aisu]s$/u.test(lower) && lower.length > 3 ? lower.slice(0, -1) : lower
}
