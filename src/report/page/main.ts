import './page.css'
import { type Theme, themes } from '../palette.ts'
import { count } from '../wording.ts'
import { addressOf, type Looked, lookedAt, nothingLooked } from './address.ts'
import { type CitationFormat, type Cited, citations, endings } from './citations.ts'
import { button, copyText, element, saveText } from './dom.ts'
import { areaFacet, categoryFacet, type Facet } from './facets.ts'
import { type Head, head, keysDialog, mapButtons, type SelectionBar, selectionBar } from './frame.ts'
import { answer, connected } from './live.ts'
import { type MapEvents, PaperMap } from './map.ts'
import { type Mark, type MarkedPaper, Marks } from './marks.ts'
import { Meaning } from './meaning.ts'
import { newsSection } from './news.ts'
import { dateNote, type PaperGroup, PaperList } from './paper-list.ts'
import { comparePanel, cross, type PanelEvents, paperPanel } from './paper-panel.ts'
import { printedList } from './printed-list.ts'
import type { Answer } from './questions.ts'
import { type FullPaper, Report } from './report.ts'
import { PaperSearch } from './search.ts'
import { type Choice, TopicList } from './topic-list.ts'

/** How long a paper is waited for before the panel opens without its abstract. */
const patienceMs = 150
/** Papers that are listed as like others. */
const likesShown = 50
/** A text under the titles of so many first answers says where their words are. */
const snippets = 25
const noticeMs = 6000
/** How long after opening a small page is made ready to be searched. */
const idleMs = 300

async function open(): Promise<void> {
  try {
    new Page(await connected(await Report.open()))
  } catch (error) {
    const opening = document.getElementById('opening')
    if (opening !== null) opening.textContent = 'This file is not whole, and cannot be opened.'
    throw error
  }
}

/** The parts of the page, and what the reader looks at: it stands in the address, and all parts follow it. */
class Page {
  readonly #report: Report
  readonly #search: PaperSearch
  readonly #meaning: Meaning
  readonly #marks: Marks
  readonly #map: PaperMap
  readonly #topics: TopicList
  readonly #list: PaperList
  readonly #head: Head
  readonly #area: Facet
  readonly #category: Facet
  readonly #selection: SelectionBar
  readonly #picked = new Set<number>()
  readonly #app = element('div', { class: 'app', 'data-side': 'papers' })
  readonly #panel = element('section', { class: 'panel', 'aria-labelledby': 'paper-title', hidden: true })
  readonly #tip = element('div', { class: 'tip', hidden: true })
  readonly #said = element('div', { class: 'unseen', role: 'status' })
  readonly #notice = element('div', { class: 'notice', role: 'status', hidden: true })
  readonly #keys = keysDialog()
  readonly #listHead = element('div', { class: 'list-head' })
  readonly #scroll = element('div', { class: 'scroll' })
  readonly #order = element('select', { 'aria-label': 'Order' })
  readonly #lasso: HTMLButtonElement
  #looked: Looked = nothingLooked
  #answer: Answer | undefined
  /** Papers like those that are asked for, best first. */
  #likes: readonly number[] | undefined
  #shown: Uint8Array
  /** The papers that are listed, in their order. */
  #rows: readonly number[] = []
  /** The question whose answers are listed. */
  #listed = ''
  /** What had the focus when a paper was opened. */
  #opener: HTMLElement | undefined
  #openRow = -1
  #timer = 0

  constructor(report: Report) {
    this.#report = report
    this.#search = new PaperSearch(report)
    this.#meaning = new Meaning(report, this.#search)
    this.#marks = new Marks(
      () => this.#marksChanged(),
      (reason) => this.#tell(reason),
    )
    this.#area = areaFacet(report.core, (area) => this.#go({ area }))
    this.#category = categoryFacet(report.core, (category) => this.#go({ category }))
    this.#shown = new Uint8Array(report.rows).fill(1)
    this.#topics = new TopicList(report, { onChoose: (choice) => this.#go({ topic: choice?.name ?? '' }) })
    this.#list = new PaperList(report, this.#marks, this.#picked, {
      onOpen: (row) => this.#go({ paper: report.core.ids[row]!, compare: [] }),
      onPoint: (row) => this.#map.hover(row),
      onPick: (row, isPicked) => this.#pick([row], isPicked),
      onStar: (row) => this.#mark(row, 'starred'),
    })
    this.#head = head(
      report,
      { area: this.#area, category: this.#category },
      {
        theme: () => this.#setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'),
        saveStars: () => void this.#saveStars(),
        readStars: (file) => void this.#readStars(file),
        keys: () => this.#keys.showModal(),
      },
    )
    this.#selection = selectionBar({
      copy: (format) => void this.#give([...this.#picked], format, 'copy'),
      save: (format) => void this.#give([...this.#picked], format, 'save'),
      star: () => this.#marks.set('starred', this.#idsOf([...this.#picked]), true),
      like: () => this.#go({ like: this.#idsOf([...this.#picked]), words: '', topic: '' }),
      compare: () => this.#go({ compare: this.#idsOf([...this.#picked]) }),
      clear: () => this.#pick([...this.#picked], false),
    })
    const canvas = element('canvas', {
      class: 'map',
      tabindex: 0,
      role: 'application',
      'aria-roledescription': 'map of papers',
      'aria-label': `${count(report.rows, 'paper')}, near each other where they are kin. Arrow keys go from paper to paper, Enter opens, x selects, s stars, plus and minus zoom, 0 shows all, Shift with arrows moves the map.`,
    })
    const buttons = mapButtons({
      zoomIn: () => this.#map.zoom(1.8),
      zoomOut: () => this.#map.zoom(1 / 1.8),
      fit: () => {
        this.#map.fit()
        this.#go({ at: '' }, 'replace')
      },
      lasso: () => this.#setLasso(!this.#map.isDrawing),
    })
    this.#lasso = buttons.lasso
    const skip = button({ class: 'skip' }, () => canvas.focus(), 'Go to the map')
    this.#app.append(
      skip,
      this.#head.element,
      element(
        'section',
        { class: 'list', 'aria-label': 'Papers' },
        this.#listHead,
        this.#scroll,
        this.#selection.element,
      ),
      element(
        'main',
        { 'aria-label': 'Map' },
        element('div', { class: 'map-frame' }, canvas, this.#tip, buttons.element),
      ),
      this.#topicsColumn(),
      this.#sides(),
      this.#panel,
      this.#notice,
      this.#said,
      this.#keys,
    )
    this.#scroll.append(this.#list.element)
    document.getElementById('opening')?.remove()
    document.body.append(this.#app)
    const events: MapEvents = {
      onHover: (row, x, y) => {
        this.#showTip(row, x, y)
        this.#list.point(row)
      },
      onPick: (row) => this.#go({ paper: report.core.ids[row]!, compare: [] }),
      onPickTopic: (position) => this.#go({ topic: String(report.core.topics[position]!.id) }),
      onStep: (row) => {
        this.#list.point(row)
        this.#say(`${report.core.titles[row]}. ${this.#topicName(row)}. Enter opens it.`)
      },
      onMoved: (at) =>
        this.#go(
          { at: at === undefined ? '' : `${Math.round(at.x)},${Math.round(at.y)},${Number(at.zoom.toFixed(2))}` },
          'replace',
        ),
      onLasso: (rows) => {
        this.#setLasso(false)
        this.#pick(rows, true)
        this.#tell(`${count(rows.length, 'paper')} inside`)
      },
    }
    this.#map = new PaperMap(canvas, report.core, events, [buttons.element])
    this.#setTheme(undefined)
    this.#listenToHead()
    window.addEventListener('hashchange', () => this.#follow(lookedAt(location.hash), true))
    document.addEventListener('keydown', (event) => this.#key(event))
    window.addEventListener('beforeprint', () => this.#print())
    this.#marksChanged()
    this.#follow(lookedAt(location.hash), true)
    // So that papers can be printed, and titles searched at once. What is missing is told where somebody asks for it.
    if (report.isSmall) for (let block = 0; block < report.blocks; block++) report.block(block).catch(() => undefined)
    setTimeout(() => void (report.isSmall ? this.#search.prepare() : this.#search.prepareTitles()), idleMs)
    document.documentElement.dataset.ready = ''
  }

  // ---- the address -----------------------------------------------------------------------------------------------

  /** Looks at something else; what is left out stays as it is. What is only typed or moved leaves no step to go back to. */
  #go(to: Partial<Looked>, step: 'push' | 'replace' = 'push'): void {
    // Where one looks on the map is left for what one asks to see.
    const isElsewhere = !('at' in to) && Object.keys(to).some((name) => name !== 'order')
    const next: Looked = { ...this.#looked, ...(isElsewhere && { at: '' }), ...to }
    if (next.paper !== '' && this.#looked.paper === '')
      this.#opener = document.activeElement instanceof HTMLElement ? document.activeElement : undefined
    const hash = addressOf(next)
    if (hash !== (location.hash || '#')) {
      if (step === 'push') location.hash = hash
      else location.replace(hash)
    }
    this.#follow(next, false)
  }

  /** Shows what is to be looked at. */
  #follow(next: Looked, isFromAddress: boolean): void {
    const before = this.#looked
    if (isFromAddress && addressOf(before) === addressOf(next) && document.documentElement.dataset.ready === '') return
    this.#looked = next
    const isChanged = (...names: readonly (keyof Looked)[]) =>
      names.some((name) => String(before[name]) !== String(next[name]))
    // Closed first: then all of the map is there to show a topic on.
    const isPanelChanged = isChanged('paper', 'compare')
    if (isPanelChanged && next.paper === '' && next.compare.length < 2) this.#closePanel()
    if (isChanged('topic')) this.#topics.mark(next.topic)
    this.#area.value = next.area
    this.#category.value = next.category
    this.#head.marked.value = next.marked
    this.#head.from.value = next.from
    this.#head.to.value = next.to
    if (this.#head.words.value.trim() !== next.words) this.#head.words.value = next.words
    if (isChanged('words')) this.#ask(next.words)
    if (isChanged('like')) void this.#askLike(next.like)
    // What words find and what papers are like is listed when it is known.
    const isAskedElse =
      isChanged('topic', 'area', 'category', 'from', 'to', 'marked', 'order') ||
      (isChanged('words') && next.words === '') ||
      (isChanged('like') && next.like.length === 0)
    if (isAskedElse || this.#listed === '') this.#filter()
    if (isChanged('topic')) {
      if (this.#choice === undefined) this.#map.fit()
      else this.#map.reveal(this.#rows)
    }
    if (isPanelChanged) {
      if (next.compare.length === 2) void this.#showPair(next.compare)
      else if (next.paper !== '') void this.#showPaper(this.#report.rowOf(next.paper) ?? -1)
    }
    if (isFromAddress && isChanged('at')) {
      const [x, y, zoom] = next.at.split(',').map(Number)
      if (next.at !== '') this.#map.lookAt({ x, y, zoom })
      else if (!isChanged('topic', 'paper', 'compare')) this.#map.fit()
    }
  }

  get #choice(): Choice | undefined {
    return this.#topics.choices.get(this.#looked.topic)
  }

  // ---- a paper, or two -------------------------------------------------------------------------------------------

  #closePanel(): void {
    this.#openRow = -1
    this.#panel.hidden = true
    this.#app.classList.remove('with-paper', 'with-pair')
    this.#map.select(-1)
    this.#map.covered = { right: 0, bottom: 0 }
    this.#list.select(-1)
    if (this.#opener?.isConnected) this.#opener.focus()
    this.#opener = undefined
    document.title = this.#report.core.title
  }

  async #showPaper(row: number): Promise<void> {
    if (row < 0) {
      this.#closePanel()
      return
    }
    this.#openRow = row
    this.#showTip(-1, 0, 0)
    this.#list.select(row)
    const wanted = this.#report.paper(row)
    const early = await Promise.race([
      wanted.catch(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(resolve, patienceMs)),
    ])
    if (row !== this.#openRow) return
    this.#openPanel(row, early)
    if (early !== undefined) return
    const late = await wanted.catch(() => 'missing' as const)
    if (row === this.#openRow) this.#openPanel(row, late)
  }

  /** Shows a paper, of which not all may be at hand yet. */
  #openPanel(row: number, paper: FullPaper | 'missing' | undefined): void {
    const events = this.#panelEvents
    this.#panel.replaceChildren(...paperPanel(this.#report, row, { paper, state: this.#panelState(row), events }))
    this.#app.classList.remove('with-pair')
    this.#presentPanel(`${this.#report.core.titles[row]} – ${this.#report.core.title}`)
    const kin = typeof paper === 'object' ? paper.kin.map(([row]) => row) : []
    this.#map.select(row, kin)
    this.#cover()
    this.#map.follow(row, kin)
  }

  async #showPair(ids: readonly string[]): Promise<void> {
    const rows = ids.flatMap((id) => this.#report.rowOf(id) ?? [])
    if (rows.length !== 2) {
      this.#go({ compare: [] }, 'replace')
      return
    }
    this.#openRow = -1
    const pair = await Promise.all(
      rows.map(async (row) => ({ row, paper: await this.#report.paper(row).catch(() => 'missing' as const) })),
    )
    const similarity = await this.#meaning.similarity(rows[0]!, rows[1]!).catch(() => Number.NaN)
    if (this.#looked.compare !== ids) return
    const options = { similarity, state: this.#panelState(rows[0]!), events: this.#panelEvents }
    this.#panel.replaceChildren(...comparePanel(this.#report, pair, options))
    this.#app.classList.add('with-pair')
    this.#presentPanel(`Two papers – ${this.#report.core.title}`)
    this.#map.select(rows[0]!, [rows[1]!])
    this.#cover()
    this.#map.follow(rows[0]!, [rows[1]!])
  }

  #presentPanel(title: string): void {
    this.#panel.hidden = false
    this.#app.classList.add('with-paper')
    this.#panel.scrollTop = 0
    this.#panel.querySelector<HTMLElement>('h2')?.focus({ preventScroll: true })
    document.title = title
  }

  /** Where the panel lies over the map, only the rest of it can be seen. */
  #cover(): void {
    const frame = this.#map.canvas.getBoundingClientRect()
    const panel = this.#panel.getBoundingClientRect()
    const isBelow = panel.left <= frame.left
    this.#map.covered = {
      right: isBelow ? 0 : Math.max(0, frame.right - panel.left),
      bottom: isBelow ? Math.max(0, frame.bottom - panel.top) : 0,
    }
  }

  readonly #panelEvents: PanelEvents = {
    onClose: () => this.#go({ paper: '', compare: [] }),
    onPaper: (row) => this.#go({ paper: this.#report.core.ids[row]!, compare: [] }),
    onTopic: (position) => this.#go({ topic: String(this.#report.core.topics[position]!.id) }),
    onPoint: (row) => this.#map.hover(row),
    onMark: (row, mark) => this.#mark(row, mark),
    onPick: (row) => this.#pick([row], !this.#picked.has(row)),
    onLike: (row) => this.#go({ like: this.#idsOf([row]), words: '', topic: '' }),
    onCopy: (row, format) => void this.#give([row], format, 'copy'),
  }

  #panelState(row: number) {
    return { marks: this.#marks, isPicked: this.#picked.has(row), marked: (text: string) => this.#marked(text) }
  }

  // ---- marks and the selection -----------------------------------------------------------------------------------

  #idsOf(rows: readonly number[]): string[] {
    return rows.map((row) => this.#report.core.ids[row]!)
  }

  #mark(row: number, mark: Mark): void {
    const [id] = this.#idsOf([row])
    const isSet = !this.#marks.has(mark, id)
    this.#marks.set(mark, [id], isSet)
    const words = { starred: ['Starred', 'Not starred'], read: ['Read', 'Unread'], hidden: ['Hidden', 'Shown again'] }
    this.#say(`${words[mark][isSet ? 0 : 1]}: ${this.#report.core.titles[row]}`)
    if (mark === 'hidden' && isSet)
      this.#tell(
        'Hidden.',
        button({ class: 'act' }, () => this.#marks.set('hidden', [id], false), 'Undo'),
      )
  }

  #marksChanged(): void {
    const { ids } = this.#report.core
    // Of a paper that is hidden the list has to go.
    const isOther = ids.some((id, row) => this.#marks.has('hidden', id) !== (this.#hidden[row] === 1))
    this.#hidden = Uint8Array.from(ids, (id) => (this.#marks.has('hidden', id) ? 1 : 0))
    if (this.#listed !== '' && (isOther || this.#looked.marked !== '')) this.#filter()
    this.#refresh()
  }

  #hidden: Uint8Array = new Uint8Array()

  /** Shows marks and the selection wherever they stand. */
  #refresh(): void {
    const { ids } = this.#report.core
    this.#list.refresh()
    this.#selection.show(this.#picked.size)
    this.#map?.mark(
      ids.flatMap((id, row) => (this.#marks.has('starred', id) ? [row] : [])),
      this.#picked,
    )
    for (const pressed of this.#panel.querySelectorAll<HTMLElement>('[data-mark]')) {
      const mark = pressed.dataset.mark as Mark | 'picked'
      const isSet = mark === 'picked' ? this.#picked.has(this.#openRow) : this.#marks.has(mark, ids[this.#openRow]!)
      pressed.setAttribute('aria-pressed', String(isSet))
    }
  }

  #pick(rows: readonly number[], isPicked: boolean): void {
    for (const row of rows) {
      if (isPicked) this.#picked.add(row)
      else this.#picked.delete(row)
    }
    this.#refresh()
    this.#say(`${this.#picked.size.toLocaleString('en')} selected`)
  }

  #setLasso(isOn: boolean): void {
    this.#map.isDrawing = isOn
    this.#lasso.setAttribute('aria-pressed', String(isOn))
    if (isOn) this.#tell('Draw around the papers that you want to select.')
  }

  async #cited(row: number): Promise<Cited> {
    const { core } = this.#report
    const { abstract, authors, link } = await this.#report
      .paper(row)
      .catch(() => ({ abstract: '', authors: [], link: '' }))
    const categories = core.categoriesOf[row]!.map((position) => core.categories[position])
    return {
      id: core.ids[row]!,
      title: core.titles[row]!,
      abstract,
      authors,
      categories,
      published: core.dates[row]!,
      link,
    }
  }

  /** Copies or saves papers in a format. */
  async #give(rows: readonly number[], format: string, way: 'copy' | 'save'): Promise<void> {
    const papers: Cited[] = []
    for (const row of rows) papers.push(await this.#cited(row))
    const text =
      format === 'JSON'
        ? `${JSON.stringify(papers.map(record), null, 1)}\n`
        : citations(format as CitationFormat, papers)
    const what = `${count(rows.length, 'paper')} as ${format}`
    if (way === 'save') {
      saveText(`papers.${format === 'JSON' ? 'json' : endings[format as CitationFormat]}`, text)
      this.#tell(`Saved ${what}`)
    } else
      this.#tell((await copyText(text)) ? `Copied ${what}` : 'This browser does not let the page copy: save instead.')
  }

  async #saveStars(): Promise<void> {
    const { ids } = this.#report.core
    const starred: MarkedPaper[] = []
    for (const [row, id] of ids.entries())
      if (this.#marks.has('starred', id)) starred.push({ ...record(await this.#cited(row)), extra: { starred: true } })
    saveText('stars.json', this.#marks.file(ids, starred))
    this.#tell(`Saved ${count(starred.length, 'star')}: paperkin recommend FILE --like stars.json`)
  }

  async #readStars(file: File): Promise<void> {
    try {
      this.#tell(`${count(this.#marks.add(await file.text()), 'mark')} added`)
    } catch (error) {
      this.#tell((error as Error).message)
    }
  }

  // ---- what is listed --------------------------------------------------------------------------------------------

  /** Applies what was chosen and asked for to the map and to the list. */
  #filter(): void {
    const { core, rows } = this.#report
    const { from, to, marked } = this.#looked
    const topics = this.#choice?.topics
    const fits = (row: number) =>
      (topics === undefined || topics.has(core.topicOf[row]!)) &&
      (marked === 'hidden') === (this.#hidden[row] === 1) &&
      (marked !== 'starred' || this.#marks.has('starred', core.ids[row]!)) &&
      (marked !== 'unread' || !this.#marks.has('read', core.ids[row]!)) &&
      isWithin(core.dates[row]!, from, to)
    const shown = new Uint8Array(rows)
    const listed: number[] = []
    // What fits but for a facet is counted for each of its choices.
    this.#area.begin()
    this.#category.begin()
    const take = (row: number) => {
      if (!fits(row)) return
      const [inArea, inCategory] = [this.#area.has(row), this.#category.has(row)]
      if (inCategory) this.#area.count(row)
      if (inArea) this.#category.count(row)
      if (!inArea || !inCategory) return
      shown[row] = 1
      listed.push(row)
    }
    const asked = this.#likes ?? this.#answer?.rows
    if (asked === undefined) for (let row = 0; row < rows; row++) take(row)
    else for (const row of asked) take(row)
    this.#area.end()
    this.#category.end()
    this.#shown = shown
    // Those that others are like stay to be seen.
    if (this.#likes !== undefined) for (const id of this.#looked.like) shown[this.#report.rowOf(id) ?? rows] = 1
    this.#map.show(shown, topics)
    this.#showList(listed)
  }

  #showList(rows: readonly number[]): void {
    const { like, words, topic, area, category, from, to, marked, order } = this.#looked
    const isWhole = this.#answer?.isWhole ?? true
    const groups = this.#groups(rows)
    const isDated = this.#head.from.min !== this.#head.from.max
    this.#rows = groups.flatMap((group) => group.rows)
    const query = this.#answer?.query
    const noteOf = (row: number, rank: number) => {
      if (this.#answer?.byMeaning.has(row)) return ['close in meaning, without these words']
      if (query !== undefined && isWhole && rank < snippets) return this.#snippet(row)
      const date = isDated ? dateNote(this.#report, row) : ''
      return date === '' ? [] : [date]
    }
    const rankOf = new Map(query === undefined ? [] : this.#rows.slice(0, snippets).map((row, rank) => [row, rank]))
    this.#list.show(
      groups,
      (row) => this.#marked(this.#report.core.titles[row]!),
      (row) => noteOf(row, rankOf.get(row) ?? snippets),
    )
    if (this.#openRow >= 0) this.#list.select(this.#openRow)
    const heading = `${count(rows.length, 'paper')}${isWhole ? '' : ' so far'}`
    this.#showHead(heading, rows)
    const asked = JSON.stringify([words, like, topic, area, category, from, to, marked, order])
    // Another question: from its first answer on.
    if (asked !== this.#listed) this.#scroll.scrollTop = 0
    const isFirst = this.#listed === ''
    this.#listed = asked
    if (!isWhole || isFirst) return
    this.#say(heading)
    if (this.#answer !== undefined || this.#likes !== undefined) this.#map.gather(rows.slice(0, 200))
  }

  /** Papers in the order that is asked for. */
  #groups(rows: readonly number[]): PaperGroup[] {
    const { core } = this.#report
    const { order } = this.#looked
    const isRanked = this.#answer !== undefined || this.#likes !== undefined
    const taken = this.#orders.includes(order)
      ? order
      : isRanked
        ? 'best'
        : this.#choice === undefined
          ? 'topic'
          : 'typical'
    const sorted = [...rows]
    if (taken === 'newest')
      sorted.sort((a, b) => (core.dates[b]! < core.dates[a]! ? -1 : core.dates[b]! > core.dates[a]! ? 1 : a - b))
    if (taken === 'given') sorted.sort((a, b) => a - b)
    if (taken === 'typical') {
      const typical = new Set(core.topics.flatMap(({ representatives }) => representatives))
      sorted.sort((a, b) => Number(typical.has(b)) - Number(typical.has(a)) || a - b)
    }
    if (taken !== 'topic') return sorted.length === 0 ? [] : [{ rows: sorted }]
    const byTopic = new Map<number, number[]>([...this.#topics.order, -1].map((topic) => [topic, []]))
    for (const row of sorted) byTopic.get(core.topicOf[row]!)?.push(row)
    return [...byTopic].flatMap(([topic, own]): PaperGroup[] => {
      if (own.length === 0) return []
      const { label, colour } = core.topics[topic] ?? { label: 'In no topic', colour: undefined }
      const dot = element('span', { class: `dot ${colour === undefined ? 'apart' : `colour-${colour}`}` })
      const size = element('span', { class: 'size' }, own.length.toLocaleString('en'))
      return [{ heading: element('h3', {}, dot, element('span', {}, label), size), rows: own }]
    })
  }

  get #orders(): readonly string[] {
    const isRanked = this.#answer !== undefined || this.#likes !== undefined
    const isDated = this.#head.from.min !== this.#head.from.max
    return [...(isRanked ? ['best'] : []), 'topic', ...(isDated ? ['newest'] : []), 'given']
  }

  /** What stands above the list: how many, of what, in which order. */
  #showHead(heading: string, rows: readonly number[]): void {
    const { like, words } = this.#looked
    const chip = (label: string, what: string, act: () => void) =>
      button({ class: 'chip', 'aria-label': what }, act, element('span', {}, label), cross())
    const chips: HTMLElement[] = []
    const choice = this.#choice
    if (choice !== undefined)
      chips.push(
        chip(`in ${choice.label}`, `Only in ${choice.label}: show all topics instead`, () => this.#go({ topic: '' })),
      )
    if (this.#likes !== undefined) {
      const [first] = like.flatMap((id) => this.#report.rowOf(id) ?? [])
      const name = like.length === 1 ? this.#report.core.titles[first] : count(like.length, 'paper')
      chips.push(
        chip(`like ${name}`, `Only what is like ${name}: show all papers instead`, () => this.#go({ like: [] })),
      )
    }
    const names: Readonly<Record<string, string>> = {
      best: 'Best first',
      topic: 'By topic',
      newest: 'Newest first',
      given: 'As given',
    }
    const { order } = this.#looked
    const orders = this.#orders
    const isDefault = !orders.includes(order)
    const first = this.#choice !== undefined && orders[0] === 'topic' ? ['typical'] : []
    this.#order.replaceChildren(
      ...[...first, ...orders].map((name) => element('option', { value: name }, names[name] ?? 'Typical first')),
    )
    this.#order.value = isDefault ? (first[0]! ?? orders[0]!) : order
    const all = button(
      { class: 'quiet' },
      () => this.#pick(this.#rows, true),
      `Select ${rows.length === 1 ? 'it' : `all ${rows.length.toLocaleString('en')}`}`,
    )
    const notes = (this.#answer?.query.asked ?? []).flatMap(({ word, instead, terms }) =>
      instead !== undefined
        ? [`“${word}” is not here: “${instead}” is shown.`]
        : terms.size === 0 && this.#answer?.isWhole
          ? [`“${word}” is not here.`]
          : [],
    )
    if (rows.length === 0 && (this.#answer?.isWhole ?? true))
      notes.push(words === '' ? 'No paper is all of this.' : 'Nothing in titles, authors and abstracts is like it.')
    this.#listHead.replaceChildren(
      element('h2', {}, heading),
      this.#order,
      ...(rows.length > 0 ? [all] : []),
      ...chips,
      ...notes.map((note) => element('p', { class: 'note' }, note)),
    )
  }

  /** A text with what was searched for marked. */
  #marked(text: string): (Node | string)[] {
    const query = this.#answer?.query
    if (query === undefined) return [text]
    return this.#search.marked(text, query).map(({ text, isHit }) => (isHit ? element('mark', {}, text) : text))
  }

  /** The part of an abstract that has most of what was searched for, where the title does not say it all. */
  #snippet(row: number): (Node | string)[] {
    const query = this.#answer?.query
    const known = this.#report.known(row)
    if (query === undefined || known === undefined) return []
    const isHit = (text: string) => this.#search.marked(text, query).filter(({ isHit }) => isHit)
    if (isHit(this.#report.core.titles[row]!).length >= query.asked.length) return []
    let best = ''
    let most = 0
    for (const sentence of [known.authors.join(', '), ...known.abstract.split(/(?<=[.!?])\s+/u)]) {
      const hits = new Set(isHit(sentence).map(({ text }) => text.toLowerCase())).size
      if (hits <= most) continue
      best = sentence
      most = hits
    }
    if (best.length > 160) {
      const at = Math.max(0, best.indexOf(isHit(best)[0]?.text ?? '') - 50)
      best = `${at > 0 ? '… ' : ''}${best.slice(at, at + 150).trim()} …`
    }
    return this.#marked(best)
  }

  // ---- the parts -------------------------------------------------------------------------------------------------

  #topicsColumn(): HTMLElement {
    const foldAll = button(
      { class: 'quiet' },
      () => {
        const isOpen = foldAll.textContent !== 'Fold all'
        this.#topics.foldAll(isOpen)
        foldAll.textContent = isOpen ? 'Fold all' : 'Unfold all'
      },
      'Fold all',
    )
    return element(
      'nav',
      { class: 'side', 'aria-label': 'Topics' },
      ...newsSection(this.#report, {
        onPaper: (row) => this.#go({ paper: this.#report.core.ids[row]!, compare: [] }),
        onPoint: (row) => this.#map.hover(row),
      }),
      element('div', { class: 'side-head' }, element('h2', {}, 'Topics'), ...(this.#topics.hasGroups ? [foldAll] : [])),
      this.#topics.element,
    )
  }

  /** Where there is no room for both, either the papers or the topics are listed. */
  #sides(): HTMLElement {
    const side = (name: 'papers' | 'topics', label: string) =>
      button(
        { 'aria-pressed': String(name === 'papers') },
        () => {
          this.#app.dataset.side = name
          for (const other of made.children) other.setAttribute('aria-pressed', String(other === own[name]))
        },
        label,
      )
    const own = { papers: side('papers', 'Papers'), topics: side('topics', 'Topics') }
    const made = element('nav', { class: 'sides', 'aria-label': 'What is listed' }, own.papers, own.topics)
    return made
  }

  /** Takes a theme, or that of the system and its changes. */
  #setTheme(theme: Theme | undefined): void {
    const system = matchMedia('(prefers-color-scheme: dark)')
    system.onchange = theme === undefined ? () => this.#setTheme(undefined) : null
    const taken = theme ?? (system.matches ? 'dark' : 'light')
    const { style, dataset } = document.documentElement
    dataset.theme = taken
    setColours(style, taken)
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
    return topics[topicOf[row]!]?.label ?? 'In no topic'
  }

  #say(text: string): void {
    this.#said.textContent = text
  }

  /** Says something that is also to be seen for a while. */
  #tell(text: string, ...more: readonly Node[]): void {
    this.#notice.hidden = false
    this.#notice.replaceChildren(element('span', {}, text), ...more)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#notice.hidden = true
    }, noticeMs)
  }

  // ---- words and keys --------------------------------------------------------------------------------------------

  #listenToHead(): void {
    const { words, marked, from, to } = this.#head
    words.addEventListener('input', () => {
      const text = words.value.trim()
      // The first letter is a step to go back from, further ones are not.
      this.#go({ words: text, like: [] }, (text === '') === (this.#looked.words === '') ? 'replace' : 'push')
    })
    words.addEventListener('focus', () => void this.#search.prepare(), { once: true })
    words.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' && event.key !== 'Enter') return
      event.preventDefault()
      this.#list.focus()
    })
    marked.addEventListener('change', () => this.#go({ marked: marked.value as Looked['marked'] }))
    from.addEventListener('change', () => this.#go({ from: from.value }))
    to.addEventListener('change', () => this.#go({ to: to.value }))
    this.#order.addEventListener('change', () => this.#go({ order: this.#order.value }, 'replace'))
  }

  #ask(text: string): void {
    if (text === '') {
      this.#search.stop()
      this.#answer = undefined
      this.#scroll.ariaBusy = 'false'
      return
    }
    this.#scroll.ariaBusy = 'true'
    void answer(text, {
      search: this.#search,
      meaning: this.#meaning,
      onAnswer: (found) => {
        if (this.#looked.words !== text) return
        this.#answer = found
        this.#filter()
        this.#scroll.ariaBusy = String(found?.isWhole === false)
      },
    })
  }

  async #askLike(ids: readonly string[]): Promise<void> {
    this.#likes = undefined
    const rows = ids.flatMap((id) => this.#report.rowOf(id) ?? [])
    if (rows.length === 0) return
    const [row] = rows
    const exact = rows.length === 1 ? await this.#report.paper(row).catch(() => undefined) : undefined
    const likes = await this.#meaning.like(rows, likesShown).catch(() => [])
    if (this.#looked.like !== ids) return
    // The library's own list, where there is one, comes first.
    this.#likes = [...new Set([...(exact?.kin ?? []).map(([kin]) => kin), ...likes.map(({ row }) => row)])]
    this.#filter()
  }

  #key(event: KeyboardEvent): void {
    const { target } = event
    const isTyping =
      (target instanceof HTMLInputElement && target.type !== 'checkbox') || target instanceof HTMLSelectElement
    if (event.key === 'Escape') {
      if (this.#keys.open) return
      if (target === this.#head.words && this.#head.words.value !== '') this.#go({ words: '' })
      else if (this.#map.isDrawing) this.#setLasso(false)
      else if (this.#looked.paper !== '' || this.#looked.compare.length > 0) this.#go({ paper: '', compare: [] })
      else if (this.#looked.like.length > 0) this.#go({ like: [] })
      else if (this.#looked.topic !== '') this.#go({ topic: '' })
      else if (this.#picked.size > 0) this.#pick([...this.#picked], false)
      else return
      event.preventDefault()
      return
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === '/') {
      event.preventDefault()
      this.#head.words.focus()
      return
    }
    const row = this.#atHand(target)
    if (row < 0) return
    const acts: Readonly<Record<string, (() => void) | undefined>> = {
      s: () => this.#mark(row, 'starred'),
      r: () => this.#mark(row, 'read'),
      h: () => this.#mark(row, 'hidden'),
      x: () => this.#pick([row], !this.#picked.has(row)),
      m: () => this.#go({ like: this.#idsOf([row]), words: '', topic: '' }),
      c: () => void this.#give([row], 'BibTeX', 'copy'),
    }
    const act = acts[event.key]
    if (act === undefined) return
    event.preventDefault()
    act()
  }

  /** The paper that a key is meant for, or -1: of the list, of the map, or the open one. */
  #atHand(target: EventTarget | null): number {
    if (this.#list.focused >= 0) return this.#list.focused
    if (target === this.#map.canvas && this.#map.hovered >= 0) return this.#map.hovered
    return target instanceof Node && (this.#panel.contains(target) || target === this.#map.canvas) ? this.#openRow : -1
  }

  #print(): void {
    document.querySelector('.printed')?.remove()
    const rows = [...this.#shown.keys()].filter((row) => this.#shown[row] === 1)
    const printed = printedList(this.#report, rows, { order: this.#topics.order, picture: this.#map.picture() })
    setColours(printed.style, 'light')
    document.body.append(printed)
  }
}

/** A paper as paperkin reads it. */
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

function setColours(style: CSSStyleDeclaration, theme: Theme): void {
  const { topics, apart } = themes[theme]
  topics.forEach((colour, position) => {
    style.setProperty(`--topic-${position}`, colour)
  })
  style.setProperty('--apart', apart)
}

/** Whether a date, which may name a month or a year only, lies within days of which either may be open (empty). */
function isWithin(date: string, from: string, to: string): boolean {
  if (from === '' && to === '') return true
  if (date === '') return false
  const day = date.slice(0, 10)
  return (from === '' || day >= from.slice(0, day.length)) && (to === '' || day <= to.slice(0, day.length))
}

void open()
