// The daily papers of a digest page as its public interface gives them (huggingface.co/api/daily_papers).
import { filled, given, isRecord, type JsonRecord, personName } from './field-values.ts'

export function isDailyPaper(record: JsonRecord): boolean {
  const { paper } = record
  return isRecord(paper) && ('summary' in paper || 'title' in paper) && 'id' in paper
}

export function dailyFields(entry: JsonRecord): unknown {
  const paper = entry.paper as JsonRecord
  const id = filled(paper.id)
  return given({
    id,
    title: filled(paper.title) ?? entry.title,
    abstract: filled(paper.summary) ?? entry.summary,
    authors: Array.isArray(paper.authors)
      ? paper.authors.flatMap((author) => (isRecord(author) ? (personName(author) ?? []) : (filled(author) ?? [])))
      : undefined,
    published: filled(paper.publishedAt) ?? filled(entry.publishedAt),
    url: id && /^\d{4}\.\d{4,5}$/u.test(id) ? `https://arxiv.org/abs/${id}` : undefined,
    upvotes: paper.upvotes,
    keywords: paper.ai_keywords,
    code: paper.githubRepo,
    project: paper.projectPage,
    submitted: paper.submittedOnDailyAt,
  })
}
