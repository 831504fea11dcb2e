// Papers as BibTeX, RIS, Markdown and links. paperkin reads the first two back with the same ids, titles and authors.

export const citationFormats = ['BibTeX', 'RIS', 'Markdown', 'Links'] as const

export type CitationFormat = (typeof citationFormats)[number]

export const endings: Readonly<Record<CitationFormat, string>> = {
  BibTeX: 'bib',
  RIS: 'ris',
  Markdown: 'md',
  Links: 'txt',
}

/** A paper to cite; texts may be empty. */
export interface Cited {
  readonly id: string
  readonly title: string
  readonly abstract: string
  readonly authors: readonly string[]
  readonly categories: readonly string[]
  /** ISO 8601. */
  readonly published: string
  readonly link: string
}

export function citations(format: CitationFormat, papers: readonly Cited[]): string {
  const one = { BibTeX: bibtex, RIS: ris, Markdown: markdown, Links: link }[format]
  return papers.map(one).join(format === 'Markdown' || format === 'Links' ? '' : '\n')
}

interface Elsewhere {
  readonly name: string
  readonly link: string
}

/** Title searches for a paper without a link. */
export function searches(title: string): readonly [arxiv: Elsewhere, scholar: Elsewhere] {
  const words = encodeURIComponent(
    title
      .replace(/["\u201c\u201d]/gu, ' ')
      .replace(/\s+/gu, ' ')
      .trim(),
  )
  return [
    { name: 'arXiv', link: `https://arxiv.org/search/?searchtype=title&query=${words}` },
    { name: 'Google Scholar', link: `https://scholar.google.com/scholar?q=%22${words}%22` },
  ]
}

const arxivId = /^https?:\/\/arxiv\.org\/abs\/((?:[a-z-]+(?:\.[A-Z]{2})?\/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?)$/u
const doiOf = /^https?:\/\/(?:dx\.)?doi\.org\/(10\.\d{4,}\/\S+)$/u

function bibtex({ id, title, abstract, authors, categories, published, link }: Cited): string {
  const arxiv = arxivId.exec(link)?.[1]
  const doi = doiOf.exec(link)?.[1]
  const [, year, month] = /^(\d{4})(?:-(\d{2}))?/u.exec(published) ?? []
  const fields: readonly (readonly [name: string, value: string | undefined])[] = [
    // Braces preserve capitals.
    ['title', `{${latex(title)}}`],
    ['author', authors.map(bibtexName).join(' and ')],
    ['date', /^\d{4}-\d{2}-\d{2}/u.exec(published)?.[0]],
    ['year', year],
    ['month', month === undefined ? undefined : String(Number(month))],
    ['eprint', arxiv],
    ['archiveprefix', arxiv && 'arXiv'],
    ['doi', doi === undefined ? undefined : decodeURI(doi)],
    ['url', link.replace(/[{}\\%]/gu, encodeURIComponent)],
    ['keywords', categories.map(latex).join(categories.some((one) => one.includes(',')) ? '; ' : ', ')],
    ['abstract', latex(abstract.replace(/\s+/gu, ' ').trim())],
  ]
  const lines = fields.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`  ${name} = {${value}}`],
  )
  return `@${arxiv === undefined ? 'article' : 'misc'}{${bibtexKey(id)},\n${lines.join(',\n')}\n}\n`
}

/** The id, so that it is read back as the same paper, without characters that keys must not have. */
const bibtexKey = (id: string) => id.replace(/[\s,={}()"#%~\\'@]+/gu, '_')

/** A name in braces if BibTeX would split it wrongly. */
const bibtexName = (name: string) => (/,|\sand\s|^\S+$/iu.test(name) ? `{${latex(name)}}` : latex(name))

const latexSpecials: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '{': '\\{',
  '}': '\\}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
}

/** Escapes LaTeX; also doubled hyphens and quotes and grave accents, which would become dashes and quotation marks. */
const latex = (text: string) =>
  text
    .replace(/[\\~^{}&%$#_]/gu, (character) => latexSpecials[character]!)
    .replace(/`/gu, '\\textasciigrave{}')
    .replace(/(['-])(?=\1)/gu, '$1{}')

function ris({ id, title, abstract, authors, categories, published, link }: Cited): string {
  const line = (text: string) => text.replace(/\s+/gu, ' ').trim()
  const doi = doiOf.exec(link)?.[1]
  const fields: readonly (readonly [tag: string, value: string])[] = [
    ['TY', arxivId.test(link) ? 'UNPB' : 'JOUR'],
    ['ID', id],
    ['TI', title],
    ...authors.map((author) => ['AU', turned(author)] as const),
    ['PY', /^\d{4}/u.exec(published)?.[0] ?? ''],
    ['DA', /^\d{4}-\d{2}/u.test(published) ? published.slice(0, 10).replaceAll('-', '/') : ''],
    ['AB', abstract],
    ...categories.map((category) => ['KW', category] as const),
    ['DO', doi === undefined ? '' : decodeURI(doi)],
    ['UR', link],
  ]
  return `${fields.flatMap(([tag, value]) => (line(value) === '' ? [] : [`${tag}  - ${line(value)}\n`])).join('')}ER  - \n`
}

/** `Ada Lovelace` as `Lovelace, Ada`, with particles in the family name; anything but a plain name stays unchanged. */
function turned(name: string): string {
  const words = name.trim().split(/\s+/u)
  if (words.length < 2 || /[,\d&()]|\s(?:jr|sr|[ivx]+)\.?$/iu.test(name)) return name
  let first = words.length - 1
  while (
    first > 1 &&
    /^(?:van|von|vom|zu|zur|der|den|de|del|della|di|da|dos|du|la|le|ter|ten|bin|ibn|al|el)$/u.test(words[first - 1]!)
  )
    first--
  return `${words.slice(first).join(' ')}, ${words.slice(0, first).join(' ')}`
}

function markdown({ title, authors, published, link }: Cited): string {
  const plain = (text: string) =>
    text.replace(/[\\`*_{}[\]()#+!|~&$<>]/gu, (character) =>
      /[<>&]/u.test(character) ? `&#${character.charCodeAt(0)};` : `\\${character}`,
    )
  const named = link === '' ? plain(title) : `[${plain(title)}](<${link.replace(/[<>\s]/gu, encodeURIComponent)}>)`
  const who = authors.length > 3 ? `${authors[0]} et al.` : authors.join(', ')
  const facts = [who, /^\d{4}/u.exec(published)?.[0] ?? ''].filter((fact) => fact !== '')
  return `- ${named}${facts.length > 0 ? `. ${plain(facts.join(', '))}` : ''}\n`
}

const link = ({ link, title }: Cited) => `${link === '' ? searches(title)[1].link : link}\n`
