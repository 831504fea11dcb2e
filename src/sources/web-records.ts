// JSON records from the interfaces of indexes and archives, one function per kind. `record-fields.ts` tells them apart and
// keeps the remaining fields.
import { isoDateIn } from '../text/iso-date.ts'
import {
  filled,
  given,
  isRecord,
  type JsonRecord,
  nameList,
  personName,
  plainDoi,
  turnedName,
  unwrapped,
} from './field-values.ts'

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value == null ? [] : [value])
const people = (value: unknown) =>
  list(value).flatMap((item) => (isRecord(item) ? (personName(item) ?? []) : (filled(item) ?? [])))
const texts = (value: unknown) => list(value).flatMap((item) => filled(unwrapped(item)) ?? [])

/** `2020-03-05` from `{ "date-parts": [[2020, 3, 5]] }`, as Crossref and CSL write dates. */
export function datePartsText(value: unknown): string | undefined {
  if (!isRecord(value)) return filled(value)
  const parts: unknown = Array.isArray(value['date-parts']) ? value['date-parts'][0] : undefined
  if (Array.isArray(parts) && parts.length > 0 && parts[0] !== null) return parts.join('-')
  return filled(value.raw) ?? filled(value.literal)
}

/** The date of a number of milliseconds or seconds since 1970; undefined for any other value. */
export function epochDate(value: unknown): string | undefined {
  if (typeof value !== 'number' || !(value >= 1e8 && value < 1e14)) return undefined
  return new Date(value < 1e11 ? value * 1000 : value).toISOString().slice(0, 10)
}

/** Works from Crossref's interface (api.crossref.org): titles are lists, abstracts JATS. */
export function isCrossrefWork(record: JsonRecord): boolean {
  return (
    typeof record.DOI === 'string' &&
    (Array.isArray(record.title) || Array.isArray(record['container-title']) || isRecord(record.indexed))
  )
}

export function crossrefFields(work: JsonRecord): unknown {
  const doi = plainDoi(work.DOI)
  const dates = [work.published, work['published-print'], work['published-online'], work.posted, work.issued]
    .map((date) => isoDateIn(datePartsText(date)))
    .filter((date) => date !== undefined)
  return given({
    id: /^10\.48550\/arxiv\./iu.test(doi ?? '') ? undefined : doi,
    title: texts(work.title)[0],
    abstract: filled(work.abstract)?.replace(/^\s*<jats:title>\s*(?:abstract|summary)\.?\s*<\/jats:title>/iu, ''),
    authors: people(work.author),
    categories: texts(work.subject),
    published: dates.reduce<string | undefined>(
      (best, date) => (date.length > (best?.length ?? 0) ? date : best),
      undefined,
    ),
    url: doi ? `https://doi.org/${doi}` : work.URL,
    doi,
    journal: texts(work['container-title'])[0],
  })
}

/** Results of Europe PMC's search (europepmc.org/RestfulWebService). */
export function isEuropePmc(record: JsonRecord): boolean {
  return 'authorString' in record || ('abstractText' in record && ('source' in record || 'pmid' in record))
}

export function europePmcFields(result: JsonRecord): unknown {
  const pmid = filled(result.pmid)
  const doi = plainDoi(result.doi)
  const journal = isRecord(result.journalInfo) && isRecord(result.journalInfo.journal) ? result.journalInfo.journal : {}
  const authors = isRecord(result.authorList) ? people(result.authorList.author) : []
  const keywords = isRecord(result.keywordList) ? texts(result.keywordList.keyword) : []
  return given({
    id: pmid ? `PMID:${pmid}` : filled(result.id) && `${filled(result.source) ?? 'PMC'}:${filled(result.id)}`,
    title: result.title,
    abstract: result.abstractText,
    authors: authors.length > 0 ? authors : nameList((filled(result.authorString) ?? '').replace(/\.$/u, '')),
    categories: keywords,
    published: filled(result.firstPublicationDate) ?? filled(result.pubYear),
    url: doi ? `https://doi.org/${doi}` : pmid && `https://pubmed.ncbi.nlm.nih.gov/${pmid}/`,
    doi,
    pmid,
    journal: filled(journal.title) ?? filled(result.journalTitle),
  })
}

/** Details from bioRxiv's and medRxiv's interface; their `published` is the DOI of the journal version. */
export function isBiorxiv(record: JsonRecord): boolean {
  return 'author_corresponding' in record || (/^(?:bio|med)rxiv$/iu.test(String(record.server)) && 'doi' in record)
}

export function biorxivFields(details: JsonRecord): unknown {
  const doi = plainDoi(details.doi)
  const journal = filled(details.published)
  return given({
    id: doi,
    title: details.title,
    abstract: details.abstract,
    authors: nameList(filled(details.authors) ?? ''),
    categories: [filled(details.category)].filter((name) => name !== undefined),
    published: details.date,
    version: details.version,
    url: doi && `https://doi.org/${doi}`,
    doi,
    publishedAs: journal === 'NA' ? undefined : journal,
  })
}

/** Notes from OpenReview's interface, version 1 (`content.title`) and 2 (`content.title.value`). */
export function isOpenReviewNote(record: JsonRecord): boolean {
  const { content } = record
  return (
    isRecord(content) &&
    'title' in content &&
    ('forum' in record || 'invitation' in record || 'invitations' in record || 'abstract' in content)
  )
}

export function openReviewFields(note: JsonRecord): unknown {
  const content = Object.fromEntries(
    Object.entries(note.content as JsonRecord).map(([name, value]) => [
      name,
      isRecord(value) && 'value' in value ? value.value : value,
    ]),
  )
  const { title, abstract, authors, keywords, venue, ...others } = content
  const id = filled(note.forum) ?? filled(note.id)
  return given({
    id,
    title,
    abstract,
    authors: people(authors),
    categories: texts(keywords),
    published: epochDate(note.pdate) ?? epochDate(note.odate) ?? epochDate(note.cdate) ?? epochDate(note.tcdate),
    url: id && `https://openreview.net/forum?id=${encodeURIComponent(id)}`,
    journal: venue,
    extra: given(others),
  })
}

/** Documents from the Astrophysics Data System. */
export const isAdsDocument = (record: JsonRecord) => 'bibcode' in record

export function adsFields(document: JsonRecord): unknown {
  const doi = plainDoi(texts(document.doi)[0])
  const identifiers = texts(document.identifier)
  const arxiv = identifiers.map((text) => /^arxiv:(\S+)$/iu.exec(text)?.[1]).find((found) => found !== undefined)
  const bibcode = filled(document.bibcode)
  return given({
    id: arxiv ?? bibcode,
    title: texts(document.title)[0],
    abstract: unwrapped(document.abstract),
    authors: texts(document.author).map(turnedName),
    categories: texts(document.keyword),
    published: filled(document.pubdate) ?? filled(document.date) ?? filled(document.year),
    url: arxiv
      ? `https://arxiv.org/abs/${arxiv}`
      : bibcode && `https://ui.adsabs.harvard.edu/abs/${encodeURIComponent(bibcode)}`,
    bibcode,
    doi,
    journal: filled(document.pub),
    identifiers,
  })
}

/** Literature records of INSPIRE. */
export function isInspire(record: JsonRecord): boolean {
  const data = isRecord(record.metadata) ? record.metadata : record
  return (
    Array.isArray(data.titles) && ('control_number' in data || 'arxiv_eprints' in data || Array.isArray(data.abstracts))
  )
}

export function inspireFields(record: JsonRecord): unknown {
  const data: JsonRecord = isRecord(record.metadata) ? record.metadata : record
  const values = (name: string, key: string) =>
    list(data[name]).flatMap((item) => (isRecord(item) ? (filled(item[key]) ?? []) : []))
  const [arxiv] = values('arxiv_eprints', 'value')
  const doi = plainDoi(values('dois', 'value')[0])
  const number = filled(data.control_number)
  const { titles, abstracts, authors, arxiv_eprints: eprints, dois, keywords, control_number: _, ...others } = data
  return given({
    id: arxiv ?? (number && `INSPIRE:${number}`),
    title: values('titles', 'title')[0],
    abstract: values('abstracts', 'value')[0],
    authors: values('authors', 'full_name').map(turnedName),
    categories: [
      ...new Set([
        ...list(eprints).flatMap((eprint) => (isRecord(eprint) ? texts(eprint.categories) : [])),
        ...values('keywords', 'value'),
      ]),
    ],
    published: filled(data.preprint_date) ?? filled(data.earliest_date) ?? filled(data.imprint),
    url: arxiv ? `https://arxiv.org/abs/${arxiv}` : doi && `https://doi.org/${doi}`,
    inspire: number,
    doi,
    journal: values('publication_info', 'journal_title')[0],
    extra: given(others),
  })
}

/** Items from Zotero's interface and Better BibTeX's JSON. */
export function isZoteroItem(record: JsonRecord): boolean {
  const item = isRecord(record.data) ? record.data : record
  return typeof item.itemType === 'string' && ('title' in item || 'creators' in item || 'abstractNote' in item)
}

export function zoteroFields(record: JsonRecord): unknown {
  const item: JsonRecord = isRecord(record.data) ? record.data : record
  const doi = plainDoi(item.DOI)
  const creators = list(item.creators).filter(isRecord)
  const isAuthor = ({ creatorType }: JsonRecord) => creatorType === undefined || creatorType === 'author'
  const arxiv = /^arxiv:\s*(\S+)$/iu.exec(filled(item.archiveID) ?? '')?.[1]
  const {
    key,
    citationKey,
    itemKey,
    title,
    abstractNote,
    creators: _,
    tags,
    date,
    url,
    DOI,
    publicationTitle,
    itemType,
    language,
    version: __,
    ...others
  } = item
  return given({
    id: filled(citationKey) ?? filled(key) ?? filled(itemKey) ?? filled(record.key),
    title,
    abstract: abstractNote,
    authors: people(creators.filter(isAuthor)),
    categories: people(tags),
    published: date,
    url: arxiv ? `https://arxiv.org/abs/${arxiv}` : (filled(url) ?? (doi && `https://doi.org/${doi}`)),
    doi: doi ?? DOI,
    journal: publicationTitle,
    type: itemType,
    language,
    extra: given({ ...others, contributors: creators.filter((creator) => !isAuthor(creator)) }),
  })
}

/** Lines of arXiv's metadata dump. A paper's date is that of its first version; `update_date` belongs to the record. */
export function isArxivDump(record: JsonRecord): boolean {
  return (
    'authors_parsed' in record ||
    (Array.isArray(record.versions) && 'categories' in record) ||
    ('update_date' in record && 'categories' in record && 'abstract' in record) ||
    ('submitter' in record && 'journal-ref' in record)
  )
}

export function arxivDumpFields(record: JsonRecord): unknown {
  const versions = list(record.versions).filter(isRecord)
  const parsed = list(record.authors_parsed).filter(Array.isArray)
  const names = parsed.map((parts) => {
    const [family, given_, suffix] = parts.map((part) => filled(part))
    return [given_, family].filter((part) => part !== undefined).join(' ') + (suffix ? `, ${suffix}` : '')
  })
  const written = Array.isArray(record.authors)
    ? people(record.authors)
    : nameList((filled(record.authors) ?? '').replace(/\s*\([^()]{0,200}\)/gu, ' '))
  return given({
    id: record.id,
    title: filled(record.title)?.replace(/\s+/gu, ' '),
    abstract: record.abstract,
    authors: names.length >= written.length ? names : written,
    categories: Array.isArray(record.categories)
      ? texts(record.categories)
      : (filled(record.categories) ?? '').split(/[\s,;]+/u).filter((name) => name !== ''),
    published: isoDateIn(filled(versions[0]?.created)),
    url: filled(record.id) && `https://arxiv.org/abs/${filled(record.id)}`,
    version: /(\d+)$/u.exec(filled(versions.at(-1)?.version) ?? '')?.[1] ?? (versions.length || undefined),
    updated: record.update_date,
    comment: record.comments,
    journal: record['journal-ref'],
    doi: record.doi,
    license: record.license,
  })
}

/** Summaries from PubMed's interface (esummary). */
export const isPubmedSummary = (record: JsonRecord) =>
  'uid' in record && 'title' in record && ('pubdate' in record || 'articleids' in record || 'fulljournalname' in record)

export function pubmedSummaryFields(summary: JsonRecord): unknown {
  const ids = list(summary.articleids).filter(isRecord)
  const doi = plainDoi(ids.find(({ idtype }) => idtype === 'doi')?.value)
  const pmid = filled(summary.uid)
  return given({
    id: pmid && `PMID:${pmid}`,
    title: summary.title,
    authors: people(summary.authors),
    published: filled(summary.pubdate) ?? filled(summary.epubdate) ?? filled(summary.sortpubdate),
    url: pmid && `https://pubmed.ncbi.nlm.nih.gov/${pmid}/`,
    doi,
    pmid,
    journal: filled(summary.fulljournalname) ?? filled(summary.source),
  })
}

/** Hits from DBLP's search interface. */
export const isDblpHit = (record: JsonRecord) =>
  isRecord(record.info) && 'title' in record.info && ('year' in record.info || 'key' in record.info)

export function dblpHitFields(hit: JsonRecord): unknown {
  const { title, authors, year, venue, doi, ee, url, key, ...others } = hit.info as JsonRecord
  return given({
    id: filled(key) && `DBLP:${filled(key)}`,
    title: unwrapped(title),
    authors: people(isRecord(authors) ? authors.author : authors).map((name) => name.replace(/ \d{4}$/u, '')),
    published: year,
    url: filled(list(ee)[0]) ?? url,
    doi: plainDoi(doi),
    journal: texts(venue)[0],
    extra: given(others),
  })
}

/** Records of DataCite, whose fields are lists of objects. */
export const isDatacite = (record: JsonRecord) => {
  const data = isRecord(record.attributes) ? record.attributes : record
  return Array.isArray(data.titles) && ('creators' in data || 'descriptions' in data)
}

export function dataciteFields(record: JsonRecord): unknown {
  const data: JsonRecord = isRecord(record.attributes) ? record.attributes : record
  const { titles, descriptions, creators, subjects, publicationYear, dates, doi, url, publisher, ...others } = data
  const described = list(descriptions).filter(isRecord)
  const issued = list(dates)
    .filter(isRecord)
    .find(({ dateType }) => dateType === 'Issued')
  return given({
    id: plainDoi(doi),
    title: list(titles)
      .filter(isRecord)
      .flatMap((item) => filled(item.title) ?? [])[0],
    abstract: (described.find(({ descriptionType }) => descriptionType === 'Abstract') ?? described[0])?.description,
    authors: people(creators).map(turnedName),
    categories: list(subjects).flatMap((item) =>
      isRecord(item) ? (filled(item.subject) ?? []) : (filled(item) ?? []),
    ),
    published: filled(issued?.date) ?? publicationYear,
    url: plainDoi(doi) ? `https://doi.org/${plainDoi(doi)}` : url,
    doi: plainDoi(doi),
    publisher: unwrapped(publisher),
    extra: given(others),
  })
}
