// The topics as a tree that folds: groups, topics with their curve over time, and outliers. A chosen topic unfolds in place.
import type { PageGroup } from '../page-data.ts'
import { button, element, svg } from './dom.ts'
import type { Report } from './report.ts'

/** A topic, a group of topics, or the outliers. */
export interface Choice {
  /** Used in the address: id of a topic, `group-1`, or `none`. */
  readonly name: string
  readonly label: string
  /** Positions of topics; -1 for papers in no topic. */
  readonly topics: ReadonlySet<number>
}

export interface TopicListEvents {
  readonly onChoose: (choice: Choice | undefined) => void
}

export class TopicList {
  readonly element = element('ul', { class: 'topics', 'aria-label': 'Topics' })
  readonly choices = new Map<string, Choice>()
  /** Positions of the topics, in the order of the list. */
  readonly order: number[] = []
  readonly #report: Report
  readonly #events: TopicListEvents
  readonly #buttons = new Map<string, HTMLButtonElement>()
  readonly #details = new Map<string, HTMLElement>()
  readonly #folds: { readonly fold: (isOpen: boolean) => void; readonly names: ReadonlySet<string> }[] = []
  #chosen = ''

  constructor(report: Report, events: TopicListEvents) {
    this.#report = report
    this.#events = events
    const { core } = report
    let group = 0
    const item = (node: PageGroup): HTMLElement =>
      node.topic === undefined ? this.#group(node, `group-${++group}`, item) : this.#topic(node.topic)
    this.element.append(...core.groups.map(item))
    const apart = core.topicOf.flatMap((topic, row) => (topic < 0 ? [row] : []))
    if (apart.length > 0) this.element.append(this.#outliers(apart))
  }

  /** The heading, with a button that folds all groups if there are any. */
  heading(): HTMLElement {
    const foldAll = button(
      { class: 'quiet' },
      () => {
        const isOpen = foldAll.textContent !== 'Fold all'
        for (const { fold } of this.#folds) fold(isOpen)
        foldAll.textContent = isOpen ? 'Fold all' : 'Unfold all'
      },
      'Fold all',
    )
    return element('div', { class: 'side-head' }, element('h2', {}, 'Topics'), this.#folds.length > 0 && foldAll)
  }

  /** Highlights a choice, opens it and unfolds the groups around it. */
  mark(name: string): void {
    this.#buttons.get(this.#chosen)?.setAttribute('aria-pressed', 'false')
    this.#details.get(this.#chosen)?.toggleAttribute('hidden', true)
    this.#chosen = name
    this.#buttons.get(name)?.setAttribute('aria-pressed', 'true')
    for (const { fold, names } of this.#folds) if (names.has(name)) fold(true)
    const detail = this.#details.get(name)
    if (detail !== undefined) {
      if (detail.childElementCount === 0) this.#fill(detail, name)
      detail.hidden = false
    }
    const shown = this.#buttons.get(name)
    // Scrolls only if it is out of sight.
    shown?.scrollIntoView({ block: 'nearest' })
  }

  #choose(name: string): void {
    this.#events.onChoose(name === this.#chosen ? undefined : this.choices.get(name))
  }

  #topic(position: number): HTMLElement {
    const { core } = this.#report
    const { id, label, size, counts, colour } = core.topics[position]!
    const name = String(id)
    this.choices.set(name, { name, label, topics: new Set([position]) })
    this.order.push(position)
    const choose = button(
      { class: 'topic', 'aria-pressed': 'false' },
      () => this.#choose(name),
      element('span', { class: `dot colour-${colour}` }),
      element('span', { class: 'label' }, label),
      this.#curve(counts, colour),
      element('span', { class: 'size' }, size.toLocaleString('en'), element('span', { class: 'unseen' }, ' papers')),
    )
    const detail = element('div', { class: 'detail', hidden: true })
    this.#buttons.set(name, choose)
    this.#details.set(name, detail)
    return element('li', {}, choose, detail)
  }

  #outliers(rows: readonly number[]): HTMLElement {
    const name = 'none'
    this.choices.set(name, { name, label: 'In no topic', topics: new Set([-1]) })
    const choose = button(
      { class: 'topic', 'aria-pressed': 'false' },
      () => this.#choose(name),
      element('span', { class: 'dot apart' }),
      element('span', { class: 'label' }, 'In no topic'),
      element(
        'span',
        { class: 'size' },
        rows.length.toLocaleString('en'),
        element('span', { class: 'unseen' }, ' papers'),
      ),
    )
    const detail = element('div', { class: 'detail', hidden: true })
    this.#buttons.set(name, choose)
    this.#details.set(name, detail)
    return element('li', { class: 'outliers' }, choose, detail)
  }

  #group(node: PageGroup, name: string, item: (node: PageGroup) => HTMLElement): HTMLElement {
    const topics = new Set<number>()
    const names = new Set<string>([name])
    const collect = ({ topic, children }: PageGroup) => {
      if (topic !== undefined) {
        topics.add(topic)
        names.add(String(this.#report.core.topics[topic]!.id))
      }
      for (const child of children) collect(child)
    }
    collect(node)
    this.choices.set(name, { name, label: node.label, topics })
    const inner = element('ul', { id: `${name}-inner` }, ...node.children.map(item))
    const caret = button(
      {
        class: 'caret',
        'aria-expanded': 'true',
        'aria-controls': `${name}-inner`,
        'aria-label': `Topics of ${node.label}`,
      },
      () => fold(caret.getAttribute('aria-expanded') === 'false'),
      svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: 'M5 6l3 3.5L11 6' })),
    )
    const fold = (isOpen: boolean) => {
      caret.setAttribute('aria-expanded', String(isOpen))
      inner.hidden = !isOpen
    }
    this.#folds.push({ fold, names })
    const choose = button(
      { class: 'topic group', 'aria-pressed': 'false' },
      () => this.#choose(name),
      element('span', { class: 'label' }, node.label),
      element(
        'span',
        { class: 'size' },
        node.size.toLocaleString('en'),
        element('span', { class: 'unseen' }, ' papers'),
      ),
    )
    this.#buttons.set(name, choose)
    return element('li', {}, element('div', { class: 'group-row' }, caret, choose), inner)
  }

  /** Fills an entry when it opens for the first time. */
  #fill(detail: HTMLElement, name: string): void {
    const { core } = this.#report
    const choice = this.choices.get(name)
    const [position] = choice?.topics ?? []
    const topic = core.topics[position ?? -1]
    if (topic !== undefined) {
      detail.append(element('p', { class: 'terms' }, topic.terms.join(' · ')))
      if (topic.counts.length > 2) detail.append(...this.#largeCurve(topic.counts, topic.colour))
    } else
      detail.append(
        element('p', { class: 'note' }, 'Their nearest kin are farther away than those of all other papers.'),
      )
  }

  #curve(counts: readonly number[], colour: number): SVGElement | false {
    if (counts.length < 3) return false
    const most = Math.max(1, ...counts)
    const x = (i: number) => (i / (counts.length - 1)) * 60 + 1
    const y = (value: number) => 15 - (value / most) * 13
    const line = counts.map((value, i) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join('L')
    return svg(
      'svg',
      { class: `curve colour-${colour}`, viewBox: '0 0 62 17', 'aria-hidden': 'true' },
      svg('path', { class: 'area', d: `M1 15L${line}L61 15Z` }),
      svg('path', { class: 'line', d: `M${line}` }),
    )
  }

  #largeCurve(counts: readonly number[], colour: number): Element[] {
    const { periods } = this.#report.core
    const peak = counts.indexOf(Math.max(...counts))
    const curve = this.#curve(counts, colour)
    if (curve === false) return []
    curve.classList.add('large')
    curve.setAttribute('preserveAspectRatio', 'none')
    return [
      curve,
      element(
        'p',
        { class: 'ends' },
        element('span', {}, periods[0]),
        element('span', {}, `most in ${periods[peak]}: ${counts[peak]}`),
        element('span', {}, periods[periods.length - 1]),
      ),
    ]
  }
}
