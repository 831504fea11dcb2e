// Works of OpenAlex (docs.openalex.org): their abstracts are inverted, word by word.
import { filled, given, isRecord, type JsonRecord, plainDoi } from './field-values.ts'

export function isOpenAlexWork(record: JsonRecord): boolean {
  return (
    'abstract_inverted_index' in record ||
    (typeof record.id === 'string' && /^https?:\/\/openalex\.org\/W\d+/iu.test(record.id))
  )
}

/** The text of an inverted abstract, `{ "We": [0], "show": [1, 5] }`; any other value is returned as is, to be refused. */
function abstractOf(index: unknown): unknown {
  if (!isRecord(index)) return index
  const placed: { readonly word: string; readonly position: number }[] = []
  for (const [word, positions] of Object.entries(index)) {
    if (!Array.isArray(positions)) return index
    for (const position of positions) {
      if (!Number.isInteger(position)) return index
      placed.push({ word, position })
    }
  }
  return placed
    .sort((a, b) => a.position - b.position)
    .map(({ word }) => word)
    .join(' ')
}

export function openAlexFields(work: JsonRecord): unknown {
  const ids = isRecord(work.ids) ? work.ids : {}
  const places = [
    work.primary_location,
    work.best_oa_location,
    ...(Array.isArray(work.locations) ? work.locations : []),
  ]
    .filter(isRecord)
    .map((place) => ({ url: filled(place.landing_page_url), source: isRecord(place.source) ? place.source : {} }))
  const openAlexId = filled(work.id)?.replace(/^https?:\/\/openalex\.org\//iu, '')
  const doi = plainDoi(work.doi ?? ids.doi)
  const arxiv = places.find(
    ({ url }) => url !== undefined && /^https?:\/\/(?:www\.)?arxiv\.org\/abs\//iu.test(url),
  )?.url
  return given({
    // For a paper on arXiv the id comes from its link, so that it is the same paper in every source.
    id: (arxiv ?? (doi && /^10\.48550\/arxiv\./iu.test(doi))) ? undefined : openAlexId,
    title: work.title ?? work.display_name,
    abstract: abstractOf(work.abstract_inverted_index) ?? work.abstract,
    authors: names(
      work.authorships,
      (authorship) =>
        filled(isRecord(authorship.author) ? authorship.author.display_name : undefined) ??
        filled(authorship.raw_author_name),
    ),
    categories: [
      ...new Set([
        ...(isRecord(work.primary_topic) ? names([work.primary_topic], (topic) => filled(topic.display_name)) : []),
        ...names(work.topics, (topic) => filled(topic.display_name)),
      ]),
    ],
    published: filled(work.publication_date) ?? filled(work.publication_year),
    url: arxiv ?? (doi ? `https://doi.org/${doi}` : places.find(({ url }) => url !== undefined)?.url),
    openalex: openAlexId,
    doi,
    journal: places.map(({ source }) => filled(source.display_name)).find((name) => name !== undefined),
    citations: work.cited_by_count,
    keywords: names(work.keywords, (keyword) => filled(keyword.display_name)),
    language: work.language,
    type: work.type,
    retracted: work.is_retracted === true || undefined,
  })
}

function names(list: unknown, name: (item: JsonRecord) => string | undefined): string[] {
  return (Array.isArray(list) ? list : []).filter(isRecord).flatMap((item) => name(item) ?? [])
}
