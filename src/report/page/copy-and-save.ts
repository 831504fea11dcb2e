// Papers and marks that leave the page, on the clipboard or as files.
import { count } from '../wording.ts'
import { type CitationFormat, type Cited, citations, endings } from './citations.ts'
import { copyText, saveText } from './dom.ts'
import type { MarkedPaper, Marks } from './marks.ts'
import type { Report } from './report.ts'

export type ExportFormat = CitationFormat | 'JSON'

export class PaperExport {
  readonly #report: Report
  readonly #marks: Marks
  readonly #notify: (text: string) => void

  constructor(report: Report, marks: Marks, notify: (text: string) => void) {
    this.#report = report
    this.#marks = marks
    this.#notify = notify
  }

  async copy(rows: readonly number[], format: ExportFormat): Promise<void> {
    const isCopied = await copyText(await this.#text(rows, format))
    this.#notify(
      isCopied
        ? `Copied ${count(rows.length, 'paper')} as ${format}`
        : 'This browser does not let the page copy: save a file instead.',
    )
  }

  async save(rows: readonly number[], format: ExportFormat): Promise<void> {
    saveText(`papers.${format === 'JSON' ? 'json' : endings[format]}`, await this.#text(rows, format))
    this.#notify(`Saved ${count(rows.length, 'paper')} as ${format}`)
  }

  /** Saves all marks as a file that `paperkin recommend --like` reads too. */
  async saveMarks(): Promise<void> {
    const { ids } = this.#report.core
    const starred: MarkedPaper[] = []
    for (const [row, id] of ids.entries())
      if (this.#marks.has('starred', id)) starred.push({ ...record(await this.#cited(row)), extra: { starred: true } })
    saveText('stars.json', this.#marks.file(ids, starred))
    this.#notify(`Saved ${count(starred.length, 'star')}: paperkin recommend FILE --like stars.json`)
  }

  async readMarks(file: File): Promise<void> {
    try {
      this.#notify(`${count(this.#marks.add(await file.text()), 'mark')} added`)
    } catch (error) {
      this.#notify((error as Error).message)
    }
  }

  async #text(rows: readonly number[], format: ExportFormat): Promise<string> {
    const papers: Cited[] = []
    for (const row of rows) papers.push(await this.#cited(row))
    return format === 'JSON' ? `${JSON.stringify(papers.map(record), null, 1)}\n` : citations(format, papers)
  }

  /** A paper; without abstract, authors and link if its block is missing. */
  async #cited(row: number): Promise<Cited> {
    const { core } = this.#report
    const { abstract, authors, link } = await this.#report
      .text(row)
      .catch(() => ({ abstract: '', authors: [], link: '' }))
    return {
      id: core.ids[row]!,
      title: core.titles[row]!,
      abstract,
      authors,
      categories: core.categoriesOf[row]!.map((position) => core.categories[position]!),
      published: core.dates[row]!,
      link,
    }
  }
}

/** A paper in paperkin's own JSON. */
function record({ id, title, abstract, authors, categories, published, link }: Cited) {
  return {
    id,
    title,
    abstract,
    ...(authors.length > 0 && { authors }),
    ...(categories.length > 0 && { categories }),
    ...(published !== '' && { published }),
    ...(link !== '' && { url: link }),
  }
}
