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

const latinMarks = /(\p{Script=Latin})\p{M}+/gu
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u
const beyondAscii = /[^\0-\x7f]/u
// Sub- and superscripts: H$_2$O, Fe$_{3}$O$_4$, $10^{-3}$. What they stand at is one word with them.
const script = /(?<=[\p{L}\p{N}])\$?\s?[_^]\s?\{?\s?(?:\\?[a-z]+\{)?([\p{L}\p{N}+-]{1,6})\}?\}?\$?/gu
/** Sub- and superscripts as one word with what they stand at: H2O. */
export function withoutScripts(text: string): string {
  return text.includes('_') || text.includes('^') ? text.replace(script, '$1') : text
}

const loneGreek = /(?<!\p{Script=Greek})\p{Script=Greek}(?!\p{Script=Greek})/gu
const greekNames: Readonly<Record<string, string>> = Object.fromEntries(
  `α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho
  σ sigma τ tau υ upsilon φ phi χ chi ψ psi ω omega`
    .split(/\s+/u)
    .flatMap((name, i, all) => (i % 2 === 0 ? [[name, all[i + 1]]] : [])),
)
const possessive = /['’]s\b/gu
// Runs of words with hyphens or points between them; the first for texts in ASCII, four times as fast.
const asciiRun = /[a-z0-9][a-z0-9_.-]*/g
const run = /[\p{L}\p{N}][\p{L}\p{N}\p{M}_.‐‑–-]*/gu
const simple = /^[a-z]+$/
const hyphen = /[‐‑–-]/u
// A point belongs to a number (qwen2.5), else it parts words.
const point = /(?<!\p{N})\.+|\.+(?!\p{N})/u
const hasNumber = /\p{N}/u

/** A word of a text, or a name that is made of neighbouring ones. */
interface Token {
  /** Lower case; compatibility forms, Latin accents and Greek letters folded; 2 … 64 characters. */
  readonly text: string
  /** True for a name joined from words that were given apart: gpt4 of GPT-4, vitaminc of vitamin C. */
  readonly isJoined: boolean
}

/**
 * The words of a text, in order: hyphens split, words of one character left out. Names whose parts would tell little
 * (GPT-4, t-SNE, IL-6, vitamin C, Llama 3) are also given joined, after their last part, so that they match however they
 * are written. Scripts that do not put spaces between words give overlapping pairs of characters.
 */
export function* readTokens(text: string): Generator<Token> {
  let plain = withoutScripts(plainText(text)).toLowerCase()
  const isAscii = !beyondAscii.test(plain)
  if (!isAscii)
    plain = plain
      .normalize('NFKD')
      .replace(latinMarks, '$1')
      .normalize('NFC')
      .toLowerCase()
      .replace(loneGreek, (letter) => greekNames[letter] ?? letter)
  if (plain.includes("'") || plain.includes('’')) plain = plain.replace(possessive, '')
  // What a single character would be joined to: the word before it, with nothing but one space or hyphen between.
  let before = ''
  let end = -2
  for (const { 0: match, index } of plain.matchAll(isAscii ? asciiRun : run)) {
    if (index !== end + 1 || plain[end] !== ' ') before = ''
    end = index + match.length
    if (match.length > 1 && match.length <= 64 && simple.test(match)) {
      yield { text: match, isJoined: false }
      before = stopWords.has(match) ? '' : match
      continue
    }
    for (const compound of match.includes('.') ? match.split(point) : [match]) {
      const parts = compound.split(hyphen).filter((part) => part !== '')
      if (parts.length > 1) before = ''
      for (const part of parts) {
        if (part.length < 2) {
          const isName = parts.length > 1 || (part !== 'a' && part !== 'i')
          if (before !== '' && isName && /[a-z0-9]/u.test(part)) yield { text: `${before}${part}`, isJoined: true }
          before = ''
        } else if (unspaced.test(part)) {
          const characters = [...part]
          for (let i = 1; i < characters.length; i++)
            yield { text: `${characters[i - 1]}${characters[i]}`, isJoined: false }
          before = ''
        } else {
          const cut = part.length > 64 ? part.slice(0, 64) : part
          yield { text: cut, isJoined: false }
          before = stopWords.has(cut) ? '' : cut
        }
      }
      if (parts.length === 2 || parts.length === 3) {
        const [first, last] = [parts[0] as string, parts[parts.length - 1] as string]
        if (last.length > 1 && (first.length < 2 || parts.some((part) => part.length > 1 && hasNumber.test(part))))
          yield { text: parts.join('').slice(0, 64), isJoined: true }
      }
    }
  }
}

/** The words of a text, in order, without the joined names of {@link readTokens}. */
export function tokens(text: string): string[] {
  const words: string[] = []
  for (const { text: word, isJoined } of readTokens(text)) if (!isJoined) words.push(word)
  return words
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
