// Texts and files that are as bad as they can be, of any length: what makes patterns and parsers go back and forth.

export type Pattern = readonly [name: string, make: (length: number) => string]

const repeated =
  (unit: string, { before = '', after = '' } = {}) =>
  (length: number) =>
    before + unit.repeat(Math.max(1, Math.ceil(length / unit.length))) + after

export const hostilePatterns: readonly Pattern[] = [
  ['one letter', repeated('a')],
  ['blanks', repeated(' ', { before: 'a', after: 'x' })],
  ['blanks after an entity', repeated(' ', { before: '&lt;', after: 'x' })],
  ['line breaks', repeated('\n', { before: 'a', after: 'x' })],
  ['opening angles', repeated('<')],
  ['opening tags', repeated('<a ')],
  ['tags', repeated('<b>')],
  ['entities', repeated('&lt;')],
  ['half entities', repeated('&')],
  ['backslashes', repeated('\\')],
  ['display formulas that never end', repeated('\\[')],
  ['braces', repeated('{')],
  ['commands in braces', repeated('\\text{')],
  ['dollars', repeated('$')],
  ['dollars and words', repeated('$a ')],
  ['underscores', repeated('a_')],
  ['raised to nothing', repeated('x^{')],
  ['hyphens', repeated('a-')],
  ['points', repeated('a.')],
  ['points alone', repeated('.')],
  ['apostrophes', repeated("a'")],
  ['quotes', repeated('"a ')],
  ['addresses', repeated('http://')],
  ['single letters', repeated('a b ')],
  ['capitals', repeated('A')],
  ['digits', repeated('1')],
  ['digits and points', repeated('1.')],
  ['Chinese without a break', repeated('\u4e2d\u6587\u5b57\u6bcd')],
  ['one Chinese character', repeated('\u4e2d')],
  ['Thai without a break', repeated('\u0e20\u0e32\u0e29\u0e32')],
  ['marks on one letter', repeated('\u0301', { before: 'e' })],
  ['Greek', repeated('\u03b1')],
  ['Hebrew', repeated('\u05d0 ')],
  ['family emoji', repeated('\u{1f468}\u200d\u{1f469}\u200d\u{1f467}')],
  ['halves of characters', repeated('\ud83d')],
  ['control characters', repeated('\u001b[31m')],
  ['different words', (length) => Array.from({ length: length / 8 }, (_, i) => `w${(i * 7919) % 1e6}x`).join(' ')],
  ['different names', (length) => Array.from({ length: length / 8 }, (_, i) => `N${(i * 7919) % 1e6}-X`).join(' ')],
  ['abbreviations', repeated('e.g. ')],
  ['dates', repeated('1 Jan 2020 ')],
]

const json = (abstract: string) => JSON.stringify([{ title: 't', abstract }])

export const hostileFiles: readonly Pattern[] = [
  ['entries never closed', (n) => '@a{x,\n'.repeat(n)],
  ['entries inside a text', (n) => `@a{x, t={${'\n@a{b,'.repeat(n)}`],
  ['comments in an entry', (n) => `@a{x,\n${'%\n'.repeat(n)}`],
  ['entries that wait for another', (n) => '@misc{a, crossref={b}, title={c}}'.repeat(n / 8)],
  ['paragraphs of one abstract', (n) => `A title of it\n\n${`${'word '.repeat(50)}\n\n`.repeat(n / 8)}`],
  ['line breaks of LaTeX', (n) => json('\\\\['.repeat(n))],
  ['formulas never closed', (n) => json('\\('.repeat(n))],
  ['blanks behind an entity', (n) => json(`&lt;${' '.repeat(n)}x`)],
  ['tags never closed', (n) => json('<b a=1 '.repeat(n))],
  ['nested elements', (n) => `<feed><entry><title>${'<a>'.repeat(n)}x`],
  ['records in records', (n) => `<PubmedArticleSet>${'<PubmedArticle>'.repeat(n)}`],
  ['a field wrapped over lines', (n) => `TY  - JOUR\nTI  - t\nAB  - ${'.\n'.repeat(n)}ER  - \n`],
  ['metadata of a page', (n) => `<html>${'<meta name="citation_author" content="a">'.repeat(n)}`],
  ['links never closed', (n) => `<html><body>${'<a href="https://a.example">w x y z '.repeat(n)}`],
  ['a paragraph of Markdown', (n) => `### [Of ponds](http://a.example/b)\n**Abstract**: x\n${'word\n'.repeat(n)}`],
  ['brackets', (n) => '['.repeat(n)],
  ['containers', (n) => '{"data":'.repeat(n)],
  ['quotes of a table', (n) => `title,abstract\n${'"'.repeat(n)}`],
]
