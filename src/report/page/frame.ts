// The frame of the page: its parts and their places, with nothing of what they do.
import { count, longDate } from '../wording.ts'
import { citationFormats } from './citations.ts'
import { button, element, svg } from './dom.ts'
import type { Facet } from './facets.ts'
import { cross } from './paper-panel.ts'
import type { Report } from './report.ts'

type Act = () => void

const icon = (label: string, path: string, act: Act, attributes: Readonly<Record<string, string>> = {}) =>
  button(
    { class: 'icon', 'aria-label': label, title: label, ...attributes },
    act,
    svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: path })),
  )

export interface MapButtons {
  readonly element: HTMLElement
  readonly lasso: HTMLButtonElement
}

export function mapButtons(acts: {
  readonly zoomIn: Act
  readonly zoomOut: Act
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
      icon('Zoom in', 'M8 3.5v9M3.5 8h9', acts.zoomIn),
      icon('Zoom out', 'M3.5 8h9', acts.zoomOut),
      icon('Show all of the map', 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3', acts.fit),
    ),
    lasso,
  }
}

/** A button that opens a few others. */
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
  readonly marked: HTMLSelectElement
  readonly from: HTMLInputElement
  readonly to: HTMLInputElement
}

export function head(
  report: Report,
  facets: { readonly area: Facet; readonly category: Facet },
  acts: { readonly theme: Act; readonly saveStars: Act; readonly readStars: (file: File) => void; readonly keys: Act },
): Head {
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
  // Seen on phones alone, where there is no room for filters that nobody uses.
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
    marked,
    from,
    to,
  }
}

export interface SelectionBar {
  readonly element: HTMLElement
  show(size: number): void
}

export function selectionBar(acts: {
  readonly copy: (format: string) => void
  readonly save: (format: string) => void
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
      button({ class: 'act' }, () => acts.copy(format.value), 'Copy'),
      button({ class: 'act' }, () => acts.save(format.value), 'Save'),
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

const keys: readonly (readonly [keys: string, does: string])[] = [
  ['/', 'to the search'],
  ['↑ ↓', 'from paper to paper in the list; ← → along its line'],
  ['Enter', 'opens a paper'],
  ['s, r, h', 'star, read, hide the paper at hand'],
  ['x', 'selects it'],
  ['m', 'more like it'],
  ['c', 'copies it as BibTeX'],
  ['arrows', 'on the map: from point to point; with Shift they move the map'],
  ['+ − 0', 'on the map: larger, smaller, all of it'],
  ['Shift and drag', 'on the map: selects what you draw around'],
  ['Escape', 'closes and steps back'],
]

export function keysDialog(): HTMLDialogElement {
  const dialog = element(
    'dialog',
    { class: 'keys', 'aria-labelledby': 'keys-title' },
    element('h2', { id: 'keys-title' }, 'Keys'),
    element(
      'dl',
      {},
      ...keys.flatMap(([pressed, does]) => [element('dt', {}, element('kbd', {}, pressed)), element('dd', {}, does)]),
    ),
    button({ class: 'act' }, () => dialog.close(), 'Close'),
  )
  return dialog
}
