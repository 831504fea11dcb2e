import { extname } from 'node:path'
import { PaperkinError, requireText, show } from '../errors.ts'
import { writeOutput } from '../runtime/atomic-file.ts'
import { type TimeSlice, timeSlice } from '../runtime/time-slice.ts'
import { atomReport } from './atom.ts'
import { htmlReport } from './html.ts'
import { svgReport } from './map-svg.ts'
import { markdownReport } from './markdown.ts'
import { type ReportData, type ReportDataOptions, type ReportInput, reportData } from './report-data.ts'

export type {
  ReportArea,
  ReportData,
  ReportGroup,
  ReportKin,
  ReportPaper,
  ReportProgress,
  ReportTopic,
} from './report-data.ts'

interface Format {
  readonly name: string
  /** Extensions of its files. */
  readonly endings: readonly string[]
  readonly write: (
    data: ReportData,
    options: {
      readonly signal: AbortSignal | undefined
      readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void
      /** `papers × dimensions`, in the order of the data; empty without vectors. */
      readonly vectors: Float32Array
      readonly dimensions: number
    },
  ) => string | Promise<string>
}

/** To add a format, write a module and add a line here. The first is the default. */
const table = [
  { name: 'html', endings: ['.html'], write: htmlReport },
  { name: 'markdown', endings: ['.md'], write: (data, { signal }) => markdownReport(data, timeSlice(signal)) },
  { name: 'json', endings: ['.json'], write: (data, { signal }) => jsonReport(data, timeSlice(signal)) },
  { name: 'svg', endings: ['.svg'], write: svgReport },
  { name: 'atom', endings: ['.xml', '.atom'], write: atomReport },
] as const satisfies readonly Format[]

export type ReportFormat = (typeof table)[number]['name']

export const reportFormats: readonly ReportFormat[] = table.map(({ name }) => name)

export interface ReportOptions extends ReportDataOptions {
  /** File to write. @default none, the text is only returned */
  readonly path?: string | undefined
  /** @default by the extension of the path, `.md`, `.json`, `.svg`, `.xml` or `.atom`; otherwise 'html' */
  readonly format?: ReportFormat | undefined
}

/**
 * Writes a report as a page, Markdown, JSON, an SVG map or an Atom feed, and returns its text.
 * @throws PaperkinError `invalid-argument` for topics of other papers, options out of range, and a path that cannot be
 * written
 */
export async function writeReport(input: ReportInput, options: ReportOptions = {}): Promise<string> {
  const { path, signal, onProgress } = options
  requireText('path', path)
  requireText('title', options.title)
  const ending = extname(path ?? '').toLowerCase()
  const wanted = options.format ?? table.find(({ endings }: Format) => endings.includes(ending))?.name ?? table[0].name
  const format: Format | undefined = table.find(({ name }) => name === wanted)
  if (format === undefined)
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`format\` to be one of ${reportFormats.join(', ')}, got ${show(wanted)}.`,
    )
  const text = await format.write(await reportData(input, options), {
    signal,
    onProgress: (progress) => onProgress?.({ step: 'page', ...progress }),
    vectors: input.vectors,
    dimensions: input.dimensions,
  })
  signal?.throwIfAborted()
  if (path !== undefined) {
    try {
      await writeOutput(path, [text])
    } catch (cause) {
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`path\` to be a file that can be written, got ${show(path)}: ${(cause as Error).message}`,
        { cause },
      )
    }
  }
  return text
}

/** The data as JSON, one paper per line. */
async function jsonReport({ papers, ...rest }: ReportData, slice: TimeSlice): Promise<string> {
  const lines: string[] = []
  for (const paper of papers) {
    lines.push(`    ${JSON.stringify(paper)}`)
    if (slice.due()) await slice.rest()
  }
  const head = JSON.stringify(rest, null, 2).slice(0, -2)
  return `${head},\n  "papers": [${lines.length > 0 ? `\n${lines.join(',\n')}\n  ` : ''}]\n}\n`
}
