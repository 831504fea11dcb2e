// The panel next to the map: an open paper, or two to compare. The map and the list follow it.
import { element } from './dom.ts'
import type { PaperMap } from './map.ts'
import type { Mark, Marks } from './marks.ts'
import type { Meaning } from './meaning.ts'
import { comparePanel, type PanelEvents, type PanelState, paperPanel } from './paper-panel.ts'
import type { FullPaper, Report } from './report.ts'
import type { ResultList } from './result-list.ts'

/** How long to wait for a paper before the panel opens without its abstract. */
const patienceMs = 150

interface Parts {
  readonly app: HTMLElement
  readonly map: PaperMap
  readonly results: ResultList
  readonly meaning: Meaning
  readonly marks: Marks
  readonly picked: ReadonlySet<number>
}

export class OpenPaper {
  readonly element = element('section', { class: 'panel', 'aria-labelledby': 'paper-title', hidden: true })
  readonly #report: Report
  readonly #parts: Parts
  readonly #events: PanelEvents
  #row = -1
  /** Ids of the papers being compared. */
  #pair: readonly string[] = []
  /** Had the focus before the panel opened. */
  #opener: HTMLElement | undefined

  constructor(report: Report, parts: Parts, events: PanelEvents) {
    this.#report = report
    this.#parts = parts
    this.#events = events
  }

  /** The open paper, or -1. */
  get row(): number {
    return this.#row
  }

  /** Remembers where the focus goes back to. */
  rememberFocus(): void {
    this.#opener = document.activeElement instanceof HTMLElement ? document.activeElement : undefined
  }

  close(): void {
    const { app, map, results } = this.#parts
    this.#row = -1
    this.#pair = []
    this.element.hidden = true
    app.classList.remove('with-paper', 'with-pair')
    map.select(-1)
    map.covered = { right: 0, bottom: 0 }
    results.list.select(-1)
    if (this.#opener?.isConnected) this.#opener.focus()
    this.#opener = undefined
    document.title = this.#report.core.title
  }

  /** Opens a paper; closes the panel for an unknown id. */
  async show(id: string): Promise<void> {
    const row = this.#report.rowOf(id)
    if (row === undefined) {
      this.close()
      return
    }
    this.#row = row
    this.#pair = []
    this.#parts.results.list.select(row)
    const wanted = this.#report.paper(row)
    const early = await Promise.race([
      wanted.catch(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(resolve, patienceMs)),
    ])
    if (row !== this.#row) return
    this.#fill(row, early)
    if (early !== undefined) return
    const late = await wanted.catch(() => 'missing' as const)
    if (row === this.#row) this.#fill(row, late)
  }

  /** Opens two papers side by side. Returns false, and does nothing, unless both ids are known. */
  showPair(ids: readonly string[]): boolean {
    const [one, other, ...more] = ids.flatMap((id) => this.#report.rowOf(id) ?? [])
    if (one === undefined || other === undefined || more.length > 0) return false
    this.#row = -1
    this.#pair = ids
    void this.#fillPair([one, other], ids)
    return true
  }

  /** Updates the buttons that show marks and the selection. */
  refresh(): void {
    const { marks, picked } = this.#parts
    const id = this.#report.core.ids[this.#row]
    for (const pressed of this.element.querySelectorAll<HTMLElement>('[data-mark]')) {
      const mark = pressed.dataset.mark as Mark | 'picked'
      const isSet = mark === 'picked' ? picked.has(this.#row) : id !== undefined && marks.has(mark, id)
      pressed.setAttribute('aria-pressed', String(isSet))
    }
  }

  /** @param paper undefined while it is being read */
  #fill(row: number, paper: FullPaper | 'missing' | undefined): void {
    const content = paperPanel(this.#report, row, { paper, state: this.#state(row), events: this.#events })
    const kin = typeof paper === 'object' ? paper.kin.map((one) => one.row) : []
    this.#present(content, { title: this.#report.core.titles[row]!, isPair: false })
    this.#lookAt(row, kin)
  }

  async #fillPair([one, other]: readonly [number, number], ids: readonly string[]): Promise<void> {
    const read = async (row: number) => ({ row, paper: await this.#report.paper(row).catch(() => 'missing' as const) })
    const pair = await Promise.all([read(one), read(other)])
    const similarity = await this.#parts.meaning.similarity(one, other).catch(() => Number.NaN)
    if (this.#pair !== ids) return
    const content = comparePanel(this.#report, pair, { similarity, state: this.#state(one), events: this.#events })
    this.#present(content, { title: 'Two papers', isPair: true })
    this.#lookAt(one, [other])
  }

  #state(row: number): PanelState {
    const { marks, picked, results } = this.#parts
    return { marks, isPicked: picked.has(row), marked: (text) => results.marked(text) }
  }

  #present(content: readonly Node[], { title, isPair }: { readonly title: string; readonly isPair: boolean }): void {
    this.element.replaceChildren(...content)
    this.element.hidden = false
    this.#parts.app.classList.add('with-paper')
    this.#parts.app.classList.toggle('with-pair', isPair)
    this.element.scrollTop = 0
    this.element.querySelector<HTMLElement>('h2')?.focus({ preventScroll: true })
    document.title = `${title} – ${this.#report.core.title}`
  }

  #lookAt(row: number, others: readonly number[]): void {
    const { map } = this.#parts
    map.select(row, others)
    const frame = map.canvas.getBoundingClientRect()
    const panel = this.element.getBoundingClientRect()
    // The panel covers the map from the right, or from below on narrow screens.
    const isBelow = panel.left <= frame.left
    map.covered = {
      right: isBelow ? 0 : Math.max(0, frame.right - panel.left),
      bottom: isBelow ? Math.max(0, frame.bottom - panel.top) : 0,
    }
    map.follow(row, others)
  }
}
