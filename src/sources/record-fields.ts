// The fields of a paper from a record of any shape. Known shapes have a file of their own.
import { cslFields, isCslItem } from './csl-json.ts'
import { dailyFields, isDailyPaper } from './daily-papers.ts'
import { isRecord } from './field-values.ts'
import { isOpenAlexWork, openAlexFields } from './openalex.ts'
import { plainFields } from './plain-record.ts'
import { isSemanticScholarPaper, semanticScholarFields } from './semantic-scholar.ts'

/** Gives a record the field names of a paper. What is no object is given back as it is: it will be refused. */
export function recordFields(value: unknown): unknown {
  if (!isRecord(value)) return value
  if (isOpenAlexWork(value)) return openAlexFields(value)
  if (isDailyPaper(value)) return dailyFields(value)
  if (isSemanticScholarPaper(value)) return semanticScholarFields(value)
  if (isCslItem(value)) return cslFields(value)
  return plainFields(value)
}
