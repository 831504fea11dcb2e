import './page.css'
import { type Theme, themes } from '../palette.ts'
import { count, longDate } from '../wording.ts'
import { AreaFacet } from './area-facet.ts'
import { button, element, svg } from './dom.ts'
import { type MapEvents, PaperMap } from './map.ts'
import { newsSection } from './news.ts'
import { cross, paperPanel } from './paper-panel.ts'
import { printedList } from './printed-list.ts'
import { type FullPaper, Report } from './report.ts'
import { type Found, TextSearch } from './search.ts'
import { type Choice, paperButton, TopicList } from './topic-list.ts'

const resultsShown = 100

/** How long a paper is waited for before the panel opens without its abstract. */
const patienceMs = 150

async function open(): Promise<void> {
  try {
    new Page(await Report.open())
  } catch (error) {
    const opening = document.getElementById('opening')
    if (opening !== null) opening.textContent = 'This file is not whole, and cannot be opened.'
    throw error
  }
}

/** The parts of the page, and what the reader has chosen: a paper, a topic, words, a category, a time. */
class Page {
  readonly #report: Report
  readonly #search: TextSearch
  readonly #map: PaperMap
  readonly #topics: TopicList
  readonly #app = element('div', { class: 'app' })
  readonly #panel = element('section', { class: 'panel', 'aria-labelledby': 'paper-title', hidden: true })
  readonly #tip = element('div', { class: 'tip', hidden: true })
  readonly #said = element('div', { class: 'unseen', role: 'status' })
  readonly #words = element('input', {
    type: 'search',
    id: 'words',
    placeholder: 'Search titles, authors, abstracts',
    'aria-label': 'Search titles, authors and abstracts',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  readonly #category = element('select', { 'aria-label': 'Category' })
  readonly #area: AreaFacet
  readonly #from = element('input', { 'aria-label': 'Published from', type: 'date' })
  readonly #to = element('input', { 'aria-label': 'Published until', type: 'date' })
  readonly #results = element('div', { class: 'results', hidden: true })
  readonly #browse = element('div', { class: 'browse' })
  #choice: Choice | undefined
  #found: Found | undefined
  #selected = -1
  #shown: Uint8Array
  /** The question whose answers are listed. */
  #listed = ''
  /** What had the focus when a paper was opened. */
  #opener: HTMLElement | undefined

  constructor(report: Report) {
    this.#report = report
    this.#search = new TextSearch(report)
    this.#area = new AreaFacet(report.core, () => this.#filter())
    this.#shown = new Uint8Array(report.rows).fill(1)
    const point = (row: number) => this.#map.hover(row)
    this.#topics = new TopicList(report, {
      onChoose: (choice) => this.#go({ topic: choice?.name }),
      onPaper: (row) => this.#go({ paper: row }),
      onPoint: point,
    })
    const canvas = element('canvas', {
      class: 'map',
      tabindex: 0,
      role: 'application',
      'aria-roledescription': 'map of papers',
      'aria-label': `${count(report.rows, 'paper')}, near each other where they are kin. Arrow keys go from paper to paper, Enter opens, plus and minus zoom, 0 shows all, Shift with arrows moves the map.`,
    })
    const mapButtons = this.#mapButtons()
    const mapFrame = element('div', { class: 'map-frame' }, canvas, this.#tip, mapButtons)
    const skip = button({ class: 'skip' }, () => canvas.focus(), 'Go to the map')
    this.#app.append(skip, this.#sidebar(), element('main', { 'aria-label': 'Map' }, mapFrame), this.#panel, this.#said)
    document.getElementById('opening')?.remove()
    document.body.append(this.#app)
    const events: MapEvents = {
      onHover: (row, x, y) => this.#showTip(row, x, y),
      onPick: (row) => this.#go({ paper: row }),
      onPickTopic: (position) => this.#go({ topic: String(report.core.topics[position].id) }),
      onStep: (row) => this.#say(`${report.core.titles[row]}. ${this.#topicName(row)}. Enter opens it.`),
    }
    this.#map = new PaperMap(canvas, report.core, events, [mapButtons])
    this.#setTheme(undefined)
    window.addEventListener('hashchange', () => this.#follow())
    document.addEventListener('keydown', (event) => this.#key(event))
    window.addEventListener('beforeprint', () => this.#print())
    this.#follow()
    // So that they can be printed. What is missing is told where somebody asks for it.
    if (report.isSmall) for (let block = 0; block < report.blocks; block++) report.block(block).catch(() => undefined)
    document.documentElement.dataset.ready = ''
  }

  // ---- the address -----------------------------------------------------------------------------------------------

  /** Goes to a paper or a topic; what is left out stays as it is, and -1 or an undefined topic means none. */
  #go(to: { readonly paper?: number; readonly topic?: string | undefined }): void {
    const paper = to.paper ?? this.#selected
    const topic = 'topic' in to ? to.topic : this.#choice?.name
    const parts = [
      ...(topic === undefined ? [] : [`topic=${encodeURIComponent(topic)}`]),
      ...(paper < 0 ? [] : [`paper=${encodeURIComponent(this.#report.core.ids[paper])}`]),
    ]
    if (to.paper !== undefined && to.paper >= 0 && this.#selected < 0)
      this.#opener = document.activeElement instanceof HTMLElement ? document.activeElement : undefined
    const hash = `#${parts.join('&')}`
    if (hash === (location.hash || '#')) this.#follow()
    else location.hash = hash
  }

  /** Shows what the address says. */
  #follow(): void {
    const parts = new URLSearchParams(location.hash.slice(1))
    const row = this.#report.rowOf(parts.get('paper') ?? '') ?? -1
    // Closed first: then all of the map is there to show a topic on.
    if (row < 0 && this.#selected >= 0) void this.#showPaper(row)
    const choice = this.#topics.choices.get(parts.get('topic') ?? '')
    if (choice !== this.#choice) {
      this.#choice = choice
      this.#topics.mark(choice?.name ?? '')
      this.#filter()
      if (choice === undefined) this.#map.fit()
      else this.#map.reveal(this.#rowsShown())
    }
    if (row !== this.#selected) void this.#showPaper(row)
  }

  async #showPaper(row: number): Promise<void> {
    this.#selected = row
    this.#showTip(-1, 0, 0)
    if (row < 0) {
      this.#panel.hidden = true
      this.#app.classList.remove('with-paper')
      this.#map.select(-1)
      this.#map.covered = { right: 0, bottom: 0 }
      if (this.#opener?.isConnected) this.#opener.focus()
      this.#opener = undefined
      document.title = this.#report.core.title
      return
    }
    const wanted = this.#report.paper(row)
    const early = await Promise.race([
      wanted.catch(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(resolve, patienceMs)),
    ])
    if (row !== this.#selected) return
    this.#openPanel(row, early)
    if (early !== undefined) return
    const late = await wanted.catch(() => 'missing' as const)
    if (row === this.#selected) this.#openPanel(row, late)
  }

  /** Shows a paper, of which not all may be at hand yet. */
  #openPanel(row: number, paper: FullPaper | 'missing' | undefined): void {
    this.#panel.replaceChildren(
      ...paperPanel(this.#report, row, paper, {
        onClose: () => this.#go({ paper: -1 }),
        onPaper: (kin) => this.#go({ paper: kin }),
        onTopic: (position) => this.#go({ topic: String(this.#report.core.topics[position].id) }),
        onPoint: (kin) => this.#map.hover(kin),
      }),
    )
    this.#panel.hidden = false
    this.#app.classList.add('with-paper')
    this.#panel.scrollTop = 0
    this.#panel.querySelector<HTMLElement>('h2')?.focus({ preventScroll: true })
    document.title = `${this.#report.core.titles[row]} – ${this.#report.core.title}`
    const kin = typeof paper === 'object' ? paper.kin.map(([row]) => row) : []
    this.#map.select(row, kin)
    // Where the panel lies over the map, only the rest of it can be seen.
    const frame = this.#map.canvas.getBoundingClientRect()
    const panel = this.#panel.getBoundingClientRect()
    const isBelow = panel.left <= frame.left
    this.#map.covered = {
      right: isBelow ? 0 : Math.max(0, frame.right - panel.left),
      bottom: isBelow ? Math.max(0, frame.bottom - panel.top) : 0,
    }
    this.#map.follow(row, kin)
  }

  // ---- what is shown ---------------------------------------------------------------------------------------------

  #rowsShown(): number[] {
    const rows: number[] = []
    for (let row = 0; row < this.#shown.length; row++) if (this.#shown[row] === 1) rows.push(row)
    return rows
  }

  get #isAsked(): boolean {
    const { value: area } = this.#area.element
    const asked = [this.#category.value, area, this.#from.value, this.#to.value]
    return this.#found !== undefined || asked.some((one) => one !== '')
  }

  /** Applies what was chosen and asked for to the map and to the list of results. */
  #filter(): void {
    const { core, rows } = this.#report
    const topics = this.#choice?.topics
    const category = this.#category.value === '' ? -1 : Number(this.#category.value)
    const from = this.#from.value
    const to = this.#to.value
    const fits = (row: number) =>
      (topics === undefined || topics.has(core.topicOf[row])) &&
      (category < 0 || core.categoriesOf[row].includes(category)) &&
      isWithin(core.dates[row], from, to)
    const shown = new Uint8Array(rows)
    const listed: number[] = []
    // What fits but for the area is counted for each area.
    this.#area.begin()
    const take = (row: number) => {
      if (!fits(row)) return
      this.#area.count(row)
      if (!this.#area.has(row)) return
      shown[row] = 1
      listed.push(row)
    }
    if (this.#found === undefined) for (let row = 0; row < rows; row++) take(row)
    else for (const row of [...this.#found.inTitle, ...this.#found.elsewhere]) take(row)
    this.#area.end()
    this.#shown = shown
    this.#map.show(shown, topics)
    this.#results.hidden = !this.#isAsked
    this.#browse.hidden = this.#isAsked
    if (this.#isAsked) this.#list(listed)
    else this.#listed = ''
  }

  #list(rows: readonly number[]): void {
    const events = {
      onPaper: (row: number) => this.#go({ paper: row }),
      onPoint: (row: number) => this.#map.hover(row),
    }
    const isWhole = this.#found?.isWhole ?? true
    const heading = `${count(rows.length, 'paper')}${isWhole ? '' : ' so far'}`
    const scope =
      this.#choice === undefined
        ? []
        : [
            button(
              { class: 'chip', 'aria-label': `Only in ${this.#choice.label}: search everywhere instead` },
              () => this.#go({ topic: undefined }),
              `in ${this.#choice.label}`,
              cross(),
            ),
          ]
    this.#results.replaceChildren(
      element('div', { class: 'results-head' }, element('h2', {}, heading), ...scope),
      ...(rows.length === 0 && isWhole
        ? [
            element(
              'p',
              { class: 'note' },
              'Every word must begin a word of the title, of an author or of the abstract.',
            ),
          ]
        : []),
      element(
        'ul',
        { class: 'papers' },
        ...rows.slice(0, resultsShown).map((row) => element('li', {}, paperButton(this.#report, row, events))),
      ),
      ...(rows.length > resultsShown
        ? [
            element(
              'p',
              { class: 'note' },
              `and ${count(rows.length - resultsShown, 'more paper')}, all of them on the map`,
            ),
          ]
        : []),
    )
    // Another question: from its first answer on.
    const asked = JSON.stringify([
      this.#words.value,
      this.#category.value,
      this.#area.element.value,
      this.#from.value,
      this.#to.value,
    ])
    if (asked !== this.#listed && this.#results.parentElement !== null) this.#results.parentElement.scrollTop = 0
    this.#listed = asked
    if (!isWhole) return
    this.#say(heading)
    this.#map.gather(rows)
  }

  // ---- the parts -------------------------------------------------------------------------------------------------

  #sidebar(): HTMLElement {
    const { core, rows } = this.#report
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
    this.#category.append(
      element('option', { value: '' }, 'All categories'),
      ...core.categories.map((category, position) => element('option', { value: position }, category)),
    )
    for (const input of [this.#from, this.#to]) {
      input.min = earliest.slice(0, 10)
      input.max = latest.slice(0, 10)
      input.addEventListener('change', () => this.#filter())
    }
    this.#category.addEventListener('change', () => this.#filter())
    this.#words.addEventListener('input', () => this.#ask())
    this.#words.addEventListener('focus', () => void this.#search.prepare(), { once: true })
    const hasDates = earliest !== latest && earliest.length >= 10
    const hasCategories = core.categories.length > 1
    const hasAreas = core.areas.length > 1
    const filters = element(
      'div',
      { class: 'filters', id: 'filters' },
      hasAreas && this.#area.element,
      hasCategories && this.#category,
      hasDates && element('div', { class: 'dates' }, this.#from, element('span', {}, '–'), this.#to),
    )
    // Seen on phones alone, where there is no room for filters that nobody uses.
    const filterButton = button(
      { class: 'filter-button', 'aria-expanded': 'false', 'aria-controls': 'filters' },
      () => filterButton.setAttribute('aria-expanded', String(filters.classList.toggle('open'))),
      'Filters',
    )
    const foldAll = button(
      { class: 'quiet' },
      () => {
        const isOpen = foldAll.textContent !== 'Fold all'
        this.#topics.foldAll(isOpen)
        foldAll.textContent = isOpen ? 'Fold all' : 'Unfold all'
      },
      'Fold all',
    )
    this.#browse.append(
      ...newsSection(this.#report, {
        onPaper: (row) => this.#go({ paper: row }),
        onPoint: (row) => this.#map.hover(row),
      }),
      element(
        'div',
        { class: 'results-head' },
        element('h2', {}, 'Topics'),
        ...(this.#topics.hasGroups ? [foldAll] : []),
      ),
      this.#topics.element,
    )
    return element(
      'aside',
      { class: 'sidebar', 'aria-label': 'Search and topics' },
      element(
        'header',
        {},
        element('div', { class: 'title-row' }, element('h1', {}, core.title), this.#themeButton()),
        element('p', { class: 'facts' }, facts.join(' · ')),
        element(
          'div',
          { class: 'asking', role: 'search' },
          this.#words,
          ...(hasAreas || hasCategories || hasDates ? [filterButton, filters] : []),
        ),
      ),
      element('div', { class: 'lists' }, this.#results, this.#browse),
    )
  }

  #mapButtons(): HTMLElement {
    const icon = (label: string, path: string, act: () => void) =>
      button(
        { class: 'icon', 'aria-label': label, title: label },
        act,
        svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: path })),
      )
    return element(
      'div',
      { class: 'map-buttons' },
      icon('Zoom in', 'M8 3.5v9M3.5 8h9', () => this.#map.zoom(1.8)),
      icon('Zoom out', 'M3.5 8h9', () => this.#map.zoom(1 / 1.8)),
      icon('Show all of the map', 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3', () => this.#map.fit()),
    )
  }

  #themeButton(): HTMLElement {
    const made = button(
      { class: 'icon theme', 'aria-label': 'Light or dark', title: 'Light or dark' },
      () => this.#setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'),
      svg(
        'svg',
        { viewBox: '0 0 16 16', 'aria-hidden': 'true' },
        svg('circle', { cx: 8, cy: 8, r: 5 }),
        svg('path', { class: 'half', d: 'M8 3a5 5 0 0 1 0 10z' }),
      ),
    )
    return made
  }

  /** Takes a theme, or that of the system and its changes. */
  #setTheme(theme: Theme | undefined): void {
    const system = matchMedia('(prefers-color-scheme: dark)')
    system.onchange = theme === undefined ? () => this.#setTheme(undefined) : null
    const taken = theme ?? (system.matches ? 'dark' : 'light')
    const { style, dataset } = document.documentElement
    dataset.theme = taken
    const { topics, apart } = themes[taken]
    topics.forEach((colour, position) => {
      style.setProperty(`--topic-${position}`, colour)
    })
    style.setProperty('--apart', apart)
    this.#map.theme = taken
  }

  #showTip(row: number, x: number, y: number): void {
    this.#tip.hidden = row < 0
    if (row < 0) return
    this.#tip.replaceChildren(
      element('strong', {}, this.#report.core.titles[row]),
      element('span', {}, this.#topicName(row)),
    )
    const frame = this.#tip.parentElement as HTMLElement
    const { offsetWidth, offsetHeight } = this.#tip
    const left = Math.max(8, Math.min(frame.clientWidth - offsetWidth - 8, x - offsetWidth / 2))
    const above = y - offsetHeight - 16
    this.#tip.style.translate = `${left}px ${above < 8 ? y + 20 : above}px`
  }

  #topicName(row: number): string {
    const { topicOf, topics } = this.#report.core
    return topics[topicOf[row]]?.label ?? 'In no topic'
  }

  #say(text: string): void {
    this.#said.textContent = text
  }

  // ---- words and keys --------------------------------------------------------------------------------------------

  #ask(): void {
    const text = this.#words.value.trim()
    if (text === '') {
      this.#search.stop()
      this.#found = undefined
      this.#filter()
      return
    }
    void this.#search.find(text, (found) => {
      this.#found = found
      this.#filter()
    })
  }

  #key(event: KeyboardEvent): void {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
    if (event.key === 'Escape') {
      if (event.target === this.#words && this.#words.value !== '') {
        this.#words.value = ''
        this.#ask()
      } else if (this.#selected >= 0) this.#go({ paper: -1 })
      else if (this.#choice !== undefined) this.#go({ topic: undefined })
      else return
      event.preventDefault()
    } else if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      this.#words.focus()
    }
  }

  #print(): void {
    document.querySelector('.printed')?.remove()
    document.body.append(printedList(this.#report, this.#rowsShown()))
  }
}

/** Whether a date, which may name a month or a year only, lies within days of which either may be open (empty). */
function isWithin(date: string, from: string, to: string): boolean {
  if (from === '' && to === '') return true
  if (date === '') return false
  const day = date.slice(0, 10)
  return (from === '' || day >= from.slice(0, day.length)) && (to === '' || day <= to.slice(0, day.length))
}

void open()
