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

export const reportFormats = ['html', 'markdown', 'json', 'svg', 'atom'] as const

export type ReportFormat = (typeof reportFormats)[number]

export interface ReportOptions extends ReportDataOptions {
  /** The file to write; without it the text is only returned. */
  readonly path?: string | undefined
  /** @default what the path ends in: `.md`, `.json`, `.svg`, `.xml` or `.atom`; otherwise 'html' */
  readonly format?: ReportFormat | undefined
}

const endings: Readonly<Record<string, ReportFormat>> = {
  '.md': 'markdown',
  '.json': 'json',
  '.svg': 'svg',
  '.xml': 'atom',
  '.atom': 'atom',
}

/**
 * The text of a report: a page, Markdown, its data as JSON, its map as SVG, or a feed; written to a file where one is named.
 * @throws PaperkinError `invalid-argument` for topics of other papers, options out of range, and a path that cannot be
 * written
 */
export async function writeReport(input: ReportInput, options: ReportOptions = {}): Promise<string> {
  const { path, signal } = options
  requireText('path', path)
  requireText('title', options.title)
  const format = options.format ?? endings[extname(path ?? '').toLowerCase()] ?? 'html'
  if (!reportFormats.includes(format))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`format\` to be one of ${reportFormats.join(', ')}, got ${show(format)}.`,
    )
  const text = await textOf(await reportData(input, options), format, options)
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

async function textOf(data: ReportData, format: ReportFormat, { signal, onProgress }: ReportOptions): Promise<string> {
  if (format === 'markdown') return markdownReport(data, timeSlice(signal))
  if (format === 'json') return jsonReport(data, timeSlice(signal))
  if (format === 'svg') return svgReport(data)
  if (format === 'atom') return atomReport(data)
  return htmlReport(data, { signal, onProgress: (progress) => onProgress?.({ step: 'page', ...progress }) })
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
