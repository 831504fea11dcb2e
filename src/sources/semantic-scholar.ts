// Papers of Semantic Scholar's interface and of its bulk files (api.semanticscholar.org/api-docs).
import { filled, given, isRecord, type JsonRecord, personName, plainDoi } from './field-values.ts'

export function isSemanticScholarPaper(record: JsonRecord): boolean {
  return (
    isRecord(record.citedPaper) ||
    isRecord(record.citingPaper) ||
    'paperId' in record ||
    'corpusid' in record ||
    ('externalIds' in record && 'title' in record)
  )
}

export function semanticScholarFields(record: JsonRecord): unknown {
  // Lists of citations wrap each paper.
  const paper = isRecord(record.citedPaper)
    ? record.citedPaper
    : isRecord(record.citingPaper)
      ? record.citingPaper
      : record
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
