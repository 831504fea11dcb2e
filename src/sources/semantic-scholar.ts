// Papers from Semantic Scholar's interface and its bulk files (api.semanticscholar.org/api-docs).
import { filled, given, isRecord, type JsonRecord, personName, plainDoi } from './field-values.ts'

const own = new Set(
  'paperId corpusId corpusid externalIds externalids url title abstract venue publicationVenue year referenceCount citationCount influentialCitationCount isOpenAccess openAccessPdf fieldsOfStudy s2FieldsOfStudy publicationTypes publicationDate journal citationStyles authors citations references embedding tldr matchScore contexts intents isInfluential textAvailability'.split(
    ' ',
  ),
)

export function isSemanticScholarPaper(record: JsonRecord): boolean {
  return (
    ('externalIds' in record && 'title' in record) ||
    ('corpusid' in record && ('externalids' in record || 'title' in record)) ||
    // Other sources use such ids too, but with fields that this interface does not have.
    ('paperId' in record && Object.keys(record).every((name) => own.has(name)))
  )
}

export function semanticScholarFields(paper: JsonRecord): unknown {
  const ids = [paper.externalIds, paper.externalids].find(isRecord) ?? {}
  const arxiv = filled(ids.ArXiv)
  const corpusId = filled(paper.corpusId ?? paper.corpusid ?? ids.CorpusId)
  const doi = plainDoi(ids.DOI)
  const studies = [paper.s2FieldsOfStudy, paper.s2fieldsofstudy].find(Array.isArray) ?? []
  const fieldsOfStudy = Array.isArray(paper.fieldsOfStudy) ? paper.fieldsOfStudy : []
  return given({
    id: arxiv ?? filled(paper.paperId) ?? (corpusId && `CorpusID:${corpusId}`),
    title: paper.title,
    abstract: paper.abstract,
    authors: Array.isArray(paper.authors)
      ? paper.authors.flatMap((author) => (isRecord(author) ? (personName(author) ?? []) : (filled(author) ?? [])))
      : undefined,
    categories: [
      ...new Set(
        [...fieldsOfStudy, ...studies.map((study) => (isRecord(study) ? study.category : study))].flatMap(
          (name) => filled(name) ?? [],
        ),
      ),
    ],
    published: filled(paper.publicationDate) ?? filled(paper.publicationdate) ?? filled(paper.year),
    url: arxiv ? `https://arxiv.org/abs/${arxiv}` : filled(paper.url),
    semanticScholar: paper.paperId,
    corpusId,
    doi,
    journal: (isRecord(paper.journal) ? filled(paper.journal.name) : undefined) ?? filled(paper.venue),
    citations: paper.citationCount ?? paper.citationcount,
    summary: isRecord(paper.tldr) ? filled(paper.tldr.text) : undefined,
  })
}
