import './page.css'
import { count } from '../wording.ts'
import { type Change, type Looked, Navigation, placeOf, placeText } from './address.ts'
import { PaperExport } from './copy-and-save.ts'
import { button, element, followTheme, setColours } from './dom.ts'
import { areaFacet, categoryFacet, type Facet, filtered } from './facets.ts'
import {
  fillApp,
  type Head,
  head,
  mapButtons,
  mapCanvas,
  notices,
  type SelectionBar,
  selectionBar,
  tip,
} from './frame.ts'
import { keysDialog, listenToKeys } from './keys.ts'
import { connected, likeInLibrary, withLibrary } from './live.ts'
import { type MapEvents, PaperMap } from './map.ts'
import { type Mark, Marks } from './marks.ts'
import { Meaning } from './meaning.ts'
import { newsSection } from './news.ts'
import { OpenPaper } from './open-paper.ts'
import type { PanelEvents } from './paper-panel.ts'
import { printedList } from './printed-list.ts'
import { Questions } from './questions.ts'
import { Report } from './report.ts'
import { ResultList } from './result-list.ts'
import { PaperSearch } from './search.ts'
import { type Choice, TopicList } from './topic-list.ts'

/** Delay after the page was read before the search index is prepared. */
const idleMs = 300

async function open(): Promise<void> {
  try {
    new Page(await connected(await Report.open()))
  } catch (error) {
    const opening = document.getElementById('opening')
    if (opening !== null) opening.textContent = 'This file is incomplete and cannot be opened.'
    throw error
  }
}

/** The page: what the reader looks at is kept in the address, and all parts follow it. */
class Page {
  readonly #report: Report
  readonly #search: PaperSearch
  readonly #questions: Questions
  readonly #marks: Marks
  readonly #export: PaperExport
  readonly #map: PaperMap
  readonly #topics: TopicList
  readonly #results: ResultList
  readonly #open: OpenPaper
  readonly #head: Head
  readonly #facets: { readonly area: Facet; readonly category: Facet }
  readonly #selection: SelectionBar
  readonly #lasso: HTMLButtonElement
  readonly #navigation = new Navigation((change) => this.#follow(change))
  readonly #picked = new Set<number>()
  readonly #app = element('div', { class: 'app', 'data-side': 'papers' })
  readonly #tip = tip()
  readonly #notices = notices()
  readonly #keys = keysDialog()
  /** The listed papers. */
  #listed: readonly number[] = []
  /** 1 for the papers in colour on the map. */
  #shown = new Uint8Array()
  /** Ids of the hidden papers when they were last listed. */
  #hidden = ''

  constructor(report: Report) {
    this.#report = report
    this.#search = new PaperSearch(report)
    const meaning = new Meaning(report, this.#search)
    this.#questions = new Questions(
      report,
      { search: this.#search, meaning, library: { answer: withLibrary, like: likeInLibrary } },
      () => this.#list(),
    )
    this.#marks = new Marks(
      () => this.#marksChanged(),
      (reason) => this.#notices.show(reason),
    )
    this.#export = new PaperExport(report, this.#marks, (text) => this.#notices.show(text))
    this.#facets = {
      area: areaFacet(report.core, (area) => this.#go({ area })),
      category: categoryFacet(report.core, (category) => this.#go({ category })),
    }
    this.#topics = new TopicList(report, { onChoose: (choice) => this.#go({ topic: choice?.name ?? '' }) })
    this.#head = head(report, this.#facets, {
      go: (to, step) => this.#go(to, step),
      prepare: () => void this.#search.prepare(),
      toResults: () => this.#results.list.focus(),
      theme: () => switchTheme(),
      saveStars: () => void this.#export.saveMarks(),
      readStars: (file) => void this.#export.readMarks(file),
      keys: () => this.#keys.showModal(),
    })
    this.#selection = selectionBar({
      copy: (format) => void this.#export.copy([...this.#picked], format),
      save: (format) => void this.#export.save([...this.#picked], format),
      star: () => this.#marks.set('starred', this.#idsOf(this.#picked), true),
      like: () => this.#likeThese(this.#picked),
      compare: () => this.#go({ compare: this.#idsOf(this.#picked) }),
      clear: () => this.#pick([...this.#picked], false),
    })
    const shared = { marks: this.#marks, picked: this.#picked }
    this.#results = new ResultList(
      report,
      {
        ...shared,
        search: this.#search,
        selection: this.#selection,
        topicOrder: this.#topics.order,
        isDated: this.#head.isDated,
      },
      {
        onOpen: (row) => this.#openPaper(row),
        onPoint: (row) => this.#map.hover(row),
        onPick: (rows, isPicked) => this.#pick(rows, isPicked),
        onStar: (row) => this.#mark(row, 'starred'),
        onGo: (to, step) => this.#go(to, step),
      },
    )
    const canvas = mapCanvas(report.rows)
    const buttons = mapButtons({
      zoom: (factor) => this.#map.zoom(factor),
      fit: () => {
        this.#map.fit()
        this.#go({ at: '' }, 'replace')
      },
      lasso: () => this.#setLasso(!this.#map.isDrawing),
    })
    this.#lasso = buttons.lasso
    const news = newsSection(report, {
      onPaper: (row) => this.#openPaper(row),
      onPoint: (row) => this.#map.hover(row),
    })
    const tabs = fillApp(this.#app, {
      head: this.#head.element,
      results: this.#results.element,
      canvas,
      overMap: [this.#tip.element, buttons.element],
      side: [...news, this.#topics.heading(), this.#topics.element],
      overAll: [...this.#notices.elements, this.#keys],
    })
    document.getElementById('opening')?.remove()
    document.body.append(this.#app)
    this.#map = new PaperMap(canvas, report.core, this.#mapEvents, [buttons.element])
    this.#open = new OpenPaper(
      report,
      { ...shared, app: this.#app, map: this.#map, results: this.#results, meaning },
      this.#panelEvents,
    )
    tabs.after(this.#open.element)
    const switchTheme = followTheme((theme) => {
      this.#map.theme = theme
    })
    this.#listenToKeys()
    window.addEventListener('beforeprint', () => this.#print())
    this.#marksChanged()
    this.#navigation.open()
    // Blocks are read ahead for printing and the first search; a missing one is reported where it is needed.
    if (report.isSmall) {
      for (let block = 0; block < report.blocks; block++) report.texts(block).catch(() => undefined)
      meaning.prepare()
    }
    const prepare = () => setTimeout(() => void this.#search.prepare({ isIdle: !report.isSmall }), idleMs)
    // The browser reads the rest of the page first.
    if (document.readyState === 'complete') prepare()
    else window.addEventListener('load', prepare)
    document.documentElement.dataset.ready = ''
  }

  // ---- the address -----------------------------------------------------------------------------------------------

  /** Brings all parts of the page into a state. */
  #follow({ before, next, isChanged, isFromAddress }: Change): void {
    if (!isFromAddress && before.paper === '' && next.paper !== '') this.#open.rememberFocus()
    const isPanelChanged = isChanged('paper', 'compare')
    // The panel closes first: a topic is then shown on the whole map.
    if (isPanelChanged && next.paper === '' && next.compare.length < 2) this.#open.close()
    if (isChanged('topic')) this.#topics.mark(next.topic)
    this.#head.show(next)
    if (isChanged('words')) this.#questions.ask(next.words)
    this.#results.isBusy = this.#questions.isBusy
    if (isChanged('like')) void this.#questions.like(next.like)
    // Answers are listed when they are known; everything else at once.
    const isKnown =
      isChanged('topic', 'area', 'category', 'from', 'to', 'marked', 'order') ||
      (isChanged('words') && next.words === '') ||
      (isChanged('like') && next.like.length === 0)
    if (isKnown || !this.#results.isShown) this.#list()
    if (isChanged('topic')) {
      if (this.#choice === undefined) this.#map.fit()
      else this.#map.reveal(this.#listed)
    }
    if (isPanelChanged && next.compare.length === 2) {
      if (!this.#open.showPair(next.compare)) this.#go({ compare: [] }, 'replace')
    } else if (isPanelChanged && next.paper !== '') {
      this.#tip.hide()
      void this.#open.show(next.paper)
    }
    if (isFromAddress && isChanged('at')) {
      const at = placeOf(next.at)
      if (at !== undefined) this.#map.lookAt(at)
      else if (!isChanged('topic', 'paper', 'compare')) this.#map.fit()
    }
  }

  #go(to: Partial<Looked>, step?: 'push' | 'replace'): void {
    this.#navigation.go(to, step)
  }

  get #choice(): Choice | undefined {
    return this.#topics.choices.get(this.#navigation.looked.topic)
  }

  #openPaper(row: number): void {
    this.#go({ paper: this.#report.core.ids[row]!, compare: [] })
  }

  #likeThese(rows: Iterable<number>): void {
    this.#go({ like: this.#idsOf(rows), words: '', topic: '' })
  }

  // ---- what is listed --------------------------------------------------------------------------------------------

  /** Lists the papers that pass all filters, and shows them on the map. */
  #list(): void {
    const { core, rows } = this.#report
    const { answer, likes } = this.#questions
    const topics = this.#choice?.topics
    const passed = filtered(core, likes ?? answer?.rows ?? core.ids.keys(), {
      looked: this.#navigation.looked,
      topics,
      marks: this.#marks,
      ...this.#facets,
    })
    const shown = new Uint8Array(rows)
    for (const row of passed) shown[row] = 1
    // The papers that others are like stay visible.
    if (likes !== undefined) for (const id of this.#navigation.looked.like) shown[this.#report.rowOf(id) ?? rows] = 1
    this.#listed = passed
    this.#shown = shown
    this.#map.show(shown, topics)
    const isFirst = !this.#results.isShown
    const heading = this.#results.show({
      looked: this.#navigation.looked,
      rows: passed,
      answer,
      likes,
      choice: this.#choice,
      open: this.#open.row,
    })
    this.#results.isBusy = this.#questions.isBusy
    if (isFirst || answer?.isWhole === false) return
    this.#notices.say(heading)
    if (answer !== undefined || likes !== undefined) this.#map.gather(passed.slice(0, 200))
  }

  // ---- marks and the selection -----------------------------------------------------------------------------------

  #idsOf(rows: Iterable<number>): string[] {
    return [...rows].map((row) => this.#report.core.ids[row]!)
  }

  #mark(row: number, mark: Mark): void {
    const id = this.#report.core.ids[row]!
    const isSet = !this.#marks.has(mark, id)
    this.#marks.set(mark, [id], isSet)
    const words = { starred: ['Starred', 'Not starred'], read: ['Read', 'Unread'], hidden: ['Hidden', 'Shown again'] }
    this.#notices.say(`${words[mark][isSet ? 0 : 1]}: ${this.#report.core.titles[row]}`)
    if (mark === 'hidden' && isSet)
      this.#notices.show(
        'Hidden.',
        button({ class: 'act' }, () => this.#marks.set('hidden', [id], false), 'Undo'),
      )
  }

  #marksChanged(): void {
    const hidden = this.#report.core.ids.filter((id) => this.#marks.has('hidden', id)).join('\n')
    if (this.#results.isShown && (hidden !== this.#hidden || this.#navigation.looked.marked !== '')) this.#list()
    this.#hidden = hidden
    this.#refresh()
  }

  /** Shows marks and the selection in all parts. */
  #refresh(): void {
    const { ids } = this.#report.core
    this.#results.list.refresh()
    this.#selection.show(this.#picked.size)
    this.#map.mark(
      ids.flatMap((id, row) => (this.#marks.has('starred', id) ? [row] : [])),
      this.#picked,
    )
    this.#open.refresh()
  }

  #pick(rows: readonly number[], isPicked: boolean): void {
    for (const row of rows) {
      if (isPicked) this.#picked.add(row)
      else this.#picked.delete(row)
    }
    this.#refresh()
    this.#notices.say(`${this.#picked.size.toLocaleString('en')} selected`)
  }

  #setLasso(isOn: boolean): void {
    this.#map.isDrawing = isOn
    this.#lasso.setAttribute('aria-pressed', String(isOn))
    if (isOn) this.#notices.show('Draw around the papers that you want to select.')
  }

  // ---- what the parts report -------------------------------------------------------------------------------------

  readonly #mapEvents: MapEvents = {
    onHover: (row, x, y) => {
      if (row < 0) this.#tip.hide()
      else this.#tip.show(this.#report.core.titles[row]!, this.#topicName(row), { x, y })
      this.#results.list.point(row)
    },
    onPick: (row) => this.#openPaper(row),
    onPickTopic: (position) => this.#goToTopic(position),
    onStep: (row) => {
      this.#results.list.point(row)
      this.#notices.say(`${this.#report.core.titles[row]}. ${this.#topicName(row)}. Enter opens it.`)
    },
    onMoved: (at) => this.#go({ at: placeText(at) }, 'replace'),
    onLasso: (rows) => {
      this.#setLasso(false)
      this.#pick(rows, true)
      this.#notices.show(`${count(rows.length, 'paper')} inside`)
    },
  }

  readonly #panelEvents: PanelEvents = {
    onClose: () => this.#go({ paper: '', compare: [] }),
    onPaper: (row) => this.#openPaper(row),
    onTopic: (position) => this.#goToTopic(position),
    onPoint: (row) => this.#map.hover(row),
    onMark: (row, mark) => this.#mark(row, mark),
    onPick: (row) => this.#pick([row], !this.#picked.has(row)),
    onLike: (row) => this.#likeThese([row]),
    onCopy: (row, format) => void this.#export.copy([row], format),
  }

  #goToTopic(position: number): void {
    this.#go({ topic: String(this.#report.core.topics[position]!.id) })
  }

  #topicName(row: number): string {
    const { topicOf, topics } = this.#report.core
    return topics[topicOf[row]!]?.label ?? 'In no topic'
  }

  // ---- keys and print --------------------------------------------------------------------------------------------

  #listenToKeys(): void {
    listenToKeys({
      stepBack: (target) => this.#stepBack(target),
      search: () => this.#head.words.focus(),
      paper: (target) => this.#currentPaper(target),
      letters: {
        s: (row) => this.#mark(row, 'starred'),
        r: (row) => this.#mark(row, 'read'),
        h: (row) => this.#mark(row, 'hidden'),
        x: (row) => this.#pick([row], !this.#picked.has(row)),
        m: (row) => this.#likeThese([row]),
        c: (row) => void this.#export.copy([row], 'BibTeX'),
      },
    })
  }

  /** Undoes the innermost thing; returns whether there was one. */
  #stepBack(target: EventTarget | null): boolean {
    if (this.#keys.open) return false
    const { paper, compare, like, topic } = this.#navigation.looked
    if (target === this.#head.words && this.#head.words.value !== '') this.#go({ words: '' })
    else if (this.#map.isDrawing) this.#setLasso(false)
    else if (paper !== '' || compare.length > 0) this.#go({ paper: '', compare: [] })
    else if (like.length > 0) this.#go({ like: [] })
    else if (topic !== '') this.#go({ topic: '' })
    else if (this.#picked.size > 0) this.#pick([...this.#picked], false)
    else return false
    return true
  }

  /** The paper that a key acts on, or -1: focused in the list, highlighted on the map, or open. */
  #currentPaper(target: EventTarget | null): number {
    const { list } = this.#results
    if (list.focused >= 0) return list.focused
    const isOnMap = target === this.#map.canvas
    if (isOnMap && this.#map.hovered >= 0) return this.#map.hovered
    return isOnMap || (target instanceof Node && this.#open.element.contains(target)) ? this.#open.row : -1
  }

  #print(): void {
    document.querySelector('.printed')?.remove()
    const picture = this.#map.picture()
    const rows = [...this.#shown.keys()].filter((row) => this.#shown[row] === 1)
    const printed = printedList(this.#report, rows, { order: this.#topics.order, picture })
    setColours(printed.style, 'light')
    document.body.append(printed)
  }
}

void open()
