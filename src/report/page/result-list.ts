// The column of papers: how many there are, of what and in which order, the papers themselves, and what can be done with
// those selected.
import { count } from '../wording.ts'
import type { Looked } from './address.ts'
import { button, element } from './dom.ts'
import type { SelectionBar } from './frame.ts'
import type { Marks } from './marks.ts'
import { dateNote, type PaperGroup, PaperList, type PaperListEvents } from './paper-list.ts'
import { cross } from './paper-panel.ts'
import type { Answer } from './questions.ts'
import type { Report } from './report.ts'
import type { PaperSearch } from './search.ts'
import type { Choice } from './topic-list.ts'

/** How many of the best answers show the text that matched. */
const snippets = 25
const snippetLength = 160

/** Names of the orders, as the address has them. */
const orderNames: Readonly<Record<string, string>> = {
  best: 'Best first',
  typical: 'Typical first',
  topic: 'By topic',
  newest: 'Newest first',
  given: 'As given',
}

export interface ResultEvents extends Omit<PaperListEvents, 'onPick'> {
  readonly onPick: (rows: readonly number[], isPicked: boolean) => void
  /** A condition is removed or the order changes. */
  readonly onGo: (to: Partial<Looked>, step?: 'push' | 'replace') => void
}

/** What is listed, and why. */
export interface Results {
  readonly looked: Looked
  /** In the order in which they were found. */
  readonly rows: readonly number[]
  readonly answer: Answer | undefined
  /** Papers like others, if they were asked for. */
  readonly likes: readonly number[] | undefined
  readonly choice: Choice | undefined
  /** The open paper, or -1. */
  readonly open: number
}

export class ResultList {
  readonly element: HTMLElement
  readonly list: PaperList
  readonly #report: Report
  readonly #search: PaperSearch
  readonly #events: ResultEvents
  readonly #topicOrder: readonly number[]
  readonly #isDated: boolean
  readonly #head = element('div', { class: 'list-head' })
  readonly #scroll = element('div', { class: 'scroll' })
  readonly #order = element('select', { 'aria-label': 'Order' })
  #results: Results | undefined
  /** The conditions whose results are listed. */
  #listed = ''

  constructor(
    report: Report,
    {
      search,
      marks,
      picked,
      selection,
      topicOrder,
      isDated,
    }: {
      readonly search: PaperSearch
      readonly marks: Marks
      readonly picked: ReadonlySet<number>
      readonly selection: SelectionBar
      /** Positions of topics, as they are listed. */
      readonly topicOrder: readonly number[]
      /** Whether papers have different dates. */
      readonly isDated: boolean
    },
    events: ResultEvents,
  ) {
    this.#report = report
    this.#search = search
    this.#events = events
    this.#topicOrder = topicOrder
    this.#isDated = isDated
    this.list = new PaperList(report, marks, picked, {
      ...events,
      onPick: (row, isPicked) => events.onPick([row], isPicked),
    })
    this.#scroll.append(this.list.element)
    this.#order.addEventListener('change', () => events.onGo({ order: this.#order.value }, 'replace'))
    this.element = element(
      'section',
      { class: 'list', 'aria-label': 'Papers' },
      this.#head,
      this.#scroll,
      selection.element,
    )
  }

  /** Whether anything was listed yet. */
  get isShown(): boolean {
    return this.#listed !== ''
  }

  /** Whether a search is running. */
  set isBusy(isBusy: boolean) {
    this.#scroll.ariaBusy = String(isBusy)
  }

  /** Lists papers; returns the heading. */
  show(results: Results): string {
    this.#results = results
    const { looked, answer, open } = results
    const isWhole = answer?.isWhole ?? true
    const groups = this.#groups(results)
    const rows = groups.flatMap((group) => group.rows)
    const rankOf = new Map(answer === undefined ? [] : rows.slice(0, snippets).map((row, rank) => [row, rank]))
    this.list.show(
      groups,
      (row) => this.marked(this.#report.core.titles[row]!),
      (row) => {
        if (answer?.byMeaning.has(row)) return ['close in meaning, without these words']
        if (answer !== undefined && isWhole && rankOf.has(row)) return this.#snippet(row)
        const date = this.#isDated ? dateNote(this.#report, row) : ''
        return date === '' ? [] : [date]
      },
    )
    if (open >= 0) this.list.select(open)
    const heading = `${count(rows.length, 'paper')}${isWhole ? '' : ' so far'}`
    this.#showHead(heading, rows, results)
    const { words, like, topic, area, category, from, to, marked, order } = looked
    const asked = JSON.stringify([words, like, topic, area, category, from, to, marked, order])
    // Later parts of the same answer keep the scroll position.
    if (asked !== this.#listed) this.#scroll.scrollTop = 0
    this.#listed = asked
    return heading
  }

  /** A text with the words of the question highlighted. */
  marked(text: string): (Node | string)[] {
    const query = this.#results?.answer?.query
    if (query === undefined) return [text]
    return this.#search.marked(text, query).map(({ text, isHit }) => (isHit ? element('mark', {}, text) : text))
  }

  /** Papers in the chosen order, or else in the default one. */
  #groups(results: Results): PaperGroup[] {
    const { core } = this.#report
    const { looked, choice } = results
    const isRanked = results.answer !== undefined || results.likes !== undefined
    const order = this.#orders(results).includes(looked.order)
      ? looked.order
      : isRanked
        ? 'best'
        : choice === undefined
          ? 'topic'
          : 'typical'
    const rows = [...results.rows]
    if (order === 'newest')
      rows.sort((a, b) => (core.dates[b]! < core.dates[a]! ? -1 : core.dates[b]! > core.dates[a]! ? 1 : a - b))
    if (order === 'given') rows.sort((a, b) => a - b)
    if (order === 'typical') {
      const typical = new Set(core.topics.flatMap(({ representatives }) => representatives))
      rows.sort((a, b) => Number(typical.has(b)) - Number(typical.has(a)) || a - b)
    }
    if (order !== 'topic') return rows.length === 0 ? [] : [{ rows }]
    const byTopic = new Map<number, number[]>([...this.#topicOrder, -1].map((topic) => [topic, []]))
    for (const row of rows) byTopic.get(core.topicOf[row]!)?.push(row)
    return [...byTopic].flatMap(([topic, own]): PaperGroup[] => {
      if (own.length === 0) return []
      const { label, colour } = core.topics[topic] ?? { label: 'In no topic', colour: undefined }
      const dot = element('span', { class: `dot ${colour === undefined ? 'apart' : `colour-${colour}`}` })
      const size = element('span', { class: 'size' }, own.length.toLocaleString('en'))
      return [{ heading: element('h3', {}, dot, element('span', {}, label), size), rows: own }]
    })
  }

  /** Orders to choose from. */
  #orders({ answer, likes }: Results): readonly string[] {
    const isRanked = answer !== undefined || likes !== undefined
    return [...(isRanked ? ['best'] : []), 'topic', ...(this.#isDated ? ['newest'] : []), 'given']
  }

  #showHead(heading: string, rows: readonly number[], results: Results): void {
    const { looked, choice } = results
    const orders = this.#orders(results)
    const all = choice !== undefined && orders[0] === 'topic' ? ['typical', ...orders] : orders
    this.#order.replaceChildren(...all.map((name) => element('option', { value: name }, orderNames[name])))
    this.#order.value = (orders.includes(looked.order) ? looked.order : all[0]) ?? ''
    const selectAll = button(
      { class: 'quiet' },
      () => this.#events.onPick(rows, true),
      `Select ${rows.length === 1 ? 'it' : `all ${rows.length.toLocaleString('en')}`}`,
    )
    this.#head.replaceChildren(
      element('h2', {}, heading),
      this.#order,
      ...(rows.length > 0 ? [selectAll] : []),
      ...this.#chips(results),
      ...notes(results).map((note) => element('p', { class: 'note' }, note)),
    )
  }

  /** Buttons that remove a condition. */
  #chips({ looked: { like }, choice, likes }: Results): HTMLElement[] {
    const chip = (label: string, what: string, remove: Partial<Looked>) =>
      button(
        { class: 'chip', 'aria-label': what },
        () => this.#events.onGo(remove),
        element('span', {}, label),
        cross(),
      )
    const chips: HTMLElement[] = []
    if (choice !== undefined)
      chips.push(chip(`in ${choice.label}`, `Only in ${choice.label}: show all topics instead`, { topic: '' }))
    if (likes !== undefined) {
      const [first] = like.flatMap((id) => this.#report.rowOf(id) ?? [])
      const name =
        like.length === 1 && first !== undefined ? this.#report.core.titles[first]! : count(like.length, 'paper')
      chips.push(chip(`like ${name}`, `Only papers like ${name}: show all papers instead`, { like: [] }))
    }
    return chips
  }

  /** The sentence of an abstract that matches best; nothing if the title has all the words. */
  #snippet(row: number): (Node | string)[] {
    const query = this.#results?.answer?.query
    const known = this.#report.known(row)
    if (query === undefined || known === undefined) return []
    const hitsIn = (text: string) => this.#search.marked(text, query).filter(({ isHit }) => isHit)
    if (hitsIn(this.#report.core.titles[row]!).length >= query.asked.length) return []
    let best = ''
    let most = 0
    for (const sentence of [known.authors.join(', '), ...known.abstract.split(/(?<=[.!?])\s+/u)]) {
      const hits = new Set(hitsIn(sentence).map(({ text }) => text.toLowerCase())).size
      if (hits <= most) continue
      best = sentence
      most = hits
    }
    if (best.length > snippetLength) {
      const at = Math.max(0, best.indexOf(hitsIn(best)[0]?.text ?? '') - 50)
      best = `${at > 0 ? '… ' : ''}${best.slice(at, at + snippetLength - 10).trim()} …`
    }
    return this.marked(best)
  }
}

/** What the reader should know about an answer. */
function notes({ looked, rows, answer }: Results): string[] {
  const isWhole = answer?.isWhole ?? true
  const found = (answer?.query.asked ?? []).flatMap(({ word, instead, terms }) =>
    instead !== undefined
      ? [`No paper has “${word}”: showing “${instead}”.`]
      : terms.size === 0 && isWhole
        ? [`No paper has “${word}”.`]
        : [],
  )
  if (rows.length === 0 && isWhole)
    found.push(looked.words === '' ? 'No paper matches all filters.' : 'No title, author or abstract matches.')
  return found
}
