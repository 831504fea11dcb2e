// The list of papers next to the map, in groups or best first; each can be opened, selected and starred. The list is one
// Tab stop; arrow keys go from paper to paper and along a line.
import { count, longDate } from '../wording.ts'
import { button, element, svg } from './dom.ts'
import type { Marks } from './marks.ts'
import type { Report } from './report.ts'

const shownAtOnce = 60
const shownMore = 200
/** Distance from the end of the list at which more papers are added. */
const nearEnd = '600px'

export interface PaperListEvents {
  readonly onOpen: (row: number) => void
  readonly onPoint: (row: number) => void
  readonly onPick: (row: number, isPicked: boolean) => void
  readonly onStar: (row: number) => void
}

/** Papers under a heading. */
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
   * Shows papers, the first 60 at once.
   * @param title content of a paper's title
   * @param note content of the line below it
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

  /** Updates marks and check boxes. */
  refresh(): void {
    for (const [row, line] of this.#lines) this.#dress(row, line)
  }

  /** Highlights the open paper and scrolls to it; -1 for none. */
  select(row: number): void {
    this.#lines.get(this.#selected)?.classList.remove('open')
    this.#lines.get(this.#selected)?.querySelector('.paper')?.removeAttribute('aria-current')
    this.#selected = row
    const line = this.#lines.get(row)
    line?.classList.add('open')
    line?.querySelector('.paper')?.setAttribute('aria-current', 'true')
    line?.scrollIntoView({ block: 'nearest' })
  }

  /** Highlights the paper that the map points at; -1 for none. */
  point(row: number): void {
    if (row === this.#pointed) return
    this.#lines.get(this.#pointed)?.classList.remove('pointed')
    this.#pointed = row
    this.#lines.get(row)?.classList.add('pointed')
  }

  /** The paper with the focus, or -1. */
  get focused(): number {
    const line = document.activeElement?.closest<HTMLElement>('.entry')
    return line != null && this.element.contains(line) ? Number(line.dataset.row) : -1
  }

  /** Focuses a listed paper, or the first. */
  focus(row?: number): void {
    const line = (row === undefined ? undefined : this.#lines.get(row)) ?? this.element.querySelector('.entry')
    line?.querySelector<HTMLElement>('.paper')?.focus()
  }

  /** Shows up to `most` more papers, and a button for the rest. */
  #add(most: number): void {
    let left = most
    while (left > 0) {
      const [group] = this.#rest
      if (group === undefined) break
      const { heading, rows } = group
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
      `Show more (${count(remaining, 'more paper')})`,
    )
    this.element.append(more)
    // Scrolling adds more too.
    const observer = new IntersectionObserver(
      ([seen]) => {
        if (!more.isConnected) observer.disconnect()
        else if (seen?.isIntersecting && document.activeElement !== more) {
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
    const line = emptyLine.cloneNode(true) as HTMLElement
    const [pickPlace, paper, star] = line.children as unknown as [HTMLElement, HTMLElement, HTMLElement]
    const [dot, texts] = paper.children as unknown as [HTMLElement, HTMLElement]
    const pick = pickPlace.firstElementChild as HTMLInputElement
    line.dataset.row = String(row)
    pick.setAttribute('aria-label', `Select ${name}`)
    pick.addEventListener('change', () => this.#events.onPick(row, pick.checked))
    paper.addEventListener('click', () => this.#events.onOpen(row))
    dot.className = `dot ${topic === undefined ? 'apart' : `colour-${topic.colour}`}`
    texts.firstElementChild!.append(...this.#title(row))
    const note = this.#note(row)
    if (note.length > 0) texts.append(element('span', { class: 'note' }, ...note))
    star.setAttribute('aria-label', `Star ${name}`)
    star.addEventListener('click', () => this.#events.onStar(row))
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
    const pick = line.querySelector('input')
    if (pick !== null) pick.checked = this.#picked.has(row)
    line.querySelector('.star')?.setAttribute('aria-pressed', String(this.#marks.has('starred', id)))
  }

  /** Makes a line the Tab stop. */
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
    const place = along.indexOf(target)
    const goals: Readonly<Record<string, HTMLElement | undefined>> = {
      ArrowDown: sameIn(lines[at + 1], place),
      ArrowUp: sameIn(lines[at - 1], place),
      Home: sameIn(lines[0], place),
      End: sameIn(lines.at(-1), place),
      ArrowRight: along[place + 1],
      ArrowLeft: along[place - 1],
    }
    if (!(event.key in goals)) return
    event.preventDefault()
    goals[event.key]?.focus()
  }
}

/** A line without its paper; a copy takes a third of the time of making one. */
const emptyLine = element(
  'li',
  { class: 'entry' },
  element('label', { class: 'pick-place' }, element('input', { type: 'checkbox', class: 'pick', tabindex: -1 })),
  element(
    'button',
    { type: 'button', class: 'paper', tabindex: -1 },
    element('span', { class: 'dot' }),
    element('span', { class: 'texts' }, element('span', { class: 'name' })),
  ),
  element('button', { type: 'button', class: 'star', tabindex: -1 }, star()),
)

const sameIn = (line: HTMLElement | undefined, position: number) =>
  [...(line?.querySelectorAll<HTMLElement>('input, button') ?? [])][position]

export function star(): SVGElement {
  return svg(
    'svg',
    { viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    svg('path', { d: 'M8 1.8l1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z' }),
  )
}

/** A paper's date, for the line below its title; empty if unknown. */
export const dateNote = (report: Report, row: number): string => longDate(report.core.dates[row]!)
