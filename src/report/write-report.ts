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
  /** Of files that are written in it. */
  readonly endings: readonly string[]
  readonly write: (
    data: ReportData,
    options: {
      readonly signal: AbortSignal | undefined
      readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void
      /** Of the papers, in the order of the data; empty where they have none. */
      readonly vectors: Float32Array
      readonly dimensions: number
    },
  ) => string | Promise<string>
}

/** To add a format, write it in a file of its own and add a line; the first is the default. */
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
  /** The file to write; without it the text is only returned. */
  readonly path?: string | undefined
  /** @default what the path ends in: `.md`, `.json`, `.svg`, `.xml` or `.atom`; otherwise 'html' */
  readonly format?: ReportFormat | undefined
}

/**
 * The text of a report: a page, Markdown, its data as JSON, its map as SVG, or a feed; written to a file where one is named.
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

/** The data with a paper a line. */
async function jsonReport({ papers, ...rest }: ReportData, slice: TimeSlice): Promise<string> {
  const lines: string[] = []
  for (const paper of papers) {
    lines.push(`    ${JSON.stringify(paper)}`)
    if (slice.due()) await slice.rest()
  }
  const head = JSON.stringify(rest, null, 2).slice(0, -2)
  return `${head},\n  "papers": [${lines.length > 0 ? `\n${lines.join(',\n')}\n  ` : ''}]\n}\n`
}
