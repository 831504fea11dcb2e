import { stemmer } from 'stemmer'

/**
 * English words that carry no subject: articles, pronouns, prepositions, conjunctions, auxiliaries, and adverbs of
 * degree and order. Lower case.
 */
export const stopWords: ReadonlySet<string> = new Set(
  `a about above across after afterwards again against all almost alone along already also although always am among
  an and another any anyone anything anywhere are around as at back be became because become becomes been before
  behind being below beneath beside besides between beyond both but by can cannot could did do does doing done down
  due during each either else elsewhere enough etc even ever every everyone everything everywhere except few for
  former from further had has have having he hence her here hers herself him himself his how however i if in indeed
  instead into is it its itself just last latter least less made make many may me meanwhile might mine more moreover
  most mostly much must my myself namely neither never nevertheless next no nobody none nor not nothing now nowhere
  of off often on once only onto or other others otherwise our ours ourselves out over own per perhaps quite rather
  really same seem seemed seeming seems several shall she should since so some somehow someone something sometimes
  somewhere still such than that the their theirs them themselves then thence there thereby therefore therein these
  they this those though through throughout thus to together too toward towards under unless until up upon us very
  via was we well were what whatever when whenever where whereas whereby wherein wherever whether which while who
  whoever whole whom whose why will with within without would yet you your yours yourself yourselves`.split(/\s+/u),
)

const url = /\b(?:https?:\/\/|www\.)\S+/giu
const latexAccentSymbol = /\\["'`^~=.]\s?\{?\\?([a-zA-Z])\}?/gu
const latexStyle =
  /\\(?:text|math)(?:bf|it|rm|sf|tt|sc|cal|bb|frak|scr|normal|up)?(?![a-zA-Z])|\\(?:emph|underline|cite[pt]?|ref|label|footnote|left|right|big|Big|frac|sqrt|operatorname|begin|end|item)(?![a-zA-Z])/gu
const markup = /<\/?[a-z][^<>]{0,200}>/giu

/** The words of a text without addresses, LaTeX commands and markup; accents written in LaTeX become letters. */
export function plainText(text: string): string {
  let plain = text
  if (plain.includes('://') || plain.includes('www.')) plain = plain.replace(url, ' ')
  if (plain.includes('\\'))
    plain = plain
      .replace(latexAccentSymbol, '$1')
      .replace(/\{\\[uvHcdbkrt]\s?\{?([a-zA-Z])\}?\}/gu, '$1')
      .replace(latexStyle, ' ')
      .replace(/\\(?=[a-zA-Z])/gu, ' ')
  if (plain.includes('<')) plain = plain.replace(markup, ' ')
  return plain
}

const word = /[\p{L}\p{N}][\p{L}\p{N}\p{M}_]*/gu
const latinMarks = /(\p{Script=Latin})\p{M}+/gu
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u
const beyondAscii = /[^\0-\x7f]/u

/**
 * The words of a text, in order: lower case, compatibility forms and Latin accents folded, hyphens split, words of one
 * character left out. Scripts that do not put spaces between words give overlapping pairs of characters.
 */
export function tokens(text: string): string[] {
  let plain = plainText(text)
  if (beyondAscii.test(plain)) plain = plain.normalize('NFKD').replace(latinMarks, '$1').normalize('NFC')
  const found: string[] = []
  for (const [match] of plain.toLowerCase().matchAll(word)) {
    if (match.length > 1 && unspaced.test(match)) {
      const characters = [...match]
      for (let i = 1; i < characters.length; i++) found.push(`${characters[i - 1]}${characters[i]}`)
    } else if (match.length > 1) found.push(match.length > 64 ? match.slice(0, 64) : match)
  }
  return found
}

const ascii = /^[a-z]+$/u
const stems = new Map<string, string>()

/** The stem of a lower-case word (Porter 1980); words with digits or of other scripts stay as they are. */
export function stem(token: string): string {
  let known = stems.get(token)
  if (known === undefined) {
    known = token.length > 2 && ascii.test(token) ? stemmer(token) : token
    if (stems.size >= 200_000) stems.clear()
    stems.set(token, known)
  }
  return known
}
