// The daily papers of a digest page, as its public interface returns them (huggingface.co/api/daily_papers).
import { filled, given, isRecord, type JsonRecord, personName } from './field-values.ts'

export function isDailyPaper(record: JsonRecord): boolean {
  const { paper } = record
  return isRecord(paper) && ['summary', 'upvotes', 'publishedAt'].some((name) => name in paper) && 'id' in paper
}

export function dailyFields(entry: JsonRecord): unknown {
  const paper = entry.paper as JsonRecord
  const {
    id: _,
    title,
    summary,
    authors,
    publishedAt,
    upvotes,
    ai_keywords: keywords,
    githubRepo,
    projectPage,
    submittedOnDailyAt,
    ...others
  } = paper
  const id = filled(paper.id)
  return given({
    id,
    title: filled(title) ?? entry.title,
    abstract: filled(summary) ?? entry.summary,
    authors: Array.isArray(authors)
      ? authors.flatMap((author) => (isRecord(author) ? (personName(author) ?? []) : (filled(author) ?? [])))
      : undefined,
    published: filled(publishedAt) ?? filled(entry.publishedAt),
    url: id && /^\d{4}\.\d{4,5}$/u.test(id) ? `https://arxiv.org/abs/${id}` : undefined,
    upvotes,
    keywords,
    code: githubRepo,
    project: projectPage,
    submitted: submittedOnDailyAt,
    extra: given(others),
  })
}
