// Maps records of any shape to the fields of a paper. To support another shape, add a line to `shapes`.
import { cslFields, isCslItem } from './csl-json.ts'
import { dailyFields, isDailyPaper } from './daily-papers.ts'
import { given, isRecord, type JsonRecord } from './field-values.ts'
import { isOpenAlexWork, openAlexFields } from './openalex.ts'
import { isPaperRecord, plainFields, saysSomething } from './plain-record.ts'
import { isSemanticScholarPaper, semanticScholarFields } from './semantic-scholar.ts'
import {
  adsFields,
  arxivDumpFields,
  biorxivFields,
  crossrefFields,
  dataciteFields,
  dblpHitFields,
  europePmcFields,
  inspireFields,
  isAdsDocument,
  isArxivDump,
  isBiorxiv,
  isCrossrefWork,
  isDatacite,
  isDblpHit,
  isEuropePmc,
  isInspire,
  isOpenReviewNote,
  isPubmedSummary,
  isZoteroItem,
  openReviewFields,
  pubmedSummaryFields,
  zoteroFields,
} from './web-records.ts'

interface Shape {
  readonly name: string
  readonly is: (record: JsonRecord) => boolean
  readonly fields: (record: JsonRecord) => unknown
  /** Whether the id is a key local to its file. */
  readonly isKey?: true
}

const shapes: readonly Shape[] = [
  { name: 'OpenAlex', is: isOpenAlexWork, fields: openAlexFields },
  { name: 'daily papers', is: isDailyPaper, fields: dailyFields },
  { name: 'Semantic Scholar', is: isSemanticScholarPaper, fields: semanticScholarFields },
  { name: 'Crossref', is: isCrossrefWork, fields: crossrefFields },
  { name: 'Zotero', is: isZoteroItem, fields: zoteroFields, isKey: true },
  { name: 'CSL-JSON', is: isCslItem, fields: cslFields, isKey: true },
  { name: 'arXiv’s metadata dump', is: isArxivDump, fields: arxivDumpFields },
  { name: 'Europe PMC', is: isEuropePmc, fields: europePmcFields },
  { name: 'bioRxiv', is: isBiorxiv, fields: biorxivFields },
  { name: 'OpenReview', is: isOpenReviewNote, fields: openReviewFields },
  { name: 'ADS', is: isAdsDocument, fields: adsFields },
  { name: 'INSPIRE', is: isInspire, fields: inspireFields },
  { name: 'DataCite', is: isDatacite, fields: dataciteFields },
  { name: 'PubMed summaries', is: isPubmedSummary, fields: pubmedSummaryFields },
  { name: 'DBLP', is: isDblpHit, fields: dblpHitFields },
]

/** A record with the field names of a paper, and the name of its shape if known. */
interface ShapedRecord {
  readonly record: unknown
  readonly from?: string
  readonly isKey?: true
}

/** Gives a record the field names of a paper. A value that is not an object is returned as is, to be refused later. */
export function recordFields(value: unknown): ShapedRecord {
  if (!isRecord(value)) return { record: value }
  if (isPaperRecord(value)) return { record: value }
  const shape = shapes.find(({ is }) => is(value))
  if (shape !== undefined) {
    const { name, fields, isKey } = shape
    return { record: withRest(value, fields), from: name, ...(isKey && { isKey }) }
  }
  const inner = wrapped(value)
  if (inner === undefined) return { record: plainFields(value) }
  const [name, record] = inner
  const { record: fields, ...known } = recordFields(record)
  const { [name]: _, ...others } = value
  return { record: { ...(fields as JsonRecord), extra: { ...others, ...extraOf(fields) } }, ...known }
}

/** Whether a value can be read as a paper. */
export function looksLikeRecord(value: unknown): value is JsonRecord {
  if (!isRecord(value)) return false
  return shapes.some(({ is }) => is(value)) || saysSomething(value) || wrapped(value) !== undefined
}

const wrappers =
  'metadata attributes _source data paper citedPaper citingPaper info content fields document bib article item node'.split(
    ' ',
  )

/** The name and the record inside a wrapper: `{ "_id": 1, "_source": { "title": … } }`. */
function wrapped(value: JsonRecord): readonly [string, JsonRecord] | undefined {
  if (saysSomething(value)) return undefined
  for (const name of wrappers) {
    const inner = value[name]
    if (isRecord(inner) && (saysSomething(inner) || shapes.some(({ is }) => is(inner)))) return [name, inner]
  }
  return undefined
}

/** The mapped fields of a record, and the remaining ones under `extra`. */
function withRest(record: JsonRecord, fieldsOf: (record: JsonRecord) => unknown): unknown {
  const used = new Set<string>()
  const watched = new Proxy(record, {
    get: (target, name) => {
      if (typeof name === 'string') used.add(name)
      return Reflect.get(target, name)
    },
  })
  const fields = fieldsOf(watched)
  if (!isRecord(fields)) return fields
  const said = new Set(Object.values(fields).filter((value) => typeof value === 'string'))
  const rest = Object.entries(record).filter(([name, value]) => !used.has(name) && !said.has(value as string))
  return { ...fields, extra: { ...given(Object.fromEntries(rest)), ...extraOf(fields) } }
}

const extraOf = (fields: unknown): JsonRecord => (isRecord(fields) && isRecord(fields.extra) ? fields.extra : {})
