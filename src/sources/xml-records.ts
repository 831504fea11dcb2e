// Bibliographic records in XML, recognised by the name and content of their elements. To support another kind, add a line
// to `kinds`.
import { given, nameList, oneLine, plainDoi } from './field-values.ts'
import type { Reading } from './reading.ts'
import { child, childrenOf, childText, descend, elementsOf, otherFields, type XmlElement, xmlReadings } from './xml.ts'

interface Kind {
  readonly name: string
  /** Element names of its records. */
  readonly elements: readonly string[]
  /** Whether an element of that name is such a record, as other formats use the same names. */
  readonly is?: (element: XmlElement) => boolean
  readonly fields: (element: XmlElement, context: Map<string, string>) => Record<string, unknown>
  /** Whether the id is a key local to its file. */
  readonly isKey?: true
}

const publications = 'article inproceedings proceedings book incollection phdthesis mastersthesis'.split(' ')

const kinds: readonly Kind[] = [
  { name: 'PubMed XML', elements: ['PubmedArticle', 'PubmedBookArticle', 'MedlineCitation'], fields: pubmed },
  {
    name: 'EndNote XML',
    elements: ['record'],
    is: (element) => child(element, 'titles') !== undefined || child(element, 'ref-type') !== undefined,
    fields: endNote,
  },
  { name: 'MODS', elements: ['mods'], fields: mods, isKey: true },
  {
    name: 'DBLP XML',
    elements: publications,
    is: (element) => element.attributes.key !== undefined || element.attributes.mdate !== undefined,
    fields: dblp,
  },
  { name: 'JATS', elements: ['article'], is: (element) => descend(element, 'front') !== undefined, fields: jats },
  {
    name: 'ACL Anthology XML',
    elements: ['paper', 'frontmatter'],
    is: (element) => element.name === 'paper' && child(element, 'title') !== undefined,
    fields: anthology,
  },
  { name: 'Word XML', elements: ['Source'], fields: word, isKey: true },
]

// Describes the volume of the following ACL Anthology papers.
const surroundings = ['meta']
const names = new Set([...kinds.flatMap(({ elements }) => elements), ...surroundings])

const signs: readonly (readonly [record: RegExp, inside: RegExp])[] = [
  [
    /<(?:\w+:)?(?:PubmedArticle(?:Set)?|PubmedBookArticle|MedlineCitation(?:Set)?|modsCollection|mods|dblp)[\s>]/u,
    /</u,
  ],
  [/<record[\s>]/u, /<(?:ref-type|rec-number|titles|contributors)[\s>]/u],
  [/<article[\s>]/u, /<(?:article-meta|front)[\s>]/u],
  [/<article-meta[\s>]/u, /</u],
  [/<(?:article|inproceedings|incollection|book|phdthesis)\s[^<>]{0,500}\b(?:key|mdate)="/u, /</u],
  [/<collection id="[^"]{0,80}"/u, /<(?:volume|paper)\s/u],
  [/<paper id="[^"]{0,80}"/u, /<title>/u],
  [/<(?:b:)?Source[\s>]/u, /<(?:b:)?(?:SourceType|Tag|Title)>/u],
]

/** Offset of the first element of a supported record; -1 if there is none. */
export function xmlRecordsAt(head: string): number {
  for (const [record, inside] of signs) {
    const at = head.search(record)
    if (at >= 0 && inside.test(head.slice(at))) return at
  }
  return -1
}

export function readXmlRecords(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const context = new Map<string, string>()
  return xmlReadings(chunks, {
    names,
    whole: 'list',
    read: (element, next) => {
      if (element.name === 'meta') {
        context.clear()
        for (const { name, text } of element.children) context.set(name, text.trim())
        return undefined
      }
      const kind = kinds.find(({ elements, is }) => elements.includes(element.name) && (is?.(element) ?? true))
      if (kind !== undefined)
        return {
          record: given(kind.fields(element, context)),
          place: next(),
          from: kind.name,
          isKey: kind.isKey === true,
        }
      if (element.name === 'frontmatter') return undefined
      return { problem: `is a \`${element.name}\` without the fields of a paper`, place: next(), kind: 'passed-over' }
    },
  })
}

const of = (list: string) => new Set(list.split(' '))
const line = (element: XmlElement | undefined) => oneLine(element?.text) || undefined
const lines = (elements: readonly XmlElement[]) => elements.flatMap((element) => line(element) ?? [])
/** A date from the parts that are given. */
const dash = (year: string | undefined, month?: string, day?: string) => {
  if (year === undefined) return undefined
  const parts = [
    year,
    ...(month === undefined ? [] : [month]),
    ...(month === undefined || day === undefined ? [] : [day]),
  ]
  return parts.join(/\p{L}/u.test(parts.join('')) ? ' ' : '-')
}
const dateOf = (element: XmlElement | undefined) =>
  element &&
  (dash(
    childText(element, 'Year') ?? childText(element, 'year'),
    childText(element, 'Month') ?? childText(element, 'month'),
    childText(element, 'Day') ?? childText(element, 'day'),
  ) ??
    childText(element, 'MedlineDate'))

/** The paragraphs of an abstract, with section headings: `METHODS: We …`. */
function paragraphs(abstract: XmlElement | undefined): string | undefined {
  if (abstract === undefined) return undefined
  if (abstract.children.every(({ name }) => !['p', 'sec', 'title', 'AbstractText', 'list'].includes(name)))
    return line(abstract)
  const found: string[] = []
  let heading: string | undefined = abstract.attributes.Label
  for (const part of abstract.children) {
    if (part.name === 'title') heading = line(part)
    else if (part.name === 'sec') found.push(paragraphs(part) ?? '')
    else if (part.name !== 'CopyrightInformation') {
      const label = part.attributes.Label ?? heading
      const text = line(part) ?? ''
      const isSaid = label === undefined || /^(?:abstract|summary|unassigned|unlabelled)\.?:?$/iu.test(label)
      if (text !== '') found.push(isSaid ? text : `${label.replace(/[:.]$/u, '')}: ${text}`)
      heading = undefined
    }
  }
  return found.filter((text) => text !== '').join('\n') || undefined
}

function pubmed(element: XmlElement): Record<string, unknown> {
  const citation =
    element.name === 'MedlineCitation'
      ? element
      : (child(element, 'MedlineCitation') ?? child(element, 'BookDocument') ?? element)
  const article = child(citation, 'Article') ?? citation
  const book = child(citation, 'Book')
  const data = child(element, 'PubmedData') ?? child(element, 'PubmedBookData')
  const ids = [
    ...childrenOf(article, 'ELocationID').map(
      ({ attributes, text }) => [attributes.EIdType ?? '', text.trim()] as const,
    ),
    ...elementsOf(data ?? article, 'ArticleId').map(
      ({ attributes, text }) => [attributes.IdType ?? '', text.trim()] as const,
    ),
  ]
  const doi = plainDoi(ids.find(([type]) => type === 'doi')?.[1])
  const pmid = childText(citation, 'PMID')
  const journal = child(article, 'Journal')
  const published =
    dateOf(descend(article, 'Journal', 'JournalIssue', 'PubDate')) ?? dateOf(book && child(book, 'PubDate'))
  const title = line(child(article, 'ArticleTitle')) ?? line(book && child(book, 'BookTitle'))
  return {
    id: pmid && `PMID:${pmid}`,
    title: title ?? line(child(article, 'VernacularTitle')),
    abstract: paragraphs(child(article, 'Abstract')),
    authors: elementsOf(child(article, 'AuthorList') ?? article, 'Author').flatMap((author) => {
      const parts = [childText(author, 'ForeName') ?? childText(author, 'Initials'), childText(author, 'LastName')]
      const suffix = childText(author, 'Suffix')
      const name = parts.filter((part) => part !== undefined).join(' ') + (suffix ? `, ${suffix}` : '')
      return line(child(author, 'CollectiveName')) ?? (name === '' ? [] : [name])
    }),
    categories: [
      ...new Set([...lines(elementsOf(citation, 'Keyword')), ...lines(elementsOf(citation, 'DescriptorName'))]),
    ],
    published: published ?? dateOf(child(article, 'ArticleDate')),
    url: pmid ? `https://pubmed.ncbi.nlm.nih.gov/${pmid}/` : doi && `https://doi.org/${doi}`,
    doi,
    pmid,
    pmc: ids.find(([type]) => type === 'pmc')?.[1],
    journal: journal && childText(journal, 'Title'),
    language: childText(article, 'Language'),
    type: lines(elementsOf(article, 'PublicationType')).join('; '),
    volume: journal && line(descend(journal, 'JournalIssue', 'Volume')),
    issue: journal && line(descend(journal, 'JournalIssue', 'Issue')),
    extra: {
      ...otherFields(data, of('ArticleIdList History PublicationStatus ReferenceList')),
      ...otherFields(
        citation,
        of('PMID Article MeshHeadingList KeywordList Abstract AuthorList Book ArticleTitle Language PublicationType'),
      ),
      ...otherFields(
        article,
        of(
          'Journal ArticleTitle ELocationID Abstract AuthorList Language PublicationTypeList ArticleDate PMID MeshHeadingList KeywordList Book PublicationType',
        ),
      ),
    },
  }
}

function endNote(record: XmlElement): Record<string, unknown> {
  const title = (name: string) => line(descend(record, 'titles', name))
  const doi = plainDoi(childText(record, 'electronic-resource-num'))
  const urls = lines(elementsOf(child(record, 'urls') ?? record, 'url'))
  const published = line(descend(record, 'dates', 'year')) ?? line(descend(record, 'dates', 'pub-dates', 'date'))
  const day = line(descend(record, 'dates', 'pub-dates', 'date'))
  return {
    title: title('title') ?? title('short-title'),
    abstract: childText(record, 'abstract'),
    authors: lines(elementsOf(descend(record, 'contributors', 'authors') ?? record, 'author')).map(
      (name) => nameList(name)[0] ?? name,
    ),
    categories: lines(childrenOf(child(record, 'keywords') ?? record, 'keyword')),
    published:
      published && day && day !== published && !day.includes(published) ? `${day} ${published}` : (day ?? published),
    url: urls[0] ?? (doi && `https://doi.org/${doi}`),
    doi,
    journal: line(descend(record, 'periodical', 'full-title')) ?? title('secondary-title'),
    publisher: childText(record, 'publisher'),
    language: childText(record, 'language'),
    type: child(record, 'ref-type')?.attributes.name,
    note: childText(record, 'notes'),
    urls: urls.slice(1),
    extra: otherFields(
      record,
      of(
        'titles abstract contributors keywords dates urls electronic-resource-num periodical publisher language ref-type notes database source-app',
      ),
    ),
  }
}

function mods(record: XmlElement): Record<string, unknown> {
  const host = childrenOf(record, 'relatedItem').find(({ attributes }) => attributes.type === 'host')
  const identifier = (type: string) =>
    line(childrenOf(record, 'identifier').find(({ attributes }) => attributes.type === type))
  const doi = plainDoi(identifier('doi'))
  const arxiv = identifier('arxiv') ?? identifier('arXiv') ?? identifier('eprint')
  const dates = [record, host].flatMap((element) =>
    element === undefined
      ? []
      : [
          descend(element, 'originInfo', 'dateIssued'),
          descend(element, 'originInfo', 'copyrightDate'),
          descend(element, 'part', 'date'),
        ],
  )
  const url = line(descend(record, 'location', 'url'))
  return {
    id: record.attributes.ID ?? identifier('citekey'),
    title: modsTitle(childrenOf(record, 'titleInfo').find(({ attributes }) => attributes.type === undefined)),
    abstract: line(child(record, 'abstract')),
    authors: childrenOf(record, 'name')
      .filter((name) => {
        const roles = lines(elementsOf(name, 'roleTerm'))
        return roles.length === 0 || roles.some((role) => /^(?:author|aut|creator|cre)$/iu.test(role))
      })
      .flatMap(modsName),
    categories: childrenOf(record, 'subject').flatMap((subject) => lines(childrenOf(subject, 'topic'))),
    published: dates.map(line).find((date) => date !== undefined),
    url: arxiv
      ? `https://arxiv.org/abs/${arxiv.replace(/^arxiv:\s*/iu, '')}`
      : (url ?? (doi && `https://doi.org/${doi}`)),
    doi,
    journal: host && modsTitle(child(host, 'titleInfo')),
    publisher: line(descend(record, 'originInfo', 'publisher')),
    language: line(descend(record, 'language', 'languageTerm')),
    type: lines(childrenOf(record, 'genre')).join('; '),
    note: lines(childrenOf(record, 'note')).join('\n'),
    extra: otherFields(
      record,
      of('titleInfo abstract name subject originInfo location language genre note relatedItem'),
    ),
  }
}

function modsTitle(info: XmlElement | undefined): string | undefined {
  if (info === undefined) return undefined
  const main = [childText(info, 'nonSort'), childText(info, 'title')].filter((part) => part !== undefined).join(' ')
  const rest = [childText(info, 'subTitle'), childText(info, 'partName')].filter((part) => part !== undefined)
  return oneLine([main, ...rest].filter((part) => part !== '').join(/[?!:]$/u.test(main) ? ' ' : ': '))
}

function modsName(name: XmlElement): string[] {
  const parts = (type: string) =>
    lines(childrenOf(name, 'namePart').filter(({ attributes }) => attributes.type === type))
  const [given_, family, suffix] = [
    parts('given').join(' '),
    parts('family').join(' '),
    parts('termsOfAddress').join(' '),
  ]
  if (family === '') return lines(childrenOf(name, 'namePart')).slice(0, 1)
  return [[given_, family].filter((part) => part !== '').join(' ') + (suffix === '' ? '' : `, ${suffix}`)]
}

function dblp(record: XmlElement): Record<string, unknown> {
  const links = [...lines(childrenOf(record, 'ee')), ...lines(childrenOf(record, 'url'))]
  const doi = links.map((link) => /doi\.org\/(10\..+)$/iu.exec(link)?.[1]).find((found) => found !== undefined)
  const people = childrenOf(record, 'author').length > 0 ? childrenOf(record, 'author') : childrenOf(record, 'editor')
  return {
    id: record.attributes.key && `DBLP:${record.attributes.key}`,
    title: line(child(record, 'title')),
    abstract: line(child(record, 'abstract')),
    // DBLP numbers people with the same name.
    authors: lines(people).map((name) => name.replace(/ \d{4}$/u, '')),
    published: dash(childText(record, 'year'), childText(record, 'month')),
    url: links[0],
    doi,
    journal: line(child(record, 'journal')) ?? line(child(record, 'booktitle')),
    publisher: line(child(record, 'publisher')) ?? line(child(record, 'school')),
    type: record.name,
    links: links.slice(1),
    extra: {
      ...(record.attributes.mdate && { modified: record.attributes.mdate }),
      ...otherFields(record, of('author title abstract year month ee url journal booktitle publisher school')),
    },
  }
}

function jats(article: XmlElement): Record<string, unknown> {
  const front = child(article, 'front') ?? article
  const meta = child(front, 'article-meta') ?? front
  const id = (type: string) =>
    line(childrenOf(meta, 'article-id').find(({ attributes }) => attributes['pub-id-type'] === type))
  const [doi, pmid] = [plainDoi(id('doi')), id('pmid')]
  const dates = childrenOf(meta, 'pub-date')
  const date =
    dates.find(({ attributes }) => /epub|pub|ppub/u.test(attributes['pub-type'] ?? attributes['date-type'] ?? '')) ??
    dates[0]
  const titles = child(meta, 'title-group')
  const abstracts = childrenOf(meta, 'abstract')
  const abstract = abstracts.find(({ attributes }) => attributes['abstract-type'] === undefined) ?? abstracts[0]
  const subtitle = titles && line(child(titles, 'subtitle'))
  const title = titles && line(child(titles, 'article-title'))
  return {
    id: pmid && `PMID:${pmid}`,
    title: title && subtitle ? `${title}: ${subtitle}` : title,
    abstract: paragraphs(abstract),
    authors: childrenOf(meta, 'contrib-group')
      .flatMap((group) => childrenOf(group, 'contrib'))
      .filter(({ attributes }) => (attributes['contrib-type'] ?? 'author') === 'author')
      .flatMap((contributor) => {
        const name = elementsOf(contributor, 'name')[0] ?? elementsOf(contributor, 'string-name')[0]
        if (name === undefined) return line(child(contributor, 'collab')) ?? []
        const parts = [childText(name, 'given-names'), childText(name, 'surname')].filter((part) => part !== undefined)
        return parts.length === 0 ? (line(name) ?? []) : [parts.join(' ')]
      }),
    categories: [...new Set(childrenOf(meta, 'kwd-group').flatMap((group) => lines(elementsOf(group, 'kwd'))))],
    published: date && (dateOf(date) ?? date.attributes['iso-8601-date']),
    url: doi ? `https://doi.org/${doi}` : pmid && `https://pubmed.ncbi.nlm.nih.gov/${pmid}/`,
    doi,
    pmid,
    pmc: id('pmc') ?? id('pmcid'),
    journal: line(elementsOf(child(front, 'journal-meta') ?? front, 'journal-title')[0]),
    type: article.attributes['article-type'],
    subjects: lines(elementsOf(child(meta, 'article-categories') ?? meta, 'subject')),
    extra: otherFields(
      meta,
      of('article-id title-group abstract contrib-group pub-date kwd-group article-categories history permissions'),
    ),
  }
}

function anthology(paper: XmlElement, context: Map<string, string>): Record<string, unknown> {
  const url = childText(paper, 'url')
  const name = url !== undefined && !/^https?:/iu.test(url) ? url : undefined
  const old = /^[A-Z](\d{2})-\d{4}$/u.exec(name ?? '')?.[1]
  const year =
    context.get('year') ?? /^(\d{4})\./u.exec(name ?? '')?.[1] ?? (old && `${Number(old) > 50 ? 19 : 20}${old}`)
  return {
    id: name && `ACL:${name}`,
    title: line(child(paper, 'title')),
    abstract: line(child(paper, 'abstract')),
    authors: childrenOf(paper, 'author').flatMap(
      (author) => [childText(author, 'first'), childText(author, 'last')].filter((part) => part).join(' ') || [],
    ),
    published: dash(year, context.get('month')),
    url: name === undefined ? url : `https://aclanthology.org/${name}`,
    doi: plainDoi(childText(paper, 'doi')),
    journal: context.get('booktitle'),
    publisher: context.get('publisher'),
    extra: otherFields(paper, of('title abstract author url doi')),
  }
}

function word(source: XmlElement): Record<string, unknown> {
  const text = (name: string) => childText(source, name)
  const people = elementsOf(descend(source, 'Author', 'Author') ?? source, 'Person')
  const doi = plainDoi(text('DOI'))
  return {
    id: text('Tag'),
    title: text('Title'),
    abstract: text('Abstract') ?? text('Comments'),
    authors: people.map((person) =>
      ['First', 'Middle', 'Last'].flatMap((part) => childText(person, part)?.trim() ?? []).join(' '),
    ),
    published: dash(text('Year'), text('Month'), text('Day')),
    url: text('URL') ?? (doi && `https://doi.org/${doi}`),
    doi,
    journal: text('JournalName') ?? text('ConferenceName') ?? text('BookTitle'),
    publisher: text('Publisher'),
    type: text('SourceType'),
    extra: otherFields(
      source,
      of(
        'Tag Title Abstract Comments Author Year Month Day URL DOI JournalName ConferenceName BookTitle Publisher SourceType',
      ),
    ),
  }
}
