// Splits texts into words: folded for an index, or as written for phrases and their spelling.
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

/**
 * Removes URLs, LaTeX commands and tags, which are not words; LaTeX accents become plain letters. For text to be read,
 * use `plainText`.
 */
export function withoutMarkup(text: string): string {
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
/** A character class for regular expressions: scripts without spaces between words. */
export const unspacedScripts =
  '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}]'
const unspaced = new RegExp(unspacedScripts, 'u')
const beyondAscii = /[^\0-\x7f]/u
// Sub- and superscripts: H$_2$O, Fe$_{3}$O$_4$, $10^{-3}$.
const script = /(?<=[\p{L}\p{N}])\$?\s?[_^]\s?\{?\s?(?:\\?[a-z]+\{)?([\p{L}\p{N}+-]{1,6})\}?\}?\$?/gu
/** Joins sub- and superscripts to their base as one word: H2O. */
function withoutScripts(text: string): string {
  return text.includes('_') || text.includes('^') ? text.replace(script, '$1') : text
}

const loneGreek = /(?<!\p{Script=Greek})\p{Script=Greek}(?!\p{Script=Greek})/gu
const greekNames: Readonly<Record<string, string>> = Object.fromEntries(
  `α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho
  σ sigma τ tau υ upsilon φ phi χ chi ψ psi ω omega`
    .split(/\s+/u)
    .flatMap((name, i, all) => (i % 2 === 0 ? [[name, all[i + 1]!]] : [])),
)
const possessive = /['’][sS]\b/gu
// Runs of words joined by hyphens or points; the first is for ASCII text, and four times as fast.
const asciiRun = /[a-zA-Z0-9][a-zA-Z0-9_.-]*/g
const run = /[\p{L}\p{N}][\p{L}\p{N}\p{M}_.‐‑–-]*/gu
const simple = /^[a-z]+$/
const hyphen = /[‐‑–-]/u
// A point next to a number belongs to it (qwen2.5); others separate words.
const point = /(?<!\p{N})\.+|\.+(?!\p{N})/u
const hasNumber = /\p{N}/u

/** A word of a text, or a name joined from adjacent ones. */
interface Token {
  /** 2 … 64 characters. */
  readonly text: string
  /** True for a name joined from words also given separately: gpt4 for GPT-4, vitaminc for vitamin C. */
  readonly isJoined: boolean
  /** Position in the prepared text; `to` is exclusive. */
  readonly from: number
  readonly to: number
}

/**
 * The words of a text, folded, in order: split at hyphens, without words of one character. Names whose parts say little
 * (GPT-4, t-SNE, IL-6, vitamin C, Llama 3) also come joined, after their last part, so that they match in any spelling.
 * Scripts without spaces between words give overlapping pairs of characters.
 */
export function readTokens(text: string): Generator<Token> {
  return cut(folded(withoutScripts(withoutMarkup(text))))
}

/** The words of {@link readTokens} in the spelling of the text, and the prepared text that their positions refer to. */
export function readSpelled(text: string): { readonly plain: string; readonly words: Generator<Token> } {
  const plain = withoutPossessive(withoutScripts(withoutMarkup(text)))
  return { plain, words: cut(plain) }
}

/** Folds a text for comparison: lower case, no compatibility forms or Latin accents, lone Greek letters spelled out. */
export function folded(text: string): string {
  let plain = text.toLowerCase()
  if (beyondAscii.test(plain))
    plain = plain
      .normalize('NFKD')
      .replace(latinMarks, '$1')
      .normalize('NFC')
      .toLowerCase()
      .replace(loneGreek, (letter) => greekNames[letter] ?? letter)
  return withoutPossessive(plain)
}

function withoutPossessive(text: string): string {
  return text.includes("'") || text.includes('’') ? text.replace(possessive, '') : text
}

function* cut(plain: string): Generator<Token> {
  const isStop = (word: string) => stopWords.has(word.toLowerCase())
  // The word that a single character would be joined to: the one before it, separated by one space or hyphen.
  let before = ''
  let start = 0
  let end = -2
  for (const { 0: match, index } of plain.matchAll(beyondAscii.test(plain) ? run : asciiRun)) {
    if (index !== end + 1 || plain[end] !== ' ') before = ''
    end = index + match.length
    if (match.length > 1 && match.length <= 64 && simple.test(match)) {
      yield { text: match, isJoined: false, from: index, to: end }
      before = stopWords.has(match) ? '' : match
      start = index
      continue
    }
    let to = index
    for (const compound of match.includes('.') ? match.split(point) : [match]) {
      const parts = compound.split(hyphen).filter((part) => part !== '')
      if (parts.length > 1) before = ''
      let first = -1
      for (const part of parts) {
        const from = plain.indexOf(part, to)
        to = from + part.length
        if (first < 0) first = from
        if (part.length < 2) {
          const isName = parts.length > 1 || !/^[ai]$/iu.test(part)
          if (before !== '' && isName && /[a-zA-Z0-9]/u.test(part))
            yield { text: `${before}${part}`, isJoined: true, from: start, to }
          before = ''
        } else if (unspaced.test(part)) {
          const characters = [...part]
          let at = from
          for (let i = 1; i < characters.length; i++) {
            const text = `${characters[i - 1]}${characters[i]}`
            yield { text, isJoined: false, from: at, to: at + text.length }
            at += (characters[i - 1] as string).length
          }
          before = ''
        } else {
          const text = part.length > 64 ? part.slice(0, 64) : part
          yield { text, isJoined: false, from, to }
          before = isStop(text) ? '' : text
          start = from
        }
      }
      if (parts.length === 2 || parts.length === 3) {
        const last = parts[parts.length - 1] as string
        const hasShort = (parts[0] as string).length < 2
        if (last.length > 1 && (hasShort || parts.some((part) => part.length > 1 && hasNumber.test(part))))
          yield { text: parts.join('').slice(0, 64), isJoined: true, from: first, to }
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

/** The stem of a lower-case word (Porter 1980); words with other characters than a … z are returned unchanged. */
export function stem(token: string): string {
  let known = stems.get(token)
  if (known === undefined) {
    known = token.length > 2 && ascii.test(token) ? stemmer(token) : token
    if (stems.size >= 200_000) stems.clear()
    stems.set(token, known)
  }
  return known
}

// A word as written: with inner hyphens and apostrophes, and C++ and C# as one word.
const wordPattern =
  /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:[-‐‑'’][\p{L}\p{N}][\p{L}\p{N}\p{M}]*)*(?:\+\+|#(?![\p{L}\p{N}]))?/gu
const isAsciiLetterOrDigit = Uint8Array.from({ length: 128 }, (_, code) =>
  /[a-z0-9]/i.test(String.fromCharCode(code)) ? 1 : 0,
)

/**
 * Visits the words of a text as written, for phrases and their spelling: with inner hyphens and apostrophes, and C++
 * and C# as one word. ASCII text is scanned by character, three times as fast as with the pattern.
 */
export function eachWord(text: string, visit: (from: number, to: number) => void): void {
  if (beyondAscii.test(text)) {
    for (const { 0: run, index } of text.matchAll(wordPattern)) visit(index, index + run.length)
    return
  }
  const isInWord = (at: number) => at < text.length && isAsciiLetterOrDigit[text.charCodeAt(at)] === 1
  for (let from = 0; from < text.length; from++) {
    if (!isInWord(from)) continue
    let to = from + 1
    for (;;) {
      while (isInWord(to)) to++
      if ((text[to] !== '-' && text[to] !== "'") || !isInWord(to + 1)) break
      to += 2
    }
    if (text.startsWith('++', to)) to += 2
    else if (text[to] === '#' && !isInWord(to + 1)) to++
    visit(from, to)
    from = to - 1
  }
}

const severalUnspaced = new RegExp(`${unspacedScripts}{2}`, 'u')
const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

// The segmenter's time grows faster than the square of the length: 80,000 characters took 20 s. Long runs are segmented
// in pieces; words near the end of a piece may be cut, so the next piece starts with them again.
const mostSegmented = 512
const overlap = 32

/** The words in a run of letters: several if its script has no spaces between words. */
export function splitUnspaced(word: string): string[] {
  if (!severalUnspaced.test(word)) return [word]
  const words: string[] = []
  for (let start = 0; start < word.length; ) {
    const piece = word.slice(start, start + mostSegmented)
    const isLast = start + piece.length === word.length
    let end = start
    for (const { segment, index } of segmenter.segment(piece)) {
      if (!isLast && index > 0 && index + segment.length > piece.length - overlap) break
      words.push(segment)
      end = start + index + segment.length
    }
    start = end
  }
  return words
}
