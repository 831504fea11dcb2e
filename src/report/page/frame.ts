// The frame of the page: its fixed parts, without what they do.
import { count, longDate } from '../wording.ts'
import type { Looked } from './address.ts'
import { citationFormats } from './citations.ts'
import type { ExportFormat } from './copy-and-save.ts'
import { button, element, svg } from './dom.ts'
import type { Facet } from './facets.ts'
import { cross } from './paper-panel.ts'
import type { Report } from './report.ts'

type Act = () => void

const noticeMs = 6000

const icon = (label: string, path: string, act: Act, attributes: Readonly<Record<string, string>> = {}) =>
  button(
    { class: 'icon', 'aria-label': label, title: label, ...attributes },
    act,
    svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: path })),
  )

export const mapCanvas = (rows: number) =>
  element('canvas', {
    class: 'map',
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'map of papers',
    'aria-label': `${count(rows, 'paper')}; related papers lie close together. Arrow keys go from paper to paper, Enter opens, x selects, s stars, plus and minus zoom, 0 shows all, Shift with arrows moves the map.`,
  })

export interface MapButtons {
  readonly element: HTMLElement
  readonly lasso: HTMLButtonElement
}

export function mapButtons(acts: {
  readonly zoom: (factor: number) => void
  readonly fit: Act
  readonly lasso: Act
}): MapButtons {
  const lasso = icon(
    'Select papers by drawing around them',
    'M8 2.5c3.3 0 6 1.8 6 4.2s-2.7 4.2-6 4.2-6-1.8-6-4.2 2.7-4.2 6-4.2zM5 10.5c-1.6.6-1.6 2.9.2 3',
    acts.lasso,
    { 'aria-pressed': 'false' },
  )
  return {
    element: element(
      'div',
      { class: 'map-buttons' },
      lasso,
      icon('Zoom in', 'M8 3.5v9M3.5 8h9', () => acts.zoom(1.8)),
      icon('Zoom out', 'M3.5 8h9', () => acts.zoom(1 / 1.8)),
      icon('Show all of the map', 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3', acts.fit),
    ),
    lasso,
  }
}

/** A button that opens more buttons. */
function menu(label: string, ...entries: readonly HTMLElement[]): HTMLDetailsElement {
  const made = element(
    'details',
    { class: 'menu' },
    element(
      'summary',
      { class: 'icon', 'aria-label': label, title: label },
      svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: 'M3 4.5h10M3 8h10M3 11.5h10' })),
    ),
    element('div', { class: 'entries' }, ...entries),
  )
  made.addEventListener('click', ({ target }) => {
    if ((target as Element).closest('.entries button') !== null) made.open = false
  })
  made.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !made.open) return
    made.open = false
    made.querySelector('summary')?.focus()
    event.stopPropagation()
  })
  document.addEventListener('pointerdown', ({ target }) => {
    if (!made.contains(target as Node)) made.open = false
  })
  return made
}

export interface Head {
  readonly element: HTMLElement
  readonly words: HTMLInputElement
  /** Whether papers have different dates. */
  readonly isDated: boolean
  /** Shows the words and filters of a state. */
  show(looked: Looked): void
}

interface HeadActs {
  /** Words or filters change; `replace` adds no step to the history. */
  readonly go: (to: Partial<Looked>, step?: 'push' | 'replace') => void
  /** The search field has the focus for the first time. */
  readonly prepare: Act
  /** Enter or the down key leave the search field. */
  readonly toResults: Act
  readonly theme: Act
  readonly saveStars: Act
  readonly readStars: (file: File) => void
  readonly keys: Act
}

export function head(report: Report, facets: { readonly area: Facet; readonly category: Facet }, acts: HeadActs): Head {
  const { core, rows } = report
  let [earliest, latest] = ['', '']
  for (const date of core.dates) {
    if (date === '') continue
    if (earliest === '' || date < earliest) earliest = date
    if (date > latest) latest = date
  }
  const [first, last] = [longDate(earliest), longDate(latest)]
  const facts = [
    ...(core.title === count(rows, 'paper') ? [] : [count(rows, 'paper')]),
    count(core.topics.length, 'topic'),
    ...(first === '' ? [] : [first === last ? first : `${first} – ${last}`]),
  ]
  const words = element('input', {
    type: 'search',
    id: 'words',
    placeholder: 'Words, or a question',
    'aria-label': 'Search titles, authors and abstracts',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  let before = ''
  words.addEventListener('input', () => {
    const text = words.value.trim()
    // The first letter is a step in the history, further ones are not.
    acts.go({ words: text, like: [] }, (text === '') === (before === '') ? 'replace' : 'push')
  })
  words.addEventListener('focus', acts.prepare, { once: true })
  words.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' && event.key !== 'Enter') return
    event.preventDefault()
    acts.toResults()
  })
  const date = (label: string) =>
    element('input', { 'aria-label': label, type: 'date', min: earliest.slice(0, 10), max: latest.slice(0, 10) })
  const [from, to] = [date('Published from'), date('Published until')]
  const marked = element(
    'select',
    { 'aria-label': 'Marks' },
    element('option', { value: '' }, 'Starred or not'),
    element('option', { value: 'starred' }, 'Starred'),
    element('option', { value: 'unread' }, 'Unread'),
    element('option', { value: 'hidden' }, 'Hidden'),
  )
  marked.addEventListener('change', () => acts.go({ marked: marked.value as Looked['marked'] }))
  from.addEventListener('change', () => acts.go({ from: from.value }))
  to.addEventListener('change', () => acts.go({ to: to.value }))
  const filters = element(
    'div',
    { class: 'filters', id: 'filters' },
    facets.area.size > 1 && facets.area.element,
    facets.category.size > 1 && facets.category.element,
    marked,
    earliest !== latest &&
      earliest.length >= 10 &&
      element('div', { class: 'dates' }, from, element('span', {}, '–'), to),
  )
  // Shown on phones only, where filters fold to save room.
  const filterButton = button(
    { class: 'filter-button', 'aria-expanded': 'false', 'aria-controls': 'filters' },
    () => filterButton.setAttribute('aria-expanded', String(filters.classList.toggle('open'))),
    'Filters',
  )
  const file = element('input', {
    type: 'file',
    accept: '.json,application/json',
    'aria-label': 'A file of stars',
    hidden: true,
  })
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? []
    if (chosen !== undefined) acts.readStars(chosen)
    file.value = ''
  })
  const entries = menu(
    'Stars, keys, colours',
    button({}, acts.saveStars, 'Save stars as a file'),
    button({}, () => file.click(), 'Read stars from a file'),
    button({}, acts.theme, 'Light or dark'),
    button({}, acts.keys, 'Keys'),
    file,
  )
  return {
    element: element(
      'header',
      {},
      element('div', { class: 'title-row' }, element('h1', {}, core.title), entries),
      element('p', { class: 'facts' }, facts.join(' · ')),
      element('div', { class: 'asking', role: 'search' }, words, filterButton, filters),
    ),
    words,
    isDated: from.min !== from.max,
    show(looked) {
      before = looked.words
      facets.area.value = looked.area
      facets.category.value = looked.category
      marked.value = looked.marked
      from.value = looked.from
      to.value = looked.to
      if (words.value.trim() !== looked.words) words.value = looked.words
    },
  }
}

export interface SelectionBar {
  readonly element: HTMLElement
  show(size: number): void
}

export function selectionBar(acts: {
  readonly copy: (format: ExportFormat) => void
  readonly save: (format: ExportFormat) => void
  readonly star: Act
  readonly like: Act
  readonly compare: Act
  readonly clear: Act
}): SelectionBar {
  const size = element('strong', {})
  const format = element(
    'select',
    { 'aria-label': 'Format' },
    ...[...citationFormats, 'JSON'].map((name) => element('option', { value: name }, name)),
  )
  const chosen = () => format.value as ExportFormat
  const compare = button({ class: 'act' }, acts.compare, 'Compare')
  const bar = element(
    'div',
    { class: 'selection', role: 'group', 'aria-label': 'Selected papers', hidden: true },
    element(
      'div',
      { class: 'selection-head' },
      size,
      button({ class: 'icon', 'aria-label': 'Select none', title: 'Select none' }, acts.clear, cross()),
    ),
    element(
      'div',
      { class: 'acts' },
      format,
      button({ class: 'act' }, () => acts.copy(chosen()), 'Copy'),
      button({ class: 'act' }, () => acts.save(chosen()), 'Save'),
      button({ class: 'act' }, acts.star, 'Star'),
      button({ class: 'act' }, acts.like, 'More like these'),
      compare,
    ),
  )
  return {
    element: bar,
    show(number) {
      bar.hidden = number === 0
      size.textContent = `${number.toLocaleString('en')} selected`
      compare.disabled = number !== 2
      compare.title = number === 2 ? '' : 'Select two papers to compare them'
    },
  }
}

export interface Notices {
  readonly elements: readonly HTMLElement[]
  /** Announces a text to screen readers. */
  say(text: string): void
  /** Shows and announces a text for a few seconds. */
  show(text: string, ...more: readonly Node[]): void
}

export function notices(): Notices {
  const said = element('div', { class: 'unseen', role: 'status' })
  const notice = element('div', { class: 'notice', role: 'status', hidden: true })
  let timer = 0
  return {
    elements: [notice, said],
    say(text) {
      said.textContent = text
    },
    show(text, ...more) {
      notice.hidden = false
      notice.replaceChildren(element('span', {}, text), ...more)
      clearTimeout(timer)
      timer = setTimeout(() => {
        notice.hidden = true
      }, noticeMs)
    },
  }
}

export interface Tip {
  readonly element: HTMLElement
  hide(): void
  /** Shows two lines above a place of the map. */
  show(title: string, note: string, at: { readonly x: number; readonly y: number }): void
}

export function tip(): Tip {
  const box = element('div', { class: 'tip', hidden: true })
  return {
    element: box,
    hide() {
      box.hidden = true
    },
    show(title, note, { x, y }) {
      box.hidden = false
      box.replaceChildren(element('strong', {}, title), element('span', {}, note))
      const width = box.parentElement?.clientWidth ?? 0
      const left = Math.max(8, Math.min(width - box.offsetWidth - 8, x - box.offsetWidth / 2))
      const above = y - box.offsetHeight - 16
      box.style.translate = `${left}px ${above < 8 ? y + 20 : above}px`
    },
  }
}

interface AppParts {
  readonly head: HTMLElement
  readonly results: HTMLElement
  readonly canvas: HTMLCanvasElement
  readonly overMap: readonly HTMLElement[]
  /** The column of topics. */
  readonly side: readonly HTMLElement[]
  readonly overAll: readonly HTMLElement[]
}

/** Puts the parts of the page in their places; returns the tabs, after which the panel belongs. */
export function fillApp(app: HTMLElement, parts: AppParts): HTMLElement {
  const tabs = sides(app)
  app.append(
    button({ class: 'skip' }, () => parts.canvas.focus(), 'Go to the map'),
    parts.head,
    parts.results,
    element('main', { 'aria-label': 'Map' }, element('div', { class: 'map-frame' }, parts.canvas, ...parts.overMap)),
    element('nav', { class: 'side', 'aria-label': 'Topics' }, ...parts.side),
    tabs,
    ...parts.overAll,
  )
  return tabs
}

/** Tabs for narrow screens, which show either the papers or the topics: sets `data-side` of the app. */
function sides(app: HTMLElement): HTMLElement {
  const tab = (name: 'papers' | 'topics', label: string) => {
    const made = button(
      { 'aria-pressed': String(name === 'papers') },
      () => {
        app.dataset.side = name
        for (const other of tabs) other.setAttribute('aria-pressed', String(other === made))
      },
      label,
    )
    return made
  }
  const tabs = [tab('papers', 'Papers'), tab('topics', 'Topics')]
  return element('nav', { class: 'sides', 'aria-label': 'What is listed' }, ...tabs)
}
