// CSL-JSON, as Zotero and other reference managers export it (citeproc-js, "CSL-JSON items").
import { isoDateIn } from '../text/iso-date.ts'
import { filled, given, isRecord, type JsonRecord, plainDoi, splitList } from './field-values.ts'
import { datePartsText } from './web-records.ts'

export function isCslItem(record: JsonRecord): boolean {
  return (
    isDate(record.issued) ||
    'container-title' in record ||
    'citation-key' in record ||
    (typeof record.type === 'string' &&
      Array.isArray(record.author) &&
      record.author.some((name) => isRecord(name) && ('family' in name || 'literal' in name)))
  )
}

export function cslFields(item: JsonRecord): unknown {
  const doi = plainDoi(item.DOI)
  return given({
    id: filled(item.id) ?? filled(item['citation-key']),
    title: item.title,
    abstract: item.abstract,
    authors: Array.isArray(item.author)
      ? item.author.flatMap((name) => (isRecord(name) ? (cslName(name) ?? []) : (filled(name) ?? [])))
      : undefined,
    categories: typeof item.keyword === 'string' ? splitList(item.keyword) : item.categories,
    published: cslDate(item.issued),
    url: filled(item.URL) ?? (doi ? `https://doi.org/${doi}` : undefined),
    doi,
    journal: filled(item['container-title']),
    publisher: item.publisher,
    number: item.number,
    language: item.language,
    type: item.type,
    note: item.note,
  })
}

const isDate = (value: unknown): value is JsonRecord =>
  isRecord(value) && ('date-parts' in value || 'raw' in value || 'literal' in value)

function cslName(name: JsonRecord): string | undefined {
  const parts = [name.given, name['dropping-particle'], name['non-dropping-particle'], name.family].flatMap(
    (part) => filled(part)?.trim() ?? [],
  )
  if (parts.length === 0) return filled(name.literal) ?? filled(name.name)
  const suffix = filled(name.suffix)
  return parts.join(' ') + (suffix === undefined ? '' : `, ${suffix}`)
}

const cslDate = (value: unknown) => {
  const text = datePartsText(value)
  return isoDateIn(text) ?? text
}
