// The titles beside the map: in the order that is asked for, under their topics or the best first, each to open, to select
// and to star. One Tab stop; arrow keys go from paper to paper and along a line.
import { count, longDate } from '../wording.ts'
import { button, element, svg } from './dom.ts'
import type { Marks } from './marks.ts'
import type { Report } from './report.ts'

const shownAtOnce = 60
const shownMore = 200
/** How near its end a list is scrolled before it goes on. */
const nearEnd = '600px'

export interface PaperListEvents {
  readonly onOpen: (row: number) => void
  readonly onPoint: (row: number) => void
  readonly onPick: (row: number, isPicked: boolean) => void
  readonly onStar: (row: number) => void
}

/** Papers that belong together. */
export interface PaperGroup {
  readonly heading?: HTMLElement
  readonly rows: readonly number[]
}

export class PaperList {
  readonly element = element('div', { class: 'papers' })
  readonly #report: Report
  readonly #marks: Marks
  readonly #picked: ReadonlySet<number>
  readonly #events: PaperListEvents
  readonly #lines = new Map<number, HTMLElement>()
  #rest: PaperGroup[] = []
  #title: (row: number) => readonly (Node | string)[] = () => []
  #note: (row: number) => readonly (Node | string)[] = () => []
  #selected = -1
  #pointed = -1

  constructor(report: Report, marks: Marks, picked: ReadonlySet<number>, events: PaperListEvents) {
    this.#report = report
    this.#marks = marks
    this.#picked = picked
    this.#events = events
    this.element.addEventListener('keydown', (event) => this.#key(event))
    this.element.addEventListener('focusin', ({ target }) => {
      const line = (target as Element).closest<HTMLElement>('.entry')
      if (line === null) return
      this.#stop(line)
      this.#events.onPoint(Number(line.dataset.row))
    })
    this.element.addEventListener('focusout', () => this.#events.onPoint(-1))
  }

  /**
   * Shows papers.
   * @param title of a paper, as it is to be shown
   * @param note under its title
   */
  show(
    groups: readonly PaperGroup[],
    title: (row: number) => readonly (Node | string)[],
    note: (row: number) => readonly (Node | string)[],
  ): void {
    this.#title = title
    this.#note = note
    this.#lines.clear()
    this.#rest = [...groups]
    this.element.replaceChildren()
    this.#add(shownAtOnce)
    const first = this.element.querySelector<HTMLElement>('.entry')
    if (first !== null) this.#stop(first)
  }

  /** Shows again what stands at papers: marks and whether they are selected. */
  refresh(): void {
    for (const [row, line] of this.#lines) this.#dress(row, line)
  }

  /** Marks the paper that is open. */
  select(row: number): void {
    this.#lines.get(this.#selected)?.classList.remove('open')
    this.#lines.get(this.#selected)?.querySelector('.paper')?.removeAttribute('aria-current')
    this.#selected = row
    const line = this.#lines.get(row)
    line?.classList.add('open')
    line?.querySelector('.paper')?.setAttribute('aria-current', 'true')
    line?.scrollIntoView({ block: 'nearest' })
  }

  /** Shows that the map points at a paper. */
  point(row: number): void {
    if (row === this.#pointed) return
    this.#lines.get(this.#pointed)?.classList.remove('pointed')
    this.#pointed = row
    this.#lines.get(row)?.classList.add('pointed')
  }

  /** The paper that has the focus, or -1. */
  get focused(): number {
    const line = document.activeElement?.closest<HTMLElement>('.entry')
    return line != null && this.element.contains(line) ? Number(line.dataset.row) : -1
  }

  /** Puts the focus on a paper that is listed, or on the first. */
  focus(row?: number): void {
    const line = (row === undefined ? undefined : this.#lines.get(row)) ?? this.element.querySelector('.entry')
    line?.querySelector<HTMLElement>('.paper')?.focus()
  }

  /** Adds papers of what is not shown yet. */
  #add(most: number): void {
    let left = most
    while (left > 0 && this.#rest.length > 0) {
      const [{ heading, rows }] = this.#rest
      const taken = rows.slice(0, left)
      left -= taken.length
      const list = element('ul', {}, ...taken.map((row) => this.#line(row)))
      this.element.append(...(heading === undefined ? [] : [heading]), list)
      if (taken.length === rows.length) this.#rest.shift()
      else this.#rest[0] = { rows: rows.slice(taken.length) }
    }
    const remaining = this.#rest.reduce((sum, { rows }) => sum + rows.length, 0)
    if (remaining === 0) return
    const more = button(
      { class: 'more' },
      () => {
        const next = this.#rest[0]?.rows[0]
        more.remove()
        this.#add(shownMore)
        this.focus(next)
      },
      `Show more of ${count(remaining, 'more paper')}`,
    )
    this.element.append(more)
    // It goes on as it is scrolled.
    const observer = new IntersectionObserver(
      ([{ isIntersecting }]) => {
        if (!more.isConnected) observer.disconnect()
        else if (isIntersecting && document.activeElement !== more) {
          observer.disconnect()
          more.remove()
          this.#add(shownMore)
        }
      },
      { root: this.element.parentElement, rootMargin: nearEnd },
    )
    observer.observe(more)
  }

  #line(row: number): HTMLElement {
    const { core } = this.#report
    const topic = core.topics[core.topicOf[row]!]
    const name = core.titles[row]
    const pick = element('input', { type: 'checkbox', class: 'pick', tabindex: -1, 'aria-label': `Select ${name}` })
    pick.addEventListener('change', () => this.#events.onPick(row, pick.checked))
    const note = this.#note(row)
    const line = element(
      'li',
      { class: 'entry', 'data-row': row },
      element('label', { class: 'pick-place' }, pick),
      button(
        { class: 'paper', tabindex: -1 },
        () => this.#events.onOpen(row),
        element('span', { class: `dot ${topic === undefined ? 'apart' : `colour-${topic.colour}`}` }),
        element(
          'span',
          { class: 'texts' },
          element('span', { class: 'name' }, ...this.#title(row)),
          note.length > 0 && element('span', { class: 'note' }, ...note),
        ),
      ),
      button({ class: 'star', tabindex: -1, 'aria-label': `Star ${name}` }, () => this.#events.onStar(row), star()),
    )
    line.addEventListener('pointerenter', () => this.#events.onPoint(row))
    line.addEventListener('pointerleave', () => this.#events.onPoint(-1))
    this.#lines.set(row, line)
    this.#dress(row, line)
    return line
  }

  #dress(row: number, line: HTMLElement): void {
    const id = this.#report.core.ids[row]!
    line.classList.toggle('read', this.#marks.has('read', id))
    line.classList.toggle('open', row === this.#selected)
    const [pick] = line.getElementsByTagName('input')
    pick.checked = this.#picked.has(row)
    line.querySelector('.star')?.setAttribute('aria-pressed', String(this.#marks.has('starred', id)))
  }

  /** Makes a line the one that Tab goes to. */
  #stop(line: HTMLElement): void {
    for (const old of this.element.querySelectorAll('.paper[tabindex="0"]')) old.setAttribute('tabindex', '-1')
    line.querySelector('.paper')?.setAttribute('tabindex', '0')
  }

  #key(event: KeyboardEvent): void {
    const { target } = event
    if (!(target instanceof HTMLElement) || event.altKey || event.ctrlKey || event.metaKey) return
    const line = target.closest<HTMLElement>('.entry')
    if (line === null) return
    const lines = [...this.element.querySelectorAll<HTMLElement>('.entry')]
    const at = lines.indexOf(line)
    const along = [...line.querySelectorAll<HTMLElement>('input, button')]
    const beside = along.indexOf(target)
    const goals: Readonly<Record<string, HTMLElement | undefined>> = {
      ArrowDown: sameIn(lines[at + 1], beside),
      ArrowUp: sameIn(lines[at - 1], beside),
      Home: sameIn(lines[0], beside),
      End: sameIn(lines.at(-1), beside),
      ArrowRight: along[beside + 1],
      ArrowLeft: along[beside - 1],
    }
    if (!(event.key in goals)) return
    event.preventDefault()
    goals[event.key]?.focus()
  }
}

const sameIn = (line: HTMLElement | undefined, position: number) =>
  [...(line?.querySelectorAll<HTMLElement>('input, button') ?? [])][position]

export const star = () =>
  svg(
    'svg',
    { viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    svg('path', { d: 'M8 1.8l1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z' }),
  )

/** What stands under a title where nothing more is asked: its date, where papers are of several. */
export const dateNote = (report: Report, row: number): string => longDate(report.core.dates[row]!)
