import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainText } from '../../src/text/plain-text.ts'

describe('LaTeX and markup here and there', () => {
  it.each([
    // Accents in all the ways in which they are written.
    [
      String.raw`Schr\"odinger, Schr{\"o}dinger, Schr\"{o}dinger and Schr{\"{o}}dinger`,
      'Schrödinger, Schrödinger, Schrödinger and Schrödinger',
    ],
    [
      String.raw`\'Etale, na\"{\i}ve, \c{c}a, \v{C}ech, Erd\H{o}s, \L{}ukasz, \AA ngstr\"om, \O re, Stra\ss e`,
      'Étale, naïve, ça, Čech, Erdős, Łukasz, Ångström, Øre, Straße',
    ],
    [String.raw`Poincar\'e's na\"ive \~n \^o \r{a} \u{g} \k{a} \d{s} \.z`, "Poincaré's naïve ñ ô å ğ ą ṣ ż"],
    // Formulas.
    ['in $O(n \\log n)$ time', 'in O(n log n) time'],
    [
      'an $\\alpha$-approximation, $\\epsilon \\leq 10^{-3}$, $x_i^2$, $n^{k+1}$, $\\mathbb{R}^d$',
      'an α-approximation, ϵ ≤ 10⁻³, xᵢ², nᵏ⁺¹, ℝᵈ',
    ],
    ['$\\frac{1}{2}$ of $\\sqrt{n}$, $p<0.05$ and $\\mathcal{L}_{\\text{rate}}$', '1/2 of √n, p<0.05 and L_rate'],
    ['we get $$E = mc^2$$ here', 'we get E = mc² here'],
    ['a \\(k\\)-means', 'a k-means'],
    // Commands.
    ['the \\emph{best} {\\bf bold} \\textit{name} \\texttt{code}', 'the best bold name code'],
    [
      'see \\url{http://a.example/b_c} and \\href{http://a.example}{this page}',
      'see http://a.example/b_c and this page',
    ],
    ['as shown~\\cite{moss} in \\ref{fig}', 'as shown~ in'],
    ["``quoted'' words, 100\\% of \\$5 \\& more\\_", '“quoted” words, 100% of $5 & more_'],
    // Tags and entities.
    ['CO<sub>2</sub> in <i>E. coli</i> &amp; more', 'CO2 in E. coli & more'],
    ['<jats:p>One.</jats:p><jats:p>Two.</jats:p>', 'One.\nTwo.'],
    // What is no markup stays.
    ['it costs $5 and $10, or $20K-$30K', 'it costs $5 and $10, or $20K-$30K'],
    ['where p < 0.05 and x<y or a > b', 'where p < 0.05 and x<y or a > b'],
    ['AT&T and R&D', 'AT&T and R&D'],
    ['a set {1, 2} of x_i and y^2', 'a set {1, 2} of x_i and y^2'],
    ["the cat's 'whiskers'", "the cat's 'whiskers'"],
    ['C:\\ is a drive', 'C: is a drive'],
  ])('%s', (text, readable) => {
    expect(plainText(text, 'some')).toBe(readable)
  })

  it('gives back the very text where there is nothing to do, and always where a format has no markup', () => {
    expect(plainText('Plain words, 100% of them — “quoted”.', 'some')).toBe('Plain words, 100% of them — “quoted”.')
    expect(plainText('a \\emph{b}', 'none')).toBe('a \\emph{b}')
  })
})

describe('LaTeX all through', () => {
  it.each([
    ['{M}ethane -- from {P}onds---and {L}akes', 'Methane – from Ponds—and Lakes'],
    ['One line\n   and another. 50% of it.\nA third~one', 'One line and another. 50% of it. A third one'],
    ['One.\n\nTwo.', 'One.\n\nTwo.'],
    ['100\\% of \\{sets\\}', '100% of {sets}'],
    ["`one' and ``two''", '‘one’ and “two”'],
  ])('%j', (text, readable) => {
    expect(plainText(text, 'latex')).toBe(readable)
  })
})

it('ends, and leaves no mark of its own, whatever comes', () => {
  const parts = fc.constantFrom(
    '\\',
    '$',
    '{',
    '}',
    '^',
    '_',
    '"',
    "'",
    '`',
    '&',
    '<',
    '>',
    '\\alpha',
    '\\"',
    '\\frac',
    '%',
    '~',
    ' ',
    '\n',
    'a',
    'é',
    '<i>',
    '&amp;',
    '\\begin{x}',
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 200 }), (pieces) => {
      for (const markup of ['some', 'latex'] as const)
        expect(plainText(pieces.join(''), markup)).not.toMatch(/[\ue000-\ue012]/u)
    }),
  )
  // Nothing here may take more than linear time.
  for (const text of [
    '$'.repeat(50_000),
    '\\'.repeat(50_000),
    '{'.repeat(50_000),
    '<i '.repeat(20_000),
    '\\frac{'.repeat(10_000),
    '$a '.repeat(20_000),
    '^{'.repeat(20_000),
    '--'.repeat(20_000),
  ])
    expect(plainText(text, 'latex').length).toBeLessThanOrEqual(text.length * 2)
})
