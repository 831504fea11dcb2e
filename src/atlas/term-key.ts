/** One key for all spellings of a term: lower case, the last word in the singular, one space between words. */
export function termKey(term: string): string {
  const lower = term
    .toLowerCase()
    .replace(/[’']s\b/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
  // Only an s after another letter than a, i, s or u is taken for a plural, and only in longer terms.
  return /[^aisu]s$/u.test(lower) && lower.length > 3 ? lower.slice(0, -1) : lower
}
