// Converts LaTeX and markup in titles and abstracts to readable text. Anything not understood is kept.
import { decodeHTMLStrict } from 'entities'

/** How a format writes its texts: plain, with occasional LaTeX and tags, or entirely in LaTeX. */
export type Markup = 'none' | 'some' | 'latex'

const mayHaveMarkup = /[\\$<&]|``|''/u

/** The readable form of a text; the same string if there is nothing to change. */
export function plainText(text: string, markup: Markup): string {
  if (markup === 'none' || (markup === 'some' && !mayHaveMarkup.test(text))) return text
  const readable = withoutTags(text)
  return markup === 'latex' || /[\\$]|``|''/u.test(readable) ? withoutLatex(readable, markup === 'latex') : readable
}

// Elements of HTML, JATS and MathML that mark up text. Other text in angle brackets is not a tag, nor is a name
// followed by anything but attributes with values: `a <b and c> d` stays.
const tag =
  /<(\/?)(i|b|u|em|strong|sub|sup|small|tt|code|scp|span|font|p|br|div|h[1-6]|ul|ol|li|title|sec|italic|bold|sc|a|inline-formula|disp-formula|tex-math|(?:jats|mml|m):[a-z-]+|math|mrow|mi|mn|mo|msub|msup|msubsup|mfrac|mtext|semantics|annotation)(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+)){0,20}\s*(\/?)>/giu
const block = /^(?:p|br|div|h[1-6]|li|ul|ol|sec|title|jats:p|jats:title|jats:sec|disp-formula)$/iu

function withoutTags(text: string): string {
  if (!/[<&]/u.test(text)) return text
  let bare = text
  if (text.includes('<')) {
    // A tag must be opened and closed: `a<b>c` is a comparison.
    const opened = new Map<string, number>()
    for (const [, closing, name, isVoid] of text.matchAll(tag)) {
      const key = (name as string).toLowerCase()
      if (!isVoid) opened.set(key, (opened.get(key) ?? 0) + (closing ? -1 : 1))
    }
    bare = text.replace(tag, (found, _, name: string, isVoid: string) => {
      const key = name.toLowerCase()
      if (!isVoid && key !== 'br' && key !== 'p' && opened.get(key) !== 0) return found
      return block.test(name) ? '\n' : ''
    })
  }
  const decoded = bare.includes('&') ? decodeHTMLStrict(bare) : bare
  if (decoded === text) return text
  return decoded
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}

// Combining characters for LaTeX's accents (ltoutenc); Unicode normalization composes the letters.
const accents: Readonly<Record<string, string>> = {
  '`': '\u0300',
  "'": '\u0301',
  '^': '\u0302',
  '~': '\u0303',
  '=': '\u0304',
  u: '\u0306',
  '.': '\u0307',
  '"': '\u0308',
  r: '\u030a',
  H: '\u030b',
  v: '\u030c',
  d: '\u0323',
  c: '\u0327',
  k: '\u0328',
  b: '\u0331',
}
const names = (list: string) =>
  Object.fromEntries(
    list
      .trim()
      .split(/\s+/u)
      .map((pair) => pair.split('=') as [string, string]),
  )
// Commands for characters, in text or formulas.
const symbols: Readonly<Record<string, string>> = {
  ...names(`
    ss=ß o=ø O=Ø l=ł L=Ł ae=æ AE=Æ oe=œ OE=Œ aa=å AA=Å i=ı j=ȷ dh=ð DH=Ð th=þ TH=Þ dj=đ DJ=Đ ng=ŋ NG=Ŋ
    alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ mu=μ
    nu=ν xi=ξ pi=π varpi=ϖ rho=ρ varrho=ϱ sigma=σ varsigma=ς tau=τ upsilon=υ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω
    Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω
    times=× cdot=· pm=± mp=∓ div=÷ ast=∗ star=⋆ circ=∘ bullet=• oplus=⊕ otimes=⊗ odot=⊙
    leq=≤ le=≤ geq=≥ ge=≥ neq=≠ ne=≠ ll=≪ gg=≫ approx=≈ sim=∼ simeq=≃ cong=≅ equiv=≡ propto=∝ lesssim=≲ gtrsim=≳
    to=→ rightarrow=→ leftarrow=← leftrightarrow=↔ Rightarrow=⇒ Leftarrow=⇐ Leftrightarrow=⇔ mapsto=↦ longrightarrow=⟶ uparrow=↑
    downarrow=↓ in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇ cup=∪ cap=∩ setminus=∖ emptyset=∅ varnothing=∅
    forall=∀ exists=∃ neg=¬ wedge=∧ vee=∨ land=∧ lor=∨ top=⊤ bot=⊥ vdash=⊢ models=⊨
    infty=∞ partial=∂ nabla=∇ sum=∑ prod=∏ int=∫ oint=∮ sqrt=√ ell=ℓ hbar=ℏ Re=ℜ Im=ℑ aleph=ℵ angle=∠ prime=′ dagger=† ddagger=‡
    langle=⟨ rangle=⟩ lceil=⌈ rceil=⌉ lfloor=⌊ rfloor=⌋ ldots=… cdots=⋯ dots=… vdots=⋮ textellipsis=…
    degree=° textdegree=° textmu=µ euro=€ texteuro=€ pounds=£ textsterling=£ copyright=© textregistered=® texttrademark=™ S=§ P=¶
    textquotesingle=' textquotedbl=" quotedblbase=„ quotesinglbase=‚ guilsinglleft=‹ guilsinglright=› textasteriskcentered=∗ textellipsis=…
    textpm=± texttimes=× textdiv=÷ textonehalf=½ textonequarter=¼ textthreequarters=¾ textbullet=• textdollar=$ textpercent=\ue003 textrightarrow=→
    textleftarrow=← textcelsius=℃ textonesuperior=¹ texttwosuperior=² textthreesuperior=³ textalpha=α textbeta=β textgamma=γ textdelta=δ
    textepsilon=ε textlambda=λ textmu=µ textomega=ω textohm=Ω textperthousand=‰ textordfeminine=ª textordmasculine=º textperiodcentered=·
    textasciiacute=´ textuparrow=↑ textdownarrow=↓ textdagger=† textdaggerdbl=‡ textminus=− textsterling=£
    textexclamdown=¡ textquestiondown=¿ textcent=¢ textyen=¥ textsection=§ textparagraph=¶ textbraceleft=\ue000 textbraceright=\ue001
    textendash=– textemdash=— textquoteleft=‘ textquoteright=’ textquotedblleft=“ textquotedblright=” guillemotleft=« guillemotright=»
    textbackslash=\\ textasciitilde=\ue002 textasciicircum=^ textbar=| textless=< textgreater=> textunderscore=_ lbrace={ rbrace=} vert=| Vert=‖ mid=|
    TeX=TeX LaTeX=LaTeX BibTeX=BibTeX log=log ln=ln exp=exp sin=sin cos=cos tan=tan max=max min=min sup=sup inf=inf lim=lim arg=arg
    argmax=argmax argmin=argmin det=det dim=dim ker=ker deg=deg gcd=gcd Pr=Pr tanh=tanh sinh=sinh cosh=cosh bmod=mod
  `),
  textasciigrave: '`',
  quad: ' ',
  qquad: ' ',
  space: ' ',
  newline: ' ',
  par: '\n',
}
// Commands without meaning for a reader: sizes, typefaces, spaces, brackets that grow.
const silent = new Set(
  'em it bf tt rm sf sc sl tiny small large Large huge Huge normalsize footnotesize scriptsize left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle limits nolimits noindent centering item protect relax boldmath itshape bfseries scshape ttfamily hfill smallskip medskip bigskip'.split(
    ' ',
  ),
)
// Commands whose argument is removed too; those of other commands are kept.
const hidden = new Set([
  'label',
  'cite',
  'citep',
  'citet',
  'citealp',
  'ref',
  'eqref',
  'vspace',
  'hspace',
  'footnotemark',
  'thanks',
  'phantom',
  'begin',
  'end',
  'color',
])
const superscripts: Readonly<Record<string, string>> = names(
  '0=⁰ 1=¹ 2=² 3=³ 4=⁴ 5=⁵ 6=⁶ 7=⁷ 8=⁸ 9=⁹ +=⁺ -=⁻ (=⁽ )=⁾ n=ⁿ i=ⁱ k=ᵏ m=ᵐ d=ᵈ ∘=° °=° ′=′ *=* †=† T=ᵀ',
)
const subscripts: Readonly<Record<string, string>> = names(
  '0=₀ 1=₁ 2=₂ 3=₃ 4=₄ 5=₅ 6=₆ 7=₇ 8=₈ 9=₉ +=₊ -=₋ (=₍ )=₎ i=ᵢ j=ⱼ n=ₙ k=ₖ t=ₜ x=ₓ p=ₚ m=ₘ',
)
const letterCommands = new Set('ss o O l L ae AE oe OE aa AA i j dh DH th TH dj DJ ng NG'.split(' '))
const letters: Readonly<Record<string, string>> = names('R=ℝ N=ℕ Z=ℤ Q=ℚ C=ℂ P=ℙ')

function withoutLatex(text: string, isLatex: boolean): string {
  const hasCommands = /\\[a-zA-Z"'`^~=.]/u.test(text)
  // Characters of a URL are kept literally.
  let readable = text.replace(/\\url\s*\{([^{}]*)\}/gu, (_, address: string) =>
    address.replace(/\\?[~%]/gu, (mark) => (mark.endsWith('~') ? '\ue002' : '\ue003')),
  )
  readable = withoutDollars(
    readable.replace(/\$\$([^$]+)\$\$/gu, (_, formula: string) => ` ${plainFormula(formula)} `),
  ).replace(/(?<!\\)(?:\\\(([\s\S]{1,400}?)\\\)|\\\[([\s\S]{1,400}?)\\\])/gu, (_, inline?: string, display?: string) =>
    plainFormula(inline ?? display ?? ''),
  )
  readable = plainCommands(readable)
  readable = readable.replace(/``|''(?!')/gu, (quotes) => (quotes === '``' ? '“' : '”'))
  if (isLatex)
    readable = readable
      .replace(/(^|[^-])---(?!-)/gu, '$1—')
      .replace(/(^|[^-])--(?!-)/gu, '$1–')
      .replace(/`([^`'\n]*)'/gu, '‘$1’')
      .replace(/~/gu, ' ')
  if (isLatex)
    readable = readable
      .split(/\n\s*\n/u)
      .map((paragraph) => paragraph.replace(/\s+/gu, ' ').trim())
      .join('\n\n')
  if (isLatex || hasCommands) readable = readable.replace(/[{}]/gu, '')
  return readable
    .replace(/[\ue000-\ue003]/gu, (mark) => '{}~%'[mark.charCodeAt(0) - 0xe000] as string)
    .replace(/ {2,}/gu, ' ')
    .normalize('NFC')
    .trim()
}

/**
 * Converts formulas between dollar signs. A formula does not start or end with a space and is not followed by a digit,
 * unless it contains a command or is only a sign: "$5 and $10" is not a formula, "$<$0.05" contains one.
 */
function withoutDollars(text: string): string {
  if (!text.includes('$')) return text
  let readable = ''
  let at = 0
  for (let start = text.indexOf('$'); start >= 0; start = text.indexOf('$', at)) {
    const end = text[start - 1] === '\\' ? -1 : closingDollar(text, start + 1)
    const formula = text.slice(start + 1, end)
    const hasCommand = /\\[a-zA-Z]/u.test(formula)
    const isFormula =
      end > start + 1 &&
      (hasCommand || formula.trim() === formula) &&
      (hasCommand || /^[^\p{L}\d]+$/u.test(formula) || !/\d/u.test(text[end + 1] ?? ''))
    readable += text.slice(at, isFormula ? start : start + 1) + (isFormula ? plainFormula(formula.trim()) : '')
    at = isFormula ? end + 1 : start + 1
  }
  return readable + text.slice(at)
}

/** The end of the formula that starts at `start`, within 400 characters and one paragraph; -1 if there is none. */
function closingDollar(text: string, start: number): number {
  const most = Math.min(text.length, start + 400)
  for (let i = start; i < most; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '$') return i
    else if (text[i] === '\n' && text[i + 1] === '\n') return -1
  }
  return -1
}

/** Converts accents, symbols and commands with their arguments. */
function plainCommands(text: string): string {
  if (!text.includes('\\')) return text
  // An accent without a letter is its sign. A double backslash before the name of a symbol was escaped twice; any other
  // is a line break.
  const broken = text
    .replace(/\{\\([~^"'`])\}/gu, (_, sign: string) => (sign === '~' ? '\ue002' : sign))
    .replace(/\\\\([a-zA-Z]{2,30})(?![a-zA-Z])/gu, (whole, name: string) =>
      Object.hasOwn(symbols, name) ? `\\${name}` : whole,
    )
    .replace(/\\\\(?:\[[^[\]\\\n]{0,20}\])?/gu, ' ')
  return (
    withAccents(broken)
      // Placeholders protect escaped braces, tildes and percent signs until the bare ones are removed.
      .replace(/\\([{}])/gu, (_, brace: string) => (brace === '{' ? '\ue000' : '\ue001'))
      .replace(/\\%/gu, '\ue003')
      .replace(/\\([#$&_])/gu, '$1')
      .replace(/\\xspace(?![a-zA-Z])/gu, '')
      .replace(/\\\//gu, '')
      .replace(/\\[,;: ]/gu, ' ')
      .replace(/\\[!-](?![a-zA-Z]*\{)/gu, '')
      .replace(/\\href\s*\{[^{}]*\}\s*\{([^{}]*)\}/gu, '$1')
      .replace(/\\mathbb\s*\{?([A-Z])\}?/gu, (_, letter: string) => letters[letter] ?? letter)
      .replace(/\\[td]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/gu, '$1/$2')
      .replace(/\\([a-zA-Z]+)\*?(?:[ \t]*\{\}|[ \t]*\n?)(\[[^[\]]*\])?/gu, (whole, name: string, option?: string) => {
        const symbol = Object.hasOwn(symbols, name) ? symbols[name] : undefined
        // The space after a letter command only ends the command: `Stra\\ss e`.
        const isLetter = letterCommands.has(name) || name.startsWith('text')
        const blank = /[ \t\n]$/u.test(whole) && !whole.includes('{}') && !isLetter ? ' ' : ''
        if (symbol !== undefined) return symbol + blank + (option ?? '')
        if (silent.has(name)) return option ?? ''
        if (hidden.has(name)) return `\ue010${option ?? ''}`
        // The name of an unknown command is kept only if it has no argument.
        return option === undefined ? `\ue011${name}\ue012` : ''
      })
      .replace(/[ ~]?\ue010\s*\{[^{}]*\}(?=[,.;:)])|\ue010\s*\{[^{}]*\}/gu, '')
      .replace(/\ue010/gu, '')
      .replace(/\ue011[a-zA-Z]+\ue012(?=\s*\{)/gu, '')
      .replace(/\ue011([a-zA-Z]+)\ue012/gu, '$1 ')
  )
}

/** Converts accented letters, the inner ones of stacked accents first. */
function withAccents(text: string): string {
  let accentedText = text
  for (let before = '', depth = 0; accentedText !== before && depth < 4; depth++) {
    before = accentedText
    accentedText = accentedText
      .replace(
        /\\([`'^~=."])\s?(?:\{\s?(\\[ij]|\p{L}\p{M}*)?\s?\}|(\\[ij](?![a-zA-Z])|\p{L}\p{M}*))/gu,
        (whole, accent: string, braced?: string, bare?: string) => accented(accent, braced ?? bare) ?? whole,
      )
      .replace(
        /\\([uvHrcdbk])(?:\s?\{\s?(\\[ij]|\p{L}\p{M}*)\s?\}|\s+(\\[ij](?![a-zA-Z])|\p{L}\p{M}*))/gu,
        (whole, accent: string, braced?: string, bare?: string) => accented(accent, braced ?? bare) ?? whole,
      )
  }
  return accentedText
}

function accented(accent: string, letter: string | undefined): string | undefined {
  const mark = accents[accent]
  if (mark === undefined) return undefined
  if (letter === undefined) return ''
  return (letter === '\\i' ? 'i' : letter === '\\j' ? 'j' : letter).normalize('NFC') + mark
}

/** Converts a formula to one line: symbols, and super- and subscripts where Unicode has them. */
function plainFormula(formula: string): string {
  const text = plainCommands(formula)
    .replace(/[ \t\n]+/gu, ' ')
    .replace(/~/gu, ' ')
  return text
    .replace(/([\^_])(?:\{([^{}]*)\}|(\S))/gu, (_, mark: string, braced?: string, bare?: string) => {
      const inner = (braced ?? bare ?? '').trim()
      const table = mark === '^' ? superscripts : subscripts
      const shifted = [...inner].map((character) => (Object.hasOwn(table, character) ? table[character] : undefined))
      if (inner !== '' && shifted.every((character) => character !== undefined)) return shifted.join('')
      if (inner === '') return ''
      return [...inner].length === 1 ? mark + inner : `${mark}(${inner})`
    })
    .replace(/[{}]/gu, '')
    .trim()
}
